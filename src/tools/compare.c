/* SPDX-License-Identifier: Apache-2.0
 * Comparing tensors value by value, whatever their layout and quantization. */
#include "compare.h"

#include "../ops/op.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PERMUTED = 5, MAX_WORK = 1 << 26 };

/* Where an element of a stands in b: its index for each dimension of a, times what a step there means in b. */
typedef struct matching {
  int32_t rank;
  int64_t dims[EDGE_MAX_RANK];
  uint64_t step[EDGE_MAX_RANK];
} matching;

/* Walks over a in C order, with the index in b. */
typedef struct walk {
  const matching *m;
  int64_t at[EDGE_MAX_RANK];
  uint64_t other;
} walk;

static void advance(walk *w) {
  for (int32_t d = w->m->rank - 1; d >= 0; --d) {
    w->other += w->m->step[d];
    if (++w->at[d] < w->m->dims[d]) return;
    w->other -= w->m->step[d] * (uint64_t)w->m->dims[d];
    w->at[d] = 0;
  }
}

/* Shapes without their dimensions of 1. */
static bool same_shape(const edge_tensor *a, const edge_tensor *b) {
  int32_t i = 0, k = 0;
  for (;;) {
    while (i < a->rank && a->dims[i] == 1) ++i;
    while (k < b->rank && b->dims[k] == 1) ++k;
    if (i >= a->rank || k >= b->rank) return i >= a->rank && k >= b->rank;
    if (a->dims[i++] != b->dims[k++]) return false;
  }
}

/* Order number `which` of n dimensions: 0 is the same one, 1 and 2 move the channels, then all the others. */
static bool permutation(int32_t n, uint32_t which, int32_t out[EDGE_MAX_RANK]) {
  bool used[EDGE_MAX_RANK] = { false };
  uint32_t count = 1;
  for (int32_t i = 2; i <= n; ++i) count *= (uint32_t)i;
  if (which < 3) {
    for (int32_t i = 0; i < n; ++i) out[i] = i;
    for (int32_t i = 1; which == 1 && i < n; ++i) out[i] = i + 1 < n ? i + 1 : 1;
    for (int32_t i = 1; which == 2 && i < n; ++i) out[i] = i == 1 ? n - 1 : i - 1;
    return which == 0 || n >= 3;
  }
  which -= 3;
  if (which >= count) return false;
  for (int32_t i = 0; i < n; ++i) {
    count /= (uint32_t)(n - i);
    uint32_t skip = which / count;
    which %= count;
    int32_t d = 0;
    for (; used[d] || skip; ++d) skip -= !used[d];
    used[d] = true;
    out[i] = d;
  }
  return true;
}

/* b's dimension k is a's dimension order[k]. */
static bool match(const edge_tensor *a, const edge_tensor *b, uint32_t which, matching *m) {
  int32_t order[EDGE_MAX_RANK];
  uint64_t step = 1, n = 0;
  memset(m, 0, sizeof *m);
  if (which == 0 && same_shape(a, b)) {
    (void)!edge_tensor_elements(a, &n);
    m->rank = 1;
    m->dims[0] = (int64_t)n;
    m->step[0] = 1;
    return true;
  }
  if (which == 0 || a->rank != b->rank || a->rank > MAX_PERMUTED || !permutation(a->rank, which, order)) return false;
  m->rank = a->rank;
  memcpy(m->dims, a->dims, sizeof m->dims);
  for (int32_t k = b->rank - 1; k >= 0; --k) {
    if (b->dims[k] != a->dims[order[k]]) return false;
    m->step[order[k]] = step;
    step *= (uint64_t)b->dims[k];
  }
  return true;
}

/* How many orders of dimensions are tried. */
static uint32_t orders(const edge_tensor *a) {
  uint32_t n = 1;
  for (int32_t i = 2; i <= a->rank && i <= MAX_PERMUTED; ++i) n *= (uint32_t)i;
  return n + 3;
}

static bool quantized(const edge_tensor *t) {
  return ei_is_quant_value(t);
}

static double load(const edge_tensor *t, uint64_t i, bool steps) {
  return !steps && quantized(t) ? (double)ei_load_real(t, i) : ei_load_f64(t, i);
}

static double largest_scale(const edge_tensor *t) {
  double most = 0.0;
  for (uint32_t i = 0; quantized(t) && i < t->quant.count; ++i)
    if ((double)t->quant.scales[i] > most) most = (double)t->quant.scales[i];
  return most;
}

static void note(departure *d, uint64_t i, double x, double y, double allowed) {
  const double gap = isnan(x) || isnan(y) ? INFINITY : fabs(x - y);
  const double relative = y != 0.0 ? gap / fabs(y) : INFINITY;
  const double excess = allowed > 0.0 ? gap / allowed : gap > 0.0 ? INFINITY : 0.0;
  if (!(gap <= d->max_abs)) d->max_abs = gap;
  if (!(relative <= d->max_rel)) d->max_rel = relative;
  if (excess > 1.0) d->beyond++;
  if (excess > d->excess) {
    d->excess = excess;
    d->where = i;
    d->a = x;
    d->b = y;
  }
}

static void compare_as(const edge_tensor *a, const edge_tensor *b, const matching *m, const tolerance *t,
                       departure *d) {
  const bool steps = a->dtype == b->dtype && (quantized(a) || quantized(b));
  const double scale = fmax(largest_scale(a), largest_scale(b));
  double dot = 0, aa = 0, bb = 0, most = 1.0;
  memset(d, 0, sizeof *d);
  (void)!edge_tensor_elements(a, &d->count);
  d->steps = steps;
  for (uint64_t i = 0; !steps && i < d->count; ++i) {
    const double y = fabs(load(b, i, false));
    if (isfinite(y) && y > most) most = y;
  }
  d->most = most;
  walk w = { .m = m };
  for (uint64_t i = 0; i < d->count; ++i, advance(&w)) {
    const double x = load(a, i, steps), y = load(b, w.other, steps);
    if (isfinite(x) && isfinite(y)) dot += x * y, aa += x * x, bb += y * y;
    if ((isnan(x) && isnan(y)) || x == y) continue;
    note(d, i, x, y, steps ? t->steps : t->atol * most + t->rtol * fabs(y) + t->steps * scale);
  }
  d->cosine = aa > 0 && bb > 0 ? dot / sqrt(aa * bb) : aa == bb ? 1.0 : 0.0;
}

bool tool_compare(const edge_tensor *a, const edge_tensor *b, const tolerance *t, departure *d) {
  uint64_t na = 0, nb = 0;
  bool any = false;
  memset(d, 0, sizeof *d);
  d->excess = INFINITY;
  d->shapes_differ = true;
  if (edge_tensor_elements(a, &na) != EDGE_STATUS_OK || edge_tensor_elements(b, &nb) != EDGE_STATUS_OK || na != nb)
    return false;
  uint64_t work = 0;
  for (uint32_t k = 0; k < orders(a) && work <= MAX_WORK; ++k) { /* square tensors fit in more than one way */
    matching m;
    departure now;
    if (!match(a, b, k, &m)) continue;
    compare_as(a, b, &m, t, &now);
    work += na;
    if (!any || now.excess < d->excess) *d = now;
    any = true;
    if (d->excess <= 1.0) break;
  }
  return any && d->excess <= 1.0;
}

bool tool_copy_values(const edge_tensor *from, const edge_tensor *to) {
  uint64_t n = 0, n_to = 0;
  if (from->dtype != to->dtype || !from->data || !to->data || edge_tensor_elements(from, &n) != EDGE_STATUS_OK ||
      edge_tensor_elements(to, &n_to) != EDGE_STATUS_OK || n != n_to)
    return false;
  for (uint32_t k = 0; k < 3; ++k) {
    matching m;
    if (!match(from, to, k, &m)) continue;
    if (k == 0 && from->bytes == to->bytes) {
      if (from->bytes) memcpy(to->data, from->data, (size_t)from->bytes);
      return true;
    }
    walk w = { .m = &m };
    for (uint64_t i = 0; i < n; ++i, advance(&w)) ei_store_f64(to, w.other, ei_load_f64(from, i));
    return true;
  }
  return false;
}

void tool_values_free(tool_values *v) {
  for (uint32_t i = 0; v->own && i < v->n; ++i) {
    free((void *)(uintptr_t)v->items[i].t.name);
    free(v->items[i].t.data);
  }
  free(v->items);
  memset(v, 0, sizeof *v);
}
