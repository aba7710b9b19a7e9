/* SPDX-License-Identifier: Apache-2.0
 * Cases of If, Loop, While, Scan, Call and CallOnce: arity and attributes; the executor runs them. */
#include "ops_test.h"

const et_case et_cases_If[] = {
  { .name = "outputs_unknown",
    .attrs = "then=1 else=2",
    .in = "bool[]: 1; f32[2]: 0.936999977 -0.75",
    .out = "f32[*]" },
  { .name = "no_else", .attrs = "then=1", .in = "bool[]: 1", .out = "f32[*]", .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "condition",
    .attrs = "then=1 else=2",
    .in = "s64[1]: 1",
    .out = "f32[*]",
    .status = EDGE_STATUS_TYPE_MISMATCH },
  { .name = "two_conditions",
    .attrs = "then=1 else=2",
    .in = "bool[2]: 1 0",
    .out = "f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "negative",
    .attrs = "then=-1 else=2",
    .in = "bool[]: 1",
    .out = "f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  ET_END
};

const et_case et_cases_Loop[] = { { .name = "carried_and_scan",
                                    .attrs = "body=1 num_carried=1",
                                    .in = "s64[]: 3; -; f32[2]: -0.658999979 2.53500009",
                                    .out = "f32[*]; s64[*]" },
                                  { .name = "no_body",
                                    .attrs = "num_carried=0",
                                    .in = "s64[]: 3; -",
                                    .out = "f32[*]",
                                    .status = EDGE_STATUS_INVALID_VALUE },
                                  { .name = "carried",
                                    .attrs = "body=1 num_carried=1",
                                    .in = "s64[]: 3; -",
                                    .out = "f32[*]",
                                    .status = EDGE_STATUS_INVALID_VALUE },
                                  { .name = "trip_count",
                                    .attrs = "body=1 num_carried=0",
                                    .in = "f32[]: -2.71300006; -",
                                    .out = "f32[*]",
                                    .status = EDGE_STATUS_TYPE_MISMATCH },
                                  { .name = "condition",
                                    .attrs = "body=1 num_carried=0",
                                    .in = "-; s64[1]: 1",
                                    .out = "f32[*]",
                                    .status = EDGE_STATUS_TYPE_MISMATCH },
                                  ET_END };

const et_case et_cases_While[] = {
  { .name = "carried", .attrs = "cond=1 body=2", .in = "s32[]: 3; f32[2]: 3.3900001 3.148", .out = "s32[*]; f32[*]" },
  { .name = "outputs",
    .attrs = "cond=1 body=2",
    .in = "f32[1]: 1.347",
    .out = "f32[*]; f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "no_cond",
    .attrs = "body=2",
    .in = "f32[1]: -3.60400009",
    .out = "f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  ET_END
};

const et_case et_cases_Scan[] = {
  { .name = "one",
    .attrs = "body=1 num_carried=1 num_scan=1",
    .in = "f32[2]: 1.30599999 0.802999973; f32[3,2]: 2.17799997 -2.28900003 3.62700009 3.08999991 -3.08500004 "
          "-1.47800004",
    .out = "f32[*]; f32[*]" },
  { .name = "scans",
    .attrs = "body=1 num_carried=1 num_scan=1",
    .in = "f32[2]: -3.74000001 2.648",
    .out = "f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "no_scan",
    .attrs = "body=1 num_carried=1",
    .in = "f32[2]: 3.3210001 3.91799998",
    .out = "f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "axes",
    .attrs = "body=1 num_carried=1 num_scan=1 in_axes=0,1",
    .in = "f32[2]: 0.894999981 1.32799995; f32[3,2]: 1.42700005 0.56099999 3.61899996 0.862999976 -1.31400001 0.103",
    .out = "f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  ET_END
};

const et_case et_cases_Call[] = {
  { .name = "any", .attrs = "body=3", .in = "f32[2]: -3.85100007 1.79299998", .out = "f32[*]" },
  { .name = "no_body", .in = "f32[2]: 1.551 -0.632000029", .out = "f32[*]", .status = EDGE_STATUS_INVALID_VALUE },
  ET_END
};

const et_case et_cases_CallOnce[] = {
  { .name = "not_evaluated", .attrs = "body=1", .in = "", .out = "", .status = EDGE_STATUS_INTERNAL },
  { .name = "no_body", .in = "", .out = "", .status = EDGE_STATUS_INVALID_VALUE },
  ET_END
};
