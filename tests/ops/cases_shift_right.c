/* SPDX-License-Identifier: Apache-2.0
 * ShiftRight: expected values from NumPy and LiteRT. */
#include "ops_test.h"

const et_case et_cases_ShiftRight[] = {
  { .name = "u8", .in = "u8[2,3]: 41 11 56 22 50 25; u8[3]: 0 2 3", .out = "u8[2,3]: 41 2 7 22 12 3" },
  { .name = "s32", .in = "s32[2,3]: -71 -13 -89 -22 -97 -71; s32[3]: 4 4 1", .out = "s32[2,3]: -5 -1 -45 -2 -7 -36" },
  { .name = "s64", .in = "s64[2,3]: -56 -99 -48 -77 -78 -47; s64[3]: 0 3 3", .out = "s64[2,3]: -56 -13 -6 -77 -10 -6" },
  { .name = "u64", .in = "u64[2,3]: 18 32 30 1 22 87; u64[3]: 6 4 2", .out = "u64[2,3]: 0 2 7 0 1 21" },
  { .name = "s8", .in = "s8[2,3]: -90 -57 -17 -26 -4 -86; s8[3]: 4 0 5", .out = "s8[2,3]: -6 -57 -1 -2 -4 -3" },
  { .name = "beyond the width", .in = "s8[3]: -5 5 -128; s8[3]: 9 100 7", .out = "s8[3]: -1 0 -1" },
  { .name = "u64", .in = "u64[2]: -1 -1; u64[2]: 63 64", .out = "u64[2]: 1 0" },
  { .name = "negative", .in = "s32[1]: -8; s32[1]: -1", .out = "s32[1]: -8" },
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
  ET_END
};
