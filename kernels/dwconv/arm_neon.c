/* SPDX-License-Identifier: Apache-2.0
 * f32 depthwise convolution, neon. */
#include "dwconv.h"

#include "../vec/neon.h"
#include "body.inl"

const ek_dwconv_f32_kernel ek_dwconv_f32_8p4c__neon = {
  .name = "dwconv_f32_8p4c__neon", .isa = EK_NEON, .lanes = VF_LANES, .flags = EK_EXACT, .fn = rows
};
