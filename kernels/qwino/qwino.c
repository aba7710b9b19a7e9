/* SPDX-License-Identifier: Apache-2.0
 * Selection of Winograd kernels, their block sizes and packing. */
#include "qwino.h"
#include <string.h>

static const ek_qwino_desc table[] = {
#define EK_QWINO(isa, unless, fn, kr, flags) { fn, #fn, isa, unless, kr, flags },
#include "qwino.def"
#undef EK_QWINO
};

enum { POSITIONS = 16, PANEL = 16, V_BYTES = 262144 /* of a block: about half of a second-level cache */ };

/* Work in units of an input value times a weight. The transforms of a tile cost about as much as so many of them for
   a channel; a pass over weights that do not stay in the second-level cache, as many rows of a product. */
static int pays(const ek_qwino_args *s) {
  enum { TRANSFORM = 110, PASS_ROWS = 12 };
  const double tiles = (double)((s->oh + 1) / 2) * ((s->ow + 1) / 2), in = s->ic, out = s->oc;
  const uint32_t block = ek_qwino_block(s, (uint32_t)tiles), blocks = ((uint32_t)tiles + block - 1) / block;
  const double direct = 9.0 * s->oh * s->ow * in * out;
  const double passes = 32.0 * in * out > 262144.0 ? PASS_ROWS * blocks : 0.0;
  return direct > (tiles + passes) * POSITIONS * in * out + tiles * TRANSFORM * (in + out);
}

const ek_qwino_desc *ek_qwino_select(uint64_t have, const ek_qwino_args *shape) {
  if (shape->ic % PANEL != 0 || shape->ic > EK_QWINO_MAX_IC || !pays(shape)) return NULL;
  for (size_t i = 0; i < EK_COUNT(table); ++i) {
    if ((table[i].isa & ~have) == 0 && (table[i].unless & have) == 0) return &table[i];
  }
  return NULL;
}

const ek_qwino_desc *ek_qwino_at(uint32_t index) {
  return index < EK_COUNT(table) ? &table[index] : NULL;
}

uint32_t ek_qwino_block(const ek_qwino_args *shape, uint32_t tiles) {
  const uint32_t fit = V_BYTES / (POSITIONS * 2 * shape->ic), most = fit < EK_QWINO_BLOCK ? fit : EK_QWINO_BLOCK;
  const uint32_t some = most < 6 ? 6 : most / 6 * 6, blocks = (tiles + some - 1) / some;
  const uint32_t each = (tiles + blocks - 1) / blocks;
  return (each + 5) / 6 * 6;
}

uint64_t ek_qwino_scratch_bytes(const ek_qwino_args *a) {
  const uint64_t wide = a->oc < EK_QWINO_COLUMNS ? (a->oc + PANEL - 1) / PANEL * PANEL : EK_QWINO_COLUMNS;
  return (uint64_t)POSITIONS * a->block * (a->ic * sizeof(int16_t) + wide * sizeof(int32_t));
}

uint64_t ek_qwino_packed_bytes(uint64_t oc, uint64_t ic) {
  return (oc + PANEL - 1) / PANEL * PANEL * ic * POSITIONS * sizeof(int16_t);
}

/* u[4] = 2G w[3] */
static void expand(const int32_t *w, size_t step, int32_t *u, size_t u_step) {
  const int32_t a = w[0], b = w[step], c = w[2 * step];
  u[0] = 2 * a;
  u[u_step] = a + b + c;
  u[2 * u_step] = a - b + c;
  u[3 * u_step] = 2 * c;
}

void ek_qwino_pack(const ek_qwino_desc *d, const ek_qweights *w, size_t oc, size_t ic, int16_t *out, int32_t *sums) {
  const size_t padded = (oc + PANEL - 1) / PANEL * PANEL, position = padded * ic;
  const int plain = ek_qweights_plain(w);
  memset(out, 0, position * POSITIONS * sizeof *out);
  for (size_t n = 0; n < oc; ++n) {
    int32_t sum = 0;
    for (size_t c = 0; c < ic; ++c) {
      int32_t g[9], half[12], u[16];
      for (size_t t = 0; t < 9; ++t) {
        g[t] = plain ? ((const int8_t *)w->data)[n * w->channel_stride + t * ic + c] : ek_qweight(w, n, t * ic + c);
        sum += g[t];
      }
      for (size_t i = 0; i < 3; ++i) expand(g + i, 3, half + i, 3);         /* columns */
      for (size_t i = 0; i < 4; ++i) expand(half + 3 * i, 1, u + 4 * i, 1); /* rows */
      int16_t *const to = out + n / PANEL * PANEL * ic + c / d->kr * d->kr * PANEL + n % PANEL * d->kr + c % d->kr;
      for (size_t p = 0; p < POSITIONS; ++p) to[p * position] = (int16_t)u[p];
    }
    if (sums) sums[n] = sum;
  }
}
