/* SPDX-License-Identifier: Apache-2.0
 * Attention: softmax(softcap(q k^T * scale) + mask) v with past keys and values, grouped heads and causal order.
 * Sums are f64. A query that may see no key gives zeros. */
#include "rows.h"

static const ei_attr_def attrs[] = { { "causal", EI_ATTR_INT, 0 },
                                     { "q_heads", EI_ATTR_INT, 0 },
                                     { "kv_heads", EI_ATTR_INT, 0 },
                                     { "scale", EI_ATTR_FLOAT, 0 },
                                     { "softcap", EI_ATTR_FLOAT, 0 },
                                     { "qk_mode", EI_ATTR_INT, 0 },
                                     { NULL, 0, 0 } };

enum { IN_Q, IN_K, IN_V, IN_MASK, IN_PAST_K, IN_PAST_V, IN_LENGTHS };

typedef struct shape {
  int64_t batch, q_heads, kv_heads, queries, keys, past, size, v_size; /* -1 unknown; keys without past */
  bool flat;
} shape;

static int64_t dim(const edge_tensor *t, int32_t rank, int32_t d) {
  return t->rank == rank ? t->dims[d] : -1;
}

/* Heads and size of one operand: [B, heads, length, size] or [B, length, heads * size]. */
static edge_status read_operand(ei_op_ctx *c, uint32_t i, int64_t heads_attr, int64_t *heads, int64_t *length,
                                int64_t *size) {
  const edge_tensor *const t = &c->in[i];
  if (t->rank != 3) {
    *heads = dim(t, 4, 1);
    *length = dim(t, 4, 2);
    *size = dim(t, 4, 3);
    return EDGE_STATUS_OK;
  }
  if (heads_attr < 1) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "inputs of rank 3 need q_heads and kv_heads");
  *heads = heads_attr;
  *length = t->dims[1];
  *size = t->dims[2] < 0 ? -1 : t->dims[2] / heads_attr;
  if (t->dims[2] >= 0 && t->dims[2] % heads_attr != 0)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u does not divide into %lld heads", i,
                      (long long)heads_attr);
  return EDGE_STATUS_OK;
}

static edge_status agree(ei_op_ctx *c, const char *what, int64_t *a, int64_t b) {
  if (*a < 0) *a = b;
  if (b >= 0 && *a != b)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the %s are %lld and %lld", what, (long long)*a, (long long)b);
  return EDGE_STATUS_OK;
}

static edge_status read_past(ei_op_ctx *c, shape *s) {
  if (ei_op_has(c, IN_PAST_K) != ei_op_has(c, IN_PAST_V))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "past keys and values come together");
  s->past = 0;
  if (!ei_op_has(c, IN_PAST_K)) return EDGE_STATUS_OK;
  s->past = -1;
  for (uint32_t i = IN_PAST_K; i <= IN_PAST_V; ++i) {
    const int64_t dims[4] = { s->batch, s->kv_heads, s->past, i == IN_PAST_K ? s->size : s->v_size };
    EI_TRY(ei_op_need_dims(c, i, 4, dims));
    if (s->past < 0) s->past = dim(&c->in[i], 4, 2);
  }
  return EDGE_STATUS_OK;
}

static int64_t total_keys(const shape *s) {
  return s->past >= 0 && s->keys >= 0 ? s->past + s->keys : -1;
}

/* The mask broadcasts to [B, heads, queries, keys]; its last dimension may be shorter: the rest is masked. */
static edge_status check_mask(ei_op_ctx *c, const shape *s) {
  const int64_t dims[4] = { s->batch, s->q_heads, s->queries, total_keys(s) };
  const edge_tensor *const m = &c->in[IN_MASK];
  if (!ei_op_has(c, IN_MASK)) return EDGE_STATUS_OK;
  EI_TRY(ei_op_need_rank(c, IN_MASK, 1, 4));
  for (int32_t d = 0; d < m->rank; ++d) {
    const int64_t want = dims[d + 4 - m->rank];
    const bool last = d == m->rank - 1;
    if (m->dims[d] >= 0 && want >= 0 && m->dims[d] != want && !(last ? m->dims[d] < want : m->dims[d] == 1))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the mask has %lld in dimension %d, %lld is needed",
                        (long long)m->dims[d], d, (long long)want);
  }
  return EDGE_STATUS_OK;
}

static edge_status read_shape(ei_op_ctx *c, shape *s) {
  const int64_t kv_heads = ei_op_int(c, "kv_heads");
  int64_t k_size = -1, v_heads = -1, v_length = -1;
  for (uint32_t i = IN_Q; i <= IN_V; ++i) EI_TRY(ei_op_need_rank(c, i, 3, 4));
  const int32_t rank = c->in[IN_Q].rank;
  for (uint32_t i = IN_K; i <= IN_V; ++i) {
    if (rank >= 0 && c->in[i].rank >= 0 && c->in[i].rank != rank)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "queries, keys and values must have one rank");
  }
  s->flat = rank == 3;
  EI_TRY(read_operand(c, IN_Q, ei_op_int(c, "q_heads"), &s->q_heads, &s->queries, &s->size));
  EI_TRY(read_operand(c, IN_K, kv_heads, &s->kv_heads, &s->keys, &k_size));
  EI_TRY(read_operand(c, IN_V, kv_heads, &v_heads, &v_length, &s->v_size));
  s->batch = rank >= 0 ? c->in[IN_Q].dims[0] : -1;
  for (uint32_t i = IN_K; i <= IN_V; ++i)
    EI_TRY(agree(c, "batches", &s->batch, c->in[i].rank >= 0 ? c->in[i].dims[0] : -1));
  EI_TRY(agree(c, "sizes of a head", &s->size, k_size));
  EI_TRY(agree(c, "heads of keys and values", &s->kv_heads, v_heads));
  EI_TRY(agree(c, "numbers of keys and values", &s->keys, v_length));
  if (s->q_heads >= 0 && s->kv_heads >= 0 && (s->kv_heads == 0 ? s->q_heads != 0 : s->q_heads % s->kv_heads != 0))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld query heads do not share %lld key heads",
                      (long long)s->q_heads, (long long)s->kv_heads);
  EI_TRY(read_past(c, s));
  if (s->keys > INT64_MAX / 4 || s->past > INT64_MAX / 4)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "there are too many keys");
  EI_TRY(ei_op_need_vector(c, IN_LENGTHS, s->batch));
  return check_mask(c, s);
}

static edge_status infer(ei_op_ctx *c) {
  const int32_t t = c->in[IN_Q].dtype;
  const int64_t mode = ei_op_int(c, "qk_mode");
  shape s;
  if (mode < 0 || mode > 3) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "qk_mode %lld is unknown", (long long)mode);
  for (uint32_t i = 0; i < c->n_in; ++i) {
    const int32_t ti = c->in[i].dtype;
    if (!ei_op_has(c, i)) continue;
    if (i == IN_LENGTHS ? !ei_dtype_is_int(ti) : !ei_dtype_is_float(ti) && !(i == IN_MASK && ti == EDGE_DTYPE_BOOL))
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input %u cannot be %s", i, edge_dtype_name(ti));
  }
  EI_TRY(read_shape(c, &s));
  int64_t width = -1;
  if (s.q_heads >= 0 && s.v_size >= 0 && !ei_mul_s64(s.q_heads, s.v_size, &width))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the output is too large");
  const int64_t y4[4] = { s.batch, s.q_heads, s.queries, s.v_size }, y3[3] = { s.batch, s.queries, width };
  const int64_t past_k[4] = { s.batch, s.kv_heads, total_keys(&s), s.size };
  const int64_t past_v[4] = { s.batch, s.kv_heads, total_keys(&s), s.v_size };
  const int64_t qk[4] = { s.batch, s.q_heads, s.queries, total_keys(&s) };
  if (c->in[IN_Q].rank < 0)
    ei_op_set_unknown(&c->out[0], t);
  else
    ei_op_set_shape(&c->out[0], t, s.flat ? 3 : 4, s.flat ? y3 : y4);
  if (c->n_out > 1) ei_op_set_shape(&c->out[1], c->in[IN_K].dtype, 4, past_k);
  if (c->n_out > 2) ei_op_set_shape(&c->out[2], c->in[IN_V].dtype, 4, past_v);
  if (c->n_out > 3) ei_op_set_shape(&c->out[3], t, 4, qk);
  return EDGE_STATUS_OK;
}

static uint64_t scratch_bytes(const ei_op_ctx *c) {
  const edge_tensor *const k = &c->in[IN_K];
  const uint64_t past = ei_op_has(c, IN_PAST_K) ? (uint64_t)c->in[IN_PAST_K].dims[2] : 0;
  return 8 * ((uint64_t)k->dims[k->rank == 3 ? 1 : 2] + past);
}

static uint64_t element(bool flat, int64_t b, int64_t heads, int64_t head, int64_t length, int64_t at, int64_t size) {
  return (uint64_t)((flat ? (b * length + at) * heads + head : (b * heads + head) * length + at) * size);
}

/* First element of key or value j of a head, past ones first. */
static const edge_tensor *cached(const ei_op_ctx *c, const shape *s, uint32_t now, uint32_t past, int64_t b,
                                 int64_t head, int64_t j, int64_t size, uint64_t *at) {
  if (j < s->past) {
    *at = element(false, b, s->kv_heads, head, s->past, j, size);
    return &c->in[past];
  }
  *at = element(s->flat, b, s->kv_heads, head, s->keys, j - s->past, size);
  return &c->in[now];
}

/* What is added to a product: 0, a mask's value or -infinity. */
static double bias(const ei_op_ctx *c, const shape *s, int64_t b, int64_t head, int64_t i, int64_t j) {
  const double never = -(double)INFINITY;
  int64_t offset = s->past;
  if (ei_op_has(c, IN_LENGTHS)) {
    const int64_t used = ei_load_s64(&c->in[IN_LENGTHS], (uint64_t)b);
    if (j >= used) return never;
    if (!ei_op_has(c, IN_PAST_K)) offset = used - s->queries;
  }
  if (ei_op_int(c, "causal") != 0 && j > i + offset) return never;
  if (!ei_op_has(c, IN_MASK)) return 0.0;
  const edge_tensor *const m = &c->in[IN_MASK];
  const int64_t index[4] = { b, head, i, j };
  uint64_t at = 0;
  for (int32_t d = 0; d < m->rank; ++d) {
    const int64_t k = index[d + 4 - m->rank];
    const bool last = d == m->rank - 1;
    if (last && k >= m->dims[d]) return never;
    at = at * (uint64_t)m->dims[d] + (uint64_t)(!last && m->dims[d] == 1 ? 0 : k);
  }
  if (m->dtype == EDGE_DTYPE_BOOL) return ei_load_s64(m, at) != 0 ? 0.0 : never;
  return ei_real(m, at);
}

/* One query of one head. */
static void one_query(ei_op_ctx *c, const shape *s, double scale, int64_t b, int64_t head, int64_t i) {
  double *const p = (double *)c->scratch;
  const int64_t keys = total_keys(s), kv = head / (s->q_heads / s->kv_heads), mode = ei_op_int(c, "qk_mode");
  const double cap = ei_op_float(c, "softcap");
  const uint64_t q_at = element(s->flat, b, s->q_heads, head, s->queries, i, s->size);
  const uint64_t qk_at = element(false, b, s->q_heads, head, s->queries, i, keys);
  const bool shows = ei_op_wants(c, 3);
  double most = -(double)INFINITY, open = most, sum = 0.0;
  for (int64_t j = 0; j < keys; ++j) {
    uint64_t at;
    const edge_tensor *const k = cached(c, s, IN_K, IN_PAST_K, b, kv, j, s->size, &at);
    double v = 0.0;
    for (int64_t d = 0; d < s->size; ++d) v += ei_real(&c->in[IN_Q], q_at + (uint64_t)d) * ei_real(k, at + (uint64_t)d);
    v *= scale;
    if (cap > 0.0) v = cap * tanh(v / cap);
    if (shows && mode < 2) ei_set_real(&c->out[3], qk_at + (uint64_t)j, v);
    const double add = bias(c, s, b, head, i, j);
    if (add > open) open = add;
    p[j] = v + add;
    if (shows && mode == 2) ei_set_real(&c->out[3], qk_at + (uint64_t)j, p[j]);
    if (p[j] > most || p[j] != p[j]) most = p[j];
  }
  for (int64_t j = 0; j < keys; ++j) {
    p[j] = open == -(double)INFINITY ? 0.0 : exp(p[j] - most);
    sum += p[j];
  }
  for (int64_t j = 0; j < keys; ++j) {
    p[j] = sum == 0.0 ? 0.0 : p[j] / sum;
    if (shows && mode == 3) ei_set_real(&c->out[3], qk_at + (uint64_t)j, p[j]);
  }
  const uint64_t y_at = element(s->flat, b, s->q_heads, head, s->queries, i, s->v_size);
  for (int64_t d = 0; ei_op_wants(c, 0) && d < s->v_size; ++d) {
    double v = 0.0;
    for (int64_t j = 0; j < keys; ++j) {
      uint64_t at;
      const edge_tensor *const t = cached(c, s, IN_V, IN_PAST_V, b, kv, j, s->v_size, &at);
      v += p[j] * ei_real(t, at + (uint64_t)d);
    }
    ei_set_real(&c->out[0], y_at + (uint64_t)d, v);
  }
}

static void present(ei_op_ctx *c, const shape *s, uint32_t out, uint32_t now, uint32_t past, int64_t size) {
  uint64_t to = 0;
  if (!ei_op_wants(c, out)) return;
  for (int64_t b = 0; b < s->batch; ++b) {
    for (int64_t head = 0; head < s->kv_heads; ++head) {
      for (int64_t j = 0; j < total_keys(s); ++j) {
        uint64_t at;
        const edge_tensor *const t = cached(c, s, now, past, b, head, j, size, &at);
        for (int64_t d = 0; d < size; ++d) ei_set_real(&c->out[out], to++, ei_real(t, at + (uint64_t)d));
      }
    }
  }
}

static edge_status eval(ei_op_ctx *c) {
  shape s;
  EI_TRY(read_shape(c, &s));
  const double given = ei_op_float(c, "scale");
  const double scale = given != 0.0 ? given : 1.0 / sqrt(s.size > 0 ? (double)s.size : 1.0);
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t head = 0; head < s.q_heads; ++head) {
      for (int64_t i = 0; i < s.queries; ++i) one_query(c, &s, scale, b, head, i);
    }
  }
  present(c, &s, 1, IN_K, IN_PAST_K, s.size);
  present(c, &s, 2, IN_V, IN_PAST_V, s.v_size);
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_Attention = {
  .name = "Attention",
  .min_in = 3,
  .max_in = 7,
  .min_out = 1,
  .max_out = 4,
  .version = 1,
  .optional_in = 0x78,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
  .scratch_bytes = scratch_bytes,
};
