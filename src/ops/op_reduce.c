/* SPDX-License-Identifier: Apache-2.0
 * Reductions: one row each. Floats and quantized values accumulate in f64 and are rounded once; integers
 * accumulate in 64 bits and wrap. */
#include "op.h"

static const ei_attr_def attrs[] = { { "keep_dims", EI_ATTR_INT, 1 },
                                     { "noop_empty", EI_ATTR_INT, 0 },
                                     { NULL, 0, 0 } };

typedef enum kind { SUM, MEAN, MAX, MIN, PROD, L1, L2, LOG_SUM, LOG_SUM_EXP, SUM_SQUARE, ANY, ALL } kind;

enum { MAX_AXES = 2 * EDGE_MAX_RANK };

/* Which dimensions go. known: false while the axes have no value yet. */
typedef struct plan {
  bool known, copies, gone[EDGE_MAX_RANK];
} plan;

static edge_status read_axes(ei_op_ctx *c, plan *p) {
  const edge_tensor *const x = &c->in[0];
  int64_t axes[MAX_AXES];
  uint32_t n = 0;
  memset(p, 0, sizeof *p);
  p->known = true;
  if (ei_op_has(c, 1)) {
    const edge_tensor *const a = &c->in[1];
    if (!ei_dtype_is_int(a->dtype))
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "axes must be integers, not %s", edge_dtype_name(a->dtype));
    if (a->rank > 1) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "axes must be a vector");
    const bool empty = ei_op_shape_known(a) && ei_op_elements(a) == 0;
    if (a->data == NULL && !empty) {
      p->known = false;
      c->needs_value = 1;
      return EDGE_STATUS_OK;
    }
    if (!empty) EI_TRY(ei_op_ints(c, 1, axes, MAX_AXES, &n));
  }
  p->copies = n == 0 && ei_op_int(c, "noop_empty") != 0;
  if (x->rank < 0) return EDGE_STATUS_OK;
  for (int32_t d = 0; d < x->rank; ++d) p->gone[d] = n == 0 && !p->copies;
  for (uint32_t i = 0; i < n; ++i) {
    int32_t axis;
    EI_TRY(ei_op_axis(c, axes[i], x->rank, &axis));
    p->gone[axis] = true;
  }
  return EDGE_STATUS_OK;
}

static edge_status infer_kind(ei_op_ctx *c, kind k) {
  const edge_tensor *const x = &c->in[0];
  const bool keep = ei_op_int(c, "keep_dims") != 0;
  plan p;
  if (k == ANY || k == ALL || ((k == MAX || k == MIN) && x->dtype == EDGE_DTYPE_BOOL)) {
    if (x->dtype != EDGE_DTYPE_BOOL)
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input 0 must be bool, not %s", edge_dtype_name(x->dtype));
  } else if (!ei_dtype_is_int(x->dtype)) {
    EI_TRY(ei_op_need_float(c, 0));
  }
  EI_TRY(ei_op_need_per_tensor(c, 1));
  EI_TRY(read_axes(c, &p));
  int64_t dims[EDGE_MAX_RANK];
  int32_t rank = 0;
  if (x->rank < 0 || (!p.known && !keep)) {
    ei_op_set_unknown(&c->out[0], x->dtype);
    return EDGE_STATUS_OK;
  }
  for (int32_t d = 0; d < x->rank; ++d) {
    if (!p.known)
      dims[rank++] = EI_DIM_UNKNOWN;
    else if (!p.gone[d])
      dims[rank++] = x->dims[d];
    else if (keep)
      dims[rank++] = 1;
  }
  ei_op_set_shape(&c->out[0], x->dtype, rank, dims);
  return EDGE_STATUS_OK;
}

/* A set of dimensions as an odometer over element offsets. */
typedef struct odometer {
  int32_t n;
  uint64_t dims[EDGE_MAX_RANK], strides[EDGE_MAX_RANK], index[EDGE_MAX_RANK], total;
} odometer;

static void odometer_add(odometer *o, uint64_t dim, uint64_t stride) {
  o->total *= dim;
  if (dim == 1) return;
  if (o->n > 0 && o->strides[o->n - 1] == dim * stride) { /* one run with the dimension before */
    o->dims[o->n - 1] *= dim;
    o->strides[o->n - 1] = stride;
    return;
  }
  o->dims[o->n] = dim;
  o->strides[o->n++] = stride;
}

static uint64_t odometer_next(odometer *o, uint64_t at) {
  for (int32_t d = o->n - 1; d >= 0; --d) {
    at += o->strides[d];
    if (++o->index[d] < o->dims[d]) return at;
    at -= o->strides[d] * o->dims[d];
    o->index[d] = 0;
  }
  return at;
}

static double load(const edge_tensor *x, uint64_t i) {
  if (x->dtype == EDGE_DTYPE_F32) return (double)((const float *)x->data)[i];
  return ei_is_quant_value(x) ? (double)ei_load_real(x, i) : ei_load_f64(x, i);
}

static double reduce_real(const edge_tensor *x, odometer *o, uint64_t at, kind k) {
  const double inf = (double)INFINITY;
  double acc = k == PROD ? 1.0 : k == MAX || k == LOG_SUM_EXP ? -inf : k == MIN ? inf : 0.0;
  const uint64_t first = at;
  for (uint64_t i = 0; i < o->total; ++i, at = odometer_next(o, at)) {
    const double v = load(x, at);
    switch (k) {
    case MAX:
    case LOG_SUM_EXP:
      if (v > acc || v != v) acc = v;
      break;
    case MIN:
      if (v < acc || v != v) acc = v;
      break;
    case PROD: acc *= v; break;
    case L1: acc += fabs(v); break;
    case L2:
    case SUM_SQUARE: acc += v * v; break;
    default: acc += v; break;
    }
  }
  if (k == MEAN) return acc / (double)o->total;
  if (k == L2) return sqrt(acc);
  if (k == LOG_SUM) return log(acc);
  if (k != LOG_SUM_EXP || acc == -inf || acc == inf) return acc;
  double sum = 0.0; /* relative to the largest, so that nothing overflows */
  at = first;
  for (uint64_t i = 0; i < o->total; ++i, at = odometer_next(o, at)) sum += exp(load(x, at) - acc);
  return log(sum) + acc;
}

/* Sum or mean of quantized values: the integer sum is exact, so that no order of summation shows. */
static double reduce_quantized(const edge_tensor *x, odometer *o, uint64_t at, kind k) {
  int64_t sum = 0;
  for (uint64_t i = 0; i < o->total; ++i, at = odometer_next(o, at)) sum += ei_load_s64(x, at) - ei_quant_zero(x);
  const double v = (double)sum * (double)ei_quant_scale(x);
  return k == MEAN ? v / (double)o->total : v;
}

static int64_t lowest(int32_t dtype, bool highest) {
  double lo, hi;
  if (dtype == EDGE_DTYPE_S64) return highest ? INT64_MAX : INT64_MIN;
  if (dtype == EDGE_DTYPE_U64) return highest ? -1 : 0;
  (void)ei_dtype_range(dtype, &lo, &hi);
  return (int64_t)(highest ? hi : lo);
}

static int64_t reduce_int(const edge_tensor *x, odometer *o, uint64_t at, kind k) {
  const bool u = x->dtype == EDGE_DTYPE_U64;
  const uint64_t flip = u ? UINT64_C(1) << 63 : 0; /* orders unsigned as signed */
  uint64_t acc = k == PROD || k == ALL ? 1 : 0;
  if (k == MAX || k == MIN) acc = (uint64_t)lowest(x->dtype, k == MIN);
  for (uint64_t i = 0; i < o->total; ++i, at = odometer_next(o, at)) {
    const int64_t v = ei_load_s64(x, at);
    const int64_t ordered = (int64_t)((uint64_t)v ^ flip), best = (int64_t)(acc ^ flip);
    switch (k) {
    case MAX: acc = ordered > best ? (uint64_t)v : acc; break;
    case MIN: acc = ordered < best ? (uint64_t)v : acc; break;
    case PROD: acc *= (uint64_t)v; break;
    case L1: acc += !u && v < 0 ? 0 - (uint64_t)v : (uint64_t)v; break;
    case SUM_SQUARE: acc += (uint64_t)v * (uint64_t)v; break;
    case ANY: acc |= v != 0; break;
    case ALL: acc &= v != 0; break;
    default: acc += (uint64_t)v; break;
    }
  }
  if (k == MEAN && u) return (int64_t)(acc / o->total);
  return k == MEAN ? (int64_t)acc / (int64_t)o->total : (int64_t)acc;
}

static edge_status eval_kind(ei_op_ctx *c, kind k) {
  const edge_tensor *const x = &c->in[0];
  edge_tensor *const y = &c->out[0];
  odometer kept = { .total = 1 }, gone = { .total = 1 };
  plan p;
  EI_TRY(read_axes(c, &p));
  uint64_t stride = 1;
  uint64_t strides[EDGE_MAX_RANK];
  for (int32_t d = x->rank - 1; d >= 0; --d) {
    strides[d] = stride;
    stride *= (uint64_t)x->dims[d];
  }
  for (int32_t d = 0; d < x->rank; ++d) odometer_add(p.gone[d] ? &gone : &kept, (uint64_t)x->dims[d], strides[d]);
  if (kept.total == 0) return EDGE_STATUS_OK;
  const bool real = ei_dtype_is_float(x->dtype) || ei_is_quant_value(x);
  const bool through_double = k == L2 || k == LOG_SUM || k == LOG_SUM_EXP;
  if (!real && k == MEAN && gone.total == 0)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the mean of no integers is not defined");
  if (p.copies) k = SUM; /* of one element each */
  uint64_t at = 0;
  for (uint64_t i = 0; i < kept.total; ++i, at = odometer_next(&kept, at)) {
    memset(gone.index, 0, sizeof gone.index);
    if (real) {
      const bool exact = (k == SUM || k == MEAN) && ei_is_quant_value(x);
      const double v = exact ? reduce_quantized(x, &gone, at, k) : reduce_real(x, &gone, at, k);
      if (ei_is_quantized(y))
        ei_store_real(y, i, (float)v);
      else
        ei_store_f64(y, i, v);
    } else if (through_double && !p.copies) {
      ei_store_f64(y, i, trunc(reduce_real(x, &gone, at, k)));
    } else {
      ei_store_s64(y, i, reduce_int(x, &gone, at, k));
    }
  }
  return EDGE_STATUS_OK;
}

#define REDUCE(Name, k)                           \
  static edge_status infer_##Name(ei_op_ctx *c) { \
    return infer_kind(c, k);                      \
  }                                               \
  static edge_status eval_##Name(ei_op_ctx *c) {  \
    return eval_kind(c, k);                       \
  }                                               \
  const ei_op_def ei_op_Reduce##Name = {          \
    .name = "Reduce" #Name,                       \
    .min_in = 1,                                  \
    .max_in = 2,                                  \
    .min_out = 1,                                 \
    .max_out = 1,                                 \
    .version = 1,                                 \
    .optional_in = 2,                             \
    .attrs = attrs,                               \
    .infer = infer_##Name,                        \
    .eval = eval_##Name,                          \
  };

REDUCE(Sum, SUM)
REDUCE(Mean, MEAN)
REDUCE(Max, MAX)
REDUCE(Min, MIN)
REDUCE(Prod, PROD)
REDUCE(L1, L1)
REDUCE(L2, L2)
REDUCE(LogSum, LOG_SUM)
REDUCE(LogSumExp, LOG_SUM_EXP)
REDUCE(SumSquare, SUM_SQUARE)
REDUCE(Any, ANY)
REDUCE(All, ALL)
