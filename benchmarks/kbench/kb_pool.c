/* SPDX-License-Identifier: Apache-2.0
 * kbench: f32 pools. */
#include "kbench.h"

#include "kernels/pool/pool.h"

#include <math.h>
#include <stdio.h>

typedef struct job {
  ek_pool_f32_args args;
  ek_pool_f32_fn fn;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  j->fn(&j->args, 0, j->args.oh * j->args.ow);
}

void kb_family_pool(kb_bench *b) {
  const ek_pool_f32_kernel *d;
  for (uint32_t row = 0; (d = ek_pool_f32_at(row)) != NULL; ++row) {
    if (!kb_row(b, "pool", d->name, d->isa, false)) continue;
    for (size_t i = 0; i < kb_num_pools; ++i) {
      const kb_pool *const s = &kb_pools[i];
      const size_t x = (size_t)s->ih * s->iw * s->c, y = (size_t)s->oh * s->ow * s->c;
      job j = { .fn = d->fn };
      const ek_pool_f32_args shape = {
        .batch = 1,
        .ih = s->ih,
        .iw = s->iw,
        .oh = s->oh,
        .ow = s->ow,
        .c = s->c,
        .kh = s->kh,
        .kw = s->kw,
        .sh = s->sh,
        .sw = s->sw,
        .dh = 1,
        .dw = 1,
        .pad_top = s->pad_top,
        .pad_left = s->pad_left,
        .average = s->average,
        .lo = -INFINITY,
        .hi = INFINITY,
      };
      j.args = shape;
      kb_case c = { .arith = KB_BYTES,
                    .nets = s->nets,
                    .count = s->count,
                    .read = 4.0 * (double)x,
                    .written = 4.0 * (double)y,
                    .run = run,
                    .arg = &j };
      snprintf(c.shape, sizeof c.shape, "%s %ux%ux%u k%ux%u s%u", s->average ? "average" : "max", s->ih, s->iw, s->c,
               s->kh, s->kw, s->sw);
      if (!kb_wants(b, &c)) continue;
      j.args.x = kb_buffer(b, 0, x * 4);
      j.args.y = kb_buffer(b, 1, y * 4);
      kb_measure(b, &c);
    }
  }
}
