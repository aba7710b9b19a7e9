/* SPDX-License-Identifier: Apache-2.0
 * Gather, GatherND, GatherElements, EmbeddingLookup: elements or slices of x chosen by indices. */
#include "op_walk.h"

/* An index in [-bound, bound) made positive. */
static edge_status checked_index(ei_op_ctx *c, int64_t i, int64_t bound, int64_t *out) {
  if (i < -bound || i >= bound)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "index %lld is outside [-%lld, %lld)", (long long)i,
                      (long long)bound, (long long)bound);
  *out = i < 0 ? i + bound : i;
  return EDGE_STATUS_OK;
}

static edge_status batch_dims(ei_op_ctx *c, int32_t limit, int32_t *out) {
  int64_t b = ei_op_int(c, "batch_dims");
  const int32_t rank = c->in[1].rank;
  if (b < 0 && b >= -(int64_t)rank) b += rank;
  if (b < 0 || b > limit || b > rank)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "batch_dims %lld does not fit the inputs", (long long)b);
  *out = (int32_t)b;
  return EDGE_STATUS_OK;
}

static edge_status put(ei_op_ctx *c, int64_t *dims, int32_t *rank, int64_t dim) {
  if (*rank >= EDGE_MAX_RANK) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the result has too many dimensions");
  dims[(*rank)++] = dim;
  return EDGE_STATUS_OK;
}

/* ---- Gather */

static edge_status infer_gather(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const ids = &c->in[1];
  int32_t axis = 0, batch = 0, rank = 0;
  int64_t dims[EDGE_MAX_RANK];
  EI_TRY(ei_op_need_int(c, 1));
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0 || ids->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
  EI_TRY(batch_dims(c, axis, &batch));
  for (int32_t d = 0; d < axis; ++d) {
    int64_t dim = x->dims[d];
    if (d < batch) EI_TRY(ei_op_same_dim(c, &dim, ids->dims[d], "batch dimension"));
    EI_TRY(put(c, dims, &rank, dim));
  }
  for (int32_t d = batch; d < ids->rank; ++d) EI_TRY(put(c, dims, &rank, ids->dims[d]));
  for (int32_t d = axis + 1; d < x->rank; ++d) EI_TRY(put(c, dims, &rank, x->dims[d]));
  ei_op_set_shape(&c->out[0], x->dtype, rank, dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval_gather(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const ids = &c->in[1], *const y = &c->out[0];
  int32_t axis = 0, batch = 0;
  EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
  EI_TRY(batch_dims(c, axis, &batch));
  const int64_t batches = ei_dims_product(x->dims, 0, batch), outer = ei_dims_product(x->dims, batch, axis);
  const int64_t count = ei_dims_product(ids->dims, batch, ids->rank), bound = x->dims[axis];
  const int64_t inner = ei_dims_product(x->dims, axis + 1, x->rank);
  uint64_t at = 0;
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < count; ++i) {
        int64_t k = 0;
        EI_TRY(checked_index(c, ei_load_s64(ids, (uint64_t)(b * count + i)), bound, &k));
        ei_copy_run(y, at, x, (uint64_t)(((b * outer + o) * bound + k) * inner), (uint64_t)inner);
        at += (uint64_t)inner;
      }
  return EDGE_STATUS_OK;
}

/* ---- GatherND: the last dimension of the indices is a position in x */

static edge_status infer_nd(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const ids = &c->in[1];
  int32_t batch = 0, rank = 0;
  int64_t dims[EDGE_MAX_RANK];
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_rank(c, 1, 1, EDGE_MAX_RANK));
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0 || ids->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(batch_dims(c, x->rank, &batch));
  if (batch >= ids->rank) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "batch_dims covers all of the indices");
  const int64_t depth = ids->dims[ids->rank - 1];
  if (depth > x->rank - batch)
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "positions have %lld coordinates, the input has rank %d",
                      (long long)depth, (int)x->rank);
  if (depth < 0) return EDGE_STATUS_OK;
  for (int32_t d = 0; d < ids->rank - 1; ++d) {
    int64_t dim = ids->dims[d];
    if (d < batch) EI_TRY(ei_op_same_dim(c, &dim, x->dims[d], "batch dimension"));
    EI_TRY(put(c, dims, &rank, dim));
  }
  for (int32_t d = batch + (int32_t)depth; d < x->rank; ++d) EI_TRY(put(c, dims, &rank, x->dims[d]));
  ei_op_set_shape(&c->out[0], x->dtype, rank, dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval_nd(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const ids = &c->in[1], *const y = &c->out[0];
  int32_t batch = 0;
  EI_TRY(batch_dims(c, x->rank, &batch));
  const int32_t depth = (int32_t)ids->dims[ids->rank - 1];
  const int64_t batches = ei_dims_product(x->dims, 0, batch);
  const int64_t count = ei_dims_product(ids->dims, batch, ids->rank - 1);
  const int64_t block = ei_dims_product(x->dims, batch, x->rank);
  const int64_t inner = ei_dims_product(x->dims, batch + depth, x->rank);
  uint64_t at = 0, id = 0;
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t i = 0; i < count; ++i) {
      int64_t offset = 0, k = 0;
      for (int32_t d = 0; d < depth; ++d) {
        EI_TRY(checked_index(c, ei_load_s64(ids, id++), x->dims[batch + d], &k));
        offset = offset * x->dims[batch + d] + k;
      }
      ei_copy_run(y, at, x, (uint64_t)(b * block + offset * inner), (uint64_t)inner);
      at += (uint64_t)inner;
    }
  return EDGE_STATUS_OK;
}

/* ---- GatherElements: y has the shape of the indices */

static edge_status infer_elements(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const ids = &c->in[1];
  int32_t axis = 0;
  EI_TRY(ei_op_need_int(c, 1));
  ei_op_set_unknown(&c->out[0], x->dtype);
  const int32_t rank = x->rank >= 0 ? x->rank : ids->rank;
  if (rank >= 0) EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), rank, &axis));
  if (ids->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(ei_op_need_rank(c, 0, ids->rank, ids->rank));
  for (int32_t d = 0; d < x->rank; ++d)
    if (d != axis && x->dims[d] >= 0 && ids->dims[d] > x->dims[d])
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the indices are larger than the input in dimension %d", (int)d);
  ei_op_set_shape(&c->out[0], x->dtype, ids->rank, ids->dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval_elements(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const ids = &c->in[1], *const y = &c->out[0];
  int32_t axis = 0;
  int64_t strides[EDGE_MAX_RANK], index[EDGE_MAX_RANK] = { 0 }, k = 0;
  EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
  ei_dense_strides(x->rank, x->dims, strides);
  if (ei_op_elements(ids) == 0) return EDGE_STATUS_OK;
  uint64_t at = 0;
  do {
    int64_t offset = 0;
    EI_TRY(checked_index(c, ei_load_s64(ids, at), x->dims[axis], &k));
    for (int32_t d = 0; d < x->rank; ++d) offset += (d == axis ? k : index[d]) * strides[d];
    ei_copy_run(y, at++, x, (uint64_t)offset, 1);
  } while (ei_walk_next(ids->rank, ids->dims, index));
  return EDGE_STATUS_OK;
}

/* ---- EmbeddingLookup: rows of a table; negative ids are errors */

static edge_status infer_embedding(ei_op_ctx *c) {
  const edge_tensor *const ids = &c->in[0], *const table = &c->in[1];
  int64_t dims[EDGE_MAX_RANK];
  int32_t rank = 0;
  EI_TRY(ei_op_need_int(c, 0));
  EI_TRY(ei_op_need_rank(c, 0, 1, 1));
  EI_TRY(ei_op_need_rank(c, 1, 1, EDGE_MAX_RANK));
  const bool hybrid = ei_dtype_is_float(c->out[0].dtype) && ei_is_quantized(table);
  const int32_t dtype = hybrid ? c->out[0].dtype : table->dtype;
  ei_op_set_unknown(&c->out[0], dtype);
  if (table->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(put(c, dims, &rank, ids->rank == 1 ? ids->dims[0] : EI_DIM_UNKNOWN));
  for (int32_t d = 1; d < table->rank; ++d) EI_TRY(put(c, dims, &rank, table->dims[d]));
  ei_op_set_shape(&c->out[0], dtype, rank, dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval_embedding(ei_op_ctx *c) {
  const edge_tensor *const ids = &c->in[0], *const table = &c->in[1], *const y = &c->out[0];
  const uint64_t row = (uint64_t)ei_dims_product(table->dims, 1, table->rank), n = (uint64_t)ids->dims[0];
  for (uint64_t i = 0; i < n; ++i) {
    const int64_t k = ei_load_s64(ids, i);
    if (k < 0 || k >= table->dims[0])
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "id %lld is outside the %lld rows of the table", (long long)k,
                        (long long)table->dims[0]);
    if (y->dtype == table->dtype) {
      ei_copy_run(y, i * row, table, (uint64_t)k * row, row);
    } else {
      for (uint64_t j = 0; j < row; ++j) ei_store_real(y, i * row + j, ei_load_real(table, (uint64_t)k * row + j));
    }
  }
  return EDGE_STATUS_OK;
}

static const ei_attr_def gather_attrs[] = { { "axis", EI_ATTR_INT, 0 },
                                            { "batch_dims", EI_ATTR_INT, 0 },
                                            { NULL, 0, 0 } };
static const ei_attr_def nd_attrs[] = { { "batch_dims", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };
static const ei_attr_def elements_attrs[] = { { "axis", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

const ei_op_def ei_op_Gather = { .name = "Gather",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .version = 1,
                                 .attrs = gather_attrs,
                                 .infer = infer_gather,
                                 .eval = eval_gather };
const ei_op_def ei_op_GatherND = { .name = "GatherND",
                                   .min_in = 2,
                                   .max_in = 2,
                                   .min_out = 1,
                                   .max_out = 1,
                                   .version = 1,
                                   .attrs = nd_attrs,
                                   .infer = infer_nd,
                                   .eval = eval_nd };
const ei_op_def ei_op_GatherElements = { .name = "GatherElements",
                                         .min_in = 2,
                                         .max_in = 2,
                                         .min_out = 1,
                                         .max_out = 1,
                                         .version = 1,
                                         .attrs = elements_attrs,
                                         .infer = infer_elements,
                                         .eval = eval_elements };
const ei_op_def ei_op_EmbeddingLookup = { .name = "EmbeddingLookup",
                                          .min_in = 2,
                                          .max_in = 2,
                                          .min_out = 1,
                                          .max_out = 1,
                                          .version = 1,
                                          .infer = infer_embedding,
                                          .eval = eval_embedding };
