/* SPDX-License-Identifier: Apache-2.0
 * f32 micro-kernels for any vector word: TILE(rows, vectors) defines one. All MR * NV sums stay in registers;
 * per k: NV panel loads and MR broadcasts. A file may bring its own SUM_TAPS, which adds the products of all taps, and
 * NARROW, which may hand a call of some tile to a function for few columns in the last vector and return. */
VF_INLINE vf tail_load(const float *p, size_t n) {
  return n == VF_LANES ? vf_load(p) : vf_load_n(p, n);
}
VF_INLINE void tail_store(float *p, vf v, size_t n) {
  if (n == VF_LANES) {
    vf_store(p, v);
  } else {
    vf_store_n(p, v, n);
  }
}

/* how weights are stored: a file may bring its own WEIGHT and WEIGHT_LOAD */
#ifndef WEIGHT
#  define WEIGHT float
#  define WEIGHT_LOAD vf_load
#endif

#define STR_(x) #x
#define UNROLL(n) _Pragma(STR_(GCC unroll n))

/* clang-format off */
#ifndef SUM_TAPS
#define SUM_TAPS(MR, NV)                                                                                         \
      for (size_t tap = 0; tap < g->taps; ++tap, rows += MR) {                                                   \
        const float *a[MR];                                                                                      \
        UNROLL(16) for (uint32_t i = 0; i < MR; ++i) a[i] = rows[i] + start_k + g->depth;                        \
        for (ptrdiff_t k = -(ptrdiff_t)g->depth; k != 0;) {                                                      \
          const ptrdiff_t stop = lines >= 8 && k < -16 ? k + 16 : 0;                                             \
          if (lines >= 8) {                                                                                      \
            UNROLL(8) for (uint32_t i = 0; i < 8; ++i) vf_fetch(next + i * EK_GEMM_F32_LINE);                      \
            next += 8 * EK_GEMM_F32_LINE;                                                                        \
            lines -= 8;                                                                                          \
          }                                                                                                      \
          for (; k != stop; ++k) {                                                                               \
          vf b[NV];                                                                                              \
          UNROLL(4) for (uint32_t j = 0; j < NV; ++j) b[j] = WEIGHT_LOAD(w + j * VF_LANES);                      \
          w += NV * VF_LANES;                                                                                    \
          UNROLL(16) for (uint32_t i = 0; i < MR; ++i) {                                                         \
            if (NV == 1) {                                                                                       \
              c[i][0] = vf_fma1(c[i][0], a[i] + k, b[0]);                                                        \
            } else {                                                                                             \
              const vf v = vf_set1(a[i][k]);                                                                     \
              UNROLL(4) for (uint32_t j = 0; j < NV; ++j) c[i][j] = vf_fma(c[i][j], v, b[j]);                    \
            }                                                                                                    \
          }                                                                                                      \
        }                                                                                                        \
        }                                                                                                        \
      }
#endif

#ifndef NARROW
#define NARROW(MR, NV)
#endif

#define TILE(MR, NV)                                                                                             \
  static void tile_##MR##x##NV(const ek_gemm_f32_call *g) {                                                       \
    NARROW(MR, NV)                                                                                               \
    size_t row = 0, lines = g->ahead_lines;                                                                      \
    const float *next = g->ahead;                                                                                \
    const vf lo = vf_set1(g->lo), hi = vf_set1(g->hi);                                                           \
    const bool clamp = g->lo > -INFINITY || g->hi < INFINITY;                                                    \
    (void)lines, (void)next; /* not every SUM_TAPS fetches */                                                    \
    for (size_t group = 0; group < g->groups; ++group, row += MR) {                                              \
      vf c[MR][NV];                                                                                              \
      UNROLL(4) for (uint32_t j = 0; j < NV; ++j) {                                                              \
        const vf start = g->bias ? vf_load(g->bias + j * VF_LANES) : vf_zero();                                  \
        UNROLL(16) for (uint32_t i = 0; i < MR; ++i) c[i][j] = start;                                            \
      }                                                                                                          \
      const WEIGHT *w = (const WEIGHT *)(const void *)g->w;                                                      \
      const float *const *rows = g->rows;                                                                        \
      const size_t start_k = group * g->a_step;                                                                  \
      SUM_TAPS(MR, NV)                                                                                           \
      const size_t tail = g->nc - (NV - 1) * VF_LANES;                                                           \
      if (g->residual) {                                                                                         \
        const float *from = g->residual + row * g->ldr;                                                          \
        UNROLL(16) for (uint32_t i = 0; i < MR; ++i, from += g->ldr) {                                           \
          UNROLL(4) for (uint32_t j = 0; j + 1 < NV; ++j) c[i][j] = vf_add(c[i][j], vf_load(from + j * VF_LANES));\
          c[i][NV - 1] = vf_add(c[i][NV - 1], tail_load(from + (NV - 1) * VF_LANES, tail));                      \
        }                                                                                                        \
      }                                                                                                          \
      if (clamp) {                                                                                               \
        UNROLL(16) for (uint32_t i = 0; i < MR; ++i) {                                                           \
          UNROLL(4) for (uint32_t j = 0; j < NV; ++j) c[i][j] = vf_min(hi, vf_max(lo, c[i][j]));                 \
        }                                                                                                        \
      }                                                                                                          \
      float *to = g->c + row * g->ldc;                                                                           \
      const size_t ldv = g->ldv ? g->ldv : VF_LANES;                                                             \
      UNROLL(16) for (uint32_t i = 0; i < MR; ++i, to += g->ldc) {                                               \
        UNROLL(4) for (uint32_t j = 0; j + 1 < NV; ++j) vf_store(to + j * ldv, c[i][j]);                         \
        tail_store(to + (NV - 1) * ldv, c[i][NV - 1], tail);                                                     \
      }                                                                                                          \
    }                                                                                                            \
  }

#define LINE(NV, PANELS)                                                                                         \
  static void line(const ek_gemm_f32_call *g, size_t step) {                                                     \
    const vf lo = vf_set1(g->lo), hi = vf_set1(g->hi);                                                           \
    const float *const a = g->rows[0];                                                                           \
    const WEIGHT *w[PANELS];                                                                                     \
    vf c[PANELS][NV];                                                                                            \
    UNROLL(4) for (uint32_t p = 0; p < PANELS; ++p) {                                                            \
      w[p] = (const WEIGHT *)(const void *)(g->w + p * step);                                                    \
      UNROLL(4) for (uint32_t j = 0; j < NV; ++j)                                                                \
        c[p][j] = g->bias ? vf_load(g->bias + p * step + j * VF_LANES) : vf_zero();                              \
    }                                                                                                            \
    for (size_t k = 0, at = 0; k < g->depth; ++k, at += NV * VF_LANES) {                                         \
      const vf v = vf_set1(a[k]);                                                                                \
      UNROLL(4) for (uint32_t p = 0; p < PANELS; ++p) {                                                          \
        UNROLL(4) for (uint32_t j = 0; j < NV; ++j)                                                              \
          c[p][j] = vf_fma(c[p][j], v, WEIGHT_LOAD(w[p] + at + j * VF_LANES));                                   \
      }                                                                                                          \
    }                                                                                                            \
    UNROLL(4) for (uint32_t p = 0; p < PANELS; ++p) {                                                            \
      UNROLL(4) for (uint32_t j = 0; j < NV; ++j) {                                                              \
        const size_t column = (p * NV + j) * VF_LANES;                                                           \
        const vf sum = g->residual ? vf_add(c[p][j], vf_load(g->residual + column)) : c[p][j];                   \
        vf_store(g->c + column, vf_min(hi, vf_max(lo, sum)));                                                    \
      }                                                                                                          \
    }                                                                                                            \
  }
/* clang-format on */
