/* SPDX-License-Identifier: Apache-2.0
 * kbench: byte tables. */
#include "kbench.h"

#include "kernels/qlut/qlut.h"

#include <stdio.h>

typedef struct job {
  ek_qlut_fn fn;
  size_t n;
  const uint8_t *x, *table;
  uint8_t *y;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  j->fn(j->n, j->x, j->table, j->y);
}

void kb_family_qlut(kb_bench *b) {
  const ek_qlut_desc *d;
  for (uint32_t row = 0; (d = ek_qlut_at(row)) != NULL; ++row) {
    if (!kb_row(b, "qlut", d->name, d->isa, false)) continue;
    for (size_t i = 0; i < kb_num_element_counts; ++i) {
      const size_t n = kb_element_counts[i].n;
      job j = { .fn = d->fn, .n = n };
      kb_case c = { .arith = KB_BYTES,
                    .nets = "",
                    .count = kb_element_counts[i].count,
                    .read = (double)n,
                    .written = (double)n,
                    .run = run,
                    .arg = &j };
      snprintf(c.shape, sizeof c.shape, "table of %zu", n);
      if (!kb_wants(b, &c)) continue;
      j.x = kb_buffer(b, 0, n);
      j.table = kb_buffer(b, 1, 256);
      j.y = kb_buffer(b, 2, n);
      kb_measure(b, &c);
    }
  }
}
