/* SPDX-License-Identifier: Apache-2.0
 * f32 products with weights of 2, 4 or 8 bits that stay small: C[m][n] = act(bias[n] + sum_k A[m][k] * W[k][n] + ...)
 * with W[k][n] = (q[k][n] - zero[b][n]) * scale[b][n], b = k / block.
 *
 * Packed weights lie in groups of `lanes` columns, the lanes of the f32 row that multiplies (kernels/gemm). A group:
 *   units of `lanes` words of 32 bits: a word holds 32 / bits values of its column, of rising k from the low bits on;
 *   [blocks][lanes] f32 scales; [blocks][lanes] s8 zero points.
 * A block begins with a unit; columns beyond n have scale 0. Unsigned values are stored as signed ones, with half of
 * their range taken away, and so are their zero points: sums stay small.
 *
 * Several rows of A: a piece of a panel is decoded into a buffer that stays in cache, where the f32 row reads it; the
 * decoded numbers are those of Dequantize, bit by bit. One row of A: values are decoded in registers and blocks are
 * scaled after their sum; within 2 * sqrt(K) ULP of sum |a| * (|q| + |zero|) * scale. */
#ifndef EK_WGEMM_H
#define EK_WGEMM_H

#include "../gemm/gemm.h"

typedef struct ek_wgemm_shape {
  size_t k, n, block; /* block: values of k that share a scale; k when all do */
  uint32_t bits, lanes;
} ek_wgemm_shape;

/** Weights as they are given. */
typedef struct ek_wgemm_source {
  const void
      *q; /* k-th value of column n at element k * sk + n * sn; values below 8 bits fill bytes from the low end */
  size_t sk, sn;
  bool is_signed;
  const float *scale; /* of block b of column n: scale[b * ck + n * cn] */
  size_t ck, cn;
  const void *zero; /* like q and scale; NULL: 0 */
} ek_wgemm_source;

/** Can weights of this shape be packed? */
bool ek_wgemm_fits(const ek_wgemm_shape *s);
uint64_t ek_wgemm_packed_bytes(const ek_wgemm_shape *s);
void ek_wgemm_pack(const ek_wgemm_shape *s, const ek_wgemm_source *from, void *packed);

/** A group of packed weights. */
typedef struct ek_wgemm_group {
  const uint32_t *words;
  const float *scale;
  const int8_t *zero;
} ek_wgemm_group;

/** Rows k0 .. k1 of a group as f32, rows `step` floats apart; k0 is a multiple of 16. */
typedef void (*ek_wgemm_decode_fn)(const ek_wgemm_shape *s, const ek_wgemm_group *g, size_t k0, size_t k1, float *to,
                                   size_t step);
/** y[lanes] = sum_k a[k] * W[k] of a group. */
typedef void (*ek_wgemm_line_fn)(const ek_wgemm_shape *s, const ek_wgemm_group *g, const float *a, float *y);

typedef struct ek_wgemm_kernel {
  const char *name;
  uint64_t isa;
  uint32_t lanes; /* 0: any, up to EK_WGEMM_LANES */
  ek_wgemm_decode_fn decode;
  ek_wgemm_line_fn line;
} ek_wgemm_kernel;
#define EK_WGEMM_LANES 16

#define EK_WGEMM(isa, kernel) extern const ek_wgemm_kernel kernel;
#include "wgemm.def"
#undef EK_WGEMM

/** First row for groups of so many lanes whose ISA bits are all in `have`. */
const ek_wgemm_kernel *ek_wgemm_select(uint64_t have, uint32_t lanes);
const ek_wgemm_kernel *ek_wgemm_at(uint32_t i); /* NULL beyond the last row */

typedef struct ek_wgemm_args {
  const ek_wgemm_kernel *kernel;
  const ek_gemm_f32_kernel *row; /* neither pair nor half; its lanes are those of the shape */
  ek_wgemm_shape shape;
  const void *packed;
  const float *a, *bias; /* bias[n] or NULL */
  size_t lda;
  float *c;
  size_t ldc;
  const float *residual; /* same shape as c, may be c; or NULL */
  size_t ldr;
  float lo, hi;
  bool lines; /* few rows go one by one through `line` */
} ek_wgemm_args;
#define EK_WGEMM_DEPTH 256                                                     /* k that are decoded at once */
#define EK_WGEMM_BUFFER (EK_WGEMM_DEPTH * EK_GEMM_F32_MAX_NV * EK_WGEMM_LANES) /* floats */
/** Rows [m0, m1) and panels [p0, p1) of the f32 row; `buffer`: EK_WGEMM_BUFFER floats of the caller, on a cache line.
 */
void ek_wgemm_block(const ek_wgemm_args *args, size_t m0, size_t m1, size_t p0, size_t p1, float *buffer);

#endif
