/* SPDX-License-Identifier: Apache-2.0
 * Operators of the com.microsoft domain that optimisers and quantizers leave in files, as recipes. */
#include "map.h"

/* ---- fused float operators */

/* Operators of our set with a parameter or two, in the order in which files list them. */
static const struct {
  const char *name, *first, *second;
} activations[] = {
  { "Relu", NULL, NULL },
  { "Tanh", NULL, NULL },
  { "Sigmoid", NULL, NULL },
  { "Softplus", NULL, NULL },
  { "Softsign", NULL, NULL },
  { "LeakyRelu", "alpha", NULL },
  { "Elu", "alpha", NULL },
  { "Celu", "alpha", NULL },
  { "HardSigmoid", "alpha", "beta" },
  { "Selu", "alpha", "gamma" },
  { "ThresholdedRelu", "alpha", NULL },
};

static uint32_t activate(ei_ox_call *c, uint32_t x, const char *name, const double *p, uint32_t n, uint32_t out) {
  if (strcmp(name, "Clip") == 0 && n >= 2)
    return EI_OX(c, "Clip", out, x, ei_ox_const_like(c, x, p[0]), ei_ox_const_like(c, x, p[1]));
  for (size_t i = 0; i < EI_COUNT(activations); ++i) {
    if (strcmp(activations[i].name, name) != 0) continue;
    out = EI_OX(c, name, out, x);
    if (activations[i].first && n >= 1) ei_ox_set_float(c, activations[i].first, p[0]);
    if (activations[i].second && n >= 2) ei_ox_set_float(c, activations[i].second, p[1]);
    return out;
  }
  ei_ox_unsupported(c, "its fused activation is not supported");
  return x;
}

void ei_ox_map_fused_conv(ei_ox_call *c) {
  const char *const name = ei_ox_text_attr(c, "activation", "");
  const ei_ox_attr *const p = ei_ox_attr_find(c, "activation_params");
  const uint32_t in[3] = { ei_ox_in(c, 0), ei_ox_in(c, 1), ei_ox_in(c, 2) }, residual = ei_ox_in(c, 3);
  const bool active = *name != '\0';
  uint32_t y = ei_ox_conv_nodes(c, "Conv", in, 3, active || residual != EI_NONE ? EI_NONE : ei_ox_out(c, 0));
  if (residual != EI_NONE) y = EI_OX(c, "Add", active ? EI_NONE : ei_ox_out(c, 0), y, residual);
  if (active) activate(c, y, name, p ? p->floats : NULL, p ? p->n_floats : 0, ei_ox_out(c, 0));
}

/* The first dimension belongs behind those of the batch. */
static uint32_t batch_first(ei_ox_call *c, uint32_t t, bool wanted) {
  int64_t perm[EDGE_MAX_RANK] = { 0 };
  const int32_t rank = wanted ? ei_ox_rank(c, t) : 0;
  if (rank < 3 || !ei_ox_ok(c->x)) return t;
  for (int32_t i = 0; i < rank; ++i) perm[i] = i < rank - 2 ? i + 1 : i == rank - 2 ? 0 : i;
  return ei_ox_transpose(c, t, perm, (uint32_t)rank, EI_NONE);
}

void ei_ox_map_fused_matmul(ei_ox_call *c) {
  const double alpha = ei_ox_float(c, "alpha", 1.0);
  const uint32_t a = batch_first(c, ei_ox_in(c, 0), ei_ox_int(c, "transBatchA", 0) != 0);
  const uint32_t b = batch_first(c, ei_ox_in(c, 1), ei_ox_int(c, "transBatchB", 0) != 0);
  const uint32_t y = EI_OX(c, "MatMul", alpha == 1.0 ? ei_ox_out(c, 0) : EI_NONE, a, b);
  ei_ox_set_int(c, "trans_a", ei_ox_int(c, "transA", 0));
  ei_ox_set_int(c, "trans_b", ei_ox_int(c, "transB", 0));
  if (alpha != 1.0) EI_OX(c, "Mul", ei_ox_out(c, 0), y, ei_ox_const_like(c, a, alpha));
}

void ei_ox_map_fused_gemm(ei_ox_call *c) {
  const char *const name = ei_ox_text_attr(c, "activation", "");
  const double p[2] = { ei_ox_float(c, "activation_alpha", 0.01), strcmp(name, "Selu") == 0
                                                                      ? ei_ox_float(c, "activation_gamma", 1.0507)
                                                                      : ei_ox_float(c, "activation_beta", 0.5) };
  const uint32_t n = ei_ox_attr_find(c, "activation_alpha") ? 2 : 0;
  const uint32_t y = ei_ox_gemm_nodes(c, *name ? EI_NONE : ei_ox_out(c, 0));
  if (*name) activate(c, y, name, p, n, ei_ox_out(c, 0));
}

/* The same operator in the ONNX domain. */
void ei_ox_map_as_onnx(ei_ox_call *c) {
  c->opset = 18;
  c->row = ei_ox_find_row(c->n->op, "", c->opset);
  if (c->row)
    c->row->handler(c);
  else
    ei_ox_unsupported(c, "no such operator here");
}

/* y, inverse, counts; in the order of the input */
void ei_ox_map_unique_ms(ei_ox_call *c) {
  const uint32_t out[4] = { ei_ox_out(c, 0), EI_NONE, ei_ox_out(c, 1), ei_ox_out(c, 2) };
  ei_ox_emit(c, "Unique", c->in, c->n_in, out, 4);
  ei_ox_set_int(c, "sorted", 0);
}

void ei_ox_map_expand_dims(ei_ox_call *c) {
  EI_OX(c, "Unsqueeze", ei_ox_out(c, 0), ei_ox_in(c, 0), ei_ox_cast(c, ei_ox_in(c, 1), EDGE_DTYPE_S64, EI_NONE));
}

/* Softmax over the dimensions from axis on, of a sum. */
void ei_ox_map_bias_softmax(ei_ox_call *c) {
  const uint32_t sum = EI_OX(c, "Add", EI_NONE, ei_ox_in(c, 0), ei_ox_in(c, 1));
  EI_OX(c, "Softmax", ei_ox_out(c, 0), sum);
  ei_ox_set_int(c, "axis", ei_ox_int(c, "axis", 1));
  ei_ox_set_int(c, "flatten", 1);
}

/* Pools over [N, spatial..., C]. */
void ei_ox_map_nhwc_max_pool(ei_ox_call *c) {
  EI_OX(c, "MaxPool", ei_ox_out(c, 0), ei_ox_in(c, 0));
  ei_ox_set_window(c, true);
  if (ei_ox_int(c, "ceil_mode", 0)) ei_ox_set_int(c, "ceil_mode", 1);
}

/* Gelu, FastGelu and BiasGelu: the bias is optional. */
void ei_ox_map_bias_gelu(ei_ox_call *c) {
  uint32_t x = ei_ox_in(c, 0);
  if (ei_ox_in(c, 1) != EI_NONE) x = EI_OX(c, "Add", EI_NONE, x, ei_ox_in(c, 1));
  EI_OX(c, "Gelu", ei_ox_out(c, 0), x);
  ei_ox_set_int(c, "approximate", strcmp(c->n->op, "FastGelu") == 0);
}

/* Outputs: normalised, mean, inverse deviation, the sum that was normalised. */
void ei_ox_map_skip_norm(ei_ox_call *c) {
  const bool simple = strcmp(c->row->target, "RmsNorm") == 0;
  const uint32_t beta = simple ? EI_NONE : ei_ox_in(c, 3), bias = ei_ox_in(c, simple ? 3 : 4), sum = ei_ox_out(c, 3);
  uint32_t x = EI_OX(c, "Add", bias == EI_NONE ? sum : EI_NONE, ei_ox_in(c, 0), ei_ox_in(c, 1));
  if (bias != EI_NONE) x = EI_OX(c, "Add", sum, x, bias);
  const uint32_t in[3] = { x, ei_ox_in(c, 2), beta };
  ei_ox_emit(c, c->row->target, in, 3, c->out, simple || c->n_out < 1 ? 1 : c->n_out < 3 ? c->n_out : 3);
  ei_ox_set_int(c, "axis", -1);
  ei_ox_set_float(c, "epsilon", ei_ox_float(c, "epsilon", simple ? 1e-6 : 1e-12));
}
