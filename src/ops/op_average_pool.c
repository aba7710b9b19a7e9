/* SPDX-License-Identifier: Apache-2.0
 * AveragePool: sums in f64; quantized sums are exact and round half away from zero. */
#include "pool.h"

static const ei_attr_def attrs[] = { EI_WINDOW_ATTRS,
                                     { "kernel", EI_ATTR_INTS, 0 },
                                     { "ceil_mode", EI_ATTR_INT, 0 },
                                     { "count_include_pad", EI_ATTR_INT, 0 },
                                     EI_ACT_ATTRS,
                                     { NULL, 0, 0 } };

static edge_status infer(ei_op_ctx *c) {
  EI_TRY(ei_op_need_float(c, 0));
  return ei_pool_infer(c, EDGE_DTYPE_NONE);
}

/* Window elements inside the padded input; a partial last window reaches beyond it. */
static int64_t padded_count(const ei_pool *p, const ei_pool_range *r) {
  int64_t count = 1;
  for (int d = 0; d < EI_MAX_SPATIAL; ++d) {
    const int64_t step = p->win.dilation[d], room = p->win.in[d] + p->win.end[d] - r->at[d];
    const int64_t inside = room <= 0 ? 0 : (room + step - 1) / step;
    count *= inside < p->win.kernel[d] ? inside : p->win.kernel[d];
  }
  return count;
}

static void visit(const ei_pool *p, const ei_pool_range *r, uint64_t channel, uint64_t index) {
  double sum = 0.0;
  EI_POOL_EACH(p, r, channel, at) sum += ei_pool_load(p, at);
  int64_t count = r->count;
  if (p->options[0] != 0) {
    count = padded_count(p, r);
    sum += (double)(count - r->count) * p->zx; /* padding is the real value 0 */
  }
  if (count <= 0)
    ei_pool_store(p, index, p->quantized ? p->zx : 0.0);
  else
    ei_pool_store(p, index, p->quantized ? round(sum / (double)count) : sum / (double)count);
}

static edge_status eval(ei_op_ctx *c) {
  ei_pool p;
  EI_TRY(ei_pool_begin(c, &p));
  p.options[0] = ei_op_int(c, "count_include_pad");
  ei_pool_walk(&p, visit);
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_AveragePool = {
  .name = "AveragePool",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
};
