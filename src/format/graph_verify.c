/* SPDX-License-Identifier: Apache-2.0
 * The semantic pass: what kernels and planner may rely on once a graph is accepted. */
#include "graph_verify.h"
#include "../ops/op.h"

/* What is known about a tensor while the nodes are walked in order. */
enum { TENSOR_READY = 1, TENSOR_INPUT = 2, TENSOR_PRODUCED = 4 };

typedef struct scratch { /* reused for every subgraph and list of names */
  ei_alloc *alloc;
  void *data;
  uint64_t bytes;
} scratch;

static void *scratch_get(scratch *s, uint64_t n, uint64_t size) {
  uint64_t bytes;
  if (!ei_mul_u64(n, size, &bytes)) return NULL;
  if (bytes > s->bytes || s->data == NULL) {
    ei_alloc_put(s->alloc, s->data, s->bytes, 16);
    s->bytes = 0;
    s->data = ei_alloc_get_raw(s->alloc, bytes, 16);
    if (s->data == NULL) return NULL;
    s->bytes = bytes;
  }
  if (bytes) memset(s->data, 0, (size_t)bytes);
  return s->data;
}

static edge_status no_memory(edge_error *err) {
  return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to verify the model");
}

/* ---- unique names: open addressing over indices, so that the work stays linear */

typedef const char *(*name_of)(const ei_graph *g, uint32_t index);
static const char *entry_name(const ei_graph *g, uint32_t i) {
  return g->entries[i].name;
}
static const char *symbol_name(const ei_graph *g, uint32_t i) {
  return g->symbols[i].name;
}
static const char *metadata_key(const ei_graph *g, uint32_t i) {
  return g->metadata[i].key;
}

/* Seeded with nothing secret: a crafted file can make chains long, so their length is capped below. */
static uint32_t hash_text(const char *s) {
  uint32_t h = 2166136261u;
  for (; *s; ++s) h = (h ^ (uint8_t)*s) * 16777619u;
  return h ^ h >> 15;
}

static edge_status check_unique(const ei_graph *g, scratch *mem, uint32_t n, name_of name, const char *what,
                                edge_error *err) {
  if (n < 2) return EDGE_STATUS_OK;
  uint64_t slots = 4;
  while (slots < 2 * (uint64_t)n) slots *= 2;
  uint32_t *const table = scratch_get(mem, slots, sizeof *table);
  if (!table) return no_memory(err);
  uint64_t probes = 0;
  for (uint32_t i = 0; i < n; ++i) {
    const char *const text = name(g, i);
    uint64_t at = hash_text(text) & (slots - 1);
    for (; table[at] != 0; at = (at + 1) & (slots - 1)) {
      if (strcmp(name(g, table[at] - 1), text) == 0)
        return ei_fail(err, EDGE_STATUS_MALFORMED, "two %s are called '%s'", what, text);
      if (++probes > 1024 + 64 * (uint64_t)n)
        return ei_fail(err, EDGE_STATUS_MALFORMED, "the names of the %s are made to collide", what);
    }
    table[at] = i + 1;
  }
  return EDGE_STATUS_OK;
}

/* ---- nodes */

static edge_status check_arity(uint32_t index, const ei_node *n, edge_error *err) {
  const ei_op_def *const op = n->op;
  const uint32_t known = op->version ? op->version : 1;
  if (n->version == 0 || n->version > known)
    return ei_fail_node(err, n->version ? EDGE_STATUS_UNSUPPORTED_OP : EDGE_STATUS_MALFORMED, index, EI_NONE,
                        "node '%s' uses %s version %u; this build has version %u", n->name, op->name, n->version,
                        known);
  if (n->n_in < op->min_in && op->optional_in == 0)
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE, "node '%s' (%s) has %u inputs, fewer than %u",
                        n->name, op->name, n->n_in, (unsigned)op->min_in);
  for (uint32_t i = n->n_in; i < op->min_in; ++i)
    if (i >= 64 || !(op->optional_in >> i & 1))
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE,
                          "node '%s' (%s) has %u inputs; input %u is required", n->name, op->name, n->n_in, i);
  if (op->max_in != EI_ANY && n->n_in > op->max_in)
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE, "node '%s' (%s) has %u inputs, more than %u",
                        n->name, op->name, n->n_in, (unsigned)op->max_in);
  if (n->n_out < op->min_out || (op->max_out != EI_ANY && n->n_out > op->max_out))
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE,
                        "node '%s' (%s) has %u outputs; %u to %u are allowed", n->name, op->name, n->n_out,
                        (unsigned)op->min_out, (unsigned)op->max_out);
  return EDGE_STATUS_OK;
}

/* May input i be absent? Behind the required ones the fixed-arity operators treat absent like omitted. */
static bool may_be_absent(const ei_op_def *op, uint32_t i) {
  if (i < 64 && (op->optional_in >> i & 1)) return true;
  return i >= op->min_in && op->max_in != EI_ANY;
}

static edge_status check_node_inputs(const ei_subgraph *sg, uint32_t index, const ei_node *n, const uint8_t *state,
                                     edge_error *err) {
  for (uint32_t i = 0; i < n->n_in; ++i) {
    const uint32_t t = n->in[i];
    if (t == EI_NONE) {
      if (may_be_absent(n->op, i)) continue;
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE,
                          "input %u of node '%s' (%s) is absent but required", i, n->name, n->op->name);
    }
    if (t >= sg->n_tensors)
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE, "input %u of node '%s' (%s) is tensor %u of %u",
                          i, n->name, n->op->name, t, sg->n_tensors);
    if (i < 64 && (n->op->mutates_in >> i & 1) && sg->tensors[t].state == 0)
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, t,
                          "node '%s' (%s) writes tensor '%s', which is not a state", n->name, n->op->name,
                          sg->tensors[t].name);
    if (!(state[t] & TENSOR_READY)) {
      for (uint32_t k = 0; k < n->n_out; ++k)
        if (n->out[k] == t)
          return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, t,
                              "node '%s' (%s) has tensor '%s' as input and output", n->name, n->op->name,
                              sg->tensors[t].name);
      return ei_fail_node(
          err, EDGE_STATUS_MALFORMED, index, t,
          "node '%s' (%s) reads tensor '%s' before anything produces it: a cycle, a wrong order or a missing node",
          n->name, n->op->name, sg->tensors[t].name);
    }
  }
  return EDGE_STATUS_OK;
}

static edge_status check_node_outputs(const ei_subgraph *sg, uint32_t index, const ei_node *n, uint8_t *state,
                                      edge_error *err) {
  for (uint32_t i = 0; i < n->n_out; ++i) {
    const uint32_t t = n->out[i];
    if (t == EI_NONE) {
      if (i >= n->op->min_out) continue;
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE,
                          "output %u of node '%s' (%s) is absent but required", i, n->name, n->op->name);
    }
    if (t >= sg->n_tensors)
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE, "output %u of node '%s' (%s) is tensor %u of %u",
                          i, n->name, n->op->name, t, sg->n_tensors);
    if (state[t] & TENSOR_READY) {
      const ei_tensor *const x = &sg->tensors[t];
      const char *const why = x->data                   ? "is a constant"
                              : x->state                ? "is a state (use AssignState)"
                              : state[t] & TENSOR_INPUT ? "is an input of the subgraph"
                                                        : "is already produced";
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, t, "node '%s' (%s) produces tensor '%s', which %s",
                          n->name, n->op->name, x->name, why);
    }
    state[t] |= TENSOR_READY | TENSOR_PRODUCED;
  }
  return EDGE_STATUS_OK;
}

static bool kinds_fit(uint32_t want, uint32_t got) {
  if (want == got) return true;
  return want <= EI_ATTR_FLOAT && got <= EI_ATTR_FLOAT; /* numbers convert */
}

static bool key_fits(const char *key) {
  uint32_t n = 0;
  while (n <= EI_FORMAT_MAX_KEY && key[n]) n++;
  return n > 0 && n <= EI_FORMAT_MAX_KEY;
}

/* Keys are unique; those that the operator defines have its kind. Unknown keys mean nothing: a change of
 * meaning raises the operator's version. */
static edge_status check_attributes(uint32_t index, const ei_node *n, edge_error *err) {
  if (n->n_attr > EI_FORMAT_MAX_ATTRIBUTES)
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE, "node '%s' (%s) has %u attributes, more than %u",
                        n->name, n->op->name, n->n_attr, (unsigned)EI_FORMAT_MAX_ATTRIBUTES);
  for (uint32_t i = 0; i < n->n_attr; ++i) {
    const ei_attr *const a = &n->attr[i];
    if (!key_fits(a->key))
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE,
                          "attribute %u of node '%s' (%s) has no key or one longer than %u bytes", i, n->name,
                          n->op->name, (unsigned)EI_FORMAT_MAX_KEY);
    if (a->kind < EI_ATTR_INT || a->kind > EI_ATTR_FLOATS)
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE,
                          "attribute '%s' of node '%s' (%s) has unknown kind %u", a->key, n->name, n->op->name,
                          a->kind);
    for (uint32_t k = 0; k < i; ++k)
      if (strcmp(n->attr[k].key, a->key) == 0)
        return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE, "node '%s' (%s) has attribute '%s' twice",
                            n->name, n->op->name, a->key);
    for (const ei_attr_def *d = n->op->attrs; d && d->key; ++d)
      if (strcmp(d->key, a->key) == 0 && !kinds_fit(d->kind, a->kind))
        return ei_fail_node(err, EDGE_STATUS_MALFORMED, index, EI_NONE,
                            "attribute '%s' of node '%s' (%s) has kind %u instead of %u", a->key, n->name, n->op->name,
                            a->kind, d->kind);
  }
  return EDGE_STATUS_OK;
}

/* ---- subgraphs */

static edge_status check_subgraph_inputs(const ei_subgraph *sg, uint8_t *state, edge_error *err) {
  for (uint32_t i = 0; i < sg->n_inputs; ++i) {
    const uint32_t t = sg->inputs[i];
    if (t >= sg->n_tensors)
      return ei_fail(err, EDGE_STATUS_MALFORMED, "input %u of subgraph '%s' is tensor %u of %u", i, sg->name, t,
                     sg->n_tensors);
    if (state[t] & TENSOR_READY)
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, t,
                          "input '%s' of subgraph '%s' is a constant, a state or listed twice", sg->tensors[t].name,
                          sg->name);
    state[t] |= TENSOR_READY | TENSOR_INPUT;
  }
  return EDGE_STATUS_OK;
}

static edge_status check_subgraph(const ei_graph *g, uint32_t index, scratch *mem, edge_error *err) {
  const ei_subgraph *const sg = &g->subgraphs[index];
  uint8_t *const state = scratch_get(mem, sg->n_tensors, 1);
  if (!state) return no_memory(err);
  for (uint32_t i = 0; i < sg->n_tensors; ++i) {
    EI_TRY(ei_verify_tensor(g, i, &sg->tensors[i], err));
    if (sg->tensors[i].data || sg->tensors[i].state) state[i] = TENSOR_READY;
  }
  EI_TRY(check_subgraph_inputs(sg, state, err));
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    if (n->op == NULL)
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, i, EI_NONE, "node %u of subgraph '%s' was deleted", i, sg->name);
    EI_TRY(check_arity(i, n, err));
    EI_TRY(check_attributes(i, n, err));
    EI_TRY(check_node_inputs(sg, i, n, state, err));
    EI_TRY(check_node_outputs(sg, i, n, state, err));
    if (n->op->flags & EI_OP_CONTROL) EI_TRY(ei_verify_control(g, index, i, err));
  }
  for (uint32_t i = 0; i < sg->n_outputs; ++i) {
    const uint32_t t = sg->outputs[i];
    if (t >= sg->n_tensors)
      return ei_fail(err, EDGE_STATUS_MALFORMED, "output %u of subgraph '%s' is tensor %u of %u", i, sg->name, t,
                     sg->n_tensors);
    if (!(state[t] & TENSOR_READY))
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, t, "nothing produces output '%s' of subgraph '%s'",
                          sg->tensors[t].name, sg->name);
  }
  return EDGE_STATUS_OK;
}

static edge_status verify(const ei_graph *g, scratch *mem, edge_error *err) {
  if (g->n_entries == 0) return ei_fail(err, EDGE_STATUS_MALFORMED, "the model has no entry point");
  EI_TRY(check_unique(g, mem, g->n_entries, entry_name, "entry points", err));
  EI_TRY(check_unique(g, mem, g->n_symbols, symbol_name, "symbols", err));
  EI_TRY(check_unique(g, mem, g->n_metadata, metadata_key, "metadata keys", err));
  for (uint32_t i = 0; i < g->n_symbols; ++i) EI_TRY(ei_verify_symbol(&g->symbols[i], err));
  for (uint32_t i = 0; i < g->n_states; ++i) EI_TRY(ei_verify_state(&g->states[i], err));
  for (uint32_t i = 0; i < g->n_subgraphs; ++i) EI_TRY(check_subgraph(g, i, mem, err));
  uint8_t *const depth = scratch_get(mem, g->n_subgraphs, 1);
  if (depth == NULL) return no_memory(err);
  EI_TRY(ei_verify_depth(g, depth, err));
  for (uint32_t i = 0; i < g->n_entries; ++i) {
    if (g->entries[i].name[0] == '\0') return ei_fail(err, EDGE_STATUS_MALFORMED, "entry point %u has no name", i);
    if (g->entries[i].subgraph >= g->n_subgraphs)
      return ei_fail(err, EDGE_STATUS_MALFORMED, "entry point '%s' is subgraph %u of %u", g->entries[i].name,
                     g->entries[i].subgraph, g->n_subgraphs);
  }
  for (uint32_t i = 0; i < g->n_golden; ++i) EI_TRY(ei_verify_golden(g, &g->golden[i], err));
  for (uint32_t i = 0; i < g->n_prepared; ++i)
    if (g->prepared[i].target[0] == '\0' || g->prepared[i].key_bytes > 64)
      return ei_fail(err, EDGE_STATUS_MALFORMED, "prepared blob %u has no target or a key of more than 64 bytes", i);
  return EDGE_STATUS_OK;
}

edge_status ei_graph_verify(const ei_graph *g, edge_error *err) {
  scratch mem = { g->arena->alloc, NULL, 0 };
  const edge_status status = verify(g, &mem, err);
  ei_alloc_put(mem.alloc, mem.data, mem.bytes, 16);
  return status;
}
