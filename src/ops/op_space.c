/* SPDX-License-Identifier: Apache-2.0
 * DepthToSpace, SpaceToDepth, SpaceToBatch, BatchToSpace: blocks of pixels move between dimensions. */
#include "op_walk.h"

/* ---- depth: [N, H, W, C]; pixel (i, j) of a block is channel group i * block + j (DCR) or the inner index (CRD) */

static edge_status read_block(ei_op_ctx *c, int64_t *block) {
  *block = ei_op_int(c, "block");
  if (*block < 1 || *block > 1 << 15)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "block size %lld", (long long)*block);
  return ei_op_need_rank(c, 0, 4, 4);
}

static edge_status multiply_dim(ei_op_ctx *c, int64_t dim, int64_t by, int64_t *out) {
  *out = EI_DIM_UNKNOWN;
  if (dim >= 0 && !ei_mul_s64(dim, by, out))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the output would be larger than memory can be");
  return EDGE_STATUS_OK;
}

static edge_status divide_dim(ei_op_ctx *c, int64_t dim, int64_t by, int64_t *out) {
  *out = dim < 0 ? EI_DIM_UNKNOWN : dim / by;
  if (dim >= 0 && dim % by != 0)
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "%lld is not a multiple of %lld", (long long)dim, (long long)by);
  return EDGE_STATUS_OK;
}

static edge_status infer_depth(ei_op_ctx *c, bool to_space) {
  const edge_tensor *const x = &c->in[0];
  int64_t block = 0, dims[EDGE_MAX_RANK] = { -1, -1, -1, -1 };
  const int64_t mode = ei_op_int(c, "mode");
  EI_TRY(read_block(c, &block));
  if (mode != 0 && mode != 1) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "unknown mode %lld", (long long)mode);
  if (x->rank >= 0) {
    dims[0] = x->dims[0];
    for (int32_t d = 1; d < 3; ++d) EI_TRY((to_space ? multiply_dim : divide_dim)(c, x->dims[d], block, &dims[d]));
    EI_TRY((to_space ? divide_dim : multiply_dim)(c, x->dims[3], block * block, &dims[3]));
  }
  ei_op_set_shape(&c->out[0], x->dtype, 4, dims);
  return ei_op_check_size(c, 0);
}

static edge_status infer_depth_to_space(ei_op_ctx *c) {
  return infer_depth(c, true);
}
static edge_status infer_space_to_depth(ei_op_ctx *c) {
  return infer_depth(c, false);
}

/* deep [N, H, W, i j c], wide [N, H i, W j, c]; dims of the box: n h i w j c */
static void move_depth(const edge_tensor *y, const edge_tensor *x, int64_t b, bool crd, bool to_space) {
  const edge_tensor *const deep = to_space ? x : y;
  const int64_t n = deep->dims[0], h = deep->dims[1], w = deep->dims[2], cd = deep->dims[3], cw = cd / (b * b);
  const int64_t dims[6] = { n, h, b, w, b, cw };
  const int64_t in_deep[6] = { h * w * cd, w * cd, crd ? b : b * cw, cd, crd ? 1 : cw, crd ? b * b : 1 };
  const int64_t in_wide[6] = { h * w * cd, b * w * b * cw, w * b * cw, b * cw, cw, 1 };
  ei_move m = { 0 };
  for (int32_t d = 0; d < 6; ++d)
    ei_move_dim(&m, dims[d], to_space ? in_wide[d] : in_deep[d], to_space ? in_deep[d] : in_wide[d]);
  ei_move_run(&m, y, 0, x, 0);
}

static edge_status eval_depth_to_space(ei_op_ctx *c) {
  move_depth(&c->out[0], &c->in[0], ei_op_int(c, "block"), ei_op_int(c, "mode") == 1, true);
  return EDGE_STATUS_OK;
}
static edge_status eval_space_to_depth(ei_op_ctx *c) {
  move_depth(&c->out[0], &c->in[0], ei_op_int(c, "block"), ei_op_int(c, "mode") == 1, false);
  return EDGE_STATUS_OK;
}

/* ---- batch: x, block_shape [m], paddings or crops [m, 2] */

#define BORDER_MAX (INT64_C(1) << 40) /* far beyond memory; sums of a few cannot overflow */

typedef struct blocks {
  int32_t m;
  int64_t size[EDGE_MAX_RANK], lo[EDGE_MAX_RANK], hi[EDGE_MAX_RANK], product;
} blocks;

static edge_status read_blocks(ei_op_ctx *c, blocks *b) {
  const edge_tensor *const t = &c->in[2];
  uint32_t m = 0;
  EI_TRY(ei_op_list(c, 1, b->size, EDGE_MAX_RANK, &m));
  b->m = (int32_t)m;
  b->product = 1;
  if (c->in[0].rank >= 0 && b->m + 1 > c->in[0].rank)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%u block sizes for rank %d", m, (int)c->in[0].rank);
  if (ei_op_elements(t) != 2 * (uint64_t)m)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%u block sizes need %u border values", m, 2 * m);
  for (uint32_t d = 0; d < m; ++d) {
    b->lo[d] = ei_load_s64(t, 2 * (uint64_t)d);
    b->hi[d] = ei_load_s64(t, 2 * (uint64_t)d + 1);
    if (b->size[d] < 1 || b->size[d] > BORDER_MAX || b->lo[d] < 0 || b->lo[d] > BORDER_MAX || b->hi[d] < 0 ||
        b->hi[d] > BORDER_MAX || !ei_mul_s64(b->product, b->size[d], &b->product))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "block size %lld with borders %lld, %lld", (long long)b->size[d],
                        (long long)b->lo[d], (long long)b->hi[d]);
  }
  return EDGE_STATUS_OK;
}

static edge_status infer_batch(ei_op_ctx *c, bool to_batch) {
  const edge_tensor *const x = &c->in[0];
  int64_t dims[EDGE_MAX_RANK];
  blocks b;
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_int(c, 2));
  const bool ready_1 = ei_op_ready(c, 1), ready = ei_op_ready(c, 2) && ready_1;
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (ready) EI_TRY(read_blocks(c, &b));
  if (x->rank < 0) return EDGE_STATUS_OK;
  for (int32_t d = 0; d < x->rank; ++d) dims[d] = ready ? x->dims[d] : EI_DIM_UNKNOWN;
  if (ready) {
    EI_TRY((to_batch ? multiply_dim : divide_dim)(c, x->dims[0], b.product, &dims[0]));
    for (int32_t d = 0; d < b.m; ++d) {
      int64_t *const dim = &dims[d + 1], borders = 0;
      if (*dim < 0) continue;
      const bool fits = ei_add_s64(b.lo[d], b.hi[d], &borders) &&
                        (to_batch ? ei_add_s64(*dim, borders, dim) : ei_mul_s64(*dim, b.size[d], dim));
      if (!fits || (!to_batch && *dim < borders))
        return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the borders do not fit dimension %d", (int)d + 1);
      if (to_batch)
        EI_TRY(divide_dim(c, *dim, b.size[d], dim));
      else
        *dim -= borders;
    }
  }
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return ei_op_check_size(c, 0);
}
static edge_status infer_space_to_batch(ei_op_ctx *c) {
  return infer_batch(c, true);
}
static edge_status infer_batch_to_space(ei_op_ctx *c) {
  return infer_batch(c, false);
}

/* `wide` has the pixels, `deep` the batches: wide[n, s * size + offset - lo] is deep[offset * N + n, s]. */
static void move_batch(const edge_tensor *y, const edge_tensor *x, const blocks *b, bool to_batch) {
  const edge_tensor *const wide = to_batch ? x : y, *const deep = to_batch ? y : x;
  int64_t ws[EDGE_MAX_RANK], ds[EDGE_MAX_RANK], offset[EDGE_MAX_RANK] = { 0 }, batch = 0;
  ei_dense_strides(wide->rank, wide->dims, ws);
  ei_dense_strides(deep->rank, deep->dims, ds);
  do {
    int64_t w_at = 0, d_at = batch++ * wide->dims[0] * ds[0];
    ei_move m = { 0 };
    ei_move_dim(&m, wide->dims[0], to_batch ? ds[0] : ws[0], to_batch ? ws[0] : ds[0]);
    for (int32_t d = 1; d < wide->rank; ++d) {
      int64_t first = 0, count = wide->dims[d], step = 1, start = 0;
      if (d <= b->m) { /* positions s for which s * size + offset - lo is inside */
        const int64_t size = b->size[d - 1], shift = offset[d - 1] - b->lo[d - 1];
        step = size;
        first = shift < 0 ? (-shift + size - 1) / size : 0;
        start = first * size + shift;
        count = start < wide->dims[d] ? (wide->dims[d] - start - 1) / size + 1 : 0;
        if (count > deep->dims[d] - first) count = deep->dims[d] - first;
        if (count <= 0) {
          count = first = start = 0;
        }
      }
      ei_move_dim(&m, count, to_batch ? ds[d] : ws[d] * step, to_batch ? ws[d] * step : ds[d]);
      w_at += start * ws[d];
      d_at += first * ds[d];
    }
    ei_move_run(&m, y, to_batch ? d_at : w_at, x, to_batch ? w_at : d_at);
  } while (ei_walk_next(b->m, b->size, offset));
}

static edge_status eval_space_to_batch(ei_op_ctx *c) {
  const edge_tensor *const y = &c->out[0];
  blocks b;
  EI_TRY(read_blocks(c, &b));
  if (ei_op_elements(y) == 0) return EDGE_STATUS_OK;
  ei_fill_zero(y);
  if (ei_quant_zero(&c->in[0]) != 0) {
    ei_store_s64(y, 0, ei_quant_zero(&c->in[0]));
    ei_fill_run(y, 0, ei_op_elements(y), y, 0);
  }
  move_batch(y, &c->in[0], &b, true);
  return EDGE_STATUS_OK;
}

static edge_status eval_batch_to_space(ei_op_ctx *c) {
  blocks b;
  EI_TRY(read_blocks(c, &b));
  if (ei_op_elements(&c->out[0]) != 0) move_batch(&c->out[0], &c->in[0], &b, false);
  return EDGE_STATUS_OK;
}

static const ei_attr_def depth_attrs[] = { { "block", EI_ATTR_INT, 0 }, { "mode", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

const ei_op_def ei_op_DepthToSpace = { .name = "DepthToSpace",
                                       .min_in = 1,
                                       .max_in = 1,
                                       .min_out = 1,
                                       .max_out = 1,
                                       .version = 1,
                                       .attrs = depth_attrs,
                                       .infer = infer_depth_to_space,
                                       .eval = eval_depth_to_space };
const ei_op_def ei_op_SpaceToDepth = { .name = "SpaceToDepth",
                                       .min_in = 1,
                                       .max_in = 1,
                                       .min_out = 1,
                                       .max_out = 1,
                                       .version = 1,
                                       .attrs = depth_attrs,
                                       .infer = infer_space_to_depth,
                                       .eval = eval_space_to_depth };
const ei_op_def ei_op_SpaceToBatch = { .name = "SpaceToBatch",
                                       .min_in = 3,
                                       .max_in = 3,
                                       .min_out = 1,
                                       .max_out = 1,
                                       .version = 1,
                                       .infer = infer_space_to_batch,
                                       .eval = eval_space_to_batch };
const ei_op_def ei_op_BatchToSpace = { .name = "BatchToSpace",
                                       .min_in = 3,
                                       .max_in = 3,
                                       .min_out = 1,
                                       .max_out = 1,
                                       .version = 1,
                                       .infer = infer_batch_to_space,
                                       .eval = eval_batch_to_space };
