/* SPDX-License-Identifier: Apache-2.0
 * JSON (RFC 8259): a recursive reader with a depth limit, and the escapes of the writer. */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

typedef struct parser {
  const char *at, *end;
  int depth;
} parser;

static void skip_space(parser *p) {
  while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')) p->at++;
}

static bool take(parser *p, char c) {
  skip_space(p);
  if (p->at >= p->end || *p->at != c) return false;
  p->at++;
  return true;
}

static size_t put_utf8(char *out, uint32_t c) {
  if (c < 0x80) return out[0] = (char)c, 1;
  if (c < 0x800) return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
  if (c < 0x10000) {
    out[0] = (char)(0xe0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 63));
    out[2] = (char)(0x80 | (c & 63));
    return 3;
  }
  out[0] = (char)(0xf0 | c >> 18);
  out[1] = (char)(0x80 | (c >> 12 & 63));
  out[2] = (char)(0x80 | (c >> 6 & 63));
  out[3] = (char)(0x80 | (c & 63));
  return 4;
}

static bool hex4(parser *p, uint32_t *out) {
  *out = 0;
  if (p->end - p->at < 4) return false;
  for (int i = 0; i < 4; ++i) {
    const char c = *p->at++;
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return false;
    *out = *out << 4 | (uint32_t)digit;
  }
  return true;
}

static bool unescape(parser *p, char *out, size_t *length) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  if (p->at >= p->end) return false;
  const char c = *p->at++;
  const char *const simple = c ? strchr(from, c) : NULL;
  uint32_t code, low;
  if (simple) {
    out[(*length)++] = to[simple - from];
    return true;
  }
  if (c != 'u' || !hex4(p, &code)) return false;
  if (code >= 0xd800 && code < 0xdc00) {
    if (p->end - p->at < 2 || p->at[0] != '\\' || p->at[1] != 'u') return false;
    p->at += 2;
    if (!hex4(p, &low) || low < 0xdc00 || low > 0xdfff) return false;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  if (code == 0) return false; /* our strings are terminated */
  *length += put_utf8(out + *length, code);
  return true;
}

static char *parse_string(parser *p) {
  if (!take(p, '"')) return NULL;
  char *const out = malloc((size_t)(p->end - p->at) + 1);
  size_t length = 0;
  while (out && p->at < p->end && *p->at != '"') {
    if ((unsigned char)*p->at < 0x20) break;
    if (*p->at != '\\')
      out[length++] = *p->at++;
    else if (p->at++, !unescape(p, out, &length))
      break;
  }
  if (!out || p->at >= p->end || *p->at != '"') {
    free(out);
    return NULL;
  }
  p->at++;
  out[length] = 0;
  return out;
}

static json_value *parse_value(parser *p);

static bool append(json_value *v, char *key, json_value *item) {
  json_value **const items = realloc(v->items, (v->count + 1) * sizeof *items);
  if (items) v->items = items;
  char **const keys = v->kind == JSON_OBJECT ? realloc(v->keys, (v->count + 1) * sizeof *keys) : NULL;
  if (keys) v->keys = keys;
  if (!items || (v->kind == JSON_OBJECT && !keys)) {
    free(key);
    json_free(item);
    return false;
  }
  v->items[v->count] = item;
  if (keys) v->keys[v->count] = key;
  v->count++;
  return true;
}

static bool parse_members(parser *p, json_value *v) {
  const char close = v->kind == JSON_OBJECT ? '}' : ']';
  p->at++;
  if (take(p, close)) return true;
  do {
    char *key = NULL;
    if (v->kind == JSON_OBJECT && (!(key = parse_string(p)) || !take(p, ':'))) {
      free(key);
      return false;
    }
    json_value *const item = parse_value(p);
    if (!item) {
      free(key);
      return false;
    }
    if (!append(v, key, item)) return false;
  } while (take(p, ','));
  return take(p, close);
}

static bool parse_number(parser *p, json_value *v) {
  char text[64];
  size_t n = 0;
  while (p->at < p->end && n + 1 < sizeof text && *p->at && strchr("+-0123456789.eE", *p->at)) text[n++] = *p->at++;
  text[n] = 0;
  char *end;
  v->number = strtod(text, &end);
  return n && *end == 0 && text[0] != '+' && text[0] != '.';
}

static bool parse_word(parser *p, const char *word) {
  const size_t n = strlen(word);
  if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0) return false;
  p->at += n;
  return true;
}

static json_value *parse_value(parser *p) {
  skip_space(p);
  if (p->at >= p->end || p->depth >= MAX_DEPTH) return NULL;
  json_value *const v = calloc(1, sizeof *v);
  bool ok = false;
  if (!v) return NULL;
  p->depth++;
  v->begin = p->at;
  switch (*p->at) {
  case '{':
    v->kind = JSON_OBJECT;
    ok = parse_members(p, v);
    break;
  case '[':
    v->kind = JSON_ARRAY;
    ok = parse_members(p, v);
    break;
  case '"':
    v->kind = JSON_STRING;
    v->string = parse_string(p);
    ok = v->string != NULL;
    break;
  case 't':
    v->kind = JSON_BOOL;
    v->boolean = true;
    ok = parse_word(p, "true");
    break;
  case 'f':
    v->kind = JSON_BOOL;
    ok = parse_word(p, "false");
    break;
  case 'n': ok = parse_word(p, "null"); break;
  default:
    v->kind = JSON_NUMBER;
    ok = parse_number(p, v);
    break;
  }
  v->end = p->at;
  p->depth--;
  if (ok) return v;
  json_free(v);
  return NULL;
}

json_value *json_parse(const char *text, size_t length) {
  parser p = { text, text + length, 0 };
  json_value *const v = parse_value(&p);
  skip_space(&p);
  if (!v || p.at == p.end) return v;
  json_free(v);
  return NULL;
}

void json_free(json_value *v) {
  if (!v) return;
  for (uint32_t i = 0; i < v->count; ++i) {
    json_free(v->items[i]);
    if (v->keys) free(v->keys[i]);
  }
  free(v->items);
  free(v->keys);
  free(v->string);
  free(v);
}

const json_value *json_get(const json_value *object, const char *key) {
  if (!object || object->kind != JSON_OBJECT) return NULL;
  for (uint32_t i = 0; i < object->count; ++i)
    if (strcmp(object->keys[i], key) == 0) return object->items[i];
  return NULL;
}

/* Length of the well-formed UTF-8 sequence at s, 0 when there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *s) {
  const unsigned char c = s[0];
  const size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
  for (size_t i = 1; i < n; ++i)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if (n == 3 && ((c == 0xe0 && s[1] < 0xa0) || (c == 0xed && s[1] > 0x9f))) return 0;
  if (n == 4 && ((c == 0xf0 && s[1] < 0x90) || (c == 0xf4 && s[1] > 0x8f))) return 0;
  return n;
}

void json_write_string(FILE *out, const char *text) {
  if (!text) {
    fputs("null", out);
    return;
  }
  fputc('"', out);
  for (const unsigned char *s = (const unsigned char *)text; *s;) {
    const size_t n = utf8_length(s);
    if (n == 0) {
      fputs("\xef\xbf\xbd", out);
      s++;
    } else if (*s == '"' || *s == '\\') {
      fprintf(out, "\\%c", *s++);
    } else if (*s < 0x20 || *s == 0x7f) {
      fprintf(out, "\\u%04x", *s++);
    } else {
      fwrite(s, 1, n, out);
      s += n;
    }
  }
  fputc('"', out);
}

void json_write_number(FILE *out, double v) {
  if (isfinite(v))
    fprintf(out, "%.9g", v);
  else
    fputs("null", out);
}
