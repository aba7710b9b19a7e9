/* SPDX-License-Identifier: Apache-2.0
 * Float formats in plain C on bits. */
#include "convert.h"

#include <string.h>

static float from_bits(uint32_t u) {
  float f;
  memcpy(&f, &u, sizeof f);
  return f;
}
static uint32_t to_bits(float f) {
  uint32_t u;
  memcpy(&u, &f, sizeof u);
  return u;
}

static float f16_value(uint16_t h) {
  const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 31u, mantissa = h & 0x3ffu;
  if (exponent == 31) return from_bits(sign | 0x7f800000u | mantissa << 13 | (mantissa ? 0x400000u : 0u));
  if (exponent != 0) return from_bits(sign | (exponent + 112u) << 23 | mantissa << 13);
  const float small = (float)mantissa * 0x1p-24f;
  return sign ? -small : small;
}

static uint16_t f16_bits(float f) {
  const uint32_t u = to_bits(f), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
  if (a > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (a >> 13 & 0x1ffu));
  if (a >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* rounds to 2^16 or more */
  if (a < 0x38800000u) {                                   /* below the normal numbers: units of 2^-24 */
    const float scaled = from_bits(a) * 0x1p24f;
    uint32_t whole = (uint32_t)scaled;
    const float rest = scaled - (float)whole;
    if (rest > 0.5f || (rest == 0.5f && (whole & 1u))) ++whole;
    return (uint16_t)(sign | whole);
  }
  const uint32_t rounded = a + 0xfffu + (a >> 13 & 1u);
  return (uint16_t)(sign | (rounded - 0x38000000u) >> 13);
}

static uint16_t bf16_bits(float f) {
  const uint32_t u = to_bits(f);
  if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40u);
  return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

#define CONVERT(name, from, to, expression)                 \
  static void name(size_t n, const void *x, void *y) {      \
    for (size_t i = 0; i < n; ++i) {                        \
      from v;                                               \
      memcpy(&v, (const char *)x + i * sizeof v, sizeof v); \
      const to r = expression;                              \
      memcpy((char *)y + i * sizeof r, &r, sizeof r);       \
    }                                                       \
  }
CONVERT(f16_to_f32, uint16_t, float, f16_value(v))
CONVERT(f32_to_f16, float, uint16_t, f16_bits(v))
CONVERT(bf16_to_f32, uint16_t, float, from_bits((uint32_t)v << 16))
CONVERT(f32_to_bf16, float, uint16_t, bf16_bits(v))

const ek_convert_kernel ek_convert__ref = {
  .name = "convert__ref",
  .isa = 0,
  .flags = EK_EXACT,
  .f16_to_f32 = f16_to_f32,
  .f32_to_f16 = f32_to_f16,
  .bf16_to_f32 = bf16_to_f32,
  .f32_to_bf16 = f32_to_bf16,
};
