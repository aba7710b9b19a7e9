/* SPDX-License-Identifier: Apache-2.0
 * f32 micro-kernels for AVX-512: 24 accumulators for wide panels, 14 x 16 for narrow ones. */
#include "gemm.h"

#include <math.h>

#include "../vec/avx512.h"
#include "body.inl"

/* clang-format off */
TILE(1, 4) TILE(2, 4) TILE(3, 4) TILE(4, 4) TILE(5, 4) TILE(6, 4) TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(4, 3)
TILE(5, 3) TILE(6, 3) TILE(7, 3) TILE(8, 3) TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2)
TILE(7, 2) TILE(8, 2) TILE(9, 2) TILE(10, 2) TILE(11, 2) TILE(12, 2) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1)
TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1) TILE(9, 1) TILE(10, 1) TILE(11, 1) TILE(12, 1)
    /* clang-format on */

    const ek_gemm_f32_kernel ek_gemm_f32_6x64__avx512 = {
      .name = "gemm_f32_6x64__avx512",
      .isa = EK_AVX512,
      .lanes = 16,
      .nv_max = 4,
      .mr_max = { 12, 12, 8, 6 },
      .fn = { { tile_1x1, tile_2x1, tile_3x1, tile_4x1, tile_5x1, tile_6x1, tile_7x1, tile_8x1, tile_9x1, tile_10x1,
                tile_11x1, tile_12x1 },
              { tile_1x2, tile_2x2, tile_3x2, tile_4x2, tile_5x2, tile_6x2, tile_7x2, tile_8x2, tile_9x2, tile_10x2,
                tile_11x2, tile_12x2 },
              { tile_1x3, tile_2x3, tile_3x3, tile_4x3, tile_5x3, tile_6x3, tile_7x3, tile_8x3 },
              { tile_1x4, tile_2x4, tile_3x4, tile_4x4, tile_5x4, tile_6x4 } },
    };
