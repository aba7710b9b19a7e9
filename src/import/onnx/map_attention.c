/* SPDX-License-Identifier: Apache-2.0
 * Attention: products, masks and softmax as single operators. Key and value heads that several query heads share
 * are not repeated; the query heads of a group are stacked instead. */
#include "attention.h"
#include <math.h>

typedef ei_ox_attention attention;

uint32_t ei_ox_length_of(ei_ox_call *c, uint32_t t, int64_t i) {
  return EI_OX(c, "Gather", EI_NONE, EI_OX(c, "Shape", EI_NONE, t), ei_ox_const_ints(c, &i, 1));
}

uint32_t ei_ox_split_heads(ei_ox_call *c, uint32_t t, int64_t heads) {
  static const int64_t perm[4] = { 0, 2, 1, 3 };
  const int64_t shape[4] = { 0, 0, heads, ei_ox_head_size(c, t, heads) };
  return ei_ox_transpose(c, ei_ox_reshape(c, t, shape, 4, EI_NONE), perm, 4, EI_NONE);
}

int64_t ei_ox_head_size(ei_ox_call *c, uint32_t t, int64_t heads) {
  const edge_tensor *const v = ei_ox_view(c, t);
  const int64_t last = v->rank == 3 ? v->dims[2] : EI_DIM_UNKNOWN;
  return last > 0 && heads > 0 && last % heads == 0 ? last / heads : -1;
}

static bool open_heads(ei_ox_call *c, attention *a) {
  const int32_t rank = ei_ox_rank(c, ei_ox_in(c, 0));
  a->q = ei_ox_in(c, 0);
  a->k = ei_ox_in(c, 1);
  a->v = ei_ox_in(c, 2);
  a->q_heads = ei_ox_int(c, "q_num_heads", 0);
  a->kv_heads = ei_ox_int(c, "kv_num_heads", 0);
  a->flat = rank == 3;
  if (a->flat && a->q_heads > 0 && a->kv_heads > 0) {
    a->q = ei_ox_split_heads(c, a->q, a->q_heads);
    a->k = ei_ox_split_heads(c, a->k, a->kv_heads);
    a->v = ei_ox_split_heads(c, a->v, a->kv_heads);
  }
  return ei_ox_attention_open(c, a);
}

bool ei_ox_attention_open(ei_ox_call *c, attention *a) {
  const edge_tensor *const q = ei_ox_view(c, a->q), *const k = ei_ox_view(c, a->k);
  if (!ei_ox_ok(c->x)) return false;
  a->dtype = q->dtype;
  if (q->rank == 4 && k->rank == 4) {
    a->q_heads = q->dims[1];
    a->kv_heads = k->dims[1];
    a->size = q->dims[3];
  }
  if (q->rank != 4 || a->size < 1 || a->q_heads < 1 || a->kv_heads < 1 || a->q_heads % a->kv_heads != 0)
    ei_ox_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE,
               "the number of heads and their size must be known and fit each other");
  return ei_ox_ok(c->x);
}

void ei_ox_attention_lengths(ei_ox_call *c, attention *a) {
  a->rows = ei_ox_length_of(c, a->q, 2);
  a->columns = ei_ox_length_of(c, a->k, 2);
}

uint32_t ei_ox_with_past(ei_ox_call *c, uint32_t t, uint32_t past, uint32_t present) {
  if (past != EI_NONE) {
    t = EI_OX(c, "Concat", present, past, t);
    ei_ox_set_int(c, "axis", 2);
  } else if (present != EI_NONE) {
    t = EI_OX(c, "Identity", present, t);
  }
  return t;
}

static uint32_t both(ei_ox_call *c, uint32_t a, uint32_t b) {
  return a == EI_NONE ? b : EI_OX(c, "And", EI_NONE, a, b);
}

/* Which keys a query may see, by position: causal order, windows, padding. EI_NONE: all. */
static uint32_t positions(ei_ox_call *c, const attention *a) {
  static const int64_t one = 1, zero = 0, column[4] = { -1, 1, 1, 1 };
  const uint32_t past = ei_ox_in(c, 4), seqlen = ei_ox_in(c, 6);
  const int64_t left = ei_ox_int(c, "left_window_size", -1), right = ei_ox_int(c, "right_window_size", -1);
  const bool causal = ei_ox_int(c, "is_causal", 0) != 0;
  const uint32_t start = ei_ox_const_int(c, 0), step = ei_ox_const_int(c, 1);
  uint32_t allowed = EI_NONE, lengths = EI_NONE;
  if (!causal && left < 0 && right < 0 && seqlen == EI_NONE) return EI_NONE;
  const uint32_t n_keys = ei_ox_reshape(c, a->columns, NULL, 0, EI_NONE);
  const uint32_t keys = ei_ox_unsqueeze(c, EI_OX(c, "Range", EI_NONE, start, n_keys, step), &zero, 1);
  if (seqlen != EI_NONE) lengths = ei_ox_reshape(c, ei_ox_cast(c, seqlen, EDGE_DTYPE_S64, EI_NONE), column, 4, EI_NONE);
  if (causal || left >= 0 || right >= 0) {
    const uint32_t n_rows = ei_ox_reshape(c, a->rows, NULL, 0, EI_NONE);
    uint32_t at = ei_ox_unsqueeze(c, EI_OX(c, "Range", EI_NONE, start, n_rows, step), &one, 1);
    if (past != EI_NONE)
      at = EI_OX(c, "Add", EI_NONE, at, ei_ox_length_of(c, past, 2));
    else if (seqlen != EI_NONE)
      at = EI_OX(c, "Add", EI_NONE, at, EI_OX(c, "Sub", EI_NONE, lengths, a->rows));
    if (causal) allowed = EI_OX(c, "LessOrEqual", EI_NONE, keys, at);
    const uint32_t distance = left >= 0 || right >= 0 ? EI_OX(c, "Sub", EI_NONE, at, keys) : EI_NONE;
    if (left >= 0) allowed = both(c, allowed, EI_OX(c, "LessOrEqual", EI_NONE, distance, ei_ox_const_int(c, left)));
    if (right >= 0)
      allowed = both(c, allowed, EI_OX(c, "GreaterOrEqual", EI_NONE, distance, ei_ox_const_int(c, -right)));
  }
  if (lengths != EI_NONE) allowed = both(c, allowed, EI_OX(c, "Less", EI_NONE, keys, lengths));
  return allowed;
}

/* A mask may be shorter than the keys: the rest is masked. */
static uint32_t widen_mask(ei_ox_call *c, const attention *a, uint32_t mask) {
  const edge_tensor *const v = ei_ox_view(c, mask);
  const bool flags = v->dtype == EDGE_DTYPE_BOOL;
  const int64_t have = v->rank > 0 ? v->dims[v->rank - 1] : EI_DIM_UNKNOWN, axis = v->rank - 1;
  int64_t want = 0;
  uint32_t n = 0;
  if (!ei_ox_values(c, a->columns, &want, 1, &n) || have < 0 || want <= have) return mask;
  const int64_t pads[2] = { 0, want - have };
  return EI_OX(c, "Pad", EI_NONE, mask, ei_ox_const_ints(c, pads, 2),
               flags ? EI_NONE : ei_ox_const_of(c, v->dtype, -HUGE_VAL), ei_ox_const_ints(c, &axis, 1));
}

/* What is added to the products; EI_NONE: nothing. */
static uint32_t bias_of(ei_ox_call *c, const attention *a) {
  uint32_t mask = ei_ox_in(c, 3), allowed = positions(c, a);
  if (mask != EI_NONE) {
    mask = widen_mask(c, a, mask);
    if (ei_ox_view(c, mask)->dtype == EDGE_DTYPE_BOOL) {
      allowed = both(c, allowed, mask);
      mask = EI_NONE;
    }
  }
  if (allowed == EI_NONE) return mask;
  return EI_OX(c, "Where", EI_NONE, allowed, mask != EI_NONE ? mask : ei_ox_const_of(c, a->dtype, 0.0),
               ei_ox_const_of(c, a->dtype, -HUGE_VAL));
}

/* A query that may see nothing gets zeros, not NaN. */
static uint32_t guard(ei_ox_call *c, const attention *a, uint32_t probabilities, uint32_t bias, uint32_t out) {
  const int64_t last = -1;
  const uint32_t most = EI_OX(c, "ReduceMax", EI_NONE, bias, ei_ox_const_ints(c, &last, 1));
  ei_ox_set_int(c, "keep_dims", 1);
  const uint32_t dead = EI_OX(c, "Equal", EI_NONE, most, ei_ox_const_of(c, a->dtype, -HUGE_VAL));
  return EI_OX(c, "Where", out, dead, ei_ox_const_of(c, a->dtype, 0.0), probabilities);
}

static uint32_t softmax(ei_ox_call *c, const attention *a, uint32_t x) {
  const int64_t given = ei_ox_int(c, "softmax_precision", 0);
  const int32_t precision = given > 0 && given < 1000 ? ei_ox_dtype((int32_t)given) : EDGE_DTYPE_NONE;
  const bool cast = ei_dtype_is_float(precision) && precision != a->dtype;
  if (cast) x = ei_ox_cast(c, x, precision, EI_NONE);
  x = EI_OX(c, "Softmax", EI_NONE, x);
  ei_ox_set_int(c, "axis", -1);
  return cast ? ei_ox_cast(c, x, a->dtype, EI_NONE) : x;
}

static uint32_t list_of(ei_ox_call *c, const uint32_t *parts, uint32_t n) {
  const uint32_t y = ei_ox_emit1(c, "Concat", EI_NONE, parts, n);
  ei_ox_set_int(c, "axis", 0);
  return y;
}

/* [B, heads, rows, last] by reshaping; the last dimension is given or inferred. */
static uint32_t regroup(ei_ox_call *c, uint32_t t, int64_t heads, uint32_t rows, uint32_t last) {
  const int64_t first[2] = { 0, heads }, rest = -1;
  const uint32_t open = rows == EI_NONE || last == EI_NONE ? ei_ox_const_ints(c, &rest, 1) : EI_NONE;
  const uint32_t parts[3] = { ei_ox_const_ints(c, first, 2), rows == EI_NONE ? open : rows,
                              last == EI_NONE ? open : last };
  return EI_OX(c, "Reshape", EI_NONE, t, list_of(c, parts, 3));
}

uint32_t ei_ox_attention_scores(ei_ox_call *c, const attention *a) {
  const double given = ei_ox_float(c, "scale", 0.0), softcap = ei_ox_float(c, "softcap", 0.0);
  const double scale =
      ei_ox_attr_find(c, "scale") && (given != 0.0 || !*c->n->domain) ? given : 1.0 / sqrt((double)a->size);
  const bool half =
      a->dtype == EDGE_DTYPE_F16 || a->dtype == EDGE_DTYPE_BF16; /* both factors, so that nothing overflows */
  uint32_t q = EI_OX(c, "Mul", EI_NONE, a->q, ei_ox_const_of(c, a->dtype, half ? sqrt(scale) : scale));
  const uint32_t k = half ? EI_OX(c, "Mul", EI_NONE, a->k, ei_ox_const_of(c, a->dtype, sqrt(scale))) : a->k;
  const bool grouped = a->q_heads != a->kv_heads;
  if (grouped) q = regroup(c, q, a->kv_heads, EI_NONE, ei_ox_const_ints(c, &a->size, 1));
  uint32_t s = EI_OX(c, "MatMul", EI_NONE, q, k);
  ei_ox_set_int(c, "trans_b", 1);
  if (grouped) s = regroup(c, s, a->q_heads, a->rows, a->columns);
  if (softcap > 0.0) {
    s = EI_OX(c, "Tanh", EI_NONE, EI_OX(c, "Div", EI_NONE, s, ei_ox_const_of(c, a->dtype, softcap)));
    s = EI_OX(c, "Mul", EI_NONE, s, ei_ox_const_of(c, a->dtype, softcap));
  }
  return s;
}

uint32_t ei_ox_attention_result(ei_ox_call *c, const attention *a, uint32_t p, uint32_t out) {
  static const int64_t perm[4] = { 0, 2, 1, 3 };
  const edge_tensor *const v = ei_ox_view(c, a->v);
  const int64_t size = v->rank == 4 ? v->dims[3] : EI_DIM_UNKNOWN; /* said outright: the others may be open */
  const int64_t joined[3] = { 0, 0, size > 0 && size < INT32_MAX && a->q_heads < INT32_MAX ? a->q_heads * size : -1 };
  const bool grouped = a->q_heads != a->kv_heads, last = !grouped && !a->flat;
  if (grouped) p = regroup(c, p, a->kv_heads, EI_NONE, a->columns);
  uint32_t y = EI_OX(c, "MatMul", last ? out : EI_NONE, p, a->v);
  if (grouped) y = regroup(c, y, a->q_heads, a->rows, EI_NONE);
  if (a->flat) return ei_ox_reshape(c, ei_ox_transpose(c, y, perm, 4, EI_NONE), joined, 3, out);
  return last || out == EI_NONE ? y : EI_OX(c, "Identity", out, y);
}

void ei_ox_map_attention(ei_ox_call *c) {
  const int64_t mode = ei_ox_int(c, "qk_matmul_output_mode", 0);
  const uint32_t inner = ei_ox_out(c, 3);
  attention a;
  memset(&a, 0, sizeof a);
  if (!open_heads(c, &a)) return;
  a.k = ei_ox_with_past(c, a.k, ei_ox_in(c, 4), ei_ox_out(c, 1));
  a.v = ei_ox_with_past(c, a.v, ei_ox_in(c, 5), ei_ox_out(c, 2));
  ei_ox_attention_lengths(c, &a);
  uint32_t s = ei_ox_attention_scores(c, &a);
  if (inner != EI_NONE && mode < 2) EI_OX(c, "Identity", inner, s);
  const uint32_t bias = bias_of(c, &a);
  if (bias != EI_NONE) s = EI_OX(c, "Add", EI_NONE, s, bias);
  if (inner != EI_NONE && mode == 2) EI_OX(c, "Identity", inner, s);
  uint32_t p = softmax(c, &a, s);
  if (bias != EI_NONE) p = guard(c, &a, p, bias, EI_NONE);
  if (inner != EI_NONE && mode == 3) EI_OX(c, "Identity", inner, p);
  ei_ox_attention_result(c, &a, p, ei_ox_out(c, 0));
}

/* Attention with graphs of the model's own between the stages. */
void ei_ox_map_flex_attention(ei_ox_call *c) {
  const ei_ox_attr *const score = ei_ox_attr_find(c, "score_mod"), *const prob = ei_ox_attr_find(c, "prob_mod");
  const int64_t given = ei_ox_int(c, "softmax_precision", 0);
  attention a;
  memset(&a, 0, sizeof a);
  if (ei_ox_rank(c, ei_ox_in(c, 0)) != 4 && ei_ox_ok(c->x))
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "rank 4 is needed");
  if (!open_heads(c, &a)) return;
  const bool half = a.dtype == EDGE_DTYPE_F16 || a.dtype == EDGE_DTYPE_BF16;
  int32_t precision = given > 0 && given < 1000 ? ei_ox_dtype((int32_t)given) : half ? EDGE_DTYPE_F32 : a.dtype;
  if (!ei_dtype_is_float(precision)) precision = a.dtype;
  ei_ox_attention_lengths(c, &a);
  uint32_t s = ei_ox_cast(c, ei_ox_attention_scores(c, &a), precision, EI_NONE);
  if (score && score->g) s = ei_ox_inline_graph(c, score->g, &s, 1);
  uint32_t p = EI_OX(c, "Softmax", EI_NONE, s);
  ei_ox_set_int(c, "axis", -1);
  if (prob && prob->g) p = ei_ox_inline_graph(c, prob->g, &p, 1);
  a.v = ei_ox_cast(c, a.v, precision, EI_NONE);
  ei_ox_cast(c, ei_ox_attention_result(c, &a, p, EI_NONE), a.dtype, ei_ox_out(c, 0));
}
