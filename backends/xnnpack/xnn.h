/* SPDX-License-Identifier: Apache-2.0
 * Inside the XNNPACK backend: from nodes of a partition to a subgraph. */
#ifndef EB_XNNPACK_H
#define EB_XNNPACK_H

#include <edge/backend.h>
#include <stdatomic.h>
#include <xnnpack.h>

/** Threads for the runtimes of one number of threads. Each pool of its own would keep threads spinning after its work
 *  and take the cores from the next one's. */
typedef struct eb_xnnpack_pool {
  struct eb_xnnpack_pool *next;
  struct pthreadpool *threads;
  uint32_t num_threads, users;
} eb_xnnpack_pool;

struct edge_device {
  const edge_host_api *api;
  edge_host *host;
  atomic_flag pools_taken;
  eb_xnnpack_pool *pools;
};

/** Why a node does not run on XNNPACK, or NULL when it does. *macs and *bytes are for the cost estimate. */
const char *eb_xnnpack_refusal(const edge_device *d, const edge_partition *graph, const edge_node *node, double *macs,
                               double *bytes);

/** Memory that has to live as long as the runtime (padded constants) or until it is created (transposed filters). */
typedef struct eb_xnnpack_block {
  struct eb_xnnpack_block *next;
  uint64_t bytes;
} eb_xnnpack_block;

typedef struct eb_xnnpack_builder {
  const edge_device *device;
  const edge_partition *partition;
  xnn_subgraph_t subgraph;
  uint32_t *ids; /* value -> XNNPACK id, XNN_INVALID_VALUE_ID when not defined */
  uint32_t n_ids;
  eb_xnnpack_block *kept;      /* freed with the context */
  eb_xnnpack_block *temporary; /* freed when the runtime exists */
} eb_xnnpack_builder;

/** Define border values as external (inputs first, then outputs) and all nodes. */
edge_status eb_xnnpack_define(eb_xnnpack_builder *b);
void eb_xnnpack_free_blocks(const edge_device *d, eb_xnnpack_block *list);

#endif
