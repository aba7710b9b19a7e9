/* SPDX-License-Identifier: Apache-2.0
 * f32 reductions, avx512. */
#include "reduce.h"

#include "../vec/avx512.h"
#include "body.inl"

const ek_reduce_f32_kernel ek_reduce_f32_u16__avx512 = {
  .name = "reduce_f32_u16__avx512", .isa = EK_AVX512, .lanes = VF_LANES, .fn = { reduce_sum, reduce_max, reduce_min }
};
