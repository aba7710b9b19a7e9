/* SPDX-License-Identifier: Apache-2.0
 * Tensors of a TFLite model: types, shapes, constants, quantization, states. */
#include "tflite.h"

static const struct {
  const char *name;
  int32_t dtype;
} types[] = {
  /* index: TensorType */
  { "FLOAT32", EDGE_DTYPE_F32 },      { "FLOAT16", EDGE_DTYPE_F16 },
  { "INT32", EDGE_DTYPE_S32 },        { "UINT8", EDGE_DTYPE_U8 },
  { "INT64", EDGE_DTYPE_S64 },        { "STRING", EDGE_DTYPE_NONE },
  { "BOOL", EDGE_DTYPE_BOOL },        { "INT16", EDGE_DTYPE_S16 },
  { "COMPLEX64", EDGE_DTYPE_NONE },   { "INT8", EDGE_DTYPE_S8 },
  { "FLOAT64", EDGE_DTYPE_F64 },      { "COMPLEX128", EDGE_DTYPE_NONE },
  { "UINT64", EDGE_DTYPE_U64 },       { "RESOURCE", EDGE_DTYPE_NONE },
  { "VARIANT", EDGE_DTYPE_NONE },     { "UINT32", EDGE_DTYPE_U32 },
  { "UINT16", EDGE_DTYPE_U16 },       { "INT4", EDGE_DTYPE_S4 },
  { "BFLOAT16", EDGE_DTYPE_BF16 },    { "INT2", EDGE_DTYPE_S2 },
  { "UINT4", EDGE_DTYPE_U4 },         { "FLOAT8_E4M3FN", EDGE_DTYPE_NONE },
  { "FLOAT8_E5M2", EDGE_DTYPE_NONE },
};

int32_t tl_dtype(int32_t type) {
  return type >= 0 && (size_t)type < EI_COUNT(types) ? types[type].dtype : EDGE_DTYPE_NONE;
}

const char *tl_type_name(int32_t type) {
  return type >= 0 && (size_t)type < EI_COUNT(types) ? types[type].name : "unknown";
}

/* Bytes of the UTF-8 sequence that starts here; 0: none (overlong forms and surrogates included). */
static uint32_t utf8_length(const unsigned char *p, uint32_t left) {
  static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
  const uint32_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
  if (n == 0 || n > left) return 0;
  uint32_t code = n == 1 ? p[0] : p[0] & (0x7fu >> n);
  for (uint32_t i = 1; i < n; ++i) {
    if (p[i] >> 6 != 2) return 0;
    code = code << 6 | (p[i] & 0x3fu);
  }
  return code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

const char *tl_text(tl_model *m, fb_vector v) {
  char *const text = ei_arena_strdup(m->im->arena, (const char *)v.data, v.count);
  if (!text) return NULL;
  for (uint32_t i = 0; i < v.count;) { /* names end up in messages and in the file: clean text, not terminated early */
    const uint32_t n = utf8_length((const unsigned char *)text + i, v.count - i);
    if (n == 0 || (unsigned char)text[i] < 0x20 || text[i] == 0x7f) text[i] = '?';
    i += n ? n : 1;
  }
  return text;
}

edge_status tl_buffer(tl_model *m, uint32_t index, const void **data, uint64_t *bytes) {
  *data = NULL;
  *bytes = 0;
  if (index == 0) return EDGE_STATUS_OK; /* by convention the empty one */
  if (index >= m->buffers.count)
    return ei_fail(m->err, EDGE_STATUS_MALFORMED, "buffer %u of %u does not exist", index, m->buffers.count);
  const fb_table t = fb_vec_table(&m->fb, m->buffers, index);
  const uint64_t offset = fb_u64(t, 1, 0), size = fb_u64(t, 2, 0);
  if (offset > 1) { /* stored behind the FlatBuffer, absolute in the file */
    if (offset > m->file_bytes || size > m->file_bytes - offset)
      return ei_fail_at(m->err, EDGE_STATUS_MALFORMED, offset, "buffer %u lies outside the file: %llu bytes at %llu",
                        index, (unsigned long long)size, (unsigned long long)offset);
    *data = m->file + offset;
    *bytes = size;
    return EDGE_STATUS_OK;
  }
  const fb_vector v = fb_vec(t, 0, 1);
  *data = v.data;
  *bytes = v.count;
  return m->fb.bad ? tl_broken(m) : EDGE_STATUS_OK;
}

static edge_status read_shape(tl_model *m, fb_table t, uint32_t index, const char *name, bool constant, tl_tensor *d) {
  const fb_vector shape = fb_vec(t, 0, 4), signature = fb_vec(t, 7, 4);
  if (shape.count > EDGE_MAX_RANK)
    return ei_fail_node(m->err, EDGE_STATUS_UNSUPPORTED_FEATURE, EI_NONE, index,
                        "tensor %u '%s' has %u dimensions; at most %d are supported", index, name, shape.count,
                        EDGE_MAX_RANK);
  const bool dynamic = !constant && signature.count == shape.count;
  d->rank = (int32_t)shape.count;
  for (uint32_t i = 0; i < shape.count; ++i) {
    const int32_t dim = fb_vec_s32(shape, i);
    d->dims[i] = dynamic && fb_vec_s32(signature, i) < 0 ? EI_DIM_UNKNOWN : dim;
    if (dim < 0 && (constant || dim != -1))
      return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, EI_NONE, index, "tensor %u '%s': dimension %u is %d", index,
                          name, i, dim);
  }
  return EDGE_STATUS_OK;
}

/* Per-axis parameters that do not fit the shape: files in the wild give rank-1 biases the axis of their weights. */
static edge_status check_axis(tl_model *m, uint32_t index, const ei_tensor *t, edge_quant *q) {
  if (q->axis >= 0 && q->axis < t->rank && t->dims[q->axis] == (int64_t)q->count) return EDGE_STATUS_OK;
  if (t->rank == 1 && t->dims[0] == (int64_t)q->count) {
    ei_import_log(m->im, EDGE_LOG_WARNING,
                  "tensor %u '%s' has one dimension but is quantized along dimension %d; dimension 0 is meant", index,
                  t->name, q->axis);
    q->axis = 0;
    return EDGE_STATUS_OK;
  }
  return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                      "tensor %u '%s' has %u scales along dimension %d, which its shape does not have", index, t->name,
                      q->count, q->axis);
}

static edge_status read_scales(tl_model *m, fb_vector scales, fb_vector zeros, uint32_t index, const ei_tensor *t,
                               edge_quant *q) {
  float *const s = EI_NEW_ARRAY(m->im->arena, float, scales.count);
  int32_t *const z = EI_NEW_ARRAY(m->im->arena, int32_t, scales.count);
  double lo = 0.0, hi = 0.0;
  if (!s || !z) return tl_broken(m);
  bool any = false;
  const bool bounded = ei_dtype_range(t->dtype, &lo, &hi);
  for (uint32_t i = 0; i < scales.count; ++i) {
    s[i] = fb_vec_f32(scales, i);
    const int64_t zero = zeros.count == 0 ? 0 : fb_vec_s64(zeros, zeros.count == 1 ? 0 : i);
    if (!(s[i] >= 0.0f && s[i] <= 3.4e38f))
      return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, EI_NONE, index, "tensor %u '%s': scale %u is %g", index,
                          t->name, i, (double)s[i]);
    if (zero < INT32_MIN || zero > INT32_MAX || (bounded && ((double)zero < lo || (double)zero > hi)))
      return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                          "tensor %u '%s': zero point %lld does not fit its type %s", index, t->name, (long long)zero,
                          edge_dtype_name(t->dtype));
    z[i] = (int32_t)zero;
    any = any || zero != 0;
  }
  q->scales = s;
  q->zero_points = any ? z : NULL;
  q->count = scales.count;
  return EDGE_STATUS_OK;
}

static edge_status read_quant(tl_model *m, fb_table t, uint32_t index, ei_tensor *out) {
  const fb_table q = fb_sub(t, 4);
  const fb_vector scales = fb_vec(q, 2, 4), zeros = fb_vec(q, 3, 8);
  if (!ei_dtype_is_int(out->dtype)) return EDGE_STATUS_OK;
  if (fb_u8(q, 4, 0) != 0)
    return ei_fail_node(m->err, EDGE_STATUS_UNSUPPORTED_TYPE, EI_NONE, index,
                        "tensor %u '%s' is quantized by a scheme that is not supported; convert the model with scales "
                        "per tensor or per channel",
                        index, out->name);
  if (scales.count == 0 || (scales.count == 1 && fb_vec_f32(scales, 0) == 0.0f)) return EDGE_STATUS_OK;
  if (zeros.count > 1 && zeros.count != scales.count)
    return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                        "tensor %u '%s' has %u scales but %u zero points", index, out->name, scales.count, zeros.count);
  if ((uint64_t)scales.count * 8 > m->fb.budget) {
    fb_fail(&m->fb, scales.pos, "the file repeats its scales too often");
    return tl_broken(m);
  }
  m->fb.budget -= (uint64_t)scales.count * 8;
  EI_TRY(read_scales(m, scales, zeros, index, out, &out->quant));
  if (scales.count == 1) return EDGE_STATUS_OK;
  out->quant.axis = fb_s32(q, 6, 0);
  return check_axis(m, index, out, &out->quant);
}

/* The bytes of a constant, aligned as its type needs; their number must be exactly that of the shape. */
static edge_status read_data(tl_model *m, uint32_t index, const void *data, uint64_t bytes, ei_tensor *t) {
  uint64_t want = 0;
  if (!ei_tensor_bytes(t->dtype, EDGE_ENCODING_NATIVE, t->dims, t->rank, &want) || want != bytes)
    return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                        "tensor %u '%s' needs %llu bytes for its shape, its buffer has %llu", index, t->name,
                        (unsigned long long)want, (unsigned long long)bytes);
  const uint32_t bits = edge_dtype_bits(t->dtype);
  if ((uintptr_t)data % (bits < 8 ? 1 : bits / 8) != 0 || bytes == 0) {
    void *const copy = ei_arena_get_raw(m->im->arena, bytes ? bytes : 1, 64);
    if (!copy) return tl_broken(m);
    if (bytes) memcpy(copy, data, (size_t)bytes);
    ei_import_release(m->im, data, bytes);
    data = copy;
  }
  t->data = data;
  t->data_bytes = bytes;
  return EDGE_STATUS_OK;
}

static edge_status add_variable(tl_model *m, uint32_t index, ei_tensor *t) {
  ei_state s;
  memset(&s, 0, sizeof s);
  s.name = t->name;
  s.dtype = t->dtype;
  s.rank = t->rank;
  for (int32_t i = 0; i < t->rank; ++i) {
    s.dims[i] = t->dims[i];
    if (t->dims[i] < 0)
      return ei_fail_node(m->err, EDGE_STATUS_UNSUPPORTED_FEATURE, EI_NONE, index,
                          "variable tensor %u '%s' has a dynamic shape; give it a fixed one", index, t->name);
  }
  const uint32_t state = ei_graph_add_state(m->g, &s);
  if (state == EI_NONE) return tl_broken(m);
  t->state = state + 1;
  return EDGE_STATUS_OK;
}

static edge_status read_tensor(tl_model *m, tl_subgraph *sub, fb_vector tensors, uint32_t index) {
  tl_tensor *const d = &sub->tensors[index];
  const fb_table table = fb_vec_table(&m->fb, tensors, index);
  ei_tensor t;
  const void *data = NULL;
  uint64_t bytes = 0, elements = 0;
  memset(&t, 0, sizeof t);
  t.name = tl_text(m, fb_str(table, 3));
  if (!t.name || m->fb.bad) return tl_broken(m);
  d->type = fb_s8(table, 1, 0);
  d->is_variable = fb_u8(table, 5, 0) != 0;
  d->has_rank = fb_u8(table, 8, 0) != 0;
  t.dtype = tl_dtype(d->type);
  EI_TRY(tl_buffer(m, fb_u32(table, 2, 0), &data, &bytes));
  const bool free_standing = !d->produced && !d->is_input && !d->is_variable;
  bool constant = bytes != 0 && free_standing;
  EI_TRY(read_shape(m, table, index, t.name, constant, d));
  if (free_standing && !constant && d->rank > 0 && d->type != TL_TYPE_RESOURCE) {
    /* An empty constant has no bytes that could mark it. */
    constant = ei_elements(d->dims, d->rank, &elements) && elements == 0;
  }
  t.rank = d->rank;
  memcpy(t.dims, d->dims, sizeof t.dims);
  if (t.dtype != EDGE_DTYPE_NONE && fb_has(table, 6) && constant)
    EI_TRY(tl_densify(m, fb_sub(table, 6), index, &t, &data, &bytes));
  if (t.dtype != EDGE_DTYPE_NONE && constant) EI_TRY(read_data(m, index, data, bytes, &t));
  EI_TRY(read_quant(m, table, index, &t));
  if (d->is_variable && !d->is_input && !d->produced && t.dtype != EDGE_DTYPE_NONE) EI_TRY(add_variable(m, index, &t));
  if (d->type == TL_TYPE_COMPLEX64 && d->produced) t.dtype = EDGE_DTYPE_F32; /* pairs in one more dimension */
  if (d->produced) t.rank = EI_RANK_UNKNOWN; /* inference finds it; the declaration may be for other input shapes */
  if (m->fb.bad || ei_graph_add_tensor(m->g, sub->graph, &t) != index) return tl_broken(m);
  return EDGE_STATUS_OK;
}

/* Which tensors operators produce and which are inputs: a buffer does not make those constants. */
static edge_status mark_roles(tl_model *m, tl_subgraph *sub) {
  for (uint32_t i = 0; i < sub->inputs.count; ++i) {
    const int32_t t = fb_vec_s32(sub->inputs, i);
    if (t < 0 || (uint32_t)t >= sub->n_tensors)
      return ei_fail(m->err, EDGE_STATUS_MALFORMED, "input %u of a subgraph is tensor %d of %u", i, t, sub->n_tensors);
    sub->tensors[t].is_input = true;
  }
  for (uint32_t i = 0; i < sub->operators.count; ++i) {
    const fb_vector out = fb_vec(fb_vec_table(&m->fb, sub->operators, i), 2, 4);
    for (uint32_t k = 0; k < out.count; ++k) {
      const int32_t t = fb_vec_s32(out, k);
      if (t == -1) continue;
      if (t < 0 || (uint32_t)t >= sub->n_tensors)
        return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, i, EI_NONE, "operator %u writes tensor %d of %u", i, t,
                            sub->n_tensors);
      if (sub->tensors[t].produced || sub->tensors[t].is_input)
        return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, i, (uint32_t)t,
                            "operator %u writes tensor %d, which is an input or has been written before", i, t);
      sub->tensors[t].produced = true;
    }
  }
  return m->fb.bad ? tl_broken(m) : EDGE_STATUS_OK;
}

edge_status tl_read_tensors(tl_model *m, uint32_t file_subgraph) {
  tl_subgraph *const sub = &m->sub[file_subgraph];
  const fb_vector tensors = fb_vec(sub->table, 0, 4);
  sub->inputs = fb_vec(sub->table, 1, 4);
  sub->outputs = fb_vec(sub->table, 2, 4);
  sub->n_tensors = tensors.count;
  sub->tensors = EI_NEW_ARRAY(m->im->arena, tl_tensor, (uint64_t)tensors.count + 1);
  if (!sub->tensors || m->fb.bad) return tl_broken(m);
  for (uint32_t i = 0; i < tensors.count; ++i) sub->tensors[i].permuted = EI_NONE;
  EI_TRY(mark_roles(m, sub));
  for (uint32_t i = 0; i < tensors.count; ++i) EI_TRY(read_tensor(m, sub, tensors, i));
  return EDGE_STATUS_OK;
}
