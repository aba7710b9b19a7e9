/* SPDX-License-Identifier: Apache-2.0
 * kbench: 8-bit pools and sums. */
#include "kbench.h"

#include "kernels/qpool/qpool.h"

#include <stdio.h>

typedef enum way { MAX, MEAN, SUM, WAYS } way;
static const char *const names[WAYS] = { "max", "mean", "sum" };
enum { MAX_TAPS = 4096 };

typedef struct job {
  const ek_qpool_desc *kernel;
  ek_qpool_call call;
  way what;
  uint32_t pixels; /* output pixels: the same window again */
  const uint8_t *x;
  int32_t *sums;
} job;

static void run(const void *arg) {
  const job *const j = arg;
  if (j->what == SUM) {
    j->kernel->sum(j->x, j->call.taps, j->call.c, j->call.c, 0, j->sums);
    return;
  }
  for (uint32_t p = 0; p < j->pixels; ++p) (j->what == MAX ? j->kernel->max : j->kernel->mean)(&j->call);
}

static void one(kb_bench *b, const ek_qpool_desc *d, way what, const char *nets, uint32_t count, uint32_t taps,
                uint32_t c, uint32_t pixels) {
  static const uint8_t *rows[MAX_TAPS];
  if (taps > MAX_TAPS) return;
  const double in = (double)taps * c * pixels, out = (double)c * pixels * (what == SUM ? 4 : 1);
  job j = { .kernel = d, .what = what, .pixels = pixels };
  kb_case k = { .arith = KB_BYTES, .nets = nets, .count = count, .read = in, .written = out, .run = run, .arg = &j };
  snprintf(k.shape, sizeof k.shape, "%s of %u, %u channels, %u pixels", names[what], taps, c, pixels);
  if (!kb_wants(b, &k)) return;
  j.x = kb_buffer(b, 0, (size_t)taps * c);
  for (uint32_t t = 0; t < taps; ++t) rows[t] = j.x + (size_t)t * c;
  j.sums = kb_buffer(b, 1, (size_t)c * 4);
  const ek_qpool_call call = { .p = rows, .taps = taps, .c = c, .hi = 255, .count = taps, .y = kb_buffer(b, 2, c) };
  j.call = call;
  kb_measure(b, &k);
}

void kb_family_qpool(kb_bench *b) {
  const ek_qpool_desc *d;
  for (uint32_t row = 0; (d = ek_qpool_at(row)) != NULL; ++row) {
    if (!kb_row(b, "qpool", d->name, d->isa, false)) continue;
    for (size_t i = 0; i < kb_num_pools; ++i) {
      const kb_pool *const s = &kb_pools[i];
      one(b, d, s->average ? MEAN : MAX, s->nets, s->count, s->kh * s->kw, s->c, s->oh * s->ow);
    }
    for (size_t i = 0; i < kb_num_means; ++i) {
      one(b, d, MEAN, kb_means[i].nets, kb_means[i].count, kb_means[i].rows, kb_means[i].columns, 1);
      one(b, d, SUM, kb_means[i].nets, kb_means[i].count, kb_means[i].rows, kb_means[i].columns, 1);
    }
  }
}
