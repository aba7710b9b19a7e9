/* SPDX-License-Identifier: Apache-2.0
 * fuzz_graph: bytes become a graph (graph_gen.h), which is run on three ways (graph_run.h).
 * EDGE_FUZZ_TABLE=1 prints for each operator how often it was drawn, accepted and run to the end;
 * EDGE_FUZZ_NODES=N bounds the nodes of a graph. */
#include "fuzz.h"
#include "graph_run.h"

static struct { uint64_t drawn, accepted, done; } table[1024];

static void print_table(void) {
  uint64_t least = UINT64_MAX;
  if (!getenv("EDGE_FUZZ_TABLE")) return;
  for (uint32_t i = 0; i < et_graph_ops(); ++i) {
    printf("%-24s %8llu drawn %8llu accepted %8llu run\n", et_graph_op(i)->name, (unsigned long long)table[i].drawn,
           (unsigned long long)table[i].accepted, (unsigned long long)table[i].done);
    if (table[i].accepted < least) least = table[i].accepted;
  }
  printf("least accepted: %llu; differences: %llu\n", (unsigned long long)least,
         (unsigned long long)et_graph_differences);
}

static void count(const et_made *m, et_graph_answer answer) {
  for (uint32_t i = 0; i < m->n_ops; ++i)
    for (uint32_t k = 0; k < et_graph_ops(); ++k) {
      if (et_graph_op(k) != m->op[i]) continue;
      table[k].drawn++;
      table[k].accepted += answer != ET_GRAPH_REFUSED;
      table[k].done += answer == ET_GRAPH_RUN;
    }
}

bool et_fuzz_one(const uint8_t *p, size_t n) {
  const char *const nodes = getenv("EDGE_FUZZ_NODES");
  et_memory *const mem = et_memory_new(ET_GRAPH_QUOTA);
  et_graph_answer answer = ET_GRAPH_REFUSED;
  const et_made *const m = et_graph_make(&mem->arena, p, n, nodes ? (uint32_t)strtoul(nodes, NULL, 10) : ET_GEN_NODES);
  if (m) {
    answer = et_graph_check(m, mem, n ? p[n - 1] : 0);
    count(m, answer);
  }
  et_memory_free(mem);
  return answer != ET_GRAPH_REFUSED;
}

/* One for each operator: the mutator makes other graphs of it, and of its neighbours in the table. */
void et_fuzz_seeds(et_corpus *c) {
  static bool once;
  uint64_t state = 77;
  for (uint32_t i = 0; i < et_graph_ops(); ++i) {
    uint8_t bytes[48];
    for (size_t k = 0; k < sizeof bytes; ++k) bytes[k] = (uint8_t)(et_next(&state) >> 56);
    bytes[0] = (uint8_t)i;
    bytes[1] = (uint8_t)(i >> 8);
    et_corpus_add(c, bytes, sizeof bytes);
  }
  if (!once) atexit(print_table);
  once = true;
}
