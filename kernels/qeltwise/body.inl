/* SPDX-License-Identifier: Apache-2.0
 * 8-bit elementwise arithmetic over the words of a qvec header; included with QE_SUFFIX. A part block at the end goes
 * through a block on the stack, so that nothing beyond n is touched. */
#include "qeltwise.h"

#define QE_PASTE2(a, b) a##__##b
#define QE_PASTE(a, b) QE_PASTE2(a, b)
#define QE_NAME(f) QE_PASTE(f, QE_SUFFIX)

QV_INLINE void qe_add_block(const ek_qelt_args *p, const uint8_t *a, const uint8_t *b, const qv_range *r, uint8_t *y) {
  const qv_i za = qv_set1_i(p->za), zb = qv_set1_i(p->zb);
  const qv_f ra = qv_set1_f(p->ra), rb = qv_set1_f(p->rb);
  const qv_ints va = qv_load(a, p->flip_a), vb = qv_load(b, p->flip_b);
  qv_ints q;
  for (int j = 0; j < 4; ++j)
    q.v[j] = qv_round(qv_add(qv_mul(qv_to_f(qv_sub_i(va.v[j], za)), ra), qv_mul(qv_to_f(qv_sub_i(vb.v[j], zb)), rb)));
  qv_store(y, q, r);
}

QV_INLINE void qe_mul_block(const ek_qelt_args *p, const uint8_t *a, const uint8_t *b, const qv_range *r, uint8_t *y) {
  const qv_i za = qv_set1_i(p->za), zb = qv_set1_i(p->zb);
  const qv_f ra = qv_set1_f(p->ra);
  const qv_ints va = qv_load(a, p->flip_a), vb = qv_load(b, p->flip_b);
  qv_ints q;
  for (int j = 0; j < 4; ++j) /* differences below 2^9: their product is exact */
    q.v[j] = qv_round(qv_mul(qv_mul(qv_to_f(qv_sub_i(va.v[j], za)), qv_to_f(qv_sub_i(vb.v[j], zb))), ra));
  qv_store(y, q, r);
}

#define QE_BINARY(name, block)                                                                                         \
  void QE_NAME(name)(const ek_qelt_args *p, size_t n, const uint8_t *a, const uint8_t *b, size_t b_step, uint8_t *y) { \
    const qv_range r = qv_range_of(p->zy, p->lo, p->hi, p->y_signed != 0);                                             \
    uint8_t same[QV_BLOCK], part_a[QV_BLOCK], part_b[QV_BLOCK], part_y[QV_BLOCK];                                      \
    size_t i = 0;                                                                                                      \
    if (b_step == 0 && n != 0) {                                                                                       \
      memset(same, *b, QV_BLOCK);                                                                                      \
      for (; i + QV_BLOCK <= n; i += QV_BLOCK) block(p, a + i, same, &r, y + i);                                       \
    } else {                                                                                                           \
      for (; i + QV_BLOCK <= n; i += QV_BLOCK) block(p, a + i, b + i, &r, y + i);                                      \
    }                                                                                                                  \
    if (i == n) return;                                                                                                \
    memset(part_a, 0, QV_BLOCK);                                                                                       \
    memset(part_b, 0, QV_BLOCK);                                                                                       \
    memcpy(part_a, a + i, n - i);                                                                                      \
    if (b_step == 0)                                                                                                   \
      memcpy(part_b, same, QV_BLOCK);                                                                                  \
    else                                                                                                               \
      memcpy(part_b, b + i, n - i);                                                                                    \
    block(p, part_a, part_b, &r, part_y);                                                                              \
    memcpy(y + i, part_y, n - i);                                                                                      \
  }
QE_BINARY(ek_qadd, qe_add_block)
QE_BINARY(ek_qmul, qe_mul_block)

QV_INLINE void qe_quant_block(const ek_qelt_args *p, const float *x, const qv_range *r, uint8_t *y) {
  const qv_f scale = qv_set1_f(p->ra), none = qv_set1_f((float)-p->zy);
  qv_ints q;
  for (int j = 0; j < 4; ++j) q.v[j] = qv_round(qv_tame(qv_div(qv_loadf(x + QV_LANES * j), scale), none));
  qv_store(y, q, r);
}

void QE_NAME(ek_quant)(const ek_qelt_args *p, size_t n, const float *x, uint8_t *y) {
  const qv_range r = qv_range_of(p->zy, p->lo, p->hi, p->y_signed != 0);
  size_t i = 0;
  for (; i + QV_BLOCK <= n; i += QV_BLOCK) qe_quant_block(p, x + i, &r, y + i);
  if (i == n) return;
  float part_x[QV_BLOCK] = { 0 };
  uint8_t part_y[QV_BLOCK];
  memcpy(part_x, x + i, (n - i) * sizeof *x);
  qe_quant_block(p, part_x, &r, part_y);
  memcpy(y + i, part_y, n - i);
}

QV_INLINE void qe_dequant_block(const ek_qelt_args *p, const uint8_t *x, float *y) {
  const qv_ints v = qv_load(x, p->flip_a);
  const qv_i za = qv_set1_i(p->za);
  const qv_f scale = qv_set1_f(p->ra);
  for (int j = 0; j < 4; ++j) qv_storef(y + QV_LANES * j, qv_mul(qv_to_f(qv_sub_i(v.v[j], za)), scale));
}

void QE_NAME(ek_dequant)(const ek_qelt_args *p, size_t n, const uint8_t *x, float *y) {
  size_t i = 0;
  for (; i + QV_BLOCK <= n; i += QV_BLOCK) qe_dequant_block(p, x + i, y + i);
  if (i == n) return;
  uint8_t part_x[QV_BLOCK] = { 0 };
  float part_y[QV_BLOCK];
  memcpy(part_x, x + i, n - i);
  qe_dequant_block(p, part_x, part_y);
  memcpy(y + i, part_y, (n - i) * sizeof *y);
}

void QE_NAME(ek_qscale)(size_t n, const void *x, const float *mult, size_t step, const float *add, void *y) {
  const char *const from = (const char *)x;
  char *const to = (char *)y;
  size_t i = 0;
  for (; i + QV_LANES <= n; i += QV_LANES) {
    const qv_f m = step ? qv_loadf(mult + i) : qv_set1_f(*mult);
    qv_f v = qv_mul(qv_to_f(qv_loadi(from + i * 4)), m);
    if (add) v = qv_add(v, qv_loadf(add + i));
    qv_storef((float *)(void *)(to + i * 4), v);
  }
  for (; i < n; ++i) {
    int32_t q;
    memcpy(&q, from + i * 4, 4);
    float v = (float)q * mult[i * step];
    if (add) v = v + add[i];
    memcpy(to + i * 4, &v, 4);
  }
}

void QE_NAME(ek_range)(size_t n, const float *x, float *lo, float *hi) {
  qv_f a[4], b[4];
  float part[2][QV_LANES];
  size_t i = 0;
  for (int j = 0; j < 4; ++j) a[j] = qv_set1_f(*lo), b[j] = qv_set1_f(*hi);
  for (; i + 4 * QV_LANES <= n; i += 4 * QV_LANES) {
    for (int j = 0; j < 4; ++j) {
      const qv_f v = qv_loadf(x + i + QV_LANES * (size_t)j);
      a[j] = qv_min(v, a[j]);
      b[j] = qv_max(v, b[j]);
    }
  }
  qv_storef(part[0], qv_min(qv_min(a[0], a[1]), qv_min(a[2], a[3])));
  qv_storef(part[1], qv_max(qv_max(b[0], b[1]), qv_max(b[2], b[3])));
  for (int j = 0; j < QV_LANES; ++j) {
    if (part[0][j] < *lo) *lo = part[0][j];
    if (part[1][j] > *hi) *hi = part[1][j];
  }
  for (; i < n; ++i) {
    if (x[i] < *lo) *lo = x[i];
    if (x[i] > *hi) *hi = x[i];
  }
}

QV_INLINE void qe_steps_block(const float *x, qv_f inverse, qv_f lo, qv_f hi, const qv_range *r, uint8_t *y) {
  qv_ints q;
  for (int j = 0; j < 4; ++j) q.v[j] = qv_round(qv_min(qv_max(qv_mul(qv_loadf(x + QV_LANES * j), inverse), lo), hi));
  qv_store(y, q, r);
}

void QE_NAME(ek_steps)(const ek_qelt_args *p, size_t n, const float *x, uint8_t *y) {
  const qv_range r = qv_range_of(p->zy, 0, 255, 0);
  const qv_f inverse = qv_set1_f(p->ra), lo = qv_set1_f((float)(p->lo - p->zy)), hi = qv_set1_f((float)(p->hi - p->zy));
  size_t i = 0;
  for (; i + QV_BLOCK <= n; i += QV_BLOCK) qe_steps_block(x + i, inverse, lo, hi, &r, y + i);
  if (i == n) return;
  float part_x[QV_BLOCK] = { 0 };
  uint8_t part_y[QV_BLOCK];
  memcpy(part_x, x + i, (n - i) * sizeof *x);
  qe_steps_block(part_x, inverse, lo, hi, &r, part_y);
  memcpy(y + i, part_y, n - i);
}

QV_INLINE void qe_range_row(size_t n, const float *x, float *lo, float *hi) {
  *lo = *hi = 0.0f;
  if (n < QV_LANES) {
    for (size_t i = 0; i < n; ++i) {
      if (x[i] < *lo) *lo = x[i];
      if (x[i] > *hi) *hi = x[i];
    }
    return;
  }
  qv_f v = qv_loadf(x + n - QV_LANES); /* the last vector overlaps the one before */
  qv_f a0 = qv_set1_f(0.0f), a1 = a0, b0 = a0, b1 = a0;
  size_t i = 0;
  a0 = qv_min(v, a0);
  b0 = qv_max(v, b0);
  for (; i + 2 * QV_LANES <= n; i += 2 * QV_LANES) {
    const qv_f v0 = qv_loadf(x + i), v1 = qv_loadf(x + i + QV_LANES);
    a0 = qv_min(v0, a0);
    b0 = qv_max(v0, b0);
    a1 = qv_min(v1, a1);
    b1 = qv_max(v1, b1);
  }
  if (i + QV_LANES <= n) {
    v = qv_loadf(x + i);
    a1 = qv_min(v, a1);
    b1 = qv_max(v, b1);
  }
  *lo = qv_least(qv_min(a0, a1));
  *hi = qv_most(qv_max(b0, b1));
}

/* what ek_qelt_unit_of() finds, a lane for each row */
QV_INLINE void qe_units(int symmetric, qv_f lo, qv_f hi, float *scale, float *inverse, int32_t *zero) {
  const qv_f none = qv_set1_f(0.0f), one = qv_set1_f(1.0f);
  qv_f s;
  if (symmetric) {
    const qv_f most = qv_max(hi, qv_sub(none, lo));
    s = qv_where_greater(most, none, qv_div(most, qv_set1_f(127.0f)), one);
  } else {
    s = qv_where_greater(hi, lo, qv_div(qv_sub(hi, lo), qv_set1_f(255.0f)), one);
  }
  const qv_f i = qv_div(one, s), z = qv_mul(qv_sub(none, lo), i);
  qv_storef(scale, s);
  qv_storef(inverse, i);
  qv_storei(zero, symmetric ? qv_set1_i(128) : qv_round(qv_min(qv_max(z, none), qv_set1_f(255.0f))));
}

void QE_NAME(ek_rows)(size_t rows, size_t n, int symmetric, const float *x, ek_qelt_unit *units, uint8_t *y) {
  const size_t total = rows * n, blocks = (n + QV_BLOCK - 1) / QV_BLOCK * QV_BLOCK;
  const int32_t least = symmetric ? 1 : 0;
  float lo[QV_LANES] = { 0 }, hi[QV_LANES] = { 0 }, scale[QV_LANES], inverse[QV_LANES];
  int32_t zero[QV_LANES];
  for (size_t r0 = 0; r0 < rows; r0 += QV_LANES) {
    const size_t count = rows - r0 < QV_LANES ? rows - r0 : QV_LANES;
    for (size_t r = 0; r < count; ++r) qe_range_row(n, x + (r0 + r) * n, lo + r, hi + r);
    qe_units(symmetric, qv_loadf(lo), qv_loadf(hi), scale, inverse, zero);
    for (size_t r = 0; r < count; ++r) {
      const size_t at = (r0 + r) * n;
      const float *const from = x + at;
      uint8_t *const to = y + at;
      const int32_t z = zero[r];
      units[r0 + r] = (ek_qelt_unit) { scale[r], z };
      if (total - at < blocks) {
        const ek_qelt_args p = { .ra = inverse[r], .zy = z, .lo = least, .hi = 255 };
        QE_NAME(ek_steps)(&p, n, from, to);
        continue;
      }
      const qv_range clamp = qv_range_of(z, 0, 255, 0);
      const qv_f steps = qv_set1_f(inverse[r]), down = qv_set1_f((float)(least - z)), up = qv_set1_f((float)(255 - z));
      for (size_t i = 0; i < n; i += QV_BLOCK) /* into the next row, which comes afterwards */
        qe_steps_block(from + i, steps, down, up, &clamp, to + i);
    }
  }
}

QV_INLINE void qe_real_one(const ek_qelt_real_args *p, const ek_qelt_unit *u, size_t i, char *y) {
  uint32_t q;
  memcpy(&q, y + i * 4, 4);
  q -= (uint32_t)(u->zero + p->shift) * (uint32_t)p->sums[i];
  float v = (float)(int32_t)q * (u->scale * p->mult[i]);
  if (p->bias) v = v + p->bias[i];
  v = v > p->lo ? v : p->lo;
  v = v < p->hi ? v : p->hi;
  memcpy(y + i * 4, &v, 4);
}

/* `count` rows together: they share what belongs to the columns */
QV_INLINE void qe_real_rows(const ek_qelt_real_args *p, const ek_qelt_unit *u, int count, size_t n, char *y,
                            size_t bytes) {
  const int32_t *const sums = p->sums;
  const float *const mult = p->mult, *const bias = p->bias;
  const qv_f lo = qv_set1_f(p->lo), hi = qv_set1_f(p->hi);
  qv_i zero[4];
  qv_f scale[4];
  size_t i = 0;
  for (int r = 0; r < count; ++r) {
    zero[r] = qv_set1_i(u[(size_t)r * p->unit_step].zero + p->shift);
    scale[r] = qv_set1_f(u[(size_t)r * p->unit_step].scale);
  }
  for (; i + QV_LANES <= n; i += QV_LANES) {
    const qv_i s = qv_loadi(sums + i);
    const qv_f m = qv_loadf(mult + i), b = bias ? qv_loadf(bias + i) : lo;
    for (int r = 0; r < count; ++r) {
      char *const to = y + (size_t)r * bytes + i * 4;
      qv_f v = qv_mul(qv_to_f(qv_sub_i(qv_loadi(to), qv_mul_i(zero[r], s))), qv_mul(scale[r], m));
      if (bias) v = qv_add(v, b);
      qv_storef((float *)(void *)to, qv_min(qv_max(v, lo), hi));
    }
  }
  for (; i < n; ++i)
    for (int r = 0; r < count; ++r) qe_real_one(p, u + (size_t)r * p->unit_step, i, y + (size_t)r * bytes);
}

void QE_NAME(ek_real)(const ek_qelt_real_args *p, size_t rows, size_t n, void *y, size_t ld) {
  const ek_qelt_unit *u = p->units;
  const size_t bytes = ld * 4;
  char *to = (char *)y;
  for (; rows >= 4; rows -= 4, u += 4 * p->unit_step, to += 4 * bytes) qe_real_rows(p, u, 4, n, to, bytes);
  for (; rows > 0; --rows, u += p->unit_step, to += bytes) qe_real_rows(p, u, 1, n, to, bytes);
}
