/* SPDX-License-Identifier: Apache-2.0
 * Small graphs for pass tests: building them in few words, evaluating them with the reference operators. */
#ifndef ET_PASSES_GRAPH_H
#define ET_PASSES_GRAPH_H

#include "src/graph/pass.h"

typedef struct et_graph {
  ei_alloc *alloc;
  ei_arena arena;
  ei_graph *g;
  uint32_t inputs[8], n_inputs;
  uint32_t seed;
  int failures;
} et_graph;

extern int et_failures;
void et_fail(const char *file, int line, const char *text);
#define ET_CHECK(cond)                               \
  do {                                               \
    if (!(cond)) et_fail(__FILE__, __LINE__, #cond); \
  } while (0)

void et_begin(et_graph *t);
void et_end(et_graph *t);
/** A graph input of random values in [-2, 2]. */
uint32_t et_input(et_graph *t, int32_t dtype, int32_t rank, const int64_t *dims);
/** f32 constant: `values` repeated as needed; NULL: random in [-1, 1]. */
uint32_t et_const(et_graph *t, int32_t rank, const int64_t *dims, const float *values, uint32_t n_values);
uint32_t et_scalar(et_graph *t, float v);
uint32_t et_list(et_graph *t, const int64_t *v, uint32_t n);
/** Integer constant of random values in [lo, hi], and one with a single value. */
uint32_t et_ints(et_graph *t, int32_t dtype, int32_t rank, const int64_t *dims, int lo, int hi);
uint32_t et_int_scalar(et_graph *t, int32_t dtype, int v);
/** Operator with up to 4 inputs (EI_NONE ends the list); one output. Attributes are set on et_last(). */
uint32_t et_op(et_graph *t, const char *op, uint32_t a, uint32_t b, uint32_t c, uint32_t d);
ei_node *et_last(et_graph *t);
/** Names the outputs and infers. */
void et_finish(et_graph *t, const uint32_t *outputs, uint32_t n);

/** Number of live nodes of an operator; of all when op is NULL. */
uint32_t et_count(const et_graph *t, const char *op);
/** The only node of an operator, or NULL. */
const ei_node *et_only(const et_graph *t, const char *op);

typedef struct et_values {
  uint64_t n;
  float *v; /* real values of output 0 */
  int64_t dims[EDGE_MAX_RANK];
  int32_t rank, dtype;
} et_values;
/** Evaluate output 0 with the reference operators. */
void et_run(et_graph *t, et_values *out);
/** Run a pass; compare output 0 before and after within `tolerance` (absolute), shapes and types equal. */
void et_pass(et_graph *t, ei_pass_fn pass, float tolerance);

#endif
