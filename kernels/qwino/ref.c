/* SPDX-License-Identifier: Apache-2.0
 * Portable Winograd kernel: the meaning of the others. */
#include "qwino.h"
#include <math.h>
#include <string.h>
#include "tile.inl"

enum { PANEL = 16 };

static int32_t weight(const ek_qwino_args *a, uint32_t position, uint32_t n, uint32_t c) {
  const size_t padded = (a->oc + PANEL - 1) / PANEL * PANEL;
  return a->w[position * padded * a->ic + (size_t)(n / PANEL) * PANEL * a->ic + (size_t)(c / 2) * 2 * PANEL +
              n % PANEL * 2 + c % 2];
}

/* v[4] = B' x[4] in place */
static void spread(int32_t *x, size_t step) {
  const int32_t a = x[0], b = x[step], c = x[2 * step], d = x[3 * step];
  x[0] = a - c;
  x[step] = b + c;
  x[2 * step] = c - b;
  x[3 * step] = b - d;
}

static uint8_t requantize(int32_t acc, float mult, const ek_qwino_args *a) {
  float v = rintf((float)acc * mult);
  if (v < -1e9f) v = -1e9f;
  if (v > 1e9f) v = 1e9f;
  const int64_t q = (int64_t)v + a->zero_point;
  return (uint8_t)((q < a->lo ? a->lo : q > a->hi ? a->hi : q) & 255);
}

void ek_qwino_x8s8_2x2__ref(const ek_qwino_args *a, void *scratch, uint32_t t0, uint32_t t1, uint32_t n0, uint32_t n1) {
  static const int32_t at[2][4] = { { 1, 1, 1, 0 }, { 0, 1, -1, -1 } };
  const uint32_t flip = a->flip & 255;
  (void)scratch;
  for (uint32_t t = t0; t < t1; ++t) {
    const qw_tile tile = qw_tile_of(a, t);
    const uint8_t *p[16];
    qw_pixels(a, tile, p);
    for (uint32_t n = n0; n < n1; ++n) {
      int32_t m[16] = { 0 };
      for (uint32_t c = 0; c < a->ic; ++c) {
        int32_t v[16];
        for (size_t i = 0; i < 16; ++i) v[i] = (int32_t)(p[i][c] ^ flip);
        for (size_t i = 0; i < 4; ++i) spread(v + i, 4);
        for (size_t i = 0; i < 4; ++i) spread(v + 4 * i, 1);
        for (uint32_t i = 0; i < 16; ++i) m[i] += v[i] * weight(a, i, n, c);
      }
      for (uint32_t i = 0; i < 4; ++i) {
        int32_t sum = 0;
        for (uint32_t r = 0; r < 4; ++r) {
          for (uint32_t s = 0; s < 4; ++s) sum += at[i / 2][r] * at[i % 2][s] * m[4 * r + s];
        }
        const uint32_t oy = tile.oy + i / 2, ox = tile.ox + i % 2;
        if (oy >= a->oh || ox >= a->ow) continue;
        const uint32_t acc = (uint32_t)(sum / 4) + (uint32_t)a->bias[n];
        int32_t s;
        memcpy(&s, &acc, 4);
        const size_t to = (((size_t)tile.image * a->oh + oy) * a->ow + ox) * a->oc + n;
        if (a->out == EK_Q_S32)
          memcpy(a->y + to * 4, &s, 4);
        else
          a->y[to] = requantize(s, a->mult[n], a);
      }
    }
  }
}
