/* SPDX-License-Identifier: Apache-2.0
 * kbench: f32 elementwise operators. */
#include "kbench.h"

#include "kernels/eltwise/eltwise.h"

#include <math.h>
#include <stdio.h>

typedef struct job {
  const ek_eltwise_f32_kernel *kernel;
  int binary, unary; /* -1: not this */
  size_t n;
  const float *a, *b;
  float *y;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  if (j->binary >= 0) {
    j->kernel->binary[j->binary](j->n, j->a, 1, j->b, 1, j->y, -INFINITY, INFINITY);
  } else {
    j->kernel->unary[j->unary](j->n, j->a, j->y, 1.0f, 1.0f);
  }
}

static void one(kb_bench *b, job *j, const char *name, int index, uint32_t count) {
  const double bytes = 4.0 * (double)j->n;
  kb_case c = { .arith = KB_BYTES,
                .nets = "",
                .count = count,
                .read = j->binary >= 0 ? 2 * bytes : bytes,
                .written = bytes,
                .run = run,
                .arg = j };
  snprintf(c.shape, sizeof c.shape, "%s %d of %zu", name, index, j->n);
  if (!kb_wants(b, &c)) return;
  j->a = kb_buffer(b, 0, j->n * 4);
  j->b = kb_buffer(b, 1, j->n * 4);
  j->y = kb_buffer(b, 2, j->n * 4);
  kb_measure(b, &c);
}

void kb_family_eltwise(kb_bench *b) {
  const ek_eltwise_f32_kernel *d;
  for (uint32_t row = 0; (d = ek_eltwise_f32_at(row)) != NULL; ++row) {
    if (!kb_row(b, "eltwise", d->name, d->isa, false)) continue;
    for (size_t i = 0; i < kb_num_element_counts; ++i) {
      job j = { .kernel = d, .binary = -1, .unary = -1, .n = kb_element_counts[i].n };
      for (j.binary = 0; j.binary < EK_BINARY_COUNT; ++j.binary) {
        one(b, &j, "binary", j.binary, kb_element_counts[i].count);
      }
      j.binary = -1;
      for (j.unary = 0; j.unary < EK_UNARY_COUNT; ++j.unary) one(b, &j, "unary", j.unary, kb_element_counts[i].count);
    }
  }
}
