/* SPDX-License-Identifier: Apache-2.0
 * f32 products with small weights: selection, packing, and the loops around decoding. */
#include "wgemm.h"

#include <math.h>
#include <string.h>

static const ek_wgemm_kernel *const table[] = {
#define EK_WGEMM(isa, kernel) &kernel,
#include "wgemm.def"
#undef EK_WGEMM
};

const ek_wgemm_kernel *ek_wgemm_at(uint32_t i) {
  return i < EK_COUNT(table) ? table[i] : NULL;
}

const ek_wgemm_kernel *ek_wgemm_select(uint64_t have, uint32_t lanes) {
  for (size_t i = 0; i < EK_COUNT(table); ++i) {
    if ((table[i]->isa & ~have) == 0 && (table[i]->lanes == lanes || table[i]->lanes == 0)) return table[i];
  }
  return NULL;
}

/* ---- the packed form */

static size_t blocks_of(const ek_wgemm_shape *s) {
  return s->k / s->block + (s->k % s->block != 0);
}

static size_t units_of(const ek_wgemm_shape *s) {
  const size_t per = 32 / s->bits;
  return s->k / per + (s->k % per != 0);
}

static size_t group_bytes(const ek_wgemm_shape *s) {
  const size_t bytes = s->lanes * (4 * units_of(s) + 5 * blocks_of(s));
  return (bytes + 63) / 64 * 64;
}

bool ek_wgemm_fits(const ek_wgemm_shape *s) {
  if ((s->bits != 2 && s->bits != 4 && s->bits != 8) || s->lanes == 0 || s->lanes > EK_WGEMM_LANES) return false;
  if (s->k == 0 || s->n == 0 || s->block == 0 || s->k > INT32_MAX || s->n > INT32_MAX) return false;
  return s->block >= s->k || s->block % 16 == 0;
}

uint64_t ek_wgemm_packed_bytes(const ek_wgemm_shape *s) {
  return ((uint64_t)s->n + s->lanes - 1) / s->lanes * group_bytes(s);
}

static ek_wgemm_group group_at(const ek_wgemm_shape *s, const void *packed, size_t i) {
  const unsigned char *const p = (const unsigned char *)packed + i * group_bytes(s);
  ek_wgemm_group g = { .words = (const uint32_t *)(const void *)p };
  g.scale = (const float *)(const void *)(p + s->lanes * units_of(s) * 4);
  g.zero = (const int8_t *)(const void *)(g.scale + s->lanes * blocks_of(s));
  return g;
}

/* element i of packed values, in the form that it is stored in */
static uint32_t value_at(const void *q, size_t i, uint32_t bits, uint32_t flip) {
  const size_t per = 8 / bits;
  const uint32_t byte = ((const uint8_t *)q)[i / per];
  return (byte >> (i % per * bits) & ((1u << bits) - 1)) ^ flip;
}

/* Word u of a column; `line`: address of the column's values, when they lie in words already. */
static uint32_t word_of(const ek_wgemm_shape *s, const ek_wgemm_source *from, size_t u, size_t column, uint32_t flip) {
  const size_t per = 32 / s->bits, k0 = u * per, end = s->k - k0 < per ? s->k - k0 : per;
  const size_t first = k0 * from->sk + column * from->sn;
  uint32_t word = 0;
  if (end == per && from->sk == 1 && first * s->bits % 8 == 0) {
    const uint8_t *const b = (const uint8_t *)from->q + first * s->bits / 8;
    word = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    for (size_t i = 0; i < per && flip; ++i) word ^= flip << (i * s->bits);
    return word;
  }
  for (size_t i = 0; i < end; ++i) word |= value_at(from->q, first + i * from->sk, s->bits, flip) << (i * s->bits);
  return word;
}

void ek_wgemm_pack(const ek_wgemm_shape *s, const ek_wgemm_source *from, void *packed) {
  const size_t groups = (s->n + s->lanes - 1) / s->lanes, units = units_of(s), blocks = blocks_of(s);
  const uint32_t half = 1u << (s->bits - 1), flip = from->is_signed ? 0 : half;
  memset(packed, 0, (size_t)ek_wgemm_packed_bytes(s));
  for (size_t g = 0; g < groups; ++g) {
    unsigned char *const p = (unsigned char *)packed + g * group_bytes(s);
    uint32_t *const words = (uint32_t *)(void *)p;
    float *const scale = (float *)(void *)(p + s->lanes * units * 4);
    int8_t *const zero = (int8_t *)(void *)(scale + s->lanes * blocks);
    const size_t real = s->n - g * s->lanes < s->lanes ? s->n - g * s->lanes : s->lanes;
    for (size_t u = 0; u < units; ++u)
      for (size_t j = 0; j < real; ++j) words[u * s->lanes + j] = word_of(s, from, u, g * s->lanes + j, flip);
    for (size_t b = 0; b < blocks; ++b) {
      for (size_t j = 0; j < real; ++j) {
        const size_t at = b * from->ck + (g * s->lanes + j) * from->cn;
        scale[b * s->lanes + j] = from->scale[at];
        const uint32_t z = from->zero ? value_at(from->zero, at, s->bits, flip) : flip;
        zero[b * s->lanes + j] = (int8_t)((int32_t)(z ^ half) - (int32_t)half);
      }
    }
  }
}

/* ---- the product */

static float clamp(float v, float lo, float hi) {
  v = v > lo ? v : lo;
  return v < hi ? v : hi;
}

/* Row m, columns of panel at `column`. */
static void one_row(const ek_wgemm_args *g, size_t m, size_t column, size_t nc, uint32_t nv) {
  const size_t lanes = g->shape.lanes;
  float y[EK_WGEMM_LANES];
  for (uint32_t v = 0; v < nv; ++v) {
    const ek_wgemm_group group = group_at(&g->shape, g->packed, column / lanes + v);
    const size_t c0 = column + v * lanes, real = nc - v * lanes < lanes ? nc - v * lanes : lanes;
    float *const c = g->c + m * g->ldc + c0;
    g->kernel->line(&g->shape, &group, g->a + m * g->lda, y);
    for (size_t j = 0; j < real; ++j) {
      float sum = g->bias ? g->bias[c0 + j] + y[j] : y[j];
      if (g->residual) sum += g->residual[m * g->ldr + c0 + j];
      c[j] = clamp(sum, g->lo, g->hi);
    }
  }
}

/* All rows against a decoded piece of a panel. */
static void piece(const ek_wgemm_args *g, size_t m0, size_t m1, uint32_t nv, size_t column, ek_gemm_f32_call call,
                  size_t k0) {
  const float *rows[EK_GEMM_F32_MAX_ROWS];
  const float *const residual = call.residual;
  call.rows = rows;
  for (size_t m = m0; m < m1;) {
    const size_t mr = ek_gemm_f32_next_rows(g->row, nv, m1 - m, &call.groups);
    for (size_t i = 0; i < mr; ++i) rows[i] = g->a + (m + i) * g->lda + k0;
    call.a_step = mr * g->lda;
    call.c = g->c + m * g->ldc + column;
    call.residual = residual ? residual + m * call.ldr + column : NULL;
    g->row->fn[nv - 1][mr - 1](&call);
    m += call.groups * mr;
  }
}

static void panel(const ek_wgemm_args *g, size_t m0, size_t m1, size_t column, size_t nc, uint32_t nv, float *buffer) {
  const size_t lanes = g->shape.lanes, width = nv * lanes, k = g->shape.k;
  float bias[EK_GEMM_F32_MAX_NV * EK_WGEMM_LANES];
  for (size_t j = 0; j < width; ++j) bias[j] = g->bias && j < nc ? g->bias[column + j] : 0.0f;
  for (size_t k0 = 0; k0 < k; k0 += EK_WGEMM_DEPTH) {
    const size_t k1 = k - k0 < EK_WGEMM_DEPTH ? k : k0 + EK_WGEMM_DEPTH;
    const bool first = k0 == 0, last = k1 == k;
    for (uint32_t v = 0; v < nv; ++v) {
      const ek_wgemm_group group = group_at(&g->shape, g->packed, column / lanes + v);
      g->kernel->decode(&g->shape, &group, k0, k1, buffer + v * lanes, width);
    }
    ek_gemm_f32_call call = {
      .taps = 1,
      .depth = k1 - k0,
      .w = buffer,
      .bias = first ? bias : NULL,
      .ldc = g->ldc,
      .residual = first ? g->residual : g->c,
      .ldr = first ? g->ldr : g->ldc,
      .nc = nc,
      .lo = last ? g->lo : -INFINITY,
      .hi = last ? g->hi : INFINITY,
    };
    piece(g, m0, m1, nv, column, call, k0);
  }
}

void ek_wgemm_block(const ek_wgemm_args *g, size_t m0, size_t m1, size_t p0, size_t p1, float *buffer) {
  enum { FEW = 2 };
  const size_t lanes = g->shape.lanes, most = (size_t)g->row->nv_max * lanes;
  for (size_t p = p0; p < p1; ++p) {
    const size_t column = p * most, left = g->shape.n - column, nc = left < most ? left : most;
    const uint32_t nv = (uint32_t)((nc + lanes - 1) / lanes);
    if (g->lines && m1 - m0 <= FEW) {
      for (size_t m = m0; m < m1; ++m) one_row(g, m, column, nc, nv);
    } else {
      panel(g, m0, m1, column, nc, nv, buffer);
    }
  }
}
