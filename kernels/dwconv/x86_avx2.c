/* SPDX-License-Identifier: Apache-2.0
 * f32 depthwise convolution, avx2. */
#include "dwconv.h"

#include "../vec/avx2.h"
#include "body.inl"

const ek_dwconv_f32_kernel ek_dwconv_f32_8p8c__avx2 = {
  .name = "dwconv_f32_8p8c__avx2", .isa = EK_AVX2, .lanes = VF_LANES, .flags = EK_EXACT, .fn = rows
};
