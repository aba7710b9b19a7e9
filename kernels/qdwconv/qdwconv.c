/* SPDX-License-Identifier: Apache-2.0
 * Selection of depthwise kernels and the packing they share. */
#include "qdwconv.h"
#include <string.h>

static const ek_qdw_desc table[] = {
#define EK_QDW(isa, fn, kind, block, sx, flags) { fn, #fn, isa, kind, block, sx, flags },
#include "qdwconv.def"
#undef EK_QDW
};

int ek_qdw_fits(const ek_qdw_desc *d, const ek_qdw_args *s) {
  if (s->kh * s->kw > EK_QDW_MAX_TAPS) return 0;
  if (d->kind == EK_QDW_ROWS) return ((uint64_t)(s->kw - 1) * s->dw + 1) * ((s->kh + 1) / 2 * 64) <= EK_QDW_ROWS_BUFFER;
  if (d->kind == EK_QDW_WIDE) return s->kh <= 7 && s->kw <= 5 && s->dw == 1 && (s->sw == 1 || s->sw == 2);
  return (d->flags & EK_QDW_THREE) == 0 ||
         (s->kh == 3 && s->kw == 3 && s->dh == 1 && s->dw == 1 && s->sh == s->sw && (s->sh == 1 || s->sh == 2));
}

/* with a slow tail, only where it is little beside the whole blocks */
static int suits(const ek_qdw_desc *d, const ek_qdw_args *s) {
  enum { BLOCKS = 16 };
  return (d->flags & EK_QDW_SLOW_TAIL) == 0 || s->c % d->block == 0 || s->c > BLOCKS * d->block;
}

const ek_qdw_desc *ek_qdw_select(uint64_t have, const ek_qdw_args *shape) {
  for (size_t i = 0; i < EK_COUNT(table); ++i) {
    if ((table[i].isa & ~have) == 0 && ek_qdw_fits(&table[i], shape) && suits(&table[i], shape)) return &table[i];
  }
  return NULL;
}

const ek_qdw_desc *ek_qdw_at(uint32_t index) {
  return index < EK_COUNT(table) ? &table[index] : NULL;
}

size_t ek_qdw_channels(const ek_qdw_desc *d, size_t c) {
  return (c + d->block - 1) / d->block * d->block;
}

/* Interleaving four rows within 128-bit lanes leaves channel 16 * lane + 4 * vector + i in place i of the lane;
   blocks of 16 channels and the other kinds keep the natural order. */
size_t ek_qdw_channel_at(const ek_qdw_desc *d, size_t c, size_t i) {
  if (d->kind == EK_QDW_ROWS) {
    const size_t first = i / 16 * 16, left = c - first, n = left > 8 ? 16 : 8;
    return left >= n || c < n ? i : i - first < n ? c - n + (i - first) : c;
  }
  if (d->block == 16) return i;
  const size_t lanes = d->block / 16, in = i % d->block, vector = in / (4 * lanes), place = in % (4 * lanes);
  const size_t c0 = i - in, left = c - c0, channel = 16 * (place / 4) + 4 * vector + place % 4;
  return c0 + (d->kind != EK_QDW_SLIDE || left > 32 ? channel : channel % (left > 16 ? 32 : 16));
}

static size_t channel_bytes(const ek_qdw_desc *d, size_t kh, size_t kw) {
  switch (d->kind) {
  case EK_QDW_ROWS: return (kh + 1) / 2 * kw * 4;
  case EK_QDW_PAIR: return (kh * kw + 1) / 2 * 4;
  case EK_QDW_QUAD: return (kh * kw + 3) / 4 * 4;
  case EK_QDW_SLIDE: return kh * 8;
  case EK_QDW_WIDE: return kh * (kw > 3 ? 8 : 4);
  default: return kh * kw;
  }
}

uint64_t ek_qdw_packed_bytes(const ek_qdw_desc *d, uint64_t c, uint64_t kh, uint64_t kw) {
  return (uint64_t)ek_qdw_channels(d, (size_t)c) * channel_bytes(d, (size_t)kh, (size_t)kw);
}

static int8_t weight(const ek_qweights *w, size_t c, size_t taps, size_t tap, size_t channel) {
  return (int8_t)(tap < taps && channel < c ? ek_qweight(w, channel, tap) : 0);
}

static int8_t *pack_rows(const ek_qdw_desc *d, const ek_qweights *w, size_t c0, size_t c, size_t kh, size_t kw,
                         int8_t *out) {
  for (size_t ky = 0; ky < kh; ky += 2) {
    for (size_t kx = 0; kx < kw; ++kx) {
      for (size_t i = 0; i < 2 * d->block; ++i, out += 2) {
        const size_t y = ky + i % 2;
        const int16_t v = y < kh ? weight(w, c, kh * kw, y * kw + kx, ek_qdw_channel_at(d, c, c0 + i / 2)) : 0;
        memcpy(out, &v, 2);
      }
    }
  }
  return out;
}

void ek_qdw_pack(const ek_qdw_desc *d, const ek_qweights *w, size_t c, size_t kh, size_t kw, int8_t *out,
                 int32_t *sums) {
  const size_t taps = kh * kw, block = d->block, all = ek_qdw_channels(d, c);
  for (size_t i = 0; sums != NULL && i < c; ++i) {
    sums[i] = 0;
    for (size_t t = 0; t < taps; ++t) sums[i] += ek_qweight(w, i, t);
  }
  for (size_t c0 = 0; c0 < all; c0 += block) {
    if (d->kind == EK_QDW_SLIDE) {
      for (size_t shift = 0; shift < 2; ++shift) {
        for (size_t ky = 0; ky < kh; ++ky) {
          for (size_t i = 0; i < block; ++i) {
            const size_t channel = ek_qdw_channel_at(d, c, c0 + i);
            for (size_t k = 0; k < 4; ++k)
              *out++ = k >= shift && k < shift + kw ? weight(w, c, taps, ky * kw + k - shift, channel) : 0;
          }
        }
      }
      continue;
    }
    if (d->kind == EK_QDW_ROWS) {
      out = pack_rows(d, w, c0, c, kh, kw, out);
      continue;
    }
    if (d->kind == EK_QDW_WIDE) {
      for (size_t k = 0; k < kh * (kw > 3 ? 2 : 1); ++k) {
        const size_t ky = kw > 3 ? k / 2 : k, from = kw > 3 ? k % 2 * 4 : 0;
        for (size_t i = 0; i < block; ++i) {
          const size_t channel = ek_qdw_channel_at(d, c, c0 + i);
          for (size_t j = from; j < from + 4; ++j) *out++ = j < kw ? weight(w, c, taps, ky * kw + j, channel) : 0;
        }
      }
      continue;
    }
    const size_t group = d->kind == EK_QDW_PAIR ? 2 : d->kind == EK_QDW_QUAD ? 4 : 1;
    for (size_t t = 0; t < taps; t += group) {
      for (size_t i = 0; i < block; ++i) {
        for (size_t k = 0; k < group; ++k) {
          const int16_t v = weight(w, c, taps, t + k, ek_qdw_channel_at(d, c, c0 + i));
          if (d->kind == EK_QDW_PAIR) {
            memcpy(out, &v, 2);
            out += 2;
          } else {
            *out++ = (int8_t)v;
          }
        }
      }
    }
  }
}
