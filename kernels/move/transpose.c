/* SPDX-License-Identifier: Apache-2.0
 * Words of 32 bits from rows to columns, a cache line of each row at a time. */
#include "transpose.h"

#include <string.h>
#if defined(__SSE2__)
#  include <emmintrin.h>
#endif

enum { WORD = 4, STRIP = 16 /* words */ };

/* four rows to four columns */
static void four(const char *from, size_t from_step, size_t k, char *to, size_t to_step) {
  const char *const a = from, *const b = a + from_step, *const c = b + from_step, *const d = c + from_step;
  size_t i = 0;
#if defined(__SSE2__)
  for (; i + 4 <= k; i += 4, to += 4 * to_step) {
    const __m128i r0 = _mm_loadu_si128((const __m128i *)(a + i * WORD));
    const __m128i r1 = _mm_loadu_si128((const __m128i *)(b + i * WORD));
    const __m128i r2 = _mm_loadu_si128((const __m128i *)(c + i * WORD));
    const __m128i r3 = _mm_loadu_si128((const __m128i *)(d + i * WORD));
    const __m128i low01 = _mm_unpacklo_epi32(r0, r1), low23 = _mm_unpacklo_epi32(r2, r3);
    const __m128i high01 = _mm_unpackhi_epi32(r0, r1), high23 = _mm_unpackhi_epi32(r2, r3);
    _mm_storeu_si128((__m128i *)to, _mm_unpacklo_epi64(low01, low23));
    _mm_storeu_si128((__m128i *)(to + to_step), _mm_unpackhi_epi64(low01, low23));
    _mm_storeu_si128((__m128i *)(to + 2 * to_step), _mm_unpacklo_epi64(high01, high23));
    _mm_storeu_si128((__m128i *)(to + 3 * to_step), _mm_unpackhi_epi64(high01, high23));
  }
#endif
  for (; i < k; ++i, to += to_step) {
    memcpy(to, a + i * WORD, WORD);
    memcpy(to + WORD, b + i * WORD, WORD);
    memcpy(to + 2 * WORD, c + i * WORD, WORD);
    memcpy(to + 3 * WORD, d + i * WORD, WORD);
  }
}

/* What is written of a strip stays in L1 until its lines are full; the next strip is on its way meanwhile. */
void ek_transpose_words(const void *from, size_t from_step, size_t k, size_t n, void *to, size_t to_step) {
  for (size_t k0 = 0; k0 < k; k0 += STRIP) {
    const size_t words = k - k0 < STRIP ? k - k0 : STRIP;
    const char *row = (const char *)from + k0 * WORD;
    char *column = (char *)to + k0 * to_step;
    size_t j = 0;
    for (; j + 4 <= n; j += 4, row += 4 * from_step, column += 4 * WORD) {
#if defined(__SSE2__)
      for (size_t i = 0; i < 4 && k - k0 > STRIP; ++i) _mm_prefetch(row + i * from_step + STRIP * WORD, _MM_HINT_T0);
#endif
      four(row, from_step, words, column, to_step);
    }
    for (; j < n; ++j, row += from_step, column += WORD)
      for (size_t i = 0; i < words; ++i) memcpy(column + i * to_step, row + i * WORD, WORD);
  }
}
