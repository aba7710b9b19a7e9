/* SPDX-License-Identifier: Apache-2.0
 * Threads on Windows; sleeping by hashed condition variables, which need no newer system. */
#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0601
#include "../port.h"
#include <windows.h>
#include <process.h>

_Static_assert(sizeof(SRWLOCK) <= sizeof(ei_port_mutex), "room for the system's lock");

static SRWLOCK *lock_of(ei_port_mutex *m) {
  return (SRWLOCK *)(void *)m;
}

void ei_port_mutex_init(ei_port_mutex *m) {
  InitializeSRWLock(lock_of(m));
}

void ei_port_mutex_destroy(ei_port_mutex *m) {
  (void)m;
}

void ei_port_mutex_lock(ei_port_mutex *m) {
  AcquireSRWLockExclusive(lock_of(m));
}

void ei_port_mutex_unlock(ei_port_mutex *m) {
  ReleaseSRWLockExclusive(lock_of(m));
}

/* Lives in the caller's ei_port_thread until the join. */
typedef struct thread {
  void (*main)(void *);
  void *arg;
  HANDLE handle;
} thread;
_Static_assert(sizeof(thread) <= sizeof(ei_port_thread), "room for the system's thread");

static unsigned __stdcall trampoline(void *arg) {
  const thread *const t = arg;
  t->main(t->arg);
  return 0;
}

edge_status ei_port_thread_start(ei_port_thread *handle, void (*main)(void *), void *arg) {
  thread *const t = (thread *)(void *)handle;
  t->main = main;
  t->arg = arg;
  t->handle = (HANDLE)_beginthreadex(NULL, 0, trampoline, t, 0, NULL);
  return t->handle != NULL ? EDGE_STATUS_OK : EDGE_STATUS_OUT_OF_MEMORY;
}

void ei_port_thread_join(ei_port_thread *handle) {
  thread *const t = (thread *)(void *)handle;
  WaitForSingleObject(t->handle, INFINITE);
  CloseHandle(t->handle);
}

void ei_port_yield(void) {
  SwitchToThread();
}

typedef struct bucket {
  SRWLOCK lock;
  CONDITION_VARIABLE changed;
} bucket;

/* Words that share a bucket wake each other: spurious wake-ups are allowed. */
static bucket buckets[4] = { { SRWLOCK_INIT, CONDITION_VARIABLE_INIT },
                             { SRWLOCK_INIT, CONDITION_VARIABLE_INIT },
                             { SRWLOCK_INIT, CONDITION_VARIABLE_INIT },
                             { SRWLOCK_INIT, CONDITION_VARIABLE_INIT } };

static bucket *bucket_of(volatile uint32_t *word) {
  return &buckets[((uintptr_t)word >> 6) % EI_COUNT(buckets)];
}

static void wait_ms(volatile uint32_t *word, uint32_t expected, DWORD ms) {
  bucket *const b = bucket_of(word);
  AcquireSRWLockExclusive(&b->lock);
  /* The waker changes the word before it takes the lock. */
  if ((uint32_t)InterlockedCompareExchange((volatile LONG *)word, 0, 0) == expected)
    SleepConditionVariableSRW(&b->changed, &b->lock, ms, 0);
  ReleaseSRWLockExclusive(&b->lock);
}

void ei_port_wait(volatile uint32_t *word, uint32_t expected) {
  wait_ms(word, expected, INFINITE);
}

void ei_port_wait_for(volatile uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  const uint64_t ms = timeout_ns / 1000000 + 1;
  wait_ms(word, expected, ms < 60000 ? (DWORD)ms : 60000); /* who waits looks again */
}

void ei_port_wake(volatile uint32_t *word, uint32_t n) {
  (void)n;
  bucket *const b = bucket_of(word);
  AcquireSRWLockExclusive(&b->lock);
  WakeAllConditionVariable(&b->changed);
  ReleaseSRWLockExclusive(&b->lock);
}
