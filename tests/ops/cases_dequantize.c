/* SPDX-License-Identifier: Apache-2.0
 * Dequantize: expected values from ONNX Runtime and LiteRT. */
#include "ops_test.h"

const et_case et_cases_Dequantize[] = {
  { .name = "u8 by inputs", .in = "u8[4]: 0 3 128 255; f32[]: 2; u8[]: 128", .out = "f32[4]: -256 -250 0 254" },
  { .name = "per axis 1",
    .in = "s8[2,3,2]: 25 -19 101 105 -93 -14 45 22 113 -29 82 -23; f32[3]: 0.5 1 2; s8[3]: 0 -5 10",
    .out = "f32[2,3,2]: 12.5 -9.5 106 110 -206 -48 22.5 11 118 -24 144 -66" },
  { .name = "s32", .in = "s32[2]: 100000 -7; f32[]: 0.5", .out = "f32[2]: 50000 -3.5" },
  { .name = "blocks",
    .attrs = "axis=1 block=2",
    .in = "s8[1,3]: 3 4 11; f32[1,2]: 1 0.5; s8[1,2]: 0 1",
    .out = "f32[1,3]: 3 4 5" },
  { .name = "s4 by its own parameters", .in = "s4[2,2] q(0.5 1, 0 1 @0): -8 7 3 1", .out = "f32[2,2]: -4 3.5 2 0" },
  { .name = "f16 input", .in = "f16[2]: 1.5 -2", .out = "f32[2]: 1.5 -2" },
  { .name = "to f16", .in = "s8[2]: 4 6; f16[]: 0.5", .out = "f16[2]: 2 3" },
  { .name = "LiteRT s8",
    .in = "s8[8] q(0.03, 7): -39 108 125 11 -21 12 -109 3",
    .out = "f32[8]: -1.38 3.03 3.54 0.12 -0.83999997 0.14999999 -3.48 -0.12" },
  { .name = "blocks of its own", .in = "s8[2,3] q(1 2 3 4, 0 @1 /2): 1 2 3 4 5 6", .out = "f32[2,3]: 1 2 6 12 15 24" },
  { .name = "scale too long", .in = "s8[2]: 1 2; f32[3]: 1 1 1", .out = "f32[2]", .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "zero point of another type",
    .in = "s8[2]: 1 2; f32[]: 1; u8[]: 1",
    .out = "f32[2]",
    .status = EDGE_STATUS_TYPE_MISMATCH },
  { .name = "bool", .in = "bool[2]: 1 1; f32[]: 1", .out = "f32[2]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  { .name = "to an integer",
    .attrs = "dtype=5",
    .in = "s8[2]: 1 2; f32[]: 1",
    .out = "s8[2]",
    .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  ET_END
};
