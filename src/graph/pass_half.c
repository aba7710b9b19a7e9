/* SPDX-License-Identifier: Apache-2.0
 * Large f16 constants stay f16: products read them as they are stored, tables are gathered first and become f32 then.
 */
#include "pass.h"

bool ei_half_constant(const ei_uses *u, uint32_t t) {
  enum { LEAST = 4096 }; /* what is smaller is not worth it */
  if (t == EI_NONE) return false;
  const ei_tensor *const x = ei_uses_tensor(u, t);
  return x->dtype == EDGE_DTYPE_F16 && x->data && x->encoding == EDGE_ENCODING_NATIVE && x->quant.count == 0 &&
         !x->state && ei_shape_fixed(x) && ei_tensor_elements(x) >= LEAST;
}

bool ei_half_weight(const ei_uses *u, const ei_node *n, uint32_t k) {
  if (k != 1 || !ei_half_constant(u, n->in[1])) return false;
  return ei_is_op(n, "Conv") || ei_is_op(n, "FullyConnected") ||
         (ei_is_op(n, "MatMul") && ei_uses_tensor(u, n->in[1])->rank == 2);
}

bool ei_half_cast(const ei_uses *u, const ei_node *n) {
  return (ei_is_op(n, "Cast") || ei_is_op(n, "Dequantize")) && n->n_in == 1 && ei_half_constant(u, n->in[0]) &&
         ei_uses_tensor(u, n->out[0])->dtype == EDGE_DTYPE_F32;
}

edge_status ei_half_widen_after(ei_uses *u, uint32_t i) {
  const uint32_t out = u->sg->nodes[i].out[0], inner = ei_uses_add_like(u, out);
  if (inner == EI_NONE) return EDGE_STATUS_OUT_OF_MEMORY;
  ei_uses_tensor(u, inner)->dtype = EDGE_DTYPE_F16;
  ei_uses_tensor(u, out)->dtype = EDGE_DTYPE_F32;
  ei_uses_move_output(u, i, 0, inner);
  const uint32_t at = ei_uses_append(u, "Cast", ei_uses_tensor(u, out)->name, &inner, 1, &out, 1);
  if (at == EI_NONE) return EDGE_STATUS_OUT_OF_MEMORY;
  return ei_node_set_int(u->g, &u->sg->nodes[at], "dtype", EDGE_DTYPE_F32);
}

static bool only_moves(const ei_node *n) {
  static const char *const names[] = { "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Flatten" };
  for (size_t i = 0; i < EI_COUNT(names); ++i)
    if (ei_is_op(n, names[i])) return true;
  return false;
}

/* Node i reads the f32 form of a constant, made by c. */
static edge_status visit(ei_uses *u, uint32_t i, uint32_t k, uint32_t constant) {
  ei_node *const n = &u->sg->nodes[i];
  const uint32_t wide = n->in[k];
  if (k == 1 && n->in[0] != EI_NONE && ei_uses_tensor(u, n->in[0])->dtype == EDGE_DTYPE_F32) {
    ei_uses_set_input(u, n, 1, constant);
    if (!ei_half_weight(u, n, 1)) ei_uses_set_input(u, n, 1, wide);
    return EDGE_STATUS_OK;
  }
  const bool moves = only_moves(n);
  if (k != 0 || n->n_out != 1 || (!moves && !ei_is_op(n, "Gather"))) return EDGE_STATUS_OK;
  ei_uses_set_input(u, n, 0, constant);
  EI_TRY(ei_half_widen_after(u, i));
  if (moves) (void)ei_pass_evaluate(u, i, ei_uses_tensor(u, constant)->data_bytes);
  return EDGE_STATUS_OK;
}

edge_status ei_pass_half_weights(ei_graph *g, edge_error *err) {
  bool found = false;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i) {
      for (uint32_t k = 0; u.sg->nodes[i].op && k < u.sg->nodes[i].n_in; ++k) {
        const uint32_t t = u.sg->nodes[i].in[k];
        if (t == EI_NONE || u.producer[t] == EI_NONE) continue;
        const ei_node *const c = &u.sg->nodes[u.producer[t]];
        if (ei_half_cast(&u, c)) EI_TRY(visit(&u, i, k, c->in[0]));
      }
    }
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i) {
      const ei_node *const n = &u.sg->nodes[i];
      if (!ei_half_cast(&u, n)) continue;
      found = true;
      if (u.count[n->out[0]] == 0) {
        ei_uses_delete(&u, i);
      } else {
        (void)ei_pass_evaluate(&u, i, 2 * ei_uses_tensor(&u, n->in[0])->data_bytes);
      }
    }
  }
  return found ? ei_graph_sort(g, err) : EDGE_STATUS_OK;
}
