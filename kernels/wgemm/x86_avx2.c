/* SPDX-License-Identifier: Apache-2.0
 * f32 products with small weights: AVX2. */
#include "wgemm.h"

#include <immintrin.h>

#define LANES 8
typedef __m256 f32v;
typedef __m256i wordv;
#define f32v_zero() _mm256_setzero_ps()
#define f32v_load(p) _mm256_loadu_ps(p)
#define f32v_store(p, v) _mm256_storeu_ps(p, v)
#define f32v_one(x) _mm256_set1_ps(x)
#define f32v_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define f32v_add(a, b) _mm256_add_ps(a, b)
#define f32v_sub(a, b) _mm256_sub_ps(a, b)
#define f32v_mul(a, b) _mm256_mul_ps(a, b)
#define wordv_load(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define zeros_load(p) _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(p))))

static inline __attribute__((always_inline)) f32v wordv_value(wordv w, const int i, const int bits) {
  return _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(w, 32 - (i + 1) * bits), 32 - bits));
}

#include "body.inl"

const ek_wgemm_kernel ek_wgemm_8__avx2 = {
  .name = "wgemm_8__avx2", .isa = EK_AVX2, .lanes = LANES, .decode = decode, .line = line
};
