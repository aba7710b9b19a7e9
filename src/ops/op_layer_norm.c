/* SPDX-License-Identifier: Apache-2.0
 * LayerNorm and RmsNorm: over the dimensions from the axis on, in f64. */
#include "rows.h"

static const ei_attr_def attrs[] = { { "axis", EI_ATTR_INT, -1 }, { "epsilon", EI_ATTR_FLOAT, 1e-5 }, { NULL, 0, 0 } };

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int32_t axis = 0;
  for (uint32_t i = 0; i < c->n_in; ++i) {
    if (!ei_op_has(c, i)) continue;
    EI_TRY(ei_op_need_float(c, i));
    if (i == 0 || c->in[i].rank < 0 || x->rank < 0) continue;
    edge_tensor shape;
    EI_TRY(ei_op_broadcast(c, x, &c->in[i], &shape));
    bool grows = shape.rank != x->rank;
    for (int32_t d = 0; !grows && d < x->rank; ++d)
      grows = x->dims[d] >= 0 && shape.dims[d] >= 0 && shape.dims[d] != x->dims[d];
    if (grows) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u does not broadcast to input 0", i);
  }
  EI_TRY(ei_op_need_per_tensor(c, c->n_in));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  if (x->rank >= 0) {
    int64_t dims[EDGE_MAX_RANK];
    EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
    for (int32_t d = 0; d < x->rank; ++d) dims[d] = d < axis ? x->dims[d] : 1;
    for (uint32_t i = 1; i < c->n_out; ++i) ei_op_set_shape(&c->out[i], EDGE_DTYPE_F32, x->rank, dims);
  } else {
    for (uint32_t i = 1; i < c->n_out; ++i) ei_op_set_unknown(&c->out[i], EDGE_DTYPE_F32);
  }
  return EDGE_STATUS_OK;
}

/* Value of a parameter that broadcasts to x, at element i of x. */
static double parameter(const edge_tensor *p, const edge_tensor *x, uint64_t i) {
  uint64_t at = 0, stride = 1;
  for (int32_t d = x->rank - 1; d >= 0; --d) {
    const int32_t k = d - (x->rank - p->rank);
    if (k >= 0) {
      if (p->dims[k] != 1) at += i % (uint64_t)x->dims[d] * stride;
      stride *= (uint64_t)p->dims[k];
    }
    i /= (uint64_t)x->dims[d];
  }
  return ei_real(p, at);
}

static edge_status eval_norm(ei_op_ctx *c, bool centers) {
  const edge_tensor *const x = &c->in[0];
  const edge_tensor *const scale = ei_op_has(c, 1) ? &c->in[1] : NULL, *const bias = ei_op_has(c, 2) ? &c->in[2] : NULL;
  const double epsilon = ei_op_float(c, "epsilon");
  ei_rows r;
  EI_TRY(ei_rows_split(c, x, ei_op_int(c, "axis"), true, &r));
  for (uint64_t row = 0; row < r.outer; ++row) {
    const uint64_t base = row * r.size;
    double mean = 0.0, var = 0.0;
    for (uint64_t i = 0; centers && i < r.size; ++i) mean += ei_real(x, base + i);
    if (centers) mean /= (double)r.size;
    for (uint64_t i = 0; i < r.size; ++i) {
      const double d = ei_real(x, base + i) - mean;
      var += d * d;
    }
    const double inv = 1.0 / sqrt(var / (double)r.size + epsilon);
    for (uint64_t i = 0; ei_op_wants(c, 0) && i < r.size; ++i) {
      double v = (ei_real(x, base + i) - mean) * inv;
      if (scale != NULL) v *= parameter(scale, x, base + i);
      if (bias != NULL) v += parameter(bias, x, base + i);
      ei_set_real(&c->out[0], base + i, v);
    }
    if (centers && ei_op_wants(c, 1)) ei_set_real(&c->out[1], row, mean);
    if (centers && ei_op_wants(c, 2)) ei_set_real(&c->out[2], row, inv);
  }
  return EDGE_STATUS_OK;
}

static edge_status eval_layer(ei_op_ctx *c) {
  return eval_norm(c, true);
}
static edge_status eval_rms(ei_op_ctx *c) {
  return eval_norm(c, false);
}

const ei_op_def ei_op_LayerNorm = {
  .name = "LayerNorm",
  .min_in = 1,
  .max_in = 3,
  .min_out = 0,
  .max_out = 3,
  .version = 1,
  .optional_in = 6,
  .attrs = attrs,
  .infer = infer,
  .eval = eval_layer,
};
const ei_op_def ei_op_RmsNorm = {
  .name = "RmsNorm",
  .min_in = 1,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 2,
  .attrs = attrs,
  .infer = infer,
  .eval = eval_rms,
};
