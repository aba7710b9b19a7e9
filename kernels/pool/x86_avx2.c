/* SPDX-License-Identifier: Apache-2.0
 * f32 pools, avx2. */
#include "pool.h"

#include "../vec/avx2.h"
#include "body.inl"

const ek_pool_f32_kernel ek_pool_f32_8c__avx2 = {
  .name = "pool_f32_8c__avx2", .isa = EK_AVX2, .lanes = VF_LANES, .fn = pixels
};
