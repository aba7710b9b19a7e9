/* SPDX-License-Identifier: Apache-2.0
 * Elementwise operators that run inside the step of the operator before them, on each tile just written.
 *
 * The graph stays as it is, so other backends see every node: a lowering whose tile function can go over its result
 * again asks eb_cpu_chain_of() which of the nodes behind it may come along, emits its step, and binds the chain to
 * the step with eb_cpu_chain_bind(). Its tile function calls eb_cpu_post_run() on what it has written, in pieces of
 * about eb_cpu_post_rows() rows so that they are still in cache. Kernels need not know.
 * A node joins when it is the only reader of the value so far and is
 *   an f32 function of one value (eb_cpu_unary_of), or
 *   an f32 function of two whose other operand is there already and has the same shape, one value per channel (the
 *   last dim), or one value. */
#ifndef EB_CPU_EPILOGUE_H
#define EB_CPU_EPILOGUE_H

#include "cpu.h"

enum { EB_CPU_MAX_POST = 4 };

typedef enum eb_cpu_other { EB_CPU_OTHER_FULL, EB_CPU_OTHER_CHANNEL, EB_CPU_OTHER_SCALAR } eb_cpu_other;

/** One operator of a chain at run time: unary or binary is set. */
typedef struct eb_cpu_post_op {
  eb_cpu_unary_fn unary;
  eb_cpu_binary_fn binary;
  const float *other; /* second operand of binary */
  eb_cpu_other kind;
  bool other_first; /* other op y instead of y op other */
  float p0, p1;     /* parameters of unary, clamp of binary */
} eb_cpu_post_op;

/** Part of a step's argument block. */
typedef struct eb_cpu_post {
  uint32_t num;
  eb_cpu_post_op op[EB_CPU_MAX_POST];
} eb_cpu_post;

/** While planning. */
typedef struct eb_cpu_chain {
  uint32_t y; /* the value that receives the result of the last operator */
  eb_cpu_post post;
  uint32_t other[EB_CPU_MAX_POST]; /* values of the second operands */
  uint32_t nodes[EB_CPU_MAX_POST], num_nodes;
} eb_cpu_chain;

/** The longest chain behind the f32 value y; `first` (or NULL) comes before it. Commits nothing. */
void eb_cpu_chain_of(const eb_cpu_plan *plan, uint32_t y, const eb_cpu_unary *first, eb_cpu_chain *out);
/** After the step was emitted: post must lie in its argument block or in kept memory. [commits] */
void eb_cpu_chain_bind(eb_cpu_plan *plan, const eb_cpu_chain *chain, eb_cpu_post *post);
/** Rows of `ld` floats after which a tile function should run the chain; a multiple of unit; m when there is none. */
size_t eb_cpu_post_rows(const eb_cpu_chain *chain, size_t m, size_t unit, size_t ld);
/** Run it over rows [r0, r1) and columns [c0, c1) of y, whose rows are ld floats apart. */
void eb_cpu_post_run(const eb_cpu_post *post, float *y, size_t ld, size_t r0, size_t r1, size_t c0, size_t c1);

#endif
