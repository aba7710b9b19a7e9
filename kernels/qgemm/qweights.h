/* SPDX-License-Identifier: Apache-2.0
 * Weights as a model stores them: 8, 4 or 2 bits, zero points, any order of channel and depth. */
#ifndef EK_QWEIGHTS_H
#define EK_QWEIGHTS_H

#include "../ek.h"

typedef struct ek_qweights {
  const void *data;
  const int32_t *zero_points; /* one, or one for each channel; NULL: 0 */
  uint32_t zero_per_channel;
  uint32_t bits, is_signed;            /* 8, 4 or 2; low bits first */
  size_t channel_stride, depth_stride; /* in elements */
} ek_qweights;

static inline int ek_qweights_plain(const ek_qweights *w) {
  return w->bits == 8 && w->is_signed && w->zero_points == NULL && w->depth_stride == 1;
}

/** Value less its zero point; the caller made sure that it fits s8. */
static inline int32_t ek_qweight(const ek_qweights *w, size_t channel, size_t i) {
  const size_t at = channel * w->channel_stride + i * w->depth_stride;
  uint32_t v = 0, top = 0x80u;
  if (w->bits == 8) {
    v = ((const uint8_t *)w->data)[at];
  } else {
    const size_t per = 8 / w->bits;
    top = 1u << (w->bits - 1);
    v = ((const uint8_t *)w->data)[at / per] >> (at % per * w->bits) & (2 * top - 1);
  }
  const int32_t q = w->is_signed ? (int32_t)(v ^ top) - (int32_t)top : (int32_t)v;
  return w->zero_points ? q - w->zero_points[w->zero_per_channel ? channel : 0] : q;
}

#endif
