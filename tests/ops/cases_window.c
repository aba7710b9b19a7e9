/* SPDX-License-Identifier: Apache-2.0
 * Cases of WindowFunction and MelWeightMatrix; expected values from onnxruntime. */
#include "ops_test.h"

const et_case et_cases_WindowFunction[] = {
  { .name = "hann_symmetric",
    .attrs = "kind=0 periodic=0",
    .in = "s64[]: 9",
    .out = "f32[9]: 0 0.146446615 0.5 0.853553414 1 0.853553414 0.5 0.146446615 0",
    .tol = 1e-06 },
  { .name = "hann",
    .attrs = "kind=0 periodic=1",
    .in = "s64[]: 9",
    .out = "f32[9]: 0 0.116977781 0.413175911 0.75 0.969846308 0.969846308 0.75 0.413175911 0.116977781",
    .tol = 1e-06 },
  { .name = "hamming_symmetric",
    .attrs = "kind=1 periodic=0",
    .in = "s64[]: 9",
    .out = "f32[9]: 0.086956501 0.220668629 0.543478251 0.866287887 1 0.866287887 0.543478251 0.220668629 "
           "0.086956501",
    .tol = 1e-06 },
  { .name = "hamming",
    .attrs = "kind=1 periodic=1",
    .in = "s64[]: 9",
    .out = "f32[9]: 0.086956501 0.193762302 0.464204073 0.771739125 0.972468376 0.972468376 0.771739125 0.464204073 "
           "0.193762302",
    .tol = 1e-06 },
  { .name = "blackman_symmetric",
    .attrs = "kind=2 periodic=0",
    .in = "s64[]: 9",
    .out = "f32[9]: 1.49011612e-08 0.0664466247 0.340000004 0.773553431 1 0.773553431 0.340000033 0.0664466247 "
           "1.49011612e-08",
    .tol = 1e-06 },
  { .name = "blackman",
    .attrs = "kind=2 periodic=1",
    .in = "s64[]: 9",
    .out = "f32[9]: 1.49011612e-08 0.0508696474 0.258000523 0.629999995 0.951129854 0.951129854 0.629999995 "
           "0.258000523 0.0508696474",
    .tol = 1e-06 },
  { .name = "f64", .attrs = "dtype=4", .in = "s32[]: 4", .out = "f64[4]: 0 0.5 1 0.5", .tol = 1e-12 },
  { .name = "empty", .in = "s64[]: 0", .out = "f32[0]: " },
  { .name = "unknown", .in = "s64[]", .out = "f32[?]" },
  { .name = "negative", .in = "s64[]: -3", .out = "f32[*]", .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "huge", .in = "s64[]: 1125899906842624", .out = "f32[*]", .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "kind", .attrs = "kind=3", .in = "s64[]: 3", .out = "f32[*]", .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "type", .attrs = "dtype=13", .in = "s64[]: 3", .out = "f32[*]", .status = EDGE_STATUS_UNSUPPORTED_TYPE },
  ET_END
};

const et_case et_cases_MelWeightMatrix[] = {
  { .name = "eight",
    .in = "s64[]: 8; s64[]: 16; s64[]: 8192; f32[]: 0; f32[]: 4096",
    .out = "f32[9,8]: 1 1 0 0 0 0 0 0 0 0 1 1 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 "
           "1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0" },
  { .name = "narrow",
    .in = "s64[]: 5; s64[]: 32; s64[]: 16000; f32[]: 125; f32[]: 7000",
    .out = "f32[17,5]: 1 0 0 0 0 0 1 0 0 0 0 0 1 0 0 0 0 0.5 0.5 0 0 0 0 1 0 0 0 0 0.5 0.5 0 0 0 0 1 0 0 0 0 0.75 0 "
           "0 0 0 0.5 0 0 0 0 0.25 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0" },
  { .name = "wide",
    .in = "s64[]: 3; s64[]: 20; s64[]: 8000; f32[]: 20; f32[]: 3800",
    .out = "f32[11,3]: 1 0 0 0.5 0.5 0 0 1 0 0 0 1 0 0 0.666666687 0 0 0.333333343 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0" },
  { .name = "unknown", .in = "s64[]; s64[]: 16; s64[]: 8192; f32[]: 0; f32[]: 4096", .out = "f32[?,?]" },
  { .name = "order",
    .in = "s64[]: 8; s64[]: 16; s64[]: 8192; f32[]: 4096; f32[]: 0",
    .out = "f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "rate",
    .in = "s64[]: 8; s64[]: 16; s64[]: 0; f32[]: 0; f32[]: 4096",
    .out = "f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "negative",
    .in = "s64[]: -8; s64[]: 16; s64[]: 8192; f32[]: 0; f32[]: 4096",
    .out = "f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "beyond",
    .in = "s64[]: 8; s64[]: 16; s64[]: 8192; f32[]: 0; f32[]: 99999",
    .out = "f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "nan",
    .in = "s64[]: 8; s64[]: 16; s64[]: 8192; f32[]: 0; f32[]: nan",
    .out = "f32[*]",
    .status = EDGE_STATUS_INVALID_VALUE },
  { .name = "float_bins",
    .in = "f32[]: 8; s64[]: 16; s64[]: 8192; f32[]: 0; f32[]: 4096",
    .out = "f32[*]",
    .status = EDGE_STATUS_TYPE_MISMATCH },
  ET_END
};
