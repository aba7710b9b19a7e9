/* SPDX-License-Identifier: Apache-2.0
 * Asin: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Asin[] = {
  { .name = "f32",
    .in = "f32[1,6]: -1 -0.69999999 -0.1 0 0.30000001 1",
    .out = "f32[1,6]: -1.5707964 -0.77539748 -0.10016742 0 0.30469266 1.5707964" },
  { .name = "f64",
    .in = "f64[6]: -1 -0.69999999 -0.1 0 0.30000001 1",
    .out = "f64[6]: -1.5707963267948966 -0.77539748260795238 -0.1001674211615598 0 0.30469266449824589 "
           "1.5707963267948966",
    .tol = 1e-13 },
  { .name = "f16",
    .in = "f16[6]: -1 -0.69999999 -0.1 0 0.30000001 1",
    .out = "f16[6]: -1.5707964 -0.77567101 -0.10014288 0 0.30474383 1.5707964",
    .tol = 0.002 },
  { .name = "s8",
    .in = "s8[21] q(0.01, -128): -128 -123 -118 -113 -108 -103 -98 -93 -88 -83 -78 -73 -68 -63 -58 -53 -48 -43 -38 "
          "-33 -28",
    .out = "s8[21] q(0.04, -3): -3 -2 0 1 2 3 5 6 7 9 10 12 13 15 16 18 20 22 25 28 36",
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
