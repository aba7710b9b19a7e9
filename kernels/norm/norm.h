/* SPDX-License-Identifier: Apache-2.0
 * f32 operators on rows of n contiguous values: softmax, log-softmax, layer and RMS normalisation.
 *
 * Sums run in `lanes` partial sums; softmax agrees with the reference within 1e-6 relative to each value plus 1e-7,
 * the normalisations within 4e-6 of the largest magnitude of the row. y may be x. */
#ifndef EK_NORM_H
#define EK_NORM_H

#include "../ek.h"

typedef struct ek_norm_f32_args {
  size_t rows, n; /* rows follow each other */
  const float *x;
  const float *scale, *bias; /* n values or NULL */
  float *y;
  float p0;     /* softmax: beta; normalisations: epsilon */
  size_t inner; /* columns only: values are [outer][n][inner], a row is `lanes` neighbouring columns */
} ek_norm_f32_args;
/** Rows [row0, row1). */
typedef void (*ek_norm_f32_fn)(const ek_norm_f32_args *args, size_t row0, size_t row1);

typedef enum ek_norm_f32_op {
  EK_NORM_SOFTMAX,
  EK_NORM_LOG_SOFTMAX,
  EK_NORM_LAYER,
  EK_NORM_RMS,
  EK_NORM_SOFTMAX_COLUMNS,
  EK_NORM_COUNT
} ek_norm_f32_op;

typedef struct ek_norm_f32_kernel {
  const char *name;
  uint64_t isa;
  uint32_t lanes;
  uint32_t flags;
  ek_norm_f32_fn fn[EK_NORM_COUNT];
} ek_norm_f32_kernel;

#define EK_NORM_F32(isa, kernel) extern const ek_norm_f32_kernel kernel;
#include "norm.def"
#undef EK_NORM_F32

const ek_norm_f32_kernel *ek_norm_f32_select(uint64_t have, uint32_t need);
const ek_norm_f32_kernel *ek_norm_f32_at(uint32_t i); /* NULL beyond the last row */

#endif
