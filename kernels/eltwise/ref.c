/* SPDX-License-Identifier: Apache-2.0
 * f32 elementwise operators in plain C, through double where a function is involved. */
#include "eltwise.h"

#include <math.h>

static float clamp(float v, float lo, float hi) {
  return v < lo ? lo : v > hi ? hi : v;
}

#define BINARY(name, expression)                                                                              \
  static void binary_##name(size_t n, const float *a, size_t a_step, const float *b, size_t b_step, float *y, \
                            float lo, float hi) {                                                             \
    for (size_t i = 0; i < n; ++i) {                                                                          \
      const float p = a[i * a_step], q = b[i * b_step];                                                       \
      y[i] = clamp(expression, lo, hi);                                                                       \
    }                                                                                                         \
  }
#define UNARY(name, expression)                                                      \
  static void unary_##name(size_t n, const float *x, float *y, float p0, float p1) { \
    (void)p0, (void)p1;                                                              \
    for (size_t i = 0; i < n; ++i) {                                                 \
      const float v = x[i];                                                          \
      const double d = (double)v;                                                    \
      (void)d;                                                                       \
      y[i] = (float)(expression);                                                    \
    }                                                                                \
  }

static int any_nan(float a, float b) {
  return a != a || b != b;
}

BINARY(add, p + q)
BINARY(sub, p - q)
BINARY(mul, p *q)
BINARY(div, p / q)
BINARY(min, any_nan(p, q) ? p + q : p < q ? p : q)
BINARY(max, any_nan(p, q) ? p + q : p > q ? p : q)
BINARY(sqdiff, (p - q) * (p - q))
BINARY(prelu, p < 0.0f ? p * q : p)

UNARY(clamp, clamp(v, p0, p1))
UNARY(leaky, v < 0.0f ? v * p0 : v)
UNARY(elu, (double)p1 *(v < 0.0f ? (double)p0 * expm1(d) : d))
UNARY(hsigmoid, clamp(p0 *v + p1, 0.0f, 1.0f))
UNARY(hswish, v *clamp(v *(1.0f / 6.0f) + 0.5f, 0.0f, 1.0f))
UNARY(sigmoid, 1.0 / (1.0 + exp(-d)))
UNARY(tanh, tanh(d))
UNARY(swish, d / (1.0 + exp(-(double)p0 * d)))
UNARY(gelu, 0.5 * d * (1.0 + erf(d * 0.70710678118654752440)))
UNARY(gelu_tanh, 0.5 * d * (1.0 + tanh(0.79788456080286535588 * (d + 0.044715 * d * d * d))))
UNARY(erf, erf(d))
UNARY(exp, exp(d))
UNARY(log, log(d))
UNARY(sqrt, sqrtf(v))
UNARY(rsqrt, 1.0f / sqrtf(v))
UNARY(reciprocal, 1.0f / v)
UNARY(neg, -v)
UNARY(abs, fabsf(v))
UNARY(square, v *v)
UNARY(floor, floorf(v))
UNARY(ceil, ceilf(v))
UNARY(round, rintf(v))
UNARY(softplus, fmax(d, 0.0) + log1p(exp(-fabs(d))))
UNARY(affine, p0 *v + p1)

const ek_eltwise_f32_kernel ek_eltwise_f32__ref = {
  .name = "eltwise_f32__ref",
  .isa = 0,
  .lanes = 1,
  .flags = EK_EXACT,
#include "list.inl"
};
