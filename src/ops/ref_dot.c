/* SPDX-License-Identifier: Apache-2.0
 * Exact dot products over uniform operands, and what happens to their sums. */
#include "ref_dot.h"

/* Four sums hide the latency of the additions. */
#define FLOAT_DOT(name, type)                                                            \
  static double name(const void *x, const void *w, uint64_t n, int32_t zx, int32_t zw) { \
    const type *const a = (const type *)x, *const b = (const type *)w;                   \
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;                                               \
    uint64_t i = 0;                                                                      \
    (void)zx;                                                                            \
    (void)zw;                                                                            \
    for (; i + 4 <= n; i += 4) {                                                         \
      s0 += (double)a[i] * (double)b[i];                                                 \
      s1 += (double)a[i + 1] * (double)b[i + 1];                                         \
      s2 += (double)a[i + 2] * (double)b[i + 2];                                         \
      s3 += (double)a[i + 3] * (double)b[i + 3];                                         \
    }                                                                                    \
    for (; i < n; ++i) s0 += (double)a[i] * (double)b[i];                                \
    return (s0 + s1) + (s2 + s3);                                                        \
  }
FLOAT_DOT(dot_f32, float)
FLOAT_DOT(dot_f64, double)

/* Zero points are in [-128, 255], so 8192 products of differences fit 32 bits. */
#define INT_DOT(name, x_type, w_type)                                                    \
  static double name(const void *x, const void *w, uint64_t n, int32_t zx, int32_t zw) { \
    const x_type *const a = (const x_type *)x;                                           \
    const w_type *const b = (const w_type *)w;                                           \
    int64_t total = 0;                                                                   \
    for (uint64_t i = 0; i < n;) {                                                       \
      const uint64_t end = n - i > 8192 ? i + 8192 : n;                                  \
      int32_t s = 0;                                                                     \
      for (; i < end; ++i) s += (a[i] - zx) * (b[i] - zw);                               \
      total += s;                                                                        \
    }                                                                                    \
    return (double)total;                                                                \
  }
INT_DOT(dot_s8s8, int8_t, int8_t)
INT_DOT(dot_s8u8, int8_t, uint8_t)
INT_DOT(dot_u8s8, uint8_t, int8_t)
INT_DOT(dot_u8u8, uint8_t, uint8_t)

static bool is_8bit(int32_t t) {
  return t == EDGE_DTYPE_S8 || t == EDGE_DTYPE_U8;
}
static bool is_sub_byte(int32_t t) {
  return t >= EDGE_DTYPE_S4 && t <= EDGE_DTYPE_U2;
}

/* How the operands are made uniform. */
enum { MODE_BYTES, MODE_F32, MODE_F64 };

static int mode_of(const edge_tensor *x, const edge_tensor *w) {
  if (x->dtype == EDGE_DTYPE_F64) return MODE_F64;
  if (is_8bit(x->dtype) && (is_8bit(w->dtype) || is_sub_byte(w->dtype))) {
    return MODE_BYTES;
  }
  return MODE_F32;
}

edge_status ei_ref_dot_check(ei_op_ctx *c, const edge_tensor *x, const edge_tensor *w, const edge_tensor *bias,
                             int32_t w_axis) {
  const bool xq = ei_is_quantized(x), wq = ei_is_quantized(w);
  if (xq) {
    if (x->quant.count > 1)
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "input 0 must be quantized per tensor");
    if (!is_8bit(x->dtype) && x->dtype != EDGE_DTYPE_S16)
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "quantized input 0 must be s8, u8 or s16, not %s",
                        edge_dtype_name(x->dtype));
    if (!wq || (!is_8bit(w->dtype) && !is_sub_byte(w->dtype) && w->dtype != EDGE_DTYPE_S16))
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "a quantized input 0 needs quantized input 1, not %s",
                        edge_dtype_name(w->dtype));
    if (w->quant.count > 1 && (w->quant.axis != w_axis || w->quant.block != 0))
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "input 1 must be quantized per tensor or along axis %d",
                        w_axis);
  } else if (!ei_dtype_is_float(x->dtype) || (!ei_dtype_is_float(w->dtype) && !wq)) {
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "no product of %s and %s without quantization",
                      edge_dtype_name(x->dtype), edge_dtype_name(w->dtype));
  }
  if (bias != NULL) {
    const bool wide = bias->dtype == EDGE_DTYPE_S32 || bias->dtype == EDGE_DTYPE_S64;
    if (!ei_dtype_is_float(bias->dtype) && !(wide && (xq || ei_is_quantized(bias))))
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "a bias of %s does not go with %s",
                        edge_dtype_name(bias->dtype), edge_dtype_name(x->dtype));
  }
  return EDGE_STATUS_OK;
}

void ei_ref_dot_sizes(const edge_tensor *x, const edge_tensor *w, uint32_t *x_size, uint32_t *w_size) {
  const int mode = mode_of(x, w);
  *x_size = *w_size = mode == MODE_BYTES ? 1 : mode == MODE_F32 ? 4 : 8;
}

static bool direct(const edge_tensor *t, int mode) {
  if (mode == MODE_BYTES) return is_8bit(t->dtype);
  return t->dtype == (mode == MODE_F32 ? EDGE_DTYPE_F32 : EDGE_DTYPE_F64);
}

ei_dot_fn ei_ref_dot_bytes(int32_t x_dtype, int32_t w_dtype) {
  if (x_dtype == EDGE_DTYPE_S8) return w_dtype == EDGE_DTYPE_U8 ? dot_s8u8 : dot_s8s8;
  return w_dtype == EDGE_DTYPE_U8 ? dot_u8u8 : dot_u8s8;
}

static int32_t byte_zero(int32_t z) {
  return z < -128 ? -128 : z > 255 ? 255 : z;
}

static uint64_t align64(uint64_t n) {
  return (n + 63) & ~(uint64_t)63;
}

/* Tensors exist in memory in their own type, so eight times their elements cannot overflow. */
uint64_t ei_ref_dot_scratch(const edge_tensor *x, const edge_tensor *w, uint64_t channels) {
  const int mode = mode_of(x, w);
  uint32_t xs, ws;
  ei_ref_dot_sizes(x, w, &xs, &ws);
  uint64_t n = align64(channels * 8) + 2 * align64(channels * 4);
  if (!direct(x, mode)) n += align64(ei_op_elements(x) * xs);
  if (!direct(w, mode)) n += align64(ei_op_elements(w) * ws);
  return n;
}

/* integers: stored values less the zero point, so that sums stay integer. */
static const char *convert(const edge_tensor *t, int mode, bool integers, char **scratch) {
  if (direct(t, mode)) return (const char *)t->data;
  const uint64_t n = ei_op_elements(t);
  char *const out = *scratch;
  for (uint64_t i = 0; i < n; ++i) {
    if (mode == MODE_BYTES) {
      ((int8_t *)out)[i] = (int8_t)ei_load_s64(t, i);
    } else if (mode == MODE_F64) {
      ((double *)(void *)out)[i] = t->quant.count > 0 ? (double)ei_load_real(t, i) : ei_load_f64(t, i);
    } else if (integers) {
      const int32_t *const z = t->quant.zero_points;
      ((float *)(void *)out)[i] = (float)(ei_load_s64(t, i) - (z != NULL ? z[ei_quant_index(t, i)] : 0));
    } else {
      ((float *)(void *)out)[i] = ei_load_real(t, i);
    }
  }
  *scratch += align64(n * (mode == MODE_BYTES ? 1 : mode == MODE_F32 ? 4 : 8));
  return out;
}

/* A bias in units of the sum; its own scale counts when it differs from x.scale * w.scale. */
static double bias_units(const edge_tensor *bias, uint64_t i, double unit, bool quantized) {
  if (!quantized) return ei_is_quantized(bias) ? (double)ei_load_real(bias, i) : ei_load_f64(bias, i);
  if (ei_dtype_is_float(bias->dtype)) return rint(ei_load_f64(bias, i) / unit);
  const double q = ei_load_f64(bias, i);
  if (!ei_is_quantized(bias)) return q;
  const uint32_t k = ei_quant_index(bias, i);
  const double own = (double)bias->quant.scales[k];
  const double z = bias->quant.zero_points != NULL ? (double)bias->quant.zero_points[k] : 0.0;
  if (fabs(own - unit) <= 1e-6 * unit) return q - z;
  return rint((q - z) * (own / unit));
}

void ei_ref_dot_init(ei_ref_dot *r, const ei_act *act, const edge_tensor *x, const edge_tensor *w,
                     const edge_tensor *bias, uint64_t channels, edge_tensor *y, void *scratch) {
  char *at = (char *)scratch;
  double *const biases = (double *)(void *)at;
  at += align64(channels * 8);
  float *const multipliers = (float *)(void *)at;
  at += align64(channels * 4);
  int32_t *const zeros = (int32_t *)(void *)at;
  at += align64(channels * 4);
  const int mode = mode_of(x, w);
  const bool quantized = ei_is_quantized(x);
  const double sx = (double)ei_quant_scale(x), sy = (double)ei_quant_scale(y);
  for (uint64_t i = 0; i < channels; ++i) {
    const uint64_t k = i < w->quant.count ? i : 0;
    const double unit = sx * (quantized ? (double)w->quant.scales[k] : 1.0);
    biases[i] = bias != NULL ? bias_units(bias, i, unit, quantized) : 0.0;
    multipliers[i] = quantized ? (float)(unit / sy) : 1.0f;
    zeros[i] = quantized && mode == MODE_BYTES && w->quant.zero_points != NULL ? byte_zero(w->quant.zero_points[k]) : 0;
  }
  memset(r, 0, sizeof *r);
  r->x = convert(x, mode, quantized, &at);
  r->w = convert(w, mode, quantized, &at);
  ei_ref_dot_sizes(x, w, &r->x_size, &r->w_size);
  if (mode == MODE_F32)
    r->dot = dot_f32;
  else if (mode == MODE_F64)
    r->dot = dot_f64;
  else
    r->dot = ei_ref_dot_bytes(x->dtype, w->dtype);
  r->zx = mode == MODE_BYTES ? byte_zero(ei_quant_zero(x)) : 0;
  r->zw = zeros;
  r->bias = biases;
  r->multiplier = multipliers;
  r->y = y;
  r->act = *act;
  r->quantized = quantized;
  r->clamps = ei_act_clamps(act);
  r->sy = (float)sy;
  r->zy = ei_quant_zero(y);
  ei_act_range(act, y, &r->lo, &r->hi);
}

void ei_ref_dot_store(const ei_ref_dot *r, uint64_t index, uint64_t channel, double sum) {
  if (r->raw) {
    ei_store_s64(r->y, index, (int64_t)sum);
    return;
  }
  if (r->units != NULL) {
    ei_ref_dynamic_store(r, index, channel, sum);
    return;
  }
  sum += r->bias[channel];
  if (!r->quantized) {
    const double v = r->act.kind == EI_ACT_NONE ? sum : ei_act_apply(&r->act, sum);
    if (r->y->dtype == EDGE_DTYPE_F32)
      ((float *)r->y->data)[index] = (float)v;
    else
      ei_store_f64(r->y, index, v);
    return;
  }
  const float m = r->multiplier[channel];
  if (!r->clamps || r->y->dtype == EDGE_DTYPE_S16) { /* sums of s16 products need more than f32 */
    const double real =
        r->clamps ? sum * (double)m : ei_act_apply(&r->act, sum * (double)m * (double)r->sy) / (double)r->sy;
    const double q = rint(real) + r->zy;
    ei_store_f64(r->y, index, q < r->lo ? r->lo : q > r->hi ? r->hi : q);
    return;
  }
  const double fits = !(sum > -2147483648.0) ? -2147483648.0 : sum > 2147483647.0 ? 2147483647.0 : sum;
  ei_store_s64(r->y, index, ei_requantize((int32_t)fits, m, r->zy, r->lo, r->hi));
}
