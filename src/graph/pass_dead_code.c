/* SPDX-License-Identifier: Apache-2.0
 * Dead code: nodes whose results nobody uses, and optional results that nobody asked for. */
#include "pass.h"

static bool has_effects(const ei_node *n) {
  return (n->op->flags & EI_OP_CONTROL) != 0 || n->op->mutates_in != 0;
}

edge_status ei_pass_dead_code(ei_graph *g, edge_error *err) {
  (void)err;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = u.sg->n_nodes; i-- > 0;) { /* users come later: one sweep backwards finds all */
      const ei_node *const n = &u.sg->nodes[i];
      bool used = false;
      if (!n->op || has_effects(n)) continue;
      for (uint32_t k = 0; k < n->n_out; ++k) {
        if (n->out[k] == EI_NONE) continue;
        if (u.count[n->out[k]])
          used = true;
        else if (k >= n->op->min_out)
          n->out[k] = EI_NONE;
      }
      if (!used) ei_uses_delete(&u, i);
    }
  }
  return EDGE_STATUS_OK;
}
