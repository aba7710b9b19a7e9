/* SPDX-License-Identifier: Apache-2.0
 * Winograd kernels: every row against the direct form in 64 bits, odd sizes, paddings, cuts between tiles and channels,
 * extreme values, input and output behind guard pages. */
#include "kt.h"
#include "kernels/qwino/qwino.h"
#include <math.h>

static int64_t direct(const ek_qwino_args *a, const int8_t *w, int x_signed, int32_t xz, size_t at) {
  const size_t n = at % a->oc, ox = at / a->oc % a->ow, oy = at / a->oc / a->ow % a->oh,
               image = at / a->oc / a->ow / a->oh;
  int64_t acc = 0;
  for (int64_t ky = 0; ky < 3; ++ky) {
    for (int64_t kx = 0; kx < 3; ++kx) {
      const int64_t y = (int64_t)oy + ky - a->pad_top, x = (int64_t)ox + kx - a->pad_left;
      if (y < 0 || y >= a->ih || x < 0 || x >= a->iw) continue;
      const uint8_t *const p = a->x + ((image * a->ih + (size_t)y) * a->iw + (size_t)x) * a->ic;
      for (size_t c = 0; c < a->ic; ++c)
        acc += (int64_t)((x_signed ? (int8_t)p[c] : p[c]) - xz) * w[(n * 9 + (size_t)(3 * ky + kx)) * a->ic + c];
    }
  }
  return acc;
}

static int run_one(const ek_qwino_desc *d, ek_qwino_args a, uint32_t images, int x_signed, int extreme) {
  const uint32_t tiles = (a.oh + 1) / 2 * ((a.ow + 1) / 2) * images;
  a.block = kt_rand() & 1 ? ek_qwino_block(&a, tiles) : kt_range(1, 20);
  const size_t xn = (size_t)images * a.ih * a.iw * a.ic, yn = (size_t)images * a.oh * a.ow * a.oc;
  const size_t size = a.out == EK_Q_S32 ? 4 : 1;
  const size_t wn = (size_t)ek_qwino_packed_bytes(a.oc, a.ic), all = (size_t)9 * a.ic, padded = a.oc + 64;
  const kt_buffer x = kt_get(xn), y = kt_get(yn * size), zero = kt_get(a.ic), w = kt_get(wn),
                  scratch = kt_get((size_t)ek_qwino_scratch_bytes(&a));
  int8_t *const raw = malloc(a.oc * all);
  int32_t *const bias = calloc(padded, 4), *const folded = calloc(padded, 4), *const sums = calloc(padded, 4);
  float *const mult = calloc(padded, 4);
  kt_fill(x.data, xn);
  kt_fill(raw, a.oc * all);
  for (size_t i = 0; extreme && i < a.oc * all; ++i) raw[i] = (int8_t)(kt_rand() & 1 ? 127 : -128);
  for (size_t i = 0; extreme && i < xn; ++i) ((uint8_t *)x.data)[i] = kt_rand() & 1 ? 255 : 0;
  memset(y.data, 0x5a, yn * size);
  const int32_t xz = x_signed ? (int32_t)kt_range(0, 255) - 128 : (int32_t)kt_range(0, 255);
  memset(zero.data, xz & 255, a.ic);
  const ek_qweights weights = { raw, NULL, 0, 8, 1, all, 1 };
  ek_qwino_pack(d, &weights, a.oc, a.ic, w.data, sums);
  const int is_s8 = a.out == EK_Q_S8;
  const int32_t qlo = is_s8 ? -128 : 0;
  a.zero_point = qlo + (int32_t)kt_range(0, 255);
  a.lo = kt_rand() & 1 ? qlo : qlo + (int32_t)kt_range(0, 120);
  a.hi = kt_rand() & 1 ? qlo + 255 : qlo + (int32_t)kt_range(130, 255);
  for (uint32_t n = 0; n < a.oc; ++n) {
    bias[n] = (int32_t)kt_range(0, 20000) - 10000;
    folded[n] = bias[n] - (x_signed ? xz + 128 : xz) * sums[n];
    mult[n] = 0.5f / (float)(all * 40 + kt_range(1, 2000));
  }
  a.x = x.data, a.y = y.data, a.w = w.data, a.zero = zero.data, a.bias = folded, a.mult = mult;
  a.flip = x_signed ? 0x80808080u : 0u;
  const uint32_t cut = kt_range(0, tiles), column = a.oc > EK_QWINO_COLUMNS ? EK_QWINO_COLUMNS : 0;
  d->fn(&a, scratch.data, 0, cut, 0, a.oc);
  if (column) d->fn(&a, scratch.data, cut, tiles, 0, column);
  d->fn(&a, scratch.data, cut, tiles, column, a.oc);
  int bad = 0;
  for (size_t i = 0; i < yn && !bad; ++i) {
    const size_t n = i % a.oc;
    if (a.out == EK_Q_S32) {
      const int32_t sum = (int32_t)(direct(&a, raw, x_signed, xz, i) + bias[n]), is = ((int32_t *)y.data)[i];
      if (is != sum) printf("%s: sum %zu is %d, expected %d\n", d->name, i, is, sum);
      bad = is != sum;
      continue;
    }
    const float prod = (float)(int32_t)(direct(&a, raw, x_signed, xz, i) + bias[n]) * mult[n];
    double want = nearbyint((double)prod) + a.zero_point;
    want = want < a.lo ? a.lo : want > a.hi ? a.hi : want;
    const uint8_t got = ((uint8_t *)y.data)[i];
    if ((double)(is_s8 ? (int8_t)got : got) != want) {
      printf("%s %ux%ux%u -> %ux%ux%u signed %d extreme %d: value %zu is %d, expected %g\n", d->name, a.ih, a.iw, a.ic,
             a.oh, a.ow, a.oc, x_signed, extreme, i, is_s8 ? (int8_t)got : got, want);
      bad = 1;
    }
  }
  free(raw), free(bias), free(folded), free(sums), free(mult);
  kt_put(x), kt_put(y), kt_put(zero), kt_put(w), kt_put(scratch);
  return bad;
}

static int run(const ek_qwino_desc *d) {
  for (uint32_t i = 0; i < 60; ++i) {
    ek_qwino_args a = { .ih = kt_range(1, 11), .iw = kt_range(1, 11), .ic = 16 * kt_range(1, 3), .out = i / 2 % 3 };
    a.oc = i < 40 ? i + 1 : 16 * kt_range(1, 9);
    a.pad_top = (int32_t)kt_range(a.ih < 3 ? 1 : 0, 2), a.pad_left = (int32_t)kt_range(a.iw < 3 ? 1 : 0, 2);
    a.oh = a.ih + (uint32_t)a.pad_top + kt_range(a.ih < 2 ? 1 : 0, 1) - 2;
    a.ow = a.iw + (uint32_t)a.pad_left + kt_range(a.iw < 2 ? 1 : 0, 1) - 2;
    if (run_one(d, a, 1 + i % 2, (int)(i & 1), i % 5 == 0)) return 1;
  }
  const ek_qwino_args deep = {
    .ih = 4, .iw = 4, .ic = EK_QWINO_MAX_IC, .oh = 2, .ow = 2, .oc = 16, .out = EK_Q_U8, .hi = 255
  };
  return run_one(d, deep, 1, 0, 1) || run_one(d, deep, 1, 1, 1);
}

KT_MAIN("qwino", ek_qwino_desc, ek_qwino_at, run)
