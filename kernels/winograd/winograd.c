/* SPDX-License-Identifier: Apache-2.0
 * Winograd convolution: choice, weights, and the loops around transforms and products. */
#include "winograd.h"

#include "../move/transpose.h"
#include <math.h>
#include <string.h>

enum {
  GROUP_COLUMNS = 64, /* of M: several narrow panels share what they read of V while it is in L1 */
  LINE_FLOATS = 16,   /* keeps positions from falling into one cache set */
  DEPTH = 16,         /* of U, a multiple of it */
  PACK_ROWS = 8       /* filters that are transformed at once where that is stored */
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

/* floats that so many filter values take, as they are packed */
static size_t room_of(const ek_winograd_f32_args *a, size_t values) {
  return a->half ? (values + 1) / 2 : values;
}

/* value i of filters packed as they are */
static const float *value_at(const ek_winograd_f32_args *a, const float *w, size_t i) {
  return (const float *)(const void *)((const char *)w + i * (a->half ? sizeof(uint16_t) : sizeof(float)));
}

/* floats of the filters as packed: as they are, or transformed */
static size_t filter_floats(const ek_winograd_f32_args *a) {
  const size_t blocks = a->stored ? (a->c_in + a->depth - 1) / a->depth : 0;
  return a->stored ? ek_winograd_f32_groups(a) * blocks * ek_winograd_f32_u_step(a) * ek_winograd_f32_positions(a)
                   : room_of(a, whole_vectors(a, a->c_out) * 9 * a->c_in);
}

uint64_t ek_winograd_f32_packed_bytes(const ek_winograd_f32_args *a) {
  return ((uint64_t)filter_floats(a) + whole_vectors(a, a->c_out)) * sizeof(float);
}

size_t ek_winograd_f32_v_step(const ek_winograd_f32_args *a, size_t tiles) {
  return (tiles * a->c_in + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS + LINE_FLOATS;
}

size_t ek_winograd_f32_m_step(const ek_winograd_f32_args *a, size_t tiles) {
  const size_t columns = group_columns(a);
  const size_t used = whole_vectors(a, a->c_out < columns ? a->c_out : columns);
  return (tiles * used + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS + LINE_FLOATS;
}

size_t ek_winograd_f32_depth(const ek_winograd_f32_args *a, uint64_t l2_bytes) {
  const size_t columns = whole_vectors(a, a->c_out < group_columns(a) ? a->c_out : group_columns(a));
  size_t most = (size_t)(l2_bytes / 3 / (ek_winograd_f32_positions(a) * columns * sizeof(float)));
  most = most < DEPTH ? DEPTH : most / DEPTH * DEPTH;
  const size_t blocks = (a->c_in + most - 1) / most;
  return ((a->c_in + blocks - 1) / blocks + DEPTH - 1) / DEPTH * DEPTH;
}

size_t ek_winograd_f32_blocks(const ek_winograd_f32_args *a, uint64_t l2_bytes) {
  const uint64_t eight = ek_winograd_f32_v_step(a, 8) + ek_winograd_f32_m_step(a, 8);
  const uint64_t bytes = ek_winograd_f32_tiles(a) * eight / 8 * ek_winograd_f32_positions(a) * sizeof(float);
  return (size_t)(bytes / (2 * l2_bytes)) + 1;
}

size_t ek_winograd_f32_u_step(const ek_winograd_f32_args *a) {
  const size_t columns = whole_vectors(a, a->c_out < group_columns(a) ? a->c_out : group_columns(a));
  return (a->depth * columns + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS + LINE_FLOATS;
}

bool ek_winograd_f32_stores(const ek_winograd_f32_args *a) {
  enum { TILES = 16, BYTES = 640 * 1024 };
  const uint64_t values = (uint64_t)whole_vectors(a, a->c_out) * a->c_in * ek_winograd_f32_positions(a);
  return ek_winograd_f32_tiles(a) <= TILES && values * sizeof(float) <= BYTES;
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
  const double filters = (double)(whole_vectors(a, a->c_out) / a->kernel->lanes) * (double)a->c_in;
  const double weights = ek_winograd_f32_stores(a)
                             ? 0.0
                             : filters * a->kernel->weight_cycles * (double)ek_winograd_f32_blocks(a, l2_bytes);
  const double bytes = (double)ek_winograd_f32_packed_bytes(a),
               stream = bytes > (double)l2_bytes ? bytes / STREAM : 0.0;
  const double depth = (double)a->c_in / ((double)a->c_in + 8.0); /* sums start, are stored and read again */
  const double work = products / depth + weights;
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

/* where a group starts in W, and how many whole columns it has */
static size_t group_at(const ek_winograd_f32_args *a, size_t group, size_t *columns) {
  const size_t most = group_columns(a), first = group * most, left = a->c_out - first;
  *columns = whole_vectors(a, left < most ? left : most);
  return a->stored ? filter_floats(a) / ek_winograd_f32_groups(a) * group : room_of(a, first * a->c_in * 9);
}

/* `count` channels of a group's filters, the first of which is row k of a block of U of `depth` channels */
static void transform(const ek_winograd_f32_args *a, size_t columns, size_t k, size_t count, size_t depth,
                      const float *w, float *u, size_t u_step) {
  const size_t width = panel_width(a);
  for (size_t at = 0; at < columns; at += width) {
    const size_t part_width = columns - at < width ? columns - at : width;
    const ek_winograd_f32_weights part = { .w = w + at,
                                           .half = a->half ? (const uint16_t *)(const void *)w + at : NULL,
                                           .columns = columns,
                                           .width = part_width,
                                           .depth = count,
                                           .u = u + at * depth + k * part_width,
                                           .step = u_step };
    a->kernel->weights(&part);
  }
}

/* [channels k0 ..)[9][columns] of the columns from `first` on */
static void pack_rows(const ek_winograd_f32_args *a, const float *w, size_t first, size_t columns, size_t k0,
                      size_t count, float *to) {
  enum { TAPS = 9 };
  const size_t left = a->c_out - first, real = left < columns ? left : columns, filter = TAPS * a->c_in;
  for (size_t t = 0; t < TAPS; ++t)
    ek_transpose_words(w + first * filter + t * a->c_in + k0, filter * sizeof(float), count, real, to + t * columns,
                       TAPS * columns * sizeof(float));
  for (size_t k = 0; k < TAPS * count && real < columns; ++k)
    for (size_t j = real; j < columns; ++j) to[k * columns + j] = 0.0f;
}

/* the same of f16, all channels */
static void pack_half(const ek_winograd_f32_args *a, const uint16_t *w, size_t first, size_t columns, uint16_t *to) {
  for (size_t k = 0; k < a->c_in; ++k)
    for (size_t t = 0; t < 9; ++t)
      for (size_t j = 0; j < columns; ++j, ++to)
        *to = first + j < a->c_out ? w[((first + j) * 9 + t) * a->c_in + k] : 0;
}

/* the same, transformed, a few channels at a time */
static void pack_transformed(const ek_winograd_f32_args *a, const float *w, size_t first, size_t columns, float *u) {
  float rows[PACK_ROWS * 9 * GROUP_COLUMNS];
  const size_t step = ek_winograd_f32_u_step(a), positions = ek_winograd_f32_positions(a);
  for (size_t k0 = 0; k0 < a->c_in; k0 += a->depth, u += step * positions) {
    const size_t depth = a->c_in - k0 < a->depth ? a->c_in - k0 : a->depth;
    for (size_t k = 0; k < depth; k += PACK_ROWS) {
      const size_t count = depth - k < PACK_ROWS ? depth - k : PACK_ROWS;
      pack_rows(a, w, first, columns, k0 + k, count, rows);
      transform(a, columns, k, count, depth, rows, u, step);
    }
  }
}

void ek_winograd_f32_pack(const ek_winograd_f32_args *a, const void *w, const float *bias, float *packed) {
  const size_t groups = ek_winograd_f32_groups(a), all = whole_vectors(a, a->c_out), filters = filter_floats(a);
  if (a->stored) memset(packed, 0, filters * sizeof(float)); /* between positions, too: always the same file */
  for (size_t g = 0; g < groups; ++g) {
    size_t columns = 0;
    float *const to = packed + group_at(a, g, &columns);
    if (a->half) {
      pack_half(a, w, g * group_columns(a), columns, (uint16_t *)(void *)to);
    } else if (a->stored) {
      pack_transformed(a, w, g * group_columns(a), columns, to);
    } else {
      pack_rows(a, w, g * group_columns(a), columns, 0, a->c_in, to);
    }
  }
  float *const end = packed + filters;
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

size_t ek_winograd_f32_strip_at(const ek_winograd_f32_args *a, size_t t0, size_t t1, ek_winograd_f32_strip *out) {
  const size_t m = a->kernel->tile, across = tiles_over(a->ow, m), line_end = t0 - t0 % across + across;
  const size_t end = t1 < line_end ? t1 : line_end;
  const place p = place_of(a, t0);
  const size_t last = end == line_end ? a->ow : p.x + (end - t0) * m;
  *out = (ek_winograd_f32_strip) { .pixel = (p.image * a->oh + p.y) * a->ow + p.x,
                                   .pixels = last - p.x,
                                   .lines = a->oh - p.y < m ? a->oh - p.y : m };
  return end;
}

size_t ek_winograd_f32_column(const ek_winograd_f32_args *a, size_t group) {
  const size_t column = group * group_columns(a);
  return column < a->c_out ? column : a->c_out;
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

/* M of one group from `depth` channels: for each position the rows of V times the group's panels; to what is there if
 * more. */
static void products(const ek_winograd_f32_args *a, size_t tiles, size_t columns, size_t depth, bool more,
                     const float *u, size_t u_step, const float *v, size_t v_step, float *m, size_t m_step,
                     const float *ahead, size_t lines) {
  const float *rows[EK_GEMM_F32_MAX_ROWS];
  const size_t width = panel_width(a), positions = ek_winograd_f32_positions(a);
  ek_gemm_f32_call call = { .rows = rows,
                            .taps = 1,
                            .depth = depth,
                            .ahead = ahead,
                            .ahead_lines = lines,
                            .ldc = columns,
                            .ldr = columns,
                            .lo = -INFINITY,
                            .hi = INFINITY };
  for (size_t p = 0; p < positions; ++p, u += u_step, v += v_step, m += m_step) {
    for (size_t at = 0; at < columns; at += width) {
      call.nc = columns - at < width ? columns - at : width;
      call.w = u + at * depth;
      const uint32_t nv = (uint32_t)(call.nc / a->gemm->lanes);
      for (size_t t = 0; t < tiles;) {
        const size_t mr = ek_gemm_f32_next_rows(a->gemm, nv, tiles - t, &call.groups);
        for (size_t i = 0; i < mr; ++i) rows[i] = v + (t + i) * a->c_in;
        call.a_step = mr * a->c_in;
        call.c = m + t * columns + at;
        call.residual = more ? call.c : NULL;
        a->gemm->fn[nv - 1][mr - 1](&call);
        ek_gemm_f32_fetched(&call);
        t += mr * call.groups;
      }
    }
  }
}

void ek_winograd_f32_output(const ek_winograd_f32_args *a, size_t t0, size_t t1, size_t g0, size_t g1, const float *v,
                            size_t v_step, float *m, float *u) {
  const size_t m_step = ek_winograd_f32_m_step(a, t1 - t0), tile = a->kernel->tile;
  const size_t u_step = ek_winograd_f32_u_step(a);
  const float *const bias = a->packed + filter_floats(a);
  for (size_t g = g0; g < g1; ++g) {
    size_t columns = 0;
    const float *w = a->packed + group_at(a, g, &columns);
    const size_t first = g * group_columns(a), left = a->c_out - first;
    for (size_t k = 0, depth = 0; k < a->c_in; k += depth) {
      depth = a->c_in - k < a->depth ? a->c_in - k : a->depth;
      const size_t block = a->stored ? u_step * ek_winograd_f32_positions(a) : room_of(a, a->depth * 9 * columns);
      const float *const next =
          a->stored ? w + block : value_at(a, w, depth * 9 * columns); /* maybe of another group */
      const size_t more = (size_t)(bias - next);
      if (!a->stored) transform(a, columns, 0, depth, depth, w, u, u_step);
      products(a, t1 - t0, columns, depth, k > 0, a->stored ? w : u, u_step, v + k, v_step, m, m_step, next,
               (more < block ? more : block) / LINE_FLOATS);
      w = next;
    }
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
