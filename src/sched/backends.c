/* SPDX-License-Identifier: Apache-2.0
 * The set of backends: rows of backends.def, plug-ins, probing and opening. */
#include "backend.h"
#include "../port/port.h"
#include <edge/custom.h>

#define EDGE_BACKEND(name) extern const edge_backend_api eb_##name##_api;
#include "../../backends/backends.def"
#undef EDGE_BACKEND

static const edge_backend_api *const builtin[] = {
#define EDGE_BACKEND(name) &eb_##name##_api,
#include "../../backends/backends.def"
#undef EDGE_BACKEND
};

void ei_log(const edge_env *env, int32_t level, const char *format, ...) {
  char text[512];
  va_list args;
  if (!env->log || level > env->log_level) return;
  va_start(args, format);
  ei_vformat(text, sizeof text, format, args);
  va_end(args);
  env->log(env->log_user, level, text);
}

/* Everything the core calls without asking must be there. */
static const char *missing_entry(const edge_backend_api *api) {
  if (!EDGE_BACKEND_HAS(api, probe)) return "probe";
  if (!EDGE_BACKEND_HAS(api, device_info)) return "device_info";
  if (!EDGE_BACKEND_HAS(api, open)) return "open";
  if (!EDGE_BACKEND_HAS(api, close)) return "close";
  if (!EDGE_BACKEND_HAS(api, query)) return "query";
  if (!EDGE_BACKEND_HAS(api, compile)) return "compile";
  if (!EDGE_BACKEND_HAS(api, release)) return "release";
  if (!EDGE_BACKEND_HAS(api, plan)) return "plan";
  if (!EDGE_BACKEND_HAS(api, unplan)) return "unplan";
  if (!EDGE_BACKEND_HAS(api, buffers)) return "buffers";
  if (!EDGE_BACKEND_HAS(api, bind)) return "bind";
  if (!EDGE_BACKEND_HAS(api, steps) && !EDGE_BACKEND_HAS(api, submit)) return "steps or submit";
  return NULL;
}

static edge_status open_backend(edge_env *env, const edge_backend_api *api, void *library, edge_error *err) {
  if (env->n_backends == EI_MAX_BACKENDS)
    return ei_fail(err, EDGE_STATUS_LIMIT_EXCEEDED, "more than %d backends", EI_MAX_BACKENDS);
  ei_backend *const b = &env->backends[env->n_backends];
  memset(b, 0, sizeof *b);
  b->api = api;
  b->library = library;
  b->host.env = env;
  b->host.backend = api->name;
  b->info.struct_size = sizeof b->info;
  ei_format(b->info.name, sizeof b->info.name, "%s", api->name);
  b->device_info.struct_size = sizeof b->device_info;
  edge_probe_result probe = { .struct_size = sizeof probe };
  edge_status status = api->probe(&ei_host_api, &b->host, &probe);
  probe.reason[sizeof probe.reason - 1] = 0;
  ei_format(b->info.reason, sizeof b->info.reason, "%s", probe.reason);
  b->info.emulated = probe.emulated;
  if (status == EDGE_STATUS_OK && probe.num_devices) {
    status = api->device_info(&ei_host_api, &b->host, 0, &b->device_info);
    if (status == EDGE_STATUS_OK) status = api->open(&ei_host_api, &b->host, 0, &b->device);
    if (status == EDGE_STATUS_OUT_OF_MEMORY) return ei_fail(err, status, "no memory to open backend %s", api->name);
    if (status != EDGE_STATUS_OK) {
      b->device = NULL;
      ei_format(b->info.reason, sizeof b->info.reason, "device 0 cannot be opened: %s", edge_status_name(status));
    }
  } else if (status != EDGE_STATUS_OK) {
    ei_format(b->info.reason, sizeof b->info.reason, "probe failed: %s", edge_status_name(status));
  }
  b->info.available = b->device != NULL;
  b->info.score = b->device ? probe.score : 0;
  env->n_backends++;
  return EDGE_STATUS_OK;
}

edge_status ei_backends_open(edge_env *env, edge_error *err) {
  for (size_t i = 0; i < EI_COUNT(builtin); ++i) EI_TRY(open_backend(env, builtin[i], NULL, err));
  return EDGE_STATUS_OK;
}

void ei_backends_close(edge_env *env) {
  for (uint32_t i = env->n_backends; i-- > 0;) {
    ei_backend *const b = &env->backends[i];
    if (b->device) b->api->close(b->device);
    if (b->library) ei_port_library_close(b->library);
  }
  env->n_backends = 0;
}

static edge_status load_operators(edge_env *env, void *symbol, edge_error *err) {
  edge_custom_entry_fn entry;
  memcpy(&entry, &symbol, sizeof entry);
  const edge_custom_op *const *const list = entry();
  for (uint32_t i = 0; list && list[i]; ++i) EI_TRY(edge_env_register_op(env, list[i], err));
  return EDGE_STATUS_OK;
}

edge_status ei_backends_load(edge_env *env, const char *path, edge_error *err) {
  void *library = NULL;
  EI_TRY(ei_port_library_open(path, &library, err));
  void *const operators = ei_port_library_symbol(library, EDGE_CUSTOM_ENTRY_NAME);
  if (operators && env->n_libraries == EI_MAX_BACKENDS) {
    ei_port_library_close(library);
    return ei_fail(err, EDGE_STATUS_LIMIT_EXCEEDED, "%s: more than %d plug-ins with operators", path, EI_MAX_BACKENDS);
  }
  if (operators && !ei_port_library_symbol(library, EDGE_BACKEND_ENTRY_NAME)) {
    env->libraries[env->n_libraries++] = library; /* it stays as long as the environment */
    return load_operators(env, operators, err);
  }
  edge_backend_entry_fn entry;
  void *const symbol = ei_port_library_symbol(library, EDGE_BACKEND_ENTRY_NAME);
  edge_status status = EDGE_STATUS_BACKEND_UNAVAILABLE;
  memcpy(&entry, &symbol, sizeof entry); /* object to function pointer: POSIX allows it, ISO C has no cast */
  const edge_backend_api *const api = symbol ? entry(&ei_host_api) : NULL;
  if (!symbol)
    ei_fail(err, status, "%s exports neither %s nor %s: it is no EdgeRT plug-in", path, EDGE_BACKEND_ENTRY_NAME,
            EDGE_CUSTOM_ENTRY_NAME);
  else if (!api)
    ei_fail(err, status, "%s does not work with this library (backend interface %d.%d)", path, EDGE_BACKEND_ABI_MAJOR,
            EDGE_BACKEND_ABI_MINOR);
  else if (api->struct_size < offsetof(edge_backend_api, probe) || api->abi_major != EDGE_BACKEND_ABI_MAJOR)
    ei_fail(err, status,
            "%s implements backend interface %d.%d, this library needs major version %d: rebuild the plug-in", path,
            (int)api->abi_major, (int)api->abi_minor, EDGE_BACKEND_ABI_MAJOR);
  else if (!api->name || !*api->name)
    ei_fail(err, status, "%s gives its backend no name", path);
  else if (missing_entry(api))
    ei_fail(err, status, "%s: backend %s lacks the entry %s", path, api->name, missing_entry(api));
  else
    status = EDGE_STATUS_OK;
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < env->n_backends; ++i)
    if (strcmp(env->backends[i].info.name, api->name) == 0)
      status =
          ei_fail(err, EDGE_STATUS_BACKEND_UNAVAILABLE, "%s: a backend named %s is there already", path, api->name);
  if (status == EDGE_STATUS_OK) status = open_backend(env, api, library, err);
  if (status != EDGE_STATUS_OK) {
    ei_port_library_close(library);
    return status;
  }
  return operators ? load_operators(env, operators, err) : status;
}

static ei_backend *find(edge_env *env, const char *name, size_t length) {
  for (uint32_t i = 0; i < env->n_backends; ++i)
    if (strlen(env->backends[i].info.name) == length && memcmp(env->backends[i].info.name, name, length) == 0)
      return &env->backends[i];
  return NULL;
}

edge_status ei_backends_parse(edge_env *env, const char *list, ei_backend **out, uint32_t *count, edge_error *err) {
  *count = 0;
  for (uint32_t i = 0; !list && i < env->n_backends; ++i)
    if (env->backends[i].device) out[(*count)++] = &env->backends[i];
  for (const char *at = list; at && *at;) {
    const char *const comma = strchr(at, ',');
    const size_t length = comma ? (size_t)(comma - at) : strlen(at);
    ei_backend *const b = find(env, at, length);
    if (!b && length == strlen("xnnpack") && memcmp(at, "xnnpack", length) == 0) {
      ei_log(env, EDGE_LOG_WARNING, "backend xnnpack is not built into this library: skipped");
    } else if (!b) {
      char names[256] = "";
      for (uint32_t i = 0; i < env->n_backends; ++i)
        ei_format(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "",
                  env->backends[i].info.name);
      return ei_fail(err, EDGE_STATUS_NOT_FOUND, "no backend is named '%.*s'; there are: %s", (int)length, at, names);
    } else if (!b->device) {
      ei_log(env, EDGE_LOG_WARNING, "backend %s is not available: %s", b->info.name, b->info.reason);
    } else {
      bool listed = false;
      for (uint32_t i = 0; i < *count; ++i) listed |= out[i] == b;
      if (!listed) out[(*count)++] = b;
    }
    at = comma ? comma + 1 : at + length;
  }
  if (*count == 0)
    return ei_fail(err, EDGE_STATUS_BACKEND_UNAVAILABLE, "none of the backends '%s' is available",
                   list ? list : "(all)");
  return EDGE_STATUS_OK;
}
