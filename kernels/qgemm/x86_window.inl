/* SPDX-License-Identifier: Apache-2.0
 * Three columns wide windows over 16 channels with at most 16 outputs, stride 1, on AVX-512 VNNI: 16 neighbouring
 * pixels at once, so that four bytes of an input pixel, once broadcast, meet the weights of all three columns. Included
 * by x86_avx512.inl, over its words. */
enum { QG_RUN_PIXELS = 16, QG_RUN_BYTES = 16 };

static void window_16(const ek_qgemm_call *c, size_t m, const int8_t *w, size_t cols) {
  const __m512i flip = _mm512_set1_epi32((int)c->flip), bias = _mm512_loadu_si512(c->bias);
  __m512i acc[QG_RUN_PIXELS];
#pragma GCC unroll 16
  for (int i = 0; i < QG_RUN_PIXELS; ++i) acc[i] = bias;
  for (size_t t = 0; t < c->taps; ++t, w += 2 * 4 * 64) {
    const uint8_t *p = c->a[t * c->a_ld + m];
    for (int g = 0; g < 4; ++g, p += 4, w += 64) {
      const __m512i w0 = qg_w(w), w1 = qg_w(w + 4 * 64), w2 = qg_w(w + 8 * 64);
#pragma GCC unroll 18
      for (int i = 0; i < QG_RUN_PIXELS + 2; ++i) {
        const __m512i x = qg_x(p + i * QG_RUN_BYTES, flip);
        if (i < QG_RUN_PIXELS) qg_mac(&acc[i], x, w0);
        if (i > 0 && i <= QG_RUN_PIXELS) qg_mac(&acc[i - 1], x, w1);
        if (i > 1) qg_mac(&acc[i - 2], x, w2);
      }
    }
  }
  uint8_t *const y = (uint8_t *)c->y + m * c->y_stride;
  qg_epilogue e;
  qg_prepare(&e, c, 1, 0);
  if (e.is_s32) {
#pragma GCC unroll 16
    for (int i = 0; i < QG_RUN_PIXELS; ++i) qg_out_s32(y + (size_t)i * c->y_stride, acc + i, 1, 0, cols);
    return;
  }
  if (c->add != NULL) {
    qg_residual r;
    qg_prepare_residual(&r, &e, c, m, 0);
#pragma GCC unroll 4
    for (int i = 0; i < QG_RUN_PIXELS; i += 4)
      qg_out_added(&r, &e, y + (size_t)i * c->y_stride, c->y_stride, (size_t)i, acc + i, 1, 4, 0, cols);
    return;
  }
#pragma GCC unroll 4
  for (int i = 0; i < QG_RUN_PIXELS; i += 4)
    qg_out(&e, y + (size_t)i * c->y_stride, c->y_stride, acc + i, 1, 4, 0, cols);
}

/* Rows from m on, at most `most`, that are neighbours in a line. */
static size_t run_from(const ek_qgemm_call *c, size_t m, size_t most) {
  const uint8_t *const *const p = c->a + m;
  size_t n = 1;
  while (n < most && m + n < c->m && p[n] == p[n - 1] + QG_RUN_BYTES) ++n;
  return n;
}

static int qg_try_window(const ek_qgemm_call *c) {
  if (c->x_step != QG_RUN_BYTES || c->k != 3 * QG_RUN_BYTES || c->n > 16) return 0;
  if (run_from(c, 0, QG_RUN_PIXELS) < QG_RUN_PIXELS) return 0; /* lines too short */
  for (size_t m = 0; m < c->m;) {
    const size_t n = run_from(c, m, QG_RUN_PIXELS);
    if (n == QG_RUN_PIXELS) {
      window_16(c, m, c->w, c->n);
      m += QG_RUN_PIXELS;
    } else if (n >= 6) {
      tile_6x1(c, m, c->w, 0, c->n, c->w);
      m += 6;
    } else if (n >= 3) {
      tile_3x1(c, m, c->w, 0, c->n, c->w);
      m += 3;
    } else {
      tile_1x1(c, m, c->w, 0, c->n, c->w);
      m += 1;
    }
  }
  return 1;
}
