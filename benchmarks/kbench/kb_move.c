/* SPDX-License-Identifier: Apache-2.0
 * kbench: transposes of 1, 2, 4 and 8 byte elements. */
#include "kbench.h"

#include "kernels/move/move.h"

#include <stdio.h>

typedef struct job {
  ek_transpose_fn fn;
  size_t rows, columns, element;
  const void *x;
  void *y;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  j->fn(j->rows, j->columns, j->x, j->columns * j->element, j->y, j->rows * j->element);
}

void kb_family_move(kb_bench *b) {
  const ek_move_kernel *d;
  for (uint32_t row = 0; (d = ek_move_at(row)) != NULL; ++row) {
    if (!kb_row(b, "move", d->name, d->isa, false)) continue;
    for (size_t i = 0; i < kb_num_transposes; ++i) {
      const kb_grid *const s = &kb_transposes[i];
      for (size_t e = 0; e < 4; ++e) {
        const size_t bytes = ((size_t)s->rows * s->columns) << e;
        job j = { .fn = d->transpose[e], .rows = s->rows, .columns = s->columns, .element = (size_t)1 << e };
        kb_case c = { .arith = KB_BYTES,
                      .nets = s->nets,
                      .count = s->count,
                      .read = (double)bytes,
                      .written = (double)bytes,
                      .run = run,
                      .arg = &j };
        snprintf(c.shape, sizeof c.shape, "transpose %ux%u of %zu bytes", s->rows, s->columns, j.element);
        if (!kb_wants(b, &c)) continue;
        j.x = kb_buffer(b, 0, bytes);
        j.y = kb_buffer(b, 1, bytes);
        kb_measure(b, &c);
      }
    }
  }
}
