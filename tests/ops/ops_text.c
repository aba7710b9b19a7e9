/* SPDX-License-Identifier: Apache-2.0
 * Parser of the textual form of tensors and attributes. */
#include "ops_text.h"
#include <stdio.h>
#include <stdlib.h>

uint32_t et_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  uint32_t x = *state;
  x ^= x >> 16;
  x *= 0x7feb352du;
  return x ^ x >> 15;
}

static bool bad(const char *text, const char *at, const char *why) {
  fprintf(stderr, "  case text: %s at '%.24s' in '%.60s'\n", why, at, text);
  return false;
}

static void skip(const char **p) {
  while (**p == ' ' || **p == '\n' || **p == '\t') ++*p;
}

static bool eat(const char **p, char c) {
  skip(p);
  if (**p != c) return false;
  ++*p;
  return true;
}

static bool number(const char **p, double *v) {
  char *end = NULL;
  skip(p);
  *v = strtod(*p, &end);
  if (end == *p) return false;
  *p = end;
  return true;
}

static int32_t dtype_of(const char *s, size_t n) {
  for (int32_t d = 1; d < EDGE_DTYPE_COUNT; ++d) {
    const char *const name = edge_dtype_name(d);
    if (strlen(name) == n && memcmp(name, s, n) == 0) return d;
  }
  return EDGE_DTYPE_NONE;
}

static bool parse_dims(const char **p, edge_tensor *t) {
  if (!eat(p, '[')) return false;
  t->rank = 0;
  if (eat(p, '*')) {
    t->rank = EI_RANK_UNKNOWN;
    return eat(p, ']');
  }
  if (eat(p, ']')) return true;
  do {
    double v = EI_DIM_UNKNOWN;
    if (!eat(p, '?') && !number(p, &v)) return false;
    if (t->rank == EDGE_MAX_RANK) return false;
    t->dims[t->rank++] = (int64_t)v;
  } while (eat(p, ','));
  return eat(p, ']');
}

/* q(scales [, zero points] [@axis] [/block]) */
static bool parse_quant(const char **p, edge_tensor *t) {
  float *const scales = calloc(256, sizeof *scales);
  int32_t *const zeros = calloc(256, sizeof *zeros);
  double v = 0;
  uint32_t n = 0, nz = 0;
  t->quant.scales = scales;
  t->quant.zero_points = zeros;
  while (n < 256 && number(p, &v)) scales[n++] = (float)v;
  if (eat(p, ',')) {
    while (nz < 256 && number(p, &v)) zeros[nz++] = (int32_t)v;
  }
  for (uint32_t i = nz; nz > 0 && i < n; ++i) zeros[i] = zeros[nz - 1];
  if (eat(p, '@') && number(p, &v)) t->quant.axis = (int32_t)v;
  if (eat(p, '/') && number(p, &v)) t->quant.block = (uint32_t)v;
  t->quant.count = n;
  return n > 0 && eat(p, ')');
}

static bool call(const char **p, const char *name, double *args, int n) {
  const size_t len = strlen(name);
  if (strncmp(*p, name, len) != 0 || (*p)[len] != '(') return false;
  *p += len + 1;
  for (int i = 0; i < n; ++i) {
    if ((i > 0 && !eat(p, ',')) || !number(p, &args[i])) return false;
  }
  return eat(p, ')');
}

static void fill_random(edge_tensor *t, uint64_t i, uint64_t n, const double *a) {
  uint32_t state = (uint32_t)a[0] * 7919u + 17u;
  for (; i < n; ++i) {
    const double u = et_random(&state) / 4294967296.0;
    if (ei_dtype_is_float(t->dtype))
      ei_store_f64(t, i, (double)(float)(a[1] + u * (a[2] - a[1])));
    else
      ei_store_s64(t, i, (int64_t)floor(a[1] + u * (a[2] - a[1] + 1)));
  }
}

static bool parse_values(const char **p, edge_tensor *t) {
  const uint64_t n = ei_op_elements(t);
  uint64_t bytes = 0, i = 0;
  double a[3];
  if (!ei_tensor_bytes(t->dtype, 0, t->dims, t->rank, &bytes)) return false;
  t->bytes = bytes;
  t->data = calloc(1, bytes > 0 ? (size_t)bytes : 1);
  for (;;) {
    skip(p);
    if (**p == 0 || **p == ';') break;
    if (call(p, "ramp", a, 2)) {
      for (uint64_t k = 0; i < n; ++i, ++k) ei_store_f64(t, i, a[0] + a[1] * (double)k);
    } else if (call(p, "fill", a, 1)) {
      for (; i < n; ++i) ei_store_f64(t, i, a[0]);
    } else if (call(p, "rnd", a, 3)) {
      fill_random(t, i, n, a);
      i = n;
    } else {
      char *end = NULL;
      const char *const start = *p;
      const long long whole = strtoll(start, &end, 10);
      if (i >= n) return false;
      if (end != start && (*end == 0 || *end == ' ' || *end == '\n' || *end == ';') && !ei_dtype_is_float(t->dtype)) {
        ei_store_s64(t, i++, whole);
        *p = end;
      } else if (number(p, a)) {
        ei_store_f64(t, i++, a[0]);
      } else {
        return false;
      }
    }
  }
  return i == n;
}

bool et_parse_tensors(const char *text, et_tensors *out) {
  const char *p = text != NULL ? text : "";
  memset(out, 0, sizeof *out);
  for (skip(&p); *p != 0; skip(&p)) {
    if (out->n == ET_MAX_TENSORS) return bad(text, p, "too many tensors");
    edge_tensor *const t = &out->t[out->n++];
    t->name = "t";
    if (!eat(&p, '-')) {
      size_t len = 0;
      while ((p[len] >= 'a' && p[len] <= 'z') || (p[len] >= '0' && p[len] <= '9')) ++len;
      t->dtype = dtype_of(p, len);
      if (t->dtype == EDGE_DTYPE_NONE) return bad(text, p, "unknown type");
      p += len;
      if (!parse_dims(&p, t)) return bad(text, p, "bad dims");
      skip(&p);
      if (strncmp(p, "q(", 2) == 0) {
        p += 2;
        if (!parse_quant(&p, t)) return bad(text, p, "bad quantization");
      }
      if (eat(&p, ':') && !parse_values(&p, t)) return bad(text, p, "values do not match the shape");
    }
    skip(&p);
    if (*p != 0 && !eat(&p, ';')) return bad(text, p, "expected ';'");
  }
  return true;
}

void et_free_tensors(et_tensors *list) {
  for (uint32_t i = 0; i < list->n; ++i) {
    union {
      const void *c;
      void *m;
    } s = { list->t[i].quant.scales }, z = { list->t[i].quant.zero_points };
    free(list->t[i].data);
    free(s.m);
    free(z.m);
  }
  memset(list, 0, sizeof *list);
}

static uint32_t attr_kind(const ei_node *node, const char *key) {
  for (const ei_attr_def *d = node->op->attrs; d != NULL && d->key != NULL; ++d) {
    if (strcmp(d->key, key) == 0) return d->kind;
  }
  return 0;
}

static char *copy(const char *s, size_t n) {
  char *const r = malloc(n + 1);
  memcpy(r, s, n);
  r[n] = 0;
  return r;
}

static bool parse_list(const char **p, ei_attr *a) {
  double values[64];
  uint32_t n = 0;
  while (n < 64 && number(p, &values[n])) {
    ++n;
    if (**p != ',') break;
    ++*p;
  }
  a->count = n;
  if (a->kind == EI_ATTR_INTS) {
    int64_t *const ints = malloc((n > 0 ? n : 1) * sizeof *ints);
    for (uint32_t i = 0; i < n; ++i) ints[i] = values[i] >= 9.2e18 ? INT64_MAX : (int64_t)values[i];
    a->u.ints = ints;
  } else {
    double *const floats = malloc((n > 0 ? n : 1) * sizeof *floats);
    memcpy(floats, values, n * sizeof *floats);
    a->u.floats = floats;
  }
  return true;
}

bool et_parse_attrs(const char *text, ei_node *node) {
  const char *p = text != NULL ? text : "";
  node->attr = calloc(ET_MAX_ATTRS, sizeof *node->attr);
  node->n_attr = 0;
  for (skip(&p); *p != 0; skip(&p)) {
    if (node->n_attr == ET_MAX_ATTRS) return bad(text, p, "too many attributes");
    ei_attr *const a = &node->attr[node->n_attr++];
    size_t len = 0;
    while (p[len] != '=' && p[len] != 0) ++len;
    a->key = copy(p, len);
    a->kind = attr_kind(node, a->key);
    if (p[len] != '=' || a->kind == 0) return bad(text, p, "the operator has no such attribute");
    p += len + 1;
    if (a->kind == EI_ATTR_STRING) {
      const char *const end = *p == '\'' ? strchr(p + 1, '\'') : NULL;
      if (end == NULL) return bad(text, p, "expected 'text'");
      a->u.s = copy(p + 1, (size_t)(end - p - 1));
      a->count = (uint32_t)(end - p - 1);
      p = end + 1;
    } else if (a->kind == EI_ATTR_INT) {
      char *end = NULL;
      a->u.i = strtoll(p, &end, 10);
      if (end == p) return bad(text, p, "expected an integer");
      p = end;
    } else if (a->kind == EI_ATTR_FLOAT) {
      if (!number(&p, &a->u.f)) return bad(text, p, "expected a number");
    } else if (!parse_list(&p, a)) {
      return bad(text, p, "expected a list");
    }
    if (*p != 0 && *p != ' ' && *p != '\n') return bad(text, p, "expected a space");
  }
  return true;
}

void et_free_attrs(ei_node *node) {
  for (uint32_t i = 0; i < node->n_attr; ++i) {
    const ei_attr *const a = &node->attr[i];
    union {
      const void *c;
      void *m;
    } key = { a->key }, value = { NULL };
    if (a->kind == EI_ATTR_STRING)
      value.c = a->u.s;
    else if (a->kind == EI_ATTR_INTS)
      value.c = a->u.ints;
    else if (a->kind == EI_ATTR_FLOATS)
      value.c = a->u.floats;
    free(key.m);
    free(value.m);
  }
  free(node->attr);
  node->attr = NULL;
  node->n_attr = 0;
}
