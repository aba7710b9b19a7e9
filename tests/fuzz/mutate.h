/* SPDX-License-Identifier: Apache-2.0
 * A deterministic mutator for binary files, for fuzzing without a fuzzer: the same seed gives the same files. */
#ifndef ET_MUTATE_H
#define ET_MUTATE_H

#include <stddef.h>
#include <stdint.h>

typedef struct et_seed {
  uint8_t *p;
  size_t n;
} et_seed;

/** All seeds; files are read from a folder or made by the target. */
typedef struct et_corpus {
  et_seed *seeds;
  size_t n;
  size_t longest;
} et_corpus;

void et_corpus_add(et_corpus *c, const void *p, size_t n);
/** Every regular file of a folder up to `most` bytes, in the order of names. */
void et_corpus_add_folder(et_corpus *c, const char *path, size_t most);
void et_corpus_free(et_corpus *c);

static inline uint64_t et_next(uint64_t *state) { /* xorshift64* */
  uint64_t x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * UINT64_C(0x2545f4914f6cdd1d);
}

/** A new file from one or two seeds. out holds `cap` bytes (>= longest + 64); returns the length. Knows little-endian
 *  words, offsets and lengths, and knows variable-length integers. */
size_t et_mutate(const et_corpus *c, uint64_t *state, uint8_t *out, size_t cap);

#endif
