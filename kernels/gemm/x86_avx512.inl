/* SPDX-License-Identifier: Apache-2.0
 * f32 micro-kernels for AVX-512: 24 accumulators for wide panels, 12 x 16 for narrow ones; where at most eight columns
 * are left for a panel's last vector, two rows share it. Included by the rows of f32 and of f16
 * weights, which say how those are read. */
#include "gemm.h"

#include <math.h>

#include "../vec/avx512.h"
enum { HALF = VF_LANES / 2 };
static void shared(const ek_gemm_f32_call *g, uint32_t nv);

/* at most half a vector of columns at the end, nothing to fetch, one tap, rows equally far apart */
static bool shares(const ek_gemm_f32_call *g, uint32_t mr, uint32_t nv) {
  if (g->nc > (nv - 1) * VF_LANES + HALF || g->taps != 1 || g->ahead_lines >= 8) return false;
  const uintptr_t step = (uintptr_t)g->rows[1] - (uintptr_t)g->rows[0];
  for (uint32_t i = 2; i < mr; ++i) {
    if ((uintptr_t)g->rows[i] - (uintptr_t)g->rows[i - 1] != step) return false;
  }
  return true;
}

#define NARROW(MR, NV)                                \
  if (NV > 1 && MR * NV == 24 && shares(g, MR, NV)) { \
    shared(g, NV);                                    \
    return;                                           \
  }
#include "body.inl"

/* lanes 8 .. 15 are those of the second row */
static inline __attribute__((always_inline)) vf join(vf first, vf second) {
  return _mm512_mask_blend_ps(0xff00, first, second);
}

/* *(p + scale * bytes) in all lanes; asm because gcc 12 keeps an address per row, more than there are registers */
#define SPREAD(v, p, bytes, scale) \
  __asm__("vbroadcastss (%1,%2," #scale "), %0" : "=v"(v) : "r"(p), "r"(bytes), "m"(*(p)))

/* rows of one tap, equally far apart */
static inline __attribute__((always_inline)) void shared_tile(const ek_gemm_f32_call *g, const uint32_t MR,
                                                              const uint32_t NV) {
  const vf lo = vf_set1(g->lo), hi = vf_set1(g->hi);
  const uint32_t whole = NV - 1;
  const __mmask8 some = (__mmask8)((1u << (g->nc - whole * VF_LANES)) - 1u);
  const size_t bytes = (uintptr_t)g->rows[1] - (uintptr_t)g->rows[0], triple = 3 * bytes;
  const size_t step = bytes / sizeof(float);
  size_t row = 0;
  for (size_t group = 0; group < g->groups; ++group, row += MR) {
    vf c[12][3], h[6];
    const float *const bias = g->bias;
    UNROLL(4) for (uint32_t j = 0; j < whole; ++j) {
      const vf start = bias ? vf_load(bias + j * VF_LANES) : vf_zero();
      UNROLL(16) for (uint32_t i = 0; i < MR; ++i) c[i][j] = start;
    }
    const vf start = bias ? _mm512_broadcast_f32x8(_mm256_loadu_ps(bias + whole * VF_LANES)) : vf_zero();
    UNROLL(8) for (uint32_t i = 0; i < MR / 2; ++i) h[i] = start;

    const WEIGHT *w = (const WEIGHT *)(const void *)g->w;
    const float *a[3];
    a[0] = g->rows[0] + group * g->a_step;
    UNROLL(4) for (uint32_t i = 1; i < (MR + 3) / 4; ++i) a[i] = a[i - 1] + 4 * step;
    const float *const end = a[0] + g->depth;
    for (; a[0] != end; w += NV * VF_LANES) {
      vf b[3];
      UNROLL(4) for (uint32_t j = 0; j < whole; ++j) b[j] = WEIGHT_LOAD(w + j * VF_LANES);
      const vf last = _mm512_broadcast_f32x8(WEIGHT_LOAD_8(w + whole * VF_LANES));
      UNROLL(8) for (uint32_t i = 0; i < MR; i += 2) {
        vf u, v;
        if (i % 4 == 0) {
          u = vf_set1(*a[i / 4]);
          SPREAD(v, a[i / 4], bytes, 1);
        } else {
          SPREAD(u, a[i / 4], bytes, 2);
          SPREAD(v, a[i / 4], triple, 1);
        }
        UNROLL(4) for (uint32_t j = 0; j < whole; ++j) c[i][j] = vf_fma(c[i][j], u, b[j]);
        UNROLL(4) for (uint32_t j = 0; j < whole; ++j) c[i + 1][j] = vf_fma(c[i + 1][j], v, b[j]);
        h[i / 2] = vf_fma(h[i / 2], join(u, v), last);
      }
      UNROLL(4) for (uint32_t i = 0; i < (MR + 3) / 4; ++i)++ a[i];
    }

    const size_t ldv = g->ldv ? g->ldv : VF_LANES;
    UNROLL(16) for (uint32_t i = 0; i < MR; ++i) {
      float *const to = g->c + (row + i) * g->ldc;
      const float *const from = g->residual ? g->residual + (row + i) * g->ldr : NULL;
      UNROLL(4) for (uint32_t j = 0; j < whole; ++j) {
        const vf v = from ? vf_add(c[i][j], vf_load(from + j * VF_LANES)) : c[i][j];
        vf_store(to + j * ldv, vf_min(hi, vf_max(lo, v)));
      }
      const vf pair = h[i / 2];
      __m256 v = i % 2 ? _mm512_extractf32x8_ps(pair, 1) : _mm512_castps512_ps256(pair);
      if (from) v = _mm256_add_ps(v, _mm256_maskz_loadu_ps(some, from + whole * VF_LANES));
      v = _mm256_min_ps(_mm512_castps512_ps256(hi), _mm256_max_ps(_mm512_castps512_ps256(lo), v));
      _mm256_mask_storeu_ps(to + whole * ldv, some, v);
    }
  }
}

static void shared(const ek_gemm_f32_call *g, uint32_t nv) {
  if (nv == 2) {
    shared_tile(g, 12, 2);
  } else if (nv == 3) {
    shared_tile(g, 8, 3);
  } else {
    shared_tile(g, 6, 4);
  }
}

/* clang-format off */
TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 4) TILE(5, 4) TILE(6, 4) TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(4, 3)
TILE(5, 3) TILE(6, 3) TILE(7, 3) TILE(8, 3) TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2)
TILE(7, 2) TILE(8, 2) TILE(9, 2) TILE(10, 2) TILE(11, 2) TILE(12, 2) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1)
TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1) TILE(9, 1) TILE(10, 1) TILE(11, 1) TILE(12, 1) LINE(4, 2)
    /* clang-format on */

    const ek_gemm_f32_kernel ROW = {
      .name = ROW_NAME,
      .isa = EK_AVX512,
      .lanes = 16,
      .flags = EK_EXACT,
      .nv_max = 4,
      .mr_max = { 12, 12, 8, 6 },
      .fn = { { tile_1x1, tile_2x1, tile_3x1, tile_4x1, tile_5x1, tile_6x1, tile_7x1, tile_8x1, tile_9x1, tile_10x1,
                tile_11x1, tile_12x1 },
              { tile_1x2, tile_2x2, tile_3x2, tile_4x2, tile_5x2, tile_6x2, tile_7x2, tile_8x2, tile_9x2, tile_10x2,
                tile_11x2, tile_12x2 },
              { tile_1x3, tile_2x3, tile_3x3, tile_4x3, tile_5x3, tile_6x3, tile_7x3, tile_8x3 },
              { tile_1x4, tile_2x4, tile_3x4, tile_4x4, tile_5x4, tile_6x4 } },
      .line = line,
      .line_panels = 2,
      .half = HALF_STORAGE,
    };
