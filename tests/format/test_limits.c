/* SPDX-License-Identifier: Apache-2.0
 * Promises on memory and time, and limits that the caller sets. */
#include "format_test.h"
#include <time.h>

/* Loading fits in 64 KiB + 16 bytes per byte of metadata, to the byte by the quota, and gives everything back on
 * every failure of memory on the way. */
void test_memory_promise(void) {
  for (const et_sample *s = et_samples; s->name; ++s) {
    if (!et_sample_here(s)) continue;
    et_file f = et_sample_file(s->name);
    const uint64_t promise = 65536 + 16 * ((uint64_t)ei_get_u32(f.p) + 4);
    et_memory *m = et_memory_new(promise);
    ei_graph *g = NULL;
    CHECK_OK(et_file_read(&f, &m->arena, &g, err));
    uint64_t peak;
    ei_alloc_stats(m->alloc, NULL, &peak);
    printf("%-10s peak %llu of %llu promised\n", s->name, (unsigned long long)peak, (unsigned long long)promise);
    et_memory_free(m);
    for (uint64_t quota = 1; quota < peak; quota += quota / 64 + 16) {
      m = et_memory_new(quota);
      CHECK(et_file_load(f.p, f.n, m, NULL) == EDGE_STATUS_OUT_OF_MEMORY);
      et_memory_free(m);
    }
    et_file_free(&f);
  }
}

/* The same for writing: every failed allocation is an error that leaks nothing. */
void test_write_memory(void) {
  for (const et_sample *s = et_samples; s->name; ++s) {
    if (!et_sample_here(s)) continue;
    et_memory *const build = et_memory_new(0);
    ei_graph *const g = s->build(&build->arena);
    uint32_t failures = 0;
    edge_status status = EDGE_STATUS_OUT_OF_MEMORY;
    for (uint64_t quota = 1; status != EDGE_STATUS_OK; quota += 97) {
      et_memory *const m = et_memory_new(quota);
      const void *metadata;
      uint64_t bytes;
      edge_segment *segments;
      uint32_t count;
      status = ei_format_write(g, &m->arena, &metadata, &bytes, &segments, &count, NULL);
      CHECK(status == EDGE_STATUS_OK || status == EDGE_STATUS_OUT_OF_MEMORY);
      failures += status != EDGE_STATUS_OK;
      et_memory_free(m);
    }
    printf("%-10s %u failed allocations\n", s->name, failures);
    et_memory_free(build);
  }
}

void test_caller_limits(void) {
  et_file f = et_sample_file("dense");
  et_memory *const m = et_memory_new(0);
  edge_segment segment = { f.p, f.n, 0 };
  const ei_format_source src = { f.p, f.n, &segment, 1 };
  const uint64_t metadata = (uint64_t)ei_get_u32(f.p) + 4;
  ei_graph *g = NULL;
  edge_error error = EDGE_ERROR_INIT;
  ei_format_limits limits = { .max_metadata_bytes = metadata, .max_nodes = 2 };
  CHECK_OK(ei_format_read(&src, &limits, &m->arena, &g, err));
  limits.max_nodes = 1;
  CHECK(ei_format_read(&src, &limits, &m->arena, &g, &error) == EDGE_STATUS_LIMIT_EXCEEDED &&
        strstr(error.text, "max_nodes") && g == NULL);
  limits = (ei_format_limits) { .max_metadata_bytes = metadata - 1, .max_nodes = 2 };
  CHECK(ei_format_read(&src, &limits, &m->arena, &g, &error) == EDGE_STATUS_LIMIT_EXCEEDED &&
        strstr(error.text, "max_metadata_bytes"));
  et_file_free(&f);
  et_memory_free(m);
}

/* `depth` subgraphs, each calls the next one. */
static edge_status verify_nest(uint32_t depth, edge_error *error) {
  et_memory *const m = et_memory_new(0);
  ei_graph *const g = ei_graph_new(&m->arena);
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = "t";
  t.dtype = EDGE_DTYPE_F32;
  for (uint32_t i = 0; i <= depth; ++i) CHECK(ei_graph_add_subgraph(g, "nest") == i);
  for (uint32_t i = 0; i <= depth; ++i) {
    const uint32_t in = ei_graph_add_tensor(g, i, &t), out = ei_graph_add_tensor(g, i, &t);
    ei_node *const n = ei_graph_add_node(g, i, i == depth ? "Relu" : "Call", "n", &in, 1, &out, 1);
    CHECK(n && (i == depth || ei_node_set_int(g, n, "body", i + 1) == EDGE_STATUS_OK));
    CHECK_OK(ei_subgraph_set_io(g, i, &in, 1, &out, 1));
  }
  CHECK_OK(ei_graph_add_entry(g, "main", 0));
  const edge_status status = ei_graph_verify(g, error);
  et_memory_free(m);
  return status;
}

void test_nesting(void) {
  edge_error error = EDGE_ERROR_INIT;
  CHECK_OK(verify_nest(64, err));
  CHECK(verify_nest(65, &error) == EDGE_STATUS_LIMIT_EXCEEDED && strstr(error.text, "nested more than 64"));
  CHECK(verify_nest(100000, &error) == EDGE_STATUS_LIMIT_EXCEEDED);
}

/* A million nodes: linear, and within the promise. */
void test_million_nodes(void) {
  enum { NODES = 1000000 };
  et_memory *const m = et_memory_new(0);
  ei_graph *const g = ei_graph_new(&m->arena);
  CHECK(g && ei_graph_add_subgraph(g, "chain") == 0);
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = "t";
  t.dtype = EDGE_DTYPE_F32;
  t.rank = 1;
  t.dims[0] = 8;
  uint32_t last = ei_graph_add_tensor(g, 0, &t);
  const uint32_t first = last;
  for (uint32_t i = 0; i < NODES; ++i) {
    const uint32_t next = ei_graph_add_tensor(g, 0, &t);
    ei_node *const n = ei_graph_add_node(g, 0, "Softmax", "n", &last, 1, &next, 1);
    CHECK(n && ei_node_set_int(g, n, "axis", 0) == EDGE_STATUS_OK);
    last = next;
  }
  CHECK_OK(ei_subgraph_set_io(g, 0, &first, 1, &last, 1));
  CHECK_OK(ei_graph_add_entry(g, "main", 0));
  et_file f = et_file_write(g, m);
  et_memory_free(m);
  et_memory *const loader = et_memory_new(65536 + 16 * f.n);
  ei_graph *back = NULL;
  const clock_t start = clock();
  CHECK_OK(et_file_read(&f, &loader->arena, &back, err));
  const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  CHECK(back->subgraphs[0].n_nodes == NODES && strcmp(back->subgraphs[0].nodes[NODES - 1].name, "n") == 0);
  printf("%u nodes, %llu MB of metadata: %.3f s\n", (unsigned)NODES, (unsigned long long)(f.n >> 20), seconds);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(seconds < 1.0);
#endif
  et_file_free(&f);
  et_memory_free(loader);
}
