/* SPDX-License-Identifier: Apache-2.0
 * f32 max and average pools, channels last. Max is exact; averages sum in f32 in window order and divide once:
 * the same bits as the reference. */
#ifndef EK_POOL_H
#define EK_POOL_H

#include "../ek.h"

typedef struct ek_pool_f32_args {
  size_t batch, ih, iw, oh, ow, c;
  size_t kh, kw, sh, sw, dh, dw;
  ptrdiff_t pad_top, pad_left;
  uint32_t average;      /* 0: maximum */
  uint32_t whole_window; /* averages divide by kh * kw instead of by what lies inside */
  const float *x;
  float *y;
  float lo, hi;
} ek_pool_f32_args;
/** Output pixels [p0, p1) of batch * oh * ow. */
typedef void (*ek_pool_f32_fn)(const ek_pool_f32_args *args, size_t p0, size_t p1);

typedef struct ek_pool_f32_kernel {
  const char *name;
  uint64_t isa;
  uint32_t lanes;
  uint32_t flags;
  ek_pool_f32_fn fn;
} ek_pool_f32_kernel;

#define EK_POOL_F32(isa, kernel) extern const ek_pool_f32_kernel kernel;
#include "pool.def"
#undef EK_POOL_F32

const ek_pool_f32_kernel *ek_pool_f32_select(uint64_t have, uint32_t need);
const ek_pool_f32_kernel *ek_pool_f32_at(uint32_t i); /* NULL beyond the last row */

#endif
