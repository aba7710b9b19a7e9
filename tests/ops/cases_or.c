/* SPDX-License-Identifier: Apache-2.0
 * Or: expected values from NumPy and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Or[] = {
  { .name = "bool", .in = "bool[2,2]: 0 0 1 1; bool[2]: 0 1", .out = "bool[2,2]: 0 1 1 1" },
  { .name = "shapes do not broadcast",
    .in = "bool[2]: fill(1); bool[3]: fill(1)",
    .out = "bool[2]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "types differ",
    .in = "bool[2]: fill(1); s64[2]: fill(1)",
    .out = "bool[2]",
    .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  { .name = "s32", .in = "s32[2]: fill(1); s32[2]: fill(1)", .out = "s32[2]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  { .name = "unknown dims", .in = "bool[?,1,3]; bool[4,1]", .out = "bool[?,4,3]" },
  { .name = "empty", .in = "bool[0,3]:; bool[1,3]: fill(1)", .out = "bool[0,3]:" },
  ET_END
};
