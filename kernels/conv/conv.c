/* SPDX-License-Identifier: Apache-2.0
 * f32 convolution: row addresses for the matrix micro-kernels. */
#include "conv.h"

#include <math.h>
#include <string.h>

enum { MAX_TAPS = 64, GATHER_DEPTH = 64, GATHER_ROWS = 48 };

static int is_plain(const ek_conv_f32_args *a) {
  return a->kh == 1 && a->kw == 1 && a->sh == 1 && a->sw == 1 && a->pad_top == 0 && a->pad_left == 0 &&
         a->oh == a->ih && a->ow == a->iw;
}

/* windows so narrow that gathering them into rows costs less than many short taps */
static int gathers(const ek_conv_f32_args *a) {
  return a->groups == 1 && a->kw > 1 && a->kw * a->c_in < 8 && a->kh * a->kw * a->c_in <= GATHER_DEPTH;
}

int ek_conv_f32_by_line(const ek_conv_f32_args *a) {
  if (gathers(a)) return 0;
  const int shallow = a->c_in < 16 || (a->c_in <= 32 && a->ow >= 16);
  const size_t taps = a->kh * a->kw;
  return shallow && a->kw > 1 && a->dw == 1 && a->groups == 1 &&
         (taps <= MAX_TAPS || (a->kh <= MAX_TAPS && taps * a->c_in <= EK_GEMM_F32_SPLIT_K));
}

int ek_conv_f32_may_part(const ek_conv_f32_args *a) {
  return a->groups == 1 && a->kh * a->kw <= MAX_TAPS && a->kh * a->kw * a->c_in <= EK_GEMM_F32_SPLIT_K;
}

/* one panel of one group */
typedef struct panel {
  const float *w, *bias;
  size_t width, nc, column; /* column in the whole output */
  size_t y_column;          /* elements before it in y */
  size_t next_width;        /* of the panel behind it; 0: the last */
  uint32_t nv;
} panel;

static panel panel_of(const ek_conv_f32_args *a, size_t g, size_t p) {
  const size_t k = a->kh * a->kw * a->c_in;
  const size_t group_floats = (size_t)(ek_gemm_f32_packed_bytes(a->kernel, k, a->c_out) / sizeof(float));
  size_t column = 0, offset = 0;
  panel r;
  r.nv = ek_gemm_f32_panel(a->kernel, k, a->c_out, p, &column, &offset);
  r.width = (size_t)r.nv * a->kernel->lanes;
  r.nc = a->c_out - column < r.width ? a->c_out - column : r.width;
  r.column = g * a->c_out + column;
  r.y_column = a->ldv ? column / a->kernel->lanes * a->ldv : r.column;
  r.w = a->packed + g * group_floats + offset;
  r.bias = r.w + ek_gemm_f32_packed_floats(a->kernel, k, r.width);
  r.next_width = 0;
  if (p + 1 < ek_gemm_f32_num_panels(a->kernel, a->c_out)) {
    r.next_width = ek_gemm_f32_panel(a->kernel, k, a->c_out, p + 1, &column, &offset) * (size_t)a->kernel->lanes;
  }
  return r;
}

/* taps [t0, t0 + taps) of the kernel: offsets from the window's first element, in elements */
typedef struct tap_part {
  size_t t0, taps;
  ptrdiff_t offset[MAX_TAPS];
} tap_part;

static void tap_offsets(const ek_conv_f32_args *a, size_t t0, size_t taps, tap_part *part) {
  const size_t pixel = a->groups * a->c_in;
  part->t0 = t0;
  part->taps = taps;
  for (size_t t = 0; t < taps; ++t) {
    part->offset[t] = (ptrdiff_t)(((t0 + t) / a->kw * a->dh * a->iw + (t0 + t) % a->kw * a->dw) * pixel);
  }
}

/* addresses of the part's taps for mr pixels from m on, `step` (1 or ow) pixels apart */
static void addresses(const ek_conv_f32_args *a, size_t g, size_t m, size_t mr, size_t step, const tap_part *part,
                      const float **rows) {
  const size_t pixel = a->groups * a->c_in;
  const ptrdiff_t span_y = (ptrdiff_t)((a->kh - 1) * a->dh), span_x = (ptrdiff_t)((a->kw - 1) * a->dw);
  const ptrdiff_t ih = (ptrdiff_t)a->ih, iw = (ptrdiff_t)a->iw;
  size_t ox = m % a->ow, oy = m / a->ow % a->oh, n = m / (a->ow * a->oh);
  for (size_t i = 0; i < mr; ++i) {
    const ptrdiff_t y0 = (ptrdiff_t)(oy * a->sh) - a->pad_top, x0 = (ptrdiff_t)(ox * a->sw) - a->pad_left;
    const float *const image = a->x + n * a->ih * a->iw * pixel + g * a->c_in;
    if (y0 >= 0 && x0 >= 0 && y0 + span_y < ih && x0 + span_x < iw) {
      const float *const first = image + (y0 * iw + x0) * (ptrdiff_t)pixel;
      for (size_t t = 0; t < part->taps; ++t) rows[t * mr + i] = first + part->offset[t];
    } else {
      size_t ky = part->t0 / a->kw, kx = part->t0 % a->kw;
      for (size_t t = 0; t < part->taps; ++t) {
        const ptrdiff_t iy = y0 + (ptrdiff_t)(ky * a->dh), ix = x0 + (ptrdiff_t)(kx * a->dw);
        const int inside = iy >= 0 && iy < ih && ix >= 0 && ix < iw;
        rows[t * mr + i] = inside ? image + (iy * iw + ix) * (ptrdiff_t)pixel : a->zeros;
        if (++kx == a->kw) {
          kx = 0;
          ++ky;
        }
      }
    }
    ox += step;
    if (ox >= a->ow) {
      ox -= a->ow;
      if (++oy == a->oh) {
        oy = 0;
        ++n;
      }
    }
  }
}

/* `count` pixels from m0 on by tap, the sum over taps in parts that keep the weights of a part in cache */
static void by_tap(const ek_conv_f32_args *a, size_t g, const panel *p, size_t m0, size_t count, size_t step) {
  const float *rows[MAX_TAPS * EK_GEMM_F32_MAX_ROWS];
  const size_t all = a->kh * a->kw, channels = a->groups * a->c_out, ldy = a->ldy ? a->ldy : channels;
  size_t most = EK_GEMM_F32_SPLIT_K * 3 / 2 / a->c_in;
  if (most < 1) most = 1;
  if (most > MAX_TAPS) most = MAX_TAPS;
  for (size_t t0 = 0; t0 < all; t0 += most) {
    tap_part part;
    const size_t taps = all - t0 < most ? all - t0 : most;
    tap_offsets(a, t0, taps, &part);
    const int first = t0 == 0, last = t0 + taps == all;
    const float *const residual = first ? a->residual : a->y;
    ek_gemm_f32_call call = {
      .rows = rows,
      .taps = taps,
      .depth = a->c_in,
      .groups = 1,
      .w = p->w + ek_gemm_f32_packed_floats(a->kernel, t0 * a->c_in, p->width),
      .ahead = p->w + ek_gemm_f32_packed_floats(a->kernel, (t0 + taps) * a->c_in, p->width),
      .bias = first ? p->bias : NULL,
      .ldc = ldy * step,
      .ldv = a->ldv,
      .ldr = channels * step,
      .nc = p->nc,
      .lo = last ? a->lo : -INFINITY,
      .hi = last ? a->hi : INFINITY,
    };
    if (count >= EK_GEMM_F32_AHEAD_ROWS && all * a->c_in * a->c_out >= EK_GEMM_F32_AHEAD_WEIGHTS) {
      const size_t left = last ? all : all - t0 - taps;
      const size_t k = (left < most ? left : most) * a->c_in, width = last ? p->next_width : p->width;
      call.ahead_lines = ek_gemm_f32_packed_floats(a->kernel, k, width) / EK_GEMM_F32_LINE;
    }
    for (size_t done = 0; done < count;) {
      size_t groups = 0;
      const size_t mr = ek_gemm_f32_next_rows(a->kernel, p->nv, count - done, &groups);
      for (; groups > 0; --groups, done += mr) {
        const size_t m = m0 + done * step;
        addresses(a, g, m, mr, step, &part, rows);
        call.c = a->y + m * ldy + p->y_column;
        call.residual = residual ? residual + m * channels + p->column : NULL;
        a->kernel->fn[p->nv - 1][mr - 1](&call);
        ek_gemm_f32_fetched(&call);
      }
    }
  }
}

/* pixels [x_lo, x_hi) of the output line that starts at m: kernel lines are runs of kw * C inputs */
static void line_run(const ek_conv_f32_args *a, const panel *p, size_t m, size_t x_lo, size_t x_hi) {
  const float *rows[MAX_TAPS * EK_GEMM_F32_MAX_ROWS];
  const size_t run = a->kw * a->c_in, oy = m / a->ow % a->oh, n = m / (a->ow * a->oh);
  const size_t ldy = a->ldy ? a->ldy : a->c_out;
  const ptrdiff_t y0 = (ptrdiff_t)(oy * a->sh) - a->pad_top;
  size_t k0 = 0, k1 = a->kh;
  while (k0 < k1 && y0 + (ptrdiff_t)(k0 * a->dh) < 0) ++k0;
  while (k1 > k0 && y0 + (ptrdiff_t)((k1 - 1) * a->dh) >= (ptrdiff_t)a->ih) --k1;
  ek_gemm_f32_call call = {
    .rows = rows,
    .taps = k1 - k0,
    .depth = run,
    .w = p->w + ek_gemm_f32_packed_floats(a->kernel, k0 * run, p->width),
    .bias = p->bias,
    .ldc = ldy,
    .ldv = a->ldv,
    .ldr = a->c_out,
    .nc = p->nc,
    .lo = a->lo,
    .hi = a->hi,
  };
  for (size_t x = x_lo; x < x_hi;) {
    const size_t mr = ek_gemm_f32_next_rows(a->kernel, p->nv, x_hi - x, &call.groups);
    for (size_t t = k0; t < k1; ++t) {
      const size_t iy = (size_t)(y0 + (ptrdiff_t)(t * a->dh));
      const float *const line = a->x + (n * a->ih + iy) * a->iw * a->c_in;
      for (size_t i = 0; i < mr; ++i) {
        rows[(t - k0) * mr + i] = line + ((x + i) * a->sw - (size_t)a->pad_left) * a->c_in;
      }
    }
    call.a_step = mr * a->sw * a->c_in;
    call.c = a->y + (m + x) * ldy + p->y_column;
    call.residual = a->residual ? a->residual + (m + x) * a->c_out + p->column : NULL;
    a->kernel->fn[p->nv - 1][mr - 1](&call);
    x += mr * call.groups;
  }
}

/* Whole output lines: pixels whose window stays inside go along the line, the others down their columns. */
static void by_line(const ek_conv_f32_args *a, const panel *p, size_t m0, size_t m1) {
  const ptrdiff_t room = (ptrdiff_t)a->iw + a->pad_left - (ptrdiff_t)a->kw;
  size_t x_lo = a->pad_left > 0 ? ((size_t)a->pad_left + a->sw - 1) / a->sw : 0;
  size_t x_hi = room < 0 ? 0 : (size_t)room / a->sw + 1;
  if (x_lo > a->ow) x_lo = a->ow;
  if (x_hi > a->ow) x_hi = a->ow;
  if (x_hi < x_lo) x_hi = x_lo;
  const size_t most = a->kernel->mr_max[p->nv - 1];
  for (size_t m = m0; m < m1;) {
    const size_t left = (m1 - m) / a->ow, lines = left < most ? left : most;
    for (size_t i = 0; i < lines; ++i) line_run(a, p, m + i * a->ow, x_lo, x_hi);
    for (size_t x = 0; x < a->ow; ++x) {
      if (x == x_lo) x = x_hi;
      if (x < a->ow) by_tap(a, 0, p, m + x, lines, a->ow);
    }
    m += lines * a->ow;
  }
}

/* n < 8 floats */
static void copy_few(float *to, const float *from, size_t n) {
  if (n >= 4) {
    float four[4], last[4]; /* both read first: they may overlap */
    memcpy(four, from, sizeof four);
    memcpy(last, from + n - 4, sizeof last);
    memcpy(to, four, sizeof four);
    memcpy(to + n - 4, last, sizeof last);
    return;
  }
  for (size_t i = 0; i < n; ++i) to[i] = from[i];
}

/* the window of output pixel m as one row */
static void gather(const ek_conv_f32_args *a, size_t m, float *row) {
  static const float zeros[8] = { 0.0f };
  const size_t ox = m % a->ow, oy = m / a->ow % a->oh, n = m / (a->ow * a->oh), c = a->c_in, run = a->kw * c;
  const ptrdiff_t x0 = (ptrdiff_t)(ox * a->sw) - a->pad_left, iw = (ptrdiff_t)a->iw, step = (ptrdiff_t)a->dw;
  ptrdiff_t iy = (ptrdiff_t)(oy * a->sh) - a->pad_top;
  size_t k0 = 0, k1 = a->kw; /* columns inside */
  while (k0 < k1 && x0 + (ptrdiff_t)k0 * step < 0) ++k0;
  while (k1 > k0 && x0 + (ptrdiff_t)(k1 - 1) * step >= iw) --k1;
  const size_t from = k1 > k0 ? (size_t)(x0 + (ptrdiff_t)k0 * step) * c : 0;
  for (size_t ky = 0; ky < a->kh; ++ky, row += run, iy += (ptrdiff_t)a->dh) {
    const int valid = iy >= 0 && iy < (ptrdiff_t)a->ih;
    const float *const line = a->x + (n * a->ih + (size_t)(valid ? iy : 0)) * a->iw * c + from;
    if (valid && run == 4 && k1 - k0 == 4 && step == 1) { /* one vector */
      memcpy(row, line, 4 * sizeof *row);
      continue;
    }
    if (!valid || k1 - k0 < a->kw) copy_few(row, zeros, run);
    if (!valid) continue;
    if (step == 1) {
      copy_few(row + k0 * c, line, (k1 - k0) * c);
    } else {
      for (size_t i = 0; i < (k1 - k0) * c; ++i) row[k0 * c + i] = line[i / c * (size_t)step * c + i % c];
    }
  }
}

static void gathered(const ek_conv_f32_args *a, size_t m0, size_t m1, size_t p0, size_t p1) {
  float block[GATHER_ROWS * GATHER_DEPTH];
  const size_t k = a->kh * a->kw * a->c_in, ldy = a->ldy ? a->ldy : a->c_out;
  ek_gemm_f32_args product = { .kernel = a->kernel,
                               .n = a->c_out,
                               .k = k,
                               .a = block,
                               .lda = k,
                               .packed = a->packed,
                               .ldc = ldy,
                               .ldv = a->ldv,
                               .ldr = a->c_out,
                               .lo = a->lo,
                               .hi = a->hi };
  for (size_t m = m0; m < m1; m += GATHER_ROWS) {
    const size_t count = m1 - m < GATHER_ROWS ? m1 - m : GATHER_ROWS;
    for (size_t i = 0; i < count; ++i) gather(a, m + i, block + i * k);
    product.m = count;
    product.c = a->y + m * ldy;
    product.residual = a->residual ? a->residual + m * a->c_out : NULL;
    ek_gemm_f32_block(&product, 0, count, p0, p1);
  }
}

void ek_conv_f32_block(const ek_conv_f32_args *a, size_t g, size_t m0, size_t m1, size_t p0, size_t p1) {
  if (a->groups == 1 && is_plain(a)) {
    const ek_gemm_f32_args product = {
      .kernel = a->kernel,
      .m = a->batch * a->oh * a->ow,
      .n = a->c_out,
      .k = a->c_in,
      .a = a->x,
      .lda = a->c_in,
      .packed = a->packed,
      .c = a->y,
      .ldc = a->ldy ? a->ldy : a->c_out,
      .ldv = a->ldv,
      .residual = a->residual,
      .ldr = a->c_out,
      .lo = a->lo,
      .hi = a->hi,
    };
    ek_gemm_f32_block(&product, m0, m1, p0, p1);
    return;
  }
  if (gathers(a)) {
    gathered(a, m0, m1, p0, p1);
    return;
  }
  const int lines = ek_conv_f32_by_line(a);
  for (size_t i = p0; i < p1; ++i) {
    const panel p = panel_of(a, g, i);
    if (lines) {
      by_line(a, &p, m0, m1);
    } else {
      by_tap(a, g, &p, m0, m1 - m0, 1);
    }
  }
}
