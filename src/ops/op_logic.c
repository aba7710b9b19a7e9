/* SPDX-License-Identifier: Apache-2.0
 * Unary operators that are not arithmetic: Not, BitwiseNot, IsNaN, IsInf, Identity. */
#include "op.h"

static edge_status same_shape(ei_op_ctx *c, bool type_fits, int32_t out_dtype) {
  const edge_tensor *const x = &c->in[0];
  if (!type_fits) return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input 0 cannot be %s", edge_dtype_name(x->dtype));
  ei_op_set_shape(&c->out[0], out_dtype, x->rank, x->dims);
  return EDGE_STATUS_OK;
}

static edge_status infer_not(ei_op_ctx *c) {
  return same_shape(c, c->in[0].dtype == EDGE_DTYPE_BOOL, EDGE_DTYPE_BOOL);
}
static edge_status eval_not(ei_op_ctx *c) {
  const uint64_t n = ei_op_elements(&c->in[0]);
  for (uint64_t i = 0; i < n; ++i) ei_store_s64(&c->out[0], i, ei_load_s64(&c->in[0], i) == 0);
  return EDGE_STATUS_OK;
}

static edge_status infer_bitwise(ei_op_ctx *c) {
  return same_shape(c, ei_dtype_is_int(c->in[0].dtype) || c->in[0].dtype == EDGE_DTYPE_BOOL, c->in[0].dtype);
}
static edge_status eval_bitwise(ei_op_ctx *c) {
  const uint64_t n = ei_op_elements(&c->in[0]);
  if (c->in[0].dtype == EDGE_DTYPE_BOOL) return eval_not(c);
  for (uint64_t i = 0; i < n; ++i) ei_store_s64(&c->out[0], i, (int64_t) ~(uint64_t)ei_load_s64(&c->in[0], i));
  return EDGE_STATUS_OK;
}

static edge_status infer_float_test(ei_op_ctx *c) {
  return same_shape(c, ei_dtype_is_float(c->in[0].dtype), EDGE_DTYPE_BOOL);
}
static edge_status eval_is_nan(ei_op_ctx *c) {
  const uint64_t n = ei_op_elements(&c->in[0]);
  for (uint64_t i = 0; i < n; ++i) {
    const double v = ei_load_f64(&c->in[0], i);
    ei_store_s64(&c->out[0], i, v != v);
  }
  return EDGE_STATUS_OK;
}

static const ei_attr_def inf_attrs[] = { { "detect_negative", EI_ATTR_INT, 1 },
                                         { "detect_positive", EI_ATTR_INT, 1 },
                                         { NULL, 0, 0 } };
static edge_status eval_is_inf(ei_op_ctx *c) {
  const bool negative = ei_op_int(c, "detect_negative") != 0, positive = ei_op_int(c, "detect_positive") != 0;
  const uint64_t n = ei_op_elements(&c->in[0]);
  for (uint64_t i = 0; i < n; ++i) {
    const double v = ei_load_f64(&c->in[0], i);
    ei_store_s64(&c->out[0], i, (positive && v == (double)INFINITY) || (negative && v == -(double)INFINITY));
  }
  return EDGE_STATUS_OK;
}

static edge_status infer_identity(ei_op_ctx *c) {
  return same_shape(c, true, c->in[0].dtype);
}
static edge_status eval_identity(ei_op_ctx *c) {
  uint64_t bytes = 0;
  const edge_tensor *const x = &c->in[0];
  if (!ei_tensor_bytes(x->dtype, x->encoding, x->dims, x->rank, &bytes))
    return ei_op_fail(c, EDGE_STATUS_INTERNAL, "the size of input 0 is unknown");
  if (bytes > 0 && c->out[0].data != x->data) memmove(c->out[0].data, x->data, (size_t)bytes);
  return EDGE_STATUS_OK;
}

#define LOGIC(Name, attributes, more_flags, infer_fn, eval_fn) \
  const ei_op_def ei_op_##Name = {                             \
    .name = #Name,                                             \
    .min_in = 1,                                               \
    .max_in = 1,                                               \
    .min_out = 1,                                              \
    .max_out = 1,                                              \
    .version = 1,                                              \
    .flags = EI_OP_ELEMENTWISE | (more_flags),                 \
    .attrs = attributes,                                       \
    .infer = infer_fn,                                         \
    .eval = eval_fn,                                           \
  };

LOGIC(Not, NULL, 0, infer_not, eval_not)
LOGIC(BitwiseNot, NULL, 0, infer_bitwise, eval_bitwise)
LOGIC(IsNaN, NULL, 0, infer_float_test, eval_is_nan)
LOGIC(IsInf, inf_attrs, 0, infer_float_test, eval_is_inf)
LOGIC(Identity, NULL, EI_OP_VIEW, infer_identity, eval_identity)
