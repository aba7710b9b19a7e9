/* SPDX-License-Identifier: Apache-2.0
 * f32 products with factors rounded to bf16, AVX512-BF16: each instruction adds two products per lane. Rows of A are
 * rounded on the way, a piece at a time, into a buffer that stays in L1. */
#include "gemm.h"

#include <math.h>

#include "../vec/avx512.h"

enum { PIECE = 512 }; /* values of a row */

/* n values, then zeros to a multiple of 32 */
VF_INLINE void narrow(const float *x, size_t n, uint32_t *to) {
  for (; n >= 32; n -= 32, x += 32, to += 16) {
    _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(vf_load(x + 16), vf_load(x)));
  }
  if (n == 0) return;
  const vf low = n < 16 ? vf_load_n(x, n) : vf_load(x), high = n > 16 ? vf_load_n(x + 16, n - 16) : vf_zero();
  _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

/* asm for the same reason as vf_fma */
VF_INLINE vf add2(vf c, vf a, vf b) {
  __asm__("vdpbf16ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
  return c;
}
VF_INLINE vf add2_of(vf c, const uint32_t *a, vf b) {
  __asm__("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(c) : "v"(b), "m"(*a));
  return c;
}
VF_INLINE vf pair_of(const uint32_t *a) {
  return _mm512_castsi512_ps(_mm512_set1_epi32((int32_t)*a));
}

/* clang-format off */
#define SUM_TAPS(MR, NV)                                                                                         \
      uint32_t a[MR][PIECE / 2];                                                                                 \
      for (size_t tap = 0; tap < g->taps; ++tap, rows += MR) {                                                   \
        for (size_t k0 = 0; k0 < g->depth; k0 += PIECE) {                                                        \
          const size_t values = g->depth - k0 < PIECE ? g->depth - k0 : PIECE, pairs = (values + 1) / 2;         \
          for (uint32_t i = 0; i < MR; ++i) narrow(rows[i] + start_k + k0, values, a[i]);                        \
          for (size_t k = 0; k < pairs; ++k) {                                                                   \
            vf b[NV];                                                                                            \
            UNROLL(4) for (uint32_t j = 0; j < NV; ++j) b[j] = vf_load(w + j * VF_LANES);                        \
            w += NV * VF_LANES;                                                                                  \
            UNROLL(16) for (uint32_t i = 0; i < MR; ++i) {                                                       \
              if (NV == 1) {                                                                                     \
                c[i][0] = add2_of(c[i][0], &a[i][k], b[0]);                                                      \
              } else {                                                                                           \
                const vf v = pair_of(&a[i][k]);                                                                  \
                UNROLL(4) for (uint32_t j = 0; j < NV; ++j) c[i][j] = add2(c[i][j], v, b[j]);                    \
              }                                                                                                  \
            }                                                                                                    \
          }                                                                                                      \
        }                                                                                                        \
      }
/* clang-format on */
#include "body.inl"

/* clang-format off */
TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 4) TILE(5, 4) TILE(6, 4) TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(4, 3)
TILE(5, 3) TILE(6, 3) TILE(7, 3) TILE(8, 3) TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2)
TILE(7, 2) TILE(8, 2) TILE(9, 2) TILE(10, 2) TILE(11, 2) TILE(12, 2) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1)
TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1) TILE(9, 1) TILE(10, 1) TILE(11, 1) TILE(12, 1)
    /* clang-format on */

    const ek_gemm_f32_kernel ek_gemm_bf16_6x64__avx512bf16 = {
      .name = "gemm_bf16_6x64__avx512bf16",
      .isa = EK_AVX512 | EK_AVX512BF16,
      .lanes = 16,
      .nv_max = 4,
      .mr_max = { 12, 12, 8, 6 },
      .fn = { { tile_1x1, tile_2x1, tile_3x1, tile_4x1, tile_5x1, tile_6x1, tile_7x1, tile_8x1, tile_9x1, tile_10x1,
                tile_11x1, tile_12x1 },
              { tile_1x2, tile_2x2, tile_3x2, tile_4x2, tile_5x2, tile_6x2, tile_7x2, tile_8x2, tile_9x2, tile_10x2,
                tile_11x2, tile_12x2 },
              { tile_1x3, tile_2x3, tile_3x3, tile_4x3, tile_5x3, tile_6x3, tile_7x3, tile_8x3 },
              { tile_1x4, tile_2x4, tile_3x4, tile_4x4, tile_5x4, tile_6x4 } },
      .flags = EK_FAST,
      .pair = 1,
    };
