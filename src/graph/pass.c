/* SPDX-License-Identifier: Apache-2.0
 * Running the graph passes in their order. */
#include "pass.h"
#include "../base/pool.h"

typedef struct pass_row {
  const char *name;
  ei_pass_fn run;
} pass_row;

static const pass_row rows[] = {
#define EI_PASS(name, function) { name, function },
#include "passes.def"
#undef EI_PASS
};

const char *ei_pass_name(uint32_t index) {
  return index < EI_COUNT(rows) ? rows[index].name : NULL;
}

static bool disabled(const ei_pass_options *o, const char *name) {
  for (uint32_t i = 0; o && i < o->n_disabled; ++i)
    if (strcmp(o->disabled[i], name) == 0) return true;
  return false;
}

edge_status ei_passes_run(ei_graph *g, const ei_pass_options *options, edge_error *err) {
  for (uint32_t i = 0; options && i < options->n_disabled; ++i) {
    bool known = false;
    for (size_t k = 0; k < EI_COUNT(rows); ++k) known = known || strcmp(rows[k].name, options->disabled[i]) == 0;
    if (!known) return ei_fail(err, EDGE_STATUS_INVALID_ARGUMENT, "there is no graph pass '%s'", options->disabled[i]);
  }
  for (size_t i = 0; i < EI_COUNT(rows); ++i) {
    if (disabled(options, rows[i].name)) continue;
    if (options && options->deadline_ns && ei_clock_ns() > options->deadline_ns)
      return ei_fail(err, EDGE_STATUS_DEADLINE_EXCEEDED, "the deadline passed while the model was optimised");
    EI_TRY(rows[i].run(g, err));
    EI_TRY(ei_graph_compact(g));
    for (uint32_t s = 0; s < g->n_subgraphs; ++s) EI_TRY(ei_graph_infer(g, s, err));
  }
  return EDGE_STATUS_OK;
}
