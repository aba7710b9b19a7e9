/* SPDX-License-Identifier: Apache-2.0
 * Order and tidiness of a graph: topological sort, removal of dead nodes and unused tensors. */
#include "graph.h"
#include "../base/heap.h"
#include "../ops/op.h"

/* Tensors that survive: used by a live node or by the subgraph's border. */
static edge_status compact_subgraph(ei_graph *g, ei_subgraph *sg) {
  uint32_t live = 0;
  for (uint32_t i = 0; i < sg->n_nodes; ++i)
    if (sg->nodes[i].op) sg->nodes[live++] = sg->nodes[i];
  sg->n_nodes = live;
  uint32_t *const map = EI_NEW_ARRAY(g->arena, uint32_t, (uint64_t)sg->n_tensors + 1);
  if (!map) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    for (uint32_t k = 0; k < n->n_in; ++k)
      if (n->in[k] != EI_NONE) map[n->in[k]] = 1;
    for (uint32_t k = 0; k < n->n_out; ++k)
      if (n->out[k] != EI_NONE) map[n->out[k]] = 1;
  }
  for (uint32_t i = 0; i < sg->n_inputs; ++i) map[sg->inputs[i]] = 1;
  for (uint32_t i = 0; i < sg->n_outputs; ++i) map[sg->outputs[i]] = 1;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < sg->n_tensors; ++i) {
    if (!map[i]) continue;
    sg->tensors[kept] = sg->tensors[i];
    map[i] = kept++;
  }
  sg->n_tensors = kept;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    for (uint32_t k = 0; k < n->n_in; ++k)
      if (n->in[k] != EI_NONE) n->in[k] = map[n->in[k]];
    for (uint32_t k = 0; k < n->n_out; ++k)
      if (n->out[k] != EI_NONE) n->out[k] = map[n->out[k]];
  }
  for (uint32_t i = 0; i < sg->n_inputs; ++i) sg->inputs[i] = map[sg->inputs[i]];
  for (uint32_t i = 0; i < sg->n_outputs; ++i) sg->outputs[i] = map[sg->outputs[i]];
  return EDGE_STATUS_OK;
}

edge_status ei_graph_compact(ei_graph *g) {
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) EI_TRY(compact_subgraph(g, &g->subgraphs[s]));
  return EDGE_STATUS_OK;
}

/* Kahn's algorithm with a cursor that always takes the earliest ready node, so that an ordered graph stays
 * as it is. Operators with state keep their relative order: each one depends on the stateful one before it. */
typedef struct sorter {
  ei_subgraph *sg;
  uint32_t *producer;   /* tensor -> node */
  uint32_t *missing;    /* node -> inputs not produced yet */
  uint32_t *first_user; /* node -> head of its list of edges */
  uint32_t *edge_next, *edge_user;
  uint32_t n_edges;
} sorter;

static void add_edge(sorter *s, uint32_t from, uint32_t to) {
  s->edge_user[s->n_edges] = to;
  s->edge_next[s->n_edges] = s->first_user[from];
  s->first_user[from] = s->n_edges++;
  s->missing[to]++;
}

static edge_status collect_edges(sorter *s, ei_arena *arena, edge_error *err) {
  ei_subgraph *const sg = s->sg;
  uint64_t edges = 0;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) edges += (uint64_t)sg->nodes[i].n_in + 1;
  s->producer = EI_NEW_ARRAY(arena, uint32_t, (uint64_t)sg->n_tensors + 1);
  s->missing = EI_NEW_ARRAY(arena, uint32_t, (uint64_t)sg->n_nodes + 1);
  s->first_user = EI_NEW_ARRAY(arena, uint32_t, (uint64_t)sg->n_nodes + 1);
  s->edge_next = EI_NEW_ARRAY(arena, uint32_t, edges + 1);
  s->edge_user = EI_NEW_ARRAY(arena, uint32_t, edges + 1);
  if (!s->producer || !s->missing || !s->first_user || !s->edge_next || !s->edge_user)
    return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to order the graph");
  for (uint32_t i = 0; i < sg->n_tensors; ++i) s->producer[i] = EI_NONE;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) s->first_user[i] = EI_NONE;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    for (uint32_t k = 0; k < n->n_out; ++k) {
      if (n->out[k] == EI_NONE) continue;
      if (s->producer[n->out[k]] != EI_NONE)
        return ei_fail_node(err, EDGE_STATUS_MALFORMED, i, n->out[k],
                            "tensor '%s' is produced by two nodes: '%s' and '%s'", sg->tensors[n->out[k]].name,
                            sg->nodes[s->producer[n->out[k]]].name, n->name);
      s->producer[n->out[k]] = i;
    }
  }
  uint32_t last_stateful = EI_NONE;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    for (uint32_t k = 0; k < n->n_in; ++k)
      if (n->in[k] != EI_NONE && s->producer[n->in[k]] != EI_NONE) add_edge(s, s->producer[n->in[k]], i);
    if (n->op && (n->op->flags & (EI_OP_STATEFUL | EI_OP_CONTROL))) {
      if (last_stateful != EI_NONE) add_edge(s, last_stateful, i);
      last_stateful = i;
    }
  }
  return EDGE_STATUS_OK;
}

static edge_status sort_subgraph(ei_graph *g, ei_subgraph *sg, edge_error *err) {
  sorter s = { .sg = sg };
  EI_TRY(collect_edges(&s, g->arena, err));
  ei_heap ready = { NULL, 0 };
  ready.items = EI_NEW_ARRAY(g->arena, uint32_t, (uint64_t)sg->n_nodes + 1);
  ei_node *const sorted = EI_NEW_ARRAY(g->arena, ei_node, (uint64_t)sg->n_nodes + 1);
  if (!ready.items || !sorted) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to order the graph");
  uint32_t done = 0;
  for (uint32_t i = 0; i < sg->n_nodes; ++i)
    if (s.missing[i] == 0) ei_heap_push(&ready, i);
  while (ready.count) {
    const uint32_t i = ei_heap_pop(&ready);
    sorted[done++] = sg->nodes[i];
    for (uint32_t e = s.first_user[i]; e != EI_NONE; e = s.edge_next[e])
      if (--s.missing[s.edge_user[e]] == 0) ei_heap_push(&ready, s.edge_user[e]);
  }
  if (done != sg->n_nodes) {
    for (uint32_t i = 0; i < sg->n_nodes; ++i)
      if (s.missing[i])
        return ei_fail_node(err, EDGE_STATUS_MALFORMED, i, EI_NONE, "node '%s' (%s) is part of a cycle",
                            sg->nodes[i].name, sg->nodes[i].op ? sg->nodes[i].op->name : "?");
  }
  if (done) memcpy(sg->nodes, sorted, done * sizeof *sorted);
  return EDGE_STATUS_OK;
}

edge_status ei_graph_sort(ei_graph *g, edge_error *err) {
  for (uint32_t i = 0; i < g->n_subgraphs; ++i) EI_TRY(sort_subgraph(g, &g->subgraphs[i], err));
  return EDGE_STATUS_OK;
}
