/* SPDX-License-Identifier: Apache-2.0
 * Characters are cleaned and made small without marks; words are cut at blanks and punctuation; each word is taken
 * apart into the longest tokens from its left. */
#include "wordpiece.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct range {
  uint32_t first, last;
} range;
typedef struct fold {
  uint32_t first, count, step, to, to_step;
} fold;
typedef struct expansion {
  uint32_t from, first, second, third; /* 0: no third */
} expansion;

#include "unicode.inl"

enum { WORD_CHARACTERS = 100, WORD_BYTES = WORD_CHARACTERS * 4, REPLACEMENT = 0xfffd };

typedef struct token {
  uint32_t at, bytes;
} token;

struct wordpiece {
  char *text; /* the vocabulary */
  token *tokens;
  uint32_t *slots; /* hash table of token numbers + 1 */
  uint32_t count, mask, longest;
  int64_t unknown, begin, end;
};

/* ---- vocabulary */

static uint64_t hash(uint64_t h, const char *s, size_t n) {
  for (size_t i = 0; i < n; ++i) h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
  return h;
}

static const uint64_t EMPTY = 0xcbf29ce484222325u;

/* The token that is `lead` followed by s, or -1. */
static int64_t find(const wordpiece *w, const char *lead, const char *s, size_t n) {
  const size_t before = strlen(lead);
  uint64_t h = hash(hash(EMPTY, lead, before), s, n);
  h ^= h >> 29;
  for (uint32_t i = (uint32_t)h & w->mask; w->slots[i]; i = (i + 1) & w->mask) {
    const token *const t = &w->tokens[w->slots[i] - 1];
    if (t->bytes == before + n && memcmp(w->text + t->at, lead, before) == 0 &&
        memcmp(w->text + t->at + before, s, n) == 0)
      return (int64_t)w->slots[i] - 1;
  }
  return -1;
}

static void insert(wordpiece *w, uint32_t id) {
  const token *const t = &w->tokens[id];
  uint64_t h = hash(EMPTY, w->text + t->at, t->bytes);
  h ^= h >> 29;
  uint32_t i = (uint32_t)h & w->mask;
  while (w->slots[i]) i = (i + 1) & w->mask;
  w->slots[i] = id + 1;
  if (t->bytes > w->longest) w->longest = t->bytes;
}

static int split(wordpiece *w, size_t bytes) {
  size_t lines = 1;
  for (size_t i = 0; i < bytes; ++i) lines += w->text[i] == '\n';
  uint32_t slots = 16;
  while (slots < 2 * lines) slots *= 2;
  w->tokens = calloc(lines, sizeof *w->tokens);
  w->slots = calloc(slots, sizeof *w->slots);
  if (!w->tokens || !w->slots) return 0;
  w->mask = slots - 1;
  for (size_t i = 0, begin = 0; i <= bytes; ++i) {
    if (i < bytes && w->text[i] != '\n') continue;
    size_t end = i;
    if (end > begin && w->text[end - 1] == '\r') end--;
    if (i < bytes || end > begin) w->tokens[w->count++] = (token) { (uint32_t)begin, (uint32_t)(end - begin) };
    begin = i + 1;
  }
  for (uint32_t id = 0; id < w->count; ++id)
    if (find(w, "", w->text + w->tokens[id].at, w->tokens[id].bytes) < 0) insert(w, id);
  return 1;
}

wordpiece *wordpiece_new(const void *vocabulary, size_t bytes, const char **why) {
  wordpiece *const w = calloc(1, sizeof *w);
  *why = "there is no memory for it";
  if (w) w->text = malloc(bytes + 1);
  if (w && bytes >= UINT32_MAX / 4) *why = "it is too large for a vocabulary";
  if (!w || !w->text || bytes >= UINT32_MAX / 4) {
    wordpiece_free(w);
    return NULL;
  }
  if (bytes) memcpy(w->text, vocabulary, bytes);
  if (split(w, bytes)) {
    w->unknown = find(w, "", "[UNK]", 5);
    w->begin = find(w, "", "[CLS]", 5);
    w->end = find(w, "", "[SEP]", 5);
    *why = w->unknown < 0 || w->begin < 0 || w->end < 0 ? "it lacks [UNK], [CLS] or [SEP]" : NULL;
  }
  if (!*why) return w;
  wordpiece_free(w);
  return NULL;
}

wordpiece *wordpiece_open(const char *path, const char **why) {
  FILE *const in = fopen(path, "rb");
  char *text = NULL;
  size_t size = 0, cap = 0;
  *why = "it cannot be read";
  if (!in) return NULL;
  do {
    char *const more = realloc(text, cap += 1u << 19);
    if (!more) break;
    text = more;
    size += fread(text + size, 1, cap - size, in);
  } while (size == cap && cap < UINT32_MAX / 4);
  wordpiece *const w = text && !ferror(in) ? wordpiece_new(text, size, why) : NULL;
  free(text);
  fclose(in);
  return w;
}

void wordpiece_free(wordpiece *w) {
  if (!w) return;
  free(w->text);
  free(w->tokens);
  free(w->slots);
  free(w);
}

size_t wordpiece_count(const wordpiece *w) {
  return w->count;
}

const char *wordpiece_token(const wordpiece *w, int64_t id, size_t *bytes) {
  if (id < 0 || id >= (int64_t)w->count) return NULL;
  *bytes = w->tokens[id].bytes;
  return w->text + w->tokens[id].at;
}

/* ---- characters */

/* The next character; REPLACEMENT for a byte that begins none. */
static uint32_t next(const unsigned char *s, size_t n, size_t *used) {
  static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
  const uint32_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
  *used = 1;
  if (length == 1) return s[0];
  if (length == 0 || length > n) return REPLACEMENT;
  uint32_t c = s[0] & (0xffu >> (length + 1));
  for (uint32_t i = 1; i < length; ++i) {
    if ((s[i] & 0xc0) != 0x80) return REPLACEMENT;
    c = c << 6 | (s[i] & 0x3fu);
  }
  if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return REPLACEMENT;
  *used = length;
  return c;
}

static size_t put(uint32_t c, char *out) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  const size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = length; i-- > 1; c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)((0xf00 >> length & 0xff) | c);
  return length;
}

#define IN(table, c) in_ranges(table, sizeof(table) / sizeof(table)[0], c)
static int in_ranges(const range *r, size_t count, uint32_t c) {
  size_t low = 0, high = count;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (c > r[middle].last)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && c >= r[low].first;
}

static int is_blank(uint32_t c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* Characters that are words of their own. */
static int is_ideograph(uint32_t c) {
  static const range blocks[] = { { 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },   { 0xf900, 0xfaff },
                                  { 0x20000, 0x2a6df }, { 0x2a700, 0x2b73f }, { 0x2b740, 0x2b81f },
                                  { 0x2b920, 0x2ceaf }, { 0x2f800, 0x2fa1f } };
  return IN(blocks, c);
}

/* Small letters without marks: up to 3 characters. */
static uint32_t folded(uint32_t c, uint32_t out[3]) {
  out[0] = c;
  if (c < 0x80) {
    if (c >= 'A' && c <= 'Z') out[0] = c + 32;
    return 1;
  }
  if (c >= 0xac00 && c < 0xac00 + 11172) { /* a Korean syllable is its letters */
    const uint32_t s = c - 0xac00;
    out[0] = 0x1100 + s / 588;
    out[1] = 0x1161 + s % 588 / 28;
    out[2] = 0x11a7 + s % 28;
    return s % 28 ? 3 : 2;
  }
  if (IN(marks, c)) return 0;
  size_t low = 0, high = sizeof folds / sizeof folds[0];
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (c > folds[middle].first + (folds[middle].count - 1) * folds[middle].step)
      low = middle + 1;
    else
      high = middle;
  }
  if (low < sizeof folds / sizeof folds[0] && c >= folds[low].first && (c - folds[low].first) % folds[low].step == 0) {
    out[0] = folds[low].to + (c - folds[low].first) / folds[low].step * folds[low].to_step;
    return 1;
  }
  for (size_t i = 0; i < sizeof expansions / sizeof expansions[0]; ++i) {
    if (expansions[i].from != c) continue;
    out[0] = expansions[i].first;
    out[1] = expansions[i].second;
    out[2] = expansions[i].third;
    return out[2] ? 3 : 2;
  }
  return 1;
}

/* ---- words */

typedef struct encoder {
  const wordpiece *w;
  int64_t *ids;
  size_t count, most; /* most leaves a place for [SEP] */
  char word[WORD_BYTES];
  size_t bytes, characters;
} encoder;

static void push(encoder *e, int64_t id) {
  if (e->count < e->most) e->ids[e->count++] = id;
}

/* The longest token at each place, or one [UNK] for the word. */
static void end_word(encoder *e) {
  const size_t first = e->count;
  const size_t bytes = e->bytes, characters = e->characters;
  e->bytes = e->characters = 0;
  if (characters > WORD_CHARACTERS) {
    push(e, e->w->unknown);
    return;
  }
  for (size_t at = 0; at < bytes;) {
    const char *const lead = at ? "##" : "";
    size_t length = bytes - at;
    if (length > e->w->longest) length = e->w->longest;
    int64_t id = -1;
    for (; length > 0; --length) {
      if (at + length < bytes && (e->word[at + length] & 0xc0) == 0x80) continue; /* inside a character */
      id = find(e->w, lead, e->word + at, length);
      if (id >= 0) break;
    }
    if (id < 0) {
      e->count = first;
      push(e, e->w->unknown);
      return;
    }
    push(e, id);
    at += length;
  }
}

static void add(encoder *e, uint32_t c) {
  if (e->characters++ < WORD_CHARACTERS) e->bytes += put(c, e->word + e->bytes);
}

size_t wordpiece_encode(const wordpiece *w, const void *text, size_t bytes, int64_t *ids, size_t most) {
  encoder e = { .w = w, .ids = ids, .most = most - 1 };
  const unsigned char *const s = text;
  if (most < 2) return 0;
  push(&e, w->begin);
  for (size_t i = 0, used = 0; i < bytes && e.count < e.most; i += used) {
    const uint32_t c = next(s + i, bytes - i, &used);
    uint32_t parts[3];
    if (c == REPLACEMENT || IN(dropped, c)) continue;
    if (is_blank(c)) {
      end_word(&e);
      continue;
    }
    const uint32_t n = folded(c, parts);
    if (is_ideograph(c)) end_word(&e);
    for (uint32_t k = 0; k < n; ++k) {
      const int alone = IN(punctuation, parts[k]);
      if (alone) end_word(&e);
      add(&e, parts[k]);
      if (alone) end_word(&e);
    }
    if (is_ideograph(c)) end_word(&e);
  }
  end_word(&e);
  ids[e.count++] = w->end;
  return e.count;
}
