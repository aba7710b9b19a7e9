/* SPDX-License-Identifier: Apache-2.0
 * f32 reductions: selection. */
#include "reduce.h"

static const ek_reduce_f32_kernel *const table[] = {
#define EK_REDUCE_F32(isa, kernel) &kernel,
#include "reduce.def"
#undef EK_REDUCE_F32
};

const ek_reduce_f32_kernel *ek_reduce_f32_at(uint32_t i) {
  return i < EK_COUNT(table) ? table[i] : NULL;
}

const ek_reduce_f32_kernel *ek_reduce_f32_select(uint64_t have, uint32_t need) {
  for (size_t i = 0; i < EK_COUNT(table); ++i) {
    if ((table[i]->isa & ~have) == 0 && (table[i]->flags & need) == need) return table[i];
  }
  return NULL;
}
