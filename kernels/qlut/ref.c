/* SPDX-License-Identifier: Apache-2.0
 * Portable table lookup. */
#include "qlut.h"

void ek_qlut__ref(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y) {
  for (size_t i = 0; i < n; ++i) y[i] = table[x[i]];
}
