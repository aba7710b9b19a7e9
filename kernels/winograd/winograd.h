/* SPDX-License-Identifier: Apache-2.0
 * f32 convolution 3x3 with stride 1 by Winograd's minimal filtering: F(m x m, 3 x 3), channels last.
 *
 * The output is cut into tiles of m x m pixels; a tile reads (m + 2) x (m + 2) inputs. With B, G, A the matrices of the
 * interpolation points:   y = A' [ (G w G') * (B' x B) ] A   where * multiplies at each of the (m + 2)^2 positions and,
 * summed over channels, is one matrix product per position: m^2 * 9 / (m + 2)^2 times fewer multiplications (4 for
 * m = 4, 2.25 for m = 2).
 *
 *   V [positions][tiles][c_in]            transformed inputs of a block of tiles
 *   W [column groups][c_in][9][columns of the group]   filters as packed
 *   U [positions][panels of the group][depth][panel width]   `depth` channels of a group, transformed
 *   M [positions][tiles][columns of a group]   sums, read back by the output transform
 *
 * Filters are transformed where they are used: U would be four times (m = 2: 1.8 times) as large as W, which for the
 * late layers of a network takes longer to read from memory than to make in cache; small images with few channels keep
 * U itself. W is followed by the bias, padded to whole vectors. Filters that are f16 numbers stay f16 in W and become
 * f32 on their way to U: the same bits.
 *
 * Arithmetic: points 0, 1, -1 (m = 2) and 0, +-sqrt(1/2), +-sqrt(2) (m = 4). The error against exact sums is at most
 * EK_WINOGRAD_F32_ERROR * 2^-24 * (sum of |x * w| of the tile's largest), see docs/numerics.md; an infinite or NaN
 * input spoils its whole tile. Never the bits of the plain sum, so no row is exact. */
#ifndef EK_WINOGRAD_H
#define EK_WINOGRAD_H

#include "../gemm/gemm.h"

/** Addresses of the (m + 2)^2 inputs of a tile; c channels of each go to v, v + step, ... */
typedef void (*ek_winograd_f32_input_fn)(const float *const *from, size_t c, float *v, size_t step);

/** A block of filters to U. */
typedef struct ek_winograd_f32_weights {
  const float *w;       /* [depth][9][columns], of which the first `width` */
  const uint16_t *half; /* the same as f16, then w is not read; or NULL */
  size_t columns, width, depth;
  float *u; /* position p at u + p * step: [depth][width] */
  size_t step;
} ek_winograd_f32_weights;
typedef void (*ek_winograd_f32_weights_fn)(const ek_winograd_f32_weights *weights);

/** One tile of the result: `nc` columns. */
typedef struct ek_winograd_f32_result {
  const float *m; /* position p at m + p * step */
  size_t step;
  const float *bias; /* whole vectors */
  float *y;
  const float *residual; /* laid out as y, or NULL */
  size_t pixel, line;    /* elements from one pixel, one line of y to the next */
  size_t rows, columns;  /* pixels of the tile inside the image */
  size_t nc;
  float lo, hi;
} ek_winograd_f32_result;
typedef void (*ek_winograd_f32_output_fn)(const ek_winograd_f32_result *result);

typedef struct ek_winograd_f32_kernel {
  const char *name; /* "winograd4_f32__avx512" */
  uint64_t isa;
  uint32_t lanes, tile;                 /* m */
  uint32_t input_cycles, output_cycles; /* per tile and vector of channels, for the choice */
  uint32_t weight_cycles;               /* per filter and vector of columns */
  ek_winograd_f32_input_fn input;
  ek_winograd_f32_weights_fn weights;
  ek_winograd_f32_output_fn output;
} ek_winograd_f32_kernel;

#define EK_WINOGRAD_F32(isa, kernel) extern const ek_winograd_f32_kernel kernel;
#include "winograd.def"
#undef EK_WINOGRAD_F32

#define EK_WINOGRAD_F32_MAX_POSITIONS 36
#define EK_WINOGRAD_F32_MAX_WIDTH 64 /* of ek_winograd_f32_weights, with `half` */
#define EK_WINOGRAD_F32_ERROR 32     /* m = 4; a quarter of it for m = 2 */

const ek_winograd_f32_kernel *ek_winograd_f32_at(uint32_t i); /* NULL beyond the last row */

typedef struct ek_winograd_f32_args {
  const ek_winograd_f32_kernel *kernel;
  const ek_gemm_f32_kernel *gemm; /* as many lanes as kernel */
  size_t batch, ih, iw, oh, ow, c_in, c_out;
  size_t depth; /* of U: ek_winograd_f32_depth() */
  bool stored;  /* filters are packed as U, block after block of a group: ek_winograd_f32_stores() */
  bool half;    /* filters are given and packed as f16; not with `stored` */
  ptrdiff_t pad_top, pad_left;
  const float *x, *packed, *zeros; /* zeros: c_in floats */
  float *y;
  const float *residual; /* as y, or NULL */
  float lo, hi;
} ek_winograd_f32_args;

/** The row that is estimated fastest for the sizes in args, NULL when the plain sum is; l2_bytes 0: unknown. */
const ek_winograd_f32_kernel *ek_winograd_f32_choose(const ek_winograd_f32_args *args, uint64_t have,
                                                     uint64_t l2_bytes);

size_t ek_winograd_f32_tiles(const ek_winograd_f32_args *args);
/** Column groups: the output transform follows the products of a group. */
size_t ek_winograd_f32_groups(const ek_winograd_f32_args *args);
uint64_t ek_winograd_f32_packed_bytes(const ek_winograd_f32_args *args);
/** w: [c_out][3][3][c_in], f32, or f16 with `half`; bias may be NULL. */
void ek_winograd_f32_pack(const ek_winograd_f32_args *args, const void *w, const float *bias, float *packed);

/** Blocks of tiles that a single thread should make: V and M of one take twice the room in L2, because a block more
 *  transforms all filters once more, while V is read once and M in long lines. */
size_t ek_winograd_f32_blocks(const ek_winograd_f32_args *args, uint64_t l2_bytes);
/** Should the filters be kept transformed? Where so few tiles use them that transforming them anew costs as much as the
 *  products, and they are small. */
bool ek_winograd_f32_stores(const ek_winograd_f32_args *args);
/** Channels of a block of U. */
size_t ek_winograd_f32_depth(const ek_winograd_f32_args *args, uint64_t l2_bytes);

/** Elements from one position to the next, and of the whole array, of V, M (for a block of tiles) and U. */
size_t ek_winograd_f32_v_step(const ek_winograd_f32_args *args, size_t tiles);
size_t ek_winograd_f32_m_step(const ek_winograd_f32_args *args, size_t tiles);
size_t ek_winograd_f32_u_step(const ek_winograd_f32_args *args);
size_t ek_winograd_f32_positions(const ek_winograd_f32_args *args);

/** Inputs of tiles [t0, t1) to v (where tile t0 lies) with v_step between positions. */
void ek_winograd_f32_input(const ek_winograd_f32_args *args, size_t t0, size_t t1, float *v, size_t v_step);
/** Results of tiles [t0, t1) and column groups [g0, g1) from v (as above), over m and u: ek_winograd_f32_m_step(t1 -
 * t0) and ek_winograd_f32_u_step() * positions floats. */
void ek_winograd_f32_output(const ek_winograd_f32_args *args, size_t t0, size_t t1, size_t g0, size_t g1,
                            const float *v, size_t v_step, float *m, float *u);

/** What tiles [t0, t1) have written lies in strips of pixels: those of the strip that t0 is in. Returns its end. */
typedef struct ek_winograd_f32_strip {
  size_t pixel, pixels, lines; /* the first of the batch's pixels, how many in a line, lines */
} ek_winograd_f32_strip;
size_t ek_winograd_f32_strip_at(const ek_winograd_f32_args *args, size_t t0, size_t t1, ek_winograd_f32_strip *out);
/** First column of a column group, at most c_out. */
size_t ek_winograd_f32_column(const ek_winograd_f32_args *args, size_t group);

#endif
