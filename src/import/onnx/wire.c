/* SPDX-License-Identifier: Apache-2.0
 * Protocol-buffer wire format: varints, fixed words, length-delimited fields. */
#include "wire.h"

ei_pb ei_pb_open(const void *data, uint64_t bytes) {
  const uint8_t *const p = (const uint8_t *)data;
  const ei_pb r = { p, bytes ? p + bytes : p, p };
  return r;
}

ei_pb ei_pb_inside(const ei_pb *r, const ei_pb_field *f) {
  const uint8_t *const start = f->data ? f->data : r->at; /* another wire type: nothing inside */
  const ei_pb inner = { start, start + f->bytes, r->base };
  return inner;
}

uint64_t ei_pb_offset(const ei_pb *r) {
  return (uint64_t)(r->at - r->base);
}

static edge_status bad(const ei_pb *r, edge_error *err, const char *what) {
  return ei_fail_at(err, EDGE_STATUS_MALFORMED, ei_pb_offset(r), "not a valid ONNX protobuf: %s at byte %llu", what,
                    (unsigned long long)ei_pb_offset(r));
}

static edge_status varint(ei_pb *r, uint64_t *out, edge_error *err) {
  uint64_t value = 0;
  const uint8_t *p = r->at;
  for (uint32_t shift = 0; shift < 70; shift += 7) {
    if (p == r->end) return bad(r, err, "a varint is cut off");
    const uint8_t byte = *p++;
    if (shift == 63 && byte > 1) return bad(r, err, "a varint exceeds 64 bits");
    value |= (uint64_t)(byte & 0x7fu) << shift;
    if (byte < 0x80u) {
      r->at = p;
      *out = value;
      return EDGE_STATUS_OK;
    }
  }
  return bad(r, err, "a varint exceeds ten bytes");
}

static uint64_t little_endian(const uint8_t *p, uint32_t bytes) {
  uint64_t v = 0;
  for (uint32_t i = 0; i < bytes; ++i) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

static edge_status fixed(ei_pb *r, uint32_t bytes, uint64_t *out, edge_error *err) {
  if ((uint64_t)(r->end - r->at) < bytes) return bad(r, err, "a fixed-size value is cut off");
  *out = little_endian(r->at, bytes);
  r->at += bytes;
  return EDGE_STATUS_OK;
}

edge_status ei_pb_next(ei_pb *r, ei_pb_field *out, edge_error *err) {
  memset(out, 0, sizeof *out);
  if (r->at == r->end) return EDGE_STATUS_OK;
  const ei_pb start = *r;
  uint64_t key = 0;
  EI_TRY(varint(r, &key, err));
  if (key >> 3 == 0 || key >> 32 != 0) return bad(&start, err, "a field number is out of range");
  out->number = (uint32_t)(key >> 3);
  out->wire = (uint32_t)(key & 7u);
  switch (out->wire) {
  case EI_PB_VARINT: return varint(r, &out->value, err);
  case EI_PB_FIXED64: return fixed(r, 8, &out->value, err);
  case EI_PB_FIXED32: return fixed(r, 4, &out->value, err);
  case EI_PB_BYTES: break;
  default: return bad(&start, err, "an unknown wire type");
  }
  EI_TRY(varint(r, &out->bytes, err));
  if (out->bytes > (uint64_t)(r->end - r->at))
    return bad(&start, err, "a field is longer than what holds it (is the file cut short?)");
  out->data = r->at;
  r->at += out->bytes;
  return EDGE_STATUS_OK;
}

edge_status ei_pb_want(const ei_pb *r, const ei_pb_field *f, uint32_t wire, const char *what, edge_error *err) {
  if (f->wire == wire) return EDGE_STATUS_OK;
  return ei_fail_at(err, EDGE_STATUS_MALFORMED, ei_pb_offset(r),
                    "not a valid ONNX protobuf: field %u of %s has wire type %u instead of %u, before byte %llu",
                    f->number, what, f->wire, wire, (unsigned long long)ei_pb_offset(r));
}

static edge_status scalar(ei_pb *r, ei_pb_scalar kind, uint64_t *out, edge_error *err) {
  if (kind == EI_PB_AS_VARINT) return varint(r, out, err);
  return fixed(r, kind == EI_PB_AS_F32 ? 4 : 8, out, err);
}

edge_status ei_pb_scalars(ei_pb message, uint32_t number, ei_pb_scalar kind, uint64_t *out, uint64_t cap,
                          uint64_t *count, edge_error *err) {
  static const uint32_t wires[] = { EI_PB_VARINT, EI_PB_FIXED32, EI_PB_FIXED64 };
  uint64_t n = 0;
  for (;;) {
    ei_pb_field f;
    EI_TRY(ei_pb_next(&message, &f, err));
    if (f.number == 0) break;
    if (f.number != number) continue;
    if (f.wire == EI_PB_BYTES) {
      ei_pb packed = ei_pb_inside(&message, &f);
      while (packed.at != packed.end) {
        uint64_t v = 0;
        EI_TRY(scalar(&packed, kind, &v, err));
        if (n < cap) out[n] = v;
        n++;
      }
    } else {
      EI_TRY(ei_pb_want(&message, &f, wires[kind], "a list", err));
      if (n < cap) out[n] = f.value;
      n++;
    }
  }
  *count = n;
  return EDGE_STATUS_OK;
}
