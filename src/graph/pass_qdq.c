/* SPDX-License-Identifier: Apache-2.0
 * Dequantize -> operator -> Quantize becomes one operator on quantized tensors.
 *
 * First the constant parameters of Quantize and Dequantize move into the tensors. Then, sweep by sweep, pairs cancel,
 * data movement is done on the quantized side, and operators whose operands and result are quantized are fused. */
#include "pass.h"

enum { MAX_SWEEPS = 16, MAX_IN = 32 };

/* ---- parameters into tensors */

static bool quantizable(int32_t dtype) {
  return dtype == EDGE_DTYPE_S8 || dtype == EDGE_DTYPE_U8 || dtype == EDGE_DTYPE_S16 || dtype == EDGE_DTYPE_S32 ||
         dtype == EDGE_DTYPE_S4 || dtype == EDGE_DTYPE_U4;
}

/* Constant scale and zero point of a Quantize or Dequantize whose quantized side is q. */
static bool read_params(const ei_uses *u, const ei_node *n, uint32_t q, edge_quant *out) {
  const ei_tensor *const t = ei_uses_tensor(u, q);
  if (n->n_in < 2 || n->in[1] == EI_NONE || ei_node_int(n, "block") != 0 || !quantizable(t->dtype)) return false;
  const ei_tensor *const s = ei_uses_tensor(u, n->in[1]);
  const uint32_t zt = n->n_in > 2 ? n->in[2] : EI_NONE;
  if (!s->data || s->dtype != EDGE_DTYPE_F32 || !ei_shape_fixed(s) || s->rank > 1) return false;
  const uint64_t count = ei_tensor_elements(s);
  if (count == 0 || count > UINT32_MAX / 8) return false;
  float *const scales = EI_NEW_ARRAY(u->g->arena, float, count);
  int32_t *const zeros = EI_NEW_ARRAY(u->g->arena, int32_t, count);
  if (!scales || !zeros) return false;
  memcpy(scales, s->data, (size_t)count * sizeof *scales);
  for (uint64_t i = 0; i < count; ++i)
    if (!(scales[i] > 0.0f && scales[i] < 3e38f)) return false;
  bool any = false;
  if (zt != EI_NONE) {
    edge_tensor z;
    ei_tensor_view(ei_uses_tensor(u, zt), &z);
    if (!z.data || z.dtype != t->dtype || !ei_shape_fixed(ei_uses_tensor(u, zt)) ||
        ei_tensor_elements(ei_uses_tensor(u, zt)) != count)
      return false;
    for (uint64_t i = 0; i < count; ++i) {
      const int64_t v = ei_load_s64(&z, i);
      if (v < INT32_MIN || v > INT32_MAX) return false;
      zeros[i] = (int32_t)v;
      any = any || v != 0;
    }
  }
  *out = (edge_quant) { scales, any ? zeros : NULL, (uint32_t)count, 0, 0, 0 };
  if (count == 1) return true;
  const int64_t axis = ei_node_int(n, "axis");
  if (t->rank < 1 || axis < -t->rank || axis >= t->rank) return false;
  out->axis = (int32_t)(axis < 0 ? axis + t->rank : axis);
  return t->dims[out->axis] == (int64_t)count;
}

static bool moves_data(const ei_node *n) {
  static const char *const names[] = {
    "Transpose",    "Reshape",  "Flatten", "Squeeze", "Unsqueeze",    "Slice",
    "StridedSlice", "Gather",   "Expand",  "Tile",    "Split",        "DepthToSpace",
    "SpaceToDepth", "Identity", "MaxPool", "Reverse", "SpaceToBatch", "BatchToSpace"
  };
  for (size_t i = 0; n->op && i < EI_COUNT(names); ++i)
    if (strcmp(n->op->name, names[i]) == 0) return ei_node_int(n, "act") == 0;
  return ei_is_op(n, "Resize") && ei_node_int(n, "mode") == 0;
}

/* May the tensor carry these parameters? Everybody who reads it must either mean them or not care. */
static bool readers_agree(const ei_uses *u, uint32_t q, const edge_quant *params) {
  ei_use use;
  uint32_t seen = 0; /* a use may be listed twice */
  for (uint32_t at = 0; ei_uses_next(u, q, &at, &use); ++seen) {
    const ei_node *const n = &u->sg->nodes[use.node];
    edge_quant own;
    if (ei_is_op(n, "Dequantize") && use.in == 0 &&
        (n->n_in == 1 || (read_params(u, n, q, &own) && ei_same_quant(&own, params))))
      continue;
    if (!moves_data(n) || use.in != 0 || params->count != 1) return false;
  }
  return seen >= u->count[q] - u->border[q];
}

static void annotate(ei_uses *u, uint32_t i) {
  ei_node *const n = &u->sg->nodes[i];
  const bool q_side_out = ei_is_op(n, "Quantize");
  if ((!q_side_out && !ei_is_op(n, "Dequantize")) || n->in[0] == EI_NONE || n->n_in < 2 || n->in[1] == EI_NONE) return;
  const uint32_t q = q_side_out ? n->out[0] : n->in[0];
  ei_tensor *const t = ei_uses_tensor(u, q);
  edge_quant params;
  if (!read_params(u, n, q, &params) || t->state) return;
  if (q_side_out && ei_uses_tensor(u, n->in[0])->quant.count) return; /* without parameters of its own it requantizes */
  if (t->quant.count ? !ei_same_quant(&t->quant, &params) : !readers_agree(u, q, &params)) return;
  /* the type was that of the zero point, whatever the attribute says */
  if (q_side_out && ei_node_int(n, "dtype") != 0 && ei_node_set_int(u->g, n, "dtype", 0) != EDGE_STATUS_OK) return;
  t->quant = params;
  for (uint32_t k = 1; k < n->n_in; ++k)
    if (n->in[k] != EI_NONE) ei_uses_set_input(u, n, k, EI_NONE);
  n->n_in = 1;
}

/* ---- what the rewriting looks at */

/* The quantized tensor behind a value, if it is Dequantize(q) with parameters in q. */
static uint32_t behind(const ei_uses *u, uint32_t t) {
  const ei_node *const n = ei_uses_producer(u, t, "Dequantize");
  if (!n || n->n_in != 1 || n->in[0] == EI_NONE || ei_uses_tensor(u, n->in[0])->quant.count == 0) return EI_NONE;
  return n->in[0];
}

static bool is_quantize(const ei_uses *u, const ei_node *n) {
  return ei_is_op(n, "Quantize") && n->n_in == 1 && ei_uses_tensor(u, n->out[0])->quant.count == 1;
}

static bool per_tensor(const ei_uses *u, uint32_t q) {
  return q != EI_NONE && ei_uses_tensor(u, q)->quant.count == 1;
}

/* ---- pairs and data movement */

/* Quantize(Dequantize(q)) is q, or a requantization of it. */
static bool cancel(ei_uses *u, uint32_t i) {
  ei_node *const n = &u->sg->nodes[i];
  if (!is_quantize(u, n)) return false;
  const uint32_t q = behind(u, n->in[0]);
  if (!per_tensor(u, q)) return false;
  const ei_tensor *const a = ei_uses_tensor(u, q), *const b = ei_uses_tensor(u, n->out[0]);
  if (a->dtype == b->dtype && ei_same_quant(&a->quant, &b->quant) && ei_uses_bypass(u, i, q)) return true;
  ei_uses_set_input(u, n, 0, q);
  return true;
}

/* Movement of Dequantize(q): move q, then dequantize. */
static edge_status push_down(ei_uses *u, uint32_t i) {
  const ei_node *n = &u->sg->nodes[i];
  if (!moves_data(n) || n->n_in == 0 || n->in[0] == EI_NONE) return EDGE_STATUS_OK;
  const uint32_t q = behind(u, n->in[0]);
  if (!per_tensor(u, q) || (n->n_out > 1 && ei_is_op(n, "MaxPool"))) return EDGE_STATUS_OK;
  for (uint32_t k = 0; k < n->n_out; ++k) {
    const uint32_t out = u->sg->nodes[i].out[k];
    if (out == EI_NONE) continue;
    const uint32_t inner = ei_uses_add_like(u, out);
    if (inner == EI_NONE) return EDGE_STATUS_OUT_OF_MEMORY;
    ei_uses_tensor(u, inner)->dtype = ei_uses_tensor(u, q)->dtype;
    ei_uses_tensor(u, inner)->quant = ei_uses_tensor(u, q)->quant;
    ei_uses_move_output(u, i, k, inner);
    if (ei_uses_append(u, "Dequantize", ei_uses_tensor(u, out)->name, &inner, 1, &out, 1) == EI_NONE)
      return EDGE_STATUS_OUT_OF_MEMORY;
  }
  ei_uses_set_input(u, &u->sg->nodes[i], 0, q);
  return EDGE_STATUS_OK;
}

/* Quantize of moved data: quantize, then move. */
static edge_status pull_up(ei_uses *u, uint32_t i) {
  const ei_node *const n = &u->sg->nodes[i];
  if (!is_quantize(u, n) || u->count[n->in[0]] != 1 || u->producer[n->in[0]] == EI_NONE) return EDGE_STATUS_OK;
  const uint32_t m_at = u->producer[n->in[0]], out = n->out[0];
  const ei_node *const m = &u->sg->nodes[m_at];
  if (!moves_data(m) || m->n_out != 1 || m->in[0] == EI_NONE || behind(u, m->in[0]) != EI_NONE) return EDGE_STATUS_OK;
  const uint32_t x = m->in[0];
  if (!ei_dtype_is_float(ei_uses_tensor(u, x)->dtype) || ei_uses_tensor(u, x)->data) return EDGE_STATUS_OK;
  const uint32_t inner = ei_uses_add_like(u, x);
  if (inner == EI_NONE) return EDGE_STATUS_OUT_OF_MEMORY;
  ei_uses_tensor(u, inner)->dtype = ei_uses_tensor(u, out)->dtype;
  ei_uses_tensor(u, inner)->quant = ei_uses_tensor(u, out)->quant;
  ei_uses_delete(u, i);
  ei_uses_move_output(u, m_at, 0, out);
  ei_uses_set_input(u, &u->sg->nodes[m_at], 0, inner);
  return ei_uses_append(u, "Quantize", ei_uses_tensor(u, x)->name, &x, 1, &inner, 1) == EI_NONE
             ? EDGE_STATUS_OUT_OF_MEMORY
             : EDGE_STATUS_OK;
}

/* ---- fusing */

/* A float constant of one element as an exact quantized one. */
static uint32_t quantized_scalar(ei_uses *u, uint32_t t, int32_t dtype) {
  double v = 0.0;
  const ei_tensor c = *ei_uses_tensor(u, t);
  if (!ei_const_scalar(u, t, &v) || !ei_dtype_is_float(c.dtype) || !(v > -1e30 && v < 1e30)) return EI_NONE;
  const double steps = dtype == EDGE_DTYPE_S16 ? 32767.0 : 127.0, size = v < 0 ? -v : v;
  float *const scale = EI_NEW(u->g->arena, float);
  int32_t *const zero = EI_NEW(u->g->arena, int32_t);
  edge_tensor to;
  memset(&to, 0, sizeof to);
  to.dtype = dtype;
  to.data = ei_arena_get(u->g->arena, 8, 64);
  if (!scale || !zero || !to.data) return EI_NONE;
  *scale = size > 0.0 ? (float)(size / steps) : 1.0f;
  if (!(*scale > 1e-37f)) return EI_NONE;
  *zero = dtype == EDGE_DTYPE_U8 ? 128 : 0;
  ei_store_f64(&to, 0, *zero + (size > 0.0 ? (v < 0 ? -steps : steps) : 0.0));
  const uint32_t made = ei_uses_add_const(u, c.name, dtype, c.dims, c.rank, to.data);
  if (made != EI_NONE) ei_uses_tensor(u, made)->quant = (edge_quant) { scale, *zero ? zero : NULL, 1, 0, 0, 0 };
  return made;
}

/* Bias in units of x.scale * w.scale, from a quantized or a float one. EI_NONE: it does not fit. */
static uint32_t product_bias(ei_uses *u, uint32_t t, const edge_quant *x, const edge_quant *w, uint64_t channels) {
  const uint32_t q = ei_uses_tensor(u, t)->data ? t : behind(u, t);
  if (q == EI_NONE || !ei_uses_tensor(u, q)->data || ei_tensor_elements(ei_uses_tensor(u, q)) != channels)
    return EI_NONE;
  edge_tensor from, to;
  ei_tensor_view(ei_uses_tensor(u, q), &from);
  if (from.rank != 1 || (!ei_dtype_is_float(from.dtype) && !ei_is_quantized(&from))) return EI_NONE;
  const uint32_t count = w->count > 1 ? (uint32_t)channels : 1;
  float *const scales = EI_NEW_ARRAY(u->g->arena, float, count);
  memset(&to, 0, sizeof to);
  to.dtype = EDGE_DTYPE_S32;
  to.data = ei_arena_get(u->g->arena, channels * 4, 64);
  if (!scales || !to.data) return EI_NONE;
  for (uint32_t c = 0; c < count; ++c) {
    scales[c] = (float)((double)x->scales[0] * (double)w->scales[c]);
    if (!(scales[c] > 0.0f)) return EI_NONE;
  }
  for (uint64_t i = 0; i < channels; ++i) {
    const double step = (double)x->scales[0] * (double)w->scales[count > 1 ? i : 0];
    double v;
    if (ei_dtype_is_float(from.dtype)) {
      v = ei_load_f64(&from, i) / step;
    } else { /* the stored integers are right when their scale is the product, rounded somehow */
      const uint32_t k = ei_quant_index(&from, i);
      const double own = (double)from.quant.scales[k], zero = from.quant.zero_points ? from.quant.zero_points[k] : 0;
      const double ratio = own / step;
      v = ei_load_f64(&from, i) - zero;
      if (ratio < 1.0 - 1e-6 || ratio > 1.0 + 1e-6) v *= ratio;
    }
    if (!(v > -2147483000.0 && v < 2147483000.0)) return EI_NONE;
    ei_store_f64(&to, i, v);
  }
  const int64_t dims[1] = { (int64_t)channels };
  const uint32_t made = ei_uses_add_const(u, ei_uses_tensor(u, q)->name, EDGE_DTYPE_S32, dims, 1, to.data);
  if (made != EI_NONE) ei_uses_tensor(u, made)->quant = (edge_quant) { scales, NULL, count, 0, 0, 0 };
  return made;
}

/* Convolutions and products: quantized data, constant quantized weights, a bias in their units. */
static bool product_inputs(ei_uses *u, const ei_node *n, uint32_t *in) {
  const bool matmul = ei_is_op(n, "MatMul");
  const uint32_t x = behind(u, n->in[0]), w = n->in[1] == EI_NONE ? EI_NONE : behind(u, n->in[1]);
  if (!per_tensor(u, x) || w == EI_NONE) return false;
  const ei_tensor wt = *ei_uses_tensor(u, w), xt = *ei_uses_tensor(u, x);
  if (xt.dtype != EDGE_DTYPE_S8 && xt.dtype != EDGE_DTYPE_U8) return false;
  if (wt.dtype != EDGE_DTYPE_S8 && wt.dtype != EDGE_DTYPE_U8) return false;
  const int32_t channel_axis = matmul ? wt.rank - (ei_node_int(n, "trans_b") ? 2 : 1) : 0;
  if (wt.rank < 1 || channel_axis < 0 || (wt.quant.count > 1 && wt.quant.axis != channel_axis) || (!matmul && !wt.data))
    return false;
  in[0] = x;
  in[1] = w;
  for (uint32_t k = 2; k < n->n_in; ++k) in[k] = n->in[k];
  if (n->n_in > 2 && n->in[2] != EI_NONE) {
    if (wt.dims[channel_axis] < 1) return false;
    in[2] = product_bias(u, n->in[2], &xt.quant, &wt.quant, (uint64_t)wt.dims[channel_axis]);
    if (in[2] == EI_NONE) return false;
  }
  return true;
}

/* Elementwise operators and those like them: all data operands quantized per tensor, alike in type. */
static bool data_inputs(ei_uses *u, const ei_node *n, uint32_t n_data, uint32_t *in) {
  int32_t dtype = EDGE_DTYPE_NONE;
  for (uint32_t k = 0; k < n_data; ++k) {
    const uint32_t q = n->in[k] == EI_NONE ? EI_NONE : behind(u, n->in[k]);
    if (per_tensor(u, q)) dtype = ei_uses_tensor(u, q)->dtype;
  }
  if (dtype != EDGE_DTYPE_S8 && dtype != EDGE_DTYPE_U8 && dtype != EDGE_DTYPE_S16) return false;
  for (uint32_t k = 0; k < n->n_in; ++k) {
    in[k] = n->in[k];
    if (k >= n_data) continue;
    if (n->in[k] == EI_NONE) return false;
    in[k] = behind(u, n->in[k]);
    if (in[k] == EI_NONE) in[k] = quantized_scalar(u, n->in[k], dtype);
    if (!per_tensor(u, in[k]) || ei_uses_tensor(u, in[k])->dtype != dtype) return false;
  }
  return true;
}

static double zero_of(const edge_quant *q) {
  return q->zero_points ? q->zero_points[0] : 0;
}

static double on_grid(const edge_quant *q, double real, double lo, double hi) {
  const double v = rint(real / (double)q->scales[0]) + zero_of(q);
  return v < lo ? lo : v > hi ? hi : v;
}

/* The stored value of grid x that bounds there as `bound` does on grid y, which has one rounding; false: there is none.
 */
static bool stored_bound(const edge_quant *x, const edge_quant *y, int32_t dtype, double bound, bool upper,
                         double *out) {
  double lo, hi;
  if (bound != bound || !ei_dtype_range(dtype, &lo, &hi)) return false;
  const double v = bound / (double)x->scales[0] + zero_of(x), wanted = on_grid(y, bound, lo, hi);
  const double tries[] = { rint(v), floor(v), ceil(v) };
  *out = upper ? hi : lo;
  if (upper ? v >= hi : v <= lo) return true;
  for (size_t i = 0; i < EI_COUNT(tries); ++i) {
    *out = tries[i];
    if (*out >= lo && *out <= hi && on_grid(y, (*out - zero_of(x)) * (double)x->scales[0], lo, hi) == wanted)
      return true;
  }
  return false;
}

/* Clip: the bounds become stored values of the input. */
static bool clip_inputs(ei_uses *u, const ei_node *n, const edge_quant *grid, uint32_t *in) {
  if (!data_inputs(u, n, 1, in) || grid->count != 1) return false;
  const ei_tensor x = *ei_uses_tensor(u, in[0]);
  for (uint32_t k = 1; k < n->n_in; ++k) {
    double v = 0.0;
    if (n->in[k] == EI_NONE) continue;
    if (!ei_const_scalar(u, n->in[k], &v) || !stored_bound(&x.quant, grid, x.dtype, v, k == 2, &v)) return false;
    edge_tensor to;
    memset(&to, 0, sizeof to);
    to.dtype = x.dtype;
    to.data = ei_arena_get(u->g->arena, 8, 64);
    if (!to.data) return false;
    ei_store_f64(&to, 0, v);
    in[k] = ei_uses_add_const(u, ei_uses_tensor(u, n->in[k])->name, x.dtype, NULL, 0, to.data);
    if (in[k] == EI_NONE) return false;
    ei_uses_tensor(u, in[k])->quant = x.quant;
  }
  return true;
}

static bool is_one_of(const ei_node *n, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (ei_is_op(n, names[i])) return true;
  return false;
}

/* The operands of n when it computes on stored values and gives them on the grid that Quantize names. */
static bool quantized_inputs(ei_uses *u, const ei_node *n, const edge_quant *grid, uint32_t *in) {
  static const char *const products[] = { "Conv", "ConvTranspose", "FullyConnected", "MatMul" };
  static const char *const pairs[] = { "Add", "Sub", "Mul", "Div", "PRelu", "SquaredDifference" };
  static const char *const variadic[] = { "Concat", "Min", "Max", "Sum" };
  static const char *const singles[] = {
    "Relu",        "Relu6",     "LeakyRelu", "Elu",        "Selu",       "Celu",      "Gelu",      "Sigmoid",
    "HardSigmoid", "HardSwish", "Tanh",      "Swish",      "Mish",       "Softplus",  "Softsign",  "ThresholdedRelu",
    "Exp",         "Log",       "Sqrt",      "Rsqrt",      "Reciprocal", "Neg",       "Abs",       "Square",
    "Erf",         "Sin",       "Cos",       "ReduceMean", "ReduceSum",  "ReduceMax", "ReduceMin", "Softmax",
    "LogSoftmax",  "L2Norm"
  };
  if (n->n_in > MAX_IN || n->n_in == 0 || n->n_out != 1 || n->in[0] == EI_NONE) return false;
  if (is_one_of(n, products, EI_COUNT(products))) return product_inputs(u, n, in);
  if (is_one_of(n, pairs, EI_COUNT(pairs))) return n->n_in == 2 && data_inputs(u, n, 2, in);
  if (is_one_of(n, variadic, EI_COUNT(variadic))) return data_inputs(u, n, n->n_in, in);
  if (ei_is_op(n, "Clip")) return clip_inputs(u, n, grid, in);
  if (ei_is_op(n, "Resize") || ei_is_op(n, "AveragePool")) /* these round on the grid of their input */
    return data_inputs(u, n, 1, in) && ei_same_quant(&ei_uses_tensor(u, in[0])->quant, grid);
  return is_one_of(n, singles, EI_COUNT(singles)) && data_inputs(u, n, 1, in);
}

/* Quantize node i takes over its producer. */
static edge_status fuse(ei_uses *u, uint32_t i) {
  const ei_node *const q = &u->sg->nodes[i];
  uint32_t in[MAX_IN] = { 0 };
  if (!is_quantize(u, q) || u->count[q->in[0]] != 1 || u->producer[q->in[0]] == EI_NONE) return EDGE_STATUS_OK;
  const uint32_t at = u->producer[q->in[0]], out = q->out[0];
  if (!quantized_inputs(u, &u->sg->nodes[at], &ei_uses_tensor(u, out)->quant, in)) return EDGE_STATUS_OK;
  if (ei_uses_tensor(u, in[0])->dtype != ei_uses_tensor(u, out)->dtype) return EDGE_STATUS_OK;
  ei_node *const n = &u->sg->nodes[at];
  for (uint32_t k = 0; k < n->n_in; ++k)
    if (n->in[k] != in[k]) ei_uses_set_input(u, n, k, in[k]);
  ei_uses_delete(u, i);
  ei_uses_move_output(u, at, 0, out);
  return EDGE_STATUS_OK;
}

static edge_status sweep(ei_graph *g, uint32_t s, bool *changed) {
  ei_uses u;
  EI_TRY(ei_uses_build(&u, g, s));
  const uint32_t n = u.sg->n_nodes;
  for (uint32_t i = 0; i < n; ++i) {
    if (!u.sg->nodes[i].op || cancel(&u, i)) continue;
    EI_TRY(push_down(&u, i));
    if (!ei_is_op(&u.sg->nodes[i], "Quantize")) continue;
    EI_TRY(fuse(&u, i));
    if (u.sg->nodes[i].op) EI_TRY(pull_up(&u, i));
  }
  *changed = u.changed;
  return EDGE_STATUS_OK;
}

edge_status ei_pass_qdq(ei_graph *g, edge_error *err) {
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i)
      if (u.sg->nodes[i].op) annotate(&u, i);
    bool changed = true;
    for (int k = 0; k < MAX_SWEEPS && changed; ++k) {
      EI_TRY(ei_graph_sort(g, err));
      EI_TRY(sweep(g, s, &changed));
      EI_TRY(ei_pass_dead_code(g, err));
      EI_TRY(ei_graph_compact(g));
    }
  }
  return ei_graph_sort(g, err);
}
