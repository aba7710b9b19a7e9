/* SPDX-License-Identifier: Apache-2.0
 * Linear models and small preprocessing of the ai.onnx.ml domain. */
#include "learned.h"

/* ---- what all models end with */

uint32_t ei_ox_transformed(ei_ox_call *c, uint32_t x, int32_t kind, uint32_t out) {
  switch (kind) { /* NONE SOFTMAX LOGISTIC */
  case 0: return out == EI_NONE ? x : EI_OX(c, "Identity", out, x);
  case 1:
    out = EI_OX(c, "Softmax", out, x);
    ei_ox_set_int(c, "axis", -1);
    return out;
  case 2: return EI_OX(c, "Sigmoid", out, x);
  default: ei_ox_unsupported(c, "SOFTMAX_ZERO and PROBIT are not supported"); return x;
  }
}

int32_t ei_ox_transform_of(const ei_ox_call *c) {
  return ei_ox_word("NONE|SOFTMAX|LOGISTIC", ei_ox_text_attr(c, "post_transform", "NONE"));
}

void ei_ox_classify(ei_ox_call *c, uint32_t scores, bool one_score, bool positive) {
  uint32_t n = 0;
  const int64_t *const labels = ei_ox_ints(c, "classlabels_int64s", &n);
  const int64_t *const older = labels ? labels : ei_ox_ints(c, "classlabels_ints", &n);
  const int32_t kind = ei_ox_transform_of(c);
  uint32_t best;
  if (!older || n < 1) {
    ei_ox_unsupported(c, "only integer labels are supported");
    return;
  }
  if (one_score) {
    static const int64_t flat[1] = { -1 };
    const uint32_t above = EI_OX(c, "Greater", EI_NONE, scores, ei_ox_const_like(c, scores, positive ? 0.5 : 0.0));
    best = ei_ox_cast(c, ei_ox_reshape(c, above, flat, 1, EI_NONE), EDGE_DTYPE_S64, EI_NONE);
    const uint32_t first = positive && kind != 2 ? EI_OX(c, "Sub", EI_NONE, ei_ox_const_like(c, scores, 1), scores)
                                                 : EI_OX(c, "Neg", EI_NONE, scores);
    scores = EI_OX(c, "Concat", EI_NONE, first, scores);
    ei_ox_set_int(c, "axis", 1);
  } else {
    best = EI_OX(c, "ArgMax", EI_NONE, scores);
    ei_ox_set_int(c, "axis", 1);
    ei_ox_set_int(c, "keep_dims", 0);
  }
  if (ei_ox_out(c, 0) != EI_NONE) EI_OX(c, "Gather", ei_ox_out(c, 0), ei_ox_const_ints(c, older, n), best);
  if (ei_ox_out(c, 1) != EI_NONE) ei_ox_transformed(c, scores, kind, ei_ox_out(c, 1));
}

/* ---- linear models and small preprocessing */

static uint32_t float_list(ei_ox_call *c, const char *name, int64_t rows_wanted, uint32_t *n) {
  const ei_ox_attr *const a = ei_ox_attr_find(c, name);
  *n = a && a->type == EI_OX_FLOATS ? a->n_floats : 0;
  if (*n == 0) return EI_NONE;
  float *const v = EI_NEW_ARRAY(c->x->arena, float, (uint64_t)*n + 1);
  const int64_t dims[2] = { rows_wanted ? rows_wanted : *n, rows_wanted ? *n / rows_wanted : 0 };
  if (!v) {
    ei_ox_out_of_memory(c->x);
    return EI_NONE;
  }
  for (uint32_t i = 0; i < *n; ++i) v[i] = (float)a->floats[i];
  return ei_ox_const(c, EDGE_DTYPE_F32, dims, rows_wanted ? 2 : 1, v);
}

static uint32_t linear(ei_ox_call *c, int64_t targets) {
  uint32_t n = 0, k = 0;
  if (targets < 1 || targets > INT32_MAX) targets = 1;
  const uint32_t w = float_list(c, "coefficients", targets, &n), b = float_list(c, "intercepts", 0, &k);
  const uint32_t x = ei_ox_cast(c, ei_ox_in(c, 0), EDGE_DTYPE_F32, EI_NONE);
  if (w == EI_NONE || n % targets != 0) {
    ei_ox_fail(c, EDGE_STATUS_MALFORMED, "%u coefficients for %lld results", n, (long long)targets);
    return EI_NONE;
  }
  return EI_OX(c, "FullyConnected", EI_NONE, x, w, b);
}

void ei_ox_map_linear_regressor(ei_ox_call *c) {
  ei_ox_transformed(c, linear(c, ei_ox_int(c, "targets", 1)), ei_ox_transform_of(c), ei_ox_out(c, 0));
}

void ei_ox_map_linear_classifier(ei_ox_call *c) {
  uint32_t labels = 0, n = 0;
  const ei_ox_attr *const b = ei_ox_attr_find(c, "intercepts");
  if (!ei_ox_ints(c, "classlabels_ints", &labels)) labels = 0;
  n = b && b->n_floats ? b->n_floats : labels;
  ei_ox_classify(c, linear(c, n), labels == 2 && n == 1, false);
}

void ei_ox_map_scaler(ei_ox_call *c) {
  uint32_t n = 0;
  uint32_t x = ei_ox_cast(c, ei_ox_in(c, 0), EDGE_DTYPE_F32, EI_NONE);
  const uint32_t offset = float_list(c, "offset", 0, &n), scale = float_list(c, "scale", 0, &n);
  if (offset != EI_NONE) x = EI_OX(c, "Sub", scale == EI_NONE ? ei_ox_out(c, 0) : EI_NONE, x, offset);
  if (scale != EI_NONE)
    EI_OX(c, "Mul", ei_ox_out(c, 0), x, scale);
  else if (offset == EI_NONE)
    EI_OX(c, "Identity", ei_ox_out(c, 0), x);
}

void ei_ox_map_binarizer(ei_ox_call *c) {
  const uint32_t x = ei_ox_in(c, 0), limit = ei_ox_const_like(c, x, ei_ox_float(c, "threshold", 0));
  ei_ox_cast(c, EI_OX(c, "Greater", EI_NONE, x, limit), ei_ox_view(c, x)->dtype, ei_ox_out(c, 0));
}

/* A zero divisor leaves the row as it is. */
void ei_ox_map_normalizer(ei_ox_call *c) {
  static const int64_t last = -1;
  static const char *const reductions[3] = { "ReduceMax", "ReduceL1", "ReduceL2" };
  const int32_t kind = ei_ox_word("MAX|L1|L2", ei_ox_text_attr(c, "norm", "MAX"));
  const uint32_t x = ei_ox_cast(c, ei_ox_in(c, 0), EDGE_DTYPE_F32, EI_NONE);
  if (kind < 0) {
    ei_ox_unsupported(c, "only MAX, L1 and L2 are supported");
    return;
  }
  const uint32_t sum = EI_OX(c, reductions[kind], EI_NONE, x, ei_ox_const_ints(c, &last, 1));
  ei_ox_set_int(c, "keep_dims", 1);
  const uint32_t none = EI_OX(c, "Equal", EI_NONE, sum, ei_ox_const_like(c, sum, 0));
  EI_OX(c, "Div", ei_ox_out(c, 0), x, EI_OX(c, "Where", EI_NONE, none, ei_ox_const_like(c, sum, 1), sum));
}

/* The result always has a first dimension. */
void ei_ox_map_array_feature_extractor(ei_ox_call *c) {
  static const int64_t flat[1] = { -1 }, first = 0;
  const int32_t rank = ei_ox_rank(c, ei_ox_in(c, 0));
  const uint32_t ids = ei_ox_reshape(c, ei_ox_in(c, 1), flat, 1, EI_NONE);
  const uint32_t x = rank == 1 ? ei_ox_unsqueeze(c, ei_ox_in(c, 0), &first, 1) : ei_ox_in(c, 0);
  EI_OX(c, "Gather", ei_ox_out(c, 0), x, ids);
  ei_ox_set_int(c, "axis", -1);
}

void ei_ox_map_imputer(ei_ox_call *c) {
  uint32_t n = 0;
  const uint32_t x = ei_ox_in(c, 0);
  const double old = ei_ox_float(c, "replaced_value_float", 0);
  const int32_t dtype = ei_ox_view(c, x)->dtype;
  uint32_t values = float_list(c, "imputed_value_floats", 0, &n), hit;
  if (!ei_dtype_is_float(dtype)) {
    const int64_t *const v = ei_ox_ints(c, "imputed_value_int64s", &n);
    values = v ? ei_ox_const_ints(c, v, n) : EI_NONE;
    hit = EI_OX(c, "Equal", EI_NONE, x, ei_ox_const_like(c, x, (double)ei_ox_int(c, "replaced_value_int64", 0)));
  } else {
    hit = old != old ? EI_OX(c, "IsNaN", EI_NONE, x) : EI_OX(c, "Equal", EI_NONE, x, ei_ox_const_like(c, x, old));
  }
  if (values == EI_NONE)
    ei_ox_fail(c, EDGE_STATUS_MALFORMED, "there are no values to put in");
  else
    EI_OX(c, "Where", ei_ox_out(c, 0), hit, ei_ox_cast(c, values, dtype, EI_NONE), x);
}

void ei_ox_map_feature_vectorizer(ei_ox_call *c) {
  uint32_t *const parts = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)c->n_in + 1);
  if (!parts) {
    ei_ox_out_of_memory(c->x);
    return;
  }
  for (uint32_t i = 0; i < c->n_in; ++i) parts[i] = ei_ox_cast(c, c->in[i], EDGE_DTYPE_F32, EI_NONE);
  ei_ox_emit1(c, "Concat", ei_ox_out(c, 0), parts, c->n_in);
  ei_ox_set_int(c, "axis", -1);
}
