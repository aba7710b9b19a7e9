/* SPDX-License-Identifier: Apache-2.0
 * Contents of tensors: raw bytes used in place, typed fields converted, sparse tensors spread out. */
#include "onnx.h"

typedef struct type_row {
  const char *name;
  int32_t dtype;
  uint32_t field; /* typed data field of TensorProto */
  ei_pb_scalar kind;
} type_row;

static const type_row types[] = {
  { "undefined", EDGE_DTYPE_NONE, 0, EI_PB_AS_VARINT },
  { "float", EDGE_DTYPE_F32, 4, EI_PB_AS_F32 },
  { "uint8", EDGE_DTYPE_U8, 5, EI_PB_AS_VARINT },
  { "int8", EDGE_DTYPE_S8, 5, EI_PB_AS_VARINT },
  { "uint16", EDGE_DTYPE_U16, 5, EI_PB_AS_VARINT },
  { "int16", EDGE_DTYPE_S16, 5, EI_PB_AS_VARINT },
  { "int32", EDGE_DTYPE_S32, 5, EI_PB_AS_VARINT },
  { "int64", EDGE_DTYPE_S64, 7, EI_PB_AS_VARINT },
  { "string", EDGE_DTYPE_NONE, 6, EI_PB_AS_VARINT },
  { "bool", EDGE_DTYPE_BOOL, 5, EI_PB_AS_VARINT },
  { "float16", EDGE_DTYPE_F16, 5, EI_PB_AS_VARINT },
  { "double", EDGE_DTYPE_F64, 10, EI_PB_AS_F64 },
  { "uint32", EDGE_DTYPE_U32, 11, EI_PB_AS_VARINT },
  { "uint64", EDGE_DTYPE_U64, 11, EI_PB_AS_VARINT },
  { "complex64", EDGE_DTYPE_NONE, 0, EI_PB_AS_VARINT },
  { "complex128", EDGE_DTYPE_NONE, 0, EI_PB_AS_VARINT },
  { "bfloat16", EDGE_DTYPE_BF16, 5, EI_PB_AS_VARINT },
  { "float8e4m3fn", EDGE_DTYPE_NONE, 0, EI_PB_AS_VARINT },
  { "float8e4m3fnuz", EDGE_DTYPE_NONE, 0, EI_PB_AS_VARINT },
  { "float8e5m2", EDGE_DTYPE_NONE, 0, EI_PB_AS_VARINT },
  { "float8e5m2fnuz", EDGE_DTYPE_NONE, 0, EI_PB_AS_VARINT },
  { "uint4", EDGE_DTYPE_U4, 5, EI_PB_AS_VARINT },
  { "int4", EDGE_DTYPE_S4, 5, EI_PB_AS_VARINT },
  { "float4e2m1", EDGE_DTYPE_NONE, 0, EI_PB_AS_VARINT },
  { "float8e8m0", EDGE_DTYPE_NONE, 0, EI_PB_AS_VARINT },
  { "uint2", EDGE_DTYPE_U2, 5, EI_PB_AS_VARINT },
  { "int2", EDGE_DTYPE_S2, 5, EI_PB_AS_VARINT },
};

static const type_row *row_of(int32_t onnx_type) {
  return &types[onnx_type >= 0 && onnx_type < (int32_t)EI_COUNT(types) ? onnx_type : 0];
}

int32_t ei_ox_dtype(int32_t onnx_type) {
  return row_of(onnx_type)->dtype;
}
const char *ei_ox_type_name(int32_t onnx_type) {
  return row_of(onnx_type)->name;
}

/* Little-endian store of the low bytes of a 64-bit pattern. */
static void store(uint8_t *out, uint64_t v, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes; ++i) out[i] = (uint8_t)(v >> (8 * i));
}

static edge_status load_typed(ei_ox *x, const ei_ox_tensor *t, ei_tensor *out) {
  const type_row *const row = row_of(t->onnx_type);
  const uint32_t bits = edge_dtype_bits(row->dtype);
  const uint32_t width = bits < 8 ? 1 : bits / 8; /* sub-byte values are stored a whole byte at a time */
  const uint64_t want = out->data_bytes / width;
  uint64_t count = 0;
  EI_TRY(ei_pb_scalars(t->message, row->field, row->kind, NULL, 0, &count, x->err));
  if (count != want)
    return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, ei_pb_offset(&t->message),
                      "tensor '%s' has %llu values where its shape and type need %llu", t->name,
                      (unsigned long long)count, (unsigned long long)want);
  uint64_t *const values = EI_NEW_ARRAY(x->arena, uint64_t, count + 1);
  uint8_t *const data = ei_arena_get(x->arena, out->data_bytes + 1, 64);
  if (!values || !data) return ei_ox_out_of_memory(x);
  EI_TRY(ei_pb_scalars(t->message, row->field, row->kind, values, count, &count, x->err));
  for (uint64_t i = 0; i < count; ++i)
    store(data + i * width, row->dtype == EDGE_DTYPE_BOOL ? values[i] != 0 : values[i], width);
  out->data = data;
  return EDGE_STATUS_OK;
}

bool ei_ox_aligned(const ei_tensor *t) {
  const uint32_t bits = edge_dtype_bits(t->dtype);
  return (uintptr_t)t->data % (bits < 8 ? 1 : bits / 8) == 0;
}

edge_status ei_ox_own(ei_ox *x, ei_tensor *t) {
  uint8_t *const own = ei_arena_get_raw(x->arena, t->data_bytes + 1, 64);
  if (!own) return ei_ox_out_of_memory(x);
  if (t->data_bytes) memcpy(own, t->data, (size_t)t->data_bytes);
  ei_import_release(x->im, t->data, t->data_bytes);
  t->data = own;
  return EDGE_STATUS_OK;
}

/* Bytes are used where they lie. Small ones that are not aligned for their type are copied now, large ones when
 * the graph is complete: by then most have been rearranged. */
static edge_status adopt(ei_ox *x, const uint8_t *data, ei_tensor *out) {
  bool flags = false;
  if (out->dtype == EDGE_DTYPE_BOOL)
    for (uint64_t i = 0; i < out->data_bytes && !flags; ++i) flags = data[i] > 1;
  out->data = data;
  if (!flags && out->data_bytes && (ei_ox_aligned(out) || out->data_bytes > EI_OX_SMALL)) return EDGE_STATUS_OK;
  EI_TRY(ei_ox_own(x, out));
  uint8_t *const own = (uint8_t *)(uintptr_t)out->data;
  for (uint64_t i = 0; flags && i < out->data_bytes; ++i) own[i] = own[i] != 0;
  return EDGE_STATUS_OK;
}

static edge_status check_type(ei_ox *x, const ei_ox_tensor *t) {
  if (ei_ox_dtype(t->onnx_type) != EDGE_DTYPE_NONE) return EDGE_STATUS_OK;
  return ei_fail_at(x->err, EDGE_STATUS_UNSUPPORTED_TYPE, ei_pb_offset(&t->message),
                    "tensor '%s' has element type %s (%d), which is not supported; convert it to a supported type",
                    t->name, ei_ox_type_name(t->onnx_type), t->onnx_type);
}

edge_status ei_ox_load_tensor(ei_ox *x, const ei_ox_tensor *t, ei_tensor *out) {
  memset(out, 0, sizeof *out);
  out->name = t->name;
  EI_TRY(check_type(x, t));
  out->dtype = ei_ox_dtype(t->onnx_type);
  out->rank = t->rank;
  memcpy(out->dims, t->dims, sizeof out->dims);
  const uint64_t offset = ei_pb_offset(&t->message);
  if (t->segmented)
    return ei_fail_at(x->err, EDGE_STATUS_UNSUPPORTED_FEATURE, offset, "tensor '%s' is stored in segments", t->name);
  if (!ei_tensor_bytes(out->dtype, EDGE_ENCODING_NATIVE, out->dims, out->rank, &out->data_bytes))
    return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, offset, "the size of tensor '%s' overflows", t->name);
  if (t->external) {
    const uint8_t *data = NULL;
    EI_TRY(ei_ox_load_external(x, t, out->data_bytes, &data));
    return adopt(x, data, out);
  }
  if (t->raw.number == 0) return load_typed(x, t, out);
  if (t->raw.bytes != out->data_bytes)
    return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, offset,
                      "tensor '%s' has %llu bytes of raw data where its shape and type need %llu", t->name,
                      (unsigned long long)t->raw.bytes, (unsigned long long)out->data_bytes);
  return adopt(x, t->raw.data, out);
}

/* COO: values [n], indices [n] (flat) or [n, rank]. */
edge_status ei_ox_load_sparse(ei_ox *x, const ei_ox_sparse *t, ei_tensor *out) {
  ei_tensor values, indices;
  EI_TRY(ei_ox_load_tensor(x, &t->values, &values));
  EI_TRY(ei_ox_load_tensor(x, &t->indices, &indices));
  memset(out, 0, sizeof *out);
  out->name = t->values.name;
  out->dtype = values.dtype;
  out->rank = t->rank;
  memcpy(out->dims, t->dims, sizeof out->dims);
  uint64_t elements = 0;
  const uint64_t offset = ei_pb_offset(&t->values.message);
  const bool flat = indices.rank == 1;
  if (!ei_elements(out->dims, out->rank, &elements) ||
      !ei_tensor_bytes(out->dtype, EDGE_ENCODING_NATIVE, out->dims, out->rank, &out->data_bytes) || values.rank != 1 ||
      indices.dtype != EDGE_DTYPE_S64 || indices.rank < 1 || indices.rank > 2 || indices.dims[0] != values.dims[0] ||
      (!flat && indices.dims[1] != out->rank))
    return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, offset, "sparse tensor '%s' is inconsistent", out->name);
  uint8_t *const data = ei_arena_get(x->arena, out->data_bytes + 1, 64);
  if (!data) return ei_ox_out_of_memory(x);
  out->data = data;
  edge_tensor from, to, at;
  if (!ei_ox_aligned(&values)) EI_TRY(ei_ox_own(x, &values));
  if (!ei_ox_aligned(&indices)) EI_TRY(ei_ox_own(x, &indices));
  ei_tensor_view(&values, &from);
  ei_tensor_view(out, &to);
  ei_tensor_view(&indices, &at);
  to.data = data;
  for (int64_t i = 0; i < values.dims[0]; ++i) {
    uint64_t index = 0;
    bool inside = true;
    const int32_t parts = flat ? 1 : out->rank;
    for (int32_t k = 0; k < parts; ++k) {
      const int64_t v = ei_load_s64(&at, (uint64_t)(i * parts + k));
      const uint64_t bound = flat ? elements : (uint64_t)out->dims[k];
      if (v < 0 || (uint64_t)v >= bound)
        inside = false;
      else
        index = flat ? (uint64_t)v : index * bound + (uint64_t)v;
    }
    if (!inside || index >= elements)
      return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, offset, "sparse tensor '%s' has an index out of range",
                        out->name);
    if (ei_dtype_is_float(out->dtype))
      ei_store_f64(&to, index, ei_load_f64(&from, (uint64_t)i));
    else
      ei_store_s64(&to, index, ei_load_s64(&from, (uint64_t)i));
  }
  return EDGE_STATUS_OK;
}
