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

/* Of the second operand only: packing it reads either order, rows of the first are read as they lie. */
static edge_status fold_transpose(ei_uses *u, uint32_t i) {
  ei_node *const n = &u->sg->nodes[i];
  const ei_node *const t = ei_uses_producer(u, n->in[1], "Transpose");
  if (!t || !swaps_last(u, t) || ei_uses_tensor(u, t->in[0])->quant.count > 1) return EDGE_STATUS_OK;
  ei_uses_set_input(u, n, 1, t->in[0]);
  return ei_node_set_int(u->g, n, "trans_b", ei_node_int(n, "trans_b") == 0);
}

/* A transpose that also moves other dimensions is split when rows of its operand stay whole that way:
 * b = T(0,2,3,1)(x) is the swap of T(0,2,1,3)(x), which copies rows instead of elements. */
static edge_status split_transpose(ei_uses *u, uint32_t i) {
  int64_t perm[EDGE_MAX_RANK];
  ei_node *const n = &u->sg->nodes[i];
  const uint32_t b = n->in[1];
  const ei_node *const t = ei_uses_producer(u, b, "Transpose");
  const int32_t rank = t && t->n_in == 1 && t->in[0] != EI_NONE ? ei_uses_tensor(u, t->in[0])->rank : -1;
  if (rank < 3 || u->count[b] != 1 || ei_node_ints(t, "perm", perm, EDGE_MAX_RANK) != (uint32_t)rank)
    return EDGE_STATUS_OK;
  if (perm[rank - 2] != rank - 1 || ei_uses_tensor(u, b)->quant.count > 1) return EDGE_STATUS_OK;
  perm[rank - 2] = perm[rank - 1];
  perm[rank - 1] = rank - 1;
  EI_TRY(ei_node_set_ints(u->g, &u->sg->nodes[u->producer[b]], "perm", perm, (uint32_t)rank));
  ei_tensor *const v = ei_uses_tensor(u, b);
  if (v->rank == rank) {
    const int64_t d = v->dims[rank - 2];
    const uint32_t s = v->symbols[rank - 2];
    v->dims[rank - 2] = v->dims[rank - 1];
    v->symbols[rank - 2] = v->symbols[rank - 1];
    v->dims[rank - 1] = d;
    v->symbols[rank - 1] = s;
  }
  u->changed = true;
  return ei_node_set_int(u->g, &u->sg->nodes[i], "trans_b", ei_node_int(n, "trans_b") == 0);
}

enum { TILE = 32 }; /* both sides of a tile stay in the cache */

static void swap_tile(uint8_t *to, const uint8_t *from, int64_t k, int64_t n, int64_t r0, int64_t c0, size_t width) {
  const int64_t r1 = r0 + TILE < k ? r0 + TILE : k, c1 = c0 + TILE < n ? c0 + TILE : n;
  for (int64_t c = c0; c < c1; ++c)
    for (int64_t r = r0; r < r1; ++r) {
      const uint8_t *const x = from + (size_t)(r * n + c) * width;
      uint8_t *const y = to + (size_t)(c * k + r) * width;
      if (width == 4)
        memcpy(y, x, 4);
      else if (width == 1)
        *y = *x;
      else
        memcpy(y, x, width);
    }
}

/* [K, N] to [N, K]. */
static uint32_t swapped(ei_uses *u, uint32_t t) {
  const ei_tensor w = *ei_uses_tensor(u, t);
  const uint32_t bits = edge_dtype_bits(w.dtype);
  const int64_t k = w.dims[0], n = w.dims[1], dims[2] = { n, k };
  if (bits < 8) return EI_NONE;
  const size_t width = bits / 8;
  uint8_t *const to = ei_arena_get_raw(u->g->arena, w.data_bytes, 64);
  const uint8_t *const from = w.data;
  if (!to) return EI_NONE;
  for (int64_t r0 = 0; r0 < k; r0 += TILE)
    for (int64_t c0 = 0; c0 < n; c0 += TILE) swap_tile(to, from, k, n, r0, c0, width);
  const uint32_t made = ei_uses_add_const(u, w.name, w.dtype, dims, 2, to);
  if (made != EI_NONE) ei_uses_tensor(u, made)->quant = w.quant;
  if (made != EI_NONE && w.quant.count > 1) ei_uses_tensor(u, made)->quant.axis = 1 - w.quant.axis;
  return made;
}

static edge_status to_fully_connected(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  const ei_tensor *const a = ei_uses_tensor(u, n->in[0]), *const b = ei_uses_tensor(u, n->in[1]);
  const bool trans_b = ei_node_int(n, "trans_b") != 0;
  if (!b->data || b->rank != 2 || !ei_shape_fixed(b) || b->encoding != EDGE_ENCODING_NATIVE ||
      ei_node_int(n, "trans_a") != 0)
    return EDGE_STATUS_OK;
  if (a->rank < 2 || b->dims[0] < 1 || b->dims[1] < 1 || (!ei_dtype_is_float(b->dtype) && b->quant.count == 0))
    return EDGE_STATUS_OK;
  if ((!ei_dtype_is_float(a->dtype) && a->quant.count == 0) || (b->dtype > EDGE_DTYPE_U16 && b->dtype < EDGE_DTYPE_S4))
    return EDGE_STATUS_OK;
  if (!trans_b && b->dtype == EDGE_DTYPE_F16 && a->dtype == EDGE_DTYPE_F32) return EDGE_STATUS_OK; /* no copy */
  if (b->quant.count > 1 && b->quant.axis != (trans_b ? 0 : 1)) return EDGE_STATUS_OK;
  const ei_attr *const act = ei_node_attr(n, "act"), *const lo = ei_node_attr(n, "act_lo"),
                       *const hi = ei_node_attr(n, "act_hi");
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
      EI_TRY(fold_transpose(&u, i));
      EI_TRY(split_transpose(&u, i));
      EI_TRY(to_fully_connected(&u, i));
    }
  }
  return EDGE_STATUS_OK;
}
