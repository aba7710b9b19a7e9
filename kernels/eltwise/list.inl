/* SPDX-License-Identifier: Apache-2.0
 * The function tables of one kernel row, from functions binary_<name> and unary_<name>. */
.binary = { binary_add, binary_sub, binary_mul, binary_div, binary_min, binary_max, binary_sqdiff, binary_prelu },
    .unary = { unary_clamp,  unary_leaky, unary_elu,   unary_hsigmoid,   unary_hswish,   unary_sigmoid,
               unary_tanh,   unary_swish, unary_gelu,  unary_gelu_tanh,  unary_erf,      unary_exp,
               unary_log,    unary_sqrt,  unary_rsqrt, unary_reciprocal, unary_neg,      unary_abs,
               unary_square, unary_floor, unary_ceil,  unary_round,      unary_softplus, unary_affine },
