/* SPDX-License-Identifier: Apache-2.0
 * Names and shapes of a graph under construction: lookup with capture, inference as nodes arrive. */
#include "onnx.h"

edge_status ei_ox_out_of_memory(ei_ox *x) {
  x->status = ei_fail(x->err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to import the ONNX model; raise the memory limit");
  return x->status;
}

static bool grow(ei_ox_body *b, uint32_t need) {
  if (need <= b->cap) return true;
  if (need > UINT32_MAX / 4) return false;
  const uint32_t cap = need < 64 ? 64 : need * 2;
  edge_tensor *const views = EI_NEW_ARRAY(b->x->arena, edge_tensor, cap);
  uint32_t *const producer = EI_NEW_ARRAY(b->x->arena, uint32_t, cap);
  const ei_ox_list **const lists = EI_NEW_ARRAY(b->x->arena, const ei_ox_list *, cap);
  if (!views || !producer || !lists) return false;
  if (b->cap) {
    memcpy(views, b->views, b->cap * sizeof *views);
    memcpy(producer, b->producer, b->cap * sizeof *producer);
    memcpy(lists, b->lists, b->cap * sizeof *lists);
  }
  b->views = views;
  b->producer = producer;
  b->lists = lists;
  b->cap = cap;
  return true;
}

uint32_t ei_ox_add_tensor(ei_ox_body *b, const ei_tensor *t) {
  ei_ox *const x = b->x;
  if (!ei_ox_ok(x)) return EI_NONE;
  const uint32_t i = ei_graph_add_tensor(x->g, b->sg, t);
  if (i == EI_NONE || !grow(b, i + 1)) {
    ei_ox_out_of_memory(x);
    return EI_NONE;
  }
  ei_tensor_view(&x->g->subgraphs[b->sg].tensors[i], &b->views[i]);
  if (t->data && !ei_ox_aligned(t)) b->views[i].data = NULL;
  b->producer[i] = EI_NONE;
  return i;
}

void ei_ox_bind_list(ei_ox_body *b, uint32_t t, const ei_ox_list *list) {
  ei_ox *const x = b->x;
  if (t == EI_NONE || !ei_ox_ok(x)) return;
  ei_ox_list *const own = EI_NEW(x->arena, ei_ox_list);
  uint32_t *const items = EI_NEW_ARRAY(x->arena, uint32_t, (uint64_t)list->n + 1);
  if (!own || !items) {
    ei_ox_out_of_memory(x);
    return;
  }
  *own = *list;
  own->items = items;
  if (list->n) memcpy(items, list->items, list->n * sizeof *items);
  b->lists[t] = own;
}

/* What inference found, completed by what the file declares; the graph's tensor learns both. */
static void merge(ei_tensor *t, edge_tensor *v) {
  if (v->dtype == EDGE_DTYPE_NONE) v->dtype = t->dtype;
  if (v->rank < 0 && t->rank >= 0) {
    v->rank = t->rank;
    memcpy(v->dims, t->dims, sizeof v->dims);
  } else if (v->rank == t->rank) {
    for (int32_t i = 0; i < v->rank; ++i)
      if (v->dims[i] < 0) v->dims[i] = t->dims[i];
  }
  t->dtype = v->dtype;
  if (t->rank != v->rank) memset(t->symbols, 0, sizeof t->symbols);
  t->rank = v->rank;
  for (int32_t i = 0; i < v->rank; ++i) {
    t->dims[i] = v->dims[i];
    if (v->dims[i] >= 0) t->symbols[i] = 0;
  }
}

void ei_ox_settle(ei_ox_body *b) {
  ei_ox *const x = b->x;
  ei_subgraph *const sg = &x->g->subgraphs[b->sg];
  for (; ei_ox_ok(x) && b->settled < sg->n_nodes; ++b->settled) {
    const ei_node *const n = &sg->nodes[b->settled];
    if (n->op->flags & EI_OP_CONTROL) continue; /* its handler knows the outputs */
    bool pending = false;
    x->status = ei_infer_node(n, b->settled, b->views, x->arena, &pending, x->err);
    if (!ei_ox_ok(x)) {
      b->settled++; /* with holes in the graph the rest is still looked at */
      return;
    }
    for (uint32_t i = 0; i < n->n_out; ++i)
      if (n->out[i] != EI_NONE) merge(&sg->tensors[n->out[i]], &b->views[n->out[i]]);
  }
}

static uint32_t add_capture(ei_ox_body *b, uint32_t inner, uint32_t outer) {
  ei_ox *const x = b->x;
  if (b->n_captures == b->cap_captures) {
    const uint32_t cap = b->cap_captures ? b->cap_captures * 2 : 8;
    ei_ox_capture *const more = EI_NEW_ARRAY(x->arena, ei_ox_capture, cap);
    if (!more) {
      ei_ox_out_of_memory(x);
      return EI_NONE;
    }
    if (b->n_captures) memcpy(more, b->captures, b->n_captures * sizeof *more);
    b->captures = more;
    b->cap_captures = cap;
  }
  b->captures[b->n_captures].inner = inner;
  b->captures[b->n_captures++].outer = outer;
  return inner;
}

/* The tensor of an enclosing body, here; a list with all it holds. */
static uint32_t capture(ei_ox_body *b, const ei_ox_body *from, uint32_t outer) {
  ei_ox *const x = b->x;
  const ei_ox_list *const list = ei_ox_list_of(from, outer);
  for (uint32_t i = 0; i < b->n_captures; ++i)
    if (b->captures[i].outer == outer) return b->captures[i].inner;
  const ei_tensor t = x->g->subgraphs[from->sg].tensors[outer];
  const uint32_t inner = ei_ox_add_tensor(b, &t);
  if (inner == EI_NONE) return EI_NONE;
  if (!list) return t.data ? inner : add_capture(b, inner, outer);
  ei_ox_list own = *list;
  uint32_t *const items = EI_NEW_ARRAY(x->arena, uint32_t, (uint64_t)list->n + 1);
  if (!items) {
    ei_ox_out_of_memory(x);
    return EI_NONE;
  }
  own.items = items;
  for (uint32_t i = 0; i < list->n; ++i) items[i] = capture(b, from, list->items[i]);
  if (list->stacked != EI_NONE) own.stacked = capture(b, from, list->stacked);
  ei_ox_bind_list(b, inner, &own);
  return inner;
}

static uint32_t find(ei_ox_scope *s, const char *name) {
  ei_ox *const x = s->body->x;
  const uint32_t here = ei_ox_names_get(&s->names, name);
  if (here != EI_NONE || !s->outer) return here;
  const uint32_t outer = find(s->outer, name);
  if (outer == EI_NONE || outer == EI_OX_ABSENT || !ei_ox_ok(x)) return outer;
  if (s->outer->body == s->body) return outer; /* a graph that became part of the one around it */
  ei_ox_settle(s->outer->body);
  if (!ei_ox_ok(x)) return EI_NONE;
  const uint32_t inner = capture(s->body, s->outer->body, outer);
  if (inner != EI_NONE && !ei_ox_names_put(x->arena, &s->names, name, inner)) ei_ox_out_of_memory(x);
  return inner;
}

uint32_t ei_ox_lookup(ei_ox_scope *s, const char *name) {
  ei_ox *const x = s->body->x;
  if (!*name || !ei_ox_ok(x)) return EI_NONE;
  const uint32_t t = find(s, name);
  if (t == EI_OX_ABSENT) return EI_NONE;
  if (t == EI_NONE && ei_ox_ok(x))
    x->status = ei_fail(x->err, EDGE_STATUS_MALFORMED,
                        "'%s' is used but nothing produces it: no input, initializer or node has that name", name);
  return t;
}
