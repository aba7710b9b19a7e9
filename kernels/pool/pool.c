/* SPDX-License-Identifier: Apache-2.0
 * f32 pools: selection. */
#include "pool.h"

static const ek_pool_f32_kernel *const table[] = {
#define EK_POOL_F32(isa, kernel) &kernel,
#include "pool.def"
#undef EK_POOL_F32
};

const ek_pool_f32_kernel *ek_pool_f32_at(uint32_t i) {
  return i < EK_COUNT(table) ? table[i] : NULL;
}

const ek_pool_f32_kernel *ek_pool_f32_select(uint64_t have, uint32_t need) {
  for (size_t i = 0; i < EK_COUNT(table); ++i) {
    if ((table[i]->isa & ~have) == 0 && (table[i]->flags & need) == need) return table[i];
  }
  return NULL;
}
