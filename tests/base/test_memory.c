/* SPDX-License-Identifier: Apache-2.0
 * The accounting allocator and the arena over it. */
#include "base_test.h"
#include "src/port/port.h"

void test_alloc_accounting(void) {
  ei_alloc *const a = et_alloc();
  uint64_t live, peak;
  unsigned char *const p = ei_alloc_get(a, 100, 64);
  CHECK(p != NULL && (uintptr_t)p % 64 == 0);
  for (int i = 0; i < 100; ++i) CHECK(p[i] == 0);
  void *const q = ei_alloc_get_raw(a, 1000, 4096);
  CHECK(q != NULL && (uintptr_t)q % 4096 == 0);
  ei_alloc_stats(a, &live, &peak);
  CHECK(live == 1100 && peak == 1100);
  ei_alloc_put(a, q, 1000, 4096);
  ei_alloc_stats(a, &live, &peak);
  CHECK(live == 100 && peak == 1100);
  void *const empty = ei_alloc_get(a, 0, 1);
  CHECK(empty != NULL);
  ei_alloc_put(a, empty, 0, 1);
  ei_alloc_put(a, NULL, 55, 8);
  CHECK(ei_alloc_get(a, 8, 3) == NULL && ei_alloc_get(a, 8, 0) == NULL);
  CHECK(ei_alloc_get(a, UINT64_MAX, 8) == NULL);
  ei_alloc_put(a, p, 100, 64);
  et_alloc_close(a);
  ei_alloc_destroy(NULL);
}

void test_alloc_quota(void) {
  ei_alloc *a = NULL;
  CHECK(ei_alloc_create(NULL, 1000, &a) == EDGE_STATUS_OK);
  CHECK(ei_alloc_get(a, 1001, 8) == NULL);
  void *const p = ei_alloc_get(a, 600, 8);
  CHECK(p != NULL && ei_alloc_get(a, 401, 8) == NULL);
  void *const q = ei_alloc_get(a, 400, 8);
  CHECK(q != NULL && ei_alloc_get(a, 1, 1) == NULL);
  ei_alloc_put(a, p, 600, 8);
  void *const r = ei_alloc_get(a, 600, 8);
  CHECK(r != NULL);
  ei_alloc_put(a, q, 400, 8);
  ei_alloc_put(a, r, 600, 8);
  uint64_t peak = 0;
  ei_alloc_stats(a, NULL, &peak);
  CHECK(peak == 1000);
  et_alloc_close(a);
}

typedef struct host {
  uint64_t live;
  uint32_t calls;
  uint32_t fail_at; /* this call fails; 0: none */
  uint32_t skew;    /* break the alignment promise */
} host;

static void *host_alloc(void *user, uint64_t size, uint64_t align) {
  host *const h = user;
  if (++h->calls == h->fail_at) return NULL;
  unsigned char *const p =
      aligned_alloc((size_t)align, (size_t)(size + align + align - 1) / (size_t)align * (size_t)align);
  CHECK(p != NULL);
  memset(p, 0xcd, (size_t)size);
  h->live += size;
  return p + h->skew;
}

static void host_free(void *user, void *ptr, uint64_t size, uint64_t align) {
  host *const h = user;
  CHECK(((uintptr_t)ptr - h->skew) % align == 0);
  h->live -= size;
  free((unsigned char *)ptr - h->skew);
}

void test_alloc_host(void) {
  host h = { 0 };
  const edge_allocator functions = { &h, host_alloc, host_free };
  ei_alloc *a = NULL;
  CHECK(ei_alloc_create(&(edge_allocator) { &h, host_alloc, NULL }, 0, &a) == EDGE_STATUS_INVALID_ARGUMENT &&
        a == NULL);
  CHECK(ei_alloc_create(&functions, 0, &a) == EDGE_STATUS_OK);
  const uint64_t own = h.live;
  unsigned char *const p = ei_alloc_get(a, 33, 32);
  CHECK(p != NULL && h.live == own + 33 && p[0] == 0 && p[32] == 0);
  h.skew = 4; /* a host that returns a badly aligned pointer is a host without memory */
  CHECK(ei_alloc_get(a, 8, 16) == NULL && h.live == own + 33);
  h.skew = 0;
  h.fail_at = h.calls + 1;
  CHECK(ei_alloc_get(a, 8, 16) == NULL);
  uint64_t live;
  ei_alloc_stats(a, &live, NULL);
  CHECK(live == 33);
  ei_alloc_put(a, p, 33, 32);
  et_alloc_close(a);
  CHECK(h.live == 0);
  h.fail_at = h.calls + 1;
  CHECK(ei_alloc_create(&functions, 0, &a) == EDGE_STATUS_OUT_OF_MEMORY && a == NULL);
}

static void alloc_loop(void *arg) {
  ei_alloc *const a = arg;
  uint64_t seed = (uint64_t)(uintptr_t)&seed;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t n = et_random(&seed) % 300;
    void *const p = ei_alloc_get_raw(a, n, 16);
    ei_alloc_put(a, p, n, 16);
  }
}

void test_alloc_threads(void) {
  ei_alloc *a = NULL;
  CHECK(ei_alloc_create(NULL, 500, &a) == EDGE_STATUS_OK);
  ei_port_thread threads[4];
  for (int i = 0; i < 4; ++i) CHECK(ei_port_thread_start(&threads[i], alloc_loop, a) == EDGE_STATUS_OK);
  for (int i = 0; i < 4; ++i) ei_port_thread_join(&threads[i]);
  uint64_t peak = 0;
  ei_alloc_stats(a, NULL, &peak);
  CHECK(peak > 0 && peak <= 500);
  et_alloc_close(a);
}

void test_arena_alignment(void) {
  ei_alloc *const a = et_alloc();
  ei_arena arena;
  ei_arena_init(&arena, a);
  uint64_t seed = 3;
  unsigned char *last = NULL;
  for (int i = 0; i < 3000; ++i) {
    const uint64_t align = 1ull << (et_random(&seed) % 13);
    const uint64_t n = et_random(&seed) % 200;
    unsigned char *const p = ei_arena_get(&arena, n, align);
    CHECK(p != NULL && (uintptr_t)p % align == 0 && p != last);
    for (uint64_t j = 0; j < n; ++j) CHECK(p[j] == 0);
    memset(p, 0xff, (size_t)n);
    last = p;
  }
  for (int i = 0; i < 300; ++i) { /* raw memory does not overlap, and small requests after it are zero again */
    const uint64_t n = i % 10 ? 50 : et_random(&seed) % 2000000;
    unsigned char *const raw = ei_arena_get_raw(&arena, n, 64);
    CHECK(raw != NULL && (uintptr_t)raw % 64 == 0);
    memset(raw, 0xff, (size_t)n);
    const unsigned char *const zero = ei_arena_get(&arena, 64, 1);
    CHECK(zero != NULL);
    for (int j = 0; j < 64; ++j) CHECK(zero[j] == 0);
  }
  CHECK(ei_arena_get(&arena, 8, 3) == NULL);
  ei_arena_free(&arena);
  et_alloc_close(a);
}

void test_arena_growth(void) {
  ei_alloc *const a = et_alloc();
  ei_arena arena;
  ei_arena_init(&arena, a);
  CHECK(arena.total_bytes == 0);
  char *const small = ei_arena_strdup(&arena, "hello world", 5);
  CHECK_TEXT(small, "hello");
  CHECK_TEXT(ei_arena_strdup(&arena, NULL, 0), "");
  unsigned char *const large = ei_arena_get(&arena, 10u << 20, 64);
  CHECK(large != NULL);
  memset(large, 1, 10u << 20);
  char *const after = ei_arena_strdup(&arena, "x", 1); /* the small block is still being filled */
  CHECK(after > small && after < small + 4096);
  int *const numbers = EI_NEW_ARRAY(&arena, int, 1000);
  CHECK(numbers != NULL && numbers[999] == 0);
  CHECK(EI_NEW_ARRAY(&arena, uint64_t, UINT64_MAX / 4) == NULL);
  CHECK(EI_NEW(&arena, uint64_t) != NULL);
  uint64_t live;
  ei_alloc_stats(a, &live, NULL);
  CHECK(live == arena.total_bytes && live < (10u << 20) + 16384);
  ei_arena_free(&arena);
  CHECK(arena.head == NULL && arena.total_bytes == 0);
  CHECK(ei_arena_get(&arena, 1, 1) != NULL); /* can be used again */
  ei_arena_free(&arena);
  et_alloc_close(a);
}

void test_arena_failure(void) {
  ei_alloc *a = NULL;
  CHECK(ei_alloc_create(NULL, 100000, &a) == EDGE_STATUS_OK);
  ei_arena arena;
  ei_arena_init(&arena, a);
  CHECK(ei_arena_get(&arena, 200000, 8) == NULL);
  CHECK(ei_arena_get(&arena, UINT64_MAX, 8) == NULL);
  CHECK(ei_arena_get(&arena, UINT64_MAX / 2, 8) == NULL);
  CHECK(ei_arena_get(&arena, (uint64_t)INT64_MAX, 8) == NULL);
  uint32_t n = 0;
  while (ei_arena_get(&arena, 64, 8) != NULL) ++n;
  CHECK(n > 500);
  ei_arena_free(&arena);
  et_alloc_close(a);
}
