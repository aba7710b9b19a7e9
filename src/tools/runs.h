/* SPDX-License-Identifier: Apache-2.0
 * Two runs of models on the same inputs and their tensors in pairs: what diff shows and convert checks. */
#ifndef TOOL_RUNS_H
#define TOOL_RUNS_H

#include "compare.h"

/** A pair of tensors of the same name. */
typedef struct run_pair {
  const tool_value *a;
  departure d;
} run_pair;

typedef struct runs_result {
  run_pair *pairs; /* in a's order of execution */
  uint32_t n, only_a, only_b;
  const run_pair *first; /* that departs; NULL: equal */
} runs_result;

/** One side: a session, or another runtime's values. */
typedef struct run_side {
  tool_options options;
  tool_case c;
  tool_run run;
  edge_env *env;
  tool_values values;
  bool open;
} run_side;

/** With s->c.all_outputs every tensor is compared, else the model's outputs. */
int run_side_open(run_side *s, tool_error *e);
int run_side_run(run_side *s, tool_error *e);
void run_side_close(run_side *s);
/** b computes on a's inputs, with channels moved where b wants them elsewhere. */
void run_sides_share_inputs(const run_side *a, const run_side *b);
/** Free result->pairs. */
int runs_compare(const tolerance *limits, const tool_values *a, const tool_values *b, runs_result *out, tool_error *e);

#endif
