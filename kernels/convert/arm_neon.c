/* SPDX-License-Identifier: Apache-2.0
 * Float formats with NEON; bf16 stays with the plain loops, which the compiler vectorises. */
#include "convert.h"

#include <arm_neon.h>
#include <string.h>

static void f16_to_f32(size_t n, const void *x, void *y) {
  const uint16_t *from = x;
  float *to = y;
  for (; n >= 4; n -= 4, from += 4, to += 4) vst1q_f32(to, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from))));
  if (n > 0) {
    uint16_t in[4] = { 0 };
    float out[4];
    memcpy(in, from, n * sizeof *in);
    vst1q_f32(out, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(in))));
    memcpy(to, out, n * sizeof *out);
  }
}

static void f32_to_f16(size_t n, const void *x, void *y) {
  const float *from = x;
  uint16_t *to = y;
  for (; n >= 4; n -= 4, from += 4, to += 4) vst1_u16(to, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(from))));
  if (n > 0) {
    float in[4] = { 0 };
    uint16_t out[4];
    memcpy(in, from, n * sizeof *in);
    vst1_u16(out, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(in))));
    memcpy(to, out, n * sizeof *out);
  }
}

static void bf16_to_f32(size_t n, const void *x, void *y) {
  const uint16_t *const from = x;
  uint32_t *const to = y;
  for (size_t i = 0; i < n; ++i) to[i] = (uint32_t)from[i] << 16;
}

static void f32_to_bf16(size_t n, const void *x, void *y) {
  const uint32_t *const from = x;
  uint16_t *const to = y;
  for (size_t i = 0; i < n; ++i) {
    const uint32_t u = from[i];
    to[i] = (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? u >> 16 | 0x40u : (u + 0x7fffu + (u >> 16 & 1u)) >> 16);
  }
}

const ek_convert_kernel ek_convert_u4__neon = {
  .name = "convert_u4__neon",
  .isa = EK_NEON,
  .flags = EK_EXACT,
  .f16_to_f32 = f16_to_f32,
  .f32_to_f16 = f32_to_f16,
  .bf16_to_f32 = bf16_to_f32,
  .f32_to_bf16 = f32_to_bf16,
};
