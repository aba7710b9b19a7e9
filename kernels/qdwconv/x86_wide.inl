/* SPDX-License-Identifier: Apache-2.0
 * Depthwise windows up to five columns wide, stride 1 or 2, over the words of the including file (qd_v, qd_part,
 * qd_load, qd_interleave, QD_DOT4, qd_store): QD_LANE channels at once.
 *
 * Groups of four neighbouring input columns are interleaved into quads; one quad (windows up to three columns) or two
 * meet the weights of every output column they cover. The weights are moved to each of these columns once, on the
 * stack: column o of a quad sees bytes 0 .. 3 of (w0 w1 w2 w3 w4 0 0 0) shifted up by o. */

enum { QW_KH = 7, QW_OUTS = QD_LANE == 64 ? 4 : 2 };

QD_INLINE int qw_outs(int quads, int stride) {
  const int outs = (quads == 2 ? 3 : 1) / stride + 1;
  return outs < QW_OUTS ? outs : QW_OUTS;
}

/* [kernel row][quad][output column][4 vectors] */
QD_INLINE void qw_expand(const ek_qdw_args *a, size_t c0, int quads, int stride, int8_t *to) {
  const int outs = qw_outs(quads, stride);
  const int8_t *from = a->w + c0 * 4 * (size_t)quads * a->kh;
  for (uint32_t ky = 0; ky < a->kh; ++ky, from += (size_t)quads * 4 * QD_LANE) {
    for (int q = 0; q < quads; ++q) {
      for (int j = 0; j < outs; ++j, to += 4 * QD_LANE) {
        for (int v = 0; v < 4; ++v) {
          const int8_t *const first = from + v * QD_LANE;
          qd_v w = qd_shift_up(qd_words(first + q * 4 * QD_LANE), 8 * j * stride);
          if (q == 1) w = qd_or(w, qd_shift_down(qd_words(first), 32 - 8 * j * stride));
          qd_words_store(to + v * QD_LANE, w);
        }
      }
    }
  }
}

typedef struct qw_place { /* of a group of output columns */
  const uint8_t *x;       /* the image, first channel of the block */
  size_t line;
  int64_t iy, ix;
  int inner; /* no padding column */
} qw_place;

QD_INLINE void qw_quad(const ek_qdw_args *a, const qw_place *p, int64_t y, int q, const uint8_t *zero, int full,
                       qd_part part, qd_v flip, qd_v *o) {
  qd_v v[4];
  const uint8_t *const row = p->x + (size_t)y * p->line;
  if (p->inner) {
    const uint8_t *const at = row + (size_t)(p->ix + 4 * q) * a->c;
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) v[k] = qd_load(at + (size_t)k * a->c, part, full, flip);
  } else {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const int64_t x = p->ix + 4 * q + k;
      v[k] = qd_load(x >= 0 && x < a->iw ? row + (size_t)x * a->c : zero, part, full, flip);
    }
  }
  qd_interleave(v[0], v[1], v[2], v[3], o);
}

QD_INLINE void qw_group(const ek_qdw_args *a, const qw_place *p, size_t c0, int quads, int stride, int full,
                        qd_part part, const int8_t *w, qd_v flip, uint32_t columns, uint8_t *y, const qd_epilogue *e) {
  const int outs = qw_outs(quads, stride);
  const uint8_t *const zero = a->zero + c0;
  const qd_v nothing = qd_load(zero, part, full, flip);
  qd_v acc[4 * QW_OUTS];
#pragma GCC unroll 4
  for (int j = 0; j < outs; ++j) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) acc[4 * j + v] = qd_words((const int8_t *)(a->bias + c0) + v * QD_LANE);
  }
  int64_t iy = p->iy;
  for (uint32_t ky = 0; ky < a->kh; ++ky, iy += a->dh) {
    const int inside = iy >= 0 && iy < a->ih;
#pragma GCC unroll 2
    for (int q = 0; q < quads; ++q, w += (size_t)outs * 4 * QD_LANE) {
      qd_v o[4];
      if (inside)
        qw_quad(a, p, iy, q, zero, full, part, flip, o);
      else
        qd_interleave(nothing, nothing, nothing, nothing, o);
#pragma GCC unroll 4
      for (int j = 0; j < outs; ++j) QD_DOT4((acc + 4 * j), o, w, j * 4 * QD_LANE);
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < outs; ++j) {
    if ((uint32_t)j < columns) qd_store(y + (size_t)j * a->c, part, full, acc + 4 * j, a->mult + c0, e);
  }
}

QD_INLINE void qw_block(const ek_qdw_args *a, const uint8_t *x, uint32_t y0, uint32_t y1, size_t c0, int quads,
                        int stride, int full, qd_part part, uint8_t *y) {
  _Alignas(64) int8_t w[QW_KH * 2 * QW_OUTS * 4 * QD_LANE];
  const int outs = qw_outs(quads, stride);
  const qd_epilogue e = qd_prepare(a);
  const qd_v flip = qd_splat(a->flip);
  qw_expand(a, c0, quads, stride, w);
  qw_place p = { x + c0, (size_t)a->iw * a->c, 0, 0, 0 };
  for (uint32_t oy = y0; oy < y1; ++oy) {
    p.iy = (int64_t)oy * a->sh - a->pad_top;
    for (uint32_t ox = 0; ox < a->ow; ox += (uint32_t)outs, y += (size_t)outs * a->c) {
      p.ix = (int64_t)ox * stride - a->pad_left;
      p.inner = p.ix >= 0 && p.ix + 4 * quads <= a->iw;
      qw_group(a, &p, c0, quads, stride, full, part, w, flip, a->ow - ox, y, &e);
    }
    y -= (size_t)((a->ow + (uint32_t)outs - 1) / (uint32_t)outs * (uint32_t)outs - a->ow) * a->c;
  }
}

#define QW_BLOCK(quads, stride)                                                                                    \
  static void wide_##quads##_##stride(const ek_qdw_args *a, const uint8_t *x, uint32_t y0, uint32_t y1, size_t c0, \
                                      uint8_t *y) {                                                                \
    const size_t n = a->c - c0;                                                                                    \
    if (n >= QD_LANE)                                                                                              \
      qw_block(a, x, y0, y1, c0, quads, stride, 1, qd_part_of(QD_LANE), y);                                        \
    else                                                                                                           \
      qw_block(a, x, y0, y1, c0, quads, stride, 0, qd_part_of(n), y);                                              \
  }
QW_BLOCK(1, 1)
QW_BLOCK(1, 2)
QW_BLOCK(2, 1)
QW_BLOCK(2, 2)

static void qw_run(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const uint8_t *const x = a->x + (size_t)image * a->ih * a->iw * a->c;
  if (y0 >= y1) return;
  for (size_t c0 = 0; c0 < a->c; c0 += QD_LANE) {
    uint8_t *const y = qdw_pixel(a, image, y0, 0) + c0;
    if (a->kw <= 3)
      (a->sw == 1 ? wide_1_1 : wide_1_2)(a, x, y0, y1, c0, y);
    else
      (a->sw == 1 ? wide_2_1 : wide_2_2)(a, x, y0, y1, c0, y);
  }
}
