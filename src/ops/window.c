/* SPDX-License-Identifier: Apache-2.0
 * Geometry of sliding windows. */
#include "window.h"

enum { LIMIT_BITS = 31 };

static edge_status read_list(ei_op_ctx *c, const char *key, uint32_t count, int64_t least, int64_t def, int64_t *out) {
  int64_t v[2 * EI_MAX_SPATIAL] = { 0 };
  const uint32_t n = ei_node_ints(c->node, key, v, count);
  if (n != 0 && n != count)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%s has %u values, %u are needed", key, n, count);
  for (uint32_t i = 0; i < count; ++i) {
    out[i] = n == 0 ? def : v[i];
    if (out[i] < least || out[i] >= INT64_C(1) << LIMIT_BITS)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%s holds %lld; %lld or more (and below 2^31) is allowed", key,
                        (long long)out[i], (long long)least);
  }
  return EDGE_STATUS_OK;
}

edge_status ei_window_attrs(ei_op_ctx *c, int32_t n, const int64_t *in, const int64_t *kernel, ei_window *w,
                            int64_t *auto_pad) {
  int64_t stride[EI_MAX_SPATIAL], dilation[EI_MAX_SPATIAL], pads[2 * EI_MAX_SPATIAL], k[EI_MAX_SPATIAL];
  if (n < 1 || n > EI_MAX_SPATIAL)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "%d spatial dimensions; 1 to 3 are supported", n);
  const uint32_t un = (uint32_t)n;
  EI_TRY(read_list(c, "strides", un, 1, 1, stride));
  EI_TRY(read_list(c, "dilations", un, 1, 1, dilation));
  EI_TRY(read_list(c, "pads", 2 * un, 0, 0, pads));
  if (kernel == NULL) {
    EI_TRY(read_list(c, "kernel", un, 1, 0, k));
    kernel = k;
  }
  *auto_pad = ei_op_int(c, "auto_pad");
  if (*auto_pad < EI_PAD_EXPLICIT || *auto_pad > EI_PAD_VALID)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "auto_pad %lld is unknown", (long long)*auto_pad);
  w->n = n;
  for (int32_t d = 0; d < EI_MAX_SPATIAL; ++d) {
    const int32_t s = d - (EI_MAX_SPATIAL - n);
    w->in[d] = s < 0 ? 1 : in[s];
    w->kernel[d] = s < 0 ? 1 : kernel[s];
    w->stride[d] = s < 0 ? 1 : stride[s];
    w->dilation[d] = s < 0 ? 1 : dilation[s];
    w->begin[d] = s < 0 || *auto_pad != EI_PAD_EXPLICIT ? 0 : pads[s];
    w->end[d] = s < 0 || *auto_pad != EI_PAD_EXPLICIT ? 0 : pads[s + n];
    w->out[d] = s < 0 ? 1 : EI_DIM_UNKNOWN;
    if (w->in[d] >= INT64_C(1) << LIMIT_BITS || w->kernel[d] >= INT64_C(1) << LIMIT_BITS)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "spatial dimension %d is 2^31 or more", s);
    if (w->kernel[d] == 0) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the kernel of dimension %d is empty", s);
  }
  return EDGE_STATUS_OK;
}

edge_status ei_window_read(ei_op_ctx *c, int32_t n, const int64_t *in, const int64_t *kernel, bool ceil_mode,
                           ei_window *w) {
  int64_t auto_pad;
  EI_TRY(ei_window_attrs(c, n, in, kernel, w, &auto_pad));
  for (int32_t d = EI_MAX_SPATIAL - n; d < EI_MAX_SPATIAL; ++d) {
    if (w->in[d] < 0 || w->kernel[d] < 0) continue;
    const int64_t span = (w->kernel[d] - 1) * w->dilation[d] + 1, s = w->stride[d];
    if (auto_pad == EI_PAD_SAME_UPPER || auto_pad == EI_PAD_SAME_LOWER) {
      w->out[d] = (w->in[d] + s - 1) / s;
      const int64_t need = (w->out[d] - 1) * s + span - w->in[d], total = need > 0 && w->out[d] > 0 ? need : 0;
      w->begin[d] = auto_pad == EI_PAD_SAME_UPPER ? total / 2 : total - total / 2;
      w->end[d] = total - w->begin[d];
      continue;
    }
    const int64_t room = w->in[d] + w->begin[d] + w->end[d] - span;
    if (room < 0)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE,
                        "the window of spatial dimension %d covers %lld elements, the padded input has %lld",
                        d - (EI_MAX_SPATIAL - n), (long long)span, (long long)(room + span));
    w->out[d] = room / s + 1;
    if (ceil_mode && auto_pad == EI_PAD_EXPLICIT && room % s != 0 && w->out[d] * s < w->in[d] + w->begin[d])
      ++w->out[d]; /* a last partial window, if it starts inside the input or the leading pad */
  }
  return EDGE_STATUS_OK;
}
