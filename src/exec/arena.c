/* SPDX-License-Identifier: Apache-2.0
 * From buffers to addresses: one table of plan buffers per instance, one arena, one merged run list.
 *
 *   in->plan: [ tensors of the subgraph ... | private buffers of partition 0 | of partition 1 | ... ]
 *
 * Positions: 0 is "before the run" (inputs are written), then each partition takes as many positions as its
 * buffers mention (at least one). Inputs and outputs stay until the end, so that they can be read after a run and
 * kept for the next one. */
#include "exec.h"

static bool is_state(const ei_instance *in, uint32_t t) {
  return in->sg->tensors[t].state != 0;
}

static void use_at(ei_plan_buffer *b, uint32_t first, uint32_t last) {
  if (first < b->first) b->first = first;
  if (last > b->last) b->last = last;
}

static uint32_t span_of(const edge_partition *p) {
  uint32_t span = 1;
  for (uint32_t i = 0; i < p->n_buffers; ++i)
    if (p->buffers[i].last != UINT32_MAX && p->buffers[i].last + 1 > span) span = p->buffers[i].last + 1;
  return span;
}

enum { IS_INPUT = 1, IS_OUTPUT = 2 };

/* Which values cross the border of a partition, by value; the next partition finds it clear again. */
static void mark_border(const edge_partition *p, uint8_t *border, bool set) {
  for (uint32_t i = 0; i < p->n_inputs; ++i) border[p->inputs[i]] = set ? IS_INPUT : 0;
  for (uint32_t i = 0; i < p->n_outputs; ++i) border[p->outputs[i]] = set ? border[p->outputs[i]] | IS_OUTPUT : 0;
}

/* A tensor gets its entry of the table with its full size. */
static edge_status want_tensor(ei_instance *in, uint32_t t) {
  ei_plan_buffer *const b = &in->plan[t];
  if (b->bytes) return EDGE_STATUS_OK;
  if (edge_tensor_bytes(&in->views[t], &b->bytes) != EDGE_STATUS_OK)
    return ei_session_fail(in->session, EDGE_STATUS_LIMIT_EXCEEDED, "tensor '%s' is too large",
                           in->sg->tensors[t].name);
  if (b->bytes == 0) b->bytes = 1; /* empty tensors still have an address */
  b->external = is_state(in, t) || in->views[t].data || (in != in->session->main && in->external[t]);
  return EDGE_STATUS_OK;
}

static edge_status add_partition(ei_instance *in, edge_partition *p, const uint8_t *border, uint32_t *next) {
  p->addresses = EI_NEW_ARRAY(&in->mem, void *, (uint64_t)p->n_buffers + 1);
  p->plan_index = EI_NEW_ARRAY(&in->mem, uint32_t, (uint64_t)p->n_buffers + 1);
  if (!p->addresses || !p->plan_index) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < p->n_buffers; ++i) {
    const edge_buffer *const b = &p->buffers[i];
    if (b->value != EDGE_NO_VALUE && b->value >= in->sg->n_tensors)
      return ei_session_fail(in->session, EDGE_STATUS_INTERNAL, "backend %s: bad value of buffer %u",
                             p->backend->info.name, i);
    const bool global = b->value != EDGE_NO_VALUE && (border[b->value] || in->views[b->value].data);
    const uint32_t at = global ? b->value : (*next)++;
    p->plan_index[i] = at;
    if (global)
      EI_TRY(want_tensor(in, at));
    else
      in->plan[at].bytes = b->bytes ? b->bytes : 1;
    if (b->bytes > in->plan[at].bytes && !in->plan[at].external) in->plan[at].bytes = b->bytes;
    if (b->align > in->plan[at].align) in->plan[at].align = b->align;
    use_at(&in->plan[at], p->position + b->first, p->position + b->last);
  }
  for (uint32_t i = 0; i < p->n_buffers; ++i) {
    const edge_buffer *const b = &p->buffers[i];
    ei_plan_buffer *const entry = &in->plan[p->plan_index[i]];
    if (b->alias != EDGE_NO_VALUE) {
      if (b->alias >= p->n_buffers || (b->value != EDGE_NO_VALUE && border[b->value] & IS_INPUT))
        return ei_session_fail(in->session, EDGE_STATUS_INTERNAL, "backend %s: bad alias of buffer %u",
                               p->backend->info.name, i);
      entry->alias = p->plan_index[b->alias];
      entry->alias_offset = b->alias_offset;
    } else if (b->share != EDGE_NO_VALUE && b->share < p->n_buffers) {
      entry->share = p->plan_index[b->share];
    }
  }
  return EDGE_STATUS_OK;
}

edge_status ei_plan_memory(ei_instance *in) {
  const ei_subgraph *const sg = in->sg;
  uint64_t n_private = 0;
  for (uint32_t i = 0; i < in->n_parts; ++i) n_private += in->parts[i].n_buffers;
  if (n_private + sg->n_tensors > UINT32_MAX / 2) return EDGE_STATUS_LIMIT_EXCEEDED;
  in->plan = EI_NEW_ARRAY(&in->mem, ei_plan_buffer, sg->n_tensors + n_private + 1);
  uint8_t *const border = EI_NEW_ARRAY(&in->mem, uint8_t, (uint64_t)sg->n_tensors + 1);
  if (!in->plan || !border) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint64_t i = 0; i < sg->n_tensors + n_private; ++i) {
    in->plan[i].alias = in->plan[i].share = EI_NONE;
    in->plan[i].first = UINT32_MAX;
  }
  uint32_t position = 1, next = sg->n_tensors;
  for (uint32_t i = 0; i < in->n_parts; ++i) {
    edge_partition *const p = &in->parts[i];
    const bool planned = p->backend && !p->dynamic;
    p->position = position;
    const uint32_t span = planned ? span_of(p) : 1;
    mark_border(p, border, true);
    if (planned) EI_TRY(add_partition(in, p, border, &next));
    mark_border(p, border, false);
    /* values that cross the border of a partition which places nothing itself (control flow, run-time shapes, devices)
     */
    for (uint32_t k = 0; k < p->n_inputs + p->n_outputs; ++k) {
      const uint32_t t = k < p->n_inputs ? p->inputs[k] : p->outputs[k - p->n_inputs];
      uint64_t elements;
      if (planned && in->plan[t].bytes) continue;
      if (edge_tensor_elements(&in->views[t], &elements) == EDGE_STATUS_INVALID_ARGUMENT) continue; /* heap */
      EI_TRY(want_tensor(in, t));
      use_at(&in->plan[t], position, position + span - 1);
    }
    position += span;
  }
  for (uint32_t k = 0; k < sg->n_inputs + sg->n_outputs; ++k) {
    const uint32_t t = k < sg->n_inputs ? sg->inputs[k] : sg->outputs[k - sg->n_inputs];
    uint64_t elements;
    if (in->views[t].data || edge_tensor_elements(&in->views[t], &elements) == EDGE_STATUS_INVALID_ARGUMENT) continue;
    EI_TRY(want_tensor(in, t));
    if (k < sg->n_inputs && in != in->session->main) in->plan[t].external = true; /* the caller's values, in place */
    use_at(&in->plan[t], k < sg->n_inputs ? 0 : in->plan[t].first == UINT32_MAX ? 0 : in->plan[t].first, position);
  }
  in->n_plan = next;
  for (uint32_t i = 0; i < next; ++i)
    if (in->plan[i].first == UINT32_MAX) in->plan[i].first = in->plan[i].last = 0;
  ei_arena temp;
  ei_arena_init(&temp, in->session->env->alloc);
  const edge_status status = ei_plan_place(in->plan, in->n_plan, &temp, &in->plan_result, &in->session->error);
  ei_arena_free(&temp);
  return status;
}

static edge_status take_arena(ei_instance *in) {
  edge_session *const s = in->session;
  const uint64_t need = in->plan_result.bytes;
  if (s->options.arena && in == s->main) {
    if ((uintptr_t)s->options.arena % 64)
      return ei_session_fail(s, EDGE_STATUS_INVALID_ARGUMENT, "the arena must be aligned to 64 bytes");
    if (s->options.arena_bytes < need)
      return ei_session_fail(s, EDGE_STATUS_LIMIT_EXCEEDED, "the arena has %llu bytes, the model needs %llu",
                             (unsigned long long)s->options.arena_bytes, (unsigned long long)need);
    in->arena = s->options.arena;
    return EDGE_STATUS_OK;
  }
  if (in->arena && in->arena_bytes >= need) return EDGE_STATUS_OK;
  if (in->arena_owned) ei_alloc_put(s->env->alloc, in->arena, in->arena_bytes, 64);
  in->arena_bytes = need ? need : 64;
  in->arena = ei_alloc_get_raw(s->env->alloc, in->arena_bytes, 64);
  in->arena_owned = in->arena != NULL;
  if (in->arena) return EDGE_STATUS_OK;
  return ei_session_fail(s, EDGE_STATUS_OUT_OF_MEMORY, "no memory for %llu bytes of activations",
                         (unsigned long long)need);
}

/* Address of a plan buffer: bound from outside, a constant, state, a part of another buffer, or in the arena. */
static void *address_of(const ei_instance *in, uint32_t i) {
  uint64_t offset = 0;
  for (;;) {
    if (i < in->sg->n_tensors) {
      unsigned char *base = in->external[i];
      if (!base && in->views[i].data) base = in->views[i].data;
      if (!base && is_state(in, i)) base = in->session->states[in->sg->tensors[i].state - 1].working;
      if (base) return base + offset;
    }
    const ei_plan_buffer *const b = &in->plan[i];
    if (b->alias == EI_NONE) return b->external ? NULL : (unsigned char *)in->arena + b->offset + offset;
    offset += b->alias_offset;
    i = b->alias;
  }
}

/* Neighbouring partitions that run on the host's threads become one run list: one fork and join. */
static edge_status make_segments(ei_instance *in) {
  in->segments = EI_NEW_ARRAY(&in->mem, ei_segment, (uint64_t)in->n_parts + 1);
  if (!in->segments) return EDGE_STATUS_OUT_OF_MEMORY;
  in->n_segments = 0;
  for (uint32_t i = 0; i < in->n_parts; ++i) {
    const edge_partition *const p = &in->parts[i];
    uint32_t kind = EI_SEG_CONTROL;
    if (p->backend)
      kind = p->dynamic ? EI_SEG_DYNAMIC : EDGE_BACKEND_HAS(p->backend->api, steps) ? EI_SEG_STEPS : EI_SEG_SUBMIT;
    ei_segment *last = in->n_segments ? &in->segments[in->n_segments - 1] : NULL;
    if (!last || kind != EI_SEG_STEPS || last->kind != EI_SEG_STEPS) {
      last = &in->segments[in->n_segments++];
      last->kind = kind;
      last->first_part = i;
    }
    last->n_parts++;
    last->n_steps += p->n_steps;
  }
  for (uint32_t i = 0; i < in->n_segments; ++i) {
    ei_segment *const seg = &in->segments[i];
    seg->steps = EI_NEW_ARRAY(&in->mem, edge_step, (uint64_t)seg->n_steps + 1);
    if (in->session->options.flags & EDGE_SESSION_PROFILE)
      seg->step_ns = EI_NEW_ARRAY(&in->mem, uint64_t, (uint64_t)seg->n_steps + 1);
    if (!seg->steps) return EDGE_STATUS_OUT_OF_MEMORY;
  }
  return EDGE_STATUS_OK;
}

static void copy_steps(ei_instance *in) {
  for (uint32_t i = 0; i < in->n_segments; ++i) {
    ei_segment *const seg = &in->segments[i];
    uint32_t at = 0;
    for (uint32_t k = 0; k < seg->n_parts; ++k) {
      const edge_partition *const p = &in->parts[seg->first_part + k];
      for (uint32_t s = 0; s < p->n_steps && seg->kind == EI_SEG_STEPS; ++s) {
        seg->steps[at] = p->steps[s];
        if (s == 0) seg->steps[at].flags &= ~(uint32_t)EDGE_STEP_NO_WAIT; /* waits for the partition before it */
        seg->steps[at].node = p->steps[s].node < p->n_nodes ? p->nodes[p->steps[s].node] : p->nodes[0];
        at++;
      }
    }
  }
}

/* An input that was never set is zero, not what the memory held before. */
static void clear_inputs(ei_instance *in) {
  for (uint32_t i = 0; i < in->sg->n_inputs; ++i) {
    const uint32_t t = in->sg->inputs[i];
    if (!in->external[t] && in->live[t].data && in->plan[t].bytes)
      memset(in->live[t].data, 0, (size_t)in->plan[t].bytes);
  }
}

edge_status ei_instance_bind(ei_instance *in) {
  const bool first = in->segments == NULL;
  const void *const before = in->arena;
  EI_TRY(take_arena(in));
  for (uint32_t i = 0; i < in->n_parts; ++i) {
    edge_partition *const p = &in->parts[i];
    if (!p->backend || p->dynamic) continue;
    for (uint32_t k = 0; k < p->n_buffers; ++k) p->addresses[k] = address_of(in, p->plan_index[k]);
    const uint32_t n_steps = p->n_steps;
    EI_TRY(p->backend->api->bind(p->context, p->addresses, p->n_buffers));
    if (EDGE_BACKEND_HAS(p->backend->api, steps)) EI_TRY(p->backend->api->steps(p->context, &p->steps, &p->n_steps));
    if (!first && n_steps != p->n_steps)
      return ei_session_fail(in->session, EDGE_STATUS_INTERNAL, "backend %s changed its number of steps",
                             p->backend->info.name);
  }
  if (first) EI_TRY(make_segments(in));
  copy_steps(in);
  for (uint32_t i = 0; i < in->n_segments; ++i) /* no run creates threads */
    if (in->segments[i].kind == EI_SEG_STEPS && in->session->pool)
      ei_pool_start(in->session->pool, in->segments[i].steps, in->segments[i].n_steps);
  for (uint32_t t = 0; t < in->sg->n_tensors; ++t) {
    in->live[t] = in->views[t];
    if (in->plan[t].bytes) {
      in->live[t].data = address_of(in, t);
      EI_TRY(edge_tensor_bytes(&in->live[t], &in->live[t].bytes));
    }
  }
  if (in == in->session->main && in->arena != before) clear_inputs(in);
  in->bound = true;
  return EDGE_STATUS_OK;
}
