/* SPDX-License-Identifier: Apache-2.0
 * Winograd transforms for any vector word. A two-dimensional transform is the one-dimensional one down the columns,
 * then along the lines; between them it rests on the stack (in L1). */
#define UNROLL_(n) _Pragma(#n)
#define UNROLL UNROLL_(GCC unroll 6)

#define A1 0.70710678118654752f /* sqrt(1/2), and its cube */
#define A3 0.35355339059327376f
#define B1 1.41421356237309505f /* sqrt(2), and its cube */
#define B3 2.82842712474619010f
#define NEAR (-2.0f / 3.0f)
#define FAR (1.0f / 6.0f)

VF_INLINE void in4(const vf *x, vf *v) {
  const vf two = vf_set1(2.0f), half = vf_set1(0.5f), c = vf_set1(2.5f), a = vf_set1(A1), b = vf_set1(B1);
  const vf e1 = vf_nmadd(two, x[2], x[4]), o1 = vf_nmadd(two, x[1], x[3]);
  const vf e2 = vf_nmadd(half, x[2], x[4]), o2 = vf_nmadd(half, x[1], x[3]);
  v[0] = vf_nmadd(c, x[2], vf_add(x[0], x[4]));
  v[1] = vf_madd(a, o1, e1);
  v[2] = vf_nmadd(a, o1, e1);
  v[3] = vf_madd(b, o2, e2);
  v[4] = vf_nmadd(b, o2, e2);
  v[5] = vf_nmadd(c, x[3], vf_add(x[1], x[5]));
}

VF_INLINE void out4(const vf *m, vf *y) {
  const vf s1 = vf_add(m[1], m[2]), d1 = vf_sub(m[1], m[2]), s2 = vf_add(m[3], m[4]), d2 = vf_sub(m[3], m[4]);
  y[0] = vf_madd(vf_set1(NEAR), s1, vf_madd(vf_set1(FAR), s2, m[0]));
  y[1] = vf_madd(vf_set1(NEAR * A1), d1, vf_mul(vf_set1(FAR * B1), d2));
  y[2] = vf_madd(vf_set1(NEAR * 0.5f), s1, vf_mul(vf_set1(FAR * 2.0f), s2));
  y[3] = vf_madd(vf_set1(NEAR * A3), d1, vf_madd(vf_set1(FAR * B3), d2, m[5]));
}

VF_INLINE void in2(const vf *x, vf *v) {
  v[0] = vf_sub(x[0], x[2]);
  v[1] = vf_add(x[1], x[2]);
  v[2] = vf_sub(x[2], x[1]);
  v[3] = vf_sub(x[3], x[1]);
}

/* Rows of the weights' transform come in pairs that differ in a sign: a + EVEN * c +- ODD * b, less the factors -2/3
 * and 1/6 (m = 2: 1/2), which out4 and out2 make good. */
static const float even4[2] = { 0.5f, 2.0f }, odd4[2] = { A1, B1 }, even2[1] = { 1.0f }, odd2[1] = { 1.0f };
VF_INLINE void pair(float even, float odd, vf a, vf b, vf c, vf *plus, vf *minus) {
  const vf sum = vf_madd(vf_set1(even), c, a);
  *plus = vf_madd(vf_set1(odd), b, sum);
  *minus = vf_nmadd(vf_set1(odd), b, sum);
}

VF_INLINE void out2(const vf *m, vf *y) {
  const vf half = vf_set1(0.5f);
  y[0] = vf_madd(half, vf_add(m[1], m[2]), m[0]);
  y[1] = vf_madd(half, vf_sub(m[1], m[2]), m[3]);
}

VF_INLINE vf some_load(const float *p, size_t n) {
  return n >= VF_LANES ? vf_load(p) : vf_load_n(p, n);
}
VF_INLINE void some_store(float *p, vf v, size_t n) {
  if (n >= VF_LANES) {
    vf_store(p, v);
  } else {
    vf_store_n(p, v, n);
  }
}

/* 9 taps of `width` columns */
VF_INLINE void widen(const uint16_t *half, size_t columns, size_t width, float *to) {
  for (size_t t = 0; t < 9; ++t, half += columns, to += width)
    for (size_t j = 0; j < width; j += VF_LANES) vf_store(to + j, vf_load_half(half + j));
}

/* clang-format off */
#define TRANSFORMS(M, N)                                                                             \
  VF_INLINE void input_vector##M(const float *const *from, size_t c, size_t n, float *v, size_t step) { \
    vf t[N][N];                                                                                      \
    UNROLL for (uint32_t j = 0; j < N; ++j) {                                                        \
      vf x[N], r[N];                                                                                 \
      UNROLL for (uint32_t i = 0; i < N; ++i) x[i] = some_load(from[i * N + j] + c, n);              \
      in##M(x, r);                                                                                   \
      UNROLL for (uint32_t i = 0; i < N; ++i) t[i][j] = r[i];                                        \
    }                                                                                                \
    UNROLL for (uint32_t i = 0; i < N; ++i) {                                                        \
      vf r[N];                                                                                       \
      in##M(t[i], r);                                                                                \
      UNROLL for (uint32_t j = 0; j < N; ++j, v += step) some_store(v + c, r[j], n);                 \
    }                                                                                                \
  }                                                                                                  \
  static void input##M(const float *const *from, size_t c, float *v, size_t step) {                  \
    size_t i = 0;                                                                                    \
    for (; i + VF_LANES <= c; i += VF_LANES) input_vector##M(from, i, VF_LANES, v, step);            \
    if (i < c) input_vector##M(from, i, c - i, v, step);                                             \
  }                                                                                                  \
  VF_INLINE void output_vector##M(const ek_winograd_f32_result *g, size_t c, size_t n) {             \
    vf t[M][N];                                                                                      \
    const float *m = g->m + c;                                                                       \
    UNROLL for (uint32_t j = 0; j < N; ++j, m += g->step) {                                          \
      vf x[N], r[M];                                                                                 \
      UNROLL for (uint32_t i = 0; i < N; ++i) x[i] = vf_load(m + i * N * g->step);                   \
      out##M(x, r);                                                                                  \
      UNROLL for (uint32_t i = 0; i < M; ++i) t[i][j] = r[i];                                        \
    }                                                                                                \
    const vf bias = vf_load(g->bias + c), lo = vf_set1(g->lo), hi = vf_set1(g->hi);                  \
    for (uint32_t i = 0; i < g->rows; ++i) {                                                         \
      vf r[M];                                                                                       \
      size_t at = i * g->line + c;                                                                   \
      out##M(t[i], r);                                                                               \
      UNROLL for (uint32_t j = 0; j < M; ++j, at += g->pixel) {                                      \
        if (j >= g->columns) break;                                                                  \
        vf y = vf_add(r[j], bias);                                                                   \
        if (g->residual) y = vf_add(y, some_load(g->residual + at, n));                              \
        some_store(g->y + at, vf_min(hi, vf_max(lo, y)), n);                                         \
      }                                                                                              \
    }                                                                                                \
  }                                                                                                  \
  VF_INLINE void weights_line##M(vf a, vf b, vf c, float *u, size_t step) {                          \
    vf_store(u, a);                                                                                  \
    UNROLL for (uint32_t q = 0; q < M / 2; ++q) {                                                    \
      vf plus, minus;                                                                                \
      pair(even##M[q], odd##M[q], a, b, c, &plus, &minus);                                           \
      vf_store(u + (2 * q + 1) * step, plus);                                                        \
      vf_store(u + (2 * q + 2) * step, minus);                                                       \
    }                                                                                                \
    vf_store(u + (N - 1) * step, c);                                                                 \
  }                                                                                                  \
  VF_INLINE void weights_vector##M(const float *w, size_t tap, float *u, size_t step) {              \
    const float *const x = w + 3 * tap, *const y = w + 6 * tap;                                      \
    weights_line##M(vf_load(w), vf_load(w + tap), vf_load(w + 2 * tap), u, step);                    \
    UNROLL for (uint32_t q = 0; q < M / 2; ++q) {                                                    \
      vf p[3], r[3];                                                                                 \
      UNROLL for (uint32_t i = 0; i < 3; ++i)                                                        \
        pair(even##M[q], odd##M[q], vf_load(w + i * tap), vf_load(x + i * tap), vf_load(y + i * tap), p + i, r + i); \
      weights_line##M(p[0], p[1], p[2], u + (2 * q + 1) * N * step, step);                           \
      weights_line##M(r[0], r[1], r[2], u + (2 * q + 2) * N * step, step);                           \
    }                                                                                                \
    weights_line##M(vf_load(y), vf_load(y + tap), vf_load(y + 2 * tap), u + (N - 1) * N * step, step); \
  }                                                                                                  \
  static void weights##M(const ek_winograd_f32_weights *g) {                                         \
    float wide[9 * EK_WINOGRAD_F32_MAX_WIDTH];                                                       \
    float *u = g->u;                                                                                 \
    for (size_t k = 0; k < g->depth; ++k, u += g->width) {                                           \
      const float *const w = g->half ? wide : g->w + k * 9 * g->columns;                             \
      const size_t tap = g->half ? g->width : g->columns;                                            \
      if (g->half) widen(g->half + k * 9 * g->columns, g->columns, g->width, wide);                  \
      for (size_t j = 0; j < g->width; j += VF_LANES) weights_vector##M(w + j, tap, u + j, g->step); \
    }                                                                                                \
  }                                                                                                  \
  static void output##M(const ek_winograd_f32_result *g) {                                           \
    size_t c = 0;                                                                                    \
    for (; c + VF_LANES <= g->nc; c += VF_LANES) output_vector##M(g, c, VF_LANES);                   \
    if (c < g->nc) output_vector##M(g, c, g->nc - c);                                                \
  }
/* clang-format on */

TRANSFORMS(4, 6)
TRANSFORMS(2, 4)
