/* SPDX-License-Identifier: Apache-2.0
 * Scan as a Loop: each round gathers its slices of the scanned inputs, which the body captures whole. */
#include "map.h"

typedef struct scan {
  ei_ox_body body;
  uint32_t n_state, n_scan;      /* inputs of the node */
  uint32_t trips, last;          /* outside: number of rounds, index of the last one */
  uint32_t round, cond, last_in; /* inside; last_in EI_NONE: nothing runs backwards */
  uint32_t *in;                  /* inputs of the Loop */
  uint32_t n_in;
  uint32_t *inputs; /* of the body */
  uint32_t n_inputs;
} scan;

static int64_t entry(ei_ox_call *c, const char *list, uint32_t i) {
  uint32_t n = 0;
  const int64_t *const v = ei_ox_ints(c, list, &n);
  return v && i < n ? v[i] : 0;
}

static uint32_t add_inner(scan *s, const char *name, int32_t dtype) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.dtype = dtype;
  return ei_ox_add_tensor(&s->body, &t);
}

static void insert(ei_ox_call *c, scan *s, uint32_t at, const char *op, uint32_t a, uint32_t b, uint32_t out,
                   int64_t axis) {
  const uint32_t in[2] = { a, b };
  if (!ei_ox_ok(c->x)) return;
  ei_node *const n = ei_graph_insert_node(c->x->g, s->body.sg, at, op, c->n->name, in, b == EI_NONE ? 1 : 2, &out, 1);
  if (!n || (axis && ei_node_set_int(c->x->g, n, "axis", axis) != EDGE_STATUS_OK)) ei_ox_out_of_memory(c->x);
}

/* Formal input k of the body becomes the slice of this round. */
static void add_slice(ei_ox_call *c, scan *s, uint32_t k, uint32_t at) {
  const uint32_t outer = c->in[s->n_state + k];
  ei_tensor whole = c->x->g->subgraphs[c->b->sg].tensors[outer];
  const uint32_t formal = c->x->g->subgraphs[s->body.sg].inputs[s->n_state + k];
  int64_t axis = entry(c, "scan_input_axes", k);
  if (axis < 0) axis += ei_ox_rank(c, outer);
  const uint32_t inner = ei_ox_add_tensor(&s->body, &whole);
  uint32_t index = s->round;
  if (entry(c, c->opset < 9 ? "directions" : "scan_input_directions", k)) {
    index = add_inner(s, "backwards", EDGE_DTYPE_S64);
    insert(c, s, at++, "Sub", s->last_in, s->round, index, 0);
  }
  insert(c, s, at, "Gather", inner, index, formal, axis);
  if (whole.data) return; /* a constant is shared, not passed */
  s->in[s->n_in++] = outer;
  s->inputs[s->n_inputs++] = inner;
}

static bool open_scan(ei_ox_call *c, scan *s, const ei_ox_graph *g) {
  bool backwards = false;
  if (ei_ox_build_subgraph(c->x, c->s, g, c->in, c->n_in, &s->body) != EDGE_STATUS_OK) return false;
  const uint64_t most = (uint64_t)c->n_in + s->body.n_captures + 4;
  s->in = EI_NEW_ARRAY(c->x->arena, uint32_t, most);
  s->inputs = EI_NEW_ARRAY(c->x->arena, uint32_t, most);
  if (!s->in || !s->inputs) {
    ei_ox_out_of_memory(c->x);
    return false;
  }
  for (uint32_t k = 0; k < s->n_scan; ++k)
    backwards = backwards || entry(c, c->opset < 9 ? "directions" : "scan_input_directions", k) != 0;
  int64_t axis = entry(c, "scan_input_axes", 0);
  if (axis < 0) axis += ei_ox_rank(c, c->in[s->n_state]);
  const uint32_t shape = EI_OX(c, "Shape", EI_NONE, c->in[s->n_state]);
  s->trips = EI_OX(c, "Gather", EI_NONE, shape, ei_ox_const_int(c, axis));
  s->last = backwards ? EI_OX(c, "Sub", EI_NONE, s->trips, ei_ox_const_int(c, 1)) : EI_NONE;
  s->round = add_inner(s, "round", EDGE_DTYPE_S64);
  s->cond = add_inner(s, "go", EDGE_DTYPE_BOOL);
  s->last_in = backwards ? add_inner(s, "last", EDGE_DTYPE_S64) : EI_NONE;
  ei_ox_settle(c->b);
  return ei_ox_ok(c->x);
}

/* Inputs of the Loop and of its body: count and condition, state, captured values, scanned values. */
static void pass_values(ei_ox_call *c, scan *s) {
  const uint32_t *const formal = c->x->g->subgraphs[s->body.sg].inputs;
  s->in[s->n_in++] = s->trips;
  s->in[s->n_in++] = EI_NONE;
  s->inputs[s->n_inputs++] = s->round;
  s->inputs[s->n_inputs++] = s->cond;
  for (uint32_t i = 0; i < s->n_state; ++i) {
    s->in[s->n_in++] = c->in[i];
    s->inputs[s->n_inputs++] = formal[i];
  }
  for (uint32_t i = 0; i < s->body.n_captures; ++i) {
    s->in[s->n_in++] = s->body.captures[i].outer;
    s->inputs[s->n_inputs++] = s->body.captures[i].inner;
  }
  if (s->last != EI_NONE) {
    s->in[s->n_in++] = s->last;
    s->inputs[s->n_inputs++] = s->last_in;
  }
  for (uint32_t k = 0; k < s->n_scan && ei_ox_ok(c->x); ++k) add_slice(c, s, k, 0);
}

static void close_body(ei_ox_call *c, scan *s) {
  const uint32_t count = c->x->g->subgraphs[s->body.sg].n_outputs;
  uint32_t *const outputs = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)count + 1);
  const uint32_t go_on = add_inner(s, "go_on", EDGE_DTYPE_BOOL);
  if (!ei_ox_ok(c->x)) return;
  if (!outputs) {
    ei_ox_out_of_memory(c->x);
    return;
  }
  insert(c, s, c->x->g->subgraphs[s->body.sg].n_nodes, "Identity", s->cond, EI_NONE, go_on, 0);
  outputs[0] = go_on;
  memcpy(outputs + 1, c->x->g->subgraphs[s->body.sg].outputs, count * sizeof *outputs);
  if (ei_subgraph_set_io(c->x->g, s->body.sg, s->inputs, s->n_inputs, outputs, count + 1) != EDGE_STATUS_OK)
    ei_ox_out_of_memory(c->x);
}

/* Rounds are stacked along the first dimension, forwards; the node may want them elsewhere and backwards. */
static void arrange(ei_ox_call *c, const scan *s, uint32_t stacked, uint32_t k, uint32_t out) {
  static const int64_t first = 0;
  int64_t axis = entry(c, "scan_output_axes", k), perm[EDGE_MAX_RANK];
  uint32_t t = stacked;
  if (entry(c, "scan_output_directions", k))
    t = EI_OX(c, "Reverse", axis ? EI_NONE : out, t, ei_ox_const_ints(c, &first, 1));
  if (axis == 0) return;
  const ei_subgraph *const body = &c->x->g->subgraphs[s->body.sg];
  const int32_t rank = body->tensors[body->outputs[1 + s->n_state + k]].rank + 1;
  if (axis < 0) axis += rank;
  if (rank < 2 || rank > EDGE_MAX_RANK || axis < 0 || axis >= rank) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE,
               "scan_output_axes does not fit the rank of an output, which must be known");
    return;
  }
  for (int64_t i = 0, from = 1; i < rank; ++i) perm[i] = i == axis ? 0 : from++;
  ei_ox_transpose(c, t, perm, (uint32_t)rank, out);
}

/* One Scan over the call's inputs and outputs. */
static void emit_scan(ei_ox_call *c, const ei_ox_graph *g, int64_t scans) {
  scan s;
  memset(&s, 0, sizeof s);
  s.n_scan = (uint32_t)scans;
  s.n_state = c->n_in - s.n_scan;
  if (!open_scan(c, &s, g)) return;
  pass_values(c, &s);
  close_body(c, &s);
  uint32_t *const out = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)c->n_out + 1);
  if (!ei_ox_ok(c->x)) return;
  if (!out) {
    ei_ox_out_of_memory(c->x);
    return;
  }
  for (uint32_t i = 0; i < c->n_out; ++i) {
    const uint32_t k = i - s.n_state;
    const bool moved = i >= s.n_state && (entry(c, "scan_output_axes", k) || entry(c, "scan_output_directions", k));
    out[i] = moved && c->out[i] != EI_NONE ? ei_ox_temp(c) : c->out[i];
  }
  ei_ox_emit(c, "Loop", s.in, s.n_in, out, c->n_out);
  ei_ox_set_int(c, "body", s.body.sg);
  ei_ox_set_int(c, "num_carried", s.n_state);
  for (uint32_t i = 0; i < c->n_out; ++i) ei_ox_adopt_output(c, out[i], &s.body, i + 1, false);
  for (uint32_t i = s.n_state; i < c->n_out; ++i)
    if (out[i] != c->out[i]) arrange(c, &s, out[i], i - s.n_state, c->out[i]);
}

enum { MAX_BATCH = 64 };

/* Opset 8 has lengths first and a batch in front of everything: one Scan per batch entry, joined again. */
static void emit_batched(ei_ox_call *c, const ei_ox_graph *g, int64_t scans) {
  static const int64_t first = 0;
  const edge_tensor *const v = ei_ox_view(c, ei_ox_in(c, 1));
  const int64_t batch = v->rank > 0 ? v->dims[0] : EI_DIM_UNKNOWN;
  ei_ox_call inner = *c;
  if (!ei_ox_ok(c->x)) return;
  if (ei_ox_in(c, 0) != EI_NONE || batch < 1 || batch > MAX_BATCH) {
    ei_ox_unsupported(c, "Scan of opset 8 needs a known batch size and no lengths; export with opset 9 or newer");
    return;
  }
  uint32_t *const in = EI_NEW_ARRAY(c->x->arena, uint32_t, c->n_in);
  uint32_t *const out = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)c->n_out + 1);
  uint32_t *const parts = EI_NEW_ARRAY(c->x->arena, uint32_t, ((uint64_t)c->n_out + 1) * (uint64_t)batch);
  if (!in || !out || !parts) {
    ei_ox_out_of_memory(c->x);
    return;
  }
  inner.in = in;
  inner.out = out;
  inner.n_in = c->n_in - 1;
  for (int64_t b = 0; b < batch && ei_ox_ok(c->x); ++b) {
    for (uint32_t i = 0; i < inner.n_in; ++i)
      in[i] = EI_OX(&inner, "Gather", EI_NONE, c->in[i + 1], ei_ox_const_int(&inner, b));
    for (uint32_t i = 0; i < c->n_out; ++i) out[i] = c->out[i] == EI_NONE ? EI_NONE : ei_ox_temp(&inner);
    emit_scan(&inner, g, scans);
    for (uint32_t i = 0; i < c->n_out && ei_ox_ok(c->x); ++i)
      parts[i * batch + b] = out[i] == EI_NONE ? EI_NONE : ei_ox_unsqueeze(&inner, out[i], &first, 1);
  }
  for (uint32_t i = 0; i < c->n_out && ei_ox_ok(c->x); ++i) {
    if (c->out[i] == EI_NONE) continue;
    ei_ox_emit1(&inner, batch == 1 ? "Identity" : "Concat", c->out[i], parts + i * batch, (uint32_t)batch);
    if (batch > 1) ei_ox_set_int(&inner, "axis", 0);
  }
}

void ei_ox_map_scan(ei_ox_call *c) {
  const ei_ox_graph *const g = ei_ox_body_of(c, "body");
  const int64_t scans = ei_ox_int(c, "num_scan_inputs", 1);
  const uint32_t lengths = c->opset < 9 ? 1 : 0;
  if (!g || !ei_ox_ok(c->x)) return;
  if (c->n_in < lengths || scans < 1 || scans > c->n_in - lengths || g->n_inputs != c->n_in - lengths ||
      c->n_out > g->n_outputs || g->n_outputs + scans < c->n_in - lengths) {
    ei_ox_fail(c, EDGE_STATUS_MALFORMED, "the body's inputs and outputs do not fit the node");
    return;
  }
  for (uint32_t i = lengths; i < c->n_in; ++i)
    if (c->in[i] == EI_NONE) {
      ei_ox_fail(c, EDGE_STATUS_MALFORMED, "input %u is absent", i);
      return;
    }
  if (lengths)
    emit_batched(c, g, scans);
  else
    emit_scan(c, g, scans);
}
