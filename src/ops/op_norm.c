/* SPDX-License-Identifier: Apache-2.0
 * L2Norm, Lrn, MeanVarianceNorm and Hardmax, in f64. */
#include "rows.h"

static edge_status same_as_input(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  EI_TRY(ei_op_need_float(c, 0));
  EI_TRY(ei_op_need_per_tensor(c, 1));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  return EDGE_STATUS_OK;
}

static edge_status same_with_axis(ei_op_ctx *c) {
  int32_t axis;
  EI_TRY(same_as_input(c));
  if (c->in[0].rank > 0) EI_TRY(ei_op_axis(c, ei_op_int(c, "axis"), c->in[0].rank, &axis));
  return EDGE_STATUS_OK;
}

/* ---- L2Norm: a row without length stays 0 */

static const ei_attr_def l2_attrs[] = {
  { "axis", EI_ATTR_INT, -1 }, { "epsilon", EI_ATTR_FLOAT, 1e-6 }, { "p", EI_ATTR_INT, 2 }, { NULL, 0, 0 }
};

static edge_status infer_l2(ei_op_ctx *c) {
  const int64_t p = ei_op_int(c, "p");
  if (p != 1 && p != 2) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "p is %lld; 1 or 2 is supported", (long long)p);
  return same_with_axis(c);
}

static edge_status eval_l2(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const double epsilon = ei_op_float(c, "epsilon");
  const bool squares = ei_op_int(c, "p") == 2;
  ei_rows r;
  EI_TRY(ei_rows_split(c, x, ei_op_int(c, "axis"), false, &r));
  for (uint64_t row = 0; row < r.outer * r.inner; ++row) {
    const uint64_t base = ei_rows_base(&r, row);
    double sum = 0.0;
    for (uint64_t i = 0; i < r.size; ++i) {
      const double v = ei_real(x, base + i * r.inner);
      sum += squares ? v * v : fabs(v);
    }
    if (sum < epsilon) sum = epsilon;
    const double norm = squares ? sqrt(sum) : sum;
    for (uint64_t i = 0; i < r.size; ++i) {
      const double v = ei_real(x, base + i * r.inner);
      ei_set_real(&c->out[0], base + i * r.inner, norm == 0.0 ? 0.0 : v / norm);
    }
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_L2Norm = {
  .name = "L2Norm",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = l2_attrs,
  .infer = infer_l2,
  .eval = eval_l2,
};

/* ---- Lrn */

static const ei_attr_def lrn_attrs[] = { { "lo", EI_ATTR_INT, 0 },        { "hi", EI_ATTR_INT, 0 },
                                         { "alpha", EI_ATTR_FLOAT, 1.0 }, { "beta", EI_ATTR_FLOAT, 0.5 },
                                         { "bias", EI_ATTR_FLOAT, 1.0 },  { NULL, 0, 0 } };

static edge_status infer_lrn(ei_op_ctx *c) {
  if (ei_op_int(c, "lo") < 0 || ei_op_int(c, "hi") < 0)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the window must not be negative");
  EI_TRY(ei_op_need_rank(c, 0, 1, EDGE_MAX_RANK));
  return same_as_input(c);
}

static edge_status eval_lrn(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const double alpha = ei_op_float(c, "alpha"), beta = ei_op_float(c, "beta"), bias = ei_op_float(c, "bias");
  ei_rows r;
  EI_TRY(ei_rows_split(c, x, -1, false, &r));
  const uint64_t lo = (uint64_t)ei_op_int(c, "lo"), hi = (uint64_t)ei_op_int(c, "hi");
  for (uint64_t row = 0; row < r.outer; ++row) {
    for (uint64_t i = 0; i < r.size; ++i) {
      const uint64_t first = i > lo ? i - lo : 0, last = r.size - 1 - i > hi ? i + hi : r.size - 1;
      double sum = 0.0;
      for (uint64_t k = first; k <= last; ++k) sum += ei_real(x, row * r.size + k) * ei_real(x, row * r.size + k);
      ei_set_real(&c->out[0], row * r.size + i, ei_real(x, row * r.size + i) / pow(bias + alpha * sum, beta));
    }
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_Lrn = {
  .name = "Lrn",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = lrn_attrs,
  .infer = infer_lrn,
  .eval = eval_lrn,
};

/* ---- MeanVarianceNorm: over the axes, all but the last without the attribute */

static const ei_attr_def mvn_attrs[] = { { "axes", EI_ATTR_INTS, 0 }, { NULL, 0, 0 } };

static edge_status mvn_axes(ei_op_ctx *c, bool gone[EDGE_MAX_RANK]) {
  int64_t axes[EDGE_MAX_RANK];
  const int32_t rank = c->in[0].rank;
  const uint32_t n = ei_node_ints(c->node, "axes", axes, EDGE_MAX_RANK);
  if (n > EDGE_MAX_RANK) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%u axes", n);
  for (int32_t d = 0; d < EDGE_MAX_RANK; ++d) gone[d] = n == 0 && d + 1 < rank;
  for (uint32_t i = 0; i < n && rank >= 0; ++i) {
    int32_t axis;
    EI_TRY(ei_op_axis(c, axes[i], rank, &axis));
    gone[axis] = true;
  }
  return EDGE_STATUS_OK;
}

static edge_status infer_mvn(ei_op_ctx *c) {
  bool gone[EDGE_MAX_RANK];
  EI_TRY(mvn_axes(c, gone));
  return same_as_input(c);
}

/* Groups share the indices of the kept dimensions; quadratic in no dimension: each group is visited by stepping
 * through the normalized dimensions from its first element. */
static uint64_t step(const edge_tensor *x, const bool gone[EDGE_MAX_RANK], bool which, uint64_t i) {
  uint64_t at = 0, stride = 1;
  for (int32_t d = x->rank - 1; d >= 0; --d) {
    const uint64_t size = (uint64_t)x->dims[d];
    if (gone[d] == which) {
      at += i % size * stride;
      i /= size;
    }
    stride *= size;
  }
  return at;
}

static edge_status eval_mvn(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const uint64_t total = ei_op_elements(x);
  bool gone[EDGE_MAX_RANK];
  uint64_t size = 1;
  EI_TRY(mvn_axes(c, gone));
  if (total == 0) return EDGE_STATUS_OK;
  for (int32_t d = 0; d < x->rank; ++d) size *= gone[d] ? (uint64_t)x->dims[d] : 1;
  for (uint64_t g = 0; g < total / size; ++g) {
    const uint64_t base = step(x, gone, false, g);
    double mean = 0.0, var = 0.0;
    for (uint64_t i = 0; i < size; ++i) mean += ei_real(x, base + step(x, gone, true, i));
    mean /= (double)size;
    for (uint64_t i = 0; i < size; ++i) {
      const double d = ei_real(x, base + step(x, gone, true, i)) - mean;
      var += d * d;
    }
    const double deviation = sqrt(var / (double)size) + 1e-9;
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t at = base + step(x, gone, true, i);
      ei_set_real(&c->out[0], at, (ei_real(x, at) - mean) / deviation);
    }
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_MeanVarianceNorm = {
  .name = "MeanVarianceNorm",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = mvn_attrs,
  .infer = infer_mvn,
  .eval = eval_mvn,
};

/* ---- Hardmax: 1 at the first largest element of each row */

static const ei_attr_def hardmax_attrs[] = { { "axis", EI_ATTR_INT, -1 },
                                             { "flatten", EI_ATTR_INT, 0 },
                                             { NULL, 0, 0 } };

static edge_status eval_hardmax(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  ei_rows r;
  EI_TRY(ei_rows_split(c, x, ei_op_int(c, "axis"), ei_op_int(c, "flatten") != 0, &r));
  for (uint64_t row = 0; row < r.outer * r.inner; ++row) {
    const uint64_t base = ei_rows_base(&r, row);
    uint64_t best = 0;
    for (uint64_t i = 1; i < r.size; ++i) {
      if (ei_real(x, base + i * r.inner) > ei_real(x, base + best * r.inner)) best = i;
    }
    for (uint64_t i = 0; i < r.size; ++i) ei_set_real(&c->out[0], base + i * r.inner, i == best ? 1.0 : 0.0);
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_Hardmax = {
  .name = "Hardmax",
  .min_in = 1,
  .max_in = 1,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = hardmax_attrs,
  .infer = same_with_axis,
  .eval = eval_hardmax,
};
