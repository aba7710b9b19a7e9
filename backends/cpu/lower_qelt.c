/* SPDX-License-Identifier: Apache-2.0
 * 8-bit Add, Sub and Mul with broadcasting of one operand, Quantize and Dequantize. */
#include "quant.h"
#include "kernels/qeltwise/qeltwise.h"

#include <math.h>

static uint32_t flip_of(const eb_cpu_q *q) {
  return q->is_signed ? 0x80808080u : 0u;
}
static int32_t unsigned_zero(const eb_cpu_q *q) {
  return q->zero + (q->is_signed ? 128 : 0);
}

/* ---- binary: b is read as [outer][1][inner] while a and y are [outer][mid][inner] */

typedef struct shape {
  uint64_t outer, mid, inner;
} shape;

/* Does `b` broadcast over one run of dimensions of y, and is a like y? */
static bool collapse(const edge_tensor *a, const edge_tensor *b, const edge_tensor *y, shape *s) {
  int stage = 0; /* 0 outer, 1 mid, 2 inner */
  *s = (shape) { 1, 1, 1 };
  for (int32_t i = 0; i < y->rank; ++i) {
    const int32_t ia = i - (y->rank - a->rank), ib = i - (y->rank - b->rank);
    const int64_t d = y->dims[i], da = ia < 0 ? 1 : a->dims[ia], db = ib < 0 ? 1 : b->dims[ib];
    if (da != d) return false;
    if (d == 1) continue;
    if (db == d) {
      if (stage == 1) stage = 2;
      if (stage == 0)
        s->outer *= (uint64_t)d;
      else
        s->inner *= (uint64_t)d;
    } else {
      if (stage == 2) return false;
      stage = 1;
      s->mid *= (uint64_t)d;
    }
  }
  if (stage == 0) { /* same shape */
    s->inner = s->outer;
    s->outer = 1;
  }
  return true;
}

typedef struct binary_arg {
  ek_qelt_args p;
  ek_qelt_binary_fn fn;
  const uint8_t *a, *b;
  uint8_t *y;
  uint64_t rows, mid, n, b_step; /* rows of n; row r reads b at r / mid * (b_step ? n : 1) */
  uint64_t per_tile;             /* rows, or values when there is one row */
} binary_arg;

enum { REPEATED = 2048 };

/* Short rows that share b: as many at once as copies of b fit the stack. */
static edge_status repeated_rows(const binary_arg *k, uint64_t from, uint64_t end) {
  uint8_t b[REPEATED];
  const uint64_t most = REPEATED / k->n;
  for (uint64_t r = from; r < end;) {
    const uint64_t stop = (r / k->mid + 1) * k->mid, run = (stop < end ? stop : end) - r;
    const uint64_t copies = run < most ? run : most;
    for (uint64_t i = 0; i < copies; ++i) memcpy(b + i * k->n, k->b + r / k->mid * k->n, (size_t)k->n);
    for (uint64_t done = 0; done < run;) {
      const uint64_t rows = run - done < copies ? run - done : copies;
      k->fn(&k->p, (size_t)(rows * k->n), k->a + (r + done) * k->n, b, 1, k->y + (r + done) * k->n);
      done += rows;
    }
    r += run;
  }
  return EDGE_STATUS_OK;
}

static edge_status binary_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const binary_arg *const k = arg;
  (void)worker;
  const uint64_t from = tile * k->per_tile;
  if (k->rows == 1) {
    const uint64_t n = k->n - from < k->per_tile ? k->n - from : k->per_tile;
    k->fn(&k->p, (size_t)n, k->a + from, k->b + from * k->b_step, (size_t)k->b_step, k->y + from);
    return EDGE_STATUS_OK;
  }
  const uint64_t end = k->rows - from < k->per_tile ? k->rows : from + k->per_tile;
  if (k->b_step && k->mid > 1 && k->n <= REPEATED / 2) return repeated_rows(k, from, end);
  for (uint64_t r = from; r < end; ++r) {
    k->fn(&k->p, (size_t)k->n, k->a + r * k->n, k->b + r / k->mid * (k->b_step ? k->n : 1), (size_t)k->b_step,
          k->y + r * k->n);
  }
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_qbinary(eb_cpu_plan *plan, uint32_t node) {
  uint32_t va = eb_cpu_input(plan, node, 0), vb = eb_cpu_input(plan, node, 1);
  const uint32_t vy = eb_cpu_output(plan, node, 0);
  const edge_tensor *const a = eb_cpu_tensor(plan, va), *const b = eb_cpu_tensor(plan, vb);
  const edge_tensor *const y = eb_cpu_tensor(plan, vy);
  const bool is_mul = eb_cpu_is_op(plan, node, "Mul"), is_sub = eb_cpu_is_op(plan, node, "Sub");
  eb_cpu_q qa, qb, qy;
  shape s;
  int32_t lo, hi;
  if (!eb_cpu_q8(a, &qa) || !eb_cpu_q8(b, &qb) || !eb_cpu_q8(y, &qy)) return EB_CPU_PASS;
  if (!eb_cpu_q_clamp(plan, node, &qy, &lo, &hi)) return EB_CPU_PASS;
  const uint64_t total = eb_cpu_elements(y);
  bool swap = false;
  if (total == 0) return EB_CPU_PASS;
  if (!collapse(a, b, y, &s)) {
    if (!collapse(b, a, y, &s)) return EB_CPU_PASS;
    swap = true; /* both operations commute once the signs are in the factors */
  }
  const float ra = is_mul ? qa.scale * qb.scale / qy.scale : qa.scale / qy.scale;
  const float rb = (is_sub ? -qb.scale : qb.scale) / qy.scale;
  if (!(fabsf(ra) < (is_mul ? 8192.0f : 1e6f)) || !(fabsf(rb) < (is_mul ? INFINITY : 1e6f))) return EB_CPU_PASS;
  const ek_qelt_desc *const row = ek_qelt_select(eb_cpu_features(plan));
  const eb_cpu_q *const first = swap ? &qb : &qa, *const second = swap ? &qa : &qb;
  binary_arg k = { .p = { flip_of(first), flip_of(second), unsigned_zero(first), unsigned_zero(second),
                          swap && !is_mul ? rb : ra, swap && !is_mul ? ra : rb, qy.zero, lo, hi, qy.is_signed },
                   .fn = is_mul ? row->mul : row->add };
  k.b_step = s.inner > 1 || s.mid == 1;
  k.n = k.b_step ? s.inner : s.mid;
  k.rows = k.b_step ? s.outer * s.mid : s.outer;
  k.mid = k.b_step ? s.mid : 1;
  const double us = 0.1 + (double)total / (eb_cpu_features(plan) & EDGE_CPU_AVX512 ? 12e3 : 4e3);
  const uint64_t units = k.rows == 1 ? (k.n + 4095) / 4096 : k.rows;
  const uint32_t want = eb_cpu_tiles(plan, us, units);
  k.per_tile = k.rows == 1 ? (units + want - 1) / want * 4096 : (units + want - 1) / want;
  const uint64_t tiles = ((k.rows == 1 ? k.n : k.rows) + k.per_tile - 1) / k.per_tile;
  binary_arg *const arg = eb_cpu_step(plan, node, binary_tile, sizeof k, (uint32_t)tiles, us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = k;
  eb_cpu_slot(plan, &arg->a, eb_cpu_value(plan, swap ? vb : va));
  eb_cpu_slot(plan, &arg->b, eb_cpu_value(plan, swap ? va : vb));
  eb_cpu_slot(plan, &arg->y, eb_cpu_value(plan, vy));
  if (!eb_cpu_is_const(plan, swap ? vb : va)) eb_cpu_in_place(plan, vy, swap ? vb : va);
  eb_cpu_note(plan, node, row->name, "8-bit, one rounding");
  return EDGE_STATUS_OK;
}

/* ---- f32 <-> 8 bit */

typedef struct convert_arg {
  ek_qelt_args p;
  ek_qelt_quant_fn quant;
  ek_qelt_dequant_fn dequant;
  const void *x;
  void *y;
  uint64_t n, per_tile;
} convert_arg;

static edge_status convert_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const convert_arg *const k = arg;
  (void)worker;
  const uint64_t from = tile * k->per_tile, n = k->n - from < k->per_tile ? k->n - from : k->per_tile;
  if (k->quant)
    k->quant(&k->p, (size_t)n, (const float *)k->x + from, (uint8_t *)k->y + from);
  else
    k->dequant(&k->p, (size_t)n, (const uint8_t *)k->x + from, (float *)k->y + from);
  return EDGE_STATUS_OK;
}

static bool plain_f32(const edge_tensor *t) {
  return t->dtype == EDGE_DTYPE_F32 && t->encoding == EDGE_ENCODING_NATIVE;
}

/* Scale and zero point given as constant scalars take the place of the tensor's own. */
static bool parameters(eb_cpu_plan *plan, uint32_t node, const edge_tensor *t, eb_cpu_q *q) {
  const edge_tensor *const s = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  const edge_tensor *const z = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 2));
  if (s->dtype == EDGE_DTYPE_NONE) return eb_cpu_q8(t, q);
  edge_tensor view = *t;
  int32_t zero = 0;
  if (!plain_f32(s) || s->data == NULL || eb_cpu_elements(s) != 1) return false;
  if (z->dtype != EDGE_DTYPE_NONE) {
    if (z->data == NULL || eb_cpu_elements(z) != 1 || z->dtype != t->dtype) return false;
    zero = t->dtype == EDGE_DTYPE_S8 ? *(const int8_t *)z->data : *(const uint8_t *)z->data;
  }
  view.quant = (edge_quant) { .scales = s->data, .zero_points = &zero, .count = 1 };
  return eb_cpu_q8(&view, q);
}

edge_status eb_cpu_lower_qconvert(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t vx = eb_cpu_input(plan, node, 0), vy = eb_cpu_output(plan, node, 0);
  const edge_tensor *const x = eb_cpu_tensor(plan, vx), *const y = eb_cpu_tensor(plan, vy);
  const bool quantize = eb_cpu_is_op(plan, node, "Quantize");
  eb_cpu_q q;
  if (!plain_f32(quantize ? x : y) || !parameters(plan, node, quantize ? y : x, &q)) return EB_CPU_PASS;
  const uint64_t n = eb_cpu_elements(y);
  if (n == 0) return EB_CPU_PASS;
  const ek_qelt_desc *const row = ek_qelt_select(eb_cpu_features(plan));
  const int32_t lo = q.is_signed ? -128 : 0;
  const convert_arg k = { .p = { .flip_a = flip_of(&q),
                                 .za = unsigned_zero(&q),
                                 .ra = q.scale,
                                 .zy = q.zero,
                                 .lo = lo,
                                 .hi = lo + 255,
                                 .y_signed = q.is_signed },
                          .quant = quantize ? row->quant : NULL,
                          .dequant = row->dequant,
                          .n = n };
  const double us = 0.1 + (double)n / 4e3;
  const uint32_t tiles = eb_cpu_tiles(plan, us, (n + 4095) / 4096);
  convert_arg *const arg = eb_cpu_step(plan, node, convert_tile, sizeof k, tiles, us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = k;
  arg->per_tile = (n + tiles - 1) / tiles; /* every tile but the last is full: tiles <= n / 4096 + 1 */
  eb_cpu_slot(plan, &arg->x, eb_cpu_value(plan, vx));
  eb_cpu_slot(plan, &arg->y, eb_cpu_value(plan, vy));
  eb_cpu_note(plan, node, row->name, "8-bit, one rounding");
  return EDGE_STATUS_OK;
}
