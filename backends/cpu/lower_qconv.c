/* SPDX-License-Identifier: Apache-2.0
 * 8-bit Conv, FullyConnected and MatMul with constant weights on the integer matrix and depthwise kernels. */
#include "product.h"
#include "qpost.h"
#include "kernels/qconv/qconv.h"
#include "kernels/qdwconv/qdwconv.h"

/* ---- dense */

typedef struct conv_arg {
  ek_qconv_args a;
  eb_cpu_grid grid;
  uint32_t m, n, panel_columns;
  uint8_t table[256];
} conv_arg;

static edge_status conv_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const conv_arg *const c = arg;
  (void)worker;
  const eb_cpu_grid_tile t = eb_cpu_grid_at(&c->grid, tile);
  const size_t n0 = t.panels.begin * c->panel_columns, n1 = t.panels.end * c->panel_columns;
  ek_qconv_run(&c->a, (uint32_t)t.rows.begin, (uint32_t)t.rows.end, (uint32_t)n0, n1 < c->n ? (uint32_t)n1 : c->n);
  return EDGE_STATUS_OK;
}

eb_cpu_grid eb_cpu_q_grid(const eb_cpu_plan *plan, const ek_qconv_args *a, uint32_t m, double us, uint32_t *columns) {
  uint32_t taps, depth;
  ek_qconv_shape(a, &taps, &depth);
  const uint32_t nr = a->row->nr, n = a->oc / a->group;
  const eb_cpu_product_shape shape = {
    .m = m,
    .row_unit = 12,
    .row_bytes = eb_cpu_threads(plan) > 1 ? (size_t)a->sh * a->sw * a->ic : 0, /* alone in one piece */
    .n = (n + 15) / 16 * 16,
    .panel_columns = a->group == 1 ? nr : (n + nr - 1) / nr * nr,
    .panel_bytes = (size_t)taps * depth * nr,
  };
  *columns = (uint32_t)shape.panel_columns;
  return eb_cpu_grid_of(plan, &shape, us);
}

/* Everything but the geometry: prepares the weights, emits the step. `a` has its geometry and row. */
static edge_status emit_dense(eb_cpu_plan *plan, uint32_t node, ek_qconv_args a, const eb_cpu_q_affine *q,
                              const ek_qweights *w, uint32_t m, uint64_t layout) {
  uint32_t taps, depth;
  ek_qconv_shape(&a, &taps, &depth);
  const uint32_t per = a.oc / a.group;
  eb_cpu_q_packed packed;
  const edge_status status = eb_cpu_q_pack(plan, a.row, w, a.oc, taps, depth, a.group, layout, &packed);
  if (status != EDGE_STATUS_OK) return status;
  const int32_t zero = eb_cpu_q_domain(&q->x, a.row->signed_x, &a.flip);
  for (uint32_t i = 0; packed.sums && i < a.oc; ++i)
    q->bias[i] = (int32_t)((uint32_t)q->bias[i] - (uint32_t)zero * (uint32_t)packed.sums[i]);
  a.w = packed.w;
  a.w_group_bytes = packed.group_bytes;
  uint8_t *const pixel = eb_cpu_keep(plan, a.ic);
  if (pixel == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  memset(pixel, q->x.zero & 255, a.ic);
  a.zero = pixel;
  a.bias = q->bias;
  a.mult = q->mult;
  a.zero_point = q->y.zero;
  a.lo = q->lo;
  a.hi = q->hi;
  a.out = q->y.is_signed ? EK_Q_S8 : EK_Q_U8;
  eb_cpu_q_post post;
  eb_cpu_q_post_of(plan, eb_cpu_output(plan, node, 0), &post);
  a.map = post.map;
  a.add = post.args;
  if (post.residual != EDGE_NO_VALUE) a.add_fn = ek_qelt_select(eb_cpu_features(plan))->add;
  conv_arg c = { .a = a, .m = m, .n = per };
  const double fetch_us = (double)(a.w_group_bytes * a.group) / 100e3; /* weights come from beyond L2 */
  const double product_us = eb_cpu_q_us(plan, (double)m * a.oc * taps * depth);
  const double us = (product_us > fetch_us ? product_us : fetch_us) + (double)m * a.oc / 40e3;
  c.grid = eb_cpu_q_grid(plan, &c.a, m, us, &c.panel_columns);
  const uint32_t tiles = (uint32_t)(c.grid.m_tiles * c.grid.p_tiles);
  conv_arg *const arg = eb_cpu_step(plan, node, conv_tile, sizeof c, tiles, us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = c;
  memcpy(arg->table, post.table, sizeof arg->table);
  arg->a.table = arg->table;
  eb_cpu_slot(plan, &arg->a.x, eb_cpu_value(plan, eb_cpu_input(plan, node, 0)));
  eb_cpu_slot(plan, &arg->a.y, eb_cpu_value(plan, post.y));
  if (post.residual != EDGE_NO_VALUE) eb_cpu_slot(plan, &arg->a.residual, eb_cpu_value(plan, post.residual));
  eb_cpu_note(plan, node, a.row->name,
              post.reason ? post.reason
              : a.merged  ? "taps of a kernel row merged into one"
                          : "8-bit, exact");
  eb_cpu_q_post_finish(plan, &post);
  return EDGE_STATUS_OK;
}

/* ---- depthwise; prepared: [channels] int32 sums, padded to 64 bytes, then the weights */

typedef struct pack_job {
  const ek_qdw_desc *row;
  ek_qweights w;
  size_t n, kh, kw;
} pack_job;

static edge_status pack(void *user, void *data, uint64_t bytes) {
  const pack_job *const j = user;
  (void)bytes;
  ek_qdw_pack(j->row, &j->w, j->n, j->kh, j->kw, eb_cpu_q_after_sums(data, j->n), data);
  return EDGE_STATUS_OK;
}

typedef struct dw_arg {
  ek_qdw_args a;
  ek_qdw_fn fn;
  uint32_t strips;
  ek_qlut_fn map; /* NULL: none */
  uint8_t table[256];
} dw_arg;

static edge_status dw_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const dw_arg *const d = arg;
  (void)worker;
  const uint32_t image = tile / d->strips;
  const eb_cpu_range lines = eb_cpu_part(d->a.oh, 1, d->strips, tile % d->strips);
  d->fn(&d->a, image, (uint32_t)lines.begin, (uint32_t)lines.end);
  if (d->map) {
    const size_t line = (size_t)d->a.ow * d->a.c;
    uint8_t *const y = d->a.y + ((size_t)image * d->a.oh + lines.begin) * line;
    d->map((lines.end - lines.begin) * line, y, d->table, y);
  }
  return EDGE_STATUS_OK;
}

/* Strips few enough lines high that their input stays in the first-level cache's neighbourhood while they are walked.
 */
static uint32_t count_strips(const eb_cpu_plan *plan, const ek_qdw_args *a, uint32_t images, double us) {
  const uint32_t strips = (a->oh + 7) / 8;
  const uint32_t want = (eb_cpu_tiles(plan, us, (uint64_t)a->oh * images) + images - 1) / images;
  return strips < want ? want : strips;
}

static edge_status emit_depthwise(eb_cpu_plan *plan, uint32_t node, ek_qdw_args a, const ek_qdw_desc *row,
                                  eb_cpu_q_affine *q, const ek_qweights *w, uint32_t images) {
  pack_job job = { row, *w, a.c, a.kh, a.kw };
  const uint64_t bytes = eb_cpu_q_sums_bytes(a.c) + ek_qdw_packed_bytes(row, a.c, a.kh, a.kw);
  const edge_prepared_key key = { w->data, row->name, { a.c, a.kh, a.kw, 0 } };
  const void *blob;
  const edge_status status = eb_cpu_prepared(plan, &key, bytes, pack, &job, &blob);
  if (status != EDGE_STATUS_OK) return status;
  const size_t packed = ek_qdw_channels(row, a.c);
  int32_t *const bias = eb_cpu_keep(plan, packed * sizeof *bias);
  float *const mult = eb_cpu_keep(plan, packed * sizeof *mult);
  uint8_t *const pixel = eb_cpu_keep(plan, a.c);
  if (bias == NULL || mult == NULL || pixel == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  const int32_t zero = eb_cpu_q_domain(&q->x, row->signed_x, &a.flip);
  for (size_t i = 0; blob != NULL && i < packed; ++i) {
    const size_t c = ek_qdw_channel_at(row, a.c, i);
    if (c >= a.c) continue;
    bias[i] = (int32_t)((uint32_t)q->bias[c] - (uint32_t)zero * (uint32_t)((const int32_t *)blob)[c]);
    mult[i] = q->mult[c];
  }
  memset(pixel, q->x.zero & 255, a.c);
  a.w = blob ? (const int8_t *)blob + eb_cpu_q_sums_bytes(a.c) : NULL;
  a.bias = bias;
  a.mult = mult;
  a.zero = pixel;
  a.zero_point = q->y.zero;
  a.lo = q->lo;
  a.hi = q->hi;
  a.out = q->y.is_signed ? EK_Q_S8 : EK_Q_U8;
  const double us = eb_cpu_q_us(plan, 4.0 * images * a.oh * a.ow * (double)a.c * a.kh * a.kw);
  const uint32_t strips = count_strips(plan, &a, images, us);
  dw_arg *const arg = eb_cpu_step(plan, node, dw_tile, sizeof *arg, strips * images, us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  eb_cpu_q_post post;
  eb_cpu_q_map_of(plan, eb_cpu_output(plan, node, 0), &post);
  *arg = (dw_arg) { a, row->fn, strips, post.map, { 0 } };
  memcpy(arg->table, post.table, sizeof arg->table);
  eb_cpu_slot(plan, &arg->a.x, eb_cpu_value(plan, eb_cpu_input(plan, node, 0)));
  eb_cpu_slot(plan, &arg->a.y, eb_cpu_value(plan, post.y));
  eb_cpu_note(plan, node, row->name, post.reason ? post.reason : "8-bit depthwise, exact");
  eb_cpu_q_post_finish(plan, &post);
  return EDGE_STATUS_OK;
}

/* ---- lowerings */

static bool small(int64_t v) {
  return v >= 0 && v <= INT32_MAX / 4;
}

bool eb_cpu_q_geometry(const eb_cpu_plan *plan, uint32_t node, ek_qconv_args *out, uint32_t *images) {
  const edge_tensor *const x = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0));
  const edge_tensor *const w = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const edge_tensor *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  eb_cpu_window v;
  const int64_t group = eb_cpu_int(plan, node, "group");
  if (!eb_cpu_window_of(plan, node, x, w, y, &v)) return false;
  if (group < 1 || v.ic % group || v.oc % group || eb_cpu_elements(y) == 0 || v.ic < 1) return false;
  if (!small(v.ih) || !small(v.iw) || !small(v.n * v.oh * v.ow) || !small(v.kh * v.kw * v.ic) || !small(v.oc) ||
      !small(v.pad_top) || !small(v.pad_left) || !small(v.dh * v.kh) || !small(v.dw * v.kw) || !small(v.sh) ||
      !small(v.sw) || !small(v.ih * v.iw) || !small(v.oh * v.sh) || !small(v.ow * v.sw))
    return false;
  if (v.kh * v.kw > EK_QCONV_MAX_TAPS) return false;
  *images = (uint32_t)v.n;
  *out = (ek_qconv_args) { .row = ek_qgemm_select(eb_cpu_features(plan)),
                           .ih = (uint32_t)v.ih,
                           .iw = (uint32_t)v.iw,
                           .ic = (uint32_t)v.ic,
                           .oh = (uint32_t)v.oh,
                           .ow = (uint32_t)v.ow,
                           .oc = (uint32_t)v.oc,
                           .kh = (uint32_t)v.kh,
                           .kw = (uint32_t)v.kw,
                           .sh = (uint32_t)v.sh,
                           .sw = (uint32_t)v.sw,
                           .dh = (uint32_t)v.dh,
                           .dw = (uint32_t)v.dw,
                           .pad_top = (int32_t)v.pad_top,
                           .pad_left = (int32_t)v.pad_left,
                           .group = (uint32_t)group };
  out->merged = ek_qconv_merged(out);
  return true;
}

bool eb_cpu_q_rows(const eb_cpu_plan *plan, uint64_t m, uint64_t n, uint64_t k, ek_qconv_args *out) {
  if (m == 0 || n == 0 || k == 0 || m > INT32_MAX / 4 || n > INT32_MAX / 4 || k > INT32_MAX / 4) return false;
  *out = (ek_qconv_args) { .row = ek_qgemm_select(eb_cpu_features(plan)),
                           .ih = 1,
                           .iw = (uint32_t)m,
                           .ic = (uint32_t)k,
                           .oh = 1,
                           .ow = (uint32_t)m,
                           .oc = (uint32_t)n,
                           .kh = 1,
                           .kw = 1,
                           .sh = 1,
                           .sw = 1,
                           .dh = 1,
                           .dw = 1,
                           .group = 1 };
  return true;
}

edge_status eb_cpu_lower_qconv(eb_cpu_plan *plan, uint32_t node) {
  const edge_tensor *const x = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0));
  const edge_tensor *const w = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const edge_tensor *const bias = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 2));
  const edge_tensor *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  eb_cpu_q probe;
  ek_qconv_args a;
  ek_qweights weights;
  uint32_t images;
  if (!eb_cpu_q8(x, &probe) || !eb_cpu_q_geometry(plan, node, &a, &images)) return EB_CPU_PASS;
  if (!eb_cpu_q_weights(w, 0, &weights) || (weights.bits != 8 && a.group != 1)) return EB_CPU_PASS;
  const uint64_t depth = (uint64_t)a.kh * a.kw * (a.ic / a.group);
  weights.channel_stride = (size_t)depth;
  eb_cpu_q_affine q;
  const edge_status status = eb_cpu_q_affine_of(plan, node, x, w, bias, y, a.oc, depth, &q);
  if (status != EDGE_STATUS_OK) return status;
  if (a.group > 1 && a.group == a.ic && a.group == a.oc && a.kh * a.kw <= EK_QDW_MAX_TAPS) {
    const ek_qdw_args d = { .ih = a.ih,
                            .iw = a.iw,
                            .c = a.ic,
                            .oh = a.oh,
                            .ow = a.ow,
                            .kh = a.kh,
                            .kw = a.kw,
                            .sh = a.sh,
                            .sw = a.sw,
                            .dh = a.dh,
                            .dw = a.dw,
                            .pad_top = a.pad_top,
                            .pad_left = a.pad_left };
    return emit_depthwise(plan, node, d, ek_qdw_select(eb_cpu_features(plan), &d), &q, &weights, images);
  }
  return emit_dense(plan, node, a, &q, &weights, images * a.oh * a.ow, 0);
}

/* x [m, k] times n channels of k values. */
static edge_status lower_product(eb_cpu_plan *plan, uint32_t node, uint64_t m, uint64_t n, uint64_t k, int32_t axis,
                                 size_t channel_stride, size_t depth_stride) {
  const edge_tensor *const x = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0));
  const edge_tensor *const w = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const edge_tensor *const bias = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 2));
  const edge_tensor *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  ek_qweights weights;
  eb_cpu_q_affine q;
  ek_qconv_args a;
  if (!eb_cpu_q_rows(plan, m, n, k, &a)) return EB_CPU_PASS;
  if (!eb_cpu_q_weights(w, axis, &weights)) return EB_CPU_PASS;
  weights.channel_stride = channel_stride;
  weights.depth_stride = depth_stride;
  const edge_status status = eb_cpu_q_affine_of(plan, node, x, w, bias, y, (uint32_t)n, k, &q);
  if (status != EDGE_STATUS_OK) return status;
  return emit_dense(plan, node, a, &q, &weights, (uint32_t)m, depth_stride == 1 ? 1 : 2);
}

edge_status eb_cpu_lower_qfc(eb_cpu_plan *plan, uint32_t node) {
  const edge_tensor *const x = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0));
  const edge_tensor *const w = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  eb_cpu_q probe;
  if (!eb_cpu_q8(x, &probe) || w->rank != 2 || w->dims[1] < 1) return EB_CPU_PASS;
  const uint64_t n = (uint64_t)w->dims[0], k = (uint64_t)w->dims[1], total = eb_cpu_elements(x);
  if (total % k) return EB_CPU_PASS;
  return lower_product(plan, node, total / k, n, k, 0, (size_t)k, 1);
}

edge_status eb_cpu_lower_qmatmul(eb_cpu_plan *plan, uint32_t node) {
  const edge_tensor *const x = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0));
  const edge_tensor *const w = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  eb_cpu_q probe;
  if (!eb_cpu_q8(x, &probe) || w->rank != 2 || x->rank < 1) return EB_CPU_PASS;
  if (x->rank > 1 && eb_cpu_int(plan, node, "trans_a")) return EB_CPU_PASS;
  const bool rows = eb_cpu_int(plan, node, "trans_b") != 0; /* b [n, k] */
  const uint64_t n = (uint64_t)w->dims[rows ? 0 : 1], k = (uint64_t)w->dims[rows ? 1 : 0];
  if (k == 0 || (uint64_t)x->dims[x->rank - 1] != k) return EB_CPU_PASS;
  return lower_product(plan, node, eb_cpu_elements(x) / k, n, k, rows ? 0 : 1, (size_t)(rows ? k : 1),
                       (size_t)(rows ? 1 : n));
}
