/* SPDX-License-Identifier: Apache-2.0
 * Threads: one fork/join for a whole run list; tiles are claimed, workers are never waited for. */
#ifndef EI_POOL_H
#define EI_POOL_H

#include "base.h"
#include <edge/backend.h>
#include <stdatomic.h>

typedef struct ei_pool ei_pool;

typedef struct ei_pool_mean {
  uint64_t ns;
  uint32_t runs;
} ei_pool_mean;

/** What the runs of one run list took, with helpers and without: zero it, keep it with the list, and the pool leaves
 *  the helpers out while they make runs longer. */
typedef struct ei_pool_history {
  ei_pool_mean shared, alone;
  uint64_t alone_ns;   /* how long it works alone when company was slower the next time */
  uint32_t alone_left; /* runs still to do alone */
  bool warm;
} ei_pool_history;

/** How a run can be stopped and observed. All fields are owned by the caller. */
typedef struct ei_run_control {
  const atomic_bool *cancel; /* may be NULL */
  uint64_t deadline_ns;      /* absolute, ei_clock_ns(); 0: none */
  uint64_t *step_ns;         /* per step times, or NULL: not recorded */
  ei_pool_history *history;  /* or NULL: helpers take part always */
  uint32_t failed_step;      /* out: step of the first failure */
} ei_run_control;

/** kind: EDGE_THREADS_*. num_threads counts the caller; 0: one per physical core. Helpers start
 *  lazily at the first run that can use them. */
edge_status ei_pool_create(ei_alloc *alloc, int32_t kind, const edge_executor *executor, uint32_t num_threads,
                           ei_pool **out, edge_error *err);
void ei_pool_destroy(ei_pool *pool);
/** Start the helpers now if this run list can use them, so that its runs create no thread. Failing to start some is
 *  not an error. */
void ei_pool_start(ei_pool *pool, const edge_step *steps, uint32_t num_steps);
uint32_t ei_pool_threads(const ei_pool *pool);
/** Steps with one tile or an estimate below 3 us stay on the caller; cost_ns 0 means unknown, worth sharing.
 *  Execute a run list; the calling thread takes part as worker 0 and can always finish alone.
 *  Returns the first failing tile's status, CANCELLED, DEADLINE_EXCEEDED or OK. Never allocates. */
edge_status ei_pool_run(ei_pool *pool, const edge_step *steps, uint32_t num_steps, ei_run_control *control);

/* ---- the machine (src/base/cpu_*.c, src/port) */
uint64_t ei_cpu_features(void); /* EDGE_CPU_*; probed once */
/** Mask for a tier name; false when the name is unknown or belongs to another architecture. */
bool ei_cpu_cap(const char *name, uint64_t *mask);
const char *ei_cpu_tier(uint64_t features); /* highest tier name in a mask */
uint32_t ei_cpu_cores(void);                /* physical cores usable by this process */
uint32_t ei_cpu_threads(void);              /* hardware threads usable by this process, at least ei_cpu_cores() */
uint32_t ei_cpu_cache_bytes(uint32_t level);
uint64_t ei_clock_ns(void);

#endif
