/* SPDX-License-Identifier: Apache-2.0
 * Vector words for AVX2 with FMA: 8 floats. See README.md. */
#ifndef EK_VEC_H
#define EK_VEC_H

#include "../ek.h"

#include <immintrin.h>

#define VF_LANES 8
#define VF_ISA avx2
typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vm;

#define VF_INLINE static inline __attribute__((always_inline, unused))

VF_INLINE __m256i vf_mask(size_t n) {
  static const int32_t table[16] = { -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0 };
  return _mm256_loadu_si256((const __m256i *)(const void *)(table + 8 - n));
}
VF_INLINE vf vf_load(const float *p) {
  return _mm256_loadu_ps(p);
}
/* f16 to f32 */
VF_INLINE vf vf_load_half(const uint16_t *p) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}
VF_INLINE void vf_store(float *p, vf v) {
  _mm256_storeu_ps(p, v);
}
VF_INLINE vf vf_load_n(const float *p, size_t n) {
  return _mm256_maskload_ps(p, vf_mask(n));
}
VF_INLINE void vf_store_n(float *p, vf v, size_t n) {
  _mm256_maskstore_ps(p, vf_mask(n), v);
}
/* bring the line of *p into L2 */
VF_INLINE void vf_fetch(const float *p) {
  _mm_prefetch((const char *)p, _MM_HINT_T1);
}
VF_INLINE vf vf_set1(float x) {
  return _mm256_set1_ps(x);
}
VF_INLINE vf vf_zero(void) {
  return _mm256_setzero_ps();
}
VF_INLINE vf vf_add(vf a, vf b) {
  return _mm256_add_ps(a, b);
}
VF_INLINE vf vf_sub(vf a, vf b) {
  return _mm256_sub_ps(a, b);
}
VF_INLINE vf vf_mul(vf a, vf b) {
  return _mm256_mul_ps(a, b);
}
VF_INLINE vf vf_div(vf a, vf b) {
  return _mm256_div_ps(a, b);
}
/* min and max return b when either is NaN: keep data in b to let NaN through */
VF_INLINE vf vf_min(vf a, vf b) {
  return _mm256_min_ps(a, b);
}
VF_INLINE vf vf_max(vf a, vf b) {
  return _mm256_max_ps(a, b);
}
/* the maximum so far, which is not NaN, stays when e is NaN */
VF_INLINE vf vf_max_number(vf m, vf e) {
  return _mm256_max_ps(e, m);
}
VF_INLINE vf vf_sqrt(vf a) {
  return _mm256_sqrt_ps(a);
}
VF_INLINE vf vf_abs(vf a) {
  return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
VF_INLINE vf vf_round(vf a) {
  return _mm256_round_ps(a, 8);
}
VF_INLINE vf vf_floor(vf a) {
  return _mm256_round_ps(a, 9);
}
VF_INLINE vf vf_ceil(vf a) {
  return _mm256_round_ps(a, 10);
}
/* c + a * b in one rounding; asm because gcc 12 copies accumulators around the intrinsic */
VF_INLINE vf vf_fma(vf c, vf a, vf b) {
  __asm__("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
  return c;
}
VF_INLINE vf vf_fma1(vf c, const float *a, vf b) {
  return vf_fma(c, _mm256_broadcast_ss(a), b);
}
VF_INLINE vf vf_madd(vf a, vf b, vf c) {
  return _mm256_fmadd_ps(a, b, c);
} /* a * b + c */
VF_INLINE vf vf_nmadd(vf a, vf b, vf c) {
  return _mm256_fnmadd_ps(a, b, c);
} /* c - a * b */
VF_INLINE vm vf_lt(vf a, vf b) {
  return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
VF_INLINE vm vf_le(vf a, vf b) {
  return _mm256_cmp_ps(a, b, _CMP_LE_OQ);
}
VF_INLINE vm vf_nan(vf a, vf b) {
  return _mm256_cmp_ps(a, b, _CMP_UNORD_Q);
}
VF_INLINE vf vf_select(vm m, vf yes, vf no) {
  return _mm256_blendv_ps(no, yes, m);
}
VF_INLINE vf vf_copysign(vf magnitude, vf sign) {
  const vf bit = _mm256_set1_ps(-0.0f);
  return _mm256_or_ps(_mm256_and_ps(bit, sign), _mm256_andnot_ps(bit, magnitude));
}
/* v * 2^n = exp(x), for v in [0.7, 1.5] and integral n; infinity where that is too large, 0 where it would be denormal:
 * arithmetic on denormal numbers takes a hundred cycles on many CPUs */
VF_INLINE vf vf_scale_exp(vf v, vf n, vf x) {
  const __m256i bits = _mm256_add_epi32(_mm256_castps_si256(v), _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23));
  const vf small = _mm256_cmp_ps(x, _mm256_set1_ps(-87.3365f), _CMP_LT_OQ);
  const vf large = _mm256_cmp_ps(x, _mm256_set1_ps(88.7228394f), _CMP_GE_OQ);
  return _mm256_blendv_ps(_mm256_andnot_ps(small, _mm256_castsi256_ps(bits)), _mm256_set1_ps(__builtin_inff()), large);
}
/* v = m * 2^e with m in [1, 2) for normal positive v */
VF_INLINE vf vf_exponent(vf v) {
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(_mm256_castps_si256(v), 23), _mm256_set1_epi32(127)));
}
VF_INLINE vf vf_mantissa(vf v) {
  return _mm256_or_ps(_mm256_and_ps(v, _mm256_castsi256_ps(_mm256_set1_epi32(0x007fffff))), _mm256_set1_ps(1.0f));
}
VF_INLINE float vf_sum(vf v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
VF_INLINE float vf_hmax(vf v) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

#endif
