/* SPDX-License-Identifier: Apache-2.0
 * BitwiseXor: expected values from NumPy and LiteRT. */
#include "ops_test.h"

const et_case et_cases_BitwiseXor[] = {
  { .name = "u8", .in = "u8[2,3]: 6 32 18 89 72 52; u8[3]: 86 25 96", .out = "u8[2,3]: 80 57 114 15 81 84" },
  { .name = "s32",
    .in = "s32[2,3]: -72 -18 -66 -48 -51 -24; s32[3]: 37 87 47",
    .out = "s32[2,3]: -99 -71 -111 -11 -102 -57" },
  { .name = "s64",
    .in = "s64[2,3]: -5 -42 -41 -10 -5 -61; s64[3]: 1 64 37",
    .out = "s64[2,3]: -6 -106 -14 -9 -69 -26" },
  { .name = "u64", .in = "u64[2,3]: 8 82 60 65 55 40; u64[3]: 36 3 13", .out = "u64[2,3]: 44 81 49 101 52 37" },
  { .name = "s8", .in = "s8[2,3]: -22 -61 -22 -3 -28 -85; s8[3]: 18 30 99", .out = "s8[2,3]: -8 -35 -119 -17 -6 -56" },
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
  { .name = "bool", .in = "bool[2,2]: 0 0 1 1; bool[2]: 0 1", .out = "bool[2,2]: 0 1 1 0" },
  ET_END
};
