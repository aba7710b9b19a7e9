/* SPDX-License-Identifier: Apache-2.0
 * kbench: 8-bit elementwise arithmetic and conversions. */
#include "kbench.h"

#include "kernels/qeltwise/qeltwise.h"

#include <stdio.h>

typedef enum way { ADD, MUL, QUANT, DEQUANT, SCALE, RANGE, WAYS } way;
static const char *const names[WAYS] = { "add", "mul", "quantize", "dequantize", "scale", "range" };
static const double bytes_in[WAYS] = { 2, 2, 4, 1, 8, 4 }, bytes_out[WAYS] = { 1, 1, 1, 4, 4, 0 };

typedef struct job {
  const ek_qelt_desc *kernel;
  ek_qelt_args args;
  way what;
  size_t n;
  void *a, *b, *y;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  float lo = 0.0f, hi = 0.0f;
  switch (j->what) {
  case ADD: j->kernel->add(&j->args, j->n, j->a, j->b, 1, j->y); break;
  case MUL: j->kernel->mul(&j->args, j->n, j->a, j->b, 1, j->y); break;
  case QUANT: j->kernel->quant(&j->args, j->n, j->a, j->y); break;
  case DEQUANT: j->kernel->dequant(&j->args, j->n, j->a, j->y); break;
  case SCALE: j->kernel->scale(j->n, j->a, j->b, 1, NULL, j->y); break;
  default: j->kernel->range(j->n, j->a, &lo, &hi); break;
  }
}

void kb_family_qeltwise(kb_bench *b) {
  const ek_qelt_desc *d;
  for (uint32_t row = 0; (d = ek_qelt_at(row)) != NULL; ++row) {
    if (!kb_row(b, "qeltwise", d->name, d->isa, false)) continue;
    for (size_t i = 0; i < kb_num_element_counts; ++i) {
      const size_t n = kb_element_counts[i].n;
      for (int w = 0; w < WAYS; ++w) {
        job j = {
          .kernel = d, .args = { .za = 3, .zb = 5, .ra = 0.1f, .rb = 0.2f, .hi = 255 }, .what = (way)w, .n = n
        };
        kb_case c = { .arith = KB_BYTES,
                      .nets = "",
                      .count = kb_element_counts[i].count,
                      .read = bytes_in[w] * (double)n,
                      .written = bytes_out[w] * (double)n,
                      .run = run,
                      .arg = &j };
        snprintf(c.shape, sizeof c.shape, "%s of %zu", names[w], n);
        if (!kb_wants(b, &c)) continue;
        j.a = kb_buffer(b, 0, n * 4);
        j.b = kb_buffer(b, 1, n * 4);
        j.y = kb_buffer(b, 2, n * 4);
        kb_measure(b, &c);
      }
    }
  }
}
