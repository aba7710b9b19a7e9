/* SPDX-License-Identifier: Apache-2.0
 * Quantize, Dequantize and DynamicQuantize. Quantize divides in f32, rounds to even, adds the zero point and
 * saturates; Dequantize multiplies in f32. */
#include "op.h"

static const ei_attr_def attrs[] = {
  { "axis", EI_ATTR_INT, 1 }, { "block", EI_ATTR_INT, 0 }, { "dtype", EI_ATTR_INT, 0 }, { NULL, 0, 0 }
};

/* Parameters of one side, from inputs 1 and 2 or from a tensor. */
typedef struct params {
  edge_tensor place; /* x's shape, with count, axis and block only: finds the index of an element's scale */
  const edge_tensor *scale, *zero; /* inputs, or NULL: place.quant */
  bool present;
} params;

static edge_status block_of(ei_op_ctx *c, int64_t *block) {
  *block = ei_op_int(c, "block");
  if (*block < 0 || *block > INT32_MAX)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "block is %lld", (long long)*block);
  return EDGE_STATUS_OK;
}

/* Shape rules of the scale input and its zero point. */
static edge_status check_inputs(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const s = &c->in[1];
  int64_t block;
  int32_t axis = 0;
  EI_TRY(block_of(c, &block));
  if (ei_op_has(c, 2) && !ei_op_has(c, 1))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "a zero point needs a scale");
  if (!ei_op_has(c, 1)) return EDGE_STATUS_OK;
  if (!ei_dtype_is_float(s->dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "the scale must be a float, not %s", edge_dtype_name(s->dtype));
  if (ei_op_has(c, 2)) {
    const edge_tensor *const z = &c->in[2];
    if (ei_op_shape_known(s) && ei_op_shape_known(z) && ei_op_elements(s) != ei_op_elements(z))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "scale and zero point have different sizes");
  }
  if (!ei_op_shape_known(s) || x->rank < 0) return EDGE_STATUS_OK;
  if (s->rank == 0 || (s->rank == 1 && s->dims[0] == 1 && block == 0)) return EDGE_STATUS_OK;
  EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
  if (block == 0) {
    if (s->rank != 1 || (x->dims[axis] >= 0 && x->dims[axis] != s->dims[0]))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the scale must have one value per index of axis %d", axis);
    return EDGE_STATUS_OK;
  }
  if (s->rank != x->rank)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "a scale per block has rank %d like input 0", x->rank);
  for (int32_t i = 0; i < x->rank; ++i) {
    if (x->dims[i] < 0) continue;
    const int64_t want = i == axis ? x->dims[i] / block + (x->dims[i] % block != 0) : x->dims[i];
    if (s->dims[i] != want)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "a scale per block has %lld in dimension %d, %lld is needed",
                        (long long)s->dims[i], i, (long long)want);
  }
  return EDGE_STATUS_OK;
}

static edge_status read_params(ei_op_ctx *c, const edge_tensor *by, params *p) {
  memset(p, 0, sizeof *p);
  p->place = c->in[0];
  memset(&p->place.quant, 0, sizeof p->place.quant);
  if (ei_op_has(c, 1)) {
    int64_t block;
    int32_t axis = 0;
    EI_TRY(block_of(c, &block));
    p->scale = &c->in[1];
    p->zero = ei_op_has(c, 2) ? &c->in[2] : NULL;
    const uint64_t count = ei_op_elements(p->scale);
    if (count == 0 && ei_op_elements(&c->in[0]) > 0)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the scale is empty");
    if (count > 1) EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), c->in[0].rank, &axis));
    p->place.quant.count = count < UINT32_MAX ? (uint32_t)count : 0;
    p->place.quant.axis = axis;
    p->place.quant.block = (uint32_t)block;
    p->present = true;
  } else if (ei_is_quantized(by)) {
    p->place.quant = by->quant;
    p->present = true;
  }
  return EDGE_STATUS_OK;
}

static float scale_at(const params *p, uint32_t k) {
  if (!p->present) return 1.0f;
  return p->scale != NULL ? (float)ei_load_f64(p->scale, k) : p->place.quant.scales[k];
}
static int64_t zero_at(const params *p, uint32_t k) {
  if (p->scale != NULL) return p->zero != NULL ? ei_load_s64(p->zero, k) : 0;
  return p->present && p->place.quant.zero_points != NULL ? p->place.quant.zero_points[k] : 0;
}

/* ---- Quantize */

static edge_status infer_quantize(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const int64_t wanted = ei_op_int(c, "dtype");
  int32_t dtype = c->out[0].dtype;
  if (!ei_dtype_is_float(x->dtype) && !ei_dtype_is_int(x->dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input 0 cannot be %s", edge_dtype_name(x->dtype));
  if (ei_op_has(c, 2))
    dtype = c->in[2].dtype;
  else if (wanted != 0)
    dtype = wanted > 0 && wanted < EDGE_DTYPE_COUNT ? (int32_t)wanted : EDGE_DTYPE_NONE;
  else if (!ei_dtype_is_int(dtype))
    dtype = EDGE_DTYPE_U8;
  if (!ei_dtype_is_int(dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "cannot quantize to %s", edge_dtype_name(dtype));
  EI_TRY(check_inputs(c));
  ei_op_set_shape(&c->out[0], dtype, x->rank, x->dims);
  return EDGE_STATUS_OK;
}

static double quantize_one(double x, float scale, int64_t zero) {
  return rint((double)((float)x / scale)) + (double)zero;
}

static edge_status eval_quantize(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  edge_tensor *const y = &c->out[0];
  const uint64_t n = ei_op_elements(x);
  params p;
  EI_TRY(read_params(c, y, &p));
  const bool requantizes = ei_is_quantized(x) && p.scale == NULL;
  if (p.place.quant.count <= 1 && x->dtype == EDGE_DTYPE_F32 &&
      (y->dtype == EDGE_DTYPE_S8 || y->dtype == EDGE_DTYPE_U8)) {
    const float scale = n > 0 ? scale_at(&p, 0) : 1.0f;
    const double zero = n > 0 ? (double)zero_at(&p, 0) : 0.0, lo = y->dtype == EDGE_DTYPE_S8 ? -128.0 : 0.0;
    for (uint64_t i = 0; i < n; ++i) {
      double q = rint((double)(((const float *)x->data)[i] / scale)) + zero;
      q = q < lo ? lo : q > lo + 255.0 ? lo + 255.0 : q == q ? q : 0.0; /* NaN is 0 */
      ((uint8_t *)y->data)[i] = (uint8_t)(int)q;
    }
    return EDGE_STATUS_OK;
  }
  for (uint64_t i = 0; i < n; ++i) {
    const uint32_t k = ei_quant_index(&p.place, i);
    if (requantizes) { /* one rounding from the old grid to the new one */
      const uint32_t kx = ei_quant_index(x, i);
      const double zx = x->quant.zero_points != NULL ? x->quant.zero_points[kx] : 0.0;
      const double ratio = (double)x->quant.scales[kx] / (double)scale_at(&p, k);
      ei_store_f64(y, i, rint((ei_load_f64(x, i) - zx) * ratio) + (double)zero_at(&p, k));
    } else {
      ei_store_f64(y, i, quantize_one(ei_load_f64(x, i), scale_at(&p, k), zero_at(&p, k)));
    }
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_Quantize = {
  .name = "Quantize",
  .min_in = 1,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 6,
  .attrs = attrs,
  .infer = infer_quantize,
  .eval = eval_quantize,
};

/* ---- Dequantize */

static edge_status infer_dequantize(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const int64_t wanted = ei_op_int(c, "dtype");
  int32_t dtype = ei_op_has(c, 1) ? c->in[1].dtype : EDGE_DTYPE_F32;
  if (wanted != 0) dtype = wanted > 0 && wanted < EDGE_DTYPE_COUNT ? (int32_t)wanted : EDGE_DTYPE_NONE;
  if (!ei_dtype_is_float(dtype) || (!ei_dtype_is_int(x->dtype) && !ei_dtype_is_float(x->dtype)))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "cannot dequantize %s to %s", edge_dtype_name(x->dtype),
                      edge_dtype_name(dtype));
  if (ei_op_has(c, 2)) EI_TRY(ei_op_need_same_dtype(c, 0, 2));
  EI_TRY(check_inputs(c));
  ei_op_set_shape(&c->out[0], dtype, x->rank, x->dims);
  return EDGE_STATUS_OK;
}

static edge_status eval_dequantize(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  edge_tensor *const y = &c->out[0];
  const uint64_t n = ei_op_elements(x);
  params p;
  EI_TRY(read_params(c, x, &p));
  if (ei_dtype_is_float(x->dtype)) {
    for (uint64_t i = 0; i < n; ++i) ei_store_f64(y, i, ei_load_f64(x, i));
    return EDGE_STATUS_OK;
  }
  const bool uniform = p.place.quant.count <= 1;
  const float scale0 = n > 0 ? scale_at(&p, 0) : 1.0f;
  const int64_t zero0 = n > 0 ? zero_at(&p, 0) : 0;
  for (uint64_t i = 0; i < n; ++i) {
    const uint32_t k = uniform ? 0 : ei_quant_index(&p.place, i);
    const float scale = uniform ? scale0 : scale_at(&p, k);
    const int64_t zero = uniform ? zero0 : zero_at(&p, k);
    ei_store_f64(y, i, (double)((float)(ei_load_f64(x, i) - (double)zero) * scale));
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_Dequantize = {
  .name = "Dequantize",
  .min_in = 1,
  .max_in = 3,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 6,
  .attrs = attrs,
  .infer = infer_dequantize,
  .eval = eval_dequantize,
};

/* ---- DynamicQuantize: the range of x and 0 is spread over 0..255 */

static edge_status infer_dynamic(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  if (x->dtype != EDGE_DTYPE_F32)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input 0 must be f32, not %s", edge_dtype_name(x->dtype));
  ei_op_set_shape(&c->out[0], EDGE_DTYPE_U8, x->rank, x->dims);
  if (c->n_out > 1) ei_op_set_shape(&c->out[1], EDGE_DTYPE_F32, 0, NULL);
  if (c->n_out > 2) ei_op_set_shape(&c->out[2], EDGE_DTYPE_U8, 0, NULL);
  return EDGE_STATUS_OK;
}

static edge_status eval_dynamic(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const uint64_t n = ei_op_elements(x);
  float lo = 0.0f, hi = 0.0f;
  for (uint64_t i = 0; i < n; ++i) {
    const float v = ((const float *)x->data)[i];
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  const float scale = hi > lo ? (hi - lo) / 255.0f : 1.0f;
  const double z = rint((double)((0.0f - lo) / scale)), zero = z > 0.0 ? (z < 255.0 ? z : 255.0) : 0.0;
  if (ei_op_wants(c, 0)) {
    for (uint64_t i = 0; i < n; ++i)
      ei_store_f64(&c->out[0], i, quantize_one((double)((const float *)x->data)[i], scale, (int64_t)zero));
  }
  if (ei_op_wants(c, 1)) ei_store_f64(&c->out[1], 0, (double)scale);
  if (ei_op_wants(c, 2)) ei_store_f64(&c->out[2], 0, zero);
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_DynamicQuantize = {
  .name = "DynamicQuantize",
  .min_in = 1,
  .max_in = 1,
  .min_out = 0,
  .max_out = 3,
  .version = 1,
  .infer = infer_dynamic,
  .eval = eval_dynamic,
};
