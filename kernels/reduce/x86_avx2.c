/* SPDX-License-Identifier: Apache-2.0
 * f32 reductions, avx2. */
#include "reduce.h"

#include "../vec/avx2.h"
#include "body.inl"

const ek_reduce_f32_kernel ek_reduce_f32_u8__avx2 = {
  .name = "reduce_f32_u8__avx2", .isa = EK_AVX2, .lanes = VF_LANES, .fn = { reduce_sum, reduce_max, reduce_min }
};
