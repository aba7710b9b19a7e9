/* SPDX-License-Identifier: Apache-2.0
 * Reading FlatBuffers that nobody vouches for: every access is checked, the first violation sticks.
 *
 * A getter on an absent field gives its default; one that would leave the buffer gives the default too and marks the
 * buffer bad. Callers check `bad` where it is convenient: nothing that is returned ever points outside. */
#ifndef EI_FB_H
#define EI_FB_H

#include "../../base/base.h"

typedef struct fb_buffer {
  const uint8_t *data;
  uint64_t bytes;  /* of the FlatBuffer; at most 2^31 */
  uint64_t budget; /* bytes that may still be read through shared vectors and strings */
  bool bad;
  uint64_t bad_at;
  const char *bad_why; /* static text */
} fb_buffer;

typedef struct fb_table {
  fb_buffer *fb; /* NULL: an absent table, all its fields are absent */
  uint32_t pos, vtable;
  uint32_t vtable_bytes, table_bytes;
} fb_table;

typedef struct fb_vector {
  const uint8_t *data; /* unaligned elements, little endian */
  uint32_t count;
  uint32_t pos; /* of element 0 in the buffer */
  bool present;
} fb_vector;

void fb_init(fb_buffer *fb, const void *data, uint64_t bytes);
/** The root table; identifier (4 characters) must match. */
fb_table fb_root(fb_buffer *fb, const char *identifier);
/** Mark the buffer bad (the first reason wins). */
void fb_fail(fb_buffer *fb, uint64_t at, const char *why);

bool fb_has(fb_table t, uint32_t field);
int32_t fb_s8(fb_table t, uint32_t field, int32_t absent);
uint32_t fb_u8(fb_table t, uint32_t field, uint32_t absent);
int32_t fb_s32(fb_table t, uint32_t field, int32_t absent);
uint32_t fb_u32(fb_table t, uint32_t field, uint32_t absent);
uint64_t fb_u64(fb_table t, uint32_t field, uint64_t absent);
float fb_f32(fb_table t, uint32_t field, float absent);
fb_table fb_sub(fb_table t, uint32_t field);
/** A vector of scalars of elem_bytes, or of offsets (elem_bytes 4). */
fb_vector fb_vec(fb_table t, uint32_t field, uint32_t elem_bytes);
/** Element of a vector of tables. */
fb_table fb_vec_table(fb_buffer *fb, fb_vector v, uint32_t index);
/** Text of a string field: not terminated at a known place, so copy it. Absent: "" and count 0. */
fb_vector fb_str(fb_table t, uint32_t field);

int32_t fb_vec_s32(fb_vector v, uint32_t index);
int64_t fb_vec_s64(fb_vector v, uint32_t index);
float fb_vec_f32(fb_vector v, uint32_t index);

#endif
