/* SPDX-License-Identifier: Apache-2.0
 * Cases of Inverse; expected values by hand. */
#include "ops_test.h"

const et_case et_cases_Inverse[] = {
  { .name = "two", .in = "f32[2,2,2]: 2 0 0 4 1 2 3 4", .out = "f32[2,2,2]: 0.5 0 0 0.25 -2 1 1.5 -0.5" },
  { .name = "pivot", .in = "f64[2,2]: 0 2 4 0", .out = "f64[2,2]: 0 0.25 0.5 0" },
  { .name = "one", .in = "f16[1,1]: 4", .out = "f16[1,1]: 0.25" },
  { .name = "none", .in = "f32[0,3,3]", .out = "f32[0,3,3]" },
  { .name = "singular", .in = "f32[2,2]: 1 2 2 4", .out = "f32[2,2]", .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "not_square", .in = "f32[2,3]", .out = "f32[2,3]", .status = EDGE_STATUS_SHAPE_MISMATCH },
  { .name = "integers", .in = "s32[2,2]", .out = "s32[2,2]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  ET_END
};
