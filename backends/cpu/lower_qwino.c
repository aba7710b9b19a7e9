/* SPDX-License-Identifier: Apache-2.0
 * 8-bit 3x3 Conv with stride 1 in Winograd's exact form, where the CPU has no dot products and the shape pays. */
#include "quant.h"
#include "kernels/qwino/qwino.h"

/* ---- prepared weights: [channels] int32 sums, padded to 64 bytes, then the transformed weights */

typedef struct pack_job {
  const ek_qwino_desc *row;
  ek_qweights w;
  size_t oc, ic;
} pack_job;

static uint64_t sums_bytes(uint64_t n) {
  return (n * sizeof(int32_t) + 63) / 64 * 64;
}

static edge_status pack(void *user, void *data, uint64_t bytes) {
  const pack_job *const j = user;
  (void)bytes;
  ek_qwino_pack(j->row, &j->w, j->oc, j->ic, (int16_t *)(void *)((char *)data + sums_bytes(j->oc)), data);
  return EDGE_STATUS_OK;
}

typedef struct wino_arg {
  ek_qwino_args a;
  ek_qwino_fn fn;
  char *scratch;
  uint64_t scratch_bytes; /* of a worker */
  uint32_t workers, total, tiles, cols, t_parts;
} wino_arg;

static edge_status wino_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const wino_arg *const c = arg;
  if (worker >= c->workers) return EDGE_STATUS_INTERNAL;
  const uint32_t t0 = tile % c->t_parts * c->tiles, n0 = tile / c->t_parts * c->cols;
  const uint32_t t1 = c->total - t0 < c->tiles ? c->total : t0 + c->tiles;
  const uint32_t n1 = c->a.oc - n0 < c->cols ? c->a.oc : n0 + c->cols;
  c->fn(&c->a, c->scratch + worker * c->scratch_bytes, t0, t1, n0, n1);
  return EDGE_STATUS_OK;
}

/* Into blocks of Winograd tiles while there are enough of them, else into blocks of channels too. */
static uint32_t cut(const eb_cpu_plan *plan, wino_arg *c, double us) {
  const uint32_t blocks = (c->total + c->a.block - 1) / c->a.block;
  const uint32_t columns = (c->a.oc + EK_QWINO_COLUMNS - 1) / EK_QWINO_COLUMNS;
  const uint32_t want = eb_cpu_tiles(plan, us, (uint64_t)blocks * columns);
  const uint32_t down = want < blocks ? want : blocks, across = (want + down - 1) / down;
  c->tiles = (blocks + down - 1) / down * c->a.block;
  c->t_parts = (c->total + c->tiles - 1) / c->tiles;
  c->cols = (columns + across - 1) / across * EK_QWINO_COLUMNS;
  return c->t_parts * ((c->a.oc + c->cols - 1) / c->cols);
}

static bool usual(const eb_cpu_plan *plan, uint32_t node, const edge_tensor *x, const edge_tensor *w,
                  const edge_tensor *y, eb_cpu_window *v, ek_qweights *weights) {
  eb_cpu_q probe;
  if (!eb_cpu_q8(x, &probe) || !eb_cpu_window_of(plan, node, x, w, y, v)) return false;
  if (eb_cpu_int(plan, node, "group") != 1 || v->kh != 3 || v->kw != 3 || v->sh != 1 || v->sw != 1 || v->dh != 1 ||
      v->dw != 1 || v->n < 1 || v->oh < 1 || v->ow < 1 || v->ic < 1 || v->oc < 1)
    return false;
  const int64_t most = INT32_MAX / 16;
  if (v->n > most || v->ih > most || v->iw > most || v->oh > most || v->ow > most || v->oc > most || v->ic > most ||
      v->pad_top < 0 || v->pad_left < 0 || v->pad_top > most || v->pad_left > most ||
      (double)v->n * (double)(v->oh + 1) * (double)(v->ow + 1) > (double)most)
    return false;
  return eb_cpu_q_weights(w, 0, weights) && weights->bits == 8;
}

edge_status eb_cpu_lower_qwino(eb_cpu_plan *plan, uint32_t node) {
  const edge_tensor *const x = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0));
  const edge_tensor *const w = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const edge_tensor *const bias = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 2));
  const edge_tensor *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  eb_cpu_window v;
  pack_job job;
  eb_cpu_q_affine q;
  if (!usual(plan, node, x, w, y, &v, &job.w)) return EB_CPU_PASS;
  ek_qwino_args a = { .ih = (uint32_t)v.ih,
                      .iw = (uint32_t)v.iw,
                      .ic = (uint32_t)v.ic,
                      .oh = (uint32_t)v.oh,
                      .ow = (uint32_t)v.ow,
                      .oc = (uint32_t)v.oc,
                      .pad_top = (int32_t)v.pad_top,
                      .pad_left = (int32_t)v.pad_left };
  const ek_qwino_desc *const row = ek_qwino_select(eb_cpu_features(plan), &a);
  if (row == NULL) return EB_CPU_PASS;
  edge_status status = eb_cpu_q_affine_of(plan, node, x, w, bias, y, a.oc, 9 * (uint64_t)a.ic, &q);
  if (status != EDGE_STATUS_OK) return status;
  job.row = row;
  job.oc = a.oc;
  job.ic = a.ic;
  job.w.channel_stride = 9 * (size_t)a.ic;
  const edge_prepared_key key = { job.w.data, row->name, { a.oc, a.ic, 0, 0 } };
  const void *blob;
  status = eb_cpu_prepared(plan, &key, sums_bytes(a.oc) + ek_qwino_packed_bytes(a.oc, a.ic), pack, &job, &blob);
  if (status != EDGE_STATUS_OK) return status;
  const int32_t zero = eb_cpu_q_domain(&q.x, false, &a.flip);
  if (blob) {
    for (uint32_t i = 0; i < a.oc; ++i)
      q.bias[i] = (int32_t)((uint32_t)q.bias[i] - (uint32_t)zero * (uint32_t)((const int32_t *)blob)[i]);
    a.w = (const int16_t *)(const void *)((const char *)blob + sums_bytes(a.oc));
  }
  uint8_t *const pixel = eb_cpu_keep(plan, a.ic);
  if (pixel == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  memset(pixel, q.x.zero & 255, a.ic);
  const uint32_t total = (uint32_t)v.n * ((a.oh + 1) / 2) * ((a.ow + 1) / 2);
  a.block = ek_qwino_block(&a, total);
  a.zero = pixel;
  a.bias = q.bias;
  a.mult = q.mult;
  a.zero_point = q.y.zero;
  a.lo = q.lo;
  a.hi = q.hi;
  a.out = q.y.is_signed ? EK_Q_S8 : EK_Q_U8;
  wino_arg c = { .a = a, .fn = row->fn, .workers = eb_cpu_threads(plan), .total = total };
  c.scratch_bytes = (ek_qwino_scratch_bytes(&a) + 63) / 64 * 64;
  const double us = eb_cpu_q_us(plan, 17.0 * total * (double)a.ic * a.oc);
  const uint32_t parts = cut(plan, &c, us);
  wino_arg *const arg = eb_cpu_step(plan, node, wino_tile, sizeof c, parts, us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = c;
  eb_cpu_slot(plan, &arg->a.x, eb_cpu_value(plan, eb_cpu_input(plan, node, 0)));
  eb_cpu_slot(plan, &arg->a.y, eb_cpu_value(plan, eb_cpu_output(plan, node, 0)));
  eb_cpu_slot(plan, &arg->scratch, eb_cpu_scratch(plan, c.scratch_bytes * c.workers, 64));
  eb_cpu_note(plan, node, row->name, "8-bit, exact, 16 products for 36");
  return EDGE_STATUS_OK;
}
