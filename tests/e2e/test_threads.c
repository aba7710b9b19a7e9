/* SPDX-License-Identifier: Apache-2.0
 * Eight threads on eight sessions of one model; two threads on one session; counts of threads; cancel from another
 * thread. */
#define _POSIX_C_SOURCE 200809L
#include "e2e.h"
#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 8, RUNS = 200 };

typedef struct job {
  edge_model *model;
  edge_session *session; /* shared, or NULL: one of its own */
  unsigned char want[64];
  atomic_int *busy, *stop;
} job;

static void *own_session(void *arg) {
  job *const j = arg;
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  o.backends = "cpu";
  o.num_threads = 2;
  edge_session *const s = open_session(j->model, &o);
  fill_inputs(s);
  for (int i = 0; i < RUNS; ++i) {
    edge_tensor out;
    run_session(s);
    CHECK(edge_session_get_output(s, 0, &out) == EDGE_STATUS_OK);
    if (i == 0) memcpy(j->want, out.data, (size_t)out.bytes < sizeof j->want ? (size_t)out.bytes : sizeof j->want);
    CHECK(memcmp(j->want, out.data, (size_t)out.bytes < sizeof j->want ? (size_t)out.bytes : sizeof j->want) == 0);
  }
  edge_session_destroy(s);
  return NULL;
}

/* More threads than CPUs are made only for who asks twice. */
static void check_count(edge_model *model) {
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  o.num_threads = 1024;
  edge_session *s = open_session(model, &o);
  const uint32_t cpus = edge_session_num_threads(s);
  CHECK(cpus >= 1 && cpus <= 1024);
  edge_session_destroy(s);
  o.num_threads = (int32_t)cpus + 3;
  o.flags = EDGE_SESSION_OVERSUBSCRIBE;
  s = open_session(model, &o);
  CHECK(edge_session_num_threads(s) == cpus + 3);
  run_session(s);
  edge_session_destroy(s);
}

static void *one_session(void *arg) {
  job *const j = arg;
  for (int i = 0; i < RUNS; ++i) {
    const edge_status status = edge_session_run(j->session);
    if (status == EDGE_STATUS_BUSY)
      atomic_fetch_add(j->busy, 1);
    else
      CHECK(status == EDGE_STATUS_OK || status == EDGE_STATUS_CANCELLED);
  }
  return NULL;
}

static void *canceller(void *arg) {
  job *const j = arg;
  while (!atomic_load(j->stop)) edge_session_cancel(j->session);
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  job jobs[THREADS];
  atomic_int busy, stop;
  atomic_init(&busy, 0);
  atomic_init(&stop, 0);
  edge_env *const env = open_env();
  edge_model *const model = open_model(env, EDGE_DIGITS "/digits_int8.edge", NULL);
  for (int i = 0; i < THREADS; ++i) {
    jobs[i].model = model;
    CHECK(pthread_create(&threads[i], NULL, own_session, &jobs[i]) == 0);
  }
  for (int i = 0; i < THREADS; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  for (int i = 1; i < THREADS; ++i) CHECK(memcmp(jobs[0].want, jobs[i].want, 40) == 0);
  check_count(model);
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  o.backends = "cpu";
  edge_session *const s = open_session(model, &o);
  fill_inputs(s);
  for (int i = 0; i < 3; ++i) {
    jobs[i].session = s;
    jobs[i].busy = &busy;
    jobs[i].stop = &stop;
  }
  CHECK(pthread_create(&threads[0], NULL, one_session, &jobs[0]) == 0 &&
        pthread_create(&threads[1], NULL, one_session, &jobs[1]) == 0 &&
        pthread_create(&threads[2], NULL, canceller, &jobs[2]) == 0);
  CHECK(pthread_join(threads[0], NULL) == 0 && pthread_join(threads[1], NULL) == 0);
  atomic_store(&stop, 1);
  CHECK(pthread_join(threads[2], NULL) == 0);
  run_session(s); /* usable afterwards */
  printf("%d sessions agree; %d of %d runs found the session busy\n", THREADS, atomic_load(&busy), 2 * RUNS);
  edge_session_destroy(s);
  edge_model_release(model);
  edge_env_destroy(env);
  return 0;
}
