/* SPDX-License-Identifier: Apache-2.0
 * ArgMax and ArgMin: where the extreme of each row is; the first NaN counts as the extreme. */
#include "rows.h"

static const ei_attr_def attrs[] = { { "axis", EI_ATTR_INT, 0 },
                                     { "keep_dims", EI_ATTR_INT, 1 },
                                     { "select_last", EI_ATTR_INT, 0 },
                                     { "dtype", EI_ATTR_INT, EDGE_DTYPE_S64 },
                                     { NULL, 0, 0 } };

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const int64_t dtype = ei_op_int(c, "dtype");
  const bool keep = ei_op_int(c, "keep_dims") != 0;
  int64_t dims[EDGE_MAX_RANK];
  int32_t axis = 0, rank = 0;
  if (dtype != EDGE_DTYPE_S32 && dtype != EDGE_DTYPE_S64)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "indices are s32 or s64");
  if (!ei_dtype_is_int(x->dtype) && x->dtype != EDGE_DTYPE_BOOL) EI_TRY(ei_op_need_float(c, 0));
  if (x->rank < 0) {
    ei_op_set_unknown(&c->out[0], (int32_t)dtype);
    return EDGE_STATUS_OK;
  }
  if (x->rank > 0) EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
  for (int32_t i = 0; i < x->rank; ++i) {
    if (i != axis)
      dims[rank++] = x->dims[i];
    else if (keep)
      dims[rank++] = 1;
  }
  if (x->rank > 0 && x->dims[axis] == 0)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "axis %d is empty: there is no extreme", axis);
  ei_op_set_shape(&c->out[0], (int32_t)dtype, rank, dims);
  return EDGE_STATUS_OK;
}

/* Does element b come before a? Integers are compared exactly. */
static bool beats(const edge_tensor *x, uint64_t a, uint64_t b, bool smallest, bool last) {
  if (ei_dtype_is_float(x->dtype)) {
    const double va = ei_load_f64(x, a), vb = ei_load_f64(x, b);
    if (va != va) return false;
    if (vb != vb) return true;
    return (smallest ? vb < va : vb > va) || (last && va == vb);
  }
  const uint64_t flip = x->dtype == EDGE_DTYPE_U64 ? UINT64_C(1) << 63 : 0; /* orders unsigned as signed */
  const int64_t va = (int64_t)((uint64_t)ei_load_s64(x, a) ^ flip), vb = (int64_t)((uint64_t)ei_load_s64(x, b) ^ flip);
  return (smallest ? vb < va : vb > va) || (last && va == vb);
}

static edge_status eval_arg(ei_op_ctx *c, bool smallest) {
  const edge_tensor *const x = &c->in[0];
  const bool last = ei_op_int(c, "select_last") != 0;
  ei_rows r;
  EI_TRY(ei_rows_split(c, x, ei_op_int(c, "axis"), false, &r));
  for (uint64_t row = 0; row < r.outer * r.inner; ++row) {
    const uint64_t base = ei_rows_base(&r, row);
    uint64_t best = 0;
    for (uint64_t k = 1; k < r.size; ++k) {
      if (beats(x, base + best * r.inner, base + k * r.inner, smallest, last)) best = k;
    }
    ei_store_s64(&c->out[0], row, (int64_t)best);
  }
  return EDGE_STATUS_OK;
}

static edge_status eval_max(ei_op_ctx *c) {
  return eval_arg(c, false);
}
static edge_status eval_min(ei_op_ctx *c) {
  return eval_arg(c, true);
}

const ei_op_def ei_op_ArgMax = {
  .name = "ArgMax",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = attrs,
  .infer = infer,
  .eval = eval_max,
};
const ei_op_def ei_op_ArgMin = {
  .name = "ArgMin",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = attrs,
  .infer = infer,
  .eval = eval_min,
};
