/* SPDX-License-Identifier: Apache-2.0
 * Acosh: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Acosh[] = {
  { .name = "f32", .in = "f32[1,4]: 1 1.5 3 10", .out = "f32[1,4]: 0 0.96242362 1.7627472 2.993223" },
  { .name = "f64",
    .in = "f64[4]: 1 1.5 3 10",
    .out = "f64[4]: 0 0.96242365011920694 1.7627471740390861 2.9932228461263808",
    .tol = 1e-13 },
  { .name = "f16", .in = "f16[4]: 1 1.5 3 10", .out = "f16[4]: 0 0.96242362 1.7627472 2.993223", .tol = 0.002 },
  { .name = "s8",
    .in = "s8[31] q(0.01, -128): -23 -18 -13 -8 -3 2 7 12 17 22 27 32 37 42 47 52 57 62 67 72 77 82 87 92 97 102 "
          "107 112 117 122 127",
    .out = "s8[31] q(0.04, -3): 5 8 11 13 14 16 17 19 20 21 22 23 24 25 26 27 28 28 29 30 31 31 32 33 33 34 34 35 "
           "36 36 37",
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
