/* SPDX-License-Identifier: Apache-2.0
 * Quantization: the linear operators become real arithmetic between Dequantize and Quantize, which the
 * passes turn into integer kernels. */
#include "map.h"

static void set_quant_attrs(ei_ox_call *c) {
  ei_ox_set_int(c, "axis", ei_ox_int(c, "axis", 1));
  ei_ox_set_int(c, "block", ei_ox_int(c, "block_size", 0));
}

void ei_ox_map_quantize(ei_ox_call *c) {
  uint32_t zero = ei_ox_in(c, 2);
  const uint32_t scale = ei_ox_in(c, 1);
  const int64_t to = ei_ox_int(c, "output_dtype", 0);
  if (zero == EI_NONE && scale != EI_NONE) { /* its type is that of the result */
    const int32_t dtype = to > 0 && to < 1000 ? ei_ox_dtype((int32_t)to) : EDGE_DTYPE_U8;
    const edge_tensor *const v = ei_ox_view(c, scale);
    uint64_t bytes = 0;
    if (dtype == EDGE_DTYPE_NONE || v->rank < 0 ||
        !ei_tensor_bytes(dtype, EDGE_ENCODING_NATIVE, v->dims, v->rank, &bytes)) {
      ei_ox_unsupported(c, "the type of the result or the shape of the scale is not supported");
      return;
    }
    void *const zeros = ei_arena_get(c->x->arena, bytes + 1, 8);
    if (!zeros) {
      ei_ox_out_of_memory(c->x);
      return;
    }
    zero = ei_ox_const(c, dtype, v->dims, v->rank, zeros);
  }
  EI_OX(c, "Quantize", ei_ox_out(c, 0), ei_ox_in(c, 0), scale, zero);
  set_quant_attrs(c);
}

void ei_ox_map_dequantize(ei_ox_call *c) {
  EI_OX(c, "Dequantize", ei_ox_out(c, 0), ei_ox_in(c, 0), ei_ox_in(c, 1), ei_ox_in(c, 2));
  set_quant_attrs(c);
}

static uint32_t real_value(ei_ox_call *c, uint32_t first, int64_t axis) {
  const uint32_t y =
      EI_OX(c, "Dequantize", EI_NONE, ei_ox_in(c, first), ei_ox_in(c, first + 1), ei_ox_in(c, first + 2));
  ei_ox_set_int(c, "axis", axis);
  return y;
}

void ei_ox_map_qlinear_conv(ei_ox_call *c) {
  const uint32_t x = real_value(c, 0, 1), w = real_value(c, 3, 0);
  uint32_t bias = ei_ox_in(c, 8), y;
  if (bias != EI_NONE) { /* int32, in units of both scales */
    const uint32_t scale = EI_OX(c, "Mul", EI_NONE, ei_ox_in(c, 1), ei_ox_in(c, 4));
    uint32_t folded = scale;
    const edge_tensor *const v = ei_ox_view(c, scale);
    if (v->data) folded = ei_ox_const(c, v->dtype, v->dims, v->rank, v->data);
    bias = EI_OX(c, "Dequantize", EI_NONE, bias, folded);
    ei_ox_set_int(c, "axis", 0);
  }
  if (ei_ox_int(c, "channels_last", 0)) { /* com.microsoft: only the weights have their channels first */
    y = EI_OX(c, "Conv", EI_NONE, x, ei_ox_channels_last(c, w, ei_ox_rank(c, w)), bias);
    ei_ox_set_window(c, false);
    ei_ox_set_int(c, "group", ei_ox_int(c, "group", 1));
  } else {
    const uint32_t in[3] = { x, w, bias };
    y = ei_ox_conv_nodes(c, "Conv", in, 3, EI_NONE);
  }
  EI_OX(c, "Quantize", ei_ox_out(c, 0), y, ei_ox_in(c, 6), ei_ox_in(c, 7));
}

/* Scales of the first matrix go by row, of the second by column. */
static uint32_t real_matrix(ei_ox_call *c, uint32_t first, bool rows) {
  const uint32_t q = ei_ox_in(c, first);
  const edge_tensor *const s = ei_ox_view(c, ei_ox_in(c, first + 1));
  const int32_t rank = s->rank == 1 && s->dims[0] != 1 ? ei_ox_rank(c, q) : 1;
  if (s->rank > 1) { /* one per row or column of every matrix: plain arithmetic */
    const uint32_t f = ei_ox_cast(c, q, EDGE_DTYPE_F32, EI_NONE);
    const uint32_t z = ei_ox_cast(c, ei_ox_in(c, first + 2), EDGE_DTYPE_F32, EI_NONE);
    return EI_OX(c, "Mul", EI_NONE, EI_OX(c, "Sub", EI_NONE, f, z), ei_ox_in(c, first + 1));
  }
  return real_value(c, first, rank < 2 ? 0 : rows ? rank - 2 : rank - 1);
}

void ei_ox_map_qlinear_matmul(ei_ox_call *c) {
  const uint32_t y = EI_OX(c, "MatMul", EI_NONE, real_matrix(c, 0, true), real_matrix(c, 3, false));
  EI_OX(c, "Quantize", ei_ox_out(c, 0), y, ei_ox_in(c, 6), ei_ox_in(c, 7));
}
