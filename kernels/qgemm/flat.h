/* SPDX-License-Identifier: Apache-2.0
 * Packed weights of rows with EK_QGEMM_FLAT: all taps are one run of `depth` values, padded with zeros to `blocks`
 * blocks of 8, each two quads. A panel of 16 columns is a header and 128 bytes for each block, either all as
 *   pairs  [4][16 columns][2]
 * or sorted by what vpmaddubsw, which adds two products of a weight and a byte in 16 bits, can do with them:
 *   tame blocks  [2][16 columns][4]   even four products fit 16 bits, a pair of the first quad and one of the second
 *   safe quads   [16 columns][4]      two products fit
 *   wild quads   [2][16 columns][2]   for 16-bit products
 * `order` names, in this order, the first quad of a tame block, then the quads. Without wild quads in the matrix the
 * safe ones stay together as blocks, too. */
#ifndef EK_QGEMM_FLAT_H
#define EK_QGEMM_FLAT_H

#include "../ek.h"

enum { EK_QGEMM_PAIRS = 0, EK_QGEMM_SAFE = 1 /* no wild quad in any panel */, EK_QGEMM_MIXED = 2 };

typedef struct ek_qgemm_panel {
  uint16_t kind;       /* EK_QGEMM_*, the same in all panels */
  uint16_t tame, safe; /* blocks, quads; of EK_QGEMM_SAFE, all blocks behind the tame ones are safe */
  uint16_t order[];
} ek_qgemm_panel;

/* blocks of the deepest products that are sorted: without and with wild quads */
enum { EK_QGEMM_SAFE_BLOCKS = 640, EK_QGEMM_MIXED_BLOCKS = 256 };

static inline uint64_t ek_qgemm_flat_blocks(uint64_t taps, uint64_t k) {
  return (taps * k + 7) / 8;
}
static inline uint64_t ek_qgemm_flat_header(uint64_t blocks) {
  return blocks > EK_QGEMM_SAFE_BLOCKS ? 64 : (6 + 4 * blocks + 63) / 64 * 64;
}

#endif
