/* SPDX-License-Identifier: Apache-2.0
 * CPU backend: how a lowering turns a node into steps.
 *
 * Planning walks the nodes of a partition in execution order and offers each to the rows of cpu_ops.def that
 * carry its operator's name, first row first. A lowering that cannot take the node returns EB_CPU_PASS before it
 * has called anything marked [commits]; the last resort is one step that calls the reference evaluation.
 * Adding a lowering: lower_<family>.c and its rows. */
#ifndef EB_CPU_H
#define EB_CPU_H

#include <edge/backend.h>
#include <edge/session.h>

#include <stdbool.h>
#include <string.h>

#define EB_CPU_PASS EDGE_STATUS_BACKEND_REFUSED /* "not me": nothing was committed */

typedef struct eb_cpu_plan eb_cpu_plan; /* one planning run; gone after plan() */

/** Where bytes live: a constant (ptr set), or a storage that the host places later. */
typedef struct eb_cpu_ref {
  const void *ptr; /* constant or prepared data; NULL: storage */
  uint32_t storage;
  uint64_t offset; /* bytes into the storage */
} eb_cpu_ref;

typedef edge_status (*eb_cpu_lower_fn)(eb_cpu_plan *plan, uint32_t node);

/* ---- the partition, as lowerings ask about it (nothing here commits) */
const edge_host_api *eb_cpu_host(const eb_cpu_plan *plan);
const edge_partition *eb_cpu_partition(const eb_cpu_plan *plan);
uint64_t eb_cpu_features(const eb_cpu_plan *plan); /* EDGE_CPU_* */
uint32_t eb_cpu_threads(const eb_cpu_plan *plan);
uint64_t eb_cpu_l2_bytes(const eb_cpu_plan *plan);      /* of one core; a careful guess where unknown */
uint32_t eb_cpu_session_flags(const eb_cpu_plan *plan); /* EDGE_SESSION_* */
uint32_t eb_cpu_num_nodes(const eb_cpu_plan *plan);
const edge_node *eb_cpu_node(const eb_cpu_plan *plan, uint32_t node);
bool eb_cpu_is_op(const eb_cpu_plan *plan, uint32_t node, const char *op);
/** Value index of input / output i, or EDGE_NO_VALUE. */
uint32_t eb_cpu_input(const eb_cpu_plan *plan, uint32_t node, uint32_t i);
uint32_t eb_cpu_output(const eb_cpu_plan *plan, uint32_t node, uint32_t i);
/** View of a value; dtype EDGE_DTYPE_NONE for EDGE_NO_VALUE. Valid during planning. */
const edge_tensor *eb_cpu_tensor(const eb_cpu_plan *plan, uint32_t value);
/** A constant whose f32 elements eb_cpu_const_open() can give: f32, 16-bit float, or s8 with scales per tensor or
 *  first dimension. */
bool eb_cpu_is_f32_weight(const eb_cpu_plan *plan, uint32_t value);
/** A constant that is stored as f16. */
bool eb_cpu_const_is_f16(const eb_cpu_plan *plan, uint32_t value);
/** f32 elements of a large constant, for packing: in temporary memory when it is stored in 16 or 8 bits.
 *  (The data of eb_cpu_tensor() may only be read for small constants, up to 64 elements.) */
typedef struct eb_cpu_const {
  const float *data; /* NULL for EDGE_NO_VALUE */
  const eb_cpu_plan *plan;
  void *temporary;
  uint64_t bytes;
} eb_cpu_const;
edge_status eb_cpu_const_open(const eb_cpu_plan *plan, uint32_t value, eb_cpu_const *out);
void eb_cpu_const_close(eb_cpu_const *c);
/** The model's own bytes of a constant, for keys of prepared data; NULL for EDGE_NO_VALUE. */
const void *eb_cpu_const_source(const eb_cpu_plan *plan, uint32_t value);
/** A product whose f32 input is quantized at run time (attribute `dynamic`): f32 lowerings leave it alone. */
bool eb_cpu_is_dynamic(const eb_cpu_plan *plan, uint32_t node);
bool eb_cpu_is_const(const eb_cpu_plan *plan, uint32_t value);
uint64_t eb_cpu_elements(const edge_tensor *tensor); /* all dims are known during planning */
/** Index of the node that makes the value, or EDGE_NO_VALUE when it comes from outside or is constant. */
uint32_t eb_cpu_producer(const eb_cpu_plan *plan, uint32_t value);
/** The one node that reads the value, when it is read once and stays inside; else EDGE_NO_VALUE. Taken nodes too. */
uint32_t eb_cpu_only_consumer(const eb_cpu_plan *plan, uint32_t value);
/** The later of the two nodes that read the value, when it is read twice and stays inside; else EDGE_NO_VALUE. */
uint32_t eb_cpu_later_of_two(const eb_cpu_plan *plan, uint32_t value);
/** The value is available to a step emitted now: constant, from outside, or made by a node already lowered. */
bool eb_cpu_available(const eb_cpu_plan *plan, uint32_t value);
int64_t eb_cpu_int(const eb_cpu_plan *plan, uint32_t node, const char *key);
float eb_cpu_float(const eb_cpu_plan *plan, uint32_t node, const char *key);
uint32_t eb_cpu_ints(const eb_cpu_plan *plan, uint32_t node, const char *key, int64_t *out, uint32_t cap);

/* ---- building [commits] */

/** Storage of a value; the constant's address for constants. */
eb_cpu_ref eb_cpu_value(eb_cpu_plan *plan, uint32_t value);
/** Private scratch that lives from the first to the last step that has a slot for it. */
eb_cpu_ref eb_cpu_scratch(eb_cpu_plan *plan, uint64_t bytes, uint32_t align);
eb_cpu_ref eb_cpu_at(eb_cpu_ref ref, uint64_t offset);
/** Memory that lives as long as the context, zeroed, 64-byte aligned; NULL: out of memory (also remembered). */
void *eb_cpu_keep(eb_cpu_plan *plan, uint64_t bytes);
/** Emit a step; returns its zeroed argument block (NULL: out of memory; plan() then fails, so just return OK). */
void *eb_cpu_step(eb_cpu_plan *plan, uint32_t node, edge_tile_fn fn, uint64_t arg_bytes, uint32_t num_tiles,
                  double cost_us);
/** The step just emitted does not depend on the one before it. */
void eb_cpu_no_wait(eb_cpu_plan *plan);
/** `*field` (inside memory from eb_cpu_step or eb_cpu_keep) becomes the address of ref at each bind. Counts as a
 *  use of the storage by the step emitted last. field may be any pointer type: pass its address. */
void eb_cpu_slot(eb_cpu_plan *plan, void *field, eb_cpu_ref ref);
/** out may take over the memory of in if that dies at the step which writes out (element-wise in place). */
void eb_cpu_in_place(eb_cpu_plan *plan, uint32_t out_value, uint32_t in_value);
/** Make value a window of `container` at byte `offset` (both not constant, container is not itself a window
 *  elsewhere). false: not possible (both cross the border, or already placed): copy instead. */
bool eb_cpu_alias(eb_cpu_plan *plan, uint32_t value, uint32_t container, uint64_t offset);
/** This later node was fused into the one being lowered. */
void eb_cpu_take(eb_cpu_plan *plan, uint32_t node);
/** Packed data shared by all sessions of the model; *out is NULL when only sizes are planned.
 *  Returns OK or the reason why the whole plan fails. */
edge_status eb_cpu_prepared(eb_cpu_plan *plan, const edge_prepared_key *key, uint64_t bytes, edge_prepare_fn fill,
                            void *user, const void **out);
/** What describe() answers; static or eb_cpu_keep text. */
void eb_cpu_note(eb_cpu_plan *plan, uint32_t node, const char *kernel, const char *reason);

/* ---- small helpers shared by lowerings (util.c) */

/** Fused activation as a clamp; false when act is not a clamp (then lo, hi are -inf, inf). */
bool eb_cpu_clamp(const eb_cpu_plan *plan, uint32_t node, float *lo, float *hi);

/** An f32 function of one value, y may be x (lower_eltwise.c). */
typedef void (*eb_cpu_unary_fn)(size_t n, const float *x, float *y, float p0, float p1);
typedef struct eb_cpu_unary {
  const char *kernel;
  eb_cpu_unary_fn fn;
  float p0, p1;
} eb_cpu_unary;
/** An f32 function of two values, clamped to lo .. hi; steps are 0 (one value for all) or 1; y may be a or b. */
typedef void (*eb_cpu_binary_fn)(size_t n, const float *a, size_t a_step, const float *b, size_t b_step, float *y,
                                 float lo, float hi);
typedef struct eb_cpu_binary {
  const char *kernel;
  eb_cpu_binary_fn fn;
  float lo, hi;
} eb_cpu_binary;
/** The function that an elementwise node, or the activation attribute of a node, computes; false: no kernel. */
bool eb_cpu_unary_of(const eb_cpu_plan *plan, uint32_t node, eb_cpu_unary *out);
/** The function that a node of two inputs computes with its activation; false: no kernel, or no clamp. */
bool eb_cpu_binary_of(const eb_cpu_plan *plan, uint32_t node, eb_cpu_binary *out);
bool eb_cpu_unary_of_act(const eb_cpu_plan *plan, uint32_t node, eb_cpu_unary *out);
/** A step y = unary(x); x and y may be one value. [commits] */
edge_status eb_cpu_emit_unary(eb_cpu_plan *plan, uint32_t node, const eb_cpu_unary *unary, uint32_t x, uint32_t y);

/** Window of a pool or convolution with two spatial dims after resolving auto_pad; 1D is seen as height 1. */
typedef struct eb_cpu_window {
  int64_t n, ih, iw, ic, oh, ow, oc, kh, kw;
  int64_t sh, sw, dh, dw, pad_top, pad_left;
} eb_cpu_window;
/** false: more than two spatial dims or rank too small. kernel dims are those of w, or the attribute without w. */
bool eb_cpu_window_of(const eb_cpu_plan *plan, uint32_t node, const edge_tensor *x, const edge_tensor *w,
                      const edge_tensor *y, eb_cpu_window *out);

/** Tiles for `work_us` of single-thread work that divides into at most `parts` pieces: 1 to 50 us each. */
uint32_t eb_cpu_tiles(const eb_cpu_plan *plan, double work_us, uint64_t parts);
/** Part `i` of `parts` parts of n that are as equal as whole units allow. A worker's share of the tiles of a step then
 *  is its share of the work, and of what it wrote in the step before. */
typedef struct eb_cpu_range {
  size_t begin, end;
} eb_cpu_range;
static inline eb_cpu_range eb_cpu_part(size_t n, size_t unit, size_t parts, size_t i) {
  const uint64_t units = n / unit + (n % unit != 0);
  const size_t begin = (size_t)(units * i / parts) * unit, end = (size_t)(units * (i + 1) / parts) * unit;
  return (eb_cpu_range) { begin, end < n ? end : n };
}

/** Roofline estimate of a node in us for a thread; unknown dims count as 1. */
double eb_cpu_cost_us(const edge_host_api *host, const edge_partition *partition, const edge_node *node,
                      uint64_t features);

/* ---- rows (a function may serve several) */
#define EB_CPU_OP(op, fn) edge_status fn(eb_cpu_plan *plan, uint32_t node);
#include "cpu_ops.def"
#undef EB_CPU_OP

/** The last resort; never passes. Name it in a row to say that an operator is known to stay there. */
edge_status eb_cpu_lower_ref(eb_cpu_plan *plan, uint32_t node);

/* ---- between plan.c and backend.c */
typedef struct eb_cpu_context eb_cpu_context;
edge_status eb_cpu_plan_run(const edge_host_api *host, edge_host *env, const edge_partition *partition,
                            uint32_t prepare, eb_cpu_context **out);
void eb_cpu_context_free(eb_cpu_context *context);
void eb_cpu_context_buffers(const eb_cpu_context *context, const edge_buffer **out, uint32_t *count);
edge_status eb_cpu_context_bind(eb_cpu_context *context, void *const *addresses, uint32_t count);
void eb_cpu_context_steps(const eb_cpu_context *context, const edge_step **out, uint32_t *count);
edge_status eb_cpu_context_describe(const eb_cpu_context *context, uint32_t node, edge_description *out);

#endif
