/* SPDX-License-Identifier: Apache-2.0
 * f32 reductions in plain loops. */
#include "reduce.h"

#define REDUCE(name, start, step, end)                                                                 \
  static void reduce_##name(const ek_reduce_f32_args *a, size_t o0, size_t o1, size_t i0, size_t i1) { \
    for (size_t o = o0; o < o1; ++o) {                                                                 \
      for (size_t i = i0; i < i1; ++i) {                                                               \
        const float *const x = a->x + o * a->n * a->inner + i;                                         \
        float acc = start;                                                                             \
        for (size_t k = 0; k < a->n; ++k) {                                                            \
          const float v = x[k * a->inner];                                                             \
          acc = step;                                                                                  \
        }                                                                                              \
        a->y[o * a->inner + i] = end;                                                                  \
      }                                                                                                \
    }                                                                                                  \
  }
REDUCE(sum, 0.0f, acc + v, acc * a->scale)
REDUCE(max, x[0], v != v || v > acc ? v : acc, acc)
REDUCE(min, x[0], v != v || v < acc ? v : acc, acc)

const ek_reduce_f32_kernel ek_reduce_f32__ref = {
  .name = "reduce_f32__ref", .isa = 0, .lanes = 1, .flags = EK_EXACT, .fn = { reduce_sum, reduce_max, reduce_min }
};
