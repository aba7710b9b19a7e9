/* SPDX-License-Identifier: Apache-2.0
 * Depthwise kernel for NEON: widened to s16, smlal; 16 channels, any window. */
#include "qdwconv.h"
#include <arm_neon.h>
#include <string.h>
#include "taps.inl"
#include "arm.inl"

void ek_qdw_x8s8_any_16__neon(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const uint8_t *p[EK_QDW_MAX_TAPS];
  const uint32_t taps = a->kh * a->kw;
  const uint8x16_t flip = vdupq_n_u8((uint8_t)(a->flip & 255));
  for (uint32_t oy = y0; oy < y1; ++oy) {
    for (uint32_t ox = 0; ox < a->ow; ++ox) {
      qdw_taps(a, image, oy, ox, p);
      uint8_t *const y = qdw_pixel(a, image, oy, ox);
      for (size_t c0 = 0; c0 < a->c; c0 += 16) {
        const int8_t *w = a->w + c0 * taps;
        int32x4_t acc[4];
        for (int j = 0; j < 4; ++j) acc[j] = vld1q_s32(a->bias + c0 + 4 * (size_t)j);
        for (uint32_t t = 0; t < taps; ++t, w += 16) {
          const int8x16_t x = qd_load(p[t] + c0, a->c - c0, flip), v = vld1q_s8(w);
          const int16x8_t x0 = vmovl_s8(vget_low_s8(x)), x1 = vmovl_high_s8(x);
          const int16x8_t v0 = vmovl_s8(vget_low_s8(v)), v1 = vmovl_high_s8(v);
          acc[0] = vmlal_s16(acc[0], vget_low_s16(x0), vget_low_s16(v0));
          acc[1] = vmlal_high_s16(acc[1], x0, v0);
          acc[2] = vmlal_s16(acc[2], vget_low_s16(x1), vget_low_s16(v1));
          acc[3] = vmlal_high_s16(acc[3], x1, v1);
        }
        qd_store(a, y + c0, a->c - c0, acc, a->mult + c0);
      }
    }
  }
}
