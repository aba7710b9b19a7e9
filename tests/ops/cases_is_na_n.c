/* SPDX-License-Identifier: Apache-2.0
 * IsNaN: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_IsNaN[] = {
  { .name = "f32", .in = "f32[4]: nan 1 inf -inf", .out = "bool[4]: 1 0 0 0" },
  { .name = "f16", .in = "f16[2]: nan 1", .out = "bool[2]: 1 0" },
  { .name = "s32", .in = "s32[1]: 1", .out = "bool[1]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  ET_END
};
