/* SPDX-License-Identifier: Apache-2.0
 * 8-bit pooling over the words of a qvec header; included with QP_SUFFIX. */
#include "qpool.h"

#define QP_PASTE2(a, b) a##__##b
#define QP_PASTE(a, b) QP_PASTE2(a, b)
#define QP_NAME(f) QP_PASTE(f, QP_SUFFIX)

/* n bytes of a block; fewer than a block go through the stack */
QV_INLINE const uint8_t *qp_part(const uint8_t *p, size_t n, uint8_t *part) {
  if (n >= QV_BLOCK) return p;
  memcpy(part, p, n);
  return part;
}

void QP_NAME(ek_qmaxpool)(const ek_qpool_call *c) {
  const uint32_t flip = c->is_signed ? 0x80808080u : 0u;
  const qv_range r = qv_range_of(0, c->lo, c->hi, c->is_signed != 0);
  uint8_t part[QV_BLOCK] = { 0 };
  for (size_t i = 0; i < c->c; i += QV_BLOCK) {
    const size_t n = c->c - i;
    qv_b best = qv_bytes(qp_part(c->p[0] + i, n, part), flip);
    for (uint32_t t = 1; t < c->taps; ++t) best = qv_max_b(best, qv_bytes(qp_part(c->p[t] + i, n, part), flip));
    qv_store_b(n >= QV_BLOCK ? c->y + i : part, best, &r);
    if (n < QV_BLOCK) memcpy(c->y + i, part, n);
  }
}

void QP_NAME(ek_qmeanpool)(const ek_qpool_call *c) {
  const uint32_t flip = c->is_signed ? 0x80808080u : 0u;
  const qv_range r = qv_range_of(0, c->lo, c->hi, c->is_signed != 0);
  const qv_i start = qv_set1_i(c->extra - (c->is_signed ? 128 * (int32_t)c->taps : 0));
  const qv_f count = qv_set1_f((float)c->count);
  uint8_t part[QV_BLOCK] = { 0 };
  for (size_t i = 0; i < c->c; i += QV_BLOCK) {
    const size_t n = c->c - i;
    qv_ints sum = { { start, start, start, start } };
    for (uint32_t t = 0; t < c->taps; ++t) {
      const qv_ints v = qv_load(qp_part(c->p[t] + i, n, part), flip);
      for (int j = 0; j < 4; ++j) sum.v[j] = qv_add_i(sum.v[j], v.v[j]);
    }
    for (int j = 0; j < 4; ++j) sum.v[j] = qv_round_away(qv_div(qv_to_f(sum.v[j]), count));
    qv_store(n >= QV_BLOCK ? c->y + i : part, sum, &r);
    if (n < QV_BLOCK) memcpy(c->y + i, part, n);
  }
}

void QP_NAME(ek_qsum)(const uint8_t *x, size_t taps, size_t stride, size_t c, uint32_t is_signed, int32_t *sums) {
  const uint32_t flip = is_signed ? 0x80808080u : 0u;
  const qv_i start = qv_set1_i(is_signed ? -128 * (int32_t)taps : 0);
  if (taps == 0) return;
  for (size_t i = 0; i < c; i += QV_BLOCK) {
    const size_t n = c - i < QV_BLOCK ? c - i : QV_BLOCK;
    /* a part block reads on into the next rows while there are any */
    const size_t in_reach = (taps - 1) * stride + c - i;
    const size_t direct = n == QV_BLOCK ? taps : in_reach < QV_BLOCK ? 0 : (in_reach - QV_BLOCK) / stride + 1;
    uint8_t part[QV_BLOCK] = { 0 };
    int32_t out[QV_BLOCK];
    qv_ints sum = { { start, start, start, start } };
    for (size_t t = 0; t < taps; ++t) {
      const uint8_t *const from = x + t * stride + i;
      const qv_ints v = qv_load(t < direct ? from : qp_part(from, n, part), flip);
      for (int j = 0; j < 4; ++j) sum.v[j] = qv_add_i(sum.v[j], v.v[j]);
    }
    for (int j = 0; j < 4; ++j) qv_storei(out + QV_LANES * j, sum.v[j]);
    for (size_t j = 0; j < n; ++j) sums[i + j] += out[j];
  }
}

#include "finish.inl"
