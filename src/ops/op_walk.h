/* SPDX-License-Identifier: Apache-2.0
 * Data movement shared by operators: strided copies, runs, multi-index walks, values of shape tensors. */
#ifndef EI_OP_WALK_H
#define EI_OP_WALK_H

#include "op.h"

/* Twice the tensor rank (Tile, SpaceToBatch split each dimension) and one more. */
#define EI_WALK_RANK (2 * EDGE_MAX_RANK + 1)

/** A box of elements with a stride in both tensors, all in elements. Strides may be 0 or negative. */
typedef struct ei_move {
  int32_t rank;
  int64_t dims[EI_WALK_RANK], y_stride[EI_WALK_RANK], x_stride[EI_WALK_RANK];
} ei_move;

static inline void ei_move_dim(ei_move *m, int64_t dim, int64_t y_stride, int64_t x_stride) {
  m->dims[m->rank] = dim;
  m->y_stride[m->rank] = y_stride;
  m->x_stride[m->rank++] = x_stride;
}
/** Copy the box from element x_at of x to element y_at of y. Both have one dtype. Nothing is checked:
 *  the caller has proved that every element is inside. */
void ei_move_run(const ei_move *m, const edge_tensor *y, int64_t y_at, const edge_tensor *x, int64_t x_at);

/** Copy n consecutive elements. */
void ei_copy_run(const edge_tensor *y, uint64_t y_at, const edge_tensor *x, uint64_t x_at, uint64_t n);
/** Repeat one element n times. */
void ei_fill_run(const edge_tensor *y, uint64_t y_at, uint64_t n, const edge_tensor *x, uint64_t x_at);
/** All bytes zero (0, 0.0, false). */
void ei_fill_zero(const edge_tensor *y);

/** Advance a multi-index in C order; false after the last one. rank 0 has one element. */
static inline bool ei_walk_next(int32_t rank, const int64_t *dims, int64_t *index) {
  for (int32_t d = rank - 1; d >= 0; --d) {
    if (++index[d] < dims[d]) return true;
    index[d] = 0;
  }
  return false;
}
/** C-order strides in elements. */
void ei_dense_strides(int32_t rank, const int64_t *dims, int64_t *strides);
/** Strides of x seen through the broadcast shape of y (0 where x repeats). */
void ei_broadcast_strides(const edge_tensor *x, const edge_tensor *y, int64_t *strides);
/** Product of dims [from, to), all known. */
static inline int64_t ei_dims_product(const int64_t *dims, int32_t from, int32_t to) {
  int64_t n = 1;
  for (int32_t d = from; d < to; ++d) n *= dims[d];
  return n;
}

/** Shape and value of input i are known; otherwise needs_value is set. */
bool ei_op_ready(ei_op_ctx *c, uint32_t i);
/** Integers of input i, of rank 0 or 1 (or any rank when it is empty). */
edge_status ei_op_list(ei_op_ctx *c, uint32_t i, int64_t *out, uint32_t cap, uint32_t *n);
/** The one integer of input i. */
edge_status ei_op_scalar(ei_op_ctx *c, uint32_t i, int64_t *out);
/** Axes of input i or of an attribute, as a bit mask; a repeated axis is an error. */
edge_status ei_op_axis_mask(ei_op_ctx *c, const int64_t *axes, uint32_t n, int32_t rank, uint32_t *mask);
/** Two known dims must agree; an unknown one is replaced by the other. */
edge_status ei_op_same_dim(ei_op_ctx *c, int64_t *dim, int64_t other, const char *what);
/** Fail unless input i is an integer tensor. */
edge_status ei_op_need_int(ei_op_ctx *c, uint32_t i);
/** Fail unless the total size of output i is below the addressable limit. */
edge_status ei_op_check_size(ei_op_ctx *c, uint32_t i);
/** Bytes of an element; 0 for types below a byte. */
static inline uint32_t ei_elem_bytes(int32_t dtype) {
  return edge_dtype_bits(dtype) / 8;
}

#endif
