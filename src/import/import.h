/* SPDX-License-Identifier: Apache-2.0
 * Importers: a model of another format becomes a graph, and the graph an image that the runtime opens.
 *
 * Nothing here is part of the runtime library. Memory comes from an ei_alloc of the importer's own, with a quota. */
#ifndef EI_IMPORT_H
#define EI_IMPORT_H

#include <edge/import.h>
#include <edge/log.h>
#include <edge/session.h>
#include "../base/base.h"
#include "../graph/graph.h"

/** A node that cannot be run here. Strings are borrowed for the call. */
typedef struct ei_unsupported {
  const char *node, *op;
  const char *domain; /* of ONNX: never empty; "" where a format has none */
  int64_t version;    /* of the operator or its set; 0: not said */
  const char *type;   /* of the input in question, with its shape; "" when unknown */
  const char *why, *hint;
} ei_unsupported;

typedef struct ei_import_options {
  const char *const *disabled_passes;
  uint32_t n_disabled;
  const char *base_dir; /* where external data may lie; NULL: nowhere */
  edge_log_fn log;      /* NULL: silent */
  void *log_user;
  uint64_t max_bytes; /* quota of what importing allocates; 0: none. Mapped files do not count */
  bool all_outputs;   /* every tensor that a node of an entry makes becomes an output too */
  /* "NAME" or "NAME=anything": an ONNX input that has a default value and is named here stays an input; the
   * others become constants */
  const char *const *given;
  uint32_t n_given;
  /* called for each node that is not supported, before importing fails; NULL: they go to the log */
  void (*unsupported)(void *user, const ei_unsupported *u);
  void *unsupported_user;
  /* whose registered operators a model may use; NULL: none. ei_import_open() takes its environment. Lives as long as
   * the image */
  const edge_env *operators;
  bool keep_custom;     /* also keep operators of foreign domains that nobody registered, as the model declares them */
  uint64_t deadline_ns; /* absolute, edge_session_clock_ns(); 0: none. Later it ends with DEADLINE_EXCEEDED */
} ei_import_options;
#define EI_IMPORT_OPTIONS_INIT \
  { NULL, 0u, NULL, NULL, NULL, 0u, false, NULL, 0u, NULL, NULL, NULL, false, 0u }

/** Name of graph pass `index` in the order they run, as disabled_passes takes it; NULL past the last. */
const char *ei_import_pass_name(uint32_t index);

/** A file whose bytes a graph may point into: mapped, or read into memory where there is no mapping. */
typedef struct ei_import_file {
  const void *data;
  uint64_t bytes;
  struct ei_import_file *next;
  const char *path;   /* of files that a model names */
  void *private_data; /* of import.c */
} ei_import_file;

/** Is this operator one to keep? `foreign`: it belongs to no set that EdgeRT knows. */
bool ei_import_keeps(const ei_import_options *o, const char *domain, const char *name, bool foreign);
/** Name the operator of a Custom node whose other attributes are set, and bind it when it is registered. */
edge_status ei_import_name_custom(const ei_import_options *o, ei_graph *g, ei_node *n, const char *domain,
                                  const char *name, edge_error *err);

/** What one import works with. Constants of the graph point into `data`, the arena, or files that
 *  ei_import_map() opened; all of them live as long as the image. */
typedef struct ei_import {
  const ei_import_options *options; /* never NULL */
  ei_arena *arena;
  ei_import_file *files;
  uint32_t *declared; /* per entry: outputs that the model has without all_outputs; NULL without it */
} ei_import;

enum { EI_IMPORT_EDGE = 1, EI_IMPORT_TFLITE = 2, EI_IMPORT_GGUF = 3, EI_IMPORT_ONNX = 4 };
/** By content; whatever nothing else claims is ONNX. */
int ei_import_detect(const void *data, uint64_t bytes);

/** Parse into a graph: verified, in execution order, not yet optimised. Every operator that cannot be
 *  translated is listed in one error (UNSUPPORTED_OP). */
edge_status ei_import_tflite(ei_import *im, const void *data, uint64_t bytes, ei_graph **out, edge_error *err);
edge_status ei_import_onnx(ei_import *im, const void *data, uint64_t bytes, ei_graph **out, edge_error *err);

/** Map a file for the life of the import; a relative path counts from base_dir. The caller has checked
 *  that the path stays inside base_dir. */
edge_status ei_import_map(ei_import *im, const char *path, const ei_import_file **out, edge_error *err);
/** The same for a path that stands in a model: below base_dir only, no links (see ei_port_map_inside()). A file is
 *  mapped once however often it is asked for. */
edge_status ei_import_map_inside(ei_import *im, const char *path, const ei_import_file **out, edge_error *err);
/** These bytes were copied: if they lie in a mapped file, its pages need not stay in memory. */
void ei_import_release(const ei_import *im, const void *data, uint64_t bytes);
/** OK until the deadline of the options, then DEADLINE_EXCEEDED; for every step whose number a file chooses. */
edge_status ei_import_in_time(const ei_import *im, edge_error *err);
/** One line to the log of the options, if there is one. */
void ei_import_log(const ei_import *im, int32_t level, const char *format, ...) EI_PRINTF(3, 4);

/** Parse and run the passes; the caller owns the arena. */
edge_status ei_import_graph(ei_import *im, const void *data, uint64_t bytes, ei_graph **out, edge_error *err);

/** File or memory to an image that owns everything it needs (memory: borrowed until release).
 *  base_dir NULL: the directory of `path`. OK, IO, MALFORMED, UNSUPPORTED_*, OUT_OF_MEMORY, LIMIT_EXCEEDED. */
edge_status ei_import_image_file(const char *path, const ei_import_options *options, edge_image *out, edge_error *err);
edge_status ei_import_image_memory(const void *data, uint64_t bytes, const ei_import_options *options, edge_image *out,
                                   edge_error *err);

/** The graph that an image of this importer was written from; it lives as long as the image. */
const ei_graph *ei_import_image_graph(const edge_image *image);
/** Outputs of an entry that the model itself declares; with all_outputs they are the first ones. */
uint32_t ei_import_image_outputs(const edge_image *image, uint32_t entry);

/** Weights prepared for targets: each an environment (a CPU tier), all backends or those of the session options. */
typedef struct ei_import_prepare {
  edge_env *const *envs; /* [borrow: until release of the image] */
  uint32_t n_envs;
  const edge_session_options *session; /* backends, flags */
  uint32_t n_blobs;                    /* out */
  uint64_t blob_bytes;                 /* out */
} ei_import_prepare;
/** An image with the weights of `in` packed for these targets beside the portable ones. Takes `in`, whatever happens.
 */
edge_status ei_import_prepare_image(edge_image *in, ei_import_prepare *prepare, edge_image *out, edge_error *err);

/** Open any model file by content: `.edge` directly, the others through an image. options may be NULL. */
edge_status ei_import_open(edge_env *env, const char *path, const ei_import_options *options,
                           const edge_model_options *model_options, edge_model **out, edge_error *err);

/** Name everything in an `.edge` file that this build cannot run, through options->unsupported. */
void ei_import_list_unsupported(const char *path, const ei_import_options *options);

#endif
