/* SPDX-License-Identifier: Apache-2.0
 * Bounded FlatBuffer access.
 *
 *   table:  i32 distance back to its vtable | fields
 *   vtable: u16 bytes of the vtable | u16 bytes of the table | u16 field offsets (0: absent)
 *   vector: u32 count | elements        string: u32 length | bytes | 0 */
#include "fb.h"

enum { BUDGET_FACTOR = 16 };

static uint32_t get_u16(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static uint32_t get_u32(const uint8_t *p) {
  return get_u16(p) | get_u16(p + 2) << 16;
}
static uint64_t get_u64(const uint8_t *p) {
  return (uint64_t)get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}
static int32_t as_s32(uint32_t u) {
  int32_t s;
  memcpy(&s, &u, sizeof s);
  return s;
}

void fb_fail(fb_buffer *fb, uint64_t at, const char *why) {
  if (fb->bad) return;
  fb->bad = true;
  fb->bad_at = at;
  fb->bad_why = why;
}

void fb_init(fb_buffer *fb, const void *data, uint64_t bytes) {
  memset(fb, 0, sizeof *fb);
  fb->data = data;
  fb->bytes = bytes > INT32_MAX ? INT32_MAX : bytes; /* offsets of a FlatBuffer have 31 bits */
  fb->budget = fb->bytes * BUDGET_FACTOR + (1u << 20);
}

static bool inside(fb_buffer *fb, uint64_t pos, uint64_t bytes, const char *why) {
  if (pos <= fb->bytes && bytes <= fb->bytes - pos) return true;
  fb_fail(fb, pos, why);
  return false;
}

static fb_table table_at(fb_buffer *fb, uint64_t pos) {
  const fb_table none = { NULL, 0, 0, 0, 0 };
  if (!inside(fb, pos, 4, "a table lies outside the file; is it cut short?")) return none;
  const int64_t vtable = (int64_t)pos - as_s32(get_u32(fb->data + pos));
  if (vtable < 0 || !inside(fb, (uint64_t)vtable, 4, "a vtable lies outside the file")) {
    fb_fail(fb, pos, "a vtable lies outside the file");
    return none;
  }
  const uint32_t vtable_bytes = get_u16(fb->data + vtable), table_bytes = get_u16(fb->data + vtable + 2);
  if (vtable_bytes < 4 || vtable_bytes % 2 != 0 || table_bytes < 4) {
    fb_fail(fb, (uint64_t)vtable, "a vtable has an impossible size");
    return none;
  }
  if (!inside(fb, (uint64_t)vtable, vtable_bytes, "a vtable is cut off") ||
      !inside(fb, pos, table_bytes, "a table is cut off"))
    return none;
  return (fb_table) { fb, (uint32_t)pos, (uint32_t)vtable, vtable_bytes, table_bytes };
}

fb_table fb_root(fb_buffer *fb, const char *identifier) {
  const fb_table none = { NULL, 0, 0, 0, 0 };
  if (!inside(fb, 0, 8, "the file is too short")) return none;
  if (memcmp(fb->data + 4, identifier, 4) != 0) {
    fb_fail(fb, 4, "the file identifier is not the expected one");
    return none;
  }
  return table_at(fb, get_u32(fb->data));
}

/* Position of a field's bytes, or 0 when it is absent. */
static uint32_t field_pos(fb_table t, uint32_t field, uint32_t bytes) {
  const uint32_t slot = 4 + 2 * field;
  if (!t.fb || slot + 2 > t.vtable_bytes) return 0;
  const uint32_t offset = get_u16(t.fb->data + t.vtable + slot);
  if (offset == 0) return 0;
  if (offset < 4 || offset > t.table_bytes || bytes > t.table_bytes - offset) {
    fb_fail(t.fb, t.vtable + slot, "a field lies outside its table");
    return 0;
  }
  return t.pos + offset;
}

bool fb_has(fb_table t, uint32_t field) {
  return field_pos(t, field, 1) != 0;
}
int32_t fb_s8(fb_table t, uint32_t field, int32_t absent) {
  const uint32_t pos = field_pos(t, field, 1);
  return pos ? (int32_t)(t.fb->data[pos] ^ 0x80u) - 128 : absent;
}
uint32_t fb_u8(fb_table t, uint32_t field, uint32_t absent) {
  const uint32_t pos = field_pos(t, field, 1);
  return pos ? t.fb->data[pos] : absent;
}
int32_t fb_s32(fb_table t, uint32_t field, int32_t absent) {
  const uint32_t pos = field_pos(t, field, 4);
  return pos ? as_s32(get_u32(t.fb->data + pos)) : absent;
}
uint32_t fb_u32(fb_table t, uint32_t field, uint32_t absent) {
  const uint32_t pos = field_pos(t, field, 4);
  return pos ? get_u32(t.fb->data + pos) : absent;
}
uint64_t fb_u64(fb_table t, uint32_t field, uint64_t absent) {
  const uint32_t pos = field_pos(t, field, 8);
  return pos ? get_u64(t.fb->data + pos) : absent;
}
float fb_f32(fb_table t, uint32_t field, float absent) {
  const uint32_t pos = field_pos(t, field, 4);
  if (!pos) return absent;
  const uint32_t bits = get_u32(t.fb->data + pos);
  float v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

/* Follow the offset stored at pos; offsets only point forward. */
static uint64_t follow(fb_buffer *fb, uint32_t pos) {
  return (uint64_t)pos + get_u32(fb->data + pos);
}

fb_table fb_sub(fb_table t, uint32_t field) {
  const uint32_t pos = field_pos(t, field, 4);
  if (!pos) return (fb_table) { NULL, 0, 0, 0, 0 };
  return table_at(t.fb, follow(t.fb, pos));
}

fb_vector fb_vec(fb_table t, uint32_t field, uint32_t elem_bytes) {
  const fb_vector none = { (const uint8_t *)"", 0, 0, false };
  const uint32_t pos = field_pos(t, field, 4);
  if (!pos) return none;
  const uint64_t at = follow(t.fb, pos);
  if (!inside(t.fb, at, 4, "a vector lies outside the file; is it cut short?")) return none;
  const uint32_t count = get_u32(t.fb->data + at);
  if (!inside(t.fb, at + 4, (uint64_t)count * elem_bytes, "a vector is cut off")) return none;
  return (fb_vector) { t.fb->data + at + 4, count, (uint32_t)at + 4, true };
}

fb_table fb_vec_table(fb_buffer *fb, fb_vector v, uint32_t index) {
  if (index >= v.count) return (fb_table) { NULL, 0, 0, 0, 0 };
  return table_at(fb, follow(fb, v.pos + 4 * index));
}

fb_vector fb_str(fb_table t, uint32_t field) {
  fb_vector v = fb_vec(t, field, 1);
  if (!v.present) return v;
  if (v.count >= t.fb->budget) { /* many strings may share few bytes: copies of them are bounded */
    fb_fail(t.fb, v.pos, "the file repeats its strings too often");
    v.count = 0;
  }
  t.fb->budget -= v.count;
  return v;
}

int32_t fb_vec_s32(fb_vector v, uint32_t index) {
  return index < v.count ? as_s32(get_u32(v.data + 4 * (size_t)index)) : 0;
}
int64_t fb_vec_s64(fb_vector v, uint32_t index) {
  if (index >= v.count) return 0;
  const uint64_t u = get_u64(v.data + 8 * (size_t)index);
  int64_t s;
  memcpy(&s, &u, sizeof s);
  return s;
}
float fb_vec_f32(fb_vector v, uint32_t index) {
  float f = 0.0f;
  if (index >= v.count) return f;
  const uint32_t bits = get_u32(v.data + 4 * (size_t)index);
  memcpy(&f, &bits, sizeof f);
  return f;
}
