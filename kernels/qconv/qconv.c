/* SPDX-License-Identifier: Apache-2.0
 * Gathers row pointers for the integer matrix kernels, a block of output pixels at a time. */
#include "qconv.h"
#include <string.h>

enum { POINTERS = 1024, PATCH_BYTES = 16384, MERGED_DEPTH = 64, BLOCK_BYTES = 131072 };

typedef struct cursor { /* of an output pixel */
  uint32_t image, oy, ox;
} cursor;

uint32_t ek_qconv_merged(uint32_t ic, uint32_t kw, uint32_t dw, uint32_t group) {
  return group == 1 && dw == 1 && kw > 1 && (uint64_t)ic * kw <= MERGED_DEPTH;
}

void ek_qconv_shape(const ek_qconv_args *a, uint32_t *taps, uint32_t *depth) {
  *taps = a->merged ? a->kh : a->kh * a->kw;
  *depth = (a->merged ? a->kw : 1) * (a->ic / a->group);
}

static uint32_t block_rows(const ek_qconv_args *a, uint32_t taps, uint32_t depth) {
  size_t rows = POINTERS / taps;
  const size_t bytes = (size_t)taps * depth, fit = BLOCK_BYTES / bytes > 48 ? BLOCK_BYTES / bytes : 48;
  if (rows > fit) rows = fit;
  if (a->merged && rows > PATCH_BYTES / bytes) rows = PATCH_BYTES / bytes;
  return (uint32_t)(rows > 24 ? rows / 24 * 24 : rows);
}

static void advance(const ek_qconv_args *a, cursor *c) {
  if (++c->ox < a->ow) return;
  c->ox = 0;
  if (++c->oy < a->oh) return;
  c->oy = 0;
  ++c->image;
}

/* pointers of all taps of one output pixel to p[tap * ld] */
static void gather(const ek_qconv_args *a, const cursor *c, size_t channel, const uint8_t **p, size_t ld) {
  const int64_t iy = (int64_t)c->oy * a->sh - a->pad_top, ix = (int64_t)c->ox * a->sw - a->pad_left;
  const int64_t pixel = a->ic, line = a->iw * pixel;
  const uint8_t *const image = a->x + (size_t)c->image * a->ih * (size_t)line + channel;
  const int64_t last_y = iy + (int64_t)(a->kh - 1) * a->dh, last_x = ix + (int64_t)(a->kw - 1) * a->dw;
  if (iy >= 0 && ix >= 0 && last_y < a->ih && last_x < a->iw) {
    const uint8_t *from = image + iy * line + ix * pixel;
    for (uint32_t ky = 0; ky < a->kh; ++ky, from += a->dh * line) {
      const uint8_t *q = from;
      for (uint32_t kx = 0; kx < a->kw; ++kx, p += ld, q += a->dw * pixel) *p = q;
    }
    return;
  }
  for (uint32_t ky = 0; ky < a->kh; ++ky) {
    const int64_t y = iy + (int64_t)ky * a->dh;
    for (uint32_t kx = 0; kx < a->kw; ++kx, p += ld) {
      const int64_t x = ix + (int64_t)kx * a->dw;
      *p = y >= 0 && y < a->ih && x >= 0 && x < a->iw ? image + y * line + x * pixel : a->zero + channel;
    }
  }
}

/* the same where a kernel row is one tap of kw pixels; border rows are assembled in *patch */
static void gather_merged(const ek_qconv_args *a, const cursor *c, const uint8_t **p, size_t ld, uint8_t **patch) {
  const int64_t iy = (int64_t)c->oy * a->sh - a->pad_top, ix = (int64_t)c->ox * a->sw - a->pad_left;
  const int64_t line = (int64_t)a->iw * a->ic;
  const uint8_t *const image = a->x + (size_t)c->image * a->ih * (size_t)line;
  const int inside = ix >= 0 && ix + a->kw <= a->iw;
  for (uint32_t ky = 0; ky < a->kh; ++ky, p += ld) {
    const int64_t y = iy + (int64_t)ky * a->dh;
    if (inside && y >= 0 && y < a->ih) {
      *p = image + y * line + ix * a->ic;
      continue;
    }
    *p = *patch;
    for (uint32_t kx = 0; kx < a->kw; ++kx, *patch += a->ic) {
      const int64_t x = ix + kx;
      memcpy(*patch, y >= 0 && y < a->ih && x >= 0 && x < a->iw ? image + y * line + x * a->ic : a->zero, a->ic);
    }
  }
}

void ek_qconv_run(const ek_qconv_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1) {
  const uint8_t *pointers[POINTERS];
  uint8_t patches[PATCH_BYTES];
  uint32_t taps, depth;
  ek_qconv_shape(a, &taps, &depth);
  const uint32_t rows = block_rows(a, taps, depth), n_group = a->oc / a->group;
  const size_t size = a->out == EK_Q_S32 ? 4 : 1, kr = a->row->kr, column = taps * ((depth + kr - 1) / kr * kr);
  const int dense = taps == 1 && a->sh == 1 && a->sw == 1 && a->pad_top == 0 && a->pad_left == 0 && !a->merged &&
                    a->oh == a->ih && a->ow == a->iw;
  cursor start = { m0 / (a->oh * a->ow), m0 / a->ow % a->oh, m0 % a->ow };
  for (uint32_t m = m0; m < m1; m += rows) {
    const uint32_t count = m1 - m < rows ? m1 - m : rows;
    cursor at = start;
    for (uint32_t g = 0; g < a->group; ++g) {
      const size_t channel = (size_t)g * (a->ic / a->group);
      uint8_t *patch = patches;
      at = start;
      if (dense) {
        const uint8_t *from = a->x + (size_t)m * a->ic + channel;
        for (uint32_t i = 0; i < count; ++i, from += a->ic) pointers[i] = from;
      } else {
        for (uint32_t i = 0; i < count; ++i, advance(a, &at)) {
          if (a->merged) {
            gather_merged(a, &at, pointers + i, count, &patch);
          } else {
            gather(a, &at, channel, pointers + i, count);
          }
        }
      }
      const size_t first = (size_t)g * n_group + n0;
      const ek_qgemm_call call = { pointers, count, count, n1 - n0, taps, depth, a->flip,
                                   a->w + g * a->w_group_bytes + n0 * column, a->bias + first,
                                   a->mult ? a->mult + first : NULL, a->zero_point, a->lo, a->hi, a->out,
                                   (uint8_t *)a->y + ((size_t)m * a->oc + first) * size, (size_t)a->oc * size };
      a->row->fn(&call);
    }
    if (m1 - m > rows) start = at;
  }
}
