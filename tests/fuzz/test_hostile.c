/* SPDX-License-Identifier: Apache-2.0
 * Hostile values in every operator: each case of tests/ops with a dimension of 0, with an integer that is out of any
 * range, with a float that is NaN, infinite or huge; as constants and at run
 * time. The three ways of graph_run.h must
 * give one answer: the same values, or an error that names the node. Argument N: each N-th case. */
#include "graph_run.h"

static uint64_t run, refused;

static bool one(uint32_t index, int kind, uint32_t at, et_constants constants) {
  et_memory *const mem = et_memory_new(ET_GRAPH_QUOTA);
  const et_made *const m = et_graph_case(&mem->arena, index, kind, at, constants);
  if (m && m->legal) {
    if (et_graph_check(m, mem, at) == ET_GRAPH_RUN)
      ++run;
    else
      ++refused;
  }
  et_memory_free(mem);
  return m != NULL;
}

int main(int argc, char **argv) {
  static const char *const names[ET_CASE_KINDS] = { "as it is", "empty", "odd integer", "odd float" };
  const uint32_t step = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;
  for (int kind = 0; kind < ET_CASE_KINDS; ++kind) {
    run = refused = 0;
    for (uint32_t index = 0; index < et_graph_cases(); index += step)
      for (int constants = ET_CONST_NONE; constants <= ET_CONST_WEIGHTS; ++constants)
        for (uint32_t at = 0; one(index, kind, at, (et_constants)constants); ++at) continue;
    printf("%-12s %8llu run, %8llu refused\n", names[kind], (unsigned long long)run, (unsigned long long)refused);
    if (run == 0) return 1;
  }
  if (et_graph_differences) fprintf(stderr, "%llu differences\n", (unsigned long long)et_graph_differences);
  return et_graph_differences != 0;
}
