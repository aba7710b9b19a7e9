/* SPDX-License-Identifier: Apache-2.0
 * Weights in blocks of 2, 4 or 8 bits: they stay as they lie in the file, behind a Dequantize. */
#include "map.h"

typedef struct blocks {
  int64_t n, k, block, count; /* rows, values of a row, values of a block, blocks of a row */
  int64_t bits;
  int32_t dtype; /* of the packed values */
} blocks;

static bool open_blocks(ei_ox_call *c, blocks *b) {
  b->dtype = b->bits == 2 ? EDGE_DTYPE_U2 : b->bits == 4 ? EDGE_DTYPE_U4 : EDGE_DTYPE_U8;
  if ((b->bits != 2 && b->bits != 4 && b->bits != 8) || b->block < 8 || b->block > INT32_MAX || b->block % 8 != 0 ||
      b->k < 1 || b->n < 1 || b->k > INT32_MAX || b->n > INT32_MAX) {
    ei_ox_unsupported(c, "only weights of 2, 4 or 8 bits in blocks are supported");
    return false;
  }
  b->count = (b->k + b->block - 1) / b->block;
  return true;
}

static const ei_tensor *tensor_of(const ei_ox_call *c, uint32_t t) {
  return &c->x->g->subgraphs[c->b->sg].tensors[t];
}

/* Constant bytes taken as another type and shape. */
static uint32_t reinterpret(ei_ox_call *c, uint32_t t, int32_t dtype, int64_t rows, int64_t columns) {
  ei_tensor v;
  uint64_t bytes = 0;
  if (!ei_ox_ok(c->x)) return EI_NONE;
  v = *tensor_of(c, t);
  v.rank = 2;
  v.dtype = dtype;
  v.dims[0] = rows;
  v.dims[1] = columns;
  if (!ei_tensor_bytes(dtype, EDGE_ENCODING_NATIVE, v.dims, 2, &bytes) || bytes > v.data_bytes) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "'%s' has the wrong size", v.name);
    return EI_NONE;
  }
  v.data_bytes = bytes;
  return ei_ox_add_tensor(c->b, &v);
}

/* A [n, count] constant of the packed type, to be filled. */
static uint32_t new_values(ei_ox_call *c, const blocks *b, int64_t columns, edge_tensor *to) {
  const int64_t dims[2] = { b->n, columns };
  uint64_t bytes = 0;
  memset(to, 0, sizeof *to);
  if (!ei_ox_ok(c->x)) return EI_NONE;
  if (!ei_tensor_bytes(b->dtype, EDGE_ENCODING_NATIVE, dims, 2, &bytes)) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "too many blocks");
    return EI_NONE;
  }
  ei_tensor t = { .name = c->n->name, .dtype = b->dtype, .rank = 2, .dims = { b->n, columns }, .data_bytes = bytes };
  to->dtype = b->dtype;
  to->data = ei_arena_get(c->x->arena, bytes + 1, 64);
  if (!to->data) {
    ei_ox_out_of_memory(c->x);
    return EI_NONE;
  }
  t.data = to->data;
  return ei_ox_add_tensor(c->b, &t);
}

/* The zero points that are meant when none are given: half of the range. */
static uint32_t usual_zeros(ei_ox_call *c, const blocks *b) {
  edge_tensor to;
  const uint32_t z = new_values(c, b, b->count, &to);
  for (int64_t i = 0; z != EI_NONE && i < b->n * b->count; ++i)
    ei_store_s64(&to, (uint64_t)i, (int64_t)1 << (b->bits - 1));
  return z;
}

/* Packed zero points lie in rows of whole bytes. */
static uint32_t packed_zeros(ei_ox_call *c, const blocks *b, uint32_t given) {
  const int64_t row = (b->count * b->bits + 7) / 8;
  const ei_tensor *const v = tensor_of(c, given);
  edge_tensor to;
  if (v->data_bytes / (uint64_t)row < (uint64_t)b->n) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "'%s' has the wrong size", v->name);
    return EI_NONE;
  }
  const uint8_t *const from = (const uint8_t *)v->data;
  const uint32_t z = new_values(c, b, b->count, &to);
  for (int64_t i = 0; z != EI_NONE && i < b->n; ++i)
    for (int64_t k = 0; k < b->count; ++k)
      ei_store_s64(&to, (uint64_t)(i * b->count + k),
                   from[i * row + k * b->bits / 8] >> (k * b->bits % 8) & ((1 << b->bits) - 1));
  return z;
}

/* A constant whose values can be read now. */
static bool readable(ei_ox_call *c, uint32_t t, uint64_t elements, edge_tensor *view) {
  ei_tensor v;
  uint64_t have = 0;
  if (!ei_ox_is_const(c, t)) return false;
  v = *tensor_of(c, t);
  if (!ei_elements(v.dims, v.rank, &have) || have != elements) return false;
  if (!ei_ox_aligned(&v) && ei_ox_own(c->x, &v) != EDGE_STATUS_OK) return false;
  ei_tensor_view(&v, view);
  return true;
}

/* Real zero points that are whole numbers of the range; EI_NONE: they are not. */
static uint32_t whole_zeros(ei_ox_call *c, const blocks *b, const edge_tensor *zeros) {
  edge_tensor to;
  for (int64_t i = 0; i < b->n * b->count; ++i) {
    const double v = ei_load_f64(zeros, (uint64_t)i);
    if (!(v >= 0 && v < (double)(1 << b->bits)) || v != (double)(int64_t)v) return EI_NONE;
  }
  const uint32_t z = new_values(c, b, b->count, &to);
  for (int64_t i = 0; z != EI_NONE && i < b->n * b->count; ++i)
    ei_store_s64(&to, (uint64_t)i, (int64_t)ei_load_f64(zeros, (uint64_t)i));
  return z;
}

/* scale * zero point for each block, with the scales' type. */
static uint32_t block_offsets(ei_ox_call *c, const blocks *b, uint32_t scale, const edge_tensor *zeros) {
  const int64_t dims[2] = { b->n, b->count };
  edge_tensor s, to;
  if (!readable(c, scale, (uint64_t)(b->n * b->count), &s)) return EI_NONE;
  memset(&to, 0, sizeof to);
  to.dtype = s.dtype;
  to.data = ei_arena_get(c->x->arena, (uint64_t)(b->n * b->count) * 8 + 1, 64);
  if (!to.data) {
    ei_ox_out_of_memory(c->x);
    return EI_NONE;
  }
  for (int64_t i = 0; i < b->n * b->count; ++i)
    ei_store_f64(&to, (uint64_t)i, ei_load_f64(&s, (uint64_t)i) * ei_load_f64(zeros, (uint64_t)i));
  return ei_ox_const(c, s.dtype, dims, 2, to.data);
}

/* Sums of the blocks of the last dimension. */
static uint32_t block_sums(ei_ox_call *c, const blocks *b, uint32_t x) {
  static const int64_t last = -1;
  int64_t shape[EDGE_MAX_RANK + 1] = { 0 };
  const int32_t rank = ei_ox_rank(c, x);
  if (!ei_ox_ok(c->x)) return EI_NONE;
  if (rank < 1 || rank >= EDGE_MAX_RANK) {
    ei_ox_unsupported(c, "the rank of input 0 is not supported");
    return EI_NONE;
  }
  shape[rank - 1] = b->count;
  shape[rank] = b->block;
  const uint32_t parts = ei_ox_reshape(c, x, shape, (uint32_t)rank + 1, EI_NONE);
  const uint32_t y = EI_OX(c, "ReduceSum", EI_NONE, parts, ei_ox_const_ints(c, &last, 1));
  ei_ox_set_int(c, "keep_dims", 0);
  return y;
}

/* Values of a row belong to the blocks that `groups` names: both operands are put in the order of the blocks. */
static bool reorder(ei_ox_call *c, const blocks *b, uint32_t groups, uint32_t *x, uint32_t *w) {
  edge_tensor g, from, to;
  bool moved = false;
  if (!readable(c, groups, (uint64_t)b->k, &g) || b->k % b->block != 0 || !ei_dtype_is_int(g.dtype)) goto unsupported;
  int64_t *const order = EI_NEW_ARRAY(c->x->arena, int64_t, b->k);
  int64_t *const next = EI_NEW_ARRAY(c->x->arena, int64_t, b->count);
  if (!order || !next) {
    ei_ox_out_of_memory(c->x);
    return false;
  }
  for (int64_t i = 0; i < b->k; ++i) {
    const int64_t group = ei_load_s64(&g, (uint64_t)i);
    if (group < 0 || group >= b->count || next[group] >= b->block) goto unsupported;
    order[group * b->block + next[group]++] = i;
    moved = moved || group != i / b->block;
  }
  if (!moved) return true;
  ei_tensor_view(tensor_of(c, *w), &from);
  const uint32_t sorted = new_values(c, b, b->k, &to);
  for (int64_t i = 0; sorted != EI_NONE && i < b->n; ++i)
    for (int64_t k = 0; k < b->k; ++k)
      ei_store_s64(&to, (uint64_t)(i * b->k + k), ei_load_s64(&from, (uint64_t)(i * b->k + order[k])));
  *w = sorted;
  *x = EI_OX(c, "Gather", EI_NONE, *x, ei_ox_const_ints(c, order, (uint32_t)b->k));
  ei_ox_set_int(c, "axis", -1);
  return ei_ox_ok(c->x);
unsupported:
  ei_ox_unsupported(c, "only constant group indices that fill all blocks evenly are supported");
  return false;
}

static uint32_t real_weights(ei_ox_call *c, const blocks *b, uint32_t w, uint32_t scale, uint32_t zeros) {
  const uint32_t y = EI_OX(c, "Dequantize", EI_NONE, w, scale, zeros);
  ei_ox_set_int(c, "axis", 1);
  ei_ox_set_int(c, "block", b->block);
  return y;
}

/* A, B [N, blocks, bytes], scales, zero points? (packed or real), group index?, bias? */
void ei_ox_map_matmul_nbits(ei_ox_call *c) {
  blocks b = { .n = ei_ox_int(c, "N", 0),
               .k = ei_ox_int(c, "K", 0),
               .block = ei_ox_int(c, "block_size", 0),
               .bits = ei_ox_int(c, "bits", 4) };
  const uint32_t given = ei_ox_in(c, 3), groups = ei_ox_in(c, 4);
  uint32_t x = ei_ox_in(c, 0), zeros, offsets = EI_NONE;
  edge_tensor real;
  if (!open_blocks(c, &b)) return;
  if (!ei_ox_is_const(c, ei_ox_in(c, 1)) || !ei_ox_is_const(c, ei_ox_in(c, 2)) ||
      (given != EI_NONE && !ei_ox_is_const(c, given))) {
    ei_ox_unsupported(c, "weights, scales and zero points must be constants");
    return;
  }
  const int64_t whole = b.count * b.block, pads[2] = { 0, whole - b.k }, last = -1;
  uint32_t w = reinterpret(c, ei_ox_in(c, 1), b.dtype, b.n, whole);
  const uint32_t scale = reinterpret(c, ei_ox_in(c, 2), tensor_of(c, ei_ox_in(c, 2))->dtype, b.n, b.count);
  if (!ei_ox_ok(c->x) || (groups != EI_NONE && !reorder(c, &b, groups, &x, &w))) return;
  if (whole > b.k)
    x = EI_OX(c, "Pad", EI_NONE, x, ei_ox_const_ints(c, pads, 2), EI_NONE, ei_ox_const_ints(c, &last, 1));
  if (given == EI_NONE) {
    zeros = usual_zeros(c, &b);
  } else if (!ei_dtype_is_float(tensor_of(c, given)->dtype)) {
    zeros = packed_zeros(c, &b, given);
  } else if (readable(c, given, (uint64_t)(b.n * b.count), &real)) {
    zeros = whole_zeros(c, &b, &real);
    if (zeros == EI_NONE) offsets = block_offsets(c, &b, scale, &real);
  } else {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "zero points of the wrong size");
    return;
  }
  const uint32_t weights = real_weights(c, &b, w, scale, zeros);
  const uint32_t y =
      EI_OX(c, "FullyConnected", offsets == EI_NONE ? ei_ox_out(c, 0) : EI_NONE, x, weights, ei_ox_in(c, 5));
  if (offsets == EI_NONE) return;
  EI_OX(c, "Sub", ei_ox_out(c, 0), y, EI_OX(c, "FullyConnected", EI_NONE, block_sums(c, &b, x), offsets));
}

/* Rows of a table of blocks: data, indices, scales, zero points? */
void ei_ox_map_gather_blocks(ei_ox_call *c) {
  const uint32_t data = ei_ox_in(c, 0), ids = ei_ox_in(c, 1), given = ei_ox_in(c, 3);
  const edge_tensor *const v = ei_ox_view(c, data);
  const int64_t axis = ei_ox_int(c, "quantize_axis", 1);
  blocks b = { .block = ei_ox_int(c, "block_size", 128), .bits = ei_ox_int(c, "bits", 4) };
  if (!ei_ox_ok(c->x)) return;
  const bool bytes = v->dtype == EDGE_DTYPE_U8;
  if (!ei_ox_is_const(c, data) || !ei_ox_is_const(c, ei_ox_in(c, 2)) || v->rank != 2 || (axis != 1 && axis != -1) ||
      ei_ox_int(c, "gather_axis", 0) != 0 || (given != EI_NONE && !ei_ox_is_const(c, given)) ||
      v->dims[1] > INT32_MAX / 8) {
    ei_ox_unsupported(c, "only constant tables of rank 2, gathered by row, are supported");
    return;
  }
  b.n = v->dims[0];
  b.k = bytes ? v->dims[1] * (8 / (b.bits > 0 && b.bits <= 8 ? b.bits : 8)) : v->dims[1];
  if (!open_blocks(c, &b)) return;
  const uint32_t w = bytes ? reinterpret(c, data, b.dtype, b.n, b.k) : data;
  const uint32_t scale = reinterpret(c, ei_ox_in(c, 2), tensor_of(c, ei_ox_in(c, 2))->dtype, b.n, b.count);
  uint32_t zeros = given;
  if (!ei_ox_ok(c->x)) return;
  if (bytes) zeros = given == EI_NONE ? usual_zeros(c, &b) : packed_zeros(c, &b, given);
  const uint32_t rows = EI_OX(c, "Gather", EI_NONE, w, ids), scales = EI_OX(c, "Gather", EI_NONE, scale, ids);
  if (zeros != EI_NONE) zeros = EI_OX(c, "Gather", EI_NONE, zeros, ids);
  EI_OX(c, "Dequantize", ei_ox_out(c, 0), rows, scales, zeros);
  ei_ox_set_int(c, "axis", -1);
  ei_ox_set_int(c, "block", b.block);
}
