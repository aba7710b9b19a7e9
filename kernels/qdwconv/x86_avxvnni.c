/* SPDX-License-Identifier: Apache-2.0
 * Depthwise kernels for AVX-VNNI: four bytes of 32 channels are interleaved and meet in vpdpbusd; any window by four
 * taps, windows up to five columns by four neighbouring columns. */
#include "qdwconv.h"
#include <immintrin.h>
#include <string.h>
#include "taps.inl"

#define QD_INLINE static inline __attribute__((always_inline))
#define QD_LANE 32
typedef __m256i qd_v;
typedef size_t qd_part; /* channels that exist */

typedef struct qd_epilogue { /* the stored range moved to u8: packs saturate, one XOR brings s8 back */
  __m256i zp, lo, hi, back;
} qd_epilogue;

QD_INLINE qd_epilogue qd_prepare(const ek_qdw_args *a) {
  const int is_s8 = a->out == EK_Q_S8, shift = is_s8 ? 128 : 0;
  const qd_epilogue e = { _mm256_set1_epi16((short)(a->zero_point + shift)), _mm256_set1_epi8((char)(a->lo + shift)),
                          _mm256_set1_epi8((char)(a->hi + shift)), _mm256_set1_epi8((char)(is_s8 ? -128 : 0)) };
  return e;
}

QD_INLINE qd_part qd_part_of(size_t n) {
  return n;
}
QD_INLINE qd_v qd_splat(uint32_t v) {
  return _mm256_set1_epi32((int)v);
}
QD_INLINE qd_v qd_words(const int8_t *p) {
  return _mm256_loadu_si256((const __m256i *)p);
}
QD_INLINE void qd_words_store(int8_t *p, qd_v v) {
  _mm256_storeu_si256((__m256i *)p, v);
}
QD_INLINE qd_v qd_shift_up(qd_v v, int bits) {
  return _mm256_sll_epi32(v, _mm_cvtsi32_si128(bits));
}
QD_INLINE qd_v qd_shift_down(qd_v v, int bits) { /* 32: nothing is left */
  return _mm256_srl_epi32(v, _mm_cvtsi32_si128(bits));
}
QD_INLINE qd_v qd_or(qd_v a, qd_v b) {
  return _mm256_or_si256(a, b);
}

QD_INLINE __m256i qd_load(const uint8_t *p, size_t n, int full, __m256i flip) {
  if (full) return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)p), flip);
  uint8_t part[32] = { 0 };
  memcpy(part, p, n);
  return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)part), flip);
}

QD_INLINE void qd_interleave(__m256i a, __m256i b, __m256i c, __m256i d, __m256i *o) {
  const __m256i l0 = _mm256_unpacklo_epi8(a, b), h0 = _mm256_unpackhi_epi8(a, b);
  const __m256i l1 = _mm256_unpacklo_epi8(c, d), h1 = _mm256_unpackhi_epi8(c, d);
  o[0] = _mm256_unpacklo_epi16(l0, l1);
  o[1] = _mm256_unpackhi_epi16(l0, l1);
  o[2] = _mm256_unpacklo_epi16(h0, h1);
  o[3] = _mm256_unpackhi_epi16(h0, h1);
}

/* c += x . w at a literal offset from one base register */
typedef struct qd_weights {
  int8_t b[256];
} qd_weights;
#define QD_DOT(c, x, w, offset)              \
  __asm__("%{vex%} vpdpbusd %c3(%2), %1, %0" \
          : "+x"(c)                          \
          : "x"(x), "r"(w), "i"(offset), "m"(*(const qd_weights *)(const void *)(w)))
#define QD_DOT4(acc, x, w, offset)        \
  do {                                    \
    QD_DOT(acc[0], x[0], w, offset);      \
    QD_DOT(acc[1], x[1], w, offset + 32); \
    QD_DOT(acc[2], x[2], w, offset + 64); \
    QD_DOT(acc[3], x[3], w, offset + 96); \
  } while (0)

QD_INLINE __m256i qd_scale(__m256i acc, const float *mult) {
  return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(mult)));
}

QD_INLINE void qd_store(uint8_t *y, size_t n, int full, const __m256i *acc, const float *mult, const qd_epilogue *e) {
  const __m256i p0 = _mm256_packs_epi32(qd_scale(acc[0], mult), qd_scale(acc[1], mult + 8));
  const __m256i p1 = _mm256_packs_epi32(qd_scale(acc[2], mult + 16), qd_scale(acc[3], mult + 24));
  __m256i b = _mm256_packus_epi16(_mm256_adds_epi16(p0, e->zp), _mm256_adds_epi16(p1, e->zp));
  b = _mm256_xor_si256(_mm256_min_epu8(_mm256_max_epu8(b, e->lo), e->hi), e->back);
  if (full) {
    _mm256_storeu_si256((__m256i *)y, b);
  } else {
    uint8_t part[32];
    _mm256_storeu_si256((__m256i *)part, b);
    memcpy(y, part, n);
  }
}

void ek_qdw_x8s8_any_32__avxvnni(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const uint8_t *p[EK_QDW_MAX_TAPS + 3];
  const uint32_t taps = a->kh * a->kw, groups = (taps + 3) / 4;
  const __m256i flip = qd_splat(a->flip);
  const qd_epilogue e = qd_prepare(a);
  for (uint32_t oy = y0; oy < y1; ++oy) {
    for (uint32_t ox = 0; ox < a->ow; ++ox) {
      qdw_taps(a, image, oy, ox, p);
      for (uint32_t t = taps; t < groups * 4; ++t) p[t] = a->zero; /* weight 0 */
      uint8_t *const y = qdw_pixel(a, image, oy, ox);
      for (size_t c0 = 0; c0 < a->c; c0 += 32) {
        const size_t n = a->c - c0;
        const int full = n >= 32;
        const int8_t *w = a->w + c0 * 4 * groups;
        __m256i acc[4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) acc[j] = _mm256_loadu_si256((const __m256i *)(a->bias + c0 + 8 * (size_t)j));
        for (uint32_t t = 0; t < taps; t += 4, w += 128) {
          __m256i o[4];
          qd_interleave(qd_load(p[t] + c0, n, full, flip), qd_load(p[t + 1] + c0, n, full, flip),
                        qd_load(p[t + 2] + c0, n, full, flip), qd_load(p[t + 3] + c0, n, full, flip), o);
          QD_DOT4(acc, o, w, 0);
        }
        qd_store(y + c0, n, full, acc, a->mult + c0, &e);
      }
    }
  }
}

#include "x86_wide.inl"

void ek_qdw_x8s8_5w_32__avxvnni(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  qw_run(a, image, y0, y1);
}
