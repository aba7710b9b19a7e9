/* SPDX-License-Identifier: Apache-2.0
 * f32 FullyConnected, and MatMul with constant weights: one product with packed weights. */
#include "product.h"

typedef struct product_arg {
  ek_gemm_f32_args gemm;
  eb_cpu_grid grid;
  size_t piece; /* rows between runs of the chain */
  eb_cpu_post post;
} product_arg;

static edge_status product_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const product_arg *const a = arg;
  const eb_cpu_grid_tile t = eb_cpu_grid_at(&a->grid, tile);
  const size_t m1 = t.rows.end, p0 = t.panels.begin, p1 = t.panels.end;
  const size_t width = (size_t)a->gemm.kernel->nv_max * a->gemm.kernel->lanes;
  const size_t c0 = p0 * width, c1 = p1 * width < a->gemm.n ? p1 * width : a->gemm.n;
  for (size_t m = t.rows.begin; m < m1; m += a->piece) {
    const size_t end = m1 - m < a->piece ? m1 : m + a->piece;
    ek_gemm_f32_block(&a->gemm, m, end, p0, p1);
    eb_cpu_post_run(&a->post, a->gemm.c, a->gemm.n, m, end, c0, c1);
  }
  return EDGE_STATUS_OK;
}

/* x [m, k] times packed w [k, n] */
static edge_status product(eb_cpu_plan *plan, uint32_t node, size_t m, size_t k, size_t n, bool k_major,
                           const eb_cpu_epilogue *end) {
  const uint32_t x = eb_cpu_input(plan, node, 0), w = eb_cpu_input(plan, node, 1), bias = eb_cpu_input(plan, node, 2);
  const ek_gemm_f32_kernel *const kernel = eb_cpu_gemm_row_of(plan, k, w);
  const double work_us =
      eb_cpu_cost_us(eb_cpu_host(plan), eb_cpu_partition(plan), eb_cpu_node(plan, node), eb_cpu_features(plan));
  const eb_cpu_product_shape shape = eb_cpu_gemm_shape(kernel, m, k, n);
  const eb_cpu_grid grid = eb_cpu_grid_of(plan, &shape, work_us);
  const void *packed = NULL;
  const edge_status status = eb_cpu_pack_f32(plan, kernel, w, bias, k, n, 1, k_major, &packed);
  if (status != EDGE_STATUS_OK) return status;
  product_arg *const a =
      eb_cpu_step(plan, node, product_tile, sizeof *a, (uint32_t)(grid.m_tiles * grid.p_tiles), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  a->grid = grid;
  a->piece = eb_cpu_post_rows(&end->chain, eb_cpu_grid_rows(&grid), 24, n);
  a->gemm = (ek_gemm_f32_args) { .kernel = kernel,
                                 .m = m,
                                 .n = n,
                                 .k = k,
                                 .lda = k,
                                 .packed = packed,
                                 .ldc = n,
                                 .ldr = n,
                                 .lo = end->lo,
                                 .hi = end->hi };
  eb_cpu_slot(plan, &a->gemm.a, eb_cpu_value(plan, x));
  eb_cpu_slot(plan, &a->gemm.c, eb_cpu_value(plan, end->y));
  if (end->residual != EDGE_NO_VALUE) eb_cpu_slot(plan, &a->gemm.residual, eb_cpu_value(plan, end->residual));
  eb_cpu_chain_bind(plan, &end->chain, &a->post);
  eb_cpu_note(plan, node, kernel->name, eb_cpu_gemm_reason(kernel, "packed weights"));
  return eb_cpu_epilogue_finish(plan, node, end);
}

static bool weights_fit(const eb_cpu_plan *plan, uint32_t node) {
  const uint32_t w = eb_cpu_input(plan, node, 1), bias = eb_cpu_input(plan, node, 2);
  return !eb_cpu_is_dynamic(plan, node) && eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0))->dtype == EDGE_DTYPE_F32 &&
         eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0))->dtype == EDGE_DTYPE_F32 && eb_cpu_is_f32_weight(plan, w) &&
         eb_cpu_tensor(plan, w)->rank == 2 &&
         (bias == EDGE_NO_VALUE || (eb_cpu_is_const(plan, bias) && eb_cpu_tensor(plan, bias)->dtype == EDGE_DTYPE_F32));
}

edge_status eb_cpu_lower_fc_f32(eb_cpu_plan *plan, uint32_t node) {
  eb_cpu_epilogue end;
  if (!weights_fit(plan, node) || !eb_cpu_epilogue_of(plan, node, &end)) return EB_CPU_PASS;
  const edge_tensor *const w = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const size_t n = (size_t)w->dims[0], k = (size_t)w->dims[1];
  const uint64_t elements = eb_cpu_elements(eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0)));
  if (n == 0 || k == 0 || elements % k != 0) return EB_CPU_PASS;
  eb_cpu_epilogue_chain(plan, &end);
  return product(plan, node, (size_t)(elements / k), k, n, false, &end);
}

edge_status eb_cpu_lower_matmul_f32(eb_cpu_plan *plan, uint32_t node) {
  const edge_tensor *const a = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0));
  const edge_tensor *const w = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const uint32_t bias = eb_cpu_input(plan, node, 2);
  eb_cpu_epilogue end;
  if (!weights_fit(plan, node) || a->rank < 1 || eb_cpu_int(plan, node, "trans_a") != 0 ||
      !eb_cpu_epilogue_of(plan, node, &end)) {
    return EB_CPU_PASS;
  }
  const bool trans_b = eb_cpu_int(plan, node, "trans_b") != 0;
  const size_t n = (size_t)w->dims[trans_b ? 0 : 1], k = (size_t)w->dims[trans_b ? 1 : 0];
  const uint64_t elements = eb_cpu_elements(a);
  if (n == 0 || k == 0 || (uint64_t)a->dims[a->rank - 1] != k ||
      (bias != EDGE_NO_VALUE && eb_cpu_elements(eb_cpu_tensor(plan, bias)) != n)) {
    return EB_CPU_PASS;
  }
  eb_cpu_epilogue_chain(plan, &end);
  return product(plan, node, (size_t)(elements / k), k, n, !trans_b, &end);
}
