/* SPDX-License-Identifier: Apache-2.0
 * ONNX operators, one row each: domain, opset versions, handler, what it becomes. */
#include "map.h"

#define END \
  { NULL, NULL, 0, 0, NULL }
#define INT(from, to, def) \
  { from, to, EI_ATTR_INT, def, NULL }
#define FLOAT(from, to, def) \
  { from, to, EI_ATTR_FLOAT, def, NULL }
#define INTS(from, to) \
  { from, to, EI_ATTR_INTS, 0, NULL }
#define WORD(from, to, def, words) \
  { from, to, EI_ATTR_STRING, def, words }

static const ei_ox_attr_map alpha_leaky[] = { FLOAT("alpha", "alpha", 0.01), END };
static const ei_ox_attr_map quick_gelu[] = { FLOAT("alpha", "alpha", 1.702), END };
static const ei_ox_attr_map alpha_one[] = { FLOAT("alpha", "alpha", 1.0), END };
static const ei_ox_attr_map selu[] = { FLOAT("alpha", "alpha", 1.67326319217681884765625),
                                       FLOAT("gamma", "gamma", 1.05070102214813232421875), END };
static const ei_ox_attr_map selu_old[] = { FLOAT("alpha", "alpha", 1.6732), FLOAT("gamma", "gamma", 1.0507), END };
static const ei_ox_attr_map hard_sigmoid[] = { FLOAT("alpha", "alpha", 0.2), FLOAT("beta", "beta", 0.5), END };
static const ei_ox_attr_map shrink[] = { FLOAT("bias", "bias", 0.0), FLOAT("lambd", "lambd", 0.5), END };
static const ei_ox_attr_map gelu[] = { WORD("approximate", "approximate", 0, "none|tanh"), END };
static const ei_ox_attr_map is_inf[] = { INT("detect_negative", "detect_negative", 1),
                                         INT("detect_positive", "detect_positive", 1), END };
static const ei_ox_attr_map mod[] = { INT("fmod", "fmod", 0), END };
static const ei_ox_attr_map softmax[] = { INT("axis", "axis", -1), END };
static const ei_ox_attr_map softmax_old[] = { INT("axis", "axis", 1), INT("no such attribute", "flatten", 1), END };
static const ei_ox_attr_map axis0[] = { INT("axis", "axis", 0), END };
static const ei_ox_attr_map axis1[] = { INT("axis", "axis", 1), END };
static const ei_ox_attr_map perm[] = { INTS("perm", "perm"), END };
static const ei_ox_attr_map arg[] = { INT("axis", "axis", 0), INT("keepdims", "keep_dims", 1),
                                      INT("select_last_index", "select_last", 0), END };
static const ei_ox_attr_map cumsum[] = { INT("exclusive", "exclusive", 0), INT("reverse", "reverse", 0), END };
static const ei_ox_attr_map batch_dims[] = { INT("batch_dims", "batch_dims", 0), END };
static const ei_ox_attr_map scatter[] = { INT("axis", "axis", 0),
                                          WORD("reduction", "reduction", 0, "none|add|mul|max|min"), END };
static const ei_ox_attr_map scatter_nd[] = { WORD("reduction", "reduction", 0, "none|add|mul|max|min"), END };
static const ei_ox_attr_map one_hot[] = { INT("axis", "axis", -1), END };
static const ei_ox_attr_map unique[] = { INT("sorted", "sorted", 1), END };
static const ei_ox_attr_map trilu[] = { INT("upper", "upper", 1), END };
static const ei_ox_attr_map eye_like[] = { INT("k", "k", 0), END };
static const ei_ox_attr_map reverse_sequence[] = { INT("batch_axis", "batch_axis", 1), INT("time_axis", "time_axis", 0),
                                                   END };
static const ei_ox_attr_map depth_to_space[] = { INT("blocksize", "block", 1), WORD("mode", "mode", 0, "DCR|CRD"),
                                                 END };
static const ei_ox_attr_map space_to_depth[] = { INT("blocksize", "block", 1), END };
static const ei_ox_attr_map epsilon[] = { FLOAT("epsilon", "epsilon", 1e-5), END };
static const ei_ox_attr_map lstm[] = { INT("input_forget", "input_forget", 0), END };
static const ei_ox_attr_map gru[] = { INT("linear_before_reset", "linear_before_reset", 0), END };
static const ei_ox_attr_map nms[] = { INT("center_point_box", "center_point_box", 0), END };

static const ei_ox_attr_map axes[] = { INTS("axes", "axes"), END };
static const ei_ox_attr_map col2im[] = { INTS("dilations", "dilations"), INTS("pads", "pads"),
                                         INTS("strides", "strides"), END };
static const ei_ox_attr_map roi_align[] = {
  WORD("mode", "mode", 0, "avg|max"),
  WORD("coordinate_transformation_mode", "half_pixel", 1, "output_half_pixel|half_pixel"),
  INT("output_height", "out_h", 1),
  INT("output_width", "out_w", 1),
  INT("sampling_ratio", "sampling_ratio", 0),
  FLOAT("spatial_scale", "spatial_scale", 1.0),
  END,
};
static const ei_ox_attr_map roi_align_old[] = {
  WORD("mode", "mode", 0, "avg|max"),
  INT("no such attribute", "half_pixel", 0),
  INT("output_height", "out_h", 1),
  INT("output_width", "out_w", 1),
  INT("sampling_ratio", "sampling_ratio", 0),
  FLOAT("spatial_scale", "spatial_scale", 1.0),
  END,
};
static const ei_ox_attr_map max_roi_pool[] = { INTS("pooled_shape", "pooled"),
                                               FLOAT("spatial_scale", "spatial_scale", 1.0), END };
static const ei_ox_attr_map grid_sample[] = {
  WORD("mode", "mode", 1, "nearest|linear|cubic"),
  WORD("padding_mode", "padding", 0, "zeros|border|reflection"),
  INT("align_corners", "align_corners", 0),
  END,
};
static const ei_ox_attr_map grid_sample_old[] = {
  WORD("mode", "mode", 1, "nearest|bilinear|bicubic"),
  WORD("padding_mode", "padding", 0, "zeros|border|reflection"),
  INT("align_corners", "align_corners", 0),
  END,
};
static const ei_ox_attr_map corners[] = { INT("align_corners", "align_corners", 0), END };
static const ei_ox_attr_map dft[] = { INT("onesided", "onesided", 0), INT("inverse", "inverse", 0), END };
static const ei_ox_attr_map stft[] = { INT("onesided", "onesided", 1), END };

/* Same name, inputs and outputs in both operator sets. */
#define SAME(name) \
  { #name, "", 1, 0, ei_ox_map_direct, #name, NULL }
#define BINARY(name, target) \
  { #name, "", 1, 0, ei_ox_map_binary, #target, NULL }
#define REDUCE(name) \
  { #name, "", 1, 0, ei_ox_map_reduce, #name, NULL }

static const ei_ox_row rows[] = {
  /* elementwise, two inputs */
  BINARY(Add, Add),
  BINARY(Sub, Sub),
  BINARY(Mul, Mul),
  BINARY(Div, Div),
  BINARY(Pow, Pow),
  BINARY(And, And),
  BINARY(Or, Or),
  BINARY(Xor, Xor),
  BINARY(Equal, Equal),
  BINARY(Less, Less),
  BINARY(Greater, Greater),
  BINARY(LessOrEqual, LessOrEqual),
  BINARY(GreaterOrEqual, GreaterOrEqual),
  SAME(BitwiseAnd),
  SAME(BitwiseOr),
  SAME(BitwiseXor),
  SAME(Where),
  { "Mod", "", 1, 0, ei_ox_map_binary, "Mod", mod },
  { "BitShift", "", 1, 0, ei_ox_map_bit_shift, NULL, NULL },
  { "PRelu", "", 1, 0, ei_ox_map_prelu, NULL, NULL },
  { "Sum", "", 1, 0, ei_ox_map_variadic, "Sum", NULL },
  { "Mean", "", 1, 0, ei_ox_map_variadic, "Mean", NULL },
  { "Min", "", 1, 0, ei_ox_map_variadic, "Min", NULL },
  { "Max", "", 1, 0, ei_ox_map_variadic, "Max", NULL },
  /* elementwise, one input */
  SAME(Relu),
  SAME(Sigmoid),
  SAME(HardSwish),
  SAME(Tanh),
  SAME(Mish),
  SAME(Softplus),
  SAME(Softsign),
  SAME(Exp),
  SAME(Log),
  SAME(Sqrt),
  SAME(Reciprocal),
  SAME(Neg),
  SAME(Abs),
  SAME(Sign),
  SAME(Erf),
  SAME(Sin),
  SAME(Cos),
  SAME(Tan),
  SAME(Asin),
  SAME(Acos),
  SAME(Atan),
  SAME(Sinh),
  SAME(Cosh),
  SAME(Asinh),
  SAME(Acosh),
  SAME(Atanh),
  SAME(Floor),
  SAME(Ceil),
  SAME(Round),
  SAME(Not),
  SAME(BitwiseNot),
  { "IsNaN", "", 1, 0, ei_ox_map_direct, "IsNaN", NULL },
  { "IsInf", "", 1, 0, ei_ox_map_direct, "IsInf", is_inf },
  { "Identity", "", 1, 0, ei_ox_map_identity, NULL, NULL },
  { "LeakyRelu", "", 1, 0, ei_ox_map_direct, "LeakyRelu", alpha_leaky },
  { "Elu", "", 1, 0, ei_ox_map_direct, "Elu", alpha_one },
  { "Celu", "", 1, 0, ei_ox_map_direct, "Celu", alpha_one },
  { "Swish", "", 1, 0, ei_ox_map_direct, "Swish", alpha_one },
  { "ThresholdedRelu", "", 1, 0, ei_ox_map_direct, "ThresholdedRelu", alpha_one },
  { "Selu", "", 1, 5, ei_ox_map_direct, "Selu", selu_old },
  { "Selu", "", 6, 0, ei_ox_map_direct, "Selu", selu },
  { "Gelu", "", 1, 0, ei_ox_map_direct, "Gelu", gelu },
  { "HardSigmoid", "", 1, 0, ei_ox_map_direct, "HardSigmoid", hard_sigmoid },
  { "Shrink", "", 1, 0, ei_ox_map_direct, "Shrink", shrink },
  { "Clip", "", 1, 0, ei_ox_map_clip, NULL, NULL },
  { "Cast", "", 1, 0, ei_ox_map_cast, NULL, NULL },
  { "CastLike", "", 1, 0, ei_ox_map_cast_like, NULL, NULL },
  { "BitCast", "", 1, 0, ei_ox_map_bitcast, NULL, NULL },
  { "Dropout", "", 1, 0, ei_ox_map_dropout, NULL, NULL },
  /* constants */
  { "Constant", "", 1, 0, ei_ox_map_constant, NULL, NULL },
  { "ConstantOfShape", "", 1, 0, ei_ox_map_constant_of_shape, NULL, NULL },
  SAME(Range),
  { "EyeLike", "", 1, 0, ei_ox_map_dtype_attr, "EyeLike", eye_like },
  { "OneHot", "", 1, 0, ei_ox_map_direct, "OneHot", one_hot },
  { "HannWindow", "", 1, 0, ei_ox_map_window_function, NULL, NULL },
  { "HammingWindow", "", 1, 0, ei_ox_map_window_function, NULL, NULL },
  { "BlackmanWindow", "", 1, 0, ei_ox_map_window_function, NULL, NULL },
  /* shape and data movement */
  { "Reshape", "", 1, 0, ei_ox_map_reshape, NULL, NULL },
  { "Squeeze", "", 1, 0, ei_ox_map_axes_attr, "Squeeze", NULL },
  { "Unsqueeze", "", 1, 0, ei_ox_map_axes_attr, "Unsqueeze", NULL },
  { "Flatten", "", 1, 0, ei_ox_map_direct, "Flatten", axis1 },
  { "Transpose", "", 1, 0, ei_ox_map_direct, "Transpose", perm },
  { "Concat", "", 1, 3, ei_ox_map_direct, "Concat", axis1 },
  { "Concat", "", 4, 0, ei_ox_map_direct, "Concat", axis0 },
  { "Split", "", 1, 0, ei_ox_map_split, NULL, NULL },
  { "Slice", "", 1, 0, ei_ox_map_slice, NULL, NULL },
  { "Pad", "", 1, 0, ei_ox_map_pad, NULL, NULL },
  { "Tile", "", 1, 0, ei_ox_map_tile, "Tile", NULL },
  { "Gather", "", 1, 0, ei_ox_map_direct, "Gather", axis0 },
  { "GatherElements", "", 1, 0, ei_ox_map_direct, "GatherElements", axis0 },
  { "GatherND", "", 1, 0, ei_ox_map_direct, "GatherND", batch_dims },
  { "Scatter", "", 1, 0, ei_ox_map_direct, "ScatterElements", scatter },
  { "ScatterElements", "", 1, 0, ei_ox_map_direct, "ScatterElements", scatter },
  { "ScatterND", "", 1, 0, ei_ox_map_direct, "ScatterND", scatter_nd },
  { "Shape", "", 1, 0, ei_ox_map_shape, NULL, NULL },
  SAME(Expand),
  SAME(Size),
  SAME(NonZero),
  { "Compress", "", 1, 0, ei_ox_map_axis_flag, "Compress", NULL },
  { "Unique", "", 1, 0, ei_ox_map_axis_flag, "Unique", unique },
  { "Trilu", "", 1, 0, ei_ox_map_direct, "Trilu", trilu },
  { "ReverseSequence", "", 1, 0, ei_ox_map_direct, "ReverseSequence", reverse_sequence },
  { "DepthToSpace", "", 1, 0, ei_ox_map_wrapped, "DepthToSpace", depth_to_space },
  { "SpaceToDepth", "", 1, 0, ei_ox_map_space_to_depth, "SpaceToDepth", space_to_depth },
  { "Resize", "", 1, 0, ei_ox_map_resize, NULL, NULL },
  { "Upsample", "", 1, 0, ei_ox_map_upsample, NULL, NULL },
  /* reductions */
  REDUCE(ReduceSum),
  REDUCE(ReduceMean),
  REDUCE(ReduceMax),
  REDUCE(ReduceMin),
  REDUCE(ReduceProd),
  REDUCE(ReduceL1),
  REDUCE(ReduceL2),
  REDUCE(ReduceLogSum),
  REDUCE(ReduceLogSumExp),
  REDUCE(ReduceSumSquare),
  { "ArgMax", "", 1, 0, ei_ox_map_direct, "ArgMax", arg },
  { "ArgMin", "", 1, 0, ei_ox_map_direct, "ArgMin", arg },
  { "TopK", "", 1, 0, ei_ox_map_topk, NULL, NULL },
  { "CumSum", "", 1, 0, ei_ox_map_direct, "CumSum", cumsum },
  { "CumProd", "", 1, 0, ei_ox_map_direct, "CumProd", cumsum },
  /* convolutions, pools, matrix products */
  { "Conv", "", 1, 0, ei_ox_map_conv, NULL, NULL },
  { "ConvTranspose", "", 1, 0, ei_ox_map_conv_transpose, NULL, NULL },
  { "ConvInteger", "", 1, 0, ei_ox_map_conv_integer, NULL, NULL },
  { "MaxPool", "", 1, 0, ei_ox_map_pool, "MaxPool", NULL },
  { "AveragePool", "", 1, 0, ei_ox_map_pool, "AveragePool", NULL },
  { "LpPool", "", 1, 0, ei_ox_map_pool, "LpPool", NULL },
  { "MaxUnpool", "", 1, 0, ei_ox_map_max_unpool, NULL, NULL },
  { "GlobalAveragePool", "", 1, 0, ei_ox_map_global_pool, "ReduceMean", NULL },
  { "GlobalMaxPool", "", 1, 0, ei_ox_map_global_pool, "ReduceMax", NULL },
  { "GlobalLpPool", "", 1, 0, ei_ox_map_global_lp_pool, NULL, NULL },
  { "Gemm", "", 1, 0, ei_ox_map_gemm, NULL, NULL },
  SAME(MatMul),
  SAME(MatMulInteger),
  { "Einsum", "", 1, 0, ei_ox_map_einsum, NULL, NULL },
  /* normalisation */
  { "Softmax", "", 1, 12, ei_ox_map_direct, "Softmax", softmax_old },
  { "Softmax", "", 13, 0, ei_ox_map_direct, "Softmax", softmax },
  { "LogSoftmax", "", 1, 12, ei_ox_map_direct, "LogSoftmax", softmax_old },
  { "LogSoftmax", "", 13, 0, ei_ox_map_direct, "LogSoftmax", softmax },
  { "Hardmax", "", 1, 12, ei_ox_map_direct, "Hardmax", softmax_old },
  { "Hardmax", "", 13, 0, ei_ox_map_direct, "Hardmax", softmax },
  { "BatchNormalization", "", 1, 0, ei_ox_map_batch_norm, NULL, NULL },
  { "InstanceNormalization", "", 1, 0, ei_ox_map_wrapped, "InstanceNorm", epsilon },
  { "GroupNormalization", "", 1, 0, ei_ox_map_group_norm, NULL, NULL },
  { "LayerNormalization", "", 1, 0, ei_ox_map_layer_norm, "LayerNorm", NULL },
  { "RMSNormalization", "", 1, 0, ei_ox_map_layer_norm, "RmsNorm", NULL },
  { "LRN", "", 1, 0, ei_ox_map_lrn, NULL, NULL },
  { "LpNormalization", "", 1, 0, ei_ox_map_lp_norm, NULL, NULL },
  { "MeanVarianceNormalization", "", 1, 0, ei_ox_map_mean_variance, NULL, NULL },
  /* quantization */
  { "QuantizeLinear", "", 1, 0, ei_ox_map_quantize, NULL, NULL },
  { "DequantizeLinear", "", 1, 0, ei_ox_map_dequantize, NULL, NULL },
  { "DynamicQuantizeLinear", "", 1, 0, ei_ox_map_direct, "DynamicQuantize", NULL },
  { "QLinearConv", "", 1, 0, ei_ox_map_qlinear_conv, NULL, NULL },
  { "QLinearMatMul", "", 1, 0, ei_ox_map_qlinear_matmul, NULL, NULL },
  /* recurrent and control flow */
  { "LSTM", "", 1, 0, ei_ox_map_rnn, "Lstm", lstm },
  { "GRU", "", 1, 0, ei_ox_map_rnn, "Gru", gru },
  { "RNN", "", 1, 0, ei_ox_map_rnn, "Rnn", NULL },
  { "If", "", 1, 0, ei_ox_map_if, NULL, NULL },
  { "Loop", "", 1, 0, ei_ox_map_loop, NULL, NULL },
  { "Scan", "", 1, 0, ei_ox_map_scan, NULL, NULL },
  /* sequence models */
  { "Attention", "", 1, 0, ei_ox_map_attention, NULL, NULL },
  { "RotaryEmbedding", "", 1, 0, ei_ox_map_rotary, NULL, NULL },
  { "TensorScatter", "", 1, 0, ei_ox_map_tensor_scatter, NULL, NULL },
  { "SwiGLU", "", 1, 0, ei_ox_map_swiglu, NULL, NULL },
  { "CenterCropPad", "", 1, 0, ei_ox_map_direct, "CenterCropPad", axes },
  /* detection */
  { "NonMaxSuppression", "", 1, 0, ei_ox_map_direct, "NonMaxSuppression", nms },
  { "RoiAlign", "", 1, 15, ei_ox_map_wrapped, "RoiAlign", roi_align_old },
  { "RoiAlign", "", 16, 0, ei_ox_map_wrapped, "RoiAlign", roi_align },
  { "MaxRoiPool", "", 1, 0, ei_ox_map_wrapped, "MaxRoiPool", max_roi_pool },
  { "GridSample", "", 1, 19, ei_ox_map_wrapped, "GridSample", grid_sample_old },
  { "GridSample", "", 20, 0, ei_ox_map_wrapped, "GridSample", grid_sample },
  { "AffineGrid", "", 1, 0, ei_ox_map_direct, "AffineGrid", corners },
  { "Col2Im", "", 1, 0, ei_ox_map_direct, "Col2Im", col2im },
  /* signals */
  { "DFT", "", 1, 0, ei_ox_map_dft, NULL, dft },
  { "STFT", "", 1, 0, ei_ox_map_direct, "Stft", stft },
  { "MelWeightMatrix", "", 1, 0, ei_ox_map_mel_weights, "MelWeightMatrix", NULL },
  SAME(Det),
  /* domains of exporters */
  { "QuantizeLinear", "com.microsoft", 1, 0, ei_ox_map_quantize, NULL, NULL },
  { "DequantizeLinear", "com.microsoft", 1, 0, ei_ox_map_dequantize, NULL, NULL },
  { "FusedConv", "com.microsoft", 1, 0, ei_ox_map_fused_conv, NULL, NULL },
  { "FusedMatMul", "com.microsoft", 1, 0, ei_ox_map_fused_matmul, NULL, NULL },
  { "Gelu", "com.microsoft", 1, 0, ei_ox_map_bias_gelu, NULL, NULL },
  { "BiasGelu", "com.microsoft", 1, 0, ei_ox_map_bias_gelu, NULL, NULL },
  { "FastGelu", "com.microsoft", 1, 0, ei_ox_map_bias_gelu, NULL, NULL },
  { "QuickGelu", "com.microsoft", 1, 0, ei_ox_map_direct, "Swish", quick_gelu },
  { "SkipLayerNormalization", "com.microsoft", 1, 0, ei_ox_map_skip_norm, "LayerNorm", NULL },
  { "SkipSimplifiedLayerNormalization", "com.microsoft", 1, 0, ei_ox_map_skip_norm, "RmsNorm", NULL },
  { "SimplifiedLayerNormalization", "", 1, 0, ei_ox_map_layer_norm, "RmsNorm", NULL },
  { "QLinearAdd", "com.microsoft", 1, 0, ei_ox_map_qlinear_binary, "Add", NULL },
  { "QLinearMul", "com.microsoft", 1, 0, ei_ox_map_qlinear_binary, "Mul", NULL },
  { "QLinearSigmoid", "com.microsoft", 1, 0, ei_ox_map_qlinear_unary, "Sigmoid", NULL },
  { "QLinearLeakyRelu", "com.microsoft", 1, 0, ei_ox_map_qlinear_unary, "LeakyRelu", alpha_leaky },
  { "QLinearSoftmax", "com.microsoft", 1, 0, ei_ox_map_qlinear_unary, "Softmax", softmax },
  { "QLinearConcat", "com.microsoft", 1, 0, ei_ox_map_qlinear_concat, NULL, NULL },
  { "QLinearGlobalAveragePool", "com.microsoft", 1, 0, ei_ox_map_qlinear_global_pool, NULL, NULL },
  { "QGemm", "com.microsoft", 1, 0, ei_ox_map_qgemm, NULL, NULL },
  { "MatMulIntegerToFloat", "com.microsoft", 1, 0, ei_ox_map_matmul_integer_to_float, NULL, NULL },
  { "DynamicQuantizeMatMul", "com.microsoft", 1, 0, ei_ox_map_dynamic_quantize_matmul, NULL, NULL },
  { "MatMulNBits", "com.microsoft", 1, 0, ei_ox_map_matmul_nbits, NULL, NULL },
};

const ei_ox_row *ei_ox_find_row(const char *op, const char *domain, int64_t opset) {
  for (size_t i = 0; i < EI_COUNT(rows); ++i) {
    const ei_ox_row *const r = &rows[i];
    if (strcmp(r->op, op) == 0 && strcmp(r->domain, domain) == 0 && (opset >= r->since || *domain) &&
        (r->until == 0 || opset <= r->until))
      return r;
  }
  return NULL;
}

const ei_ox_row *ei_ox_row_at(uint32_t index) {
  return index < EI_COUNT(rows) ? &rows[index] : NULL;
}
