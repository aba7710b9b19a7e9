/* SPDX-License-Identifier: Apache-2.0
 * Slice (start, end, step for chosen axes) and StridedSlice (the masks of TFLite). */
#include "op_walk.h"

/* What a slice does to one dimension of x. */
typedef struct cut {
  int64_t start, count, step;
} cut;

/* Clamp like Python: negative values count from the end; d >= 0, step != 0. */
static cut clamp_cut(int64_t start, int64_t end, int64_t step, int64_t d) {
  cut k = { 0, 0, step };
  if (start < 0) start += d;
  if (end < 0) end += d;
  const int64_t lo = step > 0 ? 0 : -1, hi = step > 0 ? d : d - 1;
  if (start < lo) start = lo;
  if (start > hi) start = hi;
  if (end < lo) end = lo;
  if (end > hi) end = hi;
  const uint64_t distance =
      step > 0 ? (end > start ? (uint64_t)(end - start) : 0) : (start > end ? (uint64_t)(start - end) : 0);
  const uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
  k.count = (int64_t)(distance / stride + (distance % stride != 0));
  if (k.count <= 1) k.step = 1; /* a huge step never leads anywhere */
  k.start = k.count == 0 ? 0 : start;
  return k;
}

static void copy_cuts(const edge_tensor *y, const edge_tensor *x, const cut *cuts) {
  int64_t xs[EDGE_MAX_RANK], at = 0, n[EDGE_MAX_RANK], ys[EDGE_MAX_RANK];
  ei_move m = { 0 };
  for (int32_t d = 0; d < x->rank; ++d) n[d] = cuts[d].count;
  ei_dense_strides(x->rank, x->dims, xs);
  ei_dense_strides(x->rank, n, ys);
  for (int32_t d = 0; d < x->rank; ++d) {
    ei_move_dim(&m, cuts[d].count, ys[d], xs[d] * cuts[d].step);
    at += cuts[d].start * xs[d];
  }
  ei_move_run(&m, y, 0, x, at);
}

/* ---- Slice */

typedef struct slice_lists {
  int64_t start[EDGE_MAX_RANK], end[EDGE_MAX_RANK], step[EDGE_MAX_RANK];
  uint32_t given; /* bit d: dimension d is cut */
} slice_lists;

static edge_status read_slice(ei_op_ctx *c, int32_t rank, slice_lists *s) {
  int64_t start[EDGE_MAX_RANK], end[EDGE_MAX_RANK], axes[EDGE_MAX_RANK], step[EDGE_MAX_RANK];
  uint32_t n = 0, n_end = 0, n_axes = 0, n_step = 0;
  EI_TRY(ei_op_list(c, 1, start, EDGE_MAX_RANK, &n));
  EI_TRY(ei_op_list(c, 2, end, EDGE_MAX_RANK, &n_end));
  for (uint32_t i = 0; i < n; ++i) {
    axes[i] = i;
    step[i] = 1;
  }
  n_axes = n_step = n;
  if (ei_op_has(c, 3)) EI_TRY(ei_op_list(c, 3, axes, EDGE_MAX_RANK, &n_axes));
  if (ei_op_has(c, 4)) EI_TRY(ei_op_list(c, 4, step, EDGE_MAX_RANK, &n_step));
  if (n_end != n || n_axes != n || n_step != n)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "starts, ends, axes and steps have different lengths");
  EI_TRY(ei_op_axis_mask(c, axes, n, rank, &s->given));
  for (uint32_t i = 0; i < n; ++i) {
    const int64_t d = axes[i] < 0 ? axes[i] + rank : axes[i];
    if (step[i] == 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "step of dimension %d is 0", (int)d);
    s->start[d] = start[i];
    s->end[d] = end[i];
    s->step[d] = step[i];
  }
  return EDGE_STATUS_OK;
}

static edge_status infer_slice(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int64_t dims[EDGE_MAX_RANK];
  bool ready = true;
  for (uint32_t i = 1; i < c->n_in; ++i) {
    if (!ei_op_has(c, i)) continue;
    EI_TRY(ei_op_need_int(c, i));
    ready = ei_op_ready(c, i) && ready;
  }
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0) return EDGE_STATUS_OK;
  slice_lists s = { .given = UINT32_MAX };
  if (ready) {
    EI_TRY(read_slice(c, x->rank, &s));
  } else if (ei_op_has(c, 3) && c->in[3].data != NULL) { /* at least the other dimensions are known */
    int64_t axes[EDGE_MAX_RANK];
    uint32_t n = 0;
    EI_TRY(ei_op_list(c, 3, axes, EDGE_MAX_RANK, &n));
    EI_TRY(ei_op_axis_mask(c, axes, n, x->rank, &s.given));
  }
  for (int32_t d = 0; d < x->rank; ++d) {
    dims[d] = x->dims[d];
    if (!(s.given >> d & 1u)) continue;
    dims[d] = EI_DIM_UNKNOWN;
    if (ready && x->dims[d] >= 0) dims[d] = clamp_cut(s.start[d], s.end[d], s.step[d], x->dims[d]).count;
  }
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return EDGE_STATUS_OK;
}

static edge_status eval_slice(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  slice_lists s = { .given = 0 };
  cut cuts[EDGE_MAX_RANK];
  EI_TRY(read_slice(c, x->rank, &s));
  for (int32_t d = 0; d < x->rank; ++d) {
    cuts[d] = (cut) { 0, x->dims[d], 1 };
    if (s.given >> d & 1u) cuts[d] = clamp_cut(s.start[d], s.end[d], s.step[d], x->dims[d]);
    if (y->rank != x->rank || cuts[d].count != y->dims[d])
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the slice of dimension %d does not fit the output", (int)d);
  }
  copy_cuts(y, x, cuts);
  return EDGE_STATUS_OK;
}

/* ---- StridedSlice */

enum { MAX_SPEC = 2 * EDGE_MAX_RANK };

typedef struct strided {
  cut cuts[EDGE_MAX_RANK];     /* per dimension of x; count -1: not known */
  int64_t dims[EDGE_MAX_RANK]; /* of y */
  int32_t rank;
} strided;

static edge_status emit(ei_op_ctx *c, strided *s, int64_t dim) {
  if (s->rank >= EDGE_MAX_RANK) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the result has too many dimensions");
  s->dims[s->rank++] = dim;
  return EDGE_STATUS_OK;
}

static edge_status whole(ei_op_ctx *c, strided *s, int32_t d) {
  s->cuts[d] = (cut) { 0, c->in[0].dims[d], 1 };
  return emit(c, s, c->in[0].dims[d]);
}

/* Entry i of the specification applied to dimension d of x. */
static edge_status cut_entry(ei_op_ctx *c, strided *s, uint32_t i, int32_t d, const int64_t *spec) {
  const int64_t dim = c->in[0].dims[d], step = spec[2];
  int64_t start = spec[0], end = spec[1];
  const bool shrink = ei_op_int(c, "shrink_axis_mask") >> i & 1;
  if (step == 0 || (shrink && step < 0))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "stride %u is %lld", i, (long long)step);
  if (ei_op_int(c, "begin_mask") >> i & 1) start = step > 0 ? 0 : INT64_MAX;
  if (ei_op_int(c, "offset") != 0 && start < 0 && dim >= 0) start += dim;
  if (ei_op_int(c, "offset") != 0 && !ei_add_s64(start, end, &end)) end = end > 0 ? INT64_MAX : INT64_MIN;
  if (dim < 0) {
    s->cuts[d] = (cut) { 0, EI_DIM_UNKNOWN, 1 };
    return shrink ? EDGE_STATUS_OK : emit(c, s, EI_DIM_UNKNOWN);
  }
  if (shrink) {
    if (start < -dim || start >= dim)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "index %lld is outside dimension %d of %lld", (long long)start,
                        (int)d, (long long)dim);
    s->cuts[d] = (cut) { start < 0 ? start + dim : start, 1, 1 };
    return EDGE_STATUS_OK;
  }
  const bool open_end = ei_op_int(c, "end_mask") >> i & 1;
  s->cuts[d] = clamp_cut(start, open_end ? (step > 0 ? INT64_MAX : INT64_MIN) : end, step, dim);
  return emit(c, s, s->cuts[d].count);
}

static edge_status read_strided(ei_op_ctx *c, strided *s) {
  const edge_tensor *const x = &c->in[0];
  int64_t list[3][MAX_SPEC];
  uint32_t n[3] = { 0, 0, 0 }, consumed = 0, ellipsis = 0;
  const int64_t ellipsis_mask = ei_op_int(c, "ellipsis_mask"), new_axis_mask = ei_op_int(c, "new_axis_mask");
  for (uint32_t k = 0; k < 3; ++k) EI_TRY(ei_op_list(c, 1 + k, list[k], MAX_SPEC, &n[k]));
  if (n[1] != n[0] || n[2] != n[0])
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "begin, end and strides have different lengths");
  for (uint32_t i = 0; i < n[0]; ++i) {
    if (ellipsis_mask >> i & 1)
      ++ellipsis;
    else if (!(new_axis_mask >> i & 1))
      ++consumed;
  }
  if (ellipsis > 1 || consumed > (uint32_t)x->rank)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the slice names %u dimensions of %d", consumed, (int)x->rank);
  int32_t d = 0;
  s->rank = 0;
  for (uint32_t i = 0; i < n[0]; ++i) {
    const int64_t spec[3] = { list[0][i], list[1][i], list[2][i] };
    if (ellipsis_mask >> i & 1) {
      for (int32_t k = x->rank - (int32_t)consumed; k > 0; --k) EI_TRY(whole(c, s, d++));
    } else if (new_axis_mask >> i & 1) {
      EI_TRY(emit(c, s, 1));
    } else {
      EI_TRY(cut_entry(c, s, i, d++, spec));
    }
  }
  while (d < x->rank) EI_TRY(whole(c, s, d++));
  return EDGE_STATUS_OK;
}

static edge_status infer_strided(ei_op_ctx *c) {
  strided s;
  bool ready = true;
  for (uint32_t i = 1; i < 4; ++i) {
    EI_TRY(ei_op_need_int(c, i));
    ready = ei_op_ready(c, i) && ready;
  }
  ei_op_set_unknown(&c->out[0], c->in[0].dtype);
  if (c->in[0].rank < 0 || !ready) return EDGE_STATUS_OK;
  EI_TRY(read_strided(c, &s));
  ei_op_set_shape(&c->out[0], c->in[0].dtype, s.rank, s.dims);
  return EDGE_STATUS_OK;
}

static edge_status eval_strided(ei_op_ctx *c) {
  const edge_tensor *const y = &c->out[0];
  strided s;
  EI_TRY(read_strided(c, &s));
  bool fits = s.rank == y->rank;
  for (int32_t d = 0; d < s.rank && fits; ++d) fits = s.dims[d] == y->dims[d];
  if (!fits) return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the slice does not fit the output");
  copy_cuts(y, &c->in[0], s.cuts);
  return EDGE_STATUS_OK;
}

static const ei_attr_def strided_attrs[] = { { "begin_mask", EI_ATTR_INT, 0 },
                                             { "end_mask", EI_ATTR_INT, 0 },
                                             { "ellipsis_mask", EI_ATTR_INT, 0 },
                                             { "new_axis_mask", EI_ATTR_INT, 0 },
                                             { "shrink_axis_mask", EI_ATTR_INT, 0 },
                                             { "offset", EI_ATTR_INT, 0 },
                                             { NULL, 0, 0 } };

const ei_op_def ei_op_Slice = { .name = "Slice",
                                .min_in = 3,
                                .max_in = 5,
                                .min_out = 1,
                                .max_out = 1,
                                .version = 1,
                                .optional_in = 24,
                                .infer = infer_slice,
                                .eval = eval_slice };
const ei_op_def ei_op_StridedSlice = { .name = "StridedSlice",
                                       .min_in = 4,
                                       .max_in = 4,
                                       .min_out = 1,
                                       .max_out = 1,
                                       .version = 1,
                                       .attrs = strided_attrs,
                                       .infer = infer_strided,
                                       .eval = eval_strided };
