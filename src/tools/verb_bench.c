/* SPDX-License-Identifier: Apache-2.0
 * edgert bench: time loading, the first run and steady runs. */
#include "tool.h"

#include "json.h"
#include <stdlib.h>
#include <string.h>

typedef struct timing {
  double load_ms, first_ms;
  double *ms;
  size_t count, cap;
} timing;

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double percentile(const timing *t, double p) {
  if (!t->count) return 0.0;
  const size_t i = (size_t)(p * (double)(t->count - 1) + 0.5);
  return t->ms[i < t->count ? i : t->count - 1];
}

static int timed_run(tool_run *r, const tool_case *c, double *ms, tool_error *e) {
  const uint64_t start = edge_session_clock_ns();
  const int code = tool_run_once(r, c, e);
  *ms = (double)(edge_session_clock_ns() - start) / 1e6;
  return code;
}

static int measure(const tool_options *o, const tool_case *c, tool_run *r, timing *t, tool_error *e) {
  double ms = 0;
  int code = timed_run(r, c, &t->first_ms, e);
  for (int i = 0; !code && i < o->warmup; ++i) code = timed_run(r, c, &ms, e);
  const double start = tool_now_ms();
  while (!code && (t->count < (size_t)o->runs || tool_now_ms() - start < o->min_seconds * 1e3)) {
    if (t->count == t->cap) {
      double *const more = realloc(t->ms, (t->cap = t->cap ? t->cap * 2 : 1024) * sizeof *more);
      if (!more) return tool_fail(e, EXIT_LIMIT, "%s: no memory for the times", c->model);
      t->ms = more;
    }
    code = timed_run(r, c, &ms, e);
    t->ms[t->count++] = ms;
  }
  if (!code) qsort(t->ms, t->count, sizeof *t->ms, compare);
  return code;
}

/* Backends in order of first use, with the number of their nodes. */
typedef struct usage {
  const char *name[16];
  uint32_t nodes[16], count, total;
} usage;

static void count_backends(edge_session *s, usage *u) {
  uint32_t n = 0;
  memset(u, 0, sizeof *u);
  if (edge_session_num_nodes(s, &n) != EDGE_STATUS_OK) return;
  for (uint32_t i = 0; i < n; ++i) {
    edge_placement p = EDGE_PLACEMENT_INIT;
    uint32_t k = 0;
    if (edge_session_explain(s, i, &p) != EDGE_STATUS_OK) continue;
    u->total++;
    while (k < u->count && strcmp(u->name[k], p.backend) != 0) k++;
    if (k == 16) continue;
    if (k == u->count) u->name[u->count++] = p.backend;
    u->nodes[k]++;
  }
}

static void print_json(const tool_options *o, tool_run *r, const timing *t, const usage *u) {
  edge_session_memory memory = EDGE_SESSION_MEMORY_INIT;
  edge_model_info info = EDGE_MODEL_INFO_INIT;
  if (edge_session_get_memory(r->session, &memory) != EDGE_STATUS_OK ||
      edge_model_get_info(r->model, &info) != EDGE_STATUS_OK)
    return;
  fputs("{\"model\":", stdout);
  json_write_string(stdout, o->positional[0]);
  fputs(",\"backend\":\"", stdout);
  for (uint32_t i = 0, first = 1; i < u->count; ++i)
    if (strcmp(u->name[i], "core") != 0 || u->count == 1) {
      printf("%s%s", first ? "" : ",", u->name[i]);
      first = 0;
    }
  printf("\",\"threads\":%u,\"isa\":\"%s\"", edge_session_num_threads(r->session), edge_env_isa_name(r->env));
  const char *const names[] = { "load_ms", "first_ms", "median_ms", "min_ms", "p90_ms", "p99_ms" };
  const double values[] = { t->load_ms,         t->first_ms,        percentile(t, 0.5),
                            percentile(t, 0.0), percentile(t, 0.9), percentile(t, 0.99) };
  for (int i = 0; i < 6; ++i) {
    printf(",\"%s\":", names[i]);
    json_write_number(stdout, values[i]);
  }
  printf(",\"runs\":%zu,\"peak_rss_bytes\":%llu,\"arena_bytes\":%llu,\"weights_bytes\":%llu,\"nodes\":%u,\"nodes_by_"
         "backend\":{",
         t->count, (unsigned long long)tool_peak_rss(), (unsigned long long)memory.arena_bytes,
         (unsigned long long)info.weights_bytes, u->total);
  for (uint32_t i = 0; i < u->count; ++i) printf("%s\"%s\":%u", i ? "," : "", u->name[i], u->nodes[i]);
  fputs("}}\n", stdout);
}

static void print_people(const tool_options *o, tool_run *r, const timing *t, const usage *u) {
  edge_session_memory memory = EDGE_SESSION_MEMORY_INIT;
  if (edge_session_get_memory(r->session, &memory) != EDGE_STATUS_OK) return;
  printf("%s: %s, %u thread%s\n", o->positional[0], edge_env_isa_name(r->env), edge_session_num_threads(r->session),
         edge_session_num_threads(r->session) == 1 ? "" : "s");
  printf("  load    %10.3f ms\n  first   %10.3f ms\n  median  %10.3f ms\n  min     %10.3f ms\n  p90     %10.3f ms\n  "
         "p99     %10.3f ms  (%zu runs)\n",
         t->load_ms, t->first_ms, percentile(t, 0.5), percentile(t, 0.0), percentile(t, 0.9), percentile(t, 0.99),
         t->count);
  printf("  memory  %10.2f MB peak, %.2f MB arena\n  nodes  ", (double)tool_peak_rss() / 1e6,
         (double)memory.arena_bytes / 1e6);
  for (uint32_t i = 0; i < u->count; ++i) printf(" %u %s%s", u->nodes[i], u->name[i], i + 1 < u->count ? "," : "\n");
}

static int verb_bench(const tool_options *o) {
  tool_error e = { 0, "" };
  edge_env *env = NULL;
  tool_case c;
  tool_run r;
  timing t = { 0, 0, NULL, 0, 0 };
  int code = o->n_positional == 1
                 ? EXIT_OK
                 : tool_fail(&e, EXIT_USAGE, "edgert bench: one model is needed. Usage: edgert bench MODEL [options]");
  if (!code) code = tool_case_from_options(o, &c, &e);
  if (!code) code = tool_env(o, &env, &e);
  if (!code) code = tool_open(o, env, &c, &r, &e);
  if (!code) {
    usage u;
    t.load_ms = (double)r.load_ns / 1e6;
    code = measure(o, &c, &r, &t, &e);
    count_backends(r.session, &u);
    tool_report_fast_math(o, r.session);
    if (!code && o->json)
      print_json(o, &r, &t, &u);
    else if (!code)
      print_people(o, &r, &t, &u);
    tool_close(&r);
  }
  free(t.ms);
  edge_env_destroy(env);
  return code ? tool_report(o, &e) : EXIT_OK;
}

static const char *const options[] = { "min-seconds", "warmup", "runs", NULL };
const tool_verb tool_verb_bench = { "bench", "time loading, the first run and steady runs",
                                    "usage: edgert bench MODEL [options]", options, verb_bench };
