/* SPDX-License-Identifier: Apache-2.0
 * Sessions: one model made ready to run. A session belongs to one thread at a time; a second thread
 * that calls it meanwhile gets EDGE_STATUS_BUSY. */
#ifndef EDGE_SESSION_H
#define EDGE_SESSION_H

#include <edge/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct edge_session edge_session;

enum {
  EDGE_SESSION_STRICT = 1u << 0,       /* no fallback: a refusal or device failure is an error */
  EDGE_SESSION_PREFER = 1u << 1,       /* first listed backend that accepts a node gets it */
  EDGE_SESSION_PROFILE = 1u << 2,      /* record per-node times */
  EDGE_SESSION_FAST_MATH = 1u << 3,    /* reduced-precision products allowed */
  EDGE_SESSION_REPRODUCIBLE = 1u << 4, /* same bits on every CPU tier and thread count */
  EDGE_SESSION_OVERSUBSCRIBE = 1u << 5 /* num_threads threads even where the process may use fewer CPUs (slower) */
};

typedef struct edge_session_options {
  uint32_t struct_size;
  uint32_t flags;       /* EDGE_SESSION_*; an unknown bit is INVALID_ARGUMENT */
  const char *entry;    /* NULL: the first entry point */
  const char *backends; /* comma-separated allowed backends in order; NULL: all */
  int32_t num_threads;  /* 0: one per physical core; default 1; at most as many as the process may use CPUs */
  uint32_t reserved0;
  void *arena;                /* [borrow: session] caller's memory for activations, or NULL */
  uint64_t arena_bytes;       /* size of arena; too small is LIMIT_EXCEEDED naming the need */
  uint64_t max_dynamic_bytes; /* heap for shapes that appear at run time; 0: 1 GiB */
  uint64_t max_loop_trips;    /* per loop; 0: 1,000,000,000 */
  uint64_t deadline_ns;       /* absolute, edge_session_clock_ns(); 0: none; covers create and runs */
} edge_session_options;

#define EDGE_SESSION_OPTIONS_INIT \
  { (uint32_t)sizeof(edge_session_options), 0u, NULL, NULL, 1, 0u, NULL, 0u, 0u, 0u, 0u }

/** Make a session. Shapes fixed by the model are planned now; a model with dynamic inputs is planned by
 *  edge_session_prepare() or the first run after edge_session_resize_input().
 *  @param model [borrow: session] it is retained.  @param options NULL: defaults
 *  @param out [own] NULL on failure; free with edge_session_destroy()
 *  @return OK, INVALID_ARGUMENT, NOT_FOUND (entry, backend), OUT_OF_MEMORY, LIMIT_EXCEEDED,
 *  UNSUPPORTED_OP, UNSUPPORTED_TYPE, INVALID_VALUE, BACKEND_*. [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_create(edge_model *model, const edge_session_options *options,
                                                        edge_session **out, edge_error *error);

/** NULL is a no-op. A run that is under way, asynchronous or of another thread, is cancelled and waited for; its
 * callback gets CANCELLED. No other call may be under way or follow. [one-thread-per-handle] @since 0.1 */
EDGE_API void edge_session_destroy(edge_session *session);

/** Memory of a session. */
typedef struct edge_session_memory {
  uint32_t struct_size;
  uint32_t dynamic;                 /* 1: some shapes appear at run time; a heap is used in runs */
  uint64_t arena_bytes;             /* planned arena, scratch included */
  uint64_t arena_lower_bound_bytes; /* largest sum of buffers alive at one step */
  uint64_t persistent_bytes;        /* session, plan, run list, state */
  uint64_t prepared_bytes;          /* packed weights, shared between sessions of a model */
} edge_session_memory;
#define EDGE_SESSION_MEMORY_INIT \
  { (uint32_t)sizeof(edge_session_memory), 0u, 0u, 0u, 0u, 0u }

/** What a session with these options would need, without allocating an arena or packing weights.
 *  @param input_shapes optional: rank and dims of each input in order (dims < 0 or rank < 0: the
 *  model's own, open dimensions taken as 1); num_shapes may be smaller than the number of inputs.
 *  Errors as edge_session_create(). [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_query_memory(edge_model *model, const edge_session_options *options,
                                                              const edge_tensor *input_shapes, uint32_t num_shapes,
                                                              edge_session_memory *out, edge_error *error);

/** Memory of this session as it is planned now. [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_get_memory(edge_session *session, edge_session_memory *out);

/** Inputs and outputs of the session's entry point. After planning all dims are known (outputs whose
 *  shape appears at run time: after the run); data points at the current storage.
 *  [one-thread-per-handle] @since 0.1 */
EDGE_API uint32_t edge_session_num_inputs(const edge_session *session);
EDGE_API uint32_t edge_session_num_outputs(const edge_session *session);
EDGE_NODISCARD EDGE_API edge_status edge_session_get_input(edge_session *session, uint32_t index, edge_tensor *out);
EDGE_NODISCARD EDGE_API edge_status edge_session_get_output(edge_session *session, uint32_t index, edge_tensor *out);

/** Set the shape of an input. Fixed dimensions must agree; dimensions with one symbol must agree with
 *  each other when the session is planned. The plans of the last four shapes are kept, so returning to one of
 *  them allocates nothing; contents of inputs are lost. Memory that was bound must be large enough for the new
 *  shapes, or the next call that plans returns SHAPE_MISMATCH: bind again.
 *  @return OK, INVALID_ARGUMENT, SHAPE_MISMATCH, LIMIT_EXCEEDED (beyond edge_session_set_max_shape()), BUSY.
 *  [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_resize_input(edge_session *session, uint32_t index,
                                                              const int64_t *dims, int32_t rank);

/** Say how large an input can become. The next call that plans takes the memory of the largest shapes once, and packs
 *  the weights; a later resize within them finds both, so that memory for activations is never moved or taken again
 *  (unless a kernel chosen for a smaller shape needs more scratch than the largest one had), and a model that would not
 *  fit says so at the start. A shape beyond the maximum is an error of edge_session_resize_input().
 *
 *      edge_session_set_max_shape(s, 0, (int64_t[]){ 1, 640, 640, 3 }, 4);
 *      edge_session_resize_input(s, 0, (int64_t[]){ 1, 320, 480, 3 }, 4);
 *      status = edge_session_prepare(s);
 *
 *  Say it for all inputs that can change; dimensions with one symbol need one maximum. Contents of inputs are lost.
 *  @param rank -1: no maximum any more
 *  @return OK, INVALID_ARGUMENT, SHAPE_MISMATCH (rank, a dimension that the model fixes), LIMIT_EXCEEDED (the current
 *  shape is larger), BUSY. [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_set_max_shape(edge_session *session, uint32_t index,
                                                               const int64_t *dims, int32_t rank);

/** Plan for the current shapes; edge_session_run() then allocates nothing. A no-op when planned.
 *  Errors as edge_session_create(). [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_prepare(edge_session *session);

/** Copy data into an input, or out of an output. bytes must equal the tensor's size.
 *  @return OK, INVALID_ARGUMENT, SHAPE_MISMATCH (wrong size), INVALID_STATE, BUSY and, as the call
 *  plans when needed, the errors of edge_session_prepare(). [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_set_input(edge_session *session, uint32_t index, const void *data,
                                                           uint64_t bytes);
EDGE_NODISCARD EDGE_API edge_status edge_session_copy_output(edge_session *session, uint32_t index, void *data,
                                                             uint64_t bytes);

/** Use the caller's memory in place (zero copy) from the next run on; NULL goes back to the session's own.
 *  An output may have the memory of an input that it becomes in the next run, in whole or in part:
 *
 *      edge_session_bind_input(s, 1, state, sizeof state);
 *      edge_session_bind_output(s, 1, state, sizeof state);
 *      while (more()) { fill_input(); status = edge_session_run(s); }
 *
 *  Such an output is made aside and copied when the run has succeeded, so that a run that fails or is cancelled leaves
 *  the input as it was. Of outputs that overlap each other the later one wins. An output that shares its memory with
 *  nothing is written during the run; what it holds after a run that failed is not defined.
 *  @param data [borrow: until rebound or destroyed] 64-byte aligned, not memory of the session
 *  @return OK, INVALID_ARGUMENT (alignment, the session's memory), SHAPE_MISMATCH (too small), BUSY and, as the call
 *  plans when needed, the errors of edge_session_prepare(). [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_bind_input(edge_session *session, uint32_t index, void *data,
                                                            uint64_t bytes);
EDGE_NODISCARD EDGE_API edge_status edge_session_bind_output(edge_session *session, uint32_t index, void *data,
                                                             uint64_t bytes);

/** Run the entry point once. Allocates nothing once prepared (models with run-time shapes excepted).
 *  State tensors are committed when the run succeeds; after a failure they are as before.
 *  @return OK, BUSY, INVALID_VALUE (a value broke an operator's rule), CANCELLED, DEADLINE_EXCEEDED,
 *  LIMIT_EXCEEDED, OUT_OF_MEMORY, DEVICE_*, STATE_LOST and, when not prepared, the errors of
 *  edge_session_prepare(). [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_run(edge_session *session);

/** Called when an asynchronous run is over, on the session's own thread. The session is not BUSY any more: outputs may
 * be read, inputs filled, the next run asked for. It must not wait for the session or destroy it. */
typedef void (*edge_session_callback)(void *user, edge_session *session, edge_status status);

/** Start a run on a thread that belongs to the session (made by the first call, asleep between runs) and return. Until
 *  it is over every other call on the session but edge_session_cancel() and edge_session_wait() answers BUSY.
 *
 *      status = edge_session_run_async(s, NULL, NULL);
 *      while ((status = edge_session_wait(s, 0)) == EDGE_STATUS_BUSY) draw_a_frame();
 *
 *  @param callback NULL: none.  @param user handed to the callback
 *  @return OK (the run will end and be reported), INVALID_ARGUMENT, BUSY, INVALID_STATE (being destroyed),
 *  OUT_OF_MEMORY (no thread), UNSUPPORTED_FEATURE (targets without threads). [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_run_async(edge_session *session, edge_session_callback callback,
                                                           void *user);

/** Wait until the asynchronous runs that were asked for are over and their callbacks have returned.
 *  @param timeout_ns 0: only look; UINT64_MAX: for ever
 *  @return what edge_session_run() would have returned; BUSY: not over yet; INVALID_STATE: there was no asynchronous
 *  run; INVALID_ARGUMENT. [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_wait(edge_session *session, uint64_t timeout_ns);

/** Ask a running session to stop at the next tile: the run ends with CANCELLED, and the session is as after the last
 *  run that was finished. The flag is cleared when a run starts (edge_session_run(), edge_session_run_async() return).
 *  docs/errors-and-trust.md says how long it takes. [any-thread] @since 0.1 */
EDGE_API void edge_session_cancel(edge_session *session);

/** Absolute deadline for later runs on the clock of edge_session_clock_ns(); 0: none.
 *  [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_set_deadline(edge_session *session, uint64_t deadline_ns);

/** Monotonic clock in nanoseconds; 0 where the target has none. [any-thread] @since 0.1 */
EDGE_API uint64_t edge_session_clock_ns(void);

/** State tensors back to their initial values. [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_reset_state(edge_session *session);

/** Write the session's state (as after the last run that succeeded) into the caller's memory: a stable format with
 *  version, identity of the model and checksum (docs/model-format.md).
 *
 *      uint64_t n = 0;
 *      if (edge_session_state_save(s, NULL, 0, &n) == EDGE_STATUS_OK && (p = malloc(n)) != NULL)
 *        status = edge_session_state_save(s, p, n, &n);
 *
 *  @param data NULL: only the size is asked for.  @param bytes [out] the size, also when the capacity is too small
 *  @return OK, INVALID_ARGUMENT, BUSY, LIMIT_EXCEEDED (capacity). [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_state_save(edge_session *session, void *data, uint64_t capacity,
                                                            uint64_t *bytes);

/** Take over state that was saved from a session of the same model; any bytes may be given. Everything is looked at
 *  first: after a failure the session's state is as before.
 *  @param data [borrow: call] any alignment
 *  @return OK, INVALID_ARGUMENT, BUSY, MALFORMED (truncated or damaged), UNSUPPORTED_VERSION, WRONG_MODEL,
 *  TYPE_MISMATCH, SHAPE_MISMATCH. [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_state_restore(edge_session *session, const void *data, uint64_t bytes);

/** Copy the state of another session of the same model, without going through bytes.
 *  @return OK, INVALID_ARGUMENT, BUSY (one of the two), WRONG_MODEL (text in `to`). [one-thread-per-handle] both.
 *  @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_state_clone(edge_session *to, edge_session *from);

/** The last error of this session; text "" when there was none.
 *  @return [borrow: until the next call on the session]. [one-thread-per-handle] @since 0.1 */
EDGE_API const edge_error *edge_session_last_error(const edge_session *session);

/** Where a node runs and why. Texts live as long as the plan. */
typedef struct edge_placement {
  uint32_t struct_size;
  uint32_t subgraph;
  uint32_t node;         /* index in the subgraph */
  uint32_t num_rejected; /* backends that did not get it */
  const char *name;
  const char *op;
  const char *backend; /* "core" for control flow and state */
  const char *kernel;  /* kernel or fusion that runs it; "folded" when nothing runs */
  const char *reason;
  const char *hint; /* what to change to place it better, or "" */
  double cost_us;   /* estimate */
  uint64_t time_ns; /* last run, with EDGE_SESSION_PROFILE */
  uint64_t macs;    /* multiply-accumulates of convolutions, matrix products and recurrent cells; else 0 */
} edge_placement;
#define EDGE_PLACEMENT_INIT \
  { (uint32_t)sizeof(edge_placement), 0u, 0u, 0u, NULL, NULL, NULL, NULL, NULL, NULL, 0.0, 0u, 0u }

/** Placement of each node, all subgraphs of the entry point in order. Plans when needed.
 *  [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_num_nodes(edge_session *session, uint32_t *count);
EDGE_NODISCARD EDGE_API edge_status edge_session_explain(edge_session *session, uint32_t index, edge_placement *out);

/** Backend `which` that did not get node `index`, and why.
 *  @return OK, INVALID_ARGUMENT. [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_explain_rejected(edge_session *session, uint32_t index, uint32_t which,
                                                                  const char **backend, const char **reason);

/** Something that happened once and the application should know: a fallback, a lost device. */
typedef struct edge_event {
  uint32_t struct_size;
  edge_status cause;
  int32_t node;
  uint32_t reserved;
  char backend[32];
  char text[216];
} edge_event;
#define EDGE_EVENT_INIT                               \
  {                                                   \
    (uint32_t)sizeof(edge_event), 0, -1, 0u, { 0 }, { \
      0                                               \
    }                                                 \
  }

/** Take the oldest event that was not taken yet. @return OK, NOT_FOUND (none).
 *  [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_next_event(edge_session *session, edge_event *out);

/** Weights that a backend packed, as a model file keeps them for the next time (`edgert convert --prepare`). */
typedef struct edge_prepared_blob {
  uint32_t struct_size;
  uint32_t key_bytes;
  const char *target; /* "backend:tier" */
  const void *key;    /* names everything that the bytes depend on */
  const void *data;
  uint64_t bytes;
} edge_prepared_blob;

/** Visit everything that was packed for the session's model so far, by any of its sessions. Plans when needed.
 *  @param visit [borrow: call] gets blobs whose text and key live during the visit, and whose data lives as long as the
 *  model; a status other than OK ends the walk and is returned.
 *  @return OK, INVALID_ARGUMENT, BUSY, OUT_OF_MEMORY and the errors of edge_session_prepare().
 *  [one-thread-per-handle] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_session_visit_prepared(
    edge_session *session, edge_status (*visit)(void *user, const edge_prepared_blob *blob), void *user);

/** Number of threads in use. [one-thread-per-handle] @since 0.1 */
EDGE_API uint32_t edge_session_num_threads(const edge_session *session);

#ifdef __cplusplus
}
#endif
#endif
