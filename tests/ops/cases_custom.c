/* SPDX-License-Identifier: Apache-2.0
 * Case of Custom: without a registered operator its outputs stay as they are declared. Registered ones:
 * tests/e2e/test_custom.c. */
#include "ops_test.h"

const et_case et_cases_Custom[] = { { .name = "unregistered", .attrs = "", .in = "f32[2]: 1 2", .out = "f32[*]" },
                                    ET_END };
