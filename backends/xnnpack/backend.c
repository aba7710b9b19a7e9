/* SPDX-License-Identifier: Apache-2.0
 * XNNPACK as a backend: the plug-in table. */
#include "xnn.h"

#include <pthreadpool.h>
#include <string.h>

struct edge_program {
  edge_device *device;
};

typedef struct border {
  uint32_t value;
  uint64_t bytes;
  void *padded; /* inputs: the copy that kernels may read beyond */
} border;

struct edge_context {
  edge_device *device;
  xnn_runtime_t runtime;
  eb_xnnpack_pool *pool; /* NULL: one thread */
  eb_xnnpack_block *kept;
  edge_buffer *buffers;
  border *borders;
  struct xnn_external_value *externals;
  void **addresses;
  uint32_t n_in, n_out;
  int ready;
};

/* XNNPACK's own figures on the machines where it was measured: a share of the CPU's peak. */
static double gflops(uint64_t features) {
  return features & EDGE_CPU_AVX512 ? 130.0 : features & EDGE_CPU_AVX2 ? 55.0 : 10.0;
}
static double gops(uint64_t features) {
  return features & EDGE_CPU_AVX512VNNI ? 350.0
         : features & EDGE_CPU_AVX512   ? 160.0
         : features & EDGE_CPU_AVX2     ? 80.0
                                        : 8.0;
}

static void put_text(char *out, size_t cap, const char *text) {
  const size_t n = strlen(text) < cap - 1 ? strlen(text) : cap - 1;
  memcpy(out, text, n);
  out[n] = 0;
}

static edge_status probe(const edge_host_api *api, edge_host *host, edge_probe_result *out) {
  const int reduced = api->cpu_features(host) == 0;
  /* XNNPACK chooses its kernels by itself, so a cap on the CPU tier cannot be kept: stay away then */
  const enum xnn_status status = reduced ? xnn_status_unsupported_hardware : xnn_initialize(NULL);
  out->num_devices = status == xnn_status_success;
  out->score = out->num_devices ? 50 : 0;
  put_text(out->reason, sizeof out->reason,
           out->num_devices ? "XNNPACK kernels on the CPU"
           : reduced        ? "the CPU tier is capped below what XNNPACK would use"
                            : "XNNPACK does not support this CPU");
  return EDGE_STATUS_OK;
}

static edge_status device_info(const edge_host_api *api, edge_host *host, uint32_t index, edge_device_info *out) {
  if (index) return EDGE_STATUS_INVALID_ARGUMENT;
  put_text(out->name, sizeof out->name, "CPU through XNNPACK");
  out->gflops_f32 = gflops(api->cpu_features(host));
  out->gops_s8 = gops(api->cpu_features(host));
  out->gbytes_per_s = 15.0;
  out->submit_us = 1.0;
  return EDGE_STATUS_OK;
}

static edge_status open_device(const edge_host_api *api, edge_host *host, uint32_t index, edge_device **out) {
  edge_device *const d = index ? NULL : api->alloc(host, sizeof *d, sizeof(void *));
  *out = d;
  if (!d) return index ? EDGE_STATUS_INVALID_ARGUMENT : EDGE_STATUS_OUT_OF_MEMORY;
  d->api = api;
  d->host = host;
  d->pools = NULL;
  atomic_flag_clear(&d->pools_taken);
  return EDGE_STATUS_OK;
}

static void close_device(edge_device *d) {
  d->api->free(d->host, d, sizeof *d, sizeof(void *));
}

static edge_status query(edge_device *d, const edge_partition *graph, const edge_node *node, edge_query *out) {
  double macs, bytes;
  edge_tensor x;
  const char *const why = eb_xnnpack_refusal(d, graph, node, &macs, &bytes);
  out->verdict = why ? EDGE_QUERY_NO : EDGE_QUERY_YES;
  put_text(out->reason, sizeof out->reason, why ? why : "XNNPACK operator");
  if (why) return EDGE_STATUS_OK;
  const uint64_t features = d->api->cpu_features(d->host);
  const int integer =
      d->api->value(graph, d->api->node_input(node, 0), &x) == EDGE_STATUS_OK && x.dtype == EDGE_DTYPE_S8;
  const double rate = (integer ? gops(features) : gflops(features)) * 1e3; /* operations per us */
  /* a runtime of its own for each partition, and its inputs are copied: short operators are not worth it */
  out->cost_us = 1.5 + 2.0 * macs / rate + bytes / 10e3;
  return EDGE_STATUS_OK;
}

static edge_status compile(edge_device *d, const edge_partition *partition, edge_program **out) {
  edge_program *const p = d->api->alloc(d->host, sizeof *p, sizeof(void *));
  (void)partition;
  *out = p;
  if (!p) return EDGE_STATUS_OUT_OF_MEMORY;
  p->device = d;
  return EDGE_STATUS_OK;
}

static void release(edge_program *p) {
  p->device->api->free(p->device->host, p, sizeof *p, sizeof(void *));
}

/* ---- threads: held only while sessions are planned and released, so waiting is short */

static void lock_pools(edge_device *d) {
  while (atomic_flag_test_and_set_explicit(&d->pools_taken, memory_order_acquire)) continue;
}

static void unlock_pools(edge_device *d) {
  atomic_flag_clear_explicit(&d->pools_taken, memory_order_release);
}

static eb_xnnpack_pool *take_pool(edge_device *d, uint32_t num_threads) {
  lock_pools(d);
  eb_xnnpack_pool *p = d->pools;
  while (p && p->num_threads != num_threads) p = p->next;
  if (!p && (p = d->api->alloc(d->host, sizeof *p, sizeof(void *))) != NULL) {
    *p = (eb_xnnpack_pool) { d->pools, pthreadpool_create(num_threads), num_threads, 0 };
    if (p->threads) {
      d->pools = p;
    } else {
      d->api->free(d->host, p, sizeof *p, sizeof(void *));
      p = NULL;
    }
  }
  if (p) p->users++;
  unlock_pools(d);
  return p;
}

static void give_pool(edge_device *d, eb_xnnpack_pool *p) {
  lock_pools(d);
  if (--p->users == 0) {
    eb_xnnpack_pool **at = &d->pools;
    while (*at != p) at = &(*at)->next;
    *at = p->next;
    pthreadpool_destroy(p->threads);
    d->api->free(d->host, p, sizeof *p, sizeof(void *));
  }
  unlock_pools(d);
}

static uint64_t padded_bytes(uint64_t bytes) {
  return bytes + XNN_EXTRA_BYTES + 64;
}

static void unplan(edge_context *c) {
  const edge_host_api *const api = c->device->api;
  edge_host *const host = c->device->host;
  const uint64_t n = (uint64_t)c->n_in + c->n_out + 1;
  if (c->runtime) (void)xnn_delete_runtime(c->runtime);
  if (c->pool) give_pool(c->device, c->pool);
  eb_xnnpack_free_blocks(c->device, c->kept);
  for (uint32_t i = 0; c->borders && i < c->n_in; ++i)
    if (c->borders[i].padded) api->free(host, c->borders[i].padded, padded_bytes(c->borders[i].bytes), 64);
  if (c->buffers) api->free(host, c->buffers, n * sizeof *c->buffers, sizeof(void *));
  if (c->borders) api->free(host, c->borders, n * sizeof *c->borders, sizeof(void *));
  if (c->externals) api->free(host, c->externals, n * sizeof *c->externals, sizeof(void *));
  if (c->addresses) api->free(host, c->addresses, n * sizeof *c->addresses, sizeof(void *));
  api->free(host, c, sizeof *c, sizeof(void *));
}

/* Border values keep the host's memory; everything inside lives in XNNPACK's workspace. */
static edge_status list_borders(edge_context *c, const edge_partition *p) {
  const edge_host_api *const api = c->device->api;
  for (uint32_t i = 0; i < c->n_in + c->n_out; ++i) {
    edge_tensor t;
    border *const b = &c->borders[i];
    b->value = i < c->n_in ? api->get_input(p, i) : api->get_output(p, i - c->n_in);
    const edge_status status = api->value(p, b->value, &t);
    if (status != EDGE_STATUS_OK) return status;
    b->bytes = t.dtype == EDGE_DTYPE_F32 ? 4 : 1;
    for (int32_t d = 0; d < t.rank; ++d) {
      if (t.dims[d] <= 0) return EDGE_STATUS_BACKEND_REFUSED;
      b->bytes *= (uint64_t)t.dims[d];
    }
    c->buffers[i] =
        (edge_buffer) { .value = b->value, .alias = EDGE_NO_VALUE, .share = EDGE_NO_VALUE, .bytes = b->bytes };
  }
  return EDGE_STATUS_OK;
}

static edge_status create_runtime(edge_context *c, const edge_partition *p) {
  const edge_host_api *const api = c->device->api;
  edge_host *const host = c->device->host;
  eb_xnnpack_builder b = { .device = c->device, .partition = p };
  edge_status status = EDGE_STATUS_OK;
  for (uint32_t i = 0; i < api->num_nodes(p); ++i) { /* ids are looked up by value: the table ends at the largest one */
    const edge_node *const n = api->get_node(p, i);
    for (uint32_t k = 0; k < api->node_num_inputs(n); ++k)
      if (api->node_input(n, k) != EDGE_NO_VALUE && api->node_input(n, k) >= b.n_ids)
        b.n_ids = api->node_input(n, k) + 1;
    for (uint32_t k = 0; k < api->node_num_outputs(n); ++k)
      if (api->node_output(n, k) != EDGE_NO_VALUE && api->node_output(n, k) >= b.n_ids)
        b.n_ids = api->node_output(n, k) + 1;
  }
  b.ids = api->alloc(host, (uint64_t)b.n_ids * sizeof *b.ids, sizeof(void *));
  if (!b.ids) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < b.n_ids; ++i) b.ids[i] = XNN_INVALID_VALUE_ID;
  if (xnn_create_subgraph(c->n_in + c->n_out, 0, &b.subgraph) != xnn_status_success) status = EDGE_STATUS_OUT_OF_MEMORY;
  if (status == EDGE_STATUS_OK) status = eb_xnnpack_define(&b);
  if (status == EDGE_STATUS_OK) {
    const enum xnn_status made = xnn_create_runtime_v2(b.subgraph, c->pool ? c->pool->threads : NULL, 0, &c->runtime);
    if (made != xnn_status_success) {
      status = made == xnn_status_out_of_memory ? EDGE_STATUS_OUT_OF_MEMORY : EDGE_STATUS_BACKEND_REFUSED;
      api->fail_text(host, p, NULL, "XNNPACK could not create a runtime");
    }
  }
  if (b.subgraph) (void)xnn_delete_subgraph(b.subgraph);
  eb_xnnpack_free_blocks(c->device, b.temporary);
  c->kept = b.kept;
  api->free(host, b.ids, (uint64_t)b.n_ids * sizeof *b.ids, sizeof(void *));
  return status;
}

static edge_status plan(edge_program *program, const edge_partition *p, uint32_t prepare, edge_context **out) {
  edge_device *const d = program->device;
  const edge_host_api *const api = d->api;
  edge_context *const c = api->alloc(d->host, sizeof *c, sizeof(void *));
  *out = NULL;
  if (!c) return EDGE_STATUS_OUT_OF_MEMORY;
  c->device = d;
  c->n_in = api->num_inputs(p);
  c->n_out = api->num_outputs(p);
  const uint64_t n = (uint64_t)c->n_in + c->n_out + 1;
  c->buffers = api->alloc(d->host, n * sizeof *c->buffers, sizeof(void *));
  c->borders = api->alloc(d->host, n * sizeof *c->borders, sizeof(void *));
  c->externals = api->alloc(d->host, n * sizeof *c->externals, sizeof(void *));
  c->addresses = api->alloc(d->host, n * sizeof *c->addresses, sizeof(void *));
  edge_status status =
      c->buffers && c->borders && c->externals && c->addresses ? EDGE_STATUS_OK : EDGE_STATUS_OUT_OF_MEMORY;
  if (status == EDGE_STATUS_OK) status = list_borders(c, p);
  for (uint32_t i = 0; status == EDGE_STATUS_OK && prepare && i < c->n_in; ++i) {
    c->borders[i].padded = api->alloc(d->host, padded_bytes(c->borders[i].bytes), 64);
    if (!c->borders[i].padded) status = EDGE_STATUS_OUT_OF_MEMORY;
  }
  if (status == EDGE_STATUS_OK && prepare && api->num_threads(p) > 1) {
    c->pool = take_pool(d, api->num_threads(p));
    if (!c->pool) status = EDGE_STATUS_OUT_OF_MEMORY;
  }
  if (status == EDGE_STATUS_OK && prepare) status = create_runtime(c, p);
  if (status != EDGE_STATUS_OK) {
    unplan(c);
    return status;
  }
  *out = c;
  return EDGE_STATUS_OK;
}

static edge_status buffers(edge_context *c, const edge_buffer **out, uint32_t *count) {
  *out = c->buffers;
  *count = c->n_in + c->n_out;
  return EDGE_STATUS_OK;
}

static edge_status bind(edge_context *c, void *const *addresses, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    c->addresses[i] = addresses[i];
    c->externals[i].id = i;
    c->externals[i].data = i < c->n_in ? c->borders[i].padded : addresses[i];
  }
  return xnn_setup_runtime(c->runtime, count, c->externals) == xnn_status_success ? EDGE_STATUS_OK
                                                                                  : EDGE_STATUS_DEVICE_FAILED;
}

static edge_status submit(edge_context *c) {
  for (uint32_t i = 0; i < c->n_in; ++i) memcpy(c->borders[i].padded, c->addresses[i], (size_t)c->borders[i].bytes);
  return xnn_invoke_runtime(c->runtime) == xnn_status_success ? EDGE_STATUS_OK : EDGE_STATUS_DEVICE_FAILED;
}

static edge_status describe(edge_context *c, const edge_partition *partition, uint32_t node, edge_description *out) {
  (void)c;
  put_text(out->kernel, sizeof out->kernel, "xnnpack ");
  put_text(out->kernel + 8, sizeof out->kernel - 8, c->device->api->node_op(c->device->api->get_node(partition, node)));
  put_text(out->reason, sizeof out->reason, "XNNPACK runtime");
  return EDGE_STATUS_OK;
}

extern const edge_backend_api eb_xnnpack_api;
const edge_backend_api eb_xnnpack_api = {
  .struct_size = sizeof(edge_backend_api),
  .abi_major = EDGE_BACKEND_ABI_MAJOR,
  .abi_minor = EDGE_BACKEND_ABI_MINOR,
  .name = "xnnpack",
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
  .describe = describe,
};
