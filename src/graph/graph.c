/* SPDX-License-Identifier: Apache-2.0
 * Building and rewriting the in-memory graph. All memory comes from the graph's arena. */
#include "graph.h"
#include "../ops/op.h"

ei_graph *ei_graph_new(ei_arena *arena) {
  ei_graph *const g = EI_NEW(arena, ei_graph);
  if (g) g->arena = arena;
  return g;
}

/* Room for one more element; the old array stays in the arena (doubling keeps the waste below 2x). */
static void *grow(ei_arena *arena, void *array, uint32_t count, uint32_t *cap, size_t size, size_t align) {
  if (count < *cap) return array;
  if (*cap > UINT32_MAX / 2 - 8) return NULL;
  const uint32_t more = *cap < 4 ? 8 : *cap * 2;
  void *const bigger = ei_arena_array(arena, more, size, align);
  if (!bigger) return NULL;
  if (count) memcpy(bigger, array, (size_t)count * size);
  *cap = more;
  return bigger;
}

#define GROW(g, array, count, cap, type)                                                                  \
  do {                                                                                                    \
    type *const grown = (type *)grow((g)->arena, (array), (count), &(cap), sizeof(type), _Alignof(type)); \
    if (!grown) goto no_memory;                                                                           \
    (array) = grown;                                                                                      \
  } while (0)

static const char *copy_text(ei_graph *g, const char *text) {
  return text && *text ? ei_arena_strdup(g->arena, text, strlen(text)) : "";
}

uint32_t ei_graph_add_subgraph(ei_graph *g, const char *name) {
  GROW(g, g->subgraphs, g->n_subgraphs, g->cap_subgraphs, ei_subgraph);
  ei_subgraph *const sg = &g->subgraphs[g->n_subgraphs];
  memset(sg, 0, sizeof *sg);
  sg->name = copy_text(g, name);
  if (!sg->name) goto no_memory;
  return g->n_subgraphs++;
no_memory:
  return EI_NONE;
}

uint32_t ei_graph_add_symbol(ei_graph *g, const char *name, int64_t lo, int64_t hi) {
  for (uint32_t i = 0; i < g->n_symbols; ++i)
    if (strcmp(g->symbols[i].name, name) == 0) return i;
  GROW(g, g->symbols, g->n_symbols, g->cap_symbols, ei_symbol);
  ei_symbol *const s = &g->symbols[g->n_symbols];
  s->name = copy_text(g, name);
  s->lo = lo;
  s->hi = hi;
  if (!s->name) goto no_memory;
  return g->n_symbols++;
no_memory:
  return EI_NONE;
}

uint32_t ei_graph_add_state(ei_graph *g, const ei_state *state) {
  GROW(g, g->states, g->n_states, g->cap_states, ei_state);
  ei_state *const s = &g->states[g->n_states];
  *s = *state;
  s->name = copy_text(g, state->name);
  if (!s->name) goto no_memory;
  return g->n_states++;
no_memory:
  return EI_NONE;
}

edge_status ei_graph_add_entry(ei_graph *g, const char *name, uint32_t subgraph) {
  GROW(g, g->entries, g->n_entries, g->cap_entries, ei_entry);
  g->entries[g->n_entries].name = copy_text(g, name);
  g->entries[g->n_entries].subgraph = subgraph;
  if (!g->entries[g->n_entries].name) goto no_memory;
  g->n_entries++;
  return EDGE_STATUS_OK;
no_memory:
  return EDGE_STATUS_OUT_OF_MEMORY;
}

edge_status ei_graph_add_metadata(ei_graph *g, const char *key, const void *value, uint64_t bytes) {
  GROW(g, g->metadata, g->n_metadata, g->cap_metadata, ei_metadata);
  ei_metadata *const m = &g->metadata[g->n_metadata];
  char *const copy = ei_arena_get(g->arena, bytes + 1, 1);
  m->key = copy_text(g, key);
  if (!m->key || !copy) goto no_memory;
  if (bytes) memcpy(copy, value, (size_t)bytes);
  m->value = copy;
  m->bytes = bytes;
  g->n_metadata++;
  return EDGE_STATUS_OK;
no_memory:
  return EDGE_STATUS_OUT_OF_MEMORY;
}

uint32_t ei_graph_add_tensor(ei_graph *g, uint32_t subgraph, const ei_tensor *t) {
  ei_subgraph *const sg = &g->subgraphs[subgraph];
  GROW(g, sg->tensors, sg->n_tensors, sg->cap_tensors, ei_tensor);
  ei_tensor *const n = &sg->tensors[sg->n_tensors];
  *n = *t;
  n->name = copy_text(g, t->name);
  if (!n->name) goto no_memory;
  if (t->quant.count) {
    float *const scales = EI_NEW_ARRAY(g->arena, float, t->quant.count);
    int32_t *const zeros = t->quant.zero_points ? EI_NEW_ARRAY(g->arena, int32_t, t->quant.count) : NULL;
    if (!scales || (t->quant.zero_points && !zeros)) goto no_memory;
    memcpy(scales, t->quant.scales, t->quant.count * sizeof *scales);
    if (zeros) memcpy(zeros, t->quant.zero_points, t->quant.count * sizeof *zeros);
    n->quant.scales = scales;
    n->quant.zero_points = zeros;
  }
  return sg->n_tensors++;
no_memory:
  return EI_NONE;
}

uint32_t ei_graph_add_const(ei_graph *g, uint32_t subgraph, const char *name, int32_t dtype, const int64_t *dims,
                            int32_t rank, const void *data) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  if (rank < 0 || rank > EDGE_MAX_RANK) return EI_NONE;
  t.name = name;
  t.dtype = dtype;
  t.rank = rank;
  for (int32_t i = 0; i < rank; ++i) t.dims[i] = dims[i];
  if (!ei_tensor_bytes(dtype, EDGE_ENCODING_NATIVE, dims, rank, &t.data_bytes)) return EI_NONE;
  void *const copy = ei_arena_get_raw(g->arena, t.data_bytes ? t.data_bytes : 1, 64);
  if (!copy) return EI_NONE;
  if (t.data_bytes) memcpy(copy, data, (size_t)t.data_bytes);
  t.data = copy;
  return ei_graph_add_tensor(g, subgraph, &t);
}

ei_node *ei_graph_insert_node(ei_graph *g, uint32_t subgraph, uint32_t at, const char *op_name, const char *name,
                              const uint32_t *in, uint32_t n_in, const uint32_t *out, uint32_t n_out) {
  ei_subgraph *const sg = &g->subgraphs[subgraph];
  const ei_op_def *const op = ei_op_find(op_name);
  if (!op || at > sg->n_nodes) return NULL;
  GROW(g, sg->nodes, sg->n_nodes, sg->cap_nodes, ei_node);
  ei_node node;
  memset(&node, 0, sizeof node);
  node.op = op;
  node.name = copy_text(g, name);
  node.version = 1;
  node.n_in = n_in;
  node.n_out = n_out;
  node.in = EI_NEW_ARRAY(g->arena, uint32_t, n_in ? n_in : 1);
  node.out = EI_NEW_ARRAY(g->arena, uint32_t, n_out ? n_out : 1);
  if (!node.name || !node.in || !node.out) goto no_memory;
  if (n_in) memcpy(node.in, in, n_in * sizeof *in);
  if (n_out) memcpy(node.out, out, n_out * sizeof *out);
  memmove(&sg->nodes[at + 1], &sg->nodes[at], (size_t)(sg->n_nodes - at) * sizeof node);
  sg->nodes[at] = node;
  sg->n_nodes++;
  return &sg->nodes[at];
no_memory:
  return NULL;
}

ei_node *ei_graph_add_node(ei_graph *g, uint32_t subgraph, const char *op_name, const char *name, const uint32_t *in,
                           uint32_t n_in, const uint32_t *out, uint32_t n_out) {
  return ei_graph_insert_node(g, subgraph, g->subgraphs[subgraph].n_nodes, op_name, name, in, n_in, out, n_out);
}

edge_status ei_subgraph_set_io(ei_graph *g, uint32_t subgraph, const uint32_t *in, uint32_t n_in, const uint32_t *out,
                               uint32_t n_out) {
  ei_subgraph *const sg = &g->subgraphs[subgraph];
  uint32_t *const inputs = EI_NEW_ARRAY(g->arena, uint32_t, n_in ? n_in : 1);
  uint32_t *const outputs = EI_NEW_ARRAY(g->arena, uint32_t, n_out ? n_out : 1);
  if (!inputs || !outputs) return EDGE_STATUS_OUT_OF_MEMORY;
  if (n_in) memcpy(inputs, in, n_in * sizeof *in);
  if (n_out) memcpy(outputs, out, n_out * sizeof *out);
  sg->inputs = inputs;
  sg->outputs = outputs;
  sg->n_inputs = n_in;
  sg->n_outputs = n_out;
  return EDGE_STATUS_OK;
}

/* ---- attributes */

const ei_attr *ei_node_attr(const ei_node *n, const char *key) {
  for (uint32_t i = 0; i < n->n_attr; ++i)
    if (strcmp(n->attr[i].key, key) == 0) return &n->attr[i];
  return NULL;
}

/* The slot for a key: the existing one or a new one at the end. */
static ei_attr *attr_slot(ei_graph *g, ei_node *n, const char *key, uint32_t kind, uint32_t count) {
  ei_attr *slot = NULL;
  for (uint32_t i = 0; i < n->n_attr && !slot; ++i)
    if (strcmp(n->attr[i].key, key) == 0) slot = &n->attr[i];
  if (!slot) {
    ei_attr *const bigger = EI_NEW_ARRAY(g->arena, ei_attr, (uint64_t)n->n_attr + 1);
    if (!bigger) return NULL;
    if (n->n_attr) memcpy(bigger, n->attr, n->n_attr * sizeof *bigger);
    n->attr = bigger;
    slot = &bigger[n->n_attr];
    slot->key = copy_text(g, key);
    if (!slot->key) return NULL;
    n->n_attr++;
  }
  slot->kind = kind;
  slot->count = count;
  return slot;
}

edge_status ei_node_set_int(ei_graph *g, ei_node *n, const char *key, int64_t v) {
  ei_attr *const a = attr_slot(g, n, key, EI_ATTR_INT, 1);
  if (!a) return EDGE_STATUS_OUT_OF_MEMORY;
  a->u.i = v;
  return EDGE_STATUS_OK;
}

edge_status ei_node_set_float(ei_graph *g, ei_node *n, const char *key, double v) {
  ei_attr *const a = attr_slot(g, n, key, EI_ATTR_FLOAT, 1);
  if (!a) return EDGE_STATUS_OUT_OF_MEMORY;
  a->u.f = v;
  return EDGE_STATUS_OK;
}

edge_status ei_node_set_string(ei_graph *g, ei_node *n, const char *key, const char *v) {
  const size_t length = strlen(v);
  char *const copy = ei_arena_strdup(g->arena, v, length);
  ei_attr *const a = copy ? attr_slot(g, n, key, EI_ATTR_STRING, (uint32_t)length) : NULL;
  if (!a) return EDGE_STATUS_OUT_OF_MEMORY;
  a->u.s = copy;
  return EDGE_STATUS_OK;
}

edge_status ei_node_set_ints(ei_graph *g, ei_node *n, const char *key, const int64_t *v, uint32_t count) {
  int64_t *const copy = EI_NEW_ARRAY(g->arena, int64_t, count ? count : 1);
  ei_attr *const a = copy ? attr_slot(g, n, key, EI_ATTR_INTS, count) : NULL;
  if (!a) return EDGE_STATUS_OUT_OF_MEMORY;
  if (count) memcpy(copy, v, count * sizeof *v);
  a->u.ints = copy;
  return EDGE_STATUS_OK;
}

edge_status ei_node_set_floats(ei_graph *g, ei_node *n, const char *key, const double *v, uint32_t count) {
  double *const copy = EI_NEW_ARRAY(g->arena, double, count ? count : 1);
  ei_attr *const a = copy ? attr_slot(g, n, key, EI_ATTR_FLOATS, count) : NULL;
  if (!a) return EDGE_STATUS_OUT_OF_MEMORY;
  if (count) memcpy(copy, v, count * sizeof *v);
  a->u.floats = copy;
  return EDGE_STATUS_OK;
}

static const ei_attr_def *attr_default(const ei_node *n, const char *key) {
  for (const ei_attr_def *d = n->op ? n->op->attrs : NULL; d && d->key; ++d)
    if (strcmp(d->key, key) == 0) return d;
  return NULL;
}

/* The doubles in attribute tables hold every integer default exactly but the open end INT64_MAX. */
static int64_t int_of_double(double v) {
  if (v >= 9223372036854775807.0) return INT64_MAX;
  if (v <= -9223372036854775808.0) return INT64_MIN;
  return v != v ? 0 : (int64_t)v;
}

int64_t ei_node_int(const ei_node *n, const char *key) {
  const ei_attr *const a = ei_node_attr(n, key);
  if (a && a->kind == EI_ATTR_INT) return a->u.i;
  if (a && a->kind == EI_ATTR_FLOAT) return int_of_double(a->u.f);
  const ei_attr_def *const d = attr_default(n, key);
  return d ? int_of_double(d->def) : 0;
}

double ei_node_float(const ei_node *n, const char *key) {
  const ei_attr *const a = ei_node_attr(n, key);
  if (a && a->kind == EI_ATTR_FLOAT) return a->u.f;
  if (a && a->kind == EI_ATTR_INT) return (double)a->u.i;
  const ei_attr_def *const d = attr_default(n, key);
  return d ? d->def : 0.0;
}

const char *ei_node_string(const ei_node *n, const char *key) {
  const ei_attr *const a = ei_node_attr(n, key);
  return a && a->kind == EI_ATTR_STRING ? a->u.s : "";
}

uint32_t ei_node_ints(const ei_node *n, const char *key, int64_t *out, uint32_t cap) {
  const ei_attr *const a = ei_node_attr(n, key);
  if (!a || a->kind != EI_ATTR_INTS) return 0;
  for (uint32_t i = 0; i < a->count && i < cap; ++i) out[i] = a->u.ints[i];
  return a->count;
}

void ei_tensor_view(const ei_tensor *t, edge_tensor *out) {
  memset(out, 0, sizeof *out);
  out->name = t->name;
  out->data = (void *)(uintptr_t)t->data;
  out->bytes = t->data_bytes;
  memcpy(out->dims, t->dims, sizeof out->dims);
  out->quant = t->quant;
  out->dtype = t->dtype;
  out->encoding = t->encoding;
  out->rank = t->rank;
  out->flags = (t->data ? EDGE_TENSOR_CONST : 0u) | (t->state ? EDGE_TENSOR_STATE : 0u);
  if (t->rank < 0) out->flags |= EDGE_TENSOR_DYNAMIC;
  for (int32_t i = 0; i < t->rank; ++i)
    if (t->dims[i] < 0) out->flags |= EDGE_TENSOR_DYNAMIC;
}
