/* SPDX-License-Identifier: Apache-2.0
 * Matrix products: transposes of the last two dimensions become flags, and a product with constant columns becomes
 * FullyConnected, whose weights [N, K] backends pack. */
#include "pass.h"

/* Transpose that only swaps the last two dimensions. */
static bool swaps_last(const ei_uses *u, const ei_node *t) {
  const int32_t rank = t->in[0] == EI_NONE ? -1 : ei_uses_tensor(u, t->in[0])->rank;
  const ei_attr *const a = ei_node_attr(t, "perm");
  if (rank < 2 || t->n_in != 1) return false;
  if (!a) return rank == 2;
  if (a->kind != EI_ATTR_INTS || a->count != (uint32_t)rank) return false;
  for (int32_t i = 0; i < rank; ++i)
    if (a->u.ints[i] != (i < rank - 2 ? i : 2 * rank - 3 - i)) return false;
  return true;
}

static edge_status fold_transposes(ei_uses *u, uint32_t i) {
  for (uint32_t k = 0; k < 2; ++k) {
    ei_node *const n = &u->sg->nodes[i];
    const ei_node *const t = ei_uses_producer(u, n->in[k], "Transpose");
    if (!t || !swaps_last(u, t) || ei_uses_tensor(u, t->in[0])->quant.count > 1) continue;
    const char *const key = k == 0 ? "trans_a" : "trans_b";
    ei_uses_set_input(u, n, k, t->in[0]);
    EI_TRY(ei_node_set_int(u->g, n, key, ei_node_int(n, key) == 0));
  }
  return EDGE_STATUS_OK;
}

/* [K, N] to [N, K]. */
static uint32_t swapped(ei_uses *u, uint32_t t) {
  const ei_tensor w = *ei_uses_tensor(u, t);
  const uint32_t bits = edge_dtype_bits(w.dtype);
  const int64_t k = w.dims[0], n = w.dims[1], dims[2] = { n, k };
  if (bits < 8) return EI_NONE;
  const size_t width = bits / 8;
  uint8_t *const to = ei_arena_get(u->g->arena, w.data_bytes, 64);
  const uint8_t *const from = w.data;
  if (!to) return EI_NONE;
  for (int64_t r = 0; r < k; ++r)
    for (int64_t c = 0; c < n; ++c) memcpy(to + (size_t)(c * k + r) * width, from + (size_t)(r * n + c) * width, width);
  const uint32_t made = ei_uses_add_const(u, w.name, w.dtype, dims, 2, to);
  if (made != EI_NONE) ei_uses_tensor(u, made)->quant = w.quant;
  if (made != EI_NONE && w.quant.count > 1) ei_uses_tensor(u, made)->quant.axis = 1 - w.quant.axis;
  return made;
}

static edge_status to_fully_connected(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  const ei_tensor *const a = ei_uses_tensor(u, n->in[0]), *const b = ei_uses_tensor(u, n->in[1]);
  const bool trans_b = ei_node_int(n, "trans_b") != 0;
  if (!b->data || b->rank != 2 || !ei_shape_fixed(b) || b->encoding != EDGE_ENCODING_NATIVE || ei_node_int(n, "trans_a") != 0)
    return EDGE_STATUS_OK;
  if (a->rank < 2 || b->dims[0] < 1 || b->dims[1] < 1 || (!ei_dtype_is_float(b->dtype) && b->quant.count == 0))
    return EDGE_STATUS_OK;
  if (b->quant.count > 1 && b->quant.axis != (trans_b ? 0 : 1)) return EDGE_STATUS_OK;
  const ei_attr *const act = ei_node_attr(n, "act"), *const lo = ei_node_attr(n, "act_lo"), *const hi = ei_node_attr(n, "act_hi");
  const int64_t act_kind = act ? ei_node_int(n, "act") : 0;
  const double act_lo = lo ? ei_node_float(n, "act_lo") : 0.0, act_hi = hi ? ei_node_float(n, "act_hi") : 0.0;
  const uint32_t w = trans_b ? n->in[1] : swapped(u, n->in[1]);
  if (w == EI_NONE) return EDGE_STATUS_OK;
  const uint32_t in[3] = { n->in[0], w, n->n_in > 2 ? n->in[2] : EI_NONE };
  ei_node *const f = ei_uses_rewrite(u, i, "FullyConnected", in, in[2] == EI_NONE ? 2 : 3);
  if (!f || act_kind == 0) return EDGE_STATUS_OK;
  EI_TRY(ei_node_set_int(u->g, f, "act", act_kind));
  EI_TRY(ei_node_set_float(u->g, f, "act_lo", act_lo));
  return ei_node_set_float(u->g, f, "act_hi", act_hi);
}

edge_status ei_pass_matmul(ei_graph *g, edge_error *err) {
  (void)err;
  if (!ei_op_find("FullyConnected")) return EDGE_STATUS_OK;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i) {
      const ei_node *const n = &u.sg->nodes[i];
      if (!ei_is_op(n, "MatMul") || n->in[0] == EI_NONE || n->in[1] == EI_NONE) continue;
      EI_TRY(fold_transposes(&u, i));
      EI_TRY(to_fully_connected(&u, i));
    }
  }
  return EDGE_STATUS_OK;
}
