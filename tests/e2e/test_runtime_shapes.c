/* SPDX-License-Identifier: Apache-2.0
 * Shapes that appear at run time, next to nodes that were compiled before it: a scalar read off such a shape has a
 * known size, so its readers are compiled at load and look for it in the arena. */
#include "e2e.h"
#include "src/format/format.h"

enum { N = 6 };

static uint32_t add(ei_graph *g, const char *name, int32_t dtype, int32_t rank, int64_t size) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.dtype = dtype;
  t.rank = rank;
  for (int32_t d = 0; d < rank; ++d) t.dims[d] = size;
  return ei_graph_add_tensor(g, 0, &t);
}

/* y = x * (how many elements of x are not zero), the number read as NonZero(x)'s second dimension. */
static edge_model *make_model(edge_env *env, ei_arena *arena) {
  static const int64_t second = 1;
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  edge_model *model = NULL;
  ei_graph *const g = ei_graph_new(arena);
  CHECK(g && ei_graph_add_subgraph(g, "main") == 0);
  const uint32_t x = add(g, "x", EDGE_DTYPE_F32, 1, N), where = add(g, "where", EDGE_DTYPE_S64, 2, EI_DIM_UNKNOWN),
                 shape = add(g, "shape", EDGE_DTYPE_S64, 1, 2), count = add(g, "count", EDGE_DTYPE_S64, 0, 0),
                 factor = add(g, "factor", EDGE_DTYPE_F32, 0, 0), y = add(g, "y", EDGE_DTYPE_F32, 1, N);
  const uint32_t gather[] = { shape, ei_graph_add_const(g, 0, "second", EDGE_DTYPE_S64, NULL, 0, &second) },
                 mul[] = { x, factor };
  CHECK(ei_graph_add_node(g, 0, "NonZero", "where", &x, 1, &where, 1) &&
        ei_graph_add_node(g, 0, "Shape", "shape", &where, 1, &shape, 1) &&
        ei_graph_add_node(g, 0, "Gather", "count", gather, 2, &count, 1));
  ei_node *const cast = ei_graph_add_node(g, 0, "Cast", "factor", &count, 1, &factor, 1);
  CHECK(cast && ei_node_set_int(g, cast, "dtype", EDGE_DTYPE_F32) == EDGE_STATUS_OK);
  CHECK(ei_graph_add_node(g, 0, "Mul", "y", mul, 2, &y, 1));
  CHECK(ei_subgraph_set_io(g, 0, &x, 1, &y, 1) == EDGE_STATUS_OK && ei_graph_add_entry(g, "main", 0) == EDGE_STATUS_OK);
  CHECK(ei_format_write(g, arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &error) ==
        EDGE_STATUS_OK);
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(model);
  return model;
}

int main(void) {
  edge_error error = EDGE_ERROR_INIT;
  edge_env *env = NULL;
  edge_session *s = NULL;
  ei_alloc *alloc = NULL;
  ei_arena arena;
  CHECK(edge_env_create(NULL, &env, &error) == EDGE_STATUS_OK);
  CHECK(ei_alloc_create(NULL, 0, &alloc) == EDGE_STATUS_OK);
  ei_arena_init(&arena, alloc);
  edge_model *const model = make_model(env, &arena);
  CHECK(edge_session_create(model, NULL, &s, &error) == EDGE_STATUS_OK);
  for (int zeros = 0; zeros <= N; ++zeros) {
    float x[N], y[N];
    for (int i = 0; i < N; ++i) x[i] = i < zeros ? 0.0f : (float)(i + 1);
    CHECK(edge_session_set_input(s, 0, x, sizeof x) == EDGE_STATUS_OK);
    run_session(s);
    CHECK(edge_session_copy_output(s, 0, y, sizeof y) == EDGE_STATUS_OK);
    for (int i = 0; i < N; ++i) CHECK(y[i] == x[i] * (float)(N - zeros));
  }
  edge_session_destroy(s);
  edge_model_release(model);
  edge_env_destroy(env);
  ei_arena_free(&arena);
  ei_alloc_destroy(alloc);
  return 0;
}
