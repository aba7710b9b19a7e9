/* SPDX-License-Identifier: Apache-2.0
 * Epilogue of the Arm integer matrix kernels: 16 columns of one row. */
static inline __attribute__((always_inline)) void qg_out(const ek_qgemm_call *c, uint8_t *y, const int32x4_t *acc,
                                                         size_t n0, size_t cols) {
  if (c->out == EK_Q_S32) {
    int32_t v[16];
    for (int j = 0; j < 4; ++j) vst1q_s32(v + 4 * j, acc[j]);
    memcpy(y + n0 * 4, v, cols * 4);
    return;
  }
  const int is_s8 = c->out == EK_Q_S8, shift = is_s8 ? 128 : 0;
  int32x4_t q[4];
  for (int j = 0; j < 4; ++j)
    q[j] = vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(acc[j]), vld1q_f32(c->mult + n0 + 4 * (size_t)j)));
  const int16x8_t zp = vdupq_n_s16((int16_t)(c->zero_point + shift));
  const int16x8_t p0 = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(q[0]), q[1]), zp);
  const int16x8_t p1 = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(q[2]), q[3]), zp);
  uint8x16_t b = vqmovun_high_s16(vqmovun_s16(p0), p1);
  b = vminq_u8(vmaxq_u8(b, vdupq_n_u8((uint8_t)(c->lo + shift))), vdupq_n_u8((uint8_t)(c->hi + shift)));
  b = veorq_u8(b, vdupq_n_u8(is_s8 ? 128 : 0));
  if (cols >= 16) {
    vst1q_u8(y + n0, b);
  } else {
    uint8_t v[16];
    vst1q_u8(v, b);
    memcpy(y + n0, v, cols);
  }
}

#define QG_RUN(MR) \
  for (; m + MR <= c->m; m += MR) tile_##MR(c, m, w, n0, cols);

#ifndef QG_TILES
#  define QG_TILES QG_RUN(4) QG_RUN(2) QG_RUN(1)
#endif

static void qg_panels(const ek_qgemm_call *c) {
  const size_t depth = (size_t)c->taps * ((c->k + QG_KR - 1) / QG_KR * QG_KR);
  for (size_t n0 = 0; n0 < c->n; n0 += 16) {
    const size_t cols = c->n - n0 < 16 ? c->n - n0 : 16;
    const int8_t *const w = c->w + n0 * depth;
    size_t m = 0;
    QG_TILES
  }
}
