/* SPDX-License-Identifier: Apache-2.0
 * f32 row operators, avx2. */
#include "norm.h"

#include "../vec/avx2.h"
#include "body.inl"

const ek_norm_f32_kernel ek_norm_f32_u8__avx2 = { .name = "norm_f32_u8__avx2",
                                                  .isa = EK_AVX2,
                                                  .lanes = VF_LANES,
                                                  .fn = { softmax, log_softmax, layer, rms, softmax_columns } };
