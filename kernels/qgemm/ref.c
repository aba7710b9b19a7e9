/* SPDX-License-Identifier: Apache-2.0
 * Portable integer matrix kernel: the meaning of all others. */
#include "qgemm.h"
#include <math.h>
#include <string.h>

static int32_t requantize(int32_t acc, float mult, int32_t zero_point, int32_t lo, int32_t hi) {
  float v = rintf((float)acc * mult);
  if (v < -1e9f) v = -1e9f;
  if (v > 1e9f) v = 1e9f;
  const int64_t q = (int64_t)v + zero_point;
  return (int32_t)(q < lo ? lo : q > hi ? hi : q);
}

static void store(const ek_qgemm_call *c, size_t m, size_t n0, size_t cols, const uint32_t *acc) {
  uint8_t *const y = (uint8_t *)c->y + m * c->y_stride;
  for (size_t j = 0; j < cols; ++j) {
    int32_t v;
    memcpy(&v, &acc[j], 4);
    if (c->out == EK_Q_S32) {
      memcpy(y + (n0 + j) * 4, &v, 4);
    } else {
      y[n0 + j] = (uint8_t)(requantize(v, c->mult[n0 + j], c->zero_point, c->lo, c->hi) & 255);
    }
  }
}

void ek_qgemm_x8s8_1x16c1__ref(const ek_qgemm_call *c) {
  const uint8_t flip = (uint8_t)(c->flip & 255);
  const int8_t *w = c->w;
  for (size_t n0 = 0; n0 < c->n; n0 += 16, w += (size_t)c->taps * c->k * 16) {
    const size_t cols = c->n - n0 < 16 ? c->n - n0 : 16;
    for (size_t m = 0; m < c->m; ++m) {
      uint32_t acc[16]; /* wraps like the vector units do */
      memcpy(acc, c->bias + n0, cols * 4);
      memset(acc + cols, 0, (16 - cols) * 4);
      const int8_t *v = w;
      for (size_t t = 0; t < c->taps; ++t) {
        const uint8_t *const x = c->a[t * c->a_ld + m];
        for (size_t k = 0; k < c->k; ++k, v += 16) {
          const int32_t a = x[k] ^ flip;
          for (size_t j = 0; j < 16; ++j) acc[j] += (uint32_t)(a * v[j]);
        }
      }
      store(c, m, n0, cols, acc);
    }
  }
}
