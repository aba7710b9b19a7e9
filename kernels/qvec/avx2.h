/* SPDX-License-Identifier: Apache-2.0
 * Byte vectors widened to int32, AVX2: a block is 32 bytes. The words are those of all qvec headers. */
#ifndef EK_QVEC_H
#define EK_QVEC_H

#include "../ek.h"
#include <immintrin.h>
#include <string.h>

#define QV_BLOCK 32
#define QV_LANES 8
#define QV_INLINE static inline __attribute__((always_inline, unused))
typedef __m256 qv_f;
typedef __m256i qv_i;
typedef struct qv_ints {
  qv_i v[4]; /* lanes of block bytes 0..7, 8..15, 16..23, 24..31 */
} qv_ints;
typedef struct qv_range {
  __m256i zp, lo, hi, back;
} qv_range;

QV_INLINE qv_range qv_range_of(int32_t zero_point, int32_t lo, int32_t hi, int is_s8) {
  const int shift = is_s8 ? 128 : 0;
  const qv_range r = { _mm256_set1_epi16((short)(zero_point + shift)), _mm256_set1_epi8((char)(lo + shift)),
                       _mm256_set1_epi8((char)(hi + shift)), _mm256_set1_epi8((char)(is_s8 ? -128 : 0)) };
  return r;
}
QV_INLINE qv_ints qv_load(const uint8_t *p, uint32_t flip) {
  const __m128i f = _mm_set1_epi32((int)flip);
  qv_ints r;
  for (int j = 0; j < 4; ++j)
    r.v[j] = _mm256_cvtepu8_epi32(_mm_xor_si128(_mm_loadl_epi64((const __m128i *)(p + 8 * j)), f));
  return r;
}
QV_INLINE void qv_store(uint8_t *p, qv_ints q, const qv_range *r) {
  const __m256i p0 = _mm256_adds_epi16(_mm256_packs_epi32(q.v[0], q.v[1]), r->zp);
  const __m256i p1 = _mm256_adds_epi16(_mm256_packs_epi32(q.v[2], q.v[3]), r->zp);
  const __m256i b = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(p0, p1), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256((__m256i *)p, _mm256_xor_si256(_mm256_min_epu8(_mm256_max_epu8(b, r->lo), r->hi), r->back));
}
QV_INLINE qv_i qv_set1_i(int32_t v) {
  return _mm256_set1_epi32(v);
}
QV_INLINE qv_f qv_set1_f(float v) {
  return _mm256_set1_ps(v);
}
QV_INLINE qv_i qv_add_i(qv_i a, qv_i b) {
  return _mm256_add_epi32(a, b);
}
QV_INLINE qv_i qv_sub_i(qv_i a, qv_i b) {
  return _mm256_sub_epi32(a, b);
}
QV_INLINE qv_i qv_mul_i(qv_i a, qv_i b) {
  return _mm256_mullo_epi32(a, b);
}
QV_INLINE qv_f qv_to_f(qv_i a) {
  return _mm256_cvtepi32_ps(a);
}
QV_INLINE qv_i qv_round(qv_f a) {
  return _mm256_cvtps_epi32(a);
}
QV_INLINE qv_f qv_add(qv_f a, qv_f b) {
  return _mm256_add_ps(a, b);
}
QV_INLINE qv_f qv_sub(qv_f a, qv_f b) {
  return _mm256_sub_ps(a, b);
}
QV_INLINE qv_f qv_where_greater(qv_f a, qv_f b, qv_f yes, qv_f no) {
  return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
QV_INLINE qv_f qv_mul(qv_f a, qv_f b) {
  return _mm256_mul_ps(a, b);
}
QV_INLINE qv_f qv_div(qv_f a, qv_f b) {
  return _mm256_div_ps(a, b);
}
QV_INLINE qv_f qv_tame(qv_f a, qv_f other) {
  const qv_f c = _mm256_max_ps(_mm256_min_ps(a, _mm256_set1_ps(1e9f)), _mm256_set1_ps(-1e9f));
  return _mm256_blendv_ps(c, other, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
}
QV_INLINE qv_i qv_round_away(qv_f a) {
  const __m256 half = _mm256_or_ps(_mm256_and_ps(a, _mm256_set1_ps(-0.0f)), _mm256_set1_ps(0.5f));
  return _mm256_cvttps_epi32(_mm256_add_ps(a, half));
}
QV_INLINE qv_f qv_loadf(const float *p) {
  return _mm256_loadu_ps(p);
}
QV_INLINE qv_i qv_loadi(const void *p) {
  return _mm256_loadu_si256((const __m256i *)p);
}
QV_INLINE qv_f qv_min(qv_f a, qv_f b) {
  return _mm256_min_ps(a, b);
}
QV_INLINE qv_f qv_max(qv_f a, qv_f b) {
  return _mm256_max_ps(a, b);
}
QV_INLINE float qv_least(qv_f v) {
  __m128 t = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  t = _mm_min_ps(t, _mm_movehl_ps(t, t));
  return _mm_cvtss_f32(_mm_min_ss(t, _mm_movehdup_ps(t)));
}
QV_INLINE float qv_most(qv_f v) {
  __m128 t = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  t = _mm_max_ps(t, _mm_movehl_ps(t, t));
  return _mm_cvtss_f32(_mm_max_ss(t, _mm_movehdup_ps(t)));
}
QV_INLINE void qv_storef(float *p, qv_f v) {
  _mm256_storeu_ps(p, v);
}
QV_INLINE void qv_storei(int32_t *p, qv_i v) {
  _mm256_storeu_si256((__m256i *)p, v);
}
typedef __m256i qv_b;
QV_INLINE qv_b qv_bytes(const uint8_t *p, uint32_t flip) {
  return _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)p), _mm256_set1_epi32((int)flip));
}
QV_INLINE qv_b qv_max_b(qv_b a, qv_b b) {
  return _mm256_max_epu8(a, b);
}
QV_INLINE void qv_store_b(uint8_t *p, qv_b b, const qv_range *r) {
  _mm256_storeu_si256((__m256i *)p, _mm256_xor_si256(_mm256_min_epu8(_mm256_max_epu8(b, r->lo), r->hi), r->back));
}

#endif
