/* SPDX-License-Identifier: Apache-2.0
 * ONNX operators, one row each: domain, opset versions, handler, what it becomes. */
#include "attr_rows.h"
#include "map.h"

static const ei_ox_attr_map alpha_leaky[] = { FLOAT("alpha", "alpha", 0.01), END };
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

static const ei_ox_attr_map linear_attention[] = {
  INT("q_num_heads", "q_heads", 0),
  INT("kv_num_heads", "kv_heads", 0),
  FLOAT("scale", "scale", 0.0),
  WORD("update_rule", "rule", 3, "linear|gated|delta|gated_delta"),
  END,
};
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
  { #name, "", 1, 0, ei_ox_map_direct, #name, NULL, false }
#define BINARY(name, target) \
  { #name, "", 1, 0, ei_ox_map_binary, #target, NULL, false }
#define REDUCE(name) \
  { #name, "", 1, 0, ei_ox_map_reduce, #name, NULL, false }

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
  { "Mod", "", 1, 0, ei_ox_map_binary, "Mod", mod, false },
  { "BitShift", "", 1, 0, ei_ox_map_bit_shift, NULL, NULL, false },
  { "PRelu", "", 1, 0, ei_ox_map_prelu, NULL, NULL, false },
  { "Sum", "", 1, 0, ei_ox_map_variadic, "Sum", NULL, false },
  { "Mean", "", 1, 0, ei_ox_map_variadic, "Mean", NULL, false },
  { "Min", "", 1, 0, ei_ox_map_variadic, "Min", NULL, false },
  { "Max", "", 1, 0, ei_ox_map_variadic, "Max", NULL, false },
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
  { "IsNaN", "", 1, 0, ei_ox_map_direct, "IsNaN", NULL, false },
  { "IsInf", "", 1, 0, ei_ox_map_direct, "IsInf", is_inf, false },
  { "Identity", "", 1, 0, ei_ox_map_same_value, NULL, NULL, true },
  { "LeakyRelu", "", 1, 0, ei_ox_map_direct, "LeakyRelu", alpha_leaky, false },
  { "Elu", "", 1, 0, ei_ox_map_direct, "Elu", alpha_one, false },
  { "Celu", "", 1, 0, ei_ox_map_direct, "Celu", alpha_one, false },
  { "Swish", "", 1, 0, ei_ox_map_direct, "Swish", alpha_one, false },
  { "ThresholdedRelu", "", 1, 0, ei_ox_map_direct, "ThresholdedRelu", alpha_one, false },
  { "Selu", "", 1, 5, ei_ox_map_direct, "Selu", selu_old, false },
  { "Selu", "", 6, 0, ei_ox_map_direct, "Selu", selu, false },
  { "Gelu", "", 1, 0, ei_ox_map_direct, "Gelu", gelu, false },
  { "HardSigmoid", "", 1, 0, ei_ox_map_direct, "HardSigmoid", hard_sigmoid, false },
  { "Shrink", "", 1, 0, ei_ox_map_direct, "Shrink", shrink, false },
  { "Clip", "", 1, 0, ei_ox_map_clip, NULL, NULL, false },
  { "Cast", "", 1, 0, ei_ox_map_cast, NULL, NULL, false },
  { "CastLike", "", 1, 0, ei_ox_map_cast_like, NULL, NULL, false },
  { "BitCast", "", 1, 0, ei_ox_map_bitcast, NULL, NULL, false },
  { "Dropout", "", 1, 0, ei_ox_map_dropout, NULL, NULL, false },
  /* constants */
  { "Constant", "", 1, 0, ei_ox_map_constant, NULL, NULL, false },
  { "ConstantOfShape", "", 1, 0, ei_ox_map_constant_of_shape, NULL, NULL, false },
  SAME(Range),
  { "EyeLike", "", 1, 0, ei_ox_map_dtype_attr, "EyeLike", eye_like, false },
  { "OneHot", "", 1, 0, ei_ox_map_direct, "OneHot", one_hot, false },
  { "HannWindow", "", 1, 0, ei_ox_map_window_function, NULL, NULL, false },
  { "HammingWindow", "", 1, 0, ei_ox_map_window_function, NULL, NULL, false },
  { "BlackmanWindow", "", 1, 0, ei_ox_map_window_function, NULL, NULL, false },
  /* shape and data movement */
  { "Reshape", "", 1, 0, ei_ox_map_reshape, NULL, NULL, false },
  { "Squeeze", "", 1, 0, ei_ox_map_axes_attr, "Squeeze", NULL, false },
  { "Unsqueeze", "", 1, 0, ei_ox_map_axes_attr, "Unsqueeze", NULL, false },
  { "Flatten", "", 1, 0, ei_ox_map_direct, "Flatten", axis1, false },
  { "Transpose", "", 1, 0, ei_ox_map_direct, "Transpose", perm, false },
  { "Concat", "", 1, 3, ei_ox_map_direct, "Concat", axis1, false },
  { "Concat", "", 4, 0, ei_ox_map_direct, "Concat", axis0, false },
  { "Split", "", 1, 0, ei_ox_map_split, NULL, NULL, false },
  { "Slice", "", 1, 0, ei_ox_map_slice, NULL, NULL, false },
  { "Pad", "", 1, 0, ei_ox_map_pad, NULL, NULL, false },
  { "Tile", "", 1, 0, ei_ox_map_tile, "Tile", NULL, false },
  { "Gather", "", 1, 0, ei_ox_map_direct, "Gather", axis0, false },
  { "GatherElements", "", 1, 0, ei_ox_map_direct, "GatherElements", axis0, false },
  { "GatherND", "", 1, 0, ei_ox_map_direct, "GatherND", batch_dims, false },
  { "Scatter", "", 1, 0, ei_ox_map_direct, "ScatterElements", scatter, false },
  { "ScatterElements", "", 1, 0, ei_ox_map_direct, "ScatterElements", scatter, false },
  { "ScatterND", "", 1, 0, ei_ox_map_direct, "ScatterND", scatter_nd, false },
  { "Shape", "", 1, 0, ei_ox_map_shape, NULL, NULL, false },
  SAME(Expand),
  SAME(Size),
  SAME(NonZero),
  { "Compress", "", 1, 0, ei_ox_map_axis_flag, "Compress", NULL, false },
  { "Unique", "", 1, 0, ei_ox_map_axis_flag, "Unique", unique, false },
  { "Trilu", "", 1, 0, ei_ox_map_direct, "Trilu", trilu, false },
  { "ReverseSequence", "", 1, 0, ei_ox_map_direct, "ReverseSequence", reverse_sequence, false },
  { "DepthToSpace", "", 1, 0, ei_ox_map_wrapped, "DepthToSpace", depth_to_space, false },
  { "SpaceToDepth", "", 1, 0, ei_ox_map_space_to_depth, "SpaceToDepth", space_to_depth, false },
  { "Resize", "", 1, 0, ei_ox_map_resize, NULL, NULL, false },
  { "Upsample", "", 1, 0, ei_ox_map_upsample, NULL, NULL, false },
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
  { "ArgMax", "", 1, 0, ei_ox_map_direct, "ArgMax", arg, false },
  { "ArgMin", "", 1, 0, ei_ox_map_direct, "ArgMin", arg, false },
  { "TopK", "", 1, 0, ei_ox_map_topk, NULL, NULL, false },
  { "CumSum", "", 1, 0, ei_ox_map_direct, "CumSum", cumsum, false },
  { "CumProd", "", 1, 0, ei_ox_map_direct, "CumProd", cumsum, false },
  /* convolutions, pools, matrix products */
  { "Conv", "", 1, 0, ei_ox_map_conv, NULL, NULL, false },
  { "ConvTranspose", "", 1, 0, ei_ox_map_conv_transpose, NULL, NULL, false },
  { "DeformConv", "", 1, 0, ei_ox_map_deform_conv, NULL, NULL, false },
  { "ConvInteger", "", 1, 0, ei_ox_map_conv_integer, NULL, NULL, false },
  { "MaxPool", "", 1, 0, ei_ox_map_pool, "MaxPool", NULL, false },
  { "AveragePool", "", 1, 0, ei_ox_map_pool, "AveragePool", NULL, false },
  { "LpPool", "", 1, 0, ei_ox_map_pool, "LpPool", NULL, false },
  { "MaxUnpool", "", 1, 0, ei_ox_map_max_unpool, NULL, NULL, false },
  { "GlobalAveragePool", "", 1, 0, ei_ox_map_global_pool, "ReduceMean", NULL, false },
  { "GlobalMaxPool", "", 1, 0, ei_ox_map_global_pool, "ReduceMax", NULL, false },
  { "GlobalLpPool", "", 1, 0, ei_ox_map_global_lp_pool, NULL, NULL, false },
  { "Gemm", "", 1, 0, ei_ox_map_gemm, NULL, NULL, false },
  SAME(MatMul),
  SAME(MatMulInteger),
  { "Einsum", "", 1, 0, ei_ox_map_einsum, NULL, NULL, false },
  /* normalisation */
  { "Softmax", "", 1, 12, ei_ox_map_direct, "Softmax", softmax_old, false },
  { "Softmax", "", 13, 0, ei_ox_map_direct, "Softmax", softmax, false },
  { "LogSoftmax", "", 1, 12, ei_ox_map_direct, "LogSoftmax", softmax_old, false },
  { "LogSoftmax", "", 13, 0, ei_ox_map_direct, "LogSoftmax", softmax, false },
  { "Hardmax", "", 1, 12, ei_ox_map_direct, "Hardmax", softmax_old, false },
  { "Hardmax", "", 13, 0, ei_ox_map_direct, "Hardmax", softmax, false },
  { "BatchNormalization", "", 1, 0, ei_ox_map_batch_norm, NULL, NULL, false },
  { "InstanceNormalization", "", 1, 0, ei_ox_map_wrapped, "InstanceNorm", epsilon, false },
  { "GroupNormalization", "", 1, 0, ei_ox_map_group_norm, NULL, NULL, false },
  { "LayerNormalization", "", 1, 0, ei_ox_map_layer_norm, "LayerNorm", NULL, false },
  { "SimplifiedLayerNormalization", "", 1, 0, ei_ox_map_layer_norm, "RmsNorm", NULL, false },
  { "RMSNormalization", "", 1, 0, ei_ox_map_layer_norm, "RmsNorm", NULL, false },
  { "LRN", "", 1, 0, ei_ox_map_lrn, NULL, NULL, false },
  { "LpNormalization", "", 1, 0, ei_ox_map_lp_norm, NULL, NULL, false },
  { "MeanVarianceNormalization", "", 1, 0, ei_ox_map_mean_variance, NULL, NULL, false },
  /* quantization */
  { "QuantizeLinear", "", 1, 0, ei_ox_map_quantize, NULL, NULL, false },
  { "DequantizeLinear", "", 1, 0, ei_ox_map_dequantize, NULL, NULL, false },
  { "DynamicQuantizeLinear", "", 1, 0, ei_ox_map_direct, "DynamicQuantize", NULL, false },
  { "QLinearConv", "", 1, 0, ei_ox_map_qlinear_conv, NULL, NULL, false },
  { "QLinearMatMul", "", 1, 0, ei_ox_map_qlinear_matmul, NULL, NULL, false },
  /* recurrent and control flow */
  { "LSTM", "", 1, 0, ei_ox_map_rnn, "Lstm", lstm, false },
  { "GRU", "", 1, 0, ei_ox_map_rnn, "Gru", gru, false },
  { "RNN", "", 1, 0, ei_ox_map_rnn, "Rnn", NULL, false },
  { "If", "", 1, 0, ei_ox_map_if, NULL, NULL, false },
  { "Loop", "", 1, 0, ei_ox_map_loop, NULL, NULL, true },
  { "Scan", "", 1, 0, ei_ox_map_scan, NULL, NULL, false },
  /* sequences and optionals */
  { "SequenceEmpty", "", 1, 0, ei_ox_map_sequence_construct, NULL, NULL, false },
  { "SequenceConstruct", "", 1, 0, ei_ox_map_sequence_construct, NULL, NULL, false },
  { "SequenceInsert", "", 1, 0, ei_ox_map_sequence_insert, NULL, NULL, true },
  { "SequenceErase", "", 1, 0, ei_ox_map_sequence_erase, NULL, NULL, true },
  { "SequenceAt", "", 1, 0, ei_ox_map_sequence_at, NULL, NULL, true },
  { "SequenceLength", "", 1, 0, ei_ox_map_sequence_length, NULL, NULL, true },
  { "ConcatFromSequence", "", 1, 0, ei_ox_map_concat_from_sequence, NULL, NULL, true },
  { "SplitToSequence", "", 1, 0, ei_ox_map_split_to_sequence, NULL, NULL, false },
  { "Optional", "", 1, 0, ei_ox_map_same_value, NULL, NULL, true },
  { "OptionalGetElement", "", 1, 0, ei_ox_map_same_value, NULL, NULL, true },
  { "OptionalHasElement", "", 1, 0, ei_ox_map_has_element, NULL, NULL, true },
  /* sequence models */
  { "Attention", "", 1, 0, ei_ox_map_attention, NULL, NULL, false },
  { "RotaryEmbedding", "", 1, 0, ei_ox_map_rotary, NULL, NULL, false },
  { "TensorScatter", "", 1, 0, ei_ox_map_tensor_scatter, NULL, NULL, false },
  { "SwiGLU", "", 1, 0, ei_ox_map_swiglu, NULL, NULL, false },
  { "CausalConvWithState", "", 1, 0, ei_ox_map_causal_conv, NULL, NULL, false },
  { "LinearAttention", "", 1, 0, ei_ox_map_direct, "LinearAttention", linear_attention, false },
  { "CenterCropPad", "", 1, 0, ei_ox_map_direct, "CenterCropPad", axes, false },
  /* detection */
  { "NonMaxSuppression", "", 1, 0, ei_ox_map_direct, "NonMaxSuppression", nms, false },
  { "RoiAlign", "", 1, 15, ei_ox_map_wrapped, "RoiAlign", roi_align_old, false },
  { "RoiAlign", "", 16, 0, ei_ox_map_wrapped, "RoiAlign", roi_align, false },
  { "MaxRoiPool", "", 1, 0, ei_ox_map_wrapped, "MaxRoiPool", max_roi_pool, false },
  { "GridSample", "", 1, 19, ei_ox_map_wrapped, "GridSample", grid_sample_old, false },
  { "GridSample", "", 20, 0, ei_ox_map_wrapped, "GridSample", grid_sample, false },
  { "AffineGrid", "", 1, 0, ei_ox_map_direct, "AffineGrid", corners, false },
  { "Col2Im", "", 1, 0, ei_ox_map_direct, "Col2Im", col2im, false },
  /* signals */
  { "DFT", "", 1, 0, ei_ox_map_dft, NULL, dft, false },
  { "STFT", "", 1, 0, ei_ox_map_direct, "Stft", stft, false },
  { "MelWeightMatrix", "", 1, 0, ei_ox_map_mel_weights, "MelWeightMatrix", NULL, false },
  SAME(Det),
};

static const ei_ox_row *find(const ei_ox_row *list, size_t count, const char *op, const char *domain, int64_t opset) {
  for (size_t i = 0; i < count; ++i) {
    const ei_ox_row *const r = &list[i];
    if (strcmp(r->op, op) == 0 && strcmp(r->domain, domain) == 0 && (opset >= r->since || *domain) &&
        (r->until == 0 || opset <= r->until))
      return r;
  }
  return NULL;
}

const ei_ox_row *ei_ox_find_row(const char *op, const char *domain, int64_t opset) {
  size_t count = 0;
  const ei_ox_row *const more = ei_ox_domain_rows(&count);
  return *domain ? find(more, count, op, domain, opset) : find(rows, EI_COUNT(rows), op, domain, opset);
}

const ei_ox_row *ei_ox_row_at(uint32_t index) {
  size_t count = 0;
  const ei_ox_row *const more = ei_ox_domain_rows(&count);
  if (index < EI_COUNT(rows)) return &rows[index];
  return index - EI_COUNT(rows) < count ? &more[index - EI_COUNT(rows)] : NULL;
}
