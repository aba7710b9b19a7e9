/* SPDX-License-Identifier: Apache-2.0
 * f32 matrix products: C[m][n] = act(bias[n] + sum_k A[m][k] * W[k][n] + residual[m][n]).
 *
 * A is read through row pointers, once per tap: a convolution is a product whose row i starts at another address for
 * each kernel position (tap). W is packed once into column panels:
 *
 *   panel 0: [K][nv * lanes] floats, panel 1: ..., with K = taps * depth; nv = vectors of the panel, the last panel is
 *   as narrow as the columns allow; columns beyond N are zero. Followed by one bias row per panel (nv * lanes floats).
 *
 * Arithmetic: f32 fused multiply-add in order of k starting from the bias, then residual, then clamp. Rows agree with
 * the reference within 2 * sqrt(K) ULP of sum |a * w| (the reference does not fuse).
 *
 * Rows flagged EK_FAST round both factors to bf16 (to nearest even, denormal numbers to zero) and add in f32: within
 * 2^-8 of sum |a * w| more. Their panels hold two k in the room of one; every tap's depth must be even.
 *
 * Rows of `half` storage keep weights as f16 and make f32 of them on the way: for weights that are f16 values the same
 * bits as the row that they are the half of. Panels are [K][nv * lanes] f16, bias rows stay f32. */
#ifndef EK_GEMM_H
#define EK_GEMM_H

#include "../ek.h"

#include <stdbool.h>

#define EK_GEMM_F32_MAX_ROWS 14
#define EK_GEMM_F32_MAX_NV 4

/** One call of a micro-kernel: `groups` blocks of `mr` rows against one panel. */
typedef struct ek_gemm_f32_call {
  const float *const *rows; /* [taps][mr] addresses of the first group's rows */
  size_t taps, depth;
  size_t groups;
  size_t a_step;      /* elements that all row pointers advance from group to group */
  const float *w;     /* [taps * depth][nv * lanes] */
  const float *bias;  /* nv * lanes floats, or NULL */
  const float *ahead; /* weights that later calls read: a line for every second k is fetched meanwhile */
  size_t ahead_lines; /* of 64 bytes, 0: none */
  float *c;
  size_t ldc;            /* elements between rows of C; groups are mr rows apart */
  size_t ldv;            /* of C between vectors of columns, 0: they follow each other */
  const float *residual; /* or NULL; rows ldr apart; may be c itself (later part of a split K) */
  size_t ldr;
  size_t nc;    /* columns stored: the last of the nv vectors has at least one */
  float lo, hi; /* clamp of the result */
} ek_gemm_f32_call;
typedef void (*ek_gemm_f32_fn)(const ek_gemm_f32_call *call);
/** One row and several whole panels, whose weights and bias lie `step` floats apart: so many sums at once that none
 *  waits for the one before. */
typedef void (*ek_gemm_f32_line_fn)(const ek_gemm_f32_call *call, size_t step);
#define EK_GEMM_F32_LINE 16               /* floats of a cache line */
#define EK_GEMM_F32_AHEAD_ROWS 24         /* with fewer, weights come as fast as they can anyway */
#define EK_GEMM_F32_AHEAD_WEIGHTS 0x20000 /* smaller matrices are near already */
/** After a call: the next one goes on fetching where it ended. */
void ek_gemm_f32_fetched(ek_gemm_f32_call *call);

typedef struct ek_gemm_f32_kernel {
  const char *name; /* "gemm_f32_6x64__avx512" */
  uint64_t isa;
  uint32_t lanes;
  uint32_t nv_max;                     /* vectors of the widest panel */
  uint32_t mr_max[EK_GEMM_F32_MAX_NV]; /* rows of the tile for nv = 1 ..; NULL beyond in fn */
  ek_gemm_f32_fn fn[EK_GEMM_F32_MAX_NV][EK_GEMM_F32_MAX_ROWS];
  ek_gemm_f32_line_fn line; /* or NULL */
  uint32_t line_panels;     /* of a call of line */
  uint32_t flags;
  uint32_t pair; /* 1: a packed "float" holds bf16 weights of two neighbouring k, the odd one of an odd K beside zero */
  uint32_t half; /* 1: a packed "float" holds f16 weights of two neighbouring columns */
} ek_gemm_f32_kernel;

#define EK_GEMM_F32(isa, kernel) extern const ek_gemm_f32_kernel kernel;
#include "gemm.def"
#undef EK_GEMM_F32

/** First row whose ISA bits are all in `have` and whose flags include `need`; rows flagged EK_FAST only when needed.
 *  Never NULL for need 0. */
const ek_gemm_f32_kernel *ek_gemm_f32_select(uint64_t have, uint32_t need);

const ek_gemm_f32_kernel *ek_gemm_f32_at(uint32_t i); /* NULL beyond the last row */

/** The row that computes the same from f16 weights; NULL: there is none. */
const ek_gemm_f32_kernel *ek_gemm_f32_half_of(const ek_gemm_f32_kernel *kernel);

/** Room, in floats, of k rows of a panel of `width` columns. */
size_t ek_gemm_f32_packed_floats(const ek_gemm_f32_kernel *kernel, size_t k, size_t width);
/** Packed size in bytes of W for k rows and n columns, bias rows included. */
uint64_t ek_gemm_f32_packed_bytes(const ek_gemm_f32_kernel *kernel, size_t k, size_t n);
/** Pack W, f32, or f16 for rows of `half` storage: element (k, n) at w[k * sk + n * sn]; bias may be NULL (zero). */
void ek_gemm_f32_pack(const ek_gemm_f32_kernel *kernel, const void *w, size_t sk, size_t sn, size_t k, size_t n,
                      const float *bias, float *packed);
/** The same in two steps, for weights whose k order is not linear: columns of one panel at a time. */
size_t ek_gemm_f32_num_panels(const ek_gemm_f32_kernel *kernel, size_t n);
/** Vectors of panel i; *column is its first column, *offset its place in the packed array (elements). */
uint32_t ek_gemm_f32_panel(const ek_gemm_f32_kernel *kernel, size_t k, size_t n, size_t i, size_t *column,
                           size_t *offset);

/** How to go on with `left` rows: returns the rows of the next tile and how many such tiles follow each other. */
size_t ek_gemm_f32_next_rows(const ek_gemm_f32_kernel *kernel, uint32_t nv, size_t left, size_t *groups);

/** A block of the plain product: rows [m0, m1) and panels [p0, p1). a: row stride lda, c: row stride ldc (elements). */
typedef struct ek_gemm_f32_args {
  const ek_gemm_f32_kernel *kernel;
  size_t m, n, k;
  const float *a;
  size_t lda;
  const float *packed;
  float *c;
  size_t ldc, ldv;       /* ldv as above; then K <= EK_GEMM_F32_SPLIT_K */
  const float *residual; /* same shape as c, may be c; or NULL */
  size_t ldr;
  float lo, hi;
} ek_gemm_f32_args;
#define EK_GEMM_F32_SPLIT_K 1024 /* longer sums are made in parts, so that a panel's part stays in cache */
void ek_gemm_f32_block(const ek_gemm_f32_args *args, size_t m0, size_t m1, size_t p0, size_t p1);

#endif
