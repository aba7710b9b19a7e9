/* SPDX-License-Identifier: Apache-2.0
 * Shapes, slices, reductions, resizing: mostly attributes of old opsets that became inputs. */
#include "map.h"

/* Input i, or the attribute that stood for it in old opsets. */
static uint32_t input_or_attr(ei_ox_call *c, uint32_t i, const char *attr) {
  if (ei_ox_in(c, i) != EI_NONE) return c->in[i];
  uint32_t n = 0;
  const int64_t *const v = ei_ox_ints(c, attr, &n);
  return v ? ei_ox_const_ints(c, v, n) : EI_NONE;
}

void ei_ox_map_reshape(ei_ox_call *c) {
  EI_OX(c, "Reshape", ei_ox_out(c, 0), ei_ox_in(c, 0), input_or_attr(c, 1, "shape"));
  ei_ox_set_int(c, "allow_zero", ei_ox_int(c, "allowzero", 0));
}

void ei_ox_map_axes_attr(ei_ox_call *c) {
  EI_OX(c, c->row->target, ei_ox_out(c, 0), ei_ox_in(c, 0), input_or_attr(c, 1, "axes"));
}

void ei_ox_map_reduce(ei_ox_call *c) {
  EI_OX(c, c->row->target, ei_ox_out(c, 0), ei_ox_in(c, 0), input_or_attr(c, 1, "axes"));
  ei_ox_set_int(c, "keep_dims", ei_ox_int(c, "keepdims", 1));
  ei_ox_set_int(c, "noop_empty", ei_ox_int(c, "noop_with_empty_axes", 0));
}

void ei_ox_map_slice(ei_ox_call *c) {
  EI_OX(c, "Slice", ei_ox_out(c, 0), ei_ox_in(c, 0), input_or_attr(c, 1, "starts"), input_or_attr(c, 2, "ends"),
        input_or_attr(c, 3, "axes"), ei_ox_in(c, 4));
}

void ei_ox_map_pad(ei_ox_call *c) {
  static const ei_ox_attr_map mode[] = { { "mode", "mode", EI_ATTR_STRING, 0, "constant|reflect|edge|wrap" },
                                         { NULL, NULL, 0, 0, NULL } };
  const uint32_t x = ei_ox_in(c, 0);
  uint32_t value = ei_ox_in(c, 2);
  if (c->opset < 11 && ei_ox_float(c, "value", 0.0) != 0.0)
    value = ei_ox_const_like(c, x, ei_ox_float(c, "value", 0.0));
  EI_OX(c, "Pad", ei_ox_out(c, 0), x, input_or_attr(c, 1, c->opset < 2 ? "paddings" : "pads"), value, ei_ox_in(c, 3));
  ei_ox_map_attrs(c, mode);
}

void ei_ox_map_split(ei_ox_call *c) {
  const uint32_t in[2] = { ei_ox_in(c, 0), input_or_attr(c, 1, "split") };
  ei_ox_emit(c, "Split", in, 2, c->out, c->n_out);
  ei_ox_set_int(c, "axis", ei_ox_int(c, "axis", 0));
}

void ei_ox_map_topk(ei_ox_call *c) {
  uint32_t k = ei_ox_in(c, 1);
  if (c->opset < 10) k = ei_ox_const_int(c, ei_ox_int(c, "k", 1));
  const uint32_t in[2] = { ei_ox_in(c, 0), k };
  ei_ox_emit(c, "TopK", in, 2, c->out, c->n_out);
  ei_ox_set_int(c, "axis", ei_ox_int(c, "axis", -1));
  ei_ox_set_int(c, "largest", ei_ox_int(c, "largest", 1));
  ei_ox_set_int(c, "sorted", ei_ox_int(c, "sorted", 1));
}

void ei_ox_map_tile(ei_ox_call *c) {
  if (c->opset >= 6) {
    ei_ox_map_direct(c);
    return;
  }
  int64_t repeats[EDGE_MAX_RANK], tiles = 0, axis = 0; /* opset 1: x, tiles, axis */
  uint32_t n = 0, m = 0;
  const int32_t rank = ei_ox_rank(c, ei_ox_in(c, 0));
  if (!ei_ox_ok(c->x)) return;
  if (!ei_ox_values(c, ei_ox_in(c, 1), &tiles, 1, &n) || !ei_ox_values(c, ei_ox_in(c, 2), &axis, 1, &m) || axis < 0 ||
      axis >= rank) {
    ei_ox_unsupported(c, "tiles and axis must be constants");
    return;
  }
  for (int32_t i = 0; i < rank; ++i) repeats[i] = i == axis ? tiles : 1;
  EI_OX(c, "Tile", ei_ox_out(c, 0), ei_ox_in(c, 0), ei_ox_const_ints(c, repeats, (uint32_t)rank));
}

void ei_ox_map_shape(ei_ox_call *c) {
  EI_OX(c, "Shape", ei_ox_out(c, 0), ei_ox_in(c, 0));
  if (ei_ox_attr_find(c, "start")) ei_ox_set_int(c, "start", ei_ox_int(c, "start", 0));
  if (ei_ox_attr_find(c, "end")) ei_ox_set_int(c, "end", ei_ox_int(c, "end", INT64_MAX));
}

void ei_ox_map_axis_flag(ei_ox_call *c) {
  const ei_ox_attr *const axis = ei_ox_attr_find(c, "axis");
  ei_ox_map_direct(c);
  ei_ox_set_int(c, "has_axis", axis != NULL);
  if (axis) ei_ox_set_int(c, "axis", axis->i);
}

void ei_ox_map_einsum(ei_ox_call *c) {
  ei_ox_emit(c, "Einsum", c->in, c->n_in, c->out, c->n_out);
  if (!ei_ox_ok(c->x)) return;
  ei_node *const n = &c->x->g->subgraphs[c->b->sg].nodes[c->last];
  if (ei_node_set_string(c->x->g, n, "equation", ei_ox_text_attr(c, "equation", "")) != EDGE_STATUS_OK)
    ei_ox_out_of_memory(c->x);
}

/* An input that is there but known to be empty counts as absent. */
static uint32_t unless_empty(ei_ox_call *c, uint32_t t) {
  const edge_tensor *const v = ei_ox_view(c, t);
  return t != EI_NONE && v->rank == 1 && v->dims[0] == 0 ? EI_NONE : t;
}

void ei_ox_map_resize(ei_ox_call *c) {
  static const ei_ox_attr_map attrs[] = {
    { "mode", "mode", EI_ATTR_STRING, 0, "nearest|linear|cubic" },
    { "coordinate_transformation_mode", "coord", EI_ATTR_STRING, 0,
      "half_pixel|asymmetric|align_corners|pytorch_half_pixel|half_pixel_symmetric|tf_half_pixel_for_nn|tf_crop_and_"
      "resize" },
    { "nearest_mode", "nearest", EI_ATTR_STRING, 0, "round_prefer_floor|round_prefer_ceil|floor|ceil" },
    { "cubic_coeff_a", "cubic_a", EI_ATTR_FLOAT, -0.75, NULL },
    { "exclude_outside", "exclude_outside", EI_ATTR_INT, 0, NULL },
    { "extrapolation_value", "extrapolation", EI_ATTR_FLOAT, 0, NULL },
    { "antialias", "antialias", EI_ATTR_INT, 0, NULL },
    { "axes", "axes", EI_ATTR_INTS, 0, NULL },
    { "keep_aspect_ratio_policy", "policy", EI_ATTR_STRING, 0, "stretch|not_larger|not_smaller" },
    { NULL, NULL, 0, 0, NULL },
  };
  if (c->opset < 11) { /* as Upsample, also downwards */
    ei_ox_map_upsample(c);
    return;
  }
  const uint32_t sizes = unless_empty(c, ei_ox_in(c, 3));
  const uint32_t scales = sizes == EI_NONE ? unless_empty(c, ei_ox_in(c, 2)) : EI_NONE;
  EI_OX(c, "Resize", ei_ox_out(c, 0), ei_ox_in(c, 0), sizes, scales, unless_empty(c, ei_ox_in(c, 1)));
  ei_ox_map_attrs(c, attrs);
}

/* Upsample, and Resize of opset 10: asymmetric coordinates, nearest rounds down. */
void ei_ox_map_upsample(ei_ox_call *c) {
  uint32_t scales = ei_ox_in(c, 1);
  if (scales == EI_NONE) {
    const ei_ox_attr *const a = ei_ox_attr_find(c, "scales");
    float v[EDGE_MAX_RANK] = { 1.0f, 1.0f };
    int64_t n = 4;
    v[2] = (float)ei_ox_float(c, "height_scale", 1.0);
    v[3] = (float)ei_ox_float(c, "width_scale", 1.0);
    if (a && a->n_floats && a->n_floats <= EDGE_MAX_RANK) {
      n = a->n_floats;
      for (int64_t i = 0; i < n; ++i) v[i] = (float)a->floats[i];
    }
    scales = ei_ox_const(c, EDGE_DTYPE_F32, &n, 1, v);
  }
  EI_OX(c, "Resize", ei_ox_out(c, 0), ei_ox_in(c, 0), EI_NONE, scales);
  ei_ox_set_int(c, "mode", strcmp(ei_ox_text_attr(c, "mode", "nearest"), "nearest") != 0);
  ei_ox_set_int(c, "coord", 1);
  ei_ox_set_int(c, "nearest", 2);
}

/* Blocks of rows and columns become channels; CRD keeps the channels outermost. */
void ei_ox_map_space_to_depth(ei_ox_call *c) {
  static const int64_t perm[6] = { 0, 1, 3, 5, 2, 4 };
  const int64_t b = ei_ox_int(c, "blocksize", 1);
  if (strcmp(ei_ox_text_attr(c, "mode", "DCR"), "CRD") != 0) {
    ei_ox_map_wrapped(c);
    return;
  }
  const edge_tensor *const x = ei_ox_view(c, ei_ox_in(c, 0));
  if (x->rank != 4 || x->dims[1] < 0 || x->dims[2] < 0 || x->dims[3] < 0 || b < 1 || b > INT16_MAX ||
      x->dims[2] % b != 0 || x->dims[3] % b != 0) {
    ei_ox_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "channels, height and width must be known and hold whole blocks");
    return;
  }
  int64_t channels = 0;
  const int64_t split[6] = { -1, x->dims[1], x->dims[2] / b, b, x->dims[3] / b, b };
  if (!ei_mul_s64(x->dims[1], b * b, &channels)) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "too many channels");
    return;
  }
  const int64_t joined[4] = { -1, channels, split[2], split[4] };
  const uint32_t parts = ei_ox_transpose(c, ei_ox_reshape(c, ei_ox_in(c, 0), split, 6, EI_NONE), perm, 6, EI_NONE);
  ei_ox_reshape(c, parts, joined, 4, ei_ox_out(c, 0));
}
