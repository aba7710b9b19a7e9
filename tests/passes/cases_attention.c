/* SPDX-License-Identifier: Apache-2.0
 * The attention pass: forms that exporters write, and near misses that must stay as they are. */
#include "passes_graph.h"

void et_cases_attention(void);

enum { B = 2, S = 5, H = 3, D = 4 };
enum { DIV_THEN_MASK, MUL_BEFORE, NO_SCALE, TRANS_B, FORMS, SHARED_SCORES = FORMS, OTHER_AXIS, SCALE_OF_MASK };

static const int64_t rows[4] = { 0, 2, 1, 3 }, columns[4] = { 0, 2, 3, 1 };

static uint32_t op(et_graph *t, const char *name, uint32_t a, uint32_t b) {
  return et_op(t, name, a, b, EI_NONE, EI_NONE);
}

static uint32_t transpose(et_graph *t, uint32_t x, const int64_t perm[4]) {
  const uint32_t y = op(t, "Transpose", x, EI_NONE);
  ET_CHECK(ei_node_set_ints(t->g, et_last(t), "perm", perm, 4) == EDGE_STATUS_OK);
  return y;
}

static uint32_t heads(et_graph *t, uint32_t x, const int64_t perm[4]) {
  static const int64_t shape[4] = { B, S, H, D };
  return transpose(t, op(t, "Reshape", x, et_list(t, shape, 4)), perm);
}

static void one(int form) {
  static const int64_t dims[3] = { B, S, H * D }, mask_dims[4] = { B, 1, 1, S };
  et_graph t;
  et_begin(&t);
  const uint32_t q = et_input(&t, EDGE_DTYPE_F32, 3, dims), k = et_input(&t, EDGE_DTYPE_F32, 3, dims),
                 v = et_input(&t, EDGE_DTYPE_F32, 3, dims);
  uint32_t s = op(&t, "MatMul", heads(&t, q, rows), heads(&t, k, form == TRANS_B ? rows : columns));
  if (form == TRANS_B) ET_CHECK(ei_node_set_int(t.g, et_last(&t), "trans_b", 1) == EDGE_STATUS_OK);
  const uint32_t product = s;
  if (form == DIV_THEN_MASK || form == SHARED_SCORES) {
    s = op(&t, "Div", s, et_scalar(&t, 2.0f));
    s = op(&t, "Add", s, et_input(&t, EDGE_DTYPE_F32, 4, mask_dims));
  } else if (form == MUL_BEFORE) {
    s = op(&t, "Mul", et_scalar(&t, 0.25f), s);
  } else if (form == SCALE_OF_MASK) { /* the mask is scaled too */
    s = op(&t, "Add", s, et_input(&t, EDGE_DTYPE_F32, 4, mask_dims));
    s = op(&t, "Mul", s, et_scalar(&t, 0.5f));
  }
  s = op(&t, "Softmax", s, EI_NONE);
  ET_CHECK(ei_node_set_int(t.g, et_last(&t), "axis", form == OTHER_AXIS ? 2 : -1) == EDGE_STATUS_OK);
  const uint32_t joined = transpose(&t, op(&t, "MatMul", s, heads(&t, v, rows)), rows);
  const uint32_t y[2] = { op(&t, "Reshape", joined, et_list(&t, dims, 3)), product };
  et_finish(&t, y, form == SHARED_SCORES ? 2 : 1);
  et_pass(&t, ei_pass_attention, 1e-5f);
  if (form < FORMS)
    ET_CHECK(et_count(&t, "Attention") == 1 && et_count(&t, NULL) == 1);
  else
    ET_CHECK(et_count(&t, "Attention") == 0);
  et_end(&t);
}

void et_cases_attention(void) {
  for (int form = 0; form <= SCALE_OF_MASK; ++form) one(form);
}
