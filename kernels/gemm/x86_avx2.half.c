/* SPDX-License-Identifier: Apache-2.0
 * f32 micro-kernels for AVX2, weights stored as f16. */
#define ROW ek_gemm_f32h_6x16__avx2
#define ROW_NAME "gemm_f32h_6x16__avx2"
#define HALF_STORAGE 1
#define WEIGHT uint16_t
#define WEIGHT_LOAD vf_load_half
#include "x86_avx2.inl"
