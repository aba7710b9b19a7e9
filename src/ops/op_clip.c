/* SPDX-License-Identifier: Apache-2.0
 * Clip: min(max, max(min, x)) with bounds that are inputs. NaN stays NaN. */
#include "op.h"

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  if (!ei_dtype_is_int(x->dtype)) EI_TRY(ei_op_need_float(c, 0));
  EI_TRY(ei_op_need_per_tensor(c, 3));
  for (uint32_t i = 1; i <= 2; ++i) {
    if (!ei_op_has(c, i)) continue;
    EI_TRY(ei_op_need_same_dtype(c, 0, i));
    if (ei_op_shape_known(&c->in[i]) && ei_op_elements(&c->in[i]) != 1)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u must be one value", i);
  }
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  return EDGE_STATUS_OK;
}

static double load(const edge_tensor *t, uint64_t i) {
  return ei_is_quant_value(t) ? (double)ei_load_real(t, i) : ei_load_f64(t, i);
}

static edge_status eval(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const edge_tensor *const low = ei_op_has(c, 1) ? &c->in[1] : NULL, *const high = ei_op_has(c, 2) ? &c->in[2] : NULL;
  edge_tensor *const y = &c->out[0];
  const uint64_t n = ei_op_elements(x);
  if (x->dtype == EDGE_DTYPE_S64 || x->dtype == EDGE_DTYPE_U64) {             /* wider than a double's digits */
    const uint64_t flip = x->dtype == EDGE_DTYPE_U64 ? UINT64_C(1) << 63 : 0; /* orders unsigned as signed */
    const int64_t lo = low != NULL ? (int64_t)((uint64_t)ei_load_s64(low, 0) ^ flip) : INT64_MIN;
    const int64_t hi = high != NULL ? (int64_t)((uint64_t)ei_load_s64(high, 0) ^ flip) : INT64_MAX;
    for (uint64_t i = 0; i < n; ++i) {
      int64_t v = (int64_t)((uint64_t)ei_load_s64(x, i) ^ flip);
      v = v < lo ? lo : v;
      v = v > hi ? hi : v;
      ei_store_s64(y, i, (int64_t)((uint64_t)v ^ flip));
    }
    return EDGE_STATUS_OK;
  }
  const double lo = low != NULL ? load(low, 0) : -(double)INFINITY,
               hi = high != NULL ? load(high, 0) : (double)INFINITY;
  const bool real = ei_is_quant_value(x);
  for (uint64_t i = 0; i < n; ++i) {
    double v = load(x, i);
    v = v < lo ? lo : v;
    v = v > hi ? hi : v;
    if (real)
      ei_store_real(y, i, (float)v);
    else
      ei_store_f64(y, i, v);
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_Clip = {
  .name = "Clip",
  .min_in = 1,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .flags = EI_OP_ELEMENTWISE,
  .optional_in = 6,
  .infer = infer,
  .eval = eval,
};
