/* SPDX-License-Identifier: Apache-2.0
 * Sample graphs that together use every feature of the format. */
#include "format_test.h"

typedef struct shape {
  int32_t rank;
  int64_t dims[EDGE_MAX_RANK];
} shape;
#define SHAPE(...) ((shape) { (int32_t)(sizeof((int64_t[]) { __VA_ARGS__ }) / sizeof(int64_t)), { __VA_ARGS__ } })

static uint32_t tensor(ei_graph *g, uint32_t sg, const char *name, int32_t dtype, shape s) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.dtype = dtype;
  t.rank = s.rank;
  memcpy(t.dims, s.dims, sizeof t.dims);
  const uint32_t index = ei_graph_add_tensor(g, sg, &t);
  CHECK(index != EI_NONE);
  return index;
}

static uint32_t constant(ei_graph *g, uint32_t sg, const char *name, int32_t dtype, shape s) {
  uint64_t bytes;
  CHECK(ei_tensor_bytes(dtype, 0, s.dims, s.rank, &bytes));
  uint8_t *const data = malloc(bytes + 1);
  CHECK(data);
  for (uint64_t i = 0; i < bytes; ++i) data[i] = dtype == EDGE_DTYPE_BOOL ? (uint8_t)(i & 1) : (uint8_t)(i * 37 + 11);
  const uint32_t index = ei_graph_add_const(g, sg, name, dtype, s.dims, s.rank, data);
  CHECK(index != EI_NONE);
  free(data);
  return index;
}

static void quantize(ei_graph *g, uint32_t sg, uint32_t t, uint32_t count, int32_t axis, uint32_t block, bool zeros) {
  float *const scales = ei_arena_array(g->arena, count, sizeof *scales, 4);
  int32_t *const zero_points = ei_arena_array(g->arena, count, sizeof *zero_points, 4);
  CHECK(scales && zero_points);
  for (uint32_t i = 0; i < count; ++i) {
    scales[i] = 0.03125f * (float)(i + 1);
    zero_points[i] = (int32_t)(i % 7) - 3;
  }
  g->subgraphs[sg].tensors[t].quant = (edge_quant) { scales, zeros ? zero_points : NULL, count, axis, block, 0 };
}

static ei_node *node(ei_graph *g, uint32_t sg, const char *op, const char *name, const uint32_t *in, uint32_t n_in,
                     const uint32_t *out, uint32_t n_out) {
  ei_node *const n = ei_graph_add_node(g, sg, op, name, in, n_in, out, n_out);
  if (!n) fprintf(stderr, "cannot add %s\n", op);
  CHECK(n);
  return n;
}
#define NODE(g, sg, op, name, in, out) node(g, sg, op, name, in, (uint32_t)EI_COUNT(in), out, (uint32_t)EI_COUNT(out))

static void border(ei_graph *g, uint32_t sg, uint32_t in, uint32_t out) {
  CHECK_OK(ei_subgraph_set_io(g, sg, &in, 1, &out, 1));
}

static ei_graph *start(ei_arena *arena, const char *name, uint32_t *sg) {
  ei_graph *const g = ei_graph_new(arena);
  CHECK(g);
  *sg = ei_graph_add_subgraph(g, name);
  CHECK(*sg == 0);
  CHECK_OK(ei_graph_add_entry(g, "main", 0));
  return g;
}

/* f32 classifier with a segment of weights, labels and a golden vector. */
static ei_graph *dense(ei_arena *arena) {
  uint32_t sg;
  ei_graph *const g = start(arena, "dense", &sg);
  const uint32_t x = tensor(g, sg, "x", EDGE_DTYPE_F32, SHAPE(1, 40)),
                 w = constant(g, sg, "w", EDGE_DTYPE_F32, SHAPE(4, 40));
  const uint32_t b = constant(g, sg, "b", EDGE_DTYPE_F32, SHAPE(4)),
                 h = tensor(g, sg, "h", EDGE_DTYPE_F32, SHAPE(1, 4));
  const uint32_t y = tensor(g, sg, "probability", EDGE_DTYPE_F32, SHAPE(1, 4));
  const uint32_t in[] = { x, w, b }, mid[] = { h }, out[] = { y };
  ei_node *n = NODE(g, sg, "FullyConnected", "fc", in, mid);
  CHECK_OK(ei_node_set_int(g, n, "act", 1));
  n = NODE(g, sg, "Softmax", "softmax", mid, out);
  CHECK_OK(ei_node_set_int(g, n, "axis", -1));
  CHECK_OK(ei_node_set_float(g, n, "beta", 0.5));
  border(g, sg, x, y);
  CHECK_OK(ei_graph_add_metadata(g, "labels", "cat\ndog\nbird\nfish", 17));
  CHECK_OK(ei_graph_add_metadata(g, "empty", "", 0));
  ei_golden *const golden = EI_NEW_ARRAY(arena, ei_golden, 1);
  ei_golden_value *const values = EI_NEW_ARRAY(arena, ei_golden_value, 2);
  float *const data = EI_NEW_ARRAY(arena, float, 44);
  CHECK(golden && values && data);
  for (uint32_t i = 0; i < 44; ++i) data[i] = (float)i * 0.25f;
  values[0] = (ei_golden_value) { EDGE_DTYPE_F32, 2, { 1, 40 }, data, 160 };
  values[1] = (ei_golden_value) { EDGE_DTYPE_F32, 2, { 1, 4 }, data + 40, 16 };
  golden[0] = (ei_golden) { "ramp", 0, 1, 1, 1e-5f, 0.001f, values, values + 1 };
  g->golden = golden;
  g->n_golden = 1;
  return g;
}

/* int8 convolution: per-tensor, per-axis and block quantization, every kind of attribute. */
static ei_graph *conv_int8(ei_arena *arena) {
  uint32_t sg;
  ei_graph *const g = start(arena, "conv", &sg);
  const uint32_t x = tensor(g, sg, "image", EDGE_DTYPE_S8, SHAPE(1, 8, 8, 4)),
                 w = constant(g, sg, "filter", EDGE_DTYPE_S8, SHAPE(8, 3, 3, 4));
  const uint32_t b = constant(g, sg, "bias", EDGE_DTYPE_S32, SHAPE(8)),
                 c = tensor(g, sg, "conv", EDGE_DTYPE_S8, SHAPE(1, 4, 4, 8));
  const uint32_t p = tensor(g, sg, "pooled", EDGE_DTYPE_S8, SHAPE(1, 1, 1, 8)),
                 w4 = constant(g, sg, "w4", EDGE_DTYPE_S4, SHAPE(6, 8));
  const uint32_t y = tensor(g, sg, "logits", EDGE_DTYPE_S8, SHAPE(1, 1, 1, 6));
  quantize(g, sg, x, 1, 0, 0, true);
  quantize(g, sg, w, 8, 0, 0, false);
  quantize(g, sg, b, 8, 0, 0, false);
  quantize(g, sg, c, 1, 0, 0, true);
  quantize(g, sg, p, 1, 0, 0, true);
  quantize(g, sg, w4, 12, 1, 4, true);
  quantize(g, sg, y, 1, 0, 0, true);
  const uint32_t in[] = { x, w, b }, conv_out[] = { c }, pool_out[] = { p }, fc_in[] = { p, w4, EI_NONE },
                 out[] = { y };
  const int64_t two[] = { 2, 2 }, one[] = { 1, 1 }, pads[] = { 1, 1, 1, 1 }, four[] = { 4, 4 };
  const double curve[] = { 0.25, -1.5, 1e30 };
  ei_node *n = NODE(g, sg, "Conv", "conv1", in, conv_out);
  CHECK_OK(ei_node_set_ints(g, n, "strides", two, 2));
  CHECK_OK(ei_node_set_ints(g, n, "dilations", one, 2));
  CHECK_OK(ei_node_set_ints(g, n, "pads", pads, 4));
  CHECK_OK(ei_node_set_ints(g, n, "note_empty", NULL, 0));
  CHECK_OK(ei_node_set_int(g, n, "act", 2));
  CHECK_OK(ei_node_set_string(g, n, "note_origin", "layer \xc3\xa9"));
  CHECK_OK(ei_node_set_floats(g, n, "note_curve", curve, 3));
  n = NODE(g, sg, "AveragePool", "pool", conv_out, pool_out);
  CHECK_OK(ei_node_set_ints(g, n, "kernel", four, 2));
  NODE(g, sg, "FullyConnected", "fc", fc_in, out);
  border(g, sg, x, y);
  return g;
}

/* Named, bounded and open dimensions; unknown rank. */
static ei_graph *symbols(ei_arena *arena) {
  uint32_t sg;
  ei_graph *const g = start(arena, "symbols", &sg);
  const uint32_t batch = ei_graph_add_symbol(g, "batch", 1, 16), frames = ei_graph_add_symbol(g, "frames", 0, -1);
  const uint32_t x = tensor(g, sg, "x", EDGE_DTYPE_F32, SHAPE(-1, -1, 8)),
                 h = tensor(g, sg, "h", EDGE_DTYPE_F32, SHAPE(-1, -1, -1));
  const uint32_t y = tensor(g, sg, "y", EDGE_DTYPE_F32, SHAPE(0));
  ei_tensor *const t = g->subgraphs[sg].tensors;
  t[x].symbols[0] = batch + 1;
  t[x].symbols[1] = frames + 1;
  t[h].symbols[0] = batch + 1;
  t[y].rank = EI_RANK_UNKNOWN;
  t[y].dims[0] = 0;
  const uint32_t in[] = { x }, mid[] = { h }, out[] = { y };
  NODE(g, sg, "Softmax", "a", in, mid);
  NODE(g, sg, "LogSoftmax", "b", mid, out);
  border(g, sg, x, y);
  g->producer = "a converter 1.0";
  return g;
}

/* A streaming model: two states, two entries. */
static ei_graph *state(ei_arena *arena) {
  uint32_t sg;
  ei_graph *const g = start(arena, "step", &sg);
  static const float init[24] = { 1.0f, -2.0f, 0.5f };
  const ei_state states[] = { { "memory", EDGE_DTYPE_F32, 2, { 3, 8 }, init, sizeof init },
                              { "count", EDGE_DTYPE_S32, 1, { 1 }, NULL, 0 } };
  CHECK(ei_graph_add_state(g, &states[0]) == 0 && ei_graph_add_state(g, &states[1]) == 1);
  const uint32_t x = tensor(g, sg, "x", EDGE_DTYPE_F32, SHAPE(3, 8)),
                 m = tensor(g, sg, "memory", EDGE_DTYPE_F32, SHAPE(3, 8));
  const uint32_t old = tensor(g, sg, "old", EDGE_DTYPE_F32, SHAPE(3, 8)),
                 y = tensor(g, sg, "y", EDGE_DTYPE_F32, SHAPE(3, 8));
  g->subgraphs[sg].tensors[m].state = 1;
  const uint32_t read_in[] = { m }, read_out[] = { old }, add_in[] = { x, old }, add_out[] = { y }, assign[] = { m, y };
  NODE(g, sg, "ReadState", "read", read_in, read_out);
  NODE(g, sg, "Add", "add", add_in, add_out);
  node(g, sg, "AssignState", "write", assign, 2, NULL, 0);
  border(g, sg, x, y);
  const uint32_t other = ei_graph_add_subgraph(g, "count");
  const uint32_t c = tensor(g, other, "count", EDGE_DTYPE_S32, SHAPE(1)),
                 d = tensor(g, other, "value", EDGE_DTYPE_S32, SHAPE(1));
  g->subgraphs[other].tensors[c].state = 2;
  const uint32_t count_in[] = { c }, count_out[] = { d };
  NODE(g, other, "ReadState", "get", count_in, count_out);
  CHECK_OK(ei_subgraph_set_io(g, other, NULL, 0, count_out, 1));
  CHECK_OK(ei_graph_add_entry(g, "peek", other));
  return g;
}

static uint32_t branch(ei_graph *g, const char *name, const char *op) {
  const uint32_t sg = ei_graph_add_subgraph(g, name);
  const uint32_t in[] = { tensor(g, sg, "in", EDGE_DTYPE_F32, SHAPE(2, 3)) },
                 out[] = { tensor(g, sg, "out", EDGE_DTYPE_F32, SHAPE(2, 3)) };
  NODE(g, sg, op, "body", in, out);
  border(g, sg, in[0], out[0]);
  return sg;
}

/* If over two subgraphs, and a Call from inside one of them. */
static ei_graph *control(ei_arena *arena) {
  uint32_t sg;
  ei_graph *const g = start(arena, "control", &sg);
  const uint32_t flag = constant(g, sg, "flag", EDGE_DTYPE_BOOL, SHAPE(1)),
                 x = tensor(g, sg, "x", EDGE_DTYPE_F32, SHAPE(2, 3));
  const uint32_t y = tensor(g, sg, "y", EDGE_DTYPE_F32, SHAPE(2, 3)), in[] = { flag, x }, out[] = { y };
  ei_node *n = NODE(g, sg, "If", "choose", in, out);
  CHECK_OK(ei_node_set_int(g, n, "then", 1));
  CHECK_OK(ei_node_set_int(g, n, "else", 2));
  border(g, sg, x, y);
  branch(g, "yes", "Softmax");
  const uint32_t no = ei_graph_add_subgraph(g, "no");
  const uint32_t a[] = { tensor(g, no, "in", EDGE_DTYPE_F32, SHAPE(2, 3)) },
                 b[] = { tensor(g, no, "out", EDGE_DTYPE_F32, SHAPE(2, 3)) };
  n = NODE(g, no, "Call", "call", a, b);
  CHECK_OK(ei_node_set_int(g, n, "body", 3));
  border(g, no, a[0], b[0]);
  branch(g, "callee", "LogSoftmax");
  return g;
}

/* Everything small around the graph: empty and shared constants, large quantization, prepared blobs, many types. */
static ei_graph *extras(ei_arena *arena) {
  uint32_t sg;
  ei_graph *const g = start(arena, "", &sg);
  const uint32_t x = tensor(g, sg, "", EDGE_DTYPE_F32, SHAPE(2, 3)),
                 y = tensor(g, sg, "y", EDGE_DTYPE_F32, SHAPE(2, 3));
  const uint32_t in[] = { x }, out[] = { y };
  NODE(g, sg, "Softmax", "", in, out);
  border(g, sg, x, y);
  for (int32_t dtype = EDGE_DTYPE_F32; dtype < EDGE_DTYPE_COUNT; ++dtype)
    constant(g, sg, edge_dtype_name(dtype), dtype, SHAPE(3, 7));
  constant(g, sg, "no elements", EDGE_DTYPE_F32, SHAPE(4, 0));
  ei_tensor scalar;
  memset(&scalar, 0, sizeof scalar);
  scalar.name = "scalar";
  scalar.dtype = EDGE_DTYPE_S64;
  static const int64_t answer = -42;
  scalar.data = &answer;
  scalar.data_bytes = 8;
  CHECK(ei_graph_add_tensor(g, sg, &scalar) != EI_NONE);
  const uint32_t shared = constant(g, sg, "shared", EDGE_DTYPE_U8, SHAPE(100));
  ei_tensor again = g->subgraphs[sg].tensors[shared];
  again.name = "shared again";
  CHECK(ei_graph_add_tensor(g, sg, &again) != EI_NONE);
  const uint32_t wide = constant(g, sg, "wide", EDGE_DTYPE_S8, SHAPE(1100, 2));
  quantize(g, sg, wide, 1100, 0, 0, true);
  uint8_t *const bytes = ei_arena_get(arena, 1500, 64);
  CHECK(bytes);
  memset(bytes, 'm', 1500);
  CHECK_OK(ei_graph_add_metadata(g, "long", bytes, 1500));
  ei_prepared *const p = EI_NEW_ARRAY(arena, ei_prepared, 2);
  CHECK(p);
  p[0] = (ei_prepared) { "cpu avx2 1", "0123456789abcdef", 16, bytes, 200 };
  p[1] = (ei_prepared) { "cpu neon 1", "x", 1, bytes, 3 };
  g->prepared = p;
  g->n_prepared = 2;
  return g;
}

/* While over a number, and a Loop inside its body. */
static ei_graph *loops(ei_arena *arena) {
  uint32_t sg;
  ei_graph *const g = start(arena, "loops", &sg);
  const uint32_t x[] = { tensor(g, sg, "x", EDGE_DTYPE_F32, SHAPE(2)) };
  const uint32_t y[] = { tensor(g, sg, "y", EDGE_DTYPE_F32, SHAPE(2)) };
  ei_node *n = NODE(g, sg, "While", "repeat", x, y);
  CHECK_OK(ei_node_set_int(g, n, "cond", 1));
  CHECK_OK(ei_node_set_int(g, n, "body", 2));
  border(g, sg, x[0], y[0]);
  const uint32_t cond = ei_graph_add_subgraph(g, "cond");
  const uint32_t a = tensor(g, cond, "a", EDGE_DTYPE_F32, SHAPE(2));
  const uint32_t limit = constant(g, cond, "limit", EDGE_DTYPE_F32, SHAPE(2));
  const uint32_t less_in[] = { a, limit }, less_out[] = { tensor(g, cond, "less", EDGE_DTYPE_BOOL, SHAPE(2)) };
  NODE(g, cond, "Less", "less", less_in, less_out);
  const uint32_t all[] = { tensor(g, cond, "go on", EDGE_DTYPE_BOOL, SHAPE(1)) };
  n = NODE(g, cond, "ReduceAll", "all", less_out, all);
  border(g, cond, a, all[0]);
  const uint32_t body = ei_graph_add_subgraph(g, "body");
  const uint32_t b = tensor(g, body, "b", EDGE_DTYPE_F32, SHAPE(2)), r = tensor(g, body, "r", EDGE_DTYPE_F32, SHAPE(2));
  const uint32_t trips = constant(g, body, "trips", EDGE_DTYPE_S64, SHAPE(1));
  const uint32_t scan = tensor(g, body, "scan", EDGE_DTYPE_F32, SHAPE(-1, 2));
  const uint32_t loop_in[] = { trips, EI_NONE, b }, loop_out[] = { r, scan };
  n = NODE(g, body, "Loop", "inner", loop_in, loop_out);
  CHECK_OK(ei_node_set_int(g, n, "body", 3));
  CHECK_OK(ei_node_set_int(g, n, "num_carried", 1));
  border(g, body, b, r);
  const uint32_t step = ei_graph_add_subgraph(g, "step");
  const uint32_t i = tensor(g, step, "i", EDGE_DTYPE_S64, SHAPE(1));
  const uint32_t go = tensor(g, step, "go", EDGE_DTYPE_BOOL, SHAPE(1));
  g->subgraphs[step].tensors[i].rank = g->subgraphs[step].tensors[go].rank = 0; /* scalars */
  const uint32_t in[] = { tensor(g, step, "in", EDGE_DTYPE_F32, SHAPE(2)) };
  const uint32_t out[] = { tensor(g, step, "out", EDGE_DTYPE_F32, SHAPE(2)) };
  NODE(g, step, "Relu", "relu", in, out);
  const uint32_t inputs[] = { i, go, in[0] }, outputs[] = { go, out[0], out[0] };
  CHECK_OK(ei_subgraph_set_io(g, step, inputs, 3, outputs, 3));
  return g;
}

/* No node at all: an input that is an output. */
static ei_graph *identity(ei_arena *arena) {
  uint32_t sg;
  ei_graph *const g = start(arena, "identity", &sg);
  const uint32_t x = tensor(g, sg, "x", EDGE_DTYPE_U8, SHAPE(5));
  border(g, sg, x, x);
  return g;
}

/* Absent inputs between present ones, absent outputs, several outputs. */
static ei_graph *optional(ei_arena *arena) {
  uint32_t sg;
  ei_graph *const g = start(arena, "optional", &sg);
  const uint32_t x = tensor(g, sg, "x", EDGE_DTYPE_F32, SHAPE(4, 1, 2));
  const uint32_t w = constant(g, sg, "w", EDGE_DTYPE_F32, SHAPE(1, 12, 2)),
                 r = constant(g, sg, "r", EDGE_DTYPE_F32, SHAPE(1, 12, 3));
  const uint32_t h0 = tensor(g, sg, "h0", EDGE_DTYPE_F32, SHAPE(1, 1, 3)),
                 y = tensor(g, sg, "y", EDGE_DTYPE_F32, SHAPE(4, 1, 1, 3));
  const uint32_t c = tensor(g, sg, "c", EDGE_DTYPE_F32, SHAPE(1, 1, 3));
  const uint32_t in[] = { x, w, r, EI_NONE, EI_NONE, h0 }, out[] = { y, EI_NONE, c };
  ei_node *const n = NODE(g, sg, "Lstm", "lstm", in, out);
  CHECK_OK(ei_node_set_int(g, n, "hidden", 3));
  CHECK_OK(ei_node_set_float(g, n, "clip", 8.0));
  const uint32_t inputs[] = { x, h0 }, outputs[] = { y, c };
  CHECK_OK(ei_subgraph_set_io(g, sg, inputs, 2, outputs, 2));
  return g;
}

/* A chain of 40 nodes that share names, keys and one constant. */
static ei_graph *chain(ei_arena *arena) {
  uint32_t sg;
  ei_graph *const g = start(arena, "chain", &sg);
  const uint32_t first = tensor(g, sg, "t", EDGE_DTYPE_F32, SHAPE(3, 4));
  const uint32_t one = constant(g, sg, "one", EDGE_DTYPE_F32, SHAPE(1));
  uint32_t last = first;
  for (uint32_t i = 0; i < 40; ++i) {
    const uint32_t in[] = { last, one }, out[] = { tensor(g, sg, "t", EDGE_DTYPE_F32, SHAPE(3, 4)) };
    ei_node *const n = NODE(g, sg, i % 2 ? "Mul" : "Add", "n", in, out);
    CHECK_OK(ei_node_set_int(g, n, "act", i % 4));
    last = out[0];
  }
  border(g, sg, first, last);
  return g;
}

const et_sample et_samples[] = {
  { "dense", "FullyConnected", dense },
  { "conv_int8", "Conv", conv_int8 },
  { "symbols", "Softmax", symbols },
  { "state", "AssignState", state },
  { "control", "If", control },
  { "extras", "Softmax", extras },
  { "loops", "Loop", loops },
  { "identity", "If", identity },
  { "optional", "Lstm", optional },
  { "chain", "Mul", chain },
  { NULL, NULL, NULL },
};
