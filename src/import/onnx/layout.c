/* SPDX-License-Identifier: Apache-2.0
 * From channels-first to channels-last: constants are rearranged at once, the rest gets Transpose nodes. */
#include "onnx.h"

/* Would the bytes stay as they are? Dimensions of 1 may move freely. */
static bool same_order(const int64_t *dims, const int64_t *perm, uint32_t n) {
  int64_t before = -1;
  for (uint32_t i = 0; i < n; ++i) {
    if (dims[perm[i]] == 1) continue;
    if (perm[i] < before) return false;
    before = perm[i];
  }
  return true;
}

static void copy_strided(uint8_t *to, const uint8_t *from, uint64_t count, int64_t stride, uint32_t width) {
  switch (width) {
  case 1:
    for (uint64_t i = 0; i < count; ++i) to[i] = from[(int64_t)i * stride];
    break;
  case 2:
    for (uint64_t i = 0; i < count; ++i) memcpy(to + i * 2, from + (int64_t)i * stride * 2, 2);
    break;
  case 4:
    for (uint64_t i = 0; i < count; ++i) memcpy(to + i * 4, from + (int64_t)i * stride * 4, 4);
    break;
  default:
    for (uint64_t i = 0; i < count; ++i) memcpy(to + i * 8, from + (int64_t)i * stride * 8, 8);
  }
}

/* Walk the result row by row; sub-byte elements go one at a time. */
static void permute(const ei_tensor *from, ei_tensor *to, void *data, const int64_t *perm, uint32_t n) {
  int64_t stride[EDGE_MAX_RANK], step[EDGE_MAX_RANK], at[EDGE_MAX_RANK] = { 0 };
  const uint32_t bits = edge_dtype_bits(from->dtype);
  uint64_t elements = 0;
  if (!ei_elements(from->dims, from->rank, &elements) || elements == 0) return;
  stride[n - 1] = 1;
  for (uint32_t i = n - 1; i > 0; --i) stride[i - 1] = stride[i] * from->dims[i];
  for (uint32_t i = 0; i < n; ++i) step[i] = stride[perm[i]];
  const uint64_t row = (uint64_t)to->dims[n - 1];
  edge_tensor a, b;
  ei_tensor_view(from, &a);
  ei_tensor_view(to, &b);
  b.data = data;
  for (uint64_t done = 0; done < elements; done += row) {
    int64_t base = 0;
    for (uint32_t i = 0; i + 1 < n; ++i) base += at[i] * step[i];
    if (bits >= 8) {
      const uint32_t width = bits / 8;
      copy_strided((uint8_t *)data + done * width, (const uint8_t *)from->data + (uint64_t)base * width, row,
                   step[n - 1], width);
    } else {
      for (uint64_t k = 0; k < row; ++k)
        ei_store_s64(&b, done + k, ei_load_s64(&a, (uint64_t)base + k * (uint64_t)step[n - 1]));
    }
    for (uint32_t i = n - 1; i-- > 0;) {
      if (++at[i] < to->dims[i]) break;
      at[i] = 0;
    }
  }
}

static uint32_t permuted_const(ei_ox_call *c, uint32_t t, const int64_t *perm, uint32_t n) {
  ei_tensor from = c->x->g->subgraphs[c->b->sg].tensors[t], to = from;
  for (uint32_t i = 0; i < n; ++i) to.dims[i] = from.dims[perm[i]];
  if (!same_order(from.dims, perm, n)) {
    const bool whole = edge_dtype_bits(from.dtype) >= 8; /* smaller ones are written bit by bit */
    void *const data = whole ? ei_arena_get_raw(c->x->arena, from.data_bytes + 1, 64)
                             : ei_arena_get(c->x->arena, from.data_bytes + 1, 64);
    if (!data) {
      ei_ox_out_of_memory(c->x);
      return EI_NONE;
    }
    permute(&from, &to, data, perm, n);
    ei_import_release(c->x->im, from.data, from.data_bytes);
    to.data = data;
  }
  return ei_ox_add_tensor(c->b, &to);
}

/* A constant weight behind its Dequantize: both are made anew, so that they stay neighbours. */
static uint32_t permuted_dequantize(ei_ox_call *c, uint32_t t, const int64_t *perm, uint32_t n) {
  const ei_subgraph *const sg = &c->x->g->subgraphs[c->b->sg];
  const uint32_t p = t == EI_NONE ? EI_NONE : c->b->producer[t];
  if (p == EI_NONE || strcmp(sg->nodes[p].op->name, "Dequantize") != 0) return EI_NONE;
  const ei_node *const dq = &sg->nodes[p];
  if (!ei_ox_is_const(c, dq->in[0]) || sg->tensors[dq->in[0]].rank != (int32_t)n || ei_node_int(dq, "block") != 0)
    return EI_NONE;
  const uint32_t scale = dq->n_in > 1 ? dq->in[1] : EI_NONE, zero = dq->n_in > 2 ? dq->in[2] : EI_NONE;
  if (scale != EI_NONE && !ei_ox_is_const(c, scale)) return EI_NONE;
  int64_t axis = ei_node_int(dq, "axis");
  if (axis < 0) axis += n;
  for (uint32_t i = 0; i < n; ++i) {
    if (perm[i] != axis) continue;
    axis = i;
    break;
  }
  const uint32_t w = permuted_const(c, dq->in[0], perm, n);
  const uint32_t out = EI_OX(c, "Dequantize", EI_NONE, w, scale, zero);
  ei_ox_set_int(c, "axis", axis);
  return out;
}

uint32_t ei_ox_transpose(ei_ox_call *c, uint32_t t, const int64_t *perm, uint32_t n, uint32_t out) {
  if (!ei_ox_ok(c->x) || t == EI_NONE) return EI_NONE;
  if (out == EI_NONE) {
    if (ei_ox_is_const(c, t) && c->x->g->subgraphs[c->b->sg].tensors[t].rank == (int32_t)n)
      return permuted_const(c, t, perm, n);
    const uint32_t dq = permuted_dequantize(c, t, perm, n);
    if (dq != EI_NONE || !ei_ox_ok(c->x)) return dq;
  }
  out = EI_OX(c, "Transpose", out, t);
  ei_ox_set_ints(c, "perm", perm, n);
  return out;
}

uint32_t ei_ox_channels_last(ei_ox_call *c, uint32_t t, int32_t rank) {
  int64_t perm[EDGE_MAX_RANK] = { 0 };
  if (rank < 2 || rank > EDGE_MAX_RANK) return t;
  for (int32_t i = 1; i + 1 < rank; ++i) perm[i] = i + 1;
  perm[rank - 1] = 1;
  return rank == 2 ? t : ei_ox_transpose(c, t, perm, (uint32_t)rank, EI_NONE);
}

uint32_t ei_ox_channels_first(ei_ox_call *c, uint32_t t, int32_t rank, uint32_t out) {
  int64_t perm[EDGE_MAX_RANK] = { 0 };
  if (rank < 2 || rank > EDGE_MAX_RANK) return t;
  perm[1] = rank - 1;
  for (int32_t i = 2; i < rank; ++i) perm[i] = i - 1;
  return ei_ox_transpose(c, t, perm, (uint32_t)rank, out);
}

uint32_t ei_ox_deconv_weights(ei_ox_call *c, uint32_t w, int32_t rank, int64_t group) {
  int64_t perm[EDGE_MAX_RANK + 1] = { 0 }, dims[EDGE_MAX_RANK + 1] = { 0 };
  const edge_tensor *const v = ei_ox_view(c, w);
  if (group == 1) { /* I O k... -> O k... I */
    for (int32_t i = 0; i + 1 < rank; ++i) perm[i] = i + 1;
    return ei_ox_transpose(c, w, perm, (uint32_t)rank, EI_NONE);
  }
  if (rank + 1 > EDGE_MAX_RANK || v->rank != rank || group < 1 || v->dims[0] < 0 || v->dims[0] % group != 0) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "group %lld does not fit the weights", (long long)group);
    return EI_NONE;
  }
  dims[0] = group; /* g I/g O/g k... -> g O/g k... I/g, then the first two are one */
  dims[1] = v->dims[0] / group;
  for (int32_t i = 1; i < rank; ++i) dims[i + 1] = v->dims[i];
  perm[0] = 0;
  for (int32_t i = 1; i < rank; ++i) perm[i] = i + 1;
  perm[rank] = 1;
  if (ei_ox_is_const(c, w)) {
    ei_tensor t = c->x->g->subgraphs[c->b->sg].tensors[w];
    t.rank = rank + 1;
    memcpy(t.dims, dims, sizeof t.dims);
    w = ei_ox_add_tensor(c->b, &t);
  } else {
    w = ei_ox_reshape(c, w, dims, (uint32_t)rank + 1, EI_NONE);
  }
  w = ei_ox_transpose(c, w, perm, (uint32_t)rank + 1, EI_NONE);
  int64_t merged[EDGE_MAX_RANK] = { 0 };
  merged[0] = group * dims[2];
  for (int32_t i = 1; i < rank; ++i) merged[i] = i + 1 < rank ? dims[i + 2] : dims[1];
  if (ei_ox_is_const(c, w)) {
    ei_tensor t = c->x->g->subgraphs[c->b->sg].tensors[w];
    t.rank = rank;
    memcpy(t.dims, merged, sizeof t.dims);
    return ei_ox_add_tensor(c->b, &t);
  }
  return ei_ox_reshape(c, w, merged, (uint32_t)rank, EI_NONE);
}
