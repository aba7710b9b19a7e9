/* SPDX-License-Identifier: Apache-2.0
 * Nodes from operator cases, and chains of them. */
#include "graph_node.h"
#include <stdio.h>

static et_template templates[4096];
static uint32_t n_templates, n_ops;
static uint32_t first_of[512]; /* templates of operator i are first_of[i] .. first_of[i + 1] */

static void add_templates(const char *name, const et_case *cases) {
  const ei_op_def *const op = ei_op_find(name);
  const uint32_t before = n_templates;
  if (op == NULL) return;
  for (const et_case *k = cases; k->name != NULL && n_templates < EI_COUNT(templates); ++k) {
    et_template *const t = &templates[n_templates];
    if (k->status != EDGE_STATUS_OK && !(op->flags & EI_OP_CONTROL)) continue;
    t->node.op = op;
    t->node.version = op->version;
    CHECK(et_parse_tensors(k->in, &t->in) && et_parse_tensors(k->out, &t->out) && et_parse_attrs(k->attrs, &t->node));
    n_templates++;
    if (op->flags & EI_OP_CONTROL) break; /* its case is only the operator's name here, see graph_control.c */
  }
  if (n_templates == before) return;
  first_of[n_ops++] = before;
  first_of[n_ops] = n_templates;
}

static void forget(void) {
  for (uint32_t i = 0; i < n_templates; ++i) {
    et_free_tensors(&templates[i].in);
    et_free_tensors(&templates[i].out);
    et_free_attrs(&templates[i].node);
  }
}

static void start(void) {
  if (n_templates) return;
#define EI_OP(id, name) add_templates(#name, et_cases_##name);
#include "src/ops/ops.def"
#undef EI_OP
  atexit(forget);
}

uint32_t et_graph_ops(void) {
  start();
  return n_ops;
}

const ei_op_def *et_graph_op(uint32_t index) {
  start();
  return templates[first_of[index]].node.op;
}

uint64_t et_draw(et_gen *g, uint64_t below) {
  if (below <= 1) return 0;
  if (g->at < g->n) { /* the bytes, then what follows from all of them */
    uint64_t v = g->p[g->at++];
    if (below > 256 && g->at < g->n) v = v << 8 | g->p[g->at++];
    return v % below;
  }
  return (et_next(&g->state) >> 16) % below;
}

static const et_template *pick(et_gen *g, uint32_t op) {
  return &templates[first_of[op] + et_draw(g, first_of[op + 1] - first_of[op])];
}

/* Take a tensor of the graph as input k of the work, whose sizes follow. */
static bool splice(et_gen *g, et_work *w, uint32_t k, uint32_t tensor) {
  const edge_tensor *const t = &g->view[tensor];
  edge_tensor *const in = &w->in[k];
  if (in->dtype == EDGE_DTYPE_NONE || (w->node.op->mutates_in >> k & 1) || w->from[k] != EI_NONE) return false;
  const int64_t *const to = t->dims;
  if (in->rank == t->rank) {
    int64_t was[EDGE_MAX_RANK];
    memcpy(was, in->dims, sizeof was);
    for (int32_t d = t->rank - 1; d >= 0; --d)
      if (was[d] != to[d] && !et_rename(g, w, was[d], to[d], k)) return false;
  }
  if (in->dtype != t->dtype) et_retype(g, w, in->dtype, t->dtype);
  w->in[k] = *t;
  w->in[k].data = NULL;
  w->from[k] = tensor;
  for (uint32_t o = 0; o < w->n_out; ++o) /* outputs are quantized when the input is */
    if (w->out[o].dtype == t->dtype && (w->out[o].quant.count > 0) != (t->quant.count > 0)) w->out[o].quant = t->quant;
  return et_legal(w);
}

static bool make_node(et_gen *g, uint32_t op, et_work *w) {
  et_begin_work(g, w, pick(g, op));
  if (!et_legal(w)) return false;
  et_vary(g, w);
  return true;
}

static bool chain_node(et_gen *g, et_work *w) {
  for (int tries = 0; tries < 10; ++tries) {
    uint32_t op = (uint32_t)et_draw(g, n_ops);
    for (int i = 0; i < 4 && !(et_graph_op(op)->flags & (EI_OP_ELEMENTWISE | EI_OP_VIEW)); ++i)
      if (tries % 2) op = (uint32_t)et_draw(g, n_ops);
    const uint32_t tensor = g->live[et_draw(g, g->n_live)];
    if (et_graph_op(op)->flags & EI_OP_CONTROL) continue;
    et_begin_work(g, w, pick(g, op));
    uint32_t k = w->n_in > 1 && et_draw(g, 4) == 0 ? (uint32_t)et_draw(g, w->n_in) : 0;
    if (w->n_in == 0 || !splice(g, w, k, tensor)) continue;
    if (g->n_live > 1 && w->n_in > 1 && et_draw(g, 3) == 0) {
      et_work more = *w;
      k = (uint32_t)et_draw(g, w->n_in);
      if (splice(g, &more, k, g->live[et_draw(g, g->n_live)])) *w = more;
    }
    et_vary(g, w);
    return true;
  }
  return false;
}

/* Every tensor that nobody uses is an output, and some of the others. */
static void border(et_gen *g) {
  ei_subgraph *const sg = &g->made->g->subgraphs[0];
  uint32_t in[ET_GEN_TENSORS], out[ET_GEN_TENSORS], n_in = 0, n_out = 0;
  for (uint32_t t = 0; t < sg->n_tensors; ++t) {
    bool used = false, made = false;
    for (uint32_t i = 0; i < sg->n_nodes; ++i) {
      for (uint32_t k = 0; k < sg->nodes[i].n_in; ++k) used |= sg->nodes[i].in[k] == t;
      for (uint32_t k = 0; k < sg->nodes[i].n_out; ++k) made |= sg->nodes[i].out[k] == t;
    }
    if (!made && sg->tensors[t].data == NULL && sg->tensors[t].state == 0) in[n_in++] = t;
    if (made && (!used || et_draw(g, 4) == 0)) out[n_out++] = t;
  }
  CHECK_OK(ei_subgraph_set_io(g->made->g, 0, in, n_in, out, n_out));
}

static void begin(et_gen *g) {
  start();
  g->made = EI_NEW(g->arena, et_made);
  CHECK(g->made);
  g->made->g = ei_graph_new(g->arena);
  CHECK(g->made->g && ei_graph_add_subgraph(g->made->g, "main") == 0);
  CHECK_OK(ei_graph_add_entry(g->made->g, "main", 0));
}

uint32_t et_graph_cases(void) {
  start();
  return n_templates;
}

et_made *et_graph_case(ei_arena *arena, uint32_t index, int kind, uint32_t at, et_constants constants) {
  et_gen g = { .arena = arena, .constants = constants, .state = 1 };
  et_work *const w = EI_NEW(arena, et_work);
  bool legal = true;
  CHECK(w);
  begin(&g);
  if (templates[index].node.op->flags & EI_OP_CONTROL) return NULL;
  et_begin_work(&g, w, &templates[index]);
  if (!et_change(&g, w, kind, at, &legal)) return NULL;
  g.made->legal = legal;
  if (legal) et_add_work(&g, w);
  border(&g);
  return g.made;
}

et_made *et_graph_make(ei_arena *arena, const uint8_t *p, size_t n, uint32_t max_nodes) {
  et_gen g = { .arena = arena, .p = p, .n = n, .at = 0, .constants = ET_CONST_DRAWN };
  et_work *const w = EI_NEW(arena, et_work);
  CHECK(w);
  begin(&g);
  et_made *const m = g.made;
  g.state = ei_hash_bytes(p, n, 1).lo | 1;
  uint32_t op = g.n >= 2 ? ((uint32_t)p[0] | (uint32_t)p[1] << 8) % n_ops : 0;
  g.at = g.n >= 2 ? 2 : g.n;
  const uint32_t nodes = max_nodes > 1 && et_draw(&g, 2) ? 1 + (uint32_t)et_draw(&g, max_nodes) : 1;
  for (uint32_t i = 0; i < nodes && m->n_ops < ET_GEN_NODES; ++i) {
    if (i == 0 && et_graph_op(op)->flags & EI_OP_CONTROL) {
      if (!et_add_control(&g, et_graph_op(op))) return NULL;
      continue;
    }
    const bool good = i > 0 && g.n_live > 0 ? chain_node(&g, w) : make_node(&g, op, w);
    if (good)
      et_add_work(&g, w);
    else if (i == 0)
      return NULL;
    op = (uint32_t)et_draw(&g, n_ops);
    if (et_graph_op(op)->flags & EI_OP_CONTROL) op = 0;
  }
  border(&g);
  return m;
}
