/* SPDX-License-Identifier: Apache-2.0
 * f32 micro-kernels for AArch64 NEON: 8x8 for wide panels, 8x4 for narrow ones. Included by the rows of f32 and of f16
 * weights, which say how those are read. */
#include "gemm.h"

#include <math.h>

#include "../vec/neon.h"
#include "body.inl"

/* clang-format off */
TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2) TILE(7, 2) TILE(8, 2) TILE(1, 1) TILE(2, 1)
TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1) LINE(2, 4)
    /* clang-format on */

    const ek_gemm_f32_kernel ROW = {
      .name = ROW_NAME,
      .isa = EK_NEON,
      .lanes = 4,
      .flags = EK_EXACT,
      .nv_max = 2,
      .mr_max = { 8, 8 },
      .fn = { { tile_1x1, tile_2x1, tile_3x1, tile_4x1, tile_5x1, tile_6x1, tile_7x1, tile_8x1 },
              { tile_1x2, tile_2x2, tile_3x2, tile_4x2, tile_5x2, tile_6x2, tile_7x2, tile_8x2 } },
      .line = line,
      .line_panels = 4,
      .half = HALF_STORAGE,
    };
