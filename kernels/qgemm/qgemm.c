/* SPDX-License-Identifier: Apache-2.0
 * Selection of integer matrix kernels and the packing they share. */
#include "qgemm.h"

#include "../move/transpose.h"
#include "flat.h"
#include <string.h>

static const ek_qgemm_desc table[] = {
#define EK_QGEMM(isa, fn, mr, nr, kr, sx, flags) { fn, #fn, isa, mr, nr, kr, sx, flags },
#include "qgemm.def"
#undef EK_QGEMM
};

const ek_qgemm_desc *ek_qgemm_select(uint64_t have) {
  size_t i = 0;
  while ((table[i].isa & ~have) != 0) ++i;
  return &table[i];
}

const ek_qgemm_desc *ek_qgemm_at(uint32_t index) {
  return index < EK_COUNT(table) ? &table[index] : NULL;
}

static size_t round_up(size_t a, size_t b) {
  return (a + b - 1) / b * b;
}

uint64_t ek_qgemm_column_bytes(const ek_qgemm_desc *d, uint64_t taps, uint64_t k) {
  if (d->flags & EK_QGEMM_FLAT) {
    const uint64_t blocks = ek_qgemm_flat_blocks(taps, k);
    return blocks * 8 + ek_qgemm_flat_header(blocks) / 16;
  }
  return taps * ((k + d->kr - 1) / d->kr * d->kr);
}

uint64_t ek_qgemm_packed_bytes(const ek_qgemm_desc *d, uint64_t n, uint64_t taps, uint64_t k) {
  return (n + 15) / 16 * 16 * ek_qgemm_column_bytes(d, taps, k);
}

/* one panel of a tap; plain weights move kr bytes at a time */
static int8_t *pack_panel(const ek_qweights *w, size_t n0, size_t cols, size_t n, size_t from, size_t k, size_t kr,
                          int8_t *out) {
  const int plain = ek_qweights_plain(w);
  size_t begin = 0;
  if (plain && kr == 4) {
    const size_t real = n0 >= n ? 0 : n - n0 < cols ? n - n0 : cols, words = k / 4;
    const int8_t *const rows = (const int8_t *)w->data + n0 * w->channel_stride + from;
    if (real > 0) ek_transpose_words(rows, w->channel_stride, words, real, out, cols * 4);
    for (size_t i = 0; i < words && real < cols; ++i) memset(out + (i * cols + real) * 4, 0, (cols - real) * 4);
    begin = words * 4;
    out += begin * cols;
  }
  for (size_t k0 = begin; k0 < k; k0 += kr) {
    const size_t left = k - k0 < kr ? k - k0 : kr;
    for (size_t j = 0; j < cols; ++j, out += kr) {
      if (n0 + j >= n) {
        memset(out, 0, kr);
      } else if (plain && left == kr && kr == 8) {
        memcpy(out, (const int8_t *)w->data + (n0 + j) * w->channel_stride + from + k0, 8);
      } else if (plain && left == kr && kr == 2) {
        memcpy(out, (const int8_t *)w->data + (n0 + j) * w->channel_stride + from + k0, 2);
      } else {
        for (size_t i = 0; i < kr; ++i) out[i] = (int8_t)(i < left ? ek_qweight(w, n0 + j, from + k0 + i) : 0);
      }
    }
  }
  return out;
}

void ek_qgemm_pack(const ek_qgemm_desc *d, const ek_qweights *w, size_t n, size_t taps, size_t k, int8_t *out,
                   int32_t *sums) {
  const size_t full = round_up(n, 16);
  const int flat = (d->flags & EK_QGEMM_FLAT) != 0;
  if (flat) ek_qgemm_pack_flat(w, n, taps * k, out);
  for (size_t n0 = 0; !flat && n0 < full; n0 += d->nr) {
    const size_t cols = full - n0 < d->nr ? full - n0 : d->nr;
    for (size_t t = 0; t < taps; ++t) out = pack_panel(w, n0, cols, n, t * k, k, d->kr, out);
  }
  for (size_t j = 0; sums != NULL && j < n; ++j) {
    int32_t sum = 0;
    if (ek_qweights_plain(w)) {
      const int8_t *const v = (const int8_t *)w->data + j * w->channel_stride;
      for (size_t i = 0; i < taps * k; ++i) sum += v[i];
    } else {
      for (size_t i = 0; i < taps * k; ++i) sum += ek_qweight(w, j, i);
    }
    sums[j] = sum;
  }
}
