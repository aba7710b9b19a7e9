/* SPDX-License-Identifier: Apache-2.0
 * edgert diff: two models, two backends, or another runtime, on the same inputs; the first tensor that departs. */
#include "compare.h"

#include "../ops/op.h"
#include "json.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORST = 10 };

/* One pair of tensors of the same name. */
typedef struct pair {
  const tool_value *a;
  departure d;
} pair;

typedef struct result {
  pair *pairs; /* in a's order of execution */
  uint32_t n, only_a, only_b;
  const pair *first;
  const char *label_a, *label_b;
} result;

/* One side: a session, or another runtime's values. */
typedef struct side {
  tool_options options;
  tool_case c;
  tool_run run;
  edge_env *env;
  tool_values values;
  bool open;
} side;

/* ---- values of a session */

static int collect(side *s, tool_error *e) {
  tool_run *const r = &s->run;
  const ei_subgraph *const sg = &r->graph->subgraphs[r->graph->entries[r->entry].subgraph];
  uint32_t *const producer = calloc(sg->n_tensors + 1u, sizeof *producer);
  s->values.items = calloc(r->n_outputs + 1u, sizeof *s->values.items);
  if (!producer || !s->values.items) {
    free(producer);
    return tool_fail(e, EXIT_LIMIT, "%s: no memory", s->c.model);
  }
  for (uint32_t i = 0; i < sg->n_nodes; ++i)
    for (uint32_t k = 0; k < sg->nodes[i].n_out; ++k)
      if (sg->nodes[i].out[k] != EI_NONE) producer[sg->nodes[i].out[k]] = i + 1;
  for (uint32_t i = 0; i < r->n_outputs && i < sg->n_outputs; ++i) {
    tool_value *const v = &s->values.items[s->values.n];
    const uint32_t node = producer[sg->outputs[i]];
    if (edge_session_get_output(r->session, i, &v->t) != EDGE_STATUS_OK) continue;
    v->output = i < r->n_declared;
    v->order = node;
    v->op = node ? sg->nodes[node - 1].op->name : "";
    s->values.n++;
  }
  free(producer);
  return EXIT_OK;
}

/* ---- matching */

static int by_name(const void *a, const void *b) {
  const tool_value *const x = *(const tool_value *const *)a, *const y = *(const tool_value *const *)b;
  const int order = strcmp(x->t.name, y->t.name);
  return order ? order : (x > y) - (x < y);
}

static int by_order(const void *a, const void *b) {
  const pair *const x = a, *const y = b;
  return x->a->order != y->a->order ? (x->a->order > y->a->order) - (x->a->order < y->a->order)
                                    : (x->a > y->a) - (x->a < y->a);
}

/* The first of that name that nothing was compared with yet; names need not be unique. */
static const tool_value *take(const tool_value **sorted, uint8_t *taken, uint32_t n, const char *name) {
  uint32_t lo = 0, hi = n;
  while (lo < hi) {
    const uint32_t middle = lo + (hi - lo) / 2;
    if (strcmp(sorted[middle]->t.name, name) < 0)
      lo = middle + 1;
    else
      hi = middle;
  }
  for (; lo < n && strcmp(sorted[lo]->t.name, name) == 0; ++lo)
    if (!taken[lo]++) return sorted[lo];
  return NULL;
}

/* Declared outputs whose names differ belong together by position. */
static const tool_value *declared(const tool_values *v, uint32_t position) {
  for (uint32_t i = 0; i < v->n; ++i)
    if (v->items[i].output && position-- == 0) return &v->items[i];
  return NULL;
}

static int compare_all(const tool_options *o, const tool_values *a, const tool_values *b, result *out, tool_error *e) {
  const tolerance limits = { o->rtol, o->atol, 1.0 };
  const tool_value **const sorted = calloc(b->n + 1u, sizeof *sorted);
  uint8_t *const taken = calloc(b->n + 1u, 1);
  uint32_t position = 0;
  out->pairs = calloc(a->n + 1u, sizeof *out->pairs);
  if (!sorted || !taken || !out->pairs) {
    free(sorted);
    free(taken);
    return tool_fail(e, EXIT_LIMIT, "edgert diff: no memory");
  }
  for (uint32_t i = 0; i < b->n; ++i) sorted[i] = &b->items[i];
  qsort(sorted, b->n, sizeof *sorted, by_name);
  for (uint32_t i = 0; i < a->n; ++i) {
    const tool_value *const x = &a->items[i];
    const tool_value *y = *x->t.name ? take(sorted, taken, b->n, x->t.name) : NULL;
    if (!y && x->output) y = declared(b, position);
    position += x->output;
    if (!y) {
      out->only_a++;
      continue;
    }
    pair *const p = &out->pairs[out->n++];
    p->a = x;
    (void)!tool_compare(&x->t, &y->t, &limits, &p->d);
  }
  out->only_b = b->n > out->n ? b->n - out->n : 0;
  qsort(out->pairs, out->n, sizeof *out->pairs, by_order);
  for (uint32_t i = 0; i < out->n && !out->first; ++i)
    if (out->pairs[i].d.excess > 1.0) out->first = &out->pairs[i];
  free(sorted);
  free(taken);
  return EXIT_OK;
}

/* ---- telling */

static int by_excess(const void *a, const void *b) {
  const pair *const x = *(const pair *const *)a, *const y = *(const pair *const *)b;
  if (x->d.excess > y->d.excess || x->d.excess < y->d.excess) return x->d.excess < y->d.excess ? 1 : -1;
  return x < y ? -1 : x > y;
}

static const pair **worst_of(const result *r, uint32_t *n) {
  const pair **const list = calloc(r->n + 1u, sizeof *list);
  *n = 0;
  for (uint32_t i = 0; list && i < r->n; ++i)
    if (r->pairs[i].d.excess > 0.0) list[(*n)++] = &r->pairs[i];
  if (list) qsort(list, *n, sizeof *list, by_excess);
  if (*n > WORST) *n = WORST;
  return list;
}

static void pair_json(const pair *p) {
  fputs("{\"node\":", stdout);
  json_write_string(stdout, p->a->t.name);
  fputs(",\"op\":", stdout);
  json_write_string(stdout, p->a->op);
  printf(",\"max_abs\":");
  json_write_number(stdout, p->d.shapes_differ ? (double)NAN : p->d.max_abs);
  fputs(",\"max_rel\":", stdout);
  json_write_number(stdout, p->d.shapes_differ ? (double)NAN : p->d.max_rel);
  fputs(",\"cosine\":", stdout);
  json_write_number(stdout, p->d.shapes_differ ? (double)NAN : p->d.cosine);
  printf(",\"elements\":%llu,\"beyond\":%llu,\"steps\":%s,\"shapes_differ\":%s}", (unsigned long long)p->d.count,
         (unsigned long long)p->d.beyond, p->d.steps ? "true" : "false", p->d.shapes_differ ? "true" : "false");
}

static void report_json(const result *r) {
  uint32_t n = 0, outputs = 0;
  const pair **const worst = worst_of(r, &n);
  printf("{\"equal\":%s,\"compared\":%u,\"only_a\":%u,\"only_b\":%u,\"a\":", r->first ? "false" : "true", r->n,
         r->only_a, r->only_b);
  json_write_string(stdout, r->label_a);
  fputs(",\"b\":", stdout);
  json_write_string(stdout, r->label_b);
  fputs(",\"first\":", stdout);
  if (r->first)
    pair_json(r->first);
  else
    fputs("null", stdout);
  fputs(",\"worst\":[", stdout);
  for (uint32_t i = 0; worst && i < n; ++i) {
    fputs(i ? "," : "", stdout);
    pair_json(worst[i]);
  }
  fputs("],\"outputs\":[", stdout);
  for (uint32_t i = 0; i < r->n; ++i)
    if (r->pairs[i].a->output) {
      fputs(outputs++ ? "," : "", stdout);
      pair_json(&r->pairs[i]);
    }
  fputs("]}\n", stdout);
  free(worst);
}

static void print_pair(const pair *p) {
  printf("  %-16.16s %-40.40s", *p->a->op ? p->a->op : "-", p->a->t.name);
  if (p->d.shapes_differ)
    fputs("  shapes differ\n", stdout);
  else
    printf(" %11.4g%s %11.4g  %9.6f %9llu of %llu\n", p->d.max_abs, p->d.steps ? " st" : "   ", p->d.max_rel,
           p->d.cosine, (unsigned long long)p->d.beyond, (unsigned long long)p->d.count);
}

static void print_heading(const char *what) {
  printf("%s\n  %-16s %-40s %11s    %11s  %9s %9s\n", what, "operator", "tensor", "max abs", "max rel", "cosine",
         "beyond");
}

/* Every tensor in order of execution, to see where a small difference grows. */
static void list_all(const result *r) {
  print_heading("all tensors in order:");
  for (uint32_t i = 0; i < r->n; ++i) print_pair(&r->pairs[i]);
}

static void report_text(const tool_options *o, const result *r) {
  uint32_t n = 0;
  const pair **const worst = worst_of(r, &n);
  printf("a: %s\nb: %s\n", r->label_a, r->label_b);
  if (!r->first) {
    printf("equal: %u tensors compared by name, rtol %g, atol %g (quantized: one step)", r->n, o->rtol, o->atol);
    printf(r->only_a || r->only_b ? "; %u only in a, %u only in b\n" : "\n", r->only_a, r->only_b);
  } else if (r->first->d.shapes_differ) {
    printf("'%s' (%s) is the first tensor that departs: its shapes differ\n", r->first->a->t.name, r->first->a->op);
  } else {
    const departure *const d = &r->first->d;
    printf(
        "'%s' (%s) is the first tensor that departs: max abs %g%s, max rel %g, cosine %.6f; %llu of %llu elements, the "
        "worst is number %llu: %g in a, %g in b\n",
        r->first->a->t.name, r->first->a->op, d->max_abs, d->steps ? " steps" : "", d->max_rel, d->cosine,
        (unsigned long long)d->beyond, (unsigned long long)d->count, (unsigned long long)d->where, d->a, d->b);
  }
  if (o->all) list_all(r);
  if (worst && n && !o->all) {
    print_heading(r->first ? "the worst of all:" : "the largest differences within the tolerance:");
    for (uint32_t i = 0; i < n; ++i) print_pair(worst[i]);
  }
  if (r->first) {
    print_heading("outputs of the model:");
    for (uint32_t i = 0; i < r->n; ++i)
      if (r->pairs[i].a->output) print_pair(&r->pairs[i]);
  }
  free(worst);
}

/* ---- the two sides */

static int open_session(side *s, tool_error *e) {
  s->c.all_outputs = s->c.want_graph = true;
  int code = tool_env(&s->options, &s->env, e);
  if (!code) code = tool_open(&s->options, s->env, &s->c, &s->run, e);
  s->open = !code;
  return code;
}

static int run_session(side *s, const char *how, tool_error *e) {
  const int code = tool_run_once(&s->run, &s->c, e);
  snprintf(s->values.label, sizeof s->values.label, "%.110s%s", s->c.model, how);
  return code ? code : collect(s, e);
}

static void close_side(side *s) {
  tool_values_free(&s->values);
  if (s->open) tool_close(&s->run);
  edge_env_destroy(s->env);
}

/* b computes on a's inputs, with channels moved where b wants them elsewhere. */
static void share_inputs(const tool_run *a, const tool_run *b) {
  for (uint32_t i = 0; i < a->n_inputs && i < b->n_inputs; ++i) {
    edge_tensor x, y;
    if (edge_session_get_input(a->session, i, &x) == EDGE_STATUS_OK &&
        edge_session_get_input(b->session, i, &y) == EDGE_STATUS_OK)
      (void)tool_copy_values(&x, &y);
  }
}

static bool is_reference(const char *name) {
  return strcmp(name, "reference") == 0;
}

static int prepare_b(const tool_options *o, side *a, side *b, char how[64], tool_error *e) {
  if (!o->against) {
    b->c.model = o->positional[1];
  } else if (is_reference(o->against)) {
    b->c.no_passes = true;
    b->options.isa = "scalar";
    b->options.backend = "cpu";
    snprintf(how, 64, ", no passes, portable kernels");
  } else {
    b->c.backends = o->against;
    snprintf(how, 64, " on %.50s", o->against);
  }
  const int code = open_session(b, e);
  if (code) return code;
  if (a->run.n_inputs != b->run.n_inputs)
    return tool_fail(e, EXIT_USAGE, "%s: has %u inputs, %s has %u: these models cannot be compared", a->c.model,
                     a->run.n_inputs, b->c.model, b->run.n_inputs);
  share_inputs(&a->run, &b->run);
  return EXIT_OK;
}

static int both(const tool_options *o, side *a, side *b, result *r, tool_error *e) {
  char how_a[64] = "", how_b[64] = "";
  const bool peer = o->against && tool_is_peer(o->against);
  if (o->against && o->backend) {
    a->c.backends = o->backend;
    snprintf(how_a, sizeof how_a, " on %.50s", o->backend);
  }
  int code = open_session(a, e);
  if (!code && !peer) code = prepare_b(o, a, b, how_b, e);
  if (!code && peer)
    code = tool_peer(o, &a->c, &a->run, o->against, &b->values, e); /* before a's run may touch inputs */
  if (!code) code = run_session(a, how_a, e);
  if (!code && !peer) code = run_session(b, how_b, e);
  if (code) return code;
  r->label_a = a->values.label;
  r->label_b = b->values.label;
  return compare_all(o, &a->values, &b->values, r, e);
}

static int verb_diff(const tool_options *o) {
  tool_error e = { 0, "" };
  result r = { .n = 0 };
  side *const a = calloc(1, sizeof *a), *const b = calloc(1, sizeof *b);
  int code = a && b ? EXIT_OK : tool_fail(&e, EXIT_LIMIT, "edgert diff: no memory");
  if (!code && o->n_positional != (o->against ? 1u : 2u))
    code = tool_fail(&e, EXIT_USAGE,
                     "edgert diff: usage: edgert diff A B, or edgert diff A --against Y, where Y is a backend, "
                     "'reference', 'onnxruntime' or 'litert'");
  if (!code) {
    a->options = b->options = *o;
    code = tool_case_from_options(o, &a->c, &e);
    b->c = a->c;
  }
  if (!code) code = both(o, a, b, &r, &e);
  if (!code && o->json) report_json(&r);
  if (!code && !o->json) report_text(o, &r);
  const bool departs = r.first != NULL;
  free(r.pairs);
  if (a) close_side(a);
  if (b) close_side(b);
  free(a);
  free(b);
  return code ? tool_report(o, &e) : departs ? EXIT_DIFFERENT : EXIT_OK;
}

static const char *const options[] = { "against", "rtol", "atol", "all", NULL };
const tool_verb tool_verb_diff = {
  "diff", "compare two models, two backends, or another runtime",
  "usage: edgert diff A B [options]\n"
  "       edgert diff A [--backend X] --against BACKEND|reference|onnxruntime|litert [options]",
  options, verb_diff
};
