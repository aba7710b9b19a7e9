/* SPDX-License-Identifier: Apache-2.0
 * Building blocks of recipes: nodes, constants, what is known about a tensor. */
#include "onnx.h"

uint32_t ei_ox_in(const ei_ox_call *c, uint32_t i) {
  return i < c->n_in ? c->in[i] : EI_NONE;
}
uint32_t ei_ox_out(const ei_ox_call *c, uint32_t i) {
  return i < c->n_out ? c->out[i] : EI_NONE;
}

const edge_tensor *ei_ox_view(ei_ox_call *c, uint32_t t) {
  static const edge_tensor unknown = { .name = "", .rank = EI_RANK_UNKNOWN };
  ei_ox_settle(c->b);
  return t == EI_NONE || !ei_ox_ok(c->x) ? &unknown : &c->b->views[t];
}

int32_t ei_ox_rank(ei_ox_call *c, uint32_t t) {
  const edge_tensor *const v = ei_ox_view(c, t);
  if (ei_ox_ok(c->x) && v->rank < 0)
    ei_ox_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE,
               "the rank of '%s' must be known; run ONNX shape inference on the model or declare the input's shape",
               v->name);
  return v->rank;
}

bool ei_ox_is_const(const ei_ox_call *c, uint32_t t) {
  return t != EI_NONE && c->x->g->subgraphs[c->b->sg].tensors[t].data != NULL;
}

bool ei_ox_values(ei_ox_call *c, uint32_t t, int64_t *out, uint32_t cap, uint32_t *n) {
  const edge_tensor *const v = ei_ox_view(c, t);
  uint64_t count = 0;
  *n = 0;
  if (t == EI_NONE || !v->data || !ei_elements(v->dims, v->rank, &count) || count > cap) return false;
  for (uint64_t i = 0; i < count; ++i) out[i] = ei_load_s64(v, i);
  *n = (uint32_t)count;
  return true;
}

bool ei_ox_scalar_value(ei_ox_call *c, uint32_t t, double *out) {
  const edge_tensor *const v = ei_ox_view(c, t);
  uint64_t count = 0;
  if (t == EI_NONE || !v->data || !ei_elements(v->dims, v->rank, &count) || count != 1) return false;
  *out = ei_load_f64(v, 0);
  return true;
}

/* Names of what a recipe adds: the node's first output, a slash and a number. */
static void temp_name(ei_ox_call *c, char *out, size_t cap) {
  const char *const base = c->n->n_out && *c->n->out[0] ? c->n->out[0] : c->n->name;
  ei_format(out, cap, "%s/%u", base, c->temps++);
}

uint32_t ei_ox_temp(ei_ox_call *c) {
  char name[160];
  ei_tensor t;
  memset(&t, 0, sizeof t);
  temp_name(c, name, sizeof name);
  t.name = name;
  t.rank = EI_RANK_UNKNOWN;
  return ei_ox_add_tensor(c->b, &t);
}

/* Inference relies on operands being there. */
static bool arity_fits(const ei_op_def *op, const uint32_t *in, uint32_t n_in, uint32_t n_out) {
  if ((op->max_in != EI_ANY && n_in > op->max_in) || (op->max_out != EI_ANY && n_out > op->max_out)) return false;
  if (n_out < op->min_out) return false;
  for (uint32_t i = 0; i < n_in || i < op->min_in; ++i) {
    const bool optional = (i < 64 && (op->optional_in >> i & 1)) || (i >= op->min_in && op->max_in != EI_ANY);
    if ((i >= n_in || in[i] == EI_NONE) && !optional) return false;
  }
  return true;
}

void ei_ox_emit(ei_ox_call *c, const char *op, const uint32_t *in, uint32_t n_in, const uint32_t *out, uint32_t n_out) {
  if (!ei_ox_ok(c->x)) return;
  if (!ei_op_find(op)) {
    char why[96];
    ei_format(why, sizeof why, "it needs %s, which this build does not have", op);
    ei_ox_unsupported(c, why);
    return;
  }
  while (n_in && in[n_in - 1] == EI_NONE) --n_in;
  while (n_out && out[n_out - 1] == EI_NONE) --n_out;
  if (!arity_fits(ei_op_find(op), in, n_in, n_out)) {
    ei_ox_fail(c, EDGE_STATUS_MALFORMED,
               "%u inputs and %u outputs do not fit; one that is needed is absent or one too many is given", n_in,
               n_out);
    return;
  }
  const uint32_t index = c->x->g->subgraphs[c->b->sg].n_nodes;
  const char *const name = *c->n->name ? c->n->name : c->n->n_out ? c->n->out[0] : "";
  ei_node *const n = ei_graph_add_node(c->x->g, c->b->sg, op, name, in, n_in, out, n_out);
  if (!n) {
    ei_ox_out_of_memory(c->x);
    return;
  }
  for (uint32_t i = 0; i < n_out; ++i) {
    if (i < n->op->min_out && n->out[i] == EI_NONE) n->out[i] = ei_ox_temp(c); /* nobody reads it */
    if (n->out[i] != EI_NONE) c->b->producer[n->out[i]] = index;
  }
  c->last = index;
}

uint32_t ei_ox_emit1(ei_ox_call *c, const char *op, uint32_t out, const uint32_t *in, uint32_t n_in) {
  if (out == EI_NONE) out = ei_ox_temp(c);
  if (out != EI_NONE) ei_ox_emit(c, op, in, n_in, &out, 1);
  return out;
}

static ei_node *last_node(ei_ox_call *c) {
  return ei_ox_ok(c->x) ? &c->x->g->subgraphs[c->b->sg].nodes[c->last] : NULL;
}

static void check(ei_ox_call *c, edge_status status) {
  if (status != EDGE_STATUS_OK) ei_ox_out_of_memory(c->x);
}

void ei_ox_set_int(ei_ox_call *c, const char *key, int64_t v) {
  ei_node *const n = last_node(c);
  if (n) check(c, ei_node_set_int(c->x->g, n, key, v));
}

void ei_ox_set_float(ei_ox_call *c, const char *key, double v) {
  ei_node *const n = last_node(c);
  if (n) check(c, ei_node_set_float(c->x->g, n, key, v));
}

void ei_ox_set_ints(ei_ox_call *c, const char *key, const int64_t *v, uint32_t count) {
  ei_node *const n = last_node(c);
  if (n) check(c, ei_node_set_ints(c->x->g, n, key, v, count));
}

void ei_ox_set_floats(ei_ox_call *c, const char *key, const double *v, uint32_t count) {
  ei_node *const n = last_node(c);
  if (n) check(c, ei_node_set_floats(c->x->g, n, key, v, count));
}

uint32_t ei_ox_const(ei_ox_call *c, int32_t dtype, const int64_t *dims, int32_t rank, const void *data) {
  char name[160];
  ei_tensor t;
  if (!ei_ox_ok(c->x)) return EI_NONE;
  memset(&t, 0, sizeof t);
  temp_name(c, name, sizeof name);
  t.name = name;
  t.dtype = dtype;
  t.rank = rank;
  for (int32_t i = 0; i < rank; ++i) t.dims[i] = dims[i];
  if (!ei_tensor_bytes(dtype, EDGE_ENCODING_NATIVE, t.dims, rank, &t.data_bytes)) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "a constant is too large");
    return EI_NONE;
  }
  void *const copy = ei_arena_get_raw(c->x->arena, t.data_bytes + 1, 64);
  if (!copy) {
    ei_ox_out_of_memory(c->x);
    return EI_NONE;
  }
  if (t.data_bytes) memcpy(copy, data, (size_t)t.data_bytes);
  t.data = copy;
  return ei_ox_add_tensor(c->b, &t);
}

uint32_t ei_ox_const_ints(ei_ox_call *c, const int64_t *v, uint32_t n) {
  const int64_t dims[1] = { n };
  return ei_ox_const(c, EDGE_DTYPE_S64, dims, 1, v);
}

uint32_t ei_ox_const_int(ei_ox_call *c, int64_t v) {
  return ei_ox_const(c, EDGE_DTYPE_S64, NULL, 0, &v);
}

uint32_t ei_ox_const_of(ei_ox_call *c, int32_t dtype, double v) {
  uint64_t bits = 0;
  edge_tensor t;
  memset(&t, 0, sizeof t);
  t.data = &bits;
  t.bytes = sizeof bits;
  t.dtype = dtype;
  if (edge_dtype_bits(dtype) == 0) {
    ei_ox_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE,
               "an element type must be known; run ONNX shape inference on the model");
    return EI_NONE;
  }
  ei_store_f64(&t, 0, v);
  return ei_ox_const(c, dtype, NULL, 0, &bits);
}

uint32_t ei_ox_const_like(ei_ox_call *c, uint32_t t, double v) {
  const int32_t dtype = ei_ox_view(c, t)->dtype;
  return ei_ox_ok(c->x) ? ei_ox_const_of(c, dtype, v) : EI_NONE;
}

uint32_t ei_ox_cast(ei_ox_call *c, uint32_t t, int32_t dtype, uint32_t out) {
  if (t == EI_NONE || (out == EI_NONE && ei_ox_view(c, t)->dtype == dtype)) return t;
  out = EI_OX(c, "Cast", out, t);
  ei_ox_set_int(c, "dtype", dtype);
  return out;
}

uint32_t ei_ox_reshape(ei_ox_call *c, uint32_t t, const int64_t *dims, uint32_t n, uint32_t out) {
  return EI_OX(c, "Reshape", out, t, ei_ox_const_ints(c, dims, n));
}

uint32_t ei_ox_unsqueeze(ei_ox_call *c, uint32_t t, const int64_t *axes, uint32_t n) {
  return EI_OX(c, "Unsqueeze", EI_NONE, t, ei_ox_const_ints(c, axes, n));
}
