/* SPDX-License-Identifier: Apache-2.0
 * Small graphs for pass tests. */
#include "passes_graph.h"
#include "src/format/format.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int et_failures;

void et_fail(const char *file, int line, const char *text) {
  fprintf(stderr, "%s:%d: %s\n", file, line, text);
  et_failures++;
}

static uint32_t draw(et_graph *t) {
  t->seed = t->seed * 1664525u + 1013904223u;
  return t->seed >> 8;
}

static float uniform(et_graph *t, float limit) {
  return ((float)(draw(t) & 0xffff) / 32768.0f - 1.0f) * limit;
}

void et_begin(et_graph *t) {
  memset(t, 0, sizeof *t);
  t->seed = 7;
  if (ei_alloc_create(NULL, 0, &t->alloc) != EDGE_STATUS_OK) exit(1);
  ei_arena_init(&t->arena, t->alloc);
  t->g = ei_graph_new(&t->arena);
  if (!t->g || ei_graph_add_subgraph(t->g, "main") == EI_NONE || ei_graph_add_entry(t->g, "main", 0) != EDGE_STATUS_OK)
    exit(1);
}

void et_end(et_graph *t) {
  ei_arena_free(&t->arena);
  ei_alloc_destroy(t->alloc);
}

static uint32_t add(et_graph *t, int32_t dtype, int32_t rank, const int64_t *dims, const void *data) {
  char name[32];
  ei_tensor n;
  memset(&n, 0, sizeof n);
  snprintf(name, sizeof name, "t%u", (unsigned)t->g->subgraphs[0].n_tensors);
  n.name = name;
  n.dtype = dtype;
  n.rank = rank;
  for (int32_t i = 0; i < rank; ++i) n.dims[i] = dims[i];
  n.data = data;
  if (data && !ei_tensor_bytes(dtype, 0, n.dims, rank, &n.data_bytes)) exit(1);
  return ei_graph_add_tensor(t->g, 0, &n);
}

uint32_t et_input(et_graph *t, int32_t dtype, int32_t rank, const int64_t *dims) {
  return t->inputs[t->n_inputs++] = add(t, dtype, rank, dims, NULL);
}

static uint64_t count_of(int32_t rank, const int64_t *dims) {
  uint64_t n = 1;
  for (int32_t i = 0; i < rank; ++i) n *= (uint64_t)dims[i];
  return n;
}

uint32_t et_const(et_graph *t, int32_t rank, const int64_t *dims, const float *values, uint32_t n_values) {
  const uint64_t n = count_of(rank, dims);
  float *const v = EI_NEW_ARRAY(&t->arena, float, n);
  if (!v) exit(1);
  for (uint64_t i = 0; i < n; ++i) v[i] = values ? values[i % n_values] : uniform(t, 1.0f);
  return add(t, EDGE_DTYPE_F32, rank, dims, v);
}

uint32_t et_scalar(et_graph *t, float v) {
  return et_const(t, 0, NULL, &v, 1);
}

uint32_t et_list(et_graph *t, const int64_t *v, uint32_t n) {
  const int64_t dims[1] = { n };
  int64_t *const copy = EI_NEW_ARRAY(&t->arena, int64_t, n + 1);
  if (!copy) exit(1);
  memcpy(copy, v, n * sizeof *v);
  return add(t, EDGE_DTYPE_S64, 1, dims, copy);
}

uint32_t et_ints(et_graph *t, int32_t dtype, int32_t rank, const int64_t *dims, int lo, int hi) {
  const uint64_t n = count_of(rank, dims);
  edge_tensor view;
  memset(&view, 0, sizeof view);
  view.dtype = dtype;
  view.data = ei_arena_get(&t->arena, n * 8, 64);
  if (!view.data) exit(1);
  for (uint64_t i = 0; i < n; ++i) ei_store_s64(&view, i, lo + (int)(draw(t) % (uint32_t)(hi - lo + 1)));
  return add(t, dtype, rank, dims, view.data);
}

uint32_t et_int_scalar(et_graph *t, int32_t dtype, int v) {
  return et_ints(t, dtype, 0, NULL, v, v);
}

uint32_t et_op(et_graph *t, const char *op, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  const uint32_t in[4] = { a, b, c, d };
  uint32_t n = 4, out;
  while (n > 0 && in[n - 1] == EI_NONE) n--;
  out = add(t, a == EI_NONE ? EDGE_DTYPE_F32 : t->g->subgraphs[0].tensors[a].dtype, EI_RANK_UNKNOWN, NULL, NULL);
  if (!ei_graph_add_node(t->g, 0, op, op, in, n, &out, 1)) {
    fprintf(stderr, "no operator %s\n", op);
    exit(1);
  }
  return out;
}

ei_node *et_last(et_graph *t) {
  return &t->g->subgraphs[0].nodes[t->g->subgraphs[0].n_nodes - 1];
}

void et_finish(et_graph *t, const uint32_t *outputs, uint32_t n) {
  edge_error err = EDGE_ERROR_INIT;
  if (ei_subgraph_set_io(t->g, 0, t->inputs, t->n_inputs, outputs, n) != EDGE_STATUS_OK) exit(1);
  if (ei_graph_infer(t->g, 0, &err) != EDGE_STATUS_OK || ei_graph_verify(t->g, &err) != EDGE_STATUS_OK) {
    fprintf(stderr, "the graph under test is wrong: %s\n", err.text);
    exit(1);
  }
}

uint32_t et_count(const et_graph *t, const char *op) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < t->g->subgraphs[0].n_nodes; ++i) {
    const ei_node *const node = &t->g->subgraphs[0].nodes[i];
    n += node->op && (!op || strcmp(node->op->name, op) == 0);
  }
  return n;
}

const ei_node *et_only(const et_graph *t, const char *op) {
  if (et_count(t, op) != 1) return NULL;
  for (uint32_t i = 0;; ++i)
    if (ei_is_op(&t->g->subgraphs[0].nodes[i], op)) return &t->g->subgraphs[0].nodes[i];
}

/* ---- evaluation: node by node, everything in one arena */

static void give_data(ei_arena *arena, edge_tensor *v) {
  if (edge_tensor_bytes(v, &v->bytes) != EDGE_STATUS_OK) exit(1);
  v->data = ei_arena_get(arena, v->bytes + 8, 64);
  if (!v->data) exit(1);
}

static void eval_node(ei_arena *arena, edge_tensor *views, const ei_node *n) {
  edge_tensor in[8], out[8];
  edge_error err = EDGE_ERROR_INIT;
  for (uint32_t k = 0; k < n->n_in; ++k) {
    memset(&in[k], 0, sizeof in[k]);
    if (n->in[k] != EI_NONE) in[k] = views[n->in[k]];
  }
  for (uint32_t k = 0; k < n->n_out; ++k) {
    memset(&out[k], 0, sizeof out[k]);
    if (n->out[k] != EI_NONE) out[k] = views[n->out[k]];
  }
  ei_op_ctx c = { .node = n, .in = in, .out = out, .n_in = n->n_in, .n_out = n->n_out, .err = &err };
  if (n->op->infer(&c) != EDGE_STATUS_OK) et_fail(n->op->name, 0, err.text);
  for (uint32_t k = 0; k < n->n_out; ++k)
    if (n->out[k] != EI_NONE) give_data(arena, &out[k]);
  const uint64_t scratch = ei_eval_scratch_bytes(n, in, n->n_in, out, n->n_out);
  void *const memory = ei_arena_get(arena, scratch + 1, 64);
  if (ei_eval_node(n, in, n->n_in, out, n->n_out, memory, scratch, &err) != EDGE_STATUS_OK)
    et_fail(n->op->name, 0, err.text);
  for (uint32_t k = 0; k < n->n_out; ++k)
    if (n->out[k] != EI_NONE) views[n->out[k]] = out[k];
}

void et_run(et_graph *t, et_values *out) {
  const ei_subgraph *const sg = &t->g->subgraphs[0];
  edge_tensor *const views = EI_NEW_ARRAY(&t->arena, edge_tensor, sg->n_tensors);
  if (!views) exit(1);
  for (uint32_t i = 0; i < sg->n_tensors; ++i) ei_tensor_view(&sg->tensors[i], &views[i]);
  t->seed = 99;
  for (uint32_t i = 0; i < sg->n_inputs; ++i) {
    edge_tensor *const v = &views[sg->inputs[i]];
    give_data(&t->arena, v);
    for (uint64_t k = 0; k < ei_op_elements(v); ++k) ei_store_f64(v, k, (double)uniform(t, 2.0f));
  }
  for (uint32_t i = 0; i < sg->n_nodes; ++i)
    if (sg->nodes[i].op) eval_node(&t->arena, views, &sg->nodes[i]);
  const edge_tensor *const y = &views[sg->outputs[0]];
  out->n = ei_op_elements(y);
  out->v = EI_NEW_ARRAY(&t->arena, float, out->n + 1);
  out->rank = y->rank;
  out->dtype = y->dtype;
  memcpy(out->dims, y->dims, sizeof out->dims);
  for (uint64_t k = 0; k < out->n; ++k) out->v[k] = ei_load_real(y, k);
}

void et_pass(et_graph *t, ei_pass_fn pass, float tolerance) {
  et_values before, after;
  edge_error err = EDGE_ERROR_INIT;
  et_run(t, &before);
  const char *const name = t->g->subgraphs[0].tensors[t->g->subgraphs[0].outputs[0]].name;
  if (pass(t->g, &err) != EDGE_STATUS_OK || ei_graph_compact(t->g) != EDGE_STATUS_OK ||
      ei_pass_dead_code(t->g, &err) != EDGE_STATUS_OK || ei_graph_compact(t->g) != EDGE_STATUS_OK ||
      ei_graph_infer(t->g, 0, &err) != EDGE_STATUS_OK || ei_graph_verify(t->g, &err) != EDGE_STATUS_OK)
    et_fail("pass", 0, err.text);
  ET_CHECK(strcmp(name, t->g->subgraphs[0].tensors[t->g->subgraphs[0].outputs[0]].name) == 0);
  et_run(t, &after);
  ET_CHECK(before.n == after.n && before.rank == after.rank && before.dtype == after.dtype);
  for (int32_t i = 0; i < before.rank; ++i) ET_CHECK(before.dims[i] == after.dims[i]);
  for (uint64_t k = 0; k < before.n && k < after.n; ++k) {
    if (fabsf(before.v[k] - after.v[k]) <= tolerance) continue;
    fprintf(stderr, "element %u: %g before, %g after\n", (unsigned)k, (double)before.v[k], (double)after.v[k]);
    et_fail("values differ", 0, name);
    break;
  }
}
