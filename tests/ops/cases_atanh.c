/* SPDX-License-Identifier: Apache-2.0
 * Atanh: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Atanh[] = {
  { .name = "f32",
    .in = "f32[1,5]: -0.89999998 -0.1 0 0.30000001 0.99000001",
    .out = "f32[1,5]: -1.4722193 -0.10033535 0 0.30951962 2.6466529" },
  { .name = "f64",
    .in = "f64[5]: -0.89999998 -0.1 0 0.30000001 0.99000001",
    .out = "f64[5]: -1.4722193843200724 -0.10033534773107558 0 0.30951961519212273 2.646652914875061",
    .tol = 1e-13 },
  { .name = "f16",
    .in = "f16[5]: -0.89999998 -0.1 0 0.30000001 0.99000001",
    .out = "f16[5]: -1.4717058 -0.10031069 0 0.30957326 2.6585696",
    .tol = 0.002 },
  { .name = "s8",
    .in = "s8[21] q(0.01, -128): -128 -123 -118 -113 -108 -103 -98 -93 -88 -83 -78 -73 -68 -63 -58 -53 -48 -43 -38 "
          "-33 -28",
    .out = "s8[21] q(0.04, -3): -3 -2 0 1 2 3 5 6 8 9 11 12 14 16 19 21 24 28 34 43 127",
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
