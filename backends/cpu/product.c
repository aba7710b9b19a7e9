/* SPDX-License-Identifier: Apache-2.0
 * What Conv, FullyConnected and MatMul share. */
#include "product.h"

static bool same_shape(const edge_tensor *a, const edge_tensor *b) {
  if (a->rank != b->rank || a->dtype != b->dtype) return false;
  for (int32_t i = 0; i < a->rank; ++i) {
    if (a->dims[i] != b->dims[i]) return false;
  }
  return true;
}

bool eb_cpu_epilogue_of(const eb_cpu_plan *plan, uint32_t node, eb_cpu_epilogue *out) {
  *out = (eb_cpu_epilogue) { .y = eb_cpu_output(plan, node, 0), .residual = EDGE_NO_VALUE };
  if (!eb_cpu_clamp(plan, node, &out->lo, &out->hi)) return eb_cpu_unary_of_act(plan, node, &out->post);
  if (eb_cpu_int(plan, node, "act") != 0) return true;
  const uint32_t next = eb_cpu_only_consumer(plan, out->y);
  if (next == EDGE_NO_VALUE || !eb_cpu_is_op(plan, next, "Add")) return true;
  const uint32_t left = eb_cpu_input(plan, next, 0), right = eb_cpu_input(plan, next, 1);
  const uint32_t other = left == out->y ? right : left, sum = eb_cpu_output(plan, next, 0);
  const edge_tensor *const ty = eb_cpu_tensor(plan, out->y);
  float lo, hi;
  if (eb_cpu_available(plan, other) && same_shape(ty, eb_cpu_tensor(plan, other)) &&
      same_shape(ty, eb_cpu_tensor(plan, sum)) && eb_cpu_clamp(plan, next, &lo, &hi)) {
    out->y = sum;
    out->residual = other;
    out->lo = lo;
    out->hi = hi;
    out->taken[out->num_taken++] = next;
  }
  return true;
}

void eb_cpu_epilogue_chain(const eb_cpu_plan *plan, eb_cpu_epilogue *epilogue) {
  eb_cpu_chain_of(plan, epilogue->y, &epilogue->post, &epilogue->chain);
  epilogue->y = epilogue->chain.y;
  epilogue->post.fn = NULL;
}

edge_status eb_cpu_epilogue_finish(eb_cpu_plan *plan, uint32_t node, const eb_cpu_epilogue *epilogue) {
  for (uint32_t i = 0; i < epilogue->num_taken; ++i) eb_cpu_take(plan, epilogue->taken[i]);
  return epilogue->post.fn ? eb_cpu_emit_unary(plan, node, &epilogue->post, epilogue->y, epilogue->y) : EDGE_STATUS_OK;
}

const ek_gemm_f32_kernel *eb_cpu_gemm_row(const eb_cpu_plan *plan, size_t depth) {
  const uint32_t flags = eb_cpu_session_flags(plan);
  const bool exact = (flags & EDGE_SESSION_REPRODUCIBLE) != 0, fast = (flags & EDGE_SESSION_FAST_MATH) != 0;
  const ek_gemm_f32_kernel *row = NULL;
  if (fast && !exact && depth % 2 == 0) row = ek_gemm_f32_select(eb_cpu_features(plan), EK_FAST);
  return row ? row : ek_gemm_f32_select(eb_cpu_features(plan), exact ? EK_EXACT : 0);
}

const char *eb_cpu_gemm_reason(const ek_gemm_f32_kernel *kernel, const char *reason) {
  return kernel->flags & EK_FAST ? "fast-math: factors rounded to bf16, sums in f32" : reason;
}

typedef struct pack_user {
  const eb_cpu_plan *plan;
  const ek_gemm_f32_kernel *kernel;
  uint32_t w, bias;
  size_t k, n, groups;
  bool k_major;
} pack_user;

static edge_status fill(void *user, void *data, uint64_t bytes) {
  (void)bytes;
  const pack_user *const u = user;
  const size_t floats = (size_t)(ek_gemm_f32_packed_bytes(u->kernel, u->k, u->n) / sizeof(float));
  eb_cpu_const w, bias = { 0 };
  edge_status status = eb_cpu_const_open(u->plan, u->w, &w);
  if (status == EDGE_STATUS_OK) status = eb_cpu_const_open(u->plan, u->bias, &bias);
  for (size_t g = 0; g < u->groups && status == EDGE_STATUS_OK; ++g) {
    ek_gemm_f32_pack(u->kernel, w.data + g * u->k * u->n, u->k_major ? u->n : 1, u->k_major ? 1 : u->k, u->k, u->n,
                     bias.data ? bias.data + g * u->n : NULL, (float *)data + g * floats);
  }
  eb_cpu_const_close(&w);
  eb_cpu_const_close(&bias);
  return status;
}

edge_status eb_cpu_pack_f32(eb_cpu_plan *plan, const ek_gemm_f32_kernel *kernel, uint32_t w, uint32_t bias, size_t k,
                            size_t n, size_t groups, bool k_major, const void **out) {
  pack_user user = { plan, kernel, w, bias, k, n, groups, k_major };
  const edge_prepared_key key = {
    .source = eb_cpu_const_source(plan, w),
    .layout = kernel->name,
    .params = { k, n, groups * 2 + k_major, (uint64_t)(uintptr_t)eb_cpu_const_source(plan, bias) },
  };
  return eb_cpu_prepared(plan, &key, ek_gemm_f32_packed_bytes(kernel, k, n) * groups, fill, &user, out);
}

/* us until the last thread is done: tiles are claimed one by one, and read their rows and weights from beyond L2 */
static double end_us(const eb_cpu_grid *g, size_t threads, size_t row_bytes, size_t panel_bytes, double work_us) {
  const double far_bytes_us = 20e3;
  const size_t tiles = g->m_tiles * g->p_tiles, rounds = (tiles + threads - 1) / threads;
  const double whole = (double)g->m * (double)g->panels, tile = (double)g->m_tile * (double)g->p_tile;
  const double bytes = (double)g->m_tiles * (double)g->panels * (double)panel_bytes +
                       (double)g->p_tiles * (double)g->m * (double)row_bytes;
  return work_us * (double)rounds * tile / whole + bytes / far_bytes_us / (double)threads + 0.1 * (double)rounds;
}

static void split(eb_cpu_grid *g, size_t row_unit, size_t rows, size_t columns) {
  const size_t units = (g->m + row_unit - 1) / row_unit;
  g->m_tile = rows > 1 ? (units + rows - 1) / rows * row_unit : g->m;
  g->m_tiles = (g->m + g->m_tile - 1) / g->m_tile;
  g->p_tile = (g->panels + columns - 1) / columns;
  g->p_tiles = (g->panels + g->p_tile - 1) / g->p_tile;
}

eb_cpu_grid eb_cpu_grid_of(const eb_cpu_plan *plan, size_t m, size_t panels, size_t row_unit, size_t row_bytes,
                           size_t panel_bytes, double work_us) {
  enum { BLOCK_BYTES = 384 * 1024 };
  eb_cpu_grid g = { .m = m, .m_tile = m, .panels = panels, .p_tile = panels, .m_tiles = 1, .p_tiles = 1 };
  if (m == 0 || panels == 0) {
    g.m_tiles = g.p_tiles = 0;
    return g;
  }
  const size_t units = (m + row_unit - 1) / row_unit, threads = eb_cpu_threads(plan);
  const size_t want = eb_cpu_tiles(plan, work_us, (uint64_t)units * panels);
  size_t blocks = panels > 1 ? (m * row_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES : 1; /* that stay in L2 */
  if (blocks > units) blocks = units;
  if (want <= 1) {
    split(&g, row_unit, blocks, 1);
    return g;
  }
  eb_cpu_grid best = g;
  double least = -1.0;
  for (size_t columns = 1; columns <= panels && columns <= 2 * want; ++columns) {
    for (size_t more = 0; more < threads && more < 8; ++more) {
      size_t rows = (want + columns - 1) / columns + more;
      if (columns < panels && rows < blocks) rows = blocks;
      if (rows > units) rows = units;
      split(&g, row_unit, rows, columns);
      const double end = end_us(&g, threads, row_bytes, panel_bytes, work_us);
      if (least >= 0.0 && end >= least) continue;
      least = end;
      best = g;
    }
  }
  return best;
}
