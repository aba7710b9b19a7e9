/* SPDX-License-Identifier: Apache-2.0
 * 8-bit elementwise arithmetic and conversions. One rounding per operation, no fused multiply-add:
 *   add   y = zy + rint((a - za) * ra + (b - zb) * rb)          products and sum rounded to f32
 *   mul   y = zy + rint(((a - za) * (b - zb)) * ra)             product of differences exact
 *   quant y = zy + rint(f / scale), NaN gives stored 0;   dequant f = (a - za) * scale
 *   steps y = zy + rint(f * (steps per unit)), NaN gives lo: for parameters found at run time, without a division */
#ifndef EK_QELTWISE_H
#define EK_QELTWISE_H

#include "../ek.h"
#include <math.h>

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

/** n values to unsigned bytes: clamped to lo .. hi (0 .. 255), the zero point among them; ra: 1 / scale. */
typedef void (*ek_qelt_steps_fn)(const ek_qelt_args *p, size_t n, const float *x, uint8_t *y);

/** Parameters found at run time: x = (q - zero) * scale for bytes q. */
typedef struct ek_qelt_unit {
  float scale;
  int32_t zero;
} ek_qelt_unit;
/** For values from lo <= 0 to hi >= 0. symmetric: the zero point is 128, bytes are 1 .. 255. */
static inline ek_qelt_unit ek_qelt_unit_of(float lo, float hi, int symmetric) {
  ek_qelt_unit u = { 1.0f, 128 };
  if (symmetric) {
    const float most = hi > -lo ? hi : -lo;
    if (most > 0.0f) u.scale = most / 127.0f;
    return u;
  }
  if (hi > lo) u.scale = (hi - lo) / 255.0f;
  float z = rintf((0.0f - lo) * (1.0f / u.scale));
  z = z > 0.0f ? z : 0.0f;
  u.zero = (int32_t)(z < 255.0f ? z : 255.0f);
  return u;
}
/** rows of n values: range, parameters and steps of each row. */
typedef void (*ek_qelt_rows_fn)(size_t rows, size_t n, int symmetric, const float *x, ek_qelt_unit *units, uint8_t *y);

/** How int32 sums of a product become floats: (sum - zero * sums[i]) in int32 times scale * mult[i], plus bias[i], one
 *  rounding each, then clamped (NaN gives lo). zero: that of the row's unit, and shift. */
typedef struct ek_qelt_real_args {
  const ek_qelt_unit *units;
  size_t unit_step;         /* 0: the rows share a unit */
  const int32_t *sums;      /* of the weights, a column each */
  const float *mult, *bias; /* bias NULL: none */
  int32_t shift;
  float lo, hi;
} ek_qelt_real_args;
/** n sums in each row of y, ld values apart, become floats in place. */
typedef void (*ek_qelt_real_fn)(const ek_qelt_real_args *p, size_t rows, size_t n, void *y, size_t ld);

typedef struct ek_qelt_desc {
  ek_qelt_binary_fn add, mul;
  ek_qelt_quant_fn quant;
  ek_qelt_dequant_fn dequant;
  ek_qelt_scale_fn scale;
  ek_qelt_range_fn range;
  ek_qelt_steps_fn steps;
  ek_qelt_rows_fn rows;
  ek_qelt_real_fn real;
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
  void ek_range__##suffix(size_t, const float *, float *, float *);                                          \
  void ek_steps__##suffix(const ek_qelt_args *, size_t, const float *, uint8_t *);                           \
  void ek_rows__##suffix(size_t, size_t, int, const float *, ek_qelt_unit *, uint8_t *);                     \
  void ek_real__##suffix(const ek_qelt_real_args *, size_t, size_t, void *, size_t);
#include "qeltwise.def"
#undef EK_QELT

#endif
