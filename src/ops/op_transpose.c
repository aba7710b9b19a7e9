/* SPDX-License-Identifier: Apache-2.0
 * Transpose: y's dimension d is x's dimension perm[d]. */
#include "op_walk.h"

/* The permutation, made positive; *known is false while it is a value that is not there yet. */
static edge_status permutation(ei_op_ctx *c, int32_t rank, int32_t *perm, bool *known) {
  int64_t list[EDGE_MAX_RANK];
  uint32_t n = 0, mask = 0;
  *known = true;
  if (ei_op_has(c, 1)) {
    EI_TRY(ei_op_need_int(c, 1));
    *known = ei_op_ready(c, 1);
    if (!*known) return EDGE_STATUS_OK;
    EI_TRY(ei_op_list(c, 1, list, EDGE_MAX_RANK, &n));
  } else if (ei_node_attr(c->node, "perm") != NULL) {
    n = ei_node_ints(c->node, "perm", list, EDGE_MAX_RANK);
    if (n > EDGE_MAX_RANK) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "perm has %u values", n);
  } else {
    for (n = 0; n < (uint32_t)rank; ++n) list[n] = rank - 1 - (int64_t)n;
  }
  if (n != (uint32_t)rank)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "perm has %u values, the input has rank %d", n, (int)rank);
  EI_TRY(ei_op_axis_mask(c, list, n, rank, &mask));
  for (uint32_t d = 0; d < n; ++d) perm[d] = (int32_t)(list[d] < 0 ? list[d] + rank : list[d]);
  return EDGE_STATUS_OK;
}

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int32_t perm[EDGE_MAX_RANK];
  int64_t dims[EDGE_MAX_RANK];
  bool known = false;
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(permutation(c, x->rank, perm, &known));
  for (int32_t d = 0; d < x->rank; ++d) dims[d] = known ? x->dims[perm[d]] : EI_DIM_UNKNOWN;
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return EDGE_STATUS_OK;
}

static edge_status eval(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  int32_t perm[EDGE_MAX_RANK];
  int64_t xs[EDGE_MAX_RANK], ys[EDGE_MAX_RANK];
  bool known = false;
  EI_TRY(permutation(c, x->rank, perm, &known));
  ei_dense_strides(x->rank, x->dims, xs);
  ei_dense_strides(y->rank, y->dims, ys);
  ei_move m = { 0 };
  for (int32_t d = 0; d < y->rank; ++d) {
    if (y->dims[d] != x->dims[perm[d]])
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "output dimension %d does not fit the permutation", (int)d);
    ei_move_dim(&m, y->dims[d], ys[d], xs[perm[d]]);
  }
  ei_move_run(&m, y, 0, x, 0);
  return EDGE_STATUS_OK;
}

static const ei_attr_def attrs[] = { { "perm", EI_ATTR_INTS, 0 }, { NULL, 0, 0 } };

const ei_op_def ei_op_Transpose = { .name = "Transpose",
                                    .min_in = 1,
                                    .max_in = 2,
                                    .min_out = 1,
                                    .max_out = 1,
                                    .version = 1,
                                    .optional_in = 2,
                                    .attrs = attrs,
                                    .infer = infer,
                                    .eval = eval };
