/* SPDX-License-Identifier: Apache-2.0
 * f32 Attention on the CPU backend against sums in double precision: random heads, lengths, masks and layouts, under an
 * ISA cap. Bounds: 1e-5 of the largest value, plus 1e-6. */
#include "cpu_env.h"
#include "src/format/format.h"
#include "src/graph/graph.h"
#include <edge/edge.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CASES = 120 };
enum { MASK_NONE, MASK_KEYS, MASK_ALL, MASK_BOOL, MASK_KINDS };

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

typedef struct problem {
  int64_t batch, heads, kv_heads, queries, keys, size, v_size;
  bool flat, causal;
  int mask;
  double scale;
  float *q, *k, *v, *bias; /* bias [batch, heads, queries, keys] as the mask means it */
} problem;

static float *random_floats(int64_t n) {
  float *const v = malloc((size_t)n * sizeof *v);
  CHECK(v);
  for (int64_t i = 0; i < n; ++i) v[i] = (float)(rnd() % 4001) / 1000.0f - 2.0f;
  return v;
}

static int64_t at(const problem *p, int64_t b, int64_t h, int64_t heads, int64_t i, int64_t length, int64_t size) {
  return (p->flat ? (b * length + i) * heads + h : (b * heads + h) * length + i) * size;
}

/* One row of the answer. */
static void expect(const problem *p, int64_t b, int64_t h, int64_t i, double *y, double *s) {
  const int64_t kv = h / (p->heads / p->kv_heads);
  double most = -INFINITY, sum = 0.0;
  for (int64_t j = 0; j < p->keys; ++j) {
    s[j] = 0.0;
    for (int64_t d = 0; d < p->size; ++d)
      s[j] += (double)p->q[at(p, b, h, p->heads, i, p->queries, p->size) + d] *
              (double)p->k[at(p, b, kv, p->kv_heads, j, p->keys, p->size) + d];
    s[j] = s[j] * p->scale + (double)p->bias[((b * p->heads + h) * p->queries + i) * p->keys + j];
    if (p->causal && j > i) s[j] = -INFINITY;
    if (s[j] > most) most = s[j];
  }
  for (int64_t j = 0; j < p->keys; ++j) sum += s[j] = most == -INFINITY ? 0.0 : exp(s[j] - most);
  for (int64_t d = 0; d < p->v_size; ++d) {
    y[d] = 0.0;
    for (int64_t j = 0; j < p->keys && sum > 0.0; ++j)
      y[d] += s[j] / sum * (double)p->v[at(p, b, kv, p->kv_heads, j, p->keys, p->v_size) + d];
  }
}

static uint32_t add_tensor(ei_graph *g, const char *name, int32_t dtype, int32_t rank, const int64_t *dims) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.dtype = dtype;
  t.rank = rank;
  for (int32_t d = 0; d < rank; ++d) t.dims[d] = dims[d];
  return ei_graph_add_tensor(g, 0, &t);
}

static uint32_t add_operand(ei_graph *g, const problem *p, const char *name, int64_t heads, int64_t length,
                            int64_t size) {
  return p->flat ? add_tensor(g, name, EDGE_DTYPE_F32, 3, (const int64_t[]) { p->batch, length, heads * size })
                 : add_tensor(g, name, EDGE_DTYPE_F32, 4, (const int64_t[]) { p->batch, heads, length, size });
}

/* The mask as the node gets it; p->bias is what it means for each pair. */
static void *make_mask(problem *p, int64_t dims[4], int32_t *dtype) {
  const int64_t pairs = p->batch * p->heads * p->queries * p->keys;
  *dtype = p->mask == MASK_BOOL ? EDGE_DTYPE_BOOL : EDGE_DTYPE_F32;
  dims[0] = p->mask == MASK_ALL ? p->batch : 1;
  dims[1] = p->mask == MASK_ALL ? p->heads : 1;
  dims[2] = p->mask == MASK_KEYS ? 1 : p->queries;
  dims[3] = p->keys;
  p->bias = calloc((size_t)pairs, sizeof *p->bias);
  const int64_t n = dims[0] * dims[1] * dims[2] * dims[3];
  float *const mask = calloc((size_t)n, sizeof *mask);
  CHECK(p->bias && mask);
  const bool nothing_seen = rnd() % 4 == 0; /* by the first row of the mask */
  for (int64_t i = 0; i < n; ++i) {
    const bool hidden = (nothing_seen && i < p->keys) || rnd() % 3 == 0;
    if (p->mask == MASK_BOOL)
      ((uint8_t *)mask)[i] = !hidden;
    else if (p->mask != MASK_NONE)
      mask[i] = hidden ? -INFINITY : (float)(rnd() % 100) / 50.0f;
  }
  for (int64_t i = 0; i < pairs && p->mask != MASK_NONE; ++i) {
    const int64_t j = i % p->keys, row = i / p->keys % p->queries, bh = i / p->keys / p->queries;
    const int64_t from = ((p->mask == MASK_ALL ? bh : 0) * dims[2] + (dims[2] == 1 ? 0 : row)) * p->keys + j;
    p->bias[i] = p->mask != MASK_BOOL ? mask[from] : ((uint8_t *)mask)[from] ? 0.0f : -INFINITY;
  }
  return mask;
}

static problem draw(int number) {
  problem p = { .batch = between(1, 2),
                .kv_heads = between(1, 3),
                .queries = between(1, 40),
                .keys = between(1, number % 10 == 0 ? 1300 : 70),
                .size = between(1, 40),
                .v_size = between(1, 70),
                .flat = rnd() % 2,
                .causal = rnd() % 4 == 0,
                .mask = (int)(rnd() % MASK_KINDS) };
  p.heads = p.kv_heads * between(1, 2);
  p.scale = rnd() % 2 ? (double)0.25f : 1.0 / sqrt((double)p.size);
  p.q = random_floats(p.batch * p.heads * p.queries * p.size);
  p.k = random_floats(p.batch * p.kv_heads * p.keys * p.size);
  p.v = random_floats(p.batch * p.kv_heads * p.keys * p.v_size);
  return p;
}

static edge_model *make_model(edge_env *env, ei_arena *arena, const problem *p, int32_t mask_type,
                              const int64_t mask_dims[4]) {
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  edge_model *model = NULL;
  ei_graph *const g = ei_graph_new(arena);
  CHECK(g && ei_graph_add_subgraph(g, "main") == 0);
  const uint32_t in[] = { add_operand(g, p, "q", p->heads, p->queries, p->size),
                          add_operand(g, p, "k", p->kv_heads, p->keys, p->size),
                          add_operand(g, p, "v", p->kv_heads, p->keys, p->v_size),
                          p->mask == MASK_NONE ? EI_NONE : add_tensor(g, "mask", mask_type, 4, mask_dims) };
  const uint32_t n_in = p->mask == MASK_NONE ? 3 : 4, y = add_operand(g, p, "y", p->heads, p->queries, p->v_size);
  ei_node *const n = ei_graph_add_node(g, 0, "Attention", "attention", in, n_in, &y, 1);
  CHECK(n && ei_node_set_int(g, n, "q_heads", p->heads) == EDGE_STATUS_OK &&
        ei_node_set_int(g, n, "kv_heads", p->kv_heads) == EDGE_STATUS_OK &&
        ei_node_set_int(g, n, "causal", p->causal) == EDGE_STATUS_OK);
  if (p->scale == (double)0.25f) CHECK(ei_node_set_float(g, n, "scale", p->scale) == EDGE_STATUS_OK);
  CHECK(ei_subgraph_set_io(g, 0, in, n_in, &y, 1) == EDGE_STATUS_OK && ei_graph_add_entry(g, "m", 0) == EDGE_STATUS_OK);
  CHECK(ei_format_write(g, arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &error) ==
        EDGE_STATUS_OK);
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(model);
  return model;
}

static void check(const problem *p, const float *got, int number) {
  double s[1300], y[70];
  for (int64_t b = 0; b < p->batch; ++b)
    for (int64_t h = 0; h < p->heads; ++h)
      for (int64_t i = 0; i < p->queries; ++i) {
        expect(p, b, h, i, y, s);
        for (int64_t d = 0; d < p->v_size; ++d) {
          const double have = (double)got[at(p, b, h, p->heads, i, p->queries, p->v_size) + d];
          if (!(fabs(have - y[d]) <= 2e-5 + 1e-6)) {
            fprintf(stderr, "case %d: head %d query %d value %d is %g, expected %g\n", number, (int)h, (int)i, (int)d,
                    have, y[d]);
            exit(1);
          }
        }
      }
}

static void run_case(edge_env *env, ei_alloc *alloc, int number) {
  problem p = draw(number);
  int64_t mask_dims[4];
  int32_t mask_type;
  void *const mask = make_mask(&p, mask_dims, &mask_type);
  const void *const data[] = { p.q, p.k, p.v, mask };
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_placement place = EDGE_PLACEMENT_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_session *s = NULL;
  ei_arena arena;
  ei_arena_init(&arena, alloc);
  edge_model *const model = make_model(env, &arena, &p, mask_type, mask_dims);
  o.backends = "cpu";
  o.num_threads = 1 + number % 3;
  o.flags |= EDGE_SESSION_OVERSUBSCRIBE;
  CHECK(edge_session_create(model, &o, &s, &error) == EDGE_STATUS_OK);
  for (uint32_t i = 0; i < edge_session_num_inputs(s); ++i) {
    edge_tensor t;
    CHECK(edge_session_get_input(s, i, &t) == EDGE_STATUS_OK);
    CHECK(edge_session_set_input(s, i, data[i], t.bytes) == EDGE_STATUS_OK);
  }
  CHECK(edge_session_explain(s, 0, &place) == EDGE_STATUS_OK && strcmp(place.kernel, "reference") != 0);
  const int64_t n = p.batch * p.heads * p.queries * p.v_size;
  float *const got = malloc((size_t)n * sizeof *got);
  CHECK(got && edge_session_run(s) == EDGE_STATUS_OK);
  CHECK(edge_session_copy_output(s, 0, got, (uint64_t)n * sizeof *got) == EDGE_STATUS_OK);
  check(&p, got, number);
  edge_session_destroy(s);
  edge_model_release(model);
  ei_arena_free(&arena);
  free(got);
  free(mask);
  free(p.q);
  free(p.k);
  free(p.v);
  free(p.bias);
}

int main(int argc, char **argv) {
  edge_env *const env = et_cpu_env(argc, argv);
  ei_alloc *alloc = NULL;
  CHECK(ei_alloc_create(NULL, 0, &alloc) == EDGE_STATUS_OK);
  for (int i = 0; i < CASES; ++i) run_case(env, alloc, i);
  edge_env_destroy(env);
  ei_alloc_destroy(alloc);
  printf("%d cases\n", CASES);
  return 0;
}
