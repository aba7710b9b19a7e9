/* SPDX-License-Identifier: Apache-2.0
 * Settles shapes over a model's graph and counts work and weights. */
#include "graph_view.h"

#include "json.h"
#include <stdlib.h>
#include <string.h>

static int no_memory(const tool_case *c, tool_error *e) {
  return tool_fail(e, EXIT_LIMIT, "%s: no memory to show the graph", c->model);
}

/* ---- shapes: the entry's inputs as the session has them, then node by node */

static void settle(graph_view *v, uint32_t subgraph, const tool_run *r) {
  const ei_subgraph *const sg = &v->graph->subgraphs[subgraph];
  edge_tensor *const t = v->tensors[subgraph];
  for (uint32_t i = 0; i < sg->n_tensors; ++i) ei_tensor_view(&sg->tensors[i], &t[i]);
  for (uint32_t i = 0; subgraph == v->entry_subgraph && i < sg->n_inputs && i < r->n_inputs; ++i) {
    edge_tensor now;
    if (edge_session_get_input(r->session, i, &now) != EDGE_STATUS_OK) continue;
    t[sg->inputs[i]].rank = now.rank;
    memcpy(t[sg->inputs[i]].dims, now.dims, sizeof now.dims);
  }
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    bool pending = false;
    if (sg->nodes[i].op && !(sg->nodes[i].op->flags & EI_OP_CONTROL))
      (void)!ei_infer_node(&sg->nodes[i], i, t, &v->arena, &pending, NULL); /* what stays unknown is shown as ? */
  }
}

/* ---- counting */

static uint32_t op_slot(graph_view *v, const char *name, uint32_t *by_id, uint32_t id) {
  if (by_id[id] == 0) {
    v->ops[v->n_ops].name = name;
    by_id[id] = ++v->n_ops;
  }
  return by_id[id] - 1;
}

static void count_weights(graph_view *v, const ei_subgraph *sg, const ei_node *n, uint8_t *seen, view_node *out) {
  for (uint32_t k = 0; k < n->n_in; ++k) {
    const uint32_t t = n->in[k];
    if (t == EI_NONE || !sg->tensors[t].data || seen[t]) continue;
    seen[t] = 1;
    out->weights += sg->tensors[t].data_bytes;
  }
}

static bool count_subgraph(graph_view *v, uint32_t s, uint32_t *by_id, uint32_t *at) {
  const ei_subgraph *const sg = &v->graph->subgraphs[s];
  uint8_t *const seen = calloc(sg->n_tensors + 1u, 1);
  if (!seen) return false;
  v->first[s] = *at;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    view_node *const out = &v->nodes[*at];
    if (!n->op) continue;
    for (uint32_t k = 0; k < n->n_out; ++k)
      if (n->out[k] != EI_NONE) v->producer[s][n->out[k]] = i + 1;
    *out = (view_node) { .subgraph = s, .node = i, .kernel = "", .backend = "" };
    out->macs = ei_node_macs(n, v->tensors[s]);
    count_weights(v, sg, n, seen, out);
    out->op = op_slot(v, n->op->name, by_id, ei_op_id(n->op) & 65535u);
    v->ops[out->op].count++;
    v->ops[out->op].macs += out->macs;
    v->ops[out->op].weights += out->weights;
    v->macs += out->macs;
    ++*at;
  }
  for (uint32_t i = 0; i < sg->n_tensors; ++i) {
    const ei_tensor *const t = &sg->tensors[i];
    if (!t->data || t->dtype < 0 || t->dtype >= EDGE_DTYPE_COUNT) continue;
    v->types[t->dtype].bytes += t->data_bytes;
    v->types[t->dtype].count++;
    v->weights += t->data_bytes;
  }
  free(seen);
  return true;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const view_op *)a)->name, ((const view_op *)b)->name);
}

/* Operators in the order of their names; nodes follow. */
static bool sort_ops(graph_view *v) {
  view_op *const old = malloc((v->n_ops + 1) * sizeof *old);
  uint32_t *const moved = calloc(v->n_ops + 1, sizeof *moved);
  const bool ok = old && moved;
  if (ok) {
    memcpy(old, v->ops, v->n_ops * sizeof *old);
    qsort(v->ops, v->n_ops, sizeof *v->ops, by_name);
    for (uint32_t i = 0; i < v->n_ops; ++i)
      for (uint32_t k = 0; k < v->n_ops; ++k)
        if (old[i].name == v->ops[k].name) moved[i] = k;
    for (uint32_t i = 0; i < v->n_nodes; ++i) v->nodes[i].op = moved[v->nodes[i].op];
  }
  free(old);
  free(moved);
  return ok;
}

/* What the session knows beside the graph: the backend, its kernel, the last run's time. */
static void join_placements(graph_view *v, const tool_run *r, bool times) {
  uint32_t count = 0;
  if (edge_session_num_nodes(r->session, &count) != EDGE_STATUS_OK) return;
  for (uint32_t i = 0; i < count; ++i) {
    edge_placement p = EDGE_PLACEMENT_INIT;
    if (edge_session_explain(r->session, i, &p) != EDGE_STATUS_OK || p.subgraph >= v->graph->n_subgraphs) continue;
    const uint32_t at = v->first[p.subgraph] + p.node;
    if (at >= v->n_nodes || v->nodes[at].subgraph != p.subgraph || v->nodes[at].node != p.node) continue;
    v->nodes[at].backend = p.backend;
    v->nodes[at].kernel = p.kernel;
    if (!times) continue;
    const double us = (double)p.time_ns / 1e3;
    if (us > 0 && (v->nodes[at].us <= 0 || us < v->nodes[at].us)) v->nodes[at].us = us;
  }
}

int graph_view_open(graph_view *v, const tool_case *c, tool_run *r, tool_error *e) {
  uint32_t total = 0, at = 0;
  memset(v, 0, sizeof *v);
  v->graph = r->graph;
  if (ei_alloc_create(NULL, 0, &v->alloc) != EDGE_STATUS_OK) return no_memory(c, e);
  ei_arena_init(&v->arena, v->alloc);
  const uint32_t n = v->graph->n_subgraphs;
  for (uint32_t s = 0; s < n; ++s) total += v->graph->subgraphs[s].n_nodes;
  v->entry_subgraph = v->graph->entries[r->entry].subgraph;
  v->tensors = EI_NEW_ARRAY(&v->arena, edge_tensor *, (uint64_t)n + 1);
  v->producer = EI_NEW_ARRAY(&v->arena, uint32_t *, (uint64_t)n + 1);
  v->first = EI_NEW_ARRAY(&v->arena, uint32_t, (uint64_t)n + 1);
  v->nodes = EI_NEW_ARRAY(&v->arena, view_node, (uint64_t)total + 1);
  v->ops = EI_NEW_ARRAY(&v->arena, view_op, (uint64_t)ei_op_count() + 1);
  uint32_t *const by_id = calloc(65536, sizeof *by_id);
  bool ok = v->tensors && v->producer && v->first && v->nodes && v->ops && by_id;
  for (uint32_t s = 0; ok && s < n; ++s) {
    v->tensors[s] = EI_NEW_ARRAY(&v->arena, edge_tensor, (uint64_t)v->graph->subgraphs[s].n_tensors + 1);
    v->producer[s] = EI_NEW_ARRAY(&v->arena, uint32_t, (uint64_t)v->graph->subgraphs[s].n_tensors + 1);
    ok = v->tensors[s] && v->producer[s];
    if (ok) settle(v, s, r);
    if (ok) ok = count_subgraph(v, s, by_id, &at);
  }
  v->n_nodes = at;
  free(by_id);
  if (!ok || !sort_ops(v)) return no_memory(c, e);
  join_placements(v, r, false);
  return EXIT_OK;
}

int graph_view_measure(graph_view *v, const tool_case *c, tool_run *r, tool_error *e) {
  enum { RUNS = 10 };
  const double start = tool_now_ms();
  int code = EXIT_OK;
  for (int run = 0; !code && run <= RUNS && (run < 2 || tool_now_ms() - start < 2000.0); ++run) {
    code = tool_run_once(r, c, e);
    if (!code && run) join_placements(v, r, true); /* the first one warms caches */
  }
  for (uint32_t i = 0; !code && i < v->n_nodes; ++i) {
    v->us += v->nodes[i].us;
    v->ops[v->nodes[i].op].us += v->nodes[i].us;
  }
  v->timed = !code;
  return code;
}

void graph_view_close(graph_view *v) {
  if (!v->alloc) return;
  ei_arena_free(&v->arena);
  ei_alloc_destroy(v->alloc);
  memset(v, 0, sizeof *v);
}

/* ---- words */

const char *view_shape(const edge_tensor *t, char *out, size_t cap) {
  size_t n = 1;
  snprintf(out, cap, "[");
  if (t->rank < 0) n += (size_t)snprintf(out + n, cap - n, "?");
  for (int32_t i = 0; i < t->rank && n + 24 < cap; ++i)
    n += t->dims[i] < 0 ? (size_t)snprintf(out + n, cap - n, "%s?", i ? ", " : "")
                        : (size_t)snprintf(out + n, cap - n, "%s%lld", i ? ", " : "", (long long)t->dims[i]);
  snprintf(out + n, cap - n, "]");
  return out;
}

const char *view_name(const char *name, size_t limit, char *out, size_t cap) {
  const size_t n = strlen(name);
  if (limit >= cap) limit = cap - 1;
  if (n <= limit) {
    snprintf(out, cap, "%s", name);
  } else { /* whole letters on both sides */
    size_t head = limit / 2 - 1, tail = n - (limit - limit / 2 - 1);
    while (head && ((unsigned char)name[head] & 0xc0) == 0x80) --head;
    while (tail < n && ((unsigned char)name[tail] & 0xc0) == 0x80) ++tail;
    snprintf(out, cap, "%.*s..%s", (int)head, name, name + tail);
  }
  for (char *at = out; *at; ++at)
    if ((unsigned char)*at < 0x20 || *at == 0x7f) *at = '?';
  return out;
}

const char *view_bytes(uint64_t bytes, char out[24]) {
  static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
  double v = (double)bytes / 1024.0;
  int u = 0;
  if (bytes < 1024) {
    snprintf(out, 24, "%u B", (unsigned)bytes);
    return out;
  }
  while (v >= 1024.0 && u < 3) v /= 1024.0, ++u;
  snprintf(out, 24, "%.*f %s", v < 10 ? 2 : 1, v, units[u]);
  return out;
}

const char *view_count(uint64_t count, char out[24]) {
  static const char *const units[] = { "k", "M", "G", "T" };
  double v = (double)count / 1000.0;
  int u = 0;
  if (count < 1000) {
    snprintf(out, 24, "%u", (unsigned)count);
    return out;
  }
  while (v >= 1000.0 && u < 3) v /= 1000.0, ++u;
  snprintf(out, 24, "%.*f %s", v < 10 ? 2 : 1, v, units[u]);
  return out;
}

bool view_metadata_text(const ei_metadata *m, char *out, size_t cap) {
  const unsigned char *const s = m->value;
  const size_t n = m->bytes < cap - 1 ? (size_t)m->bytes : cap - 1;
  for (size_t i = 0; i < n; ++i)
    if (s[i] == 0 || (s[i] < 0x20 && s[i] != '\n' && s[i] != '\t' && s[i] != '\r')) return false;
  if (n) memcpy(out, s, n);
  out[n] = 0;
  return true;
}
