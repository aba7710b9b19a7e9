/* SPDX-License-Identifier: Apache-2.0
 * Foundations: errors, checked arithmetic, allocation, formatting. Everything under src/ includes it. */
#ifndef EI_BASE_H
#define EI_BASE_H

#include <edge/env.h>
#include <edge/status.h>
#include <edge/tensor.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#  error "EdgeRT reads weights in place, and models are little endian: big-endian processors are not supported"
#endif

#define EI_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define EI_NONE UINT32_MAX

#if defined(__MINGW32__) && !defined(__clang__)
#  define EI_PRINTF(f, a) __attribute__((format(gnu_printf, f, a)))
#elif defined(__GNUC__)
#  define EI_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#  define EI_PRINTF(f, a)
#endif

/* ---- errors: functions that can fail return edge_status and take an edge_error *, which may be NULL */

/** Record a failure and return its status. Formats: %s %.*s %c %d %u %x (also l, ll, z), %g, %f, %%, with
 *  width, '-' and '0'. Bytes that are not printable UTF-8 become '?'. */
edge_status ei_fail(edge_error *err, edge_status status, const char *format, ...) EI_PRINTF(3, 4);
/** The same with a place in the file. */
edge_status ei_fail_at(edge_error *err, edge_status status, uint64_t file_offset, const char *format, ...)
    EI_PRINTF(4, 5);
/** The same with a node and a tensor index (EI_NONE: none). */
edge_status ei_fail_node(edge_error *err, edge_status status, uint32_t node, uint32_t tensor, const char *format, ...)
    EI_PRINTF(5, 6);
/** Bounded formatting without stdio: always terminates, returns the length without truncation. */
size_t ei_format(char *out, size_t cap, const char *format, ...) EI_PRINTF(3, 4);
size_t ei_vformat(char *out, size_t cap, const char *format, va_list args);

#define EI_TRY(expr)                                           \
  do {                                                         \
    const edge_status ei_try_status = (expr);                  \
    if (ei_try_status != EDGE_STATUS_OK) return ei_try_status; \
  } while (0)
/** In a function with one label `fail:` and a variable `status`. */
#define EI_TRY_GOTO(expr)                    \
  do {                                       \
    status = (expr);                         \
    if (status != EDGE_STATUS_OK) goto fail; \
  } while (0)

/* ---- checked arithmetic: every number that comes from a file goes through these; false = overflow */

static inline bool ei_add_u64(uint64_t a, uint64_t b, uint64_t *out) {
  *out = a + b;
  return *out >= a;
}
static inline bool ei_mul_u64(uint64_t a, uint64_t b, uint64_t *out) {
  if (a != 0 && b > UINT64_MAX / a) return false;
  *out = a * b;
  return true;
}
/** align is a power of two. */
static inline bool ei_align_u64(uint64_t a, uint64_t align, uint64_t *out) {
  if (!ei_add_u64(a, align - 1, out)) return false;
  *out &= ~(align - 1);
  return true;
}
static inline bool ei_add_s64(int64_t a, int64_t b, int64_t *out) {
  if ((b > 0 && a > INT64_MAX - b) || (b < 0 && a < INT64_MIN - b)) return false;
  *out = a + b;
  return true;
}
static inline bool ei_mul_s64(int64_t a, int64_t b, int64_t *out) {
  if (a != 0 && b != 0) {
    if ((a > 0 && b > 0 && a > INT64_MAX / b) || (a < 0 && b < 0 && a < INT64_MAX / b) ||
        (a > 0 && b < 0 && b < INT64_MIN / a) || (a < 0 && b > 0 && a < INT64_MIN / b))
      return false;
  }
  *out = a * b;
  return true;
}
/** A size that fits the address space and leaves room for pointer differences. */
static inline bool ei_to_size(uint64_t a, size_t *out) {
  if (a > (uint64_t)(SIZE_MAX / 2)) return false;
  *out = (size_t)a;
  return true;
}
/** Product of dims (all >= 0); each factor is validated even if another is 0. */
bool ei_elements(const int64_t *dims, int32_t rank, uint64_t *count);
/** Bytes of a dense tensor in a dtype and encoding; false on overflow, unknown type or dims < 0. */
bool ei_tensor_bytes(int32_t dtype, int32_t encoding, const int64_t *dims, int32_t rank, uint64_t *bytes);

/* ---- element types and encodings (encodings.def) */

typedef struct ei_encoding {
  int32_t id; /* EDGE_DTYPE_* for native ones, >= 64 for block encodings */
  const char *name;
  int32_t dtype;           /* logical type */
  uint32_t block_elements; /* block encodings: the last dim is a whole number of blocks; native sub-byte types are
                              packed over the whole tensor, rounded up to a byte at its end */
  uint32_t block_bytes;
  void (*decode)(const void *blocks, uint64_t n_blocks, float *out); /* to f32; NULL for native ones */
} ei_encoding;
/** NULL when unknown or when the encoding does not belong to the dtype. */
const ei_encoding *ei_encoding_get(int32_t dtype, int32_t encoding);

/** Scalar conversions, exact where the value fits; used by references and tools, not by hot kernels. */
float ei_f16_to_f32(uint16_t bits);
uint16_t ei_f32_to_f16(float value); /* round to nearest even */
float ei_bf16_to_f32(uint16_t bits);
uint16_t ei_f32_to_bf16(float value);

/** 128-bit hash of bytes, for keys and checksums (not for secrets); several gigabytes a second. */
typedef struct ei_hash {
  uint64_t lo, hi;
} ei_hash;
ei_hash ei_hash_bytes(const void *data, uint64_t bytes, uint64_t seed);

/* ---- allocation */

typedef struct ei_alloc ei_alloc; /* the environment's allocator with accounting and quota */
/** `host` NULL: the C library's; INVALID_ARGUMENT where there is none (bare) or a function is missing. */
edge_status ei_alloc_create(const edge_allocator *host, uint64_t max_bytes, ei_alloc **out);
void ei_alloc_destroy(ei_alloc *a);
/** Zero-filled; NULL on failure or beyond the quota. bytes 0 gives a valid pointer. */
void *ei_alloc_get(ei_alloc *a, uint64_t bytes, uint64_t align);
/** Same without zero fill, for large buffers. */
void *ei_alloc_get_raw(ei_alloc *a, uint64_t bytes, uint64_t align);
void ei_alloc_put(ei_alloc *a, void *ptr, uint64_t bytes, uint64_t align);
void ei_alloc_stats(const ei_alloc *a, uint64_t *live, uint64_t *peak);

/** Bump allocator over ei_alloc: freed as a whole. Zero-filled memory. */
typedef struct ei_arena {
  ei_alloc *alloc;
  struct ei_arena_block *head;
  uint64_t total_bytes;
} ei_arena;
void ei_arena_init(ei_arena *arena, ei_alloc *alloc);
void ei_arena_free(ei_arena *arena);
void *ei_arena_get(ei_arena *arena, uint64_t bytes, uint64_t align);
/** For weights and other large things that are written whole right away: what is there is not defined. */
void *ei_arena_get_raw(ei_arena *arena, uint64_t bytes, uint64_t align);
/** n * size through checked multiplication. */
void *ei_arena_array(ei_arena *arena, uint64_t n, uint64_t size, uint64_t align);
char *ei_arena_strdup(ei_arena *arena, const char *text, size_t length);

#define EI_NEW(arena, type) ((type *)ei_arena_get((arena), sizeof(type), _Alignof(type)))
#define EI_NEW_ARRAY(arena, type, n) ((type *)ei_arena_array((arena), (n), sizeof(type), _Alignof(type)))

#endif
