/* SPDX-License-Identifier: Apache-2.0
 * Reverse along axes; ReverseSequence reverses the first lengths[b] steps of every batch item. */
#include "op_walk.h"

static edge_status infer_reverse(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int64_t axes[EDGE_MAX_RANK];
  uint32_t n = 0, mask = 0;
  EI_TRY(ei_op_need_int(c, 1));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  if (x->rank < 0 || c->in[1].data == NULL || !ei_op_shape_known(&c->in[1])) return EDGE_STATUS_OK;
  EI_TRY(ei_op_list(c, 1, axes, EDGE_MAX_RANK, &n));
  return ei_op_axis_mask(c, axes, n, x->rank, &mask);
}

static edge_status eval_reverse(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  int64_t axes[EDGE_MAX_RANK], s[EDGE_MAX_RANK], at = 0;
  uint32_t n = 0, mask = 0;
  ei_move m = { 0 };
  EI_TRY(ei_op_list(c, 1, axes, EDGE_MAX_RANK, &n));
  EI_TRY(ei_op_axis_mask(c, axes, n, x->rank, &mask));
  if (ei_op_elements(x) == 0) return EDGE_STATUS_OK;
  ei_dense_strides(x->rank, x->dims, s);
  for (int32_t d = 0; d < x->rank; ++d) {
    const bool flip = mask >> d & 1u;
    ei_move_dim(&m, x->dims[d], s[d], flip ? -s[d] : s[d]);
    if (flip) at += (x->dims[d] - 1) * s[d];
  }
  ei_move_run(&m, y, 0, x, at);
  return EDGE_STATUS_OK;
}

static edge_status sequence_axes(ei_op_ctx *c, int32_t *batch, int32_t *time) {
  EI_TRY(ei_op_axis(c, ei_op_int(c, "batch_axis"), c->in[0].rank, batch));
  EI_TRY(ei_op_axis(c, ei_op_int(c, "time_axis"), c->in[0].rank, time));
  if (*batch == *time) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "batch and time are the same axis");
  return EDGE_STATUS_OK;
}

static edge_status infer_sequence(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const lengths = &c->in[1];
  int32_t batch = 0, time = 0;
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_rank(c, 1, 1, 1));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  if (x->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(sequence_axes(c, &batch, &time));
  int64_t dim = x->dims[batch];
  if (lengths->rank == 1) EI_TRY(ei_op_same_dim(c, &dim, lengths->dims[0], "batch and lengths"));
  return EDGE_STATUS_OK;
}

static edge_status eval_sequence(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  int64_t s[EDGE_MAX_RANK];
  int32_t batch = 0, time = 0;
  EI_TRY(sequence_axes(c, &batch, &time));
  ei_dense_strides(x->rank, x->dims, s);
  for (int64_t b = 0; b < x->dims[batch]; ++b) {
    const int64_t length = ei_load_s64(&c->in[1], (uint64_t)b), steps = x->dims[time];
    if (length < 0 || length > steps)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "length %lld of item %lld is not in [0, %lld]", (long long)length,
                        (long long)b, (long long)steps);
    for (int32_t part = 0; part < 2; ++part) { /* the reversed steps, then the others */
      const int64_t first = part == 0 ? 0 : length, count = part == 0 ? length : steps - length;
      ei_move m = { 0 };
      if (count == 0) continue;
      for (int32_t d = 0; d < x->rank; ++d)
        ei_move_dim(&m, d == batch ? 1 : d == time ? count : x->dims[d], s[d], d == time && part == 0 ? -s[d] : s[d]);
      ei_move_run(&m, y, b * s[batch] + first * s[time], x, b * s[batch] + (part == 0 ? length - 1 : first) * s[time]);
    }
  }
  return EDGE_STATUS_OK;
}

static const ei_attr_def sequence_attrs[] = { { "batch_axis", EI_ATTR_INT, 0 },
                                              { "time_axis", EI_ATTR_INT, 1 },
                                              { NULL, 0, 0 } };

const ei_op_def ei_op_Reverse = { .name = "Reverse",
                                  .min_in = 2,
                                  .max_in = 2,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .version = 1,
                                  .infer = infer_reverse,
                                  .eval = eval_reverse };
const ei_op_def ei_op_ReverseSequence = { .name = "ReverseSequence",
                                          .min_in = 2,
                                          .max_in = 2,
                                          .min_out = 1,
                                          .max_out = 1,
                                          .version = 1,
                                          .attrs = sequence_attrs,
                                          .infer = infer_sequence,
                                          .eval = eval_sequence };
