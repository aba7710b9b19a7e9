/* SPDX-License-Identifier: Apache-2.0
 * DeformConv: a convolution whose taps read where offsets born in the run point to, between pixels too. */
#include "op_walk.h"
#include "window.h"
#include <math.h>

static const ei_attr_def attrs[] = {
  EI_WINDOW_ATTRS, { "group", EI_ATTR_INT, 1 }, { "offset_group", EI_ATTR_INT, 1 }, { NULL, 0, 0 }
};

static edge_status check_groups(ei_op_ctx *c, int64_t channels, int64_t per_group, int64_t outputs) {
  const int64_t group = ei_op_int(c, "group"), parts = ei_op_int(c, "offset_group");
  if (group < 1 || group > INT32_MAX || parts < 1 || parts > 65536)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld groups, %lld of offsets", (long long)group, (long long)parts);
  if ((channels >= 0 && (channels % group != 0 || channels % parts != 0)) ||
      (channels >= 0 && per_group >= 0 && channels / group != per_group) || (outputs >= 0 && outputs % group != 0))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE,
                      "%lld channels, %lld of them in a group of the weights, and %lld outputs do not divide into "
                      "%lld groups and %lld groups of offsets",
                      (long long)channels, (long long)per_group, (long long)outputs, (long long)group,
                      (long long)parts);
  return EDGE_STATUS_OK;
}

static edge_status geometry(ei_op_ctx *c, ei_window *w) {
  const edge_tensor *const x = &c->in[0], *const k = &c->in[1];
  return ei_window_read(c, x->rank - 2, &x->dims[1], &k->dims[1], false, w);
}

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1];
  int64_t dims[2 + EI_MAX_SPATIAL], taps = 1;
  ei_window win;
  for (uint32_t i = 0; i < c->n_in; ++i) {
    if (!ei_op_has(c, i)) continue;
    if (!ei_dtype_is_float(c->in[i].dtype)) return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "inputs must be floats");
    EI_TRY(ei_op_need_same_dtype(c, i, 0));
    if (i != 3) EI_TRY(ei_op_need_rank(c, i, 3, 2 + EI_MAX_SPATIAL));
    if (i != 3 && c->in[i].rank >= 0 && x->rank >= 0) EI_TRY(ei_op_need_rank(c, i, x->rank, x->rank));
  }
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0 || w->rank < 0) return EDGE_STATUS_OK;
  const int32_t n = x->rank - 2;
  EI_TRY(check_groups(c, x->dims[n + 1], w->dims[n + 1], w->dims[0]));
  EI_TRY(geometry(c, &win));
  dims[0] = x->dims[0];
  for (int32_t d = 0; d < n; ++d) {
    dims[d + 1] = win.out[EI_MAX_SPATIAL - n + d];
    if (w->dims[d + 1] > 4096) return ei_op_fail(c, EDGE_STATUS_LIMIT_EXCEEDED, "a kernel dimension above 4096");
    taps = w->dims[d + 1] < 0 || taps < 0 ? -1 : taps * w->dims[d + 1];
  }
  dims[n + 1] = w->dims[0];
  for (uint32_t i = 2; i < c->n_in; i += 2) { /* offsets and masks lie as the result does */
    const edge_tensor *const t = &c->in[i];
    const int64_t each = i == 2 ? n : 1;
    int64_t want = taps < 0 ? -1 : taps * each * ei_op_int(c, "offset_group");
    if (!ei_op_has(c, i) || t->rank < 0) continue;
    for (int32_t d = 0; d <= n; ++d) EI_TRY(ei_op_same_dim(c, &dims[d], t->dims[d], "offsets, masks and the result"));
    EI_TRY(ei_op_same_dim(c, &want, t->dims[n + 1], "values of offsets or masks at a place"));
  }
  EI_TRY(ei_op_need_vector(c, 3, w->dims[0]));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, dims);
  return ei_op_check_size(c, 0);
}

/* A tap: pixels around a place with their shares; those outside are left out. */
typedef struct tap {
  int64_t pixel[1 << EI_MAX_SPATIAL];
  double share[1 << EI_MAX_SPATIAL];
  int32_t count;
} tap;

static void locate(const ei_window *w, int64_t batch, const double *at, tap *t) {
  int64_t base[EI_MAX_SPATIAL];
  double rest[EI_MAX_SPATIAL];
  t->count = 0;
  for (int d = 0; d < EI_MAX_SPATIAL; ++d) {
    if (!(at[d] > -1.0 && at[d] < (double)w->in[d])) return; /* also NaN */
    base[d] = (int64_t)floor(at[d]);
    rest[d] = at[d] - (double)base[d];
  }
  for (int32_t corner = 0; corner < 1 << EI_MAX_SPATIAL; ++corner) {
    int64_t pixel = batch;
    double share = 1;
    bool inside = true;
    for (int d = 0; d < EI_MAX_SPATIAL; ++d) {
      const int64_t up = corner >> d & 1, i = base[d] + up;
      inside = inside && i >= 0 && i < w->in[d];
      pixel = pixel * w->in[d] + i;
      share *= up ? rest[d] : 1 - rest[d];
    }
    if (!inside || share == 0) continue;
    t->pixel[t->count] = pixel;
    t->share[t->count++] = share;
  }
}

static uint64_t scratch_bytes(const ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1];
  uint64_t n = (uint64_t)x->dims[x->rank - 1] + 1;
  for (int32_t d = 1; d < w->rank - 1; ++d) n *= (uint64_t)w->dims[d];
  return (n + 1) * sizeof(double);
}

/* What each tap reads at output place o, all channels of the first tap first. */
static void gather(ei_op_ctx *c, const ei_window *w, int64_t batch, const int64_t *o, uint64_t place, double *columns) {
  const edge_tensor *const x = &c->in[0];
  const int64_t channels = x->dims[x->rank - 1], parts = ei_op_int(c, "offset_group"), per_part = channels / parts;
  const int64_t taps = w->kernel[0] * w->kernel[1] * w->kernel[2];
  for (int64_t part = 0; part < parts; ++part)
    for (int64_t k = 0; k < taps; ++k) {
      const int64_t step[EI_MAX_SPATIAL] = { k / (w->kernel[1] * w->kernel[2]), k / w->kernel[2] % w->kernel[1],
                                             k % w->kernel[2] };
      const uint64_t row = (place * (uint64_t)parts + (uint64_t)part) * (uint64_t)taps + (uint64_t)k;
      double at[EI_MAX_SPATIAL];
      tap t;
      for (int d = 0; d < EI_MAX_SPATIAL; ++d) {
        const int32_t real = d - (EI_MAX_SPATIAL - w->n);
        at[d] = (double)(o[d] * w->stride[d] + step[d] * w->dilation[d] - w->begin[d]);
        if (real >= 0) at[d] += ei_load_f64(&c->in[2], row * (uint64_t)w->n + (uint64_t)real);
      }
      locate(w, batch, at, &t);
      const double mask = ei_op_has(c, 4) ? ei_load_f64(&c->in[4], row) : 1.0;
      for (int64_t ch = part * per_part; ch < (part + 1) * per_part; ++ch) {
        double sum = 0;
        for (int32_t i = 0; i < t.count; ++i)
          sum += t.share[i] * ei_load_f64(x, (uint64_t)(t.pixel[i] * channels + ch));
        columns[k * channels + ch] = sum * mask;
      }
    }
}

static edge_status eval(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1], *const y = &c->out[0];
  const int64_t channels = x->dims[x->rank - 1], per_group = w->dims[w->rank - 1], outputs = w->dims[0];
  const int64_t per_output = outputs / ei_op_int(c, "group");
  double *const columns = (double *)c->scratch;
  int64_t o[1 + EI_MAX_SPATIAL] = { 0 }, dims[1 + EI_MAX_SPATIAL];
  uint64_t place = 0;
  ei_window win;
  if (ei_op_elements(y) == 0) return EDGE_STATUS_OK;
  EI_TRY(geometry(c, &win));
  const int64_t taps = win.kernel[0] * win.kernel[1] * win.kernel[2];
  dims[0] = y->dims[0];
  memcpy(dims + 1, win.out, sizeof win.out);
  do {
    gather(c, &win, o[0], o + 1, place, columns);
    for (int64_t out = 0; out < outputs; ++out) {
      const int64_t first = out / per_output * per_group;
      double sum = ei_op_has(c, 3) ? ei_load_f64(&c->in[3], (uint64_t)out) : 0.0;
      for (int64_t k = 0; k < taps; ++k)
        for (int64_t i = 0; i < per_group; ++i)
          sum += columns[k * channels + first + i] * ei_load_f64(w, (uint64_t)((out * taps + k) * per_group + i));
      ei_store_f64(y, place * (uint64_t)outputs + (uint64_t)out, sum);
    }
    ++place;
  } while (ei_walk_next(1 + EI_MAX_SPATIAL, dims, o));
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_DeformConv = {
  .name = "DeformConv",
  .min_in = 3,
  .max_in = 5,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 1u << 3 | 1u << 4,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
  .scratch_bytes = scratch_bytes,
};
