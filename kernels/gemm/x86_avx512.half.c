/* SPDX-License-Identifier: Apache-2.0
 * f32 micro-kernels for AVX-512, weights stored as f16. */
#define ROW ek_gemm_f32h_6x64__avx512
#define ROW_NAME "gemm_f32h_6x64__avx512"
#define HALF_STORAGE 1
#define WEIGHT uint16_t
#define WEIGHT_LOAD vf_load_half
#define WEIGHT_LOAD_8(p) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(p)))
#include "x86_avx512.inl"
