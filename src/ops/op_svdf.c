/* SPDX-License-Identifier: Apache-2.0
 * Svdf: each filter remembers its last products with the input; an output sums `rank` filters over time.
 * Everything is computed on real values in f64; a quantized state is rounded as it is stored. */
#include "activation.h"
#include "rows.h"

static const ei_attr_def attrs[] = { { "rank", EI_ATTR_INT, 1 }, EI_ACT_ATTRS, { NULL, 0, 0 } };

enum { X, FEATURE, TIME, BIAS, STATE };

typedef struct shape {
  int64_t batches, inputs, filters, memory, units, rank;
} shape;

static edge_status read_shape(ei_op_ctx *c, shape *s) {
  s->rank = ei_op_int(c, "rank");
  if (s->rank < 1) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "rank is %lld", (long long)s->rank);
  for (uint32_t i = X; i <= TIME; ++i) EI_TRY(ei_op_need_rank(c, i, 2, 2));
  const edge_tensor *const x = &c->in[X], *const f = &c->in[FEATURE], *const t = &c->in[TIME];
  s->batches = x->rank == 2 ? x->dims[0] : -1;
  s->inputs = x->rank == 2 ? x->dims[1] : -1;
  s->filters = f->rank == 2 ? f->dims[0] : -1;
  s->memory = t->rank == 2 ? t->dims[1] : -1;
  if (s->filters >= 0 && s->filters % s->rank != 0)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld filters do not divide by rank %lld", (long long)s->filters,
                      (long long)s->rank);
  s->units = s->filters >= 0 ? s->filters / s->rank : -1;
  int64_t remembered = -1;
  if (s->filters >= 0 && s->memory >= 0 && !ei_mul_s64(s->filters, s->memory, &remembered))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the state is too large");
  const int64_t feature[2] = { s->filters, s->inputs }, time[2] = { s->filters, s->memory };
  const int64_t state[2] = { s->batches, remembered };
  EI_TRY(ei_op_need_dims(c, FEATURE, 2, feature));
  EI_TRY(ei_op_need_dims(c, TIME, 2, time));
  EI_TRY(ei_op_need_dims(c, STATE, 2, state));
  return ei_op_need_vector(c, BIAS, s->units);
}

static edge_status infer(ei_op_ctx *c) {
  shape s;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  for (uint32_t i = 0; i < c->n_in; ++i) {
    if (ei_op_has(c, i)) EI_TRY(ei_op_need_float(c, i));
  }
  EI_TRY(read_shape(c, &s));
  const int64_t dims[2] = { s.batches, s.units };
  ei_op_set_shape(&c->out[0], c->in[X].dtype, 2, dims);
  return EDGE_STATUS_OK;
}

/* Shift one filter's memory and append its product with the input; its sum over time. */
static double filter_sum(ei_op_ctx *c, const shape *s, int64_t b, int64_t f) {
  const edge_tensor *const state = &c->in[STATE];
  const int64_t base = (b * s->filters + f) * s->memory;
  double now = 0.0, sum = 0.0;
  for (int64_t k = 0; k < s->inputs; ++k)
    now += ei_real(&c->in[X], (uint64_t)(b * s->inputs + k)) * ei_real(&c->in[FEATURE], (uint64_t)(f * s->inputs + k));
  for (int64_t k = 0; k + 1 < s->memory; ++k)
    ei_set_real(state, (uint64_t)(base + k), ei_real(state, (uint64_t)(base + k + 1)));
  if (s->memory > 0) ei_set_real(state, (uint64_t)(base + s->memory - 1), now);
  for (int64_t k = 0; k < s->memory; ++k)
    sum += ei_real(state, (uint64_t)(base + k)) * ei_real(&c->in[TIME], (uint64_t)(f * s->memory + k));
  return sum;
}

static edge_status eval(ei_op_ctx *c) {
  shape s;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  EI_TRY(read_shape(c, &s));
  for (int64_t b = 0; b < s.batches; ++b) {
    for (int64_t u = 0; u < s.units; ++u) {
      double v = ei_op_has(c, BIAS) ? ei_real(&c->in[BIAS], (uint64_t)u) : 0.0;
      for (int64_t r = 0; r < s.rank; ++r) v += filter_sum(c, &s, b, u * s.rank + r);
      ei_set_real(&c->out[0], (uint64_t)(b * s.units + u), ei_act_apply(&act, v));
    }
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_Svdf = {
  .name = "Svdf",
  .min_in = 5,
  .max_in = 5,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .flags = EI_OP_STATEFUL,
  .optional_in = 8,
  .mutates_in = 16,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
};
