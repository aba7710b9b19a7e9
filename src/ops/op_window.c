/* SPDX-License-Identifier: Apache-2.0
 * WindowFunction (Hann, Hamming, Blackman) and MelWeightMatrix: tables for audio front ends. */
#include "op_walk.h"
#include <math.h>

#define PI 3.14159265358979323846
enum { KIND_HANN, KIND_HAMMING, KIND_BLACKMAN };
enum { SIZE_MAX_VALUE = 1 << 26 };

static edge_status number_dtype(ei_op_ctx *c, int32_t *dtype) {
  const int64_t t = ei_op_int(c, "dtype");
  if (t <= EDGE_DTYPE_NONE || t >= EDGE_DTYPE_COUNT || t == EDGE_DTYPE_BOOL)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "a table of type %lld", (long long)t);
  *dtype = (int32_t)t;
  return EDGE_STATUS_OK;
}

/* ---- WindowFunction */

static edge_status infer_window(ei_op_ctx *c) {
  const int64_t kind = ei_op_int(c, "kind");
  int64_t n = EI_DIM_UNKNOWN;
  int32_t dtype = 0;
  EI_TRY(number_dtype(c, &dtype));
  EI_TRY(ei_op_need_int(c, 0));
  if (kind < KIND_HANN || kind > KIND_BLACKMAN)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "unknown kind %lld", (long long)kind);
  if (ei_op_ready(c, 0)) {
    EI_TRY(ei_op_scalar(c, 0, &n));
    if (n < 0 || n > SIZE_MAX_VALUE) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "size %lld", (long long)n);
  }
  ei_op_set_shape(&c->out[0], dtype, 1, &n);
  return EDGE_STATUS_OK;
}

static edge_status eval_window(ei_op_ctx *c) {
  const edge_tensor *const y = &c->out[0];
  const int64_t kind = ei_op_int(c, "kind"), n = y->dims[0], span = ei_op_int(c, "periodic") != 0 ? n : n - 1;
  for (int64_t i = 0; i < n; ++i) {
    const double t = span > 0 ? 2 * PI * (double)i / (double)span : 0;
    double v = 0.5 - 0.5 * cos(t);
    if (kind == KIND_HAMMING) v = 25.0 / 46.0 - (1 - 25.0 / 46.0) * cos(t);
    if (kind == KIND_BLACKMAN) v = 0.42 - 0.5 * cos(t) + 0.08 * cos(2 * t);
    if (ei_dtype_is_float(y->dtype))
      ei_store_f64(y, (uint64_t)i, v);
    else
      ei_store_f64(y, (uint64_t)i, trunc(v));
  }
  return EDGE_STATUS_OK;
}

/* ---- MelWeightMatrix: mel bins, transform length, sample rate, lowest and highest frequency -> [bins, mel bins] */

typedef struct mel {
  int64_t count, length, rate;
  double low, high; /* in mel */
} mel;

static double to_mel(double hz) {
  return 2595 * log10(1 + hz / 700);
}

static edge_status read_mel(ei_op_ctx *c, mel *m) {
  double edge[2] = { 0, 0 };
  EI_TRY(ei_op_scalar(c, 0, &m->count));
  EI_TRY(ei_op_scalar(c, 1, &m->length));
  EI_TRY(ei_op_scalar(c, 2, &m->rate));
  for (uint32_t i = 0; i < 2; ++i) {
    if (ei_op_elements(&c->in[3 + i]) != 1)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u must be one number", 3 + i);
    edge[i] = ei_load_f64(&c->in[3 + i], 0);
  }
  if (m->count < 0 || m->count > 1 << 20 || m->length < 1 || m->length > SIZE_MAX_VALUE || m->rate < 1 ||
      m->rate > INT32_MAX || !(edge[0] >= 0 && edge[0] <= edge[1] && edge[1] <= (double)INT32_MAX))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld mel bins, length %lld, rate %lld, frequencies %g to %g",
                      (long long)m->count, (long long)m->length, (long long)m->rate, edge[0], edge[1]);
  m->low = to_mel(edge[0]);
  m->high = to_mel(edge[1]);
  return EDGE_STATUS_OK;
}

/* The spectrum bin at which mel band edge i lies; edges are evenly spaced in mel. */
static int64_t mel_bin(const mel *m, int64_t i) {
  const double at = m->low + (double)i * (m->high - m->low) / (double)(m->count + 2);
  const double hz = 700 * (pow(10, at / 2595) - 1);
  return (int64_t)floor((double)(m->length + 1) * hz / (double)m->rate);
}

static edge_status infer_mel(ei_op_ctx *c) {
  int64_t dims[2] = { EI_DIM_UNKNOWN, EI_DIM_UNKNOWN };
  int32_t dtype = 0;
  bool ready = true;
  mel m;
  EI_TRY(number_dtype(c, &dtype));
  for (uint32_t i = 0; i < 5; ++i) {
    if (i < 3)
      EI_TRY(ei_op_need_int(c, i));
    else if (!ei_dtype_is_float(c->in[i].dtype))
      return ei_op_fail(c, EDGE_STATUS_TYPE_MISMATCH, "input %u must be a float", i);
    ready = ei_op_ready(c, i) && ready;
  }
  if (ready) {
    EI_TRY(read_mel(c, &m));
    const int64_t bins = m.length / 2 + 1;
    if (mel_bin(&m, m.count + 1) > bins)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the highest frequency lies beyond half of the sample rate");
    dims[0] = bins;
    dims[1] = m.count;
  }
  ei_op_set_shape(&c->out[0], dtype, 2, dims);
  return ei_op_check_size(c, 0);
}

static void store_weight(const edge_tensor *y, int64_t bin, int64_t band, double v) {
  if (bin < 0 || bin >= y->dims[0]) return;
  ei_store_f64(y, (uint64_t)(bin * y->dims[1] + band), ei_dtype_is_float(y->dtype) ? v : trunc(v));
}

static edge_status eval_mel(ei_op_ctx *c) {
  const edge_tensor *const y = &c->out[0];
  mel m;
  EI_TRY(read_mel(c, &m));
  ei_fill_zero(y);
  for (int64_t i = 0; i < m.count && i < y->dims[1]; ++i) { /* a triangle from lo over mid to hi */
    const int64_t lo = mel_bin(&m, i), mid = mel_bin(&m, i + 1), hi = mel_bin(&m, i + 2);
    if (mid == lo) store_weight(y, mid, i, 1);
    for (int64_t k = lo; k <= mid && mid > lo; ++k) store_weight(y, k, i, (double)(k - lo) / (double)(mid - lo));
    for (int64_t k = mid; k < hi; ++k) store_weight(y, k, i, (double)(hi - k) / (double)(hi - mid));
  }
  return EDGE_STATUS_OK;
}

static const ei_attr_def window_attrs[] = {
  { "kind", EI_ATTR_INT, 0 }, { "periodic", EI_ATTR_INT, 1 }, { "dtype", EI_ATTR_INT, EDGE_DTYPE_F32 }, { NULL, 0, 0 }
};
static const ei_attr_def mel_attrs[] = { { "dtype", EI_ATTR_INT, EDGE_DTYPE_F32 }, { NULL, 0, 0 } };

const ei_op_def ei_op_WindowFunction = { .name = "WindowFunction",
                                         .min_in = 1,
                                         .max_in = 1,
                                         .min_out = 1,
                                         .max_out = 1,
                                         .version = 1,
                                         .attrs = window_attrs,
                                         .infer = infer_window,
                                         .eval = eval_window };
const ei_op_def ei_op_MelWeightMatrix = { .name = "MelWeightMatrix",
                                          .min_in = 5,
                                          .max_in = 5,
                                          .min_out = 1,
                                          .max_out = 1,
                                          .version = 1,
                                          .attrs = mel_attrs,
                                          .infer = infer_mel,
                                          .eval = eval_mel };
