/* SPDX-License-Identifier: Apache-2.0
 * Threads on POSIX systems; sleeping by futex on Linux, by hashed condition variables elsewhere. */
#define _GNU_SOURCE
#include "../port.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#  include <limits.h>
#  include <linux/futex.h>
#  include <sys/syscall.h>
#endif

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(ei_port_mutex), "room for the system's mutex");
_Static_assert(sizeof(pthread_t) + 2 * sizeof(void *) <= sizeof(ei_port_thread), "room for the system's thread");

static pthread_mutex_t *mutex_of(ei_port_mutex *m) {
  return (pthread_mutex_t *)(void *)m;
}

void ei_port_mutex_init(ei_port_mutex *m) {
  pthread_mutex_init(mutex_of(m), NULL);
}

void ei_port_mutex_destroy(ei_port_mutex *m) {
  pthread_mutex_destroy(mutex_of(m));
}

void ei_port_mutex_lock(ei_port_mutex *m) {
  pthread_mutex_lock(mutex_of(m));
}

void ei_port_mutex_unlock(ei_port_mutex *m) {
  pthread_mutex_unlock(mutex_of(m));
}

/* Lives in the caller's ei_port_thread until the join. */
typedef struct thread {
  void (*main)(void *);
  void *arg;
  pthread_t id;
} thread;

static void *trampoline(void *arg) {
  const thread *const t = arg;
  t->main(t->arg);
  return NULL;
}

edge_status ei_port_thread_start(ei_port_thread *handle, void (*main)(void *), void *arg) {
  thread *const t = (thread *)(void *)handle;
  t->main = main;
  t->arg = arg;
  return pthread_create(&t->id, NULL, trampoline, t) == 0 ? EDGE_STATUS_OK : EDGE_STATUS_OUT_OF_MEMORY;
}

void ei_port_thread_join(ei_port_thread *handle) {
  pthread_join(((thread *)(void *)handle)->id, NULL);
}

void ei_port_yield(void) {
  sched_yield();
}

/* A moment from now on; who waits looks again, so that a minute is as good as a year. */
static struct timespec after(struct timespec t, uint64_t ns) {
  const uint64_t most = UINT64_C(60000000000);
  if (ns > most) ns = most;
  const uint64_t sum = (uint64_t)t.tv_nsec + ns;
  t.tv_sec += (time_t)(sum / 1000000000);
  t.tv_nsec = (long)(sum % 1000000000);
  return t;
}

#if defined(__linux__)

void ei_port_wait_for(volatile uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  const struct timespec t = after((struct timespec) { 0, 0 }, timeout_ns);
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &t, NULL, 0);
}

void ei_port_wait(volatile uint32_t *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void ei_port_wake(volatile uint32_t *word, uint32_t n) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n < INT_MAX ? (int)n : INT_MAX, NULL, NULL, 0);
}

#else

typedef struct bucket {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
} bucket;

/* Words that share a bucket wake each other: spurious wake-ups are allowed. */
static bucket buckets[4] = {
  { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER },
  { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER },
  { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER },
  { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER },
};

static bucket *bucket_of(volatile uint32_t *word) {
  return &buckets[((uintptr_t)word >> 6) % EI_COUNT(buckets)];
}

void ei_port_wait(volatile uint32_t *word, uint32_t expected) {
  bucket *const b = bucket_of(word);
  pthread_mutex_lock(&b->mutex);
  if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == expected) pthread_cond_wait(&b->changed, &b->mutex);
  pthread_mutex_unlock(&b->mutex);
}

void ei_port_wait_for(volatile uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  bucket *const b = bucket_of(word);
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t); /* the clock of a condition variable */
  t = after(t, timeout_ns);
  pthread_mutex_lock(&b->mutex);
  if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == expected) pthread_cond_timedwait(&b->changed, &b->mutex, &t);
  pthread_mutex_unlock(&b->mutex);
}

void ei_port_wake(volatile uint32_t *word, uint32_t n) {
  (void)n;
  bucket *const b = bucket_of(word);
  pthread_mutex_lock(&b->mutex);
  pthread_cond_broadcast(&b->changed);
  pthread_mutex_unlock(&b->mutex);
}

#endif
