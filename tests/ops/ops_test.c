/* SPDX-License-Identifier: Apache-2.0
 * Runs the cases of one operator (argument: its name), of all (none), or checks the table (--table). */
#include "ops_test.h"
#include "ops_text.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct op_cases {
  const char *name;
  const et_case *cases;
} op_cases;

static const op_cases all_cases[] = {
#define EI_OP(id, name) { #name, et_cases_##name },
#include "src/ops/ops.def"
#undef EI_OP
  { NULL, NULL },
};

typedef struct run {
  const et_case *k;
  ei_node node;
  uint32_t in_ids[ET_MAX_TENSORS], out_ids[ET_MAX_TENSORS];
  et_tensors in, want, out;
  edge_error err;
} run;

static bool failed(const run *r, const char *what) {
  fprintf(stderr, "FAIL %s / %s: %s%s%s\n", r->node.op->name, r->k->name, what, r->err.text[0] ? ": " : "",
          r->err.text);
  return false;
}

static void reset_error(run *r) {
  const edge_error fresh = EDGE_ERROR_INIT;
  r->err = fresh;
}

/* Outputs as they would be declared: type and quantization of the expectation, nothing else. */
static void declare_outputs(run *r) {
  for (uint32_t i = 0; i < r->out.n; ++i) free(r->out.t[i].data);
  r->out.n = r->want.n;
  for (uint32_t i = 0; i < r->want.n; ++i) {
    const edge_tensor w = r->want.t[i];
    memset(&r->out.t[i], 0, sizeof w);
    r->out.t[i].name = w.name;
    r->out.t[i].dtype = w.dtype;
    r->out.t[i].quant = w.quant;
    r->out.t[i].rank = EI_RANK_UNKNOWN;
  }
}

static edge_status infer(run *r, const edge_tensor *in, uint32_t *needs_value) {
  reset_error(r);
  declare_outputs(r);
  ei_op_ctx c = { .node = &r->node, .in = in, .out = r->out.t, .n_in = r->in.n, .n_out = r->out.n, .err = &r->err };
  const edge_status s = r->node.op->infer(&c);
  *needs_value = c.needs_value;
  return s;
}

static bool outputs_known(const run *r) {
  for (uint32_t i = 0; i < r->out.n; ++i) {
    if (r->node.out[i] != EI_NONE && !ei_op_shape_known(&r->out.t[i])) return false;
  }
  return true;
}

/* 1 evaluated, 0 not possible (no data, unknown shape, too large); *status is eval's. */
static int evaluate(run *r, const edge_tensor *in, edge_status *status) {
  for (uint32_t i = 0; i < r->in.n; ++i) {
    if (in[i].dtype != EDGE_DTYPE_NONE && (!ei_op_shape_known(&in[i]) || in[i].data == NULL)) return 0;
  }
  if (!outputs_known(r)) return 0;
  for (uint32_t i = 0; i < r->out.n; ++i) {
    edge_tensor *const t = &r->out.t[i];
    uint64_t bytes = 0;
    if (r->node.out[i] == EI_NONE) {
      memset(t, 0, sizeof *t);
      continue;
    }
    if (!ei_tensor_bytes(t->dtype, t->encoding, t->dims, t->rank, &bytes) || bytes > 1u << 20) return 0;
    t->bytes = bytes;
    t->data = malloc(bytes > 0 ? (size_t)bytes : 1);
    memset(t->data, 0xCD, bytes > 0 ? (size_t)bytes : 1); /* what eval leaves out shows */
  }
  reset_error(r);
  ei_op_ctx c = { .node = &r->node, .in = in, .out = r->out.t, .n_in = r->in.n, .n_out = r->out.n, .err = &r->err };
  void *raw = NULL;
  if (r->node.op->scratch_bytes != NULL) {
    c.scratch_bytes = r->node.op->scratch_bytes(&c);
    if (c.scratch_bytes > 1u << 26) return 0;
    raw = malloc((size_t)c.scratch_bytes + 64);
    c.scratch = (char *)raw + (64 - (uintptr_t)raw % 64) % 64;
    memset(raw, 0xCD, (size_t)c.scratch_bytes + 64);
  }
  *status = r->node.op->eval(&c);
  free(raw);
  return 1;
}

static double tolerance(const run *r, const edge_tensor *t) {
  if (r->k->tol != 0.0 || !ei_dtype_is_float(t->dtype)) return r->k->tol;
  return t->dtype == EDGE_DTYPE_F16 ? 2e-3 : t->dtype == EDGE_DTYPE_BF16 ? 2e-2 : 1e-5;
}

static bool values_match(const run *r, const edge_tensor *got, const edge_tensor *want, const char *what) {
  const uint64_t n = ei_op_elements(want);
  const double tol = tolerance(r, want);
  for (uint64_t i = 0; i < n; ++i) {
    const double a = ei_load_f64(got, i), b = ei_load_f64(want, i);
    bool ok;
    if (ei_dtype_is_float(want->dtype)) {
      ok = a == b || (a != a && b != b) || fabs(a - b) <= tol * (fabs(b) > 1.0 ? fabs(b) : 1.0);
      if (!(fabs(b) <= 1e300)) ok = a == b || (a != a && b != b);
    } else {
      ok = ei_load_s64(got, i) == ei_load_s64(want, i) || fabs(a - b) <= tol;
    }
    if (ok) continue;
    fprintf(stderr, "FAIL %s / %s: %s, element %llu is %.9g, expected %.9g\n   got:", r->node.op->name, r->k->name,
            what, (unsigned long long)i, a, b);
    for (uint64_t j = 0; j < n && j < 24; ++j) fprintf(stderr, " %.9g", ei_load_f64(got, j));
    fprintf(stderr, "\n  want:");
    for (uint64_t j = 0; j < n && j < 24; ++j) fprintf(stderr, " %.9g", ei_load_f64(want, j));
    fprintf(stderr, "\n");
    return false;
  }
  return true;
}

/* exact: ranks and dims are equal; otherwise what is known must agree. */
static bool shapes_match(const run *r, bool exact, const char *what) {
  for (uint32_t i = 0; i < r->want.n; ++i) {
    const edge_tensor *const got = &r->out.t[i], *const want = &r->want.t[i];
    if (r->node.out[i] == EI_NONE) continue;
    bool ok = got->dtype == want->dtype;
    if (exact)
      ok = ok && got->rank == want->rank;
    else
      ok = ok && (got->rank < 0 || want->rank < 0 || got->rank == want->rank);
    for (int32_t d = 0; ok && d < got->rank; ++d) {
      if (exact)
        ok = got->dims[d] == want->dims[d];
      else if (want->rank >= 0)
        ok = got->dims[d] < 0 || want->dims[d] < 0 || got->dims[d] == want->dims[d];
    }
    if (ok) continue;
    fprintf(stderr, "  output %u is %s rank %d [", i, edge_dtype_name(got->dtype), got->rank);
    for (int32_t d = 0; d < got->rank; ++d) fprintf(stderr, " %lld", (long long)got->dims[d]);
    fprintf(stderr, " ], expected %s rank %d [", edge_dtype_name(want->dtype), want->rank);
    for (int32_t d = 0; d < want->rank; ++d) fprintf(stderr, " %lld", (long long)want->dims[d]);
    fprintf(stderr, " ]\n");
    return failed(r, what);
  }
  return true;
}

enum { HIDE_VALUES = 1, HIDE_DIMS = 2, HIDE_RANK = 4, HIDE_FIRST = 8 };

/* Inference that knows less must not contradict inference that knows all. */
static bool infer_hidden(run *r, int hide, const char *what) {
  edge_tensor in[ET_MAX_TENSORS];
  uint32_t needs = 0;
  memcpy(in, r->in.t, sizeof in);
  for (uint32_t i = 0; i < r->in.n; ++i) {
    if (hide & HIDE_VALUES) in[i].data = NULL;
    for (int32_t d = 0; hide & HIDE_DIMS && d < in[i].rank; ++d) in[i].dims[d] = EI_DIM_UNKNOWN;
    if (hide & HIDE_RANK && in[i].dtype != EDGE_DTYPE_NONE) in[i].rank = EI_RANK_UNKNOWN;
    if (hide & HIDE_FIRST && i == 0 && in[i].dtype != EDGE_DTYPE_NONE) {
      in[i].rank = EI_RANK_UNKNOWN;
      in[i].data = NULL;
    }
  }
  const edge_status s = infer(r, in, &needs);
  if (r->k->status != EDGE_STATUS_OK) return true; /* a rule may or may not be checkable now: no crash is enough */
  if (s != EDGE_STATUS_OK) return failed(r, what);
  return shapes_match(r, false, what);
}

static const int64_t odd_values[] = { -1, 0, 1, 2, 3, 5, 7, INT64_MAX, INT64_MIN, INT64_C(1) << 31, INT64_C(1) << 62 };

static int64_t odd_value(uint32_t *seed) {
  return odd_values[et_random(seed) % EI_COUNT(odd_values)];
}

static void damage_attr(ei_attr *a, uint32_t *seed) {
  if (a->kind == EI_ATTR_INT) a->u.i = odd_value(seed);
  if (a->kind == EI_ATTR_FLOAT) a->u.f = et_random(seed) % 2 ? (double)NAN : (double)odd_value(seed);
  if (a->kind == EI_ATTR_INTS && a->count > 0) {
    union {
      const int64_t *c;
      int64_t *m;
    } u = { a->u.ints };
    u.m[et_random(seed) % a->count] = odd_value(seed);
    if (et_random(seed) % 4 == 0) --a->count;
  }
}

static void damage_tensor(edge_tensor *t, uint32_t *seed) {
  const uint32_t what = et_random(seed) % 8;
  if (what == 0)
    t->dtype = (int32_t)(1 + et_random(seed) % (EDGE_DTYPE_COUNT - 1));
  else if (what == 1 && t->rank > 0)
    t->rank -= 1;
  else if (what == 2 && t->rank >= 0 && t->rank < EDGE_MAX_RANK)
    t->dims[t->rank++] = 1 + et_random(seed) % 3;
  else if (what == 3 && t->rank > 0)
    t->dims[et_random(seed) % (uint32_t)t->rank] = 0;
  else if (what == 4)
    t->data = NULL;
  else if (t->rank > 0)
    t->dims[et_random(seed) % (uint32_t)t->rank] = 1 + et_random(seed) % 9;
}

/* One element becomes an odd one: sizes, axes and indices are values too. */
static void damage_value(const edge_tensor *t, uint32_t *seed) {
  static const double odd[] = { 0.0, -1.0, 1e30, -1e30, 3e9, 1e-30, (double)INFINITY, (double)NAN };
  const uint64_t n = t->data != NULL && t->dtype != EDGE_DTYPE_BOOL ? ei_op_elements(t) : 0;
  if (n == 0) return;
  const uint64_t at = et_random(seed) % n;
  if (ei_dtype_is_float(t->dtype))
    ei_store_f64(t, at, odd[et_random(seed) % EI_COUNT(odd)]);
  else
    ei_store_s64(t, at, odd_value(seed));
}

/* Any answer is right, a crash or a read outside a buffer is not (the build with sanitizers sees those). */
static bool survives_damage(const et_case *k, const ei_op_def *op, uint32_t seed) {
  run r = { .k = k };
  edge_tensor in[ET_MAX_TENSORS];
  uint32_t needs = 0;
  r.node.op = op;
  r.node.name = "damaged";
  r.node.in = r.in_ids;
  r.node.out = r.out_ids;
  if (!et_parse_tensors(k->in, &r.in) || !et_parse_tensors(k->out, &r.want) || !et_parse_attrs(k->attrs, &r.node))
    return false;
  r.node.n_in = r.in.n;
  r.node.n_out = r.want.n;
  for (uint32_t i = 0; i < r.want.n; ++i) r.out_ids[i] = r.want.t[i].dtype == EDGE_DTYPE_NONE ? EI_NONE : i;
  for (uint32_t i = 0; i < r.in.n; ++i) r.in_ids[i] = r.in.t[i].dtype == EDGE_DTYPE_NONE ? EI_NONE : i;
  memcpy(in, r.in.t, sizeof in);
  const uint32_t rounds = 1 + et_random(&seed) % 2;
  for (uint32_t i = 0; i < rounds; ++i) {
    if (r.node.n_attr > 0 && et_random(&seed) % 2)
      damage_attr(&r.node.attr[et_random(&seed) % r.node.n_attr], &seed);
    else if (r.in.n > 0) {
      edge_tensor *const t = &in[et_random(&seed) % r.in.n];
      if (t->dtype != EDGE_DTYPE_NONE) damage_tensor(t, &seed);
    }
  }
  bool fits = true;
  for (uint32_t i = 0; i < r.in.n; ++i) { /* data of the right size again, repeating the old bytes */
    uint64_t bytes = 0;
    const edge_tensor *const was = &r.in.t[i];
    if (in[i].data == NULL) continue;
    if (!ei_tensor_bytes(in[i].dtype, 0, in[i].dims, in[i].rank, &bytes) || bytes > 1u << 20) {
      in[i].data = NULL;
      fits = false;
      continue;
    }
    in[i].bytes = bytes;
    in[i].data = calloc(1, bytes > 0 ? (size_t)bytes : 1);
    for (uint64_t b = 0; was->bytes > 0 && b < bytes; ++b)
      ((uint8_t *)in[i].data)[b] = ((const uint8_t *)was->data)[b % was->bytes];
    if (in[i].dtype == EDGE_DTYPE_BOOL)
      for (uint64_t b = 0; b < bytes; ++b) ((uint8_t *)in[i].data)[b] &= 1;
  }
  for (uint32_t i = et_random(&seed) % 3; i > 0 && r.in.n > 0; --i) damage_value(&in[et_random(&seed) % r.in.n], &seed);
  edge_status s = infer(&r, in, &needs);
  if (s == EDGE_STATUS_OK && needs == 0 && fits) (void)evaluate(&r, in, &s);
  for (uint32_t i = 0; i < r.in.n; ++i) free(in[i].data);
  for (uint32_t i = 0; i < r.out.n; ++i) free(r.out.t[i].data);
  et_free_tensors(&r.in);
  et_free_tensors(&r.want);
  et_free_attrs(&r.node);
  return true;
}

static bool check_values(run *r) {
  edge_tensor before[ET_MAX_TENSORS];
  et_tensors after = { .n = 0 };
  edge_status s = EDGE_STATUS_OK;
  bool ok = true;
  for (uint32_t i = 0; i < r->in.n; ++i) {
    before[i] = r->in.t[i];
    if (before[i].data == NULL) continue;
    before[i].data = malloc(before[i].bytes > 0 ? (size_t)before[i].bytes : 1);
    memcpy(before[i].data, r->in.t[i].data, (size_t)before[i].bytes);
  }
  if (!evaluate(r, r->in.t, &s))
    ok = r->want.n == 0 || r->want.t[0].data == NULL || failed(r, "cannot be evaluated");
  else if (s != r->k->status)
    ok = failed(r, "eval answered another status");
  else if (s == EDGE_STATUS_OK) {
    if (r->k->derive != NULL) {
      const ei_op_ctx c = { .node = &r->node, .in = before, .out = r->out.t, .n_in = r->in.n, .n_out = r->out.n };
      for (uint32_t i = 0; i < r->want.n; ++i) {
        if (r->want.t[i].dtype == EDGE_DTYPE_NONE) continue;
        (void)ei_tensor_bytes(r->want.t[i].dtype, 0, r->want.t[i].dims, r->want.t[i].rank, &r->want.t[i].bytes);
        free(r->want.t[i].data);
        r->want.t[i].data = calloc(1, r->want.t[i].bytes > 0 ? (size_t)r->want.t[i].bytes : 1);
      }
      r->k->derive(&c, r->want.t);
    }
    for (uint32_t i = 0; ok && i < r->want.n; ++i) {
      if (r->want.t[i].data != NULL) ok = values_match(r, &r->out.t[i], &r->want.t[i], "values");
    }
    ok = ok && et_parse_tensors(r->k->after, &after);
    uint32_t written = 0;
    for (uint32_t i = 0; ok && i < r->in.n; ++i) {
      if (r->in.t[i].data == NULL) continue;
      if (i < 64 && r->node.op->mutates_in >> i & 1) {
        if (written < after.n) ok = values_match(r, &r->in.t[i], &after.t[written++], "state after the run");
      } else if (memcmp(before[i].data, r->in.t[i].data, (size_t)before[i].bytes) != 0) {
        ok = failed(r, "eval wrote to an input");
      }
    }
  }
  for (uint32_t i = 0; i < r->in.n; ++i) free(before[i].data);
  et_free_tensors(&after);
  return ok;
}

static bool check_case(run *r) {
  uint32_t needs = 0;
  edge_status s = infer(r, r->in.t, &needs);
  if (r->k->status != EDGE_STATUS_OK) {
    if (s == EDGE_STATUS_OK && (needs || !evaluate(r, r->in.t, &s))) return failed(r, "a bad input was accepted");
    if (s != r->k->status) {
      fprintf(stderr, "  got %s, expected %s\n", edge_status_name(s), edge_status_name(r->k->status));
      return failed(r, "another status");
    }
    if (strstr(r->err.text, r->node.name) == NULL) return failed(r, "the error does not name the node");
  } else {
    if (s != EDGE_STATUS_OK) return failed(r, "infer");
    if (!shapes_match(r, true, "shape")) return false;
    if (!check_values(r)) return false;
  }
  return infer_hidden(r, HIDE_VALUES, "inference without values") &&
         infer_hidden(r, HIDE_VALUES | HIDE_DIMS, "inference with unknown dims") &&
         infer_hidden(r, HIDE_VALUES | HIDE_RANK, "inference with unknown ranks") &&
         infer_hidden(r, HIDE_FIRST, "inference with an unknown first input");
}

static bool run_case(const et_case *k, const ei_op_def *op) {
  run r = { .k = k };
  bool ok = false;
  r.node.op = op;
  r.node.name = "the_node";
  r.node.version = op->version;
  r.node.in = r.in_ids;
  r.node.out = r.out_ids;
  if (et_parse_tensors(k->in, &r.in) && et_parse_tensors(k->out, &r.want) && et_parse_attrs(k->attrs, &r.node)) {
    r.node.n_in = r.in.n;
    r.node.n_out = r.want.n;
    for (uint32_t i = 0; i < r.in.n; ++i) r.in_ids[i] = r.in.t[i].dtype == EDGE_DTYPE_NONE ? EI_NONE : i;
    for (uint32_t i = 0; i < r.want.n; ++i) r.out_ids[i] = r.want.t[i].dtype == EDGE_DTYPE_NONE ? EI_NONE : i;
    ok = check_case(&r);
  } else {
    (void)failed(&r, "the case does not parse");
  }
  for (uint32_t i = 0; i < r.out.n; ++i) free(r.out.t[i].data);
  et_free_tensors(&r.in);
  et_free_tensors(&r.want);
  et_free_attrs(&r.node);
  for (uint32_t seed = 1; ok && seed <= 100; ++seed) ok = survives_damage(k, op, seed * 2654435761u);
  return ok;
}

static int run_op(const op_cases *o) {
  const ei_op_def *const op = ei_op_find(o->name);
  int n = 0, bad = 0;
  if (op == NULL || strcmp(op->name, o->name) != 0) {
    fprintf(stderr, "FAIL %s is not in the table under its name\n", o->name);
    return 1;
  }
  for (const et_case *k = o->cases; k->name != NULL; ++k, ++n) bad += !run_case(k, op);
  if (n == 0) fprintf(stderr, "FAIL %s has no case\n", o->name);
  printf("%s: %d cases, %d failed\n", o->name, n, bad);
  return bad > 0 || n == 0;
}

static int check_table(void) {
  int bad = 0;
  for (uint32_t i = 0; i < ei_op_count(); ++i) {
    const ei_op_def *const op = ei_op_at(i);
    bad += op == NULL || ei_op_find(op->name) != op || ei_op_by_id(ei_op_id(op)) != op || op->infer == NULL ||
           op->min_in > op->max_in || op->min_out > op->max_out || op->version == 0;
    bad += i > 0 && ei_op_id(op) <= ei_op_id(ei_op_at(i - 1));
  }
  bad += ei_op_find("NoSuchOperator") != NULL || ei_op_find("") != NULL || ei_op_find(NULL) != NULL;
  bad += ei_op_by_id(0) != NULL || ei_op_at(ei_op_count()) != NULL || ei_op_id(NULL) != EI_NONE;
  printf("%u operators, %d faults\n", ei_op_count(), bad);
  return bad != 0;
}

int main(int argc, char **argv) {
  int bad = 0, found = 0;
  if (argc > 1 && strcmp(argv[1], "--table") == 0) return check_table();
  for (const op_cases *o = all_cases; o->name != NULL; ++o) {
    if (argc > 1 && strcmp(argv[1], o->name) != 0) continue;
    bad += run_op(o);
    found = 1;
  }
  if (argc > 1 && !found) fprintf(stderr, "no operator '%s'\n", argv[1]);
  return bad > 0 || (argc > 1 && !found);
}
