/* SPDX-License-Identifier: Apache-2.0
 * Vector words for AArch64 NEON: 4 floats. See README.md. */
#ifndef EK_VEC_H
#define EK_VEC_H

#include "../ek.h"

#include <arm_neon.h>

#define VF_LANES 4
#define VF_ISA neon
typedef float32x4_t vf;
typedef int32x4_t vi;
typedef uint32x4_t vm;

#define VF_INLINE static inline __attribute__((always_inline, unused))

VF_INLINE vf vf_load(const float *p) {
  return vld1q_f32(p);
}
/* f16 to f32 */
VF_INLINE vf vf_load_half(const uint16_t *p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
VF_INLINE void vf_store(float *p, vf v) {
  vst1q_f32(p, v);
}
VF_INLINE vf vf_load_n(const float *p, size_t n) {
  float t[4] = { 0.0f, 0.0f, 0.0f, 0.0f };
  for (size_t i = 0; i < n; ++i) t[i] = p[i];
  return vld1q_f32(t);
}
VF_INLINE void vf_store_n(float *p, vf v, size_t n) {
  float t[4];
  vst1q_f32(t, v);
  for (size_t i = 0; i < n; ++i) p[i] = t[i];
}
/* bring the line of *p into L2 */
VF_INLINE void vf_fetch(const float *p) {
  __builtin_prefetch(p, 0, 2);
}
VF_INLINE vf vf_set1(float x) {
  return vdupq_n_f32(x);
}
VF_INLINE vf vf_zero(void) {
  return vdupq_n_f32(0.0f);
}
VF_INLINE vf vf_add(vf a, vf b) {
  return vaddq_f32(a, b);
}
VF_INLINE vf vf_sub(vf a, vf b) {
  return vsubq_f32(a, b);
}
VF_INLINE vf vf_mul(vf a, vf b) {
  return vmulq_f32(a, b);
}
VF_INLINE vf vf_div(vf a, vf b) {
  return vdivq_f32(a, b);
}
/* NaN in either operand gives NaN */
VF_INLINE vf vf_min(vf a, vf b) {
  return vminq_f32(a, b);
}
VF_INLINE vf vf_max(vf a, vf b) {
  return vmaxq_f32(a, b);
}
/* the maximum so far, which is not NaN, stays when e is NaN */
VF_INLINE vf vf_max_number(vf m, vf e) {
  return vmaxnmq_f32(e, m);
}
VF_INLINE vf vf_sqrt(vf a) {
  return vsqrtq_f32(a);
}
VF_INLINE vf vf_abs(vf a) {
  return vabsq_f32(a);
}
VF_INLINE vf vf_round(vf a) {
  return vrndnq_f32(a);
}
VF_INLINE vf vf_floor(vf a) {
  return vrndmq_f32(a);
}
VF_INLINE vf vf_ceil(vf a) {
  return vrndpq_f32(a);
}
/* c + a * b in one rounding */
VF_INLINE vf vf_fma(vf c, vf a, vf b) {
  return vfmaq_f32(c, a, b);
}
VF_INLINE vf vf_fma1(vf c, const float *a, vf b) {
  return vfmaq_n_f32(c, b, *a);
}
VF_INLINE vf vf_madd(vf a, vf b, vf c) {
  return vfmaq_f32(c, a, b);
} /* a * b + c */
VF_INLINE vf vf_nmadd(vf a, vf b, vf c) {
  return vfmsq_f32(c, a, b);
} /* c - a * b */
VF_INLINE vm vf_lt(vf a, vf b) {
  return vcltq_f32(a, b);
}
VF_INLINE vm vf_le(vf a, vf b) {
  return vcleq_f32(a, b);
}
VF_INLINE vm vf_nan(vf a, vf b) {
  return vmvnq_u32(vandq_u32(vceqq_f32(a, a), vceqq_f32(b, b)));
}
VF_INLINE vf vf_select(vm m, vf yes, vf no) {
  return vbslq_f32(m, yes, no);
}
VF_INLINE vf vf_copysign(vf magnitude, vf sign) {
  return vbslq_f32(vdupq_n_u32(0x80000000u), sign, magnitude);
}
/* v * 2^n = exp(x), for v in [0.7, 1.5] and integral n; infinity where that is too large, 0 where it would be denormal
 */
VF_INLINE vf vf_scale_exp(vf v, vf n, vf x) {
  const int32x4_t bits = vaddq_s32(vreinterpretq_s32_f32(v), vshlq_n_s32(vcvtnq_s32_f32(n), 23));
  const vm small = vcltq_f32(x, vdupq_n_f32(-87.3365f)), large = vcgeq_f32(x, vdupq_n_f32(88.7228394f));
  const vf normal = vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_s32(bits), small));
  return vbslq_f32(large, vdupq_n_f32(__builtin_inff()), normal);
}
/* v = m * 2^e with m in [1, 2) for normal positive v */
VF_INLINE vf vf_exponent(vf v) {
  return vcvtq_f32_s32(vsubq_s32(vshrq_n_s32(vreinterpretq_s32_f32(v), 23), vdupq_n_s32(127)));
}
VF_INLINE vf vf_mantissa(vf v) {
  const uint32x4_t bits = vandq_u32(vreinterpretq_u32_f32(v), vdupq_n_u32(0x007fffffu));
  return vreinterpretq_f32_u32(vorrq_u32(bits, vdupq_n_u32(0x3f800000u)));
}
VF_INLINE float vf_sum(vf v) {
  return vaddvq_f32(v);
}
VF_INLINE float vf_hmax(vf v) {
  return vmaxvq_f32(v);
}

#endif
