/* SPDX-License-Identifier: Apache-2.0
 * Products of f32 data and s8 weights in integers: the data are quantized when they are there. Every operation is
 * rounded to f32 on its own, so that kernels can give the same bits. */
#include "ref_dot.h"

enum { NONE, SYMMETRIC, ASYMMETRIC };

edge_status ei_ref_dynamic_check(ei_op_ctx *c) {
  const int64_t mode = ei_op_int(c, "dynamic");
  if (mode < NONE || mode > ASYMMETRIC)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "dynamic is %lld", (long long)mode);
  return EDGE_STATUS_OK;
}

bool ei_ref_dynamic(const ei_op_ctx *c) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1];
  const edge_quant *const q = &w->quant;
  if (ei_op_int(c, "dynamic") == NONE || x->dtype != EDGE_DTYPE_F32 || w->dtype != EDGE_DTYPE_S8) return false;
  if (!ei_is_quantized(w) || q->block != 0 || (q->count > 1 && q->axis != 0)) return false;
  for (uint32_t i = 0; q->zero_points != NULL && i < q->count; ++i)
    if (q->zero_points[i] != 0) return false;
  return true;
}

static uint64_t align64(uint64_t n) {
  return (n + 63) & ~(uint64_t)63;
}

uint64_t ei_ref_dynamic_scratch(const edge_tensor *x, uint64_t channels, uint64_t units) {
  return align64(channels * 8) + 2 * align64(channels * 4) + align64(units * sizeof(ei_ref_unit)) +
         align64(ei_op_elements(x));
}

/* zero is that of bytes from 0 to 255 */
static ei_ref_unit unit_of(float lo, float hi, bool symmetric) {
  if (symmetric) {
    const float most = hi > -lo ? hi : -lo;
    return (ei_ref_unit) { most > 0.0f ? most / 127.0f : 1.0f, 128 };
  }
  const float scale = hi > lo ? (hi - lo) / 255.0f : 1.0f;
  const float inverse = 1.0f / scale, z = rintf((0.0f - lo) * inverse);
  return (ei_ref_unit) { scale, z > 0.0f ? z < 255.0f ? (int32_t)z : 255 : 0 };
}

static void quantize(const float *x, uint64_t n, bool symmetric, ei_ref_unit *unit, uint8_t *q) {
  float lo = 0.0f, hi = 0.0f;
  for (uint64_t i = 0; i < n; ++i) {
    if (x[i] < lo) lo = x[i];
    if (x[i] > hi) hi = x[i];
  }
  *unit = unit_of(lo, hi, symmetric);
  const float least = (float)((symmetric ? 1 : 0) - unit->zero), most = (float)(255 - unit->zero);
  const float inverse = 1.0f / unit->scale;
  for (uint64_t i = 0; i < n; ++i) {
    float v = x[i] * inverse;
    v = v > least ? v : least;
    v = v < most ? v : most;
    q[i] = (uint8_t)((int32_t)rintf(v) + unit->zero);
  }
}

void ei_ref_dynamic_init(ei_ref_dot *r, ei_op_ctx *c, const ei_act *act, uint64_t channels, uint64_t units) {
  const edge_tensor *const x = &c->in[0], *const w = &c->in[1], *const bias = ei_op_has(c, 2) ? &c->in[2] : NULL;
  char *at = (char *)c->scratch;
  double *const biases = (double *)(void *)at;
  at += align64(channels * 8);
  float *const multipliers = (float *)(void *)at;
  at += align64(channels * 4);
  int32_t *const zeros = (int32_t *)(void *)at;
  at += align64(channels * 4);
  ei_ref_unit *const unit = (ei_ref_unit *)(void *)at;
  at += align64(units * sizeof *unit);
  uint8_t *const q = (uint8_t *)at;
  for (uint64_t i = 0; i < channels; ++i) {
    biases[i] = bias == NULL ? 0.0 : ei_is_quantized(bias) ? (double)ei_load_real(bias, i) : ei_load_f64(bias, i);
    multipliers[i] = w->quant.scales[i < w->quant.count ? i : 0];
    zeros[i] = 0;
  }
  const uint64_t per = units ? ei_op_elements(x) / units : 0;
  for (uint64_t i = 0; i < units; ++i)
    quantize((const float *)x->data + i * per, per, ei_op_int(c, "dynamic") == SYMMETRIC, unit + i, q + i * per);
  memset(r, 0, sizeof *r);
  r->x = (const char *)q;
  r->w = (const char *)w->data;
  r->x_size = r->w_size = 1;
  r->dot = ei_ref_dot_bytes(EDGE_DTYPE_U8, EDGE_DTYPE_S8);
  r->zw = zeros;
  r->bias = biases;
  r->multiplier = multipliers;
  r->y = &c->out[0];
  r->act = *act;
  r->clamps = ei_act_clamps(act);
  r->units = unit;
  r->n_units = units;
}

void ei_ref_dynamic_store(const ei_ref_dot *r, uint64_t index, uint64_t channel, double sum) {
  const float mult = r->scale * r->multiplier[channel];
  float v = (float)sum * mult;
  v = v + (float)r->bias[channel];
  if (!r->clamps) v = (float)ei_act_apply(&r->act, (double)v);
  if (r->clamps) {
    v = v > (float)r->act.lo ? v : (float)r->act.lo;
    v = v < (float)r->act.hi ? v : (float)r->act.hi;
  }
  ei_store_f64(r->y, index, (double)v);
}
