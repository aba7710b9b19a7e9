/* SPDX-License-Identifier: Apache-2.0
 * Packing of flat panels: looks for weights that vpmaddubsw can take. */
#include "qgemm.h"
#include "flat.h"
#include <string.h>

enum { PANEL = 16, LIMIT = 128 /* 128 * 255 fits 16 bits */ };

typedef struct source {
  const ek_qweights *w;
  size_t n, depth;
} source;

typedef int8_t cell[PANEL][8]; /* a block of a panel */

static void load(const source *s, size_t n0, size_t block, cell v) {
  const size_t i = 8 * block, count = s->depth - i < 8 ? s->depth - i : 8;
  const int plain = ek_qweights_plain(s->w);
  memset(v, 0, sizeof(cell));
  for (size_t j = 0; j < PANEL && n0 + j < s->n; ++j) {
    if (plain) {
      memcpy(v[j], (const int8_t *)s->w->data + (n0 + j) * s->w->channel_stride + i, count);
      continue;
    }
    for (size_t k = 0; k < count; ++k) v[j][k] = (int8_t)ek_qweight(s->w, n0 + j, i + k);
  }
}

/* Whether sums of two products by bytes fit 16 bits, or of four: the second pair is that of the other quad. */
static int fits(cell v, int four) {
  int bad = 0;
  for (size_t j = 0; j < PANEL; ++j) {
    int32_t up[4], down[4];
    for (size_t p = 0; p < 4; ++p) {
      const int32_t a = v[j][2 * p], b = v[j][2 * p + 1];
      up[p] = (a > 0 ? a : 0) + (b > 0 ? b : 0);
      down[p] = (a < 0 ? a : 0) + (b < 0 ? b : 0);
    }
    for (size_t p = 0; p < (four ? 2u : 4u); ++p)
      bad |= up[p] + (four ? up[p + 2] : 0) > LIMIT || down[p] + (four ? down[p + 2] : 0) < -LIMIT;
  }
  return !bad;
}

static void put(cell v, size_t group, int8_t *out) {
  for (size_t i = 0; i < 8; i += group) {
    for (size_t j = 0; j < PANEL; ++j, out += group) memcpy(out, &v[j][i], group);
  }
}

static void put_quads(const source *s, size_t n0, size_t blocks, ek_qgemm_panel *head, int8_t *out) {
  size_t tame = 0, wild = blocks;
  head->quads = 1;
  for (size_t b = 0; b < blocks; ++b) {
    cell v;
    load(s, n0, b, v);
    const size_t to = fits(v, 1) ? tame++ : --wild;
    head->order[to] = (uint16_t)b;
    put(v, 4, out + to * 128);
  }
  head->tame = (uint16_t)tame;
}

void ek_qgemm_pack_flat(const ek_qweights *w, size_t n, size_t depth, int8_t *out) {
  const size_t blocks = (size_t)ek_qgemm_flat_blocks(1, depth), header = (size_t)ek_qgemm_flat_header(blocks);
  const source s = { w, n, depth };
  cell v;
  int quads = blocks <= EK_QGEMM_QUAD_BLOCKS;
  for (size_t n0 = 0; quads && n0 < n; n0 += PANEL) {
    for (size_t b = 0; quads && b < blocks; ++b) {
      load(&s, n0, b, v);
      quads = fits(v, 0);
    }
  }
  for (size_t n0 = 0; n0 < n; n0 += PANEL, out += header + blocks * 128) {
    memset(out, 0, header);
    if (quads) {
      put_quads(&s, n0, blocks, (ek_qgemm_panel *)(void *)out, out + header);
      continue;
    }
    for (size_t b = 0; b < blocks; ++b) {
      load(&s, n0, b, v);
      put(v, 2, out + header + b * 128);
    }
  }
}
