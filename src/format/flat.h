/* SPDX-License-Identifier: Apache-2.0
 * FlatBuffers as .edge files use them: byte order, accessors, and a verifier driven by table descriptions.
 *
 * Positions count from the size prefix (the start of the file), so alignment is that of the file.
 *
 *   table ->  [ s32: table - vtable | fields ... ]
 *   vtable -> [ u16 own bytes | u16 table bytes | u16 field offset in the table, 0: absent, ... ]
 *   vector -> [ u32 count | elements ]      string: a u8 vector and a NUL       reference: u32, forward from its own
 * place */
#ifndef EI_FLAT_H
#define EI_FLAT_H

#include "format.h"

static inline uint16_t ei_get_u16(const uint8_t *p) {
  return (uint16_t)(p[0] | (unsigned)p[1] << 8);
}
static inline uint32_t ei_get_u32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t ei_get_u64(const uint8_t *p) {
  return (uint64_t)ei_get_u32(p) | (uint64_t)ei_get_u32(p + 4) << 32;
}
static inline int32_t ei_s32_of(uint32_t bits) {
  int32_t v;
  memcpy(&v, &bits, sizeof v);
  return v;
}
static inline int64_t ei_s64_of(uint64_t bits) {
  int64_t v;
  memcpy(&v, &bits, sizeof v);
  return v;
}
static inline float ei_f32_of(uint32_t bits) {
  float v;
  memcpy(&v, &bits, sizeof v);
  return v;
}
static inline double ei_f64_of(uint64_t bits) {
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

/** A verified buffer. */
typedef struct ei_flat {
  const uint8_t *p;
  uint32_t size; /* size prefix included */
} ei_flat;

/** Position of a field of a verified table; 0: absent. */
static inline uint32_t ei_flat_field(const ei_flat *f, uint32_t table, uint32_t slot) {
  const uint32_t vtable = table - ei_get_u32(f->p + table); /* modulo 2^32: the same as signed */
  const uint32_t at = 4 + 2 * slot;
  if (at + 2 > ei_get_u16(f->p + vtable)) return 0;
  const uint32_t offset = ei_get_u16(f->p + vtable + at);
  return offset ? table + offset : 0;
}
/** What a reference field points at; 0: absent. */
static inline uint32_t ei_flat_ref(const ei_flat *f, uint32_t table, uint32_t slot) {
  const uint32_t at = ei_flat_field(f, table, slot);
  return at ? at + ei_get_u32(f->p + at) : 0;
}
static inline uint32_t ei_flat_u8(const ei_flat *f, uint32_t table, uint32_t slot, uint32_t def) {
  const uint32_t at = ei_flat_field(f, table, slot);
  return at ? f->p[at] : def;
}
static inline uint32_t ei_flat_u16(const ei_flat *f, uint32_t table, uint32_t slot, uint32_t def) {
  const uint32_t at = ei_flat_field(f, table, slot);
  return at ? ei_get_u16(f->p + at) : def;
}
static inline uint32_t ei_flat_u32(const ei_flat *f, uint32_t table, uint32_t slot, uint32_t def) {
  const uint32_t at = ei_flat_field(f, table, slot);
  return at ? ei_get_u32(f->p + at) : def;
}
static inline uint64_t ei_flat_u64(const ei_flat *f, uint32_t table, uint32_t slot, uint64_t def) {
  const uint32_t at = ei_flat_field(f, table, slot);
  return at ? ei_get_u64(f->p + at) : def;
}
/** Elements of a vector field (0 when absent); *first is the position of the first one. */
static inline uint32_t ei_flat_vector(const ei_flat *f, uint32_t table, uint32_t slot, uint32_t *first) {
  const uint32_t at = ei_flat_ref(f, table, slot);
  *first = at + 4;
  return at ? ei_get_u32(f->p + at) : 0;
}
/** Table i of a vector of tables. */
static inline uint32_t ei_flat_item(const ei_flat *f, uint32_t first, uint32_t i) {
  const uint32_t at = first + 4 * i;
  return at + ei_get_u32(f->p + at);
}
/** A terminated string inside the buffer; "" when absent. */
static inline const char *ei_flat_string(const ei_flat *f, uint32_t table, uint32_t slot) {
  const uint32_t at = ei_flat_ref(f, table, slot);
  return at ? (const char *)(f->p + at + 4) : "";
}

/* ---- description of the schema, for the verifier */

enum {
  EI_FLAT_U8,
  EI_FLAT_BOOL,
  EI_FLAT_U16,
  EI_FLAT_U32,
  EI_FLAT_U64,
  EI_FLAT_STRING,
  EI_FLAT_TABLE,
  EI_FLAT_VEC_U8,
  EI_FLAT_VEC_U32,
  EI_FLAT_VEC_U64,
  EI_FLAT_VEC_TABLE
};

/** Where the verifier is, for the text of an error. */
typedef struct ei_flat_path {
  const struct ei_flat_path *up;
  const char *field;
  uint32_t index; /* EI_NONE: not an element */
} ei_flat_path;

typedef struct ei_flat_check ei_flat_check;
typedef struct ei_flat_desc ei_flat_desc;

typedef struct ei_flat_member { /* in order of slots */
  const char *name;
  uint8_t type; /* EI_FLAT_* */
  uint8_t required;
  uint16_t memory; /* bytes that the reader allocates for each element of a vector */
  const ei_flat_desc *table;
} ei_flat_member;

struct ei_flat_desc {
  const char *name;
  const ei_flat_member *members;
  uint32_t n_members;
  uint32_t memory; /* bytes that the reader allocates for each table */
  /** Rules of one table beyond its structure; may be NULL. */
  edge_status (*check)(ei_flat_check *c, uint32_t table, const ei_flat_path *path);
};

struct ei_flat_check {
  ei_flat flat;
  const ei_format_source *src;
  uint64_t work, max_work;     /* bytes looked at: shared parts count each time */
  uint64_t memory, max_memory; /* bytes that reading will allocate */
  uint64_t n_nodes, max_nodes;
  edge_error *err;
};

/** Verify a table and everything below it. Depth is that of the descriptions, which have no cycle. */
edge_status ei_flat_verify(ei_flat_check *c, const ei_flat_desc *desc, uint32_t table, const ei_flat_path *path);
/** The table alone: its vtable and its fields' places. */
edge_status ei_flat_verify_shell(ei_flat_check *c, const ei_flat_desc *desc, uint64_t table, const ei_flat_path *path);
/** MALFORMED with the path in front: "Model.subgraphs[0].nodes[3].name: ...". */
edge_status ei_flat_fail(const ei_flat_check *c, uint64_t at, const ei_flat_path *path, edge_status status,
                         const char *what);
/** Valid UTF-8 without NUL. */
bool ei_utf8_valid(const uint8_t *p, uint64_t n);

#endif
