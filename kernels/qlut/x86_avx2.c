/* SPDX-License-Identifier: Apache-2.0
 * Table lookup for AVX2: pshufb gives 0 where the top bit is set, so 16 shuffles of XOR differences between
 * neighbouring 16-entry pieces, each with the index lowered by 16, add up to the right entry. */
#include "qlut.h"
#include <immintrin.h>
#include <string.h>

static inline __m256i look_up(__m256i v, const __m256i *t) {
  const __m256i step = _mm256_set1_epi8(16);
  __m256i lo = v, hi = _mm256_xor_si256(v, _mm256_set1_epi8(-128)), r = _mm256_setzero_si256();
  for (int i = 0; i < 8; ++i) {
    r = _mm256_xor_si256(r, _mm256_xor_si256(_mm256_shuffle_epi8(t[i], lo), _mm256_shuffle_epi8(t[8 + i], hi)));
    lo = _mm256_subs_epi8(lo, step);
    hi = _mm256_subs_epi8(hi, step);
  }
  return r;
}

void ek_qlut_x32__avx2(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y) {
  __m256i t[16];
  for (int i = 0; i < 16; ++i) {
    const __m128i piece = _mm_loadu_si128((const __m128i *)(table + 16 * i));
    const __m128i before = i % 8 ? _mm_loadu_si128((const __m128i *)(table + 16 * (i - 1))) : _mm_setzero_si128();
    t[i] = _mm256_broadcastsi128_si256(_mm_xor_si128(piece, before));
  }
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i v = look_up(_mm256_loadu_si256((const __m256i *)(x + i)), t);
    _mm256_storeu_si256((__m256i *)(y + i), v);
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}
