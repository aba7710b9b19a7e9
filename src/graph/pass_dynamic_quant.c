/* SPDX-License-Identifier: Apache-2.0
 * Products of values that are quantized only for that product become float products: what is undone at once
 * costs accuracy, and the float kernels are faster than quantizing, multiplying and scaling one after another.
 *
 *   q, s, z = DynamicQuantize(x);  Cast(MatMulInteger(q, W, z, wz)) * (s * ws)    becomes    MatMul(x, (W - wz) * ws)
 */
#include "pass.h"

typedef struct product {
  uint32_t x, w, w_zero, w_scale;
} product;

/* Mul of a and something: the something. */
static uint32_t times(const ei_node *mul, uint32_t a) {
  if (!mul || mul->n_in != 2 || ei_node_int(mul, "act") != 0) return EI_NONE;
  return mul->in[0] == a ? mul->in[1] : mul->in[1] == a ? mul->in[0] : EI_NONE;
}

static bool match(const ei_uses *u, const ei_node *n, uint32_t side, product *p) {
  const ei_node *const cast = ei_uses_producer(u, n->in[side], "Cast");
  const ei_node *const mm = cast && cast->in[0] != EI_NONE ? ei_uses_producer(u, cast->in[0], "MatMulInteger") : NULL;
  if (!mm || mm->n_in < 3 || mm->in[2] == EI_NONE || ei_node_int(cast, "dtype") != EDGE_DTYPE_F32) return false;
  const ei_node *const dq = ei_uses_producer(u, mm->in[0], "DynamicQuantize");
  if (!dq || dq->n_out < 3 || dq->out[2] != mm->in[2] || dq->out[1] == EI_NONE) return false;
  p->x = dq->in[0];
  p->w = mm->in[1];
  p->w_zero = mm->n_in > 3 ? mm->in[3] : EI_NONE;
  p->w_scale = times(ei_uses_producer(u, n->in[1 - side], "Mul"), dq->out[1]);
  return p->w_scale != EI_NONE;
}

/* (W - wz) * ws; wz and ws are one value or one for each column. EI_NONE: it is not of that form. */
static uint32_t float_weights(ei_uses *u, const product *p) {
  const ei_tensor w = *ei_uses_tensor(u, p->w);
  if (!w.data || w.rank != 2 || !ei_shape_fixed(&w) || !ei_dtype_is_int(w.dtype) || w.quant.count || w.dims[1] < 1)
    return EI_NONE;
  const uint64_t columns = (uint64_t)w.dims[1], n = ei_tensor_elements(&w);
  const ei_tensor *const s = ei_uses_tensor(u, p->w_scale);
  const uint64_t n_scales = s->data && ei_shape_fixed(s) ? ei_tensor_elements(s) : 0;
  const double *const scales =
      n_scales == 1 || (n_scales == columns && s->rank == 1) ? ei_const_floats(u, p->w_scale, n_scales) : NULL;
  float *const data = EI_NEW_ARRAY(u->g->arena, float, n ? n : 1);
  edge_tensor from, zero;
  uint64_t n_zeros = 0;
  if (!scales || !data) return EI_NONE;
  if (p->w_zero != EI_NONE) {
    const ei_tensor *const z = ei_uses_tensor(u, p->w_zero);
    n_zeros = z->data && ei_shape_fixed(z) ? ei_tensor_elements(z) : 0;
    if (n_zeros != 1 && (n_zeros != columns || z->rank != 1)) return EI_NONE;
    ei_tensor_view(z, &zero);
  }
  ei_tensor_view(&w, &from);
  for (uint64_t i = 0; i < n; ++i) {
    const uint64_t c = i % columns;
    const int64_t wz = n_zeros ? ei_load_s64(&zero, n_zeros == 1 ? 0 : c) : 0;
    data[i] = (float)((double)(ei_load_s64(&from, i) - wz) * scales[n_scales == 1 ? 0 : c]);
  }
  return ei_uses_add_const(u, w.name, EDGE_DTYPE_F32, w.dims, 2, data);
}

edge_status ei_pass_dynamic_quant(ei_graph *g, edge_error *err) {
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i) {
      const ei_node *const n = &u.sg->nodes[i];
      if (!ei_is_op(n, "Mul") || n->n_in != 2 || n->in[0] == EI_NONE || n->in[1] == EI_NONE ||
          ei_node_int(n, "act") != 0)
        continue;
      for (uint32_t side = 0; side < 2; ++side) {
        product p;
        if (!match(&u, n, side, &p)) continue;
        const uint32_t w = float_weights(&u, &p), in[2] = { p.x, w };
        if (w != EI_NONE && !ei_uses_rewrite(&u, i, "MatMul", in, 2)) return EDGE_STATUS_OUT_OF_MEMORY;
        break;
      }
    }
  }
  return ei_pass_dead_code(g, err);
}
