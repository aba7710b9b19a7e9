/* SPDX-License-Identifier: Apache-2.0
 * Subgraphs that call each other, and resource variables, which become states. */
#include "tflite.h"

enum {
  CODE_CALL = 31,
  CODE_IF = 118,
  CODE_WHILE = 119,
  CODE_CALL_ONCE = 129,
  CODE_COMPOSITE = 206,
  CODE_VAR_HANDLE = 142,
  CODE_READ = 143,
  CODE_ASSIGN = 144
};

uint32_t tl_callees(const tl_model *m, fb_table t, int32_t out[2]) {
  const fb_table opt = fb_sub(t, 4);
  const uint32_t code = tl_code(m, t);
  switch (code) {
  case CODE_IF:
  case CODE_WHILE:
    out[0] = fb_s32(opt, 0, 0);
    out[1] = fb_s32(opt, 1, 0);
    return 2;
  case CODE_CALL:
  case CODE_CALL_ONCE: out[0] = fb_s32(opt, 0, 0); return 1;
  case CODE_COMPOSITE: out[0] = fb_s32(fb_sub(t, 12), 1, 0); return 1;
  default: return 0;
  }
}

/* Depth-first search; states: 0 new, 1 on the path, 2 done. The stack holds (subgraph, next operator). */
typedef struct visit {
  uint32_t sub, next_op, next_callee;
} visit;

static edge_status walk(tl_model *m, uint32_t root, uint8_t *mark, visit *stack, uint32_t *post, uint32_t *n_post) {
  uint32_t depth = 0;
  if (mark[root] == 2) return EDGE_STATUS_OK;
  stack[depth++] = (visit) { root, 0, 0 };
  mark[root] = 1;
  while (depth > 0) {
    visit *const v = &stack[depth - 1];
    tl_subgraph *const s = &m->sub[v->sub];
    if (v->next_op >= s->operators.count) {
      mark[v->sub] = 2;
      post[(*n_post)++] = v->sub;
      depth--;
      continue;
    }
    int32_t callees[2] = { 0, 0 };
    const uint32_t n = tl_callees(m, fb_vec_table(&m->fb, s->operators, v->next_op), callees);
    if (m->fb.bad) return tl_broken(m);
    if (v->next_callee >= n) {
      v->next_op++;
      v->next_callee = 0;
      continue;
    }
    const int32_t callee = callees[v->next_callee++];
    if (callee < 0 || (uint32_t)callee >= m->n_sub)
      return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, v->next_op, EI_NONE, "operator %u calls subgraph %d of %u",
                          v->next_op, callee, m->n_sub);
    if (mark[callee] == 1)
      return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, v->next_op, EI_NONE,
                          "operator %u of subgraph %u calls subgraph %d, which is running: recursion is not allowed",
                          v->next_op, v->sub, callee);
    if (mark[callee] == 2) continue;
    mark[callee] = 1;
    stack[depth++] = (visit) { (uint32_t)callee, 0, 0 };
  }
  return EDGE_STATUS_OK;
}

/* Entry subgraphs first visited last: reversed post-order puts callers before what they call. */
edge_status tl_order_subgraphs(tl_model *m, uint32_t *order, uint32_t *count) {
  ei_arena *const arena = m->im->arena;
  uint8_t *const mark = EI_NEW_ARRAY(arena, uint8_t, m->n_sub);
  visit *const stack = EI_NEW_ARRAY(arena, visit, m->n_sub);
  const fb_vector signatures = fb_vec(m->root, 7, 4);
  uint32_t n = 0;
  if (!mark || !stack || m->fb.bad) return tl_broken(m);
  for (uint32_t i = signatures.count; i-- > 0;) {
    const uint32_t sub = fb_u32(fb_vec_table(&m->fb, signatures, i), 4, 0);
    if (m->fb.bad) return tl_broken(m);
    if (sub >= m->n_sub)
      return ei_fail(m->err, EDGE_STATUS_MALFORMED, "signature %u names subgraph %u of %u", i, sub, m->n_sub);
    EI_TRY(walk(m, sub, mark, stack, order, &n));
  }
  EI_TRY(walk(m, 0, mark, stack, order, &n));
  for (uint32_t i = 0; i < n / 2; ++i) {
    const uint32_t t = order[i];
    order[i] = order[n - 1 - i];
    order[n - 1 - i] = t;
  }
  *count = n;
  return EDGE_STATUS_OK;
}

/* ---- resource variables */

static bool same_text(fb_vector a, fb_vector b) {
  return a.count == b.count && (a.count == 0 || memcmp(a.data, b.data, a.count) == 0);
}

static uint32_t find_resource(tl_model *m, fb_table opt) {
  const fb_vector container = fb_str(opt, 0), name = fb_str(opt, 1);
  for (uint32_t i = 0; i < m->n_resources; ++i)
    if (same_text(m->resources[i].container, container) && same_text(m->resources[i].name, name)) return i + 1;
  tl_resource *const r = &m->resources[m->n_resources++];
  r->container = container;
  r->name = name;
  return m->n_resources;
}

/* The value's type and shape become those of the state; what is assigned is a better witness than what is read. */
static void learn(tl_model *m, const tl_subgraph *sub, uint32_t handle, uint32_t value, bool assigned) {
  tl_resource *const r = &m->resources[sub->tensors[handle].resource - 1];
  const tl_tensor *const d = &sub->tensors[value];
  bool fixed = d->rank >= 0 && tl_dtype(d->type) != EDGE_DTYPE_NONE;
  for (int32_t i = 0; fixed && i < d->rank; ++i) fixed = d->dims[i] >= 0;
  if (!fixed || (r->known && (r->from_assign || !assigned))) return;
  r->known = true;
  r->from_assign = assigned;
  r->dtype = tl_dtype(d->type);
  r->rank = d->rank;
  memcpy(r->dims, d->dims, sizeof r->dims);
}

static uint32_t operand(const tl_subgraph *sub, fb_vector v, uint32_t i) {
  const int32_t t = fb_vec_s32(v, i);
  return i < v.count && t >= 0 && (uint32_t)t < sub->n_tensors ? (uint32_t)t : EI_NONE;
}

/* A handle that is passed to a subgraph names the same resource there (While hands it on as a result, too). */
static void pass_handles(tl_model *m, tl_subgraph *sub, fb_table t, fb_vector in, fb_vector out) {
  int32_t callees[2] = { 0, 0 };
  const uint32_t n = tl_callees(m, t, callees), code = tl_code(m, t), first = code == CODE_IF ? 1 : 0;
  for (uint32_t k = first; k < in.count; ++k) {
    const uint32_t arg = operand(sub, in, k);
    if (arg == EI_NONE || sub->tensors[arg].resource == 0) continue;
    for (uint32_t c = 0; c < n; ++c) {
      tl_subgraph *const callee = &m->sub[callees[c]];
      const uint32_t p = operand(callee, callee->inputs, k - first);
      if (p != EI_NONE) callee->tensors[p].resource = sub->tensors[arg].resource;
    }
    const uint32_t result = operand(sub, out, k);
    if (code == CODE_WHILE && result != EI_NONE && sub->tensors[result].type == TL_TYPE_RESOURCE)
      sub->tensors[result].resource = sub->tensors[arg].resource;
  }
}

static edge_status scan_resources(tl_model *m, tl_subgraph *sub) {
  for (uint32_t i = 0; i < sub->operators.count; ++i) {
    const fb_table t = fb_vec_table(&m->fb, sub->operators, i);
    const fb_vector in = fb_vec(t, 1, 4), out = fb_vec(t, 2, 4);
    const uint32_t code = tl_code(m, t), handle = operand(sub, in, 0);
    if (code == CODE_VAR_HANDLE) {
      const uint32_t result = operand(sub, out, 0);
      if (result != EI_NONE) sub->tensors[result].resource = find_resource(m, fb_sub(t, 4));
    }
    if (code == CODE_READ || code == CODE_ASSIGN) {
      const uint32_t value = code == CODE_READ ? operand(sub, out, 0) : operand(sub, in, 1);
      if (handle != EI_NONE && value != EI_NONE && sub->tensors[handle].resource)
        learn(m, sub, handle, value, code == CODE_ASSIGN);
    }
    pass_handles(m, sub, t, in, out);
    if (m->fb.bad) return tl_broken(m);
  }
  return EDGE_STATUS_OK;
}

edge_status tl_find_resources(tl_model *m, const uint32_t *order, uint32_t count) {
  uint64_t handles = 1;
  for (uint32_t i = 0; i < count; ++i) {
    const tl_subgraph *const sub = &m->sub[order[i]];
    for (uint32_t k = 0; k < sub->operators.count; ++k)
      handles += tl_code(m, fb_vec_table(&m->fb, sub->operators, k)) == CODE_VAR_HANDLE;
  }
  m->resources = EI_NEW_ARRAY(m->im->arena, tl_resource, handles);
  if (!m->resources) return tl_broken(m);
  for (uint32_t i = 0; i < count; ++i) EI_TRY(scan_resources(m, &m->sub[order[i]]));
  for (uint32_t i = 0; i < m->n_resources; ++i) {
    tl_resource *const r = &m->resources[i];
    ei_state s;
    memset(&s, 0, sizeof s);
    if (!r->known) continue; /* never read nor written with a known shape: reported where it is used */
    s.name = tl_text(m, r->name);
    s.dtype = r->dtype;
    s.rank = r->rank;
    memcpy(s.dims, r->dims, sizeof s.dims);
    r->state = s.name ? ei_graph_add_state(m->g, &s) : EI_NONE;
    if (r->state == EI_NONE) return tl_broken(m);
  }
  return EDGE_STATUS_OK;
}

/* ---- translators */

edge_status tl_var_handle(tl_op *op) {
  (void)op; /* the handle was resolved by tl_find_resources */
  return EDGE_STATUS_OK;
}

/* The tensor through which this subgraph sees the state. */
static edge_status state_tensor(tl_op *op, uint32_t like, uint32_t *out) {
  tl_model *const m = op->m;
  const tl_tensor *const handle = op->in[0] == EI_NONE ? NULL : tl_declared(op, op->in[0]);
  if (!handle || handle->resource == 0)
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "its variable is chosen at run time");
  const tl_resource *const r = &m->resources[handle->resource - 1];
  if (!r->known) return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "its variable has no fixed shape");
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = m->g->states[r->state].name;
  t.dtype = r->dtype;
  t.rank = r->rank;
  t.state = r->state + 1;
  memcpy(t.dims, r->dims, sizeof t.dims);
  if (like != EI_NONE) t.quant = tl_graph_tensor(op, like)->quant;
  *out = ei_graph_add_tensor(m->g, op->sg, &t);
  return *out == EI_NONE ? tl_broken(m) : EDGE_STATUS_OK;
}

edge_status tl_read_variable(tl_op *op) {
  uint32_t state = EI_NONE;
  const edge_status status = state_tensor(op, op->out[0], &state);
  if (status != EDGE_STATUS_OK || state == EI_NONE) return status;
  TL_EMIT(n, op, "ReadState", &state, 1, op->out, 1);
  return EDGE_STATUS_OK;
}

edge_status tl_assign_variable(tl_op *op) {
  uint32_t in[2] = { EI_NONE, op->in[1] };
  const edge_status status = state_tensor(op, op->in[1], &in[0]);
  if (status != EDGE_STATUS_OK || in[0] == EI_NONE) return status;
  TL_EMIT(n, op, "AssignState", in, 2, NULL, 0);
  return EDGE_STATUS_OK;
}

/* Handles are no values of ours: drop them from operand lists. */
static uint32_t without_handles(const tl_op *op, uint32_t *list, uint32_t n) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < n; ++i)
    if (list[i] == EI_NONE || tl_declared(op, list[i])->type != TL_TYPE_RESOURCE) list[kept++] = list[i];
  return kept;
}

/* Results of a call have the shapes that the file declares: inference does not look into subgraphs. */
static void declare_results(tl_op *op) {
  for (uint32_t i = 0; i < op->n_out; ++i) {
    const tl_tensor *const d = op->out[i] == EI_NONE ? NULL : tl_declared(op, op->out[i]);
    if (!d) continue;
    ei_tensor *const t = tl_graph_tensor(op, op->out[i]);
    t->rank = d->rank;
    memcpy(t->dims, d->dims, sizeof t->dims);
  }
}

edge_status tl_call(tl_op *op) {
  static const char *const keys[][2] = { { "then", "else" }, { "cond", "body" } };
  int32_t callees[2] = { 0, 0 };
  const uint32_t n = tl_callees(op->m, op->table, callees);
  const uint32_t first = op->row->code == CODE_IF ? 1 : 0;
  for (uint32_t c = 0; c < n; ++c) {
    const tl_subgraph *const s = &op->m->sub[callees[c]];
    const bool cond = op->row->code == CODE_WHILE && c == 0;
    const uint32_t results = cond ? 1 : op->row->code == CODE_CALL_ONCE ? 0 : op->n_out;
    if (s->inputs.count != op->n_in - first || (s->outputs.count != results && op->row->code != CODE_CALL_ONCE))
      return tl_malformed(op, "subgraph %d takes %u values and gives %u, the call passes %u and expects %u", callees[c],
                          s->inputs.count, s->outputs.count, op->n_in - first, results);
  }
  op->n_in = without_handles(op, op->in, op->n_in);
  op->n_out = without_handles(op, op->out, op->n_out);
  declare_results(op);
  TL_EMIT(node, op, op->row->edge, op->in, op->n_in, op->out, op->n_out);
  for (uint32_t c = 0; c < n; ++c) {
    const char *const key = n == 1 ? "body" : keys[op->row->code == CODE_WHILE][c];
    EI_TRY(ei_node_set_int(op->m->g, node, key, op->m->sub[callees[c]].graph));
  }
  return EDGE_STATUS_OK;
}
