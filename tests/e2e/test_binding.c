/* SPDX-License-Identifier: Apache-2.0
 * State that a model carries through its inputs and outputs, bound in place: an output over the input that it becomes,
 * outputs over each other's inputs, views of inputs. Answers are those of separate memory; a run that fails changes no
 * input; a run allocates nothing. */
#include "e2e.h"
#include "src/format/format.h"

enum { N = 4096, STEPS = 12, RING = 12, PART = 4 };

static uint64_t calls;
static void *count_alloc(void *user, uint64_t bytes, uint64_t align) {
  (void)user;
  calls++;
  return aligned_alloc((size_t)(align < 64 ? 64 : align), (size_t)((bytes + 63) / 64 * 64));
}
static void count_free(void *user, void *p, uint64_t bytes, uint64_t align) {
  (void)user, (void)bytes, (void)align;
  free(p);
}

typedef struct maker {
  ei_graph *g;
  ei_arena arena;
  ei_alloc *alloc;
} maker;

static void begin(maker *m) {
  CHECK(ei_alloc_create(NULL, 0, &m->alloc) == EDGE_STATUS_OK);
  ei_arena_init(&m->arena, m->alloc);
  m->g = ei_graph_new(&m->arena);
  CHECK(m->g && ei_graph_add_subgraph(m->g, "main") == 0);
}

static uint32_t value(maker *m, const char *name, int32_t dtype, int64_t n) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.dtype = dtype;
  t.rank = 1;
  t.dims[0] = n;
  return ei_graph_add_tensor(m->g, 0, &t);
}

static uint32_t list(maker *m, const char *name, int64_t v) {
  return ei_graph_add_const(m->g, 0, name, EDGE_DTYPE_S64, (const int64_t[]) { 1 }, 1, &v);
}

static void node(maker *m, const char *op, const char *name, const uint32_t *in, uint32_t n_in, uint32_t out) {
  CHECK(ei_graph_add_node(m->g, 0, op, name, in, n_in, &out, 1));
}

/* The image stays in the maker's memory until the model is gone. */
static edge_model *finish(maker *m, edge_env *env, const uint32_t *in, uint32_t n_in, const uint32_t *out,
                          uint32_t n_out) {
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  edge_model *model = NULL;
  CHECK(ei_subgraph_set_io(m->g, 0, in, n_in, out, n_out) == EDGE_STATUS_OK);
  CHECK(ei_graph_add_entry(m->g, "main", 0) == EDGE_STATUS_OK);
  CHECK(ei_format_write(m->g, &m->arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments,
                        &error) == EDGE_STATUS_OK);
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(model);
  return model;
}

static void end(maker *m, edge_model *model) {
  edge_model_release(model);
  ei_arena_free(&m->arena);
  ei_alloc_destroy(m->alloc);
}

static edge_session *session(edge_model *model, const char *backends, int threads) {
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  o.backends = backends;
  o.num_threads = threads;
  o.flags = EDGE_SESSION_OVERSUBSCRIBE;
  return open_session(model, &o);
}

static float *memory(uint64_t floats) {
  float *const p = aligned_alloc(64, (size_t)(floats * sizeof(float) + 63) / 64 * 64);
  CHECK(p);
  return p;
}

/* h' = relu(x + h), y = h' - h: h is read after h' was made. A wrong index at the end makes the run fail. */
static void late_reader(edge_env *env, const char *backends, int threads) {
  maker m;
  begin(&m);
  const uint32_t x = value(&m, "x", EDGE_DTYPE_F32, N), h = value(&m, "h", EDGE_DTYPE_F32, N),
                 i = value(&m, "i", EDGE_DTYPE_S64, 1), a = value(&m, "a", EDGE_DTYPE_F32, N),
                 b = value(&m, "h'", EDGE_DTYPE_F32, N), y = value(&m, "y", EDGE_DTYPE_F32, N),
                 z = value(&m, "z", EDGE_DTYPE_F32, 1);
  node(&m, "Add", "add", (const uint32_t[]) { x, h }, 2, a);
  node(&m, "Relu", "relu", &a, 1, b);
  node(&m, "Sub", "sub", (const uint32_t[]) { b, h }, 2, y);
  node(&m, "Gather", "pick", (const uint32_t[]) { y, i }, 2, z);
  edge_model *const model = finish(&m, env, (const uint32_t[]) { x, h, i }, 3, (const uint32_t[]) { y, b, z }, 3);
  for (int order = 0; order < 2; ++order) {
    edge_session *const s = session(model, backends, threads);
    float *const state = memory(N), want[N], in[N], out[N];
    int64_t index = 7;
    if (order) CHECK(edge_session_bind_output(s, 1, state, sizeof want) == EDGE_STATUS_OK);
    CHECK(edge_session_bind_input(s, 1, state, sizeof want) == EDGE_STATUS_OK);
    if (!order) CHECK(edge_session_bind_output(s, 1, state, sizeof want) == EDGE_STATUS_OK);
    for (int k = 0; k < N; ++k) state[k] = want[k] = (float)(k % 9);
    CHECK(edge_session_prepare(s) == EDGE_STATUS_OK);
    for (int step = 0; step < STEPS; ++step) {
      for (int k = 0; k < N; ++k) in[k] = (float)((k * 7 + step * 5) % 13 - 6);
      index = step % 3 == 2 ? N + 1 : 7;
      CHECK(edge_session_set_input(s, 0, in, sizeof in) == EDGE_STATUS_OK);
      CHECK(edge_session_set_input(s, 2, &index, sizeof index) == EDGE_STATUS_OK);
      const uint64_t before = calls;
      const edge_status status = edge_session_run(s);
      CHECK(calls == before);
      CHECK(status == (index > N ? EDGE_STATUS_INVALID_VALUE : EDGE_STATUS_OK));
      if (status == EDGE_STATUS_OK) {
        CHECK(edge_session_copy_output(s, 0, out, sizeof out) == EDGE_STATUS_OK);
        for (int k = 0; k < N; ++k) {
          const float next = in[k] + want[k] > 0.0f ? in[k] + want[k] : 0.0f;
          CHECK(out[k] == next - want[k]);
          want[k] = next;
        }
      }
      CHECK(memcmp(state, want, sizeof want) == 0); /* also as before after a failure */
    }
    CHECK(edge_session_bind_output(s, 1, NULL, 0) == EDGE_STATUS_OK);
    index = 7;
    CHECK(edge_session_set_input(s, 2, &index, sizeof index) == EDGE_STATUS_OK);
    run_session(s);
    CHECK(memcmp(state, want, sizeof want) == 0); /* unbound: nothing is written */
    edge_session_destroy(s);
    free(state);
  }
  end(&m, model);
}

/* A window over the last RING samples: concat, slice. */
static void ring(edge_env *env, const char *backends, int threads) {
  maker m;
  begin(&m);
  const uint32_t x = value(&m, "x", EDGE_DTYPE_F32, PART), w = value(&m, "window", EDGE_DTYPE_F32, RING),
                 c = value(&m, "c", EDGE_DTYPE_F32, RING + PART), n = value(&m, "next", EDGE_DTYPE_F32, RING),
                 y = value(&m, "y", EDGE_DTYPE_F32, RING);
  node(&m, "Concat", "cat", (const uint32_t[]) { w, x }, 2, c);
  node(&m, "Slice", "cut", (const uint32_t[]) { c, list(&m, "s", PART), list(&m, "e", RING + PART) }, 3, n);
  node(&m, "Mul", "square", (const uint32_t[]) { n, n }, 2, y);
  edge_model *const model = finish(&m, env, (const uint32_t[]) { x, w }, 2, (const uint32_t[]) { y, n }, 2);
  edge_session *const s = session(model, backends, threads);
  float *const window = memory(RING), *const part = memory(PART), got[RING];
  float heard[RING + STEPS * PART] = { 0 };
  memset(window, 0, RING * sizeof *window);
  CHECK(edge_session_bind_input(s, 0, part, PART * sizeof *part) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_input(s, 1, window, RING * sizeof *window) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_output(s, 1, window, RING * sizeof *window) == EDGE_STATUS_OK);
  for (int step = 0; step < STEPS; ++step) {
    for (int k = 0; k < PART; ++k) part[k] = heard[RING + step * PART + k] = (float)(step * PART + k + 1);
    run_session(s);
    const float *const last = heard + (step + 1) * PART;
    CHECK(memcmp(window, last, RING * sizeof *window) == 0);
    CHECK(edge_session_copy_output(s, 0, got, sizeof got) == EDGE_STATUS_OK);
    for (int k = 0; k < RING; ++k) CHECK(got[k] == last[k] * last[k]);
  }
  edge_session_destroy(s);
  free(window);
  free(part);
  end(&m, model);
}

/* Outputs that are views of inputs, bound crosswise and on top of each other. */
static void crosswise(edge_env *env, const char *backends, int threads) {
  maker m;
  begin(&m);
  const uint32_t a = value(&m, "a", EDGE_DTYPE_F32, N), b = value(&m, "b", EDGE_DTYPE_F32, N),
                 p = value(&m, "p", EDGE_DTYPE_F32, N), q = value(&m, "q", EDGE_DTYPE_F32, N),
                 r = value(&m, "r", EDGE_DTYPE_F32, N), shape = list(&m, "shape", N);
  node(&m, "Reshape", "left", (const uint32_t[]) { b, shape }, 2, p);
  node(&m, "Reshape", "right", (const uint32_t[]) { a, shape }, 2, q);
  node(&m, "Sub", "sub", (const uint32_t[]) { p, q }, 2, r);
  edge_model *const model = finish(&m, env, (const uint32_t[]) { a, b }, 2, (const uint32_t[]) { p, q, r }, 3);
  edge_session *const s = session(model, backends, threads);
  float *const ma = memory(N), *const mb = memory(N), *const both = memory(2 * N);
  const uint64_t bytes = N * sizeof(float);
  CHECK(edge_session_bind_input(s, 0, ma, bytes) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_input(s, 1, mb, bytes) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_output(s, 0, ma, bytes) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_output(s, 1, mb, bytes) == EDGE_STATUS_OK);
  for (int k = 0; k < N; ++k) ma[k] = (float)k, mb[k] = (float)(-2 * k);
  for (int step = 0; step < 4; ++step) {
    float out[N];
    const uint64_t before = calls;
    run_session(s);
    CHECK(calls == before);
    CHECK(edge_session_copy_output(s, 2, out, sizeof out) == EDGE_STATUS_OK);
    for (int k = 0; k < N; ++k) {
      const float even = (float)k, odd = (float)(-2 * k);
      CHECK(ma[k] == (step % 2 ? even : odd) && mb[k] == (step % 2 ? odd : even));
      CHECK(out[k] == (step % 2 ? even - odd : odd - even));
    }
  }
  /* the last output wins where they overlap; an input may be covered in part */
  CHECK(edge_session_bind_input(s, 0, both + N / 2, bytes) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_output(s, 0, NULL, 0) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_output(s, 1, both + N, bytes) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_output(s, 2, both, bytes) == EDGE_STATUS_OK);
  for (int k = 0; k < N; ++k) both[N / 2 + k] = (float)k, mb[k] = 3.0f;
  run_session(s);
  for (int k = 0; k < N; ++k) CHECK(both[k] == 3.0f - (float)k && both[N + k] == (float)k);
  CHECK(edge_session_bind_output(s, 1, both, bytes) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_input(s, 0, NULL, 0) == EDGE_STATUS_OK);
  float zero[N] = { 1.0f };
  CHECK(edge_session_set_input(s, 0, zero, sizeof zero) == EDGE_STATUS_OK);
  run_session(s);
  for (int k = 0; k < N; ++k) CHECK(both[k] == 3.0f - zero[k]);
  /* the session's own memory is refused */
  edge_tensor t;
  CHECK(edge_session_bind_output(s, 1, NULL, 0) == EDGE_STATUS_OK);
  CHECK(edge_session_get_output(s, 1, &t) == EDGE_STATUS_OK && t.data);
  if ((uintptr_t)t.data % 64 == 0 && t.data != (void *)mb)
    CHECK(edge_session_bind_input(s, 1, t.data, t.bytes) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(edge_session_get_input(s, 0, &t) == EDGE_STATUS_OK);
  CHECK(edge_session_bind_output(s, 0, t.data, t.bytes) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(strstr(edge_session_last_error(s)->text, "memory of your own"));
  edge_session_destroy(s);
  free(ma);
  free(mb);
  free(both);
  end(&m, model);
}

int main(void) {
  static const char *const backends[] = { "cpu", "xnnpack,cpu", NULL };
  const edge_allocator counting = { NULL, count_alloc, count_free };
  edge_env_options o = EDGE_ENV_OPTIONS_INIT;
  edge_env *env = NULL;
  o.allocator = &counting;
  CHECK(edge_env_create(&o, &env, NULL) == EDGE_STATUS_OK);
  for (size_t b = 0; b < 3; ++b)
    for (int threads = 1; threads < 3; ++threads) {
      late_reader(env, backends[b], threads);
      ring(env, backends[b], threads);
      crosswise(env, backends[b], threads);
    }
  edge_env_destroy(env);
  return 0;
}
