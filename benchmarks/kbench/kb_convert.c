/* SPDX-License-Identifier: Apache-2.0
 * kbench: conversions between f32, f16 and bf16. */
#include "kbench.h"

#include "kernels/convert/convert.h"

#include <stdio.h>

typedef struct job {
  ek_convert_fn fn;
  size_t n;
  const void *x;
  void *y;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  j->fn(j->n, j->x, j->y);
}

void kb_family_convert(kb_bench *b) {
  const ek_convert_kernel *d;
  for (uint32_t row = 0; (d = ek_convert_at(row)) != NULL; ++row) {
    if (!kb_row(b, "convert", d->name, d->isa, false)) continue;
    const struct {
      const char *name;
      ek_convert_fn fn;
      double read, written;
    } ways[] = { { "f16 to f32", d->f16_to_f32, 2, 4 },
                 { "f32 to f16", d->f32_to_f16, 4, 2 },
                 { "bf16 to f32", d->bf16_to_f32, 2, 4 },
                 { "f32 to bf16", d->f32_to_bf16, 4, 2 } };
    for (size_t i = 0; i < kb_num_element_counts; ++i) {
      const size_t n = kb_element_counts[i].n;
      for (size_t w = 0; w < EK_COUNT(ways); ++w) {
        job j = { .fn = ways[w].fn, .n = n };
        kb_case c = { .arith = KB_BYTES,
                      .nets = "",
                      .count = kb_element_counts[i].count,
                      .read = ways[w].read * (double)n,
                      .written = ways[w].written * (double)n,
                      .run = run,
                      .arg = &j };
        snprintf(c.shape, sizeof c.shape, "%s of %zu", ways[w].name, n);
        if (!kb_wants(b, &c)) continue;
        j.x = kb_buffer(b, 0, n * 4);
        j.y = kb_buffer(b, 1, n * 4);
        kb_measure(b, &c);
      }
    }
  }
}
