/* SPDX-License-Identifier: Apache-2.0
 * Operators of your own. A registered operator is a node like any other: its shapes are checked, its memory is planned,
 * its failures name the node. docs/custom-operators.md is the tutorial. */
#ifndef EDGE_CUSTOM_H
#define EDGE_CUSTOM_H

#include <edge/env.h>
#include <edge/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EDGE_CUSTOM_MAX_OPERANDS 32u

typedef struct edge_custom_call edge_custom_call;

/** What a callback may ask. Keys are the names of attributes in the model. */
typedef struct edge_custom_host {
  uint32_t struct_size;
  uint32_t reserved;
  const char *(*node_name)(const edge_custom_call *call);
  /** Integers (or one) and floats (or one) of an attribute: up to cap values are stored.
   *  @return how many there are; 0 when it is absent or of another kind */
  uint32_t (*attr_ints)(const edge_custom_call *call, const char *key, int64_t *out, uint32_t cap);
  uint32_t (*attr_floats)(const edge_custom_call *call, const char *key, double *out, uint32_t cap);
  /** @return NULL when it is absent or no text */
  const char *(*attr_string)(const edge_custom_call *call, const char *key);
  /** The custom_options of a TFLite operator: up to cap bytes are stored. @return how many there are */
  uint32_t (*options)(const edge_custom_call *call, void *out, uint32_t cap);
  /** Say why: `return call->host->fail(call, EDGE_STATUS_INVALID_VALUE, "axis is out of range");` */
  edge_status (*fail)(const edge_custom_call *call, edge_status status, const char *text);
} edge_custom_host;

/** One call of an operator; everything in it lives as long as the callback. Absent inputs and outputs have dtype
 *  EDGE_DTYPE_NONE. */
struct edge_custom_call {
  uint32_t struct_size;
  uint32_t num_inputs, num_outputs;
  uint32_t needs_value; /* infer sets it to 1: the output's shape depends on an input whose data is NULL */
  const edge_tensor *inputs;
  edge_tensor *outputs; /* infer fills dtype, rank, dims; run writes to data (NULL: nobody wants it) */
  void *scratch;        /* run: what scratch_bytes asked for, 64-byte aligned */
  uint64_t scratch_bytes;
  void *user;
  const edge_custom_host *host;
  const void *reserved; /* the host's */
};

/** An operator. Its callbacks may be called from any thread, several at once, for different nodes or sessions; they
 * must return, and must not call the session that they serve. Results may depend on inputs and attributes alone: equal
 * nodes are merged. */
typedef struct edge_custom_op {
  uint32_t struct_size;
  uint32_t flags;     /* must be 0 */
  const char *domain; /* of the ONNX node; "tflite" for TFLite's custom operators */
  const char *name;
  uint32_t min_inputs, max_inputs, min_outputs, max_outputs; /* at most EDGE_CUSTOM_MAX_OPERANDS */
  uint64_t optional_inputs;                                  /* bit i: input i may be absent */
  void *user;                                                /* handed to the callbacks */
  /** Shapes: set dtype, rank and dims of all outputs (dims -1: not known yet, because dims of inputs are -1). Also the
   *  place to check attributes. Called while models load and are planned, and in runs where shapes appear there. */
  edge_status (*infer)(edge_custom_call *call);
  /** Bytes of scratch for final shapes; NULL: none. */
  uint64_t (*scratch_bytes)(const edge_custom_call *call);
  /** Compute the outputs; shapes are final. It runs as one step on one thread. */
  edge_status (*run)(edge_custom_call *call);
} edge_custom_op;

#define EDGE_CUSTOM_OP_INIT \
  { (uint32_t)sizeof(edge_custom_op), 0u, NULL, NULL, 1u, 1u, 1u, 1u, 0u, NULL, NULL, NULL, NULL }

/** Add an operator to an environment, before models that use it are opened.
 *
 *      edge_custom_op op = EDGE_CUSTOM_OP_INIT;
 *      op.domain = "com.example", op.name = "Scale", op.infer = scale_infer, op.run = scale_run;
 *      status = edge_env_register_op(env, &op, &error);
 *
 *  What EdgeRT itself has under the same name, and functions that a model brings, go first.
 *  @param op [borrow: call] struct and names are copied
 *  @return OK, INVALID_ARGUMENT (a callback or name is missing, counts, unknown flags), INVALID_STATE (registered
 *  already), OUT_OF_MEMORY. [setup-only] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_env_register_op(edge_env *env, const edge_custom_op *op, edge_error *error);

/** A shared library of operators for edge_env_load_plugin() exports this symbol: a list that ends with NULL. */
typedef const edge_custom_op *const *(*edge_custom_entry_fn)(void);
#define EDGE_CUSTOM_ENTRY_NAME "edge_custom_entry"

#ifdef __cplusplus
}
#endif
#endif
