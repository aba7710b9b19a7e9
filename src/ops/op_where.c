/* SPDX-License-Identifier: Apache-2.0
 * Where: a where cond is true, else b; all three broadcast. */
#include "op_walk.h"

static edge_status infer(ei_op_ctx *c) {
  edge_tensor t = { .rank = 0 };
  if (c->in[0].dtype != EDGE_DTYPE_BOOL)
    return ei_op_fail(c, EDGE_STATUS_TYPE_MISMATCH, "the condition must be bool, but is %s",
                      edge_dtype_name(c->in[0].dtype));
  EI_TRY(ei_op_need_same_dtype(c, 1, 2));
  EI_TRY(ei_op_broadcast(c, &c->in[1], &c->in[2], &t));
  EI_TRY(ei_op_broadcast(c, &c->in[0], &t, &t));
  ei_op_set_shape(&c->out[0], c->in[1].dtype, t.rank, t.dims);
  return ei_op_check_size(c, 0);
}

typedef struct line {
  const uint8_t *cond;
  uint64_t step_c, a, step_a, b, step_b;
} line;

static void select_line(const ei_op_ctx *c, const line *l, uint64_t at, uint64_t n) {
  const edge_tensor *const y = &c->out[0];
  const unsigned char *const a = (const unsigned char *)c->in[1].data, *const b = (const unsigned char *)c->in[2].data;
#define SELECT(type)                                                         \
  for (uint64_t i = 0; i < n; ++i) {                                         \
    type va, vb;                                                             \
    memcpy(&va, a + (l->a + i * l->step_a) * sizeof va, sizeof va);          \
    memcpy(&vb, b + (l->b + i * l->step_b) * sizeof vb, sizeof vb);          \
    va = l->cond[i * l->step_c] ? va : vb;                                   \
    memcpy((unsigned char *)y->data + (at + i) * sizeof va, &va, sizeof va); \
  }
  switch (ei_elem_bytes(y->dtype)) {
  case 1: SELECT(uint8_t) break;
  case 2: SELECT(uint16_t) break;
  case 4: SELECT(uint32_t) break;
  case 8: SELECT(uint64_t) break;
  default:
    for (uint64_t i = 0; i < n; ++i) {
      const bool take_a = l->cond[i * l->step_c] != 0;
      ei_copy_run(y, at + i, &c->in[take_a ? 1 : 2], take_a ? l->a + i * l->step_a : l->b + i * l->step_b, 1);
    }
  }
#undef SELECT
}

static edge_status eval(ei_op_ctx *c) {
  const edge_tensor *const cond = &c->in[0], *const y = &c->out[0];
  const int32_t last = y->rank - 1;
  int64_t sc[EDGE_MAX_RANK], sa[EDGE_MAX_RANK], sb[EDGE_MAX_RANK], index[EDGE_MAX_RANK] = { 0 };
  if (ei_op_elements(y) == 0) return EDGE_STATUS_OK;
  ei_broadcast_strides(cond, y, sc);
  ei_broadcast_strides(&c->in[1], y, sa);
  ei_broadcast_strides(&c->in[2], y, sb);
  const uint8_t *const bits = (const uint8_t *)cond->data;
  const uint64_t row = last >= 0 ? (uint64_t)y->dims[last] : 1;
  const uint64_t step_c = last >= 0 ? (uint64_t)sc[last] : 0, step_a = last >= 0 ? (uint64_t)sa[last] : 0;
  const uint64_t step_b = last >= 0 ? (uint64_t)sb[last] : 0;
  uint64_t at = 0;
  do {
    uint64_t pc = 0, pa = 0, pb = 0;
    for (int32_t d = 0; d < last; ++d) {
      pc += (uint64_t)(index[d] * sc[d]);
      pa += (uint64_t)(index[d] * sa[d]);
      pb += (uint64_t)(index[d] * sb[d]);
    }
    if (step_c == 0) { /* one condition for the row */
      const edge_tensor *const x = &c->in[bits[pc] ? 1 : 2];
      const uint64_t from = bits[pc] ? pa : pb, step = bits[pc] ? step_a : step_b;
      if (step == 1)
        ei_copy_run(y, at, x, from, row);
      else
        ei_fill_run(y, at, row, x, from);
    } else {
      const line l = { bits + pc, step_c, pa, step_a, pb, step_b };
      select_line(c, &l, at, row);
    }
    at += row;
  } while (ei_walk_next(last, y->dims, index));
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_Where = { .name = "Where",
                                .min_in = 3,
                                .max_in = 3,
                                .min_out = 1,
                                .max_out = 1,
                                .flags = EI_OP_ELEMENTWISE,
                                .version = 1,
                                .infer = infer,
                                .eval = eval };
