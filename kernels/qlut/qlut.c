/* SPDX-License-Identifier: Apache-2.0
 * Selection of table kernels. */
#include "qlut.h"

static const ek_qlut_desc table_of_rows[] = {
#define EK_QLUT(isa, fn, flags) { fn, #fn, isa, flags },
#include "qlut.def"
#undef EK_QLUT
};

const ek_qlut_desc *ek_qlut_select(uint64_t have) {
  size_t i = 0;
  while ((table_of_rows[i].isa & ~have) != 0) ++i;
  return &table_of_rows[i];
}

const ek_qlut_desc *ek_qlut_at(uint32_t index) {
  return index < EK_COUNT(table_of_rows) ? &table_of_rows[index] : NULL;
}
