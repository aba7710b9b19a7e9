/* SPDX-License-Identifier: Apache-2.0
 * From a model file of any known format to an image or an open model. */
#include "../ops/custom.h"
#include "../sched/backend.h"
#include "import.h"
#include "recognise.h"
#include "unsupported.h"
#include "../format/format.h"
#include "../ops/op.h"
#include "../port/port.h"

/* Everything an image owns; freed by its release function. */
typedef struct import_image {
  ei_alloc *alloc;
  ei_arena arena;
  ei_import im;
  ei_import_options options;
  ei_graph *graph;
} import_image;

int ei_import_detect(const void *data, uint64_t bytes) {
  const char *const text = data;
  if (bytes >= 12 && memcmp(text + 8, "EDG1", 4) == 0) return EI_IMPORT_EDGE;
  if (bytes >= 8 && memcmp(text + 4, "TFL3", 4) == 0) return EI_IMPORT_TFLITE;
  if (bytes >= 4 && memcmp(text, "GGUF", 4) == 0) return EI_IMPORT_GGUF;
  return EI_IMPORT_ONNX;
}

void ei_import_log(const ei_import *im, int32_t level, const char *format, ...) {
  char text[512];
  va_list args;
  if (!im->options->log) return;
  va_start(args, format);
  ei_vformat(text, sizeof text, format, args);
  va_end(args);
  im->options->log(im->options->log_user, level, text);
}

edge_status ei_import_in_time(const ei_import *im, edge_error *err) {
  const uint64_t deadline = im->options->deadline_ns;
  if (!deadline || edge_session_clock_ns() <= deadline) return EDGE_STATUS_OK;
  return ei_fail(err, EDGE_STATUS_DEADLINE_EXCEEDED, "the deadline passed while the model was imported");
}

/* ---- files */

static bool is_absolute(const char *path) {
  return path[0] == '/' || path[0] == '\\' || (path[0] != 0 && path[1] == ':');
}

edge_status ei_import_map(ei_import *im, const char *path, const ei_import_file **out, edge_error *err) {
  ei_import_file *const file = EI_NEW(im->arena, ei_import_file);
  ei_port_map *const map = EI_NEW(im->arena, ei_port_map);
  const char *const dir = im->options->base_dir;
  const size_t length = strlen(path), dir_length = dir && !is_absolute(path) ? strlen(dir) : 0;
  char *const full = ei_arena_get(im->arena, (uint64_t)dir_length + length + 2, 1);
  *out = NULL;
  if (!file || !map || !full) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to open '%s'", path);
  if (dir_length) {
    memcpy(full, dir, dir_length);
    full[dir_length] = '/';
  }
  memcpy(full + dir_length + (dir_length != 0), path, length + 1);
  EI_TRY(ei_port_map_file(full, map, err));
  file->data = map->data;
  file->bytes = map->bytes;
  file->private_data = map;
  file->next = im->files;
  im->files = file;
  *out = file;
  return EDGE_STATUS_OK;
}

edge_status ei_import_map_inside(ei_import *im, const char *path, const ei_import_file **out, edge_error *err) {
  *out = NULL;
  for (const ei_import_file *f = im->files; f; f = f->next) {
    if (!f->path || strcmp(f->path, path) != 0) continue;
    *out = f;
    return EDGE_STATUS_OK;
  }
  if (!im->options->base_dir)
    return ei_fail(err, EDGE_STATUS_IO, "'%s' is named by the model, but no folder was given for such files", path);
  ei_import_file *const file = EI_NEW(im->arena, ei_import_file);
  ei_port_map *const map = EI_NEW(im->arena, ei_port_map);
  if (!file || !map) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to open '%s'", path);
  EI_TRY(ei_port_map_inside(im->options->base_dir, path, map, err));
  file->path = ei_arena_strdup(im->arena, path, strlen(path));
  file->data = map->data;
  file->bytes = map->bytes;
  file->private_data = map;
  file->next = im->files;
  im->files = file;
  *out = file;
  return EDGE_STATUS_OK;
}

void ei_import_release(const ei_import *im, const void *data, uint64_t bytes) {
  const uintptr_t at = (uintptr_t)data;
  for (const ei_import_file *f = im->files; f; f = f->next) {
    const uintptr_t start = (uintptr_t)f->data;
    if (at >= start && at - start < f->bytes && bytes <= f->bytes - (at - start)) ei_port_advise_away(data, bytes);
  }
}

/* ---- graphs */

const char *ei_import_pass_name(uint32_t index) {
  return ei_pass_name(index);
}

static const char *op_name(uint32_t index) {
  return index < ei_op_count() ? ei_op_at(index)->name : NULL;
}

static void unknown_node(void *user, const char *node, const char *op, uint32_t version, uint32_t known,
                         const edge_tensor *input) {
  char hint[EI_HINT_BYTES], type[160] = "", why[96];
  if (known)
    ei_format(why, sizeof why, "this build knows it up to version %u", known);
  else
    ei_format(why, sizeof why, "this build does not have it");
  ei_import_unsupported(user, &(const ei_unsupported) {
                                  .node = node,
                                  .op = op,
                                  .domain = "",
                                  .version = version,
                                  .type = input ? ei_unsupported_type(input, type, sizeof type) : "",
                                  .why = why,
                                  .hint = known            ? "update EdgeRT, or convert the model with this version"
                                          : ei_op_find(op) ? "update EdgeRT, or build it with this operator"
                                                           : ei_unsupported_hint(op, true, op_name, hint),
                              });
}

/* An .edge file is a graph already; passes are not run again. */
static edge_status read_edge(ei_import *im, const void *data, uint64_t bytes, ei_graph **out, edge_error *err) {
  const ei_format_limits limits = { .max_metadata_bytes = (uint64_t)1 << 31,
                                    .max_nodes = 4000000,
                                    .unknown = im->options->unsupported ? unknown_node : NULL,
                                    .unknown_user = im };
  const edge_segment all = { .data = data, .bytes = bytes, .offset = 0 };
  const ei_format_source src = { .metadata = data, .metadata_bytes = bytes, .segments = &all, .num_segments = 1 };
  return ei_format_read(&src, &limits, im->arena, out, err);
}

/* Outputs of an entry first, then everything else that its nodes make: how two models are compared node by node. */
static edge_status expose_all(ei_import *im, ei_graph *g, edge_error *err) {
  im->declared = EI_NEW_ARRAY(im->arena, uint32_t, (uint64_t)g->n_entries + 1);
  if (!im->declared) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to list all outputs");
  for (uint32_t e = 0; e < g->n_entries; ++e) im->declared[e] = g->subgraphs[g->entries[e].subgraph].n_outputs;
  for (uint32_t e = 0; e < g->n_entries; ++e) {
    const ei_subgraph *const sg = &g->subgraphs[g->entries[e].subgraph];
    uint64_t cap = sg->n_outputs;
    for (uint32_t i = 0; i < sg->n_nodes; ++i) cap += sg->nodes[i].n_out;
    uint32_t *const out = EI_NEW_ARRAY(g->arena, uint32_t, cap + 1);
    uint8_t *const listed = EI_NEW_ARRAY(g->arena, uint8_t, (uint64_t)sg->n_tensors + 1);
    if (!out || !listed) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to list all outputs");
    uint32_t count = 0;
    for (uint32_t i = 0; i < sg->n_outputs; ++i) {
      listed[sg->outputs[i]] = 1;
      out[count++] = sg->outputs[i];
    }
    for (uint32_t i = 0; i < sg->n_nodes; ++i)
      for (uint32_t k = 0; k < sg->nodes[i].n_out; ++k) {
        const uint32_t t = sg->nodes[i].out[k];
        if (t == EI_NONE || listed[t]++) continue;
        out[count++] = t;
      }
    EI_TRY(ei_subgraph_set_io(g, g->entries[e].subgraph, sg->inputs, sg->n_inputs, out, count));
  }
  return EDGE_STATUS_OK;
}

/* Whatever nothing else claims is read as ONNX; what turns out to be another kind of file is called by its name. */
static edge_status read_onnx(ei_import *im, const void *data, uint64_t bytes, ei_graph **out, edge_error *err) {
  const edge_status status = ei_import_onnx(im, data, bytes, out, err);
  const char *const kind = status == EDGE_STATUS_MALFORMED ? ei_import_recognise(data, bytes) : NULL;
  return kind ? ei_fail(err, status, "this is %s", kind) : status;
}

edge_status ei_import_graph(ei_import *im, const void *data, uint64_t bytes, ei_graph **out, edge_error *err) {
  const ei_pass_options passes = { im->options->disabled_passes, im->options->n_disabled, im->options->deadline_ns };
  *out = NULL;
  switch (ei_import_detect(data, bytes)) {
  case EI_IMPORT_TFLITE: EI_TRY(ei_import_tflite(im, data, bytes, out, err)); break;
  case EI_IMPORT_GGUF:
    return ei_fail(err, EDGE_STATUS_UNSUPPORTED_FEATURE,
                   "GGUF files are language models, which this build cannot import");
  case EI_IMPORT_EDGE:
    EI_TRY(read_edge(im, data, bytes, out, err));
    EI_TRY(ei_custom_bind(im->options->operators ? im->options->operators->custom_ops : NULL, *out, false, err));
    return im->options->all_outputs ? expose_all(im, *out, err) : EDGE_STATUS_OK;
  default: EI_TRY(read_onnx(im, data, bytes, out, err)); break;
  }
  EI_TRY(ei_graph_verify(*out, err));
  EI_TRY(ei_passes_run(*out, &passes, err));
  return im->options->all_outputs ? expose_all(im, *out, err) : EDGE_STATUS_OK;
}

/* ---- images */

static void release_image(void *user) {
  import_image *const image = user;
  ei_alloc *const alloc = image->alloc;
  for (ei_import_file *f = image->im.files; f; f = f->next) ei_port_unmap(f->private_data);
  ei_arena_free(&image->arena);
  ei_alloc_put(alloc, image, sizeof *image, _Alignof(import_image));
  ei_alloc_destroy(alloc);
}

const ei_graph *ei_import_image_graph(const edge_image *image) {
  const import_image *const own = image->release == release_image ? image->user : NULL;
  return own ? own->graph : NULL;
}

uint32_t ei_import_image_outputs(const edge_image *image, uint32_t entry) {
  const import_image *const own = image->release == release_image ? image->user : NULL;
  if (!own || entry >= own->graph->n_entries) return 0;
  return own->im.declared ? own->im.declared[entry]
                          : own->graph->subgraphs[own->graph->entries[entry].subgraph].n_outputs;
}

static void advise_away(void *user, const void *data, uint64_t bytes) {
  const import_image *const image = user;
  ei_import_release(&image->im, data, bytes);
}

static edge_status new_image(const ei_import_options *options, import_image **out, edge_error *err) {
  static const ei_import_options defaults = EI_IMPORT_OPTIONS_INIT;
  ei_alloc *alloc = NULL;
  const ei_import_options *const o = options ? options : &defaults;
  const edge_status status = ei_alloc_create(NULL, o->max_bytes, &alloc);
  if (status != EDGE_STATUS_OK) return ei_fail(err, status, "no memory to import a model");
  import_image *const image = ei_alloc_get(alloc, sizeof *image, _Alignof(import_image));
  if (!image) {
    ei_alloc_destroy(alloc);
    return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to import a model");
  }
  image->alloc = alloc;
  image->options = *o;
  image->im.options = &image->options;
  image->im.arena = &image->arena;
  ei_arena_init(&image->arena, alloc);
  *out = image;
  return EDGE_STATUS_OK;
}

/* An allocation that failed with a quota set was the quota's doing. */
static edge_status explain_quota(const import_image *image, edge_status status, edge_error *err) {
  if (status != EDGE_STATUS_OUT_OF_MEMORY || image->options.max_bytes == 0) return status;
  return ei_fail(err, EDGE_STATUS_LIMIT_EXCEEDED, "importing needs more than the limit of %llu bytes",
                 (unsigned long long)image->options.max_bytes);
}

static edge_status finish_image(import_image *image, const void *data, uint64_t bytes, edge_image *out,
                                edge_error *err) {
  ei_graph *graph = NULL;
  edge_segment *segments = NULL;
  EI_TRY(ei_import_graph(&image->im, data, bytes, &graph, err));
  image->graph = graph;
  /* passes have copied much of it; the rest comes back from the file when it is wanted */
  for (const ei_import_file *f = image->im.files; f; f = f->next) ei_port_advise_away(f->data, f->bytes);
  EI_TRY(
      ei_format_write(graph, &image->arena, &out->metadata, &out->metadata_bytes, &segments, &out->num_segments, err));
  out->segments = segments;
  out->user = image;
  out->release = release_image;
  out->advise_away = advise_away;
  return EDGE_STATUS_OK;
}

static edge_status give_image(import_image *image, edge_status status, edge_image *out, edge_error *err) {
  static const edge_image empty = EDGE_IMAGE_INIT;
  if (status == EDGE_STATUS_OK) return status;
  *out = empty;
  if (status == EDGE_STATUS_TYPE_MISMATCH || status == EDGE_STATUS_SHAPE_MISMATCH) {
    status = EDGE_STATUS_INVALID_VALUE; /* the file's fault, not the caller's */
    if (err) err->status = status;
  }
  status = explain_quota(image, status, err);
  release_image(image);
  return status;
}

edge_status ei_import_image_memory(const void *data, uint64_t bytes, const ei_import_options *options, edge_image *out,
                                   edge_error *err) {
  static const edge_image empty = EDGE_IMAGE_INIT;
  import_image *image = NULL;
  *out = empty;
  EI_TRY(new_image(options, &image, err));
  return give_image(image, finish_image(image, data, bytes, out, err), out, err);
}

/* The folder of a path, "." without one. */
static const char *directory_of(ei_arena *arena, const char *path) {
  size_t length = strlen(path);
  while (length > 0 && path[length - 1] != '/' && path[length - 1] != '\\') length--;
  return length == 0 ? "." : ei_arena_strdup(arena, path, length);
}

static edge_status fill_from_file(import_image *image, const char *path, edge_image *out, edge_error *err) {
  const char *const wanted = image->options.base_dir;
  const ei_import_file *file = NULL;
  image->options.base_dir = NULL; /* the path itself counts from the working directory */
  EI_TRY(ei_import_map(&image->im, path, &file, err));
  image->options.base_dir = wanted ? wanted : directory_of(&image->arena, path);
  if (!image->options.base_dir) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to open '%s'", path);
  return finish_image(image, file->data, file->bytes, out, err);
}

edge_status ei_import_image_file(const char *path, const ei_import_options *options, edge_image *out, edge_error *err) {
  static const edge_image empty = EDGE_IMAGE_INIT;
  import_image *image = NULL;
  *out = empty;
  EI_TRY(new_image(options, &image, err));
  return give_image(image, fill_from_file(image, path, out, err), out, err);
}

void ei_import_list_unsupported(const char *path, const ei_import_options *options) {
  import_image *image = NULL;
  const ei_import_file *file = NULL;
  ei_graph *graph = NULL;
  if (new_image(options, &image, NULL) != EDGE_STATUS_OK) return;
  image->options.log = NULL;
  if (ei_import_map(&image->im, path, &file, NULL) == EDGE_STATUS_OK &&
      ei_import_detect(file->data, file->bytes) == EI_IMPORT_EDGE &&
      read_edge(&image->im, file->data, file->bytes, &graph, NULL) == EDGE_STATUS_OK)
    ei_import_unsupported_types(&image->im, graph);
  release_image(image);
}

edge_status ei_import_open(edge_env *env, const char *path, const ei_import_options *options,
                           const edge_model_options *model_options, edge_model **out, edge_error *err) {
  ei_port_map map;
  edge_image image = EDGE_IMAGE_INIT;
  if (out) *out = NULL;
  if (!env || !path || !out) return ei_fail(err, EDGE_STATUS_INVALID_ARGUMENT, "env, path and out must not be NULL");
  EI_TRY(ei_port_map_file(path, &map, err));
  const int kind = ei_import_detect(map.data, map.bytes);
  ei_port_unmap(&map);
  if (kind == EI_IMPORT_EDGE && !(options && options->all_outputs))
    return edge_model_open_file(env, path, model_options, out, err);
  ei_import_options o = EI_IMPORT_OPTIONS_INIT;
  if (options) o = *options;
  o.operators = env;
  EI_TRY(ei_import_image_file(path, &o, &image, err));
  return edge_model_open_image(env, &image, model_options, out, err);
}
