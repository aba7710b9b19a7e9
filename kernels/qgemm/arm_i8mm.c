/* SPDX-License-Identifier: Apache-2.0
 * Integer matrix kernel for Armv8.6 matrix products (I8MM): smmla multiplies 2 rows of 8 by 2 columns of 8; 6 x 16;
 * activations are used as s8. */
#define QG_KR 8
#include "qgemm.h"
#include "arm_rest.h"
#include <arm_neon.h>

#define QG_INLINE static inline __attribute__((always_inline))

QG_INLINE void qg_out(const ek_qgemm_call *c, uint8_t *y, const int32x4_t *acc, size_t n0, size_t cols);

/* 8 bytes of two rows, side by side */
QG_INLINE int8x16_t load(const uint8_t *a, const uint8_t *b, int8x16_t flip) {
  return veorq_s8(vreinterpretq_s8_u8(vcombine_u8(vld1_u8(a), vld1_u8(b))), flip);
}
QG_INLINE int8x16_t load_rest(const uint8_t *a, const uint8_t *b, size_t n, int8x16_t flip) {
  return veorq_s8(vreinterpretq_s8_u64(vcombine_u64(vcreate_u64(qg_rest(a, n)), vcreate_u64(qg_rest(b, n)))), flip);
}

/* asm: gcc 12 moves accumulators about */
QG_INLINE int32x4_t mmla(int32x4_t sum, int8x16_t x, int8x16_t b) {
  __asm__("smmla %0.4s, %1.16b, %2.16b" : "+w"(sum) : "w"(x), "w"(b));
  return sum;
}

/* PAIRS pairs of rows, 16 columns: acc[i][j] holds { row 2i: columns 2j, 2j + 1; row 2i + 1: the same } */
#define QG_STEP(LOAD, ...)                                                                             \
  {                                                                                                    \
    int8x16_t x[QG_PAIRS];                                                                             \
    _Pragma("GCC unroll 3") for (int i = 0; i < QG_PAIRS; ++i) x[i] =                                  \
        LOAD(rows[2 * i] + k, rows[QG_MR == 1 ? 0 : 2 * i + 1] + k, __VA_ARGS__);                      \
    _Pragma("GCC unroll 8") for (int j = 0; j < 8; ++j) {                                              \
      const int8x16_t b = vld1q_s8(w + 16 * j);                                                        \
      _Pragma("GCC unroll 3") for (int i = 0; i < QG_PAIRS; ++i) acc[i][j] = mmla(acc[i][j], x[i], b); \
    }                                                                                                  \
    w += 128;                                                                                          \
  }

/* one row: the second of its pair is the same one, and is not stored */
#define QG_BODY(MR)                                                                                           \
  enum { QG_MR = MR, QG_PAIRS = (MR + 1) / 2 };                                                               \
  const int8x16_t flip = vreinterpretq_s8_u32(vdupq_n_u32(c->flip));                                          \
  int32x4_t acc[QG_PAIRS][8];                                                                                 \
  _Pragma("GCC unroll 8") for (int j = 0; j < 8; ++j) {                                                       \
    const int32x2_t bias = vld1_s32(c->bias + n0 + 2 * (size_t)j);                                            \
    _Pragma("GCC unroll 3") for (int i = 0; i < QG_PAIRS; ++i) acc[i][j] = vcombine_s32(bias, bias);          \
  }                                                                                                           \
  for (size_t t = 0; t < c->taps; ++t) {                                                                      \
    const uint8_t *const *const rows = c->a + t * c->a_ld + m;                                                \
    size_t k = 0;                                                                                             \
    for (; k + 8 <= c->k; k += 8) QG_STEP(load, flip)                                                         \
    if (k < c->k) QG_STEP(load_rest, c->k - k, flip)                                                          \
  }                                                                                                           \
  uint8_t *y = (uint8_t *)c->y + m * c->y_stride;                                                             \
  _Pragma("GCC unroll 3") for (int i = 0; i < QG_PAIRS; ++i) {                                                \
    int32x4_t r0[4], r1[4];                                                                                   \
    _Pragma("GCC unroll 4") for (int j = 0; j < 4; ++j) {                                                     \
      const int64x2_t a = vreinterpretq_s64_s32(acc[i][2 * j]), b = vreinterpretq_s64_s32(acc[i][2 * j + 1]); \
      r0[j] = vreinterpretq_s32_s64(vzip1q_s64(a, b));                                                        \
      r1[j] = vreinterpretq_s32_s64(vzip2q_s64(a, b));                                                        \
    }                                                                                                         \
    qg_out(c, y + (size_t)(2 * i) * c->y_stride, r0, n0, cols);                                               \
    if (MR > 1) qg_out(c, y + (size_t)(2 * i + 1) * c->y_stride, r1, n0, cols);                               \
  }

static void tile_6(const ek_qgemm_call *c, size_t m, const int8_t *w, size_t n0, size_t cols) {
  QG_BODY(6)
}
static void tile_4(const ek_qgemm_call *c, size_t m, const int8_t *w, size_t n0, size_t cols) {
  QG_BODY(4)
}
static void tile_2(const ek_qgemm_call *c, size_t m, const int8_t *w, size_t n0, size_t cols) {
  QG_BODY(2)
}
static void tile_1(const ek_qgemm_call *c, size_t m, const int8_t *w, size_t n0, size_t cols) {
  QG_BODY(1)
}
#define QG_TILES QG_RUN(6) QG_RUN(4) QG_RUN(2) QG_RUN(1)
#include "arm_out.inl"

void ek_qgemm_x8s8_6x16c8__i8mm(const ek_qgemm_call *c) {
  qg_panels(c);
}
