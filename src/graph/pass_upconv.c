/* SPDX-License-Identifier: Apache-2.0
 * A transposed convolution whose windows lie side by side (stride = kernel, no padding) is a product for each pixel,
 * whose result is a square of pixels: a 1 x 1 convolution and DepthToSpace. */
#include "pass.h"

enum { MOST_BLOCK = 16 };

static bool all(const ei_node *n, const char *key, int64_t wanted, int64_t absent) {
  int64_t v[2 * EDGE_MAX_RANK];
  const uint32_t count = ei_node_ints(n, key, v, 2 * EDGE_MAX_RANK);
  for (uint32_t i = 0; i < count; ++i)
    if (v[i] != wanted) return false;
  return count > 0 || wanted == absent;
}

static bool fits(const ei_uses *u, const ei_node *n) {
  if (!ei_is_op(n, "ConvTranspose") || n->n_in < 2 || n->in[0] == EI_NONE || n->in[1] == EI_NONE) return false;
  if (n->n_in > 3 && n->in[3] != EI_NONE) return false; /* an output shape of its own */
  const ei_tensor *const x = ei_uses_tensor(u, n->in[0]), *const w = ei_uses_tensor(u, n->in[1]);
  if (x->rank != 4 || x->dtype != EDGE_DTYPE_F32 || x->data || !w->data || w->dtype != EDGE_DTYPE_F32 || w->rank != 4 ||
      w->quant.count || w->encoding != EDGE_ENCODING_NATIVE || !ei_shape_fixed(w))
    return false;
  const int64_t block = w->dims[1], mode = ei_node_int(n, "auto_pad");
  return block >= 2 && block <= MOST_BLOCK && w->dims[2] == block && w->dims[0] > 0 && w->dims[0] < 1 << 16 &&
         x->dims[3] == w->dims[3] && w->dims[3] > 0 && ei_node_int(n, "group") == 1 && (mode == 0 || mode == 3) &&
         all(n, "strides", block, 1) && all(n, "dilations", 1, 1) && all(n, "pads", 0, 0) &&
         all(n, "output_padding", 0, 0);
}

/* rows [O][taps] of `inner` floats as [taps][O] */
static uint32_t by_taps(ei_uses *u, uint32_t t, int64_t outputs, int64_t taps, int64_t inner, const int64_t *dims,
                        int32_t rank) {
  const float *const from = ei_uses_tensor(u, t)->data;
  float *const to = ei_arena_get(u->g->arena, (uint64_t)(outputs * taps * inner) * sizeof *to, 64);
  if (!to) return EI_NONE;
  for (int64_t o = 0; o < outputs; ++o)
    for (int64_t k = 0; k < taps; ++k) {
      const float *const row = from + (rank == 1 ? o : (o * taps + k) * inner); /* a bias is the same for all taps */
      memcpy(to + (k * outputs + o) * inner, row, (size_t)inner * sizeof *to);
    }
  return ei_uses_add_const(u, ei_uses_tensor(u, t)->name, EDGE_DTYPE_F32, dims, rank, to);
}

static edge_status visit(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  const ei_tensor w = *ei_uses_tensor(u, n->in[1]);
  const int64_t block = w.dims[1], taps = block * block, outputs = w.dims[0] * taps;
  const int64_t w_dims[4] = { outputs, 1, 1, w.dims[3] }, act = ei_node_int(n, "act");
  const double lo = ei_node_float(n, "act_lo"), hi = ei_node_float(n, "act_hi");
  const uint32_t bias = n->n_in > 2 ? n->in[2] : EI_NONE, x = n->in[0];
  if (bias != EI_NONE && (!ei_const_floats(u, bias, (uint64_t)w.dims[0]) || ei_uses_tensor(u, bias)->quant.count ||
                          ei_uses_tensor(u, bias)->dtype != EDGE_DTYPE_F32))
    return EDGE_STATUS_OK;
  const char *const name = n->name;
  const uint32_t in[3] = { x, by_taps(u, n->in[1], w.dims[0], taps, w.dims[3], w_dims, 4),
                           bias == EI_NONE ? EI_NONE : by_taps(u, bias, w.dims[0], taps, 1, &outputs, 1) };
  const uint32_t mid = ei_uses_add_like(u, x);
  if (mid == EI_NONE || in[1] == EI_NONE || (bias != EI_NONE && in[2] == EI_NONE)) return EDGE_STATUS_OUT_OF_MEMORY;
  ei_uses_tensor(u, mid)->dims[3] = outputs;
  ei_uses_tensor(u, mid)->symbols[3] = 0;
  const uint32_t conv = ei_uses_append(u, "Conv", name, in, bias == EI_NONE ? 2 : 3, &mid, 1);
  if (conv == EI_NONE) return EDGE_STATUS_OUT_OF_MEMORY;
  if (act != 0) {
    ei_node *const c = &u->sg->nodes[conv];
    EI_TRY(ei_node_set_int(u->g, c, "act", act));
    EI_TRY(ei_node_set_float(u->g, c, "act_lo", lo));
    EI_TRY(ei_node_set_float(u->g, c, "act_hi", hi));
  }
  ei_node *const d = ei_uses_rewrite(u, i, "DepthToSpace", &mid, 1);
  return d ? ei_node_set_int(u->g, d, "block", block) : EDGE_STATUS_OUT_OF_MEMORY;
}

edge_status ei_pass_upconv(ei_graph *g, edge_error *err) {
  bool changed = false;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    const uint32_t count = u.sg->n_nodes;
    for (uint32_t i = 0; i < count; ++i) {
      if (!u.sg->nodes[i].op || !fits(&u, &u.sg->nodes[i])) continue;
      EI_TRY(visit(&u, i));
      changed = true;
    }
  }
  return changed ? ei_graph_sort(g, err) : EDGE_STATUS_OK;
}
