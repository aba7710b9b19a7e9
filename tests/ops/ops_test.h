/* SPDX-License-Identifier: Apache-2.0
 * Operator cases: what a tests/ops/cases_<name>.c file holds.
 *
 * A case is data. Tensors are written as text, separated by ';' :
 *   f32[2,3]: 1 2 3 4 5 6            values in C order
 *   s8[2,2] q(0.5, 3): 1 2 3 4       per-tensor quantization: scale, zero point (stored values follow)
 *   s8[2,2] q(0.5 1, 0 0 @0): ...    per axis 0; '/32' after the axis: blocks of 32
 *   f32[2,2]                         no value: the case checks inference only (inputs), any value (outputs)
 *   f32[?,3]  f32[*]                 unknown dimension, unknown rank
 *   -                                absent optional input, output that nobody wants
 * Values may end in ramp(first, step), rnd(seed, lo, hi) or fill(v), which give all that are left.
 * Attributes are "key=value key=1,2,3 key='text'"; the operator's table says their kinds.
 *
 * Every good case is also inferred with unknown values, dims and ranks (the answer must agree with the full one), and
 * then with damaged shapes, types and attributes (any answer but a crash). */
#ifndef ET_OPS_TEST_H
#define ET_OPS_TEST_H

#include "src/ops/op.h"
#include <math.h>
#include <stdint.h>

typedef struct et_case {
  const char *name;
  const char *attrs; /* "" or NULL: none */
  const char *in;
  const char *out;    /* expected outputs; a declared type and quantization even when status is set */
  edge_status status; /* not OK: infer, or eval where infer cannot know, must answer this */
  double tol;         /* floats: |a - b| <= tol * max(1, |b|), default 1e-5 (f16 2e-3, bf16 2e-2); integers: steps */
  const char *after;  /* expected values of the inputs that the operator writes, in order */
  /** Oracle: fill the outputs of `want` (shapes, types and quantization are set) by another method. */
  void (*derive)(const ei_op_ctx *c, edge_tensor *want);
} et_case;

/** Ends a table of cases. */
#define ET_END \
  { NULL, NULL, NULL, NULL, 0, 0.0, NULL, NULL }

#define EI_OP(id, name) extern const et_case et_cases_##name[];
#include "src/ops/ops.def"
#undef EI_OP

#endif
