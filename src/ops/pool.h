/* SPDX-License-Identifier: Apache-2.0
 * Shape rules that the pools share. */
#ifndef EI_OPS_POOL_H
#define EI_OPS_POOL_H

#include "activation.h"
#include "window.h"

/** Window of a pool over input 0 [N, spatial..., C]; win->n = 0 when the rank is not known. */
edge_status ei_pool_window(ei_op_ctx *c, ei_window *win);
/** Output 0 (and 1 with dtype1, unless NONE) of a pool. */
edge_status ei_pool_infer(ei_op_ctx *c, int32_t dtype1);

typedef struct ei_pool {
  const edge_tensor *x;
  edge_tensor *y;
  ei_window win;
  ei_act act;
  uint64_t channels;
  bool quantized, same_quant, clamps;
  double sx, sy;
  int32_t zx, zy, lo, hi;
  edge_tensor *indices; /* MaxPool */
  int64_t options[2];   /* the operator's own */
} ei_pool;

/** Where the window of one output lies: kernel positions k0..k1-1 of each dimension are inside, input position
 *  at + k * dilation. count: how many. */
typedef struct ei_pool_range {
  int64_t at[EI_MAX_SPATIAL], k0[EI_MAX_SPATIAL], k1[EI_MAX_SPATIAL], count, batch;
} ei_pool_range;

edge_status ei_pool_begin(ei_op_ctx *c, ei_pool *p);
void ei_pool_span(const ei_pool *p, int64_t n, const int64_t *o, ei_pool_range *r);
/** Visit all outputs in order. */
typedef void (*ei_pool_visit)(const ei_pool *p, const ei_pool_range *r, uint64_t channel, uint64_t index);
void ei_pool_walk(const ei_pool *p, ei_pool_visit visit);
/** Store a result: a real value of floats, a value in x's stored units of quantized tensors. */
void ei_pool_store(const ei_pool *p, uint64_t index, double v);

/** Element index of input position (kd, kh, kw) of the range. */
static inline uint64_t ei_pool_at(const ei_pool *p, const ei_pool_range *r, int64_t kd, int64_t kh, int64_t kw,
                                  uint64_t channel) {
  const ei_window *const w = &p->win;
  const int64_t d = r->at[0] + kd * w->dilation[0], h = r->at[1] + kh * w->dilation[1];
  const int64_t i = r->at[2] + kw * w->dilation[2];
  return (uint64_t)(((r->batch * w->in[0] + d) * w->in[1] + h) * w->in[2] + i) * p->channels + channel;
}
static inline double ei_pool_load(const ei_pool *p, uint64_t at) {
  return p->x->dtype == EDGE_DTYPE_F32 ? (double)((const float *)p->x->data)[at] : ei_load_f64(p->x, at);
}
/** Loops over the inside of the window; `at` is the element index. */
#define EI_POOL_EACH(p, r, channel, at)                       \
  for (int64_t kd_ = (r)->k0[0]; kd_ < (r)->k1[0]; ++kd_)     \
    for (int64_t kh_ = (r)->k0[1]; kh_ < (r)->k1[1]; ++kh_)   \
      for (int64_t kw_ = (r)->k0[2]; kw_ < (r)->k1[2]; ++kw_) \
        for (uint64_t at = ei_pool_at(p, r, kd_, kh_, kw_, channel), once_ = 1; once_; once_ = 0)

#endif
