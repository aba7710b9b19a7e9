/* SPDX-License-Identifier: Apache-2.0
 * Winograd kernel for AVX2: transforms in 16 bits, products with vpmaddwd on tiles of 6 x 16. */
#include "qwino.h"
#include "../qvec/sums_avx2.h"
#include "tile.inl"

enum { POSITIONS = 16 };

QV_INLINE __m256i qw_pixel(const uint8_t *p, __m128i flip) {
  return _mm256_cvtepu8_epi16(_mm_xor_si128(_mm_loadu_si128((const __m128i *)p), flip));
}

QV_INLINE void qw_spread(__m256i *a, __m256i *b, __m256i *c, __m256i *d) {
  const __m256i x = _mm256_sub_epi16(*a, *c), y = _mm256_add_epi16(*b, *c);
  const __m256i z = _mm256_sub_epi16(*c, *b), w = _mm256_sub_epi16(*b, *d);
  *a = x, *b = y, *c = z, *d = w;
}

/* V of `count` tiles from t on: positions `step` values apart */
static void spread(const ek_qwino_args *a, uint32_t t, uint32_t count, int16_t *v, size_t step) {
  const __m128i flip = _mm_set1_epi32((int)a->flip);
  for (uint32_t i = 0; i < count; ++i, v += a->ic) {
    const uint8_t *p[16];
    qw_pixels(a, qw_tile_of(a, t + i), p);
    for (size_t c = 0; c < a->ic; c += 16) {
      __m256i d[16];
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        for (int r = 0; r < 4; ++r) d[4 * r + j] = qw_pixel(p[4 * r + j] + c, flip);
        qw_spread(&d[j], &d[4 + j], &d[8 + j], &d[12 + j]);
      }
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) {
        qw_spread(&d[4 * r], &d[4 * r + 1], &d[4 * r + 2], &d[4 * r + 3]);
        for (int j = 0; j < 4; ++j) _mm256_storeu_si256((__m256i *)(v + (size_t)(4 * r + j) * step + c), d[4 * r + j]);
      }
    }
  }
}

/* MR rows of V (ld values apart) times a panel: MR rows of 16 sums, m_ld apart */
#define QW_TILE(MR)                                                                                      \
  static void tile_##MR(const int16_t *v, size_t ld, const int16_t *w, int32_t *m, size_t m_ld) {        \
    __m256i acc[MR][2];                                                                                  \
    _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) acc[i][0] = acc[i][1] = _mm256_setzero_si256(); \
    const int16_t *const end = v + ld;                                                                   \
    do {                                                                                                 \
      const __m256i b0 = _mm256_loadu_si256((const __m256i *)w);                                         \
      const __m256i b1 = _mm256_loadu_si256((const __m256i *)(w + 16));                                  \
      _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) {                                             \
        int32_t x;                                                                                       \
        memcpy(&x, (i < 3 ? v : v + 3 * ld) + (size_t)(i % 3) * ld, 4);                                  \
        const __m256i q = _mm256_set1_epi32(x);                                                          \
        qv_mac(&acc[i][0], q, b0);                                                                       \
        qv_mac(&acc[i][1], q, b1);                                                                       \
      }                                                                                                  \
      v += 2;                                                                                            \
      w += 32;                                                                                           \
    } while (v < end);                                                                                   \
    _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) {                                               \
      _mm256_storeu_si256((__m256i *)(m + (size_t)i * m_ld), acc[i][0]);                                 \
      _mm256_storeu_si256((__m256i *)(m + (size_t)i * m_ld + 8), acc[i][1]);                             \
    }                                                                                                    \
  }

QW_TILE(6)
QW_TILE(4)
QW_TILE(2)
QW_TILE(1)

#define QW_RUN(MR) \
  for (; t + MR <= count; t += MR) tile_##MR(v + (size_t)t * ld, ld, w, m + (size_t)t * m_ld, m_ld);

static void product(const int16_t *v, size_t ld, const int16_t *w, int32_t *m, size_t m_ld, uint32_t count) {
  uint32_t t = 0;
  QW_RUN(6)
  QW_RUN(4)
  QW_RUN(2)
  QW_RUN(1)
}

QV_INLINE __m256i qw_at(const int32_t *m, size_t step, int position) {
  return _mm256_loadu_si256((const __m256i *)(m + (size_t)position * step));
}

/* the four sums of 8 channels of a tile, scaled unless mult is NULL */
QV_INLINE void qw_gather(const int32_t *m, size_t step, const int32_t *bias, const float *mult, __m256i *out) {
  __m256i r[2][4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const __m256i b = qw_at(m, step, 4 + j), c = qw_at(m, step, 8 + j);
    r[0][j] = _mm256_add_epi32(_mm256_add_epi32(b, c), qw_at(m, step, j));
    r[1][j] = _mm256_sub_epi32(_mm256_sub_epi32(b, c), qw_at(m, step, 12 + j));
  }
  const __m256i base = _mm256_loadu_si256((const __m256i *)bias);
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const __m256i p = _mm256_add_epi32(_mm256_add_epi32(r[i][0], r[i][1]), r[i][2]);
    const __m256i q = _mm256_sub_epi32(_mm256_sub_epi32(r[i][1], r[i][2]), r[i][3]);
    out[2 * i] = _mm256_add_epi32(_mm256_srai_epi32(p, 2), base);
    out[2 * i + 1] = _mm256_add_epi32(_mm256_srai_epi32(q, 2), base);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4 && mult != NULL; ++i) out[i] = qv_scale(out[i], _mm256_loadu_ps(mult));
}

/* as finish(), the sums themselves */
static void finish_sums(const ek_qwino_args *a, const int32_t *m, size_t m_ld, uint32_t t, uint32_t count, uint32_t n,
                        uint32_t cols) {
  const size_t step = a->block * m_ld, line = (size_t)a->ow * a->oc;
  for (uint32_t i = 0; i < count; ++i, m += m_ld) {
    const qw_tile tile = qw_tile_of(a, t + i);
    const int down = tile.oy + 1 < a->oh, right = tile.ox + 1 < a->ow;
    int *y = (int *)(void *)a->y + (((size_t)tile.image * a->oh + tile.oy) * a->ow + tile.ox) * a->oc + n;
    for (uint32_t j = 0; j < cols; j += 8, y += 8) {
      const __m256i left = _mm256_set1_epi32((int)(cols - j)), order = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
      const __m256i mask = _mm256_cmpgt_epi32(left, order);
      __m256i s[4];
      qw_gather(m + j, step, a->bias + n + j, NULL, s);
      _mm256_maskstore_epi32(y, mask, s[0]);
      if (right) _mm256_maskstore_epi32(y + a->oc, mask, s[1]);
      if (down) _mm256_maskstore_epi32(y + line, mask, s[2]);
      if (down && right) _mm256_maskstore_epi32(y + line + a->oc, mask, s[3]);
    }
  }
}

/* outputs of `count` tiles, channels n .. n + cols, from M with rows of m_ld */
static void finish(const ek_qwino_args *a, const int32_t *m, size_t m_ld, uint32_t t, uint32_t count, uint32_t n,
                   uint32_t cols) {
  const qv_range range = qv_range_of(a->zero_point, a->lo, a->hi, a->out == EK_Q_S8);
  const size_t step = a->block * m_ld, line = (size_t)a->ow * a->oc;
  for (uint32_t i = 0; i < count; ++i, m += m_ld) {
    const qw_tile tile = qw_tile_of(a, t + i);
    const int down = tile.oy + 1 < a->oh, right = tile.ox + 1 < a->ow;
    uint8_t *y = a->y + (((size_t)tile.image * a->oh + tile.oy) * a->ow + tile.ox) * a->oc + n;
    for (uint32_t j = 0; j < cols; j += 16, y += 16) {
      __m256i s[2][4];
      qw_gather(m + j, step, a->bias + n + j, a->mult + n + j, s[0]);
      qw_gather(m + j + 8, step, a->bias + n + j + 8, a->mult + n + j + 8, s[1]);
      const __m256i top = qv_pack_bytes(&range, s[0][0], s[1][0], s[0][1], s[1][1]);
      const __m256i low = qv_pack_bytes(&range, s[0][2], s[1][2], s[0][3], s[1][3]);
      qv_store_few(y, _mm256_castsi256_si128(top), cols - j);
      if (right) qv_store_few(y + a->oc, _mm256_extracti128_si256(top, 1), cols - j);
      if (down) qv_store_few(y + line, _mm256_castsi256_si128(low), cols - j);
      if (down && right) qv_store_few(y + line + a->oc, _mm256_extracti128_si256(low, 1), cols - j);
    }
  }
}

void ek_qwino_x8s8_2x2__avx2(const ek_qwino_args *a, void *scratch, uint32_t t0, uint32_t t1, uint32_t n0,
                             uint32_t n1) {
  const size_t padded = (a->oc + 15) / 16 * 16, step = a->block * (size_t)a->ic;
  const uint32_t wide = padded < EK_QWINO_COLUMNS ? (uint32_t)padded : EK_QWINO_COLUMNS;
  int16_t *const v = scratch;
  int32_t *const m = (int32_t *)(void *)(v + POSITIONS * step);
  for (uint32_t t = t0; t < t1; t += a->block) {
    const uint32_t count = t1 - t < a->block ? t1 - t : a->block;
    spread(a, t, count, v, step);
    for (uint32_t n = n0; n < n1; n += wide) {
      const uint32_t cols = n1 - n < wide ? n1 - n : wide;
      for (uint32_t p = 0; p < POSITIONS; ++p) {
        const int16_t *const w = a->w + p * padded * a->ic + (size_t)n * a->ic;
        for (uint32_t j = 0; j < cols; j += 16)
          product(v + p * step, a->ic, w + (size_t)j * a->ic, m + p * a->block * (size_t)wide + j, wide, count);
      }
      (a->out == EK_Q_S32 ? finish_sums : finish)(a, m, wide, t, count, n, cols);
    }
  }
}
