/* SPDX-License-Identifier: Apache-2.0
 * Operators that exporters write out in small steps become one again: Gelu, Swish, HardSwish, LayerNorm, RmsNorm,
 * Softmax.
 *
 * Each matcher starts at the last node of its pattern and rewrites that node; what becomes unused is dead code. */
#include "pass.h"

static bool near(double a, double b) {
  const double d = a - b, size = b < 0 ? -b : b;
  return d <= 1e-3 * size && -d <= 1e-3 * size;
}

static bool is_const(const ei_uses *u, uint32_t t, double want) {
  double v = 0.0;
  return ei_const_scalar(u, t, &v) && (want == 0.0 ? v == 0.0 : near(v, want));
}

/* Commutative node with one constant operand near `want`: the other operand, or EI_NONE. */
static uint32_t other_of(const ei_uses *u, const ei_node *n, double want) {
  if (!n || n->n_in != 2 || ei_node_int(n, "act") != 0) return EI_NONE;
  if (is_const(u, n->in[1], want)) return n->in[0];
  return is_const(u, n->in[0], want) ? n->in[1] : EI_NONE;
}

static const ei_node *made_by(const ei_uses *u, uint32_t t, const char *op) {
  const ei_node *const n = ei_uses_producer(u, t, op);
  return n && ei_node_int(n, "act") == 0 ? n : NULL;
}

/* ---- Gelu: x * 0.5 * (1 + erf(x / sqrt 2)), multiplied in any order */

/* t == 1 + erf(x / sqrt 2): x, or EI_NONE. */
static uint32_t one_plus_erf(const ei_uses *u, uint32_t t) {
  const uint32_t e = other_of(u, made_by(u, t, "Add"), 1.0);
  const ei_node *const erf = e == EI_NONE ? NULL : ei_uses_producer(u, e, "Erf");
  if (!erf) return EI_NONE;
  const uint32_t scaled = other_of(u, made_by(u, erf->in[0], "Mul"), 0.70710678);
  if (scaled != EI_NONE) return scaled;
  const ei_node *const div = made_by(u, erf->in[0], "Div");
  return div && is_const(u, div->in[1], 1.41421356) ? div->in[0] : EI_NONE;
}

enum { MAX_FACTORS = 4 };

/* Factors of a product of products. */
static uint32_t factors(const ei_uses *u, const ei_node *mul, uint32_t *out, uint32_t n, int depth) {
  for (uint32_t k = 0; k < 2; ++k) {
    const ei_node *const inner = depth < 2 && u->count[mul->in[k]] == 1 ? made_by(u, mul->in[k], "Mul") : NULL;
    if (inner)
      n = factors(u, inner, out, n, depth + 1);
    else if (n < MAX_FACTORS)
      out[n++] = mul->in[k];
    else
      return MAX_FACTORS + 1;
    if (n > MAX_FACTORS) return n;
  }
  return n;
}

static edge_status match_gelu(ei_uses *u, uint32_t i) {
  uint32_t f[MAX_FACTORS], x = EI_NONE, halves = 0, others = 0;
  const ei_node *const n = &u->sg->nodes[i];
  if (!ei_is_op(n, "Mul") || ei_node_int(n, "act") != 0) return EDGE_STATUS_OK;
  const uint32_t count = factors(u, n, f, 0, 0);
  if (count != 3) return EDGE_STATUS_OK;
  for (uint32_t k = 0; k < 3; ++k)
    if (x == EI_NONE) x = one_plus_erf(u, f[k]);
  for (uint32_t k = 0; k < 3 && x != EI_NONE; ++k) {
    halves += is_const(u, f[k], 0.5);
    others += f[k] == x;
  }
  if (halves == 1 && others == 1) (void)ei_uses_rewrite(u, i, "Gelu", &x, 1);
  return EDGE_STATUS_OK;
}

/* ---- Swish and HardSwish */

static edge_status match_swish(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  if (!ei_is_op(n, "Mul") || n->n_in != 2 || ei_node_int(n, "act") != 0) return EDGE_STATUS_OK;
  for (uint32_t k = 0; k < 2; ++k) {
    const uint32_t x = n->in[1 - k];
    const ei_node *const s = ei_uses_producer(u, n->in[k], "Sigmoid"), *const h =
                                                                           ei_uses_producer(u, n->in[k], "HardSigmoid");
    if (x == EI_NONE || !ei_dtype_is_float(ei_uses_tensor(u, x)->dtype)) continue;
    if (s && s->in[0] == x && ei_op_find("Swish")) return ei_uses_rewrite(u, i, "Swish", &x, 1), EDGE_STATUS_OK;
    if (h && h->in[0] == x && near(ei_node_float(h, "alpha"), 1.0 / 6.0) && near(ei_node_float(h, "beta"), 0.5))
      return ei_uses_rewrite(u, i, "HardSwish", &x, 1), EDGE_STATUS_OK;
  }
  return EDGE_STATUS_OK;
}

/* t == clip(x + 3, 0, 6) */
static bool shifted_relu6(const ei_uses *u, uint32_t t, uint32_t x) {
  const ei_node *n = ei_uses_producer(u, t, "Clip");
  if (n && !(n->n_in == 3 && is_const(u, n->in[1], 0.0) && is_const(u, n->in[2], 6.0))) return false;
  if (!n) n = ei_uses_producer(u, t, "Relu6");
  return n && other_of(u, made_by(u, n->in[0], "Add"), 3.0) == x;
}

/* x * clip(x + 3, 0, 6) / 6 */
static edge_status match_hard_swish(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  uint32_t product = EI_NONE;
  if (ei_node_int(n, "act") != 0) return EDGE_STATUS_OK;
  if (ei_is_op(n, "Div") && is_const(u, n->in[1], 6.0)) product = n->in[0];
  if (ei_is_op(n, "Mul")) product = other_of(u, n, 1.0 / 6.0);
  const ei_node *const mul = product == EI_NONE ? NULL : made_by(u, product, "Mul");
  for (uint32_t k = 0; mul && k < 2; ++k) {
    const uint32_t x = mul->in[k];
    if (!shifted_relu6(u, mul->in[1 - k], x)) continue;
    (void)ei_uses_rewrite(u, i, "HardSwish", &x, 1);
    break;
  }
  return EDGE_STATUS_OK;
}

/* ---- normalisation over the last dimension */

/* t is ReduceMean of its operand over the last dimension, dimensions kept: the operand. */
static uint32_t mean_of(const ei_uses *u, uint32_t t) {
  const ei_node *const n = ei_uses_producer(u, t, "ReduceMean");
  int64_t axis[1];
  uint32_t count = 0;
  if (!n || n->n_in < 2 || n->in[0] == EI_NONE || ei_node_int(n, "keep_dims") == 0) return EI_NONE;
  if (!ei_const_ints(u, n->in[1], axis, 1, &count) || count != 1) return EI_NONE;
  const int32_t rank = ei_uses_tensor(u, n->in[0])->rank;
  return axis[0] == -1 || (rank > 0 && axis[0] == rank - 1) ? n->in[0] : EI_NONE;
}

/* t == v * v: v */
static uint32_t square_root_of(const ei_uses *u, uint32_t t) {
  const ei_node *const square = ei_uses_producer(u, t, "Square"), *const mul = made_by(u, t, "Mul");
  const ei_node *const power = ei_uses_producer(u, t, "Pow");
  if (square) return square->in[0];
  if (mul && mul->in[0] == mul->in[1]) return mul->in[0];
  return power && is_const(u, power->in[1], 2.0) ? power->in[0] : EI_NONE;
}

/* t == v * v, or (a - b)^2 where v == a - b */
static bool is_square_of(const ei_uses *u, uint32_t t, uint32_t v) {
  const ei_node *const difference = made_by(u, t, "SquaredDifference"), *const sub = made_by(u, v, "Sub");
  if (difference == NULL || sub == NULL) return square_root_of(u, t) == v;
  return (difference->in[0] == sub->in[0] && difference->in[1] == sub->in[1]) ||
         (difference->in[0] == sub->in[1] && difference->in[1] == sub->in[0]);
}

/* t == mean(v * v) + epsilon */
static bool is_spread_of(const ei_uses *u, uint32_t t, uint32_t v, double *epsilon) {
  const ei_node *const add = made_by(u, t, "Add");
  for (uint32_t k = 0; add && k < 2; ++k) {
    const uint32_t squares = ei_const_scalar(u, add->in[k], epsilon) ? mean_of(u, add->in[1 - k]) : EI_NONE;
    if (squares != EI_NONE && *epsilon >= 0.0) return is_square_of(u, squares, v);
  }
  return false;
}

/* n == v / sqrt(mean(v * v) + epsilon), written one way or another: v */
static uint32_t normalised(const ei_uses *u, const ei_node *n, double *epsilon) {
  if (!n || n->n_in != 2 || ei_node_int(n, "act") != 0) return EI_NONE;
  for (uint32_t k = 0; k < 2; ++k) {
    const uint32_t v = n->in[k], by = n->in[1 - k];
    const ei_node *root = NULL;
    if (ei_is_op(n, "Div") && k == 0) root = ei_uses_producer(u, by, "Sqrt");
    if (ei_is_op(n, "Mul")) {
      root = ei_uses_producer(u, by, "Rsqrt");
      const ei_node *const inverse = ei_uses_producer(u, by, "Reciprocal"), *const one_over = made_by(u, by, "Div");
      if (inverse) root = ei_uses_producer(u, inverse->in[0], "Sqrt");
      if (one_over && is_const(u, one_over->in[0], 1.0)) root = ei_uses_producer(u, one_over->in[1], "Sqrt");
    }
    if (root && v != EI_NONE && is_spread_of(u, root->in[0], v, epsilon)) return v;
  }
  return EI_NONE;
}

/* v == x - mean(x): x */
static uint32_t centred(const ei_uses *u, uint32_t v) {
  const ei_node *const sub = made_by(u, v, "Sub");
  return sub && sub->in[0] != EI_NONE && mean_of(u, sub->in[1]) == sub->in[0] ? sub->in[0] : EI_NONE;
}

static bool is_row(const ei_uses *u, uint32_t t, uint32_t x) {
  const ei_tensor *const c = ei_uses_tensor(u, t), *const v = ei_uses_tensor(u, x);
  return c->data && c->rank == 1 && v->rank > 0 && v->dims[v->rank - 1] == c->dims[0] && c->dtype == v->dtype &&
         c->quant.count == 0;
}

static edge_status match_norm(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  double epsilon = 0.0;
  const uint32_t v = normalised(u, n, &epsilon);
  if (v == EI_NONE || !ei_dtype_is_float(ei_uses_tensor(u, v)->dtype)) return EDGE_STATUS_OK;
  const uint32_t x = centred(u, v);
  const char *const op = x != EI_NONE ? "LayerNorm" : "RmsNorm";
  const uint32_t in[1] = { x != EI_NONE ? x : v };
  ei_node *const r = ei_op_find(op) ? ei_uses_rewrite(u, i, op, in, 1) : NULL;
  if (!r) return EDGE_STATUS_OK;
  EI_TRY(ei_node_set_int(u->g, r, "axis", -1));
  return ei_node_set_float(u->g, r, "epsilon", epsilon);
}

/* (x - mean(x)) * (rsqrt(..) * gamma): the scale went to the root first. */
static edge_status match_scaled_norm(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  if (!ei_is_op(n, "Mul") || n->n_in != 2 || ei_node_int(n, "act") != 0 || !ei_op_find("LayerNorm"))
    return EDGE_STATUS_OK;
  for (uint32_t k = 0; k < 4; ++k) {
    double epsilon = 0.0;
    const uint32_t v = n->in[k & 1];
    const ei_node *const by = made_by(u, n->in[1 - (k & 1)], "Mul");
    const ei_node *const root = by ? ei_uses_producer(u, by->in[k >> 1], "Rsqrt") : NULL;
    const uint32_t x = root && v != EI_NONE ? centred(u, v) : EI_NONE;
    if (x == EI_NONE || !ei_dtype_is_float(ei_uses_tensor(u, x)->dtype) || !is_spread_of(u, root->in[0], v, &epsilon) ||
        !is_row(u, by->in[1 - (k >> 1)], x))
      continue;
    const uint32_t in[2] = { x, by->in[1 - (k >> 1)] };
    ei_node *const r = ei_uses_rewrite(u, i, "LayerNorm", in, 2);
    if (!r) return EDGE_STATUS_OUT_OF_MEMORY;
    EI_TRY(ei_node_set_int(u->g, r, "axis", -1));
    return ei_node_set_float(u->g, r, "epsilon", epsilon);
  }
  return EDGE_STATUS_OK;
}

/* norm(x) * gamma + beta: the constants become inputs of the norm. */
static edge_status match_scale(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  const bool mul = ei_is_op(n, "Mul"), add = ei_is_op(n, "Add");
  if ((!mul && !add) || n->n_in != 2 || ei_node_int(n, "act") != 0) return EDGE_STATUS_OK;
  for (uint32_t k = 0; k < 2; ++k) {
    const uint32_t y = n->in[k], c = n->in[1 - k];
    const ei_node *norm = ei_uses_producer(u, y, "LayerNorm");
    const bool layer = norm != NULL;
    if (!norm && mul) norm = ei_uses_producer(u, y, "RmsNorm");
    if (!norm || u->count[y] != 1 || norm->n_out > 1 || !is_row(u, c, norm->in[0])) continue;
    if (norm->n_in != (mul ? 1u : 2u) && !(add && norm->n_in == 1)) continue;
    const double epsilon = ei_node_float(norm, "epsilon");
    const int64_t axis = ei_node_int(norm, "axis");
    if (axis != -1) continue;
    uint32_t in[3] = { norm->in[0], mul ? c : norm->n_in > 1 ? norm->in[1] : EI_NONE, mul ? EI_NONE : c };
    ei_node *const r = ei_uses_rewrite(u, i, layer ? "LayerNorm" : "RmsNorm", in, mul ? 2 : 3);
    if (!r) return EDGE_STATUS_OUT_OF_MEMORY;
    EI_TRY(ei_node_set_int(u->g, r, "axis", -1));
    return ei_node_set_float(u->g, r, "epsilon", epsilon);
  }
  return EDGE_STATUS_OK;
}

/* ---- Softmax: e / sum(e), e = exp(x) or exp(x - max(x)) */

static bool reduces(const ei_uses *u, uint32_t t, const char *op, uint32_t of, int64_t *axis) {
  const ei_node *const n = ei_uses_producer(u, t, op);
  uint32_t count = 0;
  return n && n->n_in >= 2 && n->in[0] == of && ei_node_int(n, "keep_dims") != 0 &&
         ei_const_ints(u, n->in[1], axis, 1, &count) && count == 1;
}

static edge_status match_softmax(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  int64_t axis = 0, max_axis = 0;
  if (!ei_is_op(n, "Div") || ei_node_int(n, "act") != 0 || !ei_op_find("Softmax")) return EDGE_STATUS_OK;
  const ei_node *const e = n->in[0] == EI_NONE ? NULL : ei_uses_producer(u, n->in[0], "Exp");
  if (!e || !reduces(u, n->in[1], "ReduceSum", n->in[0], &axis)) return EDGE_STATUS_OK;
  uint32_t x = e->in[0];
  const ei_node *const sub = made_by(u, x, "Sub");
  if (!sub || sub->in[0] == EI_NONE || !reduces(u, sub->in[1], "ReduceMax", sub->in[0], &max_axis) || max_axis != axis)
    return EDGE_STATUS_OK; /* without the maximum, overflow would be a different result */
  x = sub->in[0];
  ei_node *const r = ei_uses_rewrite(u, i, "Softmax", &x, 1);
  return r ? ei_node_set_int(u->g, r, "axis", axis) : EDGE_STATUS_OK;
}

typedef edge_status (*matcher)(ei_uses *u, uint32_t i);

edge_status ei_pass_patterns(ei_graph *g, edge_error *err) {
  static const matcher matchers[] = { match_gelu,        match_swish, match_hard_swish, match_norm,
                                      match_scaled_norm, match_scale, match_softmax };
  (void)err;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (size_t m = 0; m < EI_COUNT(matchers); ++m)
      for (uint32_t i = 0; i < u.sg->n_nodes; ++i)
        if (u.sg->nodes[i].op && u.sg->nodes[i].n_in > 0 && u.sg->nodes[i].n_out > 0) EI_TRY(matchers[m](&u, i));
  }
  return ei_pass_dead_code(g, err);
}
