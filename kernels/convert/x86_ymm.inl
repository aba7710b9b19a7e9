/* SPDX-License-Identifier: Apache-2.0
 * bf16 with 256-bit integer operations; shared by the x86 rows. */
static inline __m256 widen_bf16(__m128i h) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
static inline __m128i narrow_bf16(__m256 v) {
  const __m256i u = _mm256_castps_si256(v), odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
  const __m256i nan = _mm256_or_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(0x40));
  const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  const __m256i r = _mm256_blendv_epi8(rounded, nan, is_nan);
  return _mm_packus_epi32(_mm256_castsi256_si128(r), _mm256_extracti128_si256(r, 1));
}

#define LOOP(name, from_bytes, to_bytes, eight)                                         \
  static void name(size_t n, const void *x, void *y) {                                  \
    const char *from = x;                                                               \
    char *to = y;                                                                       \
    for (; n >= 8; n -= 8, from += 8 * from_bytes, to += 8 * to_bytes) eight(from, to); \
    if (n > 0) {                                                                        \
      char in[32] = { 0 }, out[32];                                                     \
      memcpy(in, from, n *from_bytes);                                                  \
      eight(in, out);                                                                   \
      memcpy(to, out, n *to_bytes);                                                     \
    }                                                                                   \
  }

static inline __m128i load_16(const char *p) {
  return _mm_loadu_si128((const __m128i *)(const void *)p);
}
static inline void store_16(char *p, __m128i v) {
  _mm_storeu_si128((__m128i *)(void *)p, v);
}
static inline __m256 load_32(const char *p) {
  return _mm256_loadu_ps((const float *)(const void *)p);
}
static inline void store_32(char *p, __m256 v) {
  _mm256_storeu_ps((float *)(void *)p, v);
}

static inline void eight_f16_up(const char *x, char *y) {
  store_32(y, _mm256_cvtph_ps(load_16(x)));
}
static inline void eight_f16_down(const char *x, char *y) {
  store_16(y, _mm256_cvtps_ph(load_32(x), 0));
}
static inline void eight_bf16_up(const char *x, char *y) {
  store_32(y, widen_bf16(load_16(x)));
}
static inline void eight_bf16_down(const char *x, char *y) {
  store_16(y, narrow_bf16(load_32(x)));
}

LOOP(f16_to_f32, 2, 4, eight_f16_up)
LOOP(f32_to_f16, 4, 2, eight_f16_down)
LOOP(bf16_to_f32, 2, 4, eight_bf16_up)
LOOP(f32_to_bf16, 4, 2, eight_bf16_down)
