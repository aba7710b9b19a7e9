/* SPDX-License-Identifier: Apache-2.0
 * A 256-entry byte table: any unary function of an 8-bit value. */
#ifndef EK_QLUT_H
#define EK_QLUT_H

#include "../ek.h"

/** y[i] = table[x[i]]; x and y may be the same. */
typedef void (*ek_qlut_fn)(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y);

typedef struct ek_qlut_desc {
  ek_qlut_fn fn;
  const char *name;
  uint64_t isa;
  uint32_t flags;
} ek_qlut_desc;

const ek_qlut_desc *ek_qlut_select(uint64_t have);
const ek_qlut_desc *ek_qlut_at(uint32_t index);

#define EK_QLUT(isa, name, flags) void name(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y);
#include "qlut.def"
#undef EK_QLUT

#endif
