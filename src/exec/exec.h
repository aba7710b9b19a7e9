/* SPDX-License-Identifier: Apache-2.0
 * Sessions from the inside: instances of subgraphs, partitions, the run list.
 *
 * A session holds one instance per subgraph that it runs. An instance is a subgraph planned for concrete shapes:
 *   views  what inference knows (dims; data for constants and folded values only)
 *   live   the same during a run (dims and addresses of everything that exists)
 * Its nodes are grouped into partitions in execution order. A static partition has known shapes and is planned in
 * the arena; a dynamic one waits for run-time values, is inferred and planned when its turn comes, on the heap. */
#ifndef EI_EXEC_H
#define EI_EXEC_H

#include "../base/pool.h"
#include "../graph/graph.h"
#include "../ops/op.h"
#include "../plan/plan.h"
#include "../port/port.h"
#include "../sched/backend.h"
#include "prepared.h"
#include <edge/import.h>
#include <edge/session.h>

typedef struct ei_instance ei_instance;

struct edge_model {
  edge_env *env;
  atomic_uint refs;
  ei_arena arena; /* the graph */
  ei_graph *graph;
  ei_prepared_store *prepared;
  edge_model_info info;
  ei_port_map map; /* file-mapped models */
  void *owned;     /* bytes read or copied */
  uint64_t owned_bytes;
  edge_image image;       /* importer's image, released at the end */
  edge_segment *segments; /* copy of the image's list */
};

/** A node as backends see it. */
struct edge_node {
  const ei_node *node;
  ei_instance *instance;
  uint32_t index;
};

struct edge_partition {
  ei_instance *instance;
  ei_backend *backend; /* NULL: control flow, run by the core */
  uint32_t *nodes, *inputs, *outputs;
  uint32_t n_nodes, n_inputs, n_outputs;
  bool dynamic;
  edge_program *program;
  edge_context *context;
  const edge_buffer *buffers;
  uint32_t n_buffers;
  void **addresses;
  uint32_t *plan_index; /* plan buffer of each of its buffers */
  const edge_step *steps;
  uint32_t n_steps, position; /* first position on the instance's time line */
  void *heap;                 /* dynamic: memory of scratch buffers */
  uint64_t heap_bytes;
  int64_t *planned_dims; /* dynamic: shapes that the context was planned for */
};

enum { EI_SEG_STEPS, EI_SEG_SUBMIT, EI_SEG_CONTROL, EI_SEG_DYNAMIC };
typedef struct ei_segment {
  uint32_t kind;
  uint32_t first_part, n_parts;
  edge_step *steps; /* EI_SEG_STEPS: steps of all its partitions in one list */
  uint64_t *step_ns;
  ei_pool_history history;
  uint32_t n_steps;
} ei_segment;

/** Storage of a tensor that lives outside the arena. */
typedef struct ei_heap_value {
  void *data;
  uint64_t cap;
} ei_heap_value;

enum { EI_RECENT_PLANS = 4 };
typedef struct ei_recent_plan ei_recent_plan;

struct ei_instance {
  edge_session *session;
  const ei_subgraph *sg;
  uint32_t subgraph;
  bool planned, sizes_only;
  bool bound;    /* addresses in steps are current */
  ei_arena mem;  /* everything below; thrown away by the next plan */
  ei_arena fold; /* values computed while planning */
  ei_arena run;  /* values computed while running; emptied at the start of a run */
  edge_tensor *views, *live;
  edge_node *nodes;
  uint8_t *pending, *folded; /* per node */
  ei_placement *placements;  /* per node */
  uint64_t *node_ns;
  edge_partition *parts;
  uint32_t n_parts;
  edge_partition whole; /* all nodes: what query sees */
  uint32_t *uses;       /* consumers of each tensor, + 1 << 30 for graph outputs */
  uint32_t *part_of;    /* node -> partition */
  ei_segment *segments;
  uint32_t n_segments;
  ei_plan_buffer *plan; /* tensors first (index = tensor), then private buffers of partitions */
  uint32_t n_plan;
  ei_plan_result plan_result;
  void **external;     /* per tensor: address bound from outside, or NULL */
  ei_heap_value *heap; /* per tensor; survives plans */
  uint32_t n_heap;
  void *arena; /* of all plans, as large as the largest needed */
  uint64_t arena_bytes;
  bool arena_owned;
  ei_recent_plan *recent; /* EI_RECENT_PLANS plans for other input shapes */
  bool has_dynamic;
  int64_t (*input_dims)[EDGE_MAX_RANK]; /* requested shapes */
  int32_t *input_rank;
  const void **input_value;           /* constant value of an input, known while planning (control flow) */
  int64_t (*max_dims)[EDGE_MAX_RANK]; /* largest shapes that the caller will ask for */
  int32_t *max_rank;                  /* EI_RANK_UNKNOWN: not said */
  bool reserve;                       /* the next plan begins with one for the largest shapes */
};

typedef struct ei_state_buffer {
  void *working, *committed;
  uint64_t bytes;
} ei_state_buffer;

enum { EI_MAX_EVENTS = 16 };

/** The thread that runs a session for edge_session_run_async(), started by the first call. */
enum { EI_ASYNC_QUIT = 1, EI_ASYNC_ONE = 2 };
typedef struct ei_async {
  ei_port_thread thread;
  bool started;
  atomic_uint requests; /* bit 0: the thread is to end; above: requests. The thread sleeps until it changes */
  atomic_uint served;   /* the same without bit 0, after the callback; waiters sleep until it changes */
  atomic_int status;    /* of the last run served */
  edge_session_callback callback;
  void *user;
} ei_async;

struct edge_session {
  edge_env *env;
  edge_model *model;
  edge_session_options options;
  ei_pool *pool;
  ei_async async;
  atomic_flag busy;
  atomic_bool cancel;
  atomic_flag error_taken; /* first failing tile of a run writes the error */
  edge_error error;
  ei_instance **instances; /* per subgraph */
  ei_instance *main;
  ei_state_buffer *states;
  ei_backend *allowed[EI_MAX_BACKENDS];
  uint32_t n_allowed, quarantined; /* bit per allowed backend */
  ei_arena mem;
  edge_event events[EI_MAX_EVENTS];
  uint32_t n_events, first_event;
  uint64_t dynamic_bytes; /* heap in use for run-time shapes */
  void **bound_inputs, **bound_outputs;
  uint64_t *bound_input_bytes, *bound_output_bytes;
  void *staging; /* outputs that cannot be copied one after the other */
  uint64_t staging_bytes;
  ei_backend *failed_backend; /* set when a device failed in the current run */
  uint32_t failed_node;
  bool golden_checked;
  ei_hash identity; /* of the model, when has_identity */
  bool has_identity;
  bool once_running, once_done; /* CallOnce ran in this run; in a run that succeeded since the last state reset */
};

/* ---- instance.c, partition.c, arena.c: planning */
edge_status ei_instance_create(edge_session *s, uint32_t subgraph, ei_instance **out);
void ei_instance_destroy(ei_instance *in);
/** Plan for the requested input shapes; a no-op when planned. sizes_only: nothing is packed or allocated. */
edge_status ei_instance_plan(ei_instance *in, bool sizes_only);
/** Throw the current plan away; the arena stays. */
void ei_instance_unplan(ei_instance *in);
/** Throw the plans for other shapes away. */
void ei_instance_drop_recent(ei_instance *in);
/** Bytes that plans for other shapes hold. */
uint64_t ei_instance_recent_bytes(const ei_instance *in);
/** Request an input shape (rank < 0: the model's own) or value. When something changed the plan is put aside, and
 *  taken back if its shapes return soon: then nothing is allocated. */
void ei_instance_set_input(ei_instance *in, uint32_t index, const edge_tensor *shape, const void *constant);
/** No shape of this input will be larger (rank < 0: nothing is said). The next plan makes room for the largest ones. */
void ei_instance_set_max(ei_instance *in, uint32_t index, const int64_t *dims, int32_t rank);
/** Recompute addresses after `external` changed. */
edge_status ei_instance_bind(ei_instance *in);
edge_status ei_plan_memory(ei_instance *in);
edge_status ei_place_nodes(ei_instance *in);
edge_status ei_partition_nodes(ei_instance *in);
edge_status ei_part_compile(edge_partition *p, bool sizes_only);
void ei_part_release(edge_partition *p);
/** Shapes of a control-flow node's outputs as far as they can be known before running it. */
edge_status ei_infer_control(ei_instance *in, uint32_t node, bool *pending);

/* ---- run.c, control.c, dynamic.c: running */
edge_status ei_instance_run(ei_instance *in);
edge_status ei_run_control_node(ei_instance *in, uint32_t node);
edge_status ei_run_dynamic(edge_partition *p);
edge_status ei_run_submit(edge_partition *p);
/** Was the run cancelled, or its deadline over? Then that is the session's error. */
bool ei_session_stopped(edge_session *s, edge_status status);
/** Make room for a value whose shape (in live) is known now; live[t].data is set. */
edge_status ei_heap_value_get(ei_instance *in, uint32_t tensor);

/* ---- session_state.c */
edge_status ei_states_create(edge_session *s);
void ei_states_commit(edge_session *s);
void ei_states_restore(edge_session *s);
void ei_states_reset(edge_session *s);

/* ---- state_file.c: state as bytes */
uint64_t ei_states_file_bytes(const edge_session *s);
void ei_states_write(edge_session *s, void *out);
/** Nothing changes unless everything in the bytes is right. */
edge_status ei_states_read(edge_session *s, const void *bytes, uint64_t n_bytes);
edge_status ei_states_clone(edge_session *to, edge_session *from);
/** Of the session's model; computed once. */
ei_hash ei_session_identity(edge_session *s);

/* ---- run.c */
/** Cancels what runs, of another thread or asynchronously, and waits for it. */
void ei_session_halt(edge_session *s);

/* ---- session.c: one thread at a time; false: another one is there. Taking forgets the last error. */
bool ei_session_take(edge_session *s);
edge_status ei_session_give(edge_session *s, edge_status status);

/* ---- session_state.c */
/** After a device failure: quarantine it and plan again; OK means "run again". */
edge_status ei_session_rescue(edge_session *s, edge_status cause);

/* ---- golden.c */
/** Once per session: run the model's golden vectors if a device has nodes; quarantine devices that answer wrongly. */
edge_status ei_session_check_golden(edge_session *s);

/* ---- binding.c: the caller's memory as inputs and outputs */
/** Plan when needed, and let outputs be written where the caller wants them. */
edge_status ei_session_prepare(edge_session *s);
/** After a run that succeeded: outputs that were not written in place go to the caller's memory, all or none. */
edge_status ei_session_copy_outputs(edge_session *s);

/* ---- errors of a session */
edge_status ei_session_fail(edge_session *s, edge_status status, const char *format, ...) EI_PRINTF(3, 4);
void ei_session_event(edge_session *s, edge_status cause, uint32_t node, const char *backend, const char *format, ...)
    EI_PRINTF(5, 6);

#endif
