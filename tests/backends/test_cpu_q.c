/* SPDX-License-Identifier: Apache-2.0
 * 8-bit operators, and products that quantize f32 data, on the CPU backend against the reference evaluation, bit for
 * bit: random shapes, windows and parameters, one node a model, under an ISA cap. */
#include "src/ops/op.h"
#include "src/format/format.h"
#include <edge/edge.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 0x9e3779b97f4a7c15ull;
static uint32_t rnd(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}
static int64_t between(int64_t lo, int64_t hi) {
  return lo + (int64_t)(rnd() % (uint64_t)(hi - lo + 1));
}

typedef struct value {
  ei_tensor t;
  float scales[512];
  int32_t zeros[512];
  void *data;
  uint64_t bytes;
  bool constant;
} value;

typedef struct test {
  const char *op;
  value v[6]; /* inputs, then the output */
  uint32_t n_in;
  struct {
    const char *key;
    int64_t i[4];
    uint32_t n; /* 0: one integer */
    double f;
    bool is_float;
  } attr[12];
  uint32_t n_attr;
  bool may_fall_back; /* a kernel need not take it */
} test;

static void attr_ints(test *t, const char *key, uint32_t n, int64_t a, int64_t b, int64_t c, int64_t d) {
  t->attr[t->n_attr].key = key;
  t->attr[t->n_attr].n = n;
  t->attr[t->n_attr].i[0] = a, t->attr[t->n_attr].i[1] = b, t->attr[t->n_attr].i[2] = c, t->attr[t->n_attr].i[3] = d;
  ++t->n_attr;
}
static void attr_int(test *t, const char *key, int64_t v) {
  attr_ints(t, key, 0, v, 0, 0, 0);
}
static void attr_float(test *t, const char *key, double v) {
  t->attr[t->n_attr].key = key;
  t->attr[t->n_attr].is_float = true;
  t->attr[t->n_attr++].f = v;
}

static value *make(test *t, uint32_t index, int32_t dtype, int32_t rank, const int64_t *dims, bool constant) {
  value *const v = &t->v[index];
  memset(v, 0, sizeof *v);
  v->t.name = index < t->n_in ? "x" : "y";
  v->t.dtype = dtype;
  v->t.rank = rank;
  for (int32_t i = 0; i < rank; ++i) v->t.dims[i] = dims[i];
  if (!ei_tensor_bytes(dtype, 0, dims, rank, &v->bytes)) abort();
  v->data = malloc(v->bytes + 1);
  for (uint64_t i = 0; i < v->bytes; ++i) ((uint8_t *)v->data)[i] = (uint8_t)rnd();
  v->constant = constant;
  return v;
}
static void quantize(value *v, uint32_t count, int32_t axis, float scale, bool zero) {
  for (uint32_t i = 0; i < count; ++i) {
    v->scales[i] = scale * (0.5f + (float)(rnd() % 1000) / 1000.0f);
    const int32_t lo = v->t.dtype == EDGE_DTYPE_U8 ? 0 : -128;
    v->zeros[i] = zero ? lo + (int32_t)(rnd() % 256) : 0;
  }
  v->t.quant = (edge_quant) { v->scales, zero || rnd() % 2 ? v->zeros : NULL, count, axis, 0, 0 };
}
static int32_t type8(void) {
  return rnd() % 2 ? EDGE_DTYPE_S8 : EDGE_DTYPE_U8;
}
static void random_act(test *t) {
  static const int64_t acts[] = { 0, 0, 1, 2, 3, 5 };
  const int64_t act = acts[rnd() % 6];
  attr_int(t, "act", act);
  attr_float(t, "act_lo", act == 5 ? -0.7 : 0.0);
  attr_float(t, "act_hi", act == 5 ? 1.3 : 0.0);
}

static void view(const value *v, edge_tensor *out) {
  ei_tensor_view(&v->t, out);
  out->data = v->data;
  out->bytes = v->bytes;
}

static ei_node *build(test *t, ei_graph *g) {
  const uint32_t sub = ei_graph_add_subgraph(g, "main"), total = t->n_in + 1;
  uint32_t ids[6], io[6], n_io = 0;
  for (uint32_t i = 0; i < total; ++i) {
    ei_tensor copy = t->v[i].t;
    if (t->v[i].constant) {
      copy.data = t->v[i].data;
      copy.data_bytes = t->v[i].bytes;
    }
    ids[i] = t->v[i].t.dtype == EDGE_DTYPE_NONE ? EI_NONE : ei_graph_add_tensor(g, sub, &copy);
    if (i < t->n_in && !t->v[i].constant && ids[i] != EI_NONE) io[n_io++] = ids[i];
  }
  ei_node *const n = ei_graph_add_node(g, sub, t->op, "node", ids, t->n_in, ids + t->n_in, 1);
  for (uint32_t i = 0; i < t->n_attr; ++i) {
    edge_status s;
    if (t->attr[i].is_float)
      s = ei_node_set_float(g, n, t->attr[i].key, t->attr[i].f);
    else if (t->attr[i].n)
      s = ei_node_set_ints(g, n, t->attr[i].key, t->attr[i].i, t->attr[i].n);
    else
      s = ei_node_set_int(g, n, t->attr[i].key, t->attr[i].i[0]);
    if (s != EDGE_STATUS_OK) return NULL;
  }
  if (ei_subgraph_set_io(g, sub, io, n_io, ids + t->n_in, 1) != EDGE_STATUS_OK) return NULL;
  return ei_graph_add_entry(g, "main", sub) == EDGE_STATUS_OK ? &g->subgraphs[sub].nodes[0] : NULL;
}

static int fail(const test *t, const char *what, const char *text) {
  printf("FAILED %s: %s: %s\n", t->op, what, text);
  for (uint32_t i = 0; i <= t->n_in; ++i) {
    printf("  %s [", edge_dtype_name(t->v[i].t.dtype));
    for (int32_t d = 0; d < t->v[i].t.rank; ++d) printf(" %lld", (long long)t->v[i].t.dims[d]);
    printf(" ]\n");
  }
  for (uint32_t i = 0; i < t->n_attr; ++i)
    printf("  %s %lld %lld %lld %lld %g\n", t->attr[i].key, (long long)t->attr[i].i[0], (long long)t->attr[i].i[1],
           (long long)t->attr[i].i[2], (long long)t->attr[i].i[3], t->attr[i].f);
  return 1;
}

/* The output's shape, by inference; the output value is made then. */
static bool shape_output(test *t, const ei_node *n, int32_t dtype) {
  edge_tensor in[6], out = { .rank = -1 };
  for (uint32_t i = 0; i < t->n_in; ++i) view(&t->v[i], &in[i]);
  edge_error err = EDGE_ERROR_INIT;
  ei_op_ctx c = { .node = n, .in = in, .out = &out, .n_in = t->n_in, .n_out = 1, .err = &err };
  if (n->op->infer(&c) != EDGE_STATUS_OK) {
    printf("infer of %s: %s\n", t->op, err.text);
    return false;
  }
  const edge_quant keep = t->v[t->n_in].t.quant;
  float scale = t->v[t->n_in].scales[0];
  int32_t zero = t->v[t->n_in].zeros[0];
  value *const y = make(t, t->n_in, dtype, out.rank, out.dims, false);
  y->scales[0] = scale;
  y->zeros[0] = zero;
  y->t.quant = keep;
  return true;
}

static int run_session(test *t, edge_env *env, edge_model *model, uint32_t threads, const void *want) {
  edge_session_options options = EDGE_SESSION_OPTIONS_INIT;
  edge_session *session = NULL;
  edge_error err = EDGE_ERROR_INIT;
  options.num_threads = (int32_t)threads;
  options.flags |= EDGE_SESSION_OVERSUBSCRIBE;
  (void)env;
  if (edge_session_create(model, &options, &session, &err) != EDGE_STATUS_OK) return fail(t, "session", err.text);
  value *const y = &t->v[t->n_in];
  int bad = 0;
  for (int round = 0; round < 2 && !bad; ++round) {
    uint32_t k = 0;
    for (uint32_t i = 0; i < t->n_in; ++i) {
      if (t->v[i].constant || t->v[i].t.dtype == EDGE_DTYPE_NONE) continue;
      if (edge_session_set_input(session, k++, t->v[i].data, t->v[i].bytes) != EDGE_STATUS_OK)
        bad = fail(t, "input", edge_session_last_error(session)->text);
    }
    memset(y->data, 0x5a, y->bytes);
    if (!bad && (edge_session_run(session) != EDGE_STATUS_OK ||
                 edge_session_copy_output(session, 0, y->data, y->bytes) != EDGE_STATUS_OK))
      bad = fail(t, "run", edge_session_last_error(session)->text);
    for (uint64_t i = 0; i < y->bytes && !bad; ++i) {
      if (((uint8_t *)y->data)[i] == ((const uint8_t *)want)[i]) continue;
      edge_placement p = EDGE_PLACEMENT_INIT;
      char text[160];
      if (edge_session_explain(session, 0, &p) != EDGE_STATUS_OK) p.kernel = "?";
      snprintf(text, sizeof text, "byte %llu of %llu is %u, the reference has %u (threads %u, %s)",
               (unsigned long long)i, (unsigned long long)y->bytes, ((uint8_t *)y->data)[i], ((const uint8_t *)want)[i],
               threads, p.kernel);
      bad = fail(t, "compare", text);
    }
  }
  edge_placement p = EDGE_PLACEMENT_INIT;
  if (!bad && edge_session_explain(session, 0, &p) == EDGE_STATUS_OK && p.kernel &&
      strcmp(p.kernel, "reference") == 0 && !t->may_fall_back)
    bad = fail(t, "kernel", "no optimised kernel took it");
  edge_session_destroy(session);
  return bad;
}

static int check(test *t, edge_env *env, int32_t y_dtype) {
  ei_alloc *alloc = NULL;
  ei_arena arena;
  edge_error err = EDGE_ERROR_INIT;
  if (ei_alloc_create(NULL, 0, &alloc) != EDGE_STATUS_OK) return 1;
  ei_arena_init(&arena, alloc);
  int bad = 1;
  edge_model *model = NULL;
  void *want = NULL, *scratch = NULL;
  { /* once to learn the output's shape */
    ei_graph *const g = ei_graph_new(&arena);
    int64_t none[1] = { 1 };
    if (t->v[t->n_in].data == NULL) {
      const edge_quant q = t->v[t->n_in].t.quant;
      const float scale = t->v[t->n_in].scales[0];
      const int32_t zero = t->v[t->n_in].zeros[0];
      value *const y = make(t, t->n_in, y_dtype, 1, none, false);
      y->t.quant = q;
      y->scales[0] = scale;
      y->zeros[0] = zero;
    }
    ei_node *const n = build(t, g);
    free(t->v[t->n_in].data);
    if (n == NULL || !shape_output(t, n, y_dtype)) goto done;
  }
  ei_graph *const g = ei_graph_new(&arena);
  ei_node *const n = build(t, g);
  edge_tensor in[6], out;
  for (uint32_t i = 0; i < t->n_in; ++i) view(&t->v[i], &in[i]);
  view(&t->v[t->n_in], &out);
  want = malloc(out.bytes + 1);
  out.data = want;
  ei_op_ctx c = { .node = n, .in = in, .out = &out, .n_in = t->n_in, .n_out = 1, .err = &err };
  c.scratch_bytes = n->op->scratch_bytes ? n->op->scratch_bytes(&c) : 0;
  scratch = aligned_alloc(64, (c.scratch_bytes + 127) / 64 * 64);
  c.scratch = scratch;
  if (n->op->eval(&c) != EDGE_STATUS_OK) {
    bad = fail(t, "reference", err.text);
    goto done;
  }
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments;
  if (ei_format_write(g, &arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &err) !=
      EDGE_STATUS_OK) {
    bad = fail(t, "write", err.text);
    goto done;
  }
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &err) != EDGE_STATUS_OK) {
    bad = fail(t, "open", err.text);
    goto done;
  }
  bad = run_session(t, env, model, 1, want) || run_session(t, env, model, 3, want);
done:
  edge_model_release(model);
  free(want);
  free(scratch);
  for (uint32_t i = 0; i <= t->n_in; ++i) free(t->v[i].data);
  ei_arena_free(&arena);
  ei_alloc_destroy(alloc);
  return bad;
}

static void output(test *t, int32_t dtype, float scale) {
  value *const y = &t->v[t->n_in];
  memset(y, 0, sizeof *y);
  y->t.dtype = dtype;
  quantize(y, 1, 0, scale, true);
}

static void bias_of(test *t, uint32_t index, int64_t n) {
  if (rnd() % 4 == 0) return; /* absent */
  value *const b = make(t, index, EDGE_DTYPE_S32, 1, (int64_t[]) { n }, true);
  for (int64_t i = 0; i < n; ++i) ((int32_t *)b->data)[i] = (int32_t)between(-20000, 20000);
}

static int conv(edge_env *env, uint32_t round) {
  test *const t = calloc(1, sizeof *t);
  t->op = "Conv";
  t->n_in = 3;
  const int kind = (int)(round % 4);         /* dense, 1x1, depthwise, grouped */
  const bool three = kind == 2 && round % 3; /* the common depthwise window */
  const int64_t kh = kind == 1 ? 1 : three ? 3 : between(1, 5), kw = kind == 1 ? 1 : three ? 3 : between(1, 5);
  const int64_t group = kind < 2 ? 1 : kind == 2 ? between(2, 150) : between(2, 4);
  const int64_t per = kind == 2 ? 1 : between(1, round % 8 == 0 ? 3 : 40), ic = group * per;
  const int64_t oc = kind == 2 ? (round % 16 == 2 ? 2 * ic : ic) : group * between(1, 90);
  const int64_t dh = three ? 1 : between(1, 2), dw = round % 3 ? 1 : between(1, 2);
  const int64_t sh = between(1, three ? 2 : 3), sw = round % 3 ? sh : between(1, 3);
  const int64_t ih = (kh - 1) * dh + between(1, 14), iw = (kw - 1) * dw + between(1, 14);
  const int32_t xt = type8();
  value *const x = make(t, 0, xt, 4, (int64_t[]) { between(1, 2), ih, iw, ic }, false);
  quantize(x, 1, 0, 0.02f, true);
  value *const w =
      make(t, 1, round % 11 == 5 ? EDGE_DTYPE_S4 : EDGE_DTYPE_S8, 4, (int64_t[]) { oc, kh, kw, per }, true);
  quantize(w, round % 5 ? (uint32_t)oc : 1, 0, 0.01f, false);
  if (w->t.dtype == EDGE_DTYPE_S4) t->may_fall_back = kind > 1;
  bias_of(t, 2, oc);
  output(t, xt, 0.02f * 0.01f * 16.0f * (float)(kh * kw * per));
  attr_ints(t, "strides", 2, sh, sw, 0, 0);
  attr_ints(t, "dilations", 2, dh, dw, 0, 0);
  if (round % 2)
    attr_ints(t, "pads", 4, between(0, kh - 1), between(0, kw - 1), between(0, kh - 1), between(0, kw - 1));
  else
    attr_int(t, "auto_pad", between(1, 3));
  attr_int(t, "group", group);
  random_act(t);
  const int bad = check(t, env, xt);
  free(t);
  return bad;
}

static int product(edge_env *env, uint32_t round) {
  test *const t = calloc(1, sizeof *t);
  const bool fc = round % 2, rows = fc || round % 4 == 0;
  t->op = fc ? "FullyConnected" : "MatMul";
  t->n_in = 3;
  const int64_t m = round % 3 ? between(1, 40) : 1, k = between(1, 300), n = between(1, 150);
  const int32_t xt = type8();
  value *const x = make(t, 0, xt, 3, (int64_t[]) { between(1, 2), m, k }, false);
  quantize(x, 1, 0, 0.02f, true);
  value *const w = make(t, 1, EDGE_DTYPE_S8, 2, rows ? (int64_t[]) { n, k } : (int64_t[]) { k, n }, true);
  quantize(w, rnd() % 2 ? (uint32_t)n : 1, rows ? 0 : 1, 0.01f, false);
  if (round % 7 == 0) { /* u8 weights around their zero point */
    w->t.dtype = EDGE_DTYPE_U8;
    for (int i = 0; i < 512; ++i) w->zeros[i] = 128;
    w->t.quant.zero_points = w->zeros;
  }
  bias_of(t, 2, n);
  output(t, xt, 0.02f * 0.01f * 16.0f * (float)k);
  if (!fc) attr_int(t, "trans_b", rows);
  random_act(t);
  const int bad = check(t, env, xt);
  free(t);
  return bad;
}

/* both matrices known in the run only, any zero points, batches that broadcast */
static int batch_product(edge_env *env, uint32_t round) {
  test *const t = calloc(1, sizeof *t);
  t->op = "MatMul";
  t->n_in = 3;
  const bool trans = round % 2 != 0;
  const int64_t b0 = between(1, 3), b1 = between(1, 3), m = between(1, 30), k = between(1, 200), n = between(1, 90);
  const int64_t one = round % 5 == 0 ? 1 : b1;
  const int32_t xt = type8(), wt = type8();
  quantize(make(t, 0, xt, 4, (int64_t[]) { b0, b1, m, k }, false), 1, 0, 0.02f, true);
  value *const w = make(t, 1, wt, round % 3 ? 4 : 3,
                        round % 3 ? (int64_t[]) { b0, one, trans ? n : k, trans ? k : n }
                                  : (int64_t[]) { one, trans ? n : k, trans ? k : n },
                        false);
  quantize(w, 1, 0, 0.01f, true);
  const int32_t middle = wt == EDGE_DTYPE_U8 ? 128 : 0;
  if (round % 4 == 0) w->zeros[0] = middle;
  if (round % 11 == 3) w->zeros[0] = middle - 127; /* the lowest that two bytes hold */
  if (round % 11 == 4) w->zeros[0] = middle + 127;
  t->may_fall_back = w->zeros[0] == middle - 128;
  w->t.quant.zero_points = w->zeros;
  bias_of(t, 2, n);
  output(t, xt, 0.02f * 0.01f * 16.0f * (float)k);
  attr_int(t, "trans_b", trans);
  random_act(t);
  const int bad = check(t, env, xt);
  free(t);
  return bad;
}

static int binary(edge_env *env, uint32_t round) {
  static const char *const ops[] = { "Add", "Sub", "Mul" };
  test *const t = calloc(1, sizeof *t);
  t->op = ops[round % 3];
  t->n_in = 2;
  const int64_t d[4] = { between(1, 3), between(1, 9), between(1, 9), between(1, 100) };
  const int64_t channel[4] = { 1, 1, 1, d[3] }, gate[4] = { d[0], 1, 1, d[3] }, map[4] = { d[0], d[1], d[2], 1 };
  const int32_t type = type8();
  const int64_t *small = d;
  int32_t rank = 4;
  switch (round / 3 % 6) {
  case 1: small = channel; break;
  case 2: small = gate; break;
  case 3: small = map; break;
  case 4: small = channel + 3, rank = 1; break;
  case 5: small = channel, rank = 1; break;
  default: break;
  }
  const bool swap = round / 18 % 2;
  quantize(make(t, swap, type, 4, d, false), 1, 0, 0.03f, true);
  quantize(make(t, !swap, type, rank, small, round / 36 % 2), 1, 0, 0.02f, true);
  output(t, type, t->op[0] == 'M' ? 0.05f : 0.04f);
  random_act(t);
  const int bad = check(t, env, type);
  free(t);
  return bad;
}

static int pool(edge_env *env, uint32_t round) {
  test *const t = calloc(1, sizeof *t);
  t->op = round % 2 ? "MaxPool" : "AveragePool";
  t->n_in = 1;
  const int64_t kh = between(1, 5), kw = between(1, 5), sh = between(1, 3), sw = between(1, 3);
  const int32_t type = type8();
  value *const x = make(
      t, 0, type, 4, (int64_t[]) { between(1, 2), kh + between(0, 12), kw + between(0, 12), between(1, 150) }, false);
  quantize(x, 1, 0, 0.03f, true);
  output(t, type, 0.03f);
  if (round / 2 % 2) {
    t->v[1].scales[0] = x->scales[0];
    t->v[1].zeros[0] = x->zeros[0];
    t->v[1].t.quant = x->t.quant;
  }
  attr_ints(t, "kernel", 2, kh, kw, 0, 0);
  attr_ints(t, "strides", 2, sh, sw, 0, 0);
  if (round / 4 % 2)
    attr_ints(t, "pads", 4, between(0, kh - 1), between(0, kw - 1), between(0, kh - 1), between(0, kw - 1));
  else
    attr_int(t, "auto_pad", between(1, 3));
  attr_int(t, "ceil_mode", round / 8 % 2);
  if (round % 2 == 0) attr_int(t, "count_include_pad", round / 16 % 2);
  t->may_fall_back = round / 16 % 2;
  random_act(t);
  const int bad = check(t, env, type);
  free(t);
  return bad;
}

static int unary(edge_env *env, uint32_t round) {
  static const char *const ops[] = { "Relu", "LeakyRelu", "HardSwish", "Sigmoid", "Tanh",
                                     "Gelu", "Swish",     "Exp",       "Abs",     "Neg" };
  test *const t = calloc(1, sizeof *t);
  t->op = ops[round % 10];
  t->n_in = 1;
  const int32_t type = type8();
  quantize(make(t, 0, type, 3, (int64_t[]) { between(1, 3), between(1, 70), between(1, 70) }, false), 1, 0, 0.03f,
           true);
  output(t, type, 0.02f);
  const int bad = check(t, env, type);
  free(t);
  return bad;
}

static int concat(edge_env *env, uint32_t round) {
  test *const t = calloc(1, sizeof *t);
  t->op = "Concat";
  t->n_in = 1 + round % 4;
  const int32_t type = type8();
  const uint32_t axis = rnd() % 4;
  int64_t d[4] = { between(1, 3), between(1, 6), between(1, 6), between(1, 40) };
  for (uint32_t i = 0; i < t->n_in; ++i) {
    d[axis] = between(1, 20);
    quantize(make(t, i, type, 4, d, i == 2), 1, 0, 0.03f, true);
  }
  output(t, type, 0.03f);
  if (round % 3 == 0) {
    t->v[t->n_in].t.quant = t->v[0].t.quant;
  }
  attr_int(t, "axis", rnd() % 2 ? (int64_t)axis : (int64_t)axis - 4);
  const int bad = check(t, env, type);
  free(t);
  return bad;
}

static int reduce(edge_env *env, uint32_t round) {
  test *const t = calloc(1, sizeof *t);
  t->op = round % 2 ? "ReduceMean" : "ReduceSum";
  t->n_in = 2;
  const int32_t type = type8();
  quantize(make(t, 0, type, 4, (int64_t[]) { between(1, 3), between(1, 9), between(1, 9), between(1, 700) }, false), 1,
           0, 0.03f, true);
  const int64_t first = between(1, 2), n = between(1, 2);
  value *const a = make(t, 1, EDGE_DTYPE_S64, 1, &n, true);
  for (int64_t i = 0; i < n; ++i) ((int64_t *)a->data)[i] = round % 3 ? first + i : first + i - 4;
  output(t, type, round % 2 ? 0.02f : 0.3f);
  attr_int(t, "keep_dims", rnd() % 2);
  const int bad = check(t, env, type);
  free(t);
  return bad;
}

static int softmax(edge_env *env, uint32_t round) {
  test *const t = calloc(1, sizeof *t);
  t->op = "Softmax";
  t->n_in = 1;
  const int32_t type = type8();
  const bool many_rows = round % 6 == 1;
  const int64_t dims[3] = { between(1, 3), many_rows ? between(4, 20) : between(1, 20),
                            many_rows ? between(520, 560) : between(1, round % 4 ? 40 : 1000) };
  quantize(make(t, 0, type, 3, dims, false), 1, 0, 0.05f, true);
  output(t, type, 1.0f / 256.0f);
  attr_float(t, "beta", round % 3 ? 1.0 : 0.7);
  if (many_rows || round % 5 == 0) attr_int(t, "axis", 1);
  if (!many_rows && round % 5 == 0) attr_int(t, "flatten", round % 2);
  const int bad = check(t, env, type);
  free(t);
  return bad;
}

static int convert(edge_env *env, uint32_t round) {
  test *const t = calloc(1, sizeof *t);
  const bool quantizes = round % 3 != 1;
  t->op = quantizes ? "Quantize" : "Dequantize";
  t->n_in = 1;
  const int32_t type = type8(), from = round % 3 == 0 ? EDGE_DTYPE_F32 : type8();
  value *const x =
      make(t, 0, quantizes ? from : type, 3, (int64_t[]) { between(1, 3), between(1, 60), between(1, 200) }, false);
  if (x->t.dtype == EDGE_DTYPE_F32) {
    for (uint64_t i = 0; i < x->bytes / 4; ++i) ((float *)x->data)[i] = (float)between(-4000, 4000) / 500.0f;
    ((float *)x->data)[0] = NAN;
  } else {
    quantize(x, 1, 0, 0.03f, true);
  }
  output(t, quantizes ? type : EDGE_DTYPE_F32, 0.04f);
  if (!quantizes) memset(&t->v[1].t.quant, 0, sizeof t->v[1].t.quant);
  if (quantizes) attr_int(t, "dtype", type);
  const int bad = check(t, env, quantizes ? type : EDGE_DTYPE_F32);
  free(t);
  return bad;
}

static int pad(edge_env *env, uint32_t round) {
  test *const t = calloc(1, sizeof *t);
  t->op = "Pad";
  t->n_in = round % 3 ? 2 : 3;
  const bool pairs = round % 2, plain = round % 5 == 0; /* f32 */
  const int32_t rank = 1 + (int32_t)(rnd() % 4), type = plain ? EDGE_DTYPE_F32 : type8();
  int64_t d[4], n = 2 * rank;
  for (int32_t i = 0; i < rank; ++i) d[i] = between(1, i == 0 ? 3 : 20);
  value *const x = make(t, 0, type, rank, d, false);
  if (!plain) quantize(x, 1, 0, 0.03f, true);
  value *const p = make(t, 1, EDGE_DTYPE_S64, pairs ? 2 : 1, pairs ? (int64_t[]) { rank, 2 } : &n, true);
  for (int64_t i = 0; i < n; ++i) ((int64_t *)p->data)[i] = rnd() % 3 ? 0 : between(0, 4);
  ((int64_t *)p->data)[rnd() % (uint64_t)n] = 2;
  if (t->n_in == 3) (void)make(t, 2, type, 0, NULL, true);
  output(t, type, 0.03f);
  if (plain)
    memset(&t->v[t->n_in].t.quant, 0, sizeof t->v[0].t.quant);
  else
    t->v[t->n_in].t.quant = x->t.quant;
  const int bad = check(t, env, type);
  free(t);
  return bad;
}

static int integer_product(edge_env *env, uint32_t round) {
  test *const t = calloc(1, sizeof *t);
  t->op = "MatMulInteger";
  t->n_in = 4;
  const int64_t m = round % 3 ? between(1, 40) : 1, k = between(1, 300), n = between(1, 150);
  const int32_t at = type8(), bt = type8();
  (void)make(t, 0, at, 3, (int64_t[]) { between(1, 2), m, k }, false);
  value *const b = make(t, 1, bt, 2, (int64_t[]) { k, n }, true);
  for (uint64_t i = 0; i < b->bytes; ++i)
    ((uint8_t *)b->data)[i] = (uint8_t)(between(-120, 120) + (bt == EDGE_DTYPE_U8 ? 128 : 0));
  if (round % 4) (void)make(t, 2, at, 0, NULL, round % 4 == 1);
  const bool per_column = round % 5 == 0;
  if (bt == EDGE_DTYPE_U8 || round % 2) {
    value *const z = make(t, 3, bt, per_column, &n, true);
    for (uint64_t i = 0; i < z->bytes; ++i)
      ((uint8_t *)z->data)[i] = (uint8_t)(between(-7, 7) + (bt == EDGE_DTYPE_U8 ? 128 : 0));
  }
  const int bad = check(t, env, EDGE_DTYPE_S32);
  free(t);
  return bad;
}

/* f32 data, s8 weights: the data are quantized when they are there */
static int dynamic(edge_env *env, uint32_t round) {
  test *const t = calloc(1, sizeof *t);
  const bool fc = round % 3 == 0, pointwise = round % 3 == 1;
  const bool window = round % 12 == 8 || round % 12 == 2,
             shallow = round % 12 == 7; /* shapes that some rows treat apart */
  const int64_t group = round % 12 == 5 ? between(2, 4) : 1, any = between(1, round % 4 ? 90 : 300);
  const int64_t per = window ? 16 : shallow ? 8 * between(1, 4) : any, ic = group * per;
  const int64_t oc = group * between(1, round % 12 == 8   ? 16
                                        : round % 10 == 4 ? 400
                                                          : 90),
                batch = window ? 1 : between(1, 3);
  const int64_t kh = pointwise ? 1 : window ? 3 : between(1, 3), kw = pointwise ? 1 : window ? 3 : between(1, 4);
  const int64_t ih = kh + between(0, 12), iw = kw + between(window ? 15 : 0, window ? 40 : 12);
  const int64_t s = window || (pointwise && round % 5) ? 1 : between(1, 2);
  t->op = fc ? "FullyConnected" : "Conv";
  t->n_in = 3;
  value *const x = fc ? make(t, 0, EDGE_DTYPE_F32, 3, (int64_t[]) { batch, ih, ic }, false)
                      : make(t, 0, EDGE_DTYPE_F32, 4, (int64_t[]) { batch, ih, iw, ic }, false);
  const float size = round % 7 ? 1.0f : 1e-30f, shift = round % 4 == 1 ? 0.0f : 0.4f;
  for (uint64_t i = 0; i < x->bytes / 4; ++i) {
    const float v = (float)between(-5000, 5000) / 5000.0f + shift, scale = i / (uint64_t)ic % 3 ? size : size * 9.0f;
    ((float *)x->data)[i] = round % 13 == 8 && i < (uint64_t)(ic * iw) ? 0.0f : v * scale;
  }
  value *const w = fc ? make(t, 1, EDGE_DTYPE_S8, 2, (int64_t[]) { oc, ic }, true)
                      : make(t, 1, EDGE_DTYPE_S8, 4, (int64_t[]) { oc, kh, kw, per }, true);
  quantize(w, round % 5 ? (uint32_t)oc : 1, 0, 0.01f, false);
  if (round % 4) {
    value *const b = make(t, 2, EDGE_DTYPE_F32, 1, &oc, true);
    for (int64_t i = 0; i < oc; ++i) ((float *)b->data)[i] = (float)between(-2000, 2000) / 1000.0f;
  }
  attr_int(t, "dynamic", between(1, 2));
  if (!fc) {
    attr_ints(t, "strides", 2, s, s, 0, 0);
    attr_int(t, "auto_pad", between(1, 3));
    attr_int(t, "group", group);
  }
  random_act(t);
  memset(&t->v[3], 0, sizeof t->v[3]);
  const int bad = check(t, env, EDGE_DTYPE_F32);
  free(t);
  return bad;
}

static const struct {
  const char *name;
  int (*run)(edge_env *env, uint32_t round);
  uint32_t rounds;
} groups[] = { { "conv", conv, 240 },
               { "product", product, 120 },
               { "batch_product", batch_product, 160 },
               { "binary", binary, 144 },
               { "pool", pool, 128 },
               { "unary", unary, 40 },
               { "concat", concat, 60 },
               { "reduce", reduce, 60 },
               { "softmax", softmax, 40 },
               { "convert", convert, 60 },
               { "integer_product", integer_product, 80 },
               { "pad", pad, 80 },
               { "dynamic", dynamic, 120 } };

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s ISA [group]\n", argv[0]);
    return 2;
  }
  edge_env *env = NULL;
  edge_error err = EDGE_ERROR_INIT;
  edge_env_options options = EDGE_ENV_OPTIONS_INIT;
  options.isa_cap = argv[1];
  if (edge_env_create(&options, &env, &err) != EDGE_STATUS_OK) {
    printf("environment: %s\n", err.text);
    return 1;
  }
  if (strcmp(edge_env_isa_name(env), argv[1]) != 0) {
    printf("SKIPPED: this CPU offers %s, not %s\n", edge_env_isa_name(env), argv[1]);
    edge_env_destroy(env);
    return 77;
  }
  int failed = 0;
  for (uint32_t i = 0; i < EI_COUNT(groups); ++i) {
    int bad = 0;
    if (argc > 2 && strcmp(argv[2], groups[i].name) != 0) continue;
    for (uint32_t r = 0; r < groups[i].rounds; ++r) {
      bad += groups[i].run(env, r);
      if (bad > 2) break;
    }
    printf("%s %s\n", bad ? "FAILED" : "ok", groups[i].name);
    failed |= bad != 0;
  }
  edge_env_destroy(env);
  return failed;
}
