/* SPDX-License-Identifier: Apache-2.0
 * f32 depthwise convolution, avx512. */
#include "dwconv.h"

#include "../vec/avx512.h"
#include "body.inl"

const ek_dwconv_f32_kernel ek_dwconv_f32_8p16c__avx512 = {
  .name = "dwconv_f32_8p16c__avx512", .isa = EK_AVX512, .lanes = VF_LANES, .flags = EK_EXACT, .fn = rows
};
