/* SPDX-License-Identifier: Apache-2.0
 * Public calls on sessions: creation, inputs and outputs, running. */
#include "../exec/exec.h"

enum {
  KNOWN_FLAGS = EDGE_SESSION_STRICT | EDGE_SESSION_PREFER | EDGE_SESSION_PROFILE | EDGE_SESSION_FAST_MATH |
                EDGE_SESSION_REPRODUCIBLE | EDGE_SESSION_OVERSUBSCRIBE
};

static edge_status read_options(const edge_session_options *options, edge_session_options *o, edge_error *error) {
  *o = (edge_session_options)EDGE_SESSION_OPTIONS_INIT;
  if (options) {
    if (options->struct_size < offsetof(edge_session_options, entry) || options->struct_size > 4096)
      return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT,
                     "session options: struct_size is not set, use EDGE_SESSION_OPTIONS_INIT");
    memcpy(o, options, options->struct_size < sizeof *o ? options->struct_size : sizeof *o);
  }
  if (o->flags & ~(uint32_t)KNOWN_FLAGS)
    return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "session options: unknown flags 0x%x", o->flags);
  if (o->num_threads < 0 || o->num_threads > 1024)
    return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "session options: %d threads; 0 to 1024 are possible",
                   o->num_threads);
  if (!o->max_dynamic_bytes) o->max_dynamic_bytes = (uint64_t)1 << 30;
  if (!o->max_loop_trips) o->max_loop_trips = 1000000000;
  return EDGE_STATUS_OK;
}

static edge_status find_entry(const edge_model *m, const char *name, uint32_t *subgraph, edge_error *error) {
  for (uint32_t i = 0; i < m->graph->n_entries; ++i)
    if (!name || strcmp(m->graph->entries[i].name, name) == 0) {
      *subgraph = m->graph->entries[i].subgraph;
      return EDGE_STATUS_OK;
    }
  return ei_fail(error, EDGE_STATUS_NOT_FOUND, "the model has no entry point '%s'; its first one is '%s'", name,
                 m->graph->entries[0].name);
}

static bool inputs_fixed(const ei_instance *in) {
  for (uint32_t i = 0; i < in->sg->n_inputs; ++i) {
    edge_tensor v;
    ei_tensor_view(&in->sg->tensors[in->sg->inputs[i]], &v);
    if (v.flags & EDGE_TENSOR_DYNAMIC) return false;
  }
  return true;
}

/* More threads than CPUs only take the cores from each other in the middle of a tile. The host's own workers are its
 * own business. */
static uint32_t num_threads(const edge_session *s) {
  const uint32_t wanted = (uint32_t)s->options.num_threads, cpus = ei_cpu_threads();
  if (s->env->threads == EDGE_THREADS_HOST || (s->options.flags & EDGE_SESSION_OVERSUBSCRIBE)) return wanted;
  return wanted < cpus ? wanted : cpus;
}

static edge_status build(edge_session *s, uint32_t subgraph) {
  edge_error *const err = &s->error;
  const ei_graph *const g = s->model->graph;
  EI_TRY(ei_backends_parse(s->env, s->options.backends, s->allowed, &s->n_allowed, err));
  s->options.backends = s->options.entry = NULL; /* the caller's strings end with the call */
  EI_TRY(ei_pool_create(s->env->alloc, s->env->threads, s->env->has_executor ? &s->env->executor : NULL, num_threads(s),
                        &s->pool, err));
  s->instances = EI_NEW_ARRAY(&s->mem, ei_instance *, (uint64_t)g->n_subgraphs + 1);
  if (!s->instances) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory for a session");
  EI_TRY(ei_states_create(s));
  EI_TRY(ei_instance_create(s, subgraph, &s->main));
  s->bound_inputs = EI_NEW_ARRAY(&s->mem, void *, (uint64_t)s->main->sg->n_inputs + 1);
  s->bound_outputs = EI_NEW_ARRAY(&s->mem, void *, (uint64_t)s->main->sg->n_outputs + 1);
  s->bound_input_bytes = EI_NEW_ARRAY(&s->mem, uint64_t, (uint64_t)s->main->sg->n_inputs + 1);
  s->bound_output_bytes = EI_NEW_ARRAY(&s->mem, uint64_t, (uint64_t)s->main->sg->n_outputs + 1);
  if (!s->bound_inputs || !s->bound_outputs || !s->bound_input_bytes || !s->bound_output_bytes)
    return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory for a session");
  return EDGE_STATUS_OK;
}

static edge_status create(edge_model *model, const edge_session_options *options, edge_session **out,
                          edge_error *error) {
  edge_session_options o;
  uint32_t subgraph = 0;
  if (out) *out = NULL;
  if (!model || !out) return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "edge_session_create: model or out is NULL");
  EI_TRY(read_options(options, &o, error));
  EI_TRY(find_entry(model, o.entry, &subgraph, error));
  edge_session *const s = ei_alloc_get(model->env->alloc, sizeof *s, _Alignof(edge_session));
  if (!s) return ei_fail(error, EDGE_STATUS_OUT_OF_MEMORY, "no memory for a session");
  s->env = model->env;
  s->model = model;
  s->options = o;
  s->error = (edge_error)EDGE_ERROR_INIT;
  atomic_flag_clear(&s->busy);
  atomic_flag_clear(&s->error_taken);
  atomic_init(&s->cancel, false);
  atomic_init(&s->async.requests, 0u);
  atomic_init(&s->async.served, 0u);
  atomic_init(&s->async.status, EDGE_STATUS_OK);
  ei_arena_init(&s->mem, s->env->alloc);
  edge_model_retain(model);
  const edge_status status = build(s, subgraph);
  *out = s;
  return status;
}

/* Hands the session's error to the caller, who gets no session to ask. */
static edge_status abandon(edge_session *s, edge_session **out, edge_status status, edge_error *error) {
  if (s) ei_fail_node(error, status, (uint32_t)s->error.node, (uint32_t)s->error.tensor, "%s", s->error.text);
  edge_session_destroy(s);
  *out = NULL;
  return status;
}

edge_status edge_session_create(edge_model *model, const edge_session_options *options, edge_session **out,
                                edge_error *error) {
  edge_status status = create(model, options, out, error);
  if (!out || !*out) return status;
  if (status == EDGE_STATUS_OK && inputs_fixed((*out)->main)) {
    status = ei_instance_plan((*out)->main, false);
    if (status == EDGE_STATUS_OK) status = ei_session_check_golden(*out);
  }
  return status == EDGE_STATUS_OK ? status : abandon(*out, out, status, error);
}

void edge_session_destroy(edge_session *s) {
  if (!s) return;
  ei_session_halt(s);
  edge_model *const model = s->model;
  for (uint32_t i = 0; s->instances && i < model->graph->n_subgraphs; ++i) ei_instance_destroy(s->instances[i]);
  if (s->pool) ei_pool_destroy(s->pool);
  if (s->staging) ei_alloc_put(s->env->alloc, s->staging, s->staging_bytes, 64);
  ei_arena_free(&s->mem);
  ei_alloc_put(s->env->alloc, s, sizeof *s, _Alignof(edge_session));
  edge_model_release(model);
}

static void report_memory(const edge_session *s, edge_session_memory *out) {
  edge_session_memory m = EDGE_SESSION_MEMORY_INIT;
  const uint32_t size = out->struct_size;
  m.persistent_bytes = s->mem.total_bytes + sizeof *s;
  for (uint32_t i = 0; i < s->model->graph->n_subgraphs; ++i) {
    const ei_instance *const in = s->instances[i];
    if (!in) continue;
    m.persistent_bytes += in->mem.total_bytes + in->fold.total_bytes + ei_instance_recent_bytes(in);
    m.arena_bytes += in->plan_result.bytes;
    m.arena_lower_bound_bytes += in->plan_result.lower_bound;
    m.dynamic |= in->has_dynamic;
  }
  m.prepared_bytes = ei_prepared_bytes(s->model->prepared);
  memcpy(out, &m, size < sizeof m ? size : sizeof m);
  out->struct_size = size;
}

edge_status edge_session_query_memory(edge_model *model, const edge_session_options *options,
                                      const edge_tensor *input_shapes, uint32_t num_shapes, edge_session_memory *out,
                                      edge_error *error) {
  edge_session *s = NULL;
  if (!out || out->struct_size < sizeof(uint32_t) || (num_shapes && !input_shapes))
    return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "edge_session_query_memory: an argument is NULL");
  edge_status status = create(model, options, &s, error);
  if (!s) return status;
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < num_shapes && i < s->main->sg->n_inputs; ++i) {
    if (input_shapes[i].rank > EDGE_MAX_RANK)
      status = ei_session_fail(s, EDGE_STATUS_INVALID_ARGUMENT, "shape %u: rank %d", i, input_shapes[i].rank);
    else if (input_shapes[i].rank >= 0)
      ei_instance_set_input(s->main, i, &input_shapes[i], NULL);
  }
  if (status == EDGE_STATUS_OK) status = ei_instance_plan(s->main, true);
  if (status == EDGE_STATUS_OK) report_memory(s, out);
  if (status != EDGE_STATUS_OK) return abandon(s, &s, status, error);
  edge_session_destroy(s);
  return EDGE_STATUS_OK;
}

/* ---- one thread at a time: every call below that reads or writes the plan takes the session */

bool ei_session_take(edge_session *s) {
  if (atomic_flag_test_and_set_explicit(&s->busy, memory_order_acquire)) return false;
  s->error = (edge_error)EDGE_ERROR_INIT;
  atomic_flag_clear(&s->error_taken);
  return true;
}

edge_status ei_session_give(edge_session *s, edge_status status) {
  atomic_flag_clear_explicit(&s->busy, memory_order_release);
  return status;
}

edge_status edge_session_get_memory(edge_session *s, edge_session_memory *out) {
  if (!s || !out || out->struct_size < sizeof(uint32_t)) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  const edge_status status = ei_instance_plan(s->main, false);
  if (status == EDGE_STATUS_OK) report_memory(s, out);
  return ei_session_give(s, status);
}

uint32_t edge_session_num_inputs(const edge_session *s) {
  return s ? s->main->sg->n_inputs : 0;
}
uint32_t edge_session_num_outputs(const edge_session *s) {
  return s ? s->main->sg->n_outputs : 0;
}
uint32_t edge_session_num_threads(const edge_session *s) {
  return s ? ei_pool_threads(s->pool) : 0;
}

/* View of a tensor as it is now: planned shapes and addresses, or the declaration before planning. */
static void current_view(const edge_session *s, uint32_t t, edge_tensor *out) {
  const ei_instance *const in = s->main;
  if (in->planned)
    *out = in->live[t];
  else
    ei_tensor_view(&in->sg->tensors[t], out);
}

edge_status edge_session_get_input(edge_session *s, uint32_t index, edge_tensor *out) {
  if (!s || !out || index >= s->main->sg->n_inputs) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  const edge_status status = s->main->planned ? ei_instance_plan(s->main, false) : EDGE_STATUS_OK;
  current_view(s, s->main->sg->inputs[index], out);
  return ei_session_give(s, status);
}

edge_status edge_session_get_output(edge_session *s, uint32_t index, edge_tensor *out) {
  if (!s || !out || index >= s->main->sg->n_outputs) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  const edge_status status = s->main->planned ? ei_instance_plan(s->main, false) : EDGE_STATUS_OK;
  current_view(s, s->main->sg->outputs[index], out);
  return ei_session_give(s, status);
}

/* Could an input have this shape, as far as its own declaration says? */
static edge_status check_shape(edge_session *s, uint32_t index, const int64_t *dims, int32_t rank) {
  const ei_tensor *const t = &s->main->sg->tensors[s->main->sg->inputs[index]];
  if (t->rank >= 0 && t->rank != rank)
    return ei_session_fail(s, EDGE_STATUS_SHAPE_MISMATCH, "input '%s' has rank %d, %d was given", t->name, t->rank,
                           rank);
  for (int32_t i = 0; i < rank; ++i) {
    if (dims[i] < 0)
      return ei_session_fail(s, EDGE_STATUS_INVALID_ARGUMENT, "input '%s': dimension %d is negative", t->name, i);
    if (t->rank >= 0 && t->dims[i] >= 0 && t->dims[i] != dims[i])
      return ei_session_fail(s, EDGE_STATUS_SHAPE_MISMATCH,
                             "input '%s': dimension %d is fixed to %lld by the model, %lld was given", t->name, i,
                             (long long)t->dims[i], (long long)dims[i]);
  }
  return EDGE_STATUS_OK;
}

/* Is no dimension above the maximum? */
static edge_status check_max(edge_session *s, uint32_t index, const int64_t *dims, const int64_t *max, int32_t rank) {
  const ei_tensor *const t = &s->main->sg->tensors[s->main->sg->inputs[index]];
  for (int32_t i = 0; i < rank; ++i) {
    const uint32_t symbol = t->rank == rank ? t->symbols[i] : 0;
    const char *const name = symbol ? s->model->graph->symbols[symbol - 1].name : "";
    if (dims[i] > max[i])
      return ei_session_fail(s, EDGE_STATUS_LIMIT_EXCEEDED,
                             "input '%s': dimension %d%s%s%s is %lld, the session was told at most %lld: set a larger "
                             "maximum with edge_session_set_max_shape()",
                             t->name, i, symbol ? " (" : "", name, symbol ? ")" : "", (long long)dims[i],
                             (long long)max[i]);
  }
  return EDGE_STATUS_OK;
}

edge_status edge_session_resize_input(edge_session *s, uint32_t index, const int64_t *dims, int32_t rank) {
  if (!s || index >= s->main->sg->n_inputs || rank < 0 || rank > EDGE_MAX_RANK || (rank && !dims))
    return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  ei_instance *const in = s->main;
  edge_status status = check_shape(s, index, dims, rank);
  if (status == EDGE_STATUS_OK && in->max_rank[index] >= 0 && in->max_rank[index] != rank)
    status = ei_session_fail(s, EDGE_STATUS_SHAPE_MISMATCH, "input '%s': rank %d was given, its maximum has rank %d",
                             in->sg->tensors[in->sg->inputs[index]].name, rank, in->max_rank[index]);
  if (status == EDGE_STATUS_OK && in->max_rank[index] == rank)
    status = check_max(s, index, dims, in->max_dims[index], rank);
  if (status == EDGE_STATUS_OK) {
    edge_tensor shape = { .rank = rank };
    for (int32_t i = 0; i < rank; ++i) shape.dims[i] = dims[i];
    ei_instance_set_input(in, index, &shape, NULL);
  }
  return ei_session_give(s, status);
}

edge_status edge_session_set_max_shape(edge_session *s, uint32_t index, const int64_t *dims, int32_t rank) {
  if (!s || index >= s->main->sg->n_inputs || rank > EDGE_MAX_RANK || (rank > 0 && !dims))
    return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  ei_instance *const in = s->main;
  edge_status status = rank < 0 ? EDGE_STATUS_OK : check_shape(s, index, dims, rank);
  if (status == EDGE_STATUS_OK && rank >= 0 && in->input_rank[index] == rank)
    status = check_max(s, index, in->input_dims[index], dims, rank);
  if (status == EDGE_STATUS_OK) ei_instance_set_max(in, index, dims, rank);
  return ei_session_give(s, status);
}

edge_status edge_session_prepare(edge_session *s) {
  if (!s) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  return ei_session_give(s, ei_session_prepare(s));
}

edge_status edge_session_set_input(edge_session *s, uint32_t index, const void *data, uint64_t bytes) {
  if (!s || index >= s->main->sg->n_inputs || (!data && bytes)) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  edge_status status = ei_session_prepare(s);
  if (status == EDGE_STATUS_OK) {
    const edge_tensor *const v = &s->main->live[s->main->sg->inputs[index]];
    if (v->bytes != bytes)
      status = ei_session_fail(s, EDGE_STATUS_SHAPE_MISMATCH, "input '%s' takes %llu bytes, %llu were given", v->name,
                               (unsigned long long)v->bytes, (unsigned long long)bytes);
    else if (bytes)
      memcpy(v->data, data, (size_t)bytes);
  }
  return ei_session_give(s, status);
}

edge_status edge_session_copy_output(edge_session *s, uint32_t index, void *data, uint64_t bytes) {
  if (!s || index >= s->main->sg->n_outputs || (!data && bytes)) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  edge_status status = EDGE_STATUS_OK;
  const ei_instance *const in = s->main;
  const edge_tensor *const v = in->planned ? &in->live[in->sg->outputs[index]] : NULL;
  if (!v || !v->data)
    status = ei_session_fail(s, EDGE_STATUS_INVALID_STATE, "output %u: there was no run yet", index);
  else if (v->bytes != bytes)
    status = ei_session_fail(s, EDGE_STATUS_SHAPE_MISMATCH, "output '%s' has %llu bytes, %llu were asked for", v->name,
                             (unsigned long long)v->bytes, (unsigned long long)bytes);
  else if (bytes)
    memcpy(data, v->data, (size_t)bytes);
  return ei_session_give(s, status);
}

edge_status edge_session_visit_prepared(edge_session *s,
                                        edge_status (*visit)(void *user, const edge_prepared_blob *blob), void *user) {
  if (!s || !visit) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  ei_arena temp;
  ei_prepared *list = NULL;
  uint32_t count = 0;
  ei_arena_init(&temp, s->env->alloc);
  edge_status status = ei_session_prepare(s);
  if (status == EDGE_STATUS_OK) status = ei_prepared_list(s->model->prepared, &temp, &list, &count);
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < count; ++i) {
    const edge_prepared_blob blob = { .struct_size = sizeof blob,
                                      .key_bytes = list[i].key_bytes,
                                      .target = list[i].target,
                                      .key = list[i].key,
                                      .data = list[i].data,
                                      .bytes = list[i].bytes };
    status = visit(user, &blob);
  }
  ei_arena_free(&temp);
  return ei_session_give(s, status);
}

edge_status edge_session_set_deadline(edge_session *s, uint64_t deadline_ns) {
  if (!s) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  s->options.deadline_ns = deadline_ns;
  return ei_session_give(s, EDGE_STATUS_OK);
}

uint64_t edge_session_clock_ns(void) {
  return ei_clock_ns();
}

const edge_error *edge_session_last_error(const edge_session *s) {
  static const edge_error none = EDGE_ERROR_INIT;
  return s ? &s->error : &none;
}

edge_status edge_session_next_event(edge_session *s, edge_event *out) {
  if (!s || !out || out->struct_size < sizeof(uint32_t)) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  if (!s->n_events) return ei_session_give(s, EDGE_STATUS_NOT_FOUND);
  const uint32_t size = out->struct_size;
  memcpy(out, &s->events[s->first_event], size < sizeof *out ? size : sizeof *out);
  out->struct_size = size;
  s->first_event = (s->first_event + 1) % EI_MAX_EVENTS;
  s->n_events--;
  return ei_session_give(s, EDGE_STATUS_OK);
}
