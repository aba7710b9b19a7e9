/* SPDX-License-Identifier: Apache-2.0
 * Gathers row pointers for the integer matrix kernels, a block of output pixels at a time. */
#include "qconv.h"
#include <string.h>

enum { POINTERS = 1024, PATCH_BYTES = 16384, MERGED_DEPTH = 64, BLOCK_BYTES = 131072 };

uint32_t ek_qconv_merged(uint32_t ic, uint32_t kw, uint32_t dw, uint32_t group) {
  return group == 1 && dw == 1 && kw > 1 && (uint64_t)ic * kw <= MERGED_DEPTH;
}

void ek_qconv_shape(const ek_qconv_args *a, uint32_t *taps, uint32_t *depth) {
  *taps = a->merged ? a->kh : a->kh * a->kw;
  *depth = (a->merged ? a->kw : 1) * (a->ic / a->group);
}

static uint32_t block_rows(const ek_qconv_args *a, uint32_t taps, uint32_t depth) {
  size_t rows = POINTERS / taps;
  const size_t bytes = (size_t)taps * (depth + 3), fit = BLOCK_BYTES / bytes > 48 ? BLOCK_BYTES / bytes : 48;
  if (rows > fit) rows = fit;
  if (a->merged && rows > PATCH_BYTES / bytes) rows = PATCH_BYTES / bytes;
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

static void fill(const uint8_t **p, const uint8_t *q, size_t step, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) p[i] = q + i * step;
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

/* The same where a kernel row is one tap of kw pixels. Rows that meet padding, or that cannot be read in whole depth
   groups, are assembled in *patch; a patch is `padded` bytes. */
static void gather_merged(const ek_qconv_args *a, const run *r, uint32_t lo, uint32_t hi, uint32_t padded,
                          const uint8_t *end, uint8_t **patch) {
  const int64_t line = (int64_t)a->iw * a->ic, iy = (int64_t)r->oy * a->sh - a->pad_top;
  const uint8_t *const image = a->x + (size_t)r->image * a->ih * (size_t)line;
  const uint8_t **p = r->p;
  for (uint32_t ky = 0; ky < a->kh; ++ky, p += r->ld) {
    const int64_t y = iy + (int64_t)ky * a->dh, ix = (int64_t)r->ox * a->sw - a->pad_left;
    const int64_t row = y * line + ix * a->ic, step = (int64_t)a->sw * a->ic, limit = end - image - padded;
    const int outside = y < 0 || y >= a->ih;
    const int64_t readable = outside || row > limit ? 0 : (limit - row) / step + 1; /* pixels of the run */
    const uint32_t left = lo > r->ox ? lo - r->ox : 0, stop = hi > r->ox ? hi - r->ox : 0;
    const uint32_t seen = stop < r->n ? stop : r->n, right = readable < seen ? (uint32_t)readable : seen;
    if (left < right) fill(p + left, image + row + left * step, (size_t)step, right - left);
    for (uint32_t i = 0; i < r->n; ++i) {
      if (i >= left && i < right) {
        i = right - 1;
        continue;
      }
      uint8_t *to = *patch;
      p[i] = to;
      *patch += padded;
      if (outside && i > 0) { /* all the same */
        *patch -= padded;
        p[i] = p[0];
        continue;
      }
      memset(to, a->zero[0], MERGED_DEPTH); /* constant size: no call; the next patch is written later */
      const int64_t x = ix + (int64_t)i * a->sw, skip = x < 0 ? -x : 0, room = a->iw - x;
      const int64_t stop_x = room < a->kw ? room : a->kw, n = outside ? 0 : (stop_x - skip) * a->ic;
      if (n <= 0) continue;
      const uint8_t *const q = image + y * line + (x + skip) * a->ic;
      to += skip * a->ic;
      if (n <= 8) {
        for (int64_t k = 0; k < n; ++k) to[k] = q[k];
      } else {
        memcpy(to, q, (size_t)n);
      }
    }
  }
}

/* Bytes of a merged row that are in reach of its pointer. */
static uint32_t readable(const ek_qconv_args *a, uint32_t depth) {
  const uint32_t kr = a->row->kr;
  return a->row->flags & EK_QGEMM_FLAT ? depth : (depth + kr - 1) / kr * kr;
}

/* Pointers of `count` output pixels from m on. */
static void gather_block(const ek_qconv_args *a, uint32_t m, uint32_t count, uint32_t depth, size_t channel,
                         const uint8_t **pointers, uint8_t *patches) {
  const uint32_t padded = readable(a, depth);
  uint32_t lo, hi;
  run r = { m / (a->oh * a->ow), m / a->ow % a->oh, m % a->ow, 0, pointers, count };
  interior(a, &lo, &hi);
  for (uint32_t done = 0; done < count; done += r.n) {
    r.n = a->ow - r.ox < count - done ? a->ow - r.ox : count - done;
    r.p = pointers + done;
    if (a->merged) {
      const uint8_t *const end = a->x + ((size_t)r.image + 1) * a->ih * a->iw * a->ic; /* of this image will do */
      gather_merged(a, &r, lo, hi, padded, end, &patches);
    } else {
      gather(a, &r, lo, hi, channel);
    }
    r.ox = 0;
    if (++r.oy == a->oh) {
      r.oy = 0;
      ++r.image;
    }
  }
}

void ek_qconv_run(const ek_qconv_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1) {
  const uint8_t *pointers[POINTERS];
  uint8_t patches[PATCH_BYTES + MERGED_DEPTH];
  uint32_t taps, depth;
  ek_qconv_shape(a, &taps, &depth);
  const uint32_t rows = block_rows(a, taps, depth), n_group = a->oc / a->group;
  const size_t size = a->out == EK_Q_S32 ? 4 : 1, column = (size_t)ek_qgemm_column_bytes(a->row, taps, depth);
  const int dense = taps == 1 && a->sh == 1 && a->sw == 1 && a->pad_top == 0 && a->pad_left == 0 && !a->merged &&
                    a->oh == a->ih && a->ow == a->iw;
  const uint32_t whole = a->merged ? readable(a, depth) : depth; /* rows can be read so far */
  for (uint32_t m = m0; m < m1; m += rows) {
    const uint32_t count = m1 - m < rows ? m1 - m : rows;
    for (uint32_t g = 0; g < a->group; ++g) {
      const size_t channel = (size_t)g * (a->ic / a->group), first = (size_t)g * n_group + n0;
      if (dense)
        fill(pointers, a->x + (size_t)m * a->ic + channel, a->ic, count);
      else
        gather_block(a, m, count, depth, channel, pointers, patches);
      const ek_qgemm_call call = { pointers,
                                   count,
                                   count,
                                   n1 - n0,
                                   taps,
                                   whole,
                                   a->flip,
                                   a->w + g * a->w_group_bytes + n0 * column,
                                   a->bias + first,
                                   a->mult ? a->mult + first : NULL,
                                   a->zero_point,
                                   a->lo,
                                   a->hi,
                                   a->out,
                                   (uint8_t *)a->y + ((size_t)m * a->oc + first) * size,
                                   (size_t)a->oc * size };
      a->row->fn(&call);
    }
  }
}
