/* SPDX-License-Identifier: Apache-2.0
 * f32 micro-kernels for AVX2, weights in f32. */
#define ROW ek_gemm_f32_6x16__avx2
#define ROW_NAME "gemm_f32_6x16__avx2"
#define HALF_STORAGE 0
#define WEIGHT float
#define WEIGHT_LOAD vf_load
#include "x86_avx2.inl"
