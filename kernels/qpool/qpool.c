/* SPDX-License-Identifier: Apache-2.0
 * Selection of 8-bit pooling kernels. */
#include "qpool.h"

static const ek_qpool_desc table[] = {
#define EK_QPOOL(isa, suffix, flags) \
  { ek_qmaxpool__##suffix,           \
    ek_qmeanpool__##suffix,          \
    ek_qsum__##suffix,               \
    ek_qmean__##suffix,              \
    "ek_qpool__" #suffix,            \
    isa,                             \
    flags },
#include "qpool.def"
#undef EK_QPOOL
};

const ek_qpool_desc *ek_qpool_select(uint64_t have) {
  size_t i = 0;
  while ((table[i].isa & ~have) != 0) ++i;
  return &table[i];
}

const ek_qpool_desc *ek_qpool_at(uint32_t index) {
  return index < EK_COUNT(table) ? &table[index] : NULL;
}
