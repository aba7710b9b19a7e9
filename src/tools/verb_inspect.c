/* SPDX-License-Identifier: Apache-2.0
 * edgert inspect: what is in a model, and what it needs. */
#define _POSIX_C_SOURCE 200809L
#include "tool.h"

#include "../import/import.h"
#include "json.h"
#include <stdlib.h>
#include <string.h>

typedef struct op_count {
  char name[48];
  uint32_t count;
} op_count;

typedef struct facts {
  op_count ops[512];
  uint32_t n_ops, nodes;
  uint64_t macs;
  edge_session_memory memory;
  edge_model_info info;
  const char *format;
} facts;

static int by_name(const void *a, const void *b) {
  return strcmp(((const op_count *)a)->name, ((const op_count *)b)->name);
}

static const char *format_of(const char *path) {
  static const char *const names[] = { "?", "edge", "tflite", "gguf", "onnx" };
  unsigned char head[16] = { 0 };
  FILE *const in = fopen(path, "rb");
  const size_t n = in ? fread(head, 1, sizeof head, in) : 0;
  if (in) fclose(in);
  return names[ei_import_detect(head, n)];
}

static int collect(const tool_case *c, tool_run *r, facts *f, tool_error *e) {
  uint32_t count = 0;
  f->format = format_of(c->model);
  f->memory = (edge_session_memory)EDGE_SESSION_MEMORY_INIT;
  f->info = (edge_model_info)EDGE_MODEL_INFO_INIT;
  if (edge_session_get_memory(r->session, &f->memory) != EDGE_STATUS_OK ||
      edge_model_get_info(r->model, &f->info) != EDGE_STATUS_OK ||
      edge_session_num_nodes(r->session, &count) != EDGE_STATUS_OK)
    return tool_fail(e, EXIT_BAD_FILE, "%s: %s", c->model, edge_session_last_error(r->session)->text);
  f->nodes = f->info.num_nodes;
  for (uint32_t i = 0; i < count; ++i) {
    edge_placement p = EDGE_PLACEMENT_INIT;
    uint32_t k = 0;
    if (edge_session_explain(r->session, i, &p) != EDGE_STATUS_OK) continue;
    f->macs += p.macs;
    while (k < f->n_ops && strcmp(f->ops[k].name, p.op) != 0) k++;
    if (k == sizeof f->ops / sizeof f->ops[0]) continue;
    if (k == f->n_ops) snprintf(f->ops[f->n_ops++].name, sizeof f->ops[0].name, "%s", p.op);
    f->ops[k].count++;
  }
  qsort(f->ops, f->n_ops, sizeof f->ops[0], by_name);
  return EXIT_OK;
}

/* A declared dimension: its size, its symbol, or ? */
static void print_dim(const tool_run *r, bool output, uint32_t i, const edge_tensor *t, int32_t d) {
  const char *const symbol = output ? NULL : edge_model_input_dim_name(r->model, r->entry, i, (uint32_t)d);
  if (t->dims[d] >= 0)
    printf("%lld", (long long)t->dims[d]);
  else
    printf("%s", symbol ? symbol : "?");
}

static void port_json(const tool_run *r, bool output, uint32_t i) {
  edge_tensor t;
  const edge_status status =
      output ? edge_model_get_output(r->model, r->entry, i, &t) : edge_model_get_input(r->model, r->entry, i, &t);
  if (status != EDGE_STATUS_OK) return;
  printf("%s{\"name\":", i ? "," : "");
  json_write_string(stdout, t.name);
  printf(",\"dtype\":\"%s\",\"shape\":", edge_dtype_name(t.dtype));
  if (t.rank < 0)
    fputs("null", stdout);
  else
    fputs("[", stdout);
  for (int32_t d = 0; d < t.rank; ++d) {
    const char *const symbol = output ? NULL : edge_model_input_dim_name(r->model, r->entry, i, (uint32_t)d);
    fputs(d ? "," : "", stdout);
    if (t.dims[d] >= 0)
      printf("%lld", (long long)t.dims[d]);
    else if (symbol)
      json_write_string(stdout, symbol);
    else
      fputs("-1", stdout);
  }
  if (t.rank >= 0) fputs("]", stdout);
  if (t.quant.count == 1) {
    fputs(",\"scale\":", stdout);
    json_write_number(stdout, (double)t.quant.scales[0]);
    printf(",\"zero_point\":%d", t.quant.zero_points ? t.quant.zero_points[0] : 0);
  }
  fputs("}", stdout);
}

static void print_json(const tool_run *r, const facts *f) {
  printf("{\"format\":\"%s\",\"inputs\":[", f->format);
  for (uint32_t i = 0; i < r->n_inputs; ++i) port_json(r, false, i);
  fputs("],\"outputs\":[", stdout);
  for (uint32_t i = 0; i < r->n_outputs; ++i) port_json(r, true, i);
  printf("],\"nodes\":%u,\"operators\":{", f->nodes);
  for (uint32_t i = 0; i < f->n_ops; ++i) printf("%s\"%s\":%u", i ? "," : "", f->ops[i].name, f->ops[i].count);
  printf("},\"macs\":%llu,\"weights_bytes\":%llu,\"plan_bytes\":%llu,\"plan_lower_bound_bytes\":%llu,\"persistent_"
         "bytes\":%llu,"
         "\"prepared_bytes\":%llu,\"dynamic\":%s,\"subgraphs\":%u}\n",
         (unsigned long long)f->macs, (unsigned long long)f->info.weights_bytes,
         (unsigned long long)f->memory.arena_bytes, (unsigned long long)f->memory.arena_lower_bound_bytes,
         (unsigned long long)f->memory.persistent_bytes, (unsigned long long)f->memory.prepared_bytes,
         f->memory.dynamic ? "true" : "false", f->info.num_subgraphs);
}

static void print_ports(const tool_run *r, bool output) {
  const uint32_t count = output ? r->n_outputs : r->n_inputs;
  for (uint32_t i = 0; i < count; ++i) {
    edge_tensor t;
    const edge_status status =
        output ? edge_model_get_output(r->model, r->entry, i, &t) : edge_model_get_input(r->model, r->entry, i, &t);
    if (status != EDGE_STATUS_OK) continue;
    printf("  %s %-28s %s [", output ? "out" : "in ", t.name, edge_dtype_name(t.dtype));
    if (t.rank < 0) fputs("any shape", stdout);
    for (int32_t d = 0; d < t.rank; ++d) {
      fputs(d ? " x " : "", stdout);
      print_dim(r, output, i, &t, d);
    }
    fputs("]", stdout);
    if (t.quant.count == 1)
      printf("  real = %g * (q - %d)", (double)t.quant.scales[0], t.quant.zero_points ? t.quant.zero_points[0] : 0);
    fputs("\n", stdout);
  }
}

static void print_people(const tool_case *c, const tool_run *r, const facts *f) {
  printf("%s: %s, %u nodes, %u subgraph%s, %.2f million multiply-accumulates\n", c->model, f->format, f->nodes,
         f->info.num_subgraphs, f->info.num_subgraphs == 1 ? "" : "s", (double)f->macs / 1e6);
  print_ports(r, false);
  print_ports(r, true);
  printf("  weights      %12llu bytes\n  activations  %12llu bytes planned, %llu at least%s\n",
         (unsigned long long)f->info.weights_bytes, (unsigned long long)f->memory.arena_bytes,
         (unsigned long long)f->memory.arena_lower_bound_bytes,
         f->memory.dynamic ? "; more from a heap during runs, because some shapes appear at run time" : "");
  printf("  session      %12llu bytes\n", (unsigned long long)f->memory.persistent_bytes);
  for (uint32_t i = 0; i < f->n_ops; ++i) printf("  %6u  %s\n", f->ops[i].count, f->ops[i].name);
}

static int verb_inspect(const tool_options *o) {
  tool_error e = { 0, "" };
  tool_case c;
  tool_run r;
  edge_env *env = NULL;
  facts *const f = calloc(1, sizeof *f);
  int code = f ? EXIT_OK : tool_fail(&e, EXIT_LIMIT, "edgert inspect: no memory");
  if (!code && o->n_positional != 1)
    code = tool_fail(&e, EXIT_USAGE, "edgert inspect: one model is needed. Usage: edgert inspect MODEL [options]");
  if (!code && o->html)
    code = tool_fail(&e, EXIT_UNSUPPORTED, "%s: --html is not part of this build", o->positional[0]);
  if (!code) code = tool_case_from_options(o, &c, &e);
  if (!code) code = tool_env(o, &env, &e);
  if (!code) code = tool_open(o, env, &c, &r, &e);
  if (!code) {
    code = collect(&c, &r, f, &e);
    if (!code && o->json)
      print_json(&r, f);
    else if (!code && o->op_list)
      for (uint32_t i = 0; i < f->n_ops; ++i) printf("%s\n", f->ops[i].name);
    else if (!code)
      print_people(&c, &r, f);
    tool_close(&r);
  }
  edge_env_destroy(env);
  free(f);
  return code ? tool_report(o, &e) : EXIT_OK;
}

static const char *const options[] = { "op-list", "html", NULL };
const tool_verb tool_verb_inspect = { "inspect", "show what a model holds and needs",
                                      "usage: edgert inspect MODEL [options]", options, verb_inspect };
