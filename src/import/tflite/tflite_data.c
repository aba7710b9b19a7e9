/* SPDX-License-Identifier: Apache-2.0
 * Translators: shapes, data movement, reductions, indices. */
#include "tflite.h"

enum { MAX_LIST = 64 };

/* Attribute from an s32 option field. */
static edge_status int_option(tl_op *op, ei_node *n, const char *key, uint32_t field) {
  return ei_node_set_int(op->m->g, n, key, fb_s32(op->opt, field, 0));
}

static uint32_t list_const(tl_op *op, fb_vector v) {
  int64_t values[MAX_LIST];
  if (v.count > MAX_LIST) return EI_NONE;
  for (uint32_t i = 0; i < v.count; ++i) values[i] = fb_vec_s32(v, i);
  return tl_const_s64(op, values, v.count);
}

/* Outputs whose type is an attribute: the declared type decides. */
edge_status tl_typed(tl_op *op) {
  TL_EMIT(n, op, op->row->edge, op->in, 1, op->out, 1);
  return ei_node_set_int(op->m->g, n, "dtype", tl_out_dtype(op, 0));
}

edge_status tl_concat(tl_op *op) {
  TL_EMIT(n, op, "Concat", op->in, op->n_in, op->out, 1);
  EI_TRY(int_option(op, n, "axis", 0));
  return tl_set_act(op, n, fb_s8(op->opt, 1, 0));
}

edge_status tl_block(tl_op *op) {
  const int32_t block = fb_s32(op->opt, 0, 0);
  if (block < 1) return tl_malformed(op, "block size %d must be positive", block);
  TL_EMIT(n, op, op->row->edge, op->in, 1, op->out, 1);
  return ei_node_set_int(op->m->g, n, "block", block);
}

edge_status tl_reshape(tl_op *op) {
  uint32_t in[2] = { op->in[0], tl_in(op, 1) };
  if (in[1] == EI_NONE) {
    fb_vector shape = fb_vec(op->opt, 0, 4);
    if (shape.count > EDGE_MAX_RANK) return tl_malformed(op, "the new shape has %u dimensions", shape.count);
    if (shape.count == 1 && fb_vec_s32(shape, 0) == 0) shape.count = 0; /* old files write a scalar as [0] */
    in[1] = list_const(op, shape);
    if (in[1] == EI_NONE) return tl_broken(op->m);
  }
  TL_EMIT(n, op, "Reshape", in, 2, op->out, 1);
  return ei_node_set_int(op->m->g, n, "allow_zero", 1);
}

edge_status tl_squeeze(tl_op *op) {
  uint32_t in[2] = { op->in[0], EI_NONE };
  const fb_vector axes = fb_vec(op->opt, 0, 4);
  if (axes.count > EDGE_MAX_RANK) return tl_malformed(op, "squeezes %u dimensions", axes.count);
  if (axes.count) {
    in[1] = list_const(op, axes);
    if (in[1] == EI_NONE) return tl_broken(op->m);
  }
  TL_EMIT(n, op, "Squeeze", in, axes.count ? 2 : 1, op->out, 1);
  return EDGE_STATUS_OK;
}

/* A scalar as a list of one, constant or computed. */
static edge_status as_list(tl_op *op, uint32_t t, uint32_t *list) {
  int64_t v[1];
  uint32_t count = 0;
  if (tl_ints(op, t, v, 1, &count) && count == 1) {
    *list = tl_const_s64(op, v, 1);
    return *list == EI_NONE ? tl_broken(op->m) : EDGE_STATUS_OK;
  }
  if (t == EI_NONE) return tl_malformed(op, "an operand is missing");
  const int64_t one = 1;
  TL_NEW(shape, tl_const_s64(op, &one, 1));
  TL_NEW(temp, tl_temp(op, tl_graph_tensor(op, t)->dtype));
  tl_graph_tensor(op, temp)->quant = tl_graph_tensor(op, t)->quant;
  const uint32_t in[2] = { t, shape };
  TL_EMIT(n, op, "Reshape", in, 2, &temp, 1);
  *list = temp;
  return EDGE_STATUS_OK;
}

edge_status tl_expand_dims(tl_op *op) {
  uint32_t in[2] = { op->in[0], EI_NONE };
  EI_TRY(as_list(op, op->in[1], &in[1]));
  TL_EMIT(n, op, "Unsqueeze", in, 2, op->out, 1);
  return EDGE_STATUS_OK;
}

edge_status tl_transpose(tl_op *op) {
  int64_t perm[EDGE_MAX_RANK];
  uint32_t count = 0;
  const bool known = tl_ints(op, op->in[1], perm, EDGE_MAX_RANK, &count);
  TL_EMIT(n, op, "Transpose", op->in, known ? 1 : 2, op->out, 1);
  return known ? ei_node_set_ints(op->m->g, n, "perm", perm, count) : EDGE_STATUS_OK;
}

/* ---- splitting and joining */

edge_status tl_split(tl_op *op) {
  int64_t axis[1] = { 0 };
  uint32_t count = 0;
  if (!tl_ints(op, op->in[0], axis, 1, &count) || count != 1)
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "the axis must be a constant");
  if (fb_s32(op->opt, 0, 0) != (int32_t)op->n_out)
    return tl_malformed(op, "splits into %d parts but has %u outputs", fb_s32(op->opt, 0, 0), op->n_out);
  TL_EMIT(n, op, "Split", &op->in[1], 1, op->out, op->n_out);
  return ei_node_set_int(op->m->g, n, "axis", axis[0]);
}

edge_status tl_split_v(tl_op *op) {
  int64_t axis[1] = { 0 }, sizes[MAX_LIST], sum = 0;
  uint32_t count = 0, n_sizes = 0, open = EI_NONE;
  uint32_t in[2] = { op->in[0], op->in[1] };
  if (!tl_ints(op, op->in[2], axis, 1, &count) || count != 1)
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "the axis must be a constant");
  if (tl_ints(op, op->in[1], sizes, MAX_LIST, &n_sizes)) {
    for (uint32_t i = 0; i < n_sizes; ++i) {
      if (sizes[i] == -1 && open == EI_NONE)
        open = i;
      else if (sizes[i] < 0 || !ei_add_s64(sum, sizes[i], &sum))
        return tl_malformed(op, "part %u has a bad size", i);
    }
    const int32_t rank = tl_rank(op, op->in[0]);
    const int64_t whole = axis[0] >= -rank && axis[0] < rank ? tl_dim(op, op->in[0], (int32_t)axis[0]) : -1;
    if (open != EI_NONE) {
      if (whole < sum)
        return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE,
                              "the rest of a dynamic dimension cannot be split off");
      sizes[open] = whole - sum;
      in[1] = tl_const_s64(op, sizes, n_sizes);
      if (in[1] == EI_NONE) return tl_broken(op->m);
    }
  }
  TL_EMIT(n, op, "Split", in, 2, op->out, op->n_out);
  return ei_node_set_int(op->m->g, n, "axis", axis[0]);
}

static edge_status add_axis(tl_op *op, uint32_t x, int64_t axis, const char *edge, uint32_t out) {
  const uint32_t list = tl_const_s64(op, &axis, 1);
  const uint32_t in[2] = { x, list };
  if (list == EI_NONE) return tl_broken(op->m);
  TL_EMIT(n, op, edge, in, 2, &out, 1);
  return EDGE_STATUS_OK;
}

edge_status tl_pack(tl_op *op) {
  const int32_t axis = fb_s32(op->opt, 1, 0);
  if (op->n_in == 1) return add_axis(op, op->in[0], axis, "Unsqueeze", op->out[0]);
  for (uint32_t i = 0; i < op->n_in; ++i) {
    if (op->in[i] == EI_NONE) return tl_malformed(op, "input %u is missing", i);
    TL_NEW(part, tl_temp(op, tl_graph_tensor(op, op->in[i])->dtype));
    tl_graph_tensor(op, part)->quant = tl_graph_tensor(op, op->in[i])->quant;
    EI_TRY(add_axis(op, op->in[i], axis, "Unsqueeze", part));
    op->in[i] = part;
  }
  TL_EMIT(n, op, "Concat", op->in, op->n_in, op->out, 1);
  return ei_node_set_int(op->m->g, n, "axis", axis);
}

edge_status tl_unpack(tl_op *op) {
  const int32_t axis = fb_s32(op->opt, 1, 0);
  if (op->n_out == 0) return EDGE_STATUS_OK;
  if (op->in[0] == EI_NONE) return tl_malformed(op, "its input is missing");
  if (op->n_out == 1 && op->out[0] != EI_NONE) return add_axis(op, op->in[0], axis, "Squeeze", op->out[0]);
  uint32_t *const parts = EI_NEW_ARRAY(op->m->im->arena, uint32_t, op->n_out);
  if (!parts) return tl_broken(op->m);
  for (uint32_t i = 0; i < op->n_out; ++i) {
    parts[i] = tl_temp(op, tl_graph_tensor(op, op->in[0])->dtype);
    if (parts[i] == EI_NONE) return tl_broken(op->m);
    tl_graph_tensor(op, parts[i])->quant = tl_graph_tensor(op, op->in[0])->quant;
  }
  TL_EMIT(n, op, "Split", op->in, 1, parts, op->n_out);
  EI_TRY(ei_node_set_int(op->m->g, n, "axis", axis));
  for (uint32_t i = 0; i < op->n_out; ++i)
    if (op->out[i] != EI_NONE) EI_TRY(add_axis(op, parts[i], axis, "Squeeze", op->out[i]));
  return EDGE_STATUS_OK;
}

/* ---- slices and padding */

/* end = size < 0 ? to the end : begin + size */
static edge_status slice_ends(tl_op *op, uint32_t *ends) {
  int64_t begin[EDGE_MAX_RANK], size[EDGE_MAX_RANK];
  uint32_t n_begin = 0, n_size = 0;
  const bool fixed = tl_ints(op, op->in[2], size, EDGE_MAX_RANK, &n_size);
  if (fixed && tl_ints(op, op->in[1], begin, EDGE_MAX_RANK, &n_begin) && n_begin == n_size) {
    for (uint32_t i = 0; i < n_size; ++i)
      if (size[i] < 0)
        size[i] = INT64_MAX;
      else if (!ei_add_s64(begin[i], size[i], &size[i]))
        return tl_malformed(op, "the slice is out of range");
    *ends = tl_const_s64(op, size, n_size);
    return *ends == EI_NONE ? tl_broken(op->m) : EDGE_STATUS_OK;
  }
  if (op->in[1] == EI_NONE || op->in[2] == EI_NONE) return tl_malformed(op, "an operand is missing");
  const int32_t dtype = tl_graph_tensor(op, op->in[2])->dtype;
  TL_NEW(zero, tl_scalar(op, dtype, 0.0));
  TL_NEW(far, tl_scalar(op, dtype, 2147483647.0));
  TL_NEW(negative, tl_temp(op, EDGE_DTYPE_BOOL));
  TL_NEW(sum, tl_temp(op, dtype));
  TL_NEW(result, tl_temp(op, dtype));
  const uint32_t less[2] = { op->in[2], zero }, add[2] = { op->in[1], op->in[2] }, where[3] = { negative, far, sum };
  TL_EMIT(n_less, op, "Less", less, 2, &negative, 1);
  TL_EMIT(n_add, op, "Add", add, 2, &sum, 1);
  TL_EMIT(n_where, op, "Where", where, 3, &result, 1);
  *ends = result;
  return EDGE_STATUS_OK;
}

edge_status tl_slice(tl_op *op) {
  uint32_t in[3] = { op->in[0], op->in[1], EI_NONE };
  EI_TRY(slice_ends(op, &in[2]));
  TL_EMIT(n, op, "Slice", in, 3, op->out, 1);
  return EDGE_STATUS_OK;
}

edge_status tl_strided_slice(tl_op *op) {
  static const char *const masks[] = { "begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask" };
  TL_EMIT(n, op, "StridedSlice", op->in, 4, op->out, 1);
  for (uint32_t i = 0; i < EI_COUNT(masks); ++i) EI_TRY(int_option(op, n, masks[i], i));
  return ei_node_set_int(op->m->g, n, "offset", fb_u8(op->opt, 5, 0) != 0);
}

/* [n][2] pairs to all begins, then all ends. */
static edge_status pad_list(tl_op *op, uint32_t pairs, uint32_t *list) {
  int64_t v[2 * EDGE_MAX_RANK], w[2 * EDGE_MAX_RANK];
  uint32_t count = 0;
  if (pairs == EI_NONE) return tl_malformed(op, "its paddings are missing");
  if (tl_ints(op, pairs, v, 2 * EDGE_MAX_RANK, &count)) {
    if (count % 2) return tl_malformed(op, "paddings must be pairs");
    for (uint32_t i = 0; i < count; ++i) w[i % 2 * (count / 2) + i / 2] = v[i];
    *list = tl_const_s64(op, w, count);
    return *list == EI_NONE ? tl_broken(op->m) : EDGE_STATUS_OK;
  }
  static const int64_t swap[2] = { 1, 0 };
  const int64_t flat = -1;
  const int32_t dtype = tl_graph_tensor(op, pairs)->dtype;
  TL_NEW(turned, tl_temp(op, dtype));
  TL_NEW(result, tl_temp(op, dtype));
  TL_NEW(shape, tl_const_s64(op, &flat, 1));
  TL_EMIT(t, op, "Transpose", &pairs, 1, &turned, 1);
  EI_TRY(ei_node_set_ints(op->m->g, t, "perm", swap, 2));
  const uint32_t in[2] = { turned, shape };
  TL_EMIT(r, op, "Reshape", in, 2, &result, 1);
  *list = result;
  return EDGE_STATUS_OK;
}

edge_status tl_pad(tl_op *op) {
  uint32_t in[3] = { op->in[0], EI_NONE, EI_NONE };
  const int32_t mirror = fb_s8(op->opt, 0, 0);
  EI_TRY(pad_list(op, op->in[1], &in[1]));
  if (op->row->arg == 0) in[2] = tl_in(op, 2);
  TL_EMIT(n, op, "Pad", in, in[2] == EI_NONE ? 2 : 3, op->out, 1);
  return ei_node_set_int(op->m->g, n, "mode", op->row->arg == 0 ? 0 : mirror == 0 ? 1 : 4);
}

/* ---- reductions and indices */

edge_status tl_reduce(tl_op *op) {
  TL_EMIT(n, op, op->row->edge, op->in, 2, op->out, 1);
  EI_TRY(ei_node_set_int(op->m->g, n, "keep_dims", fb_u8(op->opt, 0, 0) != 0));
  return ei_node_set_int(op->m->g, n, "noop_empty", 1);
}

edge_status tl_arg(tl_op *op) {
  int64_t axis[1] = { 0 };
  uint32_t count = 0;
  if (!tl_ints(op, op->in[1], axis, 1, &count) || count != 1)
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "the axis must be a constant");
  TL_EMIT(n, op, op->row->edge, op->in, 1, op->out, 1);
  EI_TRY(ei_node_set_int(op->m->g, n, "axis", axis[0]));
  EI_TRY(ei_node_set_int(op->m->g, n, "keep_dims", 0));
  return ei_node_set_int(op->m->g, n, "dtype", tl_out_dtype(op, 0));
}

edge_status tl_topk(tl_op *op) {
  TL_EMIT(n, op, "TopK", op->in, 2, op->out, 2);
  return ei_node_set_int(op->m->g, n, "dtype", tl_out_dtype(op, 1));
}

edge_status tl_cumsum(tl_op *op) {
  TL_EMIT(n, op, "CumSum", op->in, 2, op->out, 1);
  EI_TRY(ei_node_set_int(op->m->g, n, "exclusive", fb_u8(op->opt, 0, 0) != 0));
  return ei_node_set_int(op->m->g, n, "reverse", fb_u8(op->opt, 1, 0) != 0);
}

edge_status tl_gather(tl_op *op) {
  TL_EMIT(n, op, "Gather", op->in, 2, op->out, 1);
  EI_TRY(int_option(op, n, "axis", 0));
  return int_option(op, n, "batch_dims", 1);
}

/* Where; a file may declare the result of one-element operands as a scalar. */
static edge_status emit_where(tl_op *op, const uint32_t *in) {
  const tl_tensor *const y = tl_declared(op, op->out[0]);
  bool single = y && y->has_rank && y->rank == 0;
  for (uint32_t k = 0; k < 3 && single; ++k) {
    const tl_tensor *const d = in[k] == EI_NONE ? NULL : tl_declared(op, in[k]);
    for (int32_t i = 0; d && i < d->rank; ++i) single = single && d->dims[i] == 1;
    single = single && d;
  }
  uint32_t out = op->out[0];
  if (single) {
    out = tl_temp(op, tl_out_dtype(op, 0));
    if (out == EI_NONE) return tl_broken(op->m);
    tl_graph_tensor(op, out)->quant = tl_graph_tensor(op, op->out[0])->quant;
  }
  TL_EMIT(n, op, "Where", in, 3, &out, 1);
  if (!single) return EDGE_STATUS_OK;
  TL_NEW(shape, tl_const_s64(op, NULL, 0));
  const uint32_t args[2] = { out, shape };
  TL_EMIT(r, op, "Reshape", args, 2, op->out, 1);
  return EDGE_STATUS_OK;
}

/* The old form selects whole rows when the condition is a vector. */
edge_status tl_select(tl_op *op) {
  const int32_t rank = tl_rank(op, op->in[1]), cond_rank = tl_rank(op, op->in[0]);
  uint32_t in[3] = { op->in[0], op->in[1], op->in[2] };
  if (cond_rank == 1 && rank > 1) {
    int64_t shape[EDGE_MAX_RANK] = { -1, 1, 1, 1, 1, 1, 1, 1 };
    TL_NEW(to, tl_const_s64(op, shape, (uint32_t)rank));
    TL_NEW(temp, tl_temp(op, EDGE_DTYPE_BOOL));
    const uint32_t args[2] = { op->in[0], to };
    TL_EMIT(r, op, "Reshape", args, 2, &temp, 1);
    in[0] = temp;
  }
  return emit_where(op, in);
}

edge_status tl_select_v2(tl_op *op) {
  return emit_where(op, op->in);
}

edge_status tl_where(tl_op *op) {
  TL_EMIT(n, op, "NonZero", op->in, 1, op->out, 1);
  return ei_node_set_int(op->m->g, n, "rows", 1);
}

edge_status tl_unique(tl_op *op) {
  const uint32_t out[3] = { op->out[0], EI_NONE, op->out[1] };
  TL_EMIT(n, op, "Unique", op->in, 1, out, 3);
  EI_TRY(ei_node_set_int(op->m->g, n, "sorted", 0));
  return ei_node_set_int(op->m->g, n, "dtype", tl_out_dtype(op, 1));
}

edge_status tl_reverse_sequence(tl_op *op) {
  TL_EMIT(n, op, "ReverseSequence", op->in, 2, op->out, 1);
  EI_TRY(int_option(op, n, "time_axis", 0));
  return int_option(op, n, "batch_axis", 1);
}

edge_status tl_one_hot(tl_op *op) {
  uint32_t in[3] = { op->in[0], op->in[1], EI_NONE }, values[2];
  EI_TRY(as_list(op, op->in[3], &values[0]));
  EI_TRY(as_list(op, op->in[2], &values[1]));
  /* as_list() makes constants s64: give them the type of the values again, or join what is computed. */
  const int32_t dtype = tl_out_dtype(op, 0);
  for (int i = 0; i < 2; ++i) {
    if (values[i] == EI_NONE || tl_graph_tensor(op, values[i])->dtype == dtype) continue;
    TL_NEW(cast, tl_temp(op, dtype));
    TL_EMIT(c, op, "Cast", &values[i], 1, &cast, 1);
    EI_TRY(ei_node_set_int(op->m->g, c, "dtype", dtype));
    values[i] = cast;
  }
  TL_NEW(joined, tl_temp(op, dtype));
  TL_EMIT(cat, op, "Concat", values, 2, &joined, 1);
  EI_TRY(ei_node_set_int(op->m->g, cat, "axis", 0));
  in[2] = joined;
  TL_EMIT(n, op, "OneHot", in, 3, op->out, 1);
  EI_TRY(ei_node_set_int(op->m->g, n, "wrap", 0));
  return int_option(op, n, "axis", 0);
}

edge_status tl_zeros_like(tl_op *op) {
  TL_NEW(shape, tl_temp(op, EDGE_DTYPE_S64));
  TL_NEW(zero, tl_scalar(op, tl_out_dtype(op, 0), 0.0));
  const uint32_t in[2] = { shape, zero };
  TL_EMIT(s, op, "Shape", op->in, 1, &shape, 1);
  TL_EMIT(n, op, "ConstantOfShape", in, 2, op->out, 1);
  return EDGE_STATUS_OK;
}

edge_status tl_segment(tl_op *op) {
  TL_EMIT(n, op, "UnsortedSegment", op->in, 3, op->out, 1);
  return ei_node_set_int(op->m->g, n, "mode", op->row->arg);
}

edge_status tl_bucketize(tl_op *op) {
  const fb_vector list = fb_vec(op->opt, 0, 4);
  double *const v = EI_NEW_ARRAY(op->m->im->arena, double, (uint64_t)list.count + 1);
  if (!v) return tl_broken(op->m);
  for (uint32_t i = 0; i < list.count; ++i) v[i] = (double)fb_vec_f32(list, i);
  TL_EMIT(n, op, "Bucketize", op->in, 1, op->out, 1);
  return ei_node_set_floats(op->m->g, n, "boundaries", v, list.count);
}

edge_status tl_nms(tl_op *op) {
  const bool soft = op->row->arg == 1;
  uint32_t out[3] = { op->out[0], tl_out(op, 1), tl_out(op, soft ? 2 : 1) };
  for (uint32_t k = 1; k < 3; ++k) { /* results that nobody asked for still have a place */
    const bool given = k == 2 || soft;
    if (given && out[k] != EI_NONE) continue;
    out[k] = tl_temp(op, k == 1 ? EDGE_DTYPE_F32 : EDGE_DTYPE_S32);
    if (out[k] == EI_NONE) return tl_broken(op->m);
  }
  TL_EMIT(n, op, "NonMaxSuppressionTflite", op->in, soft ? 6 : 5, out, 3);
  return ei_node_set_int(op->m->g, n, "soft", soft);
}

/* ---- resizing and fake quantization */

edge_status tl_resize(tl_op *op) {
  static const int64_t axes[2] = { 1, 2 };
  const bool linear = op->row->arg == 1;
  const uint32_t first = linear ? 2 : 0; /* two fields of the linear form are long gone */
  const bool align = fb_u8(op->opt, first, 0) != 0, half = fb_u8(op->opt, first + 1, 0) != 0;
  TL_EMIT(n, op, "Resize", op->in, 2, op->out, 1);
  EI_TRY(ei_node_set_ints(op->m->g, n, "axes", axes, 2));
  EI_TRY(ei_node_set_int(op->m->g, n, "mode", linear));
  EI_TRY(ei_node_set_int(op->m->g, n, "coord", align ? 2 : !half ? 1 : linear ? 0 : 5));
  return ei_node_set_int(op->m->g, n, "nearest", align ? 1 : 2);
}

/* To the grid of the given range and back. The range is moved a little so that zero is on the grid. */
edge_status tl_fake_quant(tl_op *op) {
  const double lo = (double)fb_f32(op->opt, 0, 0.0f), hi = (double)fb_f32(op->opt, 1, 0.0f);
  const int32_t bits = fb_s32(op->opt, 2, 0);
  const double q_lo = fb_u8(op->opt, 3, 0) ? 1.0 : 0.0;
  if (bits != 8 || q_lo != 0.0 || !(lo <= 0.0 && hi >= 0.0 && hi > lo && hi - lo < 1e30))
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE,
                          "only 8 bits over a full range around zero are supported");
  const float scale = (float)((hi - lo) / 255.0);
  if (!(scale > 0.0f)) return tl_malformed(op, "the range is empty");
  double zero = -lo / (double)scale + 0.5;
  zero = zero < 0.0 ? 0.0 : zero > 255.0 ? 255.0 : zero;
  const int32_t zero_point = (int32_t)zero;
  TL_NEW(q, tl_temp(op, EDGE_DTYPE_U8));
  float *const scales = EI_NEW(op->m->im->arena, float);
  int32_t *const zeros = EI_NEW(op->m->im->arena, int32_t);
  if (!scales || !zeros) return tl_broken(op->m);
  *scales = scale;
  *zeros = zero_point;
  tl_graph_tensor(op, q)->quant = (edge_quant) { scales, zeros, 1, 0, 0, 0 };
  TL_EMIT(a, op, "Quantize", op->in, 1, &q, 1);
  TL_EMIT(b, op, "Dequantize", &q, 1, op->out, 1);
  return EDGE_STATUS_OK;
}

/* ---- complex values: pairs of reals in a last dimension of 2, never at the border of the model */

edge_status tl_rfft2d(tl_op *op) {
  int64_t length[2];
  uint32_t count = 0;
  const int64_t last = -1;
  if (!tl_ints(op, op->in[1], length, 2, &count) || count != 2)
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "the lengths must be constants");
  if (length[0] < 1 || length[1] < 1) return tl_malformed(op, "a length is not positive");
  TL_NEW(pairs, tl_temp(op, EDGE_DTYPE_F32));
  TL_NEW(rows, tl_temp(op, EDGE_DTYPE_F32));
  TL_NEW(axes, tl_const_s64(op, &last, 1));
  const uint32_t expand[2] = { op->in[0], axes };
  TL_EMIT(u, op, "Unsqueeze", expand, 2, &pairs, 1);
  uint32_t args[2][3] = { { pairs, EI_NONE, EI_NONE }, { rows, EI_NONE, EI_NONE } };
  for (int k = 0; k < 2; ++k) { /* along the width first, half of it; then along the height */
    args[k][1] = tl_scalar(op, EDGE_DTYPE_S64, (double)length[1 - k]);
    args[k][2] = tl_scalar(op, EDGE_DTYPE_S64, k == 0 ? -2.0 : -3.0);
    if (args[k][1] == EI_NONE || args[k][2] == EI_NONE) return tl_broken(op->m);
  }
  TL_EMIT(a, op, "Dft", args[0], 3, &rows, 1);
  EI_TRY(ei_node_set_int(op->m->g, a, "onesided", 1));
  TL_EMIT(b, op, "Dft", args[1], 3, op->out, 1);
  return EDGE_STATUS_OK;
}

edge_status tl_complex_part(tl_op *op) {
  TL_NEW(index, tl_scalar(op, EDGE_DTYPE_S64, op->row->arg));
  const uint32_t in[2] = { op->in[0], index };
  TL_EMIT(n, op, "Gather", in, 2, op->out, 1);
  return ei_node_set_int(op->m->g, n, "axis", -1);
}

edge_status tl_complex_abs(tl_op *op) {
  const int64_t last = -1;
  TL_NEW(axes, tl_const_s64(op, &last, 1));
  const uint32_t in[2] = { op->in[0], axes };
  TL_EMIT(n, op, "ReduceL2", in, 2, op->out, 1);
  return ei_node_set_int(op->m->g, n, "keep_dims", 0);
}
