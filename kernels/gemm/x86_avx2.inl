/* SPDX-License-Identifier: Apache-2.0
 * f32 micro-kernels for AVX2 with FMA: 6x16 for wide panels, 12x8 for narrow ones. Included by the rows of f32 and of
 * f16 weights, which say how those are read. */
#include "gemm.h"

#include <math.h>

#include "../vec/avx2.h"
#include "body.inl"

/* clang-format off */
TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2) TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1)
TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1) TILE(9, 1) TILE(10, 1) TILE(11, 1) TILE(12, 1) LINE(2, 4)
    /* clang-format on */

    const ek_gemm_f32_kernel ROW = {
      .name = ROW_NAME,
      .isa = EK_AVX2,
      .lanes = 8,
      .flags = EK_EXACT,
      .nv_max = 2,
      .mr_max = { 12, 6 },
      .fn = { { tile_1x1, tile_2x1, tile_3x1, tile_4x1, tile_5x1, tile_6x1, tile_7x1, tile_8x1, tile_9x1, tile_10x1,
                tile_11x1, tile_12x1 },
              { tile_1x2, tile_2x2, tile_3x2, tile_4x2, tile_5x2, tile_6x2 } },
      .line = line,
      .line_panels = 4,
      .half = HALF_STORAGE,
    };
