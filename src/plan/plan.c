/* SPDX-License-Identifier: Apache-2.0
 * Arena planning: aliases and in-place pairs are merged into blocks, blocks are placed greedily in several
 * orders, the smallest result wins. Placing by decreasing size is the heuristic of Pisarchyk and Lee,
 * "Efficient Memory Management for Deep Neural Net Inference" (2020); other orders repair its bad cases. */
#include "plan.h"

typedef struct block {
  uint64_t bytes, offset, key;
  uint32_t first, last, align;
} block;

typedef struct planner {
  ei_plan_buffer *buffers;
  uint32_t n_buffers;
  block *blocks;
  uint32_t n_blocks;
  uint32_t *order;  /* permutation of blocks being tried */
  uint32_t *placed; /* blocks placed so far, by ascending offset */
  uint64_t *best;   /* offsets of the best try */
  uint64_t work;    /* what the search for gaps may still cost */
} planner;

static uint32_t alignment(const ei_plan_buffer *b) {
  return b->align > 64 ? b->align : 64;
}

/* After this, `block` is the buffer at the end of the alias chain and `offset` is relative to it. */
static edge_status resolve_aliases(ei_plan_buffer *b, uint32_t n, edge_error *err) {
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t root = i, hops = 0;
    uint64_t offset = 0, end = 0;
    while (b[root].alias != EI_NONE) {
      if (b[root].alias >= n || ++hops > n || !ei_add_u64(offset, b[root].alias_offset, &offset))
        return ei_fail(err, EDGE_STATUS_INTERNAL, "buffer %u: aliases form a cycle", i);
      root = b[root].alias;
    }
    if (!ei_add_u64(offset, b[i].bytes, &end) || end > b[root].bytes)
      return ei_fail(err, EDGE_STATUS_INTERNAL, "buffer %u: alias reaches outside its container", i);
    b[i].block = root;
    b[i].offset = offset;
  }
  return EDGE_STATUS_OK;
}

/* A buffer that takes over the memory of one that dies at its first position joins that block. Pairs are taken
 * in time order, so that chains of in-place operators share one block. */
static void merge_shared(const ei_plan_buffer *b, uint32_t n, block *life, uint32_t *joined) {
  for (uint32_t i = 0; i < n; ++i) joined[i] = i;
  for (uint32_t i = 0; i < n; ++i) {
    if (b[i].share >= n || b[i].alias != EI_NONE) continue;
    const uint32_t source = b[i].share;
    uint32_t into = b[source].block;
    while (joined[into] != into) into = joined[into];
    if (into == i || b[source].offset != 0 || b[i].external || b[into].external) continue;
    /* everything in the target block must be over when this buffer starts, and the bytes must fit */
    if (life[into].last != life[i].first || life[i].bytes > life[into].bytes || life[i].align > life[into].align)
      continue;
    joined[i] = into;
    life[into].last = life[i].last;
  }
}

static bool before(const block *blocks, uint32_t x, uint32_t y) {
  return blocks[x].key > blocks[y].key || (blocks[x].key == blocks[y].key && x < y);
}

static void sift_down(const block *blocks, uint32_t *o, uint32_t root, uint32_t end) {
  for (uint32_t child; (child = 2 * root + 1) < end; root = child) {
    if (child + 1 < end && before(blocks, o[child], o[child + 1])) child++;
    if (!before(blocks, o[root], o[child])) return;
    const uint32_t t = o[root];
    o[root] = o[child];
    o[child] = t;
  }
}

/* Heap sort of `order` by key, largest first. */
static void sort_order(planner *p) {
  const uint32_t n = p->n_blocks;
  for (uint32_t i = 0; i < n; ++i) p->order[i] = i;
  for (uint32_t i = n / 2; i-- > 0;) sift_down(p->blocks, p->order, i, n);
  for (uint32_t end = n; end > 1; --end) {
    const uint32_t t = p->order[0];
    p->order[0] = p->order[end - 1];
    p->order[end - 1] = t;
    sift_down(p->blocks, p->order, 0, end - 1);
  }
}

/* Lowest gap (or tightest gap) between already placed blocks that are alive together with this one. */
static uint64_t find_gap(const planner *p, uint32_t n_placed, const block *b, bool best_fit) {
  const uint64_t mask = (uint64_t)b->align - 1;
  uint64_t cursor = 0, chosen = UINT64_MAX, chosen_gap = UINT64_MAX;
  for (uint32_t i = 0; i < n_placed; ++i) {
    const block *const q = &p->blocks[p->placed[i]];
    if (q->last < b->first || q->first > b->last) continue;
    const uint64_t at = (cursor + mask) & ~mask;
    if (q->offset >= at + b->bytes) {
      const uint64_t gap = q->offset - at;
      if (gap < chosen_gap) {
        chosen = at;
        chosen_gap = gap;
      }
      if (!best_fit) return chosen;
    }
    if (q->offset + q->bytes > cursor) cursor = q->offset + q->bytes;
  }
  return chosen != UINT64_MAX ? chosen : (cursor + mask) & ~mask;
}

/* In time order, blocks that ended before this one can meet no later one either. */
static uint32_t drop_ended(planner *p, uint32_t n_placed, uint32_t first) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < n_placed; ++i)
    if (p->blocks[p->placed[i]].last >= first) p->placed[kept++] = p->placed[i];
  return kept;
}

enum { CLASSES = 256, SEARCH = 1 << 28 };

/* Sizes fall into classes, four for each power of two. */
static uint32_t class_of(uint64_t bytes, uint64_t *size) {
  uint32_t e = 6;
  while (e < 61 && bytes > (uint64_t)1 << (e + 1)) e++;
  uint32_t quarter = 0;
  while (quarter < 4 && bytes > ((uint64_t)(4 + quarter) << e) / 4) quarter++;
  *size = ((uint64_t)(4 + quarter) << e) / 4;
  return 4 * e + quarter;
}

/* For graphs in which very many blocks are alive together: no search at all. A block takes the place of one that is
 * over and of its class, else a new one at the end. `order` holds the blocks by their start, `ends` by their end. */
static uint64_t place_by_class(planner *p, uint32_t *ends) {
  uint32_t list[CLASSES], ended = 0;
  uint64_t top = 0, size;
  uint32_t *const next = p->placed;
  for (uint32_t i = 0; i < CLASSES; ++i) list[i] = EI_NONE;
  for (uint32_t k = 0; k < p->n_blocks; ++k) {
    block *const b = &p->blocks[p->order[k]];
    for (; ended < p->n_blocks && p->blocks[ends[ended]].last < b->first; ++ended) {
      const uint32_t c = class_of(p->blocks[ends[ended]].bytes, &size);
      next[ends[ended]] = list[c];
      list[c] = ends[ended];
    }
    const uint32_t c = class_of(b->bytes, &size);
    if (list[c] != EI_NONE && b->align <= 64) {
      b->offset = p->blocks[list[c]].offset;
      list[c] = next[list[c]];
      continue;
    }
    b->offset = (top + b->align - 1) & ~((uint64_t)b->align - 1);
    top = b->offset + size;
  }
  return top;
}

/* Size of the arena for the current order, or UINT64_MAX as soon as it is not below `give_up` or took too long. */
static uint64_t place_in_order(planner *p, bool in_time, bool best_fit, uint64_t give_up) {
  uint64_t top = 0;
  for (uint32_t k = 0, n_placed = 0; k < p->n_blocks; ++k) {
    block *const b = &p->blocks[p->order[k]];
    if (in_time) n_placed = drop_ended(p, n_placed, b->first);
    if (p->work < n_placed) return UINT64_MAX;
    p->work -= n_placed;
    b->offset = find_gap(p, n_placed, b, best_fit);
    if (b->offset + b->bytes > top) top = b->offset + b->bytes;
    if (top >= give_up) return UINT64_MAX;
    uint32_t at = n_placed++;
    for (; at > 0 && p->blocks[p->placed[at - 1]].offset > b->offset; --at) p->placed[at] = p->placed[at - 1];
    p->placed[at] = p->order[k];
  }
  return top;
}

static uint64_t lower_bound(const planner *p, uint32_t positions, uint64_t *delta) {
  memset(delta, 0, ((size_t)positions + 2) * sizeof *delta);
  for (uint32_t i = 0; i < p->n_blocks; ++i) { /* modular arithmetic: differences may be negative */
    delta[p->blocks[i].first] += p->blocks[i].bytes;
    delta[p->blocks[i].last + 1] -= p->blocks[i].bytes;
  }
  uint64_t alive = 0, most = 0;
  for (uint32_t i = 0; i <= positions; ++i) {
    alive += delta[i];
    if (alive > most) most = alive;
  }
  return most;
}

enum { ORDER_SIZE, ORDER_AREA, ORDER_LIFE, ORDER_START, ORDER_END, ORDER_NOISE, ORDERS = 40, BIG_GRAPH = 4000 };

static void set_keys(planner *p, int order, uint64_t *seed) {
  for (uint32_t i = 0; i < p->n_blocks; ++i) {
    block *const b = &p->blocks[i];
    const uint64_t life = (uint64_t)b->last - b->first + 1;
    switch (order) {
    case ORDER_SIZE: b->key = b->bytes; break;
    case ORDER_AREA: b->key = b->bytes / 64 * life; break;
    case ORDER_LIFE: b->key = (life << 32) + (b->bytes >> 12); break;
    case ORDER_START: b->key = ((uint64_t)(UINT32_MAX - b->first) << 32) + (b->bytes >> 12 & UINT32_MAX); break;
    case ORDER_END: b->key = ((uint64_t)b->last << 32) + (b->bytes >> 12 & UINT32_MAX); break;
    default: /* by size with noise: escapes what the plain orders get wrong */
      *seed = *seed * 6364136223846793005u + 1442695040888963407u;
      b->key = b->bytes / 256 * (128 + (*seed >> 57));
      break;
    }
  }
}

/* Merge buffers into blocks; afterwards buffer.block is an index into p->blocks. */
static edge_status make_blocks(planner *p, ei_arena *temp, uint32_t *positions) {
  ei_plan_buffer *const b = p->buffers;
  const uint64_t n = p->n_buffers;
  block *const life = EI_NEW_ARRAY(temp, block, n + 1);
  uint32_t *const joined = EI_NEW_ARRAY(temp, uint32_t, n + 1);
  uint32_t *const block_of = EI_NEW_ARRAY(temp, uint32_t, n + 1);
  p->blocks = EI_NEW_ARRAY(temp, block, n + 1);
  p->order = EI_NEW_ARRAY(temp, uint32_t, n + 1);
  p->placed = EI_NEW_ARRAY(temp, uint32_t, n + 1);
  p->best = EI_NEW_ARRAY(temp, uint64_t, n + 1);
  if (!life || !joined || !block_of || !p->blocks || !p->order || !p->placed || !p->best)
    return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < n; ++i) {
    life[i].first = UINT32_MAX;
    life[i].bytes = b[i].external ? 0 : b[i].bytes;
    life[i].align = 64;
  }
  for (uint32_t i = 0; i < n; ++i) {
    block *const l = &life[b[i].block];
    if (b[i].first < l->first) l->first = b[i].first;
    if (b[i].last > l->last) l->last = b[i].last;
    if (alignment(&b[i]) > l->align) l->align = alignment(&b[i]);
    if (b[i].last > *positions) *positions = b[i].last;
  }
  merge_shared(b, p->n_buffers, life, joined);
  uint32_t empty = EI_NONE; /* buffers without bytes (unused, outside the arena) share one block: they need no place */
  for (uint32_t i = 0; i < n; ++i) {
    if (b[i].block != i || joined[i] != i) continue;
    if (life[i].bytes == 0 && empty != EI_NONE) {
      block_of[i] = empty;
      continue;
    }
    if (life[i].bytes == 0) empty = p->n_blocks;
    block_of[i] = p->n_blocks;
    block *const k = &p->blocks[p->n_blocks++];
    *k = life[i];
    if (!ei_align_u64(k->bytes, 64, &k->bytes)) return EDGE_STATUS_LIMIT_EXCEEDED;
  }
  for (uint32_t i = 0; i < n; ++i) {
    uint32_t r = b[i].block;
    while (joined[r] != r) r = joined[r];
    b[i].block = block_of[r];
  }
  return EDGE_STATUS_OK;
}

static edge_status place_without_search(planner *p, ei_arena *temp, uint64_t *top, edge_error *err) {
  uint64_t seed = 1;
  uint32_t *const ends = EI_NEW_ARRAY(temp, uint32_t, p->n_blocks);
  if (!ends) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to plan %u buffers", p->n_buffers);
  set_keys(p, ORDER_END, &seed);
  sort_order(p);
  for (uint32_t i = 0; i < p->n_blocks; ++i) ends[i] = p->order[p->n_blocks - 1 - i]; /* earliest end first */
  set_keys(p, ORDER_START, &seed);
  sort_order(p);
  *top = place_by_class(p, ends);
  for (uint32_t i = 0; i < p->n_blocks; ++i) p->best[i] = p->blocks[i].offset;
  return EDGE_STATUS_OK;
}

edge_status ei_plan_place(ei_plan_buffer *buffers, uint32_t count, ei_arena *temp, ei_plan_result *out,
                          edge_error *err) {
  planner p = { .buffers = buffers, .n_buffers = count, .work = SEARCH };
  uint32_t positions = 0;
  memset(out, 0, sizeof *out);
  EI_TRY(resolve_aliases(buffers, count, err));
  const edge_status status = make_blocks(&p, temp, &positions);
  uint64_t *const delta = EI_NEW_ARRAY(temp, uint64_t, (uint64_t)positions + 2);
  if (status != EDGE_STATUS_OK || !delta)
    return ei_fail(err, status != EDGE_STATUS_OK ? status : EDGE_STATUS_OUT_OF_MEMORY, "no memory to plan %u buffers",
                   count);
  uint64_t total = 0;
  for (uint32_t i = 0; i < p.n_blocks; ++i)
    if (!ei_add_u64(total, p.blocks[i].bytes, &total) || !ei_add_u64(total, p.blocks[i].align, &total) ||
        total > UINT64_MAX / 4)
      return ei_fail(err, EDGE_STATUS_LIMIT_EXCEEDED, "the activations do not fit any address space");
  out->lower_bound = lower_bound(&p, positions, delta);
  uint64_t best = UINT64_MAX, seed = 1;
  /* in time order the work is linear in the blocks alive together; the other orders are for graphs of ordinary size */
  const bool big = p.n_blocks > BIG_GRAPH;
  for (int o = big ? ORDER_START : 0; o < (big ? ORDER_START + 1 : ORDERS) && best > out->lower_bound; ++o) {
    set_keys(&p, o, &seed);
    sort_order(&p);
    for (int fit = 0; fit < 2; ++fit) {
      const uint64_t top = place_in_order(&p, o == ORDER_START, fit != 0, best);
      if (top >= best) continue;
      best = top;
      for (uint32_t i = 0; i < p.n_blocks; ++i) p.best[i] = p.blocks[i].offset;
    }
  }
  if (best == UINT64_MAX && p.n_blocks > 0) EI_TRY(place_without_search(&p, temp, &best, err));
  out->bytes = p.n_blocks ? best : 0;
  for (uint32_t i = 0; i < count; ++i) buffers[i].offset += p.best[buffers[i].block];
  return EDGE_STATUS_OK;
}
