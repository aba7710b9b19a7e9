/* SPDX-License-Identifier: Apache-2.0
 * Names to tensor indices: a hash map in the arena. */
#include "onnx.h"

static uint32_t hash(const char *s) { /* FNV-1a */
  uint32_t h = 2166136261u;
  for (; *s; ++s) h = (h ^ (uint8_t)*s) * 16777619u;
  return h;
}

static uint32_t slot_of(const ei_ox_names *m, const char *key) {
  uint32_t i = hash(key) & (m->cap - 1);
  while (m->keys[i] && strcmp(m->keys[i], key) != 0) i = (i + 1) & (m->cap - 1);
  return i;
}

uint32_t ei_ox_names_get(const ei_ox_names *m, const char *key) {
  if (m->cap == 0) return EI_NONE;
  const uint32_t i = slot_of(m, key);
  return m->keys[i] ? m->values[i] : EI_NONE;
}

bool ei_ox_names_put(ei_arena *arena, ei_ox_names *m, const char *key, uint32_t value) {
  if (m->count + 1 > m->cap / 2) {
    ei_ox_names bigger = { NULL, NULL, 0, m->cap ? m->cap * 2 : 32 };
    if (bigger.cap < m->cap) return false;
    bigger.keys = EI_NEW_ARRAY(arena, const char *, bigger.cap);
    bigger.values = EI_NEW_ARRAY(arena, uint32_t, bigger.cap);
    if (!bigger.keys || !bigger.values) return false;
    for (uint32_t i = 0; i < m->cap; ++i) {
      if (!m->keys[i]) continue;
      const uint32_t k = slot_of(&bigger, m->keys[i]);
      bigger.keys[k] = m->keys[i];
      bigger.values[k] = m->values[i];
    }
    bigger.count = m->count;
    *m = bigger;
  }
  const uint32_t i = slot_of(m, key);
  if (!m->keys[i]) m->count++;
  m->keys[i] = key;
  m->values[i] = value;
  return true;
}
