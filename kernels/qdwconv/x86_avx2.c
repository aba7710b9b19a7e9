/* SPDX-License-Identifier: Apache-2.0
 * Depthwise kernel for AVX2: pairs of rows are interleaved and widened once per output row, then meet in vpmaddwd
 * (exact); any window.
 *
 * For 16 channels and a stretch of the output's columns, strips lie in a buffer on the stack, one for each pair of
 * input rows y and y + dilation:
 *   [column][channel][2] s16      padding filled in
 * An output pixel is a sum over row pairs and kernel columns, each shared with its neighbours; the strip that ends
 * one output row's window with an odd row begins that of a later row. A last block of at most 8 (16) channels takes
 * the last 8 (16) channels of the pixel, some of them once more. */
#include "qdwconv.h"
#include "../qvec/sums_avx2.h"

enum { COLUMN = 64, PIXELS = 5 /* at most in a tile */ };

QV_INLINE __m128i qd_load(const uint8_t *p, uint32_t n, __m128i flip) {
  if (n == 16) return _mm_xor_si128(_mm_loadu_si128((const __m128i *)p), flip);
  if (n == 8) return _mm_xor_si128(_mm_loadl_epi64((const __m128i *)p), flip);
  uint8_t part[16] = { 0 };
  for (uint32_t i = 0; i < n; ++i) part[i] = p[i];
  return _mm_xor_si128(_mm_loadu_si128((const __m128i *)part), flip);
}

/* `count` columns of two rows */
QV_INLINE void qd_pair(const uint8_t *a, size_t a_step, const uint8_t *b, size_t b_step, uint32_t count, uint32_t n,
                       __m128i flip, int8_t *to) {
  for (uint32_t i = 0; i < count; ++i, to += COLUMN, a += a_step, b += b_step) {
    const __m128i q0 = qd_load(a, n, flip), q1 = qd_load(b, n, flip);
    _mm256_store_si256((__m256i *)to, _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(q0, q1)));
    if (n > 8) _mm256_store_si256((__m256i *)(to + 32), _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(q0, q1)));
  }
}

static void pair(const uint8_t *a, size_t a_step, const uint8_t *b, size_t b_step, uint32_t count, uint32_t n,
                 __m128i flip, int8_t *to) {
  if (n == 16)
    qd_pair(a, a_step, b, b_step, count, 16, flip, to);
  else if (n == 8)
    qd_pair(a, a_step, b, b_step, count, 8, flip, to);
  else
    qd_pair(a, a_step, b, b_step, count, n, flip, to);
}

/* Columns of one stretch of the output: strips of row pairs in a ring. */
typedef struct ring {
  const ek_qdw_args *a;
  const uint8_t *x, *zero; /* the image and the padding pixel, at the first channel */
  int8_t *buffer;
  size_t bytes;                   /* of a strip */
  uint32_t slots, n;              /* strips; channels */
  uint32_t left, inside, columns; /* padding columns, columns of the image, all */
  int64_t ix;                     /* input column of the first */
  int64_t held[EK_QDW_MAX_TAPS];  /* the row whose pair a slot holds */
} ring;

static void begin(ring *s) {
  const int64_t end = s->ix + s->columns;
  const int64_t left = s->ix < 0 ? -s->ix : 0, right = end > s->a->iw ? end - s->a->iw : 0;
  const __m128i flip = _mm_set1_epi32((int)s->a->flip);
  s->left = (uint32_t)(left < s->columns ? left : s->columns);
  s->inside = right < s->columns - s->left ? s->columns - s->left - (uint32_t)right : 0;
  for (uint32_t i = 0; i < s->slots; ++i) {
    int8_t *const to = s->buffer + i * s->bytes;
    s->held[i] = INT64_MIN;
    pair(s->zero, 0, s->zero, 0, s->left, s->n, flip, to);
    pair(s->zero, 0, s->zero, 0, s->columns - s->left - s->inside, s->n, flip, to + (s->left + s->inside) * COLUMN);
  }
}

/* the strip of rows y and y + dilation */
static const int8_t *strip(ring *s, uint32_t slot, int64_t y) {
  int8_t *const to = s->buffer + slot * s->bytes;
  if (s->held[slot] == y) return to;
  s->held[slot] = y;
  const ek_qdw_args *const a = s->a;
  const size_t pixel = a->c, line = a->iw * pixel, first = (size_t)(s->ix + s->left) * pixel;
  const uint8_t *row[2];
  size_t pace[2];
  for (uint32_t i = 0; i < 2; ++i, y += a->dh) {
    const int seen = y >= 0 && y < a->ih;
    row[i] = seen ? s->x + (size_t)y * line + first : s->zero;
    pace[i] = seen ? pixel : 0;
  }
  pair(row[0], pace[0], row[1], pace[1], s->inside, s->n, _mm_set1_epi32((int)a->flip), to + s->left * COLUMN);
  return to;
}

typedef struct weights {
  const int8_t *w;
  const int32_t *bias;
  const float *mult;
  uint32_t kw, pairs, n;
  size_t tap_step, pixel_step; /* bytes between the columns of neighbouring taps, of neighbouring pixels */
} weights;

/* NP pixels at `x` bytes into the strips; n channels: 16, 8 or few */
QV_INLINE void qd_tile(const weights *k, int NP, uint32_t n, uint32_t kw, uint32_t pairs, size_t tap_step,
                       size_t pixel_step, const qv_range *r, const int8_t *const *strips, size_t x, uint8_t *y,
                       size_t y_step) {
  const int wide = n > 8;
  __m256i acc[PIXELS][2];
#pragma GCC unroll 5
  for (int p = 0; p < NP; ++p) {
    acc[p][0] = _mm256_loadu_si256((const __m256i *)k->bias);
    acc[p][1] = wide ? _mm256_loadu_si256((const __m256i *)(k->bias + 8)) : acc[p][0];
  }
  const int8_t *w = k->w;
#pragma GCC unroll 3
  for (uint32_t j = 0; j < pairs; ++j) {
    const int8_t *q = strips[j] + x;
#pragma GCC unroll 5
    for (uint32_t kx = 0; kx < kw; ++kx, w += COLUMN, q += tap_step) {
      const __m256i w0 = _mm256_loadu_si256((const __m256i *)w);
#pragma GCC unroll 5
      for (int p = 0; p < NP; ++p) qv_mac_at(&acc[p][0], q + (size_t)p * pixel_step, w0);
      if (!wide) continue;
      const __m256i w1 = _mm256_loadu_si256((const __m256i *)(w + 32));
#pragma GCC unroll 5
      for (int p = 0; p < NP; ++p) qv_mac_at(&acc[p][1], q + (size_t)p * pixel_step + 32, w1);
    }
  }
#pragma GCC unroll 3
  for (int p = 0; p < NP; p += 2) {
    const int o = p + 1 < NP ? p + 1 : p;
    const __m256 m0 = _mm256_loadu_ps(k->mult), m1 = _mm256_loadu_ps(k->mult + 8);
    const __m256i v = qv_pack_bytes(r, qv_scale(acc[p][0], m0), qv_scale(acc[p][1], m1), qv_scale(acc[o][0], m0),
                                    qv_scale(acc[o][1], m1));
    qv_store_few(y + (size_t)p * y_step, _mm256_castsi256_si128(v), n);
    if (o > p) qv_store_few(y + (size_t)o * y_step, _mm256_extracti128_si256(v, 1), n);
  }
}

/* `count` pixels, four at a time; `fine`: no tile of fewer than three where there are more */
QV_INLINE void qd_pixels(const weights *k, int fine, uint32_t n, uint32_t kw, uint32_t pairs, size_t tap_step,
                         size_t pixel_step, const qv_range *r, const int8_t *const *x, uint32_t count, uint8_t *y,
                         size_t y_step) {
  uint32_t i = 0;
  for (; count - i > (fine ? 6 : 3) || count - i == 4; i += 4)
    qd_tile(k, 4, n, kw, pairs, tap_step, pixel_step, r, x, i * pixel_step, y + i * y_step, y_step);
  if (fine && count - i == 5) {
    qd_tile(k, 5, n, kw, pairs, tap_step, pixel_step, r, x, i * pixel_step, y + i * y_step, y_step);
    return;
  }
  for (; fine && count - i >= 3; i += 3)
    qd_tile(k, 3, n, kw, pairs, tap_step, pixel_step, r, x, i * pixel_step, y + i * y_step, y_step);
  for (; i < count; ++i)
    qd_tile(k, 1, n, kw, pairs, tap_step, pixel_step, r, x, i * pixel_step, y + i * y_step, y_step);
}

enum { NEAR_3, STRIDED_3, NEAR_5, WIDE, HALF, FEW };

/* the usual windows with constant steps, the others with steps from memory */
static int shape_of(const weights *k) {
  if (k->n < 16) return k->n == 8 ? HALF : FEW;
  if (k->tap_step != COLUMN) return WIDE;
  if (k->kw == 3 && k->pairs == 2)
    return k->pixel_step == COLUMN ? NEAR_3 : k->pixel_step == 2 * COLUMN ? STRIDED_3 : WIDE;
  return k->kw == 5 && k->pairs == 3 && k->pixel_step == COLUMN ? NEAR_5 : WIDE;
}

static void pixels(const weights *k, int shape, const qv_range *r, const int8_t *const *x, uint32_t count, uint8_t *y,
                   size_t y_step) {
  switch (shape) {
  case NEAR_3: qd_pixels(k, 1, 16, 3, 2, COLUMN, COLUMN, r, x, count, y, y_step); break;
  case STRIDED_3: qd_pixels(k, 1, 16, 3, 2, COLUMN, 2 * COLUMN, r, x, count, y, y_step); break;
  case NEAR_5: qd_pixels(k, 1, 16, 5, 3, COLUMN, COLUMN, r, x, count, y, y_step); break;
  case WIDE: qd_pixels(k, 0, 16, k->kw, k->pairs, k->tap_step, k->pixel_step, r, x, count, y, y_step); break;
  case HALF: qd_pixels(k, 0, 8, k->kw, k->pairs, k->tap_step, k->pixel_step, r, x, count, y, y_step); break;
  default: qd_pixels(k, 0, k->n, k->kw, k->pairs, k->tap_step, k->pixel_step, r, x, count, y, y_step); break;
  }
}

void ek_qdw_x8s8_any_16__avx2(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  _Alignas(64) int8_t buffer[EK_QDW_ROWS_BUFFER];
  ring s; /* not cleared: it is large */
  s.a = a;
  s.buffer = buffer;
  const qv_range r = qv_range_of(a->zero_point, a->lo, a->hi, a->out == EK_Q_S8);
  const uint32_t pairs = (a->kh + 1) / 2, reach = (a->kw - 1) * a->dw + 1;
  const int8_t *x[EK_QDW_MAX_TAPS / 2 + 1];
  /* a ring that keeps strips for the rows below, if at least a few pixels fit beside each other */
  const uint64_t span = (uint64_t)(pairs - 1) * 2 * a->dh + 1, fits = EK_QDW_ROWS_BUFFER / COLUMN;
  const int keeps = span < EK_QDW_MAX_TAPS && (reach + 7 * (uint64_t)a->sw) * span <= fits;
  s.slots = keeps ? (uint32_t)span : pairs;
  s.bytes = fits / s.slots * COLUMN;
  const uint32_t fit = (uint32_t)(fits / s.slots - reach) / a->sw + 1;
  for (uint32_t c0 = 0; c0 < a->c; c0 += 16) {
    const uint32_t left = a->c - c0, few = a->c < 8 ? a->c : 8, most = a->c < 16 ? a->c : 16;
    s.n = left > 8 ? most : few;
    const uint32_t at = c0 + s.n > a->c ? a->c - s.n : c0;
    s.x = a->x + (size_t)image * a->ih * a->iw * a->c + at;
    s.zero = a->zero + at;
    const weights k = { a->w + (size_t)c0 * a->kw * pairs * 4,
                        a->bias + c0,
                        a->mult + c0,
                        a->kw,
                        pairs,
                        s.n,
                        (size_t)a->dw * COLUMN,
                        (size_t)a->sw * COLUMN };
    const int shape = shape_of(&k);
    for (uint32_t ox = 0; ox < a->ow; ox += fit) {
      const uint32_t count = a->ow - ox < fit ? a->ow - ox : fit;
      s.ix = (int64_t)ox * a->sw - a->pad_left;
      s.columns = (count - 1) * a->sw + reach;
      begin(&s);
      for (uint32_t oy = y0; oy < y1; ++oy) {
        for (uint32_t j = 0; j < pairs; ++j) {
          const int64_t row = (int64_t)oy * a->sh + (int64_t)j * 2 * a->dh;
          x[j] = strip(&s, keeps ? (uint32_t)row % s.slots : j, row - a->pad_top);
        }
        pixels(&k, shape, &r, x, count, a->y + (((size_t)image * a->oh + oy) * a->ow + ox) * a->c + at, a->c);
      }
    }
  }
}
