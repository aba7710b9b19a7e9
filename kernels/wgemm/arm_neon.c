/* SPDX-License-Identifier: Apache-2.0
 * f32 products with small weights: NEON. */
#include "wgemm.h"

#include <arm_neon.h>

#define LANES 4
typedef float32x4_t f32v;
typedef uint32x4_t wordv;
#define f32v_zero() vdupq_n_f32(0.0f)
#define f32v_load(p) vld1q_f32(p)
#define f32v_store(p, v) vst1q_f32(p, v)
#define f32v_one(x) vdupq_n_f32(x)
#define f32v_fma(a, b, c) vfmaq_f32(c, a, b)
#define f32v_add(a, b) vaddq_f32(a, b)
#define f32v_sub(a, b) vsubq_f32(a, b)
#define f32v_mul(a, b) vmulq_f32(a, b)
#define wordv_load(p) vld1q_u32(p)

static inline f32v zeros_load(const int8_t *p) {
  uint32_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(four)))));
}

static inline __attribute__((always_inline)) f32v wordv_value(wordv w, const int i, const int bits) {
  const int32x4_t v = vreinterpretq_s32_u32(vshlq_u32(w, vdupq_n_s32(32 - (i + 1) * bits)));
  return vcvtq_f32_s32(vshlq_s32(v, vdupq_n_s32(bits - 32)));
}

#include "body.inl"

const ek_wgemm_kernel ek_wgemm_4__neon = {
  .name = "wgemm_4__neon", .isa = EK_NEON, .lanes = LANES, .decode = decode, .line = line
};
