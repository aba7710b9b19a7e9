/* SPDX-License-Identifier: Apache-2.0
 * Exact 8-bit 3x3 convolution with stride 1 in Winograd's form F(2x2, 3x3): 16 products instead of 36 for 4 outputs.
 *
 * In integers with one doubled transform, 2G: U = 2G w 2G' holds weights (|U| <= 1152), V = B' x B inputs (|V| <= 1020
 * for bytes), both in 16 bits; M = sum of U * V over the channels and A' M A are four times the sum of the direct
 * form, so the last two bits are 0 and the quotient is exact. All fits int32 up to EK_QWINO_MAX_IC channels.
 * Domains, bias and epilogue are those of the matrix kernels (qgemm.h), unsigned domain.
 *
 * Output tiles of 2 x 2 pixels are numbered t = (image * th + ty) * tw + tx, th = ceil(oh / 2), tw = ceil(ow / 2).
 * Weights:  [16 positions][panel of 16 columns][ic / kr][16 columns][kr] s16
 * Scratch:  V [16][block][ic] s16, M [16][block][columns] s32, for blocks of tiles and of columns */
#ifndef EK_QWINO_H
#define EK_QWINO_H

#include "../qgemm/qgemm.h"

enum { EK_QWINO_MAX_IC = 1024, EK_QWINO_BLOCK = 48 /* tiles at most */, EK_QWINO_COLUMNS = 64 };

typedef struct ek_qwino_args {
  const uint8_t *x;
  uint8_t *y;
  uint32_t ih, iw, ic, oh, ow, oc;
  int32_t pad_top, pad_left;
  uint32_t block;      /* tiles that share a pass over the weights: ek_qwino_block() */
  const int16_t *w;    /* packed */
  const int32_t *bias; /* 64 more values readable behind the last; zero point of the unsigned domain folded in */
  const float *mult;   /* the same */
  const uint8_t *zero; /* a padding pixel: ic bytes of the input's zero point */
  uint32_t flip;
  int32_t zero_point, lo, hi;
  uint32_t out; /* EK_Q_*; EK_Q_S32: y holds sums of 4 bytes, mult is not used */
} ek_qwino_args;

/** Tiles t0 .. t1, output channels n0 .. n1, n0 a multiple of EK_QWINO_COLUMNS; scratch of ek_qwino_scratch_bytes(). */
typedef void (*ek_qwino_fn)(const ek_qwino_args *a, void *scratch, uint32_t t0, uint32_t t1, uint32_t n0, uint32_t n1);

typedef struct ek_qwino_desc {
  ek_qwino_fn fn;
  const char *name;
  uint64_t isa, unless; /* CPU features; where the direct form has dot products it is faster */
  uint32_t kr, flags;
} ek_qwino_desc;

/** Row that should be preferred to the direct form for input [ih, iw, ic] and `oc` channels; NULL: none. */
const ek_qwino_desc *ek_qwino_select(uint64_t have, const ek_qwino_args *shape);
const ek_qwino_desc *ek_qwino_at(uint32_t index);
uint32_t ek_qwino_block(const ek_qwino_args *shape, uint32_t tiles);
uint64_t ek_qwino_scratch_bytes(const ek_qwino_args *a);
uint64_t ek_qwino_packed_bytes(uint64_t oc, uint64_t ic);
/** w: oc channels of 3 x 3 x ic values. sums, if not NULL: oc sums of a channel's values. */
void ek_qwino_pack(const ek_qwino_desc *d, const ek_qweights *w, size_t oc, size_t ic, int16_t *out, int32_t *sums);

#define EK_QWINO(isa, unless, name, kr, flags) \
  void name(const ek_qwino_args *a, void *scratch, uint32_t t0, uint32_t t1, uint32_t n0, uint32_t n1);
#include "qwino.def"
#undef EK_QWINO

#endif
