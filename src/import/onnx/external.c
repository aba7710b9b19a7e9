/* SPDX-License-Identifier: Apache-2.0
 * Tensors whose bytes lie in another file: only plain files below the model's folder are opened. */
#include "onnx.h"

/* Relative, without empty, "." or ".." parts, without characters that mean something to some system. */
static bool inside(const char *path) {
  if (!*path || *path == '/' || strchr(path, '\\') || strchr(path, ':')) return false;
  for (const char *p = path; *p;) {
    size_t n = 0;
    while (p[n] && p[n] != '/') ++n;
    if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.')) return false;
    p += n;
    if (*p == '/' && !*++p) return false;
  }
  return true;
}

static bool number(const char *text, uint64_t *out) {
  uint64_t v = 0;
  if (!*text) return false;
  for (; *text; ++text) {
    if (*text < '0' || *text > '9') return false;
    if (!ei_mul_u64(v, 10, &v) || !ei_add_u64(v, (uint64_t)(*text - '0'), &v)) return false;
  }
  *out = v;
  return true;
}

edge_status ei_ox_load_external(ei_ox *x, const ei_ox_tensor *t, uint64_t bytes, const uint8_t **data) {
  ei_ox_parser parser = { x->arena, x->err };
  const char *path = "";
  uint64_t offset = 0, length = bytes, end = 0;
  const uint64_t at = ei_pb_offset(&t->message);
  ei_pb r = t->message;
  for (;;) {
    ei_pb_field f;
    ei_ox_text entry;
    EI_TRY(ei_pb_next(&r, &f, x->err));
    if (f.number == 0) break;
    if (f.number != 13) continue;
    EI_TRY(ei_pb_want(&r, &f, EI_PB_BYTES, "external data", x->err));
    EI_TRY(ei_ox_parse_text(&parser, ei_pb_inside(&r, &f), &entry));
    bool valid = true;
    if (strcmp(entry.key, "location") == 0) path = entry.value;
    if (strcmp(entry.key, "offset") == 0) valid = number(entry.value, &offset);
    if (strcmp(entry.key, "length") == 0) valid = number(entry.value, &length);
    if (!valid)
      return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, at, "tensor '%s': external %s '%s' is no number", t->name,
                        entry.key, entry.value);
  }
  if (!inside(path))
    return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, at,
                      "tensor '%s' lies in '%s', which is not a plain path below the model's folder", t->name, path);
  const ei_import_file *file = NULL;
  EI_TRY(ei_import_map_inside(x->im, path, &file, x->err));
  if (length != bytes || !ei_add_u64(offset, length, &end) || end > file->bytes)
    return ei_fail_at(x->err, EDGE_STATUS_MALFORMED, at,
                      "tensor '%s' needs %llu bytes at %llu of '%s', which has %llu; its length is given as %llu",
                      t->name, (unsigned long long)bytes, (unsigned long long)offset, path,
                      (unsigned long long)file->bytes, (unsigned long long)length);
  *data = (const uint8_t *)file->data + offset;
  return EDGE_STATUS_OK;
}
