/* SPDX-License-Identifier: Apache-2.0
 * BitwiseAnd: expected values from NumPy and LiteRT. */
#include "ops_test.h"

const et_case et_cases_BitwiseAnd[] = {
  { .name = "u8", .in = "u8[2,3]: 33 12 15 83 19 98; u8[3]: 68 90 77", .out = "u8[2,3]: 0 8 13 64 18 64" },
  { .name = "s32", .in = "s32[2,3]: -76 -55 -2 -35 -97 -29; s32[3]: 28 9 28", .out = "s32[2,3]: 20 9 28 28 9 0" },
  { .name = "s64", .in = "s64[2,3]: -43 -63 -3 -59 -63 -20; s64[3]: 12 42 11", .out = "s64[2,3]: 4 0 9 4 0 8" },
  { .name = "u64", .in = "u64[2,3]: 62 88 93 92 56 13; u64[3]: 62 71 14", .out = "u64[2,3]: 62 64 12 28 0 12" },
  { .name = "s8", .in = "s8[2,3]: -54 -86 -34 -44 -45 -84; s8[3]: 18 34 11", .out = "s8[2,3]: 2 34 10 16 2 8" },
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
  { .name = "bool", .in = "bool[2,2]: 0 0 1 1; bool[2]: 0 1", .out = "bool[2,2]: 0 0 0 1" },
  ET_END
};
