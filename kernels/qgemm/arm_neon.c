/* SPDX-License-Identifier: Apache-2.0
 * Integer matrix kernel for NEON: bytes widened to s16, smlal by lane, 4 x 16; activations are used as s8. */
#define QG_KR 1
#include "qgemm.h"
#include <arm_neon.h>
#include <string.h>

static inline __attribute__((always_inline)) void qg_out(const ek_qgemm_call *c, uint8_t *y, const int32x4_t *acc,
                                                         size_t n0, size_t cols);

#define QG_STEP(LANE)                                                       \
  {                                                                         \
    const int8x16_t b = vld1q_s8(w);                                        \
    const int16x8_t b0 = vmovl_s8(vget_low_s8(b)), b1 = vmovl_high_s8(b);   \
    w += 16;                                                                \
    _Pragma("GCC unroll 4") for (int i = 0; i < QG_MR; ++i) {               \
      acc[i][0] = vmlal_laneq_s16(acc[i][0], vget_low_s16(b0), x[i], LANE); \
      acc[i][1] = vmlal_high_laneq_s16(acc[i][1], b0, x[i], LANE);          \
      acc[i][2] = vmlal_laneq_s16(acc[i][2], vget_low_s16(b1), x[i], LANE); \
      acc[i][3] = vmlal_high_laneq_s16(acc[i][3], b1, x[i], LANE);          \
    }                                                                       \
  }

#define QG_BODY(MR)                                                                                          \
  enum { QG_MR = MR };                                                                                       \
  const int8x8_t flip = vdup_n_s8((int8_t)(c->flip & 128 ? -128 : 0));                                       \
  int32x4_t acc[MR][4];                                                                                      \
  _Pragma("GCC unroll 4") for (int i = 0; i < MR; ++i) {                                                     \
    _Pragma("GCC unroll 4") for (int j = 0; j < 4; ++j) acc[i][j] = vld1q_s32(c->bias + n0 + 4 * (size_t)j); \
  }                                                                                                          \
  for (size_t t = 0; t < c->taps; ++t) {                                                                     \
    const uint8_t *const *const rows = c->a + t * c->a_ld + m;                                               \
    size_t k = 0;                                                                                            \
    for (; k + 8 <= c->k; k += 8) {                                                                          \
      int16x8_t x[MR];                                                                                       \
      _Pragma("GCC unroll 4") for (int i = 0; i < MR; ++i) x[i] =                                            \
          vmovl_s8(veor_s8(vreinterpret_s8_u8(vld1_u8(rows[i] + k)), flip));                                 \
      QG_STEP(0) QG_STEP(1) QG_STEP(2) QG_STEP(3) QG_STEP(4) QG_STEP(5) QG_STEP(6) QG_STEP(7)                \
    }                                                                                                        \
    for (; k < c->k; ++k) {                                                                                  \
      int16x8_t x[MR];                                                                                       \
      _Pragma("GCC unroll 4") for (int i = 0; i < MR; ++i) x[i] =                                            \
          vmovl_s8(veor_s8(vreinterpret_s8_u8(vdup_n_u8(rows[i][k])), flip));                                \
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

void ek_qgemm_x8s8_4x16c1__neon(const ek_qgemm_call *c) {
  qg_panels(c);
}
