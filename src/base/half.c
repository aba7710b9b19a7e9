/* SPDX-License-Identifier: Apache-2.0
 * Scalar conversions between f32, f16 and bf16 by integer arithmetic: the same bits on every machine. */
#include "base.h"

static uint32_t bits_of(float value) {
  uint32_t u;
  memcpy(&u, &value, sizeof(u));
  return u;
}

static float float_of(uint32_t u) {
  float value;
  memcpy(&value, &u, sizeof(value));
  return value;
}

float ei_f16_to_f32(uint16_t bits) {
  const uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 31u;
  uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 31) { /* infinity; NaN keeps its payload and becomes quiet */
    return float_of(sign | 0x7f800000u | mantissa << 13 | (mantissa != 0 ? 0x400000u : 0));
  }
  if (exponent != 0) return float_of(sign | (exponent + 112u) << 23 | mantissa << 13);
  if (mantissa == 0) return float_of(sign);
  uint32_t e = 113; /* a subnormal half is a normal float: move the leading one to its place */
  while ((mantissa & 0x400u) == 0) {
    mantissa <<= 1;
    --e;
  }
  return float_of(sign | e << 23 | (mantissa & 0x3ffu) << 13);
}

/* x / 2^shift, rounded to nearest even; shift 1..31. */
static uint32_t shift_round(uint32_t x, uint32_t shift) {
  const uint32_t rest = x & ((1u << shift) - 1);
  const uint32_t half = 1u << (shift - 1);
  x >>= shift;
  return x + (rest > half || (rest == half && (x & 1u) != 0) ? 1u : 0u);
}

uint16_t ei_f32_to_f16(float value) {
  const uint32_t u = bits_of(value);
  const uint32_t sign = (u >> 16) & 0x8000u;
  const uint32_t magnitude = u & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and above round to infinity */
  if (magnitude >= 0x38800000u) {                                  /* normal: a carry moves into the exponent */
    return (uint16_t)(sign | shift_round(magnitude - 0x38000000u, 13));
  }
  if (magnitude < 0x33000000u) return (uint16_t)sign; /* below half of the smallest subnormal */
  const uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  return (uint16_t)(sign | shift_round(mantissa, 126u - (magnitude >> 23)));
}

float ei_bf16_to_f32(uint16_t bits) {
  return float_of((uint32_t)bits << 16);
}

uint16_t ei_f32_to_bf16(float value) {
  const uint32_t u = bits_of(value);
  if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((u >> 16) | 0x40u);
  return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}
