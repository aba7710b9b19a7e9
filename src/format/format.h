/* SPDX-License-Identifier: Apache-2.0
 * The .edge file: verification, reading into a graph, writing a graph. Schema: edge.fbs.
 *
 *   offset 0   u32 size prefix S
 *   offset 4   FlatBuffer (root offset, then identifier "EDG1" at byte 8), S bytes
 *   then       segments, 64-byte aligned, addressed by absolute 64-bit offsets from the file's start */
#ifndef EI_FORMAT_H
#define EI_FORMAT_H

#include "../base/base.h"
#include "../graph/graph.h"
#include <edge/import.h>

/** Version of this reader; a file names the lowest one that understands it. */
enum { EI_FORMAT_VERSION = 1 };
/** Must-understand feature bits that this reader knows (none is defined yet). */
#define EI_FORMAT_FEATURES UINT64_C(0)
/** Constants up to this size are stored in the metadata, larger ones in segments. */
enum {
  EI_FORMAT_INLINE_BYTES = 64,
  EI_FORMAT_SEGMENT_ALIGN = 64,
  EI_FORMAT_MAX_ATTRIBUTES = 64,
  EI_FORMAT_MAX_KEY = 63
};

/** 0: the defaults (2 GiB, 4,000,000). */
typedef struct ei_format_limits {
  uint64_t max_metadata_bytes;
  uint32_t max_nodes;
  /* called for each node whose operator this build lacks (known 0) or knows in older versions only; may be NULL */
  void (*unknown)(void *user, const char *node, const char *op, uint32_t version, uint32_t known,
                  const edge_tensor *first_input);
  void *unknown_user;
} ei_format_limits;

/** Where segment bytes are found: one range for a file (data = its start), several for an image. */
typedef struct ei_format_source {
  const void *metadata;         /* size-prefixed */
  uint64_t metadata_bytes;      /* available bytes (a file: all of it) */
  const edge_segment *segments; /* sorted by offset; a file has one covering all of it */
  uint32_t num_segments;
} ei_format_source;

/** Bounds, alignment, counts, tags, strings, depth: nothing is read outside the buffer afterwards. */
edge_status ei_format_verify_structure(const ei_format_source *src, const ei_format_limits *limits, edge_error *err);
/** Structural pass, then build the graph in the arena, then the semantic pass over it (indices, types, shapes,
 *  quantization, operators and arity, acyclic order, subgraph references to higher indices only, sizes of constants).
 *  Constants point into the source. Unknown operators are all listed in the error. */
edge_status ei_format_read(const ei_format_source *src, const ei_format_limits *limits, ei_arena *arena, ei_graph **out,
                           edge_error *err);
/** The semantic pass alone (also run on graphs that importers built). */
edge_status ei_graph_verify(const ei_graph *g, edge_error *err);

/** Serialise: metadata (size-prefixed, arena memory) plus the segments of constants, each 64-byte aligned with
 *  absolute offsets. Constants are not copied: segments point at the graph's data. Small constants (<= 64 bytes)
 *  may be inlined in the metadata. */
edge_status ei_format_write(const ei_graph *g, ei_arena *arena, const void **metadata, uint64_t *metadata_bytes,
                            edge_segment **segments, uint32_t *num_segments, edge_error *err);

#endif
