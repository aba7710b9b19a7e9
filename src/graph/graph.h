/* SPDX-License-Identifier: Apache-2.0
 * The in-memory graph: what the loader yields, what importers build and what passes rewrite.
 *
 * A graph owns nothing but its arena: strings, arrays and small constants live there; large constants
 * point into the file, an image's segment or the arena. Nodes of a subgraph are in execution order. */
#ifndef EI_GRAPH_H
#define EI_GRAPH_H

#include "../base/base.h"

typedef struct ei_op_def ei_op_def; /* src/ops/op.h */

typedef struct ei_symbol { /* a named dimension; equal symbols have equal sizes */
  const char *name;
  int64_t lo, hi; /* bounds; hi -1: open */
} ei_symbol;

enum { EI_RANK_UNKNOWN = -1, EI_DIM_UNKNOWN = -1 };

typedef struct ei_tensor {
  const char *name; /* never NULL, may be "" */
  int32_t dtype, encoding;
  int32_t rank;                    /* EI_RANK_UNKNOWN possible */
  uint32_t state;                  /* index into graph->states + 1; 0: not a state tensor */
  int64_t dims[EDGE_MAX_RANK];     /* EI_DIM_UNKNOWN possible */
  uint32_t symbols[EDGE_MAX_RANK]; /* index into graph->symbols + 1; 0: none */
  edge_quant quant;
  const void *data; /* constant, or NULL */
  uint64_t data_bytes;
} ei_tensor;

enum { EI_ATTR_INT = 1, EI_ATTR_FLOAT = 2, EI_ATTR_STRING = 3, EI_ATTR_INTS = 4, EI_ATTR_FLOATS = 5 };

typedef struct ei_attr {
  const char *key;
  uint32_t kind;  /* EI_ATTR_* */
  uint32_t count; /* of ints, floats, or string bytes */
  union {
    int64_t i;
    double f;
    const char *s; /* terminated */
    const int64_t *ints;
    const double *floats;
  } u;
} ei_attr;

typedef struct ei_node {
  const ei_op_def *op; /* NULL: deleted, removed by ei_graph_compact() */
  const char *name;
  uint32_t version;
  uint32_t n_in, n_out, n_attr;
  uint32_t *in, *out; /* tensor indices; EI_NONE: absent optional */
  ei_attr *attr;
} ei_node;

typedef struct ei_subgraph {
  const char *name;
  ei_tensor *tensors;
  ei_node *nodes;
  uint32_t *inputs, *outputs;
  uint32_t n_tensors, n_nodes, n_inputs, n_outputs;
  uint32_t cap_tensors, cap_nodes;
} ei_subgraph;

typedef struct ei_state { /* a session-owned buffer shared by entry points */
  const char *name;
  int32_t dtype, rank;
  int64_t dims[EDGE_MAX_RANK];
  const void *init; /* NULL: zeros */
  uint64_t init_bytes;
} ei_state;

typedef struct ei_entry {
  const char *name;
  uint32_t subgraph;
} ei_entry;

typedef struct ei_metadata {
  const char *key;
  const void *value;
  uint64_t bytes;
} ei_metadata;

/** A value of a golden vector. */
typedef struct ei_golden_value {
  int32_t dtype, rank;
  int64_t dims[EDGE_MAX_RANK];
  const void *data;
  uint64_t data_bytes;
} ei_golden_value;

/** Inputs of an entry and the outputs they must give: |got - want| <= abs_tolerance + rel_tolerance * |want|. */
typedef struct ei_golden {
  const char *name;
  uint32_t entry;
  uint32_t n_inputs, n_outputs;
  float abs_tolerance, rel_tolerance;
  ei_golden_value *inputs, *outputs;
} ei_golden;

/** Weights that a backend prepared for one target. */
typedef struct ei_prepared {
  const char *target;
  const void *key; /* hash of what the blob depends on */
  uint32_t key_bytes;
  const void *data;
  uint64_t bytes;
} ei_prepared;

typedef struct ei_graph {
  ei_arena *arena;
  ei_subgraph *subgraphs;
  ei_symbol *symbols;
  ei_state *states;
  ei_entry *entries;
  ei_metadata *metadata;
  uint32_t n_subgraphs, n_symbols, n_states, n_entries, n_metadata;
  uint32_t cap_subgraphs, cap_symbols, cap_states, cap_entries, cap_metadata;
  ei_golden *golden; /* arrays without spare room: set as a whole */
  ei_prepared *prepared;
  uint32_t n_golden, n_prepared;
  const char *producer;       /* NULL: this library */
  uint64_t required_features; /* must-understand bits, see format.h */
} ei_graph;

/* ---- building (importers, passes, the loader); EI_NONE or NULL when out of memory */
ei_graph *ei_graph_new(ei_arena *arena);
uint32_t ei_graph_add_subgraph(ei_graph *g, const char *name);
uint32_t ei_graph_add_symbol(ei_graph *g, const char *name, int64_t lo, int64_t hi); /* finds an equal name */
uint32_t ei_graph_add_state(ei_graph *g, const ei_state *state);
edge_status ei_graph_add_entry(ei_graph *g, const char *name, uint32_t subgraph);
edge_status ei_graph_add_metadata(ei_graph *g, const char *key, const void *value, uint64_t bytes);
/** Copies *t (name and quant arrays are copied into the arena; data is referenced). */
uint32_t ei_graph_add_tensor(ei_graph *g, uint32_t subgraph, const ei_tensor *t);
/** Adds a constant whose bytes are copied into the arena. */
uint32_t ei_graph_add_const(ei_graph *g, uint32_t subgraph, const char *name, int32_t dtype, const int64_t *dims,
                            int32_t rank, const void *data);
/** Appends a node; in/out arrays are copied. Returned pointer is valid until the next node is added. */
ei_node *ei_graph_add_node(ei_graph *g, uint32_t subgraph, const char *op_name, const char *name, const uint32_t *in,
                           uint32_t n_in, const uint32_t *out, uint32_t n_out);
/** Inserts before position `at` (0..n_nodes). */
ei_node *ei_graph_insert_node(ei_graph *g, uint32_t subgraph, uint32_t at, const char *op_name, const char *name,
                              const uint32_t *in, uint32_t n_in, const uint32_t *out, uint32_t n_out);
/** Set (or replace) an attribute; arrays and strings are copied. */
edge_status ei_node_set_int(ei_graph *g, ei_node *n, const char *key, int64_t v);
edge_status ei_node_set_float(ei_graph *g, ei_node *n, const char *key, double v);
edge_status ei_node_set_string(ei_graph *g, ei_node *n, const char *key, const char *v);
edge_status ei_node_set_ints(ei_graph *g, ei_node *n, const char *key, const int64_t *v, uint32_t count);
edge_status ei_node_set_floats(ei_graph *g, ei_node *n, const char *key, const double *v, uint32_t count);
edge_status ei_subgraph_set_io(ei_graph *g, uint32_t subgraph, const uint32_t *in, uint32_t n_in, const uint32_t *out,
                               uint32_t n_out);
/** Drop deleted nodes and unused tensors; indices change. */
edge_status ei_graph_compact(ei_graph *g);
/** Stable topological sort of each subgraph; MALFORMED on a cycle or a tensor produced twice. */
edge_status ei_graph_sort(ei_graph *g, edge_error *err);

/* ---- reading attributes; the default comes from the operator's attribute table */
const ei_attr *ei_node_attr(const ei_node *n, const char *key); /* NULL: absent */
int64_t ei_node_int(const ei_node *n, const char *key);
double ei_node_float(const ei_node *n, const char *key);
const char *ei_node_string(const ei_node *n, const char *key); /* "" when absent */
/** Up to cap values; returns the count in the node (0 when absent). */
uint32_t ei_node_ints(const ei_node *n, const char *key, int64_t *out, uint32_t cap);

/** View of a graph tensor (data set for constants only). */
void ei_tensor_view(const ei_tensor *t, edge_tensor *out);

/** 128 bits that tell models apart: graph, state and (large ones by samples) weights; not metadata, golden vectors or
 *  prepared weights. The same for a file and for what is written from it. */
ei_hash ei_graph_identity(const ei_graph *g);

/* ---- shape inference */
/** Infer one node over a table of views (one per tensor of the subgraph) and, where all inputs have data and
 *  the result is small, compute its value into `arena` (view.data is set): this is how shape arithmetic
 *  disappears. *pending: a value or shape that the result depends on is not known yet. */
edge_status ei_infer_node(const ei_node *n, uint32_t index, edge_tensor *views, ei_arena *arena, bool *pending,
                          edge_error *err);
/** Multiply-accumulates of a node with known shapes (convolutions, matrix products, recurrent cells); else 0. */
uint64_t ei_node_macs(const ei_node *n, const edge_tensor *views);
/** Call an operator's reference evaluation with inference-independent checks only (all shapes final). */
edge_status ei_eval_node(const ei_node *n, const edge_tensor *in, uint32_t n_in, edge_tensor *out, uint32_t n_out,
                         void *scratch, uint64_t scratch_bytes, edge_error *err);
uint64_t ei_eval_scratch_bytes(const ei_node *n, const edge_tensor *in, uint32_t n_in, edge_tensor *out,
                               uint32_t n_out);
/** Infer every tensor of a subgraph from its inputs and constants, folding values where they are small
 *  (shape arithmetic). Tensors that depend on run-time values stay unknown. Checks every operator rule
 *  that can be checked; writes dtype/rank/dims back into tensors. */
edge_status ei_graph_infer(ei_graph *g, uint32_t subgraph, edge_error *err);

/* ---- passes: one file each, listed in passes.def */
typedef struct ei_pass_options {
  const char *const *disabled; /* names that are off */
  uint32_t n_disabled;
  uint64_t deadline_ns; /* absolute; 0: none. Looked at between passes */
} ei_pass_options;
edge_status ei_passes_run(ei_graph *g, const ei_pass_options *options, edge_error *err);
/** Names in order; NULL past the end. */
const char *ei_pass_name(uint32_t index);

#endif
