/* SPDX-License-Identifier: Apache-2.0
 * kbench: f32 depthwise convolutions. */
#include "kbench.h"

#include "kernels/dwconv/dwconv.h"

#include <math.h>
#include <stdio.h>

typedef struct job {
  ek_dwconv_f32_args args;
  ek_dwconv_f32_fn fn;
  size_t blocks;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  j->fn(&j->args, 0, j->args.batch * j->args.oh, 0, j->blocks);
}

void kb_family_dwconv(kb_bench *b) {
  const ek_dwconv_f32_kernel *d;
  for (uint32_t row = 0; (d = ek_dwconv_f32_at(row)) != NULL; ++row) {
    if (!kb_row(b, "dwconv", d->name, d->isa, true)) continue;
    for (size_t i = 0; i < kb_num_dws; ++i) {
      const kb_dw *const s = &kb_dws[i];
      const size_t taps = (size_t)s->kh * s->kw, x = (size_t)s->ih * s->iw * s->c, y = (size_t)s->oh * s->ow * s->c;
      job j = { .fn = d->fn, .blocks = (s->c + d->lanes - 1) / d->lanes };
      const ek_dwconv_f32_args shape = {
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
        .lo = 0.0f,
        .hi = INFINITY,
      };
      j.args = shape;
      kb_case c = { .arith = KB_F32,
                    .nets = s->nets,
                    .count = s->count,
                    .ops = 2.0 * (double)y * (double)taps,
                    .read = 4.0 * (double)x,
                    .written = 4.0 * (double)y,
                    .run = run,
                    .arg = &j };
      snprintf(c.shape, sizeof c.shape, "%ux%ux%u k%ux%u s%u", s->ih, s->iw, s->c, s->kh, s->kw, s->sw);
      if (!kb_wants(b, &c)) continue;
      float *const packed = kb_buffer(b, 1, (size_t)ek_dwconv_f32_packed_bytes(d, taps, s->c));
      ek_dwconv_f32_pack(d, kb_buffer(b, 0, taps * s->c * 4), NULL, taps, s->c, packed);
      j.args.packed = packed;
      j.args.x = kb_buffer(b, 2, x * 4);
      j.args.y = kb_buffer(b, 3, y * 4);
      kb_measure(b, &c);
    }
  }
}
