/* SPDX-License-Identifier: Apache-2.0
 * Status names, the library version, and recording what went wrong. */
#include "base.h"

const char *edge_status_name(edge_status status) {
  switch (status) {
#define NAME(s) \
  case EDGE_STATUS_##s: return #s;
    NAME(OK)
    NAME(INVALID_ARGUMENT)
    NAME(BUSY)
    NAME(INVALID_STATE)
    NAME(NOT_FOUND)
    NAME(SHAPE_MISMATCH)
    NAME(TYPE_MISMATCH)
    NAME(OUT_OF_MEMORY)
    NAME(LIMIT_EXCEEDED)
    NAME(IO)
    NAME(DEADLINE_EXCEEDED)
    NAME(CANCELLED)
    NAME(MALFORMED)
    NAME(UNSUPPORTED_OP)
    NAME(UNSUPPORTED_TYPE)
    NAME(UNSUPPORTED_FEATURE)
    NAME(UNSUPPORTED_VERSION)
    NAME(INVALID_VALUE)
    NAME(WRONG_MODEL)
    NAME(BACKEND_UNAVAILABLE)
    NAME(BACKEND_REFUSED)
    NAME(DEVICE_FAILED)
    NAME(DEVICE_TIMEOUT)
    NAME(DEVICE_LOST)
    NAME(STATE_LOST)
    NAME(INTERNAL)
#undef NAME
  default: return "UNKNOWN";
  }
}

uint32_t edge_version(void) {
  return EDGE_VERSION_NUMBER;
}

/* Length of the UTF-8 sequence at s, 0 when it is not one (overlong forms and surrogates included). */
static size_t utf8_length(const unsigned char *s) {
  if (s[0] < 0x80) return 1;
  if (s[0] >= 0xc2 && s[0] <= 0xdf) return (s[1] & 0xc0) == 0x80 ? 2 : 0;
  if (s[0] >= 0xe0 && s[0] <= 0xef) {
    const unsigned char lo = s[0] == 0xe0 ? 0xa0 : 0x80;
    const unsigned char hi = s[0] == 0xed ? 0x9f : 0xbf;
    return s[1] >= lo && s[1] <= hi && (s[2] & 0xc0) == 0x80 ? 3 : 0;
  }
  if (s[0] >= 0xf0 && s[0] <= 0xf4) {
    const unsigned char lo = s[0] == 0xf0 ? 0x90 : 0x80;
    const unsigned char hi = s[0] == 0xf4 ? 0x8f : 0xbf;
    return s[1] >= lo && s[1] <= hi && (s[2] & 0xc0) == 0x80 && (s[3] & 0xc0) == 0x80 ? 4 : 0;
  }
  return 0;
}

/* Names in texts come from files: whatever is not printable UTF-8 becomes '?'. A sequence never reads past the
 * terminator, because 0 is no continuation byte. */
static void make_printable(char *text) {
  unsigned char *s = (unsigned char *)text;
  while (*s != 0) {
    const size_t n = utf8_length(s);
    if (n == 0 || (n == 1 && (*s < 0x20 || *s == 0x7f) && *s != '\n' && *s != '\t')) {
      *s++ = '?';
    } else {
      s += n;
    }
  }
}

static edge_status fail(edge_error *err, edge_status status, uint32_t node, uint32_t tensor, uint64_t offset,
                        const char *format, va_list args) {
  /* A record of an unknown, smaller size cannot be written safely. */
  if (err == NULL || err->struct_size <= offsetof(edge_error, text)) return status;
  const size_t room = err->struct_size - offsetof(edge_error, text);
  const size_t cap = room < sizeof(err->text) ? room : sizeof(err->text);
  err->status = status;
  err->node = node <= (uint32_t)INT32_MAX ? (int32_t)node : -1;
  err->tensor = tensor <= (uint32_t)INT32_MAX ? (int32_t)tensor : -1;
  err->file_offset = offset;
  ei_vformat(err->text, cap, format, args);
  make_printable(err->text);
  return status;
}

edge_status ei_fail(edge_error *err, edge_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fail(err, status, EI_NONE, EI_NONE, UINT64_MAX, format, args);
  va_end(args);
  return status;
}

edge_status ei_fail_at(edge_error *err, edge_status status, uint64_t file_offset, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fail(err, status, EI_NONE, EI_NONE, file_offset, format, args);
  va_end(args);
  return status;
}

edge_status ei_fail_node(edge_error *err, edge_status status, uint32_t node, uint32_t tensor, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fail(err, status, node, tensor, UINT64_MAX, format, args);
  va_end(args);
  return status;
}
