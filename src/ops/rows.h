/* SPDX-License-Identifier: Apache-2.0
 * A tensor seen as rows along one axis: element k of row r is at base(r) + k * inner. */
#ifndef EI_OPS_ROWS_H
#define EI_OPS_ROWS_H

#include "op.h"

typedef struct ei_rows {
  uint64_t outer, size, inner;
} ei_rows;

/** Split t (known shape) at `axis`; flatten: the row holds all dimensions from the axis on. A scalar is one row of
 *  one. */
static inline edge_status ei_rows_split(ei_op_ctx *c, const edge_tensor *t, int64_t axis, bool flatten, ei_rows *r) {
  int32_t at = 0;
  r->outer = r->size = r->inner = 1;
  if (t->rank == 0) return EDGE_STATUS_OK;
  EI_TRY(ei_op_axis(c, axis, t->rank, &at));
  for (int32_t i = 0; i < t->rank; ++i) {
    const uint64_t d = (uint64_t)t->dims[i];
    if (i < at)
      r->outer *= d;
    else if (i == at || flatten)
      r->size *= d;
    else
      r->inner *= d;
  }
  return EDGE_STATUS_OK;
}
static inline uint64_t ei_rows_base(const ei_rows *r, uint64_t row) {
  return row / r->inner * r->size * r->inner + row % r->inner;
}
/** The real value of an element in f64, and storing one with a single rounding. */
static inline double ei_real(const edge_tensor *t, uint64_t i) {
  if (t->dtype == EDGE_DTYPE_F32) return (double)((const float *)t->data)[i];
  return ei_is_quantized(t) ? (double)ei_load_real(t, i) : ei_load_f64(t, i);
}
static inline void ei_set_real(const edge_tensor *t, uint64_t i, double v) {
  if (t->dtype == EDGE_DTYPE_F32)
    ((float *)t->data)[i] = (float)v;
  else if (ei_is_quantized(t))
    ei_store_real(t, i, (float)v);
  else
    ei_store_f64(t, i, v);
}

#endif
