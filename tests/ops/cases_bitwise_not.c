/* SPDX-License-Identifier: Apache-2.0
 * BitwiseNot: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_BitwiseNot[] = {
  { .name = "s8", .in = "s8[3]: 0 -1 5", .out = "s8[3]: -1 0 -6" },
  { .name = "u16", .in = "u16[2]: 0 1", .out = "u16[2]: 65535 65534" },
  { .name = "s64", .in = "s64[1]: 7", .out = "s64[1]: -8" },
  { .name = "bool", .in = "bool[2]: 1 0", .out = "bool[2]: 0 1" },
  { .name = "f32", .in = "f32[1]: 1", .out = "f32[1]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  ET_END
};
