/* SPDX-License-Identifier: Apache-2.0
 * Operators of the com.microsoft domain that optimisers and quantizers leave in files, as recipes. */
#include "map.h"

/* ---- fused float operators */

static uint32_t activate(ei_ox_call *c, uint32_t x, const char *name, const double *p, uint32_t n, uint32_t out) {
  if (strcmp(name, "Relu") == 0 || strcmp(name, "Tanh") == 0 || strcmp(name, "Sigmoid") == 0)
    return EI_OX(c, name, out, x);
  if (strcmp(name, "LeakyRelu") == 0 && n >= 1) {
    out = EI_OX(c, "LeakyRelu", out, x);
    ei_ox_set_float(c, "alpha", p[0]);
    return out;
  }
  if (strcmp(name, "HardSigmoid") == 0 && n >= 2) {
    out = EI_OX(c, "HardSigmoid", out, x);
    ei_ox_set_float(c, "alpha", p[0]);
    ei_ox_set_float(c, "beta", p[1]);
    return out;
  }
  if (strcmp(name, "Clip") == 0 && n >= 2)
    return EI_OX(c, "Clip", out, x, ei_ox_const_like(c, x, p[0]), ei_ox_const_like(c, x, p[1]));
  ei_ox_unsupported(c, "its fused activation is not supported");
  return x;
}

void ei_ox_map_fused_conv(ei_ox_call *c) {
  const char *const name = ei_ox_text_attr(c, "activation", "");
  const ei_ox_attr *const p = ei_ox_attr_find(c, "activation_params");
  const uint32_t in[3] = { ei_ox_in(c, 0), ei_ox_in(c, 1), ei_ox_in(c, 2) }, residual = ei_ox_in(c, 3);
  const bool active = *name != '\0';
  uint32_t y = ei_ox_conv_nodes(c, "Conv", in, 3, active || residual != EI_NONE ? EI_NONE : ei_ox_out(c, 0));
  if (residual != EI_NONE) y = EI_OX(c, "Add", active ? EI_NONE : ei_ox_out(c, 0), y, residual);
  if (active) activate(c, y, name, p ? p->floats : NULL, p ? p->n_floats : 0, ei_ox_out(c, 0));
}

void ei_ox_map_fused_matmul(ei_ox_call *c) {
  const double alpha = ei_ox_float(c, "alpha", 1.0);
  if (ei_ox_int(c, "transBatchA", 0) || ei_ox_int(c, "transBatchB", 0)) {
    ei_ox_unsupported(c, "transBatchA and transBatchB are not supported");
    return;
  }
  const uint32_t a = ei_ox_in(c, 0);
  const uint32_t y = EI_OX(c, "MatMul", alpha == 1.0 ? ei_ox_out(c, 0) : EI_NONE, a, ei_ox_in(c, 1));
  ei_ox_set_int(c, "trans_a", ei_ox_int(c, "transA", 0));
  ei_ox_set_int(c, "trans_b", ei_ox_int(c, "transB", 0));
  if (alpha != 1.0) EI_OX(c, "Mul", ei_ox_out(c, 0), y, ei_ox_const_like(c, a, alpha));
}

/* Gelu, FastGelu and BiasGelu: the bias is optional. */
void ei_ox_map_bias_gelu(ei_ox_call *c) {
  uint32_t x = ei_ox_in(c, 0);
  if (ei_ox_in(c, 1) != EI_NONE) x = EI_OX(c, "Add", EI_NONE, x, ei_ox_in(c, 1));
  EI_OX(c, "Gelu", ei_ox_out(c, 0), x);
  ei_ox_set_int(c, "approximate", strcmp(c->n->op, "FastGelu") == 0);
}

/* Outputs: normalised, mean, inverse deviation, the sum that was normalised. */
void ei_ox_map_skip_norm(ei_ox_call *c) {
  const bool simple = strcmp(c->row->target, "RmsNorm") == 0;
  const uint32_t beta = simple ? EI_NONE : ei_ox_in(c, 3), bias = ei_ox_in(c, simple ? 3 : 4), sum = ei_ox_out(c, 3);
  uint32_t x = EI_OX(c, "Add", bias == EI_NONE ? sum : EI_NONE, ei_ox_in(c, 0), ei_ox_in(c, 1));
  if (bias != EI_NONE) x = EI_OX(c, "Add", sum, x, bias);
  const uint32_t in[3] = { x, ei_ox_in(c, 2), beta };
  ei_ox_emit(c, c->row->target, in, 3, c->out, simple || c->n_out < 1 ? 1 : c->n_out < 3 ? c->n_out : 3);
  ei_ox_set_int(c, "axis", -1);
  ei_ox_set_float(c, "epsilon", ei_ox_float(c, "epsilon", simple ? 1e-6 : 1e-12));
}

/* ---- quantized operators: X, scale, zero point, ... */

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

/* Constant bytes taken as another type and shape. */
static uint32_t reinterpret(ei_ox_call *c, uint32_t t, int32_t dtype, const int64_t *dims, int32_t rank) {
  ei_tensor v = c->x->g->subgraphs[c->b->sg].tensors[t];
  uint64_t bytes = 0;
  if (!ei_tensor_bytes(dtype, EDGE_ENCODING_NATIVE, dims, rank, &bytes) || bytes > v.data_bytes) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "'%s' has the wrong size", v.name);
    return EI_NONE;
  }
  v.dtype = dtype;
  v.rank = rank;
  v.data_bytes = bytes;
  memcpy(v.dims, dims, (size_t)rank * sizeof *dims);
  return ei_ox_add_tensor(c->b, &v);
}

/* 4-bit zero points lie in rows of whole bytes; without them 8 is meant. */
static uint32_t block_zeros(ei_ox_call *c, int64_t n, int64_t blocks) {
  const uint32_t given = ei_ox_in(c, 3);
  const int64_t dims[2] = { n, blocks }, row = (blocks + 1) / 2;
  uint64_t bytes = 0;
  if (!ei_tensor_bytes(EDGE_DTYPE_U4, EDGE_ENCODING_NATIVE, dims, 2, &bytes)) return EI_NONE;
  uint8_t *const packed = ei_arena_get(c->x->arena, bytes + 1, 8);
  if (!packed) {
    ei_ox_out_of_memory(c->x);
    return EI_NONE;
  }
  memset(packed, 0x88, (size_t)bytes);
  if (given != EI_NONE) {
    const ei_tensor *const v = &c->x->g->subgraphs[c->b->sg].tensors[given];
    edge_tensor to;
    memset(&to, 0, sizeof to);
    to.dtype = EDGE_DTYPE_U4;
    to.data = packed;
    if (!v->data || v->dtype != EDGE_DTYPE_U8 || v->data_bytes < (uint64_t)(n * row)) {
      ei_ox_unsupported(c, "zero points must be constant packed bytes");
      return EI_NONE;
    }
    for (int64_t i = 0; i < n; ++i)
      for (int64_t k = 0; k < blocks; ++k)
        ei_store_s64(&to, (uint64_t)(i * blocks + k), ((const uint8_t *)v->data)[i * row + k / 2] >> (k % 2 * 4) & 15);
  }
  return ei_ox_const(c, EDGE_DTYPE_U4, dims, 2, packed);
}

/* A, B [N, blocks, bytes], scales, zero points?, group index?, bias?: weights in blocks of 4 bits. */
void ei_ox_map_matmul_nbits(ei_ox_call *c) {
  const int64_t k = ei_ox_int(c, "K", 0), n = ei_ox_int(c, "N", 0), block = ei_ox_int(c, "block_size", 0);
  const uint32_t b = ei_ox_in(c, 1), scale = ei_ox_in(c, 2);
  if (ei_ox_int(c, "bits", 4) != 4 || ei_ox_in(c, 4) != EI_NONE || !ei_ox_is_const(c, b) || !ei_ox_is_const(c, scale) ||
      block < 1 || k < 1 || n < 1 || k > INT32_MAX || n > INT32_MAX || k % block != 0) {
    ei_ox_unsupported(c, "only constant 4-bit weights in whole blocks without reordering are supported");
    return;
  }
  const int64_t shape[2] = { n, k }, blocks[2] = { n, k / block };
  const int32_t scale_type = ei_ox_view(c, scale)->dtype;
  const uint32_t w = reinterpret(c, b, EDGE_DTYPE_U4, shape, 2);
  const uint32_t s = reinterpret(c, scale, scale_type, blocks, 2), z = block_zeros(c, n, blocks[1]);
  const uint32_t weights = EI_OX(c, "Dequantize", EI_NONE, w, s, z);
  ei_ox_set_int(c, "axis", 1);
  ei_ox_set_int(c, "block", block);
  EI_OX(c, "FullyConnected", ei_ox_out(c, 0), ei_ox_in(c, 0), weights, ei_ox_in(c, 5));
}
