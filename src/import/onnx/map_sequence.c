/* SPDX-License-Identifier: Apache-2.0
 * Operators of sequence models that are short recipes: rotary positions, cache updates, gates. */
#include "attention.h"

static uint32_t slice(ei_ox_call *c, uint32_t t, int64_t start, int64_t end, int64_t step) {
  const int64_t last = -1;
  return EI_OX(c, "Slice", EI_NONE, t, ei_ox_const_ints(c, &start, 1), ei_ox_const_ints(c, &end, 1),
               ei_ox_const_ints(c, &last, 1), ei_ox_const_ints(c, &step, 1));
}

static uint32_t concat_last(ei_ox_call *c, uint32_t a, uint32_t b, uint32_t out) {
  out = EI_OX(c, "Concat", out, a, b);
  ei_ox_set_int(c, "axis", -1);
  return out;
}

uint32_t ei_ox_rotate(ei_ox_call *c, uint32_t x, const uint32_t given[2], uint32_t ids, int64_t heads, int64_t size,
                      bool interleaved, uint32_t out) {
  const int64_t axis = heads ? 2 : 1, split[4] = { 0, 0, heads, ei_ox_head_size(c, x, heads) };
  const uint32_t h = heads ? ei_ox_reshape(c, x, split, 4, EI_NONE) : x;
  const edge_tensor *const v = ei_ox_view(c, h);
  if (!ei_ox_ok(c->x)) return EI_NONE;
  const int64_t whole = v->rank == 4 ? v->dims[3] : EI_DIM_UNKNOWN;
  if (size <= 0) size = whole;
  if (whole < 2 || size > whole || size % 2 != 0) {
    ei_ox_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "the size of a head must be known and even");
    return EI_NONE;
  }
  uint32_t caches[2];
  for (uint32_t i = 0; i < 2; ++i) {
    caches[i] = ids == EI_NONE ? given[i] : EI_OX(c, "Gather", EI_NONE, given[i], ids);
    caches[i] = ei_ox_unsqueeze(c, caches[i], &axis, 1);
  }
  const uint32_t turned = size < whole ? slice(c, h, 0, size, 1) : h;
  const uint32_t a = interleaved ? slice(c, turned, 0, size, 2) : slice(c, turned, 0, size / 2, 1);
  const uint32_t b = interleaved ? slice(c, turned, 1, size, 2) : slice(c, turned, size / 2, size, 1);
  uint32_t re =
      EI_OX(c, "Sub", EI_NONE, EI_OX(c, "Mul", EI_NONE, caches[0], a), EI_OX(c, "Mul", EI_NONE, caches[1], b));
  uint32_t im =
      EI_OX(c, "Add", EI_NONE, EI_OX(c, "Mul", EI_NONE, caches[1], a), EI_OX(c, "Mul", EI_NONE, caches[0], b));
  const bool rest = size < whole;
  uint32_t y;
  if (interleaved) {
    const int64_t last = -1, pairs[4] = { 0, 0, 0, size };
    re = ei_ox_unsqueeze(c, re, &last, 1);
    im = ei_ox_unsqueeze(c, im, &last, 1);
    y = ei_ox_reshape(c, concat_last(c, re, im, EI_NONE), pairs, 4, rest || heads ? EI_NONE : out);
  } else {
    y = concat_last(c, re, im, rest || heads ? EI_NONE : out);
  }
  if (rest) y = concat_last(c, y, slice(c, h, size, whole, 1), heads ? EI_NONE : out);
  const int64_t joined[3] = { 0, 0, heads && whole < INT32_MAX && heads < INT32_MAX ? heads * whole : -1 };
  return heads ? ei_ox_reshape(c, y, joined, 3, out) : y;
}

void ei_ox_map_rotary(ei_ox_call *c) {
  const uint32_t caches[2] = { ei_ox_in(c, 1), ei_ox_in(c, 2) };
  const int64_t heads = ei_ox_int(c, "num_heads", 0);
  const bool flat = ei_ox_rank(c, ei_ox_in(c, 0)) == 3;
  if (!ei_ox_ok(c->x)) return;
  if (flat && heads < 1) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "the number of heads is needed");
    return;
  }
  ei_ox_rotate(c, ei_ox_in(c, 0), caches, ei_ox_in(c, 3), flat ? heads : 0, ei_ox_int(c, "rotary_embedding_dim", 0),
               ei_ox_int(c, "interleaved", 0) != 0, ei_ox_out(c, 0));
}

/* update goes into past at write_indices[batch] along the axis. */
void ei_ox_map_tensor_scatter(ei_ox_call *c) {
  const uint32_t past = ei_ox_in(c, 0), update = ei_ox_in(c, 1);
  const int32_t rank = ei_ox_rank(c, past);
  int64_t axis = ei_ox_int(c, "axis", -2), shape[EDGE_MAX_RANK];
  if (!ei_ox_ok(c->x)) return;
  if (axis < 0) axis += rank;
  if (axis < 1 || axis >= rank) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "axis %lld is out of range", (long long)axis);
    return;
  }
  const uint32_t sizes = EI_OX(c, "Shape", EI_NONE, update);
  const uint32_t n = EI_OX(c, "Gather", EI_NONE, sizes, ei_ox_const_int(c, axis));
  uint32_t at = EI_OX(c, "Range", EI_NONE, ei_ox_const_int(c, 0), n, ei_ox_const_int(c, 1));
  for (int32_t i = 0; i < rank; ++i) shape[i] = i == axis ? -1 : 1;
  at = ei_ox_reshape(c, at, shape, (uint32_t)rank, EI_NONE);
  if (ei_ox_in(c, 2) != EI_NONE) {
    for (int32_t i = 0; i < rank; ++i) shape[i] = i == 0 ? -1 : 1;
    const uint32_t starts = ei_ox_cast(c, ei_ox_in(c, 2), EDGE_DTYPE_S64, EI_NONE);
    at = EI_OX(c, "Add", EI_NONE, at, ei_ox_reshape(c, starts, shape, (uint32_t)rank, EI_NONE));
  }
  if (strcmp(ei_ox_text_attr(c, "mode", "linear"), "circular") == 0) {
    const uint32_t length = EI_OX(c, "Gather", EI_NONE, EI_OX(c, "Shape", EI_NONE, past), ei_ox_const_int(c, axis));
    at = EI_OX(c, "FloorMod", EI_NONE, at, length);
  }
  EI_OX(c, "ScatterElements", ei_ox_out(c, 0), past, EI_OX(c, "Expand", EI_NONE, at, sizes), update);
  ei_ox_set_int(c, "axis", axis);
}

void ei_ox_map_swiglu(ei_ox_call *c) {
  const uint32_t gate = EI_OX(c, "Swish", EI_NONE, ei_ox_in(c, 0));
  ei_ox_set_float(c, "alpha", ei_ox_float(c, "alpha", 1.0));
  EI_OX(c, "Mul", ei_ox_out(c, 0), gate, ei_ox_in(c, 1));
}

/* A depthwise convolution along time whose window reaches back into the last call: past and input in one row. */
void ei_ox_map_causal_conv(ei_ox_call *c) {
  static const char *const names = "none|silu|swish";
  const uint32_t x = ei_ox_in(c, 0), w = ei_ox_in(c, 1), past = ei_ox_in(c, 3), present = ei_ox_out(c, 1);
  const int32_t activation = ei_ox_word(names, ei_ox_text_attr(c, "activation", "none"));
  const edge_tensor *const v = ei_ox_view(c, w);
  if (!ei_ox_ok(c->x)) return;
  if (v->rank != 3 || v->dims[0] < 1 || v->dims[2] < 1 || v->dims[2] > INT32_MAX || activation < 0) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "the weights must be [channels, 1, size] and the activation one of %s",
               names);
    return;
  }
  const int64_t channels = v->dims[0], before = v->dims[2] - 1, axis = 2, pads[2] = { before, 0 };
  const int64_t first = before ? -before : INT32_MAX, end = INT32_MAX;
  uint32_t row = x;
  if (past != EI_NONE) {
    row = EI_OX(c, "Concat", EI_NONE, past, x);
    ei_ox_set_int(c, "axis", 2);
  } else if (before) {
    row = EI_OX(c, "Pad", EI_NONE, x, ei_ox_const_ints(c, pads, 2), EI_NONE, ei_ox_const_ints(c, &axis, 1));
  }
  uint32_t y = EI_OX(c, "Conv", EI_NONE, ei_ox_channels_last(c, row, 3), ei_ox_channels_last(c, w, 3), ei_ox_in(c, 2));
  ei_ox_set_int(c, "group", channels);
  y = ei_ox_channels_first(c, y, 3, activation ? EI_NONE : ei_ox_out(c, 0));
  if (activation) EI_OX(c, "Swish", ei_ox_out(c, 0), y);
  if (present != EI_NONE)
    EI_OX(c, "Slice", present, row, ei_ox_const_ints(c, &first, 1), ei_ox_const_ints(c, &end, 1),
          ei_ox_const_ints(c, &axis, 1));
}
