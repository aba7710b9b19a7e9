/* SPDX-License-Identifier: Apache-2.0
 * Public calls on environments. */
#include "../base/pool.h"
#include "../ops/custom.h"
#include "../port/port.h"
#include "../sched/backend.h"

edge_status edge_env_create(const edge_env_options *options, edge_env **out, edge_error *error) {
  edge_env_options o = EDGE_ENV_OPTIONS_INIT;
  uint64_t mask = UINT64_MAX;
  ei_alloc *alloc = NULL;
  if (!out) return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "edge_env_create: out is NULL");
  *out = NULL;
  if (options) {
    if (options->struct_size < offsetof(edge_env_options, allocator) || options->struct_size > 4096)
      return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT,
                     "edge_env_create: options.struct_size is not set, use EDGE_ENV_OPTIONS_INIT");
    memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
  }
  if (o.flags) return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "edge_env_create: unknown flags 0x%x", o.flags);
  if (o.isa_cap && !ei_cpu_cap(o.isa_cap, &mask))
    return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "'%s' is no CPU tier of this architecture", o.isa_cap);
  if (o.threads == EDGE_THREADS_HOST && (!o.executor || !o.executor->run || !o.executor->num_workers))
    return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "edge_env_create: EDGE_THREADS_HOST needs an executor");
  const edge_status made = ei_alloc_create(o.allocator, o.max_bytes, &alloc);
  if (made != EDGE_STATUS_OK)
    return ei_fail(error, made, "no memory for an environment, or the target needs a caller's allocator");
  edge_env *const env = ei_alloc_get(alloc, sizeof *env, _Alignof(edge_env));
  if (!env) {
    ei_alloc_destroy(alloc);
    return ei_fail(error, EDGE_STATUS_OUT_OF_MEMORY, "no memory for an environment");
  }
  env->alloc = alloc;
  env->log = o.log;
  env->log_user = o.log_user;
  env->log_level = o.log_level ? o.log_level : EDGE_LOG_WARNING;
  env->threads = o.threads;
  env->has_executor = o.executor != NULL;
  if (o.executor) env->executor = *o.executor;
  env->features = ei_cpu_features() & mask;
  env->max_cache_bytes = o.max_cache_bytes ? o.max_cache_bytes : (uint64_t)1 << 30;
  edge_status status = EDGE_STATUS_OK;
  if (o.cache_dir && *o.cache_dir) {
    env->cache_dir_bytes = strlen(o.cache_dir) + 1;
    env->cache_dir = ei_alloc_get(alloc, env->cache_dir_bytes, 1);
    if (!env->cache_dir) status = ei_fail(error, EDGE_STATUS_OUT_OF_MEMORY, "no memory for an environment");
    if (env->cache_dir) memcpy(env->cache_dir, o.cache_dir, (size_t)env->cache_dir_bytes);
  }
  if (status == EDGE_STATUS_OK) status = ei_backends_open(env, error);
  if (status != EDGE_STATUS_OK) {
    edge_env_destroy(env);
    return status;
  }
  *out = env;
  return EDGE_STATUS_OK;
}

void edge_env_destroy(edge_env *env) {
  if (!env) return;
  ei_alloc *const alloc = env->alloc;
  ei_backends_close(env);
  ei_custom_free(alloc, env->custom_ops);
  for (uint32_t i = 0; i < env->n_libraries; ++i) ei_port_library_close(env->libraries[i]);
  if (env->cache_dir) ei_alloc_put(alloc, env->cache_dir, env->cache_dir_bytes, 1);
  ei_alloc_put(alloc, env, sizeof *env, _Alignof(edge_env));
  ei_alloc_destroy(alloc);
}

void edge_env_memory(const edge_env *env, uint64_t *live_bytes, uint64_t *peak_bytes) {
  uint64_t live = 0, peak = 0;
  if (env) ei_alloc_stats(env->alloc, &live, &peak);
  if (live_bytes) *live_bytes = live;
  if (peak_bytes) *peak_bytes = peak;
}

edge_status edge_env_load_plugin(edge_env *env, const char *path, edge_error *error) {
  if (!env || !path) return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "edge_env_load_plugin: env or path is NULL");
  return ei_backends_load(env, path, error);
}

edge_status edge_env_register_op(edge_env *env, const edge_custom_op *op, edge_error *error) {
  edge_custom_op copy = EDGE_CUSTOM_OP_INIT;
  if (!env || !op) return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "edge_env_register_op: env or op is NULL");
  if (op->struct_size < offsetof(edge_custom_op, run) + sizeof op->run || op->struct_size > 4096)
    return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT,
                   "edge_env_register_op: struct_size is not set, use EDGE_CUSTOM_OP_INIT");
  memcpy(&copy, op, op->struct_size < sizeof copy ? op->struct_size : sizeof copy);
  return ei_custom_add(env->alloc, &env->custom_ops, &copy, error);
}

uint32_t edge_env_num_backends(const edge_env *env) {
  return env ? env->n_backends : 0;
}

edge_status edge_env_get_backend(const edge_env *env, uint32_t index, edge_backend_info *out) {
  if (!env || !out || index >= env->n_backends || out->struct_size < sizeof(uint32_t))
    return EDGE_STATUS_INVALID_ARGUMENT;
  const uint32_t size = out->struct_size;
  memcpy(out, &env->backends[index].info, size < sizeof *out ? size : sizeof *out);
  out->struct_size = size;
  return EDGE_STATUS_OK;
}

const char *edge_env_isa_name(const edge_env *env) {
  return ei_cpu_tier(env ? env->features : ei_cpu_features());
}
