/* SPDX-License-Identifier: Apache-2.0
 * Small ONNX messages: tensors, value types, texts. */
#include "proto.h"
#include "../../graph/graph.h"

edge_status ei_ox_no_memory(ei_ox_parser *x) {
  return ei_fail(x->err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to read the ONNX file; raise the memory limit");
}

edge_status ei_ox_count_fields(ei_ox_parser *x, ei_pb r, uint32_t counts[32]) {
  memset(counts, 0, 32 * sizeof *counts);
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) return EDGE_STATUS_OK;
    if (f.number < 32) counts[f.number]++; /* below 2^32: each takes two bytes or more of a mapped file */
  }
}

edge_status ei_ox_string(ei_ox_parser *x, const ei_pb *r, const ei_pb_field *f, const char *what, const char **out) {
  EI_TRY(ei_pb_want(r, f, EI_PB_BYTES, what, x->err));
  size_t length = 0;
  if (!ei_to_size(f->bytes, &length)) return ei_ox_no_memory(x);
  if (length == 0) {
    *out = "";
    return EDGE_STATUS_OK;
  }
  *out = ei_arena_strdup(x->arena, (const char *)f->data, length);
  return *out ? EDGE_STATUS_OK : ei_ox_no_memory(x);
}

static edge_status add_dim(ei_ox_parser *x, const ei_pb *r, const char *name, uint64_t value, int64_t *dims,
                           int32_t *rank) {
  if (*rank == EDGE_MAX_RANK)
    return ei_fail_at(x->err, EDGE_STATUS_UNSUPPORTED_FEATURE, ei_pb_offset(r),
                      "tensor '%s' has more than %d dimensions; reshape it in the model before export", name,
                      EDGE_MAX_RANK);
  if (ei_ox_s64(value) < 0)
    return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, ei_pb_offset(r), "tensor '%s' has a negative dimension", name);
  dims[(*rank)++] = ei_ox_s64(value);
  return EDGE_STATUS_OK;
}

static edge_status parse_dims(ei_ox_parser *x, ei_pb r, uint32_t number, const char *name, int64_t *dims,
                              int32_t *rank) {
  uint64_t values[EDGE_MAX_RANK + 1] = { 0 }, count = 0;
  EI_TRY(ei_pb_scalars(r, number, EI_PB_AS_VARINT, values, EI_COUNT(values), &count, x->err));
  *rank = 0;
  for (uint64_t i = 0; i < count && i < EI_COUNT(values); ++i) EI_TRY(add_dim(x, &r, name, values[i], dims, rank));
  return EDGE_STATUS_OK;
}

edge_status ei_ox_parse_tensor(ei_ox_parser *x, ei_pb r, ei_ox_tensor *out) {
  memset(out, 0, sizeof *out);
  out->name = "";
  out->message = r;
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) break;
    if (f.number == 2) {
      EI_TRY(ei_pb_want(&r, &f, EI_PB_VARINT, "a tensor", x->err));
      out->onnx_type = f.value > 1000 ? 1000 : (int32_t)f.value;
    } else if (f.number == 3)
      out->segmented = true;
    else if (f.number == 8)
      EI_TRY(ei_ox_string(x, &r, &f, "a tensor", &out->name));
    else if (f.number == 9) {
      EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, "a tensor", x->err));
      out->raw = f;
    } else if (f.number == 14) {
      EI_TRY(ei_pb_want(&r, &f, EI_PB_VARINT, "a tensor", x->err));
      out->external = f.value == 1;
    }
  }
  return parse_dims(x, out->message, 1, out->name, out->dims, &out->rank);
}

edge_status ei_ox_parse_sparse(ei_ox_parser *x, ei_pb r, ei_ox_sparse *out) {
  const ei_pb whole = r;
  memset(out, 0, sizeof *out);
  out->values.name = out->indices.name = "";
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) break;
    if (f.number != 1 && f.number != 2) continue;
    EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, "a sparse tensor", x->err));
    EI_TRY(ei_ox_parse_tensor(x, ei_pb_inside(&r, &f), f.number == 1 ? &out->values : &out->indices));
  }
  return parse_dims(x, whole, 3, out->values.name, out->dims, &out->rank);
}

static edge_status parse_dim(ei_ox_parser *x, ei_pb r, ei_ox_value *v) {
  if (v->rank == EDGE_MAX_RANK)
    return ei_fail_at(x->err, EDGE_STATUS_UNSUPPORTED_FEATURE, ei_pb_offset(&r), "'%s' has more than %d dimensions",
                      v->name, EDGE_MAX_RANK);
  int64_t *const dim = &v->dims[v->rank];
  *dim = EI_DIM_UNKNOWN;
  v->params[v->rank] = "";
  v->rank++;
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) return EDGE_STATUS_OK;
    if (f.number == 1) {
      EI_TRY(ei_pb_want(&r, &f, EI_PB_VARINT, "a dimension", x->err));
      const int64_t value = ei_ox_s64(f.value); /* exporters write -1 for unknown */
      *dim = value < 0 ? EI_DIM_UNKNOWN : value;
    } else if (f.number == 2) {
      EI_TRY(ei_ox_string(x, &r, &f, "a dimension", &v->params[v->rank - 1]));
    }
  }
}

static edge_status parse_shape(ei_ox_parser *x, ei_pb r, ei_ox_value *v) {
  v->rank = 0;
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) return EDGE_STATUS_OK;
    if (f.number != 1) continue;
    EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, "a shape", x->err));
    EI_TRY(parse_dim(x, ei_pb_inside(&r, &f), v));
  }
}

static edge_status parse_tensor_type(ei_ox_parser *x, ei_pb r, ei_ox_value *v) {
  v->is_tensor = true;
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) return EDGE_STATUS_OK;
    if (f.number == 1) {
      EI_TRY(ei_pb_want(&r, &f, EI_PB_VARINT, "a tensor type", x->err));
      v->onnx_type = f.value > 1000 ? 1000 : (int32_t)f.value;
    } else if (f.number == 2) {
      EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, "a tensor type", x->err));
      EI_TRY(parse_shape(x, ei_pb_inside(&r, &f), v));
    }
  }
}

static edge_status parse_type(ei_ox_parser *x, ei_pb r, ei_ox_value *v) {
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) return EDGE_STATUS_OK;
    if (f.number == 6) continue;
    EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, "a type", x->err));
    v->has_type = true;
    if (f.number == 1) EI_TRY(parse_tensor_type(x, ei_pb_inside(&r, &f), v));
  }
}

edge_status ei_ox_parse_value(ei_ox_parser *x, ei_pb r, ei_ox_value *out) {
  memset(out, 0, sizeof *out);
  out->name = "";
  out->rank = EI_RANK_UNKNOWN;
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) return EDGE_STATUS_OK;
    if (f.number == 1) EI_TRY(ei_ox_string(x, &r, &f, "a value", &out->name));
    if (f.number == 2) {
      EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, "a value", x->err));
      EI_TRY(parse_type(x, ei_pb_inside(&r, &f), out));
    }
  }
}

edge_status ei_ox_parse_text(ei_ox_parser *x, ei_pb r, ei_ox_text *out) {
  out->key = out->value = "";
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) return EDGE_STATUS_OK;
    if (f.number == 1) EI_TRY(ei_ox_string(x, &r, &f, "an entry", &out->key));
    if (f.number == 2) EI_TRY(ei_ox_string(x, &r, &f, "an entry", &out->value));
  }
}

edge_status ei_ox_parse_opset(ei_ox_parser *x, ei_pb r, ei_ox_opset *out) {
  out->domain = "";
  out->version = 0;
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) break;
    if (f.number == 1) EI_TRY(ei_ox_string(x, &r, &f, "an operator set", &out->domain));
    if (f.number == 2) {
      EI_TRY(ei_pb_want(&r, &f, EI_PB_VARINT, "an operator set", x->err));
      out->version = ei_ox_s64(f.value);
    }
  }
  if (strcmp(out->domain, "ai.onnx") == 0) out->domain = "";
  return EDGE_STATUS_OK;
}
