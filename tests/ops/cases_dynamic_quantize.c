/* SPDX-License-Identifier: Apache-2.0
 * DynamicQuantize: expected values from ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_DynamicQuantize[] = {
  { .name = "both signs",
    .in = "f32[6]: 0 2 -3 -2.5 1.34 0.5",
    .out = "u8[6]: 153 255 0 26 221 179; f32[]: 0.019607844; u8[]: 153",
    .tol = 1e-06 },
  { .name = "positive",
    .in = "f32[6]: 1 2.0999999 1.3 2.5 3.3399999 4",
    .out = "u8[6]: 64 134 83 159 213 255; f32[]: 0.015686275; u8[]: 0",
    .tol = 1e-06 },
  { .name = "negative",
    .in = "f32[2,3]: -1 -2.0999999 -1.3 -2.5 -3.3399999 -4",
    .out = "u8[2,3]: 191 121 172 96 42 0; f32[]: 0.015686275; u8[]: 255",
    .tol = 1e-06 },
  { .name = "zeros", .in = "f32[2]: 0 0", .out = "u8[2]: 0 0; f32[]: 1; u8[]: 0" },
  { .name = "only the scale", .in = "f32[2]: 0 255", .out = "-; f32[]: 1; -" },
  { .name = "f64", .in = "f64[1]: 1", .out = "u8[1]; f32[]; u8[]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  ET_END
};
