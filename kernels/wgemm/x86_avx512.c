/* SPDX-License-Identifier: Apache-2.0
 * f32 products with small weights: AVX-512. Values of 2 and 4 bits are looked up: the permutation reads four bits. */
#include "wgemm.h"

#include <immintrin.h>

#define LANES 16
typedef __m512 f32v;
typedef __m512i wordv;
#define f32v_zero() _mm512_setzero_ps()
#define f32v_load(p) _mm512_loadu_ps(p)
#define f32v_store(p, v) _mm512_storeu_ps(p, v)
#define f32v_one(x) _mm512_set1_ps(x)
#define f32v_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define f32v_add(a, b) _mm512_add_ps(a, b)
#define f32v_sub(a, b) _mm512_sub_ps(a, b)
#define f32v_mul(a, b) _mm512_mul_ps(a, b)
#define wordv_load(p) _mm512_loadu_si512(p)
#define zeros_load(p) _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(p))))

static inline __attribute__((always_inline)) f32v wordv_value(wordv w, const int i, const int bits) {
  if (bits == 8) return _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(w, (unsigned)(24 - 8 * i)), 24));
  const __m512i v = i > 0 ? _mm512_srli_epi32(w, (unsigned)(i * bits)) : w;
  const __m512 table = bits == 4 ? _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1)
                                 : _mm512_setr_ps(0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1, 0, 1, -2, -1);
  return _mm512_permutexvar_ps(v, table);
}

#include "body.inl"

const ek_wgemm_kernel ek_wgemm_16__avx512 = {
  .name = "wgemm_16__avx512", .isa = EK_AVX512, .lanes = LANES, .decode = decode, .line = line
};
