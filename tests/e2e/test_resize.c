/* SPDX-License-Identifier: Apache-2.0
 * Sizes that change: a session that returns to a recent size plans and allocates nothing, its answers are those of a
 * fresh session; the largest shape's memory is taken once; memory bound before a resize is never read or written past
 * its end. */
#include "e2e.h"
#include "src/format/format.h"
#include <math.h>
#include <stdatomic.h>

enum { IN = 16, OUT = 8, MOST = 960 };

static atomic_ulong calls;
static atomic_ulong arenas; /* allocations as large as activations are here, and no table of a plan */

static void *count_alloc(void *user, uint64_t bytes, uint64_t align) {
  (void)user;
  atomic_fetch_add(&calls, 1);
  if (bytes >= 32768) atomic_fetch_add(&arenas, 1);
  return aligned_alloc((size_t)(align < 16 ? 16 : align), (size_t)((bytes + 63) / 64 * 64));
}

static void count_free(void *user, void *p, uint64_t bytes, uint64_t align) {
  (void)user, (void)bytes, (void)align;
  free(p);
}

static float weight(int o, int i) {
  return (float)((o * 7 + i * 3) % 11 - 5) * 0.125f;
}

static uint32_t add_rows(ei_graph *g, const char *name, int64_t columns, uint32_t symbol) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.dtype = EDGE_DTYPE_F32;
  t.rank = 2;
  t.dims[0] = EI_DIM_UNKNOWN;
  t.dims[1] = columns;
  t.symbols[0] = symbol;
  return ei_graph_add_tensor(g, 0, &t);
}

/* y = softmax(relu(x w)) over `rows` rows of 16. */
static edge_model *make_model(edge_env *env, ei_arena *arena) {
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  edge_model *model = NULL;
  float w[OUT][IN];
  for (int o = 0; o < OUT; ++o)
    for (int i = 0; i < IN; ++i) w[o][i] = weight(o, i);
  ei_graph *const g = ei_graph_new(arena);
  CHECK(g && ei_graph_add_subgraph(g, "main") == 0);
  const uint32_t symbol = ei_graph_add_symbol(g, "rows", 1, MOST) + 1;
  const uint32_t x = add_rows(g, "x", IN, symbol), a = add_rows(g, "a", OUT, 0), b = add_rows(g, "b", OUT, 0),
                 y = add_rows(g, "y", OUT, symbol);
  const uint32_t fc[] = { x, ei_graph_add_const(g, 0, "w", EDGE_DTYPE_F32, (const int64_t[]) { OUT, IN }, 2, w) };
  CHECK(ei_graph_add_node(g, 0, "FullyConnected", "fc", fc, 2, &a, 1) &&
        ei_graph_add_node(g, 0, "Relu", "relu", &a, 1, &b, 1) &&
        ei_graph_add_node(g, 0, "Softmax", "softmax", &b, 1, &y, 1));
  CHECK(ei_subgraph_set_io(g, 0, &x, 1, &y, 1) == EDGE_STATUS_OK && ei_graph_add_entry(g, "main", 0) == EDGE_STATUS_OK);
  CHECK(ei_format_write(g, arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &error) ==
        EDGE_STATUS_OK);
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(model);
  return model;
}

static float value(int row, int i, int salt) {
  return (float)((row * 31 + i * 17 + salt * 5) % 23 - 11) * 0.25f;
}

static void check_rows(const float *y, int rows, int salt) {
  for (int r = 0; r < rows; ++r) {
    double sum = 0.0, e[OUT];
    for (int o = 0; o < OUT; ++o) {
      double dot = 0.0;
      for (int i = 0; i < IN; ++i) dot += (double)value(r, i, salt) * (double)weight(o, i);
      sum += e[o] = exp(dot > 0.0 ? dot : 0.0);
    }
    for (int o = 0; o < OUT; ++o) CHECK(fabs((double)y[r * OUT + o] - e[o] / sum) < 1e-5);
  }
}

static edge_status resize(edge_session *s, int rows) {
  return edge_session_resize_input(s, 0, (const int64_t[]) { rows, IN }, 2);
}

static void run_at(edge_session *s, int rows, int salt) {
  float x[MOST * IN], y[MOST * OUT];
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < IN; ++i) x[r * IN + i] = value(r, i, salt);
  CHECK(resize(s, rows) == EDGE_STATUS_OK);
  CHECK(edge_session_set_input(s, 0, x, (uint64_t)rows * IN * sizeof *x) == EDGE_STATUS_OK);
  run_session(s);
  CHECK(edge_session_copy_output(s, 0, y, (uint64_t)rows * OUT * sizeof *y) == EDGE_STATUS_OK);
  check_rows(y, rows, salt);
}

static void recent_plans(edge_model *model, int threads) {
  static const int sizes[] = { 5, MOST, 1, 33 };
  edge_error error = EDGE_ERROR_INIT;
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_session *s = NULL;
  o.backends = "cpu";
  o.num_threads = threads;
  o.flags |= EDGE_SESSION_OVERSUBSCRIBE;
  CHECK(edge_session_create(model, &o, &s, &error) == EDGE_STATUS_OK);
  for (int i = 0; i < 4; ++i) run_at(s, sizes[i], i);
  unsigned long before = atomic_load(&calls);
  for (int i = 0; i < 40; ++i) run_at(s, sizes[(i * 7 + i / 4) % 4], i);
  CHECK(atomic_load(&calls) == before);
  run_at(s, 34, 1); /* one more than is kept */
  CHECK(atomic_load(&calls) > before);
  for (int i = 0; i < 24; ++i) run_at(s, 1 + i * 3, i);
  CHECK(resize(s, MOST + 1) == EDGE_STATUS_OK); /* found when it is planned */
  CHECK(edge_session_prepare(s) == EDGE_STATUS_SHAPE_MISMATCH && strstr(edge_session_last_error(s)->text, "rows"));
  run_at(s, MOST, 3);
  edge_session_destroy(s);
}

static edge_status set_max(edge_session *s, int rows) {
  return edge_session_set_max_shape(s, 0, (const int64_t[]) { rows, IN }, 2);
}

/* Memory for the largest shape is taken once, every smaller one lies in it; the error says what to do. */
static void largest_shape(edge_model *model) {
  enum { LARGEST = 640 };
  static _Alignas(64) unsigned char small[4096];
  edge_error error = EDGE_ERROR_INIT;
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_session *s = NULL;
  o.backends = "cpu";
  CHECK(edge_session_create(model, &o, &s, &error) == EDGE_STATUS_OK);
  CHECK(edge_session_set_max_shape(s, 0, (const int64_t[]) { LARGEST, IN + 1 }, 2) == EDGE_STATUS_SHAPE_MISMATCH);
  CHECK(edge_session_set_max_shape(s, 0, (const int64_t[]) { LARGEST }, 1) == EDGE_STATUS_SHAPE_MISMATCH);
  CHECK(set_max(s, MOST + 1) == EDGE_STATUS_OK); /* more than the model allows: found when it is planned, each time */
  CHECK(resize(s, 3) == EDGE_STATUS_OK);
  CHECK(edge_session_prepare(s) == EDGE_STATUS_SHAPE_MISMATCH && edge_session_run(s) == EDGE_STATUS_SHAPE_MISMATCH);
  CHECK(strstr(edge_session_last_error(s)->text, "(rows)"));
  CHECK(set_max(s, LARGEST) == EDGE_STATUS_OK);
  run_at(s, 3, 0);
  const unsigned long before = atomic_load(&arenas);
  for (int i = 0; i < LARGEST; ++i) run_at(s, i * 29 % LARGEST + 1, i);
  CHECK(atomic_load(&arenas) == before);
  CHECK(resize(s, LARGEST + 1) == EDGE_STATUS_LIMIT_EXCEEDED);
  CHECK(strcmp(edge_session_last_error(s)->text,
               "input 'x': dimension 0 (rows) is 641, the session was told at most 640: set a larger maximum with "
               "edge_session_set_max_shape()") == 0);
  run_at(s, LARGEST, 1); /* nothing is lost */
  CHECK(set_max(s, LARGEST - 1) == EDGE_STATUS_LIMIT_EXCEEDED);
  CHECK(edge_session_set_max_shape(s, 0, NULL, -1) == EDGE_STATUS_OK);
  run_at(s, MOST, 2);
  CHECK(atomic_load(&arenas) > before);
  edge_session_destroy(s);
  o.arena = small; /* the caller's own memory is too small for the largest shape, though the first one would fit */
  o.arena_bytes = sizeof small;
  CHECK(edge_session_create(model, &o, &s, &error) == EDGE_STATUS_OK && resize(s, 1) == EDGE_STATUS_OK);
  CHECK(edge_session_prepare(s) == EDGE_STATUS_OK && set_max(s, LARGEST) == EDGE_STATUS_OK);
  CHECK(edge_session_prepare(s) == EDGE_STATUS_LIMIT_EXCEEDED);
  edge_session_destroy(s);
}

static void bound_memory(edge_model *model) {
  edge_error error = EDGE_ERROR_INIT;
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_session *s = NULL;
  o.backends = "cpu";
  float *const x = aligned_alloc(64, 4 * IN * sizeof *x), *const y = aligned_alloc(64, 4 * OUT * sizeof *y);
  float *const more = aligned_alloc(64, 8 * IN * sizeof *more), *const wide = aligned_alloc(64, 8 * OUT * sizeof *wide);
  CHECK(x && y && more && wide);
  for (int k = 0; k < 8 * IN; ++k) more[k] = value(k / IN, k % IN, 0);
  memcpy(x, more, 4 * IN * sizeof *x);
  CHECK(edge_session_create(model, &o, &s, &error) == EDGE_STATUS_OK && resize(s, 4) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_input(s, 0, x, 4 * IN * sizeof *x) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_output(s, 0, y, 4 * OUT * sizeof *y) == EDGE_STATUS_OK);
  run_session(s);
  check_rows(y, 4, 0);
  CHECK(resize(s, 8) == EDGE_STATUS_OK);
  CHECK(edge_session_run(s) == EDGE_STATUS_SHAPE_MISMATCH && strstr(edge_session_last_error(s)->text, "'x'"));
  CHECK(edge_session_bind_input(s, 0, more, 8 * IN * sizeof *more) == EDGE_STATUS_OK);
  CHECK(edge_session_run(s) == EDGE_STATUS_SHAPE_MISMATCH && strstr(edge_session_last_error(s)->text, "'y'"));
  CHECK(edge_session_bind_output(s, 0, wide, 8 * OUT * sizeof *wide) == EDGE_STATUS_OK);
  run_session(s);
  check_rows(wide, 8, 0);
  CHECK(resize(s, 3) == EDGE_STATUS_OK); /* less than what is bound is enough */
  run_session(s);
  check_rows(wide, 3, 0);
  edge_session_destroy(s);
  free(x);
  free(y);
  free(more);
  free(wide);
}

int main(void) {
  edge_error error = EDGE_ERROR_INIT;
  edge_env_options options = EDGE_ENV_OPTIONS_INIT;
  edge_env *env = NULL;
  ei_alloc *alloc = NULL;
  ei_arena arena;
  const edge_allocator allocator = { NULL, count_alloc, count_free };
  options.allocator = &allocator;
  CHECK(edge_env_create(&options, &env, &error) == EDGE_STATUS_OK);
  CHECK(ei_alloc_create(NULL, 0, &alloc) == EDGE_STATUS_OK);
  ei_arena_init(&arena, alloc);
  edge_model *const model = make_model(env, &arena);
  recent_plans(model, 1);
  recent_plans(model, 2);
  largest_shape(model);
  bound_memory(model);
  edge_model_release(model);
  edge_env_destroy(env);
  ei_arena_free(&arena);
  ei_alloc_destroy(alloc);
  printf("resize: recent plans are taken back without an allocation\n");
  return 0;
}
