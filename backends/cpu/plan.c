/* SPDX-License-Identifier: Apache-2.0
 * Planning a partition for concrete shapes: nodes become steps, values become storages, pointers become slots. */
#include "plan.h"

typedef struct eb_cpu_chunk {
  struct eb_cpu_chunk *next;
  uint64_t bytes, used;
} chunk;
enum { CHUNK_HEAD = 64, CHUNK_BYTES = 8192, LINE = 64 };
_Static_assert(sizeof(chunk) <= CHUNK_HEAD, "the payload starts on a cache line");

static const struct {
  const char *op;
  eb_cpu_lower_fn lower;
} rows[] = {
#define EB_CPU_OP(op, fn) { op, fn },
#include "cpu_ops.def"
#undef EB_CPU_OP
};

/* ---- memory of the context */

static void fail(eb_cpu_plan *plan, edge_status status) {
  if (plan->status == EDGE_STATUS_OK) plan->status = status;
}

static void *keep(eb_cpu_context *c, uint64_t bytes) {
  if (bytes > UINT64_MAX / 4) return NULL;
  const uint64_t need = (bytes + LINE - 1) / LINE * LINE;
  if (c->chunks == NULL || c->chunks->bytes - c->chunks->used < need) {
    const uint64_t payload = need > CHUNK_BYTES ? need : CHUNK_BYTES;
    chunk *const fresh = c->host->alloc(c->env, CHUNK_HEAD + payload, LINE);
    if (fresh == NULL) return NULL;
    *fresh = (chunk) { c->chunks, payload, 0 };
    c->chunks = fresh;
  }
  unsigned char *const p = (unsigned char *)c->chunks + CHUNK_HEAD + c->chunks->used;
  c->chunks->used += need;
  memset(p, 0, (size_t)need);
  return p;
}

static void *vector_push(const eb_cpu_context *c, eb_cpu_vector *v) {
  if (v->count == v->capacity) {
    const uint32_t capacity = v->capacity ? v->capacity * 2 : 32;
    void *const data =
        v->capacity > UINT32_MAX / 4 ? NULL : c->host->alloc(c->env, (uint64_t)capacity * v->item_bytes, LINE);
    if (data == NULL) return NULL;
    if (v->count) memcpy(data, v->data, (size_t)v->count * v->item_bytes);
    if (v->data) c->host->free(c->env, v->data, (uint64_t)v->capacity * v->item_bytes, LINE);
    v->data = data;
    v->capacity = capacity;
  }
  void *const item = (unsigned char *)v->data + (size_t)v->count++ * v->item_bytes;
  memset(item, 0, v->item_bytes);
  return item;
}

static void vector_free(const eb_cpu_context *c, eb_cpu_vector *v) {
  if (v->data) c->host->free(c->env, v->data, (uint64_t)v->capacity * v->item_bytes, LINE);
  *v = (eb_cpu_vector) { 0 };
}

void *eb_cpu_keep(eb_cpu_plan *plan, uint64_t bytes) {
  void *const p = keep(plan->context, bytes);
  if (p == NULL) fail(plan, EDGE_STATUS_OUT_OF_MEMORY);
  return p;
}

/* ---- storages */

static eb_cpu_storage *storage_at(const eb_cpu_plan *plan, uint32_t index) {
  return (eb_cpu_storage *)plan->storages.data + index;
}

static uint32_t new_storage(eb_cpu_plan *plan, uint32_t value, uint64_t bytes, uint32_t align) {
  eb_cpu_storage *const s = vector_push(plan->context, &plan->storages);
  if (s == NULL) {
    fail(plan, EDGE_STATUS_OUT_OF_MEMORY);
    return EB_CPU_NONE;
  }
  *s = (eb_cpu_storage) { .value = value,
                          .first = EB_CPU_NONE,
                          .inside = EB_CPU_NONE,
                          .share = EB_CPU_NONE,
                          .align = align,
                          .bytes = bytes,
                          .buffer = EB_CPU_NONE };
  return plan->storages.count - 1;
}

static uint32_t root_of(const eb_cpu_plan *plan, uint32_t storage, uint64_t *offset) {
  uint64_t sum = 0;
  for (const eb_cpu_storage *s = storage_at(plan, storage); s->inside != EB_CPU_NONE; s = storage_at(plan, storage)) {
    sum += s->inside_offset;
    storage = s->inside;
  }
  if (offset) *offset += sum;
  return storage;
}

static uint32_t storage_of(eb_cpu_plan *plan, uint32_t value) {
  eb_cpu_value_info *const v = &plan->values[value];
  if (plan->widening && v->has_wide) {
    if (v->wide_storage == EB_CPU_NONE) v->wide_storage = new_storage(plan, EB_CPU_NONE, v->wide.bytes, LINE);
    return v->wide_storage;
  }
  if (v->storage != EB_CPU_NONE) return v->storage;
  uint64_t bytes = 0;
  if (edge_tensor_bytes(&v->tensor, &bytes) != EDGE_STATUS_OK) fail(plan, EDGE_STATUS_LIMIT_EXCEEDED);
  v->storage = new_storage(plan, value, bytes, LINE);
  if (v->storage != EB_CPU_NONE) {
    storage_at(plan, v->storage)->crosses =
        v->leaves || v->producer == EB_CPU_NONE || (v->tensor.flags & EDGE_TENSOR_STATE) != 0;
  }
  return v->storage;
}

eb_cpu_ref eb_cpu_value(eb_cpu_plan *plan, uint32_t value) {
  eb_cpu_ref ref = { NULL, EB_CPU_NONE, 0 };
  if (value >= plan->num_values) return ref;
  if (eb_cpu_is_const(plan, value)) {
    ref.ptr = plan->values[value].tensor.data;
    if (plan->widening && plan->values[value].has_wide) {
      const edge_status status = eb_cpu_wide_const(plan, value, &ref.ptr);
      if (status != EDGE_STATUS_OK) fail(plan, status);
    }
  } else {
    ref.storage = storage_of(plan, value);
  }
  return ref;
}

eb_cpu_ref eb_cpu_scratch(eb_cpu_plan *plan, uint64_t bytes, uint32_t align) {
  return (eb_cpu_ref) { NULL, new_storage(plan, EB_CPU_NONE, bytes, align > LINE ? align : LINE), 0 };
}

eb_cpu_ref eb_cpu_at(eb_cpu_ref ref, uint64_t offset) {
  if (ref.ptr) {
    ref.ptr = (const unsigned char *)ref.ptr + offset;
  } else {
    ref.offset += offset;
  }
  return ref;
}

bool eb_cpu_alias(eb_cpu_plan *plan, uint32_t value, uint32_t container, uint64_t offset) {
  if (value >= plan->num_values || container >= plan->num_values || eb_cpu_is_const(plan, value) ||
      eb_cpu_is_const(plan, container)) {
    return false;
  }
  uint32_t v = storage_of(plan, value), c = storage_of(plan, container);
  if (v == EB_CPU_NONE || c == EB_CPU_NONE || storage_at(plan, v)->inside != EB_CPU_NONE) return false;
  const uint64_t c_bytes = storage_at(plan, c)->bytes, v_bytes = storage_at(plan, v)->bytes;
  uint64_t at = offset;
  c = root_of(plan, c, &at);
  if (c == v || offset > c_bytes || v_bytes > c_bytes - offset) return false;
  if (storage_at(plan, v)->crosses) {
    /* the host places v, so the container must move into it */
    if (storage_at(plan, c)->crosses || at != 0 || storage_at(plan, c)->bytes != v_bytes) return false;
    const uint32_t swap = v;
    v = c;
    c = swap;
  }
  eb_cpu_storage *const s = storage_at(plan, v), *const root = storage_at(plan, c);
  s->inside = c;
  s->inside_offset = at;
  if (s->first != EB_CPU_NONE) {
    if (root->first == EB_CPU_NONE || s->first < root->first) root->first = s->first;
    if (s->last > root->last) root->last = s->last;
  }
  return true;
}

void eb_cpu_in_place(eb_cpu_plan *plan, uint32_t out_value, uint32_t in_value) {
  if (out_value >= plan->num_values || in_value >= plan->num_values || eb_cpu_is_const(plan, in_value)) return;
  const uint32_t out = storage_of(plan, out_value), in = storage_of(plan, in_value);
  if (out != EB_CPU_NONE && in != EB_CPU_NONE) storage_at(plan, out)->share = in;
}

/* ---- steps */

void *eb_cpu_step(eb_cpu_plan *plan, uint32_t node, edge_tile_fn fn, uint64_t arg_bytes, uint32_t num_tiles,
                  double cost_us) {
  void *const arg = eb_cpu_keep(plan, arg_bytes ? arg_bytes : 1);
  edge_step *const step = arg ? vector_push(plan->context, &plan->context->steps) : NULL;
  if (step == NULL) {
    fail(plan, EDGE_STATUS_OUT_OF_MEMORY);
    return NULL;
  }
  const double ns = cost_us * 1e3;
  step->fn = fn;
  step->arg = arg;
  step->num_tiles = num_tiles;
  step->node = node;
  step->cost_ns = ns < 1.0 ? 1u : ns > 4e9 ? 4000000000u : (uint32_t)ns;
  plan->context->notes[node].cost_us += cost_us;
  return arg;
}

void eb_cpu_no_wait(eb_cpu_plan *plan) {
  eb_cpu_vector *const steps = &plan->context->steps;
  if (steps->count) ((edge_step *)steps->data)[steps->count - 1].flags |= EDGE_STEP_NO_WAIT;
}

void eb_cpu_slot(eb_cpu_plan *plan, void *field, eb_cpu_ref ref) {
  if (ref.ptr) {
    memcpy(field, &ref.ptr, sizeof ref.ptr);
    return;
  }
  eb_cpu_slot_info *const slot = ref.storage == EB_CPU_NONE || plan->context->steps.count == 0
                                     ? NULL
                                     : vector_push(plan->context, &plan->context->slots);
  if (slot == NULL) {
    fail(plan, EDGE_STATUS_OUT_OF_MEMORY);
    return;
  }
  *slot = (eb_cpu_slot_info) { field, ref.storage, ref.offset };
  const uint32_t now = plan->context->steps.count - 1;
  for (uint32_t s = ref.storage; s != EB_CPU_NONE; s = storage_at(plan, s)->inside) {
    eb_cpu_storage *const storage = storage_at(plan, s);
    if (storage->first == EB_CPU_NONE || now < storage->first) storage->first = now;
    if (now > storage->last) storage->last = now;
  }
}

void eb_cpu_take(eb_cpu_plan *plan, uint32_t node) {
  if (node >= plan->num_nodes) return;
  plan->done[node] = true;
  if (plan->num_taken < sizeof plan->taken / sizeof *plan->taken) plan->taken[plan->num_taken++] = node;
  if (plan->context->notes[node].kernel == NULL) eb_cpu_note(plan, node, "fused", "computed by the node before it");
}

edge_status eb_cpu_prepared(eb_cpu_plan *plan, const edge_prepared_key *key, uint64_t bytes, edge_prepare_fn fill,
                            void *user, const void **out) {
  *out = NULL;
  if (!plan->prepare) return EDGE_STATUS_OK;
  const void **const slot = vector_push(plan->context, &plan->context->prepared);
  if (slot == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  const edge_status status = plan->host->prepared_get(plan->env, plan->partition, key, bytes, fill, user, out);
  if (status != EDGE_STATUS_OK) {
    --plan->context->prepared.count;
    return status;
  }
  *slot = *out;
  return EDGE_STATUS_OK;
}

void eb_cpu_note(eb_cpu_plan *plan, uint32_t node, const char *kernel, const char *reason) {
  plan->context->notes[node].kernel = kernel;
  plan->context->notes[node].reason = reason;
}

/* ---- the walk */

static edge_status see_value(eb_cpu_plan *plan, uint32_t value) {
  if (value == EDGE_NO_VALUE || plan->values[value].seen) return EDGE_STATUS_OK;
  eb_cpu_value_info *const v = &plan->values[value];
  v->seen = true;
  v->producer = v->consumer = v->storage = EB_CPU_NONE;
  return plan->host->value(plan->partition, value, &v->tensor);
}

static uint32_t node_value(const eb_cpu_plan *plan, const edge_node *node, uint32_t i, bool *is_output) {
  const uint32_t n_in = plan->host->node_num_inputs(node);
  *is_output = i >= n_in;
  return i < n_in ? plan->host->node_input(node, i) : plan->host->node_output(node, i - n_in);
}

static uint32_t node_degree(const eb_cpu_plan *plan, const edge_node *node) {
  return plan->host->node_num_inputs(node) + plan->host->node_num_outputs(node);
}

static edge_status survey(eb_cpu_plan *plan) {
  bool is_output = false;
  uint32_t top = 0;
  for (uint32_t n = 0; n < plan->num_nodes; ++n) {
    const edge_node *const node = eb_cpu_node(plan, n);
    for (uint32_t i = 0; i < node_degree(plan, node); ++i) {
      const uint32_t value = node_value(plan, node, i, &is_output);
      if (value != EDGE_NO_VALUE && value >= top) top = value + 1;
    }
  }
  if (top == 0) return EDGE_STATUS_OK;
  plan->values = plan->host->alloc(plan->env, (uint64_t)top * sizeof *plan->values, LINE);
  if (plan->values == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  memset(plan->values, 0, (size_t)top * sizeof *plan->values);
  plan->num_values = top;
  for (uint32_t n = 0; n < plan->num_nodes; ++n) {
    const edge_node *const node = eb_cpu_node(plan, n);
    for (uint32_t i = 0; i < node_degree(plan, node); ++i) {
      const uint32_t value = node_value(plan, node, i, &is_output);
      const edge_status status = see_value(plan, value);
      if (status != EDGE_STATUS_OK) return status;
      if (value == EDGE_NO_VALUE) continue;
      eb_cpu_value_info *const v = &plan->values[value];
      if (is_output) {
        v->producer = n;
      } else {
        v->consumer = n;
        ++v->uses;
      }
    }
  }
  for (uint32_t i = 0; i < plan->host->num_outputs(plan->partition); ++i) {
    const uint32_t value = plan->host->get_output(plan->partition, i);
    if (value < top) plan->values[value].leaves = true;
  }
  return EDGE_STATUS_OK;
}

static edge_status lower(eb_cpu_plan *plan, uint32_t n) {
  const char *const op = plan->host->node_op(eb_cpu_node(plan, n));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
    if (strcmp(rows[i].op, op) != 0) continue;
    const edge_status status = rows[i].lower(plan, n);
    if (status != EB_CPU_PASS) return status;
  }
  return eb_cpu_lower_ref(plan, n);
}

/* ---- the result */

static void settle_sharing(eb_cpu_plan *plan) {
  for (uint32_t i = 0; i < plan->storages.count; ++i) {
    eb_cpu_storage *const out = storage_at(plan, i);
    if (out->share == EB_CPU_NONE) continue;
    uint64_t offset = 0;
    const uint32_t r = root_of(plan, out->share, &offset);
    eb_cpu_storage *const in = storage_at(plan, r);
    const bool fits = out->inside == EB_CPU_NONE && r != i && !in->crosses && offset == 0 && in->bytes >= out->bytes &&
                      in->last == out->first && in->first != EB_CPU_NONE && in->first < out->first;
    out->share = fits && !in->taken ? r : EB_CPU_NONE;
    if (out->share != EB_CPU_NONE) in->taken = true;
  }
}

static edge_status finish(eb_cpu_plan *plan) {
  eb_cpu_context *const c = plan->context;
  settle_sharing(plan);
  for (uint32_t i = 0; i < plan->storages.count; ++i) {
    eb_cpu_storage *const s = storage_at(plan, i);
    if (s->inside != EB_CPU_NONE || s->first == EB_CPU_NONE) continue;
    edge_buffer *const b = vector_push(c, &c->buffers);
    if (b == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
    s->buffer = c->buffers.count - 1;
    *b = (edge_buffer) { .value = s->value,
                         .first = s->first,
                         .last = s->last,
                         .alias = EDGE_NO_VALUE,
                         .share = EDGE_NO_VALUE,
                         .align = s->align,
                         .bytes = s->bytes };
  }
  for (uint32_t i = 0; i < plan->storages.count; ++i) {
    const eb_cpu_storage *const s = storage_at(plan, i);
    if (s->buffer != EB_CPU_NONE && s->share != EB_CPU_NONE) {
      ((edge_buffer *)c->buffers.data)[s->buffer].share = storage_at(plan, s->share)->buffer;
    }
  }
  for (uint32_t i = 0; i < c->slots.count; ++i) {
    eb_cpu_slot_info *const slot = (eb_cpu_slot_info *)c->slots.data + i;
    slot->storage = storage_at(plan, root_of(plan, slot->storage, &slot->offset))->buffer;
  }
  return plan->status;
}

static edge_status plan_nodes(eb_cpu_plan *plan) {
  plan->done = eb_cpu_keep(plan, plan->num_nodes + 1);
  plan->context->notes = eb_cpu_keep(plan, ((uint64_t)plan->num_nodes + 1) * sizeof(eb_cpu_note_info));
  if (plan->done == NULL || plan->context->notes == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  plan->wide_node = eb_cpu_keep(plan, plan->num_nodes + 1);
  if (plan->wide_node == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  edge_status status = survey(plan);
  if (status == EDGE_STATUS_OK) status = eb_cpu_promote(plan);
  for (uint32_t n = 0; n < plan->num_nodes && status == EDGE_STATUS_OK; ++n) {
    if (plan->done[n]) continue;
    plan->widening = plan->wide_node[n];
    plan->num_taken = 0;
    status = lower(plan, n);
    plan->widening = false;
    plan->done[n] = true;
    if (status == EDGE_STATUS_OK) status = eb_cpu_promote_after(plan, n);
    for (uint32_t i = 0; i < plan->num_taken && status == EDGE_STATUS_OK; ++i) {
      status = eb_cpu_promote_after(plan, plan->taken[i]);
    }
    if (status == EDGE_STATUS_OK) status = plan->status;
  }
  return status == EDGE_STATUS_OK ? finish(plan) : status;
}

edge_status eb_cpu_plan_run(const edge_host_api *host, edge_host *env, const edge_partition *partition,
                            uint32_t prepare, eb_cpu_context **out) {
  *out = NULL;
  eb_cpu_context *const c = host->alloc(env, sizeof *c, LINE);
  if (c == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *c = (eb_cpu_context) { .host = host, .env = env, .partition = partition, .num_nodes = host->num_nodes(partition) };
  c->steps.item_bytes = sizeof(edge_step);
  c->slots.item_bytes = sizeof(eb_cpu_slot_info);
  c->buffers.item_bytes = sizeof(edge_buffer);
  c->prepared.item_bytes = sizeof(const void *);
  eb_cpu_plan plan = { .host = host,
                       .env = env,
                       .partition = partition,
                       .context = c,
                       .prepare = prepare,
                       .num_nodes = c->num_nodes,
                       .features = host->cpu_features(env) };
  plan.storages.item_bytes = sizeof(eb_cpu_storage);
  const edge_status status = plan_nodes(&plan);
  vector_free(c, &plan.storages);
  if (plan.values) host->free(env, plan.values, (uint64_t)plan.num_values * sizeof *plan.values, LINE);
  if (status != EDGE_STATUS_OK) {
    eb_cpu_context_free(c);
    return status;
  }
  *out = c;
  return EDGE_STATUS_OK;
}

void eb_cpu_context_free(eb_cpu_context *c) {
  if (c == NULL) return;
  for (uint32_t i = 0; i < c->prepared.count; ++i) {
    c->host->prepared_put(c->env, c->partition, ((const void **)c->prepared.data)[i]);
  }
  vector_free(c, &c->prepared);
  vector_free(c, &c->steps);
  vector_free(c, &c->slots);
  vector_free(c, &c->buffers);
  for (chunk *k = c->chunks; k != NULL;) {
    chunk *const next = k->next;
    c->host->free(c->env, k, CHUNK_HEAD + k->bytes, LINE);
    k = next;
  }
  c->host->free(c->env, c, sizeof *c, LINE);
}

void eb_cpu_context_buffers(const eb_cpu_context *c, const edge_buffer **out, uint32_t *count) {
  *out = c->buffers.data;
  *count = c->buffers.count;
}

edge_status eb_cpu_context_bind(eb_cpu_context *c, void *const *addresses, uint32_t count) {
  if (count != c->buffers.count) return EDGE_STATUS_INVALID_ARGUMENT;
  for (uint32_t i = 0; i < c->slots.count; ++i) {
    const eb_cpu_slot_info *const slot = (const eb_cpu_slot_info *)c->slots.data + i;
    unsigned char *p = addresses[slot->storage];
    if (slot->offset) p += slot->offset;
    memcpy(slot->field, &p, sizeof p);
  }
  return EDGE_STATUS_OK;
}

void eb_cpu_context_steps(const eb_cpu_context *c, const edge_step **out, uint32_t *count) {
  *out = c->steps.data;
  *count = c->steps.count;
}

static void set_text(char *to, size_t size, const char *text) {
  size_t n = 0;
  for (; text && text[n] && n + 1 < size; ++n) to[n] = text[n];
  to[n] = '\0';
}

edge_status eb_cpu_context_describe(const eb_cpu_context *c, uint32_t node, edge_description *out) {
  if (node >= c->num_nodes) return EDGE_STATUS_INVALID_ARGUMENT;
  const eb_cpu_note_info *const note = &c->notes[node];
  out->cost_us = note->cost_us;
  set_text(out->kernel, sizeof out->kernel, note->kernel ? note->kernel : "none");
  set_text(out->reason, sizeof out->reason, note->reason);
  set_text(out->hint, sizeof out->hint, NULL);
  return EDGE_STATUS_OK;
}
