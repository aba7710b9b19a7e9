/* SPDX-License-Identifier: Apache-2.0
 * Custom operators that converters and MediaPipe leave in files, found by name. */
#include "tflite.h"

enum { PADDING_SAME = 1, PADDING_VALID = 2 }; /* as in the options' C structures */

static fb_vector options_of(const tl_op *op) {
  return fb_vec(op->table, 5, 1);
}

/* Word i of options that are a C structure of 32-bit numbers. */
static int32_t word(const tl_op *op, uint32_t i) {
  const fb_vector v = options_of(op);
  uint32_t bits = 0;
  if (v.count / 4 <= i) return 0;
  for (uint32_t k = 0; k < 4; ++k) bits |= (uint32_t)v.data[4 * i + k] << (8 * k);
  return (int32_t)bits;
}

static edge_status detection(tl_op *op) {
  static const struct {
    const char *from, *to;
    bool real;
    double def;
  } keys[] = {
    { "max_detections", "max_detections", false, 0 },
    { "max_classes_per_detection", "max_classes", false, 1 },
    { "detections_per_class", "detections_per_class", false, 100 },
    { "use_regular_nms", "regular_nms", false, 0 },
    { "num_classes", "num_classes", false, 0 },
    { "nms_score_threshold", "score", true, 0 },
    { "nms_iou_threshold", "iou", true, 0.5 },
    { "y_scale", "y_scale", true, 10 },
    { "x_scale", "x_scale", true, 10 },
    { "h_scale", "h_scale", true, 5 },
    { "w_scale", "w_scale", true, 5 },
  };
  const fb_vector options = options_of(op);
  TL_EMIT(n, op, op->row->edge, op->in, 3, op->out, 4);
  for (size_t i = 0; i < EI_COUNT(keys); ++i) {
    double v = keys[i].def;
    tl_flex_number(options, keys[i].from, &v);
    if (keys[i].real)
      EI_TRY(ei_node_set_float(op->m->g, n, keys[i].to, v));
    else if (v >= 0 && v <= INT32_MAX)
      EI_TRY(ei_node_set_int(op->m->g, n, keys[i].to, (int64_t)v));
    else
      return tl_malformed(op, "option %s is %g", keys[i].from, v);
  }
  return EDGE_STATUS_OK;
}

/* A window over [N, H, W, C], all sizes known: [0] is height, [1] is width. */
typedef struct window {
  int64_t batch, channels, in[2], filter[2], stride[2];
} window;

/* *known stays false when a size is missing; that is reported. */
static edge_status known_window(tl_op *op, window *w, bool *known) {
  const int64_t sizes[4] = { tl_dim(op, op->in[0], 0), tl_dim(op, op->in[0], 1), tl_dim(op, op->in[0], 2),
                             tl_dim(op, op->in[0], 3) };
  for (int i = 0; i < 4; ++i)
    if (tl_rank(op, op->in[0]) != 4 || sizes[i] < 1 || sizes[i] > 1 << 20)
      return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "the sizes of its input must be known");
  w->batch = sizes[0];
  w->in[0] = sizes[1];
  w->in[1] = sizes[2];
  w->channels = sizes[3];
  for (int i = 0; i < 2; ++i)
    if (w->stride[i] < 1 || w->filter[i] < 1 || w->stride[i] > 1 << 20 || w->filter[i] > 1 << 20)
      return tl_malformed(op, "strides and window must be positive");
  *known = true;
  return EDGE_STATUS_OK;
}

/* What is cut off before the result of a transposed convolution is half of what the last step reaches too far. */
static edge_status transpose_conv_bias(tl_op *op) {
  const int32_t padding = word(op, 0);
  window w = { .filter = { tl_dim(op, op->in[1], 1), tl_dim(op, op->in[1], 2) },
               .stride = { word(op, 2), word(op, 1) } };
  int64_t pads[4] = { 0 };
  bool known = false;
  EI_TRY(known_window(op, &w, &known));
  if (!known) return EDGE_STATUS_OK;
  for (int i = 0; i < 2 && padding == PADDING_SAME; ++i) {
    const int64_t all = w.filter[i] - (w.in[i] - 1) % w.stride[i] - 1;
    pads[i] = all > 0 ? all / 2 : 0;
    pads[2 + i] = all > 0 ? all - all / 2 : 0;
  }
  TL_EMIT(n, op, op->row->edge, op->in, 3, op->out, 1);
  EI_TRY(ei_node_set_ints(op->m->g, n, "pads", pads, 4));
  return ei_node_set_ints(op->m->g, n, "strides", w.stride, 2);
}

static uint32_t binary(tl_op *op, const char *edge, uint32_t a, uint32_t b) {
  const uint32_t in[2] = { a, b }, out = a == EI_NONE || b == EI_NONE ? EI_NONE : tl_temp(op, EDGE_DTYPE_S64);
  return out != EI_NONE && tl_emit(op, edge, in, 2, &out, 1) ? out : EI_NONE;
}

static uint32_t scalar(tl_op *op, int64_t v) {
  return tl_const(op, EDGE_DTYPE_S64, NULL, 0, &v);
}

/* step * i - before for each i of a dimension, shaped to lie along it. */
static uint32_t ramp(tl_op *op, int32_t axis, int64_t count, int64_t step, int64_t before) {
  int64_t dims[4] = { 1, 1, 1, 1 };
  int64_t *const v = EI_NEW_ARRAY(op->m->im->arena, int64_t, count);
  if (!v) return EI_NONE;
  for (int64_t i = 0; i < count; ++i) v[i] = step * i - before;
  dims[axis] = count;
  return tl_const(op, EDGE_DTYPE_S64, dims, 4, v);
}

/* Where the window starts before the image, when it must reach from `out` steps over `in` pixels. */
static int64_t begin_pad(int64_t in, int64_t out, int64_t filter, int64_t stride) {
  const int64_t all = (out - 1) * stride + filter - in;
  return all > 0 ? all / 2 : 0;
}

static window pool_window(const tl_op *op) {
  return (window) { .filter = { word(op, 4), word(op, 3) }, .stride = { word(op, 2), word(op, 1) } };
}

/* Maxima, and where in its window each was found (row * width + column, as a float and a tenth). */
static edge_status max_pool_argmax(tl_op *op) {
  const bool same = word(op, 0) == PADDING_SAME;
  const uint32_t where = tl_temp(op, EDGE_DTYPE_S64), out[2] = { op->out[0], where };
  window w = pool_window(op);
  bool known = false;
  EI_TRY(known_window(op, &w, &known));
  int64_t pad[2];
  if (!known) return EDGE_STATUS_OK;
  if (where == EI_NONE) return tl_broken(op->m);
  TL_EMIT(n, op, "MaxPool", op->in, 1, out, 2);
  EI_TRY(ei_node_set_int(op->m->g, n, "auto_pad", same ? 1 : 3));
  EI_TRY(ei_node_set_ints(op->m->g, n, "strides", w.stride, 2));
  EI_TRY(ei_node_set_ints(op->m->g, n, "kernel", w.filter, 2));
  EI_TRY(tl_set_act(op, n, word(op, 5)));
  int64_t count[2];
  for (int i = 0; i < 2; ++i) {
    count[i] = same ? (w.in[i] + w.stride[i] - 1) / w.stride[i] : (w.in[i] - w.filter[i]) / w.stride[i] + 1;
    pad[i] = begin_pad(w.in[i], count[i], w.filter[i], w.stride[i]);
    if (count[i] < 1) return tl_malformed(op, "the window is larger than the image");
  }
  const uint32_t pixel = binary(op, "FloorDiv", where, scalar(op, w.channels));
  const uint32_t x = binary(op, "FloorMod", pixel, scalar(op, w.in[1]));
  const uint32_t y = binary(op, "FloorMod", binary(op, "FloorDiv", pixel, scalar(op, w.in[1])), scalar(op, w.in[0]));
  const uint32_t column = binary(op, "Sub", x, ramp(op, 2, count[1], w.stride[1], pad[1]));
  const uint32_t row = binary(op, "Sub", y, ramp(op, 1, count[0], w.stride[0], pad[0]));
  const uint32_t index = binary(op, "Add", binary(op, "Mul", row, scalar(op, w.filter[1])), column);
  const uint32_t real = index == EI_NONE ? EI_NONE : tl_temp(op, EDGE_DTYPE_F32);
  const uint32_t sum[2] = { real, real == EI_NONE ? EI_NONE : tl_scalar(op, EDGE_DTYPE_F32, 0.1) };
  if (sum[1] == EI_NONE) return tl_broken(op->m);
  TL_EMIT(cast, op, "Cast", &index, 1, &real, 1);
  EI_TRY(ei_node_set_int(op->m->g, cast, "dtype", EDGE_DTYPE_F32));
  TL_EMIT(add, op, "Add", sum, 2, &op->out[1], 1);
  return EDGE_STATUS_OK;
}

/* The way back: each value to the place in its window. */
static edge_status max_unpool(tl_op *op) {
  window w = pool_window(op);
  bool known = false;
  EI_TRY(known_window(op, &w, &known));
  if (!known) return EDGE_STATUS_OK;
  if (w.stride[0] != w.filter[0] || w.stride[1] != w.filter[1])
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "windows must not overlap nor leave gaps");
  const int64_t height = w.in[0] * w.filter[0], width = w.in[1] * w.filter[1];
  const uint32_t place = tl_temp(op, EDGE_DTYPE_S64);
  if (place == EI_NONE) return tl_broken(op->m);
  TL_EMIT(cast, op, "Cast", &op->in[1], 1, &place, 1);
  EI_TRY(ei_node_set_int(op->m->g, cast, "dtype", EDGE_DTYPE_S64));
  const uint32_t x =
      binary(op, "Add", binary(op, "FloorMod", place, scalar(op, w.filter[1])), ramp(op, 2, w.in[1], w.stride[1], 0));
  const uint32_t y =
      binary(op, "Add", binary(op, "FloorDiv", place, scalar(op, w.filter[1])), ramp(op, 1, w.in[0], w.stride[0], 0));
  const uint32_t rows = binary(op, "Add", y, ramp(op, 0, w.batch, height, 0));
  const uint32_t pixels = binary(op, "Add", binary(op, "Mul", rows, scalar(op, width)), x);
  const uint32_t flat =
      binary(op, "Add", binary(op, "Mul", pixels, scalar(op, w.channels)), ramp(op, 3, w.channels, 1, 0));
  const uint32_t in[2] = { op->in[0], flat };
  if (flat == EI_NONE) return tl_broken(op->m);
  TL_EMIT(n, op, "MaxUnpool", in, 2, op->out, 1);
  EI_TRY(ei_node_set_ints(op->m->g, n, "strides", w.stride, 2));
  return ei_node_set_ints(op->m->g, n, "kernel", w.filter, 2);
}

const tl_row *tl_custom_row(fb_vector name) {
  static const tl_row rows[] = {
    { 32, "TFLite_Detection_PostProcess", 0, 3, 4, detection, "DetectionPostProcess", 0 },
    { 32, "Convolution2DTransposeBias", 0, 3, 1, transpose_conv_bias, "ConvTranspose", 0 },
    { 32, "MaxPoolingWithArgmax2D", 0, 1, 2, max_pool_argmax, "MaxPool", 0 },
    { 32, "MaxUnpooling2D", 0, 2, 1, max_unpool, "MaxUnpool", 0 },
  };
  for (size_t i = 0; i < EI_COUNT(rows); ++i)
    if (strlen(rows[i].name) == name.count && memcmp(rows[i].name, name.data, name.count) == 0) return &rows[i];
  return NULL;
}
