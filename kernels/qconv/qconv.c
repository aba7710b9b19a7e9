/* SPDX-License-Identifier: Apache-2.0
 * Gathers row pointers for the integer matrix kernels, a block of output pixels at a time. */
#include "qconv.h"
#include <string.h>

enum { POINTERS = 2048, STRIP_BYTES = 32768, STRIP_SLACK = 64, STRIP_CHANNELS = 128, BLOCK_BYTES = 262144 };

/* n pointers `step` bytes apart, four at a time: an addition each is a chain */
static void fill(const uint8_t **p, const uint8_t *q, size_t step, uint32_t n) {
  uint32_t i = 0;
  for (; i + 4 <= n; i += 4, q += 4 * step) {
    p[i] = q;
    p[i + 1] = q + step;
    p[i + 2] = q + 2 * step;
    p[i + 3] = q + 3 * step;
  }
  for (; i < n; ++i, q += step) p[i] = q;
}

/* ---- strips: the input lines of a block of output rows, with their padding, so that a kernel row is one deep tap */

static uint64_t strip_line(const ek_qconv_args *a) {
  return ((uint64_t)(a->ow - 1) * a->sw + a->kw) * a->ic;
}

static uint64_t strip_reach(const ek_qconv_args *a) { /* input lines of an output row */
  return (uint64_t)(a->kh - 1) * a->dh + 1;
}

uint32_t ek_qconv_merged(const ek_qconv_args *a) {
  return a->group == 1 && a->dw == 1 && a->kw > 1 && a->ic <= STRIP_CHANNELS && a->kh <= POINTERS / 32 &&
         strip_line(a) <= STRIP_BYTES && (strip_reach(a) + a->sh) * strip_line(a) <= STRIP_BYTES;
}

void ek_qconv_shape(const ek_qconv_args *a, uint32_t *taps, uint32_t *depth) {
  *taps = a->merged ? a->kh : a->kh * a->kw;
  *depth = (a->merged ? a->kw : 1) * (a->ic / a->group);
}

/* One line of a strip: the image's line y between pad_left columns and as many as the last window reaches. The strip
   was filled with padding before, so that inside the image only the line itself is copied. */
static void strip_fill(const ek_qconv_args *a, const uint8_t *image, int64_t y, size_t line, uint8_t *to) {
  const size_t left = (size_t)a->pad_left * a->ic, from = left < line ? left : line;
  const size_t row = (size_t)a->iw * a->ic, n = line - from < row ? line - from : row;
  if (y < 0 || y >= a->ih)
    memset(to, a->zero[0], line);
  else
    memcpy(to + from, image + (size_t)y * row, n);
}

typedef struct strip {
  uint8_t data[STRIP_BYTES + STRIP_SLACK];
  const uint8_t *pointers[POINTERS];
  uint32_t ox, count; /* what the pointers are for: count of a tap */
} strip;

/* Pixels of a block, of at most `most`: whole output rows, together a multiple of 12 where that is near. */
static uint32_t strip_pixels(const ek_qconv_args *a, uint32_t most) {
  enum { ENOUGH = 192 };
  const uint32_t rows = most / a->ow;
  if (rows == 0) return most;
  uint32_t r = (ENOUGH + a->ow - 1) / a->ow < rows ? (ENOUGH + a->ow - 1) / a->ow : rows, best = r;
  for (uint32_t k = r; k <= rows && k < r + 12; ++k) {
    if (k * a->ow % 12 == 0) {
      best = k;
      break;
    }
  }
  return best * a->ow;
}

/* Fills the strip and the pointers of up to `left` output pixels from m on; returns how many. */
static uint32_t strip_gather(const ek_qconv_args *a, uint32_t m, uint32_t left, strip *s) {
  const size_t line = (size_t)strip_line(a), reach = (size_t)strip_reach(a), step = (size_t)a->sw * a->ic;
  const uint32_t pixels = a->oh * a->ow, image = m / pixels, oy = m % pixels / a->ow, ox = m % a->ow;
  const uint32_t fit = (uint32_t)((STRIP_BYTES / line - reach) / a->sh + 1), room = fit * a->ow - ox;
  const uint32_t most = room < POINTERS / a->kh ? room : POINTERS / a->kh;
  uint32_t n = strip_pixels(a, most), end = pixels - m % pixels;
  if (end > left) end = left;
  if (n > end || (end < 2 * n && end <= most)) n = end;
  const size_t lines = ((ox + n - 1) / a->ow) * (size_t)a->sh + reach;
  const uint8_t *const from = a->x + (size_t)image * a->ih * a->iw * a->ic;
  for (size_t i = 0; i < lines; ++i)
    strip_fill(a, from, (int64_t)oy * a->sh - a->pad_top + (int64_t)i, line, s->data + i * line);
  if (ox == s->ox && n <= s->count) return n;
  s->ox = ox;
  s->count = n;
  const uint8_t **p = s->pointers;
  for (uint32_t ky = 0; ky < a->kh; ++ky, p += n) {
    const uint8_t *q = s->data + (size_t)ky * a->dh * line;
    uint32_t x = ox;
    for (uint32_t i = 0; i < n; q += a->sh * line, x = 0) {
      const uint32_t run = a->ow - x < n - i ? a->ow - x : n - i;
      fill(p + i, q + x * step, step, run);
      i += run;
    }
  }
  return n;
}

/* ---- pointers into the image itself, a tap each */

/* As many pixels as there are pointers for, and as their input stays in the second-level cache; where the weights are
   few, as input and output stay in the first. */
static uint32_t block_rows(const ek_qconv_args *a, uint32_t taps, uint32_t depth, uint32_t n) {
  const size_t per = (size_t)(a->sh * (uint64_t)a->sw < taps ? a->sh * (uint64_t)a->sw : taps) * depth;
  const size_t weights = (size_t)taps * depth * n, bytes = weights <= 8192 ? 16384 : BLOCK_BYTES;
  size_t rows = bytes / (per + (weights <= 8192 ? n : 0));
  if (rows < 96) rows = 96;
  if (rows > POINTERS / taps) rows = POINTERS / taps;
  return (uint32_t)(rows > 24 ? rows / 24 * 24 : rows);
}

/* A run of output pixels in one row: pixel i of it has pointers at p[tap * ld + i]. */
typedef struct run {
  uint32_t image, oy, ox, n;
  const uint8_t **p;
  size_t ld;
} run;

/* Pixels [lo, hi) of an output row see no padding at the left and right. */
static void interior(const ek_qconv_args *a, uint32_t *lo, uint32_t *hi) {
  const int64_t reach = (int64_t)(a->kw - 1) * a->dw, last = (int64_t)a->iw - 1 - reach + a->pad_left;
  const int64_t first = a->pad_left > 0 ? ((int64_t)a->pad_left + a->sw - 1) / a->sw : 0;
  const int64_t end = last < 0 ? 0 : last / a->sw + 1;
  *lo = (uint32_t)(first < a->ow ? first : a->ow);
  *hi = (uint32_t)(end < *lo ? *lo : end < a->ow ? end : a->ow);
}

static void gather(const ek_qconv_args *a, const run *r, uint32_t lo, uint32_t hi, size_t channel) {
  const int64_t pixel = a->ic, line = a->iw * pixel, iy = (int64_t)r->oy * a->sh - a->pad_top;
  const uint8_t *const image = a->x + (size_t)r->image * a->ih * (size_t)line + channel, *const zero =
                                                                                             a->zero + channel;
  const uint32_t from = lo > r->ox ? lo - r->ox : 0, end = hi > r->ox ? hi - r->ox : 0;
  const uint32_t left = from < r->n ? from : r->n, right = end < left ? left : end < r->n ? end : r->n;
  const uint8_t **p = r->p;
  for (uint32_t ky = 0; ky < a->kh; ++ky) {
    const int64_t y = iy + (int64_t)ky * a->dh;
    for (uint32_t kx = 0; kx < a->kw; ++kx, p += r->ld) {
      if (y < 0 || y >= a->ih) {
        fill(p, zero, 0, r->n);
        continue;
      }
      const int64_t ix = (int64_t)r->ox * a->sw - a->pad_left + (int64_t)kx * a->dw;
      for (uint32_t i = 0; i < r->n; ++i) {
        if (i == left && right > left) { /* no padding in between */
          fill(p + left, image + y * line + (ix + (int64_t)left * a->sw) * pixel, (size_t)a->sw * a->ic, right - left);
          i = right - 1;
          continue;
        }
        const int64_t x = ix + (int64_t)i * a->sw;
        p[i] = x >= 0 && x < a->iw ? image + y * line + x * pixel : zero;
      }
    }
  }
}

/* Pointers of `count` output pixels from m on. */
static void gather_block(const ek_qconv_args *a, uint32_t m, uint32_t count, size_t channel, const uint8_t **pointers) {
  uint32_t lo, hi;
  run r = { m / (a->oh * a->ow), m / a->ow % a->oh, m % a->ow, 0, pointers, count };
  interior(a, &lo, &hi);
  for (uint32_t done = 0; done < count; done += r.n) {
    r.n = a->ow - r.ox < count - done ? a->ow - r.ox : count - done;
    r.p = pointers + done;
    gather(a, &r, lo, hi, channel);
    r.ox = 0;
    if (++r.oy == a->oh) {
      r.oy = 0;
      ++r.image;
    }
  }
}

/* Bytes of a strip's row that are in reach of its pointer. */
static uint32_t readable(const ek_qconv_args *a, uint32_t depth) {
  const uint32_t kr = a->row->kr;
  return a->row->flags & EK_QGEMM_FLAT ? depth : (depth + kr - 1) / kr * kr;
}

/* Table and sum of a block whose first output byte is `at`. */
static void follow(const ek_qconv_args *a, size_t at, uint32_t count, uint32_t n, int added) {
  const int whole = n == a->oc;
  const size_t rows = whole ? 1 : count, bytes = whole ? (size_t)count * n : n;
  for (size_t i = 0; i < rows; ++i, at += a->oc) {
    uint8_t *const y = (uint8_t *)a->y + at;
    if (a->map) a->map(bytes, y, a->table, y);
    if (a->add_fn && !added) a->add_fn(&a->add, bytes, y, a->residual + at, 1, y);
  }
}

/* One block of a group on the matrix kernel; ld: pointers of a tap. */
static void multiply(const ek_qconv_args *a, const uint8_t *const *pointers, uint32_t ld, uint32_t m, uint32_t count,
                     uint32_t taps, uint32_t depth, uint32_t g, uint32_t n0, uint32_t n1) {
  const size_t size = a->out == EK_Q_S32 ? 4 : 1, column = (size_t)ek_qgemm_column_bytes(a->row, taps, depth);
  const size_t first = (size_t)g * (a->oc / a->group) + n0, at = (size_t)m * a->oc + first;
  const int inside = a->add_fn != NULL && a->map == NULL && (a->row->flags & EK_QGEMM_ADDS) != 0;
  const ek_qgemm_call call = { pointers,
                               ld,
                               count,
                               n1 - n0,
                               taps,
                               a->merged ? readable(a, depth) : depth,
                               a->flip,
                               a->w + g * a->w_group_bytes + n0 * column,
                               a->bias + first,
                               a->mult ? a->mult + first : NULL,
                               a->zero_point,
                               a->lo,
                               a->hi,
                               a->out,
                               (uint8_t *)a->y + at * size,
                               (size_t)a->oc * size,
                               inside ? a->residual + at : NULL,
                               inside ? &a->add : NULL,
                               a->merged && a->sw == 1 && a->kw == 3 ? a->ic : 0 };
  a->row->fn(&call);
  if (a->map != NULL || (a->add_fn != NULL && !inside)) follow(a, at, count, n1 - n0, inside);
}

static void run_strips(const ek_qconv_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1) {
  strip s;
  uint32_t taps, depth;
  ek_qconv_shape(a, &taps, &depth);
  s.ox = s.count = 0;
  const size_t rows = (size_t)((m1 - 1) / a->ow - m0 / a->ow) + 1;
  const size_t all = (rows * a->sh + (size_t)strip_reach(a)) * (size_t)strip_line(a);
  memset(s.data, a->zero[0], (all < STRIP_BYTES ? all : STRIP_BYTES) + 4); /* the last depth group may reach beyond */
  for (uint32_t m = m0, count; m < m1; m += count) {
    count = strip_gather(a, m, m1 - m, &s);
    multiply(a, s.pointers, s.count, m, count, taps, depth, 0, n0, n1);
  }
}

static void run_pointers(const ek_qconv_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1) {
  const uint8_t *pointers[POINTERS];
  uint32_t taps, depth;
  ek_qconv_shape(a, &taps, &depth);
  const uint32_t most = block_rows(a, taps, depth, n1 - n0), blocks = (m1 - m0 + most - 1) / most;
  const uint32_t even = ((m1 - m0 + blocks - 1) / blocks + 11) / 12 * 12, rows = even < most ? even : most;
  const int dense =
      taps == 1 && a->sh == 1 && a->sw == 1 && a->pad_top == 0 && a->pad_left == 0 && a->oh == a->ih && a->ow == a->iw;
  for (uint32_t m = m0; m < m1; m += rows) {
    const uint32_t count = m1 - m < rows ? m1 - m : rows;
    for (uint32_t g = 0; g < a->group; ++g) {
      const size_t channel = (size_t)g * (a->ic / a->group);
      if (dense)
        fill(pointers, a->x + (size_t)m * a->ic + channel, a->ic, count);
      else
        gather_block(a, m, count, channel, pointers);
      multiply(a, pointers, count, m, count, taps, depth, g, n0, n1);
    }
  }
}

void ek_qconv_run(const ek_qconv_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1) {
  if (m0 >= m1) return;
  if (a->merged)
    run_strips(a, m0, m1, n0, n1);
  else
    run_pointers(a, m0, m1, n0, n1);
}
