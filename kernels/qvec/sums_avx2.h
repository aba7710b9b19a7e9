/* SPDX-License-Identifier: Apache-2.0
 * What the AVX2 kernels that sum in int32 share: the step in 16 bits, and the way from sums to stored bytes. */
#ifndef EK_QVEC_SUMS_H
#define EK_QVEC_SUMS_H

#include "avx2.h"

/* One statement per step: gcc otherwise interleaves so far that half of the accumulators live on the stack. */
QV_INLINE void qv_mac(__m256i *acc, __m256i x, __m256i w) {
  __m256i t;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(*acc), "=&x"(t) : "x"(x), "x"(w));
}
QV_INLINE void qv_mac_at(__m256i *acc, const void *x, __m256i w) {
  __m256i t;
  __asm__("vpmaddwd %2, %3, %1\n\tvpaddd %1, %0, %0" : "+x"(*acc), "=&x"(t) : "m"(*(const __m256i_u *)x), "x"(w));
}

QV_INLINE __m256i qv_scale(__m256i acc, __m256 mult) {
  return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), mult));
}

/* four vectors of 8 scaled sums -> 32 bytes: a[0..7] b[0..7] c[0..7] d[0..7] */
QV_INLINE __m256i qv_pack_bytes(const qv_range *r, __m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i ab = _mm256_adds_epi16(_mm256_packs_epi32(a, b), r->zp);
  const __m256i cd = _mm256_adds_epi16(_mm256_packs_epi32(c, d), r->zp);
  __m256i v = _mm256_packus_epi16(ab, cd); /* lanes: a03 b03 c03 d03, a47 b47 c47 d47 */
  v = _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  return _mm256_xor_si256(_mm256_min_epu8(_mm256_max_epu8(v, r->lo), r->hi), r->back);
}

/* the first n of 16 bytes; n > 16 counts as 16 */
QV_INLINE void qv_store_few(uint8_t *y, __m128i b, size_t n) {
  if (n >= 16) {
    _mm_storeu_si128((__m128i *)y, b);
    return;
  }
  if (n & 8) {
    _mm_storel_epi64((__m128i *)y, b);
    b = _mm_srli_si128(b, 8);
    y += 8;
  }
  if (n & 4) {
    const int32_t t = _mm_cvtsi128_si32(b);
    memcpy(y, &t, 4);
    b = _mm_srli_si128(b, 4);
    y += 4;
  }
  int32_t t = _mm_cvtsi128_si32(b);
  for (size_t i = 0; i < (n & 3); ++i, t >>= 8) y[i] = (uint8_t)(t & 255);
}

#endif
