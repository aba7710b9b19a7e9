/* SPDX-License-Identifier: Apache-2.0
 * kbench: f32 products (rows of gemm.def): pointwise convolutions and matrix products. */
#include "kbench.h"

#include "kernels/gemm/gemm.h"

#include <math.h>
#include <stdio.h>

/* in blocks of rows that stay in cache beside a panel, as the backend cuts them */
static void run(const void *arg) {
  enum { BLOCK_BYTES = 384 * 1024 };
  const ek_gemm_f32_args *const a = arg;
  const size_t panels = ek_gemm_f32_num_panels(a->kernel, a->n),
               blocks = (a->m * a->k * 4 + BLOCK_BYTES - 1) / BLOCK_BYTES;
  const size_t step = panels > 1 && blocks > 1 ? (a->m + blocks - 1) / blocks : a->m;
  for (size_t m = 0; m < a->m; m += step) ek_gemm_f32_block(a, m, m + step < a->m ? m + step : a->m, 0, panels);
}

void kb_family_gemm(kb_bench *b) {
  const ek_gemm_f32_kernel *d;
  for (uint32_t row = 0; (d = ek_gemm_f32_at(row)) != NULL; ++row) {
    if (!kb_row(b, "gemm", d->name, d->isa, true)) continue;
    if (kb_select_by(b) && (d->flags & EK_FAST)) continue; /* only for who asks for it */
    for (size_t i = 0; i < kb_num_products(); ++i) {
      kb_matmul p;
      if (!kb_product(i, &p)) continue;
      const double m = p.m, n = p.n, k = p.k;
      ek_gemm_f32_args args = {
        .kernel = d, .m = p.m, .n = p.n, .k = p.k, .lda = p.k, .ldc = p.n, .lo = 0.0f, .hi = INFINITY
      };
      kb_case c = { .arith = d->isa & EK_AVX512BF16 ? KB_BF16 : KB_F32,
                    .nets = p.nets,
                    .count = p.count * p.batch,
                    .ops = 2 * m * n * k,
                    .read = 4 * (m * k + n * k),
                    .written = 4 * m * n,
                    .run = run,
                    .arg = &args };
      snprintf(c.shape, sizeof c.shape, "%ux%ux%u", p.m, p.n, p.k);
      if (!kb_wants(b, &c)) continue;
      float *const packed = kb_buffer(b, 1, (size_t)ek_gemm_f32_packed_bytes(d, p.k, p.n));
      ek_gemm_f32_pack(d, kb_buffer(b, 0, (size_t)p.k * p.n * 4), 1, p.k, p.k, p.n, NULL, packed);
      args.packed = packed;
      args.a = kb_buffer(b, 2, (size_t)p.m * p.k * 4);
      args.c = kb_buffer(b, 3, (size_t)p.m * p.n * 4);
      kb_measure(b, &c);
    }
  }
}
