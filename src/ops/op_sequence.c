/* SPDX-License-Identifier: Apache-2.0
 * SequenceLstm and SequenceRnn: TFLite's recurrent operators with their state tensors. Everything is computed on
 * real values in f64; quantized weights are dequantized, quantized states and outputs are rounded each step. */
#include "activation.h"
#include "rows.h"

static const ei_attr_def lstm_attrs[] = { { "act", EI_ATTR_INT, EI_ACT_TANH }, { "cell_clip", EI_ATTR_FLOAT, 0 },
                                          { "proj_clip", EI_ATTR_FLOAT, 0 },   { "time_major", EI_ATTR_INT, 0 },
                                          { "single_step", EI_ATTR_INT, 0 },   { NULL, 0, 0 } };
static const ei_attr_def rnn_attrs[] = {
  { "act", EI_ATTR_INT, 0 }, { "time_major", EI_ATTR_INT, 0 }, { "single_step", EI_ATTR_INT, 0 }, { NULL, 0, 0 }
};

/* Inputs of SequenceLstm. Gates are in the order input, forget, cell, output. */
enum { X = 0, W = 1, R = 5, PEEPHOLE = 9, BIAS = 12, PROJECTION = 16, PROJECTION_BIAS = 17, H = 18, C = 19, NORM = 20 };
enum { GATE_IN, GATE_FORGET, GATE_CELL, GATE_OUT };

typedef struct shape {
  int64_t t, b, i, cells, outputs; /* -1 unknown */
  bool time_major, single;
} shape;

static edge_status read_x(ei_op_ctx *c, shape *s) {
  const edge_tensor *const x = &c->in[X];
  s->single = ei_op_int(c, "single_step") != 0;
  s->time_major = ei_op_int(c, "time_major") != 0;
  s->t = s->single ? 1 : -1;
  s->b = s->i = -1;
  EI_TRY(ei_op_need_rank(c, X, s->single ? 2 : 3, s->single ? 2 : 3));
  if (x->rank < 0) return EDGE_STATUS_OK;
  if (!s->single) s->t = x->dims[s->time_major ? 0 : 1];
  s->b = x->dims[!s->single && s->time_major ? 1 : 0];
  s->i = x->dims[x->rank - 1];
  return EDGE_STATUS_OK;
}

static void set_y(ei_op_ctx *c, const shape *s) {
  const int64_t dims[3] = { s->time_major ? s->t : s->b, s->time_major ? s->b : s->t, s->outputs };
  const int64_t flat[2] = { s->b, s->outputs };
  ei_op_set_shape(&c->out[0], c->in[X].dtype, s->single ? 2 : 3, s->single ? flat : dims);
}

static edge_status check_reals(ei_op_ctx *c) {
  for (uint32_t i = 0; i < c->n_in; ++i) {
    if (ei_op_has(c, i)) EI_TRY(ei_op_need_float(c, i));
  }
  return EDGE_STATUS_OK;
}

static uint64_t x_at(const shape *s, int64_t t, int64_t b, int64_t width) {
  return (uint64_t)((s->time_major ? t * s->b + b : b * s->t + t) * width);
}

/* ---- SequenceLstm */

static edge_status read_lstm(ei_op_ctx *c, shape *s) {
  EI_TRY(read_x(c, s));
  EI_TRY(ei_op_need_rank(c, W + GATE_OUT, 2, 2));
  EI_TRY(ei_op_need_rank(c, R + GATE_OUT, 2, 2));
  const edge_tensor *const w = &c->in[W + GATE_OUT], *const r = &c->in[R + GATE_OUT];
  s->cells = w->rank == 2 ? w->dims[0] : -1;
  s->outputs = r->rank == 2 ? r->dims[1] : -1;
  const int64_t w_dims[2] = { s->cells, s->i }, r_dims[2] = { s->cells, s->outputs },
                p_dims[2] = { s->outputs, s->cells };
  const int64_t h_dims[2] = { s->b, s->outputs }, c_dims[2] = { s->b, s->cells };
  for (uint32_t g = 0; g < 4; ++g) {
    EI_TRY(ei_op_need_dims(c, W + g, 2, w_dims));
    EI_TRY(ei_op_need_dims(c, R + g, 2, r_dims));
    EI_TRY(ei_op_need_vector(c, BIAS + g, s->cells));
    EI_TRY(ei_op_need_vector(c, NORM + g, s->cells));
    if (g < 3) EI_TRY(ei_op_need_vector(c, PEEPHOLE + g, s->cells));
    if (g == GATE_IN ? ei_op_has(c, W) != ei_op_has(c, R) : !ei_op_has(c, W + g) || !ei_op_has(c, R + g))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the weights of gate %u are missing", g);
  }
  EI_TRY(ei_op_need_dims(c, PROJECTION, 2, p_dims));
  EI_TRY(ei_op_need_vector(c, PROJECTION_BIAS, s->outputs));
  EI_TRY(ei_op_need_dims(c, H, 2, h_dims));
  EI_TRY(ei_op_need_dims(c, C, 2, c_dims));
  if (!ei_op_has(c, H) || !ei_op_has(c, C))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "a state tensor is missing");
  if (!ei_op_has(c, PROJECTION) && s->cells >= 0 && s->outputs >= 0 && s->cells != s->outputs)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld cells and %lld outputs need projection weights",
                      (long long)s->cells, (long long)s->outputs);
  return EDGE_STATUS_OK;
}

static edge_status infer_lstm(ei_op_ctx *c) {
  shape s;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  if (act.kind == EI_ACT_CLIP) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "activation 5 is not for cells");
  EI_TRY(check_reals(c));
  EI_TRY(read_lstm(c, &s));
  set_y(c, &s);
  return EDGE_STATUS_OK;
}

static uint64_t lstm_scratch(const ei_op_ctx *c) {
  return 8 * 5 * (uint64_t)c->in[W + GATE_OUT].dims[0];
}

static double dot(const edge_tensor *m, int64_t row, int64_t n, const edge_tensor *v, uint64_t at) {
  double sum = 0.0;
  for (int64_t k = 0; k < n; ++k) sum += ei_real(m, (uint64_t)(row * n + k)) * ei_real(v, at + (uint64_t)k);
  return sum;
}

/* Sums of one gate before its activation: W x + R h + peephole * cells, layer norm, bias. */
static void gate_sums(const ei_op_ctx *c, const shape *s, uint32_t gate, uint64_t x_row, int64_t b, double *out) {
  const uint32_t peephole = gate == GATE_IN ? 0 : gate == GATE_FORGET ? 1 : 2;
  const bool peeps = gate != GATE_CELL && ei_op_has(c, PEEPHOLE + peephole), norms = ei_op_has(c, NORM + gate);
  double mean = 0.0, var = 0.0;
  for (int64_t k = 0; k < s->cells; ++k) {
    double v = dot(&c->in[W + gate], k, s->i, &c->in[X], x_row);
    v += dot(&c->in[R + gate], k, s->outputs, &c->in[H], (uint64_t)(b * s->outputs));
    if (peeps)
      v += ei_real(&c->in[PEEPHOLE + peephole], (uint64_t)k) * ei_real(&c->in[C], (uint64_t)(b * s->cells + k));
    out[k] = v;
    mean += v / (double)s->cells;
  }
  for (int64_t k = 0; k < s->cells; ++k) var += (out[k] - mean) * (out[k] - mean) / (double)s->cells;
  const double inv = 1.0 / sqrt(var + 1e-8);
  for (int64_t k = 0; k < s->cells; ++k) {
    if (norms) out[k] = (out[k] - mean) * inv * ei_real(&c->in[NORM + gate], (uint64_t)k);
    if (ei_op_has(c, BIAS + gate)) out[k] += ei_real(&c->in[BIAS + gate], (uint64_t)k);
  }
}

static double sigmoid(double v) {
  return 1.0 / (1.0 + exp(-v));
}
static double limit(double v, double bound) {
  return bound > 0.0 ? (v < -bound ? -bound : v > bound ? bound : v) : v;
}

static void lstm_step(const ei_op_ctx *c, const shape *s, const ei_act *act, int64_t t, int64_t b) {
  double *const g[4] = { (double *)c->scratch, (double *)c->scratch + s->cells, (double *)c->scratch + 2 * s->cells,
                         (double *)c->scratch + 3 * s->cells };
  double *const hidden = (double *)c->scratch + 4 * s->cells;
  const uint64_t row = x_at(s, t, b, s->i), y_row = x_at(s, t, b, s->outputs);
  const bool coupled = !ei_op_has(c, W);
  for (uint32_t k = coupled ? GATE_FORGET : GATE_IN; k < GATE_OUT; ++k) gate_sums(c, s, k, row, b, g[k]);
  for (int64_t k = 0; k < s->cells; ++k) {
    const uint64_t at = (uint64_t)(b * s->cells + k);
    const double f = sigmoid(g[GATE_FORGET][k]), i = coupled ? 1.0 - f : sigmoid(g[GATE_IN][k]);
    const double v = f * ei_real(&c->in[C], at) + i * ei_act_apply(act, g[GATE_CELL][k]);
    ei_set_real(&c->in[C], at, limit(v, ei_op_float(c, "cell_clip")));
  }
  gate_sums(c, s, GATE_OUT, row, b, g[GATE_OUT]); /* its peephole sees the new cells */
  for (int64_t k = 0; k < s->cells; ++k)
    hidden[k] = sigmoid(g[GATE_OUT][k]) * ei_act_apply(act, ei_real(&c->in[C], (uint64_t)(b * s->cells + k)));
  for (int64_t k = 0; k < s->outputs; ++k) {
    double v = 0.0;
    if (ei_op_has(c, PROJECTION)) {
      for (int64_t j = 0; j < s->cells; ++j) v += ei_real(&c->in[PROJECTION], (uint64_t)(k * s->cells + j)) * hidden[j];
      if (ei_op_has(c, PROJECTION_BIAS)) v += ei_real(&c->in[PROJECTION_BIAS], (uint64_t)k);
      v = limit(v, ei_op_float(c, "proj_clip"));
    } else {
      v = hidden[k];
    }
    ei_set_real(&c->in[H], (uint64_t)(b * s->outputs + k), v);
    ei_set_real(&c->out[0], y_row + (uint64_t)k, v);
  }
}

static edge_status eval_lstm(ei_op_ctx *c) {
  shape s;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  EI_TRY(read_lstm(c, &s));
  for (int64_t b = 0; b < s.b; ++b) {
    for (int64_t t = 0; t < s.t; ++t) lstm_step(c, &s, &act, t, b);
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_SequenceLstm = {
  .name = "SequenceLstm",
  .min_in = 20,
  .max_in = 24,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .flags = EI_OP_STATEFUL,
  .optional_in = 0xf3fe22,
  .mutates_in = UINT64_C(3) << H,
  .attrs = lstm_attrs,
  .infer = infer_lstm,
  .eval = eval_lstm,
  .scratch_bytes = lstm_scratch,
};

/* ---- SequenceRnn: x, w, r, bias, hidden state */

static edge_status read_rnn(ei_op_ctx *c, shape *s) {
  EI_TRY(read_x(c, s));
  EI_TRY(ei_op_need_rank(c, 1, 2, 2));
  s->cells = s->outputs = c->in[1].rank == 2 ? c->in[1].dims[0] : -1;
  const int64_t w[2] = { s->outputs, s->i }, r[2] = { s->outputs, s->outputs }, h[2] = { s->b, s->outputs };
  EI_TRY(ei_op_need_dims(c, 1, 2, w));
  EI_TRY(ei_op_need_dims(c, 2, 2, r));
  EI_TRY(ei_op_need_vector(c, 3, s->outputs));
  return ei_op_need_dims(c, 4, 2, h);
}

static edge_status infer_rnn(ei_op_ctx *c) {
  shape s;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  if (act.kind == EI_ACT_CLIP) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "activation 5 is not for cells");
  EI_TRY(check_reals(c));
  EI_TRY(read_rnn(c, &s));
  set_y(c, &s);
  return EDGE_STATUS_OK;
}

static edge_status eval_rnn(ei_op_ctx *c) {
  shape s;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  EI_TRY(read_rnn(c, &s));
  for (int64_t b = 0; b < s.b; ++b) {
    for (int64_t t = 0; t < s.t; ++t) {
      const uint64_t y_row = x_at(&s, t, b, s.outputs), h_row = (uint64_t)(b * s.outputs);
      for (int64_t k = 0; k < s.outputs; ++k) {
        double v =
            dot(&c->in[1], k, s.i, &c->in[X], x_at(&s, t, b, s.i)) + dot(&c->in[2], k, s.outputs, &c->in[4], h_row);
        if (ei_op_has(c, 3)) v += ei_real(&c->in[3], (uint64_t)k);
        ei_set_real(&c->out[0], y_row + (uint64_t)k, ei_act_apply(&act, v));
      }
      for (int64_t k = 0; k < s.outputs; ++k)
        ei_set_real(&c->in[4], h_row + (uint64_t)k, ei_real(&c->out[0], y_row + (uint64_t)k));
    }
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_SequenceRnn = {
  .name = "SequenceRnn",
  .min_in = 5,
  .max_in = 5,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .flags = EI_OP_STATEFUL,
  .optional_in = 8,
  .mutates_in = 16,
  .attrs = rnn_attrs,
  .infer = infer_rnn,
  .eval = eval_rnn,
};
