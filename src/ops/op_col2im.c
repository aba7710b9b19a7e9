/* SPDX-License-Identifier: Apache-2.0
 * CenterCropPad and Col2Im: fit a tensor around its centre; add columns of blocks back into an image. */
#include "op_walk.h"

/* ---- CenterCropPad */

static edge_status crop_axes(ei_op_ctx *c, int32_t rank, int32_t *axes, uint32_t *n) {
  int64_t list[EDGE_MAX_RANK];
  const ei_attr *const a = ei_node_attr(c->node, "axes");
  uint32_t mask = 0;
  *n = (uint32_t)rank;
  for (int32_t d = 0; d < rank; ++d) axes[d] = d;
  if (a == NULL) return EDGE_STATUS_OK;
  if (a->count > (uint32_t)rank) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "more axes than dimensions");
  *n = ei_node_ints(c->node, "axes", list, EDGE_MAX_RANK);
  EI_TRY(ei_op_axis_mask(c, list, *n, rank, &mask));
  for (uint32_t i = 0; i < *n; ++i) axes[i] = (int32_t)(list[i] < 0 ? list[i] + rank : list[i]);
  return EDGE_STATUS_OK;
}

static edge_status infer_crop(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int64_t shape[EDGE_MAX_RANK], dims[EDGE_MAX_RANK];
  int32_t axes[EDGE_MAX_RANK];
  uint32_t n = 0, count = 0;
  EI_TRY(ei_op_need_int(c, 1));
  ei_op_set_unknown(&c->out[0], x->dtype);
  const bool ready = ei_op_ready(c, 1);
  if (ready) EI_TRY(ei_op_list(c, 1, shape, EDGE_MAX_RANK, &count));
  if (x->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(crop_axes(c, x->rank, axes, &n));
  if (ready && count != n) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%u sizes for %u axes", count, n);
  memcpy(dims, x->dims, sizeof dims);
  for (uint32_t i = 0; i < n; ++i) {
    dims[axes[i]] = ready ? shape[i] : EI_DIM_UNKNOWN;
    if (ready && shape[i] < 0)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "size %u is %lld", i, (long long)shape[i]);
  }
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval_crop(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  int64_t xs[EDGE_MAX_RANK], ys[EDGE_MAX_RANK], x_at = 0, y_at = 0;
  ei_move m = { 0 };
  ei_dense_strides(x->rank, x->dims, xs);
  ei_dense_strides(y->rank, y->dims, ys);
  for (int32_t d = 0; d < x->rank; ++d) {
    const int64_t in = x->dims[d], out = y->dims[d];
    ei_move_dim(&m, in < out ? in : out, ys[d], xs[d]);
    if (in > out)
      x_at += (in - out) / 2 * xs[d];
    else
      y_at += (out - in) / 2 * ys[d];
  }
  ei_fill_zero(y);
  ei_move_run(&m, y, y_at, x, x_at);
  return EDGE_STATUS_OK;
}

/* ---- Col2Im: x [N, C * block, L], image_shape, block_shape -> [N, C, image...]; overlaps add */

typedef struct unfold {
  int32_t r;
  int64_t image[EDGE_MAX_RANK], block[EDGE_MAX_RANK], steps[EDGE_MAX_RANK];
  int64_t stride[EDGE_MAX_RANK], dilation[EDGE_MAX_RANK], pad[EDGE_MAX_RANK];
  int64_t n_block, n_steps;
} unfold;

enum { LIST_MAX = 1 << 24 }; /* sizes, strides and pads beyond this fit no tensor */

static edge_status read_list(ei_op_ctx *c, const char *key, int64_t *out, uint32_t n, int64_t lo, int64_t def) {
  const ei_attr *const a = ei_node_attr(c->node, key);
  for (uint32_t i = 0; i < n; ++i) out[i] = def;
  if (a == NULL || a->count == 0) return EDGE_STATUS_OK;
  if (ei_node_ints(c->node, key, out, n) != n)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "'%s' has %u values, not %u", key, a->count, n);
  for (uint32_t i = 0; i < n; ++i)
    if (out[i] < lo || out[i] > LIST_MAX)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "'%s' holds %lld", key, (long long)out[i]);
  return EDGE_STATUS_OK;
}

static edge_status read_unfold(ei_op_ctx *c, unfold *u) {
  int64_t pads[2 * EDGE_MAX_RANK];
  uint32_t r = 0, n = 0;
  EI_TRY(ei_op_list(c, 1, u->image, EDGE_MAX_RANK - 2, &r));
  EI_TRY(ei_op_list(c, 2, u->block, EDGE_MAX_RANK - 2, &n));
  if (r == 0 || n != r) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "image and block have %u and %u sizes", r, n);
  EI_TRY(read_list(c, "strides", u->stride, r, 1, 1));
  EI_TRY(read_list(c, "dilations", u->dilation, r, 1, 1));
  EI_TRY(read_list(c, "pads", pads, 2 * r, 0, 0));
  u->r = (int32_t)r;
  u->n_block = u->n_steps = 1;
  for (uint32_t d = 0; d < r; ++d) {
    if (u->image[d] < 1 || u->image[d] > LIST_MAX || u->block[d] < 1 || u->block[d] > LIST_MAX)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "image %lld or block %lld is invalid", (long long)u->image[d],
                        (long long)u->block[d]);
    u->pad[d] = pads[d];
    const int64_t span = u->image[d] + pads[d] + pads[r + d] - u->dilation[d] * (u->block[d] - 1) - 1;
    u->steps[d] = span < 0 ? 0 : span / u->stride[d] + 1;
    if (!ei_mul_s64(u->n_block, u->block[d], &u->n_block) || !ei_mul_s64(u->n_steps, u->steps[d], &u->n_steps))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "image or block is too large");
  }
  return EDGE_STATUS_OK;
}

static edge_status infer_col2im(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int64_t dims[EDGE_MAX_RANK] = { EI_DIM_UNKNOWN, EI_DIM_UNKNOWN };
  unfold u;
  if (!ei_dtype_is_float(x->dtype) && !ei_dtype_is_int(x->dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "columns of %s", edge_dtype_name(x->dtype));
  EI_TRY(ei_op_need_rank(c, 0, 3, 3));
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_int(c, 2));
  const bool ready_1 = ei_op_ready(c, 1), ready = ei_op_ready(c, 2) && ready_1;
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (!ready) return EDGE_STATUS_OK;
  EI_TRY(read_unfold(c, &u));
  if (x->rank == 3) {
    dims[0] = x->dims[0];
    if (x->dims[1] >= 0) {
      if (x->dims[1] % u.n_block != 0)
        return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "%lld columns are not a multiple of the block (%lld)",
                          (long long)x->dims[1], (long long)u.n_block);
      dims[1] = x->dims[1] / u.n_block;
    }
    int64_t steps = u.n_steps;
    EI_TRY(ei_op_same_dim(c, &steps, x->dims[2], "number of block positions"));
  }
  for (int32_t d = 0; d < u.r; ++d) dims[2 + d] = u.image[d];
  ei_op_set_shape(&c->out[0], x->dtype, 2 + u.r, dims);
  return ei_op_check_size(c, 0);
}

static void add_element(const edge_tensor *y, uint64_t y_at, const edge_tensor *x, uint64_t x_at) {
  if (ei_dtype_is_float(y->dtype))
    ei_store_f64(y, y_at, ei_load_f64(y, y_at) + ei_load_f64(x, x_at));
  else
    ei_store_s64(y, y_at, (int64_t)((uint64_t)ei_load_s64(y, y_at) + (uint64_t)ei_load_s64(x, x_at)));
}

static edge_status eval_col2im(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  unfold u;
  EI_TRY(read_unfold(c, &u));
  const int64_t planes = y->dims[0] * y->dims[1], pixels = ei_dims_product(u.image, 0, u.r);
  ei_fill_zero(y);
  if (ei_op_elements(x) == 0) return EDGE_STATUS_OK;
  uint64_t at = 0;
  for (int64_t p = 0; p < planes; ++p) {
    int64_t k[EDGE_MAX_RANK] = { 0 };
    do {
      int64_t s[EDGE_MAX_RANK] = { 0 };
      do {
        int64_t offset = 0;
        bool inside = true;
        for (int32_t d = 0; d < u.r; ++d) {
          const int64_t i = s[d] * u.stride[d] + k[d] * u.dilation[d] - u.pad[d];
          inside = inside && i >= 0 && i < u.image[d];
          offset = offset * u.image[d] + (inside ? i : 0);
        }
        if (inside) add_element(y, (uint64_t)(p * pixels + offset), x, at);
        ++at;
      } while (ei_walk_next(u.r, u.steps, s));
    } while (ei_walk_next(u.r, u.block, k));
  }
  return EDGE_STATUS_OK;
}

static const ei_attr_def crop_attrs[] = { { "axes", EI_ATTR_INTS, 0 }, { NULL, 0, 0 } };
static const ei_attr_def col2im_attrs[] = {
  { "dilations", EI_ATTR_INTS, 0 }, { "pads", EI_ATTR_INTS, 0 }, { "strides", EI_ATTR_INTS, 0 }, { NULL, 0, 0 }
};

const ei_op_def ei_op_CenterCropPad = { .name = "CenterCropPad",
                                        .min_in = 2,
                                        .max_in = 2,
                                        .min_out = 1,
                                        .max_out = 1,
                                        .version = 1,
                                        .attrs = crop_attrs,
                                        .infer = infer_crop,
                                        .eval = eval_crop };
const ei_op_def ei_op_Col2Im = { .name = "Col2Im",
                                 .min_in = 3,
                                 .max_in = 3,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .version = 1,
                                 .attrs = col2im_attrs,
                                 .infer = infer_col2im,
                                 .eval = eval_col2im };
