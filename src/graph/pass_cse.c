/* SPDX-License-Identifier: Apache-2.0
 * Common subexpressions: of nodes that compute the same, one stays. */
#include "pass.h"

static uint32_t mix(uint32_t h, uint64_t v) {
  for (int i = 0; i < 8; ++i) h = (h ^ (uint32_t)(v >> (8 * i) & 0xff)) * 16777619u;
  return h;
}

static uint32_t hash_node(const ei_node *n) {
  uint32_t h = mix(2166136261u, (uint64_t)(uintptr_t)n->op);
  for (uint32_t k = 0; k < n->n_in; ++k) h = mix(h, n->in[k]);
  return mix(h, n->n_attr);
}

static bool same_attr(const ei_attr *a, const ei_attr *b) {
  if (strcmp(a->key, b->key) != 0 || a->kind != b->kind || a->count != b->count) return false;
  switch (a->kind) {
  case EI_ATTR_INT: return a->u.i == b->u.i;
  case EI_ATTR_FLOAT: return memcmp(&a->u.f, &b->u.f, sizeof a->u.f) == 0;
  case EI_ATTR_STRING: return strcmp(a->u.s, b->u.s) == 0;
  case EI_ATTR_INTS: return a->count == 0 || memcmp(a->u.ints, b->u.ints, a->count * sizeof *a->u.ints) == 0;
  case EI_ATTR_FLOATS: return a->count == 0 || memcmp(a->u.floats, b->u.floats, a->count * sizeof *a->u.floats) == 0;
  default: return false;
  }
}

/* The result's type and quantization belong to what is computed. */
static bool same_outputs(const ei_uses *u, const ei_node *a, const ei_node *b) {
  for (uint32_t k = 0; k < a->n_out; ++k) {
    if ((a->out[k] == EI_NONE) != (b->out[k] == EI_NONE)) return false;
    if (a->out[k] == EI_NONE) continue;
    const ei_tensor *const x = ei_uses_tensor(u, a->out[k]), *const y = ei_uses_tensor(u, b->out[k]);
    if (x->dtype != y->dtype || !ei_same_quant(&x->quant, &y->quant) || ei_uses_is_output(u, b->out[k])) return false;
  }
  return true;
}

static bool same_node(const ei_uses *u, const ei_node *a, const ei_node *b) {
  if (a->op != b->op || a->version != b->version || a->n_in != b->n_in || a->n_out != b->n_out ||
      a->n_attr != b->n_attr)
    return false;
  for (uint32_t k = 0; k < a->n_in; ++k)
    if (a->in[k] != b->in[k]) return false;
  for (uint32_t k = 0; k < a->n_attr; ++k)
    if (!same_attr(&a->attr[k], &b->attr[k])) return false;
  return same_outputs(u, a, b);
}

enum { MAX_PROBES = 64 };

edge_status ei_pass_cse(ei_graph *g, edge_error *err) {
  (void)err;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    uint64_t slots = 16;
    EI_TRY(ei_uses_build(&u, g, s));
    while (slots < 2 * (uint64_t)u.sg->n_nodes) slots *= 2;
    uint32_t *const table = EI_NEW_ARRAY(g->arena, uint32_t, slots);
    if (!table) return EDGE_STATUS_OUT_OF_MEMORY;
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i) {
      const ei_node *const n = &u.sg->nodes[i];
      if (!n->op || n->n_out == 0 || (n->op->flags & (EI_OP_STATEFUL | EI_OP_CONTROL | EI_OP_NO_FOLD)) ||
          n->op->mutates_in)
        continue;
      uint64_t at = hash_node(n) & (slots - 1);
      for (int probe = 0; probe < MAX_PROBES; ++probe, at = (at + 1) & (slots - 1)) {
        if (table[at] == 0) {
          table[at] = i + 1;
          break;
        }
        const ei_node *const first = &u.sg->nodes[table[at] - 1];
        if (!first->op || !same_node(&u, first, n)) continue;
        for (uint32_t k = 0; k < n->n_out; ++k)
          if (n->out[k] != EI_NONE) ei_uses_replace(&u, n->out[k], first->out[k]);
        ei_uses_delete(&u, i);
        break;
      }
    }
  }
  return EDGE_STATUS_OK;
}
