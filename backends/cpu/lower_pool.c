/* SPDX-License-Identifier: Apache-2.0
 * f32 MaxPool and AveragePool. */
#include "cpu.h"
#include "kernels/pool/pool.h"

typedef struct pool_arg {
  ek_pool_f32_args pool;
  ek_pool_f32_fn fn;
  size_t pixels, tile;
} pool_arg;

static edge_status pool_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const pool_arg *const a = arg;
  const size_t p0 = tile * a->tile, p1 = p0 + a->tile < a->pixels ? p0 + a->tile : a->pixels;
  a->fn(&a->pool, p0, p1);
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_pool_f32(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const ty = eb_cpu_tensor(plan, y);
  const bool average = eb_cpu_is_op(plan, node, "AveragePool");
  eb_cpu_window win;
  float lo, hi;
  if (tx->dtype != EDGE_DTYPE_F32 || ty->dtype != EDGE_DTYPE_F32 || eb_cpu_output(plan, node, 1) != EDGE_NO_VALUE ||
      !eb_cpu_window_of(plan, node, tx, NULL, ty, &win) || win.ic != win.oc || eb_cpu_elements(ty) == 0 ||
      !eb_cpu_clamp(plan, node, &lo, &hi)) {
    return EB_CPU_PASS;
  }
  const bool whole = average && eb_cpu_int(plan, node, "count_include_pad") != 0;
  if (whole && eb_cpu_int(plan, node, "ceil_mode") != 0) return EB_CPU_PASS; /* windows may leave the padding */
  const ek_pool_f32_kernel *const kernel =
      ek_pool_f32_select(eb_cpu_features(plan), eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE ? EK_EXACT : 0);
  const size_t pixels = (size_t)(win.n * win.oh * win.ow);
  const double work_us = 0.05 + (double)pixels * (double)win.ic * (double)(win.kh * win.kw) * 4.0 / 80e3;
  const size_t want = eb_cpu_tiles(plan, work_us, pixels), tile = (pixels + want - 1) / want;
  pool_arg *const a = eb_cpu_step(plan, node, pool_tile, sizeof *a, (uint32_t)((pixels + tile - 1) / tile), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = (pool_arg) { .fn = kernel->fn, .pixels = pixels, .tile = tile };
  a->pool = (ek_pool_f32_args) {
    .batch = (size_t)win.n,
    .ih = (size_t)win.ih,
    .iw = (size_t)win.iw,
    .oh = (size_t)win.oh,
    .ow = (size_t)win.ow,
    .c = (size_t)win.ic,
    .kh = (size_t)win.kh,
    .kw = (size_t)win.kw,
    .sh = (size_t)win.sh,
    .sw = (size_t)win.sw,
    .dh = (size_t)win.dh,
    .dw = (size_t)win.dw,
    .pad_top = (ptrdiff_t)win.pad_top,
    .pad_left = (ptrdiff_t)win.pad_left,
    .average = average,
    .whole_window = whole,
    .lo = lo,
    .hi = hi,
  };
  eb_cpu_slot(plan, &a->pool.x, eb_cpu_value(plan, x));
  eb_cpu_slot(plan, &a->pool.y, eb_cpu_value(plan, y));
  eb_cpu_note(plan, node, kernel->name, average ? "average" : "maximum");
  return EDGE_STATUS_OK;
}
