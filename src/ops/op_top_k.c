/* SPDX-License-Identifier: Apache-2.0
 * TopK: the k largest (or smallest) of each row in order, equal ones by index. NaN is larger than any number.
 * Each row is merge-sorted as indices in scratch memory. */
#include "rows.h"

static const ei_attr_def attrs[] = { { "axis", EI_ATTR_INT, -1 },
                                     { "largest", EI_ATTR_INT, 1 },
                                     { "sorted", EI_ATTR_INT, 1 },
                                     { "dtype", EI_ATTR_INT, EDGE_DTYPE_S64 },
                                     { NULL, 0, 0 } };

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const kt = &c->in[1];
  const int64_t dtype = ei_op_int(c, "dtype");
  int64_t dims[EDGE_MAX_RANK], k = EI_DIM_UNKNOWN;
  int32_t axis = 0;
  uint32_t n = 0;
  if (dtype != EDGE_DTYPE_S32 && dtype != EDGE_DTYPE_S64)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "indices are s32 or s64");
  if (!ei_dtype_is_int(x->dtype)) EI_TRY(ei_op_need_float(c, 0));
  EI_TRY(ei_op_need_per_tensor(c, 1));
  if (!ei_dtype_is_int(kt->dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "k must be an integer, not %s", edge_dtype_name(kt->dtype));
  if (ei_op_shape_known(kt) && ei_op_elements(kt) != 1)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "k must be one value");
  if (kt->data == NULL)
    c->needs_value = 1;
  else
    EI_TRY(ei_op_ints(c, 1, &k, 1, &n));
  if (n == 1 && k < 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "k is %lld", (long long)k);
  if (x->rank >= 0) {
    EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
    if (k >= 0 && x->dims[axis] >= 0 && k > x->dims[axis])
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "k is %lld, axis %d has %lld elements", (long long)k, axis,
                        (long long)x->dims[axis]);
    memcpy(dims, x->dims, sizeof dims);
    dims[axis] = k;
  }
  for (uint32_t i = 0; i < c->n_out && i < 2; ++i)
    ei_op_set_shape(&c->out[i], i == 0 ? x->dtype : (int32_t)dtype, x->rank, dims);
  return EDGE_STATUS_OK;
}

static int32_t axis_of(const ei_op_ctx *c) {
  const int64_t axis = ei_op_int(c, "axis");
  return (int32_t)(axis < 0 ? axis + c->in[0].rank : axis);
}

static uint64_t scratch_bytes(const ei_op_ctx *c) {
  return 16 * (uint64_t)c->in[0].dims[axis_of(c)];
}

typedef struct order {
  const edge_tensor *x;
  uint64_t base, stride;
  bool largest;
} order;

/* Must b come before a, which has the lower index? */
static bool before(const order *o, uint64_t b, uint64_t a) {
  const uint64_t ia = o->base + a * o->stride, ib = o->base + b * o->stride;
  if (ei_dtype_is_float(o->x->dtype)) {
    const double va = ei_load_f64(o->x, ia), vb = ei_load_f64(o->x, ib);
    const bool na = va != va, nb = vb != vb;
    if (na || nb) return o->largest ? nb && !na : na && !nb;
    return o->largest ? vb > va : vb < va;
  }
  const uint64_t flip = o->x->dtype == EDGE_DTYPE_U64 ? UINT64_C(1) << 63 : 0; /* orders unsigned as signed */
  const int64_t va = (int64_t)((uint64_t)ei_load_s64(o->x, ia) ^ flip);
  const int64_t vb = (int64_t)((uint64_t)ei_load_s64(o->x, ib) ^ flip);
  return o->largest ? vb > va : vb < va;
}

/* Stable merge sort of 0..n-1; the result is in the array that is returned. */
static const uint64_t *sort(const order *o, uint64_t n, uint64_t *from, uint64_t *to) {
  for (uint64_t i = 0; i < n; ++i) from[i] = i;
  for (uint64_t width = 1; width < n; width *= 2) {
    for (uint64_t start = 0; start < n; start += 2 * width) {
      const uint64_t middle = start + width < n ? start + width : n, end = middle + width < n ? middle + width : n;
      uint64_t a = start, b = middle;
      for (uint64_t at = start; at < end; ++at)
        to[at] = a < middle && (b >= end || !before(o, from[b], from[a])) ? from[a++] : from[b++];
    }
    uint64_t *const swap = from;
    from = to;
    to = swap;
  }
  return from;
}

static edge_status eval(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const int64_t wanted = ei_load_s64(&c->in[1], 0);
  order o = { .x = x, .largest = ei_op_int(c, "largest") != 0 };
  ei_rows r;
  EI_TRY(ei_rows_split(c, x, ei_op_int(c, "axis"), false, &r));
  if (wanted < 0 || (uint64_t)wanted > r.size)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "k is %lld, a row has %llu elements", (long long)wanted,
                      (unsigned long long)r.size);
  const uint64_t k = (uint64_t)wanted;
  uint64_t *const scratch = (uint64_t *)c->scratch;
  for (uint64_t row = 0; row < r.outer * r.inner; ++row) {
    o.base = ei_rows_base(&r, row);
    o.stride = r.inner;
    const uint64_t *const sorted = sort(&o, r.size, scratch, scratch + r.size);
    for (uint64_t i = 0; i < k; ++i) {
      const uint64_t to = row / r.inner * k * r.inner + i * r.inner + row % r.inner,
                     from = o.base + sorted[i] * o.stride;
      if (ei_op_wants(c, 0)) {
        if (ei_dtype_is_float(x->dtype))
          ei_store_f64(&c->out[0], to, ei_load_f64(x, from));
        else
          ei_store_s64(&c->out[0], to, ei_load_s64(x, from));
      }
      if (ei_op_wants(c, 1)) ei_store_s64(&c->out[1], to, (int64_t)sorted[i]);
    }
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_TopK = {
  .name = "TopK",
  .min_in = 2,
  .max_in = 2,
  .min_out = 0,
  .max_out = 2,
  .version = 1,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
  .scratch_bytes = scratch_bytes,
};
