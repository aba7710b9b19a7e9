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
  bool raw; /* the sum itself is the result, modulo 2^32: no bias, no activation */
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

static inline double ei_ref_dot_run(const ei_ref_dot *r, uint64_t x_at, uint64_t w_at, uint64_t n, uint64_t channel) {
  return r->dot(r->x + x_at * r->x_size, r->w + w_at * r->w_size, n, r->zx, r->zw[channel]);
}

#endif
