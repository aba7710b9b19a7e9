/* SPDX-License-Identifier: Apache-2.0
 * Acos: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Acos[] = {
  { .name = "f32",
    .in = "f32[1,6]: -1 -0.69999999 -0.1 0 0.30000001 1",
    .out = "f32[1,6]: 3.1415927 2.3461938 1.6709638 1.5707964 1.2661036 0" },
  { .name = "f64",
    .in = "f64[6]: -1 -0.69999999 -0.1 0 0.30000001 1",
    .out = "f64[6]: 3.1415926535897931 2.3461938094028492 1.6709637479564565 1.5707963267948966 1.2661036622966508 "
           "0",
    .tol = 1e-13 },
  { .name = "f16",
    .in = "f16[6]: -1 -0.69999999 -0.1 0 0.30000001 1",
    .out = "f16[6]: 3.1415927 2.3464673 1.6709392 1.5707964 1.2660525 0",
    .tol = 0.002 },
  { .name = "s8",
    .in = "s8[21] q(0.01, -128): -128 -123 -118 -113 -108 -103 -98 -93 -88 -83 -78 -73 -68 -63 -58 -53 -48 -43 -38 "
          "-33 -28",
    .out = "s8[21] q(0.04, -3): 36 35 34 33 31 30 29 27 26 25 23 22 20 19 17 15 13 11 8 5 -3",
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
