/* SPDX-License-Identifier: Apache-2.0
 * One load of a fuzzed file with all its consequences. */
#include "fuzz_load.h"
#include "format_test.h"

static uint64_t touch(const void *p, uint64_t n) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < n; ++i) sum += ((const uint8_t *)p)[i];
  return sum;
}

static uint64_t touch_values(const ei_golden_value *v, uint32_t n) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < n; ++i) sum += touch(v[i].data, v[i].data_bytes);
  return sum;
}

static uint64_t touch_node(const ei_node *n) {
  uint64_t sum =
      touch(n->name, strlen(n->name)) + touch(n->in, 4 * (uint64_t)n->n_in) + touch(n->out, 4 * (uint64_t)n->n_out);
  for (uint32_t i = 0; i < n->n_attr; ++i) {
    const ei_attr *const a = &n->attr[i];
    sum += strlen(a->key);
    if (a->kind == EI_ATTR_STRING) sum += touch(a->u.s, (uint64_t)a->count + 1);
    if (a->kind >= EI_ATTR_INTS) sum += touch(a->u.ints, 8 * (uint64_t)a->count);
  }
  return sum;
}

/* Everything that the graph points at is there. */
static uint64_t touch_graph(const ei_graph *g) {
  uint64_t sum = strlen(g->producer);
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    const ei_subgraph *const sg = &g->subgraphs[s];
    for (uint32_t i = 0; i < sg->n_nodes; ++i) sum += touch_node(&sg->nodes[i]);
    for (uint32_t i = 0; i < sg->n_tensors; ++i) {
      const ei_tensor *const t = &sg->tensors[i];
      sum += strlen(t->name) + touch(t->data, t->data ? t->data_bytes : 0) +
             touch(t->quant.scales, 4 * (uint64_t)t->quant.count);
      if (t->quant.zero_points) sum += touch(t->quant.zero_points, 4 * (uint64_t)t->quant.count);
    }
  }
  for (uint32_t i = 0; i < g->n_states; ++i)
    sum += touch(g->states[i].init, g->states[i].init ? g->states[i].init_bytes : 0);
  for (uint32_t i = 0; i < g->n_metadata; ++i) sum += touch(g->metadata[i].value, g->metadata[i].bytes);
  for (uint32_t i = 0; i < g->n_prepared; ++i)
    sum += touch(g->prepared[i].key, g->prepared[i].key_bytes) + touch(g->prepared[i].data, g->prepared[i].bytes);
  for (uint32_t i = 0; i < g->n_golden; ++i)
    sum += touch_values(g->golden[i].inputs, g->golden[i].n_inputs) +
           touch_values(g->golden[i].outputs, g->golden[i].n_outputs);
  return sum;
}

/* An accepted graph can be written, and what is written is accepted and equal. */
static void write_again(const ei_graph *g) {
  et_memory *const m = et_memory_new(0);
  const void *metadata;
  uint64_t bytes;
  edge_segment *segments;
  uint32_t count;
  ei_graph *back = NULL;
  CHECK_OK(ei_format_write(g, &m->arena, &metadata, &bytes, &segments, &count, err));
  const ei_format_source src = { metadata, bytes, segments, count };
  CHECK_OK(ei_format_read(&src, NULL, &m->arena, &back, err));
  CHECK(et_graph_equal(g, back));
  et_memory_free(m);
}

bool et_fuzz_load(const uint8_t *p, uint64_t n) {
  const uint64_t metadata = n >= 4 && (uint64_t)ei_get_u32(p) + 4 < n ? (uint64_t)ei_get_u32(p) + 4 : n;
  et_memory *const m = et_memory_new(65536 + 16 * metadata);
  const edge_segment segment = { p, n, 0 };
  const ei_format_source src = { p, n, &segment, 1 };
  edge_error error = EDGE_ERROR_INIT;
  ei_graph *g = NULL;
  const edge_status status = ei_format_read(&src, NULL, &m->arena, &g, &error);
  if (status == EDGE_STATUS_OK) {
    if (touch_graph(g) == UINT64_MAX) printf("all ones\n"); /* the sum is used: reading is not optimised away */
    write_again(g);
  } else {
    CHECK(g == NULL && error.status == status && error.text[0] != '\0');
    CHECK(memchr(error.text, 0, sizeof error.text) != NULL);
    CHECK(status != EDGE_STATUS_OUT_OF_MEMORY && status != EDGE_STATUS_INTERNAL); /* the promise on memory holds */
  }
  et_memory_free(m);
  return status == EDGE_STATUS_OK;
}
