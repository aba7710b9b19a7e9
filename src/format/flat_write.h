/* SPDX-License-Identifier: Apache-2.0
 * A FlatBuffer builder that writes forward: a table first, then what it refers to.
 *
 * Use: begin, one call per field, end; then fill each reference with what is written next. Strings are pooled
 * and follow at the end. Errors stick in `status`; later calls do nothing. */
#ifndef EI_FLAT_WRITE_H
#define EI_FLAT_WRITE_H

#include "flat.h"

enum { EI_FLAT_MAX_SLOTS = 12, EI_FLAT_MAX_VTABLES = 64 };

typedef struct ei_flat_string_use {
  const char *text;
  uint32_t at; /* the reference to fill */
} ei_flat_string_use;

typedef struct ei_flat_writer {
  ei_alloc *alloc; /* of the growing arrays; what is kept is copied by the caller */
  uint8_t *p;
  uint64_t size, cap;
  ei_flat_string_use *strings;
  uint64_t n_strings, cap_strings;
  uint32_t vtables[EI_FLAT_MAX_VTABLES];
  uint32_t n_vtables;
  edge_status status;
} ei_flat_writer;

/** A table under construction. */
typedef struct ei_flat_table {
  uint64_t bits[EI_FLAT_MAX_SLOTS];
  uint8_t bytes[EI_FLAT_MAX_SLOTS]; /* 0: absent */
  uint32_t at[EI_FLAT_MAX_SLOTS];   /* after end: position of the field */
} ei_flat_table;

void ei_flat_write_begin(ei_flat_writer *w, ei_alloc *alloc); /* size prefix, root reference, identifier */
void ei_flat_write_finish(ei_flat_writer *w);                 /* strings, size prefix */
void ei_flat_write_free(ei_flat_writer *w);

/** A field of 1, 2, 4 or 8 bytes; left out when it equals its default, bit for bit. */
void ei_flat_set(ei_flat_table *t, uint32_t slot, uint8_t bytes, uint64_t bits, uint64_t def);
/** A reference that is filled later. */
void ei_flat_set_ref(ei_flat_table *t, uint32_t slot);
/** Writes the table and its vtable (a known one when there is an equal one); returns its position. */
uint32_t ei_flat_end(ei_flat_writer *w, ei_flat_table *t);
/** Makes the reference at `at` lead to the table or vector at `to`, which is behind it. */
void ei_flat_link(ei_flat_writer *w, uint32_t at, uint32_t to);
/** A vector at the reference `at`; returns the position of its first element (aligned to `align`, 4 or 8),
 *  which the caller fills. */
uint32_t ei_flat_vector_at(ei_flat_writer *w, uint32_t at, uint64_t count, uint32_t element_bytes, uint32_t align);
void ei_flat_string_at(ei_flat_writer *w, uint32_t at, const char *text);

void ei_flat_put(ei_flat_writer *w, uint32_t at, uint32_t bytes, uint64_t bits);

#endif
