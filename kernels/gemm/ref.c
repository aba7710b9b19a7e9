/* SPDX-License-Identifier: Apache-2.0
 * f32 products in plain C: the oracle of the tests and the fallback of unknown CPUs. */
#include "gemm.h"

enum { LANES = 8 };

static void tile(const ek_gemm_f32_call *g, size_t mr) {
  for (size_t r = 0; r < g->groups * mr; ++r) {
    float *const c = g->c + r * g->ldc;
    float sum[LANES];
    for (size_t j = 0; j < g->nc; ++j) sum[j] = g->bias ? g->bias[j] : 0.0f;
    for (size_t tap = 0; tap < g->taps; ++tap) {
      const float *const a = g->rows[tap * mr + r % mr] + r / mr * g->a_step;
      for (size_t k = 0; k < g->depth; ++k) {
        const float *const w = g->w + (tap * g->depth + k) * LANES;
        for (size_t j = 0; j < g->nc; ++j) sum[j] += a[k] * w[j];
      }
    }
    for (size_t j = 0; j < g->nc; ++j) {
      float v = sum[j];
      if (g->residual) v += g->residual[r * g->ldr + j];
      c[j] = v < g->lo ? g->lo : v > g->hi ? g->hi : v;
    }
  }
}

static void tile_1(const ek_gemm_f32_call *g) {
  tile(g, 1);
}
static void tile_2(const ek_gemm_f32_call *g) {
  tile(g, 2);
}
static void tile_3(const ek_gemm_f32_call *g) {
  tile(g, 3);
}
static void tile_4(const ek_gemm_f32_call *g) {
  tile(g, 4);
}

const ek_gemm_f32_kernel ek_gemm_f32__ref = {
  .name = "gemm_f32__ref",
  .isa = 0,
  .lanes = LANES,
  .nv_max = 1,
  .mr_max = { 4 },
  .fn = { { tile_1, tile_2, tile_3, tile_4 } },
  .flags = EK_EXACT,
};
