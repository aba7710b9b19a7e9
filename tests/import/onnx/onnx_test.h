/* SPDX-License-Identifier: Apache-2.0
 * What the tests of the ONNX importer share: a protobuf writer, an import, assertions. */
#ifndef ET_ONNX_TEST_H
#define ET_ONNX_TEST_H

#include "src/import/import.h"
#include "src/ops/op.h"
#include <stdio.h>
#include <stdlib.h>

#define ONNX_CASE(name) void test_##name(void);
#include "cases.def"
#undef ONNX_CASE

/** Says what failed and ends the test program. */
#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                \
    }                                                                         \
  } while (0)
/** The text contains the part. */
#define CHECK_PART(text, part)                                                             \
  do {                                                                                     \
    if (strstr((text), (part)) == NULL) {                                                  \
      fprintf(stderr, "%s:%d: no \"%s\" in \"%s\"\n", __FILE__, __LINE__, (part), (text)); \
      exit(1);                                                                             \
    }                                                                                      \
  } while (0)

/** A message being written. Values, not pointers: small tests may leak nothing. */
typedef struct et_message {
  uint8_t data[8192];
  size_t bytes;
} et_message;

void et_varint(et_message *m, uint64_t v);
void et_int(et_message *m, uint32_t field, int64_t v);
void et_float(et_message *m, uint32_t field, float v);
void et_bytes(et_message *m, uint32_t field, const void *data, size_t bytes);
void et_text(et_message *m, uint32_t field, const char *text);
void et_put(et_message *m, uint32_t field, const et_message *inner);

/** Parts of ONNX messages; element types are those of ONNX. Lists of names are "a,b,,c". */
void et_node(et_message *graph, uint32_t field, const char *op, const char *in, const char *out,
             const et_message *attrs);
void et_attr_int(et_message *attrs, const char *name, int64_t v);
void et_attr_ints(et_message *attrs, const char *name, const int64_t *v, size_t n);
void et_attr_ref(et_message *attrs, const char *name, const char *ref, int type);
void et_attr_graph(et_message *attrs, const char *name, const et_message *graph);
/** dims "2x3", "Nx3", "?x3"; NULL: no shape. field 11 input, 12 output, 13 info. */
void et_value(et_message *graph, uint32_t field, const char *name, int type, const char *dims);
void et_tensor_head(et_message *tensor, const char *name, int type, const char *dims);
void et_raw(et_message *graph, const char *name, int type, const char *dims, const void *data, size_t bytes);
/** ir_version, opset and graph of a file. */
void et_model(et_message *model, int64_t opset, const et_message *graph);

typedef struct et_import {
  ei_alloc *alloc;
  ei_arena arena;
  ei_import_options options;
  ei_import im;
  ei_graph *graph;
  edge_error error;
  char log[4096];
} et_import;
/** One text for the option `given` of the imports that follow; NULL: none. */
extern const char *const *et_given;
edge_status et_open(et_import *t, const void *data, size_t bytes, const char *base_dir);
edge_status et_open_graph(et_import *t, int64_t opset, const et_message *graph);
void et_close(et_import *t);
/** Node by operator name in a subgraph; fails the test when there is none. */
const ei_node *et_find(const et_import *t, uint32_t subgraph, const char *op);
uint32_t et_count(const et_import *t, uint32_t subgraph, const char *op);
const ei_tensor *et_tensor(const et_import *t, uint32_t subgraph, uint32_t index);

#endif
