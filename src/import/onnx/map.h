/* SPDX-License-Identifier: Apache-2.0
 * Handlers of ONNX operators, one file per family; table.c says which operator uses which. */
#ifndef EI_ONNX_MAP_H
#define EI_ONNX_MAP_H

#include "onnx.h"

#define EI_OX_AUTO_PAD "NOTSET|SAME_UPPER|SAME_LOWER|VALID"

/* map_basic.c */
void ei_ox_map_direct(ei_ox_call *c);   /* row->target with the same inputs and outputs */
void ei_ox_map_binary(ei_ox_call *c);   /* opset < 7: axis of the second input */
void ei_ox_map_variadic(ei_ox_call *c); /* one input: Identity */
void ei_ox_map_constant(ei_ox_call *c);
void ei_ox_map_constant_of_shape(ei_ox_call *c);
void ei_ox_map_cast(ei_ox_call *c);
void ei_ox_map_cast_like(ei_ox_call *c);
void ei_ox_map_clip(ei_ox_call *c);
void ei_ox_map_prelu(ei_ox_call *c);
void ei_ox_map_dropout(ei_ox_call *c);
void ei_ox_map_bit_shift(ei_ox_call *c);
void ei_ox_map_dtype_attr(ei_ox_call *c); /* attribute "dtype", default the input's type */
void ei_ox_map_window_function(ei_ox_call *c);
void ei_ox_map_bitcast(ei_ox_call *c);
void ei_ox_map_mel_weights(ei_ox_call *c);
void ei_ox_map_dft(ei_ox_call *c); /* opset < 20: axis is an attribute */
/* map_shape.c */
void ei_ox_map_reshape(ei_ox_call *c);
void ei_ox_map_axes_attr(ei_ox_call *c); /* axes: attribute in old opsets, else an input */
void ei_ox_map_reduce(ei_ox_call *c);
void ei_ox_map_slice(ei_ox_call *c);
void ei_ox_map_pad(ei_ox_call *c);
void ei_ox_map_split(ei_ox_call *c);
void ei_ox_map_topk(ei_ox_call *c);
void ei_ox_map_tile(ei_ox_call *c);
void ei_ox_map_shape(ei_ox_call *c);
void ei_ox_map_resize(ei_ox_call *c);
void ei_ox_map_upsample(ei_ox_call *c);
void ei_ox_map_axis_flag(ei_ox_call *c); /* optional axis: has_axis, axis */
void ei_ox_map_einsum(ei_ox_call *c);
void ei_ox_map_space_to_depth(ei_ox_call *c);
/* map_conv.c */
void ei_ox_map_conv(ei_ox_call *c);
void ei_ox_map_conv_transpose(ei_ox_call *c);
void ei_ox_map_conv_integer(ei_ox_call *c);
void ei_ox_map_deform_conv(ei_ox_call *c);
void ei_ox_map_pool(ei_ox_call *c);
void ei_ox_map_max_unpool(ei_ox_call *c);
void ei_ox_map_global_pool(ei_ox_call *c);
void ei_ox_map_global_lp_pool(ei_ox_call *c);
void ei_ox_map_gemm(ei_ox_call *c);
void ei_ox_map_wrapped(ei_ox_call *c); /* row->target channels-last, row->attrs */
/** Kernel (of pools), strides, dilations, pads of the call's node on the node emitted last. */
void ei_ox_set_window(ei_ox_call *c, bool kernel);
uint32_t ei_ox_gemm_nodes(ei_ox_call *c, uint32_t out);
/** Float convolution of x and w: shared with the quantized forms. Attributes are those of the call's node. */
uint32_t ei_ox_conv_nodes(ei_ox_call *c, const char *op, const uint32_t *in, uint32_t n_in, uint32_t out);
/* map_norm.c */
void ei_ox_map_batch_norm(ei_ox_call *c);
void ei_ox_map_group_norm(ei_ox_call *c);
void ei_ox_map_lrn(ei_ox_call *c);
void ei_ox_map_lp_norm(ei_ox_call *c);
void ei_ox_map_layer_norm(ei_ox_call *c);
void ei_ox_map_mean_variance(ei_ox_call *c);
/* map_quant.c */
void ei_ox_map_quantize(ei_ox_call *c);
void ei_ox_map_dequantize(ei_ox_call *c);
void ei_ox_map_qlinear_conv(ei_ox_call *c);
void ei_ox_map_qlinear_matmul(ei_ox_call *c);
/* map_rnn.c */
void ei_ox_map_rnn(ei_ox_call *c);
void ei_ox_rnn_attrs(ei_ox_call *c); /* on the node emitted last */
/* map_control.c */
void ei_ox_map_if(ei_ox_call *c);
void ei_ox_map_loop(ei_ox_call *c);
/** A graph attribute, or NULL and a failure. */
const ei_ox_graph *ei_ox_body_of(ei_ox_call *c, const char *name);
/** Type and, if wanted, shape of output k of a body for a tensor outside. */
void ei_ox_adopt_output(ei_ox_call *c, uint32_t out, const ei_ox_body *body, uint32_t k, bool keep_dims);
/* map_scan.c */
void ei_ox_map_scan(ei_ox_call *c);
/* map_attention.c */
void ei_ox_map_attention(ei_ox_call *c);
void ei_ox_map_flex_attention(ei_ox_call *c);
/* map_sequence.c */
void ei_ox_map_rotary(ei_ox_call *c);
void ei_ox_map_tensor_scatter(ei_ox_call *c);
void ei_ox_map_swiglu(ei_ox_call *c);
void ei_ox_map_causal_conv(ei_ox_call *c);
/* map_list.c */
void ei_ox_map_sequence_construct(ei_ox_call *c); /* SequenceEmpty too */
void ei_ox_map_sequence_insert(ei_ox_call *c);
void ei_ox_map_sequence_erase(ei_ox_call *c);
void ei_ox_map_sequence_at(ei_ox_call *c);
void ei_ox_map_sequence_length(ei_ox_call *c);
void ei_ox_map_concat_from_sequence(ei_ox_call *c);
void ei_ox_map_split_to_sequence(ei_ox_call *c);
void ei_ox_map_same_value(ei_ox_call *c); /* Identity and optionals */
void ei_ox_map_has_element(ei_ox_call *c);
/** A list and further items, stacked. */
uint32_t ei_ox_list_append(ei_ox_call *c, const ei_ox_list *list, uint32_t stacked);
/* map_contrib.c: com.microsoft */
void ei_ox_map_fused_conv(ei_ox_call *c);
void ei_ox_map_fused_matmul(ei_ox_call *c);
void ei_ox_map_bias_gelu(ei_ox_call *c);
void ei_ox_map_skip_norm(ei_ox_call *c);
void ei_ox_map_fused_gemm(ei_ox_call *c);
void ei_ox_map_as_onnx(ei_ox_call *c);
void ei_ox_map_unique_ms(ei_ox_call *c);
void ei_ox_map_expand_dims(ei_ox_call *c);
void ei_ox_map_bias_softmax(ei_ox_call *c);
void ei_ox_map_nhwc_max_pool(ei_ox_call *c);
/* map_contrib_attention.c */
void ei_ox_map_embed_layer_norm(ei_ox_call *c);
void ei_ox_map_rotary_ms(ei_ox_call *c);
void ei_ox_map_self_attention(ei_ox_call *c);
void ei_ox_map_quantized_attention(ei_ox_call *c);
void ei_ox_map_multi_head_attention(ei_ox_call *c);
void ei_ox_map_group_query_attention(ei_ox_call *c);
/* map_contrib_quant.c */
void ei_ox_map_qlinear_where(ei_ox_call *c);
void ei_ox_map_qlinear_average_pool(ei_ox_call *c);
void ei_ox_map_dynamic_quantize_lstm(ei_ox_call *c);
void ei_ox_map_qlinear_binary(ei_ox_call *c);
void ei_ox_map_qlinear_unary(ei_ox_call *c);
void ei_ox_map_qlinear_concat(ei_ox_call *c);
void ei_ox_map_qlinear_global_pool(ei_ox_call *c);
void ei_ox_map_qgemm(ei_ox_call *c);
void ei_ox_map_matmul_integer_to_float(ei_ox_call *c);
void ei_ox_map_dynamic_quantize_matmul(ei_ox_call *c);
/* map_trees.c, map_linear.c: ai.onnx.ml */
void ei_ox_map_tree_ensemble(ei_ox_call *c);
void ei_ox_map_tree_regressor(ei_ox_call *c);
void ei_ox_map_tree_classifier(ei_ox_call *c);
void ei_ox_map_linear_regressor(ei_ox_call *c);
void ei_ox_map_linear_classifier(ei_ox_call *c);
void ei_ox_map_scaler(ei_ox_call *c);
void ei_ox_map_binarizer(ei_ox_call *c);
void ei_ox_map_normalizer(ei_ox_call *c);
void ei_ox_map_array_feature_extractor(ei_ox_call *c);
void ei_ox_map_imputer(ei_ox_call *c);
void ei_ox_map_feature_vectorizer(ei_ox_call *c);
/* map_nbits.c */
void ei_ox_map_matmul_nbits(ei_ox_call *c);
void ei_ox_map_gather_blocks(ei_ox_call *c);

#endif
