/* SPDX-License-Identifier: Apache-2.0
 * Running a planned instance: run lists on the pool, devices by submit and wait, the rest node by node. */
#include "exec.h"

bool ei_session_stopped(edge_session *s, edge_status status) {
  if (status != EDGE_STATUS_CANCELLED && status != EDGE_STATUS_DEADLINE_EXCEEDED) return false;
  (void)ei_session_fail(
      s, status, status == EDGE_STATUS_CANCELLED ? "the run was cancelled" : "the deadline passed during the run");
  return true;
}

static edge_status run_steps(ei_instance *in, ei_segment *seg) {
  edge_session *const s = in->session;
  ei_run_control control = {
    .cancel = &s->cancel, .deadline_ns = s->options.deadline_ns, .step_ns = seg->step_ns, .history = &seg->history
  };
  const edge_status status = ei_pool_run(s->pool, seg->steps, seg->n_steps, &control);
  for (uint32_t i = 0; seg->step_ns && i < seg->n_steps; ++i) in->node_ns[seg->steps[i].node] += seg->step_ns[i];
  if (status == EDGE_STATUS_OK) return status;
  if (ei_session_stopped(s, status)) return status;
  if (atomic_flag_test_and_set(&s->error_taken) && s->error.text[0]) {
    s->error.status = status;
    return status;
  }
  const uint32_t node = control.failed_step < seg->n_steps ? seg->steps[control.failed_step].node : 0;
  return ei_fail_node(&s->error, status, node, EI_NONE, "node '%s' (%s) failed: %s", in->sg->nodes[node].name,
                      in->sg->nodes[node].op->name, edge_status_name(status));
}

/* A device has until the deadline, or for ever when there is none. */
edge_status ei_run_submit(edge_partition *p) {
  edge_session *const s = p->instance->session;
  const uint64_t now = ei_clock_ns(), deadline = s->options.deadline_ns;
  if (deadline && now >= deadline)
    return ei_session_fail(s, EDGE_STATUS_DEADLINE_EXCEEDED, "the deadline passed during the run");
  if (atomic_load(&s->cancel)) return ei_session_fail(s, EDGE_STATUS_CANCELLED, "the run was cancelled");
  edge_status status = p->backend->api->submit(p->context);
  if (status == EDGE_STATUS_OK && EDGE_BACKEND_HAS(p->backend->api, wait))
    status = p->backend->api->wait(p->context, deadline ? deadline - now : UINT64_MAX);
  if (status == EDGE_STATUS_OK) {
    const uint64_t ns = ei_clock_ns() - now;
    for (uint32_t i = 0; i < p->n_nodes; ++i) p->instance->node_ns[p->nodes[i]] += ns / p->n_nodes;
    return status;
  }
  if (status == EDGE_STATUS_DEVICE_TIMEOUT && deadline && ei_clock_ns() >= deadline)
    return ei_session_fail(s, EDGE_STATUS_DEADLINE_EXCEEDED, "the deadline passed during the run");
  s->failed_backend = p->backend;
  s->failed_node = p->nodes[0];
  if (!s->error.text[0])
    return ei_session_fail(s, status, "backend %s failed at node '%s': %s", p->backend->info.name,
                           p->instance->sg->nodes[p->nodes[0]].name, edge_status_name(status));
  s->error.status = status;
  return status;
}

edge_status ei_instance_run(ei_instance *in) {
  edge_session *const s = in->session;
  if (s->options.flags & EDGE_SESSION_PROFILE) memset(in->node_ns, 0, in->sg->n_nodes * sizeof *in->node_ns);
  if (in->has_dynamic) ei_arena_free(&in->run);
  for (uint32_t i = 0; i < in->n_segments; ++i) {
    ei_segment *const seg = &in->segments[i];
    edge_partition *const p = &in->parts[seg->first_part];
    edge_status status;
    switch (seg->kind) {
    case EI_SEG_STEPS: status = run_steps(in, seg); break;
    case EI_SEG_SUBMIT: status = ei_run_submit(p); break;
    case EI_SEG_DYNAMIC: status = ei_run_dynamic(p); break;
    default: status = ei_run_control_node(in, p->nodes[0]); break;
    }
    if (status != EDGE_STATUS_OK) return status;
  }
  return EDGE_STATUS_OK;
}
