/* SPDX-License-Identifier: Apache-2.0
 * Cases of TreeEnsemble; expected values by hand. Two trees over two features:
 *   0: x0 <= 1 ? (1: x1 > 2 ? leaf 0 : leaf 1) : leaf 2      2: x0 in {3, 5} ? leaf 1 : leaf 2 */
#include "ops_test.h"

#define TREES                                                                                                   \
  "s32[2]: 0 2; s32[3,4]: 0 8 1 -3 1 3 -1 -2 0 6 -2 -3; f32[3]: 1 2 1; s32[3,2]: 0 1 1 2 3 1; s32[4]: 0 0 1 1;" \
  "f32[4]: 1 10 100 1000"
#define X "f32[5,2]: 0 3 0 2 2 0 3 0 nan 3; "

const et_case et_cases_TreeEnsemble[] = {
  { .name = "sum",
    .attrs = "targets=2",
    .in = X TREES "; -; f32[4]: nan 3 5 nan",
    .out = "f32[5,2]: 1 1000 10 1100 0 2000 10 1100 1 1000" },
  { .name = "average_and_base",
    .attrs = "targets=2 aggregate=0",
    .in = X TREES "; f32[2]: 5 7; f32[4]: nan 3 5 nan",
    .out = "f32[5,2]: 5.5 507 10 557 5 1007 10 557 5.5 507" },
  { .name = "minimum",
    .attrs = "targets=2 aggregate=2",
    .in = X TREES "; -; f32[4]: nan 3 5 nan",
    .out = "f32[5,2]: 1 1000 10 100 0 1000 10 100 1 1000" },
  { .name = "maximum",
    .attrs = "targets=2 aggregate=3",
    .in = X TREES "; -; f32[4]: nan 3 5 nan",
    .out = "f32[5,2]: 1 1000 10 1000 0 1000 10 1000 1 1000" },
  { .name = "tests",
    .in = "f64[1,1]: 2; s32[6]: 0 1 2 3 4 5; s32[6,4]: 0 0 -1 -2 0 1 -1 -2 0 2 -1 -2 0 3 -1 -2 0 4 -1 -2 0 5 -1 -2; "
          "f64[6]: 2 2 2 2 2 2; s32[2,2]: 0 1 1 0; s32[1]: 0; f64[1]: 1",
    .out = "f64[1,1]: 3" },
  { .name = "root_is_leaf",
    .in = "f32[2,1]: 1 2; s32[1]: -1; s32[0,4]: ; f32[0]: ; s32[1,2]: 0 1; s32[1]: 0; f32[1]: 4",
    .out = "f32[2,1]: 4 4" },
  { .name = "circle",
    .in = "f32[1,1]: 1; s32[1]: 0; s32[1,4]: 0 0 0 0; f32[1]: 2; s32[1,2]: 0 1; s32[1]: 0; f32[1]: 4",
    .out = "f32[1,1]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "node_outside",
    .in = "f32[1,1]: 1; s32[1]: 0; s32[1,4]: 0 0 7 7; f32[1]: 2; s32[1,2]: 0 1; s32[1]: 0; f32[1]: 4",
    .out = "f32[1,1]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "feature_outside",
    .in = "f32[1,1]: 1; s32[1]: 0; s32[1,4]: 1 0 -1 -1; f32[1]: 2; s32[1,2]: 0 1; s32[1]: 0; f32[1]: 4",
    .out = "f32[1,1]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "leaf_outside",
    .in = "f32[1,1]: 1; s32[1]: -2; s32[0,4]: ; f32[0]: ; s32[1,2]: 0 1; s32[1]: 0; f32[1]: 4",
    .out = "f32[1,1]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "votes_outside",
    .in = "f32[1,1]: 1; s32[1]: -1; s32[0,4]: ; f32[0]: ; s32[1,2]: 0 2; s32[1]: 0; f32[1]: 4",
    .out = "f32[1,1]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "target_outside",
    .in = "f32[1,1]: 1; s32[1]: -1; s32[0,4]: ; f32[0]: ; s32[1,2]: 0 1; s32[1]: 1; f32[1]: 4",
    .out = "f32[1,1]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "sizes",
    .in = "f32[1,1]; s32[1]; s32[3,4]; f32[2]; s32[1,2]; s32[1]; f32[1]",
    .out = "f32[1,1]",
    .status = EDGE_STATUS_SHAPE_MISMATCH },
  ET_END
};
