/* SPDX-License-Identifier: Apache-2.0
 * One node under construction: changes that inference accepts, and some that it does not see. */
#include "graph_node.h"

static const int64_t odd_values[] = {
  -1, 0, 1, 2, 5, 127, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_C(1) << 31, INT64_C(1) << 40, -7
};

static double odd_float(et_gen *g) {
  static const double odd[] = { 0.0, -0.0, 1e-40, 1e30, -1e30, 3e9, -2147483649.0, 1e-30 };
  const uint64_t k = et_draw(g, EI_COUNT(odd) + 3);
  if (k < EI_COUNT(odd)) return odd[k];
  return k == EI_COUNT(odd) ? (double)NAN : k == EI_COUNT(odd) + 1 ? (double)INFINITY : -(double)INFINITY;
}

/* Data of the right size; the old elements are repeated. */
bool et_fit(et_gen *g, edge_tensor *t, const edge_tensor *was) {
  uint64_t n = 0, bytes = 0;
  if (!ei_elements(t->dims, t->rank, &n) || n > ET_GEN_ELEMENTS ||
      !ei_tensor_bytes(t->dtype, 0, t->dims, t->rank, &bytes))
    return false;
  const uint64_t had = was->data != NULL ? ei_op_elements(was) : 0;
  t->bytes = bytes;
  t->data = ei_arena_get(g->arena, bytes + 1, 64);
  if (!t->data) return false;
  const bool ints = !ei_dtype_is_float(t->dtype) && !ei_dtype_is_float(was->dtype);
  for (uint64_t i = 0; i < n && had > 0; ++i) {
    if (t->dtype == EDGE_DTYPE_BOOL)
      ei_store_s64(t, i, ei_load_f64(was, i % had) != 0.0);
    else if (ints)
      ei_store_s64(t, i, ei_load_s64(was, i % had));
    else
      ei_store_f64(t, i, ei_load_f64(was, i % had));
  }
  for (uint64_t i = 0; i < n && had == 0; ++i)
    ei_store_s64(t, i, (int64_t)et_draw(g, t->dtype == EDGE_DTYPE_BOOL ? 2 : 3));
  return true;
}

/* As many scales as the shape asks for. */
bool et_fit_quant(et_gen *g, edge_tensor *t) {
  edge_quant *const q = &t->quant;
  if (q->count == 0 || (q->count == 1 && q->block == 0)) return true;
  if (q->axis < 0 || q->axis >= t->rank) return false;
  uint64_t count = 1;
  for (int32_t d = 0; d < t->rank; ++d) {
    const uint64_t dim = (uint64_t)(t->dims[d] < 0 ? 0 : t->dims[d]);
    if (q->block) count *= d == q->axis ? (dim + q->block - 1) / q->block : dim;
  }
  if (!q->block) count = (uint64_t)t->dims[q->axis];
  if (count == q->count) return true;
  if (count == 0 || count > 1024) return false;
  float *const scales = ei_arena_array(g->arena, count, sizeof *scales, 4);
  int32_t *const zeros = ei_arena_array(g->arena, count, sizeof *zeros, 4);
  CHECK(scales && zeros);
  for (uint64_t i = 0; i < count; ++i) {
    scales[i] = q->scales[i % q->count];
    zeros[i] = q->zero_points ? q->zero_points[i % q->count] : 0;
  }
  *q = (edge_quant) { scales, zeros, (uint32_t)count, q->axis, q->block, 0 };
  return true;
}

void et_begin_work(et_gen *g, et_work *w, const et_template *t) {
  memset(w, 0, sizeof *w);
  w->node = t->node;
  w->node.attr = EI_NEW_ARRAY(g->arena, ei_attr, (uint64_t)t->node.n_attr + 8);
  CHECK(w->node.attr);
  if (t->node.n_attr) memcpy(w->node.attr, t->node.attr, t->node.n_attr * sizeof *t->node.attr);
  w->n_in = w->node.n_in = t->in.n;
  w->n_out = w->node.n_out = t->out.n;
  memcpy(w->in, t->in.t, t->in.n * sizeof *w->in);
  memcpy(w->out, t->out.t, t->out.n * sizeof *w->out);
  for (uint32_t i = 0; i < w->n_out && i < w->node.op->min_out; ++i) /* a file has no holes there */
    if (w->out[i].dtype == EDGE_DTYPE_NONE) w->out[i].dtype = EDGE_DTYPE_F32;
  for (uint32_t i = 0; i < w->n_in; ++i) {
    w->from[i] = EI_NONE;
    if (w->in[i].dtype == EDGE_DTYPE_NONE) continue;
    if (w->in[i].rank < 0) w->in[i].rank = 0;
    for (int32_t d = 0; d < w->in[i].rank; ++d)
      if (w->in[i].dims[d] < 0) w->in[i].dims[d] = 2;
    (void)et_fit(g, &w->in[i], &t->in.t[i]);
  }
}

edge_status et_infer(const et_work *w, edge_tensor *out, bool values) {
  edge_tensor in[ET_MAX_TENSORS];
  uint32_t ids_in[ET_MAX_TENSORS], ids_out[ET_MAX_TENSORS];
  edge_error err = EDGE_ERROR_INIT;
  ei_node node = w->node;
  memcpy(in, w->in, sizeof in);
  memset(out, 0, ET_MAX_TENSORS * sizeof *out);
  for (uint32_t i = 0; i < w->n_in; ++i) {
    ids_in[i] = in[i].dtype == EDGE_DTYPE_NONE ? EI_NONE : i;
    if (!values && !(in[i].flags & EDGE_TENSOR_CONST)) in[i].data = NULL;
    for (int32_t d = 0; !values && in[i].flags & EDGE_TENSOR_DYNAMIC && d < in[i].rank; ++d) in[i].dims[d] = -1;
  }
  for (uint32_t i = 0; i < w->n_out; ++i) {
    ids_out[i] = w->out[i].dtype == EDGE_DTYPE_NONE ? EI_NONE : i;
    out[i].dtype = w->out[i].dtype;
    out[i].quant = w->out[i].quant;
    out[i].rank = EI_RANK_UNKNOWN;
  }
  node.name = "n";
  node.in = ids_in;
  node.out = ids_out;
  ei_op_ctx c = { .node = &node, .in = in, .out = out, .n_in = w->n_in, .n_out = w->n_out, .err = &err };
  return node.op->infer(&c);
}

bool et_legal(const et_work *w) {
  edge_tensor out[ET_MAX_TENSORS];
  for (uint32_t i = 0; i < w->n_in; ++i) { /* what the loader asks of absent inputs */
    if (w->in[i].dtype != EDGE_DTYPE_NONE) continue;
    if (i < w->node.op->min_in && !(w->node.op->optional_in >> i & 1)) return false;
  }
  return et_infer(w, out, true) == EDGE_STATUS_OK;
}

static bool rename_dims(et_gen *g, et_work *w, int64_t from, int64_t to, uint32_t skip, bool attrs) {
  for (uint32_t i = 0; i < w->n_in; ++i) {
    edge_tensor *const t = &w->in[i];
    const edge_tensor was = *t;
    bool changed = false;
    if (t->dtype == EDGE_DTYPE_NONE || w->from[i] != EI_NONE) continue;
    for (int32_t d = 0; d < t->rank; ++d)
      if (t->dims[d] == from) {
        t->dims[d] = to;
        changed = true;
      }
    if (!changed || (et_fit(g, t, &was) && et_fit_quant(g, t))) continue;
    if (i != skip) return false;
    t->data = NULL; /* it becomes another tensor, see splice() */
  }
  if (!attrs) return true;
  ei_attr *const copy = EI_NEW_ARRAY(g->arena, ei_attr, (uint64_t)w->node.n_attr + 8);
  CHECK(copy);
  for (uint32_t i = 0; i < w->node.n_attr; ++i) {
    copy[i] = w->node.attr[i];
    if (copy[i].kind == EI_ATTR_INT && copy[i].u.i == from) copy[i].u.i = to;
  }
  w->node.attr = copy;
  return true;
}

bool et_rename(et_gen *g, et_work *w, int64_t from, int64_t to, uint32_t skip) {
  et_work trial = *w;
  if (rename_dims(g, &trial, from, to, skip, false) && (et_legal(&trial) || skip != EI_NONE)) {
    *w = trial;
    return true;
  }
  trial = *w;
  if (!rename_dims(g, &trial, from, to, skip, true) || !et_legal(&trial)) return false;
  *w = trial;
  return true;
}

static int64_t size(et_gen *g) {
  static const int64_t sizes[] = { 0, 1,  1,  2,  2,  3,  3,  4,  5,  6,  7,  8,  8,
                                   9, 12, 13, 15, 16, 17, 24, 31, 32, 33, 40, 64, 65 };
  return sizes[et_draw(g, EI_COUNT(sizes))];
}

/* Random parameters per tensor, legal ones unless odd. */
static void new_quant(et_gen *g, edge_tensor *t, bool odd) {
  float *const scale = ei_arena_array(g->arena, 1, sizeof *scale, 4);
  int32_t *const zero = ei_arena_array(g->arena, 1, sizeof *zero, 4);
  double lo = 0, hi = 0;
  CHECK(scale && zero);
  *scale = (float)(1 + et_draw(g, 256)) / (float)(16u << et_draw(g, 9));
  if (odd) *scale = (float)odd_float(g);
  if (ei_dtype_range(t->dtype, &lo, &hi) && hi - lo < 256 && et_draw(g, 3))
    *zero = (int32_t)lo + (int32_t)et_draw(g, (uint64_t)(hi - lo + 1));
  if (odd && et_draw(g, 2)) *zero = (int32_t)odd_values[et_draw(g, EI_COUNT(odd_values))];
  t->quant = (edge_quant) { scale, zero, 1, 0, 0, 0 };
}

void et_retype(et_gen *g, et_work *w, int32_t from, int32_t to) {
  const bool drop = ei_dtype_is_float(to) || to == EDGE_DTYPE_BOOL;
  for (uint32_t i = 0; i < w->n_in; ++i) {
    edge_tensor *const t = &w->in[i];
    const edge_tensor was = *t;
    if (t->dtype != from || w->from[i] != EI_NONE) continue;
    t->dtype = to;
    if (drop) memset(&t->quant, 0, sizeof t->quant);
    (void)et_fit(g, t, &was);
  }
  for (uint32_t i = 0; i < w->n_out; ++i) {
    if (w->out[i].dtype != from) continue;
    w->out[i].dtype = to;
    if (drop) memset(&w->out[i].quant, 0, sizeof w->out[i].quant);
  }
}

/* ---- the changes; each returns false when it does not apply */

static uint32_t some_input(et_gen *g, const et_work *w) {
  for (int i = 0; i < 4 && w->n_in > 0; ++i) {
    const uint32_t k = (uint32_t)et_draw(g, w->n_in);
    if (w->in[k].dtype != EDGE_DTYPE_NONE && w->from[k] == EI_NONE) return k;
  }
  return EI_NONE;
}

static bool vary_size(et_gen *g, et_work *w) {
  const uint32_t k = some_input(g, w);
  if (k == EI_NONE || w->in[k].rank < 1) return false;
  const uint32_t d = (uint32_t)et_draw(g, (uint64_t)w->in[k].rank);
  const int64_t from = w->in[k].dims[d], to = size(g);
  if (from != 1 || et_draw(g, 4) == 0) return et_rename(g, w, from, to, EI_NONE);
  edge_tensor *const t = &w->in[k];
  const edge_tensor was = *t;
  t->dims[d] = to;
  return et_fit(g, t, &was) && et_fit_quant(g, t);
}

static bool vary_rank(et_gen *g, et_work *w) {
  const int64_t more = 1 + (int64_t)et_draw(g, 3);
  int32_t most = 0;
  for (uint32_t i = 0; i < w->n_in; ++i)
    if (w->in[i].dtype != EDGE_DTYPE_NONE && w->in[i].rank > most) most = w->in[i].rank;
  if (most == EDGE_MAX_RANK) return false;
  for (uint32_t i = 0; i < w->n_in; ++i) {
    edge_tensor *const t = &w->in[i];
    const edge_tensor was = *t;
    if (t->dtype == EDGE_DTYPE_NONE || t->rank != most || w->from[i] != EI_NONE) continue;
    memmove(t->dims + 1, t->dims, (size_t)most * sizeof *t->dims);
    t->dims[0] = more;
    t->rank++;
    if (t->quant.count > 1) t->quant.axis++;
    if (!et_fit(g, t, &was) || !et_fit_quant(g, t)) return false;
  }
  return true;
}

static bool vary_type(et_gen *g, et_work *w) {
  static const int32_t floats[] = { EDGE_DTYPE_F32, EDGE_DTYPE_F16, EDGE_DTYPE_BF16, EDGE_DTYPE_F64 };
  static const int32_t bytes[] = { EDGE_DTYPE_S8, EDGE_DTYPE_U8, EDGE_DTYPE_S16 };
  const uint32_t k = some_input(g, w);
  if (k == EI_NONE) return false;
  const int32_t from = w->in[k].dtype;
  const uint64_t how = et_draw(g, 4);
  if (how == 0 && from == EDGE_DTYPE_F32) { /* quantized */
    et_retype(g, w, from, bytes[et_draw(g, EI_COUNT(bytes))]);
    const int32_t to = w->in[k].dtype;
    for (uint32_t i = 0; i < w->n_in; ++i)
      if (w->in[i].dtype == to && w->from[i] == EI_NONE) new_quant(g, &w->in[i], false);
    for (uint32_t i = 0; i < w->n_out; ++i)
      if (w->out[i].dtype == to) new_quant(g, &w->out[i], false);
  } else if (how < 3 && ei_dtype_is_float(from)) {
    et_retype(g, w, from, floats[et_draw(g, EI_COUNT(floats))]);
  } else {
    et_retype(g, w, from, (int32_t)(1 + et_draw(g, EDGE_DTYPE_COUNT - 1)));
  }
  return true;
}

static bool vary_quant(et_gen *g, et_work *w) {
  const uint32_t k = (uint32_t)et_draw(g, w->n_in + w->n_out + 1);
  edge_tensor *const t = k < w->n_in ? &w->in[k] : k - w->n_in < w->n_out ? &w->out[k - w->n_in] : NULL;
  if (!t || t->quant.count != 1 || (k < w->n_in && w->from[k] != EI_NONE)) return false;
  new_quant(g, t, false);
  return true;
}

static bool vary_attr(et_gen *g, et_work *w) {
  static const double floats[] = { 0.0, 0.5, 1.0, -1.0, 2.0, 0.01, 1e-5, 6.0 };
  uint32_t n = 0, i = 0;
  while (w->node.op->attrs && w->node.op->attrs[n].key) ++n;
  if (n == 0) return false;
  const ei_attr_def *const d = &w->node.op->attrs[et_draw(g, n)];
  while (i < w->node.n_attr && strcmp(w->node.attr[i].key, d->key) != 0) ++i;
  ei_attr *const copy = EI_NEW_ARRAY(g->arena, ei_attr, (uint64_t)w->node.n_attr + 9);
  CHECK(copy);
  memcpy(copy, w->node.attr, w->node.n_attr * sizeof *copy);
  w->node.attr = copy;
  if (i < w->node.n_attr && (d->kind == EI_ATTR_INTS || d->kind == EI_ATTR_FLOATS)) {
    if (copy[i].count == 0 || d->kind == EI_ATTR_FLOATS) return false;
    int64_t *const ints = EI_NEW_ARRAY(g->arena, int64_t, copy[i].count);
    CHECK(ints);
    memcpy(ints, copy[i].u.ints, copy[i].count * sizeof *ints);
    ints[et_draw(g, copy[i].count)] = (int64_t)et_draw(g, 5) - (et_draw(g, 4) == 0);
    copy[i].u.ints = ints;
    return true;
  }
  if ((d->kind != EI_ATTR_INT && d->kind != EI_ATTR_FLOAT) || w->node.n_attr > 20) return false;
  copy[i].key = d->key;
  copy[i].kind = d->kind;
  copy[i].count = 1;
  if (d->kind == EI_ATTR_INT)
    copy[i].u.i = et_draw(g, 16) == 0 ? odd_values[et_draw(g, EI_COUNT(odd_values))]
                                      : (int64_t)et_draw(g, 6) - (et_draw(g, 3) == 0);
  else
    copy[i].u.f = et_draw(g, 32) == 0 ? odd_float(g) : floats[et_draw(g, EI_COUNT(floats))];
  if (i == w->node.n_attr) w->node.n_attr++;
  return true;
}

static bool vary_absent(et_gen *g, et_work *w) {
  const uint32_t k = some_input(g, w);
  if (k == EI_NONE) return false;
  memset(&w->in[k], 0, sizeof w->in[k]);
  if (k + 1 == w->n_in && k >= w->node.op->min_in) w->node.n_in = --w->n_in;
  return true;
}

/* New values: floats in the range of the case or around 0, quantized ones in the range of the type. */
static bool vary_values(et_gen *g, et_work *w) {
  const uint32_t k = some_input(g, w);
  if (k == EI_NONE || w->in[k].data == NULL) return false;
  edge_tensor *const t = &w->in[k];
  const edge_tensor was = *t;
  const uint64_t n = ei_op_elements(t);
  double lo = INFINITY, hi = -INFINITY;
  for (uint64_t i = 0; i < n; ++i) {
    const double v = ei_load_f64(t, i);
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  if (n == 0 || !(hi - lo < 1e9) || t->dtype == EDGE_DTYPE_BOOL || !et_fit(g, t, &was)) return false;
  const bool real = ei_dtype_is_float(t->dtype);
  if (real && et_draw(g, 2)) {
    lo = -2;
    hi = 2;
  }
  if (!real && ei_is_quant_value(t)) (void)ei_dtype_range(t->dtype, &lo, &hi);
  for (uint64_t i = 0; i < n; ++i) {
    const double u = (double)(et_next(&g->state) >> 40) / 16777216.0;
    ei_store_f64(t, i, real ? lo + u * (hi - lo) : floor(lo + u * (hi - lo + 1)));
  }
  return true;
}

/* What inference may or may not see: odd values, illegal parameters, a wrong type. */
static void make_hostile(et_gen *g, et_work *w) {
  const uint32_t k = some_input(g, w);
  g->made->hostile = true;
  switch (et_draw(g, 6)) {
  case 0: (void)vary_type(g, w); break;
  case 1: (void)vary_attr(g, w); break;
  case 2:
    if (k != EI_NONE && w->in[k].quant.count == 1) new_quant(g, &w->in[k], true);
    break;
  default:
    if (k == EI_NONE || w->in[k].data == NULL || ei_op_elements(&w->in[k]) == 0) break;
    const uint64_t at = et_draw(g, ei_op_elements(&w->in[k]));
    if (ei_dtype_is_float(w->in[k].dtype))
      ei_store_f64(&w->in[k], at, odd_float(g));
    else if (w->in[k].dtype != EDGE_DTYPE_BOOL)
      ei_store_s64(&w->in[k], at, odd_values[et_draw(g, EI_COUNT(odd_values))]);
  }
}

void et_vary(et_gen *g, et_work *w) {
  static bool (*const change[])(et_gen *, et_work *) = { vary_size,   vary_size,   vary_size,  vary_values,
                                                         vary_values, vary_values, vary_attr,  vary_attr,
                                                         vary_type,   vary_rank,   vary_quant, vary_absent };
  et_work *const trial = EI_NEW(g->arena, et_work);
  CHECK(trial);
  for (uint64_t i = et_draw(g, 10); i > 0; --i) {
    *trial = *w;
    if (change[et_draw(g, EI_COUNT(change))](g, trial) && et_legal(trial)) *w = *trial;
  }
  if (et_draw(g, 10) == 0) make_hostile(g, w);
}
