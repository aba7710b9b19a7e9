/* SPDX-License-Identifier: Apache-2.0
 * Packed weights of a model: shared by its sessions, kept until the model goes, found in the model's file or in a
 * cache folder, or made.
 *
 *   prepared.c   the store: what is in memory
 *   blobs.c      what files hold: identity of constants, keys, checksums
 *   cache.c      the folder of --cache-dir
 *
 * A blob is named by a hash of everything that its bytes depend on: version of the library and of its packing,
 * backend, layout, parameters, and which constants of which model it was made from. Whatever is named otherwise is
 * never looked at; whatever has the name is used only when size, alignment and checksum are right. */
#ifndef EI_PREPARED_H
#define EI_PREPARED_H

#include "../base/base.h"
#include "../graph/graph.h"
#include "../port/port.h"
#include <edge/backend.h>
#include <edge/session.h>

/** Raised whenever a kernel's packing changes under an old name. */
enum { EI_PACKING_VERSION = 1, EI_BLOB_KEY_BYTES = 32, EI_BLOB_ALIGN = 64 };

typedef struct ei_prepared_store ei_prepared_store;

/** What a get() found that the application should know; each is told once per model. */
enum { EI_PREPARED_QUIET, EI_PREPARED_DAMAGED, EI_PREPARED_STALE, EI_PREPARED_FOREIGN, EI_PREPARED_CACHE };

typedef struct ei_prepared_ask {
  const char *backend; /* static text */
  const edge_prepared_key *key;
  uint64_t bytes;
  edge_prepare_fn fill;
  void *user;
  int note; /* out: EI_PREPARED_* */
} ei_prepared_ask;

edge_status ei_prepared_create(edge_env *env, ei_prepared_store **out);
void ei_prepared_destroy(ei_prepared_store *store);
/** The graph that constants belong to; release() is told about constants that were packed and may leave memory. */
void ei_prepared_attach(ei_prepared_store *store, const ei_graph *graph,
                        void (*release)(void *user, const void *data, uint64_t bytes), void *user);
edge_status ei_prepared_get(ei_prepared_store *store, ei_prepared_ask *ask, const void **out);
void ei_prepared_put(ei_prepared_store *store, const void *data);
/** Bytes that were allocated for packed weights (blobs used where they lie in a file are not counted). */
uint64_t ei_prepared_bytes(const ei_prepared_store *store);
/** Everything packed so far as a file keeps it; lists and keys are the arena's, data the store's. */
edge_status ei_prepared_list(ei_prepared_store *store, ei_arena *arena, ei_prepared **out, uint32_t *count);
/** Write what was packed to the cache folder, if there is one. Failures are nobody's business. */
void ei_prepared_save(ei_prepared_store *store);

/* ---- blobs.c */

typedef struct ei_blob {
  uint64_t lo, hi; /* name */
  uint64_t checksum;
  const void *data;
  uint64_t bytes;
  uint8_t state; /* EI_BLOB_* */
} ei_blob;
enum { EI_BLOB_UNSEEN, EI_BLOB_GOOD, EI_BLOB_BAD };

/** Identity of the model's constants by address, and the blobs that files hold for them. */
typedef struct ei_blob_index {
  struct ei_constant *constants; /* open addressing by address */
  uint64_t n_slots, total_bytes;
  uint64_t shape; /* hash of all constants' types and sizes: tells one network from another */
  ei_blob *blobs; /* open addressing by name */
  uint64_t n_blob_slots, n_blobs;
  bool stale, foreign, ours; /* the model's own blobs: of another version, of other targets only */
} ei_blob_index;

typedef struct ei_constant {
  const void *data;
  uint64_t bytes;
  uint32_t subgraph, tensor; /* of the first tensor that has it */
  int32_t dtype;
} ei_constant;

/** Memory comes from the arena; OUT_OF_MEMORY leaves an index without entries, which is valid. */
edge_status ei_blobs_index(const ei_graph *g, ei_arena *arena, ei_blob_index *out);
/** Adds the blobs of a list that are of this version; `tier` tells whether any is meant for this CPU. */
edge_status ei_blobs_add(ei_blob_index *index, ei_arena *arena, const ei_prepared *list, uint32_t count,
                         const char *tier);
/** The model's constant at an address, or NULL. */
const ei_constant *ei_blobs_constant(const ei_blob_index *index, const void *data);
ei_hash ei_blobs_name(const ei_blob_index *index, const char *backend, const edge_prepared_key *key, uint64_t bytes);
ei_blob *ei_blobs_find(const ei_blob_index *index, ei_hash name);
/** Size, alignment and checksum, looked at once. */
bool ei_blob_usable(ei_blob *blob, uint64_t bytes);
/** Key as it stands in a file. */
void ei_blobs_write_key(ei_hash name, uint64_t checksum, uint8_t key[EI_BLOB_KEY_BYTES]);
void ei_blobs_set_checksum(uint8_t key[EI_BLOB_KEY_BYTES], uint64_t checksum);
uint64_t ei_blob_checksum(const void *data, uint64_t bytes);
/** Name and content of all constants. */
ei_hash ei_blobs_hash_model(const ei_blob_index *index, const ei_graph *g,
                            void (*release)(void *user, const void *data, uint64_t bytes), void *user);

/* ---- cache.c */

typedef struct ei_cache {
  ei_port_map map;
  ei_arena arena;
  char path[1024];
  bool looked, damaged;
} ei_cache;

/** Maps the folder's file for this model, if there is a good one, and adds its blobs. */
void ei_cache_open(ei_cache *cache, edge_env *env, ei_hash model, ei_blob_index *index, ei_arena *arena);
/** Replaces that file in one step, then removes the oldest files until the folder is within its bound. */
void ei_cache_write(ei_cache *cache, edge_env *env, ei_hash model, const ei_prepared *list, uint32_t count);
void ei_cache_close(ei_cache *cache);

#endif
