/* SPDX-License-Identifier: Apache-2.0
 * f32 elementwise operators, neon. */
#include "eltwise.h"

#include "../vec/neon.h"
#include "body.inl"

const ek_eltwise_f32_kernel ek_eltwise_f32_u4__neon = {
  .name = "eltwise_f32_u4__neon",
  .isa = EK_NEON,
  .lanes = VF_LANES,
#include "list.inl"
};
