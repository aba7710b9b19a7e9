/* SPDX-License-Identifier: Apache-2.0
 * GridSample reads an image at given coordinates; AffineGrid makes the coordinates of an affine map. */
#include "op_walk.h"
#include <math.h>

enum { MODE_NEAREST, MODE_LINEAR, MODE_CUBIC };
enum { PADDING_ZEROS, PADDING_BORDER, PADDING_REFLECTION };

/* ---- GridSample: x [N, spatial..., C], grid [N, out..., r] with the last spatial dimension first, in [-1, 1] */

static edge_status infer_sample(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const grid = &c->in[1];
  const int64_t mode = ei_op_int(c, "mode"), padding = ei_op_int(c, "padding");
  int64_t dims[EDGE_MAX_RANK];
  if (mode < MODE_NEAREST || mode > MODE_CUBIC || padding < PADDING_ZEROS || padding > PADDING_REFLECTION)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "unknown mode or padding");
  if (!ei_dtype_is_float(x->dtype) || !ei_dtype_is_float(grid->dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "image and grid must be floats");
  EI_TRY(ei_op_need_rank(c, 0, 3, EDGE_MAX_RANK));
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank >= 0) EI_TRY(ei_op_need_rank(c, 1, x->rank, x->rank));
  if (x->rank < 0 || grid->rank < 0) return EDGE_STATUS_OK;
  int64_t r = x->rank - 2, batch = x->dims[0];
  EI_TRY(ei_op_same_dim(c, &r, grid->dims[grid->rank - 1], "coordinates of a point"));
  EI_TRY(ei_op_same_dim(c, &batch, grid->dims[0], "batches of image and grid"));
  memcpy(dims, grid->dims, sizeof dims);
  dims[0] = batch;
  dims[x->rank - 1] = x->dims[x->rank - 1];
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return ei_op_check_size(c, 0);
}

static float reflect(float v, float lo, float hi) {
  const float range = hi - lo;
  if (!(range > 0)) return lo;
  const float t = fabsf(fmodf(v - lo, 2 * range));
  return lo + (t > range ? 2 * range - t : t);
}

/* Neighbours of a coordinate along one dimension; index -1 reads zero. */
typedef struct reads {
  int64_t index[4];
  double weight[4];
  int32_t count;
} reads;

static int64_t pixel(int64_t i, int64_t n, int64_t padding, bool corners) {
  if (i >= 0 && i < n) return i;
  if (padding == PADDING_ZEROS) return -1;
  if (padding == PADDING_BORDER) return i < 0 ? 0 : n - 1;
  const float lo = corners ? 0 : -0.5f, hi = corners ? (float)(n - 1) : (float)n - 0.5f;
  const int64_t k = (int64_t)reflect((float)i, lo, hi);
  return k < 0 ? 0 : k >= n ? n - 1 : k;
}

static void locate(const ei_op_ctx *c, float v, int64_t n, reads *r) {
  const int64_t mode = ei_op_int(c, "mode"), padding = ei_op_int(c, "padding");
  const bool corners = ei_op_int(c, "align_corners") != 0;
  const float lo = corners ? 0 : -0.5f, hi = corners ? (float)(n - 1) : (float)n - 0.5f;
  float x = corners ? (v + 1) / 2 * (float)(n - 1) : ((v + 1) * (float)n - 1) / 2;
  if (!(x > -1e8f)) x = -1e8f; /* also NaN */
  if (x > 1e8f) x = 1e8f;
  if (mode == MODE_NEAREST) x = rintf(x);
  if (x < lo || x > hi) {
    /* cubic weights are those of the place outside; only its neighbours are moved to the border */
    if (padding == PADDING_BORDER && mode != MODE_CUBIC) x = x < 0 ? 0 : (float)(n - 1);
    if (padding == PADDING_REFLECTION) x = reflect(x, lo, hi);
  }
  const float base = floorf(x);
  const double t = (double)(x - base);
  const int64_t i = (int64_t)base;
  if (mode == MODE_NEAREST) {
    r->count = 1;
    r->index[0] = pixel((int64_t)rintf(x), n, padding, corners);
    r->weight[0] = 1;
    return;
  }
  r->count = mode == MODE_LINEAR ? 2 : 4;
  for (int32_t k = 0; k < r->count; ++k) {
    const int64_t offset = mode == MODE_LINEAR ? k : k - 1;
    const double d = fabs(t - (double)offset), a = -0.75;
    r->index[k] = pixel(i + offset, n, padding, corners);
    if (mode == MODE_LINEAR)
      r->weight[k] = 1 - d;
    else
      r->weight[k] = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  }
}

static uint64_t sample_scratch(const ei_op_ctx *c) {
  return ((uint64_t)c->in[0].dims[c->in[0].rank - 1] + 1) * sizeof(double);
}

/* One point: the weighted sum of its neighbours, for all channels. */
static void sample_point(const edge_tensor *x, int64_t batch, const reads *r, int32_t dims, double *sum) {
  const int64_t channels = x->dims[x->rank - 1];
  int64_t pick[EDGE_MAX_RANK] = { 0 }, counts[EDGE_MAX_RANK];
  for (int32_t d = 0; d < dims; ++d) counts[d] = r[d].count;
  for (int64_t k = 0; k < channels; ++k) sum[k] = 0;
  do {
    int64_t at = batch;
    double w = 1;
    bool inside = true;
    for (int32_t d = 0; d < dims; ++d) {
      const int64_t i = r[d].index[pick[d]];
      inside = inside && i >= 0;
      at = at * x->dims[d + 1] + (i < 0 ? 0 : i);
      w *= r[d].weight[pick[d]];
    }
    if (!inside || w == 0) continue;
    for (int64_t k = 0; k < channels; ++k) sum[k] += w * ei_load_f64(x, (uint64_t)(at * channels + k));
  } while (ei_walk_next(dims, counts, pick));
}

static edge_status eval_sample(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const grid = &c->in[1], *const y = &c->out[0];
  const int32_t r = x->rank - 2;
  const int64_t channels = x->dims[x->rank - 1], points = ei_dims_product(grid->dims, 1, grid->rank - 1);
  double *const sum = (double *)c->scratch;
  reads at[EDGE_MAX_RANK];
  if (ei_op_elements(y) == 0) return EDGE_STATUS_OK;
  if (ei_op_elements(x) == 0) {
    ei_fill_zero(y);
    return EDGE_STATUS_OK;
  }
  for (int64_t b = 0; b < y->dims[0]; ++b)
    for (int64_t p = 0; p < points; ++p) {
      const uint64_t row = (uint64_t)(b * points + p);
      for (int32_t d = 0; d < r; ++d) /* x comes first in the grid, but last in the image */
        locate(c, (float)ei_load_f64(grid, row * (uint64_t)r + (uint64_t)(r - 1 - d)), x->dims[d + 1], &at[d]);
      sample_point(x, b, at, r, sum);
      for (int64_t k = 0; k < channels; ++k) ei_store_f64(y, row * (uint64_t)channels + (uint64_t)k, sum[k]);
    }
  return EDGE_STATUS_OK;
}

/* ---- AffineGrid: theta [N, r, r + 1], size [N, C, spatial...] -> [N, spatial..., r] */

static edge_status infer_affine(ei_op_ctx *c) {
  const edge_tensor *const theta = &c->in[0];
  int64_t size[5], dims[EDGE_MAX_RANK];
  uint32_t n = 0;
  if (!ei_dtype_is_float(theta->dtype)) return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "the matrix must be floats");
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_rank(c, 0, 3, 3));
  ei_op_set_unknown(&c->out[0], theta->dtype);
  if (!ei_op_ready(c, 1)) return EDGE_STATUS_OK;
  EI_TRY(ei_op_list(c, 1, size, 5, &n));
  if (n < 4) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the size must have 4 or 5 values, not %u", n);
  const int32_t r = (int32_t)n - 2;
  int64_t rows = r, cols = r + 1;
  dims[0] = size[0];
  if (theta->rank == 3) {
    EI_TRY(ei_op_same_dim(c, &dims[0], theta->dims[0], "batches of matrix and size"));
    EI_TRY(ei_op_same_dim(c, &rows, theta->dims[1], "rows of the matrix"));
    EI_TRY(ei_op_same_dim(c, &cols, theta->dims[2], "columns of the matrix"));
  }
  for (int32_t d = 0; d < r; ++d) dims[1 + d] = size[2 + d];
  dims[1 + r] = r;
  for (int32_t d = 0; d < r + 2; ++d)
    if (dims[d] < 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "size %lld", (long long)dims[d]);
  ei_op_set_shape(&c->out[0], theta->dtype, r + 2, dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval_affine(ei_op_ctx *c) {
  const edge_tensor *const theta = &c->in[0], *const y = &c->out[0];
  const int32_t r = y->rank - 2;
  const bool corners = ei_op_int(c, "align_corners") != 0;
  int64_t index[EDGE_MAX_RANK] = { 0 };
  uint64_t at = 0;
  if (ei_op_elements(y) == 0) return EDGE_STATUS_OK;
  do {
    double p[4];
    for (int32_t d = 0; d < r; ++d) { /* p[0] runs along the last spatial dimension */
      const double n = (double)y->dims[r - d], i = (double)index[r - d];
      p[d] = corners ? (n > 1 ? -1 + 2 * i / (n - 1) : -1) : (2 * i + 1) / n - 1;
    }
    p[r] = 1;
    for (int32_t k = 0; k < r; ++k) {
      double sum = 0;
      for (int32_t d = 0; d <= r; ++d) sum += ei_load_f64(theta, (uint64_t)((index[0] * r + k) * (r + 1) + d)) * p[d];
      ei_store_f64(y, at++, sum);
    }
  } while (ei_walk_next(r + 1, y->dims, index));
  return EDGE_STATUS_OK;
}

static const ei_attr_def sample_attrs[] = {
  { "mode", EI_ATTR_INT, 1 }, { "padding", EI_ATTR_INT, 0 }, { "align_corners", EI_ATTR_INT, 0 }, { NULL, 0, 0 }
};
static const ei_attr_def affine_attrs[] = { { "align_corners", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

const ei_op_def ei_op_GridSample = { .name = "GridSample",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .min_out = 1,
                                     .max_out = 1,
                                     .version = 1,
                                     .attrs = sample_attrs,
                                     .infer = infer_sample,
                                     .eval = eval_sample,
                                     .scratch_bytes = sample_scratch };
const ei_op_def ei_op_AffineGrid = { .name = "AffineGrid",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .min_out = 1,
                                     .max_out = 1,
                                     .version = 1,
                                     .attrs = affine_attrs,
                                     .infer = infer_affine,
                                     .eval = eval_affine };
