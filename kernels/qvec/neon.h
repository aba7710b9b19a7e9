/* SPDX-License-Identifier: Apache-2.0
 * Byte vectors widened to int32, NEON: a block is 16 bytes. The words are those of all qvec headers. */
#ifndef EK_QVEC_H
#define EK_QVEC_H

#include "../ek.h"
#include <arm_neon.h>
#include <string.h>

#define QV_BLOCK 16
#define QV_LANES 4
#define QV_INLINE static inline __attribute__((always_inline, unused))
typedef float32x4_t qv_f;
typedef int32x4_t qv_i;
typedef struct qv_ints {
  qv_i v[4]; /* lanes of block bytes 0..3, 4..7, 8..11, 12..15 */
} qv_ints;
typedef struct qv_range {
  int16x8_t zp;
  uint8x16_t lo, hi, back;
} qv_range;

QV_INLINE qv_range qv_range_of(int32_t zero_point, int32_t lo, int32_t hi, int is_s8) {
  const int shift = is_s8 ? 128 : 0;
  const qv_range r = { vdupq_n_s16((int16_t)(zero_point + shift)), vdupq_n_u8((uint8_t)(lo + shift)),
                       vdupq_n_u8((uint8_t)(hi + shift)), vdupq_n_u8(is_s8 ? 128 : 0) };
  return r;
}
QV_INLINE qv_ints qv_load(const uint8_t *p, uint32_t flip) {
  const uint8x16_t b = veorq_u8(vld1q_u8(p), vdupq_n_u8((uint8_t)(flip & 255)));
  const uint16x8_t l = vmovl_u8(vget_low_u8(b)), h = vmovl_high_u8(b);
  const qv_ints r = { { vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(l))), vreinterpretq_s32_u32(vmovl_high_u16(l)),
                        vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(h))), vreinterpretq_s32_u32(vmovl_high_u16(h)) } };
  return r;
}
QV_INLINE void qv_store_b(uint8_t *p, uint8x16_t b, const qv_range *r) {
  vst1q_u8(p, veorq_u8(vminq_u8(vmaxq_u8(b, r->lo), r->hi), r->back));
}
QV_INLINE void qv_store(uint8_t *p, qv_ints q, const qv_range *r) {
  const int16x8_t p0 = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(q.v[0]), q.v[1]), r->zp);
  const int16x8_t p1 = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(q.v[2]), q.v[3]), r->zp);
  qv_store_b(p, vqmovun_high_s16(vqmovun_s16(p0), p1), r);
}
QV_INLINE qv_i qv_set1_i(int32_t v) {
  return vdupq_n_s32(v);
}
QV_INLINE qv_f qv_set1_f(float v) {
  return vdupq_n_f32(v);
}
QV_INLINE qv_i qv_add_i(qv_i a, qv_i b) {
  return vaddq_s32(a, b);
}
QV_INLINE qv_i qv_sub_i(qv_i a, qv_i b) {
  return vsubq_s32(a, b);
}
QV_INLINE qv_i qv_mul_i(qv_i a, qv_i b) {
  return vmulq_s32(a, b);
}
QV_INLINE qv_f qv_to_f(qv_i a) {
  return vcvtq_f32_s32(a);
}
QV_INLINE qv_i qv_round(qv_f a) {
  return vcvtnq_s32_f32(a);
}
QV_INLINE qv_f qv_add(qv_f a, qv_f b) {
  return vaddq_f32(a, b);
}
QV_INLINE qv_f qv_sub(qv_f a, qv_f b) {
  return vsubq_f32(a, b);
}
QV_INLINE qv_f qv_where_greater(qv_f a, qv_f b, qv_f yes, qv_f no) {
  return vbslq_f32(vcgtq_f32(a, b), yes, no);
}
QV_INLINE qv_f qv_mul(qv_f a, qv_f b) {
  return vmulq_f32(a, b);
}
QV_INLINE qv_f qv_div(qv_f a, qv_f b) {
  return vdivq_f32(a, b);
}
QV_INLINE qv_f qv_tame(qv_f a, qv_f other) {
  const qv_f c = vmaxq_f32(vminq_f32(a, vdupq_n_f32(1e9f)), vdupq_n_f32(-1e9f));
  return vbslq_f32(vceqq_f32(a, a), c, other);
}
QV_INLINE qv_i qv_round_away(qv_f a) {
  return vcvtaq_s32_f32(a);
}
QV_INLINE qv_f qv_loadf(const float *p) {
  return vld1q_f32(p);
}
QV_INLINE qv_i qv_loadi(const void *p) {
  return vld1q_s32((const int32_t *)p);
}
QV_INLINE qv_f qv_min(qv_f a, qv_f b) {
  return vminnmq_f32(a, b);
}
QV_INLINE qv_f qv_max(qv_f a, qv_f b) {
  return vmaxnmq_f32(a, b);
}
QV_INLINE float qv_least(qv_f v) {
  return vminnmvq_f32(v);
}
QV_INLINE float qv_most(qv_f v) {
  return vmaxnmvq_f32(v);
}
QV_INLINE void qv_storef(float *p, qv_f v) {
  vst1q_f32(p, v);
}
QV_INLINE void qv_storei(int32_t *p, qv_i v) {
  vst1q_s32(p, v);
}
typedef uint8x16_t qv_b;
QV_INLINE qv_b qv_bytes(const uint8_t *p, uint32_t flip) {
  return veorq_u8(vld1q_u8(p), vdupq_n_u8((uint8_t)(flip & 255)));
}
QV_INLINE qv_b qv_max_b(qv_b a, qv_b b) {
  return vmaxq_u8(a, b);
}

#endif
