/* SPDX-License-Identifier: Apache-2.0
 * f32 products in plain C: the oracle of the tests and the fallback of unknown CPUs; and with fused multiply-adds,
 * which give the bits of the vector rows. */
#include "gemm.h"

#include <math.h>
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

static inline void tile(const ek_gemm_f32_call *g, size_t mr, bool half, bool fused) {
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
        for (size_t j = 0; j < g->nc; ++j) {
          const float v = half ? f16_value(h[j]) : w[j];
          sum[j] = fused ? fmaf(a[k], v, sum[j]) : sum[j] + a[k] * v;
        }
      }
    }
    for (size_t j = 0; j < g->nc; ++j) {
      float v = sum[j];
      if (g->residual) v += g->residual[r * g->ldr + j];
      c[j] = v < g->lo ? g->lo : v > g->hi ? g->hi : v;
    }
  }
}

#define TILE(NAME, HALF, FUSED)                     \
  static void NAME##_1(const ek_gemm_f32_call *g) { \
    tile(g, 1, HALF, FUSED);                        \
  }                                                 \
  static void NAME##_2(const ek_gemm_f32_call *g) { \
    tile(g, 2, HALF, FUSED);                        \
  }                                                 \
  static void NAME##_3(const ek_gemm_f32_call *g) { \
    tile(g, 3, HALF, FUSED);                        \
  }                                                 \
  static void NAME##_4(const ek_gemm_f32_call *g) { \
    tile(g, 4, HALF, FUSED);                        \
  }
TILE(plain, false, false)
TILE(half, true, false)
TILE(fused, false, true)
TILE(fused_half, true, true)

#define ROW(NAME, TEXT, FN, HALF, FLAGS)          \
  const ek_gemm_f32_kernel NAME = {               \
    .name = TEXT,                                 \
    .isa = 0,                                     \
    .lanes = LANES,                               \
    .nv_max = 1,                                  \
    .mr_max = { 4 },                              \
    .fn = { { FN##_1, FN##_2, FN##_3, FN##_4 } }, \
    .flags = FLAGS,                               \
    .half = HALF,                                 \
  };
ROW(ek_gemm_f32__ref, "gemm_f32__ref", plain, 0, 0)
ROW(ek_gemm_f32h__ref, "gemm_f32h__ref", half, 1, 0)
ROW(ek_gemm_f32_fused__ref, "gemm_f32_fused__ref", fused, 0, EK_EXACT)
ROW(ek_gemm_f32h_fused__ref, "gemm_f32h_fused__ref", fused_half, 1, EK_EXACT)
