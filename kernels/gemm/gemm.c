/* SPDX-License-Identifier: Apache-2.0
 * f32 matrix products: selection, packing, and the loops around the micro-kernels. */
#include "gemm.h"

#include "../move/transpose.h"
#include <math.h>
#include <string.h>
#if defined(__SSE2__)
#  include <xmmintrin.h>
#endif

static const ek_gemm_f32_kernel *const table[] = {
#define EK_GEMM_F32(isa, kernel) &kernel,
#include "gemm.def"
#undef EK_GEMM_F32
};

const ek_gemm_f32_kernel *ek_gemm_f32_at(uint32_t i) {
  return i < EK_COUNT(table) ? table[i] : NULL;
}

const ek_gemm_f32_kernel *ek_gemm_f32_select(uint64_t have, uint32_t need) {
  for (size_t i = 0; i < EK_COUNT(table); ++i) {
    if ((table[i]->flags & EK_FAST) != 0 && (need & EK_FAST) == 0) continue;
    if (table[i]->half) continue; /* only for who has such weights */
    if ((table[i]->isa & ~have) == 0 && (table[i]->flags & need) == need) return table[i];
  }
  return NULL;
}

const ek_gemm_f32_kernel *ek_gemm_f32_half_of(const ek_gemm_f32_kernel *kernel) {
  for (size_t i = 0; i < EK_COUNT(table); ++i) {
    const ek_gemm_f32_kernel *const row = table[i];
    if (row->half && row->isa == kernel->isa && row->flags == kernel->flags && row->lanes == kernel->lanes) return row;
  }
  return NULL;
}

static size_t panel_width(const ek_gemm_f32_kernel *kernel) {
  return (size_t)kernel->nv_max * kernel->lanes;
}

size_t ek_gemm_f32_num_panels(const ek_gemm_f32_kernel *kernel, size_t n) {
  const size_t width = panel_width(kernel);
  return n / width + (n % width != 0);
}

size_t ek_gemm_f32_packed_floats(const ek_gemm_f32_kernel *kernel, size_t k, size_t width) {
  if (kernel->half) return k * (width / 2); /* lanes are even */
  return (kernel->pair ? k / 2 + k % 2 : k) * width;
}

uint32_t ek_gemm_f32_panel(const ek_gemm_f32_kernel *kernel, size_t k, size_t n, size_t i, size_t *column,
                           size_t *offset) {
  const size_t width = panel_width(kernel);
  *column = i * width;
  *offset = i * (ek_gemm_f32_packed_floats(kernel, k, width) + width);
  const size_t left = n - *column;
  return left >= width ? kernel->nv_max : (uint32_t)((left + kernel->lanes - 1) / kernel->lanes);
}

uint64_t ek_gemm_f32_packed_bytes(const ek_gemm_f32_kernel *kernel, size_t k, size_t n) {
  const uint64_t columns = ((uint64_t)n + kernel->lanes - 1) / kernel->lanes * kernel->lanes;
  const uint64_t rows = kernel->pair ? (uint64_t)k / 2 + k % 2 : k;
  return (columns / (kernel->half ? 2 : 1) * rows + columns) * sizeof(float);
}

/* f32 to bf16, to nearest even */
static uint32_t bf16_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return bits >> 16 | 0x40u; /* NaN stays NaN */
  return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

/* pairs of rows of w side by side: a few cache lines of each column at a time, as above */
static void pack_pairs(const float *w, size_t sk, size_t sn, size_t k, size_t real, size_t width, float *to) {
  enum { STRIP = 32 };
  for (size_t k0 = 0; k0 < k; k0 += STRIP) {
    const size_t end = k - k0 < STRIP ? k : k0 + STRIP;
    for (size_t j = 0; j < width; ++j) {
      const float *const from = w + j * sn;
      for (size_t row = k0; row < end; row += 2) {
        const uint32_t low = j < real ? bf16_of(from[row * sk]) : 0;
        const uint32_t high = j < real && row + 1 < k ? bf16_of(from[(row + 1) * sk]) : 0, pair = low | high << 16;
        memcpy(to + row / 2 * width + j, &pair, sizeof pair);
      }
    }
  }
}

/* a few cache lines of each column at a time, as above */
static void pack_half(const uint16_t *w, size_t sk, size_t sn, size_t k, size_t real, size_t width, float *to) {
  enum { STRIP = 32 };
  uint16_t *const half = (uint16_t *)(void *)to;
  for (size_t k0 = 0; k0 < k; k0 += STRIP) {
    const size_t end = k - k0 < STRIP ? k : k0 + STRIP;
    for (size_t j = 0; j < real; ++j)
      for (size_t row = k0; row < end; ++row) half[row * width + j] = w[row * sk + j * sn];
    for (size_t row = k0; row < end; ++row)
      for (size_t j = real; j < width; ++j) half[row * width + j] = 0;
  }
}

void ek_gemm_f32_pack(const ek_gemm_f32_kernel *kernel, const void *weights, size_t sk, size_t sn, size_t k, size_t n,
                      const float *bias, float *packed) {
  const float *const w = weights;
  const size_t panels = ek_gemm_f32_num_panels(kernel, n);
  for (size_t i = 0; i < panels; ++i) {
    size_t column = 0, offset = 0;
    const size_t width = (size_t)ek_gemm_f32_panel(kernel, k, n, i, &column, &offset) * kernel->lanes;
    const size_t real = n - column < width ? n - column : width;
    float *to = packed + offset;
    if (kernel->half) {
      pack_half((const uint16_t *)weights + column * sn, sk, sn, k, real, width, to);
    } else if (kernel->pair) {
      pack_pairs(w + column * sn, sk, sn, k, real, width, to);
    } else if (sk == 1) {
      ek_transpose_words(w + column * sn, sn * sizeof(float), k, real, to, width * sizeof(float));
    } else {
      for (size_t row = 0; row < k; ++row) {
        const float *const from = w + row * sk + column * sn;
        for (size_t j = 0; j < real; ++j) to[row * width + j] = from[j * sn];
      }
    }
    for (size_t row = 0; row < k && real < width && !kernel->pair && !kernel->half; ++row)
      for (size_t j = real; j < width; ++j) to[row * width + j] = 0.0f;
    to += ek_gemm_f32_packed_floats(kernel, k, width);
    for (size_t j = 0; j < width; ++j) to[j] = bias && j < real ? bias[column + j] : 0.0f;
  }
}

size_t ek_gemm_f32_next_rows(const ek_gemm_f32_kernel *kernel, uint32_t nv, size_t left, size_t *groups) {
  const size_t mr = kernel->mr_max[nv - 1], whole = left / mr, rest = left % mr;
  if (whole == 0) {
    *groups = 1;
    return left;
  }
  if (rest == 0 || rest > mr / 2) {
    *groups = whole;
    return mr;
  }
  if (whole > 1) { /* two even tiles at the end instead of a full and a thin one */
    *groups = whole - 1;
    return mr;
  }
  *groups = 1;
  return (left + 1) / 2;
}

void ek_gemm_f32_fetched(ek_gemm_f32_call *call) {
  const size_t lines = call->groups * call->taps * (call->depth / 16 * 8);
  const size_t done = lines < call->ahead_lines ? lines : call->ahead_lines;
  if (done > 0) call->ahead += done * EK_GEMM_F32_LINE;
  call->ahead_lines -= done;
}

static size_t lines_of(const ek_gemm_f32_kernel *kernel, size_t width, size_t k) {
  return ek_gemm_f32_packed_floats(kernel, k < EK_GEMM_F32_SPLIT_K ? k : EK_GEMM_F32_SPLIT_K, width) / EK_GEMM_F32_LINE;
}

/* of the weights that are used after panel p; its bias lies between */
static size_t lines_after(const ek_gemm_f32_args *g, size_t p) {
  size_t column = 0, offset = 0;
  if (p + 1 >= ek_gemm_f32_num_panels(g->kernel, g->n)) return 0;
  const uint32_t nv = ek_gemm_f32_panel(g->kernel, g->k, g->n, p + 1, &column, &offset);
  return lines_of(g->kernel, (size_t)nv * g->kernel->lanes, g->k);
}

/* panels from p on that one call of the kernel's line takes; 1: a tile */
static size_t line_panels(const ek_gemm_f32_args *g, size_t p, size_t p1) {
  const ek_gemm_f32_kernel *const kernel = g->kernel;
  const size_t many = kernel->line_panels;
  return kernel->line && g->ldv == 0 && p1 - p >= many && (p + many) * panel_width(kernel) <= g->n ? many : 1;
}

void ek_gemm_f32_block(const ek_gemm_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1) {
  const ek_gemm_f32_kernel *const kernel = g->kernel;
  const float *rows[EK_GEMM_F32_MAX_ROWS];
  const bool fetch = m1 - m0 >= EK_GEMM_F32_AHEAD_ROWS && g->k * g->n >= EK_GEMM_F32_AHEAD_WEIGHTS;
  for (size_t p = p0, together = 1; p < p1; p += together) {
    size_t column = 0, offset = 0, next = 0, step = 0;
    const uint32_t nv = ek_gemm_f32_panel(kernel, g->k, g->n, p, &column, &offset);
    const size_t width = (size_t)nv * kernel->lanes, left = g->n - column;
    if (m1 - m0 == 1) together = line_panels(g, p, p1);
    if (together > 1) {
      (void)ek_gemm_f32_panel(kernel, g->k, g->n, p + 1, &next, &step);
      step -= offset;
    }
    for (size_t k0 = 0; k0 == 0 || k0 < g->k; k0 += EK_GEMM_F32_SPLIT_K) {
      const size_t depth = g->k - k0 < EK_GEMM_F32_SPLIT_K ? g->k - k0 : EK_GEMM_F32_SPLIT_K;
      const bool first = k0 == 0, last = k0 + depth == g->k;
      const float *const residual = first ? g->residual : g->c;
      ek_gemm_f32_call call = {
        .rows = rows,
        .taps = 1,
        .depth = depth,
        .w = g->packed + offset + ek_gemm_f32_packed_floats(kernel, k0, width),
        .ahead = g->packed + offset + ek_gemm_f32_packed_floats(kernel, k0 + depth, width),
        .ahead_lines = !fetch ? 0
                       : last ? lines_after(g, p)
                              : lines_of(kernel, width, g->k - k0 - depth),
        .bias = first ? g->packed + offset + ek_gemm_f32_packed_floats(kernel, g->k, width) : NULL,
        .ldc = g->ldc,
        .ldv = g->ldv,
        .ldr = first ? g->ldr : g->ldc,
        .nc = left < width ? left : width,
        .lo = last ? g->lo : -INFINITY,
        .hi = last ? g->hi : INFINITY,
      };
      for (size_t m = m0; m < m1;) {
        const size_t mr = ek_gemm_f32_next_rows(kernel, nv, m1 - m, &call.groups);
        for (size_t i = 0; i < mr; ++i) rows[i] = g->a + (m + i) * g->lda + k0;
        call.a_step = mr * g->lda;
        call.c = g->c + m * g->ldc + (g->ldv ? column / kernel->lanes * g->ldv : column);
        call.residual = residual ? residual + m * call.ldr + column : NULL;
        if (together > 1) {
          kernel->line(&call, step);
        } else {
          kernel->fn[nv - 1][mr - 1](&call);
        }
        m += call.groups * mr;
        ek_gemm_f32_fetched(&call);
      }
    }
  }
}
