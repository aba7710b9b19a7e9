/* SPDX-License-Identifier: Apache-2.0
 * kbench: f32 convolutions by Winograd's method. Operations are those of the plain sum, so they can pass the peak. */
#include "kbench.h"
#include "kernels/winograd/winograd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct job {
  ek_winograd_f32_args args;
  size_t tiles, block;
  float *v, *m, *u;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  const size_t step = ek_winograd_f32_v_step(&j->args, j->block), groups = ek_winograd_f32_groups(&j->args);
  for (size_t t = 0; t < j->tiles; t += j->block) {
    const size_t end = t + j->block < j->tiles ? t + j->block : j->tiles;
    ek_winograd_f32_input(&j->args, t, end, j->v, step);
    ek_winograd_f32_output(&j->args, t, end, 0, groups, j->v, step, j->m, j->u);
  }
}

void kb_family_winograd(kb_bench *b) {
  enum { L2_BYTES = 1 << 20 };
  const ek_winograd_f32_kernel *d;
  for (uint32_t row = 0; (d = ek_winograd_f32_at(row)) != NULL; ++row) {
    if (!kb_row(b, "winograd", d->name, d->isa, false)) continue;
    for (size_t i = 0; i < kb_num_convs; ++i) {
      const kb_conv *const s = &kb_convs[i];
      if (s->kh != 3 || s->kw != 3 || s->sh != 1 || s->sw != 1 || s->groups != 1) continue;
      job j = { .tiles = 0 };
      const ek_winograd_f32_args shape = {
        .kernel = d,
        .gemm = ek_gemm_f32_select(d->isa, 0),
        .batch = 1,
        .ih = s->ih,
        .iw = s->iw,
        .oh = s->oh,
        .ow = s->ow,
        .c_in = s->ic,
        .c_out = s->oc,
        .pad_top = s->pad_top,
        .pad_left = s->pad_left,
        .lo = 0.0f,
        .hi = INFINITY,
      };
      j.args = shape;
      const size_t pixels = (size_t)s->oh * s->ow, k = (size_t)9 * s->ic;
      kb_case c = { .arith = KB_F32,
                    .nets = s->nets,
                    .count = s->count,
                    .ops = 2.0 * (double)pixels * (double)k * s->oc,
                    .read = 4.0 * ((double)s->ih * s->iw * s->ic + (double)k * s->oc),
                    .written = 4.0 * (double)pixels * s->oc,
                    .run = run,
                    .arg = &j };
      snprintf(c.shape, sizeof c.shape, "%ux%ux%u-%u", s->ih, s->iw, s->ic, s->oc);
      if (!kb_wants(b, &c)) continue;
      j.args.depth = ek_winograd_f32_depth(&j.args, L2_BYTES);
      j.args.stored = ek_winograd_f32_stores(&j.args);
      float *const packed = kb_buffer(b, 1, (size_t)ek_winograd_f32_packed_bytes(&j.args));
      ek_winograd_f32_pack(&j.args, kb_buffer(b, 0, k * s->oc * 4), NULL, packed);
      const size_t positions = ek_winograd_f32_positions(&j.args);
      j.tiles = ek_winograd_f32_tiles(&j.args);
      const size_t blocks = ek_winograd_f32_blocks(&j.args, L2_BYTES);
      j.block = (j.tiles + blocks - 1) / blocks;
      j.v = kb_buffer(b, 5, ek_winograd_f32_v_step(&j.args, j.block) * positions * 4);
      j.m = kb_buffer(b, 6, ek_winograd_f32_m_step(&j.args, j.block) * positions * 4);
      j.u = kb_buffer(b, 7, ek_winograd_f32_u_step(&j.args) * positions * 4);
      j.args.packed = packed;
      j.args.x = kb_buffer(b, 2, (size_t)s->ih * s->iw * s->ic * 4);
      j.args.zeros = memset(kb_buffer(b, 4, (size_t)s->ic * 4), 0, (size_t)s->ic * 4);
      j.args.y = kb_buffer(b, 3, pixels * s->oc * 4);
      kb_measure(b, &c);
    }
  }
}
