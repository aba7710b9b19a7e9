/* SPDX-License-Identifier: Apache-2.0
 * The last resort of every operator: one step that calls the host's reference evaluation. */
#include "cpu.h"

typedef struct ref_arg {
  const edge_node *node;
  edge_status (*eval)(const edge_node *node, const edge_tensor *in, uint32_t n_in, edge_tensor *out, uint32_t n_out,
                      void *scratch, uint64_t scratch_bytes);
  edge_tensor *in, *out;
  uint32_t n_in, n_out;
  void *scratch;
  uint64_t scratch_bytes;
} ref_arg;

static edge_status ref_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)tile, (void)worker;
  const ref_arg *const a = arg;
  return a->eval(a->node, a->in, a->n_in, a->out, a->n_out, a->scratch, a->scratch_bytes);
}

static edge_tensor *tensors(eb_cpu_plan *plan, uint32_t count) {
  return eb_cpu_keep(plan, (count ? count : 1) * sizeof(edge_tensor));
}

edge_status eb_cpu_lower_ref(eb_cpu_plan *plan, uint32_t index) {
  const edge_node *const node = eb_cpu_node(plan, index);
  const edge_host_api *const host = eb_cpu_host(plan);
  const uint32_t n_in = host->node_num_inputs(node), n_out = host->node_num_outputs(node);
  ref_arg *const a = eb_cpu_step(plan, index, ref_tile, sizeof *a, 1, 50.0);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  a->node = node;
  a->eval = host->ref_eval;
  a->n_in = n_in;
  a->n_out = n_out;
  a->in = tensors(plan, n_in);
  a->out = tensors(plan, n_out);
  if (a->in == NULL || a->out == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < n_in + n_out; ++i) {
    edge_tensor *const t = i < n_in ? &a->in[i] : &a->out[i - n_in];
    const uint32_t value = i < n_in ? eb_cpu_input(plan, index, i) : eb_cpu_output(plan, index, i - n_in);
    if (value == EDGE_NO_VALUE) continue; /* zeroed: dtype EDGE_DTYPE_NONE */
    *t = *eb_cpu_tensor(plan, value);
    if (!eb_cpu_is_const(plan, value)) {
      const edge_status status = edge_tensor_bytes(t, &t->bytes);
      if (status != EDGE_STATUS_OK) return status;
    }
    eb_cpu_slot(plan, &t->data, eb_cpu_value(plan, value));
  }
  a->scratch_bytes = host->ref_scratch_bytes(eb_cpu_partition(plan), node);
  if (a->scratch_bytes) eb_cpu_slot(plan, &a->scratch, eb_cpu_scratch(plan, a->scratch_bytes, 64));
  eb_cpu_note(plan, index, "reference", "no optimised kernel takes this operator, type or shape");
  return EDGE_STATUS_OK;
}
