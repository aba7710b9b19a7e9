/* SPDX-License-Identifier: Apache-2.0
 * ShiftLeft: expected values from NumPy and LiteRT. */
#include "ops_test.h"

const et_case et_cases_ShiftLeft[] = {
  { .name = "u8", .in = "u8[2,3]: 6 81 63 42 16 94; u8[3]: 5 4 2", .out = "u8[2,3]: 192 16 252 64 0 120" },
  { .name = "s32",
    .in = "s32[2,3]: -91 -77 -7 -24 -65 -33; s32[3]: 4 5 3",
    .out = "s32[2,3]: -1456 -2464 -56 -384 -2080 -264" },
  { .name = "s64",
    .in = "s64[2,3]: -89 -46 -17 -44 -38 -9; s64[3]: 5 5 5",
    .out = "s64[2,3]: -2848 -1472 -544 -1408 -1216 -288" },
  { .name = "u64", .in = "u64[2,3]: 97 18 23 61 98 33; u64[3]: 5 3 2", .out = "u64[2,3]: 3104 144 92 1952 784 132" },
  { .name = "s8", .in = "s8[2,3]: -69 -92 -60 -18 -18 -59; s8[3]: 3 4 6", .out = "s8[2,3]: -40 64 0 112 -32 64" },
  { .name = "beyond the width", .in = "u8[3]: 1 3 255; u8[3]: 8 7 1", .out = "u8[3]: 0 128 254" },
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
