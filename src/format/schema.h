/* SPDX-License-Identifier: Apache-2.0
 * edge.fbs as C: the slot of each field, in the order of the schema, and the description of its root. */
#ifndef EI_SCHEMA_H
#define EI_SCHEMA_H

#include "flat.h"

enum { EI_DATA_BYTES, EI_DATA_OFFSET, EI_DATA_SIZE };
enum { EI_SYMBOL_NAME, EI_SYMBOL_LO, EI_SYMBOL_HI };
enum {
  EI_QUANT_SCALES,
  EI_QUANT_ZERO_POINTS,
  EI_QUANT_SCALES_DATA,
  EI_QUANT_ZERO_POINTS_DATA,
  EI_QUANT_AXIS,
  EI_QUANT_BLOCK
};
enum {
  EI_TENSOR_NAME,
  EI_TENSOR_DTYPE,
  EI_TENSOR_ENCODING,
  EI_TENSOR_UNKNOWN_RANK,
  EI_TENSOR_DIMS,
  EI_TENSOR_QUANT,
  EI_TENSOR_DATA,
  EI_TENSOR_STATE
};
enum { EI_ATTR_F_KEY, EI_ATTR_F_KIND, EI_ATTR_F_I, EI_ATTR_F_F, EI_ATTR_F_S, EI_ATTR_F_INTS, EI_ATTR_F_FLOATS };
enum { EI_NODE_OP, EI_NODE_VERSION, EI_NODE_NAME, EI_NODE_INPUTS, EI_NODE_OUTPUTS, EI_NODE_ATTRIBUTES };
enum { EI_SUBGRAPH_NAME, EI_SUBGRAPH_TENSORS, EI_SUBGRAPH_NODES, EI_SUBGRAPH_INPUTS, EI_SUBGRAPH_OUTPUTS };
enum { EI_STATE_NAME, EI_STATE_DTYPE, EI_STATE_DIMS, EI_STATE_INIT };
enum { EI_ENTRY_NAME, EI_ENTRY_SUBGRAPH };
enum { EI_METADATA_KEY, EI_METADATA_VALUE };
enum { EI_VALUE_DTYPE, EI_VALUE_DIMS, EI_VALUE_DATA };
enum { EI_GOLDEN_NAME, EI_GOLDEN_ENTRY, EI_GOLDEN_INPUTS, EI_GOLDEN_OUTPUTS, EI_GOLDEN_ABS, EI_GOLDEN_REL };
enum { EI_PREPARED_TARGET, EI_PREPARED_KEY, EI_PREPARED_DATA };
enum { EI_OPERATOR_OP, EI_OPERATOR_NAME };
enum {
  EI_MODEL_MIN_READER,
  EI_MODEL_FEATURES,
  EI_MODEL_PRODUCER,
  EI_MODEL_SYMBOLS,
  EI_MODEL_STATES,
  EI_MODEL_SUBGRAPHS,
  EI_MODEL_ENTRIES,
  EI_MODEL_METADATA,
  EI_MODEL_GOLDEN,
  EI_MODEL_PREPARED,
  EI_MODEL_OPERATORS
};

/* The stored form of a dimension: >= 0 fixed, -1 open, -2 - i symbol i. */
enum { EI_DIM_SYMBOL_BASE = -2 };

extern const ei_flat_desc ei_schema_model;

/* Loading allocates at most this and 16 bytes for each byte of metadata (the promise is 64 KiB: the rest is for the
 * arena's own block and the scratch of the semantic pass). */
enum { EI_FORMAT_MEMORY_BASE = 32768 };

/** The structural pass; afterwards c->memory is what reading will allocate. */
edge_status ei_format_check(const ei_format_source *src, const ei_format_limits *limits, ei_flat_check *c,
                            uint32_t *root, edge_error *err);

/** The bytes [offset, offset + size) of the file, or NULL when no segment holds them all. */
const void *ei_source_find(const ei_format_source *src, uint64_t offset, uint64_t size);

#endif
