/* SPDX-License-Identifier: Apache-2.0
 * pthreadpool seen as an executor: one parallel region per run, its items are the workers. */
#ifndef EI_POOL_PROVIDER_H
#define EI_POOL_PROVIDER_H

#include "base.h"

typedef struct ei_pthreadpool ei_pthreadpool;

edge_status ei_pthreadpool_open(ei_alloc *alloc, uint32_t num_threads, ei_pthreadpool **provider, edge_executor *out,
                                edge_error *err);
/** NULL is a no-op. */
void ei_pthreadpool_close(ei_alloc *alloc, ei_pthreadpool *provider);

#endif
