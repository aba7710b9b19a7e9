/* SPDX-License-Identifier: Apache-2.0
 * Byte vectors widened to int32, AVX-512: a block is 64 bytes. The words are those of all qvec headers. */
#ifndef EK_QVEC_H
#define EK_QVEC_H

#include "../ek.h"
#include <immintrin.h>
#include <string.h>

#define QV_BLOCK 64
#define QV_LANES 16
#define QV_INLINE static inline __attribute__((always_inline, unused))
typedef __m512 qv_f;
typedef __m512i qv_i;
typedef struct qv_ints {
  qv_i v[4]; /* lanes of block bytes 0..15, 16..31, 32..47, 48..63 */
} qv_ints;
/* stored range moved to u8 (shift 128 for s8) */
typedef struct qv_range {
  __m512i zp, lo, hi, back;
} qv_range;

QV_INLINE qv_range qv_range_of(int32_t zero_point, int32_t lo, int32_t hi, int is_s8) {
  const int shift = is_s8 ? 128 : 0;
  const qv_range r = { _mm512_set1_epi16((short)(zero_point + shift)), _mm512_set1_epi8((char)(lo + shift)),
                       _mm512_set1_epi8((char)(hi + shift)), _mm512_set1_epi8((char)(is_s8 ? -128 : 0)) };
  return r;
}
/* bytes XOR flip, zero-extended */
QV_INLINE qv_ints qv_load(const uint8_t *p, uint32_t flip) {
  const __m128i f = _mm_set1_epi32((int)flip);
  qv_ints r;
  for (int j = 0; j < 4; ++j)
    r.v[j] = _mm512_cvtepu8_epi32(_mm_xor_si128(_mm_loadu_si128((const __m128i *)(p + 16 * j)), f));
  return r;
}
QV_INLINE void qv_store(uint8_t *p, qv_ints q, const qv_range *r) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i p0 = _mm512_adds_epi16(_mm512_packs_epi32(q.v[0], q.v[1]), r->zp);
  const __m512i p1 = _mm512_adds_epi16(_mm512_packs_epi32(q.v[2], q.v[3]), r->zp);
  const __m512i b = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(p0, p1));
  _mm512_storeu_si512(p, _mm512_xor_si512(_mm512_min_epu8(_mm512_max_epu8(b, r->lo), r->hi), r->back));
}
QV_INLINE qv_i qv_set1_i(int32_t v) {
  return _mm512_set1_epi32(v);
}
QV_INLINE qv_f qv_set1_f(float v) {
  return _mm512_set1_ps(v);
}
QV_INLINE qv_i qv_add_i(qv_i a, qv_i b) {
  return _mm512_add_epi32(a, b);
}
QV_INLINE qv_i qv_sub_i(qv_i a, qv_i b) {
  return _mm512_sub_epi32(a, b);
}
QV_INLINE qv_i qv_mul_i(qv_i a, qv_i b) {
  return _mm512_mullo_epi32(a, b);
}
QV_INLINE qv_f qv_to_f(qv_i a) {
  return _mm512_cvtepi32_ps(a);
}
QV_INLINE qv_i qv_round(qv_f a) {
  return _mm512_cvtps_epi32(a);
}
QV_INLINE qv_f qv_add(qv_f a, qv_f b) {
  return _mm512_add_ps(a, b);
}
QV_INLINE qv_f qv_sub(qv_f a, qv_f b) {
  return _mm512_sub_ps(a, b);
}
QV_INLINE qv_f qv_where_greater(qv_f a, qv_f b, qv_f yes, qv_f no) {
  return _mm512_mask_mov_ps(no, _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), yes);
}
QV_INLINE qv_f qv_mul(qv_f a, qv_f b) {
  return _mm512_mul_ps(a, b);
}
QV_INLINE qv_f qv_div(qv_f a, qv_f b) {
  return _mm512_div_ps(a, b);
}
/* clamped to [-1e9, 1e9]; NaN becomes `other` */
QV_INLINE qv_f qv_tame(qv_f a, qv_f other) {
  const qv_f c = _mm512_max_ps(_mm512_min_ps(a, _mm512_set1_ps(1e9f)), _mm512_set1_ps(-1e9f));
  return _mm512_mask_mov_ps(c, _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), other);
}
/* to the nearest integer, halves away from zero */
QV_INLINE qv_i qv_round_away(qv_f a) {
  const __m512i sign = _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(INT32_MIN));
  const __m512i half = _mm512_or_si512(sign, _mm512_castps_si512(_mm512_set1_ps(0.5f)));
  return _mm512_cvttps_epi32(_mm512_add_ps(a, _mm512_castsi512_ps(half)));
}
QV_INLINE qv_f qv_loadf(const float *p) {
  return _mm512_loadu_ps(p);
}
QV_INLINE qv_i qv_loadi(const void *p) {
  return _mm512_loadu_si512(p);
}
/* the second operand where the first is NaN */
QV_INLINE qv_f qv_min(qv_f a, qv_f b) {
  return _mm512_min_ps(a, b);
}
QV_INLINE qv_f qv_max(qv_f a, qv_f b) {
  return _mm512_max_ps(a, b);
}
/* least and greatest lane of vectors without NaN */
QV_INLINE float qv_least(qv_f v) {
  return _mm512_reduce_min_ps(v);
}
QV_INLINE float qv_most(qv_f v) {
  return _mm512_reduce_max_ps(v);
}
QV_INLINE void qv_storef(float *p, qv_f v) {
  _mm512_storeu_ps(p, v);
}
QV_INLINE void qv_storei(int32_t *p, qv_i v) {
  _mm512_storeu_si512(p, v);
}
typedef __m512i qv_b;
QV_INLINE qv_b qv_bytes(const uint8_t *p, uint32_t flip) {
  return _mm512_xor_si512(_mm512_loadu_si512(p), _mm512_set1_epi32((int)flip));
}
QV_INLINE qv_b qv_max_b(qv_b a, qv_b b) {
  return _mm512_max_epu8(a, b);
}
/* clamps in the u8 domain and takes s8 back */
QV_INLINE void qv_store_b(uint8_t *p, qv_b b, const qv_range *r) {
  _mm512_storeu_si512(p, _mm512_xor_si512(_mm512_min_epu8(_mm512_max_epu8(b, r->lo), r->hi), r->back));
}

#endif
