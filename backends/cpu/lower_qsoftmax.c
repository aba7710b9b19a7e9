/* SPDX-License-Identifier: Apache-2.0
 * 8-bit Softmax over the last dimension. The arithmetic is that of the reference (f64, summed in order), with one
 * exponential for each of the 256 stored values that appears in a row instead of one for each element. */
#include "quant.h"

#include <math.h>

typedef struct softmax_arg {
  const uint8_t *x;
  uint8_t *y;
  uint64_t rows, size, per_tile;
  double value[256]; /* beta * real value of a stored byte */
  float scale_y;
  int32_t zero_y;
  bool y_signed;
} softmax_arg;

static void one_row(const softmax_arg *k, const uint8_t *x, uint8_t *y) {
  double e[256], max = -(double)INFINITY, sum = 0.0;
  uint8_t out[256];
  bool seen[256] = { false };
  for (uint64_t i = 0; i < k->size; ++i) {
    if (k->value[x[i]] > max) max = k->value[x[i]];
  }
  for (uint64_t i = 0; i < k->size; ++i) {
    if (!seen[x[i]]) e[x[i]] = exp(k->value[x[i]] - max);
    seen[x[i]] = true;
    sum += e[x[i]];
  }
  const double scale = 1.0 / sum, lo = k->y_signed ? -128.0 : 0.0;
  for (int b = 0; b < 256; ++b) {
    if (!seen[b]) continue;
    const float v = (float)(e[b] * scale);
    double q = rint((double)(v / k->scale_y)) + k->zero_y;
    q = q < lo ? lo : q > lo + 255.0 ? lo + 255.0 : q;
    out[b] = (uint8_t)((int32_t)q & 255);
  }
  for (uint64_t i = 0; i < k->size; ++i) y[i] = out[x[i]];
}

static edge_status softmax_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const softmax_arg *const k = arg;
  const uint64_t from = tile * k->per_tile, end = k->rows - from < k->per_tile ? k->rows : from + k->per_tile;
  (void)worker;
  for (uint64_t r = from; r < end; ++r) one_row(k, k->x + r * k->size, k->y + r * k->size);
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_qsoftmax(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t vx = eb_cpu_input(plan, node, 0), vy = eb_cpu_output(plan, node, 0);
  const edge_tensor *const x = eb_cpu_tensor(plan, vx), *const y = eb_cpu_tensor(plan, vy);
  eb_cpu_q qx, qy;
  if (!eb_cpu_q8(x, &qx) || !eb_cpu_q8(y, &qy) || x->rank < 1 || eb_cpu_elements(y) == 0) return EB_CPU_PASS;
  int64_t axis = eb_cpu_int(plan, node, "axis");
  if (axis < 0) axis += x->rank;
  if (axis < 0 || axis >= x->rank) return EB_CPU_PASS;
  uint64_t size = (uint64_t)x->dims[axis];
  for (int32_t i = (int32_t)axis + 1; i < x->rank; ++i) {
    if (x->dims[i] != 1 && !eb_cpu_int(plan, node, "flatten")) return EB_CPU_PASS;
    size *= (uint64_t)x->dims[i];
  }
  const uint64_t rows = eb_cpu_elements(x) / size;
  const double us = 0.1 + (double)rows * ((double)size * 0.004 + 1.0);
  const uint32_t want = eb_cpu_tiles(plan, us, rows);
  const uint64_t per_tile = (rows + want - 1) / want;
  softmax_arg *const arg =
      eb_cpu_step(plan, node, softmax_tile, sizeof *arg, (uint32_t)((rows + per_tile - 1) / per_tile), us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  const double beta = eb_cpu_host(plan)->attr_float(eb_cpu_node(plan, node), "beta");
  arg->rows = rows;
  arg->size = size;
  arg->per_tile = per_tile;
  arg->scale_y = qy.scale;
  arg->zero_y = qy.zero;
  arg->y_signed = qy.is_signed;
  for (int b = 0; b < 256; ++b) {
    const int32_t q = qx.is_signed && b > 127 ? b - 256 : b;
    arg->value[b] = (double)(float)(((double)q - qx.zero) * (double)qx.scale) * beta;
  }
  eb_cpu_slot(plan, &arg->x, eb_cpu_value(plan, vx));
  eb_cpu_slot(plan, &arg->y, eb_cpu_value(plan, vy));
  eb_cpu_note(plan, node, "qsoftmax", "8-bit: one exponential for each stored value");
  return EDGE_STATUS_OK;
}
