/* SPDX-License-Identifier: Apache-2.0
 * Portable 8-bit elementwise arithmetic: the meaning of all others. */
#include "qeltwise.h"
#include <math.h>
#include <string.h>

static uint8_t store(const ek_qelt_args *p, float v) {
  v = rintf(v);
  if (!(v > -1e9f)) v = -1e9f;
  if (v > 1e9f) v = 1e9f;
  const int32_t q = (int32_t)v + p->zy;
  return (uint8_t)((q < p->lo ? p->lo : q > p->hi ? p->hi : q) & 255);
}

static int32_t load(const uint8_t *x, uint32_t flip, int32_t zero) {
  return (int32_t)(*x ^ (flip & 255u)) - zero;
}

void ek_qadd__ref(const ek_qelt_args *p, size_t n, const uint8_t *a, const uint8_t *b, size_t b_step, uint8_t *y) {
  for (size_t i = 0; i < n; ++i, b += b_step) {
    const float pa = (float)load(a + i, p->flip_a, p->za) * p->ra, pb = (float)load(b, p->flip_b, p->zb) * p->rb;
    y[i] = store(p, pa + pb);
  }
}

void ek_qmul__ref(const ek_qelt_args *p, size_t n, const uint8_t *a, const uint8_t *b, size_t b_step, uint8_t *y) {
  for (size_t i = 0; i < n; ++i, b += b_step)
    y[i] = store(p, (float)(load(a + i, p->flip_a, p->za) * load(b, p->flip_b, p->zb)) * p->ra);
}

void ek_quant__ref(const ek_qelt_args *p, size_t n, const float *x, uint8_t *y) {
  for (size_t i = 0; i < n; ++i) y[i] = store(p, x[i] == x[i] ? x[i] / p->ra : (float)-p->zy);
}

void ek_dequant__ref(const ek_qelt_args *p, size_t n, const uint8_t *x, float *y) {
  for (size_t i = 0; i < n; ++i) y[i] = (float)load(x + i, p->flip_a, p->za) * p->ra;
}

void ek_qscale__ref(size_t n, const void *x, const float *mult, size_t step, const float *add, void *y) {
  for (size_t i = 0; i < n; ++i) {
    int32_t q;
    memcpy(&q, (const char *)x + i * 4, 4);
    float v = (float)q * mult[i * step];
    if (add) v = v + add[i];
    memcpy((char *)y + i * 4, &v, 4);
  }
}

void ek_range__ref(size_t n, const float *x, float *lo, float *hi) {
  for (size_t i = 0; i < n; ++i) {
    if (x[i] < *lo) *lo = x[i];
    if (x[i] > *hi) *hi = x[i];
  }
}

void ek_steps__ref(const ek_qelt_args *p, size_t n, const float *x, uint8_t *y) {
  const float lo = (float)(p->lo - p->zy), hi = (float)(p->hi - p->zy);
  for (size_t i = 0; i < n; ++i) {
    float v = x[i] * p->ra;
    v = v > lo ? v : lo;
    v = v < hi ? v : hi;
    y[i] = (uint8_t)((int32_t)rintf(v) + p->zy);
  }
}

void ek_rows__ref(size_t rows, size_t n, int symmetric, const float *x, ek_qelt_unit *units, uint8_t *y) {
  for (size_t i = 0; i < rows; ++i, x += n, y += n) {
    float lo = 0.0f, hi = 0.0f;
    ek_range__ref(n, x, &lo, &hi);
    units[i] = ek_qelt_unit_of(lo, hi, symmetric);
    const ek_qelt_args p = { .ra = 1.0f / units[i].scale, .zy = units[i].zero, .lo = symmetric ? 1 : 0, .hi = 255 };
    ek_steps__ref(&p, n, x, y);
  }
}

void ek_real__ref(const ek_qelt_real_args *p, size_t rows, size_t n, void *y, size_t ld) {
  for (size_t r = 0; r < rows; ++r) {
    const ek_qelt_unit *const u = p->units + r * p->unit_step;
    char *const to = (char *)y + r * ld * 4;
    for (size_t i = 0; i < n; ++i) {
      uint32_t q;
      memcpy(&q, to + i * 4, 4);
      q -= (uint32_t)(u->zero + p->shift) * (uint32_t)p->sums[i];
      float v = (float)(int32_t)q * (u->scale * p->mult[i]);
      if (p->bias) v = v + p->bias[i];
      v = v > p->lo ? v : p->lo;
      v = v < p->hi ? v : p->hi;
      memcpy(to + i * 4, &v, 4);
    }
  }
}
