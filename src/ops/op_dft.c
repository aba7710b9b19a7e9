/* SPDX-License-Identifier: Apache-2.0
 * Dft and Stft: Fourier transforms in double, radix 2 for powers of two, else by the factors of the length. */
#include "op_walk.h"
#include <math.h>

#define PI 3.14159265358979323846
enum { LENGTH_MAX = 1 << 24 };

/* ---- one transform of n complex values; tw holds cos and sin of 2 pi k / n */

typedef struct plan {
  int64_t n;
  double *in, *out, *tw; /* pairs */
} plan;

static uint64_t plan_bytes(uint64_t n) {
  return (6 * n + 8) * sizeof(double);
}

static void plan_init(plan *p, int64_t n, void *scratch) {
  p->n = n;
  p->in = (double *)scratch;
  p->out = p->in + 2 * n;
  p->tw = p->out + 2 * n;
  for (int64_t k = 0; k < n; ++k) {
    p->tw[2 * k] = cos(2 * PI * (double)k / (double)n);
    p->tw[2 * k + 1] = sin(2 * PI * (double)k / (double)n);
  }
}

/* The smallest factor of n, 4 preferred to 2; n itself when it is prime. */
static int64_t factor_of(int64_t n) {
  if (n % 4 == 0) return 4;
  for (int64_t f = 2; f * f <= n; ++f)
    if (n % f == 0) return f;
  return n;
}

/* One stage: groups of f values that lie m * stride apart become their transforms, twisted and f apart.
 *   y[q + stride (f k + j)] = w_n^(j k) sum_r w_f^(j r) x[q + stride (k + m r)],  n = f m */
static void stage(const plan *p, const double *x, double *y, int64_t n, int64_t stride, int64_t f, double sign) {
  const int64_t m = n / f, per_f = p->n / f, per_n = p->n / n;
  for (int64_t k = 0; k < m; ++k)
    for (int64_t j = 0; j < f; ++j) {
      const int64_t twist = j * k * per_n; /* below p->n */
      const double tc = p->tw[2 * twist], ts = sign * p->tw[2 * twist + 1];
      for (int64_t q = 0; q < stride; ++q) {
        double re = 0, im = 0;
        for (int64_t r = 0, t = 0; r < f; ++r) { /* t = j r / f of a turn */
          const double c = p->tw[2 * t], s = sign * p->tw[2 * t + 1];
          const double *const v = x + 2 * (q + stride * (k + m * r));
          re += v[0] * c - v[1] * s;
          im += v[0] * s + v[1] * c;
          t += j * per_f;
          if (t >= p->n) t -= p->n;
        }
        double *const to = y + 2 * (q + stride * (f * k + j));
        to[0] = re * tc - im * ts;
        to[1] = re * ts + im * tc;
      }
    }
}

static void mixed_radix(const plan *p, double sign) {
  double *x = p->in, *y = p->out;
  for (int64_t n = p->n, stride = 1; n > 1;) {
    const int64_t f = factor_of(n);
    stage(p, x, y, n, stride, f, sign);
    double *const swap = x;
    x = y;
    y = swap;
    n /= f;
    stride *= f;
  }
  if (x != p->out) memcpy(p->out, x, (size_t)p->n * 2 * sizeof(double));
}

static void radix_2(const plan *p, double sign) {
  for (int64_t i = 0, j = 0; i < p->n; ++i) { /* j is i with its bits reversed */
    p->out[2 * j] = p->in[2 * i];
    p->out[2 * j + 1] = p->in[2 * i + 1];
    int64_t bit = p->n >> 1;
    for (; bit > 0 && (j & bit); bit >>= 1) j ^= bit;
    j |= bit;
  }
  for (int64_t half = 1; half < p->n; half *= 2)
    for (int64_t start = 0; start < p->n; start += 2 * half)
      for (int64_t k = 0; k < half; ++k) {
        const int64_t t = k * (p->n / (2 * half));
        const double c = p->tw[2 * t], s = sign * p->tw[2 * t + 1];
        double *const a = p->out + 2 * (start + k), *const b = a + 2 * half;
        const double re = b[0] * c - b[1] * s, im = b[0] * s + b[1] * c;
        b[0] = a[0] - re;
        b[1] = a[1] - im;
        a[0] += re;
        a[1] += im;
      }
}

static void transform(const plan *p, bool inverse) {
  if ((p->n & (p->n - 1)) == 0)
    radix_2(p, inverse ? 1 : -1);
  else
    mixed_radix(p, inverse ? 1 : -1);
  for (int64_t k = 0; k < 2 * p->n && inverse; ++k) p->out[k] /= (double)p->n;
}

static edge_status check_length(ei_op_ctx *c, int64_t n) {
  if (n >= 1 && n <= LENGTH_MAX) return EDGE_STATUS_OK;
  return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "transform length %lld is not in [1, %d]", (long long)n, LENGTH_MAX);
}

/* ---- Dft: x [..., n, 1 or 2], length?, axis? */

static edge_status dft_axis(ei_op_ctx *c, int32_t *axis) {
  int64_t a = -2;
  if (ei_op_has(c, 2)) EI_TRY(ei_op_scalar(c, 2, &a));
  EI_TRY(ei_op_axis(c, a, c->in[0].rank, axis));
  if (*axis == c->in[0].rank - 1)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the last dimension holds the parts of complex numbers");
  return EDGE_STATUS_OK;
}

static edge_status infer_dft(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const bool onesided = ei_op_int(c, "onesided") != 0, inverse = ei_op_int(c, "inverse") != 0;
  int64_t dims[EDGE_MAX_RANK], n = 0;
  int32_t axis = 0;
  bool ready = true;
  if (!ei_dtype_is_float(x->dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "transform of %s", edge_dtype_name(x->dtype));
  EI_TRY(ei_op_need_rank(c, 0, 2, EDGE_MAX_RANK));
  for (uint32_t i = 1; i < 3; ++i) {
    if (!ei_op_has(c, i)) continue;
    EI_TRY(ei_op_need_int(c, i));
    ready = ei_op_ready(c, i) && ready;
  }
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0) return EDGE_STATUS_OK;
  const int64_t parts = x->dims[x->rank - 1];
  if (parts > 2 || parts == 0 || (parts == 2 && onesided && !inverse) || (parts == 1 && onesided && inverse))
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the last dimension (%lld) does not fit the transform",
                      (long long)parts);
  memcpy(dims, x->dims, sizeof dims);
  if (!ready) {
    for (int32_t d = 0; d < x->rank - 1; ++d) dims[d] = EI_DIM_UNKNOWN;
  } else {
    EI_TRY(dft_axis(c, &axis));
    n = x->dims[axis];
    if (n > 0 && inverse && onesided) n = 2 * (n - 1);
    if (ei_op_has(c, 1)) EI_TRY(ei_op_scalar(c, 1, &n));
    if (n != EI_DIM_UNKNOWN || ei_op_has(c, 1)) EI_TRY(check_length(c, n));
    dims[axis] = onesided && !inverse && n >= 0 ? n / 2 + 1 : n;
  }
  dims[x->rank - 1] = onesided && inverse ? 1 : 2;
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return ei_op_check_size(c, 0);
}

/* Every dimension could be the axis; a one-sided result has half of the length (plus 1). */
static uint64_t dft_scratch(const ei_op_ctx *c) {
  uint64_t most = 0;
  for (int32_t d = 0; d < c->out[0].rank; ++d)
    if ((uint64_t)c->out[0].dims[d] > most) most = (uint64_t)c->out[0].dims[d];
  return plan_bytes(2 * (most < LENGTH_MAX ? most : LENGTH_MAX) + 2);
}

static void load_line(const edge_tensor *x, const plan *p, uint64_t at, uint64_t step, int64_t count, int64_t parts) {
  for (int64_t k = 0; k < p->n; ++k) {
    const uint64_t i = (at + (uint64_t)k * step) * (uint64_t)parts;
    p->in[2 * k] = k < count ? ei_load_f64(x, i) : 0;
    p->in[2 * k + 1] = k < count && parts == 2 ? ei_load_f64(x, i + 1) : 0;
  }
}

/* The upper half of a spectrum of real values mirrors the lower one. */
static void mirror(const plan *p) {
  p->in[1] = 0;
  if (p->n % 2 == 0) p->in[p->n + 1] = 0;
  for (int64_t k = p->n / 2 + 1; k < p->n; ++k) {
    p->in[2 * k] = p->in[2 * (p->n - k)];
    p->in[2 * k + 1] = -p->in[2 * (p->n - k) + 1];
  }
}

static edge_status eval_dft(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  const bool onesided = ei_op_int(c, "onesided") != 0, inverse = ei_op_int(c, "inverse") != 0;
  int32_t axis = 0;
  EI_TRY(dft_axis(c, &axis));
  int64_t n = inverse && onesided ? 2 * (x->dims[axis] - 1) : x->dims[axis];
  if (ei_op_has(c, 1)) EI_TRY(ei_op_scalar(c, 1, &n));
  EI_TRY(check_length(c, n));
  if (c->scratch_bytes < plan_bytes((uint64_t)n))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the length does not fit the output");
  plan p;
  plan_init(&p, n, c->scratch);
  const int64_t parts = x->dims[x->rank - 1], out_parts = y->dims[y->rank - 1], out_n = y->dims[axis];
  const uint64_t outer = (uint64_t)ei_dims_product(x->dims, 0, axis);
  const uint64_t inner = (uint64_t)ei_dims_product(x->dims, axis + 1, x->rank - 1);
  for (uint64_t o = 0; o < outer; ++o)
    for (uint64_t i = 0; i < inner; ++i) {
      load_line(x, &p, o * (uint64_t)x->dims[axis] * inner + i, inner, x->dims[axis], parts);
      if (inverse && onesided) mirror(&p);
      transform(&p, inverse);
      for (int64_t k = 0; k < out_n && k < n; ++k) {
        const uint64_t at = ((o * (uint64_t)out_n + (uint64_t)k) * inner + i) * (uint64_t)out_parts;
        ei_store_f64(y, at, p.out[2 * k]);
        if (out_parts == 2) ei_store_f64(y, at + 1, p.out[2 * k + 1]);
      }
    }
  return EDGE_STATUS_OK;
}

/* ---- Stft: signal [B, L] or [B, L, 1 or 2], step, window?, length? -> [B, frames, bins, 2] */

static edge_status frame_sizes(ei_op_ctx *c, int64_t *step, int64_t *length) {
  *length = ei_op_has(c, 2) ? c->in[2].dims[0] : 0;
  EI_TRY(ei_op_scalar(c, 1, step));
  if (ei_op_has(c, 3)) EI_TRY(ei_op_scalar(c, 3, length));
  EI_TRY(check_length(c, *length));
  if (*step < 1) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the frame step is %lld", (long long)*step);
  if (ei_op_has(c, 2) && c->in[2].dims[0] != *length)
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the window has %lld values, a frame %lld",
                      (long long)c->in[2].dims[0], (long long)*length);
  return EDGE_STATUS_OK;
}

static edge_status infer_stft(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int64_t dims[4] = { EI_DIM_UNKNOWN, EI_DIM_UNKNOWN, EI_DIM_UNKNOWN, 2 }, step = 0, length = 0;
  if (!ei_dtype_is_float(x->dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "transform of %s", edge_dtype_name(x->dtype));
  EI_TRY(ei_op_need_rank(c, 0, 2, 3));
  EI_TRY(ei_op_need_int(c, 1));
  if (ei_op_has(c, 2)) EI_TRY(ei_op_need_same_dtype(c, 0, 2));
  if (ei_op_has(c, 2)) EI_TRY(ei_op_need_rank(c, 2, 1, 1));
  if (ei_op_has(c, 3)) EI_TRY(ei_op_need_int(c, 3));
  if (!ei_op_has(c, 2) && !ei_op_has(c, 3))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "a window or a frame length must be given");
  const bool onesided = ei_op_int(c, "onesided") != 0;
  if (x->rank == 3 && (x->dims[2] == 0 || x->dims[2] > 2 || (x->dims[2] == 2 && onesided)))
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the last dimension (%lld) does not fit the transform",
                      (long long)x->dims[2]);
  if (x->rank >= 0) dims[0] = x->dims[0];
  bool ready = ei_op_ready(c, 1);
  if (ei_op_has(c, 3)) ready = ei_op_ready(c, 3) && ready;
  if (ei_op_has(c, 2)) ready = ready && c->in[2].rank == 1 && c->in[2].dims[0] >= 0;
  if (ready) {
    EI_TRY(frame_sizes(c, &step, &length));
    dims[2] = onesided ? length / 2 + 1 : length;
    if (x->rank >= 0 && x->dims[1] >= 0) dims[1] = x->dims[1] < length ? 0 : (x->dims[1] - length) / step + 1;
  }
  ei_op_set_shape(&c->out[0], x->dtype, 4, dims);
  return ei_op_check_size(c, 0);
}

static uint64_t stft_scratch(const ei_op_ctx *c) {
  return plan_bytes(2 * (uint64_t)c->out[0].dims[2] + 2);
}

static edge_status eval_stft(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  const int64_t parts = x->rank == 3 ? x->dims[2] : 1;
  int64_t step = 0, length = 0;
  plan p;
  EI_TRY(frame_sizes(c, &step, &length));
  if (c->scratch_bytes < plan_bytes((uint64_t)length))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the frame length does not fit the output");
  plan_init(&p, length, c->scratch);
  uint64_t at = 0;
  for (int64_t b = 0; b < y->dims[0]; ++b)
    for (int64_t f = 0; f < y->dims[1]; ++f) {
      if (f * step + length > x->dims[1]) return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "a frame leaves the signal");
      load_line(x, &p, (uint64_t)(b * x->dims[1] + f * step), 1, length, parts);
      for (int64_t k = 0; k < length && ei_op_has(c, 2); ++k) {
        const double w = ei_load_f64(&c->in[2], (uint64_t)k);
        p.in[2 * k] *= w;
        p.in[2 * k + 1] *= w;
      }
      transform(&p, false);
      for (int64_t k = 0; k < y->dims[2] && k < length; ++k, at += 2) {
        ei_store_f64(y, at, p.out[2 * k]);
        ei_store_f64(y, at + 1, p.out[2 * k + 1]);
      }
    }
  return EDGE_STATUS_OK;
}

static const ei_attr_def dft_attrs[] = { { "onesided", EI_ATTR_INT, 0 },
                                         { "inverse", EI_ATTR_INT, 0 },
                                         { NULL, 0, 0 } };
static const ei_attr_def stft_attrs[] = { { "onesided", EI_ATTR_INT, 1 }, { NULL, 0, 0 } };

const ei_op_def ei_op_Dft = { .name = "Dft",
                              .min_in = 1,
                              .max_in = 3,
                              .min_out = 1,
                              .max_out = 1,
                              .version = 1,
                              .optional_in = 6,
                              .attrs = dft_attrs,
                              .infer = infer_dft,
                              .eval = eval_dft,
                              .scratch_bytes = dft_scratch };
const ei_op_def ei_op_Stft = { .name = "Stft",
                               .min_in = 2,
                               .max_in = 4,
                               .min_out = 1,
                               .max_out = 1,
                               .version = 1,
                               .optional_in = 12,
                               .attrs = stft_attrs,
                               .infer = infer_stft,
                               .eval = eval_stft,
                               .scratch_bytes = stft_scratch };
