/* SPDX-License-Identifier: Apache-2.0
 * 8-bit Softmax along one dimension. The arithmetic is that of the reference (f64, summed in order). A long row
 * computes one exponential for each of the 256 stored values that appears in it; many short rows share a table of the
 * exponentials of all pairs (value, largest value of the row). */
#include "quant.h"

#include <math.h>

enum { SHORT_ROW = 128, MANY_ROWS = 512 };

typedef struct softmax_arg {
  const uint8_t *x;
  uint8_t *y;
  uint64_t rows, size, inner, per_tile; /* values of a row are `inner` apart */
  const double *pairs;                  /* [largest][value], or NULL */
  uint8_t order[256];                   /* rank of a stored byte among the values */
  double value[256];                    /* beta * real value of a stored byte */
  float scale_y;
  int32_t zero_y;
  bool y_signed;
} softmax_arg;

static uint8_t store(const softmax_arg *k, double weight) {
  const float v = (float)weight;
  const double lo = k->y_signed ? -128.0 : 0.0;
  double q = rint((double)(v / k->scale_y)) + k->zero_y;
  q = q < lo ? lo : q > lo + 255.0 ? lo + 255.0 : q;
  return (uint8_t)((int32_t)q & 255);
}

static void long_row(const softmax_arg *k, const uint8_t *x, uint8_t *y) {
  double e[256], max = -(double)INFINITY, sum = 0.0;
  uint8_t out[256];
  bool seen[256] = { false };
  const uint64_t n = k->size, step = k->inner;
  for (uint64_t i = 0; i < n; ++i) {
    if (k->value[x[i * step]] > max) max = k->value[x[i * step]];
  }
  for (uint64_t i = 0; i < n; ++i) {
    const uint8_t b = x[i * step];
    if (!seen[b]) e[b] = exp(k->value[b] - max);
    seen[b] = true;
    sum += e[b];
  }
  const double scale = 1.0 / sum;
  for (int b = 0; b < 256; ++b)
    if (seen[b]) out[b] = store(k, e[b] * scale);
  for (uint64_t i = 0; i < n; ++i) y[i * step] = out[x[i * step]];
}

static void short_row(const softmax_arg *k, const uint8_t *x, uint8_t *y) {
  const uint64_t n = k->size, step = k->inner;
  uint8_t largest = x[0];
  double sum = 0.0;
  for (uint64_t i = 1; i < n; ++i)
    if (k->order[x[i * step]] > k->order[largest]) largest = x[i * step];
  const double *const e = k->pairs + (size_t)largest * 256;
  for (uint64_t i = 0; i < n; ++i) sum += e[x[i * step]];
  const double scale = 1.0 / sum;
  for (uint64_t i = 0; i < n; ++i) y[i * step] = store(k, e[x[i * step]] * scale);
}

static edge_status softmax_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const softmax_arg *const k = arg;
  const uint64_t from = tile * k->per_tile, end = k->rows - from < k->per_tile ? k->rows : from + k->per_tile;
  (void)worker;
  for (uint64_t r = from; r < end; ++r) {
    const uint64_t at = r / k->inner * k->size * k->inner + r % k->inner;
    (k->pairs ? short_row : long_row)(k, k->x + at, k->y + at);
  }
  return EDGE_STATUS_OK;
}

/* Values rise with the signed or unsigned byte, as scales are positive. */
static double *make_pairs(eb_cpu_plan *plan, const softmax_arg *k) {
  double *const pairs = eb_cpu_keep(plan, 256 * 256 * sizeof *pairs);
  for (int m = 0; pairs && m < 256; ++m)
    for (int b = 0; b < 256; ++b)
      if (k->order[b] <= k->order[m]) pairs[m * 256 + b] = exp(k->value[b] - k->value[m]);
  return pairs;
}

edge_status eb_cpu_lower_qsoftmax(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t vx = eb_cpu_input(plan, node, 0), vy = eb_cpu_output(plan, node, 0);
  const edge_tensor *const x = eb_cpu_tensor(plan, vx), *const y = eb_cpu_tensor(plan, vy);
  eb_cpu_q qx, qy;
  if (!eb_cpu_q8(x, &qx) || !eb_cpu_q8(y, &qy) || x->rank < 1 || eb_cpu_elements(y) == 0) return EB_CPU_PASS;
  int64_t axis = eb_cpu_int(plan, node, "axis");
  if (axis < 0) axis += x->rank;
  if (axis < 0 || axis >= x->rank) return EB_CPU_PASS;
  uint64_t size = (uint64_t)x->dims[axis], inner = 1;
  const bool flatten = eb_cpu_int(plan, node, "flatten") != 0;
  for (int32_t i = (int32_t)axis + 1; i < x->rank; ++i) *(flatten ? &size : &inner) *= (uint64_t)x->dims[i];
  const uint64_t rows = eb_cpu_elements(x) / size;
  const bool shares = size < SHORT_ROW && rows >= MANY_ROWS;
  const double us = 0.1 + (double)rows * (shares ? (double)size * 0.006 : (double)size * 0.004 + 1.0);
  const uint32_t want = eb_cpu_tiles(plan, us, rows);
  const uint64_t per_tile = (rows + want - 1) / want;
  softmax_arg *const arg =
      eb_cpu_step(plan, node, softmax_tile, sizeof *arg, (uint32_t)((rows + per_tile - 1) / per_tile), us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  const double beta = eb_cpu_host(plan)->attr_float(eb_cpu_node(plan, node), "beta");
  arg->rows = rows;
  arg->size = size;
  arg->inner = inner;
  arg->per_tile = per_tile;
  arg->scale_y = qy.scale;
  arg->zero_y = qy.zero;
  arg->y_signed = qy.is_signed;
  for (int b = 0; b < 256; ++b) {
    const int32_t q = qx.is_signed && b > 127 ? b - 256 : b;
    arg->order[b] = (uint8_t)(qx.is_signed ? q + 128 : q);
    arg->value[b] = (double)(float)(((double)q - qx.zero) * (double)qx.scale) * beta;
  }
  if (shares && (arg->pairs = make_pairs(plan, arg)) == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  eb_cpu_slot(plan, &arg->x, eb_cpu_value(plan, vx));
  eb_cpu_slot(plan, &arg->y, eb_cpu_value(plan, vy));
  eb_cpu_note(plan, node, "qsoftmax",
              shares ? "8-bit: exponentials of all pairs from a table"
                     : "8-bit: one exponential for each stored value");
  return EDGE_STATUS_OK;
}
