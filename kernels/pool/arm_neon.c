/* SPDX-License-Identifier: Apache-2.0
 * f32 pools, neon. */
#include "pool.h"

#include "../vec/neon.h"
#include "body.inl"

const ek_pool_f32_kernel ek_pool_f32_4c__neon = {
  .name = "pool_f32_4c__neon", .isa = EK_NEON, .lanes = VF_LANES, .fn = pixels
};
