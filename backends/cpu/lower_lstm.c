/* SPDX-License-Identifier: Apache-2.0
 * f32 Lstm with constant weights and the usual activations: one product for the inputs of all steps, then the steps,
 * each a product with the state and vectorised gates. */
#include "product.h"
#include "recurrent.h"
#include "kernels/eltwise/eltwise.h"

#include <math.h>

typedef struct lstm_arg {
  ek_gemm_f32_args input, state; /* of direction 0 */
  eb_cpu_grid grid;
  const ek_eltwise_f32_kernel *math;
  size_t steps, batch, hidden, directions, reverse; /* reverse: bit per direction */
  size_t input_floats, state_floats;                /* packed weights of a direction */
  const float *bias;                                /* [directions][4 * hidden], both biases added */
  const float *h0, *c0;                             /* or NULL */
  float *sums;                                      /* [directions][steps][batch][4 * hidden] */
  float *gates, *h, *c;                             /* [directions][batch][4 * hidden, hidden, hidden] */
  float *y, *y_h, *y_c;                             /* or NULL */
} lstm_arg;

static edge_status input_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const lstm_arg *const a = arg;
  const size_t each = a->grid.m_tiles * a->grid.p_tiles, d = tile / each, rest = tile % each;
  const eb_cpu_grid_tile t = eb_cpu_grid_at(&a->grid, rest);
  ek_gemm_f32_args g = a->input;
  g.packed += d * a->input_floats;
  g.c = a->sums + d * g.m * g.n;
  ek_gemm_f32_block(&g, t.rows.begin, t.rows.end, t.panels.begin, t.panels.end);
  return EDGE_STATUS_OK;
}

/* gates [i o f c~] of one sample to its new state */
static void cell(const lstm_arg *a, const float *bias, float *gates, float *h, float *c) {
  const size_t n = a->hidden;
  const ek_eltwise_f32_kernel *const k = a->math;
  const float lo = -INFINITY, hi = INFINITY;
  k->binary[EK_BINARY_ADD](4 * n, gates, 1, bias, 1, gates, lo, hi);
  k->unary[EK_UNARY_SIGMOID](3 * n, gates, gates, 0.0f, 0.0f);
  k->unary[EK_UNARY_TANH](n, gates + 3 * n, gates + 3 * n, 0.0f, 0.0f);
  k->binary[EK_BINARY_MUL](n, gates, 1, gates + 3 * n, 1, gates, lo, hi);
  k->binary[EK_BINARY_MUL](n, gates + 2 * n, 1, c, 1, c, lo, hi);
  k->binary[EK_BINARY_ADD](n, gates, 1, c, 1, c, lo, hi);
  k->unary[EK_UNARY_TANH](n, c, gates, 0.0f, 0.0f);
  k->binary[EK_BINARY_MUL](n, gates, 1, gates + n, 1, h, lo, hi);
}

static edge_status steps_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const lstm_arg *const a = arg;
  const size_t d = tile, n = a->hidden, all = a->batch * n, panels = a->grid.panels;
  float *const h = a->h + d * all, *const c = a->c + d * all, *const gates = a->gates + d * 4 * all;
  state_copy(h, a->h0 ? a->h0 + d * all : NULL, all);
  state_copy(c, a->c0 ? a->c0 + d * all : NULL, all);
  ek_gemm_f32_args g = a->state;
  g.packed += d * a->state_floats;
  g.a = h;
  g.c = gates;
  for (size_t i = 0; i < a->steps; ++i) {
    const size_t t = a->reverse >> d & 1u ? a->steps - 1 - i : i;
    g.residual = a->sums + (d * a->steps + t) * 4 * all;
    ek_gemm_f32_block(&g, 0, a->batch, 0, panels);
    for (size_t b = 0; b < a->batch; ++b) cell(a, a->bias + d * 4 * n, gates + b * 4 * n, h + b * n, c + b * n);
    if (a->y) memcpy(a->y + (t * a->directions + d) * all, h, all * sizeof *h);
  }
  state_copy(a->y_h ? a->y_h + d * all : NULL, h, all);
  state_copy(a->y_c ? a->y_c + d * all : NULL, c, all);
  return EDGE_STATUS_OK;
}

static bool usual(const eb_cpu_plan *plan, uint32_t node, size_t directions) {
  int64_t kinds[8];
  const uint32_t n = eb_cpu_ints(plan, node, "activations", kinds, 8);
  for (uint32_t i = 0; i < n; ++i) {
    if (n != 3 * directions || kinds[i] != (i % 3 == 0 ? 0 : 1)) return false;
  }
  return eb_cpu_float(plan, node, "clip") == 0.0f && eb_cpu_int(plan, node, "input_forget") == 0 &&
         eb_cpu_int(plan, node, "layout") == 0 && eb_cpu_input(plan, node, 4) == EDGE_NO_VALUE &&
         eb_cpu_input(plan, node, 7) == EDGE_NO_VALUE;
}

edge_status eb_cpu_lower_lstm_f32(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), w = eb_cpu_input(plan, node, 1), r = eb_cpu_input(plan, node, 2);
  const uint32_t bias = eb_cpu_input(plan, node, 3), h0 = eb_cpu_input(plan, node, 5), c0 = eb_cpu_input(plan, node, 6);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const tr = eb_cpu_tensor(plan, r);
  if (tx->rank != 3 || tr->rank != 3 || tr->dims[2] < 1 || tr->dims[0] < 1 || tr->dims[0] > 2) return EB_CPU_PASS;
  const size_t steps = (size_t)tx->dims[0], batch = (size_t)tx->dims[1], width = (size_t)tx->dims[2];
  const size_t hidden = (size_t)tr->dims[2], directions = (size_t)tr->dims[0], n = 4 * hidden, all = batch * hidden;
  if (steps == 0 || batch == 0 || width == 0 || !is_f32_of(plan, x, steps * batch * width, false) ||
      !is_f32_of(plan, w, directions * n * width, true) || !is_f32_of(plan, r, directions * n * hidden, true) ||
      (bias != EDGE_NO_VALUE && !is_f32_of(plan, bias, directions * 2 * n, true)) ||
      (h0 != EDGE_NO_VALUE && !is_f32_of(plan, h0, directions * all, false)) ||
      (c0 != EDGE_NO_VALUE && !is_f32_of(plan, c0, directions * all, false)) || !usual(plan, node, directions)) {
    return EB_CPU_PASS;
  }
  const uint32_t need = eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE ? EK_EXACT : 0;
  const ek_gemm_f32_kernel *const kernel = ek_gemm_f32_select(eb_cpu_features(plan), need);
  const void *packed_w = NULL, *packed_r = NULL;
  edge_status status = eb_cpu_pack_f32(plan, kernel, w, EDGE_NO_VALUE, width, n, directions, false, &packed_w);
  if (status == EDGE_STATUS_OK) {
    status = eb_cpu_pack_f32(plan, kernel, r, EDGE_NO_VALUE, hidden, n, directions, false, &packed_r);
  }
  if (status != EDGE_STATUS_OK) return status;
  float *const sum = eb_cpu_keep(plan, directions * n * sizeof *sum);
  if (sum == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  const float *const b = bias != EDGE_NO_VALUE ? eb_cpu_tensor(plan, bias)->data : NULL;
  for (size_t i = 0; b && i < directions * n; ++i) sum[i] = b[i / n * 2 * n + i % n] + b[i / n * 2 * n + n + i % n];

  const double work_us = 2.0 * (double)(steps * batch) * (double)n * (double)width / 150e3 + 0.2;
  const double steps_us = (double)steps * (2.0 * (double)batch * (double)n * (double)hidden / 40e3 + 1.0);
  const eb_cpu_product_shape shape = eb_cpu_gemm_shape(kernel, steps * batch, width, n);
  const eb_cpu_grid grid = eb_cpu_grid_of(plan, &shape, work_us);
  lstm_arg value = {
    .grid = grid,
    .math = ek_eltwise_f32_select(eb_cpu_features(plan), need),
    .steps = steps,
    .batch = batch,
    .hidden = hidden,
    .directions = directions,
    .bias = sum,
    .reverse = directions == 2                            ? 2u
               : eb_cpu_int(plan, node, "direction") == 1 ? 1u
                                                          : 0u,
    .input_floats = (size_t)(ek_gemm_f32_packed_bytes(kernel, width, n) / sizeof(float)),
    .state_floats = (size_t)(ek_gemm_f32_packed_bytes(kernel, hidden, n) / sizeof(float)),
  };
  value.input = (ek_gemm_f32_args) { .kernel = kernel,
                                     .m = steps * batch,
                                     .n = n,
                                     .k = width,
                                     .lda = width,
                                     .packed = packed_w,
                                     .ldc = n,
                                     .lo = -INFINITY,
                                     .hi = INFINITY };
  value.state = (ek_gemm_f32_args) { .kernel = kernel,
                                     .m = batch,
                                     .n = n,
                                     .k = hidden,
                                     .lda = hidden,
                                     .packed = packed_r,
                                     .ldc = n,
                                     .ldr = n,
                                     .lo = -INFINITY,
                                     .hi = INFINITY };
  const eb_cpu_ref sums = eb_cpu_scratch(plan, directions * steps * batch * n * sizeof(float), 64);
  lstm_arg *const first =
      eb_cpu_step(plan, node, input_tile, sizeof *first, (uint32_t)(directions * grid.m_tiles * grid.p_tiles), work_us);
  if (first == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *first = value;
  eb_cpu_slot(plan, &first->input.a, eb_cpu_value(plan, x));
  eb_cpu_slot(plan, &first->sums, sums);
  lstm_arg *const a = eb_cpu_step(plan, node, steps_tile, sizeof *a, (uint32_t)directions, steps_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = value;
  eb_cpu_slot(plan, &a->sums, sums);
  eb_cpu_slot(plan, &a->gates, eb_cpu_scratch(plan, directions * 4 * all * sizeof(float), 64));
  eb_cpu_slot(plan, &a->h, eb_cpu_scratch(plan, directions * all * sizeof(float), 64));
  eb_cpu_slot(plan, &a->c, eb_cpu_scratch(plan, directions * all * sizeof(float), 64));
  slot_if(plan, &a->h0, h0);
  slot_if(plan, &a->c0, c0);
  slot_if(plan, &a->y, eb_cpu_output(plan, node, 0));
  slot_if(plan, &a->y_h, eb_cpu_output(plan, node, 1));
  slot_if(plan, &a->y_c, eb_cpu_output(plan, node, 2));
  eb_cpu_note(plan, node, kernel->name, "inputs of all steps in one product");
  return EDGE_STATUS_OK;
}
