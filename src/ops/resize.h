/* SPDX-License-Identifier: Apache-2.0
 * What the two halves of Resize share: the operation as read from the node, and how it is computed. */
#ifndef EI_RESIZE_H
#define EI_RESIZE_H

#include "op_walk.h"

enum { EI_RESIZE_NEAREST, EI_RESIZE_LINEAR, EI_RESIZE_CUBIC };
enum {
  EI_COORD_HALF,
  EI_COORD_ASYMMETRIC,
  EI_COORD_CORNERS,
  EI_COORD_PYTORCH,
  EI_COORD_SYMMETRIC,
  EI_COORD_TF_NN,
  EI_COORD_CROP
};
enum { EI_ROUND_PREFER_FLOOR, EI_ROUND_PREFER_CEIL, EI_ROUND_FLOOR, EI_ROUND_CEIL };

typedef struct ei_resize_axis {
  int64_t in, out;
  double scale, roi_begin, roi_end;
  bool ratio;    /* scale is exactly out / in */
  bool identity; /* nothing to do */
} ei_resize_axis;

typedef struct ei_resize {
  int64_t mode, coord, rounding;
  bool antialias, exclude_outside;
  double cubic_a;
  int32_t rank;
  ei_resize_axis axis[EDGE_MAX_RANK];
} ei_resize;

edge_status ei_resize_nearest(ei_op_ctx *c, const ei_resize *r);
edge_status ei_resize_weighted(ei_op_ctx *c, const ei_resize *r);
/** From the shapes and attributes alone. */
uint64_t ei_resize_scratch(const ei_op_ctx *c);

#endif
