/* SPDX-License-Identifier: Apache-2.0
 * Runs two models on the same inputs and puts their tensors in pairs by name. */
#include "runs.h"

#include "../ops/op.h"
#include <stdlib.h>
#include <string.h>

/* ---- values of a session */

static int collect(run_side *s, tool_error *e) {
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
  const run_pair *const x = a, *const y = b;
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

int runs_compare(const tolerance *limits, const tool_values *a, const tool_values *b, runs_result *out, tool_error *e) {
  const tool_value **const sorted = calloc(b->n + 1u, sizeof *sorted);
  uint8_t *const taken = calloc(b->n + 1u, 1);
  uint32_t position = 0;
  out->pairs = calloc(a->n + 1u, sizeof *out->pairs);
  if (!sorted || !taken || !out->pairs) {
    free(sorted);
    free(taken);
    return tool_fail(e, EXIT_LIMIT, "edgert: no memory to compare");
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
    run_pair *const p = &out->pairs[out->n++];
    p->a = x;
    (void)!tool_compare(&x->t, &y->t, limits, &p->d);
  }
  out->only_b = b->n > out->n ? b->n - out->n : 0;
  qsort(out->pairs, out->n, sizeof *out->pairs, by_order);
  for (uint32_t i = 0; i < out->n && !out->first; ++i)
    if (out->pairs[i].d.excess > 1.0) out->first = &out->pairs[i];
  free(sorted);
  free(taken);
  return EXIT_OK;
}

/* ---- the two sides */

int run_side_open(run_side *s, tool_error *e) {
  s->c.want_graph = true;
  int code = tool_env(&s->options, &s->env, e);
  if (!code) code = tool_open(&s->options, s->env, &s->c, &s->run, e);
  s->open = !code;
  return code;
}

int run_side_run(run_side *s, tool_error *e) {
  const int code = tool_run_once(&s->run, &s->c, e);
  return code ? code : collect(s, e);
}

void run_side_close(run_side *s) {
  tool_values_free(&s->values);
  if (s->open) tool_close(&s->run);
  edge_env_destroy(s->env);
  s->env = NULL;
  s->open = false;
}

void run_sides_share_inputs(const run_side *a, const run_side *b) {
  for (uint32_t i = 0; i < a->run.n_inputs && i < b->run.n_inputs; ++i) {
    edge_tensor x, y;
    if (edge_session_get_input(a->run.session, i, &x) == EDGE_STATUS_OK &&
        edge_session_get_input(b->run.session, i, &y) == EDGE_STATUS_OK)
      (void)tool_copy_values(&x, &y);
  }
}
