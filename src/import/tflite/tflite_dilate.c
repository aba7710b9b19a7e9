/* SPDX-License-Identifier: Apache-2.0
 * DILATE: filling between the elements, one dimension at a time. */
#include "tflite.h"

/* [before, n, after] -> [before, n * step, after] with the filling behind each element, whose last one is cut off. */
static edge_status dilate_one(tl_op *op, uint32_t x, const int64_t *dims, int32_t rank, int32_t axis, int64_t step,
                              uint32_t y) {
  const int32_t dtype = tl_graph_tensor(op, op->in[0])->dtype;
  int64_t split[4] = { 1, dims[axis], 1, 1 }, joined[EDGE_MAX_RANK], end = (dims[axis] - 1) * step + 1;
  const int64_t pads[2] = { 0, step - 1 }, third = 2, zero = 0, along = axis;
  for (int32_t i = 0; i < rank; ++i) {
    if (i != axis) split[i < axis ? 0 : 3] *= dims[i];
    joined[i] = i == axis ? dims[i] * step : dims[i];
  }
  if (end < 0) end = 0;
  TL_NEW(parts, tl_temp(op, dtype));
  TL_NEW(filled, tl_temp(op, dtype));
  TL_NEW(whole, tl_temp(op, dtype));
  TL_NEW(shape, tl_const_s64(op, split, 4));
  TL_NEW(back, tl_const_s64(op, joined, (uint32_t)rank));
  TL_NEW(widths, tl_const_s64(op, pads, 2));
  TL_NEW(where, tl_const_s64(op, &third, 1));
  TL_NEW(from, tl_const_s64(op, &zero, 1));
  TL_NEW(to, tl_const_s64(op, &end, 1));
  TL_NEW(axes, tl_const_s64(op, &along, 1));
  const uint32_t a[2] = { x, shape }, b[4] = { parts, widths, op->in[2], where }, d[2] = { filled, back };
  const uint32_t e[4] = { whole, from, to, axes };
  TL_EMIT(split_node, op, "Reshape", a, 2, &parts, 1);
  TL_EMIT(pad_node, op, "Pad", b, 4, &filled, 1);
  TL_EMIT(join_node, op, "Reshape", d, 2, &whole, 1);
  TL_EMIT(cut_node, op, "Slice", e, 4, &y, 1);
  return EDGE_STATUS_OK;
}

edge_status tl_dilate(tl_op *op) {
  int64_t steps[EDGE_MAX_RANK], dims[EDGE_MAX_RANK];
  const int32_t rank = tl_rank(op, op->in[0]);
  uint32_t n = 0, x = op->in[0];
  int32_t last = -1;
  bool known = rank >= 1 && tl_ints(op, op->in[1], steps, EDGE_MAX_RANK, &n) && n == (uint32_t)rank;
  for (int32_t i = 0; i < rank && known; ++i) {
    dims[i] = tl_dim(op, x, i);
    known = dims[i] >= 0 && dims[i] <= INT32_MAX && steps[i] >= 1 && steps[i] <= INT32_MAX;
    if (known && steps[i] > 1) last = i;
  }
  if (!known) return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "its shape and steps must be known");
  if (last < 0) {
    TL_EMIT(copy, op, "Identity", &x, 1, op->out, 1);
    return EDGE_STATUS_OK;
  }
  for (int32_t i = 0; i <= last; ++i) {
    if (steps[i] == 1) continue;
    const uint32_t y = i == last ? op->out[0] : tl_temp(op, tl_graph_tensor(op, op->in[0])->dtype);
    if (y == EI_NONE) return tl_broken(op->m);
    EI_TRY(dilate_one(op, x, dims, rank, i, steps[i], y));
    dims[i] = dims[i] > 0 ? (dims[i] - 1) * steps[i] + 1 : 0;
    x = y;
    int64_t elements = 1; /* reshapes work with products of these */
    for (int32_t k = 0; k < rank; ++k)
      if (!ei_mul_s64(elements, dims[k] > 0 ? dims[k] : 1, &elements))
        return tl_malformed(op, "the result is too large");
  }
  return EDGE_STATUS_OK;
}
