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

const ek_gemm_f32_kernel *eb_cpu_gemm_row_of(const eb_cpu_plan *plan, size_t depth, uint32_t w) {
  const ek_gemm_f32_kernel *const row = eb_cpu_gemm_row(plan, depth);
  const ek_gemm_f32_kernel *const half = eb_cpu_const_is_f16(plan, w) ? ek_gemm_f32_half_of(row) : NULL;
  return half ? half : row;
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
  eb_cpu_const w = { 0 }, bias = { 0 };
  edge_status status = EDGE_STATUS_OK;
  const bool half = u->kernel->half != 0; /* packed as stored */
  const char *from = eb_cpu_const_source(u->plan, u->w);
  if (!half) status = eb_cpu_const_open(u->plan, u->w, &w);
  if (!half) from = (const char *)w.data;
  if (status == EDGE_STATUS_OK) status = eb_cpu_const_open(u->plan, u->bias, &bias);
  for (size_t g = 0; g < u->groups && status == EDGE_STATUS_OK; ++g) {
    ek_gemm_f32_pack(u->kernel, from + g * u->k * u->n * (half ? 2 : 4), u->k_major ? u->n : 1, u->k_major ? 1 : u->k,
                     u->k, u->n, bias.data ? bias.data + g * u->n : NULL, (float *)data + g * floats);
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

enum { BLOCK_BYTES = 384 * 1024 /* of rows stay in L2 */, MOST_WORKERS = 16, MOST_TILES = 256 };

/* What a worker has done in a trial of a grid. */
typedef struct trial_worker {
  double us;
  size_t tile, end, last_panels; /* its share of the tiles; the panels that it used last */
  size_t rows_seen;              /* tiles of rows that it has read */
} trial_worker;

static double bytes_us(size_t bytes) {
  return (double)bytes / 20e3; /* from beyond L2 */
}

static double tile_us(const eb_cpu_grid *g, const eb_cpu_product_shape *s, double work_us, trial_worker *w,
                      size_t tile) {
  const eb_cpu_grid_tile t = eb_cpu_grid_at(g, tile);
  const size_t rows = t.rows.end - t.rows.begin, c0 = t.panels.begin * s->panel_columns;
  const size_t c1 = t.panels.end < g->panels ? t.panels.end * s->panel_columns : s->n, p = tile / g->m_tiles;
  double us = 0.1 + work_us * (double)rows * (double)(c1 - c0) / ((double)s->m * (double)s->n);
  if (p != w->last_panels) us += bytes_us((t.panels.end - t.panels.begin) * s->panel_bytes);
  if (w->rows_seen < g->m_tiles || s->m * s->row_bytes > BLOCK_BYTES) us += bytes_us(rows * s->row_bytes);
  w->rows_seen++;
  w->last_panels = p;
  return us;
}

/* us until the last worker is done, as the pool goes about it: each does its own share, then takes from the others'.
 * Rows and weights come from beyond L2 the first time. */
static double end_us(const eb_cpu_grid *g, const eb_cpu_product_shape *s, size_t threads, double work_us) {
  const size_t tiles = g->m_tiles * g->p_tiles, workers = threads < MOST_WORKERS ? threads : MOST_WORKERS;
  trial_worker worker[MOST_WORKERS];
  for (size_t i = 0; i < workers; ++i)
    worker[i] = (trial_worker) { 0.0, tiles * i / workers, tiles * (i + 1) / workers, SIZE_MAX, 0 };
  double end = 0.0;
  for (size_t left = tiles; left > 0; --left) {
    size_t first = 0, from;
    for (size_t i = 1; i < workers; ++i) first = worker[i].us < worker[first].us ? i : first;
    for (from = first; worker[from].tile == worker[from].end;) from = from + 1 < workers ? from + 1 : 0;
    worker[first].us += tile_us(g, s, work_us, &worker[first], worker[from].tile++);
    end = worker[first].us > end ? worker[first].us : end;
  }
  return end;
}

eb_cpu_grid eb_cpu_grid_of(const eb_cpu_plan *plan, const eb_cpu_product_shape *s, double work_us) {
  const size_t m = s->m, panels = s->n / s->panel_columns + (s->n % s->panel_columns != 0);
  eb_cpu_grid g = { .m = m, .row_unit = s->row_unit, .panels = panels, .m_tiles = 1, .p_tiles = 1 };
  if (m == 0 || panels == 0) {
    g.m_tiles = g.p_tiles = 0;
    return g;
  }
  const size_t units = (m + s->row_unit - 1) / s->row_unit, threads = eb_cpu_threads(plan);
  const size_t want = eb_cpu_tiles(plan, work_us, (uint64_t)units * panels);
  size_t blocks = panels > 1 ? m * s->row_bytes / BLOCK_BYTES + 1 : 1;
  if (blocks > units) blocks = units;
  if (want <= 1) {
    g.m_tiles = blocks;
    return g;
  }
  eb_cpu_grid best = g;
  double least = -1.0;
  for (size_t columns = 1; columns <= panels && columns <= 2 * want; ++columns) {
    for (size_t more = 0; more < threads && more < 8; ++more) {
      size_t rows = (want + columns - 1) / columns + more;
      if (columns < panels && rows < blocks) rows = blocks;
      if (rows > units) rows = units;
      g.m_tiles = rows;
      g.p_tiles = columns;
      if (rows * columns > MOST_TILES && least >= 0.0) continue; /* so many end together in any grid */
      const double end = end_us(&g, s, threads, work_us);
      if (least >= 0.0 && end >= least) continue;
      least = end;
      best = g;
    }
  }
  return best;
}
