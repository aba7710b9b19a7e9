/* SPDX-License-Identifier: Apache-2.0
 * f32 MatMul of two run-time matrices, batched: one step packs B, one multiplies. */
#include "product.h"

typedef struct pack_arg {
  const ek_gemm_f32_kernel *kernel;
  const float *b, *bias;
  float *packed;
  size_t k, n, sk, sn, packed_floats, tile, batches;
} pack_arg;

static edge_status pack_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const pack_arg *const a = arg;
  for (size_t i = tile * a->tile; i < (tile + 1) * a->tile && i < a->batches; ++i) {
    ek_gemm_f32_pack(a->kernel, a->b + i * a->k * a->n, a->sk, a->sn, a->k, a->n, a->bias,
                     a->packed + i * a->packed_floats);
  }
  return EDGE_STATUS_OK;
}

typedef struct batch_arg {
  ek_gemm_f32_args gemm; /* of the first batch */
  eb_cpu_grid grid;
  size_t packed_floats;
  const uint32_t *a_index, *b_index; /* matrix of each batch */
} batch_arg;

static edge_status batch_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const batch_arg *const g = arg;
  const size_t per_batch = g->grid.m_tiles * g->grid.p_tiles, batch = tile / per_batch, rest = tile % per_batch;
  const eb_cpu_grid_tile t = eb_cpu_grid_at(&g->grid, rest);
  ek_gemm_f32_args one = g->gemm;
  one.a += (size_t)g->a_index[batch] * one.m * one.k;
  one.packed += (size_t)g->b_index[batch] * g->packed_floats;
  one.c += batch * one.m * one.n;
  if (one.residual) one.residual += batch * one.m * one.n;
  ek_gemm_f32_block(&one, t.rows.begin, t.rows.end, t.panels.begin, t.panels.end);
  return EDGE_STATUS_OK;
}

/* leading dims of t (all but `matrix`) seen from y's batch dims: index of the matrix for each batch */
static bool batch_index(const edge_tensor *t, int32_t matrix, const int64_t *dims, int32_t rank, uint32_t *out,
                        uint64_t batches) {
  const int32_t own = t->rank > matrix ? t->rank - matrix : 0;
  if (own > rank) return false;
  uint64_t step[EDGE_MAX_RANK] = { 0 }, stride = 1;
  for (int32_t d = own - 1; d >= 0; --d) {
    const int32_t at = rank - own + d;
    if (t->dims[d] != 1 && t->dims[d] != dims[at]) return false;
    step[at] = t->dims[d] == 1 ? 0 : stride;
    stride *= (uint64_t)t->dims[d];
  }
  for (uint64_t i = 0; i < batches; ++i) {
    uint64_t rest = i, index = 0;
    for (int32_t d = rank - 1; d >= 0; --d) {
      index += rest % (uint64_t)dims[d] * step[d];
      rest /= (uint64_t)dims[d];
    }
    if (out) out[i] = (uint32_t)index;
  }
  return true;
}

bool eb_cpu_batch_of(const eb_cpu_plan *plan, uint32_t node, eb_cpu_batch *s) {
  const edge_tensor *const a = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0));
  const edge_tensor *const b = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const edge_tensor *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  if (a->rank < 1 || b->rank < 1 || eb_cpu_int(plan, node, "trans_a") != 0) return false;
  *s = (eb_cpu_batch) { .trans_b = b->rank > 1 && eb_cpu_int(plan, node, "trans_b") != 0 };
  s->k = (size_t)a->dims[a->rank - 1];
  s->m = a->rank > 1 ? (size_t)a->dims[a->rank - 2] : 1;
  s->n = b->rank > 1 ? (size_t)b->dims[b->rank - (s->trans_b ? 2 : 1)] : 1;
  const size_t b_k = (size_t)b->dims[b->rank - (b->rank > 1 && !s->trans_b ? 2 : 1)];
  const int32_t matrix = (a->rank > 1) + (b->rank > 1);
  const uint64_t elements = eb_cpu_elements(y);
  if (s->k == 0 || b_k != s->k || elements == 0 || y->rank < matrix) return false;
  s->rank = y->rank - matrix;
  for (int32_t d = 0; d < s->rank; ++d) s->dims[d] = y->dims[d];
  s->batches = (size_t)(elements / (s->m * s->n));
  s->b_matrices = (size_t)(eb_cpu_elements(b) / (s->k * s->n));
  return s->batches <= 1u << 16 && batch_index(a, 2, s->dims, s->rank, NULL, 0) &&
         batch_index(b, 2, s->dims, s->rank, NULL, 0);
}

const uint32_t *eb_cpu_batch_index(eb_cpu_plan *plan, uint32_t node, const eb_cpu_batch *s) {
  uint32_t *const index = eb_cpu_keep(plan, 2 * s->batches * sizeof *index);
  if (index == NULL) return NULL;
  (void)batch_index(eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0)), 2, s->dims, s->rank, index, s->batches);
  (void)batch_index(eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1)), 2, s->dims, s->rank, index + s->batches,
                    s->batches);
  return index;
}

static bool is_f32(const eb_cpu_plan *plan, uint32_t value) {
  return eb_cpu_tensor(plan, value)->dtype == EDGE_DTYPE_F32;
}

edge_status eb_cpu_lower_batch_matmul_f32(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t va = eb_cpu_input(plan, node, 0), vb = eb_cpu_input(plan, node, 1), bias = eb_cpu_input(plan, node, 2);
  eb_cpu_batch s;
  eb_cpu_epilogue end;
  if (!is_f32(plan, va) || !is_f32(plan, vb) || !is_f32(plan, eb_cpu_output(plan, node, 0)) ||
      !eb_cpu_batch_of(plan, node, &s) || !eb_cpu_epilogue_of(plan, node, &end))
    return EB_CPU_PASS;
  if (bias != EDGE_NO_VALUE && (!is_f32(plan, bias) || eb_cpu_elements(eb_cpu_tensor(plan, bias)) != s.n))
    return EB_CPU_PASS;
  const ek_gemm_f32_kernel *const kernel =
      ek_gemm_f32_select(eb_cpu_features(plan), eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE ? EK_EXACT : 0);
  const uint64_t packed_bytes = ek_gemm_f32_packed_bytes(kernel, s.k, s.n);

  const double pack_us = (double)s.b_matrices * (double)packed_bytes / (s.trans_b ? 3e3 : 15e3);
  const size_t want = eb_cpu_tiles(plan, pack_us, s.b_matrices), tile = (s.b_matrices + want - 1) / want;
  pack_arg *const p =
      eb_cpu_step(plan, node, pack_tile, sizeof *p, (uint32_t)((s.b_matrices + tile - 1) / tile), pack_us);
  if (p == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *p = (pack_arg) { .kernel = kernel,
                    .k = s.k,
                    .n = s.n,
                    .sk = s.trans_b ? 1 : s.n,
                    .sn = s.trans_b ? s.k : 1,
                    .packed_floats = (size_t)(packed_bytes / sizeof(float)),
                    .tile = tile,
                    .batches = s.b_matrices };
  const eb_cpu_ref scratch = eb_cpu_scratch(plan, packed_bytes * s.b_matrices, 64);
  eb_cpu_slot(plan, &p->b, eb_cpu_value(plan, vb));
  if (bias != EDGE_NO_VALUE) eb_cpu_slot(plan, &p->bias, eb_cpu_value(plan, bias));
  eb_cpu_slot(plan, &p->packed, scratch);

  const double work_us = 2.0 * (double)s.batches * (double)s.m * (double)s.n * (double)s.k / 180e3;
  const eb_cpu_product_shape product = eb_cpu_gemm_shape(kernel, s.m, s.k, s.n);
  const eb_cpu_grid grid = eb_cpu_grid_of(plan, &product, work_us / (double)s.batches);
  batch_arg *const g =
      eb_cpu_step(plan, node, batch_tile, sizeof *g, (uint32_t)(s.batches * grid.m_tiles * grid.p_tiles), work_us);
  const uint32_t *const index = eb_cpu_batch_index(plan, node, &s);
  if (g == NULL || index == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *g = (batch_arg) { .grid = grid, .packed_floats = p->packed_floats, .a_index = index, .b_index = index + s.batches };
  g->gemm = (ek_gemm_f32_args) {
    .kernel = kernel, .m = s.m, .n = s.n, .k = s.k, .lda = s.k, .ldc = s.n, .ldr = s.n, .lo = end.lo, .hi = end.hi
  };
  eb_cpu_slot(plan, &g->gemm.a, eb_cpu_value(plan, va));
  eb_cpu_slot(plan, &g->gemm.packed, scratch);
  eb_cpu_slot(plan, &g->gemm.c, eb_cpu_value(plan, end.y));
  if (end.residual != EDGE_NO_VALUE) eb_cpu_slot(plan, &g->gemm.residual, eb_cpu_value(plan, end.residual));
  eb_cpu_note(plan, node, kernel->name, "second matrix packed at run time");
  return eb_cpu_epilogue_finish(plan, node, &end);
}
