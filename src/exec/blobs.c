/* SPDX-License-Identifier: Apache-2.0
 * Prepared blobs in files: which constant is which, what a blob is called, whether it is what it claims to be.
 *
 *   key of a blob, 32 bytes, little endian:
 *     0  u32  form of the key and version of the packing
 *     4  u32  version of the library
 *     8  u64  \ name: hash of backend, layout, parameters, sizes, positions of the constants in the graph,
 *    16  u64  / and of what the graph's constants look like
 *    24  u64  checksum of the bytes */
#include "prepared.h"
#include "../ops/op.h"
#include <edge/edge.h>

static uint32_t form_version(void) {
  return 1u << 16 | (uint32_t)EI_PACKING_VERSION;
}

static void put_le(uint8_t *p, uint64_t v, int bytes) {
  for (int i = 0; i < bytes; ++i) p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p, int bytes) {
  uint64_t v = 0;
  for (int i = 0; i < bytes; ++i) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

void ei_blobs_write_key(ei_hash name, uint64_t checksum, uint8_t key[EI_BLOB_KEY_BYTES]) {
  put_le(key, form_version(), 4);
  put_le(key + 4, edge_version(), 4);
  put_le(key + 8, name.lo, 8);
  put_le(key + 16, name.hi, 8);
  ei_blobs_set_checksum(key, checksum);
}

void ei_blobs_set_checksum(uint8_t key[EI_BLOB_KEY_BYTES], uint64_t checksum) {
  put_le(key + 24, checksum, 8);
}

uint64_t ei_blob_checksum(const void *data, uint64_t bytes) {
  return ei_hash_bytes(data, bytes, UINT64_C(0x65646765626c6f62)).lo;
}

/* ---- constants */

static uint64_t slot_of(const void *data, uint64_t slots) {
  const uint64_t h = (uint64_t)(uintptr_t)data * UINT64_C(0x9e3779b97f4a7c15);
  return (h ^ h >> 32) & (slots - 1);
}

const ei_constant *ei_blobs_constant(const ei_blob_index *index, const void *data) {
  if (!index->n_slots || !data) return NULL;
  for (uint64_t at = slot_of(data, index->n_slots); index->constants[at].data; at = (at + 1) & (index->n_slots - 1))
    if (index->constants[at].data == data) return &index->constants[at];
  return NULL;
}

edge_status ei_blobs_index(const ei_graph *g, ei_arena *arena, ei_blob_index *out) {
  uint64_t count = 0, slots = 16;
  memset(out, 0, sizeof *out);
  for (uint32_t s = 0; s < g->n_subgraphs; ++s)
    for (uint32_t t = 0; t < g->subgraphs[s].n_tensors; ++t) count += g->subgraphs[s].tensors[t].data != NULL;
  while (slots < 2 * count) slots *= 2;
  out->constants = EI_NEW_ARRAY(arena, ei_constant, slots);
  if (!out->constants) return EDGE_STATUS_OUT_OF_MEMORY;
  out->n_slots = slots;
  out->shape = count;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s)
    for (uint32_t t = 0; t < g->subgraphs[s].n_tensors; ++t) {
      const ei_tensor *const x = &g->subgraphs[s].tensors[t];
      if (!x->data) continue;
      const uint64_t facts[4] = { out->shape, x->data_bytes, (uint64_t)(uint32_t)x->dtype, (uint64_t)s << 32 | t };
      out->shape = ei_hash_bytes(facts, sizeof facts, 1).lo;
      uint64_t at = slot_of(x->data, slots);
      while (out->constants[at].data && out->constants[at].data != x->data) at = (at + 1) & (slots - 1);
      if (out->constants[at].data) continue; /* several tensors share it: the first one names it */
      out->total_bytes += x->data_bytes;
      out->constants[at] = (ei_constant) { x->data, x->data_bytes, s, t, x->dtype };
    }
  return EDGE_STATUS_OK;
}

/* ---- names */

typedef struct words {
  uint8_t bytes[512];
  uint32_t n;
} words;

static void add(words *w, uint64_t v) {
  if (w->n + 8 > sizeof w->bytes) return;
  put_le(w->bytes + w->n, v, 8);
  w->n += 8;
}

/* A constant is named by its place in the graph, a number by itself. */
static void add_constant(words *w, const ei_constant *c) {
  add(w, UINT64_C(0x636f6e7374616e74)); /* no size is that large */
  add(w, (uint64_t)c->subgraph << 32 | c->tensor);
  add(w, c->bytes);
  add(w, (uint64_t)(uint32_t)c->dtype);
}

ei_hash ei_blobs_name(const ei_blob_index *index, const char *backend, const edge_prepared_key *key, uint64_t bytes) {
  words w = { .n = 0 };
  add(&w, form_version());
  add(&w, edge_version());
  add(&w, index->shape);
  add(&w, ei_hash_bytes(backend, strlen(backend), 2).lo);
  add(&w, ei_hash_bytes(key->layout, strlen(key->layout), 3).lo);
  add(&w, bytes);
  const ei_constant *const source = ei_blobs_constant(index, key->source);
  if (source) add_constant(&w, source);
  for (size_t i = 0; i < EI_COUNT(key->params); ++i) {
    const uint64_t v = key->params[i];
    const ei_constant *const other = ei_blobs_constant(index, (const void *)(uintptr_t)v);
    if (other && (uint64_t)(uintptr_t)other->data == v)
      add_constant(&w, other);
    else
      add(&w, v);
  }
  return ei_hash_bytes(w.bytes, w.n, 4);
}

/* ---- blobs */

ei_blob *ei_blobs_find(const ei_blob_index *index, ei_hash name) {
  if (!index->n_blob_slots) return NULL;
  for (uint64_t at = name.lo & (index->n_blob_slots - 1); index->blobs[at].data;
       at = (at + 1) & (index->n_blob_slots - 1))
    if (index->blobs[at].lo == name.lo && index->blobs[at].hi == name.hi) return &index->blobs[at];
  return NULL;
}

static void insert(ei_blob *slots, uint64_t n_slots, const ei_blob *b) {
  uint64_t at = b->lo & (n_slots - 1);
  while (slots[at].data && (slots[at].lo != b->lo || slots[at].hi != b->hi)) at = (at + 1) & (n_slots - 1);
  if (!slots[at].data || slots[at].state == EI_BLOB_BAD) slots[at] = *b;
}

/* A target is "backend:tier". */
static bool same_tier(const char *target, const char *tier) {
  const char *const colon = strchr(target, ':');
  return colon && strcmp(colon + 1, tier) == 0;
}

edge_status ei_blobs_add(ei_blob_index *index, ei_arena *arena, const ei_prepared *list, uint32_t count,
                         const char *tier) {
  uint64_t slots = 16;
  if (!count) return EDGE_STATUS_OK;
  while (slots < 2 * (index->n_blobs + count)) slots *= 2;
  ei_blob *const table = EI_NEW_ARRAY(arena, ei_blob, slots);
  if (!table) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint64_t i = 0; i < index->n_blob_slots; ++i)
    if (index->blobs[i].data) insert(table, slots, &index->blobs[i]);
  index->blobs = table;
  index->n_blob_slots = slots;
  index->n_blobs += count;
  for (uint32_t i = 0; i < count; ++i) {
    const ei_prepared *const p = &list[i];
    const uint8_t *const key = p->key;
    if (p->key_bytes != EI_BLOB_KEY_BYTES || !p->bytes) continue; /* some other program's */
    if (get_le(key, 4) != form_version() || get_le(key + 4, 4) != edge_version()) {
      index->stale = true;
      continue;
    }
    if (same_tier(p->target, tier))
      index->ours = true;
    else
      index->foreign = true; /* layouts of this tier may be among them all the same */
    insert(table, slots,
           &(ei_blob) { .lo = get_le(key + 8, 8),
                        .hi = get_le(key + 16, 8),
                        .checksum = get_le(key + 24, 8),
                        .data = p->data,
                        .bytes = p->bytes });
  }
  return EDGE_STATUS_OK;
}

bool ei_blob_usable(ei_blob *blob, uint64_t bytes) {
  if (blob->bytes != bytes || (uintptr_t)blob->data % EI_BLOB_ALIGN) blob->state = EI_BLOB_BAD;
  if (blob->state == EI_BLOB_UNSEEN) {
    ei_port_advise_soon(blob->data, blob->bytes);
    blob->state = ei_blob_checksum(blob->data, blob->bytes) == blob->checksum ? EI_BLOB_GOOD : EI_BLOB_BAD;
  }
  return blob->state == EI_BLOB_GOOD;
}

/* ---- the whole model */

static ei_hash chain(ei_hash h, const void *data, uint64_t bytes) {
  const ei_hash x = ei_hash_bytes(data, bytes, h.lo);
  const uint64_t both[4] = { h.lo, h.hi, x.lo, x.hi };
  return ei_hash_bytes(both, sizeof both, bytes);
}

ei_hash ei_blobs_hash_model(const ei_blob_index *index, const ei_graph *g,
                            void (*release)(void *user, const void *data, uint64_t bytes), void *user) {
  ei_hash h = { index->shape, g->n_subgraphs };
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    const ei_subgraph *const sg = &g->subgraphs[s];
    for (uint32_t n = 0; n < sg->n_nodes; ++n) h = chain(h, sg->nodes[n].op->name, strlen(sg->nodes[n].op->name));
    for (uint32_t t = 0; t < sg->n_tensors; ++t) {
      const ei_tensor *const x = &sg->tensors[t];
      if (!x->data) continue;
      if (x->rank > 0) h = chain(h, x->dims, (uint64_t)x->rank * sizeof x->dims[0]);
      if (x->quant.count) h = chain(h, x->quant.scales, (uint64_t)x->quant.count * sizeof *x->quant.scales);
      if (x->quant.zero_points)
        h = chain(h, x->quant.zero_points, (uint64_t)x->quant.count * sizeof *x->quant.zero_points);
      const ei_constant *const c = ei_blobs_constant(index, x->data);
      if (!c || c->subgraph != s || c->tensor != t) continue; /* hashed with the first tensor that has it */
      h = chain(h, x->data, x->data_bytes);
      if (release) release(user, x->data, x->data_bytes);
    }
  }
  return h;
}
