/* SPDX-License-Identifier: Apache-2.0
 * f32 depthwise convolution in plain loops, and with fused multiply-adds, which give the bits of the vector rows. */
#include "dwconv.h"

#include <math.h>

static inline float one(const ek_dwconv_f32_args *a, size_t n, size_t oy, size_t ox, size_t c, const int fused) {
  const float *const w = a->packed + c * (a->kh * a->kw + 1);
  const size_t x_rows = a->x_rows ? a->x_rows : a->ih;
  float sum = w[a->kh * a->kw];
  for (size_t ky = 0; ky < a->kh; ++ky) {
    const ptrdiff_t iy = (ptrdiff_t)(oy * a->sh + ky * a->dh) - a->pad_top;
    if (iy < 0 || iy >= (ptrdiff_t)a->ih) continue;
    for (size_t kx = 0; kx < a->kw; ++kx) {
      const ptrdiff_t ix = (ptrdiff_t)(ox * a->sw + kx * a->dw) - a->pad_left;
      if (ix < 0 || ix >= (ptrdiff_t)a->iw) continue;
      const float x = a->x[((n * x_rows + (size_t)iy % x_rows) * a->iw + (size_t)ix) * a->c + c];
      sum = fused ? fmaf(x, w[ky * a->kw + kx], sum) : sum + x * w[ky * a->kw + kx];
    }
  }
  return sum < a->lo ? a->lo : sum > a->hi ? a->hi : sum;
}

static inline void walk(const ek_dwconv_f32_args *a, size_t row0, size_t row1, size_t c0, size_t c1, const int fused) {
  for (size_t row = row0; row < row1; ++row) {
    for (size_t x = 0; x < a->ow; ++x) {
      for (size_t c = c0; c < c1; ++c) {
        a->y[(row * a->ow + x) * a->c + c] = one(a, row / a->oh, row % a->oh, x, c, fused);
      }
    }
  }
}

static void rows(const ek_dwconv_f32_args *a, size_t row0, size_t row1, size_t block0, size_t block1) {
  walk(a, row0, row1, block0, block1, 0);
}

static void fused_rows(const ek_dwconv_f32_args *a, size_t row0, size_t row1, size_t block0, size_t block1) {
  walk(a, row0, row1, block0, block1, 1);
}

const ek_dwconv_f32_kernel ek_dwconv_f32__ref = { .name = "dwconv_f32__ref", .isa = 0, .lanes = 1, .fn = rows };

const ek_dwconv_f32_kernel ek_dwconv_f32_fused__ref = {
  .name = "dwconv_f32_fused__ref", .isa = 0, .lanes = 1, .flags = EK_EXACT, .fn = fused_rows
};
