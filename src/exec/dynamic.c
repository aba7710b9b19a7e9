/* SPDX-License-Identifier: Apache-2.0
 * Nodes whose shapes appear at run time: inferred with the data at hand, planned on the session's heap, run. */
#include "exec.h"

edge_status ei_heap_value_get(ei_instance *in, uint32_t t) {
  edge_session *const s = in->session;
  edge_tensor *const v = &in->live[t];
  ei_heap_value *const h = &in->heap[t];
  uint64_t bytes = 0;
  if (edge_tensor_bytes(v, &bytes) != EDGE_STATUS_OK)
    return ei_session_fail(s, EDGE_STATUS_LIMIT_EXCEEDED, "tensor '%s': its run-time size is too large",
                           in->sg->tensors[t].name);
  if (!h->data || bytes > h->cap) {
    const uint64_t want = bytes ? bytes : 1;
    if (s->dynamic_bytes - h->cap + want > s->options.max_dynamic_bytes)
      return ei_session_fail(
          s, EDGE_STATUS_LIMIT_EXCEEDED,
          "tensor '%s' needs %llu bytes at run time; the heap for run-time shapes is limited to %llu",
          in->sg->tensors[t].name, (unsigned long long)want, (unsigned long long)s->options.max_dynamic_bytes);
    if (h->data) ei_alloc_put(s->env->alloc, h->data, h->cap, 64);
    s->dynamic_bytes -= h->cap;
    h->cap = 0;
    h->data = ei_alloc_get_raw(s->env->alloc, want, 64);
    if (!h->data)
      return ei_session_fail(s, EDGE_STATUS_OUT_OF_MEMORY, "no memory for %llu bytes of tensor '%s'",
                             (unsigned long long)want, in->sg->tensors[t].name);
    h->cap = want;
    s->dynamic_bytes += want;
  }
  v->data = h->data;
  v->bytes = bytes;
  return EDGE_STATUS_OK;
}

/* Memory of an output: its slot in the arena when its size was known while planning, the heap otherwise. */
static edge_status place_output(ei_instance *in, uint32_t t) {
  if (!in->plan[t].bytes) return ei_heap_value_get(in, t);
  uint64_t bytes = 0;
  if (edge_tensor_bytes(&in->live[t], &bytes) != EDGE_STATUS_OK || bytes > in->plan[t].bytes)
    return ei_session_fail(in->session, EDGE_STATUS_INVALID_VALUE, "tensor '%s' is larger than its shape promised",
                           in->sg->tensors[t].name);
  in->live[t].data = in->external[t] ? in->external[t] : (unsigned char *)in->arena + in->plan[t].offset;
  in->live[t].bytes = bytes;
  return EDGE_STATUS_OK;
}

/* A value that inference computed: what was compiled before the run reads a scalar from its slot in the arena. */
static edge_status keep_value(ei_instance *in, uint32_t t) {
  const void *const value = in->live[t].data;
  if (!in->plan[t].bytes) return EDGE_STATUS_OK;
  EI_TRY(place_output(in, t));
  if (in->live[t].bytes) memcpy(in->live[t].data, value, (size_t)in->live[t].bytes);
  return EDGE_STATUS_OK;
}

/* Shapes that the program was planned for; -1 ends each tensor, so that ranks are told apart. */
static uint32_t collect_dims(const ei_instance *in, const ei_node *n, int64_t *out) {
  uint32_t count = 0;
  for (uint32_t k = 0; k < n->n_in + n->n_out; ++k) {
    const uint32_t t = k < n->n_in ? n->in[k] : n->out[k - n->n_in];
    if (t == EI_NONE) continue;
    for (int32_t d = 0; d < in->live[t].rank; ++d) out[count++] = in->live[t].dims[d];
    out[count++] = -1;
  }
  return count;
}

static edge_status compile_for_shapes(edge_partition *p) {
  ei_instance *const in = p->instance;
  const ei_node *const n = &in->sg->nodes[p->nodes[0]];
  const uint64_t cap = (uint64_t)(n->n_in + n->n_out) * (EDGE_MAX_RANK + 1) + 1;
  int64_t *const dims = EI_NEW_ARRAY(&in->run, int64_t, cap);
  if (!p->planned_dims) p->planned_dims = EI_NEW_ARRAY(&in->mem, int64_t, cap);
  if (!dims || !p->planned_dims) return EDGE_STATUS_OUT_OF_MEMORY;
  const uint32_t count = collect_dims(in, n, dims);
  if (p->context && memcmp(dims, p->planned_dims, count * sizeof *dims) == 0) return EDGE_STATUS_OK;
  ei_part_release(p);
  EI_TRY(ei_part_compile(p, false));
  memcpy(p->planned_dims, dims, count * sizeof *dims);
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < p->n_buffers; ++i) {
    const edge_buffer *const b = &p->buffers[i];
    if (b->value != EDGE_NO_VALUE || b->alias != EDGE_NO_VALUE) continue;
    if (!ei_align_u64(bytes, 64, &bytes) || !ei_add_u64(bytes, b->bytes, &bytes)) return EDGE_STATUS_LIMIT_EXCEEDED;
  }
  p->heap_bytes = bytes;
  if (bytes && bytes > in->session->options.max_dynamic_bytes)
    return ei_session_fail(in->session, EDGE_STATUS_LIMIT_EXCEEDED, "node '%s' needs %llu bytes of scratch at run time",
                           n->name, (unsigned long long)bytes);
  p->heap = bytes ? ei_alloc_get_raw(in->session->env->alloc, bytes, 64) : NULL;
  return bytes && !p->heap ? EDGE_STATUS_OUT_OF_MEMORY : EDGE_STATUS_OK;
}

static void *buffer_address(const edge_partition *p, uint32_t i, uint64_t offset) {
  while (p->buffers[i].alias != EDGE_NO_VALUE) {
    offset += p->buffers[i].alias_offset;
    i = p->buffers[i].alias;
  }
  const edge_buffer *const b = &p->buffers[i];
  if (b->value != EDGE_NO_VALUE) return (unsigned char *)p->instance->live[b->value].data + offset;
  uint64_t at = 0;
  for (uint32_t k = 0; k < i; ++k)
    if (p->buffers[k].value == EDGE_NO_VALUE && p->buffers[k].alias == EDGE_NO_VALUE)
      at = ((at + 63) & ~(uint64_t)63) + p->buffers[k].bytes;
  at = (at + 63) & ~(uint64_t)63;
  return (unsigned char *)p->heap + at + offset;
}

static edge_status execute(edge_partition *p) {
  ei_instance *const in = p->instance;
  edge_session *const s = in->session;
  const edge_backend_api *const api = p->backend->api;
  p->addresses = EI_NEW_ARRAY(&in->run, void *, (uint64_t)p->n_buffers + 1);
  if (!p->addresses) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < p->n_buffers; ++i) p->addresses[i] = buffer_address(p, i, 0);
  EI_TRY(api->bind(p->context, p->addresses, p->n_buffers));
  if (EDGE_BACKEND_HAS(api, steps)) {
    ei_run_control control = { .cancel = &s->cancel, .deadline_ns = s->options.deadline_ns };
    EI_TRY(api->steps(p->context, &p->steps, &p->n_steps));
    EI_TRY(ei_pool_run(s->pool, p->steps, p->n_steps, &control));
  } else {
    EI_TRY(ei_run_submit(p));
  }
  /* a view of an input has to become a value of its own: its source may be gone when it is read */
  for (uint32_t i = 0; i < p->n_buffers; ++i) {
    const edge_buffer *const b = &p->buffers[i];
    if (b->value == EDGE_NO_VALUE || b->alias == EDGE_NO_VALUE) continue;
    edge_tensor *const v = &in->live[b->value];
    if (v->bytes && v->data != p->addresses[i]) memmove(v->data, p->addresses[i], (size_t)v->bytes);
  }
  return EDGE_STATUS_OK;
}

edge_status ei_run_dynamic(edge_partition *p) {
  ei_instance *const in = p->instance;
  edge_session *const s = in->session;
  const uint32_t index = p->nodes[0];
  const ei_node *const n = &in->sg->nodes[index];
  bool pending = false, valued = n->n_out > 0 && !(n->op->flags & EI_OP_STATEFUL);
  const uint64_t start = s->options.flags & EDGE_SESSION_PROFILE ? ei_clock_ns() : 0;
  edge_status status = ei_infer_node(n, index, in->live, &in->run, &pending, &s->error);
  if (status == EDGE_STATUS_OK && pending)
    return ei_session_fail(s, EDGE_STATUS_INVALID_VALUE, "node '%s' (%s): its output shape cannot be determined",
                           n->name, n->op->name);
  for (uint32_t k = 0; status == EDGE_STATUS_OK && k < n->n_out; ++k)
    if (n->out[k] != EI_NONE && !in->live[n->out[k]].data) valued = false;
  if (status == EDGE_STATUS_OK && valued) { /* small: inference computed it */
    for (uint32_t k = 0; status == EDGE_STATUS_OK && k < n->n_out; ++k)
      if (n->out[k] != EI_NONE) status = keep_value(in, n->out[k]);
    return status;
  }
  for (uint32_t k = 0; status == EDGE_STATUS_OK && k < n->n_out; ++k)
    if (n->out[k] != EI_NONE) status = place_output(in, n->out[k]);
  if (status == EDGE_STATUS_OK) status = compile_for_shapes(p);
  if (status == EDGE_STATUS_OK) status = execute(p);
  if (start) in->node_ns[index] += ei_clock_ns() - start;
  if (status == EDGE_STATUS_OK || ei_session_stopped(s, status)) return status;
  if (s->error.text[0]) {
    s->error.status = status;
    return status;
  }
  return ei_fail_node(&s->error, status, index, EI_NONE, "node '%s' (%s) failed: %s", n->name, n->op->name,
                      edge_status_name(status));
}
