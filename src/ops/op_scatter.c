/* SPDX-License-Identifier: Apache-2.0
 * ScatterElements, ScatterND, ScatterNDShape, DynamicUpdateSlice, SparseToDense: write updates into a copy. */
#include "op_walk.h"

enum { REDUCE_NONE, REDUCE_ADD, REDUCE_MUL, REDUCE_MAX, REDUCE_MIN };

static int64_t combine_int(int64_t a, int64_t b, int64_t how, bool is_unsigned) {
  const uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
  const bool less = is_unsigned ? ua < ub : a < b;
  switch (how) {
  case REDUCE_ADD: return (int64_t)(ua + ub);
  case REDUCE_MUL: return (int64_t)(ua * ub);
  case REDUCE_MAX: return less ? b : a;
  default: return less ? a : b;
  }
}

static double combine_float(double a, double b, int64_t how) {
  switch (how) {
  case REDUCE_ADD: return a + b;
  case REDUCE_MUL: return a * b;
  case REDUCE_MAX: return a != a || a >= b ? a : b;
  default: return a != a || a <= b ? a : b;
  }
}

/* y[y_at + i] = y[y_at + i] (how) u[u_at + i] */
static void update_run(const edge_tensor *y, uint64_t y_at, const edge_tensor *u, uint64_t u_at, uint64_t n,
                       int64_t how) {
  if (how == REDUCE_NONE) {
    ei_copy_run(y, y_at, u, u_at, n);
    return;
  }
  for (uint64_t i = 0; i < n; ++i) {
    if (ei_dtype_is_float(y->dtype))
      ei_store_f64(y, y_at + i, combine_float(ei_load_f64(y, y_at + i), ei_load_f64(u, u_at + i), how));
    else
      ei_store_s64(y, y_at + i,
                   combine_int(ei_load_s64(y, y_at + i), ei_load_s64(u, u_at + i), how, y->dtype == EDGE_DTYPE_U64));
  }
}

static edge_status check_reduction(ei_op_ctx *c) {
  const int64_t how = ei_op_int(c, "reduction");
  if (how < REDUCE_NONE || how > REDUCE_MIN)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "unknown reduction %lld", (long long)how);
  return EDGE_STATUS_OK;
}

static void copy_data(ei_op_ctx *c) {
  if (c->out[0].data != c->in[0].data) ei_copy_run(&c->out[0], 0, &c->in[0], 0, ei_op_elements(&c->in[0]));
}

/* ---- ScatterElements */

static edge_status infer_elements(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const ids = &c->in[1], *const u = &c->in[2];
  int32_t axis = 0;
  EI_TRY(check_reduction(c));
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_same_dtype(c, 0, 2));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  if (x->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
  EI_TRY(ei_op_need_rank(c, 1, x->rank, x->rank));
  EI_TRY(ei_op_need_rank(c, 2, x->rank, x->rank));
  for (int32_t d = 0; d < x->rank && ids->rank >= 0; ++d) {
    int64_t dim = ids->dims[d];
    if (u->rank >= 0) EI_TRY(ei_op_same_dim(c, &dim, u->dims[d], "indices and updates"));
    if (d != axis && x->dims[d] >= 0 && dim > x->dims[d])
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the indices are larger than the data in dimension %d", (int)d);
  }
  return EDGE_STATUS_OK;
}

static edge_status eval_elements(ei_op_ctx *c) {
  const edge_tensor *const ids = &c->in[1], *const y = &c->out[0];
  const int64_t how = ei_op_int(c, "reduction");
  int64_t strides[EDGE_MAX_RANK], index[EDGE_MAX_RANK] = { 0 };
  int32_t axis = 0;
  EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), y->rank, &axis));
  ei_dense_strides(y->rank, y->dims, strides);
  copy_data(c);
  if (ei_op_elements(ids) == 0) return EDGE_STATUS_OK;
  const int64_t bound = y->dims[axis];
  uint64_t at = 0;
  do {
    int64_t offset = 0;
    const int64_t k = ei_load_s64(ids, at);
    if (k < -bound || k >= bound)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "index %lld is outside [-%lld, %lld)", (long long)k,
                        (long long)bound, (long long)bound);
    for (int32_t d = 0; d < y->rank; ++d) offset += (d == axis ? (k < 0 ? k + bound : k) : index[d]) * strides[d];
    update_run(y, (uint64_t)offset, &c->in[2], at++, 1, how);
  } while (ei_walk_next(ids->rank, ids->dims, index));
  return EDGE_STATUS_OK;
}

/* ---- ScatterND: the last dimension of the indices is a position */

/* updates has the dims of indices without the last one, then those of the data after `depth` */
static edge_status check_updates(ei_op_ctx *c, const edge_tensor *ids, const edge_tensor *u, const edge_tensor *y) {
  if (ids->rank < 0 || y->rank < 0) return EDGE_STATUS_OK;
  if (ids->rank == 0) return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the indices are a scalar");
  const int64_t depth = ids->dims[ids->rank - 1];
  if (depth > y->rank)
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "positions have %lld coordinates, the data has rank %d",
                      (long long)depth, (int)y->rank);
  if (depth < 0 || u->rank < 0) return EDGE_STATUS_OK;
  const int32_t lead = ids->rank - 1;
  if (u->rank != lead + y->rank - (int32_t)depth)
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the updates have rank %d, expected %d", (int)u->rank,
                      (int)(lead + y->rank - (int32_t)depth));
  for (int32_t d = 0; d < u->rank; ++d) {
    int64_t dim = u->dims[d];
    EI_TRY(ei_op_same_dim(c, &dim, d < lead ? ids->dims[d] : y->dims[d - lead + depth], "updates"));
  }
  return EDGE_STATUS_OK;
}

static edge_status scatter_nd(ei_op_ctx *c, const edge_tensor *ids, const edge_tensor *u, int64_t how, bool wrap) {
  const edge_tensor *const y = &c->out[0];
  const int32_t depth = (int32_t)ids->dims[ids->rank - 1];
  const uint64_t count = (uint64_t)ei_dims_product(ids->dims, 0, ids->rank - 1);
  const uint64_t inner = (uint64_t)ei_dims_product(y->dims, depth, y->rank);
  for (uint64_t i = 0; i < count; ++i) {
    int64_t offset = 0;
    for (int32_t d = 0; d < depth; ++d) {
      const int64_t bound = y->dims[d];
      int64_t k = ei_load_s64(ids, i * (uint64_t)depth + (uint64_t)d);
      if (wrap && k < 0 && k >= -bound) k += bound;
      if (k < 0 || k >= bound)
        return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "index %lld is outside dimension %d of %lld", (long long)k,
                          (int)d, (long long)bound);
      offset = offset * bound + k;
    }
    update_run(y, (uint64_t)offset * inner, u, i * inner, inner, how);
  }
  return EDGE_STATUS_OK;
}

static edge_status infer_nd(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  EI_TRY(check_reduction(c));
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_same_dtype(c, 0, 2));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  return check_updates(c, &c->in[1], &c->in[2], x);
}

static edge_status eval_nd(ei_op_ctx *c) {
  copy_data(c);
  return scatter_nd(c, &c->in[1], &c->in[2], ei_op_int(c, "reduction"), true);
}

/* A shape given as values; unknown as long as they are. */
static edge_status shape_from(ei_op_ctx *c, uint32_t i, int32_t dtype) {
  int64_t dims[EDGE_MAX_RANK];
  uint32_t n = 0;
  EI_TRY(ei_op_need_int(c, i));
  ei_op_set_unknown(&c->out[0], dtype);
  if (!ei_op_ready(c, i)) return EDGE_STATUS_OK;
  EI_TRY(ei_op_list(c, i, dims, EDGE_MAX_RANK, &n));
  for (uint32_t d = 0; d < n; ++d)
    if (dims[d] < 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "dimension %u is %lld", d, (long long)dims[d]);
  ei_op_set_shape(&c->out[0], dtype, (int32_t)n, dims);
  return ei_op_check_size(c, 0);
}

static edge_status infer_nd_shape(ei_op_ctx *c) {
  EI_TRY(ei_op_need_int(c, 0));
  EI_TRY(shape_from(c, 2, c->in[1].dtype));
  return check_updates(c, &c->in[0], &c->in[1], &c->out[0]);
}

static edge_status eval_nd_shape(ei_op_ctx *c) {
  ei_fill_zero(&c->out[0]);
  return scatter_nd(c, &c->in[0], &c->in[1], REDUCE_ADD, false);
}

/* ---- SparseToDense: indices of rank 0 (one position in a vector), 1 (a vector of them) or 2 [n, rank] */

static edge_status infer_sparse(ei_op_ctx *c) {
  const edge_tensor *const ids = &c->in[0], *const v = &c->in[2], *const y = &c->out[0];
  EI_TRY(ei_op_need_int(c, 0));
  EI_TRY(ei_op_need_rank(c, 0, 0, 2));
  EI_TRY(ei_op_need_rank(c, 2, 0, 1));
  EI_TRY(ei_op_need_same_dtype(c, 2, 3));
  if (ei_op_shape_known(&c->in[3]) && ei_op_elements(&c->in[3]) != 1)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the default must be one element");
  EI_TRY(shape_from(c, 1, v->dtype));
  if (ids->rank < 0) return EDGE_STATUS_OK;
  const int64_t depth = ids->rank == 2 ? ids->dims[1] : 1, count = ids->rank == 0 ? 1 : ids->dims[0];
  if (y->rank >= 0 && depth >= 0 && depth != y->rank)
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "positions have %lld coordinates, the shape %d", (long long)depth,
                      (int)y->rank);
  if (v->rank == 1 && v->dims[0] >= 0 && count >= 0 && v->dims[0] != count)
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "%lld values for %lld positions", (long long)v->dims[0],
                      (long long)count);
  return EDGE_STATUS_OK;
}

static edge_status eval_sparse(ei_op_ctx *c) {
  const edge_tensor *const ids = &c->in[0], *const y = &c->out[0];
  const uint64_t count = ids->rank == 0 ? 1 : (uint64_t)ids->dims[0];
  ei_fill_run(y, 0, ei_op_elements(y), &c->in[3], 0);
  for (uint64_t i = 0; i < count; ++i) {
    int64_t offset = 0;
    for (int32_t d = 0; d < y->rank; ++d) {
      const int64_t k = ei_load_s64(ids, i * (uint64_t)y->rank + (uint64_t)d);
      if (k < 0 || k >= y->dims[d])
        return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "index %lld is outside dimension %d of %lld", (long long)k,
                          (int)d, (long long)y->dims[d]);
      offset = offset * y->dims[d] + k;
    }
    ei_copy_run(y, (uint64_t)offset, &c->in[2], c->in[2].rank == 0 ? 0 : i, 1);
  }
  return EDGE_STATUS_OK;
}

/* ---- DynamicUpdateSlice: starts are clamped so that the update fits */

static edge_status infer_update(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const u = &c->in[1], *const starts = &c->in[2];
  EI_TRY(ei_op_need_same_dtype(c, 0, 1));
  EI_TRY(ei_op_need_int(c, 2));
  EI_TRY(ei_op_need_rank(c, 2, 1, 1));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  if (x->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(ei_op_need_rank(c, 1, x->rank, x->rank));
  if (starts->rank == 1 && starts->dims[0] >= 0 && starts->dims[0] != x->rank)
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "%lld starts for rank %d", (long long)starts->dims[0],
                      (int)x->rank);
  for (int32_t d = 0; d < x->rank && u->rank >= 0; ++d)
    if (x->dims[d] >= 0 && u->dims[d] > x->dims[d])
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the update is larger than the data in dimension %d", (int)d);
  return EDGE_STATUS_OK;
}

static edge_status eval_update(ei_op_ctx *c) {
  const edge_tensor *const u = &c->in[1], *const y = &c->out[0];
  int64_t ys[EDGE_MAX_RANK], us[EDGE_MAX_RANK], at = 0;
  ei_move m = { 0 };
  ei_dense_strides(y->rank, y->dims, ys);
  ei_dense_strides(u->rank, u->dims, us);
  copy_data(c);
  for (int32_t d = 0; d < y->rank; ++d) {
    const int64_t room = y->dims[d] - u->dims[d];
    int64_t start = ei_load_s64(&c->in[2], (uint64_t)d);
    if (start > room) start = room;
    if (start < 0) start = 0;
    at += start * ys[d];
    ei_move_dim(&m, u->dims[d], ys[d], us[d]);
  }
  ei_move_run(&m, y, at, u, 0);
  return EDGE_STATUS_OK;
}

static const ei_attr_def elements_attrs[] = { { "axis", EI_ATTR_INT, 0 },
                                              { "reduction", EI_ATTR_INT, 0 },
                                              { NULL, 0, 0 } };
static const ei_attr_def nd_attrs[] = { { "reduction", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

const ei_op_def ei_op_ScatterElements = { .name = "ScatterElements",
                                          .min_in = 3,
                                          .max_in = 3,
                                          .min_out = 1,
                                          .max_out = 1,
                                          .version = 1,
                                          .attrs = elements_attrs,
                                          .infer = infer_elements,
                                          .eval = eval_elements };
const ei_op_def ei_op_ScatterND = { .name = "ScatterND",
                                    .min_in = 3,
                                    .max_in = 3,
                                    .min_out = 1,
                                    .max_out = 1,
                                    .version = 1,
                                    .attrs = nd_attrs,
                                    .infer = infer_nd,
                                    .eval = eval_nd };
const ei_op_def ei_op_ScatterNDShape = { .name = "ScatterNDShape",
                                         .min_in = 3,
                                         .max_in = 3,
                                         .min_out = 1,
                                         .max_out = 1,
                                         .version = 1,
                                         .infer = infer_nd_shape,
                                         .eval = eval_nd_shape };
const ei_op_def ei_op_SparseToDense = { .name = "SparseToDense",
                                        .min_in = 4,
                                        .max_in = 4,
                                        .min_out = 1,
                                        .max_out = 1,
                                        .version = 1,
                                        .infer = infer_sparse,
                                        .eval = eval_sparse };
const ei_op_def ei_op_DynamicUpdateSlice = { .name = "DynamicUpdateSlice",
                                             .min_in = 3,
                                             .max_in = 3,
                                             .min_out = 1,
                                             .max_out = 1,
                                             .version = 1,
                                             .infer = infer_update,
                                             .eval = eval_update };
