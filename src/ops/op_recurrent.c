/* SPDX-License-Identifier: Apache-2.0
 * Lstm, Gru and Rnn with ONNX's gate order and layouts. States and sums are f64; results are rounded once. */
#include "rows.h"

static const ei_attr_def attrs[] = { { "hidden", EI_ATTR_INT, 0 },
                                     { "direction", EI_ATTR_INT, 0 },
                                     { "clip", EI_ATTR_FLOAT, 0 },
                                     { "input_forget", EI_ATTR_INT, 0 },
                                     { "linear_before_reset", EI_ATTR_INT, 0 },
                                     { "layout", EI_ATTR_INT, 0 },
                                     { "activations", EI_ATTR_INTS, 0 },
                                     { "act_alpha", EI_ATTR_FLOATS, 0 },
                                     { "act_beta", EI_ATTR_FLOATS, 0 },
                                     { NULL, 0, 0 } };

enum { SIGMOID, TANH, RELU, HARD_SIGMOID, LEAKY_RELU, AFFINE, SCALED_TANH, THRESHOLDED_RELU, ELU, SOFTSIGN, SOFTPLUS };
enum { IN_X, IN_W, IN_R, IN_B, IN_LENGTHS, IN_H0, IN_C0, IN_P };

typedef struct activation {
  int64_t kind;
  double alpha, beta;
} activation;

typedef struct cell {
  int64_t gates, n_act;  /* 4 and 3 for Lstm, 3 and 2 for Gru, 1 and 1 for Rnn */
  int64_t t, b, i, h, d; /* steps, batch, input, hidden, directions; -1 unknown */
  bool batch_first;
  activation act[2][3];
} cell;

/* ---- attributes and shapes */

static double default_alpha(int64_t kind) {
  return kind == HARD_SIGMOID ? 0.2 : kind == LEAKY_RELU ? 0.01 : 1.0;
}
static double default_beta(int64_t kind) {
  return kind == HARD_SIGMOID ? 0.5 : kind == SCALED_TANH ? 1.0 : 0.0;
}
static bool uses_alpha(int64_t kind) {
  return kind >= HARD_SIGMOID && kind <= ELU;
}
static bool uses_beta(int64_t kind) {
  return kind == HARD_SIGMOID || kind == AFFINE || kind == SCALED_TANH;
}

/* One parameter: lists as long as the activations are positional, shorter ones serve those that use it in order. */
static double parameter(const ei_attr *list, uint32_t n_act, uint32_t at, uint32_t *used, bool uses, double def) {
  if (list == NULL || list->kind != EI_ATTR_FLOATS || !uses) return def;
  const uint32_t k = list->count == n_act ? at : (*used)++;
  return k < list->count ? list->u.floats[k] : def;
}

static edge_status read_activations(ei_op_ctx *c, cell *s) {
  int64_t kinds[6];
  const uint32_t n = ei_node_ints(c->node, "activations", kinds, 6), want = (uint32_t)(s->n_act * s->d);
  const ei_attr *const alphas = ei_node_attr(c->node, "act_alpha"), *const betas = ei_node_attr(c->node, "act_beta");
  uint32_t used_alpha = 0, used_beta = 0;
  if (n != 0 && n != want)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "activations has %u values, %u are needed", n, want);
  for (uint32_t k = 0; k < want; ++k) {
    const uint32_t in_cell = k % (uint32_t)s->n_act;
    const bool gate = s->n_act > 1 && in_cell == 0;
    const int64_t kind = n == 0 ? (gate ? SIGMOID : TANH) : kinds[k];
    if (kind < SIGMOID || kind > SOFTPLUS)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "activation %lld is unknown", (long long)kind);
    activation *const a = &s->act[k / (uint32_t)s->n_act][in_cell];
    a->kind = kind;
    a->alpha = parameter(alphas, want, k, &used_alpha, uses_alpha(kind), default_alpha(kind));
    a->beta = parameter(betas, want, k, &used_beta, uses_beta(kind), default_beta(kind));
  }
  return EDGE_STATUS_OK;
}

static edge_status read_cell(ei_op_ctx *c, cell *s) {
  const edge_tensor *const x = &c->in[IN_X], *const r = &c->in[IN_R];
  const int64_t direction = ei_op_int(c, "direction"), hidden = ei_op_int(c, "hidden"), layout = ei_op_int(c, "layout");
  if (direction < 0 || direction > 2 || layout < 0 || layout > 1)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "direction %lld or layout %lld is unknown", (long long)direction,
                      (long long)layout);
  if (hidden < 0 || hidden > INT32_MAX)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "hidden is %lld", (long long)hidden);
  s->batch_first = layout == 1;
  s->d = direction == 2 ? 2 : 1;
  EI_TRY(ei_op_need_rank(c, IN_X, 3, 3));
  EI_TRY(ei_op_need_rank(c, IN_R, 3, 3));
  s->t = x->rank == 3 ? x->dims[layout] : -1;
  s->b = x->rank == 3 ? x->dims[1 - layout] : -1;
  s->i = x->rank == 3 ? x->dims[2] : -1;
  s->h = hidden > 0 ? hidden : r->rank == 3 ? r->dims[2] : -1;
  if (s->h > INT32_MAX) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the hidden size is too large");
  const int64_t gh = s->h >= 0 ? s->gates * s->h : -1, bias = gh >= 0 ? 2 * gh : -1;
  const int64_t w_dims[3] = { s->d, gh, s->i }, r_dims[3] = { s->d, gh, s->h }, b_dims[2] = { s->d, bias };
  const int64_t p_dims[2] = { s->d, s->h >= 0 ? 3 * s->h : -1 };
  const int64_t state[3] = { s->batch_first ? s->b : s->d, s->batch_first ? s->d : s->b, s->h };
  EI_TRY(ei_op_need_dims(c, IN_W, 3, w_dims));
  EI_TRY(ei_op_need_dims(c, IN_R, 3, r_dims));
  EI_TRY(ei_op_need_dims(c, IN_B, 2, b_dims));
  EI_TRY(ei_op_need_dims(c, IN_LENGTHS, 1, &s->b));
  EI_TRY(ei_op_need_dims(c, IN_H0, 3, state));
  EI_TRY(ei_op_need_dims(c, IN_C0, 3, state));
  EI_TRY(ei_op_need_dims(c, IN_P, 2, p_dims));
  return read_activations(c, s);
}

static edge_status infer_cell(ei_op_ctx *c, cell *s) {
  const int32_t dtype = c->in[IN_X].dtype;
  for (uint32_t i = 0; i < c->n_in; ++i) {
    if (!ei_op_has(c, i)) continue;
    if (i == IN_LENGTHS) {
      if (!ei_dtype_is_int(c->in[i].dtype))
        return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "lengths must be integers");
    } else if (!ei_dtype_is_float(c->in[i].dtype) && !(i > 0 && ei_is_quantized(&c->in[i]))) {
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input %u must be a float, not %s", i,
                        edge_dtype_name(c->in[i].dtype));
    }
  }
  EI_TRY(read_cell(c, s));
  const int64_t y[4] = { s->batch_first ? s->b : s->t, s->batch_first ? s->t : s->d, s->batch_first ? s->d : s->b,
                         s->h };
  const int64_t state[3] = { s->batch_first ? s->b : s->d, s->batch_first ? s->d : s->b, s->h };
  for (uint32_t k = 0; k < c->n_out; ++k) ei_op_set_shape(&c->out[k], dtype, k == 0 ? 4 : 3, k == 0 ? y : state);
  return EDGE_STATUS_OK;
}

/* ---- evaluation of one sequence of one direction */

typedef struct sequence {
  const cell *s;
  ei_op_ctx *c;
  int64_t dir, batch;
  double clip, *h, *cell_state, *px, *ph, *reset; /* px, ph: gates x H from the input and from the state */
} sequence;

static double activate(const sequence *q, int k, double v) {
  const activation *const a = &q->s->act[q->dir][k];
  if (q->clip > 0.0) v = v < -q->clip ? -q->clip : v > q->clip ? q->clip : v;
  switch (a->kind) {
  case SIGMOID: return 1.0 / (1.0 + exp(-v));
  case TANH: return tanh(v);
  case RELU: return v < 0.0 ? 0.0 : v;
  case HARD_SIGMOID: {
    const double u = a->alpha * v + a->beta;
    return u < 0.0 ? 0.0 : u > 1.0 ? 1.0 : u;
  }
  case LEAKY_RELU: return v < 0.0 ? a->alpha * v : v;
  case AFFINE: return a->alpha * v + a->beta;
  case SCALED_TANH: return a->alpha * tanh(a->beta * v);
  case THRESHOLDED_RELU: return v >= a->alpha ? v : 0.0;
  case ELU: return v < 0.0 ? a->alpha * expm1(v) : v;
  case SOFTSIGN: return v / (1.0 + fabs(v));
  default: return v > 0.0 ? v + log1p(exp(-v)) : log1p(exp(v));
  }
}

static double bias(const sequence *q, int64_t row, bool recurrent) {
  const int64_t gh = q->s->gates * q->s->h;
  if (!ei_op_has(q->c, IN_B)) return 0.0;
  return ei_real(&q->c->in[IN_B], (uint64_t)(q->dir * 2 * gh + (recurrent ? gh : 0) + row));
}

/* One row of R times a state vector. */
static double recur(const sequence *q, int64_t row, const double *h) {
  const int64_t hidden = q->s->h, base = (q->dir * q->s->gates * hidden + row) * hidden;
  double sum = bias(q, row, true);
  for (int64_t k = 0; k < hidden; ++k) sum += ei_real(&q->c->in[IN_R], (uint64_t)(base + k)) * h[k];
  return sum;
}

static void products(const sequence *q, int64_t t) {
  const cell *const s = q->s;
  const int64_t rows = s->gates * s->h, x_at = (s->batch_first ? q->batch * s->t + t : t * s->b + q->batch) * s->i;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t w_at = (q->dir * rows + row) * s->i;
    double sum = bias(q, row, false);
    for (int64_t k = 0; k < s->i; ++k)
      sum += ei_real(&q->c->in[IN_X], (uint64_t)(x_at + k)) * ei_real(&q->c->in[IN_W], (uint64_t)(w_at + k));
    q->px[row] = sum;
    q->ph[row] = recur(q, row, q->h);
  }
}

static double peephole(const sequence *q, int64_t gate, int64_t k, double v) {
  if (!ei_op_has(q->c, IN_P)) return 0.0;
  return ei_real(&q->c->in[IN_P], (uint64_t)((q->dir * 3 + gate) * q->s->h + k)) * v;
}

static void step_lstm(const sequence *q) {
  const int64_t n = q->s->h;
  const bool coupled = ei_op_int(q->c, "input_forget") != 0;
  for (int64_t k = 0; k < n; ++k) { /* gates i o f c, peepholes i o f */
    const double old = q->cell_state[k];
    const double i = activate(q, 0, q->px[k] + q->ph[k] + peephole(q, 0, k, old));
    const double f = coupled ? 1.0 - i : activate(q, 0, q->px[2 * n + k] + q->ph[2 * n + k] + peephole(q, 2, k, old));
    const double g = activate(q, 1, q->px[3 * n + k] + q->ph[3 * n + k]);
    const double now = f * old + i * g;
    const double o = activate(q, 0, q->px[n + k] + q->ph[n + k] + peephole(q, 1, k, now));
    q->cell_state[k] = now;
    q->h[k] = o * activate(q, 2, now);
  }
}

static void step_gru(const sequence *q) {
  const int64_t n = q->s->h;
  const bool linear = ei_op_int(q->c, "linear_before_reset") != 0;
  for (int64_t k = 0; k < n; ++k) {
    const double r = activate(q, 0, q->px[n + k] + q->ph[n + k]);
    q->reset[k] = linear ? r : r * q->h[k];
  }
  for (int64_t k = 0; k < n; ++k) {
    const double from_state = linear ? q->reset[k] * q->ph[2 * n + k] : recur(q, 2 * n + k, q->reset);
    q->px[2 * n + k] = activate(q, 1, q->px[2 * n + k] + from_state);
  }
  for (int64_t k = 0; k < n; ++k) {
    const double z = activate(q, 0, q->px[k] + q->ph[k]);
    q->h[k] = (1.0 - z) * q->px[2 * n + k] + z * q->h[k];
  }
}

static void step_rnn(const sequence *q) {
  for (int64_t k = 0; k < q->s->h; ++k) q->h[k] = activate(q, 0, q->px[k] + q->ph[k]);
}

static uint64_t state_at(const sequence *q, int64_t k) {
  const cell *const s = q->s;
  return (uint64_t)((s->batch_first ? q->batch * s->d + q->dir : q->dir * s->b + q->batch) * s->h + k);
}

static void run_sequence(const sequence *q, int64_t length, bool reverse) {
  const cell *const s = q->s;
  for (int64_t k = 0; k < s->h; ++k) {
    q->h[k] = ei_op_has(q->c, IN_H0) ? ei_real(&q->c->in[IN_H0], state_at(q, k)) : 0.0;
    q->cell_state[k] = ei_op_has(q->c, IN_C0) ? ei_real(&q->c->in[IN_C0], state_at(q, k)) : 0.0;
  }
  for (int64_t step = 0; step < s->t; ++step) {
    const int64_t t = reverse && step < length ? length - 1 - step : step;
    if (step < length) {
      products(q, t);
      if (s->gates == 4)
        step_lstm(q);
      else if (s->gates == 3)
        step_gru(q);
      else
        step_rnn(q);
    }
    if (!ei_op_wants(q->c, 0)) continue;
    const int64_t at = s->batch_first ? (q->batch * s->t + t) * s->d + q->dir : (t * s->d + q->dir) * s->b + q->batch;
    for (int64_t k = 0; k < s->h; ++k)
      ei_set_real(&q->c->out[0], (uint64_t)(at * s->h + k), step < length ? q->h[k] : 0.0);
  }
  for (int64_t k = 0; k < s->h; ++k) {
    if (ei_op_wants(q->c, 1)) ei_set_real(&q->c->out[1], state_at(q, k), q->h[k]);
    if (ei_op_wants(q->c, 2)) ei_set_real(&q->c->out[2], state_at(q, k), q->cell_state[k]);
  }
}

/* h, c and the reset vector, and two vectors of gates. R is [D, gates * H, H]. */
static uint64_t scratch_bytes(const ei_op_ctx *c) {
  return 8 * (3 * (uint64_t)c->in[IN_R].dims[2] + 2 * (uint64_t)c->in[IN_R].dims[1]);
}

static edge_status eval_cell(ei_op_ctx *c, cell *s) {
  EI_TRY(read_cell(c, s));
  sequence q = { .s = s, .c = c, .clip = ei_op_float(c, "clip") };
  q.h = (double *)c->scratch;
  q.cell_state = q.h + s->h;
  q.reset = q.cell_state + s->h;
  q.px = q.reset + s->h;
  q.ph = q.px + s->gates * s->h;
  for (q.dir = 0; q.dir < s->d; ++q.dir) {
    for (q.batch = 0; q.batch < s->b; ++q.batch) {
      const int64_t length = ei_op_has(c, IN_LENGTHS) ? ei_load_s64(&c->in[IN_LENGTHS], (uint64_t)q.batch) : s->t;
      if (length < 0 || length > s->t)
        return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "sequence %lld is %lld steps long, the input has %lld",
                          (long long)q.batch, (long long)length, (long long)s->t);
      run_sequence(&q, length, q.dir == 1 || ei_op_int(c, "direction") == 1);
    }
  }
  return EDGE_STATUS_OK;
}

#define RECURRENT(Name, n_gates, activations, inputs, outputs) \
  static edge_status infer_##Name(ei_op_ctx *c) {              \
    cell s = { .gates = n_gates, .n_act = activations };       \
    return infer_cell(c, &s);                                  \
  }                                                            \
  static edge_status eval_##Name(ei_op_ctx *c) {               \
    cell s = { .gates = n_gates, .n_act = activations };       \
    return eval_cell(c, &s);                                   \
  }                                                            \
  const ei_op_def ei_op_##Name = {                             \
    .name = #Name,                                             \
    .min_in = 3,                                               \
    .max_in = inputs,                                          \
    .min_out = 0,                                              \
    .max_out = outputs,                                        \
    .version = 1,                                              \
    .optional_in = 0xf8,                                       \
    .attrs = attrs,                                            \
    .infer = infer_##Name,                                     \
    .eval = eval_##Name,                                       \
    .scratch_bytes = scratch_bytes,                            \
  };

RECURRENT(Lstm, 4, 3, 8, 3)
RECURRENT(Gru, 3, 2, 6, 2)
RECURRENT(Rnn, 1, 1, 6, 2)
