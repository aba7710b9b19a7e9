/* SPDX-License-Identifier: Apache-2.0
 * Winograd transforms for AVX-512. */
#include "winograd.h"

#include "../vec/avx512.h"
#include "body.inl"

const ek_winograd_f32_kernel ek_winograd4_f32__avx512 = {
  .name = "winograd4_f32__avx512",
  .isa = EK_AVX512,
  .lanes = VF_LANES,
  .tile = 4,
  .input_cycles = 110,
  .output_cycles = 110,
  .weight_cycles = 150,
  .input = input4,
  .weights = weights4,
  .output = output4,
};

const ek_winograd_f32_kernel ek_winograd2_f32__avx512 = {
  .name = "winograd2_f32__avx512",
  .isa = EK_AVX512,
  .lanes = VF_LANES,
  .tile = 2,
  .input_cycles = 45,
  .output_cycles = 40,
  .weight_cycles = 80,
  .input = input2,
  .weights = weights2,
  .output = output2,
};
