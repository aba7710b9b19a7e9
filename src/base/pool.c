/* SPDX-License-Identifier: Apache-2.0
 * The tile-claiming pool.
 *
 * The thread that drives a run walks the list. A step worth sharing is opened in the slot of the pool; whoever is
 * there claims its tiles; the driver claims too and then waits for tiles that others have claimed, never for a thread.
 * Small steps stay on the driver.
 *
 *   cursor  { epoch : 40 | next tile : 24 }    one word, advanced by compare-and-swap
 *   slot    fn, arg, base, tiles               written only while the cursor says CLOSED
 *   done    tiles finished in this epoch       the driver waits until it equals tiles
 *
 * A helper reads the cursor, then the slot, then claims {epoch, t} -> {epoch, t + 1}. The slot's fields are stored
 * with release and loaded with acquire, so a helper that saw a field of a later epoch also sees that the cursor moved
 * on, and its claim fails: a helper that wakes late reads the slot only and never follows a pointer of a run that is
 * over. All tiles of an epoch are claimed before it ends, so nobody can claim in an old one.
 *
 * Where cores are scarce a helper is taken off its core in the middle of a tile and everybody waits. The driver notices
 * that a tile took far longer than its own ones and then works alone for a while, longer each time it happens. */
#include "pool.h"
#include "pool_provider.h"
#include "../port/port.h"

#if ATOMIC_LLONG_LOCK_FREE == 2 /* without 64-bit atomics, as on microcontrollers, the pool runs alone */
#  define HAVE_HELPERS 1
#else
#  define HAVE_HELPERS 0
#endif

enum { MAX_THREADS = 256, CHECK_NS = 100000 /* read the clock about this often for a deadline */ };

#if HAVE_HELPERS

enum {
  SHARE_NS = 3000,          /* estimate from which a step is worth sharing */
  WAKE_NS = 15000,          /* and from which it is worth waking a sleeper */
  AHEAD_NS = 30000,         /* wake this early */
  LATE_NS = 20000,          /* a claimed tile may take this much longer than four of the driver's own */
  MIN_PENALTY_NS = 4000000, /* working alone after that, first and at most */
  MAX_PENALTY_NS = 256000000,
  MEMORY_FACTOR = 16, /* times the penalty: how long the last one counts */
  SPIN_NS = 50000,    /* longest spin anywhere */
  MIN_SPIN_NS = 2000
};

static bool worth_sharing(const edge_step *step) {
  return step->num_tiles > 1 && (step->cost_ns == 0 || step->cost_ns >= SHARE_NS);
}

#  define TILE_BITS 24
#  define TILE_MASK ((1u << TILE_BITS) - 1)
#  define CLOSED TILE_MASK /* no step has so many tiles: longer ones are opened in pieces */

typedef struct helper {
  struct ei_pool *pool;
  uint32_t worker;
  ei_port_thread thread;
} helper;

typedef atomic_uint word; /* what ei_port_wait() sleeps on */
_Static_assert(sizeof(word) == sizeof(uint32_t), "a futex is 32 bits");

#endif

typedef struct run {
  const edge_step *steps;
  uint32_t num_steps;
  ei_run_control *control;
  edge_status status;
} run;

struct ei_pool {
  ei_alloc *alloc;
  uint32_t num_threads;
  edge_executor executor; /* run == NULL: own helpers */
  ei_pthreadpool *provider;
#if HAVE_HELPERS
  bool started;
  uint32_t num_helpers;    /* started threads */
  helper *helpers;         /* num_threads - 1 */
  uint64_t alone_until_ns; /* owned by the driver: no company before this time */
  uint64_t penalty_ns;
  bool alone;
  run *current; /* executor only: what the first worker to come drives */
  _Alignas(64) atomic_ullong cursor;
  _Atomic(edge_tile_fn) fn;
  _Atomic(const void *) arg;
  atomic_uint base;
  atomic_uint tiles;
  _Alignas(64) word done;
  atomic_uint driver_sleeps;
  atomic_int failure;      /* first failing tile's status in this epoch */
  _Alignas(64) word wakes; /* sleepers wait for it to change */
  atomic_uint sleepers;
  atomic_bool running;
  atomic_bool stop;
  atomic_bool driver_taken;
#endif
};

/* ---- steps on the driver alone */

static edge_status stopped(const ei_run_control *control) {
  return control->cancel != NULL && atomic_load_explicit(control->cancel, memory_order_relaxed) ? EDGE_STATUS_CANCELLED
                                                                                                : EDGE_STATUS_OK;
}

/* Deadline checks that read the clock only about every CHECK_NS of estimated work. */
typedef struct watch {
  const ei_run_control *control;
  uint32_t interval, left; /* in tiles */
} watch;

static watch watch_step(const ei_run_control *control, const edge_step *step) {
  const uint32_t tile_ns = step->num_tiles > 0 ? step->cost_ns / step->num_tiles : 0;
  const uint32_t interval = tile_ns > 0 ? CHECK_NS / tile_ns + 1 : 1;
  return (watch) { control, interval, interval };
}

static edge_status watch_tile(watch *w) {
  const edge_status status = stopped(w->control);
  if (status != EDGE_STATUS_OK || w->control->deadline_ns == 0 || --w->left > 0) return status;
  w->left = w->interval;
  return ei_clock_ns() >= w->control->deadline_ns ? EDGE_STATUS_DEADLINE_EXCEEDED : EDGE_STATUS_OK;
}

static edge_status run_alone(const edge_step *step, uint32_t worker, const ei_run_control *control) {
  watch w = watch_step(control, step);
  for (uint32_t tile = 0; tile < step->num_tiles; ++tile) {
    if (tile > 0) EI_TRY(watch_tile(&w));
    EI_TRY(step->fn(step->arg, tile, worker));
  }
  return EDGE_STATUS_OK;
}

#if HAVE_HELPERS

/* ---- claiming */

static void relax(void) {
#  if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#  elif defined(__aarch64__)
  __asm__ volatile("yield");
#  endif
}

static volatile uint32_t *futex_of(word *w) {
  return (volatile uint32_t *)(uintptr_t)w;
}

static void finish_tiles(ei_pool *pool, uint32_t n, bool helping) {
  atomic_fetch_add(&pool->done, n);
  if (helping && atomic_load(&pool->driver_sleeps) != 0) ei_port_wake(futex_of(&pool->done), 1);
}

/* Claims what nobody has claimed, without running it. Only for a thread that holds a tile or drives. */
static void claim_rest(ei_pool *pool, uint32_t tiles, bool helping) {
  unsigned long long c = atomic_load(&pool->cursor);
  while ((c & TILE_MASK) < tiles) {
    if (atomic_compare_exchange_weak(&pool->cursor, &c, (c & ~(unsigned long long)TILE_MASK) | tiles)) {
      finish_tiles(pool, tiles - (uint32_t)(c & TILE_MASK), helping);
      return;
    }
  }
}

/* One tile, if there is one to claim. */
static bool work(ei_pool *pool, uint32_t worker, bool helping) {
  unsigned long long c = atomic_load(&pool->cursor);
  for (;;) {
    const uint32_t tile = (uint32_t)(c & TILE_MASK);
    if (tile == CLOSED) return false;
    const uint32_t tiles = atomic_load_explicit(&pool->tiles, memory_order_acquire);
    if (tile >= tiles) return false;
    const edge_tile_fn fn = atomic_load_explicit(&pool->fn, memory_order_acquire);
    const void *const arg = atomic_load_explicit(&pool->arg, memory_order_acquire);
    const uint32_t base = atomic_load_explicit(&pool->base, memory_order_acquire);
    if (!atomic_compare_exchange_weak(&pool->cursor, &c, c + 1)) continue;
    const edge_status status = fn(arg, base + tile, worker);
    if (status != EDGE_STATUS_OK) {
      int none = EDGE_STATUS_OK;
      atomic_compare_exchange_strong(&pool->failure, &none, status);
      claim_rest(pool, tiles, helping);
    }
    finish_tiles(pool, 1, helping);
    return true;
  }
}

static bool work_is_open(ei_pool *pool) {
  const uint32_t tile = (uint32_t)(atomic_load(&pool->cursor) & TILE_MASK);
  return tile != CLOSED && tile < atomic_load(&pool->tiles);
}

/* ---- helpers */

static void wake_sleepers(ei_pool *pool) {
  if (atomic_load(&pool->sleepers) == 0) return;
  atomic_fetch_add(&pool->wakes, 1);
  ei_port_wake(futex_of(&pool->wakes), UINT32_MAX);
}

/* Spins for at most budget_ns until a tile can be claimed or the helper is to leave. */
static bool spin(ei_pool *pool, uint64_t budget_ns, bool guest) {
  uint64_t end = 0;
  for (unsigned i = 0;; ++i) {
    if (work_is_open(pool)) return true;
    if (atomic_load_explicit(&pool->stop, memory_order_relaxed)) return false;
    if (guest && !atomic_load_explicit(&pool->running, memory_order_relaxed)) return false;
    if (i % 32 == 31) {
      const uint64_t now = ei_port_clock_ns();
      if (end == 0) end = now + budget_ns;
      if (now >= end) return false;
    }
    relax();
  }
}

static void park(ei_pool *pool, bool guest) {
  /* Announce first, look again, then sleep: the driver opens a step first and looks for sleepers then. */
  atomic_fetch_add(&pool->sleepers, 1);
  const uint32_t seen = atomic_load(&pool->wakes);
  if (!work_is_open(pool) && !atomic_load(&pool->stop) && (!guest || atomic_load(&pool->running)))
    ei_port_wait(futex_of(&pool->wakes), seen);
  atomic_fetch_sub(&pool->sleepers, 1);
}

/* guest: a worker of an executor, which goes home at the end of the run. */
static void help(ei_pool *pool, uint32_t worker, bool guest) {
  uint64_t budget_ns = SPIN_NS;
  for (;;) {
    if (work(pool, worker, true)) continue;
    if (atomic_load(&pool->stop) || (guest && !atomic_load(&pool->running))) return;
    const bool in_run = atomic_load_explicit(&pool->running, memory_order_relaxed);
    if (spin(pool, in_run ? SPIN_NS : budget_ns, guest)) {
      budget_ns = SPIN_NS;
      continue;
    }
    if (!in_run && budget_ns > MIN_SPIN_NS) budget_ns /= 2; /* spinning between runs did not pay */
    park(pool, guest);
  }
}

static void helper_main(void *arg) {
  const helper *const h = arg;
  help(h->pool, h->worker, false);
}

/* ---- the driver */

/* True when it had to sleep. */
static bool wait_for_claimed(ei_pool *pool, uint32_t tiles) {
  bool slept = false;
  uint64_t end = 0;
  for (unsigned i = 0; atomic_load_explicit(&pool->done, memory_order_acquire) != tiles; ++i) {
    relax();
    if (i % 32 != 31) continue;
    const uint64_t now = ei_port_clock_ns();
    if (end == 0) end = now + SPIN_NS;
    if (now < end) continue;
    /* The thread that holds the tile may need this core. */
    slept = true;
    atomic_store(&pool->driver_sleeps, 1);
    for (;;) {
      const uint32_t seen = atomic_load(&pool->done);
      if (seen == tiles) break;
      ei_port_wait(futex_of(&pool->done), seen);
    }
    atomic_store(&pool->driver_sleeps, 0);
  }
  return slept;
}

/* After a wait for tiles of others. A machine that is short of cores shows it again soon: then the penalty grows. */
static void judge(ei_pool *pool, uint64_t begin, uint64_t end, uint32_t own_tiles) {
  const uint64_t tile_ns = (end - begin) / (own_tiles > 0 ? own_tiles : 1);
  const uint64_t now = ei_port_clock_ns();
  if (now - end <= 4 * tile_ns + LATE_NS) return;
  const bool again = now - pool->alone_until_ns < MEMORY_FACTOR * pool->penalty_ns;
  pool->penalty_ns = again ? 2 * pool->penalty_ns : MIN_PENALTY_NS;
  if (pool->penalty_ns > MAX_PENALTY_NS) pool->penalty_ns = MAX_PENALTY_NS;
  pool->alone_until_ns = now + pool->penalty_ns;
  pool->alone = true;
}

static bool wants_company(ei_pool *pool) {
  if (pool->alone) pool->alone = ei_port_clock_ns() < pool->alone_until_ns;
  return !pool->alone;
}

/* Tiles [base, base + tiles) of a step, together with whoever is there. */
static edge_status run_shared(ei_pool *pool, const edge_step *step, uint32_t base, uint32_t tiles, uint32_t worker,
                              watch *w) {
  const unsigned long long epoch = (atomic_load_explicit(&pool->cursor, memory_order_relaxed) >> TILE_BITS) + 1;
  atomic_store_explicit(&pool->fn, step->fn, memory_order_release);
  atomic_store_explicit(&pool->arg, step->arg, memory_order_release);
  atomic_store_explicit(&pool->base, base, memory_order_release);
  atomic_store_explicit(&pool->tiles, tiles, memory_order_release);
  atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->failure, EDGE_STATUS_OK, memory_order_relaxed);
  atomic_store(&pool->cursor, epoch << TILE_BITS);
  if (step->cost_ns == 0 || step->cost_ns >= WAKE_NS) wake_sleepers(pool);
  edge_status status = EDGE_STATUS_OK;
  uint32_t own_tiles = 0;
  const uint64_t begin = ei_port_clock_ns();
  for (; status == EDGE_STATUS_OK && work(pool, worker, false); ++own_tiles) status = watch_tile(w);
  claim_rest(pool, tiles, false);
  const uint64_t end = ei_port_clock_ns();
  if (wait_for_claimed(pool, tiles)) judge(pool, begin, end, own_tiles);
  atomic_exchange(&pool->cursor, epoch << TILE_BITS | CLOSED);
  const edge_status failure = atomic_load_explicit(&pool->failure, memory_order_relaxed);
  return failure != EDGE_STATUS_OK ? failure : status;
}

#endif

static edge_status run_step(ei_pool *pool, const edge_step *step, uint32_t worker, const ei_run_control *control,
                            bool alone) {
  EI_TRY(stopped(control));
  if (control->deadline_ns != 0 && ei_clock_ns() >= control->deadline_ns) return EDGE_STATUS_DEADLINE_EXCEEDED;
  if (step->num_tiles == 0) return EDGE_STATUS_OK;
#if HAVE_HELPERS
  if (!alone && worth_sharing(step) && wants_company(pool)) {
    watch w = watch_step(control, step);
    for (uint32_t base = 0; base < step->num_tiles;) {
      const uint32_t left = step->num_tiles - base;
      const uint32_t tiles = left < CLOSED ? left : CLOSED - 1;
      EI_TRY(run_shared(pool, step, base, tiles, worker, &w));
      base += tiles;
    }
    return EDGE_STATUS_OK;
  }
#else
  (void)pool;
#endif
  (void)alone;
  return run_alone(step, worker, control);
}

static void drive(ei_pool *pool, run *r, uint32_t worker, bool alone) {
  ei_run_control *const control = r->control;
  uint64_t begin = control->step_ns != NULL ? ei_clock_ns() : 0;
  for (uint32_t i = 0; i < r->num_steps; ++i) {
    r->status = run_step(pool, &r->steps[i], worker, control, alone);
    if (control->step_ns != NULL) {
      const uint64_t end = ei_clock_ns();
      control->step_ns[i] = end - begin;
      begin = end;
    }
    if (r->status != EDGE_STATUS_OK) {
      control->failed_step = i;
      return;
    }
  }
}

#if HAVE_HELPERS

/* One worker of an executor: the first to come drives, so that no order of workers can block the run. */
static void executor_task(void *arg, uint32_t worker) {
  ei_pool *const pool = arg;
  if (atomic_exchange(&pool->driver_taken, true)) {
    help(pool, worker, true);
    return;
  }
  drive(pool, pool->current, worker, false);
  atomic_store(&pool->running, false);
  wake_sleepers(pool);
}

static void start_helpers(ei_pool *pool) {
  if (pool->started || pool->executor.run != NULL) return;
  pool->started = true;
  for (uint32_t i = 0; i + 1 < pool->num_threads; ++i) {
    helper *const h = &pool->helpers[i];
    h->pool = pool;
    h->worker = i + 1;
    if (ei_port_thread_start(&h->thread, helper_main, h) != EDGE_STATUS_OK) break; /* fewer do as well */
    pool->num_helpers = i + 1;
  }
}

/* Does any step need company, and how much work lies before the first one that does? */
static bool needs_helpers(const run *r, uint64_t *before_ns, uint64_t *shared_ns) {
  *before_ns = *shared_ns = 0;
  for (uint32_t i = 0; i < r->num_steps; ++i) {
    const edge_step *const step = &r->steps[i];
    if (worth_sharing(step)) {
      *shared_ns += step->cost_ns != 0 ? step->cost_ns : WAKE_NS;
    } else if (*shared_ns == 0) {
      *before_ns += step->cost_ns;
    }
  }
  return *shared_ns != 0;
}

void ei_pool_start(ei_pool *pool, const edge_step *steps, uint32_t num_steps) {
  const run r = { steps, num_steps, NULL, EDGE_STATUS_OK };
  uint64_t before_ns, shared_ns;
  if (needs_helpers(&r, &before_ns, &shared_ns)) start_helpers(pool);
}

static void run_with_helpers(ei_pool *pool, run *r) {
  uint64_t before_ns, shared_ns;
  if (!needs_helpers(r, &before_ns, &shared_ns)) {
    drive(pool, r, 0, true);
    return;
  }
  atomic_store(&pool->running, true);
  if (pool->executor.run != NULL) {
    pool->current = r;
    atomic_store(&pool->driver_taken, false);
    pool->executor.run(pool->executor.user, executor_task, pool, pool->num_threads);
    if (!atomic_load(&pool->driver_taken)) drive(pool, r, 0, true); /* the executor called nobody */
    (void)atomic_load(&pool->running); /* what the driver wrote is visible also without the executor's help */
    atomic_store(&pool->running, false);
    pool->current = NULL;
    return;
  }
  start_helpers(pool);
  if (shared_ns >= WAKE_NS && before_ns <= AHEAD_NS && wants_company(pool)) wake_sleepers(pool);
  drive(pool, r, 0, pool->num_helpers == 0);
  atomic_store(&pool->running, false);
}

#else

void ei_pool_start(ei_pool *pool, const edge_step *steps, uint32_t num_steps) {
  (void)pool, (void)steps, (void)num_steps;
}

#endif

edge_status ei_pool_run(ei_pool *pool, const edge_step *steps, uint32_t num_steps, ei_run_control *control) {
  ei_run_control none = { 0 };
  run r = { steps, num_steps, control != NULL ? control : &none, EDGE_STATUS_OK };
#if HAVE_HELPERS
  if (pool->num_threads > 1) {
    run_with_helpers(pool, &r);
    return r.status;
  }
#endif
  drive(pool, &r, 0, true);
  return r.status;
}

/* ---- life */

edge_status ei_pool_create(ei_alloc *alloc, int32_t kind, const edge_executor *executor, uint32_t num_threads,
                           ei_pool **out, edge_error *err) {
  *out = NULL;
  if (kind != EDGE_THREADS_BUILTIN && kind != EDGE_THREADS_PTHREADPOOL && kind != EDGE_THREADS_HOST)
    return ei_fail(err, EDGE_STATUS_INVALID_ARGUMENT, "threads %d is not one of EDGE_THREADS_*", (int)kind);
  if (kind == EDGE_THREADS_HOST && (executor == NULL || executor->run == NULL || executor->num_workers == 0))
    return ei_fail(err, EDGE_STATUS_INVALID_ARGUMENT,
                   "EDGE_THREADS_HOST needs an executor with a run function and at least one worker");
  if (num_threads == 0) num_threads = kind == EDGE_THREADS_HOST ? executor->num_workers : ei_cpu_cores();
  if (kind == EDGE_THREADS_HOST && num_threads > executor->num_workers) num_threads = executor->num_workers;
  if (num_threads > MAX_THREADS) num_threads = MAX_THREADS;
  ei_pool *const pool = ei_alloc_get(alloc, sizeof(*pool), _Alignof(ei_pool));
  if (pool == NULL) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory for a thread pool");
  pool->alloc = alloc;
  pool->num_threads = HAVE_HELPERS ? num_threads : 1;
  if (kind == EDGE_THREADS_HOST) pool->executor = *executor;
  if (kind == EDGE_THREADS_PTHREADPOOL) {
    const edge_status status = ei_pthreadpool_open(alloc, pool->num_threads, &pool->provider, &pool->executor, err);
    if (status != EDGE_STATUS_OK) {
      ei_pool_destroy(pool);
      return status;
    }
  }
#if HAVE_HELPERS
  atomic_init(&pool->cursor, CLOSED);
  if (kind == EDGE_THREADS_BUILTIN && num_threads > 1) {
    pool->helpers = ei_alloc_get(alloc, (uint64_t)(num_threads - 1) * sizeof(helper), _Alignof(helper));
    if (pool->helpers == NULL) {
      ei_pool_destroy(pool);
      return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory for %u threads", (unsigned)num_threads);
    }
  }
#endif
  *out = pool;
  return EDGE_STATUS_OK;
}

void ei_pool_destroy(ei_pool *pool) {
  if (pool == NULL) return;
#if HAVE_HELPERS
  if (pool->num_helpers > 0) {
    atomic_store(&pool->stop, true);
    atomic_fetch_add(&pool->wakes, 1);
    ei_port_wake(futex_of(&pool->wakes), UINT32_MAX);
    for (uint32_t i = 0; i < pool->num_helpers; ++i) ei_port_thread_join(&pool->helpers[i].thread);
  }
  if (pool->helpers != NULL)
    ei_alloc_put(pool->alloc, pool->helpers, (uint64_t)(pool->num_threads - 1) * sizeof(helper), _Alignof(helper));
#endif
  ei_pthreadpool_close(pool->alloc, pool->provider);
  ei_alloc_put(pool->alloc, pool, sizeof(*pool), _Alignof(ei_pool));
}

uint32_t ei_pool_threads(const ei_pool *pool) {
  return pool->num_threads;
}
