/* SPDX-License-Identifier: Apache-2.0
 * f32 products in plain C: the oracle of the tests and the fallback of unknown CPUs. */
#include "gemm.h"

#include <string.h>

enum { LANES = 8 };

static float f16_value(uint16_t h) {
  const uint32_t exponent = h >> 10 & 31u, mantissa = h & 0x3ffu, sign = (uint32_t)(h & 0x8000u) << 16;
  const float small = (float)mantissa * 0x1p-24f;
  uint32_t bits = sign | (exponent + 112u) << 23 | mantissa << 13;
  float value;
  if (exponent == 31) bits = sign | 0x7f800000u | mantissa << 13 | (mantissa ? 0x400000u : 0u);
  memcpy(&value, &bits, sizeof value);
  return exponent ? value : sign ? -small : small;
}

static void tile(const ek_gemm_f32_call *g, size_t mr, bool half) {
  for (size_t r = 0; r < g->groups * mr; ++r) {
    float *const c = g->c + r * g->ldc;
    float sum[LANES];
    for (size_t j = 0; j < g->nc; ++j) sum[j] = g->bias ? g->bias[j] : 0.0f;
    for (size_t tap = 0; tap < g->taps; ++tap) {
      const float *const a = g->rows[tap * mr + r % mr] + r / mr * g->a_step;
      for (size_t k = 0; k < g->depth; ++k) {
        const size_t at = (tap * g->depth + k) * LANES;
        const float *const w = g->w + (half ? 0 : at);
        const uint16_t *const h = (const uint16_t *)(const void *)g->w + at;
        for (size_t j = 0; j < g->nc; ++j) sum[j] += a[k] * (half ? f16_value(h[j]) : w[j]);
      }
    }
    for (size_t j = 0; j < g->nc; ++j) {
      float v = sum[j];
      if (g->residual) v += g->residual[r * g->ldr + j];
      c[j] = v < g->lo ? g->lo : v > g->hi ? g->hi : v;
    }
  }
}

#define TILE(MR)                                     \
  static void tile_##MR(const ek_gemm_f32_call *g) { \
    tile(g, MR, false);                              \
  }                                                  \
  static void half_##MR(const ek_gemm_f32_call *g) { \
    tile(g, MR, true);                               \
  }
TILE(1)
TILE(2)
TILE(3)
TILE(4)

const ek_gemm_f32_kernel ek_gemm_f32__ref = {
  .name = "gemm_f32__ref",
  .isa = 0,
  .lanes = LANES,
  .nv_max = 1,
  .mr_max = { 4 },
  .fn = { { tile_1, tile_2, tile_3, tile_4 } },
  .flags = EK_EXACT,
};

const ek_gemm_f32_kernel ek_gemm_f32h__ref = {
  .name = "gemm_f32h__ref",
  .isa = 0,
  .lanes = LANES,
  .nv_max = 1,
  .mr_max = { 4 },
  .fn = { { half_1, half_2, half_3, half_4 } },
  .flags = EK_EXACT,
  .half = 1,
};
