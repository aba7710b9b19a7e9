/* SPDX-License-Identifier: Apache-2.0
 * The forward FlatBuffer builder. */
#include "flat_write.h"

/* Grow an array of the writer to hold `need` elements. */
static void *grown(ei_flat_writer *w, void *old, uint64_t used, uint64_t *cap, uint64_t need, uint64_t size) {
  uint64_t more = *cap < 1024 ? 1024 : *cap;
  while (more < need) more *= 2; /* need is below 2^32 */
  void *const bigger = ei_alloc_get_raw(w->alloc, more * size, 16);
  if (bigger && used) memcpy(bigger, old, (size_t)(used * size));
  if (!bigger) {
    w->status = EDGE_STATUS_OUT_OF_MEMORY;
    return NULL;
  }
  ei_alloc_put(w->alloc, old, *cap * size, 16);
  *cap = more;
  return bigger;
}

/* Zero-filled room at the end, aligned; its position, or 0 after a failure. */
static uint32_t extend(ei_flat_writer *w, uint64_t bytes, uint32_t align) {
  uint64_t at, end;
  if (w->status != EDGE_STATUS_OK) return 0;
  if (!ei_align_u64(w->size, align, &at) || !ei_add_u64(at, bytes, &end) || end > (uint64_t)INT32_MAX) {
    w->status = EDGE_STATUS_LIMIT_EXCEEDED;
    return 0;
  }
  if (end > w->cap) {
    uint8_t *const p = grown(w, w->p, w->size, &w->cap, end, 1);
    if (!p) return 0;
    w->p = p;
  }
  memset(w->p + w->size, 0, (size_t)(end - w->size));
  w->size = end;
  return (uint32_t)at;
}

void ei_flat_put(ei_flat_writer *w, uint32_t at, uint32_t bytes, uint64_t bits) {
  if (w->status != EDGE_STATUS_OK) return;
  for (uint32_t i = 0; i < bytes; ++i) w->p[at + i] = (uint8_t)(bits >> 8 * i);
}

void ei_flat_write_begin(ei_flat_writer *w, ei_alloc *alloc) {
  memset(w, 0, sizeof *w);
  w->alloc = alloc;
  (void)extend(w, 12, 4);
  if (w->status == EDGE_STATUS_OK) memcpy(w->p + 8, "EDG1", 4);
}

void ei_flat_write_free(ei_flat_writer *w) {
  ei_alloc_put(w->alloc, w->p, w->cap, 16);
  ei_alloc_put(w->alloc, w->strings, w->cap_strings * sizeof *w->strings, 16);
  w->p = NULL;
  w->strings = NULL;
  w->cap = w->cap_strings = 0;
}

void ei_flat_set(ei_flat_table *t, uint32_t slot, uint8_t bytes, uint64_t bits, uint64_t def) {
  if (bits == def) return;
  t->bits[slot] = bits;
  t->bytes[slot] = bytes;
}

void ei_flat_set_ref(ei_flat_table *t, uint32_t slot) {
  t->bits[slot] = 0;
  t->bytes[slot] = 4;
}

/* The vtable at `own` is the newest thing: fold it into an equal older one, or remember it. */
static uint32_t share_vtable(ei_flat_writer *w, uint32_t own, uint32_t bytes) {
  for (uint32_t i = 0; i < w->n_vtables; ++i)
    if (ei_get_u16(w->p + w->vtables[i]) == bytes && memcmp(w->p + w->vtables[i], w->p + own, bytes) == 0) {
      w->size = own;
      return w->vtables[i];
    }
  if (w->n_vtables < EI_FLAT_MAX_VTABLES) w->vtables[w->n_vtables++] = own;
  return own;
}

uint32_t ei_flat_end(ei_flat_writer *w, ei_flat_table *t) {
  static const uint8_t order[] = { 8, 4, 2, 1 };
  uint32_t slots = 0, used = 4, align = 4, offsets[EI_FLAT_MAX_SLOTS] = { 0 };
  for (uint32_t s = 0; s < EI_FLAT_MAX_SLOTS; ++s)
    if (t->bytes[s]) slots = s + 1;
  for (uint32_t k = 0; k < EI_COUNT(order); ++k)
    for (uint32_t s = 0; s < slots; ++s) {
      if (t->bytes[s] != order[k]) continue;
      if (order[k] == 8 && used == 4) used = 8;
      if (order[k] == 8) align = 8;
      offsets[s] = used;
      used += order[k];
    }
  const uint32_t vtable_bytes = 4 + 2 * slots;
  const uint32_t own = extend(w, vtable_bytes, 2);
  if (w->status != EDGE_STATUS_OK) return 0;
  ei_flat_put(w, own, 2, vtable_bytes);
  ei_flat_put(w, own + 2, 2, used);
  for (uint32_t s = 0; s < slots; ++s) ei_flat_put(w, own + 4 + 2 * s, 2, offsets[s]);
  const uint32_t vtable = share_vtable(w, own, vtable_bytes);
  const uint32_t table = extend(w, used, align);
  ei_flat_put(w, table, 4, (uint64_t)table - vtable);
  for (uint32_t s = 0; s < slots; ++s) {
    t->at[s] = table + offsets[s];
    if (t->bytes[s]) ei_flat_put(w, t->at[s], t->bytes[s], t->bits[s]);
  }
  return table;
}

void ei_flat_link(ei_flat_writer *w, uint32_t at, uint32_t to) {
  ei_flat_put(w, at, 4, (uint64_t)to - at);
}

uint32_t ei_flat_vector_at(ei_flat_writer *w, uint32_t at, uint64_t count, uint32_t element_bytes, uint32_t align) {
  if (count > (uint64_t)INT32_MAX && w->status == EDGE_STATUS_OK) w->status = EDGE_STATUS_LIMIT_EXCEEDED;
  if (w->status != EDGE_STATUS_OK) return 0;
  if (align == 8 && ((w->size + 7) & ~UINT64_C(3)) % 8 != 0) (void)extend(w, 4, 4); /* the count goes in front */
  const uint32_t to = extend(w, 4 + count * element_bytes, 4);
  ei_flat_link(w, at, to);
  ei_flat_put(w, to, 4, count);
  return to + 4;
}

void ei_flat_string_at(ei_flat_writer *w, uint32_t at, const char *text) {
  if (w->status != EDGE_STATUS_OK) return;
  if (w->n_strings == w->cap_strings) {
    ei_flat_string_use *const more =
        grown(w, w->strings, w->n_strings, &w->cap_strings, w->n_strings + 1, sizeof *more);
    if (!more) return;
    w->strings = more;
  }
  w->strings[w->n_strings].text = text;
  w->strings[w->n_strings++].at = at;
}

static uint32_t hash_text(const char *s) {
  uint32_t h = 2166136261u;
  for (; *s; ++s) h = (h ^ (uint8_t)*s) * 16777619u;
  return h ^ h >> 15;
}

/* Equal strings are written once; `slots` maps to the string written for a use. */
static void write_strings(ei_flat_writer *w, uint32_t *slots, uint64_t n_slots) {
  for (uint64_t i = 0; i < w->n_strings && w->status == EDGE_STATUS_OK; ++i) {
    const ei_flat_string_use *const use = &w->strings[i];
    uint64_t at = hash_text(use->text) & (n_slots - 1);
    uint32_t string = 0;
    for (; slots[at] != 0 && !string; at = (at + 1) & (n_slots - 1))
      if (strcmp((const char *)w->p + slots[at] + 4, use->text) == 0) string = slots[at];
    if (!string) {
      const size_t length = strlen(use->text);
      string = extend(w, 5 + (uint64_t)length, 4);
      if (w->status != EDGE_STATUS_OK) return;
      ei_flat_put(w, string, 4, length);
      memcpy(w->p + string + 4, use->text, length);
      if (!ei_utf8_valid(w->p + string + 4, length)) /* names of imported models may be in any encoding */
        for (size_t k = 0; k < length; ++k)
          if (w->p[string + 4 + k] >= 0x80) w->p[string + 4 + k] = '?';
      slots[at] = string;
    }
    ei_flat_put(w, use->at, 4, (uint64_t)string - use->at);
  }
}

void ei_flat_write_finish(ei_flat_writer *w) {
  uint64_t n_slots = 16;
  while (n_slots < 2 * w->n_strings) n_slots *= 2;
  uint32_t *const slots = ei_alloc_get(w->alloc, n_slots * sizeof *slots, 16);
  if (!slots) w->status = w->status == EDGE_STATUS_OK ? EDGE_STATUS_OUT_OF_MEMORY : w->status;
  if (slots) write_strings(w, slots, n_slots);
  ei_alloc_put(w->alloc, slots, n_slots * sizeof *slots, 16);
  (void)extend(w, 0, 8);
  ei_flat_put(w, 0, 4, w->size - 4);
}
