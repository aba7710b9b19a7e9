/* SPDX-License-Identifier: Apache-2.0
 * Shapes that appear at run time, next to nodes that were compiled before it: a scalar read off such a shape has a
 * known size, so its readers are compiled at load and look for it in the arena. */
#include "e2e.h"
#include "src/format/format.h"

enum { N = 6 };

static uint32_t add_in(ei_graph *g, uint32_t subgraph, const char *name, int32_t dtype, int32_t rank, int64_t size) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.dtype = dtype;
  t.rank = rank;
  for (int32_t d = 0; d < rank; ++d) t.dims[d] = size;
  return ei_graph_add_tensor(g, subgraph, &t);
}

static uint32_t add(ei_graph *g, const char *name, int32_t dtype, int32_t rank, int64_t size) {
  return add_in(g, 0, name, dtype, rank, size);
}

static edge_model *open_graph(edge_env *env, ei_arena *arena, const ei_graph *g) {
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  edge_model *model = NULL;
  CHECK(ei_format_write(g, arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &error) ==
        EDGE_STATUS_OK);
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(model);
  return model;
}

/* y = x * (how many elements of x are not zero), the number read as NonZero(x)'s second dimension. */
static edge_model *make_model(edge_env *env, ei_arena *arena) {
  static const int64_t second = 1;
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
  return open_graph(env, arena, g);
}

/* y = relu(x has N elements ? -x : the sum of x): the branches differ in rank. */
static edge_model *make_choice(edge_env *env, ei_arena *arena) {
  static const int64_t wanted = N;
  ei_graph *const g = ei_graph_new(arena);
  CHECK(g && ei_graph_add_subgraph(g, "main") == 0 && ei_graph_add_subgraph(g, "then") == 1 &&
        ei_graph_add_subgraph(g, "else") == 2);
  const uint32_t x = add(g, "x", EDGE_DTYPE_F32, 1, EI_DIM_UNKNOWN), size = add(g, "size", EDGE_DTYPE_S64, 0, 0),
                 same = add(g, "same", EDGE_DTYPE_BOOL, 0, 0), chosen = add(g, "chosen", EDGE_DTYPE_F32, -1, 0),
                 y = add(g, "y", EDGE_DTYPE_F32, -1, 0);
  const uint32_t equal[] = { size, ei_graph_add_const(g, 0, "wanted", EDGE_DTYPE_S64, NULL, 0, &wanted) },
                 choose[] = { same, x };
  CHECK(ei_graph_add_node(g, 0, "Size", "size", &x, 1, &size, 1) &&
        ei_graph_add_node(g, 0, "Equal", "same", equal, 2, &same, 1));
  ei_node *const n = ei_graph_add_node(g, 0, "If", "choose", choose, 2, &chosen, 1);
  CHECK(n && ei_node_set_int(g, n, "then", 1) == EDGE_STATUS_OK && ei_node_set_int(g, n, "else", 2) == EDGE_STATUS_OK);
  CHECK(ei_graph_add_node(g, 0, "Relu", "y", &chosen, 1, &y, 1));
  for (uint32_t branch = 1; branch <= 2; ++branch) {
    const uint32_t in = add_in(g, branch, "in", EDGE_DTYPE_F32, 1, EI_DIM_UNKNOWN),
                   out = add_in(g, branch, "out", EDGE_DTYPE_F32, branch == 1 ? 1 : 0, EI_DIM_UNKNOWN);
    ei_node *const op = ei_graph_add_node(g, branch, branch == 1 ? "Neg" : "ReduceSum", "op", &in, 1, &out, 1);
    CHECK(op && (branch == 1 || ei_node_set_int(g, op, "keep_dims", 0) == EDGE_STATUS_OK));
    CHECK(ei_subgraph_set_io(g, branch, &in, 1, &out, 1) == EDGE_STATUS_OK);
  }
  CHECK(ei_subgraph_set_io(g, 0, &x, 1, &y, 1) == EDGE_STATUS_OK && ei_graph_add_entry(g, "main", 0) == EDGE_STATUS_OK);
  return open_graph(env, arena, g);
}

static void known_choice(edge_env *env, ei_arena *arena) {
  static const float x[N + 1] = { 1, -2, 3, -4, 5, -6, 7 };
  edge_error error = EDGE_ERROR_INIT;
  edge_session *s = NULL;
  edge_model *const model = make_choice(env, arena);
  CHECK(edge_session_create(model, NULL, &s, &error) == EDGE_STATUS_OK);
  for (int64_t size = N - 1; size <= N + 1; ++size) {
    edge_session_memory memory = EDGE_SESSION_MEMORY_INIT;
    edge_tensor y;
    float sum = 0.0f;
    for (int64_t i = 0; i < size; ++i) sum += x[i];
    CHECK(edge_session_resize_input(s, 0, &size, 1) == EDGE_STATUS_OK && edge_session_prepare(s) == EDGE_STATUS_OK);
    CHECK(edge_session_get_memory(s, &memory) == EDGE_STATUS_OK && !memory.dynamic);
    CHECK(edge_session_set_input(s, 0, x, (uint64_t)size * sizeof *x) == EDGE_STATUS_OK);
    run_session(s);
    CHECK(edge_session_get_output(s, 0, &y) == EDGE_STATUS_OK && y.rank == (size == N ? 1 : 0));
    for (int64_t i = 0; size == N && i < N; ++i) CHECK(((const float *)y.data)[i] == (x[i] < 0 ? -x[i] : 0));
    if (size != N) CHECK(*(const float *)y.data == (sum > 0 ? sum : 0));
  }
  edge_session_destroy(s);
  edge_model_release(model);
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
  known_choice(env, &arena);
  edge_env_destroy(env);
  ei_arena_free(&arena);
  ei_alloc_destroy(alloc);
  return 0;
}
