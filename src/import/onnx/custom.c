/* SPDX-License-Identifier: Apache-2.0
 * Nodes of operators that the application registers (docs/custom-operators.md): kept with their attributes. */
#include "onnx.h"
#include "../../ops/custom.h"

static bool set_attr(ei_ox_call *c, const ei_ox_attr *a) {
  ei_node *const n = &c->x->g->subgraphs[c->b->sg].nodes[c->last];
  switch (a->type) {
  case EI_OX_INT: ei_ox_set_int(c, a->name, a->i); return true;
  case EI_OX_FLOAT: ei_ox_set_float(c, a->name, (double)a->f); return true;
  case EI_OX_INTS: ei_ox_set_ints(c, a->name, a->ints, a->n_ints); return true;
  case EI_OX_FLOATS: ei_ox_set_floats(c, a->name, a->floats, a->n_floats); return true;
  case EI_OX_STRING:
    if (!a->s || strlen(a->s) != a->s_bytes) return false;
    if (ei_node_set_string(c->x->g, n, a->name, a->s) != EDGE_STATUS_OK) ei_ox_out_of_memory(c->x);
    return true;
  default: return false;
  }
}

bool ei_ox_custom(ei_ox_call *c) {
  const ei_import_options *const o = c->x->im->options;
  const char *const domain = *c->n->domain ? c->n->domain : "ai.onnx";
  const bool foreign = strcmp(domain, "com.microsoft") != 0 && strncmp(domain, "ai.onnx", 7) != 0;
  if (!ei_import_keeps(o, domain, c->n->op, foreign)) return false;
  ei_ox_emit(c, "Custom", c->in, c->n_in, c->out, c->n_out);
  for (uint32_t i = 0; i < c->n->n_attrs && ei_ox_ok(c->x); ++i) {
    const ei_ox_attr *const a = ei_ox_attr_find(c, c->n->attrs[i].name);
    if (!a) continue;
    ei_ox_attr named = *a; /* of a function: under the name that it has here */
    named.name = c->n->attrs[i].name;
    if (set_attr(c, &named)) continue;
    ei_ox_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE,
               "attribute '%s' of a custom operator must be an integer, a float, a text or a list of numbers",
               named.name);
  }
  if (!ei_ox_ok(c->x)) return true;
  ei_node *const n = &c->x->g->subgraphs[c->b->sg].nodes[c->last];
  c->x->status = ei_import_name_custom(o, c->x->g, n, domain, c->n->op, c->x->err);
  for (uint32_t i = 0; i < c->n_out && ei_ox_ok(c->x) && !(n->op->flags & EI_OP_REGISTERED); ++i)
    if (c->out[i] != EI_NONE && c->b->views[c->out[i]].dtype == EDGE_DTYPE_NONE)
      ei_ox_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE,
                 "the model does not say what type '%s' has: add value_info, or register the operator", c->n->out[i]);
  return true;
}
