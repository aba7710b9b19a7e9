/* SPDX-License-Identifier: Apache-2.0
 * f32 micro-kernels for AVX-512, weights in f32. */
#define ROW ek_gemm_f32_6x64__avx512
#define ROW_NAME "gemm_f32_6x64__avx512"
#define HALF_STORAGE 0
#define WEIGHT float
#define WEIGHT_LOAD vf_load
#define WEIGHT_LOAD_8(p) _mm256_loadu_ps(p)
#include "x86_avx512.inl"
