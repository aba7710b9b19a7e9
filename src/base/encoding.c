/* SPDX-License-Identifier: Apache-2.0
 * Element types and storage encodings, from encodings.def. */
#include "base.h"

static const ei_encoding encodings[] = {
#define EI_ENCODING(id, name, dtype, elements, bytes, decode) { id, name, dtype, elements, bytes, decode },
#include "encodings.def"
#undef EI_ENCODING
};

const ei_encoding *ei_encoding_get(int32_t dtype, int32_t encoding) {
  if (dtype <= EDGE_DTYPE_NONE || dtype >= EDGE_DTYPE_COUNT) return NULL;
  const int32_t id = encoding == EDGE_ENCODING_NATIVE ? dtype : encoding;
  if (encoding != EDGE_ENCODING_NATIVE && encoding < 64) return NULL;
  for (size_t i = 0; i < EI_COUNT(encodings); ++i) {
    if (encodings[i].id == id) return encodings[i].dtype == dtype ? &encodings[i] : NULL;
  }
  return NULL;
}

const char *edge_dtype_name(int32_t dtype) {
  if (dtype == EDGE_DTYPE_NONE) return "none";
  const ei_encoding *const e = ei_encoding_get(dtype, EDGE_ENCODING_NATIVE);
  return e != NULL ? e->name : "?";
}

uint32_t edge_dtype_bits(int32_t dtype) {
  const ei_encoding *const e = ei_encoding_get(dtype, EDGE_ENCODING_NATIVE);
  return e != NULL ? e->block_bytes * 8 / e->block_elements : 0;
}
