/* SPDX-License-Identifier: Apache-2.0
 * Semantic rules of control flow: subgraphs have higher indices than their user, so that nothing recurses,
 * and take and give what the node passes. */
#include "graph_verify.h"
#include "../ops/op.h"

static const char *const keys[] = { "then", "else", "body", "cond" };

typedef struct control {
  const ei_graph *g;
  const ei_subgraph *sg;
  const ei_node *n;
  uint32_t index;
  edge_error *err;
} control;

static const ei_subgraph *target(const control *c, const char *key) {
  const ei_attr *const a = ei_node_attr(c->n, key);
  return a ? &c->g->subgraphs[a->u.i] : NULL;
}

/* Each subgraph that the operator defines is there and lies behind its user. */
static edge_status check_references(const control *c, uint32_t subgraph) {
  const ei_node *const n = c->n;
  uint32_t found = 0;
  for (uint32_t k = 0; k < EI_COUNT(keys); ++k) {
    const ei_attr *const a = ei_node_attr(n, keys[k]);
    bool defined = false;
    for (const ei_attr_def *d = n->op->attrs; d && d->key; ++d) defined = defined || strcmp(d->key, keys[k]) == 0;
    if (a == NULL) {
      if (defined)
        return ei_fail_node(c->err, EDGE_STATUS_MALFORMED, c->index, EI_NONE, "node '%s' (%s) lacks its subgraph '%s'",
                            n->name, n->op->name, keys[k]);
      continue;
    }
    found++;
    if (a->kind != EI_ATTR_INT || a->u.i <= (int64_t)subgraph || a->u.i >= (int64_t)c->g->n_subgraphs)
      return ei_fail_node(c->err, EDGE_STATUS_MALFORMED, c->index, EI_NONE,
                          "subgraph '%s' of node '%s' (%s) must have an index above %u (its own) and below %u", keys[k],
                          n->name, n->op->name, subgraph, c->g->n_subgraphs);
  }
  if (found == 0)
    return ei_fail_node(c->err, EDGE_STATUS_MALFORMED, c->index, EI_NONE, "node '%s' (%s) names no subgraph", n->name,
                        n->op->name);
  return EDGE_STATUS_OK;
}

/* The subgraph takes `n_in` inputs, the last ones being the node's from `skip` on, and gives `n_out` outputs,
 * the last ones being the node's. */
static edge_status check_border(const control *c, const char *key, uint64_t n_in, uint64_t n_out, uint32_t skip,
                                bool gives) {
  const ei_node *const n = c->n;
  const ei_subgraph *const sub = target(c, key);
  if (sub == NULL) return EDGE_STATUS_OK;
  if (sub->n_inputs != n_in || sub->n_outputs != n_out)
    return ei_fail_node(c->err, EDGE_STATUS_MALFORMED, c->index, EI_NONE,
                        "subgraph '%s' of node '%s' (%s) has %u inputs and %u outputs; the node needs %llu and %llu",
                        key, n->name, n->op->name, sub->n_inputs, sub->n_outputs, (unsigned long long)n_in,
                        (unsigned long long)n_out);
  const uint32_t before = (uint32_t)n_in - (n->n_in - skip); /* inputs that the operator makes itself */
  for (uint32_t i = skip; i < n->n_in; ++i) {
    const uint32_t to = sub->inputs[before + i - skip];
    if (n->in[i] == EI_NONE || to >= sub->n_tensors || sub->tensors[to].dtype != c->sg->tensors[n->in[i]].dtype)
      return ei_fail_node(c->err, EDGE_STATUS_MALFORMED, c->index, EI_NONE,
                          "input %u of node '%s' (%s) does not fit its subgraph '%s'", i, n->name, n->op->name, key);
  }
  for (uint32_t i = 0; gives && i < n->n_out; ++i) {
    const uint32_t from = sub->outputs[(uint32_t)n_out - n->n_out + i];
    if (from >= sub->n_tensors || (n->out[i] != EI_NONE && sub->tensors[from].dtype != c->sg->tensors[n->out[i]].dtype))
      return ei_fail_node(c->err, EDGE_STATUS_MALFORMED, c->index, EI_NONE,
                          "output %u of node '%s' (%s) does not fit its subgraph '%s'", i, n->name, n->op->name, key);
  }
  return EDGE_STATUS_OK;
}

/* The first output of a subgraph that decides whether to go on is one bool. */
static edge_status check_condition(const control *c, const char *key) {
  const ei_subgraph *const sub = target(c, key);
  if (sub == NULL || (sub->n_outputs > 0 && sub->outputs[0] < sub->n_tensors &&
                      sub->tensors[sub->outputs[0]].dtype == EDGE_DTYPE_BOOL))
    return EDGE_STATUS_OK;
  return ei_fail_node(c->err, EDGE_STATUS_MALFORMED, c->index, EI_NONE,
                      "the first output of subgraph '%s' of node '%s' (%s) must be bool", key, c->n->name,
                      c->n->op->name);
}

static edge_status check_loop(const control *c) {
  const ei_node *const n = c->n;
  const int64_t carried = ei_node_int(n, "num_carried");
  if (n->n_in < 2 || carried < 0 || carried > (int64_t)n->n_in - 2 || carried > (int64_t)n->n_out)
    return ei_fail_node(c->err, EDGE_STATUS_MALFORMED, c->index, EI_NONE,
                        "node '%s' (Loop) cannot carry %lld values with %u inputs and %u outputs", n->name,
                        (long long)carried, n->n_in, n->n_out);
  EI_TRY(check_border(c, "body", n->n_in, 1 + (uint64_t)n->n_out, 2, true));
  return check_condition(c, "body");
}

static edge_status check_scan(const control *c) {
  const ei_node *const n = c->n;
  const int64_t carried = ei_node_int(n, "num_carried"), scans = ei_node_int(n, "num_scan");
  if (carried < 0 || carried > (int64_t)n->n_in || carried > (int64_t)n->n_out || scans < 1 ||
      scans > (int64_t)n->n_in - carried)
    return ei_fail_node(c->err, EDGE_STATUS_MALFORMED, c->index, EI_NONE,
                        "node '%s' (Scan) cannot carry %lld and scan %lld values with %u inputs and %u outputs",
                        n->name, (long long)carried, (long long)scans, n->n_in, n->n_out);
  return check_border(c, "body", n->n_in, n->n_out, 0, true);
}

static edge_status check_while(const control *c) {
  const ei_node *const n = c->n;
  if (n->n_in != n->n_out)
    return ei_fail_node(c->err, EDGE_STATUS_MALFORMED, c->index, EI_NONE,
                        "node '%s' (While) has %u inputs and %u outputs; they must be as many", n->name, n->n_in,
                        n->n_out);
  EI_TRY(check_border(c, "cond", n->n_in, 1, 0, false));
  EI_TRY(check_condition(c, "cond"));
  return check_border(c, "body", n->n_in, n->n_out, 0, true);
}

edge_status ei_verify_control(const ei_graph *g, uint32_t subgraph, uint32_t index, edge_error *err) {
  const ei_subgraph *const sg = &g->subgraphs[subgraph];
  const control c = { g, sg, &sg->nodes[index], index, err };
  const ei_node *const n = c.n;
  EI_TRY(check_references(&c, subgraph));
  if (strcmp(n->op->name, "If") == 0 && n->n_in >= 1) {
    EI_TRY(check_border(&c, "then", n->n_in - 1u, n->n_out, 1, true));
    return check_border(&c, "else", n->n_in - 1u, n->n_out, 1, true);
  }
  if (strcmp(n->op->name, "Loop") == 0) return check_loop(&c);
  if (strcmp(n->op->name, "While") == 0) return check_while(&c);
  if (strcmp(n->op->name, "Scan") == 0) return check_scan(&c);
  if (strcmp(n->op->name, "Call") == 0 || strcmp(n->op->name, "CallOnce") == 0)
    return check_border(&c, "body", n->n_in, n->n_out, 0, true);
  return EDGE_STATUS_OK;
}

enum { MAX_DEPTH = 64 };

edge_status ei_verify_depth(const ei_graph *g, uint8_t *depth, edge_error *err) {
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) /* callers come first */
    for (uint32_t i = 0; i < g->subgraphs[s].n_nodes; ++i) {
      const ei_node *const n = &g->subgraphs[s].nodes[i];
      for (uint32_t k = 0; n->op->flags & EI_OP_CONTROL && k < EI_COUNT(keys); ++k) {
        const ei_attr *const a = ei_node_attr(n, keys[k]);
        if (!a || depth[a->u.i] > depth[s]) continue;
        if (depth[s] == MAX_DEPTH)
          return ei_fail_node(err, EDGE_STATUS_LIMIT_EXCEEDED, i, EI_NONE,
                              "node '%s' (%s): subgraphs are nested more than %d deep", n->name, n->op->name,
                              MAX_DEPTH);
        depth[a->u.i] = (uint8_t)(depth[s] + 1);
      }
    }
  return EDGE_STATUS_OK;
}
