/* SPDX-License-Identifier: Apache-2.0
 * Depthwise kernels: every row against a plain loop, windows, strides, dilations, paddings, channel tails, guard pages.
 */
#include "kt.h"
#include "kernels/qdwconv/qdwconv.h"
#include <math.h>

static int run_one(const ek_qdw_desc *d, ek_qdw_args a, int x_signed, uint32_t images) {
  const size_t xn = (size_t)images * a.ih * a.iw * a.c, yn = (size_t)images * a.oh * a.ow * a.c, taps = a.kh * a.kw;
  const size_t packed = ek_qdw_channels(d, a.c), wn = (size_t)ek_qdw_packed_bytes(d, a.c, a.kh, a.kw);
  const kt_buffer x = kt_get(xn), y = kt_get(yn), w = kt_get(wn), zero = kt_get(a.c), pb = kt_get(packed * 4),
                  pm = kt_get(packed * 4);
  int8_t *const raw = malloc(taps * a.c);
  int32_t *const bias = malloc(a.c * sizeof *bias);
  float *const mult = malloc(a.c * sizeof *mult);
  kt_fill(x.data, xn);
  kt_fill(raw, taps * a.c);
  memset(y.data, 0x5a, yn);
  const int32_t xz = x_signed ? (int32_t)kt_range(0, 255) - 128 : (int32_t)kt_range(0, 255);
  memset(zero.data, xz & 255, a.c);
  const int is_s8 = a.out == EK_Q_S8;
  const int32_t qlo = is_s8 ? -128 : 0;
  a.zero_point = qlo + (int32_t)kt_range(0, 255);
  a.lo = kt_rand() & 1 ? qlo : qlo + (int32_t)kt_range(0, 120);
  a.hi = kt_rand() & 1 ? qlo + 255 : qlo + (int32_t)kt_range(130, 255);
  for (uint32_t c = 0; c < a.c; ++c) {
    bias[c] = (int32_t)kt_range(0, 20000) - 10000;
    mult[c] = 1.f / (float)(taps * 40 + kt_range(1, 2000));
  }
  for (size_t i = 0; i < packed; ++i) {
    const size_t c = ek_qdw_channel_at(d, a.c, i);
    int32_t sum = 0;
    for (size_t t = 0; c < a.c && t < taps; ++t) sum += raw[t * a.c + c];
    const int32_t domain = d->signed_x ? (x_signed ? xz : xz - 128) : (x_signed ? xz + 128 : xz);
    ((int32_t *)pb.data)[i] = c < a.c ? bias[c] - domain * sum : 0;
    ((float *)pm.data)[i] = c < a.c ? mult[c] : 0.f;
  }
  const ek_qweights weights = { raw, NULL, 0, 8, 1, 1, a.c };
  ek_qdw_pack(d, &weights, a.c, a.kh, a.kw, w.data, NULL);
  a.x = x.data, a.y = y.data, a.w = w.data, a.bias = pb.data, a.mult = pm.data, a.zero = zero.data;
  a.flip = (uint32_t)x_signed != d->signed_x ? 0x80808080u : 0u;
  const uint32_t cut = kt_range(0, a.oh);
  for (uint32_t n = 0; n < images; ++n) {
    d->fn(&a, n, 0, cut);
    d->fn(&a, n, cut, a.oh);
  }
  int bad = 0;
  for (size_t i = 0; i < yn && !bad; ++i) {
    const size_t c = i % a.c, ox = i / a.c % a.ow, oy = i / a.c / a.ow % a.oh, n = i / a.c / a.ow / a.oh;
    int64_t acc = bias[c];
    for (uint32_t t = 0; t < taps; ++t) {
      const int64_t iy = (int64_t)oy * a.sh - a.pad_top + (int64_t)(t / a.kw) * a.dh;
      const int64_t ix = (int64_t)ox * a.sw - a.pad_left + (int64_t)(t % a.kw) * a.dw;
      if (iy < 0 || ix < 0 || iy >= a.ih || ix >= a.iw) continue;
      const uint8_t q = ((uint8_t *)x.data)[((n * a.ih + (size_t)iy) * a.iw + (size_t)ix) * a.c + c];
      acc += (int64_t)((x_signed ? (int8_t)q : q) - xz) * raw[t * a.c + c];
    }
    const float prod = (float)(int32_t)acc * mult[c];
    double want = nearbyint((double)prod) + a.zero_point;
    want = want < a.lo ? a.lo : want > a.hi ? a.hi : want;
    const uint8_t got = ((uint8_t *)y.data)[i];
    if ((double)(is_s8 ? (int8_t)got : got) != want) {
      printf("%s c=%u %ux%u k%ux%u s%u d%u,%u signed %d: image %zu [%zu][%zu][%zu] is %d, expected %g\n", d->name, a.c,
             a.ih, a.iw, a.kh, a.kw, a.sh, a.dh, a.dw, x_signed, n, oy, ox, c, is_s8 ? (int8_t)got : got, want);
      bad = 1;
    }
  }
  free(raw), free(bias), free(mult);
  kt_put(x), kt_put(y), kt_put(w), kt_put(zero), kt_put(pb), kt_put(pm);
  return bad;
}

static int run(const ek_qdw_desc *d) {
  const int only_three = (d->flags & EK_QDW_THREE) != 0;
  for (uint32_t i = 0; i < 260; ++i) {
    ek_qdw_args a = { 0 };
    const int three = only_three || i % 3 == 0;
    a.kh = three ? 3 : kt_range(1, 7);
    a.kw = three ? 3 : kt_range(1, d->kind == EK_QDW_WIDE ? 5 : 7);
    a.sh = kt_range(1, only_three ? 2 : 3);
    a.sw = only_three ? a.sh : kt_range(1, d->kind == EK_QDW_WIDE ? 2 : 3);
    a.dh = only_three ? 1 : kt_range(1, 2);
    a.dw = only_three || d->kind == EK_QDW_WIDE ? 1 : kt_range(1, 2);
    a.ih = kt_range((a.kh - 1) * a.dh + 1, 18);
    a.iw = kt_range((a.kw - 1) * a.dw + 1, 18);
    a.c = i < 140 ? i + 1 : kt_range(1, 70) * (i & 1 ? 8 : 1);
    if (a.c > 300) a.c = 192;
    a.pad_top = (int32_t)kt_range(0, a.kh - 1);
    a.pad_left = (int32_t)kt_range(0, a.kw - 1);
    const uint32_t eh = a.ih + (uint32_t)a.pad_top + kt_range(0, a.kh - 1),
                   ew = a.iw + (uint32_t)a.pad_left + kt_range(0, a.kw - 1);
    a.oh = (eh - (a.kh - 1) * a.dh - 1) / a.sh + 1;
    a.ow = (ew - (a.kw - 1) * a.dw - 1) / a.sw + 1;
    a.out = i & 2 ? EK_Q_S8 : EK_Q_U8;
    if (!ek_qdw_fits(d, &a)) {
      printf("%s refuses a window of the test\n", d->name);
      return 1;
    }
    if (run_one(d, a, (int)(i & 1), 1 + i % 2)) return 1;
  }
  return 0;
}

KT_MAIN("qdwconv", ek_qdw_desc, ek_qdw_at, run)
