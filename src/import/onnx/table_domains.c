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
  { "QLinearWhere", "com.microsoft", 1, 0, ei_ox_map_qlinear_where, NULL, NULL, false },
  { "QLinearAveragePool", "com.microsoft", 1, 0, ei_ox_map_qlinear_average_pool, NULL, NULL, false },
  { "DynamicQuantizeLSTM", "com.microsoft", 1, 0, ei_ox_map_dynamic_quantize_lstm, "Lstm", NULL, false },
  { "NhwcMaxPool", "com.microsoft", 1, 0, ei_ox_map_nhwc_max_pool, NULL, NULL, false },
  { "FusedGemm", "com.microsoft", 1, 0, ei_ox_map_fused_gemm, NULL, NULL, false },
  { "TransposeMatMul", "com.microsoft", 1, 0, ei_ox_map_fused_matmul, NULL, NULL, false },
  { "SimplifiedLayerNormalization", "com.microsoft", 1, 0, ei_ox_map_layer_norm, "RmsNorm", NULL, false },
  { "EmbedLayerNormalization", "com.microsoft", 1, 0, ei_ox_map_embed_layer_norm, NULL, NULL, false },
  { "QEmbedLayerNormalization", "com.microsoft", 1, 0, ei_ox_map_embed_layer_norm, NULL, NULL, false },
  { "QLinearConv", "com.microsoft", 1, 0, ei_ox_map_qlinear_conv, NULL, NULL, false },
  { "RotaryEmbedding", "com.microsoft", 1, 0, ei_ox_map_rotary_ms, NULL, NULL, false },
  { "Attention", "com.microsoft", 1, 0, ei_ox_map_self_attention, NULL, NULL, false },
  { "QAttention", "com.microsoft", 1, 0, ei_ox_map_quantized_attention, NULL, NULL, false },
  { "MultiHeadAttention", "com.microsoft", 1, 0, ei_ox_map_multi_head_attention, NULL, NULL, false },
  { "GroupQueryAttention", "com.microsoft", 1, 0, ei_ox_map_group_query_attention, NULL, NULL, false },
  { "BiasSoftmax", "com.microsoft", 1, 0, ei_ox_map_bias_softmax, NULL, NULL, false },
  { "ExpandDims", "com.microsoft", 1, 0, ei_ox_map_expand_dims, NULL, NULL, false },
  { "Inverse", "com.microsoft", 1, 0, ei_ox_map_direct, "Inverse", NULL, false },
  { "Pad", "com.microsoft", 1, 0, ei_ox_map_as_onnx, NULL, NULL, false },
  { "Trilu", "com.microsoft", 1, 0, ei_ox_map_as_onnx, NULL, NULL, false },
  { "Unique", "com.microsoft", 1, 0, ei_ox_map_unique_ms, NULL, NULL, false },
  { "Range", "com.microsoft", 1, 0, ei_ox_map_as_onnx, NULL, NULL, false },
  { "GatherND", "com.microsoft", 1, 0, ei_ox_map_as_onnx, NULL, NULL, false },
  { "GridSample", "com.microsoft", 1, 0, ei_ox_map_as_onnx, NULL, NULL, false },
  { "GatherBlockQuantized", "com.microsoft", 1, 0, ei_ox_map_gather_blocks, NULL, NULL, false },
  { "MatMulNBits", "com.microsoft", 1, 0, ei_ox_map_matmul_nbits, NULL, NULL, false },
  /* ai.onnx.ml */
  { "TreeEnsemble", "ai.onnx.ml", 1, 0, ei_ox_map_tree_ensemble, NULL, NULL, false },
  { "TreeEnsembleRegressor", "ai.onnx.ml", 1, 0, ei_ox_map_tree_regressor, NULL, NULL, false },
  { "TreeEnsembleClassifier", "ai.onnx.ml", 1, 0, ei_ox_map_tree_classifier, NULL, NULL, false },
  { "LinearRegressor", "ai.onnx.ml", 1, 0, ei_ox_map_linear_regressor, NULL, NULL, false },
  { "LinearClassifier", "ai.onnx.ml", 1, 0, ei_ox_map_linear_classifier, NULL, NULL, false },
  { "Scaler", "ai.onnx.ml", 1, 0, ei_ox_map_scaler, NULL, NULL, false },
  { "Binarizer", "ai.onnx.ml", 1, 0, ei_ox_map_binarizer, NULL, NULL, false },
  { "Normalizer", "ai.onnx.ml", 1, 0, ei_ox_map_normalizer, NULL, NULL, false },
  { "ArrayFeatureExtractor", "ai.onnx.ml", 1, 0, ei_ox_map_array_feature_extractor, NULL, NULL, false },
  { "Imputer", "ai.onnx.ml", 1, 0, ei_ox_map_imputer, NULL, NULL, false },
  { "FeatureVectorizer", "ai.onnx.ml", 1, 0, ei_ox_map_feature_vectorizer, NULL, NULL, false },
  /* ai.onnx.preview */
  { "FlexAttention", "ai.onnx.preview", 1, 0, ei_ox_map_flex_attention, NULL, NULL, false },
};

const ei_ox_row *ei_ox_domain_rows(size_t *count) {
  *count = EI_COUNT(rows);
  return rows;
}
