/* SPDX-License-Identifier: Apache-2.0
 * f32 Gru and Rnn with constant weights and the usual activations: one product for the inputs of all steps, then the
 * steps, each products with the state and vectorised gates. An Rnn is the last gate of a Gru alone. */
#include "product.h"
#include "recurrent.h"
#include "kernels/eltwise/eltwise.h"

#include <math.h>

typedef struct gru_arg {
  ek_gemm_f32_args input; /* of direction 0: all gates side by side */
  ek_gemm_f32_args state; /* of direction 0: one gate; the matrices of the gates follow each other */
  eb_cpu_grid grid;
  const ek_eltwise_f32_kernel *math;
  size_t steps, batch, hidden, gates, directions, reverse; /* gates: 3 (z r h) or 1; reverse: bit per direction */
  size_t input_floats, state_floats;                       /* packed weights of a direction, of a gate */
  bool reset_after;                                        /* the reset gate scales the product, not the state */
  const float *bias;       /* [directions][gates * hidden]; both added, but with reset_after only W's for the last */
  const float *state_bias; /* [directions][hidden], with reset_after: R's of the last gate */
  const float *h0;         /* or NULL */
  float *sums;             /* [directions][steps][batch][gates * hidden] */
  float *work, *h, *rh;    /* [directions][batch][gates * hidden, hidden, hidden] */
  float *y, *y_h;          /* or NULL */
} gru_arg;

static edge_status input_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const gru_arg *const a = arg;
  const size_t each = a->grid.m_tiles * a->grid.p_tiles, d = tile / each, rest = tile % each;
  const eb_cpu_grid_tile t = eb_cpu_grid_at(&a->grid, rest);
  ek_gemm_f32_args g = a->input;
  g.packed += d * a->input_floats;
  g.c = a->sums + d * g.m * g.n;
  ek_gemm_f32_block(&g, t.rows.begin, t.rows.end, t.panels.begin, t.panels.end);
  return EDGE_STATUS_OK;
}

/* work[gate] = x R[gate] + sums[gate] (sums NULL: without) */
static void gate_product(const gru_arg *a, size_t d, size_t gate, const float *x, const float *sums, float *work) {
  ek_gemm_f32_args g = a->state;
  g.packed += (d * a->gates + gate) * a->state_floats;
  g.a = x;
  g.c = work + gate * a->hidden;
  g.residual = sums ? sums + gate * a->hidden : NULL;
  ek_gemm_f32_block(&g, 0, a->batch, 0, ek_gemm_f32_num_panels(g.kernel, g.n));
}

static void add(const gru_arg *a, size_t n, const float *x, float *y) {
  a->math->binary[EK_BINARY_ADD](n, y, 1, x, 1, y, -INFINITY, INFINITY);
}
static void multiply(const gru_arg *a, size_t n, const float *x, const float *y, float *out) {
  a->math->binary[EK_BINARY_MUL](n, x, 1, y, 1, out, -INFINITY, INFINITY);
}

static void step(const gru_arg *a, size_t d, const float *sums, float *work, float *h, float *rh) {
  const size_t n = a->hidden, last = a->gates - 1, row = a->gates * n;
  const float *const bias = a->bias + d * row;
  for (size_t gate = 0; gate < last; ++gate) gate_product(a, d, gate, h, sums, work);
  for (size_t b = 0; b < a->batch && last > 0; ++b) {
    add(a, last * n, bias, work + b * row);
    a->math->unary[EK_UNARY_SIGMOID](last * n, work + b * row, work + b * row, 0.0f, 0.0f);
    if (!a->reset_after) multiply(a, n, work + b * row + n, h + b * n, rh + b * n);
  }
  gate_product(a, d, last, last > 0 && !a->reset_after ? rh : h, a->reset_after ? NULL : sums, work);
  for (size_t b = 0; b < a->batch; ++b) {
    float *const z = work + b * row, *const c = z + last * n, *const state = h + b * n;
    if (a->reset_after) {
      add(a, n, a->state_bias + d * n, c);
      multiply(a, n, c, z + n, c);
      add(a, n, sums + b * row + last * n, c);
    }
    add(a, n, bias + last * n, c);
    if (last == 0) {
      a->math->unary[EK_UNARY_TANH](n, c, state, 0.0f, 0.0f);
      continue;
    }
    a->math->unary[EK_UNARY_TANH](n, c, c, 0.0f, 0.0f);
    a->math->binary[EK_BINARY_SUB](n, state, 1, c, 1, state, -INFINITY, INFINITY); /* (1 - z) c + z h */
    multiply(a, n, state, z, state);
    add(a, n, c, state);
  }
}

static edge_status steps_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const gru_arg *const a = arg;
  const size_t d = tile, all = a->batch * a->hidden;
  float *const h = a->h + d * all, *const work = a->work + d * a->gates * all, *const rh = a->rh + d * all;
  state_copy(h, a->h0 ? a->h0 + d * all : NULL, all);
  for (size_t i = 0; i < a->steps; ++i) {
    const size_t t = a->reverse >> d & 1u ? a->steps - 1 - i : i;
    step(a, d, a->sums + (d * a->steps + t) * a->gates * all, work, h, rh);
    if (a->y) memcpy(a->y + (t * a->directions + d) * all, h, all * sizeof *h);
  }
  state_copy(a->y_h ? a->y_h + d * all : NULL, h, all);
  return EDGE_STATUS_OK;
}

static bool usual(const eb_cpu_plan *plan, uint32_t node, size_t gates, size_t directions) {
  int64_t kinds[8];
  const uint32_t n = eb_cpu_ints(plan, node, "activations", kinds, 8), each = gates > 1 ? 2 : 1;
  for (uint32_t i = 0; i < n; ++i) { /* Sigmoid and Tanh, or Tanh */
    if (n != each * directions || kinds[i] != (each == 1 || i % 2 == 1 ? 1 : 0)) return false;
  }
  return eb_cpu_float(plan, node, "clip") == 0.0f && eb_cpu_int(plan, node, "layout") == 0 &&
         eb_cpu_input(plan, node, 4) == EDGE_NO_VALUE;
}

/* [directions][2][gates * hidden], first W's then R's, as the steps add them */
static void split_bias(const float *b, const gru_arg *a, float *bias, float *state_bias) {
  const size_t n = a->gates * a->hidden, last = n - a->hidden;
  for (size_t i = 0; b && i < a->directions * n; ++i) {
    const float of_w = b[i / n * 2 * n + i % n], of_r = b[i / n * 2 * n + n + i % n];
    const bool apart = a->reset_after && i % n >= last;
    bias[i] = apart ? of_w : of_w + of_r;
    if (apart) state_bias[i / n * a->hidden + i % n - last] = of_r;
  }
}

edge_status eb_cpu_lower_gru_f32(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), w = eb_cpu_input(plan, node, 1), r = eb_cpu_input(plan, node, 2);
  const uint32_t bias = eb_cpu_input(plan, node, 3), h0 = eb_cpu_input(plan, node, 5);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const tr = eb_cpu_tensor(plan, r);
  const bool gru = eb_cpu_is_op(plan, node, "Gru");
  if (tx->rank != 3 || tr->rank != 3 || tr->dims[2] < 1 || tr->dims[0] < 1 || tr->dims[0] > 2) return EB_CPU_PASS;
  const size_t steps = (size_t)tx->dims[0], batch = (size_t)tx->dims[1], width = (size_t)tx->dims[2];
  const size_t hidden = (size_t)tr->dims[2], directions = (size_t)tr->dims[0], gates = gru ? 3 : 1;
  const size_t n = gates * hidden, all = batch * hidden;
  if (steps == 0 || batch == 0 || width == 0 || !is_f32_of(plan, x, steps * batch * width, false) ||
      !is_f32_of(plan, w, directions * n * width, true) || !is_f32_of(plan, r, directions * n * hidden, true) ||
      (bias != EDGE_NO_VALUE && !is_f32_of(plan, bias, directions * 2 * n, true)) ||
      (h0 != EDGE_NO_VALUE && !is_f32_of(plan, h0, directions * all, false)) || !usual(plan, node, gates, directions)) {
    return EB_CPU_PASS;
  }
  const uint32_t need = eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE ? EK_EXACT : 0;
  const ek_gemm_f32_kernel *const kernel = ek_gemm_f32_select(eb_cpu_features(plan), need);
  const double work_us = 2.0 * (double)(steps * batch) * (double)n * (double)width / 150e3 + 0.2;
  const double steps_us = (double)steps * (2.0 * (double)batch * (double)n * (double)hidden / 40e3 + 1.0);
  const eb_cpu_product_shape shape = eb_cpu_gemm_shape(kernel, steps * batch, width, n);
  gru_arg value = {
    .grid = eb_cpu_grid_of(plan, &shape, work_us),
    .math = ek_eltwise_f32_select(eb_cpu_features(plan), need),
    .steps = steps,
    .batch = batch,
    .hidden = hidden,
    .gates = gates,
    .directions = directions,
    .reset_after = gru && eb_cpu_int(plan, node, "linear_before_reset") != 0,
    .reverse = directions == 2                            ? 2u
               : eb_cpu_int(plan, node, "direction") == 1 ? 1u
                                                          : 0u,
    .input_floats = (size_t)(ek_gemm_f32_packed_bytes(kernel, width, n) / sizeof(float)),
    .state_floats = (size_t)(ek_gemm_f32_packed_bytes(kernel, hidden, hidden) / sizeof(float)),
    .input = { .kernel = kernel, .m = steps * batch, .n = n, .k = width, .lda = width, .ldc = n },
    .state = { .kernel = kernel, .m = batch, .n = hidden, .k = hidden, .lda = hidden, .ldc = n, .ldr = n },
  };
  value.input.lo = value.state.lo = -INFINITY;
  value.input.hi = value.state.hi = INFINITY;
  const void *packed_w = NULL, *packed_r = NULL;
  edge_status status = eb_cpu_pack_f32(plan, kernel, w, EDGE_NO_VALUE, width, n, directions, false, &packed_w);
  if (status == EDGE_STATUS_OK) {
    status = eb_cpu_pack_f32(plan, kernel, r, EDGE_NO_VALUE, hidden, hidden, directions * gates, false, &packed_r);
  }
  if (status != EDGE_STATUS_OK) return status;
  value.input.packed = packed_w;
  value.state.packed = packed_r;
  float *const sum = eb_cpu_keep(plan, directions * (n + hidden) * sizeof *sum);
  if (sum == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  value.bias = sum;
  value.state_bias = sum + directions * n;
  eb_cpu_const b;
  status = eb_cpu_const_open(plan, bias, &b);
  if (status != EDGE_STATUS_OK) return status;
  split_bias(b.data, &value, sum, sum + directions * n);
  eb_cpu_const_close(&b);

  const eb_cpu_ref sums = eb_cpu_scratch(plan, directions * steps * batch * n * sizeof(float), 64);
  const uint32_t tiles = (uint32_t)(directions * value.grid.m_tiles * value.grid.p_tiles);
  gru_arg *const first = eb_cpu_step(plan, node, input_tile, sizeof *first, tiles, work_us);
  if (first == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *first = value;
  eb_cpu_slot(plan, &first->input.a, eb_cpu_value(plan, x));
  eb_cpu_slot(plan, &first->sums, sums);
  gru_arg *const a = eb_cpu_step(plan, node, steps_tile, sizeof *a, (uint32_t)directions, steps_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = value;
  eb_cpu_slot(plan, &a->sums, sums);
  eb_cpu_slot(plan, &a->work, eb_cpu_scratch(plan, directions * gates * all * sizeof(float), 64));
  eb_cpu_slot(plan, &a->h, eb_cpu_scratch(plan, directions * all * sizeof(float), 64));
  eb_cpu_slot(plan, &a->rh, eb_cpu_scratch(plan, directions * all * sizeof(float), 64));
  slot_if(plan, &a->h0, h0);
  slot_if(plan, &a->y, eb_cpu_output(plan, node, 0));
  slot_if(plan, &a->y_h, eb_cpu_output(plan, node, 1));
  eb_cpu_note(plan, node, kernel->name, "inputs of all steps in one product");
  return EDGE_STATUS_OK;
}
