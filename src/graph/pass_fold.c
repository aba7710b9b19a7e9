/* SPDX-License-Identifier: Apache-2.0
 * Constant folding: nodes whose inputs are all known are computed once, here. */
#include "pass.h"

enum { SMALL_BYTES = 1 << 16, TABLE_BYTES = 16 << 20 };

static uint64_t constant_bytes(const ei_uses *u, const uint32_t *tensors, uint32_t count) {
  uint64_t bytes = 0;
  for (uint32_t k = 0; k < count; ++k)
    if (tensors[k] != EI_NONE && ei_uses_tensor(u, tensors[k])->data)
      bytes += ei_uses_tensor(u, tensors[k])->data_bytes;
  return bytes > UINT64_MAX / 4 ? 0 : bytes;
}

/* Results may be larger than what they are made from only a little: a file must not grow without bound. */
static uint64_t allowed_bytes(const ei_uses *u, const ei_node *n) {
  return constant_bytes(u, n->in, n->n_in) * 2 + SMALL_BYTES;
}

/* But windows, filters and positions that an exporter left to be computed, and 8-bit weights that it decodes step by
 * step, are made here and not in every run: as much in all as the file is large, and a little more. */
static uint64_t table_bytes(const ei_graph *g) {
  uint64_t bytes = 0;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s)
    for (uint32_t t = 0; t < g->subgraphs[s].n_tensors; ++t)
      if (g->subgraphs[s].tensors[t].data && bytes < UINT64_MAX / 16) bytes += g->subgraphs[s].tensors[t].data_bytes;
  return bytes < UINT64_MAX / 16 ? bytes * 4 + TABLE_BYTES : TABLE_BYTES;
}

/* Quantized and f16 constants stay what they are: later passes make operators of them that read them so. */
static bool keeps_stored(const ei_uses *u, const ei_node *n) {
  if (ei_half_cast(u, n)) return true;
  if (ei_is_op(n, "Quantize")) return true;
  return ei_is_op(n, "Dequantize") && n->in[0] != EI_NONE && ei_dtype_is_int(ei_uses_tensor(u, n->in[0])->dtype);
}

/* Weights of 8 bits or less behind a Dequantize, which the product that reads them decodes for itself. */
static bool is_small_weight(const ei_uses *u, const ei_node *n) {
  enum { LEAST = 4096 }; /* what is smaller is not worth it */
  ei_use use;
  uint32_t at = 0;
  if (!ei_is_op(n, "Dequantize") || n->in[0] == EI_NONE) return false;
  const ei_tensor *const q = ei_uses_tensor(u, n->in[0]), *const w = ei_uses_tensor(u, n->out[0]);
  for (uint32_t k = 0; k < n->n_in; ++k)
    if (n->in[k] != EI_NONE && !ei_uses_tensor(u, n->in[k])->data) return false;
  if (!ei_dtype_is_int(q->dtype) || edge_dtype_bits(q->dtype) > 8 || q->rank != 2 || !ei_shape_fixed(q) ||
      ei_tensor_elements(q) < LEAST || w->dtype != EDGE_DTYPE_F32 || u->count[n->out[0]] != 1 ||
      !ei_uses_next(u, n->out[0], &at, &use) || use.in != 1)
    return false;
  const ei_node *const reader = &u->sg->nodes[use.node];
  return (ei_is_op(reader, "FullyConnected") || ei_is_op(reader, "MatMul")) &&
         ei_uses_tensor(u, reader->in[0])->dtype == EDGE_DTYPE_F32;
}

static edge_status fold(ei_graph *g, bool quantized_too) {
  uint64_t tables = table_bytes(g);
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) {
    ei_uses u;
    EI_TRY(ei_uses_build(&u, g, s));
    for (uint32_t i = 0; i < u.sg->n_nodes; ++i) {
      const ei_node *const n = &u.sg->nodes[i];
      if (!n->op || (quantized_too ? is_small_weight(&u, n) : keeps_stored(&u, n))) continue;
      const uint64_t allowed = allowed_bytes(&u, n);
      const uint32_t *const out = n->out, n_out = n->n_out;
      if (!ei_pass_evaluate(&u, i, allowed > tables ? allowed : tables)) continue;
      const uint64_t made = constant_bytes(&u, out, n_out);
      if (made > allowed) tables -= made < tables ? made : tables;
    }
  }
  return EDGE_STATUS_OK;
}

edge_status ei_pass_fold(ei_graph *g, edge_error *err) {
  (void)err;
  return fold(g, false);
}

edge_status ei_pass_fold_late(ei_graph *g, edge_error *err) {
  (void)err;
  return fold(g, true);
}
