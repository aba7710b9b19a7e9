/* SPDX-License-Identifier: Apache-2.0
 * Placement: ask every allowed backend about every node, take the cheapest, and give islands that do not
 * pay for their crossings back. */
#include "../exec/exec.h"

static bool bare_core_node(const ei_instance *in, uint32_t i) {
  return in->folded[i] || (in->sg->nodes[i].op->flags & EI_OP_CONTROL);
}

static void reject(ei_placement *p, const ei_backend *b, const char *reason) {
  ei_rejection *const r = &p->rejected[p->n_rejected++];
  r->backend = b->info.name;
  ei_format(r->reason, sizeof r->reason, "%s", reason);
}

static edge_status place_node(ei_instance *in, uint32_t i, edge_query *best) {
  edge_session *const s = in->session;
  ei_placement *const p = &in->placements[i];
  p->backend = NULL;
  p->n_rejected = 0;
  if (!p->rejected) p->rejected = EI_NEW_ARRAY(&in->mem, ei_rejection, (uint64_t)s->n_allowed + 1);
  if (!p->rejected) return EDGE_STATUS_OUT_OF_MEMORY;
  if (bare_core_node(in, i)) {
    ei_format(p->reason, sizeof p->reason, "%s",
              in->folded[i] ? "its value is known before the run" : "control flow is run by the core");
    return EDGE_STATUS_OK;
  }
  for (uint32_t b = 0; b < s->n_allowed; ++b) {
    ei_backend *const backend = s->allowed[b];
    edge_query q = { .struct_size = sizeof q };
    if (s->quarantined & 1u << b) {
      reject(p, backend, "the device failed in this session");
      continue;
    }
    if (p->barred & 1u << b) {
      reject(p, backend, "refused to compile this partition");
      continue;
    }
    const edge_status status = backend->api->query(backend->device, &in->whole, &in->nodes[i], &q);
    if (status != EDGE_STATUS_OK || q.verdict != EDGE_QUERY_YES) {
      reject(p, backend, q.reason[0] ? q.reason : "does not support this node");
      continue;
    }
    if (p->backend && (s->options.flags & EDGE_SESSION_PREFER || q.cost_us >= best->cost_us)) {
      char reason[160];
      if (s->options.flags & EDGE_SESSION_PREFER)
        ei_format(reason, sizeof reason, "%s comes first in the list", p->backend->info.name);
      else
        ei_format(reason, sizeof reason, "estimated %g us, %s %g us", q.cost_us, p->backend->info.name, best->cost_us);
      reject(p, backend, reason);
      continue;
    }
    if (p->backend) {
      char reason[160];
      ei_format(reason, sizeof reason, "estimated %g us, %s %g us", best->cost_us, backend->info.name, q.cost_us);
      reject(p, p->backend, reason);
    }
    p->backend = backend;
    p->cost_us = q.cost_us;
    ei_format(p->reason, sizeof p->reason, "%s", q.reason);
    *best = q;
  }
  if (p->backend) return EDGE_STATUS_OK;
  const ei_node *const n = &in->sg->nodes[i];
  return ei_session_fail(s, EDGE_STATUS_UNSUPPORTED_OP, "node '%s' (%s): no allowed backend runs it; %s: %s", n->name,
                         n->op->name, p->n_rejected ? p->rejected[0].backend : "",
                         p->n_rejected ? p->rejected[0].reason : "none is allowed");
}

/* The backend that takes back what other devices do not earn: the CPU when allowed. */
static uint32_t home_backend(const edge_session *s) {
  for (uint32_t b = 0; b < s->n_allowed; ++b)
    if (strcmp(s->allowed[b]->info.name, "cpu") == 0) return b;
  return EI_NONE;
}

static double bytes_of(const edge_tensor *t) {
  uint64_t bytes = 0;
  return edge_tensor_bytes(t, &bytes) == EDGE_STATUS_OK ? (double)bytes : 0.0;
}

/* A run of neighbouring nodes on a device is worth it when the saving on the nodes exceeds one submission plus moving
 * its inputs and outputs once. Costs at home were asked again because the first round keeps the winner only. */
static void return_poor_islands(ei_instance *in) {
  edge_session *const s = in->session;
  const uint32_t home = home_backend(s);
  if (home == EI_NONE || s->options.flags & (EDGE_SESSION_PREFER | EDGE_SESSION_STRICT)) return;
  ei_backend *const cpu = s->allowed[home];
  const uint32_t n = in->sg->n_nodes;
  for (uint32_t i = 0, end; i < n; i = end) {
    ei_backend *const device = in->placements[i].backend;
    end = i + 1;
    if (!device || device == cpu || device->device_info.submit_us <= 0.0) continue;
    double here = 0.0, there = 0.0, moved = 0.0;
    bool possible = true;
    for (end = i; end < n && (in->placements[end].backend == device || in->folded[end]); ++end) {
      if (in->folded[end]) continue;
      edge_query q = { .struct_size = sizeof q };
      possible &= cpu->api->query(cpu->device, &in->whole, &in->nodes[end], &q) == EDGE_STATUS_OK &&
                  q.verdict == EDGE_QUERY_YES;
      here += in->placements[end].cost_us;
      there += q.cost_us;
    }
    const ei_node *const first = &in->sg->nodes[i], *const last = &in->sg->nodes[end - 1];
    if (first->n_in && first->in[0] != EI_NONE) moved += bytes_of(&in->views[first->in[0]]);
    if (last->n_out && last->out[0] != EI_NONE) moved += bytes_of(&in->views[last->out[0]]);
    here += device->device_info.submit_us +
            moved / (device->device_info.gbytes_per_s > 0 ? device->device_info.gbytes_per_s * 1e3 : 1e4);
    if (!possible || here < there) continue;
    for (uint32_t k = i; k < end; ++k) {
      ei_placement *const p = &in->placements[k];
      if (p->backend != device) continue;
      for (uint32_t r = 0; r < p->n_rejected; ++r)
        if (strcmp(p->rejected[r].backend, cpu->info.name) == 0) {
          p->rejected[r].backend = device->info.name;
          ei_format(p->rejected[r].reason, sizeof p->rejected[r].reason,
                    "an island of %u nodes does not pay for its crossings (%g us there, %g us here)", end - i, here,
                    there);
        }
      p->backend = cpu;
    }
  }
}

edge_status ei_place_nodes(ei_instance *in) {
  for (uint32_t i = 0; i < in->sg->n_nodes; ++i) {
    edge_query best = { .struct_size = sizeof best };
    EI_TRY(place_node(in, i, &best));
  }
  return_poor_islands(in);
  return EDGE_STATUS_OK;
}
