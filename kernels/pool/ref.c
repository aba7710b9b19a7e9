/* SPDX-License-Identifier: Apache-2.0
 * f32 pools in plain loops. */
#include "pool.h"
#include <math.h>

static float one(const ek_pool_f32_args *a, size_t n, size_t oy, size_t ox, size_t c) {
  float best = -INFINITY, sum = 0.0f; /* NaN is never the largest */
  size_t count = 0;
  for (size_t ky = 0; ky < a->kh; ++ky) {
    const ptrdiff_t iy = (ptrdiff_t)(oy * a->sh + ky * a->dh) - a->pad_top;
    if (iy < 0 || iy >= (ptrdiff_t)a->ih) continue;
    for (size_t kx = 0; kx < a->kw; ++kx) {
      const ptrdiff_t ix = (ptrdiff_t)(ox * a->sw + kx * a->dw) - a->pad_left;
      if (ix < 0 || ix >= (ptrdiff_t)a->iw) continue;
      const float v = a->x[((n * a->ih + (size_t)iy) * a->iw + (size_t)ix) * a->c + c];
      ++count;
      if (v > best) best = v;
      sum += v;
    }
  }
  const float v = a->average ? sum / (float)(a->whole_window ? a->kh * a->kw : count ? count : 1) : best;
  return v < a->lo ? a->lo : v > a->hi ? a->hi : v;
}

static void pixels(const ek_pool_f32_args *a, size_t p0, size_t p1) {
  for (size_t p = p0; p < p1; ++p) {
    for (size_t c = 0; c < a->c; ++c) {
      a->y[p * a->c + c] = one(a, p / (a->ow * a->oh), p / a->ow % a->oh, p % a->ow, c);
    }
  }
}

const ek_pool_f32_kernel ek_pool_f32__ref = {
  .name = "pool_f32__ref", .isa = 0, .lanes = 1, .flags = EK_EXACT, .fn = pixels
};
