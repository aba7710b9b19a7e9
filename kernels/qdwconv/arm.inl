/* SPDX-License-Identifier: Apache-2.0
 * Shared by the Arm depthwise kernels: loads with a tail and the epilogue of 16 channels. */
static inline int8x16_t qd_load(const uint8_t *p, size_t n, uint8x16_t flip) {
  if (n >= 16) return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(p), flip));
  const uint8x16_t part = n >= 8 ? vcombine_u8(vld1_u8(p), vcreate_u8(qg_rest(p + 8, n - 8)))
                                 : vcombine_u8(vcreate_u8(qg_rest(p, n)), vdup_n_u8(0));
  return vreinterpretq_s8_u8(veorq_u8(part, flip));
}

static inline void qd_store(const ek_qdw_args *a, uint8_t *y, size_t n, const int32x4_t *acc, const float *mult) {
  const int is_s8 = a->out == EK_Q_S8, shift = is_s8 ? 128 : 0;
  int32x4_t q[4];
  for (int j = 0; j < 4; ++j) q[j] = vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(acc[j]), vld1q_f32(mult + 4 * j)));
  const int16x8_t zp = vdupq_n_s16((int16_t)(a->zero_point + shift));
  const int16x8_t p0 = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(q[0]), q[1]), zp);
  const int16x8_t p1 = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(q[2]), q[3]), zp);
  uint8x16_t b = vqmovun_high_s16(vqmovun_s16(p0), p1);
  b = vminq_u8(vmaxq_u8(b, vdupq_n_u8((uint8_t)(a->lo + shift))), vdupq_n_u8((uint8_t)(a->hi + shift)));
  b = veorq_u8(b, vdupq_n_u8(is_s8 ? 128 : 0));
  if (n >= 16) {
    vst1q_u8(y, b);
  } else {
    uint8_t part[16];
    vst1q_u8(part, b);
    memcpy(y, part, n);
  }
}
