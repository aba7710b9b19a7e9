/* SPDX-License-Identifier: Apache-2.0
 * Resize: nearest copies through an index map per axis; linear and cubic weigh neighbours, one axis at a time. */
#include "op_walk.h"
#include <math.h>

enum { MODE_NEAREST, MODE_LINEAR, MODE_CUBIC };
enum { COORD_HALF, COORD_ASYMMETRIC, COORD_CORNERS, COORD_PYTORCH, COORD_SYMMETRIC, COORD_TF_NN, COORD_CROP };
enum { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, ROUND_FLOOR, ROUND_CEIL };
enum { POLICY_STRETCH, POLICY_NOT_LARGER, POLICY_NOT_SMALLER };

typedef struct resize_axis {
  int64_t in, out;
  double scale, roi_begin, roi_end;
  bool ratio;    /* scale is exactly out / in */
  bool identity; /* nothing to do */
} resize_axis;

typedef struct resize {
  int64_t mode, coord, rounding;
  bool antialias, exclude_outside;
  double cubic_a;
  int32_t rank;
  resize_axis axis[EDGE_MAX_RANK];
} resize;

static bool given(const ei_op_ctx *c, uint32_t i) {
  return ei_op_has(c, i) && !(ei_op_shape_known(&c->in[i]) && ei_op_elements(&c->in[i]) == 0);
}

static edge_status read_axes(ei_op_ctx *c, int32_t rank, int32_t *axes, uint32_t *n) {
  int64_t list[EDGE_MAX_RANK];
  const ei_attr *const a = ei_node_attr(c->node, "axes");
  uint32_t mask = 0;
  *n = (uint32_t)rank;
  for (int32_t d = 0; d < rank; ++d) axes[d] = d;
  if (a == NULL || a->count == 0) return EDGE_STATUS_OK;
  if (a->count > (uint32_t)rank) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "more axes than dimensions");
  *n = ei_node_ints(c->node, "axes", list, EDGE_MAX_RANK);
  EI_TRY(ei_op_axis_mask(c, list, *n, rank, &mask));
  for (uint32_t i = 0; i < *n; ++i) axes[i] = (int32_t)(list[i] < 0 ? list[i] + rank : list[i]);
  return EDGE_STATUS_OK;
}

static edge_status read_attrs(ei_op_ctx *c, resize *r) {
  const int64_t policy = ei_op_int(c, "policy");
  r->mode = ei_op_int(c, "mode");
  r->coord = ei_op_int(c, "coord");
  r->rounding = ei_op_int(c, "nearest");
  r->antialias = ei_op_int(c, "antialias") != 0 && r->mode != MODE_NEAREST;
  r->exclude_outside = ei_op_int(c, "exclude_outside") != 0;
  r->cubic_a = ei_op_float(c, "cubic_a");
  if (r->mode < 0 || r->mode > MODE_CUBIC || r->coord < 0 || r->coord > COORD_CROP || r->rounding < 0 ||
      r->rounding > ROUND_CEIL || policy < 0 || policy > POLICY_NOT_SMALLER)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "unknown mode, coordinate, rounding or policy");
  if (!given(c, 1) && !given(c, 2))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "either sizes or scales must be given");
  if (ei_op_has(c, 1)) EI_TRY(ei_op_need_int(c, 1));
  for (uint32_t i = 2; i < 4; ++i)
    if (ei_op_has(c, i) && !ei_dtype_is_float(c->in[i].dtype))
      return ei_op_fail(c, EDGE_STATUS_TYPE_MISMATCH, "input %u must hold floats", i);
  return EDGE_STATUS_OK;
}

/* One factor for all axes, so that the result is the largest inside (or the smallest around) the sizes. */
static void keep_aspect(resize *r, const int32_t *axes, uint32_t n, bool not_larger) {
  double scale = 0;
  for (uint32_t i = 0; i < n; ++i) {
    const double s = r->axis[axes[i]].scale;
    if (i == 0 || (not_larger ? s < scale : s > scale)) scale = s;
  }
  for (uint32_t i = 0; i < n; ++i) {
    resize_axis *const a = &r->axis[axes[i]];
    a->scale = scale;
    const double out = floor(scale * (double)a->in + 0.5);
    a->out = out < 1e15 ? (int64_t)out : INT64_MAX;
    a->ratio = false;
  }
}

static edge_status read_sizes(ei_op_ctx *c, resize *r, const int32_t *axes, uint32_t n) {
  int64_t sizes[EDGE_MAX_RANK];
  uint32_t count = 0;
  const int64_t policy = ei_op_int(c, "policy");
  EI_TRY(ei_op_list(c, 1, sizes, EDGE_MAX_RANK, &count));
  if (count != n) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%u sizes for %u axes", count, n);
  for (uint32_t i = 0; i < n; ++i) {
    resize_axis *const a = &r->axis[axes[i]];
    if (sizes[i] < 0 || (policy != POLICY_STRETCH && a->in == 0))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "size %lld of axis %d", (long long)sizes[i], (int)axes[i]);
    a->out = sizes[i];
    a->scale = a->in > 0 ? (double)sizes[i] / (double)a->in : 1;
    a->ratio = true;
  }
  if (policy != POLICY_STRETCH) keep_aspect(r, axes, n, policy == POLICY_NOT_LARGER);
  return EDGE_STATUS_OK;
}

static edge_status read_scales(ei_op_ctx *c, resize *r, const int32_t *axes, uint32_t n) {
  const edge_tensor *const t = &c->in[2];
  if (!ei_op_shape_known(t) || ei_op_elements(t) != n)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the number of scales is not that of the axes (%u)", n);
  for (uint32_t i = 0; i < n; ++i) {
    resize_axis *const a = &r->axis[axes[i]];
    a->scale = ei_load_f64(t, i);
    /* f32 as exporters compute it: 0.7f of 10 is 7, not 6 */
    const double extent = r->coord == COORD_CROP ? a->roi_end - a->roi_begin : 1.0;
    const double out = floor((double)((float)a->in * (float)a->scale * (float)extent));
    if (!(a->scale > 0) || !(out >= 0 && out < 1e15))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "scale %g of axis %d", a->scale, (int)axes[i]);
    a->out = (int64_t)out;
    a->ratio = false;
  }
  return EDGE_STATUS_OK;
}

static edge_status read_roi(ei_op_ctx *c, resize *r, const int32_t *axes, uint32_t n) {
  const edge_tensor *const t = &c->in[3];
  if (!given(c, 3)) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "crop and resize needs a region");
  if (!ei_op_shape_known(t) || ei_op_elements(t) != 2 * (uint64_t)n)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the region must have %u values", 2 * n);
  for (uint32_t i = 0; i < n; ++i) {
    r->axis[axes[i]].roi_begin = ei_load_f64(t, i);
    r->axis[axes[i]].roi_end = ei_load_f64(t, n + i);
  }
  return EDGE_STATUS_OK;
}

/* Everything about the operation; the input's shape and the other inputs' values are known. */
static edge_status read_all(ei_op_ctx *c, resize *r) {
  const edge_tensor *const x = &c->in[0];
  int32_t axes[EDGE_MAX_RANK];
  uint32_t n = 0;
  EI_TRY(read_attrs(c, r));
  EI_TRY(read_axes(c, x->rank, axes, &n));
  r->rank = x->rank;
  for (int32_t d = 0; d < x->rank; ++d)
    r->axis[d] = (resize_axis) { x->dims[d], x->dims[d], 1.0, 0.0, 1.0, true, true };
  if (r->coord == COORD_CROP) EI_TRY(read_roi(c, r, axes, n));
  EI_TRY(given(c, 1) ? read_sizes(c, r, axes, n) : read_scales(c, r, axes, n));
  for (uint32_t i = 0; i < n; ++i) {
    resize_axis *const a = &r->axis[axes[i]];
    const bool same = a->in == a->out && a->scale == 1.0;
    a->identity = same && (r->coord != COORD_CROP || (a->roi_begin == 0 && a->roi_end == 1)) && r->coord != COORD_TF_NN;
    if (a->in == 0 && a->out > 0)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "axis %d is empty and cannot grow", (int)axes[i]);
  }
  return EDGE_STATUS_OK;
}

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int64_t dims[EDGE_MAX_RANK];
  int32_t axes[EDGE_MAX_RANK];
  uint32_t n = 0;
  resize r;
  EI_TRY(read_attrs(c, &r));
  bool ready = !given(c, 1) || ei_op_ready(c, 1);
  if (given(c, 2) && !given(c, 1)) ready = ei_op_ready(c, 2) && ready;
  if (given(c, 3) && r.coord == COORD_CROP) ready = ei_op_ready(c, 3) && ready;
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(read_axes(c, x->rank, axes, &n));
  memcpy(dims, x->dims, sizeof dims);
  for (uint32_t i = 0; i < n; ++i) dims[axes[i]] = EI_DIM_UNKNOWN;
  if (ready && ei_op_shape_known(x)) {
    EI_TRY(read_all(c, &r));
    for (int32_t d = 0; d < x->rank; ++d) dims[d] = r.axis[d].out;
  } else if (ready && given(c, 1) && ei_op_int(c, "policy") == POLICY_STRETCH) {
    uint32_t count = 0;
    int64_t sizes[EDGE_MAX_RANK];
    EI_TRY(ei_op_list(c, 1, sizes, EDGE_MAX_RANK, &count));
    for (uint32_t i = 0; i < n && i < count; ++i) dims[axes[i]] = sizes[i] < 0 ? EI_DIM_UNKNOWN : sizes[i];
  } else if (ready && given(c, 2) && !given(c, 1) && r.coord != COORD_CROP) { /* axes whose size is known */
    const edge_tensor *const s = &c->in[2];
    for (uint32_t i = 0; i < n && ei_op_elements(s) == n; ++i) {
      const double out = floor((double)((float)x->dims[axes[i]] * (float)ei_load_f64(s, i)));
      if (x->dims[axes[i]] >= 0 && out >= 0 && out < 1e15) dims[axes[i]] = (int64_t)out;
    }
  }
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return ei_op_check_size(c, 0);
}

/* ---- coordinates */

/* Position in the input of output element o; *outside: extrapolated. */
static double source(const resize *r, const resize_axis *a, int64_t o, bool *outside) {
  const double in = (double)a->in, length = a->ratio ? (double)a->out : a->scale * in, y = (double)o;
  const double half = a->ratio ? (y + 0.5) * in / length : (y + 0.5) / a->scale;
  double x = half - 0.5;
  *outside = false;
  switch (r->coord) {
  case COORD_ASYMMETRIC: x = a->ratio ? y * in / length : y / a->scale; break;
  case COORD_CORNERS: x = length == 1 ? 0 : y * (in - 1) / (length - 1); break;
  case COORD_PYTORCH: x = a->out == 1 ? 0 : half - 0.5; break;
  case COORD_SYMMETRIC: x = in / 2 * (1 - (double)a->out / length) + half - 0.5; break;
  case COORD_TF_NN: x = half; break;
  case COORD_CROP: {
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

static int64_t nearest_index(const resize *r, const resize_axis *a, int64_t o) {
  bool outside = false;
  const double x = source(r, a, o, &outside);
  if (outside) return -1;
  switch (r->rounding) {
  case ROUND_PREFER_CEIL: return clamp_index(floor(x + 0.5), a->in);
  case ROUND_FLOOR: return clamp_index(floor(x), a->in);
  case ROUND_CEIL: return clamp_index(ceil(x), a->in);
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

static edge_status eval_nearest(ei_op_ctx *c, const resize *r) {
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
    if (inner == 1 && r->coord != COORD_CROP) {
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

static double kernel(const resize *r, double t) {
  const double a = r->cubic_a;
  t = fabs(t);
  if (r->mode == MODE_LINEAR) return t < 1 ? 1 - t : 0;
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/* Neighbours beyond the border fold into the border element, or are left out. */
static edge_status make_taps(ei_op_ctx *c, const resize *r, const resize_axis *a, int64_t o, taps *t, double *w,
                             int64_t cap) {
  const double x = source(r, a, o, &t->outside), base = ceil(x) - 1, frac = x - base;
  const double shrink = r->antialias && a->scale < 1 ? a->scale : 1;
  const double reach = (r->mode == MODE_LINEAR ? 1 : 2) / shrink;
  double sum = 0;
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
  const double reach = ei_op_int(c, "mode") == MODE_LINEAR ? 1 : 2;
  const double scale = ((double)out - 0.5) / (double)in;
  const bool shrinks = ei_op_int(c, "antialias") != 0 && scale < 1;
  const double bound = 2 * (shrinks ? reach / scale : reach) + 3;
  return ei_op_int(c, "coord") == COORD_CROP || bound > (double)in ? in : (int64_t)bound;
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

static uint64_t scratch_bytes(const ei_op_ctx *c) {
  const edge_tensor *const y = &c->out[0];
  uint64_t sum = 0, total = 0, part = 0;
  work k;
  for (int32_t d = 0; d < y->rank; ++d) sum += (uint64_t)y->dims[d]; /* each below 2^48 */
  if (ei_op_int(c, "mode") == MODE_NEAREST) return (sum + 1) * sizeof(int64_t);
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

static void store_outside(ei_op_ctx *c, const resize *r) {
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
  if (y->dtype != EDGE_DTYPE_F32) {
    for (uint64_t i = 0; i < n; ++i) ei_store_f64(y, i, from[i]);
    return;
  }
  for (uint64_t i = 0; i < n; ++i) {
    const float v = (float)from[i];
    memcpy((unsigned char *)y->data + i * sizeof v, &v, sizeof v);
  }
}

static edge_status eval_weighted(ei_op_ctx *c, const resize *r) {
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
    const resize_axis *const a = &r->axis[d];
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
  if (r->coord == COORD_CROP) store_outside(c, r);
  return EDGE_STATUS_OK;
}

static edge_status eval(ei_op_ctx *c) {
  const edge_tensor *const y = &c->out[0];
  resize r;
  EI_TRY(read_all(c, &r));
  for (int32_t d = 0; d < r.rank; ++d)
    if (y->rank != r.rank || y->dims[d] != r.axis[d].out)
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "sizes or scales do not fit the output");
  if (ei_op_elements(y) == 0) return EDGE_STATUS_OK;
  if (c->scratch_bytes < scratch_bytes(c)) return ei_op_fail(c, EDGE_STATUS_INTERNAL, "too little scratch memory");
  if (r.rank == 0) {
    ei_copy_run(y, 0, &c->in[0], 0, 1);
    return EDGE_STATUS_OK;
  }
  return r.mode == MODE_NEAREST ? eval_nearest(c, &r) : eval_weighted(c, &r);
}

static const ei_attr_def attrs[] = { { "mode", EI_ATTR_INT, 0 },
                                     { "coord", EI_ATTR_INT, 0 },
                                     { "nearest", EI_ATTR_INT, 0 },
                                     { "cubic_a", EI_ATTR_FLOAT, -0.75 },
                                     { "exclude_outside", EI_ATTR_INT, 0 },
                                     { "extrapolation", EI_ATTR_FLOAT, 0 },
                                     { "antialias", EI_ATTR_INT, 0 },
                                     { "axes", EI_ATTR_INTS, 0 },
                                     { "policy", EI_ATTR_INT, 0 },
                                     { NULL, 0, 0 } };

const ei_op_def ei_op_Resize = { .name = "Resize",
                                 .min_in = 2,
                                 .max_in = 4,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .version = 1,
                                 .optional_in = 14,
                                 .attrs = attrs,
                                 .infer = infer,
                                 .eval = eval,
                                 .scratch_bytes = scratch_bytes };
