/* SPDX-License-Identifier: Apache-2.0
 * LpPool: the p-norm of each window, or of its mean power. */
#include "pool.h"

static const ei_attr_def attrs[] = {
  EI_WINDOW_ATTRS,         { "kernel", EI_ATTR_INTS, 0 }, { "ceil_mode", EI_ATTR_INT, 0 },
  { "p", EI_ATTR_INT, 2 }, { "mean", EI_ATTR_INT, 0 },    EI_ACT_ATTRS,
  { NULL, 0, 0 }
};

static edge_status infer(ei_op_ctx *c) {
  EI_TRY(ei_op_need_float(c, 0));
  if (ei_op_int(c, "p") < 1) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "p must be 1 or more");
  return ei_pool_infer(c, EDGE_DTYPE_NONE);
}

static void visit(const ei_pool *p, const ei_pool_range *r, uint64_t channel, uint64_t index) {
  const double power = (double)p->options[0];
  double sum = 0.0;
  EI_POOL_EACH(p, r, channel, at) {
    double v = ei_pool_load(p, at);
    if (p->quantized) v = (v - p->zx) * p->sx;
    sum += p->options[0] == 2 ? v * v : pow(fabs(v), power);
  }
  if (p->options[1] != 0 && r->count > 0) sum /= (double)r->count;
  const double v = p->options[0] == 2 ? sqrt(sum) : pow(sum, 1.0 / power);
  ei_pool_store(p, index, p->quantized ? v / p->sx + p->zx : v);
}

static edge_status eval(ei_op_ctx *c) {
  ei_pool p;
  EI_TRY(ei_pool_begin(c, &p));
  p.options[0] = ei_op_int(c, "p");
  p.options[1] = ei_op_int(c, "mean");
  ei_pool_walk(&p, visit);
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_LpPool = {
  .name = "LpPool",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
};
