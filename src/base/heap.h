/* SPDX-License-Identifier: Apache-2.0
 * A binary heap of indices, smallest first, in memory of the caller: ready lists of topological orders. */
#ifndef EI_HEAP_H
#define EI_HEAP_H

#include <stdint.h>

typedef struct ei_heap {
  uint32_t *items, count;
} ei_heap;

static inline void ei_heap_push(ei_heap *h, uint32_t v) {
  uint32_t i = h->count++;
  for (; i > 0 && h->items[(i - 1) / 2] > v; i = (i - 1) / 2) h->items[i] = h->items[(i - 1) / 2];
  h->items[i] = v;
}

/** The heap is not empty. */
static inline uint32_t ei_heap_pop(ei_heap *h) {
  const uint32_t top = h->items[0], v = h->items[--h->count];
  uint32_t i = 0;
  for (uint32_t child; (child = 2 * i + 1) < h->count; i = child) {
    if (child + 1 < h->count && h->items[child + 1] < h->items[child]) child++;
    if (h->items[child] >= v) break;
    h->items[i] = h->items[child];
  }
  h->items[i] = v;
  return top;
}

#endif
