/* SPDX-License-Identifier: Apache-2.0
 * kbench: f32 reductions: the mean over an image, the sum of rows. */
#include "kbench.h"

#include "kernels/reduce/reduce.h"

#include <stdio.h>

typedef struct job {
  ek_reduce_f32_args args;
  ek_reduce_f32_fn fn;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  j->fn(&j->args, 0, j->args.outer, 0, j->args.inner);
}

static void one(kb_bench *b, ek_reduce_f32_fn fn, const char *name, const kb_grid *grid, bool rows) {
  const size_t n = (size_t)grid->rows * grid->columns, outputs = rows ? grid->rows : grid->columns;
  job j = { { rows ? grid->rows : 1, rows ? grid->columns : grid->rows, rows ? 1 : grid->columns, NULL, NULL, 0.5f },
            fn };
  kb_case c = { .arith = KB_BYTES,
                .nets = grid->nets,
                .count = grid->count,
                .read = 4.0 * (double)n,
                .written = 4.0 * (double)outputs,
                .run = run,
                .arg = &j };
  snprintf(c.shape, sizeof c.shape, "%s of %s %ux%u", name, rows ? "rows" : "columns", grid->rows, grid->columns);
  if (!kb_wants(b, &c)) return;
  j.args.x = kb_buffer(b, 0, n * 4);
  j.args.y = kb_buffer(b, 1, outputs * 4);
  kb_measure(b, &c);
}

void kb_family_reduce(kb_bench *b) {
  const ek_reduce_f32_kernel *d;
  for (uint32_t row = 0; (d = ek_reduce_f32_at(row)) != NULL; ++row) {
    if (!kb_row(b, "reduce", d->name, d->isa, false)) continue;
    for (size_t i = 0; i < kb_num_means; ++i) one(b, d->fn[EK_REDUCE_SUM], "sum", &kb_means[i], false);
    for (size_t i = 0; i < kb_num_layernorms; ++i) {
      one(b, d->fn[EK_REDUCE_SUM], "sum", &kb_layernorms[i], true);
      one(b, d->fn[EK_REDUCE_MAX], "max", &kb_layernorms[i], true);
      one(b, d->fn[EK_REDUCE_MIN], "min", &kb_layernorms[i], true);
    }
  }
}
