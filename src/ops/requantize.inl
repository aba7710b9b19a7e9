/* SPDX-License-Identifier: Apache-2.0
 * One rounding, f32: identical to cvtdq2ps, mulps, cvtps2dq on x86 and scvtf, fmul, fcvtns on Arm. */
#include <math.h>
static inline int32_t ei_requantize(int32_t acc, float multiplier, int32_t zero_point, int32_t lo, int32_t hi) {
  float v = rintf((float)acc * multiplier);
  if (!(v > -1e9f)) v = -1e9f; /* far outside every quantized range, NaN too: keeps the conversion defined */
  if (v > 1e9f) v = 1e9f;
  const int64_t q = (int64_t)v + zero_point;
  return (int32_t)(q < lo ? lo : q > hi ? hi : q);
}
