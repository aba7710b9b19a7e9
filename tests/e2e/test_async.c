/* SPDX-License-Identifier: Apache-2.0
 * Runs on the session's own thread: callbacks, chains of them, waiting, cancelling and destroying at any moment, by
 * many threads. After a run that was stopped the session's state is that of the last run that was finished. */
#define _POSIX_C_SOURCE 200809L
#include "e2e.h"
#include "src/format/format.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { N = 96, PRODUCTS = 24, THREADS = 8, RUNS = 60 };
static ei_arena arena;

/* memory += x first, then products for a millisecond or so; y = their sum with the old memory */
static edge_model *make_model(edge_env *env) {
  static float w[N * N];
  const int64_t square[] = { N, N };
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  edge_model *model = NULL;
  ei_tensor t;
  ei_graph *const g = ei_graph_new(&arena);
  CHECK(g && ei_graph_add_subgraph(g, "main") == 0);
  memset(&t, 0, sizeof t);
  t.dtype = EDGE_DTYPE_F32;
  t.rank = 2;
  t.dims[0] = t.dims[1] = N;
  ei_state state = { "memory", EDGE_DTYPE_F32, 2, { N, N }, NULL, 0 };
  CHECK(ei_graph_add_state(g, &state) == 0);
  t.name = "memory";
  t.state = 1;
  const uint32_t m = ei_graph_add_tensor(g, 0, &t);
  t.state = 0;
  t.name = "x";
  const uint32_t x = ei_graph_add_tensor(g, 0, &t);
  t.name = "old";
  const uint32_t old = ei_graph_add_tensor(g, 0, &t);
  t.name = "new";
  const uint32_t new = ei_graph_add_tensor(g, 0, &t);
  CHECK(ei_graph_add_node(g, 0, "ReadState", "read", &m, 1, &old, 1));
  CHECK(ei_graph_add_node(g, 0, "Add", "add", (const uint32_t[]) { x, old }, 2, &new, 1));
  CHECK(ei_graph_add_node(g, 0, "AssignState", "write", (const uint32_t[]) { m, new }, 2, NULL, 0));
  for (int i = 0; i < N * N; ++i) w[i] = i % (N + 1) == 0 ? 1.0f : 0.0f;
  const uint32_t weights = ei_graph_add_const(g, 0, "w", EDGE_DTYPE_F32, square, 2, w);
  uint32_t y = new;
  for (int i = 0; i < PRODUCTS; ++i) {
    t.name = "y";
    const uint32_t next = ei_graph_add_tensor(g, 0, &t);
    CHECK(ei_graph_add_node(g, 0, "FullyConnected", "fc", (const uint32_t[]) { y, weights }, 2, &next, 1));
    y = next;
  }
  CHECK(ei_subgraph_set_io(g, 0, &x, 1, &y, 1) == EDGE_STATUS_OK && ei_graph_add_entry(g, "main", 0) == EDGE_STATUS_OK);
  for (uint32_t i = 0; i < g->subgraphs[0].n_tensors; ++i) {
    char name[16];
    snprintf(name, sizeof name, "t%u", i);
    g->subgraphs[0].tensors[i].name = ei_arena_strdup(&arena, name, strlen(name));
  }
  CHECK(ei_format_write(g, &arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &error) ==
        EDGE_STATUS_OK);
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(model);
  return model;
}

static edge_session *new_session(edge_model *model, int threads) {
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  float x[N * N];
  o.backends = "cpu";
  o.num_threads = threads;
  o.flags = EDGE_SESSION_OVERSUBSCRIBE;
  edge_session *const s = open_session(model, &o);
  for (int i = 0; i < N * N; ++i) x[i] = 1.0f;
  CHECK(edge_session_set_input(s, 0, x, sizeof x) == EDGE_STATUS_OK);
  return s;
}

static void nap(uint64_t ns) {
  const struct timespec t = { 0, (long)(ns % 1000000000) };
  nanosleep(&t, NULL);
}

static float output(edge_session *s) {
  float y[N * N];
  CHECK(edge_session_copy_output(s, 0, y, sizeof y) == EDGE_STATUS_OK);
  for (int i = 1; i < N * N; ++i) CHECK(y[i] == y[0]);
  return y[0];
}

typedef struct seen {
  atomic_int calls, left;
  atomic_int last;
  edge_session *session;
} seen;

static void note(void *user, edge_session *session, edge_status status) {
  seen *const n = user;
  CHECK(session == n->session);
  atomic_store(&n->last, status);
  atomic_fetch_add(&n->calls, 1);
  if (atomic_fetch_sub(&n->left, 1) > 1) { /* the next one, from the callback; INVALID_STATE while being destroyed */
    const edge_status again = edge_session_run_async(session, note, user);
    CHECK(again == EDGE_STATUS_OK || again == EDGE_STATUS_INVALID_STATE);
  }
}

static void prepare_note(seen *n, edge_session *s, int runs) {
  atomic_init(&n->calls, 0);
  atomic_init(&n->left, runs);
  atomic_init(&n->last, -1);
  n->session = s;
}

static void contract(edge_model *model) {
  edge_session *const s = new_session(model, 1);
  seen n;
  edge_tensor t;
  uint64_t bytes;
  CHECK(edge_session_wait(s, 0) == EDGE_STATUS_INVALID_STATE);
  CHECK(edge_session_wait(NULL, 0) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(edge_session_run_async(NULL, NULL, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
  prepare_note(&n, s, 1);
  CHECK(edge_session_run_async(s, note, &n) == EDGE_STATUS_OK);
  const edge_status now = edge_session_wait(s, 0);
  CHECK(now == EDGE_STATUS_BUSY || now == EDGE_STATUS_OK);
  CHECK(edge_session_wait(s, UINT64_MAX) == EDGE_STATUS_OK && edge_session_wait(s, 0) == EDGE_STATUS_OK);
  CHECK(atomic_load(&n.calls) == 1 && atomic_load(&n.last) == EDGE_STATUS_OK && output(s) == 1.0f);
  prepare_note(&n, s, 10); /* a chain */
  CHECK(edge_session_run_async(s, note, &n) == EDGE_STATUS_OK);
  while (edge_session_wait(s, 100000) == EDGE_STATUS_BUSY) {
  }
  CHECK(atomic_load(&n.calls) == 10 && output(s) == 11.0f);
  CHECK(edge_session_run_async(s, NULL, NULL) == EDGE_STATUS_OK); /* everybody else is told to wait */
  int busy = 0;
  for (; edge_session_wait(s, 0) == EDGE_STATUS_BUSY; ++busy) {
    const edge_status a = edge_session_get_input(s, 0, &t), b = edge_session_state_save(s, NULL, 0, &bytes);
    CHECK((a == EDGE_STATUS_OK || a == EDGE_STATUS_BUSY) && (b == EDGE_STATUS_OK || b == EDGE_STATUS_BUSY));
  }
  CHECK(edge_session_set_deadline(s, 1) == EDGE_STATUS_OK);
  CHECK(edge_session_run_async(s, NULL, NULL) == EDGE_STATUS_OK);
  CHECK(edge_session_wait(s, UINT64_MAX) == EDGE_STATUS_DEADLINE_EXCEEDED);
  CHECK(strstr(edge_session_last_error(s)->text, "deadline"));
  CHECK(edge_session_set_deadline(s, 0) == EDGE_STATUS_OK);
  run_session(s);
  CHECK(output(s) == 13.0f);
  edge_session_destroy(s);
}

/* Stopped at any moment: all or nothing. */
static void stop_anywhere(edge_model *model, int threads, uint64_t seed) {
  edge_session *const s = new_session(model, threads);
  float done = 0.0f;
  int stopped = 0;
  const uint64_t start = edge_session_clock_ns();
  run_session(s);
  done += 1.0f;
  const uint64_t length = edge_session_clock_ns() - start + 1000;
  for (int i = 0; i < 3 * RUNS; ++i) {
    if (i % 3 == 2) {
      CHECK(edge_session_set_deadline(s, edge_session_clock_ns() + splitmix(&seed) % length) == EDGE_STATUS_OK);
      CHECK(edge_session_run_async(s, NULL, NULL) == EDGE_STATUS_OK);
    } else {
      CHECK(edge_session_run_async(s, NULL, NULL) == EDGE_STATUS_OK);
      nap(splitmix(&seed) % length);
      edge_session_cancel(s);
    }
    const edge_status status = edge_session_wait(s, UINT64_MAX);
    CHECK(status == EDGE_STATUS_OK || status == (i % 3 == 2 ? EDGE_STATUS_DEADLINE_EXCEEDED : EDGE_STATUS_CANCELLED));
    CHECK(edge_session_set_deadline(s, 0) == EDGE_STATUS_OK);
    done += status == EDGE_STATUS_OK ? 1.0f : 0.0f;
    stopped += status != EDGE_STATUS_OK;
    if (i % 8 == 0) {
      run_session(s);
      done += 1.0f;
      CHECK(output(s) == done);
    }
  }
  run_session(s);
  CHECK(output(s) == done + 1.0f);
  printf("%d threads: %d of %d runs were stopped\n", threads, stopped, 3 * RUNS);
  edge_session_destroy(s);
}

static void *own_session(void *arg) {
  edge_model *const model = arg;
  uint64_t seed = (uintptr_t)&seed;
  for (int i = 0; i < RUNS; ++i) {
    edge_session *const s = new_session(model, 1 + i % 2);
    seen n;
    prepare_note(&n, s, i % 4 == 3 ? 1000000 : 3);
    CHECK(edge_session_run_async(s, note, &n) == EDGE_STATUS_OK);
    if (i % 3 == 0) CHECK(edge_session_wait(s, splitmix(&seed) % 1000000) != EDGE_STATUS_INVALID_STATE);
    if (i % 3 == 1) edge_session_cancel(s);
    if (i % 5 == 1) nap(splitmix(&seed) % 500000);
    edge_session_destroy(s); /* in the middle of something */
    CHECK(atomic_load(&n.calls) >= 1);
  }
  return NULL;
}

typedef struct sync_run {
  edge_session *session;
  atomic_int over;
} sync_run;

static void *runner(void *arg) {
  sync_run *const r = arg;
  edge_status status;
  while ((status = edge_session_run(r->session)) == EDGE_STATUS_BUSY) {
  }
  CHECK(status == EDGE_STATUS_OK || status == EDGE_STATUS_CANCELLED);
  atomic_store(&r->over, 1);
  return NULL;
}

/* Destroyed while edge_session_run() of another thread is under way. */
static void destroy_under_run(edge_model *model, int threads) {
  pthread_t thread;
  edge_tensor t;
  sync_run r = { new_session(model, threads), 0 };
  CHECK(pthread_create(&thread, NULL, runner, &r) == 0);
  while (!atomic_load(&r.over) && edge_session_get_input(r.session, 0, &t) != EDGE_STATUS_BUSY) {
  }
  edge_session_destroy(r.session);
  CHECK(pthread_join(thread, NULL) == 0);
}

static void *waiter(void *arg) {
  const edge_status status = edge_session_wait(arg, UINT64_MAX);
  CHECK(status == EDGE_STATUS_OK || status == EDGE_STATUS_CANCELLED);
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  ei_alloc *alloc = NULL;
  CHECK(ei_alloc_create(NULL, 0, &alloc) == EDGE_STATUS_OK);
  ei_arena_init(&arena, alloc);
  edge_env *const env = open_env();
  edge_model *const model = make_model(env);
  contract(model);
  stop_anywhere(model, 1, 1);
  stop_anywhere(model, 2, 2);
  for (int i = 0; i < THREADS; ++i) CHECK(pthread_create(&threads[i], NULL, own_session, model) == 0);
  for (int i = 0; i < THREADS; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  for (int i = 0; i < RUNS; ++i) destroy_under_run(model, 1 + i % 2);
  edge_session *const s = new_session(model, 2);
  for (int i = 0; i < RUNS; ++i) { /* several wait for one run that a third one cancels */
    CHECK(edge_session_run_async(s, NULL, NULL) == EDGE_STATUS_OK);
    for (int k = 0; k < 3; ++k) CHECK(pthread_create(&threads[k], NULL, waiter, s) == 0);
    if (i % 2) edge_session_cancel(s);
    for (int k = 0; k < 3; ++k) CHECK(pthread_join(threads[k], NULL) == 0);
  }
  edge_session_destroy(s);
  edge_model_release(model);
  edge_env_destroy(env);
  ei_arena_free(&arena);
  ei_alloc_destroy(alloc);
  return 0;
}
