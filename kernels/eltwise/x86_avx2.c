/* SPDX-License-Identifier: Apache-2.0
 * f32 elementwise operators, avx2. */
#include "eltwise.h"

#include "../vec/avx2.h"
#include "body.inl"

const ek_eltwise_f32_kernel ek_eltwise_f32_u8__avx2 = {
  .name = "eltwise_f32_u8__avx2",
  .isa = EK_AVX2,
  .lanes = VF_LANES,
#include "list.inl"
};
