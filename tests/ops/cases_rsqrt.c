/* SPDX-License-Identifier: Apache-2.0
 * Rsqrt: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Rsqrt[] = {
  { .name = "f32",
    .in = "f32[1,6]: 0.0099999998 0.5 1 2 7.5 100",
    .out = "f32[1,6]: 10 1.4142135 1 0.70710677 0.36514837 0.1" },
  { .name = "f64",
    .in = "f64[6]: 0.0099999998 0.5 1 2 7.5 100",
    .out = "f64[6]: 10.000000100000001 1.4142135623730951 1 0.70710678118654757 0.36514837167011072 "
           "0.10000000000000001",
    .tol = 1e-13 },
  { .name = "f16",
    .in = "f16[6]: 0.0099999998 0.5 1 2 7.5 100",
    .out = "f16[6]: 9.9989319 1.4142135 1 0.70710677 0.36514837 0.1",
    .tol = 0.002 },
  { .name = "s8",
    .in = "s8[51] q(0.01, -128): -123 -118 -113 -108 -103 -98 -93 -88 -83 -78 -73 -68 -63 -58 -53 -48 -43 -38 -33 "
          "-28 -23 -18 -13 -8 -3 2 7 12 17 22 27 32 37 42 47 52 57 62 67 72 77 82 87 92 97 102 107 112 117 122 127",
    .out = "s8[51] q(0.04, -3): 109 76 62 53 47 43 39 37 34 32 31 29 28 27 26 25 24 23 23 22 21 21 20 20 19 19 19 "
           "18 18 17 17 17 16 16 16 16 15 15 15 15 14 14 14 14 14 13 13 13 13 13 13",
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
