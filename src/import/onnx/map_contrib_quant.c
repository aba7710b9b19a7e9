/* SPDX-License-Identifier: Apache-2.0
 * Quantized operators of the com.microsoft domain: real arithmetic between Dequantize and Quantize, which the passes
 * turn into integer kernels. Tensors come as three inputs: values, scale, zero point. */
#include "map.h"

static uint32_t real(ei_ox_call *c, uint32_t first) {
  return EI_OX(c, "Dequantize", EI_NONE, ei_ox_in(c, first), ei_ox_in(c, first + 1), ei_ox_in(c, first + 2));
}

static void quantized(ei_ox_call *c, uint32_t y, uint32_t scale) {
  EI_OX(c, "Quantize", ei_ox_out(c, 0), y, ei_ox_in(c, scale), ei_ox_in(c, scale + 1));
}

void ei_ox_map_qlinear_binary(ei_ox_call *c) {
  const uint32_t a = real(c, 0), b = real(c, 3);
  quantized(c, EI_OX(c, c->row->target, EI_NONE, a, b), 6);
}

/* condition, a, b */
void ei_ox_map_qlinear_where(ei_ox_call *c) {
  const uint32_t a = real(c, 1), b = real(c, 4);
  quantized(c, EI_OX(c, "Where", EI_NONE, ei_ox_in(c, 0), a, b), 7);
}

void ei_ox_map_qlinear_average_pool(ei_ox_call *c) {
  const bool last = ei_ox_int(c, "channels_last", 0) != 0;
  const int32_t rank = ei_ox_rank(c, ei_ox_in(c, 0));
  if (!ei_ox_ok(c->x)) return;
  const uint32_t x = real(c, 0), y = EI_OX(c, "AveragePool", EI_NONE, last ? x : ei_ox_channels_last(c, x, rank));
  ei_ox_set_window(c, true);
  if (ei_ox_int(c, "ceil_mode", 0)) ei_ox_set_int(c, "ceil_mode", 1);
  ei_ox_set_int(c, "count_include_pad", ei_ox_int(c, "count_include_pad", 0));
  quantized(c, last ? y : ei_ox_channels_first(c, y, rank, EI_NONE), 3);
}

void ei_ox_map_qlinear_unary(ei_ox_call *c) {
  const uint32_t x = real(c, 0), y = EI_OX(c, c->row->target, EI_NONE, x);
  ei_ox_map_attrs(c, c->row->attrs);
  if (strcmp(c->row->target, "Softmax") == 0 && ei_ox_int(c, "opset", 13) < 13) ei_ox_set_int(c, "flatten", 1);
  quantized(c, y, 3);
}

void ei_ox_map_qlinear_concat(ei_ox_call *c) {
  const uint32_t count = c->n_in < 2 ? 0 : (c->n_in - 2) / 3;
  uint32_t *const parts = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)count + 1);
  if (!parts) {
    ei_ox_out_of_memory(c->x);
    return;
  }
  for (uint32_t i = 0; i < count; ++i) parts[i] = real(c, 2 + 3 * i);
  const uint32_t y = ei_ox_emit1(c, "Concat", EI_NONE, parts, count);
  ei_ox_set_int(c, "axis", ei_ox_int(c, "axis", 0));
  quantized(c, y, 0);
}

void ei_ox_map_qlinear_global_pool(ei_ox_call *c) {
  int64_t axes[EDGE_MAX_RANK];
  const int32_t rank = ei_ox_rank(c, ei_ox_in(c, 0)), first = ei_ox_int(c, "channels_last", 0) ? 1 : 2;
  if (!ei_ox_ok(c->x) || rank < 3) return;
  for (int32_t i = 0; i < rank - 2; ++i) axes[i] = first + i;
  const uint32_t y = EI_OX(c, "ReduceMean", EI_NONE, real(c, 0), ei_ox_const_ints(c, axes, (uint32_t)rank - 2));
  ei_ox_set_int(c, "keep_dims", 1);
  quantized(c, y, 3);
}

/* A, scale, zero, B, scale, zero, C (in units of both scales), result scale, zero; float without the last two. */
void ei_ox_map_qgemm(ei_ox_call *c) {
  const double alpha = ei_ox_float(c, "alpha", 1.0);
  const bool trans_b = ei_ox_int(c, "transB", 0) != 0, real_result = ei_ox_in(c, 7) == EI_NONE;
  const uint32_t a = real(c, 0), b = real(c, 3);
  ei_ox_set_int(c, "axis", trans_b ? 0 : 1);
  uint32_t bias = ei_ox_in(c, 6);
  if (bias != EI_NONE) {
    bias = EI_OX(c, "Dequantize", EI_NONE, bias, EI_OX(c, "Mul", EI_NONE, ei_ox_in(c, 1), ei_ox_in(c, 4)));
    ei_ox_set_int(c, "axis", 0);
  }
  const bool plain = alpha == 1.0;
  uint32_t y = EI_OX(c, "MatMul", real_result && plain ? ei_ox_out(c, 0) : EI_NONE, a, b, plain ? bias : EI_NONE);
  ei_ox_set_int(c, "trans_a", ei_ox_int(c, "transA", 0));
  ei_ox_set_int(c, "trans_b", trans_b);
  if (!plain) {
    if (bias != EI_NONE) y = EI_OX(c, "Add", EI_NONE, y, bias);
    y = EI_OX(c, "Mul", real_result ? ei_ox_out(c, 0) : EI_NONE, y, ei_ox_const_of(c, EDGE_DTYPE_F32, alpha));
  }
  if (!real_result) quantized(c, y, 7);
}

/* Products of integers with real scales; operands: a, b, zero points, both scales, bias. */
static void scaled_product(ei_ox_call *c, uint32_t a, uint32_t b, uint32_t za, uint32_t zb, uint32_t sa, uint32_t sb,
                           uint32_t bias) {
  const uint32_t sum = EI_OX(c, "MatMulInteger", EI_NONE, a, b, za, zb);
  const uint32_t y = ei_ox_cast(c, sum, EDGE_DTYPE_F32, EI_NONE), scale = EI_OX(c, "Mul", EI_NONE, sa, sb);
  const uint32_t out = EI_OX(c, "Mul", bias == EI_NONE ? ei_ox_out(c, 0) : EI_NONE, y, scale);
  if (bias != EI_NONE) EI_OX(c, "Add", ei_ox_out(c, 0), out, bias);
}

void ei_ox_map_matmul_integer_to_float(ei_ox_call *c) {
  scaled_product(c, ei_ox_in(c, 0), ei_ox_in(c, 1), ei_ox_in(c, 4), ei_ox_in(c, 5), ei_ox_in(c, 2), ei_ox_in(c, 3),
                 ei_ox_in(c, 6));
}

void ei_ox_map_dynamic_quantize_matmul(ei_ox_call *c) {
  const uint32_t a = ei_ox_in(c, 0), q[3] = { ei_ox_temp(c), ei_ox_temp(c), ei_ox_temp(c) };
  ei_ox_emit(c, "DynamicQuantize", &a, 1, q, 3);
  scaled_product(c, q[0], ei_ox_in(c, 1), q[2], ei_ox_in(c, 3), q[1], ei_ox_in(c, 2), ei_ox_in(c, 4));
}

/* Recurrent weights [directions, in, gates * hidden] as bytes, one scale for a direction or for a column of it. */
static uint32_t recurrent_weights(ei_ox_call *c, uint32_t weights, uint32_t scale) {
  static const int64_t perm[3] = { 0, 2, 1 }, middle = 1, spread[3] = { -1, 1, 1 };
  uint32_t s = ei_ox_in(c, scale), z = ei_ox_in(c, scale + 1);
  const bool columns = ei_ox_view(c, s)->rank == 2;
  const uint32_t w = ei_ox_cast(c, ei_ox_in(c, weights), EDGE_DTYPE_F32, EI_NONE);
  s = columns ? ei_ox_unsqueeze(c, s, &middle, 1) : ei_ox_reshape(c, s, spread, 3, EI_NONE);
  z = columns ? ei_ox_unsqueeze(c, z, &middle, 1) : ei_ox_reshape(c, z, spread, 3, EI_NONE);
  z = ei_ox_cast(c, z, EDGE_DTYPE_F32, EI_NONE);
  return ei_ox_transpose(c, EI_OX(c, "Mul", EI_NONE, EI_OX(c, "Sub", EI_NONE, w, z), s), perm, 3, EI_NONE);
}

/* x, W, R, bias, lengths, h0, c0, P, scale and zero of W, of R; activations stay real. */
void ei_ox_map_dynamic_quantize_lstm(ei_ox_call *c) {
  uint32_t in[8];
  for (uint32_t i = 0; i < 8; ++i) in[i] = ei_ox_in(c, i);
  in[1] = recurrent_weights(c, 1, 8);
  in[2] = recurrent_weights(c, 2, 10);
  ei_ox_emit(c, c->row->target, in, 8, c->out, c->n_out);
  ei_ox_rnn_attrs(c);
}
