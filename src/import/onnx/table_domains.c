/* SPDX-License-Identifier: Apache-2.0
 * Operators of other domains than ONNX's own, one row each: what optimisers, quantizers and exporters leave in files.
 */
#include "attr_rows.h"
#include "map.h"

static const ei_ox_attr_map alpha_leaky[] = { FLOAT("alpha", "alpha", 0.01), END };
static const ei_ox_attr_map quick_gelu[] = { FLOAT("alpha", "alpha", 1.702), END };
static const ei_ox_attr_map softmax[] = { INT("axis", "axis", -1), END };

static const ei_ox_row rows[] = {
  /* com.microsoft */
  { "QuantizeLinear", "com.microsoft", 1, 0, ei_ox_map_quantize, NULL, NULL, false },
  { "DequantizeLinear", "com.microsoft", 1, 0, ei_ox_map_dequantize, NULL, NULL, false },
  { "FusedConv", "com.microsoft", 1, 0, ei_ox_map_fused_conv, NULL, NULL, false },
  { "FusedMatMul", "com.microsoft", 1, 0, ei_ox_map_fused_matmul, NULL, NULL, false },
  { "Gelu", "com.microsoft", 1, 0, ei_ox_map_bias_gelu, NULL, NULL, false },
  { "BiasGelu", "com.microsoft", 1, 0, ei_ox_map_bias_gelu, NULL, NULL, false },
  { "FastGelu", "com.microsoft", 1, 0, ei_ox_map_bias_gelu, NULL, NULL, false },
  { "QuickGelu", "com.microsoft", 1, 0, ei_ox_map_direct, "Swish", quick_gelu, false },
  { "SkipLayerNormalization", "com.microsoft", 1, 0, ei_ox_map_skip_norm, "LayerNorm", NULL, false },
  { "SkipSimplifiedLayerNormalization", "com.microsoft", 1, 0, ei_ox_map_skip_norm, "RmsNorm", NULL, false },
  { "QLinearAdd", "com.microsoft", 1, 0, ei_ox_map_qlinear_binary, "Add", NULL, false },
  { "QLinearMul", "com.microsoft", 1, 0, ei_ox_map_qlinear_binary, "Mul", NULL, false },
  { "QLinearSigmoid", "com.microsoft", 1, 0, ei_ox_map_qlinear_unary, "Sigmoid", NULL, false },
  { "QLinearLeakyRelu", "com.microsoft", 1, 0, ei_ox_map_qlinear_unary, "LeakyRelu", alpha_leaky, false },
  { "QLinearSoftmax", "com.microsoft", 1, 0, ei_ox_map_qlinear_unary, "Softmax", softmax, false },
  { "QLinearConcat", "com.microsoft", 1, 0, ei_ox_map_qlinear_concat, NULL, NULL, false },
  { "QLinearGlobalAveragePool", "com.microsoft", 1, 0, ei_ox_map_qlinear_global_pool, NULL, NULL, false },
  { "QGemm", "com.microsoft", 1, 0, ei_ox_map_qgemm, NULL, NULL, false },
  { "MatMulIntegerToFloat", "com.microsoft", 1, 0, ei_ox_map_matmul_integer_to_float, NULL, NULL, false },
  { "DynamicQuantizeMatMul", "com.microsoft", 1, 0, ei_ox_map_dynamic_quantize_matmul, NULL, NULL, false },
  { "MatMulNBits", "com.microsoft", 1, 0, ei_ox_map_matmul_nbits, NULL, NULL, false },
  /* ai.onnx.preview */
  { "FlexAttention", "ai.onnx.preview", 1, 0, ei_ox_map_flex_attention, NULL, NULL, false },
};

const ei_ox_row *ei_ox_domain_rows(size_t *count) {
  *count = EI_COUNT(rows);
  return rows;
}
