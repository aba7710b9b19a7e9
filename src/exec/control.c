/* SPDX-License-Identifier: Apache-2.0
 * Control flow: If, Loop, While, Call, CallOnce. A body is an instance of its own; values pass by address going in
 * and by copy coming out. */
#include "exec.h"

/* ---- calling a subgraph */

typedef struct call {
  ei_instance *outer, *inner;
  uint32_t node, subgraph;
} call;

static const ei_node *node_of(const call *c) {
  return &c->outer->sg->nodes[c->node];
}

static edge_status open_call(ei_instance *in, uint32_t node, const char *key, call *c) {
  edge_session *const s = in->session;
  c->outer = in;
  c->node = node;
  const int64_t index = ei_node_int(node_of(c), key);
  if (index <= (int64_t)in->subgraph || index >= (int64_t)s->model->graph->n_subgraphs)
    return ei_session_fail(s, EDGE_STATUS_MALFORMED, "node '%s': attribute %s names no later subgraph",
                           node_of(c)->name, key);
  c->subgraph = (uint32_t)index;
  c->inner = s->instances[index];
  return c->inner ? EDGE_STATUS_OK : ei_instance_create(s, (uint32_t)index, &c->inner);
}

static edge_status set_argument(call *c, uint32_t i, const edge_tensor *value, const void *constant) {
  ei_instance *const in = c->inner;
  edge_session *const s = in->session;
  if (i >= in->sg->n_inputs)
    return ei_session_fail(s, EDGE_STATUS_MALFORMED, "node '%s' gives subgraph '%s' more than its %u inputs",
                           node_of(c)->name, in->sg->name, in->sg->n_inputs);
  const uint32_t t = in->sg->inputs[i];
  if (in->sg->tensors[t].dtype != value->dtype)
    return ei_session_fail(s, EDGE_STATUS_TYPE_MISMATCH, "node '%s': input %u of subgraph '%s' is %s, %s was given",
                           node_of(c)->name, i, in->sg->name, edge_dtype_name(in->sg->tensors[t].dtype),
                           edge_dtype_name(value->dtype));
  ei_instance_set_input(in, i, value, constant);
  if (in->external[t] != value->data) in->bound = false;
  in->external[t] = value->data;
  return EDGE_STATUS_OK;
}

static edge_status run_call(call *c) {
  EI_TRY(ei_instance_plan(c->inner, false));
  return ei_instance_run(c->inner);
}

/* The value of an outer tensor, and whether it is the same in every run. */
static const void *constant_of(const ei_instance *in, uint32_t t) {
  return in->views[t].data;
}

static edge_status pass_arguments(call *c, uint32_t first_in, uint32_t count, uint32_t first_arg) {
  const ei_node *const n = node_of(c);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t t = n->in[first_in + i];
    if (t == EI_NONE)
      return ei_session_fail(c->outer->session, EDGE_STATUS_MALFORMED, "node '%s': input %u is missing", n->name,
                             first_in + i);
    EI_TRY(set_argument(c, first_arg + i, &c->outer->live[t], constant_of(c->outer, t)));
  }
  return EDGE_STATUS_OK;
}

/* Copy a value into an outer tensor: into its slot in the arena, or the heap when its size is of this run. */
static edge_status store_output(ei_instance *in, uint32_t node, uint32_t t, const edge_tensor *value) {
  edge_tensor *const v = &in->live[t];
  edge_session *const s = in->session;
  if (in->sg->tensors[t].dtype != EDGE_DTYPE_NONE && in->sg->tensors[t].dtype != value->dtype)
    return ei_session_fail(s, EDGE_STATUS_TYPE_MISMATCH, "node '%s': output '%s' is %s, the subgraph gives %s",
                           in->sg->nodes[node].name, in->sg->tensors[t].name, edge_dtype_name(in->sg->tensors[t].dtype),
                           edge_dtype_name(value->dtype));
  v->dtype = value->dtype;
  v->rank = value->rank;
  memcpy(v->dims, value->dims, sizeof v->dims);
  if (in->plan[t].bytes) {
    if (value->bytes > in->plan[t].bytes)
      return ei_session_fail(s, EDGE_STATUS_INVALID_VALUE, "node '%s': output '%s' is larger than planned",
                             in->sg->nodes[node].name, in->sg->tensors[t].name);
    v->data = in->external[t] ? in->external[t] : (unsigned char *)in->arena + in->plan[t].offset;
    v->bytes = value->bytes;
  } else {
    EI_TRY(ei_heap_value_get(in, t));
  }
  if (value->bytes) memmove(v->data, value->data, (size_t)value->bytes);
  return EDGE_STATUS_OK;
}

static const edge_tensor *result(const call *c, uint32_t i) {
  return &c->inner->live[c->inner->sg->outputs[i]];
}

static edge_status store_results(call *c, uint32_t first_result) {
  const ei_node *const n = node_of(c);
  for (uint32_t k = 0; k < n->n_out; ++k) {
    if (first_result + k >= c->inner->sg->n_outputs)
      return ei_session_fail(c->outer->session, EDGE_STATUS_MALFORMED,
                             "node '%s' wants %u outputs of subgraph '%s', it has %u", n->name, n->n_out,
                             c->inner->sg->name, c->inner->sg->n_outputs);
    if (n->out[k] != EI_NONE) EI_TRY(store_output(c->outer, c->node, n->out[k], result(c, first_result + k)));
  }
  return EDGE_STATUS_OK;
}

static edge_status read_bool(ei_instance *in, const ei_node *n, const edge_tensor *t, bool *out) {
  uint64_t count = 0;
  if (edge_tensor_elements(t, &count) != EDGE_STATUS_OK || count != 1 || !t->data || t->dtype != EDGE_DTYPE_BOOL)
    return ei_session_fail(in->session, EDGE_STATUS_INVALID_VALUE, "node '%s' (%s): the condition must be one bool",
                           n->name, n->op->name);
  *out = *(const uint8_t *)t->data != 0;
  return EDGE_STATUS_OK;
}

/* ---- loops keep their values in boxes: two sets, so that a body never overwrites what it reads */

typedef struct box {
  edge_tensor view;
  uint64_t cap;
} box;

static edge_status box_put(edge_session *s, box *b, const edge_tensor *value) {
  if (value->bytes > b->cap || !b->view.data) {
    const uint64_t want = value->bytes ? value->bytes : 1;
    if (s->dynamic_bytes - b->cap + want > s->options.max_dynamic_bytes)
      return ei_session_fail(s, EDGE_STATUS_LIMIT_EXCEEDED,
                             "a loop needs %llu bytes; the heap for run-time shapes is limited to %llu",
                             (unsigned long long)want, (unsigned long long)s->options.max_dynamic_bytes);
    void *const data = ei_alloc_get_raw(s->env->alloc, want, 64);
    if (!data) return ei_session_fail(s, EDGE_STATUS_OUT_OF_MEMORY, "no memory for a loop's values");
    if (b->view.data) ei_alloc_put(s->env->alloc, b->view.data, b->cap, 64);
    s->dynamic_bytes += want - b->cap;
    b->view.data = data;
    b->cap = want;
  }
  void *const data = b->view.data;
  b->view = *value;
  b->view.data = data;
  if (value->bytes) memcpy(data, value->data, (size_t)value->bytes);
  return EDGE_STATUS_OK;
}

static void boxes_free(edge_session *s, box *boxes, uint32_t count) {
  for (uint32_t i = 0; boxes && i < count; ++i) {
    if (!boxes[i].view.data) continue;
    ei_alloc_put(s->env->alloc, boxes[i].view.data, boxes[i].cap, 64);
    s->dynamic_bytes -= boxes[i].cap;
  }
  if (boxes) ei_alloc_put(s->env->alloc, boxes, (uint64_t)count * sizeof *boxes, _Alignof(box));
}

static box *boxes_new(edge_session *s, uint32_t count) {
  return ei_alloc_get(s->env->alloc, (uint64_t)count * sizeof(box), _Alignof(box));
}

static edge_status trip_allowed(edge_session *s, const ei_node *n, uint64_t trip) {
  if (trip >= s->options.max_loop_trips)
    return ei_session_fail(s, EDGE_STATUS_LIMIT_EXCEEDED, "node '%s' (%s): more than %llu iterations", n->name,
                           n->op->name, (unsigned long long)s->options.max_loop_trips);
  if (atomic_load_explicit(&s->cancel, memory_order_relaxed))
    return ei_session_fail(s, EDGE_STATUS_CANCELLED, "the run was cancelled");
  if (s->options.deadline_ns && ei_clock_ns() > s->options.deadline_ns)
    return ei_session_fail(s, EDGE_STATUS_DEADLINE_EXCEEDED, "node '%s' (%s): the deadline passed in a loop", n->name,
                           n->op->name);
  return EDGE_STATUS_OK;
}

static edge_status run_while(ei_instance *in, uint32_t node) {
  edge_session *const s = in->session;
  const ei_node *const n = &in->sg->nodes[node];
  const uint32_t count = n->n_in;
  call cond, body;
  EI_TRY(open_call(in, node, "cond", &cond));
  EI_TRY(open_call(in, node, "body", &body));
  if (body.inner->sg->n_outputs < count || n->n_out > count || cond.inner->sg->n_outputs != 1)
    return ei_session_fail(s, EDGE_STATUS_MALFORMED, "node '%s': condition or body have the wrong number of outputs",
                           n->name);
  box *const boxes = boxes_new(s, 2 * count);
  edge_status status = boxes ? EDGE_STATUS_OK : EDGE_STATUS_OUT_OF_MEMORY;
  box *now = boxes, *next = boxes ? boxes + count : NULL;
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < count; ++i) status = box_put(s, &now[i], &in->live[n->in[i]]);
  for (uint64_t trip = 0; status == EDGE_STATUS_OK; ++trip) {
    bool go = false;
    for (uint32_t i = 0; status == EDGE_STATUS_OK && i < count; ++i)
      status = set_argument(&cond, i, &now[i].view, NULL);
    if (status == EDGE_STATUS_OK) status = run_call(&cond);
    if (status == EDGE_STATUS_OK) status = read_bool(in, n, result(&cond, 0), &go);
    if (status != EDGE_STATUS_OK || !go) break;
    status = trip_allowed(s, n, trip);
    for (uint32_t i = 0; status == EDGE_STATUS_OK && i < count; ++i)
      status = set_argument(&body, i, &now[i].view, NULL);
    if (status == EDGE_STATUS_OK) status = run_call(&body);
    for (uint32_t i = 0; status == EDGE_STATUS_OK && i < count; ++i) status = box_put(s, &next[i], result(&body, i));
    box *const t = now;
    now = next;
    next = t;
  }
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < n->n_out; ++i)
    if (n->out[i] != EI_NONE) status = store_output(in, node, n->out[i], &now[i].view);
  boxes_free(s, boxes, 2 * count);
  return status;
}

/* ---- ONNX Loop */

/* Append one iteration's value to a scan output; grows by doubling. */
static edge_status scan_append(edge_session *s, const ei_node *n, box *b, const edge_tensor *value) {
  const bool first = b->view.rank == 0;
  if (first) {
    if (value->rank >= EDGE_MAX_RANK)
      return ei_session_fail(s, EDGE_STATUS_INVALID_VALUE, "node '%s': a scan output has too many dimensions", n->name);
    b->view.dtype = value->dtype;
    b->view.rank = value->rank + 1;
    for (int32_t d = 0; d < value->rank; ++d) b->view.dims[d + 1] = value->dims[d];
    b->view.dims[0] = 0;
  }
  for (int32_t d = 0; d < value->rank; ++d)
    if (value->rank + 1 != b->view.rank || value->dims[d] != b->view.dims[d + 1])
      return ei_session_fail(s, EDGE_STATUS_INVALID_VALUE,
                             "node '%s': a scan output changes its shape between iterations", n->name);
  const uint64_t need = b->view.bytes + value->bytes;
  if (need > b->cap || !b->view.data) {
    const uint64_t want = need * 2 + 64;
    if (s->dynamic_bytes - b->cap + want > s->options.max_dynamic_bytes)
      return ei_session_fail(s, EDGE_STATUS_LIMIT_EXCEEDED,
                             "node '%s': its scan outputs exceed the heap for run-time shapes", n->name);
    void *const data = ei_alloc_get_raw(s->env->alloc, want, 64);
    if (!data)
      return ei_session_fail(s, EDGE_STATUS_OUT_OF_MEMORY, "no memory for the scan outputs of node '%s'", n->name);
    if (b->view.bytes) memcpy(data, b->view.data, (size_t)b->view.bytes);
    if (b->view.data) ei_alloc_put(s->env->alloc, b->view.data, b->cap, 64);
    s->dynamic_bytes += want - b->cap;
    b->view.data = data;
    b->cap = want;
  }
  if (value->bytes) memcpy((unsigned char *)b->view.data + b->view.bytes, value->data, (size_t)value->bytes);
  b->view.bytes = need;
  b->view.dims[0]++;
  return EDGE_STATUS_OK;
}

/* A loop without iterations still has scan outputs: no rows of the declared shape. */
static edge_tensor empty_scan(const call *body, uint32_t output) {
  edge_tensor v;
  const ei_tensor *const t = &body->inner->sg->tensors[body->inner->sg->outputs[output]];
  memset(&v, 0, sizeof v);
  v.dtype = t->dtype;
  v.rank = t->rank < 0 || t->rank >= EDGE_MAX_RANK ? 1 : t->rank + 1;
  for (int32_t d = 1; d < v.rank; ++d) v.dims[d] = t->dims[d - 1] < 0 ? 0 : t->dims[d - 1];
  return v;
}

static edge_status run_loop(ei_instance *in, uint32_t node) {
  edge_session *const s = in->session;
  const ei_node *const n = &in->sg->nodes[node];
  const int64_t carried_attr = ei_node_int(n, "num_carried");
  call body;
  EI_TRY(open_call(in, node, "body", &body));
  const uint32_t n_outputs = body.inner->sg->n_outputs;
  if (carried_attr < 0 || carried_attr > 65535 || n->n_in < 2 + (uint64_t)carried_attr ||
      n_outputs < 1 + (uint64_t)carried_attr || n->n_out > n_outputs - 1)
    return ei_session_fail(s, EDGE_STATUS_MALFORMED, "node '%s': the body has the wrong number of inputs or outputs",
                           n->name);
  const uint32_t carried = (uint32_t)carried_attr, scans = n_outputs - 1 - carried, captured = n->n_in - 2 - carried;
  int64_t trips = INT64_MAX;
  bool go = true;
  if (n->in[0] != EI_NONE) {
    const edge_tensor *const t = &in->live[n->in[0]];
    uint64_t elements = 0;
    if (!t->data || edge_tensor_elements(t, &elements) != EDGE_STATUS_OK || elements != 1)
      return ei_session_fail(s, EDGE_STATUS_INVALID_VALUE, "node '%s': the trip count must be one integer", n->name);
    trips = ei_load_s64(t, 0);
  }
  if (n->in[1] != EI_NONE) EI_TRY(read_bool(in, n, &in->live[n->in[1]], &go));
  box *const boxes = boxes_new(s, 2 * carried + scans + 1);
  if (!boxes) return ei_session_fail(s, EDGE_STATUS_OUT_OF_MEMORY, "no memory for the values of node '%s'", n->name);
  box *now = boxes, *next = boxes + carried, *const scan = boxes + 2 * carried;
  edge_status status = EDGE_STATUS_OK;
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < carried; ++i) {
    if (n->in[2 + i] == EI_NONE)
      status = ei_session_fail(s, EDGE_STATUS_MALFORMED, "node '%s': input %u is missing", n->name, 2 + i);
    else
      status = box_put(s, &now[i], &in->live[n->in[2 + i]]);
  }
  int64_t counter = 0;
  uint8_t condition = go;
  edge_tensor counter_view = { .data = &counter, .bytes = sizeof counter, .dtype = EDGE_DTYPE_S64 };
  edge_tensor condition_view = { .data = &condition, .bytes = 1, .dtype = EDGE_DTYPE_BOOL };
  for (; status == EDGE_STATUS_OK && go && counter < trips; ++counter) {
    status = trip_allowed(s, n, (uint64_t)counter);
    condition = go;
    if (status == EDGE_STATUS_OK) status = set_argument(&body, 0, &counter_view, NULL);
    if (status == EDGE_STATUS_OK) status = set_argument(&body, 1, &condition_view, NULL);
    for (uint32_t i = 0; status == EDGE_STATUS_OK && i < carried; ++i)
      status = set_argument(&body, 2 + i, &now[i].view, NULL);
    if (status == EDGE_STATUS_OK) status = pass_arguments(&body, 2 + carried, captured, 2 + carried);
    if (status == EDGE_STATUS_OK) status = run_call(&body);
    if (status == EDGE_STATUS_OK) status = read_bool(in, n, result(&body, 0), &go);
    for (uint32_t i = 0; status == EDGE_STATUS_OK && i < carried; ++i)
      status = box_put(s, &next[i], result(&body, 1 + i));
    for (uint32_t i = 0; status == EDGE_STATUS_OK && i < scans; ++i)
      status = scan_append(s, n, &scan[i], result(&body, 1 + carried + i));
    box *const t = now;
    now = next;
    next = t;
  }
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < n->n_out; ++i) {
    if (n->out[i] == EI_NONE) continue;
    const edge_tensor none = empty_scan(&body, 1 + i);
    const bool is_scan = i >= carried;
    status = store_output(in, node, n->out[i],
                          !is_scan                      ? &now[i].view
                          : scan[i - carried].view.rank ? &scan[i - carried].view
                                                        : &none);
  }
  /* the body's inputs pointed at this frame */
  for (uint32_t i = 0; i < body.inner->sg->n_inputs; ++i) body.inner->external[body.inner->sg->inputs[i]] = NULL;
  body.inner->bound = false;
  boxes_free(s, boxes, 2 * carried + scans + 1);
  return status;
}

/* ---- If, Call */

static edge_status run_branch(ei_instance *in, uint32_t node, const char *key, uint32_t first_in) {
  call c;
  EI_TRY(open_call(in, node, key, &c));
  EI_TRY(pass_arguments(&c, first_in, node_of(&c)->n_in - first_in, 0));
  EI_TRY(run_call(&c));
  return store_results(&c, 0);
}

edge_status ei_run_control_node(ei_instance *in, uint32_t node) {
  edge_session *const s = in->session;
  const ei_node *const n = &in->sg->nodes[node];
  const uint64_t start = s->options.flags & EDGE_SESSION_PROFILE ? ei_clock_ns() : 0;
  edge_status status;
  if (strcmp(n->op->name, "If") == 0) {
    bool condition = false;
    if (n->n_in < 1 || n->in[0] == EI_NONE)
      return ei_session_fail(s, EDGE_STATUS_MALFORMED, "node '%s': no condition", n->name);
    EI_TRY(read_bool(in, n, &in->live[n->in[0]], &condition));
    status = run_branch(in, node, condition ? "then" : "else", 1);
  } else if (strcmp(n->op->name, "While") == 0) {
    status = run_while(in, node);
  } else if (strcmp(n->op->name, "Loop") == 0) {
    status = run_loop(in, node);
  } else if (strcmp(n->op->name, "Call") == 0) {
    status = run_branch(in, node, "body", 0);
  } else if (strcmp(n->op->name, "CallOnce") == 0) {
    status = s->once_done ? EDGE_STATUS_OK : run_branch(in, node, "body", 0);
    s->once_running = true;
  } else {
    status = ei_session_fail(s, EDGE_STATUS_UNSUPPORTED_OP, "node '%s': control flow operator %s is not supported",
                             n->name, n->op->name);
  }
  if (start) in->node_ns[node] += ei_clock_ns() - start;
  return status;
}

/* ---- shapes before running: an If whose branches agree or whose condition is known, and loops that keep their shapes,
 * are static */

enum { INFERRED_MOST = 1 << 16 }; /* nodes of nested bodies: each call of a body is looked at */

typedef struct scope {
  edge_session *session;
  const ei_subgraph *sg;
  uint32_t subgraph;
  edge_tensor *views;
  ei_arena *fold;
  uint32_t *left; /* of INFERRED_MOST */
} scope;

static edge_status infer_control(const scope *in, uint32_t node, bool *pending);

/* *views stays NULL where the shapes of the body remain open. Values pass into a body that runs once. */
static edge_status infer_body(const scope *in, const ei_node *n, const char *key, uint32_t first_in, bool with_values,
                              edge_tensor **views, const ei_subgraph **body) {
  const ei_graph *const g = in->session->model->graph;
  const int64_t index = ei_node_int(n, key);
  *views = NULL;
  if (index <= (int64_t)in->subgraph || index >= (int64_t)g->n_subgraphs)
    return ei_session_fail(in->session, EDGE_STATUS_MALFORMED, "node '%s': attribute %s names no later subgraph",
                           n->name, key);
  const ei_subgraph *const sg = &g->subgraphs[index];
  edge_tensor *const v = EI_NEW_ARRAY(in->fold, edge_tensor, (uint64_t)sg->n_tensors + 1);
  if (!v) return ei_session_fail(in->session, EDGE_STATUS_OUT_OF_MEMORY, "no memory to infer node '%s'", n->name);
  for (uint32_t i = 0; i < sg->n_tensors; ++i) ei_tensor_view(&sg->tensors[i], &v[i]);
  for (uint32_t i = 0; first_in + i < n->n_in && i < sg->n_inputs; ++i) {
    const uint32_t t = n->in[first_in + i];
    edge_tensor *const arg = &v[sg->inputs[i]];
    if (t == EI_NONE) continue;
    arg->rank = in->views[t].rank;
    memcpy(arg->dims, in->views[t].dims, sizeof arg->dims);
    if (!with_values || arg->dtype != in->views[t].dtype) continue;
    arg->data = in->views[t].data;
    arg->bytes = in->views[t].bytes;
  }
  *body = sg;
  const scope inner = { in->session, sg, (uint32_t)index, v, in->fold, in->left };
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    bool pending = false;
    if ((*in->left)-- == 0) return ++*in->left, EDGE_STATUS_OK;
    /* a rule broken here may never be reached at run time: leave the shapes open instead */
    const edge_status status = sg->nodes[i].op->flags & EI_OP_CONTROL
                                   ? infer_control(&inner, i, &pending)
                                   : ei_infer_node(&sg->nodes[i], i, v, in->fold, &pending, NULL);
    if (status == EDGE_STATUS_OUT_OF_MEMORY || status == EDGE_STATUS_MALFORMED) return status;
    if (status != EDGE_STATUS_OK || pending) return EDGE_STATUS_OK;
  }
  *views = v;
  return EDGE_STATUS_OK;
}

static bool same_shape(const edge_tensor *a, const edge_tensor *b) {
  if (a->rank != b->rank || a->rank < 0) return false;
  for (int32_t i = 0; i < a->rank; ++i)
    if (a->dims[i] != b->dims[i] || a->dims[i] < 0) return false;
  return true;
}

/* The shape of output k, seen from outside; its value is made in the run. */
static void take_shape(const scope *in, const ei_node *n, uint32_t k, const edge_tensor *from) {
  if (n->out[k] == EI_NONE) return;
  edge_tensor *const to = &in->views[n->out[k]];
  to->rank = from->rank;
  memcpy(to->dims, from->dims, sizeof to->dims);
}

static edge_status infer_if(const scope *in, const ei_node *n, bool *pending) {
  const edge_tensor *const condition = n->in[0] == EI_NONE ? NULL : &in->views[n->in[0]];
  uint64_t elements = 0;
  const bool known = condition && condition->data && condition->dtype == EDGE_DTYPE_BOOL &&
                     edge_tensor_elements(condition, &elements) == EDGE_STATUS_OK && elements == 1;
  const bool taken = known && *(const uint8_t *)condition->data != 0;
  const ei_subgraph *sg[2] = { NULL, NULL };
  edge_tensor *v[2] = { NULL, NULL };
  for (uint32_t b = 0; b < 2; ++b) {
    if (known && taken != (b == 0)) continue;
    EI_TRY(infer_body(in, n, b == 0 ? "then" : "else", 1, true, &v[b], &sg[b]));
    if (!v[b] || sg[b]->n_outputs < n->n_out) return EDGE_STATUS_OK;
  }
  const uint32_t b = known && !taken;
  for (uint32_t k = 0; k < n->n_out; ++k) {
    const edge_tensor *const own = &v[b][sg[b]->outputs[k]];
    if (!same_shape(own, known ? own : &v[1][sg[1]->outputs[k]])) return EDGE_STATUS_OK;
  }
  for (uint32_t k = 0; k < n->n_out; ++k) take_shape(in, n, k, &v[b][sg[b]->outputs[k]]);
  *pending = false;
  return EDGE_STATUS_OK;
}

static edge_status infer_control(const scope *in, uint32_t node, bool *pending) {
  const ei_node *const n = &in->sg->nodes[node];
  const ei_subgraph *a = NULL;
  edge_tensor *va = NULL;
  *pending = true;
  if (strcmp(n->op->name, "If") == 0 && n->n_in >= 1) return infer_if(in, n, pending);
  if (strcmp(n->op->name, "While") == 0) {
    EI_TRY(infer_body(in, n, "body", 0, false, &va, &a));
    if (!va || a->n_outputs < n->n_in) return EDGE_STATUS_OK;
    for (uint32_t k = 0; k < n->n_in; ++k)
      if (!same_shape(&va[a->outputs[k]], &va[a->inputs[k]])) return EDGE_STATUS_OK;
    for (uint32_t k = 0; k < n->n_out; ++k) take_shape(in, n, k, &va[a->inputs[k]]);
    *pending = false;
  } else if (strcmp(n->op->name, "Call") == 0) {
    EI_TRY(infer_body(in, n, "body", 0, true, &va, &a));
    if (!va || a->n_outputs < n->n_out) return EDGE_STATUS_OK;
    for (uint32_t k = 0; k < n->n_out; ++k) take_shape(in, n, k, &va[a->outputs[k]]);
    *pending = false;
  } else if (n->n_out == 0) {
    *pending = false;
  }
  return EDGE_STATUS_OK;
}

edge_status ei_infer_control(ei_instance *in, uint32_t node, bool *pending) {
  uint32_t left = INFERRED_MOST;
  const scope here = { in->session, in->sg, in->subgraph, in->views, &in->fold, &left };
  return infer_control(&here, node, pending);
}
