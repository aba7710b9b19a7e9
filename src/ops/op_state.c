/* SPDX-License-Identifier: Apache-2.0
 * ReadState and AssignState: copies out of and into tensors that live on between runs. */
#include "op.h"

static edge_status copy(ei_op_ctx *c, const edge_tensor *from, void *to) {
  uint64_t bytes = 0;
  if (!ei_tensor_bytes(from->dtype, from->encoding, from->dims, from->rank, &bytes))
    return ei_op_fail(c, EDGE_STATUS_INTERNAL, "the size of the state is unknown");
  if (bytes > 0 && to != from->data) memmove(to, from->data, (size_t)bytes);
  return EDGE_STATUS_OK;
}

static edge_status infer_read(ei_op_ctx *c) {
  ei_op_set_shape(&c->out[0], c->in[0].dtype, c->in[0].rank, c->in[0].dims);
  return EDGE_STATUS_OK;
}
static edge_status eval_read(ei_op_ctx *c) {
  return copy(c, &c->in[0], c->out[0].data);
}

const ei_op_def ei_op_ReadState = {
  .name = "ReadState",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .flags = EI_OP_STATEFUL,
  .infer = infer_read,
  .eval = eval_read,
};

static edge_status infer_assign(ei_op_ctx *c) {
  const edge_tensor *const state = &c->in[0], *const x = &c->in[1];
  EI_TRY(ei_op_need_same_dtype(c, 0, 1));
  if (state->rank < 0 || x->rank < 0) return EDGE_STATUS_OK;
  bool same = state->rank == x->rank;
  for (int32_t d = 0; same && d < x->rank; ++d)
    same = state->dims[d] < 0 || x->dims[d] < 0 || state->dims[d] == x->dims[d];
  if (!same) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the value does not have the shape of the state");
  return EDGE_STATUS_OK;
}
static edge_status eval_assign(ei_op_ctx *c) {
  return copy(c, &c->in[1], c->in[0].data);
}

const ei_op_def ei_op_AssignState = {
  .name = "AssignState",
  .min_in = 2,
  .max_in = 2,
  .min_out = 0,
  .max_out = 0,
  .version = 1,
  .flags = EI_OP_STATEFUL,
  .mutates_in = 1,
  .infer = infer_assign,
  .eval = eval_assign,
};
