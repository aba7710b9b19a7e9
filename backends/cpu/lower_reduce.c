/* SPDX-License-Identifier: Apache-2.0
 * f32 sum, mean, max and min over one run of neighbouring dimensions. */
#include "cpu.h"
#include "kernels/reduce/reduce.h"

typedef struct reduce_arg {
  ek_reduce_f32_args reduce;
  ek_reduce_f32_fn fn;
  size_t outer_tile, outer_tiles, inner_tile;
} reduce_arg;

static edge_status reduce_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const reduce_arg *const a = arg;
  const size_t o0 = tile % a->outer_tiles * a->outer_tile, i0 = tile / a->outer_tiles * a->inner_tile;
  const size_t o1 = o0 + a->outer_tile < a->reduce.outer ? o0 + a->outer_tile : a->reduce.outer;
  const size_t i1 = i0 + a->inner_tile < a->reduce.inner ? i0 + a->inner_tile : a->reduce.inner;
  a->fn(&a->reduce, o0, o1, i0, i1);
  return EDGE_STATUS_OK;
}

/* bit per reduced dimension; 0 when the axes are not constant, wrong, or none */
static uint32_t axes_of(const eb_cpu_plan *plan, uint32_t node, int32_t rank) {
  const uint32_t axes = eb_cpu_input(plan, node, 1);
  const edge_tensor *const t = eb_cpu_tensor(plan, axes);
  const uint64_t count = axes == EDGE_NO_VALUE ? 0 : eb_cpu_elements(t);
  if (count == 0) {
    const bool known = axes == EDGE_NO_VALUE || eb_cpu_is_const(plan, axes);
    return known && eb_cpu_int(plan, node, "noop_empty") == 0 ? (1u << rank) - 1u : 0;
  }
  if (!eb_cpu_is_const(plan, axes) || count > EDGE_MAX_RANK) return 0;
  uint32_t mask = 0;
  for (uint64_t i = 0; i < count; ++i) {
    int64_t axis = 0;
    if (t->dtype == EDGE_DTYPE_S64) {
      memcpy(&axis, (const char *)t->data + i * 8, 8);
    } else if (t->dtype == EDGE_DTYPE_S32) {
      int32_t narrow = 0;
      memcpy(&narrow, (const char *)t->data + i * 4, 4);
      axis = narrow;
    } else {
      return 0;
    }
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return 0;
    mask |= 1u << axis;
  }
  return mask;
}

edge_status eb_cpu_lower_reduce_f32(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const ty = eb_cpu_tensor(plan, y);
  if (tx->dtype != EDGE_DTYPE_F32 || ty->dtype != EDGE_DTYPE_F32 || tx->rank < 1 || eb_cpu_elements(tx) == 0) {
    return EB_CPU_PASS;
  }
  const uint32_t mask = axes_of(plan, node, tx->rank);
  ek_reduce_f32_args r = { .outer = 1, .n = 1, .inner = 1, .scale = 1.0f };
  int phase = 0; /* 0 before, 1 inside, 2 behind the reduced run; dimensions of size 1 belong anywhere */
  for (int32_t d = 0; d < tx->rank; ++d) {
    const size_t dim = (size_t)tx->dims[d];
    if (dim == 1) continue;
    const bool reduced = (mask >> d & 1u) != 0;
    if (reduced && phase == 2) return EB_CPU_PASS;
    phase = reduced ? 1 : phase == 1 ? 2 : phase;
    *(phase == 0 ? &r.outer : phase == 1 ? &r.n : &r.inner) *= dim;
  }
  if (mask == 0) return EB_CPU_PASS;
  const ek_reduce_f32_kernel *const kernel = ek_reduce_f32_select(
      eb_cpu_features(plan), eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE ? EK_EXACT : 0);
  if (eb_cpu_is_op(plan, node, "ReduceMean")) r.scale = 1.0f / (float)r.n;
  const ek_reduce_f32_op op = eb_cpu_is_op(plan, node, "ReduceMax")   ? EK_REDUCE_MAX
                              : eb_cpu_is_op(plan, node, "ReduceMin") ? EK_REDUCE_MIN
                                                                      : EK_REDUCE_SUM;
  const double work_us = 0.05 + (double)eb_cpu_elements(tx) * 4.0 / 60e3;
  reduce_arg g = { .reduce = r, .fn = kernel->fn[op], .outer_tile = r.outer, .outer_tiles = 1, .inner_tile = r.inner };
  const size_t want = eb_cpu_tiles(plan, work_us, (uint64_t)r.outer * (r.inner / 64 + 1));
  if (r.outer >= want) {
    g.outer_tile = (r.outer + want - 1) / want;
  } else {
    g.inner_tile = ((r.inner + want - 1) / want + 63) / 64 * 64;
  }
  g.outer_tiles = (r.outer + g.outer_tile - 1) / g.outer_tile;
  const size_t inner_tiles = (r.inner + g.inner_tile - 1) / g.inner_tile;
  reduce_arg *const a =
      eb_cpu_step(plan, node, reduce_tile, sizeof *a, (uint32_t)(g.outer_tiles * inner_tiles), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = g;
  eb_cpu_slot(plan, &a->reduce.x, eb_cpu_value(plan, x));
  eb_cpu_slot(plan, &a->reduce.y, eb_cpu_value(plan, y));
  eb_cpu_note(plan, node, kernel->name, "one run of dimensions");
  return EDGE_STATUS_OK;
}
