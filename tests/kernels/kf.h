/* SPDX-License-Identifier: Apache-2.0
 * Helpers of the f32 kernel tests: data with edges, comparison with a bound. */
#ifndef KF_H
#define KF_H

#include "kt.h"

#include <math.h>

static inline float kf_rand(float lo, float hi) {
  return lo + (hi - lo) * (float)(kt_rand() >> 8) * (1.0f / 16777216.0f);
}
static inline void kf_fill(float *p, size_t n, float lo, float hi) {
  for (size_t i = 0; i < n; ++i) p[i] = kf_rand(lo, hi);
}
static inline float *kf_data(kt_buffer b) {
  return b.data;
}

/** Distance in units in the last place of the wanted value; NaN equals NaN, and equal infinities agree. */
static inline double kf_ulp(float got, double want) {
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0.0 : 1e30;
  if ((float)want == got) return 0.0;
  if (isinf((float)want) || isinf(got)) return 1e30;
  int exponent = 0;
  frexp(want, &exponent);
  if (exponent < -125) exponent = -125;
  return fabs((double)got - want) / ldexp(1.0, exponent - 24);
}

#endif
