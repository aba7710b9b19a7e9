/* SPDX-License-Identifier: Apache-2.0
 * pthreadpool as an executor, when it is built in. */
#include "pool_provider.h"

#if defined(EDGE_HAVE_PTHREADPOOL)

#  include <pthreadpool.h>
#  include <stdatomic.h>

/* The job is handed over by atomics, so that race detectors need not look into the library. */
struct ei_pthreadpool {
  pthreadpool_t threads;
  _Atomic(void (*)(void *arg, uint32_t worker)) task;
  _Atomic(void *) arg;
};

static void item(void *context, size_t index) {
  ei_pthreadpool *const p = context;
  void (*const task)(void *, uint32_t) = atomic_load(&p->task);
  task(atomic_load(&p->arg), (uint32_t)index);
}

static void run(void *user, void (*task)(void *arg, uint32_t worker), void *arg, uint32_t num_workers) {
  ei_pthreadpool *const p = user;
  atomic_store(&p->task, task);
  atomic_store(&p->arg, arg);
  pthreadpool_parallelize_1d(p->threads, item, p, num_workers, 0);
}

edge_status ei_pthreadpool_open(ei_alloc *alloc, uint32_t num_threads, ei_pthreadpool **provider, edge_executor *out,
                                edge_error *err) {
  ei_pthreadpool *const p = ei_alloc_get(alloc, sizeof(*p), _Alignof(ei_pthreadpool));
  *provider = NULL;
  if (p == NULL) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory for a thread pool");
  p->threads = pthreadpool_create(num_threads);
  if (p->threads == NULL) {
    ei_alloc_put(alloc, p, sizeof(*p), _Alignof(ei_pthreadpool));
    return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "pthreadpool cannot start %u threads", (unsigned)num_threads);
  }
  *provider = p;
  *out = (edge_executor) { p, num_threads, 0, run };
  return EDGE_STATUS_OK;
}

void ei_pthreadpool_close(ei_alloc *alloc, ei_pthreadpool *provider) {
  if (provider == NULL) return;
  pthreadpool_destroy(provider->threads);
  ei_alloc_put(alloc, provider, sizeof(*provider), _Alignof(ei_pthreadpool));
}

#else

edge_status ei_pthreadpool_open(ei_alloc *alloc, uint32_t num_threads, ei_pthreadpool **provider, edge_executor *out,
                                edge_error *err) {
  (void)alloc, (void)num_threads, (void)out;
  *provider = NULL;
  return ei_fail(err, EDGE_STATUS_BACKEND_UNAVAILABLE,
                 "this build has no pthreadpool: build with EDGE_PTHREADPOOL=ON or use the built-in threads");
}

void ei_pthreadpool_close(ei_alloc *alloc, ei_pthreadpool *provider) {
  (void)alloc, (void)provider;
}

#endif
