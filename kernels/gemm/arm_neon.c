/* SPDX-License-Identifier: Apache-2.0
 * f32 micro-kernels for AArch64 NEON, weights in f32. */
#define ROW ek_gemm_f32_8x8__neon
#define ROW_NAME "gemm_f32_8x8__neon"
#define HALF_STORAGE 0
#define WEIGHT float
#define WEIGHT_LOAD vf_load
#include "arm_neon.inl"
