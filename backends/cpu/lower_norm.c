/* SPDX-License-Identifier: Apache-2.0
 * f32 Softmax, LogSoftmax, LayerNorm and RmsNorm over the last dimensions. */
#include "cpu.h"
#include "kernels/norm/norm.h"

typedef struct norm_arg {
  ek_norm_f32_args norm;
  ek_norm_f32_fn fn;
  size_t tile;
} norm_arg;

static edge_status norm_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const norm_arg *const a = arg;
  const size_t r0 = tile * a->tile, r1 = r0 + a->tile < a->norm.rows ? r0 + a->tile : a->norm.rows;
  a->fn(&a->norm, r0, r1);
  return EDGE_STATUS_OK;
}

/* Absent, or one value for each of the n elements of a row: the dimensions of x from the axis on. */
static bool is_row(const eb_cpu_plan *plan, uint32_t value, size_t n, const edge_tensor *x, int64_t axis) {
  const edge_tensor *const t = eb_cpu_tensor(plan, value);
  if (value == EDGE_NO_VALUE) return true;
  if (t->dtype != EDGE_DTYPE_F32 || eb_cpu_elements(t) != n) return false;
  for (int64_t d = axis; d < x->rank; ++d) {
    const int64_t at = d - (x->rank - t->rank);
    if ((at < 0 ? 1 : t->dims[at]) != x->dims[d]) return false;
  }
  return true;
}

edge_status eb_cpu_lower_norm_f32(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const ty = eb_cpu_tensor(plan, y);
  const bool layer = eb_cpu_is_op(plan, node, "LayerNorm"), rms = eb_cpu_is_op(plan, node, "RmsNorm");
  const bool softmax = eb_cpu_is_op(plan, node, "Softmax");
  int64_t axis = eb_cpu_int(plan, node, "axis");
  if (axis < 0) axis += tx->rank;
  if (tx->dtype != EDGE_DTYPE_F32 || ty->dtype != EDGE_DTYPE_F32 || tx->rank < 1 || axis < 0 || axis >= tx->rank ||
      eb_cpu_output(plan, node, 1) != EDGE_NO_VALUE || eb_cpu_elements(tx) == 0) {
    return EB_CPU_PASS;
  }
  const bool joined = layer || rms || eb_cpu_int(plan, node, "flatten") != 0;
  size_t n = 1, inner = 1;
  for (int32_t d = (int32_t)axis; d < tx->rank; ++d) {
    *(d > axis && !joined ? &inner : &n) *= (size_t)tx->dims[d];
  }
  if (inner != 1 && !softmax) return EB_CPU_PASS;
  const uint32_t scale = layer || rms ? eb_cpu_input(plan, node, 1) : EDGE_NO_VALUE;
  const uint32_t bias = layer ? eb_cpu_input(plan, node, 2) : EDGE_NO_VALUE;
  if (!is_row(plan, scale, n, tx, axis) || !is_row(plan, bias, n, tx, axis)) return EB_CPU_PASS;
  const ek_norm_f32_kernel *const kernel =
      ek_norm_f32_select(eb_cpu_features(plan), eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE ? EK_EXACT : 0);
  const size_t outer = (size_t)eb_cpu_elements(tx) / (n * inner);
  const size_t rows = inner == 1 ? outer : outer * ((inner + kernel->lanes - 1) / kernel->lanes);
  const double work_us = 0.05 + (double)eb_cpu_elements(tx) * 1e-3;
  const size_t want = eb_cpu_tiles(plan, work_us, rows), tile = (rows + want - 1) / want;
  norm_arg *const a = eb_cpu_step(plan, node, norm_tile, sizeof *a, (uint32_t)((rows + tile - 1) / tile), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = (norm_arg) { .fn = kernel->fn[layer     ? EK_NORM_LAYER
                                     : rms     ? EK_NORM_RMS
                                     : softmax ? EK_NORM_SOFTMAX
                                               : EK_NORM_LOG_SOFTMAX],
                    .tile = tile };
  if (inner != 1) a->fn = kernel->fn[EK_NORM_SOFTMAX_COLUMNS];
  a->norm.inner = inner;
  a->norm.rows = rows;
  a->norm.n = n;
  a->norm.p0 = layer || rms ? eb_cpu_float(plan, node, "epsilon") : softmax ? eb_cpu_float(plan, node, "beta") : 1.0f;
  eb_cpu_slot(plan, &a->norm.x, eb_cpu_value(plan, x));
  eb_cpu_slot(plan, &a->norm.y, eb_cpu_value(plan, y));
  if (scale != EDGE_NO_VALUE) eb_cpu_slot(plan, &a->norm.scale, eb_cpu_value(plan, scale));
  if (bias != EDGE_NO_VALUE) eb_cpu_slot(plan, &a->norm.bias, eb_cpu_value(plan, bias));
  eb_cpu_in_place(plan, y, x);
  eb_cpu_note(plan, node, kernel->name, "rows");
  return EDGE_STATUS_OK;
}
