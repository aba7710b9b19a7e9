/* SPDX-License-Identifier: Apache-2.0
 * Passes about arithmetic: patterns, batch norms, biases, activations, products, storage types. */
#include "passes_graph.h"

void et_cases_arith(void);

static const int64_t rows[3] = { 2, 3, 8 }, row[1] = { 8 };

static uint32_t op1(et_graph *t, const char *op, uint32_t a) {
  return et_op(t, op, a, EI_NONE, EI_NONE, EI_NONE);
}
static uint32_t op2(et_graph *t, const char *op, uint32_t a, uint32_t b) {
  return et_op(t, op, a, b, EI_NONE, EI_NONE);
}

static uint32_t begin(et_graph *t) {
  et_begin(t);
  return et_input(t, EDGE_DTYPE_F32, 3, rows);
}

/* Finish, run the pass, expect one node of `op` and `total` nodes. */
static void expect(et_graph *t, uint32_t y, ei_pass_fn pass, const char *op, uint32_t total) {
  et_finish(t, &y, 1);
  et_pass(t, pass, 2e-5f);
  if (et_count(t, op) != 1 || et_count(t, NULL) != total) et_fail("pattern was not found", 0, op);
  et_end(t);
}

static void gelu(void) {
  for (int form = 0; form < 3; ++form) {
    et_graph t;
    const uint32_t x = begin(&t);
    const uint32_t inner =
        form == 1 ? op2(&t, "Mul", x, et_scalar(&t, 0.70710678f)) : op2(&t, "Div", x, et_scalar(&t, 1.41421356f));
    const uint32_t one = op2(&t, "Add", op1(&t, "Erf", inner), et_scalar(&t, 1.0f));
    uint32_t y;
    if (form == 0)
      y = op2(&t, "Mul", op2(&t, "Mul", x, one), et_scalar(&t, 0.5f));
    else if (form == 1)
      y = op2(&t, "Mul", x, op2(&t, "Mul", et_scalar(&t, 0.5f), one));
    else
      y = op2(&t, "Mul", op2(&t, "Mul", x, et_scalar(&t, 0.5f)), one);
    expect(&t, y, ei_pass_patterns, "Gelu", 1);
  }
}

static void swishes(void) {
  et_graph t;
  uint32_t x = begin(&t);
  expect(&t, op2(&t, "Mul", x, op1(&t, "Sigmoid", x)), ei_pass_patterns, "Swish", 1);
  x = begin(&t);
  const uint32_t gate = op1(&t, "HardSigmoid", x);
  ET_CHECK(ei_node_set_float(t.g, et_last(&t), "alpha", 1.0 / 6.0) == EDGE_STATUS_OK);
  expect(&t, op2(&t, "Mul", gate, x), ei_pass_patterns, "HardSwish", 1);
  x = begin(&t);
  const uint32_t six =
      et_op(&t, "Clip", op2(&t, "Add", x, et_scalar(&t, 3.0f)), et_scalar(&t, 0.0f), et_scalar(&t, 6.0f), EI_NONE);
  expect(&t, op2(&t, "Div", op2(&t, "Mul", x, six), et_scalar(&t, 6.0f)), ei_pass_patterns, "HardSwish", 1);
  x = begin(&t); /* a sigmoid of something else is no Swish */
  et_finish(&t, (uint32_t[]) { op2(&t, "Mul", x, op1(&t, "Sigmoid", op1(&t, "Neg", x))) }, 1);
  et_pass(&t, ei_pass_patterns, 0.0f);
  ET_CHECK(et_count(&t, "Swish") == 0);
  et_end(&t);
}

static void layer_norm(void) {
  const int64_t last[1] = { -1 };
  et_graph t;
  const uint32_t x = begin(&t), axis = et_list(&t, last, 1);
  const uint32_t d = op2(&t, "Sub", x, op2(&t, "ReduceMean", x, axis));
  const uint32_t var = op2(&t, "ReduceMean", op2(&t, "Pow", d, et_scalar(&t, 2.0f)), axis);
  const uint32_t n = op2(&t, "Div", d, op1(&t, "Sqrt", op2(&t, "Add", var, et_scalar(&t, 1e-5f))));
  const uint32_t y = op2(&t, "Add", op2(&t, "Mul", n, et_const(&t, 1, row, NULL, 0)), et_const(&t, 1, row, NULL, 0));
  expect(&t, y, ei_pass_patterns, "LayerNorm", 1);
}

/* as TensorFlow writes it: the squares without the difference, the scale first at the root */
static void layer_norm_squares(void) {
  const int64_t last[1] = { 2 };
  for (int scaled = 0; scaled < 3; ++scaled) {
    et_graph t;
    const uint32_t x = begin(&t), axis = et_list(&t, last, 1), mean = op2(&t, "ReduceMean", x, axis);
    const uint32_t squares =
        scaled == 1 ? op2(&t, "SquaredDifference", mean, x) : op2(&t, "SquaredDifference", x, mean);
    const uint32_t var = op2(&t, "ReduceMean", squares, axis), d = op2(&t, "Sub", x, mean);
    const uint32_t root = op1(&t, "Rsqrt", op2(&t, "Add", var, et_scalar(&t, 1e-5f)));
    const uint32_t gamma = et_const(&t, 1, row, NULL, 0), beta = et_const(&t, 1, row, NULL, 0);
    uint32_t y = scaled == 1 ? op2(&t, "Mul", op2(&t, "Mul", gamma, root), d) : EI_NONE;
    if (scaled == 2) y = op2(&t, "Mul", d, op2(&t, "Mul", root, gamma));
    if (scaled == 0) y = op2(&t, "Mul", op2(&t, "Mul", d, root), gamma);
    expect(&t, op2(&t, "Add", y, beta), ei_pass_patterns, "LayerNorm", 1);
  }
  et_graph t; /* squares of another difference */
  const uint32_t x = begin(&t), axis = et_list(&t, last, 1), mean = op2(&t, "ReduceMean", x, axis);
  const uint32_t squares = op2(&t, "SquaredDifference", op1(&t, "Neg", x), mean);
  const uint32_t root = op1(&t, "Rsqrt", op2(&t, "Add", op2(&t, "ReduceMean", squares, axis), et_scalar(&t, 1e-5f)));
  et_finish(&t, (uint32_t[]) { op2(&t, "Mul", op2(&t, "Sub", x, mean), root) }, 1);
  et_pass(&t, ei_pass_patterns, 0.0f);
  ET_CHECK(et_count(&t, "LayerNorm") == 0 && et_count(&t, "RmsNorm") == 0);
  et_end(&t);
}

static void rms_norm(void) {
  const int64_t last[1] = { 2 };
  et_graph t;
  const uint32_t x = begin(&t);
  const uint32_t mean = op2(&t, "ReduceMean", op2(&t, "Mul", x, x), et_list(&t, last, 1));
  const uint32_t n = op2(&t, "Mul", x, op1(&t, "Rsqrt", op2(&t, "Add", mean, et_scalar(&t, 1e-6f))));
  expect(&t, op2(&t, "Mul", et_const(&t, 1, row, NULL, 0), n), ei_pass_patterns, "RmsNorm", 1);
}

static void softmax(void) {
  const int64_t axis[1] = { 1 };
  et_graph t;
  const uint32_t x = begin(&t), axes = et_list(&t, axis, 1);
  const uint32_t e = op1(&t, "Exp", op2(&t, "Sub", x, op2(&t, "ReduceMax", x, axes)));
  expect(&t, op2(&t, "Div", e, op2(&t, "ReduceSum", e, axes)), ei_pass_patterns, "Softmax", 1);
}

static uint32_t conv(et_graph *t) {
  const int64_t dims[4] = { 1, 4, 5, 3 }, w[4] = { 8, 2, 2, 3 };
  et_begin(t);
  const uint32_t x = et_input(t, EDGE_DTYPE_F32, 4, dims);
  return op2(t, "Conv", x, et_const(t, 4, w, NULL, 0));
}

/* Windows side by side: a product and DepthToSpace; anything else stays. */
static void upconv(void) {
  const int64_t x_dims[4] = { 2, 3, 5, 4 }, two[2] = { 2, 2 }, one[2] = { 1, 1 };
  for (int form = 0; form < 4; ++form) {
    const int64_t w_dims[4] = { 3, 2, form == 3 ? 3 : 2, 4 }, b_dims[1] = { 3 };
    et_graph t;
    et_begin(&t);
    const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 4, x_dims);
    uint32_t y = et_op(&t, "ConvTranspose", x, et_const(&t, 4, w_dims, NULL, 0),
                       form == 0 ? EI_NONE : et_const(&t, 1, b_dims, NULL, 0), EI_NONE);
    ET_CHECK(ei_node_set_ints(t.g, et_last(&t), "strides", form == 2 ? one : two, 2) == EDGE_STATUS_OK);
    if (form == 1) ET_CHECK(ei_node_set_int(t.g, et_last(&t), "act", 1) == EDGE_STATUS_OK);
    et_finish(&t, &y, 1);
    et_pass(&t, ei_pass_upconv, 2e-5f);
    ET_CHECK(et_count(&t, "Conv") == (form < 2) && et_count(&t, "DepthToSpace") == (form < 2));
    ET_CHECK(et_count(&t, "ConvTranspose") == (form >= 2));
    et_end(&t);
  }
}

static void batch_norm(void) {
  const float variance[3] = { 0.5f, 1.0f, 2.0f };
  et_graph t;
  const uint32_t x = conv(&t);
  const uint32_t scale = et_const(&t, 1, row, NULL, 0), bias = et_const(&t, 1, row, NULL, 0),
                 mean = et_const(&t, 1, row, NULL, 0);
  const uint32_t in[5] = { x, scale, bias, mean, et_const(&t, 1, row, variance, 3) };
  uint32_t y = op1(&t, "Abs", x);
  t.g->subgraphs[0].n_nodes--; /* borrow its output tensor */
  ET_CHECK(ei_graph_add_node(t.g, 0, "BatchNorm", "bn", in, 5, &y, 1) != NULL);
  expect(&t, y, ei_pass_batch_norm, "Conv", 1);
}

static void bias(void) {
  const int64_t channel[4] = { 1, 1, 1, 8 };
  et_graph t;
  const uint32_t x = conv(&t);
  expect(&t, op2(&t, "Add", x, et_const(&t, 4, channel, NULL, 0)), ei_pass_bias, "Conv", 1);
}

static void bias_forms(void) {
  et_graph t;
  uint32_t y = conv(&t);
  y = op2(&t, "Mul", y, et_scalar(&t, 0.25f));
  y = op2(&t, "Sub", y, et_const(&t, 1, row, NULL, 0));
  y = op2(&t, "Sub", et_scalar(&t, 1.5f), y);
  y = op2(&t, "Div", y, et_scalar(&t, 3.0f));
  expect(&t, y, ei_pass_bias, "Conv", 1);
  const uint32_t x = begin(&t);
  const int64_t w[2] = { 8, 8 };
  y = op2(&t, "Add", et_const(&t, 1, row, NULL, 0), op2(&t, "MatMul", x, et_const(&t, 2, w, NULL, 0)));
  expect(&t, y, ei_pass_bias, "MatMul", 1);
}

/* A constant along another dimension is no bias. */
static void bias_refused(void) {
  const int64_t wide[4] = { 1, 3, 4, 8 };
  et_graph t;
  const uint32_t x = conv(&t);
  expect(&t, op2(&t, "Add", x, et_const(&t, 4, wide, NULL, 0)), ei_pass_bias, "Add", 2);
}

static void activation(void) {
  et_graph t;
  uint32_t y = op1(&t, "Relu6", conv(&t));
  expect(&t, y, ei_pass_activation, "Conv", 1);
  y = conv(&t);
  y = et_op(&t, "Clip", y, et_scalar(&t, -0.25f), EI_NONE, EI_NONE);
  expect(&t, y, ei_pass_activation, "Conv", 1);
  const uint32_t x = begin(&t);
  const uint32_t sum = op2(&t, "Add", x, x);
  y = op2(&t, "Mul", op1(&t, "Relu", sum), sum); /* used twice: stays */
  expect(&t, y, ei_pass_activation, "Relu", 3);
}

static void matmul(void) {
  const int64_t w[2] = { 8, 5 }, swap[3] = { 0, 2, 1 }, cube[4] = { 1, 6, 2, 4 }, heads[4] = { 0, 2, 3, 1 },
                plain[4] = { 0, 2, 1, 3 };
  et_graph t;
  uint32_t x = begin(&t);
  expect(&t, et_op(&t, "MatMul", x, et_const(&t, 2, w, NULL, 0), EI_NONE, EI_NONE), ei_pass_matmul, "FullyConnected",
         1);
  x = begin(&t);
  const uint32_t turned = op1(&t, "Transpose", x);
  ET_CHECK(ei_node_set_ints(t.g, et_last(&t), "perm", swap, 3) == EDGE_STATUS_OK);
  expect(&t, op2(&t, "MatMul", x, turned), ei_pass_matmul, "MatMul", 1);
  et_begin(&t);
  x = et_input(&t, EDGE_DTYPE_F32, 4, cube);
  const uint32_t q = op1(&t, "Transpose", x);
  ET_CHECK(ei_node_set_ints(t.g, et_last(&t), "perm", plain, 4) == EDGE_STATUS_OK);
  const uint32_t k = op1(&t, "Transpose", x);
  ET_CHECK(ei_node_set_ints(t.g, et_last(&t), "perm", heads, 4) == EDGE_STATUS_OK);
  const uint32_t y = op2(&t, "MatMul", q, k);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_matmul, 1e-5f);
  ET_CHECK(et_only(&t, "MatMul") && ei_node_int(et_only(&t, "MatMul"), "trans_b") == 1);
  et_end(&t);
}

static void widen(void) {
  const int64_t dims[2] = { 3, 8 }, w[2] = { 5, 8 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F16, 2, dims);
  uint16_t *const half = EI_NEW_ARRAY(&t.arena, uint16_t, 40);
  for (int i = 0; half && i < 40; ++i) half[i] = ei_f32_to_f16((float)(i % 7) * 0.25f - 0.7f);
  ei_tensor wt;
  memset(&wt, 0, sizeof wt);
  wt.name = "w";
  wt.dtype = EDGE_DTYPE_F16;
  wt.rank = 2;
  memcpy(wt.dims, w, sizeof w);
  wt.data = half;
  wt.data_bytes = 80;
  const uint32_t y = op1(&t, "Relu", op2(&t, "FullyConnected", x, ei_graph_add_tensor(t.g, 0, &wt)));
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_widen_f16, 0.01f);
  ET_CHECK(et_count(&t, "Cast") == 2 && et_only(&t, "FullyConnected") != NULL);
  ET_CHECK(t.g->subgraphs[0].tensors[et_only(&t, "FullyConnected")->in[1]].dtype == EDGE_DTYPE_F32);
  et_end(&t);
}

static uint32_t half_const(et_graph *t, int64_t a, int64_t b) {
  ei_tensor w;
  memset(&w, 0, sizeof w);
  w.name = "w";
  w.dtype = EDGE_DTYPE_F16;
  w.rank = 2;
  w.dims[0] = a;
  w.dims[1] = b;
  w.data_bytes = (uint64_t)(a * b) * 2;
  uint16_t *const half = EI_NEW_ARRAY(&t->arena, uint16_t, (uint64_t)(a * b));
  for (int64_t i = 0; half && i < a * b; ++i) half[i] = ei_f32_to_f16((float)(i % 13) * 0.03125f - 0.2f);
  w.data = half;
  return ei_graph_add_tensor(t->g, 0, &w);
}

/* no constant of f32 as large as the f16 ones */
static bool stays_half(const et_graph *t) {
  for (uint32_t i = 0; i < t->g->subgraphs[0].n_nodes; ++i) {
    const ei_node *const n = &t->g->subgraphs[0].nodes[i];
    for (uint32_t k = 0; n->op && k < n->n_in; ++k) {
      const ei_tensor *const x = n->in[k] == EI_NONE ? NULL : &t->g->subgraphs[0].tensors[n->in[k]];
      if (x && x->data && x->dtype == EDGE_DTYPE_F32 && x->data_bytes > 4096) return false;
    }
  }
  return true;
}

static uint32_t wide(et_graph *t, uint32_t x) {
  const uint32_t y = op1(t, "Cast", x);
  ET_CHECK(ei_node_set_int(t->g, et_last(t), "dtype", EDGE_DTYPE_F32) == EDGE_STATUS_OK);
  return y;
}

/* f32 network, f16 constants behind Casts: a table, weights as they are and behind a Transpose */
static void half_weights(void) {
  static const int64_t swap[2] = { 1, 0 };
  const int64_t ids[1] = { 6 };
  et_graph t;
  et_begin(&t);
  const uint32_t i = et_ints(&t, EDGE_DTYPE_S32, 1, ids, 0, 63);
  const uint32_t found = op2(&t, "Gather", wide(&t, half_const(&t, 64, 72)), i);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 2, (const int64_t[2]) { 6, 72 });
  const uint32_t h = op2(&t, "MatMul", op2(&t, "Add", found, x), wide(&t, half_const(&t, 72, 80)));
  const uint32_t w = op1(&t, "Transpose", wide(&t, half_const(&t, 60, 80)));
  ET_CHECK(ei_node_set_ints(t.g, et_last(&t), "perm", swap, 2) == EDGE_STATUS_OK);
  const uint32_t y = op2(&t, "MatMul", h, w);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_half_weights, 1e-5f);
  ET_CHECK(et_count(&t, "Cast") == 1 && et_count(&t, "Transpose") == 0 && stays_half(&t));
  et_end(&t);
}

/* f16 network: its weights stay */
static void half_network(void) {
  const int64_t dims[2] = { 6, 72 };
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F16, 2, dims);
  const uint32_t y = op2(&t, "MatMul", op1(&t, "Relu", x), half_const(&t, 72, 80));
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_widen_f16, 0.01f);
  ET_CHECK(et_count(&t, "Cast") == 2 && stays_half(&t));
  ET_CHECK(t.g->subgraphs[0].tensors[et_only(&t, "MatMul")->in[1]].dtype == EDGE_DTYPE_F16);
  et_end(&t);
}

static void float_weights(void) {
  const int64_t w[2] = { 5, 8 };
  static const float scale[1] = { 0.02f };
  static const int32_t zero[1] = { 3 };
  et_graph t;
  const uint32_t x = begin(&t);
  const uint32_t q = et_ints(&t, EDGE_DTYPE_S8, 2, w, -127, 127);
  t.g->subgraphs[0].tensors[q].quant = (edge_quant) { scale, zero, 1, 0, 0, 0 };
  const uint32_t y = op2(&t, "FullyConnected", x, q);
  et_finish(&t, &y, 1);
  et_pass(&t, ei_pass_float_weights, 1e-5f);
  ET_CHECK(t.g->subgraphs[0].tensors[et_only(&t, "FullyConnected")->in[1]].dtype == EDGE_DTYPE_F32);
  et_end(&t);
}

void et_cases_arith(void) {
  gelu();
  swishes();
  layer_norm();
  layer_norm_squares();
  rms_norm();
  softmax();
  batch_norm();
  upconv();
  bias();
  bias_forms();
  bias_refused();
  activation();
  matmul();
  widen();
  half_weights();
  half_network();
  float_weights();
}
