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

/* What a loop carries: tensors pass through the Loop node, sequences that grow become scans behind all others. */
typedef struct loop {
  ei_ox_body body;
  uint32_t carried, tensors; /* of the node; without sequences */
  uint32_t *in, *out, *body_out;
  uint32_t n_in, n_out;
} loop;

static bool open_loop(ei_ox_call *c, loop *l, const ei_ox_graph *g) {
  if (ei_ox_build_subgraph(c->x, c->s, g, c->in, c->n_in, &l->body) != EDGE_STATUS_OK) return false;
  l->in = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)c->n_in + l->body.n_captures + 1);
  l->out = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)g->n_outputs + 1);
  l->body_out = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)g->n_outputs + 1);
  if (!l->in || !l->out || !l->body_out) ei_ox_out_of_memory(c->x);
  for (uint32_t i = 0; i < g->n_outputs && ei_ox_ok(c->x); ++i) {
    const bool sequence = i > 0 && i <= l->carried && ei_ox_list_of(c->b, c->in[i + 1]);
    if (sequence != (l->body.out_lists[i] != NULL))
      ei_ox_fail(c, EDGE_STATUS_MALFORMED, "output %u of the body is not of the type that the loop carries", i);
  }
  for (uint32_t i = 0; i < c->n_in && ei_ox_ok(c->x); ++i)
    if (!ei_ox_list_of(c->b, c->in[i])) l->in[l->n_in++] = c->in[i];
  l->tensors = l->n_in - 2;
  for (uint32_t i = 0; i < l->body.n_captures && ei_ox_ok(c->x); ++i) l->in[l->n_in++] = l->body.captures[i].outer;
  return ei_ox_ok(c->x);
}

/* Outputs of the body and of the node in order; what a sequence grows by comes last. */
static void order_outputs(ei_ox_call *c, loop *l, uint32_t n_outputs) {
  const ei_subgraph *const sg = &c->x->g->subgraphs[l->body.sg];
  uint32_t n = 0;
  for (uint32_t i = 0; i < n_outputs; ++i) {
    if (l->body.out_lists[i]) continue;
    if (i > 0) l->out[n - 1] = ei_ox_out(c, i - 1);
    l->body_out[n++] = sg->outputs[i];
  }
  for (uint32_t i = 0; i < n_outputs; ++i) {
    if (!l->body.out_lists[i] || l->body.out_lists[i]->n == 0) continue;
    l->out[n - 1] = ei_ox_temp(c);
    l->body_out[n++] = sg->outputs[i];
  }
  l->n_out = n - 1;
}

/* The sequence after the loop: what it was before and the scanned items. */
static void bind_grown(ei_ox_call *c, loop *l, uint32_t n_outputs) {
  uint32_t scan = l->n_out;
  for (uint32_t i = 1; i < n_outputs; ++i) scan -= l->body.out_lists[i] && l->body.out_lists[i]->n > 0;
  for (uint32_t i = 1; i < n_outputs; ++i) {
    if (!l->body.out_lists[i]) continue;
    ei_ox_list after = *ei_ox_list_of(c->b, c->in[i + 1]);
    if (l->body.out_lists[i]->n > 0) {
      const uint32_t t = l->out[scan++];
      const int32_t rank = c->x->g->subgraphs[l->body.sg].tensors[l->body_out[scan]].rank;
      ei_tensor *const stacked = &c->x->g->subgraphs[c->b->sg].tensors[t];
      if (rank >= 0 && rank < EDGE_MAX_RANK) {
        stacked->rank = rank + 1;
        for (int32_t d = 0; d <= rank; ++d) stacked->dims[d] = EI_DIM_UNKNOWN;
        ei_tensor_view(stacked, &c->b->views[t]);
      }
      after.stacked = ei_ox_list_append(c, &after, t);
      after.n = 0;
    }
    ei_ox_bind_list(c->b, ei_ox_out(c, i - 1), &after);
  }
}

void ei_ox_map_loop(ei_ox_call *c) {
  const ei_ox_graph *const g = ei_ox_body_of(c, "body");
  loop l;
  memset(&l, 0, sizeof l);
  if (!g || c->n_in < 2) return;
  l.carried = c->n_in - 2;
  if (g->n_inputs != c->n_in || g->n_outputs < l.carried + 1 || c->n_out > g->n_outputs - 1 ||
      ei_ox_list_of(c->b, c->in[0]) || ei_ox_list_of(c->b, c->in[1])) {
    ei_ox_fail(c, EDGE_STATUS_MALFORMED, "the body's inputs and outputs do not fit the node");
    return;
  }
  if (!open_loop(c, &l, g)) return;
  order_outputs(c, &l, g->n_outputs);
  const ei_subgraph *const sg = &c->x->g->subgraphs[l.body.sg];
  if (ei_ox_ok(c->x) &&
      ei_subgraph_set_io(c->x->g, l.body.sg, sg->inputs, sg->n_inputs, l.body_out, l.n_out + 1) != EDGE_STATUS_OK)
    ei_ox_out_of_memory(c->x);
  ei_ox_settle(c->b);
  ei_ox_emit(c, "Loop", l.in, l.n_in, l.out, l.n_out);
  ei_ox_set_int(c, "body", l.body.sg);
  ei_ox_set_int(c, "num_carried", l.tensors);
  for (uint32_t i = 0; i < l.n_out; ++i) ei_ox_adopt_output(c, l.out[i], &l.body, i + 1, false);
  if (ei_ox_ok(c->x)) bind_grown(c, &l, g->n_outputs);
}
