/* SPDX-License-Identifier: Apache-2.0
 * f32 micro-kernels for AArch64 NEON, weights stored as f16. */
#define ROW ek_gemm_f32h_8x8__neon
#define ROW_NAME "gemm_f32h_8x8__neon"
#define HALF_STORAGE 1
#define WEIGHT uint16_t
#define WEIGHT_LOAD vf_load_half
#include "arm_neon.inl"
