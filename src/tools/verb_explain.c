/* SPDX-License-Identifier: Apache-2.0
 * edgert explain: for each node where it runs, why, why not elsewhere, and what to change. */
#include "tool.h"

#include "json.h"
#include <stdlib.h>
#include <string.h>

/* With --measure: time of each node when one backend is preferred, and of whole runs. */
typedef struct alternative {
  char backend[32];
  double *us;
  uint32_t count;
  double run_us, estimated_us;
} alternative;

enum { MAX_ALTERNATIVES = 16 };

/* The case with every node on `backend` that it takes; `list` is kept by the case. */
static tool_case prefer(const tool_case *c, const char *backend, char list[64]) {
  tool_case with = *c;
  snprintf(list, 64, "%s%s", backend, strcmp(backend, "cpu") == 0 ? "" : ",cpu");
  with.backends = list;
  with.prefer = true;
  return with;
}

static int measure_nodes(const tool_options *o, edge_env *env, const tool_case *c, alternative *a, tool_error *e) {
  enum { RUNS = 5 };
  char list[64];
  tool_run r;
  const char *const backend = a->backend;
  tool_case with = prefer(c, backend, list);
  with.profile = true;
  int code = tool_open(o, env, &with, &r, e);
  if (code) return code;
  if (edge_session_num_nodes(r.session, &a->count) != EDGE_STATUS_OK) a->count = 0;
  a->us = calloc(a->count + 1, sizeof *a->us);
  for (int run = 0; !code && a->us && run < RUNS; ++run) {
    code = tool_run_once(&r, &with, e);
    for (uint32_t i = 0; !code && i < a->count; ++i) {
      edge_placement p = EDGE_PLACEMENT_INIT;
      if (edge_session_explain(r.session, i, &p) != EDGE_STATUS_OK) continue;
      const double us = strcmp(p.backend, backend) == 0 ? (double)p.time_ns / 1e3 : -1.0;
      if (run == 0 || us < a->us[i]) a->us[i] = us;
    }
  }
  tool_close(&r);
  return code;
}

/* Sum of what the scheduler expected of each node. */
static double estimate(edge_session *s) {
  double us = 0.0;
  uint32_t count = 0;
  if (edge_session_num_nodes(s, &count) != EDGE_STATUS_OK) return 0.0;
  for (uint32_t i = 0; i < count; ++i) {
    edge_placement p = EDGE_PLACEMENT_INIT;
    if (edge_session_explain(s, i, &p) == EDGE_STATUS_OK) us += p.cost_us;
  }
  return us;
}

/* Whole runs without the profiler, which costs time between nodes. The placements take turns, so that a change of the
 * machine's speed meets all of them, some runs at a time: in the first one helpers of the placement before still have a
 * core. a[0] is the scheduler's own choice. */
static int measure_runs(const tool_options *o, edge_env *env, const tool_case *c, alternative *a, uint32_t n,
                        tool_error *e) {
  enum { ROUNDS = 20, IN_A_ROW = 3 };
  const double budget_ms = 400.0 * n, start = tool_now_ms();
  char lists[MAX_ALTERNATIVES][64];
  tool_case cases[MAX_ALTERNATIVES];
  tool_run runs[MAX_ALTERNATIVES];
  uint32_t open = 0;
  int code = EXIT_OK;
  for (uint32_t k = 0; !code && k < n; ++k) {
    cases[k] = k ? prefer(c, a[k].backend, lists[k]) : *c;
    code = tool_open(o, env, &cases[k], &runs[k], e);
    if (!code) a[k].estimated_us = estimate(runs[open++].session);
  }
  for (int round = 0; !code && (round < ROUNDS || tool_now_ms() - start < budget_ms); ++round) {
    if (round > 2 && tool_now_ms() - start > 5.0 * budget_ms) break;
    for (uint32_t k = 0; !code && k < n; ++k)
      for (int i = 0; !code && i < IN_A_ROW; ++i) {
        const uint64_t begin = edge_session_clock_ns();
        code = tool_run_once(&runs[k], &cases[k], e);
        const double us = (double)(edge_session_clock_ns() - begin) / 1e3;
        if (round < 2 || us < a[k].run_us) a[k].run_us = us; /* the first two warm caches */
      }
  }
  while (open) tool_close(&runs[--open]);
  return code;
}

static int measure(const tool_options *o, edge_env *env, const tool_case *c, alternative *a, uint32_t *n,
                   tool_error *e) {
  int code = EXIT_OK;
  snprintf(a[0].backend, sizeof a[0].backend, "chosen");
  *n = 1;
  for (uint32_t i = 0; !code && i < edge_env_num_backends(env) && *n < MAX_ALTERNATIVES; ++i) {
    edge_backend_info b = EDGE_BACKEND_INFO_INIT;
    if (edge_env_get_backend(env, i, &b) != EDGE_STATUS_OK || !b.available) continue;
    snprintf(a[*n].backend, sizeof a[*n].backend, "%s", b.name);
    code = measure_nodes(o, env, c, &a[(*n)++], e);
  }
  return code ? code : measure_runs(o, env, c, a, *n, e);
}

static void totals(const tool_options *o, const alternative *a, uint32_t n) {
  if (o->json) fputs(",\"totals\":{", stdout);
  for (uint32_t k = 0; k < n; ++k)
    if (o->json) {
      printf("%s\"%s\":{\"estimated_us\":", k ? "," : "", a[k].backend);
      json_write_number(stdout, a[k].estimated_us);
      fputs(",\"measured_us\":", stdout);
      json_write_number(stdout, a[k].run_us);
      fputs("}", stdout);
    } else {
      printf("whole run, %s%s: %.1f us measured, %.1f us estimated\n", k ? "as much as possible on " : "", a[k].backend,
             a[k].run_us, a[k].estimated_us);
    }
  if (o->json) fputs("}", stdout);
}

static void node_json(edge_session *s, uint32_t i, const edge_placement *p, const alternative *alternatives,
                      uint32_t n) {
  printf("%s{\"id\":%u,\"name\":", i ? "," : "", i);
  json_write_string(stdout, p->name);
  printf(",\"op\":\"%s\",\"backend\":\"%s\",\"kernel\":", p->op, p->backend);
  json_write_string(stdout, p->kernel);
  fputs(",\"reason\":", stdout);
  json_write_string(stdout, p->reason);
  fputs(",\"rejected\":[", stdout);
  for (uint32_t k = 0; k < p->num_rejected; ++k) {
    const char *backend, *reason;
    if (edge_session_explain_rejected(s, i, k, &backend, &reason) != EDGE_STATUS_OK) continue;
    printf("%s{\"backend\":\"%s\",\"reason\":", k ? "," : "", backend);
    json_write_string(stdout, reason);
    fputs("}", stdout);
  }
  fputs("],\"cost_us\":", stdout);
  json_write_number(stdout, p->cost_us);
  fputs(",\"hint\":", stdout);
  json_write_string(stdout, p->hint);
  if (n) {
    fputs(",\"measured_us\":{", stdout);
    for (uint32_t k = 0, first = 1; k < n; ++k)
      if (i < alternatives[k].count && alternatives[k].us && alternatives[k].us[i] >= 0.0) {
        printf("%s\"%s\":", first ? "" : ",", alternatives[k].backend);
        json_write_number(stdout, alternatives[k].us[i]);
        first = 0;
      }
    fputs("}", stdout);
  }
  fputs("}", stdout);
}

static void node_text(edge_session *s, uint32_t i, const edge_placement *p, const alternative *alternatives,
                      uint32_t n) {
  printf("%4u  %-18.18s %-24.24s %-9s %-34.34s %9.1f us", i, p->op, p->name, p->backend, p->kernel, p->cost_us);
  for (uint32_t k = 0; k < n; ++k)
    if (i < alternatives[k].count && alternatives[k].us && alternatives[k].us[i] >= 0.0)
      printf("  %s %.1f us", alternatives[k].backend, alternatives[k].us[i]);
  fputs("\n", stdout);
  if (p->reason && *p->reason) printf("      why: %s\n", p->reason);
  for (uint32_t k = 0; k < p->num_rejected; ++k) {
    const char *backend, *reason;
    if (edge_session_explain_rejected(s, i, k, &backend, &reason) == EDGE_STATUS_OK)
      printf("      not %s: %s\n", backend, reason);
  }
  if (p->hint && *p->hint) printf("      to change: %s\n", p->hint);
}

static int verb_explain(const tool_options *o) {
  tool_error e = { 0, "" };
  tool_case c;
  tool_run r;
  edge_env *env = NULL;
  alternative alternatives[MAX_ALTERNATIVES];
  uint32_t n = 0, count = 0;
  int code =
      o->n_positional == 1
          ? EXIT_OK
          : tool_fail(&e, EXIT_USAGE, "edgert explain: one model is needed. Usage: edgert explain MODEL [options]");
  if (!code) code = tool_case_from_options(o, &c, &e);
  if (!code) code = tool_env(o, &env, &e);
  memset(alternatives, 0, sizeof alternatives);
  if (!code && o->measure) code = measure(o, env, &c, alternatives, &n, &e);
  if (!code) code = tool_open(o, env, &c, &r, &e);
  if (!code) {
    if (edge_session_num_nodes(r.session, &count) != EDGE_STATUS_OK)
      code = tool_fail(&e, EXIT_BAD_FILE, "%s: %s", c.model, edge_session_last_error(r.session)->text);
    if (!code && o->json) fputs("{\"nodes\":[", stdout);
    for (uint32_t i = 0; !code && i < count; ++i) {
      edge_placement p = EDGE_PLACEMENT_INIT;
      if (edge_session_explain(r.session, i, &p) != EDGE_STATUS_OK) continue;
      if (o->json)
        node_json(r.session, i, &p, alternatives, n);
      else
        node_text(r.session, i, &p, alternatives, n);
    }
    if (!code && o->json) fputs("]", stdout);
    if (!code) tool_report_fast_math(o, r.session);
    if (!code && n) totals(o, alternatives, n);
    if (!code && o->json) fputs("}\n", stdout);
    tool_close(&r);
  }
  for (uint32_t i = 0; i < n; ++i) free(alternatives[i].us);
  edge_env_destroy(env);
  return code ? tool_report(o, &e) : EXIT_OK;
}

static const char *const options[] = { "measure", NULL };
const tool_verb tool_verb_explain = { "explain", "show where each node runs and why",
                                      "usage: edgert explain MODEL [options]", options, verb_explain };
