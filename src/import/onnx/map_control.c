/* SPDX-License-Identifier: Apache-2.0
 * If and Loop: bodies become subgraphs, values they capture become further inputs. */
#include "map.h"

const ei_ox_graph *ei_ox_body_of(ei_ox_call *c, const char *name) {
  const ei_ox_attr *const a = ei_ox_attr_find(c, name);
  if (!a || a->type != EI_OX_GRAPH || !a->g) {
    ei_ox_fail(c, EDGE_STATUS_MALFORMED, "attribute %s is missing or not a graph", name);
    return NULL;
  }
  return a->g;
}

/* What is known about a body's output k, seen from outside. Loops may change shapes between rounds. */
void ei_ox_adopt_output(ei_ox_call *c, uint32_t out, const ei_ox_body *body, uint32_t k, bool keep_dims) {
  ei_graph *const g = c->x->g;
  if (out == EI_NONE || !ei_ox_ok(c->x) || k >= g->subgraphs[body->sg].n_outputs) return;
  const ei_tensor *const from = &g->subgraphs[body->sg].tensors[g->subgraphs[body->sg].outputs[k]];
  ei_tensor *const to = &g->subgraphs[c->b->sg].tensors[out];
  to->dtype = from->dtype;
  if (to->rank < 0 && keep_dims) {
    to->rank = from->rank;
    for (int32_t i = 0; i < from->rank; ++i) to->dims[i] = from->dims[i];
  }
  ei_tensor_view(to, &c->b->views[out]);
}

/* Append captures of a body to a list of outer tensors, each once. */
static uint32_t add_captures(const ei_ox_body *body, uint32_t *list, uint32_t count) {
  for (uint32_t i = 0; i < body->n_captures; ++i) {
    uint32_t k = 0;
    while (k < count && list[k] != body->captures[i].outer) ++k;
    if (k == count) list[count++] = body->captures[i].outer;
  }
  return count;
}

/* Both branches take the same captured values in the same order: a branch that ignores one gets an idle input. */
static void unify_inputs(ei_ox_call *c, ei_ox_body *body, const uint32_t *captured, uint32_t count) {
  uint32_t *const inputs = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)count + 1);
  if (!inputs) {
    ei_ox_out_of_memory(c->x);
    return;
  }
  for (uint32_t i = 0; i < count && ei_ox_ok(c->x); ++i) {
    inputs[i] = EI_NONE;
    for (uint32_t k = 0; k < body->n_captures; ++k)
      if (body->captures[k].outer == captured[i]) inputs[i] = body->captures[k].inner;
    if (inputs[i] != EI_NONE) continue;
    ei_tensor t = c->x->g->subgraphs[c->b->sg].tensors[captured[i]];
    inputs[i] = ei_ox_add_tensor(body, &t);
  }
  const ei_subgraph *const sg = &c->x->g->subgraphs[body->sg];
  if (ei_ox_ok(c->x) &&
      ei_subgraph_set_io(c->x->g, body->sg, inputs, count, sg->outputs, sg->n_outputs) != EDGE_STATUS_OK)
    ei_ox_out_of_memory(c->x);
}

void ei_ox_map_if(ei_ox_call *c) {
  static const char *const names[2] = { "then_branch", "else_branch" };
  ei_ox_body body[2];
  for (uint32_t i = 0; i < 2; ++i) {
    const ei_ox_graph *const g = ei_ox_body_of(c, names[i]);
    if (!g || ei_ox_build_subgraph(c->x, c->s, g, NULL, 0, &body[i]) != EDGE_STATUS_OK) return;
    if (g->n_outputs < c->n_out) {
      ei_ox_fail(c, EDGE_STATUS_MALFORMED, "%s has too few outputs", names[i]);
      return;
    }
  }
  uint32_t *const in = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)body[0].n_captures + body[1].n_captures + 1);
  if (!in) {
    ei_ox_out_of_memory(c->x);
    return;
  }
  in[0] = ei_ox_in(c, 0);
  uint32_t n = add_captures(&body[0], in + 1, 0);
  n = add_captures(&body[1], in + 1, n);
  unify_inputs(c, &body[0], in + 1, n);
  unify_inputs(c, &body[1], in + 1, n);
  ei_ox_settle(c->b);
  ei_ox_emit(c, "If", in, n + 1, c->out, c->n_out);
  ei_ox_set_int(c, "then", body[0].sg);
  ei_ox_set_int(c, "else", body[1].sg);
  const ei_graph *const g = c->x->g;
  for (uint32_t i = 0; i < c->n_out && ei_ox_ok(c->x); ++i) {
    const ei_subgraph *const a = &g->subgraphs[body[0].sg], *const b = &g->subgraphs[body[1].sg];
    const ei_tensor *const ta = &a->tensors[a->outputs[i]], *const tb = &b->tensors[b->outputs[i]];
    const bool same =
        ta->rank == tb->rank && (ta->rank <= 0 || memcmp(ta->dims, tb->dims, (size_t)ta->rank * sizeof *ta->dims) == 0);
    ei_ox_adopt_output(c, ei_ox_out(c, i), &body[0], i, same);
  }
}

/* Formal inputs, then captures, of a Loop or Scan node. */
static uint32_t *with_captures(ei_ox_call *c, const ei_ox_body *body, uint32_t *count) {
  uint32_t *const in = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)c->n_in + body->n_captures + 1);
  if (!in) {
    ei_ox_out_of_memory(c->x);
    return NULL;
  }
  memcpy(in, c->in, c->n_in * sizeof *in);
  for (uint32_t i = 0; i < body->n_captures; ++i) in[c->n_in + i] = body->captures[i].outer;
  *count = c->n_in + body->n_captures;
  return in;
}

void ei_ox_map_loop(ei_ox_call *c) {
  const ei_ox_graph *const g = ei_ox_body_of(c, "body");
  ei_ox_body body;
  uint32_t n = 0;
  if (!g || c->n_in < 2) return;
  const uint32_t carried = c->n_in - 2;
  if (g->n_inputs != c->n_in || g->n_outputs < carried + 1 || c->n_out > g->n_outputs - 1) {
    ei_ox_fail(c, EDGE_STATUS_MALFORMED, "the body's inputs and outputs do not fit the node");
    return;
  }
  if (ei_ox_build_subgraph(c->x, c->s, g, c->in, c->n_in, &body) != EDGE_STATUS_OK) return;
  const uint32_t *const in = with_captures(c, &body, &n);
  ei_ox_settle(c->b);
  if (!in || !ei_ox_ok(c->x)) return;
  ei_ox_emit(c, "Loop", in, n, c->out, c->n_out);
  ei_ox_set_int(c, "body", body.sg);
  ei_ox_set_int(c, "num_carried", carried);
  for (uint32_t i = 0; i < c->n_out; ++i) ei_ox_adopt_output(c, ei_ox_out(c, i), &body, i + 1, false);
}
