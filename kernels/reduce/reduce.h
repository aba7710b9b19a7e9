/* SPDX-License-Identifier: Apache-2.0
 * f32 reductions of [outer][n][inner] over n: sum, mean, max, min. Sums run in order of n for inner > 1 and in
 * `lanes` partial sums for inner == 1: within n ULP of sum |x|; max and min are exact. */
#ifndef EK_REDUCE_H
#define EK_REDUCE_H

#include "../ek.h"

typedef enum ek_reduce_f32_op { EK_REDUCE_SUM, EK_REDUCE_MAX, EK_REDUCE_MIN, EK_REDUCE_COUNT } ek_reduce_f32_op;

typedef struct ek_reduce_f32_args {
  size_t outer, n, inner;
  const float *x;
  float *y;
  float scale; /* sums are multiplied by it (mean: 1 / n) */
} ek_reduce_f32_args;
/** Slices [o0, o1) of outer, inner positions [i0, i1). n is at least 1. */
typedef void (*ek_reduce_f32_fn)(const ek_reduce_f32_args *args, size_t o0, size_t o1, size_t i0, size_t i1);

typedef struct ek_reduce_f32_kernel {
  const char *name;
  uint64_t isa;
  uint32_t lanes;
  uint32_t flags;
  ek_reduce_f32_fn fn[EK_REDUCE_COUNT];
} ek_reduce_f32_kernel;

#define EK_REDUCE_F32(isa, kernel) extern const ek_reduce_f32_kernel kernel;
#include "reduce.def"
#undef EK_REDUCE_F32

const ek_reduce_f32_kernel *ek_reduce_f32_select(uint64_t have, uint32_t need);
const ek_reduce_f32_kernel *ek_reduce_f32_at(uint32_t i); /* NULL beyond the last row */

#endif
