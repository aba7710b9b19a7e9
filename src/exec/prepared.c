/* SPDX-License-Identifier: Apache-2.0
 * Packed weights: made once, shared by all sessions of a model, kept until the model goes. Blobs that the model's file
 * or the cache folder holds are used where they are. */
#include "prepared.h"
#include "../base/pool.h"
#include "../sched/backend.h"

enum { WORTH_RELEASING = 32 << 10 };
enum { BUCKETS = 256, SLAB_LEAST = 16 << 10, SLAB_MOST = 16 << 20, SLAB_ENTRY = 8 << 20, SLAB_UNIT = 2 << 20 };

typedef struct entry {
  struct entry *next;
  edge_prepared_key key;
  const char *backend;
  void *data;
  uint64_t bytes;
  uint32_t refs;
  bool shareable, mapped, in_slab, done;
  edge_status status;
  ei_port_mutex filling; /* held while `fill` runs, so that others wait for this entry only */
} entry;

/* Shared entries come from few large blocks, which may then lie in huge pages. */
typedef struct slab {
  struct slab *next;
  uint64_t bytes, used;
} slab;
enum { SLAB_HEAD = 64 };
_Static_assert(sizeof(slab) <= SLAB_HEAD, "the payload starts on a cache line");

struct ei_prepared_store {
  edge_env *env;
  ei_alloc *alloc;
  /* taken in this order: lock, an entry's filling, memory */
  ei_port_mutex lock;   /* entries, the index, what was told */
  ei_port_mutex memory; /* slabs, bytes, addresses of entries */
  uint64_t bytes;
  entry *buckets[BUCKETS];
  slab *slabs;
  const ei_graph *graph;
  void (*release)(void *user, const void *data, uint64_t bytes);
  void *release_user;
  ei_arena arena; /* of the index */
  ei_blob_index index;
  bool indexed, told_stale, told_foreign, told_damaged, told_cache;
  ei_cache cache;
  ei_hash model;
  uint32_t made; /* shared entries that no file holds yet */
  bool saving;
};

edge_status ei_prepared_create(edge_env *env, ei_prepared_store **out) {
  ei_prepared_store *const s = ei_alloc_get(env->alloc, sizeof *s, _Alignof(ei_prepared_store));
  *out = s;
  if (!s) return EDGE_STATUS_OUT_OF_MEMORY;
  s->env = env;
  s->alloc = env->alloc;
  ei_arena_init(&s->arena, env->alloc);
  ei_arena_init(&s->cache.arena, env->alloc);
  ei_port_mutex_init(&s->lock);
  ei_port_mutex_init(&s->memory);
  return EDGE_STATUS_OK;
}

void ei_prepared_attach(ei_prepared_store *s, const ei_graph *graph,
                        void (*release)(void *user, const void *data, uint64_t bytes), void *user) {
  s->graph = graph;
  s->release = release;
  s->release_user = user;
}

static void free_entry(ei_prepared_store *s, entry *e) {
  ei_port_mutex_destroy(&e->filling);
  if (!e->mapped && !e->in_slab) ei_alloc_put(s->alloc, e->data, e->bytes, 64);
  ei_alloc_put(s->alloc, e, sizeof *e, _Alignof(entry));
}

void ei_prepared_destroy(ei_prepared_store *s) {
  if (!s) return;
  for (uint32_t b = 0; b < BUCKETS; ++b)
    for (entry *e = s->buckets[b], *next; e; e = next) {
      next = e->next;
      free_entry(s, e);
    }
  for (slab *k = s->slabs, *next; k; k = next) {
    next = k->next;
    ei_alloc_put(s->alloc, k, k->bytes, 64);
  }
  ei_cache_close(&s->cache);
  ei_arena_free(&s->arena);
  ei_port_mutex_destroy(&s->memory);
  ei_port_mutex_destroy(&s->lock);
  ei_alloc_put(s->alloc, s, sizeof *s, _Alignof(ei_prepared_store));
}

/* ---- finding */

static uint32_t bucket_of(const edge_prepared_key *k) {
  uint64_t h = (uint64_t)(uintptr_t)k->source * 0x9e3779b97f4a7c15u;
  for (int i = 0; i < 4; ++i) h = (h ^ k->params[i]) * 0xff51afd7ed558ccdu;
  return (uint32_t)(h >> 32) % BUCKETS;
}

static bool same_key(const edge_prepared_key *a, const edge_prepared_key *b) {
  return a->source == b->source && memcmp(a->params, b->params, sizeof a->params) == 0 &&
         strcmp(a->layout, b->layout) == 0;
}

/* Runs once, under the lock. Without memory for it nothing is shared between files and memory. */
static void make_index(ei_prepared_store *s) {
  s->indexed = true;
  if (!s->graph || ei_blobs_index(s->graph, &s->arena, &s->index) != EDGE_STATUS_OK) return;
  (void)ei_blobs_add(&s->index, &s->arena, s->graph->prepared, s->graph->n_prepared, ei_cpu_tier(s->env->features));
}

/* A blob of a file for this request, or NULL. */
static ei_blob *find_blob(ei_prepared_store *s, const ei_prepared_ask *ask) {
  const bool cached = s->env->cache_dir != NULL;
  if (!s->index.n_blobs && !cached) return NULL;
  const ei_hash name = ei_blobs_name(&s->index, ask->backend, ask->key, ask->bytes);
  ei_blob *blob = ei_blobs_find(&s->index, name);
  if ((blob && blob->state != EI_BLOB_BAD) || !cached) return blob;
  if (!s->cache.looked) { /* only now: a prepared file needs no hash of its weights */
    s->model = ei_blobs_hash_model(&s->index, s->graph, s->release, s->release_user);
    ei_cache_open(&s->cache, s->env, s->model, &s->index, &s->arena);
    blob = ei_blobs_find(&s->index, name);
  }
  return blob;
}

static int tell(bool *told, int note) {
  if (*told) return EI_PREPARED_QUIET;
  *told = true;
  return note;
}

/* Why packing is needed although the file seems prepared; under the lock. */
static int note_of_miss(ei_prepared_store *s, const ei_blob *blob) {
  if (blob && blob->state == EI_BLOB_BAD) return tell(&s->told_damaged, EI_PREPARED_DAMAGED);
  if (s->cache.damaged) return tell(&s->told_cache, EI_PREPARED_CACHE);
  if (!s->index.ours && s->index.stale) return tell(&s->told_stale, EI_PREPARED_STALE);
  if (!s->index.ours && s->index.foreign) return tell(&s->told_foreign, EI_PREPARED_FOREIGN);
  return EI_PREPARED_QUIET;
}

/* ---- memory */

/* Room for what is still to be packed, as far as the model's size tells; whole huge pages when it is much. */
static uint64_t slab_size(const ei_prepared_store *s, uint64_t need) {
  uint64_t size = s->index.total_bytes > s->bytes ? s->index.total_bytes - s->bytes : 0;
  if (size > SLAB_MOST) size = SLAB_MOST;
  if (size < SLAB_LEAST) size = SLAB_LEAST;
  if (size < need) size = need;
  size += SLAB_HEAD;
  return size > SLAB_UNIT / 2 ? (size + SLAB_UNIT - 1) / SLAB_UNIT * SLAB_UNIT : size;
}

static void *from_slab(ei_prepared_store *s, uint64_t bytes) {
  uint64_t need;
  if (bytes > SLAB_ENTRY || !ei_align_u64(bytes, 64, &need)) return NULL;
  if (!s->slabs || s->slabs->bytes - s->slabs->used < need) {
    const uint64_t total = slab_size(s, need);
    slab *const fresh = ei_alloc_get_raw(s->alloc, total, 64);
    if (!fresh) return NULL;
    *fresh = (slab) { s->slabs, total, SLAB_HEAD };
    s->slabs = fresh;
  }
  void *const p = (unsigned char *)s->slabs + s->slabs->used;
  s->slabs->used += need;
  return p;
}

static bool give_memory(ei_prepared_store *s, entry *e, uint64_t bytes) {
  if (e->shareable) e->data = from_slab(s, bytes ? bytes : 1);
  e->in_slab = e->data != NULL;
  if (!e->data) e->data = ei_alloc_get_raw(s->alloc, bytes ? bytes : 1, 64);
  if (e->data) s->bytes += bytes ? bytes : 1;
  return e->data != NULL;
}

/* ---- get and put */

/* Fill under the entry's own lock: others wait for it alone. */
static edge_status fill_entry(ei_prepared_store *s, entry *e, ei_prepared_ask *ask, ei_blob *blob) {
  if (blob && ei_blob_usable(blob, ask->bytes)) {
    ei_port_mutex_lock(&s->memory);
    e->data = (void *)(uintptr_t)blob->data;
    e->mapped = true;
    ei_port_mutex_unlock(&s->memory);
    return EDGE_STATUS_OK;
  }
  ei_port_mutex_lock(&s->memory);
  const bool there = give_memory(s, e, ask->bytes);
  ei_port_mutex_unlock(&s->memory);
  if (!there) return EDGE_STATUS_OUT_OF_MEMORY;
  EI_TRY(ask->fill(ask->user, e->data, ask->bytes));
  const ei_constant *const source = e->shareable ? ei_blobs_constant(&s->index, ask->key->source) : NULL;
  if (source && s->release && source->bytes >= WORTH_RELEASING)
    s->release(s->release_user, source->data, source->bytes);
  return EDGE_STATUS_OK;
}

static void drop(ei_prepared_store *s, entry *gone) {
  ei_port_mutex_lock(&s->lock);
  if (--gone->refs == 0 && (!gone->shareable || gone->status != EDGE_STATUS_OK)) {
    entry **at = &s->buckets[bucket_of(&gone->key)];
    while (*at != gone) at = &(*at)->next;
    *at = gone->next;
    ei_port_mutex_lock(&s->memory);
    if (!gone->mapped && gone->data) s->bytes -= gone->bytes;
    ei_port_mutex_unlock(&s->memory);
    free_entry(s, gone);
  }
  ei_port_mutex_unlock(&s->lock);
}

edge_status ei_prepared_get(ei_prepared_store *s, ei_prepared_ask *ask, const void **out) {
  *out = NULL;
  ask->note = EI_PREPARED_QUIET;
  ei_port_mutex_lock(&s->lock);
  if (!s->indexed) make_index(s);
  const bool shareable = ei_blobs_constant(&s->index, ask->key->source) != NULL;
  entry **const bucket = &s->buckets[bucket_of(ask->key)];
  for (entry *e = shareable ? *bucket : NULL; e; e = e->next) {
    if (!e->shareable || e->bytes != (ask->bytes ? ask->bytes : 1) || !same_key(&e->key, ask->key) ||
        strcmp(e->backend, ask->backend) != 0)
      continue;
    e->refs++;
    ei_port_mutex_unlock(&s->lock);
    ei_port_mutex_lock(&e->filling);
    const edge_status status = e->status;
    ei_port_mutex_unlock(&e->filling);
    if (status == EDGE_STATUS_OK)
      *out = e->data;
    else
      drop(s, e);
    return status;
  }
  entry *const e = ei_alloc_get(s->alloc, sizeof *e, _Alignof(entry));
  if (!e) {
    ei_port_mutex_unlock(&s->lock);
    return EDGE_STATUS_OUT_OF_MEMORY;
  }
  ei_blob *const blob = shareable ? find_blob(s, ask) : NULL;
  e->key = *ask->key;
  e->backend = ask->backend;
  e->bytes = ask->bytes ? ask->bytes : 1;
  e->refs = 1;
  e->shareable = shareable;
  ei_port_mutex_init(&e->filling);
  ei_port_mutex_lock(&e->filling);
  e->next = *bucket;
  *bucket = e;
  ei_port_mutex_unlock(&s->lock);
  const edge_status status = fill_entry(s, e, ask, blob);
  e->status = status;
  ei_port_mutex_unlock(&e->filling);
  ei_port_mutex_lock(&s->lock);
  e->done = status == EDGE_STATUS_OK;
  s->made += e->done && e->shareable && !e->mapped;
  if (e->done && !e->mapped) ask->note = note_of_miss(s, blob);
  ei_port_mutex_unlock(&s->lock);
  if (status == EDGE_STATUS_OK)
    *out = e->data;
  else
    drop(s, e);
  return status;
}

/* Shared data stays for the next session or plan; private data goes with its last user. */
void ei_prepared_put(ei_prepared_store *s, const void *data) {
  if (!data) return;
  entry *found = NULL;
  ei_port_mutex_lock(&s->lock);
  ei_port_mutex_lock(&s->memory);
  for (uint32_t b = 0; b < BUCKETS && !found; ++b)
    for (entry *e = s->buckets[b]; e && !found; e = e->next)
      if (e->data == data && e->refs) found = e;
  ei_port_mutex_unlock(&s->memory);
  ei_port_mutex_unlock(&s->lock);
  if (found) drop(s, found);
}

uint64_t ei_prepared_bytes(const ei_prepared_store *s) {
  return s->bytes;
}

/* ---- out again: into files */

/* What can go into a file. The bytes stay where they are until the model goes. */
static edge_status collect(ei_prepared_store *s, ei_arena *arena, ei_prepared **out, uint32_t *count) {
  uint32_t total = 0;
  *count = 0;
  for (uint32_t b = 0; b < BUCKETS; ++b)
    for (const entry *e = s->buckets[b]; e; e = e->next) total += e->done && e->shareable;
  ei_prepared *const list = *out = EI_NEW_ARRAY(arena, ei_prepared, (uint64_t)total + 1);
  const char *const tier = ei_cpu_tier(s->env->features);
  if (!list) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t b = 0; b < BUCKETS; ++b)
    for (const entry *e = s->buckets[b]; e; e = e->next) {
      if (!e->done || !e->shareable) continue;
      const size_t cap = strlen(e->backend) + strlen(tier) + 2;
      char *const target = ei_arena_get(arena, cap, 1);
      uint8_t *const key = ei_arena_get(arena, EI_BLOB_KEY_BYTES, 8);
      if (!target || !key) return EDGE_STATUS_OUT_OF_MEMORY;
      ei_format(target, cap, "%s:%s", e->backend, tier);
      ei_blobs_write_key(ei_blobs_name(&s->index, e->backend, &e->key, e->bytes), 0, key);
      list[(*count)++] = (ei_prepared) {
        .target = target, .key = key, .key_bytes = EI_BLOB_KEY_BYTES, .data = e->data, .bytes = e->bytes
      };
    }
  return EDGE_STATUS_OK;
}

/* By key, whatever the order in memory was: the same model gives the same file. */
static void sort_by_key(ei_prepared *list, uint32_t count) {
  uint32_t gap = 1;
  while (gap < count / 3) gap = gap * 3 + 1;
  for (; gap > 0; gap /= 3)
    for (uint32_t i = gap; i < count; ++i) {
      const ei_prepared moved = list[i];
      uint32_t at = i;
      for (; at >= gap && memcmp(list[at - gap].key, moved.key, EI_BLOB_KEY_BYTES) > 0; at -= gap)
        list[at] = list[at - gap];
      list[at] = moved;
    }
}

edge_status ei_prepared_list(ei_prepared_store *s, ei_arena *arena, ei_prepared **out, uint32_t *count) {
  ei_port_mutex_lock(&s->lock);
  const edge_status status = collect(s, arena, out, count);
  ei_port_mutex_unlock(&s->lock);
  if (status == EDGE_STATUS_OK) sort_by_key(*out, *count);
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < *count; ++i) {
    ei_prepared *const p = &(*out)[i];
    uint8_t *const key = (uint8_t *)(uintptr_t)p->key;
    ei_blobs_set_checksum(key, ei_blob_checksum(p->data, p->bytes));
  }
  return status;
}

static void save(ei_prepared_store *s) {
  ei_arena temp;
  ei_prepared *list = NULL;
  uint32_t count = 0;
  ei_arena_init(&temp, s->alloc);
  if (ei_prepared_list(s, &temp, &list, &count) == EDGE_STATUS_OK)
    ei_cache_write(&s->cache, s->env, s->model, list, count);
  ei_arena_free(&temp);
}

void ei_prepared_save(ei_prepared_store *s) {
  if (!s->env->cache_dir) return;
  ei_port_mutex_lock(&s->lock);
  const bool wanted = s->made > 0 && !s->saving && s->cache.looked;
  if (wanted) {
    s->saving = true;
    s->made = 0;
  }
  ei_port_mutex_unlock(&s->lock);
  if (!wanted) return;
  save(s);
  ei_port_mutex_lock(&s->lock);
  s->saving = false;
  ei_port_mutex_unlock(&s->lock);
}
