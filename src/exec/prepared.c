/* SPDX-License-Identifier: Apache-2.0
 * Packed weights: made once, shared by all sessions of a model, kept until the model goes. */
#include "exec.h"

typedef struct entry {
  struct entry *next;
  edge_prepared_key key;
  void *data;
  uint64_t bytes;
  uint32_t refs;
  bool shareable;
  edge_status status;
  ei_port_mutex filling; /* held while `fill` runs, so that others wait for this entry only */
} entry;

enum { BUCKETS = 256 };

struct ei_prepared_store {
  ei_alloc *alloc;
  ei_port_mutex lock;
  uint64_t bytes;
  entry *buckets[BUCKETS];
};

edge_status ei_prepared_create(ei_alloc *alloc, ei_prepared_store **out) {
  ei_prepared_store *const s = ei_alloc_get(alloc, sizeof *s, _Alignof(ei_prepared_store));
  *out = s;
  if (!s) return EDGE_STATUS_OUT_OF_MEMORY;
  s->alloc = alloc;
  ei_port_mutex_init(&s->lock);
  return EDGE_STATUS_OK;
}

static void free_entry(ei_prepared_store *s, entry *e) {
  ei_port_mutex_destroy(&e->filling);
  ei_alloc_put(s->alloc, e->data, e->bytes, 64);
  ei_alloc_put(s->alloc, e, sizeof *e, _Alignof(entry));
}

void ei_prepared_destroy(ei_prepared_store *s) {
  if (!s) return;
  for (uint32_t b = 0; b < BUCKETS; ++b)
    for (entry *e = s->buckets[b], *next; e; e = next) {
      next = e->next;
      free_entry(s, e);
    }
  ei_port_mutex_destroy(&s->lock);
  ei_alloc_put(s->alloc, s, sizeof *s, _Alignof(ei_prepared_store));
}

static uint32_t bucket_of(const edge_prepared_key *k) {
  uint64_t h = (uint64_t)(uintptr_t)k->source * 0x9e3779b97f4a7c15u;
  for (int i = 0; i < 4; ++i) h = (h ^ k->params[i]) * 0xff51afd7ed558ccdu;
  return (uint32_t)(h >> 32) % BUCKETS;
}

static bool same_key(const edge_prepared_key *a, const edge_prepared_key *b) {
  return a->source == b->source && memcmp(a->params, b->params, sizeof a->params) == 0 &&
         strcmp(a->layout, b->layout) == 0;
}

edge_status ei_prepared_get(ei_prepared_store *s, const edge_prepared_key *key, bool shareable, uint64_t bytes,
                            edge_prepare_fn fill, void *user, const void **out) {
  *out = NULL;
  entry **const bucket = &s->buckets[bucket_of(key)];
  ei_port_mutex_lock(&s->lock);
  for (entry *e = shareable ? *bucket : NULL; e; e = e->next) {
    if (!e->shareable || e->bytes != bytes || !same_key(&e->key, key)) continue;
    e->refs++;
    ei_port_mutex_unlock(&s->lock);
    ei_port_mutex_lock(&e->filling);
    const edge_status status = e->status;
    ei_port_mutex_unlock(&e->filling);
    if (status != EDGE_STATUS_OK) {
      ei_prepared_put(s, e->data);
      return status;
    }
    *out = e->data;
    return EDGE_STATUS_OK;
  }
  entry *const e = ei_alloc_get(s->alloc, sizeof *e, _Alignof(entry));
  void *const data = e ? ei_alloc_get_raw(s->alloc, bytes ? bytes : 1, 64) : NULL;
  if (!data) {
    if (e) ei_alloc_put(s->alloc, e, sizeof *e, _Alignof(entry));
    ei_port_mutex_unlock(&s->lock);
    return EDGE_STATUS_OUT_OF_MEMORY;
  }
  e->key = *key;
  e->data = data;
  e->bytes = bytes ? bytes : 1;
  e->refs = 1;
  e->shareable = shareable;
  ei_port_mutex_init(&e->filling);
  ei_port_mutex_lock(&e->filling);
  e->next = *bucket;
  *bucket = e;
  s->bytes += e->bytes;
  ei_port_mutex_unlock(&s->lock);
  const edge_status status = fill(user, data, bytes);
  e->status = status;
  ei_port_mutex_unlock(&e->filling);
  if (status != EDGE_STATUS_OK) {
    ei_prepared_put(s, data);
    return status;
  }
  *out = data;
  return EDGE_STATUS_OK;
}

/* Shared data stays for the next session or plan; private or failed data goes with its last user. */
void ei_prepared_put(ei_prepared_store *s, const void *data) {
  if (!data) return;
  ei_port_mutex_lock(&s->lock);
  for (uint32_t b = 0; b < BUCKETS; ++b)
    for (entry **at = &s->buckets[b]; *at; at = &(*at)->next) {
      entry *const e = *at;
      if (e->data != data) continue;
      if (--e->refs == 0 && (!e->shareable || e->status != EDGE_STATUS_OK)) {
        *at = e->next;
        s->bytes -= e->bytes;
        free_entry(s, e);
      }
      ei_port_mutex_unlock(&s->lock);
      return;
    }
  ei_port_mutex_unlock(&s->lock);
}

uint64_t ei_prepared_bytes(const ei_prepared_store *s) {
  return s->bytes;
}
