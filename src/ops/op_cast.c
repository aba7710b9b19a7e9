/* SPDX-License-Identifier: Apache-2.0
 * Cast converts values, Bitcast keeps the bits. */
#include "op_walk.h"
#include <math.h>

static edge_status infer_cast(ei_op_ctx *c) {
  const int64_t dtype = ei_op_int(c, "dtype");
  if (dtype <= EDGE_DTYPE_NONE || dtype >= EDGE_DTYPE_COUNT)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "cannot cast to type %lld", (long long)dtype);
  ei_op_set_shape(&c->out[0], (int32_t)dtype, c->in[0].rank, c->in[0].dims);
  return EDGE_STATUS_OK;
}

/* The pairs that real models use, without a type switch for every element. */
static bool cast_fast(const edge_tensor *x, const edge_tensor *y, uint64_t n) {
#define PAIR(from, to)                                                     \
  do {                                                                     \
    for (uint64_t i = 0; i < n; ++i) {                                     \
      from v;                                                              \
      memcpy(&v, (const unsigned char *)x->data + i * sizeof v, sizeof v); \
      const to w = (to)v;                                                  \
      memcpy((unsigned char *)y->data + i * sizeof w, &w, sizeof w);       \
    }                                                                      \
    return true;                                                           \
  } while (0)
  const int32_t a = x->dtype, b = y->dtype;
  if (a == EDGE_DTYPE_S64 && b == EDGE_DTYPE_F32) PAIR(int64_t, float);
  if (a == EDGE_DTYPE_S32 && b == EDGE_DTYPE_F32) PAIR(int32_t, float);
  if ((a == EDGE_DTYPE_U8 || a == EDGE_DTYPE_BOOL) && b == EDGE_DTYPE_F32) PAIR(uint8_t, float);
  if (a == EDGE_DTYPE_S32 && b == EDGE_DTYPE_S64) PAIR(int32_t, int64_t);
  if (a == EDGE_DTYPE_S64 && b == EDGE_DTYPE_S32) PAIR(uint64_t, uint32_t);
  if (a == EDGE_DTYPE_BOOL && (b == EDGE_DTYPE_S64 || b == EDGE_DTYPE_U64)) PAIR(uint8_t, int64_t);
  if (a == EDGE_DTYPE_BOOL && (b == EDGE_DTYPE_S32 || b == EDGE_DTYPE_U32)) PAIR(uint8_t, int32_t);
#undef PAIR
  return false;
}

static edge_status eval_cast(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  const uint64_t n = ei_op_elements(x);
  if (x->dtype == y->dtype) {
    ei_copy_run(y, 0, x, 0, n);
    return EDGE_STATUS_OK;
  }
  if (cast_fast(x, y, n)) return EDGE_STATUS_OK;
  const bool from_float = ei_dtype_is_float(x->dtype), to_float = ei_dtype_is_float(y->dtype);
  for (uint64_t i = 0; i < n; ++i) {
    if (y->dtype == EDGE_DTYPE_BOOL)
      ei_store_s64(y, i, from_float ? ei_load_f64(x, i) != 0 : ei_load_s64(x, i) != 0);
    else if (from_float && to_float)
      ei_store_f64(y, i, ei_load_f64(x, i));
    else if (from_float && ei_elem_bytes(y->dtype) == 0)
      ei_store_s64(y, i, ei_load_s64(x, i)); /* truncates, wraps */
    else if (from_float)
      ei_store_f64(y, i, trunc(ei_load_f64(x, i))); /* saturates; NaN gives 0 */
    else if (to_float)
      ei_store_f64(y, i, ei_load_f64(x, i));
    else
      ei_store_s64(y, i, ei_load_s64(x, i));
  }
  return EDGE_STATUS_OK;
}

/* ---- Bitcast: a change of element size splits or joins the last dimension */

static edge_status infer_bitcast(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const int64_t dtype = ei_op_int(c, "dtype");
  int64_t dims[EDGE_MAX_RANK];
  if (dtype <= EDGE_DTYPE_NONE || dtype >= EDGE_DTYPE_COUNT)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "cannot cast to type %lld", (long long)dtype);
  const uint32_t from = ei_elem_bytes(x->dtype), to = ei_elem_bytes((int32_t)dtype);
  if (from == 0 || to == 0)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "elements smaller than a byte have no address");
  ei_op_set_unknown(&c->out[0], (int32_t)dtype);
  if (x->rank < 0) return EDGE_STATUS_OK;
  int32_t rank = x->rank;
  memcpy(dims, x->dims, sizeof dims);
  if (from > to) {
    if (rank == EDGE_MAX_RANK) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the result has too many dimensions");
    dims[rank++] = from / to;
  } else if (from < to) {
    if (rank == 0 || (dims[rank - 1] >= 0 && dims[rank - 1] != to / from))
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "the last dimension must be %u", to / from);
    --rank;
  }
  ei_op_set_shape(&c->out[0], (int32_t)dtype, rank, dims);
  return EDGE_STATUS_OK;
}

static edge_status eval_bitcast(ei_op_ctx *c) {
  const uint64_t bytes = ei_op_elements(&c->in[0]) * ei_elem_bytes(c->in[0].dtype);
  if (bytes != 0 && c->out[0].data != c->in[0].data) memcpy(c->out[0].data, c->in[0].data, (size_t)bytes);
  uint8_t *const y = c->out[0].data;
  for (uint64_t i = 0; c->out[0].dtype == EDGE_DTYPE_BOOL && i < bytes; ++i) y[i] = y[i] != 0; /* there is no other */
  return EDGE_STATUS_OK;
}

static const ei_attr_def cast_attrs[] = { { "dtype", EI_ATTR_INT, 0 }, { "saturate", EI_ATTR_INT, 1 }, { NULL, 0, 0 } };
static const ei_attr_def bitcast_attrs[] = { { "dtype", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

const ei_op_def ei_op_Cast = { .name = "Cast",
                               .min_in = 1,
                               .max_in = 1,
                               .min_out = 1,
                               .max_out = 1,
                               .flags = EI_OP_ELEMENTWISE,
                               .version = 1,
                               .attrs = cast_attrs,
                               .infer = infer_cast,
                               .eval = eval_cast };
const ei_op_def ei_op_Bitcast = { .name = "Bitcast",
                                  .min_in = 1,
                                  .max_in = 1,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .version = 1,
                                  .attrs = bitcast_attrs,
                                  .infer = infer_bitcast,
                                  .eval = eval_bitcast };
