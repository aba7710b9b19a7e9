/* SPDX-License-Identifier: Apache-2.0
 * edgert profile: time per node; --trace writes a file for Perfetto or chrome://tracing. */
#include "tool.h"

#include "json.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 20 };

/* Trace Event Format, complete events: nodes of one run one after the other. */
static int write_trace(const char *path, const tool_case *c, edge_session *s, const double *us, uint32_t count,
                       tool_error *e) {
  tool_output output;
  double at = 0.0;
  bool first = true;
  if (!tool_output_open(&output, path))
    return tool_fail(e, EXIT_USAGE, "%s: %s cannot be written: %s", c->model, path, strerror(errno));
  FILE *const out = output.file;
  fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", out);
  for (uint32_t i = 0; i < count; ++i) {
    edge_placement p = EDGE_PLACEMENT_INIT;
    if (edge_session_explain(s, i, &p) != EDGE_STATUS_OK || us[i] <= 0.0) continue;
    fprintf(out,
            "%s\n{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":%.3f,\"dur\":%.3f,\"cat\":\"%s\",\"name\":", first ? "" : ",",
            at, us[i], p.backend);
    json_write_string(out, *p.name ? p.name : p.op);
    fputs(",\"args\":{\"op\":", out);
    json_write_string(out, p.op);
    fputs(",\"kernel\":", out);
    json_write_string(out, p.kernel);
    fputs("}}", out);
    at += us[i];
    first = false;
  }
  fputs("\n]}\n", out);
  if (tool_output_close(&output, true)) return EXIT_OK;
  return tool_fail(e, EXIT_USAGE, "%s: %s cannot be written: %s", c->model, path, strerror(errno));
}

static void print_profile(const tool_options *o, edge_session *s, const double *us, uint32_t count) {
  double total = 0.0;
  for (uint32_t i = 0; i < count; ++i) total += us[i];
  if (o->json) fputs("{\"nodes\":[", stdout);
  for (uint32_t i = 0; i < count; ++i) {
    edge_placement p = EDGE_PLACEMENT_INIT;
    if (edge_session_explain(s, i, &p) != EDGE_STATUS_OK) continue;
    if (!o->json) {
      const double gops = us[i] > 0.0 && p.macs ? 2.0 * (double)p.macs / us[i] / 1e3 : 0.0;
      printf("%4u  %-16.16s %-28.28s %-8s %-30.30s %10.2f us %5.1f %%", i, p.op, p.name, p.backend, p.kernel, us[i],
             total > 0 ? 100.0 * us[i] / total : 0.0);
      if (gops > 0.0) printf(" %8.1f GOP/s", gops);
      fputs("\n", stdout);
      continue;
    }
    printf("%s{\"name\":", i ? "," : "");
    json_write_string(stdout, p.name);
    printf(",\"op\":\"%s\",\"backend\":\"%s\",\"kernel\":", p.op, p.backend);
    json_write_string(stdout, p.kernel);
    fputs(",\"us\":", stdout);
    json_write_number(stdout, us[i]);
    printf(",\"macs\":%llu}", (unsigned long long)p.macs);
  }
  if (o->json)
    fputs("]}\n", stdout);
  else
    printf("      total %.2f us (median over %d runs, node by node)\n", total, RUNS);
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int measure(tool_run *r, const tool_case *c, double *us, uint32_t count, tool_error *e) {
  double *const all = calloc((size_t)count * RUNS + 1, sizeof *all);
  int code = all ? EXIT_OK : tool_fail(e, EXIT_LIMIT, "%s: no memory", c->model);
  for (int run = -2; !code && run < RUNS; ++run) {
    code = tool_run_once(r, c, e);
    for (uint32_t i = 0; !code && run >= 0 && i < count; ++i) {
      edge_placement p = EDGE_PLACEMENT_INIT;
      if (edge_session_explain(r->session, i, &p) == EDGE_STATUS_OK)
        all[(size_t)i * RUNS + (size_t)run] = (double)p.time_ns / 1e3;
    }
  }
  for (uint32_t i = 0; !code && i < count; ++i) {
    qsort(all + (size_t)i * RUNS, RUNS, sizeof *all, by_value);
    us[i] = all[(size_t)i * RUNS + RUNS / 2];
  }
  free(all);
  return code;
}

static int verb_profile(const tool_options *o) {
  tool_error e = { 0, "" };
  tool_case c;
  tool_run r;
  edge_env *env = NULL;
  uint32_t count = 0;
  int code =
      o->n_positional == 1
          ? EXIT_OK
          : tool_fail(&e, EXIT_USAGE, "edgert profile: one model is needed. Usage: edgert profile MODEL [options]");
  if (!code) code = tool_case_from_options(o, &c, &e);
  c.profile = true;
  if (!code) code = tool_env(o, &env, &e);
  if (!code) code = tool_open(o, env, &c, &r, &e);
  if (!code) {
    code = tool_run_once(&r, &c, &e); /* subgraphs are placed in the first run */
    if (!code && edge_session_num_nodes(r.session, &count) != EDGE_STATUS_OK)
      code = tool_fail(&e, EXIT_BAD_FILE, "%s: no nodes", c.model);
    double *const us = calloc(count + 1, sizeof *us);
    if (!us) code = tool_fail(&e, EXIT_LIMIT, "%s: no memory", c.model);
    if (!code) code = measure(&r, &c, us, count, &e);
    if (!code && o->trace) code = write_trace(o->trace, &c, r.session, us, count, &e);
    if (!code) print_profile(o, r.session, us, count);
    free(us);
    tool_close(&r);
  }
  edge_env_destroy(env);
  return code ? tool_report(o, &e) : EXIT_OK;
}

static const char *const options[] = { "trace", NULL };
const tool_verb tool_verb_profile = { "profile", "time each node",
                                      "usage: edgert profile MODEL [--trace FILE] [options]", options, verb_profile };
