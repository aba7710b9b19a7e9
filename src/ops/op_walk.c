/* SPDX-License-Identifier: Apache-2.0
 * Strided copies that become memcpy of runs or blocked transposes where the strides allow it. */
#include "op_walk.h"

/* Drop dims of 1 and merge neighbours that are one dimension in both tensors; false when the box is empty. */
static bool simplify(const ei_move *m, ei_move *s) {
  s->rank = 0;
  for (int32_t d = 0; d < m->rank; ++d) {
    if (m->dims[d] == 0) return false;
    if (m->dims[d] == 1) continue;
    const int32_t k = s->rank - 1;
    if (k >= 0 && s->y_stride[k] == m->dims[d] * m->y_stride[d] && s->x_stride[k] == m->dims[d] * m->x_stride[d]) {
      s->dims[k] *= m->dims[d];
      s->y_stride[k] = m->y_stride[d];
      s->x_stride[k] = m->x_stride[d];
    } else {
      ei_move_dim(s, m->dims[d], m->y_stride[d], m->x_stride[d]);
    }
  }
  return true;
}

static void copy_line(unsigned char *y, int64_t ys, const unsigned char *x, int64_t xs, int64_t n, uint32_t bytes) {
  if (ys == 1 && xs == 1) {
    memcpy(y, x, (size_t)n * bytes);
    return;
  }
#define LINE(type)                                            \
  for (int64_t i = 0; i < n; ++i) {                           \
    type v;                                                   \
    memcpy(&v, x + i * xs * (int64_t)sizeof(type), sizeof v); \
    memcpy(y + i * ys * (int64_t)sizeof(type), &v, sizeof v); \
  }
  switch (bytes) {
  case 1: LINE(uint8_t) break;
  case 2: LINE(uint16_t) break;
  case 4: LINE(uint32_t) break;
  default: LINE(uint64_t) break;
  }
#undef LINE
}

enum { BLOCK = 16 };

/* rows x cols; y is contiguous along cols, x along rows: blocks keep both sides in the cache. */
static void copy_transposed(unsigned char *y, int64_t y_row, const unsigned char *x, int64_t x_col, int64_t rows,
                            int64_t cols, uint32_t bytes) {
#define TILE(type)                                                       \
  for (int64_t i = r; i < r_end; ++i)                                    \
    for (int64_t j = q; j < q_end; ++j) {                                \
      type v;                                                            \
      memcpy(&v, x + (i + j * x_col) * (int64_t)sizeof(type), sizeof v); \
      memcpy(y + (i * y_row + j) * (int64_t)sizeof(type), &v, sizeof v); \
    }
  for (int64_t r = 0; r < rows; r += BLOCK) {
    const int64_t r_end = r + BLOCK < rows ? r + BLOCK : rows;
    for (int64_t q = 0; q < cols; q += BLOCK) {
      const int64_t q_end = q + BLOCK < cols ? q + BLOCK : cols;
      switch (bytes) {
      case 1: TILE(uint8_t) break;
      case 2: TILE(uint16_t) break;
      case 4: TILE(uint32_t) break;
      default: TILE(uint64_t) break;
      }
    }
  }
#undef TILE
}

static void move_small(const ei_move *s, const edge_tensor *y, int64_t y_at, const edge_tensor *x, int64_t x_at) {
  int64_t index[EI_WALK_RANK] = { 0 };
  do {
    int64_t yi = y_at, xi = x_at;
    for (int32_t d = 0; d < s->rank; ++d) {
      yi += index[d] * s->y_stride[d];
      xi += index[d] * s->x_stride[d];
    }
    ei_store_s64(y, (uint64_t)yi, ei_load_s64(x, (uint64_t)xi));
  } while (ei_walk_next(s->rank, s->dims, index));
}

void ei_move_run(const ei_move *m, const edge_tensor *y, int64_t y_at, const edge_tensor *x, int64_t x_at) {
  ei_move s;
  if (!simplify(m, &s)) return;
  const uint32_t bytes = ei_elem_bytes(y->dtype);
  if (bytes == 0) {
    move_small(&s, y, y_at, x, x_at);
    return;
  }
  unsigned char *const yb = (unsigned char *)y->data;
  const unsigned char *const xb = (const unsigned char *)x->data;
  if (s.rank == 0) ei_move_dim(&s, 1, 1, 1);
  const int32_t last = s.rank - 1;
  int32_t row = -1; /* the dimension along which x is contiguous, when the last one is not */
  if (s.x_stride[last] != 1 && s.y_stride[last] == 1)
    for (int32_t d = 0; d < last; ++d)
      if (s.x_stride[d] == 1 && s.dims[d] > 1) row = d;
  const int64_t rows = row >= 0 ? s.dims[row] : 1;
  const int64_t y_row = row >= 0 ? s.y_stride[row] : 0;
  if (row >= 0) s.dims[row] = 1;
  int64_t index[EI_WALK_RANK] = { 0 };
  do {
    int64_t yi = y_at, xi = x_at;
    for (int32_t d = 0; d < last; ++d) {
      yi += index[d] * s.y_stride[d];
      xi += index[d] * s.x_stride[d];
    }
    if (row >= 0)
      copy_transposed(yb + yi * bytes, y_row, xb + xi * bytes, s.x_stride[last], rows, s.dims[last], bytes);
    else
      copy_line(yb + yi * bytes, s.y_stride[last], xb + xi * bytes, s.x_stride[last], s.dims[last], bytes);
  } while (ei_walk_next(last, s.dims, index));
}

void ei_copy_run(const edge_tensor *y, uint64_t y_at, const edge_tensor *x, uint64_t x_at, uint64_t n) {
  const uint32_t bytes = ei_elem_bytes(y->dtype);
  if (n == 0) return;
  if (bytes != 0) {
    memcpy((unsigned char *)y->data + y_at * bytes, (const unsigned char *)x->data + x_at * bytes, (size_t)n * bytes);
    return;
  }
  uint64_t i = 0;
  const uint32_t bits = edge_dtype_bits(y->dtype);
  const uint64_t per_byte = bits != 0 ? 8 / bits : 1;
  if (y_at % per_byte == 0 && x_at % per_byte == 0) { /* whole bytes where both sides start on one */
    i = n - n % per_byte;
    memcpy((unsigned char *)y->data + y_at / per_byte, (const unsigned char *)x->data + x_at / per_byte,
           (size_t)(i / per_byte));
  }
  for (; i < n; ++i) ei_store_s64(y, y_at + i, ei_load_s64(x, x_at + i));
}

void ei_fill_run(const edge_tensor *y, uint64_t y_at, uint64_t n, const edge_tensor *x, uint64_t x_at) {
  const uint32_t bytes = ei_elem_bytes(y->dtype);
  if (n == 0) return;
  if (bytes == 0) {
    const int64_t v = ei_load_s64(x, x_at);
    for (uint64_t i = 0; i < n; ++i) ei_store_s64(y, y_at + i, v);
    return;
  }
  copy_line((unsigned char *)y->data + y_at * bytes, 1, (const unsigned char *)x->data + x_at * bytes, 0, (int64_t)n,
            bytes);
}

void ei_fill_zero(const edge_tensor *y) {
  uint64_t bytes = 0;
  if (ei_tensor_bytes(y->dtype, y->encoding, y->dims, y->rank, &bytes) && bytes != 0 && y->data != NULL)
    memset(y->data, 0, (size_t)bytes);
}

void ei_dense_strides(int32_t rank, const int64_t *dims, int64_t *strides) {
  int64_t n = 1;
  for (int32_t d = rank - 1; d >= 0; --d) {
    strides[d] = n;
    n *= dims[d];
  }
}

void ei_broadcast_strides(const edge_tensor *x, const edge_tensor *y, int64_t *strides) {
  int64_t own[EDGE_MAX_RANK] = { 0 };
  ei_dense_strides(x->rank, x->dims, own);
  for (int32_t d = 0; d < y->rank; ++d) {
    const int32_t k = d - (y->rank - x->rank);
    strides[d] = k >= 0 && x->dims[k] != 1 ? own[k] : 0;
  }
}

/* ---- values and rules */

static bool is_empty(const edge_tensor *t) {
  return ei_op_shape_known(t) && ei_op_elements(t) == 0;
}

bool ei_op_ready(ei_op_ctx *c, uint32_t i) {
  if (ei_op_shape_known(&c->in[i]) && (c->in[i].data != NULL || ei_op_elements(&c->in[i]) == 0)) return true;
  c->needs_value = 1;
  return false;
}

edge_status ei_op_list(ei_op_ctx *c, uint32_t i, int64_t *out, uint32_t cap, uint32_t *n) {
  *n = 0;
  if (is_empty(&c->in[i])) return EDGE_STATUS_OK;
  if (c->in[i].rank > 1)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u must be a list, but has rank %d", i, (int)c->in[i].rank);
  return ei_op_ints(c, i, out, cap, n);
}

edge_status ei_op_scalar(ei_op_ctx *c, uint32_t i, int64_t *out) {
  uint32_t n = 0;
  if (!ei_op_shape_known(&c->in[i]) || ei_op_elements(&c->in[i]) != 1)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u must have exactly one element", i);
  return ei_op_ints(c, i, out, 1, &n);
}

edge_status ei_op_axis_mask(ei_op_ctx *c, const int64_t *axes, uint32_t n, int32_t rank, uint32_t *mask) {
  *mask = 0;
  for (uint32_t i = 0; i < n; ++i) {
    int32_t axis = 0;
    EI_TRY(ei_op_axis(c, axes[i], rank, &axis));
    if (*mask & (1u << axis)) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "axis %d is given twice", (int)axis);
    *mask |= 1u << axis;
  }
  return EDGE_STATUS_OK;
}

edge_status ei_op_same_dim(ei_op_ctx *c, int64_t *dim, int64_t other, const char *what) {
  if (other < 0) return EDGE_STATUS_OK;
  if (*dim >= 0 && *dim != other)
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "%s: %lld and %lld differ", what, (long long)*dim,
                      (long long)other);
  *dim = other;
  return EDGE_STATUS_OK;
}

edge_status ei_op_need_int(ei_op_ctx *c, uint32_t i) {
  if (ei_dtype_is_int(c->in[i].dtype)) return EDGE_STATUS_OK;
  return ei_op_fail(c, EDGE_STATUS_TYPE_MISMATCH, "input %u must hold integers, but is %s", i,
                    edge_dtype_name(c->in[i].dtype));
}

edge_status ei_op_check_size(ei_op_ctx *c, uint32_t i) {
  const edge_tensor *const y = &c->out[i];
  uint64_t bytes = 0;
  if (!ei_op_shape_known(y)) return EDGE_STATUS_OK;
  if (!ei_tensor_bytes(y->dtype, EDGE_ENCODING_NATIVE, y->dims, y->rank, &bytes) || bytes > (uint64_t)INT64_MAX / 64)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "output %u would be larger than memory can be", i);
  return EDGE_STATUS_OK;
}
