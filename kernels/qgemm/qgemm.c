/* SPDX-License-Identifier: Apache-2.0
 * Selection of integer matrix kernels and the packing they share. */
#include "qgemm.h"
#include <string.h>

static const ek_qgemm_desc table[] = {
#define EK_QGEMM(isa, fn, mr, nr, kr, sx, flags) { fn, #fn, isa, mr, nr, kr, sx, flags },
#include "qgemm.def"
#undef EK_QGEMM
};

const ek_qgemm_desc *ek_qgemm_select(uint64_t have) {
  size_t i = 0;
  while ((table[i].isa & ~have) != 0) ++i;
  return &table[i];
}

const ek_qgemm_desc *ek_qgemm_at(uint32_t index) { return index < EK_COUNT(table) ? &table[index] : NULL; }

static size_t round_up(size_t a, size_t b) { return (a + b - 1) / b * b; }

uint64_t ek_qgemm_packed_bytes(const ek_qgemm_desc *d, uint64_t n, uint64_t taps, uint64_t k) {
  return (n + 15) / 16 * 16 * taps * ((k + d->kr - 1) / d->kr * d->kr);
}

void ek_qgemm_pack(const ek_qgemm_desc *d, const int8_t *w, size_t n, size_t taps, size_t k, int8_t *out) {
  const size_t kr = d->kr, kp = round_up(k, kr), full = round_up(n, 16);
  for (size_t n0 = 0; n0 < full; n0 += d->nr) {
    const size_t cols = full - n0 < d->nr ? full - n0 : d->nr;
    for (size_t t = 0; t < taps; ++t) {
      for (size_t k0 = 0; k0 < kp; k0 += kr) {
        for (size_t j = 0; j < cols; ++j) {
          for (size_t i = 0; i < kr; ++i)
            *out++ = n0 + j < n && k0 + i < k ? w[((n0 + j) * taps + t) * k + k0 + i] : 0;
        }
      }
    }
  }
}
