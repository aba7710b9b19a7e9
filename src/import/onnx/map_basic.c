/* SPDX-License-Identifier: Apache-2.0
 * Elementwise operators, constants, casts. */
#include "map.h"

void ei_ox_map_direct(ei_ox_call *c) {
  ei_ox_emit(c, c->row->target, c->in, c->n_in, c->out, c->n_out);
  ei_ox_map_attrs(c, c->row->attrs);
}

/* Before opset 7 the second input started at `axis` of the first one. */
static uint32_t old_broadcast(ei_ox_call *c, uint32_t a, uint32_t b) {
  const ei_ox_attr *const axis = ei_ox_attr_find(c, "axis");
  if (!axis || ei_ox_int(c, "broadcast", 0) == 0) return b;
  const int32_t rank_a = ei_ox_rank(c, a), rank_b = ei_ox_rank(c, b);
  if (!ei_ox_ok(c->x)) return b;
  const int64_t at = axis->i < 0 ? axis->i + rank_a : axis->i;
  if (at < 0 || at + rank_b > rank_a) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "axis %lld is out of range", (long long)axis->i);
    return b;
  }
  int64_t axes[EDGE_MAX_RANK];
  uint32_t n = 0;
  for (int64_t i = at + rank_b; i < rank_a; ++i) axes[n++] = i - at;
  return n ? ei_ox_unsqueeze(c, b, axes, n) : b;
}

void ei_ox_map_binary(ei_ox_call *c) {
  const uint32_t a = ei_ox_in(c, 0);
  uint32_t b = ei_ox_in(c, 1);
  if (c->opset < 7) b = old_broadcast(c, a, b);
  EI_OX(c, c->row->target, ei_ox_out(c, 0), a, b);
  ei_ox_map_attrs(c, c->row->attrs);
}

void ei_ox_map_variadic(ei_ox_call *c) {
  if (c->n_in == 1)
    EI_OX(c, "Identity", ei_ox_out(c, 0), ei_ox_in(c, 0));
  else
    ei_ox_map_direct(c);
}

/* The output becomes a constant tensor. */
static void bind_constant(ei_ox_call *c, const ei_tensor *value) {
  const uint32_t t = ei_ox_out(c, 0);
  if (t == EI_NONE || !ei_ox_ok(c->x)) return;
  ei_tensor *const to = &c->x->g->subgraphs[c->b->sg].tensors[t];
  const char *const name = to->name;
  *to = *value;
  to->name = name;
  ei_tensor_view(to, &c->b->views[t]);
  if (!ei_ox_aligned(to)) c->b->views[t].data = NULL;
}

static void bind_list(ei_ox_call *c, int32_t dtype, int32_t rank, int64_t count, const void *data) {
  const uint32_t t = ei_ox_const(c, dtype, &count, rank, data);
  if (t != EI_NONE) {
    const ei_tensor value = c->x->g->subgraphs[c->b->sg].tensors[t];
    bind_constant(c, &value);
  }
}

void ei_ox_map_constant(ei_ox_call *c) {
  const ei_ox_attr *a = ei_ox_attr_find(c, "value");
  ei_tensor t;
  if (a && a->t) {
    c->x->status = ei_ox_load_tensor(c->x, a->t, &t);
    bind_constant(c, &t);
  } else if ((a = ei_ox_attr_find(c, "sparse_value")) != NULL && a->sparse) {
    c->x->status = ei_ox_load_sparse(c->x, a->sparse, &t);
    bind_constant(c, &t);
  } else if ((a = ei_ox_attr_find(c, "value_float")) != NULL) {
    bind_list(c, EDGE_DTYPE_F32, 0, 1, &a->f);
  } else if ((a = ei_ox_attr_find(c, "value_int")) != NULL) {
    bind_list(c, EDGE_DTYPE_S64, 0, 1, &a->i);
  } else if ((a = ei_ox_attr_find(c, "value_ints")) != NULL) {
    bind_list(c, EDGE_DTYPE_S64, 1, a->n_ints, a->ints);
  } else if ((a = ei_ox_attr_find(c, "value_floats")) != NULL) {
    float *const v = EI_NEW_ARRAY(c->x->arena, float, (uint64_t)a->n_floats + 1);
    if (!v) {
      ei_ox_out_of_memory(c->x);
      return;
    }
    for (uint32_t i = 0; i < a->n_floats; ++i) v[i] = (float)a->floats[i];
    bind_list(c, EDGE_DTYPE_F32, 1, a->n_floats, v);
  } else {
    ei_ox_unsupported(c, "only numeric tensor constants are supported");
  }
}

void ei_ox_map_constant_of_shape(ei_ox_call *c) {
  const ei_ox_attr *const a = ei_ox_attr_find(c, "value");
  uint32_t value = EI_NONE;
  if (a && a->t) {
    ei_tensor t;
    c->x->status = ei_ox_load_tensor(c->x, a->t, &t);
    if (ei_ox_ok(c->x)) value = ei_ox_const(c, t.dtype, t.dims, t.rank, t.data);
  }
  EI_OX(c, "ConstantOfShape", ei_ox_out(c, 0), ei_ox_in(c, 0), value);
}

void ei_ox_map_cast(ei_ox_call *c) {
  const int64_t to = ei_ox_int(c, "to", 0);
  const int32_t dtype = to > 0 && to < 1000 ? ei_ox_dtype((int32_t)to) : EDGE_DTYPE_NONE;
  if (dtype == EDGE_DTYPE_NONE) {
    ei_ox_unsupported(c, "casts to strings, complex numbers and 8-bit floats are not supported");
    return;
  }
  ei_ox_cast(c, ei_ox_in(c, 0), dtype, ei_ox_out(c, 0));
}

void ei_ox_map_bitcast(ei_ox_call *c) {
  const int64_t to = ei_ox_int(c, "to", 0);
  const int32_t dtype = to > 0 && to < 1000 ? ei_ox_dtype((int32_t)to) : EDGE_DTYPE_NONE;
  if (dtype == EDGE_DTYPE_NONE) {
    ei_ox_unsupported(c, "strings, complex numbers and 8-bit floats are not supported");
    return;
  }
  EI_OX(c, "Bitcast", ei_ox_out(c, 0), ei_ox_in(c, 0));
  ei_ox_set_int(c, "dtype", dtype);
}

void ei_ox_map_cast_like(ei_ox_call *c) {
  const int32_t dtype = ei_ox_view(c, ei_ox_in(c, 1))->dtype;
  if (ei_ox_ok(c->x) && dtype == EDGE_DTYPE_NONE)
    ei_ox_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE,
               "the type to cast to is not known; run ONNX shape inference on the model");
  ei_ox_cast(c, ei_ox_in(c, 0), dtype, ei_ox_out(c, 0));
}

void ei_ox_map_clip(ei_ox_call *c) {
  uint32_t lo = ei_ox_in(c, 1), hi = ei_ox_in(c, 2);
  if (c->opset < 11) {
    lo = hi = EI_NONE;
    if (ei_ox_attr_find(c, "min")) lo = ei_ox_const_like(c, ei_ox_in(c, 0), ei_ox_float(c, "min", 0.0));
    if (ei_ox_attr_find(c, "max")) hi = ei_ox_const_like(c, ei_ox_in(c, 0), ei_ox_float(c, "max", 0.0));
  }
  EI_OX(c, "Clip", ei_ox_out(c, 0), ei_ox_in(c, 0), lo, hi);
}

void ei_ox_map_prelu(ei_ox_call *c) {
  uint32_t slope = ei_ox_in(c, 1);
  if (c->opset < 7) { /* one slope per channel */
    const int32_t rank = ei_ox_rank(c, ei_ox_in(c, 0));
    const edge_tensor *const v = ei_ox_view(c, slope);
    if (ei_ox_ok(c->x) && v->rank == 1 && v->dims[0] != 1 && rank > 2) {
      int64_t axes[EDGE_MAX_RANK];
      for (int32_t i = 0; i < rank - 2; ++i) axes[i] = i + 1;
      slope = ei_ox_unsqueeze(c, slope, axes, (uint32_t)(rank - 2));
    }
  }
  EI_OX(c, "PRelu", ei_ox_out(c, 0), ei_ox_in(c, 0), slope);
}

/* Inference: nothing is dropped, and the mask says so. */
void ei_ox_map_dropout(ei_ox_call *c) {
  double training = 0;
  const uint32_t x = ei_ox_in(c, 0), mask = ei_ox_out(c, 1);
  if (c->opset >= 12 && ei_ox_in(c, 2) != EI_NONE &&
      (!ei_ox_scalar_value(c, ei_ox_in(c, 2), &training) || training != 0)) {
    double ratio = 0.5;
    if (ei_ox_in(c, 1) == EI_NONE || !ei_ox_scalar_value(c, ei_ox_in(c, 1), &ratio) || ratio != 0) {
      ei_ox_unsupported(c, "training mode is not supported; export the model for inference");
      return;
    }
  }
  EI_OX(c, "Identity", ei_ox_out(c, 0), x);
  if (mask == EI_NONE) return;
  const int32_t dtype = c->opset < 10 ? ei_ox_view(c, x)->dtype : EDGE_DTYPE_BOOL;
  EI_OX(c, "Expand", mask, ei_ox_const_of(c, dtype, 1.0), EI_OX(c, "Shape", EI_NONE, x));
}

/* A negative amount counts as one beyond the width. */
void ei_ox_map_bit_shift(ei_ox_call *c) {
  const bool left = strcmp(ei_ox_text_attr(c, "direction", "LEFT"), "LEFT") == 0;
  uint32_t amount = ei_ox_in(c, 1);
  const int32_t dtype = ei_ox_view(c, amount)->dtype;
  if (dtype == EDGE_DTYPE_S8 || dtype == EDGE_DTYPE_S16 || dtype == EDGE_DTYPE_S32 || dtype == EDGE_DTYPE_S64) {
    const uint32_t negative = EI_OX(c, "Less", EI_NONE, amount, ei_ox_const_of(c, dtype, 0));
    amount = EI_OX(c, "Where", EI_NONE, negative, ei_ox_const_of(c, dtype, 64), amount);
  }
  EI_OX(c, left ? "ShiftLeft" : "ShiftRight", ei_ox_out(c, 0), ei_ox_in(c, 0), amount);
}

void ei_ox_map_dtype_attr(ei_ox_call *c) {
  const int64_t given = ei_ox_int(c, "dtype", 0);
  const int32_t dtype = given > 0 && given < 1000 ? ei_ox_dtype((int32_t)given) : ei_ox_view(c, ei_ox_in(c, 0))->dtype;
  ei_ox_map_direct(c);
  ei_ox_set_int(c, "dtype", dtype);
}

void ei_ox_map_window_function(ei_ox_call *c) {
  const int64_t given = ei_ox_int(c, "output_datatype", 1);
  EI_OX(c, "WindowFunction", ei_ox_out(c, 0), ei_ox_in(c, 0));
  ei_ox_set_int(c, "kind", ei_ox_word("HannWindow|HammingWindow|BlackmanWindow", c->n->op));
  ei_ox_set_int(c, "periodic", ei_ox_int(c, "periodic", 1));
  ei_ox_set_int(c, "dtype", given > 0 && given < 1000 ? ei_ox_dtype((int32_t)given) : EDGE_DTYPE_F32);
}

void ei_ox_map_mel_weights(ei_ox_call *c) {
  const int64_t given = ei_ox_int(c, "output_datatype", 1);
  ei_ox_map_direct(c);
  ei_ox_set_int(c, "dtype", given > 0 && given < 1000 ? ei_ox_dtype((int32_t)given) : EDGE_DTYPE_F32);
}

void ei_ox_map_dft(ei_ox_call *c) {
  uint32_t axis = ei_ox_in(c, 2);
  if (c->opset < 20) axis = ei_ox_const_int(c, ei_ox_int(c, "axis", 1));
  EI_OX(c, "Dft", ei_ox_out(c, 0), ei_ox_in(c, 0), ei_ox_in(c, 1), axis);
  ei_ox_map_attrs(c, c->row->attrs);
}
