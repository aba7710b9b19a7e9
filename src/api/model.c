/* SPDX-License-Identifier: Apache-2.0
 * Public calls on models: opening from files, descriptors, memory, callbacks and images. */
#include "../exec/exec.h"
#include "../format/format.h"
#include "../ops/custom.h"

static edge_status read_options(const edge_model_options *options, edge_model_options *o, edge_error *error) {
  *o = (edge_model_options)EDGE_MODEL_OPTIONS_INIT;
  if (options) {
    if (options->struct_size < offsetof(edge_model_options, max_metadata_bytes) || options->struct_size > 4096)
      return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT,
                     "model options: struct_size is not set, use EDGE_MODEL_OPTIONS_INIT");
    memcpy(o, options, options->struct_size < sizeof *o ? options->struct_size : sizeof *o);
  }
  if (o->flags & ~(uint32_t)EDGE_MODEL_COPY)
    return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "model options: unknown flags 0x%x", o->flags);
  if (!o->max_metadata_bytes) o->max_metadata_bytes = (uint64_t)1 << 31;
  if (!o->max_nodes) o->max_nodes = 4000000;
  return EDGE_STATUS_OK;
}

static edge_status new_model(edge_env *env, edge_model **out, edge_error *error) {
  edge_model *const m = ei_alloc_get(env->alloc, sizeof *m, _Alignof(edge_model));
  *out = NULL;
  if (!m) return ei_fail(error, EDGE_STATUS_OUT_OF_MEMORY, "no memory for a model");
  m->env = env;
  atomic_init(&m->refs, 1u);
  ei_arena_init(&m->arena, env->alloc);
  const edge_status status = ei_prepared_create(env, &m->prepared);
  if (status != EDGE_STATUS_OK) {
    ei_alloc_put(env->alloc, m, sizeof *m, _Alignof(edge_model));
    return ei_fail(error, status, "no memory for a model");
  }
  *out = m;
  return EDGE_STATUS_OK;
}

void edge_model_retain(edge_model *model) {
  if (model) atomic_fetch_add_explicit(&model->refs, 1u, memory_order_relaxed);
}

void edge_model_release(edge_model *m) {
  if (!m || atomic_fetch_sub_explicit(&m->refs, 1u, memory_order_acq_rel) != 1) return;
  edge_env *const env = m->env;
  ei_prepared_destroy(m->prepared);
  ei_arena_free(&m->arena);
  if (m->map.base) ei_port_unmap(&m->map);
  if (m->owned) ei_alloc_put(env->alloc, m->owned, m->owned_bytes, 64);
  if (m->image.release) m->image.release(m->image.user);
  ei_alloc_put(env->alloc, m, sizeof *m, _Alignof(edge_model));
}

static void fill_info(edge_model *m, uint64_t metadata_bytes) {
  m->info.struct_size = sizeof m->info;
  m->info.num_subgraphs = m->graph->n_subgraphs;
  m->info.metadata_bytes = metadata_bytes;
  for (uint32_t i = 0; i < m->graph->n_subgraphs; ++i) {
    const ei_subgraph *const sg = &m->graph->subgraphs[i];
    m->info.num_nodes += sg->n_nodes;
    m->info.num_tensors += sg->n_tensors;
    for (uint32_t t = 0; t < sg->n_tensors; ++t)
      if (sg->tensors[t].data) m->info.weights_bytes += sg->tensors[t].data_bytes;
  }
}

/* Weights that were packed may leave memory where the system can bring them back from a file. */
static void release_weights(void *user, const void *data, uint64_t bytes) {
  const edge_model *const m = user;
  const uintptr_t at = (uintptr_t)data, start = (uintptr_t)m->map.data;
  if (m->map.base && at >= start && at - start < m->map.bytes && bytes <= m->map.bytes - (at - start))
    ei_port_advise_away(data, bytes);
  else if (m->image.advise_away)
    m->image.advise_away(m->image.user, data, bytes);
}

static edge_status read_model(edge_model *m, const ei_format_source *src, const edge_model_options *o,
                              edge_error *error) {
  const ei_format_limits limits = { .max_metadata_bytes = o->max_metadata_bytes, .max_nodes = o->max_nodes };
  EI_TRY(ei_format_read(src, &limits, &m->arena, &m->graph, error));
  if (m->graph->n_entries == 0) return ei_fail(error, EDGE_STATUS_MALFORMED, "the model has no entry point");
  EI_TRY(ei_custom_bind(m->env->custom_ops, m->graph, true, error));
  uint32_t prefix = 0;
  memcpy(&prefix, src->metadata, sizeof prefix);
  fill_info(m, (uint64_t)prefix + 4);
  ei_prepared_attach(m->prepared, m->graph, release_weights, m);
  return EDGE_STATUS_OK;
}

/* A file in one piece: metadata at the start, one segment that covers everything. */
static edge_status read_flat(edge_model *m, const void *data, uint64_t bytes, const edge_model_options *o,
                             edge_error *error) {
  const edge_segment all = { .data = data, .bytes = bytes, .offset = 0 };
  const ei_format_source src = { .metadata = data, .metadata_bytes = bytes, .segments = &all, .num_segments = 1 };
  return read_model(m, &src, o, error);
}

static edge_status own_buffer(edge_model *m, uint64_t bytes, edge_error *error) {
  m->owned_bytes = bytes ? bytes : 1;
  m->owned = ei_alloc_get_raw(m->env->alloc, m->owned_bytes, 64);
  if (m->owned) return EDGE_STATUS_OK;
  return ei_fail(error, EDGE_STATUS_OUT_OF_MEMORY, "no memory for a model of %llu bytes", (unsigned long long)bytes);
}

/* The tail that all ways of opening share. */
static edge_status finish(edge_model *m, edge_status status, edge_model **out) {
  if (status == EDGE_STATUS_OK)
    *out = m;
  else
    edge_model_release(m);
  return status;
}

static edge_status prologue(edge_env *env, bool arguments_ok, const edge_model_options *options, edge_model_options *o,
                            edge_model **out, edge_model **m, edge_error *error) {
  if (out) *out = NULL;
  if (!env || !out || !arguments_ok)
    return ei_fail(error, EDGE_STATUS_INVALID_ARGUMENT, "opening a model: an argument is NULL");
  EI_TRY(read_options(options, o, error));
  return new_model(env, m, error);
}

edge_status edge_model_open_file(edge_env *env, const char *path, const edge_model_options *options, edge_model **out,
                                 edge_error *error) {
  edge_model_options o;
  edge_model *m = NULL;
  EI_TRY(prologue(env, path != NULL, options, &o, out, &m, error));
  edge_status status;
  if (o.flags & EDGE_MODEL_COPY) {
    uint64_t bytes = 0;
    status = ei_port_file_size(path, &bytes, error);
    if (status == EDGE_STATUS_OK) status = own_buffer(m, bytes, error);
    if (status == EDGE_STATUS_OK) status = ei_port_read_file(path, m->owned, bytes, error);
    if (status == EDGE_STATUS_OK) status = read_flat(m, m->owned, bytes, &o, error);
  } else {
    status = ei_port_map_file(path, &m->map, error);
    if (status == EDGE_STATUS_OK) status = read_flat(m, m->map.data, m->map.bytes, &o, error);
  }
  return finish(m, status, out);
}

edge_status edge_model_open_fd(edge_env *env, int32_t fd, uint64_t offset, uint64_t length,
                               const edge_model_options *options, edge_model **out, edge_error *error) {
  edge_model_options o;
  edge_model *m = NULL;
  EI_TRY(prologue(env, fd >= 0, options, &o, out, &m, error));
  edge_status status = ei_port_map_fd(fd, offset, length, &m->map, error);
  /* an asset may start anywhere in its archive: weights need their alignment, so an odd start means a copy */
  if (status == EDGE_STATUS_OK && (uintptr_t)m->map.data % 64) {
    status = own_buffer(m, m->map.bytes, error);
    if (status == EDGE_STATUS_OK) memcpy(m->owned, m->map.data, (size_t)m->map.bytes);
  }
  if (status == EDGE_STATUS_OK) status = read_flat(m, m->owned ? m->owned : m->map.data, m->map.bytes, &o, error);
  return finish(m, status, out);
}

edge_status edge_model_open_memory(edge_env *env, const void *data, uint64_t bytes, const edge_model_options *options,
                                   edge_model **out, edge_error *error) {
  edge_model_options o;
  edge_model *m = NULL;
  EI_TRY(prologue(env, data != NULL, options, &o, out, &m, error));
  edge_status status = EDGE_STATUS_OK;
  if ((uintptr_t)data % 64 || o.flags & EDGE_MODEL_COPY) {
    status = own_buffer(m, bytes, error);
    if (status == EDGE_STATUS_OK && bytes) memcpy(m->owned, data, (size_t)bytes);
  }
  if (status == EDGE_STATUS_OK) status = read_flat(m, m->owned ? m->owned : data, bytes, &o, error);
  return finish(m, status, out);
}

edge_status edge_model_open_reader(edge_env *env, const edge_reader *reader, const edge_model_options *options,
                                   edge_model **out, edge_error *error) {
  enum { CHUNK = 1 << 20 };
  edge_model_options o;
  edge_model *m = NULL;
  EI_TRY(prologue(env, reader && reader->read_at, options, &o, out, &m, error));
  size_t fits = 0;
  edge_status status = EDGE_STATUS_OK;
  if (!ei_to_size(reader->size, &fits))
    status = ei_fail(error, EDGE_STATUS_LIMIT_EXCEEDED, "the model does not fit the address space");
  if (status == EDGE_STATUS_OK) status = own_buffer(m, reader->size, error);
  for (uint64_t at = 0; status == EDGE_STATUS_OK && at < reader->size; at += CHUNK) {
    const uint64_t n = reader->size - at < CHUNK ? reader->size - at : CHUNK;
    if (reader->read_at(reader->user, at, (unsigned char *)m->owned + at, n) != 0)
      status = ei_fail_at(error, EDGE_STATUS_IO, at, "the read callback failed at offset %llu", (unsigned long long)at);
  }
  if (status == EDGE_STATUS_OK) status = read_flat(m, m->owned, reader->size, &o, error);
  return finish(m, status, out);
}

edge_status edge_model_open_image(edge_env *env, const edge_image *image, const edge_model_options *options,
                                  edge_model **out, edge_error *error) {
  edge_model_options o;
  edge_model *m = NULL;
  const bool known = image && image->struct_size >= offsetof(edge_image, advise_away) && image->struct_size <= 4096;
  const edge_status made = prologue(env, known && image->metadata, options, &o, out, &m, error);
  if (made != EDGE_STATUS_OK) {
    if (known && image->release) image->release(image->user);
    return made;
  }
  memcpy(&m->image, image, image->struct_size < sizeof m->image ? image->struct_size : sizeof m->image);
  const ei_format_source src = { .metadata = image->metadata,
                                 .metadata_bytes = image->metadata_bytes,
                                 .segments = image->segments,
                                 .num_segments = image->num_segments };
  return finish(m, read_model(m, &src, &o, error), out);
}

/* ---- questions */

uint32_t edge_model_num_entries(const edge_model *model) {
  return model ? model->graph->n_entries : 0;
}

const char *edge_model_entry_name(const edge_model *model, uint32_t entry) {
  return model && entry < model->graph->n_entries ? model->graph->entries[entry].name : NULL;
}

static const ei_subgraph *entry_graph(const edge_model *model, uint32_t entry) {
  return model && entry < model->graph->n_entries ? &model->graph->subgraphs[model->graph->entries[entry].subgraph]
                                                  : NULL;
}

uint32_t edge_model_num_inputs(const edge_model *model, uint32_t entry) {
  const ei_subgraph *const sg = entry_graph(model, entry);
  return sg ? sg->n_inputs : 0;
}

uint32_t edge_model_num_outputs(const edge_model *model, uint32_t entry) {
  const ei_subgraph *const sg = entry_graph(model, entry);
  return sg ? sg->n_outputs : 0;
}

edge_status edge_model_get_input(const edge_model *model, uint32_t entry, uint32_t index, edge_tensor *out) {
  const ei_subgraph *const sg = entry_graph(model, entry);
  if (!sg || !out || index >= sg->n_inputs) return EDGE_STATUS_INVALID_ARGUMENT;
  ei_tensor_view(&sg->tensors[sg->inputs[index]], out);
  return EDGE_STATUS_OK;
}

edge_status edge_model_get_output(const edge_model *model, uint32_t entry, uint32_t index, edge_tensor *out) {
  const ei_subgraph *const sg = entry_graph(model, entry);
  if (!sg || !out || index >= sg->n_outputs) return EDGE_STATUS_INVALID_ARGUMENT;
  ei_tensor_view(&sg->tensors[sg->outputs[index]], out);
  return EDGE_STATUS_OK;
}

const char *edge_model_input_dim_name(const edge_model *model, uint32_t entry, uint32_t index, uint32_t dim) {
  const ei_subgraph *const sg = entry_graph(model, entry);
  if (!sg || index >= sg->n_inputs || dim >= EDGE_MAX_RANK) return NULL;
  const ei_tensor *const t = &sg->tensors[sg->inputs[index]];
  if (t->rank < 0 || dim >= (uint32_t)t->rank || !t->symbols[dim]) return NULL;
  return model->graph->symbols[t->symbols[dim] - 1].name;
}

edge_status edge_model_metadata(const edge_model *model, const char *key, const void **value, uint64_t *bytes) {
  if (!model || !key || !value || !bytes) return EDGE_STATUS_INVALID_ARGUMENT;
  for (uint32_t i = 0; i < model->graph->n_metadata; ++i) {
    if (strcmp(model->graph->metadata[i].key, key) != 0) continue;
    *value = model->graph->metadata[i].value;
    *bytes = model->graph->metadata[i].bytes;
    return EDGE_STATUS_OK;
  }
  return EDGE_STATUS_NOT_FOUND;
}

edge_status edge_model_get_info(const edge_model *model, edge_model_info *out) {
  if (!model || !out || out->struct_size < sizeof(uint32_t)) return EDGE_STATUS_INVALID_ARGUMENT;
  const uint32_t size = out->struct_size;
  memcpy(out, &model->info, size < sizeof *out ? size : sizeof *out);
  out->struct_size = size;
  return EDGE_STATUS_OK;
}
