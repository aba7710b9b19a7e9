/* SPDX-License-Identifier: Apache-2.0
 * Shape inference driver: walks a subgraph, keeps views, folds small values (shape arithmetic). */
#include "graph.h"
#include "../ops/op.h"

enum { FOLD_MAX_BYTES = 8192, MAX_OPERANDS_ON_STACK = 16 };

static bool shape_known(const edge_tensor *t) {
  if (t->rank < 0) return false;
  for (int32_t i = 0; i < t->rank; ++i)
    if (t->dims[i] < 0) return false;
  return true;
}

uint64_t ei_eval_scratch_bytes(const ei_node *n, const edge_tensor *in, uint32_t n_in, edge_tensor *out,
                               uint32_t n_out) {
  if (!n->op->scratch_bytes) return 0;
  const ei_op_ctx c = { .node = n, .in = in, .out = out, .n_in = n_in, .n_out = n_out };
  return n->op->scratch_bytes(&c);
}

edge_status ei_eval_node(const ei_node *n, const edge_tensor *in, uint32_t n_in, edge_tensor *out, uint32_t n_out,
                         void *scratch, uint64_t scratch_bytes, edge_error *err) {
  ei_op_ctx c = { .node = n,
                  .in = in,
                  .out = out,
                  .n_in = n_in,
                  .n_out = n_out,
                  .scratch = scratch,
                  .scratch_bytes = scratch_bytes,
                  .err = err };
  return n->op->eval(&c);
}

/* Operand views of a node, gathered from the table; absent ones are all zero (dtype NONE). */
typedef struct operands {
  edge_tensor in_stack[MAX_OPERANDS_ON_STACK], out_stack[MAX_OPERANDS_ON_STACK];
  edge_tensor *in, *out;
} operands;

static edge_status gather(const ei_node *n, const edge_tensor *views, ei_arena *arena, operands *o, edge_error *err) {
  o->in = o->in_stack;
  o->out = o->out_stack;
  if (n->n_in > MAX_OPERANDS_ON_STACK) o->in = EI_NEW_ARRAY(arena, edge_tensor, n->n_in);
  if (n->n_out > MAX_OPERANDS_ON_STACK) o->out = EI_NEW_ARRAY(arena, edge_tensor, n->n_out);
  if (!o->in || !o->out)
    return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory for the operands of node '%s'", n->name);
  for (uint32_t i = 0; i < n->n_in; ++i) {
    if (n->in[i] == EI_NONE)
      memset(&o->in[i], 0, sizeof o->in[i]);
    else
      o->in[i] = views[n->in[i]];
  }
  for (uint32_t i = 0; i < n->n_out; ++i) {
    if (n->out[i] == EI_NONE)
      memset(&o->out[i], 0, sizeof o->out[i]);
    else
      o->out[i] = views[n->out[i]];
  }
  return EDGE_STATUS_OK;
}

static bool foldable(const ei_node *n, const operands *o) {
  if (n->op->flags & (EI_OP_STATEFUL | EI_OP_CONTROL | EI_OP_NO_FOLD) || n->n_out == 0) return false;
  for (uint32_t i = 0; i < n->n_in; ++i) {
    if (o->in[i].dtype == EDGE_DTYPE_NONE) continue;
    if (!shape_known(&o->in[i])) return false;
    if (!o->in[i].data && !(n->op->flags & EI_OP_SHAPE_ONLY)) return false;
  }
  for (uint32_t i = 0; i < n->n_out; ++i) {
    uint64_t bytes = 0;
    if (o->out[i].dtype == EDGE_DTYPE_NONE) continue;
    if (!shape_known(&o->out[i]) || o->out[i].flags & EDGE_TENSOR_STATE) return false;
    if (edge_tensor_bytes(&o->out[i], &bytes) != EDGE_STATUS_OK || bytes > FOLD_MAX_BYTES) return false;
  }
  return true;
}

static edge_status fold(const ei_node *n, operands *o, ei_arena *arena, edge_error *err) {
  for (uint32_t i = 0; i < n->n_out; ++i) {
    uint64_t bytes = 0;
    if (o->out[i].dtype == EDGE_DTYPE_NONE) continue;
    EI_TRY(edge_tensor_bytes(&o->out[i], &bytes));
    o->out[i].data = ei_arena_get(arena, bytes ? bytes : 1, 64);
    o->out[i].bytes = bytes;
    if (!o->out[i].data)
      return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory for the value of node '%s'", n->name);
  }
  const uint64_t scratch_bytes = ei_eval_scratch_bytes(n, o->in, n->n_in, o->out, n->n_out);
  if (scratch_bytes > (1u << 20)) goto not_folded;
  void *const scratch = scratch_bytes ? ei_arena_get(arena, scratch_bytes, 64) : NULL;
  if (scratch_bytes && !scratch) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to fold node '%s'", n->name);
  return ei_eval_node(n, o->in, n->n_in, o->out, n->n_out, scratch, scratch_bytes, err);
not_folded:
  for (uint32_t i = 0; i < n->n_out; ++i) o->out[i].data = NULL;
  return EDGE_STATUS_OK;
}

edge_status ei_infer_node(const ei_node *n, uint32_t index, edge_tensor *views, ei_arena *arena, bool *pending,
                          edge_error *err) {
  operands o;
  EI_TRY(gather(n, views, arena, &o, err));
  ei_op_ctx c = { .node = n, .in = o.in, .out = o.out, .n_in = n->n_in, .n_out = n->n_out, .err = err };
  for (uint32_t i = 0; i < n->n_out; ++i)
    if (n->out[i] != EI_NONE) {
      o.out[i].data = NULL;
      o.out[i].bytes = 0;
    }
  edge_status status = n->op->infer(&c);
  *pending = c.needs_value != 0;
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < n->n_out; ++i)
    if (n->out[i] != EI_NONE && !shape_known(&o.out[i])) *pending = true;
  if (status == EDGE_STATUS_OK && !*pending && foldable(n, &o)) status = fold(n, &o, arena, err);
  if (status != EDGE_STATUS_OK) {
    if (err && err->node < 0) err->node = (int32_t)index;
    if (err && err->status == EDGE_STATUS_OK)
      return ei_fail_node(err, status, index, EI_NONE, "node '%s' (%s) cannot be inferred: %s", n->name, n->op->name,
                          edge_status_name(status));
    return status;
  }
  for (uint32_t i = 0; i < n->n_out; ++i) {
    if (n->out[i] == EI_NONE) continue;
    edge_tensor *const v = &views[n->out[i]];
    v->dtype = o.out[i].dtype;
    v->rank = o.out[i].rank;
    memcpy(v->dims, o.out[i].dims, sizeof v->dims);
    v->data = o.out[i].data;
    v->bytes = o.out[i].data ? o.out[i].bytes : 0;
  }
  return EDGE_STATUS_OK;
}

/* What inference found replaces what was declared, but never knows less than the declaration. */
static void write_back(ei_tensor *t, const edge_tensor *v) {
  if (t->data) return;
  if (v->dtype != EDGE_DTYPE_NONE) t->dtype = v->dtype;
  if (v->rank < 0) return;
  const bool same_rank = t->rank == v->rank;
  t->rank = v->rank;
  for (int32_t i = 0; i < v->rank; ++i) {
    if (v->dims[i] >= 0)
      t->dims[i] = v->dims[i];
    else if (!same_rank)
      t->dims[i] = EI_DIM_UNKNOWN;
    if (v->dims[i] >= 0 || !same_rank) t->symbols[i] = 0;
  }
}

edge_status ei_graph_infer(ei_graph *g, uint32_t subgraph, edge_error *err) {
  ei_subgraph *const sg = &g->subgraphs[subgraph];
  ei_arena temp;
  ei_arena_init(&temp, g->arena->alloc);
  edge_status status = EDGE_STATUS_OK;
  edge_tensor *const views = EI_NEW_ARRAY(&temp, edge_tensor, (uint64_t)sg->n_tensors + 1);
  if (!views) status = ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to infer shapes");
  for (uint32_t i = 0; views && i < sg->n_tensors; ++i) ei_tensor_view(&sg->tensors[i], &views[i]);
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    bool pending = false;
    if (!n->op) continue;
    status = ei_infer_node(n, i, views, &temp, &pending, err);
    for (uint32_t k = 0; status == EDGE_STATUS_OK && k < n->n_out; ++k)
      if (n->out[k] != EI_NONE) write_back(&sg->tensors[n->out[k]], &views[n->out[k]]);
  }
  ei_arena_free(&temp);
  return status;
}
