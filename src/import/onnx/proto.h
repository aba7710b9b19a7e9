/* SPDX-License-Identifier: Apache-2.0
 * The messages of an ONNX file as plain structs in an arena; tensor contents stay in the file. */
#ifndef EI_ONNX_PROTO_H
#define EI_ONNX_PROTO_H

#include "wire.h"

enum { EI_OX_MAX_DEPTH = 24, EI_OX_NEWEST_OPSET = 28 };

/** AttributeProto.AttributeType */
enum {
  EI_OX_FLOAT = 1,
  EI_OX_INT = 2,
  EI_OX_STRING = 3,
  EI_OX_TENSOR = 4,
  EI_OX_GRAPH = 5,
  EI_OX_FLOATS = 6,
  EI_OX_INTS = 7,
  EI_OX_STRINGS = 8,
  EI_OX_TENSORS = 9,
  EI_OX_GRAPHS = 10,
  EI_OX_SPARSE = 11
};

typedef struct ei_ox_graph ei_ox_graph;

typedef struct ei_ox_tensor {
  const char *name;
  int32_t onnx_type; /* TensorProto.DataType */
  int32_t rank;
  int64_t dims[EDGE_MAX_RANK];
  bool external, segmented;
  ei_pb_field raw; /* number 9 when present */
  ei_pb message;   /* for the typed data fields */
} ei_ox_tensor;

typedef struct ei_ox_sparse {
  ei_ox_tensor values, indices;
  int32_t rank;
  int64_t dims[EDGE_MAX_RANK];
} ei_ox_sparse;

typedef struct ei_ox_attr {
  const char *name, *ref; /* ref: attribute of the enclosing function, or "" */
  int32_t type;
  float f;
  int64_t i;
  const char *s;
  uint64_t s_bytes;
  const int64_t *ints;
  const double *floats;
  const char **strings;
  uint32_t n_ints, n_floats, n_strings;
  const ei_ox_tensor *t;
  const ei_ox_sparse *sparse;
  const ei_ox_graph *g;
} ei_ox_attr;

typedef struct ei_ox_node {
  const char *name, *op, *domain, *overload;
  const char **in, **out;
  ei_ox_attr *attrs;
  uint32_t n_in, n_out, n_attrs;
  uint64_t offset;
} ei_ox_node;

typedef struct ei_ox_value {
  const char *name;
  bool is_tensor; /* false: sequence, map, optional, sparse or no type at all */
  bool has_type;
  int32_t onnx_type;
  int32_t rank; /* EI_RANK_UNKNOWN without a shape */
  int64_t dims[EDGE_MAX_RANK];
  const char *params[EDGE_MAX_RANK];
} ei_ox_value;

struct ei_ox_graph {
  const char *name;
  ei_ox_node *nodes;
  ei_ox_tensor *init;
  ei_ox_sparse *sparse;
  ei_ox_value *inputs, *outputs, *infos;
  uint32_t n_nodes, n_init, n_sparse, n_inputs, n_outputs, n_infos;
};

typedef struct ei_ox_opset {
  const char *domain; /* "" for ai.onnx */
  int64_t version;
} ei_ox_opset;

typedef struct ei_ox_function {
  const char *name, *domain, *overload;
  const char **in, **out;
  ei_ox_node *nodes;
  ei_ox_opset *opsets;
  ei_ox_attr *defaults;
  uint32_t n_in, n_out, n_nodes, n_opsets, n_defaults;
} ei_ox_function;

typedef struct ei_ox_text {
  const char *key, *value;
} ei_ox_text;

typedef struct ei_ox_model {
  int64_t ir_version;
  const char *producer, *producer_version;
  ei_ox_graph *graph;
  ei_ox_opset *opsets;
  ei_ox_function *functions;
  ei_ox_text *metadata;
  uint32_t n_opsets, n_functions, n_metadata;
} ei_ox_model;

/** Everything is checked against the wire format and the message definitions before this returns. */
edge_status ei_ox_parse_model(ei_arena *arena, const void *data, uint64_t bytes, ei_ox_model *out, edge_error *err);

/* ---- shared by proto.c and proto_tensor.c */
typedef struct ei_ox_parser {
  ei_arena *arena;
  edge_error *err;
} ei_ox_parser;
edge_status ei_ox_parse_tensor(ei_ox_parser *x, ei_pb r, ei_ox_tensor *out);
edge_status ei_ox_parse_sparse(ei_ox_parser *x, ei_pb r, ei_ox_sparse *out);
edge_status ei_ox_parse_value(ei_ox_parser *x, ei_pb r, ei_ox_value *out);
edge_status ei_ox_parse_text(ei_ox_parser *x, ei_pb r, ei_ox_text *out);
edge_status ei_ox_parse_opset(ei_ox_parser *x, ei_pb r, ei_ox_opset *out);
/** A string field as terminated text in the arena. */
edge_status ei_ox_string(ei_ox_parser *x, const ei_pb *r, const ei_pb_field *f, const char *what, const char **out);
edge_status ei_ox_no_memory(ei_ox_parser *x);
/** Occurrences of the fields below 32. */
edge_status ei_ox_count_fields(ei_ox_parser *x, ei_pb r, uint32_t counts[32]);
/** Signed integer from a varint. */
static inline int64_t ei_ox_s64(uint64_t v) {
  int64_t s;
  memcpy(&s, &v, sizeof s);
  return s;
}

#endif
