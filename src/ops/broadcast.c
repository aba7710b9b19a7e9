/* SPDX-License-Identifier: Apache-2.0
 * Walks broadcast operands row by row. */
#include "broadcast.h"

static void merge(ei_bcast *w) {
  for (int32_t d = w->rank - 2; d >= 0; --d) { /* merge d + 1 into d where every operand allows it */
    bool fits = true;
    for (uint32_t k = 0; k < w->n; ++k) fits = fits && w->stride[k][d] == w->stride[k][d + 1] * w->dims[d + 1];
    if (!fits) continue;
    w->dims[d] *= w->dims[d + 1];
    for (uint32_t k = 0; k < w->n; ++k) w->stride[k][d] = w->stride[k][d + 1];
    for (int32_t e = d + 1; e + 1 < w->rank; ++e) {
      w->dims[e] = w->dims[e + 1];
      for (uint32_t k = 0; k < w->n; ++k) w->stride[k][e] = w->stride[k][e + 1];
    }
    --w->rank;
  }
}

void ei_bcast_start(ei_bcast *w, const edge_tensor *out, const edge_tensor *const *operands, uint32_t n) {
  memset(w, 0, sizeof *w);
  w->n = n;
  w->more = ei_op_elements(out) > 0;
  if (!w->more) return;
  for (int32_t d = 0; d < out->rank; ++d) { /* dimensions of 1 do not count */
    if (out->dims[d] == 1) continue;
    w->dims[w->rank] = out->dims[d];
    for (uint32_t k = 0; k < n; ++k) {
      const edge_tensor *const t = operands[k];
      const int32_t i = d - (out->rank - t->rank);
      int64_t stride = 0;
      if (i >= 0 && t->dims[i] != 1) {
        stride = 1;
        for (int32_t j = i + 1; j < t->rank; ++j) stride *= t->dims[j];
      }
      w->stride[k][w->rank] = stride;
    }
    ++w->rank;
  }
  if (w->rank == 0) w->dims[w->rank++] = 1;
  merge(w);
  w->row = (uint64_t)w->dims[w->rank - 1];
  for (uint32_t k = 0; k < n; ++k) w->step[k] = (uint64_t)w->stride[k][w->rank - 1];
}

void ei_bcast_next(ei_bcast *w) {
  w->out += w->row;
  for (int32_t d = w->rank - 2; d >= 0; --d) {
    for (uint32_t k = 0; k < w->n; ++k) w->at[k] += (uint64_t)w->stride[k][d];
    if (++w->index[d] < w->dims[d]) return;
    w->index[d] = 0;
    for (uint32_t k = 0; k < w->n; ++k) w->at[k] -= (uint64_t)(w->stride[k][d] * w->dims[d]);
  }
  w->more = false;
}
