/* SPDX-License-Identifier: Apache-2.0
 * The arena planner: gives every buffer an offset so that buffers alive at the same time never overlap. */
#ifndef EI_PLAN_H
#define EI_PLAN_H

#include "../base/base.h"

typedef struct ei_plan_buffer {
  uint64_t bytes;
  uint32_t first, last; /* positions at which it is alive, inclusive */
  uint32_t align;       /* power of two; 0: 64 */
  uint32_t alias;       /* buffer that contains it, or EI_NONE */
  uint64_t alias_offset;
  bool external;   /* its memory is not in the arena (bound by the caller, state) */
  uint32_t share;  /* buffer whose memory it may take over if that one dies at `first`, or EI_NONE */
  uint32_t block;  /* out: index of the block of memory; buffers with equal blocks share bytes */
  uint64_t offset; /* out: from the arena's start */
} ei_plan_buffer;

typedef struct ei_plan_result {
  uint64_t bytes;       /* arena size */
  uint64_t lower_bound; /* largest sum of (aligned) bytes alive at one position */
} ei_plan_result;

/** Place all buffers. Offsets are a multiple of each buffer's alignment; the arena's base must be aligned to the
 *  largest (at least 64). Uses `temp` for its own tables. INTERNAL: an alias cycle or an alias outside its
 *  container (a bug of a backend). */
edge_status ei_plan_place(ei_plan_buffer *buffers, uint32_t count, ei_arena *temp, ei_plan_result *out,
                          edge_error *err);

#endif
