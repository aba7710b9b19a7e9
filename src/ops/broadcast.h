/* SPDX-License-Identifier: Apache-2.0
 * Walks broadcast operands row by row: dimensions that are dense in every operand are merged, so that
 * operands of one shape are a single row. */
#ifndef EI_BROADCAST_H
#define EI_BROADCAST_H

#include "op.h"

enum { EI_BCAST_OPERANDS = 4 };

typedef struct ei_bcast {
  int32_t rank;
  uint32_t n;
  int64_t dims[EDGE_MAX_RANK], index[EDGE_MAX_RANK];
  int64_t stride[EI_BCAST_OPERANDS][EDGE_MAX_RANK]; /* elements; 0 where broadcast */
  uint64_t at[EI_BCAST_OPERANDS];                   /* first element of the row in each operand */
  uint64_t step[EI_BCAST_OPERANDS];                 /* 0 or 1 along the row */
  uint64_t out, row;                                /* first element of the row in the output, its length */
  bool more;
} ei_bcast;

/** Start a walk over `out`'s shape (known) with n operands that broadcast to it. */
void ei_bcast_start(ei_bcast *w, const edge_tensor *out, const edge_tensor *const *operands, uint32_t n);
void ei_bcast_next(ei_bcast *w);

#endif
