/* SPDX-License-Identifier: Apache-2.0
 * Resize: nearest copies through an index map per axis; linear and cubic weigh neighbours, one axis at a time. */
#include "resize.h"
#include <math.h>

/* ---- coordinates */

/* Position in the input of output element o; *outside: extrapolated. */
static double source(const ei_resize *r, const ei_resize_axis *a, int64_t o, bool *outside) {
  const double in = (double)a->in, length = a->ratio ? (double)a->out : a->scale * in, y = (double)o;
  const double half = a->ratio ? (y + 0.5) * in / length : (y + 0.5) / a->scale;
  double x = half - 0.5;
  *outside = false;
  switch (r->coord) {
  case EI_COORD_ASYMMETRIC: x = a->ratio ? y * in / length : y / a->scale; break;
  case EI_COORD_CORNERS: x = length == 1 ? 0 : y * (in - 1) / (length - 1); break;
  case EI_COORD_PYTORCH: x = a->out == 1 ? 0 : half - 0.5; break;
  case EI_COORD_SYMMETRIC: x = in / 2 * (1 - (double)a->out / length) + half - 0.5; break;
  case EI_COORD_TF_NN: x = half; break;
  case EI_COORD_CROP: {
    const double span = (a->roi_end - a->roi_begin) * (in - 1);
    x = a->roi_begin * (in - 1) + (length == 1 ? span / 2 : y * span / (length - 1));
    *outside = !(x >= 0 && x <= in - 1);
    break;
  }
  default: break;
  }
  if (!(x > -1e15)) x = -1e15; /* also NaN: the conversions below stay defined */
  return x < 1e15 ? x : 1e15;
}

static int64_t clamp_index(double v, int64_t n) {
  const int64_t i = (int64_t)v;
  return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* ---- nearest */

static int64_t nearest_index(const ei_resize *r, const ei_resize_axis *a, int64_t o) {
  bool outside = false;
  const double x = source(r, a, o, &outside);
  if (outside) return -1;
  switch (r->rounding) {
  case EI_ROUND_PREFER_CEIL: return clamp_index(floor(x + 0.5), a->in);
  case EI_ROUND_FLOOR: return clamp_index(floor(x), a->in);
  case EI_ROUND_CEIL: return clamp_index(ceil(x), a->in);
  default: return clamp_index(ceil(x - 0.5), a->in);
  }
}

static void store_extrapolation(ei_op_ctx *c, uint64_t at) {
  const double v = ei_op_float(c, "extrapolation");
  if (ei_is_quantized(&c->out[0]))
    ei_store_real(&c->out[0], at, (float)v);
  else
    ei_store_f64(&c->out[0], at, v);
}

/* A row of single elements; map holds offsets. */
static void gather_row(const edge_tensor *y, uint64_t at, const edge_tensor *x, int64_t base, const int64_t *map,
                       int64_t n) {
#define ROW(type)                                                        \
  for (int64_t i = 0; i < n; ++i)                                        \
    memcpy((unsigned char *)y->data + (at + (uint64_t)i) * sizeof(type), \
           (const unsigned char *)x->data + (uint64_t)(base + map[i]) * sizeof(type), sizeof(type));
  switch (ei_elem_bytes(y->dtype)) {
  case 1: ROW(uint8_t) break;
  case 2: ROW(uint16_t) break;
  case 4: ROW(uint32_t) break;
  case 8: ROW(uint64_t) break;
  default:
    for (int64_t i = 0; i < n; ++i) ei_copy_run(y, at + (uint64_t)i, x, (uint64_t)(base + map[i]), 1);
  }
#undef ROW
}

edge_status ei_resize_nearest(ei_op_ctx *c, const ei_resize *r) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  int64_t *map[EDGE_MAX_RANK], strides[EDGE_MAX_RANK], index[EDGE_MAX_RANK] = { 0 };
  int64_t *next = (int64_t *)c->scratch;
  int32_t last = 0; /* dimensions after the last resized one move as a run */
  ei_dense_strides(x->rank, x->dims, strides);
  for (int32_t d = 0; d < r->rank; ++d) {
    map[d] = next;
    next += r->axis[d].out;
    for (int64_t o = 0; o < r->axis[d].out; ++o) {
      const int64_t i = r->axis[d].identity ? o : nearest_index(r, &r->axis[d], o);
      map[d][o] = i < 0 ? -1 : i * strides[d];
    }
    if (!r->axis[d].identity) last = d;
  }
  const int64_t inner = ei_dims_product(x->dims, last + 1, x->rank);
  uint64_t at = 0;
  do {
    int64_t base = 0;
    bool outside = false;
    for (int32_t d = 0; d < last; ++d) {
      outside |= map[d][index[d]] < 0;
      base += map[d][index[d]];
    }
    if (inner == 1 && r->coord != EI_COORD_CROP) {
      gather_row(y, at, x, base, map[last], y->dims[last]);
      at += (uint64_t)y->dims[last];
      continue;
    }
    for (int64_t o = 0; o < y->dims[last]; ++o, at += (uint64_t)inner) {
      if (!outside && map[last][o] >= 0)
        ei_copy_run(y, at, x, (uint64_t)(base + map[last][o]), (uint64_t)inner);
      else
        for (int64_t i = 0; i < inner; ++i) store_extrapolation(c, at + (uint64_t)i);
    }
  } while (ei_walk_next(last, y->dims, index));
  return EDGE_STATUS_OK;
}

/* ---- linear and cubic: a table of weights per axis, then weighted sums of rows */

typedef struct taps {
  int64_t first, count;
  bool outside;
} taps;

static double kernel(const ei_resize *r, double t) {
  const double a = r->cubic_a;
  t = fabs(t);
  if (r->mode == EI_RESIZE_LINEAR) return t < 1 ? 1 - t : 0;
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/* Signed quantized tensors resized to a size: weights are multiples of 2^-10, as in the integer kernels of TFLite. */
static bool has_fixed_weights(const ei_op_ctx *c, const ei_resize *r, const ei_resize_axis *a) {
  const edge_tensor *const x = &c->in[0];
  if (x->dtype != EDGE_DTYPE_S8 && x->dtype != EDGE_DTYPE_S16) return false;
  return ei_is_quantized(x) && r->mode == EI_RESIZE_LINEAR && !r->antialias && !r->exclude_outside && a->ratio &&
         r->coord <= EI_COORD_CORNERS && a->in < INT32_MAX && a->out < INT32_MAX;
}

static void fixed_taps(const ei_resize *r, const ei_resize_axis *a, int64_t o, taps *t, double *w) {
  const int64_t one = 1024, last = a->in - 1;
  int64_t step = (one * a->in + a->out / 2) / a->out;
  if (r->coord == EI_COORD_CORNERS && a->out > 1) step = (one * last + (a->out - 1) / 2) / (a->out - 1);
  const int64_t at = o * step + (r->coord == EI_COORD_HALF ? step / 2 - one / 2 : 0);
  const int64_t from = at < 0 ? 0 : at / one < last ? at / one : last;
  const int64_t to = at <= 0 ? 0 : (at + one - 1) / one < last ? (at + one - 1) / one : last;
  const double f = (double)(at - from * one) / (double)one;
  t->first = from;
  t->count = to - from + 1;
  w[0] = 1 - f;
  if (t->count == 1)
    w[0] += f;
  else
    w[1] = f;
}

/* Neighbours beyond the border fold into the border element, or are left out. */
static edge_status make_taps(ei_op_ctx *c, const ei_resize *r, const ei_resize_axis *a, int64_t o, taps *t, double *w,
                             int64_t cap) {
  const double x = source(r, a, o, &t->outside), base = ceil(x) - 1, frac = x - base;
  const double shrink = r->antialias && a->scale < 1 ? a->scale : 1;
  const double reach = (r->mode == EI_RESIZE_LINEAR ? 1 : 2) / shrink;
  double sum = 0;
  if (has_fixed_weights(c, r, a)) {
    fixed_taps(r, a, o, t, w);
    return EDGE_STATUS_OK;
  }
  if (!(reach < 1e6)) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "scale %g is too small", a->scale);
  const int64_t lo = (int64_t)floor(-reach) + 1, hi = 1 - lo;
  t->first = clamp_index(base + (double)lo, a->in);
  t->count = clamp_index(base + (double)hi, a->in) - t->first + 1;
  if (t->count > cap) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "scale and size of an axis disagree");
  for (int64_t k = 0; k < t->count; ++k) w[k] = 0;
  for (int64_t i = lo; i <= hi; ++i) {
    const double at = base + (double)i, v = kernel(r, shrink * ((double)i - frac));
    if (r->exclude_outside && (at < 0 || at >= (double)a->in)) continue;
    w[clamp_index(at, a->in) - t->first] += v;
    sum += v;
  }
  if (r->antialias || r->exclude_outside)
    for (int64_t k = 0; k < t->count && sum != 0; ++k) w[k] /= sum;
  return EDGE_STATUS_OK;
}

/* Most taps that make_taps gives; from the shapes alone, since scratch is sized before values are known. */
static int64_t max_taps(const ei_op_ctx *c, int64_t in, int64_t out) {
  const double reach = ei_op_int(c, "mode") == EI_RESIZE_LINEAR ? 1 : 2;
  const double scale = ((double)out - 0.5) / (double)in;
  const bool shrinks = ei_op_int(c, "antialias") != 0 && scale < 1;
  const double bound = 2 * (shrinks ? reach / scale : reach) + 3;
  return ei_op_int(c, "coord") == EI_COORD_CROP || bound > (double)in ? in : (int64_t)bound;
}

typedef struct work {
  uint64_t elements, weights, positions;
} work;

static bool measure(const ei_op_ctx *c, work *k) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  uint64_t n = ei_op_elements(x), w = 0;
  *k = (work) { n, 1, 1 };
  if (n == 0 || x->rank != y->rank) return true;
  for (int32_t d = 0; d < x->rank; ++d) {
    if (!ei_mul_u64(n / (uint64_t)x->dims[d], (uint64_t)y->dims[d], &n)) return false;
    if (n > k->elements) k->elements = n;
    if (!ei_mul_u64((uint64_t)y->dims[d], (uint64_t)max_taps(c, x->dims[d], y->dims[d]), &w)) return false;
    if (w > k->weights) k->weights = w;
    if ((uint64_t)y->dims[d] > k->positions) k->positions = (uint64_t)y->dims[d];
  }
  return true;
}

uint64_t ei_resize_scratch(const ei_op_ctx *c) {
  const edge_tensor *const y = &c->out[0];
  uint64_t sum = 0, total = 0, part = 0;
  work k;
  for (int32_t d = 0; d < y->rank; ++d) sum += (uint64_t)y->dims[d]; /* each below 2^48 */
  if (ei_op_int(c, "mode") == EI_RESIZE_NEAREST) return (sum + 1) * sizeof(int64_t);
  if (!measure(c, &k) || !ei_mul_u64(k.elements, 2, &total) || !ei_add_u64(total, k.weights, &total) ||
      !ei_mul_u64(total, sizeof(double), &total) || !ei_mul_u64(k.positions, sizeof(taps), &part) ||
      !ei_add_u64(total, part, &total))
    return UINT64_MAX;
  return total;
}

/* y[outer, o, inner] = sum_k w[o][k] * x[outer, first[o] + k, inner] */
static void weigh(const double *x, double *y, const taps *t, const double *w, int64_t cap, int64_t outer, int64_t in,
                  int64_t out, int64_t inner) {
  for (int64_t b = 0; b < outer; ++b)
    for (int64_t o = 0; o < out; ++o) {
      double *const to = y + (b * out + o) * inner;
      const double *const from = x + (b * in + t[o].first) * inner;
      const double *const weight = w + o * cap;
      for (int64_t i = 0; i < inner; ++i) to[i] = weight[0] * from[i];
      for (int64_t k = 1; k < t[o].count; ++k)
        for (int64_t i = 0; i < inner; ++i) to[i] += weight[k] * from[k * inner + i];
    }
}

static void store_outside(ei_op_ctx *c, const ei_resize *r) {
  int64_t index[EDGE_MAX_RANK] = { 0 };
  uint64_t at = 0;
  do {
    bool any = false, outside = false;
    for (int32_t d = 0; d < r->rank; ++d) {
      if (r->axis[d].identity) continue;
      (void)source(r, &r->axis[d], index[d], &outside);
      any |= outside;
    }
    if (any) store_extrapolation(c, at);
    ++at;
  } while (ei_walk_next(r->rank, c->out[0].dims, index));
}

static void load_all(const edge_tensor *x, double *to, uint64_t n) {
  if (x->dtype != EDGE_DTYPE_F32) {
    for (uint64_t i = 0; i < n; ++i) to[i] = ei_load_f64(x, i);
    return;
  }
  for (uint64_t i = 0; i < n; ++i) {
    float v;
    memcpy(&v, (const unsigned char *)x->data + i * sizeof v, sizeof v);
    to[i] = (double)v;
  }
}

static void store_all(const edge_tensor *y, const double *from, uint64_t n) {
  if (ei_is_quantized(y)) { /* ties away from zero, as in TFLite */
    for (uint64_t i = 0; i < n; ++i) ei_store_f64(y, i, round(from[i]));
    return;
  }
  if (y->dtype != EDGE_DTYPE_F32) {
    for (uint64_t i = 0; i < n; ++i) ei_store_f64(y, i, from[i]);
    return;
  }
  for (uint64_t i = 0; i < n; ++i) {
    const float v = (float)from[i];
    memcpy((unsigned char *)y->data + i * sizeof v, &v, sizeof v);
  }
}

edge_status ei_resize_weighted(ei_op_ctx *c, const ei_resize *r) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  const uint64_t n_in = ei_op_elements(x), n_out = ei_op_elements(y);
  int64_t dims[EDGE_MAX_RANK];
  work k;
  if (!measure(c, &k)) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the output is too large");
  double *from = (double *)c->scratch, *to = from + k.elements, *const w = to + k.elements;
  taps *const t = (taps *)(void *)(w + k.weights);
  load_all(x, from, n_in);
  memcpy(dims, x->dims, sizeof dims);
  for (int32_t d = 0; d < r->rank; ++d) {
    const ei_resize_axis *const a = &r->axis[d];
    if (a->identity) continue;
    const int64_t cap = max_taps(c, a->in, a->out);
    for (int64_t o = 0; o < a->out; ++o) EI_TRY(make_taps(c, r, a, o, &t[o], w + o * cap, cap));
    weigh(from, to, t, w, cap, ei_dims_product(dims, 0, d), a->in, a->out, ei_dims_product(dims, d + 1, r->rank));
    dims[d] = a->out;
    double *const swap = from;
    from = to;
    to = swap;
  }
  store_all(y, from, n_out);
  if (r->coord == EI_COORD_CROP) store_outside(c, r);
  return EDGE_STATUS_OK;
}
