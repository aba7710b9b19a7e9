/* SPDX-License-Identifier: Apache-2.0
 * Min, Max, Sum and Mean of any number of broadcast inputs; one input is copied. Sums of floats are rounded once. */
#include "binary.h"

static bool lower(int64_t a, int64_t b, bool u) {
  return u ? (uint64_t)a < (uint64_t)b : a < b;
}
static double f_min(double a, double b) {
  return a != a ? a : b != b ? b : a < b ? a : b;
}
static double f_max(double a, double b) {
  return a != a ? a : b != b ? b : a > b ? a : b;
}
static bool i_min(int64_t a, int64_t b, bool u, int64_t *out) {
  *out = lower(a, b, u) ? a : b;
  return true;
}
static bool i_max(int64_t a, int64_t b, bool u, int64_t *out) {
  *out = lower(a, b, u) ? b : a;
  return true;
}
static double f_add(double a, double b) {
  return a + b;
}
static bool i_add(int64_t a, int64_t b, bool u, int64_t *out) {
  *out = (int64_t)((uint64_t)a + (uint64_t)b);
  return true;
}

static const ei_binary row_min = { EI_FLOATS | EI_INTS | EI_QUANT, EI_MIN, false, false, f_min, i_min };
static const ei_binary row_max = { EI_FLOATS | EI_INTS | EI_QUANT, EI_MAX, false, false, f_max, i_max };
static const ei_binary row_sum = { EI_FLOATS | EI_INTS | EI_QUANT, EI_ADD, false, false, f_add, i_add };

static edge_status infer_variadic(ei_op_ctx *c) {
  EI_TRY(ei_binary_types(c, EI_FLOATS | EI_INTS | EI_QUANT, false));
  return ei_binary_shape(c, c->in[0].dtype);
}

/* One element of the output: all inputs folded, in their real values or as integers. */
static void fold_element(ei_op_ctx *c, const ei_binary *r, bool mean, const uint64_t *at, uint64_t index) {
  const bool u = c->in[0].dtype == EDGE_DTYPE_U64;
  if (ei_dtype_is_float(c->in[0].dtype) || ei_is_quant_value(&c->in[0])) {
    double v = 0.0;
    for (uint32_t k = 0; k < c->n_in; ++k) {
      const bool wide = c->in[k].dtype == EDGE_DTYPE_F64;
      const double x = wide ? ei_load_f64(&c->in[k], at[k]) : (double)ei_load_real(&c->in[k], at[k]);
      v = k == 0 ? x : r->real(v, x);
    }
    if (mean) v /= c->n_in;
    if (ei_is_quantized(&c->out[0]))
      ei_store_real(&c->out[0], index, (float)v);
    else
      ei_store_f64(&c->out[0], index, v);
    return;
  }
  int64_t v = ei_load_s64(&c->in[0], at[0]);
  for (uint32_t k = 1; k < c->n_in; ++k) (void)r->whole(v, ei_load_s64(&c->in[k], at[k]), u, &v);
  ei_store_s64(&c->out[0], index, mean ? v / (int64_t)c->n_in : v);
}

/* Element of input t that broadcasts to an output index. */
static uint64_t source_index(const edge_tensor *y, const edge_tensor *t, uint64_t index) {
  uint64_t at = 0, stride = 1;
  for (int32_t d = y->rank - 1; d >= 0; --d) {
    const int32_t i = d - (y->rank - t->rank);
    const uint64_t size = (uint64_t)y->dims[d];
    if (i >= 0) {
      if (t->dims[i] != 1) at += index % size * stride;
      stride *= (uint64_t)t->dims[i];
    }
    index /= size;
  }
  return at;
}

static edge_status eval_variadic(ei_op_ctx *c, const ei_binary *r, bool mean) {
  if (c->n_in == 2 && !mean) return ei_binary_eval(c, r);
  uint64_t at[256];
  const uint64_t n = ei_op_elements(&c->out[0]);
  for (uint64_t i = 0; i < n; ++i) {
    for (uint32_t k = 0; k < c->n_in; ++k) at[k] = source_index(&c->out[0], &c->in[k], i);
    fold_element(c, r, mean, at, i);
  }
  return EDGE_STATUS_OK;
}

#define VARIADIC(Name, which, mean)              \
  static edge_status eval_##Name(ei_op_ctx *c) { \
    return eval_variadic(c, &which, mean);       \
  }                                              \
  const ei_op_def ei_op_##Name = {               \
    .name = #Name,                               \
    .min_in = 1,                                 \
    .max_in = 250,                               \
    .min_out = 1,                                \
    .max_out = 1,                                \
    .version = 1,                                \
    .flags = EI_OP_ELEMENTWISE,                  \
    .infer = infer_variadic,                     \
    .eval = eval_##Name,                         \
  };

VARIADIC(Min, row_min, false)
VARIADIC(Max, row_max, false)
VARIADIC(Sum, row_sum, false)
VARIADIC(Mean, row_sum, true)
