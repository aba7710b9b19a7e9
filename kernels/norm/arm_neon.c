/* SPDX-License-Identifier: Apache-2.0
 * f32 row operators, neon. */
#include "norm.h"

#include "../vec/neon.h"
#include "body.inl"

const ek_norm_f32_kernel ek_norm_f32_u4__neon = { .name = "norm_f32_u4__neon",
                                                  .isa = EK_NEON,
                                                  .lanes = VF_LANES,
                                                  .fn = { softmax, log_softmax, layer, rms, softmax_columns } };
