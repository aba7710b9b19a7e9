/* SPDX-License-Identifier: Apache-2.0
 * ConvTranspose: every output gathers the inputs that reach it, y[s * i + k * d - begin] += x[i] * w[k]. */
#include "ref_dot.h"
#include "window.h"

static const ei_attr_def attrs[] = {
  EI_WINDOW_ATTRS, { "group", EI_ATTR_INT, 1 }, { "output_padding", EI_ATTR_INTS, 0 }, EI_ACT_ATTRS, { NULL, 0, 0 }
};

/* Spatial sizes of the output_shape input; *given false when there is none or its value is not known yet. */
static edge_status read_output_shape(ei_op_ctx *c, int32_t n, int64_t *out, bool *given) {
  int64_t v[2 + EI_MAX_SPATIAL];
  uint32_t count = 0;
  *given = false;
  if (!ei_op_has(c, 3)) return EDGE_STATUS_OK;
  if (c->in[3].data == NULL) {
    c->needs_value = 1;
    return EDGE_STATUS_OK;
  }
  EI_TRY(ei_op_ints(c, 3, v, 2 + EI_MAX_SPATIAL, &count));
  if (count != (uint32_t)n && count != (uint32_t)n + 2)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "output_shape has %u values, %d or %d are needed", count, n, n + 2);
  for (int32_t d = 0; d < n; ++d) {
    out[d] = v[count == (uint32_t)n ? d : d + 1];
    if (out[d] < 0 || out[d] > INT32_MAX)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "output_shape holds %lld", (long long)out[d]);
  }
  const int64_t batch = c->in[0].rank > 0 ? c->in[0].dims[0] : -1, outputs = c->in[1].rank > 0 ? c->in[1].dims[0] : -1;
  if (count == (uint32_t)n + 2 && ((batch >= 0 && v[0] != batch) || (outputs >= 0 && v[n + 1] != outputs)))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "output_shape disagrees with the batch or the output channels");
  *given = true;
  return EDGE_STATUS_OK;
}

/* win->in, out and begin as for the convolution that this one transposes; win->n = 0: rank not known. */
static edge_status geometry(ei_op_ctx *c, ei_window *win) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1];
  int64_t in[EI_MAX_SPATIAL] = { -1, -1, -1 }, kernel[EI_MAX_SPATIAL] = { -1, -1, -1 };
  int64_t extra[EI_MAX_SPATIAL] = { 0, 0, 0 }, wanted[EI_MAX_SPATIAL] = { 0, 0, 0 }, mode;
  const int32_t rank = x->rank >= 0 ? x->rank : w->rank, n = rank - 2;
  bool given;
  win->n = 0;
  if (x->rank >= 0 && w->rank >= 0 && x->rank != w->rank)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input 0 has rank %d, the weights have rank %d", x->rank, w->rank);
  if (rank < 0) return EDGE_STATUS_OK;
  if (n < 1 || n > EI_MAX_SPATIAL)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "rank %d; 3 to 5 is supported", rank);
  for (int32_t d = 0; d < n; ++d) {
    if (x->rank >= 0) in[d] = x->dims[d + 1];
    if (w->rank >= 0) kernel[d] = w->dims[d + 1];
  }
  EI_TRY(ei_window_attrs(c, n, in, kernel, win, &mode));
  const uint32_t n_extra = ei_node_ints(c->node, "output_padding", extra, EI_MAX_SPATIAL);
  if (n_extra != 0 && n_extra != (uint32_t)n)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "output_padding has %u values, %d are needed", n_extra, n);
  EI_TRY(read_output_shape(c, n, wanted, &given));
  for (int32_t d = EI_MAX_SPATIAL - n; d < EI_MAX_SPATIAL; ++d) {
    const int32_t s = d - (EI_MAX_SPATIAL - n);
    if (extra[s] < 0 || extra[s] > INT32_MAX)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "output_padding holds %lld", (long long)extra[s]);
    if (win->in[d] < 0 || win->kernel[d] < 0 || (ei_op_has(c, 3) && !given)) continue;
    const int64_t full = (win->in[d] - 1) * win->stride[d] + (win->kernel[d] - 1) * win->dilation[d] + 1 + extra[s];
    const bool same = mode == EI_PAD_SAME_UPPER || mode == EI_PAD_SAME_LOWER;
    if (given)
      win->out[d] = wanted[s];
    else if (same)
      win->out[d] = win->in[d] * win->stride[d];
    else
      win->out[d] = full - win->begin[d] - win->end[d];
    if ((given || same) && mode != EI_PAD_VALID) {
      const int64_t total = full > win->out[d] ? full - win->out[d] : 0;
      win->begin[d] = mode == EI_PAD_SAME_UPPER ? total / 2 : total - total / 2;
    }
    if (win->out[d] < 0 || (win->in[d] == 0 && !given))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "nothing is left of spatial dimension %d", s);
  }
  return EDGE_STATUS_OK;
}

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1];
  const int64_t group = ei_op_int(c, "group"), outputs = w->rank > 0 ? w->dims[0] : EI_DIM_UNKNOWN;
  const int64_t channels = x->rank > 0 ? x->dims[x->rank - 1] : -1, per_group = w->rank > 0 ? w->dims[w->rank - 1] : -1;
  ei_act act;
  ei_window win;
  EI_TRY(ei_act_read(c, &act));
  EI_TRY(ei_ref_dot_check(c, x, w, ei_op_has(c, 2) ? &c->in[2] : NULL, 0));
  if (group < 1 || (outputs >= 0 && outputs % group != 0) ||
      (channels >= 0 && per_group >= 0 && (channels % group != 0 || channels / group != per_group)))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE,
                      "%lld groups do not fit %lld channels, %lld a group in the weights, %lld outputs",
                      (long long)group, (long long)channels, (long long)per_group, (long long)outputs);
  EI_TRY(ei_op_need_vector(c, 2, outputs));
  EI_TRY(geometry(c, &win));
  if (win.n == 0) {
    ei_op_set_unknown(&c->out[0], x->dtype);
    return EDGE_STATUS_OK;
  }
  int64_t dims[2 + EI_MAX_SPATIAL];
  dims[0] = x->rank >= 0 ? x->dims[0] : EI_DIM_UNKNOWN;
  for (int32_t d = 0; d < win.n; ++d) dims[d + 1] = win.out[EI_MAX_SPATIAL - win.n + d];
  dims[win.n + 1] = outputs;
  ei_op_set_shape(&c->out[0], x->dtype, win.n + 2, dims);
  return EDGE_STATUS_OK;
}

static uint64_t scratch_bytes(const ei_op_ctx *c) {
  return ei_ref_dot_scratch(&c->in[0], &c->in[1], (uint64_t)c->in[1].dims[0]);
}

/* Input position that kernel position k of output o reads, or -1. */
static int64_t source(const ei_window *w, int d, int64_t o, int64_t k) {
  const int64_t t = o + w->begin[d] - k * w->dilation[d];
  if (t < 0 || t % w->stride[d] != 0) return -1;
  return t / w->stride[d] < w->in[d] ? t / w->stride[d] : -1;
}

static double gather(const ei_ref_dot *r, const ei_window *w, int64_t n, const int64_t o[EI_MAX_SPATIAL], int64_t oc,
                     int64_t channels, int64_t c0, int64_t per_group) {
  double sum = 0.0;
  for (int64_t kd = 0; kd < w->kernel[0]; ++kd) {
    const int64_t id = source(w, 0, o[0], kd);
    for (int64_t kh = 0; id >= 0 && kh < w->kernel[1]; ++kh) {
      const int64_t ih = source(w, 1, o[1], kh);
      for (int64_t kw = 0; ih >= 0 && kw < w->kernel[2]; ++kw) {
        const int64_t iw = source(w, 2, o[2], kw);
        if (iw < 0) continue;
        const int64_t x_at = (((n * w->in[0] + id) * w->in[1] + ih) * w->in[2] + iw) * channels + c0;
        const int64_t w_at = (((oc * w->kernel[0] + kd) * w->kernel[1] + kh) * w->kernel[2] + kw) * per_group;
        sum += ei_ref_dot_run(r, (uint64_t)x_at, (uint64_t)w_at, (uint64_t)per_group, (uint64_t)oc);
      }
    }
  }
  return sum;
}

static edge_status eval(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1];
  ei_act act;
  ei_window win;
  ei_ref_dot r;
  EI_TRY(ei_act_read(c, &act));
  if (ei_op_elements(&c->out[0]) == 0) return EDGE_STATUS_OK;
  EI_TRY(geometry(c, &win));
  const int64_t channels = x->dims[x->rank - 1], per_group = w->dims[w->rank - 1], outputs = w->dims[0];
  const int64_t outputs_per_group = outputs / ei_op_int(c, "group");
  ei_ref_dot_init(&r, &act, x, w, ei_op_has(c, 2) ? &c->in[2] : NULL, (uint64_t)outputs, &c->out[0], c->scratch);
  uint64_t at = 0;
  int64_t o[EI_MAX_SPATIAL];
  for (int64_t n = 0; n < x->dims[0]; ++n) {
    for (o[0] = 0; o[0] < win.out[0]; ++o[0]) {
      for (o[1] = 0; o[1] < win.out[1]; ++o[1]) {
        for (o[2] = 0; o[2] < win.out[2]; ++o[2]) {
          for (int64_t oc = 0; oc < outputs; ++oc, ++at) {
            const int64_t c0 = oc / outputs_per_group * per_group;
            ei_ref_dot_store(&r, at, (uint64_t)oc, gather(&r, &win, n, o, oc, channels, c0, per_group));
          }
        }
      }
    }
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_ConvTranspose = {
  .name = "ConvTranspose",
  .min_in = 2,
  .max_in = 4,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 12,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
  .scratch_bytes = scratch_bytes,
};
