/* SPDX-License-Identifier: Apache-2.0
 * 8-bit convolution driver over every integer matrix row: strips, borders, strides, dilation, groups and cuts between
 * tiles, what follows, against a plain loop in 64 bits, input and output behind guard pages. */
#include "kt.h"
#include "kernels/qconv/qconv.h"
#include <math.h>

typedef struct shape {
  uint32_t images, ih, iw, ic, oc, kh, kw, s, d, group;
  int32_t pad_top, pad_left, pad_bottom, pad_right;
} shape;

static int64_t window(const shape *p, const uint8_t *x, const int8_t *w, int32_t xz, uint32_t image, uint32_t oy,
                      uint32_t ox, uint32_t oc) {
  const uint32_t per = p->ic / p->group, c0 = oc / (p->oc / p->group) * per;
  int64_t acc = 0;
  for (uint32_t ky = 0; ky < p->kh; ++ky) {
    for (uint32_t kx = 0; kx < p->kw; ++kx) {
      const int64_t y = (int64_t)oy * p->s + ky * p->d - p->pad_top, xx = (int64_t)ox * p->s + kx * p->d - p->pad_left;
      if (y < 0 || y >= p->ih || xx < 0 || xx >= p->iw) continue;
      for (uint32_t c = 0; c < per; ++c) {
        const int32_t v = x[(((size_t)image * p->ih + (size_t)y) * p->iw + (size_t)xx) * p->ic + c0 + c];
        acc += (int64_t)(v - xz) * w[(((size_t)oc * p->kh + ky) * p->kw + kx) * per + c];
      }
    }
  }
  return acc;
}

static int compare(const shape *p, const ek_qconv_args *a, const uint8_t *x, const int8_t *w, const uint8_t *y,
                   const int32_t *bias, int32_t xz) {
  const uint32_t m = p->images * a->oh * a->ow;
  for (uint32_t i = 0; i < m; ++i) {
    for (uint32_t oc = 0; oc < p->oc; ++oc) {
      const int64_t acc = bias[oc] + window(p, x, w, xz, i / (a->oh * a->ow), i / a->ow % a->oh, i % a->ow, oc);
      const double r = nearbyint((double)((float)acc * a->mult[oc])) + a->zero_point;
      int32_t want = r < 0 ? 0 : r > 255 ? 255 : (int32_t)r;
      if (a->map) want = a->table[want];
      if (a->add_fn) {
        uint8_t sum;
        const uint8_t product = (uint8_t)want;
        ek_qadd__ref(&a->add, 1, &product, a->residual + (size_t)i * p->oc + oc, 1, &sum);
        want = sum;
      }
      if (y[(size_t)i * p->oc + oc] == want) continue;
      printf("%s %ux%ux%u * %u of %ux%u stride %u dilation %u group %u: pixel %u channel %u is %d, expected %d\n",
             a->row->name, p->ih, p->iw, p->ic, p->oc, p->kh, p->kw, p->s, p->d, p->group, i, oc,
             y[(size_t)i * p->oc + oc], want);
      return 1;
    }
  }
  return 0;
}

static int run_one(const ek_qgemm_desc *d, const shape *p) {
  const uint32_t reach_y = (p->kh - 1) * p->d + 1, reach_x = (p->kw - 1) * p->d + 1;
  const uint32_t high = p->ih + (uint32_t)(p->pad_top + p->pad_bottom),
                 wide = p->iw + (uint32_t)(p->pad_left + p->pad_right);
  if (high < reach_y || wide < reach_x) return 0;
  ek_qconv_args a = { .row = d,
                      .ih = p->ih,
                      .iw = p->iw,
                      .ic = p->ic,
                      .oh = (high - reach_y) / p->s + 1,
                      .ow = (wide - reach_x) / p->s + 1,
                      .oc = p->oc,
                      .kh = p->kh,
                      .kw = p->kw,
                      .sh = p->s,
                      .sw = p->s,
                      .dh = p->d,
                      .dw = p->d,
                      .pad_top = p->pad_top,
                      .pad_left = p->pad_left,
                      .group = p->group,
                      .hi = 255,
                      .out = EK_Q_U8,
                      .zero_point = (int32_t)kt_range(0, 255) };
  uint32_t taps, depth;
  a.merged = ek_qconv_merged(&a);
  ek_qconv_shape(&a, &taps, &depth);
  const uint32_t m = p->images * a.oh * a.ow, per = p->oc / p->group;
  const size_t all = (size_t)taps * depth, padded = p->oc + 128;
  const int32_t xz = (int32_t)kt_range(0, 255), domain = d->signed_x ? xz - 128 : xz;
  a.flip = d->signed_x ? 0x80808080u : 0u;
  a.w_group_bytes = (size_t)(ek_qgemm_packed_bytes(d, per, taps, depth) + 63) / 64 * 64;
  const kt_buffer x = kt_get((size_t)p->images * p->ih * p->iw * p->ic), y = kt_get((size_t)m * p->oc);
  int8_t *const w = malloc(p->oc * all), *const packed = malloc(a.w_group_bytes * p->group + 64);
  uint8_t *const zero = malloc(p->ic);
  int32_t *const bias = calloc(padded, 4), *const folded = calloc(padded, 4), *const sums = calloc(padded, 4);
  float *const mult = calloc(padded, 4);
  kt_fill(x.data, (size_t)p->images * p->ih * p->iw * p->ic);
  kt_fill(w, p->oc * all);
  memset(zero, xz, p->ic);
  for (uint32_t g = 0; g < p->group; ++g) {
    const ek_qweights weights = { w + g * per * all, NULL, 0, 8, 1, all, 1 };
    ek_qgemm_pack(d, &weights, per, taps, depth, packed + g * a.w_group_bytes, sums + g * per);
  }
  for (uint32_t i = 0; i < p->oc; ++i) {
    bias[i] = (int32_t)kt_range(0, 4000) - 2000;
    folded[i] = bias[i] - domain * sums[i];
    mult[i] = 0.5f / (float)(all * 40 + kt_range(1, 999));
  }
  a.x = x.data;
  a.y = y.data;
  a.w = packed;
  a.bias = folded;
  a.mult = mult;
  a.zero = zero;
  uint8_t table[256];
  const kt_buffer residual = kt_get((size_t)m * p->oc);
  kt_fill(table, sizeof table);
  kt_fill(residual.data, (size_t)m * p->oc);
  if (kt_rand() % 3 == 0) {
    a.table = table;
    for (uint32_t i = 0; ek_qlut_at(i) != NULL; ++i) a.map = ek_qlut_at(i)->fn; /* the portable one */
  }
  if (kt_rand() % 3 == 0) {
    a.add_fn = ek_qadd__ref;
    a.add = (ek_qelt_args) { .za = a.map ? 31 : a.zero_point, .zb = 99, .ra = 0.7f, .rb = 0.45f, .zy = 60, .hi = 255 };
    a.residual = residual.data;
  }
  const uint32_t rows = kt_range(1, m), cols = per > d->nr && (kt_rand() & 1) ? d->nr : per; /* tiles */
  for (uint32_t n0 = 0; n0 < per; n0 += cols) {
    for (uint32_t m0 = 0; m0 < m; m0 += rows)
      ek_qconv_run(&a, m0, m - m0 < rows ? m : m0 + rows, n0, per - n0 < cols ? per : n0 + cols);
  }
  const int bad = compare(p, &a, x.data, w, y.data, bias, xz);
  free(w), free(packed), free(zero), free(bias), free(folded), free(sums), free(mult);
  kt_put(x), kt_put(y), kt_put(residual);
  return bad;
}

static int run(const ek_qgemm_desc *d) {
  for (uint32_t i = 0; i < 120; ++i) {
    const uint32_t group = i % 7 == 0 ? 2 : 1, kh = kt_range(1, 5), kw = kt_range(1, 5);
    const shape p = { kt_range(1, 2),
                      kt_range(1, 20),
                      kt_range(1, 20),
                      group * kt_range(1, i % 3 ? 9 : 40),
                      group * kt_range(1, 70),
                      kh,
                      kw,
                      kt_range(1, 3),
                      i % 5 ? 1 : kt_range(1, 3),
                      group,
                      (int32_t)kt_range(0, kh - 1),
                      (int32_t)kt_range(0, kw - 1),
                      (int32_t)kt_range(0, kh - 1),
                      (int32_t)kt_range(0, kw - 1) };
    if (run_one(d, &p)) return 1;
  }
  static const shape large[] = {
    { 1, 61, 53, 3, 16, 3, 3, 2, 1, 1, 0, 1, 1, 1 },   { 1, 40, 150, 16, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1 },
    { 1, 32, 32, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1 },  { 1, 20, 37, 16, 11, 2, 3, 1, 1, 1, 1, 0, 1, 2 },
    { 1, 30, 30, 64, 24, 3, 3, 1, 1, 1, 1, 1, 1, 1 },  { 2, 7, 7, 130, 66, 3, 3, 1, 1, 1, 1, 1, 1, 1 },
    { 1, 50, 50, 3, 64, 7, 7, 2, 1, 1, 3, 3, 2, 2 },   { 1, 1, 900, 12, 16, 1, 3, 1, 1, 1, 0, 1, 0, 1 },
    { 1, 2, 4000, 8, 17, 1, 5, 2, 1, 1, 0, 2, 0, 2 },  { 1, 3, 3, 5, 9, 3, 3, 1, 1, 1, 6, 6, 6, 6 },
    { 1, 45, 45, 128, 16, 1, 1, 1, 1, 1, 0, 0, 0, 0 }, { 1, 33, 9, 16, 33, 3, 2, 1, 2, 1, 2, 2, 2, 2 },
  };
  for (size_t i = 0; i < EK_COUNT(large); ++i) {
    if (run_one(d, &large[i])) return 1;
  }
  return 0;
}

KT_MAIN("qconv", ek_qgemm_desc, ek_qgemm_at, run)
