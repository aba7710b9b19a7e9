/* SPDX-License-Identifier: Apache-2.0
 * Helpers shared by the operators: errors, attributes, shapes and broadcasting. */
#include "op.h"

edge_status ei_op_fail(ei_op_ctx *c, edge_status status, const char *format, ...) {
  char text[400];
  va_list args;
  va_start(args, format);
  (void)ei_vformat(text, sizeof text, format, args);
  va_end(args);
  const ei_node *const n = c->node;
  const char *const name = n->name != NULL ? n->name : "";
  return ei_fail(c->err, status, "node '%s' (%s): %s", name, n->op != NULL ? n->op->name : "?", text);
}

int64_t ei_op_int(const ei_op_ctx *c, const char *key) {
  return ei_node_int(c->node, key);
}

double ei_op_float(const ei_op_ctx *c, const char *key) {
  return ei_node_float(c->node, key);
}

edge_status ei_op_axis(ei_op_ctx *c, int64_t axis, int32_t rank, int32_t *out) {
  *out = 0;
  if (rank < 0 || axis < -(int64_t)rank || axis >= rank)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "axis %lld is not in [-%d, %d)", (long long)axis, rank, rank);
  *out = (int32_t)(axis < 0 ? axis + rank : axis);
  return EDGE_STATUS_OK;
}

edge_status ei_op_ints(ei_op_ctx *c, uint32_t i, int64_t *out, uint32_t cap, uint32_t *n) {
  *n = 0;
  if (!ei_op_has(c, i)) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u is missing", i);
  const edge_tensor *const t = &c->in[i];
  if (!ei_dtype_is_int(t->dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input %u must hold integers, not %s", i,
                      edge_dtype_name(t->dtype));
  if (t->rank > 1) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u must be a vector", i);
  if (!ei_op_shape_known(t)) return ei_op_fail(c, EDGE_STATUS_INTERNAL, "input %u has no known shape", i);
  const uint64_t count = ei_op_elements(t);
  if (count > cap)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u has %llu values, at most %u are allowed", i,
                      (unsigned long long)count, cap);
  if (count > 0 && t->data == NULL) return ei_op_fail(c, EDGE_STATUS_INTERNAL, "input %u has no value", i);
  for (uint64_t k = 0; k < count; ++k) out[k] = ei_load_s64(t, k);
  *n = (uint32_t)count;
  return EDGE_STATUS_OK;
}

/* One dimension of a broadcast; false when the sizes do not fit. */
static bool broadcast_dim(int64_t a, int64_t b, int64_t *out) {
  if (a == 1)
    *out = b;
  else if (b == 1 || a == b)
    *out = a;
  else if (a == EI_DIM_UNKNOWN)
    *out = b; /* b is not 1: the unknown one is 1 or b */
  else if (b == EI_DIM_UNKNOWN)
    *out = a;
  else
    return false;
  return true;
}

edge_status ei_op_broadcast(ei_op_ctx *c, const edge_tensor *a, const edge_tensor *b, edge_tensor *out) {
  if (a->rank < 0 || b->rank < 0) {
    out->rank = EI_RANK_UNKNOWN;
    return EDGE_STATUS_OK;
  }
  const int32_t rank = a->rank > b->rank ? a->rank : b->rank;
  int64_t dims[EDGE_MAX_RANK];
  for (int32_t i = 0; i < rank; ++i) {
    const int32_t ia = i - (rank - a->rank), ib = i - (rank - b->rank);
    const int64_t da = ia < 0 ? 1 : a->dims[ia], db = ib < 0 ? 1 : b->dims[ib];
    if (!broadcast_dim(da, db, &dims[i]))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "shapes do not broadcast: %lld and %lld in dimension %d",
                        (long long)da, (long long)db, i);
  }
  out->rank = rank;
  for (int32_t i = 0; i < rank; ++i) out->dims[i] = dims[i];
  return EDGE_STATUS_OK;
}

void ei_op_set_shape(edge_tensor *t, int32_t dtype, int32_t rank, const int64_t *dims) {
  t->dtype = dtype;
  t->encoding = EDGE_ENCODING_NATIVE;
  t->rank = rank;
  for (int32_t i = 0; i < EDGE_MAX_RANK; ++i) t->dims[i] = i < rank ? dims[i] : 0;
}

void ei_op_set_unknown(edge_tensor *t, int32_t dtype) {
  ei_op_set_shape(t, dtype, EI_RANK_UNKNOWN, NULL);
}

uint64_t ei_op_elements(const edge_tensor *t) {
  uint64_t n = 0;
  return t->rank >= 0 && ei_elements(t->dims, t->rank, &n) ? n : 0;
}

bool ei_op_shape_known(const edge_tensor *t) {
  if (t->rank < 0) return false;
  for (int32_t i = 0; i < t->rank; ++i) {
    if (t->dims[i] < 0) return false;
  }
  return true;
}

bool ei_op_same_shape(const edge_tensor *a, const edge_tensor *b) {
  if (a->rank != b->rank || a->rank < 0) return false;
  for (int32_t i = 0; i < a->rank; ++i) {
    if (a->dims[i] != b->dims[i]) return false;
  }
  return true;
}

edge_status ei_op_need_float(ei_op_ctx *c, uint32_t i) {
  const int32_t t = c->in[i].dtype;
  if (ei_dtype_is_float(t) || ei_is_quantized(&c->in[i])) return EDGE_STATUS_OK;
  return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input %u must be a float or quantized, not %s", i,
                    edge_dtype_name(t));
}

edge_status ei_op_need_same_dtype(ei_op_ctx *c, uint32_t i, uint32_t j) {
  if (c->in[i].dtype == c->in[j].dtype) return EDGE_STATUS_OK;
  return ei_op_fail(c, EDGE_STATUS_TYPE_MISMATCH, "inputs %u and %u must have one type, not %s and %s", i, j,
                    edge_dtype_name(c->in[i].dtype), edge_dtype_name(c->in[j].dtype));
}

edge_status ei_op_need_rank(ei_op_ctx *c, uint32_t i, int32_t lo, int32_t hi) {
  const int32_t r = c->in[i].rank;
  if (r < 0 || (r >= lo && r <= hi)) return EDGE_STATUS_OK;
  return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u has rank %d; %d to %d is allowed", i, r, lo, hi);
}

edge_status ei_op_need_vector(ei_op_ctx *c, uint32_t i, int64_t n) {
  if (!ei_op_has(c, i) || c->in[i].rank < 0) return EDGE_STATUS_OK;
  const edge_tensor *const t = &c->in[i];
  if (t->rank != 1 || (t->dims[0] >= 0 && n >= 0 && t->dims[0] != n))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u must be a vector of %lld values", i, (long long)n);
  return EDGE_STATUS_OK;
}

bool ei_quant_equal(const edge_tensor *a, const edge_tensor *b) {
  if (ei_is_quantized(a) != ei_is_quantized(b)) return false;
  return a->quant.count <= 1 && b->quant.count <= 1 && ei_quant_scale(a) == ei_quant_scale(b) &&
         ei_quant_zero(a) == ei_quant_zero(b);
}

edge_status ei_op_need_per_tensor(ei_op_ctx *c, uint32_t n) {
  for (uint32_t i = 0; i < n && i < c->n_in; ++i) {
    if (c->in[i].quant.count > 1)
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "input %u must be quantized per tensor", i);
  }
  return EDGE_STATUS_OK;
}

edge_status ei_op_need_dims(ei_op_ctx *c, uint32_t i, int32_t rank, const int64_t *dims) {
  if (!ei_op_has(c, i)) return EDGE_STATUS_OK;
  const edge_tensor *const t = &c->in[i];
  EI_TRY(ei_op_need_rank(c, i, rank, rank));
  for (int32_t d = 0; d < t->rank; ++d) {
    if (t->dims[d] >= 0 && dims[d] >= 0 && t->dims[d] != dims[d])
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u has %lld in dimension %d, %lld is needed", i,
                        (long long)t->dims[d], d, (long long)dims[d]);
  }
  return EDGE_STATUS_OK;
}
