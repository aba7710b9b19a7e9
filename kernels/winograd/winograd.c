/* SPDX-License-Identifier: Apache-2.0
 * Winograd convolution: choice, weights, and the loops around transforms and products. */
#include "winograd.h"

#include <math.h>
#include <string.h>

enum {
  GROUP_COLUMNS = 64, /* of M: several narrow panels share what they read of V while it is in L1 */
  LINE_FLOATS = 16,   /* keeps positions from falling into one cache set */
  MAX_SIDE = 6,
  CHANNELS = 4, /* of weights, transformed at a time */
  BLOCK_COLUMNS = 32
};

static const ek_winograd_f32_kernel *const table[] = {
#define EK_WINOGRAD_F32(isa, kernel) &kernel,
#include "winograd.def"
#undef EK_WINOGRAD_F32
};

const ek_winograd_f32_kernel *ek_winograd_f32_at(uint32_t i) {
  return i < EK_COUNT(table) ? table[i] : NULL;
}

/* ---- sizes */

static size_t side_of(const ek_winograd_f32_args *a) {
  return a->kernel->tile + 2;
}

size_t ek_winograd_f32_positions(const ek_winograd_f32_args *a) {
  return side_of(a) * side_of(a);
}

static size_t tiles_over(size_t pixels, size_t tile) {
  return (pixels + tile - 1) / tile;
}

size_t ek_winograd_f32_tiles(const ek_winograd_f32_args *a) {
  return a->batch * tiles_over(a->oh, a->kernel->tile) * tiles_over(a->ow, a->kernel->tile);
}

static size_t panel_width(const ek_winograd_f32_args *a) {
  return (size_t)a->gemm->nv_max * a->gemm->lanes;
}

static size_t group_columns(const ek_winograd_f32_args *a) {
  const size_t width = panel_width(a);
  return width >= GROUP_COLUMNS ? width : GROUP_COLUMNS / width * width;
}

static size_t whole_vectors(const ek_winograd_f32_args *a, size_t columns) {
  return (columns + a->gemm->lanes - 1) / a->gemm->lanes * a->gemm->lanes;
}

size_t ek_winograd_f32_groups(const ek_winograd_f32_args *a) {
  const size_t columns = group_columns(a);
  return (a->c_out + columns - 1) / columns;
}

uint64_t ek_winograd_f32_packed_bytes(const ek_winograd_f32_args *a) {
  return (uint64_t)whole_vectors(a, a->c_out) * (ek_winograd_f32_positions(a) * (uint64_t)a->c_in + 1) * sizeof(float);
}

size_t ek_winograd_f32_v_step(const ek_winograd_f32_args *a, size_t tiles) {
  return (tiles * a->c_in + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS + LINE_FLOATS;
}

size_t ek_winograd_f32_m_step(const ek_winograd_f32_args *a, size_t tiles) {
  const size_t columns = group_columns(a);
  const size_t used = whole_vectors(a, a->c_out < columns ? a->c_out : columns);
  return (tiles * used + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS + LINE_FLOATS;
}

/* ---- choice: cycles of one thread; the constants were measured over the layers of common networks */

#define STREAM 6.3 /* bytes a cycle of weights that come from beyond L2 */

static double least(double a, double b) {
  return a < b ? a : b;
}

static double cycles(const ek_winograd_f32_args *a, uint64_t l2_bytes) {
  const double flops_a_cycle = 2.0 * a->kernel->lanes, tiles = (double)ek_winograd_f32_tiles(a);
  const double sums = (double)ek_winograd_f32_positions(a) * tiles * (double)a->c_in;
  const double products = sums * (double)whole_vectors(a, a->c_out) / flops_a_cycle;
  const double in = tiles * (double)((a->c_in + a->kernel->lanes - 1) / a->kernel->lanes) * a->kernel->input_cycles;
  const double out = tiles * (double)((a->c_out + a->kernel->lanes - 1) / a->kernel->lanes) * a->kernel->output_cycles;
  const double bytes = (double)ek_winograd_f32_packed_bytes(a),
               stream = bytes > (double)l2_bytes ? bytes / STREAM : 0.0;
  const double depth = (double)a->c_in / ((double)a->c_in + 8.0); /* sums start, are stored and read again */
  const double work = products / depth;
  return (work > stream ? work : stream) + 0.3 * least(work, stream) + in + out;
}

const ek_winograd_f32_kernel *ek_winograd_f32_choose(const ek_winograd_f32_args *args, uint64_t have,
                                                     uint64_t l2_bytes) {
  ek_winograd_f32_args a = *args;
  const ek_winograd_f32_kernel *best = NULL;
  if (l2_bytes == 0) l2_bytes = 512 * 1024;
  if (a.c_in < 16 || a.c_out < 16 || a.gemm->lanes < 4) return NULL;
  const double macs = (double)(a.batch * a.oh * a.ow) * (double)whole_vectors(&a, a.c_out) * (double)a.c_in * 9.0;
  const double bytes = macs / (double)(a.batch * a.oh * a.ow) * sizeof(float);
  const double work = macs / (2.0 * a.gemm->lanes), stream = bytes > (double)l2_bytes ? bytes / STREAM : 0.0;
  double time = 0.97 * ((work > stream ? work : stream) + 0.3 * least(work, stream));
  for (size_t i = 0; i < EK_COUNT(table); ++i) {
    if ((table[i]->isa & ~have) != 0 || table[i]->lanes != a.gemm->lanes) continue;
    a.kernel = table[i];
    const double t = cycles(&a, l2_bytes);
    if (t < time) {
      time = t;
      best = table[i];
    }
  }
  return best;
}

/* ---- weights */

#define ROOT 0.70710678118654752440

/* G of a line of three, for CHANNELS neighbouring channels; rows of G come in pairs that differ in the middle's sign */
typedef double channels[CHANNELS];
static void line_2(const channels a, const channels b, const channels c, channels *u, size_t step) {
  for (size_t i = 0; i < CHANNELS; ++i) {
    const double even = 0.5 * (a[i] + c[i]), odd = 0.5 * b[i];
    u[0][i] = a[i];
    u[step][i] = even + odd;
    u[2 * step][i] = even - odd;
    u[3 * step][i] = c[i];
  }
}

static void line_4(const channels a, const channels b, const channels c, channels *u, size_t step) {
  for (size_t i = 0; i < CHANNELS; ++i) {
    const double near = (-1.0 / 1.5) * a[i] + (-0.5 / 1.5) * c[i], near_odd = (ROOT / 1.5) * b[i];
    const double far = (1.0 / 6.0) * a[i] + (2.0 / 6.0) * c[i], far_odd = (2.0 * ROOT / 6.0) * b[i];
    u[0][i] = a[i];
    u[step][i] = near - near_odd;
    u[2 * step][i] = near + near_odd;
    u[3 * step][i] = far + far_odd;
    u[4 * step][i] = far - far_odd;
    u[5 * step][i] = c[i];
  }
}

/* G w G' of CHANNELS neighbouring channels, n of which exist */
static void transform(size_t side, const float *w, size_t c_in, size_t n, channels *u) {
  channels x[3][3], t[MAX_SIDE][3];
  for (size_t i = 0; i < 9; ++i) {
    for (size_t c = 0; c < CHANNELS; ++c) x[i / 3][i % 3][c] = c < n ? (double)w[i * c_in + c] : 0.0;
  }
  for (size_t j = 0; j < 3; ++j) {
    if (side == 6) {
      line_4(x[0][j], x[1][j], x[2][j], &t[0][j], 3);
    } else {
      line_2(x[0][j], x[1][j], x[2][j], &t[0][j], 3);
    }
  }
  for (size_t p = 0; p < side; ++p) {
    if (side == 6) {
      line_4(t[p][0], t[p][1], t[p][2], u + p * side, 1);
    } else {
      line_2(t[p][0], t[p][1], t[p][2], u + p * side, 1);
    }
  }
}

/* where a group starts in U, and how many whole columns it has */
static size_t group_at(const ek_winograd_f32_args *a, size_t group, size_t *columns) {
  const size_t most = group_columns(a), first = group * most, left = a->c_out - first;
  *columns = whole_vectors(a, left < most ? left : most);
  return first * a->c_in * ek_winograd_f32_positions(a);
}

/* Positions lie a power of two apart, which no cache likes: a block is made in a row of its own, then copied. */
static void pack_panel(const ek_winograd_f32_args *a, const float *w, size_t column, size_t width, size_t position_step,
                       float *to) {
  const size_t side = side_of(a), positions = side * side;
  float block[EK_WINOGRAD_F32_MAX_POSITIONS][CHANNELS][BLOCK_COLUMNS];
  channels u[EK_WINOGRAD_F32_MAX_POSITIONS];
  for (size_t at = 0; at < a->c_in * width; at += CHANNELS * width) {
    const size_t c0 = at / width, n = a->c_in - c0 < CHANNELS ? a->c_in - c0 : CHANNELS;
    for (size_t j0 = 0; j0 < width; j0 += BLOCK_COLUMNS) {
      const size_t count = width - j0 < BLOCK_COLUMNS ? width - j0 : BLOCK_COLUMNS;
      for (size_t j = 0; j < count; ++j) {
        const int real = column + j0 + j < a->c_out;
        if (real) transform(side, w + (column + j0 + j) * 9 * a->c_in + c0, a->c_in, n, u);
        for (size_t p = 0; p < positions; ++p) {
          for (size_t c = 0; c < CHANNELS; ++c) block[p][c][j] = real ? (float)u[p][c] : 0.0f;
        }
      }
      for (size_t p = 0; p < positions; ++p) {
        for (size_t c = 0; c < n; ++c) {
          memcpy(to + p * position_step + (c0 + c) * width + j0, block[p][c], count * sizeof(float));
        }
      }
    }
  }
}

void ek_winograd_f32_pack(const ek_winograd_f32_args *a, const float *w, const float *bias, float *packed) {
  const size_t groups = ek_winograd_f32_groups(a), width = panel_width(a);
  for (size_t g = 0; g < groups; ++g) {
    size_t columns = 0;
    float *const to = packed + group_at(a, g, &columns);
    for (size_t at = 0; at < columns; at += width) {
      const size_t panel = columns - at < width ? columns - at : width;
      pack_panel(a, w, g * group_columns(a) + at, panel, columns * a->c_in, to + at * a->c_in);
    }
  }
  const size_t all = whole_vectors(a, a->c_out);
  float *const end = packed + all * a->c_in * ek_winograd_f32_positions(a);
  for (size_t i = 0; i < all; ++i) end[i] = bias && i < a->c_out ? bias[i] : 0.0f;
}

/* ---- run */

typedef struct place {
  size_t image, y, x; /* of the tile's first output */
} place;

static place place_of(const ek_winograd_f32_args *a, size_t t) {
  const size_t m = a->kernel->tile, across = tiles_over(a->ow, m), down = tiles_over(a->oh, m);
  return (place) { t / (across * down), t / across % down * m, t % across * m };
}

void ek_winograd_f32_input(const ek_winograd_f32_args *a, size_t t0, size_t t1, float *v, size_t v_step) {
  const float *from[EK_WINOGRAD_F32_MAX_POSITIONS];
  const size_t side = side_of(a);
  for (size_t t = t0; t < t1; ++t, v += a->c_in) {
    const place p = place_of(a, t);
    const ptrdiff_t y0 = (ptrdiff_t)p.y - a->pad_top, x0 = (ptrdiff_t)p.x - a->pad_left;
    for (size_t i = 0; i < side; ++i) {
      const ptrdiff_t y = y0 + (ptrdiff_t)i;
      const int line_inside = y >= 0 && y < (ptrdiff_t)a->ih;
      const float *const line = line_inside ? a->x + (p.image * a->ih + (size_t)y) * a->iw * a->c_in : a->zeros;
      for (size_t j = 0; j < side; ++j) {
        const ptrdiff_t x = x0 + (ptrdiff_t)j;
        const int inside = line_inside && x >= 0 && x < (ptrdiff_t)a->iw;
        from[i * side + j] = inside ? line + (size_t)x * a->c_in : a->zeros;
      }
    }
    a->kernel->input(from, a->c_in, v, v_step);
  }
}

/* M of one group: for each position the rows of V times the group's panels */
static void products(const ek_winograd_f32_args *a, size_t tiles, size_t columns, const float *u, const float *v,
                     size_t v_step, float *m, size_t m_step) {
  const float *rows[EK_GEMM_F32_MAX_ROWS];
  const size_t width = panel_width(a), positions = ek_winograd_f32_positions(a);
  for (size_t p = 0; p < positions; ++p, v += v_step, m += m_step) {
    for (size_t at = 0, panel = 0; at < columns; at += panel, u += panel * a->c_in) {
      panel = columns - at < width ? columns - at : width;
      const uint32_t nv = (uint32_t)(panel / a->gemm->lanes);
      ek_gemm_f32_call call = {
        .rows = rows, .taps = 1, .depth = a->c_in, .w = u, .ldc = columns, .nc = panel, .lo = -INFINITY, .hi = INFINITY
      };
      for (size_t t = 0; t < tiles;) {
        const size_t mr = ek_gemm_f32_next_rows(a->gemm, nv, tiles - t, &call.groups);
        for (size_t i = 0; i < mr; ++i) rows[i] = v + (t + i) * a->c_in;
        call.a_step = mr * a->c_in;
        call.c = m + t * columns + at;
        a->gemm->fn[nv - 1][mr - 1](&call);
        t += mr * call.groups;
      }
    }
  }
}

void ek_winograd_f32_output(const ek_winograd_f32_args *a, size_t t0, size_t t1, size_t g0, size_t g1, const float *v,
                            size_t v_step, float *m) {
  const size_t m_step = ek_winograd_f32_m_step(a, t1 - t0), tile = a->kernel->tile;
  const float *const bias = a->packed + whole_vectors(a, a->c_out) * a->c_in * ek_winograd_f32_positions(a);
  for (size_t g = g0; g < g1; ++g) {
    size_t columns = 0;
    const float *const u = a->packed + group_at(a, g, &columns);
    const size_t first = g * group_columns(a), left = a->c_out - first;
    products(a, t1 - t0, columns, u, v, v_step, m, m_step);
    ek_winograd_f32_result result = { .step = m_step,
                                      .bias = bias + first,
                                      .pixel = a->c_out,
                                      .line = a->ow * a->c_out,
                                      .nc = left < columns ? left : columns,
                                      .lo = a->lo,
                                      .hi = a->hi };
    for (size_t t = t0; t < t1; ++t) {
      const place p = place_of(a, t);
      const size_t at = ((p.image * a->oh + p.y) * a->ow + p.x) * a->c_out + first;
      result.m = m + (t - t0) * columns;
      result.y = a->y + at;
      result.residual = a->residual ? a->residual + at : NULL;
      result.rows = a->oh - p.y < tile ? a->oh - p.y : tile;
      result.columns = a->ow - p.x < tile ? a->ow - p.x : tile;
      a->kernel->output(&result);
    }
  }
}
