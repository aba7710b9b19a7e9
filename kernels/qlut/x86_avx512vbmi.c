/* SPDX-License-Identifier: Apache-2.0
 * Table lookup for AVX-512 VBMI: two 128-entry permutes, chosen by the top bit. */
#include "qlut.h"
#include <immintrin.h>

void ek_qlut_x64__avx512vbmi(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  for (size_t i = 0; i < n; i += 64) {
    const __mmask64 mask = n - i >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << (n - i)) - 1;
    const __m512i v = _mm512_maskz_loadu_epi8(mask, x + i);
    const __m512i lo = _mm512_permutex2var_epi8(t0, v, t1), hi = _mm512_permutex2var_epi8(t2, v, t3);
    _mm512_mask_storeu_epi8(y + i, mask, _mm512_mask_mov_epi8(lo, _mm512_movepi8_mask(v), hi));
  }
}
