/* SPDX-License-Identifier: Apache-2.0
 * Protocol-buffer wire format: a bounds-checked reader that never copies. */
#ifndef EI_ONNX_WIRE_H
#define EI_ONNX_WIRE_H

#include "../../base/base.h"

enum { EI_PB_VARINT = 0, EI_PB_FIXED64 = 1, EI_PB_BYTES = 2, EI_PB_FIXED32 = 5 };

/** A message: the bytes [at, end) of a file that starts at base. Copy it to read it again. */
typedef struct ei_pb {
  const uint8_t *at, *end, *base;
} ei_pb;

typedef struct ei_pb_field {
  uint32_t number, wire; /* number 0: the message is over */
  uint64_t value;        /* VARINT, FIXED32, FIXED64 */
  const uint8_t *data;   /* BYTES */
  uint64_t bytes;
} ei_pb_field;

ei_pb ei_pb_open(const void *data, uint64_t bytes);
/** The message inside a BYTES field. */
ei_pb ei_pb_inside(const ei_pb *r, const ei_pb_field *f);
uint64_t ei_pb_offset(const ei_pb *r);
/** Next field; MALFORMED with the file offset when the bytes are no message. */
edge_status ei_pb_next(ei_pb *r, ei_pb_field *out, edge_error *err);
/** MALFORMED unless the field has this wire type; `what` names the message for the text. */
edge_status ei_pb_want(const ei_pb *r, const ei_pb_field *f, uint32_t wire, const char *what, edge_error *err);

/** How a repeated scalar is stored. */
typedef enum { EI_PB_AS_VARINT, EI_PB_AS_F32, EI_PB_AS_F64 } ei_pb_scalar;
/** All values of repeated field `number` of a message, packed or not, as 64-bit patterns in order: fills up to
 *  cap entries, counts all of them. */
edge_status ei_pb_scalars(ei_pb message, uint32_t number, ei_pb_scalar kind, uint64_t *out, uint64_t cap,
                          uint64_t *count, edge_error *err);

#endif
