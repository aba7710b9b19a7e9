/* SPDX-License-Identifier: Apache-2.0
 * f32 pools, avx512. */
#include "pool.h"

#include "../vec/avx512.h"
#include "body.inl"

const ek_pool_f32_kernel ek_pool_f32_16c__avx512 = {
  .name = "pool_f32_16c__avx512", .isa = EK_AVX512, .lanes = VF_LANES, .fn = pixels
};
