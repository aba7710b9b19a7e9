/* SPDX-License-Identifier: Apache-2.0
 * Transformer operators of the com.microsoft domain: embeddings, rotary positions, three forms of attention. */
#include "attention.h"
#include <math.h>

static uint32_t range_to(ei_ox_call *c, uint32_t length) { /* s64 [length] from a length [1] */
  return EI_OX(c, "Range", EI_NONE, ei_ox_const_int(c, 0), ei_ox_reshape(c, length, NULL, 0, EI_NONE),
               ei_ox_const_int(c, 1));
}

static uint32_t pick(ei_ox_call *c, uint32_t t, int64_t index, int64_t axis) {
  const uint32_t y = EI_OX(c, "Gather", EI_NONE, t, ei_ox_const_int(c, index));
  ei_ox_set_int(c, "axis", axis);
  return y;
}

/* [lo, hi) of an axis. */
static uint32_t part(ei_ox_call *c, uint32_t t, int64_t lo, int64_t hi, int64_t axis) {
  return EI_OX(c, "Slice", EI_NONE, t, ei_ox_const_ints(c, &lo, 1), ei_ox_const_ints(c, &hi, 1),
               ei_ox_const_ints(c, &axis, 1));
}

typedef struct embedding { /* inputs; EI_NONE: absent */
  uint32_t ids, segments, words, positions, kinds, scale, shift, mask, places;
  bool bytes; /* tables as bytes: scales are inputs 8.., zero points 13.. */
} embedding;

/* Rows of table k, real. */
static uint32_t rows_of(ei_ox_call *c, const embedding *e, uint32_t table, uint32_t ids, uint32_t k) {
  const uint32_t rows = EI_OX(c, "Gather", EI_NONE, table, ids);
  return e->bytes ? EI_OX(c, "Dequantize", EI_NONE, rows, ei_ox_in(c, 8 + k), ei_ox_in(c, 13 + k)) : rows;
}

static uint32_t norm_factor(ei_ox_call *c, const embedding *e, uint32_t t, uint32_t k) {
  return e->bytes ? EI_OX(c, "Dequantize", EI_NONE, t, ei_ox_in(c, 8 + k), ei_ox_in(c, 13 + k)) : t;
}

static void embed(ei_ox_call *c, const embedding *e) {
  static const int64_t last = -1;
  const uint32_t sums = ei_ox_out(c, 1), length = ei_ox_length_of(c, e->ids, 1);
  const bool segmented = e->segments != EI_NONE && e->kinds != EI_NONE;
  uint32_t x = rows_of(c, e, e->words, e->ids, 0);
  const uint32_t p = rows_of(c, e, e->positions, e->places != EI_NONE ? e->places : range_to(c, length), 1);
  x = EI_OX(c, "Add", segmented ? EI_NONE : ei_ox_out(c, 2), x, p);
  if (segmented) x = EI_OX(c, "Add", ei_ox_out(c, 2), x, rows_of(c, e, e->kinds, e->segments, 2));
  EI_OX(c, "LayerNorm", ei_ox_out(c, 0), x, norm_factor(c, e, e->scale, 3), norm_factor(c, e, e->shift, 4));
  ei_ox_set_int(c, "axis", -1);
  ei_ox_set_float(c, "epsilon", ei_ox_float(c, "epsilon", 1e-12));
  if (sums == EI_NONE) return;
  const uint32_t flags =
      e->mask != EI_NONE ? e->mask : EI_OX(c, "Mul", EI_NONE, e->ids, ei_ox_const_like(c, e->ids, 0));
  EI_OX(c, "ReduceSum", sums, ei_ox_cast(c, flags, EDGE_DTYPE_S32, EI_NONE), ei_ox_const_ints(c, &last, 1));
  ei_ox_set_int(c, "keep_dims", 0);
}

/* ids, segments?, words, positions, segment table?, scale, shift, mask?, position ids? -> y, mask sums, sum; as bytes
 * there are no position ids, but a scale and a zero point for each table. */
void ei_ox_map_embed_layer_norm(ei_ox_call *c) {
  const bool bytes = strcmp(c->n->op, "QEmbedLayerNormalization") == 0;
  const embedding e = { ei_ox_in(c, 0), ei_ox_in(c, 1), ei_ox_in(c, 2),
                        ei_ox_in(c, 3), ei_ox_in(c, 4), ei_ox_in(c, 5),
                        ei_ox_in(c, 6), ei_ox_in(c, 7), bytes ? EI_NONE : ei_ox_in(c, 8),
                        bytes };
  embed(c, &e);
}

/* x, positions (one offset, or one for each step), cos, sin */
void ei_ox_map_rotary_ms(ei_ox_call *c) {
  const uint32_t x = ei_ox_in(c, 0), caches[2] = { ei_ox_in(c, 2), ei_ox_in(c, 3) };
  const int64_t size = ei_ox_int(c, "rotary_embedding_dim", 0);
  const int32_t rank = ei_ox_rank(c, x);
  const edge_tensor *const table = ei_ox_view(c, caches[0]), *const v = ei_ox_view(c, x);
  uint32_t ids = ei_ox_in(c, 1);
  int64_t heads = ei_ox_int(c, "num_heads", 0);
  if (!ei_ox_ok(c->x)) return;
  if (rank == 3 && heads == 0 && table->rank == 2 && table->dims[1] > 0 && v->dims[2] > 0)
    heads = v->dims[2] / (2 * table->dims[1]);
  if (ei_ox_int(c, "is_packed_batching", 0) || (rank == 3 && heads < 1)) {
    ei_ox_unsupported(c, "packed batches and unknown numbers of heads are not supported");
    return;
  }
  if (ei_ox_view(c, ids)->rank == 1)
    ids = ei_ox_unsqueeze(c, EI_OX(c, "Add", EI_NONE, range_to(c, ei_ox_length_of(c, x, rank == 3 ? 1 : 2)), ids),
                          (const int64_t[]) { 0 }, 1);
  ei_ox_rotate(c, x, caches, ids, rank == 3 ? heads : 0, size, ei_ox_int(c, "interleaved", 0) != 0, ei_ox_out(c, 0));
}

/* ---- masks: what is added to the scores */

static uint32_t added(ei_ox_call *c, uint32_t a, uint32_t b) {
  return a == EI_NONE ? b : b == EI_NONE ? a : EI_OX(c, "Add", EI_NONE, a, b);
}

static uint32_t penalty(ei_ox_call *c, const ei_ox_attention *a, uint32_t allowed, double value) {
  return EI_OX(c, "Where", EI_NONE, allowed, ei_ox_const_of(c, a->dtype, 0), ei_ox_const_of(c, a->dtype, value));
}

/* Lengths [B], ends and starts [2 B], or flags [B, T], [B, S, T] or [B, 1, S, T]. */
static uint32_t mask_bias(ei_ox_call *c, const ei_ox_attention *a, uint32_t mask) {
  static const int64_t middle[2] = { 1, 2 }, rows[4] = { -1, 1, 1, 1 };
  const double value = ei_ox_float(c, "mask_filter_value", -10000.0);
  const edge_tensor *const v = ei_ox_view(c, mask), *const q = ei_ox_view(c, a->q);
  const int32_t rank = ei_ox_rank(c, mask);
  if (!ei_ox_ok(c->x)) return EI_NONE;
  if (rank > 1) {
    uint32_t flags = EI_OX(c, "NotEqual", EI_NONE, mask, ei_ox_const_of(c, v->dtype, 0));
    if (rank < 4) flags = ei_ox_unsqueeze(c, flags, middle, rank == 2 ? 2 : 1);
    return penalty(c, a, flags, value);
  }
  const int64_t batch = q->rank == 4 ? q->dims[0] : EI_DIM_UNKNOWN;
  const bool pairs = batch > 0 && v->dims[0] == 2 * batch;
  if (!pairs && batch > 0 && v->dims[0] > 0 && v->dims[0] != batch) {
    ei_ox_unsupported(c, "only lengths, ends with starts, or flags are supported as a mask");
    return EI_NONE;
  }
  const uint32_t keys = range_to(c, a->columns), all = ei_ox_cast(c, mask, EDGE_DTYPE_S64, EI_NONE);
  const uint32_t ends = ei_ox_reshape(c, pairs ? part(c, all, 0, batch, 0) : all, rows, 4, EI_NONE);
  uint32_t allowed = EI_OX(c, "Less", EI_NONE, keys, ends);
  if (pairs) {
    const uint32_t starts = ei_ox_reshape(c, part(c, all, batch, 2 * batch, 0), rows, 4, EI_NONE);
    allowed = EI_OX(c, "And", EI_NONE, allowed, EI_OX(c, "GreaterOrEqual", EI_NONE, keys, starts));
  }
  return penalty(c, a, allowed, value);
}

/* A query sees the keys up to itself, which is the last but as many as follow it. */
static uint32_t causal_bias(ei_ox_call *c, const ei_ox_attention *a) {
  static const int64_t last = -1;
  const uint32_t before = EI_OX(c, "Sub", EI_NONE, a->columns, a->rows);
  const uint32_t at = EI_OX(c, "Add", EI_NONE, range_to(c, a->rows), before);
  const uint32_t allowed = EI_OX(c, "LessOrEqual", EI_NONE, range_to(c, a->columns), ei_ox_unsqueeze(c, at, &last, 1));
  return penalty(c, a, allowed, a->dtype == EDGE_DTYPE_F16 ? -65504.0 : -3.0e38);
}

static void finish(ei_ox_call *c, const ei_ox_attention *a, uint32_t mask, uint32_t given) {
  uint32_t bias = mask == EI_NONE ? EI_NONE : mask_bias(c, a, mask);
  if (ei_ox_int(c, "unidirectional", 0)) bias = added(c, bias, causal_bias(c, a));
  bias = added(c, bias, given);
  uint32_t s = ei_ox_attention_scores(c, a);
  if (bias != EI_NONE) s = EI_OX(c, "Add", EI_NONE, s, bias);
  s = EI_OX(c, "Softmax", EI_NONE, s);
  ei_ox_set_int(c, "axis", -1);
  ei_ox_attention_result(c, a, s, ei_ox_out(c, 0));
}

/* ---- Attention: one product makes queries, keys and values; past and present are [2, B, heads, length, size] */

static void self_attention(ei_ox_call *c, uint32_t x, uint32_t w, uint32_t mask, uint32_t past, uint32_t bias) {
  static const int64_t first = 0;
  const edge_tensor *const v = ei_ox_view(c, w);
  const int64_t heads = ei_ox_int(c, "num_heads", 0);
  uint32_t n = 0, parts[3];
  const int64_t *const given = ei_ox_ints(c, "qkv_hidden_sizes", &n);
  ei_ox_attention a = { .flat = true };
  if (!ei_ox_ok(c->x)) return;
  if (v->rank != 2 || v->dims[1] < 3 || heads < 1 || (given && n != 3) || ei_ox_int(c, "do_rotary", 0)) {
    ei_ox_unsupported(c, "the weights' shape and the number of heads must be known, and nothing be rotated");
    return;
  }
  int64_t sizes[3] = { v->dims[1] / 3, v->dims[1] / 3, v->dims[1] / 3 };
  if (given) memcpy(sizes, given, sizeof sizes);
  const uint32_t y = EI_OX(c, "MatMul", EI_NONE, x, w, ei_ox_in(c, 2));
  for (uint32_t i = 0; i < 3; ++i) parts[i] = ei_ox_temp(c);
  const uint32_t in[2] = { y, ei_ox_const_ints(c, sizes, 3) };
  ei_ox_emit(c, "Split", in, 2, parts, 3);
  ei_ox_set_int(c, "axis", -1);
  a.q = ei_ox_split_heads(c, parts[0], heads);
  a.k = ei_ox_split_heads(c, parts[1], heads);
  a.v = ei_ox_split_heads(c, parts[2], heads);
  if (past != EI_NONE) {
    a.k = ei_ox_with_past(c, a.k, pick(c, past, 0, 0), EI_NONE);
    a.v = ei_ox_with_past(c, a.v, pick(c, past, 1, 0), EI_NONE);
  }
  if (ei_ox_out(c, 1) != EI_NONE) {
    EI_OX(c, "Concat", ei_ox_out(c, 1), ei_ox_unsqueeze(c, a.k, &first, 1), ei_ox_unsqueeze(c, a.v, &first, 1));
    ei_ox_set_int(c, "axis", 0);
  }
  if (!ei_ox_attention_open(c, &a)) return;
  ei_ox_attention_lengths(c, &a);
  finish(c, &a, mask, bias);
}

void ei_ox_map_self_attention(ei_ox_call *c) {
  self_attention(c, ei_ox_in(c, 0), ei_ox_in(c, 1), ei_ox_in(c, 3), ei_ox_in(c, 4), ei_ox_in(c, 5));
}

/* x, w, bias, scale of x, scale of w, mask?, zero point of x?, of w?, past? */
void ei_ox_map_quantized_attention(ei_ox_call *c) {
  const uint32_t x = EI_OX(c, "Dequantize", EI_NONE, ei_ox_in(c, 0), ei_ox_in(c, 3), ei_ox_in(c, 6));
  const uint32_t w = EI_OX(c, "Dequantize", EI_NONE, ei_ox_in(c, 1), ei_ox_in(c, 4), ei_ox_in(c, 7));
  ei_ox_set_int(c, "axis", 1);
  self_attention(c, x, w, ei_ox_in(c, 5), ei_ox_in(c, 8), EI_NONE);
}

/* ---- MultiHeadAttention: queries, keys and values apart, or packed [B, length, heads, 2 or 3, size] */

static uint32_t head_part(ei_ox_call *c, uint32_t packed, int64_t i) {
  static const int64_t perm[4] = { 0, 2, 1, 3 };
  return ei_ox_transpose(c, pick(c, packed, i, 3), perm, 4, EI_NONE);
}

/* Columns [at, at + n) of the common bias added, n being the last dimension of t; returns the next column. */
static int64_t with_bias(ei_ox_call *c, uint32_t *t, uint32_t bias, int64_t at) {
  const edge_tensor *const v = ei_ox_view(c, *t);
  if (bias == EI_NONE || !ei_ox_ok(c->x)) return 0;
  if (v->rank != 3 || v->dims[2] < 1 || v->dims[2] > INT32_MAX) {
    ei_ox_unsupported(c, "a bias needs inputs of rank 3 and of known size");
    return 0;
  }
  const int64_t end = at + v->dims[2];
  *t = EI_OX(c, "Add", EI_NONE, *t, part(c, bias, at, end, 0));
  return end;
}

void ei_ox_map_multi_head_attention(ei_ox_call *c) {
  const int64_t heads = ei_ox_int(c, "num_heads", 0);
  const uint32_t bias = ei_ox_in(c, 3);
  ei_ox_attention a = { .q = ei_ox_in(c, 0), .k = ei_ox_in(c, 1), .v = ei_ox_in(c, 2), .flat = true };
  const int32_t rank_q = ei_ox_rank(c, a.q), rank_k = a.k == EI_NONE ? 0 : ei_ox_rank(c, a.k);
  if (!ei_ox_ok(c->x)) return;
  if (heads < 1 || ei_ox_in(c, 8) != EI_NONE || ei_ox_in(c, 9) != EI_NONE || ei_ox_out(c, 3) != EI_NONE) {
    ei_ox_unsupported(c, "caches shared with the past, and products as an output, are not supported");
    return;
  }
  if (rank_q == 5) {
    const uint32_t all = a.q;
    a.q = head_part(c, all, 0);
    a.k = head_part(c, all, 1);
    a.v = head_part(c, all, 2);
  } else {
    int64_t at = with_bias(c, &a.q, bias, 0);
    a.q = ei_ox_split_heads(c, a.q, heads);
    if (rank_k == 5) {
      a.v = head_part(c, a.k, 1);
      a.k = head_part(c, a.k, 0);
    } else if (rank_k == 3) {
      at = with_bias(c, &a.k, bias, at);
      with_bias(c, &a.v, bias, at);
      a.k = ei_ox_split_heads(c, a.k, heads);
      a.v = ei_ox_split_heads(c, a.v, heads);
    }
  }
  a.k = ei_ox_with_past(c, a.k, ei_ox_in(c, 6), ei_ox_out(c, 1));
  a.v = ei_ox_with_past(c, a.v, ei_ox_in(c, 7), ei_ox_out(c, 2));
  if (!ei_ox_attention_open(c, &a)) return;
  ei_ox_attention_lengths(c, &a);
  finish(c, &a, ei_ox_in(c, 4), ei_ox_in(c, 5));
}

/* ---- GroupQueryAttention: decoders with a cache, whose rows of a batch may be filled to different lengths */

typedef struct grouped {
  ei_ox_attention a;
  uint32_t total; /* keys in all, s64 [1] */
  uint32_t at;    /* position of each query, s64 [B, S] */
} grouped;

/* New keys or values behind the old ones: those of batch b from at[b, 0] on. The cache may have room to spare. */
static uint32_t into_cache(ei_ox_call *c, const grouped *g, uint32_t t, uint32_t past, uint32_t present) {
  static const int64_t middle[4] = { 0, 1, -1, 1 };
  if (past == EI_NONE) return ei_ox_with_past(c, t, EI_NONE, present);
  const uint32_t shape = EI_OX(c, "Shape", EI_NONE, past), length = ei_ox_length_of(c, past, 2);
  const uint32_t room = EI_OX(c, "Max", EI_NONE, EI_OX(c, "Sub", EI_NONE, g->total, length), ei_ox_const_int(c, 0));
  const uint32_t sizes[3] = { part(c, shape, 0, 2, 0), room, part(c, shape, 3, 4, 0) };
  const uint32_t more = ei_ox_emit1(c, "Concat", EI_NONE, sizes, 3);
  ei_ox_set_int(c, "axis", 0);
  const uint32_t zeros = EI_OX(c, "Expand", EI_NONE, ei_ox_const_like(c, t, 0), more);
  const uint32_t cache = EI_OX(c, "Concat", EI_NONE, past, zeros);
  ei_ox_set_int(c, "axis", 2);
  const uint32_t rows = ei_ox_reshape(c, g->at, middle, 4, EI_NONE);
  const uint32_t index = EI_OX(c, "Expand", EI_NONE, rows, EI_OX(c, "Shape", EI_NONE, t));
  const uint32_t all = EI_OX(c, "ScatterElements", present, cache, index, t);
  ei_ox_set_int(c, "axis", 2);
  const int64_t zero = 0, axis = 2;
  return EI_OX(c, "Slice", EI_NONE, all, ei_ox_const_ints(c, &zero, 1), g->total, ei_ox_const_ints(c, &axis, 1));
}

/* Where the queries stand: a prompt at 0, later ones behind what is there. */
static void find_places(ei_ox_call *c, grouped *g) {
  static const int64_t one = 1, column[2] = { -1, 1 };
  const uint32_t steps = ei_ox_length_of(c, g->a.q, 2);
  g->total = ei_ox_reshape(c, ei_ox_cast(c, ei_ox_in(c, 6), EDGE_DTYPE_S64, EI_NONE), &one, 1, EI_NONE);
  const uint32_t last = ei_ox_reshape(c, ei_ox_cast(c, ei_ox_in(c, 5), EDGE_DTYPE_S64, EI_NONE), column, 2, EI_NONE);
  const uint32_t before = EI_OX(c, "Sub", EI_NONE, EI_OX(c, "Add", EI_NONE, last, ei_ox_const_int(c, 1)), steps);
  const uint32_t prompt = EI_OX(c, "Equal", EI_NONE, steps, g->total);
  const uint32_t start = EI_OX(c, "Where", EI_NONE, prompt, ei_ox_const_int(c, 0), before);
  g->at = EI_OX(c, "Add", EI_NONE, start, range_to(c, steps));
}

static void open_packed(ei_ox_call *c, grouped *g, int64_t heads, int64_t kv_heads) {
  const uint32_t all = ei_ox_split_heads(c, ei_ox_in(c, 0), heads + 2 * kv_heads);
  g->a.q = part(c, all, 0, heads, 1);
  g->a.k = part(c, all, heads, heads + kv_heads, 1);
  g->a.v = part(c, all, heads + kv_heads, heads + 2 * kv_heads, 1);
}

static uint32_t visible(ei_ox_call *c, const grouped *g) {
  static const int64_t rows[4] = { 0, 1, -1, 1 };
  const int64_t window = ei_ox_int(c, "local_window_size", -1);
  const uint32_t keys = range_to(c, g->a.columns), at = ei_ox_reshape(c, g->at, rows, 4, EI_NONE);
  uint32_t allowed = EI_OX(c, "LessOrEqual", EI_NONE, keys, at);
  if (window > 0) {
    const uint32_t first = EI_OX(c, "Sub", EI_NONE, at, ei_ox_const_int(c, window));
    allowed = EI_OX(c, "And", EI_NONE, allowed, EI_OX(c, "Greater", EI_NONE, keys, first));
  }
  return penalty(c, &g->a, allowed, -HUGE_VAL);
}

/* One more score for each row, 0 or a head's own, that takes its share and is dropped. */
static uint32_t softmax_with_sink(ei_ox_call *c, const grouped *g, uint32_t s) {
  static const int64_t head[4] = { 1, -1, 1, 1 };
  const uint32_t given = ei_ox_in(c, 11);
  const bool sink = given != EI_NONE || ei_ox_int(c, "smooth_softmax", 0) == 1;
  if (sink) {
    const uint32_t one =
        given == EI_NONE ? ei_ox_const_of(c, g->a.dtype, 0) : ei_ox_reshape(c, given, head, 4, EI_NONE);
    const uint32_t shape[2] = { part(c, EI_OX(c, "Shape", EI_NONE, s), 0, 3, 0),
                                ei_ox_const_ints(c, (const int64_t[]) { 1 }, 1) };
    const uint32_t sizes = ei_ox_emit1(c, "Concat", EI_NONE, shape, 2);
    ei_ox_set_int(c, "axis", 0);
    s = EI_OX(c, "Concat", EI_NONE, s, EI_OX(c, "Expand", EI_NONE, one, sizes));
    ei_ox_set_int(c, "axis", 3);
  }
  s = EI_OX(c, "Softmax", EI_NONE, s);
  ei_ox_set_int(c, "axis", -1);
  return sink ? part(c, s, 0, -1, 3) : s;
}

void ei_ox_map_group_query_attention(ei_ox_call *c) {
  const int64_t heads = ei_ox_int(c, "num_heads", 0), kv_heads = ei_ox_int(c, "kv_num_heads", 0);
  const uint32_t caches[2] = { ei_ox_in(c, 7), ei_ox_in(c, 8) };
  grouped g = { .a = { .q = ei_ox_in(c, 0), .k = ei_ox_in(c, 1), .v = ei_ox_in(c, 2), .flat = true } };
  if (!ei_ox_ok(c->x)) return;
  if (heads < 1 || kv_heads < 1 || heads > INT16_MAX || kv_heads > INT16_MAX || c->n_in < 7 ||
      ei_ox_in(c, 12) != EI_NONE || ei_ox_in(c, 13) != EI_NONE || ei_ox_out(c, 3) != EI_NONE ||
      ei_ox_int(c, "qk_output", 0)) {
    ei_ox_unsupported(c, "quantized caches and products as an output are not supported");
    return;
  }
  if (g.a.k == EI_NONE) {
    open_packed(c, &g, heads, kv_heads);
  } else {
    g.a.q = ei_ox_split_heads(c, g.a.q, heads);
    g.a.k = ei_ox_split_heads(c, g.a.k, kv_heads);
    g.a.v = ei_ox_split_heads(c, g.a.v, kv_heads);
  }
  find_places(c, &g);
  if (ei_ox_int(c, "do_rotary", 0)) {
    const bool pairs = ei_ox_int(c, "rotary_interleaved", 0) != 0;
    const uint32_t ids = ei_ox_in(c, 9) != EI_NONE ? ei_ox_in(c, 9) : g.at;
    const edge_tensor *const table = ei_ox_view(c, caches[0]);
    const int64_t size = table->rank == 2 && table->dims[1] > 0 && table->dims[1] < INT32_MAX ? 2 * table->dims[1] : 0;
    g.a.q = ei_ox_rotate(c, g.a.q, caches, ids, 0, size, pairs, EI_NONE);
    g.a.k = ei_ox_rotate(c, g.a.k, caches, ids, 0, size, pairs, EI_NONE);
  }
  g.a.k = into_cache(c, &g, g.a.k, ei_ox_in(c, 3), ei_ox_out(c, 1));
  g.a.v = into_cache(c, &g, g.a.v, ei_ox_in(c, 4), ei_ox_out(c, 2));
  if (!ei_ox_attention_open(c, &g.a)) return;
  ei_ox_attention_lengths(c, &g.a);
  const uint32_t bias = added(c, visible(c, &g), ei_ox_in(c, 10));
  const uint32_t s = EI_OX(c, "Add", EI_NONE, ei_ox_attention_scores(c, &g.a), bias);
  ei_ox_attention_result(c, &g.a, softmax_with_sink(c, &g, s), ei_ox_out(c, 0));
}
