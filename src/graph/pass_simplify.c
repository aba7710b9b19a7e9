/* SPDX-License-Identifier: Apache-2.0
 * Nodes that do nothing: identities, casts to the same type, reshapes to the same shape, chains of reshapes. */
#include "pass.h"

/* Both shapes are known completely and equal. */
static bool equal_shapes(const ei_tensor *a, const ei_tensor *b) {
  if (!ei_shape_fixed(a) || !ei_shape_fixed(b) || a->rank != b->rank) return false;
  for (int32_t i = 0; i < a->rank; ++i)
    if (a->dims[i] != b->dims[i]) return false;
  return true;
}

static bool is_view(const ei_node *n) {
  return ei_is_op(n, "Reshape") || ei_is_op(n, "Flatten") || ei_is_op(n, "Squeeze") || ei_is_op(n, "Unsqueeze");
}

static bool does_nothing(const ei_uses *u, const ei_node *n) {
  if (n->n_in == 0 || n->in[0] == EI_NONE || n->out[0] == EI_NONE) return false;
  const ei_tensor *const x = ei_uses_tensor(u, n->in[0]), *const y = ei_uses_tensor(u, n->out[0]);
  if (ei_is_op(n, "Identity")) return true;
  if (ei_is_op(n, "Cast")) return ei_node_int(n, "dtype") == x->dtype && x->quant.count == 0 && y->quant.count == 0;
  if (is_view(n) || ei_is_op(n, "Expand") || ei_is_op(n, "Tile")) return equal_shapes(x, y);
  if (ei_is_op(n, "Slice") || ei_is_op(n, "Pad")) /* equal shapes: only steps could reorder, pads could shift */
    return ei_is_op(n, "Slice") && equal_shapes(x, y) && n->n_in < 5;
  if (ei_is_op(n, "Concat")) return n->n_in == 1 && ei_node_int(n, "act") == 0;
  return false;
}

/* View of a view: the first one's shape does not matter when the last one gives its own in full. */
static void skip_view(ei_uses *u, uint32_t i) {
  ei_node *const n = &u->sg->nodes[i];
  int64_t shape[EDGE_MAX_RANK];
  uint32_t count = 0;
  if (!ei_is_op(n, "Reshape") || n->n_in < 2 || n->in[0] == EI_NONE) return;
  if (!ei_const_ints(u, n->in[1], shape, EDGE_MAX_RANK, &count)) return;
  for (uint32_t k = 0; k < count; ++k)
    if (shape[k] == 0) return;
  const uint32_t p = u->producer[n->in[0]];
  if (p == EI_NONE || !is_view(&u->sg->nodes[p]) || u->sg->nodes[p].in[0] == EI_NONE) return;
  ei_uses_set_input(u, n, 0, u->sg->nodes[p].in[0]);
}

/* Dimensions that a Resize keeps need not be listed: constant scales of 1 go. */
static edge_status trim_resize(ei_uses *u, uint32_t i) {
  ei_node *const n = &u->sg->nodes[i];
  int64_t axes[EDGE_MAX_RANK], kept[EDGE_MAX_RANK], dims[1];
  uint32_t left = 0;
  if (!ei_is_op(n, "Resize") || n->n_in < 3 || n->in[0] == EI_NONE || n->in[1] != EI_NONE || n->in[2] == EI_NONE)
    return EDGE_STATUS_OK;
  if ((n->n_in > 3 && n->in[3] != EI_NONE) || ei_node_int(n, "coord") > 5) return EDGE_STATUS_OK;
  const int32_t rank = ei_uses_tensor(u, n->in[0])->rank;
  uint32_t count = ei_node_ints(n, "axes", axes, EDGE_MAX_RANK);
  if (rank < 1 || count > EDGE_MAX_RANK) return EDGE_STATUS_OK;
  if (count == 0)
    for (; count < (uint32_t)rank; ++count) axes[count] = count;
  const double *const scales = ei_const_floats(u, n->in[2], count);
  float *const trimmed = EI_NEW_ARRAY(u->g->arena, float, count);
  if (!scales || !trimmed) return EDGE_STATUS_OK;
  for (uint32_t k = 0; k < count; ++k) {
    if (scales[k] == 1.0) continue;
    kept[left] = axes[k];
    trimmed[left++] = (float)scales[k];
  }
  if (left == count || left == 0) return EDGE_STATUS_OK;
  dims[0] = left;
  const uint32_t t = ei_uses_add_const(u, ei_uses_tensor(u, n->in[2])->name, EDGE_DTYPE_F32, dims, 1, trimmed);
  if (t == EI_NONE) return EDGE_STATUS_OUT_OF_MEMORY;
  ei_uses_set_input(u, &u->sg->nodes[i], 2, t);
  return ei_node_set_ints(u->g, &u->sg->nodes[i], "axes", kept, left);
}

edge_status ei_pass_simplify(ei_graph *g, edge_error *err) {
  (void)err;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i) {
      if (!u.sg->nodes[i].op) continue;
      skip_view(&u, i);
      EI_TRY(trim_resize(&u, i));
      if (does_nothing(&u, &u.sg->nodes[i])) (void)ei_uses_bypass(&u, i, u.sg->nodes[i].in[0]);
    }
  }
  return EDGE_STATUS_OK;
}
