/* SPDX-License-Identifier: Apache-2.0
 * Packed weights of rows with EK_QGEMM_FLAT: all taps are one run of `depth` values, padded with zeros to `blocks`
 * blocks of 8. A panel of 16 columns is a header and, for each block, 128 bytes:
 *   pairs:  [4][16 columns][2]
 *   quads:  [2][16 columns][4], blocks in the order that the header lists
 * Quads are for vpmaddubsw, which adds two products in 16 bits; they are used where no two weights can exceed that.
 * The first `tame` blocks listed are those where even the sum of four products fits. */
#ifndef EK_QGEMM_FLAT_H
#define EK_QGEMM_FLAT_H

#include "../ek.h"

typedef struct ek_qgemm_panel {
  uint16_t quads; /* 1: quads, 0: pairs */
  uint16_t tame;
  uint16_t order[]; /* quads: [blocks] */
} ek_qgemm_panel;

/* deeper products are packed as pairs */
#define EK_QGEMM_QUAD_BLOCKS 640

static inline uint64_t ek_qgemm_flat_blocks(uint64_t taps, uint64_t k) {
  return (taps * k + 7) / 8;
}
static inline uint64_t ek_qgemm_flat_header(uint64_t blocks) {
  return blocks > EK_QGEMM_QUAD_BLOCKS ? 64 : (4 + 2 * blocks + 63) / 64 * 64;
}

#endif
