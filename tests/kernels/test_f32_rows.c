/* SPDX-License-Identifier: Apache-2.0
 * f32 softmax, normalisations, reductions and pools: random shapes against the reference rows, behind guard pages. */
#include "kf.h"
#include "kernels/norm/norm.h"
#include "kernels/pool/pool.h"
#include "kernels/reduce/reduce.h"

static int rows(const ek_norm_f32_kernel *kernel, int op) {
  const size_t n = kt_rand() % 3 ? kt_range(1, 70) : kt_range(70, 900), count = kt_range(1, 4);
  const kt_buffer x = kt_get(n * count * 4), y = kt_get(n * count * 4), want = kt_get(n * count * 4);
  const kt_buffer scale = kt_get(n * 4), bias = kt_get(n * 4);
  kf_fill(x.data, n * count, -8.0f, 9.0f);
  kf_fill(scale.data, n, -2.0f, 2.0f);
  kf_fill(bias.data, n, -2.0f, 2.0f);
  const int soft = op == EK_NORM_SOFTMAX || op == EK_NORM_LOG_SOFTMAX;
  ek_norm_f32_args g = { .rows = count, .n = n, .x = x.data, .y = want.data, .p0 = soft ? kf_rand(0.5f, 1.5f) : 1e-5f };
  if (!soft && kt_rand() % 4) g.scale = scale.data;
  if (!soft && kt_rand() % 4 && op == EK_NORM_LAYER) g.bias = bias.data;
  ek_norm_f32_select(0, 0)->fn[op](&g, 0, count);
  g.y = y.data;
  if (kt_rand() & 1) {
    memcpy(y.data, x.data, n * count * 4);
    g.x = y.data;
  }
  const size_t mid = kt_range(0, (uint32_t)count);
  kernel->fn[op](&g, 0, mid);
  kernel->fn[op](&g, mid, count);
  int ok = 1;
  for (size_t r = 0; r < count && ok; ++r) {
    double top = 0.0;
    for (size_t i = 0; i < n; ++i) top = fmax(top, fabs((double)kf_data(want)[r * n + i]));
    for (size_t i = 0; i < n && ok; ++i) {
      const double w = (double)kf_data(want)[r * n + i], v = (double)kf_data(y)[r * n + i];
      const double bound = op == EK_NORM_SOFTMAX       ? 1e-6 * w + 1e-7
                           : op == EK_NORM_LOG_SOFTMAX ? 2e-6 * fmax(1.0, top)
                                                       : 4e-6 * fmax(1.0, top);
      ok = fabs(v - w) <= bound;
      if (!ok) printf("%s op %d n=%zu: [%zu] is %.9g, expected %.9g\n", kernel->name, op, n, i, v, w);
    }
  }
  kt_put(x), kt_put(y), kt_put(want), kt_put(scale), kt_put(bias);
  return ok;
}

static int columns(const ek_norm_f32_kernel *kernel) {
  const size_t outer = kt_range(1, 3), n = kt_range(1, 60), inner = kt_range(1, 50), count = outer * n * inner;
  const kt_buffer x = kt_get(count * 4), y = kt_get(count * 4), want = kt_get(count * 4);
  kf_fill(x.data, count, -8.0f, 9.0f);
  ek_norm_f32_args g = { .n = n, .x = x.data, .y = want.data, .p0 = 1.0f, .inner = inner };
  ek_norm_f32__ref.fn[EK_NORM_SOFTMAX_COLUMNS](&g, 0, outer * inner);
  g.y = y.data;
  const size_t rows_all = outer * ((inner + kernel->lanes - 1) / kernel->lanes), mid = kt_range(0, (uint32_t)rows_all);
  kernel->fn[EK_NORM_SOFTMAX_COLUMNS](&g, mid, rows_all);
  kernel->fn[EK_NORM_SOFTMAX_COLUMNS](&g, 0, mid);
  int ok = 1;
  for (size_t i = 0; i < count && ok; ++i) {
    const double w = (double)kf_data(want)[i], v = (double)kf_data(y)[i];
    ok = fabs(v - w) <= 1e-6 * w + 1e-7;
    if (!ok) printf("%s columns %zux%zux%zu: [%zu] is %.9g, expected %.9g\n", kernel->name, outer, n, inner, i, v, w);
  }
  kt_put(x), kt_put(y), kt_put(want);
  return ok;
}

static int reduction(const ek_reduce_f32_kernel *kernel, int op) {
  ek_reduce_f32_args g = { .outer = kt_range(1, 4),
                           .n = kt_range(1, 90),
                           .inner = kt_rand() % 3 ? kt_range(1, 150) : 1 };
  g.scale = 1.0f / (float)g.n;
  const kt_buffer x = kt_get(g.outer * g.n * g.inner * 4), y = kt_get(g.outer * g.inner * 4),
                  want = kt_get(g.outer * g.inner * 4);
  kf_fill(x.data, g.outer * g.n * g.inner, -1.0f, 1.0f);
  if (kt_rand() % 8 == 0) kf_data(x)[kt_range(0, (uint32_t)(g.outer * g.n * g.inner - 1))] = NAN;
  g.x = x.data, g.y = want.data;
  ek_reduce_f32_select(0, 0)->fn[op](&g, 0, g.outer, 0, g.inner);
  g.y = y.data;
  const size_t mid = g.inner > 1 ? kt_range(0, (uint32_t)g.inner) : 0, o = kt_range(0, (uint32_t)g.outer);
  if (mid) kernel->fn[op](&g, 0, o, 0, mid);
  if (mid) kernel->fn[op](&g, o, g.outer, 0, mid);
  kernel->fn[op](&g, 0, g.outer, mid, g.inner);
  int ok = 1;
  for (size_t i = 0; i < g.outer * g.inner && ok; ++i) {
    const float v = kf_data(y)[i], w = kf_data(want)[i];
    ok = kf_ulp(v, (double)w) == 0.0 || (op == EK_REDUCE_SUM && fabs((double)v - (double)w) <= (double)g.n * 0x1p-24);
    if (!ok)
      printf("%s op %d %zux%zux%zu: [%zu] is %.9g, expected %.9g\n", kernel->name, op, g.outer, g.n, g.inner, i,
             (double)v, (double)w);
  }
  kt_put(x), kt_put(y), kt_put(want);
  return ok;
}

static int pool(const ek_pool_f32_kernel *kernel) {
  ek_pool_f32_args g = { .batch = kt_range(1, 2), .ih = kt_range(1, 9), .iw = kt_range(1, 9), .c = kt_range(1, 150) };
  g.kh = kt_range(1, 4), g.kw = kt_range(1, 4), g.sh = kt_range(1, 3), g.sw = kt_range(1, 3);
  g.dh = kt_rand() % 4 ? 1 : 2, g.dw = kt_rand() % 4 ? 1 : 2;
  g.pad_top = kt_range(0, (uint32_t)g.kh - 1), g.pad_left = kt_range(0, (uint32_t)g.kw - 1);
  g.average = kt_rand() & 1, g.whole_window = kt_rand() & 1;
  g.lo = kt_rand() & 1 ? -INFINITY : -0.5f, g.hi = kt_rand() & 1 ? INFINITY : 0.5f;
  const size_t span_h = (g.kh - 1) * g.dh + 1, span_w = (g.kw - 1) * g.dw + 1;
  const size_t full_h = g.ih + (size_t)g.pad_top, full_w = g.iw + (size_t)g.pad_left;
  if (full_h < span_h || full_w < span_w) return 1;
  g.oh = (full_h - span_h) / g.sh + 1, g.ow = (full_w - span_w) / g.sw + 1;
  const size_t pixels = g.batch * g.oh * g.ow;
  const kt_buffer x = kt_get(g.batch * g.ih * g.iw * g.c * 4), y = kt_get(pixels * g.c * 4),
                  want = kt_get(pixels * g.c * 4);
  kf_fill(x.data, g.batch * g.ih * g.iw * g.c, -1.0f, 1.0f);
  g.x = x.data, g.y = want.data;
  ek_pool_f32_select(0, 0)->fn(&g, 0, pixels);
  g.y = y.data;
  const size_t mid = kt_range(0, (uint32_t)pixels);
  kernel->fn(&g, 0, mid);
  kernel->fn(&g, mid, pixels);
  const int ok = memcmp(y.data, want.data, pixels * g.c * 4) == 0;
  if (!ok) printf("%s average=%u %zux%zux%zu differs\n", kernel->name, g.average, g.ih, g.iw, g.c);
  kt_put(x), kt_put(y), kt_put(want);
  return ok;
}

static int run(const ek_norm_f32_kernel *kernel) {
  const ek_reduce_f32_kernel *const reduce = ek_reduce_f32_select(kernel->isa, 0);
  const ek_pool_f32_kernel *const pools = ek_pool_f32_select(kernel->isa, 0);
  if (reduce->isa != kernel->isa || pools->isa != kernel->isa) return 1; /* the three families have the same tiers */
  for (int i = 0; i < 1500; ++i) {
    if (!rows(kernel, i % EK_NORM_SOFTMAX_COLUMNS) || !columns(kernel) || !reduction(reduce, i % EK_REDUCE_COUNT) ||
        !pool(pools))
      return 1;
  }
  return 0;
}

KT_MAIN("f32 rows", ek_norm_f32_kernel, ek_norm_f32_at, run)
