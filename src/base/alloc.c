/* SPDX-License-Identifier: Apache-2.0
 * The environment's allocator: the host's functions or the system's, with accounting and a quota. */
#include "base.h"
#include "../port/port.h"
#include <stdatomic.h>

/* Counters are size_t: lock-free also where 64-bit atomics are not, and no allocation exceeds it. */
struct ei_alloc {
  edge_allocator host;
  size_t quota; /* SIZE_MAX: none */
  atomic_size_t live;
  atomic_size_t peak;
};

static void *system_alloc(void *user, uint64_t bytes, uint64_t align) {
  (void)user;
  return ei_port_malloc(bytes, align);
}

static void system_free(void *user, void *ptr, uint64_t bytes, uint64_t align) {
  (void)user, (void)bytes, (void)align;
  ei_port_free(ptr);
}

edge_status ei_alloc_create(const edge_allocator *host, uint64_t max_bytes, ei_alloc **out) {
  static const edge_allocator fallback = { NULL, system_alloc, system_free };
  *out = NULL;
  if (host == NULL) {
    if (!ei_port_has_heap()) return EDGE_STATUS_INVALID_ARGUMENT;
    host = &fallback;
  }
  if (host->alloc == NULL || host->free == NULL) return EDGE_STATUS_INVALID_ARGUMENT;
  ei_alloc *const a = host->alloc(host->user, sizeof(*a), _Alignof(ei_alloc));
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  a->host = *host;
  a->quota = max_bytes == 0 || max_bytes > SIZE_MAX ? SIZE_MAX : (size_t)max_bytes;
  atomic_init(&a->live, 0);
  atomic_init(&a->peak, 0);
  *out = a;
  return EDGE_STATUS_OK;
}

void ei_alloc_destroy(ei_alloc *a) {
  if (a == NULL) return;
  const edge_allocator host = a->host;
  host.free(host.user, a, sizeof(*a), _Alignof(ei_alloc));
}

/* Takes bytes from the quota; false when they are not there. */
static bool reserve(ei_alloc *a, size_t bytes) {
  size_t live = atomic_load_explicit(&a->live, memory_order_relaxed);
  do {
    if (bytes > a->quota || live > a->quota - bytes) return false;
  } while (!atomic_compare_exchange_weak_explicit(&a->live, &live, live + bytes, memory_order_relaxed,
                                                  memory_order_relaxed));
  const size_t now = live + bytes;
  size_t peak = atomic_load_explicit(&a->peak, memory_order_relaxed);
  while (peak < now &&
         !atomic_compare_exchange_weak_explicit(&a->peak, &peak, now, memory_order_relaxed, memory_order_relaxed)) {
  }
  return true;
}

/* What really is allocated, so that get and put agree: 0 bytes still have an address. */
static bool normalise(uint64_t bytes, uint64_t *align, size_t *size) {
  if (*align == 0 || (*align & (*align - 1)) != 0 || *align > (1u << 24)) return false;
  if (*align < sizeof(void *)) *align = sizeof(void *);
  return ei_to_size(bytes == 0 ? 1 : bytes, size);
}

void *ei_alloc_get_raw(ei_alloc *a, uint64_t bytes, uint64_t align) {
  size_t size;
  if (!normalise(bytes, &align, &size) || !reserve(a, size)) return NULL;
  void *ptr = a->host.alloc(a->host.user, size, align);
  if (ptr != NULL && ((uintptr_t)ptr & (uintptr_t)(align - 1)) != 0) { /* the host broke its promise */
    a->host.free(a->host.user, ptr, size, align);
    ptr = NULL;
  }
  if (ptr == NULL) atomic_fetch_sub_explicit(&a->live, size, memory_order_relaxed);
  return ptr;
}

void *ei_alloc_get(ei_alloc *a, uint64_t bytes, uint64_t align) {
  void *const ptr = ei_alloc_get_raw(a, bytes, align);
  if (ptr != NULL) memset(ptr, 0, bytes == 0 ? 1 : (size_t)bytes);
  return ptr;
}

void ei_alloc_put(ei_alloc *a, void *ptr, uint64_t bytes, uint64_t align) {
  size_t size;
  if (ptr == NULL || !normalise(bytes, &align, &size)) return;
  a->host.free(a->host.user, ptr, size, align);
  atomic_fetch_sub_explicit(&a->live, size, memory_order_relaxed);
}

void ei_alloc_stats(const ei_alloc *a, uint64_t *live, uint64_t *peak) {
  if (live != NULL) *live = atomic_load_explicit(&a->live, memory_order_relaxed);
  if (peak != NULL) *peak = atomic_load_explicit(&a->peak, memory_order_relaxed);
}
