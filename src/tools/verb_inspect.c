/* SPDX-License-Identifier: Apache-2.0
 * edgert inspect: what is in a model, and what it needs. */
#define _POSIX_C_SOURCE 200809L
#include "graph_view.h"

#include "json.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Nodes of a graph that are shown without --all: so many at its start, and at its end. */
enum { FIRST_NODES = 30, LAST_NODES = 10 };

typedef struct facts {
  edge_session_memory memory;
  edge_model_info info;
  const char *format;
  bool all;
  graph_view view;
} facts;

static int collect(const tool_options *o, const tool_case *c, tool_run *r, facts *f, tool_error *e) {
  static const char *const names[] = { "?", "edge", "tflite", "gguf", "onnx" };
  f->format = names[tool_model_kind(c->model)];
  f->memory = (edge_session_memory)EDGE_SESSION_MEMORY_INIT;
  f->info = (edge_model_info)EDGE_MODEL_INFO_INIT;
  f->all = o->all;
  if (edge_session_get_memory(r->session, &f->memory) != EDGE_STATUS_OK ||
      edge_model_get_info(r->model, &f->info) != EDGE_STATUS_OK)
    return tool_fail(e, EXIT_BAD_FILE, "%s: %s", c->model, edge_session_last_error(r->session)->text);
  const int code = graph_view_open(&f->view, c, r, e);
  if (code || !o->measure) return code;
  return graph_view_measure(&f->view, c, r, e);
}

/* A declared dimension: its size, its symbol, or ? */
static void print_dim(const tool_run *r, bool output, uint32_t i, const edge_tensor *t, int32_t d) {
  const char *const symbol = output ? NULL : edge_model_input_dim_name(r->model, r->entry, i, (uint32_t)d);
  char text[64];
  if (t->dims[d] >= 0)
    printf("%lld", (long long)t->dims[d]);
  else
    printf("%s", symbol ? view_name(symbol, 60, text, sizeof text) : "?");
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

static void value_json(const edge_tensor *t) {
  fputs("{\"name\":", stdout);
  json_write_string(stdout, t->name);
  printf(",\"dtype\":\"%s\",\"shape\":", edge_dtype_name(t->dtype));
  if (t->rank < 0) fputs("null", stdout);
  for (int32_t d = 0; d < t->rank; ++d) printf("%s%lld", d ? "," : "[", (long long)t->dims[d]);
  if (t->rank >= 0) fputs(t->rank ? "]" : "[]", stdout);
  fputs("}", stdout);
}

static void values_json(const graph_view *v, const view_node *n, bool outputs) {
  const ei_node *const node = view_ei_node(v, n);
  const uint32_t count = outputs ? node->n_out : node->n_in;
  const uint32_t *const ids = outputs ? node->out : node->in;
  for (uint32_t i = 0; i < count; ++i) {
    fputs(i ? "," : "", stdout);
    if (ids[i] == EI_NONE)
      fputs("null", stdout);
    else
      value_json(&v->tensors[n->subgraph][ids[i]]);
  }
}

static void graph_json(const graph_view *v) {
  fputs(",\"graph\":[", stdout);
  for (uint32_t i = 0; i < v->n_nodes; ++i) {
    const view_node *const n = &v->nodes[i];
    printf("%s{\"subgraph\":%u,\"id\":%u,\"name\":", i ? "," : "", n->subgraph, n->node);
    json_write_string(stdout, view_ei_node(v, n)->name);
    printf(",\"op\":\"%s\",\"macs\":%llu,\"weights_bytes\":%llu,\"inputs\":[", v->ops[n->op].name,
           (unsigned long long)n->macs, (unsigned long long)n->weights);
    values_json(v, n, false);
    fputs("],\"outputs\":[", stdout);
    values_json(v, n, true);
    fputs("]", stdout);
    if (v->timed) {
      fputs(",\"us\":", stdout);
      json_write_number(stdout, n->us);
    }
    fputs("}", stdout);
  }
  fputs("]", stdout);
}

static void details_json(const facts *f) {
  const graph_view *const v = &f->view;
  bool first = true;
  fputs(",\"weights\":{", stdout);
  for (int t = 0; t < EDGE_DTYPE_COUNT; ++t)
    if (v->types[t].count) {
      printf("%s\"%s\":{\"bytes\":%llu,\"count\":%u}", first ? "" : ",", edge_dtype_name(t),
             (unsigned long long)v->types[t].bytes, v->types[t].count);
      first = false;
    }
  fputs("},\"macs_by_operator\":{", stdout);
  first = true;
  for (uint32_t i = 0; i < v->n_ops; ++i)
    if (v->ops[i].macs) {
      printf("%s\"%s\":%llu", first ? "" : ",", v->ops[i].name, (unsigned long long)v->ops[i].macs);
      first = false;
    }
  fputs("},\"metadata\":{", stdout);
  for (uint32_t i = 0; i < v->graph->n_metadata; ++i) {
    char text[1024];
    const ei_metadata *const m = &v->graph->metadata[i];
    fputs(i ? "," : "", stdout);
    json_write_string(stdout, m->key);
    fputs(":", stdout);
    if (view_metadata_text(m, text, sizeof text))
      json_write_string(stdout, text);
    else
      printf("{\"bytes\":%llu}", (unsigned long long)m->bytes);
  }
  fputs("}", stdout);
  if (f->all) graph_json(v);
}

static void print_json(const tool_run *r, const facts *f) {
  const graph_view *const v = &f->view;
  printf("{\"format\":\"%s\",\"inputs\":[", f->format);
  for (uint32_t i = 0; i < r->n_inputs; ++i) port_json(r, false, i);
  fputs("],\"outputs\":[", stdout);
  for (uint32_t i = 0; i < r->n_outputs; ++i) port_json(r, true, i);
  printf("],\"nodes\":%u,\"operators\":{", f->info.num_nodes);
  for (uint32_t i = 0; i < v->n_ops; ++i) printf("%s\"%s\":%u", i ? "," : "", v->ops[i].name, v->ops[i].count);
  printf("},\"macs\":%llu,\"weights_bytes\":%llu,\"plan_bytes\":%llu,\"plan_lower_bound_bytes\":%llu,\"persistent_"
         "bytes\":%llu,"
         "\"prepared_bytes\":%llu,\"dynamic\":%s,\"subgraphs\":%u",
         (unsigned long long)v->macs, (unsigned long long)f->info.weights_bytes,
         (unsigned long long)f->memory.arena_bytes, (unsigned long long)f->memory.arena_lower_bound_bytes,
         (unsigned long long)f->memory.persistent_bytes, (unsigned long long)f->memory.prepared_bytes,
         f->memory.dynamic ? "true" : "false", f->info.num_subgraphs);
  details_json(f);
  fputs("}\n", stdout);
}

static void print_ports(const tool_run *r, bool output) {
  const uint32_t count = output ? r->n_outputs : r->n_inputs;
  for (uint32_t i = 0; i < count; ++i) {
    edge_tensor t;
    char name[512];
    const edge_status status =
        output ? edge_model_get_output(r->model, r->entry, i, &t) : edge_model_get_input(r->model, r->entry, i, &t);
    if (status != EDGE_STATUS_OK) continue;
    printf("  %s %-28s %s [", output ? "out" : "in ", view_name(t.name, sizeof name, name, sizeof name),
           edge_dtype_name(t.dtype));
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

enum { LONG_NAME = 56, ALL_OF_NAME = 400 };

/* A value by the node that makes it, "#3" or "#3:1" for a second result; a constant by its size, an input by name. */
static void print_value(const graph_view *v, uint32_t subgraph, uint32_t t, bool made, size_t limit) {
  char shape[192], text[512];
  if (t == EI_NONE) {
    fputs("-", stdout);
    return;
  }
  const edge_tensor *const x = &v->tensors[subgraph][t];
  const ei_tensor *const own = &v->graph->subgraphs[subgraph].tensors[t];
  const uint32_t from = v->producer[subgraph][t];
  if (own->data) {
    fputs("const ", stdout);
  } else if (from && !made) {
    const ei_node *const n = &v->graph->subgraphs[subgraph].nodes[from - 1];
    printf("#%u", from - 1);
    for (uint32_t k = 1; k < n->n_out; ++k)
      if (n->out[k] == t) printf(":%u", k);
    fputs(" ", stdout);
  } else if (!made) {
    printf("%s%s ", own->state ? "state " : "", view_name(x->name, limit, text, sizeof text));
  }
  printf("%s%s", edge_dtype_name(x->dtype), view_shape(x, shape, sizeof shape));
  if (own->data) printf(" %s", view_bytes(own->data_bytes, text));
}

static void print_node(const facts *f, const view_node *n, int indent) {
  const graph_view *const v = &f->view;
  const ei_node *const node = view_ei_node(v, n);
  const size_t limit = f->all ? ALL_OF_NAME : LONG_NAME;
  char text[512];
  printf("%*s#%-4u %-18s %s\n%*s", indent, "", n->node, node->op->name, view_name(node->name, limit, text, sizeof text),
         indent + 6, "");
  for (uint32_t i = 0; i < node->n_in; ++i) {
    fputs(i ? ", " : "", stdout);
    print_value(v, n->subgraph, node->in[i], false, limit);
  }
  fputs(" -> ", stdout);
  for (uint32_t i = 0; i < node->n_out; ++i) {
    fputs(i ? ", " : "", stdout);
    print_value(v, n->subgraph, node->out[i], true, limit);
  }
  if (n->macs) printf("  (%s MACs)", view_count(n->macs, text));
  if (n->us > 0) printf("  %.1f us", n->us);
  fputs("\n", stdout);
}

static void print_graph(const facts *f) {
  const graph_view *const v = &f->view;
  for (uint32_t s = 0; s < v->graph->n_subgraphs; ++s) {
    const ei_subgraph *const sg = &v->graph->subgraphs[s];
    const int indent = s == v->entry_subgraph ? 2 : 6;
    const bool whole = f->all || sg->n_nodes <= FIRST_NODES + LAST_NODES;
    char name[512];
    printf("%*s%s %u '%s', %u nodes\n", indent - 2, "", s == v->entry_subgraph ? "graph" : "subgraph", s,
           view_name(sg->name, ALL_OF_NAME, name, sizeof name), sg->n_nodes);
    for (uint32_t i = 0; i < sg->n_nodes; ++i) {
      if (!whole && i == FIRST_NODES) {
        printf("%*s  ... %u more; --all shows them ...\n", indent, "", sg->n_nodes - FIRST_NODES - LAST_NODES);
        i = sg->n_nodes - LAST_NODES;
      }
      print_node(f, &v->nodes[v->first[s] + i], indent);
    }
  }
}

static void print_metadata(const graph_view *v) {
  for (uint32_t i = 0; i < v->graph->n_metadata; ++i) {
    char text[64], size[24], key[128];
    const ei_metadata *const m = &v->graph->metadata[i];
    view_name(m->key, 120, key, sizeof key);
    if (view_metadata_text(m, text, sizeof text)) {
      text[strcspn(text, "\r\n")] = 0;
      printf("  metadata     %s: %s%s\n", key, text, m->bytes > strlen(text) ? " ..." : "");
    } else {
      printf("  metadata     %s: %s\n", key, view_bytes(m->bytes, size));
    }
  }
}

static void print_operators(const graph_view *v) {
  char macs[24], weights[24];
  printf("  operators         count       MACs    weights%s\n", v->timed ? "       time" : "");
  for (uint32_t i = 0; i < v->n_ops; ++i) {
    const view_op *const op = &v->ops[i];
    printf("    %-16s %6u %10s %10s", op->name, op->count, op->macs ? view_count(op->macs, macs) : "-",
           op->weights ? view_bytes(op->weights, weights) : "-");
    if (v->timed) printf(" %7.1f us", op->us);
    fputs("\n", stdout);
  }
}

static void print_people(const tool_case *c, const tool_run *r, const facts *f) {
  const graph_view *const v = &f->view;
  char size[24];
  bool first = true;
  printf("%s: %s, %u nodes, %u subgraph%s, %.2f million multiply-accumulates\n", c->model, f->format, f->info.num_nodes,
         f->info.num_subgraphs, f->info.num_subgraphs == 1 ? "" : "s", (double)v->macs / 1e6);
  print_ports(r, false);
  print_ports(r, true);
  printf("  weights      %12llu bytes", (unsigned long long)f->info.weights_bytes);
  for (int t = 0; t < EDGE_DTYPE_COUNT; ++t)
    if (v->types[t].count) {
      printf("%s%u %s: %s", first ? " (" : ", ", v->types[t].count, edge_dtype_name(t),
             view_bytes(v->types[t].bytes, size));
      first = false;
    }
  printf("%s\n  activations  %12llu bytes planned, %llu at least%s\n", first ? "" : ")",
         (unsigned long long)f->memory.arena_bytes, (unsigned long long)f->memory.arena_lower_bound_bytes,
         f->memory.dynamic ? "; more from a heap during runs, because some shapes appear at run time" : "");
  printf("  session      %12llu bytes\n", (unsigned long long)f->memory.persistent_bytes);
  print_metadata(v);
  print_operators(v);
  print_graph(f);
}

static int write_html(const tool_options *o, const tool_case *c, const tool_run *r, const facts *f, tool_error *e) {
  tool_output out;
  if (tool_output_open(&out, o->html) &&
      tool_output_close(&out, html_report(out.file, c, r, &f->view, &f->memory, f->format)))
    return EXIT_OK;
  return tool_fail(e, EXIT_USAGE, "%s: %s cannot be written: %s", c->model, o->html, strerror(errno));
}

static int verb_inspect(const tool_options *o) {
  tool_error e = { 0, "" };
  tool_case c = { 0 };
  tool_run r;
  edge_env *env = NULL;
  facts *const f = calloc(1, sizeof *f);
  int code = f ? EXIT_OK : tool_fail(&e, EXIT_LIMIT, "edgert inspect: no memory");
  if (!code && o->n_positional != 1)
    code = tool_fail(&e, EXIT_USAGE, "edgert inspect: one model is needed. Usage: edgert inspect MODEL [options]");
  if (!code) code = tool_case_from_options(o, &c, &e);
  c.want_graph = c.any_shape = true;
  c.profile = o->measure;
  if (!code) code = tool_env(o, &env, &e);
  if (!code) code = tool_open(o, env, &c, &r, &e);
  if (!code) {
    code = collect(o, &c, &r, f, &e);
    if (!code && o->html) code = write_html(o, &c, &r, f, &e);
    if (!code && o->json)
      print_json(&r, f);
    else if (!code && o->op_list)
      for (uint32_t i = 0; i < f->view.n_ops; ++i) printf("%s\n", f->view.ops[i].name);
    else if (!code && o->html)
      printf("%s: report written to %s\n", c.model, o->html);
    else if (!code)
      print_people(&c, &r, f);
    graph_view_close(&f->view);
    tool_close(&r);
  }
  edge_env_destroy(env);
  free(f);
  return code ? tool_report(o, &e) : EXIT_OK;
}

static const char *const options[] = { "op-list", "html", "all", "measure", NULL };
const tool_verb tool_verb_inspect = { "inspect", "show what a model holds and needs",
                                      "usage: edgert inspect MODEL [--all] [--html FILE] [--measure] [options]",
                                      options, verb_inspect };
