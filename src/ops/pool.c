/* SPDX-License-Identifier: Apache-2.0
 * Shape rules that the pools share. */
#include "pool.h"

edge_status ei_pool_window(ei_op_ctx *c, ei_window *win) {
  const edge_tensor *const x = &c->in[0];
  win->n = 0;
  if (x->rank < 0) return EDGE_STATUS_OK;
  if (x->rank < 3 || x->rank > 2 + EI_MAX_SPATIAL)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input 0 has rank %d; 3 to 5 is supported", x->rank);
  return ei_window_read(c, x->rank - 2, &x->dims[1], NULL, ei_op_int(c, "ceil_mode") != 0, win);
}

edge_status ei_pool_infer(ei_op_ctx *c, int32_t dtype1) {
  const edge_tensor *const x = &c->in[0];
  ei_window win;
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  EI_TRY(ei_op_need_per_tensor(c, 1));
  if (!ei_dtype_is_float(x->dtype) && !ei_dtype_is_int(x->dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "no pool over %s", edge_dtype_name(x->dtype));
  EI_TRY(ei_pool_window(c, &win));
  for (uint32_t i = 0; i < c->n_out && i < 2; ++i) {
    const int32_t dtype = i == 0 ? x->dtype : dtype1;
    if (win.n == 0) {
      ei_op_set_unknown(&c->out[i], dtype);
      continue;
    }
    int64_t dims[2 + EI_MAX_SPATIAL];
    dims[0] = x->dims[0];
    for (int32_t d = 0; d < win.n; ++d) dims[d + 1] = win.out[EI_MAX_SPATIAL - win.n + d];
    dims[win.n + 1] = x->dims[win.n + 1];
    ei_op_set_shape(&c->out[i], dtype, win.n + 2, dims);
  }
  return EDGE_STATUS_OK;
}

void ei_pool_store(const ei_pool *p, uint64_t index, double v) {
  if (!p->quantized) {
    ei_store_f64(p->y, index, ei_act_apply(&p->act, v));
    return;
  }
  double q = v;
  if (!p->same_quant || !p->clamps) {
    const double real = ei_act_apply(&p->act, (v - p->zx) * p->sx);
    q = rint(real / p->sy) + p->zy;
  }
  ei_store_f64(p->y, index, q < p->lo ? p->lo : q > p->hi ? p->hi : q);
}

edge_status ei_pool_begin(ei_op_ctx *c, ei_pool *p) {
  p->x = &c->in[0];
  p->y = &c->out[0];
  p->channels = (uint64_t)p->x->dims[p->x->rank - 1];
  EI_TRY(ei_act_read(c, &p->act));
  EI_TRY(ei_pool_window(c, &p->win));
  p->quantized = ei_is_quantized(p->x);
  p->same_quant = ei_quant_equal(p->x, p->y);
  p->clamps = ei_act_clamps(&p->act);
  p->sx = (double)ei_quant_scale(p->x);
  p->sy = (double)ei_quant_scale(p->y);
  p->zx = ei_quant_zero(p->x);
  p->zy = ei_quant_zero(p->y);
  ei_act_range(&p->act, p->y, &p->lo, &p->hi);
  return EDGE_STATUS_OK;
}

void ei_pool_span(const ei_pool *p, int64_t n, const int64_t *o, ei_pool_range *r) {
  const ei_window *const w = &p->win;
  for (int d = 0; d < EI_MAX_SPATIAL; ++d) ei_window_valid(w, d, o[d], &r->at[d], &r->k0[d], &r->k1[d]);
  r->count = (r->k1[0] - r->k0[0]) * (r->k1[1] - r->k0[1]) * (r->k1[2] - r->k0[2]);
  r->batch = n;
}

void ei_pool_walk(const ei_pool *p, ei_pool_visit visit) {
  const ei_window *const win = &p->win;
  uint64_t index = 0;
  int64_t o[EI_MAX_SPATIAL];
  ei_pool_range r;
  if (ei_op_elements(p->y) == 0) return;
  for (int64_t n = 0; n < p->x->dims[0]; ++n) {
    for (o[0] = 0; o[0] < win->out[0]; ++o[0]) {
      for (o[1] = 0; o[1] < win->out[1]; ++o[1]) {
        for (o[2] = 0; o[2] < win->out[2]; ++o[2]) {
          ei_pool_span(p, n, o, &r);
          for (uint64_t ch = 0; ch < p->channels; ++ch) visit(p, &r, ch, index++);
        }
      }
    }
  }
}
