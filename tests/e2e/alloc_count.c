/* SPDX-License-Identifier: Apache-2.0
 * Preloaded library that counts calls of the C library's allocators. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>

static atomic_ulong count;

unsigned long et_allocation_calls(void);
unsigned long et_allocation_calls(void) {
  return atomic_load(&count);
}

/* The next definition of a function; dlsym itself may allocate, which is served from a small static pool. */
static char pool[65536];
static size_t pool_used;
static int resolving;

static void *next(const char *name, void **cached) {
  if (!*cached && !resolving) {
    resolving = 1;
    *cached = dlsym(RTLD_NEXT, name);
    resolving = 0;
  }
  return *cached;
}

static void *from_pool(size_t n) {
  pool_used = (pool_used + 63) & ~(size_t)63;
  if (pool_used + n > sizeof pool) return NULL;
  void *const p = pool + pool_used;
  pool_used += n;
  return p;
}

static int in_pool(const void *p) {
  return (const char *)p >= pool && (const char *)p < pool + sizeof pool;
}

void *malloc(size_t n) {
  static void *real;
  void *(*f)(size_t);
  void *const p = next("malloc", &real);
  atomic_fetch_add(&count, 1);
  if (!p) return from_pool(n);
  memcpy(&f, &p, sizeof f);
  return f(n);
}

void *calloc(size_t a, size_t b) {
  static void *real;
  void *(*f)(size_t, size_t);
  void *const p = next("calloc", &real);
  atomic_fetch_add(&count, 1);
  if (!p) return from_pool(a * b);
  memcpy(&f, &p, sizeof f);
  return f(a, b);
}

void *realloc(void *old, size_t n) {
  static void *real;
  void *(*f)(void *, size_t);
  void *const p = next("realloc", &real);
  atomic_fetch_add(&count, 1);
  if (!p) return NULL;
  memcpy(&f, &p, sizeof f);
  return f(old, n);
}

int posix_memalign(void **out, size_t align, size_t n) {
  static void *real;
  int (*f)(void **, size_t, size_t);
  void *const p = next("posix_memalign", &real);
  atomic_fetch_add(&count, 1);
  if (!p) return 12;
  memcpy(&f, &p, sizeof f);
  return f(out, align, n);
}

void *aligned_alloc(size_t align, size_t n) {
  static void *real;
  void *(*f)(size_t, size_t);
  void *const p = next("aligned_alloc", &real);
  atomic_fetch_add(&count, 1);
  if (!p) return NULL;
  memcpy(&f, &p, sizeof f);
  return f(align, n);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset) {
  static void *real;
  void *(*f)(void *, size_t, int, int, int, off_t);
  void *const p = next("mmap", &real);
  atomic_fetch_add(&count, 1);
  if (!p) return (void *)-1;
  memcpy(&f, &p, sizeof f);
  return f(at, n, prot, flags, fd, offset);
}

void free(void *old) {
  static void *real;
  void (*f)(void *);
  if (!old || in_pool(old)) return;
  void *const p = next("free", &real);
  if (!p) return;
  memcpy(&f, &p, sizeof f);
  f(old);
}
