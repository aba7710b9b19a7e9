/* SPDX-License-Identifier: Apache-2.0
 * LinearAttention: a matrix per head that each step decays, corrects, adds to and is read by the queries. */
#include "op_walk.h"
#include <math.h>

enum { RULE_LINEAR, RULE_GATED, RULE_DELTA, RULE_GATED_DELTA };

static const ei_attr_def attrs[] = { { "q_heads", EI_ATTR_INT, 0 },
                                     { "kv_heads", EI_ATTR_INT, 0 },
                                     { "scale", EI_ATTR_FLOAT, 0 },
                                     { "rule", EI_ATTR_INT, RULE_GATED_DELTA },
                                     { NULL, 0, 0 } };

typedef struct sizes { /* -1: unknown */
  int64_t batch, steps, q_heads, kv_heads, key, value, decay, beta;
  bool gated, delta;
} sizes;

static int64_t last_dim(const edge_tensor *t) {
  return t->rank == 3 ? t->dims[2] : EI_DIM_UNKNOWN;
}

static edge_status read_sizes(ei_op_ctx *c, sizes *s) {
  const int64_t rule = ei_op_int(c, "rule");
  s->q_heads = ei_op_int(c, "q_heads");
  s->kv_heads = ei_op_int(c, "kv_heads");
  s->gated = rule == RULE_GATED || rule == RULE_GATED_DELTA;
  s->delta = rule == RULE_DELTA || rule == RULE_GATED_DELTA;
  if (rule < RULE_LINEAR || rule > RULE_GATED_DELTA || s->q_heads < 1 || s->kv_heads < 1 || s->q_heads > INT32_MAX ||
      s->q_heads % s->kv_heads != 0)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld and %lld heads, rule %lld", (long long)s->q_heads,
                      (long long)s->kv_heads, (long long)rule);
  if (ei_op_has(c, 4) != s->gated || ei_op_has(c, 5) != s->delta)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "decay and beta do not fit the rule");
  s->batch = s->steps = EI_DIM_UNKNOWN;
  for (uint32_t i = 0; i < c->n_in; ++i) {
    if (i == 3 || !ei_op_has(c, i)) continue;
    EI_TRY(ei_op_need_rank(c, i, 3, 3));
    if (c->in[i].rank != 3) continue;
    EI_TRY(ei_op_same_dim(c, &s->batch, c->in[i].dims[0], "batches"));
    EI_TRY(ei_op_same_dim(c, &s->steps, c->in[i].dims[1], "steps"));
  }
  const int64_t q = last_dim(&c->in[0]), k = last_dim(&c->in[1]), v = last_dim(&c->in[2]);
  if ((q >= 0 && q % s->q_heads != 0) || (k >= 0 && k % s->kv_heads != 0) || (v >= 0 && v % s->kv_heads != 0))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "sizes %lld, %lld, %lld do not divide into the heads", (long long)q,
                      (long long)k, (long long)v);
  if (q > INT32_MAX || k > INT32_MAX || v > INT32_MAX)
    return ei_op_fail(c, EDGE_STATUS_LIMIT_EXCEEDED, "the heads are too large");
  s->key = q < 0 ? EI_DIM_UNKNOWN : q / s->q_heads;
  s->value = v < 0 ? EI_DIM_UNKNOWN : v / s->kv_heads;
  EI_TRY(ei_op_same_dim(c, &s->key, k < 0 ? EI_DIM_UNKNOWN : k / s->kv_heads, "sizes of queries and keys"));
  if (s->key > 0 && s->value > (1 << 28) / s->key)
    return ei_op_fail(c, EDGE_STATUS_LIMIT_EXCEEDED, "a state of %lld * %lld values", (long long)s->key,
                      (long long)s->value);
  s->decay = s->gated ? last_dim(&c->in[4]) : 0;
  s->beta = s->delta ? last_dim(&c->in[5]) : 0;
  if (s->gated && s->decay >= 0 && s->decay != s->kv_heads && s->key >= 0 && s->decay != s->kv_heads * s->key)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "decay has %lld values a step", (long long)s->decay);
  if (s->delta && s->beta >= 0 && s->beta != 1 && s->beta != s->kv_heads)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "beta has %lld values a step", (long long)s->beta);
  return EDGE_STATUS_OK;
}

static edge_status infer(ei_op_ctx *c) {
  sizes s;
  EI_TRY(read_sizes(c, &s));
  for (uint32_t i = 0; i < c->n_in; ++i)
    if (ei_op_has(c, i) && !ei_dtype_is_float(c->in[i].dtype))
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "inputs must be floats");
  int64_t state[4] = { s.batch, s.kv_heads, s.key, s.value };
  if (ei_op_has(c, 3)) EI_TRY(ei_op_need_dims(c, 3, 4, state));
  const int64_t dims[3] = { s.batch, s.steps, s.value < 0 ? EI_DIM_UNKNOWN : s.q_heads * s.value };
  ei_op_set_shape(&c->out[0], c->in[0].dtype, 3, dims);
  if (c->n_out > 1) ei_op_set_shape(&c->out[1], c->in[ei_op_has(c, 3) ? 3 : 0].dtype, 4, state);
  EI_TRY(ei_op_check_size(c, 0));
  return c->n_out > 1 ? ei_op_check_size(c, 1) : EDGE_STATUS_OK;
}

/* The state of one head, and one value vector. */
static uint64_t scratch_bytes(const ei_op_ctx *c) {
  const uint64_t heads = (uint64_t)ei_op_int(c, "kv_heads");
  const uint64_t key = (uint64_t)c->in[1].dims[2] / heads, value = (uint64_t)c->in[2].dims[2] / heads;
  return (key * value + value + 1) * sizeof(double);
}

/* One step of one head: `row` counts steps over all batches. */
static void step(ei_op_ctx *c, const sizes *s, int64_t head, int64_t row, double *state, double *v) {
  const int64_t at_k = (row * s->kv_heads + head) * s->key, at_v = (row * s->kv_heads + head) * s->value;
  const double beta = s->delta ? ei_load_f64(&c->in[5], (uint64_t)(row * s->beta + (s->beta == 1 ? 0 : head))) : 1.0;
  const bool each = s->decay != s->kv_heads;
  for (int64_t m = 0; m < s->value; ++m) v[m] = ei_load_f64(&c->in[2], (uint64_t)(at_v + m));
  for (int64_t d = 0; d < s->key && s->gated; ++d) {
    const double g = exp(ei_load_f64(&c->in[4], (uint64_t)(each ? at_k + d : row * s->kv_heads + head)));
    for (int64_t m = 0; m < s->value; ++m) state[d * s->value + m] *= g;
  }
  for (int64_t d = 0; d < s->key && s->delta; ++d) {
    const double k = ei_load_f64(&c->in[1], (uint64_t)(at_k + d));
    for (int64_t m = 0; m < s->value; ++m) v[m] -= state[d * s->value + m] * k;
  }
  for (int64_t d = 0; d < s->key; ++d) {
    const double k = ei_load_f64(&c->in[1], (uint64_t)(at_k + d));
    for (int64_t m = 0; m < s->value; ++m) state[d * s->value + m] += k * beta * v[m];
  }
}

static void read_out(ei_op_ctx *c, const sizes *s, int64_t head, int64_t row, double scale, const double *state) {
  const int64_t group = s->q_heads / s->kv_heads;
  for (int64_t q = head * group; q < (head + 1) * group; ++q)
    for (int64_t m = 0; m < s->value; ++m) {
      double sum = 0;
      for (int64_t d = 0; d < s->key; ++d)
        sum += ei_load_f64(&c->in[0], (uint64_t)((row * s->q_heads + q) * s->key + d)) * state[d * s->value + m];
      ei_store_f64(&c->out[0], (uint64_t)((row * s->q_heads + q) * s->value + m), scale * sum);
    }
}

static edge_status eval(ei_op_ctx *c) {
  sizes s;
  EI_TRY(read_sizes(c, &s));
  const double given = ei_op_float(c, "scale"), scale = given != 0 ? given : 1 / sqrt((double)s.key);
  const int64_t cells = s.key * s.value;
  double *const state = (double *)c->scratch, *const v = state + cells;
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t head = 0; head < s.kv_heads; ++head) {
      const uint64_t at = (uint64_t)((b * s.kv_heads + head) * cells);
      for (int64_t i = 0; i < cells; ++i) state[i] = ei_op_has(c, 3) ? ei_load_f64(&c->in[3], at + (uint64_t)i) : 0;
      for (int64_t t = 0; t < s.steps; ++t) {
        step(c, &s, head, b * s.steps + t, state, v);
        read_out(c, &s, head, b * s.steps + t, scale, state);
      }
      for (int64_t i = 0; i < cells && ei_op_wants(c, 1); ++i) ei_store_f64(&c->out[1], at + (uint64_t)i, state[i]);
    }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_LinearAttention = {
  .name = "LinearAttention",
  .min_in = 3,
  .max_in = 6,
  .min_out = 1,
  .max_out = 2,
  .version = 1,
  .optional_in = 7u << 3,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
  .scratch_bytes = scratch_bytes,
};
