/* SPDX-License-Identifier: Apache-2.0
 * ReduceAll: expected values from NumPy and LiteRT. */
#include "ops_test.h"

const et_case et_cases_ReduceAll[] = {
  { .name = "axes 0", .in = "bool[2,3,2]: 0 0 0 0 0 1 1 0 1 0 1 0; s64[1]: 0", .out = "bool[1,3,2]: 0 0 0 0 0 0" },
  { .name = "axes 1", .in = "bool[2,3,2]: 0 0 0 0 0 1 1 0 1 0 1 0; s64[1]: 1", .out = "bool[2,1,2]: 0 0 1 0" },
  { .name = "axes 0and2", .in = "bool[2,3,2]: 0 0 0 0 0 1 1 0 1 0 1 0; s64[2]: 0 2", .out = "bool[1,3,1]: 0 0 0" },
  { .name = "dims dropped", .attrs = "keep_dims=0", .in = "bool[2,3,2]: 0 0 0 0 0 1 1 0 1 0 1 0", .out = "bool[]: 0" },
  { .name = "of no elements", .attrs = "keep_dims=0", .in = "bool[0]:", .out = "bool[]: 1" },
  { .name = "f32", .in = "f32[2]: 1 2", .out = "bool[1]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  { .name = "axis", .in = "bool[2]: 1 1; s32[1]: -2", .out = "bool[1]", .status = EDGE_STATUS_INVALID_VALUE },
  ET_END
};
