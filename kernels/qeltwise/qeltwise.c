/* SPDX-License-Identifier: Apache-2.0
 * Selection of 8-bit elementwise kernels. */
#include "qeltwise.h"

static const ek_qelt_desc table[] = {
#define EK_QELT(isa, suffix, block, flags) \
  { ek_qadd__##suffix,                     \
    ek_qmul__##suffix,                     \
    ek_quant__##suffix,                    \
    ek_dequant__##suffix,                  \
    ek_qscale__##suffix,                   \
    ek_range__##suffix,                    \
    ek_steps__##suffix,                    \
    ek_rows__##suffix,                     \
    ek_real__##suffix,                     \
    "ek_qelt__" #suffix,                   \
    isa,                                   \
    block,                                 \
    flags },
#include "qeltwise.def"
#undef EK_QELT
};

const ek_qelt_desc *ek_qelt_select(uint64_t have) {
  size_t i = 0;
  while ((table[i].isa & ~have) != 0) ++i;
  return &table[i];
}

const ek_qelt_desc *ek_qelt_at(uint32_t index) {
  return index < EK_COUNT(table) ? &table[index] : NULL;
}
