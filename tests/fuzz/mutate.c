/* SPDX-License-Identifier: Apache-2.0
 * The deterministic mutator. */
#include "mutate.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *p) {
  if (!p) {
    fprintf(stderr, "no memory\n");
    exit(1);
  }
  return p;
}

void et_corpus_add(et_corpus *c, const void *p, size_t n) {
  c->seeds = need(realloc(c->seeds, (c->n + 1) * sizeof *c->seeds));
  c->seeds[c->n].p = need(malloc(n ? n : 1));
  c->seeds[c->n].n = n;
  if (n) memcpy(c->seeds[c->n].p, p, n);
  c->n++;
  if (n > c->longest) c->longest = n;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_file(et_corpus *c, const char *path, size_t most) {
  FILE *const in = fopen(path, "rb");
  if (!in) return;
  uint8_t *const p = need(malloc(most + 1));
  const size_t n = fread(p, 1, most + 1, in);
  fclose(in);
  if (n > 0 && n <= most) et_corpus_add(c, p, n);
  free(p);
}

void et_corpus_add_folder(et_corpus *c, const char *path, size_t most) {
  DIR *const dir = opendir(path);
  char **names = NULL;
  size_t n = 0;
  if (!dir) return;
  for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
    if (e->d_name[0] == '.') continue;
    names = need(realloc(names, (n + 1) * sizeof *names));
    const size_t length = strlen(path) + strlen(e->d_name) + 2;
    names[n] = need(malloc(length));
    snprintf(names[n++], length, "%s/%s", path, e->d_name);
  }
  closedir(dir);
  if (n) qsort(names, n, sizeof *names, by_name);
  for (size_t i = 0; i < n; ++i) {
    add_file(c, names[i], most);
    free(names[i]);
  }
  free(names);
}

void et_corpus_free(et_corpus *c) {
  for (size_t i = 0; i < c->n; ++i) free(c->seeds[i].p);
  free(c->seeds);
  memset(c, 0, sizeof *c);
}

static const uint64_t interesting[] = {
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  15,
  16,
  63,
  64,
  127,
  128,
  255,
  256,
  0x7fff,
  0x8000,
  0xffff,
  0x10000,
  0x7ffffffe,
  0x7fffffff,
  0x80000000,
  0x80000001,
  0xfffffffe,
  0xffffffff,
  0x100000000,
  0x3fffffffffffffff,
  0x4000000000000000,
  0x7fffffffffffffff,
  0x8000000000000000,
  0xffffffffffffffc0,
  0xffffffffffffffff,
};

static uint64_t pick(uint64_t *state, uint64_t n) {
  return n ? et_next(state) % n : 0;
}

static uint64_t get(const uint8_t *p, size_t bytes) {
  uint64_t v = 0;
  for (size_t i = 0; i < bytes; ++i) v |= (uint64_t)p[i] << 8 * i;
  return v;
}

static void put(uint8_t *p, size_t bytes, uint64_t v) {
  for (size_t i = 0; i < bytes; ++i) p[i] = (uint8_t)(v >> 8 * i);
}

/* A word of 1, 2, 4 or 8 bytes, mostly aligned: replaced, nudged, scaled, or taken from elsewhere. */
static void mutate_word(uint64_t *state, uint8_t *p, size_t n) {
  const size_t bytes = (size_t)1 << pick(state, 4);
  if (n < bytes) return;
  size_t at = pick(state, n - bytes + 1);
  if (pick(state, 8)) at -= at % (bytes < 4 ? bytes : 4);
  uint64_t v = get(p + at, bytes);
  switch (pick(state, 6)) {
  case 0: v = interesting[pick(state, sizeof interesting / sizeof *interesting)]; break;
  case 1: v += pick(state, 33) - 16; break;
  case 2: v = (uint64_t)n - pick(state, 129) + 64; break;
  case 3: v = get(p + pick(state, n - bytes + 1) / 4 * 4 % (n - bytes + 1), bytes); break;
  case 4: v ^= UINT64_C(1) << pick(state, 8 * bytes); break;
  default: v = et_next(state) >> pick(state, 64); break;
  }
  put(p + at, bytes, v);
}

/* A little-endian base-128 number in place: what protocol buffers use for tags and lengths. */
static void mutate_varint(uint64_t *state, uint8_t *p, size_t n) {
  if (n == 0) return;
  size_t at = pick(state, n);
  uint64_t v = interesting[pick(state, sizeof interesting / sizeof *interesting)];
  while (at < n && v >= 0x80) {
    p[at++] = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  if (at < n) p[at] = (uint8_t)v;
}

static size_t mutate_once(const et_corpus *c, uint64_t *state, uint8_t *p, size_t n, size_t cap) {
  switch (pick(state, 16)) {
  case 0: /* shorten */ return pick(state, 4) ? n : (size_t)pick(state, n + 1);
  case 1: { /* remove a part */
    const size_t at = pick(state, n + 1), gone = pick(state, (n - at < 64 ? n - at : 64) + 1);
    memmove(p + at, p + at + gone, n - at - gone);
    return n - gone;
  }
  case 2: { /* insert a part of the same file */
    const size_t at = pick(state, n + 1), from = pick(state, n + 1);
    size_t more = pick(state, (n - from < 64 ? n - from : 64) + 1);
    if (more > cap - n) more = cap - n;
    uint8_t part[64];
    memcpy(part, p + from, more);
    memmove(p + at + more, p + at, n - at);
    memcpy(p + at, part, more);
    return n + more;
  }
  case 3: { /* overwrite by a part of another file */
    const et_seed *const other = &c->seeds[pick(state, c->n)];
    if (other->n == 0 || n == 0) return n;
    const size_t from = pick(state, other->n), at = pick(state, 4) && from < n ? from : pick(state, n);
    size_t length = pick(state, 256);
    if (length > other->n - from) length = other->n - from;
    if (length > n - at) length = n - at;
    memcpy(p + at, other->p + from, length);
    return n;
  }
  case 4:
  case 5: mutate_varint(state, p, n); return n;
  case 6:
    if (n) p[pick(state, n)] ^= (uint8_t)(1u << pick(state, 8));
    return n;
  default: mutate_word(state, p, n); return n;
  }
}

size_t et_mutate(const et_corpus *c, uint64_t *state, uint8_t *out, size_t cap) {
  const et_seed *const seed = &c->seeds[pick(state, c->n)];
  size_t n = seed->n < cap ? seed->n : cap;
  if (n) memcpy(out, seed->p, n);
  const uint64_t times = 1 + pick(state, pick(state, 4) ? 2 : 8);
  for (uint64_t i = 0; i < times; ++i) n = mutate_once(c, state, out, n, cap);
  return n;
}
