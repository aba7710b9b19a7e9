/* SPDX-License-Identifier: Apache-2.0
 * Recurrent operators that run both ways: one forwards, one over the reversed sequence, joined if wanted. */
#include "tflite.h"

typedef struct recurrent { /* options of both directions */
  const char *edge;
  int32_t act;
  float cell_clip, proj_clip;
  bool lstm, time_major, merge;
} recurrent;

static uint32_t temp_like(tl_op *op, uint32_t like) {
  const uint32_t t = tl_temp(op, tl_graph_tensor(op, like)->dtype);
  if (t != EI_NONE) tl_graph_tensor(op, t)->quant = tl_graph_tensor(op, like)->quant;
  return t;
}

static edge_status reversed(tl_op *op, const recurrent *r, uint32_t x, uint32_t y) {
  const int64_t axis = r->time_major ? 0 : 1;
  TL_NEW(axes, tl_const_s64(op, &axis, 1));
  const uint32_t in[2] = { x, axes };
  TL_EMIT(n, op, "Reverse", in, 2, &y, 1);
  return EDGE_STATUS_OK;
}

static edge_status forwards(tl_op *op, const recurrent *r, const uint32_t *in, uint32_t n_in, uint32_t y) {
  TL_EMIT(n, op, r->edge, in, n_in, &y, 1);
  EI_TRY(ei_node_set_int(op->m->g, n, "time_major", r->time_major));
  EI_TRY(ei_node_set_int(op->m->g, n, "single_step", 0));
  if (r->lstm) {
    EI_TRY(ei_node_set_float(op->m->g, n, "cell_clip", (double)r->cell_clip));
    EI_TRY(ei_node_set_float(op->m->g, n, "proj_clip", (double)r->proj_clip));
    EI_TRY(ei_node_set_int(op->m->g, n, "act", 0));
  }
  return tl_set_act(op, n, r->act);
}

static edge_status backwards(tl_op *op, const recurrent *r, uint32_t *in, uint32_t n_in, uint32_t y) {
  TL_NEW(x, temp_like(op, in[0]));
  TL_NEW(turned, temp_like(op, y));
  EI_TRY(reversed(op, r, in[0], x));
  in[0] = x;
  EI_TRY(forwards(op, r, in, n_in, turned));
  return reversed(op, r, turned, y);
}

static edge_status both(tl_op *op, const recurrent *r, uint32_t *fw, uint32_t *bw, uint32_t n_in) {
  uint32_t out[2] = { op->out[0], tl_out(op, 1) };
  if (fw[0] == EI_NONE) return tl_malformed(op, "has no input");
  if (!r->merge && out[1] == EI_NONE) return tl_malformed(op, "has no second output");
  for (int i = 0; i < 2 && r->merge; ++i) {
    out[i] = temp_like(op, op->out[0]);
    if (out[i] == EI_NONE) return tl_broken(op->m);
  }
  EI_TRY(forwards(op, r, fw, n_in, out[0]));
  EI_TRY(backwards(op, r, bw, n_in, out[1]));
  if (!r->merge) return EDGE_STATUS_OK;
  TL_EMIT(n, op, "Concat", out, 2, op->out, 1);
  return ei_node_set_int(op->m->g, n, "axis", 2);
}

edge_status tl_bidirectional_lstm(tl_op *op) {
  const recurrent r = { .edge = "SequenceLstm",
                        .act = fb_s8(op->opt, 0, 0),
                        .cell_clip = fb_f32(op->opt, 1, 0.0f),
                        .proj_clip = fb_f32(op->opt, 2, 0.0f),
                        .lstm = true,
                        .merge = fb_u8(op->opt, 3, 0) != 0,
                        .time_major = fb_u8(op->opt, 4, 1) != 0 };
  uint32_t fw[24], bw[24];
  if (op->n_in > 48) return tl_malformed(op, "has %u inputs, at most 48 are known", op->n_in);
  for (uint32_t i = 39; i < 48; ++i)
    if (tl_in(op, i) != EI_NONE)
      return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "auxiliary inputs are not supported");
  for (uint32_t i = 0; i < 24; ++i) {
    fw[i] = i < 18 ? tl_in(op, i) : i < 20 ? tl_in(op, i + 17) : EI_NONE;
    bw[i] = i == 0 ? tl_in(op, 0) : i < 18 ? tl_in(op, i + 17) : i < 20 ? tl_in(op, i + 19) : EI_NONE;
  }
  for (uint32_t i = 35; i < 39; ++i) EI_TRY(tl_need_state(op, i));
  return both(op, &r, fw, bw, 24);
}

edge_status tl_bidirectional_rnn(tl_op *op) {
  const recurrent r = { .edge = "SequenceRnn",
                        .time_major = fb_u8(op->opt, 0, 0) != 0,
                        .act = fb_s8(op->opt, 1, 0),
                        .merge = fb_u8(op->opt, 2, 0) != 0 };
  uint32_t fw[5], bw[5];
  for (uint32_t i = 9; i < op->n_in; ++i)
    if (tl_in(op, i) != EI_NONE)
      return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "auxiliary inputs are not supported");
  for (uint32_t i = 0; i < 5; ++i) {
    fw[i] = tl_in(op, i);
    bw[i] = i == 0 ? tl_in(op, 0) : tl_in(op, i + 4);
  }
  EI_TRY(tl_need_state(op, 4));
  EI_TRY(tl_need_state(op, 8));
  return both(op, &r, fw, bw, 5);
}
