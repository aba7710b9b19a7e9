/* SPDX-License-Identifier: Apache-2.0
 * Chains of elementwise operators behind a producer: which nodes join, and running them over a tile. */
#include "epilogue.h"

enum { PIECE_FLOATS = 4096, CHUNK_FLOATS = 49152 };

static bool is_f32(const edge_tensor *t) {
  return t->dtype == EDGE_DTYPE_F32 && t->encoding == EDGE_ENCODING_NATIVE;
}

static bool same_shape(const edge_tensor *a, const edge_tensor *b) {
  if (a->rank != b->rank) return false;
  for (int32_t i = 0; i < a->rank; ++i) {
    if (a->dims[i] != b->dims[i]) return false;
  }
  return true;
}

static bool kind_of(const edge_tensor *other, const edge_tensor *y, eb_cpu_other *out) {
  const uint64_t n = eb_cpu_elements(other);
  if (!is_f32(other) || other->rank > y->rank) return false;
  if (same_shape(other, y)) {
    *out = EB_CPU_OTHER_FULL;
    return true;
  }
  *out = n == 1 ? EB_CPU_OTHER_SCALAR : EB_CPU_OTHER_CHANNEL;
  return n == 1 || (other->rank > 0 && other->dims[other->rank - 1] == y->dims[y->rank - 1] &&
                    n == (uint64_t)y->dims[y->rank - 1]);
}

static void push_unary(eb_cpu_chain *c, const eb_cpu_unary *u) {
  c->post.op[c->post.num++] = (eb_cpu_post_op) { .unary = u->fn, .p0 = u->p0, .p1 = u->p1 };
}

/* one more node; false: the chain ends here */
static bool extend(const eb_cpu_plan *plan, eb_cpu_chain *c) {
  const uint32_t next = eb_cpu_only_consumer(plan, c->y);
  if (next == EDGE_NO_VALUE || c->post.num >= EB_CPU_MAX_POST) return false;
  const uint32_t out = eb_cpu_output(plan, next, 0);
  const edge_tensor *const ty = eb_cpu_tensor(plan, c->y), *const to = eb_cpu_tensor(plan, out);
  eb_cpu_unary unary;
  eb_cpu_binary binary;
  if (!is_f32(to) || !same_shape(ty, to)) return false;
  if (eb_cpu_input(plan, next, 0) == c->y && eb_cpu_unary_of(plan, next, &unary)) {
    push_unary(c, &unary);
  } else if (eb_cpu_binary_of(plan, next, &binary)) {
    eb_cpu_post_op op = { .binary = binary.fn, .p0 = binary.lo, .p1 = binary.hi };
    const uint32_t a = eb_cpu_input(plan, next, 0), b = eb_cpu_input(plan, next, 1), other = a == c->y ? b : a;
    op.other_first = a != c->y;
    if (!eb_cpu_available(plan, other) || !kind_of(eb_cpu_tensor(plan, other), ty, &op.kind)) return false;
    c->other[c->post.num] = other;
    c->post.op[c->post.num++] = op;
  } else {
    return false;
  }
  c->nodes[c->num_nodes++] = next;
  c->y = out;
  return true;
}

void eb_cpu_chain_of(const eb_cpu_plan *plan, uint32_t y, const eb_cpu_unary *first, eb_cpu_chain *out) {
  *out = (eb_cpu_chain) { .y = y };
  if (first && first->fn) push_unary(out, first);
  if (!is_f32(eb_cpu_tensor(plan, y))) return;
  while (extend(plan, out)) {
  }
}

void eb_cpu_chain_bind(eb_cpu_plan *plan, const eb_cpu_chain *chain, eb_cpu_post *post) {
  *post = chain->post;
  for (uint32_t i = 0; i < post->num; ++i) {
    if (post->op[i].binary) eb_cpu_slot(plan, &post->op[i].other, eb_cpu_value(plan, chain->other[i]));
  }
  for (uint32_t i = 0; i < chain->num_nodes; ++i) eb_cpu_take(plan, chain->nodes[i]);
}

size_t eb_cpu_post_rows(const eb_cpu_chain *chain, size_t m, size_t unit, size_t ld) {
  if (chain->post.num == 0 || unit == 0 || ld == 0) return m ? m : 1;
  const size_t units = CHUNK_FLOATS / ld / unit;
  return units ? units * unit : unit;
}

static void run_op(const eb_cpu_post_op *op, float *y, size_t at, size_t n, size_t ld, size_t rows, size_t c0) {
  if (op->unary) {
    op->unary(n * rows, y + at, y + at, op->p0, op->p1);
    return;
  }
  const size_t step = op->kind != EB_CPU_OTHER_SCALAR;
  size_t pieces = 1;
  if (op->kind == EB_CPU_OTHER_CHANNEL) {
    pieces = rows;
  } else {
    n *= rows;
  }
  for (size_t r = 0; r < pieces; ++r, at += ld) {
    const float *const other = op->other + (op->kind == EB_CPU_OTHER_FULL ? at : step ? c0 : 0);
    if (op->other_first) {
      op->binary(n, other, step, y + at, 1, y + at, op->p0, op->p1);
    } else {
      op->binary(n, y + at, 1, other, step, y + at, op->p0, op->p1);
    }
  }
}

void eb_cpu_post_run(const eb_cpu_post *post, float *y, size_t ld, size_t r0, size_t r1, size_t c0, size_t c1) {
  if (post->num == 0 || c1 <= c0) return;
  const bool whole = c1 - c0 == ld;
  size_t step = whole ? PIECE_FLOATS / ld : 1;
  if (step == 0) step = 1;
  for (size_t r = r0; r < r1; r += step) {
    const size_t rows = r1 - r < step ? r1 - r : step;
    for (uint32_t i = 0; i < post->num; ++i) run_op(&post->op[i], y, r * ld + c0, c1 - c0, ld, rows, c0);
  }
}
