/* SPDX-License-Identifier: Apache-2.0
 * 8-bit convolution over the matrix kernels: finds the input row of every output pixel and tap.
 *
 * Output pixels are rows m = (image * oh + oy) * ow + ox. A fully connected layer is 1 x 1 on m "pixels". Where some
 * input lines fit a strip on the stack (ek_qconv_merged) they are copied there with their padding: the taps of one
 * kernel row are contiguous bytes then and become one deeper tap. Else pointers lead into the image. */
#ifndef EK_QCONV_H
#define EK_QCONV_H

#include "../qgemm/qgemm.h"
#include "../qlut/qlut.h"

typedef struct ek_qconv_args {
  const ek_qgemm_desc *row;
  const uint8_t *x;
  void *y;
  uint32_t ih, iw, ic, oh, ow, oc, kh, kw, sh, sw, dh, dw;
  int32_t pad_top, pad_left;
  uint32_t group, merged;
  const int8_t *w; /* packed, one block of w_group_bytes for each group */
  size_t w_group_bytes;
  const int32_t *bias; /* 64 more values readable behind the last */
  const float *mult;
  const uint8_t *zero; /* a padding pixel: ic bytes of the input's zero point */
  uint32_t flip;
  int32_t zero_point, lo, hi;
  uint32_t out; /* EK_Q_* */
  /* What follows the product, a block at a time: a table, then the sum with bytes laid out like y (see ek_qadd). */
  ek_qlut_fn map;           /* NULL: none */
  const uint8_t *table;     /* of map */
  ek_qelt_binary_fn add_fn; /* NULL: none */
  ek_qelt_args add;
  const uint8_t *residual;
} ek_qconv_args;

/** The largest kernel (kh * kw) this driver takes. */
#define EK_QCONV_MAX_TAPS 512
/** Value of `merged` for this geometry: 1 where a kernel row becomes one deep tap of a strip. */
uint32_t ek_qconv_merged(const ek_qconv_args *a);
/** Taps and depth of the matrix product, as its weights are packed: w [oc][kh][kw][ic / group]. */
void ek_qconv_shape(const ek_qconv_args *a, uint32_t *taps, uint32_t *depth);
/** Output pixels m0 .. m1, channels n0 .. n1 of every group; n0 is a multiple of row->nr. */
void ek_qconv_run(const ek_qconv_args *a, uint32_t m0, uint32_t m1, uint32_t n0, uint32_t n1);

#endif
