/* SPDX-License-Identifier: Apache-2.0
 * Reshape, Flatten, Squeeze, Unsqueeze: the same elements under another shape. */
#include "op_walk.h"

static edge_status copy_view(ei_op_ctx *c) {
  if (c->out[0].data != c->in[0].data) ei_copy_run(&c->out[0], 0, &c->in[0], 0, ei_op_elements(&c->in[0]));
  return EDGE_STATUS_OK;
}

/* The dimension that -1 stands for: total / known, exact. */
static edge_status infer_rest(ei_op_ctx *c, edge_tensor *y, int32_t rest, uint64_t known) {
  const edge_tensor *const x = &c->in[0];
  if (!ei_op_shape_known(x)) return EDGE_STATUS_OK;
  const uint64_t total = ei_op_elements(x);
  if (rest < 0) {
    if (total != known)
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the input has %llu elements, the new shape %llu",
                        (unsigned long long)total, (unsigned long long)known);
    return EDGE_STATUS_OK;
  }
  if (known == 0 || total % known != 0)
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "%llu elements cannot be divided by the known dimensions (%llu)",
                      (unsigned long long)total, (unsigned long long)known);
  y->dims[rest] = (int64_t)(total / known);
  return EDGE_STATUS_OK;
}

static edge_status infer_reshape(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const bool allow_zero = ei_op_int(c, "allow_zero") != 0;
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_rank(c, 1, 0, 1));
  int64_t dims[EDGE_MAX_RANK];
  uint32_t n = 0;
  if (!ei_op_ready(c, 1)) {
    ei_op_set_unknown(&c->out[0], x->dtype);
    if (c->in[1].rank == 1 && c->in[1].dims[0] >= 0 && c->in[1].dims[0] <= EDGE_MAX_RANK) {
      for (int32_t d = 0; d < EDGE_MAX_RANK; ++d) dims[d] = EI_DIM_UNKNOWN;
      ei_op_set_shape(&c->out[0], x->dtype, (int32_t)c->in[1].dims[0], dims);
    }
    return EDGE_STATUS_OK;
  }
  EI_TRY(ei_op_list(c, 1, dims, EDGE_MAX_RANK, &n));
  uint64_t known = 1;
  int32_t rest = -1;
  bool open = false, zero = false;
  for (uint32_t d = 0; d < n; ++d) {
    if (dims[d] == 0 && !allow_zero) {
      if (x->rank >= 0 && d >= (uint32_t)x->rank)
        return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "shape[%u] copies a dimension that the input lacks", d);
      dims[d] = x->rank >= 0 ? x->dims[d] : EI_DIM_UNKNOWN;
      open |= dims[d] < 0;
      if (dims[d] < 0) continue;
    } else if (dims[d] == -1) {
      if (rest >= 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "shape has more than one -1");
      rest = (int32_t)d;
      continue;
    } else if (dims[d] < -1) {
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "shape[%u] is %lld", d, (long long)dims[d]);
    }
    zero |= allow_zero && dims[d] == 0;
    if (!ei_mul_u64(known, (uint64_t)dims[d], &known))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the new shape is larger than memory can be");
  }
  if (zero && rest >= 0)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "shape has both 0 and -1 while zeros are taken literally");
  ei_op_set_shape(&c->out[0], x->dtype, (int32_t)n, dims);
  if (!open) EI_TRY(infer_rest(c, &c->out[0], rest, known));
  return ei_op_check_size(c, 0);
}

static edge_status infer_flatten(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int64_t dims[2] = { 1, 1 };
  int64_t axis = ei_op_int(c, "axis");
  if (x->rank < 0) {
    dims[0] = dims[1] = EI_DIM_UNKNOWN;
    ei_op_set_shape(&c->out[0], x->dtype, 2, dims);
    return EDGE_STATUS_OK;
  }
  if (axis < -(int64_t)x->rank || axis > x->rank)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "axis %lld is outside the rank %d", (long long)axis, (int)x->rank);
  if (axis < 0) axis += x->rank;
  for (int32_t d = 0; d < x->rank; ++d) {
    int64_t *const y = &dims[d < axis ? 0 : 1];
    if (x->dims[d] < 0) *y = EI_DIM_UNKNOWN;
    if (*y >= 0 && !ei_mul_s64(*y, x->dims[d], y))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the input is larger than memory can be");
  }
  ei_op_set_shape(&c->out[0], x->dtype, 2, dims);
  return EDGE_STATUS_OK;
}

static edge_status infer_squeeze(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int64_t axes[EDGE_MAX_RANK], dims[EDGE_MAX_RANK];
  uint32_t n = 0, mask = 0;
  int32_t rank = 0;
  const bool given = ei_op_has(c, 1);
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (given) EI_TRY(ei_op_need_int(c, 1));
  if ((given && !ei_op_ready(c, 1)) || x->rank < 0) return EDGE_STATUS_OK;
  if (given) EI_TRY(ei_op_list(c, 1, axes, EDGE_MAX_RANK, &n));
  EI_TRY(ei_op_axis_mask(c, axes, n, x->rank, &mask));
  const bool all = !given || n == 0; /* an empty list means every dimension of 1 */
  for (int32_t d = 0; d < x->rank; ++d) {
    if (all && x->dims[d] < 0) return EDGE_STATUS_OK; /* the rank is not known before this dimension is */
    const bool drop = all ? x->dims[d] == 1 : (mask >> d & 1u) != 0;
    if (drop && x->dims[d] > 1)
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "dimension %d is %lld, only 1 can be removed", (int)d,
                        (long long)x->dims[d]);
    if (drop && x->dims[d] == 0) return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "dimension %d is 0", (int)d);
    if (!drop) dims[rank++] = x->dims[d];
  }
  ei_op_set_shape(&c->out[0], x->dtype, rank, dims);
  return EDGE_STATUS_OK;
}

static edge_status infer_unsqueeze(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int64_t axes[EDGE_MAX_RANK], dims[EDGE_MAX_RANK];
  uint32_t n = 0, mask = 0;
  ei_op_set_unknown(&c->out[0], x->dtype);
  EI_TRY(ei_op_need_int(c, 1));
  if (!ei_op_ready(c, 1) || x->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(ei_op_list(c, 1, axes, EDGE_MAX_RANK, &n));
  const int32_t rank = x->rank + (int32_t)n;
  if (rank > EDGE_MAX_RANK)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the result would have rank %d, at most %d is possible", (int)rank,
                      EDGE_MAX_RANK);
  EI_TRY(ei_op_axis_mask(c, axes, n, rank, &mask));
  for (int32_t d = 0, k = 0; d < rank; ++d) dims[d] = (mask >> d & 1u) ? 1 : x->dims[k++];
  ei_op_set_shape(&c->out[0], x->dtype, rank, dims);
  return EDGE_STATUS_OK;
}

static const ei_attr_def reshape_attrs[] = { { "allow_zero", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };
static const ei_attr_def flatten_attrs[] = { { "axis", EI_ATTR_INT, 1 }, { NULL, 0, 0 } };

const ei_op_def ei_op_Reshape = { .name = "Reshape",
                                  .min_in = 2,
                                  .max_in = 2,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .flags = EI_OP_VIEW,
                                  .version = 1,
                                  .attrs = reshape_attrs,
                                  .infer = infer_reshape,
                                  .eval = copy_view };
const ei_op_def ei_op_Flatten = { .name = "Flatten",
                                  .min_in = 1,
                                  .max_in = 1,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .flags = EI_OP_VIEW,
                                  .version = 1,
                                  .attrs = flatten_attrs,
                                  .infer = infer_flatten,
                                  .eval = copy_view };
const ei_op_def ei_op_Squeeze = { .name = "Squeeze",
                                  .min_in = 1,
                                  .max_in = 2,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .flags = EI_OP_VIEW,
                                  .version = 1,
                                  .optional_in = 2,
                                  .infer = infer_squeeze,
                                  .eval = copy_view };
const ei_op_def ei_op_Unsqueeze = { .name = "Unsqueeze",
                                    .min_in = 2,
                                    .max_in = 2,
                                    .min_out = 1,
                                    .max_out = 1,
                                    .flags = EI_OP_VIEW,
                                    .version = 1,
                                    .infer = infer_unsqueeze,
                                    .eval = copy_view };
