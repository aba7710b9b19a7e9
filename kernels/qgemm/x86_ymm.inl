/* SPDX-License-Identifier: Apache-2.0
 * Epilogue and panel loop of the 256-bit integer matrix kernels (MR rows x 16 columns); included after qg_tile_<MR>. */
QG_INLINE void qg_out(const ek_qgemm_call *c, uint8_t *y, const __m256i *acc, size_t n0, size_t cols) {
  if (c->out == EK_Q_S32) {
    int32_t v[16];
    _mm256_storeu_si256((__m256i *)v, acc[0]);
    _mm256_storeu_si256((__m256i *)(v + 8), acc[1]);
    memcpy(y + n0 * 4, v, cols * 4);
    return;
  }
  /* the stored range moved to u8: packs saturate, one byte XOR brings s8 back */
  const int is_s8 = c->out == EK_Q_S8, shift = is_s8 ? 128 : 0;
  const __m256i q0 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(acc[0]), _mm256_loadu_ps(c->mult + n0)));
  const __m256i q1 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(acc[1]), _mm256_loadu_ps(c->mult + n0 + 8)));
  const __m256i p = _mm256_permute4x64_epi64(_mm256_packs_epi32(q0, q1), 0xd8);
  const __m256i z = _mm256_adds_epi16(p, _mm256_set1_epi16((short)(c->zero_point + shift)));
  __m128i b = _mm_packus_epi16(_mm256_castsi256_si128(z), _mm256_extracti128_si256(z, 1));
  b = _mm_max_epu8(b, _mm_set1_epi8((char)(c->lo + shift)));
  b = _mm_min_epu8(b, _mm_set1_epi8((char)(c->hi + shift)));
  b = _mm_xor_si128(b, _mm_set1_epi8((char)(is_s8 ? -128 : 0)));
  if (cols >= 16) {
    _mm_storeu_si128((__m128i *)(y + n0), b);
    return;
  }
  y += n0;
  if (cols & 8) {
    _mm_storel_epi64((__m128i *)y, b);
    b = _mm_srli_si128(b, 8);
    y += 8;
  }
  if (cols & 4) {
    const int32_t t = _mm_cvtsi128_si32(b);
    memcpy(y, &t, 4);
    b = _mm_srli_si128(b, 4);
    y += 4;
  }
  int32_t t = _mm_cvtsi128_si32(b);
  for (size_t i = 0; i < (cols & 3); ++i, t >>= 8) y[i] = (uint8_t)(t & 255);
}

/* two rows in one pack */
QG_INLINE void qg_out2(const ek_qgemm_call *c, uint8_t *y, const __m256i *acc, size_t n0, size_t cols) {
  if (c->out == EK_Q_S32 || cols < 16) {
    qg_out(c, y, acc, n0, cols);
    qg_out(c, y + c->y_stride, acc + 2, n0, cols);
    return;
  }
  const int is_s8 = c->out == EK_Q_S8, shift = is_s8 ? 128 : 0;
  const __m256i zp = _mm256_set1_epi16((short)(c->zero_point + shift));
  const __m256 m0 = _mm256_loadu_ps(c->mult + n0), m1 = _mm256_loadu_ps(c->mult + n0 + 8);
  __m256i p[2];
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const __m256i q0 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(acc[2 * i]), m0));
    const __m256i q1 = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(acc[2 * i + 1]), m1));
    p[i] = _mm256_adds_epi16(_mm256_packs_epi32(q0, q1), zp);
  }
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  __m256i b = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(p[0], p[1]), order);
  b = _mm256_max_epu8(b, _mm256_set1_epi8((char)(c->lo + shift)));
  b = _mm256_min_epu8(b, _mm256_set1_epi8((char)(c->hi + shift)));
  b = _mm256_xor_si256(b, _mm256_set1_epi8((char)(is_s8 ? -128 : 0)));
  _mm_storeu_si128((__m128i *)(y + n0), _mm256_castsi256_si128(b));
  _mm_storeu_si128((__m128i *)(y + c->y_stride + n0), _mm256_extracti128_si256(b, 1));
}

#define QG_RUN(MR) \
  for (; m + MR <= c->m; m += MR) tile_##MR(c, m, w, n0, cols);

static void qg_panels(const ek_qgemm_call *c) {
  const size_t depth = (size_t)c->taps * ((c->k + QG_KR - 1) / QG_KR * QG_KR);
  for (size_t n0 = 0; n0 < c->n; n0 += 16) {
    const size_t cols = c->n - n0 < 16 ? c->n - n0 : 16;
    const int8_t *const w = c->w + n0 * depth;
    size_t m = 0;
    QG_RUN(6)
    QG_RUN(4)
    QG_RUN(2)
    QG_RUN(1)
  }
}
