/* SPDX-License-Identifier: Apache-2.0
 * Integer matrix kernel for Armv8.2 dot products: sdot by lane, 4 x 16; activations are used as s8. */
#define QG_KR 4
#include "qgemm.h"
#include "arm_rest.h"
#include <arm_neon.h>

static inline __attribute__((always_inline)) void qg_out(const ek_qgemm_call *c, uint8_t *y, const int32x4_t *acc,
                                                         size_t n0, size_t cols);

#define QG_STEP(LANE)                                             \
  {                                                               \
    const int8x16_t b0 = vld1q_s8(w), b1 = vld1q_s8(w + 16);      \
    const int8x16_t b2 = vld1q_s8(w + 32), b3 = vld1q_s8(w + 48); \
    w += 64;                                                      \
    _Pragma("GCC unroll 4") for (int i = 0; i < QG_MR; ++i) {     \
      acc[i][0] = vdotq_laneq_s32(acc[i][0], b0, x[i], LANE);     \
      acc[i][1] = vdotq_laneq_s32(acc[i][1], b1, x[i], LANE);     \
      acc[i][2] = vdotq_laneq_s32(acc[i][2], b2, x[i], LANE);     \
      acc[i][3] = vdotq_laneq_s32(acc[i][3], b3, x[i], LANE);     \
    }                                                             \
  }

#define QG_BODY(MR)                                                                                          \
  enum { QG_MR = MR };                                                                                       \
  const int8x16_t flip = vreinterpretq_s8_u32(vdupq_n_u32(c->flip));                                         \
  int32x4_t acc[MR][4];                                                                                      \
  _Pragma("GCC unroll 4") for (int i = 0; i < MR; ++i) {                                                     \
    _Pragma("GCC unroll 4") for (int j = 0; j < 4; ++j) acc[i][j] = vld1q_s32(c->bias + n0 + 4 * (size_t)j); \
  }                                                                                                          \
  for (size_t t = 0; t < c->taps; ++t) {                                                                     \
    const uint8_t *const *const rows = c->a + t * c->a_ld + m;                                               \
    size_t k = 0;                                                                                            \
    for (; k + 16 <= c->k; k += 16) {                                                                        \
      int8x16_t x[MR];                                                                                       \
      _Pragma("GCC unroll 4") for (int i = 0; i < MR; ++i) x[i] =                                            \
          veorq_s8(vreinterpretq_s8_u8(vld1q_u8(rows[i] + k)), flip);                                        \
      QG_STEP(0) QG_STEP(1) QG_STEP(2) QG_STEP(3)                                                            \
    }                                                                                                        \
    for (; k < c->k; k += 4) {                                                                               \
      const size_t n = c->k - k < 4 ? c->k - k : 4;                                                          \
      int8x16_t x[MR];                                                                                       \
      _Pragma("GCC unroll 4") for (int i = 0; i < MR; ++i) {                                                 \
        const uint32_t v = (uint32_t)qg_rest(rows[i] + k, n);                                                \
        x[i] = veorq_s8(vreinterpretq_s8_u32(vdupq_n_u32(v)), flip);                                         \
      }                                                                                                      \
      QG_STEP(0)                                                                                             \
    }                                                                                                        \
  }                                                                                                          \
  uint8_t *y = (uint8_t *)c->y + m * c->y_stride;                                                            \
  _Pragma("GCC unroll 4") for (int i = 0; i < MR; ++i) qg_out(c, y + (size_t)i * c->y_stride, acc[i], n0, cols);

static void tile_4(const ek_qgemm_call *c, size_t m, const int8_t *w, size_t n0, size_t cols) {
  QG_BODY(4)
}
static void tile_2(const ek_qgemm_call *c, size_t m, const int8_t *w, size_t n0, size_t cols) {
  QG_BODY(2)
}
static void tile_1(const ek_qgemm_call *c, size_t m, const int8_t *w, size_t n0, size_t cols) {
  QG_BODY(1)
}
#include "arm_out.inl"

void ek_qgemm_x8s8_4x16c4__neondot(const ek_qgemm_call *c) {
  qg_panels(c);
}
