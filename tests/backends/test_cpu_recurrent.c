/* SPDX-License-Identifier: Apache-2.0
 * f32 Gru and Rnn on the CPU backend against steps in double precision: random sizes, directions, initial states, both
 * places of the reset gate, under an ISA cap. Bound: 1e-5. */
#include "cpu_env.h"
#include "src/format/format.h"
#include "src/graph/graph.h"
#include <edge/edge.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CASES = 60, MOST = 1 << 15 };

static uint32_t rnd(void) {
  static uint32_t state = 0x9e3779b9u;
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}
static int64_t between(int64_t lo, int64_t hi) {
  return lo + (int64_t)(rnd() % (uint32_t)(hi - lo + 1));
}

typedef struct problem {
  int64_t steps, batch, width, hidden, gates, directions, reverse, after; /* after: linear_before_reset */
  bool with_bias, with_state;
  float x[MOST], w[MOST], r[MOST], b[MOST], h0[MOST];
  double y[MOST], y_h[MOST];
} problem;

static void fill(float *to, int64_t n) {
  CHECK(n <= MOST);
  for (int64_t i = 0; i < n; ++i) to[i] = (float)(rnd() % 20001) / 1e4f - 1.0f;
}

static void draw(problem *p) {
  p->gates = rnd() % 3 ? 3 : 1;
  p->directions = between(1, 2);
  p->reverse = p->directions == 1 && rnd() % 3 == 0;
  p->after = p->gates == 3 && rnd() % 2;
  p->steps = between(1, 7), p->batch = between(1, 4), p->width = between(1, 40), p->hidden = between(1, 70);
  p->with_bias = rnd() % 4 != 0, p->with_state = rnd() % 2 != 0;
  const int64_t n = p->gates * p->hidden, d = p->directions;
  fill(p->x, p->steps * p->batch * p->width);
  fill(p->w, d * n * p->width);
  fill(p->r, d * n * p->hidden);
  fill(p->b, d * 2 * n);
  fill(p->h0, d * p->batch * p->hidden);
}

/* W x + Wb (state false) or R h + Rb of one gate and unit */
static double sum_of(const problem *p, int64_t d, int64_t row, const float *x, const double *h) {
  const int64_t n = p->gates * p->hidden, depth = x ? p->width : p->hidden;
  double sum = p->with_bias ? (double)p->b[d * 2 * n + (x ? 0 : n) + row] : 0.0;
  for (int64_t k = 0; k < depth; ++k)
    sum += x ? (double)p->w[(d * n + row) * depth + k] * (double)x[k] : (double)p->r[(d * n + row) * depth + k] * h[k];
  return sum;
}

static double sigmoid(double v) {
  return 1.0 / (1.0 + exp(-v));
}

static void one_step(const problem *p, int64_t d, const float *x, const double *h, double *to) {
  double z[70], reset[70], scaled[70];
  const int64_t n = p->hidden, last = (p->gates - 1) * n;
  for (int64_t i = 0; i < n && last; ++i) {
    z[i] = sigmoid(sum_of(p, d, i, x, NULL) + sum_of(p, d, i, NULL, h));
    reset[i] = sigmoid(sum_of(p, d, n + i, x, NULL) + sum_of(p, d, n + i, NULL, h));
    scaled[i] = reset[i] * h[i];
  }
  for (int64_t i = 0; i < n; ++i) {
    const double of_x = sum_of(p, d, last + i, x, NULL);
    if (!last)
      to[i] = tanh(of_x + sum_of(p, d, i, NULL, h));
    else {
      const double c =
          tanh(of_x + (p->after ? reset[i] * sum_of(p, d, last + i, NULL, h) : sum_of(p, d, last + i, NULL, scaled)));
      to[i] = (1.0 - z[i]) * c + z[i] * h[i];
    }
  }
}

static void expect(problem *p) {
  const int64_t n = p->hidden;
  for (int64_t d = 0; d < p->directions; ++d)
    for (int64_t b = 0; b < p->batch; ++b) {
      double *const h = p->y_h + (d * p->batch + b) * n, next[70];
      for (int64_t i = 0; i < n; ++i) h[i] = p->with_state ? (double)p->h0[(d * p->batch + b) * n + i] : 0.0;
      for (int64_t s = 0; s < p->steps; ++s) {
        const int64_t t = p->reverse || d == 1 ? p->steps - 1 - s : s;
        one_step(p, d, p->x + (t * p->batch + b) * p->width, h, next);
        memcpy(h, next, (size_t)n * sizeof *h);
        memcpy(p->y + ((t * p->directions + d) * p->batch + b) * n, next, (size_t)n * sizeof *h);
      }
    }
}

static uint32_t add_tensor(ei_graph *g, const char *name, int32_t rank, const int64_t *dims, const float *data) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.dtype = EDGE_DTYPE_F32;
  t.rank = rank;
  t.data = data;
  t.data_bytes = data ? sizeof *data : 0;
  for (int32_t i = 0; i < rank; ++i) {
    t.dims[i] = dims[i];
    t.data_bytes *= (uint64_t)dims[i];
  }
  return ei_graph_add_tensor(g, 0, &t);
}

static edge_model *make_model(edge_env *env, ei_arena *arena, const problem *p) {
  const int64_t n = p->gates * p->hidden, d = p->directions;
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  edge_model *model = NULL;
  ei_graph *const g = ei_graph_new(arena);
  CHECK(g && ei_graph_add_subgraph(g, "main") == 0);
  const uint32_t x = add_tensor(g, "x", 3, (const int64_t[]) { p->steps, p->batch, p->width }, NULL);
  const int64_t state[3] = { d, p->batch, p->hidden };
  const uint32_t h0 = p->with_state ? add_tensor(g, "h0", 3, state, NULL) : EI_NONE;
  const uint32_t in[6] = { x,
                           add_tensor(g, "w", 3, (const int64_t[]) { d, n, p->width }, p->w),
                           add_tensor(g, "r", 3, (const int64_t[]) { d, n, p->hidden }, p->r),
                           p->with_bias ? add_tensor(g, "b", 2, (const int64_t[]) { d, 2 * n }, p->b) : EI_NONE,
                           EI_NONE,
                           h0 };
  const uint32_t out[2] = { add_tensor(g, "y", 4, (const int64_t[]) { p->steps, d, p->batch, p->hidden }, NULL),
                            add_tensor(g, "y_h", 3, state, NULL) };
  ei_node *const node = ei_graph_add_node(g, 0, p->gates == 3 ? "Gru" : "Rnn", "cell", in, 6, out, 2);
  CHECK(node && ei_node_set_int(g, node, "hidden", p->hidden) == EDGE_STATUS_OK);
  CHECK(ei_node_set_int(g, node, "direction", d == 2 ? 2 : p->reverse) == EDGE_STATUS_OK);
  if (p->gates == 3) CHECK(ei_node_set_int(g, node, "linear_before_reset", p->after) == EDGE_STATUS_OK);
  const uint32_t io[2] = { x, h0 };
  CHECK(ei_subgraph_set_io(g, 0, io, p->with_state ? 2 : 1, out, 2) == EDGE_STATUS_OK);
  CHECK(ei_graph_add_entry(g, "m", 0) == EDGE_STATUS_OK);
  CHECK(ei_format_write(g, arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &error) ==
        EDGE_STATUS_OK);
  image.segments = segments;
  if (edge_model_open_image(env, &image, NULL, &model, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(model);
  return model;
}

static void check(edge_session *s, uint32_t output, const double *want, int64_t n, int number) {
  static float got[MOST];
  CHECK(edge_session_copy_output(s, output, got, (uint64_t)n * sizeof *got) == EDGE_STATUS_OK);
  for (int64_t i = 0; i < n; ++i) {
    if (fabs((double)got[i] - want[i]) <= 1e-5) continue;
    fprintf(stderr, "case %d: output %u[%d] is %g, expected %g\n", number, output, (int)i, (double)got[i], want[i]);
    exit(1);
  }
}

static void run_case(edge_env *env, ei_alloc *alloc, int number) {
  static problem p;
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_placement place = EDGE_PLACEMENT_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_session *s = NULL;
  ei_arena arena;
  draw(&p);
  ei_arena_init(&arena, alloc);
  edge_model *const model = make_model(env, &arena, &p);
  o.backends = "cpu";
  o.num_threads = 1 + number % 3;
  o.flags |= EDGE_SESSION_OVERSUBSCRIBE;
  if (edge_session_create(model, &o, &s, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(s);
  const int64_t state = p.directions * p.batch * p.hidden;
  CHECK(edge_session_set_input(s, 0, p.x, (uint64_t)(p.steps * p.batch * p.width) * 4) == EDGE_STATUS_OK);
  if (p.with_state) CHECK(edge_session_set_input(s, 1, p.h0, (uint64_t)state * 4) == EDGE_STATUS_OK);
  CHECK(edge_session_explain(s, 0, &place) == EDGE_STATUS_OK && strcmp(place.kernel, "reference") != 0);
  CHECK(edge_session_run(s) == EDGE_STATUS_OK);
  expect(&p);
  check(s, 0, p.y, p.steps * state, number);
  check(s, 1, p.y_h, state, number);
  edge_session_destroy(s);
  edge_model_release(model);
  ei_arena_free(&arena);
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
