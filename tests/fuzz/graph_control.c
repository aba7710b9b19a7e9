/* SPDX-License-Identifier: Apache-2.0
 * Control operators over small bodies. */
#include "graph_node.h"

typedef struct shape {
  int32_t rank;
  int64_t dims[2];
} shape;

static uint32_t tensor(ei_graph *g, uint32_t sg, int32_t dtype, shape s) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = "c";
  t.dtype = dtype;
  t.rank = s.rank;
  memcpy(t.dims, s.dims, sizeof s.dims);
  const uint32_t id = ei_graph_add_tensor(g, sg, &t);
  CHECK(id != EI_NONE);
  return id;
}

/* An input of the entry with a value. */
static uint32_t input(et_gen *g, int32_t dtype, shape s, double value, bool vary, bool fixed) {
  const uint32_t id = tensor(g->made->g, 0, dtype, s);
  edge_tensor *const v = &g->made->value[id];
  CHECK(id < ET_GEN_TENSORS);
  ei_op_set_shape(v, dtype, s.rank, s.dims);
  CHECK(ei_tensor_bytes(dtype, 0, s.dims, s.rank, &v->bytes));
  v->data = ei_arena_get(g->arena, v->bytes + 1, 64);
  CHECK(v->data);
  for (uint64_t i = 0; i < ei_op_elements(v); ++i)
    ei_store_f64(v, i, value + (vary ? (double)et_draw(g, 64) / 16.0 : 0.0));
  if (fixed) {
    g->made->g->subgraphs[0].tensors[id].data = v->data;
    g->made->g->subgraphs[0].tensors[id].data_bytes = v->bytes;
  }
  return id;
}

static uint32_t constant(ei_graph *g, uint32_t sg, float v) {
  const uint32_t id = ei_graph_add_const(g, sg, "k", EDGE_DTYPE_F32, NULL, 0, &v);
  CHECK(id != EI_NONE);
  return id;
}

static void node(ei_graph *g, uint32_t sg, const char *op, uint32_t a, uint32_t b, uint32_t y) {
  const uint32_t in[] = { a, b };
  CHECK(ei_graph_add_node(g, sg, op, op, in, b == EI_NONE ? 1 : 2, &y, 1));
}

/* x -> op(x, constant): one of a few operators that keep the shape. */
static uint32_t body(et_gen *g, shape s) {
  static const char *const two[] = { "Add", "Mul", "Sub", "Max", "Min" };
  static const char *const one[] = { "Relu", "Tanh", "Neg", "Abs", "Identity", "Square" };
  ei_graph *const graph = g->made->g;
  const uint32_t sg = ei_graph_add_subgraph(graph, "body");
  CHECK(sg != EI_NONE);
  const uint32_t x = tensor(graph, sg, EDGE_DTYPE_F32, s), y = tensor(graph, sg, EDGE_DTYPE_F32, s);
  if (et_draw(g, 2))
    node(graph, sg, two[et_draw(g, EI_COUNT(two))], x, constant(graph, sg, (float)et_draw(g, 9) / 4.0f - 1.0f), y);
  else
    node(graph, sg, one[et_draw(g, EI_COUNT(one))], x, EI_NONE, y);
  CHECK_OK(ei_subgraph_set_io(graph, sg, &x, 1, &y, 1));
  return sg;
}

/* While: all(x < limit), and a body that adds. */
static void while_bodies(et_gen *g, shape s, uint32_t *cond, uint32_t *next) {
  ei_graph *const graph = g->made->g;
  *cond = ei_graph_add_subgraph(graph, "cond");
  *next = ei_graph_add_subgraph(graph, "next");
  CHECK(*cond != EI_NONE && *next != EI_NONE);
  const uint32_t x = tensor(graph, *cond, EDGE_DTYPE_F32, s), less = tensor(graph, *cond, EDGE_DTYPE_BOOL, s);
  const uint32_t all = tensor(graph, *cond, EDGE_DTYPE_BOOL, (shape) { 0, { 0 } });
  node(graph, *cond, "Less", x, constant(graph, *cond, 8.0f), less);
  node(graph, *cond, "ReduceAll", less, EI_NONE, all);
  CHECK_OK(ei_node_set_int(graph, &graph->subgraphs[*cond].nodes[1], "keep_dims", 0));
  CHECK_OK(ei_subgraph_set_io(graph, *cond, &x, 1, &all, 1));
  const uint32_t a = tensor(graph, *next, EDGE_DTYPE_F32, s), b = tensor(graph, *next, EDGE_DTYPE_F32, s);
  node(graph, *next, "Add", a, constant(graph, *next, (float)et_draw(g, 8) / 4.0f), b); /* 0: the loop never ends */
  CHECK_OK(ei_subgraph_set_io(graph, *next, &a, 1, &b, 1));
}

/* Loop: iteration, condition, carried -> condition, carried, scanned. */
static uint32_t loop_body(et_gen *g, shape s) {
  ei_graph *const graph = g->made->g;
  const uint32_t sg = ei_graph_add_subgraph(graph, "step");
  CHECK(sg != EI_NONE);
  const uint32_t i = tensor(graph, sg, EDGE_DTYPE_S64, (shape) { 0, { 0 } });
  const uint32_t go = tensor(graph, sg, EDGE_DTYPE_BOOL, (shape) { 0, { 0 } });
  const uint32_t x = tensor(graph, sg, EDGE_DTYPE_F32, s), y = tensor(graph, sg, EDGE_DTYPE_F32, s);
  node(graph, sg, "Mul", x, constant(graph, sg, 0.5f), y);
  const uint32_t in[] = { i, go, x }, out[] = { go, y, y };
  CHECK_OK(ei_subgraph_set_io(graph, sg, in, 3, out, 3));
  return sg;
}

static uint32_t scan_body(et_gen *g, shape s) {
  ei_graph *const graph = g->made->g;
  const uint32_t sg = ei_graph_add_subgraph(graph, "slice");
  CHECK(sg != EI_NONE);
  s.rank--;
  s.dims[0] = s.dims[1];
  const uint32_t c = tensor(graph, sg, EDGE_DTYPE_F32, s), x = tensor(graph, sg, EDGE_DTYPE_F32, s);
  const uint32_t y = tensor(graph, sg, EDGE_DTYPE_F32, s);
  node(graph, sg, et_draw(g, 2) ? "Add" : "Max", c, x, y);
  const uint32_t in[] = { c, x }, out[] = { y, y };
  CHECK_OK(ei_subgraph_set_io(graph, sg, in, 2, out, 2));
  return sg;
}

static const shape scalar = { 0, { 0 } };

bool et_add_control(et_gen *g, const ei_op_def *op) {
  ei_graph *const graph = g->made->g;
  const shape s = { 2, { (int64_t)et_draw(g, 6), (int64_t)et_draw(g, 9) } };
  uint32_t in[3], out[2], n_in = 0, n_out = 1, a = 0, b = 0;
  const bool is_loop = strcmp(op->name, "Loop") == 0, is_scan = strcmp(op->name, "Scan") == 0;
  const bool is_while = strcmp(op->name, "While") == 0, is_if = strcmp(op->name, "If") == 0;
  if (strcmp(op->name, "CallOnce") == 0) return false; /* its body only writes state: tests/ops and e2e/state */
  if (is_if) in[n_in++] = input(g, EDGE_DTYPE_BOOL, scalar, (double)et_draw(g, 2), false, et_draw(g, 3) == 0);
  if (is_loop) {
    const double trips[] = { 0, 1, 3, 17, -1, 1e18 };
    in[n_in++] = input(g, EDGE_DTYPE_S64, scalar, trips[et_draw(g, EI_COUNT(trips))], false, et_draw(g, 2));
    in[n_in++] = input(g, EDGE_DTYPE_BOOL, scalar, et_draw(g, 4) > 0, false, et_draw(g, 2));
  }
  if (is_scan) in[n_in++] = input(g, EDGE_DTYPE_F32, (shape) { 1, { s.dims[1] } }, -1.0, true, false);
  in[n_in++] = input(g, EDGE_DTYPE_F32, s, -2.0, true, false);
  out[0] = tensor(graph, 0, EDGE_DTYPE_F32, is_scan ? (shape) { 1, { s.dims[1] } } : s);
  if (is_loop || is_scan) {
    ei_tensor t = graph->subgraphs[0].tensors[out[0]];
    t.name = "scanned";
    t.rank = EI_RANK_UNKNOWN;
    memset(t.dims, 0, sizeof t.dims);
    out[n_out++] = ei_graph_add_tensor(graph, 0, &t);
  }
  if (is_while)
    while_bodies(g, s, &a, &b);
  else
    a = is_loop ? loop_body(g, s) : is_scan ? scan_body(g, s) : body(g, s);
  if (is_if) b = body(g, s);
  ei_node *const n = ei_graph_add_node(graph, 0, op->name, "n0", in, n_in, out, n_out);
  CHECK(n);
  CHECK_OK(ei_node_set_int(graph, n, is_if ? "then" : is_while ? "cond" : "body", a));
  if (is_if || is_while) CHECK_OK(ei_node_set_int(graph, n, is_if ? "else" : "body", b));
  if (is_loop || is_scan) CHECK_OK(ei_node_set_int(graph, n, "num_carried", 1));
  if (is_scan) CHECK_OK(ei_node_set_int(graph, n, "num_scan", 1));
  ei_tensor_view(&graph->subgraphs[0].tensors[out[0]], &g->view[out[0]]);
  g->live[g->n_live++] = out[0];
  g->made->op[g->made->n_ops++] = op;
  return true;
}
