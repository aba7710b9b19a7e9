/* SPDX-License-Identifier: Apache-2.0
 * Models: verified, immutable, shareable between threads and sessions, reference counted. */
#ifndef EDGE_MODEL_H
#define EDGE_MODEL_H

#include <edge/env.h>
#include <edge/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct edge_model edge_model;

/** Read callbacks. read_at fills buffer with exactly `bytes` bytes from `offset` and returns 0, or
 *  another value on failure. */
typedef struct edge_reader {
  void *user;
  uint64_t size; /* of the whole model */
  int32_t (*read_at)(void *user, uint64_t offset, void *buffer, uint64_t bytes);
} edge_reader;

typedef struct edge_model_options {
  uint32_t struct_size;
  uint32_t flags;              /* EDGE_MODEL_* */
  uint64_t max_metadata_bytes; /* 0: 2 GiB; larger files are LIMIT_EXCEEDED */
  uint32_t max_nodes;          /* 0: 4,000,000 */
  uint32_t reserved0;
} edge_model_options;

enum { EDGE_MODEL_COPY = 1u << 0 /* read the file into memory instead of mapping it */ };

#define EDGE_MODEL_OPTIONS_INIT \
  { (uint32_t)sizeof(edge_model_options), 0u, 0u, 0u, 0u }

/** Open a model file. It is mapped privately and verified completely before the call returns; a
 *  file that is shortened while mapped is the caller's responsibility (see docs/errors-and-trust.md),
 *  EDGE_MODEL_COPY avoids that.
 *  @param env [borrow: until the model is released]  @param options NULL: defaults
 *  @param out [own] free with edge_model_release()  @param error [out] optional
 *  @return OK, INVALID_ARGUMENT, IO, MALFORMED, UNSUPPORTED_OP (all unknown operators are named),
 *  UNSUPPORTED_TYPE, UNSUPPORTED_FEATURE, UNSUPPORTED_VERSION, OUT_OF_MEMORY, LIMIT_EXCEEDED.
 *  [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_model_open_file(edge_env *env, const char *path,
                                                         const edge_model_options *options, edge_model **out,
                                                         edge_error *error);

/** Open a model inside an open file, for example an application asset. The descriptor may be
 *  closed afterwards. length 0: to the end of the file. Otherwise as edge_model_open_file().
 *  UNSUPPORTED_FEATURE on targets without files. [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_model_open_fd(edge_env *env, int32_t fd, uint64_t offset, uint64_t length,
                                                       const edge_model_options *options, edge_model **out,
                                                       edge_error *error);

/** Open a model in memory without copying it.
 *  @param data [borrow: until the model is released] 64-byte alignment is wanted; otherwise the
 *  model is copied. Errors as edge_model_open_file(). [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_model_open_memory(edge_env *env, const void *data, uint64_t bytes,
                                                           const edge_model_options *options, edge_model **out,
                                                           edge_error *error);

/** Open a model through read callbacks; it is read into memory of the environment.
 *  @param reader [borrow: call]. Errors as edge_model_open_file(). [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_model_open_reader(edge_env *env, const edge_reader *reader,
                                                           const edge_model_options *options, edge_model **out,
                                                           edge_error *error);

/** Add a reference, so that another owner can release it. [any-thread] @since 0.1 */
EDGE_API void edge_model_retain(edge_model *model);

/** Drop a reference; the last one frees the model. NULL is a no-op. [any-thread] @since 0.1 */
EDGE_API void edge_model_release(edge_model *model);

/** Entry points: named ways to run the model. Index 0 is the default. [any-thread] @since 0.1 */
EDGE_API uint32_t edge_model_num_entries(const edge_model *model);
EDGE_API const char *edge_model_entry_name(const edge_model *model, uint32_t entry);

/** Inputs and outputs of an entry point. Dimensions not fixed by the model are -1.
 *  @param out [out] view; its name and quantization live as long as the model.
 *  @return OK, INVALID_ARGUMENT. [any-thread] @since 0.1 */
EDGE_API uint32_t edge_model_num_inputs(const edge_model *model, uint32_t entry);
EDGE_API uint32_t edge_model_num_outputs(const edge_model *model, uint32_t entry);
EDGE_NODISCARD EDGE_API edge_status edge_model_get_input(const edge_model *model, uint32_t entry, uint32_t index,
                                                         edge_tensor *out);
EDGE_NODISCARD EDGE_API edge_status edge_model_get_output(const edge_model *model, uint32_t entry, uint32_t index,
                                                          edge_tensor *out);

/** Name of the symbol behind a dynamic input dimension, or NULL. Equal names mean equal sizes.
 *  [any-thread] @since 0.1 */
EDGE_API const char *edge_model_input_dim_name(const edge_model *model, uint32_t entry, uint32_t index, uint32_t dim);

/** Metadata: key and value bytes (not terminated). @return OK, NOT_FOUND. [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_model_metadata(const edge_model *model, const char *key, const void **value,
                                                        uint64_t *bytes);

/** Facts about a model. */
typedef struct edge_model_info {
  uint32_t struct_size;
  uint32_t num_nodes; /* in all subgraphs */
  uint32_t num_subgraphs;
  uint32_t num_tensors;
  uint64_t weights_bytes; /* constants in the file or image */
  uint64_t metadata_bytes;
} edge_model_info;
#define EDGE_MODEL_INFO_INIT \
  { (uint32_t)sizeof(edge_model_info), 0u, 0u, 0u, 0u, 0u }
EDGE_NODISCARD EDGE_API edge_status edge_model_get_info(const edge_model *model, edge_model_info *out);

#ifdef __cplusplus
}
#endif
#endif
