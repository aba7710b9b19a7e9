/* SPDX-License-Identifier: Apache-2.0
 * Parameters of 8-bit operators, computed exactly as the reference operators do. */
#include "quant.h"

#include <math.h>

bool eb_cpu_q8(const edge_tensor *t, eb_cpu_q *out) {
  if ((t->dtype != EDGE_DTYPE_S8 && t->dtype != EDGE_DTYPE_U8) || t->encoding != EDGE_ENCODING_NATIVE) return false;
  if (t->quant.count != 1 || t->quant.scales == NULL) return false;
  out->scale = t->quant.scales[0];
  out->zero = t->quant.zero_points ? t->quant.zero_points[0] : 0;
  out->is_signed = t->dtype == EDGE_DTYPE_S8;
  const int32_t lo = out->is_signed ? -128 : 0;
  return out->scale > 0.0f && isfinite(out->scale) && out->zero >= lo && out->zero <= lo + 255;
}

bool eb_cpu_q_clamp(const eb_cpu_plan *plan, uint32_t node, const eb_cpu_q *y, int32_t *lo, int32_t *hi) {
  float act_lo, act_hi;
  if (!eb_cpu_clamp(plan, node, &act_lo, &act_hi)) return false;
  const double type_lo = y->is_signed ? -128.0 : 0.0, type_hi = type_lo + 255.0;
  const double l = y->zero + rint((double)act_lo / (double)y->scale);
  const double h = y->zero + rint((double)act_hi / (double)y->scale);
  *lo = (int32_t)(l > type_lo ? (l < type_hi ? l : type_hi) : type_lo);
  *hi = (int32_t)(h < type_hi ? (h > type_lo ? h : type_lo) : type_hi);
  return *lo <= *hi;
}

static bool fits_s8(const edge_tensor *w, const ek_qweights *q, int32_t axis) {
  if (q->bits != 8 || ek_qweights_plain(q)) return true;
  if (q->is_signed && q->zero_points == NULL) return true;
  uint64_t inner = 1;
  for (int32_t i = axis + 1; i < w->rank; ++i) inner *= (uint64_t)w->dims[i];
  const uint64_t n = eb_cpu_elements(w), channels = w->rank ? (uint64_t)w->dims[axis] : 1;
  for (uint64_t i = 0; i < n; ++i) {
    const int32_t v = q->is_signed ? ((const int8_t *)w->data)[i] : ((const uint8_t *)w->data)[i];
    const int32_t z = q->zero_points ? q->zero_points[q->zero_per_channel ? i / inner % channels : 0] : 0;
    if (v - z < -128 || v - z > 127) return false;
  }
  return true;
}

bool eb_cpu_q_weights(const edge_tensor *w, int32_t axis, ek_qweights *out) {
  *out = (ek_qweights) { .data = w->data, .depth_stride = 1 };
  if (w->data == NULL || w->encoding != EDGE_ENCODING_NATIVE || axis < 0 || axis >= w->rank) return false;
  switch (w->dtype) {
  case EDGE_DTYPE_S8: out->bits = 8, out->is_signed = 1; break;
  case EDGE_DTYPE_U8: out->bits = 8; break;
  case EDGE_DTYPE_S4: out->bits = 4, out->is_signed = 1; break;
  case EDGE_DTYPE_U4: out->bits = 4; break;
  case EDGE_DTYPE_S2: out->bits = 2, out->is_signed = 1; break;
  case EDGE_DTYPE_U2: out->bits = 2; break;
  default: return false;
  }
  const edge_quant *const q = &w->quant;
  if (q->block != 0 || (q->count > 1 && (q->axis != axis || q->count != (uint64_t)w->dims[axis]))) return false;
  if (q->zero_points) {
    for (uint32_t i = 0; i < q->count; ++i) {
      if (q->zero_points[i] < -128 || q->zero_points[i] > 255) return false;
      if (q->zero_points[i] != 0) out->zero_points = q->zero_points;
    }
    out->zero_per_channel = q->count > 1;
  }
  return fits_s8(w, out, axis);
}

/* A bias in units of the sum; its own scale counts when it differs from x.scale * w.scale. */
static bool bias_units(const edge_tensor *b, uint32_t i, double unit, double *out) {
  switch (b->dtype) {
  case EDGE_DTYPE_F32: *out = rint((double)((const float *)b->data)[i] / unit); return true;
  case EDGE_DTYPE_F64: *out = rint(((const double *)b->data)[i] / unit); return true;
  case EDGE_DTYPE_S32: *out = (double)((const int32_t *)b->data)[i]; break;
  case EDGE_DTYPE_S64: *out = (double)((const int64_t *)b->data)[i]; break;
  default: return false;
  }
  if (b->quant.count == 0) return true;
  const uint32_t k = i < b->quant.count ? i : 0;
  const double own = (double)b->quant.scales[k];
  const double q = *out - (b->quant.zero_points ? (double)b->quant.zero_points[k] : 0.0);
  *out = fabs(own - unit) <= 1e-6 * unit ? q : rint(q * (own / unit));
  return true;
}

edge_status eb_cpu_q_affine_of(eb_cpu_plan *plan, uint32_t node, const edge_tensor *x, const edge_tensor *w,
                               const edge_tensor *bias, const edge_tensor *y, uint32_t n, uint64_t depth,
                               eb_cpu_q_affine *out) {
  *out = (eb_cpu_q_affine) { .n = n };
  if (!eb_cpu_q8(x, &out->x) || !eb_cpu_q8(y, &out->y) || w->quant.count == 0) return EB_CPU_PASS;
  if (!eb_cpu_q_clamp(plan, node, &out->y, &out->lo, &out->hi)) return EB_CPU_PASS;
  if (bias->dtype != EDGE_DTYPE_NONE && (bias->data == NULL || eb_cpu_elements(bias) != n)) return EB_CPU_PASS;
  for (int pass = 0; pass < 2; ++pass) { /* check everything, then commit */
    for (uint32_t i = 0; i < n; ++i) {
      const double unit = (double)out->x.scale * (double)w->quant.scales[i < w->quant.count ? i : 0];
      const float mult = (float)(unit / (double)out->y.scale);
      double b = 0.0;
      if (bias->dtype != EDGE_DTYPE_NONE && !bias_units(bias, i, unit, &b)) return EB_CPU_PASS;
      const double bound = fabs(b) + (double)depth * 255.0 * 128.0;
      if (!(bound < 2147483647.0) || !(bound * (double)mult < 2147483000.0) || !(mult > 0.0f)) return EB_CPU_PASS;
      if (pass) {
        out->bias[i] = (int32_t)b;
        out->mult[i] = mult;
      }
    }
    if (pass) break;
    out->bias = eb_cpu_keep(plan, ((uint64_t)n + 128) * sizeof(int32_t));
    out->mult = eb_cpu_keep(plan, ((uint64_t)n + 128) * sizeof(float));
    if (out->bias == NULL || out->mult == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  }
  return EDGE_STATUS_OK;
}

int32_t eb_cpu_q_domain(const eb_cpu_q *x, bool signed_x, uint32_t *flip) {
  *flip = x->is_signed != signed_x ? 0x80808080u : 0u;
  return x->is_signed == signed_x ? x->zero : signed_x ? x->zero - 128 : x->zero + 128;
}

double eb_cpu_q_us(const eb_cpu_plan *plan, double macs) {
  const uint64_t f = eb_cpu_features(plan);
  const double gops = f & EDGE_CPU_AVX512VNNI                    ? 700.0
                      : f & (EDGE_CPU_AVXVNNI | EDGE_CPU_AVX512) ? 350.0
                      : f & EDGE_CPU_AVX2                        ? 130.0
                      : f & EDGE_CPU_DOTPROD                     ? 80.0
                      : f & EDGE_CPU_NEON                        ? 25.0
                                                                 : 2.0;
  return 0.1 + 2.0 * macs / (gops * 1e3);
}

/* ---- packed weights: [n] int32 sums, padded to 64 bytes, then the groups */

typedef struct pack_job {
  const ek_qgemm_desc *row;
  ek_qweights w;
  size_t n, taps, depth, group, group_bytes;
} pack_job;

uint64_t eb_cpu_q_sums_bytes(uint64_t n) {
  return (n * sizeof(int32_t) + 63) / 64 * 64;
}

void *eb_cpu_q_after_sums(void *packed, uint64_t n) {
  memset((int32_t *)packed + n, 0, (size_t)(eb_cpu_q_sums_bytes(n) - n * sizeof(int32_t)));
  return (char *)packed + eb_cpu_q_sums_bytes(n);
}

static edge_status pack(void *user, void *data, uint64_t bytes) {
  const pack_job *const j = user;
  int32_t *const sums = data;
  int8_t *const out = eb_cpu_q_after_sums(data, j->n);
  const size_t per = j->n / j->group;
  const size_t used = (size_t)ek_qgemm_packed_bytes(j->row, per, j->taps, j->depth);
  (void)bytes;
  for (size_t g = 0; g < j->group; ++g) {
    memset(out + g * j->group_bytes + used, 0, j->group_bytes - used);
    ek_qweights w = j->w;
    const size_t skip = g * per * w.channel_stride; /* whole bytes: sub-byte weights have one group */
    w.data = (const uint8_t *)w.data + skip;
    if (w.zero_per_channel && w.zero_points) w.zero_points += g * per;
    ek_qgemm_pack(j->row, &w, per, j->taps, j->depth, out + g * j->group_bytes, sums + g * per);
  }
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_q_pack(eb_cpu_plan *plan, const ek_qgemm_desc *row, const ek_qweights *w, size_t n, size_t taps,
                          size_t depth, size_t group, uint64_t layout, eb_cpu_q_packed *out) {
  const size_t group_bytes = (size_t)(ek_qgemm_packed_bytes(row, n / group, taps, depth) + 63) / 64 * 64;
  pack_job job = { row, *w, n, taps, depth, group, group_bytes };
  const edge_prepared_key key = { w->data, row->name, { n, taps, depth, (uint64_t)group << 8 | layout } };
  const void *blob = NULL;
  const edge_status status =
      eb_cpu_prepared(plan, &key, eb_cpu_q_sums_bytes(n) + group_bytes * group, pack, &job, &blob);
  *out = (eb_cpu_q_packed) { .group_bytes = group_bytes };
  if (status == EDGE_STATUS_OK && blob != NULL) {
    out->sums = blob;
    out->w = (const int8_t *)blob + eb_cpu_q_sums_bytes(n);
  }
  return status;
}
