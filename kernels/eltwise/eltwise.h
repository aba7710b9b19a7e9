/* SPDX-License-Identifier: Apache-2.0
 * f32 elementwise operators, one and two operands.
 *
 * Binary: exact (one rounding; PRelu and SqDiff two). Either operand may be one value for all elements (step 0).
 * y may be a or b. Unary: see vec/math.h for exp, log, tanh, sigmoid, erf; compositions (gelu, swish, softplus) stay
 * within 1e-6 * max(1, |y|) of the exact value; the rest is exact to 1 ULP. y may be x. */
#ifndef EK_ELTWISE_H
#define EK_ELTWISE_H

#include "../ek.h"

typedef enum ek_binary_f32_op {
  EK_BINARY_ADD,
  EK_BINARY_SUB,
  EK_BINARY_MUL,
  EK_BINARY_DIV,
  EK_BINARY_MIN,
  EK_BINARY_MAX, /* NaN in either operand gives NaN */
  EK_BINARY_SQDIFF,
  EK_BINARY_PRELU, /* PRELU: a < 0 ? a * b : a */
  EK_BINARY_COUNT
} ek_binary_f32_op;

typedef enum ek_unary_f32_op {
  EK_UNARY_CLAMP,    /* p0 .. p1; NaN stays */
  EK_UNARY_LEAKY,    /* p0: slope below zero */
  EK_UNARY_ELU,      /* p0: alpha, p1: scale of everything */
  EK_UNARY_HSIGMOID, /* clip(p0 * x + p1, 0, 1) */
  EK_UNARY_HSWISH,
  EK_UNARY_SIGMOID,
  EK_UNARY_TANH,
  EK_UNARY_SWISH, /* x * sigmoid(p0 * x) */
  EK_UNARY_GELU,
  EK_UNARY_GELU_TANH,
  EK_UNARY_ERF,
  EK_UNARY_EXP,
  EK_UNARY_LOG,
  EK_UNARY_SQRT,
  EK_UNARY_RSQRT,
  EK_UNARY_RECIPROCAL,
  EK_UNARY_NEG,
  EK_UNARY_ABS,
  EK_UNARY_SQUARE,
  EK_UNARY_FLOOR,
  EK_UNARY_CEIL,
  EK_UNARY_ROUND,
  EK_UNARY_SOFTPLUS,
  EK_UNARY_AFFINE, /* p0 * x + p1, two roundings */
  EK_UNARY_COUNT
} ek_unary_f32_op;

/** y[i] = clamp(a[i * a_step] op b[i * b_step], lo, hi); steps are 0 or 1. */
typedef void (*ek_binary_f32_fn)(size_t n, const float *a, size_t a_step, const float *b, size_t b_step, float *y,
                                 float lo, float hi);
typedef void (*ek_unary_f32_fn)(size_t n, const float *x, float *y, float p0, float p1);

typedef struct ek_eltwise_f32_kernel {
  const char *name;
  uint64_t isa;
  uint32_t lanes;
  uint32_t flags;
  ek_binary_f32_fn binary[EK_BINARY_COUNT];
  ek_unary_f32_fn unary[EK_UNARY_COUNT];
} ek_eltwise_f32_kernel;

#define EK_ELTWISE_F32(isa, kernel) extern const ek_eltwise_f32_kernel kernel;
#include "eltwise.def"
#undef EK_ELTWISE_F32

const ek_eltwise_f32_kernel *ek_eltwise_f32_select(uint64_t have, uint32_t need);
const ek_eltwise_f32_kernel *ek_eltwise_f32_at(uint32_t i); /* NULL beyond the last row */

#endif
