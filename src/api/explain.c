/* SPDX-License-Identifier: Apache-2.0
 * Public calls that answer: where does each node run, and why? */
#include "../exec/exec.h"

/* Nodes are numbered over the instances that exist, the main one first, then by subgraph. */
static ei_instance *instance_of(const edge_session *s, uint32_t index, uint32_t *node) {
  if (index < s->main->sg->n_nodes) {
    *node = index;
    return s->main;
  }
  index -= s->main->sg->n_nodes;
  for (uint32_t i = 0; i < s->model->graph->n_subgraphs; ++i) {
    ei_instance *const in = s->instances[i];
    if (!in || in == s->main) continue;
    if (index < in->sg->n_nodes) {
      *node = index;
      return in;
    }
    index -= in->sg->n_nodes;
  }
  return NULL;
}

edge_status edge_session_num_nodes(edge_session *s, uint32_t *count) {
  if (!s || !count) return EDGE_STATUS_INVALID_ARGUMENT;
  EI_TRY(edge_session_prepare(s));
  *count = 0;
  for (uint32_t i = 0; i < s->model->graph->n_subgraphs; ++i)
    if (s->instances[i]) *count += s->instances[i]->sg->n_nodes;
  return EDGE_STATUS_OK;
}

/* What the backend says of the kernel it chose; the text lives as long as the plan. */
static const edge_description *describe(ei_instance *in, uint32_t node) {
  edge_description *const d = EI_NEW(&in->mem, edge_description);
  if (!d) return NULL;
  d->struct_size = sizeof *d;
  const edge_partition *const p =
      in->planned && !in->folded[node] && in->n_parts ? &in->parts[in->part_of[node]] : NULL;
  if (!p || !p->backend || !p->context || !EDGE_BACKEND_HAS(p->backend->api, describe)) return d;
  for (uint32_t i = 0; i < p->n_nodes; ++i)
    if (p->nodes[i] == node && p->backend->api->describe(p->context, p, i, d) != EDGE_STATUS_OK)
      memset(d, 0, sizeof *d);
  d->kernel[sizeof d->kernel - 1] = d->reason[sizeof d->reason - 1] = d->hint[sizeof d->hint - 1] = 0;
  return d;
}

edge_status edge_session_explain(edge_session *s, uint32_t index, edge_placement *out) {
  uint32_t node = 0;
  if (!s || !out || out->struct_size < sizeof(uint32_t)) return EDGE_STATUS_INVALID_ARGUMENT;
  EI_TRY(edge_session_prepare(s));
  ei_instance *const in = instance_of(s, index, &node);
  if (!in) return EDGE_STATUS_INVALID_ARGUMENT;
  edge_placement p = EDGE_PLACEMENT_INIT;
  const ei_node *const n = &in->sg->nodes[node];
  const uint32_t size = out->struct_size;
  p.subgraph = in->subgraph;
  p.node = node;
  p.name = n->name;
  p.op = n->op->name;
  p.backend = "core";
  p.kernel = p.hint = "";
  p.reason = "a subgraph is placed when it first runs";
  if (in->planned) {
    const ei_placement *const place = &in->placements[node];
    const edge_description *const d = describe(in, node);
    if (!d) return EDGE_STATUS_OUT_OF_MEMORY;
    p.num_rejected = place->n_rejected;
    p.backend = place->backend ? place->backend->info.name : "core";
    p.kernel = in->folded[node] ? "folded" : d->kernel[0] ? d->kernel : in->pending[node] ? "run-time shape" : "";
    p.reason = d->reason[0] ? d->reason : place->reason;
    p.hint = d->hint;
    p.cost_us = d->cost_us > 0.0 ? d->cost_us : place->cost_us;
    p.time_ns = in->node_ns[node];
    p.macs = ei_node_macs(n, in->views);
  }
  memcpy(out, &p, size < sizeof p ? size : sizeof p);
  out->struct_size = size;
  return EDGE_STATUS_OK;
}

edge_status edge_session_explain_rejected(edge_session *s, uint32_t index, uint32_t which, const char **backend,
                                          const char **reason) {
  uint32_t node = 0;
  if (!s || !backend || !reason) return EDGE_STATUS_INVALID_ARGUMENT;
  const ei_instance *const in = instance_of(s, index, &node);
  if (!in || !in->planned || which >= in->placements[node].n_rejected) return EDGE_STATUS_INVALID_ARGUMENT;
  *backend = in->placements[node].rejected[which].backend;
  *reason = in->placements[node].rejected[which].reason;
  return EDGE_STATUS_OK;
}
