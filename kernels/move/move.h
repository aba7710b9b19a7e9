/* SPDX-License-Identifier: Apache-2.0
 * Moving elements of 1, 2, 4 or 8 bytes between strided arrays: transpose, slice, concat, split, expand, pad, flip.
 * Exact. A move is made canonical once and then run in pieces:
 *   rows: both sides have runs of contiguous bytes: memcpy per run;
 *   grid: the source is contiguous along one dimension and the destination along another: blocked 2D transpose;
 *   else: element by element. */
#ifndef EK_MOVE_H
#define EK_MOVE_H

#include "../ek.h"

#define EK_MOVE_RANK 10

typedef struct ek_move_args {
  const void *src;
  void *dst;
  size_t element; /* bytes: 1, 2, 4, 8 */
  size_t rank;
  size_t dims[EK_MOVE_RANK];        /* in the order of the destination */
  ptrdiff_t src_step[EK_MOVE_RANK]; /* bytes; may be 0 or negative */
  ptrdiff_t dst_step[EK_MOVE_RANK]; /* bytes, positive */
  /* filled by ek_move_prepare */
  size_t outer; /* product of all but the last two dims */
  size_t kind;
} ek_move_args;

/** dst[c * dst_row + r] = src[r * src_row + c] for rows x columns elements; rows of bytes apart. */
typedef void (*ek_transpose_fn)(size_t rows, size_t columns, const void *src, size_t src_row, void *dst,
                                size_t dst_row);

typedef struct ek_move_kernel {
  const char *name;
  uint64_t isa;
  uint32_t flags;
  ek_transpose_fn transpose[4]; /* elements of 1, 2, 4, 8 bytes */
} ek_move_kernel;

#define EK_MOVE(isa, kernel) extern const ek_move_kernel kernel;
#include "move.def"
#undef EK_MOVE

const ek_move_kernel *ek_move_select(uint64_t have, uint32_t need);
const ek_move_kernel *ek_move_at(uint32_t i); /* NULL beyond the last row */

void ek_transpose_1__ref(size_t rows, size_t columns, const void *src, size_t src_row, void *dst, size_t dst_row);
void ek_transpose_2__ref(size_t rows, size_t columns, const void *src, size_t src_row, void *dst, size_t dst_row);
void ek_transpose_4__ref(size_t rows, size_t columns, const void *src, size_t src_row, void *dst, size_t dst_row);
void ek_transpose_8__ref(size_t rows, size_t columns, const void *src, size_t src_row, void *dst, size_t dst_row);

/** Join and order dims; afterwards rank is at least 2 and pieces are [0, outer) x [0, dims[rank - 2]). */
void ek_move_prepare(ek_move_args *args);
void ek_move_run(const ek_move_kernel *kernel, const ek_move_args *args, size_t o0, size_t o1, size_t r0, size_t r1);

#endif
