/* SPDX-License-Identifier: Apache-2.0
 * Softmax and LogSoftmax along an axis, or (flatten) over all dimensions from the axis on.
 * Sums are f64; quantized values go through the real value and are rounded once. 16-bit Softmax is integer
 * arithmetic on tables of exp and 1 / (1 + x). */
#include "lut16.h"
#include "rows.h"

static const ei_attr_def softmax_attrs[] = {
  { "axis", EI_ATTR_INT, -1 }, { "beta", EI_ATTR_FLOAT, 1 }, { "flatten", EI_ATTR_INT, 0 }, { NULL, 0, 0 }
};
static const ei_attr_def log_attrs[] = { { "axis", EI_ATTR_INT, -1 }, { "flatten", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

static edge_status infer(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int32_t axis;
  EI_TRY(ei_op_need_float(c, 0));
  EI_TRY(ei_op_need_per_tensor(c, 1));
  if (x->rank > 0) EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), x->rank, &axis));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  return EDGE_STATUS_OK;
}

static edge_status eval_rows(ei_op_ctx *c, double beta, bool logarithm) {
  const edge_tensor *const x = &c->in[0];
  edge_tensor *const y = &c->out[0];
  ei_rows r;
  EI_TRY(ei_rows_split(c, x, ei_op_int(c, "axis"), ei_op_int(c, "flatten") != 0, &r));
  if (ei_op_elements(x) == 0) return EDGE_STATUS_OK;
  for (uint64_t row = 0; row < r.outer * r.inner; ++row) {
    const uint64_t base = ei_rows_base(&r, row);
    double max = -(double)INFINITY, sum = 0.0;
    for (uint64_t i = 0; i < r.size; ++i) {
      const double v = ei_real(x, base + i * r.inner) * beta;
      if (v > max || v != v) max = v;
    }
    for (uint64_t i = 0; i < r.size; ++i) sum += exp(ei_real(x, base + i * r.inner) * beta - max);
    const double shift = logarithm ? log(sum) : 1.0 / sum;
    for (uint64_t i = 0; i < r.size; ++i) {
      const double v = ei_real(x, base + i * r.inner) * beta - max;
      ei_set_real(y, base + i * r.inner, logarithm ? v - shift : exp(v) * shift);
    }
  }
  return EDGE_STATUS_OK;
}

static double table_exp(double x, const double *p) {
  return exp(x);
}
static double table_reciprocal(double x, const double *p) {
  return 1.0 / (1.0 + x);
}

static int32_t clamp16(int64_t v) {
  return (int32_t)(v < -32768 ? -32768 : v > 32767 ? 32767 : v);
}

/* exp of one element less the largest: [-10, 0] is spread over the table. */
static int32_t table_term(const ei_lut16 *table, const edge_tensor *x, uint64_t at, int64_t max, double scale) {
  return ei_lut16_find(table, clamp16((int64_t)floor((double)(ei_load_s64(x, at) - max) * scale + 0.5) + 32767));
}

static edge_status eval_s16(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const double wanted = (double)ei_quant_scale(x) * ei_op_float(c, "beta") / (10.0 / 65535.0);
  const double scale = wanted > 0.0 && wanted < 1e9 ? wanted : 0.0;
  ei_lut16 exps, reciprocals;
  ei_rows r;
  EI_TRY(ei_rows_split(c, x, ei_op_int(c, "axis"), ei_op_int(c, "flatten") != 0, &r));
  ei_lut16_build(&exps, 10.0f / 65535.0f, 32767, 2.0f / 65535.0f, table_exp, NULL);
  ei_lut16_build(&reciprocals, 1.0f / 65535.0f, -32768, 2.0f / 65535.0f, table_reciprocal, NULL);
  for (uint64_t row = 0; row < r.outer * r.inner; ++row) {
    const uint64_t base = ei_rows_base(&r, row);
    int64_t max = INT64_MIN, sum = 0;
    for (uint64_t i = 0; i < r.size; ++i) {
      const int64_t v = ei_load_s64(x, base + i * r.inner);
      if (v > max) max = v;
    }
    for (uint64_t i = 0; i < r.size; ++i) sum += table_term(&exps, x, base + i * r.inner, max, scale);
    int bits = 0; /* sum = 2^bits * (1 + x), x in [0, 1) */
    while (sum >> (bits + 1) != 0) ++bits;
    const int64_t shifted = ((sum << (30 - bits)) + (1 << 13)) >> 14;
    const int64_t reciprocal = ei_lut16_find(&reciprocals, clamp16(shifted - (1 << 15) - (1 << 16)));
    for (uint64_t i = 0; i < r.size; ++i) {
      const int64_t term = table_term(&exps, x, base + i * r.inner, max, scale);
      const int64_t q = (term * reciprocal + ((int64_t)1 << (bits - 1))) >> bits;
      ei_store_s64(&c->out[0], base + i * r.inner, q < 0 ? 0 : clamp16(q));
    }
  }
  return EDGE_STATUS_OK;
}

/* The tables are for this output scale; sums of more elements would not fit 31 bits. */
static bool uses_tables(const ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  return x->dtype == EDGE_DTYPE_S16 && ei_is_quantized(x) && ei_is_quantized(y) && y->dtype == EDGE_DTYPE_S16 &&
         ei_quant_scale(y) == 1.0f / 32768.0f && ei_quant_zero(y) == 0 && ei_op_elements(x) > 0 &&
         ei_op_elements(x) <= 65536;
}

static edge_status eval_softmax(ei_op_ctx *c) {
  return uses_tables(c) ? eval_s16(c) : eval_rows(c, ei_op_float(c, "beta"), false);
}
static edge_status eval_log(ei_op_ctx *c) {
  return eval_rows(c, 1.0, true);
}

const ei_op_def ei_op_Softmax = {
  .name = "Softmax",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = softmax_attrs,
  .infer = infer,
  .eval = eval_softmax,
};

const ei_op_def ei_op_LogSoftmax = {
  .name = "LogSoftmax",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = log_attrs,
  .infer = infer,
  .eval = eval_log,
};
