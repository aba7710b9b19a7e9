/* SPDX-License-Identifier: Apache-2.0
 * Byte tables: every unary operator from 8 bits to 8 bits, requantization, and Concat with rescaling. The reference
 * evaluation of the operator fills the table when the shapes are planned. */
#include "qpost.h"

static bool is_8bit(const edge_tensor *t) {
  return (t->dtype == EDGE_DTYPE_S8 || t->dtype == EDGE_DTYPE_U8) && t->encoding == EDGE_ENCODING_NATIVE &&
         t->quant.count <= 1;
}

static void all_bytes(uint8_t *x) {
  for (int i = 0; i < 256; ++i) x[i] = (uint8_t)i;
}

typedef struct lut_arg {
  const uint8_t *x;
  uint8_t *y;
  ek_qlut_fn fn;
  uint64_t n, per_tile;
  uint8_t table[256];
} lut_arg;

static edge_status lut_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const lut_arg *const k = arg;
  (void)worker;
  const uint64_t from = tile * k->per_tile;
  if (from >= k->n) return EDGE_STATUS_OK;
  k->fn((size_t)(k->n - from < k->per_tile ? k->n - from : k->per_tile), k->x + from, k->table, k->y + from);
  return EDGE_STATUS_OK;
}

/* Inputs after the first are constants of one element (Clip's limits, a scale, what is added). */
static bool fill_table(eb_cpu_plan *plan, uint32_t node, const edge_tensor *x, const edge_tensor *y, uint8_t *table) {
  const edge_host_api *const host = eb_cpu_host(plan);
  const edge_node *const n = eb_cpu_node(plan, node);
  const uint32_t n_in = host->node_num_inputs(n);
  uint8_t bytes[256];
  edge_tensor in[4], out = *y;
  if (n_in < 1 || n_in > 4 || host->node_num_outputs(n) != 1) return false;
  if (host->ref_scratch_bytes(eb_cpu_partition(plan), n) != 0) return false;
  all_bytes(bytes);
  for (uint32_t i = 0; i < n_in; ++i) {
    in[i] = i == 0 ? *x : *eb_cpu_tensor(plan, eb_cpu_input(plan, node, i));
    if (i > 0 && in[i].dtype != EDGE_DTYPE_NONE && (in[i].data == NULL || eb_cpu_elements(&in[i]) != 1)) return false;
    if (i > 0 && in[i].rank > 1) in[i].rank = 1; /* of one element: all of its dimensions are 1 */
  }
  in[0].data = bytes;
  out.data = table;
  in[0].bytes = out.bytes = 256;
  in[0].rank = out.rank = 1;
  in[0].dims[0] = out.dims[0] = 256;
  return host->ref_eval(n, in, n_in, &out, 1, NULL, 0) == EDGE_STATUS_OK;
}

static bool is_unary(const eb_cpu_plan *plan, uint32_t node) {
  static const struct {
    const char *op;
    eb_cpu_lower_fn fn;
  } names[] = {
#define EB_CPU_OP(op, fn) { op, fn },
#include "cpu_ops_q.def"
#undef EB_CPU_OP
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (names[i].fn == eb_cpu_lower_qunary && eb_cpu_is_op(plan, node, names[i].op)) return true;
  }
  return false;
}

bool eb_cpu_q_table(eb_cpu_plan *plan, uint32_t node, uint8_t *table) {
  const uint32_t vx = eb_cpu_input(plan, node, 0);
  const edge_tensor *const x = eb_cpu_tensor(plan, vx), *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  if (!is_unary(plan, node) || !is_8bit(x) || !is_8bit(y) || eb_cpu_is_const(plan, vx)) return false;
  return eb_cpu_elements(y) != 0 && eb_cpu_elements(y) == eb_cpu_elements(x) && fill_table(plan, node, x, y, table);
}

edge_status eb_cpu_lower_qunary(eb_cpu_plan *plan, uint32_t node) {
  enum { MOST_LATER = 4 };
  const uint32_t vx = eb_cpu_input(plan, node, 0);
  uint32_t vy = eb_cpu_output(plan, node, 0);
  uint8_t table[256];
  if (!eb_cpu_q_table(plan, node, table)) return EB_CPU_PASS;
  eb_cpu_q_post post;
  eb_cpu_q_map_of(plan, vx, &post);
  const bool gates = post.num_taken == 2 && post.taken[0] == node; /* x * f(x) */
  if (gates) {
    vy = post.y;
    memcpy(table, post.table, sizeof table);
  }
  uint32_t later[MOST_LATER], num_later = 0;
  for (; num_later < MOST_LATER; ++num_later) { /* tables of tables */
    uint8_t next[256];
    const uint32_t reader = eb_cpu_only_consumer(plan, vy);
    if (reader == EDGE_NO_VALUE || !eb_cpu_q_table(plan, reader, next)) break;
    for (int i = 0; i < 256; ++i) table[i] = next[table[i]];
    vy = eb_cpu_output(plan, reader, 0);
    later[num_later] = reader;
  }
  const uint64_t n = eb_cpu_elements(eb_cpu_tensor(plan, vy));
  const ek_qlut_desc *const row = ek_qlut_select(eb_cpu_features(plan));
  const double us = 0.1 + (double)n / 20e3;
  const uint32_t tiles = eb_cpu_tiles(plan, us, (n + 4095) / 4096);
  lut_arg *const arg = eb_cpu_step(plan, node, lut_tile, sizeof *arg, tiles, us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  arg->fn = row->fn;
  arg->n = n;
  arg->per_tile = (n + tiles - 1) / tiles;
  memcpy(arg->table, table, sizeof table);
  eb_cpu_slot(plan, &arg->x, eb_cpu_value(plan, vx));
  eb_cpu_slot(plan, &arg->y, eb_cpu_value(plan, vy));
  eb_cpu_in_place(plan, vy, vx);
  eb_cpu_note(plan, node, row->name,
              gates ? "256-entry table of the reference, times its input" : "256-entry table of the reference");
  if (gates) eb_cpu_take(plan, post.taken[1]);
  for (uint32_t i = 0; i < num_later; ++i) eb_cpu_take(plan, later[i]);
  return EDGE_STATUS_OK;
}

/* ---- Concat: strips are copied or mapped */

typedef struct concat_input {
  const uint8_t *x;
  uint64_t bytes, offset; /* of a strip; its place in the output's strip */
  bool copy;
  uint8_t table[256];
} concat_input;

typedef struct concat_arg {
  uint8_t *y;
  concat_input *in;
  ek_qlut_fn fn;
  uint64_t outer, strip, per_tile;
  uint32_t n_in;
} concat_arg;

/* The same number of bytes for every row: a constant where it is a usual one. */
static inline void spread_rows(const uint8_t *from, size_t bytes, uint8_t *to, size_t strip, size_t rows) {
  for (size_t r = 0; r < rows; ++r, from += bytes, to += strip) memcpy(to, from, bytes);
}

static void spread(const uint8_t *from, size_t bytes, uint8_t *to, size_t strip, size_t rows) {
  switch (bytes) {
  case 8: spread_rows(from, 8, to, strip, rows); break;
  case 16: spread_rows(from, 16, to, strip, rows); break;
  case 32: spread_rows(from, 32, to, strip, rows); break;
  case 64: spread_rows(from, 64, to, strip, rows); break;
  case 128: spread_rows(from, 128, to, strip, rows); break;
  default: spread_rows(from, bytes, to, strip, rows); break;
  }
}

enum { SHORT = 512 /* strips to be mapped many at once */, BLOCK = 4096 };

/* Strips [from, end) of one input. Short ones lie beside each other in x: the table maps a block of them. */
static void concat_strips(const concat_arg *k, const concat_input *in, uint64_t from, uint64_t end) {
  const size_t bytes = (size_t)in->bytes, strip = (size_t)k->strip;
  const uint8_t *x = in->x + from * in->bytes;
  uint8_t *to = k->y + from * k->strip + in->offset, block[BLOCK];
  size_t rows = (size_t)(end - from);
  if (bytes == 0) return;
  if (in->copy) {
    spread(x, bytes, to, strip, rows);
    return;
  }
  const size_t most = bytes < SHORT ? BLOCK / bytes : 1;
  for (size_t n; rows > 0; rows -= n, x += n * bytes, to += n * strip) {
    n = rows < most ? rows : most;
    k->fn(n * bytes, x, in->table, n > 1 ? block : to);
    if (n > 1) spread(block, bytes, to, strip, n);
  }
}

static edge_status concat_tile(const void *arg, uint32_t tile, uint32_t worker) {
  enum { NEAR = 16384 };
  const concat_arg *const k = arg;
  (void)worker;
  const uint64_t first = tile * k->per_tile, last = k->outer - first < k->per_tile ? k->outer : first + k->per_tile;
  const uint64_t step = k->strip < NEAR ? NEAR / k->strip : 1; /* lines of y are completed while they are near */
  for (uint64_t from = first; from < last; from += step) {
    for (uint32_t i = 0; i < k->n_in; ++i) concat_strips(k, &k->in[i], from, last - from < step ? last : from + step);
  }
  return EDGE_STATUS_OK;
}

/* The operator itself on one input of all bytes; the others are empty. */
static bool concat_table(eb_cpu_plan *plan, uint32_t node, uint32_t which, int32_t axis, uint8_t *table) {
  enum { MOST = 16 };
  const edge_host_api *const host = eb_cpu_host(plan);
  const edge_node *const n = eb_cpu_node(plan, node);
  const uint32_t n_in = host->node_num_inputs(n);
  edge_tensor in[MOST], out = *eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  uint8_t bytes[256];
  if (n_in > MOST || host->ref_scratch_bytes(eb_cpu_partition(plan), n) != 0) return false;
  all_bytes(bytes);
  for (uint32_t i = 0; i < n_in; ++i) {
    in[i] = *eb_cpu_tensor(plan, eb_cpu_input(plan, node, i));
    for (int32_t d = 0; d < in[i].rank; ++d) in[i].dims[d] = 1;
    in[i].dims[axis] = i == which ? 256 : 0;
    in[i].data = bytes;
    in[i].bytes = i == which ? 256 : 0;
  }
  for (int32_t d = 0; d < out.rank; ++d) out.dims[d] = 1;
  out.dims[axis] = 256;
  out.data = table;
  out.bytes = 256;
  return host->ref_eval(n, in, n_in, &out, 1, NULL, 0) == EDGE_STATUS_OK;
}

static bool same_parameters(const edge_tensor *a, const edge_tensor *b) {
  eb_cpu_q qa, qb;
  if (a->dtype != b->dtype) return false;
  if (a->quant.count == 0 && b->quant.count == 0) return true;
  return eb_cpu_q8(a, &qa) && eb_cpu_q8(b, &qb) && qa.scale == qb.scale && qa.zero == qb.zero;
}

edge_status eb_cpu_lower_qconcat(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t vy = eb_cpu_output(plan, node, 0);
  const uint32_t n_in = eb_cpu_host(plan)->node_num_inputs(eb_cpu_node(plan, node));
  const edge_tensor *const y = eb_cpu_tensor(plan, vy);
  int64_t axis = eb_cpu_int(plan, node, "axis");
  if (!is_8bit(y) || eb_cpu_elements(y) == 0 || n_in < 1 || n_in > 16 || eb_cpu_int(plan, node, "act"))
    return EB_CPU_PASS;
  if (axis < 0) axis += y->rank;
  if (axis < 0 || axis >= y->rank) return EB_CPU_PASS;
  uint64_t outer = 1, inner = 1, offset = 0;
  for (int32_t i = 0; i < axis; ++i) outer *= (uint64_t)y->dims[i];
  for (int32_t i = (int32_t)axis + 1; i < y->rank; ++i) inner *= (uint64_t)y->dims[i];
  for (uint32_t i = 0; i < n_in; ++i) {
    const edge_tensor *const x = eb_cpu_tensor(plan, eb_cpu_input(plan, node, i));
    uint8_t probe[256];
    if (!is_8bit(x) || x->rank != y->rank) return EB_CPU_PASS;
    if (!same_parameters(x, y) && !concat_table(plan, node, i, (int32_t)axis, probe)) return EB_CPU_PASS;
  }
  concat_input *const in = eb_cpu_keep(plan, n_in * sizeof *in);
  const uint64_t total = eb_cpu_elements(y);
  const double us = 0.1 + (double)total / 15e3;
  const uint32_t want = eb_cpu_tiles(plan, us, outer);
  const uint64_t per_tile = (outer + want - 1) / want;
  concat_arg *const arg =
      eb_cpu_step(plan, node, concat_tile, sizeof *arg, (uint32_t)((outer + per_tile - 1) / per_tile), us);
  if (in == NULL || arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = (concat_arg) { .in = in,
                        .fn = ek_qlut_select(eb_cpu_features(plan))->fn,
                        .outer = outer,
                        .strip = (uint64_t)y->dims[axis] * inner,
                        .per_tile = per_tile,
                        .n_in = n_in };
  for (uint32_t i = 0; i < n_in; ++i) {
    const uint32_t vx = eb_cpu_input(plan, node, i);
    const edge_tensor *const x = eb_cpu_tensor(plan, vx);
    in[i].bytes = (uint64_t)x->dims[axis] * inner;
    in[i].offset = offset;
    offset += in[i].bytes;
    in[i].copy = same_parameters(x, y);
    if (!in[i].copy) (void)concat_table(plan, node, i, (int32_t)axis, in[i].table);
    eb_cpu_slot(plan, &in[i].x, eb_cpu_value(plan, vx));
  }
  eb_cpu_slot(plan, &arg->y, eb_cpu_value(plan, vy));
  eb_cpu_note(plan, node, "ek_qlut", "8-bit strips copied or mapped by a table");
  return EDGE_STATUS_OK;
}
