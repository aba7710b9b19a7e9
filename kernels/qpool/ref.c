/* SPDX-License-Identifier: Apache-2.0
 * Portable 8-bit pooling: the meaning of all others. */
#include "qpool.h"

static int32_t load(uint8_t b, uint32_t is_signed) {
  return is_signed && b > 127 ? (int32_t)b - 256 : (int32_t)b;
}

static uint8_t store(const ek_qpool_call *c, int32_t v) {
  return (uint8_t)((v < c->lo ? c->lo : v > c->hi ? c->hi : v) & 255);
}

void ek_qmaxpool__ref(const ek_qpool_call *c) {
  for (uint32_t i = 0; i < c->c; ++i) {
    int32_t best = load(c->p[0][i], c->is_signed);
    for (uint32_t t = 1; t < c->taps; ++t) {
      const int32_t v = load(c->p[t][i], c->is_signed);
      if (v > best) best = v;
    }
    c->y[i] = store(c, best);
  }
}

void ek_qmeanpool__ref(const ek_qpool_call *c) {
  const int32_t n = (int32_t)c->count;
  for (uint32_t i = 0; i < c->c; ++i) {
    int32_t sum = c->extra;
    for (uint32_t t = 0; t < c->taps; ++t) sum += load(c->p[t][i], c->is_signed);
    c->y[i] = store(c, sum >= 0 ? (2 * sum + n) / (2 * n) : -((n - 2 * sum) / (2 * n)));
  }
}

void ek_qsum__ref(const uint8_t *x, size_t taps, size_t stride, size_t c, uint32_t is_signed, int32_t *sums) {
  for (size_t t = 0; t < taps; ++t) {
    for (size_t i = 0; i < c; ++i) sums[i] += load(x[t * stride + i], is_signed);
  }
}

#define QP_NAME(f) f##__ref
#include "finish.inl"
