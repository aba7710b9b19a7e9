/* SPDX-License-Identifier: Apache-2.0
 * f32 elementwise operators, avx512. */
#include "eltwise.h"

#include "../vec/avx512.h"
#include "body.inl"

const ek_eltwise_f32_kernel ek_eltwise_f32_u16__avx512 = {
  .name = "eltwise_f32_u16__avx512",
  .isa = EK_AVX512,
  .lanes = VF_LANES,
#include "list.inl"
};
