/* SPDX-License-Identifier: Apache-2.0
 * Expand broadcasts to a shape; Tile repeats along every dimension. */
#include "op_walk.h"

static edge_status infer_expand(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  edge_tensor want = { .rank = 0 }, y = { .rank = 0 };
  uint32_t n = 0;
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_rank(c, 1, 0, 1));
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (!ei_op_ready(c, 1)) return EDGE_STATUS_OK;
  EI_TRY(ei_op_list(c, 1, want.dims, EDGE_MAX_RANK, &n));
  want.rank = (int32_t)n;
  for (uint32_t d = 0; d < n; ++d) {
    if (want.dims[d] == -1) want.dims[d] = 1; /* keeps the input's dimension */
    if (want.dims[d] < 0)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "dimension %u is %lld", d, (long long)want.dims[d]);
  }
  if (x->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(ei_op_broadcast(c, x, &want, &y));
  ei_op_set_shape(&c->out[0], x->dtype, y.rank, y.dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval_expand(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  int64_t xs[EDGE_MAX_RANK], ys[EDGE_MAX_RANK];
  ei_move m = { 0 };
  ei_broadcast_strides(x, y, xs);
  ei_dense_strides(y->rank, y->dims, ys);
  for (int32_t d = 0; d < y->rank; ++d) ei_move_dim(&m, y->dims[d], ys[d], xs[d]);
  ei_move_run(&m, y, 0, x, 0);
  return EDGE_STATUS_OK;
}

static edge_status infer_tile(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int64_t repeats[EDGE_MAX_RANK], dims[EDGE_MAX_RANK];
  uint32_t n = 0;
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_rank(c, 1, 0, 1));
  ei_op_set_unknown(&c->out[0], x->dtype);
  const bool ready = ei_op_ready(c, 1);
  if (ready) EI_TRY(ei_op_list(c, 1, repeats, EDGE_MAX_RANK, &n));
  if (x->rank < 0) return EDGE_STATUS_OK;
  if (ready && n != (uint32_t)x->rank)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%u repeats for a tensor of rank %d", n, (int)x->rank);
  for (int32_t d = 0; d < x->rank; ++d) {
    dims[d] = EI_DIM_UNKNOWN;
    if (!ready) continue;
    if (repeats[d] < 0 || (x->dims[d] >= 0 && !ei_mul_s64(x->dims[d], repeats[d], &dims[d])))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "dimension %d cannot be repeated %lld times", (int)d,
                        (long long)repeats[d]);
  }
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval_tile(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  int64_t xs[EDGE_MAX_RANK], ys[EDGE_MAX_RANK];
  ei_move m = { 0 };
  if (ei_op_elements(y) == 0) return EDGE_STATUS_OK;
  ei_dense_strides(x->rank, x->dims, xs);
  ei_dense_strides(y->rank, y->dims, ys);
  for (int32_t d = 0; d < y->rank; ++d) { /* each dimension is repeats x size */
    if (y->dims[d] % x->dims[d] != 0)
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "dimension %d is not a multiple", (int)d);
    ei_move_dim(&m, y->dims[d] / x->dims[d], ys[d] * x->dims[d], 0);
    ei_move_dim(&m, x->dims[d], ys[d], xs[d]);
  }
  ei_move_run(&m, y, 0, x, 0);
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_Expand = { .name = "Expand",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .version = 1,
                                 .infer = infer_expand,
                                 .eval = eval_expand };
const ei_op_def ei_op_Tile = { .name = "Tile",
                               .min_in = 2,
                               .max_in = 2,
                               .min_out = 1,
                               .max_out = 1,
                               .version = 1,
                               .infer = infer_tile,
                               .eval = eval_tile };
