/* SPDX-License-Identifier: Apache-2.0
 * Resize: sizes, scales and regions; the pixels are in op_resize_eval.c. */
#include "resize.h"
#include <math.h>

enum { POLICY_STRETCH, POLICY_NOT_LARGER, POLICY_NOT_SMALLER };

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

static edge_status read_attrs(ei_op_ctx *c, ei_resize *r) {
  const int64_t policy = ei_op_int(c, "policy");
  r->mode = ei_op_int(c, "mode");
  r->coord = ei_op_int(c, "coord");
  r->rounding = ei_op_int(c, "nearest");
  r->antialias = ei_op_int(c, "antialias") != 0 && r->mode != EI_RESIZE_NEAREST;
  r->exclude_outside = ei_op_int(c, "exclude_outside") != 0;
  r->cubic_a = ei_op_float(c, "cubic_a");
  if (r->mode < 0 || r->mode > EI_RESIZE_CUBIC || r->coord < 0 || r->coord > EI_COORD_CROP || r->rounding < 0 ||
      r->rounding > EI_ROUND_CEIL || policy < 0 || policy > POLICY_NOT_SMALLER)
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
static void keep_aspect(ei_resize *r, const int32_t *axes, uint32_t n, bool not_larger) {
  double scale = 0;
  for (uint32_t i = 0; i < n; ++i) {
    const double s = r->axis[axes[i]].scale;
    if (i == 0 || (not_larger ? s < scale : s > scale)) scale = s;
  }
  for (uint32_t i = 0; i < n; ++i) {
    ei_resize_axis *const a = &r->axis[axes[i]];
    a->scale = scale;
    const double out = floor(scale * (double)a->in + 0.5);
    a->out = out < 1e15 ? (int64_t)out : INT64_MAX;
    a->ratio = false;
  }
}

static edge_status read_sizes(ei_op_ctx *c, ei_resize *r, const int32_t *axes, uint32_t n) {
  int64_t sizes[EDGE_MAX_RANK];
  uint32_t count = 0;
  const int64_t policy = ei_op_int(c, "policy");
  EI_TRY(ei_op_list(c, 1, sizes, EDGE_MAX_RANK, &count));
  if (count != n) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%u sizes for %u axes", count, n);
  for (uint32_t i = 0; i < n; ++i) {
    ei_resize_axis *const a = &r->axis[axes[i]];
    if (sizes[i] < 0 || (policy != POLICY_STRETCH && a->in == 0))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "size %lld of axis %d", (long long)sizes[i], (int)axes[i]);
    a->out = sizes[i];
    a->scale = a->in > 0 ? (double)sizes[i] / (double)a->in : 1;
    a->ratio = true;
  }
  if (policy != POLICY_STRETCH) keep_aspect(r, axes, n, policy == POLICY_NOT_LARGER);
  return EDGE_STATUS_OK;
}

static edge_status read_scales(ei_op_ctx *c, ei_resize *r, const int32_t *axes, uint32_t n) {
  const edge_tensor *const t = &c->in[2];
  if (!ei_op_shape_known(t) || ei_op_elements(t) != n)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the number of scales is not that of the axes (%u)", n);
  for (uint32_t i = 0; i < n; ++i) {
    ei_resize_axis *const a = &r->axis[axes[i]];
    a->scale = ei_load_f64(t, i);
    /* f32 as exporters compute it: 0.7f of 10 is 7, not 6 */
    const double extent = r->coord == EI_COORD_CROP ? a->roi_end - a->roi_begin : 1.0;
    const double out = floor((double)((float)a->in * (float)a->scale * (float)extent));
    if (!(a->scale > 0) || !(out >= 0 && out < 1e15))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "scale %g of axis %d", a->scale, (int)axes[i]);
    a->out = (int64_t)out;
    a->ratio = false;
  }
  return EDGE_STATUS_OK;
}

static edge_status read_roi(ei_op_ctx *c, ei_resize *r, const int32_t *axes, uint32_t n) {
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
static edge_status read_all(ei_op_ctx *c, ei_resize *r) {
  const edge_tensor *const x = &c->in[0];
  int32_t axes[EDGE_MAX_RANK];
  uint32_t n = 0;
  EI_TRY(read_attrs(c, r));
  EI_TRY(read_axes(c, x->rank, axes, &n));
  r->rank = x->rank;
  for (int32_t d = 0; d < x->rank; ++d)
    r->axis[d] = (ei_resize_axis) { x->dims[d], x->dims[d], 1.0, 0.0, 1.0, true, true };
  if (r->coord == EI_COORD_CROP) EI_TRY(read_roi(c, r, axes, n));
  EI_TRY(given(c, 1) ? read_sizes(c, r, axes, n) : read_scales(c, r, axes, n));
  for (uint32_t i = 0; i < n; ++i) {
    ei_resize_axis *const a = &r->axis[axes[i]];
    const bool same = a->in == a->out && a->scale == 1.0;
    a->identity =
        same && (r->coord != EI_COORD_CROP || (a->roi_begin == 0 && a->roi_end == 1)) && r->coord != EI_COORD_TF_NN;
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
  ei_resize r;
  EI_TRY(read_attrs(c, &r));
  bool ready = !given(c, 1) || ei_op_ready(c, 1);
  if (given(c, 2) && !given(c, 1)) ready = ei_op_ready(c, 2) && ready;
  if (given(c, 3) && r.coord == EI_COORD_CROP) ready = ei_op_ready(c, 3) && ready;
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
  } else if (ready && given(c, 2) && !given(c, 1) && r.coord != EI_COORD_CROP) { /* axes whose size is known */
    const edge_tensor *const s = &c->in[2];
    for (uint32_t i = 0; i < n && ei_op_elements(s) == n; ++i) {
      const double out = floor((double)((float)x->dims[axes[i]] * (float)ei_load_f64(s, i)));
      if (x->dims[axes[i]] >= 0 && out >= 0 && out < 1e15) dims[axes[i]] = (int64_t)out;
    }
  }
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval(ei_op_ctx *c) {
  const edge_tensor *const y = &c->out[0];
  ei_resize r;
  EI_TRY(read_all(c, &r));
  for (int32_t d = 0; d < r.rank; ++d)
    if (y->rank != r.rank || y->dims[d] != r.axis[d].out)
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "sizes or scales do not fit the output");
  if (ei_op_elements(y) == 0) return EDGE_STATUS_OK;
  if (c->scratch_bytes < ei_resize_scratch(c)) return ei_op_fail(c, EDGE_STATUS_INTERNAL, "too little scratch memory");
  if (r.rank == 0) {
    ei_copy_run(y, 0, &c->in[0], 0, 1);
    return EDGE_STATUS_OK;
  }
  return r.mode == EI_RESIZE_NEAREST ? ei_resize_nearest(c, &r) : ei_resize_weighted(c, &r);
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
                                 .scratch_bytes = ei_resize_scratch };
