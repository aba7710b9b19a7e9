/* SPDX-License-Identifier: Apache-2.0
 * Finds what may follow an 8-bit product inside its step. Results stay those of the separate operators: the product is
 * rounded and clamped to its own type first. */
#include "qpost.h"

#include <math.h>

static uint32_t flip_of(const eb_cpu_q *q) {
  return q->is_signed ? 0x80808080u : 0u;
}
static int32_t unsigned_zero(const eb_cpu_q *q) {
  return q->zero + (q->is_signed ? 128 : 0);
}

bool eb_cpu_q_add_args(const eb_cpu_plan *plan, uint32_t node, const edge_tensor *a, const edge_tensor *b,
                       ek_qelt_args *out) {
  const edge_tensor *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  eb_cpu_q qa, qb, qy;
  int32_t lo, hi;
  if (!eb_cpu_q8(a, &qa) || !eb_cpu_q8(b, &qb) || !eb_cpu_q8(y, &qy)) return false;
  if (!eb_cpu_q_clamp(plan, node, &qy, &lo, &hi)) return false;
  const float ra = qa.scale / qy.scale, rb = qb.scale / qy.scale;
  if (!(ra < 1e6f) || !(rb < 1e6f)) return false;
  *out = (ek_qelt_args) { flip_of(&qa), flip_of(&qb), unsigned_zero(&qa), unsigned_zero(&qb), ra, rb, qy.zero,
                          lo,           hi,           qy.is_signed };
  return true;
}

static bool same_shape(const edge_tensor *a, const edge_tensor *b) {
  if (a->rank != b->rank) return false;
  for (int32_t i = 0; i < a->rank; ++i) {
    if (a->dims[i] != b->dims[i]) return false;
  }
  return true;
}

/* x * f(x): both readers of x go into one table */
static bool gate(eb_cpu_plan *plan, uint32_t x, eb_cpu_q_post *out) {
  const edge_host_api *const host = eb_cpu_host(plan);
  const uint32_t mul = eb_cpu_later_of_two(plan, x);
  if (mul == EDGE_NO_VALUE || !eb_cpu_is_op(plan, mul, "Mul")) return false;
  const uint32_t left = eb_cpu_input(plan, mul, 0), right = eb_cpu_input(plan, mul, 1);
  const uint32_t f = left == x ? right : left, node = eb_cpu_producer(plan, f);
  if (f == x || node == EDGE_NO_VALUE || eb_cpu_input(plan, node, 0) != x) return false;
  uint8_t bytes[256], mapped[256];
  const uint32_t y = eb_cpu_output(plan, mul, 0);
  eb_cpu_q q;
  if (eb_cpu_only_consumer(plan, f) != mul || !eb_cpu_q_table(plan, node, mapped)) return false;
  if (!eb_cpu_q8(eb_cpu_tensor(plan, y), &q) || !same_shape(eb_cpu_tensor(plan, y), eb_cpu_tensor(plan, x)))
    return false;
  const edge_node *const n = eb_cpu_node(plan, mul);
  if (host->ref_scratch_bytes(eb_cpu_partition(plan), n) != 0) return false;
  edge_tensor t[3] = { *eb_cpu_tensor(plan, left), *eb_cpu_tensor(plan, right), *eb_cpu_tensor(plan, y) };
  for (int i = 0; i < 256; ++i) bytes[i] = (uint8_t)i;
  t[0].data = left == x ? bytes : mapped;
  t[1].data = left == x ? mapped : bytes;
  t[2].data = out->table;
  for (int i = 0; i < 3; ++i) {
    t[i].rank = 1;
    t[i].dims[0] = 256;
    t[i].bytes = 256;
  }
  if (host->ref_eval(n, t, 2, &t[2], 1, NULL, 0) != EDGE_STATUS_OK) return false;
  out->y = y;
  out->taken[out->num_taken++] = node;
  out->taken[out->num_taken++] = mul;
  return true;
}

void eb_cpu_q_map_of(eb_cpu_plan *plan, uint32_t value, eb_cpu_q_post *out) {
  memset(out, 0, sizeof *out);
  out->y = value;
  out->residual = EDGE_NO_VALUE;
  const uint32_t next = eb_cpu_only_consumer(plan, value);
  const bool alone = next != EDGE_NO_VALUE && eb_cpu_q_table(plan, next, out->table);
  if (alone) {
    out->y = eb_cpu_output(plan, next, 0);
    out->taken[out->num_taken++] = next;
  }
  if (alone || gate(plan, value, out)) {
    out->map = ek_qlut_select(eb_cpu_features(plan))->fn;
    out->reason = "8-bit, exact; then a table";
  }
}

void eb_cpu_q_post_of(eb_cpu_plan *plan, uint32_t value, eb_cpu_q_post *out) {
  eb_cpu_q_map_of(plan, value, out);
  const uint32_t add = eb_cpu_only_consumer(plan, out->y);
  if (add == EDGE_NO_VALUE || !eb_cpu_is_op(plan, add, "Add")) return;
  const uint32_t left = eb_cpu_input(plan, add, 0), right = eb_cpu_input(plan, add, 1);
  const uint32_t other = left == out->y ? right : left, sum = eb_cpu_output(plan, add, 0);
  const edge_tensor *const t = eb_cpu_tensor(plan, out->y);
  if (other == out->y || !eb_cpu_available(plan, other) || !same_shape(t, eb_cpu_tensor(plan, other)) ||
      !same_shape(t, eb_cpu_tensor(plan, sum)))
    return;
  if (!eb_cpu_q_add_args(plan, add, t, eb_cpu_tensor(plan, other), &out->args)) return;
  out->y = sum;
  out->residual = other;
  out->taken[out->num_taken++] = add;
  out->reason = out->map ? "8-bit, exact; then a table and a residual" : "8-bit, exact; then a residual";
}

void eb_cpu_q_post_finish(eb_cpu_plan *plan, const eb_cpu_q_post *post) {
  for (uint32_t i = 0; i < post->num_taken; ++i) eb_cpu_take(plan, post->taken[i]);
}
