/* SPDX-License-Identifier: Apache-2.0
 * Depthwise kernels for AVX-512 VNNI: four bytes of a channel meet in one vpdpbusd after two levels of unpack, whose
 * channel order the saturating packs undo. 3x3: the four bytes are neighbouring pixels of a row, so one interleaved
 * row serves two output pixels and, walking down, three output rows. */
#include "qdwconv.h"
#include <immintrin.h>
#include "taps.inl"

#define QD_INLINE static inline __attribute__((always_inline))

/* Byte minimum and maximum are slow on 512 bits: they are skipped where the type's own range clamps. */
typedef struct qd_epilogue {
  __m512i zp, lo, hi;
  int is_s8, clamps;
} qd_epilogue;

QD_INLINE qd_epilogue qd_prepare(const ek_qdw_args *a) {
  const int is_s8 = a->out == EK_Q_S8, least = is_s8 ? -128 : 0;
  const qd_epilogue e = { _mm512_set1_epi16((short)a->zero_point), _mm512_set1_epi8((char)a->lo),
                          _mm512_set1_epi8((char)a->hi), is_s8, a->lo > least || a->hi < least + 255 };
  return e;
}

/* c += x . w at a literal offset from one base register: left to itself, gcc gives each of the weights of a window a
 * register of its own and spills them */
typedef struct qd_weights {
  int8_t b[1024];
} qd_weights;
#define QD_DOT(c, x, w, offset)      \
  __asm__("vpdpbusd %c3(%2), %1, %0" \
          : "+v"(c)                  \
          : "v"(x), "r"(w), "i"(offset), "m"(*(const qd_weights *)(const void *)(w)))
#define QD_DOT4(acc, x, w, offset)         \
  do {                                     \
    QD_DOT(acc[0], x[0], w, offset);       \
    QD_DOT(acc[1], x[1], w, offset + 64);  \
    QD_DOT(acc[2], x[2], w, offset + 128); \
    QD_DOT(acc[3], x[3], w, offset + 192); \
  } while (0)

#define QD_LANE 64
typedef __m512i qd_v;
typedef __mmask64 qd_part;
QD_INLINE qd_part qd_part_of(size_t n) {
  return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}
QD_INLINE qd_v qd_splat(uint32_t v) {
  return _mm512_set1_epi32((int)v);
}
QD_INLINE qd_v qd_words(const int8_t *p) {
  return _mm512_loadu_si512(p);
}
QD_INLINE void qd_words_store(int8_t *p, qd_v v) {
  _mm512_storeu_si512(p, v);
}
QD_INLINE qd_v qd_shift_up(qd_v v, int bits) {
  return _mm512_sll_epi32(v, _mm_cvtsi32_si128(bits));
}
QD_INLINE qd_v qd_shift_down(qd_v v, int bits) { /* 32: nothing is left */
  return _mm512_srl_epi32(v, _mm_cvtsi32_si128(bits));
}
QD_INLINE qd_v qd_or(qd_v a, qd_v b) {
  return _mm512_or_si512(a, b);
}

QD_INLINE __m512i qd_load(const uint8_t *p, __mmask64 mask, int full, __m512i flip) {
  return _mm512_xor_si512(full ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi8(mask, p), flip);
}

QD_INLINE void qd_interleave(__m512i a, __m512i b, __m512i c, __m512i d, __m512i *o) {
  const __m512i l0 = _mm512_unpacklo_epi8(a, b), h0 = _mm512_unpackhi_epi8(a, b);
  const __m512i l1 = _mm512_unpacklo_epi8(c, d), h1 = _mm512_unpackhi_epi8(c, d);
  o[0] = _mm512_unpacklo_epi16(l0, l1);
  o[1] = _mm512_unpackhi_epi16(l0, l1);
  o[2] = _mm512_unpacklo_epi16(h0, h1);
  o[3] = _mm512_unpackhi_epi16(h0, h1);
}

QD_INLINE __m512i qd_pack(const __m512i *acc, const float *mult, const qd_epilogue *e) {
  __m512i q[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j)
    q[j] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(acc[j]), _mm512_loadu_ps(mult + 16 * j)));
  const __m512i p0 = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), e->zp);
  const __m512i p1 = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), e->zp);
  if (e->is_s8) {
    const __m512i b = _mm512_packs_epi16(p0, p1);
    return e->clamps ? _mm512_min_epi8(_mm512_max_epi8(b, e->lo), e->hi) : b;
  }
  const __m512i b = _mm512_packus_epi16(p0, p1);
  return e->clamps ? _mm512_min_epu8(_mm512_max_epu8(b, e->lo), e->hi) : b;
}

QD_INLINE void qd_store(uint8_t *y, __mmask64 mask, int full, const __m512i *acc, const float *mult,
                        const qd_epilogue *e) {
  const __m512i b = qd_pack(acc, mult, e);
  if (full)
    _mm512_storeu_si512(y, b);
  else
    _mm512_mask_storeu_epi8(y, mask, b);
}

void ek_qdw_x8s8_any_64__avx512vnni(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const uint8_t *p[EK_QDW_MAX_TAPS + 3];
  const uint32_t taps = a->kh * a->kw, groups = (taps + 3) / 4;
  const __m512i flip = _mm512_set1_epi32((int)a->flip);
  const qd_epilogue e = qd_prepare(a);
  for (uint32_t oy = y0; oy < y1; ++oy) {
    for (uint32_t ox = 0; ox < a->ow; ++ox) {
      qdw_taps(a, image, oy, ox, p);
      for (uint32_t t = taps; t < groups * 4; ++t) p[t] = a->zero; /* weight 0 */
      uint8_t *const y = qdw_pixel(a, image, oy, ox);
      for (size_t c0 = 0; c0 < a->c; c0 += 64) {
        const int full = a->c - c0 >= 64;
        const __mmask64 mask = full ? ~(__mmask64)0 : ((__mmask64)1 << (a->c - c0)) - 1;
        const int8_t *w = a->w + c0 * 4 * groups;
        __m512i acc[4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) acc[j] = _mm512_loadu_si512(a->bias + c0 + 16 * (size_t)j);
        for (uint32_t t = 0; t < taps; t += 4, w += 256) {
          __m512i o[4];
          qd_interleave(qd_load(p[t] + c0, mask, full, flip), qd_load(p[t + 1] + c0, mask, full, flip),
                        qd_load(p[t + 2] + c0, mask, full, flip), qd_load(p[t + 3] + c0, mask, full, flip), o);
          QD_DOT4(acc, o, w, 0);
        }
        qd_store(y + c0, mask, full, acc, a->mult + c0, &e);
      }
    }
  }
}

/* ---- 3x3, stride 1 or 2, dilation 1. A strip is one (stride 2) or two output columns of a block of channels, walked
 * down; where a block has at most 32 (16) channels, two (four) strips side by side fill the vector. */

typedef struct qd_strips {
  const uint8_t *p[4][4]; /* [strip][input column] */
  size_t step[4][4];      /* bytes to the next row; 0: a padding column stands still */
  size_t line;            /* bytes of an input row */
  uint32_t columns;       /* output columns that exist */
} qd_strips;

/* `inner`: no padding column, all addresses from one pointer; neighbouring strips are two input columns apart */
#define QD_AT(i) (inner ? at + (size_t)(k + 2 * (i)) * c : s->p[i][k] + row * s->step[i][k])

QD_INLINE __m512i qd_column(const qd_strips *s, const uint8_t *at, size_t c, int k, size_t row, int n_strips, int inner,
                            __mmask64 mask, int full) {
  if (n_strips == 1) return full ? _mm512_loadu_si512(QD_AT(0)) : _mm512_maskz_loadu_epi8(mask, QD_AT(0));
  if (n_strips == 2) {
    const __mmask32 m = (__mmask32)mask;
    const __m256i a = full ? _mm256_loadu_si256((const __m256i *)QD_AT(0)) : _mm256_maskz_loadu_epi8(m, QD_AT(0));
    const __m256i b = full ? _mm256_loadu_si256((const __m256i *)QD_AT(1)) : _mm256_maskz_loadu_epi8(m, QD_AT(1));
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
  }
  const __mmask16 m = (__mmask16)mask;
  __m128i v[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i)
    v[i] = full ? _mm_loadu_si128((const __m128i *)QD_AT(i)) : _mm_maskz_loadu_epi8(m, QD_AT(i));
  const __m256i a = _mm256_inserti128_si256(_mm256_castsi128_si256(v[0]), v[1], 1);
  const __m256i b = _mm256_inserti128_si256(_mm256_castsi128_si256(v[2]), v[3], 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* one input row, interleaved; rows outside the image are the zero pixel in every column */
typedef struct qd_frame { /* what the walk keeps in registers: the stores might alias the originals */
  const uint8_t *at;      /* inner: input row 0, first column */
  size_t line, c;
  int64_t rows;
  __m512i flip, zero;
} qd_frame;

QD_INLINE void qd_row(const qd_frame *f, const qd_strips *s, int64_t row, int n_strips, int inner, __mmask64 mask,
                      int full, __m512i *o) {
  __m512i v[4];
  if (row >= 0 && row < f->rows) {
    const uint8_t *const at = inner ? f->at + (size_t)row * f->line : NULL;
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k)
      v[k] = _mm512_xor_si512(qd_column(s, at, f->c, k, (size_t)row, n_strips, inner, mask, full), f->flip);
  } else {
    v[0] = f->zero;
    v[1] = v[2] = v[3] = v[0];
  }
  qd_interleave(v[0], v[1], v[2], v[3], o);
}

QD_INLINE void qd_dots(__m512i *acc, const int32_t *bias, const __m512i *r0, const __m512i *r1, const __m512i *r2,
                       const int8_t *w) {
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) acc[j] = _mm512_loadu_si512(bias + 16 * j);
  QD_DOT4(acc, r0, w, 0);
  QD_DOT4(acc, r1, w, 256);
  QD_DOT4(acc, r2, w, 512);
}

/* column `first` of each strip, strips `apart` columns from each other */
QD_INLINE void qd_store_strips(size_t c, uint32_t columns, uint8_t *y, int n_strips, uint32_t first, uint32_t apart,
                               __mmask64 mask, int full, const __m512i *acc, const float *mult, const qd_epilogue *e) {
  if (n_strips == 1) {
    if (first < columns) qd_store(y + first * c, mask, full, acc, mult, e);
    return;
  }
  const __m512i b = qd_pack(acc, mult, e);
#pragma GCC unroll 4
  for (int i = 0; i < n_strips; ++i) {
    const uint32_t column = first + apart * (uint32_t)i;
    uint8_t *const to = y + (size_t)column * c;
    if (column >= columns) break;
    if (n_strips == 2) {
      const __m256i v = i ? _mm512_extracti64x4_epi64(b, 1) : _mm512_castsi512_si256(b);
      if (full)
        _mm256_storeu_si256((__m256i *)to, v);
      else
        _mm256_mask_storeu_epi8(to, (__mmask32)mask, v);
    } else {
      const __m128i v = i == 0   ? _mm512_castsi512_si128(b)
                        : i == 1 ? _mm512_extracti32x4_epi32(b, 1)
                        : i == 2 ? _mm512_extracti32x4_epi32(b, 2)
                                 : _mm512_extracti32x4_epi32(b, 3);
      if (full)
        _mm_storeu_si128((__m128i *)to, v);
      else
        _mm_mask_storeu_epi8(to, (__mmask16)mask, v);
    }
  }
}

QD_INLINE void qd_walk(const ek_qdw_args *a, const qd_strips *s, size_t c0, int stride, int n_strips, int inner,
                       int full, __mmask64 mask, uint32_t y0, uint32_t y1, uint8_t *y, const qd_epilogue *epilogue) {
  const qd_epilogue own = *epilogue, *const e = &own;
  const __m512i flip = _mm512_set1_epi32((int)a->flip), zero = _mm512_set1_epi8((char)a->zero[c0]);
  const qd_frame f = { s->p[0][0], s->line, a->c, a->ih, flip, _mm512_xor_si512(zero, flip) };
  const int8_t *const w = a->w + c0 * 24;
  const int32_t *const bias = a->bias + c0;
  const float *const mult = a->mult + c0;
  const size_t line = (size_t)a->ow * a->c;
  const uint32_t columns = s->columns;
  __m512i r0[4], r1[4], r2[4], acc[4];
  int64_t iy = (int64_t)y0 * stride - a->pad_top;
  qd_row(&f, s, iy, n_strips, inner, mask, full, r0);
  if (stride == 1) qd_row(&f, s, iy + 1, n_strips, inner, mask, full, r1);
  for (uint32_t oy = y0; oy < y1; ++oy, iy += stride, y += line) {
    if (stride == 2) qd_row(&f, s, iy + 1, n_strips, inner, mask, full, r1);
    qd_row(&f, s, iy + 2, n_strips, inner, mask, full, r2);
    qd_dots(acc, bias, r0, r1, r2, w);
    qd_store_strips(f.c, columns, y, n_strips, 0, stride == 1 ? 2 : 1, mask, full, acc, mult, e);
    if (stride == 1) {
      qd_dots(acc, bias, r0, r1, r2, w + 768);
      qd_store_strips(f.c, columns, y, n_strips, 1, 2, mask, full, acc, mult, e);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      r0[j] = stride == 1 ? r1[j] : r2[j];
      if (stride == 1) r1[j] = r2[j];
    }
  }
}

/* input column ix, or the zero pixel where there is none; stride 2: the fourth column has weight 0 */
static void qd_aim(const ek_qdw_args *a, const uint8_t *x, size_t line, int64_t ix, uint32_t k, size_t c0,
                   const uint8_t **p, size_t *step) {
  const int inside = ix >= 0 && ix < a->iw && (k < 3 || a->sw == 1);
  *p = inside ? x + (size_t)ix * a->c + c0 : a->zero + c0;
  *step = inside ? line : 0;
}

#define QD_WALK(name, stride, n_strips)                                                                      \
  static void name(const ek_qdw_args *a, const qd_strips *s, size_t c0, int inner, int full, __mmask64 mask, \
                   uint32_t y0, uint32_t y1, uint8_t *y, const qd_epilogue *e) {                             \
    if (inner && full)                                                                                       \
      qd_walk(a, s, c0, stride, n_strips, 1, 1, mask, y0, y1, y, e);                                         \
    else if (inner)                                                                                          \
      qd_walk(a, s, c0, stride, n_strips, 1, 0, mask, y0, y1, y, e);                                         \
    else                                                                                                     \
      qd_walk(a, s, c0, stride, n_strips, 0, 0, mask, y0, y1, y, e);                                         \
  }
QD_WALK(walk_s1_64, 1, 1)
QD_WALK(walk_s1_32, 1, 2)
QD_WALK(walk_s1_16, 1, 4)
QD_WALK(walk_s2_64, 2, 1)
QD_WALK(walk_s2_32, 2, 2)
QD_WALK(walk_s2_16, 2, 4)

typedef void (*qd_walk_fn)(const ek_qdw_args *a, const qd_strips *s, size_t c0, int inner, int full, __mmask64 mask,
                           uint32_t y0, uint32_t y1, uint8_t *y, const qd_epilogue *e);
static const qd_walk_fn walks[2][3] = { /* [stride - 1][64, 32, 16 channels] */
                                        { walk_s1_64, walk_s1_32, walk_s1_16 },
                                        { walk_s2_64, walk_s2_32, walk_s2_16 }
};

/* n strips of a block from output column ox on */
static int qd_aim_all(const ek_qdw_args *a, const uint8_t *x, uint32_t n, uint32_t ox, size_t c0, qd_strips *s) {
  const uint32_t apart = a->sw == 1 ? 2 : 1;
  const int64_t first = (int64_t)ox * a->sw - a->pad_left;
  s->line = (size_t)a->iw * a->c;
  s->columns = a->ow - ox;
  for (uint32_t i = 0; i < n; ++i) {
    for (uint32_t k = 0; k < 4; ++k)
      qd_aim(a, x, s->line, (int64_t)(ox + i * apart) * a->sw - a->pad_left + k, k, c0, &s->p[i][k], &s->step[i][k]);
  }
  return first >= 0 && first + 2 * (int64_t)n + 2 <= (int64_t)a->iw;
}

void ek_qdw_x8s8_3x3_64__avx512vnni(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const qd_epilogue e = qd_prepare(a);
  const size_t tail = a->c % 64 && a->c % 64 <= 32 ? a->c % 64 : 0, wide = a->c - tail;
  const uint8_t *const x = a->x + (size_t)image * a->ih * a->iw * a->c;
  const uint32_t per_strip = a->sw == 1 ? 2 : 1, together = tail == 0 ? 1 : tail > 16 ? 2 : 4;
  qd_strips s;
  if (y0 >= y1) return;
  for (uint32_t ox0 = 0; ox0 < a->ow; ox0 += per_strip * together) {
    for (uint32_t ox = ox0; ox < a->ow && ox < ox0 + per_strip * together; ox += per_strip) { /* whole blocks */
      for (size_t c0 = 0; c0 < wide; c0 += 64) {
        const size_t n = wide - c0 < 64 ? wide - c0 : 64;
        const int inner = qd_aim_all(a, x, 1, ox, c0, &s);
        walks[a->sw - 1][0](a, &s, c0, inner, n == 64, n == 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1, y0, y1,
                            qdw_pixel(a, image, y0, ox) + c0, &e);
      }
    }
    if (tail == 0) continue;
    const int inner = qd_aim_all(a, x, together, ox0, wide, &s);
    walks[a->sw - 1][tail > 16 ? 1 : 2](a, &s, wide, inner, tail == 64 / together, ((__mmask64)1 << tail) - 1, y0, y1,
                                        qdw_pixel(a, image, y0, ox0) + wide, &e);
  }
}

#include "x86_wide.inl"

void ek_qdw_x8s8_5w_64__avx512vnni(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  qw_run(a, image, y0, y1);
}
