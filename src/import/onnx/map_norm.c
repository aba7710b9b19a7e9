/* SPDX-License-Identifier: Apache-2.0
 * Normalisation. */
#include "map.h"

void ei_ox_map_batch_norm(ei_ox_call *c) {
  const int32_t rank = ei_ox_rank(c, ei_ox_in(c, 0));
  if (!ei_ox_ok(c->x)) return;
  if (c->opset >= 14 && ei_ox_int(c, "training_mode", 0)) {
    ei_ox_unsupported(c, "training mode is not supported; export the model for inference");
    return;
  }
  if (c->opset < 9 && !ei_ox_int(c, "spatial", 1) && rank > 2) {
    ei_ox_unsupported(c, "spatial=0 is not supported");
    return;
  }
  const bool moved = rank > 2;
  const uint32_t x = moved ? ei_ox_channels_last(c, ei_ox_in(c, 0), rank) : ei_ox_in(c, 0);
  const uint32_t y = EI_OX(c, "BatchNorm", moved ? EI_NONE : ei_ox_out(c, 0), x, ei_ox_in(c, 1), ei_ox_in(c, 2),
                           ei_ox_in(c, 3), ei_ox_in(c, 4));
  ei_ox_set_int(c, "axis", rank == 1 ? 0 : -1);
  ei_ox_set_float(c, "epsilon", ei_ox_float(c, "epsilon", 1e-5));
  if (moved) ei_ox_channels_first(c, y, rank, ei_ox_out(c, 0));
}

/* Before opset 21 scale and bias had one value per group. */
static uint32_t per_channel(ei_ox_call *c, uint32_t t, int64_t groups, int64_t channels) {
  const int64_t column[2] = { groups, 1 }, both[2] = { groups, channels / groups }, flat[1] = { channels };
  const uint32_t wide =
      EI_OX(c, "Expand", EI_NONE, ei_ox_reshape(c, t, column, 2, EI_NONE), ei_ox_const_ints(c, both, 2));
  return ei_ox_reshape(c, wide, flat, 1, EI_NONE);
}

void ei_ox_map_group_norm(ei_ox_call *c) {
  const uint32_t x = ei_ox_in(c, 0);
  uint32_t scale = ei_ox_in(c, 1), bias = ei_ox_in(c, 2);
  const int64_t groups = ei_ox_int(c, "num_groups", 1);
  const int32_t rank = ei_ox_rank(c, x);
  if (!ei_ox_ok(c->x)) return;
  if (c->opset < 21) {
    const int64_t channels = rank >= 2 ? ei_ox_view(c, x)->dims[1] : EI_DIM_UNKNOWN;
    if (channels < 1 || groups < 1 || channels % groups != 0) {
      ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld groups do not fit %lld channels, which must be known",
                 (long long)groups, (long long)channels);
      return;
    }
    scale = per_channel(c, scale, groups, channels);
    bias = per_channel(c, bias, groups, channels);
  }
  const bool moved = rank > 2;
  const uint32_t xl = ei_ox_channels_last(c, x, rank);
  const uint32_t y = EI_OX(c, "GroupNorm", moved ? EI_NONE : ei_ox_out(c, 0), xl, scale, bias);
  ei_ox_set_int(c, "groups", groups);
  ei_ox_set_float(c, "epsilon", ei_ox_float(c, "epsilon", 1e-5));
  if (moved) ei_ox_channels_first(c, y, rank, ei_ox_out(c, 0));
}

void ei_ox_map_lrn(ei_ox_call *c) {
  const int64_t size = ei_ox_int(c, "size", 1);
  const int32_t rank = ei_ox_rank(c, ei_ox_in(c, 0));
  if (ei_ox_ok(c->x) && (size < 1 || size > INT32_MAX))
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "size must be positive");
  if (!ei_ox_ok(c->x)) return;
  const bool moved = rank > 2;
  const uint32_t x = ei_ox_channels_last(c, ei_ox_in(c, 0), rank);
  const uint32_t y = EI_OX(c, "Lrn", moved ? EI_NONE : ei_ox_out(c, 0), x);
  ei_ox_set_int(c, "lo", (size - 1) / 2);
  ei_ox_set_int(c, "hi", size / 2);
  ei_ox_set_float(c, "alpha", ei_ox_float(c, "alpha", 1e-4) / (double)size);
  ei_ox_set_float(c, "beta", ei_ox_float(c, "beta", 0.75));
  ei_ox_set_float(c, "bias", ei_ox_float(c, "bias", 1.0));
  if (moved) ei_ox_channels_first(c, y, rank, ei_ox_out(c, 0));
}

void ei_ox_map_lp_norm(ei_ox_call *c) {
  EI_OX(c, "L2Norm", ei_ox_out(c, 0), ei_ox_in(c, 0));
  ei_ox_set_int(c, "axis", ei_ox_int(c, "axis", -1));
  ei_ox_set_int(c, "p", ei_ox_int(c, "p", 2));
  ei_ox_set_float(c, "epsilon", 1e-37); /* a vector of zeros stays one */
}

void ei_ox_map_layer_norm(ei_ox_call *c) {
  ei_ox_emit(c, c->row->target, c->in, c->n_in, c->out, c->n_out);
  ei_ox_set_int(c, "axis", ei_ox_int(c, "axis", -1));
  ei_ox_set_float(c, "epsilon", ei_ox_float(c, "epsilon", 1e-5));
}

void ei_ox_map_mean_variance(ei_ox_call *c) {
  static const int64_t usual[3] = { 0, 2, 3 };
  uint32_t n = 0;
  const int64_t *const axes = ei_ox_ints(c, "axes", &n);
  EI_OX(c, "MeanVarianceNorm", ei_ox_out(c, 0), ei_ox_in(c, 0));
  ei_ox_set_ints(c, "axes", axes ? axes : usual, axes ? n : 3);
}
