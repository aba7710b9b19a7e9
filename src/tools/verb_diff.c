/* SPDX-License-Identifier: Apache-2.0
 * edgert diff: two models, two backends, or another runtime, on the same inputs; the first tensor that departs. */
#include "graph_view.h"
#include "runs.h"

#include "json.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORST = 10 };

/* ---- telling */

static int by_excess(const void *a, const void *b) {
  const run_pair *const x = *(const run_pair *const *)a, *const y = *(const run_pair *const *)b;
  if (x->d.excess > y->d.excess || x->d.excess < y->d.excess) return x->d.excess < y->d.excess ? 1 : -1;
  return x < y ? -1 : x > y;
}

static const run_pair **worst_of(const runs_result *r, uint32_t *n) {
  const run_pair **const list = calloc(r->n + 1u, sizeof *list);
  *n = 0;
  for (uint32_t i = 0; list && i < r->n; ++i)
    if (r->pairs[i].d.excess > 0.0) list[(*n)++] = &r->pairs[i];
  if (list) qsort(list, *n, sizeof *list, by_excess);
  if (*n > WORST) *n = WORST;
  return list;
}

static void pair_json(const run_pair *p) {
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

static void report_json(const runs_result *r, const char *label_a, const char *label_b) {
  uint32_t n = 0, outputs = 0;
  const run_pair **const worst = worst_of(r, &n);
  printf("{\"equal\":%s,\"compared\":%u,\"only_a\":%u,\"only_b\":%u,\"a\":", r->first ? "false" : "true", r->n,
         r->only_a, r->only_b);
  json_write_string(stdout, label_a);
  fputs(",\"b\":", stdout);
  json_write_string(stdout, label_b);
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

static void print_pair(const run_pair *p) {
  char name[48];
  printf("  %-16.16s %-40s", *p->a->op ? p->a->op : "-", view_name(p->a->t.name, 40, name, sizeof name));
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
static void list_all(const runs_result *r) {
  print_heading("all tensors in order:");
  for (uint32_t i = 0; i < r->n; ++i) print_pair(&r->pairs[i]);
}

static void report_text(const tool_options *o, const runs_result *r, const char *label_a, const char *label_b) {
  uint32_t n = 0;
  char name[512];
  const run_pair **const worst = worst_of(r, &n);
  printf("a: %s\nb: %s\n", label_a, label_b);
  if (!r->first) {
    printf("equal: %u tensors compared by name, rtol %g, atol %g (quantized: one step)", r->n, o->rtol, o->atol);
    printf(r->only_a || r->only_b ? "; %u only in a, %u only in b\n" : "\n", r->only_a, r->only_b);
  } else if (r->first->d.shapes_differ) {
    printf("'%s' (%s) is the first tensor that departs: its shapes differ\n",
           view_name(r->first->a->t.name, 400, name, sizeof name), r->first->a->op);
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

static bool is_reference(const char *name) {
  return strcmp(name, "reference") == 0;
}

static int prepare_b(const tool_options *o, run_side *a, run_side *b, char how[64], tool_error *e) {
  if (!o->against) {
    b->c.model = o->positional[1];
  } else if (is_reference(o->against)) {
    b->c.no_passes = b->c.quiet = true;
    b->options.isa = "scalar";
    b->options.backend = "cpu";
    snprintf(how, 64, ", no passes, portable kernels");
  } else {
    b->c.backends = o->against;
    snprintf(how, 64, " on %.50s", o->against);
  }
  const int code = run_side_open(b, e);
  if (code) return code;
  if (a->run.n_inputs != b->run.n_inputs)
    return tool_fail(e, EXIT_USAGE, "%s: has %u inputs, %s has %u: these models cannot be compared", a->c.model,
                     a->run.n_inputs, b->c.model, b->run.n_inputs);
  run_sides_share_inputs(a, b);
  return EXIT_OK;
}

static int both(const tool_options *o, run_side *a, run_side *b, runs_result *r, tool_error *e) {
  char how_a[64] = "", how_b[64] = "";
  const bool peer = o->against && tool_is_peer(o->against);
  if (o->against && o->backend) {
    a->c.backends = o->backend;
    snprintf(how_a, sizeof how_a, " on %.50s", o->backend);
  }
  int code = run_side_open(a, e);
  if (!code && !peer) code = prepare_b(o, a, b, how_b, e);
  if (!code && peer)
    code = tool_peer(o, &a->c, &a->run, o->against, &b->values, e); /* before a's run may touch inputs */
  if (!code) code = run_side_run(a, e);
  if (!code && !peer) code = run_side_run(b, e);
  if (code) return code;
  snprintf(a->values.label, sizeof a->values.label, "%.110s%s", a->c.model, how_a);
  if (!peer) snprintf(b->values.label, sizeof b->values.label, "%.110s%s", b->c.model, how_b);
  const tolerance limits = { o->rtol, o->atol, 1.0 };
  return runs_compare(&limits, &a->values, &b->values, r, e);
}

static int verb_diff(const tool_options *o) {
  tool_error e = { 0, "" };
  runs_result r = { .n = 0 };
  run_side *const a = calloc(1, sizeof *a), *const b = calloc(1, sizeof *b);
  int code = a && b ? EXIT_OK : tool_fail(&e, EXIT_LIMIT, "edgert diff: no memory");
  tool_options with_defaults = *o; /* other kernels add in another order */
  if (with_defaults.atol < 0) with_defaults.atol = o->against ? 1e-4 : 1e-5;
  if (!code && o->n_positional != (o->against ? 1u : 2u))
    code = tool_fail(&e, EXIT_USAGE,
                     "edgert diff: usage: edgert diff A B, or edgert diff A --against Y, where Y is a backend, "
                     "'reference', 'onnxruntime' or 'litert'");
  if (!code) {
    a->options = b->options = with_defaults;
    code = tool_case_from_options(o, &a->c, &e);
    a->c.all_outputs = true;
    b->c = a->c;
  }
  o = &with_defaults;
  if (!code) code = both(o, a, b, &r, &e);
  if (!code && o->json) report_json(&r, a->values.label, b->values.label);
  if (!code && !o->json) report_text(o, &r, a->values.label, b->values.label);
  const bool departs = r.first != NULL;
  free(r.pairs);
  if (a) run_side_close(a);
  if (b) run_side_close(b);
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
