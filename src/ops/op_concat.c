/* SPDX-License-Identifier: Apache-2.0
 * Concat joins tensors along an axis, Split cuts one; quantized inputs of Concat are rescaled to the output. */
#include "op_walk.h"
#include <math.h>

static edge_status infer_concat(ei_op_ctx *c) {
  int32_t rank = EI_RANK_UNKNOWN, axis = 0;
  int64_t dims[EDGE_MAX_RANK];
  if (ei_op_int(c, "act") != 0)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "a fused activation is not supported here");
  for (uint32_t i = 0; i < c->n_in; ++i) {
    EI_TRY(ei_op_need_same_dtype(c, 0, i));
    if (c->in[i].rank < 0) continue;
    if (rank >= 0 && c->in[i].rank != rank)
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "input %u has rank %d, others %d", i, (int)c->in[i].rank,
                        (int)rank);
    rank = c->in[i].rank;
  }
  ei_op_set_unknown(&c->out[0], c->in[0].dtype);
  if (rank < 0) return EDGE_STATUS_OK;
  EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), rank, &axis));
  for (int32_t d = 0; d < rank; ++d) dims[d] = d == axis ? 0 : EI_DIM_UNKNOWN;
  for (uint32_t i = 0; i < c->n_in; ++i) {
    const edge_tensor *const x = &c->in[i];
    if (x->rank < 0 || x->dims[axis] < 0) dims[axis] = EI_DIM_UNKNOWN;
    if (dims[axis] >= 0 && !ei_add_s64(dims[axis], x->dims[axis], &dims[axis]))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the joined dimension is too large");
    for (int32_t d = 0; d < x->rank; ++d)
      if (d != axis) EI_TRY(ei_op_same_dim(c, &dims[d], x->dims[d], "inputs that are joined"));
  }
  ei_op_set_shape(&c->out[0], c->in[0].dtype, rank, dims);
  return ei_op_check_size(c, 0);
}

static bool same_quant(const edge_tensor *x, const edge_tensor *y) {
  if (!ei_is_quantized(x) || !ei_is_quantized(y) || x->quant.count != 1 || y->quant.count != 1) return true;
  return x->quant.scales[0] == y->quant.scales[0] && ei_quant_zero(x) == ei_quant_zero(y);
}

/* A run of stored values on another scale: zy + rint((q - zx) * (sx / sy)), f32. */
static void rescale_run(const edge_tensor *y, uint64_t y_at, const edge_tensor *x, uint64_t x_at, uint64_t n) {
  const float ratio = ei_quant_scale(x) / ei_quant_scale(y);
  const float zx = (float)ei_quant_zero(x), zy = (float)ei_quant_zero(y);
  for (uint64_t i = 0; i < n; ++i) {
    const float q = (float)ei_load_s64(x, x_at + i);
    ei_store_f64(y, y_at + i, (double)(zy + rintf((q - zx) * ratio)));
  }
}

static edge_status eval_concat(ei_op_ctx *c) {
  const edge_tensor *const y = &c->out[0];
  int32_t axis = 0;
  EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), y->rank, &axis));
  const uint64_t outer = (uint64_t)ei_dims_product(y->dims, 0, axis);
  const uint64_t inner = (uint64_t)ei_dims_product(y->dims, axis + 1, y->rank);
  const uint64_t y_row = (uint64_t)y->dims[axis] * inner;
  uint64_t at = 0;
  for (uint32_t i = 0; i < c->n_in; ++i) {
    const edge_tensor *const x = &c->in[i];
    const uint64_t row = (uint64_t)x->dims[axis] * inner;
    const bool copy = same_quant(x, y);
    if (at + row > y_row) return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the inputs do not fit the output");
    for (uint64_t o = 0; o < outer; ++o) (copy ? ei_copy_run : rescale_run)(y, o * y_row + at, x, o * row, row);
    at += row;
  }
  return EDGE_STATUS_OK;
}

static edge_status infer_split(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int32_t axis = 0;
  const bool sized = ei_op_has(c, 1);
  if (sized) EI_TRY(ei_op_need_int(c, 1));
  const bool ready = !sized || ei_op_ready(c, 1);
  for (uint32_t i = 0; i < c->n_out; ++i) ei_op_set_unknown(&c->out[i], x->dtype);
  if (x->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
  if (sized && ready && (!ei_op_shape_known(&c->in[1]) || ei_op_elements(&c->in[1]) != c->n_out))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the number of sizes and outputs (%u) differ", c->n_out);
  const int64_t total = x->dims[axis];
  const int64_t part = total < 0 ? EI_DIM_UNKNOWN : total / c->n_out + (total % c->n_out != 0);
  int64_t left = total, sum = 0;
  for (uint32_t i = 0; i < c->n_out; ++i) {
    int64_t size = left < part ? left : part;
    if (sized && ready) size = ei_load_s64(&c->in[1], i);
    if (sized && !ready) size = EI_DIM_UNKNOWN;
    /* one size may be -1: what the others leave (TFLite) */
    if (size == -1 && sized && ready && total >= 0) {
      size = total;
      for (uint32_t k = 0; k < c->n_out; ++k)
        if (k != i && !ei_add_s64(size, -(ei_load_s64(&c->in[1], k) & INT64_MAX), &size)) size = -1;
    }
    if (sized && ready && size < 0 && (size != -1 || total >= 0))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "size %u of the split is invalid", i);
    if (ready && size >= 0 && !ei_add_s64(sum, size, &sum))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the sizes of the split are too large");
    if (!sized && total >= 0) left -= size;
    ei_op_set_shape(&c->out[i], x->dtype, x->rank, x->dims);
    c->out[i].dims[axis] = size;
  }
  if (ready && total >= 0 && sum != total)
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the sizes add up to %lld, dimension %d is %lld", (long long)sum,
                      (int)axis, (long long)total);
  return EDGE_STATUS_OK;
}

static edge_status eval_split(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int32_t axis = 0;
  EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
  const uint64_t outer = (uint64_t)ei_dims_product(x->dims, 0, axis);
  const uint64_t inner = (uint64_t)ei_dims_product(x->dims, axis + 1, x->rank);
  const uint64_t x_row = (uint64_t)x->dims[axis] * inner;
  const int64_t part = x->dims[axis] / c->n_out + (x->dims[axis] % c->n_out != 0);
  uint64_t at = 0;
  for (uint32_t i = 0; i < c->n_out; ++i) {
    const edge_tensor *const y = &c->out[i];
    /* an output nobody reads has no storage, but still takes its share */
    const int64_t left = x->dims[axis] - (int64_t)i * part;
    int64_t size = left < part ? (left > 0 ? left : 0) : part;
    if (ei_op_has(c, 1)) size = ei_load_s64(&c->in[1], i);
    if (size == -1) { /* what the others leave; inference has checked their sum */
      size = x->dims[axis];
      for (uint32_t k = 0; k < c->n_out; ++k) size -= k != i ? ei_load_s64(&c->in[1], k) : 0;
    }
    if (y->data != NULL) size = y->dims[axis];
    const uint64_t row = (uint64_t)size * inner;
    if (size < 0 || row > x_row || at > x_row - row)
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the outputs do not fit the input");
    for (uint64_t o = 0; o < outer && y->data != NULL; ++o) ei_copy_run(y, o * row, x, o * x_row + at, row);
    at += row;
  }
  return EDGE_STATUS_OK;
}

static const ei_attr_def concat_attrs[] = { { "axis", EI_ATTR_INT, 0 },
                                            { "act", EI_ATTR_INT, 0 },
                                            { "act_lo", EI_ATTR_FLOAT, 0 },
                                            { "act_hi", EI_ATTR_FLOAT, 0 },
                                            { NULL, 0, 0 } };
static const ei_attr_def split_attrs[] = { { "axis", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

const ei_op_def ei_op_Concat = { .name = "Concat",
                                 .min_in = 1,
                                 .max_in = EI_ANY,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .version = 1,
                                 .attrs = concat_attrs,
                                 .infer = infer_concat,
                                 .eval = eval_concat };
const ei_op_def ei_op_Split = { .name = "Split",
                                .min_in = 1,
                                .max_in = 2,
                                .min_out = 1,
                                .max_out = EI_ANY,
                                .version = 1,
                                .optional_in = 2,
                                .attrs = split_attrs,
                                .infer = infer_split,
                                .eval = eval_split };
