/* SPDX-License-Identifier: Apache-2.0
 * BitwiseOr: expected values from NumPy and LiteRT. */
#include "ops_test.h"

const et_case et_cases_BitwiseOr[] = {
  { .name = "u8", .in = "u8[2,3]: 49 4 96 13 46 93; u8[3]: 0 81 20", .out = "u8[2,3]: 49 85 116 13 127 93" },
  { .name = "s32",
    .in = "s32[2,3]: -77 -61 -50 -69 -97 -1; s32[3]: 93 33 16",
    .out = "s32[2,3]: -1 -29 -34 -1 -65 -1" },
  { .name = "s64", .in = "s64[2,3]: -77 -36 -14 0 -14 -19; s64[3]: 79 33 45", .out = "s64[2,3]: -1 -3 -1 79 -13 -19" },
  { .name = "u64", .in = "u64[2,3]: 11 32 7 76 11 18; u64[3]: 85 10 56", .out = "u64[2,3]: 95 42 63 93 11 58" },
  { .name = "s8", .in = "s8[2,3]: -46 -30 -87 -21 -7 -60; s8[3]: 61 80 67", .out = "s8[2,3]: -1 -14 -21 -1 -7 -57" },
  { .name = "shapes do not broadcast",
    .in = "s32[2]: fill(1); s32[3]: fill(1)",
    .out = "s32[2]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "types differ",
    .in = "s32[2]: fill(1); s64[2]: fill(1)",
    .out = "s32[2]",
    .status = EDGE_STATUS_TYPE_MISMATCH },
  { .name = "f32", .in = "f32[2]: fill(1); f32[2]: fill(1)", .out = "f32[2]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  { .name = "unknown dims", .in = "s32[?,1,3]; s32[4,1]", .out = "s32[?,4,3]" },
  { .name = "empty", .in = "s32[0,3]:; s32[1,3]: fill(1)", .out = "s32[0,3]:" },
  { .name = "bool", .in = "bool[2,2]: 0 0 1 1; bool[2]: 0 1", .out = "bool[2,2]: 0 1 1 1" },
  ET_END
};
