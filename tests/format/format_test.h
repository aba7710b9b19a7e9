/* SPDX-License-Identifier: Apache-2.0
 * What the tests of the file format share: assertions, sample graphs, files in memory, places in a file. */
#ifndef ET_FORMAT_TEST_H
#define ET_FORMAT_TEST_H

#include "src/format/format.h"
#include "src/format/schema.h"
#include "src/ops/op.h"
#include <stdio.h>
#include <stdlib.h>

#define FORMAT_CASE(name) void test_##name(void);
#include "cases.def"
#undef FORMAT_CASE

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                \
    }                                                                         \
  } while (0)
#define CHECK_OK(call)                                                                                              \
  do {                                                                                                              \
    edge_error check_error = EDGE_ERROR_INIT;                                                                       \
    edge_error *const err = &check_error;                                                                           \
    const edge_status check_status = (call);                                                                        \
    if (check_status != EDGE_STATUS_OK) {                                                                           \
      fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call, edge_status_name(check_status), err->text); \
      exit(1);                                                                                                      \
    }                                                                                                               \
  } while (0)
#define SKIP(reason)                   \
  do {                                 \
    printf("skipped: %s\n", (reason)); \
    exit(77);                          \
  } while (0)

/** An allocator with an arena on it. */
typedef struct et_memory {
  ei_alloc *alloc;
  ei_arena arena;
} et_memory;
et_memory *et_memory_new(uint64_t quota);
void et_memory_free(et_memory *m); /* checks that everything was given back */

/** A file in memory, 64-byte aligned. */
typedef struct et_file {
  uint8_t *p;
  uint64_t n;
} et_file;
et_file et_file_write(const ei_graph *g, et_memory *m);
et_file et_file_copy(const et_file *f);
void et_file_free(et_file *f);
edge_status et_file_read(const et_file *f, ei_arena *arena, ei_graph **out, edge_error *err);
/** Load, check and drop. */
edge_status et_file_load(const uint8_t *p, uint64_t n, et_memory *m, edge_error *err);

/** Sample graphs; NULL past the end. Every feature of the format is in one of them. */
typedef struct et_sample {
  const char *name;
  const char *needs; /* an operator; a build with a filtered operator set leaves the sample out */
  ei_graph *(*build)(ei_arena *arena);
} et_sample;
extern const et_sample et_samples[];
static inline bool et_sample_here(const et_sample *s) {
  return ei_op_find(s->needs) != NULL;
}
et_file et_sample_file(const char *name);
/** The negative file of that name (NULL: all); false: unknown. */
bool et_negative(const char *name);
/** Deep equality; prints the difference. */
bool et_graph_equal(const ei_graph *a, const ei_graph *b);

/** Places in a valid file, through the schema's slots. */
ei_flat et_flat(const et_file *f);
uint32_t et_root(const et_file *f);
uint32_t et_item(const et_file *f, uint32_t table, uint32_t slot, uint32_t i);
uint32_t et_ref(const et_file *f, uint32_t table, uint32_t slot);
uint32_t et_field(const et_file *f, uint32_t table, uint32_t slot);
void et_put(const et_file *f, uint64_t at, uint32_t bytes, uint64_t v);

#endif
