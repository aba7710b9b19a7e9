/* SPDX-License-Identifier: Apache-2.0
 * 8-bit pooling of one output pixel: the largest value or the rounded mean over the pixels that pointers name, and
 * plain sums for reductions.
 *   mean  v = round_half_away((sum + extra) / count), in stored units of x, clamped to [lo, hi] */
#ifndef EK_QPOOL_H
#define EK_QPOOL_H

#include "../ek.h"

typedef struct ek_qpool_call {
  const uint8_t *const *p; /* taps pixels of c bytes; at least one */
  uint32_t taps, c;
  uint32_t is_signed; /* x and y are s8 */
  int32_t lo, hi;     /* stored */
  int32_t extra;      /* mean: what padding adds to the sum */
  uint32_t count;     /* mean: divisor, 1 .. EK_QPOOL_MAX_COUNT */
  uint8_t *y;
} ek_qpool_call;

/** Up to here the f32 quotient is on the right side of every half. */
#define EK_QPOOL_MAX_COUNT 4096

typedef void (*ek_qpool_fn)(const ek_qpool_call *c);
/** sums[i] += each pixel's stored value i; `taps` pixels, `stride` bytes apart. */
typedef void (*ek_qsum_fn)(const uint8_t *x, size_t taps, size_t stride, size_t c, uint32_t is_signed, int32_t *sums);

/** y[i] = zero_y + rint((float)((sums[i] - zero_x * count) * scale_x / divisor) / scale_y), clamped to the type. */
typedef struct ek_qmean_args {
  int32_t bias;            /* -zero_x * count */
  double scale_x, divisor; /* products and quotient in f64; divisor 1 for a sum */
  float scale_y;
  int32_t zero_y;
  uint32_t y_signed;
} ek_qmean_args;
typedef void (*ek_qmean_fn)(const ek_qmean_args *p, size_t n, const int32_t *sums, uint8_t *y);

typedef struct ek_qpool_desc {
  ek_qpool_fn max, mean;
  ek_qsum_fn sum;
  ek_qmean_fn finish;
  const char *name;
  uint64_t isa;
  uint32_t flags;
} ek_qpool_desc;

const ek_qpool_desc *ek_qpool_select(uint64_t have);
const ek_qpool_desc *ek_qpool_at(uint32_t index);

#define EK_QPOOL(isa, suffix, flags)                                                                                 \
  void ek_qmaxpool__##suffix(const ek_qpool_call *c);                                                                \
  void ek_qmeanpool__##suffix(const ek_qpool_call *c);                                                               \
  void ek_qsum__##suffix(const uint8_t *x, size_t taps, size_t stride, size_t c, uint32_t is_signed, int32_t *sums); \
  void ek_qmean__##suffix(const ek_qmean_args *p, size_t n, const int32_t *sums, uint8_t *y);
#include "qpool.def"
#undef EK_QPOOL

#endif
