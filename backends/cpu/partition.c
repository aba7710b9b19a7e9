/* SPDX-License-Identifier: Apache-2.0
 * What lowerings ask about the partition. */
#include "plan.h"

const edge_host_api *eb_cpu_host(const eb_cpu_plan *plan) {
  return plan->host;
}
const edge_partition *eb_cpu_partition(const eb_cpu_plan *plan) {
  return plan->partition;
}
uint64_t eb_cpu_features(const eb_cpu_plan *plan) {
  return plan->features;
}
uint32_t eb_cpu_num_nodes(const eb_cpu_plan *plan) {
  return plan->num_nodes;
}

uint32_t eb_cpu_threads(const eb_cpu_plan *plan) {
  const uint32_t n = plan->host->num_threads(plan->partition);
  return n ? n : 1;
}

uint64_t eb_cpu_l2_bytes(const eb_cpu_plan *plan) {
  const uint32_t bytes = plan->host->cache_bytes(plan->env, 2);
  return bytes >= 64 * 1024 ? bytes : 512 * 1024;
}

uint32_t eb_cpu_session_flags(const eb_cpu_plan *plan) {
  return plan->host->session_flags(plan->partition);
}

const edge_node *eb_cpu_node(const eb_cpu_plan *plan, uint32_t node) {
  return plan->host->get_node(plan->partition, node);
}

bool eb_cpu_is_op(const eb_cpu_plan *plan, uint32_t node, const char *op) {
  return node < plan->num_nodes && strcmp(plan->host->node_op(eb_cpu_node(plan, node)), op) == 0;
}

uint32_t eb_cpu_input(const eb_cpu_plan *plan, uint32_t node, uint32_t i) {
  const edge_node *const n = eb_cpu_node(plan, node);
  return i < plan->host->node_num_inputs(n) ? plan->host->node_input(n, i) : EDGE_NO_VALUE;
}

uint32_t eb_cpu_output(const eb_cpu_plan *plan, uint32_t node, uint32_t i) {
  const edge_node *const n = eb_cpu_node(plan, node);
  return i < plan->host->node_num_outputs(n) ? plan->host->node_output(n, i) : EDGE_NO_VALUE;
}

const edge_tensor *eb_cpu_tensor(const eb_cpu_plan *plan, uint32_t value) {
  static const edge_tensor none = { .dtype = EDGE_DTYPE_NONE };
  if (value >= plan->num_values) return &none;
  const eb_cpu_value_info *const v = &plan->values[value];
  return plan->widening && v->has_wide ? &v->wide : &v->tensor;
}

bool eb_cpu_is_dynamic(const eb_cpu_plan *plan, uint32_t node) {
  return eb_cpu_int(plan, node, "dynamic") != 0 && !plan->wide_node[node] &&
         eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0))->dtype == EDGE_DTYPE_F32 &&
         eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1))->dtype == EDGE_DTYPE_S8;
}

bool eb_cpu_is_const(const eb_cpu_plan *plan, uint32_t value) {
  return value < plan->num_values && plan->values[value].tensor.data != NULL &&
         (plan->values[value].tensor.flags & EDGE_TENSOR_CONST) != 0;
}

uint64_t eb_cpu_elements(const edge_tensor *tensor) {
  uint64_t n = 0;
  return edge_tensor_elements(tensor, &n) == EDGE_STATUS_OK ? n : 0;
}

uint32_t eb_cpu_producer(const eb_cpu_plan *plan, uint32_t value) {
  return value < plan->num_values ? plan->values[value].producer : EDGE_NO_VALUE;
}

uint32_t eb_cpu_only_consumer(const eb_cpu_plan *plan, uint32_t value) {
  if (value >= plan->num_values) return EDGE_NO_VALUE;
  const eb_cpu_value_info *const v = &plan->values[value];
  return v->uses == 1 && !v->leaves ? v->consumer : EDGE_NO_VALUE;
}

uint32_t eb_cpu_later_of_two(const eb_cpu_plan *plan, uint32_t value) {
  if (value >= plan->num_values) return EDGE_NO_VALUE;
  const eb_cpu_value_info *const v = &plan->values[value];
  return v->uses == 2 && !v->leaves ? v->consumer : EDGE_NO_VALUE;
}

bool eb_cpu_available(const eb_cpu_plan *plan, uint32_t value) {
  if (value >= plan->num_values) return false;
  const uint32_t producer = plan->values[value].producer;
  return producer == EB_CPU_NONE || plan->done[producer];
}

int64_t eb_cpu_int(const eb_cpu_plan *plan, uint32_t node, const char *key) {
  return plan->host->attr_int(eb_cpu_node(plan, node), key);
}

float eb_cpu_float(const eb_cpu_plan *plan, uint32_t node, const char *key) {
  return (float)plan->host->attr_float(eb_cpu_node(plan, node), key);
}

uint32_t eb_cpu_ints(const eb_cpu_plan *plan, uint32_t node, const char *key, int64_t *out, uint32_t cap) {
  return plan->host->attr_ints(eb_cpu_node(plan, node), key, out, cap);
}
