/* SPDX-License-Identifier: Apache-2.0
 * kbench: exact 8-bit convolutions in Winograd's form. Operations are those of the plain sum, so they can pass the
 * peak. */
#include "kbench.h"
#include "kernels/qwino/qwino.h"

#include <stdio.h>
#include <string.h>

typedef struct job {
  ek_qwino_args args;
  ek_qwino_fn fn;
  uint32_t tiles;
  void *scratch;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  j->fn(&j->args, j->scratch, 0, j->tiles, 0, j->args.oc);
}

void kb_family_qwino(kb_bench *b) {
  const ek_qwino_desc *d;
  for (uint32_t row = 0; (d = ek_qwino_at(row)) != NULL; ++row) {
    if (!kb_row(b, "qwino", d->name, d->isa, false)) continue;
    for (size_t i = 0; i < kb_num_convs; ++i) {
      const kb_conv *const s = &kb_convs[i];
      if (s->kh != 3 || s->kw != 3 || s->sh != 1 || s->sw != 1 || s->groups != 1 || s->ic % 16 != 0 ||
          s->ic > EK_QWINO_MAX_IC) {
        continue;
      }
      job j = { .fn = d->fn };
      const ek_qwino_args shape = { .ih = s->ih,
                                    .iw = s->iw,
                                    .ic = s->ic,
                                    .oh = s->oh,
                                    .ow = s->ow,
                                    .oc = s->oc,
                                    .pad_top = s->pad_top,
                                    .pad_left = s->pad_left,
                                    .hi = 255,
                                    .out = EK_Q_U8 };
      j.args = shape;
      const size_t pixels = (size_t)s->oh * s->ow, k = (size_t)9 * s->ic, padded = s->oc + 64;
      kb_case c = { .arith = KB_I8,
                    .nets = s->nets,
                    .count = s->count,
                    .ops = 2.0 * (double)pixels * (double)k * s->oc,
                    .read = (double)s->ih * s->iw * s->ic + (double)k * s->oc,
                    .written = (double)pixels * s->oc,
                    .run = run,
                    .arg = &j };
      snprintf(c.shape, sizeof c.shape, "%ux%ux%u-%u", s->ih, s->iw, s->ic, s->oc);
      if (!kb_wants(b, &c)) continue;
      j.tiles = (s->oh + 1) / 2 * ((s->ow + 1) / 2);
      j.args.block = ek_qwino_block(&j.args, j.tiles);
      const ek_qweights w = { kb_buffer(b, 0, k * s->oc), NULL, 0, 8, 1, k, 1 };
      int16_t *const packed = kb_buffer(b, 1, (size_t)ek_qwino_packed_bytes(s->oc, s->ic));
      ek_qwino_pack(d, &w, s->oc, s->ic, packed, NULL);
      float *const mult = kb_buffer(b, 4, padded * 4);
      for (size_t q = 0; q < padded; ++q) mult[q] = 1e-4f;
      j.args.w = packed;
      j.args.mult = mult;
      j.args.bias = memset(kb_buffer(b, 5, padded * 4), 0, padded * 4);
      j.args.zero = memset(kb_buffer(b, 6, s->ic), 0, s->ic);
      j.args.x = kb_buffer(b, 2, (size_t)s->ih * s->iw * s->ic);
      j.args.y = kb_buffer(b, 3, pixels * s->oc);
      j.scratch = kb_buffer(b, 7, (size_t)ek_qwino_scratch_bytes(&j.args));
      kb_measure(b, &c);
    }
  }
}
