/* SPDX-License-Identifier: Apache-2.0
 * f32 products with small weights in plain C, for any number of lanes. */
#include "wgemm.h"

static int32_t value(uint32_t v, uint32_t bits) {
  const int32_t half = 1 << (bits - 1);
  return (int32_t)(v ^ (uint32_t)half) - half;
}

static void decode(const ek_wgemm_shape *s, const ek_wgemm_group *g, size_t k0, size_t k1, float *to, size_t step) {
  const size_t per = 32 / s->bits, lanes = s->lanes;
  const uint32_t mask = (1u << s->bits) - 1;
  for (size_t k = k0; k < k1; ++k, to += step) {
    const uint32_t *const w = g->words + k / per * lanes;
    const uint32_t shift = (uint32_t)(k % per) * s->bits;
    const float *const scale = g->scale + k / s->block * lanes;
    const int8_t *const zero = g->zero + k / s->block * lanes;
    for (size_t j = 0; j < lanes; ++j) to[j] = (float)(value(w[j] >> shift & mask, s->bits) - zero[j]) * scale[j];
  }
}

static void line(const ek_wgemm_shape *s, const ek_wgemm_group *g, const float *a, float *y) {
  const size_t per = 32 / s->bits, lanes = s->lanes;
  const uint32_t mask = (1u << s->bits) - 1;
  for (size_t j = 0; j < lanes; ++j) y[j] = 0.0f;
  for (size_t k = 0, b = 0; k < s->k; ++b) {
    const size_t end = s->k - k < s->block ? s->k : k + s->block;
    float sum[EK_WGEMM_LANES] = { 0 }, all = 0.0f;
    for (; k < end; ++k) {
      const uint32_t *const w = g->words + k / per * lanes;
      const uint32_t shift = (uint32_t)(k % per) * s->bits;
      for (size_t j = 0; j < lanes; ++j) sum[j] += a[k] * (float)value(w[j] >> shift & mask, s->bits);
      all += a[k];
    }
    for (size_t j = 0; j < lanes; ++j) y[j] += g->scale[b * lanes + j] * (sum[j] - (float)g->zero[b * lanes + j] * all);
  }
}

const ek_wgemm_kernel ek_wgemm__ref = { .name = "wgemm__ref", .isa = 0, .lanes = 0, .decode = decode, .line = line };
