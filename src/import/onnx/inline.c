/* SPDX-License-Identifier: Apache-2.0
 * Functions and graphs that become part of the graph around them. */
#include "onnx.h"

const ei_ox_function *ei_ox_find_function(const ei_ox_model *m, const ei_ox_node *n) {
  for (uint32_t i = 0; i < m->n_functions; ++i) {
    const ei_ox_function *const f = &m->functions[i];
    if (strcmp(f->name, n->op) == 0 && strcmp(f->domain, n->domain) == 0 && strcmp(f->overload, n->overload) == 0)
      return f;
  }
  return NULL;
}

void ei_ox_inline_function(ei_ox_scope *s, const ei_ox_node *n, const ei_ox_function *f) {
  ei_ox *const x = s->body->x;
  ei_ox_scope in;
  memset(&in, 0, sizeof in);
  in.body = s->body;
  in.opsets = f->opsets;
  in.n_opsets = f->n_opsets;
  in.fn = f;
  in.call = n;
  in.caller = s;
  if (x->depth >= EI_OX_MAX_NESTING || n->n_in > f->n_in || n->n_out > f->n_out) {
    x->status =
        ei_fail_at(x->err, EDGE_STATUS_MALFORMED, n->offset,
                   "node '%s' calls function '%s', which is recursive or takes other arguments", n->name, f->name);
    return;
  }
  for (uint32_t i = 0; i < f->n_in; ++i) {
    const uint32_t t = i < n->n_in ? ei_ox_lookup(s, n->in[i]) : EI_NONE;
    if (!ei_ox_names_put(x->arena, &in.names, f->in[i], t == EI_NONE ? EI_OX_ABSENT : t)) ei_ox_out_of_memory(x);
  }
  x->depth++;
  const uint32_t *const order = ei_ox_order(x, f->nodes, f->n_nodes);
  for (uint32_t i = 0; i < f->n_nodes && ei_ox_ok(x); ++i) ei_ox_translate(&in, &f->nodes[order[i]]);
  x->depth--;
  for (uint32_t i = 0; i < n->n_out && ei_ox_ok(x); ++i) {
    if (!*n->out[i]) continue;
    const uint32_t t = ei_ox_lookup(&in, f->out[i]);
    if (t == EI_NONE) continue;
    ei_tensor *const tensor = &x->g->subgraphs[s->body->sg].tensors[t];
    if (s->body->producer[t] != EI_NONE) tensor->name = s->body->views[t].name = n->out[i];
    if (!ei_ox_names_put(x->arena, &s->names, n->out[i], t)) ei_ox_out_of_memory(x);
  }
}

uint32_t ei_ox_inline_graph(ei_ox_call *c, const ei_ox_graph *g, const uint32_t *in, uint32_t n_in) {
  ei_ox *const x = c->x;
  ei_ox_scope s;
  memset(&s, 0, sizeof s);
  s.body = c->b;
  s.outer = c->s;
  s.graph = g;
  s.opsets = c->s->opsets;
  s.n_opsets = c->s->n_opsets;
  s.fn = c->s->fn;
  s.call = c->s->call;
  s.caller = c->s->caller;
  if (!ei_ox_ok(x)) return EI_NONE;
  if (x->depth >= EI_OX_MAX_NESTING || g->n_inputs != n_in || g->n_outputs != 1) {
    ei_ox_fail(c, EDGE_STATUS_MALFORMED, "its graph must have %u inputs and one output, and not be nested too deep",
               n_in);
    return EI_NONE;
  }
  x->depth++;
  for (uint32_t i = 0; i < n_in; ++i)
    if (!ei_ox_names_put(x->arena, &s.names, g->inputs[i].name, in[i])) ei_ox_out_of_memory(x);
  ei_ox_add_initializers(&s, g);
  const uint32_t *const order = ei_ox_order(x, g->nodes, g->n_nodes);
  for (uint32_t i = 0; i < g->n_nodes && ei_ox_ok(x); ++i) ei_ox_translate(&s, &g->nodes[order[i]]);
  const uint32_t y = ei_ox_lookup(&s, g->outputs[0].name);
  x->depth--;
  return y;
}
