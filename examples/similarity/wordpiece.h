/* SPDX-License-Identifier: Apache-2.0
 * The tokenizer of BERT without capitals (WordPiece): text to numbers. It stands alone: take wordpiece.h, wordpiece.c
 * and unicode.inl.
 *
 * Text is bytes. What is not UTF-8 is passed over, as are control characters; no input is an error, and the work is
 * linear in its length. Text never becomes a control token: "[SEP]" in it is four signs of punctuation and letters. */
#ifndef WORDPIECE_H
#define WORDPIECE_H

#include <stddef.h>
#include <stdint.h>

typedef struct wordpiece wordpiece;

/* A vocabulary: one token a line, the first has number 0; [UNK], [CLS] and [SEP] must be among them.
 * NULL: *why says what is wrong. The bytes are copied. */
wordpiece *wordpiece_new(const void *vocabulary, size_t bytes, const char **why);
wordpiece *wordpiece_open(const char *path, const char **why);
void wordpiece_free(wordpiece *w);

/* [CLS], the tokens of the text, [SEP]; of a text that needs more than `most` numbers (at least 2), the first ones.
 * Returns how many were written. */
size_t wordpiece_encode(const wordpiece *w, const void *text, size_t bytes, int64_t *ids, size_t most);

size_t wordpiece_count(const wordpiece *w);
/* The bytes of a token, not terminated; NULL for a number that is none. */
const char *wordpiece_token(const wordpiece *w, int64_t id, size_t *bytes);

#endif
