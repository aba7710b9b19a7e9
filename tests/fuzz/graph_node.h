/* SPDX-License-Identifier: Apache-2.0
 * One node under construction. */
#ifndef ET_GRAPH_NODE_H
#define ET_GRAPH_NODE_H

#include "../ops/ops_test.h"
#include "../ops/ops_text.h"
#include "graph_gen.h"
#include "mutate.h"

enum { ET_GEN_ELEMENTS = 4096 };

/** A good case of tests/ops. */
typedef struct et_template {
  ei_node node;
  et_tensors in, out;
} et_template;

typedef struct et_gen {
  ei_arena *arena;
  const uint8_t *p;
  size_t n, at;
  uint64_t state;
  et_made *made;
  edge_tensor view[ET_GEN_TENSORS]; /* what is known of a tensor of the graph; data of constants only */
  uint32_t live[ET_GEN_TENSORS];    /* outputs of nodes with known sizes */
  uint32_t n_live;
  et_constants constants;
} et_gen;

typedef struct et_work {
  ei_node node; /* attributes are in the arena and may be written */
  edge_tensor in[ET_MAX_TENSORS], out[ET_MAX_TENSORS];
  uint32_t n_in, n_out;
  uint32_t from[ET_MAX_TENSORS]; /* tensor of the graph, or EI_NONE: a new one */
} et_work;

uint64_t et_draw(et_gen *g, uint64_t below);
void et_begin_work(et_gen *g, et_work *w, const et_template *t);
/** Inference takes it. */
bool et_legal(const et_work *w);
/** values: also of inputs that are not constants. */
edge_status et_infer(const et_work *w, edge_tensor *out, bool values);
/** Each dimension of that size gets another one (attributes too when that is needed); `skip` may be illegal meanwhile.
 */
bool et_rename(et_gen *g, et_work *w, int64_t from, int64_t to, uint32_t skip);
void et_retype(et_gen *g, et_work *w, int32_t from, int32_t to);
/** Change number `at` of a kind of et_graph_case(): false beyond the last. *legal: inference allows it. */
bool et_change(et_gen *g, et_work *w, int kind, uint32_t at, bool *legal);
/** Change it here and there. */
void et_vary(et_gen *g, et_work *w);
void et_add_work(et_gen *g, et_work *w);
/** Data of the right size; the old elements are repeated. And as many scales as the shape asks for. */
bool et_fit(et_gen *g, edge_tensor *t, const edge_tensor *was);
bool et_fit_quant(et_gen *g, edge_tensor *t);
/** A control operator over small bodies. */
bool et_add_control(et_gen *g, const ei_op_def *op);

#endif
