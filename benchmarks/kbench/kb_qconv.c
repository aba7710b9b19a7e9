/* SPDX-License-Identifier: Apache-2.0
 * kbench: 8-bit convolutions larger than a point, over the rows of qgemm.def. */
#include "q_data.h"

#include <stdio.h>

void kb_family_qconv(kb_bench *b) {
  const ek_qgemm_desc *d;
  for (uint32_t row = 0; (d = ek_qgemm_at(row)) != NULL; ++row) {
    if (!kb_row(b, "qconv", d->name, d->isa, true)) continue;
    for (size_t i = 0; i < kb_num_convs; ++i) {
      const kb_conv *const s = &kb_convs[i];
      if (s->kh * s->kw * s->sh * s->sw * s->groups == 1 || s->kh * s->kw > EK_QCONV_MAX_TAPS) continue;
      const double k = (double)s->kh * s->kw * s->ic / s->groups, pixels = (double)s->oh * s->ow;
      ek_qconv_args args = { .row = d,
                             .ih = s->ih,
                             .iw = s->iw,
                             .ic = s->ic,
                             .oh = s->oh,
                             .ow = s->ow,
                             .oc = s->oc,
                             .kh = s->kh,
                             .kw = s->kw,
                             .sh = s->sh,
                             .sw = s->sw,
                             .dh = 1,
                             .dw = 1,
                             .pad_top = s->pad_top,
                             .pad_left = s->pad_left,
                             .group = s->groups };
      args.merged = ek_qconv_merged(&args);
      kb_case c = { .arith = KB_I8,
                    .nets = s->nets,
                    .count = s->count,
                    .ops = 2 * pixels * k * s->oc,
                    .read = (double)s->ih * s->iw * s->ic + k * s->oc,
                    .written = pixels * s->oc,
                    .run = kb_q_run,
                    .arg = &args };
      snprintf(c.shape, sizeof c.shape, "%ux%ux%u-%ux%ux%u k%ux%u s%u", s->ih, s->iw, s->ic, s->oh, s->ow, s->oc, s->kh,
               s->kw, s->sw);
      if (!kb_wants(b, &c)) continue;
      kb_q_prepare(b, &args);
      kb_measure(b, &c);
    }
  }
}
