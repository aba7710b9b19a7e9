/* SPDX-License-Identifier: Apache-2.0
 * Shallow products on AVX-512 VNNI (first layers, narrow 1 x 1): all weights of a few columns stay in registers while
 * the rows go by. Included by x86_avx512.inl, over its words. */

/* `rows` rows, together at most eight vectors, with the weights in b; the rows take turns, so that each sum has time
   to come out */
QG_INLINE void qg_shallow_rows(const qg_epilogue *e, const uint8_t *const *a, size_t ld, __m512i flip, const __m512i *b,
                               const __m512i *bias, uint8_t *y, size_t y_stride, size_t n0, size_t cols, int taps,
                               int groups, int nv, int rows) {
  const int packed = nv >= 3 ? 1 : 4 / nv < rows ? 4 / nv : rows;
  __m512i acc[8];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int j = 0; j < nv; ++j) acc[r * nv + j] = bias[j];
  }
#pragma GCC unroll 10
  for (int t = 0; t < taps; ++t) {
    const uint8_t *p[8];
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) p[r] = a[(size_t)t * ld + (size_t)r];
#pragma GCC unroll 10
    for (int k = 0; k < groups; ++k) {
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        const __m512i x = qg_x(p[r] + 4 * k, flip);
#pragma GCC unroll 4
        for (int j = 0; j < nv; ++j) qg_mac(&acc[r * nv + j], x, b[(t * groups + k) * nv + j]);
      }
    }
  }
  if (e->is_s32) {
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) qg_out_s32(y + (size_t)r * y_stride, acc + r * nv, nv, n0, cols);
    return;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r += packed)
    qg_out(e, y + (size_t)r * y_stride, y_stride, acc + r * nv, nv, packed, n0, cols);
}

/* step: bytes of a depth group of the whole panel */
QG_INLINE void qg_shallow(const ek_qgemm_call *c, const int8_t *w, size_t step, size_t n0, size_t cols, int taps,
                          int groups, int nv) {
  enum { MOST = 18 };
  const int together = 8 / nv;
  const __m512i flip = _mm512_set1_epi32((int)c->flip);
  __m512i b[MOST], bias[4];
  qg_epilogue e;
  qg_prepare(&e, c, nv, n0);
#pragma GCC unroll 18
  for (int s = 0; s < taps * groups; ++s) {
#pragma GCC unroll 4
    for (int j = 0; j < nv; ++j) b[s * nv + j] = qg_w(w + (size_t)s * step + j * 64);
  }
#pragma GCC unroll 4
  for (int j = 0; j < nv; ++j) bias[j] = _mm512_loadu_si512(c->bias + n0 + 16 * j);
  const size_t stride = c->y_stride, ld = c->a_ld, rows = c->m;
  const uint8_t *const *a = c->a;
  uint8_t *y = c->y;
  size_t m = 0;
  for (; m + (size_t)together <= rows; m += (size_t)together, a += together, y += (size_t)together * stride)
    qg_shallow_rows(&e, a, ld, flip, b, bias, y, stride, n0, cols, taps, groups, nv, together);
  for (; together > 1 && m < rows; ++m, ++a, y += stride)
    qg_shallow_rows(&e, a, ld, flip, b, bias, y, stride, n0, cols, taps, groups, nv, 1);
}

#define QG_SHALLOW(TAPS, GROUPS, NV)                                                                            \
  static void shallow_##TAPS##_##GROUPS##_##NV(const ek_qgemm_call *c, const int8_t *w, size_t step, size_t n0, \
                                               size_t cols) {                                                   \
    qg_shallow(c, w, step, n0, cols, TAPS, GROUPS, NV);                                                         \
  }
QG_SHALLOW(1, 2, 1)
QG_SHALLOW(1, 2, 2)
QG_SHALLOW(1, 2, 3)
QG_SHALLOW(1, 2, 4)
QG_SHALLOW(1, 4, 1)
QG_SHALLOW(1, 4, 2)
QG_SHALLOW(1, 4, 3)
QG_SHALLOW(1, 4, 4)
QG_SHALLOW(1, 6, 1)
QG_SHALLOW(1, 6, 2)
QG_SHALLOW(1, 8, 1)
QG_SHALLOW(1, 8, 2)
QG_SHALLOW(3, 3, 1)
QG_SHALLOW(3, 3, 2)

typedef void (*qg_shallow_fn)(const ek_qgemm_call *c, const int8_t *w, size_t step, size_t n0, size_t cols);
static const struct qg_shallow_row {
  uint32_t taps, groups, most; /* vectors of columns at once */
  qg_shallow_fn fn[4];         /* for 1, 2, .. vectors of columns */
} shallow_rows[] = {
  { 1, 2, 4, { shallow_1_2_1, shallow_1_2_2, shallow_1_2_3, shallow_1_2_4 } },
  { 1, 4, 4, { shallow_1_4_1, shallow_1_4_2, shallow_1_4_3, shallow_1_4_4 } },
  { 1, 6, 2, { shallow_1_6_1, shallow_1_6_2, NULL, NULL } },
  { 1, 8, 2, { shallow_1_8_1, shallow_1_8_2, NULL, NULL } },
  { 3, 3, 2, { shallow_3_3_1, shallow_3_3_2, NULL, NULL } },
};

static int qg_try_shallow(const ek_qgemm_call *c) {
  enum { ROWS = 24 };
  if (c->m < ROWS || c->k % 4 != 0 || c->add != NULL) return 0;
  for (size_t i = 0; i < EK_COUNT(shallow_rows); ++i) {
    const struct qg_shallow_row *const row = &shallow_rows[i];
    if (row->taps != c->taps || row->groups * 4 != c->k) continue;
    for (size_t n0 = 0; n0 < c->n; n0 += 64) {
      const size_t cols = c->n - n0 < 64 ? c->n - n0 : 64, vectors = (cols + 15) / 16;
      const int8_t *const w = c->w + n0 * c->taps * c->k;
      for (size_t v = 0; v < vectors; v += row->most) {
        const size_t nv = vectors - v < row->most ? vectors - v : row->most, left = cols - v * 16;
        row->fn[nv - 1](c, w + v * 64, vectors * 64, n0 + v * 16, left < nv * 16 ? left : nv * 16);
      }
    }
    return 1;
  }
  return 0;
}
