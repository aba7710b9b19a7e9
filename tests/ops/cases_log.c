/* SPDX-License-Identifier: Apache-2.0
 * Log: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Log[] = {
  { .name = "f32",
    .in = "f32[1,6]: 0.0099999998 0.5 1 2 7.5 100",
    .out = "f32[1,6]: -4.6051702 -0.69314718 0 0.69314718 2.0149031 4.6051702" },
  { .name = "f64",
    .in = "f64[6]: 0.0099999998 0.5 1 2 7.5 100",
    .out = "f64[6]: -4.6051702059880917 -0.69314718055994529 0 0.69314718055994529 2.0149030205422647 "
           "4.6051701859880918",
    .tol = 1e-13 },
  { .name = "f16",
    .in = "f16[6]: 0.0099999998 0.5 1 2 7.5 100",
    .out = "f16[6]: -4.6049566 -0.69314718 0 0.69314718 2.0149031 4.6051702",
    .tol = 0.002 },
  { .name = "NaN and infinity", .in = "f32[3]: nan inf -inf", .out = "f32[3]: nan inf nan" },
  { .name = "s8",
    .in = "s8[51] q(0.01, -128): -123 -118 -113 -108 -103 -98 -93 -88 -83 -78 -73 -68 -63 -58 -53 -48 -43 -38 -33 "
          "-28 -23 -18 -13 -8 -3 2 7 12 17 22 27 32 37 42 47 52 57 62 67 72 77 82 87 92 97 102 107 112 117 122 127",
    .out = "s8[51] q(0.04, -3): -78 -61 -50 -43 -38 -33 -29 -26 -23 -20 -18 -16 -14 -12 -10 -9 -7 -6 -4 -3 -2 -1 0 "
           "2 3 4 5 5 6 7 8 9 10 10 11 12 12 13 14 14 15 16 16 17 17 18 18 19 19 20 20",
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
