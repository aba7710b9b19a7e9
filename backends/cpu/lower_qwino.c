/* SPDX-License-Identifier: Apache-2.0
 * 8-bit 3x3 Conv with stride 1 in Winograd's exact form, where the CPU has no dot products and the shape pays; a table
 * and a residual Add behind it come along. */
#include "qwino.h"

/* ---- prepared weights: [channels] int32 sums, padded to 64 bytes, then the transformed weights */

typedef struct pack_job {
  const ek_qwino_desc *row;
  ek_qweights w;
  size_t oc, ic;
} pack_job;

static edge_status pack(void *user, void *data, uint64_t bytes) {
  const pack_job *const j = user;
  (void)bytes;
  ek_qwino_pack(j->row, &j->w, j->oc, j->ic, (int16_t *)eb_cpu_q_after_sums(data, j->oc), data);
  return EDGE_STATUS_OK;
}

typedef struct wino_arg {
  ek_qwino_args a;
  ek_qwino_fn fn;
  char *scratch;
  uint64_t scratch_bytes; /* of a worker */
  uint32_t workers, total, tiles, cols, t_parts;
  ek_qlut_fn map;        /* NULL: none */
  ek_qelt_binary_fn add; /* NULL: none */
  ek_qelt_args add_args;
  const uint8_t *residual;
  uint8_t table[256];
} wino_arg;

/* table and sum of `count` bytes from y + at on */
static void follow(const wino_arg *c, size_t at, size_t count) {
  uint8_t *const y = c->a.y + at;
  if (c->map) c->map(count, y, c->table, y);
  if (c->add) c->add(&c->add_args, count, y, c->residual + at, 1, y);
}

/* ... of channels [n0, n1) of tiles [t0, t1), which lie in pairs of image lines */
static void follow_tiles(const wino_arg *c, uint32_t t0, uint32_t t1, uint32_t n0, uint32_t n1) {
  const uint32_t across = (c->a.ow + 1) / 2, down = (c->a.oh + 1) / 2;
  const size_t oc = c->a.oc;
  for (uint32_t t = t0, end; t < t1; t = end) {
    const uint32_t first = t % across, row = t / across, last = t - first + across;
    const uint32_t image = row / down, oy = row % down * 2, lines = c->a.oh - oy < 2 ? 1 : 2;
    end = last < t1 ? last : t1;
    const size_t pixels = (end == last ? c->a.ow : (end - (t - first)) * 2) - first * 2;
    for (uint32_t i = 0; i < lines; ++i) {
      const size_t at = (((size_t)image * c->a.oh + oy + i) * c->a.ow + first * 2) * oc + n0;
      if (n1 - n0 == oc) {
        follow(c, at, pixels * oc);
      } else {
        for (size_t p = 0; p < pixels; ++p) follow(c, at + p * oc, n1 - n0);
      }
    }
  }
}

static edge_status wino_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const wino_arg *const c = arg;
  if (worker >= c->workers) return EDGE_STATUS_INTERNAL;
  const uint32_t t0 = tile % c->t_parts * c->tiles, n0 = tile / c->t_parts * c->cols;
  const uint32_t t1 = c->total - t0 < c->tiles ? c->total : t0 + c->tiles;
  const uint32_t n1 = c->a.oc - n0 < c->cols ? c->a.oc : n0 + c->cols;
  char *const scratch = c->scratch + worker * c->scratch_bytes;
  if (c->map == NULL && c->add == NULL) {
    c->fn(&c->a, scratch, t0, t1, n0, n1);
    return EDGE_STATUS_OK;
  }
  for (uint32_t t = t0, end; t < t1; t = end) { /* block by block, while it is near */
    end = t1 - t < c->a.block ? t1 : t + c->a.block;
    c->fn(&c->a, scratch, t, end, n0, n1);
    follow_tiles(c, t, end, n0, n1);
  }
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

bool eb_cpu_qwino_of(const eb_cpu_plan *plan, uint32_t node, eb_cpu_qwino *out) {
  const edge_tensor *const x = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0));
  const edge_tensor *const w = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const edge_tensor *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  eb_cpu_window v;
  *out = (eb_cpu_qwino) { 0 };
  if (!eb_cpu_window_of(plan, node, x, w, y, &v)) return false;
  if (eb_cpu_int(plan, node, "group") != 1 || v.kh != 3 || v.kw != 3 || v.sh != 1 || v.sw != 1 || v.dh != 1 ||
      v.dw != 1 || v.n < 1 || v.oh < 1 || v.ow < 1 || v.ic < 1 || v.oc < 1)
    return false;
  const int64_t most = INT32_MAX / 16;
  if (v.n > most || v.ih > most || v.iw > most || v.oh > most || v.ow > most || v.oc > most || v.ic > most ||
      v.pad_top < 0 || v.pad_left < 0 || v.pad_top > most || v.pad_left > most ||
      (double)v.n * (double)(v.oh + 1) * (double)(v.ow + 1) > (double)most)
    return false;
  if (!eb_cpu_q_weights(w, 0, &out->w) || out->w.bits != 8) return false;
  out->w.channel_stride = 9 * (size_t)v.ic;
  out->images = (uint32_t)v.n;
  out->a = (ek_qwino_args) { .ih = (uint32_t)v.ih,
                             .iw = (uint32_t)v.iw,
                             .ic = (uint32_t)v.ic,
                             .oh = (uint32_t)v.oh,
                             .ow = (uint32_t)v.ow,
                             .oc = (uint32_t)v.oc,
                             .pad_top = (int32_t)v.pad_top,
                             .pad_left = (int32_t)v.pad_left };
  out->row = ek_qwino_select(eb_cpu_features(plan), &out->a);
  return out->row != NULL;
}

edge_status eb_cpu_qwino_pack(eb_cpu_plan *plan, eb_cpu_qwino *q) {
  pack_job job = { q->row, q->w, q->a.oc, q->a.ic };
  const edge_prepared_key key = { q->w.data, q->row->name, { q->a.oc, q->a.ic, 0, 0 } };
  const uint64_t sums = eb_cpu_q_sums_bytes(q->a.oc);
  const void *blob = NULL;
  const edge_status status =
      eb_cpu_prepared(plan, &key, sums + ek_qwino_packed_bytes(q->a.oc, q->a.ic), pack, &job, &blob);
  if (status == EDGE_STATUS_OK && blob) {
    q->sums = blob;
    q->a.w = (const int16_t *)(const void *)((const char *)blob + sums);
  }
  return status;
}

edge_status eb_cpu_qwino_step(eb_cpu_plan *plan, uint32_t node, const eb_cpu_qwino *q, eb_cpu_ref x, eb_cpu_ref y,
                              const eb_cpu_q_post *post) {
  const uint32_t total = q->images * ((q->a.oh + 1) / 2) * ((q->a.ow + 1) / 2);
  wino_arg c = { .a = q->a, .fn = q->row->fn, .workers = eb_cpu_threads(plan), .total = total };
  if (post) {
    c.map = post->map;
    c.add_args = post->args;
    memcpy(c.table, post->table, sizeof c.table);
    if (post->residual != EDGE_NO_VALUE) c.add = ek_qelt_select(eb_cpu_features(plan))->add;
  }
  c.a.block = ek_qwino_block(&q->a, total);
  c.scratch_bytes = (ek_qwino_scratch_bytes(&c.a) + 63) / 64 * 64;
  const double us = eb_cpu_q_us(plan, 17.0 * total * (double)q->a.ic * q->a.oc);
  const uint32_t parts = cut(plan, &c, us);
  wino_arg *const arg = eb_cpu_step(plan, node, wino_tile, sizeof c, parts, us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = c;
  eb_cpu_slot(plan, &arg->a.x, x);
  eb_cpu_slot(plan, &arg->a.y, y);
  if (c.add) eb_cpu_slot(plan, &arg->residual, eb_cpu_value(plan, post->residual));
  eb_cpu_slot(plan, &arg->scratch, eb_cpu_scratch(plan, c.scratch_bytes * c.workers, 64));
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_qwino(eb_cpu_plan *plan, uint32_t node) {
  const edge_tensor *const x = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0));
  const edge_tensor *const w = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const edge_tensor *const bias = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 2));
  const edge_tensor *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  eb_cpu_q probe;
  eb_cpu_qwino c;
  eb_cpu_q_affine q;
  if (!eb_cpu_q8(x, &probe) || !eb_cpu_qwino_of(plan, node, &c)) return EB_CPU_PASS;
  edge_status status = eb_cpu_q_affine_of(plan, node, x, w, bias, y, c.a.oc, 9 * (uint64_t)c.a.ic, &q);
  if (status == EDGE_STATUS_OK) status = eb_cpu_qwino_pack(plan, &c);
  if (status != EDGE_STATUS_OK) return status;
  const int32_t zero = eb_cpu_q_domain(&q.x, false, &c.a.flip);
  for (uint32_t i = 0; c.sums && i < c.a.oc; ++i)
    q.bias[i] = (int32_t)((uint32_t)q.bias[i] - (uint32_t)zero * (uint32_t)c.sums[i]);
  uint8_t *const pixel = eb_cpu_keep(plan, c.a.ic);
  if (pixel == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  memset(pixel, q.x.zero & 255, c.a.ic);
  c.a.zero = pixel;
  c.a.bias = q.bias;
  c.a.mult = q.mult;
  c.a.zero_point = q.y.zero;
  c.a.lo = q.lo;
  c.a.hi = q.hi;
  c.a.out = q.y.is_signed ? EK_Q_S8 : EK_Q_U8;
  eb_cpu_q_post post;
  eb_cpu_q_post_of(plan, eb_cpu_output(plan, node, 0), &post);
  status = eb_cpu_qwino_step(plan, node, &c, eb_cpu_value(plan, eb_cpu_input(plan, node, 0)),
                             eb_cpu_value(plan, post.y), &post);
  if (status != EDGE_STATUS_OK) return status;
  eb_cpu_note(plan, node, c.row->name, post.reason ? post.reason : "8-bit, exact, 16 products for 36");
  eb_cpu_q_post_finish(plan, &post);
  return EDGE_STATUS_OK;
}
