/* SPDX-License-Identifier: Apache-2.0
 * f32 convolution in plain loops. */
#include "conv.h"

static float one(const ek_conv_f32_args *a, const float *w, size_t n, size_t oy, size_t ox, size_t g, size_t o) {
  float sum = 0.0f;
  for (size_t ky = 0; ky < a->kh; ++ky) {
    const ptrdiff_t iy = (ptrdiff_t)(oy * a->sh + ky * a->dh) - a->pad_top;
    if (iy < 0 || iy >= (ptrdiff_t)a->ih) continue;
    for (size_t kx = 0; kx < a->kw; ++kx) {
      const ptrdiff_t ix = (ptrdiff_t)(ox * a->sw + kx * a->dw) - a->pad_left;
      if (ix < 0 || ix >= (ptrdiff_t)a->iw) continue;
      const float *const x = a->x + ((n * a->ih + (size_t)iy) * a->iw + (size_t)ix) * a->groups * a->c_in + g * a->c_in;
      const float *const v = w + (((g * a->c_out + o) * a->kh + ky) * a->kw + kx) * a->c_in;
      for (size_t c = 0; c < a->c_in; ++c) sum += x[c] * v[c];
    }
  }
  return sum;
}

void ek_conv_f32__ref(const ek_conv_f32_args *a, const float *w, const float *bias) {
  for (size_t m = 0; m < a->batch * a->oh * a->ow; ++m) {
    for (size_t g = 0; g < a->groups; ++g) {
      for (size_t o = 0; o < a->c_out; ++o) {
        const size_t c = g * a->c_out + o, at = m * a->groups * a->c_out + c;
        float v = one(a, w, m / (a->ow * a->oh), m / a->ow % a->oh, m % a->ow, g, o) + (bias ? bias[c] : 0.0f);
        if (a->residual) v += a->residual[at];
        a->y[at] = v < a->lo ? a->lo : v > a->hi ? a->hi : v;
      }
    }
  }
}
