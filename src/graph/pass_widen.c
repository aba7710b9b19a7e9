/* SPDX-License-Identifier: Apache-2.0
 * Storage types that kernels do not compute in: half precision becomes single inside a network, and integer weights
 * behind float data become float. */
#include "pass.h"

/* ---- f16 -> f32 */

static bool heavy(const ei_node *n) {
  return ei_is_op(n, "Conv") || ei_is_op(n, "ConvTranspose") || ei_is_op(n, "FullyConnected") || ei_is_op(n, "MatMul");
}

/* Only a plain network: no calls, states or operators that look at the bits. */
static bool can_widen(const ei_graph *g) {
  const ei_subgraph *const sg = &g->subgraphs[0];
  bool worth = false;
  if (g->n_subgraphs != 1 || g->n_states != 0) return false;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    if (!n->op) continue;
    if (ei_is_op(n, "Bitcast") || ei_is_op(n, "EyeLike") || ei_is_op(n, "WindowFunction")) return false;
    worth = worth || (heavy(n) && n->in[0] != EI_NONE && sg->tensors[n->in[0]].dtype == EDGE_DTYPE_F16);
  }
  return worth;
}

/* keeps its f16 values for this use */
static bool stays_half(const ei_uses *u, const ei_node *n, uint32_t k) {
  return ei_half_weight(u, n, k) || (k == 0 && ei_is_op(n, "Gather") && ei_half_constant(u, n->in[0]));
}

/* Which uses read constants as f16: *half of those uses per tensor. Tables become f32 behind their Gather. */
static edge_status count_half(ei_uses *u, uint32_t n_nodes, uint32_t *half) {
  for (uint32_t i = 0; i < n_nodes; ++i) {
    for (uint32_t k = 0; k < u->sg->nodes[i].n_in && u->sg->nodes[i].op; ++k) {
      const ei_node *const n = &u->sg->nodes[i];
      if (n->in[k] == EI_NONE || !stays_half(u, n, k)) continue;
      half[n->in[k]]++;
      if (k == 0) EI_TRY(ei_half_widen_after(u, i));
    }
  }
  return EDGE_STATUS_OK;
}

static edge_status widen_constant(ei_uses *u, ei_tensor *t) {
  const uint64_t n = ei_tensor_elements(t);
  float *const data = EI_NEW_ARRAY(u->g->arena, float, n ? n : 1);
  if (!data) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint64_t i = 0; i < n; ++i) {
    uint16_t bits;
    memcpy(&bits, (const char *)t->data + 2 * i, sizeof bits);
    data[i] = ei_f16_to_f32(bits);
  }
  t->data = data;
  t->data_bytes = n * 4;
  return EDGE_STATUS_OK;
}

/* Uses that want f32 get a constant of their own beside the f16 one. */
static edge_status widen_twin(ei_uses *u, uint32_t n_nodes, uint32_t t) {
  const ei_tensor from = *ei_uses_tensor(u, t);
  const uint32_t twin = ei_uses_add_const(u, from.name, EDGE_DTYPE_F16, from.dims, from.rank, from.data);
  if (twin == EI_NONE) return EDGE_STATUS_OUT_OF_MEMORY;
  EI_TRY(widen_constant(u, ei_uses_tensor(u, twin)));
  ei_uses_tensor(u, twin)->dtype = EDGE_DTYPE_F32;
  for (uint32_t i = 0; i < n_nodes; ++i)
    for (uint32_t k = 0; k < u->sg->nodes[i].n_in && u->sg->nodes[i].op; ++k)
      if (u->sg->nodes[i].in[k] == t && !stays_half(u, &u->sg->nodes[i], k))
        ei_uses_set_input(u, &u->sg->nodes[i], k, twin);
  return EDGE_STATUS_OK;
}

/* A tensor of the border keeps its type; its twin inside is behind a Cast. */
static edge_status cast_border(ei_uses *u, uint32_t t, bool input) {
  const uint32_t inner = ei_uses_add_like(u, t);
  if (inner == EI_NONE) return EDGE_STATUS_OUT_OF_MEMORY;
  ei_uses_tensor(u, inner)->dtype = EDGE_DTYPE_F32;
  for (uint32_t i = 0; i < u->sg->n_nodes; ++i) {
    ei_node *const n = &u->sg->nodes[i];
    for (uint32_t k = 0; n->op && k < n->n_in; ++k)
      if (n->in[k] == t) ei_uses_set_input(u, n, k, inner);
  }
  if (!input) {
    const uint32_t p = u->producer[t];
    const ei_node *const n = &u->sg->nodes[p];
    for (uint32_t k = 0; k < n->n_out; ++k)
      if (n->out[k] == t) ei_uses_move_output(u, p, k, inner);
  }
  const uint32_t from = input ? t : inner, to = input ? inner : t;
  const uint32_t at = ei_uses_append(u, "Cast", ei_uses_tensor(u, t)->name, &from, 1, &to, 1);
  if (at == EI_NONE) return EDGE_STATUS_OUT_OF_MEMORY;
  return ei_node_set_int(u->g, &u->sg->nodes[at], "dtype", ei_uses_tensor(u, to)->dtype);
}

edge_status ei_pass_widen_f16(ei_graph *g, edge_error *err) {
  ei_uses u;
  if (!can_widen(g)) return EDGE_STATUS_OK;
  EI_TRY(ei_uses_build(&u, g, 0));
  const uint32_t n_tensors = u.sg->n_tensors, n_nodes = u.sg->n_nodes;
  uint32_t *const half = EI_NEW_ARRAY(g->arena, uint32_t, n_tensors);
  if (!half) return EDGE_STATUS_OUT_OF_MEMORY;
  EI_TRY(count_half(&u, n_nodes, half));
  for (uint32_t i = 0; i < n_nodes; ++i) {
    ei_node *const n = &u.sg->nodes[i];
    if (ei_is_op(n, "Cast") && ei_node_int(n, "dtype") == EDGE_DTYPE_F16) {
      if (ei_uses_is_output(&u, n->out[0])) continue; /* stays what it is: its input may be of any type */
      EI_TRY(ei_node_set_int(g, n, "dtype", EDGE_DTYPE_F32));
    }
  }
  for (uint32_t t = 0; t < n_tensors; ++t) {
    if (half[t]) {
      if (u.count[t] > half[t] && !ei_uses_is_output(&u, t)) EI_TRY(widen_twin(&u, n_nodes, t));
      continue;
    }
    ei_tensor *const x = &u.sg->tensors[t];
    if (x->dtype != EDGE_DTYPE_F16 || x->encoding != EDGE_ENCODING_NATIVE) continue;
    const bool input = ei_uses_is_input(&u, t), output = ei_uses_is_output(&u, t);
    if (output && (x->data || u.producer[t] == EI_NONE)) continue;
    if (output && ei_is_op(&u.sg->nodes[u.producer[t]], "Cast") && u.count[t] == 1) continue;
    if (x->data) {
      EI_TRY(widen_constant(&u, x));
      x->dtype = EDGE_DTYPE_F32;
    } else if (input || output) {
      EI_TRY(cast_border(&u, t, input));
    } else {
      x->dtype = EDGE_DTYPE_F32;
    }
  }
  return ei_graph_sort(g, err);
}

/* ---- integer weights of float operators */

static bool is_product(const ei_node *n) {
  return heavy(n) && n->n_in >= 2 && n->in[0] != EI_NONE && n->in[1] != EI_NONE;
}

/* Matrices of 8 bits or less that the product decodes for itself: one scale, or one for each column of the result. */
static bool stays_small(const ei_node *n, const ei_tensor *w) {
  enum { LEAST = 4096 }; /* what is smaller is not worth it */
  const bool matmul = ei_is_op(n, "MatMul"), by_row = !matmul || ei_node_int(n, "trans_b") != 0;
  if ((!matmul && !ei_is_op(n, "FullyConnected")) || w->rank != 2 || edge_dtype_bits(w->dtype) > 8) return false;
  if (matmul && ei_node_int(n, "trans_a") != 0) return false;
  return ei_tensor_elements(w) >= LEAST && (w->quant.count == 1 || w->quant.axis == (by_row ? 0 : 1));
}

edge_status ei_pass_float_weights(ei_graph *g, edge_error *err) {
  (void)err;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    const uint32_t n_nodes = u.sg->n_nodes;
    for (uint32_t i = 0; i < n_nodes; ++i) {
      ei_node *const n = &u.sg->nodes[i];
      if (!is_product(n) || ei_uses_tensor(&u, n->in[0])->dtype != EDGE_DTYPE_F32) continue;
      if (ei_node_int(n, "dynamic") != 0) continue; /* multiplied in integers */
      const ei_tensor w = *ei_uses_tensor(&u, n->in[1]);
      edge_tensor view;
      if (!w.data || w.quant.count == 0 || w.quant.block != 0 || w.encoding != EDGE_ENCODING_NATIVE ||
          !ei_shape_fixed(&w) || stays_small(n, &w))
        continue;
      const uint64_t count = ei_tensor_elements(&w);
      float *const data = EI_NEW_ARRAY(g->arena, float, count ? count : 1);
      if (!data) return EDGE_STATUS_OUT_OF_MEMORY;
      ei_tensor_view(&w, &view);
      for (uint64_t k = 0; k < count; ++k) data[k] = ei_load_real(&view, k);
      const uint32_t made = ei_uses_add_const(&u, w.name, EDGE_DTYPE_F32, w.dims, w.rank, data);
      if (made == EI_NONE) return EDGE_STATUS_OUT_OF_MEMORY;
      ei_uses_set_input(&u, &u.sg->nodes[i], 1, made);
    }
  }
  return EDGE_STATUS_OK;
}
