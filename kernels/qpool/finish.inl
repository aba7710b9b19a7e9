/* SPDX-License-Identifier: Apache-2.0
 * Sums to requantized means: plain C that the compiler vectorises for each ISA; included with QP_NAME. */
#include <math.h>

void QP_NAME(ek_qmean)(const ek_qmean_args *p, size_t n, const int32_t *sums, uint8_t *y) {
  const double lo = p->y_signed ? -128.0 : 0.0, hi = lo + 255.0, zero = p->zero_y;
  for (size_t i = 0; i < n; ++i) {
    const float v = (float)((double)(sums[i] + p->bias) * p->scale_x / p->divisor);
    double q = rint((double)(v / p->scale_y)) + zero;
    q = q < lo ? lo : q > hi ? hi : q;
    y[i] = (uint8_t)((int32_t)q & 255);
  }
}
