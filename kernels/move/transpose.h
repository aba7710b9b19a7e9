/* SPDX-License-Identifier: Apache-2.0
 * Words of 32 bits from rows to columns: what packing weights comes down to. */
#ifndef EDGE_KERNELS_MOVE_TRANSPOSE_H
#define EDGE_KERNELS_MOVE_TRANSPOSE_H

#include "../ek.h"

/** Row j of n, k words, becomes column j of `to`: word i goes to to + i * to_step + 4 * j. Steps are in bytes; nothing
 * need be aligned. Plain C and what every CPU of the architecture has. */
void ek_transpose_words(const void *from, size_t from_step, size_t k, size_t n, void *to, size_t to_step);

#endif
