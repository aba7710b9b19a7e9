/* SPDX-License-Identifier: Apache-2.0
 * IsInf: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_IsInf[] = {
  { .name = "both", .in = "f32[4]: nan 1 inf -inf", .out = "bool[4]: 0 0 1 1" },
  { .name = "positive only", .attrs = "detect_negative=0", .in = "f32[4]: nan 1 inf -inf", .out = "bool[4]: 0 0 1 0" },
  { .name = "negative only", .attrs = "detect_positive=0", .in = "f64[4]: nan 1 inf -inf", .out = "bool[4]: 0 0 0 1" },
  { .name = "s32", .in = "s32[1]: 1", .out = "bool[1]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  ET_END
};
