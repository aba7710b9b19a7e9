/* SPDX-License-Identifier: Apache-2.0
 * RoiAlign and MaxRoiPool: regions of an image [N, H, W, C] brought to one size. */
#include "op_walk.h"
#include <math.h>

enum { MODE_AVERAGE, MODE_MAX };

static edge_status region_shape(ei_op_ctx *c, int64_t regions, int64_t h, int64_t w) {
  const edge_tensor *const x = &c->in[0];
  if (!ei_dtype_is_float(x->dtype) || !ei_dtype_is_float(c->in[1].dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "image and regions must be floats");
  EI_TRY(ei_op_need_rank(c, 0, 4, 4));
  EI_TRY(ei_op_need_rank(c, 1, 2, 2));
  if (h < 1 || w < 1 || h > 1 << 24 || w > 1 << 24)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "output size %lld x %lld", (long long)h, (long long)w);
  const int64_t dims[4] = { regions, h, w, x->rank == 4 ? x->dims[3] : EI_DIM_UNKNOWN };
  ei_op_set_shape(&c->out[0], x->dtype, 4, dims);
  return ei_op_check_size(c, 0);
}

static edge_status check_scale(ei_op_ctx *c) {
  const double s = ei_op_float(c, "spatial_scale");
  if (s > 0 && s < 1e30) return EDGE_STATUS_OK;
  return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "spatial scale %g", s);
}

/* ---- RoiAlign: x, regions [R, 4] (x1, y1, x2, y2), batch index [R] */

static edge_status infer_align(ei_op_ctx *c) {
  int64_t regions = EI_DIM_UNKNOWN, four = 4;
  const int64_t mode = ei_op_int(c, "mode"), ratio = ei_op_int(c, "sampling_ratio");
  if (mode < MODE_AVERAGE || mode > MODE_MAX || ratio < 0 || ratio > 1 << 12)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "unknown mode or sampling ratio");
  EI_TRY(check_scale(c));
  EI_TRY(ei_op_need_int(c, 2));
  EI_TRY(ei_op_need_rank(c, 2, 1, 1));
  if (c->in[1].rank == 2) {
    regions = c->in[1].dims[0];
    EI_TRY(ei_op_same_dim(c, &four, c->in[1].dims[1], "values of a region"));
  }
  if (c->in[2].rank == 1) EI_TRY(ei_op_same_dim(c, &regions, c->in[2].dims[0], "regions and batch indices"));
  return region_shape(c, regions, ei_op_int(c, "out_h"), ei_op_int(c, "out_w"));
}

/* The four pixels around a point; weights are 0 beyond one pixel outside. */
typedef struct corners {
  int64_t at[4];
  double weight[4];
} corners;

static void find_corners(double y, double x, int64_t h, int64_t w, corners *k) {
  if (!(y >= -1 && y <= (double)h && x >= -1 && x <= (double)w)) {
    memset(k, 0, sizeof *k);
    return;
  }
  if (y < 0) y = 0;
  if (x < 0) x = 0;
  int64_t y0 = (int64_t)y, x0 = (int64_t)x, y1 = y0 + 1, x1 = x0 + 1;
  if (y0 >= h - 1) {
    y0 = y1 = h - 1;
    y = (double)y0;
  }
  if (x0 >= w - 1) {
    x0 = x1 = w - 1;
    x = (double)x0;
  }
  const double ly = y - (double)y0, lx = x - (double)x0;
  const int64_t at[4] = { y0 * w + x0, y0 * w + x1, y1 * w + x0, y1 * w + x1 };
  const double weight[4] = { (1 - ly) * (1 - lx), (1 - ly) * lx, ly * (1 - lx), ly * lx };
  memcpy(k->at, at, sizeof at);
  memcpy(k->weight, weight, sizeof weight);
}

typedef struct region {
  double y, x, bin_h, bin_w;
  int64_t grid_h, grid_w, batch;
} region;

static edge_status read_region(ei_op_ctx *c, int64_t i, region *r) {
  const edge_tensor *const x = &c->in[0];
  const double scale = ei_op_float(c, "spatial_scale"), shift = ei_op_int(c, "half_pixel") != 0 ? 0.5 : 0;
  const int64_t ratio = ei_op_int(c, "sampling_ratio"), out_h = ei_op_int(c, "out_h"), out_w = ei_op_int(c, "out_w");
  double v[4];
  for (uint32_t k = 0; k < 4; ++k) v[k] = ei_load_f64(&c->in[1], 4 * (uint64_t)i + k) * scale - shift;
  double w = v[2] - v[0], h = v[3] - v[1];
  if (shift == 0) {
    if (!(w > 1)) w = 1;
    if (!(h > 1)) h = 1;
  }
  r->batch = ei_load_s64(&c->in[2], (uint64_t)i);
  if (r->batch < 0 || r->batch >= x->dims[0])
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "batch index %lld of region %lld is outside [0, %lld)",
                      (long long)r->batch, (long long)i, (long long)x->dims[0]);
  r->x = v[0];
  r->y = v[1];
  r->bin_h = h / (double)out_h;
  r->bin_w = w / (double)out_w;
  if (!(fabs(r->bin_h) < 4096 && fabs(r->bin_w) < 4096))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "region %lld is too large", (long long)i);
  r->grid_h = ratio > 0 ? ratio : (int64_t)ceil(r->bin_h);
  r->grid_w = ratio > 0 ? ratio : (int64_t)ceil(r->bin_w);
  return EDGE_STATUS_OK;
}

static void align_bin(const edge_tensor *x, const region *r, int64_t ph, int64_t pw, bool max, double *sum) {
  const int64_t h = x->dims[1], w = x->dims[2], channels = x->dims[3];
  bool first = true;
  for (int64_t k = 0; k < channels; ++k) sum[k] = 0;
  for (int64_t iy = 0; iy < r->grid_h; ++iy)
    for (int64_t ix = 0; ix < r->grid_w; ++ix) {
      corners q;
      find_corners(r->y + ((double)ph + ((double)iy + 0.5) / (double)r->grid_h) * r->bin_h,
                   r->x + ((double)pw + ((double)ix + 0.5) / (double)r->grid_w) * r->bin_w, h, w, &q);
      for (int64_t k = 0; k < channels; ++k) {
        double v = 0, most = 0;
        for (uint32_t j = 0; j < 4; ++j) {
          const double t = q.weight[j] * ei_load_f64(x, (uint64_t)((r->batch * h * w + q.at[j]) * channels + k));
          v += t;
          if (j == 0 || t > most) most = t;
        }
        if (!max)
          sum[k] += v;
        else if (first || most > sum[k])
          sum[k] = most; /* the largest weighted pixel, as ONNX defines it */
      }
      first = false;
    }
  const int64_t count = r->grid_h * r->grid_w;
  for (int64_t k = 0; k < channels && !max && count > 1; ++k) sum[k] /= (double)count;
}

static uint64_t channel_scratch(const ei_op_ctx *c) {
  return ((uint64_t)c->in[0].dims[3] + 1) * sizeof(double);
}

static edge_status eval_align(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  double *const sum = (double *)c->scratch;
  region r = { 0 };
  uint64_t at = 0;
  if (ei_op_elements(y) == 0) return EDGE_STATUS_OK;
  if (ei_op_elements(x) == 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the image is empty");
  for (int64_t i = 0; i < y->dims[0]; ++i) {
    EI_TRY(read_region(c, i, &r));
    for (int64_t ph = 0; ph < y->dims[1]; ++ph)
      for (int64_t pw = 0; pw < y->dims[2]; ++pw) {
        align_bin(x, &r, ph, pw, ei_op_int(c, "mode") == MODE_MAX, sum);
        for (int64_t k = 0; k < y->dims[3]; ++k) ei_store_f64(y, at++, sum[k]);
      }
  }
  return EDGE_STATUS_OK;
}

/* ---- MaxRoiPool: x, regions [R, 5] (batch, x1, y1, x2, y2) */

static edge_status infer_pool(ei_op_ctx *c) {
  int64_t size[2] = { 0, 0 }, five = 5, regions = EI_DIM_UNKNOWN;
  const ei_attr *const a = ei_node_attr(c->node, "pooled");
  if (a == NULL || a->count != 2 || ei_node_ints(c->node, "pooled", size, 2) != 2)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "'pooled' must have two values");
  EI_TRY(check_scale(c));
  if (c->in[1].rank == 2) {
    regions = c->in[1].dims[0];
    EI_TRY(ei_op_same_dim(c, &five, c->in[1].dims[1], "values of a region"));
  }
  return region_shape(c, regions, size[0], size[1]);
}

static int64_t clamp_to(double v, int64_t n) {
  return !(v > 0) ? 0 : v < (double)n ? (int64_t)v : n;
}

static edge_status eval_pool(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  const double scale = ei_op_float(c, "spatial_scale");
  const int64_t h = x->dims[1], w = x->dims[2], channels = x->dims[3];
  uint64_t at = 0;
  for (int64_t i = 0; i < y->dims[0]; ++i) {
    double v[5];
    for (uint32_t k = 0; k < 5; ++k) v[k] = ei_load_f64(&c->in[1], 5 * (uint64_t)i + k);
    if (!(v[0] >= 0 && v[0] < (double)x->dims[0]))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "batch index %g of region %lld is outside [0, %lld)", v[0],
                        (long long)i, (long long)x->dims[0]);
    const int64_t batch = (int64_t)v[0];
    const double x0 = round(v[1] * scale), y0 = round(v[2] * scale);
    const double rh = fmax(round(v[4] * scale) - y0 + 1, 1), rw = fmax(round(v[3] * scale) - x0 + 1, 1);
    for (int64_t ph = 0; ph < y->dims[1]; ++ph)
      for (int64_t pw = 0; pw < y->dims[2]; ++pw) {
        const double bh = rh / (double)y->dims[1], bw = rw / (double)y->dims[2];
        const int64_t top = clamp_to(floor((double)ph * bh) + y0, h);
        const int64_t bottom = clamp_to(ceil((double)(ph + 1) * bh) + y0, h);
        const int64_t left = clamp_to(floor((double)pw * bw) + x0, w);
        const int64_t right = clamp_to(ceil((double)(pw + 1) * bw) + x0, w);
        for (int64_t k = 0; k < channels; ++k) {
          double most = 0;
          for (int64_t r = top; r < bottom; ++r)
            for (int64_t s = left; s < right; ++s) {
              const double e = ei_load_f64(x, (uint64_t)(((batch * h + r) * w + s) * channels + k));
              if ((r == top && s == left) || e > most) most = e;
            }
          ei_store_f64(y, at++, most);
        }
      }
  }
  return EDGE_STATUS_OK;
}

static const ei_attr_def align_attrs[] = { { "mode", EI_ATTR_INT, 0 },
                                           { "half_pixel", EI_ATTR_INT, 1 },
                                           { "out_h", EI_ATTR_INT, 1 },
                                           { "out_w", EI_ATTR_INT, 1 },
                                           { "sampling_ratio", EI_ATTR_INT, 0 },
                                           { "spatial_scale", EI_ATTR_FLOAT, 1.0 },
                                           { NULL, 0, 0 } };
static const ei_attr_def pool_attrs[] = { { "pooled", EI_ATTR_INTS, 0 },
                                          { "spatial_scale", EI_ATTR_FLOAT, 1.0 },
                                          { NULL, 0, 0 } };

const ei_op_def ei_op_RoiAlign = { .name = "RoiAlign",
                                   .min_in = 3,
                                   .max_in = 3,
                                   .min_out = 1,
                                   .max_out = 1,
                                   .version = 1,
                                   .attrs = align_attrs,
                                   .infer = infer_align,
                                   .eval = eval_align,
                                   .scratch_bytes = channel_scratch };
const ei_op_def ei_op_MaxRoiPool = { .name = "MaxRoiPool",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .min_out = 1,
                                     .max_out = 1,
                                     .version = 1,
                                     .attrs = pool_attrs,
                                     .infer = infer_pool,
                                     .eval = eval_pool };
