/* SPDX-License-Identifier: Apache-2.0
 * Images: what an importer hands to the runtime instead of a file. */
#ifndef EDGE_IMPORT_H
#define EDGE_IMPORT_H

#include <edge/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes outside the metadata: weights, constants. offset is the 64-bit address that the metadata uses
 *  for them, as if the image were a file. */
typedef struct edge_segment {
  const void *data;
  uint64_t bytes;
  uint64_t offset;
} edge_segment;

/** An image: size-prefixed `.edge` metadata plus segments in ascending, non-overlapping offsets.
 *  release is called once, when the last user of the bytes is gone (also when opening fails). */
typedef struct edge_image {
  uint32_t struct_size;
  uint32_t num_segments;
  const void *metadata;
  uint64_t metadata_bytes;
  const edge_segment *segments;
  void *user;
  void (*release)(void *user);
  /** These bytes of a segment were copied and are not needed soon: let them leave memory if they can come back from
   *  a file. NULL: not offered. [any-thread] */
  void (*advise_away)(void *user, const void *data, uint64_t bytes);
} edge_image;
#define EDGE_IMAGE_INIT \
  { (uint32_t)sizeof(edge_image), 0u, NULL, 0u, NULL, NULL, NULL, NULL }

/** Open an image: verified like a file, its segments are borrowed until the model is gone.
 *  @param image the struct is copied; its bytes [own] pass to the model, or are released on failure.
 *  Errors as edge_model_open_file(). [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_model_open_image(edge_env *env, const edge_image *image,
                                                          const edge_model_options *options, edge_model **out,
                                                          edge_error *error);

#ifdef __cplusplus
}
#endif
#endif
