/* SPDX-License-Identifier: Apache-2.0
 * Depthwise kernel for AVX2: two taps of 16 channels are interleaved, widened and meet in vpmaddwd (exact); any window.
 */
#include "qdwconv.h"
#include <immintrin.h>
#include <string.h>
#include "taps.inl"

#define QD_INLINE static inline __attribute__((always_inline))

QD_INLINE __m128i qd_load(const uint8_t *p, size_t n, __m128i flip) {
  if (n >= 16) return _mm_xor_si128(_mm_loadu_si128((const __m128i *)p), flip);
  uint8_t part[16] = { 0 };
  memcpy(part, p, n);
  return _mm_xor_si128(_mm_loadu_si128((const __m128i *)part), flip);
}

QD_INLINE __m256i qd_scale(__m256i acc, const float *mult) {
  return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(mult)));
}

void ek_qdw_x8s8_any_16__avx2(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const uint8_t *p[EK_QDW_MAX_TAPS + 1];
  const uint32_t taps = a->kh * a->kw;
  const size_t depth = (taps + 1) / 2 * 4;
  const __m128i flip = _mm_set1_epi32((int)a->flip);
  const int is_s8 = a->out == EK_Q_S8, shift = is_s8 ? 128 : 0;
  const __m256i zp = _mm256_set1_epi16((short)(a->zero_point + shift));
  const __m128i lo = _mm_set1_epi8((char)(a->lo + shift)), hi = _mm_set1_epi8((char)(a->hi + shift));
  const __m128i back = _mm_set1_epi8((char)(is_s8 ? -128 : 0));
  for (uint32_t oy = y0; oy < y1; ++oy) {
    for (uint32_t ox = 0; ox < a->ow; ++ox) {
      qdw_taps(a, image, oy, ox, p);
      p[taps] = a->zero; /* weight 0 */
      uint8_t *const y = qdw_pixel(a, image, oy, ox);
      for (size_t c0 = 0; c0 < a->c; c0 += 16) {
        const size_t n = a->c - c0;
        const int8_t *w = a->w + c0 * depth;
        __m256i s0 = _mm256_loadu_si256((const __m256i *)(a->bias + c0));
        __m256i s1 = _mm256_loadu_si256((const __m256i *)(a->bias + c0 + 8));
        for (uint32_t t = 0; t < taps; t += 2, w += 64) {
          const __m128i q0 = qd_load(p[t] + c0, n, flip), q1 = qd_load(p[t + 1] + c0, n, flip);
          const __m256i x0 = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(q0, q1));
          const __m256i x1 = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(q0, q1));
          s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(x0, _mm256_loadu_si256((const __m256i *)w)));
          s1 = _mm256_add_epi32(s1, _mm256_madd_epi16(x1, _mm256_loadu_si256((const __m256i *)(w + 32))));
        }
        const __m256i q = _mm256_packs_epi32(qd_scale(s0, a->mult + c0), qd_scale(s1, a->mult + c0 + 8));
        const __m256i z = _mm256_adds_epi16(_mm256_permute4x64_epi64(q, 0xd8), zp);
        __m128i b = _mm_packus_epi16(_mm256_castsi256_si128(z), _mm256_extracti128_si256(z, 1));
        b = _mm_xor_si128(_mm_min_epu8(_mm_max_epu8(b, lo), hi), back);
        if (n >= 16) {
          _mm_storeu_si128((__m128i *)(y + c0), b);
        } else {
          uint8_t part[16];
          _mm_storeu_si128((__m128i *)part, b);
          memcpy(y + c0, part, n);
        }
      }
    }
  }
}
