/* SPDX-License-Identifier: Apache-2.0
 * ThresholdedRelu: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_ThresholdedRelu[] = {
  { .name = "f32",
    .in = "f32[1,13]: -7.5 -3 -1.25 -0.5 -0.1 0 0.1 0.5 0.75 1.25 2.5 3.5 8",
    .out = "f32[1,13]: 0 0 0 0 0 0 0 0 0 1.25 2.5 3.5 8" },
  { .name = "f64",
    .in = "f64[13]: -7.5 -3 -1.25 -0.5 -0.1 0 0.1 0.5 0.75 1.25 2.5 3.5 8",
    .out = "f64[13]: 0 0 0 0 0 0 0 0 0 1.25 2.5 3.5 8",
    .tol = 1e-13 },
  { .name = "f16",
    .in = "f16[13]: -7.5 -3 -1.25 -0.5 -0.1 0 0.1 0.5 0.75 1.25 2.5 3.5 8",
    .out = "f16[13]: 0 0 0 0 0 0 0 0 0 1.25 2.5 3.5 8",
    .tol = 0.002 },
  { .name = "s8",
    .in = "s8[52] q(0.0625, 2): -128 -123 -118 -113 -108 -103 -98 -93 -88 -83 -78 -73 -68 -63 -58 -53 -48 -43 -38 "
          "-33 -28 -23 -18 -13 -8 -3 2 7 12 17 22 27 32 37 42 47 52 57 62 67 72 77 82 87 92 97 102 107 112 117 122 "
          "127",
    .out = "s8[52] q(0.04, -3): -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3 "
           "-3 -3 -3 28 36 44 52 60 67 75 83 91 99 106 114 122 127 127 127 127 127 127 127 127 127",
    .tol = 1 },
  { .name = "integers", .in = "s32[2]: 1 2", .out = "s32[2]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  { .name = "alpha",
    .attrs = "alpha=0.5",
    .in = "f32[13]: -7.5 -3 -1.25 -0.5 -0.1 0 0.1 0.5 0.75 1.25 2.5 3.5 8",
    .out = "f32[13]: 0 0 0 0 0 0 0 0 0.75 1.25 2.5 3.5 8" },
  { .name = "unknown rank", .in = "f32[*]", .out = "f32[*]" },
  { .name = "empty", .in = "f32[0,2]:", .out = "f32[0,2]:" },
  { .name = "bool", .in = "bool[2]: 1 0", .out = "bool[2]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  { .name = "per axis",
    .in = "s8[2] q(1 1, 0 @0): 1 2",
    .out = "s8[2] q(1, 0)",
    .status = EDGE_STATUS_UNSUPPORTED_FEATURE },
  ET_END
};
