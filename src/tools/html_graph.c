/* SPDX-License-Identifier: Apache-2.0
 * A subgraph as SVG: nodes in layers by longest path, edges bent around what lies between. Work is n log n. */
#include "graph_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DRAWN = 1500, MAX_SPAN = 60, NODE_W = 190, NODE_H = 56, GAP_X = 22, GAP_Y = 40, BEND_W = 14, MARGIN = 20 };
enum { NO_ITEM = -1 };

typedef enum item_kind { ITEM_NODE, ITEM_INPUT, ITEM_OUTPUT, ITEM_BEND } item_kind;

typedef struct item {
  item_kind kind;
  uint32_t ref; /* node in the subgraph, or tensor of a port */
  int32_t layer;
  double x, wish;
} item;

typedef struct edge {
  int32_t from, to; /* items */
  uint32_t tensor;  /* UINT32_MAX: a piece behind a bend, drawn with the first */
} edge;

typedef struct layout {
  const graph_view *v;
  const ei_subgraph *sg;
  const edge_tensor *tensors;
  uint32_t subgraph, drawn;
  item *items;
  edge *edges, *parts; /* parts: edges cut at every layer */
  int32_t *producer;   /* item per tensor */
  int32_t *next;       /* per part: the following piece of the same edge */
  int32_t *order;      /* items by layer */
  int32_t *start;      /* per layer: first of `order` */
  int32_t *in_start, *in_list, *out_start, *out_list;
  int32_t n_items, n_edges, n_parts, n_layers, cap_items, cap_parts;
  double width;
} layout;

static void free_layout(layout *l) {
  free(l->items), free(l->edges), free(l->parts), free(l->producer), free(l->next), free(l->order), free(l->start);
  free(l->in_start), free(l->in_list), free(l->out_start), free(l->out_list);
}

static int32_t add_item(layout *l, item_kind kind, uint32_t ref, int32_t layer) {
  l->items[l->n_items] = (item) { kind, ref, layer, 0.0, 0.0 };
  return l->n_items++;
}

static void add_edge(layout *l, int32_t from, int32_t to, uint32_t tensor) {
  if (from == NO_ITEM || from == to) return;
  l->edges[l->n_edges++] = (edge) { from, to, tensor };
  if (l->items[to].layer <= l->items[from].layer) l->items[to].layer = l->items[from].layer + 1;
}

/* Nodes stand in execution order, so one walk finds the longest path to each. */
static bool collect(layout *l) {
  const ei_subgraph *const sg = l->sg;
  size_t n_edges = sg->n_outputs;
  l->drawn = sg->n_nodes < MAX_DRAWN ? sg->n_nodes : MAX_DRAWN;
  for (uint32_t i = 0; i < l->drawn; ++i) n_edges += sg->nodes[i].n_in;
  const uint32_t ports = sg->n_inputs < MAX_DRAWN ? sg->n_inputs : MAX_DRAWN,
                 outs = sg->n_outputs < MAX_DRAWN ? sg->n_outputs : MAX_DRAWN;
  const size_t base = (size_t)l->drawn + ports + outs + 1;
  l->cap_items = (int32_t)(base * 8);
  l->cap_parts = (int32_t)(base * 8 + n_edges);
  l->items = calloc((size_t)l->cap_items, sizeof *l->items);
  l->edges = calloc(n_edges + 1, sizeof *l->edges);
  l->producer = malloc((sg->n_tensors + 1u) * sizeof *l->producer);
  if (!l->items || !l->edges || !l->producer) return false;
  for (uint32_t t = 0; t < sg->n_tensors; ++t) l->producer[t] = NO_ITEM;
  for (uint32_t i = 0; i < ports; ++i) l->producer[sg->inputs[i]] = add_item(l, ITEM_INPUT, sg->inputs[i], 0);
  for (uint32_t i = 0; i < l->drawn; ++i) {
    const ei_node *const n = &sg->nodes[i];
    const int32_t me = add_item(l, ITEM_NODE, i, 0);
    for (uint32_t k = 0; k < n->n_in; ++k)
      if (n->in[k] != EI_NONE) add_edge(l, l->producer[n->in[k]], me, n->in[k]);
    for (uint32_t k = 0; k < n->n_out; ++k)
      if (n->out[k] != EI_NONE) l->producer[n->out[k]] = me;
  }
  for (uint32_t i = 0; i < outs; ++i) {
    const int32_t from = l->producer[sg->outputs[i]];
    if (from == NO_ITEM) continue; /* made by a node that is not drawn */
    add_edge(l, from, add_item(l, ITEM_OUTPUT, sg->outputs[i], 0), sg->outputs[i]);
  }
  return true;
}

/* What starts a path moves down to its first reader. */
static void pull_down(layout *l) {
  int32_t *const least = malloc(((size_t)l->n_items + 1) * sizeof *least);
  if (!least) return;
  for (int32_t i = 0; i < l->n_items; ++i) least[i] = INT32_MAX;
  for (int32_t i = 0; i < l->n_edges; ++i) {
    const int32_t layer = l->items[l->edges[i].to].layer;
    if (layer < least[l->edges[i].from]) least[l->edges[i].from] = layer;
  }
  for (int32_t i = 0; i < l->n_items; ++i)
    if (l->items[i].layer == 0 && least[i] != INT32_MAX) l->items[i].layer = least[i] - 1;
  free(least);
}

/* Cut edges where they cross layers; very long ones, and those past the room, go straight. */
static bool bend(layout *l) {
  l->parts = calloc((size_t)l->cap_parts, sizeof *l->parts);
  l->next = malloc((size_t)l->cap_parts * sizeof *l->next);
  if (!l->parts || !l->next) return false;
  for (int32_t i = 0; i < l->n_edges; ++i) {
    const edge *const e = &l->edges[i];
    const int32_t first = l->items[e->from].layer, span = l->items[e->to].layer - first;
    const bool room = l->n_items + span < l->cap_items && l->n_parts + span + l->n_edges - i < l->cap_parts;
    int32_t from = e->from;
    for (int32_t k = 1; k < span && span <= MAX_SPAN && room; ++k) {
      const int32_t to = add_item(l, ITEM_BEND, 0, first + k);
      l->parts[l->n_parts] = (edge) { from, to, k == 1 ? e->tensor : UINT32_MAX };
      l->next[l->n_parts] = l->n_parts + 1;
      l->n_parts++;
      from = to;
    }
    l->parts[l->n_parts] = (edge) { from, e->to, from == e->from ? e->tensor : UINT32_MAX };
    l->next[l->n_parts++] = NO_ITEM;
  }
  return true;
}

/* Neighbours of each item as index lists, by counting. */
static bool neighbours(layout *l) {
  const size_t n = (size_t)l->n_items + 2;
  l->in_start = calloc(n, sizeof *l->in_start);
  l->out_start = calloc(n, sizeof *l->out_start);
  l->in_list = calloc((size_t)l->n_parts + 1, sizeof *l->in_list);
  l->out_list = calloc((size_t)l->n_parts + 1, sizeof *l->out_list);
  if (!l->in_start || !l->out_start || !l->in_list || !l->out_list) return false;
  for (int32_t i = 0; i < l->n_parts; ++i) {
    l->in_start[l->parts[i].to + 2]++;
    l->out_start[l->parts[i].from + 2]++;
  }
  for (size_t i = 2; i < n; ++i) {
    l->in_start[i] += l->in_start[i - 1];
    l->out_start[i] += l->out_start[i - 1];
  }
  for (int32_t i = 0; i < l->n_parts; ++i) {
    l->in_list[l->in_start[l->parts[i].to + 1]++] = l->parts[i].from;
    l->out_list[l->out_start[l->parts[i].from + 1]++] = l->parts[i].to;
  }
  return true;
}

static bool sort_layers(layout *l) {
  for (int32_t i = 0; i < l->n_items; ++i)
    if (l->items[i].layer >= l->n_layers) l->n_layers = l->items[i].layer + 1;
  l->start = calloc((size_t)l->n_layers + 2, sizeof *l->start);
  l->order = calloc((size_t)l->n_items + 1, sizeof *l->order);
  if (!l->start || !l->order) return false;
  for (int32_t i = 0; i < l->n_items; ++i) l->start[l->items[i].layer + 2]++;
  for (int32_t i = 2; i < l->n_layers + 2; ++i) l->start[i] += l->start[i - 1];
  for (int32_t i = 0; i < l->n_items; ++i) l->order[l->start[l->items[i].layer + 1]++] = i;
  return true;
}

static const item *sorted_items; /* for qsort; the tool has one thread */

static int by_wish(const void *a, const void *b) {
  const int32_t i = *(const int32_t *)a, k = *(const int32_t *)b;
  const double x = sorted_items[i].wish, y = sorted_items[k].wish;
  return x < y ? -1 : x > y ? 1 : (i > k) - (i < k);
}

static double width_of(const item *i) {
  return i->kind == ITEM_BEND ? BEND_W : NODE_W;
}

/* Nodes decide where things stand, edges that pass by give way. */
static double weight_of(const item *i) {
  return i->kind == ITEM_BEND ? 0.05 : 1.0;
}

/* Each item as near to the middle of its neighbours on one side as those beside it allow. */
static void place_layer(layout *l, int32_t layer, const int32_t *from, const int32_t *list, bool sort) {
  int32_t *const order = l->order + l->start[layer];
  const int32_t n = l->start[layer + 1] - l->start[layer];
  double at = -INFINITY, off = 0, all = 0;
  for (int32_t i = 0; i < n; ++i) {
    item *const x = &l->items[order[i]];
    const int32_t a = from[order[i]], b = from[order[i] + 1];
    double sum = 0, weights = 0;
    for (int32_t k = a; k < b; ++k) {
      const item *const y = &l->items[list[k]];
      sum += y->x * weight_of(y);
      weights += weight_of(y);
    }
    x->wish = weights > 0 ? sum / weights : x->x;
  }
  sorted_items = l->items;
  if (sort) qsort(order, (size_t)n, sizeof *order, by_wish);
  for (int32_t i = 0; i < n; ++i) {
    item *const x = &l->items[order[i]];
    const double half = width_of(x) / 2;
    x->x = x->wish > at + half ? x->wish : at + half;
    at = x->x + half + GAP_X;
    off += (x->x - x->wish) * weight_of(x);
    all += weight_of(x);
  }
  for (int32_t i = 0; i < n; ++i) l->items[order[i]].x -= off / all;
}

/* Blocks that lean one way all the time would make a staircase: take the slow part of the drift out. */
static void straighten(layout *l) {
  enum { WINDOW = 12 };
  double *const sum = calloc((size_t)l->n_layers + 1, sizeof *sum), *const count =
                                                                        calloc((size_t)l->n_layers + 1, sizeof *count);
  if (sum && count) {
    for (int32_t i = 0; i < l->n_items; ++i) {
      if (l->items[i].kind == ITEM_BEND) continue;
      sum[l->items[i].layer + 1] += l->items[i].x;
      count[l->items[i].layer + 1] += 1;
    }
    for (int32_t i = 1; i <= l->n_layers; ++i) sum[i] += sum[i - 1], count[i] += count[i - 1];
    for (int32_t i = 0; i < l->n_items; ++i) {
      const int32_t at = l->items[i].layer, a = at > WINDOW ? at - WINDOW : 0,
                    b = at + WINDOW + 1 < l->n_layers ? at + WINDOW + 1 : l->n_layers;
      if (count[b] > count[a]) l->items[i].x -= (sum[b] - sum[a]) / (count[b] - count[a]);
    }
  }
  free(sum);
  free(count);
}

/* Edges that pass outside the nodes of a layer stay close to them. */
static void draw_in(layout *l, int32_t layer) {
  const int32_t *const order = l->order + l->start[layer];
  const int32_t n = l->start[layer + 1] - l->start[layer];
  const double far = NODE_W / 2.0 + 3 * GAP_X;
  int32_t first = 0, last = n - 1;
  while (first < n && l->items[order[first]].kind == ITEM_BEND) ++first;
  while (last >= 0 && l->items[order[last]].kind == ITEM_BEND) --last;
  if (first == n) return;
  for (int32_t i = first - 1; i >= 0; --i) {
    const double least = l->items[order[i + 1]].x - far;
    if (l->items[order[i]].x < least) l->items[order[i]].x = least;
  }
  for (int32_t i = last + 1; i < n; ++i) {
    const double most = l->items[order[i - 1]].x + far;
    if (l->items[order[i]].x > most) l->items[order[i]].x = most;
  }
}

static void place(layout *l) {
  double least = INFINITY, most = -INFINITY;
  for (int32_t i = 0; i < l->n_layers; ++i) place_layer(l, i, l->in_start, l->in_list, true);
  for (int round = 0; round < 3; ++round) { /* the second one also settles who stands left of whom */
    for (int32_t i = l->n_layers - 1; i >= 0; --i) place_layer(l, i, l->out_start, l->out_list, round == 1);
    for (int32_t i = 0; i < l->n_layers; ++i) place_layer(l, i, l->in_start, l->in_list, round == 1);
  }
  straighten(l);
  for (int32_t i = 0; i < l->n_layers; ++i) draw_in(l, i);
  for (int32_t i = 0; i < l->n_items; ++i) {
    const double half = width_of(&l->items[i]) / 2;
    if (l->items[i].x - half < least) least = l->items[i].x - half;
    if (l->items[i].x + half > most) most = l->items[i].x + half;
  }
  if (!l->n_items) least = most = 0;
  for (int32_t i = 0; i < l->n_items; ++i) l->items[i].x += MARGIN - least;
  l->width = most - least + 2 * MARGIN;
}

/* ---- drawing */

static double top_of(const layout *l, int32_t i) {
  return MARGIN + (double)l->items[i].layer * (NODE_H + GAP_Y);
}

static void value(FILE *out, const layout *l, uint32_t t) {
  char shape[192], size[24];
  const edge_tensor *const x = &l->tensors[t];
  html_text(out, *x->name ? x->name : "?", 120);
  fprintf(out, " %s%s", edge_dtype_name(x->dtype), view_shape(x, shape, sizeof shape));
  if (l->sg->tensors[t].data) fprintf(out, " constant, %s", view_bytes(l->sg->tensors[t].data_bytes, size));
}

static void values(FILE *out, const layout *l, const char *what, const uint32_t *list, uint32_t n) {
  for (uint32_t i = 0; i < n && i < 8; ++i) {
    fprintf(out, "\n%s: ", what);
    if (list[i] == EI_NONE)
      fputs("absent", out);
    else
      value(out, l, list[i]);
  }
  if (n > 8) fprintf(out, "\nand %u more", n - 8);
}

static void attributes(FILE *out, const ei_node *n) {
  for (uint32_t i = 0; i < n->n_attr && i < 16; ++i) {
    const ei_attr *const a = &n->attr[i];
    fputc('\n', out);
    html_text(out, a->key, 64);
    fputs(" = ", out);
    if (a->kind == EI_ATTR_INT) fprintf(out, "%lld", (long long)a->u.i);
    if (a->kind == EI_ATTR_FLOAT) fprintf(out, "%g", a->u.f);
    if (a->kind == EI_ATTR_STRING) html_text(out, a->u.s, 120);
    for (uint32_t k = 0; a->kind == EI_ATTR_INTS && k < a->count && k < 16; ++k)
      fprintf(out, "%s%lld", k ? ", " : "", (long long)a->u.ints[k]);
    for (uint32_t k = 0; a->kind == EI_ATTR_FLOATS && k < a->count && k < 16; ++k)
      fprintf(out, "%s%g", k ? ", " : "", a->u.floats[k]);
  }
}

static void hover(FILE *out, const layout *l, const view_node *n) {
  const ei_node *const node = view_ei_node(l->v, n);
  char text[24];
  fprintf(out, "<title>#%u %s\n", n->node, node->op->name);
  html_text(out, node->name, 200);
  values(out, l, "in", node->in, node->n_in);
  values(out, l, "out", node->out, node->n_out);
  attributes(out, node);
  if (n->macs) fprintf(out, "\n%s multiply-accumulates", view_count(n->macs, text));
  if (n->weights) fprintf(out, "\n%s of weights", view_bytes(n->weights, text));
  if (n->us > 0) fprintf(out, "\n%.1f us", n->us);
  if (*n->backend) {
    fputs("\nruns on ", out);
    html_text(out, n->backend, 40);
    fputs(" ", out);
    html_text(out, n->kernel, 100);
  }
  fputs("</title>", out);
}

static void line(FILE *out, double x, double y, const char *css, const char *text, size_t limit) {
  fprintf(out, "<text x=\"%.0f\" y=\"%.0f\" class=\"%s\">", x, y, css);
  html_text(out, text, limit);
  fputs("</text>", out);
}

static void draw_node(FILE *out, const layout *l, const item *i, double top) {
  const view_node *const n = &l->v->nodes[l->v->first[l->subgraph] + i->ref];
  const ei_node *const node = view_ei_node(l->v, n);
  const double left = i->x - NODE_W / 2.0;
  char shape[192], size[24], text[256];
  fprintf(out, "<g class=\"n c%u\"><rect x=\"%.0f\" y=\"%.0f\" width=\"%d\" height=\"%d\" rx=\"7\"/>", n->op % 12, left,
          top, NODE_W, NODE_H);
  line(out, left + 9, top + 17, "o", node->op->name, 24);
  line(out, left + 9, top + 33, "s", node->name, 26);
  if (node->n_out && node->out[0] != EI_NONE) {
    const edge_tensor *const y = &l->tensors[node->out[0]];
    snprintf(text, sizeof text, "%s %s", edge_dtype_name(y->dtype), view_shape(y, shape, sizeof shape));
    line(out, left + 9, top + 48, "s", text, 26);
  }
  if (n->weights) {
    fprintf(out, "<text x=\"%.0f\" y=\"%.0f\" class=\"s e\">%s</text>", left + NODE_W - 9, top + 17,
            view_bytes(n->weights, size));
  }
  hover(out, l, n);
  fputs("</g>\n", out);
}

static void draw_port(FILE *out, const layout *l, const item *i, double top) {
  const double left = i->x - NODE_W / 2.0;
  char shape[192], text[256];
  const edge_tensor *const t = &l->tensors[i->ref];
  fprintf(out, "<g class=\"p\"><rect x=\"%.0f\" y=\"%.0f\" width=\"%d\" height=\"%d\" rx=\"20\"/>", left, top + 8,
          NODE_W, NODE_H - 16);
  snprintf(text, sizeof text, "%s %s", edge_dtype_name(t->dtype), view_shape(t, shape, sizeof shape));
  line(out, left + 16, top + 24, "o", t->name, 26);
  line(out, left + 16, top + 39, "s", text, 26);
  fprintf(out, "<title>%s ", i->kind == ITEM_INPUT ? "input" : "output");
  value(out, l, i->ref);
  fputs("</title></g>\n", out);
}

static void draw_edge(FILE *out, const layout *l, int32_t part) {
  const edge *const first = &l->parts[part];
  const item *from = &l->items[first->from];
  double y = top_of(l, first->from) + (from->kind == ITEM_NODE ? NODE_H : NODE_H - 8);
  fprintf(out, "<path d=\"M%.0f %.0f", from->x, y);
  for (int32_t p = part; p != NO_ITEM; p = l->next[p]) {
    const item *const to = &l->items[l->parts[p].to];
    const double end = top_of(l, l->parts[p].to) + (to->kind == ITEM_BEND   ? NODE_H / 2.0
                                                    : to->kind == ITEM_NODE ? 0
                                                                            : 8);
    const double bow = (end - y) / 2;
    fprintf(out, "C%.0f %.0f %.0f %.0f %.0f %.0f", from->x, y + bow, to->x, end - bow, to->x, end);
    from = to;
    y = end;
  }
  fputs("\"><title>", out);
  value(out, l, first->tensor);
  fputs("</title></path>\n", out);
}

static void draw(FILE *out, const layout *l) {
  const double height = 2 * MARGIN + (double)l->n_layers * (NODE_H + GAP_Y) - GAP_Y;
  fprintf(out,
          "<div class=\"canvas\"><svg role=\"img\" style=\"--w:%.0fpx\" viewBox=\"0 0 %.0f %.0f\">\n<g class=\"w\">\n",
          l->width, l->width, height);
  for (int32_t i = 0; i < l->n_parts; ++i)
    if (l->parts[i].tensor != UINT32_MAX) draw_edge(out, l, i);
  fputs("</g>\n", out);
  for (int32_t i = 0; i < l->n_items; ++i) {
    if (l->items[i].kind == ITEM_NODE) draw_node(out, l, &l->items[i], top_of(l, i));
    if (l->items[i].kind == ITEM_INPUT || l->items[i].kind == ITEM_OUTPUT)
      draw_port(out, l, &l->items[i], top_of(l, i));
  }
  fputs("</svg></div>\n", out);
}

void html_graph(FILE *out, const graph_view *v, uint32_t subgraph) {
  layout l;
  memset(&l, 0, sizeof l);
  l.v = v;
  l.sg = &v->graph->subgraphs[subgraph];
  l.tensors = v->tensors[subgraph];
  l.subgraph = subgraph;
  bool ok = collect(&l);
  if (ok) pull_down(&l);
  if (ok) ok = bend(&l) && neighbours(&l) && sort_layers(&l);
  if (ok) {
    place(&l);
    if (l.drawn < l.sg->n_nodes)
      fprintf(out, "<p class=\"note\">The first %u of %u nodes are drawn; the tables count all of them.</p>\n", l.drawn,
              l.sg->n_nodes);
    draw(out, &l);
  } else {
    fputs("<p class=\"note\">There was no memory to draw this graph.</p>\n", out);
  }
  free_layout(&l);
}
