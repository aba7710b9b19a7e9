/* SPDX-License-Identifier: Apache-2.0
 * Integer matrix kernel for AVX2: vpmaddubsw would saturate, so bytes are widened to 16 bits: vpmaddwd, 6 x 16.
 *
 * The rows of a tile are widened in slices of the depth into a small stack buffer; the weights stay bytes and are
 * widened in the loop. */
#define QG_KR 2
#include "qgemm.h"
#include <immintrin.h>
#include <string.h>

#define QG_INLINE static inline __attribute__((always_inline))
#define QG_SLICE 256

QG_INLINE void qg_out(const ek_qgemm_call *c, uint8_t *y, const __m256i *acc, size_t n0, size_t cols);

/* one statement per step: gcc otherwise interleaves so far that half of the accumulators live on the stack */
QG_INLINE void qg_mac(__m256i *c, __m256i x, __m256i w) {
  __m256i t;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(*c), "=&x"(t) : "x"(x), "x"(w));
}

/* n values of a row as s16; an odd end is padded with 0 */
QG_INLINE void qg_widen(const uint8_t *p, size_t n, uint32_t flip, int16_t *out) {
  const __m128i f = _mm_set1_epi8((char)(flip & 255));
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m128i v = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(p + i)), f);
    _mm256_store_si256((__m256i *)(out + i), _mm256_cvtepu8_epi16(v));
  }
  if (i + 8 <= n) {
    const __m128i v = _mm_xor_si128(_mm_loadl_epi64((const __m128i *)(p + i)), f);
    _mm_store_si128((__m128i *)(out + i), _mm_cvtepu8_epi16(v));
    i += 8;
  }
  for (; i < n; ++i) out[i] = (int16_t)(p[i] ^ (flip & 255));
  if (n & 1) out[n] = 0;
}

#define QG_TILE(MR)                                                                                                \
  static void tile_##MR(const ek_qgemm_call *c, size_t m, const int8_t *w, size_t n0, size_t cols) {               \
    _Alignas(32) int16_t wide[MR][QG_SLICE];                                                                       \
    __m256i acc[MR][2];                                                                                            \
    _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) {                                                         \
      acc[i][0] = _mm256_loadu_si256((const __m256i *)(c->bias + n0));                                             \
      acc[i][1] = _mm256_loadu_si256((const __m256i *)(c->bias + n0 + 8));                                         \
    }                                                                                                              \
    for (size_t t = 0; t < c->taps; ++t) {                                                                         \
      const uint8_t *const *const rows = c->a + t * c->a_ld + m;                                                   \
      for (size_t s = 0; s < c->k; s += QG_SLICE) {                                                                \
        const size_t n = c->k - s < QG_SLICE ? c->k - s : QG_SLICE;                                                \
        for (int i = 0; i < MR; ++i) qg_widen(rows[i] + s, n, c->flip, wide[i]);                                   \
        for (size_t k = 0; k < n; k += 2, w += 32) {                                                               \
          const __m256i b0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w));                            \
          const __m256i b1 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(w + 16)));                     \
          _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) {                                                   \
            int32_t v;                                                                                             \
            memcpy(&v, &wide[i][k], 4);                                                                            \
            const __m256i x = _mm256_set1_epi32(v);                                                                \
            qg_mac(&acc[i][0], x, b0);                                                                             \
            qg_mac(&acc[i][1], x, b1);                                                                             \
          }                                                                                                        \
        }                                                                                                          \
      }                                                                                                            \
    }                                                                                                              \
    uint8_t *y = (uint8_t *)c->y + m * c->y_stride;                                                                \
    _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) qg_out(c, y + (size_t)i * c->y_stride, acc[i], n0, cols); \
  }

QG_TILE(6)
QG_TILE(4)
QG_TILE(2)
QG_TILE(1)
#include "x86_ymm.inl"

void ek_qgemm_x8s8_6x16c2__avx2(const ek_qgemm_call *c) {
  qg_panels(c);
}
