/* SPDX-License-Identifier: Apache-2.0
 * The host table: how backends reach memory, messages, the graph, reference kernels and shared weights. */
#include "exec.h"

static void *host_alloc(edge_host *host, uint64_t bytes, uint64_t align) {
  return ei_alloc_get(host->env->alloc, bytes, align);
}

static void host_free(edge_host *host, void *ptr, uint64_t bytes, uint64_t align) {
  ei_alloc_put(host->env->alloc, ptr, bytes, align);
}

static void host_log(edge_host *host, int32_t level, const char *text) {
  ei_log(host->env, level, "backend %s: %s", host->backend, text);
}

static void host_fail_text(edge_host *host, const edge_partition *p, const edge_node *node, const char *text) {
  if (!p) {
    ei_log(host->env, EDGE_LOG_WARNING, "backend %s: %s", host->backend, text);
    return;
  }
  edge_session *const s = p->instance->session;
  if (atomic_flag_test_and_set(&s->error_taken)) return;
  if (node)
    ei_fail_node(&s->error, EDGE_STATUS_OK, node->index, EI_NONE, "node '%s' (%s) on backend %s: %s", node->node->name,
                 node->node->op->name, host->backend, text);
  else
    ei_fail(&s->error, EDGE_STATUS_OK, "backend %s: %s", host->backend, text);
}

static uint64_t host_cpu_features(edge_host *host) {
  return host->env->features;
}
static uint32_t host_cache_bytes(edge_host *host, uint32_t level) {
  (void)host;
  return ei_cpu_cache_bytes(level);
}

static const char *host_option(edge_host *host, const char *key) {
  (void)host;
  (void)key;
  return NULL;
}

static const char *node_op(const edge_node *n) {
  return n->node->op->name;
}
static const char *node_name(const edge_node *n) {
  return n->node->name;
}
static uint32_t node_num_inputs(const edge_node *n) {
  return n->node->n_in;
}
static uint32_t node_num_outputs(const edge_node *n) {
  return n->node->n_out;
}
static uint32_t node_input(const edge_node *n, uint32_t i) {
  return i < n->node->n_in ? n->node->in[i] : EDGE_NO_VALUE;
}
static uint32_t node_output(const edge_node *n, uint32_t i) {
  return i < n->node->n_out ? n->node->out[i] : EDGE_NO_VALUE;
}
static int64_t attr_int(const edge_node *n, const char *key) {
  return ei_node_int(n->node, key);
}
static double attr_float(const edge_node *n, const char *key) {
  return ei_node_float(n->node, key);
}
static const char *attr_string(const edge_node *n, const char *key) {
  return ei_node_string(n->node, key);
}
static uint32_t attr_ints(const edge_node *n, const char *key, int64_t *out, uint32_t cap) {
  return ei_node_ints(n->node, key, out, cap);
}

static uint32_t num_nodes(const edge_partition *p) {
  return p->n_nodes;
}
static const edge_node *get_node(const edge_partition *p, uint32_t i) {
  return i < p->n_nodes ? &p->instance->nodes[p->nodes[i]] : NULL;
}
static uint32_t num_inputs(const edge_partition *p) {
  return p->n_inputs;
}
static uint32_t get_input(const edge_partition *p, uint32_t i) {
  return i < p->n_inputs ? p->inputs[i] : EDGE_NO_VALUE;
}
static uint32_t num_outputs(const edge_partition *p) {
  return p->n_outputs;
}
static uint32_t get_output(const edge_partition *p, uint32_t i) {
  return i < p->n_outputs ? p->outputs[i] : EDGE_NO_VALUE;
}

static edge_status host_value(const edge_partition *p, uint32_t value, edge_tensor *out) {
  const ei_instance *const in = p->instance;
  if (value >= in->sg->n_tensors) return EDGE_STATUS_INVALID_ARGUMENT;
  *out = in->views[value];
  if (p->dynamic) { /* shapes are those of this run; data only where it stays what it is */
    memcpy(out->dims, in->live[value].dims, sizeof out->dims);
    out->rank = in->live[value].rank;
    out->dtype = in->live[value].dtype;
  }
  return EDGE_STATUS_OK;
}

enum { LEAVES = 1 << 30 };

static uint32_t value_uses(const edge_partition *p, uint32_t value) {
  const ei_instance *const in = p->instance;
  uint32_t uses = 0, leaves = in->uses[value] & LEAVES;
  for (uint32_t i = 0; i < p->n_nodes; ++i) {
    const ei_node *const n = in->nodes[p->nodes[i]].node;
    for (uint32_t k = 0; k < n->n_in; ++k) uses += n->in[k] == value;
  }
  if (uses < (in->uses[value] & ~(uint32_t)LEAVES)) leaves = LEAVES;
  return uses | leaves;
}

static uint64_t ref_scratch_bytes(const edge_partition *p, const edge_node *node) {
  const ei_node *const n = node->node;
  edge_tensor in[32], out[32];
  if (!n->op->scratch_bytes || n->n_in > EI_COUNT(in) || n->n_out > EI_COUNT(out)) return 0;
  memset(in, 0, sizeof in);
  memset(out, 0, sizeof out);
  for (uint32_t i = 0; i < n->n_in; ++i)
    if (n->in[i] != EI_NONE) (void)host_value(p, n->in[i], &in[i]);
  for (uint32_t i = 0; i < n->n_out; ++i)
    if (n->out[i] != EI_NONE) (void)host_value(p, n->out[i], &out[i]);
  return ei_eval_scratch_bytes(n, in, n->n_in, out, n->n_out);
}

static edge_status ref_eval(const edge_node *node, const edge_tensor *in, uint32_t n_in, edge_tensor *out,
                            uint32_t n_out, void *scratch, uint64_t scratch_bytes) {
  edge_error error = EDGE_ERROR_INIT;
  const edge_status status = ei_eval_node(node->node, in, n_in, out, n_out, scratch, scratch_bytes, &error);
  edge_session *const s = node->instance->session;
  if (status != EDGE_STATUS_OK && !atomic_flag_test_and_set(&s->error_taken)) {
    error.node = (int32_t)node->index;
    s->error = error;
  }
  return status;
}

static edge_status host_infer(const edge_node *node, const edge_tensor *in, uint32_t n_in, edge_tensor *out,
                              uint32_t n_out) {
  ei_op_ctx c = { .node = node->node, .in = in, .out = out, .n_in = n_in, .n_out = n_out };
  return node->node->op->infer(&c);
}

static void tell_about_blobs(edge_session *s, const edge_host *host, int note) {
  const char *const tier = ei_cpu_tier(s->env->features);
  switch (note) {
  case EI_PREPARED_DAMAGED:
    ei_session_event(s, EDGE_STATUS_MALFORMED, EI_NONE, host->backend,
                     "prepared weights of the model are damaged: packed again; convert the model again");
    break;
  case EI_PREPARED_STALE:
    ei_session_event(s, EDGE_STATUS_UNSUPPORTED_VERSION, EI_NONE, host->backend,
                     "prepared weights of the model are of another version of EdgeRT: packed again; convert the model "
                     "again with --prepare");
    break;
  case EI_PREPARED_FOREIGN:
    ei_session_event(s, EDGE_STATUS_UNSUPPORTED_FEATURE, EI_NONE, host->backend,
                     "prepared weights of the model are for other targets than %s:%s: packed here", host->backend,
                     tier);
    break;
  case EI_PREPARED_CACHE:
    ei_session_event(s, EDGE_STATUS_MALFORMED, EI_NONE, host->backend,
                     "the cached weights of the model are damaged: packed and written again");
    break;
  default: break;
  }
}

static edge_status prepared_get(edge_host *host, const edge_partition *p, const edge_prepared_key *key, uint64_t bytes,
                                edge_prepare_fn fill, void *user, const void **out) {
  edge_session *const s = p->instance->session;
  ei_prepared_ask ask = { .backend = host->backend, .key = key, .bytes = bytes, .fill = fill, .user = user };
  const edge_status status = ei_prepared_get(s->model->prepared, &ask, out);
  if (ask.note != EI_PREPARED_QUIET) tell_about_blobs(s, host, ask.note);
  return status;
}

static void prepared_put(edge_host *host, const edge_partition *p, const void *data) {
  (void)host;
  ei_prepared_put(p->instance->session->model->prepared, data);
}

static uint32_t host_num_threads(const edge_partition *p) {
  const edge_session *const s = p->instance->session;
  return s->pool ? ei_pool_threads(s->pool) : 1;
}
static uint32_t host_session_flags(const edge_partition *p) {
  return p->instance->session->options.flags;
}

const edge_host_api ei_host_api = {
  .struct_size = sizeof(edge_host_api),
  .abi_major = EDGE_BACKEND_ABI_MAJOR,
  .abi_minor = EDGE_BACKEND_ABI_MINOR,
  .alloc = host_alloc,
  .free = host_free,
  .log = host_log,
  .fail_text = host_fail_text,
  .cpu_features = host_cpu_features,
  .cache_bytes = host_cache_bytes,
  .option = host_option,
  .node_op = node_op,
  .node_name = node_name,
  .node_num_inputs = node_num_inputs,
  .node_num_outputs = node_num_outputs,
  .node_input = node_input,
  .node_output = node_output,
  .attr_int = attr_int,
  .attr_float = attr_float,
  .attr_string = attr_string,
  .attr_ints = attr_ints,
  .num_nodes = num_nodes,
  .get_node = get_node,
  .num_inputs = num_inputs,
  .get_input = get_input,
  .num_outputs = num_outputs,
  .get_output = get_output,
  .value = host_value,
  .value_uses = value_uses,
  .ref_scratch_bytes = ref_scratch_bytes,
  .ref_eval = ref_eval,
  .infer = host_infer,
  .prepared_get = prepared_get,
  .prepared_put = prepared_put,
  .num_threads = host_num_threads,
  .session_flags = host_session_flags,
};
