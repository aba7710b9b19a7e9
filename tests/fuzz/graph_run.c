/* SPDX-License-Identifier: Apache-2.0
 * A made graph on three ways, and whether they agree. */
#include "graph_run.h"
#include <edge/edge.h>
#include <math.h>

enum { QUOTA = ET_GRAPH_QUOTA, MAX_TRIPS = 64, DISTURBED = 6 };

typedef struct run {
  edge_status status; /* of the first step that failed */
  edge_error error;
  edge_session *s;
  edge_model *model;
  et_file file;
} run;

static edge_env *envs[3]; /* scalar, all, AVX2 */
uint64_t et_graph_differences;

static void end(void) {
  for (size_t i = 0; i < EI_COUNT(envs); ++i) edge_env_destroy(envs[i]);
}

static void start(void) {
  static const char *const caps[] = { "scalar", NULL, "avx2" };
  if (envs[0]) return;
  for (size_t i = 0; i < EI_COUNT(envs); ++i) {
    edge_env_options o = EDGE_ENV_OPTIONS_INIT;
    o.max_bytes = QUOTA;
    o.isa_cap = caps[i];
    if (edge_env_create(&o, &envs[i], NULL) != EDGE_STATUS_OK) { /* a CPU without that tier */
      o.isa_cap = NULL;
      CHECK_OK(edge_env_create(&o, &envs[i], err));
    }
  }
  atexit(end);
}

static void difference(const et_made *m, const char *what, const char *detail) {
  fprintf(stderr, "DIFFERENCE %s: %s: %s\n", m->op[m->n_ops - 1]->name, what, detail);
  et_graph_print(m);
  et_graph_differences++;
  if (!getenv("EDGE_FUZZ_KEEP_GOING")) abort();
}

/* ---- running */

static edge_status set_inputs(const et_made *m, edge_session *s) {
  const ei_subgraph *const sg = &m->g->subgraphs[0];
  for (uint32_t i = 0; i < sg->n_inputs; ++i) {
    const edge_tensor *const v = &m->value[sg->inputs[i]];
    EI_TRY(edge_session_resize_input(s, i, v->dims, v->rank));
  }
  EI_TRY(edge_session_prepare(s));
  for (uint32_t i = 0; i < sg->n_inputs; ++i) {
    const edge_tensor *const v = &m->value[sg->inputs[i]];
    EI_TRY(edge_session_set_input(s, i, v->data, v->bytes));
  }
  return EDGE_STATUS_OK;
}

static void start_run(run *r, const et_made *m, edge_env *env, int32_t threads) {
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  const edge_error none = EDGE_ERROR_INIT;
  r->error = none;
  o.num_threads = threads;
  o.flags = threads > 1 ? EDGE_SESSION_OVERSUBSCRIBE : 0;
  o.max_loop_trips = MAX_TRIPS;
  o.max_dynamic_bytes = QUOTA / 4;
  o.backends = "cpu";
  r->status = edge_model_open_memory(env, r->file.p, r->file.n, NULL, &r->model, &r->error);
  if (r->status == EDGE_STATUS_OK) r->status = edge_session_create(r->model, &o, &r->s, &r->error);
  if (r->status == EDGE_STATUS_OK) {
    r->status = set_inputs(m, r->s);
    if (r->status == EDGE_STATUS_OK) r->status = edge_session_run(r->s);
    if (r->status != EDGE_STATUS_OK) r->error = *edge_session_last_error(r->s);
  }
  CHECK(r->status != EDGE_STATUS_INTERNAL && (r->status == EDGE_STATUS_OK || r->error.text[0] != '\0'));
}

static void end_run(run *r) {
  edge_session_destroy(r->s);
  edge_model_release(r->model);
  et_file_free(&r->file);
}

/* ---- comparing */

/* What a bound of the test ends says nothing. */
static bool limited(edge_status s) {
  return s == EDGE_STATUS_LIMIT_EXCEEDED || s == EDGE_STATUS_OUT_OF_MEMORY;
}

static double tolerance(int32_t dtype) {
  return dtype == EDGE_DTYPE_F16 ? 4e-3 : dtype == EDGE_DTYPE_BF16 ? 3e-2 : 2e-5;
}

static bool close(double a, double b, int32_t dtype) {
  if (a == b || (a != a && b != b)) return true;
  if (!ei_dtype_is_float(dtype)) return false;
  if (!(fabs(a) < 1e30) && !(fabs(b) < 1e30)) return true; /* beyond the range of one order of operations */
  return fabs(a - b) <= tolerance(dtype) * (fabs(b) > 1.0 ? fabs(b) : 1.0);
}

/* Floats at the ends of the range: what lies in the padding or behind a mask (0 times infinity), or overflows in one
 * order of operations only, is not defined by the operators; elementwise ones have no such excuse. */
enum { TAME, NOT_FINITE, HUGE_VALUE };

static int wild_float(double v) {
  return !(fabs(v) <= 1e300) ? NOT_FINITE : fabs(v) > 1e15 ? HUGE_VALUE : TAME;
}

static int wildness(const et_made *m, const edge_tensor *views) {
  const ei_subgraph *const sg = &m->g->subgraphs[0];
  bool simple = true;
  int worst = TAME;
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    simple = simple && n->op->flags & (EI_OP_ELEMENTWISE | EI_OP_VIEW);
    for (uint32_t k = 0; k < n->n_attr; ++k)
      if (n->attr[k].kind == EI_ATTR_FLOAT && wild_float(n->attr[k].u.f) > worst) worst = wild_float(n->attr[k].u.f);
  }
  for (uint32_t t = 0; t < sg->n_tensors && !simple; ++t) {
    const edge_tensor *const v = views[t].data ? &views[t] : &m->value[t]; /* also what nodes make of it */
    const uint64_t count = v->data && ei_dtype_is_float(v->dtype) ? ei_op_elements(v) : 0;
    for (uint64_t k = 0; k < count; ++k)
      if (wild_float(ei_load_f64(v, k)) > worst) worst = wild_float(ei_load_f64(v, k));
  }
  return simple ? TAME : worst;
}

/* Does a rounding inside the graph explain the difference of this element? */
static bool explained(const et_made *m, uint32_t id, uint64_t at, double got, double want, ei_arena *arena) {
  const ei_subgraph *const sg = &m->g->subgraphs[0];
  edge_tensor *const views = EI_NEW_ARRAY(arena, edge_tensor, sg->n_tensors);
  const bool real = ei_dtype_is_float(sg->tensors[id].dtype);
  double most = 0;
  if (!views) return true;
  for (uint64_t seed = 1; seed <= DISTURBED; ++seed) {
    edge_error err = EDGE_ERROR_INIT;
    if (et_graph_reference(m, real && seed % 2 ? 2 : 1, seed * 0x9e3779b9u, arena, views, &err) != EDGE_STATUS_OK)
      return true;
    if (at >= ei_op_elements(&views[id])) return true;
    const double v = ei_load_f64(&views[id], at), d = fabs(v - want);
    if ((v != v) != (want != want) || (!real && v != want)) return true;
    if (d > most) most = d;
  }
  return real && fabs(got - want) <= 64 * most;
}

/* A size that depends on rounded values. */
static bool shape_explained(const et_made *m, uint32_t id, const edge_tensor *want, ei_arena *arena) {
  edge_tensor *const views = EI_NEW_ARRAY(arena, edge_tensor, m->g->subgraphs[0].n_tensors);
  for (uint64_t seed = 1; views && seed <= DISTURBED; ++seed) {
    edge_error err = EDGE_ERROR_INIT;
    if (et_graph_reference(m, 1, seed * 0x9e3779b9u, arena, views, &err) != EDGE_STATUS_OK) return true;
    if (!ei_op_same_shape(&views[id], want)) return true;
  }
  return views == NULL;
}

static void compare(const et_made *m, const char *what, edge_session *s, const edge_tensor *views, ei_arena *arena) {
  const ei_subgraph *const sg = &m->g->subgraphs[0];
  const int wild = wildness(m, views);
  char text[160];
  for (uint32_t i = 0; i < sg->n_outputs; ++i) {
    const edge_tensor *const want = &views[sg->outputs[i]];
    edge_tensor got;
    CHECK_OK(edge_session_get_output(s, i, &got));
    if (!ei_op_same_shape(&got, want) || got.dtype != want->dtype) {
      if (got.dtype == want->dtype && shape_explained(m, sg->outputs[i], want, arena)) return;
      (void)ei_format(text, sizeof text, "output %u has another shape or type (%s and %s)", i,
                      edge_dtype_name(got.dtype), edge_dtype_name(want->dtype));
      difference(m, what, text);
      return;
    }
    got.data = ei_arena_get(arena, want->bytes + 1, 64);
    if (!got.data) return;
    CHECK_OK(edge_session_copy_output(s, i, got.data, want->bytes));
    for (uint64_t k = 0; k < ei_op_elements(want); ++k) {
      const double a = ei_load_f64(&got, k), b = ei_load_f64(want, k);
      if (close(a, b, want->dtype) || wild == HUGE_VALUE || (wild == NOT_FINITE && (!(a - a == 0) || !(b - b == 0))))
        continue;
      if (explained(m, sg->outputs[i], k, a, b, arena)) continue;
      snprintf(text, sizeof text, "output %u element %llu is %.9g, the reference says %.9g", i, (unsigned long long)k,
               a, b);
      difference(m, what, text);
      return;
    }
  }
}

/* Passes may leave out work whose values nobody needs, with its errors. */
static bool may_leave_out(const et_made *m) {
  for (uint32_t i = 0; i < m->n_ops; ++i)
    if (m->op[i]->flags & EI_OP_SHAPE_ONLY) return true;
  return false;
}

static bool agree(const et_made *m, const char *what, const run *r, edge_status want, const edge_error *why) {
  char text[1200];
  if ((r->status == EDGE_STATUS_OK) == (want == EDGE_STATUS_OK)) return true;
  (void)ei_format(text, sizeof text, "%s %s, the reference %s %s", edge_status_name(r->status), r->error.text,
                  edge_status_name(want), why->text);
  difference(m, what, text);
  return false;
}

static bool optimise(run *r, const et_file *from, et_memory *mem) {
  ei_graph *g = NULL;
  CHECK_OK(et_file_read(from, &mem->arena, &g, err));
  const edge_error none = EDGE_ERROR_INIT;
  r->error = none;
  r->status = ei_passes_run(g, NULL, &r->error);
  CHECK(r->status != EDGE_STATUS_INTERNAL);
  if (r->status == EDGE_STATUS_OK) {
    const void *metadata;
    uint64_t bytes;
    edge_segment *segments;
    uint32_t count;
    r->status = ei_format_write(g, &mem->arena, &metadata, &bytes, &segments, &count, &r->error);
  }
  if (r->status == EDGE_STATUS_OK) r->file = et_file_write(g, mem);
  return r->status == EDGE_STATUS_OK;
}

/* Values of a session that succeeded, where there is no reference. */
static bool from_session(const et_made *m, edge_session *s, edge_tensor *views, ei_arena *arena) {
  const ei_subgraph *const sg = &m->g->subgraphs[0];
  for (uint32_t i = 0; i < sg->n_outputs; ++i) {
    edge_tensor *const t = &views[sg->outputs[i]];
    CHECK_OK(edge_session_get_output(s, i, t));
    if (edge_tensor_bytes(t, &t->bytes) != EDGE_STATUS_OK) return false;
    t->data = ei_arena_get(arena, t->bytes + 1, 64);
    if (!t->data) return false;
    CHECK_OK(edge_session_copy_output(s, i, t->data, t->bytes));
  }
  return true;
}

static bool run_all(const et_made *m, const et_file *file, et_memory *mem, uint32_t choice) {
  edge_tensor *const views = EI_NEW_ARRAY(&mem->arena, edge_tensor, m->g->subgraphs[0].n_tensors + 1);
  edge_error why = EDGE_ERROR_INIT;
  run plain = { .file = et_file_copy(file) }, fast = { 0 };
  CHECK(views);
  edge_status want = et_graph_reference(m, 0, 0, &mem->arena, views, &why);
  start_run(&plain, m, envs[0], 1);
  if (optimise(&fast, file, mem)) start_run(&fast, m, choice % 4 ? envs[1] : envs[2], 2);
  bool known = !limited(want);
  if (!known && plain.status == EDGE_STATUS_OK) known = from_session(m, plain.s, views, &mem->arena);
  if (!known && !limited(plain.status)) known = plain.status != EDGE_STATUS_OK;
  if (limited(want)) {
    want = plain.status;
    why = plain.error;
  }
  if (want != EDGE_STATUS_OK && !limited(want) && m->n_ops == 1 && !strstr(why.text, "n0"))
    difference(m, "the error does not name the node", why.text);
  if (want != EDGE_STATUS_OK && getenv("EDGE_FUZZ_VERBOSE"))
    fprintf(stderr, "%s: %s\n", edge_status_name(want), why.text);
  if (known && !limited(want)) {
    if (!limited(plain.status) && agree(m, "scalar kernels", &plain, want, &why) && want == EDGE_STATUS_OK)
      compare(m, "scalar kernels", plain.s, views, &mem->arena);
    if (!limited(fast.status) && (fast.status != EDGE_STATUS_OK || want == EDGE_STATUS_OK || !may_leave_out(m)) &&
        agree(m, "optimised", &fast, want, &why) && want == EDGE_STATUS_OK)
      compare(m, "optimised", fast.s, views, &mem->arena);
  }
  end_run(&plain);
  end_run(&fast);
  return known && want == EDGE_STATUS_OK;
}

et_graph_answer et_graph_check(const et_made *m, et_memory *mem, uint32_t choice) {
  const void *metadata;
  uint64_t bytes;
  edge_segment *segments;
  uint32_t count;
  edge_error error = EDGE_ERROR_INIT;
  et_graph_answer answer = ET_GRAPH_REFUSED;
  start();
  if (ei_format_write(m->g, &mem->arena, &metadata, &bytes, &segments, &count, &error) == EDGE_STATUS_OK) {
    et_file file = et_file_write(m->g, mem);
    ei_graph *back = NULL;
    if (et_file_read(&file, &mem->arena, &back, &error) == EDGE_STATUS_OK)
      answer = run_all(m, &file, mem, choice) ? ET_GRAPH_RUN : ET_GRAPH_ACCEPTED;
    et_file_free(&file);
  }
  if (answer != ET_GRAPH_RUN && getenv("EDGE_FUZZ_VERBOSE")) {
    fprintf(stderr, "%s: %s\n", edge_status_name(error.status), error.text);
    et_graph_print(m);
  }
  return answer;
}
