/* SPDX-License-Identifier: Apache-2.0
 * Attributes of the node being translated. */
#include "onnx.h"

static const ei_ox_attr *find_in(const ei_ox_attr *list, uint32_t count, const char *name) {
  for (uint32_t i = 0; i < count; ++i)
    if (strcmp(list[i].name, name) == 0) return &list[i];
  return NULL;
}

/* A reference means the attribute of the call that the function was inlined for, or its default. */
static const ei_ox_attr *resolve(const ei_ox_scope *s, const ei_ox_attr *a) {
  while (a && *a->ref) {
    if (!s || !s->fn) return NULL;
    const ei_ox_attr *const given = find_in(s->call->attrs, s->call->n_attrs, a->ref);
    if (!given) return find_in(s->fn->defaults, s->fn->n_defaults, a->ref);
    a = given;
    s = s->caller;
  }
  return a;
}

const ei_ox_attr *ei_ox_attr_find(const ei_ox_call *c, const char *name) {
  return resolve(c->s, find_in(c->n->attrs, c->n->n_attrs, name));
}

int64_t ei_ox_int(const ei_ox_call *c, const char *name, int64_t def) {
  const ei_ox_attr *const a = ei_ox_attr_find(c, name);
  return a && a->type == EI_OX_INT ? a->i : def;
}

double ei_ox_float(const ei_ox_call *c, const char *name, double def) {
  const ei_ox_attr *const a = ei_ox_attr_find(c, name);
  if (a && a->type == EI_OX_INT) return (double)a->i;
  return a && a->type == EI_OX_FLOAT ? (double)a->f : def;
}

const char *ei_ox_text_attr(const ei_ox_call *c, const char *name, const char *def) {
  const ei_ox_attr *const a = ei_ox_attr_find(c, name);
  return a && a->type == EI_OX_STRING ? a->s : def;
}

const int64_t *ei_ox_ints(const ei_ox_call *c, const char *name, uint32_t *count) {
  static const int64_t nothing = 0;
  const ei_ox_attr *const a = ei_ox_attr_find(c, name);
  *count = 0;
  if (!a || a->type != EI_OX_INTS) return NULL;
  *count = a->n_ints;
  return a->n_ints ? a->ints : &nothing;
}

int32_t ei_ox_word(const char *words, const char *text) {
  const size_t length = strlen(text);
  int32_t index = 0;
  for (const char *p = words; *p; ++index) {
    size_t n = 0;
    while (p[n] && p[n] != '|') ++n;
    if (n == length && memcmp(p, text, n) == 0) return index;
    p += n;
    if (*p == '|') ++p;
  }
  return -1;
}

static void map_word(ei_ox_call *c, const ei_ox_attr_map *m) {
  const char *const text = ei_ox_text_attr(c, m->from, NULL);
  const int32_t index = text ? ei_ox_word(m->words, text) : (int32_t)m->def;
  if (index < 0) {
    ei_ox_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "attribute %s is '%s', expected one of %s", m->from, text, m->words);
    return;
  }
  ei_ox_set_int(c, m->to, index);
}

void ei_ox_map_attrs(ei_ox_call *c, const ei_ox_attr_map *map) {
  for (const ei_ox_attr_map *m = map; m && m->from; ++m) {
    if (m->kind == EI_ATTR_INT) ei_ox_set_int(c, m->to, ei_ox_int(c, m->from, (int64_t)m->def));
    if (m->kind == EI_ATTR_FLOAT) ei_ox_set_float(c, m->to, ei_ox_float(c, m->from, m->def));
    if (m->kind == EI_ATTR_STRING) map_word(c, m);
    if (m->kind == EI_ATTR_INTS) {
      uint32_t n = 0;
      const int64_t *const v = ei_ox_ints(c, m->from, &n);
      if (v) ei_ox_set_ints(c, m->to, v, n);
    }
    if (m->kind == EI_ATTR_FLOATS) {
      const ei_ox_attr *const a = ei_ox_attr_find(c, m->from);
      if (a && a->type == EI_OX_FLOATS) ei_ox_set_floats(c, m->to, a->floats, a->n_floats);
    }
  }
}
