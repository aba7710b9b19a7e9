/* SPDX-License-Identifier: Apache-2.0
 * What the references of convolutions and matrix products share: operands made uniform, exact dot products,
 * bias, requantization and activation.
 *
 * Floats: products and sums in f64, one rounding at the end. Quantized: integer sums are exact (they are
 * below 2^53), then ei_requantize(); with an activation that does not clamp, the real value goes through
 * the activation and is rounded once. */
#ifndef EI_REF_DOT_H
#define EI_REF_DOT_H

#include "activation.h"

typedef double (*ei_dot_fn)(const void *x, const void *w, uint64_t n, int32_t zx, int32_t zw);

/** Parameters of x found at run time, zero point of bytes from 0 to 255. */
typedef struct ei_ref_unit {
  float scale;
  int32_t zero;
} ei_ref_unit;

typedef struct ei_ref_dot {
  const char *x, *w; /* operands, of x_size and w_size bytes an element */
  uint32_t x_size, w_size;
  ei_dot_fn dot;
  int32_t zx;
  const int32_t *zw;       /* per channel */
  const double *bias;      /* per channel, in units of the sum */
  const float *multiplier; /* per channel, quantized only */
  edge_tensor *y;
  ei_act act;
  bool quantized, clamps;
  const ei_ref_unit *units; /* NULL: x is not quantized at run time */
  uint64_t n_units;
  float scale; /* of x, at run time */
  bool raw;    /* the sum itself is the result, modulo 2^32: no bias, no activation */
  float sy;
  int32_t zy, lo, hi;
} ei_ref_dot;

/** Which types go together; quantization of w per tensor or along `w_axis`. */
edge_status ei_ref_dot_check(ei_op_ctx *c, const edge_tensor *x, const edge_tensor *w, const edge_tensor *bias,
                             int32_t w_axis);
uint64_t ei_ref_dot_scratch(const edge_tensor *x, const edge_tensor *w, uint64_t channels);
/** scratch: ei_ref_dot_scratch() bytes, aligned. bias NULL: none. */
void ei_ref_dot_init(ei_ref_dot *r, const ei_act *act, const edge_tensor *x, const edge_tensor *w,
                     const edge_tensor *bias, uint64_t channels, edge_tensor *y, void *scratch);
/** Bytes of one element of x and w as the dot product reads them. */
void ei_ref_dot_sizes(const edge_tensor *x, const edge_tensor *w, uint32_t *x_size, uint32_t *w_size);
/** The dot product of two 8-bit types. */
ei_dot_fn ei_ref_dot_bytes(int32_t x_dtype, int32_t w_dtype);
/** Finish one sum and store it. */
void ei_ref_dot_store(const ei_ref_dot *r, uint64_t index, uint64_t channel, double sum);

/* ---- f32 x quantized at run time (attribute `dynamic` in ops.def), a unit of it at a time: a row, or an image */

/** Row of an attribute table. */
#define EI_DYNAMIC_ATTR \
  { "dynamic", EI_ATTR_INT, 0 }
edge_status ei_ref_dynamic_check(ei_op_ctx *c);
/** The node asks for it, and x is f32, w is s8 with zero points 0 and scales per tensor or per first dimension. */
bool ei_ref_dynamic(const ei_op_ctx *c);
uint64_t ei_ref_dynamic_scratch(const edge_tensor *x, uint64_t channels, uint64_t units);
void ei_ref_dynamic_init(ei_ref_dot *r, ei_op_ctx *c, const ei_act *act, uint64_t channels, uint64_t units);
/** What ei_ref_dot_store() does then. */
void ei_ref_dynamic_store(const ei_ref_dot *r, uint64_t index, uint64_t channel, double sum);
/** The next sums are of output row `row` of `rows`, which divide evenly into the units. */
static inline void ei_ref_dynamic_row(ei_ref_dot *r, uint64_t row, uint64_t rows) {
  if (r->units == NULL) return;
  const ei_ref_unit *const u = &r->units[row / (rows / r->n_units)];
  r->zx = u->zero;
  r->scale = u->scale;
}

static inline double ei_ref_dot_run(const ei_ref_dot *r, uint64_t x_at, uint64_t w_at, uint64_t n, uint64_t channel) {
  return r->dot(r->x + x_at * r->x_size, r->w + w_at * r->w_size, n, r->zx, r->zw[channel]);
}

#endif
