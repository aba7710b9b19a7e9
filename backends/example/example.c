/* SPDX-License-Identifier: Apache-2.0
 * A small real backend, built outside the tree against the installed headers: f32 elementwise operators with memory
 * of its own and an asynchronous-looking submit. Copy it to start a backend.
 *
 * Faults for tests, from the environment variable EDGE_EXAMPLE_FAULT (comma-separated):
 *   version       the entry claims another ABI major version
 *   refuse        compile refuses every partition
 *   fail          submit fails with DEVICE_FAILED
 *   lost          wait answers DEVICE_LOST
 *   timeout       wait answers DEVICE_TIMEOUT
 *   memory        buffers() asks for a wrong size, as a device with another kind of memory would */
#include <edge/backend.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef float (*unary_fn)(float);
typedef float (*binary_fn)(float, float);

static float op_relu(float x) {
  return x > 0.0f ? x : 0.0f;
}
static float op_sigmoid(float x) {
  return 1.0f / (1.0f + expf(-x));
}
static float op_tanh(float x) {
  return tanhf(x);
}
static float op_neg(float x) {
  return -x;
}
static float op_abs(float x) {
  return fabsf(x);
}
static float op_add(float a, float b) {
  return a + b;
}
static float op_sub(float a, float b) {
  return a - b;
}
static float op_mul(float a, float b) {
  return a * b;
}

static const struct {
  const char *op;
  unary_fn unary;
  binary_fn binary;
} table[] = {
  { "Relu", op_relu, NULL }, { "Sigmoid", op_sigmoid, NULL }, { "Tanh", op_tanh, NULL }, { "Neg", op_neg, NULL },
  { "Abs", op_abs, NULL },   { "Add", NULL, op_add },         { "Sub", NULL, op_sub },   { "Mul", NULL, op_mul },
};
enum { N_OPS = sizeof table / sizeof table[0], MAX_NODES = 4096 };

struct edge_device {
  const edge_host_api *api;
  edge_host *host;
};

typedef struct step {
  uint32_t op;
  uint32_t in[2], out; /* indices into the context's buffers */
  uint64_t count;
} step;

struct edge_program {
  edge_device *device;
  const edge_partition *partition;
};

struct edge_context {
  edge_program *program;
  step *steps;
  edge_buffer *buffers;
  const void **constants; /* per buffer: data of a constant, or NULL */
  void **addresses;
  uint32_t n_steps, n_buffers, cap_buffers;
  edge_status result;
};

static int fault(const char *name) {
  const char *at = getenv("EDGE_EXAMPLE_FAULT");
  const size_t n = strlen(name);
  for (; at && *at; at += strcspn(at, ","), at += *at == ',')
    if (strncmp(at, name, n) == 0 && (at[n] == 0 || at[n] == ',')) return 1;
  return 0;
}

static uint32_t find_op(const char *name) {
  for (uint32_t i = 0; i < N_OPS; ++i)
    if (strcmp(table[i].op, name) == 0) return i;
  return N_OPS;
}

static void put_text(char *out, size_t cap, const char *text) {
  const size_t n = strlen(text) < cap - 1 ? strlen(text) : cap - 1;
  memcpy(out, text, n);
  out[n] = 0;
}

static edge_status probe(const edge_host_api *api, edge_host *host, edge_probe_result *out) {
  (void)api, (void)host;
  out->num_devices = 1;
  out->score = 10;
  out->emulated = 1;
  put_text(out->reason, sizeof out->reason, "example backend: f32 elementwise operators on the CPU");
  return EDGE_STATUS_OK;
}

static edge_status device_info(const edge_host_api *api, edge_host *host, uint32_t index, edge_device_info *out) {
  (void)api, (void)host;
  if (index) return EDGE_STATUS_INVALID_ARGUMENT;
  out->emulated = 1;
  put_text(out->name, sizeof out->name, "example device");
  out->gflops_f32 = 1.0;
  out->gops_s8 = 0.0;
  out->gbytes_per_s = 4.0;
  out->submit_us = 2.0;
  return EDGE_STATUS_OK;
}

static edge_status open_device(const edge_host_api *api, edge_host *host, uint32_t index, edge_device **out) {
  edge_device *const d = index ? NULL : api->alloc(host, sizeof *d, sizeof(void *));
  *out = d;
  if (!d) return index ? EDGE_STATUS_INVALID_ARGUMENT : EDGE_STATUS_OUT_OF_MEMORY;
  d->api = api;
  d->host = host;
  return EDGE_STATUS_OK;
}

static void close_device(edge_device *d) {
  d->api->free(d->host, d, sizeof *d, sizeof(void *));
}

/* A plug-in calls nothing but the host table, so that it works with the static and the shared library. */
static int elements(const edge_tensor *t, uint64_t *count) {
  *count = 1;
  for (int32_t i = 0; i < t->rank; ++i) {
    if (t->dims[i] < 0 || (t->dims[i] > 0 && *count > (uint64_t)1 << 40)) return 0;
    *count *= (uint64_t)t->dims[i];
  }
  return t->rank >= 0;
}

static int same_dims(const edge_tensor *a, const edge_tensor *b) {
  if (a->rank != b->rank) return 0;
  for (int32_t i = 0; i < a->rank; ++i)
    if (a->dims[i] != b->dims[i]) return 0;
  return 1;
}

static edge_status query(edge_device *d, const edge_partition *graph, const edge_node *node, edge_query *out) {
  const edge_host_api *const api = d->api;
  const uint32_t op = find_op(api->node_op(node));
  edge_tensor a, b, y;
  uint64_t count = 0;
  out->verdict = EDGE_QUERY_NO;
  if (op == N_OPS) {
    put_text(out->reason, sizeof out->reason, "only elementwise operators run here");
    return EDGE_STATUS_OK;
  }
  if (api->value(graph, api->node_input(node, 0), &a) != EDGE_STATUS_OK ||
      api->value(graph, api->node_output(node, 0), &y) != EDGE_STATUS_OK)
    return EDGE_STATUS_OK;
  b = a;
  if (table[op].binary && api->value(graph, api->node_input(node, 1), &b) != EDGE_STATUS_OK) return EDGE_STATUS_OK;
  if (a.dtype != EDGE_DTYPE_F32 || b.dtype != EDGE_DTYPE_F32 || y.dtype != EDGE_DTYPE_F32)
    put_text(out->reason, sizeof out->reason, "only f32 runs here");
  else if (!elements(&y, &count))
    put_text(out->reason, sizeof out->reason, "its shape is not known before the run");
  else if (!same_dims(&a, &y) || !same_dims(&b, &y))
    put_text(out->reason, sizeof out->reason, "broadcasting is not supported");
  else if (table[op].binary && api->attr_int(node, "act"))
    put_text(out->reason, sizeof out->reason, "fused activations are not supported");
  else {
    out->verdict = EDGE_QUERY_YES;
    out->cost_us = 0.5 + (double)count / 1000.0;
    put_text(out->reason, sizeof out->reason, "scalar loop");
  }
  return EDGE_STATUS_OK;
}

static edge_status compile(edge_device *d, const edge_partition *partition, edge_program **out) {
  *out = NULL;
  if (fault("refuse")) {
    d->api->fail_text(d->host, partition, NULL, "refused on request");
    return EDGE_STATUS_BACKEND_REFUSED;
  }
  edge_program *const p = d->api->alloc(d->host, sizeof *p, sizeof(void *));
  if (!p) return EDGE_STATUS_OUT_OF_MEMORY;
  p->device = d;
  p->partition = partition;
  *out = p;
  return EDGE_STATUS_OK;
}

static void release(edge_program *p) {
  p->device->api->free(p->device->host, p, sizeof *p, sizeof(void *));
}

/* Index of the buffer of a value; a new one is alive from `at` on. */
static edge_status buffer_of(edge_context *c, uint32_t value, uint32_t at, uint32_t *out) {
  const edge_host_api *const api = c->program->device->api;
  edge_tensor t;
  for (uint32_t i = 0; i < c->n_buffers; ++i)
    if (c->buffers[i].value == value) {
      c->buffers[i].last = at;
      *out = i;
      return EDGE_STATUS_OK;
    }
  const edge_status status = api->value(c->program->partition, value, &t);
  if (status != EDGE_STATUS_OK) return status;
  edge_buffer *const b = &c->buffers[c->n_buffers];
  memset(b, 0, sizeof *b);
  b->value = value;
  b->first = b->last = at;
  b->alias = b->share = EDGE_NO_VALUE;
  c->constants[c->n_buffers] = t.data;
  *out = c->n_buffers++;
  if (!elements(&t, &b->bytes)) return EDGE_STATUS_BACKEND_REFUSED;
  b->bytes *= sizeof(float);
  return EDGE_STATUS_OK;
}

static void unplan(edge_context *c) {
  const edge_host_api *const api = c->program->device->api;
  edge_host *const host = c->program->device->host;
  if (c->steps) api->free(host, c->steps, (c->n_steps + 1) * sizeof *c->steps, sizeof(void *));
  if (c->buffers) api->free(host, c->buffers, (c->cap_buffers + 1) * sizeof *c->buffers, sizeof(void *));
  if (c->constants) api->free(host, c->constants, (c->cap_buffers + 1) * sizeof *c->constants, sizeof(void *));
  if (c->addresses) api->free(host, c->addresses, (c->cap_buffers + 1) * sizeof *c->addresses, sizeof(void *));
  api->free(host, c, sizeof *c, sizeof(void *));
}

static edge_status plan(edge_program *p, const edge_partition *partition, uint32_t prepare, edge_context **out) {
  const edge_host_api *const api = p->device->api;
  edge_host *const host = p->device->host;
  const uint32_t n = api->num_nodes(partition);
  edge_context *const c = n <= MAX_NODES ? api->alloc(host, sizeof *c, sizeof(void *)) : NULL;
  edge_status status = EDGE_STATUS_OK;
  (void)prepare;
  *out = NULL;
  if (!c) return n <= MAX_NODES ? EDGE_STATUS_OUT_OF_MEMORY : EDGE_STATUS_BACKEND_REFUSED;
  c->program = p;
  c->n_steps = n;
  c->cap_buffers = 3 * n;
  c->steps = api->alloc(host, (n + 1) * sizeof *c->steps, sizeof(void *));
  c->buffers = api->alloc(host, (3 * n + 1) * sizeof *c->buffers, sizeof(void *));
  c->constants = api->alloc(host, (3 * n + 1) * sizeof *c->constants, sizeof(void *));
  c->addresses = api->alloc(host, (3 * n + 1) * sizeof *c->addresses, sizeof(void *));
  if (!c->steps || !c->buffers || !c->constants || !c->addresses) status = EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < n; ++i) {
    const edge_node *const node = api->get_node(partition, i);
    step *const s = &c->steps[i];
    edge_tensor y;
    s->op = find_op(api->node_op(node));
    const uint32_t operands = table[s->op].binary ? 2 : 1;
    for (uint32_t k = 0; status == EDGE_STATUS_OK && k < operands; ++k)
      status = buffer_of(c, api->node_input(node, k), i, &s->in[k]);
    if (status == EDGE_STATUS_OK) status = buffer_of(c, api->node_output(node, 0), i, &s->out);
    if (status == EDGE_STATUS_OK) status = api->value(partition, api->node_output(node, 0), &y);
    if (status == EDGE_STATUS_OK && !elements(&y, &s->count)) status = EDGE_STATUS_BACKEND_REFUSED;
  }
  if (status != EDGE_STATUS_OK) {
    unplan(c);
    return status;
  }
  *out = c;
  return EDGE_STATUS_OK;
}

static edge_status buffers(edge_context *c, const edge_buffer **out, uint32_t *count) {
  if (fault("memory")) return EDGE_STATUS_BACKEND_REFUSED;
  *out = c->buffers;
  *count = c->n_buffers;
  return EDGE_STATUS_OK;
}

static edge_status bind(edge_context *c, void *const *addresses, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    c->addresses[i] = c->constants[i] ? (void *)(uintptr_t)c->constants[i] : addresses[i];
  return EDGE_STATUS_OK;
}

static edge_status submit(edge_context *c) {
  if (fault("fail")) return EDGE_STATUS_DEVICE_FAILED;
  for (uint32_t i = 0; i < c->n_steps; ++i) {
    const step *const s = &c->steps[i];
    const float *const a = c->addresses[s->in[0]], *const b = c->addresses[s->in[1]];
    float *const y = c->addresses[s->out];
    for (uint64_t k = 0; k < s->count; ++k)
      y[k] = table[s->op].unary ? table[s->op].unary(a[k]) : table[s->op].binary(a[k], b[k]);
  }
  return EDGE_STATUS_OK;
}

static edge_status wait_done(edge_context *c, uint64_t timeout_ns) {
  (void)c, (void)timeout_ns;
  return fault("lost") ? EDGE_STATUS_DEVICE_LOST : fault("timeout") ? EDGE_STATUS_DEVICE_TIMEOUT : EDGE_STATUS_OK;
}

static edge_status describe(edge_context *c, const edge_partition *partition, uint32_t node, edge_description *out) {
  (void)partition;
  if (node >= c->n_steps) return EDGE_STATUS_INVALID_ARGUMENT;
  put_text(out->kernel, sizeof out->kernel, "example_scalar_f32");
  put_text(out->reason, sizeof out->reason, "elementwise f32");
  return EDGE_STATUS_OK;
}

EDGE_API const edge_backend_api *edge_backend_entry(const edge_host_api *api);

const edge_backend_api *edge_backend_entry(const edge_host_api *api) {
  static edge_backend_api table_out = {
    .struct_size = sizeof(edge_backend_api),
    .abi_major = EDGE_BACKEND_ABI_MAJOR,
    .abi_minor = EDGE_BACKEND_ABI_MINOR,
    .name = "example",
    .probe = probe,
    .device_info = device_info,
    .open = open_device,
    .close = close_device,
    .query = query,
    .compile = compile,
    .release = release,
    .plan = plan,
    .unplan = unplan,
    .buffers = buffers,
    .bind = bind,
    .submit = submit,
    .wait = wait_done,
    .describe = describe,
  };
  if (api->abi_major != EDGE_BACKEND_ABI_MAJOR) return NULL;
  table_out.abi_major = fault("version") ? EDGE_BACKEND_ABI_MAJOR + 1 : EDGE_BACKEND_ABI_MAJOR;
  return &table_out;
}
