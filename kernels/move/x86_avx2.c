/* SPDX-License-Identifier: Apache-2.0
 * 2D transposes with AVX2: 8 x 8 for 4-byte elements, 16 x 8 for bytes. */
#include "move.h"

#include <immintrin.h>

static inline __m256 load(const char *p) {
  return _mm256_loadu_ps((const float *)(const void *)p);
}
static inline void store(char *p, __m256 v) {
  _mm256_storeu_ps((float *)(void *)p, v);
}

static inline void block_4(const char *s, size_t sr, char *d, size_t dr) {
  const __m256 a0 = load(s), a1 = load(s + sr), a2 = load(s + 2 * sr), a3 = load(s + 3 * sr);
  const __m256 a4 = load(s + 4 * sr), a5 = load(s + 5 * sr), a6 = load(s + 6 * sr), a7 = load(s + 7 * sr);
  const __m256 b0 = _mm256_unpacklo_ps(a0, a1), b1 = _mm256_unpackhi_ps(a0, a1);
  const __m256 b2 = _mm256_unpacklo_ps(a2, a3), b3 = _mm256_unpackhi_ps(a2, a3);
  const __m256 b4 = _mm256_unpacklo_ps(a4, a5), b5 = _mm256_unpackhi_ps(a4, a5);
  const __m256 b6 = _mm256_unpacklo_ps(a6, a7), b7 = _mm256_unpackhi_ps(a6, a7);
  const __m256 c0 = _mm256_shuffle_ps(b0, b2, 0x44), c1 = _mm256_shuffle_ps(b0, b2, 0xee);
  const __m256 c2 = _mm256_shuffle_ps(b1, b3, 0x44), c3 = _mm256_shuffle_ps(b1, b3, 0xee);
  const __m256 c4 = _mm256_shuffle_ps(b4, b6, 0x44), c5 = _mm256_shuffle_ps(b4, b6, 0xee);
  const __m256 c6 = _mm256_shuffle_ps(b5, b7, 0x44), c7 = _mm256_shuffle_ps(b5, b7, 0xee);
  store(d, _mm256_permute2f128_ps(c0, c4, 0x20));
  store(d + dr, _mm256_permute2f128_ps(c1, c5, 0x20));
  store(d + 2 * dr, _mm256_permute2f128_ps(c2, c6, 0x20));
  store(d + 3 * dr, _mm256_permute2f128_ps(c3, c7, 0x20));
  store(d + 4 * dr, _mm256_permute2f128_ps(c0, c4, 0x31));
  store(d + 5 * dr, _mm256_permute2f128_ps(c1, c5, 0x31));
  store(d + 6 * dr, _mm256_permute2f128_ps(c2, c6, 0x31));
  store(d + 7 * dr, _mm256_permute2f128_ps(c3, c7, 0x31));
}

/* three planes to triples: 8 columns are 24 outputs */
static size_t planes_3(size_t columns, const char *s, size_t sr, char *d) {
  const __m256i i0 = _mm256_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2), i1 = _mm256_setr_epi32(2, 3, 3, 3, 4, 4, 4, 5);
  const __m256i i2 = _mm256_setr_epi32(5, 5, 6, 6, 6, 7, 7, 7);
  size_t c = 0;
  for (; c + 8 <= columns; c += 8) {
    const __m256 x = load(s + c * 4), y = load(s + sr + c * 4), z = load(s + 2 * sr + c * 4);
    __m256 v = _mm256_permutevar8x32_ps(x, i0);
    v = _mm256_blend_ps(v, _mm256_permutevar8x32_ps(y, i0), 0x92);
    store(d + c * 12, _mm256_blend_ps(v, _mm256_permutevar8x32_ps(z, i0), 0x24));
    v = _mm256_permutevar8x32_ps(x, i1);
    v = _mm256_blend_ps(v, _mm256_permutevar8x32_ps(y, i1), 0x24);
    store(d + c * 12 + 32, _mm256_blend_ps(v, _mm256_permutevar8x32_ps(z, i1), 0x49));
    v = _mm256_permutevar8x32_ps(x, i2);
    v = _mm256_blend_ps(v, _mm256_permutevar8x32_ps(y, i2), 0x49);
    store(d + c * 12 + 64, _mm256_blend_ps(v, _mm256_permutevar8x32_ps(z, i2), 0x92));
  }
  return c;
}

static void transpose_4(size_t rows, size_t columns, const void *src, size_t sr, void *dst, size_t dr) {
  const size_t r8 = rows / 8 * 8, c8 = columns / 8 * 8;
  const char *const s = src;
  char *const d = dst;
  if (rows == 3 && dr == 12) { /* pictures: planes to pixels */
    const size_t done = planes_3(columns, s, sr, d);
    ek_transpose_4__ref(3, columns - done, s + done * 4, sr, d + done * 12, dr);
    return;
  }
  for (size_t c = 0; c < c8; c += 8) {
    for (size_t r = 0; r < r8; r += 8) block_4(s + r * sr + c * 4, sr, d + c * dr + r * 4, dr);
  }
  if (c8 < columns) ek_transpose_4__ref(r8, columns - c8, s + c8 * 4, sr, d + c8 * dr, dr);
  if (r8 < rows) ek_transpose_4__ref(rows - r8, columns, s + r8 * sr, sr, d + r8 * 4, dr);
}

static inline void block_1(const char *s, size_t sr, char *d, size_t dr) {
  /* eight rows of eight bytes */
  __m128i a[8];
  for (int i = 0; i < 8; ++i) a[i] = _mm_loadl_epi64((const __m128i *)(const void *)(s + (size_t)i * sr));
  const __m128i b0 = _mm_unpacklo_epi8(a[0], a[1]), b1 = _mm_unpacklo_epi8(a[2], a[3]);
  const __m128i b2 = _mm_unpacklo_epi8(a[4], a[5]), b3 = _mm_unpacklo_epi8(a[6], a[7]);
  const __m128i c0 = _mm_unpacklo_epi16(b0, b1), c1 = _mm_unpackhi_epi16(b0, b1);
  const __m128i c2 = _mm_unpacklo_epi16(b2, b3), c3 = _mm_unpackhi_epi16(b2, b3);
  const __m128i out[4] = { _mm_unpacklo_epi32(c0, c2), _mm_unpackhi_epi32(c0, c2), _mm_unpacklo_epi32(c1, c3),
                           _mm_unpackhi_epi32(c1, c3) };
  for (int i = 0; i < 4; ++i) {
    _mm_storel_epi64((__m128i *)(void *)(d + (size_t)(2 * i) * dr), out[i]);
    _mm_storel_epi64((__m128i *)(void *)(d + (size_t)(2 * i + 1) * dr), _mm_unpackhi_epi64(out[i], out[i]));
  }
}

/* three planes to triples, bytes: 16 columns are 48 outputs; [plane][output vector] */
static const int8_t triple_of[9][16] = {
  { 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1, 5 },
  { -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10, -1 },
  { -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1, -1 },
  { -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1 },
  { 5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10 },
  { -1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1 },
  { -1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1 },
  { -1, 5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1 },
  { 10, -1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15 },
};
static size_t planes_3_bytes(size_t columns, const char *s, size_t sr, char *d) {
  __m128i pick[9];
  size_t c = 0;
  for (int i = 0; i < 9; ++i) pick[i] = _mm_loadu_si128((const __m128i *)(const void *)triple_of[i]);
  for (; c + 16 <= columns; c += 16) {
    const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + c));
    const __m128i y = _mm_loadu_si128((const __m128i *)(const void *)(s + sr + c));
    const __m128i z = _mm_loadu_si128((const __m128i *)(const void *)(s + 2 * sr + c));
    for (int o = 0; o < 3; ++o) {
      const __m128i xy = _mm_or_si128(_mm_shuffle_epi8(x, pick[o]), _mm_shuffle_epi8(y, pick[3 + o]));
      _mm_storeu_si128((__m128i *)(void *)(d + c * 3 + 16 * (size_t)o),
                       _mm_or_si128(xy, _mm_shuffle_epi8(z, pick[6 + o])));
    }
  }
  return c;
}

static void transpose_1(size_t rows, size_t columns, const void *src, size_t sr, void *dst, size_t dr) {
  const size_t r8 = rows / 8 * 8, c8 = columns / 8 * 8;
  const char *const s = src;
  char *const d = dst;
  if (rows == 3 && dr == 3) { /* pictures: planes to pixels */
    const size_t done = planes_3_bytes(columns, s, sr, d);
    ek_transpose_1__ref(3, columns - done, s + done, sr, d + done * 3, dr);
    return;
  }
  for (size_t c = 0; c < c8; c += 8) {
    for (size_t r = 0; r < r8; r += 8) block_1(s + r * sr + c, sr, d + c * dr + r, dr);
  }
  if (c8 < columns) ek_transpose_1__ref(r8, columns - c8, s + c8, sr, d + c8 * dr, dr);
  if (r8 < rows) ek_transpose_1__ref(rows - r8, columns, s + r8 * sr, sr, d + r8, dr);
}

const ek_move_kernel ek_move_8x8__avx2 = {
  .name = "move_8x8__avx2",
  .isa = EK_AVX2,
  .transpose = { transpose_1, ek_transpose_2__ref, transpose_4, ek_transpose_8__ref },
};
