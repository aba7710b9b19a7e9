/* SPDX-License-Identifier: Apache-2.0
 * Conv and ConvInteger: 1D, 2D and 3D convolution over [N, spatial..., C], grouped and depthwise. */
#include "ref_dot.h"
#include "window.h"

static const ei_attr_def attrs[] = {
  EI_WINDOW_ATTRS, { "group", EI_ATTR_INT, 1 }, EI_ACT_ATTRS, EI_DYNAMIC_ATTR, { NULL, 0, 0 }
};

/* Channel rules of x [N, ..., C] and w [O, k..., C/group]; -1 where unknown. */
static edge_status check_channels(ei_op_ctx *c, int64_t channels, int64_t per_group, int64_t outputs, int64_t group) {
  if (group < 1 || group > INT32_MAX)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "group is %lld", (long long)group);
  if (channels >= 0 && per_group >= 0 && (channels % group != 0 || channels / group != per_group))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE,
                      "input 0 has %lld channels in %lld groups, the weights are for %lld channels a group",
                      (long long)channels, (long long)group, (long long)per_group);
  if (outputs >= 0 && outputs % group != 0)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld output channels do not divide into %lld groups",
                      (long long)outputs, (long long)group);
  return EDGE_STATUS_OK;
}

/* w stays unset (n = 0) when the rank is not known. */
static edge_status geometry(ei_op_ctx *c, ei_window *win) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1];
  int64_t kernel[EI_MAX_SPATIAL] = { -1, -1, -1 }, in[EI_MAX_SPATIAL] = { -1, -1, -1 };
  const int32_t rank = x->rank >= 0 ? x->rank : w->rank;
  win->n = 0;
  if (x->rank >= 0 && w->rank >= 0 && x->rank != w->rank)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input 0 has rank %d, the weights have rank %d", x->rank, w->rank);
  if (rank < 0) return EDGE_STATUS_OK;
  if (rank < 3 || rank > 2 + EI_MAX_SPATIAL)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "rank %d; 3 to 5 is supported", rank);
  for (int32_t d = 0; d < rank - 2; ++d) {
    if (x->rank >= 0) in[d] = x->dims[d + 1];
    if (w->rank >= 0) kernel[d] = w->dims[d + 1];
  }
  return ei_window_read(c, rank - 2, in, kernel, false, win);
}

/* Channels, geometry and the output's shape; types are checked already. */
static edge_status infer_shape(ei_op_ctx *c, int32_t dtype, int64_t *outputs) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1];
  ei_window win;
  *outputs = w->rank > 0 ? w->dims[0] : EI_DIM_UNKNOWN;
  EI_TRY(check_channels(c, x->rank > 0 ? x->dims[x->rank - 1] : -1, w->rank > 0 ? w->dims[w->rank - 1] : -1, *outputs,
                        ei_op_int(c, "group")));
  EI_TRY(geometry(c, &win));
  if (win.n == 0) {
    ei_op_set_unknown(&c->out[0], dtype);
    return EDGE_STATUS_OK;
  }
  int64_t dims[2 + EI_MAX_SPATIAL];
  dims[0] = x->rank >= 0 ? x->dims[0] : EI_DIM_UNKNOWN;
  for (int32_t d = 0; d < win.n; ++d) dims[d + 1] = win.out[EI_MAX_SPATIAL - win.n + d];
  dims[win.n + 1] = *outputs;
  ei_op_set_shape(&c->out[0], dtype, win.n + 2, dims);
  return EDGE_STATUS_OK;
}

static edge_status infer(ei_op_ctx *c) {
  ei_act act;
  int64_t outputs;
  EI_TRY(ei_act_read(c, &act));
  EI_TRY(ei_ref_dynamic_check(c));
  EI_TRY(ei_ref_dot_check(c, &c->in[0], &c->in[1], ei_op_has(c, 2) ? &c->in[2] : NULL, 0));
  EI_TRY(infer_shape(c, c->in[0].dtype, &outputs));
  return ei_op_need_vector(c, 2, outputs);
}

/* What is quantized together: a pixel where each output position sees one (and they are the same), else an image. */
static uint64_t dynamic_units(const ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1], *const y = &c->out[0];
  int64_t strides[EI_MAX_SPATIAL] = { 1, 1, 1 };
  uint64_t pixels = (uint64_t)x->dims[0];
  (void)ei_node_ints(c->node, "strides", strides, EI_MAX_SPATIAL);
  for (int32_t i = 1; i < x->rank - 1; ++i) {
    if (w->dims[i] != 1 || strides[i - 1] != 1 || y->dims[i] != x->dims[i]) return (uint64_t)x->dims[0];
    pixels *= (uint64_t)x->dims[i];
  }
  return pixels;
}

static uint64_t scratch_bytes(const ei_op_ctx *c) {
  const uint64_t outputs = (uint64_t)c->in[1].dims[0];
  if (ei_ref_dynamic(c)) return ei_ref_dynamic_scratch(&c->in[0], outputs, dynamic_units(c));
  return ei_ref_dot_scratch(&c->in[0], &c->in[1], outputs);
}

typedef struct conv {
  ei_ref_dot r;
  ei_window w;
  int64_t channels, per_group, outputs, outputs_per_group;
} conv;

/* All output channels of one output position. */
static void one_position(const conv *v, int64_t n, const int64_t o[EI_MAX_SPATIAL], uint64_t out_at) {
  const ei_window *const w = &v->w;
  int64_t at[EI_MAX_SPATIAL], k0[EI_MAX_SPATIAL], k1[EI_MAX_SPATIAL];
  for (int d = 0; d < EI_MAX_SPATIAL; ++d) ei_window_valid(w, d, o[d], &at[d], &k0[d], &k1[d]);
  const bool joined = w->dilation[2] == 1 && v->per_group == v->channels; /* taps of a row are one run */
  for (int64_t oc = 0; oc < v->outputs; ++oc) {
    const int64_t c0 = oc / v->outputs_per_group * v->per_group;
    double sum = 0.0;
    for (int64_t kd = k0[0]; kd < k1[0]; ++kd) {
      for (int64_t kh = k0[1]; kh < k1[1]; ++kh) {
        const int64_t id = at[0] + kd * w->dilation[0], ih = at[1] + kh * w->dilation[1];
        const int64_t row = ((n * w->in[0] + id) * w->in[1] + ih) * w->in[2];
        const int64_t tap = ((oc * w->kernel[0] + kd) * w->kernel[1] + kh) * w->kernel[2];
        if (joined) {
          sum += ei_ref_dot_run(&v->r, (uint64_t)((row + at[2] + k0[2]) * v->channels),
                                (uint64_t)((tap + k0[2]) * v->per_group), (uint64_t)((k1[2] - k0[2]) * v->channels),
                                (uint64_t)oc);
          continue;
        }
        for (int64_t kw = k0[2]; kw < k1[2]; ++kw) {
          const int64_t iw = at[2] + kw * w->dilation[2];
          sum += ei_ref_dot_run(&v->r, (uint64_t)((row + iw) * v->channels + c0), (uint64_t)((tap + kw) * v->per_group),
                                (uint64_t)v->per_group, (uint64_t)oc);
        }
      }
    }
    ei_ref_dot_store(&v->r, out_at + (uint64_t)oc, (uint64_t)oc, sum);
  }
}

static edge_status conv_shape(ei_op_ctx *c, conv *v) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1];
  EI_TRY(geometry(c, &v->w));
  v->channels = x->dims[x->rank - 1];
  v->per_group = w->dims[w->rank - 1];
  v->outputs = w->dims[0];
  v->outputs_per_group = v->outputs / ei_op_int(c, "group");
  return EDGE_STATUS_OK;
}

static void all_positions(conv *v, int64_t batches) {
  uint64_t out_at = 0;
  int64_t o[EI_MAX_SPATIAL];
  const uint64_t positions = (uint64_t)(batches * v->w.out[0] * v->w.out[1] * v->w.out[2]);
  for (int64_t n = 0; n < batches; ++n) {
    for (o[0] = 0; o[0] < v->w.out[0]; ++o[0]) {
      for (o[1] = 0; o[1] < v->w.out[1]; ++o[1]) {
        for (o[2] = 0; o[2] < v->w.out[2]; ++o[2], out_at += (uint64_t)v->outputs) {
          ei_ref_dynamic_row(&v->r, out_at / (uint64_t)v->outputs, positions);
          one_position(v, n, o, out_at);
        }
      }
    }
  }
}

static edge_status eval(ei_op_ctx *c) {
  conv v;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  if (ei_op_elements(&c->out[0]) == 0) return EDGE_STATUS_OK;
  EI_TRY(conv_shape(c, &v));
  if (ei_ref_dynamic(c))
    ei_ref_dynamic_init(&v.r, c, &act, (uint64_t)v.outputs, dynamic_units(c));
  else
    ei_ref_dot_init(&v.r, &act, &c->in[0], &c->in[1], ei_op_has(c, 2) ? &c->in[2] : NULL, (uint64_t)v.outputs,
                    &c->out[0], c->scratch);
  all_positions(&v, c->in[0].dims[0]);
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_Conv = {
  .name = "Conv",
  .min_in = 2,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 1u << 2,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
  .scratch_bytes = scratch_bytes,
};

/* ---- ConvInteger: sums of differences from the zero points */

static const ei_attr_def integer_attrs[] = { EI_WINDOW_ATTRS, { "group", EI_ATTR_INT, 1 }, { NULL, 0, 0 } };

static edge_status infer_integer(ei_op_ctx *c) {
  int64_t outputs;
  for (uint32_t i = 0; i < c->n_in; ++i) {
    const int32_t t = c->in[i].dtype;
    if (!ei_op_has(c, i)) continue;
    if (t != EDGE_DTYPE_S8 && t != EDGE_DTYPE_U8)
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input %u must be s8 or u8, not %s", i, edge_dtype_name(t));
    if (i >= 2) EI_TRY(ei_op_need_same_dtype(c, i - 2, i));
  }
  EI_TRY(infer_shape(c, EDGE_DTYPE_S32, &outputs));
  for (uint32_t i = 2; i < c->n_in; ++i) {
    const edge_tensor *const z = &c->in[i];
    if (!ei_op_has(c, i) || !ei_op_shape_known(z)) continue;
    const uint64_t n = ei_op_elements(z);
    if (n != 1 && (i == 2 || (outputs >= 0 && n != (uint64_t)outputs)))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "zero point %u has %llu values", i, (unsigned long long)n);
  }
  return EDGE_STATUS_OK;
}

static uint64_t integer_scratch(const ei_op_ctx *c) {
  return 4 * (uint64_t)c->in[1].dims[0];
}

static edge_status eval_integer(ei_op_ctx *c) {
  conv v;
  if (ei_op_elements(&c->out[0]) == 0) return EDGE_STATUS_OK;
  EI_TRY(conv_shape(c, &v));
  int32_t *const zeros = (int32_t *)c->scratch;
  const uint64_t n = ei_op_has(c, 3) ? ei_op_elements(&c->in[3]) : 0;
  for (int64_t i = 0; i < v.outputs; ++i)
    zeros[i] = n == 0 ? 0 : (int32_t)ei_load_s64(&c->in[3], n == 1 ? 0 : (uint64_t)i);
  memset(&v.r, 0, sizeof v.r);
  v.r.x = (const char *)c->in[0].data;
  v.r.w = (const char *)c->in[1].data;
  v.r.x_size = v.r.w_size = 1;
  v.r.dot = ei_ref_dot_bytes(c->in[0].dtype, c->in[1].dtype);
  v.r.zx = ei_op_has(c, 2) ? (int32_t)ei_load_s64(&c->in[2], 0) : 0;
  v.r.zw = zeros;
  v.r.y = &c->out[0];
  v.r.raw = true;
  all_positions(&v, c->in[0].dims[0]);
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_ConvInteger = {
  .name = "ConvInteger",
  .min_in = 2,
  .max_in = 4,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 12,
  .attrs = integer_attrs,
  .infer = infer_integer,
  .eval = eval_integer,
  .scratch_bytes = integer_scratch,
};
