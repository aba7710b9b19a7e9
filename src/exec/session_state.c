/* SPDX-License-Identifier: Apache-2.0
 * What a session keeps: errors, events, and state tensors that a run commits or gives back. */
#include "exec.h"

edge_status ei_session_fail(edge_session *s, edge_status status, const char *format, ...) {
  char text[sizeof s->error.text];
  va_list args;
  va_start(args, format);
  ei_vformat(text, sizeof text, format, args);
  va_end(args);
  s->error.struct_size = sizeof s->error;
  s->error.node = s->error.tensor = -1;
  s->error.file_offset = UINT64_MAX;
  return ei_fail(&s->error, status, "%s", text);
}

void ei_session_event(edge_session *s, edge_status cause, uint32_t node, const char *backend, const char *format, ...) {
  if (s->n_events == EI_MAX_EVENTS) { /* the oldest makes room */
    s->first_event = (s->first_event + 1) % EI_MAX_EVENTS;
    s->n_events--;
  }
  edge_event *const e = &s->events[(s->first_event + s->n_events++) % EI_MAX_EVENTS];
  va_list args;
  memset(e, 0, sizeof *e);
  e->struct_size = sizeof *e;
  e->cause = cause;
  e->node = node == EI_NONE ? -1 : (int32_t)node;
  ei_format(e->backend, sizeof e->backend, "%s", backend);
  va_start(args, format);
  ei_vformat(e->text, sizeof e->text, format, args);
  va_end(args);
  ei_log(s->env, EDGE_LOG_WARNING, "%s", e->text);
}

static void initial_state(const edge_session *s, uint32_t i) {
  const ei_state *const st = &s->model->graph->states[i];
  ei_state_buffer *const b = &s->states[i];
  if (b->bytes == 0) return;
  if (st->init)
    memcpy(b->committed, st->init, (size_t)b->bytes);
  else
    memset(b->committed, 0, (size_t)b->bytes);
  memcpy(b->working, b->committed, (size_t)b->bytes);
}

edge_status ei_states_create(edge_session *s) {
  const ei_graph *const g = s->model->graph;
  s->states = EI_NEW_ARRAY(&s->mem, ei_state_buffer, (uint64_t)g->n_states + 1);
  if (!s->states) return ei_session_fail(s, EDGE_STATUS_OUT_OF_MEMORY, "no memory for the session's state");
  for (uint32_t i = 0; i < g->n_states; ++i) {
    ei_state_buffer *const b = &s->states[i];
    if (!ei_tensor_bytes(g->states[i].dtype, EDGE_ENCODING_NATIVE, g->states[i].dims, g->states[i].rank, &b->bytes))
      return ei_session_fail(s, EDGE_STATUS_MALFORMED, "state '%s' has no fixed size", g->states[i].name);
    b->working = ei_arena_get(&s->mem, b->bytes ? b->bytes : 1, 64);
    b->committed = ei_arena_get(&s->mem, b->bytes ? b->bytes : 1, 64);
    if (!b->working || !b->committed)
      return ei_session_fail(s, EDGE_STATUS_OUT_OF_MEMORY, "no memory for state '%s'", g->states[i].name);
    initial_state(s, i);
  }
  return EDGE_STATUS_OK;
}

void ei_states_commit(edge_session *s) {
  for (uint32_t i = 0; i < s->model->graph->n_states; ++i)
    if (s->states[i].bytes) memcpy(s->states[i].committed, s->states[i].working, (size_t)s->states[i].bytes);
  s->once_done |= s->once_running;
}

void ei_states_restore(edge_session *s) {
  for (uint32_t i = 0; i < s->model->graph->n_states; ++i)
    if (s->states[i].bytes) memcpy(s->states[i].working, s->states[i].committed, (size_t)s->states[i].bytes);
}

void ei_states_reset(edge_session *s) {
  for (uint32_t i = 0; i < s->model->graph->n_states; ++i) initial_state(s, i);
  s->once_done = false;
}

/* ---- rescue: a device failed in a run */

/* Inputs survive a new plan: their bytes are carried over. */
static edge_status replan_keeping_inputs(edge_session *s) {
  ei_instance *const in = s->main;
  ei_arena keep;
  ei_arena_init(&keep, s->env->alloc);
  void **const copies = EI_NEW_ARRAY(&keep, void *, (uint64_t)in->sg->n_inputs + 1);
  edge_status status = copies ? EDGE_STATUS_OK : EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < in->sg->n_inputs; ++i) {
    const edge_tensor *const v = &in->live[in->sg->inputs[i]];
    if (!v->data || !v->bytes || s->bound_inputs[i]) continue;
    copies[i] = ei_arena_get(&keep, v->bytes, 64);
    if (copies[i])
      memcpy(copies[i], v->data, (size_t)v->bytes);
    else
      status = EDGE_STATUS_OUT_OF_MEMORY;
  }
  for (uint32_t i = 0; i < s->model->graph->n_subgraphs; ++i)
    if (s->instances[i]) {
      ei_instance_unplan(s->instances[i]);
      ei_instance_drop_recent(s->instances[i]); /* they may use the device */
    }
  atomic_flag_clear(&s->error_taken);
  if (status == EDGE_STATUS_OK) status = ei_instance_plan(in, false);
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < in->sg->n_inputs; ++i)
    if (copies[i]) memcpy(in->live[in->sg->inputs[i]].data, copies[i], (size_t)in->live[in->sg->inputs[i]].bytes);
  ei_arena_free(&keep);
  return status;
}

/* Put the device into quarantine, tell the application once, start again on what is left. */
edge_status ei_session_rescue(edge_session *s, edge_status cause) {
  ei_backend *const failed = s->failed_backend;
  if (!failed || s->options.flags & EDGE_SESSION_STRICT) return cause;
  uint32_t left = 0;
  for (uint32_t b = 0; b < s->n_allowed; ++b) {
    if (s->allowed[b] == failed) s->quarantined |= 1u << b;
    if (!(s->quarantined & 1u << b)) left++;
  }
  ei_session_event(s, cause, s->failed_node, failed->info.name, "%s; the run was repeated without it",
                   s->error.text[0] ? s->error.text : edge_status_name(cause));
  if (!left) return cause;
  s->failed_backend = NULL;
  ei_states_restore(s);
  s->once_running = s->once_done;
  return replan_keeping_inputs(s);
}
