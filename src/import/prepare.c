/* SPDX-License-Identifier: Apache-2.0
 * An image with packed weights: the model is opened once per target, a session packs, and what it packed becomes
 * segments of the new image. */
#include "import.h"
#include "../format/format.h"

enum { MAX_TARGETS = 16 };

/* Owns everything the new image points into. */
typedef struct prepared_image {
  ei_alloc *alloc;
  ei_arena arena;
  edge_image in;
  edge_model *models[MAX_TARGETS];
  ei_prepared *list;
  uint32_t count, cap;
  uint64_t bytes;
} prepared_image;

static void release(void *user) {
  prepared_image *const p = user;
  ei_alloc *const alloc = p->alloc;
  for (uint32_t i = 0; i < MAX_TARGETS; ++i) edge_model_release(p->models[i]);
  if (p->in.release) p->in.release(p->in.user);
  ei_arena_free(&p->arena);
  ei_alloc_put(alloc, p, sizeof *p, _Alignof(prepared_image));
  ei_alloc_destroy(alloc);
}

/* The targets of a file share what has the same name: several tiers may choose one kernel. */
static edge_status collect(void *user, const edge_prepared_blob *b) {
  prepared_image *const p = user;
  for (uint32_t i = 0; i < p->count; ++i)
    if (p->list[i].key_bytes == b->key_bytes && memcmp(p->list[i].key, b->key, b->key_bytes) == 0)
      return EDGE_STATUS_OK;
  if (p->count == p->cap) {
    const uint32_t cap = p->cap ? 2 * p->cap : 256;
    ei_prepared *const list = p->cap > UINT32_MAX / 4 ? NULL : EI_NEW_ARRAY(&p->arena, ei_prepared, cap);
    if (!list) return EDGE_STATUS_OUT_OF_MEMORY;
    if (p->count) memcpy(list, p->list, p->count * sizeof *list);
    p->list = list;
    p->cap = cap;
  }
  void *const key = ei_arena_get(&p->arena, b->key_bytes, 8);
  const char *const target = ei_arena_strdup(&p->arena, b->target, strlen(b->target));
  if (!key || !target) return EDGE_STATUS_OUT_OF_MEMORY;
  memcpy(key, b->key, b->key_bytes);
  p->list[p->count++] =
      (ei_prepared) { .target = target, .key = key, .key_bytes = b->key_bytes, .data = b->data, .bytes = b->bytes };
  p->bytes += b->bytes;
  return EDGE_STATUS_OK;
}

/* Every entry point is planned, so that its weights are packed too. */
static edge_status pack_for(prepared_image *p, edge_env *env, const edge_session_options *options, edge_model **model,
                            edge_error *err) {
  edge_image borrowed = p->in;
  borrowed.release = NULL;
  borrowed.advise_away = NULL;
  EI_TRY(edge_model_open_image(env, &borrowed, NULL, model, err));
  for (uint32_t i = 0; i < edge_model_num_entries(*model); ++i) {
    edge_session_options o = *options;
    edge_session *session = NULL;
    o.entry = edge_model_entry_name(*model, i);
    EI_TRY(edge_session_create(*model, &o, &session, err));
    edge_status status = edge_session_prepare(session);
    if (status == EDGE_STATUS_OK) status = edge_session_visit_prepared(session, collect, p);
    if (status != EDGE_STATUS_OK) {
      const char *const text = edge_session_last_error(session)->text;
      status = ei_fail(err, status, "entry '%s': %s", o.entry, text[0] ? text : edge_status_name(status));
    }
    edge_session_destroy(session);
    EI_TRY(status);
  }
  return EDGE_STATUS_OK;
}

static edge_status build(prepared_image *p, ei_import_prepare *prepare, edge_image *out, edge_error *err) {
  const ei_format_limits limits = { .max_metadata_bytes = (uint64_t)1 << 31, .max_nodes = 4000000 };
  const ei_format_source src = { .metadata = p->in.metadata,
                                 .metadata_bytes = p->in.metadata_bytes,
                                 .segments = p->in.segments,
                                 .num_segments = p->in.num_segments };
  ei_graph *g = NULL;
  edge_segment *segments = NULL;
  if (prepare->n_envs > MAX_TARGETS)
    return ei_fail(err, EDGE_STATUS_LIMIT_EXCEEDED, "more than %d targets to prepare for", (int)MAX_TARGETS);
  for (uint32_t i = 0; i < prepare->n_envs; ++i)
    EI_TRY(pack_for(p, prepare->envs[i], prepare->session, &p->models[i], err));
  EI_TRY(ei_format_read(&src, &limits, &p->arena, &g, err));
  g->prepared = p->list; /* older ones go: they are made again when they are wanted */
  g->n_prepared = p->count;
  EI_TRY(ei_format_write(g, &p->arena, &out->metadata, &out->metadata_bytes, &segments, &out->num_segments, err));
  out->segments = segments;
  out->user = p;
  out->release = release;
  prepare->n_blobs = p->count;
  prepare->blob_bytes = p->bytes;
  return EDGE_STATUS_OK;
}

edge_status ei_import_prepare_image(edge_image *in, ei_import_prepare *prepare, edge_image *out, edge_error *err) {
  static const edge_image empty = EDGE_IMAGE_INIT;
  ei_alloc *alloc = NULL;
  edge_status status = ei_alloc_create(NULL, 0, &alloc);
  prepared_image *const p = status == EDGE_STATUS_OK ? ei_alloc_get(alloc, sizeof *p, _Alignof(prepared_image)) : NULL;
  *out = empty;
  if (!p) {
    if (alloc) ei_alloc_destroy(alloc);
    if (in->release) in->release(in->user);
    return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to prepare a model");
  }
  p->alloc = alloc;
  p->in = *in;
  ei_arena_init(&p->arena, alloc);
  status = build(p, prepare, out, err);
  if (status == EDGE_STATUS_OK) return status;
  *out = empty;
  release(p);
  return status;
}
