/* SPDX-License-Identifier: Apache-2.0
 * What graph passes share: who produces and who uses a tensor, constants, replacing values.
 *
 * A pass works on a verified graph and leaves one: nodes in execution order, deleted ones with op NULL until
 * ei_graph_compact(). After each pass the runner compacts and infers shapes again. */
#ifndef EI_PASS_H
#define EI_PASS_H

#include "graph.h"
#include "../ops/op.h"

typedef edge_status (*ei_pass_fn)(ei_graph *g, edge_error *err);

edge_status ei_pass_fold(ei_graph *g, edge_error *err);
edge_status ei_pass_fold_late(ei_graph *g, edge_error *err);
edge_status ei_pass_dead_code(ei_graph *g, edge_error *err);
edge_status ei_pass_simplify(ei_graph *g, edge_error *err);
edge_status ei_pass_patterns(ei_graph *g, edge_error *err);
edge_status ei_pass_transposes(ei_graph *g, edge_error *err);
edge_status ei_pass_batch_norm(ei_graph *g, edge_error *err);
edge_status ei_pass_bias(ei_graph *g, edge_error *err);
edge_status ei_pass_activation(ei_graph *g, edge_error *err);
edge_status ei_pass_upconv(ei_graph *g, edge_error *err);
edge_status ei_pass_qdq(ei_graph *g, edge_error *err);
edge_status ei_pass_pad(ei_graph *g, edge_error *err);
edge_status ei_pass_matmul(ei_graph *g, edge_error *err);
edge_status ei_pass_half_weights(ei_graph *g, edge_error *err);
edge_status ei_pass_widen_f16(ei_graph *g, edge_error *err);
edge_status ei_pass_float_weights(ei_graph *g, edge_error *err);
edge_status ei_pass_attention(ei_graph *g, edge_error *err);
edge_status ei_pass_cse(ei_graph *g, edge_error *err);

/** Input `in` of a node uses a tensor, or did when this was noted. */
typedef struct ei_use {
  uint32_t node, in, next; /* next: the tensor's next one + 1, or 0 */
} ei_use;

/** Producers and uses of the tensors of one subgraph, kept up to date by the functions below. */
typedef struct ei_uses {
  ei_graph *g;
  uint32_t subgraph;
  ei_subgraph *sg;    /* moves when subgraphs are added; none of the passes does */
  uint32_t cap;       /* tensors covered */
  uint32_t *producer; /* node, or EI_NONE */
  uint32_t *count;    /* uses by nodes, plus one for each place among the outputs of the subgraph */
  uint32_t *border;   /* places among the outputs of the subgraph */
  uint32_t *first;    /* its first use + 1, or 0; the list holds every use unless `scan`, and some that are over */
  ei_use *uses;
  uint32_t n_uses, cap_uses;
  bool scan; /* no memory to note all uses: look through all nodes */
  bool changed;
} ei_uses;

edge_status ei_uses_build(ei_uses *u, ei_graph *g, uint32_t subgraph);
static inline ei_tensor *ei_uses_tensor(const ei_uses *u, uint32_t t) {
  return &u->sg->tensors[t];
}
/** The node that produces t if it is a live node of this operator, else NULL. */
ei_node *ei_uses_producer(const ei_uses *u, uint32_t t, const char *op);
/** The only user of t if t is used exactly once, by a node; index in *at (may be NULL). */
ei_node *ei_uses_single(const ei_uses *u, uint32_t t, uint32_t *at);
/** Walks the uses of t by nodes: *at is 0 before the first one. False: no more (or no memory to note the others). */
bool ei_uses_next(const ei_uses *u, uint32_t t, uint32_t *at, ei_use *out);
/** t is an output of the subgraph. */
bool ei_uses_is_output(const ei_uses *u, uint32_t t);
bool ei_uses_is_input(const ei_uses *u, uint32_t t);
/** Every use of `from` becomes one of `to`, the outputs of the subgraph too. */
void ei_uses_replace(ei_uses *u, uint32_t from, uint32_t to);
/** Append a node (ei_graph_sort() must follow before the pass ends); its index, or EI_NONE: no memory. */
uint32_t ei_uses_append(ei_uses *u, const char *op, const char *name, const uint32_t *in, uint32_t n_in,
                        const uint32_t *out, uint32_t n_out);
/** Make node i another operator with other inputs and no attributes; its outputs stay. */
ei_node *ei_uses_rewrite(ei_uses *u, uint32_t node, const char *op, const uint32_t *in, uint32_t n_in);
/** Remove a node that hands input `in` on as its only output. The names of outputs of the subgraph survive.
 *  False: it must stay. */
bool ei_uses_bypass(ei_uses *u, uint32_t node, uint32_t in);
/** Delete a node whose outputs are not used any more. */
void ei_uses_delete(ei_uses *u, uint32_t node);
/** Let node i produce `t` in place of its output k (the old producer of t must be deleted first). */
void ei_uses_move_output(ei_uses *u, uint32_t node, uint32_t k, uint32_t t);
void ei_uses_set_input(ei_uses *u, ei_node *n, uint32_t k, uint32_t t);

/** Node operator by name. */
static inline bool ei_is_op(const ei_node *n, const char *name) {
  return n && n->op && strcmp(n->op->name, name) == 0;
}
/** Constant with one element: its value (through quantization); false otherwise. */
bool ei_const_scalar(const ei_uses *u, uint32_t t, double *value);
/** Integers of a constant. */
bool ei_const_ints(const ei_uses *u, uint32_t t, int64_t *out, uint32_t cap, uint32_t *n);
/** Constant float tensor of n elements in all, as doubles into the arena; NULL: not that. */
double *ei_const_floats(const ei_uses *u, uint32_t t, uint64_t n);
bool ei_shape_fixed(const ei_tensor *t);
/** A constant of f16 that is large enough to stay so. */
bool ei_half_constant(const ei_uses *u, uint32_t t);
/** Input k of the node is one and serves as weights that backends store as f16. */
bool ei_half_weight(const ei_uses *u, const ei_node *n, uint32_t k);
/** The node makes the f32 form of one. */
bool ei_half_cast(const ei_uses *u, const ei_node *n);
/** Node i makes f16 from now on, which a Cast makes f32 again (ei_graph_sort() must follow). */
edge_status ei_half_widen_after(ei_uses *u, uint32_t i);
uint64_t ei_tensor_elements(const ei_tensor *t); /* shape fixed */
/** Two tensors are quantized alike (or both not at all). */
bool ei_same_quant(const edge_quant *a, const edge_quant *b);
/** A new tensor like `like`, without data and producer. */
uint32_t ei_uses_add_like(ei_uses *u, uint32_t like);
/** A constant whose bytes are already in the arena. */
uint32_t ei_uses_add_const(ei_uses *u, const char *name, int32_t dtype, const int64_t *dims, int32_t rank,
                           const void *data);
/** Evaluate a node whose inputs are constants; outputs become constants. False: not possible (no error). */
bool ei_pass_evaluate(ei_uses *u, uint32_t node, uint64_t max_bytes);

#endif
