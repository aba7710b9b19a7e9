/* SPDX-License-Identifier: Apache-2.0
 * f32 depthwise convolution for any vector word: one block of channels, lines inside, pixels innermost. */
enum { COPY_FLOATS = 6144 };
#define UNROLL8 _Pragma("GCC unroll 8")
#define UNROLL20 _Pragma("GCC unroll 20")

/* what is the same for all pixels of an output line */
typedef struct line {
  const float *rows[EK_DWCONV_F32_LINES]; /* of strips: valid kernel lines, column -pad_left, this channel block */
  size_t step;                            /* of strips: elements between columns */
  const float *x;                         /* first valid kernel line, column -pad_left, this channel block */
  const float *w;                         /* its taps */
  const float *bias;
  float *y;
  size_t lines;     /* valid kernel lines */
  size_t line_step; /* elements between them */
  size_t c, kw, sw, dw, iw, ow;
  size_t pad; /* columns on the left */
  size_t n;   /* channels of the block */
  float lo, hi;
} line;

VF_INLINE vf line_load(const float *p, size_t n, const int tail) {
  return tail ? vf_load_n(p, n) : vf_load(p);
}

VF_INLINE void line_store(const line *l, float *p, vf sum, const int tail) {
  const vf v = vf_min(vf_set1(l->hi), vf_max(vf_set1(l->lo), sum));
  if (tail) {
    vf_store_n(p, v, l->n);
  } else {
    vf_store(p, v);
  }
}

/* one pixel, kernel columns [k0, k1) */
VF_INLINE void pixel(const line *l, size_t ox, size_t k0, size_t k1, const int tail) {
  vf sum = vf_load(l->bias);
  for (size_t r = 0; r < l->lines; ++r) {
    const float *const x = l->x + r * l->line_step + ox * l->sw * l->c, *const w = l->w + r * l->kw * VF_LANES;
    if (k1 - k0 == 2) { /* a window of three over the border */
      sum = vf_fma(sum, line_load(x + k0 * l->dw * l->c, l->n, tail), vf_load(w + k0 * VF_LANES));
      sum = vf_fma(sum, line_load(x + (k0 + 1) * l->dw * l->c, l->n, tail), vf_load(w + (k0 + 1) * VF_LANES));
      continue;
    }
    for (size_t k = k0; k < k1; ++k) {
      sum = vf_fma(sum, line_load(x + k * l->dw * l->c, l->n, tail), vf_load(w + k * VF_LANES));
    }
  }
  line_store(l, l->y + ox * l->c, sum, tail);
}

/* Column j of a strip that starts at column `first` of the image, or the nearest inside: masked loads of what is not
 * mapped are slow. */
VF_INLINE ptrdiff_t nearest(const line *l, size_t first, size_t j) {
  const ptrdiff_t at = (ptrdiff_t)(first + j), inside = at < 0 ? 0 : at >= (ptrdiff_t)l->iw ? (ptrdiff_t)l->iw - 1 : at;
  return (inside - (ptrdiff_t)first) * (ptrdiff_t)l->step;
}

/* P neighbouring pixels, K columns, stride S. `check`: the K - 1 outermost columns on either side may be padding. */
VF_INLINE void strip(const line *l, size_t ox, const int tail, const int check, const size_t K, const size_t S,
                     const size_t P) {
  static const float zeros[VF_LANES] = { 0.0f };
  const size_t columns = (P - 1) * S + K, first = ox * S - l->pad, step = l->step, c = l->c;
  const int masks = K == 3 && VF_LANES > 4; /* few enough to be held */
  float *y = l->y + ox * c;
  size_t n[20];
  ptrdiff_t at[20];
  vf sum[8], w[5];
  UNROLL20 for (size_t j = 0; j < columns; ++j) {
    n[j] = check && masks && (j < K - 1 || j + K > columns) && first + j >= l->iw ? 0 : l->n;
    at[j] = check && masks && (j < K - 1 || j + K > columns) ? nearest(l, first, j) : 0;
  }
  UNROLL8 for (size_t p = 0; p < P; ++p) sum[p] = vf_load(l->bias);
  for (size_t r = 0; r < l->lines; ++r) {
    const float *const x0 = l->rows[r] + ox * S * step, *x = x0;
    UNROLL8 for (size_t k = 0; k < K; ++k) w[k] = vf_load(l->w + (r * K + k) * VF_LANES);
    UNROLL20 for (size_t j = 0; j < columns; ++j, x += step) {
      const int edge = check && (j < K - 1 || j + K > columns);
      const vf v =
          edge && masks ? vf_load_n(x0 + at[j], n[j]) : line_load(edge && first + j >= l->iw ? zeros : x, l->n, tail);
      UNROLL8 for (size_t p = 0; p < P; ++p) {
        if (j >= p * S && j - p * S < K) sum[p] = vf_fma(sum[p], v, w[j - p * S]);
      }
    }
  }
  const vf lo = vf_set1(l->lo), hi = vf_set1(l->hi);
  UNROLL8 for (size_t p = 0; p < P; ++p, y += c) {
    const vf v = vf_min(hi, vf_max(lo, sum[p]));
    if (tail) {
      vf_store_n(y, v, l->n);
    } else {
      vf_store(y, v);
    }
  }
}

#define PAIRS (VF_LANES == 16)
#if PAIRS
/* P pixels of two output lines, 3 x 3 taps, stride 1: every input is loaded once for both. A missing line is NULL. */
VF_INLINE void pair(const line *l, const vf *w, size_t ox, const size_t P) {
  const size_t columns = P + 2, first = ox - l->pad, step = l->step, c = l->c;
  const vf lo = vf_set1(l->lo), hi = vf_set1(l->hi);
  float *y = l->y + ox * c;
  size_t n[4];
  ptrdiff_t at[4];
  vf a[8], b[8];
  UNROLL8 for (size_t i = 0; i < 4; ++i) {
    const size_t j = i < 2 ? i : columns + i - 4;
    n[i] = first + j >= l->iw ? 0 : VF_LANES;
    at[i] = nearest(l, first, j);
  }
  UNROLL8 for (size_t p = 0; p < P; ++p) a[p] = b[p] = w[9];
  UNROLL8 for (size_t r = 0; r < 4; ++r) {
    if (l->rows[r] == NULL) continue;
    const float *const x0 = l->rows[r] + ox * step, *x = x0;
    UNROLL20 for (size_t j = 0; j < columns; ++j, x += step) {
      const size_t e = j < 2 ? j : j + 4 - columns;
      const vf v = j < 2 || j + 2 >= columns ? vf_load_n(x0 + at[e], n[e]) : vf_load(x);
      UNROLL8 for (size_t p = 0; p < P; ++p) {
        if (j < p || j - p >= 3) continue;
        if (r < 3) a[p] = vf_fma(a[p], v, w[r * 3 + j - p]);
        if (r > 0) b[p] = vf_fma(b[p], v, w[(r - 1) * 3 + j - p]);
      }
    }
  }
  UNROLL8 for (size_t p = 0; p < P; ++p, y += c) {
    vf_store(y, vf_min(hi, vf_max(lo, a[p])));
    vf_store(y + l->ow * c, vf_min(hi, vf_max(lo, b[p])));
  }
}

static void cover_pair(const line *l) {
  const size_t ow = l->ow;
  size_t x = 0;
  vf w[10]; /* here, or they were loaded for every strip */
  UNROLL20 for (size_t t = 0; t < 9; ++t) w[t] = vf_load(l->w + t * VF_LANES);
  w[9] = vf_load(l->bias);
  if (ow % 8 != 0 && ow % 7 == 0) {
    for (; x < ow; x += 7) pair(l, w, x, 7);
  } else if (ow % 8 != 0 && ow % 5 == 0) {
    for (; x < ow; x += 5) pair(l, w, x, 5);
  }
  for (; x + 8 <= ow; x += 8) pair(l, w, x, 8);
  if (x + 4 <= ow) {
    pair(l, w, x, 4);
    x += 4;
  }
  if (x + 2 <= ow) {
    pair(l, w, x, 2);
    x += 2;
  }
  if (x < ow) pair(l, w, x, 1);
}
#else
static void cover_pair(const line *l) {
  (void)l;
}
#endif

/* A whole line in strips as even as can be; pixels [x0, x1) have their windows inside. */
VF_INLINE void cover(const line *l, size_t x0, size_t x1, const int tail, const size_t K, const size_t S) {
  const size_t ow = l->ow;
  size_t x = 0;
  if (ow % 8 != 0 && ow % 7 == 0) {
    for (; x < ow; x += 7) strip(l, x, tail, 1, K, S, 7);
  } else if (ow % 8 != 0 && ow % 5 == 0) {
    for (; x < ow; x += 5) strip(l, x, tail, 1, K, S, 5);
  }
  for (; x + 8 <= ow; x += 8) {
    if (!tail && x >= x0 && x + 8 <= x1) {
      strip(l, x, 0, 0, K, S, 8);
    } else {
      strip(l, x, tail, 1, K, S, 8);
    }
  }
  if (x + 4 <= ow) {
    strip(l, x, tail, 1, K, S, 4);
    x += 4;
  }
  if (x + 2 <= ow) {
    strip(l, x, tail, 1, K, S, 2);
    x += 2;
  }
  if (x < ow) strip(l, x, tail, 1, K, S, 1);
}

#define COVER(name, K, S)                                        \
  static void name##_full(const line *l, size_t x0, size_t x1) { \
    cover(l, x0, x1, 0, K, S);                                   \
  }                                                              \
  static void name##_tail(const line *l, size_t x0, size_t x1) { \
    cover(l, x0, x1, 1, K, S);                                   \
  }
COVER(cover_3s1, 3, 1)
COVER(cover_3s2, 3, 2)
COVER(cover_5s1, 5, 1)
COVER(cover_5s2, 5, 2)

/* four pixels with their windows inside, any kernel */
VF_INLINE void four(const line *l, size_t ox, const int tail) {
  vf sum[4];
  UNROLL8 for (size_t p = 0; p < 4; ++p) sum[p] = vf_load(l->bias);
  const size_t step = l->sw * l->c;
  for (size_t r = 0; r < l->lines; ++r) {
    const float *x = l->x + r * l->line_step + ox * step, *const w = l->w + r * l->kw * VF_LANES;
    for (size_t k = 0; k < l->kw; ++k, x += l->dw * l->c) {
      const vf v = vf_load(w + k * VF_LANES);
      UNROLL8 for (size_t p = 0; p < 4; ++p) sum[p] = vf_fma(sum[p], line_load(x + p * step, l->n, tail), v);
    }
  }
  UNROLL8 for (size_t p = 0; p < 4; ++p) line_store(l, l->y + (ox + p) * l->c, sum[p], tail);
}

static void inside(const line *l, size_t x0, size_t x1) {
  for (; x0 + 4 <= x1; x0 += 4) four(l, x0, 0);
  for (; x0 < x1; ++x0) pixel(l, x0, 0, l->kw, 0);
}
static void inside_tail(const line *l, size_t x0, size_t x1) {
  for (; x0 + 4 <= x1; x0 += 4) four(l, x0, 1);
  for (; x0 < x1; ++x0) pixel(l, x0, 0, l->kw, 1);
}

static void border(const ek_dwconv_f32_args *a, const line *l, size_t x0, size_t x1, int tail) {
  for (size_t ox = x0; ox < x1; ++ox) {
    const ptrdiff_t left = (ptrdiff_t)(ox * a->sw) - a->pad_left;
    size_t k0 = 0, k1 = a->kw;
    while (k0 < k1 && left + (ptrdiff_t)(k0 * a->dw) < 0) ++k0;
    while (k1 > k0 && left + (ptrdiff_t)((k1 - 1) * a->dw) >= (ptrdiff_t)a->iw) --k1;
    if (tail) {
      pixel(l, ox, k0, k1, 1);
    } else {
      pixel(l, ox, k0, k1, 0);
    }
  }
}

/* Strips read this channel block of an input line from a copy where pixels lie so far apart that they would share
 * few sets of the cache. */
typedef struct copies {
  float data[COPY_FLOATS];
  size_t have[EK_DWCONV_F32_LINES + 1]; /* line + 1 */
} copies;

static int wants_copies(const ek_dwconv_f32_args *a) {
  return a->x_step == 0 && a->c % 256 == 0 && (ek_dwconv_f32_ring(a) + 1) * a->iw * VF_LANES <= COPY_FLOATS;
}

static const float *copy_line(const ek_dwconv_f32_args *a, copies *s, const float *x, size_t id, size_t slot,
                              size_t n) {
  float *const to = s->data + slot * a->iw * VF_LANES;
  if (s->have[slot] != id + 1) {
    s->have[slot] = id + 1;
    for (size_t i = 0; i < a->iw; ++i) vf_store(to + i * VF_LANES, line_load(x + i * a->c, n, n != VF_LANES));
  }
  return to;
}

/* a block of channels in strips */
static void strips(const ek_dwconv_f32_args *a, line *l, size_t row0, size_t row1, size_t c0, size_t x_lo,
                   size_t x_hi) {
  /* [kernel 5][stride 2][tail] */
  static void (*const whole[2][2][2])(const line *, size_t, size_t) = {
    { { cover_3s1_full, cover_3s1_tail }, { cover_3s2_full, cover_3s2_tail } },
    { { cover_5s1_full, cover_5s1_tail }, { cover_5s2_full, cover_5s2_tail } },
  };
  const size_t x_rows = a->x_rows ? a->x_rows : a->ih, slots = ek_dwconv_f32_ring(a) + 1;
  const size_t x_step = a->x_step ? a->x_step : a->c;
  const float *const x_first = a->x + (a->x_step ? c0 / VF_LANES * a->x_block : c0);
  const int copy = wants_copies(a);
  void (*const cover_line)(const line *, size_t, size_t) = whole[a->kw == 5][a->sw == 2][l->n != VF_LANES];
  const int pairs = PAIRS && l->n == VF_LANES && a->kh == 3 && a->kw == 3 && a->sh == 1 && a->sw == 1 && a->dh == 1;
  copies s;
  for (size_t i = 0; i <= EK_DWCONV_F32_LINES; ++i) s.have[i] = 0;
  l->step = copy ? VF_LANES : x_step;
  const float *const packed = a->packed + c0 * (a->kh * a->kw + 1);
  size_t n = row0 / a->oh, oy = row0 % a->oh; /* no division per line: lines can be short */
  for (size_t row = row0; row < row1;) {
    const int two = pairs && row + 2 <= row1 && oy + 2 <= a->oh;
    const ptrdiff_t top = (ptrdiff_t)(oy * a->sh) - a->pad_top;
    size_t k0 = 0, slot = 0;
    int found = 0;
    l->lines = 0;
    for (size_t k = 0; k < a->kh + (size_t)two; ++k) {
      const ptrdiff_t iy = top + (ptrdiff_t)(k * a->dh);
      const int there = iy >= 0 && iy < (ptrdiff_t)a->ih;
      if (!there && two) l->rows[l->lines++] = NULL;
      if (!there) continue;
      if (!found) {
        found = 1;
        k0 = two ? 0 : k;
        slot = (size_t)iy < x_rows ? (size_t)iy : (size_t)iy % x_rows;
      } else {
        slot += a->dh;
        if (slot >= x_rows) slot -= x_rows;
      }
      const float *x = x_first + (n * x_rows + slot) * a->iw * x_step;
      if (copy) x = copy_line(a, &s, x, n * a->ih + (size_t)iy, (size_t)iy % slots, l->n);
      l->rows[l->lines++] = x - (size_t)a->pad_left * l->step;
    }
    l->w = packed + k0 * a->kw * VF_LANES;
    l->y = a->y + row * a->ow * a->c + c0;
    if (two) {
      cover_pair(l);
    } else {
      cover_line(l, x_lo, x_hi);
    }
    row += 1 + (size_t)two;
    oy += 1 + (size_t)two;
    if (oy == a->oh) {
      oy = 0;
      ++n;
    }
  }
}

static void rows(const ek_dwconv_f32_args *a, size_t row0, size_t row1, size_t block0, size_t block1) {
  const ptrdiff_t span = (ptrdiff_t)((a->kw - 1) * a->dw + 1), room = (ptrdiff_t)a->iw + a->pad_left - span;
  size_t x_lo = a->pad_left > 0 ? ((size_t)a->pad_left + a->sw - 1) / a->sw : 0;
  size_t x_hi = room < 0 ? 0 : (size_t)room / a->sw + 1;
  if (x_hi > a->ow) x_hi = a->ow;
  if (x_lo > a->ow) x_lo = a->ow;
  if (x_hi < x_lo) x_hi = x_lo;
  for (size_t block = block0; block < block1; ++block) {
    const size_t c0 = block * VF_LANES;
    const int tail = a->c - c0 < VF_LANES;
    const float *const packed = a->packed + c0 * (a->kh * a->kw + 1);
    line l = { .bias = packed + a->kh * a->kw * VF_LANES,
               .line_step = a->dh * a->iw * a->c,
               .c = a->c,
               .kw = a->kw,
               .sw = a->sw,
               .dw = a->dw,
               .iw = a->iw,
               .ow = a->ow,
               .pad = (size_t)a->pad_left,
               .n = tail ? a->c - c0 : VF_LANES,
               .lo = a->lo,
               .hi = a->hi };
    if (ek_dwconv_f32_in_strips(a)) {
      strips(a, &l, row0, row1, c0, x_lo, x_hi);
      continue;
    }
    for (size_t row = row0; row < row1; ++row) {
      const ptrdiff_t top = (ptrdiff_t)(row % a->oh * a->sh) - a->pad_top;
      size_t k0 = 0, k1 = a->kh;
      while (k0 < k1 && top + (ptrdiff_t)(k0 * a->dh) < 0) ++k0;
      while (k1 > k0 && top + (ptrdiff_t)((k1 - 1) * a->dh) >= (ptrdiff_t)a->ih) --k1;
      const ptrdiff_t y0 = (ptrdiff_t)(row / a->oh * a->ih) + top + (ptrdiff_t)(k0 * a->dh);
      l.x = a->x + ((k1 > k0 ? y0 * (ptrdiff_t)a->iw : 0) - a->pad_left) * (ptrdiff_t)a->c + (ptrdiff_t)c0;
      l.w = packed + k0 * a->kw * VF_LANES;
      l.lines = k1 - k0;
      l.y = a->y + row * a->ow * a->c + c0;
      border(a, &l, 0, x_lo, tail);
      (tail ? inside_tail : inside)(&l, x_lo, x_hi);
      border(a, &l, x_hi, a->ow, tail);
    }
  }
}
