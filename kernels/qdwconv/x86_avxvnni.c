/* SPDX-License-Identifier: Apache-2.0
 * Depthwise kernel for AVX-VNNI: four taps of 32 channels are interleaved and meet in vpdpbusd; any window. */
#include "qdwconv.h"
#include <immintrin.h>
#include <string.h>
#include "taps.inl"

#define QD_INLINE static inline __attribute__((always_inline))

QD_INLINE __m256i qd_load(const uint8_t *p, size_t n, __m256i flip) {
  if (n >= 32) return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)p), flip);
  uint8_t part[32] = { 0 };
  memcpy(part, p, n);
  return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)part), flip);
}

QD_INLINE __m256i qd_dot(__m256i c, __m256i x, const int8_t *w) {
  const __m256i v = _mm256_loadu_si256((const __m256i *)w);
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(c) : "x"(x), "x"(v));
  return c;
}

QD_INLINE __m256i qd_scale(__m256i acc, const float *mult) {
  return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(mult)));
}

void ek_qdw_x8s8_any_32__avxvnni(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const uint8_t *p[EK_QDW_MAX_TAPS + 3];
  const uint32_t taps = a->kh * a->kw, groups = (taps + 3) / 4;
  const __m256i flip = _mm256_set1_epi32((int)a->flip);
  const int is_s8 = a->out == EK_Q_S8, shift = is_s8 ? 128 : 0;
  const __m256i zp = _mm256_set1_epi16((short)(a->zero_point + shift));
  const __m256i lo = _mm256_set1_epi8((char)(a->lo + shift)), hi = _mm256_set1_epi8((char)(a->hi + shift));
  const __m256i back = _mm256_set1_epi8((char)(is_s8 ? -128 : 0));
  for (uint32_t oy = y0; oy < y1; ++oy) {
    for (uint32_t ox = 0; ox < a->ow; ++ox) {
      qdw_taps(a, image, oy, ox, p);
      for (uint32_t t = taps; t < groups * 4; ++t) p[t] = a->zero; /* weight 0 */
      uint8_t *const y = qdw_pixel(a, image, oy, ox);
      for (size_t c0 = 0; c0 < a->c; c0 += 32) {
        const size_t n = a->c - c0;
        const int8_t *w = a->w + c0 * 4 * groups;
        __m256i acc[4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) acc[j] = _mm256_loadu_si256((const __m256i *)(a->bias + c0 + 8 * (size_t)j));
        for (uint32_t t = 0; t < taps; t += 4, w += 128) {
          const __m256i q0 = qd_load(p[t] + c0, n, flip), q1 = qd_load(p[t + 1] + c0, n, flip);
          const __m256i q2 = qd_load(p[t + 2] + c0, n, flip), q3 = qd_load(p[t + 3] + c0, n, flip);
          const __m256i l0 = _mm256_unpacklo_epi8(q0, q1), h0 = _mm256_unpackhi_epi8(q0, q1);
          const __m256i l1 = _mm256_unpacklo_epi8(q2, q3), h1 = _mm256_unpackhi_epi8(q2, q3);
          acc[0] = qd_dot(acc[0], _mm256_unpacklo_epi16(l0, l1), w);
          acc[1] = qd_dot(acc[1], _mm256_unpackhi_epi16(l0, l1), w + 32);
          acc[2] = qd_dot(acc[2], _mm256_unpacklo_epi16(h0, h1), w + 64);
          acc[3] = qd_dot(acc[3], _mm256_unpackhi_epi16(h0, h1), w + 96);
        }
        const float *const mult = a->mult + c0;
        const __m256i p0 = _mm256_packs_epi32(qd_scale(acc[0], mult), qd_scale(acc[1], mult + 8));
        const __m256i p1 = _mm256_packs_epi32(qd_scale(acc[2], mult + 16), qd_scale(acc[3], mult + 24));
        __m256i b = _mm256_packus_epi16(_mm256_adds_epi16(p0, zp), _mm256_adds_epi16(p1, zp));
        b = _mm256_xor_si256(_mm256_min_epu8(_mm256_max_epu8(b, lo), hi), back);
        if (n >= 32) {
          _mm256_storeu_si256((__m256i *)(y + c0), b);
        } else {
          uint8_t part[32];
          _mm256_storeu_si256((__m256i *)part, b);
          memcpy(y + c0, part, n);
        }
      }
    }
  }
}
