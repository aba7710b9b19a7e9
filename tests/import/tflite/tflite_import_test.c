/* SPDX-License-Identifier: Apache-2.0
 * The TFLite importer on files written here: translation, messages, damaged files. */
#include "writer.h"
#include "src/format/format.h"
#include "src/import/import.h"
#include "src/ops/op.h"
#include <stdio.h>
#include <stdlib.h>

enum { F32 = 0, S32 = 2, RESOURCE = 13, S8 = 9 };
enum {
  ADD = 0,
  CONV_2D = 3,
  DEPTHWISE = 4,
  CUSTOM = 32,
  CALL = 31,
  HASHTABLE = 136,
  CALL_ONCE = 129,
  VAR_HANDLE = 142,
  READ = 143,
  ASSIGN = 144
};

static int failures;
static char last_log[600];
static int n_logs;

#define CHECK(cond)                                              \
  do {                                                           \
    if (!(cond)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
      failures++;                                                \
    }                                                            \
  } while (0)

static void log_line(void *user, int32_t level, const char *text) {
  (void)user;
  if (level <= EDGE_LOG_WARNING) n_logs++;
  snprintf(last_log, sizeof last_log, "%s", text);
}

typedef struct imported {
  ei_alloc *alloc;
  ei_arena arena;
  ei_graph *g;
  edge_error err;
  edge_status status;
  void *copy;
} imported;

static imported import_bytes(const void *data, uint32_t bytes) {
  static const edge_error clean = EDGE_ERROR_INIT;
  imported r;
  ei_import_options options = EI_IMPORT_OPTIONS_INIT;
  memset(&r, 0, sizeof r);
  r.err = clean;
  options.log = log_line;
  n_logs = 0;
  if (ei_alloc_create(NULL, 64u << 20, &r.alloc) != EDGE_STATUS_OK) exit(1);
  ei_arena_init(&r.arena, r.alloc);
  r.copy = malloc(bytes ? bytes : 1); /* exactly as long as the file: sanitizers see every byte beyond */
  if (!r.copy) exit(1);
  memcpy(r.copy, data, bytes);
  ei_import im = { .options = &options, .arena = &r.arena };
  r.status = ei_import_tflite(&im, r.copy, bytes, &r.g, &r.err);
  if (r.status == EDGE_STATUS_OK) r.status = ei_graph_verify(r.g, &r.err);
  return r;
}

static imported import_writer(const et_writer *w) {
  return import_bytes(w->data, w->size);
}

static void drop(imported *r) {
  ei_arena_free(&r->arena);
  ei_alloc_destroy(r->alloc);
  free(r->copy);
}

static bool mentions(const imported *r, const char *text) {
  if (strstr(r->err.text, text)) return true;
  fprintf(stderr, "message without '%s': %s\n", text, r->err.text);
  return false;
}

/* x [-1, 2] + c [2], Relu6, with a signature. */
static void write_add(et_writer *w) {
  const int32_t shape[2] = { 1, 2 }, signature[2] = { -1, 2 }, row[1] = { 2 }, in[2] = { 0, 1 }, out[1] = { 2 };
  const float c[2] = { 0.5f, -1.0f };
  et_writer_begin(w);
  const uint32_t code = et_code(w, ADD, NULL), data = et_buffer(w, c, sizeof c);
  const et_sub s = et_subgraph(w, "main");
  et_set_s32s(w, et_tensor(w, s, "serving_default_x:0", F32, shape, 2, 0), 7, signature, 2);
  et_tensor(w, s, "c", F32, row, 1, data);
  et_tensor(w, s, "y", F32, shape, 2, 0);
  et_io(w, s, in, 1, out, 1);
  et_set_u8(w, et_operator(w, s, code, in, 2, out, 1, 11), 0, 3);
  const uint32_t list = et_tables(w, w->model, 7, 2), signature_def = et_table(w);
  et_push(w, list, signature_def);
  et_set_text(w, signature_def, 2, "serving_default");
  const uint32_t maps = et_tables(w, signature_def, 0, 1), map = et_table(w);
  et_push(w, maps, map);
  et_set_text(w, map, 0, "image");
  et_set_u32(w, map, 1, 0);
}

static void plain_model(void) {
  et_writer w;
  write_add(&w);
  imported r = import_writer(&w);
  CHECK(r.status == EDGE_STATUS_OK && r.g->n_subgraphs == 1 && r.g->subgraphs[0].n_nodes == 1);
  if (r.status == EDGE_STATUS_OK) {
    const ei_subgraph *const sg = &r.g->subgraphs[0];
    const ei_node *const n = &sg->nodes[0];
    const ei_tensor *const x = &sg->tensors[sg->inputs[0]], *const c = &sg->tensors[n->in[1]],
                           *const y = &sg->tensors[n->out[0]];
    CHECK(strcmp(n->op->name, "Add") == 0 && ei_node_int(n, "act") == 2 && strcmp(n->name, "y") == 0);
    CHECK(x->rank == 2 && x->dims[0] == EI_DIM_UNKNOWN && x->dims[1] == 2);
    CHECK(y->rank == 2 && y->dims[0] == EI_DIM_UNKNOWN && y->dims[1] == 2);
    CHECK(c->data && c->data_bytes == 8 && ((const float *)c->data)[1] == -1.0f);
    CHECK(r.g->n_entries == 1 && strcmp(r.g->entries[0].name, "serving_default") == 0);
    CHECK(r.g->n_metadata == 1 && strcmp(r.g->metadata[0].key, "edge.signature.serving_default.in.0") == 0);
    CHECK(r.g->metadata[0].bytes == 5 && memcmp(r.g->metadata[0].value, "image", 5) == 0);
  }
  drop(&r);
}

/* Depthwise weights [1, h, w, C*m] become [C*m, h, w, 1]; a rank-1 bias may carry the axis of its weights. */
static void depthwise(void) {
  const int32_t xs[4] = { 1, 4, 4, 2 }, ws[4] = { 1, 2, 1, 4 }, bs[1] = { 4 }, ys[4] = { 1, 3, 4, 4 };
  const int32_t in[3] = { 0, 1, 2 }, out[1] = { 3 };
  const int8_t weights[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
  const int32_t bias[4] = { 10, 20, 30, 40 };
  const float one[1] = { 0.5f }, four[4] = { 0.1f, 0.2f, 0.3f, 0.4f };
  const int64_t zero[1] = { -3 };
  et_writer w;
  et_writer_begin(&w);
  const uint32_t code = et_code(&w, DEPTHWISE, NULL), wb = et_buffer(&w, weights, 8), bb = et_buffer(&w, bias, 16);
  const et_sub s = et_subgraph(&w, "main");
  et_quant(&w, et_tensor(&w, s, "x", S8, xs, 4, 0), one, zero, 1, 0);
  et_quant(&w, et_tensor(&w, s, "w", S8, ws, 4, wb), four, NULL, 4, 3);
  et_quant(&w, et_tensor(&w, s, "the_bias", S32, bs, 1, bb), four, NULL, 4, 3);
  et_quant(&w, et_tensor(&w, s, "y", S8, ys, 4, 0), one, zero, 1, 0);
  et_io(&w, s, in, 1, out, 1);
  const uint32_t o = et_operator(&w, s, code, in, 3, out, 1, 2);
  et_set_u8(&w, o, 0, 1);
  et_set_u32(&w, o, 1, 1);
  et_set_u32(&w, o, 2, 1);
  et_set_u32(&w, o, 3, 2);
  imported r = import_writer(&w);
  CHECK(r.status == EDGE_STATUS_OK && n_logs == 1 && strstr(last_log, "the_bias") != NULL);
  if (r.status == EDGE_STATUS_OK) {
    static const int8_t want[8] = { 1, 5, 2, 6, 3, 7, 4, 8 };
    const ei_subgraph *const sg = &r.g->subgraphs[0];
    const ei_node *const n = &sg->nodes[0];
    const ei_tensor *const wt = &sg->tensors[n->in[1]], *const bt = &sg->tensors[n->in[2]],
                           *const y = &sg->tensors[n->out[0]];
    CHECK(strcmp(n->op->name, "Conv") == 0 && ei_node_int(n, "group") == 2 && ei_node_int(n, "auto_pad") == 3);
    CHECK(wt->dims[0] == 4 && wt->dims[1] == 2 && wt->dims[2] == 1 && wt->dims[3] == 1 &&
          memcmp(wt->data, want, 8) == 0);
    CHECK(wt->quant.count == 4 && wt->quant.axis == 0 && wt->quant.zero_points == NULL);
    CHECK(bt->quant.axis == 0 && y->quant.zero_points[0] == -3 && y->dims[1] == 3 && y->dims[3] == 4);
  } else {
    fprintf(stderr, "%s\n", r.err.text);
  }
  drop(&r);
}

static et_sub one_tensor(et_writer *w, const char *name) {
  const int32_t shape[1] = { 2 };
  const et_sub s = et_subgraph(w, name);
  et_tensor(w, s, "a", F32, shape, 1, 0);
  et_tensor(w, s, "b", F32, shape, 1, 0);
  return s;
}

/* All operators that cannot be translated are named at once. */
static void unsupported(void) {
  const int32_t zero[1] = { 0 }, one[1] = { 1 }, two[1] = { 2 }, shape[1] = { 2 };
  et_writer w;
  et_writer_begin(&w);
  const uint32_t custom = et_code(&w, CUSTOM, "FlexErf"), unknown = et_code(&w, 3000, NULL),
                 fft = et_code(&w, HASHTABLE, NULL);
  const et_sub s = one_tensor(&w, "main");
  et_tensor(&w, s, "c", F32, shape, 1, 0);
  et_tensor(&w, s, "d", F32, shape, 1, 0);
  const int32_t three[1] = { 3 };
  et_io(&w, s, zero, 1, three, 1);
  et_operator(&w, s, custom, zero, 1, one, 1, 0);
  et_operator(&w, s, unknown, one, 1, two, 1, 0);
  et_operator(&w, s, fft, two, 1, three, 1, 0);
  imported r = import_writer(&w);
  CHECK(r.status == EDGE_STATUS_UNSUPPORTED_OP && mentions(&r, "FlexErf") && mentions(&r, "3000") &&
        mentions(&r, "HASHTABLE"));
  CHECK(mentions(&r, "node 0") && mentions(&r, "node 2") && mentions(&r, "3 operators"));
  drop(&r);
}

static void recursion(void) {
  const int32_t in[1] = { 0 }, out[1] = { 1 };
  et_writer w;
  et_writer_begin(&w);
  const uint32_t call = et_code(&w, CALL, NULL);
  const et_sub first = one_tensor(&w, "first"), second = one_tensor(&w, "second");
  et_io(&w, first, in, 1, out, 1);
  et_io(&w, second, in, 1, out, 1);
  et_set_u32(&w, et_operator(&w, first, call, in, 1, out, 1, 16), 0, 1);
  const uint32_t back = et_operator(&w, second, call, in, 1, out, 1, 16);
  et_set_u32(&w, back, 0, 0);
  imported r = import_writer(&w);
  CHECK(r.status == EDGE_STATUS_MALFORMED && mentions(&r, "recursion"));
  drop(&r);
  et_set_u32(&w, back, 0, 7);
  r = import_writer(&w);
  CHECK(r.status == EDGE_STATUS_MALFORMED && mentions(&r, "subgraph 7 of 2"));
  drop(&r);
}

/* A called subgraph that comes first in the file gets a higher index than its caller. */
static void renumbering(void) {
  const int32_t in[1] = { 0 }, out[1] = { 1 }, twice[2] = { 0, 0 };
  et_writer w;
  et_writer_begin(&w);
  const uint32_t call = et_code(&w, CALL, NULL), add = et_code(&w, ADD, NULL);
  const et_sub entry = one_tensor(&w, "entry"), leaf = one_tensor(&w, "leaf"), middle = one_tensor(&w, "middle");
  et_io(&w, entry, in, 1, out, 1);
  et_io(&w, leaf, in, 1, out, 1);
  et_io(&w, middle, in, 1, out, 1);
  et_set_u32(&w, et_operator(&w, entry, call, in, 1, out, 1, 16), 0, 2);
  et_operator(&w, leaf, add, twice, 2, out, 1, 0);
  et_set_u32(&w, et_operator(&w, middle, call, in, 1, out, 1, 16), 0, 1);
  imported r = import_writer(&w);
  CHECK(r.status == EDGE_STATUS_OK && r.g->n_subgraphs == 3);
  if (r.status == EDGE_STATUS_OK) {
    CHECK(strcmp(r.g->subgraphs[0].name, "entry") == 0 && strcmp(r.g->subgraphs[1].name, "middle") == 0);
    CHECK(ei_node_int(&r.g->subgraphs[0].nodes[0], "body") == 1 &&
          ei_node_int(&r.g->subgraphs[1].nodes[0], "body") == 2);
  } else {
    fprintf(stderr, "%s\n", r.err.text);
  }
  drop(&r);
}

/* A resource variable becomes a state; handles disappear. */
static void variables(void) {
  const int32_t none[1] = { 0 }, shape[1] = { 2 }, h[1] = { 0 }, x[1] = { 1 }, y[1] = { 2 }, assign[2] = { 0, 1 };
  et_writer w;
  et_writer_begin(&w);
  const uint32_t handle = et_code(&w, VAR_HANDLE, NULL), read = et_code(&w, READ, NULL),
                 write = et_code(&w, ASSIGN, NULL);
  const et_sub s = et_subgraph(&w, "main");
  et_tensor(&w, s, "handle", RESOURCE, none, 0, 0);
  et_tensor(&w, s, "x", F32, shape, 1, 0);
  et_tensor(&w, s, "y", F32, shape, 1, 0);
  et_io(&w, s, x, 1, y, 1);
  et_set_text(&w, et_operator(&w, s, handle, NULL, 0, h, 1, 111), 1, "memory");
  et_operator(&w, s, read, h, 1, y, 1, 0);
  et_operator(&w, s, write, assign, 2, NULL, 0, 0);
  imported r = import_writer(&w);
  if (!ei_op_find("ReadState") || !ei_op_find("AssignState")) {
    CHECK(r.status == EDGE_STATUS_UNSUPPORTED_OP);
  } else {
    CHECK(r.status == EDGE_STATUS_OK && r.g->n_states == 1 && strcmp(r.g->states[0].name, "memory") == 0);
    CHECK(r.status == EDGE_STATUS_OK && r.g->states[0].rank == 1 && r.g->states[0].dims[0] == 2 &&
          r.g->subgraphs[0].n_nodes == 2);
  }
  drop(&r);
}

/* A buffer behind the FlatBuffer is found by its offset in the file, and checked. */
static void external_buffer(void) {
  et_writer w;
  write_add(&w);
  const uint32_t vector = w.buffers, buffer = vector + 8 + (uint32_t)(w.data[vector + 8] | w.data[vector + 9] << 8);
  const float c[2] = { 7.0f, 8.0f };
  const uint32_t at = (w.size + 15u) & ~15u;
  memcpy(w.data + at, c, sizeof c);
  w.size = at + 8;
  et_set_u64(&w, buffer, 1, at);
  et_set_u64(&w, buffer, 2, 8);
  imported r = import_writer(&w);
  CHECK(r.status == EDGE_STATUS_OK);
  if (r.status == EDGE_STATUS_OK) {
    const ei_subgraph *const sg = &r.g->subgraphs[0];
    CHECK(((const float *)sg->tensors[sg->nodes[0].in[1]].data)[0] == 7.0f);
  }
  drop(&r);
  et_set_u64(&w, buffer, 1, 1ull << 40);
  r = import_writer(&w);
  CHECK(r.status == EDGE_STATUS_MALFORMED && mentions(&r, "outside the file"));
  drop(&r);
}

static void wrong_version_and_sizes(void) {
  et_writer w;
  write_add(&w);
  et_set_u32(&w, w.model, 0, 4);
  imported r = import_writer(&w);
  CHECK(r.status == EDGE_STATUS_UNSUPPORTED_VERSION);
  drop(&r);
  const int32_t shape[1] = { 3 }, in[1] = { 0 };
  const float c[2] = { 0 };
  et_writer_begin(&w);
  const uint32_t data = et_buffer(&w, c, sizeof c);
  const et_sub s = et_subgraph(&w, "main");
  et_tensor(&w, s, "short_one", F32, shape, 1, data);
  et_io(&w, s, NULL, 0, in, 1);
  r = import_writer(&w);
  CHECK(r.status == EDGE_STATUS_MALFORMED && mentions(&r, "short_one") && mentions(&r, "12 bytes"));
  drop(&r);
}

static bool expected(edge_status s) {
  return s == EDGE_STATUS_OK || (s >= EDGE_STATUS_MALFORMED && s <= EDGE_STATUS_INVALID_VALUE) ||
         s == EDGE_STATUS_OUT_OF_MEMORY;
}

/* Every truncation and, at every byte, a few changes: an error with a text, never more. */
static void damage(void) {
  static const uint8_t changes[] = { 0x01, 0x80, 0xff };
  et_writer w, broken;
  write_add(&w);
  for (uint32_t n = 0; n < w.size; ++n) {
    imported r = import_bytes(w.data, n);
    CHECK(expected(r.status) && (r.status == EDGE_STATUS_OK || r.err.text[0]));
    drop(&r);
  }
  for (uint32_t at = 0; at < w.size; ++at)
    for (size_t k = 0; k < sizeof changes; ++k) {
      broken = w;
      broken.data[at] ^= changes[k];
      imported r = import_writer(&broken);
      CHECK(expected(r.status) && (r.status == EDGE_STATUS_OK || r.err.text[0]));
      drop(&r);
    }
}

static void detection(void) {
  CHECK(ei_import_detect("\x10\0\0\0TFL3....", 12) == EI_IMPORT_TFLITE &&
        ei_import_detect("GGUF\3\0\0\0", 8) == EI_IMPORT_GGUF);
  CHECK(ei_import_detect("12345678EDG1", 12) == EI_IMPORT_EDGE && ei_import_detect("TFL", 3) == EI_IMPORT_ONNX);
}

int main(void) {
  detection();
  plain_model();
  depthwise();
  unsupported();
  recursion();
  renumbering();
  variables();
  external_buffer();
  wrong_version_and_sizes();
  damage();
  if (failures) fprintf(stderr, "%d checks failed\n", failures);
  return failures ? 1 : 0;
}
