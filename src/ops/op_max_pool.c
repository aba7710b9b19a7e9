/* SPDX-License-Identifier: Apache-2.0
 * MaxPool: the largest element of each window, and where it was. NaN is never the largest (as in TFLite and
 * ONNX Runtime); a window without any other element gives the lowest value. */
#include "pool.h"

static const ei_attr_def attrs[] = { EI_WINDOW_ATTRS,
                                     { "kernel", EI_ATTR_INTS, 0 },
                                     { "ceil_mode", EI_ATTR_INT, 0 },
                                     { "indices_layout", EI_ATTR_INT, 0 },
                                     EI_ACT_ATTRS,
                                     { NULL, 0, 0 } };

static edge_status infer(ei_op_ctx *c) {
  return ei_pool_infer(c, EDGE_DTYPE_S64);
}

/* The same element counted as if the tensor were [N, C, spatial...]. */
static int64_t channels_first(const ei_pool *p, uint64_t at) {
  const uint64_t space = (uint64_t)(p->win.in[0] * p->win.in[1] * p->win.in[2]);
  const uint64_t channel = at % p->channels, pixel = at / p->channels % space, batch = at / p->channels / space;
  return (int64_t)((batch * p->channels + channel) * space + pixel);
}

static void visit(const ei_pool *p, const ei_pool_range *r, uint64_t channel, uint64_t index) {
  double best = -(double)INFINITY;
  uint64_t best_at = 0;
  bool found = false;
  EI_POOL_EACH(p, r, channel, at) {
    const double v = ei_pool_load(p, at);
    if (v != v || (found && !(v > best))) continue;
    best = v;
    best_at = at;
    found = true;
  }
  if (!found && !ei_dtype_is_float(p->x->dtype)) {
    double highest;
    (void)ei_dtype_range(p->x->dtype, &best, &highest);
  }
  /* Integers of 64 bits do not all fit a double: copy the element itself. */
  if (found && !p->quantized && !ei_dtype_is_float(p->x->dtype) && p->act.kind == EI_ACT_NONE)
    ei_store_s64(p->y, index, ei_load_s64(p->x, best_at));
  else
    ei_pool_store(p, index, best);
  if (p->indices != NULL)
    ei_store_s64(p->indices, index, found && p->options[0] == 1 ? channels_first(p, best_at) : (int64_t)best_at);
}

static edge_status eval(ei_op_ctx *c) {
  ei_pool p;
  EI_TRY(ei_pool_begin(c, &p));
  p.indices = ei_op_wants(c, 1) ? &c->out[1] : NULL;
  p.options[0] = ei_op_int(c, "indices_layout");
  ei_pool_walk(&p, visit);
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_MaxPool = {
  .name = "MaxPool",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 2,
  .version = 1,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
};
