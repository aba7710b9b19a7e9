/* SPDX-License-Identifier: Apache-2.0
 * 8-bit depthwise convolution: any window, one weight per tap and channel, int32 accumulation.
 *
 * Domains, bias and epilogue are those of the matrix kernels (qgemm.h). Weights, bias and multipliers are packed in
 * blocks of `block` channels, in the channel order that a row's interleaving produces:
 *   EK_QDW_TAP    [block][tap][channel]                      one byte each
 *   EK_QDW_PAIR   [block][tap pair][channel][2]              s16
 *   EK_QDW_QUAD   [block][tap group][channel][4]             bytes
 *   EK_QDW_SLIDE  [block][2][kernel row][channel][4]         bytes (w0 w1 w2 0), then shifted (0 w0 w1 w2);
 *                 a last block of at most 32 (16) channels holds them twice (four times), for as many output columns
 *   EK_QDW_ROWS   [block][row pair][kernel column][channel][2]   s16; the last block is that of the last 8 channels
 *                 where at most 8 are left, else of the last 16, if there are so many
 *   EK_QDW_WIDE   [block][kernel row][quad][channel][4]      bytes (w0 w1 w2 w3), and (w4 0 0 0) for windows of four or
 *                 five columns */
#ifndef EK_QDWCONV_H
#define EK_QDWCONV_H

#include "../qgemm/qgemm.h"

enum { EK_QDW_TAP = 0, EK_QDW_PAIR = 1, EK_QDW_QUAD = 2, EK_QDW_SLIDE = 3, EK_QDW_ROWS = 4, EK_QDW_WIDE = 5 };
#define EK_QDW_MAX_TAPS 256
#define EK_QDW_SLOW_TAIL (1u << 8) /* in desc.flags: channels beyond whole blocks cost more than all others */
#define EK_QDW_THREE (1u << 9)     /* in desc.flags: windows of 3 x 3, dilation 1, equal strides of 1 or 2 */
#define EK_QDW_ROWS_BUFFER 32768   /* bytes: the columns under a window must fit */

typedef struct ek_qdw_args {
  const uint8_t *x;
  uint8_t *y;
  uint32_t ih, iw, c, oh, ow, kh, kw, sh, sw, dh, dw;
  int32_t pad_top, pad_left;
  const int8_t *w;     /* packed */
  const int32_t *bias; /* packed, zero point of the row's domain folded in */
  const float *mult;   /* packed */
  const uint8_t *zero; /* a padding pixel: c bytes of the input's zero point */
  uint32_t flip;
  int32_t zero_point, lo, hi;
  uint32_t out; /* EK_Q_S8, EK_Q_U8 */
} ek_qdw_args;

/** Output rows y0 .. y1 of one image. */
typedef void (*ek_qdw_fn)(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1);

typedef struct ek_qdw_desc {
  ek_qdw_fn fn;
  const char *name;
  uint64_t isa;
  uint32_t kind, block; /* EK_QDW_*, channels in a block */
  uint32_t signed_x;
  uint32_t flags;
} ek_qdw_desc;

/** Best row for the ISA bits and window; never NULL while kh * kw <= EK_QDW_MAX_TAPS. */
const ek_qdw_desc *ek_qdw_select(uint64_t have, const ek_qdw_args *shape);
int ek_qdw_fits(const ek_qdw_desc *d, const ek_qdw_args *shape);
const ek_qdw_desc *ek_qdw_at(uint32_t index);
uint64_t ek_qdw_packed_bytes(const ek_qdw_desc *d, uint64_t c, uint64_t kh, uint64_t kw);
/** w: c channels of kh * kw values. sums, if not NULL: c sums of a channel's values, in natural order. */
void ek_qdw_pack(const ek_qdw_desc *d, const ek_qweights *w, size_t c, size_t kh, size_t kw, int8_t *out,
                 int32_t *sums);
/** Number of packed per-channel values: c rounded up to a block. */
size_t ek_qdw_channels(const ek_qdw_desc *d, size_t c);
/** Channel whose parameters are at packed index i (may be >= c: padding). */
size_t ek_qdw_channel_at(const ek_qdw_desc *d, size_t c, size_t i);

#define EK_QDW(isa, name, kind, block, sx, flags) \
  void name(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1);
#include "qdwconv.def"
#undef EK_QDW

#endif
