/* SPDX-License-Identifier: Apache-2.0
 * Not: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Not[] = {
  { .name = "bool", .in = "bool[3]: 1 0 1", .out = "bool[3]: 0 1 0" },
  { .name = "s32", .in = "s32[1]: 1", .out = "bool[1]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  ET_END
};
