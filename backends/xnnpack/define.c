/* SPDX-License-Identifier: Apache-2.0
 * Which nodes XNNPACK takes, and how each one is written as its subgraph node. */
#include "xnn.h"

#include <math.h>
#include <string.h>

/* ---- reading nodes */

typedef struct operands {
  edge_tensor x, w, bias, y;
  uint32_t in[3], out;
  uint32_t n_in;
} operands;

static edge_status read_operands(const edge_device *d, const edge_partition *p, const edge_node *n, operands *o) {
  const edge_host_api *const api = d->api;
  edge_tensor *const views[3] = { &o->x, &o->w, &o->bias };
  memset(o, 0, sizeof *o);
  o->n_in = api->node_num_inputs(n);
  for (uint32_t i = 0; i < 3; ++i) {
    o->in[i] = i < o->n_in ? api->node_input(n, i) : EDGE_NO_VALUE;
    if (o->in[i] != EDGE_NO_VALUE && api->value(p, o->in[i], views[i]) != EDGE_STATUS_OK) return EDGE_STATUS_INTERNAL;
  }
  o->out = api->node_num_outputs(n) ? api->node_output(n, 0) : EDGE_NO_VALUE;
  return o->out == EDGE_NO_VALUE || o->in[0] == EDGE_NO_VALUE ? EDGE_STATUS_INTERNAL : api->value(p, o->out, &o->y);
}

static int elements(const edge_tensor *t, uint64_t *count) {
  *count = 1;
  for (int32_t i = 0; i < t->rank; ++i) {
    if (t->dims[i] <= 0 || *count > (uint64_t)1 << 40) return 0; /* unknown, empty or enormous */
    *count *= (uint64_t)t->dims[i];
  }
  return t->rank >= 0;
}

static int per_tensor(const edge_tensor *t) {
  return t->quant.count == 1;
}

/* f32, or s8 with one scale */
static int type_ok(const edge_tensor *t) {
  return (t->dtype == EDGE_DTYPE_F32 && t->quant.count == 0) || (t->dtype == EDGE_DTYPE_S8 && per_tensor(t));
}

static int is_f32(const edge_tensor *t) {
  return t->dtype == EDGE_DTYPE_F32;
}

/* Output range of the fused activation as XNNPACK wants it; 0 when it cannot be a clamp. */
static int activation_range(const edge_device *d, const edge_node *n, float *lo, float *hi) {
  *lo = -INFINITY;
  *hi = INFINITY;
  switch (d->api->attr_int(n, "act")) {
  case 0: return 1;
  case 1: *lo = 0.0f; return 1;
  case 2: *lo = 0.0f, *hi = 6.0f; return 1;
  case 3: *lo = -1.0f, *hi = 1.0f; return 1;
  case 5:
    *lo = (float)d->api->attr_float(n, "act_lo");
    *hi = (float)d->api->attr_float(n, "act_hi");
    return *lo < *hi;
  default: return 0;
  }
}

typedef struct window {
  int64_t kernel[2], stride[2], dilation[2], pad[4]; /* top left bottom right */
} window;

/* Two-dimensional window with explicit padding; 0 when the node is not of that kind. */
static int read_window(const edge_device *d, const edge_node *n, const edge_tensor *x, const edge_tensor *y,
                       const edge_tensor *w, window *v) {
  const edge_host_api *const api = d->api;
  int64_t pads[4] = { 0, 0, 0, 0 };
  for (int i = 0; i < 2; ++i) {
    v->stride[i] = v->dilation[i] = 1;
    v->kernel[i] = w ? w->dims[1 + i] : 0;
  }
  if (x->rank != 4 || y->rank != 4) return 0;
  if (!w && api->attr_ints(n, "kernel", v->kernel, 2) != 2) return 0;
  (void)api->attr_ints(n, "strides", v->stride, 2);
  (void)api->attr_ints(n, "dilations", v->dilation, 2);
  (void)api->attr_ints(n, "pads", pads, 4);
  const int64_t mode = api->attr_int(n, "auto_pad");
  for (int i = 0; i < 2; ++i) {
    const int64_t need = (y->dims[1 + i] - 1) * v->stride[i] + (v->kernel[i] - 1) * v->dilation[i] + 1 - x->dims[1 + i];
    const int64_t total = need > 0 ? need : 0;
    v->pad[i] = mode == 0 ? pads[i] : mode == 3 ? 0 : mode == 1 ? total / 2 : total - total / 2;
    v->pad[2 + i] = mode == 0 ? pads[2 + i] : mode == 3 ? 0 : total - v->pad[i];
    if (v->pad[i] < 0 || v->pad[2 + i] < 0 || v->kernel[i] < 1 || v->stride[i] < 1 || v->dilation[i] < 1) return 0;
    /* the old snapshot derives the output size itself: floor((x + pads - window) / stride) + 1 */
    const int64_t span = x->dims[1 + i] + v->pad[i] + v->pad[2 + i] - (v->kernel[i] - 1) * v->dilation[i] - 1;
    if (span < 0 || span / v->stride[i] + 1 != y->dims[1 + i]) return 0;
  }
  return 1;
}

/* Constant weights in f32, or s8 (one scale or one per output channel, symmetric), with a matching bias. */
static const char *check_weights(const operands *o) {
  if (!o->w.data) return "its weights are not constant";
  if (is_f32(&o->x)) {
    if (!is_f32(&o->w) || !is_f32(&o->y)) return "mixed element types";
  } else {
    if (o->w.dtype != EDGE_DTYPE_S8 || o->y.dtype != EDGE_DTYPE_S8 || o->w.quant.count == 0)
      return "only s8 weights and outputs run here";
    if (o->w.quant.count > 1 && (o->w.quant.axis != 0 || o->w.quant.block))
      return "weights must be quantized per output channel";
    for (uint32_t i = 0; o->w.quant.zero_points && i < o->w.quant.count; ++i)
      if (o->w.quant.zero_points[i]) return "weights must be symmetric";
    for (uint32_t i = 0; i < o->w.quant.count; ++i) {
      const double scale = (double)o->x.quant.scales[0] * (double)o->w.quant.scales[i] / (double)o->y.quant.scales[0];
      if (!(scale >= 0x1.0p-32 && scale < 256.0)) return "its requantization scale is out of range";
    }
  }
  if (o->in[2] != EDGE_NO_VALUE &&
      (!o->bias.data || o->bias.dtype != (is_f32(&o->x) ? EDGE_DTYPE_F32 : EDGE_DTYPE_S32)))
    return "its bias is not constant";
  return NULL;
}

static const char *check_conv(const edge_device *d, const edge_node *n, const operands *o, double *macs) {
  window v;
  float lo, hi;
  uint64_t count;
  const char *const why = check_weights(o);
  if (why) return why;
  if (o->w.rank != 4 || !read_window(d, n, &o->x, &o->y, &o->w, &v)) return "only plain 2-D windows run here";
  if (!activation_range(d, n, &lo, &hi)) return "the fused activation is no clamp";
  (void)elements(&o->y, &count);
  *macs = (double)count * (double)(o->w.dims[1] * o->w.dims[2] * o->w.dims[3]);
  return NULL;
}

static int trailing_spatial_mean(const edge_device *d, const edge_partition *p, const edge_node *n, const operands *o) {
  edge_tensor axes;
  int64_t a[2] = { 0, 0 };
  if (o->x.rank != 4 || o->in[1] == EDGE_NO_VALUE || d->api->value(p, o->in[1], &axes) != EDGE_STATUS_OK ||
      !axes.data || axes.rank != 1 || axes.dims[0] != 2)
    return 0;
  for (int i = 0; i < 2; ++i) {
    if (axes.dtype == EDGE_DTYPE_S64)
      memcpy(&a[i], (const char *)axes.data + 8 * i, 8);
    else if (axes.dtype == EDGE_DTYPE_S32) {
      int32_t v;
      memcpy(&v, (const char *)axes.data + 4 * i, 4);
      a[i] = v;
    } else
      return 0;
    if (a[i] < 0) a[i] += 4;
  }
  return (a[0] == 1 && a[1] == 2) || (a[0] == 2 && a[1] == 1);
}

static enum xnn_status define_relu(xnn_subgraph_t g, uint32_t in, uint32_t out) {
  return xnn_define_clamp(g, 0.0f, INFINITY, in, out, 0);
}
static enum xnn_status define_relu6(xnn_subgraph_t g, uint32_t in, uint32_t out) {
  return xnn_define_clamp(g, 0.0f, 6.0f, in, out, 0);
}
static enum xnn_status define_sigmoid(xnn_subgraph_t g, uint32_t in, uint32_t out) {
  return xnn_define_sigmoid(g, in, out, 0);
}
static enum xnn_status define_hardswish(xnn_subgraph_t g, uint32_t in, uint32_t out) {
  return xnn_define_hardswish(g, in, out, 0);
}
static enum xnn_status define_abs(xnn_subgraph_t g, uint32_t in, uint32_t out) {
  return xnn_define_abs(g, in, out, 0);
}
static enum xnn_status define_negate(xnn_subgraph_t g, uint32_t in, uint32_t out) {
  return xnn_define_negate(g, in, out, 0);
}
static enum xnn_status define_square(xnn_subgraph_t g, uint32_t in, uint32_t out) {
  return xnn_define_square(g, in, out, 0);
}
static enum xnn_status define_sqrt(xnn_subgraph_t g, uint32_t in, uint32_t out) {
  return xnn_define_square_root(g, in, out, 0);
}
static enum xnn_status define_floor(xnn_subgraph_t g, uint32_t in, uint32_t out) {
  return xnn_define_floor(g, in, out, 0);
}
static enum xnn_status define_ceil(xnn_subgraph_t g, uint32_t in, uint32_t out) {
  return xnn_define_ceiling(g, in, out, 0);
}

static const struct {
  const char *op;
  enum xnn_status (*define)(xnn_subgraph_t g, uint32_t in, uint32_t out);
} unary[] = {
  /* f32 */
  { "Relu", define_relu },           { "Relu6", define_relu6 }, { "Sigmoid", define_sigmoid },
  { "HardSwish", define_hardswish }, { "Abs", define_abs },     { "Neg", define_negate },
  { "Square", define_square },       { "Sqrt", define_sqrt },   { "Floor", define_floor },
  { "Ceil", define_ceil },
};
enum { N_UNARY = sizeof unary / sizeof unary[0] };

static uint32_t find_unary(const char *op) {
  for (uint32_t i = 0; i < N_UNARY; ++i)
    if (strcmp(unary[i].op, op) == 0) return i;
  return N_UNARY;
}

static int is_binary(const char *op) {
  return strcmp(op, "Add") == 0 || strcmp(op, "Sub") == 0 || strcmp(op, "Mul") == 0;
}
static int is_view(const char *op) {
  return strcmp(op, "Reshape") == 0 || strcmp(op, "Flatten") == 0 || strcmp(op, "Squeeze") == 0 ||
         strcmp(op, "Unsqueeze") == 0;
}

const char *eb_xnnpack_refusal(const edge_device *d, const edge_partition *graph, const edge_node *n, double *macs,
                               double *bytes) {
  const edge_host_api *const api = d->api;
  const char *const op = api->node_op(n);
  operands o;
  window v;
  float lo, hi;
  uint64_t nx, ny;
  *macs = *bytes = 0.0;
  if (read_operands(d, graph, n, &o) != EDGE_STATUS_OK) return "it has no data input or output";
  if (!elements(&o.x, &nx) || !elements(&o.y, &ny)) return "its shape is empty or not known before the run";
  if (o.x.rank > 6 || o.y.rank > 6) return "more than 6 dimensions";
  if (!type_ok(&o.x) || !type_ok(&o.y) || o.x.dtype != o.y.dtype) return "only f32, or s8 with one scale, runs here";
  *bytes = (double)(nx + ny) * (is_f32(&o.x) ? 4.0 : 1.0);
  if (o.w.data) *bytes += (double)o.w.bytes; /* weights are read once a run */
  if (strcmp(op, "Conv") == 0) return check_conv(d, n, &o, macs);
  if (strcmp(op, "FullyConnected") == 0) {
    const char *const why = check_weights(&o);
    if (why) return why;
    if (o.w.rank != 2 || o.y.rank < 1 || o.x.dims[o.x.rank - 1] != o.w.dims[1])
      return "only weights [N, K] on inputs [.., K] run here";
    if (!is_f32(&o.x) && o.w.quant.count != 1) return "fully connected weights need one scale here";
    *macs = (double)ny * (double)o.w.dims[1];
    return activation_range(d, n, &lo, &hi) ? NULL : "the fused activation is no clamp";
  }
  if (strcmp(op, "MaxPool") == 0 || strcmp(op, "AveragePool") == 0) {
    const int average = op[0] == 'A';
    if (api->node_num_outputs(n) > 1 && api->node_output(n, 1) != EDGE_NO_VALUE) return "indices are not supported";
    if (average && (!is_f32(&o.x) || api->attr_int(n, "count_include_pad")))
      return "only f32 averages without the padding run here";
    if (!is_f32(&o.x) &&
        (o.x.quant.scales[0] != o.y.quant.scales[0] || (o.x.quant.zero_points ? o.x.quant.zero_points[0] : 0) !=
                                                           (o.y.quant.zero_points ? o.y.quant.zero_points[0] : 0)))
      return "input and output are quantized differently";
    if (!read_window(d, n, &o.x, &o.y, NULL, &v)) return "only plain 2-D windows run here";
    if (v.kernel[0] * v.kernel[1] == 1 || (average && (v.dilation[0] != 1 || v.dilation[1] != 1)))
      return "a window of one element or a dilated average";
    return activation_range(d, n, &lo, &hi) ? NULL : "the fused activation is no clamp";
  }
  if (strcmp(op, "ReduceMean") == 0)
    return trailing_spatial_mean(d, graph, n, &o) && api->attr_int(n, "keep_dims")
               ? NULL
               : "only the mean over height and width runs here";
  if (is_binary(op)) {
    if (o.in[1] == EDGE_NO_VALUE || !elements(&o.w, &nx) || o.w.dtype != o.x.dtype || !type_ok(&o.w) || o.w.rank > 6)
      return "its operands have different types";
    return activation_range(d, n, &lo, &hi) ? NULL : "the fused activation is no clamp";
  }
  if (is_view(op)) return nx == ny ? NULL : "its shape is not known before the run";
  if (!is_f32(&o.x)) return "only f32 runs here";
  if (strcmp(op, "Softmax") == 0) {
    const int64_t axis = api->attr_int(n, "axis");
    return (axis == -1 || axis == o.x.rank - 1) && api->attr_float(n, "beta") == 1.0 && !api->attr_int(n, "flatten")
               ? NULL
               : "only softmax over the last axis runs here";
  }
  return find_unary(op) < N_UNARY ? NULL : "the operator is not supported";
}

/* ---- memory */

static void *new_block(const edge_device *d, eb_xnnpack_block **list, uint64_t bytes) {
  const uint64_t total = bytes + sizeof(eb_xnnpack_block) + 64 + XNN_EXTRA_BYTES;
  eb_xnnpack_block *const b = d->api->alloc(d->host, total, 64);
  if (!b) return NULL;
  b->bytes = total;
  b->next = *list;
  *list = b;
  return (char *)b + 64;
}

void eb_xnnpack_free_blocks(const edge_device *d, eb_xnnpack_block *list) {
  while (list) {
    eb_xnnpack_block *const next = list->next;
    d->api->free(d->host, list, list->bytes, 64);
    list = next;
  }
}

/* ---- defining */

static edge_status status_of(enum xnn_status s) {
  return s == xnn_status_success         ? EDGE_STATUS_OK
         : s == xnn_status_out_of_memory ? EDGE_STATUS_OUT_OF_MEMORY
                                         : EDGE_STATUS_BACKEND_REFUSED;
}

static edge_status define_plain(eb_xnnpack_builder *b, const edge_tensor *t, const void *data, uint32_t external,
                                uint32_t flags, uint32_t *id) {
  size_t dims[EDGE_MAX_RANK];
  for (int32_t i = 0; i < t->rank; ++i) dims[i] = (size_t)t->dims[i];
  if (is_f32(t))
    return status_of(
        xnn_define_tensor_value(b->subgraph, xnn_datatype_fp32, (size_t)t->rank, dims, data, external, flags, id));
  return status_of(xnn_define_quantized_tensor_value(
      b->subgraph, xnn_datatype_qint8, t->quant.zero_points ? t->quant.zero_points[0] : 0, t->quant.scales[0],
      (size_t)t->rank, dims, data, external, flags, id));
}

/* A value of the partition; constants are copied behind padding because kernels read ahead. */
static edge_status value_id(eb_xnnpack_builder *b, uint32_t value, uint32_t *id) {
  const edge_host_api *const api = b->device->api;
  edge_tensor t;
  uint64_t count;
  if (value >= b->n_ids) return EDGE_STATUS_INTERNAL;
  *id = b->ids[value];
  if (*id != XNN_INVALID_VALUE_ID) return EDGE_STATUS_OK;
  const edge_status status = api->value(b->partition, value, &t);
  if (status != EDGE_STATUS_OK) return status;
  void *copy = NULL;
  if (t.data) {
    if (!elements(&t, &count)) return EDGE_STATUS_BACKEND_REFUSED;
    copy = new_block(b->device, &b->kept, t.bytes);
    if (!copy) return EDGE_STATUS_OUT_OF_MEMORY;
    memcpy(copy, t.data, (size_t)t.bytes);
  }
  const edge_status defined = define_plain(b, &t, copy, XNN_INVALID_VALUE_ID, 0, &b->ids[value]);
  *id = b->ids[value];
  return defined;
}

/* Filter and bias in XNNPACK's types. depthwise: [C*m, kh, kw, 1] becomes [1, kh, kw, C*m]. */
static edge_status define_weights(eb_xnnpack_builder *b, const operands *o, int depthwise, uint32_t *filter,
                                  uint32_t *bias) {
  size_t dims[4] = { 1, 1, 1, 1 };
  const void *data = o->w.data;
  const uint32_t channels = (uint32_t)o->w.dims[0];
  for (int32_t i = 0; i < o->w.rank; ++i) dims[i] = (size_t)o->w.dims[i];
  if (depthwise) {
    const size_t taps = dims[1] * dims[2], item = is_f32(&o->w) ? 4 : 1;
    char *const turned = new_block(b->device, &b->temporary, taps * channels * item);
    if (!turned) return EDGE_STATUS_OUT_OF_MEMORY;
    for (uint32_t c = 0; c < channels; ++c)
      for (size_t k = 0; k < taps; ++k)
        memcpy(turned + (k * channels + c) * item, (const char *)o->w.data + (c * taps + k) * item, item);
    data = turned;
    dims[3] = channels;
    dims[0] = 1;
  }
  const size_t rank = (size_t)o->w.rank, bias_dims[1] = { channels };
  edge_status status;
  *bias = XNN_INVALID_VALUE_ID;
  if (is_f32(&o->x)) {
    status = status_of(
        xnn_define_tensor_value(b->subgraph, xnn_datatype_fp32, rank, dims, data, XNN_INVALID_VALUE_ID, 0, filter));
    if (status == EDGE_STATUS_OK && o->in[2] != EDGE_NO_VALUE)
      status = status_of(xnn_define_tensor_value(b->subgraph, xnn_datatype_fp32, 1, bias_dims, o->bias.data,
                                                 XNN_INVALID_VALUE_ID, 0, bias));
    return status;
  }
  const int one_scale = rank == 2; /* fully connected operators of the old snapshot know no other */
  /* convolutions get one scale per channel also where the model has one for all */
  float *const scales = new_block(b->device, &b->kept, channels * sizeof *scales), *const bias_scales = new_block(
                                                                                       b->device, &b->kept,
                                                                                       channels * sizeof *bias_scales);
  int32_t *const sums = new_block(b->device, &b->temporary, channels * sizeof *sums);
  if (!scales || !bias_scales || !sums) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t c = 0; c < channels; ++c) {
    scales[c] = o->w.quant.scales[o->w.quant.count > 1 ? c : 0];
    bias_scales[c] = scales[c] * o->x.quant.scales[0];
    if (o->in[2] == EDGE_NO_VALUE) continue;
    /* a bias with a scale of its own is brought to the product of the scales */
    const double own =
        o->bias.quant.count ? (double)o->bias.quant.scales[o->bias.quant.count > 1 ? c : 0] : (double)bias_scales[c];
    const double q = rint((double)((const int32_t *)o->bias.data)[c] * (own / (double)bias_scales[c]));
    sums[c] = q < -2147483647.0 ? -2147483647 : q > 2147483647.0 ? 2147483647 : (int32_t)q;
  }
  if (one_scale) {
    status = status_of(xnn_define_quantized_tensor_value(b->subgraph, xnn_datatype_qint8, 0, scales[0], rank, dims,
                                                         data, XNN_INVALID_VALUE_ID, 0, filter));
    if (status == EDGE_STATUS_OK && o->in[2] != EDGE_NO_VALUE)
      status = status_of(xnn_define_quantized_tensor_value(b->subgraph, xnn_datatype_qint32, 0, bias_scales[0], 1,
                                                           bias_dims, sums, XNN_INVALID_VALUE_ID, 0, bias));
    return status;
  }
  status = status_of(xnn_define_channelwise_quantized_tensor_value(
      b->subgraph, xnn_datatype_qcint8, scales, rank, depthwise ? 3 : 0, dims, data, XNN_INVALID_VALUE_ID, 0, filter));
  if (status == EDGE_STATUS_OK && o->in[2] != EDGE_NO_VALUE)
    status = status_of(xnn_define_channelwise_quantized_tensor_value(
        b->subgraph, xnn_datatype_qcint32, bias_scales, 1, 0, bias_dims, sums, XNN_INVALID_VALUE_ID, 0, bias));
  return status;
}

static edge_status define_conv(eb_xnnpack_builder *b, const edge_node *n, const operands *o, uint32_t in,
                               uint32_t out) {
  window v;
  float lo, hi;
  uint32_t filter, bias;
  const uint32_t group = (uint32_t)b->device->api->attr_int(n, "group"), channels = (uint32_t)o->x.dims[3],
                 outputs = (uint32_t)o->w.dims[0];
  const int depthwise = group == channels && o->w.dims[3] == 1 && group > 1;
  if (!read_window(b->device, n, &o->x, &o->y, &o->w, &v) || !activation_range(b->device, n, &lo, &hi) || group == 0)
    return EDGE_STATUS_BACKEND_REFUSED;
  const edge_status status = define_weights(b, o, depthwise, &filter, &bias);
  if (status != EDGE_STATUS_OK) return status;
  if (depthwise)
    return status_of(xnn_define_depthwise_convolution_2d(
        b->subgraph, (uint32_t)v.pad[0], (uint32_t)v.pad[3], (uint32_t)v.pad[2], (uint32_t)v.pad[1],
        (uint32_t)v.kernel[0], (uint32_t)v.kernel[1], (uint32_t)v.stride[0], (uint32_t)v.stride[1],
        (uint32_t)v.dilation[0], (uint32_t)v.dilation[1], outputs / channels, channels, lo, hi, in, filter, bias, out,
        0));
  return status_of(xnn_define_convolution_2d(b->subgraph, (uint32_t)v.pad[0], (uint32_t)v.pad[3], (uint32_t)v.pad[2],
                                             (uint32_t)v.pad[1], (uint32_t)v.kernel[0], (uint32_t)v.kernel[1],
                                             (uint32_t)v.stride[0], (uint32_t)v.stride[1], (uint32_t)v.dilation[0],
                                             (uint32_t)v.dilation[1], group, channels / group, outputs / group, lo, hi,
                                             in, filter, bias, out, 0));
}

static edge_status define_pool(eb_xnnpack_builder *b, const edge_node *n, const operands *o, uint32_t in,
                               uint32_t out) {
  window v;
  float lo, hi;
  if (!read_window(b->device, n, &o->x, &o->y, NULL, &v) || !activation_range(b->device, n, &lo, &hi))
    return EDGE_STATUS_BACKEND_REFUSED;
  if (b->device->api->node_op(n)[0] == 'A')
    return status_of(xnn_define_average_pooling_2d(b->subgraph, (uint32_t)v.pad[0], (uint32_t)v.pad[3],
                                                   (uint32_t)v.pad[2], (uint32_t)v.pad[1], (uint32_t)v.kernel[0],
                                                   (uint32_t)v.kernel[1], (uint32_t)v.stride[0], (uint32_t)v.stride[1],
                                                   lo, hi, in, out, 0));
  return status_of(xnn_define_max_pooling_2d(b->subgraph, (uint32_t)v.pad[0], (uint32_t)v.pad[3], (uint32_t)v.pad[2],
                                             (uint32_t)v.pad[1], (uint32_t)v.kernel[0], (uint32_t)v.kernel[1],
                                             (uint32_t)v.stride[0], (uint32_t)v.stride[1], (uint32_t)v.dilation[0],
                                             (uint32_t)v.dilation[1], lo, hi, in, out, 0));
}

static edge_status define_node(eb_xnnpack_builder *b, const edge_node *n) {
  const char *const op = b->device->api->node_op(n);
  operands o;
  uint32_t in, second, filter, bias, out;
  size_t dims[EDGE_MAX_RANK];
  float lo = -INFINITY, hi = INFINITY;
  edge_status status = read_operands(b->device, b->partition, n, &o);
  if (status == EDGE_STATUS_OK) status = value_id(b, o.in[0], &in);
  if (status == EDGE_STATUS_OK) status = value_id(b, o.out, &out);
  if (status != EDGE_STATUS_OK) return status;
  if (strcmp(op, "Conv") == 0) return define_conv(b, n, &o, in, out);
  if (strcmp(op, "MaxPool") == 0 || strcmp(op, "AveragePool") == 0) return define_pool(b, n, &o, in, out);
  if (strcmp(op, "ReduceMean") == 0)
    return status_of(xnn_define_global_average_pooling_2d(b->subgraph, lo, hi, in, out, 0));
  if (strcmp(op, "Softmax") == 0) return status_of(xnn_define_softmax(b->subgraph, in, out, 0));
  if (is_view(op)) {
    for (int32_t i = 0; i < o.y.rank; ++i) dims[i] = (size_t)o.y.dims[i];
    return status_of(xnn_define_static_reshape(b->subgraph, (size_t)o.y.rank, dims, in, out, 0));
  }
  if (find_unary(op) < N_UNARY) return status_of(unary[find_unary(op)].define(b->subgraph, in, out));
  if (!activation_range(b->device, n, &lo, &hi)) return EDGE_STATUS_BACKEND_REFUSED;
  if (strcmp(op, "FullyConnected") == 0) {
    status = define_weights(b, &o, 0, &filter, &bias);
    return status == EDGE_STATUS_OK
               ? status_of(xnn_define_fully_connected(b->subgraph, lo, hi, in, filter, bias, out, 0))
               : status;
  }
  status = value_id(b, o.in[1], &second);
  if (status != EDGE_STATUS_OK) return status;
  if (strcmp(op, "Add") == 0) return status_of(xnn_define_add2(b->subgraph, lo, hi, in, second, out, 0));
  if (strcmp(op, "Sub") == 0) return status_of(xnn_define_subtract(b->subgraph, lo, hi, in, second, out, 0));
  if (strcmp(op, "Mul") == 0) return status_of(xnn_define_multiply2(b->subgraph, lo, hi, in, second, out, 0));
  return EDGE_STATUS_BACKEND_REFUSED;
}

edge_status eb_xnnpack_define(eb_xnnpack_builder *b) {
  const edge_host_api *const api = b->device->api;
  const uint32_t n_in = api->num_inputs(b->partition), n_out = api->num_outputs(b->partition);
  for (uint32_t i = 0; i < n_in + n_out; ++i) {
    const uint32_t value = i < n_in ? api->get_input(b->partition, i) : api->get_output(b->partition, i - n_in);
    edge_tensor t;
    edge_status status = api->value(b->partition, value, &t);
    if (status == EDGE_STATUS_OK && !type_ok(&t)) status = EDGE_STATUS_BACKEND_REFUSED;
    if (status == EDGE_STATUS_OK)
      status = define_plain(b, &t, NULL, i, i < n_in ? XNN_VALUE_FLAG_EXTERNAL_INPUT : XNN_VALUE_FLAG_EXTERNAL_OUTPUT,
                            &b->ids[value]);
    if (status != EDGE_STATUS_OK) return status;
  }
  for (uint32_t i = 0; i < api->num_nodes(b->partition); ++i) {
    const edge_status status = define_node(b, api->get_node(b->partition, i));
    if (status != EDGE_STATUS_OK) {
      api->fail_text(b->device->host, b->partition, api->get_node(b->partition, i), "XNNPACK does not take this node");
      return status;
    }
  }
  return EDGE_STATUS_OK;
}
