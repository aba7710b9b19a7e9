/* SPDX-License-Identifier: Apache-2.0
 * Memory, files and comparison for the tests of the file format. */
#include "format_test.h"

et_memory *et_memory_new(uint64_t quota) {
  et_memory *const m = malloc(sizeof *m);
  CHECK(m && ei_alloc_create(NULL, quota, &m->alloc) == EDGE_STATUS_OK);
  ei_arena_init(&m->arena, m->alloc);
  return m;
}

void et_memory_free(et_memory *m) {
  uint64_t live = 1;
  ei_arena_free(&m->arena);
  ei_alloc_stats(m->alloc, &live, NULL);
  CHECK(live == 0);
  ei_alloc_destroy(m->alloc);
  free(m);
}

static et_file file_new(uint64_t n) {
  et_file f = { aligned_alloc(64, (size_t)((n + 63) / 64 * 64)), n };
  CHECK(f.p);
  memset(f.p, 0, (size_t)n);
  return f;
}

et_file et_file_write(const ei_graph *g, et_memory *m) {
  const void *metadata;
  uint64_t bytes, end;
  edge_segment *segments;
  uint32_t count;
  CHECK_OK(ei_format_write(g, &m->arena, &metadata, &bytes, &segments, &count, err));
  end = bytes;
  for (uint32_t i = 0; i < count; ++i) {
    CHECK(segments[i].offset % 64 == 0 && segments[i].offset >= end);
    end = segments[i].offset + segments[i].bytes;
  }
  const et_file f = file_new(end);
  memcpy(f.p, metadata, (size_t)bytes);
  for (uint32_t i = 0; i < count; ++i) memcpy(f.p + segments[i].offset, segments[i].data, (size_t)segments[i].bytes);
  return f;
}

et_file et_file_copy(const et_file *f) {
  const et_file copy = file_new(f->n);
  memcpy(copy.p, f->p, (size_t)f->n);
  return copy;
}

void et_file_free(et_file *f) {
  free(f->p);
  f->p = NULL;
}

static ei_format_source source_of(const uint8_t *p, uint64_t n, edge_segment *segment) {
  *segment = (edge_segment) { p, n, 0 };
  return (ei_format_source) { p, n, segment, 1 };
}

edge_status et_file_read(const et_file *f, ei_arena *arena, ei_graph **out, edge_error *err) {
  edge_segment segment;
  const ei_format_source src = source_of(f->p, f->n, &segment);
  return ei_format_read(&src, NULL, arena, out, err);
}

edge_status et_file_load(const uint8_t *p, uint64_t n, et_memory *m, edge_error *err) {
  edge_segment segment;
  const ei_format_source src = source_of(p, n, &segment);
  ei_graph *g = NULL;
  const edge_status status = ei_format_read(&src, NULL, &m->arena, &g, err);
  CHECK((status == EDGE_STATUS_OK) == (g != NULL));
  CHECK(status == EDGE_STATUS_OK || err == NULL || err->text[0] != '\0');
  ei_arena_free(&m->arena);
  return status;
}

et_file et_sample_file(const char *name) {
  for (const et_sample *s = et_samples; s->name; ++s) {
    if (strcmp(s->name, name) != 0) continue;
    et_memory *const m = et_memory_new(0);
    const et_file f = et_file_write(s->build(&m->arena), m);
    et_memory_free(m);
    return f;
  }
  fprintf(stderr, "no sample %s\n", name);
  exit(1);
}

/* ---- places in a file */

ei_flat et_flat(const et_file *f) {
  return (ei_flat) { f->p, ei_get_u32(f->p) + 4 };
}

uint32_t et_root(const et_file *f) {
  return 4 + ei_get_u32(f->p + 4);
}

uint32_t et_item(const et_file *f, uint32_t table, uint32_t slot, uint32_t i) {
  const ei_flat flat = et_flat(f);
  uint32_t first;
  CHECK(i < ei_flat_vector(&flat, table, slot, &first));
  return ei_flat_item(&flat, first, i);
}

uint32_t et_ref(const et_file *f, uint32_t table, uint32_t slot) {
  const ei_flat flat = et_flat(f);
  const uint32_t at = ei_flat_ref(&flat, table, slot);
  CHECK(at);
  return at;
}

uint32_t et_field(const et_file *f, uint32_t table, uint32_t slot) {
  const ei_flat flat = et_flat(f);
  const uint32_t at = ei_flat_field(&flat, table, slot);
  CHECK(at);
  return at;
}

void et_put(const et_file *f, uint64_t at, uint32_t bytes, uint64_t v) {
  CHECK(at + bytes <= f->n);
  for (uint32_t i = 0; i < bytes; ++i) f->p[at + i] = (uint8_t)(v >> 8 * i);
}

/* ---- comparison */

#define SAME(condition)                                                              \
  do {                                                                               \
    if (!(condition)) {                                                              \
      fprintf(stderr, "%s:%d: graphs differ: %s\n", __FILE__, __LINE__, #condition); \
      return false;                                                                  \
    }                                                                                \
  } while (0)

static bool same_bytes(const void *a, const void *b, uint64_t n) {
  return n == 0 || memcmp(a, b, (size_t)n) == 0;
}

static bool same_tensor(const ei_tensor *a, const ei_tensor *b) {
  SAME(strcmp(a->name, b->name) == 0);
  SAME(a->dtype == b->dtype && a->encoding == b->encoding && a->rank == b->rank && a->state == b->state);
  for (int32_t d = 0; d < a->rank; ++d) SAME(a->dims[d] == b->dims[d] && a->symbols[d] == b->symbols[d]);
  SAME(a->quant.count == b->quant.count && a->quant.axis == b->quant.axis && a->quant.block == b->quant.block);
  SAME(same_bytes(a->quant.scales, b->quant.scales, 4 * (uint64_t)a->quant.count));
  SAME((a->quant.zero_points == NULL) == (b->quant.zero_points == NULL));
  if (a->quant.zero_points) SAME(same_bytes(a->quant.zero_points, b->quant.zero_points, 4 * (uint64_t)a->quant.count));
  SAME((a->data == NULL) == (b->data == NULL) && a->data_bytes == b->data_bytes);
  SAME(same_bytes(a->data, b->data, a->data_bytes));
  return true;
}

static bool same_node(const ei_node *a, const ei_node *b) {
  SAME(a->op == b->op && a->version == b->version && strcmp(a->name, b->name) == 0);
  SAME(a->n_in == b->n_in && a->n_out == b->n_out && a->n_attr == b->n_attr);
  SAME(same_bytes(a->in, b->in, 4 * (uint64_t)a->n_in) && same_bytes(a->out, b->out, 4 * (uint64_t)a->n_out));
  for (uint32_t i = 0; i < a->n_attr; ++i) {
    const ei_attr *const x = &a->attr[i], *const y = &b->attr[i];
    SAME(strcmp(x->key, y->key) == 0 && x->kind == y->kind && x->count == y->count);
    if (x->kind == EI_ATTR_INT) SAME(x->u.i == y->u.i);
    if (x->kind == EI_ATTR_FLOAT) SAME(same_bytes(&x->u.f, &y->u.f, 8));
    if (x->kind == EI_ATTR_STRING) SAME(strcmp(x->u.s, y->u.s) == 0);
    if (x->kind >= EI_ATTR_INTS) SAME(same_bytes(x->u.ints, y->u.ints, 8 * (uint64_t)x->count));
  }
  return true;
}

static bool same_subgraph(const ei_subgraph *a, const ei_subgraph *b) {
  SAME(strcmp(a->name, b->name) == 0 && a->n_tensors == b->n_tensors && a->n_nodes == b->n_nodes);
  SAME(a->n_inputs == b->n_inputs && a->n_outputs == b->n_outputs);
  SAME(same_bytes(a->inputs, b->inputs, 4 * (uint64_t)a->n_inputs) &&
       same_bytes(a->outputs, b->outputs, 4 * (uint64_t)a->n_outputs));
  for (uint32_t i = 0; i < a->n_tensors; ++i) SAME(same_tensor(&a->tensors[i], &b->tensors[i]));
  for (uint32_t i = 0; i < a->n_nodes; ++i) SAME(same_node(&a->nodes[i], &b->nodes[i]));
  return true;
}

static bool same_values(const ei_golden_value *a, const ei_golden_value *b, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    SAME(a[i].dtype == b[i].dtype && a[i].rank == b[i].rank && a[i].data_bytes == b[i].data_bytes);
    for (int32_t d = 0; d < a[i].rank; ++d) SAME(a[i].dims[d] == b[i].dims[d]);
    SAME(same_bytes(a[i].data, b[i].data, a[i].data_bytes));
  }
  return true;
}

static bool same_extras(const ei_graph *a, const ei_graph *b) {
  SAME(a->n_golden == b->n_golden && a->n_prepared == b->n_prepared && a->required_features == b->required_features);
  if (a->producer && *a->producer) SAME(strcmp(a->producer, b->producer) == 0);
  for (uint32_t i = 0; i < a->n_golden; ++i) {
    const ei_golden *const x = &a->golden[i], *const y = &b->golden[i];
    SAME(strcmp(x->name, y->name) == 0 && x->entry == y->entry && x->n_inputs == y->n_inputs &&
         x->n_outputs == y->n_outputs);
    SAME(same_bytes(&x->abs_tolerance, &y->abs_tolerance, 4) && same_bytes(&x->rel_tolerance, &y->rel_tolerance, 4));
    SAME(same_values(x->inputs, y->inputs, x->n_inputs) && same_values(x->outputs, y->outputs, x->n_outputs));
  }
  for (uint32_t i = 0; i < a->n_prepared; ++i) {
    const ei_prepared *const x = &a->prepared[i], *const y = &b->prepared[i];
    SAME(strcmp(x->target, y->target) == 0 && x->key_bytes == y->key_bytes && x->bytes == y->bytes);
    SAME(same_bytes(x->key, y->key, x->key_bytes) && same_bytes(x->data, y->data, x->bytes));
  }
  return true;
}

bool et_graph_equal(const ei_graph *a, const ei_graph *b) {
  SAME(a->n_subgraphs == b->n_subgraphs && a->n_symbols == b->n_symbols && a->n_states == b->n_states);
  SAME(a->n_entries == b->n_entries && a->n_metadata == b->n_metadata);
  for (uint32_t i = 0; i < a->n_subgraphs; ++i) SAME(same_subgraph(&a->subgraphs[i], &b->subgraphs[i]));
  for (uint32_t i = 0; i < a->n_symbols; ++i)
    SAME(strcmp(a->symbols[i].name, b->symbols[i].name) == 0 && a->symbols[i].lo == b->symbols[i].lo &&
         a->symbols[i].hi == b->symbols[i].hi);
  for (uint32_t i = 0; i < a->n_states; ++i) {
    const ei_state *const x = &a->states[i], *const y = &b->states[i];
    SAME(strcmp(x->name, y->name) == 0 && x->dtype == y->dtype && x->rank == y->rank && x->init_bytes == y->init_bytes);
    for (int32_t d = 0; d < x->rank; ++d) SAME(x->dims[d] == y->dims[d]);
    SAME((x->init == NULL) == (y->init == NULL) && same_bytes(x->init, y->init, x->init_bytes));
  }
  for (uint32_t i = 0; i < a->n_entries; ++i)
    SAME(strcmp(a->entries[i].name, b->entries[i].name) == 0 && a->entries[i].subgraph == b->entries[i].subgraph);
  for (uint32_t i = 0; i < a->n_metadata; ++i) {
    SAME(strcmp(a->metadata[i].key, b->metadata[i].key) == 0 && a->metadata[i].bytes == b->metadata[i].bytes);
    SAME(same_bytes(a->metadata[i].value, b->metadata[i].value, a->metadata[i].bytes));
  }
  return same_extras(a, b);
}
