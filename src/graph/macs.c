/* SPDX-License-Identifier: Apache-2.0
 * Counting work: multiply-accumulates of the operators that carry it. */
#include "graph.h"
#include "../ops/op.h"

static uint64_t elements(const edge_tensor *t) {
  uint64_t n = 0;
  return edge_tensor_elements(t, &n) == EDGE_STATUS_OK ? n : 0;
}

static uint64_t times(uint64_t a, uint64_t b) {
  uint64_t p = 0;
  return ei_mul_u64(a, b, &p) ? p : UINT64_MAX;
}

uint64_t ei_node_macs(const ei_node *n, const edge_tensor *views) {
  if (n->n_in < 2 || n->n_out < 1 || n->in[0] == EI_NONE || n->in[1] == EI_NONE) return 0;
  const char *const op = n->op->name;
  const edge_tensor *const x = &views[n->in[0]], *const w = &views[n->in[1]];
  const edge_tensor *const y = n->out[0] == EI_NONE ? NULL : &views[n->out[0]];
  if (strcmp(op, "Conv") == 0 || strcmp(op, "ConvInteger") == 0)
    return y && w->rank > 0 && w->dims[0] > 0 ? times(elements(y), elements(w) / (uint64_t)w->dims[0]) : 0;
  if (strcmp(op, "ConvTranspose") == 0) /* each input element meets the weights of its channel */
    return w->rank > 0 && x->rank > 0 && x->dims[x->rank - 1] > 0
               ? times(elements(x), elements(w) / (uint64_t)x->dims[x->rank - 1])
               : 0;
  if (strcmp(op, "FullyConnected") == 0)
    return y && w->rank == 2 && w->dims[1] > 0 ? times(elements(y), (uint64_t)w->dims[1]) : 0;
  if (strcmp(op, "MatMul") == 0 || strcmp(op, "MatMulInteger") == 0) {
    if (!y || x->rank < 1) return 0;
    const int32_t k = ei_node_int(n, "trans_a") && x->rank > 1 ? x->rank - 2 : x->rank - 1;
    return x->dims[k] > 0 ? times(elements(y), (uint64_t)x->dims[k]) : 0;
  }
  if (strcmp(op, "Attention") == 0) { /* each query meets each key, past ones not counted, then as many values */
    const edge_tensor *const keys = w;
    const int64_t length = keys->rank == 3 ? keys->dims[1] : keys->rank == 4 ? keys->dims[2] : -1;
    return y && length > 0 ? times(elements(x) + elements(y), (uint64_t)length) : 0;
  }
  if ((strcmp(op, "Lstm") == 0 || strcmp(op, "Gru") == 0 || strcmp(op, "Rnn") == 0) && x->rank == 3 && n->n_in > 2 &&
      n->in[2] != EI_NONE) {
    if (x->dims[0] < 0 || x->dims[1] < 0) return 0;
    return times(times((uint64_t)x->dims[0], (uint64_t)x->dims[1]), elements(w) + elements(&views[n->in[2]]));
  }
  return 0;
}
