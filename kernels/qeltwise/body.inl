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
