/* SPDX-License-Identifier: Apache-2.0
 * f32 matrix products and convolutions: every tile of every row against sums in double, behind guard pages. */
#include "kf.h"
#include "kernels/conv/conv.h"
#include "kernels/convert/convert.h"

static int near(const ek_gemm_f32_kernel *kernel, double got, double want, double magnitude, size_t k) {
  const char *const what = kernel->name;
  const double rounded = kernel->flags & EK_FAST ? 0x1p-8 * magnitude : 0.0; /* both factors to bf16 */
  const double bound = (2.0 * sqrt((double)k) + 4.0) * magnitude * 0x1p-24 + 1e-37 + rounded;
  if (fabs(got - want) <= bound) return 1;
  printf("%s: %.9g instead of %.9g (bound %.3g)\n", what, got, want, bound);
  return 0;
}

/* in [-1, 1]; values of f16 where the row stores those, tiny ones too */
static void fill_weights(const ek_gemm_f32_kernel *kernel, float *w, size_t n) {
  kf_fill(w, n, -1.0f, 1.0f);
  for (size_t i = 0; i < n && kernel->half; ++i) {
    const float whole = floorf(w[i] * 512.0f);
    w[i] = whole * (i % 7 == 3 ? 0x1p-24f : 0x1p-9f);
  }
}

/* as ek_gemm_f32_pack, from f32 always */
static void pack(const ek_gemm_f32_kernel *kernel, const float *w, size_t sk, size_t sn, size_t k, size_t n,
                 const float *bias, float *packed) {
  const kt_buffer half = kt_get(k * n * 2);
  if (kernel->half) ek_convert_select(0, 0)->f32_to_f16(k * n, w, half.data);
  ek_gemm_f32_pack(kernel, kernel->half ? half.data : (const void *)w, sk, sn, k, n, bias, packed);
  kt_put(half);
}

/* the same bits as the row that a half row is the half of */
static int same_as_whole(const ek_gemm_f32_kernel *half, size_t m, size_t n, size_t k) {
  const ek_gemm_f32_kernel *whole = NULL;
  for (uint32_t i = 0; ek_gemm_f32_at(i); ++i)
    if (!ek_gemm_f32_at(i)->half && ek_gemm_f32_half_of(ek_gemm_f32_at(i)) == half) whole = ek_gemm_f32_at(i);
  if (!whole) return 0;
  const kt_buffer a = kt_get(m * k * 4), w = kt_get(k * n * 4), c[2] = { kt_get(m * n * 4), kt_get(m * n * 4) };
  const kt_buffer packed[2] = { kt_get((size_t)ek_gemm_f32_packed_bytes(half, k, n)),
                                kt_get((size_t)ek_gemm_f32_packed_bytes(whole, k, n)) };
  kf_fill(a.data, m * k, -1.0f, 1.0f);
  fill_weights(half, w.data, k * n);
  for (uint32_t i = 0; i < 2; ++i) {
    ek_gemm_f32_args g = { .kernel = i ? whole : half, .m = m, .n = n, .k = k, .lda = k, .ldc = n };
    pack(g.kernel, w.data, 1, k, k, n, NULL, packed[i].data);
    g.a = a.data, g.packed = packed[i].data, g.c = c[i].data, g.lo = -INFINITY, g.hi = INFINITY;
    ek_gemm_f32_block(&g, 0, m, 0, ek_gemm_f32_num_panels(g.kernel, n));
  }
  const int same = memcmp(c[0].data, c[1].data, m * n * 4) == 0;
  if (!same) printf("%s and %s differ: m=%zu n=%zu k=%zu\n", half->name, whole->name, m, n, k);
  kt_put(a), kt_put(w), kt_put(c[0]), kt_put(c[1]), kt_put(packed[0]), kt_put(packed[1]);
  return same;
}

/* Rows that promise it give the bits of the reference with fused multiply-adds. */
static int same_bits(ek_gemm_f32_args g, const float *w, int k_major, const float *bias, const float *was,
                     size_t floats) {
  const ek_gemm_f32_kernel *const exact = ek_gemm_f32_select(0, EK_EXACT);
  if ((g.kernel->flags & EK_EXACT) == 0) return 1;
  const kt_buffer c = kt_get(floats * 4), packed = kt_get((size_t)ek_gemm_f32_packed_bytes(exact, g.k, g.n));
  const float *const got = g.c;
  memcpy(c.data, was, floats * 4);
  ek_gemm_f32_pack(exact, w, k_major ? g.n : 1, k_major ? 1 : g.k, g.k, g.n, bias, packed.data);
  if (g.residual == g.c) g.residual = c.data;
  g.kernel = exact, g.packed = packed.data, g.c = c.data;
  ek_gemm_f32_block(&g, 0, g.m, 0, ek_gemm_f32_num_panels(exact, g.n));
  const int ok = memcmp(c.data, got, floats * 4) == 0;
  kt_put(c), kt_put(packed);
  return ok;
}

/* C = clamp(A W + bias + residual), with strides and a residual that may be C */
static int product(const ek_gemm_f32_kernel *kernel, size_t m, size_t n, size_t k, uint32_t mode) {
  const size_t lda = k + kt_range(0, 5), ldc = n + kt_range(0, 5), c_floats = (m - 1) * ldc + n;
  const kt_buffer a = kt_get(((m - 1) * lda + k) * 4), w = kt_get(k * n * 4), bias = kt_get(n * 4);
  const kt_buffer c = kt_get(c_floats * 4), res = kt_get(c_floats * 4);
  const kt_buffer packed = kt_get((size_t)ek_gemm_f32_packed_bytes(kernel, k, n));
  kf_fill(kf_data(a), (m - 1) * lda + k, -1.0f, 1.0f);
  fill_weights(kernel, kf_data(w), k * n);
  kf_fill(kf_data(bias), n, -1.0f, 1.0f);
  kf_fill(kf_data(res), c_floats, -1.0f, 1.0f);
  memcpy(c.data, res.data, c_floats * 4);
  const int k_major = mode & 1, with_bias = (mode >> 1 & 1) != 0, with_res = (mode >> 2 & 1) != 0,
            in_place = (mode >> 3 & 1) != 0;
  const float lo = mode & 16 ? -0.25f : -INFINITY, hi = mode & 16 ? 0.5f : INFINITY;
  pack(kernel, w.data, k_major ? n : 1, k_major ? 1 : k, k, n, with_bias ? bias.data : NULL, packed.data);
  const ek_gemm_f32_args args = {
    .kernel = kernel,
    .m = m,
    .n = n,
    .k = k,
    .a = a.data,
    .lda = lda,
    .packed = packed.data,
    .c = c.data,
    .ldc = ldc,
    .residual = with_res ? in_place ? c.data : res.data : NULL,
    .ldr = ldc,
    .lo = lo,
    .hi = hi,
  };
  const size_t panels = ek_gemm_f32_num_panels(kernel, n), m_mid = kt_range(0, (uint32_t)m),
               p_mid = kt_range(0, (uint32_t)panels);
  ek_gemm_f32_block(&args, 0, m_mid, 0, p_mid);
  ek_gemm_f32_block(&args, m_mid, m, 0, p_mid);
  ek_gemm_f32_block(&args, 0, m, p_mid, panels);
  int ok = 1;
  for (size_t i = 0; i < m && ok; ++i) {
    for (size_t j = 0; j < ldc && (i + 1 < m || j < n) && ok; ++j) {
      const float got = kf_data(c)[i * ldc + j], was = kf_data(res)[i * ldc + j];
      if (j >= n) {
        ok = got == was;
        if (!ok) printf("%s m=%zu n=%zu k=%zu wrote between rows\n", kernel->name, m, n, k);
        continue;
      }
      double sum = with_bias ? (double)kf_data(bias)[j] : 0.0, size = 1.0;
      for (size_t q = 0; q < k; ++q) {
        const double term = (double)kf_data(a)[i * lda + q] * (double)kf_data(w)[k_major ? q * n + j : j * k + q];
        sum += term;
        size += fabs(term);
      }
      if (with_res) sum += (double)was;
      sum = sum < (double)lo ? (double)lo : sum > (double)hi ? (double)hi : sum;
      ok = near(kernel, (double)got, sum, size, k);
      if (!ok) printf("  m=%zu n=%zu k=%zu mode=%u at [%zu][%zu]\n", m, n, k, mode, i, j);
    }
  }
  if (ok && !same_bits(args, w.data, k_major, with_bias ? bias.data : NULL, res.data, c_floats)) {
    printf("%s m=%zu n=%zu k=%zu mode=%u: other bits than the reference\n", kernel->name, m, n, k, mode);
    ok = 0;
  }
  kt_put(a), kt_put(w), kt_put(bias), kt_put(c), kt_put(res), kt_put(packed);
  return ok;
}

/* without a residual, vectors of channels apart: the same bits as channels last */
static int in_parts(ek_conv_f32_args g, size_t unit, size_t m, kt_buffer y) {
  const size_t lanes = g.kernel->lanes, blocks = (g.c_out + lanes - 1) / lanes;
  const size_t panels = ek_gemm_f32_num_panels(g.kernel, g.c_out), mid = kt_range(0, (uint32_t)(m / unit)) * unit;
  const kt_buffer parts = kt_get(blocks * m * lanes * 4);
  g.residual = NULL;
  ek_conv_f32_block(&g, 0, 0, m, 0, panels);
  g.y = parts.data, g.ldy = lanes, g.ldv = m * lanes;
  ek_conv_f32_block(&g, 0, 0, mid, 0, panels);
  ek_conv_f32_block(&g, 0, mid, m, 0, panels);
  int ok = 1;
  for (size_t i = 0; i < m * g.c_out && ok; ++i) {
    const size_t c = i % g.c_out;
    ok = kf_data(parts)[c / lanes * g.ldv + i / g.c_out * lanes + c % lanes] == kf_data(y)[i];
  }
  kt_put(parts);
  return ok;
}

static int convolution(const ek_gemm_f32_kernel *kernel) {
  ek_conv_f32_args g = { .kernel = kernel };
  g.batch = kt_range(1, 2), g.groups = kt_rand() % 4 ? 1 : kt_range(2, 3);
  g.kh = kt_range(1, 4), g.kw = kt_range(1, 4), g.sh = kt_range(1, 3), g.sw = kt_range(1, 3);
  g.dh = kt_range(1, 2), g.dw = kt_rand() % 3 ? 1 : 2;
  g.c_in = kt_rand() % 2 ? kt_range(1, 5) : kt_range(1, 40),
  g.c_out = kt_rand() % 2 ? kt_range(1, 20) : kt_range(20, 90);
  if (kt_rand() % 8 == 0) g.c_in = kt_range(300, 600);
  const int is_long = kt_rand() % 12 == 0; /* as of a spectrum */
  if (is_long) g.c_in = kt_range(1, 3), g.kh = kt_range(1, 2), g.kw = kt_range(60, 300), g.sw = kt_range(1, 130);
  if (kernel->pair) g.c_in += g.c_in % 2;
  g.ih = kt_range(1, 11), g.iw = is_long ? g.kw * g.dw + kt_range(0, 200) : kt_range(1, 17);
  g.pad_top = kt_range(0, (uint32_t)g.kh), g.pad_left = kt_range(0, (uint32_t)g.kw);
  const size_t span_h = (g.kh - 1) * g.dh + 1, span_w = (g.kw - 1) * g.dw + 1;
  const size_t full_h = g.ih + (size_t)g.pad_top + kt_range(0, 2), full_w = g.iw + (size_t)g.pad_left + kt_range(0, 2);
  if (full_h < span_h || full_w < span_w) return 1;
  g.oh = (full_h - span_h) / g.sh + 1, g.ow = (full_w - span_w) / g.sw + 1;
  const size_t k = g.kh * g.kw * g.c_in, channels = g.groups * g.c_out, m = g.batch * g.oh * g.ow;
  const size_t x_floats = g.batch * g.ih * g.iw * g.groups * g.c_in;
  const kt_buffer x = kt_get(x_floats * 4), w = kt_get(channels * k * 4), bias = kt_get(channels * 4);
  const kt_buffer y = kt_get(m * channels * 4), want = kt_get(m * channels * 4), zeros = kt_get(g.c_in * 4);
  const kt_buffer res = kt_get(m * channels * 4);
  const size_t group_floats = (size_t)ek_gemm_f32_packed_bytes(kernel, k, g.c_out) / 4;
  const kt_buffer packed = kt_get(group_floats * g.groups * 4);
  kf_fill(x.data, x_floats, -1.0f, 1.0f);
  fill_weights(kernel, w.data, channels * k);
  kf_fill(bias.data, channels, -1.0f, 1.0f);
  kf_fill(res.data, m * channels, -1.0f, 1.0f);
  for (size_t i = 0; i < g.groups; ++i) {
    pack(kernel, kf_data(w) + i * g.c_out * k, 1, k, k, g.c_out, kf_data(bias) + i * g.c_out,
         kf_data(packed) + i * group_floats);
  }
  g.x = x.data, g.packed = packed.data, g.zeros = zeros.data, g.y = want.data;
  g.residual = kt_rand() % 2 ? res.data : NULL;
  g.lo = kt_rand() % 2 ? -INFINITY : 0.0f, g.hi = kt_rand() % 2 ? INFINITY : 6.0f;
  ek_conv_f32__ref(&g, w.data, bias.data);
  g.y = y.data;
  const size_t unit = ek_conv_f32_by_line(&g) ? g.ow : 1, mid = kt_range(0, (uint32_t)(m / unit)) * unit;
  const size_t panels = ek_gemm_f32_num_panels(kernel, g.c_out);
  for (size_t i = 0; i < g.groups; ++i) {
    ek_conv_f32_block(&g, i, 0, mid, 0, panels);
    ek_conv_f32_block(&g, i, mid, m, 0, panels);
  }
  int ok = 1;
  for (size_t i = 0; i < m * channels && ok; ++i) {
    ok = near(kernel, (double)kf_data(y)[i], (double)kf_data(want)[i], (double)k * 0.3 + 2.0, k);
  }
  if (ok && ek_conv_f32_may_part(&g)) ok = in_parts(g, unit, m, y);
  if (!ok) {
    printf("  conv %zux%zux%zu k %zux%zu s %zux%zu d %zux%zu pad %td,%td groups %zu out %zux%zux%zu\n", g.ih, g.iw,
           g.c_in, g.kh, g.kw, g.sh, g.sw, g.dh, g.dw, g.pad_top, g.pad_left, g.groups, g.oh, g.ow, g.c_out);
  }
  kt_put(x), kt_put(w), kt_put(bias), kt_put(y), kt_put(want), kt_put(zeros), kt_put(res), kt_put(packed);
  return ok;
}

static int run(const ek_gemm_f32_kernel *kernel) {
  const size_t width = (size_t)kernel->nv_max * kernel->lanes;
  for (size_t m = 1; m <= 26; ++m) { /* every tile height with every panel width */
    for (size_t v = 0; v < kernel->nv_max; ++v) {
      const size_t n = v * kernel->lanes + kt_range(1, kernel->lanes);
      if (!product(kernel, m, n, kt_range(1, 40), kt_rand())) return 1;
    }
  }
  for (size_t i = 0; i < 40; ++i) {
    if (!product(kernel, kt_range(1, 60), kt_range(1, (uint32_t)(3 * width)), kt_range(1, 90), kt_rand())) return 1;
  }
  for (uint32_t mode = 0; mode < 32; mode += 3) { /* sums in parts */
    if (!product(kernel, kt_range(1, 9), kt_range(1, 70), EK_GEMM_F32_SPLIT_K * 2 + kt_range(0, 9), mode)) return 1;
  }
  for (size_t i = 0; i < 30 && kernel->half; ++i) {
    if (!same_as_whole(kernel, kt_range(1, 50), kt_range(1, (uint32_t)(2 * width)), kt_range(1, 1200))) return 1;
  }
  for (uint32_t i = 0; i < 200 && kernel->line; ++i) { /* one row, more panels than a call of line takes */
    const size_t n = (kernel->line_panels + i % (kernel->line_panels + 2)) * width + kt_range(0, (uint32_t)width - 1);
    if (!product(kernel, 1, n, kt_range(1, i % 8 ? 90 : 2 * EK_GEMM_F32_SPLIT_K + 9), kt_rand())) return 1;
  }
  for (size_t i = 0; i < 400; ++i) {
    if (!convolution(kernel)) return 1;
  }
  return 0;
}

KT_MAIN("f32 gemm", ek_gemm_f32_kernel, ek_gemm_f32_at, run)
