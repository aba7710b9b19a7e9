/* SPDX-License-Identifier: Apache-2.0
 * Damaged files: every one is refused with a place, none is misread. */
#include "onnx_test.h"

/* A file with a bit of everything: weights, attributes, shapes. */
static void sample(et_message *model) {
  static const float weights[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
  static const int64_t pads[4] = { 0, 0, 0, 0 };
  et_message g = { .bytes = 0 }, attrs = { .bytes = 0 };
  et_attr_ints(&attrs, "pads", pads, 4);
  et_attr_int(&attrs, "group", 1);
  et_value(&g, 11, "x", 1, "Nx2x3x3");
  et_raw(&g, "w", 1, "2x2x1x2", weights, sizeof weights);
  et_node(&g, 1, "Conv", "x,w", "y", &attrs);
  et_value(&g, 12, "y", 1, "Nx2x3x2");
  et_model(model, 13, &g);
}

static edge_status import_copy(const uint8_t *data, size_t bytes, et_import *t) {
  uint8_t *const copy = malloc(bytes ? bytes : 1);
  memcpy(copy, data, bytes);
  const edge_status status = et_open(t, copy, bytes, NULL);
  et_close(t);
  free(copy);
  return status;
}

void test_wire_damage(void) {
  static const struct {
    const char *bytes;
    size_t count;
    const char *part;
  } files[] = {
    { "", 0, "no graph" },
    { "\x08\x08", 2, "no graph" },
    { "\x08", 1, "cut off" },
    { "\x08\x80\x80", 3, "cut off" },
    { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11, "64 bits" },
    { "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, "longer than" },
    { "\x3a\x05\x0a", 3, "longer than" },
    { "\x0b\x00", 2, "wire type" },
    { "\x00\x00", 2, "field number" },
    { "\x3d\x01\x02", 3, "cut off" },
    { "\x38\x01", 2, "wire type" },
    { "\x3a\x00", 2, "ir_version" },
    { "hello, this is no model at all", 30, "protobuf" },
  };
  for (size_t i = 0; i < EI_COUNT(files); ++i) {
    et_import t;
    CHECK(import_copy((const uint8_t *)files[i].bytes, files[i].count, &t) == EDGE_STATUS_MALFORMED);
    CHECK_PART(t.error.text, files[i].part);
    CHECK(t.error.file_offset <= files[i].count);
  }
}

/* No prefix of a file is a model, and none is read past its end. */
void test_wire_truncation(void) {
  et_message m = { .bytes = 0 };
  et_import t;
  sample(&m);
  CHECK(import_copy(m.data, m.bytes, &t) == EDGE_STATUS_OK);
  for (size_t n = 0; n < m.bytes; ++n) CHECK(import_copy(m.data, n, &t) == EDGE_STATUS_MALFORMED);
}

/* Graphs inside graphs, far deeper than anyone needs. */
void test_wire_depth(void) {
  et_message *const m = calloc(1, sizeof *m), *const inner = calloc(1, sizeof *inner);
  et_import t;
  for (int depth = 0; depth < 200; ++depth) {
    et_message *const attrs = calloc(1, sizeof *attrs), *const graph = calloc(1, sizeof *graph);
    et_attr_graph(attrs, "then_branch", inner);
    et_node(graph, 1, "If", "c", "y", attrs);
    *inner = *graph;
    free(attrs);
    free(graph);
  }
  et_model(m, 13, inner);
  CHECK(import_copy(m->data, m->bytes, &t) == EDGE_STATUS_MALFORMED);
  CHECK_PART(t.error.text, "deep");
  free(m);
  free(inner);
}

/* Each byte changed in several ways: any answer will do, but the import must end well (sanitizers watch). */
void test_wire_flips(void) {
  static const uint8_t masks[] = { 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff };
  et_message m = { .bytes = 0 };
  sample(&m);
  for (size_t i = 0; i < m.bytes; ++i)
    for (size_t k = 0; k < EI_COUNT(masks); ++k) {
      et_import t;
      et_message damaged = m;
      damaged.data[i] ^= masks[k];
      (void)import_copy(damaged.data, damaged.bytes, &t);
    }
}
