/* SPDX-License-Identifier: Apache-2.0
 * edgert diff: two models, or one model on two backends, on the same inputs; the first tensor that departs. */
#include "tool.h"

#include "../ops/op.h"
#include "json.h"
#include <math.h>
#include <string.h>

typedef struct departure {
  const char *node;
  double max_abs, max_rel, cosine;
  bool shapes_differ;
} departure;

/* Compare one tensor; integers with a scale may differ by one step. */
static bool compare(const edge_tensor *a, const edge_tensor *b, const tool_options *o, departure *d) {
  uint64_t na = 0, nb = 0;
  double dot = 0, aa = 0, bb = 0;
  bool equal = true;
  memset(d, 0, sizeof *d);
  d->node = a->name;
  if (edge_tensor_elements(a, &na) != EDGE_STATUS_OK || edge_tensor_elements(b, &nb) != EDGE_STATUS_OK || na != nb) {
    d->shapes_differ = true;
    return false;
  }
  const bool steps = a->quant.count > 0 && b->quant.count > 0 && a->dtype == b->dtype;
  for (uint64_t i = 0; i < na; ++i) {
    const double x = steps ? ei_load_f64(a, i) : (double)ei_load_real(a, i),
                 y = steps ? ei_load_f64(b, i) : (double)ei_load_real(b, i);
    const double gap = fabs(x - y);
    if ((isnan(x) && isnan(y)) || x == y) {
      if (isfinite(x)) dot += x * y, aa += x * x, bb += y * y;
      continue;
    }
    dot += x * y;
    aa += x * x;
    bb += y * y;
    if (!(gap <= d->max_abs)) d->max_abs = gap;
    const double relative = y != 0.0 ? gap / fabs(y) : INFINITY;
    if (!(relative <= d->max_rel)) d->max_rel = relative;
    if (steps ? !(gap <= 1.0) : !(gap <= o->atol + o->rtol * fabs(y))) equal = false;
  }
  d->cosine = aa > 0 && bb > 0 ? dot / sqrt(aa * bb) : aa == bb ? 1.0 : 0.0;
  return equal;
}

/* Names need not be unique: the same position wins, then the first of that name. */
static bool output_by_name(tool_run *r, uint32_t position, const char *name, edge_tensor *out) {
  if (position < r->n_outputs && edge_session_get_output(r->session, position, out) == EDGE_STATUS_OK && out->name &&
      strcmp(out->name, name) == 0)
    return true;
  for (uint32_t i = 0; i < r->n_outputs; ++i)
    if (edge_session_get_output(r->session, i, out) == EDGE_STATUS_OK && out->name && strcmp(out->name, name) == 0)
      return true;
  return false;
}

/* Declared outputs come first in the list of an exposed model; walk the others first, they are earlier in the graph. */
static bool find_first(tool_run *a, tool_run *b, uint32_t declared, const tool_options *o, departure *first,
                       uint32_t *compared) {
  *compared = 0;
  for (uint32_t k = 0; k < a->n_outputs; ++k) {
    const uint32_t i = k + declared < a->n_outputs ? k + declared : k + declared - a->n_outputs;
    edge_tensor x, y;
    if (edge_session_get_output(a->session, i, &x) != EDGE_STATUS_OK) continue;
    const bool is_declared = i < declared;
    const bool named = x.name && *x.name && output_by_name(b, i, x.name, &y);
    if (!named && !(is_declared && edge_session_get_output(b->session, i, &y) == EDGE_STATUS_OK)) continue;
    ++*compared;
    if (!compare(&x, &y, o, first)) return true;
  }
  return false;
}

static int report(const tool_options *o, bool departs, const departure *d, uint32_t compared) {
  if (o->json) {
    printf("{\"equal\":%s,\"compared\":%u,\"first\":", departs ? "false" : "true", compared);
    if (departs) {
      fputs("{\"node\":", stdout);
      json_write_string(stdout, d->node);
      fputs(",\"max_abs\":", stdout);
      json_write_number(stdout, d->max_abs);
      fputs(",\"max_rel\":", stdout);
      json_write_number(stdout, d->max_rel);
      fputs(",\"cosine\":", stdout);
      json_write_number(stdout, d->cosine);
      fputs("}}\n", stdout);
    } else {
      fputs("null}\n", stdout);
    }
  } else if (departs && d->shapes_differ) {
    printf("'%s' is the first tensor that departs: its shapes differ\n", d->node);
  } else if (departs) {
    printf("'%s' is the first tensor that departs: max abs %g, max rel %g, cosine %.6f\n", d->node, d->max_abs,
           d->max_rel, d->cosine);
  } else {
    printf("equal: %u tensors compared\n", compared);
  }
  return departs ? EXIT_DIFFERENT : EXIT_OK;
}

static int verb_diff(const tool_options *o) {
  tool_error e = { 0, "" };
  tool_case a = { 0 }, b;
  tool_run ra, rb, plain;
  edge_env *env = NULL;
  int code = EXIT_OK, result = EXIT_OK;
  const bool backends = o->against != NULL;
  if (backends ? o->n_positional != 1 || !o->backend : o->n_positional != 2)
    code = tool_fail(&e, EXIT_USAGE, "edgert diff: usage: edgert diff A B, or edgert diff A --backend X --against Y");
  if (!code) code = tool_case_from_options(o, &a, &e);
  if (!code) code = tool_env(o, &env, &e);
  b = a;
  a.backends = backends ? o->backend : NULL;
  b.backends = backends ? o->against : NULL;
  if (!backends) b.model = o->positional[1];
  if (!code) code = tool_open(o, env, &a, &plain, &e);
  if (!code) {
    const uint32_t declared = plain.n_outputs;
    tool_close(&plain);
    a.all_outputs = b.all_outputs = true;
    code = tool_open(o, env, &a, &ra, &e);
    if (!code) {
      code = tool_open(o, env, &b, &rb, &e);
      if (!code) {
        departure d;
        uint32_t compared;
        code = tool_run_once(&ra, &a, &e);
        if (!code) code = tool_run_once(&rb, &b, &e);
        if (!code) {
          const bool departs = find_first(&ra, &rb, declared, o, &d, &compared);
          result = report(o, departs, &d, compared);
        }
        tool_close(&rb);
      }
      tool_close(&ra);
    }
  }
  edge_env_destroy(env);
  return code ? tool_report(o, &e) : result;
}

static const char *const options[] = { "against", "rtol", "atol", NULL };
const tool_verb tool_verb_diff = { "diff", "compare two models, or two backends",
                                   "usage: edgert diff A B | edgert diff A --backend X --against Y [options]", options,
                                   verb_diff };
