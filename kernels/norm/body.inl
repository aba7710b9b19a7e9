/* SPDX-License-Identifier: Apache-2.0
 * f32 row operators for any vector word. Rows are read two or three times; they are expected to stay in L1 or L2. */
#include "../vec/math.h"

#include <math.h>

VF_INLINE vf load_or(const float *p, size_t left, vf other, vf first) {
  /* lanes beyond the row take `other` */
  if (left >= VF_LANES) return vf_load(p);
  return vf_select(vf_lt(first, vf_set1((float)left)), vf_load_n(p, left), other);
}

VF_INLINE vf lane_numbers(void) {
  static const float numbers[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
  return vf_load(numbers);
}

VF_INLINE void put(float *p, vf v, size_t left) {
  if (left >= VF_LANES) {
    vf_store(p, v);
  } else {
    vf_store_n(p, v, left);
  }
}

static float row_max(const float *x, size_t n) {
  const vf low = vf_set1(-INFINITY), lane = lane_numbers();
  vf a = low, b = low;
  size_t i = 0;
  for (; i + 2 * VF_LANES <= n; i += 2 * VF_LANES) {
    a = vf_max(a, vf_load(x + i));
    b = vf_max(b, vf_load(x + i + VF_LANES));
  }
  for (; i < n; i += VF_LANES) a = vf_max(a, load_or(x + i, n - i, low, lane));
  return vf_hmax(vf_max(a, b));
}

static void softmax(const ek_norm_f32_args *g, size_t row0, size_t row1) {
  const vf beta = vf_set1(g->p0), lane = lane_numbers(), low = vf_set1(-INFINITY);
  for (size_t r = row0; r < row1; ++r) {
    const float *const x = g->x + r * g->n;
    float *const y = g->y + r * g->n;
    const vf top = vf_set1(row_max(x, g->n));
    vf sum = vf_zero();
    for (size_t i = 0; i < g->n; i += VF_LANES) {
      const vf e = vm_exp(vf_mul(beta, vf_sub(load_or(x + i, g->n - i, low, lane), top)));
      const vf kept = g->n - i < VF_LANES ? vf_select(vf_lt(lane, vf_set1((float)(g->n - i))), e, vf_zero()) : e;
      sum = vf_add(sum, kept);
      put(y + i, e, g->n - i);
    }
    const vf scale = vf_set1(1.0f / vf_sum(sum));
    for (size_t i = 0; i < g->n; i += VF_LANES) {
      put(y + i, vf_mul(scale, load_or(y + i, g->n - i, vf_zero(), lane)), g->n - i);
    }
  }
}

static void log_softmax(const ek_norm_f32_args *g, size_t row0, size_t row1) {
  const vf lane = lane_numbers(), low = vf_set1(-INFINITY);
  for (size_t r = row0; r < row1; ++r) {
    const float *const x = g->x + r * g->n;
    float *const y = g->y + r * g->n;
    const vf top = vf_set1(row_max(x, g->n)), beta = vf_set1(g->p0);
    vf sum = vf_zero();
    for (size_t i = 0; i < g->n; i += VF_LANES) {
      const vf e = vm_exp(vf_mul(beta, vf_sub(load_or(x + i, g->n - i, low, lane), top)));
      sum = vf_add(sum, g->n - i < VF_LANES ? vf_select(vf_lt(lane, vf_set1((float)(g->n - i))), e, vf_zero()) : e);
    }
    const vf offset = vf_set1(logf(vf_sum(sum)));
    for (size_t i = 0; i < g->n; i += VF_LANES) {
      const vf d = vf_mul(beta, vf_sub(load_or(x + i, g->n - i, vf_zero(), lane), top));
      put(y + i, vf_sub(d, offset), g->n - i);
    }
  }
}

static float row_sum(const float *x, size_t n) {
  const vf lane = lane_numbers();
  vf a = vf_zero(), b = vf_zero();
  size_t i = 0;
  for (; i + 2 * VF_LANES <= n; i += 2 * VF_LANES) {
    a = vf_add(a, vf_load(x + i));
    b = vf_add(b, vf_load(x + i + VF_LANES));
  }
  for (; i < n; i += VF_LANES) a = vf_add(a, load_or(x + i, n - i, vf_zero(), lane));
  return vf_sum(vf_add(a, b));
}

static float row_squares(const float *x, size_t n, float mean) {
  const vf lane = lane_numbers(), m = vf_set1(mean);
  vf a = vf_zero(), b = vf_zero();
  size_t i = 0;
  for (; i + 2 * VF_LANES <= n; i += 2 * VF_LANES) {
    const vf p = vf_sub(vf_load(x + i), m), q = vf_sub(vf_load(x + i + VF_LANES), m);
    a = vf_fma(a, p, p);
    b = vf_fma(b, q, q);
  }
  for (; i < n; i += VF_LANES) {
    const vf p = vf_sub(load_or(x + i, n - i, m, lane), m);
    a = vf_fma(a, p, p);
  }
  return vf_sum(vf_add(a, b));
}

static void normalise(const ek_norm_f32_args *g, size_t row0, size_t row1, int centre) {
  const vf lane = lane_numbers(), zero = vf_zero();
  for (size_t r = row0; r < row1; ++r) {
    const float *const x = g->x + r * g->n;
    float *const y = g->y + r * g->n;
    const float mean = centre ? row_sum(x, g->n) / (float)g->n : 0.0f;
    const float variance = row_squares(x, g->n, mean) / (float)g->n;
    const vf inverse = vf_set1(1.0f / sqrtf(variance + g->p0)), m = vf_set1(mean);
    for (size_t i = 0; i < g->n; i += VF_LANES) {
      const size_t left = g->n - i;
      vf v = vf_mul(vf_sub(load_or(x + i, left, zero, lane), m), inverse);
      if (g->scale) v = vf_mul(v, load_or(g->scale + i, left, zero, lane));
      if (g->bias) v = vf_add(v, load_or(g->bias + i, left, zero, lane));
      put(y + i, v, left);
    }
  }
}
static void layer(const ek_norm_f32_args *g, size_t row0, size_t row1) {
  normalise(g, row0, row1, 1);
}
static void rms(const ek_norm_f32_args *g, size_t row0, size_t row1) {
  normalise(g, row0, row1, 0);
}

/* softmax over n of [outer][n][inner]: lanes are neighbouring columns */
static void softmax_columns(const ek_norm_f32_args *g, size_t row0, size_t row1) {
  const size_t blocks = (g->inner + VF_LANES - 1) / VF_LANES;
  const vf beta = vf_set1(g->p0);
  for (size_t r = row0; r < row1; ++r) {
    const size_t column = r % blocks * VF_LANES, at = r / blocks * g->n * g->inner + column, left = g->inner - column;
    const float *const x = g->x + at;
    float *const y = g->y + at;
    const int whole = left >= VF_LANES;
    vf top = vf_set1(-INFINITY), sum = vf_zero();
    for (size_t i = 0; i < g->n; ++i) {
      top = vf_max(top, whole ? vf_load(x + i * g->inner) : vf_load_n(x + i * g->inner, left));
    }
    for (size_t i = 0; i < g->n; ++i) {
      const vf v = whole ? vf_load(x + i * g->inner) : vf_load_n(x + i * g->inner, left);
      const vf e = vm_exp(vf_mul(beta, vf_sub(v, top)));
      sum = vf_add(sum, e);
      put(y + i * g->inner, e, left);
    }
    const vf scale = vf_div(vf_set1(1.0f), sum);
    for (size_t i = 0; i < g->n; ++i) {
      float *const to = y + i * g->inner;
      put(to, vf_mul(scale, whole ? vf_load(to) : vf_load_n(to, left)), left);
    }
  }
}
