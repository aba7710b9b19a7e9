/* SPDX-License-Identifier: Apache-2.0
 * Element types and limits; no functions, so that kernels may include it. */
#ifndef EDGE_TYPES_H
#define EDGE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#define EDGE_MAX_RANK 8

/** Logical element type of a tensor. Values are frozen and stored in model files. */
enum {
  EDGE_DTYPE_NONE = 0, /* an absent optional tensor */
  EDGE_DTYPE_F32 = 1,
  EDGE_DTYPE_F16 = 2,
  EDGE_DTYPE_BF16 = 3,
  EDGE_DTYPE_F64 = 4,
  EDGE_DTYPE_S8 = 5,
  EDGE_DTYPE_U8 = 6,
  EDGE_DTYPE_S16 = 7,
  EDGE_DTYPE_U16 = 8,
  EDGE_DTYPE_S32 = 9,
  EDGE_DTYPE_U32 = 10,
  EDGE_DTYPE_S64 = 11,
  EDGE_DTYPE_U64 = 12,
  EDGE_DTYPE_BOOL = 13, /* one byte, 0 or 1 */
  EDGE_DTYPE_S4 = 14,   /* two elements a byte, low nibble first */
  EDGE_DTYPE_U4 = 15,
  EDGE_DTYPE_S2 = 16, /* four elements a byte, lowest bits first */
  EDGE_DTYPE_U2 = 17,
  EDGE_DTYPE_COUNT
};

/** Storage encoding. 0 = the dtype's own; block encodings start at 64 (see encodings.def). */
enum { EDGE_ENCODING_NATIVE = 0 };

/** Affine quantization: real = scale * (q - zero_point).
 *  count 0: none; 1: per tensor; else one scale per index of `axis` (block == 0) or per block of
 *  `block` elements along `axis` (scales are then a C-order tensor shaped like the data with
 *  dims[axis] divided by block, rounded up). zero_points NULL means all 0. */
typedef struct edge_quant {
  const float *scales;
  const int32_t *zero_points;
  uint32_t count;
  int32_t axis;
  uint32_t block;
  uint32_t reserved;
} edge_quant;

#endif
