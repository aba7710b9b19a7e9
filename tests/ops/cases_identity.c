/* SPDX-License-Identifier: Apache-2.0
 * Identity: expected values from Python, ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Identity[] = { { .name = "f32", .in = "f32[1,2]: 1 0", .out = "f32[1,2]: 1 0" },
                                      { .name = "s4", .in = "s4[1,2]: 1 0", .out = "s4[1,2]: 1 0" },
                                      { .name = "bool", .in = "bool[1,2]: 1 0", .out = "bool[1,2]: 1 0" },
                                      { .name = "u16", .in = "u16[1,2]: 1 0", .out = "u16[1,2]: 1 0" },
                                      { .name = "f64", .in = "f64[1,2]: 1 0", .out = "f64[1,2]: 1 0" },
                                      { .name = "empty", .in = "f32[0]:", .out = "f32[0]:" },
                                      ET_END };
