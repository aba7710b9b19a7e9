/* SPDX-License-Identifier: Apache-2.0
 * Attention that exporters write out becomes one node: softmax(q k^T * scale + mask) v, with the reshapes and
 * transposes that separate and join its heads.
 *
 *   q, k, v [B, S, H * D] -> Reshape [B, S, H, D] -> Transpose [B, H, S, D] -> MatMul ... -> Transpose -> Reshape
 *
 * The scores of all pairs then need no memory, and nothing is transposed. */
#include "pass.h"

typedef struct attention {
  uint32_t q, k, v, mask; /* tensors; mask may be EI_NONE */
  int64_t heads;
  double scale;
} attention;

static bool perm_is(const ei_uses *u, const ei_node *n, const int64_t want[4]) {
  int64_t perm[EDGE_MAX_RANK];
  uint32_t count = 0;
  if (n->n_in > 1) {
    if (!ei_const_ints(u, n->in[1], perm, EDGE_MAX_RANK, &count)) return false;
  } else {
    count = ei_node_ints(n, "perm", perm, EDGE_MAX_RANK);
  }
  for (uint32_t i = 0; count == 4 && i < 4; ++i)
    if (perm[i] != want[i]) return false;
  return count == 4;
}

static bool same_dim(const ei_tensor *a, int32_t i, const ei_tensor *b, int32_t j) {
  return a->dims[i] >= 0 ? a->dims[i] == b->dims[j]
                         : b->dims[j] < 0 && a->symbols[i] != 0 && a->symbols[i] == b->symbols[j];
}

/* `whole` [B, S, H * D] and `parts` [B, S, H, D] hold the same elements; H is known. */
static bool splits(const ei_uses *u, uint32_t whole, uint32_t parts, int64_t *heads) {
  const ei_tensor *const w = ei_uses_tensor(u, whole), *const p = ei_uses_tensor(u, parts);
  if (w->rank != 3 || p->rank != 4 || w->dims[2] <= 0 || p->dims[2] <= 0 || p->dims[3] <= 0) return false;
  if (p->dims[2] > w->dims[2] || p->dims[2] * p->dims[3] != w->dims[2]) return false;
  if (*heads && *heads != p->dims[2]) return false;
  *heads = p->dims[2];
  return same_dim(w, 0, p, 0) && same_dim(w, 1, p, 1);
}

/* t == transpose(reshape(x)): x */
static uint32_t separated(const ei_uses *u, uint32_t t, const int64_t perm[4], int64_t *heads) {
  const ei_node *const transpose = ei_uses_producer(u, t, "Transpose");
  if (!transpose || !perm_is(u, transpose, perm)) return EI_NONE;
  const ei_node *const reshape = ei_uses_producer(u, transpose->in[0], "Reshape");
  if (!reshape || reshape->in[0] == EI_NONE) return EI_NONE;
  return splits(u, reshape->in[0], transpose->in[0], heads) ? reshape->in[0] : EI_NONE;
}

static bool is_plain_product(const ei_node *n) {
  return ei_is_op(n, "MatMul") && n->n_in == 2 && n->in[0] != EI_NONE && n->in[1] != EI_NONE &&
         ei_node_int(n, "act") == 0 && ei_node_int(n, "trans_a") == 0;
}

/* t, used once, made by a node of one of two operands: t's producer */
static const ei_node *step_back(const ei_uses *u, uint32_t t, const char *op) {
  const ei_node *const n = t != EI_NONE && u->count[t] == 1 ? ei_uses_producer(u, t, op) : NULL;
  return n && n->n_in == 2 && n->in[0] != EI_NONE && n->in[1] != EI_NONE && ei_node_int(n, "act") == 0 ? n : NULL;
}

/* The mask must leave each row of scores its keys: its last dimension is not broadcast. */
static bool is_mask(const ei_uses *u, uint32_t t, uint32_t scores) {
  const ei_tensor *const m = ei_uses_tensor(u, t), *const s = ei_uses_tensor(u, scores);
  return m->dtype == EDGE_DTYPE_F32 && m->rank >= 2 && m->rank <= 4 && s->rank == 4 && same_dim(m, m->rank - 1, s, 3) &&
         m->quant.count == 0;
}

/* Undo + mask and * scale: the product of queries and keys, or NULL. */
static const ei_node *product_of(const ei_uses *u, uint32_t t, attention *a) {
  for (int depth = 0; depth < 4; ++depth) {
    const ei_node *const add = step_back(u, t, "Add"), *const mul = step_back(u, t, "Mul"),
                         *const div = step_back(u, t, "Div"), *const product = step_back(u, t, "MatMul");
    double factor = 0.0;
    if (product) return is_plain_product(product) ? product : NULL;
    if (add && a->mask == EI_NONE && a->scale == 1.0) {
      const bool left =
          step_back(u, add->in[0], "MatMul") || step_back(u, add->in[0], "Mul") || step_back(u, add->in[0], "Div");
      a->mask = add->in[left ? 1 : 0];
      if (!is_mask(u, a->mask, t)) return NULL;
      t = add->in[left ? 0 : 1];
    } else if (div && ei_const_scalar(u, div->in[1], &factor) && factor != 0.0) {
      a->scale /= factor;
      t = div->in[0];
    } else if (mul && ei_const_scalar(u, mul->in[1], &factor)) {
      a->scale *= factor;
      t = mul->in[0];
    } else if (mul && ei_const_scalar(u, mul->in[0], &factor)) {
      a->scale *= factor;
      t = mul->in[1];
    } else {
      return NULL;
    }
  }
  return NULL;
}

/* Starts at Softmax; on success the node at *last makes the result. */
static bool match(const ei_uses *u, const ei_node *softmax, attention *a, uint32_t *last) {
  static const int64_t rows_of_heads[4] = { 0, 2, 1, 3 }, columns_of_heads[4] = { 0, 2, 3, 1 };
  const ei_tensor *const s = ei_uses_tensor(u, softmax->out[0]);
  const int64_t axis = ei_node_int(softmax, "axis");
  uint32_t at = EI_NONE;
  if (s->dtype != EDGE_DTYPE_F32 || s->quant.count || s->rank != 4 || (axis != -1 && axis != 3) ||
      ei_node_float(softmax, "beta") != 1.0 || ei_node_int(softmax, "flatten") != 0) {
    return false;
  }
  const ei_node *const qk = product_of(u, softmax->in[0], a), *const pv = ei_uses_single(u, softmax->out[0], &at);
  if (!qk || !is_plain_product(pv) || pv->in[0] != softmax->out[0] || ei_node_int(pv, "trans_b") != 0) return false;
  if (!(a->scale > 0.0 && a->scale < 1e30)) return false;
  a->q = separated(u, qk->in[0], rows_of_heads, &a->heads);
  a->k = separated(u, qk->in[1], ei_node_int(qk, "trans_b") ? rows_of_heads : columns_of_heads, &a->heads);
  a->v = separated(u, pv->in[1], rows_of_heads, &a->heads);
  if (a->q == EI_NONE || a->k == EI_NONE || a->v == EI_NONE) return false;
  const ei_node *const joined = ei_uses_single(u, pv->out[0], &at);
  if (!ei_is_op(joined, "Transpose") || !perm_is(u, joined, rows_of_heads)) return false;
  const ei_node *const flat = ei_uses_single(u, joined->out[0], last);
  int64_t heads = a->heads;
  return ei_is_op(flat, "Reshape") && flat->in[0] == joined->out[0] && splits(u, flat->out[0], joined->out[0], &heads);
}

edge_status ei_pass_attention(ei_graph *g, edge_error *err) {
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i) {
      attention a = { EI_NONE, EI_NONE, EI_NONE, EI_NONE, 0, 1.0 };
      uint32_t last = EI_NONE;
      if (!ei_is_op(&u.sg->nodes[i], "Softmax") || !match(&u, &u.sg->nodes[i], &a, &last)) continue;
      const uint32_t in[] = { a.q, a.k, a.v, a.mask };
      ei_node *const n = ei_uses_rewrite(&u, last, "Attention", in, a.mask == EI_NONE ? 3 : 4);
      if (!n) return EDGE_STATUS_OUT_OF_MEMORY;
      EI_TRY(ei_node_set_int(g, n, "q_heads", a.heads));
      EI_TRY(ei_node_set_int(g, n, "kv_heads", a.heads));
      EI_TRY(ei_node_set_float(g, n, "scale", a.scale));
    }
  }
  return ei_pass_dead_code(g, err);
}
