/* SPDX-License-Identifier: Apache-2.0
 * Clip: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Clip[] = {
  { .name = "both bounds", .in = "f32[4]: -2 0 nan 7; f32[]: -1; f32[]: 5", .out = "f32[4]: -1 0 nan 5" },
  { .name = "min only", .in = "f32[2]: -2 3; f32[1]: 0", .out = "f32[2]: 0 3" },
  { .name = "max only", .in = "f32[2]: -2 3; -; f32[]: 1", .out = "f32[2]: -2 1" },
  { .name = "no bounds", .in = "f32[2]: -2 3", .out = "f32[2]: -2 3" },
  { .name = "min above max", .in = "f32[2]: -2 30; f32[]: 5; f32[]: 1", .out = "f32[2]: 1 1" },
  { .name = "s64",
    .in = "s64[3]: -9223372036854775807 0 9223372036854775807; s64[]: -9007199254740993; s64[]: 9007199254740993",
    .out = "s64[3]: -9007199254740993 0 9007199254740993" },
  { .name = "u64", .in = "u64[2]: -1 1; u64[]: 2; u64[]: -2", .out = "u64[2]: -2 2" },
  { .name = "s8 integers", .in = "s8[3]: -5 0 5; s8[]: -1; s8[]: 1", .out = "s8[3]: -1 0 1" },
  { .name = "quantized",
    .in = "s8[3] q(0.5, 1): -5 1 11; s8[] q(0.5, 1): -1; s8[] q(0.5, 1): 5",
    .out = "s8[3] q(0.25, 0): -4 0 8" },
  { .name = "bound is a vector",
    .in = "f32[2]: 1 2; f32[2]: 1 2",
    .out = "f32[2]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "bound of another type",
    .in = "f32[2]: 1 2; s32[]: 1",
    .out = "f32[2]",
    .status = EDGE_STATUS_TYPE_MISMATCH },
  { .name = "bool", .in = "bool[1]: 1", .out = "bool[1]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  ET_END
};
