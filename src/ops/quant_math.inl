/* SPDX-License-Identifier: Apache-2.0
 * Quantized addition and multiplication, the arithmetic that kernels mirror: f32, one rounding per operation
 * (no fused multiply-add), ties to even. */
#include <math.h>
#include <stdint.h>

static inline int32_t ei_quant_clamp(float real_steps, int32_t zero_point, int32_t lo, int32_t hi) {
  float v = rintf(real_steps);
  if (!(v > -1e9f)) v = -1e9f; /* far outside every range, NaN too: keeps the conversion defined */
  if (v > 1e9f) v = 1e9f;
  const int64_t q = (int64_t)v + zero_point;
  return (int32_t)(q < lo ? lo : q > hi ? hi : q);
}

/* zy + rint((qa - za) * ra + (qb - zb) * rb) with ra = sa / sy, rb = sb / sy (-sb / sy subtracts) */
static inline int32_t ei_quant_add(int32_t a, float ra, int32_t b, float rb, int32_t zy, int32_t lo, int32_t hi) {
  const float pa = (float)a * ra, pb = (float)b * rb;
  return ei_quant_clamp(pa + pb, zy, lo, hi);
}

/* zy + rint((qa - za) * (qb - zb) * r) with r = sa * sb / sy; the product of differences is exact in 32 bits
 * for 8-bit types and rounded once to f32 for wider ones */
static inline int32_t ei_quant_mul(int32_t a, int32_t b, float r, int32_t zy, int32_t lo, int32_t hi) {
  return ei_quant_clamp((float)((int64_t)a * b) * r, zy, lo, hi);
}
