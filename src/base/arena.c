/* SPDX-License-Identifier: Apache-2.0
 * A bump allocator over ei_alloc. Blocks grow geometrically; large requests get a block of their own. */
#include "base.h"

/*   [ header | used ......... | free ........ ]   one block; head is the one that is filled */
struct ei_arena_block {
  struct ei_arena_block *next;
  size_t bytes; /* of the whole block */
  size_t used;  /* from the block's start */
};

enum { MIN_BLOCK = 1024, MAX_BLOCK = 256 * 1024, BLOCK_ALIGN = 64 };

void ei_arena_init(ei_arena *arena, ei_alloc *alloc) {
  *arena = (ei_arena) { alloc, NULL, 0 };
}

void ei_arena_free(ei_arena *arena) {
  struct ei_arena_block *block = arena->head;
  while (block != NULL) {
    struct ei_arena_block *const next = block->next;
    ei_alloc_put(arena->alloc, block, block->bytes, BLOCK_ALIGN);
    block = next;
  }
  arena->head = NULL;
  arena->total_bytes = 0;
}

/* Memory inside a block, or NULL when it does not fit. Sizes are below SIZE_MAX / 2, so sums do not wrap. */
static void *take(struct ei_arena_block *block, size_t bytes, size_t align) {
  const uintptr_t base = (uintptr_t)block;
  const size_t padding = (size_t)(0 - (base + block->used)) & (align - 1);
  const size_t left = block->bytes - block->used;
  if (padding > left || bytes > left - padding) return NULL;
  void *const ptr = (unsigned char *)block + block->used + padding;
  block->used += padding + bytes;
  return ptr;
}

static struct ei_arena_block *new_block(ei_arena *arena, uint64_t bytes, bool raw) {
  size_t size;
  if (!ei_to_size(bytes, &size)) return NULL;
  struct ei_arena_block *const block =
      raw ? ei_alloc_get_raw(arena->alloc, size, BLOCK_ALIGN) : ei_alloc_get(arena->alloc, size, BLOCK_ALIGN);
  if (block == NULL) return NULL;
  block->next = NULL;
  block->bytes = size;
  block->used = sizeof(*block);
  arena->total_bytes += size;
  return block;
}

static void *get(ei_arena *arena, uint64_t bytes, uint64_t align, bool raw) {
  size_t size;
  if (align == 0 || (align & (align - 1)) != 0 || align > (1u << 24) || !ei_to_size(bytes, &size)) return NULL;
  if (size == 0) size = 1; /* distinct addresses */
  if (arena->head != NULL) {
    void *const ptr = take(arena->head, size, (size_t)align);
    if (ptr != NULL) return ptr;
  }
  uint64_t need;
  if (!ei_add_u64(size, sizeof(struct ei_arena_block) + (align > BLOCK_ALIGN ? align : BLOCK_ALIGN), &need))
    return NULL;
  /* Blocks of their own do not count for the growth. */
  uint64_t block_bytes = MIN_BLOCK;
  if (arena->head != NULL && arena->head->bytes <= MAX_BLOCK) {
    block_bytes = 2 * (uint64_t)arena->head->bytes;
    if (block_bytes > MAX_BLOCK) block_bytes = MAX_BLOCK;
  }
  const bool own = need > block_bytes / 2;
  if (own) block_bytes = need;
  struct ei_arena_block *const block = new_block(arena, block_bytes, own && raw);
  if (block == NULL) return NULL;
  if (own && arena->head != NULL) { /* the block that is filled stays in front */
    block->next = arena->head->next;
    arena->head->next = block;
  } else {
    block->next = arena->head;
    arena->head = block;
  }
  return take(block, size, (size_t)align);
}

void *ei_arena_get(ei_arena *arena, uint64_t bytes, uint64_t align) {
  return get(arena, bytes, align, false);
}

void *ei_arena_get_raw(ei_arena *arena, uint64_t bytes, uint64_t align) {
  return get(arena, bytes, align, true);
}

void *ei_arena_array(ei_arena *arena, uint64_t n, uint64_t size, uint64_t align) {
  uint64_t bytes;
  return ei_mul_u64(n, size, &bytes) ? ei_arena_get(arena, bytes, align) : NULL;
}

char *ei_arena_strdup(ei_arena *arena, const char *text, size_t length) {
  if (length >= SIZE_MAX / 2) return NULL;
  char *const copy = ei_arena_get(arena, (uint64_t)length + 1, 1);
  if (copy != NULL && length > 0) memcpy(copy, text, length);
  return copy;
}
