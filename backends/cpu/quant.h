/* SPDX-License-Identifier: Apache-2.0
 * What the lowerings of 8-bit operators share: parameters of tensors, weights, biases and multipliers. */
#ifndef EB_CPU_QUANT_H
#define EB_CPU_QUANT_H

#include "product.h"
#include "kernels/qconv/qconv.h"

typedef struct eb_cpu_q {
  float scale;
  int32_t zero;
  bool is_signed;
} eb_cpu_q;

/** A tensor of s8 or u8 with one scale and a zero point that its type holds. */
bool eb_cpu_q8(const edge_tensor *t, eb_cpu_q *out);
/** Stored range of y narrowed by the node's fused activation; false when it is not a clamp. */
bool eb_cpu_q_clamp(const eb_cpu_plan *plan, uint32_t node, const eb_cpu_q *y, int32_t *lo, int32_t *hi);

/** Constant weights with `n` channels along `axis`; false when a value less its zero point does not fit s8. */
bool eb_cpu_q_weights(const edge_tensor *w, int32_t axis, ek_qweights *out);

/** The affine part of a product: y = clamp(zero + rint((sum + bias[c]) * mult[c])). */
typedef struct eb_cpu_q_affine {
  eb_cpu_q x, y;
  int32_t lo, hi;
  uint32_t n;    /* channels */
  int32_t *bias; /* [n + 128], without zero points */
  float *mult;
} eb_cpu_q_affine;
/** Fill *out for x * w (+ bias) -> y; the arrays are from the plan. depth: products in a sum. PASS when a sum or its
 *  scaled value might leave 32 bits, when the activation does not clamp, or when a type does not fit. */
edge_status eb_cpu_q_affine_of(eb_cpu_plan *plan, uint32_t node, const edge_tensor *x, const edge_tensor *w,
                               const edge_tensor *bias, const edge_tensor *y, uint32_t n, uint64_t depth,
                               eb_cpu_q_affine *out);
/** Zero point of the input in the domain a kernel row works in, and the flip that takes it there. */
int32_t eb_cpu_q_domain(const eb_cpu_q *x, bool signed_x, uint32_t *flip);
/** The geometry of a Conv, and of m rows of k values times n channels, for the integer driver with the CPU's best row;
 *  false: it does not fit. (lower_qconv.c) */
bool eb_cpu_q_geometry(const eb_cpu_plan *plan, uint32_t node, ek_qconv_args *out, uint32_t *images);
bool eb_cpu_q_rows(const eb_cpu_plan *plan, uint64_t m, uint64_t n, uint64_t k, ek_qconv_args *out);
/** Packed 8-bit weights begin with the sum of each of n channels, padded to 64 bytes: how many bytes those are, and
 * where the weights begin, once the padding is cleared (files get every byte). */
uint64_t eb_cpu_q_sums_bytes(uint64_t n);
void *eb_cpu_q_after_sums(void *packed, uint64_t n);
/** Weights packed for a matrix kernel row, a block for each group, and the sum of each channel. `layout` tells apart
 *  what is packed from the same bytes in another way. Pointers are NULL while only sizes are planned. [commits] */
typedef struct eb_cpu_q_packed {
  const int32_t *sums;
  const int8_t *w;
  size_t group_bytes;
} eb_cpu_q_packed;
edge_status eb_cpu_q_pack(eb_cpu_plan *plan, const ek_qgemm_desc *row, const ek_qweights *w, size_t n, size_t taps,
                          size_t depth, size_t group, uint64_t layout, eb_cpu_q_packed *out);
/** How a product of m rows is cut into tiles of rows and of panels of *columns columns. (lower_qconv.c) */
eb_cpu_grid eb_cpu_q_grid(const eb_cpu_plan *plan, const ek_qconv_args *a, uint32_t m, double us, uint32_t *columns);
/** Estimate of integer product work in us. */
double eb_cpu_q_us(const eb_cpu_plan *plan, double macs);

#endif
