/* SPDX-License-Identifier: Apache-2.0
 * Convolutions, pools and matrix products: channels-first outside, channels-last inside. */
#include "map.h"

void ei_ox_set_window(ei_ox_call *c, bool kernel) {
  static const ei_ox_attr_map window[] = {
    { "strides", "strides", EI_ATTR_INTS, 0, NULL },
    { "dilations", "dilations", EI_ATTR_INTS, 0, NULL },
    { "pads", "pads", EI_ATTR_INTS, 0, NULL },
    { "auto_pad", "auto_pad", EI_ATTR_STRING, 0, EI_OX_AUTO_PAD },
    { NULL, NULL, 0, 0, NULL },
  };
  uint32_t n = 0;
  const int64_t *const k = kernel ? ei_ox_ints(c, "kernel_shape", &n) : NULL;
  if (k) ei_ox_set_ints(c, "kernel", k, n);
  ei_ox_map_attrs(c, window);
}

/* Rank of a spatial operator's data: from the data, the weights or the kernel. */
static int32_t spatial_rank(ei_ox_call *c, uint32_t x, uint32_t w) {
  uint32_t n = 0;
  if (ei_ox_view(c, x)->rank >= 0) return ei_ox_view(c, x)->rank;
  if (w != EI_NONE && ei_ox_view(c, w)->rank >= 0) return ei_ox_view(c, w)->rank;
  if (ei_ox_ints(c, "kernel_shape", &n)) return (int32_t)n + 2;
  return ei_ox_rank(c, x);
}

static bool check_rank(ei_ox_call *c, int32_t rank) {
  if (ei_ox_ok(c->x) && (rank < 3 || rank > EDGE_MAX_RANK))
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "rank %d is not that of N, C and spatial dimensions", rank);
  return ei_ox_ok(c->x);
}

uint32_t ei_ox_conv_nodes(ei_ox_call *c, const char *op, const uint32_t *in, uint32_t n_in, uint32_t out) {
  uint32_t args[4] = { EI_NONE, EI_NONE, EI_NONE, EI_NONE };
  const int32_t rank = spatial_rank(c, in[0], in[1]);
  if (!check_rank(c, rank)) return EI_NONE;
  for (uint32_t i = 0; i < n_in && i < 4; ++i) args[i] = in[i];
  args[0] = ei_ox_channels_last(c, in[0], rank);
  args[1] = ei_ox_channels_last(c, in[1], rank); /* O I k... -> O k... I */
  const uint32_t y = ei_ox_emit1(c, op, EI_NONE, args, n_in < 4 ? n_in : 4);
  ei_ox_set_window(c, false);
  ei_ox_set_int(c, "group", ei_ox_int(c, "group", 1));
  return ei_ox_channels_first(c, y, rank, out);
}

void ei_ox_map_conv(ei_ox_call *c) {
  const uint32_t in[3] = { ei_ox_in(c, 0), ei_ox_in(c, 1), ei_ox_in(c, 2) };
  ei_ox_conv_nodes(c, "Conv", in, 3, ei_ox_out(c, 0));
}

/* Everything channels-last: offsets mostly come from another convolution. */
void ei_ox_map_deform_conv(ei_ox_call *c) {
  const int32_t rank = spatial_rank(c, ei_ox_in(c, 0), ei_ox_in(c, 1));
  uint32_t in[5];
  if (!check_rank(c, rank)) return;
  for (uint32_t i = 0; i < 5; ++i) {
    in[i] = ei_ox_in(c, i);
    if (i != 3 && in[i] != EI_NONE) in[i] = ei_ox_channels_last(c, in[i], rank);
  }
  const uint32_t y = ei_ox_emit1(c, "DeformConv", EI_NONE, in, 5);
  ei_ox_set_window(c, false);
  ei_ox_set_int(c, "group", ei_ox_int(c, "group", 1));
  ei_ox_set_int(c, "offset_group", ei_ox_int(c, "offset_group", 1));
  ei_ox_channels_first(c, y, rank, ei_ox_out(c, 0));
}

/* Zero points of the weights: a vector has one value per output channel, as ours. */
void ei_ox_map_conv_integer(ei_ox_call *c) {
  const uint32_t in[4] = { ei_ox_in(c, 0), ei_ox_in(c, 1), ei_ox_in(c, 2), ei_ox_in(c, 3) };
  ei_ox_conv_nodes(c, "ConvInteger", in, 4, ei_ox_out(c, 0));
}

void ei_ox_map_conv_transpose(ei_ox_call *c) {
  const uint32_t x = ei_ox_in(c, 0), w = ei_ox_in(c, 1);
  const int64_t group = ei_ox_int(c, "group", 1);
  const int32_t rank = spatial_rank(c, x, w);
  uint32_t n = 0, shape = EI_NONE;
  if (!check_rank(c, rank)) return;
  const int64_t *const size = ei_ox_ints(c, "output_shape", &n);
  if (size && n == (uint32_t)rank - 2)
    shape = ei_ox_const_ints(c, size, n);
  else if (size && n == (uint32_t)rank)
    shape = ei_ox_const_ints(c, size + 2, n - 2);
  const uint32_t xl = ei_ox_channels_last(c, x, rank);
  const uint32_t wl = ei_ox_deconv_weights(c, w, rank, group);
  const uint32_t y = EI_OX(c, "ConvTranspose", EI_NONE, xl, wl, ei_ox_in(c, 2), shape);
  ei_ox_set_window(c, false);
  ei_ox_set_int(c, "group", group);
  const int64_t *const extra = ei_ox_ints(c, "output_padding", &n);
  if (extra) ei_ox_set_ints(c, "output_padding", extra, n);
  ei_ox_channels_first(c, y, rank, ei_ox_out(c, 0));
}

/* storage_order 1 counts indices with the two innermost dimensions swapped. */
static uint32_t column_major(ei_ox_call *c, uint32_t indices, uint32_t x, int32_t rank) {
  const edge_tensor *const v = ei_ox_view(c, x);
  if (rank != 4 || v->rank != 4 || v->dims[2] < 0 || v->dims[3] < 0) {
    ei_ox_unsupported(c, "storage_order 1 needs two spatial dimensions of known size");
    return indices;
  }
  const int64_t h = v->dims[2], w = v->dims[3];
  const uint32_t width = ei_ox_const_int(c, w), height = ei_ox_const_int(c, h), plane = ei_ox_const_int(c, h * w);
  const uint32_t inside = EI_OX(c, "FloorMod", EI_NONE, indices, plane);
  const uint32_t base = EI_OX(c, "Sub", EI_NONE, indices, inside);
  const uint32_t row = EI_OX(c, "FloorDiv", EI_NONE, inside, width), col = EI_OX(c, "FloorMod", EI_NONE, inside, width);
  return EI_OX(c, "Add", EI_NONE, base, EI_OX(c, "Add", EI_NONE, EI_OX(c, "Mul", EI_NONE, col, height), row));
}

void ei_ox_map_pool(ei_ox_call *c) {
  const char *const op = c->row->target;
  const uint32_t x = ei_ox_in(c, 0);
  const int32_t rank = spatial_rank(c, x, EI_NONE);
  if (!check_rank(c, rank)) return;
  const bool indices = ei_ox_out(c, 1) != EI_NONE;
  const uint32_t xl = ei_ox_channels_last(c, x, rank);
  uint32_t out[2] = { ei_ox_temp(c), indices ? ei_ox_temp(c) : EI_NONE };
  ei_ox_emit(c, op, &xl, 1, out, 2);
  ei_ox_set_window(c, true);
  if (ei_ox_int(c, "ceil_mode", 0)) ei_ox_set_int(c, "ceil_mode", 1);
  if (strcmp(op, "AveragePool") == 0) ei_ox_set_int(c, "count_include_pad", ei_ox_int(c, "count_include_pad", 0));
  if (strcmp(op, "LpPool") == 0) ei_ox_set_int(c, "p", (int64_t)ei_ox_float(c, "p", 2.0));
  if (indices) ei_ox_set_int(c, "indices_layout", 1);
  ei_ox_channels_first(c, out[0], rank, ei_ox_out(c, 0));
  if (!indices) return;
  if (ei_ox_int(c, "storage_order", 0) == 0) {
    ei_ox_channels_first(c, out[1], rank, ei_ox_out(c, 1));
    return;
  }
  const uint32_t swapped = column_major(c, ei_ox_channels_first(c, out[1], rank, EI_NONE), x, rank);
  EI_OX(c, "Identity", ei_ox_out(c, 1), swapped);
}

void ei_ox_map_max_unpool(ei_ox_call *c) {
  const uint32_t x = ei_ox_in(c, 0);
  const int32_t rank = spatial_rank(c, x, EI_NONE);
  uint32_t shape = ei_ox_in(c, 2);
  if (!check_rank(c, rank)) return;
  if (shape != EI_NONE) { /* N C sp -> N sp C */
    int64_t order[EDGE_MAX_RANK] = { 0 };
    order[rank - 1] = 1;
    for (int32_t i = 2; i < rank; ++i) order[i - 1] = i;
    shape = EI_OX(c, "Gather", EI_NONE, shape, ei_ox_const_ints(c, order, (uint32_t)rank));
  }
  const uint32_t xl = ei_ox_channels_last(c, x, rank), il = ei_ox_channels_last(c, ei_ox_in(c, 1), rank);
  const uint32_t y = EI_OX(c, "MaxUnpool", EI_NONE, xl, il, shape);
  ei_ox_set_window(c, true);
  ei_ox_set_int(c, "indices_layout", 1);
  ei_ox_channels_first(c, y, rank, ei_ox_out(c, 0));
}

static uint32_t spatial_axes(ei_ox_call *c, uint32_t x) {
  int64_t axes[EDGE_MAX_RANK];
  const int32_t rank = ei_ox_rank(c, x);
  for (int32_t i = 2; i < rank; ++i) axes[i - 2] = i;
  return ei_ox_const_ints(c, axes, rank > 2 ? (uint32_t)rank - 2 : 0);
}

void ei_ox_map_global_pool(ei_ox_call *c) {
  const uint32_t x = ei_ox_in(c, 0);
  EI_OX(c, c->row->target, ei_ox_out(c, 0), x, spatial_axes(c, x));
  ei_ox_set_int(c, "keep_dims", 1);
}

void ei_ox_map_global_lp_pool(ei_ox_call *c) {
  const uint32_t x = ei_ox_in(c, 0), axes = spatial_axes(c, x);
  const double p = ei_ox_float(c, "p", 2.0);
  if (p == 1.0 || p == 2.0) {
    EI_OX(c, p == 1.0 ? "ReduceL1" : "ReduceL2", ei_ox_out(c, 0), x, axes);
    return;
  }
  const uint32_t power = EI_OX(c, "Pow", EI_NONE, EI_OX(c, "Abs", EI_NONE, x), ei_ox_const_like(c, x, p));
  const uint32_t sum = EI_OX(c, "ReduceSum", EI_NONE, power, axes);
  EI_OX(c, "Pow", ei_ox_out(c, 0), sum, ei_ox_const_like(c, x, 1.0 / p));
}

static uint32_t scaled(ei_ox_call *c, uint32_t t, double factor) {
  return factor == 1.0 || t == EI_NONE ? t : EI_OX(c, "Mul", EI_NONE, t, ei_ox_const_like(c, t, factor));
}

/* alpha * A' * B' + beta * C */
uint32_t ei_ox_gemm_nodes(ei_ox_call *c, uint32_t result) {
  static const int64_t swap[2] = { 1, 0 };
  uint32_t a = ei_ox_in(c, 0), b = ei_ox_in(c, 1), bias = ei_ox_in(c, 2);
  const double alpha = ei_ox_float(c, "alpha", 1.0), beta = ei_ox_float(c, "beta", 1.0);
  const bool trans_a = ei_ox_int(c, "transA", 0) != 0, trans_b = ei_ox_int(c, "transB", 0) != 0;
  if (beta == 0.0) bias = EI_NONE;
  bias = scaled(c, bias, beta);
  const edge_tensor *const v = ei_ox_view(c, bias), *const w = ei_ox_view(c, b);
  if (a == EI_NONE || b == EI_NONE) ei_ox_fail(c, EDGE_STATUS_MALFORMED, "input 0 or 1 is absent");
  if (!ei_ox_ok(c->x)) return EI_NONE;
  const int64_t columns = w->rank == 2 ? w->dims[trans_b ? 0 : 1] : EI_DIM_UNKNOWN;
  const bool vector = bias == EI_NONE || (v->rank == 1 && v->dims[0] == columns && columns > 0);
  const uint32_t producer = c->b->producer[b];
  const bool weights = ei_ox_is_const(c, b) ||
                       (producer != EI_NONE && ei_ox_is_const(c, c->x->g->subgraphs[c->b->sg].nodes[producer].in[0]));
  const bool fused = vector && alpha == 1.0;
  const uint32_t out = fused ? result : EI_NONE;
  uint32_t y;
  if (weights && !trans_a && w->rank == 2) {
    if (!trans_b) b = ei_ox_transpose(c, b, swap, 2, EI_NONE);
    y = EI_OX(c, "FullyConnected", out, a, b, fused ? bias : EI_NONE);
  } else {
    y = EI_OX(c, "MatMul", out, a, b, fused ? bias : EI_NONE);
    ei_ox_set_int(c, "trans_a", trans_a);
    ei_ox_set_int(c, "trans_b", trans_b);
  }
  if (fused) return y;
  if (bias == EI_NONE) return EI_OX(c, "Mul", result, y, ei_ox_const_like(c, a, alpha));
  return EI_OX(c, "Add", result, alpha == 1.0 ? y : EI_OX(c, "Mul", EI_NONE, y, ei_ox_const_like(c, a, alpha)), bias);
}

void ei_ox_map_gemm(ei_ox_call *c) {
  ei_ox_gemm_nodes(c, ei_ox_out(c, 0));
}

void ei_ox_map_wrapped(ei_ox_call *c) {
  const int32_t rank = ei_ox_rank(c, ei_ox_in(c, 0));
  uint32_t args[8];
  if (!ei_ox_ok(c->x) || c->n_in > 8) return;
  for (uint32_t i = 0; i < c->n_in; ++i) args[i] = c->in[i];
  args[0] = ei_ox_channels_last(c, c->in[0], rank);
  const bool moved = rank > 2;
  const uint32_t y = ei_ox_emit1(c, c->row->target, moved ? EI_NONE : ei_ox_out(c, 0), args, c->n_in);
  ei_ox_map_attrs(c, c->row->attrs);
  if (moved) ei_ox_channels_first(c, y, rank, ei_ox_out(c, 0));
}
