/* SPDX-License-Identifier: Apache-2.0
 * Translators: convolutions, matrix products, pools, normalisation, recurrent operators. */
#include "tflite.h"

enum { PADDING_SAME = 0, PADDING_VALID = 1 };

static edge_status set_padding(tl_op *op, ei_node *n, int32_t padding) {
  if (padding != PADDING_SAME && padding != PADDING_VALID)
    return tl_malformed(op, "padding %d does not exist", padding);
  return ei_node_set_int(op->m->g, n, "auto_pad", padding == PADDING_SAME ? 1 : 3);
}

static edge_status set_pair(tl_op *op, ei_node *n, const char *key, int32_t h, int32_t w) {
  const int64_t v[2] = { h, w };
  if (h < 1 || w < 1) return tl_malformed(op, "%s %d x %d must be positive", key, h, w);
  return ei_node_set_ints(op->m->g, n, key, v, 2);
}

edge_status tl_act(tl_op *op) {
  TL_EMIT(n, op, op->row->edge, op->in, op->n_in, op->out, 1);
  return tl_set_act(op, n, fb_s8(op->opt, 0, 0));
}

/* ---- weights in our layout */

/* Copy elements so that out[i0][i1].. = in with dimension perm[k] of the input as dimension k; whole bytes or nibbles.
 */
static edge_status permute_data(tl_op *op, const ei_tensor *in, const int64_t *perm, ei_tensor *out) {
  const uint32_t bits = edge_dtype_bits(in->dtype), n = (uint32_t)in->rank;
  uint64_t stride[EDGE_MAX_RANK], count = 0, index[EDGE_MAX_RANK] = { 0 };
  uint8_t *const to = ei_arena_get(op->m->im->arena, in->data_bytes ? in->data_bytes : 1, 64);
  const uint8_t *const from = in->data;
  if (!to) return tl_broken(op->m);
  if (!ei_elements(in->dims, in->rank, &count)) return tl_malformed(op, "the weights are too large");
  for (uint32_t k = 0; k < n; ++k) {
    stride[k] = 1;
    for (uint32_t i = (uint32_t)perm[k] + 1; i < n; ++i) stride[k] *= (uint64_t)in->dims[i];
  }
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t at = 0;
    for (uint32_t k = 0; k < n; ++k) at += index[k] * stride[k];
    if (bits >= 8) {
      memcpy(to + i * (bits / 8), from + at * (bits / 8), bits / 8);
    } else {
      const uint32_t per = 8 / bits, mask = (1u << bits) - 1u;
      const uint32_t v = from[at / per] >> (at % per * bits) & mask;
      to[i / per] = (uint8_t)(to[i / per] | v << (i % per * bits));
    }
    for (uint32_t k = n; k-- > 0 && ++index[k] == (uint64_t)out->dims[k];) index[k] = 0;
  }
  out->data = to;
  return EDGE_STATUS_OK;
}

/* The tensor with its dimensions permuted: constants once, in the arena; others by a Transpose node. */
static edge_status permuted(tl_op *op, uint32_t t, const int64_t *perm, int32_t rank, uint32_t *result) {
  if (t == EI_NONE) return tl_malformed(op, "its weights are missing");
  const ei_tensor in = *tl_graph_tensor(op, t);
  if (!in.data) {
    TL_NEW(temp, tl_temp(op, in.dtype));
    TL_EMIT(n, op, "Transpose", &t, 1, &temp, 1);
    *result = temp;
    tl_graph_tensor(op, temp)->quant = in.quant;
    if (in.quant.count > 1)
      for (int32_t k = 0; k < rank; ++k)
        if (perm[k] == in.quant.axis) tl_graph_tensor(op, temp)->quant.axis = k;
    return ei_node_set_ints(op->m->g, n, "perm", perm, (uint32_t)rank);
  }
  if (in.rank != rank) return tl_malformed(op, "its weights have %d dimensions instead of %d", in.rank, rank);
  tl_tensor *const d = &op->sub->tensors[t];
  if (d->permuted == EI_NONE) {
    ei_tensor out = in;
    for (int32_t k = 0; k < rank; ++k) {
      out.dims[k] = in.dims[perm[k]];
      if (in.quant.count > 1 && perm[k] == in.quant.axis) out.quant.axis = k;
    }
    EI_TRY(permute_data(op, &in, perm, &out));
    d->permuted = ei_graph_add_tensor(op->m->g, op->sg, &out);
    if (d->permuted == EI_NONE) return tl_broken(op->m);
  }
  *result = d->permuted;
  return EDGE_STATUS_OK;
}

/* ---- convolutions */

/* Groups follow from the channels of the input and of the weights. */
static edge_status set_groups(tl_op *op, ei_node *n, int64_t channels, int64_t per_group) {
  if (channels <= 0 || per_group <= 0 || channels == per_group) return EDGE_STATUS_OK;
  if (channels % per_group != 0)
    return tl_malformed(op, "the input has %lld channels, the weights take %lld", (long long)channels,
                        (long long)per_group);
  return ei_node_set_int(op->m->g, n, "group", channels / per_group);
}

/* Float data and constant s8 weights: the format multiplies them in integers. */
static edge_status set_dynamic(tl_op *op, ei_node *n, bool asymmetric) {
  if (op->in[0] == EI_NONE || op->in[1] == EI_NONE) return EDGE_STATUS_OK;
  const ei_tensor *const x = tl_graph_tensor(op, op->in[0]), *const w = tl_graph_tensor(op, op->in[1]);
  const edge_quant *const q = &w->quant;
  if (x->dtype != EDGE_DTYPE_F32 || w->dtype != EDGE_DTYPE_S8 || !w->data || q->count == 0 || q->block != 0 ||
      (q->count > 1 && q->axis != 0))
    return EDGE_STATUS_OK;
  for (uint32_t i = 0; q->zero_points && i < q->count; ++i)
    if (q->zero_points[i] != 0) return EDGE_STATUS_OK;
  return ei_node_set_int(op->m->g, n, "dynamic", asymmetric ? 2 : 1);
}

edge_status tl_conv(tl_op *op) {
  const uint32_t in[3] = { op->in[0], op->in[1], tl_in(op, 2) };
  TL_EMIT(n, op, "Conv", in, in[2] == EI_NONE ? 2 : 3, op->out, 1);
  EI_TRY(set_padding(op, n, fb_s8(op->opt, 0, 0)));
  EI_TRY(set_pair(op, n, "strides", fb_s32(op->opt, 2, 0), fb_s32(op->opt, 1, 0)));
  EI_TRY(set_pair(op, n, "dilations", fb_s32(op->opt, 5, 1), fb_s32(op->opt, 4, 1)));
  EI_TRY(set_groups(op, n, tl_dim(op, op->in[0], -1), tl_dim(op, op->in[1], -1)));
  if (ei_node_int(n, "group") == 1) EI_TRY(set_dynamic(op, n, true));
  return tl_set_act(op, n, fb_s8(op->opt, 3, 0));
}

edge_status tl_depthwise(tl_op *op) {
  static const int64_t perm[4] = { 3, 1, 2, 0 }; /* [1, h, w, C*m] -> [C*m, h, w, 1] */
  uint32_t in[3] = { op->in[0], EI_NONE, tl_in(op, 2) };
  const int64_t outputs = tl_dim(op, op->in[1], 3), multiplier = fb_s32(op->opt, 3, 0);
  int64_t channels = tl_dim(op, op->in[0], -1);
  if (tl_dim(op, op->in[1], 0) != 1) return tl_malformed(op, "depthwise weights must begin with a dimension of 1");
  if (channels < 1 && multiplier > 0) channels = outputs / multiplier;
  if (channels < 1 || outputs < 1 || outputs % channels != 0)
    return tl_malformed(op, "%lld weight channels do not fit %lld input channels", (long long)outputs,
                        (long long)channels);
  EI_TRY(permuted(op, op->in[1], perm, 4, &in[1]));
  TL_EMIT(n, op, "Conv", in, in[2] == EI_NONE ? 2 : 3, op->out, 1);
  EI_TRY(ei_node_set_int(op->m->g, n, "group", channels));
  EI_TRY(set_padding(op, n, fb_s8(op->opt, 0, 0)));
  EI_TRY(set_pair(op, n, "strides", fb_s32(op->opt, 2, 0), fb_s32(op->opt, 1, 0)));
  EI_TRY(set_pair(op, n, "dilations", fb_s32(op->opt, 6, 1), fb_s32(op->opt, 5, 1)));
  return tl_set_act(op, n, fb_s8(op->opt, 4, 0));
}

edge_status tl_transpose_conv(tl_op *op) {
  const uint32_t in[4] = { op->in[2], op->in[1], tl_in(op, 3), op->in[0] };
  TL_EMIT(n, op, "ConvTranspose", in, 4, op->out, 1);
  EI_TRY(set_padding(op, n, fb_s8(op->opt, 0, 0)));
  EI_TRY(set_pair(op, n, "strides", fb_s32(op->opt, 2, 0), fb_s32(op->opt, 1, 0)));
  return tl_set_act(op, n, fb_s8(op->opt, 3, 0));
}

edge_status tl_conv_3d(tl_op *op) {
  static const int64_t forward[5] = { 4, 0, 1, 2, 3 }; /* [d, h, w, I, O] -> [O, d, h, w, I] */
  static const int64_t back[5] = { 3, 0, 1, 2, 4 };    /* [d, h, w, O, I] -> [O, d, h, w, I] */
  const bool transposed = op->row->arg == 1;
  const int64_t strides[3] = { fb_s32(op->opt, 1, 0), fb_s32(op->opt, 3, 0), fb_s32(op->opt, 2, 0) };
  const int64_t dilations[3] = { fb_s32(op->opt, 5, 1), fb_s32(op->opt, 7, 1), fb_s32(op->opt, 6, 1) };
  uint32_t in[4] = { op->in[0], EI_NONE, tl_in(op, 2), EI_NONE };
  for (int i = 0; i < 3; ++i)
    if (strides[i] < 1 || dilations[i] < 1) return tl_malformed(op, "strides and dilations must be positive");
  EI_TRY(permuted(op, op->in[1], transposed ? back : forward, 5, &in[1]));
  if (transposed) {
    in[0] = op->in[2];
    in[2] = tl_in(op, 3);
    in[3] = op->in[0];
  }
  TL_EMIT(n, op, op->row->edge, in, transposed ? 4 : in[2] == EI_NONE ? 2 : 3, op->out, 1);
  EI_TRY(set_padding(op, n, fb_s8(op->opt, 0, 0)));
  EI_TRY(ei_node_set_ints(op->m->g, n, "strides", strides, 3));
  EI_TRY(ei_node_set_ints(op->m->g, n, "dilations", dilations, 3));
  if (!transposed) EI_TRY(set_groups(op, n, tl_dim(op, op->in[0], -1), tl_dim(op, op->in[1], 3)));
  return tl_set_act(op, n, fb_s8(op->opt, 4, 0));
}

/* ---- matrix products */

edge_status tl_fully_connected(tl_op *op) {
  if (fb_s8(op->opt, 1, 0) != 0)
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE,
                          "shuffled weights are not supported; convert the model again");
  const uint32_t in[3] = { op->in[0], op->in[1], tl_in(op, 2) };
  TL_EMIT(n, op, "FullyConnected", in, in[2] == EI_NONE ? 2 : 3, op->out, 1);
  EI_TRY(ei_node_set_int(op->m->g, n, "keep_dims", fb_u8(op->opt, 2, 0) != 0));
  EI_TRY(set_dynamic(op, n, fb_u8(op->opt, 3, 0) != 0));
  return tl_set_act(op, n, fb_s8(op->opt, 0, 0));
}

edge_status tl_batch_matmul(tl_op *op) {
  TL_EMIT(n, op, "MatMul", op->in, 2, op->out, 1);
  EI_TRY(ei_node_set_int(op->m->g, n, "trans_a", fb_u8(op->opt, 0, 0) != 0));
  return ei_node_set_int(op->m->g, n, "trans_b", fb_u8(op->opt, 1, 0) != 0);
}

/* ---- pools and normalisation */

edge_status tl_pool(tl_op *op) {
  TL_EMIT(n, op, op->row->edge, op->in, 1, op->out, 1);
  EI_TRY(set_padding(op, n, fb_s8(op->opt, 0, 0)));
  EI_TRY(set_pair(op, n, "strides", fb_s32(op->opt, 2, 0), fb_s32(op->opt, 1, 0)));
  EI_TRY(set_pair(op, n, "kernel", fb_s32(op->opt, 4, 0), fb_s32(op->opt, 3, 0)));
  if (strcmp(op->row->edge, "LpPool") == 0) {
    EI_TRY(ei_node_set_int(op->m->g, n, "p", 2));
    EI_TRY(ei_node_set_int(op->m->g, n, "mean", 1));
  }
  return tl_set_act(op, n, fb_s8(op->opt, 5, 0));
}

edge_status tl_softmax(tl_op *op) {
  TL_EMIT(n, op, "Softmax", op->in, 1, op->out, 1);
  return ei_node_set_float(op->m->g, n, "beta", (double)fb_f32(op->opt, 0, 0.0f));
}

edge_status tl_l2_norm(tl_op *op) {
  if (fb_s8(op->opt, 0, 0) != 0)
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "a fused activation is not supported here");
  TL_EMIT(n, op, "L2Norm", op->in, 1, op->out, 1);
  return ei_node_set_float(op->m->g, n, "epsilon", 1e-6);
}

edge_status tl_lrn(tl_op *op) {
  const int32_t radius = fb_s32(op->opt, 0, 0);
  if (radius < 0) return tl_malformed(op, "radius %d is negative", radius);
  TL_EMIT(n, op, "Lrn", op->in, 1, op->out, 1);
  EI_TRY(ei_node_set_int(op->m->g, n, "lo", radius));
  EI_TRY(ei_node_set_int(op->m->g, n, "hi", radius));
  EI_TRY(ei_node_set_float(op->m->g, n, "bias", (double)fb_f32(op->opt, 1, 0.0f)));
  EI_TRY(ei_node_set_float(op->m->g, n, "alpha", (double)fb_f32(op->opt, 2, 0.0f)));
  return ei_node_set_float(op->m->g, n, "beta", (double)fb_f32(op->opt, 3, 0.0f));
}

edge_status tl_gelu(tl_op *op) {
  TL_EMIT(n, op, "Gelu", op->in, 1, op->out, 1);
  return ei_node_set_int(op->m->g, n, "approximate", fb_u8(op->opt, 0, 0) != 0);
}

edge_status tl_leaky_relu(tl_op *op) {
  TL_EMIT(n, op, "LeakyRelu", op->in, 1, op->out, 1);
  return ei_node_set_float(op->m->g, n, "alpha", (double)fb_f32(op->opt, 0, 0.0f));
}

/* Stored integers change sign, whatever their quantization: that is how the format defines it. */
edge_status tl_neg(tl_op *op) {
  const int32_t dtype = tl_out_dtype(op, 0);
  if (op->in[0] == EI_NONE) return tl_malformed(op, "its input is missing");
  if (tl_graph_tensor(op, op->in[0])->quant.count == 0) return tl_same(op);
  TL_NEW(raw, tl_temp(op, dtype));
  TL_NEW(negated, tl_temp(op, dtype));
  TL_EMIT(a, op, "Bitcast", op->in, 1, &raw, 1);
  EI_TRY(ei_node_set_int(op->m->g, a, "dtype", dtype));
  TL_EMIT(n, op, "Neg", &raw, 1, &negated, 1);
  TL_EMIT(b, op, "Bitcast", &negated, 1, op->out, 1);
  return ei_node_set_int(op->m->g, b, "dtype", dtype);
}

/* Bounds as scalars of the input's type; quantized ones are stored like the input. */
edge_status tl_clip(tl_op *op) {
  const double bounds[2] = { op->row->arg == 1 ? -1.0 : 0.0, 1.0 };
  if (op->in[0] == EI_NONE) return tl_malformed(op, "its input is missing");
  const ei_tensor x = *tl_graph_tensor(op, op->in[0]);
  uint32_t in[3] = { op->in[0], EI_NONE, EI_NONE };
  for (int i = 0; i < 2; ++i) {
    double v = bounds[i];
    if (x.quant.count == 1 && x.quant.scales[0] > 0.0f) {
      v = v / (double)x.quant.scales[0] + (x.quant.zero_points ? x.quant.zero_points[0] : 0);
      if (v > 1e9) v = 1e9;
      if (v < -1e9) v = -1e9;
    }
    TL_NEW(c, tl_scalar(op, x.dtype, v));
    tl_graph_tensor(op, c)->quant = x.quant;
    in[1 + i] = c;
  }
  TL_EMIT(n, op, "Clip", in, 3, op->out, 1);
  return EDGE_STATUS_OK;
}

/* ---- recurrent */

/* State operands are variable tensors; old files forget to say so. */
edge_status tl_need_state(tl_op *op, uint32_t i) {
  const uint32_t t = tl_in(op, i);
  if (t == EI_NONE) return EDGE_STATUS_OK;
  ei_tensor *const g = tl_graph_tensor(op, t);
  if (g->state) return EDGE_STATUS_OK;
  if (g->data || tl_declared(op, t)->produced || tl_declared(op, t)->is_input)
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "input %u must be a variable tensor", i);
  ei_state s;
  memset(&s, 0, sizeof s);
  s.name = g->name;
  s.dtype = g->dtype;
  s.rank = g->rank;
  for (int32_t k = 0; k < g->rank; ++k) s.dims[k] = g->dims[k];
  const uint32_t state = ei_graph_add_state(op->m->g, &s);
  if (state == EI_NONE) return tl_broken(op->m);
  g->state = state + 1;
  return EDGE_STATUS_OK;
}

edge_status tl_svdf(tl_op *op) {
  const int32_t rank = fb_s32(op->opt, 0, 0);
  if (rank < 1) return tl_malformed(op, "rank %d must be positive", rank);
  EI_TRY(tl_need_state(op, 4));
  TL_EMIT(n, op, "Svdf", op->in, 5, op->out, 1);
  EI_TRY(ei_node_set_int(op->m->g, n, "rank", rank));
  return tl_set_act(op, n, fb_s8(op->opt, 1, 0));
}

edge_status tl_lstm(tl_op *op) {
  const bool single = op->row->arg == 1;
  uint32_t in[24];
  if (single && fb_s8(op->opt, 3, 0) != 0)
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "the basic kernel is not supported; use the full one");
  if (!single && fb_u8(op->opt, 5, 0) != 0)
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "diagonal recurrent weights are not supported");
  if (op->n_in > 24) return tl_malformed(op, "has %u inputs, at most 24 are known", op->n_in);
  for (uint32_t i = 0; i < 24; ++i) in[i] = tl_in(op, i);
  EI_TRY(tl_need_state(op, 18));
  EI_TRY(tl_need_state(op, 19));
  TL_EMIT(n, op, "SequenceLstm", in, 24, op->out, 1);
  EI_TRY(ei_node_set_float(op->m->g, n, "cell_clip", (double)fb_f32(op->opt, 1, 0.0f)));
  EI_TRY(ei_node_set_float(op->m->g, n, "proj_clip", (double)fb_f32(op->opt, 2, 0.0f)));
  EI_TRY(ei_node_set_int(op->m->g, n, "time_major", !single && fb_u8(op->opt, 3, 0) != 0));
  EI_TRY(ei_node_set_int(op->m->g, n, "single_step", single));
  EI_TRY(ei_node_set_int(op->m->g, n, "act", 0));
  return tl_set_act(op, n, fb_s8(op->opt, 0, 0));
}

edge_status tl_rnn(tl_op *op) {
  const bool single = op->row->arg == 1;
  EI_TRY(tl_need_state(op, 4));
  TL_EMIT(n, op, "SequenceRnn", op->in, 5, op->out, 1);
  EI_TRY(ei_node_set_int(op->m->g, n, "time_major", !single && fb_u8(op->opt, 0, 0) != 0));
  EI_TRY(ei_node_set_int(op->m->g, n, "single_step", single));
  return tl_set_act(op, n, fb_s8(op->opt, single ? 0 : 1, 0));
}
