/* SPDX-License-Identifier: Apache-2.0
 * kbench: f32 operators on rows: softmax, log-softmax, layer and RMS normalisation. */
#include "kbench.h"

#include "kernels/norm/norm.h"

#include <stdio.h>

typedef struct job {
  ek_norm_f32_args args;
  ek_norm_f32_fn fn;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  j->fn(&j->args, 0, j->args.rows);
}

static void shapes(kb_bench *b, const ek_norm_f32_kernel *d, ek_norm_f32_op op, const char *name, const kb_grid *grids,
                   size_t num) {
  for (size_t i = 0; i < num; ++i) {
    const size_t n = (size_t)grids[i].rows * grids[i].columns;
    const double bytes = 4.0 * (double)n;
    job j = { .fn = d->fn[op] };
    kb_case c = { .arith = KB_BYTES,
                  .nets = grids[i].nets,
                  .count = grids[i].count,
                  .read = bytes,
                  .written = bytes,
                  .run = run,
                  .arg = &j };
    snprintf(c.shape, sizeof c.shape, "%s %ux%u", name, grids[i].rows, grids[i].columns);
    if (!kb_wants(b, &c)) continue;
    j.args.rows = grids[i].rows;
    j.args.n = grids[i].columns;
    j.args.x = kb_buffer(b, 0, n * 4);
    j.args.y = kb_buffer(b, 1, n * 4);
    j.args.p0 = op == EK_NORM_SOFTMAX || op == EK_NORM_LOG_SOFTMAX ? 1.0f : 1e-5f;
    kb_measure(b, &c);
  }
}

void kb_family_norm(kb_bench *b) {
  const ek_norm_f32_kernel *d;
  for (uint32_t row = 0; (d = ek_norm_f32_at(row)) != NULL; ++row) {
    if (!kb_row(b, "norm", d->name, d->isa, false)) continue;
    shapes(b, d, EK_NORM_SOFTMAX, "softmax", kb_softmaxes, kb_num_softmaxes);
    shapes(b, d, EK_NORM_LOG_SOFTMAX, "log softmax", kb_softmaxes, kb_num_softmaxes);
    shapes(b, d, EK_NORM_LAYER, "layer norm", kb_layernorms, kb_num_layernorms);
    shapes(b, d, EK_NORM_RMS, "RMS norm", kb_layernorms, kb_num_layernorms);
  }
}
