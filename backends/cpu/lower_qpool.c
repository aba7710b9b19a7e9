/* SPDX-License-Identifier: Apache-2.0
 * 8-bit MaxPool and AveragePool: in units of the input; another output scale goes through a table of the reference. */
#include "quant.h"
#include "kernels/qlut/qlut.h"
#include "kernels/qpool/qpool.h"

#include <math.h>

enum { MOST_TAPS = 1024 };

typedef struct pool_arg {
  eb_cpu_window v;
  int64_t pad_bottom, pad_right; /* count_include_pad: the padded size counts */
  const uint8_t *x;
  uint8_t *y;
  ek_qpool_fn fn;
  ek_qlut_fn map; /* NULL: none */
  int32_t zero;
  bool is_signed, include_pad, is_max;
  int32_t lo, hi;
  uint32_t rows; /* output rows (of all images) in a tile */
  uint8_t table[256];
} pool_arg;

static int64_t padded(int64_t at, int64_t limit, int64_t step, int64_t kernel) {
  const int64_t room = limit - at, inside = room <= 0 ? 0 : (room + step - 1) / step;
  return inside < kernel ? inside : kernel;
}

/* Pointers to the taps of one output pixel that lie in the image. */
static uint32_t aim(const pool_arg *k, int64_t image, int64_t iy, int64_t ix, const uint8_t **p) {
  const eb_cpu_window *const v = &k->v;
  uint32_t taps = 0;
  for (int64_t ky = 0; ky < v->kh; ++ky) {
    const int64_t yy = iy + ky * v->dh;
    for (int64_t kx = 0; yy >= 0 && yy < v->ih && kx < v->kw; ++kx) {
      const int64_t xx = ix + kx * v->dw;
      if (xx >= 0 && xx < v->iw) p[taps++] = k->x + ((image * v->ih + yy) * v->iw + xx) * v->ic;
    }
  }
  return taps;
}

static void one_row(const pool_arg *k, int64_t image, int64_t oy, uint8_t *y) {
  const eb_cpu_window *const v = &k->v;
  const uint8_t *p[MOST_TAPS];
  const int64_t iy = oy * v->sh - v->pad_top, reach = (v->kw - 1) * v->dw;
  const size_t n = (size_t)v->ic, step = (size_t)(v->sw * v->ic);
  bool inner = false; /* p is that of the pixel before, all its columns in the image */
  uint32_t taps = 0;
  for (int64_t ox = 0; ox < v->ow; ++ox, y += n) {
    const int64_t ix = ox * v->sw - v->pad_left;
    const bool inside = ix >= 0 && ix + reach < v->iw;
    if (inside && inner) {
      for (uint32_t t = 0; t < taps; ++t) p[t] += step;
    } else {
      taps = aim(k, image, iy, ix, p);
    }
    inner = inside;
    ek_qpool_call call = { p, taps, (uint32_t)n, k->is_signed, k->lo, k->hi, 0, taps, y };
    if (k->include_pad) {
      const int64_t count =
          padded(iy, v->ih + k->pad_bottom, v->dh, v->kh) * padded(ix, v->iw + k->pad_right, v->dw, v->kw);
      call.count = (uint32_t)count;
      call.extra = (int32_t)(count - taps) * k->zero;
    }
    if (taps == 0)
      memset(y, (k->is_max ? k->lo : k->zero) & 255, n);
    else
      k->fn(&call);
  }
}

static edge_status pool_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const pool_arg *const k = arg;
  const int64_t all = k->v.n * k->v.oh, from = (int64_t)tile * k->rows;
  (void)worker;
  for (int64_t r = from; r < all && r < from + k->rows; ++r) {
    uint8_t *const y = k->y + r * k->v.ow * k->v.ic;
    one_row(k, r / k->v.oh, r % k->v.oh, y);
    if (k->map) k->map((size_t)(k->v.ow * k->v.ic), y, k->table, y);
  }
  return EDGE_STATUS_OK;
}

/* What the operator makes of a window that holds one value: its requantization and activation. */
static bool fill_table(eb_cpu_plan *plan, uint32_t node, const edge_tensor *x, const edge_tensor *y, uint8_t *table) {
  eb_cpu_q qx, qy;
  float act_lo, act_hi;
  int32_t lo, hi;
  if (!eb_cpu_q8(x, &qx) || !eb_cpu_q8(y, &qy) || !eb_cpu_clamp(plan, node, &act_lo, &act_hi)) return false;
  if (!eb_cpu_q_clamp(plan, node, &qy, &lo, &hi)) return false;
  for (int i = 0; i < 256; ++i) {
    const int32_t q = qx.is_signed && i > 127 ? i - 256 : i;
    double real = (q - qx.zero) * (double)qx.scale;
    real = real < (double)act_lo ? (double)act_lo : real > (double)act_hi ? (double)act_hi : real;
    double r = rint(real / (double)qy.scale) + qy.zero;
    r = r < lo ? lo : r > hi ? hi : r;
    table[i] = (uint8_t)((int32_t)r & 255);
  }
  return true;
}

edge_status eb_cpu_lower_qpool(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t vx = eb_cpu_input(plan, node, 0), vy = eb_cpu_output(plan, node, 0);
  const edge_tensor *const x = eb_cpu_tensor(plan, vx), *const y = eb_cpu_tensor(plan, vy);
  const ek_qpool_desc *const row = ek_qpool_select(eb_cpu_features(plan));
  pool_arg k = { .is_max = eb_cpu_is_op(plan, node, "MaxPool") };
  eb_cpu_q qx, qy;
  if (!eb_cpu_q8(x, &qx) || !eb_cpu_q8(y, &qy) || qx.is_signed != qy.is_signed) return EB_CPU_PASS;
  if (eb_cpu_output(plan, node, 1) != EDGE_NO_VALUE || eb_cpu_elements(y) == 0) return EB_CPU_PASS;
  if (!eb_cpu_window_of(plan, node, x, NULL, y, &k.v) || k.v.kh * k.v.kw > MOST_TAPS) return EB_CPU_PASS;
  if (k.v.ic > INT32_MAX || !eb_cpu_q_clamp(plan, node, &qy, &k.lo, &k.hi)) return EB_CPU_PASS;
  const bool same = qx.scale == qy.scale && qx.zero == qy.zero;
  if (!same) {
    if (!fill_table(plan, node, x, y, k.table)) return EB_CPU_PASS;
    k.map = ek_qlut_select(eb_cpu_features(plan))->fn;
    k.lo = qx.is_signed ? -128 : 0;
    k.hi = k.lo + 255;
  }
  k.fn = k.is_max ? row->max : row->mean;
  k.zero = qx.zero;
  k.is_signed = qx.is_signed;
  k.include_pad = !k.is_max && eb_cpu_int(plan, node, "count_include_pad") != 0;
  if (k.include_pad) {
    int64_t pads[4] = { 0 };
    const uint32_t n = eb_cpu_ints(plan, node, "pads", pads, 4);
    if (eb_cpu_int(plan, node, "auto_pad") != 0 || (n != 0 && n != 2 * (uint32_t)(x->rank - 2))) return EB_CPU_PASS;
    k.pad_bottom = x->rank == 4 ? pads[2] : 0;
    k.pad_right = x->rank == 4 ? pads[3] : pads[1];
  }
  const double us = 0.1 + (double)eb_cpu_elements(y) * (double)(k.v.kh * k.v.kw) / 15e3;
  const uint64_t rows = (uint64_t)(k.v.n * k.v.oh);
  const uint32_t want = eb_cpu_tiles(plan, us, rows);
  k.rows = (uint32_t)((rows + want - 1) / want);
  pool_arg *const arg = eb_cpu_step(plan, node, pool_tile, sizeof k, (uint32_t)((rows + k.rows - 1) / k.rows), us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = k;
  eb_cpu_slot(plan, &arg->x, eb_cpu_value(plan, vx));
  eb_cpu_slot(plan, &arg->y, eb_cpu_value(plan, vy));
  eb_cpu_note(plan, node, row->name, same ? "8-bit" : "8-bit, then a table to the output's scale");
  return EDGE_STATUS_OK;
}

/* ---- ReduceMean and ReduceSum over one run of dimensions: [outer][gone][inner] */

typedef struct reduce_arg {
  ek_qmean_args p;
  const ek_qpool_desc *row;
  const uint8_t *x;
  uint8_t *y;
  uint64_t outer, gone, inner, per_tile;
  uint32_t is_signed;
} reduce_arg;

enum { CHUNK = 512 };

/* Short rows: several side by side, then their sums together. */
static void reduce_short(const reduce_arg *k, uint64_t o) {
  int32_t wide[CHUNK] = { 0 }, sums[CHUNK] = { 0 };
  const size_t n = (size_t)k->inner, together = CHUNK / n, rows = (size_t)k->gone / together * together;
  const uint8_t *const x = k->x + o * k->gone * k->inner;
  k->row->sum(x, rows / together, together * n, together * n, k->is_signed, wide);
  k->row->sum(x + rows * n, (size_t)k->gone - rows, n, n, k->is_signed, sums);
  for (size_t j = 0; j < together; ++j) {
    for (size_t i = 0; i < n; ++i) sums[i] += wide[j * n + i];
  }
  k->row->finish(&k->p, n, sums, k->y + o * n);
}

static edge_status reduce_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const reduce_arg *const k = arg;
  (void)worker;
  const uint64_t from = tile * k->per_tile, end = k->outer - from < k->per_tile ? k->outer : from + k->per_tile;
  for (uint64_t o = from; o < end; ++o) {
    if (k->inner <= CHUNK / 4 && k->gone >= CHUNK / 8) {
      reduce_short(k, o);
      continue;
    }
    for (uint64_t c = 0; c < k->inner; c += CHUNK) {
      int32_t sums[CHUNK] = { 0 };
      const size_t n = (size_t)(k->inner - c < CHUNK ? k->inner - c : CHUNK);
      k->row->sum(k->x + o * k->gone * k->inner + c, (size_t)k->gone, (size_t)k->inner, n, k->is_signed, sums);
      k->row->finish(&k->p, n, sums, k->y + o * k->inner + c);
    }
  }
  return EDGE_STATUS_OK;
}

/* Axes from input 1: constant, and next to each other once dimensions of 1 are ignored. */
static bool split_axes(eb_cpu_plan *plan, uint32_t node, const edge_tensor *x, reduce_arg *k) {
  const edge_tensor *const a = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  bool gone[EDGE_MAX_RANK] = { false };
  uint64_t n = 0;
  if (a->dtype != EDGE_DTYPE_NONE) {
    n = eb_cpu_elements(a);
    if (n != 0 && a->data == NULL) return false;
    for (uint64_t i = 0; i < n; ++i) {
      int64_t axis;
      if (a->dtype == EDGE_DTYPE_S64)
        axis = ((const int64_t *)a->data)[i];
      else if (a->dtype == EDGE_DTYPE_S32)
        axis = ((const int32_t *)a->data)[i];
      else
        return false;
      if (axis < 0) axis += x->rank;
      if (axis < 0 || axis >= x->rank) return false;
      gone[axis] = true;
    }
  }
  if (n == 0) {
    if (eb_cpu_int(plan, node, "noop_empty")) return false;
    memset(gone, 1, sizeof gone);
  }
  int stage = 0;
  k->outer = k->gone = k->inner = 1;
  for (int32_t i = 0; i < x->rank; ++i) {
    const uint64_t d = (uint64_t)x->dims[i];
    if (d == 1) continue;
    if (gone[i]) {
      if (stage == 2) return false;
      stage = 1;
      k->gone *= d;
    } else {
      if (stage == 1) stage = 2;
      if (stage == 0)
        k->outer *= d;
      else
        k->inner *= d;
    }
  }
  return true;
}

edge_status eb_cpu_lower_qreduce(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t vx = eb_cpu_input(plan, node, 0), vy = eb_cpu_output(plan, node, 0);
  const edge_tensor *const x = eb_cpu_tensor(plan, vx), *const y = eb_cpu_tensor(plan, vy);
  eb_cpu_q qx, qy;
  reduce_arg k = { .row = ek_qpool_select(eb_cpu_features(plan)) };
  if (!eb_cpu_q8(x, &qx) || !eb_cpu_q8(y, &qy) || eb_cpu_elements(y) == 0 || !split_axes(plan, node, x, &k))
    return EB_CPU_PASS;
  if (k.gone == 0 || k.gone > 1u << 22) return EB_CPU_PASS; /* sums and zero points stay below 2^31 */
  k.is_signed = qx.is_signed;
  k.p = (ek_qmean_args) { -qx.zero * (int32_t)k.gone,
                          (double)qx.scale,
                          eb_cpu_is_op(plan, node, "ReduceMean") ? (double)k.gone : 1.0,
                          qy.scale,
                          qy.zero,
                          qy.is_signed };
  const double us = 0.1 + (double)eb_cpu_elements(x) / 15e3;
  const uint32_t want = eb_cpu_tiles(plan, us, k.outer);
  k.per_tile = (k.outer + want - 1) / want;
  reduce_arg *const arg =
      eb_cpu_step(plan, node, reduce_tile, sizeof k, (uint32_t)((k.outer + k.per_tile - 1) / k.per_tile), us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = k;
  eb_cpu_slot(plan, &arg->x, eb_cpu_value(plan, vx));
  eb_cpu_slot(plan, &arg->y, eb_cpu_value(plan, vy));
  eb_cpu_note(plan, node, k.row->name, "8-bit, exact sums");
  return EDGE_STATUS_OK;
}
