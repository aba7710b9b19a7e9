/* SPDX-License-Identifier: Apache-2.0
 * Backends of an environment: probing, opening, plug-ins; and placement of nodes on them. */
#ifndef EI_BACKEND_H
#define EI_BACKEND_H

#include "../base/base.h"
#include "../graph/graph.h"
#include <edge/backend.h>

enum { EI_MAX_BACKENDS = 16 };

/** The host as one backend sees it. */
struct edge_host {
  edge_env *env;
  const char *backend;
};

typedef struct ei_backend {
  const edge_backend_api *api;
  edge_host host;
  edge_backend_info info;
  edge_device_info device_info;
  edge_device *device; /* NULL: not available */
  void *library;       /* plug-in handle or NULL */
} ei_backend;

struct edge_env {
  ei_alloc *alloc;
  edge_log_fn log;
  void *log_user;
  int32_t log_level;
  int32_t threads; /* EDGE_THREADS_* */
  edge_executor executor;
  bool has_executor;
  uint64_t features; /* EDGE_CPU_* after the cap */
  char *cache_dir;   /* or NULL */
  uint64_t cache_dir_bytes, max_cache_bytes;
  ei_backend backends[EI_MAX_BACKENDS];
  uint32_t n_backends;
  struct ei_custom_op *custom_ops;  /* src/ops/custom.h */
  void *libraries[EI_MAX_BACKENDS]; /* plug-ins that bring operators */
  uint32_t n_libraries;
};

extern const edge_host_api ei_host_api; /* src/exec/host.c */

void ei_log(const edge_env *env, int32_t level, const char *format, ...) EI_PRINTF(3, 4);

/** Probe and open every row of backends.def; an unavailable one stays listed with its reason. */
edge_status ei_backends_open(edge_env *env, edge_error *err);
edge_status ei_backends_load(edge_env *env, const char *path, edge_error *err);
void ei_backends_close(edge_env *env);

/** A comma-separated list of names to a list of backends. Unknown name: NOT_FOUND. Known but absent:
 *  skipped with a warning; none left: BACKEND_UNAVAILABLE. NULL: all that are available. */
edge_status ei_backends_parse(edge_env *env, const char *list, ei_backend **out, uint32_t *count, edge_error *err);

/** Where one node goes, and why not elsewhere. */
typedef struct ei_rejection {
  const char *backend;
  char reason[160];
} ei_rejection;

typedef struct ei_placement {
  ei_backend *backend; /* NULL: core (control flow) or folded */
  double cost_us;
  ei_rejection *rejected;
  uint32_t n_rejected;
  uint32_t barred; /* bit per entry of the allowed list: refused at compile or failed */
  char reason[160];
} ei_placement;

#endif
