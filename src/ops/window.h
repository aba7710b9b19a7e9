/* SPDX-License-Identifier: Apache-2.0
 * Geometry of sliding windows (WINDOW in ops.def): convolutions and pools over [N, spatial..., C]. */
#ifndef EI_WINDOW_H
#define EI_WINDOW_H

#include "op.h"

enum { EI_MAX_SPATIAL = 3, EI_PAD_EXPLICIT = 0, EI_PAD_SAME_UPPER = 1, EI_PAD_SAME_LOWER = 2, EI_PAD_VALID = 3 };

/** Always three spatial dimensions: missing leading ones are 1 with a window of 1. -1: unknown. */
typedef struct ei_window {
  int64_t in[EI_MAX_SPATIAL], out[EI_MAX_SPATIAL], kernel[EI_MAX_SPATIAL];
  int64_t stride[EI_MAX_SPATIAL], dilation[EI_MAX_SPATIAL], begin[EI_MAX_SPATIAL], end[EI_MAX_SPATIAL];
  int32_t n; /* real spatial dimensions; they are the last n */
} ei_window;

/** Rows of an attribute table. */
#define EI_WINDOW_ATTRS                                                                            \
  { "strides", EI_ATTR_INTS, 0 }, { "dilations", EI_ATTR_INTS, 0 }, { "pads", EI_ATTR_INTS, 0 }, { \
    "auto_pad", EI_ATTR_INT, 0                                                                     \
  }

/** Read strides, dilations and pads and compute the output size. `in` and `kernel` have n values, -1 unknown;
 *  kernel NULL: the attribute. Every value is below 2^31 afterwards, so products of two fit int64. */
edge_status ei_window_read(ei_op_ctx *c, int32_t n, const int64_t *in, const int64_t *kernel, bool ceil_mode,
                           ei_window *w);
/** Strides, dilations, kernel and pads only (transposed operators compute their own output). auto_pad: the mode. */
edge_status ei_window_attrs(ei_op_ctx *c, int32_t n, const int64_t *in, const int64_t *kernel, ei_window *w,
                            int64_t *auto_pad);
/** Kernel positions k in [*k0, *k1) of dimension d whose input o*stride + k*dilation - begin is inside. */
static inline void ei_window_valid(const ei_window *w, int d, int64_t o, int64_t *first, int64_t *k0, int64_t *k1) {
  const int64_t at = o * w->stride[d] - w->begin[d], step = w->dilation[d];
  *first = at;
  *k0 = at >= 0 ? 0 : (-at + step - 1) / step;
  *k1 = at >= w->in[d] ? 0 : (w->in[d] - at + step - 1) / step;
  if (*k1 > w->kernel[d]) *k1 = w->kernel[d];
  if (*k0 > *k1) *k0 = *k1;
}

#endif
