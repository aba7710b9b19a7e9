/* SPDX-License-Identifier: Apache-2.0
 * Trilu, EyeLike, MatrixDiag, MatrixSetDiag, Det, Inverse: small operators on the last two dimensions. */
#include "op_walk.h"
#include <math.h>

/* ---- Trilu: keep the upper or lower triangle, k diagonals away from the main one */

static edge_status infer_trilu(ei_op_ctx *c) {
  EI_TRY(ei_op_need_rank(c, 0, 2, EDGE_MAX_RANK));
  if (ei_op_has(c, 1)) {
    EI_TRY(ei_op_need_int(c, 1));
    if (ei_op_shape_known(&c->in[1]) && ei_op_elements(&c->in[1]) != 1)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "k must be one number");
  }
  ei_op_set_shape(&c->out[0], c->in[0].dtype, c->in[0].rank, c->in[0].dims);
  return EDGE_STATUS_OK;
}

static edge_status eval_trilu(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  const int64_t rows = x->dims[x->rank - 2], cols = x->dims[x->rank - 1];
  const int64_t matrices = ei_dims_product(x->dims, 0, x->rank - 2);
  const bool upper = ei_op_int(c, "upper") != 0;
  int64_t k = 0;
  if (ei_op_has(c, 1)) EI_TRY(ei_op_scalar(c, 1, &k));
  if (k < -rows) k = -rows;
  if (k > cols) k = cols;
  ei_fill_zero(y);
  for (int64_t m = 0; m < matrices; ++m)
    for (int64_t i = 0; i < rows; ++i) {
      const uint64_t at = (uint64_t)((m * rows + i) * cols);
      int64_t edge = i + k + (upper ? 0 : 1); /* upper keeps [edge, cols), lower [0, edge) */
      if (edge < 0) edge = 0;
      if (edge > cols) edge = cols;
      if (upper)
        ei_copy_run(y, at + (uint64_t)edge, x, at + (uint64_t)edge, (uint64_t)(cols - edge));
      else
        ei_copy_run(y, at, x, at, (uint64_t)edge);
    }
  return EDGE_STATUS_OK;
}

/* ---- EyeLike */

static edge_status infer_eye(ei_op_ctx *c) {
  const int64_t dtype = ei_op_int(c, "dtype");
  EI_TRY(ei_op_need_rank(c, 0, 2, 2));
  if (dtype < 0 || dtype >= EDGE_DTYPE_COUNT)
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "type %lld", (long long)dtype);
  ei_op_set_shape(&c->out[0], dtype == 0 ? c->in[0].dtype : (int32_t)dtype, c->in[0].rank, c->in[0].dims);
  return ei_op_check_size(c, 0);
}

static edge_status eval_eye(ei_op_ctx *c) {
  const edge_tensor *const y = &c->out[0];
  const int64_t k = ei_op_int(c, "k"), rows = y->dims[0], cols = y->dims[1];
  ei_fill_zero(y);
  if (k <= -rows || k >= cols) return EDGE_STATUS_OK;
  for (int64_t i = k < 0 ? -k : 0; i < rows && i + k < cols; ++i) ei_store_s64(y, (uint64_t)(i * cols + i + k), 1);
  return EDGE_STATUS_OK;
}

/* ---- MatrixDiag, MatrixSetDiag */

static edge_status infer_diag(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  int64_t dims[EDGE_MAX_RANK];
  EI_TRY(ei_op_need_rank(c, 0, 1, EDGE_MAX_RANK - 1));
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0) return EDGE_STATUS_OK;
  memcpy(dims, x->dims, sizeof dims);
  dims[x->rank] = x->dims[x->rank - 1];
  ei_op_set_shape(&c->out[0], x->dtype, x->rank + 1, dims);
  return ei_op_check_size(c, 0);
}

static void store_diagonals(const edge_tensor *y, const edge_tensor *diag) {
  const int64_t rows = y->dims[y->rank - 2], cols = y->dims[y->rank - 1], n = rows < cols ? rows : cols;
  const int64_t matrices = ei_dims_product(y->dims, 0, y->rank - 2);
  for (int64_t m = 0; m < matrices; ++m)
    for (int64_t i = 0; i < n; ++i)
      ei_copy_run(y, (uint64_t)((m * rows + i) * cols + i), diag, (uint64_t)(m * n + i), 1);
}

static edge_status eval_diag(ei_op_ctx *c) {
  ei_fill_zero(&c->out[0]);
  store_diagonals(&c->out[0], &c->in[0]);
  return EDGE_STATUS_OK;
}

static edge_status infer_set_diag(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const diag = &c->in[1];
  EI_TRY(ei_op_need_same_dtype(c, 0, 1));
  EI_TRY(ei_op_need_rank(c, 0, 2, EDGE_MAX_RANK));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank, x->dims);
  if (x->rank < 0) return EDGE_STATUS_OK;
  EI_TRY(ei_op_need_rank(c, 1, x->rank - 1, x->rank - 1));
  if (diag->rank < 0) return EDGE_STATUS_OK;
  const int64_t rows = x->dims[x->rank - 2], cols = x->dims[x->rank - 1];
  for (int32_t d = 0; d < diag->rank; ++d) {
    int64_t dim = x->dims[d];
    if (d == diag->rank - 1) dim = rows < 0 || cols < 0 ? EI_DIM_UNKNOWN : rows < cols ? rows : cols;
    EI_TRY(ei_op_same_dim(c, &dim, diag->dims[d], "diagonal"));
  }
  return EDGE_STATUS_OK;
}

static edge_status eval_set_diag(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  if (y->data != x->data) ei_copy_run(y, 0, x, 0, ei_op_elements(x));
  store_diagonals(y, &c->in[1]);
  return EDGE_STATUS_OK;
}

/* ---- Det: Gaussian elimination with row pivots, in double */

static edge_status infer_det(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  if (!ei_dtype_is_float(x->dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "determinant of %s", edge_dtype_name(x->dtype));
  EI_TRY(ei_op_need_rank(c, 0, 2, EDGE_MAX_RANK));
  ei_op_set_unknown(&c->out[0], x->dtype);
  if (x->rank < 0) return EDGE_STATUS_OK;
  int64_t rows = x->dims[x->rank - 2];
  EI_TRY(ei_op_same_dim(c, &rows, x->dims[x->rank - 1], "rows and columns"));
  ei_op_set_shape(&c->out[0], x->dtype, x->rank - 2, x->dims);
  return EDGE_STATUS_OK;
}

static uint64_t det_scratch(const ei_op_ctx *c) {
  const uint64_t n = (uint64_t)c->in[0].dims[c->in[0].rank - 1];
  return n > UINT32_MAX / 2 ? UINT64_MAX : (n * n + 1) * sizeof(double);
}

static double determinant(double *a, int64_t n) {
  double det = 1;
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i)
      if (fabs(a[i * n + k]) > fabs(a[pivot * n + k])) pivot = i;
    if (pivot != k) {
      det = -det;
      for (int64_t j = 0; j < n; ++j) {
        const double t = a[k * n + j];
        a[k * n + j] = a[pivot * n + j];
        a[pivot * n + j] = t;
      }
    }
    det *= a[k * n + k];
    if (a[k * n + k] == 0) return 0;
    for (int64_t i = k + 1; i < n; ++i) {
      const double f = a[i * n + k] / a[k * n + k];
      for (int64_t j = k; j < n; ++j) a[i * n + j] -= f * a[k * n + j];
    }
  }
  return det;
}

static edge_status eval_det(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0];
  const int64_t n = x->dims[x->rank - 1];
  const uint64_t matrices = ei_op_elements(&c->out[0]);
  double *const a = (double *)c->scratch;
  for (uint64_t m = 0; m < matrices; ++m) {
    for (int64_t i = 0; i < n * n; ++i) a[i] = ei_load_f64(x, m * (uint64_t)(n * n) + (uint64_t)i);
    ei_store_f64(&c->out[0], m, determinant(a, n));
  }
  return EDGE_STATUS_OK;
}

/* ---- Inverse: Gauss and Jordan's elimination with row pivots, in double */

static edge_status infer_inverse(ei_op_ctx *c) {
  EI_TRY(infer_det(c));
  ei_op_set_shape(&c->out[0], c->in[0].dtype, c->in[0].rank, c->in[0].dims);
  return EDGE_STATUS_OK;
}

static uint64_t inverse_scratch(const ei_op_ctx *c) {
  const uint64_t n = (uint64_t)c->in[0].dims[c->in[0].rank - 1];
  return n > UINT32_MAX / 2 ? UINT64_MAX : (2 * n * n + 1) * sizeof(double);
}

/* a is [n, 2 n]: the matrix and one that starts as identity and ends as the inverse. */
static bool invert(double *a, int64_t n) {
  const int64_t width = 2 * n;
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i)
      if (fabs(a[i * width + k]) > fabs(a[pivot * width + k])) pivot = i;
    for (int64_t j = 0; j < width && pivot != k; ++j) {
      const double t = a[k * width + j];
      a[k * width + j] = a[pivot * width + j];
      a[pivot * width + j] = t;
    }
    const double p = a[k * width + k];
    if (p == 0 || p != p) return false;
    for (int64_t j = 0; j < width; ++j) a[k * width + j] /= p;
    for (int64_t i = 0; i < n; ++i) {
      const double f = a[i * width + k];
      for (int64_t j = 0; j < width && i != k && f != 0; ++j) a[i * width + j] -= f * a[k * width + j];
    }
  }
  return true;
}

static edge_status eval_inverse(ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const y = &c->out[0];
  const int64_t n = x->dims[x->rank - 1], matrices = ei_dims_product(x->dims, 0, x->rank - 2);
  double *const a = (double *)c->scratch;
  for (int64_t m = 0; m < matrices && n > 0; ++m) {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) {
        a[i * 2 * n + j] = ei_load_f64(x, (uint64_t)((m * n + i) * n + j));
        a[i * 2 * n + n + j] = i == j;
      }
    if (!invert(a, n)) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "matrix %lld has no inverse", (long long)m);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) ei_store_f64(y, (uint64_t)((m * n + i) * n + j), a[i * 2 * n + n + j]);
  }
  return EDGE_STATUS_OK;
}

static const ei_attr_def trilu_attrs[] = { { "upper", EI_ATTR_INT, 1 }, { NULL, 0, 0 } };
static const ei_attr_def eye_attrs[] = { { "dtype", EI_ATTR_INT, 0 }, { "k", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

const ei_op_def ei_op_Trilu = { .name = "Trilu",
                                .min_in = 1,
                                .max_in = 2,
                                .min_out = 1,
                                .max_out = 1,
                                .version = 1,
                                .optional_in = 2,
                                .attrs = trilu_attrs,
                                .infer = infer_trilu,
                                .eval = eval_trilu };
const ei_op_def ei_op_EyeLike = { .name = "EyeLike",
                                  .min_in = 1,
                                  .max_in = 1,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .flags = EI_OP_SHAPE_ONLY,
                                  .version = 1,
                                  .attrs = eye_attrs,
                                  .infer = infer_eye,
                                  .eval = eval_eye };
const ei_op_def ei_op_MatrixDiag = { .name = "MatrixDiag",
                                     .min_in = 1,
                                     .max_in = 1,
                                     .min_out = 1,
                                     .max_out = 1,
                                     .version = 1,
                                     .infer = infer_diag,
                                     .eval = eval_diag };
const ei_op_def ei_op_MatrixSetDiag = { .name = "MatrixSetDiag",
                                        .min_in = 2,
                                        .max_in = 2,
                                        .min_out = 1,
                                        .max_out = 1,
                                        .version = 1,
                                        .infer = infer_set_diag,
                                        .eval = eval_set_diag };
const ei_op_def ei_op_Det = { .name = "Det",
                              .min_in = 1,
                              .max_in = 1,
                              .min_out = 1,
                              .max_out = 1,
                              .version = 1,
                              .infer = infer_det,
                              .eval = eval_det,
                              .scratch_bytes = det_scratch };
const ei_op_def ei_op_Inverse = { .name = "Inverse",
                                  .min_in = 1,
                                  .max_in = 1,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .version = 1,
                                  .infer = infer_inverse,
                                  .eval = eval_inverse,
                                  .scratch_bytes = inverse_scratch };
