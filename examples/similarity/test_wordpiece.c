/* SPDX-License-Identifier: Apache-2.0
 * The tokenizer on a vocabulary of its own: what is written by hand below, and a fuzz of random bytes, random
 * characters and cut ones: whatever comes in, numbers of the vocabulary come out, between [CLS] and [SEP], the same
 * each time. */
#include "wordpiece.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

enum { MOST = 64, TEXT = 4096 };

static const char vocabulary[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\nun\n##aff\n##able\naff\ncafe\n,\n!\na\n##a\n中\n##中\nstrasse\n"
    "ss\nσας\n\u1112\n##\u1161\n##\u11ab\n\xf0\x9f\x98\x80\nb\r\n[\n]\nsep\n";

static const struct {
  const char *text, *tokens;
} cases[] = {
  { "", "" },
  { "unaffable", "un ##aff ##able" },
  { "UNAFFABLE, Café!", "un ##aff ##able , cafe !" },
  { "unaffablex un", "[UNK] un" },
  { "cafe\u0301", "cafe" },
  { "\t un\u00a0un\u3000un\r\n", "un un un" },
  { "u\u200bn un\x01\x7f aff\ufffd", "un un aff" },
  { "a中a", "a 中 a" },
  { "ΣΑΣ ΣΑς", "[UNK] σας" },
  { "한", "\u1112 ##\u1161 ##\u11ab" },
  { "\xf0\x9f\x98\x80 \xf0\x9f\x98 a", "\xf0\x9f\x98\x80 a" },
  { "\xff\xc0\x80un\xed\xa0\x80 \xf5\x90\x80\x80", "un" },
  { "b b", "b b" },
  { "[SEP]", "[ sep ]" },
  { "\u0301", "" },
};

static void known(const wordpiece *w) {
  int64_t ids[MOST];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    char got[512] = "";
    const size_t count = wordpiece_encode(w, cases[i].text, strlen(cases[i].text), ids, MOST);
    for (size_t k = 1; k + 1 < count; ++k) {
      size_t bytes = 0;
      const char *const token = wordpiece_token(w, ids[k], &bytes);
      CHECK(token);
      if (k > 1) strcat(got, " ");
      strncat(got, token, bytes);
    }
    if (strcmp(got, cases[i].tokens) != 0) {
      fprintf(stderr, "case %zu: '%s', wanted '%s'\n", i, got, cases[i].tokens);
      exit(1);
    }
  }
}

static uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static size_t put_character(uint32_t c, char *out) {
  if (c < 0x80) return (void)(out[0] = (char)c), 1;
  const size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n; i-- > 1; c >>= 6) out[i] = (char)(0x80 | (c & 63));
  out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
  return n;
}

static void check(const wordpiece *w, const char *text, size_t bytes, size_t most) {
  int64_t ids[MOST + 1], again[MOST];
  char *const copy = malloc(bytes ? bytes : 1); /* of its exact size, so that a sanitizer sees a read behind it */
  CHECK(copy);
  if (bytes) memcpy(copy, text, bytes);
  ids[most] = -77;
  const size_t count = wordpiece_encode(w, copy, bytes, ids, most);
  CHECK(count >= 2 && count <= most && ids[most] == -77);
  CHECK(ids[0] == 2 && ids[count - 1] == 3);
  for (size_t i = 0; i < count; ++i) CHECK(ids[i] >= 0 && (size_t)ids[i] < wordpiece_count(w));
  CHECK(wordpiece_encode(w, copy, bytes, again, most) == count && memcmp(ids, again, count * sizeof *ids) == 0);
  free(copy);
}

int main(int argc, char **argv) {
  const char *why = NULL;
  wordpiece *const w = wordpiece_new(vocabulary, sizeof vocabulary - 1, &why);
  CHECK(w && wordpiece_count(w) == 26);
  known(w);
  static char text[TEXT + 8];
  uint64_t seed = 1;
  const int rounds = argc > 1 ? atoi(argv[1]) : 20000;
  for (int round = 0; round < rounds; ++round) {
    const uint64_t kind = next_random(&seed) % 4, wanted = next_random(&seed) % (round % 16 ? 200 : TEXT);
    size_t bytes = 0;
    while (bytes < wanted) {
      const uint64_t r = next_random(&seed);
      if (kind == 0)
        text[bytes++] = (char)r;
      else if (kind == 1)
        bytes += put_character((uint32_t)(r % 0x110000), text + bytes);
      else if (kind == 2)
        bytes += put_character((uint32_t)(r % (r >> 40 & 1 ? 0x3000 : 0xac00)), text + bytes);
      else
        text[bytes++] = "unaffable ,\xf0\x9f\x98\x80\xe4\xb8\xad"[r % 18];
    }
    if (round % 3 == 0 && bytes) bytes -= next_random(&seed) % (bytes < 4 ? bytes : 4); /* the last one is cut */
    check(w, text, bytes, 2 + next_random(&seed) % (MOST - 1));
  }
  memset(text, 'a', TEXT); /* one word that is too long */
  check(w, text, TEXT, MOST);
  for (size_t cut = 0; cut < sizeof vocabulary; ++cut) { /* vocabularies that end early */
    wordpiece *const part = wordpiece_new(vocabulary, cut, &why);
    CHECK(!part == (cut < 23));
    if (part) check(part, "unaffable 中", 13, 8);
    wordpiece_free(part);
  }
  CHECK(!wordpiece_open("/no/such/file", &why) && why);
  wordpiece_free(w);
  printf("wordpiece: %zu cases, %d random texts\n", sizeof cases / sizeof *cases, rounds);
  return 0;
}
