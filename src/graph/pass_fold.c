/* SPDX-License-Identifier: Apache-2.0
 * Constant folding: nodes whose inputs are all known are computed once, here. */
#include "pass.h"

enum { SMALL_BYTES = 1 << 16 };

/* Results may be larger than what they are made from only a little: a file must not grow without bound.
 * Quantized and f16 constants stay what they are: later passes make operators of them that read them so. */
static uint64_t allowed_bytes(const ei_uses *u, const ei_node *n) {
  uint64_t bytes = 0;
  for (uint32_t k = 0; k < n->n_in; ++k)
    if (n->in[k] != EI_NONE && ei_uses_tensor(u, n->in[k])->data) bytes += ei_uses_tensor(u, n->in[k])->data_bytes;
  return bytes > UINT64_MAX / 4 ? 0 : bytes * 2 + SMALL_BYTES;
}

static bool keeps_stored(const ei_uses *u, const ei_node *n) {
  if (ei_half_cast(u, n)) return true;
  if (ei_is_op(n, "Quantize")) return true;
  return ei_is_op(n, "Dequantize") && n->in[0] != EI_NONE && ei_dtype_is_int(ei_uses_tensor(u, n->in[0])->dtype);
}

static edge_status fold(ei_graph *g, bool quantized_too) {
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i) {
      const ei_node *const n = &u.sg->nodes[i];
      if (!n->op || (!quantized_too && keeps_stored(&u, n))) continue;
      (void)ei_pass_evaluate(&u, i, allowed_bytes(&u, n));
    }
  }
  return EDGE_STATUS_OK;
}

edge_status ei_pass_fold(ei_graph *g, edge_error *err) {
  (void)err;
  return fold(g, false);
}

edge_status ei_pass_fold_late(ei_graph *g, edge_error *err) {
  (void)err;
  return fold(g, true);
}
