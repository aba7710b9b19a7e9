/* SPDX-License-Identifier: Apache-2.0
 * Winograd kernel for NEON without dot products: transforms in 16 bits, products with smlal on tiles of 4 x 16. */
#include "qwino.h"
#include <arm_neon.h>
#include <string.h>
#include "tile.inl"

enum { POSITIONS = 16 };

static inline void qw_spread(int16x8_t *a, int16x8_t *b, int16x8_t *c, int16x8_t *d) {
  const int16x8_t x = vsubq_s16(*a, *c), y = vaddq_s16(*b, *c), z = vsubq_s16(*c, *b), w = vsubq_s16(*b, *d);
  *a = x, *b = y, *c = z, *d = w;
}

/* V of `count` tiles from t on: positions `step` values apart */
static void spread(const ek_qwino_args *a, uint32_t t, uint32_t count, int16_t *v, size_t step) {
  const uint8x8_t flip = vdup_n_u8((uint8_t)(a->flip & 255));
  for (uint32_t i = 0; i < count; ++i, v += a->ic) {
    const uint8_t *p[16];
    qw_pixels(a, qw_tile_of(a, t + i), p);
    for (size_t c = 0; c < a->ic; c += 8) {
      int16x8_t d[16];
      for (int j = 0; j < 4; ++j) {
        for (int r = 0; r < 4; ++r)
          d[4 * r + j] = vreinterpretq_s16_u16(vmovl_u8(veor_u8(vld1_u8(p[4 * r + j] + c), flip)));
        qw_spread(&d[j], &d[4 + j], &d[8 + j], &d[12 + j]);
      }
      for (int r = 0; r < 4; ++r) {
        qw_spread(&d[4 * r], &d[4 * r + 1], &d[4 * r + 2], &d[4 * r + 3]);
        for (int j = 0; j < 4; ++j) vst1q_s16(v + (size_t)(4 * r + j) * step + c, d[4 * r + j]);
      }
    }
  }
}

/* inline, for gcc copies accumulators around the intrinsic; a lane is of one of the first 16 registers */
#define QW_MAC(OP, HALF, ACC, W, X, L) __asm__(OP " %0.4s, %1." HALF ", %2.h[" #L "]" : "+w"(ACC) : "w"(W), "x"(X))

#define QW_LANE(MR, L)                                                              \
  do {                                                                              \
    const int16x8_t w0 = vld1q_s16(w + 16 * (L)), w1 = vld1q_s16(w + 16 * (L) + 8); \
    _Pragma("GCC unroll 4") for (int i = 0; i < MR; ++i) {                          \
      QW_MAC("smlal", "4h", acc[i][0], w0, x[i], L);                                \
      QW_MAC("smlal2", "8h", acc[i][1], w0, x[i], L);                               \
      QW_MAC("smlal", "4h", acc[i][2], w1, x[i], L);                                \
      QW_MAC("smlal2", "8h", acc[i][3], w1, x[i], L);                               \
    }                                                                               \
  } while (0)

/* MR rows of V (ld values apart) times a panel: MR rows of 16 sums, m_ld apart */
#define QW_TILE(MR)                                                                                      \
  static void tile_##MR(const int16_t *v, size_t ld, const int16_t *w, int32_t *m, size_t m_ld) {        \
    int32x4_t acc[MR][4];                                                                                \
    int16x8_t x[MR];                                                                                     \
    _Pragma("GCC unroll 4") for (int i = 0; i < MR; ++i) acc[i][0] = acc[i][1] = acc[i][2] = acc[i][3] = \
        vdupq_n_s32(0);                                                                                  \
    for (size_t c = 0; c < ld; c += 8, w += 128) {                                                       \
      _Pragma("GCC unroll 4") for (int i = 0; i < MR; ++i) x[i] = vld1q_s16(v + (size_t)i * ld + c);     \
      QW_LANE(MR, 0);                                                                                    \
      QW_LANE(MR, 1);                                                                                    \
      QW_LANE(MR, 2);                                                                                    \
      QW_LANE(MR, 3);                                                                                    \
      QW_LANE(MR, 4);                                                                                    \
      QW_LANE(MR, 5);                                                                                    \
      QW_LANE(MR, 6);                                                                                    \
      QW_LANE(MR, 7);                                                                                    \
    }                                                                                                    \
    _Pragma("GCC unroll 4") for (int i = 0; i < MR; ++i) {                                               \
      for (size_t j = 0; j < 4; ++j) vst1q_s32(m + (size_t)i * m_ld + 4 * j, acc[i][j]);                 \
    }                                                                                                    \
  }

QW_TILE(4)
QW_TILE(2)
QW_TILE(1)

#define QW_RUN(MR) \
  for (; t + MR <= count; t += MR) tile_##MR(v + (size_t)t * ld, ld, w, m + (size_t)t * m_ld, m_ld);

static void product(const int16_t *v, size_t ld, const int16_t *w, int32_t *m, size_t m_ld, uint32_t count) {
  uint32_t t = 0;
  QW_RUN(4)
  QW_RUN(2)
  QW_RUN(1)
}

static inline int32x4_t qw_quarter(int32x4_t four, int32x4_t bias) {
  return vaddq_s32(vshrq_n_s32(four, 2), bias);
}

/* the four sums of 4 channels of a tile, scaled unless mult is NULL */
static inline void qw_gather(const int32_t *m, size_t step, const int32_t *bias, const float *mult, int32x4_t *out) {
  int32x4_t r[2][4];
  for (size_t j = 0; j < 4; ++j) {
    const int32x4_t b = vld1q_s32(m + (4 + j) * step), c = vld1q_s32(m + (8 + j) * step);
    r[0][j] = vaddq_s32(vaddq_s32(b, c), vld1q_s32(m + j * step));
    r[1][j] = vsubq_s32(vsubq_s32(b, c), vld1q_s32(m + (12 + j) * step));
  }
  const int32x4_t base = vld1q_s32(bias);
  for (size_t i = 0; i < 2; ++i) {
    out[2 * i] = qw_quarter(vaddq_s32(vaddq_s32(r[i][0], r[i][1]), r[i][2]), base);
    out[2 * i + 1] = qw_quarter(vsubq_s32(vsubq_s32(r[i][1], r[i][2]), r[i][3]), base);
  }
  for (size_t i = 0; i < 4 && mult != NULL; ++i)
    out[i] = vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(out[i]), vld1q_f32(mult)));
}

static inline void qw_store_sums(int32_t *y, int32x4_t s, uint32_t n) {
  if (n >= 4) {
    vst1q_s32(y, s);
  } else {
    int32_t part[4];
    vst1q_s32(part, s);
    memcpy(y, part, n * sizeof *y);
  }
}

/* as finish(), the sums themselves */
static void finish_sums(const ek_qwino_args *a, const int32_t *m, size_t m_ld, uint32_t t, uint32_t count, uint32_t n,
                        uint32_t cols) {
  const size_t step = a->block * m_ld, line = (size_t)a->ow * a->oc;
  for (uint32_t i = 0; i < count; ++i, m += m_ld) {
    const qw_tile tile = qw_tile_of(a, t + i);
    const int down = tile.oy + 1 < a->oh, right = tile.ox + 1 < a->ow;
    int32_t *y = (int32_t *)(void *)a->y + (((size_t)tile.image * a->oh + tile.oy) * a->ow + tile.ox) * a->oc + n;
    for (uint32_t j = 0; j < cols; j += 4, y += 4) {
      int32x4_t s[4];
      qw_gather(m + j, step, a->bias + n + j, NULL, s);
      qw_store_sums(y, s[0], cols - j);
      if (right) qw_store_sums(y + a->oc, s[1], cols - j);
      if (down) qw_store_sums(y + line, s[2], cols - j);
      if (down && right) qw_store_sums(y + line + a->oc, s[3], cols - j);
    }
  }
}

static inline void qw_store(const ek_qwino_args *a, uint8_t *y, const int32x4_t *low, const int32x4_t *high,
                            uint32_t n) {
  const int is_s8 = a->out == EK_Q_S8, shift = is_s8 ? 128 : 0;
  const int16x8_t q =
      vqaddq_s16(vcombine_s16(vqmovn_s32(*low), vqmovn_s32(*high)), vdupq_n_s16((int16_t)(a->zero_point + shift)));
  uint8x8_t b = vmax_u8(vqmovun_s16(q), vdup_n_u8((uint8_t)(a->lo + shift)));
  b = veor_u8(vmin_u8(b, vdup_n_u8((uint8_t)(a->hi + shift))), vdup_n_u8(is_s8 ? 128 : 0));
  if (n >= 8) {
    vst1_u8(y, b);
  } else {
    uint8_t part[8];
    vst1_u8(part, b);
    memcpy(y, part, n);
  }
}

/* outputs of `count` tiles, channels n .. n + cols, from M with rows of m_ld */
static void finish(const ek_qwino_args *a, const int32_t *m, size_t m_ld, uint32_t t, uint32_t count, uint32_t n,
                   uint32_t cols) {
  const size_t step = a->block * m_ld, line = (size_t)a->ow * a->oc;
  for (uint32_t i = 0; i < count; ++i, m += m_ld) {
    const qw_tile tile = qw_tile_of(a, t + i);
    const int down = tile.oy + 1 < a->oh, right = tile.ox + 1 < a->ow;
    uint8_t *y = a->y + (((size_t)tile.image * a->oh + tile.oy) * a->ow + tile.ox) * a->oc + n;
    for (uint32_t j = 0; j < cols; j += 8, y += 8) {
      int32x4_t s[2][4];
      qw_gather(m + j, step, a->bias + n + j, a->mult + n + j, s[0]);
      qw_gather(m + j + 4, step, a->bias + n + j + 4, a->mult + n + j + 4, s[1]);
      qw_store(a, y, &s[0][0], &s[1][0], cols - j);
      if (right) qw_store(a, y + a->oc, &s[0][1], &s[1][1], cols - j);
      if (down) qw_store(a, y + line, &s[0][2], &s[1][2], cols - j);
      if (down && right) qw_store(a, y + line + a->oc, &s[0][3], &s[1][3], cols - j);
    }
  }
}

void ek_qwino_x8s8_2x2__neon(const ek_qwino_args *a, void *scratch, uint32_t t0, uint32_t t1, uint32_t n0,
                             uint32_t n1) {
  const size_t padded = (a->oc + 15) / 16 * 16, step = a->block * (size_t)a->ic;
  const uint32_t wide = padded < EK_QWINO_COLUMNS ? (uint32_t)padded : EK_QWINO_COLUMNS;
  int16_t *const v = scratch;
  int32_t *const m = (int32_t *)(void *)(v + POSITIONS * step);
  for (uint32_t t = t0; t < t1; t += a->block) {
    const uint32_t count = t1 - t < a->block ? t1 - t : a->block;
    spread(a, t, count, v, step);
    for (uint32_t n = n0; n < n1; n += wide) {
      const uint32_t cols = n1 - n < wide ? n1 - n : wide;
      for (uint32_t p = 0; p < POSITIONS; ++p) {
        const int16_t *const w = a->w + p * padded * a->ic + (size_t)n * a->ic;
        for (uint32_t j = 0; j < cols; j += 16)
          product(v + p * step, a->ic, w + (size_t)j * a->ic, m + p * a->block * (size_t)wide + j, wide, count);
      }
      (a->out == EK_Q_S32 ? finish_sums : finish)(a, m, wide, t, count, n, cols);
    }
  }
}
