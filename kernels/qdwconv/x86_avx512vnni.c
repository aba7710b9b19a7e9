/* SPDX-License-Identifier: Apache-2.0
 * Depthwise kernels for AVX-512 VNNI: four bytes of a channel meet in one vpdpbusd after two levels of unpack, whose
 * channel order the saturating packs undo. 3x3: the four bytes are neighbouring pixels of a row, so one interleaved
 * row serves two output pixels and, walking down, three output rows. */
#include "qdwconv.h"
#include <immintrin.h>
#include "taps.inl"

#define QD_INLINE static inline __attribute__((always_inline))

typedef struct qd_epilogue {
  __m512i zp, lo, hi, back;
} qd_epilogue;

QD_INLINE qd_epilogue qd_prepare(const ek_qdw_args *a) {
  const int is_s8 = a->out == EK_Q_S8, shift = is_s8 ? 128 : 0;
  const qd_epilogue e = { _mm512_set1_epi16((short)(a->zero_point + shift)), _mm512_set1_epi8((char)(a->lo + shift)),
                          _mm512_set1_epi8((char)(a->hi + shift)), _mm512_set1_epi8((char)(is_s8 ? -128 : 0)) };
  return e;
}

typedef struct qd_vector {
  int8_t b[64];
} qd_vector;

QD_INLINE __m512i qd_dot(__m512i c, __m512i x, const int8_t *w) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(c) : "v"(x), "m"(*(const qd_vector *)(const void *)w));
  return c;
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

QD_INLINE void qd_store(uint8_t *y, __mmask64 mask, int full, const __m512i *acc, const float *mult,
                        const qd_epilogue *e) {
  __m512i q[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j)
    q[j] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(acc[j]), _mm512_loadu_ps(mult + 16 * j)));
  const __m512i p0 = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), e->zp);
  const __m512i p1 = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), e->zp);
  const __m512i b = _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(p0, p1), e->lo), e->hi);
  if (full) {
    _mm512_storeu_si512(y, _mm512_xor_si512(b, e->back));
  } else {
    _mm512_mask_storeu_epi8(y, mask, _mm512_xor_si512(b, e->back));
  }
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
#pragma GCC unroll 4
          for (int j = 0; j < 4; ++j) acc[j] = qd_dot(acc[j], o[j], w + 64 * j);
        }
        qd_store(y + c0, mask, full, acc, a->mult + c0, &e);
      }
    }
  }
}

/* ---- 3x3, stride 1 or 2, dilation 1 */

typedef struct qd_strip { /* four neighbouring input columns, walked down; a padding column stands still */
  const uint8_t *p[4];
  size_t step[4];
} qd_strip;

QD_INLINE void qd_row(const qd_strip *s, size_t row, __mmask64 mask, int full, __m512i flip, __m512i *o) {
  qd_interleave(qd_load(s->p[0] + row * s->step[0], mask, full, flip),
                qd_load(s->p[1] + row * s->step[1], mask, full, flip),
                qd_load(s->p[2] + row * s->step[2], mask, full, flip),
                qd_load(s->p[3] + row * s->step[3], mask, full, flip), o);
}

/* rows outside the image are the zero pixel in every column */
#define QD_ROW(r, o)                                                                      \
  do {                                                                                    \
    const int64_t at_ = (r);                                                              \
    if (at_ >= 0 && at_ < a->ih) {                                                        \
      qd_row(s, (size_t)at_, mask, full, flip, o);                                        \
    } else {                                                                              \
      const __m512i z_ = qd_load(a->zero + c0, mask, full, flip);                         \
      qd_interleave(z_, z_, z_, z_, o);                                                   \
    }                                                                                     \
  } while (0)

QD_INLINE void qd_dots(__m512i *acc, const int32_t *bias, const __m512i *r0, const __m512i *r1, const __m512i *r2,
                       const int8_t *w) {
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    acc[j] = qd_dot(_mm512_loadu_si512(bias + 16 * j), r0[j], w + 64 * j);
    acc[j] = qd_dot(acc[j], r1[j], w + 256 + 64 * j);
    acc[j] = qd_dot(acc[j], r2[j], w + 512 + 64 * j);
  }
}

QD_INLINE void qd_strip_s1(const ek_qdw_args *a, const qd_strip *s, size_t c0, int full, __mmask64 mask, uint32_t y0,
                           uint32_t y1, uint8_t *y, int two, const qd_epilogue *e) {
  const __m512i flip = _mm512_set1_epi32((int)a->flip);
  const int8_t *const w = a->w + c0 * 24;
  const int32_t *const bias = a->bias + c0;
  const float *const mult = a->mult + c0;
  const size_t line = (size_t)a->ow * a->c;
  __m512i r0[4], r1[4], r2[4], acc[4];
  int64_t iy = (int64_t)y0 - a->pad_top;
  QD_ROW(iy, r0);
  QD_ROW(iy + 1, r1);
  for (uint32_t oy = y0; oy < y1; ++oy, ++iy, y += line) {
    QD_ROW(iy + 2, r2);
    qd_dots(acc, bias, r0, r1, r2, w);
    qd_store(y, mask, full, acc, mult, e);
    if (two) {
      qd_dots(acc, bias, r0, r1, r2, w + 768);
      qd_store(y + a->c, mask, full, acc, mult, e);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      r0[j] = r1[j];
      r1[j] = r2[j];
    }
  }
}

QD_INLINE void qd_strip_s2(const ek_qdw_args *a, const qd_strip *s, size_t c0, int full, __mmask64 mask, uint32_t y0,
                           uint32_t y1, uint8_t *y, const qd_epilogue *e) {
  const __m512i flip = _mm512_set1_epi32((int)a->flip);
  const int8_t *const w = a->w + c0 * 24;
  const size_t line = (size_t)a->ow * a->c;
  __m512i r0[4], r1[4], r2[4], acc[4];
  int64_t iy = (int64_t)y0 * 2 - a->pad_top;
  QD_ROW(iy, r0);
  for (uint32_t oy = y0; oy < y1; ++oy, iy += 2, y += line) {
    QD_ROW(iy + 1, r1);
    QD_ROW(iy + 2, r2);
    qd_dots(acc, a->bias + c0, r0, r1, r2, w);
    qd_store(y, mask, full, acc, a->mult + c0, e);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) r0[j] = r2[j];
  }
}

void ek_qdw_x8s8_3x3_64__avx512vnni(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const qd_epilogue e = qd_prepare(a);
  const size_t line = (size_t)a->iw * a->c;
  const uint8_t *const x = a->x + (size_t)image * a->ih * line;
  const uint32_t step = a->sw == 1 ? 2 : 1;
  for (uint32_t ox = 0; ox < a->ow; ox += step) {
    for (size_t c0 = 0; c0 < a->c; c0 += 64) {
      const int full = a->c - c0 >= 64, two = ox + 1 < a->ow;
      const __mmask64 mask = full ? ~(__mmask64)0 : ((__mmask64)1 << (a->c - c0)) - 1;
      qd_strip s;
      for (int k = 0; k < 4; ++k) {
        const int64_t ix = (int64_t)ox * a->sw - a->pad_left + k;
        const int inside = ix >= 0 && ix < a->iw && (k < 3 || a->sw == 1); /* stride 2: the fourth has weight 0 */
        s.p[k] = inside ? x + (size_t)ix * a->c + c0 : a->zero + c0;
        s.step[k] = inside ? line : 0;
      }
      uint8_t *const y = qdw_pixel(a, image, y0, ox) + c0;
      if (a->sw == 1) {
        if (full) qd_strip_s1(a, &s, c0, 1, mask, y0, y1, y, two, &e);
        else qd_strip_s1(a, &s, c0, 0, mask, y0, y1, y, two, &e);
      } else {
        if (full) qd_strip_s2(a, &s, c0, 1, mask, y0, y1, y, &e);
        else qd_strip_s2(a, &s, c0, 0, mask, y0, y1, y, &e);
      }
    }
  }
}
