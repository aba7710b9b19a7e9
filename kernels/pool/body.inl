/* SPDX-License-Identifier: Apache-2.0
 * f32 pools for any vector word: per output pixel, four vectors of channels at a time over the clipped window. */
#include <math.h>

typedef struct window {
  const float *x;               /* first element inside */
  size_t rows, columns;         /* inside */
  size_t row_step, column_step; /* elements */
  float divisor;
} window;

VF_INLINE void store(const ek_pool_f32_args *a, const window *w, float *y, vf v, size_t n) {
  if (a->average) v = vf_div(v, vf_set1(w->divisor));
  v = vf_min(vf_set1(a->hi), vf_max(vf_set1(a->lo), v));
  if (n < VF_LANES) {
    vf_store_n(y, v, n);
  } else {
    vf_store(y, v);
  }
}

VF_INLINE void channels(const ek_pool_f32_args *a, const window *w, size_t c, float *y, const size_t V, size_t n,
                        const int average) {
  vf acc[4];
  for (size_t v = 0; v < V; ++v) acc[v] = average ? vf_zero() : vf_set1(-INFINITY); /* NaN is never the largest */
  for (size_t r = 0; r < w->rows; ++r) {
    for (size_t k = 0; k < w->columns; ++k) {
      const float *const x = w->x + r * w->row_step + k * w->column_step + c;
      for (size_t v = 0; v < V; ++v) {
        const vf e = n < VF_LANES ? vf_load_n(x + v * VF_LANES, n) : vf_load(x + v * VF_LANES);
        acc[v] = average ? vf_add(acc[v], e) : vf_max_number(acc[v], e);
      }
    }
  }
  for (size_t v = 0; v < V; ++v) store(a, w, y + c + v * VF_LANES, acc[v], n);
}

VF_INLINE void pixel(const ek_pool_f32_args *a, const window *w, float *y, const int average) {
  size_t c = 0;
  for (; c + 4 * VF_LANES <= a->c; c += 4 * VF_LANES) channels(a, w, c, y, 4, VF_LANES, average);
  for (; c + VF_LANES <= a->c; c += VF_LANES) channels(a, w, c, y, 1, VF_LANES, average);
  if (c < a->c) channels(a, w, c, y, 1, a->c - c, average);
}

static void clip(ptrdiff_t start, size_t kernel, size_t step, size_t limit, size_t *first, size_t *count) {
  size_t k0 = 0, k1 = kernel;
  while (k0 < k1 && start + (ptrdiff_t)(k0 * step) < 0) ++k0;
  while (k1 > k0 && start + (ptrdiff_t)((k1 - 1) * step) >= (ptrdiff_t)limit) --k1;
  *count = k1 - k0;
  *first = *count ? (size_t)(start + (ptrdiff_t)(k0 * step)) : 0;
}

static void pixels(const ek_pool_f32_args *a, size_t p0, size_t p1) {
  for (size_t p = p0; p < p1; ++p) {
    const size_t ox = p % a->ow, oy = p / a->ow % a->oh, n = p / (a->ow * a->oh);
    window w = { .row_step = a->dh * a->iw * a->c, .column_step = a->dw * a->c };
    size_t iy = 0, ix = 0;
    clip((ptrdiff_t)(oy * a->sh) - a->pad_top, a->kh, a->dh, a->ih, &iy, &w.rows);
    clip((ptrdiff_t)(ox * a->sw) - a->pad_left, a->kw, a->dw, a->iw, &ix, &w.columns);
    w.x = a->x + ((n * a->ih + iy) * a->iw + ix) * a->c;
    const size_t inside = w.rows * w.columns;
    w.divisor = (float)(a->whole_window ? a->kh * a->kw : inside ? inside : 1);
    if (a->average) {
      pixel(a, &w, a->y + p * a->c, 1);
    } else {
      pixel(a, &w, a->y + p * a->c, 0);
    }
  }
}
