/* SPDX-License-Identifier: Apache-2.0
 * A small protobuf writer and the import it feeds. */
#include "onnx_test.h"
#include "src/format/format.h"
#include "src/port/port.h"

static void put_byte(et_message *m, uint8_t v) {
  CHECK(m->bytes < sizeof m->data);
  m->data[m->bytes++] = v;
}

void et_varint(et_message *m, uint64_t v) {
  for (; v >= 0x80u; v >>= 7) put_byte(m, (uint8_t)(v | 0x80u));
  put_byte(m, (uint8_t)v);
}

void et_int(et_message *m, uint32_t field, int64_t v) {
  et_varint(m, (uint64_t)field << 3);
  et_varint(m, (uint64_t)v);
}

void et_float(et_message *m, uint32_t field, float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  et_varint(m, (uint64_t)field << 3 | 5u);
  for (int i = 0; i < 4; ++i) put_byte(m, (uint8_t)(bits >> (8 * i)));
}

void et_bytes(et_message *m, uint32_t field, const void *data, size_t bytes) {
  et_varint(m, (uint64_t)field << 3 | 2u);
  et_varint(m, bytes);
  for (size_t i = 0; i < bytes; ++i) put_byte(m, ((const uint8_t *)data)[i]);
}

void et_text(et_message *m, uint32_t field, const char *text) {
  et_bytes(m, field, text, strlen(text));
}
void et_put(et_message *m, uint32_t field, const et_message *inner) {
  et_bytes(m, field, inner->data, inner->bytes);
}

static void put_names(et_message *m, uint32_t field, const char *names) {
  while (*names) {
    size_t n = 0;
    while (names[n] && names[n] != ',') ++n;
    et_bytes(m, field, names, n);
    names += n;
    if (*names == ',') ++names;
  }
}

void et_node(et_message *graph, uint32_t field, const char *op, const char *in, const char *out,
             const et_message *attrs) {
  et_message *const n = calloc(1, sizeof *n);
  put_names(n, 1, in);
  put_names(n, 2, out);
  et_text(n, 3, op);
  const char *const dot = strrchr(op, '.'); /* "domain.Operator" */
  et_text(n, 4, dot ? dot + 1 : op);
  if (dot) et_bytes(n, 7, op, (size_t)(dot - op));
  if (attrs)
    for (size_t i = 0; i < attrs->bytes; ++i) put_byte(n, attrs->data[i]);
  et_put(graph, field, n);
  free(n);
}

void et_attr_int(et_message *attrs, const char *name, int64_t v) {
  et_message a = { .bytes = 0 };
  et_text(&a, 1, name);
  et_int(&a, 3, v);
  et_int(&a, 20, 2);
  et_put(attrs, 5, &a);
}

void et_attr_ints(et_message *attrs, const char *name, const int64_t *v, size_t n) {
  et_message a = { .bytes = 0 };
  et_text(&a, 1, name);
  for (size_t i = 0; i < n; ++i) et_int(&a, 8, v[i]);
  et_int(&a, 20, 7);
  et_put(attrs, 5, &a);
}

void et_attr_ref(et_message *attrs, const char *name, const char *ref, int type) {
  et_message a = { .bytes = 0 };
  et_text(&a, 1, name);
  et_text(&a, 21, ref);
  et_int(&a, 20, type);
  et_put(attrs, 5, &a);
}

void et_attr_graph(et_message *attrs, const char *name, const et_message *graph) {
  et_message a = { .bytes = 0 };
  et_text(&a, 1, name);
  et_put(&a, 6, graph);
  et_int(&a, 20, 5);
  et_put(attrs, 5, &a);
}

void et_value(et_message *graph, uint32_t field, const char *name, int type, const char *dims) {
  et_message shape = { .bytes = 0 }, tensor = { .bytes = 0 }, kind = { .bytes = 0 }, value = { .bytes = 0 };
  for (const char *p = dims ? dims : ""; *p;) {
    et_message dim = { .bytes = 0 };
    size_t n = 0;
    while (p[n] && p[n] != 'x') ++n;
    if (*p >= '0' && *p <= '9')
      et_int(&dim, 1, strtoll(p, NULL, 10));
    else if (*p == '"') /* the name itself, in quotes: "?" */
      et_bytes(&dim, 2, p + 1, n - 2);
    else if (*p != '?')
      et_bytes(&dim, 2, p, n);
    et_put(&shape, 1, &dim);
    p += n;
    if (*p == 'x') ++p;
  }
  et_int(&tensor, 1, type);
  if (dims) et_put(&tensor, 2, &shape);
  et_put(&kind, 1, &tensor);
  et_text(&value, 1, name);
  et_put(&value, 2, &kind);
  et_put(graph, field, &value);
}

void et_tensor_head(et_message *tensor, const char *name, int type, const char *dims) {
  for (const char *p = dims; *p;) {
    char *end;
    et_int(tensor, 1, strtoll(p, &end, 10));
    p = *end == 'x' ? end + 1 : end;
  }
  et_int(tensor, 2, type);
  et_text(tensor, 8, name);
}

void et_raw(et_message *graph, const char *name, int type, const char *dims, const void *data, size_t bytes) {
  et_message t = { .bytes = 0 };
  et_tensor_head(&t, name, type, dims);
  et_bytes(&t, 9, data, bytes);
  et_put(graph, 5, &t);
}

void et_model(et_message *model, int64_t opset, const et_message *graph) {
  et_message set = { .bytes = 0 };
  et_int(&set, 2, opset);
  et_int(model, 1, 8);
  et_put(model, 8, &set);
  et_put(model, 7, graph);
}

const char *const *et_given;

static void keep_log(void *user, int32_t level, const char *text) {
  et_import *const t = user;
  (void)level;
  strncat(t->log, text, sizeof t->log - strlen(t->log) - 1);
}

edge_status et_open(et_import *t, const void *data, size_t bytes, const char *base_dir) {
  static const ei_import_options defaults = EI_IMPORT_OPTIONS_INIT;
  static const edge_error no_error = EDGE_ERROR_INIT;
  memset(t, 0, sizeof *t);
  CHECK(ei_alloc_create(NULL, 0, &t->alloc) == EDGE_STATUS_OK);
  ei_arena_init(&t->arena, t->alloc);
  t->options = defaults;
  t->options.base_dir = base_dir;
  t->options.log = keep_log;
  t->options.log_user = t;
  t->options.given = et_given;
  t->options.n_given = et_given ? 1 : 0;
  t->im.options = &t->options;
  t->im.arena = &t->arena;
  t->error = no_error;
  const edge_status status = ei_import_onnx(&t->im, data, bytes, &t->graph, &t->error);
  CHECK((status == EDGE_STATUS_OK) == (t->graph != NULL));
  CHECK(status == EDGE_STATUS_OK || (t->error.status == status && t->error.text[0]));
  if (status == EDGE_STATUS_OK) {
    const edge_status verified = ei_graph_verify(t->graph, &t->error);
    if (verified != EDGE_STATUS_OK) fprintf(stderr, "verify: %s\n", t->error.text);
    CHECK(verified == EDGE_STATUS_OK);
  }
  return status;
}

edge_status et_open_graph(et_import *t, int64_t opset, const et_message *graph) {
  et_message *const m = calloc(1, sizeof *m);
  et_model(m, opset, graph);
  void *const copy = calloc(1, m->bytes); /* exactly sized, so that sanitizers see every byte too many */
  memcpy(copy, m->data, m->bytes);
  const edge_status status = et_open(t, copy, m->bytes, NULL);
  free(m);
  t->log[sizeof t->log - 1] = '\0';
  t->options.log_user = copy; /* freed by et_close() */
  return status;
}

void et_close(et_import *t) {
  if (t->options.log_user != t) free(t->options.log_user);
  for (ei_import_file *f = t->im.files; f; f = f->next) ei_port_unmap(f->private_data);
  ei_arena_free(&t->arena);
  uint64_t live = 1;
  ei_alloc_stats(t->alloc, &live, NULL);
  CHECK(live == 0);
  ei_alloc_destroy(t->alloc);
}

uint32_t et_count(const et_import *t, uint32_t subgraph, const char *op) {
  const ei_subgraph *const sg = &t->graph->subgraphs[subgraph];
  uint32_t n = 0;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) n += strcmp(sg->nodes[i].op->name, op) == 0;
  return n;
}

const ei_node *et_find(const et_import *t, uint32_t subgraph, const char *op) {
  const ei_subgraph *const sg = &t->graph->subgraphs[subgraph];
  for (uint32_t i = 0; i < sg->n_nodes; ++i)
    if (strcmp(sg->nodes[i].op->name, op) == 0) return &sg->nodes[i];
  fprintf(stderr, "no node %s\n", op);
  exit(1);
}

const ei_tensor *et_tensor(const et_import *t, uint32_t subgraph, uint32_t index) {
  CHECK(index < t->graph->subgraphs[subgraph].n_tensors);
  return &t->graph->subgraphs[subgraph].tensors[index];
}
