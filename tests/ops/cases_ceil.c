/* SPDX-License-Identifier: Apache-2.0
 * Ceil: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Ceil[] = {
  { .name = "f32",
    .in = "f32[1,13]: -7.5 -3 -1.25 -0.5 -0.1 0 0.1 0.5 0.75 1.25 2.5 3.5 8",
    .out = "f32[1,13]: -7 -3 -1 0 0 0 1 1 1 2 3 4 8" },
  { .name = "f64",
    .in = "f64[13]: -7.5 -3 -1.25 -0.5 -0.1 0 0.1 0.5 0.75 1.25 2.5 3.5 8",
    .out = "f64[13]: -7 -3 -1 0 0 0 1 1 1 2 3 4 8",
    .tol = 1e-13 },
  { .name = "f16",
    .in = "f16[13]: -7.5 -3 -1.25 -0.5 -0.1 0 0.1 0.5 0.75 1.25 2.5 3.5 8",
    .out = "f16[13]: -7 -3 -1 0 0 0 1 1 1 2 3 4 8",
    .tol = 0.002 },
  { .name = "NaN and infinity", .in = "f32[3]: nan inf -inf", .out = "f32[3]: nan inf -inf" },
  { .name = "s8",
    .in = "s8[52] q(0.0625, 2): -128 -123 -118 -113 -108 -103 -98 -93 -88 -83 -78 -73 -68 -63 -58 -53 -48 -43 -38 "
          "-33 -28 -23 -18 -13 -8 -3 2 7 12 17 22 27 32 37 42 47 52 57 62 67 72 77 82 87 92 97 102 107 112 117 122 "
          "127",
    .out = "s8[52] q(0.04, -3): -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -103 -103 -103 -78 -78 -78 "
           "-53 -53 -53 -28 -28 -28 -3 -3 -3 -3 22 22 22 47 47 47 72 72 72 97 97 97 122 122 122 122 127 127 127 "
           "127 127 127 127 127 127",
    .tol = 1 },
  { .name = "integers", .in = "s32[2]: 1 2", .out = "s32[2]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  { .name = "unknown rank", .in = "f32[*]", .out = "f32[*]" },
  { .name = "empty", .in = "f32[0,2]:", .out = "f32[0,2]:" },
  { .name = "bool", .in = "bool[2]: 1 0", .out = "bool[2]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  { .name = "per axis",
    .in = "s8[2] q(1 1, 0 @0): 1 2",
    .out = "s8[2] q(1, 0)",
    .status = EDGE_STATUS_UNSUPPORTED_FEATURE },
  ET_END
};
