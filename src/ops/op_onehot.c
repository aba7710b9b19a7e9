/* SPDX-License-Identifier: Apache-2.0
 * OneHot: a new dimension of `depth` values that are `off` but for the one the index names. */
#include "op_walk.h"

static edge_status read_axis(ei_op_ctx *c, int32_t *axis) {
  if (c->in[0].rank == EDGE_MAX_RANK)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the result has too many dimensions");
  return ei_op_axis(c, ei_op_int(c, "axis"), c->in[0].rank + 1, axis);
}

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const ids = &c->in[0], *const values = &c->in[2];
  int64_t dims[EDGE_MAX_RANK], depth = EI_DIM_UNKNOWN;
  int32_t axis = 0;
  if (ids->dtype == EDGE_DTYPE_BOOL || c->in[1].dtype == EDGE_DTYPE_BOOL)
    return ei_op_fail(c, EDGE_STATUS_TYPE_MISMATCH, "indices and depth must be numbers");
  EI_TRY(ei_op_need_rank(c, 2, 1, 1));
  if (values->rank == 1 && values->dims[0] >= 0 && values->dims[0] != 2)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "two values (off, on) are needed, not %lld",
                      (long long)values->dims[0]);
  if (ei_op_ready(c, 1)) {
    if (ei_op_elements(&c->in[1]) != 1) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "depth must be one number");
    depth = ei_load_s64(&c->in[1], 0);
    if (depth < 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "depth is %lld", (long long)depth);
  }
  ei_op_set_unknown(&c->out[0], values->dtype);
  if (ids->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(read_axis(c, &axis));
  for (int32_t d = 0, k = 0; d <= ids->rank; ++d) dims[d] = d == axis ? depth : ids->dims[k++];
  ei_op_set_shape(&c->out[0], values->dtype, ids->rank + 1, dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval(ei_op_ctx *c) {
  const edge_tensor *const ids = &c->in[0], *const values = &c->in[2], *const y = &c->out[0];
  int32_t axis = 0;
  EI_TRY(read_axis(c, &axis));
  const int64_t depth = y->dims[axis], inner = ei_dims_product(y->dims, axis + 1, y->rank);
  const uint64_t n = ei_op_elements(ids);
  const bool wrap = ei_op_int(c, "wrap") != 0;
  ei_fill_run(y, 0, ei_op_elements(y), values, 0);
  for (uint64_t i = 0; i < n; ++i) {
    int64_t k = ei_load_s64(ids, i);
    if (wrap && k < 0 && k >= -depth) k += depth;
    if (k < 0 || k >= depth) continue;
    const uint64_t o = i / (uint64_t)inner, r = i % (uint64_t)inner;
    ei_copy_run(y, (o * (uint64_t)depth + (uint64_t)k) * (uint64_t)inner + r, values, 1, 1);
  }
  return EDGE_STATUS_OK;
}

static const ei_attr_def attrs[] = { { "axis", EI_ATTR_INT, -1 }, { "wrap", EI_ATTR_INT, 1 }, { NULL, 0, 0 } };

const ei_op_def ei_op_OneHot = { .name = "OneHot",
                                 .min_in = 3,
                                 .max_in = 3,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .version = 1,
                                 .attrs = attrs,
                                 .infer = infer,
                                 .eval = eval };
