/* SPDX-License-Identifier: Apache-2.0
 * Table kernels: all 256 values in every lane, every tail length, in place, guard pages. */
#include "kt.h"
#include "kernels/qlut/qlut.h"

static int run(const ek_qlut_desc *d) {
  uint8_t table[256];
  kt_fill(table, sizeof table);
  for (size_t n = 0; n < 700; n += n < 200 ? 1 : 41) {
    const kt_buffer x = kt_get(n), y = kt_get(n);
    kt_fill(x.data, n);
    for (size_t i = 0; i < n && i < 256; ++i) ((uint8_t *)x.data)[i] = (uint8_t)(i + n);
    d->fn(n, x.data, table, y.data);
    for (size_t i = 0; i < n; ++i) {
      if (((uint8_t *)y.data)[i] != table[((uint8_t *)x.data)[i]]) {
        printf("%s n=%zu: wrong at %zu\n", d->name, n, i);
        return 1;
      }
    }
    d->fn(n, x.data, table, x.data);
    if (n && memcmp(x.data, y.data, n) != 0) {
      printf("%s n=%zu: wrong in place\n", d->name, n);
      return 1;
    }
    kt_put(x), kt_put(y);
  }
  return 0;
}

KT_MAIN("qlut", ek_qlut_desc, ek_qlut_at, run)
