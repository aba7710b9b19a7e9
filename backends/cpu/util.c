/* SPDX-License-Identifier: Apache-2.0
 * Small helpers shared by lowerings: activations, windows, tile counts, cost estimates. */
#include "cpu.h"

#include <math.h>

bool eb_cpu_clamp(const eb_cpu_plan *plan, uint32_t node, float *lo, float *hi) {
  *lo = -INFINITY;
  *hi = INFINITY;
  switch (eb_cpu_int(plan, node, "act")) {
  case 0: return true;
  case 1: *lo = 0.0f; return true;
  case 2: *lo = 0.0f, *hi = 6.0f; return true;
  case 3: *lo = -1.0f, *hi = 1.0f; return true;
  case 5: *lo = eb_cpu_float(plan, node, "act_lo"), *hi = eb_cpu_float(plan, node, "act_hi"); return true;
  default: return false;
  }
}

static int64_t pad_begin(int64_t auto_pad, int64_t explicit_pad, int64_t in, int64_t out, int64_t span,
                         int64_t stride) {
  if (auto_pad == 0) return explicit_pad;
  if (auto_pad == 3) return 0;
  const int64_t total = (out - 1) * stride + span - in;
  if (total <= 0) return 0;
  return auto_pad == 1 ? total / 2 : total - total / 2;
}

bool eb_cpu_window_of(const eb_cpu_plan *plan, uint32_t node, const edge_tensor *x, const edge_tensor *w,
                      const edge_tensor *y, eb_cpu_window *out) {
  if ((x->rank != 3 && x->rank != 4) || y->rank != x->rank || (w && w->rank != x->rank)) return false;
  const uint32_t spatial = (uint32_t)x->rank - 2;
  int64_t kernel[2] = { 1, 1 }, strides[2] = { 1, 1 }, dilations[2] = { 1, 1 }, pads[4] = { 0 };
  const uint32_t n_strides = eb_cpu_ints(plan, node, "strides", strides, 2);
  const uint32_t n_dilations = eb_cpu_ints(plan, node, "dilations", dilations, 2);
  const uint32_t n_pads = eb_cpu_ints(plan, node, "pads", pads, 4);
  if ((n_strides && n_strides != spatial) || (n_dilations && n_dilations != spatial) ||
      (n_pads && n_pads != 2 * spatial)) {
    return false;
  }
  if (w) {
    for (uint32_t i = 0; i < spatial; ++i) kernel[i] = w->dims[1 + i];
  } else if (eb_cpu_ints(plan, node, "kernel", kernel, 2) != spatial) {
    return false;
  }
  const int64_t auto_pad = eb_cpu_int(plan, node, "auto_pad");
  const bool flat = spatial == 1;
  *out = (eb_cpu_window) {
    .n = x->dims[0],
    .ih = flat ? 1 : x->dims[1],
    .iw = x->dims[spatial],
    .ic = x->dims[spatial + 1],
    .oh = flat ? 1 : y->dims[1],
    .ow = y->dims[spatial],
    .oc = y->dims[spatial + 1],
    .kh = flat ? 1 : kernel[0],
    .kw = kernel[spatial - 1],
    .sh = flat ? 1 : strides[0],
    .sw = strides[spatial - 1],
    .dh = flat ? 1 : dilations[0],
    .dw = dilations[spatial - 1],
  };
  if (out->sh < 1 || out->sw < 1 || out->dh < 1 || out->dw < 1 || out->kh < 1 || out->kw < 1) return false;
  out->pad_top = flat ? 0 : pad_begin(auto_pad, pads[0], out->ih, out->oh, (out->kh - 1) * out->dh + 1, out->sh);
  out->pad_left = pad_begin(auto_pad, pads[spatial - 1], out->iw, out->ow, (out->kw - 1) * out->dw + 1, out->sw);
  return true;
}

/* Claiming a tile and meeting at the end of a step cost some tenths of a microsecond. */
static const double LEAST_US = 2.0, TILE_US = 1.0, MOST_US = 50.0;

uint32_t eb_cpu_tiles(const eb_cpu_plan *plan, double work_us, uint64_t parts) {
  const uint32_t threads = eb_cpu_threads(plan);
  if (threads == 1 || parts <= 1 || work_us < LEAST_US) return 1;
  double tiles = work_us / MOST_US;
  if (tiles < 2.0 * threads) tiles = work_us / TILE_US < 2.0 * threads ? work_us / TILE_US : 2.0 * threads;
  if (tiles > 4096.0) tiles = 4096.0;
  const uint64_t n = tiles < 1.0 ? 1 : (uint64_t)tiles;
  return (uint32_t)(n < parts ? n : parts);
}

static double elements(const edge_tensor *t) {
  double n = 1.0;
  for (int32_t i = 0; i < t->rank; ++i) n *= t->dims[i] > 0 ? (double)t->dims[i] : 1.0;
  return n;
}

static bool is_any(const char *op, const char *const *names) {
  for (; *names; ++names) {
    if (strcmp(op, *names) == 0) return true;
  }
  return false;
}

double eb_cpu_cost_us(const edge_host_api *host, const edge_partition *partition, const edge_node *node,
                      uint64_t features) {
  static const char *const views[] = { "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", NULL };
  static const char *const by_row[] = { "Conv", "FullyConnected", "ConvInteger", NULL }; /* weights [O, ...] */
  static const char *const products[] = { "MatMul", "MatMulInteger", "ConvTranspose", "Lstm", "Gru", "Rnn", NULL };
  const char *const op = host->node_op(node);
  if (is_any(op, views)) return 0.05;
  double bytes = 0.0, out_elements = 1.0, ops = 0.0;
  edge_tensor in[2] = { { .rank = 0 }, { .rank = 0 } };
  const uint32_t n_in = host->node_num_inputs(node), n_out = host->node_num_outputs(node);
  for (uint32_t i = 0; i < n_in + n_out; ++i) {
    const uint32_t value = i < n_in ? host->node_input(node, i) : host->node_output(node, i - n_in);
    edge_tensor t = { .rank = 0 };
    if (value == EDGE_NO_VALUE || host->value(partition, value, &t) != EDGE_STATUS_OK) continue;
    bytes += elements(&t) * edge_dtype_bits(t.dtype) / 8.0;
    if (i < 2 && i < n_in) in[i] = t;
    if (i == n_in) out_elements = elements(&t);
  }
  if (is_any(op, by_row) && in[1].rank > 0) {
    const double rows = in[1].dims[0] > 0 ? (double)in[1].dims[0] : 1.0;
    ops = 2.0 * out_elements * elements(&in[1]) / rows;
  } else if (is_any(op, products)) {
    const double k = in[0].rank > 0 && in[0].dims[in[0].rank - 1] > 0 ? (double)in[0].dims[in[0].rank - 1] : 64.0;
    ops = 2.0 * out_elements * k;
  } else if (strcmp(op, "Attention") == 0 && in[1].rank >= 3) {
    const int64_t keys = in[1].dims[in[1].rank == 3 ? 1 : 2];
    ops = 4.0 * out_elements * (keys > 0 ? (double)keys : 1.0);
  } else {
    ops = 4.0 * out_elements;
  }
  const bool narrow = in[0].dtype == EDGE_DTYPE_S8 || in[0].dtype == EDGE_DTYPE_U8;
  const double gops = features & EDGE_CPU_AVX512   ? (narrow ? 600.0 : 180.0)
                      : features & EDGE_CPU_AVX2   ? (narrow ? 150.0 : 90.0)
                      : features & (EDGE_CPU_NEON) ? (narrow ? 60.0 : 30.0)
                                                   : 1.0;
  const double compute = ops / (gops * 1e3), memory = bytes / 20e3;
  return 0.1 + (compute > memory ? compute : memory);
}
