/* SPDX-License-Identifier: Apache-2.0
 * The caller's memory as inputs and outputs. An output is written in place when nothing else lives there. Where its
 * memory is also an input's (a model that carries its state through inputs and outputs) or another output's, it is made
 * in the session's memory and copied when the run has succeeded: a run that fails or is cancelled changes no input. */
#include "exec.h"

typedef struct range {
  uintptr_t at;
  uint64_t bytes;
} range;

static range range_of(const void *data, uint64_t bytes) {
  return (range) { (uintptr_t)data, data ? bytes : 0 };
}

static bool overlap(range a, range b) {
  return a.bytes && b.bytes && (a.at < b.at ? b.at - a.at < a.bytes : a.at - b.at < b.bytes);
}

static range wanted_input(const edge_session *s, uint32_t i) {
  return range_of(s->bound_inputs[i], s->bound_input_bytes[i]);
}

static range wanted_output(const edge_session *s, uint32_t i) {
  return range_of(s->bound_outputs[i], s->bound_output_bytes[i]);
}

/* What is there belongs to the plan, and moves with it. */
static bool is_own_memory(const edge_session *s, range r) {
  const ei_instance *const in = s->main;
  bool own = overlap(r, range_of(in->arena, s->options.arena ? s->options.arena_bytes : in->arena_bytes));
  for (uint32_t i = 0; !own && i < in->n_heap; ++i) own = overlap(r, range_of(in->heap[i].data, in->heap[i].cap));
  for (uint32_t i = 0; !own && i < s->model->graph->n_states; ++i)
    own = overlap(r, range_of(s->states[i].working, s->states[i].bytes)) ||
          overlap(r, range_of(s->states[i].committed, s->states[i].bytes));
  return own;
}

/* Is the memory of output i also an input's, or another output's? */
static bool is_shared(const edge_session *s, uint32_t i) {
  const range r = wanted_output(s, i);
  bool shared = false;
  for (uint32_t k = 0; !shared && k < s->main->sg->n_inputs; ++k) shared = overlap(r, wanted_input(s, k));
  for (uint32_t k = 0; !shared && k < s->main->sg->n_outputs; ++k) shared = k != i && overlap(r, wanted_output(s, k));
  return shared;
}

static edge_status too_small(edge_session *s, const char *what, const edge_tensor *v, uint64_t bound) {
  return ei_session_fail(s, EDGE_STATUS_SHAPE_MISMATCH, "%s '%s' needs %llu bytes, the bound memory has %llu", what,
                         v->name, (unsigned long long)v->bytes, (unsigned long long)bound);
}

/* ---- copying: what would be overwritten before it is copied goes to the side first */

static bool must_stage(const edge_session *s, uint32_t i) {
  const edge_tensor *const v = &s->main->live[s->main->sg->outputs[i]];
  const range source = range_of(v->data, v->bytes);
  bool must = false;
  if (!s->bound_outputs[i] || s->bound_outputs[i] == v->data) return false;
  for (uint32_t k = 0; !must && k < i; ++k) must = overlap(source, wanted_output(s, k));
  return must;
}

static uint64_t staged_bytes(const edge_session *s, uint32_t i) {
  return (s->main->live[s->main->sg->outputs[i]].bytes + 63) & ~UINT64_C(63);
}

static edge_status reserve_staging(edge_session *s) {
  uint64_t need = 0;
  for (uint32_t i = 0; i < s->main->sg->n_outputs; ++i)
    if (must_stage(s, i)) need += staged_bytes(s, i);
  if (need <= s->staging_bytes) return EDGE_STATUS_OK;
  if (s->staging) ei_alloc_put(s->env->alloc, s->staging, s->staging_bytes, 64);
  s->staging_bytes = 0;
  s->staging = ei_alloc_get_raw(s->env->alloc, need, 64);
  if (!s->staging) return ei_session_fail(s, EDGE_STATUS_OUT_OF_MEMORY, "no memory for bound outputs");
  s->staging_bytes = need;
  return EDGE_STATUS_OK;
}

edge_status ei_session_copy_outputs(edge_session *s) {
  const ei_instance *const in = s->main;
  const uint32_t count = in->sg->n_outputs;
  for (uint32_t i = 0; i < count; ++i) {
    const edge_tensor *const v = &in->live[in->sg->outputs[i]];
    if (s->bound_outputs[i] && v->bytes > s->bound_output_bytes[i])
      return too_small(s, "output", v, s->bound_output_bytes[i]);
  }
  EI_TRY(reserve_staging(s)); /* only values of the run could ask for more than prepare() did */
  unsigned char *side = s->staging;
  for (uint32_t i = 0; i < count; ++i) {
    const edge_tensor *const v = &in->live[in->sg->outputs[i]];
    if (!must_stage(s, i)) continue;
    memcpy(side, v->data, (size_t)v->bytes);
    side += staged_bytes(s, i);
  }
  side = s->staging;
  for (uint32_t i = 0; i < count; ++i) {
    const edge_tensor *const v = &in->live[in->sg->outputs[i]];
    void *const to = s->bound_outputs[i];
    if (must_stage(s, i)) {
      memcpy(to, side, (size_t)v->bytes);
      side += staged_bytes(s, i);
    } else if (to && to != v->data && v->bytes) {
      memmove(to, v->data, (size_t)v->bytes);
    }
  }
  return EDGE_STATUS_OK;
}

/* ---- before a run */

edge_status ei_session_prepare(edge_session *s) {
  ei_instance *const in = s->main;
  EI_TRY(ei_instance_plan(in, false));
  for (uint32_t i = 0; i < in->sg->n_inputs; ++i) /* a resize after binding may have asked for more */
    if (s->bound_inputs[i] && s->bound_input_bytes[i] < in->live[in->sg->inputs[i]].bytes)
      return too_small(s, "input", &in->live[in->sg->inputs[i]], s->bound_input_bytes[i]);
  for (uint32_t i = 0; i < in->sg->n_outputs; ++i) {
    const uint32_t t = in->sg->outputs[i];
    if (!s->bound_outputs[i] && !in->external[t]) continue; /* nothing to do: a model may have very many outputs */
    void *wanted = is_shared(s, i) ? NULL : s->bound_outputs[i];
    bool is_input = false;
    for (uint32_t k = 0; k < in->sg->n_inputs; ++k) is_input |= in->sg->inputs[k] == t;
    if (is_input || in->plan[t].alias != EI_NONE || in->plan[t].external || !in->plan[t].bytes)
      continue; /* copied after the run */
    for (uint32_t k = 0; k < i; ++k)
      if (in->sg->outputs[k] == t && s->bound_outputs[k]) wanted = in->external[t];
    if (s->bound_outputs[i] && s->bound_output_bytes[i] < in->live[t].bytes)
      return too_small(s, "output", &in->live[t], s->bound_output_bytes[i]);
    if (in->external[t] == wanted) continue;
    in->external[t] = wanted;
    in->bound = false;
  }
  if (!in->bound) EI_TRY(ei_instance_bind(in));
  EI_TRY(reserve_staging(s));
  return s->golden_checked ? EDGE_STATUS_OK : ei_session_check_golden(s);
}

/* ---- public calls */

static edge_status check_binding(edge_session *s, const void *data, uint64_t bytes) {
  if (!is_own_memory(s, range_of(data, bytes))) return EDGE_STATUS_OK;
  return ei_session_fail(s, EDGE_STATUS_INVALID_ARGUMENT,
                         "this memory belongs to the session and moves with its plan: bind memory of your own");
}

edge_status edge_session_bind_input(edge_session *s, uint32_t index, void *data, uint64_t bytes) {
  if (!s || index >= s->main->sg->n_inputs) return EDGE_STATUS_INVALID_ARGUMENT;
  if ((uintptr_t)data % 64) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  ei_instance *const in = s->main;
  edge_status status = ei_instance_plan(in, false); /* not prepare: what was bound before may not fit any more */
  const uint32_t t = in->sg->inputs[index];
  if (status == EDGE_STATUS_OK) status = check_binding(s, data, bytes);
  if (status == EDGE_STATUS_OK && data && bytes < in->live[t].bytes)
    status = too_small(s, "input", &in->live[t], bytes);
  if (status == EDGE_STATUS_OK) {
    s->bound_inputs[index] = data;
    s->bound_input_bytes[index] = bytes;
    if (in->external[t] != data) {
      in->external[t] = data;
      in->bound = false;
      status = ei_instance_bind(in);
    }
  }
  return ei_session_give(s, status);
}

edge_status edge_session_bind_output(edge_session *s, uint32_t index, void *data, uint64_t bytes) {
  if (!s || index >= s->main->sg->n_outputs) return EDGE_STATUS_INVALID_ARGUMENT;
  if ((uintptr_t)data % 64) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  void *const old = s->bound_outputs[index];
  const uint64_t old_bytes = s->bound_output_bytes[index];
  edge_status status = check_binding(s, data, bytes);
  if (status == EDGE_STATUS_OK) {
    s->bound_outputs[index] = data;
    s->bound_output_bytes[index] = bytes;
    status = ei_session_prepare(s);
  }
  if (status != EDGE_STATUS_OK) {
    s->bound_outputs[index] = old;
    s->bound_output_bytes[index] = old_bytes;
  }
  return ei_session_give(s, status);
}
