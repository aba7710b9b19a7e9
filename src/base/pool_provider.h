/* SPDX-License-Identifier: Apache-2.0
 * pthreadpool seen as an executor: one parallel region per run, its items are the workers. */
#ifndef EI_POOL_PROVIDER_H
#define EI_POOL_PROVIDER_H

#include "base.h"

edge_status ei_pthreadpool_open(uint32_t num_threads, void **provider, edge_executor *out, edge_error *err);
/** NULL is a no-op. */
void ei_pthreadpool_close(void *provider);

#endif
