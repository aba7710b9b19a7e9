/* SPDX-License-Identifier: Apache-2.0
 * Structural verification of a FlatBuffer against a description of its schema.
 *
 * Every position is computed in 64 bits and compared with the buffer before anything is read there. Shared
 * parts are legal in FlatBuffers, so the work and the memory that reading will need are summed up and capped:
 * a small file cannot make the loader slow or large. */
#include "flat.h"

static size_t path_text(const ei_flat_path *path, char *out, size_t cap) {
  size_t n = path->up ? path_text(path->up, out, cap) : 0;
  if (n + 1 >= cap) return n;
  if (path->up) n += ei_format(out + n, cap - n, ".");
  if (n + 1 >= cap) return cap - 1;
  if (path->index == EI_NONE)
    n += ei_format(out + n, cap - n, "%s", path->field);
  else
    n += ei_format(out + n, cap - n, "%s[%u]", path->field, path->index);
  return n < cap ? n : cap - 1;
}

edge_status ei_flat_fail(const ei_flat_check *c, uint64_t at, const ei_flat_path *path, edge_status status,
                         const char *what) {
  char where[160];
  where[0] = '\0';
  (void)path_text(path, where, sizeof where);
  return ei_fail_at(c->err, status, at, "%s: %s (file offset %llu)", where, what, (unsigned long long)at);
}

static edge_status malformed(const ei_flat_check *c, uint64_t at, const ei_flat_path *path, const char *what) {
  return ei_flat_fail(c, at, path, EDGE_STATUS_MALFORMED, what);
}

static edge_status spend(ei_flat_check *c, uint64_t work, uint64_t memory, uint64_t at, const ei_flat_path *path) {
  c->work += work; /* both are below 2^40: each addend is bounded by the buffer, and the sum is capped each time */
  c->memory += memory;
  if (c->work > c->max_work)
    return malformed(c, at, path, "parts of the file are shared so often that reading would not be linear in its size");
  if (c->memory > c->max_memory)
    return malformed(c, at, path, "parts of the file are shared so often that loading would need 16 times its size");
  return EDGE_STATUS_OK;
}

bool ei_utf8_valid(const uint8_t *p, uint64_t n) {
  uint64_t i = 0;
  while (i < n) {
    const uint32_t b = p[i];
    if (b == 0) return false;
    if (b < 0x80) {
      i++;
      continue;
    }
    const uint32_t extra = b >= 0xf0 ? 3 : b >= 0xe0 ? 2 : 1;
    if (b < 0xc2 || b > 0xf4 || n - i <= extra) return false;
    uint32_t code = b & (0x3fu >> extra);
    for (uint32_t k = 1; k <= extra; ++k) {
      if ((p[i + k] & 0xc0u) != 0x80u) return false;
      code = code << 6 | (p[i + k] & 0x3fu);
    }
    if (extra == 2 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) return false;
    if (extra == 3 && (code < 0x10000 || code > 0x10ffff)) return false;
    i += extra + 1;
  }
  return true;
}

static uint32_t inline_bytes(uint32_t type) {
  switch (type) {
  case EI_FLAT_U8:
  case EI_FLAT_BOOL: return 1;
  case EI_FLAT_U16: return 2;
  case EI_FLAT_U64: return 8;
  default: return 4; /* u32 and references */
  }
}

static uint32_t element_bytes(uint32_t type) {
  return type == EI_FLAT_VEC_U64 ? 8 : type == EI_FLAT_VEC_U32 || type == EI_FLAT_VEC_TABLE ? 4 : 1;
}

edge_status ei_flat_verify_shell(ei_flat_check *c, const ei_flat_desc *desc, uint64_t table, const ei_flat_path *path) {
  const ei_flat *const f = &c->flat;
  if (table % 4 != 0) return malformed(c, table, path, "table is not 4-byte aligned");
  if (table < 4 || table + 4 > f->size) return malformed(c, table, path, "table lies outside the metadata");
  const int64_t vtable = (int64_t)table - ei_s32_of(ei_get_u32(f->p + table));
  if (vtable < 4 || vtable % 2 != 0 || vtable + 4 > (int64_t)f->size)
    return malformed(c, table, path, "vtable lies outside the metadata");
  const uint64_t vt = (uint64_t)vtable;
  const uint32_t vtable_bytes = ei_get_u16(f->p + vt), table_bytes = ei_get_u16(f->p + vt + 2);
  if (vtable_bytes < 4 || vtable_bytes % 2 != 0 || vt + vtable_bytes > f->size)
    return malformed(c, vt, path, "vtable has an impossible size");
  if (table_bytes < 4 || table + table_bytes > f->size) return malformed(c, vt, path, "table has an impossible size");
  EI_TRY(spend(c, 8u + vtable_bytes + table_bytes, desc->memory, table, path));
  const uint32_t slots = (vtable_bytes - 4) / 2;
  for (uint32_t s = 0; s < slots; ++s) {
    const uint32_t offset = ei_get_u16(f->p + vt + 4 + 2 * (uint64_t)s);
    if (offset == 0) continue;
    const uint32_t bytes = s < desc->n_members ? inline_bytes(desc->members[s].type) : 1;
    const ei_flat_path at = { path, s < desc->n_members ? desc->members[s].name : "(unknown field)", EI_NONE };
    if (offset < 4 || offset + bytes > table_bytes) return malformed(c, table, &at, "field lies outside its table");
    if ((table + offset) % bytes != 0) return malformed(c, table + offset, &at, "field is not aligned");
  }
  for (uint32_t s = 0; s < desc->n_members; ++s) {
    const ei_flat_path at = { path, desc->members[s].name, EI_NONE };
    if (desc->members[s].required && ei_flat_field(f, (uint32_t)table, s) == 0)
      return malformed(c, table, &at, "required field is missing");
  }
  return EDGE_STATUS_OK;
}

/* The target of the reference at `at`, which is inside the buffer. */
static edge_status follow(ei_flat_check *c, uint32_t at, const ei_flat_path *path, uint32_t *out) {
  const uint64_t target = (uint64_t)at + ei_get_u32(c->flat.p + at);
  if (target == at || target % 4 != 0 || target + 4 > c->flat.size)
    return malformed(c, at, path, "reference leads outside the metadata or is not aligned");
  *out = (uint32_t)target;
  return EDGE_STATUS_OK;
}

static edge_status verify_vector(ei_flat_check *c, uint32_t vector, const ei_flat_member *m, const ei_flat_path *path) {
  const uint64_t count = ei_get_u32(c->flat.p + vector), size = element_bytes(m->type);
  const uint64_t first = (uint64_t)vector + 4;
  if (count > (c->flat.size - first) / size)
    return malformed(c, vector, path, "vector runs past the end of the metadata");
  if (count && first % size != 0) return malformed(c, vector, path, "elements of the vector are not aligned");
  return spend(c, 4 + (m->type == EI_FLAT_VEC_TABLE ? 4 * count : size * count), 16 + count * m->memory, vector, path);
}

static edge_status verify_string(ei_flat_check *c, uint32_t string, const ei_flat_path *path) {
  const uint64_t length = ei_get_u32(c->flat.p + string), first = (uint64_t)string + 4;
  if (length >= c->flat.size - first) return malformed(c, string, path, "string runs past the end of the metadata");
  EI_TRY(spend(c, 5 + length, 0, string, path));
  if (c->flat.p[first + length] != 0) return malformed(c, string, path, "string is not terminated");
  if (!ei_utf8_valid(c->flat.p + first, length)) return malformed(c, string, path, "string is not valid UTF-8");
  return EDGE_STATUS_OK;
}

static edge_status verify_member(ei_flat_check *c, const ei_flat_member *m, uint32_t at, const ei_flat_path *path) {
  if (m->type == EI_FLAT_BOOL && c->flat.p[at] > 1) return malformed(c, at, path, "a bool is neither 0 nor 1");
  if (m->type < EI_FLAT_STRING) return EDGE_STATUS_OK;
  uint32_t target = 0;
  EI_TRY(follow(c, at, path, &target));
  if (m->type == EI_FLAT_STRING) return verify_string(c, target, path);
  if (m->type == EI_FLAT_TABLE) return ei_flat_verify(c, m->table, target, path);
  EI_TRY(verify_vector(c, target, m, path));
  if (m->type != EI_FLAT_VEC_TABLE) return EDGE_STATUS_OK;
  const uint32_t count = ei_get_u32(c->flat.p + target);
  for (uint32_t i = 0; i < count; ++i) {
    const ei_flat_path item = { path->up, path->field, i };
    uint32_t table = 0;
    EI_TRY(follow(c, target + 4 + 4 * i, &item, &table));
    EI_TRY(ei_flat_verify(c, m->table, table, &item));
  }
  return EDGE_STATUS_OK;
}

edge_status ei_flat_verify(ei_flat_check *c, const ei_flat_desc *desc, uint32_t table, const ei_flat_path *path) {
  EI_TRY(ei_flat_verify_shell(c, desc, table, path));
  for (uint32_t s = 0; s < desc->n_members; ++s) {
    const uint32_t at = ei_flat_field(&c->flat, table, s);
    const ei_flat_path member = { path, desc->members[s].name, EI_NONE };
    if (at) EI_TRY(verify_member(c, &desc->members[s], at, &member));
  }
  return desc->check ? desc->check(c, table, path) : EDGE_STATUS_OK;
}
