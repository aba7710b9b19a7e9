/* SPDX-License-Identifier: Apache-2.0
 * 512-bit integer matrix kernel: included with QG_NAME, QG_KR (4: vpdpbusd, 2: vpmaddwd on widened bytes).
 *
 * Tiles of MR rows x NV * 16 columns, at most 24 accumulators. The multiply step is inline assembly: gcc copies and
 * spills accumulator arrays around the intrinsic. */
#include "qgemm.h"
#include <immintrin.h>
#include <string.h>

#define QG_INLINE static inline __attribute__((always_inline))

#if QG_KR == 4
typedef struct qg_bytes {
  uint8_t b[4];
} qg_bytes;
/* four activation bytes, flipped, in every lane: one instruction with an embedded broadcast */
QG_INLINE __m512i qg_x(const uint8_t *p, __m512i flip) {
  __m512i v;
  __asm__("vpxord %2%{1to16%}, %1, %0" : "=v"(v) : "v"(flip), "m"(*(const qg_bytes *)(const void *)p));
  return v;
}
QG_INLINE __m512i qg_w(const int8_t *p) {
  return _mm512_loadu_si512(p);
}
QG_INLINE void qg_mac(__m512i *c, __m512i x, __m512i w) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(*c) : "v"(x), "v"(w));
}
#else
/* two activations as s16 in every lane */
QG_INLINE __m512i qg_x(const uint8_t *p, __m512i flip) {
  uint16_t t;
  memcpy(&t, p, 2);
  const __m256i v = _mm256_xor_si256(_mm256_set1_epi16((short)t), _mm512_castsi512_si256(flip));
  return _mm512_cvtepu8_epi16(v);
}
QG_INLINE __m512i qg_w(const int8_t *p) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p));
}
QG_INLINE void qg_mac(__m512i *c, __m512i x, __m512i w) {
  __m512i t;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+v"(*c), "=&v"(t) : "v"(x), "v"(w));
}
#endif

/* `rows` rows of a packed vector, 64 / (4 / nv) bytes each: nv = 1: 16, nv = 2: 32, else one row */
QG_INLINE void qg_store(uint8_t *y, size_t stride, __m512i v, int nv, int rows, size_t cols) {
  if (nv >= 3) {
    if (cols >= 64)
      _mm512_storeu_si512(y, v);
    else
      _mm512_mask_storeu_epi8(y, ((__mmask64)1 << cols) - 1, v);
  } else if (nv == 2) {
    const __m256i a = _mm512_castsi512_si256(v), b = _mm512_extracti64x4_epi64(v, 1);
    if (cols == 32) {
      _mm256_storeu_si256((__m256i *)y, a);
      if (rows > 1) _mm256_storeu_si256((__m256i *)(y + stride), b);
    } else {
      const __mmask32 mask = ((__mmask32)1 << cols) - 1;
      _mm256_mask_storeu_epi8(y, mask, a);
      if (rows > 1) _mm256_mask_storeu_epi8(y + stride, mask, b);
    }
  } else {
    const __m128i r[4] = { _mm512_castsi512_si128(v), _mm512_extracti32x4_epi32(v, 1), _mm512_extracti32x4_epi32(v, 2),
                           _mm512_extracti32x4_epi32(v, 3) };
    const __mmask16 mask = (__mmask16)((1u << cols) - 1);
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) {
      if (cols == 16)
        _mm_storeu_si128((__m128i *)(y + (size_t)i * stride), r[i]);
      else
        _mm_mask_storeu_epi8(y + (size_t)i * stride, mask, r[i]);
    }
  }
}

/* what the epilogue keeps in registers: the stores might alias the call */
typedef struct qg_epilogue {
  __m512i zp, lo, hi;
  __m512 mult[4];
  int is_s32, is_s8, clamps;
} qg_epilogue;

QG_INLINE void qg_prepare(qg_epilogue *e, const ek_qgemm_call *c, int nv, size_t n0) {
  const int least = c->out == EK_Q_S8 ? -128 : 0;
  e->is_s32 = c->out == EK_Q_S32;
  e->is_s8 = c->out == EK_Q_S8;
  e->clamps = c->lo > least || c->hi < least + 255;
  e->zp = _mm512_set1_epi16((short)c->zero_point);
  e->lo = _mm512_set1_epi8((char)c->lo);
  e->hi = _mm512_set1_epi8((char)c->hi);
#pragma GCC unroll 4
  for (int j = 0; j < nv; ++j) e->mult[j] = e->is_s32 ? _mm512_setzero_ps() : _mm512_loadu_ps(c->mult + n0 + j * 16);
}

QG_INLINE void qg_out_s32(uint8_t *y, const __m512i *acc, int nv, size_t n0, size_t cols) {
#pragma GCC unroll 4
  for (int j = 0; j < nv; ++j) {
    const size_t left = cols - (size_t)j * 16;
    const __mmask16 mask = left >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << left) - 1u);
    _mm512_mask_storeu_epi32(y + (n0 + (size_t)j * 16) * 4, mask, acc[j]);
  }
}

/* `rows` rows, together at most four vectors, in one pack. cols: valid columns of this panel, (nv - 1) * 16 < cols <=
   nv * 16 */
QG_INLINE void qg_pack(const qg_epilogue *e, uint8_t *y, size_t stride, const __m512i *q, int nv, int rows, size_t n0,
                       size_t cols) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i p0 = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), e->zp);
  const __m512i p1 = nv * rows > 2 ? _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), e->zp) : e->zp;
  __m512i b = _mm512_permutexvar_epi32(order, e->is_s8 ? _mm512_packs_epi16(p0, p1) : _mm512_packus_epi16(p0, p1));
  if (e->clamps) { /* slow on 512 bits, and seldom needed: the packs saturate */
    b = e->is_s8 ? _mm512_min_epi8(_mm512_max_epi8(b, e->lo), e->hi)
                 : _mm512_min_epu8(_mm512_max_epu8(b, e->lo), e->hi);
  }
  qg_store(y + n0, stride, b, nv, rows, cols);
}

QG_INLINE __m512 qg_product(const qg_epilogue *e, __m512i acc, int column) {
  return _mm512_mul_ps(_mm512_cvtepi32_ps(acc), e->mult[column]);
}

QG_INLINE void qg_out(const qg_epilogue *e, uint8_t *y, size_t stride, const __m512i *acc, int nv, int rows, size_t n0,
                      size_t cols) {
  __m512i q[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j)
    q[j] = j < nv * rows ? _mm512_cvtps_epi32(qg_product(e, acc[j], j % nv)) : _mm512_setzero_si512();
  qg_pack(e, y, stride, q, nv, rows, n0, cols);
}

/* what a residual needs beside e */
typedef struct qg_residual {
  __m512 lo, hi, ra, rb; /* of the product, less its zero point */
  __m512i zb;
  __m128i flip;
  const uint8_t *b; /* first row of the tile, column n0 */
} qg_residual;

/* makes e that of the sum */
QG_INLINE void qg_prepare_residual(qg_residual *r, qg_epilogue *e, const ek_qgemm_call *c, size_t m, size_t n0) {
  const ek_qelt_args *const p = c->add;
  const int least = p->y_signed ? -128 : 0;
  r->lo = _mm512_set1_ps((float)(c->lo - c->zero_point));
  r->hi = _mm512_set1_ps((float)(c->hi - c->zero_point));
  r->ra = _mm512_set1_ps(p->ra);
  r->rb = _mm512_set1_ps(p->rb);
  r->zb = _mm512_set1_epi32(p->zb);
  r->flip = _mm_set1_epi32((int)p->flip_b);
  r->b = c->residual + m * c->y_stride + n0;
  e->is_s8 = p->y_signed != 0;
  e->clamps = p->lo > least || p->hi < least + 255;
  e->zp = _mm512_set1_epi16((short)p->zy);
  e->lo = _mm512_set1_epi8((char)p->lo);
  e->hi = _mm512_set1_epi8((char)p->hi);
}

/* (product less its zero point) * ra + (b - zb) * rb, every operation rounded */
QG_INLINE __m512i qg_add(const qg_residual *r, __m512 product, const uint8_t *b, size_t cols) {
  const __m128i bytes =
      cols >= 16 ? _mm_loadu_si128((const __m128i *)b) : _mm_maskz_loadu_epi8((__mmask16)((1u << cols) - 1), b);
  const __m512i v = _mm512_sub_epi32(_mm512_cvtepu8_epi32(_mm_xor_si128(bytes, r->flip)), r->zb);
  const __m512 whole = _mm512_roundscale_ps(product, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 a = _mm512_mul_ps(_mm512_min_ps(_mm512_max_ps(whole, r->lo), r->hi), r->ra);
  return _mm512_cvtps_epi32(_mm512_add_ps(a, _mm512_mul_ps(_mm512_cvtepi32_ps(v), r->rb)));
}

QG_INLINE void qg_out_added(const qg_residual *r, const qg_epilogue *e, uint8_t *y, size_t stride, size_t row,
                            const __m512i *acc, int nv, int rows, size_t n0, size_t cols) {
  __m512i q[4];
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const size_t column = (size_t)(j % nv) * 16;
    q[j] = j < nv * rows ? qg_add(r, qg_product(e, acc[j], j % nv), r->b + (row + (size_t)(j / nv)) * stride + column,
                                  cols - column)
                         : _mm512_setzero_si512();
  }
  qg_pack(e, y, stride, q, nv, rows, n0, cols);
}

#define QG_TILE(MR, NV)                                                                                             \
  static void tile_##MR##x##NV(const ek_qgemm_call *c, size_t m, const int8_t *w, size_t n0, size_t cols,           \
                               const int8_t *next) {                                                                \
    const __m512i flip = _mm512_set1_epi32((int)c->flip);                                                           \
    __m512i acc[MR * NV];                                                                                           \
    _Pragma("GCC unroll 16") for (int i = 0; i < MR; ++i) {                                                         \
      _Pragma("GCC unroll 4") for (int j = 0; j < NV; ++j) acc[i * NV + j] =                                        \
          _mm512_loadu_si512(c->bias + n0 + 16 * j);                                                                \
    }                                                                                                               \
    const size_t body = c->k / QG_KR * QG_KR, rest = c->k - body;                                                   \
    for (size_t t = 0; t < c->taps; ++t) {                                                                          \
      const uint8_t *const *const rows = c->a + t * c->a_ld + m;                                                    \
      const uint8_t *p[MR];                                                                                         \
      _Pragma("GCC unroll 16") for (int i = 0; i < MR; ++i) p[i] = rows[i];                                         \
      for (size_t k = 0; k < body; k += QG_KR, w += NV * 16 * QG_KR) {                                              \
        __m512i b[NV];                                                                                              \
        _Pragma("GCC unroll 4") for (int j = 0; j < NV; ++j) b[j] = qg_w(w + j * 16 * QG_KR);                       \
        if (NV == 4) __builtin_prefetch(next, 0, 2);                                                                \
        next += 64;                                                                                                 \
        _Pragma("GCC unroll 16") for (int i = 0; i < MR; ++i) {                                                     \
          const __m512i x = qg_x(p[i] + k, flip);                                                                   \
          _Pragma("GCC unroll 4") for (int j = 0; j < NV; ++j) qg_mac(&acc[i * NV + j], x, b[j]);                   \
        }                                                                                                           \
      }                                                                                                             \
      if (rest != 0) { /* never reads past a row */                                                                 \
        __m512i b[NV];                                                                                              \
        _Pragma("GCC unroll 4") for (int j = 0; j < NV; ++j) b[j] = qg_w(w + j * 16 * QG_KR);                       \
        _Pragma("GCC unroll 16") for (int i = 0; i < MR; ++i) {                                                     \
          uint8_t last[4] = { p[i][body], 0, 0, 0 };                                                                \
          if (rest > 1) last[1] = p[i][body + 1];                                                                   \
          if (rest > 2) last[2] = p[i][body + 2];                                                                   \
          const __m512i x = qg_x(last, flip);                                                                       \
          _Pragma("GCC unroll 4") for (int j = 0; j < NV; ++j) qg_mac(&acc[i * NV + j], x, b[j]);                   \
        }                                                                                                           \
        w += NV * 16 * QG_KR;                                                                                       \
      }                                                                                                             \
    }                                                                                                               \
    const size_t y_stride = c->y_stride;                                                                            \
    uint8_t *y = (uint8_t *)c->y + m * y_stride;                                                                    \
    qg_epilogue e;                                                                                                  \
    qg_prepare(&e, c, NV, n0);                                                                                      \
    if (e.is_s32) {                                                                                                 \
      _Pragma("GCC unroll 16") for (int i = 0; i < MR; ++i)                                                         \
          qg_out_s32(y + (size_t)i * y_stride, acc + i * NV, NV, n0, cols);                                         \
      return;                                                                                                       \
    }                                                                                                               \
    enum { TOGETHER = NV >= 3 ? 1 : 4 / NV };                                                                       \
    if (c->add != NULL) {                                                                                           \
      qg_residual r;                                                                                                \
      qg_prepare_residual(&r, &e, c, m, n0);                                                                        \
      _Pragma("GCC unroll 16") for (int i = 0; i < MR; i += TOGETHER)                                               \
          qg_out_added(&r, &e, y + (size_t)i * y_stride, y_stride, (size_t)i, acc + i * NV, NV,                     \
                       MR - i < TOGETHER ? MR - i : TOGETHER, n0, cols);                                            \
      return;                                                                                                       \
    }                                                                                                               \
    _Pragma("GCC unroll 16") for (int i = 0; i < MR; i += TOGETHER) qg_out(                                         \
        &e, y + (size_t)i * y_stride, y_stride, acc + i * NV, NV, MR - i < TOGETHER ? MR - i : TOGETHER, n0, cols); \
  }

QG_TILE(6, 4)
QG_TILE(4, 4)
QG_TILE(3, 4)
QG_TILE(2, 4)
QG_TILE(1, 4)
QG_TILE(8, 3)
QG_TILE(4, 3)
QG_TILE(2, 3)
QG_TILE(1, 3)
QG_TILE(12, 2)
QG_TILE(6, 2)
QG_TILE(3, 2)
QG_TILE(1, 2)
QG_TILE(12, 1)
QG_TILE(6, 1)
QG_TILE(3, 1)
QG_TILE(1, 1)

#define QG_RUN(MR, NV) \
  for (; m + MR <= c->m; m += MR) tile_##MR##x##NV(c, m, w, n0, cols, w);

/* The first tiles of a panel fetch the next panel, a line for each step, so that weights come from beyond the
   second-level cache while others are multiplied. */
static void qg_panel64(const ek_qgemm_call *c, size_t n0, size_t cols, const int8_t *w, size_t panel) {
  const int8_t *next = w + panel;
  size_t left = c->n - n0 > 64 ? (panel + 63) / 64 : 0, m = 0; /* lines to fetch */
  const size_t lines = panel / 256;
  for (; m + 6 <= c->m && c->m - m != 7; m += 6) {
    tile_6x4(c, m, w, n0, cols, left ? next : w);
    next += lines * 64;
    left -= left < lines ? left : lines;
  }
  QG_RUN(4, 4)
  QG_RUN(3, 4)
  QG_RUN(2, 4)
  QG_RUN(1, 4)
}

#if QG_KR == 4
#  include "x86_shallow.inl"
#  include "x86_window.inl"
#else
static int qg_try_window(const ek_qgemm_call *c) {
  (void)c;
  return 0;
}
static int qg_try_shallow(const ek_qgemm_call *c) {
  (void)c;
  return 0;
}
#endif

void QG_NAME(const ek_qgemm_call *c) {
  if (qg_try_shallow(c) || qg_try_window(c)) return;
  const size_t depth = (size_t)c->taps * ((c->k + QG_KR - 1) / QG_KR * QG_KR);
  for (size_t n0 = 0; n0 < c->n; n0 += 64) {
    const size_t cols = c->n - n0 < 64 ? c->n - n0 : 64;
    const int8_t *const w = c->w + n0 * depth;
    size_t m = 0;
    if (cols > 48) {
      qg_panel64(c, n0, cols, w, depth * 64);
    } else if (cols > 32) {
      QG_RUN(8, 3)
      QG_RUN(4, 3)
      QG_RUN(2, 3)
      QG_RUN(1, 3)
    } else if (cols > 16) {
      QG_RUN(12, 2)
      QG_RUN(6, 2)
      QG_RUN(3, 2)
      QG_RUN(1, 2)
    } else {
      QG_RUN(12, 1)
      QG_RUN(6, 1)
      QG_RUN(3, 1)
      QG_RUN(1, 1)
    }
  }
}
