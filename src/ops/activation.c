/* SPDX-License-Identifier: Apache-2.0
 * Fused activations: one definition for references, in f64 (rounded once when stored). */
#include "activation.h"

edge_status ei_act_read(ei_op_ctx *c, ei_act *act) {
  const int64_t kind = ei_op_int(c, "act");
  if (kind < EI_ACT_NONE || kind > EI_ACT_SWISH)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "activation %lld is unknown", (long long)kind);
  act->kind = (int32_t)kind;
  act->lo = -(double)INFINITY;
  act->hi = (double)INFINITY;
  if (kind == EI_ACT_RELU || kind == EI_ACT_RELU6) act->lo = 0.0;
  if (kind == EI_ACT_RELU6) act->hi = 6.0;
  if (kind == EI_ACT_CLIP1) {
    act->lo = -1.0;
    act->hi = 1.0;
  }
  if (kind == EI_ACT_CLIP) {
    act->lo = (double)(float)ei_op_float(c, "act_lo");
    act->hi = (double)(float)ei_op_float(c, "act_hi");
    if (!(act->lo <= act->hi))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the activation's range is empty: act_lo must be <= act_hi");
  }
  return EDGE_STATUS_OK;
}

double ei_act_apply(const ei_act *act, double v) {
  switch (act->kind) {
  case EI_ACT_NONE: return v;
  case EI_ACT_TANH: return tanh(v);
  case EI_ACT_HARD_SWISH: return v * fmin(fmax(v / 6.0 + 0.5, 0.0), 1.0);
  case EI_ACT_SIGMOID: return 1.0 / (1.0 + exp(-v));
  case EI_ACT_SWISH: return v / (1.0 + exp(-v));
  default: return v < act->lo ? act->lo : v > act->hi ? act->hi : v; /* NaN stays */
  }
}

void ei_act_range(const ei_act *act, const edge_tensor *y, int32_t *lo, int32_t *hi) {
  double type_lo, type_hi;
  if (!ei_dtype_range(y->dtype, &type_lo, &type_hi) || type_lo < -2147483648.0 || type_hi > 2147483647.0) {
    type_lo = -2147483648.0;
    type_hi = 2147483647.0;
  }
  double l = type_lo, h = type_hi;
  if (ei_act_clamps(act)) {
    const double s = (double)ei_quant_scale(y), z = (double)ei_quant_zero(y);
    const double ql = z + rint(act->lo / s), qh = z + rint(act->hi / s);
    if (ql > l) l = ql < type_hi ? ql : type_hi;
    if (qh < h) h = qh > type_lo ? qh : type_lo;
  }
  *lo = (int32_t)l;
  *hi = (int32_t)h;
}
