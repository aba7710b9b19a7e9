/* SPDX-License-Identifier: Apache-2.0
 * f32 row operators in plain C with double sums. */
#include "norm.h"

#include <math.h>

static void softmax_rows(const ek_norm_f32_args *a, size_t row0, size_t row1, int take_log) {
  for (size_t r = row0; r < row1; ++r) {
    const float *const x = a->x + r * a->n;
    float *const y = a->y + r * a->n;
    float top = a->n ? x[0] : 0.0f;
    for (size_t i = 1; i < a->n; ++i) top = x[i] > top || x[i] != x[i] ? x[i] : top;
    double sum = 0.0;
    for (size_t i = 0; i < a->n; ++i) sum += exp((double)a->p0 * ((double)x[i] - (double)top));
    for (size_t i = 0; i < a->n; ++i) {
      const double e = (double)a->p0 * ((double)x[i] - (double)top);
      y[i] = (float)(take_log ? e - log(sum) : exp(e) / sum);
    }
  }
}
static void softmax(const ek_norm_f32_args *a, size_t row0, size_t row1) {
  softmax_rows(a, row0, row1, 0);
}
static void log_softmax(const ek_norm_f32_args *a, size_t row0, size_t row1) {
  softmax_rows(a, row0, row1, 1);
}

static void normalise(const ek_norm_f32_args *a, size_t row0, size_t row1, int centre) {
  for (size_t r = row0; r < row1; ++r) {
    const float *const x = a->x + r * a->n;
    float *const y = a->y + r * a->n;
    double mean = 0.0, square = 0.0;
    for (size_t i = 0; i < a->n && centre; ++i) mean += (double)x[i];
    mean /= (double)a->n;
    for (size_t i = 0; i < a->n; ++i) square += ((double)x[i] - mean) * ((double)x[i] - mean);
    const double inverse = 1.0 / sqrt(square / (double)a->n + (double)a->p0);
    for (size_t i = 0; i < a->n; ++i) {
      const double v = ((double)x[i] - mean) * inverse * (a->scale ? (double)a->scale[i] : 1.0);
      y[i] = (float)(v + (a->bias ? (double)a->bias[i] : 0.0));
    }
  }
}
static void layer(const ek_norm_f32_args *a, size_t row0, size_t row1) {
  normalise(a, row0, row1, 1);
}
static void rms(const ek_norm_f32_args *a, size_t row0, size_t row1) {
  normalise(a, row0, row1, 0);
}

static void softmax_columns(const ek_norm_f32_args *a, size_t row0, size_t row1) {
  for (size_t r = row0; r < row1; ++r) {
    const size_t at = r / a->inner * a->n * a->inner + r % a->inner;
    float top = a->x[at];
    double sum = 0.0;
    for (size_t i = 1; i < a->n; ++i) top = a->x[at + i * a->inner] > top ? a->x[at + i * a->inner] : top;
    for (size_t i = 0; i < a->n; ++i) sum += exp((double)a->p0 * ((double)a->x[at + i * a->inner] - (double)top));
    for (size_t i = 0; i < a->n; ++i) {
      a->y[at + i * a->inner] = (float)(exp((double)a->p0 * ((double)a->x[at + i * a->inner] - (double)top)) / sum);
    }
  }
}

const ek_norm_f32_kernel ek_norm_f32__ref = { .name = "norm_f32__ref",
                                              .isa = 0,
                                              .lanes = 1,
                                              .flags = EK_EXACT,
                                              .fn = { softmax, log_softmax, layer, rms, softmax_columns } };
