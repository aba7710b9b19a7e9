/* SPDX-License-Identifier: Apache-2.0
 * 8-bit elementwise arithmetic and conversions. One rounding per operation, no fused multiply-add:
 *   add   y = zy + rint((a - za) * ra + (b - zb) * rb)          products and sum rounded to f32
 *   mul   y = zy + rint(((a - za) * (b - zb)) * ra)             product of differences exact
 *   quant y = zy + rint(f / scale), NaN gives stored 0;   dequant f = (a - za) * scale */
#ifndef EK_QELTWISE_H
#define EK_QELTWISE_H

#include "../ek.h"

typedef struct ek_qelt_args {
  uint32_t flip_a, flip_b; /* 0x80808080 for s8: q + 128 is what za, zb are given for */
  int32_t za, zb;
  float ra, rb;       /* |255 * ra| and |255 * rb| < 2^29 */
  int32_t zy, lo, hi; /* stored */
  uint32_t y_signed;
} ek_qelt_args;

/** n bytes; b_step 0: b is one value. */
typedef void (*ek_qelt_binary_fn)(const ek_qelt_args *p, size_t n, const uint8_t *a, const uint8_t *b, size_t b_step,
                                  uint8_t *y);
typedef void (*ek_qelt_quant_fn)(const ek_qelt_args *p, size_t n, const float *x, uint8_t *y);   /* ra: the scale */
typedef void (*ek_qelt_dequant_fn)(const ek_qelt_args *p, size_t n, const uint8_t *x, float *y); /* ra: the scale */

/** y[i] = (float)x[i] * mult[i * step] + add[i], one rounding each; add NULL: none; x and y may be the same memory. */
typedef void (*ek_qelt_scale_fn)(size_t n, const void *x, const float *mult, size_t step, const float *add, void *y);
/** Widens [*lo, *hi] to hold all values; NaN is passed over. */
typedef void (*ek_qelt_range_fn)(size_t n, const float *x, float *lo, float *hi);

typedef struct ek_qelt_desc {
  ek_qelt_binary_fn add, mul;
  ek_qelt_quant_fn quant;
  ek_qelt_dequant_fn dequant;
  ek_qelt_scale_fn scale;
  ek_qelt_range_fn range;
  const char *name;
  uint64_t isa;
  uint32_t block, flags;
} ek_qelt_desc;

const ek_qelt_desc *ek_qelt_select(uint64_t have);
const ek_qelt_desc *ek_qelt_at(uint32_t index);

#define EK_QELT(isa, suffix, block, flags)                                                                   \
  void ek_qadd__##suffix(const ek_qelt_args *, size_t, const uint8_t *, const uint8_t *, size_t, uint8_t *); \
  void ek_qmul__##suffix(const ek_qelt_args *, size_t, const uint8_t *, const uint8_t *, size_t, uint8_t *); \
  void ek_quant__##suffix(const ek_qelt_args *, size_t, const float *, uint8_t *);                           \
  void ek_dequant__##suffix(const ek_qelt_args *, size_t, const uint8_t *, float *);                         \
  void ek_qscale__##suffix(size_t, const void *, const float *, size_t, const float *, void *);              \
  void ek_range__##suffix(size_t, const float *, float *, float *);
#include "qeltwise.def"
#undef EK_QELT

#endif
