/* SPDX-License-Identifier: Apache-2.0
 * Integer matrix kernel for AVX-VNNI: vpdpbusd on 256 bits, 6 x 16. */
#define QG_KR 4
#include "qgemm.h"
#include <immintrin.h>
#include <string.h>

#define QG_INLINE static inline __attribute__((always_inline))

QG_INLINE __m256i qg_x(const uint8_t *p, __m256i flip) {
  int32_t t;
  memcpy(&t, p, 4);
  return _mm256_xor_si256(_mm256_set1_epi32(t), flip);
}
QG_INLINE void qg_mac(__m256i *c, __m256i x, __m256i w) {
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(*c) : "x"(x), "x"(w));
}
QG_INLINE void qg_out(const ek_qgemm_call *c, uint8_t *y, const __m256i *acc, size_t n0, size_t cols);
QG_INLINE void qg_out2(const ek_qgemm_call *c, uint8_t *y, const __m256i *acc, size_t n0, size_t cols);

#define QG_TILE(MR)                                                                                  \
  static void tile_##MR(const ek_qgemm_call *c, size_t m, const int8_t *w, size_t n0, size_t cols) { \
    const __m256i flip = _mm256_set1_epi32((int)c->flip);                                            \
    __m256i acc[MR * 2];                                                                             \
    _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) {                                           \
      acc[2 * i] = _mm256_loadu_si256((const __m256i *)(c->bias + n0));                              \
      acc[2 * i + 1] = _mm256_loadu_si256((const __m256i *)(c->bias + n0 + 8));                      \
    }                                                                                                \
    const size_t body = c->k / 4 * 4, rest = c->k - body;                                            \
    for (size_t t = 0; t < c->taps; ++t) {                                                           \
      const uint8_t *const *const rows = c->a + t * c->a_ld + m;                                     \
      const uint8_t *p[MR];                                                                          \
      _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) p[i] = rows[i];                           \
      for (size_t k = 0; k < body; k += 4, w += 64) {                                                \
        const __m256i b0 = _mm256_loadu_si256((const __m256i *)w);                                   \
        const __m256i b1 = _mm256_loadu_si256((const __m256i *)(w + 32));                            \
        _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) {                                       \
          const __m256i x = qg_x(p[i] + k, flip);                                                    \
          qg_mac(&acc[2 * i], x, b0);                                                                \
          qg_mac(&acc[2 * i + 1], x, b1);                                                            \
        }                                                                                            \
      }                                                                                              \
      if (rest != 0) { /* never reads past a row */                                                  \
        const __m256i b0 = _mm256_loadu_si256((const __m256i *)w);                                   \
        const __m256i b1 = _mm256_loadu_si256((const __m256i *)(w + 32));                            \
        _Pragma("GCC unroll 6") for (int i = 0; i < MR; ++i) {                                       \
          uint8_t last[4] = { p[i][body], 0, 0, 0 };                                                 \
          if (rest > 1) last[1] = p[i][body + 1];                                                    \
          if (rest > 2) last[2] = p[i][body + 2];                                                    \
          const __m256i x = qg_x(last, flip);                                                        \
          qg_mac(&acc[2 * i], x, b0);                                                                \
          qg_mac(&acc[2 * i + 1], x, b1);                                                            \
        }                                                                                            \
        w += 64;                                                                                     \
      }                                                                                              \
    }                                                                                                \
    uint8_t *y = (uint8_t *)c->y + m * c->y_stride;                                                  \
    _Pragma("GCC unroll 6") for (int i = 0; i + 2 <= MR; i += 2)                                     \
        qg_out2(c, y + (size_t)i * c->y_stride, acc + 2 * i, n0, cols);                              \
    if (MR % 2) qg_out(c, y + (size_t)(MR - 1) * c->y_stride, acc + 2 * (MR - 1), n0, cols);         \
  }

QG_TILE(6)
QG_TILE(4)
QG_TILE(2)
QG_TILE(1)
#include "x86_ymm.inl"

void ek_qgemm_x8s8_6x16c4__avxvnni(const ek_qgemm_call *c) {
  qg_panels(c);
}
