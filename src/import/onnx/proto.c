/* SPDX-License-Identifier: Apache-2.0
 * ONNX models, graphs, nodes, attributes and functions. */
#include "proto.h"
#include "../../graph/graph.h"

static edge_status parse_graph(ei_ox_parser *x, ei_pb r, uint32_t depth, ei_ox_graph *out);

/* Repeated message fields: `array` has room for all of them, `count` says how many are filled. */
#define MESSAGE(array, count, parse)                       \
  do {                                                     \
    EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, what, x->err)); \
    EI_TRY(parse);                                         \
    (count)++;                                             \
  } while (0)

static edge_status attr_value(ei_ox_parser *x, const ei_pb *at, const ei_pb_field *field, uint32_t depth,
                              ei_ox_attr *a) {
  static const char what[] = "an attribute";
  const ei_pb r = *at;
  const ei_pb_field f = *field;
  switch (f.number) {
  case 1: return ei_ox_string(x, &r, &f, what, &a->name);
  case 21: return ei_ox_string(x, &r, &f, what, &a->ref);
  case 2: {
    EI_TRY(ei_pb_want(&r, &f, EI_PB_FIXED32, what, x->err));
    const uint32_t bits = (uint32_t)f.value;
    memcpy(&a->f, &bits, sizeof a->f);
    return EDGE_STATUS_OK;
  }
  case 3: a->i = ei_ox_s64(f.value); return ei_pb_want(&r, &f, EI_PB_VARINT, what, x->err);
  case 20: a->type = f.value > 100 ? 100 : (int32_t)f.value; return ei_pb_want(&r, &f, EI_PB_VARINT, what, x->err);
  case 4: a->s_bytes = f.bytes; return ei_ox_string(x, &r, &f, what, &a->s);
  case 9: return ei_ox_string(x, &r, &f, what, &a->strings[a->n_strings++]);
  case 5: {
    ei_ox_tensor *const t = EI_NEW(x->arena, ei_ox_tensor);
    if (!t) return ei_ox_no_memory(x);
    EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, what, x->err));
    a->t = t;
    return ei_ox_parse_tensor(x, ei_pb_inside(&r, &f), t);
  }
  case 22: {
    ei_ox_sparse *const t = EI_NEW(x->arena, ei_ox_sparse);
    if (!t) return ei_ox_no_memory(x);
    EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, what, x->err));
    a->sparse = t;
    return ei_ox_parse_sparse(x, ei_pb_inside(&r, &f), t);
  }
  case 6: {
    ei_ox_graph *const g = EI_NEW(x->arena, ei_ox_graph);
    if (!g) return ei_ox_no_memory(x);
    EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, what, x->err));
    a->g = g;
    return parse_graph(x, ei_pb_inside(&r, &f), depth + 1, g);
  }
  default: return EDGE_STATUS_OK;
  }
}

/* Files of IR version 1 have no type field: what is there tells. */
static int32_t guess_type(const ei_ox_attr *a, const uint32_t counts[32]) {
  if (a->g) return EI_OX_GRAPH;
  if (a->t) return EI_OX_TENSOR;
  if (a->sparse) return EI_OX_SPARSE;
  if (counts[4]) return EI_OX_STRING;
  if (a->n_strings) return EI_OX_STRINGS;
  if (a->n_ints) return EI_OX_INTS;
  if (a->n_floats) return EI_OX_FLOATS;
  return counts[2] ? EI_OX_FLOAT : EI_OX_INT;
}

static edge_status attr_lists(ei_ox_parser *x, ei_pb r, const uint32_t counts[32], ei_ox_attr *a) {
  uint64_t n = 0;
  if (counts[8]) {
    EI_TRY(ei_pb_scalars(r, 8, EI_PB_AS_VARINT, NULL, 0, &n, x->err));
    uint64_t *const values = EI_NEW_ARRAY(x->arena, uint64_t, n + 1);
    int64_t *const ints = EI_NEW_ARRAY(x->arena, int64_t, n + 1);
    if (!values || !ints || n > UINT32_MAX) return ei_ox_no_memory(x);
    EI_TRY(ei_pb_scalars(r, 8, EI_PB_AS_VARINT, values, n, &n, x->err));
    for (uint64_t i = 0; i < n; ++i) ints[i] = ei_ox_s64(values[i]);
    a->ints = ints;
    a->n_ints = (uint32_t)n;
  }
  if (counts[7]) {
    EI_TRY(ei_pb_scalars(r, 7, EI_PB_AS_F32, NULL, 0, &n, x->err));
    uint64_t *const values = EI_NEW_ARRAY(x->arena, uint64_t, n + 1);
    double *const floats = EI_NEW_ARRAY(x->arena, double, n + 1);
    if (!values || !floats || n > UINT32_MAX) return ei_ox_no_memory(x);
    EI_TRY(ei_pb_scalars(r, 7, EI_PB_AS_F32, values, n, &n, x->err));
    for (uint64_t i = 0; i < n; ++i) {
      const uint32_t bits = (uint32_t)values[i];
      float v;
      memcpy(&v, &bits, sizeof v);
      floats[i] = (double)v;
    }
    a->floats = floats;
    a->n_floats = (uint32_t)n;
  }
  a->strings = EI_NEW_ARRAY(x->arena, const char *, (uint64_t)counts[9] + 1);
  return a->strings ? EDGE_STATUS_OK : ei_ox_no_memory(x);
}

static edge_status parse_attr(ei_ox_parser *x, ei_pb r, uint32_t depth, ei_ox_attr *a) {
  uint32_t counts[32];
  memset(a, 0, sizeof *a);
  a->name = a->ref = a->s = "";
  EI_TRY(ei_ox_count_fields(x, r, counts));
  EI_TRY(attr_lists(x, r, counts, a));
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) break;
    EI_TRY(attr_value(x, &r, &f, depth, a));
  }
  if (a->type == 0) a->type = guess_type(a, counts);
  if ((a->type == EI_OX_TENSOR && !a->t && !*a->ref) || (a->type == EI_OX_GRAPH && !a->g && !*a->ref))
    return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, ei_pb_offset(&r), "attribute '%s' has no value", a->name);
  return EDGE_STATUS_OK;
}

static edge_status parse_node(ei_ox_parser *x, ei_pb r, uint32_t depth, ei_ox_node *n) {
  static const char what[] = "a node";
  uint32_t counts[32];
  memset(n, 0, sizeof *n);
  n->name = n->op = n->domain = n->overload = "";
  n->offset = ei_pb_offset(&r);
  EI_TRY(ei_ox_count_fields(x, r, counts));
  n->in = EI_NEW_ARRAY(x->arena, const char *, (uint64_t)counts[1] + 1);
  n->out = EI_NEW_ARRAY(x->arena, const char *, (uint64_t)counts[2] + 1);
  n->attrs = EI_NEW_ARRAY(x->arena, ei_ox_attr, (uint64_t)counts[5] + 1);
  if (!n->in || !n->out || !n->attrs) return ei_ox_no_memory(x);
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    switch (f.number) {
    case 0:
      if (strcmp(n->domain, "ai.onnx") == 0) n->domain = "";
      if (*n->op) return EDGE_STATUS_OK;
      return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, n->offset, "node '%s' has no operator", n->name);
    case 1: EI_TRY(ei_ox_string(x, &r, &f, what, &n->in[n->n_in++])); break;
    case 2: EI_TRY(ei_ox_string(x, &r, &f, what, &n->out[n->n_out++])); break;
    case 3: EI_TRY(ei_ox_string(x, &r, &f, what, &n->name)); break;
    case 4: EI_TRY(ei_ox_string(x, &r, &f, what, &n->op)); break;
    case 5: MESSAGE(n->attrs, n->n_attrs, parse_attr(x, ei_pb_inside(&r, &f), depth, &n->attrs[n->n_attrs])); break;
    case 7: EI_TRY(ei_ox_string(x, &r, &f, what, &n->domain)); break;
    case 8: EI_TRY(ei_ox_string(x, &r, &f, what, &n->overload)); break;
    default: break;
    }
  }
}

static edge_status parse_graph(ei_ox_parser *x, ei_pb r, uint32_t depth, ei_ox_graph *g) {
  static const char what[] = "a graph";
  uint32_t counts[32];
  memset(g, 0, sizeof *g);
  g->name = "";
  if (depth > EI_OX_MAX_DEPTH)
    return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, ei_pb_offset(&r), "graphs are nested more than %d deep",
                      EI_OX_MAX_DEPTH);
  EI_TRY(ei_ox_count_fields(x, r, counts));
  g->nodes = EI_NEW_ARRAY(x->arena, ei_ox_node, (uint64_t)counts[1] + 1);
  g->init = EI_NEW_ARRAY(x->arena, ei_ox_tensor, (uint64_t)counts[5] + 1);
  g->inputs = EI_NEW_ARRAY(x->arena, ei_ox_value, (uint64_t)counts[11] + 1);
  g->outputs = EI_NEW_ARRAY(x->arena, ei_ox_value, (uint64_t)counts[12] + 1);
  g->infos = EI_NEW_ARRAY(x->arena, ei_ox_value, (uint64_t)counts[13] + 1);
  g->sparse = EI_NEW_ARRAY(x->arena, ei_ox_sparse, (uint64_t)counts[15] + 1);
  if (!g->nodes || !g->init || !g->inputs || !g->outputs || !g->infos || !g->sparse) return ei_ox_no_memory(x);
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    const ei_pb in = ei_pb_inside(&r, &f);
    switch (f.number) {
    case 0: return EDGE_STATUS_OK;
    case 1: MESSAGE(g->nodes, g->n_nodes, parse_node(x, in, depth, &g->nodes[g->n_nodes])); break;
    case 2: EI_TRY(ei_ox_string(x, &r, &f, what, &g->name)); break;
    case 5: MESSAGE(g->init, g->n_init, ei_ox_parse_tensor(x, in, &g->init[g->n_init])); break;
    case 11: MESSAGE(g->inputs, g->n_inputs, ei_ox_parse_value(x, in, &g->inputs[g->n_inputs])); break;
    case 12: MESSAGE(g->outputs, g->n_outputs, ei_ox_parse_value(x, in, &g->outputs[g->n_outputs])); break;
    case 13: MESSAGE(g->infos, g->n_infos, ei_ox_parse_value(x, in, &g->infos[g->n_infos])); break;
    case 15: MESSAGE(g->sparse, g->n_sparse, ei_ox_parse_sparse(x, in, &g->sparse[g->n_sparse])); break;
    default: break;
    }
  }
}

static edge_status parse_function(ei_ox_parser *x, ei_pb r, ei_ox_function *fn) {
  static const char what[] = "a function";
  uint32_t counts[32];
  memset(fn, 0, sizeof *fn);
  fn->name = fn->domain = fn->overload = "";
  EI_TRY(ei_ox_count_fields(x, r, counts));
  fn->in = EI_NEW_ARRAY(x->arena, const char *, (uint64_t)counts[4] + 1);
  fn->out = EI_NEW_ARRAY(x->arena, const char *, (uint64_t)counts[5] + 1);
  fn->nodes = EI_NEW_ARRAY(x->arena, ei_ox_node, (uint64_t)counts[7] + 1);
  fn->opsets = EI_NEW_ARRAY(x->arena, ei_ox_opset, (uint64_t)counts[9] + 1);
  fn->defaults = EI_NEW_ARRAY(x->arena, ei_ox_attr, (uint64_t)counts[11] + 1);
  if (!fn->in || !fn->out || !fn->nodes || !fn->opsets || !fn->defaults) return ei_ox_no_memory(x);
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    const ei_pb in = ei_pb_inside(&r, &f);
    switch (f.number) {
    case 0:
      if (strcmp(fn->domain, "ai.onnx") == 0) fn->domain = "";
      return EDGE_STATUS_OK;
    case 1: EI_TRY(ei_ox_string(x, &r, &f, what, &fn->name)); break;
    case 4: EI_TRY(ei_ox_string(x, &r, &f, what, &fn->in[fn->n_in++])); break;
    case 5: EI_TRY(ei_ox_string(x, &r, &f, what, &fn->out[fn->n_out++])); break;
    case 7: MESSAGE(fn->nodes, fn->n_nodes, parse_node(x, in, 1, &fn->nodes[fn->n_nodes])); break;
    case 9: MESSAGE(fn->opsets, fn->n_opsets, ei_ox_parse_opset(x, in, &fn->opsets[fn->n_opsets])); break;
    case 10: EI_TRY(ei_ox_string(x, &r, &f, what, &fn->domain)); break;
    case 11: MESSAGE(fn->defaults, fn->n_defaults, parse_attr(x, in, 1, &fn->defaults[fn->n_defaults])); break;
    case 13: EI_TRY(ei_ox_string(x, &r, &f, what, &fn->overload)); break;
    default: break;
    }
  }
}

static edge_status model_field(ei_ox_parser *x, const ei_pb *at, const ei_pb_field *field, ei_ox_model *m) {
  static const char what[] = "the model";
  const ei_pb r = *at;
  const ei_pb_field f = *field;
  const ei_pb in = ei_pb_inside(&r, &f);
  switch (f.number) {
  case 1: m->ir_version = ei_ox_s64(f.value); return ei_pb_want(&r, &f, EI_PB_VARINT, what, x->err);
  case 2: return ei_ox_string(x, &r, &f, what, &m->producer);
  case 3: return ei_ox_string(x, &r, &f, what, &m->producer_version);
  case 7:
    if (!m->graph) m->graph = EI_NEW(x->arena, ei_ox_graph);
    if (!m->graph) return ei_ox_no_memory(x);
    EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, what, x->err));
    return parse_graph(x, in, 0, m->graph);
  case 8: MESSAGE(m->opsets, m->n_opsets, ei_ox_parse_opset(x, in, &m->opsets[m->n_opsets])); break;
  case 14: MESSAGE(m->metadata, m->n_metadata, ei_ox_parse_text(x, in, &m->metadata[m->n_metadata])); break;
  case 25: MESSAGE(m->functions, m->n_functions, parse_function(x, in, &m->functions[m->n_functions])); break;
  default: break;
  }
  return EDGE_STATUS_OK;
}

edge_status ei_ox_parse_model(ei_arena *arena, const void *data, uint64_t bytes, ei_ox_model *m, edge_error *err) {
  ei_ox_parser parser = { arena, err };
  ei_ox_parser *const x = &parser;
  uint32_t counts[32];
  ei_pb r = ei_pb_open(data, bytes);
  memset(m, 0, sizeof *m);
  m->producer = m->producer_version = "";
  EI_TRY(ei_ox_count_fields(x, r, counts));
  m->opsets = EI_NEW_ARRAY(arena, ei_ox_opset, (uint64_t)counts[8] + 1);
  m->metadata = EI_NEW_ARRAY(arena, ei_ox_text, (uint64_t)counts[14] + 1);
  m->functions = EI_NEW_ARRAY(arena, ei_ox_function, (uint64_t)counts[25] + 1);
  if (!m->opsets || !m->metadata || !m->functions) return ei_ox_no_memory(x);
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, err));
    if (f.number == 0) break;
    EI_TRY(model_field(x, &r, &f, m));
  }
  if (!m->graph) return ei_fail_at(err, EDGE_STATUS_MALFORMED, 0, "not an ONNX model: the file has no graph");
  if (m->ir_version < 1)
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, 0, "not an ONNX model: the file has no ir_version");
  return EDGE_STATUS_OK;
}
