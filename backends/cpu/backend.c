/* SPDX-License-Identifier: Apache-2.0
 * The CPU backend as the host sees it. */
#include "cpu.h"

struct edge_device {
  const edge_host_api *host;
  edge_host *env;
};

struct edge_program {
  const edge_host_api *host;
  edge_host *env;
};

static const char *tier_of(uint64_t features) {
  if (features & EDGE_CPU_AVX512VNNI) return features & EDGE_CPU_AVX512BF16 ? "AVX-512 VNNI BF16" : "AVX-512 VNNI";
  if (features & EDGE_CPU_AVX512) return "AVX-512";
  if (features & EDGE_CPU_AVXVNNI) return "AVX2 VNNI";
  if (features & EDGE_CPU_AVX2) return "AVX2 FMA";
  if (features & EDGE_CPU_I8MM) return "NEON i8mm";
  if (features & EDGE_CPU_DOTPROD) return "NEON dot product";
  if (features & EDGE_CPU_NEON) return "NEON";
  return "portable C";
}

static void set_text(char *to, size_t size, const char *head, const char *tail) {
  size_t n = 0;
  for (; *head && n + 1 < size; ++head) to[n++] = *head;
  for (; *tail && n + 1 < size; ++tail) to[n++] = *tail;
  to[n] = '\0';
}

static edge_status probe(const edge_host_api *api, edge_host *host, edge_probe_result *out) {
  out->num_devices = 1;
  out->score = 100;
  out->emulated = 0;
  set_text(out->reason, sizeof out->reason, "CPU kernels: ", tier_of(api->cpu_features(host)));
  return EDGE_STATUS_OK;
}

static edge_status device_info(const edge_host_api *api, edge_host *host, uint32_t index, edge_device_info *out) {
  if (index != 0) return EDGE_STATUS_NOT_FOUND;
  const uint64_t features = api->cpu_features(host);
  out->emulated = 0;
  set_text(out->name, sizeof out->name, "CPU, ", tier_of(features));
  out->gflops_f32 = features & EDGE_CPU_AVX512 ? 200.0
                    : features & EDGE_CPU_AVX2 ? 90.0
                    : features & EDGE_CPU_NEON ? 30.0
                                               : 2.0;
  out->gops_s8 = features & EDGE_CPU_AVX512VNNI ? 700.0
                 : features & EDGE_CPU_AVXVNNI  ? 350.0
                 : features & EDGE_CPU_AVX2     ? 150.0
                 : features & EDGE_CPU_DOTPROD  ? 100.0
                                                : 2.0;
  out->gbytes_per_s = 20.0;
  out->submit_us = 0.2;
  return EDGE_STATUS_OK;
}

static edge_status device_open(const edge_host_api *api, edge_host *host, uint32_t index, edge_device **out) {
  *out = NULL;
  if (index != 0) return EDGE_STATUS_NOT_FOUND;
  edge_device *const d = api->alloc(host, sizeof *d, 64);
  if (d == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *d = (edge_device) { api, host };
  *out = d;
  return EDGE_STATUS_OK;
}

static void device_close(edge_device *device) {
  if (device) device->host->free(device->env, device, sizeof *device, 64);
}

static bool is_control(const char *op) {
  static const char *const names[] = { "If", "Loop", "While", "Scan", "Call", "CallOnce" };
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (strcmp(op, names[i]) == 0) return true;
  }
  return false;
}

static edge_status query(edge_device *device, const edge_partition *graph, const edge_node *node, edge_query *out) {
  const edge_host_api *const host = device->host;
  if (is_control(host->node_op(node))) {
    out->verdict = EDGE_QUERY_NO;
    set_text(out->reason, sizeof out->reason, "control flow is run by the host", "");
    return EDGE_STATUS_OK;
  }
  const uint64_t features = host->cpu_features(device->env);
  out->verdict = EDGE_QUERY_YES;
  out->cost_us = eb_cpu_cost_us(host, graph, node, features);
  set_text(out->reason, sizeof out->reason, tier_of(features), "");
  return EDGE_STATUS_OK;
}

static edge_status compile(edge_device *device, const edge_partition *partition, edge_program **out) {
  (void)partition;
  *out = NULL;
  edge_program *const p = device->host->alloc(device->env, sizeof *p, 64);
  if (p == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *p = (edge_program) { device->host, device->env };
  *out = p;
  return EDGE_STATUS_OK;
}

static void release(edge_program *program) {
  if (program) program->host->free(program->env, program, sizeof *program, 64);
}

/* edge_context is the host's name for eb_cpu_context */
static eb_cpu_context *inner(edge_context *context) {
  return (eb_cpu_context *)(void *)context;
}

static edge_status plan(edge_program *program, const edge_partition *partition, uint32_t prepare, edge_context **out) {
  eb_cpu_context *context = NULL;
  const edge_status status = eb_cpu_plan_run(program->host, program->env, partition, prepare, &context);
  *out = (edge_context *)(void *)context;
  return status;
}

static void unplan(edge_context *context) {
  eb_cpu_context_free(inner(context));
}

static edge_status buffers(edge_context *context, const edge_buffer **out, uint32_t *count) {
  eb_cpu_context_buffers(inner(context), out, count);
  return EDGE_STATUS_OK;
}

static edge_status bind(edge_context *context, void *const *addresses, uint32_t count) {
  return eb_cpu_context_bind(inner(context), addresses, count);
}

static edge_status steps(edge_context *context, const edge_step **out, uint32_t *count) {
  eb_cpu_context_steps(inner(context), out, count);
  return EDGE_STATUS_OK;
}

static edge_status describe(edge_context *context, const edge_partition *partition, uint32_t node,
                            edge_description *out) {
  (void)partition;
  return eb_cpu_context_describe(inner(context), node, out);
}

extern const edge_backend_api eb_cpu_api;
const edge_backend_api eb_cpu_api = {
  .struct_size = sizeof(edge_backend_api),
  .abi_major = EDGE_BACKEND_ABI_MAJOR,
  .abi_minor = EDGE_BACKEND_ABI_MINOR,
  .name = "cpu",
  .probe = probe,
  .device_info = device_info,
  .open = device_open,
  .close = device_close,
  .query = query,
  .compile = compile,
  .release = release,
  .plan = plan,
  .unplan = unplan,
  .buffers = buffers,
  .bind = bind,
  .steps = steps,
  .describe = describe,
};
