/* SPDX-License-Identifier: Apache-2.0
 * Padding with zeros in front of a convolution becomes the convolution's own. */
#include "pass.h"

enum { AUTO_NONE = 0, AUTO_VALID = 3, MAX_SPATIAL = 3 };

/* Padding value is real zero. */
static bool pads_zero(const ei_uses *u, const ei_node *pad) {
  double v = 0.0;
  if (ei_node_int(pad, "mode") != 0 || (pad->n_in > 3 && pad->in[3] != EI_NONE)) return false;
  if (pad->n_in < 3 || pad->in[2] == EI_NONE) return true;
  return ei_const_scalar(u, pad->in[2], &v) && v == 0.0 && ei_uses_tensor(u, pad->in[0])->quant.count == 0;
}

static edge_status visit(ei_uses *u, uint32_t i) {
  ei_node *const n = &u->sg->nodes[i];
  int64_t v[2 * EDGE_MAX_RANK], pads[2 * MAX_SPATIAL] = { 0 };
  uint32_t count = 0;
  const int64_t mode = ei_node_int(n, "auto_pad");
  const ei_node *const pad = n->in[0] == EI_NONE ? NULL : ei_uses_producer(u, n->in[0], "Pad");
  if (!pad || u->count[n->in[0]] != 1 || pad->n_in < 2 || !pads_zero(u, pad)) return EDGE_STATUS_OK;
  if ((mode != AUTO_NONE && mode != AUTO_VALID) || !ei_const_ints(u, pad->in[1], v, 2 * EDGE_MAX_RANK, &count))
    return EDGE_STATUS_OK;
  const ei_tensor *const x = ei_uses_tensor(u, pad->in[0]), *const y = ei_uses_tensor(u, n->in[0]);
  const uint32_t rank = count / 2;
  if (x->dtype != y->dtype || !ei_same_quant(&x->quant, &y->quant) || rank < 3 || rank > 2 + MAX_SPATIAL)
    return EDGE_STATUS_OK;
  const uint32_t spatial = rank - 2, own = ei_node_ints(n, "pads", pads, 2 * MAX_SPATIAL);
  if (own != 0 && own != 2 * spatial) return EDGE_STATUS_OK;
  if (mode == AUTO_VALID) memset(pads, 0, sizeof pads);
  for (uint32_t k = 0; k < rank; ++k) {
    const bool inner = k > 0 && k + 1 < rank;
    if (inner ? v[k] < 0 || v[rank + k] < 0 || v[k] > 1 << 20 || v[rank + k] > 1 << 20 : v[k] != 0 || v[rank + k] != 0)
      return EDGE_STATUS_OK;
    if (!inner) continue;
    pads[k - 1] += v[k];
    pads[spatial + k - 1] += v[rank + k];
  }
  EI_TRY(ei_node_set_int(u->g, n, "auto_pad", AUTO_NONE));
  EI_TRY(ei_node_set_ints(u->g, n, "pads", pads, 2 * spatial));
  ei_uses_set_input(u, n, 0, pad->in[0]);
  return EDGE_STATUS_OK;
}

edge_status ei_pass_pad(ei_graph *g, edge_error *err) {
  (void)err;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i)
      if (ei_is_op(&u.sg->nodes[i], "Conv")) EI_TRY(visit(&u, i));
  }
  return EDGE_STATUS_OK;
}
