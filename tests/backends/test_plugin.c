/* SPDX-License-Identifier: Apache-2.0
 * The example plug-in: right answers when it works, right answers and one event when it fails, an error when strict. */
#define _POSIX_C_SOURCE 200809L
#include "src/format/format.h"
#include "src/graph/graph.h"
#include <edge/edge.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

enum { N = 12 };

static uint32_t add_value(ei_graph *g, const char *name) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.dtype = EDGE_DTYPE_F32;
  t.rank = 2;
  t.dims[0] = 3;
  t.dims[1] = 4;
  return ei_graph_add_tensor(g, 0, &t);
}

/* y = softmax(tanh(x) + x): two nodes for the plug-in, one only the CPU has. */
static edge_model *make_model(edge_env *env, ei_alloc *alloc, ei_arena *arena) {
  edge_error error = EDGE_ERROR_INIT;
  edge_model *model = NULL;
  ei_arena_init(arena, alloc);
  ei_graph *const g = ei_graph_new(arena);
  CHECK(g && ei_graph_add_subgraph(g, "main") == 0);
  const uint32_t x = add_value(g, "x"), a = add_value(g, "a"), b = add_value(g, "b"), y = add_value(g, "y");
  const uint32_t sum[] = { a, x };
  CHECK(ei_graph_add_node(g, 0, "Tanh", "tanh", &x, 1, &a, 1) && ei_graph_add_node(g, 0, "Add", "add", sum, 2, &b, 1) &&
        ei_graph_add_node(g, 0, "Softmax", "softmax", &b, 1, &y, 1));
  CHECK(ei_subgraph_set_io(g, 0, &x, 1, &y, 1) == EDGE_STATUS_OK && ei_graph_add_entry(g, "main", 0) == EDGE_STATUS_OK);
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  CHECK(ei_format_write(g, arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &error) ==
        EDGE_STATUS_OK);
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(model);
  return model;
}

static float input_value(int i) {
  return (float)(i - 5) * 0.3f;
}

static void check_outputs(edge_session *s) {
  float got[N];
  CHECK(edge_session_copy_output(s, 0, got, sizeof got) == EDGE_STATUS_OK);
  for (int row = 0; row < 3; ++row) {
    double sum = 0.0;
    for (int i = 0; i < 4; ++i) sum += exp((double)(tanhf(input_value(row * 4 + i)) + input_value(row * 4 + i)));
    for (int i = 0; i < 4; ++i) {
      const double want = exp((double)(tanhf(input_value(row * 4 + i)) + input_value(row * 4 + i))) / sum;
      CHECK(fabs(want - (double)got[row * 4 + i]) < 1e-6);
    }
  }
}

static uint32_t nodes_on(edge_session *s, const char *backend) {
  uint32_t count = 0, on = 0;
  CHECK(edge_session_num_nodes(s, &count) == EDGE_STATUS_OK);
  for (uint32_t i = 0; i < count; ++i) {
    edge_placement p = EDGE_PLACEMENT_INIT;
    CHECK(edge_session_explain(s, i, &p) == EDGE_STATUS_OK);
    on += strcmp(p.backend, backend) == 0;
    CHECK(p.num_rejected == 1 || strcmp(p.backend, "core") == 0);
  }
  return on;
}

static uint32_t count_events(edge_session *s) {
  edge_event e = EDGE_EVENT_INIT;
  uint32_t n = 0;
  while (edge_session_next_event(s, &e) == EDGE_STATUS_OK) {
    CHECK(strcmp(e.backend, "example") == 0 && e.text[0]);
    n++;
  }
  return n;
}

static edge_status run_twice(edge_session *s) {
  float x[N];
  for (int i = 0; i < N; ++i) x[i] = input_value(i);
  edge_status status = edge_session_set_input(s, 0, x, sizeof x);
  if (status == EDGE_STATUS_OK) status = edge_session_run(s);
  if (status == EDGE_STATUS_OK) status = edge_session_run(s);
  return status;
}

int main(int argc, char **argv) {
  edge_env *env = NULL;
  edge_error error = EDGE_ERROR_INIT;
  edge_session *session = NULL;
  ei_arena arena;
  ei_alloc *alloc = NULL;
  CHECK(argc == 3);
  const bool works = strcmp(argv[2], "none") == 0;
  const bool at_load = strcmp(argv[2], "refuse") == 0 || strcmp(argv[2], "memory") == 0;
  CHECK(setenv("EDGE_EXAMPLE_FAULT", works ? "" : argv[2], 1) == 0);
  CHECK(ei_alloc_create(NULL, 0, &alloc) == EDGE_STATUS_OK && edge_env_create(NULL, &env, &error) == EDGE_STATUS_OK);
  const edge_status loaded = edge_env_load_plugin(env, argv[1], &error);
  if (strcmp(argv[2], "version") == 0) {
    CHECK(loaded == EDGE_STATUS_BACKEND_UNAVAILABLE && strstr(error.text, "rebuild the plug-in"));
  } else {
    CHECK(loaded == EDGE_STATUS_OK);
    CHECK(edge_env_load_plugin(env, argv[1], &error) == EDGE_STATUS_BACKEND_UNAVAILABLE); /* the name is taken */
    edge_model *const model = make_model(env, alloc, &arena);
    edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
    o.backends = "example,cpu";
    o.flags = EDGE_SESSION_PREFER;
    CHECK(edge_session_create(model, &o, &session, &error) == EDGE_STATUS_OK);
    CHECK(nodes_on(session, "example") == (at_load ? 0u : 2u));
    CHECK(run_twice(session) == EDGE_STATUS_OK);
    check_outputs(session);
    CHECK(nodes_on(session, "example") == (works ? 2u : 0u));
    CHECK(count_events(session) == (works ? 0u : 1u)); /* told once, not in every run */
    edge_session_destroy(session);
    session = NULL;
    o.flags |= EDGE_SESSION_STRICT;
    edge_status status = edge_session_create(model, &o, &session, &error);
    CHECK((status == EDGE_STATUS_OK) == !at_load);
    if (session) status = run_twice(session);
    CHECK(works ? status == EDGE_STATUS_OK
                : status >= EDGE_STATUS_BACKEND_UNAVAILABLE && status < EDGE_STATUS_INTERNAL);
    edge_session_destroy(session);
    edge_model_release(model);
    ei_arena_free(&arena);
  }
  edge_env_destroy(env);
  uint64_t live = 1;
  ei_alloc_stats(alloc, &live, NULL);
  ei_alloc_destroy(alloc);
  printf("plug-in, fault %s: ok\n", argv[2]);
  return 0;
}
