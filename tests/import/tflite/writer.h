/* SPDX-License-Identifier: Apache-2.0
 * Writes small TFLite files for tests, parents before children so that all offsets point forward. */
#ifndef ET_TFLITE_WRITER_H
#define ET_TFLITE_WRITER_H

#include <stdint.h>

enum { ET_FILE_BYTES = 16384, ET_FIELDS = 14 };

typedef struct et_writer {
  uint8_t data[ET_FILE_BYTES];
  uint32_t size;
  uint32_t model;                     /* root table */
  uint32_t codes, subgraphs, buffers; /* vectors of tables with spare room, filled by the functions below */
} et_writer;

void et_writer_begin(et_writer *w);
uint32_t et_table(et_writer *w);
void et_set_u8(et_writer *w, uint32_t table, uint32_t field, uint32_t v);
void et_set_u32(et_writer *w, uint32_t table, uint32_t field, uint32_t v);
void et_set_u64(et_writer *w, uint32_t table, uint32_t field, uint64_t v);
void et_set_f32(et_writer *w, uint32_t table, uint32_t field, float v);
void et_set_child(et_writer *w, uint32_t table, uint32_t field, uint32_t child);
void et_set_text(et_writer *w, uint32_t table, uint32_t field, const char *text);
void et_set_bytes(et_writer *w, uint32_t table, uint32_t field, const void *data, uint32_t count, uint32_t elem_bytes);
void et_set_s32s(et_writer *w, uint32_t table, uint32_t field, const int32_t *v, uint32_t n);
/** A vector of tables with room for `room`; et_push() adds one and returns its index. */
uint32_t et_tables(et_writer *w, uint32_t table, uint32_t field, uint32_t room);
uint32_t et_push(et_writer *w, uint32_t vector, uint32_t child);

/** Whole objects of the schema. */
uint32_t et_code(et_writer *w, uint32_t builtin, const char *custom);
uint32_t et_buffer(et_writer *w, const void *data, uint32_t bytes);

typedef struct et_sub {
  uint32_t table, tensors, operators;
} et_sub;
et_sub et_subgraph(et_writer *w, const char *name);
void et_io(et_writer *w, et_sub s, const int32_t *in, uint32_t n_in, const int32_t *out, uint32_t n_out);
/** Returns the tensor's table; its index is the number of earlier ones. */
uint32_t et_tensor(et_writer *w, et_sub s, const char *name, uint32_t type, const int32_t *shape, uint32_t rank,
                   uint32_t buffer);
void et_quant(et_writer *w, uint32_t tensor, const float *scales, const int64_t *zeros, uint32_t n, uint32_t axis);
/** Returns the table of options (of type `options`), or the operator's own when options is 0. */
uint32_t et_operator(et_writer *w, et_sub s, uint32_t code, const int32_t *in, uint32_t n_in, const int32_t *out,
                     uint32_t n_out, uint32_t options);

#endif
