/* SPDX-License-Identifier: Apache-2.0
 * ReadState: expected values by definition. */
#include "ops_test.h"

const et_case et_cases_ReadState[] = { { .name = "f32", .in = "f32[2,2]: 1 2 3 4", .out = "f32[2,2]: 1 2 3 4" },
                                       { .name = "s8", .in = "s8[2,2]: 1 2 3 4", .out = "s8[2,2]: 1 2 3 4" },
                                       { .name = "s4", .in = "s4[2,2]: 1 2 3 4", .out = "s4[2,2]: 1 2 3 4" },
                                       { .name = "empty", .in = "f32[0]:", .out = "f32[0]:" },
                                       ET_END };
