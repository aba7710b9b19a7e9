/* SPDX-License-Identifier: Apache-2.0
 * FullyConnected: rows of x times rows of w. */
#include "ref_dot.h"

static const ei_attr_def attrs[] = { { "keep_dims", EI_ATTR_INT, 1 }, EI_ACT_ATTRS, EI_DYNAMIC_ATTR, { NULL, 0, 0 } };

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1], *const bias = ei_op_has(c, 2) ? &c->in[2] : NULL;
  edge_tensor *const y = &c->out[0];
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  EI_TRY(ei_ref_dynamic_check(c));
  EI_TRY(ei_ref_dot_check(c, x, w, bias, 0));
  EI_TRY(ei_op_need_rank(c, 1, 2, 2));
  const int64_t n = w->rank == 2 ? w->dims[0] : EI_DIM_UNKNOWN, k = w->rank == 2 ? w->dims[1] : EI_DIM_UNKNOWN;
  EI_TRY(ei_op_need_vector(c, 2, n));
  if (ei_op_int(c, "keep_dims") != 0) {
    int64_t dims[EDGE_MAX_RANK];
    if (x->rank < 0) {
      ei_op_set_unknown(y, x->dtype);
      return EDGE_STATUS_OK;
    }
    EI_TRY(ei_op_need_rank(c, 0, 1, EDGE_MAX_RANK));
    const int64_t last = x->dims[x->rank - 1];
    if (last >= 0 && k >= 0 && last != k)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "rows of input 0 have %lld values, those of the weights %lld",
                        (long long)last, (long long)k);
    memcpy(dims, x->dims, sizeof dims);
    dims[x->rank - 1] = n;
    ei_op_set_shape(y, x->dtype, x->rank, dims);
    return EDGE_STATUS_OK;
  }
  int64_t dims[2] = { EI_DIM_UNKNOWN, n };
  if (ei_op_shape_known(x) && k >= 0) {
    const uint64_t total = ei_op_elements(x);
    if (k == 0 || total % (uint64_t)k != 0)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%llu values of input 0 do not divide into rows of %lld",
                        (unsigned long long)total, (long long)k);
    dims[0] = (int64_t)(total / (uint64_t)k);
  }
  ei_op_set_shape(y, x->dtype, 2, dims);
  return EDGE_STATUS_OK;
}

static uint64_t scratch_bytes(const ei_op_ctx *c) {
  const uint64_t n = (uint64_t)c->in[1].dims[0], k = (uint64_t)c->in[1].dims[1];
  if (ei_ref_dynamic(c) && k > 0) return ei_ref_dynamic_scratch(&c->in[0], n, ei_op_elements(&c->in[0]) / k);
  return ei_ref_dot_scratch(&c->in[0], &c->in[1], n);
}

static edge_status eval(ei_op_ctx *c) {
  const uint64_t n = (uint64_t)c->in[1].dims[0], k = (uint64_t)c->in[1].dims[1];
  const uint64_t total = ei_op_elements(&c->out[0]);
  ei_ref_dot r;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  if (total == 0) return EDGE_STATUS_OK;
  if (ei_ref_dynamic(c) && k > 0)
    ei_ref_dynamic_init(&r, c, &act, n, total / n);
  else
    ei_ref_dot_init(&r, &act, &c->in[0], &c->in[1], ei_op_has(c, 2) ? &c->in[2] : NULL, n, &c->out[0], c->scratch);
  for (uint64_t row = 0; row < total / n; ++row) {
    ei_ref_dynamic_row(&r, row, total / n);
    for (uint64_t i = 0; i < n; ++i) ei_ref_dot_store(&r, row * n + i, i, ei_ref_dot_run(&r, row * k, i * k, k, i));
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_FullyConnected = {
  .name = "FullyConnected",
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
