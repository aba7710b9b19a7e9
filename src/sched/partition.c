/* SPDX-License-Identifier: Apache-2.0
 * Partitioning: nodes in an order that keeps each backend running as long as it can.
 *
 *   1. edges between nodes (data, and the order of stateful operators)
 *   2. Kahn's algorithm with one ready heap per backend; the current backend is kept while it has ready nodes
 *   3. a dynamic node (shape known only at run time) or a control-flow node is a partition of its own
 *   4. border values of each partition */
#include "../base/heap.h"
#include "../exec/exec.h"

typedef struct walker {
  ei_instance *in;
  uint32_t *missing, *first_user, *edge_next, *edge_user, n_edges;
  ei_heap heaps[EI_MAX_BACKENDS + 1]; /* last: nodes that stand alone */
  uint32_t *order, *class_of, n_order;
} walker;

static bool stands_alone(const ei_instance *in, uint32_t i) {
  return in->pending[i] || !in->placements[i].backend;
}

static uint32_t class_index(const ei_instance *in, uint32_t i) {
  if (stands_alone(in, i)) return EI_MAX_BACKENDS;
  for (uint32_t b = 0; b < in->session->n_allowed; ++b)
    if (in->session->allowed[b] == in->placements[i].backend) return b;
  return EI_MAX_BACKENDS;
}

static void add_edge(walker *w, uint32_t from, uint32_t to) {
  w->edge_user[w->n_edges] = to;
  w->edge_next[w->n_edges] = w->first_user[from];
  w->first_user[from] = w->n_edges++;
  w->missing[to]++;
}

static edge_status collect_edges(walker *w) {
  ei_instance *const in = w->in;
  const ei_subgraph *const sg = in->sg;
  ei_arena *const m = &in->mem;
  uint64_t edges = 1;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) edges += (uint64_t)sg->nodes[i].n_in + 1;
  uint32_t *const producer = EI_NEW_ARRAY(m, uint32_t, (uint64_t)sg->n_tensors + 1);
  w->missing = EI_NEW_ARRAY(m, uint32_t, (uint64_t)sg->n_nodes + 1);
  w->first_user = EI_NEW_ARRAY(m, uint32_t, (uint64_t)sg->n_nodes + 1);
  w->edge_next = EI_NEW_ARRAY(m, uint32_t, edges);
  w->edge_user = EI_NEW_ARRAY(m, uint32_t, edges);
  w->order = EI_NEW_ARRAY(m, uint32_t, (uint64_t)sg->n_nodes + 1);
  w->class_of = EI_NEW_ARRAY(m, uint32_t, (uint64_t)sg->n_nodes + 1);
  for (uint32_t h = 0; h <= EI_MAX_BACKENDS; ++h) {
    if (h < EI_MAX_BACKENDS && h >= in->session->n_allowed) continue;
    w->heaps[h].items = EI_NEW_ARRAY(m, uint32_t, (uint64_t)sg->n_nodes + 1);
    if (!w->heaps[h].items) return EDGE_STATUS_OUT_OF_MEMORY;
  }
  if (!producer || !w->missing || !w->first_user || !w->edge_next || !w->edge_user || !w->order || !w->class_of)
    return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < sg->n_tensors; ++i) producer[i] = EI_NONE;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    w->first_user[i] = EI_NONE;
    w->class_of[i] = class_index(in, i);
    for (uint32_t k = 0; k < sg->nodes[i].n_out; ++k)
      if (sg->nodes[i].out[k] != EI_NONE) producer[sg->nodes[i].out[k]] = i;
  }
  uint32_t last_stateful = EI_NONE;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    if (in->folded[i]) continue;
    for (uint32_t k = 0; k < n->n_in; ++k) {
      const uint32_t from = n->in[k] == EI_NONE ? EI_NONE : producer[n->in[k]];
      if (from != EI_NONE && !in->folded[from]) add_edge(w, from, i);
    }
    if (!(n->op->flags & (EI_OP_STATEFUL | EI_OP_CONTROL))) continue;
    if (last_stateful != EI_NONE) add_edge(w, last_stateful, i);
    last_stateful = i;
  }
  return EDGE_STATUS_OK;
}

static uint32_t next_class(const walker *w, uint32_t current) {
  if (current != EI_MAX_BACKENDS && w->heaps[current].count) return current;
  uint32_t best = EI_NONE;
  for (uint32_t h = 0; h <= EI_MAX_BACKENDS; ++h)
    if (w->heaps[h].count && (best == EI_NONE || w->heaps[h].items[0] < w->heaps[best].items[0])) best = h;
  return best;
}

static edge_status order_nodes(walker *w, uint32_t *n_parts) {
  ei_instance *const in = w->in;
  EI_TRY(collect_edges(w));
  for (uint32_t i = 0; i < in->sg->n_nodes; ++i)
    if (!in->folded[i] && w->missing[i] == 0) ei_heap_push(&w->heaps[w->class_of[i]], i);
  uint32_t current = EI_MAX_BACKENDS;
  *n_parts = 0;
  for (uint32_t cls; (cls = next_class(w, current)) != EI_NONE;) {
    const uint32_t i = ei_heap_pop(&w->heaps[cls]);
    if (cls != current || cls == EI_MAX_BACKENDS) ++*n_parts;
    current = cls;
    in->part_of[i] = *n_parts - 1;
    w->order[w->n_order++] = i;
    for (uint32_t e = w->first_user[i]; e != EI_NONE; e = w->edge_next[e])
      if (--w->missing[w->edge_user[e]] == 0) ei_heap_push(&w->heaps[w->class_of[w->edge_user[e]]], w->edge_user[e]);
  }
  return EDGE_STATUS_OK;
}

/* Values that enter or leave a partition. `mark` holds, per tensor, the partition that listed it last. */
static edge_status find_borders(ei_instance *in, edge_partition *p, const uint32_t *made_by, const uint8_t *crosses,
                                uint32_t *mark) {
  const ei_subgraph *const sg = in->sg;
  const uint32_t self = (uint32_t)(p - in->parts);
  uint64_t most_in = 0, most_out = 0;
  for (uint32_t i = 0; i < p->n_nodes; ++i) {
    most_in += sg->nodes[p->nodes[i]].n_in;
    most_out += sg->nodes[p->nodes[i]].n_out;
  }
  p->inputs = EI_NEW_ARRAY(&in->mem, uint32_t, most_in + 1);
  p->outputs = EI_NEW_ARRAY(&in->mem, uint32_t, most_out + 1);
  if (!p->inputs || !p->outputs) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < p->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[p->nodes[i]];
    for (uint32_t k = 0; k < n->n_in; ++k) {
      const uint32_t t = n->in[k];
      if (t == EI_NONE || in->views[t].data || made_by[t] == self || mark[t] == self + 1) continue;
      mark[t] = self + 1;
      p->inputs[p->n_inputs++] = t;
    }
  }
  for (uint32_t i = 0; i < p->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[p->nodes[i]];
    for (uint32_t k = 0; k < n->n_out; ++k)
      if (n->out[k] != EI_NONE && (crosses[n->out[k]] || in->uses[n->out[k]] & 1u << 30))
        p->outputs[p->n_outputs++] = n->out[k];
  }
  return EDGE_STATUS_OK;
}

edge_status ei_partition_nodes(ei_instance *in) {
  const ei_subgraph *const sg = in->sg;
  walker w = { .in = in };
  uint32_t n_parts = 0;
  EI_TRY(order_nodes(&w, &n_parts));
  in->parts = EI_NEW_ARRAY(&in->mem, edge_partition, (uint64_t)n_parts + 1);
  uint32_t *const made_by = EI_NEW_ARRAY(&in->mem, uint32_t, (uint64_t)sg->n_tensors + 1);
  uint32_t *const mark = EI_NEW_ARRAY(&in->mem, uint32_t, (uint64_t)sg->n_tensors + 1);
  uint8_t *const crosses = EI_NEW_ARRAY(&in->mem, uint8_t, (uint64_t)sg->n_tensors + 1);
  if (!in->parts || !made_by || !mark || !crosses) return EDGE_STATUS_OUT_OF_MEMORY;
  in->n_parts = n_parts;
  for (uint32_t i = 0; i < sg->n_tensors; ++i) made_by[i] = EI_NONE;
  for (uint32_t k = 0; k < w.n_order; ++k) {
    const uint32_t i = w.order[k];
    edge_partition *const p = &in->parts[in->part_of[i]];
    if (p->n_nodes++ == 0) {
      p->nodes = &w.order[k];
      p->instance = in;
      p->backend = in->placements[i].backend;
      p->dynamic = in->pending[i] && p->backend;
    }
    for (uint32_t o = 0; o < sg->nodes[i].n_out; ++o)
      if (sg->nodes[i].out[o] != EI_NONE) made_by[sg->nodes[i].out[o]] = in->part_of[i];
  }
  for (uint32_t k = 0; k < w.n_order; ++k) {
    const ei_node *const n = &sg->nodes[w.order[k]];
    for (uint32_t o = 0; o < n->n_in; ++o)
      if (n->in[o] != EI_NONE && made_by[n->in[o]] != EI_NONE && made_by[n->in[o]] != in->part_of[w.order[k]])
        crosses[n->in[o]] = 1;
  }
  for (uint32_t i = 0; i < n_parts; ++i) EI_TRY(find_borders(in, &in->parts[i], made_by, crosses, mark));
  return EDGE_STATUS_OK;
}

edge_status ei_part_compile(edge_partition *p, bool sizes_only) {
  const edge_backend_api *const api = p->backend->api;
  EI_TRY(api->compile(p->backend->device, p, &p->program));
  EI_TRY(api->plan(p->program, p, sizes_only ? 0 : 1, &p->context));
  return api->buffers(p->context, &p->buffers, &p->n_buffers);
}

void ei_part_release(edge_partition *p) {
  if (p->context) p->backend->api->unplan(p->context);
  if (p->program) p->backend->api->release(p->program);
  p->context = NULL;
  p->program = NULL;
  p->buffers = NULL;
  p->n_buffers = 0;
  p->steps = NULL;
  p->n_steps = 0;
  if (p->heap) ei_alloc_put(p->instance->session->env->alloc, p->heap, p->heap_bytes, 64);
  p->heap = NULL;
}
