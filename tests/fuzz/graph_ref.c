/* SPDX-License-Identifier: Apache-2.0
 * The reference answer of a made graph, with and without small changes, and the graph in words. */
#include "graph_gen.h"
#include "mutate.h"
#include <math.h>

enum { MAX_BYTES = 1 << 18, MAX_SCRATCH = 1 << 20 };

/* Some units in the last place, up or down: what another order of operations may do. */
static void disturb(edge_tensor *t, uint64_t *state) {
  const double small = *state & 1 ? 0x1p-5 : 0.0; /* what cancellation may leave */
  double eps;
  switch (t->dtype) {
  case EDGE_DTYPE_F32: eps = 0x1p-18; break;
  case EDGE_DTYPE_F16: eps = 0x1p-9; break;
  case EDGE_DTYPE_BF16: eps = 0x1p-6; break;
  case EDGE_DTYPE_F64: eps = 0x1p-20; break; /* some kernels compute in f32 */
  default: return;
  }
  const uint64_t n = ei_op_elements(t);
  for (uint64_t i = 0; i < n; ++i) {
    const double sign = et_next(state) >> 63 ? eps : -eps, v = ei_load_f64(t, i);
    ei_store_f64(t, i, v != v ? copysign(v, sign) : v + sign * (fabs(v) + small)); /* the sign of NaN says nothing */
  }
}

static edge_status give(ei_arena *arena, edge_tensor *t, edge_error *err) {
  uint64_t bytes = 0;
  if (edge_tensor_bytes(t, &bytes) != EDGE_STATUS_OK || bytes > MAX_BYTES)
    return ei_fail(err, EDGE_STATUS_LIMIT_EXCEEDED, "too large for this test");
  t->data = ei_arena_get(arena, bytes + 1, 64);
  t->bytes = bytes;
  return t->data ? EDGE_STATUS_OK : ei_fail(err, EDGE_STATUS_LIMIT_EXCEEDED, "no memory for the reference");
}

static edge_status eval(const ei_node *n, int mode, uint64_t *state, ei_arena *arena, edge_tensor *views,
                        edge_error *err) {
  edge_tensor in[64], out[64];
  CHECK(n->n_in <= 64 && n->n_out <= 64);
  if (n->op->flags & EI_OP_CONTROL) return ei_fail(err, EDGE_STATUS_LIMIT_EXCEEDED, "control flow");
  for (uint32_t k = 0; k < n->n_in; ++k) {
    memset(&in[k], 0, sizeof in[k]);
    if (n->in[k] != EI_NONE) in[k] = views[n->in[k]];
  }
  for (uint32_t k = 0; k < n->n_out; ++k) {
    memset(&out[k], 0, sizeof out[k]);
    if (n->out[k] != EI_NONE) out[k] = views[n->out[k]];
  }
  ei_op_ctx c = { .node = n, .in = in, .out = out, .n_in = n->n_in, .n_out = n->n_out, .err = err };
  EI_TRY(n->op->infer(&c));
  for (uint32_t k = 0; k < n->n_out; ++k)
    if (n->out[k] != EI_NONE) EI_TRY(give(arena, &out[k], err));
  const uint64_t bytes = ei_eval_scratch_bytes(n, in, n->n_in, out, n->n_out);
  if (bytes > MAX_SCRATCH) return ei_fail(err, EDGE_STATUS_LIMIT_EXCEEDED, "too large for this test");
  void *const scratch = ei_arena_get(arena, bytes + 1, 64);
  CHECK(scratch);
  EI_TRY(ei_eval_node(n, in, n->n_in, out, n->n_out, scratch, bytes, err));
  for (uint32_t k = 0; k < n->n_out; ++k) {
    if (n->out[k] == EI_NONE) continue;
    if (mode > 0 && !(n->op->flags & EI_OP_VIEW)) disturb(&out[k], state);
    views[n->out[k]] = out[k];
  }
  return EDGE_STATUS_OK;
}

edge_status et_graph_reference(const et_made *m, int mode, uint64_t seed, ei_arena *arena, edge_tensor *views,
                               edge_error *err) {
  const ei_subgraph *const sg = &m->g->subgraphs[0];
  for (uint32_t i = 0; i < sg->n_tensors; ++i) {
    const edge_tensor *const value = &m->value[i];
    ei_tensor_view(&sg->tensors[i], &views[i]);
    if (value->data == NULL) continue;
    views[i].rank = value->rank; /* an input may be declared open */
    memcpy(views[i].dims, value->dims, sizeof views[i].dims);
    EI_TRY(give(arena, &views[i], err)); /* a copy: states are written */
    memcpy(views[i].data, value->data, (size_t)views[i].bytes);
    if (mode > 1) disturb(&views[i], &seed);
  }
  for (uint32_t i = 0; i < sg->n_nodes; ++i) EI_TRY(eval(&sg->nodes[i], mode, &seed, arena, views, err));
  return EDGE_STATUS_OK;
}

static void print_tensor(const et_made *m, uint32_t id) {
  if (id == EI_NONE) {
    fprintf(stderr, " -");
    return;
  }
  const ei_tensor *const t = &m->g->subgraphs[0].tensors[id];
  fprintf(stderr, " t%u:%s%s[", id, t->data ? "const " : t->state ? "state " : "", edge_dtype_name(t->dtype));
  if (t->rank < 0) fprintf(stderr, "*");
  for (int32_t d = 0; d < t->rank; ++d) fprintf(stderr, "%s%lld", d ? "," : "", (long long)t->dims[d]);
  fprintf(stderr, "]");
  if (t->quant.count)
    fprintf(stderr, " q(%g x%u, %d @%d /%u)", (double)t->quant.scales[0], t->quant.count,
            t->quant.zero_points ? t->quant.zero_points[0] : 0, t->quant.axis, t->quant.block);
  const edge_tensor *const v = &m->value[id];
  const uint64_t n = v->data ? ei_op_elements(v) : 0;
  if (n > 0) fprintf(stderr, " {");
  for (uint64_t i = 0; i < n && i < 12; ++i) {
    if (ei_dtype_is_float(v->dtype))
      fprintf(stderr, " %.9g", ei_load_f64(v, i));
    else
      fprintf(stderr, " %lld", (long long)ei_load_s64(v, i));
  }
  if (n > 0) fprintf(stderr, n > 12 ? " ...}" : " }");
}

void et_graph_print(const et_made *m) {
  const ei_subgraph *const sg = &m->g->subgraphs[0];
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    fprintf(stderr, "  %s:", n->op->name);
    for (uint32_t k = 0; k < n->n_in; ++k) print_tensor(m, n->in[k]);
    fprintf(stderr, " ->");
    for (uint32_t k = 0; k < n->n_out; ++k) print_tensor(m, n->out[k]);
    for (uint32_t k = 0; k < n->n_attr; ++k) {
      const ei_attr *const a = &n->attr[k];
      fprintf(stderr, " %s=", a->key);
      if (a->kind == EI_ATTR_INT) fprintf(stderr, "%lld", (long long)a->u.i);
      if (a->kind == EI_ATTR_FLOAT) fprintf(stderr, "%g", a->u.f);
      if (a->kind == EI_ATTR_STRING) fprintf(stderr, "'%s'", a->u.s);
      for (uint32_t j = 0; a->kind == EI_ATTR_INTS && j < a->count; ++j)
        fprintf(stderr, "%s%lld", j ? "," : "", (long long)a->u.ints[j]);
      for (uint32_t j = 0; a->kind == EI_ATTR_FLOATS && j < a->count; ++j)
        fprintf(stderr, "%s%g", j ? "," : "", a->u.floats[j]);
    }
    fprintf(stderr, "\n");
  }
}
