/* SPDX-License-Identifier: Apache-2.0
 * Two operators of one's own as a plug-in:
 *
 *   cc -shared -fPIC operators.c -o operators.so && EDGERT_PLUGINS=./operators.so edgert run model.onnx
 *
 *   com.example:Scale      y = factor * x, factor is an attribute of the ONNX node
 *   tflite:MyOperator      y = x + bias, bias is the first byte of the TFLite node's custom_options (0 without)
 *
 * An application registers the same structs with edge_env_register_op(). docs/custom-operators.md explains. */
#include <edge/custom.h>
#include <string.h>

/* One float input and an output like it. */
static edge_status infer_same(edge_custom_call *call) {
  const edge_tensor *const x = &call->inputs[0];
  edge_tensor *const y = &call->outputs[0];
  if (x->dtype != EDGE_DTYPE_F32) return call->host->fail(call, EDGE_STATUS_UNSUPPORTED_TYPE, "the input must be f32");
  y->dtype = x->dtype;
  y->rank = x->rank;
  memcpy(y->dims, x->dims, sizeof y->dims);
  return EDGE_STATUS_OK;
}

static edge_status scale_infer(edge_custom_call *call) {
  double factor;
  if (call->host->attr_floats(call, "factor", &factor, 1) != 1)
    return call->host->fail(call, EDGE_STATUS_INVALID_VALUE, "the attribute 'factor' must be one float");
  return infer_same(call);
}

static edge_status scale_run(edge_custom_call *call) {
  const float *const x = call->inputs[0].data;
  float *const y = call->outputs[0].data;
  double factor = 1.0;
  uint64_t count = 1;
  (void)call->host->attr_floats(call, "factor", &factor, 1);
  for (int32_t d = 0; d < call->inputs[0].rank; ++d) count *= (uint64_t)call->inputs[0].dims[d];
  for (uint64_t i = 0; y && i < count; ++i) y[i] = (float)factor * x[i];
  return EDGE_STATUS_OK;
}

static edge_status bias_run(edge_custom_call *call) {
  const float *const x = call->inputs[0].data;
  float *const y = call->outputs[0].data;
  uint8_t bias = 0;
  uint64_t count = 1;
  (void)call->host->options(call, &bias, 1);
  for (int32_t d = 0; d < call->inputs[0].rank; ++d) count *= (uint64_t)call->inputs[0].dims[d];
  for (uint64_t i = 0; y && i < count; ++i) y[i] = x[i] + (float)bias;
  return EDGE_STATUS_OK;
}

static const edge_custom_op scale = { .struct_size = sizeof(edge_custom_op),
                                      .domain = "com.example",
                                      .name = "Scale",
                                      .min_inputs = 1,
                                      .max_inputs = 1,
                                      .min_outputs = 1,
                                      .max_outputs = 1,
                                      .infer = scale_infer,
                                      .run = scale_run };
static const edge_custom_op bias = { .struct_size = sizeof(edge_custom_op),
                                     .domain = "tflite",
                                     .name = "MyOperator",
                                     .min_inputs = 1,
                                     .max_inputs = 1,
                                     .min_outputs = 1,
                                     .max_outputs = 1,
                                     .infer = infer_same,
                                     .run = bias_run };

EDGE_API const edge_custom_op *const *edge_custom_entry(void);
EDGE_API const edge_custom_op *const *edge_custom_entry(void) {
  static const edge_custom_op *const list[] = { &scale, &bias, NULL };
  return list;
}
