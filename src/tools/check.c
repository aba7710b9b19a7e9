/* SPDX-License-Identifier: Apache-2.0
 * edgert convert: the converted file against its source, without passes, on the same inputs. */
#include "check.h"

#include "../ops/op.h"
#include "runs.h"
#include <stdlib.h>
#include <string.h>

/* Portable kernels manage about this many multiply-accumulates in a blink; above, the source runs on this CPU's. */
#define PORTABLE_MACS 500000000.0
#define MOST_MACS 30000000000.0
enum { MOST_ENTRIES = 8, SECONDS = 20 };

/* Float models: rounding only. Models with integer arithmetic flip roundings, which later layers amplify. */
static const tolerance strict = { 2e-3, 1e-4, 2.0 };
#define QUANTIZED_COSINE 0.99
/* What sums in another order, of weights that were merged, may add up to over a hundred layers. */
#define DEEP_COSINE 0.99999
#define DEEP_RELATIVE 1e-3

/* Results of these jump where their inputs hardly differ. */
static bool jumps(const char *op) {
  static const char *const names[] = { "ArgMax",
                                       "ArgMin",
                                       "TopK",
                                       "NonMaxSuppression",
                                       "Round",
                                       "Floor",
                                       "Ceil",
                                       "Sign",
                                       "Greater",
                                       "Less",
                                       "Equal",
                                       "GreaterOrEqual",
                                       "LessOrEqual",
                                       "NonZero",
                                       "Quantize",
                                       "DynamicQuantize",
                                       "Unique",
                                       "Hardmax",
                                       "DetectionPostProcess",
                                       "Mod",
                                       "Cast",
                                       "Where",
                                       "NotEqual" };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i)
    if (strcmp(names[i], op) == 0) return true;
  return false;
}

static double work_of(const tool_run *r) {
  uint32_t n = 0;
  double macs = 0.0;
  if (edge_session_num_nodes(r->session, &n) != EDGE_STATUS_OK) return 0.0;
  for (uint32_t i = 0; i < n; ++i) {
    edge_placement p = EDGE_PLACEMENT_INIT;
    if (edge_session_explain(r->session, i, &p) == EDGE_STATUS_OK) macs += (double)p.macs;
  }
  return macs;
}

/* Integer arithmetic anywhere: 8-bit and smaller weights, or scales. */
static bool quantized(const ei_graph *g) {
  for (uint32_t s = 0; s < g->n_subgraphs; ++s)
    for (uint32_t i = 0; i < g->subgraphs[s].n_tensors; ++i) {
      const ei_tensor *const t = &g->subgraphs[s].tensors[i];
      if (t->quant.count > 0 || t->dtype == EDGE_DTYPE_S8 || t->dtype == EDGE_DTYPE_U8 || t->dtype >= EDGE_DTYPE_S4)
        return true;
    }
  return false;
}

static void skip(convert_check *k, const char *why) {
  k->verdict = CHECK_SKIPPED;
  snprintf(k->text, sizeof k->text, "%s", why);
}

/* Errors begin with a path that the reader has just read. */
static const char *without_path(const char *text, const char *path) {
  const size_t n = strlen(path);
  return strncmp(text, path, n) == 0 && text[n] == ':' ? text + n + 1 + strspn(text + n + 1, " ") : text;
}

static void sides(const tool_options *o, const tool_case *c, const char *converted, const char *isa, bool all,
                  run_side *source, run_side *result) {
  memset(source, 0, sizeof *source);
  memset(result, 0, sizeof *result);
  source->options = *o;
  source->options.json = false;
  if (!(o->timeout_s > 0)) source->options.timeout_s = SECONDS;
  result->options = source->options;
  source->options.isa = isa ? isa : o->isa;
  source->options.backend = "cpu";
  source->c = *c;
  source->c.all_outputs = all;
  source->c.quiet = true;
  source->options.cache_dir = NULL;
  result->c = source->c;
  source->c.no_passes = true;
  result->c.model = converted;
}

/* Which tensor first departs, for the message; and whether it is one that may jump. */
static bool explain(const tool_options *o, const tool_case *c, const char *converted, const char *isa, char *text,
                    size_t cap) {
  run_side *const s = calloc(2, sizeof *s);
  runs_result r = { .n = 0 };
  tool_error e = { 0, "" };
  bool jump = false;
  text[0] = 0;
  if (!s) return false;
  sides(o, c, converted, isa, true, &s[0], &s[1]);
  int code = run_side_open(&s[1], &e);
  if (!code) code = run_side_open(&s[0], &e);
  if (!code) run_sides_share_inputs(&s[1], &s[0]);
  if (!code) code = run_side_run(&s[1], &e);
  if (!code) code = run_side_run(&s[0], &e);
  if (!code) code = runs_compare(&strict, &s[1].values, &s[0].values, &r, &e);
  if (!code && r.first) {
    const departure *const d = &r.first->d;
    jump = jumps(r.first->a->op);
    if (d->shapes_differ)
      snprintf(text, cap, "the first tensor that departs is '%.120s' (%s), whose shapes differ", r.first->a->t.name,
               r.first->a->op);
    else
      snprintf(text, cap, "the first tensor that departs is '%.120s' (%s), max abs %g%s, cosine %.6f",
               r.first->a->t.name, r.first->a->op, d->max_abs, d->steps ? " steps" : "", d->cosine);
  }
  free(r.pairs);
  run_side_close(&s[0]);
  run_side_close(&s[1]);
  free(s);
  return jump;
}

/* Outputs of one entry point. */
static void judge(const runs_result *r, bool integers, convert_check *k) {
  for (uint32_t i = 0; i < r->n; ++i) {
    const run_pair *const p = &r->pairs[i];
    const departure *const d = &p->d;
    k->outputs++;
    const bool deep = !integers && !d->shapes_differ && !d->steps && d->cosine >= DEEP_COSINE &&
                      d->max_abs <= DEEP_RELATIVE * d->most;
    if (d->excess <= 1.0 || deep) {
      if (!d->steps && d->max_abs > k->largest) k->largest = d->max_abs;
      continue;
    }
    if (integers && !d->shapes_differ && d->cosine >= QUANTIZED_COSINE) {
      if (!k->flips++ || d->cosine < k->cosine) k->cosine = d->cosine;
      continue;
    }
    k->verdict = CHECK_DIFFERENT;
    snprintf(k->text, sizeof k->text, "output '%.120s' differs: max abs %g%s, cosine %.6f", p->a->t.name, d->max_abs,
             d->steps ? " steps" : "", d->cosine);
    return;
  }
}

static void check_entry(const tool_options *o, const tool_case *c, const char *converted, convert_check *k) {
  run_side *const s = calloc(2, sizeof *s);
  runs_result r = { .n = 0 };
  tool_error e = { 0, "" };
  char detail[400];
  if (!s) {
    skip(k, "no memory to run both");
    return;
  }
  run_side *const source = &s[0], *const result = &s[1];
  sides(o, c, converted, NULL, false, source, result);
  int code = run_side_open(result, &e);
  const double macs = code ? 0.0 : work_of(&result->run);
  const char *const isa = macs > PORTABLE_MACS ? NULL : "scalar";
  if (!code && macs > MOST_MACS) {
    snprintf(detail, sizeof detail,
             "one run takes %.1f billion multiply-accumulates; edgert diff %.120s %.120s --against "
             "reference compares them",
             macs / 1e9, c->model, converted);
    skip(k, detail);
    code = -1;
  }
  source->options.isa = isa ? isa : o->isa;
  k->portable = isa != NULL;
  if (!code) code = run_side_open(source, &e);
  if (!code) run_sides_share_inputs(result, source);
  if (!code) code = run_side_run(source, &e); /* a source that does not run on drawn inputs says nothing */
  if (code) {
    if (code > 0) {
      snprintf(k->text, sizeof k->text, "the source does not run on the check's inputs: %.300s",
               without_path(without_path(e.text, c->model), converted));
      k->verdict = CHECK_SKIPPED;
    }
  } else if ((code = run_side_run(result, &e)) != 0) {
    snprintf(k->text, sizeof k->text, "it does not run where the source does: %.300s", without_path(e.text, converted));
    k->verdict = code == EXIT_LIMIT ? CHECK_SKIPPED : CHECK_DIFFERENT;
  } else if (runs_compare(&strict, &result->values, &source->values, &r, &e) == EXIT_OK) {
    const bool integers = quantized(source->run.graph);
    judge(&r, integers, k);
  }
  free(r.pairs);
  run_side_close(source);
  run_side_close(result);
  free(s);
  if (k->verdict != CHECK_DIFFERENT || code) return;
  if (explain(o, c, converted, isa, detail, sizeof detail)) {
    k->verdict = CHECK_EQUAL;
    k->flips++;
    k->cosine = 0.0;
    return;
  }
  if (*detail) {
    const size_t used = strlen(k->text);
    snprintf(k->text + used, sizeof k->text - used, "; %s", detail);
  }
}

static uint32_t entries(const tool_options *o, const char *path, char names[MOST_ENTRIES][128]) {
  tool_error e = { 0, "" };
  edge_env *env = NULL;
  edge_model *model = NULL;
  uint32_t n = 0;
  if (tool_env(o, &env, &e) == EXIT_OK && edge_model_open_file(env, path, NULL, &model, NULL) == EDGE_STATUS_OK)
    for (; n < MOST_ENTRIES && n < edge_model_num_entries(model); ++n)
      snprintf(names[n], sizeof names[n], "%s", edge_model_entry_name(model, n));
  edge_model_release(model);
  edge_env_destroy(env);
  return n;
}

static void sum_up(convert_check *k) {
  const char *const against = k->portable ? "portable kernels" : "this CPU's kernels";
  if (k->flips && k->cosine > 0)
    snprintf(k->text, sizeof k->text,
             "%u output%s against the source without passes on %s: cosine %.6f at least, as "
             "roundings of integer arithmetic allow",
             k->outputs, k->outputs == 1 ? "" : "s", against, k->cosine);
  else if (k->flips)
    snprintf(k->text, sizeof k->text,
             "%u output%s against the source without passes on %s: equal up to the first "
             "operator that jumps where its inputs hardly differ",
             k->outputs, k->outputs == 1 ? "" : "s", against);
  else
    snprintf(k->text, sizeof k->text, "%u output%s equal to the source without passes on %s, largest difference %.3g",
             k->outputs, k->outputs == 1 ? "" : "s", against, k->largest);
}

int convert_verify(const tool_options *o, const char *converted, convert_check *k, tool_error *e) {
  char names[MOST_ENTRIES][128];
  tool_options each = *o;
  tool_case c;
  memset(k, 0, sizeof *k);
  const int code = tool_case_from_options(o, &c, e);
  if (code) return code;
  const uint32_t n = o->entry ? 1 : entries(o, converted, names);
  for (uint32_t i = 0; i < n && k->verdict == CHECK_EQUAL; ++i) {
    if (!o->entry && n > 1) each.entry = names[i];
    check_entry(&each, &c, converted, k);
  }
  if (k->verdict == CHECK_EQUAL && k->outputs) sum_up(k);
  if (k->verdict == CHECK_EQUAL && !k->outputs) skip(k, "the model has no output to compare");
  if (k->verdict != CHECK_DIFFERENT) return EXIT_OK;
  return tool_fail(e, EXIT_DIFFERENT,
                   "%s: the converted model does not give the source's results, it was removed: %s. Find the pass with "
                   "--no-pass, or keep the file with --no-verify",
                   o->positional[0], k->text);
}
