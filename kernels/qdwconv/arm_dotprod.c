/* SPDX-License-Identifier: Apache-2.0
 * Depthwise kernel for Armv8.2 dot products: four taps of 16 channels are zipped and meet in sdot; any window. */
#include "qdwconv.h"
#include <arm_neon.h>
#include <string.h>
#include "../qgemm/arm_rest.h"
#include "taps.inl"
#include "arm.inl"

static inline int32x4_t qd_dot(int32x4_t acc, int16x8_t x, const int8_t *w) {
  return vdotq_s32(acc, vreinterpretq_s8_s16(x), vld1q_s8(w));
}

void ek_qdw_x8s8_any_16__neondot(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const uint8_t *p[EK_QDW_MAX_TAPS + 3];
  const uint32_t taps = a->kh * a->kw, groups = (taps + 3) / 4;
  const uint8x16_t flip = vdupq_n_u8((uint8_t)(a->flip & 255));
  for (uint32_t oy = y0; oy < y1; ++oy) {
    for (uint32_t ox = 0; ox < a->ow; ++ox) {
      qdw_taps(a, image, oy, ox, p);
      for (uint32_t t = taps; t < groups * 4; ++t) p[t] = a->zero; /* weight 0 */
      uint8_t *const y = qdw_pixel(a, image, oy, ox);
      for (size_t c0 = 0; c0 < a->c; c0 += 16) {
        const size_t n = a->c - c0;
        const int8_t *w = a->w + c0 * 4 * groups;
        int32x4_t acc[4];
        for (int j = 0; j < 4; ++j) acc[j] = vld1q_s32(a->bias + c0 + 4 * (size_t)j);
        for (uint32_t t = 0; t < taps; t += 4, w += 64) {
          const int8x16_t q0 = qd_load(p[t] + c0, n, flip), q1 = qd_load(p[t + 1] + c0, n, flip);
          const int8x16_t q2 = qd_load(p[t + 2] + c0, n, flip), q3 = qd_load(p[t + 3] + c0, n, flip);
          const int16x8_t l0 = vreinterpretq_s16_s8(vzip1q_s8(q0, q1)), h0 = vreinterpretq_s16_s8(vzip2q_s8(q0, q1));
          const int16x8_t l1 = vreinterpretq_s16_s8(vzip1q_s8(q2, q3)), h1 = vreinterpretq_s16_s8(vzip2q_s8(q2, q3));
          acc[0] = qd_dot(acc[0], vzip1q_s16(l0, l1), w);
          acc[1] = qd_dot(acc[1], vzip2q_s16(l0, l1), w + 16);
          acc[2] = qd_dot(acc[2], vzip1q_s16(h0, h1), w + 32);
          acc[3] = qd_dot(acc[3], vzip2q_s16(h0, h1), w + 48);
        }
        qd_store(a, y + c0, n, acc, a->mult + c0);
      }
    }
  }
}
