/* SPDX-License-Identifier: Apache-2.0
 * What Conv, FullyConnected and MatMul share: packed weights, epilogues taken from later nodes, tiles. */
#ifndef EB_CPU_PRODUCT_H
#define EB_CPU_PRODUCT_H

#include "epilogue.h"
#include "kernels/conv/conv.h"
#include "kernels/dwconv/dwconv.h"

/** What happens to the sums: clamp, residual, and the value that finally receives them. */
typedef struct eb_cpu_epilogue {
  uint32_t y;        /* value that the step writes */
  uint32_t residual; /* value or EDGE_NO_VALUE */
  float lo, hi;
  uint32_t taken[2]; /* nodes that went into it */
  uint32_t num_taken;
  eb_cpu_unary post;  /* fn not NULL: an activation that runs over the result afterwards */
  eb_cpu_chain chain; /* what eb_cpu_epilogue_chain() added */
} eb_cpu_epilogue;

/** Activation of the node, and an Add behind it when it is the only reader; false: an activation without kernel. */
bool eb_cpu_epilogue_of(const eb_cpu_plan *plan, uint32_t node, eb_cpu_epilogue *out);
/** Let post and all elementwise nodes behind it run in the step's tiles; the lowering then calls eb_cpu_chain_bind().
 */
void eb_cpu_epilogue_chain(const eb_cpu_plan *plan, eb_cpu_epilogue *epilogue);
/** After the step was emitted: emit what must follow it, tell the plan about the nodes taken. [commits] */
edge_status eb_cpu_epilogue_finish(eb_cpu_plan *plan, uint32_t node, const eb_cpu_epilogue *epilogue);

/** The row for products with packed weights whose depth per tap is `depth`: one with bf16 products where the session
 *  allows fast-math and the CPU has it. */
const ek_gemm_f32_kernel *eb_cpu_gemm_row(const eb_cpu_plan *plan, size_t depth);
/** The same for constant weights w, which stay f16 where they are. */
const ek_gemm_f32_kernel *eb_cpu_gemm_row_of(const eb_cpu_plan *plan, size_t depth, uint32_t w);
/** `reason` for eb_cpu_note(), or what says that fast-math is at work. */
const char *eb_cpu_gemm_reason(const ek_gemm_f32_kernel *kernel, const char *reason);

/** Weights [groups][n][k] (or [k][n] when `k_major`) packed for the kernel; bias may be EDGE_NO_VALUE. [commits] */
edge_status eb_cpu_pack_f32(eb_cpu_plan *plan, const ek_gemm_f32_kernel *kernel, uint32_t w, uint32_t bias, size_t k,
                            size_t n, size_t groups, bool k_major, const void **out);

/** The geometry and kernel of an f32 Conv with constant weights; false: it is none. Clamp and addresses stay open. */
bool eb_cpu_conv_f32_of(const eb_cpu_plan *plan, uint32_t node, ek_conv_f32_args *out);
/** Its packed weights. [commits] */
edge_status eb_cpu_conv_f32_bind(eb_cpu_plan *plan, uint32_t node, ek_conv_f32_args *conv);
/** The same for a depthwise Conv, one filter per channel; activation: clamp in out, or post. */
bool eb_cpu_dwconv_f32_of(const eb_cpu_plan *plan, uint32_t node, ek_dwconv_f32_args *out,
                          const ek_dwconv_f32_kernel **kernel, eb_cpu_unary *post);
edge_status eb_cpu_dwconv_f32_bind(eb_cpu_plan *plan, uint32_t node, const ek_dwconv_f32_kernel *kernel,
                                   ek_dwconv_f32_args *conv);

/** Tiles over rows and panels. */
typedef struct eb_cpu_grid {
  size_t m, row_unit, panels, m_tiles, p_tiles;
} eb_cpu_grid;
typedef struct eb_cpu_grid_tile {
  eb_cpu_range rows, panels;
} eb_cpu_grid_tile;
static inline eb_cpu_grid_tile eb_cpu_grid_at(const eb_cpu_grid *g, size_t tile) {
  return (eb_cpu_grid_tile) { eb_cpu_part(g->m, g->row_unit, g->m_tiles, tile % g->m_tiles),
                              eb_cpu_part(g->panels, 1, g->p_tiles, tile / g->m_tiles) };
}
/** Rows of the largest tile. */
static inline size_t eb_cpu_grid_rows(const eb_cpu_grid *g) {
  const size_t units = (g->m + g->row_unit - 1) / g->row_unit;
  return g->m_tiles > 1 ? (units + g->m_tiles - 1) / g->m_tiles * g->row_unit : g->m;
}
/** Packed bytes of a panel of k rows. */
static inline size_t eb_cpu_panel_bytes(const ek_gemm_f32_kernel *kernel, size_t k) {
  return ek_gemm_f32_packed_floats(kernel, k, (size_t)kernel->nv_max * kernel->lanes) * sizeof(float);
}
/** What decides how a product is cut. */
typedef struct eb_cpu_product_shape {
  size_t m, row_unit, row_bytes; /* rows, split at multiples of row_unit; input bytes of a row, to keep a block in L2 */
  size_t n, panel_columns;       /* columns that are computed, those of a panel */
  size_t panel_bytes;            /* weights of a panel */
} eb_cpu_product_shape;
/** Of m rows of k floats with n columns of weights. */
static inline eb_cpu_product_shape eb_cpu_gemm_shape(const ek_gemm_f32_kernel *kernel, size_t m, size_t k, size_t n) {
  const size_t lanes = kernel->lanes;
  return (eb_cpu_product_shape) {
    m, 12, k * sizeof(float), (n + lanes - 1) / lanes * lanes, kernel->nv_max * lanes, eb_cpu_panel_bytes(kernel, k)
  };
}
/** Rows or panels are split, whichever makes less come from far away and lets the threads end together. */
eb_cpu_grid eb_cpu_grid_of(const eb_cpu_plan *plan, const eb_cpu_product_shape *shape, double work_us);

/** MatMul of two matrices that may both be known in the run only, by its shapes. (lower_batch_matmul.c) */
typedef struct eb_cpu_batch {
  size_t m, n, k, batches, b_matrices;
  int64_t dims[EDGE_MAX_RANK]; /* batch dims of y */
  int32_t rank;
  bool trans_b;
} eb_cpu_batch;
/** False: a is transposed, or the shapes have no such form. */
bool eb_cpu_batch_of(const eb_cpu_plan *plan, uint32_t node, eb_cpu_batch *out);
/** The matrices of a and b, `batches` each, that a batch multiplies; NULL: no memory. [commits] */
const uint32_t *eb_cpu_batch_index(eb_cpu_plan *plan, uint32_t node, const eb_cpu_batch *batch);

#endif
