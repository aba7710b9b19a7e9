/* SPDX-License-Identifier: Apache-2.0
 * 8-bit elementwise arithmetic against plain loops: broadcast, signs, tails, NaN and infinity, guard pages;
 * rows quantized by their own range, sums that become floats. */
#include "kt.h"
#include "kernels/qeltwise/qeltwise.h"
#include <math.h>

static double clamp(const ek_qelt_args *p, double v) {
  return v < p->lo ? p->lo : v > p->hi ? p->hi : v;
}
static int32_t value(uint8_t b, uint32_t flip, int32_t z) {
  return (int32_t)(b ^ (flip & 255)) - z;
}

static int fail(const ek_qelt_desc *d, const char *what, size_t n, size_t i, double got, double want) {
  printf("%s %s n=%zu [%zu]: got %g, expected %g\n", d->name, what, n, i, got, want);
  return 1;
}

static int binary(const ek_qelt_desc *d, const ek_qelt_args *p, size_t n, int is_mul, size_t step) {
  const kt_buffer a = kt_get(n), b = kt_get(step ? n : 1), y = kt_get(n);
  kt_fill(a.data, n);
  kt_fill(b.data, step ? n : 1);
  (is_mul ? d->mul : d->add)(p, n, a.data, b.data, step, y.data);
  int bad = 0;
  for (size_t i = 0; i < n && !bad; ++i) {
    const int32_t va = value(((uint8_t *)a.data)[i], p->flip_a, p->za),
                  vb = value(((uint8_t *)b.data)[i * step], p->flip_b, p->zb);
    volatile float left = (float)va * p->ra, right = (float)vb * p->rb, both = (float)(va * vb) * p->ra;
    volatile float sum = left + right;
    const double want = clamp(p, nearbyint((double)(is_mul ? both : sum)) + p->zy);
    const uint8_t q = ((uint8_t *)y.data)[i];
    const double got = p->y_signed ? (int8_t)q : q;
    if (got != want) bad = fail(d, is_mul ? "mul" : "add", n, i, got, want);
  }
  kt_put(a), kt_put(b), kt_put(y);
  return bad;
}

static int convert(const ek_qelt_desc *d, const ek_qelt_args *p, size_t n) {
  const kt_buffer x = kt_get(n * 4), q = kt_get(n);
  float *const f = x.data;
  const float special[] = { NAN, INFINITY, -INFINITY,    1e30f,        -1e30f,
                            0.f, -0.f,     p->ra * 0.5f, p->ra * 1.5f, p->ra * -2.5f };
  for (size_t i = 0; i < n; ++i)
    f[i] = kt_rand() % 4 ? p->ra * ((float)kt_range(0, 6000) / 8.f - 375.f) : special[kt_rand() % 10];
  d->quant(p, n, f, q.data);
  int bad = 0;
  for (size_t i = 0; i < n && !bad; ++i) {
    volatile float steps = f[i] / p->ra;
    const double want = steps != steps ? clamp(p, 0) : clamp(p, nearbyint((double)steps) + p->zy);
    const uint8_t v = ((uint8_t *)q.data)[i];
    if ((double)(p->y_signed ? (int8_t)v : v) != want) bad = fail(d, "quant", n, i, v, want);
  }
  kt_fill(q.data, n);
  d->dequant(p, n, q.data, f);
  for (size_t i = 0; i < n && !bad; ++i) {
    const float want = (float)value(((uint8_t *)q.data)[i], p->flip_a, p->za) * p->ra;
    if (f[i] != want) bad = fail(d, "dequant", n, i, (double)f[i], (double)want);
  }
  kt_put(x), kt_put(q);
  return bad;
}

static int scale(const ek_qelt_desc *d, size_t n) {
  const kt_buffer x = kt_get(n * 4), m = kt_get(n * 4), a = kt_get(n * 4), y = kt_get(n * 4);
  int bad = 0;
  float lo = 0.f, hi = 0.f, want_lo = 0.f, want_hi = 0.f;
  for (size_t i = 0; i < n; ++i) {
    ((int32_t *)x.data)[i] = (int32_t)kt_rand();
    ((float *)m.data)[i] = (float)kt_range(1, 9999) * 1e-6f;
    ((float *)a.data)[i] = kt_rand() % 9 ? (float)kt_range(0, 9999) - 5000.f : NAN;
    if (((float *)a.data)[i] < want_lo) want_lo = ((float *)a.data)[i];
    if (((float *)a.data)[i] > want_hi) want_hi = ((float *)a.data)[i];
  }
  d->range(n, a.data, &lo, &hi);
  if (lo != want_lo || hi != want_hi) bad = fail(d, "range", n, 0, (double)lo, (double)want_lo);
  for (int mode = 0; mode < 4 && n && !bad; ++mode) {
    memcpy(y.data, x.data, n * 4);
    d->scale(n, mode ? y.data : x.data, m.data, (size_t)(mode & 1), mode & 2 ? a.data : NULL, y.data);
    for (size_t i = 0; i < n && !bad; ++i) {
      volatile float v = (float)((int32_t *)x.data)[i] * ((float *)m.data)[mode & 1 ? i : 0];
      if (mode & 2) v = v + ((float *)a.data)[i];
      const float got = ((float *)y.data)[i];
      if (got != v && !(got != got && v != v)) bad = fail(d, "scale", n, i, (double)got, (double)v);
    }
  }
  kt_put(x), kt_put(m), kt_put(a), kt_put(y);
  return bad;
}

/* rows quantized with parameters of their own; steps with given ones */
static int rows(const ek_qelt_desc *d, size_t count, size_t n, int symmetric) {
  const kt_buffer x = kt_get(count * n * 4), q = kt_get(count * n), u = kt_get(count * sizeof(ek_qelt_unit));
  ek_qelt_unit *const units = u.data;
  int bad = 0;
  for (size_t i = 0; i < count * n; ++i)
    ((float *)x.data)[i] = kt_rand() % 19 ? (float)kt_range(0, 2000) * 0.01f - (i / n % 3 ? 10.0f : 0.0f) : NAN;
  d->rows(count, n, symmetric, x.data, units, q.data);
  for (size_t r = 0; r < count && !bad; ++r) {
    const float *const v = (const float *)x.data + r * n;
    float lo = 0.f, hi = 0.f;
    for (size_t i = 0; i < n; ++i) {
      if (v[i] < lo) lo = v[i];
      if (v[i] > hi) hi = v[i];
    }
    const float most = hi > -lo ? hi : -lo;
    volatile float scale = symmetric ? most / 127.0f : (hi - lo) / 255.0f;
    if (!(scale > 0.f)) scale = 1.f;
    volatile float inverse = 1.0f / scale, at = (0.0f - lo) * inverse;
    const int32_t zero = symmetric ? 128 : (int32_t)nearbyint((double)at);
    if (units[r].scale != scale || units[r].zero != zero) bad = fail(d, "unit", n, r, units[r].zero, zero);
    for (size_t i = 0; i < n && !bad; ++i) {
      volatile float steps = v[i] * inverse;
      const double s = steps == steps ? nearbyint((double)steps) + zero : -1.0, least = symmetric ? 1.0 : 0.0;
      const double want = s < least ? least : s > 255.0 ? 255.0 : s;
      const uint8_t got = ((uint8_t *)q.data)[r * n + i];
      if (got != want) bad = fail(d, "rows", n, i, got, want);
    }
  }
  kt_put(x), kt_put(q), kt_put(u);
  return bad;
}

static int real(const ek_qelt_desc *d, size_t rows, size_t n) {
  const size_t ld = n + 3, all = rows * ld;
  const kt_buffer x = kt_get(all * 4), s = kt_get(n * 4), m = kt_get(n * 4), b = kt_get(n * 4), y = kt_get(all * 4);
  ek_qelt_unit units[16];
  ek_qelt_real_args p = { units, 1, s.data, m.data, b.data, (int32_t)kt_range(0, 1) * -128, -INFINITY, INFINITY };
  int bad = 0;
  for (int i = 0; i < 16; ++i) units[i] = (ek_qelt_unit) { (float)kt_range(1, 99) * 1e-3f, (int32_t)kt_range(0, 255) };
  for (size_t i = 0; i < all; ++i) ((int32_t *)x.data)[i] = (int32_t)kt_range(0, 2000000) - 1000000;
  for (size_t i = 0; i < n; ++i) {
    ((int32_t *)s.data)[i] = (int32_t)kt_range(0, 20000) - 10000;
    ((float *)m.data)[i] = (float)kt_range(1, 9999) * 1e-5f;
    ((float *)b.data)[i] = (float)kt_range(0, 9999) - 5000.f;
  }
  for (int mode = 0; mode < 8 && !bad; ++mode) {
    p.bias = mode & 1 ? NULL : b.data;
    if (mode & 2) p.lo = -50.f, p.hi = 70.5f;
    p.unit_step = (size_t)(mode >> 2);
    memcpy(y.data, x.data, all * 4);
    d->real(&p, rows, n, y.data, ld);
    for (size_t i = 0; i < all && !bad; ++i) {
      const ek_qelt_unit u = units[i / ld * p.unit_step];
      const size_t c = i % ld;
      if (c >= n) { /* between rows: not touched */
        if (((int32_t *)y.data)[i] != ((int32_t *)x.data)[i]) bad = fail(d, "real", n, i, 0, 1);
        continue;
      }
      volatile float mult = u.scale * ((float *)m.data)[c];
      volatile float v = (float)(((int32_t *)x.data)[i] - (u.zero + p.shift) * ((int32_t *)s.data)[c]) * mult;
      if (p.bias) v = v + p.bias[c];
      v = v < p.lo ? p.lo : v > p.hi ? p.hi : v;
      if (((float *)y.data)[i] != v) bad = fail(d, "real", n, i, (double)((float *)y.data)[i], (double)v);
    }
  }
  kt_put(x), kt_put(s), kt_put(m), kt_put(b), kt_put(y);
  return bad;
}

static int run(const ek_qelt_desc *d) {
  for (uint32_t i = 0; i < 600; ++i) {
    ek_qelt_args p = { i & 1 ? 0x80808080u : 0,
                       i & 2 ? 0x80808080u : 0,
                       (int32_t)kt_range(0, 255),
                       (int32_t)kt_range(0, 255),
                       (float)kt_range(1, 4000) / 2000.f,
                       (float)kt_range(1, 4000) / (i & 32 ? 2000.f : -1500.f),
                       0,
                       0,
                       0,
                       (i >> 2) & 1 };
    const int32_t qlo = p.y_signed ? -128 : 0;
    p.zy = qlo + (int32_t)kt_range(0, 255);
    p.lo = i % 3 ? qlo : qlo + 30;
    p.hi = i % 5 ? qlo + 255 : qlo + 190;
    const size_t n = i % 300 + (i == 599 ? 5000 : 0);
    if (binary(d, &p, n, 0, 1) || binary(d, &p, n, 1, 1) || (n && (binary(d, &p, n, 0, 0) || binary(d, &p, n, 1, 0))))
      return 1;
    p.lo = qlo, p.hi = qlo + 255;
    if (convert(d, &p, n) || scale(d, n) || (n && real(d, 1 + i % 11, n)) || (n && rows(d, 1 + i % 5, n, i % 2)))
      return 1;
  }
  return 0;
}

KT_MAIN("qeltwise", ek_qelt_desc, ek_qelt_at, run)
