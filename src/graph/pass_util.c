/* SPDX-License-Identifier: Apache-2.0
 * What graph passes share. */
#include "pass.h"

static void add_use(ei_uses *u, uint32_t t, uint32_t node, uint32_t in) {
  u->count[t]++;
  if (u->n_uses == u->cap_uses) {
    const uint32_t cap = u->cap_uses < UINT32_MAX / 2 ? u->cap_uses * 2 : 0;
    ei_use *const more = cap ? EI_NEW_ARRAY(u->g->arena, ei_use, cap) : NULL;
    if (!more) {
      u->scan = true;
      return;
    }
    memcpy(more, u->uses, u->n_uses * sizeof *more);
    u->uses = more;
    u->cap_uses = cap;
  }
  u->uses[u->n_uses] = (ei_use) { node, in, u->first[t] };
  u->first[t] = ++u->n_uses;
}

edge_status ei_uses_build(ei_uses *u, ei_graph *g, uint32_t subgraph) {
  memset(u, 0, sizeof *u);
  u->g = g;
  u->subgraph = subgraph;
  u->sg = &g->subgraphs[subgraph];
  u->cap = u->sg->n_tensors + u->sg->n_nodes * 4 + 64; /* room for the tensors that a pass adds */
  u->producer = EI_NEW_ARRAY(g->arena, uint32_t, u->cap);
  u->count = EI_NEW_ARRAY(g->arena, uint32_t, u->cap);
  u->border = EI_NEW_ARRAY(g->arena, uint32_t, u->cap);
  u->first = EI_NEW_ARRAY(g->arena, uint32_t, u->cap);
  uint64_t n_uses = 64;
  for (uint32_t i = 0; i < u->sg->n_nodes; ++i) n_uses += u->sg->nodes[i].n_in;
  u->cap_uses = n_uses < UINT32_MAX ? (uint32_t)n_uses : 1;
  u->uses = EI_NEW_ARRAY(g->arena, ei_use, u->cap_uses);
  if (!u->producer || !u->count || !u->border || !u->first || !u->uses) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < u->cap; ++i) u->producer[i] = EI_NONE;
  for (uint32_t i = 0; i < u->sg->n_nodes; ++i) {
    const ei_node *const n = &u->sg->nodes[i];
    if (!n->op) continue;
    for (uint32_t k = 0; k < n->n_in; ++k)
      if (n->in[k] != EI_NONE) add_use(u, n->in[k], i, k);
    for (uint32_t k = 0; k < n->n_out; ++k)
      if (n->out[k] != EI_NONE) u->producer[n->out[k]] = i;
  }
  for (uint32_t i = 0; i < u->sg->n_outputs; ++i) {
    u->count[u->sg->outputs[i]]++;
    u->border[u->sg->outputs[i]]++;
  }
  return EDGE_STATUS_OK;
}

ei_node *ei_uses_producer(const ei_uses *u, uint32_t t, const char *op) {
  if (t == EI_NONE || t >= u->cap || u->producer[t] == EI_NONE) return NULL;
  ei_node *const n = &u->sg->nodes[u->producer[t]];
  return ei_is_op(n, op) ? n : NULL;
}

bool ei_uses_is_output(const ei_uses *u, uint32_t t) {
  return t < u->cap && u->border[t] > 0;
}

static bool is_use(const ei_uses *u, const ei_use *use, uint32_t t) {
  const ei_node *const n = &u->sg->nodes[use->node];
  return n->op && use->in < n->n_in && n->in[use->in] == t;
}

bool ei_uses_next(const ei_uses *u, uint32_t t, uint32_t *at, ei_use *out) {
  uint32_t next = *at ? u->uses[*at - 1].next : u->first[t];
  while (next && !is_use(u, &u->uses[next - 1], t)) next = u->uses[next - 1].next;
  *at = next;
  if (next) *out = u->uses[next - 1];
  return next != 0;
}

ei_node *ei_uses_single(const ei_uses *u, uint32_t t, uint32_t *at) {
  if (t == EI_NONE || t >= u->cap || u->count[t] != 1 || u->border[t]) return NULL;
  /* what is found to be over goes from the list: the walks of a whole pass cost no more than the uses noted in it */
  while (u->first[t] && !is_use(u, &u->uses[u->first[t] - 1], t)) u->first[t] = u->uses[u->first[t] - 1].next;
  uint32_t i = u->first[t] ? u->uses[u->first[t] - 1].node : u->scan ? 0 : u->sg->n_nodes;
  for (bool found = u->first[t] != 0; !found && i < u->sg->n_nodes; i += !found)
    for (uint32_t k = 0; u->sg->nodes[i].op && k < u->sg->nodes[i].n_in && !found; ++k)
      found = u->sg->nodes[i].in[k] == t;
  if (i == u->sg->n_nodes) return NULL;
  if (at) *at = i;
  return &u->sg->nodes[i];
}

/* Without a complete list. */
static void replace_everywhere(ei_uses *u, uint32_t from, uint32_t to) {
  for (uint32_t i = 0; i < u->sg->n_nodes && u->count[from]; ++i) {
    const ei_node *const n = &u->sg->nodes[i];
    for (uint32_t k = 0; n->op && k < n->n_in; ++k)
      if (n->in[k] == from) {
        n->in[k] = to;
        u->count[from]--;
        add_use(u, to, i, k);
      }
  }
}

void ei_uses_replace(ei_uses *u, uint32_t from, uint32_t to) {
  for (uint32_t at = u->first[from]; at;) {
    const ei_use use = u->uses[at - 1];
    at = use.next;
    if (!is_use(u, &use, from)) continue;
    u->sg->nodes[use.node].in[use.in] = to;
    u->count[from]--;
    add_use(u, to, use.node, use.in);
  }
  u->first[from] = 0;
  if (u->scan) replace_everywhere(u, from, to);
  for (uint32_t i = 0; i < u->sg->n_outputs && u->border[from]; ++i)
    if (u->sg->outputs[i] == from) {
      u->sg->outputs[i] = to;
      u->count[from]--;
      u->count[to]++;
      u->border[from]--;
      u->border[to]++;
    }
  u->changed = true;
}

void ei_uses_delete(ei_uses *u, uint32_t node) {
  ei_node *const n = &u->sg->nodes[node];
  for (uint32_t k = 0; k < n->n_in; ++k)
    if (n->in[k] != EI_NONE) u->count[n->in[k]]--;
  for (uint32_t k = 0; k < n->n_out; ++k)
    if (n->out[k] != EI_NONE && u->producer[n->out[k]] == node) u->producer[n->out[k]] = EI_NONE;
  n->op = NULL;
  u->changed = true;
}

void ei_uses_move_output(ei_uses *u, uint32_t node, uint32_t k, uint32_t t) {
  ei_node *const n = &u->sg->nodes[node];
  if (n->out[k] != EI_NONE) u->producer[n->out[k]] = EI_NONE;
  n->out[k] = t;
  u->producer[t] = node;
  u->changed = true;
}

void ei_uses_set_input(ei_uses *u, ei_node *n, uint32_t k, uint32_t t) {
  if (n->in[k] != EI_NONE) u->count[n->in[k]]--;
  n->in[k] = t;
  if (t != EI_NONE) add_use(u, t, (uint32_t)(n - u->sg->nodes), k);
  u->changed = true;
}

uint32_t ei_uses_append(ei_uses *u, const char *op, const char *name, const uint32_t *in, uint32_t n_in,
                        const uint32_t *out, uint32_t n_out) {
  if (!ei_graph_add_node(u->g, u->subgraph, op, name, in, n_in, out, n_out)) return EI_NONE;
  const uint32_t at = u->sg->n_nodes - 1;
  for (uint32_t k = 0; k < n_in; ++k)
    if (in[k] != EI_NONE) add_use(u, in[k], at, k);
  for (uint32_t k = 0; k < n_out; ++k)
    if (out[k] != EI_NONE) u->producer[out[k]] = at;
  u->changed = true;
  return at;
}

ei_node *ei_uses_rewrite(ei_uses *u, uint32_t node, const char *op, const uint32_t *in, uint32_t n_in) {
  ei_node *const n = &u->sg->nodes[node];
  const ei_op_def *const def = ei_op_find(op);
  uint32_t *const list = EI_NEW_ARRAY(u->g->arena, uint32_t, (uint64_t)n_in + 1);
  if (!def || !list) return NULL;
  for (uint32_t k = 0; k < n_in; ++k) {
    list[k] = in[k];
    if (in[k] != EI_NONE) add_use(u, in[k], node, k);
  }
  for (uint32_t k = 0; k < n->n_in; ++k)
    if (n->in[k] != EI_NONE) u->count[n->in[k]]--;
  n->op = def;
  n->version = 1;
  n->in = list;
  n->n_in = n_in;
  n->n_attr = 0;
  u->changed = true;
  return n;
}

bool ei_uses_is_input(const ei_uses *u, uint32_t t) {
  for (uint32_t i = 0; i < u->sg->n_inputs; ++i)
    if (u->sg->inputs[i] == t) return true;
  return false;
}

bool ei_uses_bypass(ei_uses *u, uint32_t node, uint32_t in) {
  const uint32_t out = u->sg->nodes[node].out[0];
  const ei_tensor *const a = ei_uses_tensor(u, in), *const b = ei_uses_tensor(u, out);
  if (a->dtype != b->dtype || a->state || !ei_same_quant(&a->quant, &b->quant)) return false;
  if (!ei_uses_is_output(u, out)) {
    ei_uses_replace(u, out, in);
    ei_uses_delete(u, node);
    return true;
  }
  const uint32_t p = u->producer[in];
  if (p == EI_NONE || ei_uses_is_output(u, in)) return false; /* a constant, an input or another output */
  const ei_node *const source = &u->sg->nodes[p];
  ei_uses_delete(u, node);
  for (uint32_t k = 0; k < source->n_out; ++k)
    if (source->out[k] == in) ei_uses_move_output(u, p, k, out);
  ei_uses_replace(u, in, out);
  return true;
}

bool ei_shape_fixed(const ei_tensor *t) {
  if (t->rank < 0) return false;
  for (int32_t i = 0; i < t->rank; ++i)
    if (t->dims[i] < 0) return false;
  return true;
}

uint64_t ei_tensor_elements(const ei_tensor *t) {
  uint64_t n = 0;
  return ei_shape_fixed(t) && ei_elements(t->dims, t->rank, &n) ? n : 0;
}

bool ei_const_scalar(const ei_uses *u, uint32_t t, double *value) {
  if (t == EI_NONE) return false;
  const ei_tensor *const c = ei_uses_tensor(u, t);
  edge_tensor view;
  if (!c->data || c->encoding != EDGE_ENCODING_NATIVE || ei_tensor_elements(c) != 1) return false;
  ei_tensor_view(c, &view);
  *value = ei_is_quantized(&view) ? (double)ei_load_real(&view, 0) : ei_load_f64(&view, 0);
  return true;
}

bool ei_const_ints(const ei_uses *u, uint32_t t, int64_t *out, uint32_t cap, uint32_t *n) {
  if (t == EI_NONE) return false;
  const ei_tensor *const c = ei_uses_tensor(u, t);
  edge_tensor view;
  if (!c->data || !ei_dtype_is_int(c->dtype) || !ei_shape_fixed(c) || ei_tensor_elements(c) > cap) return false;
  ei_tensor_view(c, &view);
  *n = (uint32_t)ei_tensor_elements(c);
  for (uint32_t i = 0; i < *n; ++i) out[i] = ei_load_s64(&view, i);
  return true;
}

double *ei_const_floats(const ei_uses *u, uint32_t t, uint64_t n) {
  if (t == EI_NONE) return NULL;
  const ei_tensor *const c = ei_uses_tensor(u, t);
  edge_tensor view;
  if (!c->data || !ei_dtype_is_float(c->dtype) || c->encoding != EDGE_ENCODING_NATIVE || ei_tensor_elements(c) != n ||
      !ei_shape_fixed(c))
    return NULL;
  double *const v = EI_NEW_ARRAY(u->g->arena, double, n + 1);
  ei_tensor_view(c, &view);
  for (uint64_t i = 0; v && i < n; ++i) v[i] = ei_load_f64(&view, i);
  return v;
}

bool ei_same_quant(const edge_quant *a, const edge_quant *b) {
  if (a->count != b->count || (a->count > 1 && (a->axis != b->axis || a->block != b->block))) return false;
  for (uint32_t i = 0; i < a->count; ++i) {
    const int32_t za = a->zero_points ? a->zero_points[i] : 0, zb = b->zero_points ? b->zero_points[i] : 0;
    if (a->scales[i] != b->scales[i] || za != zb) return false;
  }
  return true;
}

static bool grow(ei_uses *u, uint32_t **list, uint32_t value) {
  uint32_t *const more = EI_NEW_ARRAY(u->g->arena, uint32_t, (uint64_t)u->cap * 2);
  if (!more) return false;
  memcpy(more, *list, u->cap * sizeof *more);
  for (uint32_t i = u->cap; i < u->cap * 2; ++i) more[i] = value;
  *list = more;
  return true;
}

static uint32_t added(ei_uses *u, uint32_t t) {
  if (t == EI_NONE || t < u->cap) return t;
  if (!grow(u, &u->producer, EI_NONE) || !grow(u, &u->count, 0) || !grow(u, &u->border, 0) || !grow(u, &u->first, 0))
    return EI_NONE;
  u->cap *= 2;
  return t;
}

uint32_t ei_uses_add_like(ei_uses *u, uint32_t like) {
  ei_tensor t = *ei_uses_tensor(u, like);
  t.data = NULL;
  t.data_bytes = 0;
  t.state = 0;
  return added(u, ei_graph_add_tensor(u->g, u->subgraph, &t));
}

uint32_t ei_uses_add_const(ei_uses *u, const char *name, int32_t dtype, const int64_t *dims, int32_t rank,
                           const void *data) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.dtype = dtype;
  t.rank = rank;
  for (int32_t i = 0; i < rank; ++i) t.dims[i] = dims[i];
  t.data = data;
  if (!ei_tensor_bytes(dtype, EDGE_ENCODING_NATIVE, t.dims, rank, &t.data_bytes)) return EI_NONE;
  return added(u, ei_graph_add_tensor(u->g, u->subgraph, &t));
}

/* ---- evaluating a node at import time */

enum { MAX_OPERANDS = 64 };

static bool inputs_ready(const ei_uses *u, const ei_node *n, edge_tensor *in) {
  for (uint32_t k = 0; k < n->n_in; ++k) {
    memset(&in[k], 0, sizeof in[k]);
    if (n->in[k] == EI_NONE) continue;
    const ei_tensor *const t = ei_uses_tensor(u, n->in[k]);
    if (!ei_shape_fixed(t) || t->state || (!t->data && !(n->op->flags & EI_OP_SHAPE_ONLY))) return false;
    ei_tensor_view(t, &in[k]);
  }
  return true;
}

static bool outputs_ready(ei_uses *u, const ei_node *n, edge_tensor *out, uint64_t max_bytes) {
  for (uint32_t k = 0; k < n->n_out; ++k) {
    uint64_t bytes = 0;
    if (n->out[k] == EI_NONE) continue;
    if (out[k].rank < 0 || edge_tensor_bytes(&out[k], &bytes) != EDGE_STATUS_OK || bytes > max_bytes) return false;
    out[k].data = ei_arena_get(u->g->arena, bytes ? bytes : 1, 64);
    out[k].bytes = bytes;
    if (!out[k].data) return false;
  }
  return true;
}

bool ei_pass_evaluate(ei_uses *u, uint32_t node, uint64_t max_bytes) {
  ei_node *const n = &u->sg->nodes[node];
  edge_tensor in[MAX_OPERANDS], out[MAX_OPERANDS];
  if (n->n_in > MAX_OPERANDS || n->n_out > MAX_OPERANDS || n->n_out == 0) return false;
  if (n->op->flags & (EI_OP_STATEFUL | EI_OP_CONTROL | EI_OP_NO_FOLD) || !inputs_ready(u, n, in)) return false;
  for (uint32_t k = 0; k < n->n_out; ++k) {
    memset(&out[k], 0, sizeof out[k]);
    if (n->out[k] != EI_NONE) ei_tensor_view(ei_uses_tensor(u, n->out[k]), &out[k]);
  }
  ei_op_ctx c = { .node = n, .in = in, .out = out, .n_in = n->n_in, .n_out = n->n_out };
  if (n->op->infer(&c) != EDGE_STATUS_OK || c.needs_value || !outputs_ready(u, n, out, max_bytes)) return false;
  const uint64_t scratch_bytes = ei_eval_scratch_bytes(n, in, n->n_in, out, n->n_out);
  ei_arena temp;
  ei_arena_init(&temp, u->g->arena->alloc);
  void *const scratch = scratch_bytes ? ei_arena_get(&temp, scratch_bytes, 64) : NULL;
  const bool ok = (scratch_bytes == 0 || scratch) &&
                  ei_eval_node(n, in, n->n_in, out, n->n_out, scratch, scratch_bytes, NULL) == EDGE_STATUS_OK;
  ei_arena_free(&temp);
  for (uint32_t k = 0; ok && k < n->n_out; ++k) {
    if (n->out[k] == EI_NONE) continue;
    ei_tensor *const t = ei_uses_tensor(u, n->out[k]);
    t->data = out[k].data;
    t->data_bytes = out[k].bytes;
    t->dtype = out[k].dtype;
    t->rank = out[k].rank;
    memcpy(t->dims, out[k].dims, sizeof t->dims);
    memset(t->symbols, 0, sizeof t->symbols);
  }
  if (ok) ei_uses_delete(u, node);
  return ok;
}
