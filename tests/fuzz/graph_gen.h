/* SPDX-License-Identifier: Apache-2.0
 * Graphs from bytes: each node begins as a case of tests/ops (so every operator of ops.def takes part by itself) and
 * is then changed: sizes, types, quantization, attributes, values, absent and shared inputs. Inference says which
 * changes keep the node legal; a few illegal ones are let through. */
#ifndef ET_GRAPH_GEN_H
#define ET_GRAPH_GEN_H

#include "../format/format_test.h"

enum { ET_GEN_NODES = 6, ET_GEN_TENSORS = 160 };

typedef struct et_made {
  ei_graph *g;
  const ei_op_def *op[ET_GEN_NODES]; /* of the entry, without the bodies of control flow */
  uint32_t n_ops;
  bool hostile;                      /* values, sizes or parameters from the table of odd ones are in it */
  bool legal;                        /* et_graph_case(): inference allows the change */
  edge_tensor value[ET_GEN_TENSORS]; /* by tensor of subgraph 0: what an input is given in the run */
} et_made;

/** NULL: the bytes make no graph. At most `max_nodes` nodes in the entry. */
et_made *et_graph_make(ei_arena *arena, const uint8_t *p, size_t n, uint32_t max_nodes);
uint32_t et_graph_ops(void); /* operators that can be chosen by the first two bytes */
const ei_op_def *et_graph_op(uint32_t index);
/** Case `index` of all operators' cases (below et_graph_cases()) with one thing in it changed: NULL when `at` is beyond
 *  the last such change. Inputs that are not constants are given in the run. */
enum { ET_CASE_PLAIN, ET_CASE_EMPTY, ET_CASE_ODD_INTEGER, ET_CASE_ODD_FLOAT, ET_CASE_KINDS };
typedef enum et_constants {
  ET_CONST_NONE,
  ET_CONST_ALL,
  ET_CONST_WEIGHTS /* all but the first */,
  ET_CONST_DRAWN
} et_constants;
uint32_t et_graph_cases(void);
et_made *et_graph_case(ei_arena *arena, uint32_t index, int kind, uint32_t at, et_constants constants);
/** In words, on stderr. */
void et_graph_print(const et_made *m);

/** The operators' reference, one node after another. Mode 0 as it is; 1 floats that nodes yield are moved by some units
 *  in the last place, drawn from seed; 2 the inputs and constants too. LIMIT_EXCEEDED: too large for this test.
 *  `views` has one entry per tensor of subgraph 0. */
edge_status et_graph_reference(const et_made *m, int mode, uint64_t seed, ei_arena *arena, edge_tensor *views,
                               edge_error *err);

#endif
