/* SPDX-License-Identifier: Apache-2.0
 * MaxUnpool: puts each value back where MaxPool took it from. Indices count in the shape that the window implies;
 * a larger output_shape leaves zeros behind it. */
#include "window.h"

static const ei_attr_def attrs[] = {
  EI_WINDOW_ATTRS, { "kernel", EI_ATTR_INTS, 0 }, { "indices_layout", EI_ATTR_INT, 0 }, { NULL, 0, 0 }
};

/* Dims that the window implies, [N, spatial..., C]. */
static edge_status implied(ei_op_ctx *c, int64_t *dims) {
  const edge_tensor *const x = &c->in[0];
  const int32_t n = x->rank - 2;
  int64_t mode;
  ei_window w;
  EI_TRY(ei_window_attrs(c, n, &x->dims[1], NULL, &w, &mode));
  if (mode != EI_PAD_EXPLICIT) return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "explicit pads are needed");
  dims[0] = x->dims[0];
  dims[n + 1] = x->dims[n + 1];
  for (int32_t i = 0; i < n; ++i) {
    const int d = EI_MAX_SPATIAL - n + i;
    dims[i + 1] = EI_DIM_UNKNOWN;
    if (w.in[d] < 0) continue;
    dims[i + 1] = (w.in[d] - 1) * w.stride[d] + (w.kernel[d] - 1) * w.dilation[d] + 1 - w.begin[d] - w.end[d];
    if (dims[i + 1] < 0 || w.in[d] == 0)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "nothing is left of spatial dimension %d", i);
  }
  return EDGE_STATUS_OK;
}

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const indices = &c->in[1];
  int64_t dims[EDGE_MAX_RANK];
  uint32_t n = 0;
  if (!ei_dtype_is_int(x->dtype)) EI_TRY(ei_op_need_float(c, 0));
  if (indices->dtype != EDGE_DTYPE_S64 && indices->dtype != EDGE_DTYPE_S32)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "indices are s32 or s64");
  if (ei_op_shape_known(x) && ei_op_shape_known(indices) && !ei_op_same_shape(x, indices))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "values and indices have different shapes");
  EI_TRY(ei_op_need_rank(c, 0, 3, 2 + EI_MAX_SPATIAL));
  if (x->rank < 0) {
    if (ei_op_has(c, 2) && c->in[2].data == NULL) c->needs_value = 1;
    ei_op_set_unknown(&c->out[0], x->dtype);
    return EDGE_STATUS_OK;
  }
  EI_TRY(implied(c, dims));
  if (ei_op_has(c, 2)) {
    if (c->in[2].data == NULL) {
      c->needs_value = 1;
      for (int32_t d = 0; d < x->rank; ++d) dims[d] = EI_DIM_UNKNOWN;
    } else {
      EI_TRY(ei_op_ints(c, 2, dims, EDGE_MAX_RANK, &n));
      if (n != (uint32_t)x->rank)
        return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "output_shape has %u values, %d are needed", n, x->rank);
      for (uint32_t d = 0; d < n; ++d)
        if (dims[d] < 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "output_shape holds a negative size");
    }
  }
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return EDGE_STATUS_OK;
}

static edge_status eval(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  edge_tensor *const y = &c->out[0];
  const int32_t rank = x->rank;
  const bool first = ei_op_int(c, "indices_layout") == 1;
  const uint64_t n = ei_op_elements(x), total = ei_op_elements(y);
  int64_t dims[EDGE_MAX_RANK], at[EDGE_MAX_RANK];
  EI_TRY(implied(c, dims));
  for (uint64_t i = 0; i < total; ++i) ei_store_f64(y, i, 0.0);
  for (uint64_t i = 0; i < n; ++i) {
    int64_t index = ei_load_s64(&c->in[1], i);
    bool inside = index >= 0;
    for (int32_t k = rank - 1; inside && k >= 0; --k) { /* which dimension varies k-th slowest */
      const int32_t d = !first || k == 0 ? k : k == 1 ? rank - 1 : k - 1;
      if (dims[d] <= 0) {
        inside = false;
        break;
      }
      at[d] = index % dims[d];
      index /= dims[d];
      inside = at[d] < y->dims[d];
    }
    if (!inside || index != 0)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "index %lld is outside the output",
                        (long long)ei_load_s64(&c->in[1], i));
    uint64_t to = 0;
    for (int32_t d = 0; d < rank; ++d) to = to * (uint64_t)y->dims[d] + (uint64_t)at[d];
    if (ei_dtype_is_float(x->dtype))
      ei_store_f64(y, to, ei_load_f64(x, i));
    else
      ei_store_s64(y, to, ei_load_s64(x, i));
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_MaxUnpool = {
  .name = "MaxUnpool",
  .min_in = 2,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 4,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
};
