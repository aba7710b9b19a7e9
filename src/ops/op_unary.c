/* SPDX-License-Identifier: Apache-2.0
 * Unary elementwise operators on floats and quantized values: one row each. Computed in f64, rounded once;
 * quantized 8-bit values through a table of all 256 answers, 16-bit Gelu through a table of pieces. */
#include "lut16.h"
#include "op.h"

enum { INTS = 1 };

typedef struct row {
  double (*real)(double x, const double *p); /* p: the attributes named below */
  const char *keys[2];
  uint32_t types; /* besides floats and quantized values */
  int64_t (*whole)(int64_t x, bool is_unsigned);
} row;

static double softplus(double x) {
  return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
}
static double clip(double x, double lo, double hi) {
  return x < lo ? lo : x > hi ? hi : x;
} /* NaN stays */

static double f_relu(double x, const double *p) {
  return x < 0.0 ? 0.0 : x;
}
static double f_relu6(double x, const double *p) {
  return clip(x, 0.0, 6.0);
}
static double f_leaky(double x, const double *p) {
  return x < 0.0 ? p[0] * x : x;
}
static double f_elu(double x, const double *p) {
  return x < 0.0 ? p[0] * expm1(x) : x;
}
static double f_selu(double x, const double *p) {
  return p[1] * (x < 0.0 ? p[0] * expm1(x) : x);
}
static double f_celu(double x, const double *p) {
  return x < 0.0 ? p[0] * expm1(x / p[0]) : x;
}
static double f_gelu(double x, const double *p) {
  if (p[0] != 0.0) return 0.5 * x * (1.0 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
  return 0.5 * x * (1.0 + erf(x * 0.70710678118654752440));
}
static double f_sigmoid(double x, const double *p) {
  return 1.0 / (1.0 + exp(-x));
}
static double f_hard_sigmoid(double x, const double *p) {
  return clip(p[0] * x + p[1], 0.0, 1.0);
}
static double f_hard_swish(double x, const double *p) {
  return x * clip(x / 6.0 + 0.5, 0.0, 1.0);
}
static double f_tanh(double x, const double *p) {
  return tanh(x);
}
static double f_swish(double x, const double *p) {
  return x / (1.0 + exp(-p[0] * x));
}
static double f_mish(double x, const double *p) {
  return x * tanh(softplus(x));
}
static double f_softplus(double x, const double *p) {
  return softplus(x);
}
static double f_softsign(double x, const double *p) {
  return x / (1.0 + fabs(x));
}
static double f_thresholded(double x, const double *p) {
  return x <= p[0] ? 0.0 : x;
}
static double f_shrink(double x, const double *p) {
  return x < -p[1] ? x + p[0] : x > p[1] ? x - p[0] : x != x ? x : 0.0;
}
static double f_exp(double x, const double *p) {
  return exp(x);
}
static double f_log(double x, const double *p) {
  return log(x);
}
static double f_sqrt(double x, const double *p) {
  return sqrt(x);
}
static double f_rsqrt(double x, const double *p) {
  return 1.0 / sqrt(x);
}
static double f_reciprocal(double x, const double *p) {
  return 1.0 / x;
}
static double f_neg(double x, const double *p) {
  return -x;
}
static double f_abs(double x, const double *p) {
  return fabs(x);
}
static double f_sign(double x, const double *p) {
  return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x;
}
static double f_erf(double x, const double *p) {
  return erf(x);
}
static double f_sin(double x, const double *p) {
  return sin(x);
}
static double f_cos(double x, const double *p) {
  return cos(x);
}
static double f_tan(double x, const double *p) {
  return tan(x);
}
static double f_asin(double x, const double *p) {
  return asin(x);
}
static double f_acos(double x, const double *p) {
  return acos(x);
}
static double f_atan(double x, const double *p) {
  return atan(x);
}
static double f_sinh(double x, const double *p) {
  return sinh(x);
}
static double f_cosh(double x, const double *p) {
  return cosh(x);
}
static double f_asinh(double x, const double *p) {
  return asinh(x);
}
static double f_acosh(double x, const double *p) {
  return acosh(x);
}
static double f_atanh(double x, const double *p) {
  return atanh(x);
}
static double f_floor(double x, const double *p) {
  return floor(x);
}
static double f_ceil(double x, const double *p) {
  return ceil(x);
}
static double f_round(double x, const double *p) {
  return rint(x);
}
static double f_square(double x, const double *p) {
  return x * x;
}

static int64_t i_relu(int64_t x, bool u) {
  return !u && x < 0 ? 0 : x;
}
static int64_t i_neg(int64_t x, bool u) {
  return (int64_t)(0 - (uint64_t)x);
}
static int64_t i_abs(int64_t x, bool u) {
  return !u && x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
}
static int64_t i_sign(int64_t x, bool u) {
  return x == 0 ? 0 : !u && x < 0 ? -1 : 1;
}
static int64_t i_square(int64_t x, bool u) {
  return (int64_t)((uint64_t)x * (uint64_t)x);
}

static edge_status infer_row(ei_op_ctx *c, const row *r) {
  const edge_tensor *const x = &c->in[0];
  if (!(r->types & INTS && ei_dtype_is_int(x->dtype))) EI_TRY(ei_op_need_float(c, 0));
  if (ei_is_quant_value(x)) EI_TRY(ei_op_need_per_tensor(c, 1));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  return EDGE_STATUS_OK;
}

static void eval_f32(const edge_tensor *x, edge_tensor *y, const row *r, const double *p, uint64_t n) {
  const float *const from = (const float *)x->data;
  float *const to = (float *)y->data;
  if (r->real == f_relu) {
    for (uint64_t i = 0; i < n; ++i) to[i] = from[i] < 0.0f ? 0.0f : from[i];
    return;
  }
  for (uint64_t i = 0; i < n; ++i) to[i] = (float)r->real((double)from[i], p);
}

static void store(edge_tensor *y, uint64_t i, double v) {
  if (ei_is_quantized(y))
    ei_store_real(y, i, (float)v);
  else
    ei_store_f64(y, i, v);
}

/* All answers of an 8-bit type, then one look-up an element. */
static void eval_bytes(const edge_tensor *x, edge_tensor *y, const row *r, const double *p, uint64_t n) {
  uint8_t table[256], key;
  edge_tensor one = *x, answer = *y;
  one.data = &key;
  answer.data = table;
  for (unsigned q = 0; q < 256; ++q) {
    key = (uint8_t)q;
    store(&answer, q, r->real((double)ei_load_real(&one, 0), p));
  }
  for (uint64_t i = 0; i < n; ++i) ((uint8_t *)y->data)[i] = table[((const uint8_t *)x->data)[i]];
}

static edge_status eval_row(ei_op_ctx *c, const row *r) {
  const edge_tensor *const x = &c->in[0];
  edge_tensor *const y = &c->out[0];
  const uint64_t n = ei_op_elements(x);
  double p[2] = { 0.0, 0.0 };
  for (int k = 0; k < 2; ++k) {
    if (r->keys[k] != NULL) p[k] = ei_op_float(c, r->keys[k]);
  }
  if (r->real == f_gelu && x->dtype == EDGE_DTYPE_S16 && y->dtype == EDGE_DTYPE_S16 && ei_is_quantized(x) &&
      ei_is_quantized(y)) {
    ei_lut16 table;
    ei_lut16_build(&table, ei_quant_scale(x), ei_quant_zero(x), ei_quant_scale(y), r->real, p);
    for (uint64_t i = 0; i < n; ++i) ei_store_s64(y, i, ei_lut16_find(&table, (int32_t)ei_load_s64(x, i)));
  } else if (x->dtype == EDGE_DTYPE_F32) {
    eval_f32(x, y, r, p, n);
  } else if (ei_is_quantized(x) && (x->dtype == EDGE_DTYPE_S8 || x->dtype == EDGE_DTYPE_U8) && y->quant.count <= 1) {
    eval_bytes(x, y, r, p, n);
  } else if (ei_dtype_is_float(x->dtype)) {
    for (uint64_t i = 0; i < n; ++i) ei_store_f64(y, i, r->real(ei_load_f64(x, i), p));
  } else if (ei_is_quant_value(x) || r->whole == NULL) {
    for (uint64_t i = 0; i < n; ++i) store(y, i, r->real((double)ei_load_real(x, i), p));
  } else {
    for (uint64_t i = 0; i < n; ++i) ei_store_s64(y, i, r->whole(ei_load_s64(x, i), x->dtype == EDGE_DTYPE_U64));
  }
  return EDGE_STATUS_OK;
}

#define UNARY(Name, attributes, ...)              \
  static const row row_##Name = { __VA_ARGS__ };  \
  static edge_status infer_##Name(ei_op_ctx *c) { \
    return infer_row(c, &row_##Name);             \
  }                                               \
  static edge_status eval_##Name(ei_op_ctx *c) {  \
    return eval_row(c, &row_##Name);              \
  }                                               \
  const ei_op_def ei_op_##Name = {                \
    .name = #Name,                                \
    .min_in = 1,                                  \
    .max_in = 1,                                  \
    .min_out = 1,                                 \
    .max_out = 1,                                 \
    .version = 1,                                 \
    .flags = EI_OP_ELEMENTWISE,                   \
    .attrs = attributes,                          \
    .infer = infer_##Name,                        \
    .eval = eval_##Name,                          \
  };
#define ATTRS(name) static const ei_attr_def name##_attrs[] =
#define NO_KEYS \
  { NULL, NULL }

ATTRS(leaky) { { "alpha", EI_ATTR_FLOAT, 0.01 }, { NULL, 0, 0 } };
ATTRS(alpha) { { "alpha", EI_ATTR_FLOAT, 1.0 }, { NULL, 0, 0 } };
ATTRS(selu) { { "alpha", EI_ATTR_FLOAT, 1.67326319217681884765625 },
              { "gamma", EI_ATTR_FLOAT, 1.05070102214813232421875 },
              { NULL, 0, 0 } };
ATTRS(gelu) { { "approximate", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };
ATTRS(hard_sigmoid) { { "alpha", EI_ATTR_FLOAT, 0.2 }, { "beta", EI_ATTR_FLOAT, 0.5 }, { NULL, 0, 0 } };
ATTRS(shrink) { { "bias", EI_ATTR_FLOAT, 0.0 }, { "lambd", EI_ATTR_FLOAT, 0.5 }, { NULL, 0, 0 } };

UNARY(Relu, NULL, f_relu, NO_KEYS, INTS, i_relu)
UNARY(Relu6, NULL, f_relu6, NO_KEYS, 0, NULL)
UNARY(LeakyRelu, leaky_attrs, f_leaky, { "alpha", NULL }, 0, NULL)
UNARY(Elu, alpha_attrs, f_elu, { "alpha", NULL }, 0, NULL)
UNARY(Selu, selu_attrs, f_selu, { "alpha", "gamma" }, 0, NULL)
UNARY(Celu, alpha_attrs, f_celu, { "alpha", NULL }, 0, NULL)
UNARY(Gelu, gelu_attrs, f_gelu, { "approximate", NULL }, 0, NULL)
UNARY(Sigmoid, NULL, f_sigmoid, NO_KEYS, 0, NULL)
UNARY(HardSigmoid, hard_sigmoid_attrs, f_hard_sigmoid, { "alpha", "beta" }, 0, NULL)
UNARY(HardSwish, NULL, f_hard_swish, NO_KEYS, 0, NULL)
UNARY(Tanh, NULL, f_tanh, NO_KEYS, 0, NULL)
UNARY(Swish, alpha_attrs, f_swish, { "alpha", NULL }, 0, NULL)
UNARY(Mish, NULL, f_mish, NO_KEYS, 0, NULL)
UNARY(Softplus, NULL, f_softplus, NO_KEYS, 0, NULL)
UNARY(Softsign, NULL, f_softsign, NO_KEYS, 0, NULL)
UNARY(ThresholdedRelu, alpha_attrs, f_thresholded, { "alpha", NULL }, 0, NULL)
UNARY(Shrink, shrink_attrs, f_shrink, { "bias", "lambd" }, 0, NULL)
UNARY(Exp, NULL, f_exp, NO_KEYS, 0, NULL)
UNARY(Log, NULL, f_log, NO_KEYS, 0, NULL)
UNARY(Sqrt, NULL, f_sqrt, NO_KEYS, 0, NULL)
UNARY(Rsqrt, NULL, f_rsqrt, NO_KEYS, 0, NULL)
UNARY(Reciprocal, NULL, f_reciprocal, NO_KEYS, 0, NULL)
UNARY(Neg, NULL, f_neg, NO_KEYS, INTS, i_neg)
UNARY(Abs, NULL, f_abs, NO_KEYS, INTS, i_abs)
UNARY(Sign, NULL, f_sign, NO_KEYS, INTS, i_sign)
UNARY(Erf, NULL, f_erf, NO_KEYS, 0, NULL)
UNARY(Sin, NULL, f_sin, NO_KEYS, 0, NULL)
UNARY(Cos, NULL, f_cos, NO_KEYS, 0, NULL)
UNARY(Tan, NULL, f_tan, NO_KEYS, 0, NULL)
UNARY(Asin, NULL, f_asin, NO_KEYS, 0, NULL)
UNARY(Acos, NULL, f_acos, NO_KEYS, 0, NULL)
UNARY(Atan, NULL, f_atan, NO_KEYS, 0, NULL)
UNARY(Sinh, NULL, f_sinh, NO_KEYS, 0, NULL)
UNARY(Cosh, NULL, f_cosh, NO_KEYS, 0, NULL)
UNARY(Asinh, NULL, f_asinh, NO_KEYS, 0, NULL)
UNARY(Acosh, NULL, f_acosh, NO_KEYS, 0, NULL)
UNARY(Atanh, NULL, f_atanh, NO_KEYS, 0, NULL)
UNARY(Floor, NULL, f_floor, NO_KEYS, 0, NULL)
UNARY(Ceil, NULL, f_ceil, NO_KEYS, 0, NULL)
UNARY(Round, NULL, f_round, NO_KEYS, 0, NULL)
UNARY(Square, NULL, f_square, NO_KEYS, INTS, i_square)
