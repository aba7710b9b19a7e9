/* SPDX-License-Identifier: Apache-2.0
 * Nodes into the graph, and the single changes of a case. */
#include "graph_node.h"
#include <math.h>

static uint32_t add_tensor(et_gen *g, const edge_tensor *t, uint32_t state) {
  ei_tensor n;
  char name[16];
  ei_subgraph *const sg = &g->made->g->subgraphs[0];
  memset(&n, 0, sizeof n);
  CHECK(sg->n_tensors < ET_GEN_TENSORS);
  (void)ei_format(name, sizeof name, "t%u", sg->n_tensors);
  n.name = name;
  n.dtype = t->dtype;
  n.rank = t->rank;
  n.state = state;
  memcpy(n.dims, t->dims, sizeof n.dims);
  n.quant = t->quant;
  if (t->flags & EDGE_TENSOR_CONST) {
    n.data = t->data;
    n.data_bytes = t->bytes;
  }
  for (int32_t d = 0; t->flags & EDGE_TENSOR_DYNAMIC && d < t->rank; ++d) n.dims[d] = EI_DIM_UNKNOWN;
  const uint32_t id = ei_graph_add_tensor(g->made->g, 0, &n);
  CHECK(id != EI_NONE);
  g->view[id] = *t;
  if (!n.data) g->view[id].data = NULL;
  g->made->value[id] = *t;
  return id;
}

static uint32_t add_input(et_gen *g, et_work *w, uint32_t k) {
  edge_tensor *const t = &w->in[k];
  const ei_op_def *const op = w->node.op;
  if (t->dtype == EDGE_DTYPE_NONE) return EI_NONE;
  if (w->from[k] != EI_NONE) return w->from[k];
  if (op->mutates_in >> (k & 63) & 1 || (op->flags & EI_OP_STATEFUL && k == 0)) {
    ei_state s = { "state", t->dtype, t->rank, { 0 }, t->data, t->bytes };
    memcpy(s.dims, t->dims, sizeof s.dims);
    const uint32_t state = ei_graph_add_state(g->made->g, &s);
    CHECK(state != EI_NONE);
    return add_tensor(g, t, state + 1);
  }
  for (uint32_t i = 0; i < k; ++i) /* one tensor twice */
    if (w->in[i].dtype == t->dtype && w->from[i] != EI_NONE && ei_op_same_shape(&w->in[i], t) &&
        w->in[i].quant.count == t->quant.count && t->quant.count == 0 && ei_dtype_is_float(t->dtype) &&
        et_draw(g, 6) == 0)
      return w->from[i];
  return add_tensor(g, t, 0);
}

void et_add_work(et_gen *g, et_work *w) {
  uint32_t in[ET_MAX_TENSORS], out[ET_MAX_TENSORS];
  edge_tensor made[ET_MAX_TENSORS];
  char name[16];
  et_made *const m = g->made;
  const bool drawn = g->constants == ET_CONST_DRAWN;
  const bool all_const = g->constants == ET_CONST_ALL || (drawn && et_draw(g, 8) == 0);
  for (uint32_t k = 0; k < w->n_in; ++k) {
    if (w->from[k] != EI_NONE || !w->in[k].data) continue;
    if (all_const || (drawn && et_draw(g, 3) < (k > 0 ? 2u : 1u)) || (g->constants == ET_CONST_WEIGHTS && k > 0))
      w->in[k].flags |= EDGE_TENSOR_CONST;
    else if (drawn && et_draw(g, 12) == 0)
      w->in[k].flags |= EDGE_TENSOR_DYNAMIC; /* its sizes are given in the run */
  }
  for (uint32_t k = 0; k < w->n_in; ++k) {
    if (w->node.op->mutates_in >> (k & 63) & 1 || (w->node.op->flags & EI_OP_STATEFUL && k == 0))
      w->in[k].flags &= ~(uint32_t)(EDGE_TENSOR_CONST | EDGE_TENSOR_DYNAMIC);
    in[k] = add_input(g, w, k);
    if (in[k] != EI_NONE) w->from[k] = in[k];
  }
  if (et_infer(w, made, false) != EDGE_STATUS_OK)
    for (uint32_t k = 0; k < w->n_out; ++k) ei_op_set_unknown(&made[k], w->out[k].dtype);
  for (uint32_t k = 0; k < w->n_out; ++k) {
    out[k] = EI_NONE;
    if (w->out[k].dtype == EDGE_DTYPE_NONE) continue;
    made[k].quant = w->out[k].quant;
    made[k].data = NULL;
    made[k].flags = 0;
    if (made[k].rank < 0) memset(made[k].dims, 0, sizeof made[k].dims);
    out[k] = add_tensor(g, &made[k], 0);
    if (ei_op_shape_known(&made[k]) && ei_op_elements(&made[k]) <= ET_GEN_ELEMENTS) g->live[g->n_live++] = out[k];
  }
  (void)ei_format(name, sizeof name, "n%u", m->n_ops);
  ei_node *const n = ei_graph_add_node(m->g, 0, w->node.op->name, name, in, w->n_in, out, w->n_out);
  CHECK(n);
  for (uint32_t i = 0; i < w->node.n_attr; ++i) {
    const ei_attr *const a = &w->node.attr[i];
    if (a->kind == EI_ATTR_INT) CHECK_OK(ei_node_set_int(m->g, n, a->key, a->u.i));
    if (a->kind == EI_ATTR_FLOAT) CHECK_OK(ei_node_set_float(m->g, n, a->key, a->u.f));
    if (a->kind == EI_ATTR_STRING) CHECK_OK(ei_node_set_string(m->g, n, a->key, a->u.s));
    if (a->kind == EI_ATTR_INTS) CHECK_OK(ei_node_set_ints(m->g, n, a->key, a->u.ints, a->count));
    if (a->kind == EI_ATTR_FLOATS) CHECK_OK(ei_node_set_floats(m->g, n, a->key, a->u.floats, a->count));
  }
  m->op[m->n_ops++] = w->node.op;
}

/* ---- single changes of a case */

static bool change_size(et_gen *g, et_work *w, uint32_t at, bool *legal) {
  for (uint32_t i = 0; i < w->n_in; ++i)
    for (int32_t d = 0; w->in[i].dtype != EDGE_DTYPE_NONE && d < w->in[i].rank; ++d) {
      const int64_t from = w->in[i].dims[d];
      if (from == 0) continue;
      if (at == 0) { /* every dimension of that size */
        *legal = et_rename(g, w, from, 0, EI_NONE);
        return true;
      }
      if (at == 1) { /* this one alone */
        const edge_tensor was = w->in[i];
        w->in[i].dims[d] = 0;
        *legal = et_fit(g, &w->in[i], &was) && et_fit_quant(g, &w->in[i]) && et_legal(w);
        return true;
      }
      at -= 2;
    }
  return false;
}

static bool change_value(et_work *w, bool real, uint32_t at) {
  static const int64_t ints[] = { -1, INT64_MIN, INT64_MAX, INT32_MAX, 100 };
  static const double floats[] = { NAN, INFINITY, -3e38 };
  const uint32_t odd = real ? (uint32_t)EI_COUNT(floats) : (uint32_t)EI_COUNT(ints);
  for (uint32_t i = 0; i < w->n_in; ++i) {
    edge_tensor *const t = &w->in[i];
    if (t->dtype == EDGE_DTYPE_NONE || t->dtype == EDGE_DTYPE_BOOL || ei_dtype_is_float(t->dtype) != real) continue;
    const uint64_t n = ei_op_elements(t), places = n < 3 ? n : 3; /* first, middle, last */
    if (!real && t->quant.count > 0) continue;
    if (at >= places * odd) {
      at -= (uint32_t)(places * odd);
      continue;
    }
    const uint64_t place = places == 1 ? 0 : at / odd * (n - 1) / (places - 1);
    if (real)
      ei_store_f64(t, place, floats[at % odd]);
    else
      ei_store_s64(t, place, ints[at % odd]);
    return true;
  }
  return false;
}

bool et_change(et_gen *g, et_work *w, int kind, uint32_t at, bool *legal) {
  *legal = true;
  switch (kind) {
  case ET_CASE_PLAIN: return at == 0;
  case ET_CASE_EMPTY: return change_size(g, w, at, legal);
  default: return change_value(w, kind == ET_CASE_ODD_FLOAT, at);
  }
}
