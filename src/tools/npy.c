/* SPDX-License-Identifier: Apache-2.0
 * .npy: header, byte order, memory order, and exact conversion of element types. */
#include "npy.h"
#include "tool.h"

#include "../ops/op.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void npy_free(npy_array *a) {
  free(a->file);
  memset(a, 0, sizeof *a);
}

static int refuse(npy_array *a, int code, char *why, size_t cap, const char *text) {
  snprintf(why, cap, "%s", text);
  npy_free(a);
  return code;
}

/* Value of a key of the header's dictionary. */
static const char *find_key(const char *header, const char *key) {
  const char *const at = strstr(header, key);
  const char *const colon = at ? strchr(at + strlen(key), ':') : NULL;
  if (!colon) return NULL;
  return colon + 1 + strspn(colon + 1, " ");
}

static bool parse_shape(const char *s, npy_array *a) {
  if (*s++ != '(') return false;
  a->count = 1;
  for (;;) {
    s += strspn(s, " ");
    if (*s == ')') return true;
    char *end;
    if (*s < '0' || *s > '9') return false;
    const unsigned long long v = strtoull(s, &end, 10);
    if (end == s || v > INT64_MAX || a->rank == EDGE_MAX_RANK || !ei_mul_u64(a->count, v, &a->count)) return false;
    a->dims[a->rank++] = (int64_t)v;
    s = end + strspn(end, "L ");
    if (*s == ',')
      s++;
    else if (*s != ')')
      return false;
  }
}

static bool known_item(const npy_array *a) {
  const uint32_t n = a->item_bytes;
  switch (a->kind) {
  case 'b': return n == 1;
  case 'i':
  case 'u': return n == 1 || n == 2 || n == 4 || n == 8;
  case 'f': return n == 2 || n == 4 || n == 8;
  default: return false;
  }
}

int npy_parse(unsigned char *file, uint64_t bytes, npy_array *a, char *why, size_t cap) {
  char header[65536];
  memset(a, 0, sizeof *a);
  a->file = file;
  a->file_bytes = bytes;
  if (bytes < 10 || memcmp(file, "\x93NUMPY", 6) != 0) return refuse(a, 3, why, cap, "it is no .npy file");
  const unsigned version = file[6];
  const uint64_t prefix = version == 1 ? 10 : 12;
  if (version < 1 || version > 3) return refuse(a, 2, why, cap, "its .npy version is newer than 3");
  if (bytes < prefix) return refuse(a, 3, why, cap, "its header is cut off");
  uint64_t length = file[8] | (uint64_t)file[9] << 8;
  if (version > 1) length |= (uint64_t)file[10] << 16 | (uint64_t)file[11] << 24;
  if (length >= sizeof header || prefix + length > bytes)
    return refuse(a, 3, why, cap, "its header is cut off or too long");
  memcpy(header, file + prefix, (size_t)length);
  header[length] = 0;
  const char *const descr = find_key(header, "'descr'"), *const order = find_key(header, "'fortran_order'");
  const char *const shape = find_key(header, "'shape'");
  if (!descr || !order || !shape || (*descr != '\'' && *descr != '"' && *descr != '['))
    return refuse(a, 3, why, cap, "its header lacks descr, fortran_order or shape");
  if (*descr == '[') return refuse(a, 3, why, cap, "it holds records, not an array of numbers");
  a->big_endian = descr[1] == '>';
  a->kind = descr[2];
  a->item_bytes = (uint32_t)strtoul(descr + 3, NULL, 10);
  if (a->kind == 'O') return refuse(a, 3, why, cap, "it holds Python objects, which are never unpickled");
  if (a->kind == 'c') return refuse(a, 2, why, cap, "complex numbers are not supported");
  if (!known_item(a)) return refuse(a, 3, why, cap, "its element type is no number that a tensor can hold");
  a->fortran = strncmp(order, "True", 4) == 0;
  if (!a->fortran && strncmp(order, "False", 5) != 0)
    return refuse(a, 3, why, cap, "its fortran_order is neither True nor False");
  if (!parse_shape(shape, a)) return refuse(a, 3, why, cap, "its shape is malformed or has more than 8 dimensions");
  uint64_t data_bytes;
  if (!ei_mul_u64(a->count, a->item_bytes, &data_bytes) || data_bytes > bytes - prefix - length)
    return refuse(a, 3, why, cap, "it is shorter than its shape says");
  a->data = file + prefix + length;
  return 0;
}

/* Position in the file of the element with C-order index i. */
static uint64_t file_index(const npy_array *a, uint64_t i) {
  if (!a->fortran) return i;
  uint64_t at = 0;
  uint64_t coordinates[EDGE_MAX_RANK];
  for (int32_t d = a->rank; d-- > 0;) {
    coordinates[d] = i % (uint64_t)a->dims[d];
    i /= (uint64_t)a->dims[d];
  }
  for (int32_t d = a->rank; d-- > 0;) at = at * (uint64_t)a->dims[d] + coordinates[d];
  return at;
}

static uint64_t load_bits(const npy_array *a, uint64_t i) {
  const unsigned char *const p = a->data + file_index(a, i) * a->item_bytes;
  uint64_t bits = 0;
  for (uint32_t b = 0; b < a->item_bytes; ++b)
    bits |= (uint64_t)p[a->big_endian ? a->item_bytes - 1 - b : b] << (8 * b);
  return bits;
}

static int64_t as_integer(const npy_array *a, uint64_t bits) {
  if (a->kind == 'i' && a->item_bytes < 8) {
    const uint64_t sign = (uint64_t)1 << (8 * a->item_bytes - 1);
    return (int64_t)((bits ^ sign) - sign);
  }
  return (int64_t)bits;
}

static double as_float(const npy_array *a, uint64_t bits) {
  if (a->item_bytes == 8) {
    double d;
    memcpy(&d, &bits, 8);
    return d;
  }
  if (a->item_bytes == 4) {
    const uint32_t low = (uint32_t)bits;
    float f;
    memcpy(&f, &low, 4);
    return (double)f;
  }
  return (double)ei_f16_to_f32((uint16_t)bits);
}

static bool is_float(int32_t dtype) {
  return dtype >= EDGE_DTYPE_F32 && dtype <= EDGE_DTYPE_F64;
}

static bool put_float(const edge_tensor *t, uint64_t at, double v) {
  ei_store_f64(t, at, v);
  const double back = ei_load_f64(t, at);
  return back == v || (isnan(v) && isnan(back));
}

static bool put_integer(const edge_tensor *t, uint64_t at, int64_t v, bool huge) {
  if (is_float(t->dtype))
    return put_float(t, at, huge ? (double)(uint64_t)v : (double)v) && (huge || (int64_t)ei_load_f64(t, at) == v);
  if (huge && t->dtype != EDGE_DTYPE_U64) return false;
  if (!huge && v < 0 && t->dtype == EDGE_DTYPE_U64) return false;
  if (t->dtype == EDGE_DTYPE_BOOL && (v < 0 || v > 1)) return false;
  ei_store_s64(t, at, v);
  return ei_load_s64(t, at) == v;
}

int npy_to_tensor(const npy_array *a, uint64_t first, const edge_tensor *t, char *why, size_t cap) {
  uint64_t count = 0;
  if (edge_tensor_elements(t, &count) != EDGE_STATUS_OK || first > a->count || count > a->count - first) {
    snprintf(why, cap, "it has too few elements");
    return 3;
  }
  if (a->kind == 'f' && !is_float(t->dtype)) {
    if (t->quant.count == 1)
      snprintf(why, cap, "it holds floats, the input is %s with scale %g and zero point %d: quantize the values first",
               edge_dtype_name(t->dtype), (double)t->quant.scales[0],
               t->quant.zero_points ? t->quant.zero_points[0] : 0);
    else
      snprintf(why, cap, "it holds floats, the input is %s", edge_dtype_name(t->dtype));
    return 3;
  }
  const bool raw_bf16 = t->dtype == EDGE_DTYPE_BF16 && a->kind == 'u' && a->item_bytes == 2;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t bits = load_bits(a, first + i);
    bool ok;
    if (raw_bf16) {
      const uint16_t half = (uint16_t)bits;
      memcpy((unsigned char *)t->data + 2 * i, &half, 2);
      ok = true;
    } else if (a->kind == 'f') {
      ok = put_float(t, i, as_float(a, bits));
    } else {
      ok = put_integer(t, i, as_integer(a, bits), a->kind == 'u' && a->item_bytes == 8 && bits >> 63);
    }
    if (ok) continue;
    if (a->kind == 'f')
      snprintf(why, cap, "element %llu (%.17g) is not exact in %s", (unsigned long long)i, as_float(a, bits),
               edge_dtype_name(t->dtype));
    else
      snprintf(why, cap, "element %llu (%lld) does not fit %s", (unsigned long long)i, (long long)as_integer(a, bits),
               edge_dtype_name(t->dtype));
    return 3;
  }
  return 0;
}

static const struct {
  const char *descr;
  uint32_t bytes;
} forms[EDGE_DTYPE_COUNT] = {
  [EDGE_DTYPE_F32] = { "<f4", 4 },  [EDGE_DTYPE_F16] = { "<f2", 2 }, [EDGE_DTYPE_BF16] = { "<u2", 2 },
  [EDGE_DTYPE_F64] = { "<f8", 8 },  [EDGE_DTYPE_S8] = { "|i1", 1 },  [EDGE_DTYPE_U8] = { "|u1", 1 },
  [EDGE_DTYPE_S16] = { "<i2", 2 },  [EDGE_DTYPE_U16] = { "<u2", 2 }, [EDGE_DTYPE_S32] = { "<i4", 4 },
  [EDGE_DTYPE_U32] = { "<u4", 4 },  [EDGE_DTYPE_S64] = { "<i8", 8 }, [EDGE_DTYPE_U64] = { "<u8", 8 },
  [EDGE_DTYPE_BOOL] = { "|b1", 1 }, [EDGE_DTYPE_S4] = { "|i1", 1 },  [EDGE_DTYPE_U4] = { "|u1", 1 },
  [EDGE_DTYPE_S2] = { "|i1", 1 },   [EDGE_DTYPE_U2] = { "|u1", 1 },
};

const char *npy_descr(int32_t dtype) {
  return dtype > 0 && dtype < EDGE_DTYPE_COUNT && forms[dtype].descr ? forms[dtype].descr : "";
}
uint32_t npy_item_bytes(int32_t dtype) {
  return dtype > 0 && dtype < EDGE_DTYPE_COUNT ? forms[dtype].bytes : 0;
}

/* Sub-byte elements travel one per byte. */
static bool write_elements(FILE *out, const edge_tensor *t, const void *data, uint64_t tensors) {
  uint64_t count = 0, bytes = 0;
  if (edge_tensor_elements(t, &count) != EDGE_STATUS_OK || edge_tensor_bytes(t, &bytes) != EDGE_STATUS_OK) return false;
  if (edge_dtype_bits(t->dtype) >= 8) return fwrite(data, 1, (size_t)(bytes * tensors), out) == bytes * tensors;
  for (uint64_t k = 0; k < tensors; ++k) {
    edge_tensor one = *t;
    one.data = (unsigned char *)(uintptr_t)data + k * bytes;
    for (uint64_t i = 0; i < count; ++i)
      if (fputc((int)(ei_load_s64(&one, i) & 0xff), out) == EOF) return false;
  }
  return true;
}

bool npy_write(const char *path, const edge_tensor *t, const void *data, int64_t leading) {
  char dict[512], shape[320] = "";
  size_t at = 0;
  if (leading > 0) at += (size_t)snprintf(shape + at, sizeof shape - at, "%lld, ", (long long)leading);
  for (int32_t d = 0; d < t->rank; ++d)
    at += (size_t)snprintf(shape + at, sizeof shape - at, "%lld, ", (long long)t->dims[d]);
  if (at > 2 && t->rank + (leading > 0) > 1)
    shape[at - 2] = 0;
  else if (at)
    shape[at - 1] = 0;
  snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", npy_descr(t->dtype), shape);
  const size_t used = strlen(dict), total = (10 + used + 1 + 63) / 64 * 64;
  tool_output output;
  if (!tool_output_open(&output, path)) return false;
  FILE *const out = output.file;
  const unsigned header = (unsigned)(total - 10);
  bool ok = fwrite("\x93NUMPY\x01\x00", 1, 8, out) == 8 && fputc((int)(header & 255), out) != EOF &&
            fputc((int)(header >> 8), out) != EOF;
  ok = ok && fprintf(out, "%s%*s\n", dict, (int)(total - 10 - used - 1), "") > 0;
  ok = ok && write_elements(out, t, data, leading > 0 ? (uint64_t)leading : 1);
  return tool_output_close(&output, ok);
}
