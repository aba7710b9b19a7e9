/* SPDX-License-Identifier: Apache-2.0
 * f32 row operators, avx512. */
#include "norm.h"

#include "../vec/avx512.h"
#include "body.inl"

const ek_norm_f32_kernel ek_norm_f32_u16__avx512 = { .name = "norm_f32_u16__avx512",
                                                     .isa = EK_AVX512,
                                                     .lanes = VF_LANES,
                                                     .fn = { softmax, log_softmax, layer, rms, softmax_columns } };
