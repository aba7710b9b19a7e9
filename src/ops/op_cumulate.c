/* SPDX-License-Identifier: Apache-2.0
 * CumSum and CumProd: running totals along an axis that is an input. Floats run in f64, integers wrap. */
#include "rows.h"

static const ei_attr_def attrs[] = { { "exclusive", EI_ATTR_INT, 0 }, { "reverse", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const at = &c->in[1];
  if (!ei_dtype_is_int(x->dtype)) EI_TRY(ei_op_need_float(c, 0));
  EI_TRY(ei_op_need_per_tensor(c, 1));
  if (!ei_dtype_is_int(at->dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "the axis must be an integer, not %s",
                      edge_dtype_name(at->dtype));
  if (at->rank > 1 || (ei_op_shape_known(at) && ei_op_elements(at) != 1))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the axis must be one value");
  if (at->data != NULL && x->rank >= 0) {
    int64_t axis;
    int32_t checked;
    uint32_t n;
    EI_TRY(ei_op_ints(c, 1, &axis, 1, &n));
    EI_TRY(ei_op_axis(c, axis, x->rank, &checked));
  }
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  return EDGE_STATUS_OK;
}

static edge_status eval_running(ei_op_ctx *c, bool product) {
  const edge_tensor *const x = &c->in[0];
  edge_tensor *const y = &c->out[0];
  const bool exclusive = ei_op_int(c, "exclusive") != 0, reverse = ei_op_int(c, "reverse") != 0;
  const bool real = ei_dtype_is_float(x->dtype) || ei_is_quant_value(x);
  int64_t axis;
  int32_t checked;
  uint32_t n;
  ei_rows r;
  EI_TRY(ei_op_ints(c, 1, &axis, 1, &n));
  EI_TRY(ei_op_axis(c, axis, x->rank, &checked)); /* its value may be born at run time; a scalar has no axis */
  EI_TRY(ei_rows_split(c, x, checked, false, &r));
  for (uint64_t row = 0; row < r.outer * r.inner; ++row) {
    double sum = product ? 1.0 : 0.0;
    uint64_t whole = product ? 1 : 0;
    for (uint64_t i = 0; i < r.size; ++i) {
      const uint64_t at = ei_rows_base(&r, row) + (reverse ? r.size - 1 - i : i) * r.inner;
      const double v = real ? ei_real(x, at) : 0.0;
      const uint64_t w = real ? 0 : (uint64_t)ei_load_s64(x, at);
      const double next = product ? sum * v : sum + v;
      const uint64_t next_whole = product ? whole * w : whole + w;
      if (real)
        ei_set_real(y, at, exclusive ? sum : next);
      else
        ei_store_s64(y, at, (int64_t)(exclusive ? whole : next_whole));
      sum = next;
      whole = next_whole;
    }
  }
  return EDGE_STATUS_OK;
}

static edge_status eval_sum(ei_op_ctx *c) {
  return eval_running(c, false);
}
static edge_status eval_product(ei_op_ctx *c) {
  return eval_running(c, true);
}

const ei_op_def ei_op_CumSum = {
  .name = "CumSum",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = attrs,
  .infer = infer,
  .eval = eval_sum,
};
const ei_op_def ei_op_CumProd = {
  .name = "CumProd",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = attrs,
  .infer = infer,
  .eval = eval_product,
};
