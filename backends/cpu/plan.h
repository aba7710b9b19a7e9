/* SPDX-License-Identifier: Apache-2.0
 * Inside of planning: shared by plan.c (building) and partition.c (asking). */
#ifndef EB_CPU_PLAN_H
#define EB_CPU_PLAN_H

#include "cpu.h"

#define EB_CPU_NONE UINT32_MAX

typedef struct eb_cpu_value_info {
  edge_tensor tensor;
  uint32_t producer; /* node or EB_CPU_NONE */
  uint32_t consumer; /* the last reader seen; the only one when uses is 1 */
  uint32_t uses;
  uint32_t storage; /* EB_CPU_NONE until asked for */
  edge_tensor wide; /* the f32 form of a 16-bit value, see promote.c */
  uint32_t wide_storage;
  bool has_wide, needs_stored;
  bool seen, leaves;
} eb_cpu_value_info;

typedef struct eb_cpu_storage {
  uint32_t value;       /* EB_CPU_NONE: scratch */
  uint32_t first, last; /* steps; first EB_CPU_NONE: never used */
  uint32_t inside;      /* storage that contains this one, or EB_CPU_NONE */
  uint64_t inside_offset;
  uint32_t share; /* storage it may take over, or EB_CPU_NONE */
  uint32_t align;
  uint64_t bytes;
  bool crosses;    /* the host gives it its lifetime */
  bool taken;      /* another storage takes it over */
  uint32_t buffer; /* index in the final list */
} eb_cpu_storage;

typedef struct eb_cpu_slot_info {
  void *field;
  uint32_t storage; /* after finish(): buffer index */
  uint64_t offset;
} eb_cpu_slot_info;

typedef struct eb_cpu_note_info {
  const char *kernel, *reason;
  double cost_us;
} eb_cpu_note_info;

typedef struct eb_cpu_vector {
  void *data;
  uint32_t count, capacity, item_bytes;
} eb_cpu_vector;

struct eb_cpu_context {
  const edge_host_api *host;
  edge_host *env;
  const edge_partition *partition;
  struct eb_cpu_chunk *chunks;
  eb_cpu_vector steps;    /* edge_step */
  eb_cpu_vector slots;    /* eb_cpu_slot_info */
  eb_cpu_vector buffers;  /* edge_buffer */
  eb_cpu_vector prepared; /* const void * */
  eb_cpu_note_info *notes;
  uint32_t num_nodes;
};

/* a value that was quantized at run time: the next product that reads it need not do it again */
typedef struct eb_cpu_bytes {
  uint32_t value, units;
  bool symmetric;
  void *state; /* lower_hybrid.c; NULL: none */
  eb_cpu_ref bytes;
} eb_cpu_bytes;

struct eb_cpu_plan {
  const edge_host_api *host;
  edge_host *env;
  const edge_partition *partition;
  eb_cpu_context *context;
  eb_cpu_value_info *values;
  uint32_t num_values, num_nodes;
  bool *done;                    /* per node: lowered or taken */
  bool *wide_node;               /* per node: works on wide forms */
  bool widening;                 /* values are meant in their wide form now */
  uint32_t taken[32], num_taken; /* by the lowering that runs */
  eb_cpu_vector storages;        /* eb_cpu_storage */
  eb_cpu_bytes bytes;            /* the last one made */
  uint64_t features;
  uint32_t prepare;
  edge_status status; /* the first failure of a call that cannot return one */
};

/* promote.c: mark nodes and values after the survey; emit conversions of a node's outputs after it was lowered */
edge_status eb_cpu_promote(eb_cpu_plan *plan);
edge_status eb_cpu_promote_after(eb_cpu_plan *plan, uint32_t node);
/** The f32 form of a 16-bit constant; any non-NULL address while only sizes are planned. */
edge_status eb_cpu_wide_const(eb_cpu_plan *plan, uint32_t value, const void **out);

#endif
