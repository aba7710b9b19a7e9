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

enum { TAME = 1, SAFE_0 = 2, SAFE_1 = 4 };

/* What of a block can be summed in 16 bits: each quad's pairs, or pairs of both quads together. */
static uint32_t classify(cell v) {
  int32_t one[2] = { 0, 0 }, two = 0; /* the largest sums, of either sign */
  for (size_t j = 0; j < PANEL; ++j) {
    int32_t up[4], down[4];
    for (size_t p = 0; p < 4; ++p) {
      const int32_t a = v[j][2 * p], b = v[j][2 * p + 1];
      up[p] = (a > 0 ? a : 0) + (b > 0 ? b : 0);
      down[p] = -(a < 0 ? a : 0) - (b < 0 ? b : 0);
      const int32_t most = up[p] > down[p] ? up[p] : down[p];
      if (most > one[p / 2]) one[p / 2] = most;
    }
    for (size_t p = 0; p < 2; ++p) {
      const int32_t u = up[p] + up[p + 2], d = down[p] + down[p + 2], most = u > d ? u : d;
      if (most > two) two = most;
    }
  }
  return (two <= LIMIT ? TAME : 0u) | (one[0] <= LIMIT ? SAFE_0 : 0u) | (one[1] <= LIMIT ? SAFE_1 : 0u);
}

/* values i .. i + count in groups */
static int8_t *put(cell v, size_t i, size_t count, size_t group, int8_t *out) {
  for (const size_t end = i + count; i < end; i += group) {
    for (size_t j = 0; j < PANEL; ++j, out += group) memcpy(out, &v[j][i], group);
  }
  return out;
}

/* without wild quads: whole blocks, the others from the end */
static void put_safe(const source *s, size_t n0, size_t blocks, ek_qgemm_panel *head, int8_t *out) {
  size_t tame = 0, other = blocks;
  for (size_t b = 0; b < blocks; ++b) {
    cell v;
    load(s, n0, b, v);
    const size_t to = classify(v) & TAME ? tame++ : --other;
    head->order[to] = (uint16_t)(2 * b);
    put(v, 0, 8, 4, out + to * 128);
  }
  head->tame = (uint16_t)tame;
}

static void put_mixed(const source *s, size_t n0, size_t blocks, ek_qgemm_panel *head, int8_t *out) {
  uint16_t *order = head->order;
  for (uint32_t turn = 0; turn < 3; ++turn) { /* tame, safe, wild */
    for (size_t b = 0; b < blocks; ++b) {
      cell v;
      load(s, n0, b, v);
      const uint32_t kind = classify(v);
      if (kind & TAME) {
        if (turn != 0) continue;
        *order++ = (uint16_t)(2 * b);
        ++head->tame;
        out = put(v, 0, 8, 4, out);
        continue;
      }
      for (size_t q = 0; turn != 0 && q < 2; ++q) {
        const int safe = (kind & (q ? SAFE_1 : SAFE_0)) != 0;
        if (safe != (turn == 1)) continue;
        *order++ = (uint16_t)(2 * b + q);
        head->safe = (uint16_t)(head->safe + safe);
        out = put(v, 4 * q, 4, safe ? 4 : 2, out);
      }
    }
  }
}

/* Sorting pays unless many quads are wild, which need a second form of the rows. */
static uint16_t kind_of(const source *s, size_t blocks) {
  uint64_t wild = 0, all = 0;
  if (blocks > EK_QGEMM_SAFE_BLOCKS) return EK_QGEMM_PAIRS;
  for (size_t n0 = 0; n0 < s->n; n0 += PANEL) {
    for (size_t b = 0; b < blocks; ++b) {
      cell v;
      load(s, n0, b, v);
      const uint32_t kind = classify(v);
      all += 2;
      wild += (kind & SAFE_0 ? 0u : 1u) + (kind & SAFE_1 ? 0u : 1u);
    }
  }
  if (wild == 0) return EK_QGEMM_SAFE;
  const int large = blocks >= 8 && blocks <= EK_QGEMM_MIXED_BLOCKS && s->n >= 48;
  return large && 10 * wild < 3 * all ? EK_QGEMM_MIXED : EK_QGEMM_PAIRS;
}

void ek_qgemm_pack_flat(const ek_qweights *w, size_t n, size_t depth, int8_t *out) {
  const size_t blocks = (size_t)ek_qgemm_flat_blocks(1, depth), header = (size_t)ek_qgemm_flat_header(blocks);
  const source s = { w, n, depth };
  const uint16_t kind = kind_of(&s, blocks);
  for (size_t n0 = 0; n0 < n; n0 += PANEL, out += header + blocks * 128) {
    ek_qgemm_panel *const head = (ek_qgemm_panel *)(void *)out;
    memset(out, 0, header);
    head->kind = kind;
    if (kind != EK_QGEMM_PAIRS) {
      (kind == EK_QGEMM_SAFE ? put_safe : put_mixed)(&s, n0, blocks, head, out + header);
      continue;
    }
    for (size_t b = 0; b < blocks; ++b) {
      cell v;
      load(&s, n0, b, v);
      put(v, 0, 8, 2, out + header + b * 128);
    }
  }
}
