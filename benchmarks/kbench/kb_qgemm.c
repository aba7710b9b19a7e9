/* SPDX-License-Identifier: Apache-2.0
 * kbench: 8-bit products: pointwise convolutions and fully connected layers. */
#include "q_data.h"

#include <stdio.h>

void kb_family_qgemm(kb_bench *b) {
  const ek_qgemm_desc *d;
  for (uint32_t row = 0; (d = ek_qgemm_at(row)) != NULL; ++row) {
    if (!kb_row(b, "qgemm", d->name, d->isa, true)) continue;
    for (size_t i = 0; i < kb_num_products(); ++i) {
      kb_matmul p;
      if (!kb_product(i, &p)) continue;
      const double m = p.m, n = p.n, k = p.k;
      ek_qconv_args args = { .row = d,
                             .ih = 1,
                             .iw = p.m,
                             .ic = p.k,
                             .oh = 1,
                             .ow = p.m,
                             .oc = p.n,
                             .kh = 1,
                             .kw = 1,
                             .sh = 1,
                             .sw = 1,
                             .dh = 1,
                             .dw = 1,
                             .group = 1 };
      kb_case c = { .arith = KB_I8,
                    .nets = p.nets,
                    .count = p.count * p.batch,
                    .ops = 2 * m * n * k,
                    .read = m * k + n * k,
                    .written = m * n,
                    .run = kb_q_run,
                    .arg = &args };
      snprintf(c.shape, sizeof c.shape, "%ux%ux%u", p.m, p.n, p.k);
      if (!kb_wants(b, &c)) continue;
      kb_q_prepare(b, &args);
      kb_measure(b, &c);
    }
  }
}
