/* SPDX-License-Identifier: Apache-2.0
 * Pad: grow or crop every dimension; new elements are a constant or are read from inside. */
#include "op_walk.h"

enum { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP, PAD_SYMMETRIC };

#define PAD_LIMIT (INT64_C(1) << 56) /* sums of a few stay defined */

typedef struct padding {
  int64_t before[EDGE_MAX_RANK], after[EDGE_MAX_RANK];
} padding;

static edge_status read_pads(ei_op_ctx *c, int32_t rank, padding *p) {
  const edge_tensor *const t = &c->in[1];
  int64_t list[2 * EDGE_MAX_RANK], axes[EDGE_MAX_RANK];
  uint32_t n_axes = (uint32_t)rank, mask = 0;
  for (int32_t d = 0; d < rank; ++d) axes[d] = d;
  if (ei_op_has(c, 3)) EI_TRY(ei_op_list(c, 3, axes, EDGE_MAX_RANK, &n_axes));
  EI_TRY(ei_op_axis_mask(c, axes, n_axes, rank, &mask));
  const uint64_t n = ei_op_elements(t);
  const bool pairs = t->rank == 2; /* [n, 2] as in TFLite instead of [begin..., end...] */
  if (n != 2 * (uint64_t)n_axes || t->rank > 2 || (pairs && t->dims[1] != 2))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%llu pad values do not fit %u dimensions", (unsigned long long)n,
                      n_axes);
  for (uint64_t i = 0; i < n; ++i) {
    list[i] = ei_load_s64(t, i);
    if (list[i] < -PAD_LIMIT || list[i] > PAD_LIMIT)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "pad %lld is beyond any memory", (long long)list[i]);
  }
  memset(p, 0, sizeof *p);
  for (uint32_t i = 0; i < n_axes; ++i) {
    const int64_t d = axes[i] < 0 ? axes[i] + rank : axes[i];
    p->before[d] = pairs ? list[2 * i] : list[i];
    p->after[d] = pairs ? list[2 * i + 1] : list[n_axes + i];
  }
  return EDGE_STATUS_OK;
}

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const int64_t mode = ei_op_int(c, "mode");
  int64_t dims[EDGE_MAX_RANK];
  padding p;
  if (mode < PAD_CONSTANT || mode > PAD_SYMMETRIC)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "unknown mode %lld", (long long)mode);
  EI_TRY(ei_op_need_int(c, 1));
  if (ei_op_has(c, 2)) EI_TRY(ei_op_need_same_dtype(c, 0, 2));
  if (ei_op_has(c, 2) && ei_op_shape_known(&c->in[2]) && ei_op_elements(&c->in[2]) != 1)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the pad value must be one element");
  bool ready = ei_op_ready(c, 1);
  if (ei_op_has(c, 3)) {
    EI_TRY(ei_op_need_int(c, 3));
    ready = ei_op_ready(c, 3) && ready;
  }
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0) return EDGE_STATUS_OK;
  if (ready) EI_TRY(read_pads(c, x->rank, &p));
  for (int32_t d = 0; d < x->rank; ++d) {
    dims[d] = EI_DIM_UNKNOWN;
    if (!ready || x->dims[d] < 0) continue;
    int64_t kept = x->dims[d];
    if (!ei_add_s64(x->dims[d], p.before[d], &dims[d]) || !ei_add_s64(dims[d], p.after[d], &dims[d]) || dims[d] < 0)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "pads %lld and %lld do not fit dimension %d of %lld",
                        (long long)p.before[d], (long long)p.after[d], (int)d, (long long)x->dims[d]);
    if (p.before[d] < 0) kept += p.before[d];
    if (p.after[d] < 0) kept += p.after[d];
    if (kept <= 0 && dims[d] > 0 && mode != PAD_CONSTANT)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "dimension %d has nothing to copy from", (int)d);
  }
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return ei_op_check_size(c, 0);
}

/* Position i of n kept elements, extended by the mode in both directions. */
static int64_t extend(int64_t i, int64_t n, int64_t mode) {
  if (i >= 0 && i < n) return i;
  if (mode == PAD_EDGE) return i < 0 ? 0 : n - 1;
  const int64_t period = mode == PAD_WRAP ? n : mode == PAD_REFLECT ? 2 * (n - 1) : 2 * n;
  if (period == 0) return 0;
  int64_t r = i % period;
  if (r < 0) r += period;
  if (r < n) return r;
  return mode == PAD_REFLECT ? period - r : period - 1 - r;
}

/* The kept elements lie in y as a block; everything else is already filled. */
static void copy_inside(const edge_tensor *y, const edge_tensor *x, const padding *p) {
  int64_t xs[EDGE_MAX_RANK], ys[EDGE_MAX_RANK], x_at = 0, y_at = 0;
  ei_move m = { 0 };
  ei_dense_strides(x->rank, x->dims, xs);
  ei_dense_strides(y->rank, y->dims, ys);
  for (int32_t d = 0; d < x->rank; ++d) {
    const int64_t lo = p->before[d] > 0 ? p->before[d] : 0;    /* first in y */
    const int64_t from = p->before[d] < 0 ? -p->before[d] : 0; /* first in x */
    const int64_t hi = y->dims[d] - (p->after[d] > 0 ? p->after[d] : 0);
    if (hi <= lo) return; /* everything is cropped */
    ei_move_dim(&m, hi - lo, ys[d], xs[d]);
    x_at += from * xs[d];
    y_at += lo * ys[d];
  }
  ei_move_run(&m, y, y_at, x, x_at);
}

static edge_status fill_constant(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  if (ei_op_has(c, 2)) {
    ei_fill_run(y, 0, ei_op_elements(y), &c->in[2], 0);
  } else if (ei_is_quantized(x) && ei_quant_zero(x) != 0) {
    if (ei_op_elements(y) == 0) return EDGE_STATUS_OK;
    ei_store_s64(y, 0, ei_quant_zero(x));
    ei_fill_run(y, 0, ei_op_elements(y), y, 0);
  } else {
    ei_fill_zero(y);
  }
  return EDGE_STATUS_OK;
}

static edge_status eval(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  const int64_t mode = ei_op_int(c, "mode");
  padding p;
  EI_TRY(read_pads(c, x->rank, &p));
  for (int32_t d = 0; d < x->rank; ++d) {
    int64_t dim = 0;
    if (!ei_add_s64(x->dims[d], p.before[d], &dim) || !ei_add_s64(dim, p.after[d], &dim) || dim != y->dims[d])
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the pads do not fit the output");
  }
  if (mode == PAD_CONSTANT) {
    EI_TRY(fill_constant(c));
    copy_inside(y, x, &p);
    return EDGE_STATUS_OK;
  }
  if (ei_op_elements(y) == 0) return EDGE_STATUS_OK;
  int64_t xs[EDGE_MAX_RANK], index[EDGE_MAX_RANK] = { 0 };
  ei_dense_strides(x->rank, x->dims, xs);
  const int32_t last = x->rank - 1;
  const int64_t row = last >= 0 ? y->dims[last] : 1;
  uint64_t at = 0;
  do {
    int64_t base = 0;
    for (int32_t d = 0; d < x->rank; ++d) {
      const int64_t from = p.before[d] < 0 ? -p.before[d] : 0;
      const int64_t kept = x->dims[d] - from + (p.after[d] < 0 ? p.after[d] : 0);
      const int64_t lo = p.before[d] > 0 ? p.before[d] : 0;
      if (d < last) {
        base += (from + extend(index[d] - lo, kept, mode)) * xs[d];
        continue;
      }
      const int64_t run = kept < row - lo ? kept : row - lo;
      for (int64_t i = 0; i < lo; ++i)
        ei_copy_run(y, at + (uint64_t)i, x, (uint64_t)(base + from + extend(i - lo, kept, mode)), 1);
      ei_copy_run(y, at + (uint64_t)lo, x, (uint64_t)(base + from), (uint64_t)run);
      for (int64_t i = lo + run; i < row; ++i)
        ei_copy_run(y, at + (uint64_t)i, x, (uint64_t)(base + from + extend(i - lo, kept, mode)), 1);
    }
    if (last < 0) ei_copy_run(y, 0, x, 0, 1);
    at += (uint64_t)row;
  } while (ei_walk_next(last, y->dims, index));
  return EDGE_STATUS_OK;
}

static const ei_attr_def attrs[] = { { "mode", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

const ei_op_def ei_op_Pad = { .name = "Pad",
                              .min_in = 2,
                              .max_in = 4,
                              .min_out = 1,
                              .max_out = 1,
                              .version = 1,
                              .optional_in = 12,
                              .attrs = attrs,
                              .infer = infer,
                              .eval = eval };
