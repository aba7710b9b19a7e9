/* SPDX-License-Identifier: Apache-2.0
 * What the tests of src/base share: assertions, a random source, an allocator. */
#ifndef ET_BASE_TEST_H
#define ET_BASE_TEST_H

#include "src/base/cpu.h"
#include "src/base/pool.h"
#include <stdio.h>
#include <stdlib.h>

#define BASE_CASE(name) void test_##name(void);
#include "cases.def"
#undef BASE_CASE

/** Says what failed and ends the test program. */
#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                \
    }                                                                         \
  } while (0)
/** The same for texts, showing both. */
#define CHECK_TEXT(got, want)                                                                 \
  do {                                                                                        \
    if (strcmp((got), (want)) != 0) {                                                         \
      fprintf(stderr, "%s:%d: got \"%s\", want \"%s\"\n", __FILE__, __LINE__, (got), (want)); \
      exit(1);                                                                                \
    }                                                                                         \
  } while (0)

/** The test cannot run here: say why. */
#define SKIP(reason)                   \
  do {                                 \
    printf("skipped: %s\n", (reason)); \
    exit(77);                          \
  } while (0)

static inline uint64_t et_random(uint64_t *state) { /* SplitMix64 */
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static inline ei_alloc *et_alloc(void) {
  ei_alloc *a = NULL;
  CHECK(ei_alloc_create(NULL, 0, &a) == EDGE_STATUS_OK);
  return a;
}

/** Everything given back? */
static inline void et_alloc_close(ei_alloc *a) {
  uint64_t live = 1;
  ei_alloc_stats(a, &live, NULL);
  CHECK(live == 0);
  ei_alloc_destroy(a);
}

#endif
