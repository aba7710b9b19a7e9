/* SPDX-License-Identifier: Apache-2.0
 * f16 and bf16 to f32 (exact) and back (to nearest, ties to even; NaN stays NaN). All rows give the same bits for
 * numbers. */
#ifndef EK_CONVERT_H
#define EK_CONVERT_H

#include "../ek.h"

typedef void (*ek_convert_fn)(size_t n, const void *x, void *y);

typedef struct ek_convert_kernel {
  const char *name;
  uint64_t isa;
  uint32_t flags;
  ek_convert_fn f16_to_f32, f32_to_f16, bf16_to_f32, f32_to_bf16;
} ek_convert_kernel;

#define EK_CONVERT(isa, kernel) extern const ek_convert_kernel kernel;
#include "convert.def"
#undef EK_CONVERT

const ek_convert_kernel *ek_convert_select(uint64_t have, uint32_t need);
const ek_convert_kernel *ek_convert_at(uint32_t i); /* NULL beyond the last row */

#endif
