/* SPDX-License-Identifier: Apache-2.0
 * Depthwise kernels for NEON: widened to s16, smlal; 16 channels, any window, and 3 x 3 with weights in registers,
 * where each input column is loaded once for the output pixels that it touches. */
#include "qdwconv.h"
#include <arm_neon.h>
#include <string.h>
#include "../qgemm/arm_rest.h"
#include "taps.inl"
#include "arm.inl"

void ek_qdw_x8s8_any_16__neon(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const uint8_t *p[EK_QDW_MAX_TAPS];
  const uint32_t taps = a->kh * a->kw;
  const uint8x16_t flip = vdupq_n_u8((uint8_t)(a->flip & 255));
  for (uint32_t oy = y0; oy < y1; ++oy) {
    for (uint32_t ox = 0; ox < a->ow; ++ox) {
      qdw_taps(a, image, oy, ox, p);
      uint8_t *const y = qdw_pixel(a, image, oy, ox);
      for (size_t c0 = 0; c0 < a->c; c0 += 16) {
        const int8_t *w = a->w + c0 * taps;
        int32x4_t acc[4];
        for (int j = 0; j < 4; ++j) acc[j] = vld1q_s32(a->bias + c0 + 4 * (size_t)j);
        for (uint32_t t = 0; t < taps; ++t, w += 16) {
          const int8x16_t x = qd_load(p[t] + c0, a->c - c0, flip), v = vld1q_s8(w);
          const int16x8_t x0 = vmovl_s8(vget_low_s8(x)), x1 = vmovl_high_s8(x);
          const int16x8_t v0 = vmovl_s8(vget_low_s8(v)), v1 = vmovl_high_s8(v);
          acc[0] = vmlal_s16(acc[0], vget_low_s16(x0), vget_low_s16(v0));
          acc[1] = vmlal_high_s16(acc[1], x0, v0);
          acc[2] = vmlal_s16(acc[2], vget_low_s16(x1), vget_low_s16(v1));
          acc[3] = vmlal_high_s16(acc[3], x1, v1);
        }
        qd_store(a, y + c0, a->c - c0, acc, a->mult + c0);
      }
    }
  }
}

#define QD_INLINE static inline __attribute__((always_inline))

/* 8 channels of a pixel; `edge`: it may have only n from there on */
QD_INLINE int16x8_t column(const uint8_t *p, const int edge, size_t n, uint8x8_t flip) {
  const uint8x8_t v = !edge || n >= 8 ? vld1_u8(p) : vcreate_u8(qg_rest(p, n));
  return vmovl_s8(vreinterpret_s8_u8(veor_u8(v, flip)));
}

/* asm: gcc 12 moves sums about */
QD_INLINE int32x4_t mla_low(int32x4_t sum, int16x8_t x, int16x8_t w) {
  __asm__("smlal %0.4s, %1.4h, %2.4h" : "+w"(sum) : "w"(x), "w"(w));
  return sum;
}
QD_INLINE int32x4_t mla_high(int32x4_t sum, int16x8_t x, int16x8_t w) {
  __asm__("smlal2 %0.4s, %1.8h, %2.8h" : "+w"(sum) : "w"(x), "w"(w));
  return sum;
}

/* the input around one output line */
typedef struct window3 {
  const uint8_t *rows[3]; /* column 0; NULL: padding */
  const int8_t *w;        /* of the block of channels */
  size_t c0;
} window3;

/* P neighbouring output pixels, stride S, 16 channels; `edge`: columns may be padding, channels missing */
QD_INLINE void strip3(const ek_qdw_args *a, const window3 *win, uint32_t ox, uint8_t *y, const int edge, const int P,
                      const int S) {
  const uint8x8_t flip = vdup_n_u8((uint8_t)(a->flip & 255));
  const int64_t first = (int64_t)ox * S - a->pad_left;
  int32x4_t acc[4][4];
  _Pragma("GCC unroll 2") for (int half = 0; half < 2; ++half) {
    const size_t c = win->c0 + 8 * (size_t)half, n = a->c > c ? a->c - c : 0; /* of edges */
    _Pragma("GCC unroll 4") for (int p = 0; p < P; ++p) {
      acc[p][2 * half] = vld1q_s32(a->bias + c);
      acc[p][2 * half + 1] = vld1q_s32(a->bias + c + 4);
    }
    for (int r = 0; (!edge || n > 0) && r < 3; ++r) {
      int16x8_t w[3];
      _Pragma("GCC unroll 3") for (int k = 0; k < 3; ++k) w[k] =
          vmovl_s8(vld1_s8(win->w + (3 * r + k) * 16 + 8 * half));
      const uint8_t *const row = win->rows[r];
      _Pragma("GCC unroll 9") for (int j = 0; j < (P - 1) * S + 3; ++j) {
        const int64_t at = first + j;
        const int inside = row != NULL && (!edge || (at >= 0 && at < (int64_t)a->iw));
        const int16x8_t x = column(inside ? row + (size_t)at * a->c + c : a->zero + c, edge, n, flip);
        _Pragma("GCC unroll 4") for (int p = 0; p < P; ++p) {
          if (j < p * S || j - p * S > 2) continue;
          acc[p][2 * half] = mla_low(acc[p][2 * half], x, w[j - p * S]);
          acc[p][2 * half + 1] = mla_high(acc[p][2 * half + 1], x, w[j - p * S]);
        }
      }
    }
  }
  _Pragma("GCC unroll 4") for (int p = 0; p < P; ++p)
      qd_store(a, y + (size_t)p * a->c, a->c - win->c0, acc[p], a->mult + win->c0);
}

QD_INLINE void line3(const ek_qdw_args *a, const window3 *win, uint8_t *y, const int S) {
  for (uint32_t ox = 0; ox < a->ow;) {
    const int64_t first = (int64_t)ox * S - a->pad_left, four = first + 3 * S + 2;
    if (a->ow - ox < 4) {
      strip3(a, win, ox, y + (size_t)ox * a->c + win->c0, 1, 1, S);
      ox += 1;
      continue;
    }
    if (first >= 0 && four < (int64_t)a->iw && a->c - win->c0 >= 16) {
      strip3(a, win, ox, y + (size_t)ox * a->c + win->c0, 0, 4, S);
    } else {
      strip3(a, win, ox, y + (size_t)ox * a->c + win->c0, 1, 4, S);
    }
    ox += 4;
  }
}

void ek_qdw_x8s8_3x3_16__neon(const ek_qdw_args *a, uint32_t image, uint32_t y0, uint32_t y1) {
  const size_t line = (size_t)a->iw * a->c;
  const uint8_t *const x = a->x + (size_t)image * a->ih * line;
  for (uint32_t oy = y0; oy < y1; ++oy) {
    window3 win = { { NULL, NULL, NULL }, a->w, 0 };
    for (int r = 0; r < 3; ++r) {
      const int64_t iy = (int64_t)oy * a->sh - a->pad_top + r;
      if (iy >= 0 && iy < (int64_t)a->ih) win.rows[r] = x + (size_t)iy * line;
    }
    uint8_t *const y = qdw_pixel(a, image, oy, 0);
    for (; win.c0 < a->c; win.c0 += 16, win.w += (size_t)9 * 16) {
      if (a->sw == 1) {
        line3(a, &win, y, 1);
      } else {
        line3(a, &win, y, 2);
      }
    }
  }
}
