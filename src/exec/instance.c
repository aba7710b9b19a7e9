/* SPDX-License-Identifier: Apache-2.0
 * Planning an instance: shapes -> placement -> partitions -> compiled programs -> one arena -> run list. */
#include "recent.h"

edge_status ei_instance_create(edge_session *s, uint32_t subgraph, ei_instance **out) {
  const ei_subgraph *const sg = &s->model->graph->subgraphs[subgraph];
  ei_instance *const in = EI_NEW(&s->mem, ei_instance);
  *out = in;
  if (!in) return ei_session_fail(s, EDGE_STATUS_OUT_OF_MEMORY, "no memory for subgraph '%s'", sg->name);
  in->session = s;
  in->sg = sg;
  in->subgraph = subgraph;
  ei_arena_init(&in->mem, s->env->alloc);
  ei_arena_init(&in->fold, s->env->alloc);
  ei_arena_init(&in->run, s->env->alloc);
  in->external = EI_NEW_ARRAY(&s->mem, void *, (uint64_t)sg->n_tensors + 1);
  in->heap = EI_NEW_ARRAY(&s->mem, ei_heap_value, (uint64_t)sg->n_tensors + 1);
  in->input_dims = ei_arena_array(&s->mem, (uint64_t)sg->n_inputs + 1, sizeof in->input_dims[0], _Alignof(int64_t));
  in->input_rank = EI_NEW_ARRAY(&s->mem, int32_t, (uint64_t)sg->n_inputs + 1);
  in->input_value = EI_NEW_ARRAY(&s->mem, const void *, (uint64_t)sg->n_inputs + 1);
  in->max_dims = ei_arena_array(&s->mem, (uint64_t)sg->n_inputs + 1, sizeof in->max_dims[0], _Alignof(int64_t));
  in->max_rank = EI_NEW_ARRAY(&s->mem, int32_t, (uint64_t)sg->n_inputs + 1);
  const edge_status status = ei_recent_create(in);
  if (!in->external || !in->heap || !in->input_dims || !in->input_rank || !in->input_value || !in->max_dims ||
      !in->max_rank || status != EDGE_STATUS_OK)
    return ei_session_fail(s, EDGE_STATUS_OUT_OF_MEMORY, "no memory for subgraph '%s'", sg->name);
  in->n_heap = sg->n_tensors;
  for (uint32_t i = 0; i < sg->n_inputs; ++i) in->input_rank[i] = in->max_rank[i] = EI_RANK_UNKNOWN;
  s->instances[subgraph] = in;
  return EDGE_STATUS_OK;
}

void ei_instance_unplan(ei_instance *in) {
  for (uint32_t i = 0; i < in->n_parts; ++i) ei_part_release(&in->parts[i]);
  ei_arena_free(&in->mem);
  ei_arena_free(&in->fold);
  ei_plan_forget(in);
}

void ei_instance_destroy(ei_instance *in) {
  if (!in) return;
  ei_alloc *const alloc = in->session->env->alloc;
  ei_instance_unplan(in);
  ei_instance_drop_recent(in);
  ei_arena_free(&in->run);
  if (in->arena_owned) ei_alloc_put(alloc, in->arena, in->arena_bytes, 64);
  for (uint32_t i = 0; i < in->n_heap; ++i)
    if (in->heap[i].data) ei_alloc_put(alloc, in->heap[i].data, in->heap[i].cap, 64);
}

void ei_instance_set_input(ei_instance *in, uint32_t index, const edge_tensor *shape, const void *constant) {
  bool same = in->input_rank[index] == shape->rank && in->input_value[index] == constant;
  for (int32_t i = 0; same && i < shape->rank; ++i) same = in->input_dims[index][i] == shape->dims[i];
  if (same) return;
  if (in->planned && !ei_recent_keep(in)) ei_instance_unplan(in);
  in->input_rank[index] = shape->rank;
  memcpy(in->input_dims[index], shape->dims, sizeof shape->dims);
  in->input_value[index] = constant;
}

void ei_instance_set_max(ei_instance *in, uint32_t index, const int64_t *dims, int32_t rank) {
  in->max_rank[index] = rank;
  for (int32_t i = 0; i < rank; ++i) in->max_dims[index][i] = dims[i];
  in->reserve = true;
}

/* ---- shapes */

/* Requested shapes over declared ones; symbols get one size each; what stays open is taken as 1. */
static edge_status settle_inputs(ei_instance *in) {
  const ei_graph *const g = in->session->model->graph;
  const ei_subgraph *const sg = in->sg;
  int64_t *const sizes = EI_NEW_ARRAY(&in->mem, int64_t, (uint64_t)g->n_symbols + 1);
  if (!sizes) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < g->n_symbols; ++i) sizes[i] = -1;
  for (uint32_t i = 0; i < sg->n_inputs; ++i) {
    const ei_tensor *const t = &sg->tensors[sg->inputs[i]];
    edge_tensor *const v = &in->views[sg->inputs[i]];
    const int64_t *const want = in->input_dims[i];
    if (in->input_rank[i] < 0) continue;
    if (t->rank >= 0 && t->rank != in->input_rank[i])
      return ei_session_fail(in->session, EDGE_STATUS_SHAPE_MISMATCH, "input '%s' has rank %d, %d was given", t->name,
                             t->rank, in->input_rank[i]);
    v->rank = in->input_rank[i];
    for (int32_t d = 0; d < v->rank; ++d) {
      if (want[d] < 0) continue;
      if (t->rank >= 0 && t->dims[d] >= 0 && t->dims[d] != want[d])
        return ei_session_fail(in->session, EDGE_STATUS_SHAPE_MISMATCH,
                               "input '%s': dimension %d is fixed to %lld by the model, %lld was given", t->name, d,
                               (long long)t->dims[d], (long long)want[d]);
      v->dims[d] = want[d];
      const uint32_t symbol = t->rank >= 0 ? t->symbols[d] : 0;
      if (!symbol) continue;
      const ei_symbol *const sym = &g->symbols[symbol - 1];
      if (want[d] < sym->lo || (sym->hi >= 0 && want[d] > sym->hi))
        return ei_session_fail(in->session, EDGE_STATUS_SHAPE_MISMATCH,
                               "input '%s': dimension %d (%s) is %lld, outside %lld..%lld", t->name, d, sym->name,
                               (long long)want[d], (long long)sym->lo, (long long)sym->hi);
      if (sizes[symbol - 1] >= 0 && sizes[symbol - 1] != want[d])
        return ei_session_fail(
            in->session, EDGE_STATUS_SHAPE_MISMATCH,
            "input '%s': dimension %d (%s) is %lld here and %lld in another input; equal names need equal sizes",
            t->name, d, sym->name, (long long)want[d], (long long)sizes[symbol - 1]);
      sizes[symbol - 1] = want[d];
    }
  }
  for (uint32_t i = 0; i < sg->n_inputs; ++i) {
    const ei_tensor *const t = &sg->tensors[sg->inputs[i]];
    edge_tensor *const v = &in->views[sg->inputs[i]];
    if (v->rank < 0) v->rank = 0; /* unknown rank and nothing requested: a scalar */
    for (int32_t d = 0; d < v->rank; ++d) {
      const uint32_t symbol = t->rank >= 0 ? t->symbols[d] : 0;
      if (v->dims[d] >= 0) continue;
      v->dims[d] = symbol && sizes[symbol - 1] >= 0 ? sizes[symbol - 1] : 1;
      if (symbol && sizes[symbol - 1] < 0 && g->symbols[symbol - 1].lo > 1) v->dims[d] = g->symbols[symbol - 1].lo;
    }
    v->data = (void *)(uintptr_t)in->input_value[i];
    if (v->data) EI_TRY(edge_tensor_bytes(v, &v->bytes));
  }
  return EDGE_STATUS_OK;
}

static bool outputs_have_values(const ei_instance *in, const ei_node *n) {
  if (n->n_out == 0 || n->op->flags & (EI_OP_STATEFUL | EI_OP_CONTROL)) return false;
  for (uint32_t i = 0; i < n->n_out; ++i)
    if (n->out[i] != EI_NONE && !in->views[n->out[i]].data) return false;
  return true;
}

static bool shape_known(const edge_tensor *t) {
  for (int32_t d = 0; d < t->rank; ++d)
    if (t->dims[d] < 0) return false;
  return t->rank >= 0;
}

/* A node that reads something of unknown size waits for the run, even if it knows the size of what it makes. */
static bool reads_unknown_shape(const ei_instance *in, const ei_node *n) {
  for (uint32_t k = 0; k < n->n_in; ++k)
    if (n->in[k] != EI_NONE && !shape_known(&in->views[n->in[k]])) return true;
  return false;
}

static edge_status infer_all(ei_instance *in) {
  const ei_subgraph *const sg = in->sg;
  edge_error *const err = &in->session->error;
  in->has_dynamic = false;
  for (uint32_t i = 0; i < sg->n_tensors; ++i) {
    ei_tensor_view(&sg->tensors[i], &in->views[i]);
    in->views[i].flags &= ~(uint32_t)EDGE_TENSOR_DYNAMIC;
  }
  EI_TRY(settle_inputs(in));
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    bool pending = false;
    const edge_status status = n->op->flags & EI_OP_CONTROL ? ei_infer_control(in, i, &pending)
                                                            : ei_infer_node(n, i, in->views, &in->fold, &pending, err);
    if (status != EDGE_STATUS_OK) return status;
    if (!(n->op->flags & EI_OP_CONTROL) && reads_unknown_shape(in, n)) pending = true;
    in->pending[i] = pending;
    in->folded[i] = !pending && outputs_have_values(in, n);
    if (pending) {
      in->has_dynamic = true;
      for (uint32_t k = 0; k < n->n_out; ++k) /* declared sizes are no promise for what appears at run time */
        if (n->out[k] != EI_NONE && in->views[n->out[k]].rank >= 0)
          for (int32_t d = 0; d < in->views[n->out[k]].rank; ++d) in->views[n->out[k]].dims[d] = EI_DIM_UNKNOWN;
    }
  }
  return EDGE_STATUS_OK;
}

static edge_status allocate_tables(ei_instance *in) {
  const ei_subgraph *const sg = in->sg;
  ei_arena *const m = &in->mem;
  in->views = EI_NEW_ARRAY(m, edge_tensor, (uint64_t)sg->n_tensors + 1);
  in->live = EI_NEW_ARRAY(m, edge_tensor, (uint64_t)sg->n_tensors + 1);
  in->nodes = EI_NEW_ARRAY(m, edge_node, (uint64_t)sg->n_nodes + 1);
  in->pending = EI_NEW_ARRAY(m, uint8_t, (uint64_t)sg->n_nodes + 1);
  in->folded = EI_NEW_ARRAY(m, uint8_t, (uint64_t)sg->n_nodes + 1);
  in->placements = EI_NEW_ARRAY(m, ei_placement, (uint64_t)sg->n_nodes + 1);
  in->node_ns = EI_NEW_ARRAY(m, uint64_t, (uint64_t)sg->n_nodes + 1);
  in->uses = EI_NEW_ARRAY(m, uint32_t, (uint64_t)sg->n_tensors + 1);
  in->part_of = EI_NEW_ARRAY(m, uint32_t, (uint64_t)sg->n_nodes + 1);
  if (!in->views || !in->live || !in->nodes || !in->pending || !in->folded || !in->placements || !in->node_ns ||
      !in->uses || !in->part_of)
    return ei_session_fail(in->session, EDGE_STATUS_OUT_OF_MEMORY, "no memory to plan subgraph '%s'", sg->name);
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    in->nodes[i].node = &sg->nodes[i];
    in->nodes[i].instance = in;
    in->nodes[i].index = i;
    for (uint32_t k = 0; k < sg->nodes[i].n_in; ++k)
      if (sg->nodes[i].in[k] != EI_NONE) in->uses[sg->nodes[i].in[k]]++;
  }
  for (uint32_t i = 0; i < sg->n_outputs; ++i) in->uses[sg->outputs[i]] |= 1u << 30;
  return EDGE_STATUS_OK;
}

/* The whole subgraph as one partition: what query sees. */
static edge_status describe_whole(ei_instance *in) {
  edge_partition *const w = &in->whole;
  memset(w, 0, sizeof *w);
  w->instance = in;
  w->nodes = EI_NEW_ARRAY(&in->mem, uint32_t, (uint64_t)in->sg->n_nodes + 1);
  if (!w->nodes) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < in->sg->n_nodes; ++i) w->nodes[i] = i;
  w->n_nodes = in->sg->n_nodes;
  w->inputs = in->sg->inputs;
  w->n_inputs = in->sg->n_inputs;
  w->outputs = in->sg->outputs;
  w->n_outputs = in->sg->n_outputs;
  return EDGE_STATUS_OK;
}

/* Compile every static partition; a refusal moves its nodes to the next backend and partitions again. */
static edge_status compile_all(ei_instance *in, bool sizes_only) {
  for (;;) {
    EI_TRY(ei_partition_nodes(in));
    edge_partition *refused = NULL;
    for (uint32_t i = 0; i < in->n_parts && !refused; ++i) {
      edge_partition *const p = &in->parts[i];
      if (p->dynamic || !p->backend) continue;
      const edge_status status = ei_part_compile(p, sizes_only);
      if (status == EDGE_STATUS_BACKEND_REFUSED || (status >= 60 && status < 80))
        refused = p;
      else if (status != EDGE_STATUS_OK)
        return status;
    }
    if (!refused) return EDGE_STATUS_OK;
    edge_session *const s = in->session;
    const uint32_t first = refused->nodes[0];
    if (s->options.flags & EDGE_SESSION_STRICT)
      return ei_session_fail(
          s, EDGE_STATUS_BACKEND_REFUSED,
          "backend %s refused %u nodes from '%s' on, and the session is strict: allow another backend",
          refused->backend->info.name, refused->n_nodes, in->sg->nodes[first].name);
    ei_session_event(s, EDGE_STATUS_BACKEND_REFUSED, first, refused->backend->info.name,
                     "backend %s refused %u nodes from '%s' on: they run elsewhere", refused->backend->info.name,
                     refused->n_nodes, in->sg->nodes[first].name);
    for (uint32_t b = 0; b < s->n_allowed; ++b)
      if (s->allowed[b] == refused->backend)
        for (uint32_t k = 0; k < refused->n_nodes; ++k) in->placements[refused->nodes[k]].barred |= 1u << b;
    atomic_flag_clear(&s->error_taken);
    for (uint32_t i = 0; i < in->n_parts; ++i) ei_part_release(&in->parts[i]);
    in->n_parts = 0;
    EI_TRY(ei_place_nodes(in));
  }
}

/* Sizes that nothing could hold end here, where the tensor has a name. */
static edge_status check_sizes(ei_instance *in) {
  for (uint32_t t = 0; t < in->sg->n_tensors; ++t) {
    uint64_t bytes = 0;
    if (in->views[t].dtype == EDGE_DTYPE_NONE || !shape_known(&in->views[t])) continue;
    if (edge_tensor_bytes(&in->views[t], &bytes) == EDGE_STATUS_OK) continue;
    bool input = false;
    for (uint32_t i = 0; i < in->sg->n_inputs && !input; ++i) input = in->sg->inputs[i] == t;
    return ei_session_fail(in->session, EDGE_STATUS_LIMIT_EXCEEDED,
                           "%s '%s' would have more bytes than 64 bits count: give smaller dimensions",
                           input ? "input" : "tensor", in->sg->tensors[t].name);
  }
  return EDGE_STATUS_OK;
}

static edge_status make_plan(ei_instance *in, bool sizes_only) {
  edge_session *const s = in->session;
  const uint64_t deadline = s->options.deadline_ns;
  edge_status status = allocate_tables(in);
  if (status == EDGE_STATUS_OK) status = describe_whole(in);
  if (status == EDGE_STATUS_OK) status = infer_all(in);
  if (status == EDGE_STATUS_OK) status = check_sizes(in);
  if (status == EDGE_STATUS_OK) status = ei_place_nodes(in);
  if (status == EDGE_STATUS_OK) status = compile_all(in, sizes_only);
  if (status == EDGE_STATUS_OK && deadline && ei_clock_ns() > deadline)
    status = ei_session_fail(s, EDGE_STATUS_DEADLINE_EXCEEDED, "the deadline passed while the model was prepared");
  if (status == EDGE_STATUS_OK) status = ei_plan_memory(in);
  in->sizes_only = sizes_only;
  if (status == EDGE_STATUS_OK && !sizes_only) {
    in->planned = true;
    status = ei_instance_bind(in);
  }
  if (status != EDGE_STATUS_OK) ei_instance_unplan(in);
  return status;
}

static void swap_max(ei_instance *in) {
  int64_t(*const dims)[EDGE_MAX_RANK] = in->input_dims;
  int32_t *const rank = in->input_rank;
  in->input_dims = in->max_dims, in->input_rank = in->max_rank;
  in->max_dims = dims, in->max_rank = rank;
}

/* A plan for the largest shapes takes an arena that later plans find large enough, and packs what they share. */
static edge_status reserve(ei_instance *in) {
  if (in->planned && !ei_recent_keep(in)) ei_instance_unplan(in);
  in->reserve = false;
  swap_max(in);
  const edge_status status = ei_instance_plan(in, false);
  if (in->planned && !ei_recent_keep(in)) ei_instance_unplan(in);
  swap_max(in);
  in->reserve = status != EDGE_STATUS_OK;
  return status;
}

edge_status ei_instance_plan(ei_instance *in, bool sizes_only) {
  edge_session *const s = in->session;
  if (in->reserve && !sizes_only) EI_TRY(reserve(in));
  if (!in->planned && !sizes_only) ei_recent_take(in);
  if (in->planned && (sizes_only || !in->sizes_only))
    return in->bound || sizes_only ? EDGE_STATUS_OK : ei_instance_bind(in);
  if (in->planned) ei_instance_unplan(in);
  edge_status status = make_plan(in, sizes_only);
  if (status == EDGE_STATUS_OUT_OF_MEMORY && ei_instance_recent_bytes(in)) {
    ei_instance_drop_recent(in);
    s->error = (edge_error)EDGE_ERROR_INIT;
    atomic_flag_clear(&s->error_taken);
    status = make_plan(in, sizes_only);
  }
  if (status != EDGE_STATUS_OK) {
    if (s->error.status != status || !s->error.text[0])
      return ei_session_fail(s, status, "%s", s->error.text[0] ? s->error.text : edge_status_name(status));
    return status;
  }
  in->planned = true;
  if (!sizes_only) ei_prepared_save(s->model->prepared);
  return EDGE_STATUS_OK;
}
