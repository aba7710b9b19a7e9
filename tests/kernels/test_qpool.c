/* SPDX-License-Identifier: Apache-2.0
 * 8-bit pooling against plain loops in f64: signs, tails, rounding of halves, guard pages. */
#include "kt.h"
#include "kernels/qpool/qpool.h"
#include <math.h>

static int run(const ek_qpool_desc *d) {
  for (uint32_t i = 0; i < 400; ++i) {
    const uint32_t c = i < 200 ? i + 1 : kt_range(1, 300), taps = i % 50 == 0 ? 500 : kt_range(1, 12);
    const uint32_t is_signed = i & 1;
    const kt_buffer x = kt_get((size_t)c * taps), y = kt_get(c);
    const uint8_t **const p = malloc(taps * sizeof *p);
    int32_t *const sums = calloc(c, sizeof *sums);
    const int32_t qlo = is_signed ? -128 : 0;
    kt_fill(x.data, (size_t)c * taps);
    for (uint32_t t = 0; t < taps; ++t) p[t] = (const uint8_t *)x.data + (size_t)t * c;
    ek_qpool_call call = { p,
                           taps,
                           c,
                           is_signed,
                           qlo + (i % 3 == 0 ? 40 : 0),
                           qlo + (i % 5 == 0 ? 200 : 255),
                           i % 4 == 0 ? (int32_t)kt_range(0, 500) - 250 : 0,
                           taps + (i % 4 == 0 ? 3 : 0),
                           y.data };
    for (int mean = 0; mean < 2; ++mean) {
      if (mean)
        d->mean(&call);
      else
        d->max(&call);
      for (uint32_t j = 0; j < c; ++j) {
        double best = -1e9, sum = call.extra;
        for (uint32_t t = 0; t < taps; ++t) {
          const double v = is_signed ? (int8_t)p[t][j] : p[t][j];
          best = v > best ? v : best;
          sum += v;
        }
        double want = mean ? round(sum / call.count) : best;
        want = want < call.lo ? call.lo : want > call.hi ? call.hi : want;
        const uint8_t q = ((uint8_t *)y.data)[j];
        if ((double)(is_signed ? (int8_t)q : q) != want) {
          printf("%s mean=%d c=%u taps=%u signed=%u [%u]: got %u, expected %g\n", d->name, mean, c, taps, is_signed, j,
                 q, want);
          return 1;
        }
      }
    }
    for (uint32_t j = 0; j < c; ++j) sums[j] = (int32_t)j;
    d->sum(x.data, taps, c, c, is_signed, sums);
    for (uint32_t j = 0; j < c; ++j) {
      int32_t want = (int32_t)j;
      for (uint32_t t = 0; t < taps; ++t) want += is_signed ? (int8_t)p[t][j] : p[t][j];
      if (sums[j] != want) {
        printf("%s sum c=%u taps=%u [%u]\n", d->name, c, taps, j);
        return 1;
      }
    }
    free(p), free(sums);
    kt_put(x), kt_put(y);
  }
  return 0;
}

KT_MAIN("qpool", ek_qpool_desc, ek_qpool_at, run)
