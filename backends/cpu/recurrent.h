/* SPDX-License-Identifier: Apache-2.0
 * What the lowerings of recurrent operators share. */
#ifndef EB_CPU_RECURRENT_H
#define EB_CPU_RECURRENT_H

#include "cpu.h"

/* from NULL: zeros; to NULL: nobody wants it */
static inline void state_copy(float *to, const float *from, size_t n) {
  if (to == NULL) return;
  if (from) {
    memcpy(to, from, n * sizeof *to);
  } else {
    memset(to, 0, n * sizeof *to);
  }
}

static inline bool is_f32_of(const eb_cpu_plan *plan, uint32_t value, uint64_t elements, bool constant) {
  const edge_tensor *const t = eb_cpu_tensor(plan, value);
  return t->dtype == EDGE_DTYPE_F32 && eb_cpu_elements(t) == elements && (!constant || eb_cpu_is_const(plan, value));
}

static inline void slot_if(eb_cpu_plan *plan, void *field, uint32_t value) {
  if (value != EDGE_NO_VALUE) eb_cpu_slot(plan, field, eb_cpu_value(plan, value));
}

#endif
