/* SPDX-License-Identifier: Apache-2.0
 * 8-bit MatMul of two run-time matrices, batched: one step packs B and folds zero points into its sums, one multiplies.
 *
 * The kernels want B less its zero point in a signed byte. Where the zero point is not in the middle of its type that
 * difference v has nine bits: it is split into v >> 1 and the rest, which follow each other in depth, and a step before
 * lays each row of A out twice. */
#include "quant.h"

#include <string.h>

typedef struct twice_arg {
  const uint8_t *x;
  uint8_t *y;
  size_t rows, k, per_tile;
} twice_arg;

static edge_status twice_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const twice_arg *const a = arg;
  const size_t end = (tile + 1) * a->per_tile;
  for (size_t r = tile * a->per_tile; r < end && r < a->rows; ++r) {
    memcpy(a->y + 2 * r * a->k, a->x + r * a->k, a->k);
    memcpy(a->y + (2 * r + 1) * a->k, a->x + r * a->k, a->k);
  }
  return EDGE_STATUS_OK;
}

typedef struct pack_arg {
  const ek_qgemm_desc *row;
  const uint8_t *b;
  int8_t *packed, *line; /* line: for each worker, a matrix as [n][depth] */
  int32_t *bias, *sums;  /* of each matrix; of each worker */
  const int32_t *constant;
  size_t n, k, depth, packed_bytes, bias_step;
  int32_t b_zero, a_zero; /* of b; of a in the domain of the kernel */
  bool b_signed, trans;
} pack_arg;

/* [n][k] of the values less their zero point, in one byte or as two halves */
static void spread(const pack_arg *p, const uint8_t *b, int8_t *to) {
  const int32_t base = p->b_signed ? -128 : 0, flip = p->b_signed ? 0x80 : 0;
  for (size_t j = 0; j < p->n; ++j, to += p->depth) {
    const uint8_t *const from = p->trans ? b + j * p->k : b + j;
    const size_t step = p->trans ? 1 : p->n;
    for (size_t i = 0; i < p->k; ++i) {
      const int32_t v = (from[i * step] ^ flip) + base - p->b_zero;
      const int32_t high = p->depth == p->k ? v : (v + 256) / 2 - 128; /* rounded down */
      to[i] = (int8_t)high;
      if (p->depth != p->k) to[p->k + i] = (int8_t)(v - high);
    }
  }
}

static edge_status pack_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const pack_arg *const p = arg;
  int8_t *const line = p->line + worker * p->n * p->depth;
  int32_t *const sums = p->sums + worker * p->n, *const bias = p->bias + tile * p->bias_step;
  const ek_qweights w = { .data = line, .bits = 8, .is_signed = 1, .channel_stride = p->depth, .depth_stride = 1 };
  spread(p, p->b + tile * p->n * p->k, line);
  ek_qgemm_pack(p->row, &w, p->n, 1, p->depth, p->packed + tile * p->packed_bytes, sums);
  memset(bias + p->n, 0, (p->bias_step - p->n) * sizeof *bias);
  for (size_t j = 0; j < p->n; ++j)
    bias[j] = (int32_t)((uint32_t)p->constant[j] - (uint32_t)p->a_zero * (uint32_t)sums[j]);
  return EDGE_STATUS_OK;
}

typedef struct batch_arg {
  ek_qconv_args a; /* of the first batch */
  eb_cpu_grid grid;
  uint32_t panel_columns;
  size_t packed_bytes, bias_step;
  const uint32_t *a_index, *b_index; /* matrix of each batch */
} batch_arg;

static edge_status batch_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const batch_arg *const g = arg;
  const size_t per_batch = g->grid.m_tiles * g->grid.p_tiles, batch = tile / per_batch;
  const eb_cpu_grid_tile t = eb_cpu_grid_at(&g->grid, tile % per_batch);
  const size_t n0 = t.panels.begin * g->panel_columns, n1 = t.panels.end * g->panel_columns;
  ek_qconv_args one = g->a;
  one.x += (size_t)g->a_index[batch] * one.iw * one.ic;
  one.w += g->b_index[batch] * g->packed_bytes;
  one.bias += g->b_index[batch] * g->bias_step;
  one.y = (uint8_t *)one.y + batch * one.iw * one.oc;
  ek_qconv_run(&one, (uint32_t)t.rows.begin, (uint32_t)t.rows.end, (uint32_t)n0, n1 < one.oc ? (uint32_t)n1 : one.oc);
  return EDGE_STATUS_OK;
}

/* How many bytes a value of b less its zero point takes; 0: two are not enough. */
static size_t parts_of(const eb_cpu_q *b) {
  const int32_t most = (b->is_signed ? 127 : 255) - b->zero;
  return most == 127 ? 1 : most < 255 ? 2 : 0;
}

/* a as the kernel reads it: where it lies, or laid out twice */
static edge_status rows_of_a(eb_cpu_plan *plan, uint32_t node, const eb_cpu_batch *s, size_t parts, eb_cpu_ref *out) {
  const uint32_t va = eb_cpu_input(plan, node, 0);
  *out = eb_cpu_value(plan, va);
  if (parts == 1) return EDGE_STATUS_OK;
  const uint64_t bytes = 2 * eb_cpu_elements(eb_cpu_tensor(plan, va)), rows = bytes / (2 * s->k);
  const uint32_t tiles = eb_cpu_tiles(plan, (double)bytes / 10e3, rows);
  twice_arg *const t = eb_cpu_step(plan, node, twice_tile, sizeof *t, tiles, (double)bytes / 10e3);
  if (t == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *t = (twice_arg) { .rows = (size_t)rows, .k = s->k, .per_tile = (size_t)((rows + tiles - 1) / tiles) };
  const eb_cpu_ref twice = eb_cpu_scratch(plan, bytes, 64);
  eb_cpu_slot(plan, &t->x, *out);
  eb_cpu_slot(plan, &t->y, twice);
  *out = twice;
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_qbatch_matmul(eb_cpu_plan *plan, uint32_t node) {
  enum { READABLE = 64 }; /* values behind the last bias */
  const uint32_t va = eb_cpu_input(plan, node, 0), vb = eb_cpu_input(plan, node, 1), vy = eb_cpu_output(plan, node, 0);
  const edge_tensor *const b = eb_cpu_tensor(plan, vb), *const bias = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 2));
  eb_cpu_batch s;
  eb_cpu_q qb;
  eb_cpu_q_affine q;
  ek_qconv_args a;
  if (!eb_cpu_q8(b, &qb) || !eb_cpu_batch_of(plan, node, &s)) return EB_CPU_PASS;
  const size_t parts = parts_of(&qb);
  if (parts == 0 || !eb_cpu_q_rows(plan, s.m, s.n, parts * s.k, &a)) return EB_CPU_PASS;
  edge_status status = eb_cpu_q_affine_of(plan, node, eb_cpu_tensor(plan, va), b, bias, eb_cpu_tensor(plan, vy),
                                          (uint32_t)s.n, parts * s.k, &q);
  if (status != EDGE_STATUS_OK) return status;
  eb_cpu_ref from;
  status = rows_of_a(plan, node, &s, parts, &from);
  if (status != EDGE_STATUS_OK) return status;

  const uint64_t threads = eb_cpu_threads(plan), matrices = s.b_matrices;
  const double pack_us = (double)matrices * (double)(s.n * s.k * parts) / 1e3;
  pack_arg *const p = eb_cpu_step(plan, node, pack_tile, sizeof *p, (uint32_t)matrices, pack_us);
  if (p == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *p = (pack_arg) { .row = a.row,
                    .constant = q.bias,
                    .n = s.n,
                    .k = s.k,
                    .depth = parts * s.k,
                    .packed_bytes = (size_t)((ek_qgemm_packed_bytes(a.row, s.n, 1, parts * s.k) + 63) / 64 * 64),
                    .bias_step = (s.n + READABLE + 15) / 16 * 16,
                    .b_zero = qb.zero,
                    .a_zero = eb_cpu_q_domain(&q.x, a.row->signed_x, &a.flip),
                    .b_signed = qb.is_signed,
                    .trans = s.trans_b };
  const eb_cpu_ref packed = eb_cpu_scratch(plan, matrices * p->packed_bytes, 64);
  const eb_cpu_ref sums = eb_cpu_scratch(plan, matrices * p->bias_step * sizeof(int32_t), 64);
  eb_cpu_slot(plan, &p->b, eb_cpu_value(plan, vb));
  eb_cpu_slot(plan, &p->packed, packed);
  eb_cpu_slot(plan, &p->bias, sums);
  eb_cpu_slot(plan, &p->line, eb_cpu_scratch(plan, threads * s.n * p->depth, 64));
  eb_cpu_slot(plan, &p->sums, eb_cpu_scratch(plan, threads * s.n * sizeof(int32_t), 64));

  a.mult = q.mult;
  a.zero_point = q.y.zero;
  a.lo = q.lo;
  a.hi = q.hi;
  a.out = q.y.is_signed ? EK_Q_S8 : EK_Q_U8;
  const double us = eb_cpu_q_us(plan, (double)s.m * (double)s.n * (double)p->depth);
  batch_arg made = { .packed_bytes = p->packed_bytes, .bias_step = p->bias_step };
  made.grid = eb_cpu_q_grid(plan, &a, (uint32_t)s.m, us, &made.panel_columns);
  made.a = a;
  made.a_index = eb_cpu_batch_index(plan, node, &s);
  const uint32_t tiles = (uint32_t)(s.batches * made.grid.m_tiles * made.grid.p_tiles);
  batch_arg *const g = eb_cpu_step(plan, node, batch_tile, sizeof *g, tiles, us * (double)s.batches);
  if (g == NULL || made.a_index == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  made.b_index = made.a_index + s.batches;
  *g = made;
  eb_cpu_slot(plan, &g->a.x, from);
  eb_cpu_slot(plan, &g->a.w, packed);
  eb_cpu_slot(plan, &g->a.bias, sums);
  eb_cpu_slot(plan, &g->a.y, eb_cpu_value(plan, vy));
  eb_cpu_note(plan, node, a.row->name, "8-bit, exact; second matrix packed at run time");
  return EDGE_STATUS_OK;
}
