/* SPDX-License-Identifier: Apache-2.0
 * Integer matrix kernels: every row against a plain loop in 64 bits, all tails, behind guard pages. */
#include "kt.h"
#include "kernels/qgemm/qgemm.h"
#include <math.h>

typedef struct problem {
  uint32_t m, n, taps, k, out;
  int x_signed;
} problem;

static int32_t expected(const problem *p, const uint8_t *const *rows, const int8_t *w, const int32_t *bias,
                        const float *mult, int32_t xz, int32_t zp, int32_t lo, int32_t hi, uint32_t m, uint32_t n) {
  int64_t acc = bias[n];
  for (uint32_t t = 0; t < p->taps; ++t) {
    for (uint32_t k = 0; k < p->k; ++k) {
      const uint8_t q = rows[t * p->m + m][k];
      const int32_t x = p->x_signed ? (int8_t)q : q;
      acc += (int64_t)(x - xz) * w[((size_t)n * p->taps + t) * p->k + k];
    }
  }
  if (p->out == EK_Q_S32) return (int32_t)acc;
  const float prod = (float)(int32_t)acc * mult[n];
  const double r = nearbyint((double)prod) + zp;
  return r < lo ? lo : r > hi ? hi : (int32_t)r;
}

/* the sum of a residual, as the separate kernel defines it */
static int32_t added(const ek_qelt_args *r, int32_t product, int32_t zp, uint8_t b) {
  const float x = (float)(product - zp) * r->ra, y = (float)((int32_t)(b ^ (r->flip_b & 255u)) - r->zb) * r->rb;
  const volatile float sum = x + y;
  const double v = nearbyint((double)sum) + r->zy;
  return v < r->lo ? r->lo : v > r->hi ? r->hi : (int32_t)v;
}

/* Full range, or so small that pairs, or fours, of products by bytes fit 16 bits; the largest such values often. */
static void fill_weights(int8_t *w, size_t n) {
  const uint32_t kind = kt_range(0, 4);
  kt_fill(w, n);
  for (size_t i = 0; kind > 0 && i < n; ++i) {
    const int32_t most = kind == 1 ? 64 : kind == 2 ? 32 : i / 40 % 3 ? 32 : 64, sign = kt_rand() & 1 ? 1 : -1;
    if (kind == 4) { /* like trained weights: few are large */
      const int32_t v = (int32_t)(kt_range(0, 127) * kt_range(0, 127) / 127);
      w[i] = (int8_t)(i % 97 == 0 ? -128 : sign * v);
      continue;
    }
    w[i] = (int8_t)(kt_rand() & 1 ? sign * most : (int32_t)kt_range(0, 2 * (uint32_t)most) - most);
  }
}

static int run_one(const ek_qgemm_desc *d, const problem *p) {
  const size_t stride_x = p->k + kt_range(0, 5), depth = (size_t)p->taps * p->k, n_pad = (p->n + 63u) / 64u * 64u;
  const kt_buffer xb = kt_get(stride_x * (p->m - 1) + p->k);
  const uint32_t size = p->out == EK_Q_S32 ? 4 : 1;
  const size_t stride_y = p->n * size + kt_range(0, 3) * 4;
  const kt_buffer yb = kt_get(stride_y * (p->m - 1) + p->n * size);
  const kt_buffer wb = kt_get(p->n * depth), pb = kt_get(ek_qgemm_packed_bytes(d, p->n, p->taps, p->k));
  int32_t *const bias = malloc(n_pad * 4), *const folded = malloc(n_pad * 4);
  float *const mult = malloc(n_pad * 4);
  const uint8_t **const rows = malloc((size_t)p->taps * p->m * sizeof(*rows));
  kt_fill(xb.data, stride_x * (p->m - 1) + p->k);
  fill_weights(wb.data, p->n * depth);
  for (size_t i = 0; kt_rand() & 1 && i < stride_x * (p->m - 1) + p->k; ++i) {
    if (kt_rand() & 1) ((uint8_t *)xb.data)[i] = p->x_signed ? 127 : 255;
  }
  memset(yb.data, 0x5a, stride_y * (p->m - 1) + p->n * size);
  const int32_t xz = p->x_signed ? (int32_t)kt_range(0, 255) - 128 : (int32_t)kt_range(0, 255);
  const int is_s8 = p->out == EK_Q_S8;
  const int32_t qlo = is_s8 ? -128 : 0, zp = qlo + (int32_t)kt_range(0, 255);
  const int32_t lo = kt_rand() & 1 ? qlo : qlo + (int32_t)kt_range(0, 127),
                hi = kt_rand() & 1 ? qlo + 255 : qlo + (int32_t)kt_range(128, 255);
  for (size_t j = 0; j < n_pad; ++j) {
    bias[j] = (int32_t)kt_range(0, 20000) - 10000;
    mult[j] = 0.5f / (float)(depth * 40 + kt_range(1, 2000)) * (kt_rand() % 16 ? 1.f : 30.f);
    int32_t sum = 0;
    if (j < p->n)
      for (size_t i = 0; i < depth; ++i) sum += ((int8_t *)wb.data)[j * depth + i];
    const int32_t domain = d->signed_x ? (p->x_signed ? xz : xz - 128) : (p->x_signed ? xz + 128 : xz);
    folded[j] = bias[j] - domain * sum;
  }
  for (size_t t = 0; t < p->taps; ++t)
    for (size_t m = 0; m < p->m; ++m)
      rows[t * p->m + m] = (const uint8_t *)xb.data + stride_x * (t == 0 ? m : kt_range(0, p->m - 1));
  const ek_qweights weights = { wb.data, NULL, 0, 8, 1, depth, 1 };
  ek_qgemm_pack(d, &weights, p->n, p->taps, p->k, pb.data, NULL);
  ek_qgemm_call c = {
    rows,    p->m,     p->m, p->n, p->taps, p->k, (uint32_t)p->x_signed != d->signed_x ? 0x80808080u : 0u,
    pb.data, folded,   mult, zp,   lo,      hi,   p->out,
    yb.data, stride_y, NULL, NULL, 0
  };
  const size_t y_bytes = stride_y * (p->m - 1) + p->n * size;
  const kt_buffer rb = kt_get(y_bytes);
  const int add = size == 1 && (d->flags & EK_QGEMM_ADDS) && (kt_rand() & 1), sum_s8 = (int)(kt_rand() & 1);
  const ek_qelt_args r = { .flip_b = kt_rand() & 1 ? 0x80808080u : 0u,
                           .zb = (int32_t)kt_range(0, 255),
                           .ra = (float)kt_range(1, 999) / 500.f,
                           .rb = (float)kt_range(1, 999) / 700.f,
                           .zy = (int32_t)kt_range(0, 255) - (sum_s8 ? 128 : 0),
                           .lo = sum_s8 ? -128 : (int32_t)kt_range(0, 50),
                           .hi = sum_s8 ? (int32_t)kt_range(50, 127) : 255,
                           .y_signed = (uint32_t)sum_s8 };
  if (add) {
    kt_fill(rb.data, y_bytes);
    c.residual = rb.data;
    c.add = &r;
  }
  d->fn(&c);
  int bad = 0;
  for (uint32_t m = 0; m < p->m && !bad; ++m) {
    const uint8_t *const y = (const uint8_t *)yb.data + m * stride_y;
    for (uint32_t n = 0; n < p->n && !bad; ++n) {
      int32_t got;
      if (size == 4)
        memcpy(&got, y + 4 * n, 4);
      else
        got = (add ? sum_s8 : is_s8) ? (int8_t)y[n] : y[n];
      int32_t want = expected(p, rows, wb.data, bias, mult, xz, zp, lo, hi, m, n);
      if (add) want = added(&r, want, zp, ((const uint8_t *)rb.data)[m * stride_y + n]);
      if (got != want) {
        printf("%s m=%u n=%u taps=%u k=%u out=%u signed=%d: [%u][%u] is %d, expected %d\n", d->name, p->m, p->n,
               p->taps, p->k, p->out, p->x_signed, m, n, got, want);
        bad = 1;
      }
    }
    for (size_t j = p->n * size; m + 1 < p->m && j < stride_y; ++j) {
      if (y[j] != 0x5a) {
        printf("%s wrote beyond a row\n", d->name);
        bad = 1;
        break;
      }
    }
  }
  free(bias), free(folded), free(mult), free(rows);
  kt_put(xb), kt_put(yb), kt_put(wb), kt_put(pb), kt_put(rb);
  return bad;
}

static int run(const ek_qgemm_desc *d) {
  for (uint32_t k = 1; k <= 37; ++k) {
    const problem p = { kt_range(1, 13), kt_range(1, 80), 1, k, k % 3, (int)(k & 1) };
    if (run_one(d, &p)) return 1;
  }
  for (uint32_t n = 1; n <= 70; ++n) {
    const problem p = { kt_range(1, 27), n, kt_range(1, 3), kt_range(1, 20), n % 3, (int)(kt_rand() & 1) };
    if (run_one(d, &p)) return 1;
  }
  for (uint32_t m = 1; m <= 25; ++m) {
    for (uint32_t n = 10; n <= 64; n += 18) {
      const problem p = { m, n, 2, 9, 1 + m % 2, (int)(n & 1) };
      if (run_one(d, &p)) return 1;
    }
  }
  for (uint32_t i = 0; i < 12; ++i) { /* rows in several blocks, depths in several slices */
    const problem p = { kt_range(1, 40), kt_range(1, 40), kt_range(1, 9), kt_range(200, 900), i % 3, (int)(i & 1) };
    if (run_one(d, &p)) return 1;
  }
  for (uint32_t i = 0; i < 120; ++i) { /* shallow and whole groups of four, many rows */
    const problem p = { kt_range(24, 45), kt_range(1, 100), i % 3 ? 1 : 3, i % 3 ? 4 * kt_range(1, 10) : 12,
                        1 + i % 2,        (int)(i / 2 & 1) };
    if (run_one(d, &p)) return 1;
  }
  const problem tall = { 700, 24, 3, 5, EK_Q_U8, 0 };
  return run_one(d, &tall);
}

KT_MAIN("qgemm", ek_qgemm_desc, ek_qgemm_at, run)
