/* SPDX-License-Identifier: Apache-2.0
 * BatchNorm, InstanceNorm and GroupNorm: parameters per channel, in f64. */
#include "activation.h"
#include "rows.h"

static const ei_attr_def batch_attrs[] = {
  { "axis", EI_ATTR_INT, -1 }, { "epsilon", EI_ATTR_FLOAT, 1e-5 }, EI_ACT_ATTRS, { NULL, 0, 0 }
};
static const ei_attr_def instance_attrs[] = { { "epsilon", EI_ATTR_FLOAT, 1e-5 }, { NULL, 0, 0 } };
static const ei_attr_def group_attrs[] = { { "groups", EI_ATTR_INT, 1 },
                                           { "epsilon", EI_ATTR_FLOAT, 1e-5 },
                                           { NULL, 0, 0 } };

/* Parameters 1.. are float vectors of one value per index of the axis. */
static edge_status check(ei_op_ctx *c, int64_t channels) {
  EI_TRY(ei_op_need_per_tensor(c, 1));
  for (uint32_t i = 0; i < c->n_in; ++i) {
    EI_TRY(ei_op_need_float(c, i));
    if (i > 0) EI_TRY(ei_op_need_vector(c, i, channels));
  }
  ei_op_set_shape(&c->out[0], c->in[0].dtype, c->in[0].rank, c->in[0].dims);
  return EDGE_STATUS_OK;
}

static edge_status infer_batch(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int32_t axis = 0;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  if (x->rank >= 0) EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
  return check(c, x->rank >= 0 ? x->dims[axis] : EI_DIM_UNKNOWN);
}

static edge_status eval_batch(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const double epsilon = ei_op_float(c, "epsilon");
  const uint64_t n = ei_op_elements(x);
  ei_rows r;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  EI_TRY(ei_rows_split(c, x, ei_op_int(c, "axis"), false, &r));
  for (uint64_t i = 0; i < n; ++i) {
    const uint64_t ch = i / r.inner % r.size;
    const double gain = ei_real(&c->in[1], ch) / sqrt(ei_real(&c->in[4], ch) + epsilon);
    const double v = (ei_real(x, i) - ei_real(&c->in[3], ch)) * gain + ei_real(&c->in[2], ch);
    ei_set_real(&c->out[0], i, ei_act_apply(&act, v));
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_BatchNorm = {
  .name = "BatchNorm",
  .min_in = 5,
  .max_in = 5,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = batch_attrs,
  .infer = infer_batch,
  .eval = eval_batch,
};

/* ---- channels last: statistics over space and the channels of one group */

static edge_status infer_last(ei_op_ctx *c, int64_t groups) {
  const edge_tensor *const x = &c->in[0];
  EI_TRY(ei_op_need_rank(c, 0, 2, EDGE_MAX_RANK));
  const int64_t channels = x->rank >= 2 ? x->dims[x->rank - 1] : EI_DIM_UNKNOWN;
  if (groups < 1 || (channels >= 0 && channels % groups != 0))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld channels do not divide into %lld groups", (long long)channels,
                      (long long)groups);
  return check(c, channels);
}

static edge_status eval_last(ei_op_ctx *c, uint64_t groups) {
  const edge_tensor *const x = &c->in[0];
  const double epsilon = ei_op_float(c, "epsilon");
  const uint64_t total = ei_op_elements(x);
  if (total == 0) return EDGE_STATUS_OK;
  const uint64_t batches = (uint64_t)x->dims[0], channels = (uint64_t)x->dims[x->rank - 1];
  const uint64_t space = total / batches / channels, width = channels / groups;
  for (uint64_t i = 0; i < batches * groups; ++i) {
    const uint64_t base = i / groups * space * channels + i % groups * width;
    double mean = 0.0, var = 0.0;
    for (uint64_t k = 0; k < space * width; ++k) mean += ei_real(x, base + k / width * channels + k % width);
    mean /= (double)(space * width);
    for (uint64_t k = 0; k < space * width; ++k) {
      const double d = ei_real(x, base + k / width * channels + k % width) - mean;
      var += d * d;
    }
    const double inv = 1.0 / sqrt(var / (double)(space * width) + epsilon);
    for (uint64_t k = 0; k < space * width; ++k) {
      const uint64_t at = base + k / width * channels + k % width, ch = i % groups * width + k % width;
      const double v = (ei_real(x, at) - mean) * inv * ei_real(&c->in[1], ch) + ei_real(&c->in[2], ch);
      ei_set_real(&c->out[0], at, v);
    }
  }
  return EDGE_STATUS_OK;
}

static edge_status infer_instance(ei_op_ctx *c) {
  return infer_last(c, 1);
}
static edge_status eval_instance(ei_op_ctx *c) {
  return eval_last(c, (uint64_t)c->in[0].dims[c->in[0].rank - 1]);
}
static edge_status infer_group(ei_op_ctx *c) {
  return infer_last(c, ei_op_int(c, "groups"));
}
static edge_status eval_group(ei_op_ctx *c) {
  return eval_last(c, (uint64_t)ei_op_int(c, "groups"));
}

const ei_op_def ei_op_InstanceNorm = {
  .name = "InstanceNorm",
  .min_in = 3,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = instance_attrs,
  .infer = infer_instance,
  .eval = eval_instance,
};
const ei_op_def ei_op_GroupNorm = {
  .name = "GroupNorm",
  .min_in = 3,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = group_attrs,
  .infer = infer_group,
  .eval = eval_group,
};
