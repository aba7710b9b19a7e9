/* SPDX-License-Identifier: Apache-2.0
 * edgert inspect --html: one file that opens offline. No script, nothing loaded, every string of the model escaped. */
#include "graph_view.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 2000, HEAVIEST = 20, MAX_SUBGRAPHS = 24, LONG_NAME = 300 };

/* ---- text */

/* Length of the well-formed UTF-8 sequence at s, 0 when there is none. */
static size_t sequence(const unsigned char *s) {
  const size_t n = *s < 0x80                 ? 1
                   : *s >= 0xc2 && *s < 0xe0 ? 2
                   : *s >= 0xe0 && *s < 0xf0 ? 3
                   : *s >= 0xf0 && *s < 0xf5 ? 4
                                             : 0;
  for (size_t i = 1; i < n; ++i)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))) return 0;
  if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))) return 0;
  return n;
}

/* Marks that turn the direction of writing around could make a name look like another. */
static bool turns_writing(const unsigned char *s, size_t n) {
  return n == 3 && s[0] == 0xe2 &&
         ((s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae) || (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
}

void html_text(FILE *out, const char *text, size_t limit) {
  const unsigned char *s = (const unsigned char *)text;
  for (size_t used = 0; *s;) {
    const size_t n = sequence(s);
    if ((used += n ? n : 1) > limit) {
      fputs("\xe2\x80\xa6", out);
      return;
    }
    switch (*s) {
    case '<': fputs("&lt;", out); break;
    case '>': fputs("&gt;", out); break;
    case '&': fputs("&amp;", out); break;
    case '"': fputs("&quot;", out); break;
    case '\'': fputs("&#39;", out); break;
    case '\n':
    case '\t': fputc(*s, out); break;
    default:
      if (n == 0 || *s < 0x20 || *s == 0x7f || (n == 2 && s[0] == 0xc2 && s[1] < 0xa0) || turns_writing(s, n))
        fputs("\xef\xbf\xbd", out);
      else
        fwrite(s, 1, n, out);
    }
    s += n ? n : 1;
  }
}

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fbfbfa;--fg:#1d1f23;--dim:#6b7078;--line:#dcdee2;--card:#fff;--bar:#3b6fd4;"
    "--bar2:#c2813a;--bar3:#3f9a63;--edge:#9aa0a8}"
    "@media(prefers-color-scheme:dark){:root{--bg:#15171b;--fg:#e4e6ea;--dim:#979ca6;--line:#31353d;--card:#1c1f25;"
    "--bar:#6f9cf0;--bar2:#dba765;--bar3:#6cc48e;--edge:#666c76}}"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1500px;padding:24px;background:var(--bg);color:var(--fg);"
    "font:14px/1.45 "
    "system-ui,sans-serif}h1{font-size:22px;margin:0;overflow-wrap:anywhere}h2{font-size:16px;margin:28px 0 8px}"
    ".dim,.note{color:var(--dim)}.cards{display:flex;flex-wrap:wrap;gap:12px;margin:18px 0}"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 16px;min-width:130px}"
    ".card b{display:block;font-size:20px;font-weight:600}.card span{color:var(--dim)}"
    "table{border-collapse:collapse;background:var(--card);border:1px solid var(--line);border-radius:10px;width:100%}"
    ".wide{overflow-x:auto}th,td{text-align:left;padding:5px 12px;border-top:1px solid var(--line);vertical-align:top;"
    "overflow-wrap:anywhere}tr:first-child>th{border-top:0}th{color:var(--dim);font-weight:500}"
    ".r{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}td.b{width:20%;min-width:110px}"
    ".b i{display:block;height:13px;margin-top:3px;border-radius:3px;background:var(--bar);min-width:1px}"
    ".b i.k2{background:var(--bar2)}.b i.k3{background:var(--bar3)}"
    "details{margin:10px 0}summary{cursor:pointer;font-weight:600;padding:4px 0}"
    ".canvas{overflow:auto;max-height:82vh;resize:vertical;background:var(--card);border:1px solid var(--line);"
    "border-radius:10px;margin-top:8px}svg{display:block;width:var(--w);height:auto;margin:0 auto}"
    ".z50:checked~.canvas svg{width:calc(var(--w)*.5)}.z25:checked~.canvas svg{width:calc(var(--w)*.25)}"
    ".zf:checked~.canvas svg{width:100%}"
    ".w path{fill:none;stroke:var(--edge);stroke-width:1.4}.w path:hover{stroke:var(--bar);stroke-width:3}"
    "rect{stroke-width:1.2}.o{font:600 12px system-ui,sans-serif}.s{font:10.5px ui-monospace,monospace;opacity:.8}"
    ".e{text-anchor:end}text{fill:var(--fg);pointer-events:none}.p "
    "rect{fill:var(--bg);stroke:var(--dim);stroke-dasharray:4 3}"
    ".n:hover rect,.p:hover rect{stroke-width:3}.chip{display:inline-block;width:11px;height:11px;border-radius:3px;"
    "margin-right:7px;border:1px solid}.chip.n rect{display:none}";

/* Twelve hues, told apart in light and dark. */
static void colours(FILE *out) {
  static const int hues[12] = { 212, 28, 140, 275, 350, 48, 185, 310, 95, 240, 10, 165 };
  for (int dark = 0; dark < 2; ++dark) {
    if (dark) fputs("@media(prefers-color-scheme:dark){", out);
    for (int i = 0; i < 12; ++i) {
      const char *const fill = dark ? "34%,25%" : "62%,90%", *const edge = dark ? "45%,58%" : "45%,48%";
      fprintf(out,
              ".c%d rect{fill:hsl(%d,%s);stroke:hsl(%d,%s)}.chip.c%d{background:hsl(%d,%s);border-color:hsl(%d,%s)}", i,
              hues[i], fill, hues[i], edge, i, hues[i], fill, hues[i], edge);
    }
    if (dark) fputs("}", out);
  }
}

/* ---- parts of the page */

static void cell(FILE *out, const char *text) {
  fputs("<td>", out);
  html_text(out, text, LONG_NAME);
  fputs("</td>", out);
}

static void card(FILE *out, const char *value, const char *what) {
  fprintf(out, "<div class=\"card\"><b>%s</b><span>%s</span></div>", value, what);
}

static void header(FILE *out, const tool_case *c, const graph_view *v, const edge_session_memory *memory,
                   const char *format) {
  const char *name = strrchr(c->model, '/');
  char text[48];
  name = name ? name + 1 : c->model;
  fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
        out);
  html_text(out, name, LONG_NAME);
  fprintf(out, "</title>\n<style>%s", style);
  colours(out);
  fputs("</style></head>\n<body>\n<h1>", out);
  html_text(out, name, LONG_NAME);
  fputs("</h1>\n<div class=\"dim\">", out);
  html_text(out, c->model, 1000);
  fprintf(out, " \xc2\xb7 %s", format);
  if (v->graph->producer && *v->graph->producer) {
    fputs(" \xc2\xb7 made by ", out);
    html_text(out, v->graph->producer, LONG_NAME);
  }
  fputs("</div>\n<div class=\"cards\">", out);
  snprintf(text, sizeof text, "%u", v->n_nodes);
  card(out, text, v->graph->n_subgraphs > 1 ? "nodes in all graphs" : "nodes");
  card(out, view_count(v->macs, text), "multiply-accumulates");
  card(out, view_bytes(v->weights, text), "weights");
  card(out, view_bytes(memory->arena_bytes, text), "activations");
  if (v->timed) {
    snprintf(text, sizeof text, v->us < 1000 ? "%.1f us" : "%.2f ms", v->us < 1000 ? v->us : v->us / 1e3);
    card(out, text, "measured, node by node");
  }
  fputs("</div>\n", out);
}

static void port_rows(FILE *out, const tool_run *r, bool output) {
  const uint32_t n = output ? r->n_outputs : r->n_inputs;
  for (uint32_t i = 0; i < n && i < MAX_ROWS; ++i) {
    edge_tensor t;
    char shape[192];
    const edge_status status =
        output ? edge_model_get_output(r->model, r->entry, i, &t) : edge_model_get_input(r->model, r->entry, i, &t);
    if (status != EDGE_STATUS_OK) continue;
    fprintf(out, "<tr><td>%s</td>", output ? "output" : "input");
    cell(out, t.name);
    fprintf(out, "<td>%s</td><td>%s", edge_dtype_name(t.dtype), view_shape(&t, shape, sizeof shape));
    for (int32_t d = 0; !output && d < t.rank; ++d) {
      const char *const symbol = edge_model_input_dim_name(r->model, r->entry, i, (uint32_t)d);
      if (!symbol || t.dims[d] >= 0) continue;
      fprintf(out, " \xc2\xb7 dimension %d: ", (int)d);
      html_text(out, symbol, 60);
    }
    fputs("</td><td>", out);
    if (t.quant.count == 1)
      fprintf(out, "real = %g \xc3\x97 (q \xe2\x88\x92 %d)", (double)t.quant.scales[0],
              t.quant.zero_points ? t.quant.zero_points[0] : 0);
    fputs("</td></tr>\n", out);
  }
}

static void bar(FILE *out, double value, double most, int kind) {
  fputs("<td class=\"b\">", out);
  if (value > 0 && most > 0) fprintf(out, "<i class=\"k%d\" style=\"width:%.1f%%\"></i>", kind, 100.0 * value / most);
  fputs("</td>", out);
}

static int heavier_op(const void *a, const void *b) {
  const view_op *const x = *(const view_op *const *)a, *const y = *(const view_op *const *)b;
  if (x->us < y->us || x->us > y->us) return x->us < y->us ? 1 : -1;
  if (x->macs != y->macs) return x->macs < y->macs ? 1 : -1;
  if (x->weights != y->weights) return x->weights < y->weights ? 1 : -1;
  return x->count < y->count ? 1 : x->count > y->count ? -1 : strcmp(x->name, y->name);
}

static void operators(FILE *out, const graph_view *v) {
  view_op most = { .name = "" };
  const view_op **const sorted = calloc(v->n_ops + 1, sizeof *sorted);
  for (uint32_t i = 0; i < v->n_ops; ++i) {
    const view_op *const op = &v->ops[i];
    if (sorted) sorted[i] = op;
    if (op->macs > most.macs) most.macs = op->macs;
    if (op->weights > most.weights) most.weights = op->weights;
    if (op->us > most.us) most.us = op->us;
  }
  if (sorted) qsort(sorted, v->n_ops, sizeof *sorted, heavier_op);
  fprintf(out,
          "<h2>Operators</h2><div class=\"wide\"><table><tr><th>operator</th><th class=\"r\">nodes</th>"
          "<th class=\"r\">MACs</th><th></th><th class=\"r\">weights</th><th></th>%s</tr>\n",
          v->timed ? "<th class=\"r\">time</th><th></th>" : "");
  for (uint32_t i = 0; sorted && i < v->n_ops; ++i) {
    const view_op *const op = sorted[i];
    char text[24];
    fprintf(out, "<tr><td><span class=\"chip c%u\"></span>%s</td><td class=\"r\">%u</td><td class=\"r\">%s</td>",
            (uint32_t)(op - v->ops) % 12, op->name, op->count, op->macs ? view_count(op->macs, text) : "");
    bar(out, (double)op->macs, (double)most.macs, 1);
    fprintf(out, "<td class=\"r\">%s</td>", op->weights ? view_bytes(op->weights, text) : "");
    bar(out, (double)op->weights, (double)most.weights, 2);
    if (v->timed) {
      fprintf(out, "<td class=\"r\">%.1f us, %.1f %%</td>", op->us, v->us > 0 ? 100.0 * op->us / v->us : 0.0);
      bar(out, op->us, most.us, 3);
    }
    fputs("</tr>\n", out);
  }
  fputs("</table></div>\n", out);
  free(sorted);
}

static void memory_table(FILE *out, const graph_view *v, const edge_session_memory *m) {
  char text[24];
  fputs("<h2>Memory</h2><div class=\"wide\"><table><tr><th>what</th><th class=\"r\">size</th><th class=\"r\">bytes</th>"
        "<th></th></tr>\n",
        out);
  const struct {
    const char *what, *note;
    uint64_t bytes;
  } rows[] = { { "weights", "constants of the model", v->weights },
               { "activations",
                 m->dynamic ? "planned; more from a heap in runs, because some shapes appear at run time"
                            : "planned, all that runs need",
                 m->arena_bytes },
               { "activations, lower bound", "the most that is alive at once", m->arena_lower_bound_bytes },
               { "session", "plan, run list, inputs and outputs", m->persistent_bytes },
               { "prepared weights", "packed for this CPU, shared by all sessions", m->prepared_bytes } };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i)
    fprintf(out, "<tr><td>%s</td><td class=\"r\">%s</td><td class=\"r\">%llu</td><td class=\"dim\">%s</td></tr>\n",
            rows[i].what, view_bytes(rows[i].bytes, text), (unsigned long long)rows[i].bytes, rows[i].note);
  for (int t = 0; t < EDGE_DTYPE_COUNT; ++t)
    if (v->types[t].count)
      fprintf(
          out,
          "<tr><td>weights in %s</td><td class=\"r\">%s</td><td class=\"r\">%llu</td><td class=\"dim\">%u constant%s"
          "</td></tr>\n",
          edge_dtype_name(t), view_bytes(v->types[t].bytes, text), (unsigned long long)v->types[t].bytes,
          v->types[t].count, v->types[t].count == 1 ? "" : "s");
  fputs("</table></div>\n", out);
}

static int heavier_node(const void *a, const void *b) {
  const view_node *const x = *(const view_node *const *)a, *const y = *(const view_node *const *)b;
  if (x->us < y->us || x->us > y->us) return x->us < y->us ? 1 : -1;
  if (x->macs != y->macs) return x->macs < y->macs ? 1 : -1;
  return x < y ? -1 : x > y;
}

static void node_row(FILE *out, const graph_view *v, const view_node *n) {
  const ei_node *const node = view_ei_node(v, n);
  char text[24], shape[192];
  fprintf(out, "<tr><td class=\"r\">%u</td><td><span class=\"chip c%u\"></span>%s</td>", n->node, n->op % 12,
          node->op->name);
  cell(out, node->name);
  fputs("<td>", out);
  if (node->n_out && node->out[0] != EI_NONE) {
    const edge_tensor *const t = &v->tensors[n->subgraph][node->out[0]];
    fprintf(out, "%s %s", edge_dtype_name(t->dtype), view_shape(t, shape, sizeof shape));
  }
  fprintf(out, "</td><td class=\"r\">%s</td>", n->macs ? view_count(n->macs, text) : "");
  fprintf(out, "<td class=\"r\">%s</td>", n->weights ? view_bytes(n->weights, text) : "");
  if (v->timed) fprintf(out, "<td class=\"r\">%.1f us</td>", n->us);
  cell(out, n->kernel);
  fputs("</tr>\n", out);
}

static void node_head(FILE *out, const graph_view *v) {
  fprintf(out,
          "<div class=\"wide\"><table><tr><th class=\"r\">#</th><th>operator</th><th>name</th><th>result</th>"
          "<th class=\"r\">MACs</th><th class=\"r\">weights</th>%s<th>kernel</th></tr>\n",
          v->timed ? "<th class=\"r\">time</th>" : "");
}

static void heaviest(FILE *out, const graph_view *v) {
  const view_node **const sorted = calloc((size_t)v->n_nodes + 1, sizeof *sorted);
  if (!sorted || v->n_nodes <= HEAVIEST || (!v->timed && !v->macs)) {
    free(sorted);
    return;
  }
  for (uint32_t i = 0; i < v->n_nodes; ++i) sorted[i] = &v->nodes[i];
  qsort(sorted, v->n_nodes, sizeof *sorted, heavier_node);
  fprintf(out, "<h2>Nodes that %s most</h2>", v->timed ? "take the" : "compute the");
  node_head(out, v);
  for (uint32_t i = 0; i < HEAVIEST && (sorted[i]->macs || sorted[i]->us > 0); ++i) node_row(out, v, sorted[i]);
  fputs("</table></div>\n", out);
  free(sorted);
}

static void metadata(FILE *out, const graph_view *v) {
  if (!v->graph->n_metadata) return;
  fputs("<h2>Metadata</h2><div class=\"wide\"><table>\n", out);
  for (uint32_t i = 0; i < v->graph->n_metadata && i < MAX_ROWS; ++i) {
    char text[600], size[24];
    const ei_metadata *const m = &v->graph->metadata[i];
    fputs("<tr>", out);
    cell(out, m->key);
    if (view_metadata_text(m, text, sizeof text)) {
      fputs("<td>", out);
      html_text(out, text, sizeof text);
      if (m->bytes > strlen(text)) fputs(" \xe2\x80\xa6", out);
      fputs("</td></tr>\n", out);
    } else {
      fprintf(out, "<td class=\"dim\">%s</td></tr>\n", view_bytes(m->bytes, size));
    }
  }
  fputs("</table></div>\n", out);
}

static void graphs(FILE *out, const graph_view *v) {
  fputs("<h2>Graph</h2>\n", out);
  for (uint32_t k = 0; k < v->graph->n_subgraphs && k < MAX_SUBGRAPHS; ++k) {
    const uint32_t s = k == 0 ? v->entry_subgraph : k <= v->entry_subgraph ? k - 1 : k;
    const ei_subgraph *const sg = &v->graph->subgraphs[s];
    fprintf(out, "<details%s><summary>%s %u ", k ? "" : " open", k ? "subgraph" : "graph", s);
    html_text(out, sg->name, LONG_NAME);
    fprintf(out, ", %u node%s</summary>\n", sg->n_nodes, sg->n_nodes == 1 ? "" : "s");
    static const struct {
      const char *css, *label;
    } zooms[] = { { "z100", "100 %" }, { "z50", "50 %" }, { "z25", "25 %" }, { "zf", "fit the width" } };
    for (int z = 0; z < 4; ++z)
      fprintf(out, "<input type=\"radio\" class=\"%s\" name=\"z%u\" id=\"z%u-%d\"%s><label for=\"z%u-%d\">%s</label>\n",
              zooms[z].css, s, s, z, z ? "" : " checked", s, z, zooms[z].label);
    html_graph(out, v, s);
    fputs("</details>\n", out);
  }
  if (v->graph->n_subgraphs > MAX_SUBGRAPHS)
    fprintf(out, "<p class=\"note\">%u more subgraphs are not drawn.</p>\n", v->graph->n_subgraphs - MAX_SUBGRAPHS);
}

static void node_list(FILE *out, const graph_view *v) {
  fprintf(out, "<details><summary>All nodes%s</summary>\n", v->n_nodes > MAX_ROWS ? ", the first 2000" : "");
  node_head(out, v);
  for (uint32_t i = 0; i < v->n_nodes && i < MAX_ROWS; ++i) node_row(out, v, &v->nodes[i]);
  fputs("</table></div></details>\n", out);
}

bool html_report(FILE *out, const tool_case *c, const tool_run *r, const graph_view *v,
                 const edge_session_memory *memory, const char *format) {
  const uint32_t version = edge_version();
  header(out, c, v, memory, format);
  fputs("<h2>Inputs and outputs</h2><div class=\"wide\"><table><tr><th></th><th>name</th><th>type</th><th>shape</th>"
        "<th>quantization</th></tr>\n",
        out);
  port_rows(out, r, false);
  port_rows(out, r, true);
  fputs("</table></div>\n", out);
  operators(out, v);
  heaviest(out, v);
  memory_table(out, v, memory);
  metadata(out, v);
  graphs(out, v);
  node_list(out, v);
  fprintf(out, "<p class=\"note\">edgert %u.%u.%u</p>\n</body></html>\n", version / 10000, version / 100 % 100,
          version % 100);
  return !ferror(out);
}
