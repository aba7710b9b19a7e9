/* SPDX-License-Identifier: Apache-2.0
 * What the CPU backend fuses gives what it gives node by node: convolution, depthwise and 1x1 convolution with
 * activations, channel factors and residuals, random sizes, one and several threads, under an ISA cap. The same network
 * with every value as an output leaves nothing to fuse: that is the oracle. */
#include "cpu_env.h"
#include "src/format/format.h"
#include "src/graph/graph.h"
#include <edge/edge.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CASES = 24, MAX_VALUES = 24 };

static uint64_t state = 0x2545f4914f6cdd1dull;
static uint32_t rnd(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}
static int64_t between(int64_t lo, int64_t hi) {
  return lo + (int64_t)(rnd() % (uint64_t)(hi - lo + 1));
}

typedef struct net {
  ei_graph *g;
  ei_arena *arena;
  uint32_t made[MAX_VALUES], num_made;
  uint32_t last;   /* value so far */
  int64_t dims[4]; /* its shape */
} net;

static uint32_t add_tensor(net *t, const int64_t dims[4]) {
  ei_tensor v;
  memset(&v, 0, sizeof v);
  v.name = "v";
  v.dtype = EDGE_DTYPE_F32;
  v.rank = 4;
  memcpy(v.dims, dims, 4 * sizeof *dims);
  return ei_graph_add_tensor(t->g, 0, &v);
}

static uint32_t add_const(net *t, int32_t rank, int64_t a, int64_t b, int64_t c, int64_t d, float scale) {
  const int64_t dims[4] = { a, b, c, d };
  ei_tensor v;
  memset(&v, 0, sizeof v);
  v.name = "w";
  v.dtype = EDGE_DTYPE_F32;
  v.rank = rank;
  uint64_t n = 1;
  for (int32_t i = 0; i < rank; ++i) n *= (uint64_t)(v.dims[i] = dims[i]);
  float *const data = ei_arena_array(t->arena, n, sizeof *data, 64);
  CHECK(data);
  for (uint64_t i = 0; i < n; ++i) data[i] = ((float)(rnd() % 2001) / 1000.0f - 1.0f) * scale;
  v.data = data;
  v.data_bytes = n * sizeof *data;
  return ei_graph_add_tensor(t->g, 0, &v);
}

static ei_node *add_node(net *t, const char *op, const uint32_t *inputs, uint32_t n_in) {
  uint32_t in[3];
  memcpy(in, inputs, n_in * sizeof *in);
  const uint32_t y = add_tensor(t, t->dims);
  CHECK(t->num_made < MAX_VALUES);
  ei_node *const n = ei_graph_add_node(t->g, 0, op, op, in, n_in, &y, 1);
  CHECK(n);
  t->made[t->num_made++] = t->last = y;
  return n;
}

static void conv(net *t, int64_t out, int64_t kernel, int64_t stride, int64_t group) {
  const int64_t pad = kernel / 2, c = t->dims[3];
  const int64_t strides[2] = { stride, stride }, pads[4] = { pad, pad, pad, pad };
  const uint32_t in[3] = { t->last,
                           add_const(t, 4, out, kernel, kernel, c / group, 2.0f / (float)(kernel * kernel * c / group)),
                           add_const(t, 1, out, 0, 0, 0, 1.0f) };
  t->dims[1] = (t->dims[1] - 1) / stride + 1;
  t->dims[2] = (t->dims[2] - 1) / stride + 1;
  t->dims[3] = out;
  ei_node *const n = add_node(t, "Conv", in, 3);
  CHECK(ei_node_set_ints(t->g, n, "strides", strides, 2) == EDGE_STATUS_OK &&
        ei_node_set_ints(t->g, n, "pads", pads, 4) == EDGE_STATUS_OK &&
        ei_node_set_int(t->g, n, "group", group) == EDGE_STATUS_OK);
}

/* elementwise nodes behind it; other: a value of the same shape, or EI_NONE */
static void chain(net *t, uint32_t other) {
  static const char *const unary[] = { "HardSwish", "Relu6", "Sigmoid", "Swish", "Tanh", "LeakyRelu", "Gelu" };
  for (uint32_t i = rnd() % 4; i > 0; --i) {
    const uint32_t kind = rnd() % 4;
    if (kind < 2) {
      (void)add_node(t, unary[rnd() % (sizeof unary / sizeof *unary)], &t->last, 1);
    } else {
      const bool channel = kind == 2;
      const uint32_t vector = add_const(t, 1, channel ? t->dims[3] : 1, 0, 0, 0, 2.0f);
      const bool swap = rnd() % 2;
      const uint32_t both[2] = { swap ? vector : t->last, swap ? t->last : vector };
      (void)add_node(t, (const char *const[]) { "Mul", "Add", "Sub" }[rnd() % 3], both, 2);
    }
  }
  if (other == EI_NONE) return;
  const uint32_t both[2] = { t->last, other };
  (void)add_node(t, rnd() % 2 ? "Add" : "Mul", both, 2);
  if (rnd() % 2) (void)add_node(t, "HardSwish", &t->last, 1);
}

static edge_model *make_model(edge_env *env, ei_arena *arena, uint64_t seed, bool all, uint64_t *out_elements) {
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  edge_model *model = NULL;
  state = seed;
  net t = { .g = ei_graph_new(arena), .arena = arena };
  CHECK(t.g && ei_graph_add_subgraph(t.g, "main") == 0);
  t.dims[0] = between(1, 2);
  t.dims[1] = between(40, 60);
  t.dims[2] = between(36, 60);
  t.dims[3] = between(3, 20);
  const int64_t c = between(80, 130), stride = between(1, 2), start = between(0, 2);
  if (start == 0) t.dims[3] = c;
  const uint32_t x = t.last = add_tensor(&t, t.dims);
  if (start > 0) {
    conv(&t, c, start == 1 ? 1 : 3, start, 1);
    chain(&t, EI_NONE);
  }
  conv(&t, c, between(0, 1) ? 3 : 5, stride, c);
  chain(&t, EI_NONE);
  if (rnd() % 4) {
    conv(&t, between(8, 40), 1, 1, 1);
    chain(&t, rnd() % 2 ? add_const(&t, 4, t.dims[0], t.dims[1], t.dims[2], t.dims[3], 1.0f) : EI_NONE);
  }
  if (rnd() % 3 == 0) { /* for Winograd's method */
    conv(&t, between(16, 90), 3, 1, 1);
    chain(&t, rnd() % 2 ? add_const(&t, 4, t.dims[0], t.dims[1], t.dims[2], t.dims[3], 1.0f) : EI_NONE);
  }
  uint32_t outputs[MAX_VALUES] = { t.last };
  uint32_t n = 1;
  for (uint32_t i = 0; all && i + 1 < t.num_made; ++i) outputs[n++] = t.made[i];
  *out_elements = (uint64_t)(t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3]);
  CHECK(ei_subgraph_set_io(t.g, 0, &x, 1, outputs, n) == EDGE_STATUS_OK &&
        ei_graph_add_entry(t.g, "m", 0) == EDGE_STATUS_OK);
  CHECK(ei_format_write(t.g, arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &error) ==
        EDGE_STATUS_OK);
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(model);
  return model;
}

static uint32_t winograd; /* convolutions that ran so */

/* the first output; *fused counts nodes that run in another's step, *strips convolutions that run in strips */
static float *answer(edge_env *env, ei_alloc *alloc, uint64_t seed, bool all, uint32_t threads, uint64_t *n,
                     uint32_t *fused, uint32_t *strips) {
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_session *s = NULL;
  edge_tensor x;
  ei_arena arena;
  ei_arena_init(&arena, alloc);
  edge_model *const model = make_model(env, &arena, seed, all, n);
  o.backends = "cpu";
  o.num_threads = (int32_t)threads;
  o.flags |= EDGE_SESSION_OVERSUBSCRIBE;
  if (edge_session_create(model, &o, &s, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(s && edge_session_get_input(s, 0, &x) == EDGE_STATUS_OK);
  float *const in = malloc((size_t)x.bytes), *const got = malloc((size_t)*n * sizeof *got);
  CHECK(in && got);
  state = seed + 1;
  for (uint64_t i = 0; i < x.bytes / sizeof *in; ++i) in[i] = (float)(rnd() % 4001) / 1000.0f - 2.0f;
  CHECK(edge_session_set_input(s, 0, in, x.bytes) == EDGE_STATUS_OK && edge_session_run(s) == EDGE_STATUS_OK);
  CHECK(edge_session_copy_output(s, 0, got, *n * sizeof *got) == EDGE_STATUS_OK);
  edge_placement place = EDGE_PLACEMENT_INIT;
  for (uint32_t i = 0; edge_session_explain(s, i, &place) == EDGE_STATUS_OK; ++i) {
    winograd += strncmp(place.kernel, "winograd", 8) == 0;
    *(strstr(place.reason, "strip") != NULL ? strips : fused) +=
        strcmp(place.kernel, "fused") == 0 || strstr(place.reason, "strip") != NULL;
  }
  edge_session_destroy(s);
  edge_model_release(model);
  ei_arena_free(&arena);
  free(in);
  return got;
}

static void run_case(edge_env *env, ei_alloc *alloc, uint32_t number, uint32_t *fused, uint32_t *strips) {
  const uint64_t seed = 0x9e3779b97f4a7c15ull * (number + 1);
  uint64_t n = 0;
  uint32_t none = 0;
  float *const want = answer(env, alloc, seed, true, 1, &n, &none, &none);
  float *const got = answer(env, alloc, seed, false, 1 + number % 3, &n, fused, strips);
  double most = 0.0;
  for (uint64_t i = 0; i < n; ++i) most = fmax(most, fabs((double)want[i]));
  CHECK(none == 0 && most > 0.0 && most < 1e6);
  for (uint64_t i = 0; i < n; ++i) {
    if (!(fabs((double)got[i] - (double)want[i]) <= 1e-6 * most)) {
      fprintf(stderr, "case %u: value %u is %g, expected %g\n", number, (unsigned)i, (double)got[i], (double)want[i]);
      exit(1);
    }
  }
  free(want);
  free(got);
}

int main(int argc, char **argv) {
  edge_env *const env = et_cpu_env(argc, argv);
  ei_alloc *alloc = NULL;
  CHECK(ei_alloc_create(NULL, 0, &alloc) == EDGE_STATUS_OK);
  uint32_t fused = 0, strips = 0;
  for (uint32_t i = 0; i < CASES; ++i) run_case(env, alloc, i, &fused, &strips);
  CHECK(fused > CASES && strips > CASES && (winograd > 0 || strcmp(edge_env_isa_name(env), "scalar") == 0));
  edge_env_destroy(env);
  ei_alloc_destroy(alloc);
  printf("%d cases, %u nodes fused, %u convolutions in strips, %u by Winograd's method\n", CASES, fused, strips,
         winograd);
  return 0;
}
