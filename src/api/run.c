/* SPDX-License-Identifier: Apache-2.0
 * Public calls that run a session: here and now, on a thread of its own, and how that is stopped.
 *
 * The thread of a session sleeps while `served` equals `requests`. A request holds the session (it is BUSY for
 * everybody else) until its run is over; then the callback is called, and then `served` follows. */
#include "../exec/exec.h"

/* The session is taken. */
static edge_status run_taken(edge_session *s) {
  s->failed_backend = NULL;
  s->once_running = s->once_done;
  EI_TRY(ei_session_prepare(s));
  edge_status status = ei_instance_run(s->main);
  while (status != EDGE_STATUS_OK && s->failed_backend) {
    status = ei_session_rescue(s, status);
    if (status == EDGE_STATUS_OK) status = ei_session_prepare(s);
    if (status != EDGE_STATUS_OK) break;
    s->error = (edge_error)EDGE_ERROR_INIT;
    status = ei_instance_run(s->main);
  }
  if (status == EDGE_STATUS_OK) status = ei_session_copy_outputs(s);
  if (status == EDGE_STATUS_OK)
    ei_states_commit(s);
  else
    ei_states_restore(s);
  return status;
}

edge_status edge_session_run(edge_session *s) {
  if (!s) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  atomic_store_explicit(&s->cancel, false, memory_order_relaxed);
  return ei_session_give(s, run_taken(s));
}

void edge_session_cancel(edge_session *s) {
  if (s) atomic_store_explicit(&s->cancel, true, memory_order_relaxed);
}

/* ---- asynchronous runs */

static volatile uint32_t *word_of(atomic_uint *word) {
  return (volatile uint32_t *)(uintptr_t)word;
}

static bool is_ending(const ei_async *a) {
  return (atomic_load(&a->requests) & EI_ASYNC_QUIT) != 0;
}

static void serve(edge_session *s) {
  ei_async *const a = &s->async;
  const edge_session_callback callback = a->callback; /* the callback may ask for the next run */
  void *const user = a->user;
  const edge_status status =
      is_ending(a) ? ei_session_fail(s, EDGE_STATUS_CANCELLED, "the session is being destroyed") : run_taken(s);
  atomic_store(&a->status, status);
  (void)ei_session_give(s, status);
  if (callback) callback(user, s, status);
  atomic_fetch_add(&a->served, (unsigned)EI_ASYNC_ONE);
  ei_port_wake(word_of(&a->served), UINT32_MAX);
}

static void async_main(void *arg) {
  edge_session *const s = arg;
  ei_async *const a = &s->async;
  for (;;) {
    const unsigned requests = atomic_load(&a->requests);
    if ((requests & ~(unsigned)EI_ASYNC_QUIT) != atomic_load(&a->served))
      serve(s);
    else if (requests & EI_ASYNC_QUIT)
      return;
    else
      ei_port_wait(word_of(&a->requests), requests);
  }
}

static edge_status start_thread(edge_session *s) {
  ei_async *const a = &s->async;
  if (a->started) return EDGE_STATUS_OK;
  const edge_status status = ei_port_thread_start(&a->thread, async_main, s);
  a->started = status == EDGE_STATUS_OK;
  if (status == EDGE_STATUS_OK) return status;
  return ei_session_fail(s, status,
                         status == EDGE_STATUS_UNSUPPORTED_FEATURE
                             ? "this target has no threads: use edge_session_run()"
                             : "no thread could be started for an asynchronous run");
}

edge_status edge_session_run_async(edge_session *s, edge_session_callback callback, void *user) {
  if (!s) return EDGE_STATUS_INVALID_ARGUMENT;
  ei_async *const a = &s->async;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  if (is_ending(a))
    return ei_session_give(s, ei_session_fail(s, EDGE_STATUS_INVALID_STATE, "the session is being destroyed"));
  const edge_status status = start_thread(s);
  if (status != EDGE_STATUS_OK) return ei_session_give(s, status);
  atomic_store_explicit(&s->cancel, false, memory_order_relaxed);
  a->callback = callback;
  a->user = user;
  atomic_fetch_add(&a->requests, (unsigned)EI_ASYNC_ONE); /* from here on the session may run, end and be gone */
  ei_port_wake(word_of(&a->requests), 1);
  return EDGE_STATUS_OK;
}

edge_status edge_session_wait(edge_session *s, uint64_t timeout_ns) {
  if (!s) return EDGE_STATUS_INVALID_ARGUMENT;
  ei_async *const a = &s->async;
  uint64_t end = 0;
  for (;;) {
    const unsigned served = atomic_load(&a->served);
    const unsigned requests = atomic_load(&a->requests) & ~(unsigned)EI_ASYNC_QUIT;
    if (requests == 0) return EDGE_STATUS_INVALID_STATE;
    if (served == requests) return atomic_load(&a->status);
    if (timeout_ns == 0) return EDGE_STATUS_BUSY;
    if (timeout_ns == UINT64_MAX) {
      ei_port_wait(word_of(&a->served), served);
      continue;
    }
    const uint64_t now = ei_clock_ns();
    if (end == 0) end = now + timeout_ns < now ? UINT64_MAX : now + timeout_ns;
    if (now >= end) return EDGE_STATUS_BUSY;
    ei_port_wait_for(word_of(&a->served), served, end - now);
  }
}

void ei_session_halt(edge_session *s) {
  ei_async *const a = &s->async;
  atomic_fetch_or(&a->requests, (unsigned)EI_ASYNC_QUIT);
  atomic_store(&s->cancel, true);
  if (a->started) {
    ei_port_wake(word_of(&a->requests), UINT32_MAX);
    ei_port_thread_join(&a->thread);
  }
  /* a run of another thread ends with its next tile; giving the session back is the last that it does with it */
  while (atomic_flag_test_and_set_explicit(&s->busy, memory_order_acquire)) {
    atomic_store(&s->cancel, true);
    ei_port_yield();
  }
}
