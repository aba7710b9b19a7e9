/* SPDX-License-Identifier: Apache-2.0
 * Shape, Size, Rank, BroadcastArgs, ConstantOfShape, Range: shapes as values and values from shapes. */
#include "op_walk.h"
#include <math.h>

/* ---- Shape, Size, Rank read no element */

static void shape_range(ei_op_ctx *c, int32_t rank, int64_t *from, int64_t *to) {
  *from = ei_op_int(c, "start");
  *to = ei_node_attr(c->node, "end") != NULL ? ei_op_int(c, "end") : rank;
  if (*from < 0) *from += rank;
  if (*to < 0) *to += rank;
  if (*from < 0) *from = 0;
  if (*from > rank) *from = rank;
  if (*to > rank) *to = rank;
  if (*to < *from) *to = *from;
}

static edge_status infer_shape(ei_op_ctx *c) {
  const int32_t dtype = (int32_t)ei_op_int(c, "dtype");
  int64_t from = 0, to = 0, n = EI_DIM_UNKNOWN;
  if (dtype != EDGE_DTYPE_S64 && dtype != EDGE_DTYPE_S32)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "a shape is s32 or s64");
  if (c->in[0].rank >= 0) {
    shape_range(c, c->in[0].rank, &from, &to);
    n = to - from;
  }
  ei_op_set_shape(&c->out[0], dtype, 1, &n);
  return EDGE_STATUS_OK;
}

static edge_status eval_shape(ei_op_ctx *c) {
  int64_t from = 0, to = 0;
  shape_range(c, c->in[0].rank, &from, &to);
  for (int64_t d = from; d < to; ++d) ei_store_s64(&c->out[0], (uint64_t)(d - from), c->in[0].dims[d]);
  return EDGE_STATUS_OK;
}

static edge_status infer_size(ei_op_ctx *c) {
  ei_op_set_shape(&c->out[0], EDGE_DTYPE_S64, 0, NULL);
  return EDGE_STATUS_OK;
}
static edge_status eval_size(ei_op_ctx *c) {
  ei_store_s64(&c->out[0], 0, (int64_t)ei_op_elements(&c->in[0]));
  return EDGE_STATUS_OK;
}
static edge_status infer_rank(ei_op_ctx *c) {
  ei_op_set_shape(&c->out[0], EDGE_DTYPE_S32, 0, NULL);
  return EDGE_STATUS_OK;
}
static edge_status eval_rank(ei_op_ctx *c) {
  ei_store_s64(&c->out[0], 0, c->in[0].rank);
  return EDGE_STATUS_OK;
}

/* ---- BroadcastArgs: two shapes to their broadcast shape */

static edge_status infer_broadcast_args(ei_op_ctx *c) {
  int64_t n = EI_DIM_UNKNOWN;
  EI_TRY(ei_op_need_int(c, 0));
  EI_TRY(ei_op_need_same_dtype(c, 0, 1));
  EI_TRY(ei_op_need_rank(c, 0, 1, 1));
  EI_TRY(ei_op_need_rank(c, 1, 1, 1));
  if (ei_op_shape_known(&c->in[0]) && ei_op_shape_known(&c->in[1]))
    n = c->in[0].dims[0] > c->in[1].dims[0] ? c->in[0].dims[0] : c->in[1].dims[0];
  ei_op_set_shape(&c->out[0], c->in[0].dtype, 1, &n);
  return EDGE_STATUS_OK;
}

static edge_status eval_broadcast_args(ei_op_ctx *c) {
  edge_tensor a = { .rank = 0 }, b = { .rank = 0 }, y = { .rank = 0 };
  uint32_t na = 0, nb = 0;
  EI_TRY(ei_op_list(c, 0, a.dims, EDGE_MAX_RANK, &na));
  EI_TRY(ei_op_list(c, 1, b.dims, EDGE_MAX_RANK, &nb));
  a.rank = (int32_t)na;
  b.rank = (int32_t)nb;
  for (int32_t d = 0; d < EDGE_MAX_RANK; ++d)
    if (a.dims[d] < 0 || b.dims[d] < 0)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "a shape has a negative dimension");
  EI_TRY(ei_op_broadcast(c, &a, &b, &y));
  for (int32_t d = 0; d < y.rank; ++d) ei_store_s64(&c->out[0], (uint64_t)d, y.dims[d]);
  return EDGE_STATUS_OK;
}

/* ---- ConstantOfShape */

static edge_status infer_constant(ei_op_ctx *c) {
  int64_t dims[EDGE_MAX_RANK];
  uint32_t n = 0;
  const int32_t dtype = ei_op_has(c, 1) ? c->in[1].dtype : EDGE_DTYPE_F32;
  EI_TRY(ei_op_need_int(c, 0));
  EI_TRY(ei_op_need_rank(c, 0, 0, 1));
  if (ei_op_has(c, 1) && ei_op_shape_known(&c->in[1]) && ei_op_elements(&c->in[1]) != 1)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the value must be one element");
  ei_op_set_unknown(&c->out[0], dtype);
  if (!ei_op_ready(c, 0)) {
    const edge_tensor *const s = &c->in[0];
    for (int32_t d = 0; d < EDGE_MAX_RANK; ++d) dims[d] = EI_DIM_UNKNOWN;
    if (s->rank == 1 && s->dims[0] >= 0 && s->dims[0] <= EDGE_MAX_RANK)
      ei_op_set_shape(&c->out[0], dtype, (int32_t)s->dims[0], dims);
    return EDGE_STATUS_OK;
  }
  EI_TRY(ei_op_list(c, 0, dims, EDGE_MAX_RANK, &n));
  for (uint32_t d = 0; d < n; ++d)
    if (dims[d] < 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "dimension %u is %lld", d, (long long)dims[d]);
  ei_op_set_shape(&c->out[0], dtype, (int32_t)n, dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval_constant(ei_op_ctx *c) {
  if (ei_op_has(c, 1))
    ei_fill_run(&c->out[0], 0, ei_op_elements(&c->out[0]), &c->in[1], 0);
  else
    ei_fill_zero(&c->out[0]);
  return EDGE_STATUS_OK;
}

/* ---- Range: max(ceil((limit - start) / delta), 0) elements */

static edge_status int_count(ei_op_ctx *c, int64_t *n) {
  const int64_t start = ei_load_s64(&c->in[0], 0), limit = ei_load_s64(&c->in[1], 0);
  const int64_t delta = ei_load_s64(&c->in[2], 0);
  *n = 0;
  if (delta == 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "delta is 0");
  if (delta > 0 ? start >= limit : start <= limit) return EDGE_STATUS_OK;
  const uint64_t distance = delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
  const uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
  const uint64_t count = distance / step + (distance % step != 0);
  *n = count > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)count;
  return EDGE_STATUS_OK;
}

static edge_status float_count(ei_op_ctx *c, int64_t *n) {
  const double start = ei_load_f64(&c->in[0], 0), limit = ei_load_f64(&c->in[1], 0);
  const double delta = ei_load_f64(&c->in[2], 0);
  const double count = ceil((limit - start) / delta);
  *n = 0;
  if (delta == 0 || !(fabs(count) < 9e15)) /* also NaN */
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "start %g, limit %g and delta %g give no range", start, limit,
                      delta);
  if (count > 0) *n = (int64_t)count;
  return EDGE_STATUS_OK;
}

static edge_status infer_range(ei_op_ctx *c) {
  int64_t n = EI_DIM_UNKNOWN;
  bool ready = true;
  const int32_t dtype = c->in[0].dtype;
  if (!ei_dtype_is_int(dtype) && !ei_dtype_is_float(dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "a range of %s", edge_dtype_name(dtype));
  for (uint32_t i = 0; i < 3; ++i) {
    EI_TRY(ei_op_need_same_dtype(c, 0, i));
    if (ei_op_shape_known(&c->in[i]) && ei_op_elements(&c->in[i]) != 1)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u must be one number", i);
    ready = ei_op_ready(c, i) && ready;
  }
  if (ready) EI_TRY(ei_dtype_is_int(dtype) ? int_count(c, &n) : float_count(c, &n));
  ei_op_set_shape(&c->out[0], dtype, 1, &n);
  return ei_op_check_size(c, 0);
}

static edge_status eval_range(ei_op_ctx *c) {
  const edge_tensor *const y = &c->out[0];
  const uint64_t n = (uint64_t)y->dims[0];
  if (ei_dtype_is_int(y->dtype)) {
    uint64_t v = (uint64_t)ei_load_s64(&c->in[0], 0); /* unsigned: the last step may leave the range */
    const uint64_t delta = (uint64_t)ei_load_s64(&c->in[2], 0);
    for (uint64_t i = 0; i < n; ++i, v += delta) ei_store_s64(y, i, (int64_t)v);
    return EDGE_STATUS_OK;
  }
  const double start = ei_load_f64(&c->in[0], 0), delta = ei_load_f64(&c->in[2], 0);
  for (uint64_t i = 0; i < n; ++i) ei_store_f64(y, i, start + (double)i * delta);
  return EDGE_STATUS_OK;
}

static const ei_attr_def shape_attrs[] = { { "start", EI_ATTR_INT, 0 },
                                           { "end", EI_ATTR_INT, 9223372036854775807.0 },
                                           { "dtype", EI_ATTR_INT, EDGE_DTYPE_S64 },
                                           { NULL, 0, 0 } };

const ei_op_def ei_op_Shape = { .name = "Shape",
                                .min_in = 1,
                                .max_in = 1,
                                .min_out = 1,
                                .max_out = 1,
                                .flags = EI_OP_SHAPE_ONLY,
                                .version = 1,
                                .attrs = shape_attrs,
                                .infer = infer_shape,
                                .eval = eval_shape };
const ei_op_def ei_op_Size = { .name = "Size",
                               .min_in = 1,
                               .max_in = 1,
                               .min_out = 1,
                               .max_out = 1,
                               .flags = EI_OP_SHAPE_ONLY,
                               .version = 1,
                               .infer = infer_size,
                               .eval = eval_size };
const ei_op_def ei_op_Rank = { .name = "Rank",
                               .min_in = 1,
                               .max_in = 1,
                               .min_out = 1,
                               .max_out = 1,
                               .flags = EI_OP_SHAPE_ONLY,
                               .version = 1,
                               .infer = infer_rank,
                               .eval = eval_rank };
const ei_op_def ei_op_BroadcastArgs = { .name = "BroadcastArgs",
                                        .min_in = 2,
                                        .max_in = 2,
                                        .min_out = 1,
                                        .max_out = 1,
                                        .version = 1,
                                        .infer = infer_broadcast_args,
                                        .eval = eval_broadcast_args };
const ei_op_def ei_op_ConstantOfShape = { .name = "ConstantOfShape",
                                          .min_in = 1,
                                          .max_in = 2,
                                          .min_out = 1,
                                          .max_out = 1,
                                          .version = 1,
                                          .optional_in = 2,
                                          .infer = infer_constant,
                                          .eval = eval_constant };
const ei_op_def ei_op_Range = { .name = "Range",
                                .min_in = 3,
                                .max_in = 3,
                                .min_out = 1,
                                .max_out = 1,
                                .version = 1,
                                .infer = infer_range,
                                .eval = eval_range };
