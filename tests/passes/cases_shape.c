/* SPDX-License-Identifier: Apache-2.0
 * Passes about shape and order: folding, dead code, simplify, common subexpressions, transposes, padding. */
#include "passes_graph.h"

void et_cases_shape(void);

static const int64_t nhwc[4] = { 0, 2, 3, 1 }, nchw[4] = { 0, 3, 1, 2 };

static uint32_t transpose(et_graph *t, uint32_t x, const int64_t *perm, uint32_t n) {
  const uint32_t y = et_op(t, "Transpose", x, EI_NONE, EI_NONE, EI_NONE);
  if (ei_node_set_ints(t->g, et_last(t), "perm", perm, n) != EDGE_STATUS_OK) et_fail(__FILE__, __LINE__, "memory");
  return y;
}

static uint32_t conv(et_graph *t, uint32_t x, int64_t in, int64_t out) {
  const int64_t w[4] = { out, 3, 3, in }, b[1] = { out }, pads[4] = { 1, 1, 1, 1 };
  const uint32_t wt = et_const(t, 4, w, NULL, 0), bt = et_const(t, 1, b, NULL, 0);
  const uint32_t y = et_op(t, "Conv", x, wt, bt, EI_NONE);
  ET_CHECK(ei_node_set_ints(t->g, et_last(t), "pads", pads, 4) == EDGE_STATUS_OK);
  return y;
}

static uint32_t conv_nchw(et_graph *t, uint32_t x, int64_t in, int64_t out) {
  return transpose(t, conv(t, transpose(t, x, nhwc, 4), in, out), nchw, 4);
}

static void folding(void) {
  const int64_t dims[2] = { 2, 3 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 2, dims);
  const uint32_t sum = et_op(&t, "Add", et_const(&t, 2, dims, NULL, 0), et_scalar(&t, 2.0f), EI_NONE, EI_NONE);
  const uint32_t shape = et_op(&t, "Shape", x, EI_NONE, EI_NONE, EI_NONE);
  const uint32_t y = et_op(&t, "Reshape", et_op(&t, "Mul", x, sum, EI_NONE, EI_NONE), shape, EI_NONE, EI_NONE);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_fold, 0.0f);
  ET_CHECK(et_count(&t, "Add") == 0 && et_count(&t, "Shape") == 0 && et_count(&t, "Mul") == 1);
  et_end(&t);
}

/* A table that is made from little grows to its size once; a chain of them has an end. */
static void folding_tables(void) {
  const int64_t column[2] = { 1024, 1 }, line[2] = { 1, 1024 }, big[2] = { 2304, 1 }, wide[2] = { 1, 2048 };
  for (int form = 0; form < 2; ++form) {
    et_graph t;
    et_begin(&t);
    const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 2, form ? wide : line);
    const uint32_t table = et_op(&t, "Mul", et_const(&t, 2, form ? big : column, NULL, 0),
                                 et_const(&t, 2, form ? wide : line, NULL, 0), EI_NONE, EI_NONE);
    const uint32_t y = et_op(&t, "Add", x, et_op(&t, "Cos", table, EI_NONE, EI_NONE, EI_NONE), EI_NONE, EI_NONE);
    et_finish(&t, &y, 1);
    et_pass(&t, ei_pass_fold, 0.0f);
    ET_CHECK(et_count(&t, "Cos") == (uint32_t)form && et_count(&t, "Add") == 1); /* 4 MiB, 18 MiB */
    et_end(&t);
  }
}

static void dead_code(void) {
  const int64_t dims[2] = { 2, 3 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 2, dims);
  et_op(&t, "Exp", et_op(&t, "Abs", x, EI_NONE, EI_NONE, EI_NONE), EI_NONE, EI_NONE, EI_NONE);
  const uint32_t y = et_op(&t, "Neg", x, EI_NONE, EI_NONE, EI_NONE);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_dead_code, 0.0f);
  ET_CHECK(et_count(&t, NULL) == 1);
  et_end(&t);
}

static void simplify(void) {
  const int64_t dims[2] = { 2, 6 }, first[3] = { 2, 3, 2 }, last[2] = { 3, 4 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 2, dims);
  uint32_t y = et_op(&t, "Identity", et_op(&t, "Abs", x, EI_NONE, EI_NONE, EI_NONE), EI_NONE, EI_NONE, EI_NONE);
  y = et_op(&t, "Reshape", y, et_list(&t, first, 3), EI_NONE, EI_NONE);
  y = et_op(&t, "Reshape", y, et_list(&t, last, 2), EI_NONE, EI_NONE);
  y = et_op(&t, "Identity", y, EI_NONE, EI_NONE, EI_NONE);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_simplify, 0.0f);
  ET_CHECK(et_count(&t, "Identity") == 0 && et_count(&t, "Reshape") == 1);
  et_end(&t);
}

/* An identity between an input and an output must stay: it is what copies. */
static void identity_of_input(void) {
  const int64_t dims[1] = { 4 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 1, dims);
  const uint32_t y = et_op(&t, "Identity", x, EI_NONE, EI_NONE, EI_NONE);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_simplify, 0.0f);
  ET_CHECK(et_count(&t, NULL) == 1);
  et_end(&t);
}

static void resize_axes(void) {
  const int64_t dims[4] = { 1, 3, 4, 2 }, four[1] = { 4 };
  const float scales[4] = { 1.0f, 2.0f, 2.0f, 1.0f };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 4, dims);
  const uint32_t y = et_op(&t, "Resize", x, EI_NONE, et_const(&t, 1, four, scales, 4), EI_NONE);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_simplify, 0.0f);
  int64_t axes[4] = { 0 };
  ET_CHECK(ei_node_ints(et_only(&t, "Resize"), "axes", axes, 4) == 2 && axes[0] == 1 && axes[1] == 2);
  et_end(&t);
}

static void cse(void) {
  const int64_t dims[2] = { 2, 3 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 2, dims);
  const uint32_t a = et_op(&t, "Exp", x, EI_NONE, EI_NONE, EI_NONE), b = et_op(&t, "Exp", x, EI_NONE, EI_NONE, EI_NONE);
  const uint32_t c = et_op(&t, "LeakyRelu", x, EI_NONE, EI_NONE, EI_NONE);
  ET_CHECK(ei_node_set_float(t.g, et_last(&t), "alpha", 0.3) == EDGE_STATUS_OK);
  const uint32_t d = et_op(&t, "LeakyRelu", x, EI_NONE, EI_NONE, EI_NONE);
  const uint32_t y = et_op(&t, "Sum", a, b, c, d);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_cse, 0.0f);
  ET_CHECK(et_count(&t, "Exp") == 1 && et_count(&t, "LeakyRelu") == 2);
  et_end(&t);
}

/* Two convolutions, an activation, a residual, a branch that squeezes and excites: no transpose but the border's. */
static void transposes_network(void) {
  const int64_t dims[4] = { 1, 3, 6, 5 }, axes[2] = { 2, 3 }, gate[4] = { 1, 4, 1, 1 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 4, dims);
  const uint32_t a = et_op(&t, "Relu", conv_nchw(&t, x, 3, 4), EI_NONE, EI_NONE, EI_NONE);
  const uint32_t mean = et_op(&t, "ReduceMean", a, et_list(&t, axes, 2), EI_NONE, EI_NONE);
  const uint32_t s = et_op(&t, "Mul", mean, et_const(&t, 4, gate, NULL, 0), EI_NONE, EI_NONE);
  const uint32_t b = conv_nchw(&t, et_op(&t, "Mul", a, s, EI_NONE, EI_NONE), 4, 4);
  const uint32_t y = et_op(&t, "Add", a, b, EI_NONE, EI_NONE);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_transposes, 1e-5f);
  ET_CHECK(et_count(&t, "Transpose") == 2);
  et_end(&t);
}

/* Axes and lists of the other operators that transposes pass through. */
static void transposes_others(void) {
  const int64_t dims[4] = { 1, 4, 6, 5 }, pads[8] = { 0, 0, 1, 2, 0, 0, 0, 1 }, start[1] = { 1 }, end[1] = { 5 },
                axis[1] = { 2 };
  const int64_t sizes[2] = { 3, 5 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 4, dims);
  uint32_t y = conv_nchw(&t, x, 4, 4);
  y = et_op(&t, "Pad", y, et_list(&t, pads, 8), EI_NONE, EI_NONE);
  y = et_op(&t, "Slice", y, et_list(&t, start, 1), et_list(&t, end, 1), et_list(&t, axis, 1));
  const uint32_t z = et_op(&t, "Softmax", y, EI_NONE, EI_NONE, EI_NONE);
  ET_CHECK(ei_node_set_int(t.g, et_last(&t), "axis", 1) == EDGE_STATUS_OK);
  y = et_op(&t, "Concat", y, z, EI_NONE, EI_NONE);
  ET_CHECK(ei_node_set_int(t.g, et_last(&t), "axis", 1) == EDGE_STATUS_OK);
  y = et_op(&t, "Resize", y, et_list(&t, sizes, 2), EI_NONE, EI_NONE);
  const int64_t spatial[2] = { 2, 3 };
  ET_CHECK(ei_node_set_ints(t.g, et_last(&t), "axes", spatial, 2) == EDGE_STATUS_OK);
  y = conv_nchw(&t, y, 8, 3);
  const int64_t two[2] = { 1, 3 };
  y = et_op(&t, "ReduceMax", y, et_list(&t, two, 2), EI_NONE, EI_NONE);
  ET_CHECK(ei_node_set_int(t.g, et_last(&t), "keep_dims", 0) == EDGE_STATUS_OK);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_transposes, 1e-5f);
  ET_CHECK(et_count(&t, "Transpose") == 1);
  et_end(&t);
}

/* [N, C, 1, 1] -> [N, C]: moving dimensions of 1 is no work at all. */
static void transposes_flatten(void) {
  const int64_t dims[4] = { 2, 3, 4, 4 }, axes[2] = { 2, 3 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 4, dims);
  const uint32_t mean = et_op(&t, "ReduceMean", conv_nchw(&t, x, 3, 5), et_list(&t, axes, 2), EI_NONE, EI_NONE);
  const uint32_t y = et_op(&t, "Flatten", mean, EI_NONE, EI_NONE, EI_NONE);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_transposes, 1e-5f);
  ET_CHECK(et_count(&t, "Transpose") == 1);
  et_end(&t);
}

/* Shape of a transposed tensor with an unknown batch does not need the data moved. */
static void transposes_shape(void) {
  const int64_t dims[4] = { 2, 3, 4, 5 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 4, dims);
  const uint32_t y = et_op(&t, "Shape", transpose(&t, x, nhwc, 4), EI_NONE, EI_NONE, EI_NONE);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_transposes, 0.0f);
  ET_CHECK(et_count(&t, "Transpose") == 0);
  et_end(&t);
}

static void pad(void) {
  const int64_t dims[4] = { 1, 6, 5, 3 }, pads[8] = { 0, 1, 0, 0, 0, 2, 1, 0 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 4, dims);
  const uint32_t y = conv(&t, et_op(&t, "Pad", x, et_list(&t, pads, 8), EI_NONE, EI_NONE), 3, 4);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_pad, 1e-5f);
  ET_CHECK(et_count(&t, "Pad") == 0);
  et_end(&t);
}

void et_cases_shape(void) {
  folding();
  folding_tables();
  dead_code();
  simplify();
  identity_of_input();
  resize_axes();
  cse();
  transposes_network();
  transposes_others();
  transposes_flatten();
  transposes_shape();
  pad();
}
