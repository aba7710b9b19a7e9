/* SPDX-License-Identifier: Apache-2.0
 * MatMul and MatMulInteger: NumPy matrix product with optional transposition, bias and activation. Integers without
 * quantization wrap like C. */
#include "ref_dot.h"

static const ei_attr_def attrs[] = {
  { "trans_a", EI_ATTR_INT, 0 }, { "trans_b", EI_ATTR_INT, 0 }, EI_ACT_ATTRS, { NULL, 0, 0 }
};

/* The product as batches of [M, K] x [K, N]. Sizes are -1 where unknown. */
typedef struct shape {
  int64_t m, n, k;
  int64_t batch[EDGE_MAX_RANK], batch_a[EDGE_MAX_RANK], batch_b[EDGE_MAX_RANK]; /* right-aligned to n_batch */
  int32_t n_batch;
  bool vector_a, vector_b, trans_a, trans_b;
} shape;

static edge_status read_batch(ei_op_ctx *c, shape *s, const edge_tensor *a, const edge_tensor *b) {
  const int32_t na = a->rank > 2 ? a->rank - 2 : 0, nb = b->rank > 2 ? b->rank - 2 : 0;
  edge_tensor ta = *a, tb = *b, out;
  ta.rank = na;
  tb.rank = nb;
  EI_TRY(ei_op_broadcast(c, &ta, &tb, &out));
  s->n_batch = out.rank;
  for (int32_t i = 0; i < out.rank; ++i) {
    const int32_t ia = i - (out.rank - na), ib = i - (out.rank - nb);
    s->batch[i] = out.dims[i];
    s->batch_a[i] = ia < 0 ? 1 : a->dims[ia];
    s->batch_b[i] = ib < 0 ? 1 : b->dims[ib];
  }
  return EDGE_STATUS_OK;
}

/* Both ranks are known. */
static edge_status read_shape(ei_op_ctx *c, shape *s) {
  const edge_tensor *const a = &c->in[0], *const b = &c->in[1];
  EI_TRY(ei_op_need_rank(c, 0, 1, EDGE_MAX_RANK));
  EI_TRY(ei_op_need_rank(c, 1, 1, EDGE_MAX_RANK));
  s->vector_a = a->rank == 1;
  s->vector_b = b->rank == 1;
  s->trans_a = !s->vector_a && ei_op_int(c, "trans_a") != 0;
  s->trans_b = !s->vector_b && ei_op_int(c, "trans_b") != 0;
  s->m = s->vector_a ? 1 : a->dims[a->rank - (s->trans_a ? 1 : 2)];
  s->n = s->vector_b ? 1 : b->dims[b->rank - (s->trans_b ? 2 : 1)];
  const int64_t ka = a->dims[a->rank - (s->trans_a ? 2 : 1)];
  const int64_t kb = s->vector_b ? b->dims[0] : b->dims[b->rank - (s->trans_b ? 1 : 2)];
  if (ka >= 0 && kb >= 0 && ka != kb)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the inner dimensions differ: %lld and %lld", (long long)ka,
                      (long long)kb);
  s->k = ka >= 0 ? ka : kb;
  return read_batch(c, s, a, b);
}

static bool is_plain_int(const edge_tensor *t) {
  return ei_dtype_is_int(t->dtype) && !ei_is_quantized(t);
}

static void set_shape(ei_op_ctx *c, const shape *s, int32_t dtype) {
  int64_t dims[EDGE_MAX_RANK];
  int32_t rank = 0;
  for (; rank < s->n_batch; ++rank) dims[rank] = s->batch[rank];
  if (!s->vector_a) dims[rank++] = s->m;
  if (!s->vector_b) dims[rank++] = s->n;
  ei_op_set_shape(&c->out[0], dtype, rank, dims);
}

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const a = &c->in[0], *const b = &c->in[1], *const bias = ei_op_has(c, 2) ? &c->in[2] : NULL;
  ei_act act;
  shape s;
  EI_TRY(ei_act_read(c, &act));
  if (is_plain_int(a)) {
    EI_TRY(ei_op_need_same_dtype(c, 0, 1));
    if (bias != NULL) EI_TRY(ei_op_need_same_dtype(c, 0, 2));
    if (act.kind != EI_ACT_NONE)
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "an activation needs float or quantized inputs");
  } else {
    const int32_t axis = b->rank < 2 ? b->quant.axis : b->rank - (ei_op_int(c, "trans_b") != 0 ? 2 : 1);
    EI_TRY(ei_ref_dot_check(c, a, b, bias, axis));
  }
  if (a->rank < 0 || b->rank < 0) {
    ei_op_set_unknown(&c->out[0], a->dtype);
    return EDGE_STATUS_OK;
  }
  EI_TRY(read_shape(c, &s));
  EI_TRY(ei_op_need_vector(c, 2, s.n));
  set_shape(c, &s, a->dtype);
  return EDGE_STATUS_OK;
}

static uint64_t tensor_size(const edge_tensor *t) {
  uint64_t bytes = 0;
  return ei_tensor_bytes(t->dtype, t->encoding, t->dims, t->rank, &bytes) ? bytes : 0;
}

static uint64_t align64(uint64_t n) {
  return (n + 63) & ~(uint64_t)63;
}

static uint64_t scratch_bytes(const ei_op_ctx *c) {
  const edge_tensor *const a = &c->in[0], *const b = &c->in[1];
  const int64_t n = b->rank < 2 ? 1 : b->dims[b->rank - (ei_op_int(c, "trans_b") != 0 ? 2 : 1)];
  return align64(tensor_size(a)) + align64(tensor_size(b)) + ei_ref_dot_scratch(a, b, (uint64_t)n);
}

/* Copy with the last two dimensions swapped; *t becomes a view of the copy. */
static void transpose(edge_tensor *t, void *to) {
  const int64_t rows = t->dims[t->rank - 2], cols = t->dims[t->rank - 1];
  const uint64_t total = ei_op_elements(t), plane = (uint64_t)(rows * cols);
  const uint32_t bits = edge_dtype_bits(t->dtype);
  edge_tensor copy = *t;
  copy.data = to;
  copy.dims[t->rank - 2] = cols;
  copy.dims[t->rank - 1] = rows;
  if (t->quant.count > 1 && t->quant.axis >= t->rank - 2) copy.quant.axis = 2 * t->rank - 3 - t->quant.axis;
  for (uint64_t base = 0; base < total; base += plane) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t col = 0; col < cols; ++col) {
        const uint64_t from = base + (uint64_t)(r * cols + col), at = base + (uint64_t)(col * rows + r);
        if (bits == 32)
          memcpy((char *)to + at * 4, (const char *)t->data + from * 4, 4);
        else if (bits >= 8)
          memcpy((char *)to + at * (bits / 8), (const char *)t->data + from * (bits / 8), bits / 8);
        else
          ei_store_s64(&copy, at, ei_load_s64(t, from));
      }
    }
  }
  *t = copy;
}

/* Index of the matrix that a batch of the output reads. */
static uint64_t batch_index(const shape *s, const int64_t *dims, uint64_t flat) {
  uint64_t index = 0, stride = 1;
  for (int32_t i = s->n_batch - 1; i >= 0; --i) {
    if (dims[i] != 1) index += flat % (uint64_t)s->batch[i] * stride;
    flat /= (uint64_t)s->batch[i];
    stride *= (uint64_t)dims[i];
  }
  return index;
}

static void eval_plain_ints(ei_op_ctx *c, const shape *s, const edge_tensor *a, const edge_tensor *b,
                            uint64_t batches) {
  const uint64_t m = (uint64_t)s->m, n = (uint64_t)s->n, k = (uint64_t)s->k;
  for (uint64_t i = 0; i < batches * m * n; ++i) {
    const uint64_t batch = i / (m * n), row = i / n % m, col = i % n;
    const uint64_t pa = (batch_index(s, s->batch_a, batch) * m + row) * k;
    const uint64_t pb = (batch_index(s, s->batch_b, batch) * n + col) * k;
    uint64_t sum = ei_op_has(c, 2) ? (uint64_t)ei_load_s64(&c->in[2], col) : 0;
    for (uint64_t j = 0; j < k; ++j) sum += (uint64_t)ei_load_s64(a, pa + j) * (uint64_t)ei_load_s64(b, pb + j);
    ei_store_s64(&c->out[0], i, (int64_t)sum);
  }
}

static edge_status eval(ei_op_ctx *c) {
  edge_tensor a = c->in[0], b = c->in[1];
  char *scratch = (char *)c->scratch;
  shape s;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  EI_TRY(read_shape(c, &s));
  const uint64_t total = ei_op_elements(&c->out[0]);
  if (total == 0) return EDGE_STATUS_OK;
  if (s.trans_a) {
    transpose(&a, scratch);
    scratch += align64(tensor_size(&a));
  }
  if (!s.vector_b && !s.trans_b) {
    transpose(&b, scratch);
    scratch += align64(tensor_size(&b));
  }
  const uint64_t m = (uint64_t)s.m, n = (uint64_t)s.n, k = (uint64_t)s.k, batches = total / (m * n);
  if (is_plain_int(&a)) {
    eval_plain_ints(c, &s, &a, &b, batches);
    return EDGE_STATUS_OK;
  }
  ei_ref_dot r;
  ei_ref_dot_init(&r, &act, &a, &b, ei_op_has(c, 2) ? &c->in[2] : NULL, n, &c->out[0], scratch);
  for (uint64_t batch = 0; batch < batches; ++batch) {
    const uint64_t pa = batch_index(&s, s.batch_a, batch) * m * k, pb = batch_index(&s, s.batch_b, batch) * n * k;
    for (uint64_t row = 0; row < m; ++row) {
      for (uint64_t col = 0; col < n; ++col)
        ei_ref_dot_store(&r, (batch * m + row) * n + col, col, ei_ref_dot_run(&r, pa + row * k, pb + col * k, k, col));
    }
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_MatMul = {
  .name = "MatMul",
  .min_in = 2,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 1u << 2,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
  .scratch_bytes = scratch_bytes,
};

/* ---- MatMulInteger: sums of differences from the zero points, modulo 2^32 */

/* A zero point is one value, or one per row of a (column of b), alone or per matrix of the operand itself. */
static edge_status check_zero(ei_op_ctx *c, uint32_t i, const edge_tensor *of, int64_t size, bool vector) {
  const edge_tensor *const z = &c->in[i];
  if (!ei_op_has(c, i) || !ei_op_shape_known(z)) return EDGE_STATUS_OK;
  const uint64_t n = ei_op_elements(z);
  if (n == 1) return EDGE_STATUS_OK;
  if (size < 0 || !ei_op_shape_known(of)) return EDGE_STATUS_OK;
  uint64_t matrices = 1;
  for (int32_t d = 0; d < of->rank - 2; ++d) matrices *= (uint64_t)of->dims[d];
  if (vector || (n != (uint64_t)size && n != (uint64_t)size * matrices) || n == 0)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "zero point %u has %llu values", i, (unsigned long long)n);
  return EDGE_STATUS_OK;
}

static edge_status infer_integer(ei_op_ctx *c) {
  const edge_tensor *const a = &c->in[0], *const b = &c->in[1];
  shape s;
  for (uint32_t i = 0; i < c->n_in; ++i) {
    const int32_t t = c->in[i].dtype;
    if (!ei_op_has(c, i)) continue;
    if (t != EDGE_DTYPE_S8 && t != EDGE_DTYPE_U8)
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input %u must be s8 or u8, not %s", i, edge_dtype_name(t));
    if (i >= 2) EI_TRY(ei_op_need_same_dtype(c, i - 2, i));
  }
  if (a->rank < 0 || b->rank < 0) {
    ei_op_set_unknown(&c->out[0], EDGE_DTYPE_S32);
    return EDGE_STATUS_OK;
  }
  EI_TRY(read_shape(c, &s));
  EI_TRY(check_zero(c, 2, a, s.m, s.vector_a));
  EI_TRY(check_zero(c, 3, b, s.n, s.vector_b));
  set_shape(c, &s, EDGE_DTYPE_S32);
  return EDGE_STATUS_OK;
}

static int32_t zero_at(ei_op_ctx *c, uint32_t i, uint64_t matrix, uint64_t size, uint64_t k) {
  if (!ei_op_has(c, i)) return 0;
  const uint64_t n = ei_op_elements(&c->in[i]);
  return (int32_t)ei_load_s64(&c->in[i], n == 1 ? 0 : n == size ? k : matrix * size + k);
}

static edge_status eval_integer(ei_op_ctx *c) {
  const edge_tensor *const a = &c->in[0], *const b = &c->in[1];
  shape s;
  EI_TRY(read_shape(c, &s));
  const uint64_t total = ei_op_elements(&c->out[0]);
  if (total == 0) return EDGE_STATUS_OK;
  const uint64_t m = (uint64_t)s.m, n = (uint64_t)s.n, k = (uint64_t)s.k;
  uint32_t *y = (uint32_t *)c->out[0].data;
  const bool b_signed = b->dtype == EDGE_DTYPE_S8;
  for (uint64_t row = 0; row < total / n; ++row, y += n) {
    const uint64_t ma = batch_index(&s, s.batch_a, row / m), mb = batch_index(&s, s.batch_b, row / m);
    const int32_t az = zero_at(c, 2, ma, m, row % m);
    for (uint64_t col = 0; col < n; ++col) y[col] = 0;
    for (uint64_t i = 0; i < k; ++i) {
      const uint32_t v = (uint32_t)((int32_t)ei_load_s64(a, (ma * m + row % m) * k + i) - az);
      const int8_t *const bs = (const int8_t *)b->data + (mb * k + i) * n;
      const uint8_t *const bu = (const uint8_t *)b->data + (mb * k + i) * n;
      if (b_signed) {
        for (uint64_t col = 0; col < n; ++col) y[col] += v * (uint32_t)(int32_t)bs[col];
      } else {
        for (uint64_t col = 0; col < n; ++col) y[col] += v * bu[col];
      }
    }
    uint32_t row_sum = 0; /* sum (a - az)(b - bz) = sum (a - az) b - bz sum (a - az) */
    for (uint64_t i = 0; i < k; ++i) row_sum += (uint32_t)((int32_t)ei_load_s64(a, (ma * m + row % m) * k + i) - az);
    for (uint64_t col = 0; col < n; ++col) y[col] -= row_sum * (uint32_t)zero_at(c, 3, mb, n, col);
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_MatMulInteger = {
  .name = "MatMulInteger",
  .min_in = 2,
  .max_in = 4,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 12,
  .infer = infer_integer,
  .eval = eval_integer,
};
