/* SPDX-License-Identifier: Apache-2.0
 * pthreadpool as an executor, when it is built in. */
#include "pool_provider.h"

#if defined(EDGE_HAVE_PTHREADPOOL)

#  include <pthreadpool.h>

typedef struct job {
  void (*task)(void *arg, uint32_t worker);
  void *arg;
} job;

static void item(void *context, size_t index) {
  const job *const j = context;
  j->task(j->arg, (uint32_t)index);
}

static void run(void *user, void (*task)(void *arg, uint32_t worker), void *arg, uint32_t num_workers) {
  job j = { task, arg };
  pthreadpool_parallelize_1d((pthreadpool_t)user, item, &j, num_workers, 0);
}

edge_status ei_pthreadpool_open(uint32_t num_threads, void **provider, edge_executor *out, edge_error *err) {
  *provider = pthreadpool_create(num_threads);
  if (*provider == NULL)
    return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "pthreadpool cannot start %u threads", (unsigned)num_threads);
  *out = (edge_executor) { *provider, num_threads, 0, run };
  return EDGE_STATUS_OK;
}

void ei_pthreadpool_close(void *provider) {
  if (provider != NULL) pthreadpool_destroy((pthreadpool_t)provider);
}

#else

edge_status ei_pthreadpool_open(uint32_t num_threads, void **provider, edge_executor *out, edge_error *err) {
  (void)num_threads, (void)out;
  *provider = NULL;
  return ei_fail(err, EDGE_STATUS_BACKEND_UNAVAILABLE,
                 "this build has no pthreadpool: build with EDGE_PTHREADPOOL=ON or use the built-in threads");
}

void ei_pthreadpool_close(void *provider) {
  (void)provider;
}

#endif
