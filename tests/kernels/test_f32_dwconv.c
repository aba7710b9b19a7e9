/* SPDX-License-Identifier: Apache-2.0
 * f32 depthwise convolution: random windows, strides and tails against the reference row, behind guard pages. */
#include "kf.h"
#include "kernels/dwconv/dwconv.h"

static int one(const ek_dwconv_f32_kernel *kernel) {
  const ek_dwconv_f32_kernel *const ref = ek_dwconv_f32_select(0, EK_EXACT);
  ek_dwconv_f32_args g = { .batch = kt_range(1, 2), .lo = -2.0f, .hi = 3.0f };
  g.kh = kt_rand() % 3 ? 3 : kt_range(1, 6), g.kw = kt_rand() % 4 ? (kt_rand() & 1 ? 3 : 5) : kt_range(1, 6);
  g.sh = kt_range(1, 3), g.sw = kt_rand() % 4 ? kt_range(1, 2) : 3, g.dh = kt_rand() % 4 ? 1 : 2,
  g.dw = kt_rand() % 4 ? 1 : 2;
  g.c = kt_rand() % 16 ? kt_range(1, 70) : 256; /* 256: lines are copied */
  g.ih = kt_range(1, 12), g.iw = kt_range(1, 40);
  g.pad_top = kt_range(0, (uint32_t)g.kh), g.pad_left = kt_range(0, (uint32_t)g.kw);
  const size_t span_h = (g.kh - 1) * g.dh + 1, span_w = (g.kw - 1) * g.dw + 1;
  const size_t full_h = g.ih + (size_t)g.pad_top + kt_range(0, 2), full_w = g.iw + (size_t)g.pad_left + kt_range(0, 2);
  if (full_h < span_h || full_w < span_w) return 1;
  g.oh = (full_h - span_h) / g.sh + 1, g.ow = (full_w - span_w) / g.sw + 1;
  const size_t taps = g.kh * g.kw, x_floats = g.batch * g.ih * g.iw * g.c, y_floats = g.batch * g.oh * g.ow * g.c;
  const kt_buffer x = kt_get(x_floats * 4), w = kt_get(taps * g.c * 4), bias = kt_get(g.c * 4);
  const kt_buffer y = kt_get(y_floats * 4), want = kt_get(y_floats * 4);
  const kt_buffer packed = kt_get((size_t)ek_dwconv_f32_packed_bytes(kernel, taps, g.c));
  const kt_buffer plain = kt_get((size_t)ek_dwconv_f32_packed_bytes(ref, taps, g.c));
  kf_fill(x.data, x_floats, -1.0f, 1.0f);
  kf_fill(w.data, taps * g.c, -1.0f, 1.0f);
  kf_fill(bias.data, g.c, -1.0f, 1.0f);
  ek_dwconv_f32_pack(kernel, w.data, bias.data, taps, g.c, packed.data);
  ek_dwconv_f32_pack(ref, w.data, bias.data, taps, g.c, plain.data);
  g.x = x.data, g.packed = plain.data, g.y = want.data;
  ref->fn(&g, 0, g.batch * g.oh, 0, g.c);
  g.packed = packed.data, g.y = y.data;
  const kt_buffer apart = kt_get(g.batch * g.ih * g.iw * g.c * 4);
  if (kernel->lanes > 1 && g.c % kernel->lanes == 0 && ek_dwconv_f32_in_strips(&g)) { /* blocks of channels apart */
    const size_t pixels = g.batch * g.ih * g.iw;
    g.x = apart.data, g.x_step = kernel->lanes, g.x_block = pixels * kernel->lanes;
    for (size_t i = 0; i < pixels * g.c; ++i) {
      const size_t c = i % g.c;
      kf_data(apart)[c / g.x_step * g.x_block + i / g.c * g.x_step + c % g.x_step] = kf_data(x)[i];
    }
  }
  const size_t blocks = (g.c + kernel->lanes - 1) / kernel->lanes, rows = g.batch * g.oh;
  const size_t row = kt_range(0, (uint32_t)rows), block = kt_range(0, (uint32_t)blocks);
  kernel->fn(&g, 0, row, 0, blocks);
  kernel->fn(&g, row, rows, 0, block);
  kernel->fn(&g, row, rows, block, blocks);
  int ok = 1;
  for (size_t i = 0; i < y_floats && ok; ++i) {
    const double bound = (2.0 * sqrt((double)taps) + 2.0) * ((double)taps + 1.0) * 0x1p-24;
    ok = kernel->flags & EK_EXACT ? kf_data(y)[i] == kf_data(want)[i]
                                  : fabs((double)kf_data(y)[i] - (double)kf_data(want)[i]) <= bound;
    if (!ok) {
      printf("%s %zux%zux%zu k %zux%zu s %zux%zu d %zux%zu pad %td,%td: [%zu] is %g, expected %g\n", kernel->name, g.ih,
             g.iw, g.c, g.kh, g.kw, g.sh, g.sw, g.dh, g.dw, g.pad_top, g.pad_left, i, (double)kf_data(y)[i],
             (double)kf_data(want)[i]);
    }
  }
  kt_put(x), kt_put(w), kt_put(bias), kt_put(y), kt_put(want), kt_put(packed), kt_put(plain), kt_put(apart);
  return ok;
}

static int run(const ek_dwconv_f32_kernel *kernel) {
  for (int i = 0; i < 2000; ++i) {
    if (!one(kernel)) return 1;
  }
  return 0;
}

KT_MAIN("f32 dwconv", ek_dwconv_f32_kernel, ek_dwconv_f32_at, run)
