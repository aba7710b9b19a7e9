/* SPDX-License-Identifier: Apache-2.0
 * Execution order of nodes: files should be in order, but converters append casts at the end. */
#include "onnx.h"

typedef struct sorter {
  ei_ox_names producers; /* value -> node */
  uint32_t *edges;       /* nodes that a node waits for; NULL: only count them */
  uint64_t n_edges;
  uint32_t self;
} sorter;

static void add_edge(sorter *s, const char *name) {
  const uint32_t from = *name ? ei_ox_names_get(&s->producers, name) : EI_NONE;
  if (from == EI_NONE || from == s->self) return;
  if (s->edges) s->edges[s->n_edges] = from;
  s->n_edges++;
}

/* What a node reads, also inside its subgraphs (a name that is local there waits for nothing it should not). */
static void add_edges(sorter *s, const ei_ox_node *n) {
  for (uint32_t i = 0; i < n->n_in; ++i) add_edge(s, n->in[i]);
  for (uint32_t i = 0; i < n->n_attrs; ++i) {
    const ei_ox_graph *const g = n->attrs[i].g;
    for (uint32_t k = 0; g && k < g->n_nodes; ++k) add_edges(s, &g->nodes[k]);
    for (uint32_t k = 0; g && k < g->n_outputs; ++k) add_edge(s, g->outputs[k].name);
  }
}

/* Depth first with an explicit stack: a node comes after everything it waits for, otherwise order is kept. */
static bool walk(const uint64_t *first, const uint32_t *edges, uint32_t n, uint64_t *cursor, uint32_t *stack,
                 uint8_t *state, uint32_t *order) {
  uint32_t done = 0;
  for (uint32_t root = 0; root < n; ++root) {
    uint32_t depth = 0;
    if (state[root]) continue;
    stack[depth++] = root;
    state[root] = 1;
    while (depth) {
      const uint32_t at = stack[depth - 1];
      if (cursor[at] == first[at + 1]) {
        state[at] = 2;
        order[done++] = at;
        depth--;
        continue;
      }
      const uint32_t next = edges[cursor[at]++];
      if (state[next] == 1) return false;
      if (state[next] == 2) continue;
      state[next] = 1;
      stack[depth++] = next;
    }
  }
  return true;
}

const uint32_t *ei_ox_order(ei_ox *x, const ei_ox_node *nodes, uint32_t n) {
  sorter s;
  memset(&s, 0, sizeof s);
  uint64_t *const first = EI_NEW_ARRAY(x->arena, uint64_t, (uint64_t)n + 1);
  uint64_t *const cursor = EI_NEW_ARRAY(x->arena, uint64_t, (uint64_t)n + 1);
  uint32_t *const stack = EI_NEW_ARRAY(x->arena, uint32_t, (uint64_t)n + 1);
  uint32_t *const order = EI_NEW_ARRAY(x->arena, uint32_t, (uint64_t)n + 1);
  uint8_t *const state = EI_NEW_ARRAY(x->arena, uint8_t, (uint64_t)n + 1);
  bool ok = first && cursor && stack && order && state;
  for (uint32_t i = 0; ok && i < n; ++i)
    for (uint32_t k = 0; ok && k < nodes[i].n_out; ++k)
      if (*nodes[i].out[k]) ok = ei_ox_names_put(x->arena, &s.producers, nodes[i].out[k], i);
  for (uint32_t pass = 0; ok && pass < 2; ++pass) {
    s.n_edges = 0;
    for (uint32_t i = 0; i < n; ++i) {
      first[i] = cursor[i] = s.n_edges;
      s.self = i;
      add_edges(&s, &nodes[i]);
    }
    first[n] = s.n_edges;
    if (pass == 0) s.edges = EI_NEW_ARRAY(x->arena, uint32_t, s.n_edges + 1);
    ok = s.edges != NULL;
  }
  if (!ok) {
    ei_ox_out_of_memory(x);
    return NULL;
  }
  if (walk(first, s.edges, n, cursor, stack, state, order)) return order;
  x->status = ei_fail(x->err, EDGE_STATUS_MALFORMED, "the nodes of the graph form a cycle");
  return NULL;
}
