/* SPDX-License-Identifier: Apache-2.0
 * A folder of packed weights: one file per model, CPU tier and library version. Its files are .edge files without a
 * graph, so the format's verifier checks them; what is damaged or foreign is as good as not there. */
#include "prepared.h"
#include "../base/pool.h"
#include "../format/format.h"
#include "../sched/backend.h"

static const char suffix[] = ".edgecache", hash_key[] = "edge.cache.model";

static void file_name(const edge_env *env, ei_hash model, char *out, size_t cap) {
  const uint64_t facts[4] = { model.lo, model.hi, edge_version(), EI_PACKING_VERSION };
  const ei_hash h = ei_hash_bytes(facts, sizeof facts, 5);
  static const char digits[] = "0123456789abcdef";
  char text[33];
  for (int i = 0; i < 16; ++i) {
    text[i] = digits[h.lo >> (4 * i) & 15];
    text[16 + i] = digits[h.hi >> (4 * i) & 15];
  }
  text[32] = 0;
  ei_format(out, cap, "%s-%s%s", text, ei_cpu_tier(env->features), suffix);
}

static bool is_for(const ei_graph *g, ei_hash model) {
  for (uint32_t i = 0; i < g->n_metadata; ++i)
    if (strcmp(g->metadata[i].key, hash_key) == 0)
      return g->metadata[i].bytes == sizeof model && memcmp(g->metadata[i].value, &model, sizeof model) == 0;
  return false;
}

void ei_cache_open(ei_cache *c, edge_env *env, ei_hash model, ei_blob_index *index, ei_arena *arena) {
  const ei_format_limits limits = { .max_metadata_bytes = (uint64_t)1 << 28, .max_nodes = 1 };
  char name[128], path[1200];
  ei_graph *g = NULL;
  c->looked = true;
  file_name(env, model, name, sizeof name);
  if (ei_format(path, sizeof path, "%s/%s", env->cache_dir, name) >= sizeof path) return;
  if (ei_port_map_file(path, &c->map, NULL) != EDGE_STATUS_OK) return; /* the usual case: nothing there yet */
  const edge_segment all = { .data = c->map.data, .bytes = c->map.bytes, .offset = 0 };
  const ei_format_source src = {
    .metadata = c->map.data, .metadata_bytes = c->map.bytes, .segments = &all, .num_segments = 1
  };
  if (ei_format_read(&src, &limits, &c->arena, &g, NULL) == EDGE_STATUS_OK && is_for(g, model) &&
      ei_blobs_add(index, arena, g->prepared, g->n_prepared, ei_cpu_tier(env->features)) == EDGE_STATUS_OK)
    return;
  c->damaged = true;
  ei_cache_close(c);
}

void ei_cache_write(ei_cache *c, edge_env *env, ei_hash model, const ei_prepared *list, uint32_t count) {
  char name[128];
  ei_arena temp;
  const void *metadata = NULL;
  uint64_t metadata_bytes = 0, total = 0;
  edge_segment *segments = NULL;
  uint32_t n = 0;
  ei_metadata hash = { hash_key, &model, sizeof model };
  (void)c;
  ei_arena_init(&temp, env->alloc);
  ei_subgraph nothing = { .name = "" };
  ei_entry entry = { .name = "cache" }; /* every file has one */
  ei_graph g = { .arena = &temp,
                 .subgraphs = &nothing,
                 .entries = &entry,
                 .metadata = &hash,
                 .n_subgraphs = 1,
                 .n_entries = 1,
                 .n_metadata = 1,
                 .prepared = (ei_prepared *)(uintptr_t)list,
                 .n_prepared = count };
  file_name(env, model, name, sizeof name);
  if (ei_format_write(&g, &temp, &metadata, &metadata_bytes, &segments, &n, NULL) == EDGE_STATUS_OK) {
    total = n ? segments[n - 1].offset + segments[n - 1].bytes : metadata_bytes;
    ei_port_piece *const pieces = EI_NEW_ARRAY(&temp, ei_port_piece, (uint64_t)n + 1);
    if (pieces && total <= env->max_cache_bytes) {
      pieces[0] = (ei_port_piece) { metadata, metadata_bytes, 0 };
      for (uint32_t i = 0; i < n; ++i)
        pieces[i + 1] = (ei_port_piece) { segments[i].data, segments[i].bytes, segments[i].offset };
      ei_port_trim_folder(env->cache_dir, suffix, env->max_cache_bytes - total, name);
      if (ei_port_replace_file(env->cache_dir, name, pieces, n + 1, NULL) != EDGE_STATUS_OK)
        ei_log(env, EDGE_LOG_INFO, "packed weights are not kept: %s cannot be written", env->cache_dir);
    }
  }
  ei_arena_free(&temp);
}

void ei_cache_close(ei_cache *c) {
  ei_port_unmap(&c->map);
  ei_arena_free(&c->arena);
}
