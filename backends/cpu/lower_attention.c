/* SPDX-License-Identifier: Apache-2.0
 * f32 Attention: one step packs keys and values of each head, one computes blocks of queries.
 *
 * A block of queries keeps its row of scores against all keys in scratch of its own, sized to stay in L2: scores are
 * written, turned into weights and multiplied by the values there, and the matrix of all scores never exists. Each row
 * sees all its keys at once, so the softmax needs no second correction and its sums run in one order whatever the block
 * and the number of threads. (The idea of keeping blocks of scores in fast memory: Dao et al., FlashAttention, 2022.)
 */
#include "cpu.h"
#include "kernels/gemm/gemm.h"
#include "kernels/norm/norm.h"

#include <math.h>

enum { IN_Q, IN_K, IN_V, IN_MASK, IN_PAST_K, IN_PAST_V, IN_LENGTHS };

/* Elements between batches, heads and rows of an operand. */
typedef struct strides {
  size_t batch, head, row;
} strides;

typedef struct attention {
  const ek_gemm_f32_kernel *gemm;
  ek_norm_f32_fn softmax;
  size_t batches, q_heads, kv_heads, queries, keys, size, v_size;
  strides q, k, v, y, mask;  /* mask: 0 where it broadcasts */
  size_t k_floats, v_floats; /* packed, of one head */
  size_t block, blocks;      /* queries in a block, blocks of a head */
  size_t pack_tile;          /* heads in a tile of the packing step */
  float scale;
  bool causal, mask_is_bool;
  float *k_packed, *v_packed, *scores;
  const float *q_data, *k_data, *v_data;
  const void *mask_data;
  float *y_data;
} attention;

/* Elements written by packing: columns rounded up to vectors, times k rows and a row of bias. */
static void scale_packed(float *packed, size_t floats, float scale) {
  for (size_t i = 0; i < floats; ++i) packed[i] *= scale;
}

static edge_status pack_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const attention *const a = *(attention *const *)arg;
  const size_t heads = a->batches * a->kv_heads;
  for (size_t i = tile * a->pack_tile; i < (tile + 1) * a->pack_tile && i < heads; ++i) {
    const size_t batch = i / a->kv_heads, head = i % a->kv_heads;
    float *const k = a->k_packed + i * a->k_floats;
    ek_gemm_f32_pack(a->gemm, a->k_data + batch * a->k.batch + head * a->k.head, 1, a->k.row, a->size, a->keys, NULL,
                     k);
    scale_packed(k, a->k_floats, a->scale);
    ek_gemm_f32_pack(a->gemm, a->v_data + batch * a->v.batch + head * a->v.head, a->v.row, 1, a->keys, a->v_size, NULL,
                     a->v_packed + i * a->v_floats);
  }
  return EDGE_STATUS_OK;
}

/* One row of scores becomes weights; without any key that may be seen, zeros. */
static void weigh(const attention *a, float *row, size_t keys, size_t seen, bool masked) {
  bool any = !masked;
  for (size_t j = 0; j < seen && !any; ++j) any = row[j] != -INFINITY;
  if (any && seen > 0) {
    const ek_norm_f32_args g = { .rows = 1, .n = seen, .x = row, .y = row, .p0 = 1.0f, .inner = 1 };
    a->softmax(&g, 0, 1);
  } else {
    seen = 0;
  }
  for (size_t j = seen; j < keys; ++j) row[j] = 0.0f;
}

static void hide(float *row, const uint8_t *mask, size_t keys) {
  for (size_t j = 0; j < keys; ++j)
    if (!mask[j]) row[j] = -INFINITY;
}

static edge_status attend_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const attention *const a = arg;
  const size_t head = tile / a->blocks % a->q_heads, batch = tile / a->blocks / a->q_heads;
  const size_t first = tile % a->blocks * a->block;
  const size_t rows = a->queries - first < a->block ? a->queries - first : a->block;
  const size_t keys = a->causal && first + rows < a->keys ? first + rows : a->keys; /* that any row of the block sees */
  const size_t kv = batch * a->kv_heads + head / (a->q_heads / a->kv_heads);
  const size_t mask_at = batch * a->mask.batch + head * a->mask.head + first * a->mask.row;
  float *const scores = a->scores + worker * a->block * a->keys;
  const bool adds = a->mask_data != NULL && !a->mask_is_bool;
  const ek_gemm_f32_args qk = {
    .kernel = a->gemm,
    .m = rows,
    .n = a->keys,
    .k = a->size,
    .a = a->q_data + batch * a->q.batch + head * a->q.head + first * a->q.row,
    .lda = a->q.row,
    .packed = a->k_packed + kv * a->k_floats,
    .c = scores,
    .ldc = a->keys,
    .residual = adds ? (const float *)a->mask_data + mask_at : NULL,
    .ldr = a->mask.row,
    .lo = -INFINITY,
    .hi = INFINITY,
  };
  ek_gemm_f32_block(&qk, 0, rows, 0, ek_gemm_f32_num_panels(a->gemm, keys));
  for (size_t i = 0; i < rows; ++i) {
    const size_t seen = a->causal && first + i + 1 < keys ? first + i + 1 : keys;
    if (a->mask_is_bool) hide(scores + i * a->keys, (const uint8_t *)a->mask_data + mask_at + i * a->mask.row, seen);
    weigh(a, scores + i * a->keys, a->keys, seen, a->mask_data != NULL);
  }
  const ek_gemm_f32_args pv = {
    .kernel = a->gemm,
    .m = rows,
    .n = a->v_size,
    .k = a->keys,
    .a = scores,
    .lda = a->keys,
    .packed = a->v_packed + kv * a->v_floats,
    .c = a->y_data + batch * a->y.batch + head * a->y.head + first * a->y.row,
    .ldc = a->y.row,
    .lo = -INFINITY,
    .hi = INFINITY,
  };
  ek_gemm_f32_block(&pv, 0, rows, 0, ek_gemm_f32_num_panels(a->gemm, a->v_size));
  return EDGE_STATUS_OK;
}

/* [B, heads, length, size], or [B, length, heads * size] */
static strides strides_of(bool flat, size_t heads, size_t length, size_t size) {
  return flat ? (strides) { heads * length * size, size, heads * size }
              : (strides) { heads * length * size, length * size, size };
}

/* The mask has a value for every key and broadcasts over anything else; false: the reference does it. */
static bool read_mask(const edge_tensor *t, attention *a) {
  const size_t want[4] = { a->batches, a->q_heads, a->queries, a->keys };
  size_t step[4] = { 0 }, stride = 1;
  if ((t->dtype != EDGE_DTYPE_F32 && t->dtype != EDGE_DTYPE_BOOL) || t->rank < 1 || t->rank > 4) return false;
  for (int32_t d = 3; d >= 4 - t->rank; --d) {
    const size_t have = (size_t)t->dims[d - (4 - t->rank)];
    if (have != want[d] && (have != 1 || d == 3)) return false;
    step[d] = have == 1 ? 0 : stride;
    stride *= have;
  }
  a->mask = (strides) { step[0], step[1], step[2] };
  a->mask_is_bool = t->dtype == EDGE_DTYPE_BOOL;
  return true;
}

static bool read_node(const eb_cpu_plan *plan, uint32_t node, attention *a) {
  const edge_tensor *const q = eb_cpu_tensor(plan, eb_cpu_input(plan, node, IN_Q));
  const edge_tensor *const k = eb_cpu_tensor(plan, eb_cpu_input(plan, node, IN_K));
  const edge_tensor *const v = eb_cpu_tensor(plan, eb_cpu_input(plan, node, IN_V));
  const edge_tensor *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  const uint32_t mask = eb_cpu_input(plan, node, IN_MASK);
  if (q->dtype != EDGE_DTYPE_F32 || k->dtype != EDGE_DTYPE_F32 || v->dtype != EDGE_DTYPE_F32 ||
      y->dtype != EDGE_DTYPE_F32 || eb_cpu_elements(y) == 0 || eb_cpu_elements(k) == 0 || eb_cpu_elements(v) == 0) {
    return false;
  }
  for (uint32_t i = 1; i < 4; ++i)
    if (eb_cpu_output(plan, node, i) != EDGE_NO_VALUE) return false;
  for (uint32_t i = IN_PAST_K; i <= IN_LENGTHS; ++i)
    if (eb_cpu_input(plan, node, i) != EDGE_NO_VALUE) return false;
  const bool flat = q->rank == 3;
  const int32_t rows = flat ? 1 : 2;
  a->q_heads = (size_t)(flat ? eb_cpu_int(plan, node, "q_heads") : q->dims[1]);
  a->kv_heads = (size_t)(flat ? eb_cpu_int(plan, node, "kv_heads") : k->dims[1]);
  a->batches = (size_t)q->dims[0];
  a->queries = (size_t)q->dims[rows];
  a->keys = (size_t)k->dims[rows];
  a->size = (size_t)q->dims[q->rank - 1] / (flat ? a->q_heads : 1);
  a->v_size = (size_t)v->dims[v->rank - 1] / (flat ? a->kv_heads : 1);
  a->q = strides_of(flat, a->q_heads, a->queries, a->size);
  a->k = strides_of(flat, a->kv_heads, a->keys, a->size);
  a->v = strides_of(flat, a->kv_heads, a->keys, a->v_size);
  a->y = strides_of(flat, a->q_heads, a->queries, a->v_size);
  a->causal = eb_cpu_int(plan, node, "causal") != 0;
  a->scale = eb_cpu_float(plan, node, "scale");
  if (a->scale == 0.0f) a->scale = 1.0f / sqrtf((float)a->size);
  return eb_cpu_float(plan, node, "softcap") == 0.0f &&
         (mask == EDGE_NO_VALUE || read_mask(eb_cpu_tensor(plan, mask), a));
}

edge_status eb_cpu_lower_attention_f32(eb_cpu_plan *plan, uint32_t node) {
  enum { BLOCK_BYTES = 192 * 1024, MOST_ROWS = 96, ROW_UNIT = 12 };
  attention found = { 0 };
  if (!read_node(plan, node, &found)) return EB_CPU_PASS;
  const uint32_t exact = eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE ? EK_EXACT : 0;
  const uint32_t mask = eb_cpu_input(plan, node, IN_MASK);
  found.gemm = ek_gemm_f32_select(eb_cpu_features(plan), exact);
  found.softmax = ek_norm_f32_select(eb_cpu_features(plan), exact)->fn[EK_NORM_SOFTMAX];
  found.k_floats = (size_t)(ek_gemm_f32_packed_bytes(found.gemm, found.size, found.keys) / sizeof(float));
  found.v_floats = (size_t)(ek_gemm_f32_packed_bytes(found.gemm, found.keys, found.v_size) / sizeof(float));
  const size_t fit = BLOCK_BYTES / (found.keys * sizeof(float)) / ROW_UNIT * ROW_UNIT;
  found.block = fit < ROW_UNIT ? ROW_UNIT : fit < MOST_ROWS ? fit : MOST_ROWS;
  if (found.block > found.queries) found.block = found.queries;
  const size_t heads = found.batches * found.q_heads, kv = found.batches * found.kv_heads;
  const double pairs = (double)heads * (double)found.queries * (double)found.keys;
  const double work_us = pairs * (2.0 * (double)(found.size + found.v_size) / 180e3 + 2e-4);
  const size_t want = eb_cpu_tiles(plan, work_us, heads * ((found.queries + ROW_UNIT - 1) / ROW_UNIT));
  while (heads * ((found.queries + found.block - 1) / found.block) < want && found.block > ROW_UNIT)
    found.block -= ROW_UNIT < found.block ? ROW_UNIT : 0;
  found.blocks = (found.queries + found.block - 1) / found.block;
  const double pack_us = (double)kv * (double)(found.k_floats + found.v_floats) / 2e3;
  const size_t pack_want = eb_cpu_tiles(plan, pack_us, kv);
  found.pack_tile = (kv + pack_want - 1) / pack_want;
  if (heads * found.blocks > UINT32_MAX) return EB_CPU_PASS;

  attention **const packing = eb_cpu_step(plan, node, pack_tile, sizeof *packing,
                                          (uint32_t)((kv + found.pack_tile - 1) / found.pack_tile), pack_us);
  attention *const shared = eb_cpu_keep(plan, sizeof *shared);
  if (packing == NULL || shared == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *packing = shared;
  *shared = found;
  const eb_cpu_ref k_packed = eb_cpu_scratch(plan, kv * found.k_floats * sizeof(float), 64);
  const eb_cpu_ref v_packed = eb_cpu_scratch(plan, kv * found.v_floats * sizeof(float), 64);
  eb_cpu_slot(plan, &shared->k_data, eb_cpu_value(plan, eb_cpu_input(plan, node, IN_K)));
  eb_cpu_slot(plan, &shared->v_data, eb_cpu_value(plan, eb_cpu_input(plan, node, IN_V)));
  eb_cpu_slot(plan, &shared->k_packed, k_packed);
  eb_cpu_slot(plan, &shared->v_packed, v_packed);

  attention *const a = eb_cpu_step(plan, node, attend_tile, sizeof *a, (uint32_t)(heads * found.blocks), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = found;
  eb_cpu_slot(plan, &a->q_data, eb_cpu_value(plan, eb_cpu_input(plan, node, IN_Q)));
  eb_cpu_slot(plan, &a->k_packed, k_packed);
  eb_cpu_slot(plan, &a->v_packed, v_packed);
  eb_cpu_slot(plan, &a->scores,
              eb_cpu_scratch(plan, (uint64_t)eb_cpu_threads(plan) * found.block * found.keys * sizeof(float), 64));
  if (mask != EDGE_NO_VALUE) eb_cpu_slot(plan, &a->mask_data, eb_cpu_value(plan, mask));
  eb_cpu_slot(plan, &a->y_data, eb_cpu_value(plan, eb_cpu_output(plan, node, 0)));
  eb_cpu_note(plan, node, found.gemm->name, "blocks of queries, scores stay in cache");
  return EDGE_STATUS_OK;
}
