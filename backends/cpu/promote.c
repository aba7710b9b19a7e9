/* SPDX-License-Identifier: Apache-2.0
 * f16 and bf16 values as f32. Nodes whose operators have f32 kernels work on a wide (f32) form of their 16-bit
 * values; the stored form exists only where a value crosses the border of the partition or meets a node that works
 * on stored bits. Between such nodes nothing is rounded to 16 bits. */
#include "plan.h"
#include "kernels/convert/convert.h"

static bool is_narrow(const edge_tensor *t) {
  return (t->dtype == EDGE_DTYPE_F16 || t->dtype == EDGE_DTYPE_BF16) && t->encoding == EDGE_ENCODING_NATIVE;
}

static bool has_wide_form(const char *op) {
  static const char *const names[] = {
    "Conv",
    "ConvTranspose",
    "FullyConnected",
    "MatMul",
    "MaxPool",
    "AveragePool",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Min",
    "Max",
    "Sum",
    "SquaredDifference",
    "PRelu",
    "Pow",
    "Where",
    "Relu",
    "Relu6",
    "LeakyRelu",
    "Elu",
    "Gelu",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "Tanh",
    "Swish",
    "Erf",
    "Exp",
    "Log",
    "Sqrt",
    "Rsqrt",
    "Reciprocal",
    "Neg",
    "Abs",
    "Square",
    "Floor",
    "Ceil",
    "Round",
    "Softplus",
    "Clip",
    "Softmax",
    "LogSoftmax",
    "LayerNorm",
    "RmsNorm",
    "BatchNorm",
    "InstanceNorm",
    "GroupNorm",
    "ReduceMean",
    "ReduceSum",
    "ReduceMax",
    "ReduceMin",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Identity",
    "Transpose",
    "Concat",
    "Split",
    "Slice",
    "Expand",
    "DepthToSpace",
    "SpaceToDepth",
    "Pad",
    "Resize",
    "Cast",
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (strcmp(op, names[i]) == 0) return true;
  }
  return false;
}

static uint32_t degree(const eb_cpu_plan *plan, uint32_t node) {
  const edge_node *const n = eb_cpu_node(plan, node);
  return plan->host->node_num_inputs(n) + plan->host->node_num_outputs(n);
}

static eb_cpu_value_info *value_of(const eb_cpu_plan *plan, uint32_t node, uint32_t i, bool *is_output) {
  const uint32_t n_in = plan->host->node_num_inputs(eb_cpu_node(plan, node));
  *is_output = i >= n_in;
  const uint32_t value = i < n_in ? eb_cpu_input(plan, node, i) : eb_cpu_output(plan, node, i - n_in);
  return value < plan->num_values ? &plan->values[value] : NULL;
}

/* does the node touch a 16-bit value, and is it able to work wide? */
static bool widens(const eb_cpu_plan *plan, uint32_t node) {
  const char *const op = plan->host->node_op(eb_cpu_node(plan, node));
  bool touches = false, is_output = false;
  if (!has_wide_form(op)) return false;
  const bool cast = strcmp(op, "Cast") == 0;
  for (uint32_t i = 0; i < degree(plan, node); ++i) {
    const eb_cpu_value_info *const v = value_of(plan, node, i, &is_output);
    if (v == NULL) continue;
    if (is_narrow(&v->tensor)) {
      touches = touches || (v->tensor.flags & EDGE_TENSOR_STATE) == 0;
      if ((v->tensor.flags & EDGE_TENSOR_STATE) != 0) return false;
    } else if (cast && v->tensor.dtype != EDGE_DTYPE_F32) {
      return false;
    }
  }
  return touches;
}

static void narrow_to_wide(uint64_t features, int32_t dtype, size_t n, const void *x, void *y) {
  const ek_convert_kernel *const kernel = ek_convert_select(features, 0);
  (dtype == EDGE_DTYPE_F16 ? kernel->f16_to_f32 : kernel->bf16_to_f32)(n, x, y);
}

/* small constants are read while planning: their wide form is made at once */
enum { SMALL = 64 };

static edge_status make_wide(eb_cpu_plan *plan, eb_cpu_value_info *v) {
  v->wide = v->tensor;
  v->wide.dtype = EDGE_DTYPE_F32;
  v->wide_storage = EB_CPU_NONE;
  v->has_wide = true;
  const edge_status status = edge_tensor_bytes(&v->wide, &v->wide.bytes);
  if (status != EDGE_STATUS_OK || v->tensor.data == NULL) return status;
  const uint64_t n = eb_cpu_elements(&v->tensor);
  if (n == 0 || n > SMALL || (v->tensor.flags & EDGE_TENSOR_CONST) == 0) return EDGE_STATUS_OK;
  v->wide.data = eb_cpu_keep(plan, n * sizeof(float));
  if (v->wide.data == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  narrow_to_wide(plan->features, v->tensor.dtype, (size_t)n, v->tensor.data, v->wide.data);
  return EDGE_STATUS_OK;
}

/* ---- conversion steps */

typedef struct convert_arg {
  ek_convert_fn fn;
  const unsigned char *x;
  unsigned char *y;
  size_t n, tile, x_bytes, y_bytes;
} convert_arg;

static edge_status convert_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const convert_arg *const a = arg;
  const size_t first = tile * a->tile, n = a->n - first < a->tile ? a->n - first : a->tile;
  a->fn(n, a->x + first * a->x_bytes, a->y + first * a->y_bytes);
  return EDGE_STATUS_OK;
}

static edge_status convert(eb_cpu_plan *plan, uint32_t node, uint32_t value, bool up) {
  const eb_cpu_value_info *const v = &plan->values[value];
  const ek_convert_kernel *const kernel = ek_convert_select(plan->features, 0);
  const bool f16 = v->tensor.dtype == EDGE_DTYPE_F16;
  const size_t n = (size_t)eb_cpu_elements(&v->tensor);
  if (n == 0) return EDGE_STATUS_OK;
  const double work_us = 0.05 + (double)n * 6.0 / 30e3;
  const size_t want = eb_cpu_tiles(plan, work_us, n / 1024 + 1), tile = (n + want - 1) / want;
  convert_arg *const a = eb_cpu_step(plan, node, convert_tile, sizeof *a, (uint32_t)((n + tile - 1) / tile), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = (convert_arg) { .n = n, .tile = tile, .x_bytes = up ? 2 : 4, .y_bytes = up ? 4 : 2 };
  a->fn = up ? (f16 ? kernel->f16_to_f32 : kernel->bf16_to_f32) : (f16 ? kernel->f32_to_f16 : kernel->f32_to_bf16);
  plan->widening = !up;
  eb_cpu_slot(plan, &a->x, eb_cpu_value(plan, value));
  plan->widening = up;
  eb_cpu_slot(plan, &a->y, eb_cpu_value(plan, value));
  plan->widening = false;
  return EDGE_STATUS_OK;
}

/* ---- before and between the nodes */

edge_status eb_cpu_promote(eb_cpu_plan *plan) {
  bool is_output = false;
  for (uint32_t n = 0; n < plan->num_nodes; ++n) {
    plan->wide_node[n] = widens(plan, n);
    for (uint32_t i = 0; plan->wide_node[n] && i < degree(plan, n); ++i) {
      eb_cpu_value_info *const v = value_of(plan, n, i, &is_output);
      if (v == NULL || v->has_wide || !is_narrow(&v->tensor)) continue;
      const edge_status status = make_wide(plan, v);
      if (status != EDGE_STATUS_OK) return status;
    }
  }
  for (uint32_t n = 0; n < plan->num_nodes; ++n) {
    for (uint32_t i = 0; i < degree(plan, n); ++i) {
      eb_cpu_value_info *const v = value_of(plan, n, i, &is_output);
      if (v != NULL && v->has_wide && (!plan->wide_node[n] || v->leaves)) v->needs_stored = true;
    }
  }
  for (uint32_t value = 0; value < plan->num_values; ++value) {
    const eb_cpu_value_info *const v = &plan->values[value];
    if (!v->has_wide || v->producer != EB_CPU_NONE || eb_cpu_is_const(plan, value)) continue;
    const edge_status status = convert(plan, v->consumer, value, true);
    if (status != EDGE_STATUS_OK) return status;
  }
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_promote_after(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t n_out = plan->host->node_num_outputs(eb_cpu_node(plan, node));
  for (uint32_t i = 0; i < n_out; ++i) {
    const uint32_t value = eb_cpu_output(plan, node, i);
    if (value >= plan->num_values || !plan->values[value].has_wide) continue;
    if (plan->wide_node[node] && !plan->values[value].needs_stored) continue;
    const edge_status status = convert(plan, node, value, !plan->wide_node[node]);
    if (status != EDGE_STATUS_OK) return status;
  }
  return EDGE_STATUS_OK;
}

/* ---- constants */

typedef struct widen_user {
  uint64_t features;
  int32_t dtype;
  const void *data;
  size_t n;
} widen_user;

static edge_status fill(void *user, void *data, uint64_t bytes) {
  (void)bytes;
  const widen_user *const u = user;
  narrow_to_wide(u->features, u->dtype, u->n, u->data, data);
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_wide_const(eb_cpu_plan *plan, uint32_t value, const void **out) {
  const eb_cpu_value_info *const v = &plan->values[value];
  *out = v->wide.data;
  if (v->wide.data != v->tensor.data) return EDGE_STATUS_OK; /* small */
  widen_user user = { plan->features, v->tensor.dtype, v->tensor.data, (size_t)eb_cpu_elements(&v->tensor) };
  const edge_prepared_key key = { .source = v->tensor.data,
                                  .layout = user.dtype == EDGE_DTYPE_F16 ? "f32_of_f16" : "f32_of_bf16",
                                  .params = { user.n, 0, 0, 0 } };
  const void *data = NULL;
  const edge_status status = eb_cpu_prepared(plan, &key, v->wide.bytes, fill, &user, &data);
  if (status == EDGE_STATUS_OK && data != NULL) *out = data;
  return status;
}

const void *eb_cpu_const_source(const eb_cpu_plan *plan, uint32_t value) {
  return value < plan->num_values ? plan->values[value].tensor.data : NULL;
}

/* s8 with one scale, or one per index of the first dimension */
static bool is_quantized_weight(const edge_tensor *t) {
  const edge_quant *const q = &t->quant;
  return t->dtype == EDGE_DTYPE_S8 && t->encoding == EDGE_ENCODING_NATIVE && q->count > 0 && q->block == 0 &&
         q->scales != NULL && t->rank > 0 && (q->count == 1 || (q->axis == 0 && (int64_t)q->count == t->dims[0]));
}

bool eb_cpu_const_is_f16(const eb_cpu_plan *plan, uint32_t value) {
  return eb_cpu_is_const(plan, value) && is_narrow(&plan->values[value].tensor) &&
         plan->values[value].tensor.dtype == EDGE_DTYPE_F16;
}

bool eb_cpu_is_f32_weight(const eb_cpu_plan *plan, uint32_t value) {
  if (!eb_cpu_is_const(plan, value)) return false;
  return eb_cpu_tensor(plan, value)->dtype == EDGE_DTYPE_F32 || is_quantized_weight(eb_cpu_tensor(plan, value));
}

static void dequantize(const edge_tensor *t, size_t n, float *out) {
  const int8_t *const q = t->data;
  const size_t run = n / t->quant.count;
  for (size_t i = 0; i < n; ++i) {
    const size_t channel = i / run;
    const int32_t zero = t->quant.zero_points ? t->quant.zero_points[channel] : 0;
    out[i] = (float)(q[i] - zero) * t->quant.scales[channel];
  }
}

edge_status eb_cpu_const_open(const eb_cpu_plan *plan, uint32_t value, eb_cpu_const *out) {
  *out = (eb_cpu_const) { .plan = plan };
  if (value >= plan->num_values) return EDGE_STATUS_OK;
  const edge_tensor *const t = &plan->values[value].tensor;
  out->data = t->data;
  const uint64_t n = eb_cpu_elements(t);
  const bool quantized = is_quantized_weight(t);
  if ((!is_narrow(t) && !quantized) || n == 0) return EDGE_STATUS_OK;
  out->bytes = n * sizeof(float);
  out->temporary = plan->host->alloc(plan->env, out->bytes, 64);
  if (out->temporary == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  if (quantized) {
    dequantize(t, (size_t)n, out->temporary);
  } else {
    narrow_to_wide(plan->features, t->dtype, (size_t)n, t->data, out->temporary);
  }
  out->data = out->temporary;
  return EDGE_STATUS_OK;
}

void eb_cpu_const_close(eb_cpu_const *c) {
  if (c->temporary) c->plan->host->free(c->plan->env, c->temporary, c->bytes, 64);
  c->temporary = NULL;
}
