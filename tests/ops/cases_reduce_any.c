/* SPDX-License-Identifier: Apache-2.0
 * ReduceAny: expected values from NumPy and LiteRT. */
#include "ops_test.h"

const et_case et_cases_ReduceAny[] = {
  { .name = "axes 0", .in = "bool[2,3,2]: 0 1 1 0 1 0 0 0 1 0 1 0; s64[1]: 0", .out = "bool[1,3,2]: 0 1 1 0 1 0" },
  { .name = "axes 1", .in = "bool[2,3,2]: 0 1 1 0 1 0 0 0 1 0 1 0; s64[1]: 1", .out = "bool[2,1,2]: 1 1 1 0" },
  { .name = "axes 0and2", .in = "bool[2,3,2]: 0 1 1 0 1 0 0 0 1 0 1 0; s64[2]: 0 2", .out = "bool[1,3,1]: 1 1 1" },
  { .name = "dims dropped", .attrs = "keep_dims=0", .in = "bool[2,3,2]: 0 1 1 0 1 0 0 0 1 0 1 0", .out = "bool[]: 1" },
  { .name = "of no elements", .attrs = "keep_dims=0", .in = "bool[0]:", .out = "bool[]: 0" },
  { .name = "f32", .in = "f32[2]: 1 2", .out = "bool[1]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  { .name = "axis", .in = "bool[2]: 1 1; s32[1]: -2", .out = "bool[1]", .status = EDGE_STATUS_INVALID_VALUE },
  ET_END
};
