/* SPDX-License-Identifier: Apache-2.0
 * Dequantize -> operator -> Quantize becomes integer operators. */
#include "passes_graph.h"

void et_cases_quant(void);

enum { U8 = EDGE_DTYPE_U8, S8 = EDGE_DTYPE_S8, S32 = EDGE_DTYPE_S32 };

static uint32_t quantize(et_graph *t, uint32_t x, float scale, int zero) {
  const uint32_t s = et_scalar(t, scale), z = et_int_scalar(t, U8, zero);
  const uint32_t y = et_op(t, "Quantize", x, s, z, EI_NONE);
  t->g->subgraphs[0].tensors[y].dtype = U8;
  return y;
}

static uint32_t dequantize(et_graph *t, uint32_t q, float scale, int zero) {
  const uint32_t s = et_scalar(t, scale), z = et_int_scalar(t, t->g->subgraphs[0].tensors[q].dtype, zero);
  const uint32_t y = et_op(t, "Dequantize", q, s, z, EI_NONE);
  t->g->subgraphs[0].tensors[y].dtype = EDGE_DTYPE_F32;
  return y;
}

static uint32_t both(et_graph *t, uint32_t x, float scale, int zero) {
  return dequantize(t, quantize(t, x, scale, zero), scale, zero);
}

/* Weights with a scale for each output channel. */
static uint32_t weights(et_graph *t, int32_t rank, const int64_t *dims) {
  static const float scales[3] = { 0.01f, 0.004f, 0.007f };
  const uint32_t q = et_ints(t, S8, rank, dims, -127, 127), s = et_const(t, 1, dims, scales, 3);
  const uint32_t z = et_ints(t, S8, 1, dims, 0, 0);
  const uint32_t y = et_op(t, "Dequantize", q, s, z, EI_NONE);
  t->g->subgraphs[0].tensors[y].dtype = EDGE_DTYPE_F32;
  ET_CHECK(ei_node_set_int(t->g, et_last(t), "axis", 0) == EDGE_STATUS_OK);
  return y;
}

/* Only one Quantize at the front and one Dequantize at the end are left. */
static void expect_integer(et_graph *t, uint32_t y, const char *op, float step) {
  et_finish(t, &y, 1);
  et_pass(t, ei_pass_qdq, step);
  ET_CHECK(et_count(t, "Quantize") == 1 && et_count(t, "Dequantize") == 1);
  const ei_node *const n = et_only(t, op);
  ET_CHECK(n != NULL);
  if (n)
    ET_CHECK(t->g->subgraphs[0].tensors[n->in[0]].dtype == U8 &&
             t->g->subgraphs[0].tensors[n->out[0]].quant.count == 1);
  et_end(t);
}

/* float_bias: 0 none, 1 float, 2 integer in exact units, 3 integer in other units */
static void conv(int bias_form) {
  const int64_t dims[4] = { 1, 5, 4, 3 }, w[4] = { 6, 2, 2, 3 }, six[1] = { 6 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = both(&t, et_input(&t, EDGE_DTYPE_F32, 4, dims), 0.02f, 120);
  const uint32_t wt = weights(&t, 4, w);
  uint32_t bias = EI_NONE;
  if (bias_form == 1) bias = et_const(&t, 1, six, NULL, 0);
  if (bias_form >= 2) {
    const float exact[3] = { 0.02f * 0.01f, 0.02f * 0.004f, 0.02f * 0.007f }, other[1] = { 0.001f };
    const uint32_t q = et_ints(&t, S32, 1, six, -900, 900);
    const uint32_t s = bias_form == 2 ? et_const(&t, 1, six, exact, 3) : et_const(&t, 1, six, other, 1);
    bias = et_op(&t, "Dequantize", q, s, EI_NONE, EI_NONE);
    t.g->subgraphs[0].tensors[bias].dtype = EDGE_DTYPE_F32;
    ET_CHECK(ei_node_set_int(t.g, et_last(&t), "axis", 0) == EDGE_STATUS_OK);
  }
  const uint32_t y = both(&t, et_op(&t, "Conv", x, wt, bias, EI_NONE), 0.05f, 130);
  expect_integer(&t, y, "Conv", 0.0501f);
}

static void fully_connected(void) {
  const int64_t dims[2] = { 3, 8 }, w[2] = { 5, 8 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = both(&t, et_input(&t, EDGE_DTYPE_F32, 2, dims), 0.02f, 120);
  expect_integer(&t, both(&t, et_op(&t, "FullyConnected", x, weights(&t, 2, w), EI_NONE, EI_NONE), 0.04f, 128),
                 "FullyConnected", 0.0401f);
}

static void elementwise(const char *op, bool pair, float limit) {
  const int64_t dims[3] = { 2, 3, 4 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = both(&t, et_input(&t, EDGE_DTYPE_F32, 3, dims), 0.02f, 120);
  const uint32_t second = pair ? et_scalar(&t, -0.75f) : EI_NONE;
  expect_integer(&t, both(&t, et_op(&t, op, x, second, EI_NONE, EI_NONE), limit, 128), op, limit * 1.01f);
}

/* Data movement runs on bytes, and Quantize climbs over it to its producer. */
static void movement(void) {
  const int64_t dims[4] = { 1, 3, 4, 5 }, perm[4] = { 0, 2, 3, 1 }, shape[2] = { 4, 15 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = both(&t, et_input(&t, EDGE_DTYPE_F32, 4, dims), 0.02f, 120);
  uint32_t y = et_op(&t, "Transpose", et_op(&t, "Tanh", x, EI_NONE, EI_NONE, EI_NONE), EI_NONE, EI_NONE, EI_NONE);
  ET_CHECK(ei_node_set_ints(t.g, et_last(&t), "perm", perm, 4) == EDGE_STATUS_OK);
  y = et_op(&t, "Reshape", y, et_list(&t, shape, 2), EI_NONE, EI_NONE);
  expect_integer(&t, both(&t, y, 0.01f, 128), "Tanh", 0.0101f);
}

/* Clip: the bounds become stored values. */
static void clip(void) {
  const int64_t dims[2] = { 4, 9 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = both(&t, et_input(&t, EDGE_DTYPE_F32, 2, dims), 0.02f, 120);
  const uint32_t y = et_op(&t, "Clip", x, et_scalar(&t, -0.5f), et_scalar(&t, 1.0f), EI_NONE);
  expect_integer(&t, both(&t, y, 0.01f, 90), "Clip", 0.0101f);
}

/* A value that also leaves in float must stay float. */
static void shared_float(void) {
  const int64_t dims[2] = { 4, 9 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = both(&t, et_input(&t, EDGE_DTYPE_F32, 2, dims), 0.02f, 120);
  const uint32_t y = et_op(&t, "Sigmoid", x, EI_NONE, EI_NONE, EI_NONE);
  const uint32_t out[2] = { y, both(&t, y, 0.01f, 0) };
  et_finish(&t, out, 2);
  et_pass(&t, ei_pass_qdq, 0.0f);
  const ei_node *const n = et_only(&t, "Sigmoid");
  ET_CHECK(n && t.g->subgraphs[0].tensors[n->in[0]].dtype == EDGE_DTYPE_F32);
  et_end(&t);
}

/* Raw integer arithmetic on a quantized tensor must not start to mean real values. */
static void raw_reader(void) {
  const int64_t dims[2] = { 4, 9 };
  et_graph t;
  et_begin(&t);
  const uint32_t q = quantize(&t, et_input(&t, EDGE_DTYPE_F32, 2, dims), 0.02f, 120);
  const uint32_t raw = et_op(&t, "Cast", q, EI_NONE, EI_NONE, EI_NONE);
  ET_CHECK(ei_node_set_int(t.g, et_last(&t), "dtype", EDGE_DTYPE_F32) == EDGE_STATUS_OK);
  t.g->subgraphs[0].tensors[raw].dtype = EDGE_DTYPE_F32;
  const uint32_t y = et_op(&t, "Add", raw, dequantize(&t, q, 0.02f, 120), EI_NONE, EI_NONE);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_qdq, 0.0f);
  et_end(&t);
}

void et_cases_quant(void) {
  for (int form = 0; form < 4; ++form) conv(form);
  fully_connected();
  elementwise("Add", true, 0.03f);
  elementwise("Mul", true, 0.02f);
  elementwise("Sigmoid", false, 0.005f);
  elementwise("HardSwish", false, 0.02f);
  movement();
  clip();
  shared_float();
  raw_reader();
}
