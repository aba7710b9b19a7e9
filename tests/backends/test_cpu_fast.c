/* SPDX-License-Identifier: Apache-2.0
 * Fast-math on the CPU backend against sums in double precision: only who asks for it gets it, the node says so, the
 * error stays within what rounding both factors to bf16 explains, and reproducible mode has none of it. */
#include "cpu_env.h"
#include "src/format/format.h"
#include "src/graph/graph.h"
#include <edge/edge.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { M = 13, N = 70, K = 64 };

static uint32_t rnd(void) {
  static uint32_t state = 0x9e3779b9u;
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

static uint32_t add_tensor(ei_graph *g, const char *name, int64_t rows, int64_t columns, const float *data) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.dtype = EDGE_DTYPE_F32;
  t.rank = 2;
  t.dims[0] = rows;
  t.dims[1] = columns;
  t.data = data;
  t.data_bytes = data ? (uint64_t)(rows * columns) * sizeof *data : 0;
  return ei_graph_add_tensor(g, 0, &t);
}

static edge_model *make_model(edge_env *env, ei_arena *arena, const float *w) {
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  edge_model *model = NULL;
  ei_graph *const g = ei_graph_new(arena);
  CHECK(g && ei_graph_add_subgraph(g, "main") == 0);
  const uint32_t in[] = { add_tensor(g, "x", M, K, NULL), add_tensor(g, "w", N, K, w) };
  const uint32_t y = add_tensor(g, "y", M, N, NULL);
  CHECK(ei_graph_add_node(g, 0, "FullyConnected", "product", in, 2, &y, 1));
  CHECK(ei_subgraph_set_io(g, 0, in, 1, &y, 1) == EDGE_STATUS_OK && ei_graph_add_entry(g, "m", 0) == EDGE_STATUS_OK);
  CHECK(ei_format_write(g, arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &error) ==
        EDGE_STATUS_OK);
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(model);
  return model;
}

/* Largest error as a share of the sum of magnitudes; *fast: the node says that fast-math is at work. */
static double run(edge_model *model, uint32_t flags, const float *x, const float *w, bool *fast) {
  static float y[M * N];
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_placement place = EDGE_PLACEMENT_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_session *s = NULL;
  o.backends = "cpu";
  o.flags = flags;
  CHECK(edge_session_create(model, &o, &s, &error) == EDGE_STATUS_OK);
  CHECK(edge_session_set_input(s, 0, x, M * K * sizeof *x) == EDGE_STATUS_OK);
  CHECK(edge_session_explain(s, 0, &place) == EDGE_STATUS_OK);
  *fast = strncmp(place.reason, "fast-math", 9) == 0;
  CHECK(edge_session_run(s) == EDGE_STATUS_OK && edge_session_copy_output(s, 0, y, sizeof y) == EDGE_STATUS_OK);
  edge_session_destroy(s);
  double worst = 0.0;
  for (int i = 0; i < M * N; ++i) {
    double sum = 0.0, size = 0.0;
    for (int k = 0; k < K; ++k) {
      const double term = (double)x[i / N * K + k] * (double)w[i % N * K + k];
      sum += term;
      size += fabs(term);
    }
    const double share = fabs((double)y[i] - sum) / size;
    if (!(share <= worst)) worst = share;
  }
  return worst;
}

int main(int argc, char **argv) {
  static float x[M * K], w[N * K];
  edge_env *const env = et_cpu_env(argc, argv);
  ei_alloc *alloc = NULL;
  ei_arena arena;
  bool fast = true;
  CHECK(ei_alloc_create(NULL, 0, &alloc) == EDGE_STATUS_OK);
  ei_arena_init(&arena, alloc);
  for (int i = 0; i < M * K; ++i) x[i] = (float)(rnd() % 20001) / 1e4f - 1.0f;
  for (int i = 0; i < N * K; ++i) w[i] = (float)(rnd() % 20001) / 1e4f - 1.0f;
  edge_model *const model = make_model(env, &arena, w);
  CHECK(run(model, 0, x, w, &fast) < 1e-6 && !fast);
  const double share = run(model, EDGE_SESSION_FAST_MATH, x, w, &fast);
  printf("fast-math %s: error %.3g of the sum of magnitudes\n", fast ? "on" : "without effect here", share);
  CHECK(fast == (strcmp(edge_env_isa_name(env), "avx512bf16") == 0));
  CHECK(fast ? share > 1e-6 && share < 0x1p-8 + 1e-6 : share < 1e-6);
  CHECK(run(model, EDGE_SESSION_FAST_MATH | EDGE_SESSION_REPRODUCIBLE, x, w, &fast) < 1e-6 && !fast);
  edge_model_release(model);
  ei_arena_free(&arena);
  ei_alloc_destroy(alloc);
  edge_env_destroy(env);
  return 0;
}
