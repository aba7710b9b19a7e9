/* SPDX-License-Identifier: Apache-2.0
 * Float formats: selection. */
#include "convert.h"

static const ek_convert_kernel *const table[] = {
#define EK_CONVERT(isa, kernel) &kernel,
#include "convert.def"
#undef EK_CONVERT
};

const ek_convert_kernel *ek_convert_at(uint32_t i) {
  return i < EK_COUNT(table) ? table[i] : NULL;
}

const ek_convert_kernel *ek_convert_select(uint64_t have, uint32_t need) {
  for (size_t i = 0; i < EK_COUNT(table); ++i) {
    if ((table[i]->isa & ~have) == 0 && (table[i]->flags & need) == need) return table[i];
  }
  return NULL;
}
