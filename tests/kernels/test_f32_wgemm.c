/* SPDX-License-Identifier: Apache-2.0
 * f32 products with small weights: decoded values bit by bit, products against sums in double, behind guard pages. */
#include "kf.h"
#include "kernels/wgemm/wgemm.h"

typedef struct weights {
  ek_wgemm_shape shape;
  ek_wgemm_source from;
  kt_buffer q, scale, zero, packed;
} weights;

static int64_t stored(const void *q, size_t i, uint32_t bits, bool is_signed) {
  const uint32_t at = (uint32_t)(i * bits % 8), v = ((const uint8_t *)q)[i * bits / 8] >> at & ((1u << bits) - 1);
  return is_signed && v >> (bits - 1) ? (int64_t)v - (1 << bits) : (int64_t)v;
}

/* W[k][n], straight from what the weights were made of */
static float weight(const weights *w, size_t k, size_t n) {
  const ek_wgemm_source *const f = &w->from;
  const size_t at = k / w->shape.block * f->ck + n * f->cn;
  const int64_t q = stored(f->q, k * f->sk + n * f->sn, w->shape.bits, f->is_signed);
  const int64_t z = f->zero ? stored(f->zero, at, w->shape.bits, f->is_signed) : 0;
  return (float)(q - z) * f->scale[at];
}

static weights make(uint32_t lanes, size_t k, size_t n, size_t block, uint32_t bits, uint32_t mode) {
  weights w = { .shape = { k, n, block, bits, lanes } };
  const size_t blocks = (k + block - 1) / block;
  const bool k_major = (mode & 1) != 0, with_zero = (mode & 2) != 0;
  w.q = kt_get((k * n * bits + 7) / 8);
  w.scale = kt_get(blocks * n * 4);
  w.zero = kt_get((blocks * n * bits + 7) / 8);
  kt_fill(w.q.data, (k * n * bits + 7) / 8);
  kt_fill(w.zero.data, (blocks * n * bits + 7) / 8);
  kf_fill(w.scale.data, blocks * n, 0.001f, 0.02f);
  w.from = (ek_wgemm_source) { .q = w.q.data,
                               .sk = k_major ? n : 1,
                               .sn = k_major ? 1 : k,
                               .is_signed = (mode & 4) != 0,
                               .scale = w.scale.data,
                               .ck = k_major ? n : 1,
                               .cn = k_major ? 1 : blocks,
                               .zero = with_zero ? w.zero.data : NULL };
  w.packed = kt_get((size_t)ek_wgemm_packed_bytes(&w.shape));
  ek_wgemm_pack(&w.shape, &w.from, w.packed.data);
  return w;
}

static void drop(weights *w) {
  kt_put(w->q), kt_put(w->scale), kt_put(w->zero), kt_put(w->packed);
}

static int product(const ek_wgemm_kernel *kernel, const ek_gemm_f32_kernel *row, weights *w, size_t m, uint32_t mode) {
  const size_t k = w->shape.k, n = w->shape.n, lda = k + kt_range(0, 3), ldc = n + kt_range(0, 3);
  const kt_buffer a = kt_get(((m - 1) * lda + k) * 4), c = kt_get(((m - 1) * ldc + n) * 4);
  const kt_buffer bias = kt_get(n * 4), residual = kt_get(((m - 1) * ldc + n) * 4),
                  buffer = kt_get(EK_WGEMM_BUFFER * 4);
  const bool lines = (mode & 8) != 0, clamped = (mode & 16) != 0;
  kf_fill(a.data, (m - 1) * lda + k, -1.0f, 1.0f);
  kf_fill(bias.data, n, -1.0f, 1.0f);
  kf_fill(residual.data, (m - 1) * ldc + n, -1.0f, 1.0f);
  memset(c.data, 0x7f, ((m - 1) * ldc + n) * 4);
  const ek_wgemm_args g = { .kernel = kernel,
                            .row = row,
                            .shape = w->shape,
                            .packed = w->packed.data,
                            .a = a.data,
                            .bias = mode & 1 ? bias.data : NULL,
                            .lda = lda,
                            .c = c.data,
                            .ldc = ldc,
                            .residual = mode & 2 ? residual.data : NULL,
                            .ldr = ldc,
                            .lo = clamped ? -0.5f : -INFINITY,
                            .hi = clamped ? 0.75f : INFINITY,
                            .lines = lines };
  const size_t panels = ek_gemm_f32_num_panels(row, n), mid = kt_range(0, (uint32_t)panels);
  ek_wgemm_block(&g, 0, m, 0, mid, buffer.data);
  ek_wgemm_block(&g, 0, m, mid, panels, buffer.data);
  int ok = 1;
  for (size_t i = 0; i < m && ok; ++i) {
    for (size_t j = 0; j < n && ok; ++j) {
      double sum = g.bias ? (double)kf_data(bias)[j] : 0.0, size = 1.0;
      for (size_t p = 0; p < k; ++p) {
        const size_t at = p / w->shape.block * w->from.ck + j * w->from.cn;
        const double x = (double)kf_data(a)[i * lda + p];
        sum += x * (double)weight(w, p, j);
        size += fabs(x) * (double)(2 << w->shape.bits) * (double)w->from.scale[at];
      }
      if (g.residual) sum += (double)g.residual[i * ldc + j];
      sum = sum < (double)g.lo ? (double)g.lo : sum > (double)g.hi ? (double)g.hi : sum;
      const double got = (double)kf_data(c)[i * ldc + j], bound = (2.0 * sqrt((double)k) + 8.0) * size * 0x1p-24;
      ok = fabs(got - sum) <= bound;
      if (!ok)
        printf("%s with %s: [%zu][%zu] of m=%zu n=%zu k=%zu block=%zu bits=%u mode=%u: %.9g, not %.9g (bound %.3g)\n",
               kernel->name, row->name, i, j, m, n, k, w->shape.block, w->shape.bits, mode, got, sum, bound);
    }
  }
  kt_put(a), kt_put(c), kt_put(bias), kt_put(residual), kt_put(buffer);
  return ok;
}

/* Dequantize's own bits: a row of the unit matrix picks a weight and adds zeros. */
static int decoded(const ek_wgemm_kernel *kernel, const ek_gemm_f32_kernel *row, const weights *w) {
  const size_t k = w->shape.k, n = w->shape.n;
  const kt_buffer a = kt_get(k * k * 4), c = kt_get(k * n * 4), buffer = kt_get(EK_WGEMM_BUFFER * 4);
  for (size_t i = 0; i < k * k; ++i) kf_data(a)[i] = i % (k + 1) == 0 ? 1.0f : 0.0f;
  const ek_wgemm_args g = { .kernel = kernel,
                            .row = row,
                            .shape = w->shape,
                            .packed = w->packed.data,
                            .a = a.data,
                            .lda = k,
                            .c = c.data,
                            .ldc = n,
                            .lo = -INFINITY,
                            .hi = INFINITY };
  ek_wgemm_block(&g, 0, k, 0, ek_gemm_f32_num_panels(row, n), buffer.data);
  int ok = 1;
  for (size_t i = 0; i < k * n && ok; ++i) {
    ok = kf_data(c)[i] == weight(w, i / n, i % n);
    if (!ok)
      printf("%s: W[%zu][%zu] is %.9g, not %.9g (k=%zu n=%zu block=%zu bits=%u)\n", kernel->name, i / n, i % n,
             (double)kf_data(c)[i], (double)weight(w, i / n, i % n), k, n, w->shape.block, w->shape.bits);
  }
  kt_put(a), kt_put(c), kt_put(buffer);
  return ok;
}

/* An f32 row of the same lanes that this CPU can run. */
static const ek_gemm_f32_kernel *partner(const ek_wgemm_kernel *kernel) {
  for (uint32_t i = 0; ek_gemm_f32_at(i); ++i) {
    const ek_gemm_f32_kernel *const row = ek_gemm_f32_at(i);
    if (row->pair || row->half || (row->isa & ~kernel->isa) != 0) continue;
    if (kernel->lanes == 0 ? row->isa == 0 : row->lanes == kernel->lanes) return row;
  }
  return NULL;
}

static int check(const ek_wgemm_kernel *kernel) {
  static const uint32_t bits[] = { 2, 4, 8 };
  static const size_t blocks[] = { 16, 32, 128, 0 };
  const ek_gemm_f32_kernel *const row = partner(kernel);
  int ok = row != NULL;
  for (uint32_t trial = 0; trial < 240 && ok; ++trial) {
    const size_t k = trial % 9 == 0 ? kt_range(500, 700) : kt_range(1, 90), n = kt_range(1, 150);
    const size_t given = blocks[trial / 3 % 4], block = given && given < k ? given : k;
    weights w = make(row->lanes, k, n, block, bits[trial % 3], kt_rand());
    ok = ek_wgemm_fits(&w.shape) && product(kernel, row, &w, kt_range(1, 3), kt_rand()) &&
         product(kernel, row, &w, kt_range(1, 30), kt_rand());
    if (k < 90) ok = ok && decoded(kernel, row, &w);
    drop(&w);
  }
  return !ok;
}

KT_MAIN("wgemm", ek_wgemm_kernel, ek_wgemm_at, check)
