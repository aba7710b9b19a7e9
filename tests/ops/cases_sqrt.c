/* SPDX-License-Identifier: Apache-2.0
 * Sqrt: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Sqrt[] = {
  { .name = "f32",
    .in = "f32[1,6]: 0.0099999998 0.5 1 2 7.5 100",
    .out = "f32[1,6]: 0.1 0.70710677 1 1.4142135 2.7386129 10" },
  { .name = "f64",
    .in = "f64[6]: 0.0099999998 0.5 1 2 7.5 100",
    .out = "f64[6]: 0.099999998999999992 0.70710678118654757 1 1.4142135623730951 2.7386127875258306 10",
    .tol = 1e-13 },
  { .name = "f16",
    .in = "f16[6]: 0.0099999998 0.5 1 2 7.5 100",
    .out = "f16[6]: 0.10001068 0.70710677 1 1.4142135 2.7386129 10",
    .tol = 0.002 },
  { .name = "NaN and infinity", .in = "f32[3]: nan inf -inf", .out = "f32[3]: nan inf nan" },
  { .name = "s8",
    .in = "s8[52] q(0.01, -128): -128 -123 -118 -113 -108 -103 -98 -93 -88 -83 -78 -73 -68 -63 -58 -53 -48 -43 -38 "
          "-33 -28 -23 -18 -13 -8 -3 2 7 12 17 22 27 32 37 42 47 52 57 62 67 72 77 82 87 92 97 102 107 112 117 122 "
          "127",
    .out = "s8[52] q(0.04, -3): -3 3 5 7 8 10 11 12 13 14 15 16 16 17 18 19 19 20 21 21 22 23 23 24 24 25 26 26 27 "
           "27 28 28 29 29 30 30 31 31 31 32 32 33 33 34 34 35 35 35 36 36 37 37",
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
