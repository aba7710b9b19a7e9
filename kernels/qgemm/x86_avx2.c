/* SPDX-License-Identifier: Apache-2.0
 * Integer matrix kernel for AVX2: vpmaddubsw would saturate, so bytes are widened to 16 bits: vpmaddwd, 6 x 16.
 *
 * The depth of all taps is one run of values (EK_QGEMM_FLAT). A block of rows is widened once for all panels, into
 * a buffer on the stack that stays in the first-level cache; the weights stay bytes and are widened in the loop.
 * Rows too deep for the buffer are widened in slices, again for each panel.
 * Where packing found that vpmaddubsw cannot saturate, bytes are used as they are: 8 x 8 with the weights sorted by
 * what they allow, see flat.h. */
#include "qgemm.h"
#include "flat.h"
#include "../qvec/sums_avx2.h"

enum { WIDE = 24576 /* values in the buffer */, NEAR = 8192 /* of which a block wants to use so many */, ROWS = 12 };

typedef struct block {
  const ek_qgemm_call *c;
  int16_t *wide; /* [rows][ld] */
  size_t m, depth, ld, slice;
} block;

QV_INLINE __m128i qg_load4(const uint8_t *p) {
  int32_t v;
  memcpy(&v, p, 4);
  return _mm_cvtsi32_si128(v);
}

/* n bytes as s16 */
QV_INLINE void qg_widen(const uint8_t *p, size_t n, __m128i flip, int16_t *out) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m128i v = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(p + i)), flip);
    _mm256_storeu_si256((__m256i *)(out + i), _mm256_cvtepu8_epi16(v));
  }
  if (i == n) return;
  if (n >= 8) { /* the last ones may be written twice */
    for (i = n - i > 8 ? i : n - 8;; i = n - 8) {
      const __m128i v = _mm_xor_si128(_mm_loadl_epi64((const __m128i *)(p + i)), flip);
      _mm_storeu_si128((__m128i *)(out + i), _mm_cvtepu8_epi16(v));
      if (i + 8 == n) return;
    }
  }
  if (n >= 4) {
    _mm_storel_epi64((__m128i *)out, _mm_cvtepu8_epi16(_mm_xor_si128(qg_load4(p), flip)));
    _mm_storel_epi64((__m128i *)(out + n - 4), _mm_cvtepu8_epi16(_mm_xor_si128(qg_load4(p + n - 4), flip)));
    return;
  }
  const uint32_t f = (uint32_t)_mm_cvtsi128_si32(flip) & 255;
  for (; i < n; ++i) out[i] = (int16_t)(p[i] ^ f);
}

/* Values from .. from + n of `rows` rows, all taps in a line; an odd end is padded with 0. */
static void widen(const block *b, size_t m, size_t rows, size_t from, size_t n) {
  const ek_qgemm_call *const c = b->c;
  const __m128i flip = _mm_set1_epi32((int)c->flip);
  for (size_t i = 0; i < rows; ++i) {
    int16_t *out = b->wide + i * b->ld;
    size_t t = from / c->k, at = from % c->k;
    for (size_t left = n; left > 0; ++t, at = 0) {
      const size_t count = c->k - at < left ? c->k - at : left;
      qg_widen(c->a[t * c->a_ld + m + i] + at, count, flip, out);
      out += count;
      left -= count;
    }
    *out = 0;
  }
}

QV_INLINE void qg_sums(uint8_t *y, __m256i s0, __m256i s1, size_t cols) {
  if (cols >= 16) {
    _mm256_storeu_si256((__m256i *)y, s0);
    _mm256_storeu_si256((__m256i *)(y + 32), s1);
    return;
  }
  int32_t v[16];
  _mm256_storeu_si256((__m256i *)v, s0);
  _mm256_storeu_si256((__m256i *)(v + 8), s1);
  memcpy(y, v, cols * 4);
}

/* MR rows x 16 columns; rows m .. of the block are at row `at` of the buffer */
#define QG_TILE(MR)                                                                                                  \
  static void tile_##MR(const block *b, size_t at, size_t m, const int8_t *w, size_t n0, size_t cols) {              \
    const ek_qgemm_call *const c = b->c;                                                                             \
    const size_t ld = b->ld;                                                                                         \
    __m256i acc[MR][2];                                                                                              \
    _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) {                                                           \
      acc[i][0] = _mm256_loadu_si256((const __m256i *)(c->bias + n0));                                               \
      acc[i][1] = _mm256_loadu_si256((const __m256i *)(c->bias + n0 + 8));                                           \
    }                                                                                                                \
    for (size_t s = 0; s < b->depth; s += b->slice) {                                                                \
      const size_t n = b->depth - s < b->slice ? b->depth - s : b->slice;                                            \
      if (b->slice < b->depth) widen(b, m, MR, s, n);                                                                \
      const int16_t *p = b->wide + at * ld, *const q = p + (n + 1) / 2 * 2;                                          \
      do {                                                                                                           \
        const __m256i b0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w));                                \
        const __m256i b1 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(w + 16)));                         \
        _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) {                                                       \
          int32_t v;                                                                                                 \
          memcpy(&v, (i < 3 ? p : p + 3 * ld) + (size_t)(i % 3) * ld, 4);                                            \
          const __m256i x = _mm256_set1_epi32(v);                                                                    \
          qv_mac(&acc[i][0], x, b0);                                                                                 \
          qv_mac(&acc[i][1], x, b1);                                                                                 \
        }                                                                                                            \
        p += 2;                                                                                                      \
        w += 32;                                                                                                     \
      } while (p < q);                                                                                               \
    }                                                                                                                \
    uint8_t *y = (uint8_t *)c->y + m * c->y_stride;                                                                  \
    if (c->out == EK_Q_S32) {                                                                                        \
      _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i)                                                           \
          qg_sums(y + (size_t)i * c->y_stride + n0 * 4, acc[i][0], acc[i][1], cols);                                 \
      return;                                                                                                        \
    }                                                                                                                \
    const qv_range r = qv_range_of(c->zero_point, c->lo, c->hi, c->out == EK_Q_S8);                                  \
    const __m256 m0 = _mm256_loadu_ps(c->mult + n0), m1 = _mm256_loadu_ps(c->mult + n0 + 8);                         \
    y += n0;                                                                                                         \
    _Pragma("GCC unroll 6") for (int i = 0; i < MR; i += 2) {                                                        \
      const int j = i + 1 < MR ? i + 1 : i;                                                                          \
      const __m256i v = qv_pack_bytes(&r, qv_scale(acc[i][0], m0), qv_scale(acc[i][1], m1), qv_scale(acc[j][0], m0), \
                                      qv_scale(acc[j][1], m1));                                                      \
      qv_store_few(y + (size_t)i * c->y_stride, _mm256_castsi256_si128(v), cols);                                    \
      if (j > i) qv_store_few(y + (size_t)j * c->y_stride, _mm256_extracti128_si256(v, 1), cols);                    \
    }                                                                                                                \
  }

QG_TILE(6)
QG_TILE(4)
QG_TILE(2)
QG_TILE(1)

/* MR rows x 8 columns, for a last panel of so few */
#define QG_HALF(MR)                                                                                     \
  static void half_##MR(const block *b, size_t at, size_t m, const int8_t *w, size_t n0, size_t cols) { \
    const ek_qgemm_call *const c = b->c;                                                                \
    const size_t ld = b->ld;                                                                            \
    __m256i acc[MR];                                                                                    \
    _Pragma("GCC unroll 12") for (int i = 0; i < MR; ++i) acc[i] =                                      \
        _mm256_loadu_si256((const __m256i *)(c->bias + n0));                                            \
    for (size_t s = 0; s < b->depth; s += b->slice) {                                                   \
      const size_t n = b->depth - s < b->slice ? b->depth - s : b->slice;                               \
      if (b->slice < b->depth) widen(b, m, MR, s, n);                                                   \
      const int16_t *p = b->wide + at * ld, *const q = p + (n + 1) / 2 * 2;                             \
      do {                                                                                              \
        const __m256i b0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w));                   \
        _Pragma("GCC unroll 12") for (int i = 0; i < MR; ++i) {                                         \
          int32_t v;                                                                                    \
          memcpy(&v, p + (size_t)(i / 3) * 3 * ld + (size_t)(i % 3) * ld, 4);                           \
          qv_mac(&acc[i], _mm256_set1_epi32(v), b0);                                                    \
        }                                                                                               \
        p += 2;                                                                                         \
        w += 32;                                                                                        \
      } while (p < q);                                                                                  \
    }                                                                                                   \
    uint8_t *y = (uint8_t *)c->y + m * c->y_stride;                                                     \
    if (c->out == EK_Q_S32) {                                                                           \
      _Pragma("GCC unroll 12") for (int i = 0; i < MR; ++i)                                             \
          qg_sums(y + (size_t)i * c->y_stride + n0 * 4, acc[i], acc[i], cols);                          \
      return;                                                                                           \
    }                                                                                                   \
    const qv_range r = qv_range_of(c->zero_point, c->lo, c->hi, c->out == EK_Q_S8);                     \
    const __m256 m0 = _mm256_loadu_ps(c->mult + n0);                                                    \
    y += n0;                                                                                            \
    _Pragma("GCC unroll 12") for (int i = 0; i < MR; i += 4) {                                          \
      __m256i v = qv_pack_bytes(&r, qv_scale(acc[i], m0), qv_scale(acc[(i + 1) % MR], m0),              \
                                qv_scale(acc[(i + 2) % MR], m0), qv_scale(acc[(i + 3) % MR], m0));      \
      for (int j = i; j < i + 4 && j < MR; ++j) {                                                       \
        qv_store_few(y + (size_t)j * c->y_stride, _mm256_castsi256_si128(v), cols);                     \
        v = _mm256_permute4x64_epi64(v, 0x39);                                                          \
      }                                                                                                 \
    }                                                                                                   \
  }

QG_HALF(12)
QG_HALF(4)
QG_HALF(1)

#define QG_RUN(NAME, MR) \
  for (; m + MR <= end; m += MR) NAME##_##MR(&b, b.slice < b.depth ? 0 : m - m0, m, w, n0, cols);

/* ---- sorted weights: rows in groups of 8, bytes as they are and, for wild quads, widened:
 * [group][block of the depth][row of the group][8] */

enum { GROUP = 8, LINE = EK_QGEMM_SAFE_BLOCKS * 8 };

typedef struct sorted {
  const ek_qgemm_call *c;
  const uint8_t *bytes;
  const int16_t *wide; /* of the same rows */
  const ek_qgemm_panel *head;
  size_t blocks;
} sorted;

typedef struct quad {
  uint8_t v[4];
} quad;

/* Two quads whose products may be summed in 16 bits, and one that is widened by itself. Inline assembly for the same
   reason as qv_mac. */
QV_INLINE void qg_two(__m256i *acc, const uint8_t *x, __m256i w0, __m256i w1, __m256i one) {
  __m256i s, t;
  __asm__("vpbroadcastd %3, %1\n\tvpbroadcastd %4, %2\n\tvpmaddubsw %5, %1, %1\n\tvpmaddubsw %6, %2, %2\n\t"
          "vpaddw %2, %1, %1\n\tvpmaddwd %7, %1, %1\n\tvpaddd %1, %0, %0"
          : "+x"(*acc), "=&x"(s), "=&x"(t)
          : "m"(*(const quad *)x), "m"(*(const quad *)(x + 4)), "x"(w0), "x"(w1), "x"(one));
}
QV_INLINE void qg_one(__m256i *acc, const uint8_t *x, __m256i w, __m256i one) {
  __m256i s;
  __asm__("vpbroadcastd %2, %1\n\tvpmaddubsw %3, %1, %1\n\tvpmaddwd %4, %1, %1\n\tvpaddd %1, %0, %0"
          : "+x"(*acc), "=&x"(s)
          : "m"(*(const quad *)x), "x"(w), "x"(one));
}

/* where quad q of a group's first row is, in values */
#define QG_BYTES(q) ((size_t)((q) >> 1) * (8 * GROUP) + ((q)&1u) * 4)

/* MR rows x 8 columns; w: those of their quads */
#define QG_SORTED(MR)                                                                                                  \
  static void sorted_##MR(const sorted *s, const int8_t *w, size_t m, size_t n0, size_t cols) {                        \
    const ek_qgemm_call *const c = s->c;                                                                               \
    const __m256i one = _mm256_set1_epi16(1);                                                                          \
    const uint16_t *q = s->head->order, *end = q + s->head->tame;                                                      \
    __m256i acc[MR];                                                                                                   \
    _Pragma("GCC unroll 8") for (int i = 0; i < MR; ++i) acc[i] = _mm256_loadu_si256((const __m256i *)(c->bias + n0)); \
    for (; q < end; ++q, w += 128) {                                                                                   \
      const uint8_t *const p = s->bytes + (size_t)*q * (4 * GROUP);                                                    \
      const __m256i w0 = _mm256_loadu_si256((const __m256i *)w), w1 = _mm256_loadu_si256((const __m256i *)(w + 64));   \
      _Pragma("GCC unroll 8") for (int i = 0; i < MR; ++i) qg_two(&acc[i], p + 8 * i, w0, w1, one);                    \
    }                                                                                                                  \
    for (end = s->head->order + s->blocks; s->wide == NULL && q < end; ++q, w += 128) {                                \
      const uint8_t *const p = s->bytes + (size_t)*q * (4 * GROUP);                                                    \
      const __m256i w0 = _mm256_loadu_si256((const __m256i *)w), w1 = _mm256_loadu_si256((const __m256i *)(w + 64));   \
      _Pragma("GCC unroll 8") for (int i = 0; i < MR; ++i) {                                                           \
        qg_one(&acc[i], p + 8 * i, w0, one);                                                                           \
        qg_one(&acc[i], p + 8 * i + 4, w1, one);                                                                       \
      }                                                                                                                \
    }                                                                                                                  \
    for (end = s->head->order + s->head->tame + s->head->safe; q < end; ++q, w += 64) {                                \
      const uint8_t *const p = s->bytes + QG_BYTES(*q);                                                                \
      const __m256i w0 = _mm256_loadu_si256((const __m256i *)w);                                                       \
      _Pragma("GCC unroll 8") for (int i = 0; i < MR; ++i) qg_one(&acc[i], p + 8 * i, w0, one);                        \
    }                                                                                                                  \
    for (end = s->head->order + 2 * s->blocks - s->head->tame; s->wide && q < end; ++q, w += 64) {                     \
      const int16_t *const p = s->wide + QG_BYTES(*q);                                                                 \
      const int8_t *const pair = w - 16 * (n0 % 16 / 8);                                                               \
      const __m256i w0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)pair));                                 \
      const __m256i w1 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(pair + 32)));                          \
      _Pragma("GCC unroll 8") for (int i = 0; i < MR; ++i) {                                                           \
        int32_t x[2];                                                                                                  \
        memcpy(x, p + 8 * i, 8);                                                                                       \
        qv_mac(&acc[i], _mm256_set1_epi32(x[0]), w0);                                                                  \
        qv_mac(&acc[i], _mm256_set1_epi32(x[1]), w1);                                                                  \
      }                                                                                                                \
    }                                                                                                                  \
    uint8_t *y = (uint8_t *)c->y + m * c->y_stride;                                                                    \
    if (c->out == EK_Q_S32) {                                                                                          \
      _Pragma("GCC unroll 8") for (int i = 0; i < MR; ++i)                                                             \
          qg_sums(y + (size_t)i * c->y_stride + n0 * 4, acc[i], acc[i], cols < 8 ? cols : 8);                          \
      return;                                                                                                          \
    }                                                                                                                  \
    const qv_range r = qv_range_of(c->zero_point, c->lo, c->hi, c->out == EK_Q_S8);                                    \
    const __m256 m0 = _mm256_loadu_ps(c->mult + n0);                                                                   \
    y += n0;                                                                                                           \
    _Pragma("GCC unroll 2") for (int i = 0; i < MR; i += 4) {                                                          \
      __m256i v = qv_pack_bytes(&r, qv_scale(acc[i], m0), qv_scale(acc[(i + 1) % MR], m0),                             \
                                qv_scale(acc[(i + 2) % MR], m0), qv_scale(acc[(i + 3) % MR], m0));                     \
      for (int j = i; j < i + 4 && j < MR; ++j) {                                                                      \
        qv_store_few(y + (size_t)j * c->y_stride, _mm256_castsi256_si128(v), cols < 8 ? cols : 8);                     \
        v = _mm256_permute4x64_epi64(v, 0x39);                                                                         \
      }                                                                                                                \
    }                                                                                                                  \
  }

QG_SORTED(8)
QG_SORTED(4)
QG_SORTED(2)
QG_SORTED(1)

/* n bytes, and zeros up to a multiple of 8, to places 8 * GROUP values apart; wide may be NULL */
QV_INLINE void qg_scatter(const uint8_t *p, size_t n, __m128i flip, uint8_t *out, int16_t *wide) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8, out += 8 * GROUP) {
    const __m128i v = _mm_xor_si128(_mm_loadl_epi64((const __m128i *)(p + i)), flip);
    _mm_storel_epi64((__m128i *)out, v);
    if (wide) _mm_storeu_si128((__m128i *)(wide + i * GROUP), _mm_cvtepu8_epi16(v));
  }
  if (i == n) return;
  uint8_t last[8] = { 0 };
  for (size_t k = i; k < n; ++k) last[k - i] = p[k];
  const __m128i v = _mm_xor_si128(_mm_loadl_epi64((const __m128i *)last), flip);
  _mm_storel_epi64((__m128i *)out, v);
  if (wide) _mm_storeu_si128((__m128i *)(wide + i * GROUP), _mm_cvtepu8_epi16(v));
}

/* n bytes as they are; out has room for 16 more */
QV_INLINE void qg_copy(const uint8_t *p, size_t n, uint8_t *out) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) _mm_storeu_si128((__m128i *)(out + i), _mm_loadu_si128((const __m128i *)(p + i)));
  if (i + 8 <= n) {
    _mm_storel_epi64((__m128i *)(out + i), _mm_loadl_epi64((const __m128i *)(p + i)));
    i += 8;
  }
  if (i + 4 <= n) {
    memcpy(out + i, p + i, 4);
    i += 4;
  }
  for (; i < n; ++i) out[i] = p[i];
}

/* `rows` rows from m on into groups of `per` values */
static void scatter(const ek_qgemm_call *c, size_t m, size_t rows, uint8_t *out, int16_t *wide, size_t per) {
  const __m128i flip = _mm_set1_epi32((int)c->flip);
  for (size_t i = 0; i < rows; ++i) {
    const size_t at = i / GROUP * per + i % GROUP * 8;
    if (c->k % 8 == 0 || c->taps == 1) {
      for (size_t t = 0, to = at; t < c->taps; ++t, to += c->k * GROUP) {
        if (wide)
          qg_scatter(c->a[t * c->a_ld + m + i], c->k, flip, out + to, wide + to);
        else
          qg_scatter(c->a[t * c->a_ld + m + i], c->k, flip, out + to, NULL);
      }
      continue;
    }
    uint8_t line[LINE + 16];
    for (size_t t = 0; t < c->taps; ++t) qg_copy(c->a[t * c->a_ld + m + i], c->k, line + t * c->k);
    qg_scatter(line, (size_t)c->taps * c->k, flip, out + at, wide ? wide + at : NULL);
  }
}

#define QG_SORTED_RUN(MR)                                 \
  for (; i + MR <= rows; i += MR) {                       \
    const size_t at = i / GROUP * per + i % GROUP * 8;    \
    s.bytes = bytes + at;                                 \
    s.wide = wide ? wide + at : NULL;                     \
    sorted_##MR(&s, w + j * 4, m0 + i, n0 + j, cols - j); \
  }

static void products(const ek_qgemm_call *c, uint8_t *buffer, size_t bytes_in_all, size_t blocks) {
  const ek_qgemm_panel *const first = (const ek_qgemm_panel *)(const void *)c->w;
  const size_t header = (size_t)ek_qgemm_flat_header(blocks), per = blocks * 8 * GROUP; /* values in a group */
  const size_t size = per * (first->kind == EK_QGEMM_MIXED ? 3 : 1);                    /* bytes of a group */
  const size_t near = NEAR * sizeof(int16_t) / size, groups = near > 3 ? near : bytes_in_all / size;
  uint8_t *const bytes = buffer;
  int16_t *const wide = first->kind == EK_QGEMM_MIXED ? (int16_t *)(void *)(buffer + groups * per) : NULL;
  sorted s = { .c = c, .blocks = blocks };
  for (size_t m0 = 0; m0 < c->m; m0 += groups * GROUP) {
    const size_t rows = c->m - m0 < groups * GROUP ? c->m - m0 : groups * GROUP;
    scatter(c, m0, rows, bytes, wide, per);
    for (size_t n0 = 0; n0 < c->n; n0 += 16) {
      const int8_t *const panel = c->w + n0 / 16 * (header + blocks * 128), *const w = panel + header;
      const size_t cols = c->n - n0 < 16 ? c->n - n0 : 16;
      s.head = (const ek_qgemm_panel *)(const void *)panel;
      for (size_t j = 0; j < cols; j += 8) {
        size_t i = 0;
        QG_SORTED_RUN(8)
        QG_SORTED_RUN(4)
        QG_SORTED_RUN(2)
        QG_SORTED_RUN(1)
      }
    }
  }
}

/* ---- the product */

void ek_qgemm_x8s8_6x16c2__avx2(const ek_qgemm_call *c) {
  _Alignas(64) int16_t wide[WIDE + 2];
  block b = { .c = c, .wide = wide, .depth = (size_t)c->taps * c->k };
  const size_t blocks = (size_t)ek_qgemm_flat_blocks(c->taps, c->k), header = (size_t)ek_qgemm_flat_header(blocks);
  const size_t panel_bytes = header + blocks * 128;
  if (((const ek_qgemm_panel *)(const void *)c->w)->kind != EK_QGEMM_PAIRS) {
    products(c, (uint8_t *)wide, sizeof wide, blocks);
    return;
  }
  const size_t padded = (b.depth + 1) / 2 * 2, rows = NEAR / padded > 2 * ROWS ? NEAR / padded : WIDE / padded;
  size_t step = c->m;
  if (rows >= ROWS) {
    b.ld = padded;
    b.slice = b.depth;
    step = rows / ROWS * ROWS;
  } else {
    b.ld = b.slice = WIDE / ROWS / 2 * 2;
  }
  for (size_t m0 = 0; m0 < c->m; m0 += step) {
    const size_t end = c->m - m0 < step ? c->m : m0 + step;
    if (b.slice == b.depth) widen(&b, m0, end - m0, 0, b.depth);
    for (size_t n0 = 0; n0 < c->n; n0 += 16) {
      const size_t cols = c->n - n0 < 16 ? c->n - n0 : 16;
      const int8_t *const w = c->w + n0 / 16 * panel_bytes + header;
      size_t m = m0;
      if (cols <= 8) {
        QG_RUN(half, 12)
        QG_RUN(half, 4)
        QG_RUN(half, 1)
      } else {
        QG_RUN(tile, 6)
        QG_RUN(tile, 4)
        QG_RUN(tile, 2)
        QG_RUN(tile, 1)
      }
    }
  }
}
