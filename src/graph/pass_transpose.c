/* SPDX-License-Identifier: Apache-2.0
 * Transposes sink through operators that can work in another order of dimensions, until they meet their inverse.
 *
 *   Transpose(P) -> Relu -> Transpose(P^-1) -> Conv      becomes      Relu -> Conv
 *
 * Importers wrap channels-last operators in transposes; this is what makes a network run without them. Words below:
 * y = Transpose_P(x) has y.dims[i] = x.dims[P[i]]; an operator on y is redone on x ("inside"). */
#include "pass.h"

typedef struct perm {
  int32_t rank;
  int64_t to[EDGE_MAX_RANK]; /* P */
  int64_t inv[EDGE_MAX_RANK];
} perm;

static bool read_perm(const ei_uses *u, const ei_node *n, perm *p) {
  bool seen[EDGE_MAX_RANK] = { false };
  const int32_t rank = ei_uses_tensor(u, n->in[0])->rank;
  const ei_attr *const a = ei_node_attr(n, "perm");
  if (n->n_in != 1 || rank < 1 || (a && (a->kind != EI_ATTR_INTS || a->count != (uint32_t)rank))) return false;
  p->rank = rank;
  for (int32_t i = 0; i < rank; ++i) {
    p->to[i] = a ? a->u.ints[i] : rank - 1 - i;
    if (p->to[i] < 0 || p->to[i] >= rank || seen[p->to[i]]) return false;
    seen[p->to[i]] = true;
    p->inv[p->to[i]] = i;
  }
  return true;
}

/* The Transpose that produces t, and its permutation. */
static const ei_node *transposed(const ei_uses *u, uint32_t t, perm *p) {
  const ei_node *const n = ei_uses_producer(u, t, "Transpose");
  if (!n || !read_perm(u, n, p)) return NULL;
  const edge_quant *const x = &ei_uses_tensor(u, n->in[0])->quant, *const y = &ei_uses_tensor(u, t)->quant;
  return x->count > 1 || y->count > 1 || ei_same_quant(x, y) ? n : NULL; /* else it gives bytes another meaning */
}

static bool same_perm(const perm *a, const perm *b) {
  return a->rank == b->rank && memcmp(a->to, b->to, (size_t)a->rank * sizeof a->to[0]) == 0;
}

/* Do the elements keep their order? Dimensions of 1 may move freely. */
static bool keeps_order(const ei_tensor *x, const perm *p) {
  int64_t before = -1;
  for (int32_t i = 0; i < p->rank; ++i) {
    if (x->dims[p->to[i]] == 1) continue;
    if (p->to[i] < before) return false;
    before = p->to[i];
  }
  return true;
}

/* ---- operands inside */

/* A constant (or anything of one element) that broadcasts against y, rearranged to broadcast against x. */
static uint32_t inside_constant(ei_uses *u, uint32_t t, const perm *p) {
  const ei_tensor c = *ei_uses_tensor(u, t);
  ei_tensor full = c, out;
  if (!ei_shape_fixed(&c) || c.rank > p->rank) return EI_NONE;
  if (ei_tensor_elements(&c) == 1) return t;
  if (!c.data || c.state || c.quant.count > 1 || c.encoding != EDGE_ENCODING_NATIVE) return EI_NONE;
  full.rank = p->rank;
  for (int32_t i = 0; i < p->rank; ++i) full.dims[i] = i < p->rank - c.rank ? 1 : c.dims[i - (p->rank - c.rank)];
  out = full;
  for (int32_t j = 0; j < p->rank; ++j) out.dims[j] = full.dims[p->inv[j]];
  const uint32_t bits = edge_dtype_bits(c.dtype);
  uint8_t *const data = bits >= 8 ? ei_arena_get_raw(u->g->arena, c.data_bytes ? c.data_bytes : 1, 64) : NULL;
  if (!data) return EI_NONE;
  int64_t stride[EDGE_MAX_RANK], at[EDGE_MAX_RANK] = { 0 };
  for (int32_t i = p->rank; i-- > 0;) stride[i] = i == p->rank - 1 ? 1 : stride[i + 1] * full.dims[i + 1];
  const uint64_t n = ei_tensor_elements(&c), width = bits / 8;
  for (uint64_t i = 0; i < n; ++i) {
    int64_t from = 0;
    for (int32_t j = 0; j < p->rank; ++j) from += at[j] * stride[p->inv[j]];
    memcpy(data + i * width, (const uint8_t *)c.data + (uint64_t)from * width, (size_t)width);
    for (int32_t j = p->rank; j-- > 0 && ++at[j] == out.dims[j];) at[j] = 0;
  }
  const uint32_t made = ei_uses_add_const(u, c.name, c.dtype, out.dims, out.rank, data);
  if (made != EI_NONE) ei_uses_tensor(u, made)->quant = c.quant;
  return made;
}

/* All inputs inside; the permutation is that of the first transposed one. */
static bool inside_inputs(ei_uses *u, const ei_node *n, uint32_t first, perm *p, uint32_t *in) {
  bool found = false;
  for (uint32_t k = first; k < n->n_in && !found; ++k) found = n->in[k] != EI_NONE && transposed(u, n->in[k], p);
  if (!found) return false;
  for (uint32_t k = 0; k < n->n_in; ++k) {
    perm q;
    in[k] = n->in[k];
    if (k < first || n->in[k] == EI_NONE) continue;
    const ei_node *const t = transposed(u, n->in[k], &q);
    if (t && same_perm(p, &q))
      in[k] = t->in[0];
    else
      in[k] = inside_constant(u, n->in[k], p);
    if (in[k] == EI_NONE) return false;
  }
  return true;
}

static edge_status no_memory(void) {
  return EDGE_STATUS_OUT_OF_MEMORY;
}

/* Redo node i on the inside operands: its outputs become temporary, Transposes make the old ones of them. */
static edge_status redo(ei_uses *u, uint32_t i, const uint32_t *in, const perm *p) {
  ei_node *n = &u->sg->nodes[i];
  for (uint32_t k = 0; k < n->n_in; ++k)
    if (n->in[k] != in[k]) ei_uses_set_input(u, n, k, in[k]);
  for (uint32_t k = 0; k < u->sg->nodes[i].n_out; ++k) {
    const uint32_t out = u->sg->nodes[i].out[k];
    if (out == EI_NONE) continue;
    const uint32_t inner = ei_uses_add_like(u, out);
    if (inner == EI_NONE) return no_memory();
    const ei_tensor y = *ei_uses_tensor(u, out);
    ei_tensor *const x = ei_uses_tensor(u, inner);
    x->rank = p->rank;
    for (int32_t d = 0; d < p->rank; ++d) {
      x->dims[p->to[d]] = y.rank == p->rank ? y.dims[d] : EI_DIM_UNKNOWN;
      x->symbols[p->to[d]] = y.rank == p->rank ? y.symbols[d] : 0;
    }
    if (y.quant.count > 1 && y.quant.axis >= 0 && y.quant.axis < p->rank) x->quant.axis = (int32_t)p->to[y.quant.axis];
    ei_uses_move_output(u, i, k, inner);
    const uint32_t t = ei_uses_append(u, "Transpose", y.name, &inner, 1, &out, 1);
    if (t == EI_NONE) return no_memory();
    EI_TRY(ei_node_set_ints(u->g, &u->sg->nodes[t], "perm", p->to, (uint32_t)p->rank));
  }
  return EDGE_STATUS_OK;
}

/* ---- operators */

enum { MAX_IN = 64 };

static bool map_axis(const perm *p, int64_t axis, int64_t *out) {
  if (axis < -p->rank || axis >= p->rank) return false;
  *out = p->to[axis < 0 ? axis + p->rank : axis];
  return true;
}

static edge_status sink_elementwise(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  uint32_t in[MAX_IN];
  perm p;
  if (n->n_in > MAX_IN || !inside_inputs(u, n, 0, &p, in)) return EDGE_STATUS_OK;
  return redo(u, i, in, &p);
}

/* Quantize and Dequantize: parameters per tensor, or along an axis that moves. */
static edge_status sink_quant(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  uint32_t in[3] = { n->in[0], EI_NONE, EI_NONE };
  perm p;
  int64_t axis = 0;
  const ei_node *const t = transposed(u, n->in[0], &p);
  if (!t || ei_node_int(n, "block") != 0 || n->n_in > 3) return EDGE_STATUS_OK;
  in[0] = t->in[0];
  bool vector = false;
  for (uint32_t k = 1; k < n->n_in; ++k) {
    in[k] = n->in[k];
    if (in[k] == EI_NONE) continue;
    if (!ei_shape_fixed(ei_uses_tensor(u, in[k])) || ei_uses_tensor(u, in[k])->rank > 1) return EDGE_STATUS_OK;
    vector = vector || ei_tensor_elements(ei_uses_tensor(u, in[k])) != 1;
  }
  if (vector && !map_axis(&p, ei_node_int(n, "axis"), &axis)) return EDGE_STATUS_OK;
  if (vector) EI_TRY(ei_node_set_int(u->g, &u->sg->nodes[i], "axis", axis));
  return redo(u, i, in, &p);
}

/* One `axis` attribute; every input is data (Concat), or the first one is. */
static edge_status sink_axis(ei_uses *u, uint32_t i, bool all) {
  const ei_node *const n = &u->sg->nodes[i];
  uint32_t *const in = EI_NEW_ARRAY(u->g->arena, uint32_t, (uint64_t)n->n_in + 1);
  perm p, q;
  int64_t axis = 0;
  if (!in) return no_memory();
  if (n->n_in == 0 || n->in[0] == EI_NONE || !transposed(u, n->in[0], &p)) return EDGE_STATUS_OK;
  for (uint32_t k = 0; k < n->n_in; ++k) {
    in[k] = n->in[k];
    if (k > 0 && !all) continue;
    if (n->in[k] == EI_NONE) return EDGE_STATUS_OK;
    const ei_node *const t = transposed(u, n->in[k], &q);
    if (t && same_perm(&p, &q))
      in[k] = t->in[0];
    else if (ei_uses_tensor(u, n->in[k])->rank == p.rank && ei_tensor_elements(ei_uses_tensor(u, n->in[k])) != 1)
      in[k] = inside_constant(u, n->in[k], &p);
    else
      return EDGE_STATUS_OK;
    if (in[k] == EI_NONE) return EDGE_STATUS_OK;
  }
  if (ei_node_int(n, "flatten") != 0 || !map_axis(&p, ei_node_int(n, "axis"), &axis)) return EDGE_STATUS_OK;
  EI_TRY(ei_node_set_int(u->g, &u->sg->nodes[i], "axis", axis));
  return redo(u, i, in, &p);
}

/* Replace an s64 list that is input k. */
static edge_status set_list(ei_uses *u, uint32_t i, uint32_t k, const int64_t *v, uint32_t n) {
  const int64_t dims[1] = { n };
  int64_t *const copy = EI_NEW_ARRAY(u->g->arena, int64_t, (uint64_t)n + 1);
  if (!copy) return no_memory();
  if (n) memcpy(copy, v, n * sizeof *v);
  const uint32_t t = ei_uses_add_const(u, "", EDGE_DTYPE_S64, dims, 1, copy);
  if (t == EI_NONE) return no_memory();
  ei_uses_set_input(u, &u->sg->nodes[i], k, t);
  return EDGE_STATUS_OK;
}

/* Reductions over constant axes. Without kept dimensions the remaining ones are permuted among themselves. */
static edge_status sink_reduce(ei_uses *u, uint32_t i) {
  const ei_node *n = &u->sg->nodes[i];
  int64_t axes[EDGE_MAX_RANK];
  uint32_t count = 0;
  bool gone[EDGE_MAX_RANK] = { false };
  perm p, rest;
  const ei_node *const t = transposed(u, n->in[0], &p);
  if (!t || n->n_in < 2 || !ei_const_ints(u, n->in[1], axes, EDGE_MAX_RANK, &count) || count == 0)
    return EDGE_STATUS_OK;
  for (uint32_t k = 0; k < count; ++k) {
    if (!map_axis(&p, axes[k], &axes[k])) return EDGE_STATUS_OK;
    gone[axes[k]] = true;
  }
  rest = p;
  if (ei_node_int(n, "keep_dims") == 0) {
    int64_t place[EDGE_MAX_RANK], kept = 0;
    for (int32_t j = 0; j < p.rank; ++j) place[j] = gone[j] ? -1 : kept++;
    rest.rank = 0;
    for (int32_t d = 0; d < p.rank; ++d)
      if (!gone[p.to[d]]) rest.to[rest.rank++] = place[p.to[d]];
  }
  const uint32_t source = t->in[0];
  EI_TRY(set_list(u, i, 1, axes, count));
  n = &u->sg->nodes[i];
  const uint32_t in[2] = { source, n->in[1] };
  if (rest.rank > 0) return redo(u, i, in, &rest);
  ei_uses_set_input(u, &u->sg->nodes[i], 0, source); /* a scalar has no order */
  return EDGE_STATUS_OK;
}

/* Pads of all dimensions: two lists. */
static edge_status sink_pad(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  int64_t v[2 * EDGE_MAX_RANK], w[2 * EDGE_MAX_RANK];
  uint32_t count = 0;
  perm p;
  const ei_node *const t = transposed(u, n->in[0], &p);
  if (!t || n->n_in < 2 || (n->n_in > 3 && n->in[3] != EI_NONE)) return EDGE_STATUS_OK;
  if (!ei_const_ints(u, n->in[1], v, 2 * EDGE_MAX_RANK, &count) || count != 2 * (uint32_t)p.rank) return EDGE_STATUS_OK;
  for (int32_t d = 0; d < p.rank; ++d) {
    w[p.to[d]] = v[d];
    w[p.rank + p.to[d]] = v[p.rank + d];
  }
  const uint32_t source = t->in[0];
  EI_TRY(set_list(u, i, 1, w, count));
  uint32_t in[4];
  for (uint32_t k = 0; k < u->sg->nodes[i].n_in; ++k) in[k] = u->sg->nodes[i].in[k];
  in[0] = source;
  return redo(u, i, in, &p);
}

/* Constant axes (all dimensions in order when absent) move; starts, ends and steps stay. */
static edge_status sink_slice(ei_uses *u, uint32_t i) {
  const ei_node *n = &u->sg->nodes[i];
  int64_t axes[EDGE_MAX_RANK];
  uint32_t count = 0;
  perm p;
  const ei_node *const t = transposed(u, n->in[0], &p);
  if (!t || n->n_in < 3 || n->in[1] == EI_NONE) return EDGE_STATUS_OK;
  if (n->n_in > 3 && n->in[3] != EI_NONE) {
    if (!ei_const_ints(u, n->in[3], axes, EDGE_MAX_RANK, &count)) return EDGE_STATUS_OK;
  } else {
    const ei_tensor *const starts = ei_uses_tensor(u, n->in[1]);
    if (n->n_in < 4 || !ei_shape_fixed(starts) || ei_tensor_elements(starts) > EDGE_MAX_RANK) return EDGE_STATUS_OK;
    count = (uint32_t)ei_tensor_elements(starts);
    for (uint32_t k = 0; k < count; ++k) axes[k] = k;
  }
  for (uint32_t k = 0; k < count; ++k)
    if (!map_axis(&p, axes[k], &axes[k])) return EDGE_STATUS_OK;
  uint32_t in[5];
  if (n->n_in > 5) return EDGE_STATUS_OK;
  const uint32_t source = t->in[0];
  EI_TRY(set_list(u, i, 3, axes, count));
  n = &u->sg->nodes[i];
  for (uint32_t k = 0; k < n->n_in; ++k) in[k] = n->in[k];
  in[0] = source;
  return redo(u, i, in, &p);
}

/* Sizes or scales follow the attribute `axes`, which is written out; sizes and scales keep their order. */
static edge_status sink_resize(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  int64_t axes[EDGE_MAX_RANK];
  uint32_t in[4] = { EI_NONE, EI_NONE, EI_NONE, EI_NONE };
  perm p;
  const ei_node *const t = transposed(u, n->in[0], &p);
  if (!t || n->n_in > 4 || (n->n_in > 3 && n->in[3] != EI_NONE)) return EDGE_STATUS_OK;
  uint32_t count = ei_node_ints(n, "axes", axes, EDGE_MAX_RANK);
  if (count > EDGE_MAX_RANK) return EDGE_STATUS_OK;
  if (count == 0) {
    count = (uint32_t)p.rank;
    for (uint32_t k = 0; k < count; ++k) axes[k] = k;
  }
  for (uint32_t k = 0; k < count; ++k)
    if (!map_axis(&p, axes[k], &axes[k])) return EDGE_STATUS_OK;
  for (uint32_t k = 0; k < n->n_in; ++k) in[k] = n->in[k];
  in[0] = t->in[0];
  EI_TRY(ei_node_set_ints(u->g, &u->sg->nodes[i], "axes", axes, count));
  return redo(u, i, in, &p);
}

/* A Reshape does not care about a transpose that keeps the order of elements. */
static void drop_before_reshape(ei_uses *u, uint32_t i) {
  ei_node *const n = &u->sg->nodes[i];
  perm p;
  int64_t shape[EDGE_MAX_RANK];
  uint32_t count = 0;
  const ei_node *const t = n->in[0] == EI_NONE ? NULL : transposed(u, n->in[0], &p);
  if (!t || !keeps_order(ei_uses_tensor(u, t->in[0]), &p)) return;
  const ei_tensor *const x = ei_uses_tensor(u, t->in[0]), *const y = ei_uses_tensor(u, n->in[0]);
  if (ei_is_op(n, "Flatten")) { /* only the split into rows and columns must stay where it was */
    const int64_t axis = ei_node_int(n, "axis");
    if (axis < 0 || axis > p.rank) return;
    for (int64_t d = 0; d < axis; ++d)
      if (p.to[d] != d && x->dims[d] != 1) return;
    for (int64_t d = 0; d < axis; ++d)
      if (x->dims[p.to[d]] != 1 && p.to[d] >= axis) return;
    for (int64_t d = axis; d < p.rank; ++d)
      if (x->dims[p.to[d]] != 1 && p.to[d] < axis) return;
  } else {
    if (n->n_in < 2 || !ei_const_ints(u, n->in[1], shape, EDGE_MAX_RANK, &count)) return;
    for (uint32_t k = 0; k < count; ++k) /* a 0 copies a dimension by its place */
      if (shape[k] == 0 &&
          (ei_node_int(n, "allow_zero") != 0 || (int32_t)k >= p.rank || x->dims[k] < 0 || x->dims[k] != y->dims[k]))
        if (p.rank <= (int32_t)k || p.to[k] != k) return;
  }
  ei_uses_set_input(u, n, 0, t->in[0]);
}

/* Two in a row are one; one that does nothing goes. */
static edge_status merge(ei_uses *u, uint32_t i) {
  ei_node *const n = &u->sg->nodes[i];
  perm p, q;
  bool identity = true;
  if (n->in[0] == EI_NONE || !read_perm(u, n, &q)) return EDGE_STATUS_OK;
  const ei_node *const t = transposed(u, n->in[0], &p);
  uint32_t source = n->in[0];
  if (t && p.rank == q.rank) {
    for (int32_t d = 0; d < q.rank; ++d) q.to[d] = p.to[q.to[d]];
    source = t->in[0];
    ei_uses_set_input(u, n, 0, source);
    EI_TRY(ei_node_set_ints(u->g, n, "perm", q.to, (uint32_t)q.rank));
  }
  for (int32_t d = 0; d < q.rank; ++d) identity = identity && q.to[d] == d;
  if (identity) (void)ei_uses_bypass(u, i, source);
  return EDGE_STATUS_OK;
}

/* Shape(Transpose(x)) is Shape(x) in another order: the data need not be moved. */
static edge_status shape_of(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  perm p;
  const ei_node *const t = n->in[0] == EI_NONE ? NULL : transposed(u, n->in[0], &p);
  if (!t || ei_node_int(n, "start") != 0 || ei_node_attr(n, "end")) return EDGE_STATUS_OK;
  const uint32_t out = n->out[0], source = t->in[0];
  const int64_t dims[1] = { p.rank };
  int64_t *const order = EI_NEW_ARRAY(u->g->arena, int64_t, (uint64_t)p.rank);
  const uint32_t inner = ei_uses_add_like(u, out);
  if (!order || inner == EI_NONE) return no_memory();
  memcpy(order, p.to, (size_t)p.rank * sizeof *order);
  const uint32_t list = ei_uses_add_const(u, "", EDGE_DTYPE_S64, dims, 1, order), in[2] = { inner, list };
  if (list == EI_NONE) return no_memory();
  ei_uses_set_input(u, &u->sg->nodes[i], 0, source);
  ei_uses_move_output(u, i, 0, inner);
  return ei_uses_append(u, "Gather", ei_uses_tensor(u, out)->name, in, 2, &out, 1) == EI_NONE ? no_memory()
                                                                                              : EDGE_STATUS_OK;
}

static edge_status visit(ei_uses *u, uint32_t i) {
  static const char *const by_axis[] = { "Softmax", "LogSoftmax", "Hardmax", "L2Norm", "Split" };
  const ei_node *const n = &u->sg->nodes[i];
  const char *const op = n->op->name;
  if (n->n_in == 0 || n->in[0] == EI_NONE) return EDGE_STATUS_OK;
  if (strcmp(op, "Transpose") == 0) return merge(u, i);
  if (strcmp(op, "Quantize") == 0 || strcmp(op, "Dequantize") == 0) return sink_quant(u, i);
  if ((n->op->flags & EI_OP_ELEMENTWISE) || strcmp(op, "Identity") == 0) return sink_elementwise(u, i);
  if (strcmp(op, "Concat") == 0) return sink_axis(u, i, true);
  for (size_t k = 0; k < EI_COUNT(by_axis); ++k)
    if (strcmp(op, by_axis[k]) == 0) return sink_axis(u, i, false);
  if ((strcmp(op, "ArgMax") == 0 || strcmp(op, "ArgMin") == 0) && ei_node_int(n, "keep_dims") != 0)
    return sink_axis(u, i, false);
  if (strncmp(op, "Reduce", 6) == 0) return sink_reduce(u, i);
  if (strcmp(op, "Pad") == 0) return sink_pad(u, i);
  if (strcmp(op, "Slice") == 0) return sink_slice(u, i);
  if (strcmp(op, "Resize") == 0) return sink_resize(u, i);
  if (strcmp(op, "Shape") == 0) return shape_of(u, i);
  if (strcmp(op, "Reshape") == 0 || strcmp(op, "Flatten") == 0) drop_before_reshape(u, i);
  return EDGE_STATUS_OK;
}

/* A transpose that keeps the order of elements and stayed becomes a Reshape, which costs nothing. */
static edge_status to_reshape(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  perm p;
  int64_t shape[EDGE_MAX_RANK];
  uint32_t open = 0;
  if (!ei_is_op(n, "Transpose") || n->in[0] == EI_NONE || !read_perm(u, n, &p)) return EDGE_STATUS_OK;
  const ei_tensor *const x = ei_uses_tensor(u, n->in[0]);
  if (x->quant.count > 1 || !keeps_order(x, &p)) return EDGE_STATUS_OK;
  for (int32_t d = 0; d < p.rank; ++d) {
    shape[d] = x->dims[p.to[d]];
    if (shape[d] == 0) return EDGE_STATUS_OK;
    open += shape[d] < 0;
    if (shape[d] < 0) shape[d] = -1;
  }
  const uint32_t in[2] = { n->in[0], EI_NONE };
  if (open > 1) return EDGE_STATUS_OK;
  if (!ei_uses_rewrite(u, i, "Reshape", in, 2)) return EDGE_STATUS_OK;
  return set_list(u, i, 1, shape, (uint32_t)p.rank);
}

/* Padding goes behind the transpose that stayed: convolutions can take it in there. */
static edge_status lift_over_pad(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  int64_t v[2 * EDGE_MAX_RANK], w[2 * EDGE_MAX_RANK];
  uint32_t count = 0;
  perm p;
  if (!ei_is_op(n, "Transpose") || n->in[0] == EI_NONE || u->count[n->in[0]] != 1 || !read_perm(u, n, &p))
    return EDGE_STATUS_OK;
  const ei_node *const pad = ei_uses_producer(u, n->in[0], "Pad");
  if (!pad || pad->n_in < 2 || (pad->n_in > 3 && pad->in[3] != EI_NONE)) return EDGE_STATUS_OK;
  if (!ei_const_ints(u, pad->in[1], v, 2 * EDGE_MAX_RANK, &count) || count != 2 * (uint32_t)p.rank)
    return EDGE_STATUS_OK;
  const uint32_t pad_at = u->producer[n->in[0]], x = pad->in[0], out = n->out[0];
  for (int32_t d = 0; d < p.rank; ++d) {
    w[d] = v[p.to[d]];
    w[p.rank + d] = v[p.rank + p.to[d]];
  }
  const uint32_t inner = ei_uses_add_like(u, x);
  if (inner == EI_NONE) return no_memory();
  const ei_tensor from = *ei_uses_tensor(u, x);
  ei_tensor *const to = ei_uses_tensor(u, inner);
  for (int32_t d = 0; d < p.rank; ++d) {
    to->dims[d] = from.dims[p.to[d]];
    to->symbols[d] = from.symbols[p.to[d]];
  }
  EI_TRY(set_list(u, pad_at, 1, w, count));
  ei_uses_set_input(u, &u->sg->nodes[i], 0, x);
  ei_uses_move_output(u, i, 0, inner);
  ei_uses_set_input(u, &u->sg->nodes[pad_at], 0, inner);
  ei_uses_move_output(u, pad_at, 0, out);
  return EDGE_STATUS_OK;
}

enum { MAX_SWEEPS = 8 };

edge_status ei_pass_transposes(ei_graph *g, edge_error *err) {
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    for (int sweep = 0; sweep < MAX_SWEEPS; ++sweep) {
      ei_uses u;
      EI_TRY(ei_graph_sort(g, err));
      EI_TRY(ei_uses_build(&u, g, s));
      const uint32_t n = u.sg->n_nodes;
      for (uint32_t i = 0; i < n; ++i)
        if (u.sg->nodes[i].op) EI_TRY(visit(&u, i));
      if (!u.changed) break;
      EI_TRY(ei_pass_dead_code(g, err));
      EI_TRY(ei_graph_compact(g));
    }
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i)
      if (u.sg->nodes[i].op) EI_TRY(lift_over_pad(&u, i));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i)
      if (u.sg->nodes[i].op) EI_TRY(to_reshape(&u, i));
  }
  return ei_graph_sort(g, err);
}
