/* SPDX-License-Identifier: Apache-2.0
 * Dynamic quantization: DynamicQuantize, and MatMulInteger with constant weights. A product's Cast to f32, its scaling
 * and its bias are done on a tile while it is in the cache; each still rounds once, as the separate operators do. */
#include "quant.h"
#include "kernels/qconv/qconv.h"
#include "kernels/qeltwise/qeltwise.h"

#include <math.h>

static bool is_f32(const edge_tensor *t) {
  return t->dtype == EDGE_DTYPE_F32 && t->encoding == EDGE_ENCODING_NATIVE;
}

/* ---- DynamicQuantize: one step finds the range, one quantizes */

typedef struct dynamic_state {
  ek_qelt_args p;
  const ek_qelt_desc *row;
  const float *x;
  uint8_t *y, *zero;
  float *scale;
  uint64_t n, per_tile;
} dynamic_state;

static edge_status range_tile(const void *arg, uint32_t tile, uint32_t worker) {
  dynamic_state *const s = *(dynamic_state *const *)arg;
  float lo = 0.0f, hi = 0.0f;
  (void)tile, (void)worker;
  s->row->range((size_t)s->n, s->x, &lo, &hi);
  const float scale = hi > lo ? (hi - lo) / 255.0f : 1.0f;
  const double z = rint((double)((0.0f - lo) / scale)), zero = z > 0.0 ? (z < 255.0 ? z : 255.0) : 0.0;
  s->p.ra = scale;
  s->p.zy = (int32_t)zero;
  if (s->scale) *s->scale = scale;
  if (s->zero) *s->zero = (uint8_t)zero;
  return EDGE_STATUS_OK;
}

static edge_status dynamic_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const dynamic_state *const s = *(dynamic_state *const *)arg;
  const uint64_t from = tile * s->per_tile;
  (void)worker;
  if (from >= s->n) return EDGE_STATUS_OK;
  const uint64_t n = s->n - from < s->per_tile ? s->n - from : s->per_tile;
  s->row->quant(&s->p, (size_t)n, s->x + from, s->y + from);
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_qdynamic(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t vx = eb_cpu_input(plan, node, 0), vy = eb_cpu_output(plan, node, 0);
  const uint32_t vs = eb_cpu_output(plan, node, 1), vz = eb_cpu_output(plan, node, 2);
  const edge_tensor *const x = eb_cpu_tensor(plan, vx);
  const uint64_t n = eb_cpu_elements(x);
  if (!is_f32(x) || vy == EDGE_NO_VALUE || n == 0) return EB_CPU_PASS;
  dynamic_state *const s = eb_cpu_keep(plan, sizeof *s);
  if (s == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  s->row = ek_qelt_select(eb_cpu_features(plan));
  s->p = (ek_qelt_args) { .hi = 255 };
  s->n = n;
  dynamic_state **const first = eb_cpu_step(plan, node, range_tile, sizeof *first, 1, 0.1 + (double)n / 20e3);
  if (first == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *first = s;
  eb_cpu_slot(plan, &s->x, eb_cpu_value(plan, vx));
  if (vs != EDGE_NO_VALUE) eb_cpu_slot(plan, &s->scale, eb_cpu_value(plan, vs));
  if (vz != EDGE_NO_VALUE) eb_cpu_slot(plan, &s->zero, eb_cpu_value(plan, vz));
  const double us = 0.1 + (double)n / 6e3;
  const uint32_t tiles = eb_cpu_tiles(plan, us, (n + 4095) / 4096);
  s->per_tile = (n + tiles - 1) / tiles;
  dynamic_state **const second = eb_cpu_step(plan, node, dynamic_tile, sizeof *second, tiles, us);
  if (second == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *second = s;
  eb_cpu_slot(plan, &s->x, eb_cpu_value(plan, vx));
  eb_cpu_slot(plan, &s->y, eb_cpu_value(plan, vy));
  eb_cpu_note(plan, node, s->row->name, "range, then one rounding");
  return EDGE_STATUS_OK;
}

/* ---- MatMulInteger */

typedef struct product_state {
  ek_qconv_args a;
  ek_qelt_scale_fn scale;  /* NULL: s32 sums stay */
  const float *mult, *add; /* add NULL: none */
  size_t mult_step;
  const uint8_t *zero; /* run-time zero point of a, or NULL */
  const int32_t *sums;
  int32_t *bias;
  int32_t to_domain;
  bool x_signed;
  uint32_t m, n, rows, cols, m_tiles;
} product_state;

static edge_status fold_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const product_state *const s = *(product_state *const *)arg;
  (void)tile, (void)worker;
  int32_t z = s->zero ? *s->zero : 0;
  if (s->zero && s->x_signed && z > 127) z -= 256;
  z += s->to_domain;
  for (uint32_t i = 0; i < s->n; ++i) s->bias[i] = (int32_t)(0u - (uint32_t)z * (uint32_t)s->sums[i]);
  return EDGE_STATUS_OK;
}

static edge_status product_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const product_state *const s = *(product_state *const *)arg;
  (void)worker;
  const uint32_t m0 = tile % s->m_tiles * s->rows, n0 = tile / s->m_tiles * s->cols;
  const uint32_t m1 = s->m - m0 < s->rows ? s->m : m0 + s->rows, n1 = s->n - n0 < s->cols ? s->n : n0 + s->cols;
  const uint32_t step = s->scale ? 24 : s->m; /* few rows at a time: they are scaled while in the cache */
  for (uint32_t m = m0; m < m1; m += step) {
    const uint32_t end = m1 - m < step ? m1 : m + step;
    ek_qconv_run(&s->a, m, end, n0, n1);
    for (uint32_t r = m; r < end && s->scale; ++r) {
      char *const y = (char *)s->a.y + ((size_t)r * s->n + n0) * 4;
      s->scale(n1 - n0, y, s->mult + n0 * s->mult_step, s->mult_step, s->add ? s->add + n0 : NULL, y);
    }
  }
  return EDGE_STATUS_OK;
}

typedef struct pack_job {
  const ek_qgemm_desc *row;
  ek_qweights w;
  size_t n, k;
} pack_job;

static edge_status pack(void *user, void *data, uint64_t bytes) {
  const pack_job *const j = user;
  (void)bytes;
  ek_qgemm_pack(j->row, &j->w, j->n, 1, j->k, eb_cpu_q_after_sums(data, j->n), data);
  return EDGE_STATUS_OK;
}

/* Zero points of b as the weights want them; false when they are not constant or odd. */
static bool weights_of(eb_cpu_plan *plan, uint32_t node, uint64_t k, uint64_t n, ek_qweights *w, int32_t **zeros) {
  const edge_tensor *const b = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const edge_tensor *const z = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 3));
  const uint64_t nz = z->dtype == EDGE_DTYPE_NONE ? 0 : eb_cpu_elements(z);
  if (nz != 0 && (z->data == NULL || (nz != 1 && nz != n) || z->dtype != b->dtype)) return false;
  const bool is_s8 = b->dtype == EDGE_DTYPE_S8;
  bool any = false, middle = is_s8 || nz != 0; /* any: of zero points that are not 0; middle: all lie in the middle */
  for (uint64_t i = 0; i < nz; ++i) {
    const uint8_t raw = ((const uint8_t *)z->data)[i];
    any = any || raw != 0;
    middle = middle && raw == (is_s8 ? 0 : 128);
  }
  for (uint64_t i = 0; i < k * n && !middle; ++i) { /* every value less its zero point must fit s8 */
    const uint8_t raw = ((const uint8_t *)b->data)[i], rz = nz ? ((const uint8_t *)z->data)[nz == 1 ? 0 : i % n] : 0;
    const int32_t v = is_s8 ? (int8_t)raw : raw, o = is_s8 ? (int8_t)rz : rz;
    if (v - o < -128 || v - o > 127) return false;
  }
  *w = (ek_qweights) { .data = b->data, .bits = 8, .is_signed = is_s8, .channel_stride = 1, .depth_stride = (size_t)n };
  *zeros = NULL;
  if (!any) return true;
  *zeros = eb_cpu_keep(plan, nz * sizeof **zeros);
  if (*zeros == NULL) return false;
  for (uint64_t i = 0; i < nz; ++i)
    (*zeros)[i] = is_s8 ? ((const int8_t *)z->data)[i] : (int32_t)((const uint8_t *)z->data)[i];
  w->zero_points = *zeros;
  w->zero_per_channel = nz > 1;
  return true;
}

/* The node that alone reads `value`, if it is `op` and its output has the same shape. */
static uint32_t next_of(const eb_cpu_plan *plan, uint32_t value, const char *op) {
  const uint32_t node = eb_cpu_only_consumer(plan, value);
  if (node == EDGE_NO_VALUE || !eb_cpu_is_op(plan, node, op)) return EDGE_NO_VALUE;
  const edge_tensor *const x = eb_cpu_tensor(plan, value), *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  if (!is_f32(y) || eb_cpu_elements(x) != eb_cpu_elements(y)) return EDGE_NO_VALUE;
  return node;
}

/* The other operand of a binary node when it is f32, ready, without activation, and one value or one per column. */
static uint32_t operand(const eb_cpu_plan *plan, uint32_t node, uint32_t value, uint64_t n, bool scalar_too) {
  const uint32_t a = eb_cpu_input(plan, node, 0), b = eb_cpu_input(plan, node, 1), other = a == value ? b : a;
  const edge_tensor *const t = eb_cpu_tensor(plan, other);
  if (a == b || eb_cpu_int(plan, node, "act") != 0 || !is_f32(t) || !eb_cpu_available(plan, other))
    return EDGE_NO_VALUE;
  const uint64_t count = eb_cpu_elements(t);
  if (count == n && t->rank > 0 && (uint64_t)t->dims[t->rank - 1] == n) return other;
  return count == 1 && scalar_too ? other : EDGE_NO_VALUE;
}

/* Tiles of whole rows when there are enough of them, else of whole weight panels. */
static void cut_tiles(const eb_cpu_plan *plan, product_state *s, double us) {
  const uint32_t nr = s->a.row->nr, panels = (s->n + nr - 1) / nr;
  const uint32_t want = eb_cpu_tiles(plan, us, (uint64_t)s->m * panels);
  s->rows = s->m;
  s->cols = panels * nr;
  if (s->m / want >= 12)
    s->rows = ((s->m + want - 1) / want + 11) / 12 * 12;
  else if (panels > 1)
    s->cols = (panels + want - 1) / want * nr;
  if (s->cols == 0) s->cols = nr;
  s->m_tiles = (s->m + s->rows - 1) / s->rows;
}

edge_status eb_cpu_lower_qmatmulinteger(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t va = eb_cpu_input(plan, node, 0), vz = eb_cpu_input(plan, node, 2);
  const edge_tensor *const a = eb_cpu_tensor(plan, va), *const b = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const edge_tensor *const z = eb_cpu_tensor(plan, vz);
  ek_qweights w;
  int32_t *zeros;
  if ((a->dtype != EDGE_DTYPE_S8 && a->dtype != EDGE_DTYPE_U8) ||
      (b->dtype != EDGE_DTYPE_S8 && b->dtype != EDGE_DTYPE_U8))
    return EB_CPU_PASS;
  if (b->rank != 2 || b->data == NULL || a->rank < 1 || (z->dtype != EDGE_DTYPE_NONE && eb_cpu_elements(z) != 1))
    return EB_CPU_PASS;
  if (eb_cpu_int(plan, node, "trans_a") || eb_cpu_int(plan, node, "trans_b")) return EB_CPU_PASS;
  const uint64_t k = (uint64_t)b->dims[0], n = (uint64_t)b->dims[1], total = eb_cpu_elements(a);
  if (k == 0 || n == 0 || total == 0 || (uint64_t)a->dims[a->rank - 1] != k) return EB_CPU_PASS;
  const uint64_t m = total / k;
  if (k > 65000 || n > 1u << 24 || m > 1u << 28 || !weights_of(plan, node, k, n, &w, &zeros)) return EB_CPU_PASS;
  ek_qconv_args a_rows;
  if (!eb_cpu_q_rows(plan, m, n, k, &a_rows)) return EB_CPU_PASS;
  const ek_qgemm_desc *const row = a_rows.row;
  pack_job job = { row, w, (size_t)n, (size_t)k };
  const edge_prepared_key key = { w.data, row->name, { n, 1, k, 3 } };
  const void *blob;
  const edge_status status =
      eb_cpu_prepared(plan, &key, eb_cpu_q_sums_bytes(n) + ek_qgemm_packed_bytes(row, n, 1, k), pack, &job, &blob);
  if (status != EDGE_STATUS_OK) return status;
  product_state *const s = eb_cpu_keep(plan, sizeof *s);
  int32_t *const bias = eb_cpu_keep(plan, (n + 128) * sizeof *bias);
  uint8_t *const pixel = eb_cpu_keep(plan, k);
  if (s == NULL || bias == NULL || pixel == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  const eb_cpu_q domain = { 1.0f, 0, a->dtype == EDGE_DTYPE_S8 };
  s->a = a_rows;
  s->a.bias = s->bias = bias;
  s->a.zero = pixel;
  s->a.out = EK_Q_S32;
  s->x_signed = domain.is_signed;
  s->m = (uint32_t)m;
  s->n = (uint32_t)n;
  s->to_domain = eb_cpu_q_domain(&domain, row->signed_x, &s->a.flip);
  if (blob) {
    s->sums = blob;
    s->a.w = (const int8_t *)blob + eb_cpu_q_sums_bytes(n);
  }
  /* Cast to f32, Mul by a scale, Add of a bias */
  uint32_t vy = eb_cpu_output(plan, node, 0), v_mult = EDGE_NO_VALUE, v_add = EDGE_NO_VALUE;
  const uint32_t cast = next_of(plan, vy, "Cast");
  if (cast != EDGE_NO_VALUE) {
    const uint32_t v_cast = eb_cpu_output(plan, cast, 0), mul = next_of(plan, v_cast, "Mul");
    if (mul != EDGE_NO_VALUE) v_mult = operand(plan, mul, v_cast, n, true);
    if (v_mult != EDGE_NO_VALUE) {
      vy = eb_cpu_output(plan, mul, 0);
      eb_cpu_take(plan, cast);
      eb_cpu_take(plan, mul);
      const uint32_t add = next_of(plan, vy, "Add");
      if (add != EDGE_NO_VALUE) v_add = operand(plan, add, vy, n, false);
      if (v_add != EDGE_NO_VALUE) {
        vy = eb_cpu_output(plan, add, 0);
        eb_cpu_take(plan, add);
      }
      s->scale = ek_qelt_select(eb_cpu_features(plan))->scale;
      s->mult_step = eb_cpu_elements(eb_cpu_tensor(plan, v_mult)) == 1 ? 0 : 1;
    }
  }
  product_state **const first = eb_cpu_step(plan, node, fold_tile, sizeof *first, 1, 0.1 + (double)n / 4e3);
  if (first == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *first = s;
  if (z->dtype != EDGE_DTYPE_NONE) eb_cpu_slot(plan, &s->zero, eb_cpu_value(plan, vz));
  const double us = eb_cpu_q_us(plan, (double)m * (double)n * (double)k) + (double)m * (double)n / 15e3;
  cut_tiles(plan, s, us);
  product_state **const second =
      eb_cpu_step(plan, node, product_tile, sizeof *second, s->m_tiles * ((s->n + s->cols - 1) / s->cols), us);
  if (second == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *second = s;
  eb_cpu_slot(plan, &s->a.x, eb_cpu_value(plan, va));
  eb_cpu_slot(plan, &s->a.y, eb_cpu_value(plan, vy));
  if (v_mult != EDGE_NO_VALUE) eb_cpu_slot(plan, &s->mult, eb_cpu_value(plan, v_mult));
  if (v_add != EDGE_NO_VALUE) eb_cpu_slot(plan, &s->add, eb_cpu_value(plan, v_add));
  eb_cpu_note(plan, node, row->name,
              v_add != EDGE_NO_VALUE    ? "with Cast, Mul and Add"
              : v_mult != EDGE_NO_VALUE ? "with Cast and Mul"
                                        : "s32 sums");
  return EDGE_STATUS_OK;
}
