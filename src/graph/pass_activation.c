/* SPDX-License-Identifier: Apache-2.0
 * Activations become part of the operator before them (its ACT attributes), where kernels clamp for nothing. */
#include "pass.h"

enum { ACT_RELU = 1, ACT_RELU6 = 2, ACT_CLIP1 = 3, ACT_CLIP = 5 };

static const double open_end = 3.4028234663852886e38;

/* What the activation does, as ACT; 0: it is none that only clamps. */
static int64_t read_activation(const ei_uses *u, const ei_node *n, double *lo, double *hi) {
  if (ei_is_op(n, "Relu")) return ACT_RELU;
  if (ei_is_op(n, "Relu6")) return ACT_RELU6;
  if (!ei_is_op(n, "Clip")) return 0;
  *lo = -open_end;
  *hi = open_end;
  if (n->n_in > 1 && n->in[1] != EI_NONE && !ei_const_scalar(u, n->in[1], lo)) return 0;
  if (n->n_in > 2 && n->in[2] != EI_NONE && !ei_const_scalar(u, n->in[2], hi)) return 0;
  if (!(*lo <= *hi)) return 0;
  if (*lo < -open_end) *lo = -open_end;
  if (*hi > open_end) *hi = open_end;
  if (*lo == 0.0 && *hi == open_end) return ACT_RELU;
  if (*lo == 0.0 && *hi == 6.0) return ACT_RELU6;
  if (*lo == -1.0 && *hi == 1.0) return ACT_CLIP1;
  return ACT_CLIP;
}

/* Concat has the attributes for files that say "none"; it copies, and clamps nothing. */
static bool takes_activation(const ei_node *n) {
  if (ei_is_op(n, "Concat")) return false;
  if (ei_is_op(n, "Concat")) return false; /* has the attribute, as TFLite does, and refuses it, as TFLite does */
  for (const ei_attr_def *d = n->op ? n->op->attrs : NULL; d && d->key; ++d)
    if (strcmp(d->key, "act") == 0) return ei_node_int(n, "act") == 0 && n->n_out == 1 && !n->op->mutates_in;
  return false;
}

edge_status ei_pass_activation(ei_graph *g, edge_error *err) {
  (void)err;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i) {
      const ei_node *const n = &u.sg->nodes[i];
      double lo = 0.0, hi = 0.0;
      if (!n->op || n->n_in == 0 || n->in[0] == EI_NONE || u.count[n->in[0]] != 1) continue;
      if (n->n_out != 1 || n->out[0] == EI_NONE) continue;
      const uint32_t x = n->in[0], y = n->out[0], p = u.producer[x];
      if (p == EI_NONE || !takes_activation(&u.sg->nodes[p])) continue;
      const ei_tensor *const a = ei_uses_tensor(&u, x), *const b = ei_uses_tensor(&u, y);
      if (a->dtype != b->dtype || !ei_same_quant(&a->quant, &b->quant)) continue;
      if (!ei_dtype_is_float(a->dtype) && a->quant.count == 0) continue;
      const int64_t act = read_activation(&u, n, &lo, &hi);
      if (act == 0) continue;
      ei_uses_delete(&u, i);
      ei_uses_move_output(&u, p, 0, y);
      ei_node *const q = &u.sg->nodes[p];
      EI_TRY(ei_node_set_int(g, q, "act", act));
      if (act != ACT_CLIP) continue;
      EI_TRY(ei_node_set_float(g, q, "act_lo", lo));
      EI_TRY(ei_node_set_float(g, q, "act_hi", hi));
    }
  }
  return EDGE_STATUS_OK;
}
