/* SPDX-License-Identifier: Apache-2.0
 * Portable depthwise kernel: the meaning of all others. */
#include "qdwconv.h"
#include <math.h>
#include <string.h>
#include "taps.inl"

static uint8_t requantize(uint32_t acc, float mult, const ek_qdw_args *a) {
  int32_t s;
  memcpy(&s, &acc, 4);
  float v = rintf((float)s * mult);
  if (v < -1e9f) v = -1e9f;
  if (v > 1e9f) v = 1e9f;
  const int64_t q = (int64_t)v + a->zero_point;
  return (uint8_t)((q < a->lo ? a->lo : q > a->hi ? a->hi : q) & 255);
}

void ek_qdw_x8s8_any_16__ref(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const uint8_t *p[EK_QDW_MAX_TAPS];
  const uint32_t taps = a->kh * a->kw;
  const uint8_t flip = (uint8_t)(a->flip & 255);
  for (uint32_t oy = y0; oy < y1; ++oy) {
    for (uint32_t ox = 0; ox < a->ow; ++ox) {
      qdw_taps(a, image, oy, ox, p);
      uint8_t *const y = qdw_pixel(a, image, oy, ox);
      for (size_t c0 = 0; c0 < a->c; c0 += 16) {
        const size_t n = a->c - c0 < 16 ? a->c - c0 : 16;
        const int8_t *const w = a->w + c0 * taps;
        uint32_t acc[16];
        memcpy(acc, a->bias + c0, sizeof acc);
        for (uint32_t t = 0; t < taps; ++t) {
          for (size_t i = 0; i < n; ++i) acc[i] += (uint32_t)((int32_t)(p[t][c0 + i] ^ flip) * w[t * 16 + i]);
        }
        for (size_t i = 0; i < n; ++i) y[c0 + i] = requantize(acc[i], a->mult[c0 + i], a);
      }
    }
  }
}
