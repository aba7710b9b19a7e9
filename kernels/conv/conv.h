/* SPDX-License-Identifier: Apache-2.0
 * f32 convolution, channels last, as matrix products over kernel positions: no im2col copy.
 *
 * Weights [groups][O/groups][kh][kw][C/groups] are packed per group by ek_gemm_f32_pack with K = kh * kw * C/groups,
 * groups following each other. Three ways to read the input:
 *   by tap: every output pixel gives one row address per kernel position (padding points at zeros);
 *   by line: with few channels the kw * C inputs of a kernel line are one contiguous run, so there is one address per
 *   kernel line; pixels whose window leaves the image at the left or right go by tap;
 *   gathered: windows of a few inputs a line are copied into rows first.
 * Arithmetic and tolerance: see gemm.h. */
#ifndef EK_CONV_H
#define EK_CONV_H

#include "../gemm/gemm.h"

typedef struct ek_conv_f32_args {
  const ek_gemm_f32_kernel *kernel;
  size_t batch, ih, iw, oh, ow;
  size_t c_in, c_out; /* of a group */
  size_t groups;
  size_t kh, kw, sh, sw, dh, dw;
  ptrdiff_t pad_top, pad_left;
  const float *x, *packed, *zeros; /* zeros: c_in floats */
  float *y;
  const float *residual; /* as y, or NULL */
  size_t ldy, ldv; /* elements of y between pixels and between vectors of channels, 0: channels last. Set, there is
                    * no residual, and ek_conv_f32_may_part() */
  float lo, hi;
} ek_conv_f32_args;

/** 1: the block function wants row ranges that are multiples of ow. */
int ek_conv_f32_by_line(const ek_conv_f32_args *args);
/** 1: y may lie in parts, see ldv: a single group and sums made in one go. */
int ek_conv_f32_may_part(const ek_conv_f32_args *args);
/** Output pixels [m0, m1) of batch * oh * ow and panels [p0, p1) of group g. */
void ek_conv_f32_block(const ek_conv_f32_args *args, size_t g, size_t m0, size_t m1, size_t p0, size_t p1);
/** Plain loops straight from unpacked weights: the oracle of the tests. */
void ek_conv_f32__ref(const ek_conv_f32_args *args, const float *w, const float *bias);

#endif
