/* SPDX-License-Identifier: Apache-2.0
 * AssignState: expected values by definition. */
#include "ops_test.h"

const et_case et_cases_AssignState[] = {
  { .name = "f32", .in = "f32[2]: 1 2; f32[2]: 3 4", .out = "", .after = "f32[2]: 3 4" },
  { .name = "u16", .in = "u16[1,2]: 1 2; u16[1,2]: 3 4", .out = "", .after = "u16[1,2]: 3 4" },
  { .name = "type", .in = "f32[2]: 1 2; s32[2]: 3 4", .out = "", .status = EDGE_STATUS_TYPE_MISMATCH },
  { .name = "shape", .in = "f32[2]: 1 2; f32[1,2]: 3 4", .out = "", .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "size", .in = "f32[2]: 1 2; f32[3]: 3 4 5", .out = "", .status = EDGE_STATUS_INVALID_VALUE },
  ET_END
};
