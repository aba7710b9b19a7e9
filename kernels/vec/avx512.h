/* SPDX-License-Identifier: Apache-2.0
 * Vector words for AVX-512 (F, BW, DQ, VL): 16 floats. See README.md. */
#ifndef EK_VEC_H
#define EK_VEC_H

#include "../ek.h"

#include <immintrin.h>

#define VF_LANES 16
#define VF_ISA avx512
typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;

#define VF_INLINE static inline __attribute__((always_inline, unused))
#define VF_MASK(n) ((__mmask16)((1u << (n)) - 1u))

VF_INLINE vf vf_load(const float *p) {
  return _mm512_loadu_ps(p);
}
/* f16 to f32 */
VF_INLINE vf vf_load_half(const uint16_t *p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
VF_INLINE void vf_store(float *p, vf v) {
  _mm512_storeu_ps(p, v);
}
VF_INLINE vf vf_load_n(const float *p, size_t n) {
  return _mm512_maskz_loadu_ps(VF_MASK(n), p);
}
VF_INLINE void vf_store_n(float *p, vf v, size_t n) {
  _mm512_mask_storeu_ps(p, VF_MASK(n), v);
}
/* bring the line of *p into L2 */
VF_INLINE void vf_fetch(const float *p) {
  _mm_prefetch((const char *)p, _MM_HINT_T1);
}
VF_INLINE vf vf_set1(float x) {
  return _mm512_set1_ps(x);
}
VF_INLINE vf vf_zero(void) {
  return _mm512_setzero_ps();
}
VF_INLINE vf vf_add(vf a, vf b) {
  return _mm512_add_ps(a, b);
}
VF_INLINE vf vf_sub(vf a, vf b) {
  return _mm512_sub_ps(a, b);
}
VF_INLINE vf vf_mul(vf a, vf b) {
  return _mm512_mul_ps(a, b);
}
VF_INLINE vf vf_div(vf a, vf b) {
  return _mm512_div_ps(a, b);
}
/* min and max return b when either is NaN: keep data in b to let NaN through */
VF_INLINE vf vf_min(vf a, vf b) {
  return _mm512_min_ps(a, b);
}
VF_INLINE vf vf_max(vf a, vf b) {
  return _mm512_max_ps(a, b);
}
/* the maximum so far, which is not NaN, stays when e is NaN */
VF_INLINE vf vf_max_number(vf m, vf e) {
  return _mm512_max_ps(e, m);
}
VF_INLINE vf vf_sqrt(vf a) {
  return _mm512_sqrt_ps(a);
}
VF_INLINE vf vf_abs(vf a) {
  return _mm512_abs_ps(a);
}
VF_INLINE vf vf_round(vf a) {
  return _mm512_roundscale_ps(a, 8);
}
VF_INLINE vf vf_floor(vf a) {
  return _mm512_roundscale_ps(a, 9);
}
VF_INLINE vf vf_ceil(vf a) {
  return _mm512_roundscale_ps(a, 10);
}
/* c + a * b in one rounding; asm because gcc 12 copies accumulators around the intrinsic */
VF_INLINE vf vf_fma(vf c, vf a, vf b) {
  __asm__("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
  return c;
}
/* c + *a * b with the scalar broadcast from memory */
VF_INLINE vf vf_fma1(vf c, const float *a, vf b) {
  __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(c) : "v"(b), "m"(*a));
  return c;
}
VF_INLINE vf vf_madd(vf a, vf b, vf c) {
  return _mm512_fmadd_ps(a, b, c);
} /* a * b + c */
VF_INLINE vf vf_nmadd(vf a, vf b, vf c) {
  return _mm512_fnmadd_ps(a, b, c);
} /* c - a * b */
VF_INLINE vm vf_lt(vf a, vf b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
VF_INLINE vm vf_le(vf a, vf b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}
VF_INLINE vm vf_nan(vf a, vf b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q);
}
VF_INLINE vf vf_select(vm m, vf yes, vf no) {
  return _mm512_mask_blend_ps(m, no, yes);
}
VF_INLINE vf vf_copysign(vf magnitude, vf sign) {
  return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_set1_epi32(INT32_MIN), _mm512_castps_si512(sign),
                                                       _mm512_castps_si512(magnitude), 0xca));
}
/* v * 2^n = exp(x), for v in [0.7, 1.5] and integral n; infinity where that is too large, 0 or denormal where too small
 */
VF_INLINE vf vf_scale_exp(vf v, vf n, vf x) {
  (void)x;
  return _mm512_scalef_ps(v, n);
}
/* v = m * 2^e with m in [1, 2) for normal positive v */
VF_INLINE vf vf_exponent(vf v) {
  return _mm512_getexp_ps(v);
}
VF_INLINE vf vf_mantissa(vf v) {
  return _mm512_getmant_ps(v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero);
}
VF_INLINE float vf_sum(vf v) {
  return _mm512_reduce_add_ps(v);
}
VF_INLINE float vf_hmax(vf v) {
  return _mm512_reduce_max_ps(v);
}

#endif
