/* SPDX-License-Identifier: Apache-2.0
 * The tile-claiming pool.
 *
 * The thread that drives a run walks the list. A step worth sharing is opened in the slot of the pool; whoever is
 * there claims its tiles; the driver claims too and then waits for tiles that others have claimed, never for a thread.
 * Small steps stay on the driver.
 *
 *   slot    epoch, fn, arg, base, tiles, shares one cache line; epoch is odd while a step is open. The other fields
 *                                              change only while it is even
 *   lane    { epoch : 40 | next tile : 24 }    one cache line a worker: its share of the tiles, in order. A lane whose
 *                                              epoch is an older one stands at the beginning of its share
 *   done    tiles finished in this epoch       the driver waits until it equals tiles
 *
 * Each worker claims from its own lane first, so that it meets the rows that it wrote in the step before and shares no
 * cache line while it works, and then from the lanes of others. A claim moves a lane by compare-and-swap.
 *
 * A helper that wakes late follows no pointer of a run that is over: it reads epoch, the fields and epoch again, so the
 * fields belong to that epoch (they are stored with release and loaded with acquire: whoever sees a later field sees
 * the later epoch too). All tiles of an epoch are claimed before it ends, which leaves every lane that has a share at
 * its end in this epoch or in a later one, and a claim for this epoch fails.
 *
 * Where cores are scarce a helper is taken off its core in the middle of a tile and everybody waits. Each run list
 * remembers how long its runs took with company and, once a tile came late, alone (struct ei_pool_history), and keeps
 * to what takes less, trying the other again from time to time. */
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
  SHARE_NS = 3000,  /* estimate from which a step is worth sharing */
  WAKE_NS = 15000,  /* and from which it is worth waking a sleeper */
  AHEAD_NS = 30000, /* wake this early */
  SPIN_NS = 50000,  /* longest spin anywhere */
  MIN_SPIN_NS = 2000,
  MEMORY_RUNS = 64,          /* about so many runs make a mean */
  TRIAL_RUNS = 8,            /* runs with company before their mean is judged */
  FIRST_ALONE_NS = 10000000, /* alone after company took longer; four times as long each time, up to */
  MOST_ALONE_NS = 640000000
};

static bool worth_sharing(const edge_step *step) {
  return step->num_tiles > 1 && (step->cost_ns == 0 || step->cost_ns >= SHARE_NS);
}

#  define TILE_BITS 24
#  define TILE_MASK ((1u << TILE_BITS) - 1)
#  define EPOCH_MASK ((1ull << (64 - TILE_BITS)) - 1)
#  define MAX_TILES TILE_MASK /* longer steps are opened in pieces */

typedef struct helper {
  struct ei_pool *pool;
  uint32_t worker;
  ei_port_thread thread;
} helper;

typedef struct lane {
  _Alignas(64) atomic_ullong cursor;
} lane;

/* A step as a worker read it from the slot. */
typedef struct open_step {
  unsigned long long epoch; /* as in a lane's cursor */
  edge_tile_fn fn;
  const void *arg;
  uint32_t base, tiles, lanes;
} open_step;

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
  uint32_t num_helpers; /* started threads */
  helper *helpers;      /* num_threads - 1 */
  lane *lanes;          /* num_threads */
  uint32_t num_lanes;   /* of workers that may come; the driver's */
  bool late;            /* owned by the driver: it slept for a tile in this run */
  run *current;         /* executor only: what the first worker to come drives */
  _Alignas(64) atomic_ullong epoch;
  _Atomic(edge_tile_fn) fn;
  _Atomic(const void *) arg;
  atomic_uint base;
  atomic_uint tiles;
  atomic_uint shares;
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
  if (n == 0) return;
  atomic_fetch_add(&pool->done, n);
  if (helping && atomic_load(&pool->driver_sleeps) != 0) ei_port_wake(futex_of(&pool->done), 1);
}

/* The step in the slot; false when none is open. */
static bool read_slot(ei_pool *pool, open_step *s) {
  const unsigned long long epoch = atomic_load(&pool->epoch);
  if ((epoch & 1) == 0) return false;
  s->fn = atomic_load_explicit(&pool->fn, memory_order_acquire);
  s->arg = atomic_load_explicit(&pool->arg, memory_order_acquire);
  s->base = atomic_load_explicit(&pool->base, memory_order_acquire);
  s->tiles = atomic_load_explicit(&pool->tiles, memory_order_acquire);
  s->lanes = atomic_load_explicit(&pool->shares, memory_order_acquire);
  s->epoch = (epoch >> 1) & EPOCH_MASK;
  return atomic_load(&pool->epoch) == epoch;
}

static uint32_t lane_begin(const open_step *s, uint32_t index) {
  return (uint32_t)((uint64_t)s->tiles * index / s->lanes);
}

/* The next `most` tiles of a lane, or what is left of them; 0: it has none for this step. */
static uint32_t claim(ei_pool *pool, const open_step *s, uint32_t index, uint32_t most, uint32_t *tile) {
  const uint32_t begin = lane_begin(s, index), end = lane_begin(s, index + 1);
  if (begin == end) return 0;
  atomic_ullong *const cursor = &pool->lanes[index].cursor;
  unsigned long long c = atomic_load_explicit(cursor, memory_order_acquire);
  for (;;) {
    const unsigned long long ahead = ((c >> TILE_BITS) - s->epoch) & EPOCH_MASK;
    if (ahead != 0 && ahead <= EPOCH_MASK / 2) return 0; /* the step is over */
    const uint32_t next = ahead == 0 ? (uint32_t)(c & TILE_MASK) : begin;
    if (next >= end) return 0;
    const uint32_t n = end - next < most ? end - next : most;
    if (!atomic_compare_exchange_weak(cursor, &c, s->epoch << TILE_BITS | (next + n))) continue;
    *tile = next;
    return n;
  }
}

/* Claims what nobody has claimed, without running it. Only for a thread that holds a tile or drives. */
static uint32_t claim_rest(ei_pool *pool, const open_step *s) {
  uint32_t tile, claimed = 0;
  for (uint32_t i = 0; i < s->lanes; ++i) claimed += claim(pool, s, i, MAX_TILES, &tile);
  return claimed;
}

/* One tile after the other, of the own lane first; the number of tiles that are done or need not be. `w` belongs to
 * the driver, which may stop early. */
static uint32_t work(ei_pool *pool, const open_step *s, uint32_t worker, watch *w, edge_status *status) {
  uint32_t finished = 0, tile;
  for (uint32_t k = 0; k < s->lanes; ++k) {
    const uint32_t index = worker + k < s->lanes ? worker + k : worker + k - s->lanes;
    while (claim(pool, s, index, 1, &tile) != 0) {
      *status = s->fn(s->arg, s->base + tile, worker);
      ++finished;
      if (*status != EDGE_STATUS_OK) {
        int none = EDGE_STATUS_OK;
        atomic_compare_exchange_strong(&pool->failure, &none, *status);
      } else if (w != NULL) {
        *status = watch_tile(w);
      }
      if (*status != EDGE_STATUS_OK) return finished + claim_rest(pool, s);
    }
  }
  return finished;
}

/* ---- helpers */

/* Is a step open that this helper has not looked through yet? */
static bool has_news(ei_pool *pool, unsigned long long seen) {
  const unsigned long long epoch = atomic_load(&pool->epoch);
  return (epoch & 1) != 0 && epoch != seen;
}

static void wake_sleepers(ei_pool *pool) {
  if (atomic_load(&pool->sleepers) == 0) return;
  atomic_fetch_add(&pool->wakes, 1);
  ei_port_wake(futex_of(&pool->wakes), UINT32_MAX);
}

/* Spins for at most budget_ns until a step is opened or the helper is to leave. */
static bool spin(ei_pool *pool, unsigned long long seen, uint64_t budget_ns, bool guest) {
  uint64_t end = 0;
  for (unsigned i = 0;; ++i) {
    if (has_news(pool, seen)) return true;
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

static void park(ei_pool *pool, unsigned long long seen_epoch, bool guest) {
  /* Announce first, look again, then sleep: the driver opens a step first and looks for sleepers then. */
  atomic_fetch_add(&pool->sleepers, 1);
  const uint32_t seen = atomic_load(&pool->wakes);
  if (!has_news(pool, seen_epoch) && !atomic_load(&pool->stop) && (!guest || atomic_load(&pool->running)))
    ei_port_wait(futex_of(&pool->wakes), seen);
  atomic_fetch_sub(&pool->sleepers, 1);
}

/* guest: a worker of an executor, which goes home at the end of the run. */
static void help(ei_pool *pool, uint32_t worker, bool guest) {
  uint64_t budget_ns = SPIN_NS;
  unsigned long long seen = 0;
  for (;;) {
    const unsigned long long epoch = atomic_load(&pool->epoch);
    open_step s;
    if ((epoch & 1) != 0 && epoch != seen && read_slot(pool, &s)) {
      edge_status status = EDGE_STATUS_OK;
      if (s.epoch == ((epoch >> 1) & EPOCH_MASK)) seen = epoch;
      finish_tiles(pool, work(pool, &s, worker, NULL, &status), true);
      continue;
    }
    if (atomic_load(&pool->stop) || (guest && !atomic_load(&pool->running))) return;
    const bool in_run = atomic_load_explicit(&pool->running, memory_order_relaxed);
    if (spin(pool, seen, in_run ? SPIN_NS : budget_ns, guest)) {
      budget_ns = SPIN_NS;
      continue;
    }
    if (!in_run && budget_ns > MIN_SPIN_NS) budget_ns /= 2; /* spinning between runs did not pay */
    park(pool, seen, guest);
  }
}

static void helper_main(void *arg) {
  const helper *const h = arg;
  help(h->pool, h->worker, false);
}

/* ---- the driver */

static void wait_for_claimed(ei_pool *pool, uint32_t tiles) {
  uint64_t end = 0;
  for (unsigned i = 0; atomic_load_explicit(&pool->done, memory_order_acquire) != tiles; ++i) {
    relax();
    if (i % 32 != 31) continue;
    const uint64_t now = ei_port_clock_ns();
    if (end == 0) end = now + SPIN_NS;
    if (now < end) continue;
    /* The thread that holds the tile may need this core. */
    pool->late = true;
    atomic_store(&pool->driver_sleeps, 1);
    for (;;) {
      const uint32_t seen = atomic_load(&pool->done);
      if (seen == tiles) break;
      ei_port_wait(futex_of(&pool->done), seen);
    }
    atomic_store(&pool->driver_sleeps, 0);
  }
}

static void close_slot(ei_pool *pool) {
  const unsigned long long epoch = atomic_load_explicit(&pool->epoch, memory_order_relaxed);
  if ((epoch & 1) != 0) atomic_store_explicit(&pool->epoch, epoch + 1, memory_order_release);
}

/* Tiles [base, base + tiles) of a step, together with whoever is there. The slot stays open, without anything to
 * claim, until the next step or the end of the run. */
static edge_status run_shared(ei_pool *pool, const edge_step *step, uint32_t base, uint32_t tiles, uint32_t worker,
                              watch *w) {
  close_slot(pool);
  const unsigned long long epoch = atomic_load_explicit(&pool->epoch, memory_order_relaxed) + 1;
  const open_step s = { (epoch >> 1) & EPOCH_MASK, step->fn, step->arg, base, tiles, pool->num_lanes };
  atomic_store_explicit(&pool->fn, step->fn, memory_order_release);
  atomic_store_explicit(&pool->arg, step->arg, memory_order_release);
  atomic_store_explicit(&pool->base, base, memory_order_release);
  atomic_store_explicit(&pool->tiles, tiles, memory_order_release);
  atomic_store_explicit(&pool->shares, pool->num_lanes, memory_order_release);
  atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
  atomic_store_explicit(&pool->failure, EDGE_STATUS_OK, memory_order_relaxed);
  atomic_store(&pool->epoch, epoch);
  if (step->cost_ns == 0 || step->cost_ns >= WAKE_NS) wake_sleepers(pool);
  edge_status status = EDGE_STATUS_OK;
  finish_tiles(pool, work(pool, &s, worker, w, &status), false);
  wait_for_claimed(pool, tiles);
  const edge_status failure = atomic_load_explicit(&pool->failure, memory_order_relaxed);
  return failure != EDGE_STATUS_OK ? failure : status;
}

/* ---- alone or with company */

static void remember(ei_pool_mean *m, uint64_t ns) {
  if (m->runs == MEMORY_RUNS) {
    m->runs /= 2;
    m->ns /= 2;
  }
  m->ns += ns;
  m->runs++;
}

static uint64_t mean(const ei_pool_mean *m) {
  return m->runs > 0 ? m->ns / m->runs : 0;
}

static bool wants_company(ei_pool_history *h) {
  if (h->alone_left == 0) return true;
  h->alone_left--;
  return false;
}

/* After a run. How long it takes alone is found out only when a tile came late. The first run does not count: it
 * touches memory for the first time. */
static void judge(ei_pool_history *h, bool shared, bool late, uint64_t ns) {
  if (!h->warm) {
    h->warm = true;
    return;
  }
  remember(shared ? &h->shared : &h->alone, ns);
  if (!shared) return;
  const uint64_t alone_ns = mean(&h->alone);
  if (alone_ns == 0) {
    h->alone_left = late;
    return;
  }
  const bool slower = h->shared.runs >= TRIAL_RUNS && mean(&h->shared) > alone_ns;
  if (slower || (h->shared.runs < TRIAL_RUNS && late && ns > 2 * alone_ns)) {
    h->alone_ns = h->alone_ns == 0 ? FIRST_ALONE_NS : h->alone_ns < MOST_ALONE_NS ? 4 * h->alone_ns : MOST_ALONE_NS;
    h->alone_left = (uint32_t)(h->alone_ns / alone_ns) + 1;
    h->shared = (ei_pool_mean) { 0, 0 };
  } else if (h->shared.runs >= MEMORY_RUNS / 2) {
    h->alone_ns = 0;
  }
}

#endif

static edge_status run_step(ei_pool *pool, const edge_step *step, uint32_t worker, const ei_run_control *control,
                            bool alone) {
  EI_TRY(stopped(control));
  if (control->deadline_ns != 0 && ei_clock_ns() >= control->deadline_ns) return EDGE_STATUS_DEADLINE_EXCEEDED;
  if (step->num_tiles == 0) return EDGE_STATUS_OK;
#if HAVE_HELPERS
  if (!alone && worth_sharing(step)) {
    watch w = watch_step(control, step);
    for (uint32_t base = 0; base < step->num_tiles;) {
      const uint32_t left = step->num_tiles - base;
      const uint32_t tiles = left < MAX_TILES ? left : MAX_TILES;
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
  close_slot(pool);
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
    pool->num_lanes = pool->num_threads;
    atomic_store(&pool->driver_taken, false);
    pool->executor.run(pool->executor.user, executor_task, pool, pool->num_threads);
    if (!atomic_load(&pool->driver_taken)) drive(pool, r, 0, true); /* the executor called nobody */
    (void)atomic_load(&pool->running); /* what the driver wrote is visible also without the executor's help */
    atomic_store(&pool->running, false);
    pool->current = NULL;
    return;
  }
  start_helpers(pool);
  pool->num_lanes = pool->num_helpers + 1;
  ei_pool_history *const history = r->control->history;
  const bool shared = pool->num_helpers > 0 && (history == NULL || wants_company(history));
  const uint64_t begin = history != NULL ? ei_port_clock_ns() : 0;
  pool->late = false;
  if (shared && shared_ns >= WAKE_NS && before_ns <= AHEAD_NS) wake_sleepers(pool);
  drive(pool, r, 0, !shared);
  close_slot(pool);
  atomic_store(&pool->running, false);
  if (history != NULL && r->status == EDGE_STATUS_OK) judge(history, shared, pool->late, ei_port_clock_ns() - begin);
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
  atomic_init(&pool->epoch, 2); /* lanes begin in epoch 0, which is never opened */
  if (num_threads > 1) {
    pool->lanes = ei_alloc_get(alloc, (uint64_t)num_threads * sizeof(lane), _Alignof(lane));
    if (pool->lanes == NULL) {
      ei_pool_destroy(pool);
      return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory for %u threads", (unsigned)num_threads);
    }
  }
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
  ei_pthreadpool_close(pool->alloc, pool->provider); /* joins its threads, which read what follows */
#if HAVE_HELPERS
  if (pool->lanes != NULL)
    ei_alloc_put(pool->alloc, pool->lanes, (uint64_t)pool->num_threads * sizeof(lane), _Alignof(lane));
#endif
  ei_alloc_put(pool->alloc, pool, sizeof(*pool), _Alignof(ei_pool));
}

uint32_t ei_pool_threads(const ei_pool *pool) {
  return pool->num_threads;
}
