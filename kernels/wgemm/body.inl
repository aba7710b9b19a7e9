/* SPDX-License-Identifier: Apache-2.0
 * f32 products with small weights over vectors of words. The includer defines: LANES, f32v, wordv and
 *   f32v_zero() f32v_load(p) f32v_store(p, v) f32v_one(x) f32v_fma(a, b, c) = a * b + c, f32v_add, f32v_sub, f32v_mul
 *   wordv_load(p) wordv_value(w, i, bits) = value i of each word as f32; zeros_load(p) = LANES bytes as f32. */

#define BITS_INLINE static inline __attribute__((always_inline))

BITS_INLINE void decode_bits(const ek_wgemm_shape *s, const ek_wgemm_group *g, size_t k0, size_t k1, float *to,
                             size_t step, const int bits) {
  const int per = 32 / bits; /* not in the loops: under UBSan a division there ends them in two ways */
  for (size_t k = k0; k < k1;) {
    const size_t b = k / s->block, block_end = s->block >= s->k ? s->k : (b + 1) * s->block;
    const size_t end = block_end < k1 ? block_end : k1;
    const f32v scale = f32v_load(g->scale + b * LANES), zero = zeros_load(g->zero + b * LANES);
    for (; end - k >= (size_t)per; k += (size_t)per) {
      const wordv w = wordv_load(g->words + k / (size_t)per * LANES);
#pragma GCC unroll 16
      for (int i = 0; i < per; ++i, to += step)
        f32v_store(to, f32v_mul(f32v_sub(wordv_value(w, i, bits), zero), scale));
    }
    if (k < end) {
      const wordv w = wordv_load(g->words + k / (size_t)per * LANES);
#pragma GCC unroll 16
      for (int i = 0; i < per; ++i) {
        if ((size_t)i >= end - k) break;
        f32v_store(to + (size_t)i * step, f32v_mul(f32v_sub(wordv_value(w, i, bits), zero), scale));
      }
      to += (end - k) * step;
      k = end;
    }
  }
}

/* Four sums at once; *all: the sum of a. */
BITS_INLINE f32v block_sum(const uint32_t *words, const float *a, size_t n, float *all, const int bits) {
  const int per = 32 / bits;
  f32v s0 = f32v_zero(), s1 = s0, s2 = s0, s3 = s0;
  float t0 = 0.0f, t1 = 0.0f, t2 = 0.0f, t3 = 0.0f;
  size_t k = 0;
  for (; n - k >= (size_t)per; k += (size_t)per, words += LANES, a += per) {
    const wordv w = wordv_load(words);
#pragma GCC unroll 16
    for (int i = 0; i < per; i += 4) {
      s0 = f32v_fma(wordv_value(w, i, bits), f32v_one(a[i]), s0);
      s1 = f32v_fma(wordv_value(w, i + 1, bits), f32v_one(a[i + 1]), s1);
      s2 = f32v_fma(wordv_value(w, i + 2, bits), f32v_one(a[i + 2]), s2);
      s3 = f32v_fma(wordv_value(w, i + 3, bits), f32v_one(a[i + 3]), s3);
      t0 += a[i];
      t1 += a[i + 1];
      t2 += a[i + 2];
      t3 += a[i + 3];
    }
  }
  if (k < n) {
    const wordv w = wordv_load(words);
#pragma GCC unroll 16
    for (int i = 0; i < per; ++i) {
      if ((size_t)i >= n - k) break;
      s0 = f32v_fma(wordv_value(w, i, bits), f32v_one(a[i]), s0);
      t0 += a[i];
    }
  }
  *all = (t0 + t1) + (t2 + t3);
  return f32v_add(f32v_add(s0, s1), f32v_add(s2, s3));
}

enum { PIECE = 128 }; /* longer sums are made of parts */

BITS_INLINE void line_bits(const ek_wgemm_shape *s, const ek_wgemm_group *g, const float *a, float *y, const int bits) {
  f32v sum = f32v_zero();
  for (size_t k = 0, end; k < s->k; k = end) {
    const size_t b = k / s->block, left = s->block - k % s->block, n = left < PIECE ? left : PIECE;
    float all = 0.0f;
    end = s->k - k < n ? s->k : k + n;
    const f32v part = block_sum(g->words + k / (32 / (size_t)bits) * LANES, a + k, end - k, &all, bits);
    const f32v zeros = f32v_mul(zeros_load(g->zero + b * LANES), f32v_one(all));
    sum = f32v_fma(f32v_sub(part, zeros), f32v_load(g->scale + b * LANES), sum);
  }
  f32v_store(y, sum);
}

static void decode(const ek_wgemm_shape *s, const ek_wgemm_group *g, size_t k0, size_t k1, float *to, size_t step) {
  if (s->bits == 4) decode_bits(s, g, k0, k1, to, step, 4);
  if (s->bits == 8) decode_bits(s, g, k0, k1, to, step, 8);
  if (s->bits == 2) decode_bits(s, g, k0, k1, to, step, 2);
}

static void line(const ek_wgemm_shape *s, const ek_wgemm_group *g, const float *a, float *y) {
  if (s->bits == 4) line_bits(s, g, a, y, 4);
  if (s->bits == 8) line_bits(s, g, a, y, 8);
  if (s->bits == 2) line_bits(s, g, a, y, 2);
}
