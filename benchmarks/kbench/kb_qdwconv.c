/* SPDX-License-Identifier: Apache-2.0
 * kbench: 8-bit depthwise convolutions. */
#include "kbench.h"

#include "kernels/qdwconv/qdwconv.h"

#include <stdio.h>
#include <string.h>

typedef struct job {
  ek_qdw_args args;
  ek_qdw_fn fn;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  j->fn(&j->args, 0, 0, j->args.oh);
}

void kb_family_qdwconv(kb_bench *b) {
  const ek_qdw_desc *d;
  for (uint32_t row = 0; (d = ek_qdw_at(row)) != NULL; ++row) {
    if (!kb_row(b, "qdwconv", d->name, d->isa, true)) continue;
    for (size_t i = 0; i < kb_num_dws; ++i) {
      const kb_dw *const s = &kb_dws[i];
      const size_t taps = (size_t)s->kh * s->kw, x = (size_t)s->ih * s->iw * s->c, y = (size_t)s->oh * s->ow * s->c;
      const ek_qdw_args shape = { .ih = s->ih,
                                  .iw = s->iw,
                                  .c = s->c,
                                  .oh = s->oh,
                                  .ow = s->ow,
                                  .kh = s->kh,
                                  .kw = s->kw,
                                  .sh = s->sh,
                                  .sw = s->sw,
                                  .dh = 1,
                                  .dw = 1,
                                  .pad_top = s->pad_top,
                                  .pad_left = s->pad_left,
                                  .hi = 255,
                                  .out = EK_Q_U8 };
      job j = { shape, d->fn };
      kb_case c = { .arith = KB_I8,
                    .nets = s->nets,
                    .count = s->count,
                    .ops = 2.0 * (double)y * (double)taps,
                    .read = (double)x,
                    .written = (double)y,
                    .run = run,
                    .arg = &j };
      snprintf(c.shape, sizeof c.shape, "%ux%ux%u k%ux%u s%u", s->ih, s->iw, s->c, s->kh, s->kw, s->sw);
      const uint64_t have = kb_select_by(b);
      if (!ek_qdw_fits(d, &shape) || (have && ek_qdw_select(have, &shape) != d) || !kb_wants(b, &c)) continue;
      const size_t channels = ek_qdw_channels(d, s->c);
      const ek_qweights w = { kb_buffer(b, 0, taps * s->c), NULL, 0, 8, 1, taps, 1 };
      int8_t *const packed = kb_buffer(b, 1, (size_t)ek_qdw_packed_bytes(d, s->c, s->kh, s->kw));
      ek_qdw_pack(d, &w, s->c, s->kh, s->kw, packed, NULL);
      float *const mult = kb_buffer(b, 4, channels * 4);
      for (size_t q = 0; q < channels; ++q) mult[q] = 1e-3f;
      j.args.w = packed;
      j.args.mult = mult;
      j.args.bias = memset(kb_buffer(b, 5, channels * 4), 0, channels * 4);
      j.args.zero = memset(kb_buffer(b, 6, s->c), 0, s->c);
      j.args.x = kb_buffer(b, 2, x);
      j.args.y = kb_buffer(b, 3, y);
      kb_measure(b, &c);
    }
  }
}
