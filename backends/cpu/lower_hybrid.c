/* SPDX-License-Identifier: Apache-2.0
 * Conv and FullyConnected of f32 data and s8 weights in integers (attribute `dynamic` in ops.def): the data become
 * bytes, an image, a pixel or a row at a time with parameters of its own, and the int32 sums become f32 while they are
 * in the cache. Weights stay 8-bit. The same bits as the reference operators, on every CPU. */
#include "plan.h"
#include "qwino.h"

enum { MOST = 65000 }; /* products that an int32 holds */

/* ---- quantizing a value: it is cut into units, a unit into parts */

typedef struct source {
  const ek_qelt_desc *elt;
  const float *x;
  uint8_t *q;
  ek_qelt_unit *unit; /* parameters */
  float *ranges;      /* two for each part; NULL: units are whole */
  uint8_t *pixel;     /* of each unit: pixel_bytes of its zero point */
  uint64_t per, part, pixel_bytes;
  uint32_t units, parts, together; /* together: units of a tile */
  bool symmetric;
} source;

static void quantize(const source *s, ek_qelt_unit u, uint64_t from, uint64_t n) {
  const ek_qelt_args p = { .ra = 1.0f / u.scale, .zy = u.zero, .lo = s->symmetric ? 1 : 0, .hi = 255 };
  s->elt->steps(&p, (size_t)n, s->x + from, s->q + from);
}

static void publish(const source *s, uint32_t i, ek_qelt_unit u) {
  s->unit[i] = u;
  if (s->pixel_bytes) memset(s->pixel + i * s->pixel_bytes, u.zero, s->pixel_bytes);
}

static edge_status units_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const source *const s = *(const source *const *)arg;
  const uint32_t first = tile * s->together, end = s->units - first < s->together ? s->units : first + s->together;
  (void)worker;
  if (s->pixel_bytes == 0) {
    s->elt->rows(end - first, (size_t)s->per, s->symmetric, s->x + first * s->per, s->unit + first,
                 s->q + first * s->per);
    return EDGE_STATUS_OK;
  }
  for (uint32_t i = first; i < end; ++i) {
    float lo = 0.0f, hi = 0.0f;
    s->elt->range((size_t)s->per, s->x + i * s->per, &lo, &hi);
    const ek_qelt_unit u = ek_qelt_unit_of(lo, hi, s->symmetric);
    publish(s, i, u);
    quantize(s, u, i * s->per, s->per);
  }
  return EDGE_STATUS_OK;
}

static uint64_t part_of(const source *s, uint32_t tile, uint64_t *from) {
  const uint64_t first = tile % s->parts * s->part, left = first < s->per ? s->per - first : 0;
  *from = tile / s->parts * s->per + first;
  return left < s->part ? left : s->part;
}

static edge_status range_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const source *const s = *(const source *const *)arg;
  float *const r = s->ranges + 2 * (size_t)tile;
  uint64_t from;
  const uint64_t n = part_of(s, tile, &from);
  (void)worker;
  r[0] = r[1] = 0.0f;
  s->elt->range((size_t)n, s->x + from, r, r + 1);
  return EDGE_STATUS_OK;
}

static edge_status part_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const source *const s = *(const source *const *)arg;
  const uint32_t i = tile / s->parts;
  const float *const r = s->ranges + 2 * (size_t)i * s->parts;
  float lo = 0.0f, hi = 0.0f;
  uint64_t from;
  const uint64_t n = part_of(s, tile, &from);
  (void)worker;
  for (uint32_t k = 0; k < s->parts; ++k) {
    if (r[2 * k] < lo) lo = r[2 * k];
    if (r[2 * k + 1] > hi) hi = r[2 * k + 1];
  }
  const ek_qelt_unit u = ek_qelt_unit_of(lo, hi, s->symmetric);
  if (tile % s->parts == 0) publish(s, i, u);
  quantize(s, u, from, n);
  return EDGE_STATUS_OK;
}

static edge_status step(eb_cpu_plan *plan, uint32_t node, edge_tile_fn fn, source *s, uint32_t tiles, double us) {
  source **const arg = eb_cpu_step(plan, node, fn, sizeof *arg, tiles, us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = s;
  eb_cpu_slot(plan, &s->x, eb_cpu_value(plan, eb_cpu_input(plan, node, 0)));
  return EDGE_STATUS_OK;
}

/* Steps that make bytes of the node's input, unless the product before this one did. pixel_bytes: 0 without padding */
static edge_status bytes_of(eb_cpu_plan *plan, uint32_t node, uint32_t units, uint64_t pixel_bytes, eb_cpu_bytes *out) {
  const uint32_t value = eb_cpu_input(plan, node, 0);
  const bool symmetric = eb_cpu_int(plan, node, "dynamic") == 1;
  if (plan->bytes.state && plan->bytes.value == value && plan->bytes.units == units &&
      plan->bytes.symmetric == symmetric && ((const source *)plan->bytes.state)->pixel_bytes >= pixel_bytes) {
    *out = plan->bytes;
    return EDGE_STATUS_OK;
  }
  const uint64_t n = eb_cpu_elements(eb_cpu_tensor(plan, value));
  source *const s = eb_cpu_keep(plan, sizeof *s);
  if (s == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *s = (source) { .elt = ek_qelt_select(eb_cpu_features(plan)),
                  .unit = eb_cpu_keep(plan, units * sizeof(ek_qelt_unit)),
                  .pixel = eb_cpu_keep(plan, units * pixel_bytes + 1),
                  .pixel_bytes = pixel_bytes,
                  .per = n / units,
                  .units = units,
                  .symmetric = symmetric };
  if (s->unit == NULL || s->pixel == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  const double us = 0.1 + (double)n / 8e3;
  const uint32_t tiles = eb_cpu_tiles(plan, us, (n + 4095) / 4096);
  edge_status status;
  const eb_cpu_ref bytes = eb_cpu_scratch(plan, n + 64, 64);
  if (units >= tiles) {
    s->together = (units + tiles - 1) / tiles;
    status = step(plan, node, units_tile, s, (units + s->together - 1) / s->together, us);
  } else {
    s->parts = (tiles + units - 1) / units;
    s->part = ((s->per + s->parts - 1) / s->parts + 63) / 64 * 64;
    s->ranges = eb_cpu_keep(plan, 2 * (uint64_t)units * s->parts * sizeof(float));
    if (s->ranges == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
    status = step(plan, node, range_tile, s, units * s->parts, us / 2);
    if (status == EDGE_STATUS_OK) status = step(plan, node, part_tile, s, units * s->parts, us / 2);
  }
  if (status != EDGE_STATUS_OK) return status;
  eb_cpu_slot(plan, &s->q, bytes);
  plan->bytes = *out = (eb_cpu_bytes) { value, units, symmetric, s, bytes };
  return EDGE_STATUS_OK;
}

/* ---- the product */

typedef struct hybrid_arg {
  ek_qconv_args a; /* s32 sums, without zero points */
  const ek_qelt_desc *elt;
  const source *source;
  const int32_t *sums;
  const float *mult, *bias;
  float lo, hi;
  int32_t to_domain;
  eb_cpu_grid grid;
  uint32_t m, n, panel_columns;
  uint32_t unit_rows;              /* output rows that share a unit */
  uint32_t piece_rows, piece_cols; /* what is scaled while it is in the cache */
  eb_cpu_post post;
} hybrid_arg;

/* The sums of rows m0 .. m1, of one unit or of a unit each, columns c0 .. c1, become real; a few rows at a time go
   through the chain too. */
static void finish(const hybrid_arg *h, uint32_t m0, uint32_t m1, uint32_t c0, uint32_t c1) {
  enum { FLOATS = 4096 };
  float *const y = h->a.y;
  const uint32_t few = FLOATS / (c1 - c0) / 4 * 4, step = few ? few : 4;
  ek_qelt_real_args p = { .unit_step = h->unit_rows == 1,
                          .sums = h->sums + c0,
                          .mult = h->mult + c0,
                          .bias = h->bias ? h->bias + c0 : NULL,
                          .shift = h->to_domain,
                          .lo = h->lo,
                          .hi = h->hi };
  for (uint32_t m = m0, end; m < m1; m = end) {
    end = m1 - m < step ? m1 : m + step;
    p.units = h->source->unit + m / h->unit_rows;
    h->elt->real(&p, end - m, c1 - c0, y + (size_t)m * h->a.oc + c0, h->a.oc);
    eb_cpu_post_run(&h->post, y, h->a.oc, m, end, c0, c1);
  }
}

static edge_status hybrid_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const hybrid_arg *const h = arg;
  const source *const s = h->source;
  const eb_cpu_grid_tile t = eb_cpu_grid_at(&h->grid, tile);
  const uint32_t n0 = (uint32_t)t.panels.begin * h->panel_columns, last = (uint32_t)t.panels.end * h->panel_columns;
  const uint32_t m0 = (uint32_t)t.rows.begin, m1 = (uint32_t)t.rows.end, n1 = last < h->n ? last : h->n;
  ek_qconv_args a = h->a;
  (void)worker;
  for (uint32_t n = n0; n < n1; n += h->piece_cols) {
    const uint32_t n_end = n1 - n < h->piece_cols ? n1 : n + h->piece_cols;
    for (uint32_t m = m0, end; m < m1; m = end) {
      end = m1 - m < h->piece_rows ? m1 : m + h->piece_rows;
      if (s->pixel_bytes) { /* a padding pixel belongs to an image */
        const uint32_t image = m / h->unit_rows, left = h->unit_rows - m % h->unit_rows;
        if (end - m > left) end = m + left;
        a.zero = s->pixel + image * s->pixel_bytes;
      }
      ek_qconv_run(&a, m, end, n, n_end); /* of every group */
      finish(h, m, end, a.group > 1 ? 0 : n, a.group > 1 ? a.oc : n_end);
    }
  }
  return EDGE_STATUS_OK;
}

/* rows whose sums another step made; all of one image */
static edge_status finish_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const hybrid_arg *const h = arg;
  const eb_cpu_grid_tile t = eb_cpu_grid_at(&h->grid, tile);
  (void)worker;
  finish(h, (uint32_t)t.rows.begin, (uint32_t)t.rows.end, 0, h->a.oc);
  return EDGE_STATUS_OK;
}

/* How the product is cut into tiles, and a tile into pieces. */
static void cut(const eb_cpu_plan *plan, hybrid_arg *h, double us) {
  enum { PIECE_COLUMNS = 2048, STRIP_PIXELS = 192 };
  const uint32_t floats = (uint32_t)(eb_cpu_l2_bytes(plan) / 2 / sizeof(float)); /* of a piece */
  const ek_qconv_args *const a = &h->a;
  h->grid = eb_cpu_q_grid(plan, a, h->m, us, &h->panel_columns);
  const uint32_t columns = (uint32_t)((h->grid.panels + h->grid.p_tiles - 1) / h->grid.p_tiles) * h->panel_columns;
  h->piece_cols = a->group == 1 && columns > PIECE_COLUMNS ? PIECE_COLUMNS : columns;
  const uint32_t width = a->group == 1 ? h->piece_cols : a->oc, rows = floats / width / 12 * 12;
  h->piece_rows = rows < 24 ? 24 : rows;
  if (a->merged) /* whole lines */
    h->piece_rows = ((h->piece_rows > STRIP_PIXELS ? h->piece_rows : STRIP_PIXELS) + a->ow - 1) / a->ow * a->ow;
}

static bool fits(const eb_cpu_plan *plan, uint32_t node, ek_qweights *w, eb_cpu_unary *post, float *lo, float *hi) {
  const uint32_t vb = eb_cpu_input(plan, node, 2);
  const edge_tensor *const tw = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const edge_tensor *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  *post = (eb_cpu_unary) { 0 };
  return eb_cpu_is_dynamic(plan, node) && y->dtype == EDGE_DTYPE_F32 && tw->quant.count > 0 &&
         (vb == EDGE_NO_VALUE || eb_cpu_tensor(plan, vb)->dtype == EDGE_DTYPE_F32) && eb_cpu_q_weights(tw, 0, w) &&
         w->bits == 8 && w->zero_points == NULL &&
         (eb_cpu_clamp(plan, node, lo, hi) || eb_cpu_unary_of_act(plan, node, post));
}

/* What all ways share: scales, an empty bias, the kernels behind the product. */
static edge_status begin(eb_cpu_plan *plan, uint32_t node, hybrid_arg *h, const eb_cpu_bytes *bytes) {
  const edge_quant *const q = &eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1))->quant;
  const uint32_t oc = h->a.oc;
  int32_t *const none = eb_cpu_keep(plan, ((uint64_t)oc + 128) * sizeof *none);
  float *const mult = eb_cpu_keep(plan, oc * sizeof *mult);
  if (none == NULL || mult == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < oc; ++i) mult[i] = q->scales[q->count > 1 ? i : 0];
  h->a.bias = none;
  h->a.out = EK_Q_S32;
  h->a.zero = ((const source *)bytes->state)->pixel;
  h->elt = ek_qelt_select(eb_cpu_features(plan));
  h->source = bytes->state;
  h->mult = mult;
  h->n = oc / h->a.group;
  return EDGE_STATUS_OK;
}

/* The step that writes f32, with the chain behind it; x NULL: it has the sums already. */
static edge_status end(eb_cpu_plan *plan, uint32_t node, edge_tile_fn fn, const hybrid_arg *h, double us,
                       const eb_cpu_ref *x, const eb_cpu_chain *chain) {
  const uint32_t vb = eb_cpu_input(plan, node, 2);
  hybrid_arg *const arg = eb_cpu_step(plan, node, fn, sizeof *arg, (uint32_t)(h->grid.m_tiles * h->grid.p_tiles), us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = *h;
  if (x) eb_cpu_slot(plan, &arg->a.x, *x);
  eb_cpu_slot(plan, &arg->a.y, eb_cpu_value(plan, chain->y));
  if (vb != EDGE_NO_VALUE) eb_cpu_slot(plan, &arg->bias, eb_cpu_value(plan, vb));
  eb_cpu_chain_bind(plan, chain, &arg->post);
  return EDGE_STATUS_OK;
}

/* h has its geometry; its sums have `depth` products */
static edge_status emit(eb_cpu_plan *plan, uint32_t node, hybrid_arg h, const ek_qweights *w, uint64_t depth,
                        uint64_t pixel_bytes, const eb_cpu_unary *first, uint64_t layout) {
  const uint32_t units = h.m / h.unit_rows;
  uint32_t taps, per_tap;
  if (depth > MOST) return EB_CPU_PASS;
  ek_qconv_shape(&h.a, &taps, &per_tap);
  eb_cpu_q_packed packed;
  edge_status status = eb_cpu_q_pack(plan, h.a.row, w, h.a.oc, taps, per_tap, h.a.group, layout, &packed);
  eb_cpu_bytes bytes;
  if (status == EDGE_STATUS_OK) status = bytes_of(plan, node, units, pixel_bytes, &bytes);
  if (status == EDGE_STATUS_OK) status = begin(plan, node, &h, &bytes);
  if (status != EDGE_STATUS_OK) return status;
  const eb_cpu_q domain = { 1.0f, 0, false };
  h.to_domain = eb_cpu_q_domain(&domain, h.a.row->signed_x, &h.a.flip);
  h.a.w = packed.w;
  h.a.w_group_bytes = packed.group_bytes;
  h.sums = packed.sums;
  const double us = eb_cpu_q_us(plan, (double)h.m * h.a.oc * (double)depth) + (double)h.m * h.a.oc / 15e3;
  cut(plan, &h, us);
  eb_cpu_chain chain;
  eb_cpu_chain_of(plan, eb_cpu_output(plan, node, 0), first, &chain);
  eb_cpu_note(plan, node, h.a.row->name, "f32 data as bytes, exact sums");
  return end(plan, node, hybrid_tile, &h, us, &bytes.bytes, &chain);
}

/* Winograd's form of one image: quantize, sums into y, then y in place. */
static edge_status emit_wino(eb_cpu_plan *plan, uint32_t node, hybrid_arg h, eb_cpu_qwino *q,
                             const eb_cpu_unary *first) {
  edge_status status = eb_cpu_qwino_pack(plan, q);
  eb_cpu_bytes bytes;
  if (status == EDGE_STATUS_OK) status = bytes_of(plan, node, 1, h.a.ic, &bytes);
  if (status == EDGE_STATUS_OK) status = begin(plan, node, &h, &bytes);
  if (status != EDGE_STATUS_OK) return status;
  eb_cpu_chain chain;
  eb_cpu_chain_of(plan, eb_cpu_output(plan, node, 0), first, &chain);
  q->a.bias = h.a.bias;
  q->a.zero = h.a.zero;
  q->a.out = EK_Q_S32;
  status = eb_cpu_qwino_step(plan, node, q, bytes.bytes, eb_cpu_value(plan, chain.y), NULL);
  if (status != EDGE_STATUS_OK) return status;
  const double us = (double)h.m * h.a.oc / 8e3;
  h.sums = q->sums;
  h.grid = (eb_cpu_grid) { .m = h.m, .row_unit = 4, .panels = 1, .p_tiles = 1 };
  h.grid.m_tiles = eb_cpu_tiles(plan, us, (h.m + 15) / 16);
  eb_cpu_note(plan, node, q->row->name, "f32 data as bytes, exact, 16 products for 36");
  return end(plan, node, finish_tile, &h, us, NULL, &chain);
}

edge_status eb_cpu_lower_hybrid_conv(eb_cpu_plan *plan, uint32_t node) {
  hybrid_arg h = { 0 };
  ek_qweights w;
  eb_cpu_unary first;
  uint32_t images;
  if (!fits(plan, node, &w, &first, &h.lo, &h.hi) || !eb_cpu_q_geometry(plan, node, &h.a, &images)) return EB_CPU_PASS;
  const uint64_t depth = (uint64_t)h.a.kh * h.a.kw * (h.a.ic / h.a.group);
  w.channel_stride = (size_t)depth;
  const bool pixels = h.a.kh * h.a.kw * h.a.sh * h.a.sw == 1 && h.a.oh == h.a.ih && h.a.ow == h.a.iw;
  h.m = images * h.a.oh * h.a.ow;
  h.unit_rows = pixels ? 1 : h.a.oh * h.a.ow;
  eb_cpu_qwino wino;
  if (images == 1 && depth <= MOST && eb_cpu_qwino_of(plan, node, &wino))
    return emit_wino(plan, node, h, &wino, &first);
  return emit(plan, node, h, &w, depth, pixels ? 0 : h.a.ic, &first, 0);
}

edge_status eb_cpu_lower_hybrid_fc(eb_cpu_plan *plan, uint32_t node) {
  const edge_tensor *const tw = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  hybrid_arg h = { 0 };
  ek_qweights w;
  eb_cpu_unary first;
  if (!fits(plan, node, &w, &first, &h.lo, &h.hi) || tw->rank != 2 || tw->dims[1] < 1) return EB_CPU_PASS;
  const uint64_t n = (uint64_t)tw->dims[0], k = (uint64_t)tw->dims[1];
  const uint64_t total = eb_cpu_elements(eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0)));
  if (total % k || !eb_cpu_q_rows(plan, total / k, n, k, &h.a)) return EB_CPU_PASS;
  w.channel_stride = (size_t)k;
  h.unit_rows = 1;
  h.m = (uint32_t)(total / k);
  return emit(plan, node, h, &w, k, 0, &first, 1);
}
