/* SPDX-License-Identifier: Apache-2.0
 * Writes small TFLite files for tests. */
#include "writer.h"
#include <stdlib.h>
#include <string.h>

static void put16(et_writer *w, uint32_t at, uint32_t v) {
  w->data[at] = (uint8_t)v;
  w->data[at + 1] = (uint8_t)(v >> 8);
}

static void put32(et_writer *w, uint32_t at, uint32_t v) {
  put16(w, at, v & 0xffff);
  put16(w, at + 2, v >> 16);
}

static uint32_t get32(const et_writer *w, uint32_t at) {
  return (uint32_t)w->data[at] | (uint32_t)w->data[at + 1] << 8 | (uint32_t)w->data[at + 2] << 16 |
         (uint32_t)w->data[at + 3] << 24;
}

static uint32_t grow(et_writer *w, uint32_t bytes) {
  const uint32_t at = (w->size + 15u) & ~15u;
  if (at + bytes > ET_FILE_BYTES) abort();
  w->size = at + bytes;
  return at;
}

uint32_t et_table(et_writer *w) {
  const uint32_t vtable = grow(w, 4 + 2 * ET_FIELDS), table = grow(w, 4 + 8 * ET_FIELDS);
  put16(w, vtable, 4 + 2 * ET_FIELDS);
  put16(w, vtable + 2, 4 + 8 * ET_FIELDS);
  put32(w, table, table - vtable);
  return table;
}

static uint32_t slot(et_writer *w, uint32_t table, uint32_t field) {
  const uint32_t vtable = table - get32(w, table);
  put16(w, vtable + 4 + 2 * field, 4 + 8 * field);
  return table + 4 + 8 * field;
}

void et_set_u8(et_writer *w, uint32_t table, uint32_t field, uint32_t v) {
  w->data[slot(w, table, field)] = (uint8_t)v;
}
void et_set_u32(et_writer *w, uint32_t table, uint32_t field, uint32_t v) {
  put32(w, slot(w, table, field), v);
}
void et_set_u64(et_writer *w, uint32_t table, uint32_t field, uint64_t v) {
  const uint32_t at = slot(w, table, field);
  put32(w, at, (uint32_t)v);
  put32(w, at + 4, (uint32_t)(v >> 32));
}
void et_set_f32(et_writer *w, uint32_t table, uint32_t field, float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  et_set_u32(w, table, field, bits);
}
void et_set_child(et_writer *w, uint32_t table, uint32_t field, uint32_t child) {
  const uint32_t at = slot(w, table, field);
  put32(w, at, child - at);
}

void et_set_bytes(et_writer *w, uint32_t table, uint32_t field, const void *data, uint32_t count, uint32_t elem_bytes) {
  const uint32_t at =
      grow(w, 16 + count * elem_bytes) + 12; /* the elements are aligned, the count stands before them */
  put32(w, at, count);
  if (count) memcpy(w->data + at + 4, data, (size_t)count * elem_bytes);
  et_set_child(w, table, field, at);
}

void et_set_text(et_writer *w, uint32_t table, uint32_t field, const char *text) {
  et_set_bytes(w, table, field, text, (uint32_t)strlen(text), 1);
}

void et_set_s32s(et_writer *w, uint32_t table, uint32_t field, const int32_t *v, uint32_t n) {
  et_set_bytes(w, table, field, v, n, 4);
}

uint32_t et_tables(et_writer *w, uint32_t table, uint32_t field, uint32_t room) {
  const uint32_t at = grow(w, 4 + 4 * room);
  et_set_child(w, table, field, at);
  return at;
}

uint32_t et_push(et_writer *w, uint32_t vector, uint32_t child) {
  const uint32_t n = get32(w, vector), at = vector + 4 + 4 * n;
  put32(w, at, child - at);
  put32(w, vector, n + 1);
  return n;
}

void et_writer_begin(et_writer *w) {
  memset(w, 0, sizeof *w);
  w->size = 8;
  memcpy(w->data + 4, "TFL3", 4);
  w->model = et_table(w);
  put32(w, 0, w->model);
  et_set_u32(w, w->model, 0, 3);
  w->codes = et_tables(w, w->model, 1, 16);
  w->subgraphs = et_tables(w, w->model, 2, 8);
  w->buffers = et_tables(w, w->model, 4, 16);
  et_buffer(w, NULL, 0);
}

uint32_t et_code(et_writer *w, uint32_t builtin, const char *custom) {
  const uint32_t t = et_table(w);
  et_set_u8(w, t, 0, builtin > 127 ? 127 : builtin);
  et_set_u32(w, t, 3, builtin);
  if (custom) et_set_text(w, t, 1, custom);
  return et_push(w, w->codes, t);
}

uint32_t et_buffer(et_writer *w, const void *data, uint32_t bytes) {
  const uint32_t t = et_table(w);
  if (bytes) et_set_bytes(w, t, 0, data, bytes, 1);
  return et_push(w, w->buffers, t);
}

et_sub et_subgraph(et_writer *w, const char *name) {
  et_sub s;
  s.table = et_table(w);
  et_push(w, w->subgraphs, s.table);
  s.tensors = et_tables(w, s.table, 0, 24);
  s.operators = et_tables(w, s.table, 3, 16);
  et_set_text(w, s.table, 4, name);
  return s;
}

void et_io(et_writer *w, et_sub s, const int32_t *in, uint32_t n_in, const int32_t *out, uint32_t n_out) {
  et_set_s32s(w, s.table, 1, in, n_in);
  et_set_s32s(w, s.table, 2, out, n_out);
}

uint32_t et_tensor(et_writer *w, et_sub s, const char *name, uint32_t type, const int32_t *shape, uint32_t rank,
                   uint32_t buffer) {
  const uint32_t t = et_table(w);
  et_push(w, s.tensors, t);
  et_set_s32s(w, t, 0, shape, rank);
  et_set_u8(w, t, 1, type);
  et_set_u32(w, t, 2, buffer);
  et_set_text(w, t, 3, name);
  return t;
}

void et_quant(et_writer *w, uint32_t tensor, const float *scales, const int64_t *zeros, uint32_t n, uint32_t axis) {
  const uint32_t q = et_table(w);
  et_set_child(w, tensor, 4, q);
  et_set_bytes(w, q, 2, scales, n, 4);
  if (zeros) et_set_bytes(w, q, 3, zeros, n, 8);
  et_set_u32(w, q, 6, axis);
}

uint32_t et_operator(et_writer *w, et_sub s, uint32_t code, const int32_t *in, uint32_t n_in, const int32_t *out,
                     uint32_t n_out, uint32_t options) {
  const uint32_t t = et_table(w);
  et_push(w, s.operators, t);
  et_set_u32(w, t, 0, code);
  et_set_s32s(w, t, 1, in, n_in);
  et_set_s32s(w, t, 2, out, n_out);
  if (!options) return t;
  et_set_u8(w, t, 3, options);
  const uint32_t o = et_table(w);
  et_set_child(w, t, 4, o);
  return o;
}
