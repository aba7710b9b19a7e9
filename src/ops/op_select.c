/* SPDX-License-Identifier: Apache-2.0
 * NonZero, Compress, Unique: outputs whose size depends on values. Inference counts, evaluation writes. */
#include "op_walk.h"

static bool is_set(const edge_tensor *x, uint64_t i) {
  return ei_dtype_is_float(x->dtype) ? ei_load_f64(x, i) != 0 : ei_load_s64(x, i) != 0;
}

/* ---- NonZero */

static edge_status infer_nonzero(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const bool rows = ei_op_int(c, "rows") != 0;
  int64_t dims[2] = { EI_DIM_UNKNOWN, EI_DIM_UNKNOWN }, count = EI_DIM_UNKNOWN;
  if (ei_op_ready(c, 0)) {
    const uint64_t n = ei_op_elements(x);
    count = 0;
    for (uint64_t i = 0; i < n; ++i) count += is_set(x, i);
  }
  dims[rows ? 1 : 0] = x->rank >= 0 ? x->rank : EI_DIM_UNKNOWN;
  dims[rows ? 0 : 1] = count;
  ei_op_set_shape(&c->out[0], EDGE_DTYPE_S64, 2, dims);
  return EDGE_STATUS_OK;
}

static edge_status eval_nonzero(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  const bool rows = ei_op_int(c, "rows") != 0;
  const uint64_t room = (uint64_t)y->dims[rows ? 0 : 1], rank = (uint64_t)x->rank;
  int64_t index[EDGE_MAX_RANK] = { 0 };
  uint64_t at = 0, found = 0;
  if (ei_op_elements(x) == 0) return EDGE_STATUS_OK;
  do {
    if (!is_set(x, at++)) continue;
    if (found == room) return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "more elements are set than the output holds");
    for (uint64_t d = 0; d < rank; ++d) ei_store_s64(y, rows ? found * rank + d : d * room + found, index[d]);
    ++found;
  } while (ei_walk_next(x->rank, x->dims, index));
  if (found != room) return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "fewer elements are set than the output holds");
  return EDGE_STATUS_OK;
}

/* ---- slices of x along an axis, or its elements when there is none */

typedef struct items {
  const edge_tensor *x;
  int32_t axis; /* -1: elements */
  int64_t n, outer, inner;
} items;

static edge_status read_items(ei_op_ctx *c, items *t) {
  *t = (items) { .x = &c->in[0], .axis = -1, .n = 0, .outer = 1, .inner = 1 };
  if (ei_op_int(c, "has_axis") != 0) EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), t->x->rank, &t->axis));
  if (!ei_op_shape_known(t->x)) return EDGE_STATUS_OK;
  t->n = (int64_t)ei_op_elements(t->x);
  if (t->axis < 0) return EDGE_STATUS_OK;
  t->n = t->x->dims[t->axis];
  t->outer = ei_dims_product(t->x->dims, 0, t->axis);
  t->inner = ei_dims_product(t->x->dims, t->axis + 1, t->x->rank);
  return EDGE_STATUS_OK;
}

static void set_items_shape(ei_op_ctx *c, const items *t, int64_t count) {
  const edge_tensor *const x = t->x;
  int64_t dims[EDGE_MAX_RANK];
  memcpy(dims, x->dims, sizeof dims);
  dims[t->axis < 0 ? 0 : t->axis] = count;
  ei_op_set_shape(&c->out[0], x->dtype, t->axis < 0 ? 1 : x->rank, dims);
}

/* Item `from` of x becomes item `to` of the `count` items of y. */
static void copy_item(const items *t, const edge_tensor *y, int64_t to, int64_t count, int64_t from) {
  for (int64_t o = 0; o < t->outer; ++o)
    ei_copy_run(y, (uint64_t)((o * count + to) * t->inner), t->x, (uint64_t)((o * t->n + from) * t->inner),
                (uint64_t)t->inner);
}

/* ---- Compress */

static int64_t count_true(const edge_tensor *cond, int64_t limit) {
  int64_t n = 0;
  for (int64_t i = 0; i < cond->dims[0] && i < limit; ++i) n += is_set(cond, (uint64_t)i);
  return n;
}

static edge_status infer_compress(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const cond = &c->in[1];
  items t;
  if (cond->dtype != EDGE_DTYPE_BOOL)
    return ei_op_fail(c, EDGE_STATUS_TYPE_MISMATCH, "the condition must be bool, but is %s",
                      edge_dtype_name(cond->dtype));
  EI_TRY(ei_op_need_rank(c, 1, 1, 1));
  const bool ready = ei_op_ready(c, 1), whole = ei_op_int(c, "has_axis") == 0;
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0 && !whole) return EDGE_STATUS_OK;
  EI_TRY(read_items(c, &t));
  const bool bounded = whole ? ei_op_shape_known(x) : x->dims[t.axis] >= 0;
  const int64_t limit = whole ? t.n : x->dims[t.axis];
  set_items_shape(c, &t, ready && bounded ? count_true(cond, limit) : EI_DIM_UNKNOWN);
  return EDGE_STATUS_OK;
}

static edge_status eval_compress(ei_op_ctx *c) {
  const edge_tensor *const cond = &c->in[1], *const y = &c->out[0];
  items t;
  EI_TRY(read_items(c, &t));
  const int64_t count = count_true(cond, t.n);
  if (count != y->dims[t.axis < 0 ? 0 : t.axis])
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the condition does not fit the output");
  for (int64_t i = 0, k = 0; i < t.n && k < count; ++i)
    if (is_set(cond, (uint64_t)i)) copy_item(&t, y, k++, count, i);
  return EDGE_STATUS_OK;
}

/* ---- Unique: items are visited in rising order, a batch at a time, so that no memory is needed */

enum { BATCH = 256 };

static int compare_elements(const edge_tensor *x, uint64_t a, uint64_t b) {
  if (ei_dtype_is_float(x->dtype)) {
    const double va = ei_load_f64(x, a), vb = ei_load_f64(x, b);
    if (va != va || vb != vb) return (va != va) - (vb != vb); /* NaN comes last */
    return (va > vb) - (va < vb);
  }
  const int64_t va = ei_load_s64(x, a), vb = ei_load_s64(x, b);
  if (x->dtype == EDGE_DTYPE_U64) return ((uint64_t)va > (uint64_t)vb) - ((uint64_t)va < (uint64_t)vb);
  return (va > vb) - (va < vb);
}

static int compare_items(const items *t, int64_t a, int64_t b) {
  for (int64_t o = 0; o < t->outer; ++o)
    for (int64_t i = 0; i < t->inner; ++i) {
      const int r =
          compare_elements(t->x, (uint64_t)((o * t->n + a) * t->inner + i), (uint64_t)((o * t->n + b) * t->inner + i));
      if (r != 0) return r;
    }
  return 0;
}

/* Position of item i in the sorted batch, or where it would be inserted. */
static int32_t find(const items *t, const int64_t *batch, int32_t count, int64_t i, bool *found) {
  int32_t lo = 0, hi = count;
  *found = false;
  while (lo < hi) {
    const int32_t mid = (lo + hi) / 2;
    const int r = compare_items(t, batch[mid], i);
    if (r == 0) {
      *found = true;
      return mid;
    }
    if (r < 0)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

/* The next distinct items after `last` (-1: from the first), in rising order, each by its first occurrence. */
static int32_t next_distinct(const items *t, int64_t last, int64_t *batch) {
  int32_t count = 0;
  for (int64_t i = 0; i < t->n; ++i) {
    bool found = false;
    if (last >= 0 && compare_items(t, i, last) <= 0) continue;
    if (count == BATCH && compare_items(t, i, batch[count - 1]) >= 0) continue;
    const int32_t at = find(t, batch, count, i, &found);
    if (found) continue;
    const int32_t keep = count < BATCH ? count : BATCH - 1;
    memmove(&batch[at + 1], &batch[at], (size_t)(keep - at) * sizeof *batch);
    batch[at] = i;
    count = keep + 1;
  }
  return count;
}

static edge_status infer_unique(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const int32_t dtype = (int32_t)ei_op_int(c, "dtype");
  const bool whole = ei_op_int(c, "has_axis") == 0;
  int64_t count = EI_DIM_UNKNOWN, batch[BATCH], n = EI_DIM_UNKNOWN;
  items t = { .axis = -1 };
  if (dtype != EDGE_DTYPE_S64 && dtype != EDGE_DTYPE_S32)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "indices are s32 or s64");
  const bool ready = ei_op_ready(c, 0);
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank >= 0 || whole) {
    EI_TRY(read_items(c, &t));
    if (ei_op_shape_known(x))
      n = t.n;
    else if (!whole)
      n = x->dims[t.axis];
    if (ready) {
      int64_t last = -1;
      count = 0;
      for (int32_t k = BATCH; k == BATCH;) {
        k = next_distinct(&t, last, batch);
        count += k;
        if (k > 0) last = batch[k - 1];
      }
    }
    set_items_shape(c, &t, count);
  }
  for (uint32_t i = 1; i < c->n_out; ++i) ei_op_set_shape(&c->out[i], dtype, 1, i == 2 ? &n : &count);
  return EDGE_STATUS_OK;
}

/* Item i, which first occurs at `first`, is number `rank` of the result. */
static void note_unique(ei_op_ctx *c, int64_t rank, int64_t first, int64_t i) {
  if (i == first) {
    if (c->n_out > 1 && c->out[1].data != NULL) ei_store_s64(&c->out[1], (uint64_t)rank, first);
    if (c->n_out > 3 && c->out[3].data != NULL) ei_store_s64(&c->out[3], (uint64_t)rank, 0);
  }
  if (c->n_out > 2 && c->out[2].data != NULL) ei_store_s64(&c->out[2], (uint64_t)i, rank);
  if (c->n_out > 3 && c->out[3].data != NULL)
    ei_store_s64(&c->out[3], (uint64_t)rank, ei_load_s64(&c->out[3], (uint64_t)rank) + 1);
}

static edge_status too_many(ei_op_ctx *c) {
  return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the output has another number of distinct values");
}

/* In order of first occurrence: each item is searched among the results so far. */
static edge_status unique_unsorted(ei_op_ctx *c, const items *t, int64_t count) {
  int64_t *const firsts = (int64_t *)c->scratch;
  int64_t done = 0;
  for (int64_t i = 0; i < t->n; ++i) {
    int64_t rank = 0;
    while (rank < done && compare_items(t, firsts[rank], i) != 0) ++rank;
    if (rank == done) {
      if (done == count) return too_many(c);
      firsts[done] = i;
      if (c->out[0].data != NULL) copy_item(t, &c->out[0], done, count, i);
      ++done;
    }
    note_unique(c, rank, firsts[rank], i);
  }
  return done == count ? EDGE_STATUS_OK : too_many(c);
}

static edge_status eval_unique(ei_op_ctx *c) {
  int64_t batch[BATCH], last = -1, done = 0;
  items t;
  EI_TRY(read_items(c, &t));
  const int64_t count = c->out[0].dims[t.axis < 0 ? 0 : t.axis];
  if (ei_op_int(c, "sorted") == 0) return unique_unsorted(c, &t, count);
  for (int32_t k = BATCH; k == BATCH;) {
    k = next_distinct(&t, last, batch);
    if (k > count - done) return too_many(c);
    for (int32_t j = 0; j < k && c->out[0].data != NULL; ++j) copy_item(&t, &c->out[0], done + j, count, batch[j]);
    for (int64_t i = 0; i < t.n; ++i) {
      bool found = false;
      const int32_t j = find(&t, batch, k, i, &found);
      if (found) note_unique(c, done + j, batch[j], i);
    }
    done += k;
    if (k > 0) last = batch[k - 1];
  }
  return done == count ? EDGE_STATUS_OK : too_many(c);
}

static uint64_t unique_scratch(const ei_op_ctx *c) {
  return ei_op_int(c, "sorted") == 0 ? (ei_op_elements(&c->in[0]) + 1) * sizeof(int64_t) : 0;
}

static const ei_attr_def nonzero_attrs[] = { { "rows", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };
static const ei_attr_def compress_attrs[] = { { "has_axis", EI_ATTR_INT, 0 },
                                              { "axis", EI_ATTR_INT, 0 },
                                              { NULL, 0, 0 } };
static const ei_attr_def unique_attrs[] = { { "has_axis", EI_ATTR_INT, 0 },
                                            { "axis", EI_ATTR_INT, 0 },
                                            { "sorted", EI_ATTR_INT, 1 },
                                            { "dtype", EI_ATTR_INT, EDGE_DTYPE_S64 },
                                            { NULL, 0, 0 } };

const ei_op_def ei_op_NonZero = { .name = "NonZero",
                                  .min_in = 1,
                                  .max_in = 1,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .version = 1,
                                  .attrs = nonzero_attrs,
                                  .infer = infer_nonzero,
                                  .eval = eval_nonzero };
const ei_op_def ei_op_Compress = { .name = "Compress",
                                   .min_in = 2,
                                   .max_in = 2,
                                   .min_out = 1,
                                   .max_out = 1,
                                   .version = 1,
                                   .attrs = compress_attrs,
                                   .infer = infer_compress,
                                   .eval = eval_compress };
const ei_op_def ei_op_Unique = { .name = "Unique",
                                 .min_in = 1,
                                 .max_in = 1,
                                 .min_out = 1,
                                 .max_out = 4,
                                 .version = 1,
                                 .attrs = unique_attrs,
                                 .infer = infer_unique,
                                 .eval = eval_unique,
                                 .scratch_bytes = unique_scratch };
