/* SPDX-License-Identifier: Apache-2.0
 * kbench: f32 products with weights that stay small (rows of wgemm.def): 4 bits in blocks of 32, 8 bits per column. */
#include "kbench.h"

#include "kernels/wgemm/wgemm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* the buffer of decoded weights lies behind the arguments, as the backend gives each thread its own */
typedef struct small {
  ek_wgemm_args args;
  size_t m;
  float *decoded;
} small;

static void run(const void *arg) {
  const small *const s = arg;
  const ek_wgemm_shape *const w = &s->args.shape;
  const size_t width = (size_t)s->args.row->nv_max * w->lanes;
  ek_wgemm_block(&s->args, 0, s->m, 0, (w->n + width - 1) / width, s->decoded);
}

static void measure(kb_bench *b, const ek_wgemm_kernel *d, const ek_gemm_f32_kernel *row, const kb_matmul *p,
                    uint32_t bits, uint32_t block) {
  const ek_wgemm_shape shape = { .k = p->k, .n = p->n, .block = block, .bits = bits, .lanes = row->lanes };
  if (!ek_wgemm_fits(&shape)) return;
  const double m = p->m, n = p->n, k = p->k;
  const size_t blocks = (p->k + block - 1) / block, packed = (size_t)ek_wgemm_packed_bytes(&shape);
  small s = { .args = { .kernel = d,
                        .row = row,
                        .shape = shape,
                        .lda = p->k,
                        .ldc = p->n,
                        .lo = -INFINITY,
                        .hi = INFINITY,
                        .lines = p->m <= 2 },
              .m = p->m };
  kb_case c = { .arith = KB_F32,
                .nets = p->nets,
                .count = p->count * p->batch,
                .ops = 2 * m * n * k,
                .read = 4 * m * k + (double)packed,
                .written = 4 * m * n,
                .run = run,
                .arg = &s };
  snprintf(c.shape, sizeof c.shape, "%ux%ux%u %u bits / %u", p->m, p->n, p->k, bits, block);
  if (!kb_wants(b, &c)) return;
  const ek_wgemm_source from = { .q = kb_buffer(b, 0, (size_t)p->k * p->n),
                                 .sk = 1,
                                 .sn = p->k,
                                 .scale = kb_buffer(b, 1, blocks * p->n * 4),
                                 .ck = 1,
                                 .cn = blocks };
  s.args.packed = memset(kb_buffer(b, 2, packed), 0, packed);
  ek_wgemm_pack(&shape, &from, kb_buffer(b, 2, packed));
  s.args.a = kb_buffer(b, 3, (size_t)p->m * p->k * 4);
  s.args.c = kb_buffer(b, 4, (size_t)p->m * p->n * 4);
  s.decoded = kb_buffer(b, 5, EK_WGEMM_BUFFER * 4);
  kb_measure(b, &c);
}

void kb_family_wgemm(kb_bench *b) {
  const ek_wgemm_kernel *d;
  for (uint32_t i = 0; (d = ek_wgemm_at(i)) != NULL; ++i) {
    if (!kb_row(b, "wgemm", d->name, d->isa, true)) continue;
    const ek_gemm_f32_kernel *const row = ek_gemm_f32_select(d->isa, 0);
    if (d->lanes != 0 && d->lanes != row->lanes) continue;
    for (size_t j = 0; j < kb_num_products(); ++j) {
      kb_matmul p;
      if (!kb_product(j, &p)) continue;
      measure(b, d, row, &p, 4, 32);
      measure(b, d, row, &p, 8, p.k);
    }
  }
}
