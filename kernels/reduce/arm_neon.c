/* SPDX-License-Identifier: Apache-2.0
 * f32 reductions, neon. */
#include "reduce.h"

#include "../vec/neon.h"
#include "body.inl"

const ek_reduce_f32_kernel ek_reduce_f32_u4__neon = {
  .name = "reduce_f32_u4__neon", .isa = EK_NEON, .lanes = VF_LANES, .fn = { reduce_sum, reduce_max, reduce_min }
};
