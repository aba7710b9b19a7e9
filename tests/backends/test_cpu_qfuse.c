/* SPDX-License-Identifier: Apache-2.0
 * What the CPU backend fuses behind 8-bit products gives what the reference operators give one by one, bit for bit:
 * activations, tables, gates and residuals behind dense, 1x1, depthwise and fully connected layers, random scales and
 * zero points, odd channel counts, one and several threads, under an ISA cap. */
#include "cpu_env.h"
#include "src/ops/op.h"
#include "src/format/format.h"
#include <edge/edge.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_VALUES = 32, ROUNDS = 6 };

static uint64_t state;
static uint32_t rnd(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}
static int64_t between(int64_t lo, int64_t hi) {
  return lo + (int64_t)(rnd() % (uint64_t)(hi - lo + 1));
}

/* what produces the value, what follows it */
enum { DENSE, POINT, DEPTHWISE, FULLY, WINOGRAD /* where the tier has it */, NUM_PRODUCERS };
enum {
  BARE,
  RESIDUAL_RIGHT,
  RESIDUAL_LEFT,
  TABLE,
  GATE_LEFT,
  GATE_RIGHT,
  GATE_TWICE, /* the second one has its own step */
  TABLE_RESIDUAL,
  GATE_RESIDUAL,
  KEPT_TABLE,    /* the product is an output, too */
  KEPT_RESIDUAL, /* the same */
  LATE_RESIDUAL, /* the other operand comes after the product */
  CHANNEL_ADD,   /* the other operand is a vector */
  SCALAR_CHAIN,  /* constants of one element, and tables */
  TWICE,         /* x + x */
  NUM_TAILS
};

typedef struct net {
  ei_graph *g;
  ei_arena *arena;
  void *data[MAX_VALUES]; /* of each value */
  uint32_t outputs[4], num_outputs;
  int32_t dtype;
} net;

static ei_tensor *tensor_of(const net *t, uint32_t value) {
  return &t->g->subgraphs[0].tensors[value];
}

static uint32_t add_value(net *t, int32_t dtype, int32_t rank, const int64_t *dims, uint32_t scales, float scale,
                          bool weights) {
  ei_tensor v;
  uint64_t bytes;
  memset(&v, 0, sizeof v);
  v.name = "v";
  v.dtype = dtype;
  v.rank = rank;
  memcpy(v.dims, dims, (size_t)rank * sizeof *dims);
  CHECK(ei_tensor_bytes(dtype, 0, dims, rank, &bytes));
  if (scales) {
    float *const s = ei_arena_array(t->arena, scales, sizeof *s, 64);
    int32_t *const z = ei_arena_array(t->arena, scales, sizeof *z, 64);
    CHECK(s && z);
    for (uint32_t i = 0; i < scales; ++i) {
      s[i] = scale * (0.5f + (float)(rnd() % 1000) / 1000.0f);
      z[i] = weights ? 0 : (int32_t)between(0, 255) - (dtype == EDGE_DTYPE_S8 ? 128 : 0);
    }
    v.quant = (edge_quant) { s, z, scales, 0, 0, 0 };
  }
  const uint32_t id = ei_graph_add_tensor(t->g, 0, &v);
  CHECK(id < MAX_VALUES);
  t->data[id] = ei_arena_array(t->arena, bytes, 1, 64);
  CHECK(t->data[id]);
  return id;
}

static uint64_t bytes_of(const net *t, uint32_t value) {
  const ei_tensor *const v = tensor_of(t, value);
  uint64_t bytes = 0;
  CHECK(ei_tensor_bytes(v->dtype, 0, v->dims, v->rank, &bytes));
  return bytes;
}

static void randomize(net *t, uint32_t value) {
  uint8_t *const p = t->data[value];
  for (uint64_t i = 0; i < bytes_of(t, value); ++i) p[i] = (uint8_t)rnd();
}

static void make_constant(net *t, uint32_t value) {
  ei_tensor *const v = tensor_of(t, value);
  v->data = t->data[value];
  v->data_bytes = bytes_of(t, value);
}

static ei_node *add_node(net *t, const char *op, const uint32_t *in, uint32_t n_in, uint32_t y) {
  ei_node *const n = ei_graph_add_node(t->g, 0, op, op, in, n_in, &y, 1);
  CHECK(n);
  return n;
}

static void random_act(net *t, ei_node *n) {
  static const int64_t acts[] = { 0, 0, 1, 2, 3, 5 };
  const int64_t act = acts[rnd() % 6];
  CHECK(ei_node_set_int(t->g, n, "act", act) == EDGE_STATUS_OK &&
        ei_node_set_float(t->g, n, "act_lo", act == 5 ? -0.7 : 0.0) == EDGE_STATUS_OK &&
        ei_node_set_float(t->g, n, "act_hi", act == 5 ? 1.3 : 0.0) == EDGE_STATUS_OK);
}

static uint32_t constant(net *t, int32_t dtype, int32_t rank, const int64_t *dims, uint32_t scales, float scale) {
  const uint32_t w = add_value(t, dtype, rank, dims, scales, scale, rank > 1);
  randomize(t, w);
  make_constant(t, w);
  return w;
}

static uint32_t bias_of(net *t, int64_t n) {
  const uint32_t b = constant(t, EDGE_DTYPE_S32, 1, &n, 0, 0.0f);
  for (int64_t i = 0; i < n; ++i) ((int32_t *)t->data[b])[i] = (int32_t)between(-9000, 9000);
  return b;
}

/* shape: of x; becomes that of the result */
static uint32_t product(net *t, int kind, uint32_t x, int64_t *shape, int64_t channels) {
  const int64_t ic = shape[3], k = kind == POINT ? 1 : 3;
  const int64_t stride = k == 3 && kind != WINOGRAD ? between(1, 2) : 1;
  if (kind == FULLY) {
    const int64_t rows = shape[0], dims[2] = { channels, ic };
    const uint32_t in[3] = { x, constant(t, EDGE_DTYPE_S8, 2, dims, (uint32_t)channels, 0.01f), bias_of(t, channels) };
    shape[0] = rows;
    shape[3] = channels;
    const int64_t out[2] = { rows, channels };
    const uint32_t y = add_value(t, t->dtype, 2, out, 1, 0.003f * (float)ic, false);
    random_act(t, add_node(t, "FullyConnected", in, 3, y));
    return y;
  }
  const int64_t group = kind == DEPTHWISE ? ic : 1, oc = kind == DEPTHWISE ? ic : channels;
  const int64_t dims[4] = { oc, k, k, ic / group }, pads[4] = { k / 2, k / 2, k / 2, k / 2 };
  const int64_t strides[2] = { stride, stride };
  const uint32_t in[3] = { x, constant(t, EDGE_DTYPE_S8, 4, dims, (uint32_t)oc, 0.01f), bias_of(t, oc) };
  shape[1] = (shape[1] - 1) / stride + 1;
  shape[2] = (shape[2] - 1) / stride + 1;
  shape[3] = oc;
  const uint32_t y = add_value(t, t->dtype, 4, shape, 1, 0.003f * (float)(k * k * (ic / group)), false);
  ei_node *const n = add_node(t, "Conv", in, 3, y);
  CHECK(ei_node_set_ints(t->g, n, "strides", strides, 2) == EDGE_STATUS_OK &&
        ei_node_set_ints(t->g, n, "pads", pads, 4) == EDGE_STATUS_OK &&
        ei_node_set_int(t->g, n, "group", group) == EDGE_STATUS_OK);
  random_act(t, n);
  return y;
}

static uint32_t like(net *t, uint32_t x, float scale) {
  const ei_tensor v = *tensor_of(t, x);
  return add_value(t, t->dtype, v.rank, v.dims, 1, scale, false);
}

static uint32_t unary(net *t, const char *op, uint32_t x, float scale) {
  const uint32_t y = like(t, x, scale);
  (void)add_node(t, op, &x, 1, y);
  return y;
}

static uint32_t binary(net *t, const char *op, uint32_t a, uint32_t b, uint32_t shape_of) {
  const uint32_t in[2] = { a, b }, y = like(t, shape_of, 0.04f);
  random_act(t, add_node(t, op, in, 2, y));
  return y;
}

static uint32_t gate(net *t, uint32_t x, int right) {
  const uint32_t f = unary(t, rnd() % 2 ? "Sigmoid" : "HardSigmoid", x, 1.0f / 256.0f);
  return binary(t, "Mul", right ? f : x, right ? x : f, x);
}

static uint32_t table(net *t, uint32_t x) {
  static const char *const ops[] = { "HardSwish", "LeakyRelu", "Tanh", "Relu6" };
  return unary(t, ops[rnd() % 4], x, 0.03f);
}

/* other: an input of the product's shape, or EI_NONE where the tail wants none; x and x_shape feed the late one */
static uint32_t tail(net *t, int kind, uint32_t p, uint32_t other, uint32_t x, const int64_t *x_shape) {
  switch (kind) {
  case RESIDUAL_RIGHT: return binary(t, "Add", p, other, p);
  case RESIDUAL_LEFT: return binary(t, "Add", other, p, p);
  case TABLE: return table(t, p);
  case GATE_LEFT: return gate(t, p, 0);
  case GATE_RIGHT: return gate(t, p, 1);
  case GATE_TWICE: return gate(t, gate(t, p, rnd() % 2), rnd() % 2);
  case TABLE_RESIDUAL: return binary(t, "Add", other, table(t, p), p);
  case GATE_RESIDUAL: return binary(t, "Add", gate(t, p, rnd() % 2), other, p);
  case KEPT_TABLE: t->outputs[t->num_outputs++] = p; return table(t, p);
  case KEPT_RESIDUAL: t->outputs[t->num_outputs++] = p; return binary(t, "Add", p, other, p);
  case LATE_RESIDUAL: {
    int64_t shape[4];
    memcpy(shape, x_shape, sizeof shape);
    (void)other;
    const uint32_t late = product(t, tensor_of(t, p)->rank == 2 ? FULLY : POINT, x, shape, shape[3]);
    return binary(t, "Add", p, unary(t, "Tanh", late, 0.01f), p);
  }
  case CHANNEL_ADD: {
    const ei_tensor *const v = tensor_of(t, p);
    const int64_t n = v->dims[v->rank - 1];
    return binary(t, "Add", p, constant(t, t->dtype, 1, &n, 1, 0.02f), p);
  }
  case SCALAR_CHAIN: {
    static const char *const ops[] = { "Add", "Sub", "Mul" };
    const int64_t ones[4] = { 1, 1, 1, 1 };
    for (int i = 0; i < 3; ++i) p = binary(t, ops[rnd() % 3], p, constant(t, t->dtype, i, ones, 1, 0.02f), p);
    return table(t, p);
  }
  case TWICE: return binary(t, "Add", p, p, p);
  default: return p;
  }
}

typedef struct made {
  net t;
  uint32_t inputs[2], num_inputs;
} made;

static void build(made *m, ei_arena *arena, int producer, int follow, int64_t channels, uint32_t round) {
  memset(m, 0, sizeof *m);
  net *const t = &m->t;
  t->g = ei_graph_new(arena);
  t->arena = arena;
  CHECK(t->g && ei_graph_add_subgraph(t->g, "main") == 0);
  t->dtype = round % 2 ? EDGE_DTYPE_S8 : EDGE_DTYPE_U8;
  const bool late = follow == LATE_RESIDUAL; /* keeps shapes */
  int64_t shape[4] = { between(1, 2), between(3, 24), between(3, 24), between(1, 40) };
  if (producer == DEPTHWISE || late) shape[3] = channels;
  if (producer == WINOGRAD && !late) shape[3] = 16 * between(2, 5);
  if (producer == FULLY) shape[0] = round % 3 ? between(2, 60) : 1, shape[1] = shape[2] = 1;
  const int64_t flat[2] = { shape[0], shape[3] };
  const bool fc = producer == FULLY;
  const uint32_t x = add_value(t, t->dtype, fc ? 2 : 4, fc ? flat : shape, 1, 0.02f, false);
  m->inputs[m->num_inputs++] = x;
  /* every second network computes the residual, so that its memory is the plan's to give away */
  const bool inner = round / 2 % 2 != 0;
  int64_t x_shape[4];
  memcpy(x_shape, shape, sizeof shape);
  const uint32_t p = product(t, late && !fc ? POINT : producer, x, shape, channels);
  uint32_t other = EI_NONE;
  const bool wants = follow == RESIDUAL_RIGHT || follow == RESIDUAL_LEFT || follow == TABLE_RESIDUAL ||
                     follow == GATE_RESIDUAL || follow == KEPT_RESIDUAL;
  if (wants) {
    other = like(t, p, 0.02f);
    m->inputs[m->num_inputs++] = other;
  }
  uint32_t y = tail(t, follow, p, other, x, x_shape);
  if (inner && !fc) { /* and once more, onto what was computed */
    int64_t again[4];
    memcpy(again, shape, sizeof shape);
    const uint32_t q = product(t, POINT, y, again, again[3]), swap = rnd() % 2;
    y = binary(t, "Add", swap ? y : q, swap ? q : y, y);
  }
  t->outputs[t->num_outputs++] = y;
  CHECK(ei_subgraph_set_io(t->g, 0, m->inputs, m->num_inputs, t->outputs, t->num_outputs) == EDGE_STATUS_OK &&
        ei_graph_add_entry(t->g, "m", 0) == EDGE_STATUS_OK);
  for (uint32_t i = 0; i < m->num_inputs; ++i) randomize(t, m->inputs[i]);
}

/* node by node, into the values' data */
static void evaluate(const net *t) {
  const ei_subgraph *const s = &t->g->subgraphs[0];
  for (uint32_t i = 0; i < s->n_nodes; ++i) {
    const ei_node *const n = &s->nodes[i];
    edge_error err = EDGE_ERROR_INIT;
    edge_tensor in[3], out;
    for (uint32_t k = 0; k <= n->n_in; ++k) {
      const uint32_t value = k < n->n_in ? n->in[k] : n->out[0];
      edge_tensor *const v = k < n->n_in ? &in[k] : &out;
      ei_tensor_view(tensor_of(t, value), v);
      v->data = t->data[value];
      v->bytes = bytes_of(t, value);
    }
    ei_op_ctx c = { .node = n, .in = in, .out = &out, .n_in = n->n_in, .n_out = 1, .err = &err };
    c.scratch_bytes = n->op->scratch_bytes ? n->op->scratch_bytes(&c) : 0;
    c.scratch = aligned_alloc(64, (c.scratch_bytes + 127) / 64 * 64);
    CHECK(c.scratch && n->op->eval(&c) == EDGE_STATUS_OK);
    free(c.scratch);
  }
}

static uint32_t winograd; /* convolutions that ran so */

/* nodes that run in another's step */
static uint32_t compare(edge_model *model, const made *m, uint32_t threads, const char *what) {
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_session *s = NULL;
  o.num_threads = (int32_t)threads;
  if (edge_session_create(model, &o, &s, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s: %s\n", what, error.text);
  CHECK(s);
  uint32_t fused = 0;
  for (int run = 0; run < 2; ++run) {
    for (uint32_t i = 0; i < m->num_inputs; ++i)
      CHECK(edge_session_set_input(s, i, m->t.data[m->inputs[i]], bytes_of(&m->t, m->inputs[i])) == EDGE_STATUS_OK);
    CHECK(edge_session_run(s) == EDGE_STATUS_OK);
    for (uint32_t i = 0; i < m->t.num_outputs; ++i) {
      const uint64_t bytes = bytes_of(&m->t, m->t.outputs[i]);
      const uint8_t *const want = m->t.data[m->t.outputs[i]];
      uint8_t *const got = malloc((size_t)bytes);
      CHECK(got && edge_session_copy_output(s, i, got, bytes) == EDGE_STATUS_OK);
      for (uint64_t k = 0; k < bytes; ++k) {
        if (got[k] == want[k]) continue;
        fprintf(stderr, "%s, %u threads: byte %u of %u of output %u is %u, expected %u\n", what, threads, (unsigned)k,
                (unsigned)bytes, i, got[k], want[k]);
        exit(1);
      }
      free(got);
    }
  }
  edge_placement place = EDGE_PLACEMENT_INIT;
  for (uint32_t i = 0; edge_session_explain(s, i, &place) == EDGE_STATUS_OK; ++i) {
    fused += place.kernel != NULL && strcmp(place.kernel, "fused") == 0;
    winograd += place.kernel != NULL && strstr(place.kernel, "qwino") != NULL;
  }
  edge_session_destroy(s);
  return fused;
}

static uint32_t run_case(edge_env *env, ei_alloc *alloc, int producer, int follow, uint32_t round) {
  static const int64_t channels[] = { 1, 3, 17, 33, 64, 100 };
  static const uint32_t threads[] = { 1, 2, 3 };
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  edge_model *model = NULL;
  ei_arena arena;
  made m;
  char what[80];
  state = 0x9e3779b97f4a7c15ull * (uint64_t)(1 + producer + 8 * follow + 256 * (int)round);
  for (int i = 0; i < 8; ++i) (void)rnd();
  ei_arena_init(&arena, alloc);
  build(&m, &arena, producer, follow, channels[round], round + (uint32_t)follow);
  snprintf(what, sizeof what, "product %d, tail %d, %d channels", producer, follow, (int)channels[round]);
  evaluate(&m.t);
  CHECK(ei_format_write(m.t.g, &arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments,
                        &error) == EDGE_STATUS_OK);
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(model);
  uint32_t fused = 0;
  for (size_t i = 0; i < EI_COUNT(threads); ++i) fused = compare(model, &m, threads[i], what);
  edge_model_release(model);
  ei_arena_free(&arena);
  return fused;
}

int main(int argc, char **argv) {
  edge_env *const env = et_cpu_env(argc, argv);
  ei_alloc *alloc = NULL;
  CHECK(ei_alloc_create(NULL, 0, &alloc) == EDGE_STATUS_OK);
  uint32_t fused[NUM_PRODUCERS][NUM_TAILS];
  memset(fused, 0, sizeof fused);
  for (int producer = 0; producer < NUM_PRODUCERS; ++producer) {
    for (int follow = 0; follow < NUM_TAILS; ++follow) {
      for (uint32_t round = 0; round < ROUNDS; ++round)
        fused[producer][follow] += run_case(env, alloc, producer, follow, round);
    }
  }
  for (int p = 0; p < NUM_PRODUCERS; ++p) { /* the test is of fusion */
    const bool adds = p != DEPTHWISE;
    CHECK(fused[p][TABLE] >= ROUNDS && fused[p][GATE_LEFT] >= 2 * ROUNDS && fused[p][GATE_RIGHT] >= 2 * ROUNDS);
    CHECK(fused[p][GATE_TWICE] >= 3 * ROUNDS && fused[p][SCALAR_CHAIN] >= 3 * ROUNDS);
    CHECK(!adds || (fused[p][RESIDUAL_RIGHT] >= ROUNDS && fused[p][RESIDUAL_LEFT] >= ROUNDS));
    CHECK(!adds || (fused[p][TABLE_RESIDUAL] >= 2 * ROUNDS && fused[p][GATE_RESIDUAL] >= 3 * ROUNDS));
  }
  const char *const isa = edge_env_isa_name(env);
  CHECK(winograd > 0 || (strcmp(isa, "avx2") != 0 && strcmp(isa, "neon") != 0));
  printf("%d networks, %u convolutions by Winograd's method\n", NUM_PRODUCERS * NUM_TAILS * ROUNDS, winograd);
  edge_env_destroy(env);
  ei_alloc_destroy(alloc);
  return 0;
}
