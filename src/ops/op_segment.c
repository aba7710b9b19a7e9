/* SPDX-License-Identifier: Apache-2.0
 * SegmentSum and UnsortedSegment reduce rows by segment; Bucketize finds the interval of a value. */
#include "op_walk.h"
#include <math.h>

enum { SEGMENT_SUM, SEGMENT_MAX, SEGMENT_MIN, SEGMENT_PROD };

static edge_status need_numbers(ei_op_ctx *c) {
  const int32_t t = c->in[0].dtype;
  if (ei_dtype_is_float(t) || ei_dtype_is_int(t)) return EDGE_STATUS_OK;
  return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "segments of %s", edge_dtype_name(t));
}

static double join(double a, double b, int64_t mode) {
  switch (mode) {
  case SEGMENT_MAX: return b > a ? b : a;
  case SEGMENT_MIN: return b < a ? b : a;
  case SEGMENT_PROD: return a * b;
  default: return a + b;
  }
}

static int64_t join_int(int64_t a, int64_t b, int64_t mode) {
  switch (mode) {
  case SEGMENT_MAX: return b > a ? b : a;
  case SEGMENT_MIN: return b < a ? b : a;
  case SEGMENT_PROD: return (int64_t)((uint64_t)a * (uint64_t)b);
  default: return (int64_t)((uint64_t)a + (uint64_t)b);
  }
}

static void join_row(const edge_tensor *y, uint64_t y_at, const edge_tensor *x, uint64_t x_at, uint64_t n,
                     int64_t mode) {
  for (uint64_t i = 0; i < n; ++i) {
    if (ei_dtype_is_float(y->dtype))
      ei_store_f64(y, y_at + i, join(ei_load_f64(y, y_at + i), ei_load_f64(x, x_at + i), mode));
    else
      ei_store_s64(y, y_at + i, join_int(ei_load_s64(y, y_at + i), ei_load_s64(x, x_at + i), mode));
  }
}

/* ---- SegmentSum: ids rise from 0; one output row per id up to the last */

static edge_status infer_sum(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const ids = &c->in[1];
  EI_TRY(need_numbers(c));
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_rank(c, 0, 1, EDGE_MAX_RANK));
  EI_TRY(ei_op_need_rank(c, 1, 1, 1));
  int64_t rows = x->rank >= 0 ? x->dims[0] : EI_DIM_UNKNOWN, count = EI_DIM_UNKNOWN;
  if (ids->rank == 1) EI_TRY(ei_op_same_dim(c, &rows, ids->dims[0], "rows and segment ids"));
  if (ei_op_ready(c, 1)) {
    int64_t last = 0;
    count = 0;
    for (int64_t i = 0; i < ids->dims[0]; ++i) {
      const int64_t id = ei_load_s64(ids, (uint64_t)i);
      if (id < last || id == INT64_MAX)
        return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "segment id %lld at %lld is out of order", (long long)id,
                          (long long)i);
      last = id;
      count = id + 1;
    }
  }
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  if (x->rank > 0) c->out[0].dims[0] = count;
  return ei_op_check_size(c, 0);
}

static edge_status eval_sum(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  const uint64_t inner = (uint64_t)ei_dims_product(x->dims, 1, x->rank);
  ei_fill_zero(y);
  for (int64_t i = 0; i < x->dims[0]; ++i) {
    const int64_t id = ei_load_s64(&c->in[1], (uint64_t)i);
    if (id < 0 || id >= y->dims[0])
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "segment id %lld is outside [0, %lld)", (long long)id,
                        (long long)y->dims[0]);
    join_row(y, (uint64_t)id * inner, x, (uint64_t)i * inner, inner, SEGMENT_SUM);
  }
  return EDGE_STATUS_OK;
}

/* ---- UnsortedSegment: ids have the leading dims of x; negative ids are left out */

static edge_status infer_unsorted(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const ids = &c->in[1];
  const int64_t mode = ei_op_int(c, "mode");
  int64_t dims[EDGE_MAX_RANK], n = EI_DIM_UNKNOWN;
  EI_TRY(need_numbers(c));
  EI_TRY(ei_op_need_int(c, 1));
  EI_TRY(ei_op_need_int(c, 2));
  if (mode < SEGMENT_SUM || mode > SEGMENT_PROD)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "unknown mode %lld", (long long)mode);
  if (ei_op_ready(c, 2)) {
    EI_TRY(ei_op_scalar(c, 2, &n));
    if (n < 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld segments", (long long)n);
  }
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0 || ids->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(ei_op_need_rank(c, 1, 0, x->rank));
  for (int32_t d = 0; d < ids->rank; ++d) {
    int64_t dim = x->dims[d];
    EI_TRY(ei_op_same_dim(c, &dim, ids->dims[d], "data and segment ids"));
  }
  int32_t rank = 0;
  if (x->rank - ids->rank + 1 > EDGE_MAX_RANK)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the result has too many dimensions");
  dims[rank++] = n;
  for (int32_t d = ids->rank; d < x->rank; ++d) dims[rank++] = x->dims[d];
  ei_op_set_shape(&c->out[0], x->dtype, rank, dims);
  return ei_op_check_size(c, 0);
}

static void fill_identity(const edge_tensor *y, int64_t mode) {
  double lo = 0, hi = 0;
  const uint64_t n = ei_op_elements(y);
  ei_fill_zero(y);
  if (mode == SEGMENT_SUM || n == 0) return;
  if (mode == SEGMENT_PROD)
    ei_store_s64(y, 0, 1);
  else if (ei_dtype_range(y->dtype, &lo, &hi))
    ei_store_f64(y, 0, mode == SEGMENT_MAX ? lo : hi);
  else {
    const double most = y->dtype == EDGE_DTYPE_F64    ? 1.7976931348623157e308
                        : y->dtype == EDGE_DTYPE_F16  ? 65504.0
                        : y->dtype == EDGE_DTYPE_BF16 ? 3.3895313892515355e38
                                                      : 3.4028234663852886e38;
    ei_store_f64(y, 0, mode == SEGMENT_MAX ? -most : most);
  }
  ei_fill_run(y, 0, n, y, 0);
}

static edge_status eval_unsorted(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const ids = &c->in[1], *const y = &c->out[0];
  const uint64_t n = ei_op_elements(ids), inner = (uint64_t)ei_dims_product(x->dims, ids->rank, x->rank);
  const int64_t mode = ei_op_int(c, "mode");
  fill_identity(y, mode);
  for (uint64_t i = 0; i < n; ++i) {
    const int64_t id = ei_load_s64(ids, i);
    if (id < 0) continue;
    if (id >= y->dims[0])
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "segment id %lld is outside [0, %lld)", (long long)id,
                        (long long)y->dims[0]);
    join_row(y, (uint64_t)id * inner, x, i * inner, inner, mode);
  }
  return EDGE_STATUS_OK;
}

/* ---- Bucketize: the number of boundaries that are not above x */

static edge_status infer_bucketize(ei_op_ctx *c) {
  const ei_attr *const a = ei_node_attr(c->node, "boundaries");
  EI_TRY(need_numbers(c));
  for (uint32_t i = 1; a != NULL && a->kind == EI_ATTR_FLOATS && i < a->count; ++i)
    if (!(a->u.floats[i - 1] <= a->u.floats[i]))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the boundaries are not sorted at %u", i);
  ei_op_set_shape(&c->out[0], EDGE_DTYPE_S32, c->in[0].rank, c->in[0].dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval_bucketize(ei_op_ctx *c) {
  const ei_attr *const a = ei_node_attr(c->node, "boundaries");
  const uint32_t count = a != NULL && a->kind == EI_ATTR_FLOATS ? a->count : 0;
  const uint64_t n = ei_op_elements(&c->in[0]);
  for (uint64_t i = 0; i < n; ++i) {
    const double v = ei_load_f64(&c->in[0], i);
    uint32_t lo = 0, hi = count;
    while (lo < hi) {
      const uint32_t mid = lo + (hi - lo) / 2;
      if (v < a->u.floats[mid])
        hi = mid;
      else
        lo = mid + 1;
    }
    ei_store_s64(&c->out[0], i, lo);
  }
  return EDGE_STATUS_OK;
}

static const ei_attr_def unsorted_attrs[] = { { "mode", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };
static const ei_attr_def bucketize_attrs[] = { { "boundaries", EI_ATTR_FLOATS, 0 }, { NULL, 0, 0 } };

const ei_op_def ei_op_SegmentSum = { .name = "SegmentSum",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .min_out = 1,
                                     .max_out = 1,
                                     .version = 1,
                                     .infer = infer_sum,
                                     .eval = eval_sum };
const ei_op_def ei_op_UnsortedSegment = { .name = "UnsortedSegment",
                                          .min_in = 3,
                                          .max_in = 3,
                                          .min_out = 1,
                                          .max_out = 1,
                                          .version = 1,
                                          .attrs = unsorted_attrs,
                                          .infer = infer_unsorted,
                                          .eval = eval_unsorted };
const ei_op_def ei_op_Bucketize = { .name = "Bucketize",
                                    .min_in = 1,
                                    .max_in = 1,
                                    .min_out = 1,
                                    .max_out = 1,
                                    .version = 1,
                                    .attrs = bucketize_attrs,
                                    .infer = infer_bucketize,
                                    .eval = eval_bucketize };
