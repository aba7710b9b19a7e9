/* SPDX-License-Identifier: Apache-2.0
 * Per-channel arithmetic behind convolutions and matrix products moves into their weights and biases:
 * BatchNorm, Mul, Div, Add and Sub by constants. */
#include "pass.h"

typedef struct affine { /* y = scale * x + shift for each output channel */
  double *scale, *shift;
  int64_t channels;
} affine;

/* Producers that take it; dimension of the output channels in the weights. */
static bool takes_affine(const ei_uses *u, const ei_node *p, int32_t *axis, int64_t *channels) {
  if (!p || p->n_in < 2 || p->in[1] == EI_NONE || ei_node_int(p, "act") != 0) return false;
  const ei_tensor *const w = ei_uses_tensor(u, p->in[1]);
  if (!w->data || w->encoding != EDGE_ENCODING_NATIVE || !ei_shape_fixed(w) || w->quant.count) return false;
  if (w->dtype != EDGE_DTYPE_F32 && w->dtype != EDGE_DTYPE_F16) return false;
  const int32_t x = p->in[0] == EI_NONE ? w->dtype : ei_uses_tensor(u, p->in[0])->dtype;
  if (x != w->dtype && x != EDGE_DTYPE_F32) return false;
  if (ei_is_op(p, "Conv") || ei_is_op(p, "ConvTranspose") || ei_is_op(p, "FullyConnected"))
    *axis = 0;
  else if (ei_is_op(p, "MatMul") && w->rank >= 2)
    *axis = ei_node_int(p, "trans_b") ? w->rank - 2 : w->rank - 1;
  else
    return false;
  *channels = w->dims[*axis];
  return *channels > 0;
}

/* Constant that is one value, or one per channel in the last dimension. */
static double *per_channel(const ei_uses *u, uint32_t t, int64_t channels) {
  if (t == EI_NONE || !ei_uses_tensor(u, t)->data || !ei_dtype_is_float(ei_uses_tensor(u, t)->dtype)) return NULL;
  const ei_tensor *const c = ei_uses_tensor(u, t);
  double *const v = EI_NEW_ARRAY(u->g->arena, double, (uint64_t)channels);
  double one = 0.0;
  if (!v) return NULL;
  if (ei_const_scalar(u, t, &one)) {
    for (int64_t i = 0; i < channels; ++i) v[i] = one;
    return c->rank <= 1 || channels == 1 || c->dims[c->rank - 1] == 1 ? v : NULL;
  }
  if (c->rank < 1 || c->dims[c->rank - 1] != channels) return NULL;
  return ei_const_floats(u, t, (uint64_t)channels);
}

static bool read_batch_norm(const ei_uses *u, const ei_node *n, affine *a) {
  double *v[4];
  const int64_t axis = ei_node_int(n, "axis"), rank = ei_uses_tensor(u, n->in[0])->rank;
  if (n->n_in < 5 || (axis != -1 && axis != rank - 1)) return false;
  for (uint32_t k = 0; k < 4; ++k)
    if (n->in[k + 1] == EI_NONE || (v[k] = ei_const_floats(u, n->in[k + 1], (uint64_t)a->channels)) == NULL)
      return false;
  const double epsilon = ei_node_float(n, "epsilon");
  for (int64_t i = 0; i < a->channels; ++i) {
    const double spread = v[3][i] + epsilon;
    if (!(spread > 0.0)) return false;
    double root = spread;
    for (int k = 0; k < 64; ++k) root = 0.5 * (root + spread / root); /* Newton: no libm here */
    a->scale[i] = v[0][i] / root;
    a->shift[i] = v[1][i] - v[2][i] * a->scale[i];
  }
  return true;
}

/* The rank of the operand must not raise that of the result. */
static bool broadcast_fits(const ei_uses *u, uint32_t constant, uint32_t data) {
  const ei_tensor *const c = ei_uses_tensor(u, constant), *const x = ei_uses_tensor(u, data);
  return c->rank <= 1 || (x->rank >= 0 && c->rank <= x->rank);
}

/* What node n does to its data operand *data, if it is such arithmetic. */
static bool read_affine(const ei_uses *u, const ei_node *n, uint32_t *data, affine *a) {
  if (ei_is_op(n, "BatchNorm")) return *data = n->in[0], read_batch_norm(u, n, a);
  const bool add = ei_is_op(n, "Add"), sub = ei_is_op(n, "Sub"), mul = ei_is_op(n, "Mul"), div = ei_is_op(n, "Div");
  if (!add && !sub && !mul && !div) return false;
  const uint32_t side = n->in[0] == *data ? 1 : 0;
  double *const v = per_channel(u, n->in[side], a->channels);
  if (!v || !broadcast_fits(u, n->in[side], *data) || (side == 0 && div)) return false;
  for (int64_t i = 0; i < a->channels; ++i) {
    a->scale[i] = mul ? v[i] : div ? 1.0 / v[i] : sub && side == 0 ? -1.0 : 1.0;
    a->shift[i] = add ? v[i] : sub ? (side == 1 ? -v[i] : v[i]) : 0.0;
    if (div && v[i] == 0.0) return false;
  }
  return true;
}

/* ---- rewriting */

/* of the type in which the node computes: f16 weights of f32 data are not rounded again */
static uint32_t scaled_weights(ei_uses *u, uint32_t t, int32_t axis, const double *scale, int32_t dtype) {
  const ei_tensor w = *ei_uses_tensor(u, t);
  edge_tensor from, to;
  uint64_t inner = 1;
  bool plain = true;
  for (int64_t i = 0; i < w.dims[axis]; ++i) plain = plain && scale[i] == 1.0;
  if (plain) return t;
  const uint64_t n = ei_tensor_elements(&w);
  void *const data = ei_arena_get(u->g->arena, n * (edge_dtype_bits(dtype) / 8), 64);
  if (!data) return EI_NONE;
  for (int32_t i = axis + 1; i < w.rank; ++i) inner *= (uint64_t)w.dims[i];
  ei_tensor_view(&w, &from);
  to = from;
  to.data = data;
  to.dtype = dtype;
  for (uint64_t i = 0; i < n; ++i)
    ei_store_f64(&to, i, ei_load_f64(&from, i) * scale[i / inner % (uint64_t)w.dims[axis]]);
  return ei_uses_add_const(u, w.name, dtype, w.dims, w.rank, data);
}

static uint32_t moved_bias(ei_uses *u, uint32_t t, int32_t dtype, const affine *a) {
  const int64_t dims[1] = { a->channels };
  const double *const old = t == EI_NONE ? NULL : ei_const_floats(u, t, (uint64_t)a->channels);
  if (t != EI_NONE && !old) return EI_NONE;
  edge_tensor to;
  memset(&to, 0, sizeof to);
  to.dtype = dtype;
  to.data = ei_arena_get(u->g->arena, (uint64_t)a->channels * 4, 64);
  if (!to.data) return EI_NONE;
  for (int64_t i = 0; i < a->channels; ++i)
    ei_store_f64(&to, (uint64_t)i, (old ? old[i] * a->scale[i] : 0.0) + a->shift[i]);
  return ei_uses_add_const(u, t == EI_NONE ? "bias" : ei_uses_tensor(u, t)->name, dtype, dims, 1, to.data);
}

/* Node i, whose data operand the producer p makes for it alone, disappears into p. */
static edge_status absorb(ei_uses *u, uint32_t p_at, uint32_t i, int32_t axis, const affine *a) {
  const ei_node *const n = &u->sg->nodes[i];
  const ei_node *const p = &u->sg->nodes[p_at];
  const int32_t dtype = ei_uses_tensor(u, p->in[0])->dtype;
  const uint32_t old_bias = p->n_in > 2 ? p->in[2] : EI_NONE;
  if (old_bias != EI_NONE && !ei_const_floats(u, old_bias, (uint64_t)a->channels)) return EDGE_STATUS_OK;
  const uint32_t w = scaled_weights(u, p->in[1], axis, a->scale, dtype);
  const uint32_t b = moved_bias(u, old_bias, dtype, a);
  if (w == EI_NONE || b == EI_NONE) return EDGE_STATUS_OUT_OF_MEMORY;
  const uint32_t n_in = p->n_in < 3 ? 3 : p->n_in;
  uint32_t *const in = EI_NEW_ARRAY(u->g->arena, uint32_t, n_in);
  if (!in) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t k = 0; k < n_in; ++k) in[k] = k < p->n_in ? p->in[k] : EI_NONE;
  ei_node *const q = &u->sg->nodes[p_at];
  q->in = in;
  q->n_in = n_in;
  if (w != in[1]) ei_uses_set_input(u, q, 1, w);
  ei_uses_set_input(u, q, 2, b);
  const int64_t act = ei_node_int(n, "act");
  const double lo = ei_node_float(n, "act_lo"), hi = ei_node_float(n, "act_hi");
  const uint32_t out = n->out[0];
  ei_uses_delete(u, i);
  ei_uses_move_output(u, p_at, 0, out);
  if (act == 0) return EDGE_STATUS_OK;
  EI_TRY(ei_node_set_int(u->g, &u->sg->nodes[p_at], "act", act));
  EI_TRY(ei_node_set_float(u->g, &u->sg->nodes[p_at], "act_lo", lo));
  return ei_node_set_float(u->g, &u->sg->nodes[p_at], "act_hi", hi);
}

static edge_status visit(ei_uses *u, uint32_t i, bool batch_norm) {
  const ei_node *const n = &u->sg->nodes[i];
  int32_t axis = 0;
  affine a;
  if (ei_is_op(n, "BatchNorm") != batch_norm || n->n_in < 2 || n->n_out != 1) return EDGE_STATUS_OK;
  for (uint32_t side = 0; side < 2; ++side) {
    uint32_t data = n->in[side];
    if (data == EI_NONE || ei_uses_tensor(u, data)->data || u->count[data] != 1 || u->producer[data] == EI_NONE)
      continue;
    const uint32_t p_at = u->producer[data];
    if (!takes_affine(u, &u->sg->nodes[p_at], &axis, &a.channels)) continue;
    a.scale = EI_NEW_ARRAY(u->g->arena, double, (uint64_t)a.channels);
    a.shift = EI_NEW_ARRAY(u->g->arena, double, (uint64_t)a.channels);
    if (!a.scale || !a.shift) return EDGE_STATUS_OUT_OF_MEMORY;
    if (read_affine(u, n, &data, &a)) return absorb(u, p_at, i, axis, &a);
  }
  return EDGE_STATUS_OK;
}

static edge_status run(ei_graph *g, bool batch_norm) {
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i)
      if (u.sg->nodes[i].op) EI_TRY(visit(&u, i, batch_norm));
  }
  return EDGE_STATUS_OK;
}

edge_status ei_pass_batch_norm(ei_graph *g, edge_error *err) {
  (void)err;
  return run(g, true);
}

edge_status ei_pass_bias(ei_graph *g, edge_error *err) {
  (void)err;
  return run(g, false);
}
