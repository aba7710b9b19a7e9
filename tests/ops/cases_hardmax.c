/* SPDX-License-Identifier: Apache-2.0
 * Hardmax: expected values from ONNX Runtime, NumPy and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Hardmax[] = {
  { .name = "axis -1",
    .attrs = "axis=-1",
    .in = "f32[2,3,4]: 1 3 0 2 0 3 1 3 2 1 3 1 0 2 1 3 2 1 0 3 1 2 3 0",
    .out = "f32[2,3,4]: 0 1 0 0 0 1 0 0 0 0 1 0 0 0 0 1 0 0 0 1 0 0 1 0" },
  { .name = "axis 0",
    .attrs = "axis=0",
    .in = "f32[2,3,4]: 1 3 0 2 0 3 1 3 2 1 3 1 0 2 1 3 2 1 0 3 1 2 3 0",
    .out = "f32[2,3,4]: 1 1 0 0 0 1 1 1 1 0 1 1 0 0 1 1 1 0 0 0 0 1 0 0" },
  { .name = "axis 1",
    .attrs = "axis=1",
    .in = "f32[2,3,4]: 1 3 0 2 0 3 1 3 2 1 3 1 0 2 1 3 2 1 0 3 1 2 3 0",
    .out = "f32[2,3,4]: 0 1 0 0 0 0 0 1 1 0 1 0 0 1 0 1 1 0 0 0 0 0 1 0" },
  { .name = "flattened",
    .attrs = "axis=1 flatten=1",
    .in = "f32[2,3,4]: 1 3 0 2 0 3 1 3 2 1 3 1 0 2 1 3 2 1 0 3 1 2 3 0",
    .out = "f32[2,3,4]: 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0" },
  { .name = "axis",
    .attrs = "axis=3",
    .in = "f32[2,3,4]: 1 3 0 2 0 3 1 3 2 1 3 1 0 2 1 3 2 1 0 3 1 2 3 0",
    .out = "f32[2,3,4]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "s32", .in = "s32[2]: 1 2", .out = "s32[2]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  ET_END
};
