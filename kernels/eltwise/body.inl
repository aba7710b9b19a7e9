/* SPDX-License-Identifier: Apache-2.0
 * f32 elementwise operators for any vector word. */
#include "../vec/math.h"

#define BINARY(name, expression)                                                                              \
  static void binary_##name(size_t n, const float *a, size_t a_step, const float *b, size_t b_step, float *y, \
                            float lo, float hi) {                                                             \
    const vf vlo = vf_set1(lo), vhi = vf_set1(hi);                                                            \
    size_t i = 0;                                                                                             \
    if (a_step && b_step) {                                                                                   \
      for (; i + VF_LANES <= n; i += VF_LANES) {                                                              \
        const vf p = vf_load(a + i), q = vf_load(b + i);                                                      \
        vf_store(y + i, vf_min(vhi, vf_max(vlo, expression)));                                                \
      }                                                                                                       \
    } else if (n) {                                                                                           \
      const vf pa = vf_set1(*a), qb = vf_set1(*b);                                                            \
      for (; i + VF_LANES <= n; i += VF_LANES) {                                                              \
        const vf p = a_step ? vf_load(a + i) : pa, q = b_step ? vf_load(b + i) : qb;                          \
        vf_store(y + i, vf_min(vhi, vf_max(vlo, expression)));                                                \
      }                                                                                                       \
    }                                                                                                         \
    if (i < n) {                                                                                              \
      const vf p = a_step ? vf_load_n(a + i, n - i) : vf_set1(*a);                                            \
      const vf q = b_step ? vf_load_n(b + i, n - i) : vf_set1(*b);                                            \
      vf_store_n(y + i, vf_min(vhi, vf_max(vlo, expression)), n - i);                                         \
    }                                                                                                         \
  }

#define UNARY(name, expression)                                                      \
  static void unary_##name(size_t n, const float *x, float *y, float p0, float p1) { \
    const vf c0 = vf_set1(p0), c1 = vf_set1(p1);                                     \
    (void)c0, (void)c1;                                                              \
    size_t i = 0;                                                                    \
    for (; i + VF_LANES <= n; i += VF_LANES) {                                       \
      const vf v = vf_load(x + i);                                                   \
      vf_store(y + i, expression);                                                   \
    }                                                                                \
    if (i < n) {                                                                     \
      const vf v = vf_load_n(x + i, n - i);                                          \
      vf_store_n(y + i, expression, n - i);                                          \
    }                                                                                \
  }

VF_INLINE vf nan_or(vf a, vf b, vf v) {
  return vf_select(vf_nan(a, b), vf_add(a, b), v);
}
VF_INLINE vf unit(vf v) {
  return vf_min(vf_set1(1.0f), vf_max(vf_zero(), v));
}

VF_INLINE vf elu(vf v, vf alpha, vf scale) {
  const vf below = vf_mul(alpha, vf_sub(vm_exp(v), vf_set1(1.0f)));
  /* near zero exp(v) - 1 loses its digits: a short series keeps them */
  const vf series =
      vf_mul(alpha, vf_mul(v, vf_madd(v, vf_madd(v, vf_madd(v, vf_set1(1.0f / 24), vf_set1(1.0f / 6)), vf_set1(0.5f)),
                                      vf_set1(1.0f))));
  const vf negative = vf_select(vf_lt(v, vf_set1(-0.05f)), below, series);
  return vf_mul(scale, vf_select(vf_lt(v, vf_zero()), negative, v));
}

VF_INLINE vf softplus(vf v) {
  /* max(v, 0) + log(1 + exp(-|v|)) */
  return vf_add(vf_max(vf_zero(), v), vm_log(vf_add(vf_set1(1.0f), vm_exp(vf_sub(vf_zero(), vf_abs(v))))));
}

BINARY(add, vf_add(p, q))
BINARY(sub, vf_sub(p, q))
BINARY(mul, vf_mul(p, q))
BINARY(div, vf_div(p, q))
BINARY(min, nan_or(p, q, vf_min(p, q)))
BINARY(max, nan_or(p, q, vf_max(p, q)))
BINARY(sqdiff, vf_mul(vf_sub(p, q), vf_sub(p, q)))
BINARY(prelu, vf_select(vf_lt(p, vf_zero()), vf_mul(p, q), p))

UNARY(clamp, vf_min(c1, vf_max(c0, v)))
UNARY(leaky, vf_select(vf_lt(v, vf_zero()), vf_mul(v, c0), v))
UNARY(elu, elu(v, c0, c1))
UNARY(hsigmoid, unit(vf_add(vf_mul(c0, v), c1)))
UNARY(hswish, vf_mul(v, unit(vf_add(vf_mul(v, vf_set1(1.0f / 6.0f)), vf_set1(0.5f)))))
UNARY(sigmoid, vm_sigmoid(v))
UNARY(tanh, vm_tanh(v))
UNARY(swish, vf_mul(v, vm_sigmoid(vf_mul(c0, v))))
UNARY(gelu, vm_gelu(v))
UNARY(gelu_tanh, vm_gelu_tanh(v))
UNARY(erf, vm_erf(v))
UNARY(exp, vm_exp(v))
UNARY(log, vm_log(v))
UNARY(sqrt, vf_sqrt(v))
UNARY(rsqrt, vf_div(vf_set1(1.0f), vf_sqrt(v)))
UNARY(reciprocal, vf_div(vf_set1(1.0f), v))
UNARY(neg, vf_sub(vf_set1(-0.0f), v))
UNARY(abs, vf_abs(v))
UNARY(square, vf_mul(v, v))
UNARY(floor, vf_floor(v))
UNARY(ceil, vf_ceil(v))
UNARY(round, vf_round(v))
UNARY(softplus, softplus(v))
UNARY(affine, vf_add(vf_mul(c0, v), c1))
