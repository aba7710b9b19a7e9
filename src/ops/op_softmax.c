/* SPDX-License-Identifier: Apache-2.0
 * Softmax and LogSoftmax along an axis, or (flatten) over all dimensions from the axis on.
 * Sums are f64; quantized values go through the real value and are rounded once. */
#include "rows.h"

static const ei_attr_def softmax_attrs[] = {
  { "axis", EI_ATTR_INT, -1 }, { "beta", EI_ATTR_FLOAT, 1 }, { "flatten", EI_ATTR_INT, 0 }, { NULL, 0, 0 }
};
static const ei_attr_def log_attrs[] = { { "axis", EI_ATTR_INT, -1 }, { "flatten", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int32_t axis;
  EI_TRY(ei_op_need_float(c, 0));
  EI_TRY(ei_op_need_per_tensor(c, 1));
  if (x->rank > 0) EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  return EDGE_STATUS_OK;
}

static edge_status eval_rows(ei_op_ctx *c, double beta, bool logarithm) {
  const edge_tensor *const x = &c->in[0];
  edge_tensor *const y = &c->out[0];
  ei_rows r;
  EI_TRY(ei_rows_split(c, x, ei_op_int(c, "axis"), ei_op_int(c, "flatten") != 0, &r));
  if (ei_op_elements(x) == 0) return EDGE_STATUS_OK;
  for (uint64_t row = 0; row < r.outer * r.inner; ++row) {
    const uint64_t base = ei_rows_base(&r, row);
    double max = -(double)INFINITY, sum = 0.0;
    for (uint64_t i = 0; i < r.size; ++i) {
      const double v = ei_real(x, base + i * r.inner) * beta;
      if (v > max || v != v) max = v;
    }
    for (uint64_t i = 0; i < r.size; ++i) sum += exp(ei_real(x, base + i * r.inner) * beta - max);
    const double shift = logarithm ? log(sum) : 1.0 / sum;
    for (uint64_t i = 0; i < r.size; ++i) {
      const double v = ei_real(x, base + i * r.inner) * beta - max;
      ei_set_real(y, base + i * r.inner, logarithm ? v - shift : exp(v) * shift);
    }
  }
  return EDGE_STATUS_OK;
}

static edge_status eval_softmax(ei_op_ctx *c) {
  return eval_rows(c, ei_op_float(c, "beta"), false);
}
static edge_status eval_log(ei_op_ctx *c) {
  return eval_rows(c, 1.0, true);
}

const ei_op_def ei_op_Softmax = {
  .name = "Softmax",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = softmax_attrs,
  .infer = infer,
  .eval = eval_softmax,
};

const ei_op_def ei_op_LogSoftmax = {
  .name = "LogSoftmax",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = log_attrs,
  .infer = infer,
  .eval = eval_log,
};
