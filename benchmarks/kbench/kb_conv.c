/* SPDX-License-Identifier: Apache-2.0
 * kbench: f32 convolutions larger than a point, over the rows of gemm.def. */
#include "kbench.h"

#include "kernels/conv/conv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void run(const void *arg) {
  const ek_conv_f32_args *const a = arg;
  const size_t panels = ek_gemm_f32_num_panels(a->kernel, a->c_out);
  for (size_t g = 0; g < a->groups; ++g) ek_conv_f32_block(a, g, 0, a->batch * a->oh * a->ow, 0, panels);
}

void kb_family_conv(kb_bench *b) {
  const ek_gemm_f32_kernel *d;
  for (uint32_t row = 0; (d = ek_gemm_f32_at(row)) != NULL; ++row) {
    if (!kb_row(b, "conv", d->name, d->isa, true)) continue;
    if (kb_select_by(b) && (d->flags & EK_FAST)) continue; /* only for who asks for it */
    for (size_t i = 0; i < kb_num_convs; ++i) {
      const kb_conv *const s = &kb_convs[i];
      if (s->kh * s->kw * s->sh * s->sw * s->groups == 1) continue;
      const size_t ic = s->ic / s->groups, oc = s->oc / s->groups, k = s->kh * s->kw * ic, pixels = s->oh * s->ow;
      ek_conv_f32_args args = {
        .kernel = d,
        .batch = 1,
        .ih = s->ih,
        .iw = s->iw,
        .oh = s->oh,
        .ow = s->ow,
        .c_in = ic,
        .c_out = oc,
        .groups = s->groups,
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
      kb_case c = { .arith = d->isa & EK_AVX512BF16 ? KB_BF16 : KB_F32,
                    .nets = s->nets,
                    .count = s->count,
                    .ops = 2.0 * (double)pixels * (double)k * s->oc,
                    .read = 4.0 * ((double)s->ih * s->iw * s->ic + (double)k * s->oc),
                    .written = 4.0 * (double)pixels * s->oc,
                    .run = run,
                    .arg = &args };
      snprintf(c.shape, sizeof c.shape, "%ux%ux%u-%ux%ux%u k%ux%u s%u", s->ih, s->iw, s->ic, s->oh, s->ow, s->oc, s->kh,
               s->kw, s->sw);
      if (!kb_wants(b, &c)) continue;
      const size_t group_floats = (size_t)ek_gemm_f32_packed_bytes(d, k, oc) / 4;
      float *const packed = kb_buffer(b, 1, group_floats * s->groups * 4);
      const float *const w = kb_buffer(b, 0, k * oc * 4);
      for (size_t g = 0; g < s->groups; ++g) ek_gemm_f32_pack(d, w, 1, k, k, oc, NULL, packed + g * group_floats);
      args.packed = packed;
      args.x = kb_buffer(b, 2, (size_t)s->ih * s->iw * s->ic * 4);
      args.zeros = memset(kb_buffer(b, 4, ic * 4), 0, ic * 4);
      args.y = kb_buffer(b, 3, pixels * s->oc * 4);
      kb_measure(b, &c);
    }
  }
}
