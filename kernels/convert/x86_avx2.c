/* SPDX-License-Identifier: Apache-2.0
 * Float formats with F16C and AVX2. */
#include "convert.h"

#include <immintrin.h>
#include <string.h>
#include "x86_ymm.inl"

const ek_convert_kernel ek_convert_u8__avx2 = {
  .name = "convert_u8__avx2",
  .isa = EK_AVX2,
  .flags = EK_EXACT,
  .f16_to_f32 = f16_to_f32,
  .f32_to_f16 = f32_to_f16,
  .bf16_to_f32 = bf16_to_f32,
  .f32_to_bf16 = f32_to_bf16,
};
