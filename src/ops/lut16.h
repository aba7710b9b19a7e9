/* SPDX-License-Identifier: Apache-2.0
 * Functions of 16-bit quantized values by 512 straight pieces, as integer runtimes compute them: the answers are
 * the same on every CPU and within a step of TFLite's. */
#ifndef EI_OPS_LUT16_H
#define EI_OPS_LUT16_H

#include "op.h"

enum { EI_LUT16_PIECES = 512 };

typedef struct ei_lut16 {
  int16_t at[EI_LUT16_PIECES + 1];
} ei_lut16;

/** Sample f over the whole range of the input; each piece is moved by half its error in the middle. */
static inline void ei_lut16_build(ei_lut16 *t, float in_scale, int32_t in_zero, float out_scale,
                                  double (*f)(double x, const double *p), const double *p) {
  const float lo = in_scale * (float)(-32768 - in_zero), hi = in_scale * (float)(32767 - in_zero);
  const float step = (hi - lo) / (float)EI_LUT16_PIECES, unit = 65536.0f / (out_scale * 65535.0f);
  for (int i = 0; i <= EI_LUT16_PIECES; ++i) {
    const float x = i < EI_LUT16_PIECES ? lo + (float)i * step : hi;
    float v = roundf((float)f((double)x, p) * unit);
    if (i < EI_LUT16_PIECES) {
      const float next = (float)f((double)(lo + (float)(i + 1) * step), p) * unit;
      const float middle = roundf((float)f((double)(x + step / 2.0f), p) * unit);
      v -= roundf((roundf((next + v) / 2.0f) - middle) / 2.0f);
    }
    t->at[i] = (int16_t)(v > -32768.0f ? (v < 32767.0f ? v : 32767.0f) : -32768.0f); /* NaN is the least */
  }
}

static inline int32_t ei_lut16_find(const ei_lut16 *t, int32_t value) {
  const int32_t index = (value + 32768) >> 7, offset = (value + 32768) & 127;
  const int32_t slope = t->at[index + 1] - t->at[index], product = slope * offset + 64;
  return t->at[index] + (product >= 0 ? product / 128 : -((127 - product) / 128)); /* rounds down like a shift */
}

#endif
