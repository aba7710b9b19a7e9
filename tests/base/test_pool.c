/* SPDX-License-Identifier: Apache-2.0
 * The thread pool: right results, no lost or doubled tile, nobody waits for a thread that has no tile. */
#define _POSIX_C_SOURCE 200809L
#include "base_test.h"
#include "src/port/port.h"
#include <sys/resource.h>
#include <time.h>

enum { MAX_TILES = 64, MAX_STEPS = 12, MAX_WORKERS = 8 };

static void sleep_ns(long ns) {
  const struct timespec t = { ns / 1000000000l, ns % 1000000000l };
  nanosleep(&t, NULL);
}

/* Each step adds its number to what the step before it left: any missing barrier or tile shows. */
typedef struct stage {
  const uint32_t *in;
  uint32_t *out;
  uint32_t in_tiles;
  uint32_t add;
  uint32_t sleep_one_in; /* a tile of so many sleeps; 0: none */
  edge_status fail_with;
  uint32_t fail_tile;
  atomic_uint calls;
  atomic_bool *cancel; /* set in tile fail_tile */
} stage;

static edge_status stage_tile(const void *arg, uint32_t tile, uint32_t worker) {
  stage *const s = (stage *)(uintptr_t)arg;
  CHECK(worker < MAX_WORKERS);
  atomic_fetch_add(&s->calls, 1);
  if (s->sleep_one_in != 0) {
    uint64_t seed = (uint64_t)(uintptr_t)s * 31 + tile + s->add;
    if (et_random(&seed) % s->sleep_one_in == 0) sleep_ns((long)(et_random(&seed) % 200000));
  }
  uint32_t sum = s->add;
  for (uint32_t i = 0; i < s->in_tiles; ++i) sum += s->in[i] * (i + 1);
  s->out[tile] = sum + tile;
  if (s->cancel != NULL && tile == s->fail_tile) atomic_store(s->cancel, true);
  return s->fail_with != EDGE_STATUS_OK && tile == s->fail_tile ? s->fail_with : EDGE_STATUS_OK;
}

typedef struct list {
  stage stages[MAX_STEPS];
  edge_step steps[MAX_STEPS];
  uint32_t buffers[MAX_STEPS + 1][MAX_TILES];
  uint32_t num_steps;
} list;

static void make_list(list *l, uint64_t *seed, uint32_t sleep_one_in, bool small_steps) {
  memset(l, 0, sizeof(*l));
  l->num_steps = 1 + (uint32_t)(et_random(seed) % MAX_STEPS);
  uint32_t before = 0;
  for (uint32_t i = 0; i < l->num_steps; ++i) {
    const uint32_t tiles = et_random(seed) % 4 == 0 ? 1 : 1 + (uint32_t)(et_random(seed) % MAX_TILES);
    l->stages[i] = (stage) { .in = i > 0 ? l->buffers[i - 1] : NULL,
                             .out = l->buffers[i],
                             .in_tiles = before,
                             .add = (uint32_t)et_random(seed),
                             .sleep_one_in = sleep_one_in };
    const uint32_t cost = small_steps && et_random(seed) % 2 == 0 ? 500 : (uint32_t)(et_random(seed) % 100000);
    l->steps[i] =
        (edge_step) { .fn = stage_tile, .arg = &l->stages[i], .num_tiles = tiles, .node = i, .cost_ns = cost };
    before = tiles;
  }
}

static void check_list(const list *l) {
  uint32_t want[MAX_TILES] = { 0 }, next[MAX_TILES];
  uint32_t before = 0;
  for (uint32_t i = 0; i < l->num_steps; ++i) {
    const stage *const s = &l->stages[i];
    CHECK(atomic_load(&s->calls) == l->steps[i].num_tiles);
    for (uint32_t t = 0; t < l->steps[i].num_tiles; ++t) {
      uint32_t sum = s->add;
      for (uint32_t j = 0; j < before; ++j) sum += want[j] * (j + 1);
      next[t] = sum + t;
      CHECK(l->buffers[i][t] == next[t]);
    }
    before = l->steps[i].num_tiles;
    memcpy(want, next, sizeof(want));
  }
}

static ei_pool *open_pool(ei_alloc *a, uint32_t threads) {
  ei_pool *pool = NULL;
  edge_error e = EDGE_ERROR_INIT;
  CHECK(ei_pool_create(a, EDGE_THREADS_BUILTIN, NULL, threads, &pool, &e) == EDGE_STATUS_OK);
  CHECK(ei_pool_threads(pool) == threads);
  return pool;
}

static void random_runs(ei_pool *pool, uint32_t runs, uint64_t seed, uint32_t sleep_one_in, bool small_steps) {
  list *const l = malloc(sizeof(*l));
  for (uint32_t i = 0; i < runs; ++i) {
    make_list(l, &seed, sleep_one_in, small_steps);
    ei_run_control control = { 0 };
    CHECK(ei_pool_run(pool, l->steps, l->num_steps, &control) == EDGE_STATUS_OK);
    check_list(l);
  }
  free(l);
}

void test_pool_options(void) {
  ei_alloc *const a = et_alloc();
  ei_pool *pool = NULL;
  edge_error e = EDGE_ERROR_INIT;
  CHECK(ei_pool_create(a, 9, NULL, 2, &pool, &e) == EDGE_STATUS_INVALID_ARGUMENT && pool == NULL);
  CHECK(ei_pool_create(a, EDGE_THREADS_HOST, NULL, 2, &pool, &e) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(ei_pool_create(a, EDGE_THREADS_BUILTIN, NULL, 0, &pool, &e) == EDGE_STATUS_OK);
  CHECK(ei_pool_threads(pool) == ei_cpu_cores() || ei_pool_threads(pool) == 256);
  CHECK(ei_pool_run(pool, NULL, 0, NULL) == EDGE_STATUS_OK);
  ei_pool_destroy(pool);
  ei_pool_destroy(NULL);
  et_alloc_close(a);
}

void test_pool_results(void) {
  ei_alloc *const a = et_alloc();
  for (uint32_t threads = 1; threads <= MAX_WORKERS; ++threads) {
    ei_pool *const pool = open_pool(a, threads);
    random_runs(pool, 150, threads, 0, false);
    ei_pool_destroy(pool);
  }
  et_alloc_close(a);
}

void test_pool_many_runs(void) {
  ei_alloc *const a = et_alloc();
  ei_pool *const pool = open_pool(a, 3);
  random_runs(pool, 10000, 11, 0, true);
  ei_pool_destroy(pool);
  et_alloc_close(a);
}

void test_pool_sleepy_tiles(void) {
  ei_alloc *const a = et_alloc();
  ei_pool *const pool = open_pool(a, 4);
  random_runs(pool, 200, 12, 40, false);
  ei_pool_destroy(pool);
  et_alloc_close(a);
}

/* Helpers are parked or asleep between runs, and the steps of a run are gone when it is over: with a sanitizer a
 * helper that still looked at them would be caught. */
void test_pool_late_helpers(void) {
  ei_alloc *const a = et_alloc();
  ei_pool *const pool = open_pool(a, 6);
  uint64_t seed = 5;
  for (int i = 0; i < 400; ++i) {
    list *const l = malloc(sizeof(*l));
    make_list(l, &seed, 0, true);
    CHECK(ei_pool_run(pool, l->steps, l->num_steps, NULL) == EDGE_STATUS_OK);
    check_list(l);
    memset(l, 0xee, sizeof(*l));
    free(l);
    if (et_random(&seed) % 4 == 0) sleep_ns((long)(et_random(&seed) % 300000));
  }
  ei_pool_destroy(pool);
  et_alloc_close(a);
}

/* A machine without a core for the helper: its tiles take 2 ms, the driver's 20 us. */
typedef struct scarce {
  atomic_bool on;
  atomic_uint helped;
} scarce;

static edge_status scarce_tile(const void *arg, uint32_t tile, uint32_t worker) {
  scarce *const s = (scarce *)(uintptr_t)arg;
  (void)tile;
  if (worker != 0) {
    atomic_fetch_add(&s->helped, 1);
    if (atomic_load(&s->on)) sleep_ns(2000000);
  } else {
    const uint64_t end = ei_clock_ns() + 20000;
    while (ei_clock_ns() < end) continue;
  }
  return EDGE_STATUS_OK;
}

/* Runs that helpers make longer go on alone, apart from a few trials; each list is judged by itself. */
void test_pool_scarce_cores(void) {
  enum { RUNS = 400 };
  ei_alloc *const a = et_alloc();
  ei_pool *const pool = open_pool(a, 2);
  scarce s = { 0 };
  const edge_step step = { .fn = scarce_tile, .arg = &s, .num_tiles = 8, .cost_ns = 160000 };
  ei_pool_history history = { 0 };
  ei_run_control control = { .history = &history };
  atomic_store(&s.on, true);
  for (int i = 0; i < RUNS; ++i) CHECK(ei_pool_run(pool, &step, 1, &control) == EDGE_STATUS_OK);
  CHECK(atomic_load(&s.helped) < RUNS / 4);
  ei_pool_destroy(pool);
  et_alloc_close(a);
}

static edge_status on_caller(const void *arg, uint32_t tile, uint32_t worker) {
  (void)arg, (void)tile;
  return worker == 0 ? EDGE_STATUS_OK : EDGE_STATUS_INTERNAL;
}

void test_pool_small_steps(void) {
  ei_alloc *const a = et_alloc();
  ei_pool *const pool = open_pool(a, 4);
  const edge_step steps[] = { { .fn = on_caller, .num_tiles = 50, .cost_ns = 1000 }, /* too small to share */
                              { .fn = on_caller, .num_tiles = 1, .cost_ns = 1000000 },
                              { .fn = on_caller, .num_tiles = 0, .cost_ns = 1000000 } };
  for (int i = 0; i < 200; ++i) CHECK(ei_pool_run(pool, steps, 3, NULL) == EDGE_STATUS_OK);
  ei_pool_destroy(pool);
  et_alloc_close(a);
}

void test_pool_cancel(void) {
  ei_alloc *const a = et_alloc();
  for (uint32_t threads = 1; threads <= 4; ++threads) {
    ei_pool *const pool = open_pool(a, threads);
    list *const l = calloc(1, sizeof(*l));
    for (int round = 0; round < 50; ++round) {
      atomic_bool cancel = false;
      for (uint32_t i = 0; i < 3; ++i) {
        l->stages[i] = (stage) { .out = l->buffers[i], .fail_tile = 7, .cancel = i == 1 ? &cancel : NULL };
        l->steps[i] = (edge_step) { .fn = stage_tile, .arg = &l->stages[i], .num_tiles = 60, .cost_ns = 50000 };
      }
      ei_run_control control = { .cancel = &cancel };
      CHECK(ei_pool_run(pool, l->steps, 3, &control) == EDGE_STATUS_CANCELLED);
      CHECK(control.failed_step == 1 || control.failed_step == 2);
      CHECK(atomic_load(&l->stages[2].calls) == 0);
      if (threads == 1) CHECK(atomic_load(&l->stages[1].calls) == 8);
    }
    atomic_bool cancelled = true;
    ei_run_control control = { .cancel = &cancelled };
    l->stages[0] = (stage) { .out = l->buffers[0] };
    CHECK(ei_pool_run(pool, l->steps, 1, &control) == EDGE_STATUS_CANCELLED && atomic_load(&l->stages[0].calls) == 0);
    free(l);
    ei_pool_destroy(pool);
  }
  et_alloc_close(a);
}

static edge_status slow_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)arg, (void)tile, (void)worker;
  sleep_ns(1000000);
  return EDGE_STATUS_OK;
}

void test_pool_deadline(void) {
  ei_alloc *const a = et_alloc();
  for (uint32_t threads = 1; threads <= 3; ++threads) {
    ei_pool *const pool = open_pool(a, threads);
    const edge_step step = { .fn = slow_tile, .num_tiles = 2000, .cost_ns = 2000000000 };
    const uint64_t begin = ei_clock_ns();
    ei_run_control control = { .deadline_ns = begin + 20000000 };
    CHECK(ei_pool_run(pool, &step, 1, &control) == EDGE_STATUS_DEADLINE_EXCEEDED);
    CHECK(ei_clock_ns() >= control.deadline_ns);
    CHECK(ei_clock_ns() - begin < 1500000000u);
    CHECK(ei_pool_run(pool, &step, 1, &control) == EDGE_STATUS_DEADLINE_EXCEEDED); /* it has passed already */
    ei_pool_destroy(pool);
  }
  et_alloc_close(a);
}

void test_pool_failure(void) {
  ei_alloc *const a = et_alloc();
  for (uint32_t threads = 1; threads <= 5; ++threads) {
    ei_pool *const pool = open_pool(a, threads);
    list *const l = calloc(1, sizeof(*l));
    for (uint32_t tile = 0; tile < 60; tile += 3) {
      for (uint32_t i = 0; i < 4; ++i) {
        l->stages[i] = (stage) { .out = l->buffers[i],
                                 .fail_tile = tile,
                                 .fail_with = i == 2 ? EDGE_STATUS_INVALID_VALUE : EDGE_STATUS_OK };
        l->steps[i] = (edge_step) { .fn = stage_tile, .arg = &l->stages[i], .num_tiles = 60, .cost_ns = 50000 };
      }
      ei_run_control control = { 0 };
      CHECK(ei_pool_run(pool, l->steps, 4, &control) == EDGE_STATUS_INVALID_VALUE && control.failed_step == 2);
      CHECK(atomic_load(&l->stages[1].calls) == 60 && atomic_load(&l->stages[3].calls) == 0);
    }
    free(l);
    random_runs(pool, 20, threads, 0, false);
    ei_pool_destroy(pool);
  }
  et_alloc_close(a);
}

void test_pool_profile(void) {
  ei_alloc *const a = et_alloc();
  ei_pool *const pool = open_pool(a, 2);
  const edge_step steps[] = { { .fn = slow_tile, .num_tiles = 4, .cost_ns = 4000000 },
                              { .fn = on_caller, .num_tiles = 1 },
                              { .fn = slow_tile, .num_tiles = 2, .cost_ns = 100 } };
  uint64_t times[3] = { 0 };
  ei_run_control control = { .step_ns = times };
  CHECK(ei_pool_run(pool, steps, 3, &control) == EDGE_STATUS_OK);
  CHECK(times[0] >= 1000000 && times[1] < times[0] && times[2] >= 2000000);
  ei_pool_destroy(pool);
  et_alloc_close(a);
}

void test_pool_create_destroy(void) {
  ei_alloc *const a = et_alloc();
  for (uint32_t i = 0; i < 100; ++i) {
    ei_pool *const pool = open_pool(a, 1 + i % 5);
    if (i % 3 == 0) {
      const edge_step step = { .fn = on_caller, .num_tiles = 2, .cost_ns = 100000 };
      ei_pool_start(pool, &step, 1);
    }
    if (i % 2 == 0) random_runs(pool, 1 + i % 3, i, 0, false);
    ei_pool_destroy(pool);
  }
  et_alloc_close(a);
}

/* Nothing runs between inferences: an idle pool uses no CPU time. */
void test_pool_idle(void) {
  ei_alloc *const a = et_alloc();
  ei_pool *const pool = open_pool(a, 4);
  random_runs(pool, 20, 4, 0, false);
  sleep_ns(20000000);
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  sleep_ns(200000000);
  getrusage(RUSAGE_SELF, &after);
  const long used_us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000l + after.ru_utime.tv_usec -
                       before.ru_utime.tv_usec + (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000l +
                       after.ru_stime.tv_usec - before.ru_stime.tv_usec;
  CHECK(used_us < 20000);
  ei_pool_destroy(pool);
  et_alloc_close(a);
}

/* ---- executors of the host */

typedef struct call {
  void (*task)(void *arg, uint32_t worker);
  void *arg;
  uint32_t worker;
  ei_port_thread thread;
} call;

static void call_main(void *arg) {
  const call *const c = arg;
  c->task(c->arg, c->worker);
}

/* A thread for each worker; none of them the caller. */
static void threaded(void *user, void (*task)(void *arg, uint32_t worker), void *arg, uint32_t num_workers) {
  ++*(uint32_t *)user;
  call calls[MAX_WORKERS];
  for (uint32_t i = 0; i < num_workers; ++i) {
    calls[i] = (call) { .task = task, .arg = arg, .worker = i };
    CHECK(ei_port_thread_start(&calls[i].thread, call_main, &calls[i]) == EDGE_STATUS_OK);
  }
  for (uint32_t i = 0; i < num_workers; ++i) ei_port_thread_join(&calls[i].thread);
}

/* One worker after another, the last first: nobody may wait for a worker that has not begun. */
static void serial(void *user, void (*task)(void *arg, uint32_t worker), void *arg, uint32_t num_workers) {
  ++*(uint32_t *)user;
  for (uint32_t i = num_workers; i-- > 0;) task(arg, i);
}

static void check_executor(void (*run)(void *, void (*)(void *, uint32_t), void *, uint32_t), uint32_t runs) {
  ei_alloc *const a = et_alloc();
  uint32_t forks = 0;
  const edge_executor executor = { &forks, 4, 0, run };
  ei_pool *pool = NULL;
  edge_error e = EDGE_ERROR_INIT;
  CHECK(ei_pool_create(a, EDGE_THREADS_HOST, &executor, 9, &pool, &e) == EDGE_STATUS_OK);
  CHECK(ei_pool_threads(pool) == 4);
  random_runs(pool, runs, 21, 100, true);
  CHECK(forks > 0 && forks <= runs); /* one fork a run */
  forks = 0;
  const edge_step small = { .fn = on_caller, .num_tiles = 20, .cost_ns = 100 };
  CHECK(ei_pool_run(pool, &small, 1, NULL) == EDGE_STATUS_OK && forks == 0);
  ei_pool_destroy(pool);
  et_alloc_close(a);
}

void test_pool_host_executor(void) {
  check_executor(threaded, 100);
}

void test_pool_host_serial(void) {
  check_executor(serial, 200);
}

void test_pool_pthreadpool(void) {
  ei_alloc *const a = et_alloc();
  ei_pool *pool = NULL;
  edge_error e = EDGE_ERROR_INIT;
  const edge_status status = ei_pool_create(a, EDGE_THREADS_PTHREADPOOL, NULL, 3, &pool, &e);
  if (status == EDGE_STATUS_BACKEND_UNAVAILABLE) {
    CHECK(pool == NULL && strstr(e.text, "pthreadpool") != NULL);
    et_alloc_close(a);
    SKIP("built without pthreadpool");
  }
  CHECK(status == EDGE_STATUS_OK && ei_pool_threads(pool) == 3);
  random_runs(pool, 150, 31, 0, true);
  ei_pool_destroy(pool);
  et_alloc_close(a);
}
